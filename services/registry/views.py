"""The registry's read models and their queries. Rebuilt from the log at any time; only queries read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Column, Connection, MetaData, String, Table, Text, bindparam, delete, insert, select

from contracts.registry import FactWithdrawn, RegistryEvent
from eventlog import schema
from eventlog.canonical import canonical_text
from eventlog.log import Recorded

__all__ = ["StandingView", "conflicts", "standing", "view_metadata"]

view_metadata = MetaData()

standing = Table(
    "standing",
    view_metadata,
    Column("person_ref", String(32), primary_key=True),
    Column("slot", String(160), primary_key=True),
    Column("event_id", String(36), nullable=False),
    Column("kind", String(32), nullable=False, index=True),
    Column("effective_on", String(10), nullable=False),
    Column("particulars", Text, nullable=False, comment="canonical JSON"),
    Column("contradicted_by", Text, nullable=False, comment="event ids, comma separated; empty: no conflict"),
    comment="Which fact stands in which slot of a worker's file, and what contradicts it.",
)


class StandingView:
    """Folds every change of standing into ``standing``."""

    name = "standing"
    tables: Sequence[Table] = (standing,)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        table = tables["standing"]
        latest: dict[tuple[str, str], dict[str, Any] | None] = {}
        said: dict[str, tuple[str, str, Any]] = {}
        for recorded in events:
            event = recorded.event
            if not isinstance(event, RegistryEvent):
                continue
            if not isinstance(event, FactWithdrawn):
                said[recorded.event_id] = (event.particulars.kind, recorded.effective_on, event.particulars)
            for change in event.standings:
                key = (event.person_ref, change.slot)
                if change.fact is None:
                    latest[key] = None
                    continue
                kind, effective_on, particulars = said.get(change.fact) or _look_up(connection, change.fact)
                latest[key] = {
                    "person_ref": event.person_ref,
                    "slot": change.slot,
                    "event_id": change.fact,
                    "kind": kind,
                    "effective_on": effective_on,
                    "particulars": canonical_text(
                        particulars if isinstance(particulars, dict) else particulars.model_dump(mode="json")
                    ),
                    "contradicted_by": ",".join(change.contradicted_by),
                }
        if not latest:
            return
        gone = delete(table).where(table.c.person_ref == bindparam("p"), table.c.slot == bindparam("s"))
        connection.execute(gone, [{"p": person, "s": slot} for person, slot in latest])
        rows = [row for row in latest.values() if row is not None]
        if rows:
            connection.execute(insert(table), rows)


def _look_up(connection: Connection, event_id: str) -> tuple[str, str, Any]:
    """An earlier fact that stands again, from the log."""
    table = schema.event
    row = connection.execute(select(table.c.data, table.c.effective_on).where(table.c.event_id == event_id)).one()
    particulars = orjson.loads(row.data)["particulars"]
    return particulars["kind"], row.effective_on, particulars


def conflicts(connection: Connection, limit: int = 1000) -> list[dict[str, Any]]:
    """Slots in which facts contradict each other: what stands, by the rule of ``contracts.registry``, and against what."""
    query = (
        select(standing).where(standing.c.contradicted_by != "").order_by(standing.c.person_ref, standing.c.slot).limit(limit)
    )
    return [
        {
            "person_ref": row.person_ref,
            "slot": row.slot,
            "stands": row.event_id,
            "contradicted_by": row.contradicted_by.split(","),
        }
        for row in connection.execute(query)
    ]
