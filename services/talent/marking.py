"""One person in an appraisal cycle: enrolled, marked by raters, measured. Pure: no clock, randomness or I/O.

One stream a person and cycle, ``ratings-<source>/<key>/<person_ref>``. Each rater counts once: of what one rater has said in
one role, the message counts that its source recorded last (then the greater source, then the greater id), whether it gives
marks or withdraws them. So neither order nor repetition of messages matters, as with the registry's facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, assert_never

from contracts.appraisal import AppraisalDocument
from contracts.appraisal_events import (
    Mark,
    MarkingEvent,
    PersonEnrolled,
    RatingGiven,
    RatingWithdrawn,
    ResultMeasured,
)
from contracts.base import Category, utc_text
from contracts.certificate_life import spans_of_all
from contracts.divisions import covers
from contracts.particulars import EngagementStart
from contracts.registration_life import division_on
from contracts.registry import FactOrigin
from contracts.roles import OPERATOR
from eventlog.decider import Decider, already
from services.talent.acts import Stamp, check_dates, reject
from services.talent.appraisal import Cancelled, Concluded, CycleState, NotOpened, Open, Published, Scored
from services.talent.scoring import marked_items, profile_for
from services.talent.screening import KnownFact, passed, registration

__all__ = [
    "NO_GRADE",
    "Enrol",
    "Give",
    "MarkingAround",
    "MarkingCommand",
    "MarkingHappened",
    "Measure",
    "Ratee",
    "Said",
    "StandingPlace",
    "Withdraw",
    "decide_marking",
    "evolve_marking",
    "marking_decider",
    "needs_of_marking",
    "order_of",
    "place_on",
    "ratings_stream",
    "replay_marking",
    "standing_marks",
]

NO_GRADE = "none"
"""Of somebody without a valid certificate."""
RATINGS_MAX = 1_000
"""Messages of raters about one person in one cycle."""

Order = tuple[str, str, str]


def ratings_stream(cycle: str, person_ref: str) -> str:
    return f"ratings-{cycle}/{person_ref}"


def order_of(origin: FactOrigin) -> Order:
    """By which of two messages on the same matter the greater counts."""
    return (utc_text(origin.occurred_at), origin.source, origin.id)


# --- state ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """What a rater said last. marks: None if it was withdrawn. says: the event but for its origin."""

    order: Order = field(compare=False)
    marks: tuple[Mark, ...] | None
    on: date
    reason: str | None


@dataclass(frozen=True, slots=True)
class Measured:
    order: Order = field(compare=False)
    achieved: int
    on: date


@dataclass(frozen=True, slots=True)
class Ratee:
    """said: by (role, rater); measured: by item; known: messages that came. Equal where the same is said, whoever told when."""

    enrolled: PersonEnrolled | None = None
    enrolled_on: date | None = None
    said: dict[tuple[str, str], Said] = field(default_factory=dict)
    measured: dict[str, Measured] = field(default_factory=dict)
    known: frozenset[Order] = field(default=frozenset(), compare=False)


def standing_marks(state: Ratee) -> dict[tuple[str, str], tuple[Mark, ...]]:
    """(role, rater) → the marks that count."""
    return {rater: said.marks for rater, said in state.said.items() if said.marks is not None}


# --- commands -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enrol:
    stamp: Stamp
    cycle: str


@dataclass(frozen=True, slots=True)
class Give:
    stamp: Stamp
    cycle: str
    role: str
    rater: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Withdraw:
    stamp: Stamp
    cycle: str
    role: str
    rater: str
    reason: str


@dataclass(frozen=True, slots=True)
class Measure:
    stamp: Stamp
    cycle: str
    item: str
    achieved: int


MarkingCommand = Enrol | Give | Withdraw | Measure


@dataclass(frozen=True, slots=True)
class MarkingAround:
    """What a decision needs beside the person's own stream: the cycle, and what stands of the person, slot → fact."""

    cycle: CycleState
    standing: dict[str, KnownFact] = field(default_factory=dict)


