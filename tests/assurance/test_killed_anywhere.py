"""kill -9 of every part at random moments while facts flow: nothing that was answered is lost, and nothing happens twice.

The parts are each service (its relay lives in it, so killing it while the relay is behind kills the relay), the broker, and
PostgreSQL. ``make test`` runs a short selection, ``make assurance`` the whole length (``HONGLING_ASSURANCE_KILLS`` rounds).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from console.client import IntakeClient
from console.demo_data import Labelled, city
from console.sealing import load_public_key, seal
from console.topology import SERVICES
from eventlog import schema
from eventlog.database import Database
from eventlog.relay import cursor_of
from tests.assurance.parts import Postgres, office_on, postgres_server, until
from tests.console.support import Office as Undisturbed
from tests.console.support import ask_json
from tests.support import eventually
from tests.system.conftest import Office

KILLS = int(os.environ.get("HONGLING_ASSURANCE_KILLS", "5"))
SEED = int(os.environ.get("HONGLING_ASSURANCE_SEED", "20251205"))
WORKERS = 20 * KILLS
YEARS = (2023, 2024)
CITY = "320100"
ACK_WAIT_SECONDS = 2.0
WINDOW_MESSAGES = 20
TWICE_SHARE = 0.2
"""Rounds in which a service is killed once more while it starts."""
MOMENT_SECONDS_MAX = 5.0
"""A moment that does not come (everything was handled already) is not waited for any longer."""
SECONDS_MAX = 120 + 15 * KILLS
STATEMENT = ("granted", "denied", "total_fen", "by_payer")


@dataclass
class Storm:
    """Rounds of publishing and killing. behind: deaths of a service at which its relay had not carried everything."""

    office: Office
    postgres: Postgres | None
    rng: Random
    killed: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    behind: int = 0
    stored: int = 0

    def __post_init__(self) -> None:
        self.logs = {service: Database(self.office.deployment.database_url(service)) for service in SERVICES}

    def close(self) -> None:
        for database in self.logs.values():
            database.close()

    async def rage(self, messages: Sequence[Labelled], rounds: int) -> None:
        """Publish all messages in so many rounds, and in the middle of each kill a part; each part comes up equally often."""
        parts = ["broker", *SERVICES] if self.postgres is None else ["postgres", *SERVICES, "broker"]
        victims = (parts * ceil(rounds / len(parts)))[:rounds]
        self.rng.shuffle(victims)
        size = ceil(len(messages) / rounds)
        async with AsyncExitStack() as stack:
            clients = {}
            for source in self.office.deployment.sources:
                client = IntakeClient(
                    self.office.running.url,
                    source,
                    self.office.seed_file(source),
                    window_messages=WINDOW_MESSAGES,
                    timeout_seconds=2.0,
                )
                clients[source] = await stack.enter_async_context(client)
            for number, victim in enumerate(victims):
                chunk = messages[number * size : (number + 1) * size]
                publishing = asyncio.create_task(self._tell(clients, chunk))
                try:
                    await self._strike(victim, len(chunk))
                    await publishing
                finally:
                    publishing.cancel()
                await self.office.running.wait_ready()

    async def _tell(self, clients: dict[str, IntakeClient], chunk: Sequence[Labelled]) -> None:
        async def one(source: str) -> None:
            mine = [message for message in chunk if message.subject.split(".")[1] == source]
            async for _ in clients[source].publish(mine):
                self.stored += 1

        await asyncio.gather(*(one(source) for source in clients))

    async def _strike(self, victim: str, count: int) -> None:
        """Wait for a random moment, kill, and start the part again. Every second death of services comes to a busy relay."""
        service = victim if victim in SERVICES else "registry"
        deaths = sum(self.killed[name] for name in SERVICES)
        moment = "behind" if victim in SERVICES and deaths % 2 == 0 else self.rng.choice(("stored", "recorded"))
        share = self.rng.random()
        stored, recorded = self.stored, self._places(service)[0]
        give_up = time.monotonic() + MOMENT_SECONDS_MAX

        def come() -> bool:
            if time.monotonic() > give_up:
                return True
            if moment == "stored":
                return self.stored - stored >= share * count
            if moment == "recorded":
                return self._places(service)[0] - recorded > share * count / 2
            return self._held_behind(victim)

        await eventually(come, f"{moment} for {victim} (seed {SEED})", 60.0)
        self.moments[moment] += 1
        await self._kill(victim)
        if victim in SERVICES and self.rng.random() < TWICE_SHARE:
            await self._kill(victim)

    def _held_behind(self, service: str) -> bool:
        """Whether the service's relay is behind; then the service is held still, so that it dies like that."""
        if not self._is_behind(service):
            return False
        pid = self.office.running.pid(service)
        os.kill(pid, signal.SIGSTOP)
        if self._is_behind(service):
            return True
        os.kill(pid, signal.SIGCONT)
        return False

    async def _kill(self, victim: str) -> None:
        running = self.office.running
        self.killed[victim] += 1
        if victim == "postgres":
            assert self.postgres is not None
            self.postgres.kill()
            await asyncio.to_thread(self.postgres.start)
            return
        running.kill(victim)
        if victim == "broker":
            running.start_broker()
            return
        self.behind += self._is_behind(victim)
        running.start_service(victim)

    def _is_behind(self, service: str) -> bool:
        position, relayed = self._places(service)
        return position > relayed

    def _places(self, service: str) -> tuple[int, int]:
        """How far a service's log is, and how far its relay."""
        with self.logs[service].read.connect() as connection:
            return connection.execute(select(schema.log_head.c.position)).scalar_one(), cursor_of(connection, service)


