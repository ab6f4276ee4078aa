"""The reserve pool on real parts: from a nomination that comes too early to a placement that the registry holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats.errors
import pytest

from console.deployment import connect
from tests.system.conftest import Message, Office, start

STANDARD = Path("standards/example-group.yaml")
PROFILE = {
    "age_years": 41,
    "degree": "master",
    "majors": ["management"],
    "party_joined_on": "2010-07",
    "enterprise_years": 9,
    "title": "intermediate",
    "departments": 3,
    "listed_post_years": 5,
    "healthy": True,
    "competencies": [
        {"competency": name, "score": 4} for name in ("political", "learning", "coordination", "organising", "innovation")
    ],
}
POST = {"category": "secretary", "unit": "某村党支部", "post": "书记", "entry_channel": "dispatched"}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A deployment with the example's standard."""
    for made in start(tmp_path_factory.mktemp("talent")):
        made.asked("talent", "standard", "publish", str(STANDARD))
        yield made


def about(office: Office, fact: str, ref: str, on: str, **data: Any) -> Message:
    """A report or act of hr about a candidate."""
    made = office.fact("hr", f"candidate-{fact}", {"person": {"person_ref": ref}, **data}, on)
    return made._replace(subject=f"intake.hr.talent.candidate-{fact}")


def nomination(office: Office, ref: str) -> Message:
    more = {"division": "320102", "nominated_by": "organisation_recommended", "ladder": "near-term", "pool": "pool-1"}
    return about(office, "nominated", ref, "2026-01-10", **more)


def qualifying_facts(office: Office, key: str) -> list[Message]:
    """What the example's standard asks of the registry."""
    person = {"source_key": key, "key_source": "hr"}
    certificate = {"person": person, "number": f"C-{key}", "grade": "intermediate", "issuer": "320100"}
    ratings = [office.rating(key, "competent", year) for year in (2024, 2025)]
    return [office.fact("training", "certificate-issued", certificate, "2024-05-01"), *ratings]


def registered(office: Office, key: str) -> str:
    """Register somebody, and return their person_ref."""
    (receipt,) = office.publish(office.registration(key, "320102")).values()
    assert receipt.person_ref is not None
    return receipt.person_ref


def pause(office: Office, stream: str, consumer: str, until: str) -> None:
    """Have the broker deliver nothing on a consumer until then; a moment that is past ends it."""

    async def ask() -> None:
        client = await connect(office.running.url, "admin", office.seed_file("admin"))
        try:
            body = json.dumps({"pause_until": until}).encode()
            reply = await client.request(f"$JS.API.CONSUMER.PAUSE.{stream}.{consumer}", body)
            assert "error" not in json.loads(reply.data), reply.data
        finally:
            await client.close()

    asyncio.run(ask())


def test_a_candidate_goes_all_the_way_into_a_post(office: Office) -> None:
    """Held until the registry tells of the person, judged on its facts, and placed: the registry and allowance hear of it."""
    pause(office, "REGISTRY", "talent", "2100-01-01T00:00:00Z")
    ref = registered(office, "early")
    early = [nomination(office, ref), about(office, "profiled", ref, "2026-01-12", **PROFILE)]
    assert [r.outcome for r in office.publish(*early).values()] == ["waiting", "waiting"]
    assert office.asked_status("talent")["held"] == 2
    pause(office, "REGISTRY", "talent", "2000-01-01T00:00:00Z")
    for message in early:
        office.receipts("hr", message.message_id, "accepted", "talent")

    failing = about(office, "screened", ref, "2026-02-01")
    assert [r.outcome for r in office.publish(failing).values()] == ["accepted"]
    shown = office.asked("talent", "show", ref)
    assert (shown["stage"], [c["name"] for c in shown["criteria"] if not c["met"]]) == ("failed", ["certificate", "ratings"])

    office.publish(*qualifying_facts(office, "early"))
    office.settle()
    acts = [
        about(office, "screened", ref, "2026-02-02"),
        about(office, "admitted", ref, "2026-02-03"),
        about(office, "placed", ref, "2026-03-01", **POST),
    ]
    assert [(r.outcome, r.problems) for r in office.publish(*acts).values()] == [("accepted", ())] * 3
    office.settle()
    shown = office.asked("talent", "show", "hr:early")
    assert (shown["stage"], shown["registry_answer"], shown["flagged"]) == ("placed", "accepted", False)

    facts = office.asked("history", ref)["facts"]
    (engagement,) = [fact for fact in facts if fact["source"] == "talent"]
    assert (engagement["status"], engagement["effective_on"]) == ("stands", "2026-03-01")
    assert engagement["particulars"] | {"engagement": ""} == {
        "kind": "engagement-start", "engagement": "", "full_time": True, **POST,
    }  # fmt: skip
    traced = office.asked("trace", engagement["event_id"])
    assert [row["type"] for row in traced["consequences"]] == ["allowance.fact-heard.v1", "talent.fact-heard.v1"]
    told, placed, asked = traced["causes"]
    assert (told["message"], told["outcome"]) == (f"talent/placed-{placed['event_id']}", "accepted")
    assert (placed["type"], asked["message"]) == ("talent.candidate-placed.v1", f"hr/{acts[-1].message_id}")


