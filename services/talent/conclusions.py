"""What talent tells the registry of a concluded cycle: each person's annual rating, as an intake fact of source ``talent``.

It is carried from the log by a relay with a cursor of its own, as placements are. The message's id is made from the cycle's
conclusion and the person, so that a repeat is the same message for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, select

from contracts.appraisal_events import RatingsConcluded
from contracts.intake import fact_subject
from eventlog import schema
from eventlog.wire import Outgoing
from services.talent.placements import SOURCE

__all__ = ["RATINGS_RELAY", "concluded_of", "rating_id_of", "rating_messages", "read_conclusions"]

RATINGS_RELAY = "talent-ratings"
KIND = "intake.annual-rating-recorded.v1"
SUBJECT = fact_subject(SOURCE, "registry", KIND)
MESSAGES_MAX = 1_000
"""Messages of one round, but for the rest of the event that passes it."""


def rating_id_of(concluded: str, person_ref: str) -> str:
    """The id of the message that tells of a person's rating. concluded: the event of the cycle's conclusion."""
    return f"appraised-{concluded}-{person_ref}"


def concluded_of(message_id: str) -> str | None:
    """The event of the conclusion that a message of ours tells of."""
    named = message_id.removeprefix("appraised-")
    return named[:36] if named != message_id else None


def rating_messages(row: Any) -> list[Outgoing]:
    """The facts of a recorded ``ratings-concluded``, as they stand on INTAKE."""
    event = RatingsConcluded.model_validate_json(row.data)
    found = []
    for final in event.ratings:
        message_id = rating_id_of(event.concluded, final.person_ref)
        envelope = {
            "specversion": "1.0",
            "id": message_id,
            "source": SOURCE,
            "type": KIND,
            "time": row.recorded_at,
            "effectiveon": row.effective_on,
            "correlationid": event.concluded,
            "data": {
                "kind": "rating",
                "person": {"person_ref": final.person_ref},
                "year": event.year,
                "rating": final.rating,
            },
        }
        found.append(Outgoing(SUBJECT, f"{SOURCE}/{message_id}", orjson.dumps(envelope)))
    return found


def read_conclusions(connection: Connection, after: int, limit: int) -> tuple[Sequence[Outgoing], int]:
    """The ratings concluded among the next ``limit`` events, and the position of the last event that was looked at."""
    table = schema.event
    reach = select(table.c.position).where(table.c.position > after).order_by(table.c.position).limit(limit)
    last = max(connection.scalars(reach).all(), default=after)
    query = (
        select(table)
        .where(table.c.position > after, table.c.position <= last, table.c.type == RatingsConcluded.TYPE)
        .order_by(table.c.position)
    )
    found: list[Outgoing] = []
    for row in connection.execute(query):
        found += rating_messages(row)
        if len(found) >= MESSAGES_MAX:
            return found, int(row.position)
    return found, last
