"""Both databases refuse alike what a column cannot hold."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from contracts.base import INTEGER_MAX
from eventlog.columns import hold_alike, widen
from eventlog.database import Database
from eventlog.inbox.failures import Failure, failure_of, is_conflict

_made = MetaData()
narrow = Table(
    "narrow",
    _made,
    Column("order", Integer, primary_key=True, autoincrement=False),
    Column("name", String(3), nullable=True),
    Column("says", Text, nullable=True),
    Column("fen", BigInteger, nullable=True),
)
hold_alike(_made)
hold_alike(_made)


def put(database: Database, **row: Any) -> Any:
    """What stands in the row afterwards."""
    with database.write.begin() as connection:
        connection.execute(insert(narrow), [{"order": 1, "name": None, "says": None, "fen": None, **row}])
        return connection.execute(select(narrow).where(narrow.c.order == row.get("order", 1))).one()._asdict()


@pytest.fixture
def made(database: Database) -> Database:
    with database.write.begin() as connection:
        _made.create_all(connection)
    return database


@pytest.mark.parametrize(
    "row",
    [
        {"name": "abcd"},
        {"name": "书记们员"},
        {"name": "a\x00"},
        {"name": "\x00"},
        {"name": "ab\x00cdefg"},
        {"says": "a\x00b"},
        {"order": INTEGER_MAX + 1},
        {"order": -INTEGER_MAX - 2},
        {"order": 2**63},
        {"fen": 2**63},
        {"fen": 10**30},
    ],
)
def test_what_a_column_cannot_hold_is_refused(made: Database, row: dict[str, Any]) -> None:
    """As what one message says, which is isolated: neither an outage nor somebody else's work at the same moment."""
    with pytest.raises((DBAPIError, OverflowError, ValueError)) as caught:
        put(made, **row)
    assert failure_of(caught.value) is Failure.MESSAGE
    assert not is_conflict(caught.value)


@pytest.mark.parametrize(
    "row",
    [{"name": "abc"}, {"name": "书记员"}, {"name": "😀😀😀"}, {"name": ""}, {"says": "x" * 100_000}, {"order": INTEGER_MAX},
     {"order": -INTEGER_MAX - 1}, {"fen": 2**63 - 1}, {"name": None}],
)  # fmt: skip
def test_what_it_can_hold_is_kept(made: Database, row: dict[str, Any]) -> None:
    """Characters count, not bytes."""
    assert put(made, **row).items() >= row.items()


def test_tables_of_an_earlier_version_stand_and_are_made_wider(database: Database) -> None:
    """Creating them again fails on neither database; PostgreSQL's text columns take what they are declared to take."""
    with database.write.begin() as connection:
        columns = '"order" INTEGER PRIMARY KEY, name VARCHAR(2), says VARCHAR(2), fen BIGINT'
        connection.execute(text(f"CREATE TABLE narrow ({columns})"))
        connection.execute(text("INSERT INTO narrow VALUES (7, 'ab', 'cd', 5)"))
    for _ in range(2):
        with database.write.begin() as connection:
            _made.create_all(connection)
            widen(connection, _made.tables.values())
    assert put(database, name="abc", says="long text", order=8)["says"] == "long text"
    with database.read.connect() as connection:
        assert [row.name for row in connection.execute(select(narrow).order_by(narrow.c.order))] == ["ab", "abc"]
        if connection.dialect.name == "postgresql":
            there = {column["name"]: column["type"] for column in inspect(connection).get_columns("narrow")}
            assert str(there["name"]) == "VARCHAR(3)"
            assert isinstance(there["says"], Text)
