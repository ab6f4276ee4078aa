"""A whole embedded deployment for the system tests: the real broker with its users, the services as processes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from typer.testing import CliRunner, Result

from console.client import IntakeClient
from console.demo_data import made_up_resident_id
from console.deployment import Deployment, Running, connect
from console.main import app
from console.sealing import load_public_key, seal
from console.topology import SERVICES
from contracts.receipts import Receipt
from eventlog.nats import Stored, read_stream, stream_state

DEADLINE_SECONDS = 30.0
NOBODYS_PLACE = "320199"


class Message(NamedTuple):
    subject: str
    message_id: str
    message: bytes


@dataclass
class Office:
    """What a test does with a running deployment: publish as a source, wait, ask as an operator would."""

    deployment: Deployment
    running: Running
    made: int = 0
    runner: CliRunner = field(default_factory=CliRunner)

    # --- making messages ----------------------------------------------------------------------------------------------

    def number(self) -> int:
        self.made += 1
        return self.made

    def fact(self, publisher: str, fact: str, data: Mapping[str, Any], on: str = "2021-06-01", **envelope: Any) -> Message:
        """One fact as its source would publish it. envelope: attributes to put in place of the usual ones."""
        message_id = str(envelope.get("id", f"{fact}-{self.number()}"))
        value = {
            "specversion": "1.0",
            "id": message_id,
            "source": publisher,
            "type": f"intake.{fact}.v1",
            "time": "2022-02-01T08:00:00Z",
            "effectiveon": on,
            "data": data,
            **envelope,
        }
        return Message(f"intake.{publisher}.registry.{fact}", message_id, orjson.dumps(value))

    def sealed(self, **identity: str) -> str:
        return seal(identity, load_public_key(self.deployment.public_key))

    def resident_id(self) -> str:
        return made_up_resident_id(NOBODYS_PLACE, self.number())

    def registration(self, key: str, division: str = "211224", resident_id: str | None = None, **envelope: Any) -> Message:
        identity = self.sealed(name="测试员", resident_id=resident_id or self.resident_id())
        data = {"person": {"source_key": key, "identity": identity}, "division": division}
        return self.fact("hr", "worker-registered", data, "2020-01-01", **envelope)

    def engagement(self, key: str, **envelope: Any) -> Message:
        data = {
            "person": {"source_key": key},
            "engagement": f"{key}-e",
            "category": "secretary",
            "unit": "某村党支部",
            "post": "书记",
        }
        return self.fact("hr", "engagement-started", data, "2020-01-01", **envelope)

    def rating(self, key: str, rating: str, year: int = 2021, **envelope: Any) -> Message:
        data = {"person": {"source_key": key, "key_source": "hr"}, "year": year, "rating": rating}
        return self.fact("appraisal", "annual-rating-recorded", data, f"{year + 1}-01-15", **envelope)

    def worker(self, key: str, rating: str = "excellent") -> list[Message]:
        """Everything that Changtu's policy asks about one worker."""
        return [self.registration(key), self.engagement(key), self.rating(key, rating)]

    # --- doing --------------------------------------------------------------------------------------------------------

    def publish(self, *messages: Message, wait: bool = True) -> dict[str, Receipt]:
        """Publish each with the credentials of the source on its subject; return the last receipt of each, by id."""
        return asyncio.run(self._publish(messages, wait))

    async def _publish(self, messages: Iterable[Message], wait: bool) -> dict[str, Receipt]:
        receipts: dict[str, Receipt] = {}
        by_source: dict[str, list[Message]] = {}
        for message in messages:
            by_source.setdefault(message.subject.split(".")[1], []).append(message)
        for source, batch in by_source.items():
            async with IntakeClient(self.running.url, source, self.seed_file(source)) as client:
                if wait:
                    receipts.update((await client.publish_and_wait(batch, DEADLINE_SECONDS)).receipts)
                else:
                    async for _ in client.publish(batch):
                        pass
        return receipts

    def receipts(self, source: str, message_id: str, outcome: str, service: str = "registry") -> list[Receipt]:
        """Wait until the receipts stream holds an answer like this; return all answers to the message."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            found = [
                Receipt.model_validate(json.loads(stored.payload)["data"])
                for stored in self.stream("RECEIPTS")
                if stored.subject.startswith(f"receipts.{source}.")
            ]
            ours = [receipt for receipt in found if receipt.id == message_id]
            if any(receipt.outcome == outcome and receipt.service == service for receipt in ours):
                return ours
            if time.monotonic() > deadline:
                raise AssertionError(f"no {outcome} receipt of {service} for {source}/{message_id}; there are {ours}")

    def stream(self, name: str) -> list[Stored]:
        """Every message that stands on a stream."""
        return asyncio.run(self._stream(name))

    async def _stream(self, name: str) -> list[Stored]:
        client = await connect(self.running.url, "admin", self.seed_file("admin"))
        try:
            last = (await stream_state(client, name)).last
            found: list[Stored] = []
            sequence = 0
            while sequence < last:
                page = await read_stream(client, name, sequence, "_INBOX_admin")
                if not page:
                    break
                found += page
                sequence = page[-1].sequence
            return found
        finally:
            await client.close()

    def settle(self) -> None:
        """Wait until every message is handled, every event carried, nothing is being recalculated."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            result = self.hongling("status", "--json")
            answers = json.loads(result.stdout)["services"]
            left = 0
            for answer in answers:
                consumers = answer.get("consumers", {"silent": {"pending": 1, "unacknowledged": 0}})
                left += sum(lag["pending"] + lag["unacknowledged"] for lag in consumers.values())
                left += answer.get("position", 0) - answer.get("relayed", 0) + answer.get("recalculating", 0)
                left += sum(answer["position"] - carried for carried in answer.get("carried", {}).values())
            if left == 0:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"not settled: {answers}")

    def hongling(self, *arguments: str) -> Result:
        """What somebody types, with this deployment's --data."""
        return self.runner.invoke(app, [*arguments, "--data", str(self.deployment.data)])

    def asked(self, *arguments: str, code: int = 0) -> Any:
        """The JSON that a command answers."""
        result = self.hongling(*arguments, "--json")
        assert code == result.exit_code, result.output
        return json.loads(result.stdout)

    def asked_status(self, service: str) -> dict[str, Any]:
        """What one service says of itself, ready or not."""
        result = self.hongling("status", "--json")
        assert result.stdout, result.output
        answers = json.loads(result.stdout)["services"]
        return next(answer for answer in answers if answer["service"] == service)

    def seed_file(self, user: str) -> Path:
        return self.deployment.seed_file(user)


def start(folder: Path, ack_wait_seconds: float = 30.0, **variables: str) -> Iterator[Office]:
    """An office with a running deployment; variables: settings of the services. One principal is enough, unless they say."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ({f"HONGLING_{each.upper()}_FOUR_EYES": "none" for each in SERVICES} | variables).items():
            patch.setenv(name, value)
        running = Running(Deployment(folder, ack_wait_seconds=ack_wait_seconds))
        asyncio.run(running.__aenter__())
        try:
            yield Office(running.deployment, running)
        finally:
            asyncio.run(running.stop())


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    yield from start(tmp_path_factory.mktemp("office"))
