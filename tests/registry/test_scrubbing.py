"""After an erasure the person's wrapped keys and index entries are in no byte of the database's files, or it is said where."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.pool import NullPool

from console.erasure import what_is_left
from contracts.operations import ParkedDiscarded
from contracts.registry import PersonErased
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.log import Recorded
from eventlog.relay import cursor_of
from eventlog.roles import grant_runtime
from eventlog.scrubbing import BytesRemain, scrub, scrub_history, wal_horizon
from services.registry.erasing import CURSOR
from services.registry.vault import ERASABLE, person_index, person_key
from tests.registry.test_erasing import Intake
from tests.registry.test_handlers_file import erases
from tests.support import RegistryBench, sealed

PEOPLE = 60
"""Enough for several pages of each table."""
HOLD_SECONDS = 3600
ERASED = -1
"""The last: its row lies where PostgreSQL leaves a copy when it only moves the others together."""


@dataclass
class Files:
    """What a database keeps on the disk. wal: names of files that belong to the write-ahead log."""

    read: Callable[[], dict[str, bytes]]
    wal: str

    def holding(self, needles: Sequence[bytes]) -> set[str]:
        return {"wal" if self.wal in name else name for name, raw in self.read().items() if any(n in raw for n in needles)}


@pytest.fixture
def files(database_url: str, request: pytest.FixtureRequest) -> Files:
    """Every byte of the files of the database under test."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        folder = Path(str(url.database)).parent
        return Files(lambda: {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}, "-wal")
    admin = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    folders = "SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()"

    def read() -> dict[str, bytes]:
        found = {}
        with admin.connect() as connection:
            connection.execute(text("CHECKPOINT"))
            for folder in (connection.execute(text(folders)).scalar_one(), "pg_wal"):
                listed = text("SELECT name FROM pg_ls_dir(:folder) name WHERE NOT (pg_stat_file(:folder || '/' || name)).isdir")
                for name in connection.scalars(listed, {"folder": folder}).all():
                    content = text("SELECT pg_read_binary_file(:path, 0, 1 << 27, true)")
                    found[f"{folder}/{name}"] = bytes(
                        connection.execute(content, {"path": f"{folder}/{name}"}).scalar_one() or b""
                    )
        return found

    return Files(read, "pg_wal")


def secrets_of(bench: RegistryBench, ref: str) -> list[bytes]:
    """The bytes that must go: wrapped keys, and the entries by which the person is found."""
    with bench.database.read.connect() as connection:
        keys = connection.scalars(select(person_key.c.wrapped).where(person_key.c.person_ref == ref)).all()
        index = connection.scalars(select(person_index.c.value).where(person_index.c.person_ref == ref)).all()
    assert keys
    assert index
    return [*map(bytes, keys), *(value.encode() for value in index)]


def people(database: Database) -> tuple[RegistryBench, str, list[bytes], list[bytes]]:
    """(bench, who is to be erased, what must go, what must stay)."""
    bench = RegistryBench(database)
    bench.each(*(bench.registers(n, id=f"reg-{n}", key=f"w-{n}") for n in range(1, PEOPLE)))
    refs = [str(receipt.person_ref) for receipt in bench.receipts]
    return bench, refs[ERASED], secrets_of(bench, refs[ERASED]), secrets_of(bench, refs[0])


def erased_in(bench: RegistryBench) -> Recorded:
    return next(each for each in bench.events if each.type == PersonErased.TYPE)


def aside(bench: RegistryBench, person: int) -> Item:
    """A message that waits for a fact which never comes, with the person's identity sealed in it."""
    changed = {"kind": "registration", "division": "320102"}
    return bench.corrects("never-told", changed, id=f"fix-{person}-{next(bench.sequence)}", identity=sealed(person))


def kept_aside(bench: RegistryBench, *message_prefixes: str) -> list[bytes]:
    """The bytes of held and parked messages as the database has them."""
    rows = [*bench.rows(schema.held), *bench.rows(schema.parked)]
    return [bytes(row.raw) for row in rows if row.message_id.startswith(message_prefixes)]


def test_what_was_set_aside_of_an_erased_person_is_in_no_file_and_others_stays(database: Database, files: Files) -> None:
    """Held and parked, whom nobody had named but the seal inside; their senders are answered, and the log says so."""
    bench, ref, _, _ = people(database)
    last = PEOPLE - 1
    bench.each(aside(bench, last), aside(bench, 1))
    bench.clock.advance(timedelta(seconds=HOLD_SECONDS + 1))
    bench.intake.expire()
    bench.each(aside(bench, last), aside(bench, 1))
    gone, others = kept_aside(bench, f"fix-{last}-"), kept_aside(bench, "fix-1-")
    assert (len(gone), len(others), files.holding(gone) != set()) == (2, 2, True)
    bench.settle(erases(bench, ref))
    sweep(bench)
    with database.read.connect() as connection:
        horizon = wal_horizon(connection)
    assert files.holding(gone) == (set() if horizon is None else {"wal"})
    assert kept_aside(bench, "fix-") == others
    told = [(r.id[:6], r.outcome) for r in bench.receipts if [p.code for p in r.problems] == ["erased"]]
    assert told == [(f"fix-{last}"[:6], "refused")] * 2
    assert [each.type for each in bench.events if each.type == ParkedDiscarded.TYPE] == [ParkedDiscarded.TYPE]


