"""What a heard fact or a new policy leads to: granted, denied, adjusted by the difference; in any order the same amounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from contracts.allowance import EntitlementAdjusted, EntitlementDecided, FactHeard, PayerAmount
from contracts.particulars import (
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
)
from contracts.registry import EncryptedIdentity, FactOrigin, Standing, StandingEvent
from eventlog.canonical import digest
from eventlog.decider import Decider, fold
from services.allowance.decider import Command, Happened, Hear, Recalculate, Worker, decide, evolve, standing_facts, stream_of
from services.allowance.engine import PolicyInForce, decide_year
from services.registry import decider as registry
from tests.allowance.example import (
    POLICY_EVENT,
    REF,
    certified,
    changed,
    closed,
    engaged,
    hear,
    moved,
    policy,
    rated,
    registered,
    reopened,
    withdrawn,
)
from tests.allowance.histories import arrivals, histories
from tests.allowance.test_engine import RULES, flat, published
from tests.specs import Given, given
from tests.support import NOW, event_id

# --- the world of these tests -------------------------------------------------------------------------------------------


def allowance(*policies: PolicyInForce) -> Decider[Command, Happened, Worker]:
    """The decider under these policies. An event's id is a number made from what it says."""

    def decide_happened(command: Command, state: Worker) -> tuple[Happened, ...]:
        day = command.effective_on if isinstance(command, Hear) else date.min
        return tuple(Happened(id_of(event), day, event) for event in decide(command, state, policies))

    made: Decider[Command, Happened, Worker] = Decider(Worker(), decide_happened, evolve)
    return made


def id_of(event: Any) -> str:
    return event_id(int(digest([event.TYPE, event.payload()])[:24], 16))


ONE = allowance(policy())
RAISED = policy(event_id(901), revision=2, excellent=130_000)
TWO = allowance(policy(), RAISED)


def after(*commands: Command, decider: Decider[Command, Happened, Worker] = ONE) -> list[Happened]:
    events: list[Happened] = []
    for command in commands:
        events += decider.decide(command, fold(decider, events))
    return events


def on_file(*commands: Command) -> Given[Command, Happened, Worker]:
    return given(ONE, after(*commands))


def decisions(events: Sequence[Happened]) -> list[EntitlementDecided | EntitlementAdjusted]:
    return [e.event for e in events if isinstance(e.event, EntitlementDecided | EntitlementAdjusted)]


def amounts(events: Sequence[Happened]) -> dict[int, tuple[str, int, dict[str, int]]]:
    """year → (granted or denied, amount, by payer), of the last decision."""
    return {
        d.decision.year: (d.decision.decision, d.decision.amount_fen, {p.payer: p.amount_fen for p in d.decision.payers})
        for d in decisions(events)
    }


def summed(events: Sequence[Happened]) -> tuple[Counter[int], Counter[tuple[int, str]]]:
    """What finance adds up: differences by year, and by year and payer."""
    total: Counter[int] = Counter()
    by_payer: Counter[tuple[int, str]] = Counter()
    for d in decisions(events):
        total[d.decision.year] += d.difference_fen
        for part in d.differences:
            by_payer[d.decision.year, part.payer] += part.amount_fen
    return total, by_payer


def check_sums(events: Sequence[Happened]) -> None:
    """The differences add up to the last amount, per year and per payer; none of them is an idle 0."""
    total, by_payer = summed(events)
    last = amounts(events)
    assert {year: fen for year, fen in total.items() if fen} == {year: fen for year, (_, fen, _) in last.items() if fen}
    owed = {(year, payer): fen for year, (_, _, payers) in last.items() for payer, fen in payers.items() if fen}
    assert {key: fen for key, fen in by_payer.items() if fen} == owed
    assert all(part.amount_fen for d in decisions(events) for part in d.differences)


# --- decided ------------------------------------------------------------------------------------------------------------


