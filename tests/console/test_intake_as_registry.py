"""What the registry would refuse whatever it has on file, `intake check` says before anything is published."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from contracts.refusals import in_language
from contracts.resident_id import check_character
from eventlog.database import Database
from tests.console.intake_support import rows_of
from tests.support import NOW, RegistryBench, identity, sealed

WORKER = {"person": {"source_key": "w-1"}}
ENGAGEMENT = {"engagement": "e1", "category": "secretary", "unit": "u", "post": "p"}
CERTIFICATE = {"number": "c1", "grade": "senior", "issuer": "320100"}
CHANGE = {"key": "k", "number": "c1", "reason": "r"}
LONG_AGO, FAR = "1949-09-30", "2099-01-01"
TO_COME = NOW.year + 1

FACTS: Mapping[str, Mapping[str, Any]] = {
    "engagement-started": ENGAGEMENT,
    "engagement-ended": {"engagement": "e1", "reason": "resigned"},
    "certificate-issued": CERTIFICATE,
    "certificate-changed": {**CHANGE, "change": "suspended"},
    "certificate-recognised": {"number": "c1", "division": "320102"},
    "annual-rating-recorded": {"year": 2023, "rating": "competent"},
    "inspection-concluded": {"year": 2023, "outcome": "passed"},
    "registration-transferred": {"key": "t", "division": "320104"},
    "registration-closed": {"key": "s", "reason": "left"},
    "registration-reopened": {"key": "s", "reason": "returned"},
}
"""Each fact of a registered person as it can be."""

WRONG: tuple[tuple[str, dict[str, Any], dict[str, str], str], ...] = (
    *((fact, {**WORKER, **says}, {"on": LONG_AGO}, "date-too-early") for fact, says in FACTS.items()),
    *((fact, {**WORKER, **says}, {"on": FAR}, "date-too-late") for fact, says in FACTS.items()),
    *((fact, {**WORKER, **says}, {"time": "2099-01-01T00:00:00Z"}, "time-ahead") for fact, says in FACTS.items()),
    ("annual-rating-recorded", {**WORKER, "year": 2023, "rating": "competent"}, {"on": "2022-12-31"}, "result-before-year"),
    ("inspection-concluded", {**WORKER, "year": 2023, "outcome": "passed"}, {"on": "2022-12-31"}, "result-before-year"),
    ("annual-rating-recorded", {**WORKER, "year": TO_COME, "rating": "competent"}, {"on": f"{TO_COME}-01-01"}, "year-to-come"),
    ("inspection-concluded", {**WORKER, "year": TO_COME, "outcome": "passed"}, {"on": f"{TO_COME}-01-01"}, "year-to-come"),
    ("certificate-issued", {**WORKER, **CERTIFICATE, "expires_on": "2023-12-31"}, {"on": "2024-01-01"}, "expires-before-issue"),
    ("certificate-changed", {**WORKER, **CHANGE, "change": "downgraded"}, {}, "grade-and-downgrade"),
    ("certificate-changed", {**WORKER, **CHANGE, "change": "suspended", "grade": "junior"}, {}, "grade-and-downgrade"),
)


def corrected(says: Mapping[str, Any]) -> dict[str, Any]:
    return {"corrects": {"id": "first"}, "replacement": says, "reason": "typing error"}


CORRECTIONS = (
    ({"kind": "rating", "year": 2023, "rating": "competent"}, "2022-12-31", "result-before-year"),
    ({"kind": "rating", "year": TO_COME, "rating": "competent"}, f"{TO_COME}-01-01", "year-to-come"),
    ({"kind": "rating", "year": 2023, "rating": "competent"}, LONG_AGO, "date-too-early"),
)


@pytest.fixture
def bench(sqlite_url: str, open_database: Callable[[str], Database]) -> RegistryBench:
    return RegistryBench(open_database(sqlite_url))


def checked(tmp_path: Path, line: bytes, lang: str = "en") -> list[tuple[str, str, str]]:
    """What `intake check` says of a line: (field, code, problem)."""
    (row,) = rows_of(tmp_path, line + b"\n", name="f.jsonl", recorded_at=NOW, lang=lang)
    return [(each.field, each.code, each.problem) for each in row.problems]


@pytest.mark.parametrize(("fact", "data", "more", "code"), WRONG)
def test_a_wrong_row_has_the_registrys_answer(
    bench: RegistryBench, tmp_path: Path, fact: str, data: dict[str, Any], more: dict[str, str], code: str
) -> None:
    """The same code at the same field, in both languages."""
    item = bench.message(fact, data, id="wrong", **more)
    bench.settle(bench.registers(on="2020-01-01"), item)
    (told,) = next(receipt for receipt in bench.receipts if receipt.id == "wrong").problems
    assert code == told.code
    for lang in ("en", "zh"):
        ((field, found, said),) = checked(tmp_path, item.raw, lang)
        assert (told.field, told.code) == (field, found)
        assert said.endswith(in_language(told, lang).problem)


@pytest.mark.parametrize(("says", "day", "code"), CORRECTIONS)
def test_a_wrong_correction_has_the_registrys_answer(
    bench: RegistryBench, tmp_path: Path, says: dict[str, Any], day: str, code: str
) -> None:
    """A correction obeys the rules of what it replaces."""
    item = bench.message("fact-corrected", corrected(says), id="wrong", on=day)
    bench.settle(bench.registers(on="2020-01-01"), bench.rates(2023, id="first"), item)
    assert [code] == bench.codes("wrong") == [found for _, found, _ in checked(tmp_path, item.raw)]


@pytest.mark.parametrize(
    ("digits", "day", "code"),
    [("99000020300101001", "2021-03-01", "born-later"), ("99000020190101001", "2021-03-01", "under-age")],
)
def test_an_impossible_age_has_the_registrys_answer(
    bench: RegistryBench, tmp_path: Path, digits: str, day: str, code: str
) -> None:
    """The row has the identity in plain text, the message sealed."""
    who = {**identity(1).model_dump(), "resident_id": digits + check_character(digits)}
    data = {"person": {"identity": sealed(who)}, "division": "320102"}
    bench.settle(bench.message("worker-registered", data, id="w", on=day))
    line = {"type": "worker-registered", "effectiveon": day, "data": {"person": {"identity": who}, "division": "320102"}}
    assert [code] == bench.codes("w") == [found for _, found, _ in checked(tmp_path, json.dumps(line).encode())]


@pytest.mark.parametrize("fact", FACTS)
def test_what_can_be_is_passed(tmp_path: Path, bench: RegistryBench, fact: str) -> None:
    assert [] == checked(tmp_path, bench.message(fact, {**WORKER, **FACTS[fact]}, id="right").raw)


def test_a_workbook_says_it_at_the_cell(tmp_path: Path) -> None:
    """With the row, the heading and the cell, as every other problem."""
    text = "person key,effective date,year,rating\nw-1,2022-12-31,2023,competent\n"
    (row,) = rows_of(tmp_path, text, "annual-rating-recorded", recorded_at=NOW)
    (told,) = row.problems
    assert ("result-before-year", "B2") == (told.code, row.cell_of(told))
