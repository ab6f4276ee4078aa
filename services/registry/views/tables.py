"""The tables of the registry's read models. Every one is made from the log alone, and made again from it at any time.

Days are text, ``YYYY-MM-DD``. Nobody's identity is in any of them. On SQLite the large ones stand in the order of their key
(``WITHOUT ROWID``): reading the files of 100 workers out of a million takes half the time.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from contracts.base import (
    DAY_CHARS,
    DIVISION_CHARS,
    EVENT_ID_CHARS,
    KEY_CHARS_MAX,
    PERSON_REF_CHARS,
    SHORT_TEXT_CHARS_MAX,
    SLOT_CHARS_MAX,
    SOURCED_KEY_CHARS_MAX,
    STATE_CHARS_MAX,
    WORD_CHARS_MAX,
)
from eventlog.columns import hold_alike

__all__ = [
    "FOREVER",
    "application",
    "certificate_holder",
    "dossier_entry",
    "fact_on_file",
    "file_end",
    "inspection",
    "inspection_result",
    "standing",
    "unit",
    "view_metadata",
    "worker",
]

FOREVER = "9999-12-31"
"""The last day of what has no end yet."""

view_metadata = MetaData()

# --- facts of people ----------------------------------------------------------------------------------------------------

fact_on_file = Table(
    "fact_on_file",
    view_metadata,
    Column("event_id", String(EVENT_ID_CHARS), primary_key=True),
    Column("person_ref", String(PERSON_REF_CHARS), nullable=False),
    Column("kind", String(WORD_CHARS_MAX), nullable=False),
    Column("effective_on", String(DAY_CHARS), nullable=False),
    Column("particulars", Text, nullable=False, comment="canonical JSON"),
    comment="Every fact and correction that was recorded, whether it stands or not. No identity.",
    sqlite_with_rowid=False,
)

standing = Table(
    "standing",
    view_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("slot", String(SLOT_CHARS_MAX), primary_key=True),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False),
    Column("contradicted_by", Text, nullable=False, comment="event ids, comma separated; empty: no conflict"),
    comment="Which fact stands in which slot of a worker's file, and what contradicts it.",
    sqlite_with_rowid=False,
)

worker = Table(
    "worker",
    view_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("first_day", String(DAY_CHARS), primary_key=True),
    Column("last_day", String(DAY_CHARS), nullable=False, comment=f"{FOREVER}: no end is known"),
    Column("division", String(DIVISION_CHARS), nullable=False, comment="empty: nothing stands of the registration"),
    Column("status", String(STATE_CHARS_MAX), nullable=False, comment="open, closed, merged, erased"),
    Column("grade", String(WORD_CHARS_MAX), nullable=False, comment="of a valid or suspended certificate; empty: none"),
    Column("certificate", String(KEY_CHARS_MAX), nullable=False, comment="its number, or that of the last one; empty: none"),
    Column("certificate_state", String(STATE_CHARS_MAX), nullable=False),
    comment="Registration and certificate by periods of days on which both stay as they are: a register for any day.",
    sqlite_with_rowid=False,
)
# With both days, so that who was inspected can be asked of a whole city without looking at the rows.
Index("worker_status", worker.c.status, worker.c.division, worker.c.person_ref, worker.c.first_day, worker.c.last_day)
Index("worker_grade", worker.c.grade, worker.c.division, worker.c.person_ref)

file_end = Table(
    "file_end",
    view_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("status", String(STATE_CHARS_MAX), nullable=False, comment="merged or erased"),
    Column("ended_on", String(DAY_CHARS), nullable=False),
    Column("into_ref", String(PERSON_REF_CHARS), nullable=True, index=True, comment="merged: as whom the person goes on"),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False),
    comment="Files that take nothing more.",
)

certificate_holder = Table(
    "certificate_holder",
    view_metadata,
    Column("number", String(KEY_CHARS_MAX), primary_key=True),
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("stands", Integer, nullable=False, comment="0: the fact was withdrawn or corrected away, or went to another file"),
    Column("issuer", String(DIVISION_CHARS), nullable=False),
    Column("grade", String(WORD_CHARS_MAX), nullable=False, comment="at issue"),
    Column("issued_on", String(DAY_CHARS), nullable=False),
    Column("expires_on", String(DAY_CHARS), nullable=True),
    Column("series", String(11), nullable=False, comment="<issuer>-<year> of a number of our own kind; empty: another kind"),
    Column("serial", Integer, nullable=False, comment="of such a number; else 0"),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False),
    comment="Who holds the certificate of a number. A number that was ever used stays, so that no serial is given twice.",
    sqlite_with_rowid=False,
)
Index("certificate_holder_serial", certificate_holder.c.series, certificate_holder.c.serial)

inspection_result = Table(
    "inspection_result",
    view_metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("outcome", String(STATE_CHARS_MAX), nullable=False, comment="passed, failed, missed"),
    comment="The standing result of each annual inspection.",
    sqlite_with_rowid=False,
)

# --- certification and dossier --------------------------------------------------------------------------------------------

application = Table(
    "application",
    view_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("application", String(SOURCED_KEY_CHARS_MAX), primary_key=True, comment="<source>/<key>"),
    Column("grade", String(WORD_CHARS_MAX), nullable=False),
    Column("issuer", String(DIVISION_CHARS), nullable=False),
    Column("standard", String(EVENT_ID_CHARS), nullable=False, comment="event that published the standard it is judged by"),
    Column("promotes", String(KEY_CHARS_MAX), nullable=True),
    Column("applied_on", String(DAY_CHARS), nullable=False),
    Column("stage", String(STATE_CHARS_MAX), nullable=False, comment="the stage that was passed last, or concluded"),
    Column("since", String(DAY_CHARS), nullable=False, comment="the day on which it was"),
    Column("ends_on", String(DAY_CHARS), nullable=True, comment="last day of the notice, as it was computed last"),
    Column("objections", Integer, nullable=False, comment="open ones; the notice stands still meanwhile"),
    Column("due_on", String(DAY_CHARS), nullable=True, comment="ends_on, while the notice is running"),
    Column("outcome", String(STATE_CHARS_MAX), nullable=True, comment="granted, rejected, withdrawn"),
    Column("ended_in", String(STATE_CHARS_MAX), nullable=True, comment="the stage in which it was concluded"),
    Column("certificate", String(KEY_CHARS_MAX), nullable=True),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False, comment="that was the last one"),
    comment="Where each application for certification stands.",
    sqlite_with_rowid=False,
)
Index(
    "application_stage",
    application.c.stage,
    application.c.issuer,
    application.c.since,
    application.c.person_ref,
    application.c.application,
)
Index(
    "application_due",
    application.c.due_on,
    application.c.person_ref,
    application.c.application,
    sqlite_where=application.c.due_on.is_not(None),
    postgresql_where=application.c.due_on.is_not(None),
)

dossier_entry = Table(
    "dossier_entry",
    view_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True, comment="in whose file it was recorded"),
    Column("entry", String(SOURCED_KEY_CHARS_MAX), primary_key=True, comment="<source>/<key>"),
    Column(
        "owner_ref",
        String(PERSON_REF_CHARS),
        nullable=False,
        index=True,
        comment="after a merger",
    ),
    Column("section", String(STATE_CHARS_MAX), nullable=False),
    Column("recorded_on", String(DAY_CHARS), nullable=False, comment="effective day of the first version"),
    Column("changed_on", String(DAY_CHARS), nullable=False, comment="effective day of the latest version"),
    Column("versions", Integer, nullable=False),
    Column("attachments", Text, nullable=False, comment="of the latest version: canonical JSON of sha256, media_type, size"),
    Column(
        "event_id",
        String(EVENT_ID_CHARS),
        nullable=False,
        comment="the latest version",
    ),
    comment="What a dossier holds, without what it says. The rows of a person go when the person is erased.",
)

# --- units and inspections ------------------------------------------------------------------------------------------------

unit = Table(
    "unit",
    view_metadata,
    Column("unit", String(SOURCED_KEY_CHARS_MAX), primary_key=True, comment="<source>/<key>"),
    Column("title", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("credit_code", String(18), nullable=True, index=True),
    Column("parent", String(SOURCED_KEY_CHARS_MAX), nullable=True, index=True),
    Column("since", String(DAY_CHARS), nullable=False, comment="effective day of what is known of it now"),
    Column("closed_on", String(DAY_CHARS), nullable=True, comment="null: it is open"),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False),
)
Index("unit_division", unit.c.division, unit.c.unit)

inspection = Table(
    "inspection",
    view_metadata,
    Column("division", String(DIVISION_CHARS), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("opened_on", String(DAY_CHARS), nullable=False),
    Column("closes_on", String(DAY_CHARS), nullable=False, comment="its last day, as announced"),
    Column("closed_on", String(DAY_CHARS), nullable=True, comment="null: it is open"),
    Column("rest", String(STATE_CHARS_MAX), nullable=True, comment="recorded at the closing for the rest"),
    Column("items", Text, nullable=False, comment="comma separated"),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False, comment="that opened it"),
    comment="Annual inspections, opened and closed.",
)
hold_alike(view_metadata)