def test_a_fact_is_recorded_in_our_own_words() -> None:
    """Given nothing, when a registration is heard, then it is on file; nothing is decided without a rating."""
    command = registered()
    given(ONE).when(command).then(
        Happened(
            id_of(heard := FactHeard(
                person_ref=REF, heard=event_id(1), heard_type="registry.example.v1", position=1, origin=command.origin,
                particulars=Registration(division="320102"), standings=command.standings,
            )), date(2020, 6, 1), heard,
        )
    )  # fmt: skip


def test_an_engaged_worker_who_is_rated_excellent_is_granted_the_amount() -> None:
    """The first decision: the difference is the whole, and each payer's share is in it."""
    heard, decided = on_file(registered(), engaged()).when(rated()).events
    assert isinstance(heard.event, FactHeard)
    assert isinstance(decided.event, EntitlementDecided)
    decision = decided.event.decision
    assert (decision.decision, decision.amount_fen, decision.year) == ("granted", 100_000, 2021)
    assert decided.event.difference_fen == 100_000
    assert decided.event.differences == (
        PayerAmount(payer="city", amount_fen=60_000),
        PayerAmount(payer="county", amount_fen=40_000),
    )
    assert decided.event.digest == digest(decision.payload())
    assert decision.policy.event == POLICY_EVENT
    assert {used.fact for used in decision.facts} == {event_id(1), event_id(2), event_id(3)}


def test_a_worker_who_is_rated_basic_is_denied() -> None:
    """A decision of 0 fen with its reasons, which one may appeal: an event, not an error."""
    *_, decided = on_file(registered(), engaged()).when(rated(rating="basic")).events
    assert isinstance(decided.event, EntitlementDecided)
    assert (decided.event.decision.decision, decided.event.difference_fen, decided.event.differences) == ("denied", 0, ())
    assert [p.name for p in decided.event.decision.predicates if not p.met] == ["rating"]


def test_without_a_policy_facts_are_only_recorded() -> None:
    """They wait for one."""
    events = after(registered(), engaged(), rated(), decider=allowance())
    assert [type(e.event) for e in events] == [FactHeard] * 3


def test_a_rating_touches_its_own_year_only() -> None:
    """When the rating of 2022 is heard, 2021 is not decided again."""
    *_, decided = on_file(registered(), engaged(), rated()).when(rated(4, "competent", 2022)).events
    assert isinstance(decided.event, EntitlementDecided)
    assert (decided.event.decision.year, decided.event.difference_fen) == (2022, 50_001)


# --- adjusted -----------------------------------------------------------------------------------------------------------


def correction(n: int, rating: str, year: int = 2021) -> Hear:
    return rated(n, rating, year)


def test_a_corrected_rating_adjusts_by_the_difference_and_names_what_it_supersedes() -> None:
    """Excellent becomes competent: 49,999 fen less, by payer, and why."""
    before = after(registered(), engaged(), rated())
    [_, adjusted] = given(ONE, before).when(correction(4, "competent")).events
    event = adjusted.event
    assert isinstance(event, EntitlementAdjusted)
    assert event.supersedes == before[-1].event_id
    assert event.because == event_id(4)
    assert (event.decision.amount_fen, event.difference_fen) == (50_001, -49_999)
    assert event.differences == (
        PayerAmount(payer="city", amount_fen=-30_000, purse="320100"),
        PayerAmount(payer="county", amount_fen=-19_999, purse="320102"),
    )


def test_the_next_adjustment_supersedes_the_last_one() -> None:
    """A chain, each link by the one before."""
    events = after(registered(), engaged(), rated(), correction(4, "competent"), correction(5, "excellent"))
    first, second, third = [e for e in events if not isinstance(e.event, FactHeard)]
    assert isinstance(second.event, EntitlementAdjusted)
    assert isinstance(third.event, EntitlementAdjusted)
    assert (second.event.supersedes, third.event.supersedes) == (first.event_id, second.event_id)
    assert third.event.difference_fen == 49_999
    check_sums(events)


