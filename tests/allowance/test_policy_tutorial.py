"""The tutorial on writing a policy: its snippets make the policy that it promises, and what it shows is what is said."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from contracts.policy import PolicyDocument, Settings
from services.allowance.policy import check_policy, read_policy
from services.allowance.settings_text import NUMBER_OF, RULE_TEXT, SETTING_TEXT
from tests.console.support import command

ROOT = Path(__file__).parents[2]
TUTORIALS = {"en": "docs/policy-tutorial.md", "zh": "docs/policy-tutorial.zh-CN.md"}
MORE = {"en": "## When the notice says more", "zh": "## 办法写得更细时"}


def text_of(lang: str) -> str:
    return (ROOT / TUTORIALS[lang]).read_text(encoding="utf-8")


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def halves(lang: str) -> tuple[str, str]:
    """The worked example, and what to write when a notice says more."""
    first, second = text_of(lang).split(MORE[lang])
    return first, second


def typed(script: str, place: Path, lang: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the commands of a block print, in that folder."""
    monkeypatch.chdir(place)
    told = ""
    for line in script.splitlines():
        answer = CliRunner().invoke(command, [*line.removeprefix("hongling ").split(), "--lang", lang])
        assert answer.exit_code == 0, answer.output
        told += answer.stdout
    return told


def test_both_languages_give_the_same_snippets_and_commands() -> None:
    for kind in ("yaml", "sh"):
        assert blocks(text_of("en"), kind) == blocks(text_of("zh"), kind)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_worked_example_is_checked_and_shown_as_the_page_says(
    lang: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file grows snippet by snippet; before the last one the checker warns, after it there is nothing to warn of."""
    first, _ = halves(lang)
    *snippets, settings = blocks(first, "yaml")
    before, after = blocks(first, "sh")
    warned, clean = blocks(first, "text")
    file = tmp_path / "lianshan.yaml"
    file.write_text("\n".join(snippets), encoding="utf-8")
    assert typed(before, tmp_path, lang, monkeypatch) == warned
    file.write_text("\n".join([*snippets, settings]), encoding="utf-8")
    told = typed(after, tmp_path, lang, monkeypatch)
    assert told.startswith(clean)
    assert "¥2,000.00" in told


def test_the_worked_example_is_the_policy_on_file() -> None:
    """But for the note, which is shorter on the page."""
    written = read_policy("\n".join(blocks(halves("en")[0], "yaml")))
    on_file = read_policy((ROOT / "policies" / "lianshan-2013.yaml").read_text(encoding="utf-8"))
    assert written.model_copy(update={"note": on_file.note}) == on_file


@pytest.mark.parametrize("snippet", blocks(halves("en")[1], "yaml"), ids=lambda text: re.sub(r"\W+", " ", text)[:40])
def test_what_to_write_when_a_notice_says_more_is_checked_too(snippet: str) -> None:
    """Each replaces the parts of the worked example that it names, and nothing is wrong or doubtful then."""
    example = "\n".join(blocks(halves("en")[0], "yaml"))
    parts = YAML(typ="safe", pure=True)
    merged: dict[str, Any] = {**parts.load(example), **parts.load(snippet)}
    written = io.StringIO()
    YAML(pure=True).dump(merged, written)
    text = written.getvalue()
    problems = [problem for problem in check_policy(text) if problem.code != "unused"]
    assert problems == [], problems
    assert isinstance(read_policy(text), PolicyDocument)


def rows(lang: str) -> list[tuple[str, str, str, str]]:
    """The table of settings as it should stand there."""
    table = []
    for setting, told in SETTING_TEXT.items():
        default = Settings.model_fields[setting].default
        for place, value in enumerate(sorted(told.meanings, key=lambda value: value != default)):
            question = getattr(told.question, lang) if place == 0 else ""
            name = f"`{setting}`" if place == 0 else ""
            table.append((name, question, f"`{value}`", getattr(told.meanings[value], lang)))
    return table


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_table_of_settings_is_the_codes_own(lang: str) -> None:
    """Every question, value and meaning, the default first; the numbers that go with some are named in their meaning."""
    shown = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in text_of(lang).splitlines()
        if re.match(r"^\|.*`[a-z_]+` \|", line)
    ]
    assert shown == rows(lang)
    assert all(number in text_of(lang) for number in NUMBER_OF.values())


def test_every_rule_is_named() -> None:
    for lang in ("en", "zh"):
        for rule in RULE_TEXT:
            assert f"`{rule}`" in text_of(lang)
