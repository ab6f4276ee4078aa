"""The relay, log to stream, against bare windowed publishing of the same messages."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from nats.aio.client import Client
from nats.js.api import StreamConfig
from sqlalchemy import make_url

from benchmarks.commands import open_log
from benchmarks.growth import fill
from benchmarks.measure import Figure
from console.deployment import Deployment, Running, connect
from console.topology import ADMIN
from eventlog.log import Log
from eventlog.logging import get_log
from eventlog.nats import JetStreamPublisher
from eventlog.relay import Relay, read_events
from eventlog.wire import Outgoing, event_message

__all__ = ["figures"]

EVENTS = 50_000
WINDOW = 1_000


async def bare(client: Client, messages: list[Outgoing], turn: int) -> float:
    """publish_async, a window at a time, every acknowledgement waited for; to a stream of its own."""
    js = client.jetstream(publish_async_max_pending=2 * WINDOW)
    began = time.perf_counter()
    for start in range(0, len(messages), WINDOW):
        acks = [
            await js.publish_async(f"bare.{m.subject}", m.payload, headers={"Nats-Msg-Id": f"{turn}-{m.message_id}"})
            for m in messages[start : start + WINDOW]
        ]
        await asyncio.gather(*acks)
    return len(messages) / (time.perf_counter() - began)


async def carried(client: Client, log: Log, turn: int) -> float:
    """A relay with a cursor of its own carries the whole log; what it carries is new to the broker each time."""
    relay = Relay(
        f"bench-{turn}", log.database, read_events("registry"), JetStreamPublisher(client, "REGISTRY"), get_log("bench")
    )
    began = time.perf_counter()
    count = 0
    while moved := await relay.carry():
        count += moved
    return count / (time.perf_counter() - began)


def figures(rounds: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """A broker without services; REGISTRY is made anew for each round, so that nothing is a repeat."""
    with tempfile.TemporaryDirectory(prefix="hongling-bench-") as name:
        yield asyncio.run(_figure(Path(name), rounds, tell))


async def _figure(folder: Path, rounds: int, tell: Callable[[str], None]) -> Figure:
    log = open_log(make_url(f"sqlite:///{folder / 'registry.db'}"))
    fill(log, EVENTS)
    with log.database.read.connect() as connection:
        messages = [event_message("registry", row) for row in log.rows(connection, 0, EVENTS)]
    runs: dict[str, list[float]] = {"bare windowed publishing": [], "us": []}
    running = Running(Deployment(folder / "data"), services=())
    async with running:
        client = await connect(running.url, ADMIN, running.deployment.seed_file(ADMIN))
        js = client.jetstream(timeout=30)
        for turn in range(rounds):
            await js.add_stream(StreamConfig(name="BARE", subjects=["bare.>"], allow_direct=True))
            runs["bare windowed publishing"].append(await bare(client, messages, turn))
            await js.delete_stream("BARE")
            runs["us"].append(await carried(client, log, turn))
            await js.delete_stream("REGISTRY")
            await running.deployment.provision(running.url)
            tell(f"  round {turn + 1} of {rounds}: " + ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in runs.items()))
        await client.close()
    log.database.close()
    goals = (("60 % of bare publishing", "bare windowed publishing", 0.6),)
    return Figure("relay, log to stream", "events/s", runs, goals)
