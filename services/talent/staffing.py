"""Units and vacancies: streams of their own, nobody's file. Pure: no clock, no randomness, no I/O.

What is told of a unit's staff or leadership for a day counts as it was recorded last by its source (of one moment: by source
and message), whatever the order in which it came: what is older than what is known adds nothing. A vacancy is described, may be
described anew, is closed once and not opened again. The file is read top-down: state, commands, decide, evolve.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import assert_never

from contracts import staffing_intake as intake
from contracts.registry import FactOrigin
from contracts.staffing import (
    LeadershipModelSet,
    StaffingEvent,
    UnitStaffReported,
    VacancyClosed,
    VacancyDescribed,
)
from contracts.standard import CertificateCriterion, Criterion, RatingsCriterion, Words
from eventlog.canonical import digest
from eventlog.decider import Decider, already
from services.talent.acts import Stamp, check_dates, reject

__all__ = [
    "STAFFING_FACTS",
    "StaffingCommand",
    "StaffingFact",
    "StaffingHappened",
    "StaffingState",
    "Unit",
    "Vacancy",
    "decide_staffing",
    "evolve_staffing",
    "initial_of",
    "needs_description",
    "replay_staffing",
    "staffing_decider",
    "staffing_stream",
    "vacancy_named",
]

StaffingFact = intake.UnitStaffReported | intake.LeadershipModelSet | intake.VacancyDescribed | intake.VacancyClosed
STAFFING_FACTS = (intake.UnitStaffReported, intake.LeadershipModelSet, intake.VacancyDescribed, intake.VacancyClosed)

NO_STANDARD = Words()
"""The scheme's own words, where no standard is in force."""

Told = tuple[datetime, str, str]
"""When the source recorded it, the source, and the message: of two the greater counts."""
_NOBODY = FactOrigin(source="", id="", occurred_at=datetime.min.replace(tzinfo=UTC))


# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What was told last, without its origin: equal where the same is said, whoever told when."""

    says: StaffingEvent
    on: date
    told: Told = field(compare=False)


def _standing(event: StaffingEvent, on: date) -> Standing:
    return Standing(event.model_copy(update={"origin": _NOBODY}), on, _told(event.origin))


