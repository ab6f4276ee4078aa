"""A million workers' year, evaluated from columns, beside OpenFisca evaluating the same rule. Both must come to the same fen.

Each run is a process of its own, so that its memory is its own. *Computing*: from columns, or a simulation with its inputs set,
to the amounts. *With inputs*: from arrays of grades, ratings and dates.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, paired

__all__ = ["figures"]

PEOPLE = 1_000_000
PEER = "OpenFisca"
ROOT = Path(__file__).parents[1]


def run(who: str) -> dict[str, Any]:
    """One contestant's answer."""
    command = [sys.executable, "-m", "benchmarks.engine_worker", who, str(PEOPLE)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer


def figures(rounds: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Speed computing, speed with inputs, and memory, of the same runs."""
    tell(f"a year of {PEOPLE:,} workers")
    answers: dict[str, list[dict[str, Any]]] = {PEER: [], "us": []}

    def contestant(name: str, who: str) -> Callable[[], float]:
        def measured() -> float:
            answers[name].append(run(who))
            return float(answers[name][-1]["computing"])

        return measured

    runs = paired({PEER: contestant(PEER, "peer"), "us": contestant("us", "us")}, rounds, tell)
    digests = {answer["digest"] for each in answers.values() for answer in each}
    if len(digests) != 1:
        totals = {name: sorted({answer["total_fen"] for answer in each}) for name, each in answers.items()}
        raise AssertionError(f"the same rule came to different amounts: {totals} fen")
    ahead = ((f"ahead of {PEER}", PEER, 1.0),)
    yield Figure(f"a year of {PEOPLE:,} workers from columns", "people/s", runs, ahead)
    with_inputs = {name: [float(answer["with_inputs"]) for answer in each] for name, each in answers.items()}
    yield Figure(f"a year of {PEOPLE:,} workers with their inputs", "people/s", with_inputs, ahead)
    memory = {name: [float(answer["memory_mib"]) for answer in each] for name, each in answers.items()}
    yield Figure("memory of it, at its highest", "MiB", memory, ((f"no more than {PEER}", PEER, 1.0),), True)
