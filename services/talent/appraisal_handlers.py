"""How facts about appraisal cycles and conduct are named, loaded and decided. No rules here.

A cycle, each person in it, and each person's conduct are streams of their own. A message that names what is not there yet, the
cycle, the enrolment or the entry, is held until it is. A scoring takes everybody from the read models but those whom its own
batch has touched, and is decided again if anything has come meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol, assert_never, cast

from sqlalchemy import Connection

from contracts import appraisal_intake as facts
from contracts.appraisal_events import AppraisalEvent, ConductEvent, CycleEvent, Mark, MarkingEvent
from contracts.appraisal_intake import ActOnCycle, AppraisalFact, ConductFact, MarkingFact
from eventlog.cache import StateCache
from eventlog.decider import Early
from eventlog.inbox.documents import read_text
from eventlog.inbox.protocol import Behind, Decided, Entry, told_again
from eventlog.log import Log, Unit
from services.talent import appraisal, conduct, marking
from services.talent.acts import Stamp
from services.talent.appraisal import CycleAround, CycleCommand, CycleHappened, CycleState, Reach, cycle_stream
from services.talent.appraisal_document import read_cycle
from services.talent.appraisal_views import conduct_of, opening_mark, people_of, reaches, roster_mark
from services.talent.conduct import Conduct, ConductCommand, ConductHappened, conduct_stream
from services.talent.decider import Member, stream_of
from services.talent.development_handlers import made_need
from services.talent.marking import MarkingAround, MarkingCommand, MarkingHappened, Ratee, ratings_stream
from services.talent.rosters import entered, roster_of
from services.talent.scoring import Roster

__all__ = ["ANY_ENGAGEMENT", "AppraisalBatch", "AppraisalDesk", "Appraisals", "person_of_fact"]

ANY_ENGAGEMENT = "an engagement"
"""What an enrolment waits for on the person's stream."""
CYCLES_CACHED_MAX = 50
"""Cycles whose state is kept between batches; one of 10,000 people takes about 10 MiB once it is scored."""

Command = CycleCommand | MarkingCommand | ConductCommand


@dataclass(slots=True)
class Appraisals:
    """What a batch knows of them. marks: what a decision was made on, beside streams, and how to look at it again."""

    cycles: dict[str, CycleState] = field(default_factory=dict)
    ratees: dict[str, Ratee] = field(default_factory=dict)
    conducts: dict[str, Conduct] = field(default_factory=dict)
    marks: list[tuple[Callable[[Connection], tuple[Any, ...]], tuple[Any, ...]]] = field(default_factory=list)

    def moved(self, connection: Connection) -> bool:
        """Whether anything has changed that a decision was made on."""
        return any(look(connection) != seen for look, seen in self.marks)


class AppraisalBatch(Protocol):
    """A batch of the service, as these facts see it. states: of the people whom they name."""

    appraisals: Appraisals
    states: dict[str, Member]
    versions: dict[str, int]
    blocked: set[str]
    provided: list[str]


@dataclass(frozen=True, slots=True)
class _Named:
    """The streams of a fact, by their parts: cycle as ``<source>/<key>``, person_ref; None where it names none."""

    cycle: str | None
    person: str | None
    conduct: bool


def person_of_fact(data: AppraisalFact) -> str | None:
    """The person whom a fact is about."""
    person = getattr(data, "person", None)
    return None if person is None else cast(str, person.person_ref)


def _named(source: str, data: AppraisalFact) -> _Named:
    key = getattr(data, "cycle", None)
    owner = getattr(data, "cycle_source", None) or source
    return _Named(None if key is None else f"{owner}/{key}", person_of_fact(data), isinstance(data, ConductFact))


