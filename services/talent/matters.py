"""Matters that are not about a person: courses and sessions, problems, responsibility lists. Pure.

One stream a matter, ``<kind>-<source>/<key>``. What a source describes (a course) counts as it was written last.
A problem (问题台账) is raised with a last day that is computed once, evidenced, returned or closed (销号); a
responsibility list (责任清单) is issued, signed, and its items checked off by period. Any source may submit
evidence; whether it does, and how long there is, is said by the source that raised the problem, or by one of the ``closers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, assert_never

from contracts.development import (
    CheckPeriod,
    Course,
    CourseRecorded,
    ItemCheck,
    ListIssue,
    ListSignature,
    ListWithdrawal,
    MatterEvent,
    Problem,
    ProblemClosed,
    ProblemClosing,
    ProblemEvidence,
    ProblemEvidenced,
    ProblemExtended,
    ProblemExtension,
    ProblemRaised,
    ProblemReturn,
    ProblemReturned,
    ResponsibilityChecked,
    ResponsibilityIssued,
    ResponsibilitySigned,
    ResponsibilityWithdrawn,
    Session,
    SessionRecorded,
)
from contracts.divisions import in_force
from contracts.registry import FactOrigin
from contracts.roles import OPERATOR
from contracts.terms import month_end
from contracts.workdays import Calendar, UnknownYear
from eventlog.decider import Decider, already
from services.talent.acts import Stamp, check_dates, reject
from services.talent.development import PolicyKnown

__all__ = [
    "Absent",
    "Described",
    "Issued",
    "Matter",
    "MatterAct",
    "MatterHappened",
    "MatterSaid",
    "Raised",
    "decide_matter",
    "evolve_matter",
    "matter_decider",
    "matter_of",
    "may_say",
    "opens",
    "period_end",
    "periods_of",
    "replay_matter",
]

MatterSaid = (
    Course
    | Session
    | Problem
    | ProblemEvidence
    | ProblemReturn
    | ProblemExtension
    | ProblemClosing
    | ListIssue
    | ListSignature
    | ItemCheck
    | ListWithdrawal
)
STEPS_MAX = 1_000
"""Steps of one problem or list."""


def matter_of(says: MatterSaid, source: str) -> str:
    """The stream of what is said: ``problem-hr/P-1``. source: the publishing one."""
    match says:
        case Course():
            return f"course-{source}/{says.course}"
        case Session():
            return f"session-{source}/{says.session}"
        case Problem():
            return f"problem-{source}/{says.problem}"
        case ProblemEvidence() | ProblemReturn() | ProblemExtension() | ProblemClosing():
            return f"problem-{says.problem_source or source}/{says.problem}"
        case ListIssue():
            return f"list-{source}/{says.list}"
        case ListSignature() | ItemCheck() | ListWithdrawal():
            return f"list-{says.list_source or source}/{says.list}"
        case _:
            assert_never(says)


def opens(says: MatterSaid) -> bool:
    """Whether it can be the first thing that is said of a matter."""
    return isinstance(says, Course | Session | Problem | ListIssue)


def may_say(says: MatterSaid, origin: FactOrigin, closers: frozenset[str] = frozenset()) -> bool:
    """Whether who publishes may say this of the matter that it names. closers: sources that may, beside the operators.

    Evidence, a signature and the check of an item may come from any system; how a problem ends, and that a list is no longer
    asked for, is for whoever began it.
    """
    ends_all = origin.source in closers or origin.acts_as(OPERATOR)
    match says:
        case ProblemReturn() | ProblemExtension() | ProblemClosing():
            return says.problem_source in (None, origin.source) or ends_all
        case ListWithdrawal():
            return says.list_source in (None, origin.source) or ends_all
        case _:
            return True


# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing was said of it."""


@dataclass(frozen=True, slots=True)
class Described:
    """A course or session as it was written last."""

    says: Course | Session
    on: date
    order: tuple[str, str] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Raised:
    """status: open; evidenced: it waits for whoever closes; closed. due_on moves with an extension."""

    says: Problem
    on: date
    due_on: date
    status: Literal["open", "evidenced", "closed"] = "open"
    extensions: int = 0
    steps: int = 1
    last: ProblemEvidence | ProblemReturn | ProblemExtension | ProblemClosing | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    says: ItemCheck
    on: date
    order: tuple[str, str] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """checked: (item, period) → what was said last."""

    says: ListIssue
    on: date
    signed: tuple[ListSignature, date] | None = None
    withdrawn: tuple[ListWithdrawal, date] | None = None
    checked: Mapping[tuple[str, str], Checked] = field(default_factory=dict)


