"""What an integrating system is told when it sends something wrong, through the real broker. Nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import nats.errors
import pytest

from console.client import IntakeClient, PublishFailed
from contracts.intake import INTAKE_BYTES_MAX, message_named
from contracts.receipts import Receipt
from tests.system.conftest import Message, Office, start


def only(receipts: dict[str, Receipt]) -> Receipt:
    (receipt,) = receipts.values()
    return receipt


def codes(receipt: Receipt) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in receipt.problems]


def test_a_wrong_type_is_refused_by_name(office: Office) -> None:
    """A year that is text is refused; the receipt names the field and the remedy."""
    receipt = only(
        office.publish(
            office.fact(
                "appraisal", "annual-rating-recorded", {"person": {"source_key": "K"}, "year": "2021", "rating": "good"}
            )
        )
    )
    assert (receipt.outcome, codes(receipt)) == ("refused", [("data.year", "wrong-type")])
    assert receipt.problems[0].remedy


def test_an_unknown_field_is_refused_by_name(office: Office) -> None:
    """A field that the fact does not have is an error, not ignored."""
    receipt = only(
        office.publish(
            office.fact(
                "hr", "inspection-concluded", {"person": {"source_key": "K"}, "year": 2021, "outcome": "passed", "mood": "fine"}
            )
        )
    )
    assert (receipt.outcome, codes(receipt)) == ("refused", [("data.mood", "unknown-field")])


def test_an_impossible_date_is_refused(office: Office) -> None:
    """30 February is not a business date."""
    receipt = only(office.publish(office.rating("K", "good", effectiveon="2022-02-30")))
    assert (receipt.outcome, codes(receipt)) == ("refused", [("effectiveon", "impossible-date")])


def test_a_bad_resident_id_is_refused_without_repeating_it(office: Office) -> None:
    """The check character is verified inside the seal, and the receipt does not repeat the number."""
    wrong = "360426199101010072"
    receipt = only(office.publish(office.registration("bad-id", resident_id=wrong)))
    assert (receipt.outcome, codes(receipt)) == ("refused", [("data.person.identity.resident_id", "bad-resident-id")])
    assert wrong not in receipt.model_dump_json()


def test_a_message_that_is_too_large_is_parked(office: Office) -> None:
    """More than 64 KiB is not read at all, but it is kept, answered and listed."""
    message = office.fact("hr", "fact-withdrawn", {"withdraws": {"id": "x"}, "reason": "很" * INTAKE_BYTES_MAX})
    receipt = only(office.publish(message))
    assert (receipt.outcome, codes(receipt)) == ("parked", [("", "too-large")])
    assert "too-large" in {row["code"] for row in office.asked("parked", "list")}


def test_what_is_not_json_is_parked(office: Office) -> None:
    """An unreadable message is answered under the id that it was published with."""
    receipt = only(office.publish(Message("intake.hr.registry.worker-registered", "not-json-1", b'{"specversion":')))
    assert (receipt.id, receipt.outcome, codes(receipt)) == ("not-json-1", "parked", [("", "not-json")])


def test_deep_nesting_is_parked(office: Office) -> None:
    """Thirty arrays in each other are not parsed."""
    receipt = only(office.publish(Message("intake.hr.registry.worker-registered", "deep-1", b"[" * 30 + b"]" * 30)))
    assert (receipt.outcome, codes(receipt)) == ("parked", [("", "too-deep")])


def test_a_source_that_names_another_in_the_envelope_is_refused(office: Office) -> None:
    """The envelope's source must be the one whose credentials published it."""
    receipt = only(office.publish(office.rating("K", "good", source="training")))
    assert (receipt.outcome, codes(receipt)) == ("refused", [("source", "wrong-source")])


def test_a_source_cannot_publish_as_another(office: Office) -> None:
    """The broker itself refuses a subject that is not the source's own."""
    message = office.rating("K", "good")

    async def publish_as_training() -> None:
        async with IntakeClient(office.running.url, "training", office.seed_file("training"), timeout_seconds=0.5) as client:
            async for _ in client.publish([message]):
                pass

    with pytest.raises((PublishFailed, nats.errors.Error)):
        asyncio.run(publish_as_training())
    assert message.message_id not in {message_named(stored.message_id).partition("/")[2] for stored in office.stream("INTAKE")}


