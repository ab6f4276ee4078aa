"""Mutations of JSON messages: by field, by type, by Unicode category, by size and by the form of times, dates and ids.

A mutation changes one place of a valid value and is written as bytes, since some of it stands in no value: a key that stands
twice, ``1.0`` beside ``1``, half of a surrogate pair. Nothing here knows a contract; the value's schema only says where its
bounds are. Everything is in a fixed order: the same value has the same mutations.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

__all__ = ["Mutation", "encoded", "mutated_once", "mutations", "resolved"]

Path = tuple[str | int, ...]

LITERALS = (
    "null", "true", "false", "0", "1", "-1", "1.0", "-0.0", "1e2", "1E+2", "100e-2", "1.5", "2147483647", "2147483648",
    "9007199254740991", "9007199254740992", "9007199254740993", "9007199254740991.0", "9223372036854775808",
    "-9223372036854775809", "1" + "0" * 30, "1e30", "1e400", "NaN", "Infinity", '"1"', '"1.0"', '"true"', '""', '" "',
    "[]", "{}", "[null]", '{"a":1}',
)  # fmt: skip
"""What may stand in the place of a value, as it is written."""

CHARACTERS = {
    "control": "\x00\x07\x08\x0b\x1f\x7f\x85\x9f",
    "blank": "\t\n\r \u00a0\u2028\u2029\u3000",
    "format": "\u00ad\u200b\u200d\u202e\u2060\ufeff",
    "private use": "\ue000\U000f0000",
    "surrogate": "\ud800\udfff",
    "not a character": "\ufffe\uffff\ufdd0\U0010ffff",
    "full width": "１Ａ：－",
    "digit of another script": "٣๓",
    "combining": "\u0301\u20dd",
    "folds to two": "ßŉİſ",
    "beyond the basic plane": "𠀀😀",
    "written with escapes": '"\\/',
}
"""By category."""

DAYS = (
    "2021-3-1", "20210301", "2021-060", "2021-W09-1", "2021W091", "2021-02-29", "2021-02-30", "2021-13-01", "2021-00-10",
    "2021-03-00", "2021/03/01", "01.03.2021", "2021-03", "2021", "0000-01-01", "0001-01-01", "0999-12-31", "1000-01-01",
    "9999-12-31", "10000-01-01", "-2021-03-01", "+2021-03-01", "２021-03-01", "2021-03-01\n", " 2021-03-01",
    "2021-03-01T00:00:00Z", "1609459200", "1614556800000",
)  # fmt: skip
TIMES = (
    *DAYS, "2021-03-01", "2021-03-01T08:00Z", "2021-03-01T08:00:00", "2021-03-01T08Z", "2021-03-01 08:00:00Z",
    "2021-03-01t08:00:00Z", "2021-03-01T08:00:00z", "2021-03-01T08:00:00+0800", "2021-03-01T08:00:00+08",
    "2021-03-01T08:00:00+08:00", "2021-03-01T08:00:00-00:00", "2021-03-01T08:00:00+24:00", "2021-03-01T08:00:00+23:60",
    "2021-03-01T08:00:00 +08:00", "2021-03-01T24:00:00Z", "2021-03-01T23:60:00Z", "2021-03-01T08:00:60Z",
    "2016-12-31T23:59:60Z", "2021-02-29T08:00:00Z", "2021-03-01T08:00:00.Z", "2021-03-01T08:00:00,5Z",
    "2021-03-01T08:00:00.5Z", "2021-03-01T08:00:00.123456789Z", "2021-03-01T08:00:00.1234567890Z", "20210301T080000Z",
    "2021-W09-1T08:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0999-01-01T00:00:00Z", "1000-01-01T00:00:00Z",
    "1000-01-01T00:00:00+23:59", "2999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:00",
    "1609459200.5", "2021-03-01T08:00:00Z\n", " 2021-03-01T08:00:00Z", "2021-03-01T08:00:00[UTC]", "now", "12:00:00Z",
)  # fmt: skip
FORMS: dict[str, tuple[str, ...]] = {"date": DAYS, "date-time": TIMES}
SPELLINGS: tuple[Callable[[str], str], ...] = (
    str.upper, str.title, lambda v: v + "\n", lambda v: " " + v, lambda v: v + " ", lambda v: v.replace("-", ""),
    lambda v: "{" + v + "}", lambda v: v[:-1], lambda v: v + v[-1:], lambda v: v[::-1],
)  # fmt: skip
"""Other ways to write an id, a key or a word."""
_AS_WRITTEN = "\ue0ffas-written-{}-"
FREE_CHARS = 70_000
"""Where no bound is given: longer than any."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """kind: what was done, in words. path: where."""

    kind: str
    path: Path
    _write: Callable[[], bytes]

    @property
    def raw(self) -> bytes:
        """The whole message. It is written when it is asked for: most of a million are not."""
        return self._write()


class _Written(str):
    """A value that stands in the text as it is, whatever it would be as a string."""

    __slots__ = ()


def encoded(value: Any) -> bytes:
    """Compact JSON. What no UTF-8 can hold (half of a surrogate pair) is written as its escape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def resolved(schema: Any, root: Mapping[str, Any]) -> Any:
    """A schema without references at its top."""
    while isinstance(schema, Mapping) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def mutations(value: Any, schema: Mapping[str, Any]) -> Iterator[Mutation]:
    """Every mutation of a valid value, place by place. schema: which it is valid under."""
    for path, there, part in _places(value, schema, schema, ()):
        for kind, put in _changes(there, part):
            yield Mutation(kind, path, partial(_written, value, path, put))
    for path, there, _ in _places(value, schema, schema, ()):
        if isinstance(there, dict):
            for name in there:
                for kind, extra, first in (("null first", None, True), ("null last", None, False), ("same", there[name], True)):
                    write = partial(_twice, value, path, name, extra, first)
                    yield Mutation(f"field: duplicated, {kind}", (*path, name), write)


