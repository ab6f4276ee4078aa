"""Valid samples of every schema of the published language: the golden files, and two made from each schema by itself.

A schema's *least* sample has what is required, its *whole* one everything. What rules over several fields ask beyond the schema
stands in ``MENDED``, by type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.contracts.golden import goldens
from tests.mutator import resolved

__all__ = ["samples"]

WORDS = (
    "2025-01-05T08:00:00Z", "2025-01-04", "2025-01", "2025", "hr", "k-1", "m-1", "p" + "0" * 25 + "1", "320102",
    "01977000-0000-7000-8000-000000000001", "a" * 64, "hr/k-1", "cashier/a", "eyJh.b.c.d.e", "application/pdf", "junior",
    "hr message-1", "12320102MB0000000X",
)  # fmt: skip
"""Texts that fit the patterns of the contracts, one after the other: the first that fits is taken."""
PLAIN = "示例"


PERSON = {"person_ref": "p" + "0" * 25 + "1"}
"""Exactly one of the ways to name somebody."""
ENVELOPE = {
    "source": "/hongling/registry", "type": "registry.unit-closed.v1", "subject": "unit-hr/u-1", "correlationid": "m-1",
    "causationid": "hr/m-1", "actor": "hr",
}  # fmt: skip


def _says(**fields: Any) -> Callable[[dict[str, Any]], None]:
    """The data of a message with these fields; None: without them."""

    def mend(value: dict[str, Any]) -> None:
        for name, said in fields.items():
            if said is None:
                value["data"].pop(name, None)
            else:
                value["data"][name] = said

    return mend


def _one_finding(value: dict[str, Any]) -> None:
    for finding in value["data"].get("findings", ()):
        finding.pop("points", None)
        finding.pop("confirmed", None)


_POSTS = [{"post": "书记", "side": "party"}, {"post": "主任", "side": "management"}]
_HARD = [{"rule": "degree", "at_least": "bachelor", "clause": "1"}]

MENDED: dict[str, Callable[[dict[str, Any]], None]] = {
    "event-envelope": lambda value: value.update({"data": {}, **ENVELOPE}),
    "intake.appraisal-appeal-decided.v1": _says(rating=None),
    "intake.rating-appeal-decided.v1": _says(rating=None),
    "intake.eligibility-reviewed.v1": _one_finding,
    "intake.leadership-model-set.v1": _says(posts=_POSTS),
    "intake.vacancy-closed.v1": _says(outcome="filled", person=PERSON),
    "intake.vacancy-described.v1": _says(hard=_HARD),
}
"""Type → what makes a message of it that is valid under its schema obey the rules over several fields."""


def samples(name: str, schema: Mapping[str, Any]) -> Iterator[Any]:
    """Valid values of a schema. name: the type's, or the schema's file's."""
    if name in _GOLDENS:
        yield _GOLDENS[name]
    for whole in (True, False):
        value = made(schema, schema, whole)
        if isinstance(value.get("data"), dict) and "person" in value["data"] and name != "intake.worker-registered.v1":
            value["data"]["person"] = PERSON
        if name in MENDED:
            MENDED[name](value)
        yield value


_GOLDENS = goldens()


def made(schema: Any, root: Mapping[str, Any], whole: bool, depth: int = 0) -> Any:
    """A value of a schema, with everything that may be there or with what must be."""
    found = resolved(schema, root)
    choices = found.get("anyOf") or found.get("oneOf")
    if choices:
        tags = choices[0].get("required", ())
        fields = resolved(choices[0], root).get("properties", {})
        value = made(choices[0], root, whole, depth)
        return {**value, **{tag: fields[tag]["const"] for tag in tags}} if tags and fields else value
    if "const" in found:
        return found["const"]
    if "enum" in found:
        return found["enum"][0]
    match found.get("type"):
        case "object":
            names = found.get("properties", {}) if whole and depth < 6 else found.get("required", ())
            return {name: made(found["properties"][name], root, whole, depth + 1) for name in names}
        case "array":
            size = max(found.get("minItems", 0), 1 if whole and depth < 6 else 0)
            return [made(found.get("items", {}), root, whole, depth + 1)] * size
        case "string":
            return _text(found)
        case "integer":
            return min(max(found.get("minimum", 1), 1), found.get("maximum", 1))
        case "boolean":
            return True
        case _:
            return None


def _text(schema: Mapping[str, Any]) -> str:
    fits = re.compile(schema.get("pattern", ""))
    words = (PLAIN, *WORDS) if "maxLength" in schema or "pattern" not in schema else WORDS
    if "format" in schema:
        words = WORDS
    return next(word for word in words if fits.search(word) and len(word) <= schema.get("maxLength", len(word)))
