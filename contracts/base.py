"""Words, bounds and base classes that every message of the published language shares.

Money is integer fen (分, 1/100 yuan). Business dates are Asia/Shanghai calendar dates; clock times are UTC.
Division codes follow GB/T 2260 (six digits).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

__all__ = [
    "BusinessDay",
    "Category",
    "DivisionCode",
    "EntryChannel",
    "EventId",
    "Fact",
    "Fen",
    "Grade",
    "Key",
    "KnownPerson",
    "LogEvent",
    "Message",
    "OwnEvent",
    "PersonRef",
    "Rating",
    "ShortText",
    "SourceName",
    "UtcTime",
    "Year",
    "business_date",
    "business_day",
    "utc_text",
]

_SHANGHAI = timezone(timedelta(hours=8))
YEAR_FIRST = 1990
YEAR_LAST = 2100


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("datetime_beyond", "the time is beyond the calendar") from None


def _only_text(value: object) -> object:
    # Pydantic would take a bare number for seconds since 1970: in a fact that is a slip, not a time.
    if isinstance(value, str | date):
        return value
    raise PydanticCustomError("datetime_not_text", "a time is written as text")


def _business_day(value: object) -> object:
    if isinstance(value, date):
        return value
    try:
        return business_date(value if isinstance(value, str) else "")
    except ValueError:
        raise PydanticCustomError("date_impossible", "a date that exists, written YYYY-MM-DD") from None


def utc_text(value: datetime) -> str:
    """Return a clock time as the fixed-width text that is stored, hashed and published: UTC, microseconds, ``Z``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def business_day(at: datetime) -> date:
    """The Asia/Shanghai calendar date of a clock time (UTC+8, no summer time since 1991)."""
    return at.astimezone(_SHANGHAI).date()


def business_date(text: str) -> date:
    """Parse ``YYYY-MM-DD``. Raises ValueError for anything else, also for other ISO 8601 forms."""
    if len(text) != 10:
        raise ValueError("a date is written YYYY-MM-DD")
    return date.fromisoformat(text)


PersonRef = Annotated[str, StringConstraints(pattern=r"^p[0-9a-z]{26}$")]
"""A random token for a person; it says nothing about them."""

EventId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
"""A UUID in lower-case text form; new ones are version 7 (RFC 9562)."""

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
"""The name of an integrating system: also its NATS user and one token of its subjects."""

Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$")]
"""A system's own key for a thing. It must not be made from personal data."""

DivisionCode = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{5}$")]
"""GB/T 2260 code: province 320000, prefecture 320100, county 320102."""

ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Year = Annotated[int, Field(ge=YEAR_FIRST, le=YEAR_LAST, strict=True)]
Fen = Annotated[int, Field(strict=True, ge=-(2**53) + 1, le=2**53 - 1)]
"""Integer fen, within the exact integers of JSON (RFC 7493 section 2.2)."""

UtcTime = Annotated[AwareDatetime, BeforeValidator(_only_text), AfterValidator(_to_utc)]

BusinessDay = Annotated[date, BeforeValidator(_business_day)]
"""An Asia/Shanghai calendar date, written YYYY-MM-DD."""

Category = Literal["secretary", "deputy_secretary", "recruited", "instructor", "part_time"]
EntryChannel = Literal["internal", "recruited", "dispatched"]
Grade = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""A word of the policy's vocabulary; the scheme's own are junior, intermediate, senior, special."""
Rating = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""A word of the policy's vocabulary; the scheme's own are excellent, competent, basic, incompetent."""


class Message(BaseModel):
    """What comes in from outside: immutable, and an unknown field is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OwnEvent(BaseModel):
    """A recorded event: immutable, and tolerant of fields that a newer version of it may add."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def payload(self) -> dict[str, Any]:
        """Return the JSON value that is stored and published."""
        return self.model_dump(mode="json")


class LogEvent(OwnEvent):
    """An event that stands in a log under its own type, a literal that is never derived from a class name."""

    TYPE: ClassVar[str]


class Fact(Message):
    """Base of what integrating systems publish."""


class KnownPerson(Fact):
    """A person by person_ref: only the registry resolves other names, and says the person_ref in its receipts."""

    person_ref: PersonRef
