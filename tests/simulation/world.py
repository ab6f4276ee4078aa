"""One run: the real services on the simulated bus, their processes crashing and starting again, and the sources.

``eventlog.service.Service.begin`` and the services' own ``bindings`` wire everything, as in production; what is put in their
place are the broker, the clock, randomness and the disk's manners.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from contracts.base import business_day, utc_text
from eventlog import schema
from eventlog.database import Database
from eventlog.ids import SeededEntropy
from eventlog.log import Appended, Log, Unit, Vanished
from eventlog.nats import Stored
from eventlog.relay import cursor_of
from eventlog.service import Bindings, Service
from eventlog.wire import BrokerOutage, Outgoing
from services.allowance import app as allowance_app
from services.allowance.handlers import recalculations
from services.registry import app as registry_app
from services.registry.decider import Rules
from services.registry.vault import Vault
from tests.eventlog.fakes import FakeIncoming, Notes
from tests.simulation.bus import EPOCH, Bus, Durable, SimulatedFeed, SimulatedPublisher
from tests.simulation.faults import Faults
from tests.simulation.loop import OWNER, Crashed, Owner, SimulatedLoop, Stuck
from tests.simulation.store import Hooks, Store
from tests.simulation.workload import Workload, correctors, message
from tests.support import KEYS

__all__ = ["SERVICES", "Process", "World", "make_stores", "to_first_await"]

SERVICES = ("registry", "allowance")
HOLD_SECONDS = 12
"""Short enough for some messages to be given up during the chaos, so that an operator has something to do."""
CHAOS_SECONDS = 9.0
READ_MESSAGES_MAX = 10
SETTLE_SECONDS_MAX = 150.0
DOWN_SECONDS_MAX = 1.5
PROVISION = {"registry": registry_app.provision_store, "allowance": allowance_app.provision_store}
OPEN = {"registry": registry_app.open_log, "allowance": allowance_app.open_log}


class SimulatedClock:
    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time())


class CountingLog(Log):
    """The log, and a count of how often somebody else was quicker."""

    faults: Faults

    def append(self, units: Sequence[Unit], **more: Any) -> Appended:
        try:
            appended = super().append(units, **more)
        except (IntegrityError, Vanished):
            self.faults.saw("conflict")
            raise
        if appended.conflicts:
            self.faults.saw("conflict")
        return appended


class SimulatedService(Service):
    """A service without NATS. bus: where it deletes what must not stay."""

    bus: Bus

    async def erase(self, stream: str, sequence: int) -> None:
        await asyncio.sleep(0)
        if self.bus.faults.happens("fetch failed"):
            raise BrokerOutage("nothing was erased")
        self.bus.erase(stream, sequence)

    async def stored(self, stream: str, after: int, count_max: int) -> Sequence[Stored]:
        return await self.bus.read(stream, after, count_max)


class Life(Owner):
    """One life of a process, which may end before any of its callbacks."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.name)
        self._process = process

    def steps(self) -> bool:
        if self.alive and self._process.world.faults.happens("crash in an await"):
            self._process.die()
        return self.alive


