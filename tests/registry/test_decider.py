"""The registry's rules, one by one: given what is on file, when a fact comes, then what is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from contracts.intake import KnownPerson, PersonErased
from contracts.particulars import (
    Certificate,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
)
from contracts.registry import (
    AnnualRatingRecorded,
    CertificateIssued,
    EncryptedIdentity,
    EngagementEnded,
    EngagementStarted,
    FactCorrected,
    FactOrigin,
    FactWithdrawn,
    InspectionConcluded,
    Standing,
    StandingEvent,
    WorkerRegistered,
)
from eventlog.decider import Rejected, fold
from services.registry import decider as module
from services.registry.decider import (
    Act,
    Command,
    Correct,
    Happened,
    Known,
    Record,
    Rules,
    Stamp,
    Withdraw,
    Worker,
    decider,
    standings_of,
    stream_of,
)
from services.registry.decider.worker import order_of
from tests.specs import Given, given
from tests.support import NOW, event_id

# --- the world of these tests -------------------------------------------------------------------------------------------

REF = "p" + "0" * 26
REGISTRY = decider(Rules())
SECRET = EncryptedIdentity(key_version=1, fields={"name": "c2VjcmV0"}, mark="mark-1")
ON_FILE = Registration(division="320102")
STARTED = EngagementStart(engagement="e1", category="secretary", unit="u", post="p")
ENDED = EngagementEnd(engagement="e1", reason="resigned")
CERTIFIED = Certificate(number="c1", grade="junior", issuer="320102")
RATED = RatingResult(year=2024, rating="excellent")
INSPECTED = InspectionResult(year=2024, outcome="passed")
ONE_OF_EACH: tuple[Particulars, ...] = (ON_FILE, STARTED, ENDED, CERTIFIED, RATED, INSPECTED)


def origin(n: int, source: str = "hr", minute: int | None = None) -> FactOrigin:
    """Of message ``m<n>``, recorded in that minute (the n-th if not said)."""
    return FactOrigin(
        source=source,
        id=f"m{n}",
        occurred_at=datetime(2025, 1, 1, tzinfo=NOW.tzinfo) + timedelta(minutes=n if minute is None else minute),
    )


def stamp(n: int, source: str = "hr", minute: int | None = None, on: str = "2025-01-10", received: datetime = NOW) -> Stamp:
    return Stamp(event_id(n), REF, origin(n, source, minute), date.fromisoformat(on), received)


def record(n: int, says: Particulars, **how: Any) -> Record:
    return Record(stamp(n, **how), says, SECRET if isinstance(says, Registration) else None)


def correct(n: int, target: int, says: Particulars, identity: EncryptedIdentity | None = None, **how: Any) -> Correct:
    return Correct(stamp(n, **how), event_id(target), says, "typing error", identity)


def withdraw(n: int, target: int, **how: Any) -> Withdraw:
    return Withdraw(stamp(n, **how), event_id(target), "sent in error")


def after(*commands: Command) -> list[Happened]:
    """The events that these commands led to, one after the other."""
    events: list[Happened] = []
    for command in commands:
        events += REGISTRY.decide(command, fold(REGISTRY, events))
    return events


def on_file(*commands: Command) -> Given[Command, Happened, Worker]:
    return given(REGISTRY, after(*commands))


def stands(events: Iterable[Happened]) -> dict[str, tuple[int | None, list[int]]]:
    """slot → (number of the event that stands, numbers of those that contradict it), of the folded standings."""
    state = fold(REGISTRY, events)
    return {
        slot: (_number(fact), [int(i.replace("-", ""), 16) for i in others])
        for slot, (fact, others) in state.standing.items()
        if fact
    }


def _number(fact: str | None) -> int | None:
    return None if fact is None else int(fact.replace("-", ""), 16)


def standings_in(happened: Happened) -> tuple[Standing, ...]:
    assert isinstance(happened.event, StandingEvent)
    return happened.event.standings


def happened(n: int, event: Any, on: str = "2025-01-10") -> Happened:
    return Happened(event_id(n), date.fromisoformat(on), event)


def common(n: int, *standings: Standing) -> dict[str, Any]:
    return {"person_ref": REF, "fact": origin(n), "standings": standings}


def alone(n: int, slot: str) -> Standing:
    return Standing(slot=slot, fact=event_id(n))


# --- recording ----------------------------------------------------------------------------------------------------------


def test_a_registration_is_recorded_and_stands() -> None:
    """With the identity as it was encrypted."""
    given(REGISTRY).when(record(1, ON_FILE)).then(
        happened(1, WorkerRegistered(**common(1, alone(1, "registration")), particulars=ON_FILE, identity=SECRET))
    )


@pytest.mark.parametrize(
    ("says", "kind", "slot"),
    [
        (STARTED, EngagementStarted, "engagement-start/hr/e1"),
        (ENDED, EngagementEnded, "engagement-end/hr/e1"),
        (CERTIFIED, CertificateIssued, "certificate/c1"),
        (RATED, AnnualRatingRecorded, "rating/2024"),
        (INSPECTED, InspectionConcluded, "inspection/2024"),
    ],
)
def test_each_kind_of_fact_is_recorded_in_its_own_slot(says: Particulars, kind: Any, slot: str) -> None:
    """Given a registration, when the fact comes, then its event, and it stands."""
    on_file(record(1, ON_FILE)).when(record(2, says)).then(happened(2, kind(**common(2, alone(2, slot)), particulars=says)))


def test_a_registration_without_an_identity_is_rejected() -> None:
    """A person whom nobody can find again is of no use."""
    given(REGISTRY).when(Record(stamp(1), ON_FILE, None)).rejected("missing", "data.person.identity")


def test_facts_that_disagree_with_each_other_are_both_recorded() -> None:
    """An end before the start is somebody's mistake, but which of the two is wrong is not ours to say."""
    [event] = on_file(record(1, ON_FILE), record(2, STARTED, on="2025-06-01")).when(record(3, ENDED, on="2025-01-01")).events
    assert isinstance(event.event, EngagementEnded)


