"""What talent tells the registry: each placement, as the intake fact ``engagement-started`` of source ``talent``.

It is carried from the log by a relay with a cursor of its own, so a crash repeats and never skips. The message's id is made
from the event's, so that a repeat is the same message for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, select

from contracts.intake import fact_subject
from contracts.talent import CandidatePlaced
from eventlog import schema
from eventlog.wire import Outgoing

__all__ = ["RELAY", "SOURCE", "event_of", "message_id_of", "placement_message", "read_placements"]

SOURCE = "talent"
RELAY = "talent-placements"
KIND = "intake.engagement-started.v1"
SUBJECT = fact_subject(SOURCE, "registry", KIND)


def message_id_of(event_id: str) -> str:
    """The id of the message that tells of a placement."""
    return f"placed-{event_id}"


def event_of(message_id: str) -> str | None:
    """The id of the event that a message of ours tells of."""
    return message_id.removeprefix("placed-") if message_id.startswith("placed-") else None


def placement_message(row: Any) -> Outgoing:
    """The fact of a recorded ``candidate-placed``, as it stands on INTAKE."""
    event = CandidatePlaced.model_validate_json(row.data)
    data: dict[str, Any] = {
        "kind": "engagement-start",
        "person": {"person_ref": event.person_ref},
        "engagement": event.engagement,
        "category": event.category,
        "unit": event.unit,
        "post": event.post,
        "full_time": event.full_time,
        "entry_channel": event.entry_channel,
    }
    envelope = {
        "specversion": "1.0",
        "id": message_id_of(row.event_id),
        "source": SOURCE,
        "type": KIND,
        "time": row.recorded_at,
        "effectiveon": row.effective_on,
        "correlationid": row.event_id,
        "data": data,
    }
    return Outgoing(SUBJECT, f"{SOURCE}/{message_id_of(row.event_id)}", orjson.dumps(envelope))


def read_placements(connection: Connection, after: int, limit: int) -> tuple[Sequence[Outgoing], int]:
    """The placements among the next ``limit`` events, and the position of the last event that was looked at."""
    table = schema.event
    reach = select(table.c.position).where(table.c.position > after).order_by(table.c.position).limit(limit)
    last = max(connection.scalars(reach).all(), default=after)
    query = (
        select(table)
        .where(table.c.position > after, table.c.position <= last, table.c.type == CandidatePlaced.TYPE)
        .order_by(table.c.position)
    )
    return [placement_message(row) for row in connection.execute(query)], last
