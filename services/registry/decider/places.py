"""Units, annual inspections and exports of personal data: streams of their own, not anybody's file. Pure.

What a source tells of a unit is the whole of what it knows then: what it had recorded before that, and comes later, adds
nothing. An inspection is opened once for a division and year, and closed once. Each export of a list is recorded anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import assert_never

from contracts import intake
from contracts.receipts import Problem
from contracts.registry import (
    FactOrigin,
    InspectionClosed,
    InspectionOpened,
    PersonalDataExported,
    UnitClosed,
    UnitRegistered,
)
from eventlog.decider import Rejected, already
from services.registry.decider.worker import Early, Stamp, not_before, reject

__all__ = [
    "PLACE_FACTS",
    "Export",
    "Inspection",
    "PlaceEvent",
    "PlaceFact",
    "PlaceState",
    "Unit",
    "decide_place",
    "evolve_place",
    "initial",
    "inspection_stream",
    "result_origin",
    "stream_of_place",
    "unit_stream",
]

INSPECTION_DAYS_MAX = 730

PlaceFact = (
    intake.UnitRegistered | intake.UnitClosed | intake.InspectionOpened | intake.InspectionClosed | intake.PersonalDataExported
)
PLACE_FACTS = (
    intake.UnitRegistered,
    intake.UnitClosed,
    intake.InspectionOpened,
    intake.InspectionClosed,
    intake.PersonalDataExported,
)
PlaceEvent = UnitRegistered | UnitClosed | InspectionOpened | InspectionClosed | PersonalDataExported


@dataclass(frozen=True, slots=True)
class Unit:
    """None of it is known before the first event. says: the whole of what is known now, told_at: when its source recorded the
    last of it, and in which message. since: first day of what is known now."""

    says: UnitRegistered | None = None
    since: date | None = None
    closed_on: date | None = None
    why_closed: str | None = None
    told_at: tuple[datetime, str] | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    opened: InspectionOpened | None = None
    opened_on: date | None = None
    closed: InspectionClosed | None = None
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A list of people whose personal data were put into files. facts: the messages that said so."""

    facts: frozenset[tuple[str, str]] = frozenset()


PlaceState = Unit | Inspection | Export


def unit_stream(unit: str) -> str:
    return f"unit-{unit}"


def inspection_stream(division: str, year: int) -> str:
    return f"inspection-{division}-{year}"


def stream_of_place(says: PlaceFact, source: str) -> str:
    match says:
        case intake.UnitRegistered() | intake.UnitClosed():
            return unit_stream(f"{source}/{says.unit}")
        case intake.InspectionOpened() | intake.InspectionClosed():
            return inspection_stream(says.division, says.year)
        case intake.PersonalDataExported():
            return f"export-{says.list_sha256}"
        case _:
            assert_never(says)


def initial(stream: str) -> PlaceState:
    if stream.startswith("export-"):
        return Export()
    return Unit() if stream.startswith("unit-") else Inspection()


def decide_place(
    stamp: Stamp, says: PlaceFact, state: PlaceState, check: Callable[[str, str | None], Problem | None]
) -> tuple[PlaceEvent, ...]:
    """check: (division code, unified social credit code) → what is wrong with them. Raises Early, Rejected."""
    match says:
        case intake.UnitRegistered():
            assert isinstance(state, Unit)
            return _unit_registered(stamp, says, state, check)
        case intake.UnitClosed():
            assert isinstance(state, Unit)
            return _unit_closed(stamp, says, state)
        case intake.InspectionOpened():
            assert isinstance(state, Inspection)
            return _inspection_opened(stamp, says, state, check)
        case intake.InspectionClosed():
            assert isinstance(state, Inspection)
            return _inspection_closed(stamp, says, state)
        case intake.PersonalDataExported():
            assert isinstance(state, Export)
            return _exported(stamp, says, state)
        case _:
            assert_never(says)


def _unit_registered(
    stamp: Stamp, says: intake.UnitRegistered, state: Unit, check: Callable[[str, str | None], Problem | None]
) -> tuple[PlaceEvent, ...]:
    problem = check(says.division, says.credit_code)
    if problem is not None:
        raise Rejected(problem)
    source = stamp.origin.source
    if says.parent == says.unit:
        raise reject("data.parent", "own-parent", "a unit is not above itself", "name the unit above it, or leave it out")
    event = UnitRegistered(
        fact=stamp.origin,
        unit=f"{source}/{says.unit}",
        title=says.title,
        division=says.division,
        credit_code=says.credit_code,
        parent=None if says.parent is None else f"{source}/{says.parent}",
    )
    same = state.says is not None and state.closed_on is None and _content(state.says) == _content(event)
    if same or (state.told_at is not None and _told_at(stamp.origin) <= state.told_at):
        return already(same and state.since == stamp.effective_on)
    return (event,)


