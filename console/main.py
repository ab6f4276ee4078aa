"""The ``hongling`` command: every group of commands registers itself here."""

from __future__ import annotations

import typer

from console import conflicts, demo, explain, finance, history, intake, keys, operate, parked, policies, prove, trace
from console.run import relax_collector

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Hongling 红领: registration, certification and allowance of party-affairs workers.",
)
for group in (operate, demo, intake, policies, finance, explain, history, trace, conflicts, prove, parked, keys):
    group.register(app)


def main() -> None:
    relax_collector()
    app()


if __name__ == "__main__":
    main()
