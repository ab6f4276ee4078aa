"""What the demo types: commands in processes of their own, shown with their answers as a person sees them.

The processes are forked from one that has loaded every command already: whoever types one command waits a second for that, the
demo types some thirty.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path

from console.context import DIFFERENCE, Context, fail
from console.main import COMMANDS

__all__ = ["ready_to_type", "run_command", "typed"]

_FORKS = multiprocessing.get_context("forkserver")


def ready_to_type() -> None:
    """Start loading the commands, beside whatever else is going on."""
    _FORKS.set_forkserver_preload(["console.__main__", *dict.fromkeys(entry.module for entry in COMMANDS.values())])
    forkserver.ensure_running()


async def run_command(*words: str) -> tuple[int, str, str]:
    """Run ``hongling …``. Returns exit code, standard output and standard error."""
    return await asyncio.to_thread(_run, words)


def _run(words: Sequence[str]) -> tuple[int, str, str]:
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _FORKS.Process(target=_command, args=(words, str(out), str(err), os.getcwd(), dict(os.environ)))
        process.start()
        process.join()
        return process.exitcode or 0, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")


def _command(words: Sequence[str], out: str, err: str, folder: str, environment: Mapping[str, str]) -> None:
    """What the forked process does: it is that command, with its own place, environment, arguments and outputs."""
    for path, descriptor in ((out, 1), (err, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["hongling", *words]
    from console.__main__ import main

    main()


async def typed(about: Context, *words: str, lines_max: int | None = None, code: int = 0) -> None:
    """Type ``hongling …`` on the demo's deployment and show it. Ends the demo if the command fails.

    lines_max: of the answer, that are shown. code: with which it is to end.
    """
    assert about.deployment is not None
    ended, out, err = await run_command(*words, "--data", str(about.deployment.data), "--lang", about.lang)
    if ended != code:
        told = (err or out)[-500:]
        fail(DIFFERENCE, f"hongling {' '.join(words)} ended with {ended}: {told}")
    if not about.as_json:
        about.out.print(f"[dim]$ hongling {_shown(words)}[/dim]", soft_wrap=True)
        lines = out.rstrip().splitlines()
        more = ["…"] if lines_max is not None and len(lines) > lines_max else []
        about.out.print("\n".join([*lines[:lines_max], *more]), markup=False, soft_wrap=True)


def _shown(words: Sequence[str]) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in words)
