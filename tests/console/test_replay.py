"""Replay equals live: whatever happened, in whatever order, the log alone gives the read models and the decisions again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from console.replay import decide_again, rebuild_and_compare, swap
from console.verify import LogCheck
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.log import Log
from services.allowance.decider import Hear
from services.allowance.handlers import RegistryEvents
from services.allowance.views import entitlement
from tests.allowance.bench import AllowanceBench
from tests.allowance.example import policy_text
from tests.allowance.histories import histories
from tests.support import RegistryBench
from tests.telling import as_told

PEOPLE = 3
YEARS = (2021, 2022)
WORDS = ("excellent", "competent", "basic", "outstanding")
_files = count()

people = st.integers(1, PEOPLE)
years = st.sampled_from(YEARS)
words = st.sampled_from(WORDS)


class Places:
    """A registry and an allowance service side by side; what one says is carried to the other when the test says so."""

    def __init__(self, registry: Database, allowance: Database) -> None:
        self.registry = RegistryBench(registry)
        self.allowance = AllowanceBench(allowance, seed=9)
        self.sent: list[Item] = []
        self.rated: list[tuple[str, int]] = []
        self.policies = 0
        self._messages = count(1)

    def close(self) -> None:
        self.registry.database.close()
        self.allowance.log.database.close()

    # --- what may happen, each a step -------------------------------------------------------------------------------------

    def tell(self, *items: Item) -> None:
        self.sent += items
        self.registry.settle(*items)

    def registration(self, person: int) -> Item:
        return self.registry.registers(person, id=f"reg-{next(self._messages)}", key=f"w-{person}", on="2020-06-01")

    def engagement(self, person: int) -> Item:
        number = next(self._messages)
        data = {"person": {"source_key": f"w-{person}"}, "engagement": f"e-{person}", "category": "secretary"}
        return self.registry.message(
            "engagement-started", data | {"unit": f"u-{number}", "post": "p"}, id=f"start-{number}", on="2020-06-01"
        )

    def rating(self, person: int, year: int, word: str) -> Item:
        message_id = f"rate-{next(self._messages)}"
        self.rated.append((message_id, year))
        return self.registry.rates(year, word, id=message_id, person={"source_key": f"w-{person}"}, on=f"{year + 1}-01-10")

    def correction(self, which: int, word: str) -> Item:
        target, year = self.rated[which % len(self.rated)] if self.rated else ("rate-never", YEARS[0])
        replacement = {"kind": "rating", "year": year, "rating": word}
        return self.registry.corrects(target, replacement, id=f"fix-{next(self._messages)}", on=f"{year + 1}-01-10")

    def withdrawal(self, which: int) -> Item:
        target, _ = self.rated[which % len(self.rated)] if self.rated else ("rate-never", 0)
        return self.registry.withdraws(target, id=f"gone-{next(self._messages)}")

    def garbage(self) -> Item:
        return Item("intake.hr.registry.annual-rating-recorded", b"{", next(self.registry.sequence))

    def carry(self, start: int, size: int) -> None:
        """A stretch of the registry's events reaches allowance, perhaps again, perhaps before what stands in front of it."""
        self.allowance.hear(*self.registry.stream_items()[start : start + size])

    def publish(self, excellent: int, first: int) -> None:
        """One more revision of the policy; recalculating is another step."""
        self.policies += 1
        text = policy_text(revision=self.policies, excellent=excellent, first=first)
        self.allowance.intake.settle([self.allowance.publishes(text, id=f"policy-{self.policies}")])

    def carry_all(self, *items: Item) -> None:
        self.tell(*items)
        self.carry(0, 1_000)

    def publish_and_recalculate(self, excellent: int, first: int) -> None:
        self.publish(excellent, first)
        self.allowance.recalculate()

    def restart(self) -> None:
        """Allowance dies and comes back with nothing but its database."""
        self.allowance.events_handler = RegistryEvents(self.allowance.log, wake=lambda: None)
        self.allowance.recalculating = self.allowance.new_recalculation()

    def finish(self) -> None:
        self.carry(0, 1_000)
        self.allowance.recalculate()