def test_identity_in_plain_text_is_refused_and_erased(office: Office) -> None:
    """The receipt does not repeat it, and the message is gone from the stream."""
    name, number = "王小明", "360426199101010071"
    message = office.fact(
        "hr", "worker-registered", {"person": {"source_key": "P1"}, "name": name, "resident_id": number, "division": "211224"}
    )
    receipt = only(office.publish(message))
    assert (receipt.outcome, receipt.problems[0].code) == ("refused", "plain-identity")
    assert name not in receipt.model_dump_json()
    assert number not in receipt.model_dump_json()
    office.settle()
    assert not [
        stored for stored in office.stream("INTAKE") if number.encode() in stored.payload or name.encode() in stored.payload
    ]


def test_a_rating_that_the_policy_does_not_know_is_kept_and_pays_nothing_until_it_is_settled(office: Office) -> None:
    """The fact is accepted, allowance says that it waits for a mend, and a correction settles it."""
    office.asked("policy", "publish", "policies/changtu-2021.yaml")
    worker = office.worker("unknown-rating", rating="splendid")
    office.publish(*worker)
    answers = office.receipts("appraisal", worker[2].message_id, "waiting", "allowance")
    waiting = next(r for r in answers if r.service == "allowance")
    assert codes(waiting) == [("data.rating", "rating-unknown")]
    assert _paid(office, "hr:unknown-rating") == ("denied", 0)
    correction = {
        "corrects": {"id": worker[2].message_id},
        "replacement": {"kind": "rating", "year": 2021, "rating": "excellent"},
        "reason": "用词更正",
    }
    assert only(office.publish(office.fact("appraisal", "fact-corrected", correction, "2022-01-15"))).outcome == "accepted"
    office.settle()
    assert _paid(office, "hr:unknown-rating") == ("granted", 360_000)


def _paid(office: Office, person: str) -> tuple[str, int]:
    office.settle()
    answer = office.asked("explain", person, "--year", "2021")
    return answer["decision"], answer["amount_fen"]


def test_two_facts_that_contradict_each_other_are_both_kept_and_listed(office: Office) -> None:
    """The later recorded one stands, whichever came first; both sources are told, and the conflict is in the list."""
    office.publish(office.registration("contradicted"))
    later = office.rating("contradicted", "excellent", time="2022-03-02T00:00:00Z")
    earlier = office.rating("contradicted", "good", time="2022-03-01T00:00:00Z")
    office.publish(later)
    receipt = only(office.publish(earlier))
    assert receipt.outcome == "accepted"
    assert len(receipt.contradicts) == 1
    listed = [c for c in office.asked("conflicts") if c["person_ref"] == receipt.person_ref]
    assert [("rating/2021", receipt.contradicts[0])] == [(c["slot"], _event_id(c["stands"])) for c in listed]


def test_a_clock_that_runs_ahead_wins_nothing_against_who_has_the_authority(office: Office) -> None:
    """200 seconds ahead is taken; the older rating of the appraisal office stands all the same, and it is the one that pays."""
    office.asked("policy", "publish", "policies/changtu-2021.yaml")
    office.publish(office.registration("ranked"), office.engagement("ranked"))
    ahead = datetime.now(UTC) + timedelta(seconds=200)
    data = {"person": {"source_key": "ranked", "key_source": "hr"}, "year": 2021, "rating": "excellent"}
    theirs = office.fact("training", "annual-rating-recorded", data, "2022-01-15", time=f"{ahead:%Y-%m-%dT%H:%M:%SZ}")
    assert only(office.publish(theirs)).outcome == "accepted"
    receipt = only(office.publish(office.rating("ranked", "good")))
    assert (receipt.outcome, "outranked" in [warning.code for warning in receipt.warnings]) == ("accepted", False)
    (listed,) = [c for c in office.asked("conflicts") if c["person_ref"] == receipt.person_ref]
    assert (listed["stands"]["source"], listed["stands"]["authority"]) == ("appraisal", True)
    assert [(c["source"], c["authority"]) for c in listed["contradicted_by"]] == [("training", False)]
    assert _paid(office, "hr:ranked") == ("granted", 240_000)
    again = only(office.publish(office.fact("training", "annual-rating-recorded", data, "2022-01-15")))
    assert (again.outcome, "outranked" in [warning.code for warning in again.warnings]) == ("accepted", True)
    assert _paid(office, "hr:ranked") == ("granted", 240_000)


