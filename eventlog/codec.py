"""From stored rows to typed events and back, upcasting on read. A stored event is never rewritten, and never dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from contracts.base import LogEvent

__all__ = ["Codec", "UnknownEvent", "UnreadableEvent", "Upcaster"]

Upcaster = tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]
"""(the newer type, how its data is made from the older)."""


class UnknownEvent(RuntimeError):
    """A stored event has a type that this program does not know: it is older than the log. Nothing may go on."""


class UnreadableEvent(UnknownEvent):
    """A stored event is not what its type says: it was changed, or written by another program."""


class Codec:
    """types: the event classes. upcasters: older type → (newer type, conversion of the data); chains are followed."""

    def __init__(self, types: Iterable[type[LogEvent]], upcasters: Mapping[str, Upcaster] | None = None) -> None:
        self._types = {t.TYPE: t for t in types}
        self._upcasters = dict(upcasters or {})
        for old, (new, _) in self._upcasters.items():
            if new not in self._types and new not in self._upcasters:
                raise ValueError(f"the upcaster of {old} leads to {new}, which nobody knows")

    def knows(self, event_type: str) -> bool:
        return event_type in self._types or event_type in self._upcasters

    def decode(self, event_type: str, data: str | bytes) -> LogEvent:
        """Return the typed event. Raises UnknownEvent, UnreadableEvent."""
        known = self._types.get(event_type)
        if known is not None:
            try:
                return known.model_validate_json(data)
            except ValidationError:
                # Neither the cause nor its text: they repeat what is stored.
                raise UnreadableEvent(f"a stored event of type {event_type} cannot be read; run `hongling verify`") from None
        if event_type not in self._upcasters:
            raise UnknownEvent(f"event type {event_type} is unknown to this version; upgrade before reading this log")
        value: dict[str, Any] = orjson.loads(data)
        while event_type in self._upcasters:
            event_type, convert = self._upcasters[event_type]
            value = convert(value)
        return self._types[event_type].model_validate(value)