Matter = Absent | Described | Raised | Issued


@dataclass(frozen=True, slots=True)
class MatterAct:
    """matter: its stream."""

    stamp: Stamp
    matter: str
    says: MatterSaid


@dataclass(frozen=True, slots=True)
class MatterHappened:
    """A recorded event with what the row adds to it."""

    effective_on: date
    event: MatterEvent


# --- periods of a list --------------------------------------------------------------------------------------------------


def periods_of(every: CheckPeriod, year: int) -> tuple[str, ...]:
    """The periods of a year, in order: 2026-01 …, 2026-Q1 …, 2026-H1 …, 2026."""
    match every:
        case "monthly":
            return tuple(f"{year}-{month:02}" for month in range(1, 13))
        case "quarterly":
            return tuple(f"{year}-Q{number}" for number in range(1, 5))
        case "half_yearly":
            return (f"{year}-H1", f"{year}-H2")
        case "yearly":
            return (str(year),)
        case _:
            assert_never(every)


def period_end(period: str) -> date:
    """The last day of a period."""
    year, _, rest = period.partition("-")
    month = 12 if not rest else 3 * int(rest[1]) if rest[0] == "Q" else 6 * int(rest[1]) if rest[0] == "H" else int(rest)
    return month_end(int(year), month)


# --- decide -----------------------------------------------------------------------------------------------------------


def decide_matter(
    act: MatterAct,
    state: Matter,
    policies: Iterable[PolicyKnown] = (),
    calendar: Calendar | None = None,
    closers: frozenset[str] = frozenset(),
) -> tuple[MatterEvent, ...]:
    """Return what the act leads to. Raises Rejected. An act that was done already leads to nothing."""
    check_dates(act.stamp)
    says = act.says
    if not may_say(says, act.stamp.origin, closers):
        if isinstance(says, ListWithdrawal):
            raise reject("data.list_source", "not-your-list", "another source issued this list", "ask it, or an operator")
        raise reject("data.problem_source", "not-your-problem", "another source raised this problem", "ask it, or an operator")
    match says:
        case Course() | Session():
            return _describe(act, says, state)
        case Problem():
            return _raise(act, says, state, policies, calendar)
        case ProblemEvidence() | ProblemReturn() | ProblemExtension() | ProblemClosing():
            return _step(act, says, state, policies)
        case ListIssue():
            return _issue(act, says, state)
        case ListSignature():
            return _sign(act, says, _issued(state, act))
        case ItemCheck():
            return _check(act, says, _issued(state, act))
        case ListWithdrawal():
            return _withdraw(act, says, _issued(state, act))
        case _:
            assert_never(says)


def _order(stamp: Stamp) -> tuple[str, str]:
    return stamp.origin.occurred_at.isoformat(), stamp.origin.id


def _describe(act: MatterAct, says: Course | Session, state: Matter) -> tuple[MatterEvent, ...]:
    if isinstance(says, Session) and says.ends_on < says.begins_on:
        raise reject("data.ends_on", "dates-reversed", f"{says.ends_on} is before {says.begins_on}", "correct one of the two")
    # An older report that comes late says nothing new: any order of the same reports ends in the same description.
    if isinstance(state, Described) and state.order >= _order(act.stamp):
        return already((state.says, state.on) == (says, act.stamp.on))
    origin = act.stamp.origin
    match says:
        case Course():
            return (CourseRecorded(matter=act.matter, origin=origin, says=says),)
        case Session():
            return (SessionRecorded(matter=act.matter, origin=origin, says=says),)
        case _:
            assert_never(says)


# --- problems ---------------------------------------------------------------------------------------------------------


def _raise(
    act: MatterAct, says: Problem, state: Matter, policies: Iterable[PolicyKnown], calendar: Calendar | None
) -> tuple[MatterEvent, ...]:
    if isinstance(state, Raised):
        if (state.says, state.on) == (says, act.stamp.on):
            return ()
        raise reject("data.problem", "key-taken", f"problem {says.problem} is raised already", "give it another key")
    due_on, counted = _due(act, says, policies, calendar)
    return (ProblemRaised(matter=act.matter, origin=act.stamp.origin, says=says, due_on=due_on, calendar=counted),)


