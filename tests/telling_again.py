"""What a source says a second time: the same content under another id, or almost the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from eventlog.desk import Item

__all__ = ["again", "fact_of", "otherwise"]


def fact_of(item: Item) -> str:
    """Such as ``candidate-nominated``."""
    return str(orjson.loads(item.raw)["type"].split(".")[1])


def again(item: Item, id: str, sequence: int, **envelope: Any) -> Item:
    """The same under another id. envelope: attributes to put in place of its own."""
    said = orjson.loads(item.raw) | {"id": id} | envelope
    return replace(item, raw=orjson.dumps(said), sequence=sequence)


def otherwise(item: Item, id: str, sequence: int) -> dict[str, Item]:
    """By what is different: the next day, and each free text of the data with another word."""
    said = orjson.loads(item.raw)
    year, month, day = said["effectiveon"].split("-")
    found: dict[str, Item] = {}
    for name in sorted(_TEXTS & said["data"].keys()):
        changed = said["data"] | {name: f"{said['data'][name]}!"}
        found[name] = again(item, f"{id}-{name}", sequence + len(found), data=changed)
    next_day = f"{year}-{month}-{int(day) % 28 + 1:02}"
    return found | {"effectiveon": again(item, f"{id}-day", sequence + len(found), effectiveon=next_day)}


_TEXTS = frozenset({"reason", "note", "says", "title", "grounds", "finding", "aim", "evidence_note", "text_note"})
"""Fields of free text: whatever stands in them, the rest of the fact stays possible."""
