"""What one source may write: which facts, of which divisions, how far ahead it may date, and what is its to say. One file.

A JSON object, source → bounds; each bound may be left out, and a source that is not named has none but its role's::

    {"training": {"facts": ["certificate-issued"], "divisions": ["320100"], "ahead_days": 31, "authority": ["certificate"]}}

A division means all below it too. It bounds what a fact says of divisions (``division``, at any depth), not whose fact it is.
``authority`` is no bound but a rank: against a fact of a source that has it for the kind, one of a source without cannot stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from contracts.base import DivisionCode, SourceName
from contracts.divisions import covers
from contracts.intake import FACT_TYPES, IntakeMessage
from contracts.particulars import PARTICULARS_BY_KIND
from contracts.receipts import Problem
from eventlog.settings import SettingError, Variable

__all__ = ["SOURCES_VARIABLE", "SourceBounds", "authority_of", "beyond", "read_bounds"]

AHEAD_DAYS_MAX = 36_500
SOURCES_VARIABLE = Variable("HONGLING_SOURCES", "JSON file: what each source may write; without it, whatever its role may", "")


class SourceBounds(BaseModel):
    """None: not bounded. facts: names such as ``certificate-issued``. ahead_days: of ``effectiveon``, after its arrival.

    authority: kinds of particulars, such as ``rating``, that are this source's to say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    facts: frozenset[str] | None = Field(default=None, strict=False)
    divisions: tuple[DivisionCode, ...] | None = Field(default=None, strict=False)
    ahead_days: Annotated[int, Field(ge=0, le=AHEAD_DAYS_MAX)] | None = None
    authority: frozenset[str] = Field(default=frozenset(), strict=False)

    @field_validator("facts")
    @classmethod
    def _known(cls, facts: frozenset[str] | None) -> frozenset[str] | None:
        unknown = sorted(set(facts or ()) - {_fact_of(kind) for kind in FACT_TYPES})
        if unknown:
            raise ValueError(f"there is no fact {', '.join(unknown)}")
        return facts

    @field_validator("authority")
    @classmethod
    def _kinds(cls, kinds: frozenset[str]) -> frozenset[str]:
        unknown = sorted(kinds - PARTICULARS_BY_KIND.keys())
        if unknown:
            raise ValueError(f"there is no kind {', '.join(unknown)}; known: {', '.join(PARTICULARS_BY_KIND)}")
        return kinds


_FILE = TypeAdapter(dict[SourceName, SourceBounds])


def read_bounds(path: str) -> dict[str, SourceBounds]:
    """The file's bounds by source; none without a file. Raises SettingError: who may do what is never guessed."""
    if not path:
        return {}
    try:
        return _FILE.validate_json(Path(path).read_bytes())
    except OSError as error:
        raise SettingError(f"{SOURCES_VARIABLE.name}: {path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False))
        raise SettingError(f"{SOURCES_VARIABLE.name}: {path}: {found}") from None


def authority_of(bounds: Mapping[str, SourceBounds]) -> dict[str, frozenset[str]]:
    """Source → kinds that are its to say, of those that have any."""
    return {source: each.authority for source, each in bounds.items() if each.authority}


def beyond(bounds: SourceBounds, message: IntakeMessage, data: Mapping[str, Any], today: date) -> Problem | None:
    """Why a source may not write this; None if it may. data: of the message, as it came."""
    if bounds.facts is not None and _fact_of(message.type) not in bounds.facts:
        return _refusal("type", "this source may not report this kind of fact")
    if bounds.ahead_days is not None and message.effectiveon > today + timedelta(days=bounds.ahead_days):
        return _refusal("effectiveon", f"this source may date a fact {bounds.ahead_days} days ahead")
    if bounds.divisions is not None:
        for field, division in _divisions_in("data", data):
            if not any(covers(own, division) for own in bounds.divisions):
                return _refusal(field, "this source may not report about this division")
    return None


def _refusal(field: str, what: str) -> Problem:
    remedy = "have the source report it whose matter it is, or the operator widen this source's bounds; then give it a new id"
    return Problem(field=field, code="not-authorised", problem=what, remedy=remedy)


def _fact_of(kind: str) -> str:
    return kind.split(".")[1]


def _divisions_in(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """(field, code) of every division that a message names. How deep it is nested is bounded before (``eventlog.intake``)."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name == "division" and isinstance(part, str):
                yield f"{path}.{name}", part
            else:
                yield from _divisions_in(f"{path}.{name}", part)
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _divisions_in(f"{path}.{place}", part)
