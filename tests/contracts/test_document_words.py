"""Every sentence about a document stands in Chinese, too: the table is held against the sources of all checkers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.document_words import SENTENCES, in_words
from contracts.receipts import Problem
from contracts.refusals import OF_DOCUMENT, in_language
from eventlog.documents import DocumentProblem
from services.allowance.policy import check_policy
from services.registry.standard import check_standard
from services.talent.appraisal_document import check_cycle
from services.talent.development_policy import check_policy as check_development
from services.talent.standard import check_standard as check_qualification
from services.talent.vacancy_document import check_vacancy

ROOT = Path(__file__).parents[2]
CHECKERS = (
    "eventlog/documents.py", "services/allowance/policy.py", "services/allowance/policy_check.py",
    "services/allowance/policy_check_amounts.py", "services/registry/standard.py", "services/talent/standard.py",
    "services/talent/appraisal_document.py", "services/talent/development_policy.py", "services/talent/vacancy_document.py",
    "contracts/staffing_intake.py",
)  # fmt: skip
SAYING = {"Finding", "Senseless", "_refuse", "_not_read"}
NAMED = {"problem", "remedy", "what", "who", "message"}
CHECKS = (check_policy, check_standard, check_cycle, check_development, check_qualification, check_vacancy)


def sentences() -> Iterator[str]:
    """What the checkers may say, each f-string with {} for what is filled in."""
    for name in CHECKERS:
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in SAYING:
                values = [*node.args, *(each.value for each in node.keywords)]
            elif isinstance(node, ast.Assign) and {getattr(each, "id", "") for each in node.targets} & NAMED:
                values = [node.value]
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "reasons":
                values = [each for each in ast.walk(node.value) if isinstance(each, ast.Constant)]
            elif isinstance(node, ast.Return) or (isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "append"):
                values = [node.value] if isinstance(node, ast.Return) and node.value else list(getattr(node, "args", ()))
            else:
                continue
            for value in values:
                yield from _texts(value)


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from (*_texts(value.body), *_texts(value.orelse))
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in value.values)


FOUND = sorted({each for each in sentences() if re.search("[a-z]{2,} [a-z`{(&*!]|^in |^add |^write ", each.replace("{}", "x"))})
NOT_SAID = {"competency {}", "{}:{} {} {} {}: {}; {}"}


def test_the_sources_have_sentences() -> None:
    assert len(FOUND) > 140


@pytest.mark.parametrize("sentence", [each for each in FOUND if each not in NOT_SAID])
def test_every_sentence_of_a_checker_is_said_in_chinese(sentence: str) -> None:
    """Whatever is filled in stands in it, too."""
    parts = [f"W{place}" for place in range(sentence.count("{}"))]
    said = sentence
    for part in parts:
        said = said.replace("{}", part, 1)
    assert sentence in SENTENCES
    chinese = in_words(said, "zh")
    assert re.search("[\u4e00-\u9fff]", chinese)
    assert all(part in chinese for part in parts if "plain whole" not in said)
    assert said == in_words(said, "en")


POLICY = (ROOT / "policies" / "changtu-2021.yaml").read_text(encoding="utf-8")
BAD = (
    "", "a: b\n---\nc: d\n", "a: \x00\n", "a: [", "- a\n", "a: &x 1\nb: *x\n", "a: !t 1\n", "%YAML 1.2\n---\na: b\n",
    "a: b\na: c\n", "? [a]\n: b\n", "a: 1.5\n", 'a: "\\0"\n', 'a: "\\q"\n', "a: b: c\n", "a:\n\tb: c\n", "x" * 300_000,
    "a: " + "[" * 20 + "]" * 20, "a: [" + "1," * 5000 + "]", "a: 'b\n", "@a: b\n", "a:\n- b\n  c: d\n", "a: b\n c: d\n",
    "document: 1\nrevision: x\ntitle: []\neffective_on: 2021-13-01\nstatus: zzz\n",
    POLICY.replace("2400", "24.00"), POLICY.replace("amount_fen: ", "amount_fen: x"), 
    re.sub("revision: .*", "revision: 0", POLICY),
    POLICY.replace("document: ", "document: ''#"), POLICY.replace("rule: ", "rule: z"), POLICY + "\nwhat: 1\n",
    POLICY.replace("first_day: 2021-01-01", "first_day: 2021-W01-1"),
)  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__module__.rsplit(".", 1)[-1])
@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_whatever_is_wrong_with_a_document_is_told_in_chinese(check: object, text: str) -> None:
    """By libyaml, by pydantic, and by the checkers: no sentence is left in English."""
    found: tuple[DocumentProblem, ...] = check(text)  # type: ignore[operator]
    for each in found:
        for english in (each.problem, each.remedy):
            chinese = in_words(english, "zh")
            assert re.search("[\u4e00-\u9fff]", chinese)
            assert "此处有误" not in chinese


def test_a_receipt_about_a_document_is_told_in_chinese_at_its_place() -> None:
    came = Problem(
        field=f"{OF_DOCUMENT}3:5 lines[0]", code="duplicate", problem="base is listed twice", remedy="keep one of the two"
    )
    told = in_language(came, "zh")
    assert (came.field, "base 列了两次", "请保留其中之一") == (told.field, told.problem, told.remedy)
