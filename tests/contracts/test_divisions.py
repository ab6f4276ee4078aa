"""Divisions by their codes: which covers which, which level one has, and whose document holds for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pytest

from contracts.certification import Level
from contracts.divisions import above, covers, in_force, level_of

DAY = date(2026, 2, 1)


@dataclass(frozen=True)
class Document:
    division: str
    effective_on: date = DAY


@pytest.mark.parametrize(
    ("division", "other", "covered"),
    [("320000", "320102", True), ("320100", "320102", True), ("320102", "320102", True), ("320102", "320103", False),
     ("320100", "320200", False), ("320102", "320100", False), ("371000", "371002", True), ("370000", "371000", True)],
)  # fmt: skip
def test_a_division_covers_itself_and_those_below(division: str, other: str, covered: bool) -> None:
    """Also where a code ends in a zero that is no level's, such as 371000."""
    assert covers(division, other) is covered


@pytest.mark.parametrize(
    ("division", "level"),
    [("320000", "province"), ("320100", "city"), ("371000", "city"), ("320102", "county"), ("320110", "county")],
)  # fmt: skip
def test_the_zeros_of_a_code_say_its_level(division: str, level: Level) -> None:
    assert level_of(division) == level


@pytest.mark.parametrize(
    ("division", "level", "other"),
    [("320102", "county", "320102"), ("320102", "city", "320100"), ("320102", "province", "320000"),
     ("320100", "county", "320100"), ("320000", "city", "320000")],
)  # fmt: skip
def test_a_division_lies_in_one_division_of_each_level_above(division: str, level: Level, other: str) -> None:
    """What is above the level already stays what it is."""
    assert above(division, level) == other


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ((), None),
        ((Document("320200"),), None),
        ((Document("320100", date(2026, 2, 2)),), None),
        ((Document("320102", date(2020, 1, 1)), Document("320100"), Document("320000")), 0),
        ((Document("320100"), Document("320100", date(2025, 1, 1))), 0),
        ((Document("320100", date(2025, 1, 1)), Document("320100")), 1),
        ((Document("320100"), Document("320100")), 1),
        ((Document("320100"), Document("320100", date(2026, 2, 2))), 0),
    ],
)
def test_the_nearest_divisions_latest_document_is_in_force(documents: Sequence[Document], expected: int | None) -> None:
    """Nearest first, then the day from which it holds, then the publication; neither other divisions' nor a future one."""
    found = in_force([(f"e-{n}", document) for n, document in enumerate(documents)], "320102", DAY)
    assert found == (None if expected is None else (f"e-{expected}", documents[expected]))
