"""The broker's side, against the real nats-server: what is published is stored, and what is stored is handed over at once."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import nats
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from console.deployment import Deployment, Running
from eventlog import nats as module
from eventlog.nats import BATCH_MESSAGES_MAX, JetStreamFeed, JetStreamPublisher
from eventlog.topology import consumer_config, stream_config
from eventlog.wire import BrokerOutage, ConsumerGone, Incoming, Outgoing
from tests.support import eventually, run

LONE_MESSAGE_SECONDS_MAX = 0.25
"""Generous for a machine under load; without load it takes a few milliseconds."""

_names = count()


@dataclass
class Bench:
    """A stream of its own with one durable consumer."""

    client: Client
    stream: str
    publisher: JetStreamPublisher
    feed: JetStreamFeed

    def messages(self, *ids: str) -> list[Outgoing]:
        return [Outgoing(f"{self.stream}.x", i, f"payload of {i}".encode()) for i in ids]

    async def stored(self) -> list[tuple[str, bytes]]:
        """(message id, payload) of everything on the stream, in order."""
        js = self.client.jetstream()
        state = (await js.stream_info(self.stream)).state
        found = []
        for sequence in range(1, state.messages + 1):
            message = await js.get_msg(self.stream, sequence)
            found.append(((message.headers or {})["Nats-Msg-Id"], message.data or b""))
        return found

    async def fetch(self, wanted: int) -> list[Incoming]:
        """Fetch until that many have come."""
        got: list[Incoming] = []
        while len(got) < wanted:
            got += await self.feed.fetch(100, 1.0)
        return got


@asynccontextmanager
async def bench(url: str, ack_wait_seconds: float | None = None, **options: Any) -> AsyncIterator[Bench]:
    client = await nats.connect(url, inbox_prefix=b"_INBOX_test", **options)
    try:
        stream = f"S{next(_names)}"
        js = client.jetstream()
        await js.add_stream(stream_config(stream, [f"{stream}.>"], "a test's"))
        consumer = consumer_config("c", [f"{stream}.>"], "a test's")
        if ack_wait_seconds is not None:
            consumer.ack_wait = ack_wait_seconds
        await js.add_consumer(stream, consumer)
        feed = JetStreamFeed(client, stream, "c", inbox_prefix="_INBOX_test", batch_max=50)
        yield Bench(client, stream, JetStreamPublisher(client, stream), feed)
        await feed.close()
    finally:
        await client.close()


def on(url: str, work: Callable[[Bench], Awaitable[Any]], **options: Any) -> Any:
    """Run with a bench."""

    async def whole() -> Any:
        async with bench(url, **options) as made:
            return await work(made)

    return run(whole())


# --- publishing -------------------------------------------------------------------------------------------------------


def test_an_atomic_batch_is_stored_whole_and_in_order(nats_server: str) -> None:
    """A hundred messages, each under its own id."""
    ids = [f"id-{n:03d}" for n in range(100)]

    async def work(b: Bench) -> Any:
        await b.publisher.publish(b.messages(*ids))
        return await b.stored()

    assert on(nats_server, work) == [(i, f"payload of {i}".encode()) for i in ids]


def test_a_batch_longer_than_the_server_takes_is_cut(nats_server: str) -> None:
    """One message more than a batch may have: all are stored, in order."""
    ids = [f"id-{n}" for n in range(BATCH_MESSAGES_MAX + 1)]

    async def work(b: Bench) -> Any:
        await b.publisher.publish(b.messages(*ids))
        state = (await b.client.jetstream().stream_info(b.stream)).state
        last = await b.client.jetstream().get_msg(b.stream, BATCH_MESSAGES_MAX + 1)
        return state.messages, (last.headers or {})["Nats-Msg-Id"]

    assert on(nats_server, work) == (BATCH_MESSAGES_MAX + 1, ids[-1])


def test_repeated_ids_fall_back_and_are_not_stored_twice(nats_server: str) -> None:
    """After a crash between publishing and the cursor: the batch is refused for its known ids, the rest is stored singly."""

    async def work(b: Bench) -> Any:
        await b.publisher.publish(b.messages("1", "2", "3"))
        await b.publisher.publish(b.messages("2", "3", "4", "5"))
        await b.publisher.publish(b.messages("5"))
        return [i for i, _ in await b.stored()]

    assert on(nats_server, work) == ["1", "2", "3", "4", "5"]


def test_a_repeat_inside_one_batch_is_stored_once(nats_server: str) -> None:
    """The server refuses such a batch; singly the repeat is dropped."""

    async def work(b: Bench) -> Any:
        await b.publisher.publish(b.messages("1", "2", "1", "3"))
        return [i for i, _ in await b.stored()]

    assert on(nats_server, work) == ["1", "2", "3"]


@pytest.mark.parametrize("ids", [["1"], ["1", "2"]], ids=["single", "batch"])
def test_publishing_where_no_stream_listens_is_an_outage_and_not_a_silence(
    nats_server: str, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be published without a stream's word."""
    monkeypatch.setattr(module, "PUBLISH_TIMEOUT_SECONDS", 1.0)

    async def work(b: Bench) -> None:
        await JetStreamPublisher(b.client, b.stream).publish([Outgoing("nobody.listens", i, b"x") for i in ids])

    with pytest.raises(BrokerOutage):
        on(nats_server, work)


