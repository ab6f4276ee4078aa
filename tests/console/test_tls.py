"""The authority and its certificates: whose they are, how long, what is made again, and who can read a key."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from typer.testing import CliRunner

from console.main import app
from console.principals import Principals
from console.tls import CERTIFICATE_DAYS, RENEW_DAYS, Authority, server_names

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SERVERS = {"broker": ("nats", "127.0.0.1")}


def certificate(folder: Path, holder: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / holder / ("ca.crt" if holder == "ca" else "tls.crt")).read_bytes())


def typed(*words: str, code: int = 0) -> dict[str, Any]:
    told = CliRunner().invoke(app, ["tls", *words, "--json"])
    assert told.exit_code == code, told.output
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer


def test_every_key_is_its_owner_s_only_and_the_authority_s_is_apart(tmp_path: Path) -> None:
    """Files 0600, folders 0700, and no holder's folder has the key that makes certificates."""
    Authority(tmp_path / "p", NOW).make(["hr"], SERVERS)
    found = {str(path.relative_to(tmp_path / "p")): path for path in (tmp_path / "p").rglob("*") if path.is_file()}
    assert set(found) == {"ca/ca.crt", "ca/ca.key"} | {
        f"{who}/{file}" for who in ("hr", "broker") for file in ("ca.crt", "tls.crt", "tls.key")
    }
    for path in found.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len({path.read_text() for name, path in found.items() if name.endswith(".key")}) == 3


def test_what_stands_in_a_certificate(tmp_path: Path) -> None:
    """P-256, dated, a server's names, and a purpose: a client's certificate is no server's."""
    Authority(tmp_path, NOW).make(["hr"], SERVERS | {"registry-db": ("registry-db",)})
    authority = certificate(tmp_path, "ca")
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    purposes = {"hr": {"client"}, "broker": {"server", "client"}, "registry-db": {"server"}}
    names = {ExtendedKeyUsageOID.CLIENT_AUTH: "client", ExtendedKeyUsageOID.SERVER_AUTH: "server"}
    for holder, expected in purposes.items():
        one = certificate(tmp_path, holder)
        one.verify_directly_issued_by(authority)
        key = one.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)
        assert {names[each] for each in one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value} == expected
        assert not one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert one.not_valid_before_utc < NOW
        assert one.not_valid_after_utc == NOW + timedelta(days=CERTIFICATE_DAYS)
    alternative = certificate(tmp_path, "broker").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in alternative] == ["nats", "127.0.0.1"]


def holders(made: Sequence[Any]) -> list[str]:
    return [each.holder for each in made]


def test_who_has_a_good_certificate_keeps_it(tmp_path: Path) -> None:
    """Made again is what is due, was renewed by name, lacks a name, or does not fit its key; a name that was there stays."""
    first = Authority(tmp_path, NOW)
    assert holders(first.make(["hr"], SERVERS)) == ["hr", "broker"]
    before = certificate(tmp_path, "hr")
    assert first.make(["hr"], SERVERS) == []
    assert certificate(tmp_path, "hr") == before
    assert holders(first.make(["hr"], SERVERS, ["hr"])) == ["hr"]
    assert holders(first.make(["hr"], {"broker": ("nats", "127.0.0.1", "mq.example.org")})) == ["broker"]
    assert first.make(["hr"], SERVERS) == []
    (tmp_path / "hr" / "tls.key").write_bytes((tmp_path / "broker" / "tls.key").read_bytes())
    assert holders(first.make(["hr"], SERVERS)) == ["hr"]
    (tmp_path / "hr" / "tls.crt").write_text("cut off")
    assert holders(first.make(["hr"], SERVERS)) == ["hr"]
    assert Authority(tmp_path, NOW + timedelta(days=CERTIFICATE_DAYS - RENEW_DAYS)).make(["hr"], SERVERS) == []
    later = Authority(tmp_path, NOW + timedelta(days=CERTIFICATE_DAYS - RENEW_DAYS, seconds=1))
    assert {each.holder: each.names for each in later.make(["hr"], SERVERS)} == {
        "hr": (),
        "broker": ("nats", "127.0.0.1", "mq.example.org"),
    }


