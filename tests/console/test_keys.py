"""``hongling keys``: made once, readable by the owner only, never overwritten, and what the registry reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.keys import create_keys, new_wrapping_key
from console.main import app
from console.sealing import load_public_key, seal
from eventlog.ids import SystemEntropy
from services.registry.vault import KeyRing, Vault
from tests.support import identity


def test_the_registry_opens_what_is_sealed_to_the_new_public_key(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys")
    sealed = seal(identity(1), load_public_key(tmp_path / "keys" / "seal-public.jwk"))
    assert Vault(KeyRing.read(tmp_path / "keys"), SystemEntropy()).open_identity(sealed, "data") == identity(1)


def test_key_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    made = create_keys(tmp_path / "keys")
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_a_folder_with_any_key_is_left_as_it_is(tmp_path: Path) -> None:
    """Also one whose other files are lost: what is left may still be needed."""
    (tmp_path / "index.key").write_text("the only copy")
    with pytest.raises(FileExistsError, match=r"index\.key"):
        create_keys(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.key"]
    assert (tmp_path / "index.key").read_text() == "the only copy"


def test_a_new_wrapping_key_is_the_next_and_the_old_ones_stay(tmp_path: Path) -> None:
    """Ten follows nine, not one."""
    create_keys(tmp_path)
    before = KeyRing.read(tmp_path)
    for number in range(2, 12):
        assert new_wrapping_key(tmp_path).name == f"wrapping-{number}.key"
    after = KeyRing.read(tmp_path)
    assert after.wrapping[1] == before.wrapping[1]
    assert max(after.wrapping) == 11
    assert len(set(after.wrapping.values())) == 11


def test_no_secret_is_ever_printed(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["keys", "create", str(tmp_path / "keys"), "--json"])
    assert told.exit_code == 0
    more = CliRunner().invoke(app, ["keys", "rotate", str(tmp_path / "keys")])
    assert more.exit_code == 0
    for path in (tmp_path / "keys").glob("*.key"):
        assert path.read_text() not in told.output + more.output
    assert '"d"' not in told.output


def test_wrong_use_ends_with_two(tmp_path: Path) -> None:
    (tmp_path / "index.key").touch()
    for words in (["create", str(tmp_path)], ["rotate", str(tmp_path)]):
        assert CliRunner().invoke(app, ["keys", *words]).exit_code == 2
