"""What the engine says of a year is told in the reader's language: nothing English is left in a Chinese explanation."""

from __future__ import annotations

import re

import pytest

from console.words import Words
from contracts.allowance import Decision
from contracts.policy import PolicyDocument
from services.allowance.engine import decide_year
from tests.allowance.test_engine import certified, closed, inspected, moved, recognised, reopened, starts
from tests.allowance.test_policies_on_file import (
    BESIDE,
    CITY,
    COUNTY,
    ON_FILE,
    PROVINCE,
    RECRUITED,
    SECRETARY,
    in_force,
    worker,
)

CODES = re.compile(r"level_\d|\d+")


def decisions() -> list[tuple[PolicyDocument, Decision]]:
    """Every case that was worked out by hand, and years that are refused in every way."""
    asked = [
        *[("example-county", facts, 2022, "allowance") for facts, _, _ in COUNTY.values()],
        *[("example-lakeside-city", facts, 2022, "allowance") for facts, _, _ in CITY.values()],
        *[("example-province", facts, year, "allowance") for year, facts, _, _ in PROVINCE.values()],
        (
            "example-county",
            worker("980102", starts(2, "2019-01-01", category="instructor", full_time=False)),
            2022,
            "allowance",
        ),
        ("example-county", worker("980102", closed(8, "2022-03-15"), reopened(9, "2022-08-10")), 2022, "allowance"),
        (
            "example-lakeside-city",
            worker("980201", certified(3, "2019-05-01", "level_4", issuer="980203"), inspected("missed", "2022-01-10", 2022)),
            2022,
            "allowance",
        ),
        (
            "example-lakeside-city",
            worker("980201", certified(3, "2019-05-01", "level_4", issuer="980203"), recognised(6, "2022-05-02", "980200")),
            2022,
            "allowance",
        ),
        ("example-province", worker("980101", starts(2, "2019-01-01"), moved(7, "2022-05-10", "980203")), 2022, "allowance"),
        ("example-province", worker("980101", SECRETARY, moved(7, "2022-05-10", "980203")), 2022, "allowance"),
        ("example-province", worker("980203", RECRUITED, civil_servant=True), 2022, "allowance"),
        (BESIDE, worker("980201", certified(3, "2019-05-01", "level_4", issuer="980201"), rating="good"), 2022, "part_time"),
        (
            BESIDE,
            worker("980201", starts(2, "2019-01-01", category="instructor"), rating="good"),
            2022,
            "work_expense",
        ),
    ]
    found = []
    for names, facts, year, instrument in asked:
        decision = decide_year(facts, in_force(*names.split()), year, instrument)  # type: ignore[arg-type]
        assert decision is not None
        document = next(each for each in ON_FILE.values() if each.document == decision.policy.document)
        found.append((document, decision))
    return found


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_word_is_left_in_the_other_language(lang: str) -> None:
    """Conditions, arithmetic and warnings; amounts are told in yuan in both."""
    for document, decision in decisions():
        words = Words(lang, document)
        told = [words.condition(each.name, text) for each in decision.predicates for text in (each.required, each.found)]
        told += [words.arithmetic(line.arithmetic) for line in decision.lines]
        told += [words.warning(text) for text in decision.warnings]
        for text in told:
            assert " fen" not in text
            if lang == "zh":
                assert not re.search(r"[A-Za-z]{2,}", text), text
            else:
                assert text.replace(document.document, "").isascii() or "¥" in text or "×" in text, text


def test_the_cases_are_of_every_kind() -> None:
    """Granted and denied, and with each warning that a policy's settings bring about."""
    found = [decision for _, decision in decisions()]
    assert {decision.decision for decision in found} == {"granted", "denied"}
    warned = " ".join(text for decision in found for text in decision.warnings)
    for part in ("counts for the whole year", "by the division held on its first day", "two different posts", "do not count"):
        assert part in warned
    assert {each.name for decision in found for each in decision.predicates if not each.met} >= {
        "category",
        "full_time",
        "entry_channel",
        "not_civil_servant",
        "certificate",
        "inspection",
        "without_allowance",
    }
