"""The real nats-server with the certificates that ``hongling tls make`` makes: who gets in, who does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from console.client import IntakeClient, Unreachable
from console.deployment import connect, find_server
from console.principal_acts import CLUSTERING, TLS_FOLDER
from console.principals import Principals
from console.tls import Authority, server_names
from console.topology import provision_broker
from eventlog.database import Database
from eventlog.transport import Transport
from services.talent.app import provision_store
from tests.support import eventually

START_SECONDS_MAX = 20.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Broker:
    """A nats-server that listens on every address, as in compose, with the folder of its principals."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"tls://localhost:{self.port}"

    def transport(self, holder: str) -> Transport:
        own = self.folder / holder
        return Transport(own / "ca.crt", own / "tls.crt", own / "tls.key")

    def seed(self, name: str) -> Path:
        return self.folder / name / "nats.nk"

    async def connect(self, name: str, transport: Transport | None = None) -> Client:
        return await connect(self.url, name, self.seed(name), transport or self.transport(name))

    async def refuses(self, name: str, transport: Transport) -> bool:
        try:
            client = await self.connect(name, transport)
        except (nats.errors.Error, OSError):
            return True
        await client.close()
        return False


@contextlib.contextmanager
def started(folder: Path, config: str, name: str = "one", variables: Mapping[str, str] | None = None) -> Iterator[Broker]:
    run = folder / f"run-{name}"
    run.mkdir()
    file, log = run / "nats.conf", run / "server.log"
    file.write_text(f"{config}ports_file_dir: {json.dumps(str(run))}\n")
    with log.open("wb") as output:
        process = subprocess.Popen([find_server(), "-c", str(file)], stdout=output, stderr=output, env=dict(variables or {}))
    try:
        ports, deadline = run / f"nats-server_{process.pid}.ports", time.monotonic() + START_SECONDS_MAX
        while not (ports.exists() and ports.read_text().strip()):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "nats-server did not start in time"
            time.sleep(0.005)
        port = int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])
        yield Broker(folder / "p", port, process, log)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("tls")
    principals = Principals(folder / "p")
    principals.create(["hr"])
    Authority(folder / "p").make([each.name for each in principals.entries()], server_names())
    config = principals.config(store_dir=str(folder / "js"), listen="0.0.0.0:-1", tls_folder=str(folder / "p" / "broker"))
    with started(folder, config) as one:
        yield one


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of somebody else, with an authority of its own and the same names."""
    folder = tmp_path_factory.mktemp("stranger")
    Authority(folder).make(["hr", "admin", "registry"], server_names())
    return folder


# --- the broker ---------------------------------------------------------------------------------------------------------


def test_whoever_has_certificate_and_seed_works_as_before(broker: Broker) -> None:
    """Provisioning and reporting, over TLS 1.3, by the names and the address in the server's certificate."""

    async def work() -> None:
        admin = await broker.connect("admin")
        await provision_broker(admin, ["hr"])
        assert admin._transport is not None
        wire = admin._transport._io_writer.get_extra_info("ssl_object")  # type: ignore[attr-defined]
        assert wire.version() == "TLSv1.3"
        await admin.close()
        for host in ("localhost", "127.0.0.1"):
            url = f"tls://{host}:{broker.port}"
            async with IntakeClient(url, "hr", broker.seed("hr"), transport=broker.transport("hr")) as client:
                answer = await client._js.publish("intake.hr.registry.worker-registered", b"{}", timeout=5)
                assert answer.stream == "INTAKE"

    asyncio.run(work())


def test_a_stranger_s_certificate_or_none_is_turned_away(broker: Broker, stranger: Path) -> None:
    """With the right seed too: no certificate, one of another authority, one of this authority for a server."""
    own = broker.transport("hr")

    async def work() -> None:
        assert not await broker.refuses("hr", own)
        assert await broker.refuses("hr", Transport(own.ca))
        foreign = stranger / "hr"
        assert await broker.refuses("hr", Transport(own.ca, foreign / "tls.crt", foreign / "tls.key"))
        assert await broker.refuses("hr", broker.transport("registry-db"))

    asyncio.run(work())


def test_a_client_talks_to_no_server_but_that_of_its_authority_and_name(broker: Broker, stranger: Path) -> None:
    """Neither to one whose authority it does not trust, nor under a name that the certificate has not."""
    own = broker.transport("hr")

    async def work() -> None:
        assert await broker.refuses("hr", replace(own, ca=stranger / "hr" / "ca.crt"))
        with pytest.raises((nats.errors.Error, OSError)):
            await connect(f"tls://127.0.0.2:{broker.port}", "hr", broker.seed("hr"), own)
        with pytest.raises(Unreachable):
            async with IntakeClient(f"tls://127.0.0.2:{broker.port}", "hr", broker.seed("hr"), transport=own):
                pass

    asyncio.run(work())


