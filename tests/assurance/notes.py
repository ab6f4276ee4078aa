"""One kind of event for the writers. Apart from the other suites' example, so that a writer process starts quickly."""

from __future__ import annotations

from typing import ClassVar

from contracts.base import LogEvent
from eventlog.codec import Codec

__all__ = ["CODEC", "Noted"]


class Noted(LogEvent):
    TYPE: ClassVar[str] = "example.noted.v1"
    text: str


CODEC = Codec((Noted,))
