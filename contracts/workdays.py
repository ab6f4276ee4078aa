"""What a rule asks of the official calendar of working days, whichever service's rule it is. Pure."""

from __future__ import annotations

from datetime import date
from typing import Protocol

__all__ = ["Calendar", "UnknownYear"]


class UnknownYear(LookupError):
    """No published arrangement settles a day. year: the one whose arrangement is missing."""

    def __init__(self, year: int) -> None:
        super().__init__(
            f"the calendar has no holiday arrangement for {year}; update the package once the State Council "
            "has published it, and ask again"
        )
        self.year = year


class Calendar(Protocol):
    """The official calendar of working days. Both raise UnknownYear."""

    @property
    def version(self) -> str: ...

    def add_working_days(self, start: date, days: int) -> date: ...

    def working_days_between(self, after: date, until: date) -> int: ...
