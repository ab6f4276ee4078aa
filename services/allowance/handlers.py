"""From registry events and intake messages to appends. No rules here.

Registry events: check the back pointers, keep what came too early, load, decide in order, commit. Intake: policies and the
operator's acts. A new policy starts a recalculation, which goes through everybody in pages and survives a crash between two.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import ClassVar, cast

import msgspec
from pydantic import ValidationError
from sqlalchemy import Column, Connection, String, Table, delete, select, update
from sqlalchemy.exc import IntegrityError

from contracts.allowance import EntitlementAdjusted, EntitlementDecided, FactHeard
from contracts.allowance import PolicyPublished as PolicyPublishedEvent
from contracts.base import EVENT_ID_CHARS, PERSON_REF_CHARS, LogEvent
from contracts.envelope import EventEnvelope
from contracts.intake import ParkedDiscard, ParkedRetry, PolicyPublished
from contracts.particulars import RatingResult
from contracts.receipts import Problem
from eventlog.cache import Shelf, Shelved, StateCache
from eventlog.canonical import canonical
from eventlog.columns import hold_alike
from eventlog.decider import Rejected
from eventlog.desk import Desk, Item, problem
from eventlog.heard import Foreign, save_heard, sort_out
from eventlog.inbox.failures import Failure, failure_of
from eventlog.intake import Parsed, answer, content_of, seen_before
from eventlog.log import Appended, Log, NewEvent, Past, Recorded, Unit, Vanished
from eventlog.parking import blocked_streams
from eventlog.wire import Incoming
from services.allowance.decider import (
    Command,
    DecisionOnFile,
    Happened,
    Hear,
    Recalculate,
    Worker,
    WorkerEvent,
    decide,
    evolve,
    replay,
    stream_of,
)
from services.allowance.engine import PolicyInForce, unknown_words
from services.allowance.payment_work import LISTING
from services.allowance.payments import PAYMENT_FACTS, POLICIES, PaymentBatch, Payments, work_metadata
from services.allowance.policy import PolicyError, read_policy
from services.allowance.reactions import origin_of, person_of, react
from services.allowance.views import worker

__all__ = [
    "POLICIES",
    "AllowanceIntake",
    "Recalculation",
    "RegistryEvents",
    "happened",
    "recalculating",
    "recalculation",
    "recalculations",
    "work_metadata",
]

SERVICE = "allowance"
RECALCULATE = "recalculation.allowance"
"""Where a parked recalculation says that it came from."""
RECALCULATION_PAGE = 200
CONFLICT_ROUNDS_MAX = 20

_DECISIONS = frozenset({EntitlementDecided.TYPE, EntitlementAdjusted.TYPE})
_ON_FILE = msgspec.json.Decoder(DecisionOnFile)

recalculation = Table(
    "recalculation",
    work_metadata,
    Column("policy_event", String(EVENT_ID_CHARS), primary_key=True),
    Column("after_person", String(PERSON_REF_CHARS), nullable=False, comment="everybody up to here is done"),
    comment="Recalculations that are under way. A row goes when everybody is done.",
)
hold_alike(work_metadata)


Policies = Shelved[PolicyInForce]


def policy_of(recorded: Recorded) -> PolicyInForce:
    return PolicyInForce(recorded.event_id, cast(PolicyPublishedEvent, recorded.event).document)


@dataclass(slots=True)
class Desktop(PaymentBatch):
    """states: of the workers that the batch touches."""

    states: dict[str, Worker] = field(default_factory=dict)


def happened(log: Log, past: Past) -> Happened:
    """A recorded event as the decider takes it in; of a decision only what later ones need."""
    if past.type in _DECISIONS:
        return Happened(past.event_id, date.min, _ON_FILE.decode(past.data))
    event = cast(WorkerEvent, log.codec.decode(past.type, past.data))
    return Happened(past.event_id, date.fromisoformat(past.effective_on), event)


class Workers:
    """Loading, deciding and recording for workers' streams: what hearing and recalculating have in common."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.shelf = Shelf(log, POLICIES, policy_of)
        self.cache: StateCache[Worker] = StateCache()

    def load(self, connection: Connection, batch: Desktop, streams: set[str], position: int) -> None:
        """Bring the states of these streams into the batch. position: of the log, as this connection sees it."""
        self.cache.refresh(connection, position)
        missing = set()
        for stream in streams - batch.states.keys():
            kept = self.cache.get(stream)
            if kept is None:
                missing.add(stream)
            else:
                batch.versions[stream], batch.states[stream] = kept
        for stream, past in self.log.histories(connection, missing).items():
            batch.states[stream] = replay(happened(self.log, one) for one in past)
            batch.versions[stream] = len(past)

    def keep(self, batch: Desktop, position: int, appended: Appended) -> None:
        """Remember the states after an append that went through."""
        if appended.head is not None:
            states = {stream: (batch.versions[stream], state) for stream, state in batch.states.items()}
            self.cache.keep(states, position, appended.head.position, len(appended.events))

    def decide(
        self, batch: Desktop, stream: str, command: Command, policies: Policies, cause: tuple[str, str], day: str
    ) -> Unit:
        """The unit of one command, and the batch's state moved on. cause: (causation id, correlation id)."""
        state = batch.states[stream]
        events = decide(command, state, policies.items)
        unit = Unit(expects={stream: batch.versions[stream], POLICIES: policies.version})
        for event in events:
            event_id = self.log.new_id()
            on = day if isinstance(event, FactHeard) else f"{event.decision.year}-12-31"
            unit.events.append(NewEvent(stream, event, on, event_id, cause[1], cause[0], SERVICE))
            state = evolve(state, Happened(event_id, date.fromisoformat(on), event))
        batch.states[stream] = state
        batch.versions[stream] += len(events)
        return unit


