"""Messages that wait for what they need: held with a receipt, released by the batch in which it comes, parked after a time.

What a message needs is a text that its service makes, such as ``person:<ref>``; here it is only compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import IntegrityError

from contracts.base import utc_text
from eventlog import schema
from eventlog.box import opened
from eventlog.decider import Early
from eventlog.desk import Batch, Desk, Item, problem
from eventlog.intake import Parsed, Seen, answer
from eventlog.log import Log, Unit, Vanished

__all__ = ["Holding", "held_item"]

EXPIRED_MAX = 500
MANY_HELD = 200
NEEDS_MAX = 1000
"""Needs of one query."""


def held_item(connection: Connection, row: Row[Any]) -> Item:
    """A message of ``held``, to be settled again."""
    return Item(row.subject, opened(connection, row.raw, row.hold_id), row.sequence, held_id=row.hold_id)


class Holding:
    """hold_seconds: how long a message waits for what it needs before it is parked."""

    def __init__(self, desk: Desk, log: Log, hold_seconds: int) -> None:
        self._desk = desk
        self._log = log
        self._hold_seconds = hold_seconds

    def many(self) -> bool:
        """Whether so many messages wait that one which brings what they need takes long to settle."""
        with self._log.database.read.connect() as connection:
            some = select(schema.held.c.hold_id).limit(MANY_HELD + 1).subquery()
            return bool(connection.execute(select(func.count()).select_from(some)).scalar_one() > MANY_HELD)

    def hold(self, batch: Batch, item: Item, parsed: Parsed, early: Early, expects: Mapping[str, int]) -> None:
        """Keep a message until what it needs is provided. expects: streams, and the versions at which they lacked it."""
        now = self._log.clock.now()
        until = now + timedelta(seconds=self._hold_seconds)
        row = {
            "hold_id": self._log.new_id(),
            "need": early.need,
            "origin": parsed.origin,
            "message_id": parsed.message.id,
            "sequence": parsed.sequence,
            "subject": parsed.subject,
            "raw": parsed.raw,
            "since": utc_text(now),
            "until": utc_text(until),
        }
        receipt = self._desk.receipt(parsed, "waiting", waiting_for=early.shown, until=until)
        unit: Unit = Unit(receipts=[receipt], inserts=[(schema.held, row)], expects=dict(expects))
        batch.seen[parsed.origin, parsed.message.id] = Seen("waiting", parsed.sequence, None, None, None, None, raw=parsed.raw)
        batch.needs[len(batch.units)] = early.need
        batch.add(item, unit)

    def released(self, connection: Connection, batch: Batch) -> list[Item]:
        """Held messages whose need this batch has met, oldest first. Asked again until nothing more is set free."""
        provided, batch.provided = list(dict.fromkeys(batch.provided)), []
        if not provided or connection.execute(select(schema.held.c.hold_id).limit(1)).first() is None:
            return self._released_here(batch, provided)
        rows: list[Row[Any]] = []
        for start in range(0, len(provided), NEEDS_MAX):
            chosen = schema.held.c.need.in_(provided[start : start + NEEDS_MAX])
            # Those of one moment in the order in which they stood on the stream.
            oldest_first = (schema.held.c.since, schema.held.c.sequence)
            rows += connection.execute(select(schema.held).where(chosen).order_by(*oldest_first)).all()
        # One that was released in this batch and is held again stands in the batch; its row is only taken away with it.
        rows = [row for row in rows if row.hold_id not in batch.released]
        batch.released.update(row.hold_id for row in rows)
        return [
            *(held_item(connection, row) for row in rows),
            *self._released_here(batch, provided),
        ]

    def _released_here(self, batch: Batch, provided: Sequence[str]) -> list[Item]:
        """Messages of this very batch that were to be held and need not be: their units come to nothing."""
        met = set(provided)
        free = [index for index, need in batch.needs.items() if need in met]
        for index in free:
            unit = batch.units[index]
            row = next(row for table, row in unit.inserts if table is schema.held)
            batch.seen.pop((row["origin"], row["message_id"]), None)
            # Kept as an empty unit, so that the indexes of the others stay.
            batch.units[index] = Unit()
            del batch.needs[index]
        return [batch.sources[index] for index in free]

    def expire(self, wake: Callable[[], None], limit: int = EXPIRED_MAX) -> int:
        """Park the messages that have waited too long. Safe to run at any time and on several instances."""
        batch = Batch()
        now = self._log.clock.now()
        with self._log.database.read.connect() as connection:
            position = self._log.head(connection).position
            due = select(schema.held).where(schema.held.c.until < utc_text(now)).order_by(schema.held.c.until).limit(limit)
            for row in connection.execute(due).all():
                item = held_item(connection, row)
                why = problem(
                    "", "never-came", "what this message waits for did not come in time", "send that, then ask for a retry"
                )
                key = (row.origin, row.message_id)
                receipt = answer(self._desk.service, *key, "parked", now, problems=(why,))
                self._desk.set_aside(batch, item, key, why, None, receipt)
        if batch.units:
            try:
                self._log.append(batch.units, seen_position=position)
            except (IntegrityError, Vanished):
                return 0
            wake()
        return len(batch.units)