def _due(act: MatterAct, says: Problem, policies: Iterable[PolicyKnown], calendar: Calendar | None) -> tuple[date, str]:
    """The last day, and the calendar that it was counted on; what the calendar does not know is asked for, never guessed."""
    on = act.stamp.on
    if says.due_on is not None:
        if says.working_days is not None:
            raise reject("data.due_on", "two-deadlines", "a last day and a number of days are given", "leave one of them out")
        if says.due_on < on:
            raise reject("data.due_on", "dates-reversed", f"{says.due_on} is before {on}", "give a later day")
        return says.due_on, ""
    days = says.working_days
    if days is None:
        policy = _policy(policies, says.division, on)
        rule = None if policy is None else policy.document.rectification
        if rule is None:
            problem = f"no policy for {says.division} says how long a problem may take"
            raise reject("data.due_on", "no-deadline", problem, "give due_on or working_days")
        days = rule.working_days
    try:
        if calendar is None:
            raise UnknownYear(on.year)
        return calendar.add_working_days(on, days), calendar.version
    except UnknownYear as unknown:
        problem = f"the calendar has no arrangement for {unknown.year}, so {days} working days cannot be counted"
        raise reject("data.due_on", "calendar-unknown", problem, "give due_on") from None


def _policy(policies: Iterable[PolicyKnown], division: str, day: date) -> PolicyKnown | None:
    found = in_force(((p.event_id, p.document) for p in policies), division, day)
    return None if found is None else PolicyKnown(*found)


def _step(
    act: MatterAct,
    says: ProblemEvidence | ProblemReturn | ProblemExtension | ProblemClosing,
    state: Matter,
    policies: Iterable[PolicyKnown],
) -> tuple[MatterEvent, ...]:
    if not isinstance(state, Raised):
        raise reject("data.problem", "no-such-problem", f"no problem {says.problem} was raised", "raise it first")
    if state.last == says:
        return already(state.on == act.stamp.on)
    if state.status == "closed":
        raise reject("data.problem", "problem-closed", f"problem {says.problem} is closed", "raise another")
    if act.stamp.on < state.on:
        raise reject("effectiveon", "before-the-stage-before", f"its last step was on {state.on}", "give a later day")
    if state.steps >= STEPS_MAX:
        raise reject("data.problem", "too-many", f"there are {STEPS_MAX} steps of this problem", "close it")
    matter, origin = act.matter, act.stamp.origin
    match says:
        case ProblemEvidence():
            return (ProblemEvidenced(matter=matter, origin=origin, says=says),)
        case ProblemReturn():
            if state.status != "evidenced":
                raise reject("data.problem", "stage-skipped", "no evidence waits to be judged", "have evidence submitted")
            return (ProblemReturned(matter=matter, origin=origin, says=says),)
        case ProblemExtension():
            return _extend(act, says, state, policies)
        case ProblemClosing():
            if says.outcome == "rectified" and state.status != "evidenced":
                problem = "nothing shows that it was put right"
                raise reject("data.outcome", "no-evidence", problem, "have evidence submitted, or give another outcome")
            late = max(0, (act.stamp.on - state.due_on).days)
            return (ProblemClosed(matter=matter, origin=origin, says=says, late=late),)
        case _:
            assert_never(says)


def _extend(act: MatterAct, says: ProblemExtension, state: Raised, policies: Iterable[PolicyKnown]) -> tuple[MatterEvent, ...]:
    if says.due_on <= state.due_on:
        raise reject("data.due_on", "no-extension", f"its last day is {state.due_on} already", "give a later day")
    policy = _policy(policies, state.says.division, act.stamp.on)
    rule = None if policy is None else policy.document.rectification
    if rule is not None and state.extensions >= rule.extensions_at_most:
        problem = f"it was extended {state.extensions} times, the policy allows {rule.extensions_at_most}"
        raise reject("data.problem", "too-many-extensions", problem, "close it, or leave it overdue")
    return (ProblemExtended(matter=act.matter, origin=act.stamp.origin, says=says),)


# --- responsibility lists ------------------------------------------------------------------------------------------------


def _issue(act: MatterAct, says: ListIssue, state: Matter) -> tuple[MatterEvent, ...]:
    if isinstance(state, Issued):
        if (state.says, state.on) == (says, act.stamp.on):
            return ()
        raise reject("data.list", "key-taken", f"list {says.list} is issued already", "withdraw it, and give another key")
    items = [item.item for item in says.items]
    for place, item in enumerate(items):
        if item in items[:place]:
            raise reject(f"data.items.{place}.item", "duplicate", f"item {item} is listed twice", "rename one")
    if says.sign_by < act.stamp.on:
        raise reject("data.sign_by", "dates-reversed", f"{says.sign_by} is before {act.stamp.on}", "give a later day")
    return (ResponsibilityIssued(matter=act.matter, origin=act.stamp.origin, says=says),)


def _issued(state: Matter, act: MatterAct) -> Issued:
    if not isinstance(state, Issued):
        raise reject("data.list", "no-such-list", "no such list was issued", "issue it first")
    if act.stamp.on < state.on:
        raise reject("effectiveon", "before-the-stage-before", f"it was issued on {state.on}", "give a later day")
    return state


