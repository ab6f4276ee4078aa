"""Another service's events are heard completely and in order, whatever the broker loses, repeats and reorders."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.heard import gaps, save_heard, sort_out
from eventlog.ids import FixedClock
from eventlog.log import Log, partition_of
from eventlog.wire import event_message
from tests.eventlog.example import example_log, note
from tests.support import NOW

EVENTS = 12


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    """What a sender published: twelve events of three streams, two of them in one partition."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('sender') / 'log.db'}")
    log = example_log(database)
    streams = [*_in_one_partition(), "elsewhere"]
    assert len({partition_of(s) for s in streams}) == 2
    log.append([note(log, turn // 3, streams[turn % 3]) for turn in range(EVENTS)])
    with database.read.connect() as connection:
        rows = log.rows(connection, 0, 100)
    database.close()
    return [Item(m.subject, m.payload, row.position) for row in rows for m in [event_message("example", row)]]


def _in_one_partition() -> tuple[str, str]:
    names = (f"s{n}" for n in count() if partition_of(f"s{n}") == (partition_of("elsewhere") + 1) % 16)
    return next(names), next(names)


class Hearer:
    """A service that hears: it writes down what is handed over, in the transaction that moves its positions."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.heard: list[Any] = []

    def hear(self, items: Sequence[Item], meanwhile: Callable[[], None] = lambda: None) -> None:
        """meanwhile: what another instance does between our looking and our writing; then we look again."""
        for between in (meanwhile, lambda: None):
            with self.log.database.read.connect() as connection:
                found = sort_out(connection, "example", items)
            between()
            if not found.moved:
                break
            done = self.log.append([], whole=True, also=partial(save_heard, found=found, clock=FixedClock(NOW)))
            if done.head is not None:
                break
        else:
            pytest.fail("nobody was in between, and yet it did not go through")
        self.heard += [foreign.envelope for foreign in found.ready]

    def gaps(self) -> list[dict[str, int]]:
        with self.log.database.read.connect() as connection:
            return gaps(connection, "example")

    def kept(self) -> int:
        with self.log.database.read.connect() as connection:
            return len(connection.execute(select(schema.ahead)).all())

    def by_partition(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for envelope in self.heard:
            found.setdefault(envelope.partition, []).append(envelope.position)
        return found


def in_order(items: Sequence[Item]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for item in items:
        found.setdefault(int(item.subject.split(".")[1]), []).append(item.sequence)
    return found


@pytest.fixture
def hearer(database: Database) -> Hearer:
    return Hearer(example_log(database))


def test_what_comes_in_order_is_heard_in_order(hearer: Hearer, published: list[Item]) -> None:
    """All in one batch, or each in its own."""
    hearer.hear(published[:7])
    for item in published[7:]:
        hearer.hear([item])
    assert [e.position for e in hearer.heard] == list(range(1, EVENTS + 1))
    assert hearer.gaps() == []


def test_a_repeat_is_not_heard_twice(hearer: Hearer, published: list[Item]) -> None:
    """Neither in the same batch nor in a later one."""
    hearer.hear([*published, *published])
    hearer.hear(published)
    assert [e.position for e in hearer.heard] == list(range(1, EVENTS + 1))


def test_an_event_from_beyond_a_gap_waits_and_the_gap_is_reported(hearer: Hearer, published: list[Item]) -> None:
    """Its partition stands still with a word about which event is missing; the other partition goes on."""
    first = int(published[0].subject.split(".")[1])
    own = [item for item in published if int(item.subject.split(".")[1]) == first]
    hearer.hear([item for item in published if item is not own[1]])
    assert hearer.gaps() == [{"partition": first, "heard": own[0].sequence, "missing": own[1].sequence}]
    assert hearer.kept() == len(own) - 2
    assert first not in hearer.by_partition() or hearer.by_partition()[first] == [own[0].sequence]
    assert len(hearer.heard) == EVENTS - len(own) + 1
    hearer.hear([own[1]])
    assert hearer.by_partition() == in_order(published)
    assert (hearer.gaps(), hearer.kept()) == ([], 0)


def test_what_is_kept_is_kept_once(hearer: Hearer, published: list[Item]) -> None:
    """Redelivery of an early event changes nothing."""
    hearer.hear(published[6:])
    kept = hearer.kept()
    hearer.hear(published[6:])
    assert hearer.kept() == kept > 0
    assert hearer.heard == []


def test_a_message_that_is_no_event_is_set_apart(hearer: Hearer, published: list[Item]) -> None:
    """The others of the batch are heard."""
    with hearer.log.database.read.connect() as connection:
        found = sort_out(
            connection, "example", [Item("example.00.x", b"not json", 1), Item("example.00.x", b"{}", 2), published[0]]
        )
    assert [item.sequence for item in found.unreadable] == [1, 2]
    assert [f.envelope.position for f in found.ready] == [1]


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("source", "/hongling/talent"),
        ("partition", 15),
        ("previous", 1),
        ("previous", 99),
        ("type", "example"),
        ("subject", "s-x"),
    ],
)
def test_what_cannot_be_of_that_log_is_set_apart(hearer: Hearer, published: list[Item], attribute: str, value: Any) -> None:
    """Another log's event, one in a wrong partition or with a pointer to itself or ahead: it stops nothing."""
    event = json.loads(published[0].raw)
    assert event[attribute] != value
    forged = Item(published[0].subject, json.dumps({**event, attribute: value}).encode(), 1)
    with hearer.log.database.read.connect() as connection:
        found = sort_out(connection, "example", [forged])
    assert ([item.sequence for item in found.unreadable], found.ready, found.early) == ([1], [], {})
    hearer.hear([forged, *published])
    assert [e.position for e in hearer.heard] == list(range(1, EVENTS + 1))


def test_an_event_on_another_subject_than_its_own_is_set_apart(hearer: Hearer, published: list[Item]) -> None:
    """Whoever may publish to one subject only cannot speak in another's place."""
    with hearer.log.database.read.connect() as connection:
        found = sort_out(connection, "example", [Item("example.00.another", published[0].raw, 1)])
    assert len(found.unreadable) == 1


def test_two_instances_cannot_both_hear_one_event(hearer: Hearer, published: list[Item]) -> None:
    """Whoever comes second is told to decide again, the first time and later."""

    def move(found: Any) -> bool:
        return hearer.log.append([], whole=True, also=lambda c: save_heard(c, found, FixedClock(NOW))).head is not None

    for part in (published[:3], published[3:6]):
        with hearer.log.database.read.connect() as connection:
            first, second = (sort_out(connection, "example", part) for _ in range(2))
        assert move(first)
        assert not move(second)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_loss_repetition_and_order_ends_in_every_event_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, published: list[Item], data: st.DataObject
) -> None:
    """Some messages come in any order and any number of times, others never; the reconciler then publishes all again."""
    arrivals = data.draw(st.lists(st.sampled_from(published), max_size=2 * EVENTS))
    cuts = data.draw(st.lists(st.integers(0, len(arrivals)), max_size=4))
    again = data.draw(st.permutations(published))
    database = Database(f"sqlite:///{fresh(tmp_path_factory)}")
    hearer = Hearer(example_log(database))
    edges = [0, *sorted(cuts), len(arrivals)]
    for start, end in pairwise(edges):
        hearer.hear(arrivals[start:end])
        lost = {p: [i for i in places if i not in {a.sequence for a in arrivals}] for p, places in in_order(published).items()}
        for partition, heard in hearer.by_partition().items():
            assert heard == in_order(published)[partition][: len(heard)], "heard in order, without a hole"
            assert not lost[partition] or max(heard) < min(lost[partition])
    hearer.hear(again)
    assert hearer.by_partition() == in_order(published)
    assert (hearer.gaps(), hearer.kept()) == ([], 0)
    database.close()


_numbers = count()


def fresh(factory: pytest.TempPathFactory) -> Path:
    return factory.getbasetemp() / f"heard-{next(_numbers)}.db"


@pytest.mark.parametrize("late", [0, 1])
def test_two_instances_leave_no_event_behind_between_them(database: Database, published: list[Item], late: int) -> None:
    """One hears what is missing just when the other keeps what comes after it: neither is forgotten, nor reported as a gap."""
    log = example_log(database)
    one, other = Hearer(log), Hearer(log)
    elsewhere = published[2].subject.split(".")[1]
    items = [item for item in published if item.subject.split(".")[1] != elsewhere]
    now, between = (items[1], items[0]) if late else (items[0], items[1])
    one.hear([now], lambda: other.hear([between]))
    assert sorted(e.position for e in (*one.heard, *other.heard)) == [items[0].sequence, items[1].sequence]
    assert (one.kept(), one.gaps()) == (0, [])
