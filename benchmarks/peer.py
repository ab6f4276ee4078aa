"""The peer: pyeventsourcing, used as its documentation shows it. Installed by ``make bench`` only.

Its aggregates keep the same file of ratings as ours. Nothing here is tuned for or against it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from sqlalchemy import URL

__all__ = ["BATCH", "COMMANDS_EACH", "NOW", "batched", "commands", "fill", "one_by_one", "read", "worker_ref"]

BATCH = 500
COMMANDS_EACH = 4
YEAR_FIRST = 2020
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def worker_ref(number: int) -> str:
    return f"p{number:026d}"


def commands(count: int) -> Iterator[tuple[int, int, str]]:
    """(worker, year, message id): each of ``count / COMMANDS_EACH`` workers is rated year after year, so files grow."""
    workers = count // COMMANDS_EACH
    for number in range(count):
        yield number % workers, YEAR_FIRST + number // workers, f"rate-{number}"


class Worker(Aggregate):
    """A file of ratings."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.ratings: dict[int, str] = {}

    @event("Rated")
    def rate(self, year: int, rating: str, source: str, message_id: str, occurred_at: str) -> None:
        self.ratings[year] = rating


def _application(url: URL) -> Application[Any]:
    if url.get_backend_name() == "sqlite":
        return Application({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(url.database)})
    return Application(
        {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(url.database),
            "POSTGRES_HOST": str(url.query.get("host", url.host)),
            "POSTGRES_PORT": str(url.port or 5432),
            "POSTGRES_USER": str(url.username),
            "POSTGRES_PASSWORD": str(url.password or ""),
        }
    )


def _workers(app: Application[Any], count: int) -> list[Worker]:
    workers = [Worker(worker_ref(n)) for n in range(count // COMMANDS_EACH)]
    # 2,500 in one save stood still for ever on PostgreSQL (9.5.6).
    for start in range(0, len(workers), BATCH):
        app.save(*workers[start : start + BATCH])
    return workers


def one_by_one(url: URL, count: int) -> float:
    """Load, command, save, each by itself; commands a second."""
    app = _application(url)
    ids = [worker.id for worker in _workers(app, count)]
    work = list(commands(count))
    began = time.perf_counter()
    for worker, year, message_id in work:
        found: Any = app.repository.get(ids[worker])
        found.rate(year, "excellent", "appraisal", message_id, NOW.isoformat())
        app.save(found)
    seconds = time.perf_counter() - began
    app.close()
    return count / seconds


def fill(url: URL, count: int) -> tuple[Application[Any], float]:
    """Command 500 aggregates that are in memory, save them together; returns the application and the seconds."""
    app = _application(url)
    workers = _workers(app, count)
    work = list(commands(count))
    began = time.perf_counter()
    for start in range(0, count, BATCH):
        batch = work[start : start + BATCH]
        for worker, year, message_id in batch:
            workers[worker].rate(year, "excellent", "appraisal", message_id, NOW.isoformat())
        app.save(*(workers[worker] for worker, _, _ in batch))
    return app, time.perf_counter() - began


def batched(url: URL, count: int) -> float:
    """``fill``, as commands a second."""
    app, seconds = fill(url, count)
    app.close()
    return count / seconds


def read(app: Application[Any], page: int) -> float:
    """Every notification, mapped to its typed event; events a second."""
    began, position, count = time.perf_counter(), 1, 0
    while notifications := app.recorder.select_notifications(position, page):
        for notification in notifications:
            app.mapper.to_domain_event(notification)
        position = notifications[-1].id + 1
        count += len(notifications)
    return count / (time.perf_counter() - began)
