"""Every text and every number that comes in is bounded, and means one thing only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.base import (
    INTEGER_MAX,
    LINE_PATTERN,
    PARAGRAPHS_PATTERN,
    BusinessDay,
    LogEvent,
    LongText,
    ShortText,
    UtcTime,
    utc_text,
)
from contracts.envelope import PARTITIONS, POSITION_MAX, EventEnvelope
from contracts.generate_schemas import generate
from contracts.intake import FACT_TYPES, DossierContent, IntakeMessage, parse
from contracts.problems import problems_of
from contracts.registry import FactOrigin

SCHEMAS = {name.removesuffix(".json"): json.loads(text) for name, text in generate().items()}
INTAKE = sorted(FACT_TYPES)
JSON_INTEGER_MAX = 2**53 - 1
BLANKS = "\t\n\r"
CONTROL = sorted({*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\ufffe", "\uffff"})


def leaves(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a schema that says of which type a single value is, with the path to it."""
    if isinstance(schema, dict):
        if schema.get("type") in ("string", "integer", "number") or (not schema and at.endswith("]")):
            yield at, schema
        for name, part in schema.items():
            yield from leaves(part, f"{at}.{name}")
    elif isinstance(schema, list):
        for place, part in enumerate(schema):
            yield from leaves(part, f"{at}[{place}]")


def message(**data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": "m-1", "source": "hr", "time": "2025-01-05T08:00:00Z", "effectiveon": "2025-01-04",
        "type": "intake.unit-registered.v1", "data": {"unit": "u-1", "title": "一", "division": "330106", **data},
    }  # fmt: skip


def problems(raw: bytes) -> list[tuple[str, str]]:
    """(field, code) of what is wrong with a message; none: it is taken."""
    try:
        parse(raw)
    except ValidationError as error:
        return [(each.field, each.code) for each in problems_of(error, "intake.unit-registered.v1")]
    return []


def of(value: Any) -> list[tuple[str, str]]:
    return problems(json.dumps(value).encode())


# --- texts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*INTAKE, "event-envelope"])
def test_every_text_that_comes_in_has_an_alphabet_and_an_end(name: str) -> None:
    """A plain text would bring control characters, and what is longer than its column."""
    loose = [
        at
        for at, leaf in leaves(SCHEMAS[name])
        if leaf["type"] == "string"
        and not ("const" in leaf or "enum" in leaf)
        and not ("pattern" in leaf and (_ends(leaf["pattern"]) or "maxLength" in leaf))
    ]
    assert loose == []


def _ends(pattern: str) -> bool:
    """A pattern from end to end, whose repetitions are all counted."""
    return pattern.startswith("^") and pattern.endswith("$") and not re.search(r"[*+](?![^\[]*\])|,\}", pattern)


@pytest.mark.parametrize("pattern", [LINE_PATTERN, PARAGRAPHS_PATTERN])
def test_a_text_takes_every_character_but_those_that_control(pattern: str) -> None:
    """The pattern of the schema, over the whole of the plane where people write, without the surrogates."""
    allowed = set(BLANKS) if pattern == PARAGRAPHS_PATTERN else set()
    expected = [c for c in CONTROL if c not in allowed]
    texts = (chr(c) for c in range(0x10000) if not 0xD800 <= c <= 0xDFFF)
    assert sorted(c for c in texts if not re.search(pattern.replace("$", r"\Z"), f"a{c}b")) == expected


@pytest.mark.parametrize("character", CONTROL)
@pytest.mark.parametrize("place", ["{}a", "a{}b", "a{}"])
def test_a_control_character_is_refused_wherever_it_stands(character: str, place: str) -> None:
    """With the field, and a code of its own."""
    assert of(message(title=place.format(character))) == [("data.title", "control-character")]


def test_a_lone_surrogate_is_not_json() -> None:
    """No text can hold one."""
    raw = json.dumps(message()).replace("\\u4e00", "\\ud800").encode()
    assert [code for _, code in problems(raw)] == ["not-json"]


def test_paragraphs_have_lines_and_nothing_else() -> None:
    """In what somebody explains; a title is one line."""
    DossierContent(title="聘任", text="一\t二\r\n三")
    with pytest.raises(ValidationError):
        DossierContent(title="聘\n任", text="")
    with pytest.raises(ValidationError):
        DossierContent(title="聘任", text="a\x0bb")


def test_the_remedy_says_what_is_allowed() -> None:
    """In both languages."""
    with pytest.raises(ValidationError) as caught:
        parse(json.dumps(message(title="a\x00b")).encode())
    (english,) = problems_of(caught.value, "intake.unit-registered.v1")
    (chinese,) = problems_of(caught.value, "intake.unit-registered.v1", "zh")
    assert english.remedy == "remove it; write the text on one line"
    assert (chinese.problem, chinese.remedy) == ("文本中含有控制字符", "请删除；请写在一行内")