# --- what cannot be true --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "code"),
    [("1949-09-30", "date-too-early"), ("1949-10-01", None), ("2027-04-05", None), ("2027-04-06", "date-too-late")],
)
def test_a_fact_is_neither_older_than_the_republic_nor_far_in_the_future(on: str, code: str | None) -> None:
    """Received on 2026-03-01: 400 days ahead are still taken."""
    when = on_file(record(1, ON_FILE)).when(record(2, STARTED, on=on))
    if code is None:
        assert len(when.events) == 1
    else:
        when.rejected(code, "effectiveon")


@pytest.mark.parametrize(("hours", "fine"), [(24, True), (25, False)])
def test_a_fact_was_not_recorded_tomorrow(hours: int, fine: bool) -> None:
    """A source's clock may be a day ahead, not more: its time settles contradictions."""
    when = on_file(record(1, ON_FILE)).when(
        record(2, RATED, minute=1, received=origin(1).occurred_at - timedelta(hours=hours), on="2024-12-01")
    )
    if fine:
        assert len(when.events) == 1
    else:
        when.rejected("time-in-future", "time")


@pytest.mark.parametrize("says", [RATED, INSPECTED])
def test_a_result_is_not_dated_before_its_year(says: Particulars) -> None:
    """A rating or inspection for 2024 exists on 2024-01-01 at the earliest."""
    on_file(record(1, ON_FILE)).when(record(2, says, on="2023-12-31")).rejected("result-before-year", "effectiveon")
    assert len(on_file(record(1, ON_FILE)).when(record(2, says, on="2024-01-01")).events) == 1


def test_a_certificate_does_not_expire_before_its_issue() -> None:
    """On the day of issue is odd but possible."""
    for expires, fine in ((date(2025, 1, 9), False), (date(2025, 1, 10), True), (None, True)):
        when = on_file(record(1, ON_FILE)).when(record(2, CERTIFIED.model_copy(update={"expires_on": expires})))
        if fine:
            assert len(when.events) == 1
        else:
            when.rejected("expires-before-issue", "data.expires_on")


@pytest.mark.parametrize(
    ("grade", "issuer", "fine"),
    [
        ("junior", "320102", True), ("junior", "320100", False),
        ("intermediate", "320100", True), ("intermediate", "320102", False),
        ("senior", "320100", True), ("senior", "320000", False), ("special", "320000", True), ("special", "320100", False),
        ("master", "320102", True),
    ],
)  # fmt: skip
def test_a_grade_is_certified_by_its_level(grade: str, issuer: str, fine: bool) -> None:
    """County for junior, city for intermediate and senior, province for special; a grade without a rule by anybody."""
    when = on_file(record(1, ON_FILE)).when(record(2, Certificate(number="c1", grade=grade, issuer=issuer)))
    if fine:
        assert len(when.events) == 1
    else:
        when.rejected("wrong-issuer", "data.issuer")


def test_who_may_issue_is_a_setting() -> None:
    """A province that lets cities issue junior certificates."""
    relaxed = decider(Rules({"junior": ("county", "city")}))
    command = record(2, Certificate(number="c1", grade="junior", issuer="320100"))
    assert len(given(relaxed, after(record(1, ON_FILE))).when(command).events) == 1