def _event_id(stands: object) -> object:
    return stands["event_id"] if isinstance(stands, dict) else stands


def test_the_same_id_with_another_content_is_refused(office: Office) -> None:
    """An id is used once; the first message stays as it was."""
    office.publish(office.registration("reused"))
    first = office.rating("reused", "good")
    office.publish(first)
    second = only(office.publish(office.rating("reused", "excellent", id=first.message_id)))
    assert (second.outcome, codes(second)) == ("refused", [("id", "id-reused")])
    assert "fact-corrected" in second.problems[0].remedy
    answers = office.receipts("appraisal", first.message_id, "refused")
    assert answers[0].outcome == "accepted"


def test_a_refused_message_that_is_mended_at_once_is_answered(office: Office) -> None:
    """The broker keeps ids for two minutes; a mended message is another one, so it comes through."""
    office.publish(office.registration("mended"))
    wrong = office.rating("mended", "good", year=1900)
    assert only(office.publish(wrong)).outcome == "refused"
    again = only(office.publish(office.rating("mended", "good", id=wrong.message_id)))
    assert (again.outcome, codes(again)) == ("refused", [("id", "id-reused")])
    assert "new id" in again.problems[0].remedy


def test_the_very_same_bytes_at_once_are_answered_again(office: Office) -> None:
    """The broker drops them; the client asks again, and the answer is the first one's."""
    message = office.registration("twice")
    first, second = only(office.publish(message)), only(office.publish(message))
    assert (first.repeated, second.repeated) == (False, True)
    assert first.events == second.events


def test_the_same_message_again_gets_the_same_answer_again(office: Office) -> None:
    """A source that lost its receipt publishes again and learns what became of the first; nothing is recorded twice."""
    message = office.registration("repeated")
    first = only(office.publish(message))
    again = message._replace(message_id=f"{message.message_id}-resent")
    asyncio.run(office._publish([again], wait=False))
    office.settle()
    answers = [r for r in office.receipts("hr", message.message_id, "accepted") if r.repeated]
    assert [first.events] == [r.events for r in answers]


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A deployment that holds a message for one second only."""
    yield from start(tmp_path_factory.mktemp("impatient"), HONGLING_REGISTRY_HOLD_SECONDS="1")


def test_a_person_who_never_comes(impatient: Office) -> None:
    """A fact about somebody unknown waits, says what for, is parked in the end, and goes on when the person has come."""
    office = impatient
    message = office.rating("nobody", "good")
    first = only(office.publish(message))
    assert (first.outcome, first.waiting_for) == ("waiting", "the person's registration")
    assert first.until is not None
    parked = [r for r in office.receipts("appraisal", message.message_id, "parked") if r.outcome == "parked"]
    assert codes(parked[0]) == [("", "never-came")]
    assert only(office.publish(office.registration("nobody"))).outcome == "accepted"
    (row,) = office.asked("parked", "list")
    office.asked("parked", "retry", row["parked_id"], "--reason", "人员已登记")
    accepted = [r for r in office.receipts("appraisal", message.message_id, "accepted") if r.outcome == "accepted"]
    assert len(accepted) == 1
    assert office.asked("parked", "list") == []


def test_a_parked_message_can_be_given_up(impatient: Office) -> None:
    """An operator discards it with name and reason; the source is told, and the act is on record."""
    office = impatient
    office.publish(Message("intake.hr.registry.worker-registered", "rubbish-1", b"rubbish"))
    (row,) = [r for r in office.asked("parked", "list") if r["message_id"] == "rubbish-1"]
    office.asked("parked", "discard", row["parked_id"], "--reason", "非事实")
    refused = [r for r in office.receipts("hr", "rubbish-1", "refused") if r.outcome == "refused"]
    assert codes(refused[0]) == [("", "discarded")]
    types = [stored.subject.split(".")[2] for stored in office.stream("REGISTRY")]
    assert {"message-parked", "parked-discarded"} <= set(types)
