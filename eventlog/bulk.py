"""Many rows at a time: written with the driver's own parameters, and asked for in one statement whatever their number.

Every value written must be of a plain type: text, bytes, integer or None.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ARRAY, Column, ColumnElement, Connection, Table, Text, any_, bindparam, func, select
from sqlalchemy.exc import DBAPIError

__all__ = ["bulk_insert", "bulk_upsert", "insert_tuples", "one_of"]

COPY_ROWS_MIN = 32
"""Below, a COPY's further round trip costs more than it saves."""


def one_of(connection: Connection, column: Column[Any], values: Collection[str | int]) -> ColumnElement[bool]:
    """The condition that a column holds one of these values, as a single parameter.

    ``column.in_`` makes a parameter of each value: with hundreds, putting the statement together takes longer than running it.
    """
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(values), ARRAY(column.type), unique=True))
    each = func.json_each(bindparam(None, orjson.dumps(list(values)).decode(), Text, unique=True)).table_valued("value")
    return column.in_(select(each.c.value))


@lru_cache(maxsize=256)
def _statement(table: Table, paramstyle: str, names: tuple[str, ...], added: tuple[str, ...] | None) -> str:
    places = {"qmark": "?", "format": "%s", "pyformat": "%s"}[paramstyle]
    text = f'INSERT INTO "{table.name}" ({_quoted(names)}) VALUES ({", ".join([places] * len(names))})'
    if added is None:
        return text
    key = [column.name for column in table.primary_key.columns]
    sets = [
        f'"{name}" = "{table.name}"."{name}" + excluded."{name}"' if name in added else f'"{name}" = excluded."{name}"'
        for name in names
        if name not in key
    ]
    return f"{text} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(sets)}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def bulk_insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns."""
    if rows:
        insert_tuples(connection, table, tuple(rows[0]), [tuple(row.values()) for row in rows])


def insert_tuples(connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of these columns. Many go into PostgreSQL by COPY."""
    if not rows:
        return
    if connection.dialect.name == "postgresql" and len(rows) >= COPY_ROWS_MIN:
        _copy(connection, f'COPY "{table.name}" ({_quoted(names)}) FROM STDIN', rows)
    else:
        connection.exec_driver_sql(_statement(table, connection.dialect.paramstyle, names, None), list(rows))


def _copy(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    import psycopg

    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    try:
        with raw.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        # As the expression language would have raised it: whoever calls tells conflicts from outages by these types.
        raise DBAPIError.instance(statement, None, error, psycopg.Error, dialect=connection.dialect) from error


def bulk_upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], added: tuple[str, ...] = ()) -> None:
    """Insert rows, or put them in place of those with the same key. added: columns whose values are added up instead."""
    if rows:
        statement = _statement(table, connection.dialect.paramstyle, tuple(rows[0]), added)
        connection.exec_driver_sql(statement, [tuple(row.values()) for row in rows])
