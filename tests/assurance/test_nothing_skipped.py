"""Eight writers killed at random, a long transaction open, one follower by position: it sees each event once, in order.

``make test`` runs a short selection; ``make assurance`` the whole length (``HONGLING_ASSURANCE_EVENTS``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from random import Random

import pytest
from sqlalchemy import select

from console.verify import LogCheck
from eventlog import schema
from eventlog.database import Database
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.log import Log
from tests.assurance.notes import CODEC

EVENTS = int(os.environ.get("HONGLING_ASSURANCE_EVENTS", "2000"))
WRITERS = 8
KILLS = max(4, EVENTS // 5_000)
SEED = int(os.environ.get("HONGLING_ASSURANCE_SEED", "20251204"))
SECONDS_MAX = 120 + EVENTS / 100
PAGE = 500


class Writers:
    """The processes; ``kill_one`` ends one as power loss would, and starts another."""

    def __init__(self, url: str) -> None:
        self._command = [sys.executable, "-m", "tests.assurance.writer", url, str(EVENTS)]
        self._processes = [self._start() for _ in range(WRITERS)]
        self.killed = 0

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command)

    def kill_one(self, rng: Random) -> None:
        place = rng.randrange(len(self._processes))
        if self._processes[place].poll() is None:
            self._processes[place].kill()
            self._processes[place].wait()
            self.killed += 1
            self._processes[place] = self._start()

    def finish(self, seconds: float) -> list[int]:
        return [process.wait(seconds) for process in self._processes]

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def follow(log: Log, writers: Writers, rng: Random) -> list[str]:
    """Read by position until the log is long enough, killing a writer every now and then. Returns the ids in order."""
    seen: list[str] = []
    deadline = time.monotonic() + SECONDS_MAX
    next_kill = EVENTS // (KILLS + 1)
    while len(seen) < EVENTS:
        assert time.monotonic() < deadline, f"{len(seen)} events after {SECONDS_MAX:.0f} s (seed {SEED})"
        with log.database.read.connect() as connection:
            for row in log.rows(connection, len(seen), PAGE):
                assert row.position == len(seen) + 1, f"position {len(seen) + 1} was skipped (seed {SEED})"
                seen.append(row.event_id)
        if len(seen) >= next_kill and writers.killed < KILLS:
            writers.kill_one(rng)
            next_kill += EVENTS // (KILLS + 1)
    return seen


@pytest.mark.timeout(SECONDS_MAX * 2)
def test_a_follower_by_position_sees_every_event_once_and_in_order(
    database_url: str, open_database: Callable[[str], Database]
) -> None:
    """Whatever is killed and whoever is slow: no position is skipped, none comes twice, and the tree is that of the rows."""
    database = open_database(database_url)
    log = Log("example", database, CODEC, SystemClock(), SystemEntropy())
    log.create()
    writers = Writers(database_url)
    try:
        with database.read.connect() as slow:
            slow.execute(select(schema.log_head)).one()
            seen = follow(log, writers, Random(SEED))
        assert writers.finish(SECONDS_MAX) == [0] * WRITERS
    finally:
        writers.stop()
    assert writers.killed >= KILLS // 2
    check = LogCheck("example")
    with database.read.connect() as connection:
        events = log.read(connection, 0, 10 * EVENTS)
        check.take(events)
        report = check.finish(connection)
    assert report.problems == []
    assert [event.event_id for event in events[: len(seen)]] == seen
    assert len({event.event_id for event in events}) == len(events)
