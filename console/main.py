"""The ``hongling`` command: every group of commands registers itself here."""

from __future__ import annotations

import typer

from console import (
    certificates,
    conflicts,
    demo,
    explain,
    finance,
    history,
    intake,
    keys,
    operate,
    parked,
    policies,
    prove,
    registry,
    talent,
    trace,
    whatif,
)

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Hongling 红领: registration, certification, allowance and reserve pool of party-affairs workers.",
)
for group in (
    operate, demo, intake, registry, certificates, policies, whatif, talent, finance, explain, history, trace, conflicts, prove,
    parked, keys,
):  # fmt: skip
    group.register(app)
