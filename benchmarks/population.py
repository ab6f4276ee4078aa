"""A made-up million: the inputs of ``benchmarks.engine``, for us and for the peer alike, and the rule that both evaluate.

The rule is an example: a yearly amount by grade and rating, raised on 1 July, paid in twelfths for the months engaged; whoever
is rated below competent or holds no certificate gets nothing. Most are engaged all year; some come, some leave, on any day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AMOUNTS_FEN", "CHANGE_MONTH", "GRADES", "RATINGS", "YEAR", "Population", "population"]

YEAR = 2025
CHANGE_MONTH = 7
"""From this month on the second of the two amounts holds."""
GRADES = ("none", "junior", "intermediate", "senior", "special")
RATINGS = ("none", "excellent", "competent", "basic", "incompetent")
AMOUNTS_FEN = {
    ("junior", "excellent"): (300_000, 318_000),
    ("junior", "competent"): (240_000, 254_500),
    ("intermediate", "excellent"): (450_000, 477_000),
    ("intermediate", "competent"): (360_000, 381_700),
    ("senior", "excellent"): (720_000, 763_000),
    ("senior", "competent"): (600_000, 636_100),
    ("special", "excellent"): (1_200_000, 1_272_000),
    ("special", "competent"): (960_000, 1_017_700),
}
"""(grade, rating) → fen a year before and from the change; every other pair: nothing. Examples, all of them."""

LEFT_SHARE, CAME_SHARE = 0.08, 0.10


@dataclass(frozen=True)
class Population:
    """grade, rating: places in ``GRADES`` and ``RATINGS``. first, last: days of the engagement; last NaT: it goes on."""

    grade: NDArray[np.int8]
    rating: NDArray[np.int8]
    first: NDArray[np.datetime64]
    last: NDArray[np.datetime64]


def population(people: int, seed: int = 20_251_231) -> Population:
    """The same people for the same seed."""
    chance = np.random.default_rng(seed)
    grade = chance.choice(len(GRADES), people, p=[0.04, 0.46, 0.30, 0.16, 0.04]).astype(np.int8)
    rating = chance.choice(len(RATINGS), people, p=[0.01, 0.15, 0.78, 0.05, 0.01]).astype(np.int8)
    year = np.datetime64(f"{YEAR}-01-01", "D")
    first = year - chance.integers(1, 5_000, people)
    came = chance.random(people) < CAME_SHARE
    first[came] = (year + chance.integers(0, 365, people))[came]
    last: Any = np.full(people, np.datetime64("NaT"), "datetime64[D]")
    left = chance.random(people) < LEFT_SHARE
    last[left] = np.maximum(first, year + chance.integers(0, 365, people))[left]
    return Population(grade, rating, first, last)
