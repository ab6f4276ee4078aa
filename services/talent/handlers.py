"""How the talent service names, loads and decides what it hears and is told; ``eventlog.inbox`` settles it. No rules here.

What names a person of whom the registry has told nothing yet is held, and released in the same append in which the first fact
about them is heard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

from sqlalchemy import Connection

from contracts import intake
from contracts.appraisal_intake import AppraisalFact
from contracts.development import Mentorship
from contracts.development_intake import DevelopmentPolicyPublished, MatterFact, MentorAssigned, PersonFact, person_said
from contracts.intake import QualificationStandardPublished
from contracts.standard import QualificationStandard, Words
from contracts.talent import CandidateFlagged, CandidateNominated, FactHeard, Profile, StandardPublished
from contracts.workdays import Calendar
from eventlog.bounds import SourceBounds
from eventlog.cache import Shelf, Shelved, StateCache
from eventlog.decider import Early
from eventlog.desk import Desk, Item
from eventlog.eyes import Eyes, EyesSetting
from eventlog.heard import Foreign
from eventlog.holding import Holding
from eventlog.inbox.documents import Documents
from eventlog.inbox.inbox import Inbox
from eventlog.inbox.protocol import Capability, Decided, Entry, told_again
from eventlog.intake import Parsed
from eventlog.log import Appended, Log, NewEvent, Past, Unit
from eventlog.quota import Quota
from eventlog.turns import Turns
from eventlog.wire import Incoming
from services.talent.appraisal_handlers import ANY_ENGAGEMENT, AppraisalBatch, AppraisalDesk, Appraisals, person_of_fact
from services.talent.decider import (
    Act,
    Admit,
    Around,
    Command,
    Develop,
    Happened,
    Member,
    Nominate,
    PersonEvent,
    Place,
    Profiled,
    Remove,
    Screen,
    Stamp,
    StandardKnown,
    decide,
    evolve,
    needs,
    replay,
    seat_of,
    standing_facts,
    stream_of,
)
from services.talent.development import opened_by
from services.talent.development_handlers import (
    DEVELOPMENT_POLICIES,
    DevelopmentBatch,
    Matters,
    development_policies,
    made_need,
)
from services.talent.reactions import erased_by, origin_of, person_of, react
from services.talent.staffing import StaffingFact, StaffingState
from services.talent.staffing_handlers import Staffing
from services.talent.standard import read_standard
from services.talent.views import seats_taken

__all__ = ["STANDARDS", "Talent", "happened"]

SERVICE = "talent"
STANDARDS = "standards"
"""The one stream of all standards: a decision names its version, so that none is made by a stale one."""

ACTS_ON_ALL = tuple(f".appraisal-cycle-{act}" for act in ("scored", "published", "concluded", "cancelled"))
"""Ends of the subjects of acts that are about everybody in a cycle."""

CandidateFact = (
    intake.CandidateNominated
    | intake.CandidateProfiled
    | intake.CandidateScreened
    | intake.CandidateAdmitted
    | intake.CandidateRemoved
    | intake.CandidatePlaced
    | PersonFact
)
Seat = tuple[str, str]
"""(division, ladder)."""


Standards = Shelved[StandardKnown]


@dataclass(slots=True)
class TalentBatch(DevelopmentBatch):
    """states: of the people whom the batch touches. counted: seats taken before the batch; moved: what it has changed since.

    A need is ``person:<person_ref>``, ``nomination:<person_ref>``, or ``made:<stream>#<what>``.
    """

    states: dict[str, Member] = field(default_factory=dict)
    counted: dict[Seat, int] = field(default_factory=dict)
    moved: Counter[Seat] = field(default_factory=Counter)
    staffing: dict[str, StaffingState] = field(default_factory=dict)
    appraisals: Appraisals = field(default_factory=Appraisals)

    @property
    def standards(self) -> Standards:
        return self.documents[STANDARDS]

    def words(self, division: str, day: date) -> Words:
        """The words of the standard in force; the scheme's own, where there is none."""
        found = Around(self.standards.items).in_force(division, day)
        return Words() if found is None else found.document.words


def happened(log: Log, past: Past) -> Happened:
    """A recorded event as the decider takes it in."""
    return Happened(*log.past(past))