def needs_of_marking(
    command: MarkingCommand, state: Ratee, around: MarkingAround
) -> Literal["cycle", "person", "engagement", "enrolment"] | None:
    """What has to come first. None: nothing. An engagement: any; that none covers the day is a refusal."""
    if isinstance(around.cycle, NotOpened):
        return "cycle"
    if isinstance(command, Enrol):
        engaged = any(isinstance(fact.says, EngagementStart) for fact in around.standing.values())
        return None if engaged else "engagement" if around.standing else "person"
    return "enrolment" if state.enrolled is None else None


# --- where somebody stands ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StandingPlace:
    """Where somebody stands on a day. facts: the registry's events that say so."""

    division: str
    category: Category
    grade: str
    unit: str
    facts: tuple[str, ...]


def place_on(standing: dict[str, KnownFact], day: date) -> StandingPlace | str:
    """Division, category, grade and unit on a day, or what is lacking, in words.

    Of several engagements a full-time one counts first, then the one that began last. Of several certificates the one issued
    last.
    """
    facts = [fact for fact in standing.values() if fact.effective_on <= day]
    triples = [(fact.event_id, fact.effective_on, fact.says) for fact in facts]
    division = division_on(triples, day)
    if division is None:
        return f"not registered on {day}"
    if not passed(registration(facts, day)):
        return f"no longer registered on {day}"
    posts = []
    for slot, fact in standing.items():
        says = fact.says
        if isinstance(says, EngagementStart) and fact.effective_on <= day:
            end = standing.get(slot.replace("engagement-start/", "engagement-end/", 1))
            if end is None or end.effective_on >= day:
                posts.append((says.full_time, fact.effective_on, fact.event_id, says))
    if not posts:
        return f"not engaged on {day}"
    _, _, engaged, post = max(posts, key=lambda entry: entry[:3])
    spans = [span for span in spans_of_all(triples) if span.covers(day) and span.state == "valid"]
    issued = {fact.event_id: fact.effective_on for fact in facts}
    span = max(spans, key=lambda each: (issued[each.facts[0]], each.facts[0]), default=None)
    return StandingPlace(
        division[0],
        post.category,
        NO_GRADE if span is None else span.grade,
        post.unit,
        (*division[1], engaged, *(() if span is None else span.facts)),
    )


# --- decide ---------------------------------------------------------------------------------------------------------------


def decide_marking(command: MarkingCommand, state: Ratee, around: MarkingAround) -> tuple[MarkingEvent, ...]:
    """Return what the command leads to. Raises Rejected. What is known already leads to nothing."""
    check_dates(command.stamp)
    document = _taking(around.cycle, command.stamp.origin)
    if order_of(command.stamp.origin) in state.known:
        return ()
    match command:
        case Enrol():
            return decide_enrol(command, state, document, around)
        case Give():
            return decide_give(command, state, document)
        case Withdraw():
            return decide_withdraw(command, state, document)
        case Measure():
            return decide_measure(command, state, document)
        case _:
            assert_never(command)


def _taking(cycle: CycleState, origin: FactOrigin) -> AppraisalDocument:
    """The document of a cycle that takes messages about people, from this source. Raises Rejected."""
    match cycle:
        case Open() | Scored():
            named = cycle.document.sources
            if named and origin.source not in (*named, cycle.owner) and not origin.acts_as(OPERATOR):
                raise reject(
                    "source", "not-a-source-of-the-cycle", "the cycle names other sources", "report it by one of these"
                )
            return cycle.document
        case Published():
            raise reject("data.cycle", "cycle-published", "the results are published", "appeal against them")
        case Concluded():
            raise reject("data.cycle", "cycle-concluded", f"the cycle was concluded on {cycle.on}", "appeal at the registry")
        case Cancelled():
            raise reject("data.cycle", "cycle-cancelled", f"the cycle was cancelled on {cycle.on}", "use another cycle")
        case NotOpened():
            raise reject("data.cycle", "no-such-cycle", "the cycle was not opened", "open it first")
        case _:
            assert_never(cycle)


