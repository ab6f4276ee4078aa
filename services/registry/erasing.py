"""What of an erased person still stands anywhere goes as well: sealed messages on INTAKE, files of attachments, bytes of rows.

Their keys and index entries went with the event, but not yet from the database's files. This runs after it, at any distance,
twice or on several instances without harm, and its cursor moves only when everything up to there is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import delete, select

from contracts.intake import message_named
from contracts.registry import FileAbsorbed, PersonErased
from eventlog.bulk import one_of
from eventlog.decider import Rejected
from eventlog.intake import seen_before
from eventlog.log import Log
from eventlog.nats import Stored
from eventlog.relay import cursor_of, move_cursor
from eventlog.scrubbing import scrub
from services.registry.attachments import Attachments
from services.registry.decider import stream_of
from services.registry.vault import ERASABLE, Vault, person_erasing, person_index

__all__ = ["CURSOR", "ErasureSweep", "message_of"]

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

    The whole of INTAKE is looked through, once for all who were erased since: a message that was sent again, or a stream that
    was made anew, has it at another place than the inbox remembers. It is known by its own id, whatever header it was published
    with; one that was refused or set aside, by whom it names: person_ref, a source's key, the resident ID in its seal.
    """

    def __init__(self, log: Log, vault: Vault, *, read: Read, erase: Erase, attachments: Attachments | None) -> None:
        self._log = log
        self._vault = vault
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
        deleted = await self._sweep(people)
        if self._attachments is not None:
            for ref in people:
                await asyncio.to_thread(self._attachments.delete_of, ref)
        await asyncio.to_thread(self._forget, people)
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

    async def _sweep(self, people: Sequence[str]) -> int:
        deleted, after = 0, 0
        while page := await self._read(INTAKE, after, PAGE_MESSAGES):
            for sequence in await asyncio.to_thread(self._about, people, page):
                await self._erase(sequence)
                deleted += 1
            after = page[-1].sequence
        return deleted

    def _about(self, people: Sequence[str], page: Sequence[Stored]) -> list[int]:
        """Where on the stream the messages of this page stand that are about these people and settled, whatever became of them.

        What was accepted is known by its stream. The rest is opened, so that a refused registration is found as well.
        """
        named = {stored.sequence: message_of(stored) for stored in page}
        streams = {stream_of(ref) for ref in people}
        found = []
        with self._log.database.read.connect() as connection:
            chosen = one_of(connection, person_erasing.c.person_ref, people)
            values = set(connection.scalars(select(person_erasing.c.value).where(chosen)))
            # Registered again since: then it is the new file's.
            values -= set(
                connection.scalars(select(person_index.c.value).where(one_of(connection, person_index.c.value, values)))
            )
            unread = {sequence: (origin, f"seq-{sequence}") for sequence, (origin, _) in named.items()}
            seen = seen_before(connection, {*named.values(), *unread.values()})
        for stored in page:
            earlier = seen.get(named[stored.sequence]) or seen.get(unread[stored.sequence])
            if earlier is None:  # Not handled yet: whoever sent it waits for an answer.
                continue
            told = earlier.stream
            hit = told in streams if told is not None else self._names(stored, frozenset(people), values)
            found += [stored.sequence] if hit else []
        return found

    def _names(self, stored: Stored, refs: frozenset[str], values: Collection[str]) -> bool:
        """Whether a message names one of these people, by person_ref, by a source's key or in a seal."""
        origin = origin_of(stored)
        parts: list[Any] = [_json(stored.payload)]
        while parts:
            part = parts.pop()
            if isinstance(part, dict):
                key, sealed = part.get("source_key"), part.get("identity")
                source = part.get("key_source", origin)
                if isinstance(key, str) and self._vault.index_of_key(str(source), key) in values:
                    return True
                if isinstance(sealed, str) and values and self._index_in(sealed) in values:
                    return True
                parts += part.values()
            elif isinstance(part, list):
                parts += part
            elif isinstance(part, str) and part in refs:
                return True
        return False

    def _index_in(self, sealed: str) -> str | None:
        try:
            return self._vault.index_of_resident_id(self._vault.open_resident_id(sealed, ""))
        except Rejected:
            return None

    def _forget(self, people: Sequence[str]) -> None:
        with self._log.database.write.begin() as connection:
            connection.execute(delete(person_erasing).where(one_of(connection, person_erasing.c.person_ref, people)))

    def _move(self, after: int, upto: int) -> None:
        with self._log.database.write.begin() as connection:
            move_cursor(connection, CURSOR, after, upto)


def origin_of(stored: Stored) -> str:
    """The source that published a message of INTAKE: the broker lets nobody use another's subjects."""
    return stored.subject.split(".")[1] if stored.subject.count(".") else ""


def message_of(stored: Stored) -> tuple[str, str]:
    """(source, message id) under which a message was settled: its own id, else the one that it was published with."""
    value = _json(stored.payload)
    own = value.get("id") if isinstance(value, dict) else None
    if isinstance(own, str):
        return origin_of(stored), own
    origin, _, message_id = message_named(stored.message_id).partition("/")
    return origin or origin_of(stored), message_id


def _json(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
