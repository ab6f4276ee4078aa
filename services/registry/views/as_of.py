"""Both times at once: what was true on a day, as far as it was known at a position of the log.

One person's answer folds that person's stream. A register's folds the log up to the position into read models of their own, in
a temporary database beside, which any query of this package can then be asked on. Nothing else is written.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import cast, get_args

from sqlalchemy import Connection

from contracts.particulars import Particulars
from contracts.registry import FactWithdrawn, PersonErased, PersonMerged, StandingEvent
from eventlog.database import Database
from eventlog.log import Log, Recorded, View
from services.registry.decider import stream_of
from services.registry.views.facts import StandingView
from services.registry.views.people import register
from services.registry.views.person import End, Stands, Status, WorkerRow, worker_on

__all__ = ["known_at", "register_as_of", "worker_as_of"]

PAGE = 2_000
"""Events of one reading."""

_STANDING_EVENTS = frozenset(get_args(StandingEvent))


def worker_as_of(
    log: Log, connection: Connection, person_ref: str, effective: date, known_position: int | None = None
) -> WorkerRow | None:
    """A worker on a day, as known at a position (None: now); None if there was no such registration, as far as was known."""
    stream = stream_of(person_ref)
    events = [
        recorded
        for recorded in log.load(connection, [stream])[stream]
        if known_position is None or recorded.position <= known_position
    ]
    facts, end = fold(events)
    return worker_on(person_ref, facts, end, effective)


def fold(events: Sequence[Recorded]) -> tuple[list[Stands], End | None]:
    """What stands in one person's file after these events of it, and its end if it has one."""
    said: dict[str, tuple[date, Particulars]] = {}
    standing: dict[str, str | None] = {}
    end: End | None = None
    for recorded in events:
        on = date.fromisoformat(recorded.effective_on)
        if isinstance(recorded.event, PersonErased):
            end = End("erased", on, None)
        elif type(recorded.event) in _STANDING_EVENTS:
            event = cast(StandingEvent, recorded.event)
            if isinstance(event, PersonMerged):
                end = End("merged", on, event.into)
            elif not isinstance(event, FactWithdrawn):
                said[recorded.event_id] = (on, event.particulars)
            standing.update({change.slot: change.fact for change in event.standings})
    stands = [Stands(slot, fact, *said[fact]) for slot, fact in sorted(standing.items()) if fact is not None]
    return stands, end


@contextmanager
def known_at(
    log: Log, position: int, views: Sequence[View] | None = None, progress: Callable[[int], None] | None = None
) -> Iterator[Connection]:
    """A connection on which the read models stand as they were known at a position. It is gone afterwards.

    views: which of the log's (all, if they are not named). progress: is told the position that was reached. It takes about as
    long as a replay of the log up to there.
    """
    chosen = log.views if views is None else views
    with tempfile.TemporaryDirectory(prefix="hongling-known-") as folder:
        beside = Database(f"sqlite:///{Path(folder) / 'known.db'}")
        try:
            with beside.write.begin() as made:
                _fold_into(log, position, chosen, made, progress)
            with beside.read.connect() as connection:
                yield connection
        finally:
            beside.close()


def _fold_into(
    log: Log, position: int, views: Sequence[View], made: Connection, progress: Callable[[int], None] | None
) -> None:
    tables = {table.name: table for view in views for table in view.tables}
    for table in tables.values():
        table.create(made)
    reached = 0
    with log.database.read.connect() as live:
        while events := log.read(live, reached, PAGE, upto=position):
            for view in views:
                view.apply(made, events, tables)
            reached = events[-1].position
            if progress is not None:
                progress(reached)


def register_as_of(
    log: Log,
    effective: date,
    known_position: int | None,
    *,
    division: str | None = None,
    status: Status = "open",
    grade: str | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[WorkerRow]:
    """A page of ``register`` as known at a position (None: now). Ask for several pages of one position on ``known_at``."""

    def ask(connection: Connection) -> list[WorkerRow]:
        return register(connection, effective, division=division, status=status, grade=grade, after=after, limit=limit)

    if known_position is None:
        with log.database.read.connect() as live:
            return ask(live)
    with known_at(log, known_position, (StandingView(),)) as connection:
        return ask(connection)
