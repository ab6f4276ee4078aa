"""Garbage on a service's stream: named by who hears it, told by status and verify, and taken off by one command."""

from __future__ import annotations

import asyncio
import json

from console.deployment import connect
from tests.system.conftest import Office


def put(office: Office, subject: str, payload: bytes, message_id: str | None = None) -> None:
    """As whoever got hold of the provisioning credential."""

    async def work() -> None:
        client = await connect(office.running.url, "admin", office.seed_file("admin"))
        headers = None if message_id is None else {"Nats-Msg-Id": message_id}
        await client.jetstream().publish(subject, payload, headers=headers)
        await client.close()

    asyncio.run(work())


def test_garbage_stops_nobody_and_one_command_takes_it_off(office: Office) -> None:
    """No JSON, an envelope in a wrong partition, one in another's place: people before and after are registered and heard."""
    office.publish(*office.worker("before"))
    office.settle()
    [first, *_] = office.stream("REGISTRY")
    event = json.loads(first.payload)
    put(office, first.subject, b"no json")
    put(office, "registry.00.x", json.dumps({**event, "partition": 0, "position": 900, "previous": 899}).encode(), "forged")
    put(office, first.subject, json.dumps({**event, "actor": "somebody"}).encode(), "forged-too")
    office.publish(*office.worker("after"))
    office.settle()
    assert office.asked("explain", "hr:after", "--year", "2021")
    for service in ("allowance", "talent"):
        [reason] = office.asked_status(service)["reasons"]
        assert "2 messages on REGISTRY" in reason
        assert "hongling stream repair registry" in reason
    told = office.hongling("verify", "registry", "--json")
    assert told.exit_code == 1
    assert sum("is not in the log" in problem for problem in json.loads(told.stdout)["services"][0]["problems"]) == 3
    checked = office.asked("stream", "repair", "registry", "--check", code=1)
    assert len(checked["to_delete"]) == 3
    repaired = office.asked("stream", "repair", "registry")
    assert (len(repaired["deleted"]), repaired["published"], repaired["right"]) == (3, [], True)
    assert office.asked("stream", "repair", "registry", "--check")["right"]
    assert office.hongling("verify", "registry", "--json").exit_code == 0
