"""What the demo types: commands in processes of their own, shown with their answers as a person sees them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from console.context import DIFFERENCE, Context, fail

__all__ = ["typed"]


async def typed(about: Context, *words: str, lines_max: int | None = None) -> None:
    """Type ``hongling …`` on the demo's deployment and show it. Ends the demo if the command fails.

    lines_max: of the answer, that are shown.
    """
    assert about.deployment is not None
    command = [sys.executable, "-m", "console", *words, "--data", str(about.deployment.data), "--lang", about.lang]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    out, err = await process.communicate()
    if process.returncode:
        told = (err or out).decode()[-500:]
        fail(DIFFERENCE, f"hongling {' '.join(words)} ended with {process.returncode}: {told}")
    if not about.as_json:
        about.out.print(f"[dim]$ hongling {_shown(words)}[/dim]", soft_wrap=True)
        lines = out.decode().rstrip().splitlines()
        more = ["…"] if lines_max is not None and len(lines) > lines_max else []
        about.out.print("\n".join([*lines[:lines_max], *more]), markup=False, soft_wrap=True)


def _shown(words: Sequence[str]) -> str:
    return " ".join(f'"{word}"' if " " in word else word for word in words)
