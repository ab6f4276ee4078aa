"""Development on real parts: a source's reports and an operator's acts, from the stream to the lists, within rights."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import nats.errors
import pytest

from console.deployment import connect
from tests.system.conftest import Message, Office, start

POLICY = "standards/example-development.yaml"
DIVISION = "320102"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A deployment with the example's policy."""
    for made in start(tmp_path_factory.mktemp("development")):
        made.asked("talent", "policy", "publish", POLICY)
        yield made


def said(office: Office, fact: str, on: str, data: dict[str, Any], source: str = "training") -> Message:
    """A report to talent."""
    made = office.fact(source, fact, data, on)
    return made._replace(subject=f"intake.{source}.talent.{fact}")


def test_reports_and_acts_come_to_the_lists(office: Office) -> None:
    """A result that comes before its person is held; a problem is raised by one and evidenced by another."""
    (receipt,) = office.publish(office.registration("k-1", DIVISION)).values()
    assert receipt.person_ref is not None
    person = {"person": {"person_ref": receipt.person_ref}}
    office.publish(office.engagement("k-1"))
    office.settle()
    course = {"course": "c-1", "title": "任职培训", "topic": "branch-secretary", "level": "city", "hours": 24}
    result = {**person, "result": "r-1", "course": "c-1", "hours": 24, "outcome": "passed"}
    problem = {
        "problem": "P-1", "division": DIVISION, "unit": "一村", "owner": "支部书记", "found_by": "audit", "says": "记录不全",
        "due_on": "2026-03-01",
    }  # fmt: skip
    told = [
        said(office, "training-course-recorded", "2021-01-01", course),
        said(office, "training-reported", "2021-06-10", result),
        said(office, "problem-raised", "2026-02-01", problem, "appraisal"),
    ]
    assert [(r.outcome, r.problems) for r in office.publish(*told).values()] == [("accepted", ())] * 3
    shown = ("--of-source", "appraisal", "--says", "已补齐", "--evidence", "a" * 64, "--on", "2026-02-10")
    assert office.asked("talent", "problem", "evidence", "P-1", *shown)["outcome"] == "accepted"
    (row,) = office.asked("talent", "problem", "list", "--division", "320000", "--on", "2026-03-02")["problems"]
    assert (row["problem"], row["status"], row["overdue"]) == ("appraisal/P-1", "evidenced", True)
    (post,) = office.asked("talent", "rotation", "list", "--division", DIVISION, "--on", "2026-03-02")["posts"]
    assert (post["person_ref"], post["document"]) == (receipt.person_ref, "example-development")
    duties = office.asked("talent", "training", "duties", "--division", DIVISION, "--on", "2026-03-02")["duties"]
    assert {row["duty"]: row["hours"] for row in duties if row["duty"] == "new-secretary"} == {"new-secretary": 24}
    until = ("--engagement", post["engagement"], "--until", "2026-12-31", "--reason", "换届在即", "--on", "2026-02-01")
    granted = office.asked("talent", "rotation", "exempt", receipt.person_ref, *until)
    assert granted["outcome"] == "accepted"


def test_a_policy_comes_from_its_office_only(office: Office) -> None:
    """The broker itself refuses it from a source and from an operator."""

    async def tell(user: str) -> None:
        client = await connect(office.running.url, user, office.seed_file(user))
        try:
            subject = f"intake.{user}.talent.development-policy-published"
            await client.jetstream().publish(subject, b"{}", timeout=1)
        finally:
            await client.close()

    for user in ("hr", "operator"):
        with pytest.raises(nats.errors.TimeoutError):
            asyncio.run(tell(user))


def test_log_read_models_and_stream_agree_afterwards(office: Office) -> None:
    office.settle()
    assert office.asked("verify", "talent")["agrees"]
    assert office.asked("replay", "talent", "--diff")["same"]