def test_a_certificate_without_a_seed_is_nobody(broker: Broker) -> None:
    """And somebody's certificate with another's seed is that other, with that one's rights and no more."""

    async def work() -> None:
        options = broker.transport("hr").broker_options(broker.url)
        with pytest.raises(nats.errors.Error):
            await nats.connect(**options, allow_reconnect=False, connect_timeout=2)
        client = await broker.connect("hr", broker.transport("admin"))
        with pytest.raises(nats.errors.TimeoutError):
            await client.jetstream().publish("registry.00.x", b"{}", timeout=0.5)
        await client.close()

    asyncio.run(work())


def test_a_plain_connection_hears_not_a_word(broker: Broker) -> None:
    """The handshake comes first: no version, no address of another server, no challenge to sign."""
    with socket.create_connection(("127.0.0.1", broker.port), 5) as wire:
        wire.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
        heard = b""
        with contextlib.suppress(ConnectionError):
            while more := wire.recv(4096):
                heard += more
    # What the server's TLS says of what is no handshake: an alert, or an HTTP text; nothing of NATS.
    assert b"INFO" not in heard
    assert b"PONG" not in heard

    async def work() -> None:
        with pytest.raises((nats.errors.Error, OSError, TimeoutError)):
            await nats.connect(
                f"nats://127.0.0.1:{broker.port}",
                nkeys_seed=str(broker.seed("hr")),
                allow_reconnect=False,
                connect_timeout=1,
            )

    asyncio.run(work())


def test_old_tls_is_refused(broker: Broker) -> None:
    """1.2 as well: every client that there is speaks 1.3."""
    own = broker.transport("hr")
    context = own.broker(broker.url)
    assert context is not None
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", broker.port), 5) as wire, pytest.raises(ssl.SSLError):
        context.wrap_socket(wire, server_hostname="localhost")


def test_nobody_in_between_talks_a_client_out_of_tls(broker: Broker) -> None:
    """Somebody who says that there is no TLS gets no login to pass on: nats-py would have sent it, certificates or not."""
    heard: list[bytes] = []

    async def strip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = {"server_id": "x", "version": "2.15.1", "max_payload": 1048576, "nonce": "abc", "auth_required": True}
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        with contextlib.suppress(ConnectionError, TimeoutError):
            heard.append(await asyncio.wait_for(reader.read(65536), 2))
        writer.close()

    async def work() -> None:
        async with await asyncio.start_server(strip, "127.0.0.1", 0) as server:
            url = f"tls://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises((nats.errors.Error, OSError, TimeoutError)):
                await connect(url, "hr", broker.seed("hr"), broker.transport("hr"))

    asyncio.run(work())
    assert heard
    assert not [each for each in heard if b"CONNECT" in each or b"nkey" in each]


def test_a_renewed_certificate_is_taken_up_by_a_signal(broker: Broker) -> None:
    """Who is connected stays connected; the next handshake shows the new one."""

    def serial() -> int:
        context = broker.transport("hr").broker(broker.url)
        assert context is not None
        with (
            socket.create_connection(("127.0.0.1", broker.port), 5) as wire,
            context.wrap_socket(wire, server_hostname="localhost") as secure,
        ):
            found = secure.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)

    async def work() -> None:
        client = await broker.connect("hr")
        before = serial()
        Authority(broker.folder).make([], server_names(), ["broker"])
        broker.process.send_signal(signal.SIGHUP)
        await eventually(lambda: serial() != before, "the server shows its new certificate")
        assert (client.is_connected, client.stats["reconnects"]) == (True, 0)
        await client.close()

    asyncio.run(work())


def test_a_broker_that_would_listen_beyond_this_machine_in_plain_is_not_configured(tmp_path: Path) -> None:
    principals = Principals(tmp_path)
    principals.create([])
    for listen in ("0.0.0.0:4222", "[::]:4222", "10.0.0.1:4222", "nats:4222"):
        with pytest.raises(ValueError, match="needs a certificate"):
            principals.config(store_dir="/data", listen=listen)
    assert "tls" not in principals.config(store_dir="/data", listen="127.0.0.1:4222")