def _withdrawn(state: Issued) -> None:
    if state.withdrawn is not None:
        raise reject("data.list", "list-withdrawn", f"the list was withdrawn on {state.withdrawn[1]}", "issue another")


def _sign(act: MatterAct, says: ListSignature, state: Issued) -> tuple[MatterEvent, ...]:
    if state.signed is not None:
        return already(state.signed == (says, act.stamp.on))
    _withdrawn(state)
    return (ResponsibilitySigned(matter=act.matter, origin=act.stamp.origin, says=says),)


def _check(act: MatterAct, says: ItemCheck, state: Issued) -> tuple[MatterEvent, ...]:
    item = next((item for item in state.says.items if item.item == says.item), None)
    if item is None:
        known = ", ".join(item.item for item in state.says.items)
        raise reject("data.item", "no-such-item", f"the list has no item {says.item}; it has {known}", "correct the item")
    periods = periods_of(item.every, state.says.year)
    if says.period not in periods:
        shown = f"{periods[0]} to {periods[-1]}"
        raise reject(
            "data.period", "no-such-period", f"item {says.item} is checked {item.every}: {shown}", "correct the period"
        )
    known_check = state.checked.get((says.item, says.period))
    if known_check is not None and known_check.order >= _order(act.stamp):
        return already((known_check.says, known_check.on) == (says, act.stamp.on))
    _withdrawn(state)
    if state.signed is None:
        raise reject("data.list", "not-signed", "the list is not signed yet", "have it signed first")
    return (ResponsibilityChecked(matter=act.matter, origin=act.stamp.origin, says=says),)


def _withdraw(act: MatterAct, says: ListWithdrawal, state: Issued) -> tuple[MatterEvent, ...]:
    if state.withdrawn is not None:
        return already(state.withdrawn == (says, act.stamp.on))
    return (ResponsibilityWithdrawn(matter=act.matter, origin=act.stamp.origin, says=says),)


# --- evolve -----------------------------------------------------------------------------------------------------------


def evolve_matter(state: Matter, happened: MatterHappened) -> Matter:
    """The state after an event. The one before is not changed."""
    event, on = happened.event, happened.effective_on
    match event:
        case CourseRecorded() | SessionRecorded():
            return Described(event.says, on, (event.origin.occurred_at.isoformat(), event.origin.id))
        case ProblemRaised():
            return Raised(event.says, on, event.due_on)
        case ProblemEvidenced() | ProblemReturned() | ProblemExtended() | ProblemClosed():
            assert isinstance(state, Raised)
            after = replace(state, on=on, steps=state.steps + 1, last=event.says)
            if isinstance(event, ProblemExtended):
                return replace(after, due_on=event.says.due_on, extensions=state.extensions + 1)
            status: Literal["open", "evidenced", "closed"]
            status = "evidenced" if isinstance(event, ProblemEvidenced) else "open"
            return replace(after, status="closed" if isinstance(event, ProblemClosed) else status)
        case ResponsibilityIssued():
            return Issued(event.says, on)
        case ResponsibilitySigned():
            assert isinstance(state, Issued)
            return replace(state, signed=(event.says, on))
        case ResponsibilityChecked():
            assert isinstance(state, Issued)
            order = (event.origin.occurred_at.isoformat(), event.origin.id)
            checked = {**state.checked, (event.says.item, event.says.period): Checked(event.says, on, order)}
            return replace(state, checked=checked)
        case ResponsibilityWithdrawn():
            assert isinstance(state, Issued)
            return replace(state, withdrawn=(event.says, on))
        case _:
            assert_never(event)


def replay_matter(history: Iterable[MatterHappened]) -> Matter:
    """The state after a whole history."""
    state: Matter = Absent()
    for happened in history:
        state = evolve_matter(state, happened)
    return state


def matter_decider(
    policies: Iterable[PolicyKnown] = (), calendar: Calendar | None = None, closers: frozenset[str] = frozenset()
) -> Decider[MatterAct, MatterHappened, Matter]:
    """The decider of one matter, with the policies, the calendar and the closers that are known."""
    known = tuple(policies)

    def decide(act: MatterAct, state: Matter) -> tuple[MatterHappened, ...]:
        events: Iterator[MatterEvent] = iter(decide_matter(act, state, known, calendar, closers))
        return tuple(MatterHappened(act.stamp.on, event) for event in events)

    made: Decider[MatterAct, MatterHappened, Matter] = Decider(Absent(), decide, evolve_matter)
    return made
