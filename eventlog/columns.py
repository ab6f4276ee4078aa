"""Columns that both databases hold to the same bounds.

PostgreSQL refuses a text that is longer than its column, a text with U+0000 and an integer beyond 32 bits; SQLite takes all of
them. So SQLite's tables get CHECK constraints that say the same: what one database refuses, the other refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    func,
    inspect,
    text,
)

from contracts.base import INTEGER_MAX

__all__ = ["hold_alike", "widen"]


def hold_alike(metadata: MetaData) -> None:
    """Give each table what SQLite lacks. To be called when the tables of the metadata are declared; safe to repeat."""
    for table in metadata.tables.values():
        held = {constraint.name for constraint in table.constraints}
        for column in table.columns:
            bounds, name = list(_bounds(column, column.type)), f"{table.name}_{column.name}_fits"
            if bounds and name not in held:
                table.append_constraint(CheckConstraint(and_(*bounds), name=name).ddl_if(dialect="sqlite"))


def _bounds(column: ColumnElement[object], kind: object) -> Iterator[ColumnElement[bool]]:
    if isinstance(kind, String):
        if kind.length is not None:
            yield func.length(column) <= kind.length
        # SQLite counts the characters before the first U+0000 only, and keeps the others.
        yield func.instr(column, func.char(0)) == 0
    elif isinstance(kind, Integer) and not isinstance(kind, BigInteger):
        yield column.between(-INTEGER_MAX - 1, INTEGER_MAX)


def widen(connection: Connection, tables: Iterable[Table]) -> None:
    """On PostgreSQL, make text columns as wide as they are declared, where an earlier version made them narrower.

    Only the catalogue changes, no row. SQLite's columns have no width but that of their checks, which stand from their creation
    on: tables that were made before have none, and take what they took.
    """
    if connection.dialect.name != "postgresql":
        return
    found = inspect(connection)
    quoted = connection.dialect.identifier_preparer.quote
    for table in tables:
        there = {column["name"]: column["type"] for column in found.get_columns(table.name)}
        for column in table.columns:
            old, new = there.get(column.name), column.type
            if not isinstance(old, String) or not isinstance(new, String) or old.length is None:
                continue
            if new.length is None or new.length > old.length:
                kind = "text" if isinstance(new, Text) or new.length is None else f"varchar({new.length})"
                connection.execute(text(f"ALTER TABLE {quoted(table.name)} ALTER COLUMN {quoted(column.name)} TYPE {kind}"))
