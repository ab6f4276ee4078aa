"""A message on which a rule fails stops one person's facts and nothing else; after the mend they go on, in their order."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console.deployment import Deployment, Running
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.log import Log, Recorded
from services.allowance.app import CODEC as ALLOWANCE
from services.registry.app import CODEC as REGISTRY
from tests.system.conftest import Message, Office
from tests.system.poisoned import MARK

STATEMENT = ("finance", "statement", "--division", "211224", "--year", "2021")
BY = ("--reason", "规则已修复")
CODECS: dict[str, Codec] = {"registry": REGISTRY, "allowance": ALLOWANCE}
"""The services that are given a fault, with what reads their logs."""


class WithFaults(Running):
    """Runs services with a fault in them, until they are mended."""

    mended = False

    def start_service(self, service: str) -> None:
        if self.mended or service not in CODECS:
            super().start_service(service)
            return
        command = [sys.executable, "-m", "tests.system.poisoned", "run", service]
        self._spawn(service, command, self.deployment.environment(self.url, service))

    def mend(self) -> None:
        """Start the services again, as they should be."""
        self.mended = True
        for service in CODECS:
            self.kill(service)
            self.start_service(service)


@contextmanager
def office_with_faults(folder: Path) -> Iterator[tuple[Office, WithFaults]]:
    """A deployment with Changtu's policy, in which the rules of two services fail on marked facts."""
    running = WithFaults(Deployment(folder, ack_wait_seconds=2.0))
    asyncio.run(running.__aenter__())
    try:
        office = Office(running.deployment, running)
        office.asked("policy", "publish", "policies/changtu-2021.yaml")
        office.asked("policy", "confirm", "policies/changtu-2021.yaml")
        yield office, running
    finally:
        asyncio.run(running.stop())


def facts(office: Office, service: str) -> tuple[list[Message], list[Message]]:
    """One person's facts up to the one that no rule of the service can stomach, and those that come later."""
    key = f"unlucky-at-{service}"
    poison = office.rating(key, "good", id=MARK + service)
    inspected = {"person": {"source_key": key}, "year": 2021, "outcome": "passed"}
    corrected = {
        "corrects": {"id": poison.message_id},
        "replacement": {"kind": "rating", "year": 2021, "rating": "excellent"},
        "reason": "复核",
    }
    return [office.registration(key), office.engagement(key), poison], [
        office.fact("hr", "inspection-concluded", inspected, "2021-11-01"),
        office.rating(key, "good", 2022),
        office.fact("appraisal", "fact-corrected", corrected, "2022-01-15", time="2022-03-01T00:00:00Z"),
    ]


def recorded(office: Office, service: str, stream: str) -> list[Recorded]:
    database = Database(office.deployment.database_url(service))
    try:
        log = Log(service, database, CODECS[service], SystemClock(), SystemEntropy())
        with database.read.connect() as connection:
            return log.load(connection, [stream])[stream]
    finally:
        database.close()


def ids_of(office: Office, service: str, stream: str) -> list[str]:
    """The facts of a person in the order in which a service recorded them."""
    name = "fact" if service == "registry" else "origin"
    data = [json.loads(event.data) for event in recorded(office, service, stream)]
    return [each[name]["id"] for each in data if name in each]


def parked(office: Office, service: str) -> list[dict[str, Any]]:
    return [row for row in office.asked("parked", "list") if row["service"] == service]


def check_stopped(office: Office, service: str, poison: Message) -> str:
    """One person's facts stand still at the service, in order; a retry before the mend changes nothing. Returns the stream."""
    # At the registry the correction waits for the fact that it corrects, which is not there yet; allowance has heard of both.
    behind, held = (2, 1) if service == "registry" else (3, 0)
    rows = parked(office, service)
    (stream,) = {row["blocks"] for row in rows}
    assert [row["code"] for row in rows] == ["rule-failed", *["behind-parked"] * behind]
    status = office.asked_status(service)
    assert (status["ready"], status["parked"], status["held"]) == (True, 1 + behind, held)
    assert office.receipts("appraisal", poison.message_id, "parked", service)
    assert office.asked("parked", "retry", rows[0]["parked_id"], *BY, code=1)["still_parked"]
    assert parked(office, service) == rows
    return str(stream)


def test_a_poisonous_message_stops_one_person_only(tmp_path: Path) -> None:
    """Parked with what comes after it; others are paid meanwhile; mended and retried, everything is there in its order."""
    with office_with_faults(tmp_path / "office") as (office, running):
        unlucky = {service: facts(office, service) for service in CODECS}
        office.publish(*(message for first, _ in unlucky.values() for message in first), *office.worker("lucky-1"), wait=False)
        office.settle()
        for next_ones in zip(*(later for _, later in unlucky.values()), strict=True):
            office.publish(*next_ones, wait=False)
            office.settle()
        office.publish(*office.worker("lucky-2"), wait=False)
        office.settle()
        streams = {service: check_stopped(office, service, first[-1]) for service, (first, _) in unlucky.items()}
        answer = office.asked(*STATEMENT)
        assert (answer["granted"], answer["total_fen"]) == (2, 2 * 360_000)

        running.mend()
        asyncio.run(running.wait_ready())
        for service, (first, later) in unlucky.items():
            assert not office.asked("parked", "retry", parked(office, service)[0]["parked_id"], *BY)["still_parked"]
            office.settle()
            assert parked(office, service) == []
            assert ids_of(office, service, streams[service]) == [message.message_id for message in (*first, *later)]
        answer = office.asked(*STATEMENT)
        assert (answer["granted"], answer["total_fen"]) == (4, 4 * 360_000)
        assert office.asked("verify")["agrees"]
