"""The relay carries every row to the stream: it may repeat, and never skips."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection

from eventlog import relay as module
from eventlog.database import Database
from eventlog.log import Log, Unit
from eventlog.relay import Relay, cursor_of, read_events, read_receipts
from eventlog.wire import BrokerOutage, Outgoing
from tests.eventlog.example import example_log, note, receipt_for
from tests.eventlog.fakes import FakePublisher, Notes
from tests.support import events_of, eventually, run


class Bench:
    def __init__(self, database: Database) -> None:
        self.log: Log = example_log(database)
        self.publisher = FakePublisher()
        self.relay = self.new_relay()

    def new_relay(self) -> Relay:
        return Relay("example", self.log.database, read_events("example"), self.publisher, Notes())

    def append(self, *streams: str) -> list[str]:
        appended = self.log.append([note(self.log, 0, stream) for stream in streams])
        return [e.event_id for e in appended.events]

    @property
    def cursor(self) -> int:
        with self.log.database.read.connect() as connection:
            return cursor_of(connection, "example")

    @property
    def stored(self) -> list[str]:
        return [m.message_id for m in self.publisher.stored]


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def test_rows_are_carried_in_order_under_their_own_ids(bench: Bench) -> None:
    """Two batches; then there is nothing left to carry."""
    first = bench.append("a", "b", "c")
    assert run(bench.relay.carry()) == 3
    second = bench.append("d")
    assert run(bench.relay.carry()) == 1
    assert run(bench.relay.carry()) == 0
    assert bench.stored == first + second
    assert (bench.cursor, bench.relay.position) == (4, 4)


def test_the_cursor_moves_only_after_the_stream_confirmed(bench: Bench) -> None:
    """While the publisher works, and when it fails, the cursor stands where it was."""
    bench.append("a", "b")
    seen: list[int] = []
    bench.publisher.before = lambda: seen.append(bench.cursor)
    bench.publisher.fails = 1
    with pytest.raises(BrokerOutage):
        run(bench.relay.carry())
    assert bench.cursor == 0
    run(bench.relay.carry())
    assert seen == [0, 0]
    assert bench.cursor == 2


def test_after_an_outage_the_same_messages_are_published_again(bench: Bench) -> None:
    """Also those of which the broker stored some: the same ids, so that it drops them; and what came since follows."""
    ids = bench.append("a", "b", "c")
    bench.publisher.fails, bench.publisher.stores_before_failing = 2, 2
    for _ in range(2):
        with pytest.raises(BrokerOutage):
            run(bench.relay.carry())
    later = bench.append("d")
    run(bench.relay.carry())
    assert bench.publisher.calls[0] == bench.publisher.calls[1] == ids
    assert bench.publisher.calls[2] == ids + later
    assert list(dict.fromkeys(bench.stored)) == ids + later


def test_a_crash_between_publishing_and_the_cursor_repeats_and_never_skips(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new process starts at the cursor and publishes the same ids."""
    ids = bench.append("a", "b")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.relay, "_save", crash)
    with pytest.raises(KeyboardInterrupt):
        run(bench.relay.carry())
    run(bench.new_relay().carry())
    assert bench.stored == ids + ids
    assert bench.cursor == 2


