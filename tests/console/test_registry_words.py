"""Every event of the registry, and every text of a review or a limit, can be read by people in both languages."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from console.registry_words import criterion, event_text, name_of, side
from console.words import Words
from contracts.certification import STAGES, TITLE_LEVELS, CriterionResult, Limit
from contracts.intake import Finding
from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
)
from contracts.registry import RegistryEvent
from services.registry.app import CODEC
from services.registry.eligibility import Fact, judge, limits_reached
from services.registry.standard import read_standard
from tests.console.desk import STANDARD

GOLDEN = sorted((Path(__file__).parents[1] / "contracts" / "golden").glob("registry.*.json"))
ZH, EN = Words("zh"), Words("en")
LATIN = re.compile("[A-Za-z]{4,}")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_event_is_a_sentence_in_both_languages(path: Path) -> None:
    """No event is shown by its type's name, none shows anything that is encrypted, and the Chinese one has Chinese words."""
    found = json.loads(path.read_text(encoding="utf-8"))
    data = found.get("data", found)
    event = CODEC.decode(path.name.removesuffix(".json"), json.dumps(data))
    assert isinstance(event, RegistryEvent)
    zh, en = event_text(ZH, event, date(2025, 1, 2)), event_text(EN, event, date(2025, 1, 2))
    assert zh != en
    assert re.search("[\u4e00-\u9fff]", zh)
    secrets = [text for part in ("identity", "content") for text in (data.get(part) or {}).get("fields", {}).values()]
    assert [] == [text for text in secrets if text in zh + en]


def test_there_is_a_golden_file_for_every_event() -> None:
    """So that the test above leaves none out."""
    told = {kind.TYPE for kind in get_args(RegistryEvent)}
    assert told == {path.name.removesuffix(".json") for path in GOLDEN}


def fact(number: int, says: Particulars, on: str) -> Fact:
    return Fact(f"00000000-0000-7000-8000-{number:012}", date.fromisoformat(on), says, "hr")


def facts() -> list[Fact]:
    """A worker with something to be found for every rule."""
    post = EngagementStart(engagement="e", category="secretary", unit="u", post="p")
    said: list[tuple[Particulars, str]] = [
        (post, "2015-01-01"),
        (EngagementEnd(engagement="e", reason="resigned"), "2024-06-30"),
        (Certificate(number="C-1", grade="junior", issuer="320102"), "2020-01-01"),
        (CertificateChange(key="k", number="C-1", change="suspended", reason="r"), "2023-01-01"),
        *((RatingResult(year=year, rating="incompetent"), f"{year + 1}-01-10") for year in range(2020, 2025)),
        *((InspectionResult(year=year, outcome="failed"), f"{year}-12-01") for year in range(2020, 2025)),
        (InspectionResult(year=2019, outcome="missed"), "2019-12-01"),
    ]
    return [fact(number, says, on) for number, (says, on) in enumerate(said)]


def reviews() -> list[CriterionResult]:
    """Every criterion of the example, judged on nothing, on much, and with and without findings."""
    document = read_standard(STANDARD.read_text(encoding="utf-8"))
    results: list[CriterionResult] = []
    for grade in document.grades:
        names = {each.name: each.rule for each in grade.criteria}
        findings = [Finding.model_validate({"criterion": n, **_found(rule)}) for n, rule in names.items() if _found(rule)]
        for on_file in (facts(), facts()[2:3], []):
            for said in (findings, []):
                results += judge(document, grade, on_file, said, (), (), date(2025, 3, 3))
    return results


def _found(rule: str) -> dict[str, Any]:
    said: dict[str, dict[str, Any]] = {"hours": {"hours": 1}, "assessed": {"points": 50}, "confirmed": {"confirmed": False}}
    return said.get(rule, {})


def test_both_sides_of_every_criterion_are_turned_into_chinese() -> None:
    """No English is left, but in the question that a standard's author wrote; English texts stay as they are."""
    for each in reviews():
        if each.rule != "confirmed":
            assert LATIN.search(side(ZH, each.required)) is None, side(ZH, each.required)
        assert LATIN.search(side(ZH, each.found)) is None, side(ZH, each.found)
        assert each.found == side(EN, each.found)
        assert criterion(ZH, each.name, each.rule) != criterion(EN, each.name, each.rule)


def test_both_sides_of_every_limit_are_turned_into_chinese() -> None:
    document = read_standard(STANDARD.read_text(encoding="utf-8"))
    reached = limits_reached(document, facts(), date(2025, 3, 3))
    assert {each.rule for each in reached} == set(get_args(Limit.model_fields["rule"].annotation))
    for each in reached:
        assert LATIN.search(side(ZH, each.required) + side(ZH, each.found)) is None, side(ZH, each.found)


def test_every_word_is_known() -> None:
    """Stages, titles, rules: none is shown in Chinese by its English name."""
    for kind, values in (
        ("stage", (*STAGES, "concluded")),
        ("title_level", TITLE_LEVELS),
        ("rule", ("hours", "suspended_months")),
    ):
        for value in values:
            assert LATIN.search(name_of(ZH, kind, value)) is None
    assert "some other" == name_of(EN, "stage", "some_other")
