"""Many rows written over those with the same key, in one statement whatever their number.

On PostgreSQL as one JSON parameter: measured with 500 rows of four columns, 8 µs a row and 1 µs of our own time, where a
parameter for each value took 30 µs and 7 (psycopg's executemany).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Integer, Table

__all__ = ["upsert_rows", "upsert_tuples"]


def upsert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """``upsert_tuples`` for rows by column name."""
    names = [column.name for column in table.columns]
    upsert_tuples(connection, table, [tuple([row[name] for name in names]) for row in rows])


def upsert_tuples(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert whole rows, in the order of the table's columns, or put them in place of those with the same key.

    No two rows may have one key. Values: text, integer or None.
    """
    if not rows:
        return
    on_postgresql = connection.dialect.name == "postgresql"
    statement = _statement(table, on_postgresql)
    if on_postgresql:
        # The encoder takes plain text only, and SQLAlchemy's names are of a kind of their own.
        names = [str(column.name) for column in table.columns]
        each = [dict(zip(names, row, strict=True)) for row in rows]
        connection.exec_driver_sql(statement, (orjson.dumps(each).decode(),))
    else:
        connection.exec_driver_sql(statement, list(rows))


@lru_cache(maxsize=64)
def _statement(table: Table, on_postgresql: bool) -> str:
    names = [f'"{column.name}"' for column in table.columns]
    key = [f'"{column.name}"' for column in table.primary_key.columns]
    if on_postgresql:
        shape = ", ".join(f'"{column.name}" {_json_type(column)}' for column in table.columns)
        values = f"SELECT * FROM json_to_recordset(%s::json) AS given ({shape})"
    else:
        values = f"VALUES ({', '.join('?' * len(names))})"
    sets = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    return f'INSERT INTO "{table.name}" ({", ".join(names)}) {values} ON CONFLICT ({", ".join(key)}) DO UPDATE SET {sets}'


def _json_type(column: Column[Any]) -> str:
    return "bigint" if isinstance(column.type, Integer) else "text"
