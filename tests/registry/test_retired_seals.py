"""A new seal key while the registry runs: the old one is taken in for a stated time, and then no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from console import keys as commands
from console.keys import create_keys, replace_seal_key
from console.sealing import load_public_key, seal, take_key
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.ids import SeededEntropy
from services.registry.vault import KeyRing, Vault
from tests.support import NOW, RegistryBench, identity, resident_id

UNTIL = NOW + timedelta(days=30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_keys(tmp_path / "keys")
    return tmp_path / "keys"


def bench_on(database: Database, folder: Path) -> RegistryBench:
    read = partial(KeyRing.read, folder)
    return RegistryBench(database, vault=Vault(read(), SeededEntropy(2), read), hold_seconds=100 * 24 * 3600)


def public(folder: Path) -> OKPKey:
    return load_public_key(folder / "seal-public.jwk")


def registers(bench: RegistryBench, n: int, key: OKPKey) -> Item:
    data = {"person": {"identity": seal(identity(n), key), "source_key": f"w-{n}"}, "division": "320102"}
    return bench.message("worker-registered", data, id=f"reg-{n}")


def outcome(bench: RegistryBench) -> tuple[str, list[str]]:
    return bench.receipts[-1].outcome, [problem.code for problem in bench.receipts[-1].problems]


def test_the_new_key_is_taken_at_once_and_the_old_one_until_its_time(database: Database, folder: Path) -> None:
    """The registry that runs reads the folder by itself; after the time the sender is told what to do."""
    bench, old = bench_on(database, folder), public(folder)
    replace_seal_key(folder, UNTIL)
    bench.each(registers(bench, 1, public(folder)))
    assert outcome(bench) == ("accepted", [])
    bench.clock.at = UNTIL
    bench.each(registers(bench, 2, old))
    assert outcome(bench) == ("accepted", [])
    bench.clock.advance(timedelta(seconds=1))
    bench.each(registers(bench, 3, old))
    assert outcome(bench) == ("refused", ["seal-retired"])
    bench.each(registers(bench, 4, public(folder)))
    assert outcome(bench) == ("accepted", [])


def test_a_key_is_retired_though_nobody_has_used_the_new_one(database: Database, folder: Path) -> None:
    bench, old = bench_on(database, folder), public(folder)
    replace_seal_key(folder, NOW - timedelta(seconds=1))
    bench.vault.refresh()
    bench.each(registers(bench, 1, old))
    assert outcome(bench) == ("refused", ["seal-retired"])


def test_when_a_message_came_counts_and_not_when_it_is_handled(database: Database, folder: Path) -> None:
    """It stood on the stream while the service was down, or was held: it came in time."""
    bench, old = bench_on(database, folder), public(folder)
    replace_seal_key(folder, UNTIL)
    bench.vault.refresh()
    waiting = {"identity": seal({"resident_id": resident_id(2)}, old)}
    bench.each(bench.rates(id="waits", person=waiting))
    assert bench.receipts[-1].outcome == "waiting"
    bench.clock.at = UNTIL + timedelta(days=1)
    came = int((UNTIL - timedelta(hours=1)).timestamp() * 1e9)
    bench.each(replace(registers(bench, 1, old), stored_ns=came), registers(bench, 2, public(folder)))
    assert {r.id: r.outcome for r in bench.receipts} == {"waits": "accepted", "reg-1": "accepted", "reg-2": "accepted"}


def test_two_changes_leave_both_old_keys_with_their_own_times(database: Database, folder: Path) -> None:
    first = public(folder)
    replace_seal_key(folder, NOW - timedelta(days=1))
    second = public(folder)
    replace_seal_key(folder, UNTIL)
    assert {kid: retired.until for kid, retired in KeyRing.read(folder).retired.items()} == {
        first.kid: NOW - timedelta(days=1),
        second.kid: UNTIL,
    }


@pytest.mark.parametrize("writes", range(3))
def test_a_change_that_was_cut_off_is_put_right_by_doing_it_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """After any of its files, the old key still opens, and the second try ends with a pair."""
    old, count = public(folder), iter(range(10))
    write = commands._write_over

    def breaks(path: Path, text: str) -> Path:
        if next(count) == writes:
            raise OSError("cut off")
        return write(path, text)

    monkeypatch.setattr(commands, "_write_over", breaks)
    with pytest.raises(OSError, match="cut off"):
        replace_seal_key(folder, UNTIL)
    monkeypatch.undo()
    vault = Vault(KeyRing.read(folder), SeededEntropy(1))
    assert vault.open_identity(seal(identity(1), old), "") == identity(1)
    replace_seal_key(folder, UNTIL)
    ring = KeyRing.read(folder)
    assert ring.seal.thumbprint() == public(folder).kid != old.kid
    assert list(ring.retired) == [old.kid]
    assert (folder / "seal-retired.jwks").stat().st_mode & 0o777 == 0o600


def test_a_source_takes_the_key_that_it_is_told_and_keeps_it(folder: Path, tmp_path: Path) -> None:
    """Its file is replaced; without an answer it seals with what it has."""
    mine = tmp_path / "registry.jwk"
    mine.write_bytes((folder / "seal-public.jwk").read_bytes())
    before = load_public_key(mine)
    assert take_key(mine, None).kid == before.kid
    replace_seal_key(folder, UNTIL)
    told = {name: str(value) for name, value in public(folder).as_dict(private=False).items()}
    assert take_key(mine, told).kid == load_public_key(mine).kid == public(folder).kid != before.kid
