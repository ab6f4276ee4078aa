"""What a service does with a task that fails: it is started again, and the status says so meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from sqlalchemy.exc import OperationalError

from eventlog import service as module
from eventlog.database import Database
from eventlog.nats import StreamState
from eventlog.service import Bindings, Service
from tests.eventlog.example import example_log
from tests.eventlog.fakes import FakePublisher, Notes
from tests.support import eventually, run


def test_a_task_whose_database_was_away_is_started_again(
    sqlite_url: str, open_database: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status names it until then, and is ready afterwards."""
    monkeypatch.setattr(module, "RETRY_SECONDS_FIRST", 0.3)
    database = open_database(sqlite_url)
    notes = Notes()
    service = Service("example", example_log(database), database, cast(Any, None), notes)
    again = asyncio.Event()
    failures: list[Exception] = [OperationalError("select", {}, Exception())]

    async def task() -> None:
        if failures:
            raise failures.pop()
        again.set()
        await asyncio.Event().wait()

    async def nothing(_after: int, _count_max: int) -> list[Any]:
        return []

    async def empty() -> StreamState:
        return StreamState("c", 0, 0)

    async def work() -> tuple[dict[str, Any], dict[str, Any]]:
        service.bindings = Bindings((), [task])
        service.begin(service.bindings, [], lambda _stream: FakePublisher(), nothing, empty)
        await eventually(lambda: bool(notes.lines), "the failure is logged")
        meanwhile = await service.status()
        await again.wait()
        afterwards = await service.status()
        await service._stop()
        return meanwhile, afterwards

    meanwhile, afterwards = run(work())
    assert (meanwhile["ready"], meanwhile["reasons"]) == (False, ["database outage in a task of example"])
    assert (afterwards["ready"], afterwards["reasons"]) == (True, [])