@pytest.mark.parametrize(("limit", "code"), [("FACTS", "too-many-facts"), ("MESSAGES", "too-many-messages")])
def test_a_file_has_a_limit(monkeypatch: pytest.MonkeyPatch, limit: str, code: str) -> None:
    """So that nobody's file grows until it stops everybody; a full one can still be erased."""
    monkeypatch.setattr(module, f"{limit}_PER_WORKER_MAX", 2)
    file = on_file(record(1, ON_FILE), record(2, RATED))
    file.when(record(3, INSPECTED)).rejected(code)
    erasing = PersonErased(person=KnownPerson(person_ref=REF), by="operator-7", reason="asked for")
    assert len(file.when(Act(stamp(3), erasing)).events) == 1


@pytest.mark.parametrize(
    "says", [RatingResult(year=2024, rating="x"), CERTIFIED.model_copy(update={"expires_on": date(2020, 1, 1)})]
)
def test_a_replacement_obeys_the_same_rules(says: Particulars) -> None:
    """A correction to what cannot be true is rejected like the fact itself."""
    first = RATED if isinstance(says, RatingResult) else CERTIFIED
    on = "2023-12-31" if isinstance(says, RatingResult) else "2025-01-10"
    code = "result-before-year" if isinstance(says, RatingResult) else "expires-before-issue"
    on_file(record(1, ON_FILE), record(2, first)).when(correct(3, 2, says, on=on)).rejected(code)


# --- corrections and withdrawals ------------------------------------------------------------------------------------------


GOOD = RatingResult(year=2024, rating="competent")
BEST = RatingResult(year=2024, rating="basic")


def test_a_correction_stands_in_the_place_of_its_fact() -> None:
    """With its own date and reason."""
    on_file(record(1, ON_FILE), record(2, RATED)).when(correct(3, 2, GOOD)).then(
        happened(
            3,
            FactCorrected(**common(3, alone(3, "rating/2024")), corrects=event_id(2), particulars=GOOD, reason="typing error"),
        )
    )


def test_a_correction_that_moves_a_fact_empties_its_old_slot() -> None:
    """A rating given for the wrong year."""
    moved = RatingResult(year=2023, rating="excellent")
    [event] = on_file(record(1, ON_FILE), record(2, RATED)).when(correct(3, 2, moved)).events
    assert standings_in(event) == (Standing(slot="rating/2023", fact=event_id(3)), Standing(slot="rating/2024", fact=None))


def test_a_correction_is_of_the_same_kind() -> None:
    """A rating cannot be corrected to an inspection."""
    on_file(record(1, ON_FILE), record(2, RATED)).when(correct(3, 2, INSPECTED)).rejected("other-kind", "data.replacement.kind")


def test_only_a_registration_carries_an_identity() -> None:
    """A corrected rating cannot bring one in."""
    on_file(record(1, ON_FILE), record(2, RATED)).when(correct(3, 2, GOOD, SECRET)).rejected("not-allowed", "data.identity")


def test_a_corrected_identity_is_kept_with_the_correction() -> None:
    """The registration's particulars and the new ciphertext."""
    new = SECRET.model_copy(update={"mark": "mark-2"})
    [event] = on_file(record(1, ON_FILE)).when(correct(2, 1, ON_FILE, new)).events
    assert isinstance(event.event, FactCorrected)
    assert event.event.identity == new


def test_a_correction_of_a_correction_stands() -> None:
    """The end of the chain."""
    assert stands(after(record(1, ON_FILE), record(2, RATED), correct(3, 2, GOOD), correct(4, 3, BEST)))["rating/2024"] == (
        4,
        [],
    )


def test_of_two_corrections_of_one_fact_the_later_recorded_stands() -> None:
    """Whichever comes first: the source's time decides, and a corrected fact contradicts nobody."""
    for first, second in (
        (correct(3, 2, GOOD, minute=9), correct(4, 2, BEST, minute=8)),
        (correct(4, 2, BEST, minute=8), correct(3, 2, GOOD, minute=9)),
    ):
        assert stands(after(record(1, ON_FILE), record(2, RATED), first, second))["rating/2024"] == (3, [])


def test_a_withdrawn_fact_stands_no_more() -> None:
    """Its slot is empty."""
    on_file(record(1, ON_FILE), record(2, RATED)).when(withdraw(3, 2)).then(
        happened(
            3,
            FactWithdrawn(**common(3, Standing(slot="rating/2024", fact=None)), withdraws=event_id(2), reason="sent in error"),
        )
    )


