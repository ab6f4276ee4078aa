"""How the allowance service names, loads and decides what it hears and is told; ``eventlog.inbox`` settles it. No rules here.

A new policy starts a recalculation, which goes through everybody in pages and survives a crash between two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, cast

import msgspec
from sqlalchemy import Column, Connection, String, Table, delete, select, update

from contracts.allowance import EntitlementAdjusted, EntitlementDecided, FactHeard
from contracts.allowance import PolicyPublished as PolicyPublishedEvent
from contracts.base import EVENT_ID_CHARS, PERSON_REF_CHARS, LogEvent
from contracts.intake import PolicyPublished
from contracts.particulars import RatingResult
from contracts.policy import PolicyDocument
from eventlog.cache import Shelved, StateCache
from eventlog.canonical import canonical
from eventlog.columns import hold_alike
from eventlog.desk import Desk, Item, problem
from eventlog.eyes import Eyes, EyesSetting
from eventlog.heard import Foreign
from eventlog.inbox.documents import Documents
from eventlog.inbox.failures import Failure, failure_of
from eventlog.inbox.inbox import CONFLICT_ROUNDS_MAX, Inbox
from eventlog.inbox.protocol import Capability, Entry
from eventlog.intake import answer
from eventlog.log import Appended, Log, NewEvent, Past, Unit
from eventlog.parking import blocked_streams
from eventlog.turns import Turns
from eventlog.wire import Incoming
from services.allowance.decider import (
    Command,
    DecisionOnFile,
    Happened,
    Hear,
    Recalculate,
    Worker,
    decide,
    evolve,
    replay,
    stream_of,
)
from services.allowance.engine import PolicyInForce, unknown_words
from services.allowance.payment_work import LISTING
from services.allowance.payments import POLICIES, PaymentBatch, PaymentRoom, Payments, work_metadata
from services.allowance.policy import read_policy
from services.allowance.reactions import erased_by, origin_of, person_of, react
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


@dataclass(slots=True)
class Desktop(PaymentBatch):
    """states: of the workers that the batch touches."""

    states: dict[str, Worker] = field(default_factory=dict)


def happened(log: Log, past: Past) -> Happened:
    """A recorded event as the decider takes it in; of a decision only what later ones need."""
    if past.type in _DECISIONS:
        return Happened(past.event_id, date.min, _ON_FILE.decode(past.data))
    return Happened(*log.past(past))


class Workers:
    """Loading, deciding and recording for workers' streams: what hearing and recalculating have in common."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.shelf = policies_on(log).shelf()
        self.cache: StateCache[Worker] = StateCache()

    def load(self, connection: Connection, batch: Desktop, streams: set[str]) -> None:
        """Bring the states of these streams into the batch."""
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


class AllowanceRoom(PaymentRoom):
    """What the inbox asks for: registry events, policies, payment facts, parked recalculations and listings."""

    heard_from = "registry"

    def __init__(self, log: Log, desk: Desk, payments: Payments, eyes: EyesSetting) -> None:
        super().__init__(payments)
        self.log = log
        self._desk = desk
        self._workers = Workers(log)
        self._policies = policies_on(log)
        needed = {"intake.policy-published.v1": self._policies.is_new} if "policy" in eyes.acts else {}
        self._eyes = Eyes(log, self, self._decided_by, needed, eyes.seconds)
        self.own = {RECALCULATE: self._recalculate_again, LISTING: _free}

    def open(self, connection: Connection, position: int) -> Desktop:
        self._workers.cache.refresh(connection, position)
        return Desktop(documents={POLICIES: self._workers.shelf.read(connection)})

    def capability(self, entry: Entry) -> Capability[Any]:
        return self._eyes.capability(entry)

    def _decided_by(self, entry: Entry) -> Capability[Any]:
        return self._policies if isinstance(entry.parsed.message.data, PolicyPublished) else super().capability(entry)

    def keep(self, batch: PaymentBatch, position: int, appended: Appended) -> None:
        self._workers.keep(cast(Desktop, batch), position, appended)

    def forget(self) -> None:
        self._workers.cache.clear()

    # --- registry events ------------------------------------------------------------------------------------------------

    def stream_heard(self, foreign: Foreign) -> str | None:
        ref = person_of(foreign.envelope)
        return None if ref is None else stream_of(ref)

    def load_heard(self, connection: Connection, batch: Desktop, events: Sequence[Foreign]) -> None:
        streams = {stream for foreign in events if (stream := self.stream_heard(foreign)) is not None}
        self._workers.load(connection, batch, streams)

    def hear_event(self, connection: Connection, batch: Desktop, foreign: Foreign, stream: str) -> Unit:
        envelope = foreign.envelope
        command, policies = react(envelope), batch.documents[POLICIES]
        cause = (envelope.id, envelope.correlationid)
        unit = self._workers.decide(batch, stream, command, policies, cause, envelope.effectiveon.isoformat())
        self._warn_of_words(batch, unit, stream, command, policies)
        return unit

    def erased_by(self, foreign: Foreign) -> tuple[str, ...]:
        return erased_by(foreign.envelope)

    def source_of(self, foreign: Foreign) -> tuple[str, str]:
        origin = origin_of(foreign.envelope)
        return origin.source, origin.id

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
                            self.log.clock.now(),
                            problems=(why,),
                            events=(command.heard,),
                            person_ref=command.person_ref,
                            waiting_for=f"a policy or a correction that settles the rating of {said.year}",
                        )
                    )

    def _recalculate_again(self, connection: Connection, batch: Desktop, item: Item) -> None:
        again = _Again.model_validate_json(item.raw)
        self._workers.load(connection, batch, {stream_of(again.person_ref)})
        recalculate(self._workers, self._desk, batch, item, again)


