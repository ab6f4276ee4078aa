"""A writer process: appends units of several events to shared streams until the log is long enough. Made to be killed."""

from __future__ import annotations

import os
import sys
from random import Random

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, OperationalError

from eventlog import schema
from eventlog.database import Database
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.log import Log, NewEvent, Unit
from tests.assurance.notes import CODEC, Noted

STREAMS = 60
UNITS_MAX = 6
EVENTS_MAX = 5


def write(url: str, target: int) -> None:
    """Append until the log's head has passed the target. Conflicts are decided again, a locked database is tried again."""
    database = Database(url)
    log = Log("example", database, CODEC, SystemClock(), SystemEntropy())
    rng = Random(os.getpid())
    position = 0
    while position < target:
        try:
            position = append_some(log, rng)
        except (IntegrityError, OperationalError):
            continue
    database.close()


def append_some(log: Log, rng: Random) -> int:
    """One append of several units on versions that were read before it; returns where the log is then."""
    streams = [f"s-{number}" for number in rng.sample(range(STREAMS), rng.randint(1, UNITS_MAX))]
    with log.database.read.connect() as connection:
        position = log.head(connection).position
        table = schema.event
        query = select(table.c.stream, func.max(table.c.version)).where(table.c.stream.in_(streams)).group_by(table.c.stream)
        versions = {row[0]: row[1] for row in connection.execute(query)}
    units = []
    for stream in streams:
        events = [
            NewEvent(stream, Noted(text=f"{os.getpid()}"), "2025-01-04", log.new_id(), "c-1", None, "hr")
            for _ in range(rng.randint(1, EVENTS_MAX))
        ]
        units.append(Unit(events=events, expects={stream: versions.get(stream, 0)}))
    appended = log.append(units, seen_position=position)
    return position if appended.head is None else appended.head.position


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