class AppraisalDesk:
    """Facts of ``contracts.appraisal_intake``."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._cache: StateCache[CycleState] = StateCache(CYCLES_CACHED_MAX)

    # --- what is kept between batches -----------------------------------------------------------------------------------

    def refresh(self, connection: Connection, position: int) -> None:
        self._cache.refresh(connection, position)

    def keep(self, batch: AppraisalBatch, states: Appraisals, seen_position: int, position: int, appended: int) -> None:
        known = {stream: (batch.versions[stream], state) for stream, state in states.cycles.items()}
        self._cache.keep(known, seen_position, position, appended)

    def clear(self) -> None:
        self._cache.clear()

    # --- loading --------------------------------------------------------------------------------------------------------

    def load(self, connection: Connection, batch: AppraisalBatch, entries: Sequence[Entry]) -> None:
        """Fold the streams that these facts are about. The people have been brought before."""
        states = batch.appraisals
        cycles, ratees, conducts = set[str](), set[str](), set[str]()
        for entry in entries:
            data = _fact(entry)
            named = _named(entry.parsed.origin, data)
            if named.cycle is not None:
                cycles.add(cycle_stream(named.cycle))
                if isinstance(data, MarkingFact) and named.person is not None:
                    ratees.add(ratings_stream(named.cycle, named.person))
            if named.conduct and named.person is not None:
                conducts.add(conduct_stream(named.person))
        for stream in cycles - states.cycles.keys():
            kept = self._cache.get(stream)
            if kept is not None:
                batch.versions[stream], states.cycles[stream] = kept
        for stream, past in self._log.histories(connection, cycles - states.cycles.keys()).items():
            states.cycles[stream] = appraisal.replay_cycle(CycleHappened(*self._log.past(one)) for one in past)
            batch.versions[stream] = len(past)
        for stream, past in self._log.histories(connection, ratees - states.ratees.keys()).items():
            states.ratees[stream] = marking.replay_marking(MarkingHappened(*self._log.past(one)) for one in past)
            batch.versions[stream] = len(past)
        for stream, past in self._log.histories(connection, conducts - states.conducts.keys()).items():
            states.conducts[stream] = conduct.replay_conduct(ConductHappened(*self._log.past(one)) for one in past)
            batch.versions[stream] = len(past)

    # --- deciding -------------------------------------------------------------------------------------------------------

    def stream_of(self, connection: Connection, batch: AppraisalBatch, entry: Entry) -> str:
        data = _fact(entry)
        return _stream_of(_named(entry.parsed.origin, data), data)

    def decide(self, connection: Connection, batch: AppraisalBatch, entry: Entry, stream: str) -> Decided:
        data, message, states = _fact(entry), entry.parsed.message, batch.appraisals
        named = _named(entry.parsed.origin, data)
        cycle = cycle_stream(named.cycle or "")
        if cycle in batch.blocked:
            raise Behind(cycle)
        stamp = Stamp(self._log.new_id(), named.person or "", entry.parsed.fact, message.effectiveon, self._log.clock.now())
        command = _command(data, stamp, named)
        expects = {stream: batch.versions[stream]}
        events: Sequence[AppraisalEvent]
        match command:
            case marking.Enrol() | marking.Give() | marking.Withdraw() | marking.Measure():
                expects[cycle] = batch.versions[cycle]
                events = self._decide_marking(batch, states, batch.states, stream, cycle, command, expects)
            case (
                conduct.RecordPoints()
                | conduct.ImposeSanction()
                | conduct.LiftSanction()
                | conduct.AwardHonour()
                | conduct.WithdrawConduct()
            ):
                events = self._decide_conduct(batch, states, batch.states, stream, command)
            case _:
                events = self._decide_cycle(connection, batch, states, stream, command)
        before = states.ratees.get(stream)
        unit = Unit(expects=expects)
        for place, event in enumerate(events):
            event_id = stamp.event_id if place == 0 else self._log.new_id()
            unit.events.append(entry.event(stream, event, event_id))
            _evolve(states, stream, event_id, message.effectiveon, event)
        if unit.events:
            _provide(batch, stream, command)
        batch.versions[stream] += len(unit.events)
        # The parts of a scoring or conclusion follow from its first event; a receipt names that one.
        again = told_again(events, before, states.ratees.get(stream)) if before is not None else ()
        return Decided(unit, tuple(new.event_id for new in unit.events[:1]), named.person, warnings=again)

    def _decide_marking(
        self,
        batch: AppraisalBatch,
        states: Appraisals,
        members: Mapping[str, Member],
        stream: str,
        cycle: str,
        command: MarkingCommand,
        expects: dict[str, int],
    ) -> Sequence[MarkingEvent]:
        ref = command.stamp.person_ref
        standing = {}
        if isinstance(command, marking.Enrol):
            member = members[stream_of(ref)]
            standing = {slot: member.facts[fact] for slot, fact in member.standing.items()}
            expects[stream_of(ref)] = batch.versions[stream_of(ref)]
        around = MarkingAround(states.cycles[cycle], standing)
        need = marking.needs_of_marking(command, states.ratees[stream], around)
        match need:
            case None:
                return marking.decide_marking(command, states.ratees[stream], around)
            case "cycle":
                raise Early(made_need(cycle), f"cycle {command.cycle}", {cycle: batch.versions[cycle]})
            case "person":
                raise Early(f"person:{ref}", "the person's registration")
            case "engagement":
                worker = stream_of(ref)
                raise Early(made_need(worker, ANY_ENGAGEMENT), "the person's engagement", {worker: batch.versions[worker]})
            case "enrolment":
                raise Early(made_need(stream), f"the person's enrolment in {command.cycle}", {stream: batch.versions[stream]})
            case _:
                assert_never(need)

    def _decide_conduct(
        self, batch: AppraisalBatch, states: Appraisals, members: Mapping[str, Member], stream: str, command: ConductCommand
    ) -> Sequence[ConductEvent]:
        ref = command.stamp.person_ref
        if not members[stream_of(ref)].heard:
            raise Early(f"person:{ref}", "the person's registration")
        state = states.conducts[stream]
        if conduct.needs_of_conduct(command, state):
            raise Early(made_need(stream, command.entry), f"entry {command.entry}")
        return conduct.decide_conduct(command, state)

    def _decide_cycle(
        self, connection: Connection, batch: AppraisalBatch, states: Appraisals, stream: str, command: CycleCommand
    ) -> Sequence[CycleEvent]:
        state = states.cycles[stream]
        need = appraisal.needs_of_cycle(command, state)
        if need == "cycle":
            raise Early(made_need(stream), f"cycle {command.cycle}", {stream: batch.versions[stream]})
        if need == "appeal" and isinstance(command, appraisal.DecideAppeal):
            raise Early(made_need(stream, command.appeal), f"appeal {command.appeal}")
        around = CycleAround()
        if isinstance(command, appraisal.OpenCycle):
            states.marks.append((opening_mark, opening_mark(connection)))
            around = CycleAround(others=_others(connection, states))
        elif isinstance(command, appraisal.Score | appraisal.Publish):
            around = CycleAround(roster=self._roster(connection, states, command.cycle, state))
        return appraisal.decide_cycle(command, state, around)

    def _roster(self, connection: Connection, states: Appraisals, cycle: str, state: CycleState) -> Roster:
        """What goes into a scoring: from the read models; of those whom this batch has touched, from their states."""
        document = appraisal.document_of(state)
        assert document is not None

        def look(connection: Connection) -> tuple[Any, ...]:
            return roster_mark(connection, cycle)

        states.marks.append((look, look(connection)))
        people = people_of(connection, cycle, document)
        prefix = ratings_stream(cycle, "")
        touched = {stream.removeprefix(prefix) for stream in states.ratees if stream.startswith(prefix)}
        touched |= {ref for ref in people if conduct_stream(ref) in states.conducts}
        if touched:
            ratees = self._ratees(connection, states, [ratings_stream(cycle, ref) for ref in touched])
            behaved = conduct_of(connection, touched)
            for ref in touched:
                said = states.conducts.get(conduct_stream(ref), behaved.get(ref, Conduct()))
                person = entered(ref, ratees[ratings_stream(cycle, ref)], said, document)
                if person is not None:
                    people[ref] = person
        return roster_of(document, people.values())

    def _ratees(self, connection: Connection, states: Appraisals, streams: Sequence[str]) -> dict[str, Ratee]:
        found = {stream: states.ratees[stream] for stream in streams if stream in states.ratees}
        missing = [stream for stream in streams if stream not in found]
        for stream, past in self._log.histories(connection, missing).items():
            found[stream] = marking.replay_marking(MarkingHappened(*self._log.past(one)) for one in past)
        return found


def _fact(entry: Entry) -> AppraisalFact:
    return cast(AppraisalFact, entry.parsed.message.data)


def _provide(batch: AppraisalBatch, stream: str, command: Command) -> None:
    """What an act on a stream brings that others may wait for."""
    if batch.versions[stream] == 0:
        batch.provided.append(made_need(stream))
    if isinstance(command, conduct.RecordPoints | conduct.ImposeSanction | conduct.AwardHonour):
        batch.provided.append(made_need(stream, command.entry))
    if isinstance(command, appraisal.Appeal):
        batch.provided.append(made_need(stream, command.appeal))


def _others(connection: Connection, states: Appraisals) -> tuple[Reach, ...]:
    """Every cycle that is not cancelled, those of this batch as it leaves them."""
    found = {reach.cycle: reach for reach in reaches(connection)}
    for stream, state in states.cycles.items():
        cycle = stream.removeprefix("cycle-")
        document = appraisal.document_of(state)
        if document is None or isinstance(state, appraisal.Cancelled):
            found.pop(cycle, None)
        else:
            found[cycle] = Reach.of(cycle, document)
    return tuple(found.values())


def _stream_of(named: _Named, data: AppraisalFact) -> str:
    if isinstance(data, ConductFact):
        return conduct_stream(named.person or "")
    if isinstance(data, MarkingFact):
        return ratings_stream(named.cycle or "", named.person or "")
    return cycle_stream(named.cycle or "")


def _evolve(states: Appraisals, stream: str, event_id: str, on: date, event: AppraisalEvent) -> None:
    if isinstance(event, MarkingEvent):
        states.ratees[stream] = marking.evolve_marking(states.ratees[stream], MarkingHappened(event_id, on, event))
    elif isinstance(event, ConductEvent):
        states.conducts[stream] = conduct.evolve_conduct(states.conducts[stream], ConductHappened(event_id, on, event))
    else:
        states.cycles[stream] = appraisal.evolve_cycle(states.cycles[stream], CycleHappened(event_id, on, event))


# --- commands -------------------------------------------------------------------------------------------------------------


def _command(data: AppraisalFact, stamp: Stamp, named: _Named) -> Command:
    """The command of a fact. Raises Rejected for a document that can't be read."""
    if isinstance(data, ConductFact):
        return _conduct_command(data, stamp)
    cycle = named.cycle or ""
    if isinstance(data, MarkingFact):
        return _marking_command(data, stamp, cycle)
    return _cycle_command(data, stamp, cycle)


