"""What becomes of intake messages at the registry: recorded, held, refused, parked, answered once more; and never lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.registry import EngagementEnded as EngagementEndedEvent
from contracts.registry import FactCorrected, WorkerRegistered
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from services.registry import handlers as module
from services.registry.decider import decide as real_decide
from services.registry.decider import replay as real_replay
from services.registry.vault import person_index, person_key
from tests.eventlog.fakes import FakeIncoming
from tests.support import NOW, RegistryBench, events_of, files_with, identity, receipts_of, resident_id, run, sealed

RATING = {"kind": "rating", "year": 2024, "rating": "basic"}


@pytest.fixture
def bench(sqlite_url: str, open_database: Callable[[str], Database]) -> RegistryBench:
    return RegistryBench(open_database(sqlite_url))


# --- accepted ---------------------------------------------------------------------------------------------------------


def test_a_person_is_registered_and_facts_are_recorded_on_both_databases(database: Database) -> None:
    """Registration, facts named in each of the three ways, a correction and a withdrawal, in one batch and in several."""
    bench = RegistryBench(database)
    bench.settle(bench.registers(), bench.rates())
    ref = bench.receipts[0].person_ref
    bench.settle(bench.rates(2023, id="rate-2", person={"person_ref": ref}))
    bench.settle(bench.rates(2022, id="rate-3", person={"identity": sealed({"resident_id": resident_id(1)})}),
                 bench.corrects("rate-1", RATING, id="fix-1"), bench.withdraws("rate-2", id="gone-1"))  # fmt: skip
    assert bench.outcomes == [(i, "accepted") for i in ("reg-1", "rate-1", "rate-2", "rate-3", "fix-1", "gone-1")]
    assert {e.stream for e in bench.events} == {f"worker-{ref}"}
    assert {r.person_ref for r in bench.receipts} == {ref}
    assert [e.version for e in bench.events] == [1, 2, 3, 4, 5, 6]
    assert bench.standings() == [
        ("rating/2022", "hr/rate-3", "2025-01-04", ()),
        ("rating/2024", "hr/fix-1", "2025-01-04", ()),
        ("registration", "hr/reg-1", "2025-01-04", ()),
    ]


def test_an_accepted_message_is_answered_with_its_event(bench: RegistryBench) -> None:
    """The receipt names the event, the event its cause, and the row who said it."""
    bench.settle(bench.registers())
    [event], [receipt] = bench.events, bench.receipts
    assert receipt.events == (event.event_id,)
    assert (event.causation_id, event.correlation_id, event.actor, event.effective_on) == (
        "hr/reg-1",
        "reg-1",
        "hr",
        "2025-01-04",
    )
    assert isinstance(event.event, WorkerRegistered)
    assert (event.event.fact.source, event.event.fact.id) == ("hr", "reg-1")


def test_a_contradiction_is_accepted_and_named_to_whom_it_concerns(bench: RegistryBench) -> None:
    """The second source learns which fact it contradicts; what stands is settled by the times, not by the arrival."""
    bench.settle(bench.registers(), bench.rates())
    other = bench.rates(
        rating="basic",
        id="t-1",
        source="training",
        person={"source_key": "w-1", "key_source": "hr"},
        time="2025-01-04T00:00:00Z",
    )
    bench.settle(other)
    rating = bench.events[1]
    assert bench.receipts[-1].contradicts == (rating.event_id,)
    assert bench.standings()[0] == ("rating/2024", "hr/rate-1", "2025-01-04", ("training/t-1",))


def test_a_person_registered_by_two_sources_is_one_person(bench: RegistryBench) -> None:
    """The second registration is refused; who may not see the person_ref is not shown it. The first one stands as it was."""
    bench.settle(bench.registers(), bench.registers(id="reg-2", source="training", key="T9", division="320104"))
    bench.settle(bench.registers(id="reg-3", source="operator", key=None))
    assert bench.outcomes == [("reg-1", "accepted"), ("reg-2", "refused"), ("reg-3", "refused")]
    assert bench.codes("reg-2") == bench.codes("reg-3") == ["already-registered"]
    ref = bench.receipts[0].person_ref
    assert ref is not None
    assert (ref in bench.receipts[1].model_dump_json(), ref in bench.receipts[2].model_dump_json()) == (False, True)
    bench.settle(bench.rates(person={"identity": sealed({"resident_id": resident_id(1)})}, source="training"))
    assert (bench.outcomes[-1], len({e.stream for e in bench.events})) == (("rate-1", "accepted"), 1)


def test_a_registration_sent_again_under_another_id_is_accepted_and_records_nothing(bench: RegistryBench) -> None:
    """In the same batch and in another; a further key of the source finds the person too."""
    bench.settle(bench.registers(), bench.registers(id="reg-2"))
    bench.settle(bench.registers(id="reg-3", key="w-other"))
    bench.settle(bench.rates(person={"source_key": "w-other"}))
    assert [outcome for _, outcome in bench.outcomes] == ["accepted"] * 4
    assert [(len(r.events), r.person_ref) for r in bench.receipts[1:3]] == [(0, bench.receipts[0].person_ref)] * 2
    assert [e.type for e in bench.events] == ["registry.worker-registered.v1", "registry.annual-rating-recorded.v1"]


@pytest.mark.parametrize("together", [True, False])
def test_a_registration_is_corrected_by_the_id_of_its_repeat_too(bench: RegistryBench, together: bool) -> None:
    """Its source does not keep track of which of the two was recorded."""
    items = [bench.registers(), bench.registers(id="reg-2"), bench.corrects("reg-2", NEW_IDENTITY | {"division": "320104"})]
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert bench.outcomes[-1] == ("fix-1", "accepted")
    assert bench.standings() == [("registration", "hr/fix-1", "2025-01-04", ())]


@pytest.mark.parametrize("length", [1, 128])
def test_a_message_id_may_be_as_long_as_the_contract_says(
    database_url: str, open_database: Callable[[str], Database], length: int
) -> None:
    """On both databases; a longer cause than a column holds would stop the whole batch for ever."""
    bench = RegistryBench(open_database(database_url))
    bench.settle(
        bench.registers(id="r" * length), bench.rates(id="m" * length), bench.corrects("z" * length, RATING, id="c" * length)
    )
    assert [outcome for _, outcome in bench.outcomes] == ["accepted", "accepted", "waiting"]


# --- held -------------------------------------------------------------------------------------------------------------


def test_a_fact_that_comes_before_its_person_waits_and_is_recorded_when_they_come(bench: RegistryBench) -> None:
    """A receipt ``waiting`` with what for and until when; then ``accepted``; the table of held messages is empty again."""
    bench.settle(bench.rates())
    [receipt] = bench.receipts
    assert (receipt.outcome, receipt.waiting_for, receipt.until) == (
        "waiting", "the person's registration", bench.clock.now() + timedelta(seconds=3600),
    )  # fmt: skip
    assert bench.events == []
    bench.settle(bench.registers())
    assert bench.outcomes == [("rate-1", "waiting"), ("reg-1", "accepted"), ("rate-1", "accepted")]
    assert bench.rows(schema.held) == []


def test_a_fact_that_waits_in_the_same_batch_leaves_no_trace_of_waiting(bench: RegistryBench) -> None:
    """The person comes later in the batch: one answer, accepted."""
    bench.settle(bench.rates(), bench.rates(2023, id="rate-2"), bench.registers())
    assert sorted(bench.outcomes) == [("rate-1", "accepted"), ("rate-2", "accepted"), ("reg-1", "accepted")]
    assert bench.rows(schema.held) == []


@pytest.mark.parametrize("together", [True, False])
def test_a_correction_that_comes_before_its_fact_waits_for_it(bench: RegistryBench, together: bool) -> None:
    """And a withdrawal before the correction, and all of them before the person."""
    items = [bench.withdraws("fix-1"), bench.corrects("rate-1", RATING), bench.rates(), bench.registers()]
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert ("rating/2024", "hr/rate-1", "2025-01-04", ()) in bench.standings()
    assert {i for i, outcome in bench.outcomes if outcome == "accepted"} == {"gone-1", "fix-1", "rate-1", "reg-1"}
    assert bench.rows(schema.held) == []


def test_a_released_message_that_is_wrong_is_refused(bench: RegistryBench) -> None:
    """Its second answer says what to mend, and it waits no more."""
    bench.settle(bench.rates(on="2020-01-01"))
    bench.settle(bench.registers())
    assert bench.outcomes[-1] == ("rate-1", "refused")
    assert bench.codes("rate-1") == ["result-before-year"]
    assert bench.rows(schema.held) == []


def messages(bench: RegistryBench) -> list[Item]:
    """Facts of two people and two sources, with a contradiction, corrections of corrections and withdrawals."""
    hr = {"source_key": "w-1", "key_source": "hr"}
    return [
        bench.registers(),
        bench.registers(2, id="reg-2", key="w-2", time="2025-01-05T08:00:01Z"),
        bench.rates(),
        bench.rates(rating="competent", id="t-1", source="training", person=hr, time="2025-01-06T00:00:00Z"),
        bench.rates(2023, id="rate-2", person={"source_key": "w-2"}),
        bench.corrects("rate-1", RATING, id="fix-1"),
        bench.corrects("fix-1", RATING | {"rating": "excellent"}, id="fix-2"),
        bench.withdraws("t-1", id="gone-1", source="training"),
        bench.withdraws("fix-2", id="gone-2"),
    ]


EXPECTED = [
    ("rating/2023", "hr/rate-2", "2025-01-04", ()),
    ("rating/2024", "hr/fix-1", "2025-01-04", ()),
    ("registration", "hr/reg-1", "2025-01-04", ()),
    ("registration", "hr/reg-2", "2025-01-04", ()),
]
_places = count()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_order_of_messages_ends_in_the_same_standings(tmp_path: Path, data: st.DataObject) -> None:
    """In batches of any size, with repeats: everything is recorded once, and nothing is left waiting."""
    bench = RegistryBench(Database(f"sqlite:///{tmp_path}/{next(_places)}.db"))
    items = messages(bench)
    order = data.draw(st.permutations(items + data.draw(st.lists(st.sampled_from(items), max_size=4))))
    size = data.draw(st.integers(1, len(order)))
    for start in range(0, len(order), size):
        bench.settle(*order[start : start + size])
    assert bench.standings() == EXPECTED
    assert sorted(e.causation_id or "" for e in bench.events) == sorted(f"{i.subject.split('.')[1]}/{_id_of(i)}" for i in items)
    assert bench.rows(schema.held) == []
    bench.database.close()


def _id_of(item: Item) -> str:
    import json

    return str(json.loads(item.raw)["id"])


def test_what_never_comes_is_parked_after_its_time(bench: RegistryBench) -> None:
    """Not a second earlier; with an answer; and an operator can retry it when the person has come after all."""
    bench.settle(bench.rates(), bench.rates(2023, id="rate-2"))
    bench.clock.advance(timedelta(seconds=3600))
    assert bench.intake.expire() == 0
    bench.clock.advance(timedelta(seconds=1))
    assert bench.intake.expire() == 2
    assert bench.intake.expire() == 0
    assert bench.codes("rate-1") == ["never-came"]
    assert bench.outcomes[-2:] == [("rate-1", "parked"), ("rate-2", "parked")]
    assert bench.rows(schema.held) == []
    bench.settle(bench.registers())
    parked = bench.rows(schema.parked)
    assert [row.code for row in parked] == ["never-came", "never-came"]
    bench.settle(bench.retries(parked[0].parked_id))
    assert bench.outcomes[-1] == (parked[0].message_id, "accepted")
    assert len(bench.rows(schema.parked)) == 1


# --- seen before --------------------------------------------------------------------------------------------------------


def test_a_redelivery_is_silent(bench: RegistryBench) -> None:
    """The same message from the same place, settled, refused or held: no second answer and no second event."""
    items = [bench.registers(), bench.rates(), bench.rates(on="2020-01-01", id="bad-1"), bench.corrects("later", RATING)]
    bench.settle(*items)
    before = (bench.receipts, bench.events)
    bench.settle(*items)
    bench.each(*items)
    assert (bench.receipts, bench.events) == before


def test_a_message_that_takes_the_place_of_a_redelivered_one_on_a_new_stream_is_answered(bench: RegistryBench) -> None:
    """A stream made anew counts from one again: what stands there was stored after the answer was given, and is a repeat."""
    rating = bench.rates(on="2020-01-01", id="bad-1")
    items = [bench.registers(), bench.rates(), rating, bench.message("annual-rating-recorded", {"year": "x"}, id="bad-2")]
    recorded = int(NOW.timestamp() * 1e9)
    bench.settle(*(replace(item, stored_ns=recorded - 1) for item in items))
    first = bench.receipts
    bench.settle(*(replace(item, stored_ns=recorded - 1) for item in items))
    assert first == bench.receipts
    bench.settle(*(replace(item, stored_ns=recorded + 10**9) for item in items))
    assert [(r.id, r.outcome) for r in first] == [(r.id, r.outcome) for r in bench.receipts[len(first) :]]
    assert 2 == len(bench.events)


def test_the_same_message_published_again_gets_the_same_answer_again(bench: RegistryBench) -> None:
    """Marked as repeated; also if its identity was sealed anew, which looks different each time."""
    rating = bench.rates()
    bench.settle(bench.registers(), rating)
    registered, rated = bench.receipts
    bench.settle(bench.registers(), bench.again(rating))
    assert bench.receipts[2:] == [r.model_copy(update={"repeated": True}) for r in (registered, rated)]
    assert len(bench.events) == 2


def test_a_refused_message_published_again_is_refused_again(bench: RegistryBench) -> None:
    """Whether it could be read or not."""
    unreadable = bench.message("annual-rating-recorded", {"year": "x"}, id="bad-2")
    bench.settle(bench.registers(), bench.rates(on="2020-01-01", id="bad-1"), unreadable)
    bench.settle(bench.rates(on="2020-01-01", id="bad-1"), bench.again(unreadable))
    assert sorted(bench.outcomes) == [("bad-1", "refused")] * 2 + [("bad-2", "refused")] * 2 + [("reg-1", "accepted")]


@pytest.mark.parametrize("change", [{"rating": "basic"}, {"on": "2025-01-05"}, {"year": 2023}])
def test_an_id_that_is_used_for_another_message_is_refused(bench: RegistryBench, change: dict[str, Any]) -> None:
    """The first one stays as it was."""
    bench.settle(bench.registers(), bench.rates())
    bench.settle(bench.rates(**change))
    assert bench.codes("rate-1") == ["id-reused"]
    assert len(bench.events) == 2


def test_an_id_that_is_used_for_another_person_is_refused(bench: RegistryBench) -> None:
    """Though the identities are sealed, they are told apart."""
    bench.settle(bench.registers())
    bench.settle(bench.registers(2))
    assert bench.codes("reg-1") == ["id-reused"]
    assert len(bench.events) == 1


def test_two_sources_may_use_the_same_ids(bench: RegistryBench) -> None:
    """An id is unique within its source."""
    bench.settle(bench.registers(id="1"), bench.registers(2, id="1", source="training"))
    assert bench.outcomes == [("1", "accepted"), ("1", "accepted")]


# --- refused ------------------------------------------------------------------------------------------------------------


def wrong_id(person: int) -> str:
    """A resident ID whose check character is wrong."""
    right = resident_id(person)
    return right[:17] + ("0" if right[17] != "0" else "1")


def test_a_bad_resident_id_inside_the_seal_is_refused(bench: RegistryBench) -> None:
    """The answer names the field and repeats nothing of it."""
    bench.settle(bench.registers({"name": "虚构人物1号", "resident_id": wrong_id(1)}))
    [receipt] = bench.receipts
    assert [(p.field, p.code) for p in receipt.problems] == [("data.person.identity.resident_id", "bad-resident-id")]
    assert wrong_id(1) not in receipt.model_dump_json()
    assert bench.events == []


@pytest.mark.parametrize(
    "sealed_text", ["a.b.c.d.e", "eyJhbGciOiJub25lIn0.a.b.c.d", "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSJ9..a.b.c"]
)
def test_a_seal_that_cannot_be_opened_is_refused(bench: RegistryBench, sealed_text: str) -> None:
    """Not parked as our own failure: the source sealed to something else, or not at all."""
    bench.settle(bench.message("worker-registered", {"person": {"identity": sealed_text}, "division": "320102"}, id="reg-1"))
    bench.settle(bench.rates(person={"identity": sealed_text}))
    assert bench.outcomes == [("reg-1", "refused"), ("rate-1", "refused")]
    assert bench.codes("reg-1") == bench.codes("rate-1") == ["seal-unreadable"]


def test_a_seal_that_was_tampered_with_is_refused(bench: RegistryBench) -> None:
    """A changed character anywhere in it."""
    parts = sealed(1).split(".")
    for n in (2, 3, 4):
        changed = parts[:]
        changed[n] = ("A" if changed[n][0] != "A" else "B") + changed[n][1:]
        bench.settle(bench.rates(id=f"m-{n}", person={"identity": ".".join(changed)}))
        assert bench.codes(f"m-{n}") == ["seal-unreadable"]


def test_a_key_that_names_another_person_is_refused(bench: RegistryBench) -> None:
    """In a later batch, and in the same."""
    bench.settle(bench.registers())
    bench.settle(bench.registers(2, id="reg-2"))
    bench.settle(bench.registers(3, id="reg-3", key="w-3"), bench.registers(4, id="reg-4", key="w-3"))
    assert bench.codes("reg-2") == bench.codes("reg-4") == ["source-key-taken"]
    assert len({e.stream for e in bench.events}) == 2


def test_a_correction_to_a_resident_id_that_another_person_has_is_refused(bench: RegistryBench) -> None:
    """Which of the two is right is not ours to say."""
    bench.settle(bench.registers(), bench.registers(2, id="reg-2", key="w-2"))
    bench.settle(bench.corrects("reg-1", {"kind": "registration", "division": "320102"}, identity=sealed(2)))
    assert bench.codes("fix-1") == ["resident-id-taken"]


def test_another_sources_fact_is_left_alone_except_by_those_who_may(bench: RegistryBench) -> None:
    """A correction and a withdrawal by a stranger are refused; the operator's is taken."""
    bench.settle(bench.registers(), bench.rates())
    bench.settle(
        bench.corrects("rate-1", RATING, source="training", owner="hr"),
        bench.withdraws("rate-1", source="training", owner="hr"),
    )
    assert bench.codes("fix-1") == bench.codes("gone-1") == ["not-your-fact"]
    bench.settle(bench.corrects("rate-1", RATING, id="op-1", source="operator", owner="hr"))
    assert bench.outcomes[-1] == ("op-1", "accepted")


