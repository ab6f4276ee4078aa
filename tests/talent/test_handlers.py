"""What becomes of registry events, standards and candidates here: held, released, decided, parked and tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from console.replay import rebuild_and_compare, swap
from contracts.base import PersonRef
from contracts.intake import fact_subject, parse
from contracts.receipts import Receipt
from contracts.talent import CandidateFlagged, CandidatePlaced, CandidateScreened, FactHeard, StandardPublished
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.heard import gaps
from eventlog.ids import FixedClock
from eventlog.log import Recorded
from eventlog.relay import Relay, cursor_of
from services.talent import app
from services.talent import handlers as module
from services.talent.decider import Hear
from services.talent.decider import decide as real_decide
from services.talent.handlers import Talent
from services.talent.placements import RELAY, read_placements
from services.talent.views import PoolView, members, pool_member, seats_taken
from tests.eventlog.fakes import FakePublisher, Notes
from tests.support import NOW, RegistryBench, event_id, events_of, intake_bytes, new_log, receipts_of, run
from tests.talent.example import (
    DIVISION,
    FULL,
    REF,
    certified,
    changed,
    closed,
    inspected,
    moved,
    rated,
    recognised,
    registered,
    reopened,
    standard_text,
)
from tests.telling import as_told

HOLD_SECONDS = 3600
PROFILE = FULL.model_dump(mode="json")
NEW_KINDS = (
    changed(20, "downgraded", "2026-02-15", "junior"), closed(20, "2026-02-15"), moved(20, "2026-02-15"),
    recognised(20, "2026-02-15"),
)  # fmt: skip
POST = {"category": "secretary", "unit": "第七党支部", "post": "书记", "entry_channel": "dispatched"}


async def _erase(_sequence: int) -> None:
    """What a service does with the sequences is its wiring; the tests look at what ``take`` returns."""


class Bench:
    """The talent service without a broker, with words for its messages."""

    def __init__(self, database: Database, seed: int = 1) -> None:
        self.clock = FixedClock(NOW)
        self.log = new_log(database, "talent", app.CODEC, (PoolView(),), clock=self.clock, seed=seed)
        self.talent = self.new_talent()
        self.sequence = count(1)

    def new_talent(self) -> Talent:
        return Talent(self.log, hold_seconds=HOLD_SECONDS, wake=lambda: None, erase=_erase)

    def hear(self, *items: Item) -> None:
        self.talent.hear(items)

    def take(self, *items: Item) -> list[int]:
        return self.talent.take(items)

    def message(self, fact: str, data: Any, *, id: str, source: str = "hr", on: str = "2026-02-01") -> Item:
        subject = fact_subject(source, "talent", f"intake.{fact}.v1")
        raw = intake_bytes(fact, data, id=id, source=source, on=on, time="2026-02-01T08:00:00Z")
        return Item(subject, raw, next(self.sequence))

    def publishes(self, text: str, id: str = "standard-1") -> Item:
        return self.message("qualification-standard-published", {"text": text}, id=id, source="policy")

    def about(self, fact: str, ref: str, id: str, on: str = "2026-02-01", **data: Any) -> Item:
        return self.message(f"candidate-{fact}", {"person": {"person_ref": ref}, **data}, id=id, on=on)

    def nominates(self, ref: str, id: str = "nom-1", on: str = "2026-01-10", ladder: str = "near-term") -> Item:
        more = {"division": DIVISION, "nominated_by": "reserve_recommended", "ladder": ladder, "pool": "pool-1"}
        return self.about("nominated", ref, id, on, **more)

    def profiles(self, ref: str, id: str = "prof-1", on: str = "2026-01-12", **changed: Any) -> Item:
        return self.about("profiled", ref, id, on, **{**PROFILE, **changed})

    def journey(self, ref: str, mark: str = "") -> list[Item]:
        """Nominated, profiled, screened, admitted."""
        return [
            self.nominates(ref, f"nom-{mark}"),
            self.profiles(ref, f"prof-{mark}"),
            self.about("screened", ref, f"screen-{mark}", "2026-02-01"),
            self.about("admitted", ref, f"admit-{mark}", "2026-02-10"),
        ]

    def operates(self, act: str, parked: str, id: str = "act-1") -> None:
        data = {"parked": parked, "by": "operator-7", "reason": "mended"}
        self.take(self.message(f"parked-{act}", data, id=id, source="operator"))

    @property
    def receipts(self) -> list[Receipt]:
        return receipts_of(self.log)

    @property
    def outcomes(self) -> list[tuple[str, str, list[str]]]:
        return [(r.id, r.outcome, [p.code for p in r.problems]) for r in self.receipts]

    @property
    def events(self) -> list[Recorded]:
        return events_of(self.log)

    def rows(self, table: Any) -> list[Any]:
        with self.log.database.read.connect() as connection:
            return list(connection.execute(select(table)).all())

    def stages(self) -> dict[str, tuple[str, int]]:
        return {row.person_ref: (row.stage, row.flagged) for row in self.rows(pool_member)}

    def parked(self) -> list[tuple[str, str]]:
        return [(row.message_id, row.code) for row in self.rows(schema.parked)]


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@pytest.fixture
def lite(sqlite_url: str, open_database: Callable[[str], Database]) -> Bench:
    return Bench(open_database(sqlite_url))


PEOPLE = 4


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryBench]:
    """A registry that was told about four workers: certified, rated and inspected; the last one's inspection failed later."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('registry') / 'log.db'}")
    made = RegistryBench(database)
    for n in range(1, PEOPLE + 1):
        person = {"source_key": f"w-{n}"}
        certificate = {"person": person, "number": f"C-{n}", "grade": "intermediate", "issuer": "320100"}
        made.settle(
            made.registers(n, id=f"reg-{n}", key=f"w-{n}", on="2020-06-01"),
            made.message("certificate-issued", certificate, id=f"cert-{n}", on="2024-05-01"),
            made.rates(2024, "competent", id=f"rate-{n}", person=person, on="2025-01-10"),
        )
    failed = {"person": {"source_key": f"w-{PEOPLE}"}, "year": 2026, "outcome": "failed"}
    made.settle(made.message("inspection-concluded", failed, id="failed-4", on="2026-02-15"))
    yield made
    database.close()


