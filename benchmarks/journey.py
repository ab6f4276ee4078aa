"""Facts from intake to allowance event, through the real broker and both services; a lone fact; memory afterwards.

The bare client beside it does what nobody can do without: it publishes the same messages with acknowledgement, and fetches
them.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import orjson
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DeliverPolicy, StreamConfig
from rich.console import Console

from benchmarks.measure import Figure
from console.client import IntakeClient
from console.context import Context
from console.demo_data import Labelled, city
from console.deployment import DEFAULT_SOURCES, Deployment, Running, connect
from console.policies import policy_message
from console.proposals import confirm_message
from console.sealing import load_public_key, seal
from console.topology import ADMIN
from contracts.roles import OPERATOR, POLICY_OFFICE
from services.allowance.policy import read_policy

__all__ = ["figures"]

WORKERS_PER_ROUND = 8_000
"""About 42,000 facts: five rounds make the 200,000 events after which memory is looked at."""
SERVICES = ("registry", "allowance")
YEARS = (2023, 2024, 2025)
SEED = 20_261_120
LONE_FACTS = 300
WINDOW = 1_000
SETTLE_SECONDS_MAX = 600.0
POLICY = Path(__file__).parents[1] / "policies" / "example-city.yaml"


class Deployed:
    """A running deployment, and the clients of its sources."""

    def __init__(self, running: Running, admin: Client, operator: Client, sources: dict[str, IntakeClient]) -> None:
        self.running = running
        self.admin, self.operator = admin, operator
        self.sources = sources

    async def status(self, service: str) -> dict[str, Any]:
        reply = await self.operator.request(f"status.{service}", b"", timeout=10)
        found: dict[str, Any] = json.loads(reply.data)
        return found

    async def settle(self) -> None:
        """Until both services have handled everything and carried every event."""
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while True:
            left = 0
            for service in SERVICES:
                answer = await self.status(service)
                left += sum(lag["pending"] + lag["unacknowledged"] for lag in answer["consumers"].values())
                left += answer["position"] - answer["relayed"] + answer.get("recalculating", 0)
            if left == 0:
                return
            assert time.monotonic() < deadline, "not settled"
            await asyncio.sleep(0.05 if left < 2_000 else 0.5)

    async def publish(self, messages: Sequence[Labelled]) -> None:
        by_source: dict[str, list[Labelled]] = {}
        for message in messages:
            by_source.setdefault(message.subject.split(".")[1], []).append(message)
        await asyncio.gather(*(_drain(self.sources[source], batch) for source, batch in by_source.items()))


async def _drain(client: IntakeClient, messages: Sequence[Labelled]) -> None:
    async for _ in client.publish(messages):
        pass


@asynccontextmanager
async def deployed(folder: Path) -> AsyncIterator[Deployed]:
    async with Running(Deployment(folder), services=SERVICES) as running, AsyncExitStack() as stack:
        seed = running.deployment.seed_file
        admin = await connect(running.url, ADMIN, seed(ADMIN))
        stack.push_async_callback(admin.close)
        operator = await connect(running.url, OPERATOR, seed(OPERATOR))
        stack.push_async_callback(operator.close)
        sources = {
            name: await stack.enter_async_context(IntakeClient(running.url, name, seed(name)))
            for name in (*DEFAULT_SOURCES, POLICY_OFFICE)
        }
        made = Deployed(running, admin, operator, sources)
        text = POLICY.read_text(encoding="utf-8")
        policy = policy_message(text, read_policy(text), datetime.now(UTC))
        receipt = (await sources[POLICY_OFFICE].publish_and_wait([policy], 30)).receipts[policy.message_id]
        about = Context(running.deployment, True, "en", Console())
        await confirm_message(about, "allowance", policy, receipt)
        yield made


def rounds_of_facts(deployment: Deployment, rounds: int) -> list[list[Labelled]]:
    """A made-up city cut into rounds of as many facts each, sealed beforehand."""
    key = load_public_key(deployment.public_key)
    facts = list(city(lambda identity: seal(identity, key), Random(SEED), WORKERS_PER_ROUND * rounds, YEARS))
    size = len(facts) // rounds
    return [facts[start : start + size] for start in range(0, size * rounds, size)]


# --- the bare client ------------------------------------------------------------------------------------------------------


async def bare_publish(client: Client, facts: Sequence[Labelled]) -> float:
    """Publish with acknowledgement, a window at a time, to a stream that nobody reads."""
    js = client.jetstream(publish_async_max_pending=2 * WINDOW)
    began = time.perf_counter()
    for start in range(0, len(facts), WINDOW):
        window = [
            await js.publish_async(f"bare.{n}", fact.raw, headers={"Nats-Msg-Id": f"bare-{began}-{start}-{n}"})
            for n, fact in enumerate(facts[start : start + WINDOW])
        ]
        await asyncio.gather(*window)
    return len(facts) / (time.perf_counter() - began)


async def bare_fetch(client: Client, count: int, number: int) -> float:
    """Fetch and acknowledge what was just published."""
    js = client.jetstream()
    info = await js.stream_info("BARE")
    config = ConsumerConfig(
        durable_name=f"bare-{number}",
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=info.state.last_seq - count + 1,
        max_ack_pending=10_000,
    )
    subscription = await js.pull_subscribe("bare.>", f"bare-{number}", stream="BARE", config=config)
    began, got = time.perf_counter(), 0
    while got < count:
        for message in await subscription.fetch(WINDOW, timeout=5):
            await message.ack()
            got += 1
    await client.flush()
    return count / (time.perf_counter() - began)


# --- a lone fact ----------------------------------------------------------------------------------------------------------


async def lone_facts(place: Deployed, facts: Sequence[Labelled], count: int) -> list[float]:
    """Milliseconds from publishing a rating to its allowance event on the stream, one at a time, nothing else going on."""
    heard: asyncio.Queue[float] = asyncio.Queue()

    async def on_event(message: Any) -> None:
        if ".entitlement-" in message.subject:
            heard.put_nowait(time.perf_counter())

    keys = [orjson.loads(fact.raw)["data"]["person"]["source_key"] for fact in facts if _registers(fact)]
    subscription = await place.admin.subscribe("allowance.>", cb=on_event)
    await place.admin.flush()
    found = []
    for number in range(count):
        message = _rating(keys[number], number)
        began = time.perf_counter()
        await place.publish([message])
        found.append((await asyncio.wait_for(heard.get(), 10) - began) * 1000)
        while not heard.empty():
            heard.get_nowait()
    await subscription.unsubscribe()
    return found


def _registers(fact: Labelled) -> bool:
    return fact.expect == "accepted" and fact.subject.endswith(".worker-registered")


def _rating(key: str, number: int) -> Labelled:
    value = {
        "specversion": "1.0", "id": f"lone-{number}", "source": "appraisal", "type": "intake.annual-rating-recorded.v1",
        "time": "2026-01-20T08:00:00Z", "effectiveon": "2023-01-10",
        "data": {"person": {"source_key": key, "key_source": "hr"}, "year": 2022, "rating": "competent"},
    }  # fmt: skip
    subject = "intake.appraisal.registry.annual-rating-recorded"
    return Labelled(orjson.dumps(value), subject, f"lone-{number}", "appraisal", "accepted", "lone")


# --- together -------------------------------------------------------------------------------------------------------------


def memory_mib(running: Running) -> dict[str, tuple[float, float]]:
    """(now, highest) of each service, resident, in MiB (proc(5): VmRSS, VmHWM)."""
    found = {}
    state = running.deployment.state() or {"pids": {}}
    for name, pid in state["pids"].items():
        lines = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Vm")
        )
        found[name] = (int(lines["VmRSS"].split()[0]) / 1024, int(lines["VmHWM"].split()[0]) / 1024)
    return found


def _latency(which: str, milliseconds: float, wanted: int) -> Figure:
    title = f"a lone fact, intake to allowance event ({LONE_FACTS} of them), {which}"
    return Figure(title, "ms", {"us": [milliseconds]}, ((f"{wanted} ms", "", wanted),), True, 1)


def figures(rounds: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Throughput, latency and memory from one deployment, on SQLite as embedded."""
    with tempfile.TemporaryDirectory(prefix="hongling-bench-") as name:
        yield from asyncio.run(_figures(Path(name), rounds, tell))


