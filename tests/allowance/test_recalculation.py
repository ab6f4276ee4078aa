"""A recalculation that broke off goes on when its task is started again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from eventlog.database import Database
from services.allowance.app import open_log
from services.allowance.handlers import Recalculation
from tests.support import eventually, run


def test_what_a_failure_left_undone_is_done_first(
    sqlite_url: str, open_database: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was away in the middle of a page; nobody publishes another policy, and the rest is done all the same."""
    recalculation = Recalculation(open_log(open_database(sqlite_url)), wake=lambda: None)
    pages = [True, True, False]
    outages = [OSError("the database is away")]
    done: list[bool] = []

    def step() -> bool:
        if len(done) == 1 and outages:
            raise outages.pop()
        done.append(pages.pop(0))
        return done[-1]

    monkeypatch.setattr(recalculation, "step", step)

    async def work() -> None:
        with pytest.raises(OSError, match="away"):
            await recalculation.run()
        again = asyncio.create_task(recalculation.run())
        await eventually(lambda: not pages, "the other pages are done")
        again.cancel()

    run(work())
    assert done == [True, True, False]
