"""Every failure of a store is told apart: what passes by itself, what one message brings, and what must not go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, insert, text, update
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from eventlog import schema
from eventlog.codec import Codec, UnknownEvent
from eventlog.database import Database, DatabaseMissing
from eventlog.inbox.failures import Failure, failure_of, is_conflict, reason_of
from eventlog.log import BrokenLog, Log, LogFull, Unit, Vanished
from eventlog.wire import BrokerOutage
from tests.support import OPERATIONS, new_log

OUTAGE, MESSAGE, BROKEN = Failure.OUTAGE, Failure.MESSAGE, Failure.BROKEN
INSERT = "INSERT INTO t (n, name) VALUES (:n, :name)"


@pytest.fixture
def table(database: Database) -> Database:
    """A database with a table of a number and a short text, and one row in it."""
    with database.write.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE t (n BIGINT PRIMARY KEY, name VARCHAR(8) NOT NULL, CHECK (n < 1000000), CHECK (length(name) < 9))"
            )
        )
        connection.execute(text(INSERT), {"n": 1, "name": "one"})
    return database


def raised(database: Database, act: Callable[[Connection], object]) -> BaseException:
    """What the act raises within a transaction."""
    with pytest.raises(Exception) as caught, database.write.begin() as connection:
        act(connection)
    return caught.value


def says(statement: str, **values: object) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(text(statement), values)


def of(database: Database) -> str:
    return database.write.dialect.name


# --- on both databases ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (says(INSERT, n=1, name="again"), MESSAGE),
        (says(INSERT, n=2_000_000, name="check"), MESSAGE),
        (says(INSERT, n=2, name=None), MESSAGE),
        (says(INSERT, n=2, name="longer than eight"), MESSAGE),
        (says(INSERT, n=2**63, name="big"), MESSAGE),
        (says(INSERT, n=10**30, name="huge"), MESSAGE),
        (says(INSERT, n=2, name="\ud800"), MESSAGE),
        (says("SELECT * FROM nowhere"), OUTAGE),
        (says("SELECT absent FROM t"), BROKEN),
        (says("INSERT INTO t (n, name, absent) VALUES (3, 'x', 1)"), BROKEN),
    ],
)  # fmt: skip
def test_what_a_statement_comes_to(table: Database, act: Callable[[Connection], object], kind: Failure) -> None:
    """The same on both databases: a value is its message's, a missing table is being made, a missing column never comes."""
    assert failure_of(raised(table, act)) is kind


def test_only_what_is_there_already_is_decided_again(table: Database) -> None:
    """Somebody else may have been quicker; a value that is refused for itself is refused again."""
    assert is_conflict(raised(table, says(INSERT, n=1, name="again")))
    assert not is_conflict(raised(table, says(INSERT, n=2_000_000, name="check")))
    assert is_conflict(Vanished("held"))
    assert not is_conflict(ValueError())


def test_a_missing_column_says_what_to_run(table: Database) -> None:
    """It never comes by itself, and whoever reads the status must know what to do."""
    assert "hongling provision" in reason_of(raised(table, says("SELECT absent FROM t")))
    assert reason_of(raised(table, says("SELECT * FROM nowhere"))) == "database outage"


def test_a_position_that_is_taken_stops_everything(database: Database) -> None:
    """Positions are handed out under the lock: the head does not fit the log."""
    log = new_log(database, "example", Codec(OPERATIONS))
    row = {"position": 1, "source": "hr", "outcome": "parked", "recorded_at": "2026-03-01T08:00:00.000000Z", "data": "{}"}
    for _ in range(2):
        with suppress(DBAPIError), log.database.write.begin() as connection:
            connection.execute(insert(schema.receipt).values(**row))
    error = raised(database, lambda c: c.execute(insert(schema.receipt).values(**row)))
    assert failure_of(error) is BROKEN
    assert not is_conflict(error)


def test_a_change_of_the_log_is_refused_and_stops_everything(database: Database) -> None:
    """Whoever tries has a fault that must be found."""
    new_log(database, "example", Codec(OPERATIONS))
    with database.write.begin() as connection:
        row = {"position": 1, "source": "hr", "outcome": "parked", "recorded_at": "2026-03-01T08:00:00.000000Z", "data": "{}"}
        connection.execute(insert(schema.receipt).values(**row))
    assert failure_of(raised(database, lambda c: c.execute(update(schema.receipt).values(source="x")))) is BROKEN


