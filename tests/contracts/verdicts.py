"""Two verdicts on one message: of the parser that the services use, and of the JSON Schema by an independent validator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import jsonschema_rs
from pydantic import BaseModel, ValidationError

from contracts.duplicates import duplicate_of
from contracts.envelope import EventEnvelope
from contracts.generate_schemas import event_types, generate
from contracts.intake import FACT_TYPES, fact_subject
from contracts.receipts import Receipt
from eventlog.intake import Fault, read_intake
from tests.contracts.samples import samples
from tests.mutator import Mutation, encoded, mutations

__all__ = ["RULES", "SCHEMAS", "allows", "differences", "mutated", "problems_in"]

SCHEMAS: dict[str, Any] = {name.removesuffix(".json"): json.loads(text) for name, text in generate().items()}
MODELS: dict[str, type[BaseModel]] = {event.TYPE: event for event in event_types()}
MODELS |= {"event-envelope": EventEnvelope, "receipt.v1": Receipt}

RULES = {
    "duplicate-key": "a key stands twice in one object: JSON Schema judges what is left of it after reading",
    "plain-identity": "identity stands in plain text, under any name and in any text",
    "not-json": "bytes that RFC 8259 has no meaning for",
    "not-canonical": "what the services record and publish is canonical JSON, where no integer has a fraction or an exponent",
    "too-large": "64 KiB a message",
    "too-many-values": "how many values a message has",
    "too-deep": "how deep objects and lists are nested",
    "wrong-source": "the source is the one whose credentials published it",
    "person-ambiguous": "a person is named in exactly one way",
    "finding-ambiguous": "a finding answers its criterion in exactly one way",
    "rating-if-upheld": "an appeal that is upheld names the new rating, one that is dismissed none",
    "reason-if-rejected": "a rejection has its reason",
    "part-beyond-parts": "a part is one of the file's parts",
    "posts-unlike-model": "the posts of a unit are those of its leadership model, each named once",
    "named-twice": "entries of a list are about different things",
    "points-zero": "points are earned or deducted",
    "person-if-filled": "a vacancy that is filled names who fills it",
    "requirements-senseless": "a vacancy asks for something that somebody can meet, each criterion once",
}
"""Code → what the parser asks beyond the schema: rules over several fields, and of the bytes themselves. Nothing else may be
refused that the schema allows."""


def allows(name: str, raw: bytes) -> bool:
    """Whether the schema takes these bytes. What is no JSON, or what no reader can hold, it does not."""
    try:
        value = json.loads(raw, parse_constant=_no_constant)
        json.dumps(value, allow_nan=False).encode()
        raw.decode()
    except ValueError:
        return False
    return bool(_validator(name).is_valid(value))


def _no_constant(_: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(SCHEMAS[name], validate_formats=True)


def problems_in(name: str, raw: bytes, source: str = "hr") -> frozenset[str]:
    """The codes for which the service's own parser refuses these bytes; none: it takes them."""
    if name in FACT_TYPES:
        service = FACT_TYPES[name][1][0]
        read = read_intake(service, fact_subject(source, service, name), raw, 1)
        return frozenset(p.code for p in read.problems) if isinstance(read, Fault) else frozenset()
    found = _errors_in(name, raw)
    if found == {"int_type"} and not _errors_in(name, encoded(_whole(json.loads(raw)))):
        return frozenset({"not-canonical"})
    if found and duplicate_of(raw) is not None:
        return frozenset({"duplicate-key"})
    return found


def _errors_in(name: str, raw: bytes) -> frozenset[str]:
    try:
        MODELS[name].model_validate_json(raw)
    except ValidationError as error:
        return frozenset(each["type"] for each in error.errors())
    return frozenset()


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def mutated(name: str) -> Iterator[Mutation]:
    """The mutations of a type's samples."""
    return (mutation for sample in samples(name, SCHEMAS[name]) for mutation in mutations(sample, SCHEMAS[name]))


def differences(name: str, tried: Iterable[Mutation], count: Callable[[str], object]) -> Iterator[str]:
    """In words, every difference of the verdicts that no rule explains. count: is told of each mutation how it came out."""
    for mutation in tried:
        raw = mutation.raw
        allowed, codes = allows(name, raw), problems_in(name, raw)
        if allowed is not bool(codes):
            count("taken by both" if allowed else "refused by both")
        elif allowed and codes <= RULES.keys():
            count("stricter by a rule")
        else:
            how = "stricter" if allowed else "laxer"
            count(how)
            where = ".".join(map(str, mutation.path)) or "the top"
            yield f"{how}: {name} at {where}: {mutation.kind} {sorted(codes)} {raw[:2000]!r}"
