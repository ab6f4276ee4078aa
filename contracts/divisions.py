"""Administrative divisions by their GB/T 2260 codes: levels, territory, and which dated document holds for one. Pure.

A code has six digits, two for each level: a province is ``320000``, a city ``320100``, a county ``320102``. The registry and
talent ask the same question of their documents, which standard holds for a division on a day, so the answer stands here, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeVar

from contracts.certification import Level

__all__ = ["DatedDocument", "Purse", "above", "covers", "in_force", "level_of", "purse_of"]

_DIGITS: dict[Level, int] = {"province": 2, "city": 4, "county": 6}
"""How many digits of a code name a division of the level; the others are zeros."""


class Purse(NamedTuple):
    """A payer: a division's budget under a name. 县级财政 of 330106 is another purse than that of 330108."""

    division: str
    payer: str

    def place(self, division: str) -> str:
        """Where an amount of this purse belongs that was decided in a division: there, or, if the purse does not pay there any
        more, where it is itself."""
        return division if covers(self.division, division) else self.division


class DatedDocument(Protocol):
    """A document that holds for a division and all below it, from a day on."""

    @property
    def division(self) -> str: ...

    @property
    def effective_on(self) -> date: ...


D = TypeVar("D", bound=DatedDocument)


def level_of(division: str) -> Level:
    """The level, by the zeros of the code."""
    return "province" if division.endswith("0000") else "city" if division.endswith("00") else "county"


def above(division: str, level: Level) -> str:
    """The division of the level that this one lies in; one that is above the level already stays what it is."""
    digits = _DIGITS[level]
    return division[:digits] + "0" * (len(division) - digits)


def covers(division: str, other: str) -> bool:
    """Whether a division is another one, or above it: 320000 covers 320100, and that 320102."""
    return other.startswith(division[: _DIGITS[level_of(division)]])


@lru_cache(maxsize=10_000)
def purse_of(payer: str, division: str, level: Level | None = None) -> Purse:
    """Whose budget pays under this name for what was decided in a division.

    level: what the policy says of the payer. Where it says nothing, the names ``county``, ``city`` and ``province`` say it
    themselves, and any other name is a budget of the division itself.
    """
    named: dict[str, Level] = {"county": "county", "city": "city", "province": "province"}
    at = level or named.get(payer)
    return Purse(division if at is None else above(division, at), payer)


def in_force(documents: Iterable[tuple[str, D]], division: str, day: date) -> tuple[str, D] | None:
    """The document for a division on a day: the nearest division's, of that the one that took effect last.

    documents: with the id of the event that published each, in the order of publication; of equal ones the last counts.
    """
    found = [d for d in documents if covers(d[1].division, division) and d[1].effective_on <= day]
    if not found:
        return None
    return max(enumerate(found), key=lambda e: (_DIGITS[level_of(e[1][1].division)], e[1][1].effective_on, e[0]))[1]
