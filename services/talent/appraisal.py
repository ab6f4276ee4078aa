"""An appraisal cycle: opened, scored, published, appealed against, concluded; or cancelled. Pure: no clock, randomness or I/O.

One stream a cycle, ``cycle-<source>/<key>``; what is said of each person in it stands on a stream of their own (``marking``).
Only the source that opened a cycle, or an operator, moves it on. Scoring may be repeated until the results are published; what
is published is what the ratings come to at that moment, or it is refused. After that nothing changes but by appeals, each of
which is decided before the cycle is concluded. The file is read top-down: the state, the commands, decide, evolve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, TypeVar, assert_never

from contracts.appraisal import AppraisalDocument, CycleScope
from contracts.appraisal_events import (
    RESULTS_MAX,
    AppealDecided,
    CycleCancelled,
    CycleConcluded,
    CycleEvent,
    CycleOpened,
    CyclePublished,
    CycleScored,
    FinalRating,
    PersonResult,
    RatingsConcluded,
    ResultAppealed,
    ResultsScored,
)
from contracts.divisions import covers
from contracts.registry import FactOrigin
from contracts.roles import OPERATOR
from eventlog.decider import Decider, Rejected, already
from services.talent.acts import Stamp, check_dates, reject
from services.talent.scoring import Result, Roster, places_of, results_digest, score

__all__ = [
    "Appeal",
    "Cancel",
    "Cancelled",
    "Conclude",
    "Concluded",
    "CycleAround",
    "CycleCommand",
    "CycleHappened",
    "CycleState",
    "DecideAppeal",
    "NotOpened",
    "Open",
    "OpenCycle",
    "Publish",
    "Published",
    "Reach",
    "Score",
    "Scored",
    "cycle_decider",
    "cycle_stream",
    "decide_cycle",
    "document_of",
    "evolve_cycle",
    "final_ratings",
    "needs_of_cycle",
    "overlap",
    "replay_cycle",
]

APPEALS_MAX = 10_000
T = TypeVar("T")


def cycle_stream(cycle: str) -> str:
    """cycle: ``<source>/<key>``."""
    return f"cycle-{cycle}"


# --- state ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotOpened:
    """There is no such cycle."""


@dataclass(frozen=True, slots=True)
class Open:
    on: date
    owner: str
    document: AppraisalDocument


@dataclass(frozen=True, slots=True)
class Scored:
    """scored: the event; parts: the results, as its events tell them."""

    on: date
    owner: str
    document: AppraisalDocument
    scored: str
    digest: str
    parts: tuple[tuple[PersonResult, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class AppealState:
    """why: the day of the decision, and its reason."""

    person_ref: str
    grounds: str
    on: date
    outcome: Literal["dismissed", "upheld"] | None = None
    rating: str | None = None
    why: tuple[date, str] | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """appeals: by name; the ratings of those that were upheld stand in place of the results'."""

    on: date
    owner: str
    document: AppraisalDocument
    scored: str
    parts: tuple[tuple[PersonResult, ...], ...]
    appeals_until: date
    appeals: Mapping[str, AppealState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Concluded:
    on: date
    owner: str
    document: AppraisalDocument


@dataclass(frozen=True, slots=True)
class Cancelled:
    on: date
    owner: str
    document: AppraisalDocument
    reason: str


CycleState = NotOpened | Open | Scored | Published | Concluded | Cancelled


def document_of(state: CycleState) -> AppraisalDocument | None:
    return None if isinstance(state, NotOpened) else state.document


# --- commands -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenCycle:
    """text, text_sha256: as the author wrote it."""

    stamp: Stamp
    cycle: str
    document: AppraisalDocument
    text: str
    text_sha256: str


@dataclass(frozen=True, slots=True)
class Score:
    stamp: Stamp
    cycle: str


@dataclass(frozen=True, slots=True)
class Publish:
    stamp: Stamp
    cycle: str
    appeals_until: date


@dataclass(frozen=True, slots=True)
class Appeal:
    """appeal: ``<source>/<key>``. The stamp names the person."""

    stamp: Stamp
    cycle: str
    appeal: str
    grounds: str


@dataclass(frozen=True, slots=True)
class DecideAppeal:
    stamp: Stamp
    cycle: str
    appeal: str
    outcome: Literal["dismissed", "upheld"]
    rating: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Conclude:
    stamp: Stamp
    cycle: str


@dataclass(frozen=True, slots=True)
class Cancel:
    stamp: Stamp
    cycle: str
    reason: str


CycleCommand = OpenCycle | Score | Publish | Appeal | DecideAppeal | Conclude | Cancel


def needs_of_cycle(command: CycleCommand, state: CycleState) -> Literal["cycle", "appeal"] | None:
    """What has to come first: the cycle; for a decision, the appeal. None: nothing."""
    if isinstance(state, NotOpened):
        return None if isinstance(command, OpenCycle) else "cycle"
    early = isinstance(command, DecideAppeal) and isinstance(state, Published) and command.appeal not in state.appeals
    return "appeal" if early else None


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a cycle is about, and when: enough to see whether two appraise the same people for the same time."""

    cycle: str
    division: str
    period: str
    first_day: date
    last_day: date
    scope: CycleScope

    @classmethod
    def of(cls, cycle: str, document: AppraisalDocument) -> Reach:
        return cls(cycle, document.division, document.period, document.first_day, document.last_day, document.scope)


@dataclass(frozen=True, slots=True)
class CycleAround:
    """What a decision needs beside the cycle. roster: everything that goes into its scoring. others: cycles not cancelled."""

    roster: Roster | None = None
    others: tuple[Reach, ...] = ()


def overlap(one: Reach, other: Reach) -> bool:
    """Whether somebody may be appraised by both for the same kind of period, on days that both have."""
    if one.period != other.period or one.last_day < other.first_day or other.last_day < one.first_day:
        return False
    if not (covers(one.division, other.division) or covers(other.division, one.division)):
        return False
    mine, theirs = one.scope, other.scope
    return all(
        not a or not b or bool(set(a) & set(b))
        for a, b in ((mine.categories, theirs.categories), (mine.grades, theirs.grades), (mine.units, theirs.units))
    )


# --- decide ---------------------------------------------------------------------------------------------------------------


def decide_cycle(command: CycleCommand, state: CycleState, around: CycleAround) -> tuple[CycleEvent, ...]:
    """Return what the command leads to. Raises Rejected. What was done already leads to nothing."""
    check_dates(command.stamp)
    if isinstance(command, OpenCycle):
        return decide_open(command, state, around)
    if isinstance(state, NotOpened):
        raise reject("data.cycle", "no-such-cycle", f"cycle {command.cycle} was not opened", "open it first")
    if not isinstance(command, Appeal) and not _may_act(command.stamp.origin, state.owner):
        raise reject(
            "data.cycle", "not-yours", f"cycle {command.cycle} is {state.owner}'s", f"let {state.owner} or an operator do it"
        )
    match command:
        case Score():
            return decide_score(command, state, around)
        case Publish():
            return decide_publish(command, state, around)
        case Appeal():
            return decide_appeal(command, state)
        case DecideAppeal():
            return decide_decision(command, state)
        case Conclude():
            return decide_conclude(command, state)
        case Cancel():
            return decide_cancel(command, state)
        case _:
            assert_never(command)


def _may_act(origin: FactOrigin, owner: str) -> bool:
    return origin.source == owner or origin.acts_as(OPERATOR)


def _over(state: Concluded | Cancelled) -> Rejected:
    what = "concluded" if isinstance(state, Concluded) else "cancelled"
    return reject("data.cycle", f"cycle-{what}", f"the cycle was {what} on {state.on}", "open another one")


def _not_before(stamp: Stamp, on: date) -> None:
    if stamp.on < on:
        raise reject(
            "effectiveon", "before-the-stage-before", f"the stage before was reached on {on}", "give a day not before that"
        )


def decide_open(command: OpenCycle, state: CycleState, around: CycleAround) -> tuple[CycleEvent, ...]:
    match state:
        case NotOpened():
            pass
        case Open() | Scored() | Published() | Concluded() | Cancelled():
            if state.document == command.document:
                return already(not isinstance(state, Open) or state.on == command.stamp.on)
            raise reject("data.cycle", "cycle-exists", "the cycle was opened with another document", "give another key")
        case _:
            assert_never(state)
    mine = Reach.of(command.cycle, command.document)
    for other in around.others:
        if other.cycle != command.cycle and overlap(mine, other):
            raise reject(
                "data.text",
                "scope-overlaps",
                f"cycle {other.cycle} appraises some of the same people for the same time",
                "narrow the scope, or cancel the other one",
            )
    stamp = command.stamp
    return (
        CycleOpened(
            cycle=command.cycle,
            origin=stamp.origin,
            document=command.document,
            text=command.text,
            text_sha256=command.text_sha256,
        ),
    )


def _results(document: AppraisalDocument, around: CycleAround) -> tuple[Sequence[Result], str]:
    assert around.roster is not None
    results = score(document, around.roster)
    return results, results_digest(results)


def _parts(entries: Sequence[T]) -> list[tuple[T, ...]]:
    """In pieces that fit into an event."""
    return [tuple(entries[start : start + RESULTS_MAX]) for start in range(0, len(entries), RESULTS_MAX)]


def decide_score(command: Score, state: CycleState, around: CycleAround) -> tuple[CycleEvent, ...]:
    stamp = command.stamp
    match state:
        case Open() | Scored():
            document = state.document
        case Published():
            raise reject("data.cycle", "cycle-published", "the results are published", "decide appeals, then conclude")
        case Concluded() | Cancelled():
            raise _over(state)
        case NotOpened():
            raise AssertionError("asked before")
        case _:
            assert_never(state)
    if stamp.on <= document.ratings_until:
        raise reject("effectiveon", "ratings-open", f"ratings are given until {document.ratings_until}", "score after that day")
    results, digest = _results(document, around)
    if not results:
        raise reject("data.cycle", "nobody-enrolled", "nobody is enrolled in the cycle", "enrol the people first")
    if isinstance(state, Scored) and state.digest == digest:
        return already(state.on == stamp.on)
    assert around.roster is not None
    scored = CycleScored(
        cycle=command.cycle,
        origin=stamp.origin,
        people=len(results),
        scored=sum(result.score is not None for result in results),
        ratings=len(around.roster.rated),
        digest=digest,
    )
    parts = _parts([PersonResult(**result._asdict()) for result in results])
    return (
        scored,
        *(
            ResultsScored(cycle=command.cycle, scored=stamp.event_id, part=number, results=part)
            for number, part in enumerate(parts, start=1)
        ),
    )


def decide_publish(command: Publish, state: CycleState, around: CycleAround) -> tuple[CycleEvent, ...]:
    stamp = command.stamp
    match state:
        case Scored():
            _not_before(stamp, state.on)
        case Open():
            raise reject("type", "stage-skipped", "the cycle is not scored yet", "score it first")
        case Published():
            if state.appeals_until == command.appeals_until:
                return already(state.on == stamp.on)
            raise reject(
                "data.cycle", "cycle-published", f"the results are published since {state.on}", "nothing is to be done"
            )
        case Concluded() | Cancelled():
            raise _over(state)
        case NotOpened():
            raise AssertionError("asked before")
        case _:
            assert_never(state)
    if command.appeals_until < stamp.on:
        raise reject("data.appeals_until", "before-publication", "appeals end before they can begin", "give a later day")
    if _results(state.document, around)[1] != state.digest:
        raise reject(
            "data.cycle", "scores-stale", "ratings or conduct have changed since the scoring", "score again, then publish"
        )
    return (CyclePublished(cycle=command.cycle, origin=stamp.origin, scored=state.scored, appeals_until=command.appeals_until),)


def _published(state: CycleState, wanted: str) -> Published:
    match state:
        case Published():
            return state
        case Open() | Scored():
            raise reject(
                "type", "stage-skipped", f"the results are not published yet, {wanted} comes later", "publish them first"
            )
        case Concluded() | Cancelled():
            raise _over(state)
        case NotOpened():
            raise AssertionError("asked before")
        case _:
            assert_never(state)


def _result_of(state: Published, person_ref: str) -> PersonResult | None:
    return next((result for part in state.parts for result in part if result.person_ref == person_ref), None)


def decide_appeal(command: Appeal, state: CycleState) -> tuple[CycleEvent, ...]:
    stamp, published = command.stamp, _published(state, "an appeal")
    if _result_of(published, stamp.person_ref) is None:
        raise reject("data.person", "not-in-cycle", "the person has no result in this cycle", "check the cycle and the person")
    known = published.appeals.get(command.appeal)
    if known is not None:
        if (known.person_ref, known.grounds) == (stamp.person_ref, command.grounds):
            return already(known.on == stamp.on)
        raise reject("data.appeal", "appeal-exists", "this key was used for another appeal", "give another key")
    _not_before(stamp, published.on)
    if stamp.on > published.appeals_until:
        raise reject("effectiveon", "too-late", f"appeals were taken until {published.appeals_until}", "nothing is to be done")
    if len(published.appeals) >= APPEALS_MAX:
        raise reject("data.appeal", "too-many", f"there are {APPEALS_MAX} appeals in this cycle", "report each only once")
    if any(a.person_ref == stamp.person_ref and a.outcome is None for a in published.appeals.values()):
        raise reject("data.person", "appeal-open", "an appeal of this person is not decided yet", "wait for that decision")
    return (
        ResultAppealed(
            cycle=command.cycle,
            origin=stamp.origin,
            person_ref=stamp.person_ref,
            appeal=command.appeal,
            grounds=command.grounds,
        ),
    )


def decide_decision(command: DecideAppeal, state: CycleState) -> tuple[CycleEvent, ...]:
    stamp, published = command.stamp, _published(state, "a decision")
    known = published.appeals.get(command.appeal)
    if known is None or known.person_ref != stamp.person_ref:
        raise reject("data.appeal", "no-such-appeal", "the person made no such appeal in this cycle", "check key and person")
    if known.outcome is not None:
        if (known.outcome, known.rating) == (command.outcome, command.rating):
            return already(known.why == (stamp.on, command.reason))
        raise reject("data.appeal", "decided-already", f"the appeal was {known.outcome}", "nothing is to be done")
    _not_before(stamp, published.on)
    if command.outcome == "upheld":
        assert command.rating is not None
        _check_new_rating(published, stamp.person_ref, command.rating)
    return (
        AppealDecided(
            cycle=command.cycle,
            origin=stamp.origin,
            person_ref=stamp.person_ref,
            appeal=command.appeal,
            outcome=command.outcome,
            rating=command.rating,
            reason=command.reason,
        ),
    )


def _check_new_rating(state: Published, person_ref: str, rating: str) -> None:
    """An appeal betters a rating, within the limit of the best one and what a sanction allows. Raises Rejected."""
    document, ratings = state.document, [band.rating for band in state.document.bands]
    if rating not in ratings:
        known = ", ".join(ratings)
        raise reject("data.rating", "unknown-rating", f"{rating} is none of the cycle's ratings", f"write one of {known}")
    result, now = _result_of(state, person_ref), final_ratings(state)
    assert result is not None
    current = now.get(person_ref)
    if current is not None and ratings.index(rating) >= ratings.index(current):
        raise reject(
            "data.rating", "not-better", f"the person has {current} already", "name a better one, or dismiss the appeal"
        )
    steps = {why.removeprefix("barred:") for why in result.why if why.startswith("barred:")}
    if any(bar.step in steps and ratings.index(rating) <= ratings.index(bar.rating) for bar in document.bars):
        raise reject("data.rating", "barred", "a sanction keeps the person from this rating", "lift it, or name another rating")
    if rating == ratings[0]:
        group = [each for part in state.parts for each in part if each.group == result.group]
        _, limit = places_of(document, sum(each.score is not None for each in group))
        if sum(now.get(each.person_ref) == rating for each in group) >= limit:
            problem = f"{limit} people have {rating} already, which is the limit of {document.quota.limit_percent} %"
            raise reject("data.rating", "above-limit", problem, "name another rating, or dismiss the appeal")


def final_ratings(state: Published) -> dict[str, str]:
    """person_ref → the rating as it is now, of those who have one."""
    found = {result.person_ref: result.rating for part in state.parts for result in part if result.rating is not None}
    upheld = {appeal.person_ref: appeal.rating for appeal in state.appeals.values() if appeal.rating is not None}
    return found | upheld


def decide_conclude(command: Conclude, state: CycleState) -> tuple[CycleEvent, ...]:
    stamp = command.stamp
    if isinstance(state, Concluded):
        return already(state.on == stamp.on)
    published = _published(state, "the conclusion")
    open_appeals = sum(appeal.outcome is None for appeal in published.appeals.values())
    if open_appeals:
        raise reject("data.cycle", "appeals-open", f"{open_appeals} appeals are not decided", "decide them first")
    if stamp.on <= published.appeals_until:
        raise reject(
            "effectiveon", "appeals-not-over", f"appeals are taken until {published.appeals_until}", "conclude after that day"
        )
    document, final = published.document, final_ratings(published)
    told = document.period == "yearly"
    concluded = CycleConcluded(cycle=command.cycle, origin=stamp.origin, year=document.year, rated=len(final), told=told)
    ratings = [FinalRating(person_ref=ref, rating=rating) for ref, rating in sorted(final.items())] if told else []
    return (
        concluded,
        *(
            RatingsConcluded(cycle=command.cycle, concluded=stamp.event_id, year=document.year, part=number, ratings=part)
            for number, part in enumerate(_parts(ratings), start=1)
        ),
    )


def decide_cancel(command: Cancel, state: CycleState) -> tuple[CycleEvent, ...]:
    match state:
        case Cancelled():
            return already((state.on, state.reason) == (command.stamp.on, command.reason))
        case Concluded():
            raise _over(state)
        case Open() | Scored() | Published():
            _not_before(command.stamp, state.on)
        case NotOpened():
            raise AssertionError("asked before")
        case _:
            assert_never(state)
    return (CycleCancelled(cycle=command.cycle, origin=command.stamp.origin, reason=command.reason),)


# --- evolve ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CycleHappened:
    """A recorded event with what the row adds to it."""

    event_id: str
    effective_on: date
    event: CycleEvent


def evolve_cycle(state: CycleState, happened: CycleHappened) -> CycleState:
    """The state after an event. The one before is not changed."""
    event, on = happened.event, happened.effective_on
    match event:
        case CycleOpened():
            return Open(on, event.origin.source, event.document)
        case CycleScored():
            assert isinstance(state, Open | Scored)
            return Scored(on, state.owner, state.document, happened.event_id, event.digest)
        case ResultsScored():
            assert isinstance(state, Scored)
            return replace(state, parts=(*state.parts, event.results))
        case CyclePublished():
            assert isinstance(state, Scored)
            return Published(on, state.owner, state.document, state.scored, state.parts, event.appeals_until)
        case ResultAppealed():
            assert isinstance(state, Published)
            appeals = {**state.appeals, event.appeal: AppealState(event.person_ref, event.grounds, on)}
            return replace(state, appeals=appeals)
        case AppealDecided():
            assert isinstance(state, Published)
            why = (on, event.reason)
            decided = replace(state.appeals[event.appeal], outcome=event.outcome, rating=event.rating, why=why)
            return replace(state, appeals={**state.appeals, event.appeal: decided})
        case CycleConcluded():
            assert isinstance(state, Published)
            return Concluded(on, state.owner, state.document)
        case RatingsConcluded():
            return state
        case CycleCancelled():
            assert not isinstance(state, NotOpened)
            return Cancelled(on, state.owner, state.document, event.reason)
        case _:
            assert_never(event)


def replay_cycle(history: Iterable[CycleHappened]) -> CycleState:
    """The state after a whole history."""
    state: CycleState = NotOpened()
    for happened in history:
        state = evolve_cycle(state, happened)
    return state


def cycle_decider(
    around: CycleAround = CycleAround(),
    event_ids: Sequence[str] = (),
) -> Decider[CycleCommand, CycleHappened, CycleState]:
    """The decider of one cycle. The first event of an act has the stamp's id, a further one the next of ``event_ids``."""

    def decide_happened(command: CycleCommand, state: CycleState) -> tuple[CycleHappened, ...]:
        ids = [command.stamp.event_id, *event_ids]
        events = decide_cycle(command, state, around)
        return tuple(CycleHappened(ids[min(n, len(ids) - 1)], command.stamp.on, event) for n, event in enumerate(events))

    made: Decider[CycleCommand, CycleHappened, CycleState] = Decider(NotOpened(), decide_happened, evolve_cycle)
    return made
