"""What may know what: held on the source itself, because a rule that nobody checks is a wish."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PURE = (
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "services/registry/decider").glob("*.py")),
    "services/registry/eligibility.py",
    "services/allowance/account.py",
    "services/allowance/decider.py",
    "services/allowance/ledger.py",
    "services/allowance/runs.py",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "services/allowance/engine").glob("*.py")),
    "services/allowance/reactions.py",
    "services/talent/acts.py",
    "services/talent/appraisal.py",
    "services/talent/conduct.py",
    "services/talent/marking.py",
    "services/talent/rosters.py",
    "services/talent/scoring.py",
    "services/talent/decider.py",
    "services/talent/development.py",
    "services/talent/matters.py",
    "services/talent/rotation.py",
    "services/talent/training.py",
    "services/talent/figures.py",
    "services/talent/leadership.py",
    "services/talent/matching.py",
    "services/talent/profile.py",
    "services/talent/shares.py",
    "services/talent/staffing.py",
    "services/talent/screening.py",
    "services/talent/reactions.py",
)
PURE_LIBRARIES = frozenset({
    "__future__", "calendar", "collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "itertools", "math", "msgspec", "operator", "pydantic", "re", "typing",
})  # fmt: skip
"""What a rule may be written with. None of it reads a file, a socket, a clock or randomness by being imported."""
OWN_PURE = ("contracts", "eventlog.canonical", "eventlog.decider")
IMPURE_CALLS = frozenset({"now", "utcnow", "today", "time", "monotonic", "urandom", "uuid4", "uuid7", "open", "print", "input"})
SOURCES = (
    "contracts",
    "eventlog",
    "services",
    "console",
    "tests",
    "benchmarks",
    "docs",
    "deploy",
    "policies",
    "standards",
    "cycles",
)
TEXTS = (".py", ".md", ".toml", ".yml", ".yaml", ".lock", ".conf", ".sh", ".json", ".mako", "")
MACHINE = re.compile(r"/(?:root|home/\w+|Users/\w+|work)/|/tmp/(?!hongling)\w+/|pypi\.org/simple|file:///opt|index-url *=")
"""A path of somebody's machine, or the address of a package registry."""


def imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who knows whom"
            yield str(node.module)


def calls_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr


def parsed(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"), name)


def files() -> Iterator[Path]:
    """Every text file of the project: at its top, and below its own folders."""
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXTS and "__pycache__" not in path.parts:
                yield path
    for path in sorted(ROOT.iterdir()):
        if path.is_file() and path.suffix in TEXTS and path.name != ".env":
            yield path
    yield ROOT / ".ci" / "run"


def test_the_import_contracts_hold() -> None:
    """console → services → eventlog → contracts; services apart; deciders without machinery (see pyproject.toml)."""
    lint = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([str(lint), "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("name", PURE)
def test_rules_are_written_with_pure_parts_only(name: str) -> None:
    """No I/O, clock, random, log or broker library; of the machinery only the canonical form and the decider's shape."""
    service = ".".join(name.split("/")[:2])
    pure = (each.removesuffix(".py").replace("/", ".") for each in PURE)
    own = (*OWN_PURE, f"{service}.decider", f"{service}.engine", *(each for each in pure if each.startswith(f"{service}.")))
    foreign = {
        module
        for module in imports_of(parsed(name))
        if module.split(".")[0] not in PURE_LIBRARIES and not any(module == m or module.startswith(f"{m}.") for m in own)
    }
    assert foreign == set()


@pytest.mark.parametrize("name", PURE)
def test_rules_ask_nobody_for_the_time_or_for_chance(name: str) -> None:
    """Times and ids come in as arguments, so that a run can be repeated exactly."""
    assert IMPURE_CALLS & set(calls_of(parsed(name))) == set()


@pytest.mark.parametrize("name", PURE)
def test_rules_hold_no_state_of_their_own(name: str) -> None:
    """No ``global``, no ``async``: a rule is a function of what it is given."""
    kinds = (ast.Global, ast.AsyncFunctionDef, ast.Await)
    assert not [node for node in ast.walk(parsed(name)) if isinstance(node, kinds)]


def test_the_machinery_knows_no_word_of_the_domain() -> None:
    """``eventlog`` names no service, no worker, no allowance."""
    words = re.compile(r"\b(allowance|registry|worker|rating|certificate|engagement)\b", re.IGNORECASE)
    found = []
    for path in sorted((ROOT / "eventlog").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        found += [f"{path.name}: {name}" for name in names if words.search(name.replace("_", " "))]
    assert found == []


def test_importing_an_application_opens_nothing(tmp_path: Path) -> None:
    """No socket, no file to write, no process, no thread: wiring happens when somebody says so."""
    script = tmp_path / "imports.py"
    script.write_text(
        """
import os, sys, threading

opened = []
def hook(event, args):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "sqlite3.connect"):
        opened.append((event, str(args)))
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+") and "__pycache__" not in str(args[0]):
        opened.append((event, str(args[0])))
sys.addaudithook(hook)
import services.registry.app, services.allowance.app, services.talent.app, console.run, console.main
assert threading.active_count() == 1, threading.enumerate()
assert not opened, opened
""",
        encoding="utf-8",
    )
    told = subprocess.run(
        [sys.executable, "-B", str(script)], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["imports.py"]


def test_no_file_holds_a_path_of_a_machine_or_the_address_of_a_registry() -> None:
    """What is published works anywhere, and says nothing of where it was made."""
    found = []
    for path in files():
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if MACHINE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_the_continuous_integration_runs_what_the_readme_says() -> None:
    """One command for everybody."""
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in text
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
