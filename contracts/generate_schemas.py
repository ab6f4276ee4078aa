"""JSON Schemas of the published language: ``python -m contracts.generate_schemas`` writes them to ``contracts/schemas``.

One for each intake type (the whole message), each event type (its ``data``), the event envelope and the receipt. They say what
a reader must take: an old event that is stored, and an old source's message, stay valid. So a change that would make them
invalid is refused; it needs a new version of the type. ``--check`` writes nothing and tells whether they are up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contracts.allowance import AllowanceEvent
from contracts.appraisal_events import AppraisalEvent
from contracts.base import LINE_PATTERN, PARAGRAPHS_PATTERN, LogEvent, OwnEvent
from contracts.development import DevelopmentEvent
from contracts.envelope import EventEnvelope
from contracts.intake import IntakeMessage
from contracts.operations import OperationsEvent
from contracts.payment import PaymentEvent
from contracts.receipts import Receipt
from contracts.registry import RegistryEvent
from contracts.staffing import StaffingEvent
from contracts.talent import TalentEvent

__all__ = ["FOLDER", "breaking_changes", "event_types", "generate", "main", "read_committed"]

FOLDER = Path(__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def event_types() -> tuple[type[LogEvent], ...]:
    """Every event class of the published language."""
    talent = (TalentEvent, DevelopmentEvent, AppraisalEvent, StaffingEvent)
    unions = (RegistryEvent, AllowanceEvent, PaymentEvent, *talent, OperationsEvent)
    return tuple(event for union in unions for event in get_args(union))


def generate() -> dict[str, str]:
    """File name → text of every schema."""
    models: dict[str, type[BaseModel]] = {"event-envelope": EventEnvelope, "receipt.v1": Receipt}
    for message in get_args(IntakeMessage):
        models[get_args(message.model_fields["type"].annotation)[0]] = message
    for event in event_types():
        models[event.TYPE] = event
    return {f"{name}.json": _text(name, model) for name, model in sorted(models.items())}


def _text(name: str, model: type[BaseModel]) -> str:
    made, definitions = models_json_schema([(model, "validation")])
    # One model: its own definition is lifted to the top, the others stay beside it.
    reference = made[model, "validation"]["$ref"].removeprefix("#/$defs/")
    inner = dict(definitions["$defs"])
    top = inner.pop(reference) if not _refers_to_itself(inner, reference) else {"$ref": f"#/$defs/{reference}"}
    whole = {"$schema": DIALECT, "$id": f"urn:hongling:schema:{name}", **top, "title": name}
    _require_tags([whole, inner])
    if inner:
        whole["$defs"] = inner
    if issubclass(model, OwnEvent):
        _take_texts_of_before(whole)
    return json.dumps(whole, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _require_tags(schema: Any) -> None:
    """Say of each tagged union that its tag must be given: a parser cannot do without, though the class has a default."""
    if isinstance(schema, list):
        for part in schema:
            _require_tags(part)
    elif isinstance(schema, dict):
        tag = schema["discriminator"]["propertyName"] if "oneOf" in schema and "discriminator" in schema else None
        if tag is not None:
            schema["oneOf"] = [{**choice, "required": [tag]} for choice in schema["oneOf"]]
        for part in schema.values():
            _require_tags(part)


def _take_texts_of_before(schema: Any) -> None:
    """What was recorded may hold any character in its texts, also in a document that the door would refuse today."""
    if isinstance(schema, list):
        for part in schema:
            _take_texts_of_before(part)
    elif isinstance(schema, dict):
        if schema.get("pattern") in (LINE_PATTERN, PARAGRAPHS_PATTERN):
            del schema["pattern"]
        for part in schema.values():
            _take_texts_of_before(part)


def _refers_to_itself(definitions: Mapping[str, Any], name: str) -> bool:
    return f'"#/$defs/{name}"' in json.dumps(definitions)


def read_committed(folder: Path = FOLDER) -> dict[str, str]:
    """File name → text of every schema that is there."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))}


# --- what may not change within a version -------------------------------------------------------------------------------


def breaking_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """In words, every way in which what was valid under ``old`` may be invalid under ``new``, or lose a field.

    Known are: a field removed, a field newly required, a type, enumeration, pattern or bound narrowed, an alternative
    removed, and further fields forbidden. What is equal, wider, or a new optional field is not reported.
    """
    return tuple(dict.fromkeys(_changes(old, new, old, new, "")))


