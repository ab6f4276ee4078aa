"""Commands are imported when they are called."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from typer.main import get_command

from console.main import COMMANDS, app


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_of_each_what_it_says_itself(name: str) -> None:
    """The line that stands in the table is the first sentence of the command's own help."""
    tree: Any = get_command(app)
    assert COMMANDS[name].help == tree.commands[name].get_short_help_str(200)


def test_the_list_of_commands_is_shown_without_importing_any() -> None:
    """Neither the services nor the libraries of files, stores and brokers are loaded for it."""
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom console.main import app\n"
        "said = CliRunner().invoke(app, ['--help'])\nassert said.exit_code == 0 and 'what-if' in said.output, said.output\n"
        "print([name for name in ('contracts', 'eventlog', 'services', 'sqlalchemy', 'pydantic') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "[]" == said.stdout.strip()


def test_a_command_that_is_not_there_is_told_as_before() -> None:
    from typer.testing import CliRunner

    said = CliRunner().invoke(app, ["explian"])
    assert (2, True) == (said.exit_code, "explian" in said.output)
