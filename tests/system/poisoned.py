"""``hongling`` with a rule that raises for marked facts: ``python -m tests.system.poisoned run registry``.

The fault is put where a fault of ours would be, into the pure decider, before anything runs; all else is the real command.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from console.__main__ import main
from services.allowance import decider as allowance
from services.registry import decider as registry

__all__ = ["MARK"]

MARK = "poison-for-"
"""How the id of a fact begins that no rule of a service can stomach; the service's name follows."""


def poisoned(service: str, decide: Callable[..., Any], id_of: Callable[[Any], str]) -> Callable[..., Any]:
    """The same decider, but that it fails on marked facts."""

    def fails(command: Any, *more: Any) -> Any:
        if id_of(command).startswith(MARK + service):
            raise ZeroDivisionError
        return decide(command, *more)

    return fails


def _id_at_registry(command: Any) -> str:
    found: str = command.stamp.origin.id
    return found


def _id_at_allowance(command: Any) -> str:
    origin = getattr(command, "origin", None)
    return "" if origin is None else str(origin.id)


if __name__ == "__main__":
    patch("services.registry.handlers.decide", poisoned("registry", registry.decide, _id_at_registry)).start()
    patch("services.allowance.handlers.decide", poisoned("allowance", allowance.decide, _id_at_allowance)).start()
    sys.argv[0] = "hongling"
    main()