def test_long_logs_are_carried_in_batches(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """No batch is longer than the limit, and together they are everything."""
    monkeypatch.setattr(module, "RELAY_BATCH_MAX", 4)
    ids = bench.append(*"abcdefghij")
    assert [run(bench.relay.carry()) for _ in range(4)] == [4, 4, 2, 0]
    assert bench.stored == ids


def test_a_cursor_is_never_moved_back_by_a_second_relay(bench: Bench) -> None:
    """Of two that carried the same batch the slower one changes nothing."""
    bench.append("a", "b")
    slow = bench.new_relay()
    messages, start, last = slow._next()
    run(bench.relay.carry())
    bench.append("c")
    run(bench.relay.carry())
    slow._save(start, last)
    assert (len(messages), bench.cursor) == (2, 3)


def test_receipts_are_carried_like_events(bench: Bench) -> None:
    """In their own order, by a cursor of their own."""
    bench.log.append([Unit(receipts=[receipt_for("m-1"), receipt_for("m-2", "training")])])
    relay = Relay("example-receipts", bench.log.database, read_receipts("example"), bench.publisher, Notes())
    assert run(relay.carry()) == 2
    assert [m.subject for m in bench.publisher.stored] == ["receipts.hr.accepted", "receipts.training.accepted"]
    assert bench.cursor == 0


def test_rows_that_carry_nothing_are_passed_by(bench: Bench) -> None:
    """A reader may choose what it carries; the cursor goes on, so that nothing is looked at twice."""
    everything = read_events("example")
    looked_at: list[int] = []

    def read(connection: Connection, after: int, limit: int) -> tuple[Sequence[Outgoing], int]:
        looked_at.append(after)
        messages, last = everything(connection, after, limit)
        return [m for m in messages if m.message_id in wanted], last

    bench.append("a", "b")
    wanted = bench.append("c")
    relay = Relay("example", bench.log.database, read, bench.publisher, Notes())
    assert run(relay.carry()) == 3
    bench.append("d")
    assert [run(relay.carry()) for _ in range(3)] == [1, 0, 0]
    assert (bench.stored, bench.cursor, looked_at) == (wanted, 4, [0, 3, 4, 4])


def test_it_runs_through_an_outage_says_so_and_wakes_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failing while the broker is away; afterwards a wake is enough, without waiting for the next look."""
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)

    shown: list[str | None] = []

    async def work() -> None:
        bench.append("a")
        bench.publisher.fails = 1
        bench.publisher.before = lambda: shown.append(bench.relay.failing)
        task = asyncio.create_task(bench.relay.run())
        await eventually(lambda: len(bench.stored) == 1 and bench.relay.failing is None, "it was carried after all")
        await asyncio.to_thread(bench.append, "b")
        bench.relay.wake()
        await eventually(lambda: len(bench.stored) == 2, "the second event was carried", 5)
        task.cancel()

    run(work())
    assert shown == [None, "no word", None]


def test_a_wake_that_comes_while_it_is_looking_is_not_lost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is appended after the look that finds nothing and before the wait: it does not wait for the next poll."""
    monkeypatch.setattr(module, "POLL_SECONDS", 60.0)
    real: Callable[[], object] = bench.relay._next

    async def work() -> None:
        loop = asyncio.get_running_loop()
        first = [True]

        def look() -> object:
            found = real()
            if first:
                first.pop()
                bench.append("a")
                loop.call_soon_threadsafe(bench.relay.wake)
            return found

        monkeypatch.setattr(bench.relay, "_next", look)
        task = asyncio.create_task(bench.relay.run())
        await eventually(lambda: len(bench.stored) == 1, "the event was carried", 5)
        task.cancel()

    run(work())


def test_it_looks_by_itself_when_nobody_wakes_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another instance's append is found by the poll."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)

    async def work() -> None:
        task = asyncio.create_task(bench.relay.run())
        await asyncio.to_thread(bench.append, "a")
        await eventually(lambda: len(bench.stored) == 1, "the event was carried")
        task.cancel()

    run(work())
    assert [e.event_id for e in events_of(bench.log)] == bench.stored


def test_a_database_that_is_away_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the database raises, the rows stay and are carried later."""
    bench.append("a")
    real: Callable[[], object] = bench.relay._next
    failures: list[Exception] = [RuntimeError("away")]
    shown: list[str | None] = []

    def away_once() -> object:
        shown.append(bench.relay.failing)
        if failures:
            raise failures.pop()
        return real()

    monkeypatch.setattr(bench.relay, "_next", away_once)

    async def work() -> None:
        task = asyncio.create_task(bench.relay.run())
        await eventually(lambda: len(bench.stored) == 1, "it was carried after all")
        task.cancel()

    run(work())
    assert shown[:2] == [None, "RuntimeError"]
