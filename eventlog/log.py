"""The append-only log of one service: what is committed together, and how it is read again.

An append is one transaction. It locks the single ``log_head`` row, checks the versions that its decisions were made on,
takes the next dense positions, and writes events, inbox entries, receipts, side tables and inline read models together.
Because positions are handed out under the lock and committed before it is released, no reader can ever see position n + 1
without position n.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection, Row, Select, Table, bindparam, delete, func, insert, select, update

from contracts.base import LogEvent, utc_text
from contracts.envelope import PARTITIONS, POSITION_MAX
from eventlog import schema
from eventlog.box import boxed
from eventlog.bulk import bulk_insert, insert_tuples, one_of
from eventlog.canonical import canonical, canonical_text
from eventlog.codec import Codec
from eventlog.columns import widen
from eventlog.database import Database, DatabaseMissing
from eventlog.ids import Clock, Entropy, uuid7
from eventlog.scrubbing import scrub_history
from eventlog.tree import EMPTY_ROOT, Frontier, leaf_hash
from eventlog.turns import unhurried

__all__ = [
    "PARTITIONS",
    "Appended",
    "BrokenLog",
    "Head",
    "InboxEntry",
    "Log",
    "LogFull",
    "NewEvent",
    "Past",
    "ReceiptRow",
    "Recorded",
    "Unit",
    "Vanished",
    "View",
    "append_only_of",
    "leaf_of",
    "page_of",
    "partition_of",
]

EVENTS_PER_APPEND_MAX = 20_000
CREATE_LOCK = 0x686F6E67


class BrokenLog(RuntimeError):
    """The log does not hold together: nothing may be added to it. The text says what does not fit."""


class LogFull(RuntimeError):
    """The log has reached the highest position that an envelope can carry."""


class NewEvent(msgspec.Struct, frozen=True):
    """An event that was decided and is not recorded yet. effective_on: ``YYYY-MM-DD``."""

    stream: str
    event: LogEvent
    effective_on: str
    event_id: str
    correlation_id: str
    causation_id: str | None
    actor: str


class Recorded(msgspec.Struct, frozen=True):
    """A row of the log. ``data`` is canonical JSON; ``event`` is it, typed and upcast.

    One is made for every event read or written: a Struct takes a fifth of a dataclass's time.
    """

    position: int
    stream: str
    version: int
    event_id: str
    type: str
    partition: int
    previous: int
    effective_on: str
    recorded_at: str
    correlation_id: str
    causation_id: str | None
    actor: str
    data: str
    leaf_hash: bytes
    event: LogEvent


class ReceiptRow(NamedTuple):
    """A row of ``receipt``. data: canonical JSON."""

    position: int
    source: str
    outcome: str
    recorded_at: str
    data: str


class Past(NamedTuple):
    """A recorded event as deciding needs it."""

    event_id: str
    type: str
    effective_on: str
    data: str


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """That a message was settled, for ever. content: SHA-256 of what it says, to tell a repeat from another message."""

    origin: str
    message_id: str
    content: bytes
    outcome: str
    sequence: int
    event_id: str | None = None
    stream: str | None = None


@dataclass(slots=True)
class Unit:
    """What one message came to. It is committed as a whole or not at all.

    expects: stream → the version that the decision was made on (0: the stream did not exist). A stream that is only read
    may be named too. receipts: as JSON values (``contracts.receipts.Receipt``). inserts and deletes: rows of side tables,
    ``(table, row)`` and ``(table, primary key)``; a key of several columns is a tuple, in their order.
    """

    inbox: InboxEntry | None = None
    events: list[NewEvent] = field(default_factory=list)
    expects: dict[str, int] = field(default_factory=dict)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    inserts: list[tuple[Table, dict[str, Any]]] = field(default_factory=list)
    deletes: list[tuple[Table, str | tuple[str, ...]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log. root: RFC 6962 root over all leaf hashes, hex."""

    log: str
    position: int
    receipt_position: int
    recorded_at: str
    root: str


@dataclass(frozen=True, slots=True)
class Appended:
    """events: what was recorded. conflicts: indexes of the units that must be decided again. head: None if undone."""

    events: tuple[Recorded, ...]
    conflicts: tuple[int, ...]
    head: Head | None


