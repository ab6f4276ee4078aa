"""How deep and how large a message may be, beside its bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.extent import INTAKE_DEPTH_MAX, INTAKE_VALUES_MAX, beyond
from contracts.generate_schemas import read_committed

INTAKE = {name: text for name, text in read_committed().items() if name.startswith("intake.")}


def nested(depth: int) -> Any:
    value: Any = 1
    for number in range(depth):
        value = [value] if number % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, None),
        ([], None),
        (nested(INTAKE_DEPTH_MAX), None),
        (nested(INTAKE_DEPTH_MAX + 1), "too-deep"),
        ([0] * (INTAKE_VALUES_MAX - 1), None),
        ([0] * INTAKE_VALUES_MAX, "too-many-values"),
        ({str(n): 0 for n in range(INTAKE_VALUES_MAX // 2)}, "too-many-values"),
        ([[[0] * 30] * 30] * 4, "too-many-values"),
    ],
)
def test_a_value_is_told_that_is_beyond_a_bound(value: Any, expected: str | None) -> None:
    """Names count beside what they name, at all depths."""
    assert beyond(value) == expected


def most(schema: Any, root: Any) -> int:
    """Names and values of the largest value that a schema lets in."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return max(most(each, root) for each in schema[name])
    if schema.get("type") == "array":
        return 1 + int(schema["maxItems"]) * most(schema["items"], root)
    return 1 + sum(1 + most(part, root) for part in schema.get("properties", {}).values())


@pytest.mark.parametrize("name", INTAKE)
def test_no_schema_lets_in_more_than_the_bound(name: str) -> None:
    """Each list has an end, and so has a message."""
    schema = json.loads(INTAKE[name])
    assert most(schema, schema) <= INTAKE_VALUES_MAX