async def _figures(folder: Path, rounds: int, tell: Callable[[str], None]) -> list[Figure]:
    runs: dict[str, list[float]] = {"bare client, publish": [], "bare client, fetch": [], "us": []}
    async with deployed(folder / "data") as place:
        await place.admin.jetstream().add_stream(StreamConfig(name="BARE", subjects=["bare.>"]))
        tell("facts of a made-up city are being sealed")
        chunks = rounds_of_facts(place.running.deployment, rounds)
        for number, facts in enumerate(chunks):
            runs["bare client, publish"].append(await bare_publish(place.admin, facts))
            runs["bare client, fetch"].append(await bare_fetch(place.admin, len(facts), number))
            began = time.perf_counter()
            await place.publish(facts)
            await place.settle()
            runs["us"].append(len(facts) / (time.perf_counter() - began))
            tell(f"  round {number + 1} of {rounds}: {len(facts):,} facts, {runs['us'][-1]:,.0f}/s")
        lone = await lone_facts(place, chunks[0], LONE_FACTS)
        positions = {service: (await place.status(service))["position"] for service in SERVICES}
        memory = memory_mib(place.running)
    lone.sort()
    p99 = lone[min(len(lone) - 1, int(len(lone) * 0.99))]
    found = [
        Figure("facts from intake to allowance event, both services", "facts/s", runs, (("5,000", "", 5_000),)),
        _latency("median", statistics.median(lone), 30),
        _latency("99 of 100", p99, 100),
    ]
    for service, position in positions.items():
        title = f"memory of {service} after {position:,} events (highest: {memory[service][1]:,.0f})"
        found.append(Figure(title, "MiB", {"us": [memory[service][0]]}, (("150 MiB", "", 150),), True))
    return found