def facts(office: Office) -> list[Labelled]:
    """A made-up city's messages, the wrong ones too; without ids that are used again, where the order decides who is first."""
    key = load_public_key(office.deployment.public_key)
    made = city(lambda identity: seal(identity, key), Random(SEED), WORKERS, YEARS)
    return [message for message in made if message.kind != "id-used-again"]


@contextmanager
def undisturbed(office: Office, folder: Path, messages: Sequence[Labelled]) -> Iterator[Undisturbed]:
    """The same messages handled one after the other under the same keys, without broker, relay or death."""
    shutil.copytree(office.deployment.keys, folder / "keys")
    calm = Undisturbed(folder)
    try:
        calm.at("2026-11-01").publish("example-city")
        calm.deliver_all(messages)
        yield calm
    finally:
        calm.close()


# --- what must hold afterwards ----------------------------------------------------------------------------------------


def settled(office: Office) -> bool:
    """Whether everything is handled and carried, and every service is ready."""
    answers = json.loads(office.hongling("status", "--json").stdout)["services"]
    for answer in answers:
        if not answer["ready"]:
            return False
        if any(lag["pending"] + lag["unacknowledged"] for lag in answer["consumers"].values()):
            return False
        if answer["position"] > answer["relayed"] or answer["receipts"] > answer["receipts_relayed"]:
            return False
        if answer.get("recalculating"):
            return False
    return True


def unanswered(storm: Storm, messages: Sequence[Labelled]) -> list[Labelled]:
    """Messages of which the registry knows nothing: neither settled nor held nor parked."""
    known: set[tuple[str, str]] = set()
    with storm.logs["registry"].read.connect() as connection:
        for table in (schema.inbox, schema.held, schema.parked):
            known.update((row[0], row[1]) for row in connection.execute(select(table.c.origin, table.c.message_id)))
    return [m for m in messages if m.expect != "parked" and (m.source, m.message_id) not in known]


def receipts_without_effect(storm: Storm) -> list[str]:
    """Receipts on the stream whose fact is not settled in the log, or that name an event that is not in it."""
    inboxes: dict[str, set[tuple[str, str]]] = {}
    events: set[str] = set()
    for service, database in storm.logs.items():
        with database.read.connect() as connection:
            table = schema.inbox
            rows = connection.execute(select(table.c.origin, table.c.message_id))
            inboxes[service] = {(row[0], row[1]) for row in rows}
            events.update(connection.scalars(select(schema.event.c.event_id)))
    wrong = []
    for stored in storm.office.stream("RECEIPTS"):
        receipt = json.loads(stored.payload)["data"]
        missing = set(receipt["events"]) - events
        if (
            receipt["outcome"] in ("accepted", "refused")
            and (receipt["source"], receipt["id"]) not in inboxes[receipt["service"]]
        ):
            wrong.append(f"{receipt['source']}/{receipt['id']} was {receipt['outcome']} and is not in the inbox")
        wrong += [f"{receipt['source']}/{receipt['id']} names event {event_id}" for event_id in missing]
    return wrong


