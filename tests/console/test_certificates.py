"""``hongling certificate``: what a certificate is worth, what is done to it, and the file that proves itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console.main import app
from console.registry_words import name_of
from console.words import Words
from contracts.registry import PersonalDataUnmasked
from services.registry.decider import stream_of
from tests.console.desk import Desk, desk

PERSON = "hr:K001"
CERTIFIED = "2025-03-03"


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path / "data") as made:
        made.standard()
        made.worker(1)
        yield made


@pytest.fixture
def number(at_desk: Desk) -> str:
    """Of a junior certificate, issued on 2025-03-07 by 320102."""
    return at_desk.certified(PERSON, CERTIFIED)


def changed(at_desk: Desk, named: str, change: str, on: str, *options: str) -> Any:
    return at_desk.asked("certificate", "change", named, "--change", change, "--reason", "依规处理", "--on", on, *options)


# --- show, verify, change -----------------------------------------------------------------------------------------------


def test_a_certificate_is_shown_with_its_life_and_where_it_holds(at_desk: Desk, number: str) -> None:
    """Each change with its reason; asked about an earlier day, it is as it was then."""
    changed(at_desk, number, "suspended", "2025-06-01")
    changed(at_desk, PERSON, "reinstated", "2025-09-01")
    (row,) = at_desk.asked("certificate", "show", number)["certificates"]
    assert ("valid", "junior", "320102", "2025-03-07", "2028-03-06", "320100", True) == tuple(
        row[name] for name in ("state", "grade", "issuer", "issued_on", "expires_on", "valid_in", "holds_here")
    )
    assert [("valid", "2025-03-07"), ("suspended", "2025-06-01"), ("valid", "2025-09-01"), ("expired", "2028-03-07")] == [
        (span["state"], span["first"]) for span in row["life"]
    ]
    (then,) = at_desk.asked("certificate", "show", number, "--effective", "2025-07-01")["certificates"]
    assert "suspended" == then["state"]
    assert [] == at_desk.asked("certificate", "show", number, "--effective", "2025-03-06")["certificates"]
    told = at_desk.told("certificate", "show", number, lang="zh")
    for part in ("持有人", "初级", "有效", "暂停（依规处理）", "在 320100 及以下有效"):
        assert part in told


def test_a_number_is_verified_by_its_check_character_first(at_desk: Desk, number: str) -> None:
    """Small letters and missing hyphens are let pass; a wrong character is found without asking the registry."""
    assert at_desk.asked("certificate", "verify", number.lower().replace("-", ""))["valid"]
    wrong = number[:-3] + ("1" if number[-3] != "1" else "2") + number[-2:]
    answer = at_desk.asked("certificate", "verify", wrong, code=1)
    assert ("check-wrong", "wrong") == (answer["problem"], answer["check"])
    unknown = at_desk.asked("certificate", "verify", "OLD-17", code=1)
    assert ("unknown", "other-kind") == (unknown["problem"], unknown["check"])
    assert 2 == at_desk.ask("certificate", "show", "OLD-17").exit_code


@pytest.mark.parametrize(
    ("change", "grade", "problem"),
    [("suspended", None, "suspended"), ("revoked", None, "revoked"), ("downgraded", "basic", None)],
)
def test_a_change_is_seen_from_its_day_on(
    at_desk: Desk, number: str, change: str, grade: str | None, problem: str | None
) -> None:
    """A suspended or revoked certificate is not valid; a downgraded one is, at its lower grade."""
    options = () if grade is None else ("--grade", grade)
    changed(at_desk, number, change, "2025-06-01", *options)
    assert at_desk.asked("certificate", "verify", number, "--effective", "2025-05-31")["valid"]
    answer = at_desk.asked("certificate", "verify", number, code=0 if problem is None else 1)
    assert (problem, grade or "junior") == (answer["problem"], answer["grade"])
    if problem is not None:
        told = at_desk.told("certificate", "verify", number, lang="zh", code=1)
        assert name_of(Words("zh"), "state", problem) in told


def test_a_certificate_holds_elsewhere_only_once_it_is_recognised(at_desk: Desk, number: str) -> None:
    """Asked about a division; and shown where the holder has moved to."""
    assert at_desk.asked("certificate", "verify", number, "--division", "320115")["holds_there"]
    answer = at_desk.asked("certificate", "verify", number, "--division", "320500", code=1)
    assert ("not-there", False) == (answer["problem"], answer["holds_there"])
    at_desk.asked("registry", "transfer", PERSON, "--division", "320505", "--on", "2025-06-01")
    assert "needs to be recognised in 320505" in at_desk.told("certificate", "show", number)
    assert "须经认可" in at_desk.told("registry", "show", PERSON, lang="zh")
    at_desk.asked("certificate", "recognise", number, "--division", "320500", "--on", "2025-07-01")
    assert at_desk.asked("certificate", "verify", number, "--division", "320505")["valid"]
    assert 1 == at_desk.ask("certificate", "verify", number, "--division", "320505", "--effective", "2025-06-30").exit_code
    (row,) = at_desk.asked("certificate", "show", number)["certificates"]
    assert (["320500"], True) == (row["recognised_in"], row["holds_here"])


def test_an_act_names_the_certificate_or_a_holder_of_one(at_desk: Desk, number: str) -> None:
    """Whoever holds none, or two, has to be named with the number; so has a number that two people are on file with."""
    at_desk.worker(2)
    none = at_desk.ask("certificate", "change", "hr:K002", "--change", "suspended", "--reason", "依规")
    assert (2, True) == (none.exit_code, "in force are: none" in none.output)
    old = {"person": {"source_key": "K002"}, "number": number, "grade": "junior", "issuer": "320102"}
    at_desk.office.post("certificate-issued", old, effective="2025-01-01", id="twice")
    several = at_desk.ask("certificate", "recognise", number, "--division", "320500")
    assert (2, True) == (several.exit_code, "several people are on file" in several.output)
    assert "several" == at_desk.asked("certificate", "verify", number, code=1)["problem"]
    changed(at_desk, "hr:K002", "revoked", "2025-06-01", "--number", number)
    assert 2 == at_desk.ask("certificate", "change", number, "--change", "superseded", "--reason", "x").exit_code


# --- credentials --------------------------------------------------------------------------------------------------------


def exported(at_desk: Desk, number: str, name: str, *options: str) -> Path:
    file = at_desk.folder / f"{name}.jwt"
    at_desk.asked("certificate", "export", number, "--out", str(file), *options)
    return file


def listed(at_desk: Desk, name: str) -> Path:
    file = at_desk.folder / f"{name}.jwt"
    at_desk.asked("certificate", "status-list", "--out", str(file))
    return file


def offline(at_desk: Desk, credential: Path, *options: str) -> Result:
    """Verify a file; no --data: this asks no deployment."""
    key = at_desk.office.deployment.keys / "credential-public.jwk"
    words = ("certificate", "verify-file", str(credential), "--key", str(key), *options)
    return CliRunner().invoke(app, list(words), env={"HONGLING_LANG": "en", "HONGLING_DATA": "/nowhere"})


def told_offline(at_desk: Desk, credential: Path, *options: str) -> Any:
    return json.loads(offline(at_desk, credential, "--json", *options).stdout)


def test_a_credential_proves_itself_until_the_list_says_otherwise(at_desk: Desk, number: str) -> None:
    """Valid, suspended, valid again, revoked: the file stays the same, the list tells."""
    credential = exported(at_desk, number, "credential")
    states = [told_offline(at_desk, credential, "--status-list", str(listed(at_desk, "1")))]
    for change, on in (("suspended", "2025-06-01"), ("reinstated", "2025-07-01"), ("revoked", "2025-08-01")):
        changed(at_desk, number, change, on)
        states.append(told_offline(at_desk, credential, "--status-list", str(listed(at_desk, change))))
    assert [("valid", True), ("suspended", False), ("valid", True), ("revoked", False)] == [
        (each["state"], each["valid"]) for each in states
    ]
    refused = at_desk.ask("certificate", "export", number, "--out", str(at_desk.folder / "again.jwt"))
    assert (2, True) == (refused.exit_code, "is revoked: it is not handed out" in refused.output)


def test_a_downgraded_certificate_has_a_new_credential_and_the_old_one_is_superseded(at_desk: Desk, number: str) -> None:
    """A credential never changes, so one that says the old grade must not stay good."""
    old = exported(at_desk, number, "old")
    changed(at_desk, number, "downgraded", "2025-06-01", "--grade", "basic")
    new, statuses = exported(at_desk, number, "new"), str(listed(at_desk, "list"))
    assert ("superseded", "junior") == tuple(
        told_offline(at_desk, old, "--status-list", statuses)[n] for n in ("state", "grade")
    )
    assert ("valid", "basic") == tuple(told_offline(at_desk, new, "--status-list", statuses)[n] for n in ("state", "grade"))


def test_the_holders_name_is_in_only_when_asked_for_and_that_is_recorded(at_desk: Desk, number: str) -> None:
    """Who asked and why stands in the log before the name is read; without the option there is no name in the file."""
    assert told_offline(at_desk, exported(at_desk, number, "plain"))["holder_name"] is None
    ref = at_desk.asked("registry", "show", PERSON)["person_ref"]

    def unmasked() -> list[tuple[str, ...]]:
        log = at_desk.office.registry
        with log.database.read.connect() as connection:
            events = [each.event for each in log.load(connection, [stream_of(ref)])[stream_of(ref)]]
        return [(*e.fields, e.by, e.reason) for e in events if isinstance(e, PersonalDataUnmasked)]

    assert [] == unmasked()
    named = exported(at_desk, number, "named", "--with-name", "--reason", "发证")
    assert "张三" == told_offline(at_desk, named)["holder_name"]
    assert [("name", "operator", "发证")] == unmasked()
    out = str(at_desk.folder / "x.jwt")
    assert 2 == at_desk.ask("certificate", "export", number, "--out", out, "--with-name").exit_code
    assert 2 == at_desk.ask("certificate", "export", number, "--out", out, "--reason", "无").exit_code


def test_without_a_list_only_signature_and_dates_are_known(at_desk: Desk, number: str) -> None:
    """Then nobody says that the certificate is valid; outside its dates it certainly is not."""
    credential = exported(at_desk, number, "credential")
    answer = told_offline(at_desk, credential)
    assert (True, None, None) == (answer["signature"], answer["valid"], answer["state"])
    assert 0 == offline(at_desk, credential).exit_code
    assert "the list tells" in offline(at_desk, credential).stdout
    late = offline(at_desk, credential, "--at", "2028-03-07")
    assert (1, True) == (late.exit_code, "expired" in late.stdout)
    assert 1 == offline(at_desk, credential, "--at", "2025-03-06").exit_code
    assert 0 == offline(at_desk, credential, "--at", "2028-03-06").exit_code
    assert 2 == offline(at_desk, credential, "--at", "soon").exit_code


def test_what_was_changed_or_signed_by_another_is_not_believed(at_desk: Desk, number: str) -> None:
    """Exit code 1 for the file, 2 for a key that is none."""
    credential = exported(at_desk, number, "credential")
    head, body, signature = credential.read_text().split(".")
    forged = at_desk.folder / "forged.jwt"
    forged.write_text(f"{head}.{body}.{signature[:-2]}{'AA' if signature[-2:] != 'AA' else 'BA'}")
    assert 1 == offline(at_desk, forged).exit_code
    assert "signature-wrong" == told_offline(at_desk, forged)["problem"]["code"]
    private = at_desk.office.deployment.keys / "credential-private.jwk"
    words = ["certificate", "verify-file", str(credential), "--key", str(private), "--lang", "zh"]
    result = CliRunner().invoke(app, words)
    assert (2, True) == (result.exit_code, "不是颁证机关的公钥" in result.stdout)
    assert json.loads(private.read_text())["d"] not in result.output
    assert 2 == CliRunner().invoke(app, [*words[:4], str(credential)]).exit_code
    assert 2 == offline(at_desk, at_desk.folder / "missing.jwt").exit_code


def test_a_list_of_another_issuer_or_too_old_is_not_relied_on(at_desk: Desk, number: str) -> None:
    credential = exported(at_desk, number, "credential")
    other = at_desk.folder / "other.jwt"
    at_desk.asked("certificate", "status-list", "--out", str(other), "--issuer-url", "https://registry.example")
    assert "another-list" == told_offline(at_desk, credential, "--status-list", str(other))["problem"]["code"]
    own = listed(at_desk, "own")
    outdated = told_offline(at_desk, credential, "--status-list", str(own), "--at", "2028-01-01")
    assert "list-outdated" == outdated["problem"]["code"]


def test_after_a_new_key_old_certificates_and_new_lists_are_verified_with_one_file(at_desk: Desk, number: str) -> None:
    """The set has every key that there was; with the newest alone the old certificate is another's."""
    old = exported(at_desk, number, "signed-before")
    keys = at_desk.office.deployment.keys
    before = (keys / "credential-private.jwk").read_text()
    made = CliRunner().invoke(app, ["keys", "credential", str(keys), "--new"])
    assert made.exit_code == 0, made.output
    assert (keys / "credential-private.jwk").read_text() != before
    assert (keys / "credential-private.jwk").stat().st_mode & 0o777 == 0o600
    new, statuses = exported(at_desk, number, "signed-since"), listed(at_desk, "list-since")
    for file in (old, new):
        words = ["certificate", "verify-file", str(file), "--status-list", str(statuses), "--json", "--key"]
        told = json.loads(CliRunner().invoke(app, [*words, str(keys / "credential-public.jwks")]).stdout)
        assert (told["problem"], told["signature"], told["state"]) == (None, True, "valid")
    assert told_offline(at_desk, old)["problem"]["code"] == "signed-by-another"
    assert '"d"' not in (keys / "credential-public.jwks").read_text()


def test_files_are_never_overwritten(at_desk: Desk, number: str) -> None:
    """Neither a credential nor a list."""
    there = exported(at_desk, number, "there")
    for words in (("export", number), ("status-list",)):
        result = at_desk.ask("certificate", *words, "--out", str(there))
        assert (2, True) == (result.exit_code, "is there already" in result.output)
    told = at_desk.told("certificate", "status-list", "--out", str(at_desk.folder / "list.jwt"), lang="zh")
    assert "1 份，其中 0 份无效" in told
