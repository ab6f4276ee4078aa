"""One person's whole way on real parts, by what people type alone: registered, certified, promoted, suspended, reinstated."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.main import app
from tests.system.conftest import DEADLINE_SECONDS, Office, start

STANDARD = Path("standards/example-certification.yaml")
NAME = "测试员"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A deployment with the example's certification standard."""
    for made in start(tmp_path_factory.mktemp("registry")):
        made.asked("registry", "standard", "publish", str(STANDARD))
        yield made


def registered(office: Office, folder: Path) -> str:
    """Somebody who was registered and engaged years ago; return the person_ref."""
    file = folder / "identity.json"
    file.write_text(json.dumps({"name": NAME, "resident_id": office.resident_id()}), encoding="utf-8")
    options = ("--identity-file", str(file), "--division", "320102", "--key", "D1", "--on", "2021-01-01")
    receipt = office.asked("registry", "register", *options)
    post = ("--category", "secretary", "--unit", "某村党支部", "--post", "书记", "--on", "2021-01-04")
    office.asked("registry", "engage", "operator:D1", *post)
    return str(receipt["person_ref"])


def stage(office: Office, name: str, ref: str, on: str, *options: str) -> Any:
    """A stage of the person's open application, accepted."""
    answer = office.asked("registry", "application", name, ref, "--on", on, *options)
    assert ("accepted", []) == (answer["outcome"], answer["problems"])
    return answer


