"""What may take long is settled away from the loop, one batch at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from eventlog.database import Database
from eventlog.desk import Item
from eventlog.turns import Turns
from eventlog.wire import Incoming
from tests.eventlog.fakes import FakeIncoming
from tests.support import RegistryBench, run
from tests.talent.test_appraisal_handlers import AppraisalBench


def test_work_of_unknown_length_leaves_the_loop_free() -> None:
    """It is done in another thread; what comes behind it waits for its turn."""
    done: list[str] = []

    async def work() -> None:
        turns, go = Turns(), threading.Event()

        def long() -> None:
            go.wait(10)
            done.append("long")

        first = asyncio.create_task(turns.take(long, long=True))
        second = asyncio.create_task(turns.take(lambda: done.append("short"), long=False))
        await asyncio.sleep(0)
        done.append("the loop")
        go.set()
        await asyncio.gather(first, second)

    run(work())
    assert done == ["the loop", "long", "short"]


class Came(FakeIncoming):
    def __init__(self, item: Item) -> None:
        super().__init__(item.raw, [])
        self.subject = item.subject
        self.sequence = item.sequence


@pytest.fixture
def lite(sqlite_url: str, open_database: Callable[[str], Database]) -> Database:
    return open_database(sqlite_url)


def threads_of(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[bool]:
    """For each call, whether it was made in the loop's own thread."""
    found: list[bool] = []
    real = getattr(owner, name)

    def noted(self: object, items: object) -> object:
        found.append(threading.current_thread() is threading.main_thread())
        return real(self, items)

    monkeypatch.setattr(owner, name, noted)
    return found


def test_an_act_on_a_whole_cycle_is_settled_away_from_the_loop(lite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scoring 5,000 people takes a third of a second; opening the cycle is a message like any other."""
    bench = AppraisalBench(lite)
    in_loop = threads_of(monkeypatch, type(bench.talent), "take")

    async def work() -> None:
        for item in (bench.opens(), bench.scores(), bench.publishes_results()):
            message: Incoming = Came(item)
            await bench.talent.handle_intake([message])

    run(work())
    assert in_loop == [True, False, False]


def test_what_many_wait_for_is_settled_away_from_the_loop(lite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It brings all of them with it, in its own append."""
    monkeypatch.setattr("eventlog.holding.MANY_HELD", 2)
    bench = RegistryBench(lite)
    in_loop = threads_of(monkeypatch, type(bench.intake), "settle")

    async def work() -> None:
        for year in (2021, 2022, 2023):
            await bench.intake.handle([Came(bench.rates(year, id=f"rate-{year}"))])
        await bench.intake.handle([Came(bench.registers())])

    run(work())
    assert in_loop == [True, True, True, False]
    assert {outcome for id, outcome in bench.outcomes[3:]} == {"accepted"}


def test_a_long_history_is_folded_away_from_the_loop(lite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person with thousands of facts whom nobody has asked about since the start; then it is in the cache."""
    monkeypatch.setattr("eventlog.turns.HISTORY_MAX", 3)
    bench = RegistryBench(lite)

    async def work() -> None:
        await bench.intake.handle([Came(bench.registers())])
        await bench.intake.handle([Came(bench.rates(year, id=f"rate-{year}")) for year in (2021, 2022, 2023)])
        again = RegistryBench(lite)
        in_loop = threads_of(monkeypatch, type(again.intake), "settle")
        await again.intake.handle([Came(again.rates(2024, id="rate-2024"))])
        await again.intake.handle([Came(again.rates(2025, id="rate-2025"))])
        assert in_loop == [True, False, True]

    run(work())
    assert [outcome for _, outcome in bench.outcomes] == ["accepted"] * 6
