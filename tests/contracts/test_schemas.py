"""The committed JSON Schemas are those of the code, and a change that would break a reader is seen."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts import generate_schemas
from contracts.envelope import EventEnvelope
from contracts.generate_schemas import breaking_changes, generate, main, read_committed
from contracts.intake import FACT_TYPES
from tests.contracts.golden import goldens

COMMITTED = {name: json.loads(text) for name, text in read_committed().items()}
GENERATED = {name: json.loads(text) for name, text in generate().items()}


# --- committed --------------------------------------------------------------------------------------------------------


def test_the_committed_schemas_are_those_of_the_code() -> None:
    """Byte for byte; if not: run `python -m contracts.generate_schemas`."""
    assert generate() == read_committed()


def test_there_is_a_schema_for_everything_that_is_published() -> None:
    """Each intake type, each event type, the envelope and the receipt."""
    expected = {*FACT_TYPES, *(event.TYPE for event in generate_schemas.event_types()), "event-envelope", "receipt.v1"}
    assert {name.removesuffix(".json") for name in COMMITTED} == expected


@pytest.mark.parametrize("name", sorted(COMMITTED))
def test_no_schema_breaks_a_reader(name: str) -> None:
    """What the committed one allows, the code still takes. A breaking change needs a new version of the type."""
    assert breaking_changes(COMMITTED[name], GENERATED[name]) == ()


@pytest.mark.parametrize("name", sorted(FACT_TYPES))
def test_an_intake_schema_forbids_what_the_service_would_refuse(name: str) -> None:
    """Unknown attributes and unknown fields, at both levels."""
    schema = COMMITTED[f"{name}.json"]
    assert schema["additionalProperties"] is False
    data = schema["$defs"][schema["properties"]["data"]["$ref"].removeprefix("#/$defs/")]
    assert data["additionalProperties"] is False
    assert schema["properties"]["type"]["const"] == name


# --- against golden files -----------------------------------------------------------------------------------------------


def errors(schema: Any, value: Any, root: Any, at: str = "") -> list[str]:
    """A validator of the part of JSON Schema that our schemas use. What it does not know, it refuses."""
    if "$ref" in schema:
        return errors(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root, at)
    if "anyOf" in schema or "oneOf" in schema:
        found = [errors(one, value, root, at) for one in schema.get("anyOf") or schema["oneOf"]]
        return [] if [] in found else min(found, key=len)
    unknown = schema.keys() - CHECKS.keys() - ANNOTATIONS
    assert not unknown, f"{at}: {unknown} in a schema, which this test cannot judge"
    if "type" in schema and not JSON_TYPES[schema["type"]](value):
        return [f"{at}: type"]
    problems = [f"{at}: {name}" for name, check in CHECKS.items() if name in schema and not check(schema[name], value)]
    if isinstance(value, dict):
        for name, part in value.items():
            inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
            problems += (
                [f"{at}.{name}: forbidden"]
                if inner is False
                else errors({} if inner is True else inner, part, root, f"{at}.{name}")
            )
    if isinstance(value, list):
        for place, part in enumerate(value):
            problems += errors(schema.get("items", {}), part, root, f"{at}[{place}]")
    return problems


JSON_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}
FORMATS: dict[str, Callable[[str], Any]] = {"date": date.fromisoformat, "date-time": datetime.fromisoformat}
CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda kind, v: JSON_TYPES[kind](v),
    "const": lambda const, v: bool(v == const),
    "enum": lambda values, v: v in values,
    "pattern": lambda pattern, v: re.search(pattern, v) is not None,
    "format": lambda name, v: bool(FORMATS[name](v)),
    "required": lambda names, v: set(names) <= v.keys(),
    "minimum": lambda bound, v: v >= bound,
    "maximum": lambda bound, v: v <= bound,
    "minLength": lambda bound, v: len(v) >= bound,
    "maxLength": lambda bound, v: len(v) <= bound,
    "minItems": lambda bound, v: len(v) >= bound,
    "maxItems": lambda bound, v: len(v) <= bound,
}
ANNOTATIONS = {
    "$defs",
    "$id",
    "$schema",
    "title",
    "description",
    "default",
    "properties",
    "additionalProperties",
    "items",
    "discriminator",
}


@pytest.mark.parametrize("kind", sorted(goldens()))
def test_every_golden_file_is_valid_under_its_committed_schema(kind: str) -> None:
    """So the schema says what really stands on the streams."""
    schema = COMMITTED[f"{kind}.json"]
    assert errors(schema, goldens()[kind], schema) == []


def test_the_envelope_schema_takes_an_envelope() -> None:
    """And refuses one without a position."""
    schema = COMMITTED["event-envelope.json"]
    whole = {
        "specversion": "1.0", "id": "01977000-0000-7000-8000-000000000001", "source": "/hongling/registry", "type": "t",
        "subject": "s", "time": "2025-01-05T08:00:00.000000Z", "effectiveon": "2025-01-04", "position": 1, "partition": 0,
        "previous": 0, "correlationid": "c", "actor": "hr", "datacontenttype": "application/json", "data": {},
    }  # fmt: skip
    EventEnvelope.model_validate(whole)
    assert errors(schema, whole, schema) == []
    del whole["position"]
    assert errors(schema, whole, schema) == [": required"]


# --- what counts as breaking ----------------------------------------------------------------------------------------------

BASE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "word": {"enum": ["a", "b"], "type": "string"},
        "amount": {"type": "integer", "minimum": 0, "maximum": 9},
        "text": {"type": "string", "maxLength": 5},
        "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "inner": {"$ref": "#/$defs/Inner"},
        "many": {"type": "array", "items": {"$ref": "#/$defs/Inner"}},
        "either": {"oneOf": [{"$ref": "#/$defs/Inner"}, {"$ref": "#/$defs/Other"}]},
    },
    "required": ["word"],
    "$defs": {
        "Inner": {
            "title": "Inner",
            "type": "object",
            "properties": {"kind": {"const": "inner"}, "n": {"type": "integer"}},
            "required": ["n"],
        },
        "Other": {"title": "Other", "type": "object", "properties": {"kind": {"const": "other"}}, "required": ["kind"]},
    },
}


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    new = copy.deepcopy(BASE)
    change(new)
    return new


def put(path: str, value: Any) -> Callable[[dict[str, Any]], object]:
    """Set what stands at a path; ``None`` removes it."""

    def act(schema: dict[str, Any]) -> None:
        *way, last = path.split("/")
        for step in way:
            schema = schema[step]
        if value is None:
            del schema[last]
        else:
            schema[last] = value

    return act


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("properties/text", None, ["text: field removed"]),
        ("required", ["word", "text"], ["text: newly required"]),
        ("properties/word/enum", ["a"], ["word: value b removed"]),
        ("properties/text/enum", ["x"], ["text: any value narrowed to an enumeration"]),
        ("properties/text/type", "integer", ["text: type string narrowed to integer"]),
        ("properties/text/pattern", "^x$", ["text: pattern changed"]),
        ("properties/text/maxLength", 4, ["text: maxLength lowered"]),
        ("properties/text/minLength", 1, ["text: minLength raised"]),
        ("properties/amount/minimum", 1, ["amount: minimum raised"]),
        ("properties/amount/maximum", 8, ["amount: maximum lowered"]),
        ("properties/maybe/anyOf", [{"type": "string"}], ["maybe: alternative null removed"]),
        ("properties/maybe", {"type": "string"}, ["maybe: alternative null removed"]),
        ("properties/either/oneOf", [{"$ref": "#/$defs/Inner"}], ["either: alternative Other removed"]),
        ("$defs/Inner/properties/n/type", "string",
         ["inner.n: type integer narrowed to string", "many[].n: type integer narrowed to string",
          "either.n: type integer narrowed to string"]),
        ("$defs/Other/required", ["kind", "n"], ["either.n: newly required"]),
        ("additionalProperties", False, [".: further fields forbidden"]),
    ],
)  # fmt: skip
def test_a_breaking_change_is_named_with_its_place(path: str, value: Any, expected: list[str]) -> None:
    """Removed or newly required fields, narrowed types, words, patterns and bounds, at any depth."""
    assert list(breaking_changes(BASE, changed(put(path, value)))) == expected


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/new", {"type": "string"}),
        ("required", []),
        ("properties/word/enum", ["a", "b", "c"]),
        ("properties/word/enum", None),
        ("properties/text/maxLength", 6),
        ("properties/text/maxLength", None),
        ("properties/amount/minimum", -1),
        ("properties/amount/type", "number"),
        ("properties/text", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("properties/text/title", "Text"),
        ("$defs/Inner/properties/more", {"type": "string"}),
        ("properties/either/oneOf", [{"$ref": "#/$defs/Other"}, {"$ref": "#/$defs/Inner"}]),
    ],
)
def test_a_compatible_change_is_not_reported(path: str, value: Any) -> None:
    """New optional fields and whatever is wider."""
    assert breaking_changes(BASE, changed(put(path, value))) == ()


# --- the writer -----------------------------------------------------------------------------------------------------------


def edit(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / name
    schema = json.loads(path.read_text(encoding="utf-8"))
    change(schema)
    path.write_text(json.dumps(schema), encoding="utf-8")


def test_the_writer_writes_everything_and_then_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the check agrees."""
    assert main(["--check"], tmp_path) == 1
    assert "stale: receipt.v1.json" in capsys.readouterr().err
    assert main([], tmp_path) == 0
    assert read_committed(tmp_path) == generate()
    assert main(["--check"], tmp_path) == 0


def test_the_writer_takes_a_compatible_change(tmp_path: Path) -> None:
    """What was committed lacked an optional field that the code has now."""
    main([], tmp_path)
    edit(tmp_path, "receipt.v1.json", lambda s: s["properties"].pop("until"))
    assert main([], tmp_path) == 0
    assert read_committed(tmp_path) == generate()


def test_the_writer_refuses_a_breaking_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was committed had a field that the code has no more: nothing at all is written."""
    main([], tmp_path)
    edit(tmp_path, "receipt.v1.json", lambda s: s["properties"].update(gone={"type": "string"}))
    (tmp_path / "event-envelope.json").unlink()
    assert main([], tmp_path) == 1
    assert "breaking: receipt.v1.json: gone: field removed" in capsys.readouterr().err
    assert not (tmp_path / "event-envelope.json").exists()


def test_a_type_that_is_gone_is_a_breaking_change(tmp_path: Path) -> None:
    """Stored events still have it."""
    main([], tmp_path)
    (tmp_path / "registry.worker-registered.v0.json").write_text("{}", encoding="utf-8")
    assert main([], tmp_path) == 1
