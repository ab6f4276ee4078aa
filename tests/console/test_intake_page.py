"""docs/intake.md and its Chinese counterpart say the same: headings, rows of tables, codes, commands, paths and numbers."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from console.cells import FORMULA
from console.intake_faults import COLUMNS_MAX, ROWS_MAX
from contracts.problems import CODES
from contracts.refusals import REFUSALS

ENGLISH, CHINESE = (Path(__file__).parents[2] / "docs" / name for name in ("intake.md", "intake.zh-CN.md"))


def shape(page: Path) -> list[tuple[str, int]]:
    """Headings and table rows in their order: what kind, and of how many columns."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [(line[: line.index(" ")] if line[0] == "#" else "|", line.count("|")) for line in lines if line[:1] in ("#", "|")]


def codes(page: Path) -> Counter[str]:
    return Counter(re.findall(r"`([^`]+)`", page.read_text(encoding="utf-8")))


def numbers(page: Path) -> Counter[str]:
    found = re.findall(
        r"U\+[0-9A-F]{4}|[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:-[0-9]{2}-[0-9]{2})?", page.read_text(encoding="utf-8")
    )
    return Counter(found)


def test_both_pages_have_the_same_headings_and_rows() -> None:
    assert shape(ENGLISH) == shape(CHINESE)


def test_both_pages_name_the_same_codes_commands_and_paths() -> None:
    assert codes(ENGLISH) == codes(CHINESE)


def test_both_pages_have_the_same_bounds_and_days() -> None:
    assert numbers(ENGLISH).keys() == numbers(CHINESE).keys()
    assert {f"{ROWS_MAX:,}", str(COLUMNS_MAX)} <= numbers(CHINESE).keys()


@pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=lambda page: page.name)
def test_every_code_of_an_answer_on_the_page_is_one(page: Path) -> None:
    """In the table of what is hardly possible, and of names."""
    told = re.findall(r"(?:refused|warning|退回|提醒)[:：]([^|;；]+)", page.read_text(encoding="utf-8"))
    named = {code for each in told for code in re.findall(r"`([a-z-]+)`", each)}
    assert len(named) >= 15
    assert named <= {*CODES, *REFUSALS}
    assert all(sign in page.read_text(encoding="utf-8") for sign in FORMULA[:4])