def test_what_was_recorded_before_is_still_read() -> None:
    """A recorded event takes the texts that are refused now, in itself and in what it is made of; its strict twin does not."""

    class Said(LogEvent):
        TYPE: ClassVar[str] = "test.said.v1"
        title: ShortText
        more: tuple[LongText, ...] = ()
        inner: Said | None = None

    class StrictSaid(Said):
        model_config = ConfigDict(frozen=True, extra="forbid")

    value = {"title": "a\x00b", "more": ["c\x07"], "inner": {"title": "d\ne"}}
    found = Said.model_validate_json(json.dumps(value))
    assert found.title == "a\x00b"
    assert found.more == ("c\x07",)
    with pytest.raises(ValidationError) as caught:
        StrictSaid.model_validate_json(json.dumps(value))
    assert {each["loc"] for each in caught.value.errors()} == {("title",), ("more", 0)}
    with pytest.raises(ValidationError):
        Said.model_validate_json(json.dumps({"title": "a" * 201}))


# --- numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*INTAKE, "event-envelope"])
def test_every_number_that_comes_in_is_whole_and_has_both_bounds(name: str) -> None:
    """Within the integers that JSON carries exactly; what is no amount of money, within 32 bits."""
    found = [(at, leaf) for at, leaf in leaves(SCHEMAS[name]) if leaf["type"] in ("integer", "number")]
    wrong = [
        at
        for at, leaf in found
        if leaf["type"] == "number"
        or not (-_top(at) <= leaf.get("minimum", -(10**30)) <= leaf.get("maximum", 10**30) <= _top(at))
    ]
    assert wrong == []


def _top(at: str) -> int:
    return JSON_INTEGER_MAX if re.sub(r"\.anyOf\[\d+\]$", "", at).endswith("_fen") else INTEGER_MAX


@pytest.mark.parametrize(
    ("field", "value"),
    [("partition", PARTITIONS), ("partition", -1), ("partition", 2**63), ("position", 0), ("position", POSITION_MAX + 1),
     ("previous", -1), ("previous", POSITION_MAX + 1), ("position", "1"), ("position", 1.0), ("partition", 1.5),
     ("partition", True)],
)  # fmt: skip
def test_the_integers_of_an_event_are_bounded(field: str, value: Any) -> None:
    """One beyond its column would stop whoever hears it."""
    whole = {
        "specversion": "1.0", "id": "01977000-0000-7000-8000-000000000001", "source": "/hongling/registry", "type": "t",
        "subject": "s", "time": "2025-01-05T08:00:00.000000Z", "effectiveon": "2025-01-04", "position": 1, "partition": 0,
        "previous": 0, "correlationid": "c", "actor": "hr", "datacontenttype": "application/json", "data": {},
    }  # fmt: skip
    EventEnvelope.model_validate_json(json.dumps(whole))
    with pytest.raises(ValidationError):
        EventEnvelope.model_validate_json(json.dumps({**whole, field: value}))


# --- times and dates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "time",
    ["20210301", "1609459200", "1609459200.5", "2021-03-01", "2021-03-01T08:00Z", "2021-03-01T08:00:00", "2021-03-01 08:00:00Z",
     "2021-03-01t08:00:00Z", "2021-03-01T08:00:00z", "2021-03-01T08:00:00+0800", "2021-03-01T08:00:00+08",
     "2021-02-30T08:00:00Z", "2021-03-01T24:00:00Z", "2021-03-01T08:00:60Z", "2021-03-01T08:00:00.Z", "2021-03-01T08:00:00,5Z",
     "2021-03-01T08:00:00+24:00",
     "2021-W09-1T08:00:00Z", " 2021-03-01T08:00:00Z", "2021-03-01T08:00:00Z\n", "２021-03-01T08:00:00Z", "0000-01-01T00:00:00Z",
     "0999-01-01T00:00:00Z", "9999-12-31T23:59:59-23:00", "-2021-03-01T08:00:00Z", "", 20210301, 1609459200.5, True, None],
)  # fmt: skip
def test_a_time_is_written_as_rfc_3339_asks(time: Any) -> None:
    """`20210301` once was taken for a day of 1970, so that a newer rating lost to an older one."""
    assert of({**message(), "time": time}) == [("time", "impossible-time")]