def test_a_change_of_reasons_alone_is_recorded_with_a_difference_of_nothing() -> None:
    """The rating's date was mended: the decision uses another fact, the amount is the same."""
    [_, adjusted] = on_file(registered(), engaged(), rated()).when(rated(4, on="2022-01-11")).events
    assert isinstance(adjusted.event, EntitlementAdjusted)
    assert (adjusted.event.difference_fen, adjusted.event.differences) == (0, ())


def test_a_withdrawn_rating_voids_the_decision() -> None:
    """Nothing is left to decide on: all of it is taken back, once."""
    file = [registered(), engaged(), rated()]
    [heard, void] = on_file(*file).when(withdrawn(4, "rating/2021")).events
    assert isinstance(heard.event, FactHeard)
    assert heard.event.particulars is None
    assert isinstance(void.event, EntitlementAdjusted)
    assert (void.event.decision.decision, void.event.decision.amount_fen, void.event.difference_fen) == ("denied", 0, -100_000)
    assert void.event.differences == (
        PayerAmount(payer="city", amount_fen=-60_000, purse="320100"),
        PayerAmount(payer="county", amount_fen=-40_000, purse="320102"),
    )
    on_file(*file, withdrawn(4, "rating/2021")).when(Recalculate(REF, POLICY_EVENT)).nothing()


def test_a_rating_after_a_void_decision_grants_again() -> None:
    """As an adjustment, since that year was decided before."""
    events = after(registered(), engaged(), rated(), withdrawn(4, "rating/2021"), rated(5))
    assert isinstance(events[-1].event, EntitlementAdjusted)
    assert events[-1].event.difference_fen == 100_000
    check_sums(events)


def test_a_withdrawn_registration_voids_every_year() -> None:
    """Both of them, in one go."""
    events = after(registered(), engaged(), rated(), rated(4, year=2022))
    [_, first, second] = given(ONE, events).when(withdrawn(5, "registration")).events
    assert [d.decision.year for d in decisions([first, second])] == [2021, 2022]
    assert [d.decision.amount_fen for d in decisions([first, second])] == [0, 0]


def test_a_late_fact_decides_what_was_waiting_for_it() -> None:
    """The engagement of 2020 is heard after the ratings of two years: both are adjusted from denied to granted."""
    before = [registered(), rated(), rated(4, "competent", 2022)]
    assert [(d.decision.decision) for d in decisions(after(*before))] == ["denied", "denied"]
    [_, *late] = on_file(*before).when(engaged(9)).events
    assert [(d.decision.year, d.difference_fen) for d in decisions(late)] == [(2021, 100_000), (2022, 50_001)]


def test_a_late_end_takes_back_what_was_paid_for_the_years_after_it() -> None:
    """He had left in 2020: the grant of 2021 was wrong."""
    end = hear(9, EngagementEnd(engagement="e1", reason="resigned"), on="2020-12-31")
    [_, adjusted] = on_file(registered(), engaged(), rated()).when(end).events
    assert isinstance(adjusted.event, EntitlementAdjusted)
    assert (adjusted.event.decision.decision, adjusted.event.difference_fen) == ("denied", -100_000)


def test_a_move_to_a_division_without_a_policy_voids_what_was_decided_there() -> None:
    """The registration is corrected to another city."""
    [_, void] = on_file(registered(), engaged(), rated()).when(registered(9, "330102")).events
    assert isinstance(void.event, EntitlementAdjusted)
    assert (void.event.decision.division, void.event.decision.amount_fen) == ("320102", 0)


# --- policies -----------------------------------------------------------------------------------------------------------