def _cycle_command(data: ActOnCycle, stamp: Stamp, cycle: str) -> CycleCommand:
    source = stamp.origin.source
    match data:
        case facts.AppraisalCycleOpened():
            document, mark = read_text(read_cycle, data.text)
            return appraisal.OpenCycle(stamp, cycle, document, data.text, mark)
        case facts.AppraisalCycleScored():
            return appraisal.Score(stamp, cycle)
        case facts.AppraisalCyclePublished():
            return appraisal.Publish(stamp, cycle, data.appeals_until)
        case facts.AppraisalResultAppealed():
            return appraisal.Appeal(stamp, cycle, f"{source}/{data.appeal}", data.grounds)
        case facts.AppraisalAppealDecided():
            name = f"{data.appeal_source or source}/{data.appeal}"
            return appraisal.DecideAppeal(stamp, cycle, name, data.outcome, data.rating, data.reason)
        case facts.AppraisalCycleConcluded():
            return appraisal.Conclude(stamp, cycle)
        case facts.AppraisalCycleCancelled():
            return appraisal.Cancel(stamp, cycle, data.reason)
        case _:
            assert_never(data)


def _marking_command(data: MarkingFact, stamp: Stamp, cycle: str) -> MarkingCommand:
    match data:
        case facts.AppraisalPersonEnrolled():
            return marking.Enrol(stamp, cycle)
        case facts.AppraisalRatingGiven():
            marks = tuple(Mark(item=mark.item, hundredths=mark.hundredths) for mark in data.marks)
            return marking.Give(stamp, cycle, data.role, data.rater, marks)
        case facts.AppraisalRatingWithdrawn():
            return marking.Withdraw(stamp, cycle, data.role, data.rater, data.reason)
        case facts.AppraisalResultMeasured():
            return marking.Measure(stamp, cycle, data.item, data.achieved)
        case _:
            assert_never(data)


def _conduct_command(data: ConductFact, stamp: Stamp) -> ConductCommand:
    own = f"{stamp.origin.source}/{data.entry}"
    match data:
        case facts.PointsRecorded():
            return conduct.RecordPoints(stamp, own, data.points, data.reason)
        case facts.SanctionImposed():
            return conduct.ImposeSanction(stamp, own, data.step, data.until, data.reason)
        case facts.HonourAwarded():
            return conduct.AwardHonour(stamp, own, data.title, data.level)
        case facts.SanctionLifted():
            name = f"{data.entry_source or stamp.origin.source}/{data.entry}"
            return conduct.LiftSanction(stamp, name, data.reason)
        case facts.ConductWithdrawn():
            name = f"{data.entry_source or stamp.origin.source}/{data.entry}"
            return conduct.WithdrawConduct(stamp, name, data.reason)
        case _:
            assert_never(data)
