"""Parked messages: set aside with a reason, listed, shown, retried or discarded by an operator. The acts are events."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from contracts.base import utc_text
from contracts.operations import MessageParked
from eventlog import schema
from eventlog.ids import Clock
from eventlog.log import NewEvent, Unit

__all__ = [
    "blocked_streams",
    "held_oldest",
    "park",
    "parked_list",
    "parked_oldest",
    "parked_row",
    "parked_with",
    "stream_of_parked",
]


PROBLEM_CHARACTERS_MAX = 2_000
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def _fit(text: str, characters_max: int) -> str:
    """The text without what no database or log would take, and no longer than its column."""
    return _UNFIT.sub("\ufffd", text)[:characters_max]


def stream_of_parked(parked_id: str) -> str:
    return f"parked-{parked_id}"


def park(
    parked_id: str,
    clock: Clock,
    *,
    origin: str,
    message_id: str,
    sequence: int,
    subject: str,
    raw: bytes,
    code: str,
    problem: str,
    blocks: str | None,
    effective_on: str,
) -> Unit:
    """The unit that sets a message aside: its bytes in the side table, the act in the log. The receipt is the caller's.

    What a message says of itself may be why it is parked: here its texts are made to fit whatever they hold.
    """
    message_id, origin, subject = _fit(message_id, 128), _fit(origin, 60), _fit(subject, 256)
    problem, code, blocks = _fit(problem, PROBLEM_CHARACTERS_MAX), _fit(code, 64), None if blocks is None else _fit(blocks, 128)
    event = MessageParked(
        origin=origin, message_id=message_id, sha256=hashlib.sha256(raw).hexdigest(), code=code, problem=problem, blocks=blocks
    )
    stream = stream_of_parked(parked_id)
    row = {
        "parked_id": parked_id,
        "origin": origin,
        "message_id": message_id,
        "sequence": sequence,
        "subject": subject,
        "raw": raw,
        "code": code,
        "problem": problem,
        "blocks": blocks,
        "parked_at": utc_text(clock.now()),
    }
    new = NewEvent(stream, event, effective_on, parked_id, message_id, f"{origin}/{message_id}", origin)
    return Unit(events=[new], expects={stream: 0}, inserts=[(schema.parked, row)])


def blocked_streams(connection: Connection) -> set[str]:
    """Streams that stand still because a message of theirs is parked."""
    column = schema.parked.c.blocks
    return {stream for stream in connection.scalars(select(column).where(column.is_not(None)).distinct()) if stream}


OLDEST_MAX = 20
"""Messages that a status tells of those that are parked, and of those that are held."""


def parked_oldest(connection: Connection) -> list[dict[str, Any]]:
    """The messages that have been parked longest, oldest first: which, since when, why."""
    table = schema.parked.c
    chosen = table.origin, table.message_id, table.parked_at.label("since"), table.code, table.parked_id
    query = select(*chosen).order_by(table.parked_at, table.sequence).limit(OLDEST_MAX)
    return [dict(row) for row in connection.execute(query).mappings()]


def held_oldest(connection: Connection) -> list[dict[str, Any]]:
    """The messages that have waited longest for what they need, oldest first: which, since when, until when."""
    table = schema.held.c
    chosen = table.origin, table.message_id, table.since, table.until
    query = select(*chosen).order_by(table.since, table.sequence).limit(OLDEST_MAX)
    return [dict(row) for row in connection.execute(query).mappings()]


def parked_row(connection: Connection, parked_id: str) -> Row[Any] | None:
    return connection.execute(select(schema.parked).where(schema.parked.c.parked_id == parked_id)).one_or_none()


def parked_with(connection: Connection, parked_id: str) -> Sequence[Row[Any]]:
    """The parked message and, if its stream stands still, all that wait behind it, in their order. Empty if unknown."""
    row = parked_row(connection, parked_id)
    if row is None or row.blocks is None:
        return [] if row is None else [row]
    table = schema.parked
    # In the order of parking: where a message stood on its stream says nothing, since it may have been published again.
    parking = table.join(schema.event, schema.event.c.event_id == table.c.parked_id)
    query = select(table).select_from(parking).where(table.c.blocks == row.blocks).order_by(schema.event.c.position)
    return connection.execute(query).all()


def parked_list(connection: Connection, limit: int = 1000) -> list[dict[str, Any]]:
    """What is parked, oldest first, without the bytes."""
    table = schema.parked
    columns = [column for column in table.columns if column.name != "raw"]
    query = select(*columns).order_by(table.c.parked_at, table.c.sequence).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]
