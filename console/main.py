"""The ``hongling`` command."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from console.context import UNREACHABLE, WRONG, fail, run_async
from console.deployment import Deployment, Running
from console.run import serve
from console.topology import SERVICES
from eventlog.settings import SettingError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Hongling 红领: registration, certification, allowance of party-affairs workers.",
)


@app.command()
def up(
    data: Annotated[Path, typer.Option("--data", help="folder of the deployment; made if it is not there")] = Path(
        "hongling-data"
    ),
) -> None:
    """Run the broker and all services, embedded, until Ctrl-C."""

    async def work() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with Running(Deployment(data)) as running:
            typer.echo(f"hongling runs: broker {running.url}, data {data}. Ctrl-C stops it.")
            while not stop.is_set():
                try:
                    await asyncio.wait_for(stop.wait(), 1.0)
                except TimeoutError:
                    name = running.failed()
                    if name is not None:
                        fail(UNREACHABLE, f"{name} has stopped; see {data / 'logs' / f'{name}.log'}")
        typer.echo("stopped")

    try:
        run_async(work())
    except (RuntimeError, FileNotFoundError) as error:
        fail(UNREACHABLE, str(error))


@app.command()
def run(service: Annotated[str, typer.Argument(help="registry or allowance")]) -> None:
    """Run one service in the foreground; settings from HONGLING_* variables."""
    if service not in SERVICES:
        fail(WRONG, f"there is no service {service}; choose one of: {', '.join(SERVICES)}")
    try:
        serve(service)
    except (SettingError, FileNotFoundError, ValueError) as error:
        fail(WRONG, f"{service} cannot start: {error}")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
