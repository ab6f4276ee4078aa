"""Scores, ranks and ratings of a large cycle: the columns of ``services.talent.scoring``, beside two plain ways to the scores.

100,000 people of two kinds of weights, five ratings each in four roles (one leader, one superior, two of the staff, one mutual
review), of four items; two measured items; points; ties broken by two items; the quota and its border. Ours does all of it,
exactly. The peers compute the scores only: a loop in ``decimal`` with 28 digits, rounding each person once; and numpy in binary
floating point, which is fast and not exact by its nature: how many of these scores it gets wrong is told with its figure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.measure import Figure, paired
from contracts.appraisal import AppraisalDocument
from services.talent.appraisal_document import read_cycle
from services.talent.scoring import Result, Roster, explain, score

__all__ = ["figures", "made_up"]

PEOPLE = 100_000
SECONDS_MAX = 2.0
ROLES = (0, 1, 2, 2, 3)
DOCUMENT = Path(__file__).parents[1] / "cycles" / "example-county-2025.yaml"


def made_up(people: int) -> tuple[AppraisalDocument, Roster]:
    """The example's cycle, and columns of so many people whom nobody knows."""
    chance = Random(1)
    marks = [tuple(chance.randrange(6000, 10_001, 50) for _ in range(4)) for _ in range(people * len(ROLES))]
    return read_cycle(DOCUMENT.read_text(encoding="utf-8")), Roster(
        people=[f"p{number:026d}" for number in range(people)],
        categories=["secretary" if number % 3 == 0 else "recruited" for number in range(people)],
        grades=["none"] * people,
        profiles=[0 if number % 3 == 0 else 1 for number in range(people)],
        measured=[{"activities": chance.randrange(5, 14), "members": chance.randrange(4)} for _ in range(people)],
        points=[chance.randrange(-9, 10) for _ in range(people)],
        honours=[chance.randrange(2) for _ in range(people)],
        sanctions=[("cancel_honours",) if number % 500 == 0 else () for number in range(people)],
        rated=[number for number in range(people) for _ in ROLES],
        roles=list(ROLES) * people,
        marks=marks,
    )


def _weights(document: AppraisalDocument) -> tuple[list[list[int]], list[tuple[str, list[int], int, int]]]:
    """By profile the weights of the qualitative items; and each measured item with its weights, target and cap."""
    by_profile = [{each.item: each.percent for each in profile.items} for profile in document.weights]
    marked = [[weights.get(i.name, 0) for i in document.items if i.part == "qualitative"] for weights in by_profile]
    measured = [
        (item.name, [weights.get(item.name, 0) for weights in by_profile], item.target or 1, item.at_most_percent)
        for item in document.items
        if item.part == "quantitative"
    ]
    return marked, measured


def with_decimals(document: AppraisalDocument, roster: Roster) -> list[int]:
    """Scores in hundredths, as somebody would write it with ``decimal``."""
    marked, measured = _weights(document)
    percents = [Decimal(role.percent) for role in document.raters]
    given: list[list[list[Decimal]]] = [[[] for _ in percents] for _ in roster.people]
    for person, role, marks in zip(roster.rated, roster.roles, roster.marks, strict=True):
        weights = marked[roster.profiles[person]]
        given[person][role].append(sum((Decimal(w) * m for w, m in zip(weights, marks, strict=True)), Decimal(0)) / 100)
    found = []
    for person, profile in enumerate(roster.profiles):
        total = Decimal(0)
        present = [(p, rows) for p, rows in zip(percents, given[person], strict=True) if rows]
        whole = sum((p for p, _ in present), Decimal(0))
        for percent, rows in present:
            total += percent / whole * (sum(rows, Decimal(0)) / len(rows))
        for name, weights, target, most in measured:
            total += weights[profile] * min(Decimal(100) * roster.measured[person][name] / target, Decimal(most))
        extra = max(-300, min(300, 10 * roster.points[person])) + min(200, 100 * roster.honours[person])
        bounded = max(Decimal(0), min(Decimal(10_000), total + extra))
        found.append(int(bounded.quantize(Decimal(1), ROUND_HALF_UP)))
    return found


def with_numpy(document: AppraisalDocument, roster: Roster) -> list[int]:
    """Scores in hundredths, as somebody would write it with numpy's floats, from columns that are arrays already."""
    import numpy as np

    columns = _arrays(roster)
    marked, measured = _weights(document)
    roles, people = len(document.raters), len(roster.people)
    place = columns["rated"] * roles + columns["roles"]
    weighted = (columns["marks"] * np.array(marked)[columns["profiles"][columns["rated"]]]).sum(axis=1) / 100
    count = np.bincount(place, minlength=people * roles).reshape(people, roles)
    total = np.bincount(place, weights=weighted, minlength=people * roles).reshape(people, roles)
    percents = np.array([role.percent for role in document.raters]) * (count > 0)
    means = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    found = (means * percents).sum(axis=1) / percents.sum(axis=1)
    for name, weights, target, most in measured:
        found += np.array(weights)[columns["profiles"]] * np.minimum(100 * columns[name] / target, most)
    found += np.clip(10 * columns["points"], -300, 300) + np.minimum(200, 100 * columns["honours"])
    return [int(each) for each in np.floor(np.clip(found, 0, 10_000) + 0.5)]


_ARRAYS: dict[int, dict[str, Any]] = {}


def _arrays(roster: Roster) -> dict[str, Any]:
    """The roster as arrays, made once: what it costs to make them is not numpy's."""
    import numpy as np

    if id(roster) not in _ARRAYS:
        names = ("activities", "members")
        _ARRAYS[id(roster)] = {
            **{name: np.array([each[name] for each in roster.measured]) for name in names},
            **{name: np.array(getattr(roster, name)) for name in ("rated", "roles", "marks", "profiles", "points", "honours")},
        }
    return _ARRAYS[id(roster)]


def figures(rounds: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    document, roster = made_up(PEOPLE)
    results: list[Result] = score(document, roster)
    ours = [result.score for result in results]
    assert ours == with_decimals(document, roster), "the peer in decimals comes to the same scores"
    wrong = sum(a != b for a, b in zip(ours, with_numpy(document, roster), strict=True))
    assert all(explain(document, _one(roster, n), roster.people[n]).score == ours[n] for n in range(0, PEOPLE, PEOPLE // 50))

    def seconds(work: Callable[[AppraisalDocument, Roster], object]) -> Callable[[], float]:
        def run() -> float:
            began = time.perf_counter()
            work(document, roster)
            return time.perf_counter() - began

        return run

    contestants = {
        "us": seconds(score),
        "decimal, scores only": seconds(with_decimals),
        f"numpy floats, scores only, {wrong} wrong": seconds(with_numpy),
    }
    yield Figure(
        f"scores, ranks and ratings of {PEOPLE:,} people with {len(roster.rated):,} ratings",
        "s",
        paired(contestants, rounds, tell),
        goals=[(f"at most {SECONDS_MAX:.0f} s", "", SECONDS_MAX)],
        lower=True,
        digits=2,
    )


def _one(roster: Roster, person: int) -> Roster:
    """One person's columns: what an explanation reads."""
    rows = [n for n in range(person * len(ROLES), (person + 1) * len(ROLES)) if roster.rated[n] == person]
    chosen = {
        name: [getattr(roster, name)[person]]
        for name in ("people", "categories", "grades", "profiles", "measured", "points", "honours", "sanctions")
    }
    return Roster(**chosen, rated=[0] * len(rows), roles=[roster.roles[n] for n in rows], marks=[roster.marks[n] for n in rows])