def settings(broker: Broker, folder: Path, authority: Path) -> dict[str, str]:
    """The variables of the talent service, as in compose, with a database file."""
    own = broker.folder / "talent"
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HONGLING_NATS_URL": broker.url,
        "HONGLING_NATS_TLS_CA": str(authority / "ca.crt"),
        "HONGLING_NATS_TLS_CERT": str(own / "tls.crt"),
        "HONGLING_NATS_TLS_KEY": str(own / "tls.key"),
        "HONGLING_TALENT_NATS_SEED_FILE": str(own / "nats.nk"),
        "HONGLING_TALENT_DATABASE_URL": f"sqlite:///{folder / 'talent.db'}",
        "HONGLING_TALENT_ASIDE_KEY_FILE": str(broker.folder / "aside" / "talent" / "aside.key"),
    }


def test_a_service_runs_over_tls_and_ends_with_words_where_the_broker_is_another_s(
    broker: Broker, stranger: Path, tmp_path: Path
) -> None:
    """The service itself, by its command: status answers; with another authority it says why, and ends with 3."""
    given = settings(broker, tmp_path, broker.folder / "talent")
    database = Database(given["HONGLING_TALENT_DATABASE_URL"])
    provision_store(database)
    database.close()
    command = [sys.executable, "-m", "console", "run", "talent"]

    async def work() -> None:
        admin = await broker.connect("admin")
        await provision_broker(admin, ["hr"])
        await admin.close()
        process = await asyncio.create_subprocess_exec(*command, env=given, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert b"runs" in await asyncio.wait_for(process.stdout.readline(), START_SECONDS_MAX)
            operator = await broker.connect("operator")
            status = json.loads((await operator.request("status.talent", b"", timeout=5)).data)
            assert (status["ready"], status["reasons"]) == (True, [])
            await operator.close()
        finally:
            process.terminate()
            await process.wait()

    asyncio.run(work())
    wrong = settings(broker, tmp_path, stranger / "hr")
    told = subprocess.run(command, env=wrong, cwd=ROOT, capture_output=True, text=True, timeout=START_SECONDS_MAX, check=False)
    assert told.returncode == 3, told.stderr
    assert "localhost is not the broker that HONGLING_NATS_TLS_CA vouches for" in told.stderr


def test_three_servers_know_each_other_by_certificate_and_password(tmp_path: Path) -> None:
    """With the cluster's own part of the configuration: streams get three copies, and a server of a stranger joins nothing."""
    principals = Principals(tmp_path / "p")
    principals.create(["hr"])
    Authority(tmp_path / "p").make(["admin", "hr"], server_names())
    Authority(tmp_path / "stranger").make([], server_names())
    with contextlib.ExitStack() as sockets:
        found = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        ports = [each.getsockname()[1] for each in found]
    routes = {f"NATS_ROUTE_{n}": f"tls://route:p0123@localhost:{port}" for n, port in enumerate(ports[:3], 1)}

    def server(number: int, certificates: Path) -> contextlib.AbstractContextManager[Broker]:
        extra = CLUSTERING.replace(TLS_FOLDER, str(certificates)).replace("0.0.0.0:6222", f"127.0.0.1:{ports[number]}")
        config = principals.config(
            store_dir=str(tmp_path / f"js{number}"), listen="127.0.0.1:-1", tls_folder=str(certificates), extra=extra
        ).replace("jetstream {", "jetstream {\n  max_file_store: 1GB", 1)
        variables = {"NATS_SERVER_NAME": f"nats-{number}", "NATS_CLUSTER_PASSWORD": "p0123", **routes}
        return started(tmp_path, config, f"server{number}", variables)

    async def work(broker: Broker, foreign: Broker) -> None:
        admin = await broker.connect("admin")
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                await provision_broker(admin, ["hr"], replicas=3)
                break
            except (nats.errors.Error, TimeoutError):
                assert time.monotonic() < deadline, broker.log.read_text()
        info = await admin.jetstream().stream_info("INTAKE")
        assert info.config.max_bytes == 2**30, "16 GiB are halved until the disks have them"
        assert info.cluster is not None
        assert {info.cluster.leader, *(peer.name for peer in info.cluster.replicas or ())} == {"nats-0", "nats-1", "nats-2"}
        await admin.close()
        await eventually(lambda: "TLS route handshake error" in foreign.log.read_text(), "the stranger was turned away")

    with contextlib.ExitStack() as stack:
        brokers = [stack.enter_context(server(number, tmp_path / "p" / "broker")) for number in range(3)]
        foreign = stack.enter_context(server(3, tmp_path / "stranger" / "broker"))
        asyncio.run(work(brokers[0], foreign))
