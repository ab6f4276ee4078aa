"""What all commands promise: an answer as JSON, also from those that go on until they are stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from console.main import app
from console.topology import SERVICES

STOP_SECONDS_MAX = 20.0


def commands(command: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that can be typed, with its words."""
    found = command or typer.main.get_command(app)
    inner = getattr(found, "commands", None)
    if inner is None:
        yield " ".join(words), found
        return
    for name, one in inner.items():
        yield from commands(one, (*words, name))


def test_every_command_answers_as_json() -> None:
    """``--json`` is on all of them, without exception."""
    lacking = [name for name, command in commands() if not any("--json" in option.opts for option in command.params)]
    assert [] == lacking


def test_every_command_says_what_it_does() -> None:
    """Whoever asks for ``--help`` gets a sentence."""
    lacking = [name for name, command in commands() if not (command.help or "").strip()]
    assert [] == lacking


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``hongling up --json`` on an empty folder."""
    command = [sys.executable, "-m", "console", "up", "--data", str(tmp_path / "data"), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_up_says_on_a_line_each_that_it_runs_and_that_it_has_stopped(started: subprocess.Popen[str], tmp_path: Path) -> None:
    """JSON Lines: a supervisor reads the first and knows where the broker is. Each service has said so too, in its own log."""
    assert started.stdout is not None
    first = json.loads(started.stdout.readline())
    assert ("running", list(SERVICES)) == (first["state"], first["services"])
    assert first["broker"].startswith("nats://127.0.0.1:")
    started.send_signal(signal.SIGINT)
    rest, _ = started.communicate(timeout=STOP_SECONDS_MAX)
    assert [{"state": "stopped"}] == [json.loads(line) for line in rest.splitlines()]
    assert 0 == started.returncode
    for service in SERVICES:
        said = (tmp_path / "data" / "logs" / f"{service}.log").read_text()
        assert [f"{service} runs", f"{service} has stopped"] == [line for line in said.splitlines() if line.startswith(service)]
