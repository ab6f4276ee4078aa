"""What the queries of several read models share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, select, tuple_

from eventlog.bulk import one_of

__all__ = ["below", "page_below", "rows_of"]

ROWS_OF_QUERY_MAX = 1_000


def below(column: Column[Any], division: str | None) -> tuple[ColumnElement[bool], ...]:
    """The conditions that a column holds a division or one below it, as a range that an index can follow. None: any division.

    A province ``320000`` ends with ``329999``, a city ``320100`` with ``320199`` (GB/T 2260).
    """
    if division is None:
        return ()
    kept = division.removesuffix("00").removesuffix("00")
    return (column >= division, column <= kept.ljust(6, "9"))


def page_below(
    order: Sequence[Column[Any]], division: str | None, after: tuple[Any, ...] | None
) -> tuple[ColumnElement[bool], ...]:
    """``below`` for the first of the columns that pages are ordered by, from the row on that follows ``after``.

    Then without the lower bound, which says nothing more: SQLite takes only one of two, and reading a late page took as long as
    reading all before it.
    """
    if after is None or (division is not None and after[0] < division):
        return below(order[0], division)
    return (*below(order[0], division)[1:], tuple_(*order) > after)


def rows_of(
    connection: Connection, table: Table, column: Column[Any], values: Collection[str]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a table in which a column holds one of these values, by their primary key."""
    names = [key.name for key in table.primary_key.columns]
    ordered = sorted(values)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for start in range(0, len(ordered), ROWS_OF_QUERY_MAX):
        query = select(table).where(one_of(connection, column, ordered[start : start + ROWS_OF_QUERY_MAX]))
        for row in connection.execute(query):
            found[tuple(row._mapping[name] for name in names)] = dict(row._mapping)
    return found