def test_a_policy_with_effect_for_the_past_adjusts_what_was_decided() -> None:
    """Published later, revision 2 raises 2021: the difference is owed, because of that event."""
    before = after(registered(), engaged(), rated())
    [adjusted] = given(TWO, before).when(Recalculate(REF, event_id(901))).events
    assert isinstance(adjusted.event, EntitlementAdjusted)
    assert (adjusted.event.difference_fen, adjusted.event.because) == (30_000, event_id(901))
    assert adjusted.event.decision.policy.event == event_id(901)


def test_a_first_policy_decides_everything_that_was_waiting() -> None:
    """Facts came before it."""
    before = after(registered(), engaged(), rated(), rated(4, "competent", 2022), decider=allowance())
    events = given(ONE, before).when(Recalculate(REF, POLICY_EVENT)).events
    assert [(d.decision.year, d.difference_fen) for d in decisions(events)] == [(2021, 100_000), (2022, 50_001)]


def test_recalculating_without_a_change_decides_nothing() -> None:
    """Safe to repeat for everybody."""
    on_file(registered(), engaged(), rated()).when(Recalculate(REF, POLICY_EVENT)).nothing()
    given(TWO, after(registered(), engaged(), rated(), Recalculate(REF, event_id(901)), decider=TWO)).when(
        Recalculate(REF, event_id(901))
    ).nothing()


def test_a_policy_for_another_place_or_time_changes_nothing() -> None:
    """2030 in another city."""
    other = allowance(policy(), policy(event_id(902), name="other", first=2030, last=2031, division="330100"))
    given(other, after(registered(), engaged(), rated())).when(Recalculate(REF, event_id(902))).nothing()


# --- once ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", range(4))
def test_hearing_the_same_event_again_yields_nothing(again: int) -> None:
    """Whatever came in between."""
    commands = [registered(), engaged(), rated(), correction(4, "competent")]
    on_file(*commands).when(commands[again]).nothing()


def test_a_worker_and_the_facts_that_stand() -> None:
    """A fact that was replaced is kept, and does not stand; a stream is named after the person's token."""
    state = fold(ONE, after(registered(), engaged(), rated(), correction(4, "competent")))
    assert set(state.facts) == {event_id(n) for n in (1, 2, 3, 4)}
    assert [f.event_id for f in standing_facts(state)] == [event_id(n) for n in (1, 2, 4)]
    assert stream_of(REF) == f"worker-{REF}"


# --- in any order -----------------------------------------------------------------------------------------------------------

SEPARATE = [registered(), engaged(), rated(), rated(4, "competent", 2022), rated(5, "basic", 2023),
            hear(6, EngagementEnd(engagement="e1", reason="term_ended"), on="2023-06-30")]  # fmt: skip


@settings(max_examples=60)
@any_of(
    order=st.permutations(SEPARATE),
    more=st.lists(st.sampled_from(SEPARATE), max_size=4),
    places=st.lists(st.integers(0, 9), max_size=4),
)
def test_any_order_and_repetition_of_the_same_facts_ends_in_the_same_amounts(
    order: list[Hear], more: list[Hear], places: list[int]
) -> None:
    """And at every moment the differences add up to the last amount, per year and per payer."""
    arrivals: list[Command] = [*order]
    for place, repeated in zip(places, more, strict=False):
        arrivals.insert(place, repeated)
    events = after(*arrivals)
    assert amounts(events) == amounts(after(*SEPARATE))
    for end in range(len(events) + 1):
        check_sums(events[:end])
    assert sum(isinstance(e.event, FactHeard) for e in events) == len(SEPARATE)