class Process:
    """A service that crashes and is started again, with nothing but its database."""

    def __init__(self, world: World, name: str, store: Store) -> None:
        self.name = name
        self.world = world
        self.store = store
        self.life: Life | None = None
        self.service: SimulatedService | None = None
        self.rival: Bindings | None = None
        self.lives = 0
        store.clear(Hooks(world.faults, self.crash, self.meanwhile))

    # --- living and dying -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin a new life: new handlers, caches, relays, consumers."""
        self.lives += 1
        self.store.reopen()
        life = self.life = Life(self)
        context = copy_context()
        context.run(OWNER.set, life)
        context.run(self._begin)

    def _begin(self) -> None:
        world = self.world
        self.service, bindings = self.make(self.lives)
        feeds = [SimulatedFeed(world.bus, world.durables[spec.name]) for spec in bindings.consumers]
        stream = self.name.upper()
        self.service.begin(
            bindings,
            feeds,
            lambda name: SimulatedPublisher(world.bus, name, self.crash),
            lambda after, count_max: world.bus.read(stream, after, min(count_max, READ_MESSAGES_MAX)),
            lambda: world.bus.state(stream),
        )
        for task in self.service._tasks:
            task.add_done_callback(self._stopped)

    def _stopped(self, task: asyncio.Task[None]) -> None:
        if not isinstance(task.exception(), Crashed):
            self.world.problems.append(f"a task of {self.name} has stopped: {task.exception()!r}")

    def make(self, life: int) -> tuple[SimulatedService, Bindings]:
        """A service and what it runs. life: also seeds its ids."""
        world, name = self.world, self.name
        opened = OPEN[name](self.store.database)
        entropy = SeededEntropy(world.seed * 1_000 + life * 10 + SERVICES.index(name))
        log = CountingLog(name, opened.database, opened.codec, world.clock, entropy, opened.views)
        log.faults = world.faults
        broker: Any = None
        service = SimulatedService(name, log, self.store.database, broker, Notes(), cpu_seconds=lambda: 0.0)
        service.bus = world.bus
        if name == "registry":
            return service, registry_app.bindings(service, Vault(KEYS, entropy), Rules(), HOLD_SECONDS, correctors)
        return service, allowance_app.bindings(service)

    def die(self) -> None:
        assert self.life is not None
        self.life.alive = False
        faults = self.world.faults
        faults.note(f"{self.world.loop.time():.6f} {self.name} has crashed")
        self.world.loop.call_later(faults.draw.random() * DOWN_SECONDS_MAX, self.start, context=Context())

    def crash(self, kind: str) -> None:
        """Perhaps end here. Raises Crashed."""
        if OWNER.get() is self.life and self.life is not None and self.world.faults.happens(kind):
            self.die()
            raise Crashed

    # --- others on the same database ------------------------------------------------------------------------------------

    def meanwhile(self) -> None:
        """Just before a writer of ours takes the lock: a thread of ours may have been quicker, or another instance."""
        faults = self.world.faults
        if self.life is not None and self.life.jobs and faults.happens("a thread in between"):
            faults.draw.choice(self.life.jobs)()
        if faults.happens("another instance in between"):
            self._rival()

    def _rival(self) -> None:
        """Another instance of the service settles some messages that the broker gave to it, and may crash before its acks."""
        if self.rival is None:
            _, self.rival = self.make(900)
        faults = self.world.faults
        # Not of policies: a recalculation is the task of the instance that took the policy, and this one has no tasks.
        spec = self.rival.consumers[0]
        durable = self.world.durables[spec.name]
        stored = [durable.stream.messages[sequence] for sequence in sorted(durable.pending)]
        batch = faults.draw.sample(stored, min(len(stored), 2))
        work = spec.handler([FakeIncoming(m.payload, [], m.subject, m.sequence, 1, m.message_id) for m in batch])
        with_erasing = to_first_await(work)
        if faults.draw.random() < 0.5 and not with_erasing:
            for one in batch:
                durable.pending.pop(one.sequence, None)


def to_first_await(work: Any) -> bool:
    """Run a handler as far as it goes at one go. Returns whether it then waits for something (to erase a message)."""
    coroutine = work.__await__()
    try:
        next(coroutine)
    except StopIteration:
        return False
    coroutine.close()
    return True