def test_one_bad_message_does_not_hold_up_the_others(bench: RegistryBench) -> None:
    """Every class of outcome in one batch, each answered by itself."""
    plain = bench.message("annual-rating-recorded", {"person": {"name": "虚构人物"}, "year": 2024, "rating": "x"}, id="plain-1")
    junk = Item("intake.hr.registry.annual-rating-recorded", b"{", 900)
    erase = bench.settle(
        bench.registers(), plain, junk, bench.rates(on="2020-01-01", id="bad-1"), bench.corrects("later", RATING), bench.rates()
    )
    assert dict(bench.outcomes) == {
        "reg-1": "accepted", "plain-1": "refused", "seq-900": "parked",
        "bad-1": "refused", "fix-1": "waiting", "rate-1": "accepted",
    }  # fmt: skip
    assert erase == [plain.sequence]


def test_plain_identity_is_erased_from_the_stream_after_it_was_answered(bench: RegistryBench) -> None:
    """The handler deletes that message and no other, and keeps nothing of it."""
    plain = bench.message(
        "annual-rating-recorded", {"person": {"resident_id": resident_id(9)}, "year": 2024, "rating": "x"}, id="p-1"
    )
    incoming = [FakeIncoming(i.raw, [], i.subject, i.sequence) for i in (bench.registers(), plain)]
    run(bench.intake.handle(incoming))
    assert bench.erased == [plain.sequence]
    assert bench.codes("p-1") == ["plain-identity"]


