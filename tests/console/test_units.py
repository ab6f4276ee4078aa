"""``hongling registry unit`` and ``inspection``: units, and annual inspections from the opening to the bulk conclusion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.desk import Desk, desk


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path / "data") as made:
        yield made


# --- units --------------------------------------------------------------------------------------------------------------


def test_units_are_registered_listed_and_shown_with_those_below(at_desk: Desk) -> None:
    """By the desk's own key, which stands in the name; a page at a time."""
    at_desk.asked(
        "registry", "unit", "register", "town", "--title", "某街道党工委", "--division", "320102", "--on", "2020-01-01"
    )
    below = ("--title", "某社区党总支", "--division", "320102", "--parent", "town", "--on", "2020-01-01")
    (told,) = at_desk.asked("registry", "unit", "register", "village", *below)["happened"]
    assert "unit operator/village: 某社区党总支 (division 320102)" == told["says"]
    listed = ("registry", "unit", "list", "--division", "320000")
    assert ["operator/town", "operator/village"] == [row["unit"] for row in at_desk.asked(*listed)["units"]]
    page = at_desk.asked(*listed, "--limit", "1")
    assert ["operator/village"] == [row["unit"] for row in at_desk.asked(*listed, "--after", page["after"])["units"]]
    shown = at_desk.asked("registry", "unit", "show", "town")
    assert (["operator/village"], "江苏省南京市玄武区") == (shown["below"], shown["division_title"])
    assert "下级：operator/village" in at_desk.told("registry", "unit", "show", "operator/town", lang="zh")
    assert "某社区党总支" in at_desk.told(*listed, "--title", "社区")
    assert [] == at_desk.asked("registry", "unit", "list", "--division", "330000")["units"]


def test_a_closed_unit_is_told_apart(at_desk: Desk) -> None:
    at_desk.asked("registry", "unit", "register", "u", "--title", "某党支部", "--division", "320102", "--on", "2020-01-01")
    at_desk.asked("registry", "unit", "close", "u", "--reason", "合并", "--on", "2025-01-01")
    assert [1, 0] == [len(at_desk.asked("registry", "unit", "list", o)["units"]) for o in ("--closed", "--open")]
    assert "closed on 2025-01-01" in at_desk.told("registry", "unit", "show", "u")
    unknown = at_desk.ask("registry", "unit", "show", "v")
    assert (2, True) == (unknown.exit_code, "there is no unit operator/v" in unknown.output)


def test_a_wrong_credit_code_is_refused_by_its_form(at_desk: Desk) -> None:
    words = ("registry", "unit", "register", "u", "--title", "某党支部", "--division", "320102", "--credit-code", "123")
    result = at_desk.ask(*words)
    assert (2, True) == (result.exit_code, "GB 32100-2015" in result.output)


# --- annual inspections -------------------------------------------------------------------------------------------------


def test_an_inspection_is_opened_concluded_for_some_and_closed_for_the_rest(at_desk: Desk) -> None:
    """At each point the counts and the list of who is missing say how far it has come."""
    first, second = at_desk.worker(1), at_desk.worker(2, division="320104")
    at_desk.worker(3, division="330102")
    what = ("--division", "320100", "--year", "2025")
    opened = ("--closes-on", "2025-12-20", "--item", "files", "--item", "posts", "--on", "2025-11-01")
    at_desk.asked("registry", "inspection", "open", *what, *opened)
    missing = at_desk.asked("registry", "inspection", "missing", *what)["missing"]
    assert [{"division": "320102", "person_ref": first}, {"division": "320104", "person_ref": second}] == missing
    page = at_desk.asked("registry", "inspection", "missing", *what, "--limit", "1")
    assert missing[1:] == at_desk.asked("registry", "inspection", "missing", *what, "--after", page["after"])["missing"]
    good = ("--outcome", "passed", "--checked", "files=yes", "--checked", "posts=是", "--on", "2025-11-20")
    at_desk.asked("registry", "inspection", "conclude", first, "--year", "2025", *good)
    counts = at_desk.asked("registry", "inspection", "status", *what)["counts"]
    assert {"passed": 1, "failed": 0, "missed": 0, "uninspected": 1} == counts
    at_desk.asked("registry", "inspection", "close", *what, "--rest", "missed", "--on", "2025-12-20")
    at_desk.keep()
    answer = at_desk.asked("registry", "inspection", "status", *what)
    assert {"passed": 1, "failed": 0, "missed": 1, "uninspected": 0} == answer["counts"]
    assert [("2025-11-01", "2025-12-20", "missed", ["files", "posts"])] == [
        (row["opened_on"], row["closed_on"], row["rest"], row["items"]) for row in answer["inspections"]
    ]
    assert "全部已有结果" in at_desk.told("registry", "inspection", "missing", *what, lang="zh")
    told = at_desk.told("registry", "inspection", "status", *what, lang="zh")
    for part in ("尚无结果", "2025 年度年检", "files, posts"):
        assert part in told


def test_who_was_given_the_result_of_the_rest_is_traced_to_the_closing(at_desk: Desk) -> None:
    """From the result up to the act of whoever closed the inspection."""
    ref = at_desk.worker(1)
    what = ("--division", "320100", "--year", "2025")
    at_desk.asked("registry", "inspection", "open", *what, "--closes-on", "2025-12-20", "--on", "2025-11-01")
    at_desk.asked("registry", "inspection", "close", *what, "--on", "2025-12-20")
    at_desk.keep()
    (result,) = [f for f in at_desk.asked("history", ref)["facts"] if f["type"] == "registry.inspection-concluded.v1"]
    causes = at_desk.asked("trace", result["event_id"])["causes"]
    assert "registry.inspection-closed.v1" == causes[1]["type"]
    assert causes[2]["message"].startswith("operator/inspection-closed-")


def test_inspections_are_listed_by_division_and_year(at_desk: Desk) -> None:
    for year in ("2024", "2025"):
        opened = ("--closes-on", f"{year}-12-20", "--on", f"{year}-11-01")
        at_desk.asked("registry", "inspection", "open", "--division", "320100", "--year", year, *opened)
    at_desk.asked("registry", "inspection", "close", "--division", "320100", "--year", "2024", "--on", "2024-12-20")
    words = ("registry", "inspection", "list", "--division", "320000")
    assert [2024, 2025] == [row["year"] for row in at_desk.asked(*words)["inspections"]]
    page = at_desk.asked(*words, "--limit", "1")
    assert [2025] == [row["year"] for row in at_desk.asked(*words, "--after", page["after"])["inspections"]]
    assert [2025] == [row["year"] for row in at_desk.asked(*words, "--open")["inspections"]]
    assert [2024] == [row["year"] for row in at_desk.asked(*words, "--year", "2024")["inspections"]]
    assert "未参加" in at_desk.told(*words, lang="zh")
    assert 2 == at_desk.ask(*words, "--after", "320100").exit_code


def test_what_was_checked_is_yes_or_no(at_desk: Desk) -> None:
    at_desk.worker(1)
    words = ("registry", "inspection", "conclude", "hr:K001", "--year", "2025", "--outcome", "passed", "--checked", "files")
    result = at_desk.ask(*words)
    assert (2, True) == (result.exit_code, "is not ITEM=yes or ITEM=no" in result.output)
