"""The official calendar of working days (国务院办公厅 节假日安排): weekdays, without the holidays, with the working weekends.

The days come from the kept library ``chinesecalendar``, which follows the State Council's yearly arrangement. A notice
period (公示期) is counted on it, and the event stores ``version`` beside the deadline. Nothing is ever guessed: a day that no
published arrangement settles is an ``UnknownYear``. Pure: no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from importlib.metadata import version as version_of

import chinese_calendar

from contracts.workdays import UnknownYear

__all__ = ["SPAN_DAYS_MAX", "WORKING_DAYS_MAX", "UnknownYear", "WorkCalendar"]

WORKING_DAYS_MAX = 366
"""Working days that may be added at once."""
SPAN_DAYS_MAX = 3_660
"""Calendar days that may be counted through at once."""
YEAR_END_DAYS = 7
"""Last days of a December that the next year's arrangement may still change; it has reached back to the 29th (2007, 2018)."""

_DISTRIBUTION = "chinesecalendar"
_DAY = timedelta(days=1)
_SATURDAY = 5
_SPRING_FESTIVAL = "Spring Festival"
_SPRING_FESTIVAL_DAYS_MIN = 3
_FIXED_HOLIDAYS = ((1, 1), (5, 1), (10, 1))


class WorkCalendar:
    """Working days. version: name and version of what the days come from, such as "chinesecalendar 1.11.0".

    holidays: day → name, of days off, weekends among them. workdays: weekend days that are worked. Both default to the
    library's; a year counts as known only if its holidays are there from New Year to National Day, so that half a year is none.
    """

    def __init__(
        self,
        holidays: Mapping[date, str] = chinese_calendar.holidays,
        workdays: Collection[date] = chinese_calendar.workdays,
        version: str | None = None,
    ) -> None:
        self.version = version or f"{_DISTRIBUTION} {version_of(_DISTRIBUTION)}"
        self._holidays = frozenset(holidays)
        self._workdays = frozenset(workdays)
        self._years = _known_years(holidays)

    def is_working_day(self, day: date) -> bool:
        """Raises UnknownYear where no arrangement settles it."""
        self._check(day)
        return day in self._workdays or (day.weekday() < _SATURDAY and day not in self._holidays)

    def add_working_days(self, start: date, days: int) -> date:
        """The working day on which ``days`` working days (1 to ``WORKING_DAYS_MAX``) have passed; start itself is not counted.

        Raises UnknownYear where no arrangement settles a day on the way, ValueError for days out of bounds.
        """
        _plain(start)
        if not 1 <= days <= WORKING_DAYS_MAX:
            raise ValueError(f"days must be 1 to {WORKING_DAYS_MAX} working days, not {days}")
        day, left = start, days
        while left:
            day += _DAY
            left -= self.is_working_day(day)
        return day

    def working_days_between(self, after: date, until: date) -> int:
        """How many days in (after, until] are working days; 0 if until is not later.

        Raises UnknownYear where no arrangement settles a day among them, ValueError beyond ``SPAN_DAYS_MAX`` days.
        """
        _plain(after)
        _plain(until)
        span = (until - after).days
        if span > SPAN_DAYS_MAX:
            raise ValueError(f"until is {span} days after the first date; count at most {SPAN_DAYS_MAX} days at once")
        return sum(self.is_working_day(after + number * _DAY) for number in range(1, span + 1))

    def _check(self, day: date) -> None:
        if day.year not in self._years:
            raise UnknownYear(day.year)
        if day.month == 12 and day.day > 31 - YEAR_END_DAYS and day.year + 1 not in self._years:
            raise UnknownYear(day.year + 1)


def _plain(day: date) -> None:
    # A datetime is a date to Python, but equals none: every holiday would be missed in silence.
    if isinstance(day, datetime):
        raise TypeError("give a date of Asia/Shanghai, not a clock time")


def _known_years(holidays: Mapping[date, str]) -> frozenset[int]:
    """Years whose arrangement is whole: New Year, Labour Day, National Day and the Spring Festival are all there."""
    known = set()
    for year in {day.year for day in holidays}:
        spring = sum(name == _SPRING_FESTIVAL for day, name in holidays.items() if day.year == year)
        fixed = all(date(year, month, day) in holidays for month, day in _FIXED_HOLIDAYS)
        if fixed and spring >= _SPRING_FESTIVAL_DAYS_MIN:
            known.add(year)
    return frozenset(known)