@dataclass
class World:
    """One run. problems: what must never be, in words."""

    seed: int
    workload: Workload
    stores: dict[str, Store]
    lines: list[str] | None = None
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = Random(self.seed)
        self.loop = SimulatedLoop(self.draw)
        self.clock = SimulatedClock(self.loop)
        self.faults = Faults(self.draw)
        self.faults.lines = self.lines
        self.bus = Bus(self.loop, self.faults, ("INTAKE", "REGISTRY", "ALLOWANCE", "RECEIPTS"))
        self.durables: dict[str, Durable] = {
            "registry": self.bus.durable("INTAKE", lambda subject: subject.split(".")[2] == "registry"),
            "allowance-intake": self.bus.durable("INTAKE", lambda subject: subject.split(".")[2] == "allowance"),
            "allowance": self.bus.durable("REGISTRY", lambda subject: True),
        }
        self.processes = {name: Process(self, name, self.stores[name]) for name in SERVICES}
        self._retries = 0

    # --- the run --------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Chaos, then quiet until everything has settled."""
        asyncio.set_event_loop(None)
        self.loop.run(self._run())
        self.problems += self.loop.errors
        for store in self.stores.values():
            store.hooks = None

    async def _run(self) -> None:
        for process in self.processes.values():
            process.start()
        order = list(self.workload.messages)
        if self.draw.random() < 0.8:
            self.draw.shuffle(order)
        senders = [asyncio.create_task(self._send(order[start::3])) for start in range(3)]
        harm = asyncio.create_task(self._harm())
        await asyncio.gather(*senders)
        await asyncio.sleep(max(0.0, CHAOS_SECONDS * self.draw.random() - self.loop.time()))
        harm.cancel()
        self.faults.quiet = True
        await self._settle()

    async def _send(self, messages: Sequence[Outgoing]) -> None:
        """A source: it publishes each fact until that is confirmed, and some of them once more."""
        for one in messages:
            await asyncio.sleep(self.draw.random() * self.draw.choice((0.02, 0.5, 1.0)))
            await self.publish(one)
            if self.faults.happens("sent twice"):
                self.loop.call_later(self.draw.random() * 4, self.bus.store, "INTAKE", [one], context=Context())

    async def publish(self, one: Outgoing) -> None:
        publisher = SimulatedPublisher(self.bus, "INTAKE")
        while True:
            try:
                return await publisher.publish([one])
            except BrokerOutage:
                await asyncio.sleep(self.draw.random() * 2)

    async def _harm(self) -> None:
        while True:
            await asyncio.sleep(self.draw.random() * 3)
            self.bus.harm(self.draw.choice(("REGISTRY", "ALLOWANCE")))

    def logs(self) -> dict[str, Log]:
        """The logs, to be looked at."""
        return {name: OPEN[name](self.stores[name].database) for name in SERVICES}

    # --- settling -------------------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Wait until nothing is left to do; an operator retries what is parked."""
        deadline = self.loop.time() + SETTLE_SECONDS_MAX
        while (left := self._left()) is not None:
            if self.loop.time() > deadline:
                raise Stuck(f"after {SETTLE_SECONDS_MAX:.0f} quiet seconds {left}")
            await asyncio.sleep(0.5)
            for name in SERVICES:
                for parked in self._retriable(name):
                    await self._retry(name, parked)

    async def _retry(self, service: str, parked: str) -> None:
        self._retries += 1
        data = {"parked": parked, "by": "operator-7", "reason": "mended"}
        day = business_day(self.clock.now()).isoformat()
        time = self.clock.now().isoformat().replace("+00:00", "Z")
        id = f"retry-{self._retries}"
        await self.publish(message("parked-retry", data, id, source="operator", service=service, on=day, time=time))
        await asyncio.sleep(1.0)

    def _retriable(self, name: str) -> list[str]:
        """The parked message to retry now: the oldest that is not beyond mending."""
        table = schema.parked
        with self.stores[name].database.read.connect() as connection:
            rows = connection.execute(select(table).order_by(table.c.parked_at, table.c.sequence)).all()
        return [row.parked_id for row in rows if row.message_id not in self.workload.lonely and row.code != "not-json"][:1]

    def _left(self) -> str | None:
        """What is still to be done, in words; None: nothing."""
        for name, durable in self.durables.items():
            if durable.pending:
                return f"{len(durable.pending)} messages for {name} are not acknowledged"
        for name, process in self.processes.items():
            if process.life is None or not process.life.alive:
                return f"{name} is down"
            if self._retriable(name):
                return f"messages of {name} are parked"
            with self.stores[name].database.read.connect() as connection:
                left = self._left_in(connection, name)
            if left is not None:
                return left
        return None

    def _left_in(self, connection: Any, name: str) -> str | None:
        head = connection.execute(select(schema.log_head)).one()
        if cursor_of(connection, name) != head.position:
            return f"{name} has carried {cursor_of(connection, name)} of {head.position} events"
        if cursor_of(connection, f"{name}-receipts") != head.receipt_position:
            return f"{name} has not carried all receipts"
        ids = set(connection.scalars(select(schema.event.c.event_id)))
        if not ids <= self.bus.streams[name.upper()].ids():
            return f"{name}'s stream lacks {len(ids - self.bus.streams[name.upper()].ids())} events"
        if name == "allowance" and recalculations(connection):
            return "a recalculation is under way"
        if connection.execute(select(func.count()).select_from(schema.ahead)).scalar_one():
            return f"{name} keeps events that came too early"
        lonely = self.workload.lonely
        held = [row for row in connection.execute(select(schema.held)) if row.message_id not in lonely]
        return f"{len(held)} messages of {name} are held" if held else None


def make_stores(folder: Path) -> dict[str, Store]:
    """The stores of both services, for any number of runs one after the other."""

    def create(name: str, database: Database) -> None:
        PROVISION[name](database)
        with database.write.begin() as connection:
            connection.execute(update(schema.log_head).values(recorded_at=utc_text(EPOCH)))

    return {name: Store(folder, name, partial(create, name)) for name in SERVICES}
