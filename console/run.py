"""Running one service in the foreground, settings from ``HONGLING_*``: what a container and ``hongling up`` start."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Mapping

from faststream import FastStream

from eventlog.logging import configure_logging
from services.allowance.app import create_app as create_allowance
from services.allowance.settings import settings_from as allowance_settings
from services.registry.app import create_app as create_registry
from services.registry.settings import settings_from as registry_settings

__all__ = ["build", "relax_collector", "serve"]


def build(service: str, environment: Mapping[str, str]) -> FastStream:
    """The application of a service. Raises SettingError, ValueError, FileNotFoundError."""
    if service == "registry":
        registry = registry_settings(environment)
        configure_logging(registry.log_level)
        return create_registry(registry)
    allowance = allowance_settings(environment)
    configure_logging(allowance.log_level)
    return create_allowance(allowance)


def relax_collector() -> None:
    """Let the garbage collector look less often: docs/decisions/0008.

    Batches make many objects that live until the commit; at the default of 700 all of them are walked again and again
    (measured: a third of the time). Nothing here makes cycles that outlive a batch.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


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