def _places(value: Any, schema: Any, root: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """(path, value, schema) of every place; of a list its first entry only, since the others are alike."""
    part = _of(value, schema, root)
    yield path, value, part
    if isinstance(value, dict):
        fields = part.get("properties", {})
        for name, inner in value.items():
            yield from _places(inner, fields.get(name, part.get("additionalProperties", {})), root, (*path, name))
    elif isinstance(value, list) and value:
        yield from _places(value[0], part.get("items", {}), root, (*path, 0))


def _of(value: Any, schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """The alternative that a value of this kind is of, as far as can be told from its own keys."""
    found = resolved(schema, root)
    if not isinstance(found, Mapping):
        return {}
    choices = [resolved(each, root) for each in found.get("anyOf") or found.get("oneOf") or ()]
    if not choices:
        return dict(found)
    types = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}
    fits = [each for each in choices if each.get("type") == types.get(type(value))]
    if isinstance(value, dict):
        fits.sort(key=lambda each: _unlike(value, each))
    return dict(fits[0]) if fits else {}


def _unlike(value: Mapping[str, Any], schema: Mapping[str, Any]) -> int:
    fields = schema.get("properties", {})
    tags = sum(1 for name, part in fields.items() if "const" in part and value.get(name) != part["const"])
    return 100 * tags + len(value.keys() ^ fields.keys())


def _changes(value: Any, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(what is done, what stands there then), of which none is the value as it is."""
    for literal in LITERALS:
        yield f"type: {literal[:12]}", _Written(literal)
    if isinstance(value, dict):
        yield from _of_object(value)
    elif isinstance(value, list):
        yield from _of_list(value, schema)
    elif isinstance(value, str):
        yield from _of_text(value, schema)
    elif isinstance(value, int) and not isinstance(value, bool):
        for bound in (schema.get("minimum"), schema.get("maximum")):
            if bound is not None:
                yield from ((f"size: {n - bound:+d} of its bound", n) for n in (bound - 1, bound, bound + 1))
        yield "type: the number with a fraction of nothing", _Written(f"{value}.0")
        yield "type: the number as a text", str(value)
    yield "type: in a list", [value]
    yield "type: in an object", {"value": value}


def _of_object(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "field: added", {**value, "unheard_of": 1}
    yield "field: added without a name", {**value, "": None}
    for name in value:
        rest = {other: part for other, part in value.items() if other != name}
        yield f"field: {name} removed", rest
        for other in (name.upper(), f"{name}_", f"{name}\u200b", name.replace("_", "-") + "s"):
            yield f"field: {name} renamed", {**rest, other: value[name]}


def _of_list(value: list[Any], schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "size: entry null added", [*value, None]
    yield "size: first entry twice", [*value[:1], *value]
    yield "size: reversed", value[::-1]
    sizes = {0, 1, schema.get("minItems", 0), schema.get("maxItems", 2), schema.get("maxItems", 300) + 1}
    for size in sorted(sizes):
        if value and size < 2_000:
            yield f"size: {size} entries", (value * (size // len(value) + 1))[:size]
    if schema.get("minItems"):
        yield "size: one entry too few", value[: schema["minItems"] - 1]


def _of_text(value: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for category, characters in CHARACTERS.items():
        for character in characters:
            half = len(value) // 2
            for text in (character + value, value[:half] + character + value[half:], value + character, character):
                yield f"Unicode: {category}", text
    for bound in (schema.get("minLength"), schema.get("maxLength")):
        if bound is not None:
            yield from _of_length(value, bound)
    if "maxLength" not in schema:
        for size in (0, 27, 32, 33, 63, 64, 65, 128, 129, 160, 161, 256, 257, FREE_CHARS):
            yield f"size: {size} characters", (value or "a")[:1] * size
    for spelling in SPELLINGS:
        yield "id: spelt otherwise", spelling(value)
    for text in FORMS.get(schema.get("format", ""), DAYS[:4]):
        yield "form of a date or time", text


def _of_length(value: str, bound: int) -> Iterator[tuple[str, Any]]:
    for size in (bound - 1, bound, bound + 1):
        for character in ("a", "汉", "😀", "ß"):
            if size >= 0:
                yield f"size: {size - bound:+d} of its bound", (value[:1] if character == "a" else character) * size


def _twice(value: Any, path: Path, name: str, extra: Any, first: bool) -> bytes:
    """The message in which this key of the object at the path stands once more, first or last, and says something else."""
    there, mark = _at(value, path), _AS_WRITTEN.format("key")
    text = encoded(_with(value, path, {mark: extra, **there} if first else {**there, mark: extra}))
    return text.replace(encoded(mark), encoded(name))


def _written(value: Any, path: Path, put: Any) -> bytes:
    if isinstance(put, _Written):
        mark = _AS_WRITTEN.format("value")
        return encoded(_with(value, path, mark)).replace(encoded(mark), put.encode())
    return encoded(_with(value, path, put))


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(value: Any, path: Path, put: Any) -> Any:
    """A copy of a value with something else at a path."""
    if not path:
        return put
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {name: _with(part, rest, put) if name == step else part for name, part in value.items()}
    return [_with(part, rest, put) if place == step else part for place, part in enumerate(value)]


def mutated_once(value: Any, schema: Mapping[str, Any], random: Random) -> Mutation:
    """One mutation of a valid value, by chance: a place first, then what is done there, or bytes that are no JSON any more."""
    if random.random() < BROKEN_SHARE:
        kind, broken = random.choice(BROKEN)
        return Mutation(f"bytes: {kind}", (), partial(broken, encoded(value)))
    path, there, part = random.choice(list(_places(value, schema, schema, ())))
    if path and random.random() < TWICE_SHARE:
        *way, name = path
        return Mutation("field: duplicated", path, partial(_again, value, tuple(way), name, random.choice((None, there))))
    kind, put = random.choice(list(_changes(there, part)))
    return Mutation(kind, path, partial(_written, value, path, put))


def _again(value: Any, path: Path, name: str | int, extra: Any) -> bytes:
    """A field twice, or an entry of a list once more."""
    if isinstance(name, str):
        return _twice(value, path, name, extra, first=extra is None)
    return encoded(_with(value, path, [*_at(value, path), extra]))


BROKEN_SHARE, TWICE_SHARE = 0.03, 0.03
BROKEN: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("none", lambda raw: b""),
    ("half", lambda raw: raw[: len(raw) // 2]),
    ("the last one missing", lambda raw: raw[:-1]),
    ("twice", lambda raw: raw + raw),
    ("with a byte order mark", lambda raw: b"\xef\xbb\xbf" + raw),
    ("UTF-16", lambda raw: raw.decode("utf-8", "replace").encode("utf-16")),
    ("GB 18030", lambda raw: raw.decode("utf-8", "replace").encode("gb18030")),
    ("no UTF-8", lambda raw: raw.replace(b'":"', b'":"\xff', 1)),
    ("a NUL", lambda raw: raw.replace(b":", b":\x00", 1)),
    ("brackets", lambda raw: b"[" * 10_000),
    ("a list of it", lambda raw: b"[" + raw + b"]"),
    ("blanks", lambda raw: raw + b" " * FREE_CHARS),
    ("a digit of astonishing length", lambda raw: raw.replace(b":", b":" + b"1" * 5_000 + b",", 1)),
)
"""What becomes of a message on its way, or of one that was never JSON."""
