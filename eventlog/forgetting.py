"""What names somebody who was erased, and stands beside the log: messages on INTAKE, and those that are held or parked.

Only what is about nobody else goes unsettled, and it is answered. Another service's events stay where they are: they say no
more than its stream does, and amounts are decided on them. An inbox notes whom an event has erased (``forgetting``), in the
append in which it is heard; ``Forgetting`` goes after it, at any distance, and repeats until it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Table, delete, insert, select

from contracts.base import business_day, utc_text
from contracts.intake import message_named
from contracts.operations import ParkedDiscarded
from eventlog import schema
from eventlog.box import opened
from eventlog.bulk import one_of
from eventlog.desk import problem
from eventlog.ids import Clock
from eventlog.intake import Seen, answer, seen_before
from eventlog.log import Log, NewEvent, Unit, Vanished
from eventlog.nats import Stored
from eventlog.parking import stream_of_parked
from eventlog.scrubbing import scrub

__all__ = [
    "ASIDE",
    "Erase",
    "Forgetting",
    "Read",
    "about_only",
    "clear_aside",
    "json_of",
    "message_of",
    "names_any",
    "note_erased",
    "origin_of",
    "parts_of",
    "settled_among",
    "still_forgetting",
    "sweep",
]

INTAKE = "INTAKE"
PAGE_MESSAGES = 1_000
PAGE_ROWS = 500
"""Held or parked messages that are opened at a time."""
PAGE_PEOPLE = 100
ROUNDS_MAX = 20
ASIDE = (schema.held, schema.parked)
"""Tables of which a deleted row must be found in no file of the database."""

Read = Callable[[str, int, int], Awaitable[Sequence[Stored]]]
"""(stream, after which sequence, how many at most) → the next messages of a stream; none at its end."""
Erase = Callable[[int], Awaitable[None]]
IsSettled = Callable[[Stored, Seen], bool]
IsAbout = Callable[[Row[Any], bytes], bool]
"""Whether a row of ``held`` or ``parked`` goes. bytes: of its message, opened."""

ERASED = problem("", "erased", "the person's data were erased while this message waited", "ask the registry's operator")


# --- whom a message names ---------------------------------------------------------------------------------------------------


def json_of(payload: bytes) -> Any:
    """The value of a payload; None if it is no JSON."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def parts_of(value: Any) -> Iterator[Any]:
    """Every value within a JSON value, and itself."""
    parts = [value]
    while parts:
        part = parts.pop()
        yield part
        parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()


def names_any(payload: bytes, refs: Collection[str]) -> bool:
    """Whether a message names one of these people anywhere, by person_ref."""
    return any(isinstance(part, str) and part in refs for part in parts_of(json_of(payload)))


def about_only(payload: bytes, refs: Collection[str]) -> bool:
    """Whether a message is about one of these people and says so itself: nobody else loses anything with it."""
    value = json_of(payload)
    data = value.get("data") if isinstance(value, dict) else None
    person = data.get("person") if isinstance(data, dict) else None
    return isinstance(person, dict) and person.get("person_ref") in refs


def origin_of(stored: Stored) -> str:
    """The source that published a message of INTAKE: the broker lets nobody use another's subjects."""
    return stored.subject.split(".")[1] if stored.subject.count(".") else ""


def message_of(stored: Stored) -> tuple[str, str]:
    """(source, message id) under which a message was settled: its own id, else the one that it was published with."""
    value = json_of(stored.payload)
    own = value.get("id") if isinstance(value, dict) else None
    if isinstance(own, str):
        return origin_of(stored), own
    origin, _, message_id = message_named(stored.message_id).partition("/")
    return origin or origin_of(stored), message_id


# --- on the stream ----------------------------------------------------------------------------------------------------------


async def sweep(read: Read, erase: Erase, about: Callable[[Sequence[Stored]], list[int]]) -> int:
    """Delete what is about them from all of INTAKE; returns how many. Raises BrokerOutage.

    All of it: a message that was sent again, or a stream that was made anew, has it at another place than the inbox remembers.
    """
    deleted, after = 0, 0
    while page := await read(INTAKE, after, PAGE_MESSAGES):
        for sequence in await asyncio.to_thread(about, page):
            await erase(sequence)
            deleted += 1
        after = page[-1].sequence
    return deleted


def settled_among(connection: Connection, page: Sequence[Stored], is_about: IsSettled) -> list[int]:
    """Where those messages of a page stand that were settled here, or set aside, and are about them.

    One that was not handled yet stays: whoever sent it waits for an answer.
    """
    named = {stored.sequence: message_of(stored) for stored in page}
    unread = {sequence: (origin, f"seq-{sequence}") for sequence, (origin, _) in named.items()}
    seen = seen_before(connection, {*named.values(), *unread.values()})
    found = []
    for stored in page:
        earlier = seen.get(named[stored.sequence]) or seen.get(unread[stored.sequence])
        if earlier is not None and is_about(stored, earlier):
            found.append(stored.sequence)
    return found