def test_the_edge_of_what_is_taken_is_read_again_from_the_log() -> None:
    """In UTC it is of the year before: a service that could not read what it recorded would stand still."""
    taken = parse(json.dumps({**message(), "time": "1000-01-01T00:00:00+23:59"}).encode()).time
    told = FactOrigin(source="hr", id="m-1", occurred_at=taken)
    assert FactOrigin.model_validate_json(told.model_dump_json()) == told
    assert utc_text(taken) == "0999-12-31T00:01:00.000000Z"


@pytest.mark.parametrize(
    ("time", "utc"),
    [("2021-03-01T08:00:00Z", "2021-03-01T08:00:00+00:00"), ("2021-03-01T08:00:00+08:00", "2021-03-01T00:00:00+00:00"),
     ("2021-03-01T08:00:00.123456789Z", "2021-03-01T08:00:00.123456+00:00"),
     ("2021-03-01T08:00:00.5-00:00", "2021-03-01T08:00:00.500000+00:00")],
)  # fmt: skip
def test_a_time_of_rfc_3339_is_taken(time: str, utc: str) -> None:
    """With any zone and up to nine digits of a second, of which six count."""
    assert parse(json.dumps({**message(), "time": time}).encode()).time.isoformat() == utc


@pytest.mark.parametrize(
    "day",
    ["2021-W52-5", "2021-W5215", "20210301", "2021-060", "2021-3-1", "2021/03/01", "2021-02-30", "2021-13-01", "0000-01-01",
     "２021-03-01", "2021-03-01\n", "2021-03-01T00:00:00Z", 20210301, None],
)  # fmt: skip
def test_a_date_is_written_year_month_day(day: Any) -> None:
    """`2021-W52-5` has ten characters too, and Python 3.11 reads it."""
    assert of({**message(), "effectiveon": day}) == [("effectiveon", "impossible-date")]


def test_times_and_dates_say_in_their_schema_how_they_are_written() -> None:
    """The format and the pattern."""

    class Both(BaseModel):
        at: UtcTime
        on: BusinessDay | None

    made = Both.model_json_schema()["properties"]
    assert {"format", "pattern"} <= made["at"].keys()
    assert {"format", "pattern"} <= made["on"]["anyOf"][0].keys()


# --- keys that stand twice ------------------------------------------------------------------------------------------------

RAW = json.dumps(message()).encode()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'"id": "m-1"', b'"id": "m-0", "id": "m-1"', "id"),
        (b'"id": "m-1"', b'"id": "m-1", "id": "m-1"', "id"),
        (b'"id": "m-1"', b'"\\u0069d": "m-0", "id": "m-1"', "id"),
        (b'"data": {', b'"data": 1, "data": {', "data"),
        (b'"unit": "u-1"', b'"unit": "u-0", "unit": "u-1"', "data.unit"),
        (b'"unit": "u-1"', b'"unit":NaN,"unit":"u-1"', "data.unit"),
    ],
)
@pytest.mark.parametrize("compact", [False, True])
def test_a_key_that_stands_twice_is_refused(old: bytes, new: bytes, field: str, compact: bool) -> None:
    """At any depth, however it is written: what was read of it would be the last one, without a word."""
    raw = RAW.replace(old, new)
    assert raw != RAW
    assert problems(raw.replace(b", ", b",").replace(b": ", b":") if compact else raw) == [(field, "duplicate-key")]


def test_a_key_that_stands_twice_in_a_list_of_objects_is_found() -> None:
    """With its place."""
    fact = {
        "run": "r-1", "by": "甲", "file_sha256": "0" * 64, "part": 1, "parts": 1,
        "results": [{"payout": f"p{n}", "outcome": "settled", "reference": f"r{n}", "amount_fen": n} for n in (1, 2)],
    }  # fmt: skip
    raw = json.dumps({**message(), "type": "intake.payment-results-reported.v1", "data": fact}).encode()
    parse(raw)
    twice = raw.replace(b'"amount_fen": 2', b'"amount_fen": 1, "amount_fen": 2')
    with pytest.raises(ValidationError) as caught:
        parse(twice)
    (found,) = problems_of(caught.value, "intake.payment-results-reported.v1")
    assert (found.field, found.code) == ("data.results.1.amount_fen", "duplicate-key")


def test_identity_in_what_is_passed_over_is_refused_as_such() -> None:
    """So that the message is erased."""
    raw = RAW.replace(b'"data": {', b'"data": {"resident_id": "x"}, "data": {')
    assert problems(raw) == [("data", "plain-identity")]


def test_the_same_key_in_two_objects_is_no_repetition() -> None:
    """Nor is one inside a text."""
    assert of(message(title='"unit": 1, "unit": 2')) == []


def test_every_message_class_is_looked_at() -> None:
    """The walk above goes through the classes that `parse` reads."""
    assert len(INTAKE) == len(IntakeMessage.__args__)
