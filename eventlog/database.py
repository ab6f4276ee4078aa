"""Engines for the two databases, set up so that a commit is durable and a writer never deadlocks a reader."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import QueuePool

from eventlog.box import OPTION, Box

__all__ = ["SQLITE_SAFE", "Database", "DatabaseMissing", "open_engine", "sqlite_module"]

SQLITE_SAFE = (3, 51, 3)
"""Older builds can corrupt a write-ahead log that two connections use."""

LOCK_WAIT_SECONDS = 10
WRITER_CACHE_KIB = 8_192
READER_CACHE_KIB = 4_096
"""SQLite's page cache of each connection. Readers have several, and look mostly at what was just written."""
STATEMENT_SECONDS_MAX = 15
"""A statement of a service that takes longer is broken off and tried again; with the connection's own time-outs this stays
below the consumers' ack_wait of 30 s."""


class Database:
    """A service's store: ``write`` takes its lock at BEGIN, ``read`` never takes one and cannot change anything.

    box: what seals the bytes of messages that are set aside, and opens them; without it they are kept as they came, and what is
    sealed cannot be read.
    """

    def __init__(self, url: str, box: Box | None = None) -> None:
        self.write = open_engine(url)
        self.read = open_engine(url, readonly=True)
        for engine in (self.write, self.read):
            engine.update_execution_options(**{OPTION: box})

    def close(self) -> None:
        self.write.dispose()
        self.read.dispose()


class DatabaseMissing(RuntimeError):
    """The database, or its tables, are not there. The text says which and what to run."""


def sqlite_module() -> Any:
    """Return a DB-API module whose SQLite is safe with several connections, or raise DatabaseMissing."""
    candidates: list[Any] = []
    try:
        import pysqlite3.dbapi2 as newer

        candidates.append(newer)
    except ImportError:
        pass
    candidates.append(sqlite3)
    for module in candidates:
        if module.sqlite_version_info >= SQLITE_SAFE:
            return module
    found = candidates[0].sqlite_version
    raise DatabaseMissing(f"SQLite {found} is too old to be safe; install pysqlite3 with SQLite 3.51.3 or newer")


def open_engine(url: str, *, readonly: bool = False) -> Engine:
    """Open ``sqlite:///path`` or ``postgresql+psycopg://…``. Opening connects to nothing yet.

    SQLite: write-ahead log, ``synchronous=FULL``; a writer takes its lock at BEGIN, so it never fails half-way.
    PostgreSQL: one statement snapshot at a time (READ COMMITTED), which the lock on ``log_head`` relies on.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=4,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": 5,
                "application_name": "hongling",
                "tcp_user_timeout": STATEMENT_SECONDS_MAX * 1000,
                # Reading commands (a statement, a replay) may take their time.
                "options": "" if readonly else f"-c statement_timeout={STATEMENT_SECONDS_MAX}s",
            },
            execution_options={"postgresql_readonly": readonly},
        )
    module = sqlite_module()
    engine = create_engine(
        parsed,
        module=module,
        poolclass=QueuePool,
        pool_size=4,
        connect_args={"timeout": LOCK_WAIT_SECONDS, "check_same_thread": False},
    )
    begin = "BEGIN" if readonly else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling starts transactions late; BEGIN is sent below instead.
        connection.isolation_level = None
        cursor = connection.cursor()
        if readonly:
            cursor.execute("PRAGMA query_only=ON")
        else:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            # What is deleted is written over with zeros: see ``eventlog.scrubbing``.
            cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute(f"PRAGMA cache_size=-{READER_CACHE_KIB if readonly else WRITER_CACHE_KIB}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
