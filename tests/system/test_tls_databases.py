"""A real PostgreSQL with the certificates that ``hongling tls make`` makes, and compose's own list of who may connect."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.tls import Authority, server_names
from eventlog.database import open_engine

START_SECONDS_MAX = 20.0
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of somebody else, with an authority of its own and the same names."""
    folder = tmp_path_factory.mktemp("stranger")
    Authority(folder).make(["registry"], server_names())
    return folder


def postgres_with_tls() -> Path | None:
    """The programs of a PostgreSQL that was built with OpenSSL: that of the wheel is not, a distribution's is."""
    for config in (*sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_config"), reverse=True), shutil.which("pg_config")):
        if config is None or not (Path(config).parent / "postgres").exists():
            continue
        told = subprocess.run([str(config), "--configure"], capture_output=True, text=True, check=False).stdout
        if "openssl" in told:
            return Path(config).parent
    return None


def as_postgres() -> Callable[[], None] | None:
    """PostgreSQL refuses to run as root: then it runs as nobody."""
    if os.geteuid() != 0:
        return None
    who = pwd.getpwnam("nobody")

    def drop() -> None:
        os.setgroups([])
        os.setgid(who.pw_gid)
        os.setuid(who.pw_uid)

    return drop


@dataclass(frozen=True)
class Postgres:
    folder: Path
    port: int

    def url(self, holder: str | None, **changed: str) -> str:
        """Of the service's role. holder: whose certificate is shown; None: none."""
        query = {"sslmode": "verify-full", "sslrootcert": str(self.folder / "registry" / "ca.crt")}
        if holder is not None:
            query |= {"sslcert": str(self.folder / holder / "tls.crt"), "sslkey": str(self.folder / holder / "tls.key")}
        words = "&".join(f"{name}={value}" for name, value in (query | changed).items())
        return f"postgresql://runtime:secret@localhost:{self.port}/postgres?{words}"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """With the very file of who may connect that compose gives to the databases."""
    programs = postgres_with_tls()
    if programs is None:
        pytest.skip("no PostgreSQL that was built with OpenSSL; the wheel's was not: install your distribution's")
    folder = tmp_path_factory.mktemp("certificates")
    Authority(folder).make(["registry"], server_names())
    run = Path(tempfile.mkdtemp(prefix="hlssl"))
    drop = as_postgres()
    try:
        for name in ("tls.crt", "tls.key", "ca.crt"):
            shutil.copy(folder / "registry-db" / name, run / name)
        shutil.copy(ROOT / "deploy" / "postgres-hba.conf", run / "hba.conf")
        (run / "password").write_text("owner\n")
        if drop is not None:
            who = pwd.getpwnam("nobody")
            for path in (run, *run.iterdir()):
                os.chown(path, who.pw_uid, who.pw_gid)
        (run / "tls.key").chmod(0o600)
        words = ["-U", "owner", "--pwfile", str(run / "password"), "--auth", "scram-sha-256", "--no-sync"]
        subprocess.run(
            [str(programs / "initdb"), "-D", str(run / "d"), *words], check=True, capture_output=True, preexec_fn=drop, cwd=run
        )
        yield from _served(programs, run, folder, drop)
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _served(programs: Path, run: Path, folder: Path, drop: Callable[[], None] | None) -> Iterator[Postgres]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = {
        "port": port, "listen_addresses": "localhost", "unix_socket_directories": run,
        "hba_file": run / "hba.conf", "ssl": "on",
        "ssl_cert_file": run / "tls.crt", "ssl_key_file": run / "tls.key", "ssl_ca_file": run / "ca.crt",
        "ssl_min_protocol_version": "TLSv1.3", "fsync": "off",
    }  # fmt: skip
    command = [
        str(programs / "postgres"),
        "-D",
        str(run / "d"),
        *(w for s in settings.items() for w in ("-c", f"{s[0]}={s[1]}")),
    ]
    with (run / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=drop, cwd=run)
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            assert process.poll() is None, (run / "log").read_text()
            try:
                with psycopg.connect(f"host={run} port={port} user=owner password=owner dbname=postgres") as connection:
                    connection.execute("CREATE ROLE runtime LOGIN PASSWORD 'secret'")
                break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (run / "log").read_text()
                time.sleep(0.02)
        yield Postgres(folder, port)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def ask(url: str) -> Any:
    """What the database says of the connection: its version of TLS, and whose certificate it was shown."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            query = "SELECT version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            return tuple(connection.exec_driver_sql(query).one())
    finally:
        engine.dispose()


def test_a_service_and_its_database_show_each_other_certificates(postgres: Postgres) -> None:
    """With the password as before: each of the two alone is not enough."""
    assert ask(postgres.url("registry")) == ("TLSv1.3", "/CN=registry")


def test_a_database_turns_away_who_shows_no_certificate_or_a_stranger_s_or_is_plain(postgres: Postgres, stranger: Path) -> None:
    """And the service a database of another authority, or under a name that its certificate has not."""
    foreign = {"sslcert": str(stranger / "registry" / "tls.crt"), "sslkey": str(stranger / "registry" / "tls.key")}
    for url, why in (
        (postgres.url(None), "client certificate|no pg_hba.conf entry|connection requires"),
        (postgres.url("registry", **foreign), "unknown ca|certificate"),
        (postgres.url("registry", sslmode="disable"), "no pg_hba.conf entry"),
        (postgres.url("registry", sslrootcert=str(stranger / "registry" / "ca.crt")), "certificate verify failed"),
        (postgres.url("registry", host="elsewhere", hostaddr="127.0.0.1"), "does not match host name"),
        (postgres.url("registry").replace(":secret@", ":wrong@"), "password authentication failed"),
    ):  # fmt: skip
        with pytest.raises(Exception, match=why):
            ask(url)


def test_a_service_does_not_go_on_in_plain_where_the_database_has_no_tls(tmp_path: Path) -> None:
    """Nor where somebody in between says so: neither its name nor its password is sent."""
    Authority(tmp_path).make(["registry"], {})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        port = listening.getsockname()[1]
        heard: list[bytes] = []

        def answer() -> None:
            wire, _ = listening.accept()
            with wire:
                wire.settimeout(5)
                heard.append(wire.recv(4096))
                wire.sendall(b"N")  # what a server without TLS says
                heard.append(wire.recv(4096))

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Exception, match="server does not support SSL"):
            ask(f"postgresql://u:s3cret@127.0.0.1:{port}/d?sslmode=verify-full&sslrootcert={tmp_path / 'registry' / 'ca.crt'}")
        thread.join()
    assert heard[1:] == [b""]
