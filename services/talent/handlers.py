"""From registry events and intake messages to appends. No rules here.

Registry events: check the back pointers, keep what came too early, load, decide in order, commit. Intake: standards, reports
and acts about candidates, and the operator's acts on parked messages. What names a person of whom the registry has told
nothing yet is held, and released in the same append in which the first fact about them is heard.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import cast

from pydantic import ValidationError
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from contracts import intake
from contracts.appraisal_intake import AppraisalFact
from contracts.development import Mentorship
from contracts.development_intake import DevelopmentPolicyPublished, MatterFact, MentorAssigned, PersonFact, person_said
from contracts.envelope import EventEnvelope
from contracts.intake import ParkedDiscard, ParkedRetry, QualificationStandardPublished
from contracts.receipts import Problem
from contracts.registry import FactOrigin
from contracts.standard import Words
from contracts.talent import CandidateFlagged, CandidateNominated, FactHeard, Profile, StandardPublished
from contracts.workdays import Calendar
from eventlog import schema
from eventlog.cache import Shelf, Shelved, StateCache
from eventlog.decider import Rejected
from eventlog.desk import Desk, Item, problem
from eventlog.documents import DocumentError
from eventlog.heard import Foreign, Heard, save_heard, sort_out
from eventlog.holding import Holding, Need
from eventlog.inbox.failures import Failure, failure_of
from eventlog.intake import Parsed, answer, content_of, seen_before
from eventlog.log import Log, NewEvent, Past, Recorded, Unit, Vanished
from eventlog.parking import blocked_streams
from eventlog.wire import Incoming
from services.talent.appraisal_handlers import ANY_ENGAGEMENT, AppraisalDesk, Appraisals, person_of_fact
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
from services.talent.development_handlers import DEVELOPMENT_POLICIES, DevelopmentBatch, DevelopmentDesk, made_need
from services.talent.matters import CLOSERS
from services.talent.reactions import origin_of, person_of, react
from services.talent.staffing import StaffingFact, StaffingState
from services.talent.staffing_handlers import Staffing
from services.talent.standard import read_standard
from services.talent.views import seats_taken

__all__ = ["STANDARDS", "Talent", "happened"]

SERVICE = "talent"
STANDARDS = "standards"
"""The one stream of all standards: a decision names its version, so that none is made by a stale one."""
CONFLICT_ROUNDS_MAX = 20
PROBLEMS_SHOWN_MAX = 20

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


def standard_of(recorded: Recorded) -> StandardKnown:
    return StandardKnown(recorded.event_id, cast(StandardPublished, recorded.event).document)


@dataclass(slots=True)
class TalentBatch(DevelopmentBatch):
    """states: of the people whom the batch touches. counted: seats taken before the batch; moved: what it has changed since.

    A need is ``person:<person_ref>``, ``nomination:<person_ref>``, or ``made:<stream>#<what>``.
    """

    states: dict[str, Member] = field(default_factory=dict)
    standards: Standards = field(default_factory=Standards)
    counted: dict[Seat, int] = field(default_factory=dict)
    moved: Counter[Seat] = field(default_factory=Counter)
    staffing: dict[str, StaffingState] = field(default_factory=dict)
    appraisals: Appraisals = field(default_factory=Appraisals)

    def words(self, division: str, day: date) -> Words:
        """The words of the standard in force; the scheme's own, where there is none."""
        found = Around(self.standards.items).in_force(division, day)
        return Words() if found is None else found.document.words


def happened(log: Log, past: Past) -> Happened:
    """A recorded event as the decider takes it in."""
    return Happened(
        past.event_id, date.fromisoformat(past.effective_on), cast(PersonEvent, log.codec.decode(past.type, past.data))
    )


