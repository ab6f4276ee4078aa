"""Words, bounds and base classes that every message of the published language shares.

Money is integer fen (分, 1/100 yuan). Business dates are Asia/Shanghai calendar dates; clock times are UTC.
Division codes follow GB/T 2260 (six digits).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

__all__ = [
    "DOCUMENT_CHARS_MAX",
    "INTEGER_MAX",
    "LINE_PATTERN",
    "PARAGRAPHS_PATTERN",
    "AsRecorded",
    "BusinessDay",
    "Category",
    "Clause",
    "DivisionCode",
    "DocumentText",
    "EntryChannel",
    "EventId",
    "Fact",
    "FactOrigin",
    "Fen",
    "Grade",
    "Heading",
    "Key",
    "KnownPerson",
    "LogEvent",
    "LongText",
    "Message",
    "Note",
    "OwnEvent",
    "PersonRef",
    "Rating",
    "RecordedTime",
    "ShortText",
    "SourceName",
    "Told",
    "UtcTime",
    "Year",
    "business_date",
    "business_day",
    "utc_text",
]

_SHANGHAI = timezone(timedelta(hours=8))
YEAR_FIRST = 1990
YEAR_LAST = 2100
INTEGER_MAX = 2**31 - 1
"""The largest count of anything: a signed 32-bit integer, as CloudEvents and the databases' INTEGER hold it."""

SHORT_TEXT_CHARS_MAX = 200
LONG_TEXT_CHARS_MAX = 2_000
CLAUSE_CHARS_MAX = 60
NOTE_CHARS_MAX = 1_000
DOCUMENT_CHARS_MAX = 60_000

# --- widths, in characters, that columns take from here -----------------------------------------------------------------

WORD_CHARS_MAX = 32
"""A word of a policy's vocabulary, the name of a source or a payer."""
STATE_CHARS_MAX = 20
"""A word of a fixed vocabulary of ours."""
PERSON_REF_CHARS = 27
EVENT_ID_CHARS = 36
DIVISION_CHARS = 6
DAY_CHARS = 10
MONTH_CHARS = 7
INSTANT_CHARS = 27
"""A clock time as ``utc_text`` writes it."""
DIGEST_CHARS = 64
"""SHA-256 in hex."""
KEY_CHARS_MAX = 64
SOURCED_KEY_CHARS_MAX = WORD_CHARS_MAX + 1 + KEY_CHARS_MAX
"""A key with the source that gave it: ``<source>/<key>``."""
MESSAGE_ID_CHARS_MAX = 128
PAYOUT_CHARS_MAX = 128
SLOT_CHARS_MAX = 160
"""What a fact fills (``contracts.particulars``): a word, a source and a key, or less."""
STREAM_CHARS_MAX = 160
"""The longest are the ratings of a person in a cycle, whose name is a source and a key."""
TYPE_CHARS_MAX = 128
ACTOR_CHARS_MAX = 64
CAUSATION_CHARS_MAX = WORD_CHARS_MAX + 1 + MESSAGE_ID_CHARS_MAX
"""An event's id, or ``<source>/<message id>``."""
SUBJECT_CHARS_MAX = 256
NEED_CHARS_MAX = WORD_CHARS_MAX + STREAM_CHARS_MAX + SLOT_CHARS_MAX
"""What a held message waits for: a word, a stream, and something in it."""
BROKER_NAME_CHARS_MAX = 64