@pytest.fixture(scope="module")
def told(registry: RegistryBench) -> list[Item]:
    return registry.stream_items()


@pytest.fixture(scope="module")
def refs(registry: RegistryBench) -> list[PersonRef]:
    found = {r.id: r.person_ref for r in registry.receipts}
    return [str(found[f"reg-{n}"]) for n in range(1, PEOPLE + 1)]


# --- hearing ------------------------------------------------------------------------------------------------------------


def test_registry_events_are_recorded_in_our_own_log(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """Each with its cause; the same again is nothing new."""
    bench.hear(*told, *told)
    heard = [e for e in bench.events if isinstance(e.event, FactHeard)]
    assert len(heard) == len(told)
    assert all(e.causation_id == e.event.payload()["heard"] for e in heard)
    assert {e.stream for e in heard} == {f"worker-{ref}" for ref in refs}
    bench.hear(*told)
    assert len(bench.events) == len(told)


def test_an_event_from_beyond_a_gap_waits_for_the_missing_one(bench: Bench, told: list[Item]) -> None:
    bench.hear(*told[1:])
    with bench.log.database.read.connect() as connection:
        assert [gap["missing"] for gap in gaps(connection, "registry")] == [1]
    bench.hear(told[0])
    with bench.log.database.read.connect() as connection:
        assert gaps(connection, "registry") == []
    assert len(bench.events) == len(told)


@pytest.mark.parametrize("command", NEW_KINDS, ids=lambda command: command.standings[0].slot.partition("/")[0])
def test_each_kind_of_fact_is_recorded_as_it_was_told(lite: Bench, command: Hear) -> None:
    lite.hear(*as_told([registered(), command]))
    heard = [e.event for e in lite.events if isinstance(e.event, FactHeard)]
    assert [(event.particulars, event.standings) for event in heard[1:]] == [(command.particulars, command.standings)]


def test_a_member_whose_registration_is_closed_is_flagged_until_it_is_reopened(lite: Bench) -> None:
    """From the stream to the list of the pool."""
    told = as_told([registered(), certified(), rated(), inspected(), closed(20, "2026-02-15"), reopened(21, "2026-02-20")])
    lite.take(lite.publishes(standard_text()))
    lite.hear(*told[:4])
    lite.take(*lite.journey(REF))
    found = [lite.stages()[REF]]
    for item in told[4:]:
        lite.hear(item)
        found.append(lite.stages()[REF])
    assert found == [("admitted", 0), ("admitted", 1), ("admitted", 0)]


def test_what_is_no_event_is_parked_once(bench: Bench) -> None:
    junk = Item("registry.00.worker-registered", b"not json", 7)
    bench.hear(junk)
    bench.hear(junk)
    assert bench.parked() == [("seq-7", "not-an-event")]


# --- standards ----------------------------------------------------------------------------------------------------------


def test_a_standard_is_recorded_as_it_was_written(bench: Bench) -> None:
    text = standard_text()
    bench.take(bench.publishes(text))
    (event,) = bench.events
    assert isinstance(event.event, StandardPublished)
    assert (event.event.text, event.event.document.document, event.effective_on) == (text, "standard-1", "2025-01-01")


def test_a_wrong_standard_is_refused_at_its_line_and_key(bench: Bench) -> None:
    bench.take(bench.publishes(standard_text().replace("at_least: bachelor", "at_least: batchelor")))
    (receipt,) = bench.receipts
    (why,) = receipt.problems
    assert (receipt.outcome, why.code, why.field) == ("refused", "unknown-value", "data.text:12:30 criteria[1].at_least")


def test_a_document_is_published_once_in_each_revision(bench: Bench) -> None:
    """Also within one batch."""
    bench.take(bench.publishes(standard_text()), bench.publishes(standard_text(quota=5), "standard-2"))
    bench.take(bench.publishes(standard_text(revision=2), "standard-3"))
    assert bench.outcomes == [
        ("standard-1", "accepted", []), ("standard-2", "refused", ["standard-exists"]), ("standard-3", "accepted", []),
    ]  # fmt: skip


# --- the journey --------------------------------------------------------------------------------------------------------


def test_a_candidate_goes_through_every_stage_in_one_batch(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """The standard, the acts and the placement, each decided on what the one before has left."""
    bench.hear(*told)
    ref = refs[0]
    bench.take(
        bench.publishes(standard_text()), *bench.journey(ref), bench.about("placed", ref, "place-1", "2026-03-01", **POST)
    )
    assert {outcome for _, outcome, _ in bench.outcomes} == {"accepted"}
    (row,) = bench.rows(pool_member)
    assert row._asdict() | {"event_id": ""} == {
        "person_ref": ref, "division": DIVISION, "ladder": "near-term", "pool": "pool-1", "stage": "placed",
        "since": "2026-03-01", "standard": "standard-1", "revision": 1, "flagged": 0, "event_id": "",
    }  # fmt: skip
    assert {r.person_ref for r in bench.receipts[1:]} == {ref}


def test_each_message_in_a_batch_of_its_own_comes_to_the_same(bench: Bench, told: list[Item], refs: list[str]) -> None:
    bench.hear(*told)
    for item in (bench.publishes(standard_text()), *bench.journey(refs[0])):
        bench.take(item)
    assert bench.stages() == {refs[0]: ("admitted", 0)}


def test_a_failed_screening_is_accepted_and_says_why(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """The answer is in the event; the admission is refused."""
    bench.hear(*told)
    ref = refs[0]
    bench.take(
        bench.publishes(standard_text()), bench.nominates(ref), bench.profiles(ref, degree="associate"),
        bench.about("screened", ref, "screen-1"), bench.about("admitted", ref, "admit-1", "2026-02-10"),
    )  # fmt: skip
    assert bench.outcomes[-2:] == [("screen-1", "accepted", []), ("admit-1", "refused", ["screening-failed"])]
    (screened,) = [e.event for e in bench.events if isinstance(e.event, CandidateScreened)]
    assert [c.name for c in screened.criteria if not c.met] == ["degree"]
    assert bench.stages() == {ref: ("failed", 0)}


def test_a_message_that_comes_again_is_answered_as_before(bench: Bench, told: list[Item], refs: list[str]) -> None:
    bench.hear(*told)
    nomination = bench.nominates(refs[0])
    bench.take(nomination)
    again = Item(nomination.subject, nomination.raw, next(bench.sequence))
    bench.take(nomination, again)
    assert [(r.outcome, r.repeated) for r in bench.receipts] == [("accepted", False), ("accepted", True)]


def test_an_unknown_field_is_refused_with_its_name(lite: Bench) -> None:
    """A date of birth, say, which is not taken at all."""
    lite.take(lite.profiles(event_ref(1), birth_date="1985-03"))
    assert [(p.field, p.code) for p in lite.receipts[0].problems] == [("data.birth_date", "unknown-field")]


def test_a_competency_is_rated_once(lite: Bench) -> None:
    twice = [{"competency": "political", "score": 4}, {"competency": "political", "score": 2}]
    lite.take(lite.profiles(event_ref(1), competencies=twice))
    assert [(p.field, p.code) for p in lite.receipts[0].problems] == [("data.competencies", "named-twice")]


def event_ref(number: int) -> str:
    """A person_ref that nobody has."""
    return f"p{number:026d}"


# --- who is not known yet -----------------------------------------------------------------------------------------------


def test_a_candidate_who_is_not_known_waits_for_the_registry(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """The whole journey is held, in its order, and decided in the append in which the registration is heard."""
    bench.take(bench.publishes(standard_text()), *bench.journey(refs[0]))
    assert [outcome for _, outcome, _ in bench.outcomes[1:]] == ["waiting"] * 4
    assert {r.waiting_for for r in bench.receipts[1:]} == {"the person's registration"}
    assert all(r.until == NOW + timedelta(seconds=HOLD_SECONDS) for r in bench.receipts[1:])
    bench.hear(*told)
    assert bench.outcomes[5:] == [(f"{kind}-", "accepted", []) for kind in ("nom", "prof", "screen", "admit")]
    assert bench.stages() == {refs[0]: ("admitted", 0)}
    assert bench.rows(schema.held) == []


def test_a_profile_waits_for_the_nomination(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """Whether that is still to come or comes later in the same batch."""
    bench.hear(*told)
    bench.take(bench.profiles(refs[0]))
    bench.take(bench.nominates(refs[0]))
    bench.take(bench.profiles(refs[1], "prof-2"), bench.nominates(refs[1], "nom-2"))
    assert bench.outcomes == [
        ("prof-1", "waiting", []), ("nom-1", "accepted", []), ("prof-1", "accepted", []),
        ("nom-2", "accepted", []), ("prof-2", "accepted", []),
    ]  # fmt: skip


def test_what_waits_too_long_is_parked_and_can_be_tried_again(bench: Bench, told: list[Item], refs: list[str]) -> None:
    bench.take(bench.nominates(refs[0]))
    assert bench.talent.expire() == 0
    bench.clock.advance(timedelta(seconds=HOLD_SECONDS + 1))
    assert bench.talent.expire() == 1
    assert bench.parked() == [("nom-1", "never-came")]
    bench.hear(*told)
    assert bench.stages() == {}
    bench.operates("retry", bench.rows(schema.parked)[0].parked_id)
    assert bench.stages() == {refs[0]: ("nominated", 0)}
    assert bench.parked() == []


# --- seats --------------------------------------------------------------------------------------------------------------


def test_a_ladder_has_as_many_members_as_the_standard_says(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """Counted within a batch and between batches; a placement or a removal frees a seat."""
    bench.hear(*told)
    bench.take(bench.publishes(standard_text(quota=1)))
    bench.take(*bench.journey(refs[0], "1"), *bench.journey(refs[1], "2"))
    assert bench.outcomes[-1] == ("admit-2", "refused", ["quota-full"])
    bench.take(
        bench.about("placed", refs[0], "place-1", "2026-02-20", **POST),
        bench.about("admitted", refs[1], "admit-2b", "2026-02-21"),
        *bench.journey(refs[2], "3"),
    )
    assert bench.outcomes[-1] == ("admit-3", "refused", ["quota-full"])
    assert [stage for stage, _ in bench.stages().values()].count("admitted") == 1
    with bench.log.database.read.connect() as connection:
        assert seats_taken(connection, DIVISION, "near-term") == 1
        assert seats_taken(connection, "320103", "near-term") == 0


def test_two_instances_do_not_give_the_last_seat_twice(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """One decides on a count that the other has made old: it counts again under the lock."""
    bench.hear(*told)
    bench.take(bench.publishes(standard_text(quota=1)))
    bench.take(*bench.journey(refs[0], "1")[:3], *bench.journey(refs[1], "2")[:3])
    other = bench.new_talent()
    first = bench.about("admitted", refs[0], "admit-1", "2026-02-10")
    second = bench.about("admitted", refs[1], "admit-2", "2026-02-10")
    real_append, raced = bench.log.append, list[bool]()

    def append(*arguments: Any, **named: Any) -> Any:
        if not raced:
            raced.append(True)
            other.take([first])
        return real_append(*arguments, **named)

    bench.log.append = append  # type: ignore[method-assign]
    bench.take(second)
    assert bench.outcomes[-2:] == [("admit-1", "accepted", []), ("admit-2", "refused", ["quota-full"])]


# --- flags --------------------------------------------------------------------------------------------------------------


def test_a_member_whose_inspection_fails_is_flagged(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """By the event that says so, and in the table; the placement is refused."""
    last = refs[-1]
    bench.hear(*told[:-1])
    bench.take(bench.publishes(standard_text()), *bench.journey(last))
    bench.hear(told[-1])
    assert bench.stages() == {last: ("admitted", 1)}
    (flag,) = [e for e in bench.events if isinstance(e.event, CandidateFlagged)]
    assert flag.effective_on == "2026-02-15"
    bench.take(bench.about("placed", last, "place-1", "2026-03-01", **POST))
    assert bench.outcomes[-1] == ("place-1", "refused", ["flagged"])


# --- parking ------------------------------------------------------------------------------------------------------------


def test_a_rule_that_fails_stops_one_person_only(
    bench: Bench, told: list[Item], refs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes for them afterwards waits behind it, in order, and goes on after a retry."""

    def failing(command: Any, *rest: Any) -> Any:
        if isinstance(command, Hear) and command.person_ref == refs[0]:
            raise ZeroDivisionError
        return real_decide(command, *rest)

    monkeypatch.setattr(module, "decide", failing)
    bench.hear(*told)
    bench.take(bench.publishes(standard_text()), *bench.journey(refs[0], "1"), *bench.journey(refs[1], "2"))
    assert [code for _, code in bench.parked()] == ["rule-failed", *["behind-parked"] * 6]
    assert bench.stages() == {refs[1]: ("admitted", 0)}
    monkeypatch.setattr(module, "decide", real_decide)
    bench.operates("retry", bench.rows(schema.parked)[0].parked_id)
    assert bench.parked() == []
    assert bench.stages() == {refs[0]: ("admitted", 0), refs[1]: ("admitted", 0)}


def test_a_parked_message_is_discarded(bench: Bench) -> None:
    bench.take(Item("intake.hr.talent.candidate-nominated", b"not json", 9))
    (row,) = bench.rows(schema.parked)
    bench.operates("discard", row.parked_id)
    assert bench.parked() == []
    assert ("seq-9", "refused", ["discarded"]) in bench.outcomes


# --- read models --------------------------------------------------------------------------------------------------------


def test_the_pool_is_listed_in_pages(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """Of a division and all below it, by stage and ladder."""
    bench.hear(*told)
    bench.take(bench.publishes(standard_text()), *bench.journey(refs[0], "1"), bench.nominates(refs[1], "nom-2"))
    with bench.log.database.read.connect() as connection:
        everybody = sorted(refs[:2])
        assert [row["person_ref"] for row in members(connection, "320000")] == everybody
        assert [row["person_ref"] for row in members(connection, "320100", limit=1)] == everybody[:1]
        assert [row["person_ref"] for row in members(connection, DIVISION, after=everybody[0])] == everybody[1:]
        assert [row["person_ref"] for row in members(connection, DIVISION, stage="admitted")] == refs[:1]
        assert members(connection, DIVISION, ladder="mid-term") == []
        assert members(connection, "330000") == []


def test_the_read_model_is_rebuilt_from_the_log_the_same(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """And a wrong one is found, and put right."""
    bench.hear(*told[:-1])
    bench.take(bench.publishes(standard_text()), *bench.journey(refs[-1]), bench.nominates(refs[1], "nom-2"))
    bench.hear(told[-1])
    assert rebuild_and_compare(bench.log).differences == []
    with bench.log.database.write.begin() as connection:
        connection.execute(pool_member.update().values(flagged=0))
    assert [d.key for d in rebuild_and_compare(bench.log).differences] == [(refs[-1],)]
    swap(bench.log)
    assert rebuild_and_compare(bench.log).differences == []


# --- placements are told to the registry --------------------------------------------------------------------------------


def test_a_placement_is_told_to_the_registry_as_an_intake_fact(
    bench: Bench, told: list[Item], refs: list[str], registry: RegistryBench, tmp_path: Path
) -> None:
    """Once for each event, under an id made from the event's; the registry takes it like any source's."""
    bench.hear(*told)
    bench.take(bench.publishes(standard_text()), *bench.journey(refs[0]))
    kept = FakePublisher()
    relay = Relay(RELAY, bench.log.database, read_placements, kept, Notes())
    while run(relay.carry()):
        pass
    assert kept.stored == []
    with bench.log.database.read.connect() as connection:
        assert cursor_of(connection, RELAY) == len(bench.events)
    bench.take(bench.about("placed", refs[0], "place-1", "2026-03-01", **POST))
    for _ in range(3):
        run(relay.carry())
    (message,) = kept.stored
    (placed,) = [e for e in bench.events if isinstance(e.event, CandidatePlaced)]
    assert (message.subject, message.message_id) == (
        "intake.talent.registry.engagement-started", f"talent/placed-{placed.event_id}",
    )  # fmt: skip
    assert parse(message.payload).id == f"placed-{placed.event_id}"
    data = orjson.loads(message.payload)["data"]
    assert data["person"] == {"person_ref": refs[0]}
    with bench.log.database.read.connect() as connection:
        position = placed.position
        assert read_placements(connection, position - 2, 1) == ([], position - 1), "no further than it may look"
        assert [m.message_id for m in read_placements(connection, position - 1, 1)[0]] == [message.message_id]
    copy = RegistryBench(Database(f"sqlite:///{tmp_path / 'registry.db'}"))
    copy.settle(Item(message.subject, message.payload, 1))
    assert copy.outcomes == [(f"placed-{placed.event_id}", "waiting")], "that registry does not know the person"
    registry.settle(Item(message.subject, message.payload, 10_001), Item(message.subject, message.payload, 10_002))
    answers = [(r.outcome, r.repeated) for r in registry.receipts if r.id == f"placed-{placed.event_id}"]
    assert answers[:2] == [("accepted", False), ("accepted", True)]
    assert registry.events[-1].type == "registry.engagement-started.v1"
    copy.database.close()


# --- any order ----------------------------------------------------------------------------------------------------------

_files = count()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_facts_and_acts_in_any_mixture_end_in_the_same_pool(
    tmp_path: Path, told: list[Item], refs: list[str], data: st.DataObject
) -> None:
    """Nominations and profiles before, among and after the registry's events, which come in any order and twice."""
    bench = Bench(Database(f"sqlite:///{tmp_path}/{next(_files)}.db"))
    told = told[: 3 * PEOPLE + 1]
    order = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=4))]))
    nominations = [bench.nominates(ref, f"nom-{ref}") for ref in refs]
    acts = data.draw(st.permutations([*nominations, *(bench.profiles(ref, f"prof-{ref}") for ref in refs)]))
    bench.take(bench.publishes(standard_text(quota=None)))
    while order or acts:
        turn = data.draw(st.integers(0, 4))
        heard, order = order[:turn], order[turn:]
        taken, acts = acts[: 1 + turn // 2], acts[1 + turn // 2 :]
        bench.hear(*heard)
        bench.take(*taken)
        if not acts:
            bench.hear(*order)
            order = []
    assert bench.stages() == dict.fromkeys(refs, ("nominated", 0))
    assert bench.rows(schema.held) == bench.rows(schema.parked) == []
    bench.take(*(bench.about("screened", ref, f"screen-{ref}", "2026-02-20") for ref in refs))
    assert bench.stages() == {ref: ("failed" if ref == refs[-1] else "passed", 0) for ref in refs}
    bench.log.database.close()


@pytest.mark.parametrize(("field", "said"), [("fact", event_id(404)), ("slot", "inspection/soon")])
def test_an_event_that_leans_on_what_was_never_told_is_parked(lite: Bench, field: str, said: str) -> None:
    """It was taken once, and everything that came about the person later was parked in its place."""
    (item,) = as_told([registered()])
    value = orjson.loads(item.raw)
    value["data"]["standings"][0][field] = said
    lite.hear(replace(item, raw=orjson.dumps(value)))
    assert [code for _, code in lite.parked()] == ["incoherent-event"]
