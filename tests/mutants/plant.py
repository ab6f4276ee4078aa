"""Plants one bug at a time in a copy of the tree and runs the tests that must notice it. ``python -m tests.mutants.plant``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Bug", "Verdict", "bugs", "plant"]

ROOT = Path(__file__).parents[2]
PLANTED = Path(__file__).with_name("planted.toml")
NOT_COPIED = (
    ".git",
    ".venv",
    "*-data",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "*.egg-info",
)
RUN_SECONDS_MAX = 900
AT_ONCE = 2
TESTS_FAILED = 1
"""pytest's exit code for failed tests; any other means that it could not run them."""


@dataclass(frozen=True)
class Bug:
    """An edit to the product. old stands in the file exactly once; caught_by: files or folders of tests."""

    name: str
    why: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]

    def planted(self, text: str) -> str:
        """The file's text with the bug in it. Raises ValueError if the edit does not fit any more."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: the text to replace stands {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Verdict:
    """caught: a test failed. said: the last line that pytest printed."""

    bug: Bug
    caught: bool
    seconds: float
    said: str


def bugs() -> tuple[Bug, ...]:
    """All planted bugs, in the order of the file."""
    found = tomllib.loads(PLANTED.read_text(encoding="utf-8"))["bug"]
    return tuple(Bug(**{**entry, "caught_by": tuple(entry["caught_by"])}) for entry in found)


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the tree, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hongling-mutant-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*NOT_COPIED))
        yield tree


def plant(bug: Bug) -> Verdict:
    """Copy the tree, put the bug in, run its tests."""
    started = time.monotonic()
    with copied() as tree:
        path = tree / bug.file
        path.write_text(bug.planted(path.read_text(encoding="utf-8")), encoding="utf-8")
        told = run_tests(tree, bug.caught_by)
    last = [line for line in told.stdout.splitlines() if line.strip()]
    return Verdict(bug, told.returncode == TESTS_FAILED, time.monotonic() - started, last[-1] if last else told.stderr[-200:])


def run_tests(tree: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """The tests of a tree, until the first failure. Failing examples are not made smaller: that they fail is enough."""
    words = ["-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=no", *tests]
    environment = os.environ | {"PYTHONPATH": str(tree), "HONGLING_HYPOTHESIS_PROFILE": "unshrunk"}
    return subprocess.run(
        [sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS_MAX
    )


def main(names: Sequence[str]) -> int:
    """Plant the named bugs, or all. Exit code 1 if one is not caught."""
    chosen = [bug for bug in bugs() if not names or bug.name in names]
    tests = sorted({test for bug in chosen for test in bug.caught_by})
    with copied() as tree:
        sound = run_tests(tree, tests)
    if sound.returncode != 0:
        print("the tests are red without any bug:", *sound.stdout.splitlines()[-3:], sep="\n")
        return 1
    missed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for verdict in pool.map(plant, chosen):
            missed += not verdict.caught
            print(f"{'caught' if verdict.caught else 'MISSED':7}{verdict.seconds:6.1f} s  {verdict.bug.name}", flush=True)
            if not verdict.caught:
                print(f"        {verdict.said}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} planted bugs are caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
