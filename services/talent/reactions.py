"""What another service's event means here. Pure. What it does not know, it passes by."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from contracts.envelope import EventEnvelope
from contracts.particulars import Particulars
from contracts.registry import FactOrigin, Standing
from services.talent.decider import Hear

__all__ = ["origin_of", "person_of", "react"]

_PARTICULARS: TypeAdapter[Particulars] = TypeAdapter(Particulars)


def person_of(envelope: EventEnvelope) -> str | None:
    """The person whom a registry event is about; None: it is about nobody that we keep."""
    data = envelope.data
    if not envelope.type.startswith("registry.") or not isinstance(data, dict) or "standings" not in data:
        return None
    found = data.get("person_ref")
    return found if isinstance(found, str) else None


def origin_of(envelope: EventEnvelope) -> FactOrigin:
    """The intake message that the fact came with."""
    return FactOrigin.model_validate(envelope.data["fact"])


def react(envelope: EventEnvelope) -> Hear:
    """Hear a registry event: its particulars, and what stands from now on. Identity is not looked at.

    Raises ValidationError if the event is not of the published language; the caller parks it.
    """
    data: dict[str, Any] = envelope.data
    said = data.get("particulars")
    return Hear(
        person_ref=data["person_ref"],
        heard=envelope.id,
        heard_type=envelope.type,
        position=envelope.position,
        origin=origin_of(envelope),
        effective_on=envelope.effectiveon,
        particulars=None if said is None else _PARTICULARS.validate_python(said),
        standings=tuple(Standing.model_validate(s) for s in data["standings"]),
    )
