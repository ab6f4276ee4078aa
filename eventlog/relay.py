"""Log → stream. The cursor moves only after the stream has confirmed, so a crash repeats and never skips."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, insert, select, update

from eventlog import schema
from eventlog.database import Database
from eventlog.log import page_of
from eventlog.wire import BrokerOutage, Outgoing, Publisher, event_message, receipt_message

__all__ = ["Reader", "Relay", "cursor_of", "move_cursor", "read_events", "read_receipts"]

RELAY_BATCH_MAX = 1000
OFFERED_MAX = 2_000
RETRY_SECONDS_MAX = 10.0
POLL_SECONDS = 1.0

Reader = Callable[[Connection, int, int], tuple[Sequence[Outgoing], int]]
"""(connection, after position, limit) → (messages, position of the last row that was looked at)."""


def read_events(log: str) -> Reader:
    """A reader of the log's events."""

    def read(connection: Connection, after: int, limit: int) -> tuple[Sequence[Outgoing], int]:
        rows = connection.execute(page_of(schema.event, after, limit)).all()
        return [event_message(log, row) for row in rows], rows[-1].position if rows else after

    return read


def read_receipts(log: str) -> Reader:
    """A reader of the receipts."""

    def read(connection: Connection, after: int, limit: int) -> tuple[Sequence[Outgoing], int]:
        rows = connection.execute(page_of(schema.receipt, after, limit)).all()
        return [receipt_message(log, row) for row in rows], rows[-1].position if rows else after

    return read


def cursor_of(connection: Connection, name: str) -> int:
    """How far a relay has come; 0 before the first time."""
    table = schema.relay_cursor
    return connection.execute(select(table.c.position).where(table.c.name == name)).scalar_one_or_none() or 0


def move_cursor(connection: Connection, name: str, start: int, last: int) -> None:
    """Move a cursor on; nothing happens if another instance has moved it from ``start`` before."""
    table = schema.relay_cursor
    moved = connection.execute(update(table).where(table.c.name == name, table.c.position == start).values(position=last))
    if moved.rowcount == 0 and cursor_of(connection, name) == 0:
        connection.execute(insert(table).values(name=name, position=last))


class Relay:
    """Carries one sequence of rows to one stream. ``wake`` it after an append; it also looks by itself every second.

    repeats: how often rows may have been published a second time, since nothing confirmed the first; once by the life before.
    """

    def __init__(self, name: str, database: Database, read: Reader, publisher: Publisher, log: Any) -> None:
        self.name = name
        self.position = 0
        self._database = database
        self._read = read
        self._publisher = publisher
        self._log = log
        self._wake = asyncio.Event()
        self._offered: deque[tuple[int, Outgoing]] = deque()
        self._known: int | None = None
        self.failing: str | None = None
        self.busy = False
        self.repeats = 1

    def wake(self) -> None:
        self._wake.set()

    def offer(self, messages: Iterable[tuple[int, Outgoing]]) -> None:
        """Hand over what was just appended, by position, to save reading it again. Safe from any thread.

        It is only a short cut: what is not offered, or not in unbroken order, is read from the log.
        """
        if len(self._offered) < OFFERED_MAX:
            self._offered.extend(messages)

    async def run(self) -> None:
        """Carry until cancelled. A broker or database outage is waited out, with growing pauses."""
        pause = 0.1
        while True:
            self._wake.clear()
            try:
                carried = await self.carry()
                self.busy = carried > 0
                self.failing = None
                pause = 0.1
            except (BrokerOutage, OSError) as error:
                self.failing = str(error)
            except Exception as error:  # noqa: BLE001 - the database may be away; whatever it is, the rows stay
                self.failing = f"{type(error).__name__}"
            if self.failing is not None:
                self._log.warning("relay-waits", relay=self.name, reason=self.failing, pause_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)
            elif carried == 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def carry(self) -> int:
        """Publish the next batch and move the cursor. Returns how many rows were done, published or passed by."""
        offered = [] if self._known is None else self._take_offered(self._known)
        messages: Sequence[Outgoing]
        if offered and self._known is not None:
            messages = offered
            start, last = self._known, self._known + len(offered)
        else:
            messages, start, last = await asyncio.to_thread(self._next)
        if last == start:
            return 0
        try:
            if messages:
                await self._publisher.publish(messages)
            await asyncio.to_thread(self._save, start, last)
        except BaseException:
            self._known = None
            self.repeats += 1
            raise
        self.position = self._known = last
        return last - start

    def _next(self) -> tuple[Sequence[Outgoing], int, int]:
        with self._database.read.connect() as connection:
            start = cursor_of(connection, self.name)
            self.position = self._known = start
            messages, last = self._read(connection, start, RELAY_BATCH_MAX)
        return messages, start, last

    def _take_offered(self, after: int) -> list[Outgoing]:
        """What was offered right behind a position, without a gap."""
        taken: list[Outgoing] = []
        offered = self._offered
        while offered and len(taken) < RELAY_BATCH_MAX:
            position = offered[0][0]
            if position > after + 1:
                break
            _, message = offered.popleft()
            if position == after + 1:
                taken.append(message)
                after = position
        return taken

    def _save(self, start: int, last: int) -> None:
        with self._database.write.begin() as connection:
            move_cursor(connection, self.name, start, last)