def sweep(bench: RegistryBench) -> None:
    asyncio.run(Intake().sweep(bench).run())


def test_nothing_of_an_erased_person_is_in_any_file_but_where_the_certificate_says(database: Database, files: Files) -> None:
    """Found before; after the sweep in no table, index or free page. PostgreSQL's own log is named, up to which file."""
    bench, ref, gone, others = people(database)
    assert files.holding(gone) >= {"wal"}
    bench.settle(erases(bench, ref))
    sweep(bench)
    with database.read.connect() as connection:
        remains = what_is_left(connection, erased_in(bench))
        horizon = wal_horizon(connection)
    named = {each.where: each.what for each in remains}
    assert files.holding(gone) == (set() if horizon is None else {"wal"})
    assert files.holding(others)
    assert "registry database" not in named
    if horizon is not None:
        assert horizon.file in named["write-ahead log of the registry's database server (pg_wal)"]


def test_until_the_sweep_is_done_the_certificate_says_that_bytes_are_left(database: Database) -> None:
    """It claims nothing that nobody has done yet."""
    bench, ref, _, _ = people(database)
    bench.settle(erases(bench, ref))
    with database.read.connect() as connection:
        left = [each.what for each in what_is_left(connection, erased_in(bench)) if each.where == "registry database"]
    assert len(left) == 1
    assert "free space" in left[0]


def test_what_postgres_keeps_in_its_log_is_gone_when_the_certificate_says(
    postgres_url: str, open_database: Callable[[str], Database]
) -> None:
    """With wal_recycle off, as compose sets it: at a checkpoint after the server has gone on to a later file."""
    database = open_database(postgres_url)
    bench, ref, gone, _ = people(database)
    bench.settle(erases(bench, ref))
    sweep(bench)
    admin = create_engine(make_url(postgres_url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    holds = text(
        "SELECT count(*) FROM pg_ls_waldir() "
        "WHERE position(CAST(:needle AS bytea) IN pg_read_binary_file('pg_wal/' || name)) > 0"
    )
    with admin.connect() as connection:

        def count() -> int:
            return sum(int(connection.execute(holds, {"needle": each}).scalar_one()) for each in gone)

        assert count() > 0
        connection.execute(text("ALTER SYSTEM SET wal_recycle = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        try:
            for _ in range(3):
                connection.execute(text("SELECT pg_logical_emit_message(false, 'test', 'on')"))
                connection.execute(text("SELECT pg_switch_wal()"))
                connection.execute(text("CHECKPOINT"))
            assert count() == 0
        finally:
            connection.execute(text("ALTER SYSTEM RESET wal_recycle"))
            connection.execute(text("SELECT pg_reload_conf()"))


# --- under the runtime role, and when it cannot be done ---------------------------------------------------------------------


@pytest.fixture
def runtime(postgres_url: str, open_database: Callable[[str], Database]) -> Iterator[Callable[[list[str]], Database]]:
    """The registry's database as the role that the service runs under; given: tables that it may write anew."""
    owner = open_database(postgres_url)
    RegistryBench(owner)
    role = f"runtime_{make_url(postgres_url).database}"
    with owner.write.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'only-for-this-test'"))

    def opened(erasable: list[str]) -> Database:
        with owner.write.begin() as connection:
            grant_runtime(connection, role, erasable=erasable)
        return open_database(
            make_url(postgres_url).set(username=role, password="only-for-this-test").render_as_string(hide_password=False)
        )

    yield opened
    with owner.write.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


def test_the_runtime_role_may_do_it_once_it_is_granted(runtime: Callable[[list[str]], Database]) -> None:
    """VACUUM without the right only warns: that is told from a success, with the remedy."""
    with pytest.raises(BytesRemain, match="hongling provision"):
        scrub(runtime([]), ERASABLE)
    scrub(runtime([table.name for table in ERASABLE]), ERASABLE)


def test_while_somebody_reads_the_sweep_is_not_done(sqlite_url: str, open_database: Callable[[str], Database]) -> None:
    """Its cursor stays, so that it is done later; a certificate made meanwhile says so."""
    database = open_database(sqlite_url)
    bench, ref, gone, _ = people(database)
    with database.read.connect() as reader:
        reader.execute(select(person_key)).all()
        bench.settle(erases(bench, ref))
        with pytest.raises(BytesRemain):
            sweep(bench)
        assert cursor_of(reader, CURSOR) == 0
    sweep(bench)
    folder = Path(str(make_url(sqlite_url).database)).parent
    assert not any(each in path.read_bytes() for path in folder.iterdir() for each in gone)


def test_a_file_from_before_is_written_anew_once(sqlite_url: str, open_database: Callable[[str], Database]) -> None:
    """What was deleted while deletions left their bytes stood in its free pages."""
    database = open_database(sqlite_url)
    _, ref, gone, _ = people(database)
    raw = database.write.raw_connection()
    raw.cursor().execute("PRAGMA secure_delete=OFF")
    raw.cursor().execute(f"DELETE FROM person_key WHERE person_ref = '{ref}'")
    raw.cursor().execute("PRAGMA user_version=0")
    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.detach()
    raw.close()
    path = Path(str(make_url(sqlite_url).database))
    assert gone[0] in path.read_bytes()
    scrub_history(database)
    assert gone[0] not in path.read_bytes()
