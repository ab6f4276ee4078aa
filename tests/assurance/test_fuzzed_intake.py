"""Whatever comes in is accepted, refused, held or parked, and what comes after it gets its answer: on both databases.

``make test`` sends 2,000 messages to the services on each, ``make assurance`` as many as ``HONGLING_ASSURANCE_FUZZ`` says.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventlog.database import Database
from tests.assurance.fuzzing import SERVICES, as_runtime_role, fuzz_of
from tests.conftest import fresh_database

INPUTS = int(os.environ.get("HONGLING_ASSURANCE_FUZZ", "2000"))
SEED = int(os.environ.get("HONGLING_ASSURANCE_SEED", "20251206"))
INPUTS_OF_DATABASE = 20_000
"""Then the next one is begun: what is held and parked piles up as it never would."""
BATCH = 500


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.timeout(24 * 3600)
def test_no_input_costs_a_service(
    kind: str, service: str, tmp_path: Path, request: pytest.FixtureRequest, open_database: Callable[[str], Database]
) -> None:
    """Every message has an answer, every event is heard, and nothing was raised that nobody has thought of."""
    left, seed = INPUTS // len(SERVICES), SEED
    while left > 0:
        inputs = min(left, INPUTS_OF_DATABASE)
        if kind == "sqlite":
            fuzzed(service, open_database(f"sqlite:///{tmp_path / f'{seed}.db'}"), seed, inputs)
        else:
            with fresh_database(request.getfixturevalue("postgres_admin")) as url:
                fuzzed(service, open_database(url), seed, inputs)
        left, seed = left - inputs, seed + 1


def fuzzed(service: str, database: Database, seed: int, inputs: int) -> None:
    fuzz: Any = fuzz_of(service, database, seed)
    started = time.monotonic(), time.process_time()
    with as_runtime_role(database):
        fuzz.run(inputs, BATCH)
    seconds, cpu = time.monotonic() - started[0], time.process_time() - started[1]
    print(f"{service} on {database.write.dialect.name}, seed {seed}: {inputs} inputs in {seconds:.1f} s, {cpu:.1f} s CPU,"
          f" {dict(fuzz.counted)}")  # fmt: skip
    database.close()
    assert fuzz.unexpected == []
