"""Measuring side by side: every round runs each contestant once, in another order, so that a slow minute hits them all."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["ROUNDS", "Figure", "paired"]

ROUNDS = 5
Contestant = Callable[[], float]


@dataclass
class Figure:
    """One line of the result.

    runs: by contestant, one value a round; "us" is always one. goals: what was to be reached, as (words, ratio or value); the
    words say of what. lower: whether less is better.
    """

    title: str
    unit: str
    runs: dict[str, list[float]] = field(default_factory=dict)
    goals: Sequence[tuple[str, str, float]] = ()
    lower: bool = False
    digits: int = 0

    def shown(self, name: str) -> str:
        """Median (lowest to highest)."""
        runs = self.runs[name]
        low, middle, high = (f"{v:,.{self.digits}f}" for v in (min(runs), statistics.median(runs), max(runs)))
        return middle if len(runs) == 1 else f"{middle} ({low} to {high})"

    def ratio(self, to: str) -> tuple[float, float, float]:
        """Of us to another contestant, round by round: lowest, median, highest."""
        ratios = [a / b for a, b in zip(self.runs["us"], self.runs[to], strict=True)]
        return min(ratios), statistics.median(ratios), max(ratios)

    def reached(self) -> list[str]:
        """Each goal in words, with what was measured and whether that is enough. A goal is (words, contestant or "", value)."""
        lines = []
        for words, to, wanted in self.goals:
            low, middle, high = self.ratio(to) if to else (0.0, statistics.median(self.runs["us"]), 0.0)
            enough = middle <= wanted if self.lower else middle >= wanted
            measured = f"{middle:.2f} × ({low:.2f} to {high:.2f})" if to else f"{middle:,.{self.digits}f}"
            lines.append(f"{words}: {measured}, {'reached' if enough else 'not reached'}")
        return lines

    def markdown(self) -> str:
        """A row of the table in docs/performance.md."""
        others = "<br>".join(f"{name} {self.shown(name)}" for name in self.runs if name != "us") or "–"
        return f"| {self.title}, {self.unit} | {others} | {self.shown('us')} | {'<br>'.join(self.reached()) or '–'} |"


def paired(contestants: Mapping[str, Contestant], rounds: int, tell: Callable[[str], None]) -> dict[str, list[float]]:
    """Run every contestant once a round, each round beginning with the next one."""
    names = list(contestants)
    runs: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            runs[name].append(contestants[name]())
            tell(f"  round {number + 1} of {rounds}: {name} {runs[name][-1]:,.4g}")
    return runs
