"""The consumer acknowledges what is committed, waits outages out in order, and says when it stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from eventlog import consumer as module
from eventlog.consumer import SLICE_BYTES_MAX, SLICE_CPU_SECONDS_MAX, SLICE_MESSAGES_MAX, Consumer
from eventlog.log import BrokenLog
from eventlog.wire import BrokerOutage, ConsumerGone, Incoming
from tests.eventlog.fakes import FakeFeed, FakeIncoming, Notes
from tests.support import eventually, run


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("FETCH_WAIT_SECONDS", 0.005), ("RETRY_SECONDS_FIRST", 0.001), ("RETRY_SECONDS_MAX", 0.002),
                          ("IN_PROGRESS_SECONDS", 0.01)):  # fmt: skip
        monkeypatch.setattr(module, name, seconds)


class Bench:
    """acts: what the handler and the messages did, in one list, in order. shown: ``failing`` at each call of the handler."""

    def __init__(self, batches: Sequence[Sequence[bytes] | Exception], failures: Sequence[Exception] = ()) -> None:
        self.acts: list[Any] = []
        self.shown: list[str | None] = []
        self.failures = list(failures)
        self.gate = asyncio.Event()
        self.gate.set()
        made: list[Sequence[Incoming] | Exception] = [
            b if isinstance(b, Exception) else [FakeIncoming(p, self.acts) for p in b] for b in batches
        ]
        self.feed = FakeFeed(made)
        self.notes = Notes()
        self.consumer = Consumer("c", self.feed, self.handle, self.notes)

    async def handle(self, messages: Sequence[Incoming]) -> None:
        self.acts.append(("start", [m.payload for m in messages]))
        self.shown.append(self.consumer.failing)
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.acts.append(("done", [m.payload for m in messages]))

    async def until(self, handled: int) -> None:
        task = asyncio.create_task(self.consumer.run())
        await eventually(lambda: self.consumer.handled >= handled, f"{handled} messages handled")
        task.cancel()


def test_messages_are_acknowledged_only_after_the_handler_returned() -> None:
    """Each of the batch, and none before the commit."""

    async def work() -> list[Any]:
        bench = Bench([[b"1", b"2"], [b"3"]])
        await bench.until(3)
        return bench.acts

    assert run(work()) == [
        ("start", [b"1", b"2"]), ("done", [b"1", b"2"]), ("ack", b"1"), ("ack", b"2"),
        ("start", [b"3"]), ("done", [b"3"]), ("ack", b"3"),
    ]  # fmt: skip


BIG = SLICE_BYTES_MAX // 2 - 1024


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([1] * 5, [5]),
        ([1] * (2 * SLICE_MESSAGES_MAX + 1), [SLICE_MESSAGES_MAX, SLICE_MESSAGES_MAX, 1]),
        ([BIG] * 5, [2, 2, 1]),
        ([SLICE_BYTES_MAX + 1, 1, SLICE_BYTES_MAX + 1], [1, 1, 1]),
    ],
)
def test_a_batch_is_settled_in_slices(sizes: list[int], expected: list[int]) -> None:
    """Each is acknowledged before the next is handed over; by number and by bytes, since what a message costs goes by these."""

    async def work() -> list[Any]:
        bench = Bench([[b"x" * size for size in sizes]])
        await bench.until(len(sizes))
        return bench.acts

    acts = [(what, len(said) if isinstance(said, list) else 1) for what, said in run(work()) if what != "in-progress"]
    assert acts == [act for count in expected for act in [("start", count), ("done", count), *[("ack", 1)] * count]]


def test_a_slice_that_took_long_is_followed_by_smaller_ones() -> None:
    """Messages that cost a hundredth of a second each come forty at a time; cheap ones then as many as before."""
    cpu, counts = [0.0], []

    async def work() -> None:
        bench = Bench([[b"x"] * (2 * SLICE_MESSAGES_MAX)] * 2)

        async def handle(messages: Sequence[Incoming]) -> None:
            counts.append(len(messages))
            cpu[0] += len(messages) * (0.01 if sum(counts) <= SLICE_MESSAGES_MAX + 200 else 0.0)

        bench.consumer = Consumer("c", bench.feed, handle, bench.notes, cpu_seconds=lambda: cpu[0])
        await bench.until(4 * SLICE_MESSAGES_MAX)

    run(work())
    assert (counts[0], max(counts[1:6]), max(counts[6:])) == (
        SLICE_MESSAGES_MAX,
        round(SLICE_CPU_SECONDS_MAX / 0.01),
        SLICE_MESSAGES_MAX,
    )


def test_between_two_slices_others_get_their_turn() -> None:
    """A handler that never waits does not keep the loop to itself until the whole batch is settled."""

    async def work() -> list[Any]:
        bench, settled = Bench([[]]), asyncio.Event()

        class Telling(FakeIncoming):
            async def ack(self) -> None:
                await super().ack()
                settled.set()

        bench.feed.batches[0] = [Telling(payload * SLICE_BYTES_MAX, bench.acts) for payload in (b"1", b"2")]

        async def other() -> None:
            await settled.wait()
            bench.acts.append("answered")

        answering = asyncio.create_task(other())
        await bench.until(2)
        await answering
        acts = [act if isinstance(act, str) else act[0] for act in bench.acts]
        return [act for act in acts if act != "in-progress"]  # On a slow machine there are some.

    assert run(work()) == ["start", "done", "ack", "answered", "start", "done", "ack"]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(OperationalError("select", {}, Exception()), "database outage in c"), (RuntimeError("x"), "RuntimeError in c")],
)
def test_an_outage_is_waited_out_with_the_batch_in_hand(failure: Exception, reason: str) -> None:
    """The same batch is handed over again until it is settled: no negative ack, since later messages would overtake."""

    async def work() -> Bench:
        bench = Bench([[b"1"], [b"2"]], [failure] * 3)
        await bench.until(2)
        return bench

    bench = run(work())
    assert bench.acts == [("start", [b"1"])] * 4 + [
        ("done", [b"1"]),
        ("ack", b"1"),
        ("start", [b"2"]),
        ("done", [b"2"]),
        ("ack", b"2"),
    ]
    assert [fields["reason"] for event, fields in bench.notes.lines if event == "batch-not-settled"] == [
        reason.split(" in ")[0]
    ] * 3
    assert bench.consumer.failing is None


def test_it_says_why_it_stands_still_while_it_does() -> None:
    """``failing`` is set by the first failure, stays while it tries again, and is cleared by the success."""

    async def work() -> Bench:
        bench = Bench([[b"1"]], [OperationalError("select", {}, Exception())] * 2)
        await bench.until(1)
        return bench

    bench = run(work())
    assert bench.shown == [None, "database outage in c", "database outage in c"]
    assert bench.consumer.failing is None


def test_a_slow_batch_is_kept_alive() -> None:
    """Every message of it signals progress while the handler works, so that the broker does not deliver it again."""

    async def work() -> list[Any]:
        bench = Bench([[b"1", b"2"]])
        bench.gate.clear()
        task = asyncio.create_task(bench.consumer.run())
        await eventually(lambda: bench.acts.count(("in-progress", b"2")) >= 2, "two signs of life")
        assert ("ack", b"1") not in bench.acts
        bench.gate.set()
        await eventually(lambda: bench.consumer.handled == 2, "the batch is done")
        task.cancel()
        return bench.acts

    acts = run(work())
    assert acts[1:3] == [("in-progress", b"1"), ("in-progress", b"2")]
    assert acts[-3:] == [("done", [b"1", b"2"]), ("ack", b"1"), ("ack", b"2")]


@pytest.mark.parametrize(
    "error", [ConsumerGone("consumer gone"), BrokerOutage("no broker"), ConnectionRefusedError("no broker")]
)
def test_a_consumer_that_is_gone_shows_and_recovers(error: Exception) -> None:
    """It neither dies nor spins: it says why, asks again after a pause, and goes on when there is something again."""

    async def work() -> Bench:
        bench = Bench([error, error, [b"1"]])
        await bench.until(1)
        return bench

    bench = run(work())
    assert [event for event, _ in bench.notes.lines] == ["consumer-stands-still"] * 2
    pauses = [fields["pause_seconds"] for _, fields in bench.notes.lines]
    assert pauses == [0.001, 0.002], "the pauses grow"
    assert bench.consumer.failing is None
    assert bench.acts[-1] == ("ack", b"1")


def test_failing_is_set_while_the_consumer_is_gone() -> None:
    """What the status shows, from the first fetch that failed to the first that works."""

    async def work() -> list[str | None]:
        bench = Bench([ConsumerGone("consumer X does not exist"), ConsumerGone("still gone"), [], [b"1"]])
        shown: list[str | None] = []
        bench.feed.before = lambda: shown.append(bench.consumer.failing)
        await bench.until(1)
        return shown[:4]

    assert run(work()) == [None, "consumer X does not exist", "still gone", None]


def test_a_batch_that_was_cancelled_is_not_acknowledged() -> None:
    """A stop in the middle of the work leaves the messages with the broker."""

    async def work() -> list[Any]:
        bench = Bench([[b"1"]])
        bench.gate.clear()
        task = asyncio.create_task(bench.consumer.run())
        await eventually(lambda: bool(bench.acts), "the handler has begun")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return bench.acts

    assert ("ack", b"1") not in run(work())


def test_an_acknowledgement_that_cannot_be_sent_stops_nothing() -> None:
    """What is committed is delivered again some day; the consumer goes on with the next batch, and says so in the log."""

    class Unheard(FakeIncoming):
        async def ack(self) -> None:
            raise BrokerOutage("the buffer is full")

    async def work() -> Bench:
        bench = Bench([[b"1"], [b"2"]])
        bench.feed.batches[0] = [Unheard(b"1", bench.acts)]
        await bench.until(2)
        return bench

    bench = run(work())
    assert ("ack", b"2") in bench.acts
    assert [event for event, _ in bench.notes.lines] == ["not-acknowledged"]


def test_a_broken_invariant_stops_it_for_good() -> None:
    """Nothing is acknowledged and nothing more is asked for; the status says why until somebody has looked."""

    async def work() -> Bench:
        bench = Bench([[b"1"], [b"2"]], [BrokenLog("the root does not fit")])
        await bench.consumer.run()
        return bench

    bench = run(work())
    assert bench.acts == [("start", [b"1"])]
    assert bench.consumer.failing == "the root does not fit in c"
    assert bench.notes.lines[-1][0] == "consumer-stopped"