def _told_at(origin: FactOrigin) -> tuple[datetime, str]:
    return origin.occurred_at, origin.id


def _content(event: UnitRegistered) -> tuple[str | None, ...]:
    return event.unit, event.title, event.division, event.credit_code, event.parent


def _unit_closed(stamp: Stamp, says: intake.UnitClosed, state: Unit) -> tuple[PlaceEvent, ...]:
    name = f"{stamp.origin.source}/{says.unit}"
    if state.says is None or state.since is None:
        raise Early(f"unit:{name}", f"the registration of unit {says.unit}")
    same = (state.closed_on, state.why_closed) == (stamp.effective_on, says.reason)
    if same or (state.told_at is not None and _told_at(stamp.origin) <= state.told_at):
        return already(same)
    if state.closed_on is not None:
        raise reject("data.unit", "already-closed", f"the unit was closed on {state.closed_on}", "nothing is to be done")
    not_before(stamp, state.since, "its registration")
    return (UnitClosed(fact=stamp.origin, unit=name, reason=says.reason),)


def _inspection_opened(
    stamp: Stamp, says: intake.InspectionOpened, state: Inspection, check: Callable[[str, str | None], Problem | None]
) -> tuple[PlaceEvent, ...]:
    if state.opened is not None:
        if (state.opened_on, state.opened.closes_on, state.opened.items) == (stamp.effective_on, says.closes_on, says.items):
            return ()
        raise reject(
            "data.year",
            "already-opened",
            f"the inspection for {says.year} was opened in this division",
            "nothing is to be done",
        )
    problem = check(says.division, None)
    if problem is not None:
        raise Rejected(problem)
    if not stamp.effective_on <= says.closes_on <= stamp.effective_on + timedelta(days=INSPECTION_DAYS_MAX):
        raise reject(
            "data.closes_on",
            "closes-on",
            f"the last day is not within {INSPECTION_DAYS_MAX} days from {stamp.effective_on}",
            "mend one of the two days",
        )
    event = InspectionOpened(
        fact=stamp.origin, division=says.division, year=says.year, closes_on=says.closes_on, items=says.items
    )
    return (event,)


def _inspection_closed(stamp: Stamp, says: intake.InspectionClosed, state: Inspection) -> tuple[PlaceEvent, ...]:
    if state.opened is None or state.opened_on is None:
        raise Early(f"inspection:{says.division}/{says.year}", f"the opening of the inspection for {says.year}")
    if state.closed is not None:
        if (state.closed_on, state.closed.rest) == (stamp.effective_on, says.rest):
            return ()
        raise reject("data.year", "already-closed", "this inspection was closed", "correct single results")
    not_before(stamp, state.opened_on, "its opening")
    not_before(stamp, date(says.year, 1, 1), "the first day of its year")
    return (InspectionClosed(fact=stamp.origin, division=says.division, year=says.year, rest=says.rest),)


def _exported(stamp: Stamp, says: intake.PersonalDataExported, state: Export) -> tuple[PlaceEvent, ...]:
    if (stamp.origin.source, stamp.origin.id) in state.facts:
        return ()
    return (
        PersonalDataExported(
            fact=stamp.origin,
            purpose=says.purpose,
            fields=says.fields,
            people=says.people,
            list_sha256=says.list_sha256,
            by=says.by,
            reason=says.reason,
        ),
    )


def evolve_place(state: PlaceState, event: PlaceEvent, on: date) -> PlaceState:
    match event:
        case UnitRegistered():
            return Unit(event, on, None, None, _told_at(event.fact))
        case UnitClosed():
            assert isinstance(state, Unit)
            return Unit(state.says, state.since, on, event.reason, _told_at(event.fact))
        case InspectionOpened():
            return Inspection(event, on)
        case InspectionClosed():
            assert isinstance(state, Inspection)
            return Inspection(state.opened, state.opened_on, event, on)
        case PersonalDataExported():
            assert isinstance(state, Export)
            return Export(state.facts | {(event.fact.source, event.fact.id)})
        case _:
            assert_never(event)


def result_origin(division: str, year: int, person_ref: str) -> FactOrigin:
    """The origin of a result that the closing of an inspection gives: the same whoever records it, and older than any result
    that somebody reports, so that one which comes late counts."""
    first = datetime(year, 1, 1, tzinfo=UTC)
    return FactOrigin(source="registry", id=f"inspection:{division}:{year}:{person_ref}", occurred_at=first)