class RegistryEvents:
    """The handler of the consumer of REGISTRY."""

    def __init__(self, log: Log, *, wake: Callable[[], None]) -> None:
        self._log = log
        self._workers = Workers(log)
        self._desk = Desk(SERVICE, log)
        self._wake = wake

    async def handle(self, messages: Sequence[Incoming]) -> None:
        """Settle a batch. Returns after the commit."""
        # In the loop's own thread, see docs/decisions/0008.
        self.settle([Item.of(m) for m in messages])
        self._wake()

    def settle(self, items: Sequence[Item]) -> None:
        for _ in range(CONFLICT_ROUNDS_MAX):
            try:
                if self._settle_once(items):
                    return
            except (IntegrityError, Vanished):
                continue
        raise RuntimeError(f"{len(items)} registry events met conflicts {CONFLICT_ROUNDS_MAX} times")

    def _settle_once(self, items: Sequence[Item]) -> bool:
        batch = Desktop()
        with self._log.database.read.connect() as connection:
            position = self._log.head(connection).position
            batch.blocked = blocked_streams(connection)
            sorted_out = sort_out(connection, "registry", items)
            batch.seen = seen_before(connection, [("registry", _unread_id(item)) for item in sorted_out.unreadable])
            events = sorted_out.ready
            self._workers.load(
                connection, batch, {stream_of(ref) for e in events if (ref := person_of(e.envelope)) is not None}, position
            )
            policies = self._workers.shelf.read(connection)
        for foreign in events:
            self.settle_event(batch, foreign, policies)
        for item in sorted_out.unreadable:
            self._park_unreadable(batch, item)
        if not batch.units and not sorted_out.moved:
            return True
        appended = self._log.append(
            batch.units, seen_position=position, whole=True, also=lambda c: save_heard(c, sorted_out, self._log.clock)
        )
        if appended.conflicts:
            self._workers.cache.clear()
        self._workers.keep(batch, position, appended)
        return not appended.conflicts

    def settle_event(self, batch: Desktop, foreign: Foreign, policies: Policies) -> None:
        """Add the unit of one registry event. An event without a person, or of an unknown kind, is none of our business."""
        ref = person_of(foreign.envelope)
        if ref is None:
            return
        stream = stream_of(ref)
        envelope = foreign.envelope
        if stream in batch.blocked:
            self._park(batch, foreign, "behind-parked", "an earlier event of this person is parked", stream)
            return
        before = batch.states[stream], batch.versions[stream]
        try:
            command = react(envelope)
            cause = (envelope.id, envelope.correlationid)
            day = envelope.effectiveon.isoformat()
            unit = self._workers.decide(batch, stream, command, policies, cause, day)
            self._warn_of_words(batch, unit, stream, command, policies)
            batch.add(foreign.item, unit)
        except Exception as error:
            if failure_of(error) is not Failure.MESSAGE:
                raise
            batch.states[stream], batch.versions[stream] = before
            self._park(batch, foreign, "rule-failed", f"{type(error).__name__} while deciding", stream)
            batch.blocked.add(stream)

    def _warn_of_words(self, batch: Desktop, unit: Unit, stream: str, command: Hear, policies: Policies) -> None:
        """Tell the source of a rating that the policy has no such word: the fact is kept, the amount waits for a mend."""
        said = command.particulars
        if not isinstance(said, RatingResult):
            return
        for event in (new.event for new in unit.events):
            if isinstance(event, EntitlementDecided | EntitlementAdjusted) and event.decision.year == said.year:
                policy = next((p for p in policies.items if p.event_id == event.decision.policy.event), None)
                facts = [f for f in batch.states[stream].facts.values() if f.event_id == command.heard]
                if policy is not None and f"rating:{said.rating}" in unknown_words(facts, policy, said.year):
                    why = problem(
                        "data.rating",
                        "rating-unknown",
                        f"policy {policy.document.document} has no such rating",
                        "correct the rating, or ask the county to publish a policy that knows it; nothing is paid until then",
                    )
                    unit.receipts.append(
                        answer(
                            SERVICE,
                            command.origin.source,
                            command.origin.id,
                            "waiting",
                            self._log.clock.now(),
                            problems=(why,),
                            events=(command.heard,),
                            person_ref=command.person_ref,
                            waiting_for=f"a policy or a correction that settles the rating of {said.year}",
                        )
                    )

    def _park(self, batch: Desktop, foreign: Foreign, code: str, what: str, stream: str) -> None:
        why = problem("", code, what, "an operator will look at it; nothing is lost")
        receipt = None
        with suppress(ValidationError, KeyError):
            origin = origin_of(foreign.envelope)
            now = self._log.clock.now()
            receipt = answer(SERVICE, origin.source, origin.id, "parked", now, problems=(why,), events=(foreign.envelope.id,))
        self._desk.set_aside(batch, foreign.item, ("registry", foreign.envelope.id), why, stream, receipt)

    def _park_unreadable(self, batch: Desktop, item: Item) -> None:
        if ("registry", _unread_id(item)) in batch.seen:
            return
        why = problem("", "not-an-event", "the message on REGISTRY is not an event envelope", "find out who published it")
        self._desk.set_aside(batch, item, ("registry", _unread_id(item)), why, None, None)


