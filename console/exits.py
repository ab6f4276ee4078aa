"""How commands end. 0 done, 1 a check found a difference, 2 wrong use or wrong input, 3 a part cannot be reached."""

from __future__ import annotations

from typing import NoReturn

import typer

__all__ = ["DIFFERENCE", "UNREACHABLE", "WRONG", "fail"]

DIFFERENCE = 1
WRONG = 2
UNREACHABLE = 3


def fail(code: int, text: str) -> NoReturn:
    """End the command: what is wrong and what to do, on standard error."""
    typer.echo(text, err=True)
    raise typer.Exit(code)