# --- corrected identities -------------------------------------------------------------------------------------------------

NEW_IDENTITY = {"kind": "registration", "division": "320102"}


def indexed(bench: RegistryBench, person: int) -> str | None:
    """Whom the registry finds by this person's resident ID."""
    value = bench.vault.index_of_resident_id(resident_id(person))
    return next((row.person_ref for row in bench.rows(person_index) if row.value == value), None)


def test_a_corrected_resident_id_finds_the_person_and_the_wrong_one_does_not(bench: RegistryBench) -> None:
    """The wrong number is free for whom it belongs to."""
    bench.settle(bench.registers(1))
    bench.settle(bench.corrects("reg-1", NEW_IDENTITY, identity=sealed(2)))
    ref = bench.receipts[0].person_ref
    assert (indexed(bench, 1), indexed(bench, 2)) == (None, ref)
    bench.settle(bench.registers(1, id="reg-9", key="w-9"))
    assert bench.receipts[-1].person_ref not in (None, ref)


def test_an_identity_that_is_corrected_in_the_same_batch_leaves_no_wrong_number_behind(bench: RegistryBench) -> None:
    """As when the correction came first and waited: else the number's real owner is taken for this person."""
    bench.settle(bench.registers(1), bench.corrects("reg-1", NEW_IDENTITY, identity=sealed(2)))
    assert [outcome for _, outcome in bench.outcomes] == ["accepted", "accepted"]
    assert (indexed(bench, 1), indexed(bench, 2)) == (None, bench.receipts[0].person_ref)


