"""What the role of a running service can do to the log on PostgreSQL, and what it cannot."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from eventlog import schema
from eventlog.database import Database
from eventlog.log import Log
from eventlog.roles import RoleError, grant_reader, grant_runtime
from services.allowance.app import provision_store as provision_allowance
from services.registry.app import provision_store as provision_registry
from services.talent.app import provision_store as provision_talent
from tests.eventlog.example import Total, example_log, inbox_for, note, receipt_for
from tests.support import events_of

DENIED = "permission denied|must be owner"


@pytest.fixture
def owner(postgres_url: str, open_database: Callable[[str], Database]) -> Database:
    return open_database(postgres_url)


@pytest.fixture
def role(postgres_admin: str) -> Iterator[str]:
    """A role of the server that may log in, and nothing else; gone afterwards."""
    name = f"runtime_{uuid.uuid4().hex[:12]}"
    admin = create_engine(
        make_url(postgres_admin).set(drivername="postgresql+psycopg"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'only-for-this-test'"))
    yield name
    with admin.connect() as connection:
        connection.execute(text(f"DROP ROLE IF EXISTS {name}"))


@pytest.fixture
def log(owner: Database, role: str, postgres_url: str, open_database: Callable[[str], Database]) -> Iterator[Log]:
    """A log that the owner made and granted, used as the runtime role."""
    owned = example_log(owner, (Total(),))
    with owner.write.begin() as connection:
        grant_runtime(connection, role)
    runtime = open_database(postgres_url)
    for engine in (runtime.write, runtime.read):

        @event.listens_for(engine, "begin")
        def _as_role(connection: Connection) -> None:
            connection.exec_driver_sql(f"SET LOCAL ROLE {role}")

    yield Log(owned.name, runtime, owned.codec, owned.clock, owned.entropy, owned.views)
    with owner.write.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))


def test_the_runtime_role_appends_and_reads(log: Log) -> None:
    """Events, inbox, receipts, side tables and read models, through the log's own append."""
    unit = note(log, 0, "a", "a1")
    unit.inbox, unit.receipts = inbox_for("m-1"), [receipt_for("m-1")]
    log.append([unit])
    log.append([note(log, 1, "a", "a2")])
    assert [recorded.version for recorded in events_of(log)] == [1, 2]