class Vanished(RuntimeError):
    """A side-table row that a unit was to take is gone: another instance, or another task, took it. Decide again."""


class _Undo(Exception):
    pass


class View(Protocol):
    """A read model that is written in the transaction of the append, and can be rebuilt from the log.

    tables: what it owns; one with ``info={"append_only": True}`` is protected like the log itself. apply: fold recorded events
    into them, in order; called again from position 1 in a replay.
    """

    name: str
    tables: Sequence[Table]

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None: ...


def append_only_of(view: View) -> list[str]:
    """The names of a view's tables to which rows are only ever added."""
    return [table.name for table in view.tables if table.info.get("append_only")]


_PARTITION_CACHE_MAX = 10_000
_partition_cache: dict[str, int] = {}


def partition_of(stream: str) -> int:
    """0 to 15, by the first four bits of SHA-256 of the stream id."""
    found = _partition_cache.get(stream)
    if found is None:
        if len(_partition_cache) >= _PARTITION_CACHE_MAX:
            _partition_cache.clear()
        found = _partition_cache[stream] = hashlib.sha256(stream.encode()).digest()[0] >> 4
    return found


def leaf_of(log: str, row: Mapping[str, Any] | Row[Any] | Recorded) -> bytes:
    """The hash of a whole row: RFC 6962 leaf over its canonical JSON, the data by its own SHA-256."""
    leaf: dict[str, Any]
    if isinstance(row, Mapping):
        leaf = {name: row[name] for name in _LEAF_FIELDS}
        data = row["data"]
    else:
        leaf = dict(zip(_LEAF_FIELDS, _leaf_values(row), strict=True))
        data = row.data
    leaf["log"] = log
    leaf["data_sha256"] = hashlib.sha256(data.encode()).hexdigest()
    return leaf_hash(canonical(leaf))


_LEAF_FIELDS = (
    "position", "stream", "version", "event_id", "type", "partition", "previous", "effective_on", "recorded_at",
    "correlation_id", "causation_id", "actor",
)  # fmt: skip

_leaf_values = attrgetter(*_LEAF_FIELDS)


def page_of(table: Table, after: int, limit: int) -> Select[Any]:
    """The next ``limit`` rows of a table with dense positions, in order.

    Bounded on both sides: with ``LIMIT`` alone and statistics that lag behind, PostgreSQL sorts the whole rest of the log for
    every page (measured on 50,000 events: 30 µs an event instead of 8).
    """
    position = table.c.position
    return select(table).where(position > after, position <= after + limit).order_by(position)


_E = schema.event.c
_SELECT = select(schema.event)