def test_an_identity_can_be_corrected_after_a_correction_that_left_it_alone(bench: RegistryBench) -> None:
    """The correction of the division carries no identity; the identity to take back is the registration's."""
    bench.settle(bench.registers(1))
    bench.settle(bench.corrects("reg-1", NEW_IDENTITY | {"division": "320104"}, id="fix-1"))
    bench.settle(bench.corrects("fix-1", NEW_IDENTITY, id="fix-2", identity=sealed(2)))
    assert bench.outcomes[-1] == ("fix-2", "accepted")
    assert (indexed(bench, 1), indexed(bench, 2)) == (None, bench.receipts[0].person_ref)


def test_a_withdrawn_correction_of_the_identity_gives_the_first_number_back(bench: RegistryBench) -> None:
    """The registration stands again, so it is by its number that the person is found."""
    bench.settle(bench.registers(1))
    bench.settle(bench.corrects("reg-1", NEW_IDENTITY, identity=sealed(2)))
    bench.settle(bench.withdraws("fix-1"))
    assert ("registration", "hr/reg-1", "2025-01-04", ()) in bench.standings()
    assert (indexed(bench, 1), indexed(bench, 2)) == (bench.receipts[0].person_ref, None)


def test_the_mark_tells_a_corrected_identity_from_the_first(bench: RegistryBench) -> None:
    """And the ciphertext opens with the correction's own event id."""
    bench.settle(bench.registers(1))
    bench.settle(bench.corrects("reg-1", NEW_IDENTITY, identity=sealed(2)))
    first, second = (e for e in bench.events)
    assert isinstance(first.event, WorkerRegistered)
    assert isinstance(second.event, FactCorrected)
    assert second.event.identity is not None
    assert first.event.identity.mark != second.event.identity.mark
    with bench.database.read.connect() as connection:
        [key] = bench.vault.keys_of(connection, [first.event.person_ref]).values()
    assert bench.vault.decrypt(key, first.event_id, first.event.identity)["resident_id"] == resident_id(1)
    assert bench.vault.decrypt(key, second.event_id, second.event.identity)["resident_id"] == resident_id(2)


