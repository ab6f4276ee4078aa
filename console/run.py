"""Running one service in the foreground, settings from ``HONGLING_*``: what a container and ``hongling up`` start."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import nats.errors
import typer
from faststream import FastStream

from console.collector import relax_collector
from console.exits import UNREACHABLE, WRONG, fail
from console.language import chosen_language
from console.topology import SERVICES
from eventlog.logging import configure_logging
from eventlog.settings import SettingError

__all__ = ["app", "build", "run", "serve", "tell"]


def build(service: str, environment: Mapping[str, str]) -> FastStream:
    """The application of a service. Raises SettingError, ValueError, FileNotFoundError.

    Each process loads its own service and none of the others.
    """
    match service:
        case "registry":
            from services.registry.app import create_app as create_registry
            from services.registry.settings import settings_from as registry_settings

            registry = registry_settings(environment)
            configure_logging(registry.log_level)
            return create_registry(registry)
        case "allowance":
            from services.allowance.app import create_app as create_allowance
            from services.allowance.settings import settings_from as allowance_settings

            allowance = allowance_settings(environment)
            configure_logging(allowance.log_level)
            return create_allowance(allowance)
        case "talent":
            from services.talent.app import create_app as create_talent
            from services.talent.settings import settings_from as talent_settings

            talent = talent_settings(environment)
            configure_logging(talent.log_level)
            return create_talent(talent)
        case _:
            raise ValueError(f"there is no service {service}")


def serve(service: str, started: Callable[[], None]) -> None:
    """Serve until a signal. started: called once everything is there and it consumes."""
    app = build(service, os.environ)
    app.after_startup(started)
    relax_collector()
    try:
        import uvloop
    except ImportError:
        asyncio.run(app.run())
    else:
        uvloop.run(app.run())


def tell(as_json: bool, answer: dict[str, Any], text: str) -> None:
    """A line of a command that goes on: JSON Lines, or words."""
    typer.echo(json.dumps(answer) if as_json else text)


def run(
    service: Annotated[str, typer.Argument(help=f"one of: {', '.join(SERVICES)}")],
    as_json: Annotated[bool, typer.Option("--json", help="answer as JSON")] = False,
) -> None:
    """Run one service in the foreground; settings from HONGLING_* variables. Its log is JSON Lines on standard error.

    Standard output has a line when it serves and one when it has stopped.
    """
    if service not in SERVICES:
        fail(WRONG, f"there is no service {service}; choose one of: {', '.join(SERVICES)}")
    try:
        serve(service, lambda: tell(as_json, {"service": service, "state": "running"}, f"{service} runs"))
    except SettingError as error:
        zh = chosen_language(None) == "zh"
        fail(WRONG, f"{service} 无法启动：{error.zh}" if zh else f"{service} cannot start: {error}")
    except (FileNotFoundError, ValueError) as error:
        fail(WRONG, f"{service} cannot start: {error}")
    except (RuntimeError, OSError, nats.errors.Error) as error:
        fail(UNREACHABLE, f"{service} cannot start: {error or type(error).__name__}")
    tell(as_json, {"service": service, "state": "stopped"}, f"{service} has stopped")


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
"""``hongling run`` alone, for a process that needs none of the other commands."""
app.callback()(lambda: None)
app.command()(run)
