"""How a service reads the registry's events: whom one is about, which message brought it, and what it says now stands. Pure."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.base import SLOT_CHARS_MAX
from contracts.envelope import EventEnvelope
from contracts.particulars import Particulars
from contracts.registry import FactOrigin, PersonErased, Standing

__all__ = ["Hear", "Incoherent", "check_told", "erased_by", "hear", "origin_of", "person_of"]

_PERSON_REF = re.compile(r"p[0-9a-z]{26}")
_SLOT = re.compile(
    r"(rating|inspection)/[0-9]{4}|engagement-(start|end)/[^/]+/.+|(?!rating|inspection|engagement)[a-z-]+(/.+)?"
)


class Incoherent(ValueError):
    """An event that no registry tells: it is not of the published language, or leans on facts that were never told."""


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
    """The person whom a registry event is about; None: it is about nobody that we keep. Raises Incoherent."""
    data = envelope.data
    if not envelope.type.startswith("registry.") or not isinstance(data, dict) or "standings" not in data:
        return None
    found = data.get("person_ref")
    if not isinstance(found, str) or not _PERSON_REF.fullmatch(found):
        raise Incoherent("the event is about nobody")
    return found


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

    Raises Incoherent if the event is not of the published language; the caller parks it.
    """
    try:
        return _hear(envelope)
    except (ValidationError, KeyError, TypeError):
        raise Incoherent("the event is not what its type says") from None


def check_told(command: Hear, known: Container[str]) -> None:
    """Raises Incoherent if something is said to stand that was never told. known: ids of the person's facts.

    Whoever took it all the same would fail at the next thing that is decided about the person.
    """
    for each in command.standings:
        own = each.fact == command.heard and command.particulars is not None
        if each.fact is not None and not own and each.fact not in known:
            raise Incoherent("what is said to stand was never told")


def _hear(envelope: EventEnvelope) -> Hear:
    data: dict[str, Any] = envelope.data
    said = data.get("particulars")
    standings = tuple(Standing.model_validate(s) for s in data["standings"])
    if not all(_SLOT.fullmatch(each.slot) and len(each.slot) <= SLOT_CHARS_MAX for each in standings):
        raise Incoherent("there is no such slot")
    return Hear(
        person_ref=data["person_ref"],
        heard=envelope.id,
        heard_type=envelope.type,
        position=envelope.position,
        origin=origin_of(envelope),
        effective_on=envelope.effectiveon,
        particulars=None if said is None else _PARTICULARS.validate_python(said),
        standings=standings,
    )