class Log:
    """name: of the log, also the first token of its subjects. views: inline read models."""

    def __init__(
        self, name: str, database: Database, codec: Codec, clock: Clock, entropy: Entropy, views: Sequence[View] = ()
    ) -> None:
        self.name = name
        self.database = database
        self.codec = codec
        self.clock = clock
        self.entropy = entropy
        self.views = tuple(views)
        self.on_append: Callable[[Sequence[Recorded], Sequence[ReceiptRow]], None] | None = None

    # --- set-up -------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """Create the tables that are missing and the head row. Safe to repeat; needs the owner's rights."""
        with self.database.write.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Two that create at once would trip over each other's catalogue rows.
                connection.execute(select(func.pg_advisory_xact_lock(CREATE_LOCK)))
            schema.create_log_tables(connection)
            for view in self.views:
                for table in view.tables:
                    table.create(connection, checkfirst=True)
                widen(connection, view.tables)
                schema.protect_append_only(connection, *append_only_of(view))
            if connection.execute(select(func.count()).select_from(schema.log_head)).scalar_one() == 0:
                connection.execute(insert(schema.log_head), [_first_head(self.name, utc_text(self.clock.now()))])
        scrub_history(self.database)

    def head(self, connection: Connection) -> Head:
        """Raises DatabaseMissing if the log was never created or belongs to another service."""
        row = connection.execute(select(schema.log_head)).one_or_none()
        if row is None or row.log != self.name:
            raise DatabaseMissing(f"this database holds no {self.name} log; run `hongling provision`")
        return Head(row.log, row.position, row.receipt_position, row.recorded_at, row.root)

    def new_id(self) -> str:
        return uuid7(self.clock.now(), self.entropy)

    # --- reading ------------------------------------------------------------------------------------------------

    def load(self, connection: Connection, streams: Iterable[str]) -> dict[str, list[Recorded]]:
        """All events of these streams, each in order. A stream without events has an empty list."""
        found: dict[str, list[Recorded]] = {stream: [] for stream in streams}
        names = list(found)
        for start in range(0, len(names), 1000):
            query = _SELECT.where(one_of(connection, _E.stream, names[start : start + 1000])).order_by(_E.stream, _E.version)
            for row in connection.execute(query):
                found[row[1]].append(self._typed(row))
        return found

    def histories(self, connection: Connection, streams: Iterable[str]) -> dict[str, list[Past]]:
        """Like ``load``, with no more of each event than deciding needs, and its data not read yet.

        Raises Long where a history is too long for the loop's thread (``Turns.take``).
        """
        found: dict[str, list[Past]] = {stream: [] for stream in streams}
        names = list(found)
        columns = select(_E.stream, _E.event_id, _E.type, _E.effective_on, _E.data)
        for start in range(0, len(names), 1000):
            query = columns.where(one_of(connection, _E.stream, names[start : start + 1000])).order_by(_E.stream, _E.version)
            for stream, *past in connection.execute(query):
                found[stream].append(Past(*past))
        unhurried(max(map(len, found.values()), default=0))
        return found

    def past(self, past: Past) -> tuple[str, date, Any]:
        """Id, day and event of a recorded event, as deciders take it in. Raises UnknownEvent, UnreadableEvent."""
        return past.event_id, date.fromisoformat(past.effective_on), self.codec.decode(past.type, past.data)

    def read(
        self, connection: Connection, after: int = 0, limit: int = 1000, *, upto: int | None = None, types: Sequence[str] = ()
    ) -> list[Recorded]:
        """The next ``limit`` events after a position, in order."""
        if types:
            query = _SELECT.where(_E.position > after, _E.type.in_(types)).order_by(_E.position).limit(limit)
        else:
            query = page_of(schema.event, after, limit)
        if upto is not None:
            query = query.where(_E.position <= upto)
        return [self._typed(row) for row in connection.execute(query)]

    def rows(self, connection: Connection, after: int, limit: int) -> Sequence[Row[Any]]:
        """Like ``read`` without typing the data: for carrying and verifying."""
        return connection.execute(page_of(schema.event, after, limit)).all()

    def find(self, connection: Connection, event_id: str) -> Recorded | None:
        row = connection.execute(_SELECT.where(_E.event_id == event_id)).one_or_none()
        return None if row is None else self._typed(row)

    def _typed(self, row: Row[Any]) -> Recorded:
        # Row columns come in the order of the table; positional is the fast way.
        return Recorded(*row, self.codec.decode(row[4], row[12]))  # type: ignore[call-arg,arg-type,misc]

    # --- appending ----------------------------------------------------------------------------------------------

    def append(
        self,
        units: Sequence[Unit],
        *,
        seen_position: int | None = None,
        recheck: Callable[[Connection], Iterable[int]] | None = None,
        whole: bool = False,
        also: Callable[[Connection], bool | None] | None = None,
    ) -> Appended:
        """Commit the units that still hold, in one transaction.

        seen_position: the log's position when the decisions' streams were loaded; if the log has not moved since, versions
        need no check. recheck: asked under the lock, only if the log has moved, for further units to decide again.
        whole: commit all units or none. also: further writes in the transaction; False undoes everything, as a conflict.
        """
        new_head = None
        with suppress(_Undo), self.database.write.begin() as connection:
            head = connection.execute(select(schema.log_head).with_for_update()).one()
            conflicts: set[int] = set()
            if head.position != seen_position:
                conflicts |= self._stale(connection, units)
                if recheck is not None:
                    conflicts |= set(recheck(connection))
            if (whole and conflicts) or (also is not None and also(connection) is False):
                raise _Undo
            kept = [unit for index, unit in enumerate(units) if index not in conflicts]
            recorded_at = max(utc_text(self.clock.now()), head.recorded_at)
            receipts: list[ReceiptRow] = []
            events, new_head = self._record(connection, head, kept, recorded_at, receipts)
            for view in self.views:
                if events:
                    view.apply(connection, events, {t.name: t for t in view.tables})
        if new_head is not None:
            # Only now is it committed, and others may see it.
            if self.on_append is not None:
                self.on_append(events, receipts)
            return Appended(tuple(events), tuple(sorted(conflicts)), new_head)
        return Appended((), tuple(range(max(1, len(units)))), None)

    def _stale(self, connection: Connection, units: Sequence[Unit]) -> set[int]:
        """Units that were decided on versions that are no longer the last, and those that build on such units."""
        streams = {stream for unit in units for stream in unit.expects}
        actual = dict.fromkeys(streams, 0)
        names = list(streams)
        for start in range(0, len(names), 1000):
            chosen = one_of(connection, _E.stream, names[start : start + 1000])
            query = select(_E.stream, func.max(_E.version)).where(chosen).group_by(_E.stream)
            actual.update({row[0]: row[1] for row in connection.execute(query)})
        stale: set[int] = set()
        for index, unit in enumerate(units):
            if any(actual[stream] != version for stream, version in unit.expects.items()):
                stale.add(index)
                # Whatever later units decided on top of this one is stale too.
                actual.update(dict.fromkeys(unit.expects, -1))
                continue
            for new in unit.events:
                actual[new.stream] = actual.get(new.stream, 0) + 1
        return stale

    def _record(
        self, connection: Connection, head: Row[Any], units: Sequence[Unit], recorded_at: str, receipts: list[ReceiptRow]
    ) -> tuple[list[Recorded], Head]:
        count = sum(len(unit.events) for unit in units)
        if count > EVENTS_PER_APPEND_MAX:
            raise ValueError(f"{count} events in one append; at most {EVENTS_PER_APPEND_MAX}")
        if head.position + count > POSITION_MAX:
            raise LogFull(f"log {self.name} has reached position {POSITION_MAX}")
        events, partitions, frontier = self._place(head, units, recorded_at)
        if events:
            insert_tuples(connection, schema.event, _EVENT_COLUMNS, [_event_values(e) for e in events])
        receipt_position = self._write_receipts(connection, head.receipt_position, units, recorded_at, receipts)
        _write_side_tables(connection, units)
        root = frontier.root().hex()
        position = head.position + len(events)
        connection.execute(
            update(schema.log_head).values(
                position=position,
                receipt_position=receipt_position,
                recorded_at=recorded_at,
                partitions=",".join(map(str, partitions)),
                frontier=frontier.to_text(),
                root=root,
            )
        )
        return events, Head(self.name, position, receipt_position, recorded_at, root)

    def _place(self, head: Row[Any], units: Sequence[Unit], recorded_at: str) -> tuple[list[Recorded], list[int], Frontier]:
        """Give each event its position, version, back pointer and leaf hash."""
        try:
            frontier = Frontier.from_text(head.position, head.frontier)
            partitions = [int(p) for p in head.partitions.split(",")]
        except ValueError:
            raise BrokenLog(f"the head of log {self.name} does not hold together; run `hongling verify`") from None
        if frontier.root().hex() != head.root:
            raise BrokenLog(f"the root of log {self.name} is not that of its tree; run `hongling verify`")
        position = head.position
        versions: dict[str, int] = {}
        events: list[Recorded] = []
        for unit in units:
            for new in unit.events:
                position += 1
                if new.stream not in versions:
                    versions[new.stream] = unit.expects[new.stream]
                versions[new.stream] += 1
                partition = partition_of(new.stream)
                row = {
                    "position": position,
                    "stream": new.stream,
                    "version": versions[new.stream],
                    "event_id": new.event_id,
                    "type": new.event.TYPE,
                    "partition": partition,
                    "previous": partitions[partition],
                    "effective_on": new.effective_on,
                    "recorded_at": recorded_at,
                    "correlation_id": new.correlation_id,
                    "causation_id": new.causation_id,
                    "actor": new.actor,
                    "data": canonical_text(new.event.payload()),
                }
                leaf = leaf_of(self.name, row)
                frontier.append(leaf)
                partitions[partition] = position
                events.append(Recorded(**row, leaf_hash=leaf, event=new.event))
        return events, partitions, frontier

    def _write_receipts(
        self, connection: Connection, position: int, units: Sequence[Unit], recorded_at: str, receipts: list[ReceiptRow]
    ) -> int:
        inbox_rows: list[tuple[Any, ...]] = []
        for unit in units:
            answered = None
            for receipt in unit.receipts:
                position += 1
                source, message_id = receipt["source"], receipt["id"]
                if unit.inbox is not None and (source, message_id) == (unit.inbox.origin, unit.inbox.message_id):
                    answered = position
                receipts.append(ReceiptRow(position, source, receipt["outcome"], recorded_at, canonical_text(receipt)))
            if unit.inbox is not None:
                entry = unit.inbox
                settled = (entry.origin, entry.message_id, entry.content, entry.outcome, entry.sequence)
                inbox_rows.append((*settled, recorded_at, entry.event_id, entry.stream, answered))
        insert_tuples(connection, schema.inbox, _INBOX_COLUMNS, inbox_rows)
        insert_tuples(connection, schema.receipt, ReceiptRow._fields, receipts)
        return position