# --- set aside --------------------------------------------------------------------------------------------------------------


def clear_aside(log: Log, is_about: IsAbout) -> int:
    """Take messages of INTAKE that are about them out of ``held`` and ``parked``; returns how many. Blocks.

    Whoever sent them is answered; that a parked one went is an event. Raises Vanished if others keep settling them meanwhile.
    """
    return sum(_clear(log, table, is_about) for table in ASIDE)


def _clear(log: Log, table: Table, is_about: IsAbout) -> int:
    cleared, after, rounds = 0, "", 0
    (key,) = table.primary_key.columns
    while True:
        with log.database.read.connect() as connection:
            position = log.head(connection).position
            query = select(table).where(key > after, table.c.subject.startswith("intake.")).order_by(key).limit(PAGE_ROWS)
            rows = connection.execute(query).all()
            gone = [row for row in rows if is_about(row, opened(connection, row.raw, row[0]))]
            units = [_goes(log, connection, table, row) for row in gone]
        try:
            if units and log.append(units, seen_position=position, whole=True).conflicts:
                raise Vanished(f"{table.name}: a row was settled by somebody else meanwhile")
        except Vanished:
            rounds += 1
            if rounds >= ROUNDS_MAX:
                raise
            continue
        cleared += len(units)
        if len(rows) < PAGE_ROWS:
            return cleared
        after = rows[-1][0]


def _goes(log: Log, connection: Connection, table: Table, row: Row[Any]) -> Unit:
    now = log.clock.now()
    receipt = answer(log.name, row.origin, row.message_id, "refused", now, problems=(ERASED,))
    unit = Unit(receipts=[receipt], deletes=[(table, row[0])])
    if table is schema.parked:
        stream = stream_of_parked(row.parked_id)
        event = ParkedDiscarded(parked=row.parked_id, by=log.name, reason="the person was erased")
        day, event_id = business_day(now).isoformat(), log.new_id()
        unit.events.append(NewEvent(stream, event, day, event_id, row.message_id, None, log.name))
        unit.expects[stream] = len(log.load(connection, [stream])[stream])
    return unit


# --- services that hear of it -----------------------------------------------------------------------------------------------


def note_erased(connection: Connection, refs: Collection[str], clock: Clock) -> None:
    """Note whom events have erased, inside the append in which they are heard."""
    table = schema.forgetting
    known = set(connection.scalars(select(table.c.ref).where(one_of(connection, table.c.ref, refs))))
    rows = [{"ref": ref, "since": utc_text(clock.now())} for ref in dict.fromkeys(refs) if ref not in known]
    if rows:
        connection.execute(insert(table), rows)


def still_forgetting(connection: Connection) -> int:
    """How many erased people still have to be looked for."""
    return len(connection.execute(select(schema.forgetting.c.ref)).all())


class Forgetting:
    """Goes after those whom another service's events have erased. read, erase: of the broker."""

    def __init__(self, log: Log, *, read: Read, erase: Erase) -> None:
        self._log = log
        self._read = read
        self._erase = erase

    async def run(self) -> int:
        """Look for all who were noted. Returns how many messages went. Raises BrokerOutage, BytesRemain, Vanished."""
        people = await asyncio.to_thread(self._noted)
        if not people:
            return 0
        gone = await sweep(self._read, self._erase, lambda page: self._named(page, people))
        # Only now: while its row is there, a message on the stream is known to have been handled.
        gone += await asyncio.to_thread(clear_aside, self._log, lambda _, raw: about_only(raw, people))
        await asyncio.to_thread(scrub, self._log.database, ASIDE)
        await asyncio.to_thread(self._done, people)
        return gone

    def _noted(self) -> frozenset[str]:
        with self._log.database.read.connect() as connection:
            table = schema.forgetting
            return frozenset(connection.scalars(select(table.c.ref).order_by(table.c.since).limit(PAGE_PEOPLE)))

    def _named(self, page: Sequence[Stored], people: frozenset[str]) -> list[int]:
        """What names others too and still waits here is settled first."""

        def is_about(stored: Stored, earlier: Seen) -> bool:
            return names_any(stored.payload, people) if earlier.settled else about_only(stored.payload, people)

        with self._log.database.read.connect() as connection:
            return settled_among(connection, page, is_about)

    def _done(self, people: frozenset[str]) -> None:
        with self._log.database.write.begin() as connection:
            connection.execute(delete(schema.forgetting).where(one_of(connection, schema.forgetting.c.ref, people)))
