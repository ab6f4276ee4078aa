"""Messages near 64 KiB that are made to cost much, for every fact type, from the published schemas themselves. Pure.

Of each type: one that is as full as its schema lets it be; each list of it with as many entries as fit, right, wrong, empty and
of keys that nobody knows; each object with thousands of such keys; each text, of any kind, filled with what is slow to look at.
Where a text is a document, also the example's, with each of its lists and keys made as many as fit. Nobody here exists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from contracts.base import DOCUMENT_CHARS_MAX
from contracts.generate_schemas import read_committed
from contracts.intake import FACT_TYPES, INTAKE_BYTES_MAX

__all__ = ["Hostile", "envelope", "hostile_facts"]

ROOT = Path(__file__).parents[1]
ENVELOPE_BYTES = 1024
ROOM = INTAKE_BYTES_MAX - ENVELOPE_BYTES
DOCUMENTS: Mapping[str, str] = {
    "policy-published": "policies/example-city.yaml",
    "certification-standard-published": "standards/example-certification.yaml",
    "qualification-standard-published": "standards/example-group.yaml",
    "development-policy-published": "standards/example-development.yaml",
    "appraisal-cycle-opened": "cycles/example-county-2025.yaml",
    "vacancy-described": "standards/example-vacancy.yaml",
}
PLACES_PER_DOCUMENT_MAX = 200

TEXTS: Mapping[str, str] = {
    "digits": "1",
    "spaced digits": "1 ",
    "rows of digits": "32010219900101001 ",
    "numbers with hyphens": "138-0000-000",
    "Chinese digits": "一",
    "full-width digits": "０",
    "what becomes eighteen": "\ufdfa",
    "marks out of order": "\u0315\u0300",
    "enclosed numbers": "㏾",
    "days of birth": "19900101",
    "accounts": "6222020200000000000 ",
    "invisible": "\u200b1",
    "seals": "eyJ.eyJ",
    "dots": ".",
    "brackets": "[{",
    "quotes": '"\\',
    "line ends": "\n",
    "blanks": " ",
    "letters": "a",
    "underlines": "a_",
    "control": "\u0001",
}
"""What a text is filled with, by what it is."""
CANDIDATES = (
    "字" * 4000, "x" * 4000, "a" * 40_000, "a" * 32, "2021-06-01", "2021-06", "2021", "320102", "p" + "0" * 26, "a" * 64,
    "12345678", "1.5", "9" * 18, "application/pdf", "0190e0e0-0000-7000-8000-000000000001", "2021-06-01T08:00:00Z",
    f"{'a' * 50}.{'b' * 20}.{'c' * 16}.{'d' * 8000}.{'e' * 22}", "91320102MA1XXXXXXX", "export a/b", "A" * 20, "A", "a", "",
)  # fmt: skip
"""A text that a schema asks for is the longest of these, cut to its length, that fits its pattern."""


class Hostile(NamedTuple):
    """kind: of the fact, such as ``unit-registered``. how: in words. data: of the message, or its text as JSON."""

    kind: str
    how: str
    data: Any


def envelope(hostile: Hostile, *, id: str, source: str = "hr", on: str = "2025-01-04") -> bytes:
    """The whole message."""
    said = {"specversion": "1.0", "id": id, "source": source, "time": "2025-01-05T08:00:00Z", "effectiveon": on}
    raw = json.dumps(
        said | {"type": f"intake.{hostile.kind}.v1", "data": hostile.data}, ensure_ascii=False, separators=(",", ":")
    )
    return raw.encode()


def hostile_facts(given: Mapping[str, Any] | None = None) -> Iterator[Hostile]:
    """Every message. given: values of fields of any fact, such as ``person`` and ``cycle``, that a service knows."""
    for kind in sorted(FACT_TYPES):
        yield from _of_type(kind.split(".")[1], given or {})


def _of_type(kind: str, given: Mapping[str, Any]) -> Iterator[Hostile]:
    schema = json.loads(read_committed()[f"intake.{kind}.v1.json"])
    maker = _Maker(schema, given)
    data = schema["properties"]["data"]
    for number, full in enumerate(maker.alternatives(data)):
        yield Hostile(kind, f"full {number}", full)
        for path, inner in _places(full):
            for how, worse in _worse(inner, maker.room):
                yield Hostile(kind, f"{how} in {'.'.join(map(str, path)) or 'data'}", _put(full, path, worse))
    if kind in DOCUMENTS:
        full = next(iter(maker.alternatives(data)))
        for how, text in hostile_documents((ROOT / DOCUMENTS[kind]).read_text(encoding="utf-8")):
            yield Hostile(kind, f"document: {how}", full | {"text": text})


# --- what a schema lets in ----------------------------------------------------------------------------------------------


class _Maker:
    """Makes values as full as a schema lets them be, within the room of one message."""

    def __init__(self, schema: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self._root = schema
        self._given = given
        self.room = ROOM

    def alternatives(self, schema: Mapping[str, Any]) -> list[Any]:
        """The full values: one for each alternative that a field of the fact has, such as a correction's replacement."""
        whole = self._resolved(schema)
        made = self._fill(whole, 0, self.room)
        found = [made]
        for name, part in whole.get("properties", {}).items():
            for each in self._resolved(part).get("oneOf", ())[1:]:
                found.append(made | {name: self._fill(each, 0, self.room)})
        return found

    def _resolved(self, schema: Any) -> Any:
        while "$ref" in schema:
            schema = self._root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def _fill(self, schema: Any, number: int, room: int) -> Any:
        schema = self._resolved(schema)
        for name in ("anyOf", "oneOf", "allOf"):
            if name in schema:
                chosen = [each for each in schema[name] if each.get("type") != "null"]
                return self._fill(chosen[number % len(chosen)], number, room)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][number % len(schema["enum"])]
        return self._of_kind(schema, number, room)

    def _of_kind(self, schema: Any, number: int, room: int) -> Any:
        match schema.get("type"):
            case "object":
                parts = schema.get("properties", {})
                each = max(room // max(1, len(parts)), 200)
                return {
                    name: self._given[name] if name in self._given else self._fill(part, number, each)
                    for name, part in parts.items()
                }
            case "array":
                return self._entries(schema, room)
            case "string":
                return _text(schema, number, room)
            case "integer":
                low, high = schema.get("minimum", 0), schema.get("maximum", 1)
                return high - number if high - number >= low else low
            case "boolean":
                return True
            case _:
                return None

    def _entries(self, schema: Any, room: int) -> list[Any]:
        most, size = schema.get("maxItems", 10_000), 0
        found: list[Any] = []
        while len(found) < most and size < room:
            found.append(self._fill(schema["items"], len(found), max(200, room // most)))
            size += len(json.dumps(found[-1], ensure_ascii=False).encode()) + 1
        return found if size <= room or len(found) < 2 else found[:-1]


def _text(schema: Mapping[str, Any], number: int, room: int) -> str:
    if schema.get("format") == "date":
        return "2021-06-01"
    most = min(schema.get("maxLength", 10_000), max(room // 3, 8))
    pattern = re.compile(schema.get("pattern", ".*"))
    mark = str(number)
    for candidate in CANDIDATES:
        cut = candidate[:most]
        for text in (
            f"{cut[: -len(mark)]}{mark}",
            cut,
            candidate if len(candidate) <= schema.get("maxLength", 10_000) else cut,
        ):
            if pattern.search(text) and len(text) >= schema.get("minLength", 0):
                return text
    raise LookupError(f"no text for {schema}")


# --- and what it doesn't ------------------------------------------------------------------------------------------------


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every place in a value; of a list its first entry stands for all."""
    yield path, value
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _places(part, (*path, name))
    elif isinstance(value, list) and value:
        yield from _places(value[0], (*path, 0))


def _put(value: Any, path: Sequence[Any], inner: Any) -> Any:
    """The value with another one at that place; what stands beside it in lists goes, so that there is room."""
    if not path:
        return inner
    first, *rest = path
    if isinstance(value, dict):
        lean = {name: part if name == first or len(str(part)) < 600 else str(part)[:1] for name, part in value.items()}
        return lean | {first: _put(value[first], rest, inner)}
    return [_put(value[first], rest, inner)]


def _worse(value: Any, room: int) -> Iterator[tuple[str, Any]]:
    room = room - 2_000
    if isinstance(value, list):
        if value:
            yield "entries", _many(lambda number: value[number % len(value)], room)
            yield "the first entry again and again", _many(lambda number: value[0], room)
        yield "numbers", _many(lambda number: 0, room)
        yield "nothing, in curly brackets", _many(lambda number: {}, room)
        yield "texts", _many(lambda number: f"a{number}", room)
        yield "lists", _many(lambda number: [], room)
    elif isinstance(value, dict):
        yield "unknown keys", _keys(lambda number: f"a{number}", room)
        yield (
            "keys that are nearly known",
            {**_keys(lambda number: f"{list(value)[number % len(value)] if value else 'a'}{number}", room)},
        )
        yield "nested keys", _nested(room)
    elif isinstance(value, str):
        for how, piece in TEXTS.items():
            yield f"{how}, as many as fit,", _filled(piece, room)
            if len(value) < 5_000:
                yield f"{how}, as long as the text,", (piece * 200)[: max(1, len(value))]
        yield "a list", [0] * (room // 2)
    elif isinstance(value, bool) or value is None:
        yield "a text", "a" * room
    elif isinstance(value, int):
        yield "a long number", int("9" * 4000)
        yield "a text of digits", "9" * room


def _many(make: Callable[[int], Any], room: int) -> list[Any]:
    found: list[Any] = []
    size = 0
    while size < room:
        found.append(make(len(found)))
        size += len(json.dumps(found[-1], ensure_ascii=False, separators=(",", ":")).encode()) + 1
    return found[:-1]


def _keys(name: Callable[[int], str], room: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    size = number = 0
    while size < room:
        key = name(number)
        found[key] = 0
        number += 1
        size += len(key) + 5
    return found


def _nested(room: int) -> dict[str, Any]:
    return {f"k{n}": {"a": {"b": {"c": [{"d": [0]}]}}} for n in range(room // 45)}


def _filled(piece: str, room: int) -> str:
    size = len(json.dumps(piece, ensure_ascii=False).encode()) - 2
    return piece * (room // size)


# --- documents ----------------------------------------------------------------------------------------------------------


@cache
def hostile_documents(example: str) -> tuple[tuple[str, str], ...]:
    """(how, text) of documents that are made to cost much, from an example that can be published."""
    plain = json.loads(json.dumps(yaml.safe_load(example), default=str))
    found = [(how, _filled(piece, ROOM - 2_000)[:DOCUMENT_CHARS_MAX]) for how, piece in TEXTS.items()]
    found += [(f"{how} under a key", f"a: {_filled(piece, ROOM - 2_000)}"[:DOCUMENT_CHARS_MAX]) for how, piece in TEXTS.items()]
    for path, value in list(_places(plain))[:PLACES_PER_DOCUMENT_MAX]:
        where = ".".join(map(str, path)) or "the document"
        for how, worse in _worse_in_document(value):
            text = json.dumps(_put_whole(plain, path, worse), ensure_ascii=False)
            if len(text) <= DOCUMENT_CHARS_MAX and len(json.dumps(text, ensure_ascii=False).encode()) < ROOM - 600:
                found.append((f"{how} in {where}", text))
    return tuple(found)


DOCUMENT_ENTRIES = (10, 40, 60, 120, 500, 1_300, 3_900)
WORDS = 1_900


def _worse_in_document(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list) and value:
        for count in DOCUMENT_ENTRIES:
            yield f"{count} times the same", [value[0]] * count
            yield f"{count} of other names", [_renamed(value[number % len(value)], number) for number in range(count)]
        yield "words", [f"w{number}" for number in range(WORDS)]
        yield "long words", [f"{'w' * 20}{number}" for number in range(WORDS)]
        yield "numbers", list(range(3_900))
        yield "nothing, in curly brackets", [{}] * 3_900
    elif isinstance(value, dict):
        yield "keys that nobody knows", value | {f"a{number}": 0 for number in range(WORDS)}
        yield "long keys that nobody knows", value | {f"{'effective_' * 2}{number}": 0 for number in range(1_500)}
        yield (
            "keys that are nearly known",
            value | {f"{list(value)[number % len(value)]}{number}": 0 for number in range(WORDS)},
        )
    elif isinstance(value, str):
        yield "a long text", "字" * 15_000
        yield "a long word", "w" * 50_000
    elif isinstance(value, int):
        yield "a long number", "9" * 17


def _renamed(value: Any, number: int) -> Any:
    """An entry as before, but for its words: those are its own."""
    if isinstance(value, dict):
        return {name: _renamed(part, number) for name, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, number) for part in value[:3]]
    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,25}", value):
        return f"{value[:20]}_{number}"
    return value


def _put_whole(value: Any, path: Sequence[Any], inner: Any) -> Any:
    if not path:
        return inner
    first, *rest = path
    if isinstance(value, dict):
        return value | {first: _put_whole(value[first], rest, inner)}
    return [_put_whole(part, rest, inner) if place == first else part for place, part in enumerate(value)]
