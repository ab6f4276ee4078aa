"""Dated parameters against OpenFisca: the same people, the same rule, the same fen. The peer is installed by ``make bench``."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

pytest.importorskip("openfisca_core", reason="the peer is in the bench extra: `make bench` installs it, and compares too")

from benchmarks import openfisca_peer
from benchmarks.engine_worker import ours
from benchmarks.population import GRADES, RATINGS, YEAR, Population, population

PEOPLE = 3_000
"""Of a seed: who came and who left on any day, with every grade and rating."""


def both(people: Population) -> tuple[np.ndarray, np.ndarray]:
    """Our amounts and the peer's, in fen."""
    return ours()(people)(), openfisca_peer.compute(openfisca_peer.prepare(openfisca_peer.system(), people))


def test_amounts_that_change_in_mid_year_come_to_the_same_fen() -> None:
    """Every grade and rating, before and after the change, whole years and parts of them."""
    people = population(PEOPLE)
    mine, theirs = both(people)
    assert mine.tolist() == theirs.tolist()
    assert len(set(mine.tolist())) > 100


def test_at_the_edges_of_the_year_and_of_the_change_too() -> None:
    """First and last days next to the change and to the year's ends; special and excellent all year: 6/12 of each amount."""
    edges = [np.datetime64(f"{YEAR}-{day}", "D") for day in ("01-01", "06-30", "07-01", "12-31")]
    never, before = np.datetime64("NaT", "D"), np.datetime64(f"{YEAR - 1}-12-31", "D")
    spans = [(first, last) for first, last in product([before, *edges], [*edges, never]) if np.isnat(last) or first <= last]
    rows = [(grade, rating, *span) for grade in range(len(GRADES)) for rating in range(len(RATINGS)) for span in spans]
    grades, ratings, firsts, lasts = zip(*rows, strict=True)
    people = Population(np.array(grades, np.int8), np.array(ratings, np.int8), np.array(firsts), np.array(lasts))
    mine, theirs = both(people)
    assert mine.tolist() == theirs.tolist()
    whole_year = rows.index((GRADES.index("special"), RATINGS.index("excellent"), before, edges[-1]))
    assert mine[whole_year] == (1_200_000 * 6 + 1_272_000 * 6) // 12
