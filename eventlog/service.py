"""One running service: FastStream for the broker and the lifecycle, our tasks for carrying, consuming and watching.

FastStream subscribers are used for the request ``status.<service>`` only: they answer one request after the other, and a
request for receipts may wait. Facts and events go through our own consumer, for
the reasons measured in docs/decisions/0003: latency of a lone message, busy loops after a consumer was deleted, acknowledging.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats.errors
import nats.js.errors
from faststream import AckPolicy, FastStream
from faststream.nats import NatsBroker
from faststream.nats.security import NatsNKey
from nats.aio.client import Client
from sqlalchemy import Connection, func, select

from contracts.intake import get_ready
from eventlog import schema
from eventlog.answering import Answering
from eventlog.bounds import SourceBounds
from eventlog.consumer import RETRY_SECONDS_FIRST, RETRY_SECONDS_MAX, Consumer, Handler
from eventlog.database import Database, DatabaseMissing
from eventlog.forgetting import still_forgetting
from eventlog.heard import GARBAGE, heard_positions
from eventlog.inbox.failures import reason_of
from eventlog.log import Log, ReceiptRow, Recorded
from eventlog.nats import JetStreamFeed, JetStreamPublisher, Stored, read_stream, stream_state
from eventlog.parking import held_oldest, parked_oldest
from eventlog.quota import Quota, sent_beyond
from eventlog.reconciler import ReadState, ReadStream, Reconciler
from eventlog.relay import Reader, Relay, cursor_of, read_events, read_receipts
from eventlog.transport import Transport
from eventlog.wire import Feed, Publisher, event_message, receipt_message

__all__ = ["Bindings", "ConsumerSpec", "NotReady", "RelaySpec", "Service", "open_broker"]

CONNECT_TIMEOUT_SECONDS = 5
STATUS_SUBJECT = "status"
WATCH_SECONDS = 5.0


class NotReady(RuntimeError):
    """Something that the service needs is missing. The text says what, and what to run."""


def open_broker(url: str, user: str, seed_file: Path, transport: Transport, log: Any) -> NatsBroker:
    """A broker whose inboxes are its own, that never gives up reconnecting, and acknowledges nothing by itself.

    Raises SettingError if the transport does not let it connect there.
    """
    options = transport.broker_options(url)

    async def on_error(error: Exception) -> None:
        # Denied permissions show only here.
        log.error("broker-error", reason=str(error) or type(error).__name__)

    return NatsBroker(
        options["servers"],
        name=user,
        security=NatsNKey.from_file(
            str(seed_file), ssl_context=options.get("tls"), tls_handshake_first=options.get("tls_handshake_first", False)
        ),
        inbox_prefix=f"_INBOX_{user}",
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        error_cb=on_error,
        ack_policy=AckPolicy.MANUAL,
        graceful_timeout=10,
        logger=None,
    )


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """A durable consumer that the service reads. name: of the durable; batch_max: messages handled in one transaction."""

    stream: str
    name: str
    handler: Handler
    batch_max: int = 1000


@dataclass(frozen=True, slots=True)
class RelaySpec:
    """A further relay, beside those of events and receipts. name: of its cursor; stream: that it carries to."""

    name: str
    stream: str
    read: Reader


@dataclass(slots=True)
class Bindings:
    """What a service brings: its consumers, and further tasks that run until it stops.

    seal_key: the public key that sources seal to, as JSON; asked for with each page of receipts.
    details: more for the status; called in a thread. relays: for what it tells others beside its events and receipts.
    """

    consumers: Sequence[ConsumerSpec]
    tasks: Sequence[Callable[[], Awaitable[None]]] = ()
    details: Callable[[], dict[str, Any]] = dict
    erase: Callable[[int], Awaitable[None]] | None = None
    relays: Sequence[RelaySpec] = ()
    seal_key: Callable[[], str | None] = lambda: None


@dataclass(slots=True)
class Service:
    """A service put together. ``app`` is a FastStream application: ``await service.run()`` serves until a signal.

    greet: awaited before the first connection to the broker; raises if that is not the right one.
    """

    name: str
    log: Log
    database: Database
    broker: NatsBroker
    logger: Any
    greet: Callable[[], Awaitable[None]] | None = None
    relays: list[Relay] = field(default_factory=list)
    consumers: list[Consumer] = field(default_factory=list)
    reconciler: Reconciler | None = None
    bindings: Bindings | None = None
    quota: Quota = field(default_factory=Quota)
    known: Mapping[str, SourceBounds] = field(default_factory=dict)
    cpu_seconds: Callable[[], float] = time.thread_time
    _answering: Answering | None = None
    _feeds: list[JetStreamFeed] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _failing: dict[int, str] = field(default_factory=dict)
    _loop: asyncio.AbstractEventLoop | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Tell the relays that something was appended. Safe from any thread."""
        if self._loop is not None:
            for relay in self.relays:
                self._loop.call_soon_threadsafe(relay.wake)

    def app(self, bindings: Bindings) -> FastStream:
        """The FastStream application. Creating it opens nothing."""
        self.bindings = bindings

        @self.broker.subscriber(f"{STATUS_SUBJECT}.{self.name}")
        async def status(_request: str) -> dict[str, Any]:
            return await self.status()

        first = [] if self.greet is None else [self.greet]
        return FastStream(self.broker, on_startup=first, after_startup=[self._start], on_shutdown=[self._stop], logger=None)

    @property
    def client(self) -> Client:
        client: Client = self.broker.connection
        return client

    async def erase(self, stream: str, sequence: int) -> None:
        """Delete a message from a stream for good: its bytes are overwritten. One that is gone already is fine."""
        try:
            await self.client.jetstream().delete_msg(stream, sequence)
        except nats.js.errors.NotFoundError:
            return
        except nats.js.errors.APIError as error:
            if error.err_code != 10043:  # no message found
                raise

    async def stored(self, stream: str, after: int, count_max: int) -> Sequence[Stored]:
        """The next messages of a stream after a sequence; none at its end. Raises BrokerOutage."""
        return await read_stream(self.client, stream, after, f"_INBOX_{self.name}", count_max)

    async def _start(self) -> None:
        assert self.bindings is not None
        get_ready()
        try:
            await asyncio.to_thread(self._check_database)
        except DatabaseMissing as error:
            raise NotReady(str(error)) from error
        prefix = f"_INBOX_{self.name}"
        for spec in self.bindings.consumers:
            feed = JetStreamFeed(self.client, spec.stream, spec.name, inbox_prefix=prefix, batch_max=spec.batch_max)
            try:
                await feed.check()
            except Exception as error:
                raise NotReady(f"{error}") from error
            self._feeds.append(feed)
        stream = self.name.upper()
        self._answering = Answering(
            self.name,
            self.database,
            lambda connection: self.log.head(connection).receipt_position,
            self.logger,
            self.bindings.seal_key,
        )
        await self._answering.start(self.client)
        self.begin(
            self.bindings,
            self._feeds,
            lambda stream: JetStreamPublisher(self.client, stream),
            lambda after, count_max: read_stream(self.client, stream, after, prefix, count_max),
            lambda: stream_state(self.client, stream),
        )
        self.logger.info("service-started", position=self.relays[0].position)
        self.ready.set()

    def begin(
        self,
        bindings: Bindings,
        feeds: Sequence[Feed],
        publisher: Callable[[str], Publisher],
        read_back: ReadStream,
        state: ReadState,
    ) -> None:
        """Start every task, whatever the broker is: JetStream, or the bus of the simulation. feeds: one a consumer."""
        self._loop = asyncio.get_running_loop()
        for spec, feed in zip(bindings.consumers, feeds, strict=True):
            self.consumers.append(
                Consumer(spec.name, feed, spec.handler, self.logger, batch_max=spec.batch_max, cpu_seconds=self.cpu_seconds)
            )
        for name, read, stream in (
            (self.name, read_events(self.name), self.name.upper()),
            (f"{self.name}-receipts", read_receipts(self.name), "RECEIPTS"),
            *((spec.name, spec.read, spec.stream) for spec in bindings.relays),
        ):
            self.relays.append(Relay(name, self.database, read, publisher(stream), self.logger))
        self.log.on_append = self._offer
        stored = publisher(self.name.upper())
        self.reconciler = Reconciler(
            self.name, self.database, read_back, state, stored, self.logger, lambda: self.relays[0].repeats
        )
        runs = [relay.run() for relay in self.relays] + [consumer.run() for consumer in self.consumers]
        self._tasks = [asyncio.create_task(run) for run in runs]
        self._tasks.append(asyncio.create_task(self.reconciler.run(lambda: self.relays[0].busy)))
        self._tasks += [asyncio.create_task(self._keep_up(number, task)) for number, task in enumerate(bindings.tasks)]
        for task in self._tasks:
            task.add_done_callback(self._on_done)

    def _offer(self, events: Sequence[Recorded], receipts: Sequence[ReceiptRow]) -> None:
        """What was just committed, straight to the relays."""
        carries, answers = self.relays[:2]
        carries.offer((row.position, event_message(self.name, row)) for row in events)
        answers.offer((row.position, receipt_message(self.name, row)) for row in receipts)
        if self._answering is not None:
            self._answering.wake(row.source for row in receipts)

    async def _keep_up(self, number: int, task: Callable[[], Awaitable[None]]) -> None:
        """Run a task; one that fails (the database may be away) is started again, with growing pauses."""
        loop = asyncio.get_running_loop()
        pause = RETRY_SECONDS_FIRST
        while True:
            began = loop.time()
            try:
                return await task()
            except Exception as error:
                reason = reason_of(error)
                if loop.time() - began > RETRY_SECONDS_MAX:
                    pause = RETRY_SECONDS_FIRST
                self._failing[number] = f"{reason} in a task of {self.name}"
                self.logger.error("task-failed", reason=reason, pause_seconds=pause, exc_info=error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_SECONDS_MAX)
            del self._failing[number]

    def _on_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.logger.error("task-failed", reason=type(task.exception()).__name__, exc_info=task.exception())

    def _check_database(self) -> None:
        from sqlalchemy.exc import DBAPIError

        try:
            with self.database.read.connect() as connection:
                self.log.head(connection)
        except DBAPIError as error:
            raise DatabaseMissing(
                f"the {self.name} database has no log ({type(error).__name__}); run `hongling provision`"
            ) from error

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._answering is not None:
            await self._answering.stop()
        for feed in self._feeds:
            await feed.close()
        self.database.close()
        self.logger.info("service-stopped")

    async def status(self) -> dict[str, Any]:
        """Readiness and figures. ready is false if anything stands still; reasons say what."""
        assert self.bindings is not None
        reasons = [c.failing for c in self.consumers if c.failing] + [r.failing for r in self.relays if r.failing]
        if self.reconciler is not None and self.reconciler.failing:
            reasons.append(self.reconciler.failing)
        reasons += self._failing.values()
        reasons += [f"a task of {self.name} has stopped" for task in self._tasks if task.done()]
        try:
            figures = await asyncio.to_thread(self._figures)
        except Exception as error:  # noqa: BLE001 - a status must come back whatever is wrong
            figures = {}
            reasons.append(f"database: {type(error).__name__}")
        lag = {}
        for feed, consumer in zip(self._feeds, self.consumers, strict=True):
            try:
                info = await feed.check()
                lag[consumer.name] = {"pending": info.num_pending, "unacknowledged": info.num_ack_pending}
            except Exception as error:  # noqa: BLE001
                reasons.append(str(error) or type(error).__name__)
        for gap in figures.get("gaps", ()):
            reasons.append(
                f"partition {gap['partition']} lacks event {gap['missing']}; the sender's reconciler publishes it again "
                "within a minute; if it stays, `hongling verify` says whether the sender has it"
            )
        for origin, count in figures.get("garbage", {}).items():
            reasons.append(
                f"{count} messages on {origin.upper()} are no events of its log (parked as {GARBAGE}); "
                f"`hongling stream repair {origin}` takes them off the stream, `hongling parked discard` off this list"
            )
        return {"service": self.name, "ready": not reasons, "reasons": reasons, "consumers": lag, **figures}

    def _figures(self) -> dict[str, Any]:
        assert self.bindings is not None
        with self.database.read.connect() as connection:
            head = self.log.head(connection)
            figures: dict[str, Any] = {
                "position": head.position,
                "receipts": head.receipt_position,
                "root": head.root,
                "relayed": cursor_of(connection, self.name),
                "receipts_relayed": cursor_of(connection, f"{self.name}-receipts"),
                "carried": {spec.name: cursor_of(connection, spec.name) for spec in self.bindings.relays},
                "parked": connection.execute(select(func.count()).select_from(schema.parked)).scalar_one(),
                "over_quota": sent_beyond(connection, self.log.clock.now()),
                "held": connection.execute(select(func.count()).select_from(schema.held)).scalar_one(),
                "garbage": _garbage(connection),
                "heard": heard_positions(connection),
                "forgetting": still_forgetting(connection),
            }
            figures |= {"oldest_parked": parked_oldest(connection), "oldest_held": held_oldest(connection)}
        if self.reconciler is not None:
            figures["republished"] = self.reconciler.republished
            figures["stream_alarms"] = self.reconciler.alarms
        figures.update(self.bindings.details())
        return figures


def _garbage(connection: Connection) -> dict[str, int]:
    """How many messages of other services' streams are parked because they are no events."""
    table = schema.parked
    query = select(table.c.origin, func.count()).where(table.c.code == GARBAGE).group_by(table.c.origin)
    return {str(row.origin): int(row[1]) for row in connection.execute(query)}
