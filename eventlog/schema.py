"""The log's tables, the same on SQLite and PostgreSQL.

``event``, ``inbox`` and ``receipt`` are append-only: triggers refuse UPDATE, DELETE and TRUNCATE, and the runtime role has
INSERT and SELECT only on them. Times are fixed-width ISO 8601 text, UTC with microseconds: what is stored is what is hashed.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from contracts.base import (
    ACTOR_CHARS_MAX,
    BROKER_NAME_CHARS_MAX,
    CAUSATION_CHARS_MAX,
    DAY_CHARS,
    DIGEST_CHARS,
    EVENT_ID_CHARS,
    INSTANT_CHARS,
    MESSAGE_ID_CHARS_MAX,
    NEED_CHARS_MAX,
    PERSON_REF_CHARS,
    STATE_CHARS_MAX,
    STREAM_CHARS_MAX,
    SUBJECT_CHARS_MAX,
    TYPE_CHARS_MAX,
    WORD_CHARS_MAX,
)
from eventlog.columns import hold_alike, widen

__all__ = [
    "APPEND_ONLY",
    "ahead",
    "append_only_names",
    "create_log_tables",
    "event",
    "forgetting",
    "heard",
    "held",
    "inbox",
    "log_head",
    "metadata",
    "parked",
    "protect_append_only",
    "receipt",
    "receipt_message_id",
    "reconciled",
    "relay_cursor",
    "release_append_only",
    "sent",
]

metadata = MetaData()

log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("log", String(WORD_CHARS_MAX), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("receipt_position", BigInteger, nullable=False),
    Column("recorded_at", String(INSTANT_CHARS), nullable=False),
    Column("partitions", Text, nullable=False, comment="last position of each partition, comma separated"),
    Column("frontier", Text, nullable=False, comment="RFC 6962 full subtree roots, hex, largest first"),
    Column("root", String(DIGEST_CHARS), nullable=False),
    CheckConstraint("id = 1", name="log_head_single_row"),
    comment="One row: the end of the log, and the lock that every append takes.",
)

event = Table(
    "event",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", String(STREAM_CHARS_MAX), nullable=False),
    Column("version", Integer, nullable=False),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False, unique=True),
    Column("type", String(TYPE_CHARS_MAX), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("previous", BigInteger, nullable=False),
    Column("effective_on", String(DAY_CHARS), nullable=False),
    Column("recorded_at", String(INSTANT_CHARS), nullable=False),
    Column("correlation_id", String(MESSAGE_ID_CHARS_MAX), nullable=False),
    Column("causation_id", String(CAUSATION_CHARS_MAX), nullable=True),
    Column("actor", String(ACTOR_CHARS_MAX), nullable=False),
    Column("data", Text, nullable=False, comment="canonical JSON (RFC 8785), the bytes that are hashed and published"),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    UniqueConstraint("stream", "version", name="event_stream_version"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("origin", String(ACTOR_CHARS_MAX), primary_key=True, comment="a source, or the service of an event"),
    Column("message_id", String(CAUSATION_CHARS_MAX), primary_key=True),
    Column("content", LargeBinary(32), nullable=False, comment="SHA-256 of what the message says"),
    Column("outcome", String(STATE_CHARS_MAX), nullable=False),
    Column("sequence", BigInteger, nullable=False, comment="where the message stood on its stream"),
    Column("recorded_at", String(INSTANT_CHARS), nullable=False),
    Column("event_id", String(EVENT_ID_CHARS), nullable=True),
    Column("stream", String(STREAM_CHARS_MAX), nullable=True),
    Column("receipt_position", BigInteger, nullable=True, comment="the answer, given again if the message comes again"),
)

receipt = Table(
    "receipt",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("source", String(ACTOR_CHARS_MAX), nullable=False),
    Column("outcome", String(STATE_CHARS_MAX), nullable=False),
    Column("recorded_at", String(INSTANT_CHARS), nullable=False),
    Column("data", Text, nullable=False),
)

held = Table(
    "held",
    metadata,
    Column("hold_id", String(EVENT_ID_CHARS), primary_key=True),
    Column("need", String(NEED_CHARS_MAX), nullable=False, index=True, comment="what it waits for"),
    Column("origin", String(ACTOR_CHARS_MAX), nullable=False),
    Column("message_id", String(CAUSATION_CHARS_MAX), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("subject", String(SUBJECT_CHARS_MAX), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("since", String(INSTANT_CHARS), nullable=False),
    Column("until", String(INSTANT_CHARS), nullable=False, index=True),
    UniqueConstraint("origin", "message_id", name="held_message"),
    comment="Messages that wait for what they need.",
)

parked = Table(
    "parked",
    metadata,
    Column("parked_id", String(EVENT_ID_CHARS), primary_key=True, comment="id of the message-parked event"),
    Column("origin", String(ACTOR_CHARS_MAX), nullable=False),
    Column("message_id", String(CAUSATION_CHARS_MAX), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("subject", String(SUBJECT_CHARS_MAX), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("code", String(BROKER_NAME_CHARS_MAX), nullable=False),
    Column("problem", Text, nullable=False),
    Column("blocks", String(STREAM_CHARS_MAX), nullable=True, index=True),
    Column("parked_at", String(INSTANT_CHARS), nullable=False),
    comment="Messages that an operator must look at. A row goes when the message is retried or discarded.",
)

relay_cursor = Table(
    "relay_cursor",
    metadata,
    Column("name", String(BROKER_NAME_CHARS_MAX), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

reconciled = Table(
    # A table of its own beside "reconciled" of version 0.1, which lacks last_id and holes: nothing needs to be altered.
    "compared",
    metadata,
    Column("stream", String(BROKER_NAME_CHARS_MAX), primary_key=True),
    Column("created", String(BROKER_NAME_CHARS_MAX), nullable=False, comment="when the broker's stream was made"),
    Column("sequence", BigInteger, nullable=False, comment="messages up to here were read back"),
    Column(
        "last_id",
        String(BROKER_NAME_CHARS_MAX),
        nullable=False,
        comment="id of the message at that place",
    ),
    Column("position", BigInteger, nullable=False, comment="events up to here are known to be on the stream"),
    Column("holes", BigInteger, nullable=False, comment="messages that are known to be gone, and were published again"),
    comment="How far the stream has been compared with the log.",
)

heard = Table(
    "heard",
    metadata,
    Column("log", String(WORD_CHARS_MAX), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
    comment="How far another service's events were heard, by partition; the back pointer of the next must equal it.",
)

ahead = Table(
    "ahead",
    metadata,
    Column("log", String(WORD_CHARS_MAX), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("previous", BigInteger, nullable=False),
    Column("subject", String(SUBJECT_CHARS_MAX), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("since", String(INSTANT_CHARS), nullable=False),
    comment="Events heard after a gap. They wait here, in order, until the missing one comes.",
)

sent = Table(
    "sent",
    metadata,
    Column("source", String(ACTOR_CHARS_MAX), primary_key=True),
    Column("day", Integer, nullable=False, comment="of UTC, days since 1970"),
    Column("day_bytes", BigInteger, nullable=False),
    Column("second", BigInteger, nullable=False, comment="since 1970"),
    Column("in_second", Integer, nullable=False, comment="messages of that second"),
    Column("beyond", Integer, nullable=False, comment="messages of that day that went beyond the quota"),
    Column("until_sequence", BigInteger, nullable=False),
    Column("until_ns", BigInteger, nullable=False),
    comment="How much each source has sent, for its quota.",
)

forgetting = Table(
    "forgetting",
    metadata,
    Column("ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("since", String(INSTANT_CHARS), nullable=False),
    comment="Who was erased elsewhere, until what names them is gone here.",
)

Index("parked_message", parked.c.origin, parked.c.message_id, unique=True)
hold_alike(metadata)

APPEND_ONLY = (event, inbox, receipt)


def create_log_tables(connection: Connection) -> None:
    """Create what is missing and the triggers that keep the log append-only. Safe to repeat."""
    metadata.create_all(connection)
    widen(connection, metadata.tables.values())
    # What became of a message is looked up by its id. An index on what stands in the receipt needs no further column.
    expression = receipt_message_id(connection)
    connection.execute(text(f"CREATE INDEX IF NOT EXISTS receipt_message ON receipt (source, ({expression}))"))
    protect_append_only(connection, *(table.name for table in APPEND_ONLY))


def receipt_message_id(connection: Connection) -> str:
    """The expression of a receipt's message id. PostgreSQL indexes no cast to JSON; canonical JSON has one top-level ``id``,
    and before it only times and ids of events."""
    if connection.dialect.name == "sqlite":
        return "json_extract(data, '$.id')"
    return """substring(data from '"id":"([^"]*)"')"""


def protect_append_only(connection: Connection, *names: str) -> None:
    """Make the database itself refuse UPDATE, DELETE and TRUNCATE on these tables."""
    if connection.dialect.name == "sqlite":
        for name in names:
            for act in ("UPDATE", "DELETE"):
                connection.execute(
                    text(
                        f"CREATE TRIGGER IF NOT EXISTS {name}_no_{act.lower()} BEFORE {act} ON {name} "
                        f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
                    )
                )
        return
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    )
    for name in names:
        connection.execute(
            text(
                f"CREATE OR REPLACE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        )


def release_append_only(connection: Connection, *names: str) -> None:
    """Take that protection away, to rebuild a read model in the same transaction. Needs the owner's rights."""
    for name in names:
        if connection.dialect.name == "sqlite":
            for act in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}_no_{act}"))
        else:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}_append_only ON {name}"))


def append_only_names(connection: Connection) -> set[str]:
    """The tables of the current schema that are protected, on PostgreSQL."""
    query = text(
        "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() AND t.tgname = c.relname || '_append_only' AND NOT t.tgisinternal"
    )
    return set(connection.scalars(query))
