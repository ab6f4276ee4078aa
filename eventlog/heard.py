"""Hearing another service's events completely and in order, by partition.

Each event carries the position of its partition's event before it. An event whose back pointer is where we are is ready; one
from further ahead is kept in ``ahead`` (and acknowledged) until the missing one comes, and the gap is reported; one from
before is a repeat. So the broker may lose, repeat and reorder, and nothing is skipped without a word. What cannot have come
from that log (``misfit``) is garbage: it is set apart and stops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from contracts.base import utc_text
from contracts.envelope import EventEnvelope
from eventlog import schema
from eventlog.desk import Item
from eventlog.ids import Clock
from eventlog.log import partition_of

__all__ = ["GARBAGE", "NO_EVENT", "Foreign", "Heard", "gaps", "heard_positions", "misfit", "save_heard", "sort_out"]

GARBAGE = "not-an-event"
"""The code under which garbage is parked."""
NO_EVENT = (
    "the message is no event of the log whose stream it is on",
    "`hongling stream repair` takes it off the stream; then discard it here",
)
TYPE_WORDS = 3
"""Service, what happened, version."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another service's event, and the message that it came with."""

    item: Item
    envelope: EventEnvelope


@dataclass(slots=True)
class Heard:
    """What a batch of messages comes to.

    ready: events to handle now, in order. early: those to keep until the missing one comes. unreadable: no events of this log.
    before, positions: how far each touched partition was, and is then. left: ready too, but not to be handled yet.
    """

    log: str
    ready: list[Foreign] = field(default_factory=list)
    early: dict[tuple[int, int], Foreign] = field(default_factory=dict)
    unreadable: list[Item] = field(default_factory=list)
    before: dict[int, int] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    left: set[tuple[int, int]] = field(default_factory=set)

    def cut(self, size: int) -> bool:
        """Leave out what is ready beyond this number. Returns whether there was any."""
        rest = self.ready[size:]
        self.ready = self.ready[:size]
        for foreign in reversed(rest):
            self.left.add((foreign.envelope.partition, foreign.envelope.position))
            self.positions[foreign.envelope.partition] = foreign.envelope.previous
        return bool(rest)

    @property
    def moved(self) -> bool:
        return bool(self.early) or self.positions != self.before


def sort_out(connection: Connection, log: str, items: Sequence[Item]) -> Heard:
    """Sort messages by what we have heard so far."""
    found = Heard(log)
    arrived: dict[int, dict[int, Foreign]] = {}
    for item in items:
        try:
            envelope = EventEnvelope.model_validate_json(item.raw)
        except ValidationError:
            found.unreadable.append(item)
            continue
        if misfit(log, item.subject, envelope) is not None:
            found.unreadable.append(item)
            continue
        arrived.setdefault(envelope.partition, {})[envelope.position] = Foreign(item, envelope)
    heard = schema.heard
    for row in connection.execute(select(heard).where(heard.c.log == log, heard.c.partition.in_(arrived))):
        found.before[row.partition] = row.position
    kept = _kept(connection, log, arrived)
    for partition, events in arrived.items():
        at = found.before.get(partition, 0)
        waiting = {**kept.get(partition, {}), **events}
        for position in sorted(waiting):
            foreign = waiting[position]
            if position <= at:
                continue
            if foreign.envelope.previous == at:
                found.ready.append(foreign)
                at = position
            elif position not in kept.get(partition, {}):
                found.early[partition, position] = foreign
        found.positions[partition] = at
        found.before.setdefault(partition, 0)
    found.ready.sort(key=lambda f: f.envelope.position)
    return found


def misfit(log: str, subject: str, envelope: EventEnvelope) -> str | None:
    """Which attribute of an event cannot be of this log, as the log itself would have written it; None: all fit."""
    words = envelope.type.split(".")
    fits = {
        "source": envelope.source == f"/hongling/{log}",
        "type": len(words) == TYPE_WORDS,
        "partition": envelope.partition == partition_of(envelope.subject),
        "previous": envelope.previous < envelope.position,
        "subject of the message": subject == f"{log}.{envelope.partition:02d}.{words[min(1, len(words) - 1)]}",
    }
    return next((name for name, good in fits.items() if not good), None)


