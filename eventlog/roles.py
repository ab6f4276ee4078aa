"""Rights of the role that a service runs under on PostgreSQL: it can add to the log and read it, and nothing more.

The owner (who runs ``hongling provision``) keeps the right to change tables; the running service has not got it, so that no
fault of ours, and nobody with its password, can rewrite what is recorded. The triggers of ``eventlog.schema`` refuse the same
to the owner, who could take them away; the role cannot.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, inspect, text

from eventlog.schema import APPEND_ONLY, append_only_names

__all__ = ["RoleError", "grant_reader", "grant_runtime"]

APPEND_RIGHTS = ("SELECT", "INSERT")
OTHERS_FUNCTIONS = (
    "lo\\_%",
    "lowrite",
    "loread",
    "pg\\_advisory\\_%",
    "pg\\_try\\_advisory\\_%",
    "pg\\_notify",
    "pg\\_logical\\_emit\\_message",
)
"""Names of PostgreSQL's functions that anybody may call by default, and that write or hold something: large objects, locks of
one's own, messages to listeners and into the write-ahead log. Nothing of ours uses them."""
WORK_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
ERASE_RIGHTS = (*WORK_RIGHTS, "MAINTAIN")
"""Of tables whose deleted rows must be in no file any more: VACUUM FULL asks for MAINTAIN, which PostgreSQL 17 brought."""


class RoleError(ValueError):
    """The role cannot be a runtime role. The text says why and what to do."""


def grant_runtime(connection: Connection, role: str, *, erasable: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """Give a role exactly what a running service needs on the tables of the current schema; return table → rights.

    erasable: tables of the schema that ``eventlog.scrubbing.scrub`` is used on.
    Whatever else it had on these tables is taken away first. Safe to repeat; to be repeated after an upgrade that adds tables.
    Raises RoleError for a role that does not exist or that could do more than it is given here.
    """
    if connection.dialect.name != "postgresql":
        raise RoleError("roles are PostgreSQL's; on SQLite, the triggers and the file's own permissions protect the log")
    _check(connection, role)
    quote = connection.dialect.identifier_preparer.quote
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    names = sorted(inspect(connection).get_table_names(schema=schema))
    append_only = {table.name for table in APPEND_ONLY}
    missing = append_only - set(names)
    append_only |= append_only_names(connection)
    if missing:
        raise RoleError(f"this database has no table {', '.join(sorted(missing))}; create the tables first")
    given: dict[str, tuple[str, ...]] = {name: APPEND_RIGHTS if name in append_only else WORK_RIGHTS for name in names}
    if connection.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one() >= 170000:
        given |= {name: ERASE_RIGHTS for name in names if name in erasable}
    connection.execute(text(f"REVOKE ALL ON SCHEMA {quote(schema)} FROM {quote(role)}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(role)}"))
    for name, rights in given.items():
        table = f"{quote(schema)}.{quote(name)}"
        connection.execute(text(f"REVOKE ALL ON TABLE {table} FROM {quote(role)}"))
        connection.execute(text(f"GRANT {', '.join(rights)} ON TABLE {table} TO {quote(role)}"))
    return given


def grant_reader(connection: Connection, role: str, *, hidden: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """Let a role read the tables of the current schema and do nothing else; return table → rights. For people's commands.

    hidden: tables that it does not even read, such as those of keys. Whatever else it had on these tables is taken away first.
    Temporary tables, and the functions of ``OTHERS_FUNCTIONS``, are taken away from everybody who is not the database's owner.
    Safe to repeat. Raises RoleError, also if it could still call one of these functions.
    """
    if connection.dialect.name != "postgresql":
        raise RoleError("roles are PostgreSQL's; on SQLite, the file's own permissions say who reads it")
    _check(connection, role)
    quote = connection.dialect.identifier_preparer.quote
    schema, database = connection.execute(text("SELECT current_schema(), current_database()")).one()
    connection.execute(text(f"REVOKE TEMPORARY ON DATABASE {quote(database)} FROM PUBLIC, {quote(role)}"))
    connection.execute(text(f"REVOKE ALL ON SCHEMA {quote(schema)} FROM {quote(role)}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(role)}"))
    given: dict[str, tuple[str, ...]] = {}
    for name in sorted(inspect(connection).get_table_names(schema=schema)):
        table = f"{quote(schema)}.{quote(name)}"
        connection.execute(text(f"REVOKE ALL ON TABLE {table} FROM {quote(role)}"))
        if name not in hidden:
            connection.execute(text(f"GRANT SELECT ON TABLE {table} TO {quote(role)}"))
            given[name] = ("SELECT",)
    _take_functions(connection, role)
    return given


def _take_functions(connection: Connection, role: str) -> None:
    callable_ones = text(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace "
        "AND p.proname LIKE ANY(:names) AND has_function_privilege(:role, p.oid, 'EXECUTE') ORDER BY 1"
    ).bindparams(names=list(OTHERS_FUNCTIONS), role=role)
    for function in connection.scalars(callable_ones).all():
        connection.execute(text(f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC, {_quoted(connection, role)}"))
    left = connection.scalars(callable_ones).all()
    if left:
        raise RoleError(f"role {role} may still call {', '.join(left)}; provision as the owner of the database's server")


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def _check(connection: Connection, role: str) -> None:
    query = text(
        "SELECT r.rolsuper, r.rolcreaterole OR r.rolbypassrls, pg_has_role(r.oid, n.nspowner, 'MEMBER'), "
        "pg_has_role(r.oid, current_user, 'MEMBER') "
        "FROM pg_roles r, pg_namespace n WHERE r.rolname = :role AND n.nspname = current_schema()"
    )
    found = connection.execute(query, {"role": role}).one_or_none()
    if found is None:
        raise RoleError(f"there is no role {role}; create it first: CREATE ROLE … LOGIN PASSWORD …")
    if any(found):
        raise RoleError(f"role {role} is an owner or an administrator of the database; a runtime role must be neither")