@settings(max_examples=60)
@any_of(data=st.data())
def test_a_policy_that_comes_in_the_middle_ends_in_the_same_amounts_as_one_that_was_there(data: st.DataObject) -> None:
    """Policies are published between any two facts, with a recalculation after each."""
    order = data.draw(st.permutations(SEPARATE))
    first, second = sorted(data.draw(st.lists(st.integers(0, len(order)), min_size=2, max_size=2)))
    none, events = allowance(), list[Happened]()
    for place, command in enumerate([*order, None]):
        decider = none if place < first else ONE if place < second else TWO
        if place == first:
            events += ONE.decide(Recalculate(REF, POLICY_EVENT), fold(ONE, events))
        if place == second:
            decider = TWO
            events += TWO.decide(Recalculate(REF, event_id(901)), fold(TWO, events))
        if command is not None:
            events += decider.decide(command, fold(decider, events))
    assert amounts(events) == amounts(after(*SEPARATE, decider=TWO))
    check_sums(events)


SECRET = EncryptedIdentity(key_version=1, fields={}, mark="m")
RATINGS = [RatingResult(year=year, rating=word) for year in (2021, 2022) for word in ("excellent", "competent", "basic")]


def stamp(n: int, minute: int, on: str = "2023-01-10") -> registry.Stamp:
    origin = FactOrigin(source="hr", id=f"m{n}", occurred_at=datetime(2023, 1, 1, tzinfo=UTC) + timedelta(minutes=minute))
    return registry.Stamp(event_id(n), REF, origin, date.fromisoformat(on), NOW)


@st.composite
def files(draw: st.DrawFn) -> list[registry.Command]:
    """What a registry may be told about a worker: ratings that contradict, are corrected and withdrawn."""
    start: Particulars = EngagementStart(engagement="e1", category="secretary", unit="u", post="p")
    told: list[registry.Command] = [
        registry.Record(stamp(1, 0, "2020-06-01"), Registration(division="320102"), SECRET),
        registry.Record(stamp(2, 0, "2020-06-01"), start),
    ]
    targets: list[int] = []
    for n in range(3, 3 + draw(st.integers(1, 5))):
        at = stamp(n, draw(st.integers(0, 3)))
        kind = draw(st.sampled_from(["record", "correct", "withdraw"])) if targets else "record"
        if kind == "withdraw":
            told.append(registry.Withdraw(at, event_id(draw(st.sampled_from(targets))), "r"))
            continue
        says = draw(st.sampled_from(RATINGS))
        told.append(
            registry.Record(at, says)
            if kind == "record"
            else registry.Correct(at, event_id(draw(st.sampled_from(targets))), says, "r")
        )
        targets.append(n)
    return told


def told_to_us(commands: Sequence[registry.Command]) -> list[Hear]:
    """The registry's events as this service hears them."""
    rules = registry.decider(registry.Rules())
    state, heard = rules.initial, list[Hear]()
    for command in commands:
        for happened in rules.decide(command, state):
            state = rules.evolve(state, happened)
            event = happened.event
            assert isinstance(event, StandingEvent)
            heard.append(Hear(REF, happened.event_id, event.TYPE, len(heard) + 1, event.fact, happened.effective_on,
                              getattr(event, "particulars", None), event.standings))  # fmt: skip
    return heard


def any_arrival(draw: Any, commands: Sequence[registry.Command]) -> list[registry.Command]:
    left, known, ordered = list(commands), set[str](), list[registry.Command]()
    while left:
        ready = [
            c
            for c in left
            if (getattr(c, "corrects", None) or getattr(c, "withdraws", None) or c.stamp.event_id) in known | {c.stamp.event_id}
        ]
        chosen = draw(st.sampled_from(ready))
        left.remove(chosen)
        known.add(chosen.stamp.event_id)
        ordered.append(chosen)
    return ordered


@settings(max_examples=80)
@any_of(commands=files(), data=st.data())
def test_whatever_order_the_registry_was_told_things_in_the_amounts_are_the_same(
    commands: list[registry.Command], data: st.DataObject
) -> None:
    """Contradictions, corrections and withdrawals included, each heard twice: the same facts end in the same fen."""
    one = after(*(h for h in told_to_us(commands) for _ in range(2)))
    other = after(*told_to_us(any_arrival(data.draw, commands)))
    assert {y: a for y, a in amounts(one).items() if a[1]} == {y: a for y, a in amounts(other).items() if a[1]}
    check_sums(one)
    check_sums(other)


