"""Cycles as documents: what is read, and each mistake at its line and key with a remedy."""

from __future__ import annotations

import pytest

from contracts.appraisal_events import CycleOpened
from contracts.registry import FactOrigin
from eventlog.documents import DocumentError
from services.talent.appraisal_document import check_cycle, read_cycle
from tests.support import NOW
from tests.talent.cycle_example import EXAMPLE, cycle_text


def test_the_example_is_a_cycle_without_a_doubt() -> None:
    """With qualitative and quantitative items, and the four kinds of raters that are published."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert check_cycle(text) == ()
    made = read_cycle(text)
    assert {item.part for item in made.items} == {"qualitative", "quantitative"}
    assert [role.zh for role in made.raters] == ["分管领导", "上级部门", "员工群众", "互评"]
    assert (made.quota.percent, made.quota.limit_percent) == (15, 20)


def test_a_cycle_goes_through_its_event_unchanged() -> None:
    made = read_cycle(EXAMPLE.read_text(encoding="utf-8"))
    origin = FactOrigin(source="hr", id="m-1", occurred_at=NOW)
    event = CycleOpened(cycle="hr/c-1", origin=origin, document=made, text="", text_sha256="")
    assert CycleOpened.model_validate(event.payload()).document == made


ITEMS = "weights[0].items"


@pytest.mark.parametrize(
    ("written", "instead", "line", "key", "code"),
    [
        ("{item: virtue, percent: 30}", "{item: virtue, percent: 31}", 23, ITEMS, "not-100"),
        ("{item: virtue, percent: 30}", "{item: virtues, percent: 30}", 23, "weights[0].items[0].item", "unknown-word"),
        ("{item: virtue, percent: 30}", "{item: ability, percent: 30}", 23, "weights[0].items[1].item", "duplicate"),
        ("percent: 60}", "percent: 61}", 17, "raters", "not-100"),
        ("raters:\n  - {name: leader, zh: 分管领导, percent: 60}\n  - {name: staff, zh: 员工群众, percent: 40}\n", "", 1,
         "raters", "no-raters"),
        ("categories: [recruited]", "categories: [secretary, recruited]", 24, "weights[1]", "overlap"),
        ("categories: [recruited]", "categories: [secretery]", 24, "weights[1].categories[0]", "unknown-value"),
        ("scope: {categories: [secretary, recruited]}", "scope: {categories: [secretary, instructor]}", 20, "weights",
         "uncovered"),
        ("    clause: 2", "    grades: [senior]\n    clause: 2", 20, "weights", "uncovered"),
        (", target: 12", "", 16, "items[2].target", "missing"),
        ("{name: ability, zh: 能, part: qualitative}", "{name: ability, zh: 能, part: qualitative, target: 3}", 15,
         "items[1].target", "contradiction"),
        ("{name: ability,", "{name: virtue,", 15, "items[1].name", "duplicate"),
        ("part: quantitative", "part: quantity", 16, "items[2].part", "unknown-value"),
        ("at_least: 70", "at_least: 90", 29, "bands[1].at_least", "not-descending"),
        ("incompetent, at_least: 0", "incompetent, at_least: 1", 31, "bands[3].at_least", "gap"),
        ("percent: 15, limit_percent", "percent: 21, limit_percent", 32, "quota.percent", "above-limit"),
        ("rating: excellent, clause: 5", "rating: good, clause: 5", 35, "bars[0].rating", "unknown-word"),
        ("rating: excellent, clause: 5", "rating: incompetent, clause: 5", 35, "bars[0].rating", "contradiction"),
        ("step: cancel_honours", "step: fined", 35, "bars[0].step", "unknown-value"),
        ("last_day: 2025-12-31", "last_day: 2024-12-31", 9, "last_day", "reversed"),
        ("year: 2025", "year: 2024", 6, "year", "contradiction"),
        ("ratings_until: 2026-01-31", "ratings_until: 2026-01-01", 10, "ratings_until", "reversed"),
        ("late: refused", "late: ignored", 11, "late", "unknown-value"),
        ("percent: 60}", "percent: 60.5}", 18, "raters[0].percent", "float"),
        ("period: yearly", "periods: yearly", 7, "periods", "unknown-key"),
    ],
)  # fmt: skip
def test_each_mistake_is_shown_at_its_line_and_key(written: str, instead: str, line: int, key: str, code: str) -> None:
    text = cycle_text()
    assert written in text
    changed = text.replace(written, instead, 1)
    assert (line, key, code) in [(p.line, p.key, p.code) for p in check_cycle(changed)]
    with pytest.raises(DocumentError) as caught:
        read_cycle(changed)
    assert all(p.problem and p.remedy for p in caught.value.problems)


def test_a_doubt_keeps_nobody_from_opening_a_cycle() -> None:
    """An item that counts for nobody, weights beyond the scope, more of the best rating than is usual."""
    text = cycle_text(scope="scope: {categories: [recruited]}").replace("limit_percent: 20", "limit_percent: 30")
    text = text.replace("raters:", "  - {name: thrift, zh: 俭, part: qualitative}\nraters:", 1)
    found = check_cycle(text)
    assert [(p.code, p.severity) for p in found] == [("unused", "warning"), ("outside", "warning"), ("unusual", "warning")]
    assert read_cycle(text).quota.limit_percent == 30