def granted(office: Office, ref: str) -> str:
    """Wait until the registry has passed the deadline by itself; return the certificate's number."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        shown = office.asked("registry", "application", "show", ref)
        if shown["outcome"] is not None:
            assert "granted" == shown["outcome"]["outcome"], shown["outcome"]
            return str(shown["outcome"]["certificate"])
        assert time.monotonic() < deadline, "the deadline did not pass"
        time.sleep(0.1)


def certified(office: Office, ref: str) -> str:
    """The five stages of the first certificate, with an objection; return its number."""
    stage(office, "apply", ref, "2025-03-03", "--grade", "junior", "--issuer", "320102")
    reviewed = stage(office, "review", ref, "2025-03-05", "--finding", "trained=30h", "--finding", "recommended=yes")
    (review,) = reviewed["happened"]
    assert "passed" == review["result"]
    sides = {each["name"]: (each["required"], each["found"]) for each in review["criteria"]}
    assert ("at least 24 hours", "30 hours") == sides["trained"]
    stage(office, "test", ref, "2025-03-10", "--hours", "24", "--score", "80")
    stage(office, "panel", ref, "2025-03-12", "--score", "80", "--score", "85", "--score", "78")
    # The objection comes first: else the notice, whose last day is past, might end before it.
    early = office.asked("registry", "application", "object", ref, "--on", "2025-03-18", "--grounds", "对实绩有异议")
    assert "waiting" == early["outcome"]
    stage(office, "notice", ref, "2025-03-17")
    shown = office.asked("registry", "application", "show", ref)
    assert (1, "2025-03-20", None) == (shown["open_objections"], shown["ends_on"], shown["due_on"])
    (row,) = office.asked("registry", "application", "list", "--stage", "public_notice")["applications"]
    assert (ref, 1) == (row["person_ref"], row["objections"])
    (resolved,) = stage(office, "resolve", ref, "2025-03-24", "--outcome", "dismissed", "--finding", "查无实据")["happened"]
    assert resolved["says"].endswith("dismissed, notice to 2025-03-26")
    return granted(office, ref)


def promoted(office: Office, ref: str) -> str:
    """The five stages of the promotion, with a waiver for a title; return its number."""
    for year in ("2023", "2024"):
        on = ("--on", f"{int(year) + 1}-01-15")
        office.asked("registry", "rate", ref, "--year", year, "--rating", "competent", *on)
    title = ("--title", "political_work=intermediate")
    stage(office, "apply", ref, "2025-06-02", "--grade", "intermediate", "--issuer", "320100", *title)
    waived = ("--finding", "ability=75", "--waive", "held", "--waive", "trained")
    (review,) = stage(office, "review", ref, "2025-06-05", *waived)["happened"]
    assert ["held", "trained"] == [each["name"] for each in review["criteria"] if each["waived"] is not None]
    stage(office, "test", ref, "2025-06-16", "--hours", "40", "--score", "90")
    stage(office, "panel", ref, "2025-06-20", "--score", "80", "--score", "85", "--score", "90")
    stage(office, "notice", ref, "2025-07-07")
    return granted(office, ref)


def offline(office: Office, credential: Path, folder: Path, name: str, code: int) -> Any:
    """What somebody who has the files and the public key learns, without this deployment."""
    made = folder / f"{name}.jwt"
    office.asked("certificate", "status-list", "--out", str(made))
    key = office.deployment.keys / "credential-public.jwk"
    files = (str(credential), "--key", str(key), "--status-list", str(made))
    result = office.runner.invoke(app, ["certificate", "verify-file", *files, "--json"])
    assert code == result.exit_code, result.output
    return json.loads(result.stdout)


def test_one_persons_whole_way_by_commands_alone(office: Office, tmp_path: Path) -> None:
    """Each act is answered by the registry; what it grants proves itself offline, and stops doing so when it is suspended."""
    ref = registered(office, tmp_path)
    first = certified(office, ref)
    assert first.startswith("320102-2025-000001-")
    assert office.asked("certificate", "verify", first)["valid"]
    file = tmp_path / "first.jwt"
    office.asked("certificate", "export", first, "--out", str(file), "--with-name", "--reason", "handed out")
    told = offline(office, file, tmp_path, "list-1", 0)
    assert (True, first, NAME, "valid") == (told["valid"], told["number"], told["holder_name"], told["state"])

    second = promoted(office, ref)
    assert second.startswith("320100-2025-000001-")
    shown = office.asked("registry", "show", ref)
    states = {each["number"]: (each["grade"], each["state"], each["holds_here"]) for each in shown["certificates"]}
    assert {first: ("junior", "superseded", True), second: ("intermediate", "valid", True)} == states
    assert "superseded" == offline(office, file, tmp_path, "list-2", 1)["state"]
    assert "superseded" == office.asked("certificate", "verify", first, code=1)["problem"]

    office.asked("registry", "inspection", "conclude", ref, "--year", "2025", "--outcome", "failed", "--on", "2025-12-01")
    reached = office.asked("registry", "limits", "--division", "320000", "--effective", "2025-12-02")["limits"]
    assert [(second, "suspended", "failed 2025")] == [(r["certificate"], r["then"], r["found"]) for r in reached]
    change = ("certificate", "change", second, "--reason", "年检不合格")
    office.asked(*change, "--change", "suspended", "--on", "2025-12-10")
    assert "suspended" == office.asked("certificate", "verify", second, code=1)["problem"]
    later = tmp_path / "second.jwt"
    office.asked("certificate", "export", second, "--out", str(later))
    assert "suspended" == offline(office, later, tmp_path, "list-3", 1)["state"]
    office.asked(*change, "--change", "reinstated", "--on", "2026-03-02")
    assert office.asked("certificate", "verify", second)["valid"]
    told = offline(office, later, tmp_path, "list-4", 0)
    assert ("valid", None) == (told["state"], told["holder_name"])


def test_what_was_done_is_told_in_words_and_traced_to_its_cause(office: Office) -> None:
    """The history names every step; a certificate is traced to the day that its notice ended on, and to who resolved it."""
    ref = office.asked("registry", "list", "--division", "320102")["workers"][0]["person_ref"]
    steps = [row["says"] for row in office.asked("history", ref)["steps"]]
    assert any("objection" in says and "the notice stands still, 2 days left" in says for says in steps)
    first = office.asked("registry", "show", ref, "--effective", "2025-04-01")["certificates"][0]
    traced = office.asked("trace", first["event_id"])
    deadline, resolved, message = traced["causes"]
    assert deadline["message"].startswith("registry/deadline:")
    assert ("registry.objection-resolved.v1", "2025-03-24") == (resolved["type"], resolved["effective_on"])
    assert message["message"].startswith("operator/objection-resolved-")


def test_a_repeated_or_impossible_act_is_refused_with_its_reason(office: Office) -> None:
    """Exit code 2, with the field and the remedy of the registry's receipt."""
    ref = office.asked("registry", "list", "--division", "320102")["workers"][0]["person_ref"]
    again = office.asked("registry", "application", "apply", ref, "--grade", "junior", "--issuer", "320102", code=2)
    assert ["certificate-held"] == [problem["code"] for problem in again["problems"]]
    assert 2 == office.hongling("registry", "application", "panel", ref, "--score", "80").exit_code
