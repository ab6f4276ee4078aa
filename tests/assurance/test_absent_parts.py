"""Slow or absent parts: nothing is lost, nothing spins, `status` says why meanwhile, and it all goes on by itself.

``make test`` takes a part away for some seconds, ``make assurance`` for as long as ``HONGLING_ASSURANCE_OUTAGE_SECONDS`` says.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.deployment import connect
from console.topology import SERVICES
from tests.assurance.parts import Town, cpu_seconds, log_lines, office_on, postgres_server, until
from tests.support import eventually
from tests.system.conftest import Office

OUTAGE_SECONDS = float(os.environ.get("HONGLING_ASSURANCE_OUTAGE_SECONDS", "2"))
CPU_SHARE_MAX = 0.2
LOG_LINES_MAX = 20
LOG_LINES_A_SECOND_MAX = 4
"""Each part that waits says so with growing pauses; what goes on at one pace is the broker's client, once a second."""
NOTICED_SECONDS_MAX = 10.0
FILE_BYTES_MAX = 4096
UNREACHABLE = 3

pytestmark = pytest.mark.timeout(300 + 8 * OUTAGE_SECONDS)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """On SQLite files."""
    with office_on(None, tmp_path_factory.mktemp("absent"), 2.0) as office:
        yield Town.of(office)


def waited_out(office: Office, services: Sequence[str]) -> None:
    """Let an outage last for its time, during which no service may spin or fill its log."""
    before = {name: (cpu_seconds(office.running.pid(name)), len(log_lines(office, name))) for name in services}
    began = time.monotonic()
    over = began + OUTAGE_SECONDS
    asyncio.run(eventually(lambda: time.monotonic() >= over, "the outage is over", OUTAGE_SECONDS + 10))
    seconds = time.monotonic() - began
    for name, (cpu, lines) in before.items():
        used = cpu_seconds(office.running.pid(name)) - cpu
        logged = len(log_lines(office, name)) - lines
        print(f"{name}: {used / seconds:.1%} of a core and {logged} log lines in {seconds:.1f} s")
        assert used < CPU_SHARE_MAX * seconds, f"{name} used {used:.1f} s of {seconds:.1f} s"
        assert logged <= LOG_LINES_MAX + LOG_LINES_A_SECOND_MAX * seconds, f"{name} logged {logged} lines"


# --- database ---------------------------------------------------------------------------------------------------------


def test_a_database_that_is_away_or_hangs_is_waited_for(tmp_path: Path) -> None:
    """PostgreSQL killed, then held still: the services say that they wait, and go on when it is back."""
    with postgres_server() as postgres, office_on(postgres, tmp_path / "office", 2.0) as office:
        town = Town.of(office)
        postgres.kill()
        town.tell()
        waited_out(office, SERVICES)
        for service in SERVICES:
            assert "OperationalError" in town.reasons(service)
        postgres.start()
        town.goes_on()
        postgres.hold()
        town.tell()
        waited_out(office, SERVICES)
        assert town.reasons("registry")
        postgres.release()
        town.goes_on()


# --- broker -----------------------------------------------------------------------------------------------------------


def test_a_broker_that_is_away_is_waited_for(town: Town) -> None:
    """Killed with facts in its hands: `status` says that it cannot be reached, the services' logs say that they wait."""
    office = town.office
    before = {service: len(log_lines(office, service)) for service in SERVICES}
    town.tell(40)
    office.running.kill("broker")
    waited_out(office, SERVICES)
    assert office.hongling("status").exit_code == UNREACHABLE
    for service in SERVICES:
        assert any('"level": "error"' in line for line in log_lines(office, service)[before[service] :])
    office.running.start_broker()
    town.goes_on()


# --- disk -------------------------------------------------------------------------------------------------------------


@contextmanager
def no_room(pids: Sequence[int]) -> Iterator[None]:
    """As on a full disk, no file of these processes can grow: neither database nor log."""
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    try:
        for pid, (_, most) in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, most))
        yield
    finally:
        for pid, before in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_stops_nothing_for_good(town: Town) -> None:
    """Nothing can be written, not even a log line: the services say why they stand still, and go on when there is room."""
    office = town.office
    for service in SERVICES:
        with (office.deployment.data / "logs" / f"{service}.log").open("a") as log:
            log.write(" " * FILE_BYTES_MAX + "\n")
    with no_room([office.running.pid(service) for service in SERVICES]):
        town.tell()
        waited_out(office, SERVICES)
        assert "database outage" in town.reasons("registry")
    town.goes_on()


# --- consumer ---------------------------------------------------------------------------------------------------------


def test_a_consumer_deleted_under_a_service_is_named_with_its_remedy(town: Town) -> None:
    """Deleted under the service that reads it: `status` names it and what to run; then the work goes on by itself."""
    office = town.office

    async def delete() -> None:
        client = await connect(office.running.url, "admin", office.seed_file("admin"))
        await client.jetstream().delete_consumer("REGISTRY", "allowance")
        await client.close()

    asyncio.run(delete())
    town.tell()
    remedy = "consumer REGISTRY/allowance does not exist; run `hongling provision`"
    until(lambda: remedy in town.reasons("allowance"), "the status says what to run", NOTICED_SECONDS_MAX)
    waited_out(office, ["allowance"])
    assert remedy in town.reasons("allowance")
    assert not town.reasons("registry")
    assert "REGISTRY/allowance" in office.asked("provision")["created"]
    town.goes_on()