LINE_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\ufffe\uffff]*$"
"""Text on one line: no control character (C0, DEL, C1) and none that can stand in no XML file. A lone surrogate can stand in no
text at all: the message that holds one is not JSON."""
PARAGRAPHS_PATTERN = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]*$"
"""Text of several lines: the same, but for tab, line feed and carriage return."""
_YEAR = r"([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
DATE_PATTERN = rf"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}$"
"""RFC 3339 without the year 0000, which no calendar here has."""
_MOMENT = (
    r"-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
TIME_PATTERN = rf"^[12][0-9]{{3}}{_MOMENT}"
"""RFC 3339 of the years 1000 to 2999, with capital T and Z as section 5.6 recommends. Digits beyond the microsecond are
dropped."""
RECORDED_TIME_PATTERN = f"^{_YEAR}{_MOMENT}"
"""The same of any year: the first hour of the year 1000 at +08:00 stands as one of 999 in UTC, and must be read again."""
_DATE = re.compile(DATE_PATTERN)


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("datetime_beyond", "the time is beyond the calendar") from None


@dataclass(frozen=True)
class _Written:
    """A date or time that is written in one way only. error: type and text of what is said of any other.

    Pydantic would take a number, also as text, for seconds since 1970 ("20210301" is a day of that year), and a time without
    seconds: in a fact that is a slip, not a time. All of it is decided without a call of Python.
    """

    pattern: str
    error: tuple[str, str]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        made = handler(source)
        text = core_schema.chain_schema([core_schema.str_schema(pattern=self.pattern, strict=True), made])
        value = cast(CoreSchema, {**made, "strict": True})
        either = core_schema.json_or_python_schema(text, core_schema.union_schema([value, text], mode="left_to_right"))
        return core_schema.custom_error_schema(either, self.error[0], custom_error_message=self.error[1])


def utc_text(value: datetime) -> str:
    """Return a clock time as the fixed-width text that is stored, hashed and published: UTC, microseconds, ``Z``."""
    # Not strftime: it writes the year 999 with three digits.
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def business_day(at: datetime) -> date:
    """The Asia/Shanghai calendar date of a clock time (UTC+8, no summer time since 1991)."""
    return at.astimezone(_SHANGHAI).date()


def business_date(text: str) -> date:
    """Parse ``YYYY-MM-DD``. Raises ValueError for anything else, also for other ISO 8601 forms."""
    if not _DATE.fullmatch(text):
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

ShortText = Annotated[str, StringConstraints(min_length=1, max_length=SHORT_TEXT_CHARS_MAX, pattern=LINE_PATTERN)]
Actor = ShortText
"""Who does it. Need not be said: once a message is read, the principal that the broker authenticated stands here, in the place
of whatever text came."""
LongText = Annotated[str, StringConstraints(min_length=1, max_length=LONG_TEXT_CHARS_MAX, pattern=PARAGRAPHS_PATTERN)]
"""What somebody explains, in paragraphs."""
DocumentText = Annotated[str, StringConstraints(min_length=1, max_length=DOCUMENT_CHARS_MAX, pattern=PARAGRAPHS_PATTERN)]
"""A whole document, as its author wrote it."""
Heading = Annotated[str, StringConstraints(min_length=1, max_length=SHORT_TEXT_CHARS_MAX, pattern=PARAGRAPHS_PATTERN)]
"""A short text inside a document, where a folded one of YAML ends with a line feed."""
Clause = Annotated[str, StringConstraints(min_length=1, max_length=CLAUSE_CHARS_MAX, pattern=PARAGRAPHS_PATTERN)]
"""Where in the document that it quotes something stands."""
Note = Annotated[str, StringConstraints(min_length=1, max_length=NOTE_CHARS_MAX, pattern=PARAGRAPHS_PATTERN)]
Year = Annotated[int, Field(ge=YEAR_FIRST, le=YEAR_LAST, strict=True)]
Fen = Annotated[int, Field(strict=True, ge=-(2**53) + 1, le=2**53 - 1)]
"""Integer fen, within the exact integers of JSON (RFC 7493 section 2.2)."""

_NO_TIME = ("datetime_not_rfc3339", "a time is written as RFC 3339 asks")
RecordedTime = Annotated[
    AwareDatetime,
    _Written(RECORDED_TIME_PATTERN, _NO_TIME),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": RECORDED_TIME_PATTERN}),
]
"""A clock time as one of the services wrote it."""
UtcTime = Annotated[
    AwareDatetime,
    _Written(TIME_PATTERN, _NO_TIME),
    AfterValidator(_to_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": TIME_PATTERN}),
]
"""A clock time with its zone, written as RFC 3339 asks; read as UTC."""

BusinessDay = Annotated[
    date,
    _Written(DATE_PATTERN, ("date_impossible", "a date that exists, written YYYY-MM-DD")),
    WithJsonSchema({"type": "string", "format": "date", "pattern": DATE_PATTERN}),
]
"""An Asia/Shanghai calendar date, written YYYY-MM-DD."""

Category = Literal["secretary", "deputy_secretary", "recruited", "instructor", "part_time"]
EntryChannel = Literal["internal", "recruited", "dispatched"]
Grade = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""A word of the policy's vocabulary; the scheme's own are junior, intermediate, senior, special."""
Rating = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""A word of the policy's vocabulary; the scheme's own are excellent, competent, basic, incompetent."""


class Told(BaseModel):
    """A message, or a part of one, that is read exactly as its JSON Schema says.

    A text is no number and a number no truth value, which pydantic would take for one another. What comes in may write a
    whole number in any way that JSON has: for JSON Schema ``2024.0`` is an integer, and libraries of spreadsheets write it
    so. What is recorded is canonical JSON (RFC 8785), where an integer has neither fraction nor exponent.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        recorded = issubclass(cls, OwnEvent) and cls.model_config.get("extra") != "forbid"
        return cast(CoreSchema, _of_model(handler(source), recorded))


def _of_model(schema: Any, recorded: bool) -> Any:
    """A model's schema, within its own validators, with its fields as ``Told`` says."""
    if schema["type"].startswith("function-"):
        return {**schema, "schema": _of_model(schema["schema"], recorded)}
    return {**schema, "schema": _as_told(schema["schema"], recorded)} if schema["type"] == "model" else schema


def _as_told(schema: Any, recorded: bool) -> Any:
    """Nested models have seen to it themselves."""
    if isinstance(schema, list | tuple):
        return type(schema)(_as_told(each, recorded) for each in schema)
    if not isinstance(schema, dict) or schema.get("type") == "model":
        return schema
    found = {name: part if name in _NO_SCHEMAS else _as_told(part, recorded) for name, part in schema.items()}
    match schema.get("type"):
        case "bool":
            return {**found, "strict": True}
        case "int" if recorded:
            return {**found, "strict": True}
        case "int":
            return core_schema.no_info_before_validator_function(_whole, cast(CoreSchema, {**found, "strict": True}))
        case _:
            return found


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_NO_SCHEMAS = frozenset({"default", "metadata", "serialization"})
"""Parts of a schema of pydantic's that hold other things."""


class Message(Told):
    """What comes in from outside: immutable, and an unknown field is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def _as_recorded(schema: Any) -> Any:
    """The schema without what is only asked of a text that comes in, through every model that stands in it."""
    if isinstance(schema, list | tuple):
        return type(schema)(_as_recorded(each) for each in schema)
    if not isinstance(schema, dict):
        return schema
    checked = schema.get("type") == "str" and schema.get("pattern") in (LINE_PATTERN, PARAGRAPHS_PATTERN)
    return {name: _as_recorded(part) for name, part in schema.items() if not (checked and name == "pattern")}


class OwnEvent(Told):
    """A recorded event: immutable, and tolerant of fields that a newer version of it may add.

    It takes control characters in texts, too: what was recorded before they were refused stays readable. A class of what comes
    in that shares the fields of a recorded one forbids unknown fields, and is as strict about its texts.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        made: Any = super().__get_pydantic_core_schema__(source, handler)
        if made["type"] != "model" or cls.model_config.get("extra") == "forbid":
            return cast(CoreSchema, made)
        return cast(CoreSchema, {**made, "schema": _as_recorded(made["schema"])})

    def payload(self) -> dict[str, Any]:
        """Return the JSON value that is stored and published."""
        return self.model_dump(mode="json")


class AsRecorded:
    """Of a field of a recorded event that holds models of what comes in, such as a document: its texts were accepted under the
    rules of their day, and are read as they are."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            lambda value, _: _validator_of_recorded(source).validate_python(value), handler(source)
        )


@cache
def _validator_of_recorded(kind: Any) -> SchemaValidator:
    made: TypeAdapter[Any] = TypeAdapter(kind)
    made.rebuild(force=True)
    # What pydantic has built of the models within would be taken instead, and that is the strict one.
    return SchemaValidator(_as_recorded(made.core_schema), _use_prebuilt=False)


def _is_false(value: bool) -> bool:
    return not value


def _is_none(value: object) -> bool:
    return value is None


class FactOrigin(OwnEvent):
    """The intake message that brought a fact: its source, its id, and when the source recorded it.

    authority: whether this kind of fact was the source's to say when it was recorded, by the registry's settings then.
    """

    source: str
    id: str
    occurred_at: RecordedTime
    authority: bool = Field(default=False, exclude_if=_is_false)
    roles: tuple[str, ...] | None = Field(default=None, exclude_if=_is_none)
    """Of the source when its message was decided; absent of a principal whose name is its role, and of integrating systems."""

    def acts_as(self, *roles: str) -> bool:
        """Whether the source had one of these roles: as recorded, so that no setting of today changes what was decided."""
        return any(role in ((self.source,) if self.roles is None else self.roles) for role in roles)


class LogEvent(OwnEvent):
    """An event that stands in a log under its own type, a literal that is never derived from a class name."""

    TYPE: ClassVar[str]


class Fact(Message):
    """Base of what integrating systems publish."""


class KnownPerson(Fact):
    """A person by person_ref: only the registry resolves other names, and says the person_ref in its receipts."""

    person_ref: PersonRef
