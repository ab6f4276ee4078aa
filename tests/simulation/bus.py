"""A bus that loses, repeats, delays and reorders: ``eventlog.wire`` as JetStream keeps it on a bad day.

What it may do is what was seen of the real server: a publish that was not confirmed may have been stored, wholly, partly, later
or not at all; a repeat is dropped within the window only; a message whose acknowledgement was lost comes again after its wait;
and messages that were acknowledged can be gone (docs/decisions/0001).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime

from eventlog.nats import Stored, StreamState
from eventlog.wire import BrokerOutage, Incoming, Outgoing
from tests.simulation.faults import Faults

__all__ = ["ACK_WAIT_SECONDS", "EPOCH", "WINDOW_SECONDS", "Bus", "Durable", "SimulatedFeed", "SimulatedPublisher", "Stream"]

EPOCH = datetime(2026, 3, 1, 8, tzinfo=UTC)
"""When every run begins."""
WINDOW_SECONDS = 1.5
"""In which a repeated id is dropped; short, so that repeats beyond it are common."""
ACK_WAIT_SECONDS = 3.0
DELAY_SECONDS_MAX = 2.5
LATE_SECONDS_MAX = 1.0
"""What is stored late is so within the window: a client's buffer is emptied when it connects again."""
TRIP_SECONDS_MAX = 0.02
TICK_SECONDS = 0.001
"""The shortest wait, so that rounding never makes one of nothing."""


@dataclass
class Pending:
    """A message that a durable consumer still has to see acknowledged. due: when it is handed out (again)."""

    due: float
    stored: float
    deliveries: int = 0


@dataclass
class Durable:
    """The server's side of a durable consumer: what was not acknowledged yet, by sequence."""

    stream: Stream
    takes: Callable[[str], bool]
    pending: dict[int, Pending] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Stream:
    """created: counts how often it was made. ever: the ids of everything that it ever stored."""

    name: str
    created: int = 1
    last: int = 0
    messages: dict[int, Stored] = field(default_factory=dict)
    remembered: dict[str, float] = field(default_factory=dict)
    ever: set[str] = field(default_factory=set)
    durables: list[Durable] = field(default_factory=list)

    def ids(self) -> set[str]:
        return {message.message_id for message in self.messages.values()}


class Bus:
    def __init__(self, loop: asyncio.AbstractEventLoop, faults: Faults, streams: Sequence[str]) -> None:
        self.loop = loop
        self.faults = faults
        self.streams = {name: Stream(name) for name in streams}

    def durable(self, stream: str, takes: Callable[[str], bool]) -> Durable:
        made = Durable(self.streams[stream], takes)
        self.streams[stream].durables.append(made)
        return made

    # --- storing --------------------------------------------------------------------------------------------------------

    def store(self, name: str, messages: Sequence[Outgoing]) -> None:
        """Store in order, dropping what the window remembers."""
        stream, now = self.streams[name], self.loop.time()
        for message in messages:
            if stream.remembered.get(message.message_id, -WINDOW_SECONDS) > now - WINDOW_SECONDS:
                continue
            if message.message_id in stream.ever:
                self.faults.saw("stored twice")
            stream.remembered[message.message_id] = now
            stream.ever.add(message.message_id)
            stream.last += 1
            stream.messages[stream.last] = Stored(stream.last, message.subject, message.message_id, message.payload)
            self.faults.note(f"{now:.6f} {name} {stream.last} {message.message_id}")
            self._hand_on(stream, stream.last, message.subject)

    def _hand_on(self, stream: Stream, sequence: int, subject: str) -> None:
        for durable in stream.durables:
            if durable.takes(subject):
                delay = self.faults.draw.random() * DELAY_SECONDS_MAX if self.faults.happens("delivery delayed") else 0.0
                durable.pending[sequence] = Pending(self.loop.time() + delay, self.loop.time())
                self._tell(durable, delay)

    def _tell(self, durable: Durable, delay: float) -> None:
        # The bus goes on whoever has crashed, so that this is nobody's.
        self.loop.call_later(delay, durable.arrived.set, context=Context())

    def store_late(self, name: str, messages: Sequence[Outgoing]) -> None:
        late = self.faults.draw.random() * LATE_SECONDS_MAX
        self.loop.call_later(late, self.store, name, messages, context=Context())

    # --- losing ---------------------------------------------------------------------------------------------------------

    def erase(self, name: str, sequence: int) -> None:
        """Delete a message for good, at somebody's wish."""
        self.streams[name].messages.pop(sequence, None)
        for durable in self.streams[name].durables:
            durable.pending.pop(sequence, None)

    def harm(self, name: str) -> None:
        """Perhaps lose messages of a stream that were confirmed long ago."""
        stream, draw = self.streams[name], self.faults.draw
        if not stream.messages:
            return
        if self.faults.happens("messages lost from a stream"):
            sequences = sorted(stream.messages)
            for sequence in draw.sample(sequences, min(len(sequences), draw.randint(1, 3))):
                self.erase(name, sequence)
        if self.faults.happens("last messages lost from a stream"):
            self._cut(stream, draw.randint(1, 3))
        if self.faults.happens("stream made anew"):
            stream.created += 1
            self._cut(stream, stream.last)

    def _cut(self, stream: Stream, count: int) -> None:
        """Go back by some sequences; they are given out once more, and what was remembered of them is forgotten."""
        for sequence in range(max(1, stream.last - count + 1), stream.last + 1):
            message = stream.messages.get(sequence)
            if message is not None:
                stream.remembered.pop(message.message_id, None)
            self.erase(stream.name, sequence)
        stream.last = max(0, stream.last - count)

    # --- reading back ---------------------------------------------------------------------------------------------------

    async def state(self, name: str) -> StreamState:
        await self._answer()
        stream = self.streams[name]
        return StreamState(str(stream.created), stream.last, len(stream.messages))

    async def read(self, name: str, after: int, count_max: int) -> list[Stored]:
        await self._answer()
        stream = self.streams[name]
        return [stream.messages[sequence] for sequence in sorted(stream.messages) if sequence > after][:count_max]

    async def _answer(self) -> None:
        await asyncio.sleep(self.faults.draw.random() * TRIP_SECONDS_MAX)
        if self.faults.happens("stream unreadable"):
            raise BrokerOutage("no word of the stream")