def test_publishing_to_another_stream_than_ours_is_an_outage(nats_server: str) -> None:
    """A subject that another stream has taken does not count as stored."""

    async def work(b: Bench) -> None:
        await b.client.jetstream().add_stream(stream_config(f"{b.stream}other", [f"{b.stream}other.>"], "a test's"))
        await b.publisher.publish([Outgoing(f"{b.stream}other.x", "1", b"x")])

    with pytest.raises(BrokerOutage):
        on(nats_server, work)


# --- the feed ---------------------------------------------------------------------------------------------------------


def test_messages_come_in_order_with_their_sequence_and_id(nats_server: str) -> None:
    """More than the feed asks for at a time; each once, delivered for the first time, and after the ack nothing is left."""
    ids = [f"id-{n:03d}" for n in range(170)]

    async def work(b: Bench) -> Any:
        await b.publisher.publish(b.messages(*ids))
        got = await b.fetch(170)
        for message in got:
            await message.ack()
        await b.client.flush()
        left = await settled(b)
        return [(m.message_id, m.sequence, m.deliveries, m.payload, m.subject) for m in got], left, b.stream

    got, left, stream = on(nats_server, work)
    assert got == [(i, n, 1, f"payload of {i}".encode(), f"{stream}.x") for n, i in enumerate(ids, start=1)]
    assert left == (0, 0)


async def settled(b: Bench) -> tuple[int, int]:
    """(unacknowledged, pending) as soon as both are 0, or what they are at the deadline."""
    deadline = time.monotonic() + 5
    while True:
        info = await b.feed.check()
        found = (info.num_ack_pending or 0, info.num_pending or 0)
        if found == (0, 0) or time.monotonic() > deadline:
            return found


def test_a_lone_message_is_handed_over_at_once(nats_server: str) -> None:
    """Though the feed asks for fifty, and is waiting when it comes: the median of 15 is far below what a batch may wait."""

    async def work(b: Bench) -> list[float]:
        taken = []
        for number in range(15):
            waiting = asyncio.create_task(b.fetch(1))
            # The standing request is with the server before the message is published.
            await b.client.flush()
            start = time.perf_counter()
            await b.publisher.publish(b.messages(f"id-{number}"))
            [message] = await waiting
            taken.append(time.perf_counter() - start)
            await message.ack()
        return taken

    assert statistics.median(on(nats_server, work)) < LONE_MESSAGE_SECONDS_MAX


def test_a_fetch_takes_no_more_than_it_was_asked_for(nats_server: str) -> None:
    """The rest stays for the next one."""

    async def work(b: Bench) -> list[int]:
        await b.publisher.publish(b.messages(*map(str, range(7))))
        sizes: list[int] = []
        while sum(sizes) < 7:
            sizes.append(len(await b.feed.fetch(3, 1.0)))
        return sizes

    sizes = on(nats_server, work)
    assert max(sizes) <= 3
    assert sum(sizes) == 7


def test_nothing_to_fetch_comes_back_empty_after_the_wait(nats_server: str) -> None:
    """Not at once, which would be a busy loop, and not much later."""

    async def work(b: Bench) -> Any:
        await b.feed.fetch(10, 0.01)
        start = time.perf_counter()
        got = await b.feed.fetch(10, 0.2)
        return got, time.perf_counter() - start

    got, taken = on(nats_server, work)
    assert got == []
    assert 0.15 < taken < 3


def test_a_consumer_that_does_not_exist_is_named_with_the_remedy(nats_server: str) -> None:
    """At the first fetch."""

    async def work(b: Bench) -> None:
        feed = JetStreamFeed(b.client, b.stream, "nobody", inbox_prefix="_INBOX_test", batch_max=10)
        await feed.fetch(10, 1.0)

    with pytest.raises(ConsumerGone, match=r"nobody does not exist; run `hongling provision`"):
        on(nats_server, work)


