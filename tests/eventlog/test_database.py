"""Engines are safe: a build of SQLite that can corrupt is refused, commits are durable."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from eventlog import database as module
from eventlog.database import Database, DatabaseMissing, sqlite_module


def test_sqlite_is_new_enough_to_be_safe() -> None:
    """The driver that is used has a build that cannot corrupt a write-ahead log."""
    assert sqlite_module().sqlite_version_info >= (3, 51, 3)


def test_an_old_sqlite_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not used in the hope that nothing happens."""
    monkeypatch.setattr(module, "SQLITE_SAFE", (99, 0, 0))
    with pytest.raises(DatabaseMissing, match="install pysqlite3"):
        sqlite_module()


def test_sqlite_commits_are_durable_and_readers_do_not_wait(sqlite_url: str, open_database: Callable[[str], Database]) -> None:
    """Write-ahead log and a full sync for the writer."""
    database = open_database(sqlite_url)
    with database.write.begin() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2


def test_a_reader_sees_what_was_committed_while_a_writer_is_at_work(database: Database) -> None:
    """On both databases, without waiting for the writer."""
    with database.write.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    with database.write.begin() as writer:
        writer.execute(text("INSERT INTO t VALUES (1)"))
        with database.read.connect() as reader:
            assert reader.execute(text("SELECT count(*) FROM t")).scalar_one() == 0
    with database.read.connect() as reader:
        assert reader.execute(text("SELECT count(*) FROM t")).scalar_one() == 1