def test_a_withdrawn_correction_gives_the_place_back() -> None:
    """To the fact, or to the correction before it."""
    chain: list[Command] = [record(1, ON_FILE), record(2, RATED), correct(3, 2, GOOD)]
    assert stands(after(*chain, withdraw(4, 3)))["rating/2024"] == (2, [])
    assert stands(after(*chain, correct(4, 3, BEST), withdraw(5, 4)))["rating/2024"] == (3, [])


def test_a_withdrawn_withdrawal_brings_the_fact_back() -> None:
    """It counts for nothing."""
    assert stands(after(record(1, ON_FILE), record(2, RATED), withdraw(3, 2), withdraw(4, 3)))["rating/2024"] == (2, [])


def test_a_fact_that_was_withdrawn_leaves_the_slot_to_its_rival() -> None:
    """And the conflict is over."""
    events = after(record(1, ON_FILE), record(2, RATED), record(3, GOOD, source="training"))
    assert stands(events)["rating/2024"] == (3, [2])
    assert stands([*events, *REGISTRY.decide(withdraw(4, 3), fold(REGISTRY, events))])["rating/2024"] == (2, [])


@pytest.mark.parametrize("first", ONE_OF_EACH, ids=lambda p: p.kind)
def test_the_kind_at_the_end_of_any_chain_is_that_of_the_fact(first: Particulars) -> None:
    """A correction of a correction of each kind is taken, of another kind it is not."""
    before = [] if first.kind == "registration" else [record(1, ON_FILE)]
    file = on_file(*before, record(2, first), correct(3, 2, first))
    assert len(file.when(correct(4, 3, first)).events) == 1
    other = RATED if first.kind != "rating" else INSPECTED
    file.when(correct(4, 3, other)).rejected("other-kind")


def test_a_long_chain_of_corrections_is_decided() -> None:
    """A thousand corrections of corrections: the steps grow with the chain, and no stack does."""
    chain = [correct(n, n - 1, GOOD) for n in range(3, 1003)]
    state = fold(REGISTRY, after(record(1, ON_FILE), record(2, RATED)))
    facts = dict(state.facts)
    for command in chain:
        stamp = command.stamp
        order = order_of(stamp.origin)
        facts[stamp.event_id] = Known(stamp.event_id, order, stamp.effective_on, GOOD, "", "hr", command.corrects)
    assert standings_of(facts)["rating/2024"] == (event_id(1002), ())


# --- contradictions -------------------------------------------------------------------------------------------------------


def test_between_two_facts_in_one_slot_the_later_recorded_stands_and_the_other_is_named() -> None:
    """Two sources, two ratings: a conflict that is shown, and settled by the sources' times."""
    [event] = on_file(record(1, ON_FILE), record(2, RATED, minute=5)).when(record(3, GOOD, source="training", minute=4)).events
    assert standings_in(event) == (Standing(slot="rating/2024", fact=event_id(2), contradicted_by=(event_id(3),)),)


def test_equal_times_are_settled_by_source_and_then_by_id() -> None:
    """The greater counts, so that the order is total."""
    first, second = record(2, RATED, source="hr", minute=5), record(3, GOOD, source="training", minute=5)
    assert stands(after(record(1, ON_FILE), first, second))["rating/2024"] == (3, [2])
    first, second = record(4, RATED, minute=5), record(3, GOOD, minute=5)
    assert stands(after(record(1, ON_FILE), first, second))["rating/2024"] == (4, [3])


def test_two_facts_that_say_the_same_do_not_contradict_each_other() -> None:
    """Particulars and date are compared; another date is another thing to say."""
    assert stands(after(record(1, ON_FILE), record(2, RATED), record(3, RATED, source="training")))["rating/2024"] == (3, [])
    events = after(record(1, ON_FILE), record(2, RATED), record(3, RATED, source="training", on="2025-02-01"))
    assert stands(events)["rating/2024"] == (3, [2])


def test_a_second_registration_is_refused_and_names_the_person_to_who_may_see_it() -> None:
    """To the source that registered them, and to operators; to anybody else no more than the end of the person_ref."""
    file = on_file(record(1, ON_FILE))
    for source, shown in (("hr", REF), ("operator", REF), ("training", "p...0000")):
        again = Record(stamp(2, source=source), Registration(division="320104"), SECRET)
        file.when(again).rejected("already-registered", "data.person.identity")
        with pytest.raises(Rejected) as refused:
            REGISTRY.decide(again, file.state)
        [problem] = refused.value.problems
        assert problem.problem.endswith(f"as {shown}")