def test_a_consumer_that_is_deleted_under_the_feed_is_noticed_and_found_again(nats_server: str) -> None:
    """While it waits: ConsumerGone at once, again at each try, and messages as soon as someone provisions it anew."""

    async def work(b: Bench) -> list[str | None]:
        js = b.client.jetstream()
        await b.feed.fetch(10, 0.01)
        await js.delete_consumer(b.stream, "c")
        for _ in range(2):
            with pytest.raises(ConsumerGone):
                await asyncio.wait_for(fetch_until_error(b), 5)
        await js.add_consumer(b.stream, consumer_config("c", [f"{b.stream}.>"], "a test's"))
        await b.publisher.publish(b.messages("1"))
        return [m.message_id for m in await fetch_through(b, 1)]

    assert on(nats_server, work) == ["1"]


async def fetch_until_error(b: Bench) -> None:
    while True:
        await b.feed.fetch(10, 1.0)


async def fetch_through(b: Bench, wanted: int) -> list[Incoming]:
    """Fetch as the consumer does: an error is waited out."""
    got: list[Incoming] = []
    deadline = time.monotonic() + 10
    while len(got) < wanted and time.monotonic() < deadline:
        try:
            got += await b.feed.fetch(10, 0.5)
        except ConsumerGone:
            continue
    return got


def test_a_negative_ack_delivers_again_after_the_delay(nats_server: str) -> None:
    """Not before it, and counted as the second delivery."""
    delay = 0.3

    async def work(b: Bench) -> Any:
        await b.publisher.publish(b.messages("1"))
        [first] = await b.fetch(1)
        start = time.perf_counter()
        await first.nak(delay)
        [second] = await b.fetch(1)
        taken = time.perf_counter() - start
        await second.ack()
        return first.deliveries, second.deliveries, first.sequence == second.sequence, taken

    first, second, same, taken = on(nats_server, work)
    assert (first, second, same) == (1, 2, True)
    assert taken >= delay * 0.9


def test_what_was_not_acknowledged_is_delivered_again(nats_server: str) -> None:
    """After the acknowledgement's time is up."""

    async def work(b: Bench) -> Any:
        await b.publisher.publish(b.messages("1", "2"))
        first = await b.fetch(2)
        await first[0].ack()
        again = await b.fetch(1)
        return [(m.message_id, m.deliveries) for m in again]

    assert on(nats_server, work, ack_wait_seconds=0.3) == [("2", 2)]


def test_signs_of_progress_keep_a_message_from_being_delivered_again(nats_server: str) -> None:
    """For longer than the acknowledgement's time, as long as the signs come."""

    async def work(b: Bench) -> Any:
        await b.publisher.publish(b.messages("1"))
        [message] = await b.fetch(1)
        extra: list[Incoming] = []
        until = time.perf_counter() + 1.2
        while time.perf_counter() < until:
            await message.in_progress()
            extra += await b.feed.fetch(1, 0.1)
        await message.ack()
        return extra

    assert on(nats_server, work, ack_wait_seconds=0.5) == []


def test_a_feed_asks_again_as_soon_as_the_broker_is_back(tmp_path: Path) -> None:
    """What it had asked for went down with the broker; an acknowledgement meanwhile fails by name, and is not needed."""
    running = Running(Deployment(tmp_path))
    running.deployment.create()
    running.start_broker()
    seed = str(running.deployment.seed_file("admin"))

    async def work() -> list[str | None]:
        options: dict[str, Any] = {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.05, "pending_size": 0}
        async with bench(running.url, nkeys_seed=seed, **options) as b:
            await b.publisher.publish(b.messages("1"))
            [message] = await b.fetch(1)
            running.kill("broker")
            await eventually(lambda: not b.client.is_connected, "the connection is down")
            with pytest.raises(BrokerOutage):
                await message.ack()
            running.start_broker()
            await eventually(lambda: b.client.is_connected, "the connection is up")
            await b.publisher.publish(b.messages("2"))
            # On a slow machine the first comes again before the second.
            came: list[str | None] = []
            async with asyncio.timeout(module.PULL_HEARTBEAT_SECONDS):
                while "2" not in came:
                    came += [message.message_id for message in await b.fetch(1)]
            return came

    try:
        assert run(work())[-1] == "2"
    finally:
        asyncio.run(running.stop())


names = st.binary(max_size=12) | st.sampled_from([b"Nats-Msg-Id", b"Nats Msg", b" Nats-Time-Stamp", b"x\x1fy", b"x\x85y", b""])


@given(lines=st.lists(st.tuples(names, st.sampled_from([b":", b": ", b""]), st.binary(max_size=12)), max_size=6))
def test_headers_are_parsed_as_the_client_does_it(lines: list[tuple[bytes, bytes, bytes]]) -> None:
    """Whatever the bytes, only faster."""
    raw = b"\r\n".join(b"".join(line) for line in lines) + b"\r\n\r\n"
    assert module.clients_own_parser(raw) == module.parse_header_lines(raw)
    assert Client._parse_header_lines is module.parse_header_lines