def _kept(connection: Connection, log: str, arrived: dict[int, dict[int, Foreign]]) -> dict[int, dict[int, Foreign]]:
    table = schema.ahead
    kept: dict[int, dict[int, Foreign]] = {}
    for row in connection.execute(select(table).where(table.c.log == log, table.c.partition.in_(arrived))):
        item = Item(row.subject, row.raw, row.sequence)
        kept.setdefault(row.partition, {})[row.position] = Foreign(item, EventEnvelope.model_validate_json(row.raw))
    return kept


def save_heard(connection: Connection, found: Heard, clock: Clock) -> bool:
    """Write how far we are, inside the append. Returns False if another instance moved meanwhile: decide again."""
    heard, ahead = schema.heard, schema.ahead
    keeping = {partition for partition, _ in found.early}
    moved = {partition: position for partition, position in found.positions.items() if position != found.before[partition]}
    touched = moved.keys() | keeping
    stored = {
        row.partition: row.position
        for row in connection.execute(select(heard).where(heard.c.log == found.log, heard.c.partition.in_(touched)))
    }
    if any(stored.get(partition, 0) != found.before[partition] for partition in touched):
        return False
    columns = select(ahead.c.partition, ahead.c.position, ahead.c.previous)
    kept = connection.execute(columns.where(ahead.c.log == found.log, ahead.c.partition.in_(moved))).all()
    if any(row.previous == moved[row.partition] and (row.partition, row.position) not in found.left for row in kept):
        # Kept by another instance since we looked; it is ready now, and nobody else would look at it.
        return False
    of_partition = (heard.c.log == found.log, heard.c.partition == bindparam("of"))
    for statement, known in (
        (update(heard).where(*of_partition).values(position=bindparam("to")), True),
        (insert(heard).values(log=found.log, partition=bindparam("of"), position=bindparam("to")), False),
    ):
        rows = [{"of": partition, "to": position} for partition, position in moved.items() if (partition in stored) is known]
        if rows:
            connection.execute(statement, rows)
    passed = [{"of": row.partition, "at": row.position} for row in kept if row.position <= moved[row.partition]]
    if passed:
        here = (ahead.c.log == found.log, ahead.c.partition == bindparam("of"), ahead.c.position == bindparam("at"))
        connection.execute(delete(ahead).where(*here), passed)
    if found.early:
        now = utc_text(clock.now())
        connection.execute(
            insert(ahead),
            [
                {
                    "log": found.log,
                    "partition": partition,
                    "position": position,
                    "previous": foreign.envelope.previous,
                    "subject": foreign.item.subject,
                    "sequence": foreign.item.sequence,
                    "raw": foreign.item.raw,
                    "since": now,
                }
                for (partition, position), foreign in found.early.items()
            ],
        )
    return True


def heard_positions(connection: Connection) -> dict[str, dict[str, int]]:
    """How far each other log was heard: log → partition → position. The partition is text, as a key of JSON is."""
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(select(schema.heard)):
        found.setdefault(row.log, {})[str(row.partition)] = row.position
    return found


def gaps(connection: Connection, log: str) -> list[dict[str, int]]:
    """Partitions in which something is missing: what was heard last, and the first event that is kept beyond the gap."""
    heard, ahead = schema.heard, schema.ahead
    last = {r.partition: r.position for r in connection.execute(select(heard).where(heard.c.log == log))}
    found: dict[int, dict[str, int]] = {}
    for row in connection.execute(select(ahead).where(ahead.c.log == log).order_by(ahead.c.position)):
        found.setdefault(
            row.partition, {"partition": row.partition, "heard": last.get(row.partition, 0), "missing": row.previous}
        )
    return list(found.values())
