"""A profile as one HTML page: self-contained, without scripts, for a screen or A4 paper."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console.cells import legible
from console.profile_charts import Place, radar_of, timeline_of
from console.profile_sheet import Sheet

__all__ = ["profile_html"]

TEMPLATES = Path(__file__).parent / "templates"
RADAR_SIZE = 220.0
TIMELINE_WIDTH, TIMELINE_ROW = 700.0, 24.0


def profile_html(sheet: Sheet) -> str:
    """The page. Whatever the sheet says is text in it, never markup."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=_legible,
    )
    environment.filters.update(number=_number, places=_places)
    timeline = timeline_of(sheet.spans, sheet.on, TIMELINE_WIDTH, TIMELINE_ROW)
    template = environment.get_template("profile.html.j2")
    return template.render(sheet=sheet, radar=radar_of(sheet.axes, RADAR_SIZE), timeline=timeline)


def _legible(value: Any) -> Any:
    # What is markup already was made of legible texts, and must stay markup.
    return legible(value) if type(value) is str else value


def _number(value: float) -> str:
    return f"{value:.1f}"


def _places(points: Iterable[Place]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
