"""Each source may send so much, and what goes beyond is refused, erased, and not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.quota import ANSWERS_PER_DAY_MAX, Quota, Sent, sent_beyond
from tests.support import NOW, RegistryBench

SECOND = 10**9
TODAY_NS = int(NOW.timestamp()) * SECOND
DAY = 86_400 * SECOND


@pytest.fixture
def bench(database: Database) -> RegistryBench:
    return RegistryBench(database, quota=Quota(messages_per_second_max=2, bytes_per_day_max=100_000))


def stored(item: Item, ns: int) -> Item:
    return replace(item, stored_ns=TODAY_NS + ns)


def refused_for_quota(bench: RegistryBench) -> list[str]:
    return [r.id for r in bench.receipts if any(problem.code == "over-quota" for problem in r.problems)]


def test_what_comes_in_too_fast_is_refused_and_erased(bench: RegistryBench) -> None:
    """Two a second are taken, the third is answered, erased from the stream, and stands in no table."""
    first, second, third = (stored(bench.registers(n, id=f"reg-{n}", key=f"w-{n}"), n) for n in (1, 2, 3))
    assert [third.sequence] == bench.settle(first, second, third)
    assert ["reg-3"] == refused_for_quota(bench)
    with bench.database.read.connect() as connection:
        assert 0 == connection.execute(select(func.count()).select_from(schema.parked)).scalar_one()
        assert [("hr", 1)] == [(each["source"], each["refused"]) for each in sent_beyond(connection, NOW)]


def test_what_was_refused_for_its_amount_may_come_again_under_its_id(bench: RegistryBench) -> None:
    """The next second there is room again, and the id was not used up."""
    items = [stored(bench.registers(n, id=f"reg-{n}", key=f"w-{n}"), n) for n in (1, 2, 3)]
    bench.settle(*items)
    bench.settle(stored(bench.again(items[2]), SECOND))
    assert ("reg-3", "accepted") == bench.outcomes[-1]


def test_another_source_is_not_concerned(bench: RegistryBench) -> None:
    """Each is counted by itself."""
    mine = [stored(bench.registers(n, id=f"reg-{n}", key=f"w-{n}"), n) for n in (1, 2, 3)]
    other = stored(bench.registers(4, id="reg-4", key="w-4", source="training"), 4)
    bench.settle(*mine, other)
    assert ("reg-4", "accepted") == bench.outcomes[-1]


def test_the_bytes_of_a_day_are_bounded_whatever_they_are(bench: RegistryBench) -> None:
    """Garbage counts too, and beyond the quota it is not parked again in the database."""
    garbage = [
        Item("intake.hr.registry.worker-registered", b"x" * 60_000, next(bench.sequence), stored_ns=TODAY_NS + n * SECOND)
        for n in range(5)
    ]
    assert [item.sequence for item in garbage[1:]] == bench.settle(*garbage)
    with bench.database.read.connect() as connection:
        assert 1 == connection.execute(select(func.count()).select_from(schema.parked)).scalar_one()
    bench.settle(stored(bench.registers(), DAY))
    assert ("reg-1", "accepted") == bench.outcomes[-1]


def test_a_message_that_is_delivered_again_is_not_counted_again(bench: RegistryBench) -> None:
    """A redelivery is the same message at the same place."""
    item = stored(bench.registers(), 1)
    for _ in range(5):
        bench.settle(item)
    assert [] == refused_for_quota(bench)


def test_a_flood_is_not_answered_without_end() -> None:
    """So that answers fill the disk no more than messages do."""
    sent, quota = Sent("hr"), Quota(messages_per_second_max=1)
    answered = [sent.answered for n in range(1, ANSWERS_PER_DAY_MAX + 10) if not sent.takes(1, n, TODAY_NS + n, quota)]
    assert (ANSWERS_PER_DAY_MAX, ANSWERS_PER_DAY_MAX + 8) == (sum(answered), len(answered))


@given(st.lists(st.tuples(st.integers(1, 5_000), st.integers(0, 3 * SECOND)), max_size=60))
def test_no_second_and_no_day_takes_more_than_the_quota(sizes: list[tuple[int, int]]) -> None:
    """Whatever comes, however fast."""
    quota = Quota(messages_per_second_max=3, bytes_per_day_max=20_000)
    sent, at, seconds, days = Sent("hr"), TODAY_NS, dict[int, int](), dict[int, int]()
    for place, (size, pause) in enumerate(sizes, start=1):
        at += pause * 7_000 + 1
        if sent.takes(size, place, at, quota):
            seconds[at // SECOND] = seconds.get(at // SECOND, 0) + 1
            days[at // DAY] = days.get(at // DAY, 0) + size
    assert all(count <= 3 for count in seconds.values())
    assert all(size <= 20_000 for size in days.values())


def test_all_of_a_batch_that_has_one_time_are_counted() -> None:
    """An atomic batch is stored at one moment."""
    sent, quota = Sent("hr"), Quota(messages_per_second_max=2)
    assert [True, True, False] == [sent.takes(1, place, TODAY_NS, quota) for place in (1, 2, 3)]


def test_a_stream_that_was_made_anew_counts_from_its_beginning() -> None:
    """Its places begin at 1 again."""
    sent, quota = Sent("hr"), Quota(messages_per_second_max=1)
    takes: Callable[[int, int], bool] = lambda place, ns: sent.takes(1, place, TODAY_NS + ns, quota)  # noqa: E731
    assert [True, True, False] == [takes(900, 0), takes(1, SECOND), takes(2, SECOND + 1)]
