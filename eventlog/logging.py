"""structlog as JSON lines on standard error, with an allow-list as its last processor: what is not listed is not logged."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

__all__ = ["ALLOWED", "allow_listed", "configure_logging", "get_log"]

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "service", "consumer", "relay", "reason", "pause_seconds", "messages", "position",
        "stream", "event_id", "parked", "missing", "republished", "code", "exception_type", "where", "version", "seconds",
    }
)  # fmt: skip
"""Nothing here can hold personal data: names of parts, positions, random ids, codes."""


def allow_listed(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field that is not on the list. An exception is reduced to its type and the place it was raised at."""
    info = entry.pop("exc_info", None)
    if isinstance(info, BaseException):
        entry["exception_type"] = type(info).__name__
        trace = info.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None:
            entry["where"] = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
    return {name: value for name, value in entry.items() if name in ALLOWED}


class _Lines:
    """Standard error, for lines that may be lost: where the disk is full, nothing must stop because it cannot be logged."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logging(level: str = "INFO") -> None:
    """Set up logging for a process. level: DEBUG, INFO, WARNING or ERROR."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allow_listed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Lines())),
        cache_logger_on_first_use=False,
    )


def get_log(service: str) -> Any:
    return structlog.get_logger().bind(service=service)
