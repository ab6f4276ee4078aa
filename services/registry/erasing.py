"""What of an erased person still stands anywhere goes as well: sealed messages on INTAKE, files of attachments, bytes of rows.

Their keys and index entries went with the event, but not yet from the database's files. This runs after it, at any distance,
twice or on several instances without harm, and its cursor moves only when everything up to there is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from contracts.registry import FileAbsorbed, PersonErased
from eventlog.bulk import one_of
from eventlog.decider import Rejected
from eventlog.forgetting import ASIDE, Erase, Read, clear_aside, json_of, origin_of, parts_of, settled_among, sweep
from eventlog.intake import Seen
from eventlog.log import Log
from eventlog.nats import Stored
from eventlog.relay import cursor_of, move_cursor
from eventlog.scrubbing import scrub
from services.registry.attachments import Attachments
from services.registry.decider import stream_of
from services.registry.vault import ERASABLE, Vault, person_erasing, person_index

__all__ = ["CURSOR", "ErasureSweep"]

CURSOR = "registry-erasures"
"""Up to which position of the log erasures have been followed up, in the table of cursors."""
PAGE_ERASURES = 100
PASSED_MAX = 10_000
"""Positions that may pass before the cursor is written though nobody was erased; a restart looks at these again."""


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
        deleted = await sweep(self._read, self._erase, lambda page: self._about(people, page))
        if self._attachments is not None:
            for ref in people:
                await asyncio.to_thread(self._attachments.delete_of, ref)
        # After the stream: while its row is there, a message on it is known to have been handled.
        await asyncio.to_thread(self._clear_aside, people)
        await asyncio.to_thread(self._forget, people)
        await asyncio.to_thread(scrub, self._log.database, (*ERASABLE, *ASIDE))
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

    def _about(self, people: Sequence[str], page: Sequence[Stored]) -> list[int]:
        """Where on the stream the messages of this page stand that are about these people and settled, whatever became of them.

        What was accepted is known by its stream. The rest is opened, so that a refused registration is found as well.
        """
        streams, refs = {stream_of(ref) for ref in people}, frozenset(people)
        with self._log.database.read.connect() as connection:
            values = self._values(connection, people)

            def is_about(stored: Stored, earlier: Seen) -> bool:
                if earlier.stream is not None:
                    return earlier.stream in streams
                return self._names(origin_of(stored), stored.payload, refs, values)

            return settled_among(connection, page, is_about)

    def _clear_aside(self, people: Sequence[str]) -> int:
        """What waits behind a parked message of theirs, and what was set aside before it was known whom it is about."""
        streams, refs = {stream_of(ref) for ref in people}, frozenset(people)
        with self._log.database.read.connect() as connection:
            values = self._values(connection, people)

        def is_about(row: Row[Any], raw: bytes) -> bool:
            behind = "blocks" in row._mapping and row.blocks in streams
            return behind or self._names(row.subject.split(".")[1], raw, refs, values)

        return clear_aside(self._log, is_about)

    def _values(self, connection: Connection, people: Sequence[str]) -> set[str]:
        """Index values that found these people, and nobody since: whoever registered again is another person here."""
        values = set(
            connection.scalars(select(person_erasing.c.value).where(one_of(connection, person_erasing.c.person_ref, people)))
        )
        return values - set(
            connection.scalars(select(person_index.c.value).where(one_of(connection, person_index.c.value, values)))
        )

    def _names(self, origin: str, payload: bytes, refs: frozenset[str], values: set[str]) -> bool:
        """Whether a message names one of these people, by person_ref, by a source's key or in a seal."""
        for part in parts_of(json_of(payload)):
            if isinstance(part, str) and part in refs:
                return True
            if not isinstance(part, dict):
                continue
            key, sealed = part.get("source_key"), part.get("identity")
            if isinstance(key, str) and not values.isdisjoint(self._vault.any_of_key(str(part.get("key_source", origin)), key)):
                return True
            if isinstance(sealed, str) and values and not values.isdisjoint(self._indexes_in(sealed)):
                return True
        return False

    def _indexes_in(self, sealed: str) -> list[str]:
        try:
            return self._vault.any_of_resident_id(self._vault.open_resident_id(sealed, ""))
        except Rejected:
            return []

    def _forget(self, people: Sequence[str]) -> None:
        with self._log.database.write.begin() as connection:
            connection.execute(delete(person_erasing).where(one_of(connection, person_erasing.c.person_ref, people)))

    def _move(self, after: int, upto: int) -> None:
        with self._log.database.write.begin() as connection:
            move_cursor(connection, CURSOR, after, upto)
