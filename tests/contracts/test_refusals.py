"""Whatever a service answers, it can be told in both languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.problems import CODES, problem
from contracts.receipts import Problem
from contracts.refusals import REFUSALS, in_language

ROOT = Path(__file__).parents[2]
MADE_OF_PARTS = {
    "f'too-many-{what}'": ("too-many-facts", "too-many-messages"),
    "f'cycle-{what}'": ("cycle-concluded", "cycle-cancelled"),
}
"""Codes that a rule puts together, and what comes of it."""


def codes_in(node: ast.expr) -> Iterator[str]:
    """The codes that an expression can be. One that is handed on is found where it is written."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from codes_in(node.body)
        yield from codes_in(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        yield from MADE_OF_PARTS[ast.unparse(node)]


def codes_of_services() -> dict[str, str]:
    """Each code of a problem that the services and their machinery write, and a file that does."""
    found: dict[str, str] = {}
    for file in (*(ROOT / "services").rglob("*.py"), *(ROOT / "eventlog").rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name in ("reject", "problem") and len(call.args) >= 4:
                found |= dict.fromkeys(codes_in(call.args[1]), file.name)
            elif name == "problem_of" and call.args:
                found |= dict.fromkeys(codes_in(call.args[0]), file.name)
            elif name == "Problem":
                for keyword in call.keywords:
                    if keyword.arg == "code":
                        found |= dict.fromkeys(codes_in(keyword.value), file.name)
    return found


def test_every_code_that_a_service_answers_has_its_words_in_chinese() -> None:
    """Add it to ``contracts.refusals``: problem and remedy."""
    codes = codes_of_services()
    assert len(codes) > 100
    assert {code: file for code, file in codes.items() if code not in REFUSALS and code not in CODES} == {}


def test_no_words_are_empty_or_english() -> None:
    """A clerk reads them."""
    for what, remedy in REFUSALS.values():
        assert any("\u4e00" <= sign <= "\u9fff" for sign in what)
        assert any("\u4e00" <= sign <= "\u9fff" for sign in remedy)


@pytest.mark.parametrize(
    ("code", "english", "chinese"),
    [
        ("result-before-year", ("a result for 2024 cannot be dated before it", "mend the year or the date"),
         ("2024 年度的结果，日期早于该年度", "请更正年度或日期")),
        ("ends-too-early", ("the notice has 5 days, not 3", "mend the date"), ("公示期太短（5、3）", "请更正日期")),
        ("unknown-word", ("fine is no word of the standard", "write one of good, excellent"),
         ("标准中没有该词", "请填写标准中的词：good, excellent")),
        ("no-such-code", ("as it is", "as it is"), ("as it is", "as it is")),
    ],
)  # fmt: skip
def test_days_numbers_and_choices_stay(code: str, english: tuple[str, str], chinese: tuple[str, str]) -> None:
    """The sentence is of the table, what it is about is of the receipt; an unknown code is told as it came."""
    given = Problem(field="data.year", code=code, problem=english[0], remedy=english[1])
    told = in_language(given, "zh")
    assert (told.field, told.code, (told.problem, told.remedy)) == ("data.year", code, chinese)
    assert in_language(given, "en") == given


def test_what_the_contracts_find_is_told_by_their_own_words() -> None:
    """With what was filled in."""
    assert in_language(problem("missing", "data.year"), "zh") == problem("missing", "data.year", "zh")
    told = in_language(problem("unknown-type", "type", "en", "a, b"), "zh")
    assert told == problem("unknown-type", "type", "zh", "a, b")
