"""The log replayed into typed events: bare rows, the peer, us. The events are those of ``benchmarks.commands``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from sqlalchemy import URL

from benchmarks import peer
from benchmarks.commands import open_log, settle_batch
from benchmarks.measure import Figure, paired
from benchmarks.peer import BATCH, commands
from benchmarks.places import STORES, place
from eventlog import schema
from eventlog.log import Log

__all__ = ["figures"]

EVENTS = 50_000
PAGE = 2_000


def fill(url: URL) -> Log:
    log = open_log(url)
    work = list(commands(EVENTS))
    for start in range(0, EVENTS, BATCH):
        settle_batch(log, work[start : start + BATCH])
    return log


def bare_rows(log: Log) -> float:
    """Every row of the log through the driver, by pages, as tuples."""
    statement = str(schema.event.select().compile(dialect=log.database.read.dialect)).replace("\n", " ")
    began, position, count = time.perf_counter(), 0, 0
    with log.database.read.connect() as connection:
        while True:
            where = f"WHERE position > {position} AND position <= {position + PAGE} ORDER BY position"
            rows = connection.exec_driver_sql(f"{statement} {where}").all()
            if not rows:
                return count / (time.perf_counter() - began)
            position = rows[-1][0]
            count += len(rows)


def ours(log: Log) -> float:
    began, position, count = time.perf_counter(), 0, 0
    with log.database.read.connect() as connection:
        while events := log.read(connection, position, PAGE):
            position = events[-1].position
            count += len(events)
    return count / (time.perf_counter() - began)


def figures(rounds: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Both databases; each log is filled once."""
    for store in STORES:
        tell(f"replay on {store}")
        with place(store) as where:
            log = fill(where.fresh())
            app, _ = peer.fill(where.fresh(), EVENTS)
            try:
                contestants = {
                    "bare rows": lambda log=log: bare_rows(log),
                    "pyeventsourcing": lambda app=app: peer.read(app, PAGE),
                    "us": lambda log=log: ours(log),
                }
                wanted = 2.0 if store == "PostgreSQL" else 3.0
                runs = paired(contestants, rounds, tell)
                goals = ((f"{wanted:.0f} × the peer", "pyeventsourcing", wanted),)
                yield Figure(f"log replayed into typed events, {store}", "events/s", runs, goals)
            finally:
                log.database.close()
                app.close()