def _changes(old: Any, new: Any, old_root: Any, new_root: Any, path: str) -> Iterator[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if old == new and old_root == new_root:
        return
    alternatives, others = _alternatives(old), _alternatives(new)
    if len(alternatives) > 1 or len(others) > 1:
        for one in alternatives:
            found = {_name(other, new_root): tuple(_changes(one, other, old_root, new_root, path)) for other in others}
            if () not in found.values():
                name = _name(one, old_root)
                yield from found.get(name, (f"{path or '.'}: alternative {name} removed",))
        return
    yield from _value_changes(old, new, path)
    yield from _object_changes(old, new, old_root, new_root, path)
    for name in ("items", "additionalProperties"):
        if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
            yield from _changes(old[name], new[name], old_root, new_root, f"{path}[]")


def _name(schema: Any, root: Any) -> str:
    """What an alternative is called: the title of its class, or its type."""
    resolved = _resolved(schema, root)
    return str(resolved.get("title") or resolved.get("type") or "value")


def _resolved(schema: Any, root: Any) -> Any:
    while isinstance(schema, Mapping) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def _alternatives(schema: Mapping[str, Any]) -> list[Any]:
    return list(schema.get("anyOf") or schema.get("oneOf") or [schema])


def _value_changes(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[str]:
    at = path or "."
    if "type" in new and not _types(old) <= _types(new):
        yield f"{at}: type {'|'.join(sorted(_types(old)))} narrowed to {'|'.join(sorted(_types(new)))}"
    allowed, before = _allowed(new), _allowed(old)
    if allowed is not None:
        if before is None:
            yield f"{at}: any value narrowed to an enumeration"
        elif lost := [value for value in before if value not in allowed]:
            yield f"{at}: value {', '.join(map(str, lost))} removed"
    for name in ("pattern", "format"):
        if new.get(name) is not None and new.get(name) != old.get(name):
            yield f"{at}: {name} changed"
    for name in ("minimum", "exclusiveMinimum", "minLength", "minItems"):
        if name in new and (name not in old or new[name] > old[name]):
            yield f"{at}: {name} raised"
    for name in ("maximum", "exclusiveMaximum", "maxLength", "maxItems"):
        if name in new and (name not in old or new[name] < old[name]):
            yield f"{at}: {name} lowered"


def _types(schema: Mapping[str, Any]) -> set[str]:
    found = schema.get("type")
    if found is None:
        return {"any"}
    names = {found} if isinstance(found, str) else set(found)
    return names | ({"integer"} if "number" in names else set())


def _allowed(schema: Mapping[str, Any]) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _object_changes(old: Any, new: Any, old_root: Any, new_root: Any, path: str) -> Iterator[str]:
    fields, others = old.get("properties", {}), new.get("properties", {})
    for name, field in fields.items():
        inner = f"{path}.{name}" if path else name
        if name in others:
            yield from _changes(field, others[name], old_root, new_root, inner)
        else:
            yield f"{inner}: field removed"
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            yield f"{path}.{name}: newly required" if path else f"{name}: newly required"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False and "properties" in old:
        yield f"{path or '.'}: further fields forbidden"


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Write what is new or compatible. Returns 1 if ``--check`` finds a difference, or if a change would break a reader."""
    made, there = generate(), read_committed(folder)
    stale = [name for name in made if there.get(name) != made[name]]
    gone = sorted(there.keys() - made.keys())
    broken = [f"{name}: {change}" for name in stale if name in there
              for change in breaking_changes(json.loads(there[name]), json.loads(made[name]))]  # fmt: skip
    broken += [f"{name}: the type was removed; stored events and old sources still use it" for name in gone]
    for line in broken:
        print(f"breaking: {line}", file=sys.stderr)
    if "--check" in arguments:
        for name in stale:
            print(f"stale: {name}; run `python -m contracts.generate_schemas`", file=sys.stderr)
        return 1 if stale or broken else 0
    if broken:
        print("nothing was written; give the type a new version (and an upcaster)", file=sys.stderr)
        return 1
    folder.mkdir(exist_ok=True)
    for name in stale:
        (folder / name).write_text(made[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
