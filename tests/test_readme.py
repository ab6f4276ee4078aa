"""What the README tells people to type works, as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from console.intake_files import COLUMNS_MAX, ROWS_MAX
from console.main import app
from console.topology import INTAKE_DAYS, RECEIPT_DAYS, SERVICES
from contracts.envelope import POSITION_MAX
from contracts.intake import INTAKE_BYTES_MAX, INTAKE_DEPTH_MAX, INTAKE_VALUES_MAX
from eventlog.topology import DUPLICATE_WINDOW_SECONDS
from services.registry.settings import VARIABLES

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = (
    *READMES, "docs/operations.md", "docs/security.md", "docs/finance-feed.md", "docs/policy-tutorial.md",
    "docs/policy-tutorial.zh-CN.md", "docs/intake.md", "docs/intake.zh-CN.md",
)  # fmt: skip
START_SECONDS_MAX = 30.0


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[str]:
    """The fenced blocks of shell commands."""
    return re.findall(r"^```sh\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL)


def example(name: str) -> str:
    """The worked example: the block that writes the files it publishes."""
    (found,) = [block for block in blocks(name) if "<<'CSV'" in block]
    return found


def questions(name: str) -> str:
    (found,) = [block for block in blocks(name) if block.startswith("hongling status")]
    return found


def commands(name: str) -> list[list[str]]:
    """Every ``hongling …`` of a document, in blocks and in the running text, as words."""
    lines = [line.split(" #")[0] for block in blocks(name) for line in block.splitlines()]
    lines += re.findall(r"`(hongling [^`]+)`", text_of(name))
    found = (re.search(r"\bhongling ([a-z].*)", line) for line in lines)
    return [shlex.split(match[1]) for match in found if match]


# --- they exist -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_and_option_that_is_written_down_exists(name: str) -> None:
    """Asked of the command's own help, so that a renamed one is found."""
    assert commands(name)
    tree: Any = get_command(app)
    for words in commands(name):
        node = tree
        path: list[str] = []
        for word in words:
            inner = getattr(node, "commands", {}).get(word)
            if inner is None:
                break
            node, path = inner, [*path, word]
        assert path, f"there is no command {words[0]}"
        assert not hasattr(node, "commands") or len(words) == len(path), f"there is no command {' '.join(words)}"
        known = {option for parameter in node.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_that_is_written_down_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", text_of(name), re.MULTILINE))
    assert {first or second for first, second in named} <= targets
    assert {"demo", "test", "bench", "up", "golden", "lint", "help"} <= targets


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_is_linked_exists(name: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", text_of(name)):
        assert (ROOT / name).parent.joinpath(target).exists(), target


def test_both_readmes_tell_people_to_type_the_same() -> None:
    """Comments are in the reader's language; commands are the same."""
    english, chinese = ([re.sub(r" +# .*", "", block) for block in blocks(name)] for name in READMES)
    assert english == chinese


@pytest.mark.parametrize("name", READMES)
def test_the_limits_are_the_codes_own(name: str) -> None:
    """Each figure of the table, read from where it is enforced."""
    text = text_of(name)
    hold = next(v.default for v in VARIABLES if v.name == "HONGLING_REGISTRY_HOLD_SECONDS")
    figures = (
        f"{INTAKE_BYTES_MAX // 1024} KiB", str(INTAKE_DEPTH_MAX), f"{INTAKE_VALUES_MAX:,}", f"{ROWS_MAX:,}", str(COLUMNS_MAX),
        f"{int(hold or 0) // 86_400} ", str(DUPLICATE_WINDOW_SECONDS), f"{INTAKE_DAYS} ", f"{RECEIPT_DAYS} ",
        f"{POSITION_MAX:,}",
    )  # fmt: skip
    start = text.index("| 64 KiB") if "| 64 KiB" in text else text.index("64 KiB")
    limits = text[start - 100 : start + 1200]
    assert [figure for figure in figures if figure not in limits] == []


# --- they work ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the demo's deployment in ``demo-data``, up and running: where a reader of the README stands."""
    folder = tmp_path_factory.mktemp("readme")
    made = CliRunner().invoke(app, ["demo", "--workers", "100", "--data", str(folder / "demo-data"), "--json"])
    assert made.exit_code == 0, made.output
    command = [sys.executable, "-m", "console", "up", "--data", "demo-data"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while b"hongling runs" not in (folder / "up.log").read_bytes():
            assert process.poll() is None, (folder / "up.log").read_text()
            assert time.monotonic() < deadline, "`hongling up` did not start in time"
            time.sleep(0.02)
        yield folder
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_SECONDS_MAX)


def typed(script: str, place: Path, lang: str) -> str:
    """What bash prints for these lines, typed in that folder; it stops at the first that fails."""
    tools = place / "bin"
    tools.mkdir(exist_ok=True)
    command = tools / "hongling"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m console "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HONGLING_")}
    environment |= {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HONGLING_LANG": lang,
        "HONGLING_DATA": "demo-data",
    }
    told = subprocess.run(["bash", "-eu", "-c", script], cwd=place, env=environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def test_the_example_works_as_it_is_written(place: Path) -> None:
    """Typed into bash line by line: published, explained, corrected, explained again, with the amounts that the text names."""
    told = typed(example("README.md"), place, "en")
    assert "Granted ¥2,400.00 for 2021" in told
    assert "Granted ¥3,600.00 for 2021" in told
    assert "raised by ¥1,200.00 to ¥3,600.00" in told
    again = typed("hongling intake publish facts.csv\nhongling explain hr:K001 --year 2021", place, "zh")
    assert "增加 ¥1,200.00，为 ¥3,600.00" in again


def test_the_further_questions_are_answered(place: Path) -> None:
    """Each with exit code 0 on a deployment that is well."""
    told = []
    for line in questions("README.md").splitlines():
        words = [*shlex.split(line)[1:], "--data", str(place / "demo-data"), "--lang", "en"]
        answer = CliRunner().invoke(app, words)
        assert answer.exit_code == 0, f"{line}: {answer.output}"
        told.append(answer.stdout)
    assert "0 differences" in told[-2]
    assert told[-1].count("all agree") == len(SERVICES)
