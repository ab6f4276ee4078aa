"""Points, sanctions and honours of one person (积分、处理、表彰). Pure: no clock, randomness or I/O.

One stream a person, ``conduct-<person_ref>``. Each entry has a name, ``<source>/<key>``, under which a sanction is lifted and
an entry that should never have been reported is withdrawn. A cycle looks at what falls into its period: points and honours by
their day, a sanction if it was in force on a day of it. The sanctions are a ladder: 取消评优, 约谈, 限期整改, 调出.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, assert_never

from contracts.appraisal import SANCTION_STEPS, SanctionStep
from contracts.appraisal_events import (
    ConductEvent,
    ConductWithdrawn,
    HonourAwarded,
    PointsRecorded,
    SanctionImposed,
    SanctionLifted,
)
from eventlog.decider import Decider, already
from services.talent.acts import Stamp, check_dates, reject

__all__ = [
    "AwardHonour",
    "Conduct",
    "ConductCommand",
    "ConductHappened",
    "Entry",
    "HonourLevel",
    "ImposeSanction",
    "InPeriod",
    "LiftSanction",
    "RecordPoints",
    "WithdrawConduct",
    "conduct_decider",
    "conduct_stream",
    "decide_conduct",
    "evolve_conduct",
    "highest_step",
    "in_period",
    "needs_of_conduct",
    "replay_conduct",
]

ENTRIES_MAX = 5_000
"""Of one person."""
HonourLevel = Literal["unit", "county", "city", "province", "state"]


def conduct_stream(person_ref: str) -> str:
    return f"conduct-{person_ref}"


# --- state ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """lifted: the last day of a sanction that was lifted. lifting, withdrawal: the day and the reason, as they were told."""

    on: date
    says: PointsRecorded | SanctionImposed | HonourAwarded
    lifted: date | None = None
    withdrawn: bool = False
    lifting: tuple[date, str] | None = None
    withdrawal: tuple[date, str] | None = None

    @property
    def last_day(self) -> date | None:
        """Of a sanction; None: without end."""
        until = self.says.until if isinstance(self.says, SanctionImposed) else None
        return min((day for day in (until, self.lifted) if day is not None), default=None)


@dataclass(frozen=True, slots=True)
class Conduct:
    entries: dict[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InPeriod:
    """What a cycle takes from it. points: earned less deducted; honours: how many; sanctions: the mildest step first."""

    points: int
    honours: int
    sanctions: tuple[SanctionStep, ...]


def in_period(entries: Iterable[Entry], first: date, last: date) -> InPeriod:
    """What counts for a period, both days included."""
    points = honours = 0
    steps: set[SanctionStep] = set()
    for entry in entries:
        if entry.withdrawn or entry.on > last:
            continue
        match entry.says:
            case PointsRecorded() as said:
                points += said.points if entry.on >= first else 0
            case HonourAwarded():
                honours += int(entry.on >= first)
            case SanctionImposed() as said:
                if entry.last_day is None or entry.last_day >= first:
                    steps.add(said.step)
            case _:
                assert_never(entry.says)
    return InPeriod(points, honours, tuple(step for step in SANCTION_STEPS if step in steps))


def highest_step(entries: Iterable[Entry], day: date) -> SanctionStep | None:
    """The gravest step of the ladder that is in force on a day."""
    steps = in_period((entry for entry in entries if isinstance(entry.says, SanctionImposed)), day, day).sanctions
    return steps[-1] if steps else None


# --- commands -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordPoints:
    stamp: Stamp
    entry: str
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImposeSanction:
    stamp: Stamp
    entry: str
    step: SanctionStep
    until: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class LiftSanction:
    stamp: Stamp
    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class AwardHonour:
    stamp: Stamp
    entry: str
    title: str
    level: HonourLevel


@dataclass(frozen=True, slots=True)
class WithdrawConduct:
    stamp: Stamp
    entry: str
    reason: str


ConductCommand = RecordPoints | ImposeSanction | LiftSanction | AwardHonour | WithdrawConduct


def needs_of_conduct(command: ConductCommand, state: Conduct) -> bool:
    """Whether the entry has to come first that a lifting or a withdrawal is about."""
    return isinstance(command, LiftSanction | WithdrawConduct) and command.entry not in state.entries


# --- decide ---------------------------------------------------------------------------------------------------------------


def decide_conduct(command: ConductCommand, state: Conduct) -> tuple[ConductEvent, ...]:
    """Return what the command leads to. Raises Rejected. What was done already leads to nothing."""
    check_dates(command.stamp)
    stamp = command.stamp
    named = {"person_ref": stamp.person_ref, "origin": stamp.origin, "entry": command.entry}
    match command:
        case RecordPoints():
            return _recorded(command, state, PointsRecorded(**named, points=command.points, reason=command.reason))
        case ImposeSanction():
            if command.until is not None and command.until < stamp.on:
                raise reject("data.until", "reversed", "the sanction ends before it begins", "give a later day")
            made = SanctionImposed(**named, step=command.step, until=command.until, reason=command.reason)
            return _recorded(command, state, made)
        case AwardHonour():
            return _recorded(command, state, HonourAwarded(**named, title=command.title, level=command.level))
        case LiftSanction():
            return _lifted(command, state, SanctionLifted(**named, reason=command.reason))
        case WithdrawConduct():
            known = _known(command.entry, state)
            if known.withdrawn:
                return already(known.withdrawal == (stamp.on, command.reason))
            return (ConductWithdrawn(**named, reason=command.reason),)
        case _:
            assert_never(command)


def _known(entry: str, state: Conduct) -> Entry:
    known = state.entries.get(entry)
    if known is None:
        raise reject("data.entry", "no-such-entry", "there is no such entry of this person", "check the key and its source")
    return known


def _recorded(
    command: ConductCommand, state: Conduct, says: PointsRecorded | SanctionImposed | HonourAwarded
) -> tuple[ConductEvent, ...]:
    known = state.entries.get(command.entry)
    if known is not None:
        if known.on == command.stamp.on and known.says == says.model_copy(update={"origin": known.says.origin}):
            return ()
        raise reject("data.entry", "entry-exists", "this key was used for another entry", "withdraw that one; give a new key")
    if len(state.entries) >= ENTRIES_MAX:
        raise reject("data.entry", "too-many", f"there are {ENTRIES_MAX} entries of this person", "report each only once")
    return (says,)


def _lifted(command: LiftSanction, state: Conduct, lifted: SanctionLifted) -> tuple[ConductEvent, ...]:
    known, on = _known(command.entry, state), command.stamp.on
    if not isinstance(known.says, SanctionImposed) or known.withdrawn:
        raise reject("data.entry", "no-sanction", "the entry is no sanction that stands", "check the key and its source")
    if known.lifted == on:
        return already(known.lifting == (on, command.reason))
    if known.lifted is not None:
        raise reject("data.entry", "lifted-already", f"the sanction was lifted on {known.lifted}", "nothing is to be done")
    if on < known.on:
        raise reject("effectiveon", "reversed", f"the sanction was imposed on {known.on}", "give a day not before that")
    return (lifted,)


# --- evolve ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConductHappened:
    """A recorded event with what the row adds to it."""

    event_id: str
    effective_on: date
    event: ConductEvent


def evolve_conduct(state: Conduct, happened: ConductHappened) -> Conduct:
    """The state after an event. The one before is not changed."""
    event = happened.event
    match event:
        case PointsRecorded() | SanctionImposed() | HonourAwarded():
            entry = Entry(happened.effective_on, event)
        case SanctionLifted():
            on = happened.effective_on
            entry = replace(state.entries[event.entry], lifted=on, lifting=(on, event.reason))
        case ConductWithdrawn():
            gone = (happened.effective_on, event.reason)
            entry = replace(state.entries[event.entry], withdrawn=True, withdrawal=gone)
        case _:
            assert_never(event)
    return Conduct({**state.entries, event.entry: entry})


def replay_conduct(history: Iterable[ConductHappened]) -> Conduct:
    """The state after a whole history."""
    state = Conduct()
    for happened in history:
        state = evolve_conduct(state, happened)
    return state


def conduct_decider(event_ids: Sequence[str] = ()) -> Decider[ConductCommand, ConductHappened, Conduct]:
    """The decider of one person's conduct."""

    def decide_happened(command: ConductCommand, state: Conduct) -> tuple[ConductHappened, ...]:
        events = decide_conduct(command, state)
        return tuple(ConductHappened(command.stamp.event_id, command.stamp.on, event) for event in events)

    made: Decider[ConductCommand, ConductHappened, Conduct] = Decider(Conduct(), decide_happened, evolve_conduct)
    return made
