"""One contestant of ``benchmarks.engine`` in a process of its own, so that its memory is its own: ``us`` or ``peer``.

Prints one JSON line: people a second computing, and with their inputs, the highest resident memory, a digest of the amounts.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.population import GRADES, RATINGS, Population, population

__all__ = ["main"]

Prepare = Callable[[Population], Callable[[], NDArray[np.int64]]]


def ours() -> Prepare:
    """From arrays to columns, and from columns to amounts."""
    from benchmarks.engine_rule import policy_in_force
    from benchmarks.population import YEAR
    from services.allowance.columns import LATE, Columns, Words, certificate_columns, post_code, post_columns
    from services.allowance.evaluation import evaluate

    policy = policy_in_force()
    words = Words(["320102"], GRADES[1:], RATINGS[1:])

    def prepare(people: Population) -> Callable[[], NDArray[np.int64]]:
        count = len(people.grade)
        issued = np.full(1, np.datetime64(f"{YEAR - 1}-06-01", "D"))
        never = np.full(1, np.datetime64("NaT", "D"))
        columns = Columns(
            YEAR,
            count,
            words,
            {
                "division": np.ones(count, np.int8),
                "rating": people.rating,
                "rated_on": np.full(count, LATE + 1, np.int16),
                **post_columns(1, np.full(count, post_code("secretary", True), np.int8), people.first, people.last, YEAR),
                **certificate_columns(1, people.grade, issued, never, YEAR),
            },
        )
        return lambda: evaluate(columns, [policy], YEAR).amounts_fen

    return prepare


def peer() -> Prepare:
    from benchmarks import openfisca_peer

    rules = openfisca_peer.system()

    def prepare(people: Population) -> Callable[[], NDArray[np.int64]]:
        simulation = openfisca_peer.prepare(rules, people)
        return lambda: openfisca_peer.compute(simulation)

    return prepare


def main() -> None:
    who, count = sys.argv[1], int(sys.argv[2])
    prepare = {"us": ours, "peer": peer}[who]()
    prepare(population(100))()  # what is loaded and built at first use
    people = population(count)
    began = time.perf_counter()
    compute = prepare(people)
    ready = time.perf_counter()
    amounts = compute()
    done = time.perf_counter()
    answer = {
        "computing": count / (done - ready),
        "with_inputs": count / (done - began),
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "digest": hashlib.sha256(np.ascontiguousarray(amounts, np.int64).tobytes()).hexdigest(),
        "total_fen": int(amounts.sum()),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