class SimulatedPublisher:
    """``wire.Publisher``. crash: asked between what is stored and the publisher's hearing of it."""

    def __init__(self, bus: Bus, stream: str, crash: Callable[[str], None] = lambda kind: None) -> None:
        self._bus = bus
        self._stream = stream
        self._crash = crash

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        bus, faults = self._bus, self._bus.faults
        await asyncio.sleep(faults.draw.random() * TRIP_SECONDS_MAX)
        if faults.happens("publish lost"):
            raise BrokerOutage("nothing was stored")
        if faults.happens("publish stored late"):
            bus.store_late(self._stream, messages)
            raise BrokerOutage("nothing is stored yet")
        if len(messages) > 1 and faults.happens("publish stored partly"):
            bus.store(self._stream, messages[: faults.draw.randrange(1, len(messages))])
            raise BrokerOutage("some of it was stored")
        bus.store(self._stream, messages)
        self._crash("crash after publishing")
        await asyncio.sleep(faults.draw.random() * TRIP_SECONDS_MAX)
        if faults.happens("publish not confirmed"):
            raise BrokerOutage("all of it was stored, and nobody heard")


class SimulatedIncoming:
    """``wire.Incoming``."""

    def __init__(self, bus: Bus, durable: Durable, stored: Stored, deliveries: int) -> None:
        self._bus = bus
        self._durable = durable
        self.subject = stored.subject
        self.payload = stored.payload
        self.sequence = stored.sequence
        self.message_id: str | None = stored.message_id
        self.deliveries = deliveries
        self.stored_ns = int((EPOCH.timestamp() + durable.pending[stored.sequence].stored) * 1e9)

    async def ack(self) -> None:
        await asyncio.sleep(0)
        if self._bus.faults.happens("ack failed"):
            raise BrokerOutage("the acknowledgement could not be sent")
        if not self._bus.faults.happens("ack lost"):
            self._durable.pending.pop(self.sequence, None)

    async def nak(self, delay_seconds: float) -> None:
        self._put_off(delay_seconds)

    async def in_progress(self) -> None:
        self._put_off(ACK_WAIT_SECONDS)

    def _put_off(self, seconds: float) -> None:
        if self.sequence in self._durable.pending:
            self._durable.pending[self.sequence].due = self._bus.loop.time() + seconds


class SimulatedFeed:
    """``wire.Feed`` on a durable consumer."""

    def __init__(self, bus: Bus, durable: Durable) -> None:
        self._bus = bus
        self._durable = durable

    async def fetch(self, count_max: int, wait_seconds: float) -> Sequence[Incoming]:
        durable, loop = self._durable, self._bus.loop
        deadline = loop.time() + wait_seconds
        while not (due := [s for s, pending in durable.pending.items() if pending.due <= loop.time()]):
            durable.arrived.clear()
            until = min([deadline, *(pending.due for pending in durable.pending.values())])
            try:
                await asyncio.wait_for(durable.arrived.wait(), max(TICK_SECONDS, until - loop.time()))
            except TimeoutError:
                if loop.time() >= deadline:
                    return []
        if self._bus.faults.happens("fetch failed"):
            await asyncio.sleep(TRIP_SECONDS_MAX)
            raise BrokerOutage("cannot ask")
        await asyncio.sleep(self._bus.faults.draw.random() * TRIP_SECONDS_MAX)
        return self._take([s for s in due if s in durable.pending], count_max)

    def _take(self, due: list[int], count_max: int) -> Sequence[Incoming]:
        faults, durable = self._bus.faults, self._durable
        due.sort()
        if len(due) > 1 and faults.happens("deliveries reordered"):
            faults.draw.shuffle(due)
        batch: list[Incoming] = []
        for sequence in due[: min(count_max, faults.draw.randint(1, 8))]:
            pending = durable.pending[sequence]
            pending.due = self._bus.loop.time() + ACK_WAIT_SECONDS
            pending.deliveries += 1
            if pending.deliveries > 1:
                faults.saw("delivered again")
            batch.append(SimulatedIncoming(self._bus, durable, durable.stream.messages[sequence], pending.deliveries))
        return batch

    async def close(self) -> None:
        pass