@pytest.mark.parametrize("change", [{"root": "0" * 64}, {"frontier": "00"}, {"partitions": "x"}, {"position": 5}])
def test_a_head_that_does_not_hold_together_is_not_built_on(database: Database, change: dict[str, object]) -> None:
    """Positions, tree and root fit each other, or nothing is added to the log."""
    log = new_log(database, "example", Codec(OPERATIONS))
    with database.write.begin() as connection:
        connection.execute(update(schema.log_head).values(**change))
    with pytest.raises(BrokenLog, match="hongling verify") as caught:
        log.append([Unit()])
    assert failure_of(caught.value) is BROKEN


def test_a_log_of_another_name_stops_everything(database: Database) -> None:
    """The wrong database was named."""
    made = new_log(database, "example", Codec(OPERATIONS))
    log = Log("another", database, made.codec, made.clock, made.entropy)
    with pytest.raises(DatabaseMissing) as caught, database.read.connect() as connection:
        log.head(connection)
    assert failure_of(caught.value) is BROKEN


def test_a_stored_event_that_does_not_decode_stops_everything() -> None:
    """It was changed, or is of a later version; a decision without it would be wrong."""
    codec = Codec(OPERATIONS)
    for kind, data in (("operations.message-parked.v1", '{"origin":1}'), ("operations.message-parked.v9", "{}")):
        with pytest.raises(UnknownEvent) as caught:
            codec.decode(kind, data)
        assert failure_of(caught.value) is BROKEN
        assert "origin" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyError(2), MESSAGE), (InvalidTag(), MESSAGE), (TypeError("Integer exceeds 64-bit range"), MESSAGE),
        (OverflowError(), MESSAGE), (ZeroDivisionError(), MESSAGE), (RecursionError(), MESSAGE), (AssertionError(), MESSAGE),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate"), MESSAGE),
        (BrokerOutage("away"), OUTAGE), (OSError("away"), OUTAGE), (TimeoutError(), OUTAGE),
        (OperationalError("BEGIN", {}, Exception("away")), OUTAGE),
        (LogFull("full"), BROKEN), (msgspec.ValidationError("x"), BROKEN),
    ],
)  # fmt: skip
def test_what_is_raised_without_a_database(error: Exception, kind: Failure) -> None:
    """What nobody has thought of is the message's: it costs its batch, never the service."""
    assert failure_of(error) is kind


def test_what_an_error_repeats_is_not_shown(table: Database) -> None:
    """A database tells the values that it refuses; a status and a log must not."""
    assert "secret" not in reason_of(raised(table, says(INSERT, n=1, name="secret")))
    assert "secret" not in reason_of(ValueError("secret"))


def test_a_lock_that_is_not_to_be_had_is_an_outage(table: Database) -> None:
    """The other one lets go of it in time."""
    with table.write.begin() as holder:
        holder.execute(text("UPDATE t SET name = 'held'"))
        other = Database(table.write.url.render_as_string(hide_password=False))
        try:
            if of(table) == "sqlite":
                with pytest.raises(SQLAlchemyError) as caught:  # noqa: PT012, SIM117
                    with other.read.connect() as connection:
                        connection.exec_driver_sql("PRAGMA busy_timeout=1")
                        connection.exec_driver_sql("PRAGMA query_only=OFF")
                        connection.execute(text("UPDATE t SET name = 'mine'"))
            else:
                with pytest.raises(SQLAlchemyError) as caught, other.write.begin() as connection:  # noqa: PT012
                    connection.execute(text("SET lock_timeout = '1ms'"))
                    connection.execute(text("UPDATE t SET name = 'mine'"))
        finally:
            other.close()
    assert failure_of(caught.value) is OUTAGE


def test_a_store_that_can_only_be_read_is_an_outage(table: Database) -> None:
    """It stands by, or is being moved."""
    with pytest.raises(SQLAlchemyError) as caught, table.read.connect() as connection:
        connection.execute(text(INSERT), {"n": 2, "name": "x"})
    assert failure_of(caught.value) is OUTAGE


