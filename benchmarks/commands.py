"""Commands a second through load → decide → durable append: the raw limit, the peer, us.

The command is a worker's rating. Ours goes the way of a batch in the registry: inbox asked, streams loaded and folded, decided
by the registry's own decider, appended with inbox entry and Merkle leaf, in one transaction of 500. The peer goes as its
documentation shows it: ``repository.get``, a command method, ``save``; and many aggregates in one ``save``, without loading.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import cast
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import URL

from benchmarks import peer
from benchmarks.measure import Figure, paired
from benchmarks.peer import BATCH, COMMANDS_EACH, NOW, commands, worker_ref
from benchmarks.places import STORES, Place, place
from contracts.particulars import RatingResult
from contracts.registry import FactOrigin, WorkerEvent
from eventlog import schema
from eventlog.bulk import bulk_insert
from eventlog.database import Database
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.intake import seen_before
from eventlog.log import InboxEntry, Log, NewEvent, Unit
from services.registry.app import CODEC
from services.registry.decider import Happened, Record, Rules, Stamp, decide, evolve, replay, stream_of

__all__ = ["figures", "open_log", "settle_batch"]

COMMANDS = 10_000
ON = date(2026, 1, 10)
CONTENT = b"c" * 32


# --- us ---------------------------------------------------------------------------------------------------------------------


def settle_batch(log: Log, batch: Sequence[tuple[int, int, str]]) -> None:
    """One batch, as a handler does it."""
    streams = {stream_of(worker_ref(worker)) for worker, _, _ in batch}
    with log.database.read.connect() as connection:
        position = log.head(connection).position
        seen = seen_before(connection, [("appraisal", message_id) for _, _, message_id in batch])
        states, versions = {}, {}
        for stream, past in log.histories(connection, streams).items():
            states[stream] = replay(
                Happened(p.event_id, date.fromisoformat(p.effective_on), cast(WorkerEvent, log.codec.decode(p.type, p.data)))
                for p in past
            )
            versions[stream] = len(past)
    units = []
    for worker, year, message_id in batch:
        if ("appraisal", message_id) in seen:
            continue
        ref = worker_ref(worker)
        stream = stream_of(ref)
        event_id = log.new_id()
        origin = FactOrigin(source="appraisal", id=message_id, occurred_at=NOW)
        stamp = Stamp(event_id, ref, origin, ON, NOW)
        unit = Unit(expects={stream: versions[stream]})
        for one in decide(Record(stamp, RatingResult(year=year, rating="excellent")), states[stream], Rules()):
            unit.events.append(
                NewEvent(stream, one, "2026-01-10", event_id, message_id, f"appraisal/{message_id}", "appraisal")
            )
            states[stream] = evolve(states[stream], Happened(event_id, ON, one))
            versions[stream] += 1
        unit.inbox = InboxEntry("appraisal", message_id, CONTENT, "accepted", 1, event_id, stream)
        units.append(unit)
    appended = log.append(units, seen_position=position)
    assert len(appended.events) == len(units)


def open_log(url: URL) -> Log:
    log = Log("registry", Database(url.render_as_string(hide_password=False)), CODEC, SystemClock(), SystemEntropy())
    log.create()
    return log


def ours(url: URL, count: int) -> float:
    log = open_log(url)
    work = list(commands(count))
    began = time.perf_counter()
    for start in range(0, count, BATCH):
        settle_batch(log, work[start : start + BATCH])
    seconds = time.perf_counter() - began
    log.database.close()
    return count / seconds


# --- the raw limit ------------------------------------------------------------------------------------------------------------


def raw(url: URL, count: int) -> float:
    """The driver's own insert of finished rows into our table, one transaction of 500."""
    log = open_log(url)
    settle_batch(log, list(commands(COMMANDS_EACH))[:1])
    with log.database.read.connect() as connection:
        row = dict(connection.execute(schema.event.select()).one()._mapping)
    ids = [str(uuid5(NAMESPACE_URL, str(number))) for number in range(count)]
    began = time.perf_counter()
    for start in range(0, count, BATCH):
        rows = [row | {"position": n + 2, "version": n + 2, "event_id": ids[n]} for n in range(start, start + BATCH)]
        with log.database.write.begin() as connection:
            bulk_insert(connection, schema.event, rows)
    seconds = time.perf_counter() - began
    log.database.close()
    return count / seconds


def figures(rounds: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Both databases."""
    for store in STORES:
        tell(f"commands on {store}")
        with place(store) as where:

            def on_fresh(run: Callable[[URL, int], float], count: int, where: Place = where) -> Callable[[], float]:
                def contestant() -> float:
                    url = where.fresh()
                    try:
                        return run(url, count)
                    finally:
                        where.drop(url)

                return contestant

            contestants = {
                "bare batched insert": on_fresh(raw, COMMANDS),
                "pyeventsourcing one by one": on_fresh(peer.one_by_one, COMMANDS // 5),
                "pyeventsourcing batched, without loading": on_fresh(peer.batched, COMMANDS),
                "us": on_fresh(ours, COMMANDS),
            }
            wanted = 20.0 if store == "PostgreSQL" else 10.0
            yield Figure(
                f"load → decide → durable append, {store}",
                "commands/s",
                paired(contestants, rounds, tell),
                (
                    (f"{wanted:.0f} × one by one", "pyeventsourcing one by one", wanted),
                    ("ahead of batched", "pyeventsourcing batched, without loading", 1.0),
                ),
            )
