"""How a service reads the registry's events: whom one is about, which message brought it, and what it says now stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from contracts.envelope import EventEnvelope
from contracts.particulars import Particulars
from contracts.registry import FactOrigin, PersonErased, Standing

__all__ = ["Hear", "erased_by", "hear", "origin_of", "person_of"]


@dataclass(frozen=True, slots=True)
class Hear:
    """A registry event about a person, as a command to whoever hears it. particulars: None for a withdrawal."""

    person_ref: str
    heard: str
    heard_type: str
    position: int
    origin: FactOrigin
    effective_on: date
    particulars: Particulars | None
    standings: tuple[Standing, ...]


_PARTICULARS: TypeAdapter[Particulars] = TypeAdapter(Particulars)


def person_of(envelope: EventEnvelope) -> str | None:
    """The person whom a registry event is about; None: it is about nobody that we keep."""
    data = envelope.data
    if not envelope.type.startswith("registry.") or not isinstance(data, dict) or "standings" not in data:
        return None
    found = data.get("person_ref")
    return found if isinstance(found, str) else None


def erased_by(envelope: EventEnvelope) -> tuple[str, ...]:
    """The people whom a registry event has erased: one person, and the files that had been merged into theirs."""
    data = envelope.data
    if envelope.type != PersonErased.TYPE or not isinstance(data, dict):
        return ()
    return tuple(ref for ref in (data.get("person_ref"), *(data.get("files") or ())) if isinstance(ref, str))


def origin_of(envelope: EventEnvelope) -> FactOrigin:
    """The intake message that the fact came with."""
    return FactOrigin.model_validate(envelope.data["fact"])


def hear(envelope: EventEnvelope) -> Hear:
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