@settings(max_examples=60)
@any_of(commands=files())
def test_what_was_decided_is_what_the_engine_says_of_the_facts_that_stand(commands: list[registry.Command]) -> None:
    """After every event: the last decision of each year is the engine's, or void if the engine has none."""
    state = fold(ONE, after(*told_to_us(commands)))
    for (year, _), decided in state.decided.items():
        found = decide_year(standing_facts(state), (policy(),), year)
        assert decided.amount_fen == (found.amount_fen if found is not None else 0)
    assert {s.slot for h in told_to_us(commands) for s in h.standings if s.fact} >= set(state.standing)


def test_a_standing_that_names_an_engagement_carries_the_source_of_its_slot() -> None:
    """An engagement corrected by the operator keeps the key of the source that reported it: its end still fits."""
    start = EngagementStart(engagement="e1", category="secretary", unit="u", post="p")
    fixed = hear(7, start, (Standing(slot="engagement-start/hr/e1", fact=event_id(7)),), on="2020-07-01")
    end = hear(8, EngagementEnd(engagement="e1", reason="resigned"), on="2020-12-31")
    events = after(registered(), engaged(), fixed, end, rated())
    assert [d.decision.decision for d in decisions(events)] == ["denied"]


# --- with everything that may happen to a certificate and a registration ----------------------------------------------------

CERTIFIED = allowance(policy(certificate=True))
TURNS = [
    changed(20, "suspended", "2021-04-01"), changed(21, "reinstated", "2021-07-01"), changed(22, "revoked", "2023-03-10"),
    closed(23, "2022-03-31"), reopened(24, "2022-09-01"), moved(25, "2022-11-01"),
]  # fmt: skip
WHOLE = [registered(), engaged(), certified(), rated(), rated(4, "competent", 2022), rated(5, "excellent", 2023), *TURNS]


def test_what_becomes_of_a_certificate_and_a_registration_is_decided_on_year_by_year() -> None:
    """2021: nine months. 2022: seven, and the county pays all of it. 2023: three, until the revocation."""
    assert amounts(after(*WHOLE, decider=CERTIFIED)) == {
        2021: ("granted", 75_000, {"city": 45_000, "county": 30_000}),
        2022: ("granted", 29_167, {"county": 29_167}),
        2023: ("granted", 25_000, {"county": 25_000}),
    }


@pytest.mark.parametrize(
    ("turn", "differences"),
    [
        (TURNS[0], {2021: -75_000, 2022: -50_001, 2023: -100_000}),
        (TURNS[2], {2023: -75_000}),
        (TURNS[3], {2022: -37_501, 2023: -100_000}),
        (TURNS[5], {2022: 0, 2023: 0}),
    ],
    ids=["suspended", "revoked", "closed", "moved"],
)
def test_a_change_adjusts_the_years_from_its_own_on(turn: Hear, differences: dict[int, int]) -> None:
    """Those before it are not decided again. What moves from payer to payer adds up to nothing."""
    file = WHOLE[:6]
    events = given(CERTIFIED, after(*file, decider=CERTIFIED)).when(turn).events
    adjusted = decisions(events)
    assert {d.decision.year: d.difference_fen for d in adjusted} == differences
    check_sums([*after(*file, decider=CERTIFIED), *events])


def test_a_withdrawn_change_undoes_what_it_did() -> None:
    gone = [withdrawn(30 + n, turn.standings[0].slot) for n, turn in enumerate(TURNS)]
    undone, never = after(*WHOLE, *gone, decider=CERTIFIED), after(*WHOLE[:6], decider=CERTIFIED)
    assert amounts(undone) == amounts(never)
    check_sums(undone)