def effects(storm: Storm) -> tuple[list[str], list[str], dict[int, int]]:
    """Facts as the registry recorded them, events as allowance heard them, and the sum of all differences by year."""
    with storm.logs["registry"].read.connect() as connection:
        table = schema.event
        recorded = connection.scalars(select(table.c.causation_id).where(table.c.stream.like("worker-%"))).all()
    heard: list[str] = []
    sums: Counter[int] = Counter()
    with storm.logs["allowance"].read.connect() as connection:
        for kind, text in connection.execute(select(table.c.type, table.c.data).where(table.c.stream.like("worker-%"))):
            data = json.loads(text)
            if kind.startswith("allowance.fact-heard."):
                heard.append(data["heard"])
            else:
                sums[data["decision"]["year"]] += data["difference_fen"]
    return [str(fact) for fact in recorded], heard, dict(sums)


def statements(office: Office) -> list[dict[str, Any]]:
    answers = [office.asked("finance", "statement", "--division", CITY, "--year", str(year)) for year in YEARS]
    return [{name: answer[name] for name in STATEMENT} for answer in answers]


def calm_statements(calm: Undisturbed) -> list[dict[str, Any]]:
    answers = [ask_json(calm, "finance", "statement", "--division", CITY, "--year", str(year)) for year in YEARS]
    return [{name: answer[name] for name in STATEMENT} for answer in answers]


def agrees(office: Office) -> bool:
    """Whether logs, trees, read models and streams agree; asked again while the reconcilers fill what the broker lost."""
    return bool(json.loads(office.hongling("verify", "--json").stdout)["agrees"])


@pytest.mark.timeout(SECONDS_MAX * 2)
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_whatever_is_killed_nothing_is_lost_and_nothing_happens_twice(store: str, tmp_path: Path) -> None:
    """After the storm: answered facts are in the log, each once; the sums are those of a calm run; everything agrees.

    Half of the rounds on each database.
    """
    began = time.monotonic()
    rounds = ceil(KILLS / 2) if store == "postgresql" else KILLS // 2
    with (
        postgres_server() if store == "postgresql" else nullcontext() as postgres,
        office_on(postgres, tmp_path / "office", ACK_WAIT_SECONDS) as office,
    ):
        office.asked("policy", "publish", "policies/example-city.yaml")
        messages = facts(office)
        storm = Storm(office, postgres, Random(SEED))
        try:
            asyncio.run(storm.rage(messages, rounds))
            until(lambda: settled(office), f"settled (seed {SEED})", SECONDS_MAX)
            _check(storm, messages, tmp_path)
        finally:
            storm.close()
            print(
                f"seed {SEED}: {store}, {rounds} rounds, {storm.stored} of {len(messages)} messages stored, killed "
                f"{dict(storm.killed)} at {dict(storm.moments)}, relay behind at {storm.behind} deaths, "
                f"{time.monotonic() - began:.0f} s"
            )
    assert storm.behind, "no service died while its relay was behind"


def _check(storm: Storm, messages: Sequence[Labelled], folder: Path) -> None:
    office = storm.office
    assert [(message.source, message.message_id) for message in unanswered(storm, messages)] == []
    assert receipts_without_effect(storm) == []
    recorded, heard, sums = effects(storm)
    assert len(set(recorded)) == len(recorded), "a fact had two effects"
    assert len(set(heard)) == len(heard) == len(recorded), "an event was heard twice, or not at all"
    until(lambda: agrees(office), f"everything agrees (seed {SEED})")
    found = statements(office)
    assert [statement["total_fen"] for statement in found] == [sums.get(year, 0) for year in YEARS]
    with undisturbed(office, folder / "calm", messages) as calm:
        assert calm_statements(calm) == found
    feed = office.asked("finance", "feed", "--from-stream", "--state", str(folder / "finance.json"))
    booked = {each["year"]: each["total_fen"] for each in feed["totals"]}
    assert [booked[year] for year in YEARS] == [statement["total_fen"] for statement in found]
