"""Events that every service records about messages it could not handle, on stream ``parked-<id>``.

The parked message's bytes stand in a side table until an operator retries or discards it; the event holds their digest.
"""

from __future__ import annotations

from typing import ClassVar

from contracts.base import EventId, LogEvent

__all__ = ["MessageParked", "OperationsEvent", "ParkedDiscarded", "ParkedRetried"]


class MessageParked(LogEvent):
    """A message was set aside. origin: ``INTAKE`` or the stream of another service. blocks: the person's event stream
    that waits behind it, if one does; later messages for that stream are parked behind it, in order."""

    TYPE: ClassVar[str] = "operations.message-parked.v1"
    origin: str
    message_id: str
    sha256: str
    code: str
    problem: str
    blocks: str | None = None


class ParkedRetried(LogEvent):
    TYPE: ClassVar[str] = "operations.parked-retried.v1"
    parked: EventId
    by: str
    reason: str
    outcome: str


class ParkedDiscarded(LogEvent):
    TYPE: ClassVar[str] = "operations.parked-discarded.v1"
    parked: EventId
    by: str
    reason: str


OperationsEvent = MessageParked | ParkedRetried | ParkedDiscarded
