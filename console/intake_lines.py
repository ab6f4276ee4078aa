"""Facts from JSON Lines: a line is a whole message, or a short object whose identity and dossier entry may be plain."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from pydantic import TypeAdapter, ValidationError

from console.intake_cells import Unreadable, read_day
from console.intake_columns import IDENTITY, fact_type_of
from console.intake_faults import fault_of
from console.intake_rows import CORRECTED, DOSSIER, Draft, Reading, Row, check, finish, placed_on_line
from contracts.duplicates import duplicate_of
from contracts.extent import beyond
from contracts.intake import FACT_TYPES, INTAKE_BYTES_MAX, fact_subject
from contracts.problems import problem, problems_of
from contracts.receipts import Problem

__all__ = ["jsonl_rows"]


def jsonl_rows(path: Path, reading: Reading) -> Iterator[Row]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(INTAKE_BYTES_MAX + 2):
            number += 1
            if len(line) > INTAKE_BYTES_MAX + 1 and not line.endswith(b"\n"):
                _skip_line(file)
                yield Row(
                    number, None, "", "", (placed_on_line(fault_of("too-large", "", reading.lang), number, reading.lang),)
                )
                continue
            raw = line.removeprefix(codecs.BOM_UTF8).strip()
            if raw:
                yield _jsonl_row(number, raw, reading)


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(1024 * 1024)) and not rest.endswith(b"\n"):
        pass


def _jsonl_row(number: int, raw: bytes, reading: Reading) -> Row:
    message, subject, message_id, problems = _jsonl_message(raw, reading)
    problems = tuple(placed_on_line(each, number, reading.lang) for each in problems)
    return Row(number, None if problems else message, subject, message_id, problems)


def _jsonl_message(raw: bytes, reading: Reading) -> tuple[bytes | None, str, str, tuple[Problem, ...]]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None, "", "", (problem("not-json", "", reading.lang),)
    if not isinstance(value, dict):
        return None, "", "", (problem("wrong-type", "", reading.lang, "对象" if reading.lang == "zh" else "an object"),)
    if (code := beyond(value)) is not None:
        return None, "", "", (problem(code, "", reading.lang),)
    if duplicate_of(raw) is not None:
        return None, "", "", (problem("duplicate-key", "", reading.lang),)
    if value.get("source", reading.source) != reading.source:
        return None, "", "", (fault_of("wrong-source", "source", reading.lang),)
    if "specversion" in value:
        return _whole_envelope(raw, value, reading)
    draft, problems = _short_draft(value, reading)
    if draft is None:
        return None, "", "", problems
    return finish(draft, reading)


def _whole_envelope(raw: bytes, value: dict[str, Any], reading: Reading) -> tuple[bytes | None, str, str, tuple[Problem, ...]]:
    """A line that is a message already is published as it is, byte for byte, if the contracts agree."""
    if reading.ids_only:
        return None, "", str(value.get("id", "")), ()
    problems = check(raw, None, reading)
    type = value.get("type")
    if problems or not isinstance(type, str) or type not in FACT_TYPES:
        return None, "", "", problems or (problem("bad-value", "type", reading.lang),)
    return raw, fact_subject(reading.source, FACT_TYPES[type][1][0], type), str(value["id"]), ()


_SHORT = frozenset({"type", "effectiveon", "data", "time", "id", "source", "correlationid", "service"})


def _short_draft(value: dict[str, Any], reading: Reading) -> tuple[Draft | None, tuple[Problem, ...]]:
    """A short object: type, effectiveon, data and, if wanted, time, id, correlationid, service. Identity may be plain."""
    lang = reading.lang
    unknown = sorted(value.keys() - _SHORT)
    if unknown:
        shown = unknown[0] if re.fullmatch(r"[A-Za-z_-]{1,40}", unknown[0]) else ""
        return None, (problem("unknown-field", shown, lang),)
    type = fact_type_of(str(value.get("type", reading.fact or "")))
    if type is None:
        return None, (problem("unknown-type", "type", lang, ", ".join(FACT_TYPES)),)
    data, service = value.get("data"), value.get("service")
    if not isinstance(data, dict):
        return None, (problem("wrong-type", "data", lang, "对象" if lang == "zh" else "an object"),)
    if service is not None and service not in FACT_TYPES[type][1]:
        return None, (problem("not-allowed-value", "service", lang, ", ".join(FACT_TYPES[type][1])),)
    for name in ("id", "time", "effectiveon", "correlationid"):
        if not isinstance(value.get(name, ""), str):
            return None, (problem("wrong-type", name, lang, "文本" if lang == "zh" else "text"),)
    try:
        day = read_day(value["effectiveon"]) if "effectiveon" in value else None
    except Unreadable as fault:
        return None, (fault_of(str(fault), "effectiveon", lang),)
    data, identity = _without_identity(data, type)
    try:
        identity = _ID_ADAPTER.validate_python(identity, strict=True)
    except ValidationError as error:
        return None, problems_of(error, None, lang)
    content = data.get("content") if type in DOSSIER else None
    if not isinstance(content, dict):
        content = None
    draft = Draft(type, day, data, identity, content, value.get("time"), value.get("id"), value.get("correlationid"), service)
    return draft, ()


_ID_ADAPTER: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])


def _without_identity(data: dict[str, Any], type: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take plain identity out of ``data``: an object in place of the sealed text, or its fields beside the person's."""
    if type == CORRECTED:
        holder = data
    elif isinstance(data.get("person"), dict):
        holder = data["person"]
    else:
        return data, {}
    identity = {name: holder[name] for name in IDENTITY if name in holder}
    given = holder.get("identity")
    taken = set(identity)
    if isinstance(given, dict):
        identity |= given
        taken.add("identity")
    kept = {name: value for name, value in holder.items() if name not in taken}
    return (kept if holder is data else {**data, "person": kept}), identity
