"""The one envelope: CloudEvents 1.0, structured mode, JSON (``application/cloudevents+json``).

Extension attributes, all lower case as the specification asks: ``effectiveon`` (business date), ``position`` (dense, from
1, in the service's log), ``partition`` (0 to 15), ``previous`` (position of the partition's event before this one, 0 for
the first), ``correlationid``, ``causationid``, ``actor``. CloudEvents integers are 32 bits signed, so a log carries at
most 2,147,483,647 events; the log refuses to pass that.
"""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from contracts.base import (
    ACTOR_CHARS_MAX,
    CAUSATION_CHARS_MAX,
    INTEGER_MAX,
    LINE_PATTERN,
    MESSAGE_ID_CHARS_MAX,
    STREAM_CHARS_MAX,
    TYPE_CHARS_MAX,
    WORD_CHARS_MAX,
    BusinessDay,
    EventId,
    OwnEvent,
    RecordedTime,
    SourceName,
    Told,
    UtcTime,
)

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


ATTRIBUTE_PATTERN = r"^[!#-\[\]-~]+$"
"""What the log writes into an attribute without escaping it: ASCII that can be seen, but for the quote and the backslash."""


def _attribute(chars_max: int) -> StringConstraints:
    return StringConstraints(pattern=ATTRIBUTE_PATTERN, max_length=chars_max)


class IntakeEnvelope(Told):
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


def _finite(value: Any) -> Any:
    # RFC 8259 has no NaN and no infinity, which pydantic would take where anything may stand.
    if isinstance(value, float) and not isfinite(value):
        raise PydanticCustomError("finite_number", "a number of JSON")
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        if not isinstance(part, str | int):
            _finite(part)
    return value


class EventEnvelope(OwnEvent):
    """A recorded event as it stands on a service's stream: every attribute is bounded as its column is."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    specversion: Literal["1.0"]
    id: EventId
    source: Annotated[str, _attribute(len("/hongling/") + WORD_CHARS_MAX)]
    type: Annotated[str, _attribute(TYPE_CHARS_MAX)]
    subject: Annotated[str, _attribute(STREAM_CHARS_MAX)]
    time: RecordedTime
    effectiveon: BusinessDay
    position: Annotated[int, Field(strict=True, ge=1, le=POSITION_MAX)]
    partition: Annotated[int, Field(strict=True, ge=0, le=PARTITIONS - 1)]
    previous: Annotated[int, Field(strict=True, ge=0, le=POSITION_MAX)]
    correlationid: Annotated[str, _attribute(MESSAGE_ID_CHARS_MAX)]
    causationid: Annotated[str, _attribute(CAUSATION_CHARS_MAX)] | None = None
    actor: Annotated[str, _attribute(ACTOR_CHARS_MAX)]
    datacontenttype: Literal["application/json"]
    data: Annotated[Any, AfterValidator(_finite)]