def test_a_registration_that_its_source_sends_again_says_nothing_new() -> None:
    """Under another id, with the identity encrypted anew; from another source, or with another word, it is a second one."""
    same = SECRET.model_copy(update={"fields": {"name": "b3RoZXI="}})
    file = on_file(record(1, ON_FILE))
    file.when(Record(stamp(2), ON_FILE, same)).nothing()
    for other in (
        Record(stamp(2, source="training"), ON_FILE, same),
        Record(stamp(2), ON_FILE, SECRET.model_copy(update={"mark": "mark-2"})),
        Record(stamp(2, on="2025-01-11"), ON_FILE, same),
        Record(stamp(2), ON_FILE.model_copy(update={"civil_servant": True}), same),
    ):
        file.when(other).rejected("already-registered")


def test_whose_registration_it_is_does_not_change_when_an_operator_corrects_it() -> None:
    """The source still sees whom it registered, and still says nothing new by what reads now."""
    moved = Registration(division="320104")
    file = on_file(record(1, ON_FILE), correct(2, 1, moved, source="operator"))
    file.when(Record(stamp(3), moved, SECRET)).nothing()


def test_a_person_whose_registration_was_withdrawn_can_be_registered_again() -> None:
    """In the same file, by whomever."""
    file = on_file(record(1, ON_FILE), withdraw(2, 1))
    assert len(file.when(record(3, ON_FILE, source="training")).events) == 1


def test_engagements_of_two_sources_do_not_meet() -> None:
    """Their keys are their own."""
    events = after(record(1, ON_FILE), record(2, STARTED), record(3, STARTED, source="training"))
    assert set(stands(events)) == {"registration", "engagement-start/hr/e1", "engagement-start/training/e1"}


RATINGS: Sequence[Particulars] = [
    RatingResult(year=year, rating=word) for year in (2023, 2024) for word in ("excellent", "basic")
]


@st.composite
def files(draw: st.DrawFn) -> list[Command]:
    """A registration, some facts, and corrections and withdrawals of any of these; times may tie."""
    commands: list[Command] = [record(1, ON_FILE)]
    targets: list[tuple[int, bool]] = []
    for n in range(2, 2 + draw(st.integers(1, 7))):
        how: dict[str, Any] = {"source": draw(st.sampled_from(["hr", "training"])), "minute": draw(st.integers(0, 3))}
        kind = draw(st.sampled_from(["record", "correct", "withdraw"])) if targets else "record"
        if kind == "record":
            commands.append(record(n, draw(st.sampled_from(RATINGS)), **how))
        else:
            target, correctable = draw(st.sampled_from(targets))
            if kind == "correct" and correctable:
                commands.append(correct(n, target, draw(st.sampled_from(RATINGS)), **how))
            else:
                commands.append(withdraw(n, target, **how))
        targets.append((n, not isinstance(commands[-1], Withdraw)))
    return commands


def target_of(command: Command) -> str | None:
    return command.corrects if isinstance(command, Correct) else command.withdraws if isinstance(command, Withdraw) else None


def in_some_order(draw: Any, commands: Sequence[Command]) -> list[Command]:
    """Any order of arrival that a registry sees: each comes after what it is about (what comes earlier is held)."""
    left, known, ordered = list(commands), set[str](), list[Command]()
    while left:
        ready = [c for c in left if target_of(c) is None or target_of(c) in known]
        chosen = draw(st.sampled_from(ready))
        left.remove(chosen)
        known.add(chosen.stamp.event_id)
        ordered.append(chosen)
    return ordered


@settings(max_examples=300)
@any_of(commands=files(), data=st.data())
def test_what_stands_does_not_depend_on_the_order_of_arrival(commands: list[Command], data: st.DataObject) -> None:
    """Facts, corrections and withdrawals in any order end in the same standings and the same conflicts."""
    assert stands(after(*commands)) == stands(after(*in_some_order(data.draw, commands)))


@settings(max_examples=150)
@any_of(commands=files())
def test_the_standings_in_the_events_are_those_of_the_facts(commands: list[Command]) -> None:
    """Who follows ``standings`` alone, event by event, gets what the rule says over all facts."""
    state = fold(REGISTRY, after(*commands))
    followed = {slot: found for slot, found in state.standing.items() if found != (None, ())}
    assert followed == standings_of(dict(state.facts))


@settings(max_examples=150)
@any_of(commands=files())
def test_deciding_twice_yields_nothing(commands: list[Command]) -> None:
    """Whatever is on file: the same message again changes nothing, under whatever event id."""
    events = after(*commands)
    for command in commands:
        given(REGISTRY, events).when(command).nothing()


def test_a_stream_is_named_after_the_persons_token() -> None:
    """And after nothing else about them."""
    assert stream_of(REF) == f"worker-{REF}"
