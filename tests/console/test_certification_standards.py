"""``hongling registry standard``: what the office that writes certification standards sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.certification_standards import standard_message
from console.main import app
from contracts.intake import parse
from services.registry.standard import read_standard
from tests.console.desk import STANDARD, Desk, desk

TEXT = STANDARD.read_text(encoding="utf-8")
SHOW = ("registry", "standard", "show", "example-certification")


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path / "data") as made:
        yield made


def written(folder: Path, text: str) -> str:
    path = folder / "standard.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def check(file: str, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["registry", "standard", "check", file, "--lang", "en", *options])
    return result.exit_code, result.stdout


def test_a_good_standard_passes(tmp_path: Path) -> None:
    """Exit code 0, without any deployment."""
    assert (0, "0 errors, 0 warnings\n") == check(str(STANDARD))


def test_an_error_is_named_at_its_line_and_key(at_desk: Desk, tmp_path: Path) -> None:
    """Exit code 2; nothing of it is published."""
    file = written(tmp_path, TEXT.replace("issuers: [county]", "issuers: [village]"))
    code, told = check(file)
    assert (2, True, True) == (code, ":25:" in told or "issuers" in told, "village" in told)
    found = json.loads(check(file, "--json")[1])
    assert (False, ["grades[0].issuers[0]"]) == (found["ok"], [problem["key"] for problem in found["problems"]])
    assert 2 == at_desk.ask("registry", "standard", "publish", file).exit_code
    assert [] == at_desk.asked("registry", "standard", "list")


def test_the_same_text_is_one_message_for_ever() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    messages = [standard_message(TEXT, read_standard(TEXT), at) for _ in range(2)]
    assert messages[0] == messages[1]
    parsed = parse(messages[0].message)
    assert ("intake.certification-standard-published.v1", date(2025, 1, 1)) == (parsed.type, parsed.effectiveon)


def test_a_published_standard_is_listed_and_shown(at_desk: Desk, tmp_path: Path) -> None:
    """As a table that an official knows, in both languages; the last revision, unless one is asked for."""
    at_desk.standard()
    at_desk.asked(
        "registry", "standard", "publish", written(tmp_path, TEXT.replace("document: ex", "revision: 2\ndocument: ex"))
    )
    rows = at_desk.asked("registry", "standard", "list")
    assert [("example-certification", 1), ("example-certification", 2)] == [(row["document"], row["revision"]) for row in rows]
    assert "初级、中级、高级、特级" in at_desk.told("registry", "standard", "list", lang="zh")
    assert [2, 1] == [at_desk.asked(*SHOW)["revision"], at_desk.asked(*SHOW, "--revision", "1")["revision"]]
    told = at_desk.told(*SHOW, lang="zh")
    for part in (
        "示例市党务工作者资格认证标准",
        "颁证机关所在市级区域",
        "5个工作日",
        "至少5名评委，75分，去最高最低分",
        "持有效初级及以上证书满2年",
        "近3年中有1年考核优秀及以上",
        "等效认定",
        "近3年年检不合格2次",
        "暂停满12个月",
    ):
        assert part in told
    english = at_desk.told(*SHOW)
    for part in ("the issuer's city", "junior or above, valid, held for 2 full years", "suspended for 12 months", "(reviewed)"):
        assert part in english


def test_a_standard_that_was_not_published_is_named_with_those_that_were(at_desk: Desk) -> None:
    at_desk.standard()
    none = at_desk.ask("registry", "standard", "show", "other")
    assert (2, True) == (none.exit_code, "published are: example-certification" in none.output)
    assert 2 == at_desk.ask(*SHOW, "--revision", "9").exit_code
    assert 2 == at_desk.ask(*SHOW, "--division", "330000").exit_code
