"""People's commands on a real PostgreSQL, under roles that can only read: they do their work, and what was slipped in shows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from typer.testing import CliRunner

from console.context import context
from console.main import app
from console.operate import Roles, grant_roles
from console.prove import verify_service
from eventlog.database import Database
from eventlog.log import Log, NewEvent, Unit
from services.allowance.app import provision_store
from services.registry.app import open_log
from tests.allowance.payment_bench import PaymentBench
from tests.allowance.payment_example import COUNTY
from tests.conftest import fresh_database
from tests.support import RegistryBench

PASSWORD = "only-for-this-test"
FORGED_ID = "0190e0e0-0000-7000-8000-0000000000f1"


@dataclass(frozen=True)
class Server:
    """Two services' databases, with the roles of ``deploy/postgres``."""

    roles: Roles
    registry: str
    allowance: str

    def login(self, service: str, role: str | None) -> str:
        url = make_url(self.registry if service == "registry" else self.allowance)
        return url.set(username=role, password=PASSWORD).render_as_string(hide_password=False)


@pytest.fixture
def server(postgres_admin: str) -> Iterator[Server]:
    mark = uuid.uuid4().hex[:12]
    names = [f"{purpose}_{mark}" for purpose in ("runtime", "reader", "desk", "cashier")]
    admin = create_engine(
        make_url(postgres_admin).set(drivername="postgresql+psycopg"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        for name in names:
            connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"))
    try:
        with fresh_database(postgres_admin) as registry, fresh_database(postgres_admin) as allowance:
            yield Server(Roles(names[0], names[1], names[2], (names[3],)), registry, allowance)
    finally:
        with admin.connect() as connection:
            for name in names:
                connection.execute(text(f"DROP OWNED BY {name}"))
                connection.execute(text(f"DROP ROLE {name}"))


def as_reader(server: Server, monkeypatch: pytest.MonkeyPatch, role: str | None, *services: str) -> None:
    monkeypatch.delenv("HONGLING_DATA", raising=False)
    for service in services:
        monkeypatch.setenv(f"HONGLING_{service.upper()}_DATABASE_URL", server.login(service, role))


def ask(*words: str) -> Any:
    told = CliRunner().invoke(app, [*words, "--json"])
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def test_who_pays_reads_the_books_and_nothing_of_the_registry(
    server: Server, open_database: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statement, runs and transfers under the cashier's role; the registry's database does not know it."""
    owner = open_database(server.allowance)
    provision_store(owner)
    bench = PaymentBench(owner)
    bench.decide(1, 240_000)
    bench.decide(2, 360_000)
    bench.settle(bench.prepares())
    bench.finish()
    bench.settle(bench.checks(), bench.seals(), bench.exports(), bench.instructs())
    bench.finish()
    grant_roles(owner, "allowance", server.roles)
    with owner.read.connect() as connection:
        bench_position = bench.log.head(connection).position
    kept = open_database(server.registry)
    RegistryBench(kept)
    grant_roles(kept, "registry", server.roles)
    as_reader(server, monkeypatch, server.roles.payment[0], "allowance", "registry")
    statement = ask("finance", "statement", "--division", COUNTY, "--year", "2021")
    assert statement["position"] == bench_position
    assert ask("finance", "runs")
    told = CliRunner().invoke(app, ["registry", "list", "--json"])
    assert told.exit_code != 0
    assert "permission denied" in told.output


def test_an_event_that_was_added_by_sql_is_named_under_the_role_that_only_reads(
    server: Server, open_database: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's own role adds it, as whoever had its password could; the reader's `verify` ends with 1 and names it."""
    bench = RegistryBench(owner := open_database(server.registry))
    bench.each(*(bench.registers(number, id=f"reg-{number}", key=f"w-{number}") for number in (1, 2, 3)))
    grant_roles(owner, "registry", server.roles)
    as_reader(server, monkeypatch, server.roles.reader, "registry")

    def problems() -> list[str]:
        found: list[str] = verify_service(context(None, True, None), "registry", stream=False)["problems"]
        return found

    reader = open_database(server.login("registry", server.roles.reader)).read
    with reader.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
        connection.execute(text("SELECT * FROM person_key"))
    assert problems() == []
    slipped_in(open_log(open_database(server.login("registry", server.roles.runtime))))
    assert [found for found in problems() if FORGED_ID in found]


def slipped_in(log: Log) -> None:
    """A second registration like the first, with its place in the log and in the tree, and no message."""
    with log.database.read.connect() as connection:
        stream = connection.scalar(text("SELECT stream FROM event ORDER BY position LIMIT 1"))
        history = log.load(connection, [stream])[stream]
    first = history[0]
    new = NewEvent(stream, first.event, "2022-03-01", FORGED_ID, "c", None, "hr")
    assert not log.append([Unit(events=[new], expects={stream: len(history)})]).conflicts