@st.composite
def a_step(draw: st.DrawFn) -> Callable[[Places], object]:
    """One of the things that may happen, with its particulars."""
    person, year, word, number = draw(people), draw(years), draw(words), draw(st.integers(0, 30))
    fen = draw(st.integers(0, 500_000))
    steps: list[Callable[[Places], object]] = [
        lambda p: p.tell(p.registration(person)),
        lambda p: p.tell(p.engagement(person), p.rating(person, year, word)),
        lambda p: p.tell(p.rating(person, year, word), p.registration(person)),
        lambda p: p.tell(p.correction(number, word)),
        lambda p: p.tell(p.withdrawal(number)),
        lambda p: p.tell(p.garbage()),
        lambda p: p.tell(*(p.registry.again(item) for item in p.sent[number : number + 3])),
        lambda p: p.carry_all(p.registration(person), p.engagement(person), p.rating(person, year, word)),
        lambda p: p.carry(number, 5),
        lambda p: p.carry(0, 1_000),
        lambda p: p.publish(fen, year),
        lambda p: p.publish_and_recalculate(fen, YEARS[0]),
        lambda p: p.allowance.recalculating.step(),
        lambda p: p.restart(),
    ]
    return draw(st.sampled_from(steps))


def assert_replay_equals_live(log: Log) -> None:
    """The read models, rebuilt; and the log's own proof on the way."""
    check = LogCheck(log.name)
    result = rebuild_and_compare(log, check=check)
    assert [] == result.differences
    assert [] == check.report.problems


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(a_step(), min_size=5, max_size=25))
def test_replay_equals_live_after_any_history(tmp_path: Path, steps: list[Callable[[Places], object]]) -> None:
    """Both services' read models; and every decision comes out again as it was made, from the recorded facts alone."""
    number = next(_files)
    places = Places(*(Database(f"sqlite:///{tmp_path}/{name}-{number}.db") for name in ("registry", "allowance")))
    try:
        for step in steps:
            step(places)
        assert_replay_equals_live(places.registry.log)
        assert_replay_equals_live(places.allowance.log)
        places.finish()
        assert_replay_equals_live(places.allowance.log)
        _, differing = decide_again(places.allowance.log)
        assert [] == differing
    finally:
        places.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(), data=st.data())
def test_replay_equals_live_with_every_kind_of_fact(tmp_path: Path, history: list[Hear], data: st.DataObject) -> None:
    """Certificates and what becomes of them, closings and moves, heard in any order and repeated, and a policy among them."""
    bench = AllowanceBench(Database(f"sqlite:///{tmp_path}/kinds-{next(_files)}.db"))
    try:
        items = data.draw(st.permutations(as_told(history)))
        cut = data.draw(st.integers(0, len(items)))
        bench.hear(*items[:cut])
        bench.publish(policy_text(certificate=True))
        bench.hear(*items[cut:], *items[:2])
        assert_replay_equals_live(bench.log)
        _, differing = decide_again(bench.log)
        assert [] == differing
    finally:
        bench.log.database.close()


@pytest.fixture
def paid(database: Database, sqlite_url: str, open_database: Callable[[str], Database]) -> Places:
    """One worker with an amount. Allowance's log is on either database."""
    registry = open_database(sqlite_url + "-registry")
    places = Places(registry, database)
    places.tell(places.registration(1), places.engagement(1), places.rating(1, 2021, "excellent"))
    places.publish(100_000, 2021)
    places.finish()
    return places


def owed(places: Places) -> Any:
    return list(places.allowance.owed().values())


def test_a_read_model_that_was_tampered_with_is_named_and_swapped_back(paid: Places) -> None:
    """The row is shown as it is and as it should be; after the swap there is no difference."""
    log = paid.allowance.log
    with log.database.write.begin() as connection:
        connection.execute(update(entitlement).values(amount_fen=1))
    found = rebuild_and_compare(log).differences
    assert [("entitlement", 1, 100_000)] == [(d.table, d.live["amount_fen"], d.rebuilt["amount_fen"])
                                             for d in found if d.live and d.rebuilt]  # fmt: skip
    swap(log)
    assert [] == rebuild_and_compare(log).differences
    assert [100_000] == owed(paid)


def test_a_replay_writes_nothing(paid: Places) -> None:
    """Neither an event nor a receipt nor a row more than before."""
    log = paid.allowance.log

    def everything() -> tuple[Any, ...]:
        with log.database.read.connect() as connection:
            return log.head(connection), paid.allowance.events, paid.allowance.receipts, owed(paid)

    before = everything()
    rebuild_and_compare(log)
    decide_again(log)
    assert before == everything()
