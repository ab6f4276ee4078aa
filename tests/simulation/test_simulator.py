"""The simulation itself: the same seed is the same run, time costs nothing, and a crash loses what was not committed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from eventlog.database import Database
from tests.simulation.faults import Faults
from tests.simulation.loop import Crashed, SimulatedLoop, Stuck
from tests.simulation.run import Simulator
from tests.simulation.store import Hooks, Store

SEED = 7
note = Table("note", MetaData(), Column("id", Integer, primary_key=True))


def test_the_same_seed_is_the_same_run(tmp_path: Path) -> None:
    """Every act of the bus, every fault and both logs to their roots, in this process and in another."""
    simulator = Simulator(tmp_path)
    first = simulator.run(SEED, lines=True)
    simulator.run(SEED + 1)
    again = simulator.run(SEED, lines=True)
    assert again.lines == first.lines
    assert again.trace == first.trace
    command = [sys.executable, "-m", "tests.simulation.run", str(SEED)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert first.trace in done.stdout


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    """Else the seeds would be one."""
    simulator = Simulator(tmp_path)
    assert len({simulator.run(seed).trace for seed in range(4)}) == 4


def test_time_passes_only_when_nothing_is_left_to_do() -> None:
    """A time-out of an hour takes no time, and threads are drawn into the order like everything else."""
    loop = SimulatedLoop(Random(1))

    async def work() -> tuple[float, int]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3600)
        return loop.time(), await asyncio.to_thread(lambda: 7)

    passed, result = loop.run(work())
    assert (round(passed), result) == (3600, 7)


def test_a_run_without_an_end_is_stopped() -> None:
    """Nobody will ever set this event."""

    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        SimulatedLoop(Random(1)).run(work())


@pytest.mark.parametrize(("kind", "kept"), [("crash before a commit", []), ("crash after a commit", [1])])
def test_a_crash_loses_what_was_not_committed_and_nothing_else(tmp_path: Path, kind: str, kept: list[int]) -> None:
    """The database is opened again by the next life of the process."""

    def create(database: Database) -> None:
        with database.write.begin() as connection:
            note.create(connection)

    def crash(at: str) -> None:
        if at == kind:
            raise Crashed

    store = Store(tmp_path, "example", create)
    faults = Faults(Random(1))
    faults.quiet = True
    store.clear(Hooks(faults, crash, lambda: None))
    with pytest.raises(Crashed), store.database.write.begin() as connection:
        connection.execute(insert(note).values(id=1))
    store.reopen()
    with store.database.read.connect() as connection:
        assert list(connection.scalars(select(note.c.id))) == kept
    store.database.close()
