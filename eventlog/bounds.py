"""Who is known to a service: the roles of each principal, what else bounds what it may write, and what is its to say. One file.

A JSON object, principal → what is known; each part may be left out, and who is not named has the role that its name says, if it
says one, and no bound but its role's (``contracts.roles``)::

    {"zhang-san": {"roles": ["cashier"], "divisions": ["320100"]},
     "training": {"roles": ["source"], "facts": ["certificate-issued"], "divisions": ["320100"], "ahead_days": 31,
                  "authority": ["certificate"]}}

A division means all below it too. It bounds what a fact says of divisions (``division``, at any depth), not whose fact it is.
``authority`` is no bound but a rank: against a fact of a source that has it for the kind, one of a source without cannot
stand. `hongling principal` writes roles and divisions into the file; a service reads it again when it was replaced.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from contracts.base import DivisionCode, SourceName
from contracts.divisions import covers
from contracts.intake import FACT_TYPES, IntakeMessage
from contracts.particulars import PARTICULARS_BY_KIND
from contracts.receipts import Problem
from contracts.roles import FACTS, facts_of, together
from eventlog.settings import SettingError, Variable

__all__ = [
    "SOURCES_VARIABLE",
    "Known",
    "SourceBounds",
    "authority_of",
    "beyond",
    "beyond_divisions",
    "known_in",
    "read_bounds",
    "roles_of",
]

AHEAD_DAYS_MAX = 36_500
SOURCES_VARIABLE = Variable(
    "HONGLING_SOURCES", "JSON file: roles and bounds of principals; without it, what their names say", ""
)


class SourceBounds(BaseModel):
    """None: not bounded. roles: of ``contracts.roles``; None: what its name says. facts: names such as ``certificate-issued``.
    ahead_days: of ``effectiveon``, after its arrival. authority: kinds of particulars, such as ``rating``, that are its to say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    roles: frozenset[str] | None = Field(default=None, strict=False)
    facts: frozenset[str] | None = Field(default=None, strict=False)
    divisions: tuple[DivisionCode, ...] | None = Field(default=None, strict=False)
    ahead_days: Annotated[int, Field(ge=0, le=AHEAD_DAYS_MAX)] | None = None
    authority: frozenset[str] = Field(default=frozenset(), strict=False)

    @field_validator("roles")
    @classmethod
    def _possible(cls, roles: frozenset[str] | None) -> frozenset[str] | None:
        unknown = sorted(set(roles or ()) - FACTS.keys())
        if unknown:
            raise ValueError(f"there is no role {', '.join(unknown)}; known: {', '.join(FACTS)}")
        why_not = together(roles or ())
        if why_not is not None:
            raise ValueError(why_not)
        return roles

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


class Known(Mapping[str, SourceBounds]):
    """The file as it is now: read again when it was replaced. One that cannot be read then leaves what was known before."""

    def __init__(self, path: str, log: Any = None) -> None:
        """Raises SettingError for a file that cannot be read."""
        self._path, self._log = path, log
        self._mark = _mark_of(path)
        self._now = read_bounds(path)

    def _read(self) -> Mapping[str, SourceBounds]:
        mark = _mark_of(self._path)
        if mark != self._mark:
            self._mark = mark
            try:
                self._now = read_bounds(self._path)
            except SettingError as error:
                if self._log is not None:
                    self._log.error("principals-unreadable", reason=str(error))
        return self._now

    def __getitem__(self, name: str) -> SourceBounds:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


def _mark_of(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def known_in(path: str, log: Any = None) -> Mapping[str, SourceBounds]:
    """Who is known by a file; nobody without one. Raises SettingError."""
    return Known(path, log) if path else {}


def roles_of(known: Mapping[str, SourceBounds], name: str) -> frozenset[str]:
    """The roles of a principal: as the file has them, else the one that its name is."""
    found = known.get(name)
    return frozenset({name} & FACTS.keys()) if found is None or found.roles is None else found.roles


def beyond(bounds: SourceBounds, message: IntakeMessage, data: Mapping[str, Any], today: date) -> Problem | None:
    """Why a source may not write this; None if it may. data: of the message, as it came."""
    if bounds.roles is not None and _fact_of(message.type) not in facts_of(bounds.roles):
        return _refusal("type", "the role of this principal does not report this kind of fact")
    if bounds.facts is not None and _fact_of(message.type) not in bounds.facts:
        return _refusal("type", "this source may not report this kind of fact")
    if bounds.ahead_days is not None and message.effectiveon > today + timedelta(days=bounds.ahead_days):
        return _refusal("effectiveon", f"this source may date a fact {bounds.ahead_days} days ahead")
    return beyond_divisions(bounds, _divisions_in("data", data))


def beyond_divisions(bounds: SourceBounds, about: Iterable[tuple[str, str]]) -> Problem | None:
    """Why a source may not write about these divisions, each with the field that leads to it; None if it may."""
    if bounds.divisions is not None:
        for field, division in about:
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