@pytest.mark.parametrize("table", [table.name for table in schema.APPEND_ONLY])
@pytest.mark.parametrize("act", ["UPDATE {} SET recorded_at = recorded_at", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_runtime_role_cannot_change_what_is_recorded(log: Log, table: str, act: str) -> None:
    """Denied by the role's rights, before any trigger is asked."""
    with pytest.raises(DBAPIError, match=DENIED), log.database.write.begin() as connection:
        connection.execute(text(act.format(table)))


@pytest.mark.parametrize(
    "act",
    [
        "DROP TRIGGER event_append_only ON event",
        "ALTER TABLE event DISABLE TRIGGER ALL",
        "ALTER TABLE event ADD COLUMN more text",
        "DROP TABLE event",
        "CREATE TABLE beside (id integer)",
        "TRUNCATE held",
        "SET LOCAL session_replication_role = replica",
    ],
)
def test_the_runtime_role_cannot_change_tables_or_take_their_protection_away(log: Log, act: str) -> None:
    """Neither the triggers nor the shape of a table, nor a table of its own."""
    with pytest.raises(DBAPIError, match=DENIED), log.database.write.begin() as connection:
        connection.execute(text(act))


def test_granting_again_takes_away_what_was_given_by_hand(log: Log, owner: Database, role: str) -> None:
    """Somebody gave more than is needed: the next provisioning brings it back to what it should be."""
    with owner.write.begin() as connection:
        connection.execute(text(f"GRANT ALL ON event TO {role}"))
        given = grant_runtime(connection, role)
    assert given["event"] == ("SELECT", "INSERT")
    with pytest.raises(DBAPIError, match=DENIED), log.database.write.begin() as connection:
        connection.execute(text("DELETE FROM event"))


@pytest.mark.parametrize(
    ("provision", "further"),
    [(provision_registry, set()), (provision_allowance, {"transfer", "period"}), (provision_talent, set())],
)
def test_every_table_of_a_service_is_granted(
    owner: Database, role: str, provision: Callable[[Database], None], further: set[str]
) -> None:
    """No table that a service has made is forgotten; append-only are the log's three, and the allowance's books."""
    provision(owner)
    with owner.write.begin() as connection:
        given = grant_runtime(connection, role)
        made = set(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")))
        connection.execute(text(f"DROP OWNED BY {role}"))
    assert set(given) == made
    assert {name for name, rights in given.items() if "UPDATE" not in rights} == {"event", "inbox", "receipt"} | further


def test_an_owner_is_no_runtime_role(owner: Database) -> None:
    """Whoever owns the tables could take the protection away."""
    example_log(owner)
    with owner.write.begin() as connection:
        me = str(connection.execute(text("SELECT current_user")).scalar_one())
        with pytest.raises(RoleError, match="must be neither"):
            grant_runtime(connection, me)


def test_a_role_that_does_not_exist_is_named(owner: Database) -> None:
    example_log(owner)
    with owner.write.begin() as connection, pytest.raises(RoleError, match="there is no role nobody_here"):
        grant_runtime(connection, "nobody_here")


def test_a_database_without_a_log_is_not_granted(owner: Database, role: str) -> None:
    with owner.write.begin() as connection, pytest.raises(RoleError, match="create the tables first"):
        grant_runtime(connection, role)


def test_sqlite_has_no_roles(sqlite_url: str, open_database: Callable[[str], Database]) -> None:
    database = open_database(sqlite_url)
    with database.write.begin() as connection, pytest.raises(RoleError, match="roles are PostgreSQL's"):
        grant_runtime(connection, "anybody")


@pytest.mark.parametrize(
    "act",
    [
        "INSERT INTO inbox SELECT * FROM inbox",
        "INSERT INTO event SELECT * FROM event",
        "UPDATE log_head SET position = 0",
        "DELETE FROM held",
        "TRUNCATE receipt",
        "CREATE TABLE mine (n int)",
        "CREATE TEMPORARY TABLE mine (n int)",
        "ALTER TABLE event DISABLE TRIGGER ALL",
        "DROP TABLE receipt",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE {owner}",
        "COPY event TO PROGRAM 'cat'",
        "COPY inbox FROM PROGRAM 'true'",
        "COPY event TO '/nowhere/event.csv'",
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT lo_import('postgresql.conf')",
        "SELECT pg_ls_dir('.')",
        "SELECT * FROM person_key",
        "BEGIN; LOCK TABLE event IN EXCLUSIVE MODE",
        "SELECT * FROM event FOR UPDATE",
        "SELECT setval(pg_get_serial_sequence('event', 'position'), 1) FROM person_key",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock(1)",
        "SELECT pg_notify('a', 'b')",
        "SELECT pg_logical_emit_message(false, 'a', 'b')",
        "SELECT set_config('session_replication_role', 'replica', false)",
        "SELECT set_config('role', '{name}', false)",
        "ALTER SYSTEM SET fsync = off",
        "ALTER ROLE {owner} PASSWORD 'x'",
        "COMMENT ON TABLE event IS 'x'",
        "SELECT rolpassword FROM pg_authid",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user",
        "CREATE PUBLICATION mine FOR TABLE event",
    ],
)
def test_a_reader_reads_and_changes_nothing(owner: Database, role: str, postgres_url: str, act: str) -> None:
    """The role of people's commands, logged in by itself: writing, tables, roles, files, programs, keys are refused."""
    provision_registry(owner)
    with owner.write.begin() as connection:
        me = str(connection.execute(text("SELECT current_user")).scalar_one())
        given = grant_reader(connection, role, hidden=["person_key", "person_index", "person_erasing"])
        schema_name = str(connection.execute(text("SELECT current_schema()")).scalar_one())
    assert {("SELECT",)} == set(given.values())
    assert "person_key" not in given
    url = make_url(postgres_url).set(drivername="postgresql+psycopg", username=role, password="only-for-this-test")
    reader = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with reader.connect() as connection:
            connection.exec_driver_sql(f'SET search_path TO "{schema_name}"')
            assert connection.execute(text("SELECT count(*) FROM event")).scalar_one() == 0
            with pytest.raises(DBAPIError, match=f"{DENIED}|must be superuser|Only roles with"):
                connection.exec_driver_sql(act.format(owner=f'"{me}"', name=me))
    finally:
        reader.dispose()
        with owner.write.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