def test_a_store_that_cannot_be_reached_is_an_outage(tmp_path: Path, open_database: Callable[[str], Database]) -> None:
    """A refused connection and a file that cannot be opened; both may pass by themselves."""
    urls = ["postgresql://u@127.0.0.1:1/d", f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}"]
    for url in urls:
        with pytest.raises(SQLAlchemyError) as caught, open_database(url).write.begin():
            pass
        assert failure_of(caught.value) is OUTAGE, url


# --- SQLite -----------------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_an_outage(sqlite_url: str, open_database: Callable[[str], Database]) -> None:
    """SQLite's own limit of pages stands for the disk's."""
    database = open_database(sqlite_url)

    def fill(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE t (data BLOB)"))
        connection.exec_driver_sql("PRAGMA max_page_count=10")
        connection.execute(text("INSERT INTO t VALUES (zeroblob(1000000))"))

    assert failure_of(raised(database, fill)) is OUTAGE


def test_a_file_that_is_no_database_stops_everything(tmp_path: Path, open_database: Callable[[str], Database]) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database" * 1000)
    database = open_database(f"sqlite:///{tmp_path / 'log.db'}")
    assert failure_of(raised(database, says("SELECT 1"))) is BROKEN


# --- PostgreSQL -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def postgres(postgres_url: str, open_database: Callable[[str], Database]) -> Database:
    database = open_database(postgres_url)
    with database.write.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY, name VARCHAR(8) NOT NULL)"))
        connection.execute(text("INSERT INTO t VALUES (1, 'one'), (2, 'two')"))
    return database


def test_a_connection_that_is_killed_is_an_outage(postgres: Database) -> None:
    """By an administrator, in the middle of a transaction."""

    def killed(connection: Connection) -> None:
        number = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with postgres.read.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:number)"), {"number": number})
        while True:
            connection.execute(text("SELECT 1"))

    assert failure_of(raised(postgres, killed)) is OUTAGE


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        (("SET statement_timeout = '1ms'", "SELECT pg_sleep(5)"), OUTAGE),
        (("INSERT INTO t VALUES (3000000000, 'big')",), MESSAGE),
        (("INSERT INTO t VALUES (3, 'longer than eight')",), MESSAGE),
        (("SELECT 'x'::integer",), MESSAGE),
        (("SELECT 1/0",), MESSAGE),
        (("CREATE ROLE nobody_special", "SET LOCAL ROLE nobody_special", "SELECT * FROM t"), BROKEN),
    ],
)
def test_what_postgresql_says(postgres: Database, statements: tuple[str, ...], kind: Failure) -> None:
    def act(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    assert failure_of(raised(postgres, act)) is kind


def test_a_nul_in_a_text_is_the_messages(postgres: Database) -> None:
    """PostgreSQL cannot hold it, and never will."""
    assert failure_of(raised(postgres, says(INSERT, n=3, name="a\0b"))) is MESSAGE


def test_a_deadlock_is_an_outage(postgres: Database) -> None:
    """One of the two is broken off, and comes again."""
    first_has, second_has = threading.Event(), threading.Event()
    found: list[BaseException] = []

    def crosses(mine: int, other: int, has: threading.Event, waits: threading.Event) -> None:
        try:
            with postgres.write.begin() as connection:
                connection.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
                connection.execute(text("UPDATE t SET name = 'x' WHERE n = :n"), {"n": mine})
                has.set()
                waits.wait(10)
                connection.execute(text("UPDATE t SET name = 'x' WHERE n = :n"), {"n": other})
        except SQLAlchemyError as error:
            found.append(error)

    second = threading.Thread(target=crosses, args=(2, 1, second_has, first_has))
    second.start()
    crosses(1, 2, first_has, second_has)
    second.join(10)
    assert [failure_of(error) for error in found] == [OUTAGE]


def test_a_serialization_failure_is_an_outage(postgres: Database) -> None:
    """Whoever was second begins again."""
    with pytest.raises(SQLAlchemyError) as caught, postgres.write.connect() as late:  # noqa: PT012
        late = late.execution_options(isolation_level="REPEATABLE READ")
        late.execute(text("SELECT * FROM t"))
        with postgres.write.begin() as quick:
            quick.execute(text("UPDATE t SET name = 'x'"))
        late.execute(text("UPDATE t SET name = 'y'"))
    assert failure_of(caught.value) is OUTAGE