def _first_head(log: str, recorded_at: str) -> dict[str, Any]:
    return {
        "id": 1,
        "log": log,
        "position": 0,
        "receipt_position": 0,
        "recorded_at": recorded_at,
        "partitions": ",".join(["0"] * PARTITIONS),
        "frontier": "",
        "root": EMPTY_ROOT.hex(),
    }


_INBOX_COLUMNS = (
    "origin", "message_id", "content", "outcome", "sequence", "recorded_at", "event_id", "stream", "receipt_position",
)  # fmt: skip
_EVENT_COLUMNS = tuple(column.name for column in schema.event.columns)
_event_values = attrgetter(*_EVENT_COLUMNS)


def _write_side_tables(connection: Connection, units: Sequence[Unit]) -> None:
    """Write what the units' inserts and deletes come to, in their order: one may put a row in, another take it out."""
    rows: dict[Table, dict[tuple[Any, ...], dict[str, Any]]] = {}
    gone: dict[Table, set[tuple[Any, ...]]] = {}
    taken_back: dict[Table, set[tuple[Any, ...]]] = {}
    for unit in units:
        for table, given in unit.deletes:
            key = given if isinstance(given, tuple) else (given,)
            if rows.setdefault(table, {}).pop(key, None) is not None:
                taken_back.setdefault(table, set()).add(key)
            gone.setdefault(table, set()).add(key)
        for table, row in unit.inserts:
            rows.setdefault(table, {})[tuple([row[name] for name in _key_names(table)])] = row
    for table, keys in gone.items():
        if keys:
            names = _key_names(table)
            chosen = [table.c[name] == bindparam(f"key_{name}") for name in names]
            places = [{f"key_{name}": part for name, part in zip(names, key, strict=True)} for key in keys]
            found = connection.execute(delete(table).where(*chosen), places)
            if found.rowcount < len(keys - taken_back.get(table, set())):
                raise Vanished(f"{table.name}: a row was taken by somebody else meanwhile")
    for table, entries in rows.items():
        kept = list(entries.values())
        if table in ASIDE:
            # Here and nowhere else: no message that is set aside gets into the database in plain.
            kept = [row | {"raw": boxed(connection, row["raw"], row[_key_names(table)[0]])} for row in kept]
        bulk_insert(connection, table, kept)


ASIDE = (schema.held, schema.parked)
"""Tables that keep the bytes of messages which nobody has checked."""


@lru_cache(maxsize=64)
def _key_names(table: Table) -> tuple[str, ...]:
    """The columns of the primary key: what side-table rows are told apart by."""
    return tuple(column.name for column in table.primary_key.columns)