class AllowanceIntake:
    """The handler of the intake consumer: policy documents, facts about payment, the operator's acts on parked messages."""

    def __init__(
        self,
        log: Log,
        events: RegistryEvents,
        *,
        wake: Callable[[], None],
        recalculate: Callable[[], None],
        erase: Callable[[int], Awaitable[None]],
        payments: Payments | None = None,
    ) -> None:
        self._log = log
        self._erase = erase
        self._payments = payments or Payments(log, recalculating=recalculating)
        self._desk = Desk(SERVICE, log)
        self._events = events
        self._workers = Workers(log)
        self._wake = wake
        self._recalculate = recalculate

    async def handle(self, messages: Sequence[Incoming]) -> None:
        items = [Item.of(m) for m in messages]
        erase = self.settle(items)
        self._wake()
        self._recalculate()
        for sequence in erase:
            await self._erase(sequence)

    def settle(self, items: Sequence[Item]) -> list[int]:
        """One message at a time: these are few, and each may change what the next is decided on. Returns what to erase."""
        erase: list[int] = []
        for item in items:
            for _ in range(CONFLICT_ROUNDS_MAX):
                try:
                    found = self._settle_item(item)
                    if found is not None:
                        erase += found
                        break
                except (IntegrityError, Vanished):
                    continue
            else:
                raise RuntimeError(f"a message met conflicts {CONFLICT_ROUNDS_MAX} times")
        return erase

    def _settle_item(self, item: Item) -> list[int] | None:
        """The sequences to erase, or None if the log moved meanwhile."""
        batch = Desktop()
        with self._log.database.read.connect() as connection:
            position = self._log.head(connection).position
            batch.blocked = blocked_streams(connection)
            for more, parsed in self._desk.read(connection, batch, [item]):
                self._settle_parsed(connection, batch, more, parsed)
        moved = partial(self._payments.moved, batch=batch)
        if batch.units and self._log.append(batch.units, seen_position=position, whole=True, recheck=moved).conflicts:
            return None
        return batch.erase

    def _settle_parsed(self, connection: Connection, batch: Desktop, item: Item, parsed: Parsed) -> None:
        content = content_of(parsed.value)
        seen = batch.seen.get((parsed.origin, parsed.message.id))
        if seen is not None and (item.fresh or seen.settled):
            self._desk.settle_seen(connection, batch, item, parsed, content, seen)
            return
        match parsed.message.data:
            case ParkedRetry() as data:
                again = self._desk.retry(connection, batch, item, parsed, content, data)
                self._retry_events(connection, batch, again)
            case ParkedDiscard() as data:
                self._desk.discard(connection, batch, item, parsed, content, data)
            case PolicyPublished() as data:
                try:
                    self._publish(connection, batch, item, parsed, content, data)
                except Rejected as rejected:
                    self._desk.refuse(batch, item, parsed, rejected.problems, content)
            case data if isinstance(data, PAYMENT_FACTS):
                self._payments.settle(connection, batch, item, parsed, content)
            case _:
                raise RuntimeError(f"{parsed.message.type} is not taken here")

    def _retry_events(self, connection: Connection, batch: Desktop, items: Sequence[Item]) -> None:
        """Settle parked messages again, in their order: intake ones, registry events and recalculations."""
        for more, parsed in self._desk.read(connection, batch, [i for i in items if i.subject.startswith("intake.")]):
            self._settle_parsed(connection, batch, more, parsed)
        for item in items:
            if item.subject == LISTING:
                # The worker is free again, and a later run lists them.
                batch.add(item, Unit())
        items = [item for item in items if not item.subject.startswith("intake.") and item.subject != LISTING]
        found = [
            _Again.model_validate_json(item.raw)
            if item.subject == RECALCULATE
            else Foreign(item, EventEnvelope.model_validate_json(item.raw))
            for item in items
        ]
        people = {f.person_ref if isinstance(f, _Again) else person_of(f.envelope) for f in found}
        position = self._log.head(connection).position
        self._workers.load(connection, batch, {stream_of(ref) for ref in people if ref is not None}, position)
        policies = self._workers.shelf.read(connection)
        for item, entry in zip(items, found, strict=True):
            if isinstance(entry, _Again):
                recalculate(self._log, self._workers, self._desk, batch, item, entry, policies)
            else:
                self._events.settle_event(batch, entry, policies)

    def _publish(
        self, connection: Connection, batch: Desktop, item: Item, parsed: Parsed, content: bytes, data: PolicyPublished
    ) -> None:
        """Record a policy document. Raises Rejected."""
        try:
            document = read_policy(data.text)
        except PolicyError as error:
            raise Rejected(
                *(
                    Problem(field=f"data.text:{p.line}:{p.column} {p.key}", code=p.code, problem=p.problem, remedy=p.remedy)
                    for p in error.problems[:20]
                )
            ) from None
        policies = self._workers.shelf.read(connection)
        for known in policies.items:
            same = (known.document.document, known.document.revision) == (document.document, document.revision)
            if same and known.document.division == document.division:
                raise Rejected(
                    problem(
                        "data.text",
                        "policy-exists",
                        f"document {document.document} is published already in revision {document.revision}",
                        "raise the revision to publish a changed document",
                    )
                )
        message = parsed.message
        event_id = self._log.new_id()
        event = PolicyPublishedEvent(document=document, text=data.text, text_sha256=_sha256(data.text))
        cause = f"{parsed.origin}/{message.id}"
        day = document.effective.first_day.isoformat()
        unit = Unit(
            events=[NewEvent(POLICIES, event, day, event_id, message.id, cause, parsed.origin)],
            expects={POLICIES: policies.version},
            inserts=[(recalculation, {"policy_event": event_id, "after_person": ""})],
        )
        receipt = self._desk.receipt(parsed, "accepted", events=(event_id,))
        self._desk.accept(batch, item, parsed, content, unit, POLICIES, event_id, receipt)


