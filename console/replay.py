"""Replaying a log: the read models rebuilt beside the live ones and compared, and every entitlement decided again.

A replay reaches read models only. It never publishes, pays or notifies: what it builds stands in a database of its own, in a
temporary folder, and nothing else is opened for writing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select

from console.verify import LogCheck
from eventlog.database import Database
from eventlog.log import Log, append_only_of
from eventlog.schema import protect_append_only, release_append_only
from services.allowance.decider import decisions, replay, stream_of
from services.allowance.engine import PolicyInForce
from services.allowance.handlers import POLICIES, happened
from services.allowance.views import worker

__all__ = ["Comparison", "Difference", "decide_again", "rebuild_and_compare", "swap"]

PAGE = 2_000
PEOPLE_PAGE = 500
DIFFERENCES_MAX = 100

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same. live or rebuilt is None where the row is only on the other side."""

    table: str
    key: tuple[Any, ...]
    live: dict[str, Any] | None
    rebuilt: dict[str, Any] | None


@dataclass(slots=True)
class Comparison:
    """events: how many were folded, up to position. rows: compared. differences: the first ``DIFFERENCES_MAX``."""

    events: int = 0
    position: int = 0
    rows: int = 0
    differences: list[Difference] = field(default_factory=list)


def rebuild_and_compare(log: Log, progress: Progress | None = None, check: LogCheck | None = None) -> Comparison:
    """Fold the whole log into fresh tables and hold them against the live ones, as of one position.

    check: takes every row on the way, so that verifying needs no second reading.
    """
    result = Comparison()
    with tempfile.TemporaryDirectory(prefix="hongling-replay-") as folder:
        beside = Database(f"sqlite:///{Path(folder) / 'replay.db'}")
        try:
            with log.database.read.connect() as live, beside.write.connect() as rebuilt:
                # One snapshot of the live side for events and tables alike; PostgreSQL needs to be asked for it.
                if live.dialect.name == "postgresql":
                    live = live.execution_options(isolation_level="REPEATABLE READ")
                head = log.head(live)
                result.position = head.position
                tables = {t.name: t for view in log.views for t in view.tables}
                for table in tables.values():
                    table.create(rebuilt)
                _fold(log, live, rebuilt, tables, result, progress, check)
                if check is not None:
                    check.finish(live)
                for table in tables.values():
                    _compare(live, rebuilt, table, result)
        finally:
            beside.close()
    return result


def _fold(
    log: Log,
    live: Connection,
    rebuilt: Connection,
    tables: dict[str, Table],
    result: Comparison,
    progress: Progress | None,
    check: LogCheck | None,
) -> None:
    position = 0
    while position < result.position:
        events = log.read(live, position, PAGE, upto=result.position)
        if check is not None:
            check.take(events, live)
        for view in log.views:
            view.apply(rebuilt, events, tables)
        position = events[-1].position
        result.events += len(events)
        if progress is not None:
            progress(position)


def _compare(live: Connection, rebuilt: Connection, table: Table, result: Comparison) -> None:
    """Walk both sides in the order of the key, like a merge."""
    names = [column.name for column in table.columns]
    key_of = _key_getter(names, table)
    left, right = _rows(live, table), _rows(rebuilt, table)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        result.rows += 1
        if a == b:
            a, b = next(left, None), next(right, None)
            continue
        key_a, key_b = (None if row is None else key_of(row) for row in (a, b))
        if len(result.differences) < DIFFERENCES_MAX:
            key = min(k for k in (key_a, key_b) if k is not None)
            shown = (dict(zip(names, row, strict=True)) if row is not None and k == key else None
                     for row, k in ((a, key_a), (b, key_b)))  # fmt: skip
            result.differences.append(Difference(table.name, key, *shown))
        if key_b is None or (key_a is not None and key_a <= key_b):
            a = next(left, None)
            if key_a == key_b:
                b = next(right, None)
        else:
            b = next(right, None)


def _key_getter(names: list[str], table: Table) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    places = [names.index(column.name) for column in table.primary_key.columns]
    return lambda row: tuple(row[place] for place in places)


def _rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    # Keys are ASCII; the C collation makes PostgreSQL order them like Python and SQLite do.
    order = [
        c.collate("C") if connection.dialect.name == "postgresql" and c.type.python_type is str else c
        for c in table.primary_key
    ]
    yield from map(tuple, connection.execution_options(yield_per=5_000).execute(select(table).order_by(*order)))


def decide_again(log: Log, progress: Progress | None = None) -> tuple[int, list[str]]:
    """Decide every worker's years once more from the recorded facts and policies.

    Returns how many workers were decided, and the person_refs for whom something else would come out today.
    """
    differing: list[str] = []
    count = 0
    with log.database.read.connect() as connection:
        policies = tuple(
            PolicyInForce(recorded.event_id, recorded.event.document)  # type: ignore[attr-defined]
            for recorded in log.load(connection, [POLICIES])[POLICIES]
        )
        after = ""
        while True:
            query = select(worker.c.person_ref).where(worker.c.person_ref > after).order_by(worker.c.person_ref)
            people = connection.scalars(query.limit(PEOPLE_PAGE)).all()
            if not people:
                return count, differing
            after = people[-1]
            for stream, past in log.histories(connection, [stream_of(ref) for ref in people]).items():
                state = replay(happened(log, one) for one in past)
                ref = stream.removeprefix("worker-")
                if decisions(ref, state, policies, "", None):
                    differing.append(ref)
                count += 1
            if progress is not None:
                progress(count)


def swap(log: Log) -> int:
    """Empty the live read models and fold the log into them again, in one transaction. Returns how many events.

    What is append-only in the database (the ledger) needs the owner's rights.
    """
    result = Comparison()
    with log.database.write.begin() as connection:
        result.position = log.head(connection).position
        tables = {t.name: t for view in log.views for t in view.tables}
        protected = [name for view in log.views for name in append_only_of(view)]
        release_append_only(connection, *protected)
        for table in tables.values():
            connection.execute(table.delete())
        _fold(log, connection, connection, tables, result, None, None)
        if protected:
            protect_append_only(connection, *protected)
    return result.events
