"""Two principals on a real deployment, as it is without any setting: a policy, a bank's file, an erasure; one is shut out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.console.test_finance_whole import EXPORT, OF_2021, worker
from tests.system.conftest import Office, start

POLICY = "policies/changtu-2021.yaml"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    yield from start(
        tmp_path / "eyes",
        HONGLING_ALLOWANCE_FOUR_EYES="",
        HONGLING_REGISTRY_FOUR_EYES="",
        HONGLING_TALENT_FOUR_EYES="",
        HONGLING_REGISTRY_EXPORT_PEOPLE="1",
    )


def confirm(office: Office, proposal: Any) -> None:
    """What the second principal types, after having looked at it."""
    shown = office.asked("proposal", "show", proposal["event_id"])
    assert (proposal["sha256"], "open") == (shown["sha256"], shown["state"])
    office.asked("proposal", "confirm", proposal["event_id"], "--sha256", shown["sha256"])


def test_two_principals_publish_export_and_erase(office: Office, tmp_path: Path) -> None:
    """Each act of one waits; with the other's confirmation it takes effect, and both are on record."""
    # A policy: the second reader can see what it would cost, and confirms the file that they have read.
    proposed = office.asked("policy", "publish", POLICY)
    assert ["proposed"] == [each["code"] for each in proposed["warnings"]]
    office.publish(*(message for number in (1, 2) for message in worker(office, number, "excellent")))
    office.settle()
    assert [] == office.asked("policy", "list")
    cost = office.asked("what-if", proposed["events"][0], "--year", "2021")
    assert 2 == cost["concerned"], cost
    other = tmp_path / "other.yaml"
    other.write_text(Path(POLICY).read_text(encoding="utf-8") + "# another\n", encoding="utf-8")
    assert 2 == office.hongling("policy", "confirm", str(other)).exit_code
    office.asked("policy", "confirm", POLICY)
    assert 2 == office.hongling("policy", "confirm", POLICY).exit_code
    office.settle()
    assert ["changtu-2021"] == [each["document"] for each in office.asked("policy", "list")]

    # The bank's file: asked for by one, released by the other, and then made.
    office.asked("finance", "prepare", "a", *OF_2021)
    office.asked("finance", "approve", "a")
    office.asked("finance", "seal", "a")
    words = ("finance", "export", "a", "--format", "csv", "--out", str(tmp_path / "a.csv"), *EXPORT)
    waiting = office.asked(*words, code=1)
    assert waiting == office.asked(*words, code=1)
    assert not (tmp_path / "a.csv").exists()
    confirm(office, waiting)
    assert office.asked(*words)["written"]

    # An erasure: its certificate names both, and proves itself.
    made = tmp_path / "certificate.json"
    last = ("--reason", "本人申请", "--yes", "--certificate", str(made))
    waiting = office.asked("registry", "erase", "hr:K1", *last, code=1)
    erase = ("registry", "erase", waiting["data"]["person"]["person_ref"], *last)
    assert waiting == office.asked(*erase, code=1)
    assert not made.exists()
    confirm(office, waiting)
    found = office.asked(*erase)
    assert ("operator", "reviewer", []) == (found["by"], found["confirmed_by"], found["problems"])
    assert 0 == office.hongling("registry", "erase", "--check", str(made)).exit_code
    forged = json.loads(made.read_text(encoding="utf-8"))
    forged["confirmed_by"] = "cashier"
    made.write_text(json.dumps(forged), encoding="utf-8")
    assert 1 == office.hongling("registry", "erase", "--check", str(made)).exit_code

    # A second principal who is disabled confirms nothing.
    proposed = office.asked("policy", "publish", "policies/example-city.yaml")
    office.asked("principal", "disable", "reviewer")
    assert 3 == office.hongling("policy", "confirm", "policies/example-city.yaml").exit_code
    assert ["open"] == [each["state"] for each in office.asked("proposal", "list")]
    office.asked("proposal", "withdraw", proposed["events"][0], "--reason", "another draft")
    assert [] == office.asked("proposal", "list")
    assert office.asked("verify")["agrees"]