class _Again(LogEvent):
    """A recalculation of one person that is parked: what the side table holds for it."""

    TYPE: ClassVar[str] = "allowance.recalculate"
    person_ref: str
    because: str


def recalculate(log: Log, workers: Workers, desk: Desk, batch: Desktop, item: Item, again: _Again, policies: Policies) -> None:
    """Decide one person's years once more. Behind a parked message, or where a rule fails, this is parked too."""
    stream = stream_of(again.person_ref)
    key = (SERVICE, f"{again.because}/{again.person_ref}")
    if stream in batch.blocked:
        why = problem("", "behind-parked", "an earlier event of this person is parked", "retry that one")
        desk.set_aside(batch, item, key, why, stream, None)
        return
    try:
        cause = (again.because, again.because)
        unit = workers.decide(batch, stream, Recalculate(again.person_ref, again.because), policies, cause, "")
    except Exception as error:
        if failure_of(error) is not Failure.MESSAGE:
            raise
        why = problem("", "rule-failed", f"{type(error).__name__} while deciding", "an operator will look at it")
        desk.set_aside(batch, item, key, why, stream, None)
        batch.blocked.add(stream)
        return
    if unit.events or not item.fresh:
        batch.add(item, unit)


class Recalculation:
    """Goes through everybody after a new policy, a page at a time. Safe to repeat: a decision that stands is not made again."""

    def __init__(self, log: Log, *, wake: Callable[[], None]) -> None:
        self._log = log
        self._workers = Workers(log)
        self._desk = Desk(SERVICE, log)
        self._wake = wake
        self._go = asyncio.Event()

    def start(self) -> None:
        self._go.set()

    async def run(self) -> None:
        """Recalculate whenever there is something to, until cancelled. What is left from before is done first."""
        self._go.set()
        while True:
            await self._go.wait()
            self._go.clear()
            while await asyncio.to_thread(self.step):
                self._wake()

    def step(self) -> bool:
        """Do one page. Returns whether there was one."""
        for _ in range(CONFLICT_ROUNDS_MAX):
            done = self._page()
            if done is not None:
                return done
        raise RuntimeError(f"a recalculation met conflicts {CONFLICT_ROUNDS_MAX} times")

    def _page(self) -> bool | None:
        """True: a page was done. False: nothing to do. None: the log moved under it; again."""
        batch = Desktop()
        with self._log.database.read.connect() as connection:
            position = self._log.head(connection).position
            task = connection.execute(select(recalculation).order_by(recalculation.c.policy_event).limit(1)).one_or_none()
            if task is None:
                return False
            query = select(worker.c.person_ref).where(worker.c.person_ref > task.after_person)
            people = connection.scalars(query.order_by(worker.c.person_ref).limit(RECALCULATION_PAGE)).all()
            batch.blocked = blocked_streams(connection)
            self._workers.load(connection, batch, {stream_of(ref) for ref in people}, position)
            policies = self._workers.shelf.read(connection)
        for ref in people:
            again = _Again(person_ref=ref, because=task.policy_event)
            item = Item(RECALCULATE, canonical(again.payload()), 0)
            recalculate(self._log, self._workers, self._desk, batch, item, again, policies)

        def advance(connection: Connection) -> None:
            if people:
                chosen = recalculation.c.policy_event == task.policy_event
                connection.execute(update(recalculation).where(chosen).values(after_person=people[-1]))
            else:
                connection.execute(delete(recalculation).where(recalculation.c.policy_event == task.policy_event))

        appended = self._log.append(batch.units, seen_position=position, whole=True, also=advance)
        self._workers.cache.clear()
        return None if appended.conflicts else True


def _unread_id(item: Item) -> str:
    return f"seq-{item.sequence}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def recalculations(connection: Connection) -> int:
    """How many recalculations are under way."""
    return len(connection.execute(select(recalculation.c.policy_event)).all())


def recalculating(connection: Connection) -> bool:
    """Whether decisions are being made again for everybody."""
    return connection.execute(select(recalculation.c.policy_event).limit(1)).first() is not None