def decide_enrol(command: Enrol, state: Ratee, document: AppraisalDocument, around: MarkingAround) -> tuple[MarkingEvent, ...]:
    """The person, as the registry's facts have them on the last day of the period; said again, as they have them now."""
    stamp, day = command.stamp, document.last_day
    place = place_on(around.standing, day)
    if isinstance(place, str):
        raise reject(
            "data.person", "not-in-scope", f"the person is {place}", "report the facts to the registry, then enrol again"
        )
    scope = document.scope
    if not covers(document.division, place.division):
        outside = f"division {place.division} is not in {document.division}"
    elif scope.categories and place.category not in scope.categories:
        outside = f"category {place.category} is not in the scope"
    elif scope.grades and place.grade not in scope.grades:
        outside = f"grade {place.grade} is not in the scope"
    elif scope.units and place.unit not in scope.units:
        outside = "the unit is not in the scope"
    else:
        outside = ""
    if outside:
        raise reject(
            "data.person", "not-in-scope", f"on {day} the person's {outside}", "enrol them in the cycle that is theirs"
        )
    profile = profile_for(document, place.category, place.grade)
    if profile is None:
        raise reject(
            "data.person",
            "no-weights",
            f"no weights are for {place.category} of grade {place.grade}",
            "use a cycle that has some",
        )
    enrolled = PersonEnrolled(
        cycle=command.cycle,
        person_ref=stamp.person_ref,
        origin=stamp.origin,
        division=place.division,
        category=place.category,
        grade=place.grade,
        unit=place.unit,
        profile=profile,
        facts=place.facts,
    )
    known = state.enrolled
    if known is not None and known.model_copy(update={"origin": stamp.origin}) == enrolled:
        return already(state.enrolled_on == stamp.on)
    return (enrolled,)


def _profile(state: Ratee) -> int:
    assert state.enrolled is not None, "asked before"
    if len(state.known) >= RATINGS_MAX:
        raise reject("data", "too-many", f"there are {RATINGS_MAX} messages about this person", "report each only once")
    return state.enrolled.profile


def _check_role(document: AppraisalDocument, role: str) -> None:
    names = [each.name for each in document.raters]
    if role not in names:
        known = ", ".join(names)
        raise reject("data.role", "unknown-role", f"{role} is no role of the cycle", f"write one of {known}")


def _check_day(stamp: Stamp, document: AppraisalDocument) -> None:
    if stamp.on < document.effective_on:
        raise reject("effectiveon", "too-early", f"ratings begin on {document.effective_on}", "give the day of the rating")
    if stamp.on > document.ratings_until and document.late == "refused":
        raise reject("effectiveon", "late", f"ratings were taken until {document.ratings_until}", "nothing is to be done")


def decide_give(command: Give, state: Ratee, document: AppraisalDocument) -> tuple[MarkingEvent, ...]:
    stamp, profile = command.stamp, _profile(state)
    _check_day(stamp, document)
    _check_role(document, command.role)
    asked, given = marked_items(document, profile), [mark.item for mark in command.marks]
    beyond, lacking = sorted(set(given) - set(asked)), [item for item in asked if item not in given]
    if beyond:
        known = ", ".join(asked) or "nothing"
        raise reject("data.marks", "not-asked", f"{', '.join(beyond)} is not marked for this person", f"mark {known}")
    if lacking:
        raise reject("data.marks", "mark-missing", f"{', '.join(lacking)} is not marked", "mark every item")
    marks = tuple(sorted(command.marks, key=lambda mark: asked.index(mark.item)))
    return _said(
        command,
        state,
        RatingGiven(
            cycle=command.cycle,
            person_ref=stamp.person_ref,
            origin=stamp.origin,
            role=command.role,
            rater=command.rater,
            marks=marks,
        ),
    )


