"""docs/finance.md and its Chinese counterpart name commands, options, formats and columns that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from console.bank_results import COLUMNS, OUTCOMES
from console.bank_sheets import HEADINGS
from console.finance import finance
from console.finance_words import BREAKS

GUIDES = [Path("docs/finance.md"), Path("docs/finance.zh-CN.md")]
COMMANDS = typer.main.get_command(finance).commands  # type: ignore[attr-defined]


def options_of(command: str) -> set[str]:
    return {option for each in COMMANDS[command].params for option in each.opts} | {"--data", "--json", "--lang"}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_command_of_the_guide_can_be_typed(guide: Path) -> None:
    """Those of the listing, with their options; and whatever the text shows as a command with options."""
    text = guide.read_text(encoding="utf-8")
    typed = re.findall(r"^hongling finance (.+)$", text, re.M)
    assert len(typed) >= 10
    shown = [each for each in re.findall(r"`([a-z-]+ [^`]*)`", text) if each.split()[0] in COMMANDS]
    assert len(shown) >= 8
    for line in [*typed, *shown]:
        command, *words = shlex.split(line.replace("[", " ").replace("]", " ").replace("|", " "))
        assert command in COMMANDS, line
        assert {word for word in words if word.startswith("--")} <= options_of(command), line


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_the_guide_names_every_column_outcome_and_difference(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    named = [*HEADINGS, *OUTCOMES, *BREAKS, *(each for headings in COLUMNS.values() for each in headings if "（" not in each)]
    assert [] == [each for each in named if each not in text]
    assert [] == [command for command in COMMANDS if command != "feed" and f"{command}" not in text]
