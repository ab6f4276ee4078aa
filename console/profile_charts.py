"""The geometry of a profile's charts: a radar of competencies and bars over time. Pure; x runs right and y down, as in SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, pi, sin

from console.profile_sheet import Axis, Span

__all__ = ["SCORE_MAX", "BarBox", "Place", "Radar", "Timeline", "radar_of", "timeline_of"]

SCORE_MAX = 5
YEARS_MARKED_MAX = 10

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Radar:
    """rings: the grid, from the inside. spokes: ends of the axes. labels: (x, y, text, anchor). scores: the polygon, empty if
    nothing is rated; required: likewise. what is not rated lies in the middle."""

    size: float
    centre: Place
    rings: tuple[tuple[Place, ...], ...]
    spokes: tuple[Place, ...]
    labels: tuple[tuple[float, float, str, str], ...]
    scores: tuple[Place, ...]
    required: tuple[Place, ...]


def radar_of(axes: Sequence[Axis], size: float) -> Radar:
    """A radar in a square of that size; its first axis points up, the others follow clockwise."""
    middle, reach = size / 2, size * 0.34
    turn = 2 * pi / max(1, len(axes))

    def at(place: int, part: float) -> Place:
        return middle + reach * part * sin(turn * place), middle - reach * part * cos(turn * place)

    def polygon(values: Sequence[int | None]) -> tuple[Place, ...]:
        if not any(value is not None for value in values):
            return ()
        return tuple(at(n, (value or 0) / SCORE_MAX) for n, value in enumerate(values))

    labels = []
    for n, axis in enumerate(axes):
        x, y = at(n, 1.16)
        anchor = "middle" if abs(x - middle) < size * 0.02 else "start" if x > middle else "end"
        labels.append((x, y, f"{axis.label} {'–' if axis.score is None else axis.score}", anchor))
    return Radar(
        size=size,
        centre=(middle, middle),
        rings=tuple(tuple(at(n, ring / SCORE_MAX) for n in range(len(axes))) for ring in range(1, SCORE_MAX + 1)),
        spokes=tuple(at(n, 1) for n in range(len(axes))),
        labels=tuple(labels),
        scores=polygon([axis.score for axis in axes]),
        required=polygon([axis.required for axis in axes]),
    )


@dataclass(frozen=True, slots=True)
class BarBox:
    """A bar: its left end, top and width. label: beside it, first and last day in words."""

    x: float
    y: float
    width: float
    label: str
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """years: (x, year) of the marks."""

    width: float
    height: float
    row: float
    bars: tuple[BarBox, ...]
    years: tuple[tuple[float, int], ...]


def timeline_of(spans: Sequence[Span], on: date, width: float, row: float) -> Timeline:
    """Bars one below the other, each under its label, from the first year to the day; below them the years."""
    if not spans:
        return Timeline(width, row, row, (), ())
    first = date(min(span.first for span in spans).year, 1, 1)
    days = max(1, (on - first).days + 1)

    def x(day: date) -> float:
        return width * (day - first).days / days

    bars = tuple(
        BarBox(
            x(span.first),
            place * row,
            max(1.5, x(span.last) - x(span.first)),
            f"{span.label}  {span.first} – {'' if span.goes_on else span.last}".rstrip(),
            span.goes_on,
        )
        for place, span in enumerate(spans)
    )
    step = max(1, -(-(on.year - first.year + 1) // YEARS_MARKED_MAX))
    years = tuple((x(date(year, 1, 1)), year) for year in range(first.year, on.year + 1, step))
    return Timeline(width, row * len(spans) + row, row, bars, years)