@dataclass(frozen=True, slots=True)
class Unit:
    """staff, models: day → the telling that stands for it."""

    staff: Mapping[date, Standing] = field(default_factory=dict)
    models: Mapping[date, Standing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vacancy:
    """described: what it asks for now (None: nothing was told yet). closed: how it ended."""

    described: Standing | None = None
    closed: VacancyClosed | None = None
    closed_on: date | None = None


StaffingState = Unit | Vacancy


def vacancy_named(says: intake.VacancyDescribed | intake.VacancyClosed, source: str) -> str:
    """``<source>/<key>``. source: the publishing one."""
    other = says.vacancy_source if isinstance(says, intake.VacancyClosed) else None
    return f"{other or source}/{says.vacancy}"


def staffing_stream(says: StaffingFact, source: str) -> str:
    match says:
        case intake.UnitStaffReported() | intake.LeadershipModelSet():
            # The name is free text, of any length: it is not fit for a stream's id.
            return f"unit-{digest([says.division, says.unit])[:32]}"
        case intake.VacancyDescribed() | intake.VacancyClosed():
            return f"vacancy-{vacancy_named(says, source)}"
        case _:
            assert_never(says)


def initial_of(stream: str) -> StaffingState:
    return Unit() if stream.startswith("unit-") else Vacancy()


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StaffingCommand:
    """A fact with what every act carries (``stamp.person_ref`` is empty). words: of the standard in force in the division."""

    stamp: Stamp
    says: StaffingFact
    words: Words = NO_STANDARD


def needs_description(command: StaffingCommand, state: StaffingState) -> bool:
    """Whether a vacancy has to be described before this."""
    return isinstance(command.says, intake.VacancyClosed) and isinstance(state, Vacancy) and state.described is None


def _told(origin: FactOrigin) -> Told:
    return origin.occurred_at, origin.source, origin.id


# --- decide -----------------------------------------------------------------------------------------------------------


def decide_staffing(command: StaffingCommand, state: StaffingState) -> tuple[StaffingEvent, ...]:
    """What a fact leads to. Raises Rejected. What was told already, or is older than what is known, leads to nothing."""
    check_dates(command.stamp)
    match command.says:
        case intake.UnitStaffReported() as says:
            assert isinstance(state, Unit)
            staff = UnitStaffReported(origin=command.stamp.origin, unit=says.unit, division=says.division, staff=says.staff)
            return (staff,) if _is_newer(_standing(staff, command.stamp.on), state.staff.get(command.stamp.on)) else ()
        case intake.LeadershipModelSet() as says:
            assert isinstance(state, Unit)
            model = LeadershipModelSet.model_validate({"origin": command.stamp.origin, **says.model_dump()})
            return (model,) if _is_newer(_standing(model, command.stamp.on), state.models.get(command.stamp.on)) else ()
        case intake.VacancyDescribed() as says:
            assert isinstance(state, Vacancy)
            return _described(command, says, state)
        case intake.VacancyClosed() as says:
            assert isinstance(state, Vacancy)
            return _closed(command.stamp, says, state)
        case _:
            assert_never(command.says)


def _is_newer(told: Standing, known: Standing | None) -> bool:
    """Whether it was told later than what is known; a repeat that was outranks what was told in between and is still to come.

    Raises StandsOtherwise for what is older and says something else.
    """
    if known is None or known.told < told.told:
        return True
    already(known == told)
    return False


def _described(command: StaffingCommand, says: intake.VacancyDescribed, state: Vacancy) -> tuple[StaffingEvent, ...]:
    stamp = command.stamp
    data = {"origin": stamp.origin, **says.model_dump(), "vacancy": vacancy_named(says, stamp.origin.source)}
    described = VacancyDescribed.model_validate(data)
    told, known = _standing(described, stamp.on), state.described
    if not _is_newer(told, known):
        return ()
    if state.closed is not None:
        if known == told:
            return ()
        raise reject("data.vacancy", "vacancy-closed", "the vacancy was closed", "describe it under a new key")
    for path, criterion in _criteria(says):
        unknown = _unknown_word(criterion, command.words)
        if unknown is not None:
            word, words = unknown
            raise reject(f"data.{path}.at_least", "unknown-word", f"{word} is no word of the standard", f"write one of {words}")
    return (described,)


def _criteria(says: intake.VacancyDescribed) -> Iterator[tuple[str, Criterion]]:
    yield from ((f"hard[{place}]", criterion) for place, criterion in enumerate(says.hard))
    yield from ((f"soft[{place}].criterion", each.criterion) for place, each in enumerate(says.soft))


def _unknown_word(criterion: Criterion, words: Words) -> tuple[str, str] | None:
    match criterion:
        case CertificateCriterion():
            known = words.grades
        case RatingsCriterion():
            known = words.ratings
        case _:
            return None
    return None if criterion.at_least in known else (criterion.at_least, ", ".join(known))


def _closed(stamp: Stamp, says: intake.VacancyClosed, state: Vacancy) -> tuple[VacancyClosed, ...]:
    if state.described is None:
        raise reject("data.vacancy", "unknown-vacancy", "no such vacancy was described", "describe it first")
    person = None if says.person is None else says.person.person_ref
    if state.closed is not None:
        if (state.closed.outcome, state.closed.person_ref) == (says.outcome, person):
            return already(state.closed_on == stamp.on)
        raise reject("data.vacancy", "vacancy-closed", f"the vacancy was {state.closed.outcome}", "nothing is to be done")
    return (VacancyClosed(origin=stamp.origin, vacancy=_vacancy_of(state.described), outcome=says.outcome, person_ref=person),)


def _vacancy_of(described: Standing) -> str:
    assert isinstance(described.says, VacancyDescribed)
    return described.says.vacancy


# --- evolve -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StaffingHappened:
    """A recorded event with its effective date."""

    effective_on: date
    event: StaffingEvent


def evolve_staffing(state: StaffingState, happened: StaffingHappened) -> StaffingState:
    """The state after an event. The one before is not changed."""
    on = happened.effective_on
    match happened.event:
        case UnitStaffReported() as event:
            assert isinstance(state, Unit)
            return replace(state, staff={**state.staff, on: _standing(event, on)})
        case LeadershipModelSet() as event:
            assert isinstance(state, Unit)
            return replace(state, models={**state.models, on: _standing(event, on)})
        case VacancyDescribed() as event:
            assert isinstance(state, Vacancy)
            return replace(state, described=_standing(event, on))
        case VacancyClosed() as event:
            assert isinstance(state, Vacancy)
            return replace(state, closed=event, closed_on=on)
        case _:
            assert_never(happened.event)


def replay_staffing(stream: str, history: Iterable[StaffingHappened]) -> StaffingState:
    """The state of a stream after a whole history."""
    state = initial_of(stream)
    for happened in history:
        state = evolve_staffing(state, happened)
    return state


def staffing_decider(stream: str) -> Decider[StaffingCommand, StaffingHappened, StaffingState]:
    """The decider of one stream, on events with their dates."""

    def decide(command: StaffingCommand, state: StaffingState) -> tuple[StaffingHappened, ...]:
        return tuple(StaffingHappened(command.stamp.on, event) for event in decide_staffing(command, state))

    made: Decider[StaffingCommand, StaffingHappened, StaffingState] = Decider(initial_of(stream), decide, evolve_staffing)
    return made
