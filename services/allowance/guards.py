"""Rules that the database itself keeps, whoever writes: a trigger made with its table, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection, Table
from sqlalchemy.event import listen

__all__ = ["guard"]


def guard(table: Table, name: str, act: Literal["INSERT", "UPDATE"], wrong: str, told: str) -> None:
    """Refuse an act on a row of the table. name: of the trigger. wrong: in SQL, of NEW and OLD; told: what the error says."""
    said = f"{table.name}: {told}"
    statements = {
        "sqlite": (
            f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {act} ON {table.name} "
            f"WHEN {wrong} BEGIN SELECT RAISE(ABORT, '{said}'); END",
        ),
        "postgresql": (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {wrong} THEN RAISE EXCEPTION '{said}'; END IF; RETURN NEW; END $$",
            f"CREATE OR REPLACE TRIGGER {name} BEFORE {act} ON {table.name} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ),
    }

    def make(_table: Table, connection: Connection, **_: Any) -> None:
        for statement in statements[connection.dialect.name]:
            connection.exec_driver_sql(statement)

    listen(table, "after_create", make)