# --- parked ---------------------------------------------------------------------------------------------------------------


class Poison:
    """A rule that fails on one message, until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
        self.ids = set(ids)
        monkeypatch.setattr(module, "decide", self)

    def __call__(self, command: Any, state: Any, rules: Any) -> Any:
        if command.stamp.origin.id in self.ids:
            raise ZeroDivisionError("a rule failed")
        return real_decide(command, state, rules)


def two_people(bench: RegistryBench) -> None:
    bench.settle(bench.registers(), bench.registers(2, id="reg-2", key="w-2"))


@pytest.mark.parametrize("together", [True, False])
def test_a_rule_that_fails_parks_one_persons_stream_and_nobody_elses(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """From that message on, in order; the others go on, in the same batch and in later ones."""
    two_people(bench)
    Poison(monkeypatch, "rate-1")
    items = [bench.rates(), bench.rates(2023, id="rate-2"), bench.rates(id="rate-3", person={"source_key": "w-2"})]
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert bench.outcomes[2:] == [("rate-1", "parked"), ("rate-2", "parked"), ("rate-3", "accepted")]
    assert [(r.message_id, r.code) for r in bench.rows(schema.parked)] == [
        ("rate-1", "rule-failed"),
        ("rate-2", "behind-parked"),
    ]
    events = [e for e in bench.events if e.type == "operations.message-parked.v1"]
    assert [e.event.payload()["message_id"] for e in events] == ["rate-1", "rate-2"]
    assert all("a rule failed" not in e.data for e in events), "an exception's text may repeat anything"


def test_an_engagement_is_ended_by_its_source_or_by_who_may_correct_others(bench: RegistryBench) -> None:
    """The end that stands is of that source's engagement, whoever reported it."""
    person = {"source_key": "w-1"}
    begun = {"person": person, "engagement": "e1", "category": "secretary", "unit": "u", "post": "p"}
    ended = {"person": {"person_ref": ""}, "engagement": "e1", "engagement_source": "hr", "reason": "retired"}
    bench.settle(bench.registers(), bench.message("engagement-started", begun, id="begun"))
    ended["person"] = {"person_ref": str(bench.receipts[0].person_ref)}
    bench.settle(
        bench.message("engagement-ended", ended, id="end-1", source="training", on="2024-06-30"),
        bench.message("engagement-ended", ended, id="end-2", source="operator", on="2024-06-30"),
    )
    assert [(r.id, r.outcome, [p.code for p in r.problems]) for r in bench.receipts[2:]] == [
        ("end-1", "refused", ["not-your-fact"]),
        ("end-2", "accepted", []),
    ]
    last = bench.events[-1].event
    assert isinstance(last, EngagementEndedEvent)
    assert [standing.slot for standing in last.standings] == ["engagement-end/hr/e1"]


