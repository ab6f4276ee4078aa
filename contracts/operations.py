"""Events that every service records: messages it could not handle (stream ``parked-<id>``), acts that need four eyes.

The parked message's bytes stand in a side table until an operator retries or discards it; the event holds their digest.
"""

from __future__ import annotations

from typing import Any, ClassVar

from contracts.base import EventId, LogEvent, UtcTime

__all__ = [
    "ActConfirmed",
    "ActProposed",
    "ActWithdrawn",
    "MessageParked",
    "OperationsEvent",
    "ParkedDiscarded",
    "ParkedRetried",
    "ProposalEvent",
]


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


class ActProposed(LogEvent):
    """An act that needs a second principal, on stream ``proposals``. It has had no effect yet, and has none without one.

    act: the type of the intake fact. said: the whole message, as it came. sha256: of what is confirmed, its type, its
    effective date and its ``data``, as canonical JSON. by: the principal. until: after which it cannot be confirmed any more.
    """

    TYPE: ClassVar[str] = "operations.act-proposed.v1"
    act: str
    said: dict[str, Any]
    sha256: str
    by: str
    until: UtcTime


class ActConfirmed(LogEvent):
    """Another principal than its maker has confirmed it: what it leads to is recorded in the same append."""

    TYPE: ClassVar[str] = "operations.act-confirmed.v1"
    proposal: EventId
    sha256: str
    by: str


class ActWithdrawn(LogEvent):
    """Its maker has taken it back."""

    TYPE: ClassVar[str] = "operations.act-withdrawn.v1"
    proposal: EventId
    by: str
    reason: str


ProposalEvent = ActProposed | ActConfirmed | ActWithdrawn
OperationsEvent = MessageParked | ParkedRetried | ParkedDiscarded | ProposalEvent
