"""The stream held against the log, for the stream is not the record.

Everything that the relay has carried must be on the stream. What is missing is published again from the log; a stream that went
back, or is another one than before, is reported and read again from its start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select

from eventlog import schema
from eventlog.database import Database
from eventlog.nats import Stored, StreamState
from eventlog.relay import cursor_of
from eventlog.wire import BrokerOutage, ConsumerGone, Publisher, event_message

__all__ = ["Finding", "Reconciler"]

EVERY_SECONDS = 5.0
BUSY_SECONDS_MAX = 60.0
PAGE = 5_000

ReadStream = Callable[[int], Awaitable[Sequence[Stored]]]
"""(after sequence) → the next messages."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one comparison found. alarm: in words, if the stream is not what it was. republished: how many were missing."""

    compared: int
    republished: int
    alarm: str | None


class Reconciler:
    """busy: whether the relay has work; then comparing waits for a quiet moment, a minute at most."""

    def __init__(
        self,
        name: str,
        database: Database,
        read: ReadStream,
        state: Callable[[], Awaitable[StreamState]],
        publisher: Publisher,
        log: Any,
    ) -> None:
        self._name = name
        self._stream = name.upper()
        self._database = database
        self._read = read
        self._state = state
        self._publisher = publisher
        self._log = log
        self._early: set[str] = set()
        self._holes = 0
        self.failing: str | None = None
        self.republished = 0
        self.alarms = 0

    async def run(self, busy: Callable[[], bool]) -> None:
        """Compare again and again until cancelled."""
        quiet_since = 0.0
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            quiet_since += EVERY_SECONDS
            if busy() and quiet_since < BUSY_SECONDS_MAX:
                continue
            quiet_since = 0.0
            try:
                finding = await self.step()
                self.failing = None
            except (BrokerOutage, ConsumerGone) as error:
                self.failing = str(error)
                self._log.error("reconciler-waits", stream=self._stream, reason=self.failing)
                continue
            if finding.alarm is not None or finding.republished:
                self._log.error("stream-differs", stream=self._stream, reason=finding.alarm, republished=finding.republished)

    async def step(self) -> Finding:
        """Compare what is new since the last time; everything, if the stream is not what it was."""
        cursor, before = await asyncio.to_thread(self._where)
        state = await self._state()
        holes = state.last - state.messages
        alarm = _alarm(self._stream, before, state, self._holes)
        sequence, position = (0, 0) if before is None or alarm is not None else (before.sequence, before.position)
        if alarm is not None:
            self._early.clear()
            self.alarms += 1
        found = set(self._early)
        compared = 0
        if before is not None and alarm is None and not found and holes == self._holes and _complete(before, state, cursor):
            # As many new messages as new events and no hole: nothing can be missing, and reading them back would cost as much
            # as carrying them. `hongling verify` compares every byte.
            await asyncio.to_thread(self._save, state.created, state.last, cursor)
            return Finding(0, 0, None)
        while sequence < state.last:
            messages = await self._read(sequence)
            if not messages:
                break
            found.update(m.message_id for m in messages)
            compared += len(messages)
            sequence = messages[-1].sequence
        republished = 0
        while position < cursor:
            rows = await asyncio.to_thread(self._rows, position, min(position + PAGE, cursor))
            missing = [event_message(self._name, row) for row in rows if row.event_id not in found]
            found.difference_update(row.event_id for row in rows)
            if missing:
                await self._publisher.publish(missing)
                republished += len(missing)
            position = rows[-1].position
        if republished:
            # Within its window the broker drops an id that it remembers, stored or not. So what was published again counts only
            # when it has been read back: the next comparison starts where this one did.
            sequence, position = (0, 0) if before is None or alarm is not None else (before.sequence, before.position)
            found = set(self._early)
        else:
            self._holes = holes
        # What is on the stream already and not yet behind the relay's cursor: it is looked for the next time.
        self._early = found
        self.republished += republished
        await asyncio.to_thread(self._save, state.created, sequence, position)
        return Finding(compared, republished, alarm)

    def _where(self) -> tuple[int, Any]:
        with self._database.read.connect() as connection:
            table = schema.reconciled
            before = connection.execute(select(table).where(table.c.stream == self._stream)).one_or_none()
            return cursor_of(connection, self._name), before

    def _rows(self, after: int, upto: int) -> Sequence[Any]:
        table = schema.event
        with self._database.read.connect() as connection:
            query = select(table).where(table.c.position > after, table.c.position <= upto).order_by(table.c.position)
            return connection.execute(query).all()

    def _save(self, created: str, sequence: int, position: int) -> None:
        table = schema.reconciled
        with self._database.write.begin() as connection:
            connection.execute(delete(table).where(table.c.stream == self._stream))
            connection.execute(insert(table).values(stream=self._stream, created=created, sequence=sequence, position=position))


def _complete(before: Any, state: StreamState, cursor: int) -> bool:
    return bool(state.last - before.sequence == cursor - before.position)


def _alarm(stream: str, before: Any, state: StreamState, holes: int) -> str | None:
    """holes: how many messages were known to be gone, and made up for, at the last comparison."""
    if before is None:
        return None
    if before.created != state.created:
        return f"stream {stream} is another one than before: it was deleted and made anew"
    if state.last < before.sequence:
        return f"stream {stream} went back from message {before.sequence} to {state.last}"
    if state.last - state.messages > holes:
        return f"stream {stream} lacks {state.last - state.messages - holes} messages that it had"
    return None