class Talent:
    """The handlers of both consumers: they share what is known of people.

    hold_seconds: how long a message waits for what it needs before it is parked. erase: deletes a message from INTAKE for good.
    eyes: which acts need a second principal (None: none). calendar: of working days. closers: sources that may return, extend
    and close other sources' problems, beside the operators.
    """

    whole = True
    own: Mapping[str, Any] = {}
    heard_from = "registry"

    def __init__(
        self,
        log: Log,
        *,
        hold_seconds: int,
        quota: Quota | None = None,
        known: Mapping[str, SourceBounds] | None = None,
        wake: Callable[[], None],
        erase: Callable[[int], Awaitable[None]],
        calendar: Calendar | None = None,
        closers: frozenset[str] = frozenset(),
        eyes: EyesSetting | None = None,
    ) -> None:
        self._log = log
        desk = Desk(SERVICE, log, quota, known)
        self._holding = Holding(desk, log, hold_seconds)
        published = standards(log), development_policies(log)
        self._shelves: dict[str, Shelf[Any]] = {each.stream: each.shelf() for each in published}
        self._appraisals = _Appraised(self, log)
        self._capabilities: tuple[tuple[Any, Capability[TalentBatch]], ...] = (
            (QualificationStandardPublished, published[0]),
            (DevelopmentPolicyPublished, published[1]),
            (CandidateFact, _Candidates(self, log)),
            (MatterFact, Matters(log, calendar, closers)),
            (AppraisalFact, self._appraisals),
            (StaffingFact, Staffing(log)),
        )
        eyes = eyes or EyesSetting()
        documents = {
            "standard": ("intake.qualification-standard-published.v1", published[0].is_new),
            "policy": ("intake.development-policy-published.v1", published[1].is_new),
        }
        needed = dict(documents[act] for act in eyes.acts)
        self._eyes = Eyes(log, self, self._decided_by, needed, eyes.seconds)
        self._inbox: Inbox[TalentBatch] = Inbox(log, desk, self._holding, self)
        self._cache: StateCache[Member] = StateCache()
        self._wake = wake
        self._erase = erase
        self._turns = Turns()

    # --- the two consumers ----------------------------------------------------------------------------------------------

    async def handle_events(self, messages: Sequence[Incoming]) -> None:
        """Settle a batch of registry events. Returns after the commit."""
        items = [Item.of(m) for m in messages]
        await self._turns.take(lambda: self.hear(items), long=self._holding.many())
        self._wake()

    async def handle_intake(self, messages: Sequence[Incoming]) -> None:
        """Settle a batch of intake messages. Returns after the commit, and after plain identity was erased."""
        items = [Item.of(m) for m in messages]
        long = any(item.subject.endswith(ACTS_ON_ALL) for item in items) or self._holding.many()
        erase = await self._turns.take(lambda: self.take(items), long=long)
        self._wake()
        for sequence in erase:
            await self._erase(sequence)

    def hear(self, items: Sequence[Item]) -> None:
        self._inbox.hear(items)

    def take(self, items: Sequence[Item]) -> list[int]:
        """Settle intake messages in order. Returns the sequences to erase."""
        return self._inbox.take(items)

    def expire(self) -> int:
        """Park the messages that have waited too long. Safe to run at any time and on several instances."""
        return self._holding.expire(self._wake)

    # --- what the inbox asks for ----------------------------------------------------------------------------------------

    def open(self, connection: Connection, position: int) -> TalentBatch:
        self._cache.refresh(connection, position)
        self._appraisals.refresh(connection, position)
        return TalentBatch(documents={stream: shelf.read(connection) for stream, shelf in self._shelves.items()})

    def entry(self, item: Item, parsed: Parsed) -> Entry:
        return Entry.of(item, parsed)

    def resolve(self, connection: Connection, batch: TalentBatch, entries: Sequence[Entry]) -> None:
        """Everybody is named by a person_ref."""

    def capability(self, entry: Entry) -> Capability[TalentBatch]:
        return self._eyes.capability(entry)

    def _decided_by(self, entry: Entry) -> Capability[TalentBatch]:
        data = entry.parsed.message.data
        for kind, capability in self._capabilities:
            if isinstance(data, kind):
                return capability
        raise LookupError(f"{entry.parsed.message.type} is not taken here")

    def moved(self, connection: Connection, batch: TalentBatch) -> Iterable[int]:
        """A seat that was taken meanwhile, or what a scoring took from the read models: everything is decided again."""
        if any(seats_taken(connection, *seat) != count for seat, count in batch.counted.items()):
            yield 0
        if batch.appraisals.moved(connection):
            yield 0

    def stands(self, connection: Connection, batch: TalentBatch) -> bool:
        return True

    def keep(self, batch: TalentBatch, position: int, appended: Appended) -> None:
        assert appended.head is not None
        states = {stream: (batch.versions[stream], state) for stream, state in batch.states.items()}
        self._cache.keep(states, position, appended.head.position, len(appended.events))
        self._appraisals.keep(batch, batch.appraisals, position, appended.head.position, len(appended.events))

    def forget(self) -> None:
        self._cache.clear()
        self._appraisals.clear()

    # --- people ---------------------------------------------------------------------------------------------------------

    def bring(self, connection: Connection, batch: TalentBatch, streams: set[str]) -> None:
        """Bring the states of these people into the batch: from the cache, or folded from the log."""
        missing = set()
        for stream in streams - batch.states.keys():
            kept = self._cache.get(stream)
            if kept is None:
                missing.add(stream)
            else:
                batch.versions[stream], batch.states[stream] = kept
        for stream, past in self._log.histories(connection, missing).items():
            batch.states[stream] = replay(happened(self._log, one) for one in past)
            batch.versions[stream] = len(past)

    def decided(self, connection: Connection, batch: TalentBatch, stream: str, command: Command, act: _Cause) -> Unit:
        """The unit of one command; the batch's state moves on. Raises Rejected."""
        before = batch.states[stream]
        expects = {stream: batch.versions[stream], STANDARDS: batch.standards.version}
        mentor = _mentor_of(command)
        if isinstance(command, Develop):
            expects[DEVELOPMENT_POLICIES] = batch.policies.version
        if mentor is not None:
            expects[mentor] = batch.versions[mentor]
        around = Around(
            batch.standards.items,
            self._taken(connection, batch, command, before),
            batch.policies.items,
            () if mentor is None else standing_facts(batch.states[mentor]),
        )
        state = before
        unit = Unit(expects=expects)
        for place, event in enumerate(decide(command, before, around)):
            event_id = act.event_id if place == 0 and act.event_id is not None else self._log.new_id()
            on = event.screened_on.isoformat() if isinstance(event, CandidateFlagged) else act.day
            unit.events.append(NewEvent(stream, event, on, event_id, act.correlation, act.cause, act.actor))
            state = evolve(state, Happened(event_id, date.fromisoformat(on), event))
            if isinstance(event, CandidateNominated):
                batch.provided.append(f"nomination:{event.person_ref}")
            batch.provided += _provided(stream, event)
        if not before.heard and state.heard:
            batch.provided.append(f"person:{stream.removeprefix('worker-')}")
        batch.states[stream] = state
        batch.versions[stream] += len(unit.events)
        for seat, change in ((seat_of(before), -1), (seat_of(state), 1)):
            if seat is not None:
                batch.moved[seat] += change
        return unit

    def _taken(self, connection: Connection, batch: TalentBatch, command: Command, state: Member) -> int:
        """Seats taken where an admission would take one."""
        candidacy = getattr(state.stage, "candidacy", None)
        if not isinstance(command, Admit) or candidacy is None:
            return 0
        seat = (candidacy.division, candidacy.ladder)
        if seat not in batch.counted:
            batch.counted[seat] = seats_taken(connection, *seat)
        return batch.counted[seat] + batch.moved[seat]

    # --- registry events ------------------------------------------------------------------------------------------------

    def stream_heard(self, foreign: Foreign) -> str | None:
        ref = person_of(foreign.envelope)
        return None if ref is None else stream_of(ref)

    def load_heard(self, connection: Connection, batch: TalentBatch, events: Sequence[Foreign]) -> None:
        self.bring(connection, batch, {stream for each in events if (stream := self.stream_heard(each)) is not None})

    def hear_event(self, connection: Connection, batch: TalentBatch, foreign: Foreign, stream: str) -> Unit:
        envelope = foreign.envelope
        cause = _Cause(envelope.id, envelope.correlationid, SERVICE, envelope.effectiveon.isoformat())
        return self.decided(connection, batch, stream, react(envelope), cause)

    def erased_by(self, foreign: Foreign) -> tuple[str, ...]:
        return erased_by(foreign.envelope)

    def source_of(self, foreign: Foreign) -> tuple[str, str]:
        origin = origin_of(foreign.envelope)
        return origin.source, origin.id


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Reports and acts about candidates."""

    talent: Talent
    log: Log

    def stream_of(self, connection: Connection, batch: TalentBatch, entry: Entry) -> str:
        return stream_of(_candidate(entry).person.person_ref)

    def load(self, connection: Connection, batch: TalentBatch, entries: Sequence[Entry]) -> None:
        people = [_candidate(entry).person.person_ref for entry in entries]
        people += [data.mentor for entry in entries if isinstance(data := entry.parsed.message.data, MentorAssigned)]
        self.talent.bring(connection, batch, {stream_of(ref) for ref in people})

    def decide(self, connection: Connection, batch: TalentBatch, entry: Entry, stream: str) -> Decided:
        message, source = entry.parsed.message, entry.parsed.origin
        ref = stream.removeprefix("worker-")
        event_id = self.log.new_id()
        stamp = Stamp(event_id, ref, entry.parsed.fact, message.effectiveon, self.log.clock.now())
        command = _command(_candidate(entry), stamp)
        _check_needs(command, batch.states[stream], ref)
        mentor = _mentor_of(command)
        if mentor is not None and not batch.states[mentor].heard:
            need = f"person:{mentor.removeprefix('worker-')}"
            raise Early(need, "the mentor's registration", {mentor: batch.versions[mentor]})
        day, correlation = message.effectiveon.isoformat(), message.correlationid or message.id
        cause = _Cause(f"{source}/{message.id}", correlation, source, day, event_id)
        before = batch.states[stream].development
        unit = self.talent.decided(connection, batch, stream, command, cause)
        developed = unit.events if isinstance(command, Develop) else ()
        again = told_again(developed, before, batch.states[stream].development)
        return Decided(unit, tuple(new.event_id for new in unit.events), ref, warnings=again)


class _Appraised(AppraisalDesk):
    """The appraisals, with the people whom they name."""

    def __init__(self, talent: Talent, log: Log) -> None:
        super().__init__(log)
        self._talent = talent

    def load(self, connection: Connection, batch: AppraisalBatch, entries: Sequence[Entry]) -> None:
        told = [cast(AppraisalFact, entry.parsed.message.data) for entry in entries]
        people = {stream_of(ref) for data in told if (ref := person_of_fact(data)) is not None}
        self._talent.bring(connection, cast(TalentBatch, batch), people)
        super().load(connection, batch, entries)


def _candidate(entry: Entry) -> CandidateFact:
    return cast(CandidateFact, entry.parsed.message.data)


def standards(log: Log) -> Documents[QualificationStandard, StandardKnown]:
    """The qualification standards, as they are published."""
    return Documents(
        log,
        STANDARDS,
        read_standard,
        StandardPublished,
        StandardKnown,
        lambda known: known.document,
        "standard-exists",
        lambda document: document.effective_on,
    )


@dataclass(frozen=True, slots=True)
class _Cause:
    """What an event names as its cause. day: its effective date; event_id: of the first event, if it is known before."""

    cause: str
    correlation: str
    actor: str
    day: str
    event_id: str | None = None


def _check_needs(command: Act, state: Member, ref: str) -> None:
    need = needs(command, state)
    match need:
        case None:
            return
        case "person":
            raise Early(f"person:{ref}", "the person's registration")
        case "nomination":
            raise Early(f"nomination:{ref}", "the person's nomination")
        case _:
            raise Early(made_need(stream_of(ref), need), f"the person's {need.replace('engagement-start/', 'engagement ')}")


def _mentor_of(command: Command) -> str | None:
    """The stream of the mentor whom a mentorship names."""
    if isinstance(command, Develop) and isinstance(command.says, Mentorship):
        return stream_of(command.says.mentor)
    return None


def _provided(stream: str, event: PersonEvent) -> list[str]:
    """What an event brings that messages about development may wait for."""
    if isinstance(event, FactHeard):
        slots = [s.slot for s in event.standings if s.fact is not None and s.slot.startswith("engagement-start/")]
        return [made_need(stream, what) for what in (slots and [*slots, ANY_ENGAGEMENT])]
    opened = opened_by(event)
    return [] if opened is None else [made_need(stream, opened)]


def _command(data: CandidateFact, stamp: Stamp) -> Act:
    match data:
        case intake.CandidateNominated():
            return Nominate(stamp, data.division, data.nominated_by, data.ladder, data.pool)
        case intake.CandidateProfiled():
            return Profiled(stamp, Profile.model_validate(data.model_dump(exclude={"person"})))
        case intake.CandidateScreened():
            return Screen(stamp)
        case intake.CandidateAdmitted():
            return Admit(stamp)
        case intake.CandidateRemoved():
            return Remove(stamp, data.reason)
        case intake.CandidatePlaced():
            return Place(stamp, data.category, data.unit, data.post, data.full_time, data.entry_channel)
        case _:
            return Develop(stamp, person_said(data))