def _free(connection: Connection, batch: Desktop, item: Item) -> None:
    """The worker who could not be listed is free again, and a later run lists them."""
    batch.add(item, Unit())


def policies_on(log: Log) -> Documents[PolicyDocument, PolicyInForce]:
    """The policies, as they are published. A new one starts a recalculation."""

    def recalculates(unit: Unit, event_id: str) -> None:
        unit.inserts.append((recalculation, {"policy_event": event_id, "after_person": ""}))

    return Documents(
        log,
        POLICIES,
        read_policy,
        PolicyPublishedEvent,
        PolicyInForce,
        lambda known: known.document,
        "policy-exists",
        lambda document: document.effective.first_day,
        recalculates,
    )


class RegistryEvents:
    """The handler of the consumer of REGISTRY."""

    def __init__(self, log: Log, *, wake: Callable[[], None]) -> None:
        payments = Payments(log)
        room = AllowanceRoom(log, payments.desk, payments, EyesSetting())
        self._inbox: Inbox[Any] = Inbox(log, payments.desk, payments.holding, room)
        self._turns = Turns()
        self._wake = wake

    async def handle(self, messages: Sequence[Incoming]) -> None:
        """Settle a batch. Returns after the commit."""
        items = [Item.of(m) for m in messages]
        await self._turns.take(lambda: self.settle(items))
        self._wake()

    def settle(self, items: Sequence[Item]) -> None:
        self._inbox.hear(items)


class AllowanceIntake:
    """The handler of the intake consumer: policy documents, facts about payment, the operator's acts on parked messages.

    eyes: which acts need a second principal; None: none.
    """

    def __init__(
        self,
        log: Log,
        *,
        wake: Callable[[], None],
        recalculate: Callable[[], None],
        erase: Callable[[int], Awaitable[None]],
        payments: Payments | None = None,
        eyes: EyesSetting | None = None,
    ) -> None:
        self._erase = erase
        self._payments = payments or Payments(log, recalculating=recalculating)
        room = AllowanceRoom(log, self._payments.desk, self._payments, eyes or EyesSetting())
        # One message at a time: these are few, and each may change what the next is decided on.
        self._inbox: Inbox[Any] = Inbox(log, self._payments.desk, self._payments.holding, room, taken_max=1)
        self._turns = Turns()
        self._wake = wake
        self._recalculate = recalculate

    async def handle(self, messages: Sequence[Incoming]) -> None:
        items = [Item.of(m) for m in messages]
        erase = await self._turns.take(lambda: self.settle(items))
        self._wake()
        self._recalculate()
        for sequence in erase:
            await self._erase(sequence)

    def settle(self, items: Sequence[Item]) -> list[int]:
        """Settle messages in their order. Returns what to erase."""
        return self._inbox.take(items)


class _Again(LogEvent):
    """A recalculation of one person that is parked: what the side table holds for it."""

    TYPE: ClassVar[str] = "allowance.recalculate"
    person_ref: str
    because: str


def recalculate(workers: Workers, desk: Desk, batch: Desktop, item: Item, again: _Again) -> None:
    """Decide one person's years once more. Behind a parked message, or where a rule fails, this is parked too."""
    stream = stream_of(again.person_ref)
    key = (SERVICE, f"{again.because}/{again.person_ref}")
    if stream in batch.blocked:
        why = problem("", "behind-parked", "an earlier event of this person is parked", "retry that one")
        desk.set_aside(batch, item, key, why, stream, None)
        return
    try:
        cause = (again.because, again.because)
        unit = workers.decide(batch, stream, Recalculate(again.person_ref, again.because), batch.documents[POLICIES], cause, "")
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
            self._workers.cache.refresh(connection, position)
            self._workers.load(connection, batch, {stream_of(ref) for ref in people})
            batch.documents[POLICIES] = self._workers.shelf.read(connection)
        for ref in people:
            again = _Again(person_ref=ref, because=task.policy_event)
            item = Item(RECALCULATE, canonical(again.payload()), 0)
            recalculate(self._workers, self._desk, batch, item, again)

        def advance(connection: Connection) -> None:
            if people:
                chosen = recalculation.c.policy_event == task.policy_event
                connection.execute(update(recalculation).where(chosen).values(after_person=people[-1]))
            else:
                connection.execute(delete(recalculation).where(recalculation.c.policy_event == task.policy_event))

        appended = self._log.append(batch.units, seen_position=position, whole=True, also=advance)
        self._workers.cache.clear()
        return None if appended.conflicts else True


def recalculations(connection: Connection) -> int:
    """How many recalculations are under way."""
    return len(connection.execute(select(recalculation.c.policy_event)).all())


def recalculating(connection: Connection) -> bool:
    """Whether decisions are being made again for everybody."""
    return connection.execute(select(recalculation.c.policy_event).limit(1)).first() is not None
