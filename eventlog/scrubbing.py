"""Making deleted rows unreadable: a deletion alone leaves their bytes in the database's files, where a stolen disk has them.

SQLite: ``PRAGMA secure_delete`` (set by ``eventlog.database``) writes zeros over a deleted row; the write-ahead log still has
the pages as they were, so it is written back and cut to nothing. PostgreSQL: VACUUM moves the rows of a page together and
leaves copies in the gap (measured on 18.4: 21 of 429 deleted keys were still in the file), so the tables are written anew by
VACUUM FULL. Their files then hold nothing; the server's own write-ahead log does, until it is written over or removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Table, text

from eventlog.database import Database

__all__ = ["BytesRemain", "WalHorizon", "scrub", "scrub_history", "wal_horizon"]

SCRUB_LOCK_WAIT_SECONDS = 2
"""Readers and writers wait as long as this does; then it is tried again later."""
SCRUB_SECONDS_MAX = 300
SCRUBBED_VERSION = 1
"""SQLite's ``user_version`` of a file in which nothing was deleted without ``secure_delete``."""


class BytesRemain(RuntimeError):
    """What was deleted can still be found in the database's files. The text says why, and what to do."""


def scrub(database: Database, tables: Sequence[Table]) -> None:
    """Make what was deleted from these tables unreadable in the database's files. Safe to repeat.

    Not within a transaction. Raises BytesRemain, and whatever a database raises that is away.
    """
    if database.write.dialect.name == "postgresql":
        _rewrite(database.write, tables)
    else:
        _cut_log(database.write)


def _rewrite(engine: Engine, tables: Sequence[Table]) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()  # Its limits are its own, and end with it.
        connection.exec_driver_sql(f"SET lock_timeout = '{SCRUB_LOCK_WAIT_SECONDS}s'")
        connection.exec_driver_sql(f"SET statement_timeout = '{SCRUB_SECONDS_MAX}s'")
        quote = connection.dialect.identifier_preparer.quote
        for table in tables:
            # Without the right, VACUUM warns and does nothing.
            if not _may_rewrite(connection, table.name):
                raise BytesRemain(
                    f"this role may not VACUUM table {table.name}; run `hongling provision --runtime-role …` again "
                    "(PostgreSQL 17 or newer)"
                )
            connection.exec_driver_sql(f"VACUUM (FULL) {quote(table.name)}")


def _may_rewrite(connection: Connection, name: str) -> bool:
    owns = "SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = to_regclass(:name)"
    if connection.execute(text(owns), {"name": name}).scalar_one_or_none():
        return True
    if connection.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one() < 170000:
        return False
    return bool(connection.execute(text("SELECT has_table_privilege(:name, 'MAINTAIN')"), {"name": name}).scalar_one())


def _cut_log(engine: Engine) -> None:
    raw = engine.raw_connection()
    raw.detach()
    try:
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout={SCRUB_LOCK_WAIT_SECONDS * 1000}")
        busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        cursor.close()
    finally:
        raw.close()
    if busy:
        raise BytesRemain("somebody is reading the database, so its write-ahead log cannot be cut yet")


def scrub_history(database: Database) -> None:
    """Once for each SQLite file: write it anew, since what was deleted before ``secure_delete`` was on is in free pages."""
    if database.write.dialect.name != "sqlite":
        return
    raw = database.write.raw_connection()
    try:
        cursor = raw.cursor()
        if cursor.execute("PRAGMA user_version").fetchone()[0] < SCRUBBED_VERSION:
            cursor.execute("VACUUM")
            cursor.execute(f"PRAGMA user_version={SCRUBBED_VERSION}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()
    finally:
        raw.close()


@dataclass(frozen=True, slots=True)
class WalHorizon:
    """Where PostgreSQL's own log can still hold what was deleted: in its files up to this one, and in the archive of them.

    recycled: old files are not removed but kept under a new name, with their bytes, until they are written over.
    """

    file: str
    recycled: bool
    archived: bool


def wal_horizon(connection: Connection) -> WalHorizon | None:
    """As it stands now; None on SQLite, whose log has been cut."""
    if connection.dialect.name != "postgresql":
        return None
    query = text(
        "SELECT pg_walfile_name(pg_current_wal_lsn()), current_setting('wal_recycle')::bool, "
        "current_setting('archive_mode') <> 'off'"
    )
    return WalHorizon(*connection.execute(query).one())
