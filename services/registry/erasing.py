"""What of an erased person still stands anywhere goes as well: sealed messages on INTAKE, files of attachments, bytes of rows.

Their keys and index entries went with the event, but not yet from the database's files. This runs after it, at any distance,
twice or on several instances without harm, and its cursor moves only when everything up to there is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import select

from contracts.intake import message_named
from contracts.registry import FileAbsorbed, PersonErased
from eventlog import schema
from eventlog.bulk import one_of
from eventlog.log import Log
from eventlog.nats import Stored
from eventlog.relay import cursor_of, move_cursor
from eventlog.scrubbing import scrub
from services.registry.attachments import Attachments
from services.registry.decider import stream_of
from services.registry.vault import ERASABLE

__all__ = ["CURSOR", "ErasureSweep"]

CURSOR = "registry-erasures"
"""Up to which position of the log erasures have been followed up, in the table of cursors."""
INTAKE = "INTAKE"
PAGE_MESSAGES = 1_000
PAGE_ERASURES = 100
PASSED_MAX = 10_000
"""Positions that may pass before the cursor is written though nobody was erased; a restart looks at these again."""

Read = Callable[[str, int, int], Awaitable[Sequence[Stored]]]
"""(stream, after which sequence, how many at most) → the next messages of a stream; none at its end."""
Erase = Callable[[int], Awaitable[None]]


class ErasureSweep:
    """read: of the broker. erase: deletes a message of INTAKE for good. attachments: None where none are kept.

    The whole of INTAKE is looked through by message id, once for all who were erased since: a message that was sent again, or
    a stream that was made anew, has it at another place than the inbox remembers.
    """

    def __init__(self, log: Log, *, read: Read, erase: Erase, attachments: Attachments | None) -> None:
        self._log = log
        self._read = read
        self._erase = erase
        self._attachments = attachments
        self._seen: int | None = None

    async def run(self) -> int:
        """Follow up every erasure since the cursor. Returns how many messages were deleted.

        Raises BrokerOutage, OSError, BytesRemain.
        """
        after, upto, people = await asyncio.to_thread(self._next)
        if not people:
            self._seen = upto
            if upto - after >= PASSED_MAX:
                await asyncio.to_thread(self._move, after, upto)
            return 0
        deleted = await self._sweep(await asyncio.to_thread(self._messages_of, people))
        if self._attachments is not None:
            for ref in people:
                await asyncio.to_thread(self._attachments.delete_of, ref)
        await asyncio.to_thread(scrub, self._log.database, ERASABLE)
        await asyncio.to_thread(self._move, after, upto)
        self._seen = upto
        return deleted

    def _next(self) -> tuple[int, int, list[str]]:
        """(the cursor, up to which position it can move, the files of those who were erased in between)."""
        with self._log.database.read.connect() as connection:
            after = cursor_of(connection, CURSOR)
            head = self._log.head(connection).position
            start = max(after, self._seen or 0)
            if head <= start:
                return after, start, []
            found = self._log.read(connection, start, PAGE_ERASURES, upto=head, types=(PersonErased.TYPE,))
            people: dict[str, None] = {}
            for recorded in found:
                assert isinstance(recorded.event, PersonErased)
                people[recorded.event.person_ref] = None
            for events in self._log.load(connection, map(stream_of, list(people))).values():
                absorbed = (each.event for each in events if isinstance(each.event, FileAbsorbed))
                people.update((ref, None) for event in absorbed for ref in event.files)
        return after, found[-1].position if len(found) == PAGE_ERASURES else head, list(people)

    def _messages_of(self, people: Sequence[str]) -> frozenset[str]:
        """The ids, ``<source>/<message id>``, of every settled message about these people."""
        box = schema.inbox.c
        with self._log.database.read.connect() as connection:
            chosen = one_of(connection, box.stream, [stream_of(ref) for ref in people])
            rows = connection.execute(select(box.origin, box.message_id).where(chosen))
            return frozenset(f"{origin}/{message_id}" for origin, message_id in rows)

    async def _sweep(self, ids: frozenset[str]) -> int:
        deleted, after = 0, 0
        while ids and (page := await self._read(INTAKE, after, PAGE_MESSAGES)):
            for stored in page:
                if message_named(stored.message_id) in ids:
                    await self._erase(stored.sequence)
                    deleted += 1
            after = page[-1].sequence
        return deleted

    def _move(self, after: int, upto: int) -> None:
        with self._log.database.write.begin() as connection:
            move_cursor(connection, CURSOR, after, upto)