def test_the_registrys_answer_stands_where_the_talent_service_may_read_it(office: Office) -> None:
    """With its own credentials, through its own durable consumer; other sources' answers are not for it."""

    async def read() -> list[str]:
        client = await connect(office.running.url, "talent", office.seed_file("talent"))
        try:
            js = client.jetstream()
            subscription = await js.pull_subscribe_bind("receipts-talent", "RECEIPTS", inbox_prefix=b"_INBOX_talent.")
            return [message.subject for message in await subscription.fetch(10, timeout=5)]
        finally:
            await client.close()

    assert asyncio.run(read()) == ["receipts.talent.accepted"]


def test_the_talent_service_may_tell_the_registry_of_engagements_and_ratings_and_of_nothing_else(office: Office) -> None:
    """The broker itself refuses what is not in its permissions."""

    async def tell(subject: str) -> None:
        client = await connect(office.running.url, "talent", office.seed_file("talent"))
        try:
            await client.jetstream().publish(subject, b"{}", timeout=1)
        finally:
            await client.close()

    for fact in ("engagement-started", "annual-rating-recorded"):
        asyncio.run(tell(f"intake.talent.registry.{fact}"))
    for subject in (
        "intake.talent.registry.worker-registered",
        "intake.hr.registry.engagement-started",
        "intake.talent.talent.candidate-admitted",
    ):
        with pytest.raises(nats.errors.TimeoutError):
            asyncio.run(tell(subject))


def test_who_fails_the_inspection_is_flagged_and_not_placed(office: Office) -> None:
    """Typed as an operator would; each act answers with its receipt."""
    ref = registered(office, "flagged")
    office.publish(*qualifying_facts(office, "flagged"))
    office.settle()
    where = ("--division", "320102", "--ladder", "near-term", "--pool", "pool-1", "--by", "everyday_acquaintance")
    office.asked("talent", "nominate", "hr:flagged", *where, "--on", "2026-01-10")
    particulars = (
        "--age", "41", "--degree", "master", "--major", "management", "--party-joined", "2010-07", "--enterprise-years", "9",
        "--title", "intermediate", "--departments", "3", "--post-years", "5", "--healthy",
    )  # fmt: skip
    scores = [word for c in PROFILE["competencies"] for word in ("--competency", f"{c['competency']}={c['score']}")]  # type: ignore[attr-defined]
    office.asked("talent", "profile", ref, *particulars, *scores, "--on", "2026-01-12")
    assert office.asked("talent", "screen", ref, "--on", "2026-02-01")["result"] == "passed"
    office.asked("talent", "admit", ref, "--on", "2026-02-02")
    failed = {"person": {"source_key": "flagged", "key_source": "hr"}, "year": 2025, "outcome": "failed"}
    office.publish(office.fact("appraisal", "inspection-concluded", failed, "2026-02-10"))
    office.settle()
    place = ("--category", "secretary", "--unit", "某村党支部", "--post", "书记", "--on", "2026-03-01")
    refused = office.asked("talent", "place", ref, *place, code=2)
    assert (refused["outcome"], [p["code"] for p in refused["problems"]]) == ("refused", ["flagged"])
    (member,) = [m for m in office.asked("talent", "pool", "--division", "320100")["members"] if m["person_ref"] == ref]
    assert (member["stage"], member["flagged"]) == ("admitted", True)
    shown = office.hongling("talent", "show", ref, "--lang", "zh").stdout
    assert "按登记事实已不符合标准：年检" in shown
    assert (
        office.asked("talent", "remove", ref, "--reason", "no_longer_qualified", "--on", "2026-03-01")["outcome"] == "accepted"
    )


def test_the_service_goes_on_where_it_was_killed(office: Office) -> None:
    """Killed with a placement in its log and perhaps not told: after the start the registry has it, once."""
    ref = registered(office, "killed")
    office.publish(*qualifying_facts(office, "killed"))
    office.settle()
    office.publish(
        nomination(office, ref),
        about(office, "profiled", ref, "2026-01-12", **PROFILE),
        about(office, "screened", ref, "2026-02-02"),
        about(office, "admitted", ref, "2026-02-03"),
    )
    office.publish(about(office, "placed", ref, "2026-03-01", **POST))
    office.running.kill("talent")
    office.running.start_service("talent")
    asyncio.run(office.running.wait_ready())
    office.settle()
    placed = [fact for fact in office.asked("history", ref)["facts"] if fact["source"] == "talent"]
    assert [fact["status"] for fact in placed] == ["stands"]


def test_log_read_model_and_stream_of_the_service_agree(office: Office) -> None:
    """After all of the above; and a replay comes to the same table."""
    office.settle()
    verdict = office.asked("verify", "talent")
    assert verdict["agrees"], verdict
    replayed = office.asked("replay", "talent", "--diff")
    assert replayed["same"]
    assert replayed["rows_compared"] > 3, "three candidates, and what the other read models hold of them"
    office.asked("replay", "talent", "--swap")
    assert office.asked("replay", "talent")["same"]