class Talent:
    """The handlers of both consumers: they share what is known of people.

    hold_seconds: how long a message waits for what it needs before it is parked. erase: deletes a message from INTAKE for good.
    calendar: of working days. closers: sources that may return, extend and close other sources' problems.
    """

    def __init__(
        self,
        log: Log,
        *,
        hold_seconds: int,
        wake: Callable[[], None],
        erase: Callable[[int], Awaitable[None]],
        calendar: Calendar | None = None,
        closers: frozenset[str] = CLOSERS,
    ) -> None:
        self._log = log
        self._desk = Desk(SERVICE, log)
        self._holding = Holding(self._desk, log, hold_seconds)
        self._shelf = Shelf(log, STANDARDS, standard_of)
        self._development = DevelopmentDesk(log, self._desk, self._holding, calendar, closers)
        self._staffing = Staffing(self._desk, log, self._holding)
        self._appraisals = AppraisalDesk(log, self._desk, self._holding)
        self._cache: StateCache[Member] = StateCache()
        self._wake = wake
        self._erase = erase

    # --- the two consumers ----------------------------------------------------------------------------------------------

    async def handle_events(self, messages: Sequence[Incoming]) -> None:
        """Settle a batch of registry events. Returns after the commit."""
        # In the loop's own thread, see docs/decisions/0008.
        self.hear([Item.of(m) for m in messages])
        self._wake()

    async def handle_intake(self, messages: Sequence[Incoming]) -> None:
        """Settle a batch of intake messages. Returns after the commit, and after plain identity was erased."""
        erase = self.take([Item.of(m) for m in messages])
        self._wake()
        for sequence in erase:
            await self._erase(sequence)

    def hear(self, items: Sequence[Item]) -> None:
        self._until_settled(lambda: self._settle(heard=items))

    def take(self, items: Sequence[Item]) -> list[int]:
        """Settle intake messages in order. Returns the sequences to erase."""
        return self._until_settled(lambda: self._settle(taken=items))

    def expire(self) -> int:
        """Park the messages that have waited too long. Safe to run at any time and on several instances."""
        return self._holding.expire(self._wake)

    def _until_settled(self, settle: Callable[[], list[int] | None]) -> list[int]:
        for _ in range(CONFLICT_ROUNDS_MAX):
            try:
                erase = settle()
            except (IntegrityError, Vanished):
                # Another instance, or the expiry of a held message, was at the same rows at the same moment.
                erase = None
            if erase is not None:
                return erase
            self._cache.clear()
            self._appraisals.clear()
        raise RuntimeError(f"a batch met conflicts {CONFLICT_ROUNDS_MAX} times")

    def _settle(self, heard: Sequence[Item] = (), taken: Sequence[Item] = ()) -> list[int] | None:
        """One append for the whole batch. Returns the sequences to erase; None: the log moved under it, decide again."""
        batch = TalentBatch()
        with self._log.database.read.connect() as connection:
            position = self._log.head(connection).position
            self._cache.refresh(connection, position)
            self._appraisals.refresh(connection, position)
            batch.blocked = blocked_streams(connection)
            batch.standards = self._shelf.read(connection)
            batch.policies = self._development.read_policies(connection)
            sorted_out = sort_out(connection, "registry", heard)
            self._settle_heard(connection, batch, sorted_out)
            queue: Sequence[Item] = [*taken, *self._holding.released(connection, batch)]
            while queue:
                queue = self._settle_taken(connection, batch, queue)
                queue = [*queue, *self._holding.released(connection, batch)]
        if not batch.units and not sorted_out.moved:
            return batch.erase
        appended = self._log.append(
            batch.units,
            seen_position=position,
            recheck=lambda c: self._moved(c, batch),
            whole=True,
            also=lambda c: save_heard(c, sorted_out, self._log.clock),
        )
        if appended.conflicts:
            return None
        if appended.head is not None:
            states = {stream: (batch.versions[stream], state) for stream, state in batch.states.items()}
            self._cache.keep(states, position, appended.head.position, len(appended.events))
            self._appraisals.keep(batch, batch.appraisals, position, appended.head.position, len(appended.events))
        return batch.erase

    def _moved(self, connection: Connection, batch: TalentBatch) -> Iterable[int]:
        """Asked under the lock, if the log has moved: what came that a held message needs, or a seat that was taken."""
        event = schema.event.c
        for index, need in batch.needs.items():
            kind, _, ref = need.partition(":")
            if kind == "made":
                # Held with the version of the stream that lacks it: if that has moved, the unit is stale by itself.
                continue
            query = select(event.position).where(event.stream == stream_of(ref)).limit(1)
            if kind == "nomination":
                query = query.where(event.type == CandidateNominated.TYPE)
            if connection.execute(query).first() is not None:
                yield index
        if any(seats_taken(connection, *seat) != count for seat, count in batch.counted.items()):
            yield 0
        if batch.appraisals.moved(connection):
            yield 0

    def _bring(self, connection: Connection, batch: TalentBatch, streams: set[str]) -> None:
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

    def _decide(
        self, connection: Connection, batch: TalentBatch, stream: str, command: Command, act: _Cause
    ) -> tuple[Unit, tuple[str, ...]]:
        """The unit of one command and the ids of its events; the batch's state moves on. Raises Rejected."""
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
        return unit, tuple(new.event_id for new in unit.events)

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

    def _settle_heard(self, connection: Connection, batch: TalentBatch, sorted_out: Heard) -> None:
        keys = [("registry", _unread_id(item)) for item in sorted_out.unreadable]
        batch.seen.update(seen_before(connection, keys))
        people = {ref for each in sorted_out.ready if (ref := person_of(each.envelope)) is not None}
        self._bring(connection, batch, {stream_of(ref) for ref in people})
        for foreign in sorted_out.ready:
            self._settle_event(connection, batch, foreign)
        for item in sorted_out.unreadable:
            key = ("registry", _unread_id(item))
            if key not in batch.seen:
                what = "the message on REGISTRY is not an event envelope"
                why = problem("", "not-an-event", what, "find out who published it")
                self._desk.set_aside(batch, item, key, why, None, None)

    def _settle_event(self, connection: Connection, batch: TalentBatch, foreign: Foreign) -> None:
        """Add the unit of one registry event. An event without a person, or of an unknown kind, is none of our business."""
        envelope = foreign.envelope
        ref = person_of(envelope)
        if ref is None:
            return
        stream = stream_of(ref)
        if stream in batch.blocked:
            self._park_event(batch, foreign, "behind-parked", "an earlier event of this person is parked", stream)
            return
        before = batch.states[stream], batch.versions[stream]
        cause = _Cause(envelope.id, envelope.correlationid, SERVICE, envelope.effectiveon.isoformat())
        try:
            unit, _ = self._decide(connection, batch, stream, react(envelope), cause)
            batch.add(foreign.item, unit)
        except Exception as error:
            if failure_of(error) is not Failure.MESSAGE:
                raise
            batch.states[stream], batch.versions[stream] = before
            self._park_event(batch, foreign, "rule-failed", f"{type(error).__name__} while deciding", stream)
            batch.blocked.add(stream)

    def _park_event(self, batch: TalentBatch, foreign: Foreign, code: str, what: str, stream: str) -> None:
        why = problem("", code, what, "an operator will look at it; nothing is lost")
        receipt = None
        with suppress(ValidationError, KeyError):
            origin = origin_of(foreign.envelope)
            now = self._log.clock.now()
            receipt = answer(SERVICE, origin.source, origin.id, "parked", now, problems=(why,), events=(foreign.envelope.id,))
        self._desk.set_aside(batch, foreign.item, ("registry", foreign.envelope.id), why, stream, receipt)

    # --- intake messages ------------------------------------------------------------------------------------------------

    def _settle_taken(self, connection: Connection, batch: TalentBatch, items: Sequence[Item]) -> list[Item]:
        """Settle messages in their order. Returns further ones that they ask for (a retry, which may bring events back too)."""
        more: list[Item] = []
        read = self._desk.read(connection, batch, [item for item in items if item.subject.startswith("intake.")])
        facts = {id(item): parsed for item, parsed in read}
        events = {
            id(item): Foreign(item, EventEnvelope.model_validate_json(item.raw))
            for item in items
            if not item.subject.startswith("intake.")
        }
        people = [p.message.data.person.person_ref for p in facts.values() if isinstance(p.message.data, CandidateFact)]
        people += [p.message.data.mentor for p in facts.values() if isinstance(p.message.data, MentorAssigned)]
        told = [(p.origin, p.message.data) for p in facts.values() if isinstance(p.message.data, AppraisalFact)]
        people += [ref for _, data in told if (ref := person_of_fact(data)) is not None]
        people += [ref for each in events.values() if (ref := person_of(each.envelope)) is not None]
        self._bring(connection, batch, {stream_of(ref) for ref in people})
        matters = [(p.origin, p.message.data) for p in facts.values() if isinstance(p.message.data, MatterFact)]
        self._development.bring(connection, batch, matters)
        self._appraisals.bring(connection, batch, batch.appraisals, told)
        for item in items:
            if id(item) in events:
                self._settle_event(connection, batch, events[id(item)])
            elif id(item) in facts:
                more += self._settle_parsed(connection, batch, item, facts[id(item)])
        return more

    def _settle_parsed(self, connection: Connection, batch: TalentBatch, item: Item, parsed: Parsed) -> list[Item]:
        content = content_of(parsed.value)
        seen = batch.seen.get((parsed.origin, parsed.message.id))
        if seen is not None and (item.fresh or seen.settled):
            self._desk.settle_seen(connection, batch, item, parsed, content, seen)
            return []
        match parsed.message.data:
            case ParkedRetry() as data:
                return self._desk.retry(connection, batch, item, parsed, content, data)
            case ParkedDiscard() as data:
                self._desk.discard(connection, batch, item, parsed, content, data)
            case QualificationStandardPublished() as data:
                try:
                    self._publish(batch, item, parsed, content, data)
                except Rejected as rejected:
                    self._desk.refuse(batch, item, parsed, rejected.problems, content)
            case DevelopmentPolicyPublished() as data:
                self._development.publish(batch, item, parsed, content, data)
            case data if isinstance(data, CandidateFact):
                self._act(connection, batch, item, parsed, content, data)
            case data if isinstance(data, MatterFact):
                self._development.settle_matter(batch, item, parsed, content, data)
            case data if isinstance(data, AppraisalFact):
                self._appraisals.settle(connection, batch, batch.appraisals, batch.states, item, parsed, content, data)
            case data if isinstance(data, StaffingFact):
                self._staffing.settle(connection, batch, batch.staffing, item, parsed, content, data, batch.words)
            case _:
                raise RuntimeError(f"{parsed.message.type} is not taken here")
        return []

    def _act(
        self, connection: Connection, batch: TalentBatch, item: Item, parsed: Parsed, content: bytes, data: CandidateFact
    ) -> None:
        """Add the unit of a report or act about a candidate: accepted, held, refused or parked."""
        ref = data.person.person_ref
        stream = stream_of(ref)
        if stream in batch.blocked:
            self._park(batch, item, parsed, "behind-parked", "an earlier event of this person is parked", stream)
            return
        before = batch.states[stream], batch.versions[stream]
        message = parsed.message
        event_id = self._log.new_id()
        origin = FactOrigin(source=parsed.origin, id=message.id, occurred_at=message.time)
        command = _command(data, Stamp(event_id, ref, origin, message.effectiveon, self._log.clock.now()))
        cause = _Cause(
            f"{parsed.origin}/{message.id}",
            message.correlationid or message.id,
            parsed.origin,
            message.effectiveon.isoformat(),
            event_id,
        )
        try:
            _check_needs(command, before[0], ref)
            mentor = _mentor_of(command)
            if mentor is not None and not batch.states[mentor].heard:
                raise Need(f"person:{mentor.removeprefix('worker-')}", "the mentor's registration")
            unit, events = self._decide(connection, batch, stream, command, cause)
        except Need as need:
            made = {stream: batch.versions[stream]} if need.what.startswith("made:") else None
            self._holding.hold(batch, item, parsed, need, made)
        except Rejected as rejected:
            self._desk.refuse(batch, item, parsed, rejected.problems, content)
        except Exception as error:
            if failure_of(error) is not Failure.MESSAGE:
                raise
            batch.states[stream], batch.versions[stream] = before
            self._park(batch, item, parsed, "rule-failed", f"{type(error).__name__} while deciding", stream)
            batch.blocked.add(stream)
        else:
            receipt = self._desk.receipt(parsed, "accepted", events=events, person_ref=ref)
            self._desk.accept(batch, item, parsed, content, unit, stream, events[0] if events else None, receipt)

    def _park(self, batch: TalentBatch, item: Item, parsed: Parsed, code: str, what: str, blocks: str) -> None:
        why = problem("", code, what, "an operator will look at it; nothing is lost")
        receipt = self._desk.receipt(parsed, "parked", problems=(why,))
        self._desk.set_aside(batch, item, (parsed.origin, parsed.message.id), why, blocks, receipt)

    def _publish(
        self, batch: TalentBatch, item: Item, parsed: Parsed, content: bytes, data: QualificationStandardPublished
    ) -> None:
        """Record a standard. Raises Rejected."""
        try:
            document = read_standard(data.text)
        except DocumentError as error:
            raise Rejected(
                *(
                    Problem(field=f"data.text:{p.line}:{p.column} {p.key}", code=p.code, problem=p.problem, remedy=p.remedy)
                    for p in error.problems[:PROBLEMS_SHOWN_MAX]
                )
            ) from None
        standards = batch.standards
        named = (document.document, document.revision, document.division)
        if any(named == (s.document.document, s.document.revision, s.document.division) for s in standards.items):
            raise Rejected(
                problem(
                    "data.text",
                    "standard-exists",
                    f"document {document.document} is published already in revision {document.revision}",
                    "raise the revision to publish a changed document",
                )
            )
        message = parsed.message
        event_id = self._log.new_id()
        mark = hashlib.sha256(data.text.encode()).hexdigest()
        event = StandardPublished(document=document, text=data.text, text_sha256=mark)
        cause = f"{parsed.origin}/{message.id}"
        day = document.effective_on.isoformat()
        unit = Unit(
            events=[NewEvent(STANDARDS, event, day, event_id, message.id, cause, parsed.origin)],
            expects={STANDARDS: standards.version},
        )
        batch.standards = Standards(standards.version + 1, (*standards.items, StandardKnown(event_id, document)))
        receipt = self._desk.receipt(parsed, "accepted", events=(event_id,))
        self._desk.accept(batch, item, parsed, content, unit, STANDARDS, event_id, receipt)


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
            raise Need(f"person:{ref}", "the person's registration")
        case "nomination":
            raise Need(f"nomination:{ref}", "the person's nomination")
        case _:
            raise Need(made_need(stream_of(ref), need), f"the person's {need.replace('engagement-start/', 'engagement ')}")


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


def _unread_id(item: Item) -> str:
    return f"seq-{item.sequence}"