def test_another_authority_signs_everybody_anew_and_half_a_one_is_never_replaced(tmp_path: Path) -> None:
    """An authority that was moved away counts for nothing any more; one without its key is brought back, not made again."""
    Authority(tmp_path, NOW).make(["hr"], SERVERS)
    key = tmp_path / "ca" / "ca.key"
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(ValueError, match="bring it back"):
        Authority(tmp_path, NOW).make(["hr"], SERVERS)
    key.write_bytes((tmp_path / "hr" / "tls.key").read_bytes())
    with pytest.raises(ValueError, match="does not fit"):
        Authority(tmp_path, NOW).make(["hr"], SERVERS)
    key.write_bytes(kept)
    (tmp_path / "ca").rename(tmp_path / "before")
    assert holders(Authority(tmp_path, NOW).make(["hr"], SERVERS)) == ["hr", "broker"]
    certificate(tmp_path, "hr").verify_directly_issued_by(certificate(tmp_path, "ca"))


def test_a_database_that_runs_as_another_user_reads_its_key_by_its_group(tmp_path: Path) -> None:
    """And no other key: the folder of the broker stays its owner's."""
    Authority(tmp_path, NOW, group=os.getgid()).make(["hr"], SERVERS | {"registry-db": ("registry-db",)})
    modes = {
        name: stat.S_IMODE((tmp_path / name).stat().st_mode)
        for name in ("registry-db", "registry-db/tls.key", "hr", "hr/tls.key", "ca/ca.key")
    }
    assert modes == {"registry-db": 0o750, "registry-db/tls.key": 0o640, "hr": 0o700, "hr/tls.key": 0o600, "ca/ca.key": 0o600}


def test_names_are_the_broker_s_or_those_of_the_server_that_is_said() -> None:
    names = server_names(["mq.example.org", "registry-db=10.0.0.7"])
    assert "mq.example.org" in names["broker"]
    assert "10.0.0.7" in names["registry-db"]
    assert "10.0.0.7" not in names["talent-db"]
    for wrong in ("nobody-db=x", "Mq.example.org", "", "a b", "*.example.org"):
        with pytest.raises(ValueError, match=r"known: broker|is no host"):
            server_names([wrong])


def test_the_command_makes_lists_and_renews(tmp_path: Path) -> None:
    """For everybody in the list of principals, beside their seeds; told in JSON, and by the exit code when one is due."""
    principals = Principals(tmp_path)
    principals.create(["exams"])
    made = typed("make", str(tmp_path), "--name", "mq.example.org")
    expected = {each.name for each in principals.entries()} | {"broker", "registry-db", "allowance-db", "talent-db"}
    assert {each["holder"] for each in made["made"]} == expected
    assert (tmp_path / "exams" / "nats.nk").exists()
    assert typed("make", str(tmp_path))["made"] == []
    assert [each["holder"] for each in typed("renew", str(tmp_path), "exams", "broker")["made"]] == ["exams", "broker"]
    listed = {each["holder"]: each for each in typed("list", str(tmp_path))["certificates"]}
    assert listed.keys() == expected | {"ca"}
    assert "mq.example.org" in listed["broker"]["names"]
    assert not any(each["due"] for each in listed.values())
    Authority(tmp_path, datetime.now(UTC) - timedelta(days=CERTIFICATE_DAYS - 1)).make([], {}, [])
    old = Authority(tmp_path, datetime.now(UTC) - timedelta(days=CERTIFICATE_DAYS - 1))
    old.make(["exams"], {}, ["exams"])
    assert [each["holder"] for each in typed("list", str(tmp_path), code=1)["certificates"] if each["due"]] == ["exams"]


@pytest.mark.parametrize("words", [["make", "{}", "--name", "A B"], ["renew", "{}", "nobody"], ["list", "{}"]])
def test_wrong_use_ends_with_2_and_changes_nothing(tmp_path: Path, words: list[str]) -> None:
    for lang in ("zh", "en"):
        told = CliRunner().invoke(app, ["tls", *(word.format(tmp_path / "p") for word in words), "--lang", lang])
        assert told.exit_code == 2
        assert ("证书" in told.output) == (lang == "zh")
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("name", ["ca", "registry-db", "broker"])
def test_no_principal_takes_the_folder_of_a_server(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a principal"):
        Principals(tmp_path).add(name, "source")