def test_a_history_that_cannot_be_folded_stops_that_person_and_nobody_else(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their messages are parked until it can; those of others in the same batch are settled."""
    two_people(bench)
    broken = [bench.receipts[0].person_ref]

    def failing(history: Any) -> Any:
        if history[0].event.person_ref in broken:
            raise ZeroDivisionError("a rule failed")
        return real_replay(history)

    monkeypatch.setattr(module, "replay", failing)
    other = RegistryBench(bench.database, seed=2)
    other.settle(bench.rates(), bench.rates(id="rate-3", person={"source_key": "w-2"}), bench.rates(2023, id="rate-2"))
    assert bench.outcomes[2:] == [("rate-1", "parked"), ("rate-3", "accepted"), ("rate-2", "parked")]
    broken.clear()
    for place, parked in enumerate(bench.rows(schema.parked)):
        other.settle(bench.retries(parked.parked_id, id=f"retry-{place}"))
    assert {outcome for _, outcome in bench.outcomes[-4:]} == {"accepted"}


def test_a_retry_settles_the_parked_message_and_those_behind_it_in_order(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the rule is mended; the act is recorded with its name and reason, and the stream is free again."""
    two_people(bench)
    poison = Poison(monkeypatch, "rate-1")
    bench.each(bench.rates(), bench.rates(2023, id="rate-2"), bench.rates(2022, id="rate-3"))
    poison.ids.clear()
    parked = bench.rows(schema.parked)[0].parked_id
    bench.settle(bench.retries(parked))
    assert bench.outcomes[-4:] == [
        ("retry-1", "accepted"),
        ("rate-1", "accepted"),
        ("rate-2", "accepted"),
        ("rate-3", "accepted"),
    ]
    assert bench.rows(schema.parked) == []
    [act] = [e for e in bench.events if e.type == "operations.parked-retried.v1"]
    assert (act.event.payload()["by"], act.event.payload()["reason"], act.actor) == ("operator", "mended", "operator")
    bench.settle(bench.rates(2021, id="rate-4"))
    assert bench.outcomes[-1] == ("rate-4", "accepted")


def another_instance_settles(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch, before: Callable[[], None]) -> None:
    """From now on a second instance settles the same messages just before the first one writes; once."""
    other = RegistryBench(bench.database, seed=2)
    real_settle, real_append = bench.intake.settle, bench.log.append
    given: list[Sequence[Item]] = []

    def append(*units: Any, **how: Any) -> Any:
        if given:
            before()
            other.settle(*given.pop())
        return real_append(*units, **how)

    def settle(items: Sequence[Item]) -> list[int]:
        given[:] = [items]
        monkeypatch.setattr(bench.intake, "settle", real_settle)
        return real_settle(items)

    monkeypatch.setattr(bench.log, "append", append)
    monkeypatch.setattr(bench.intake, "settle", settle)


def test_a_message_on_which_two_instances_fail_at_once_is_parked_once(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parked twice it could never be retried: the second settling would meet the first for ever."""
    two_people(bench)
    poison = Poison(monkeypatch, "rate-1")
    another_instance_settles(bench, monkeypatch, lambda: None)
    bench.settle(bench.rates())
    [parked] = bench.rows(schema.parked)
    poison.ids.clear()
    bench.settle(bench.retries(parked.parked_id))
    assert bench.outcomes[-1] == ("rate-1", "accepted")


def test_a_parked_message_that_another_instance_has_settled_is_only_taken_from_the_list(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry decides nothing twice, and does not stand in the way of everything else for ever."""
    two_people(bench)
    poison = Poison(monkeypatch, "rate-1")
    another_instance_settles(bench, monkeypatch, poison.ids.clear)
    bench.settle(bench.rates())
    [parked] = bench.rows(schema.parked)
    bench.settle(bench.retries(parked.parked_id))
    assert bench.rows(schema.parked) == []
    assert [e.causation_id for e in bench.events].count("hr/rate-1") == 2, "recorded once, parked once"
    assert bench.outcomes[-1] == ("retry-1", "accepted")


def test_a_retry_that_fails_again_changes_nothing_for_the_message(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays parked, once, and the stream still stands."""
    two_people(bench)
    Poison(monkeypatch, "rate-1")
    bench.settle(bench.rates())
    before = bench.rows(schema.parked)
    bench.settle(bench.retries(before[0].parked_id))
    assert bench.rows(schema.parked) == before
    bench.settle(bench.rates(2023, id="rate-2"))
    assert bench.outcomes[-1] == ("rate-2", "parked")


def test_a_retry_that_fails_again_leaves_those_behind_it_where_they_are(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is kept: nothing overtakes the message that failed."""
    two_people(bench)
    Poison(monkeypatch, "rate-1")
    bench.each(bench.rates(), bench.rates(2023, id="rate-2"))
    bench.settle(bench.retries(bench.rows(schema.parked)[0].parked_id))
    assert [r.message_id for r in bench.rows(schema.parked)] == ["rate-1", "rate-2"]


def test_a_parked_message_can_be_discarded_and_its_source_is_told(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes are deleted, the act is recorded, the stream is free."""
    two_people(bench)
    Poison(monkeypatch, "rate-1")
    bench.settle(bench.rates())
    bench.settle(bench.discards(bench.rows(schema.parked)[0].parked_id))
    assert bench.rows(schema.parked) == []
    assert dict(bench.outcomes) == {"reg-1": "accepted", "reg-2": "accepted", "discard-1": "accepted", "rate-1": "refused"}
    assert bench.codes("rate-1") == ["discarded"]
    assert [e.type for e in bench.events][-1] == "operations.parked-discarded.v1"
    bench.settle(bench.rates(2023, id="rate-2"))
    assert bench.outcomes[-1] == ("rate-2", "accepted")


def test_a_repeated_discard_is_answered_with_its_own_receipt(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with that of the message that it gave up, to another source."""
    two_people(bench)
    Poison(monkeypatch, "rate-1")
    bench.settle(bench.rates())
    discard = bench.discards(bench.rows(schema.parked)[0].parked_id)
    bench.each(discard, bench.again(discard))
    last = bench.receipts[-1]
    assert (last.source, last.id, last.outcome, last.repeated) == ("operator", "discard-1", "accepted", True)


@pytest.mark.parametrize("act", ["retries", "discards"])
def test_an_act_on_what_is_not_parked_is_refused(bench: RegistryBench, act: str) -> None:
    """A typing error of an operator."""
    bench.settle(getattr(bench, act)("00000000-0000-7000-8000-000000000001", id="act-1"))
    assert bench.codes("act-1") == ["not-parked"]


# --- several instances ------------------------------------------------------------------------------------------------------


@pytest.fixture
def instances(database_url: str, open_database: Callable[[str], Database]) -> Sequence[RegistryBench]:
    """Two of them on one database, with one stream in front of them."""
    first, second = (RegistryBench(open_database(database_url), seed=seed) for seed in (1, 50))
    second.sequence = first.sequence
    return first, second


def test_two_instances_that_take_turns_keep_one_file(instances: Sequence[RegistryBench]) -> None:
    """Each sees what the other recorded, whatever it remembers."""
    first, second = instances
    first.settle(first.registers())
    for turn, bench in enumerate([second, first, second, second, first]):
        bench.settle(bench.rates(2019 + turn, id=f"rate-{turn}"))
    first.settle(first.corrects("rate-2", RATING | {"year": 2021}))
    second.settle(second.withdraws("fix-1"))
    assert [e.version for e in first.events] == list(range(1, 9))
    assert [slot for slot, *_ in first.standings()] == [f"rating/{2019 + n}" for n in range(5)] + ["registration"]


def meanwhile(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen between this instance's reading and its append, once."""
    real = bench.log.append
    left = [act]

    def append(*args: Any, **more: Any) -> Any:
        if left:
            left.pop()()
        return real(*args, **more)

    monkeypatch.setattr(bench.log, "append", append)


def test_a_fact_that_another_instance_overtakes_is_decided_again(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On what is there then: both facts are recorded, and the standings are those of both."""
    first, second = instances
    first.settle(first.registers())
    later = second.rates(rating="basic", id="rate-2", time="2025-01-06T00:00:00Z")
    meanwhile(first, monkeypatch, lambda: second.settle(later))
    first.settle(first.rates())
    assert [e.version for e in first.events] == [1, 2, 3]
    assert first.standings()[0] == ("rating/2024", "hr/rate-2", "2025-01-04", ("hr/rate-1",))


def test_one_person_registered_at_two_instances_at_once_is_one_person(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index lets only one of them make the person; the other one finds them, and refuses."""
    first, second = instances
    other = second.registers(id="reg-2", source="training", key="T9")
    meanwhile(first, monkeypatch, lambda: second.settle(other))
    first.settle(first.registers())
    assert len({e.stream for e in first.events}) == 1
    assert sorted(row.purpose for row in first.rows(person_key)) == ["dossier", "identity"]
    assert first.outcomes == [("reg-2", "accepted"), ("reg-1", "refused")]
    assert first.codes("reg-1") == ["already-registered"]


def test_a_message_that_two_instances_settle_at_once_is_settled_once(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was delivered twice: one event, one answer."""
    first, second = instances
    first.settle(first.registers())
    rating = first.rates()
    meanwhile(first, monkeypatch, lambda: second.settle(rating))
    first.settle(rating)
    assert first.outcomes == [("reg-1", "accepted"), ("rate-1", "accepted")]
    assert len(first.events) == 2


def test_a_message_is_not_held_for_what_another_instance_has_brought_meanwhile(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a fact for its person nor a correction for its fact: it would wait for ever."""
    first, second = instances
    registration = second.registers()
    meanwhile(first, monkeypatch, lambda: second.settle(registration))
    first.settle(first.rates())
    assert first.outcomes == [("reg-1", "accepted"), ("rate-1", "accepted")]
    rating = second.rates(2023, id="rate-2")
    meanwhile(first, monkeypatch, lambda: second.settle(rating))
    first.settle(first.corrects("rate-2", RATING | {"year": 2023}))
    assert first.outcomes[2:] == [("rate-2", "accepted"), ("fix-1", "accepted")]
    assert first.rows(schema.held) == []


# --- nothing in plain ---------------------------------------------------------------------------------------------------------


def test_nothing_personal_stands_in_plain_in_the_database_files(bench: RegistryBench, tmp_path: Path) -> None:
    """Canaries in every outcome: numbers, names, phones, accounts and keys are nowhere in the file or its write-ahead log."""
    bench.settle(
        bench.registers(1),
        bench.registers(2, id="reg-2", key="w-canary"),
        bench.rates(person={"identity": sealed(3)}, id="held-1"),
    )
    bench.settle(bench.corrects("reg-1", NEW_IDENTITY, identity=sealed(4)))
    bench.settle(bench.registers({"name": "虚构人物5号", "resident_id": wrong_id(5)}, id="bad-1"))
    bench.settle(
        bench.message(
            "annual-rating-recorded", {"person": {"resident_id": resident_id(6)}, "year": 2024, "rating": "x"}, id="p-1"
        ),
        bench.message(
            "annual-rating-recorded",
            {"person": {"source_key": "w-1", "name": "虚构人物7号"}, "year": 2024, "rating": "x"},
            id="p-2",
        ),
        replace(bench.rates(), raw=b"{" + resident_id(8).encode(), sequence=800),
    )
    assert sorted({outcome for _, outcome in bench.outcomes}) == ["accepted", "refused", "waiting"]
    assert files_with(tmp_path, b"worker-registered") != [], "the search finds what is there"
    for person in range(1, 9):
        found = identity(person)
        for canary in (found.name, found.resident_id, found.phone, found.bank_account):
            assert files_with(tmp_path, str(canary).encode()) == []
    assert files_with(tmp_path, wrong_id(5).encode()) == []


def test_the_logs_events_and_receipts_hold_nothing_personal(bench: RegistryBench) -> None:
    """What goes onto the streams, byte for byte."""
    bench.settle(bench.registers(1), bench.rates())
    published = (
        b"".join(item.raw for item in bench.stream_items())
        + "".join(r.model_dump_json() for r in receipts_of(bench.log)).encode()
    )
    assert b"registry.worker-registered.v1" in published
    assert len(events_of(bench.log)) == 2
    for canary in identity(1).model_dump().values():
        assert str(canary).encode() not in published
    assert b"w-1" not in published, "not even the source's own key for them"


def test_a_held_message_is_settled_once_even_if_its_time_runs_out_at_that_moment(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expiry takes the row between the reading and the commit of the batch that releases it: the batch is decided again."""
    real = bench.log.append
    raced: list[bool] = []

    def racing(units: Any, **more: Any) -> Any:
        if not raced:
            raced.append(True)
            bench.clock.advance(timedelta(seconds=3601))
            assert bench.intake.expire() == 1
        return real(units, **more)

    bench.settle(bench.rates())
    monkeypatch.setattr(bench.log, "append", racing)
    bench.settle(bench.registers())
    assert [event.type for event in bench.events] == ["operations.message-parked.v1", "registry.worker-registered.v1"]
    assert bench.outcomes == [("rate-1", "waiting"), ("rate-1", "parked"), ("reg-1", "accepted")]


def test_a_parked_message_that_comes_again_is_told_why_it_is_parked_and_what_to_do(bench: RegistryBench) -> None:
    """The very bytes again: not "parked" without a word."""
    first = bench.rates()
    bench.settle(first)
    bench.clock.advance(timedelta(hours=2))
    bench.intake.expire()
    bench.settle(bench.again(first))
    assert bench.outcomes[-1] == ("rate-1", "parked")
    assert bench.codes("rate-1") == ["never-came"]
    assert "new id" in bench.receipts[-1].problems[0].remedy


@pytest.mark.parametrize(("parked", "codes"), [(False, ["id-reused"]), (True, ["id-reused", "never-came"])])
def test_a_mended_message_under_the_id_of_one_that_is_not_settled_is_told_so(
    bench: RegistryBench, parked: bool, codes: list[str]
) -> None:
    """The first one stays where it is, with its reason; the second is refused with what to do."""
    bench.settle(bench.rates())
    if parked:
        bench.clock.advance(timedelta(hours=2))
        bench.intake.expire()
    bench.settle(bench.rates(2023))
    assert bench.outcomes[-1] == ("rate-1", "refused")
    assert bench.codes("rate-1") == codes
    assert "new id" in bench.receipts[-1].problems[0].remedy


def test_a_message_that_is_sealed_again_while_it_waits_is_the_same_message(bench: RegistryBench) -> None:
    """Two seals of one identity are different bytes."""
    person = {"identity": sealed({"resident_id": resident_id(1)})}
    bench.settle(bench.rates(person=person))
    bench.settle(bench.rates(person={"identity": sealed({"resident_id": resident_id(1)})}))
    assert bench.outcomes == [("rate-1", "waiting"), ("rate-1", "waiting")]


def test_what_cannot_be_read_under_an_id_that_was_used_is_answered(bench: RegistryBench) -> None:
    """Silence would leave its source waiting for ever."""
    bench.settle(bench.registers())
    deep = bench.message("worker-registered", {"x": [[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}, id="reg-1")
    bench.settle(Item(deep.subject, deep.raw, deep.sequence, "hr/reg-1/0123"))
    assert bench.outcomes[-1] == ("reg-1", "refused")
    assert bench.codes("reg-1") == ["too-deep", "id-reused"]


def test_a_refused_message_that_is_mended_under_its_id_is_told_to_take_a_new_one(bench: RegistryBench) -> None:
    """What was refused is settled: its answer stands for ever."""
    bench.settle(bench.registers(), bench.rates(on="2020-01-01", id="bad-1"))
    bench.settle(bench.rates(id="bad-1"))
    assert bench.codes("bad-1") == ["id-reused"]
    assert (
        bench.receipts[-1].problems[0].remedy == "that one was refused and recorded nothing; give the mended message a new id"
    )