def test_a_recognition_is_heard_and_decides_nothing() -> None:
    recognised = hear(40, Recognition(number="c1", division="320500"), on="2022-01-01")
    [heard] = given(CERTIFIED, after(*WHOLE, decider=CERTIFIED)).when(recognised).events
    assert isinstance(heard.event, FactHeard)


def test_the_end_of_a_file_that_was_merged_into_another_takes_back_everything() -> None:
    """The merging empties every slot: what was decided here is void, the other file decides on the facts."""
    state = fold(CERTIFIED, after(*WHOLE, decider=CERTIFIED))
    merged = hear(41, None, [Standing(slot=slot, fact=None) for slot in sorted(state.standing)])
    events = after(*WHOLE, merged, decider=CERTIFIED)
    assert standing_facts(fold(CERTIFIED, events)) == ()
    assert {year: fen for year, (_, fen, _) in amounts(events).items()} == {2021: 0, 2022: 0, 2023: 0}


@settings(max_examples=60)
@any_of(order=st.permutations(WHOLE), more=st.lists(st.sampled_from(WHOLE), max_size=4))
def test_any_order_of_changes_closings_and_moves_ends_in_the_same_amounts(order: list[Hear], more: list[Hear]) -> None:
    """Each with repetitions; and at every moment the differences add up."""
    events = after(*order, *more, decider=CERTIFIED)
    assert amounts(events) == amounts(after(*WHOLE, decider=CERTIFIED))
    for end in range(len(events) + 1):
        check_sums(events[:end])


@settings(max_examples=100)
@any_of(history=histories(), data=st.data())
def test_whatever_happens_to_a_worker_any_arrival_ends_in_the_same_decisions(history: list[Hear], data: st.DataObject) -> None:
    """Every kind of fact, withdrawals and repetitions: the same amounts, and they are the engine's for what stands."""
    one, other = after(*history, decider=CERTIFIED), after(*data.draw(arrivals(history)), decider=CERTIFIED)
    owed = [{year: found for year, found in amounts(events).items() if found[1]} for events in (one, other)]
    assert owed[0] == owed[1]
    check_sums(other)
    state = fold(CERTIFIED, other)
    for (year, _), decided in state.decided.items():
        found = decide_year(standing_facts(state), (policy(certificate=True),), year)
        assert decided.amount_fen == (found.amount_fen if found is not None else 0)


# --- what an inspection stops ---------------------------------------------------------------------------------------------


def inspected(n: int, outcome: Any, year: int, on: str) -> Hear:
    return hear(n, InspectionResult(year=year, outcome=outcome), on=on)


@pytest.mark.parametrize(("stops", "differences"), [("from_next_month", [-100_000]), ("whole_year", [])])
def test_a_failed_inspection_that_is_told_late_stops_the_months_of_a_later_year(stops: str, differences: list[int]) -> None:
    """That of 2021, failed in February 2022: 2022 was granted, and from March on it is taken back, if the policy says so."""
    rules = [RULES["engaged"], RULES["inspection"], RULES["rating"]]
    effective = {"first_day": "2021-01-01", "last_day": "2022-12-31"}
    strict = published(rules=rules, lines=[flat(120_000)], effective=effective, settings={"failed_inspection": stops})
    decider = allowance(strict)
    events = after(registered(), engaged(), rated(year=2022), inspected(5, "passed", 2022, "2022-12-20"), decider=decider)
    assert amounts(events)[2022][1] == 120_000
    more = decider.decide(inspected(6, "failed", 2021, "2022-02-10"), fold(decider, events))
    assert [each.difference_fen for each in decisions(more)] == differences
    both = after(inspected(6, "failed", 2021, "2022-02-10"), registered(), engaged(), rated(year=2022), decider=decider)
    both += decider.decide(inspected(5, "passed", 2022, "2022-12-20"), fold(decider, both))
    assert amounts(both)[2022] == amounts([*events, *more])[2022]
