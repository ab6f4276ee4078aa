"""The registry's read models and their queries. Rebuilt from the log at any time; only queries read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, MetaData, String, Table, Text, bindparam, delete, select

from contracts.registry import FactWithdrawn, RegistryEvent
from eventlog.bulk import bulk_insert, bulk_upsert
from eventlog.canonical import canonical_text
from eventlog.log import Recorded

__all__ = ["StandingView", "conflicts", "fact_on_file", "standing", "view_metadata"]

view_metadata = MetaData()

fact_on_file = Table(
    "fact_on_file",
    view_metadata,
    Column("event_id", String(36), primary_key=True),
    Column("person_ref", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("effective_on", String(10), nullable=False),
    Column("particulars", Text, nullable=False, comment="canonical JSON"),
    comment="Every fact and correction that was recorded, whether it stands or not. No identity.",
)

standing = Table(
    "standing",
    view_metadata,
    Column("person_ref", String(32), primary_key=True),
    Column("slot", String(160), primary_key=True),
    Column("event_id", String(36), nullable=False),
    Column("contradicted_by", Text, nullable=False, comment="event ids, comma separated; empty: no conflict"),
    comment="Which fact stands in which slot of a worker's file, and what contradicts it.",
)


class StandingView:
    """Folds facts and changes of standing."""

    name = "standing"
    tables: Sequence[Table] = (fact_on_file, standing)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        facts: list[dict[str, Any]] = []
        latest: dict[tuple[str, str], dict[str, Any]] = {}
        for recorded in events:
            event = recorded.event
            if not isinstance(event, RegistryEvent):
                continue
            if not isinstance(event, FactWithdrawn):
                facts.append(
                    {
                        "event_id": recorded.event_id,
                        "person_ref": event.person_ref,
                        "kind": event.particulars.kind,
                        "effective_on": recorded.effective_on,
                        "particulars": canonical_text(event.particulars.model_dump(mode="json")),
                    }
                )
            for change in event.standings:
                latest[event.person_ref, change.slot] = {
                    "person_ref": event.person_ref,
                    "slot": change.slot,
                    "event_id": change.fact,
                    "contradicted_by": ",".join(change.contradicted_by),
                }
        bulk_insert(connection, tables["fact_on_file"], facts)
        table = tables["standing"]
        vacated = [key for key, row in latest.items() if row["event_id"] is None]
        if vacated:
            gone = delete(table).where(table.c.person_ref == bindparam("p"), table.c.slot == bindparam("s"))
            connection.execute(gone, [{"p": person, "s": slot} for person, slot in vacated])
        bulk_upsert(connection, table, [row for row in latest.values() if row["event_id"] is not None])


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
