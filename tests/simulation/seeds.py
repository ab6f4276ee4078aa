"""What the files of seeds have in common. ``HONGLING_ASSURANCE_SEEDS`` says how many; they share them, to run side by side."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from tests.simulation.faults import RATES
from tests.simulation.run import Simulator

__all__ = ["FILES", "SEEDS", "hold"]

SEEDS = int(os.environ.get("HONGLING_ASSURANCE_SEEDS", "200"))
FIRST = int(os.environ.get("HONGLING_ASSURANCE_SEED", "0"))
FILES = 2
SEEN = ("stored twice", "delivered again", "conflict")
"""What follows from faults, and must be seen too."""
FAILURES_MAX = 5


def hold(folder: Path, part: int) -> None:
    """Run this part of the seeds: everything holds in each, and over all of them each kind of fault has happened."""
    simulator = Simulator(folder)
    counts: Counter[str] = Counter()
    failures: list[str] = []
    for seed in range(FIRST + part, FIRST + SEEDS, FILES):
        result = simulator.run(seed)
        counts += result.counts
        if result.problems:
            failures.append(result.report())
        if len(failures) == FAILURES_MAX:
            break
    assert not failures, "\n".join(failures)
    print({kind: counts[kind] for kind in (*RATES, *SEEN)})
    assert [kind for kind in (*RATES, *SEEN) if counts[kind] == 0] == []