def _said(command: Give | Withdraw, state: Ratee, event: RatingGiven | RatingWithdrawn) -> tuple[MarkingEvent, ...]:
    """An older message that comes late says nothing new."""
    known, said = state.said.get((command.role, command.rater)), _said_by(event, command.stamp.on)
    return already(known == said) if known is not None and known.order > said.order else (event,)


def _said_by(event: RatingGiven | RatingWithdrawn, on: date) -> Said:
    order = order_of(event.origin)
    return Said(order, event.marks, on, None) if isinstance(event, RatingGiven) else Said(order, None, on, event.reason)


def decide_withdraw(command: Withdraw, state: Ratee, document: AppraisalDocument) -> tuple[MarkingEvent, ...]:
    stamp = command.stamp
    _profile(state)
    _check_role(document, command.role)
    return _said(
        command,
        state,
        RatingWithdrawn(
            cycle=command.cycle,
            person_ref=stamp.person_ref,
            origin=stamp.origin,
            role=command.role,
            rater=command.rater,
            reason=command.reason,
        ),
    )


def decide_measure(command: Measure, state: Ratee, document: AppraisalDocument) -> tuple[MarkingEvent, ...]:
    stamp, profile = command.stamp, _profile(state)
    weights = {weight.item for weight in document.weights[profile].items}
    measured = [item.name for item in document.items if item.part == "quantitative" and item.name in weights]
    if command.item not in measured:
        items = ", ".join(measured) or "nothing"
        problem = f"{command.item} is not measured for this person"
        raise reject("data.item", "not-asked", problem, f"what is measured: {items}")
    known, measured_now = state.measured.get(command.item), Measured(order_of(stamp.origin), command.achieved, stamp.on)
    if known is not None and known.order > measured_now.order:
        return already(known == measured_now)
    return (
        ResultMeasured(
            cycle=command.cycle,
            person_ref=stamp.person_ref,
            origin=stamp.origin,
            item=command.item,
            achieved=command.achieved,
        ),
    )


# --- evolve ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MarkingHappened:
    """A recorded event with what the row adds to it."""

    event_id: str
    effective_on: date
    event: MarkingEvent


def evolve_marking(state: Ratee, happened: MarkingHappened) -> Ratee:
    """The state after an event. The one before is not changed."""
    event, on = happened.event, happened.effective_on
    order = order_of(event.origin)
    state = replace(state, known=state.known | {order})
    match event:
        case PersonEnrolled():
            return replace(state, enrolled=event, enrolled_on=on)
        case RatingGiven() | RatingWithdrawn():
            rater = (event.role, event.rater)
            before = state.said.get(rater)
            if before is not None and before.order > order:
                return state
            return replace(state, said={**state.said, rater: _said_by(event, on)})
        case ResultMeasured():
            known = state.measured.get(event.item)
            if known is not None and known.order > order:
                return state
            return replace(state, measured={**state.measured, event.item: Measured(order, event.achieved, on)})
        case _:
            assert_never(event)


def replay_marking(history: Iterable[MarkingHappened]) -> Ratee:
    """The state after a whole history."""
    state = Ratee()
    for happened in history:
        state = evolve_marking(state, happened)
    return state


def marking_decider(around: MarkingAround, event_ids: Sequence[str] = ()) -> Decider[MarkingCommand, MarkingHappened, Ratee]:
    """The decider of one person in one cycle."""

    def decide_happened(command: MarkingCommand, state: Ratee) -> tuple[MarkingHappened, ...]:
        events = decide_marking(command, state, around)
        return tuple(MarkingHappened(command.stamp.event_id, command.stamp.on, event) for event in events)

    made: Decider[MarkingCommand, MarkingHappened, Ratee] = Decider(Ratee(), decide_happened, evolve_marking)
    return made
