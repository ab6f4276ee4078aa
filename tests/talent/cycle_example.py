"""A small cycle, and what goes into it, for the tests of appraisals. Nobody here exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.appraisal import AppraisalDocument
from services.talent.appraisal_document import read_cycle
from services.talent.scoring import Roster

__all__ = ["EXAMPLE", "cycle_text", "document", "ref", "roster"]

EXAMPLE = Path(__file__).parents[2] / "cycles" / "example-county-2025.yaml"

_TEXT = """\
document: cycle-1
title: 考核办法
division: 320102
effective_on: 2026-01-05
source: made up for a test
year: 2025
period: yearly
first_day: 2025-01-01
last_day: 2025-12-31
ratings_until: 2026-01-31
late: refused
scope: {categories: [secretary, recruited]}
items:
  - {name: virtue, zh: 德, part: qualitative}
  - {name: ability, zh: 能, part: qualitative}
  - {name: output, zh: 绩, part: quantitative, target: 12}
raters:
  - {name: leader, zh: 分管领导, percent: 60}
  - {name: staff, zh: 员工群众, percent: 40}
weights:
  - categories: [secretary]
    clause: 1
    items: [{item: virtue, percent: 30}, {item: ability, percent: 30}, {item: output, percent: 40}]
  - categories: [recruited]
    clause: 2
    items: [{item: virtue, percent: 50}, {item: ability, percent: 50}]
bands:
  - {rating: excellent, at_least: 90}
  - {rating: competent, at_least: 70}
  - {rating: basic, at_least: 60}
  - {rating: incompetent, at_least: 0}
quota: {percent: 15, limit_percent: 20, clause: 3}
points: {each_hundredths: 10, at_most_hundredths: 300, clause: 4}
honours: {each_hundredths: 100, at_most_hundredths: 200, clause: 4}
bars: [{step: cancel_honours, rating: excellent, clause: 5}]
"""


def cycle_text(**lines: str) -> str:
    """The small cycle as YAML. lines: a top-level key → the line or lines to put in place of its own ("" to leave it out)."""
    parts: dict[str, str] = {}
    for line in _TEXT.splitlines(keepends=True):
        if line[0] not in " \n":
            key = line.partition(":")[0]
            parts[key] = ""
        parts[key] += line
    for name, line in lines.items():
        parts[name] = line if not line or line.endswith("\n") else line + "\n"
    return "".join(parts.values())


def document(**lines: str) -> AppraisalDocument:
    return read_cycle(cycle_text(**lines))


def ref(number: int) -> str:
    """A person_ref that nobody has."""
    return f"p{number:026d}"


def roster(people: Sequence[Mapping[str, Any]], **columns: Any) -> Roster:
    """People as mappings: category, grade, measured, points, honours, sanctions, and ratings as (role index, marks)."""
    secretary = {"secretary": 0, "recruited": 1}
    given = [(place, role, marks) for place, person in enumerate(people) for role, marks in person.get("ratings", ())]
    made: dict[str, Any] = {
        "people": [ref(place) for place in range(len(people))],
        "categories": [person.get("category", "recruited") for person in people],
        "grades": [person.get("grade", "none") for person in people],
        "profiles": [person.get("profile", secretary[person.get("category", "recruited")]) for person in people],
        "measured": [person.get("measured", {}) for person in people],
        "points": [person.get("points", 0) for person in people],
        "honours": [person.get("honours", 0) for person in people],
        "sanctions": [tuple(person.get("sanctions", ())) for person in people],
        "rated": [place for place, _, _ in given],
        "roles": [role for _, role, _ in given],
        "marks": [marks for _, _, marks in given],
    }
    return Roster(**{**made, **columns})
