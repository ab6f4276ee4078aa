"""What dossiers hold, without what it says: the content is encrypted, and stays in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import orjson
from sqlalchemy import Connection, Table, delete, select, update

from contracts.registry import DossierEntryCorrected, DossierEntryRecorded, DossierSection, PersonErased, PersonMerged
from eventlog.canonical import canonical_text
from eventlog.log import Recorded
from services.registry.views.paging import rows_of
from services.registry.views.tables import dossier_entry
from services.registry.views.writing import upsert_rows

__all__ = ["DossierView", "dossier"]

DossierEvent = DossierEntryRecorded | DossierEntryCorrected | PersonMerged | PersonErased
_EVENTS = frozenset(get_args(DossierEvent))

Row = dict[str, Any]


class DossierView:
    """The latest version of each entry. The rows of somebody who is erased go with their keys, those of merged files too."""

    name = "dossier"
    tables: Sequence[Table] = (dossier_entry,)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        told = [(recorded, cast(DossierEvent, recorded.event)) for recorded in events if type(recorded.event) in _EVENTS]
        if not told:
            return
        table = tables["dossier_entry"]
        corrected = {event.person_ref for _, event in told if isinstance(event, DossierEntryCorrected)}
        rows = rows_of(connection, table, table.c.person_ref, corrected)
        changed: dict[tuple[Any, ...], Row] = {}
        for recorded, event in told:
            if isinstance(event, DossierEntryRecorded | DossierEntryCorrected):
                key = (event.person_ref, event.entry)
                rows[key] = changed[key] = _row(rows.get(key), recorded, event)
        upsert_rows(connection, table, changed.values())
        # A file that has ended takes no entries, so that these come last, in their order.
        for _, event in told:
            if isinstance(event, PersonMerged):
                connection.execute(update(table).where(table.c.owner_ref == event.person_ref).values(owner_ref=event.into))
            elif isinstance(event, PersonErased):
                connection.execute(delete(table).where(table.c.owner_ref == event.person_ref))


def _row(before: Row | None, recorded: Recorded, event: DossierEntryRecorded | DossierEntryCorrected) -> Row:
    return {
        "person_ref": event.person_ref,
        "entry": event.entry,
        "owner_ref": event.person_ref,
        "section": event.section,
        "recorded_on": recorded.effective_on if before is None else before["recorded_on"],
        "changed_on": recorded.effective_on,
        "versions": 1 if before is None else before["versions"] + 1,
        "attachments": canonical_text([attachment.model_dump(mode="json") for attachment in event.attachments]),
        "event_id": recorded.event_id,
    }


def dossier(connection: Connection, person_ref: str, section: DossierSection | None = None) -> list[dict[str, Any]]:
    """The entries of a person, or of one section, in the order of their first day; with those of files merged into theirs."""
    table = dossier_entry
    query = select(table).where(table.c.owner_ref == person_ref)
    if section is not None:
        query = query.where(table.c.section == section)
    ordered = query.order_by(table.c.recorded_on, table.c.person_ref, table.c.entry)
    return [{**row._mapping, "attachments": orjson.loads(row.attachments)} for row in connection.execute(ordered)]
