"""The one envelope: CloudEvents 1.0, structured mode, JSON (``application/cloudevents+json``).

Extension attributes, all lower case as the specification asks: ``effectiveon`` (business date), ``position`` (dense, from
1, in the service's log), ``partition`` (0 to 15), ``previous`` (position of the partition's event before this one, 0 for
the first), ``correlationid``, ``causationid``, ``actor``. CloudEvents integers are 32 bits signed, so a log carries at
most 2,147,483,647 events; the log refuses to pass that.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from contracts.base import INTEGER_MAX, LINE_PATTERN, BusinessDay, EventId, SourceName, UtcTime

__all__ = [
    "CONTENT_TYPE",
    "PARTITIONS",
    "POSITION_MAX",
    "EventEnvelope",
    "IntakeEnvelope",
    "MessageId",
]

CONTENT_TYPE = "application/cloudevents+json"
POSITION_MAX = INTEGER_MAX
PARTITIONS = 16
"""A stream belongs to one of them by hash; a change would break the partitions' chains."""

MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
"""A message's id, unique within its source for ever. Not made from personal data."""


class IntakeEnvelope(BaseModel):
    """What every intake message carries beside its ``data``. An unknown attribute is an error.

    source: the publishing system, equal to its NATS user and to the subject's second token.
    time: when the source recorded the fact (UTC); it settles contradictions, see ``contracts.registry``.
    effectiveon: when the fact is true (Asia/Shanghai calendar date).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    specversion: Literal["1.0"]
    id: MessageId
    source: SourceName
    time: UtcTime
    effectiveon: BusinessDay
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: Annotated[str, StringConstraints(max_length=200, pattern=LINE_PATTERN)] | None = None
    correlationid: MessageId | None = None
    traceparent: Annotated[str, StringConstraints(max_length=64, pattern=LINE_PATTERN)] | None = None


class EventEnvelope(BaseModel):
    """A recorded event as it stands on a service's stream."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    specversion: Literal["1.0"]
    id: EventId
    source: str
    type: str
    subject: str
    time: AwareDatetime
    effectiveon: date
    position: Annotated[int, Field(strict=True, ge=1, le=POSITION_MAX)]
    partition: Annotated[int, Field(strict=True, ge=0, le=PARTITIONS - 1)]
    previous: Annotated[int, Field(strict=True, ge=0, le=POSITION_MAX)]
    correlationid: str
    causationid: str | None = None
    actor: str
    datacontenttype: Literal["application/json"]
    data: Any
