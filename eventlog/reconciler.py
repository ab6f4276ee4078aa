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
from eventlog.nats import BATCH_MESSAGES_MAX, Stored, StreamState
from eventlog.relay import cursor_of
from eventlog.wire import BrokerOutage, ConsumerGone, Publisher, event_message

__all__ = ["Finding", "ReadState", "ReadStream", "Reconciler"]

EVERY_SECONDS = 5.0
BUSY_SECONDS_MAX = 60.0
COUNTED_MAX = 6
"""Comparisons in a row that may be made by counting alone; then everything since the last reading is read back."""
PAGE = 5_000

ReadStream = Callable[[int, int], Awaitable[Sequence[Stored]]]
"""(after sequence, how many at most) → the next messages."""
ReadState = Callable[[], Awaitable[StreamState]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one comparison found. alarm: in words, if the stream is not what it was. republished: how many were missing."""

    compared: int
    republished: int
    alarm: str | None


class Reconciler:
    """busy: whether the relay has work; then comparing waits for a quiet moment, a minute at most. repeats: see ``Relay``."""

    def __init__(
        self,
        name: str,
        database: Database,
        read: ReadStream,
        state: ReadState,
        publisher: Publisher,
        log: Any,
        repeats: Callable[[], int] = lambda: 0,
    ) -> None:
        self._name = name
        self._stream = name.upper()
        self._database = database
        self._read = read
        self._state = state
        self._publisher = publisher
        self._log = log
        self._counted = 0
        self._repeats = repeats
        self._repeats_known: int | None = None
        self.failing: str | None = None
        self.republished = 0
        self.alarms = 0

    async def run(self, busy: Callable[[], bool]) -> None:
        """Compare again and again until cancelled.

        Not at once: what a process that was killed had under way may still be stored for a moment, and nobody counted it.
        """
        quiet_since = 0.0
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            quiet_since += EVERY_SECONDS
            if not busy() or quiet_since >= BUSY_SECONDS_MAX:
                quiet_since = 0.0
                await self._compare()

    async def _compare(self) -> None:
        try:
            finding = await self.step()
            self.failing = None
        except Exception as error:  # noqa: BLE001 - broker or database may be away; whatever it is, comparing comes again
            self.failing = str(error) if isinstance(error, BrokerOutage | ConsumerGone) else type(error).__name__
            self._log.error("reconciler-waits", stream=self._stream, reason=self.failing)
            return
        if finding.alarm is not None or finding.republished:
            self._log.error("stream-differs", stream=self._stream, reason=finding.alarm, republished=finding.republished)

    async def step(self) -> Finding:
        """Compare what is new since the last time; everything, if the stream is not what it was."""
        repeats = self._repeats()
        cursor, before = await asyncio.to_thread(self._where)
        state = await self._state()
        holes = state.last - state.messages
        known = 0 if before is None else before.holes
        alarm = _alarm(self._stream, before, state, known, cursor)
        if alarm is None and before is not None and before.last_id:
            # Lost and overgrown, with repeats that make up the count: then the message at the same place is another one.
            last_id = await self._id_at(before.sequence)
            if last_id and last_id != before.last_id:
                alarm = f"stream {self._stream} went back: message {before.sequence} is another one than before"
        sequence, position = (0, 0) if before is None or alarm is not None else (before.sequence, before.position)
        if alarm is not None:
            self.alarms += 1
        found: dict[str, int] = {}
        compared = 0
        counts = holes == known and repeats == self._repeats_known
        if before is not None and alarm is None and counts and _complete(before, state, cursor):
            # As many new messages as new events, no hole, and none of them twice: hardly anything can be missing. But a message
            # that is stored late may make up the count for one that is lost, so what was counted is read all the same, later.
            self._counted += 1
            if self._counted < COUNTED_MAX:
                return Finding(0, 0, None)
        self._counted = 0
        while sequence < state.last:
            messages = await self._read(sequence, BATCH_MESSAGES_MAX)
            if not messages:
                break
            for message in messages:
                found.setdefault(message.message_id, message.sequence)
            compared += len(messages)
            sequence = messages[-1].sequence
        republished = 0
        while position < cursor:
            rows = await asyncio.to_thread(self._rows, position, min(position + PAGE, cursor))
            missing = [event_message(self._name, row) for row in rows if found.pop(row.event_id, None) is None]
            if missing:
                await self._publisher.publish(missing)
                republished += len(missing)
            position = rows[-1].position
        if republished:
            self._repeats_known = None
            # Within its window the broker drops an id that it remembers, stored or not. So what was published again counts only
            # when it has been read back: the next comparison starts where this one did.
            sequence, position = (0, 0) if before is None or alarm is not None else (before.sequence, before.position)
        else:
            known = holes
            self._repeats_known = repeats
            # What is on the stream already and not yet behind the relay's cursor: the next comparison starts before it.
            early = await asyncio.to_thread(self._not_carried, list(found), cursor)
            sequence = min((found[event_id] - 1 for event_id in early), default=sequence)
        self.republished += republished
        await asyncio.to_thread(self._save, state.created, sequence, await self._id_at(sequence), position, known)
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

    def _not_carried(self, event_ids: Sequence[str], cursor: int) -> list[str]:
        """Those that stand in the log behind the cursor."""
        table = schema.event
        found: list[str] = []
        with self._database.read.connect() as connection:
            for start in range(0, len(event_ids), 1000):
                chosen = table.c.event_id.in_(event_ids[start : start + 1000])
                found += connection.scalars(select(table.c.event_id).where(chosen, table.c.position > cursor))
        return found

    async def _id_at(self, sequence: int) -> str:
        """The id of the message there, or nothing if there is none."""
        messages = await self._read(sequence - 1, 1) if sequence else ()
        return next((message.message_id for message in messages if message.sequence == sequence), "")

    def _save(self, created: str, sequence: int, last_id: str, position: int, holes: int) -> None:
        """holes: see the table's column."""
        table = schema.reconciled
        where = {"stream": self._stream, "created": created, "sequence": sequence, "last_id": last_id}
        with self._database.write.begin() as connection:
            connection.execute(delete(table).where(table.c.stream == self._stream))
            connection.execute(insert(table).values(**where, position=position, holes=holes))


def _complete(before: Any, state: StreamState, cursor: int) -> bool:
    return bool(state.last - before.sequence == cursor - before.position)


def _alarm(stream: str, before: Any, state: StreamState, holes: int, cursor: int) -> str | None:
    """holes: how many messages were known to be gone, and made up for, at the last comparison. cursor: the relay's."""
    if before is None:
        return None
    if before.created != state.created:
        return f"stream {stream} is another one than before: it was deleted and made anew"
    if state.last < before.sequence:
        return f"stream {stream} went back from message {before.sequence} to {state.last}"
    if state.last - before.sequence < cursor - before.position:
        # It may have grown beyond where it was; but each event that was carried since must have made it one longer.
        more, carried = state.last - before.sequence, cursor - before.position
        return f"stream {stream} went back: it has grown by {more} messages while {carried} events were carried"
    if state.last - state.messages > holes:
        return f"stream {stream} lacks {state.last - state.messages - holes} messages that it had"
    return None
