"""Terms of months and years, by one rule for everything that is dated here: certificates, tenures, exceptions, training. Pure.

The rule. A term of so many months that begins on a day is full on the same day of the later month; where that month has no such
day, on its last one. The last day of the term is the day before. So five years from 2024-02-29 are full on 2029-02-28, and
2029-02-27 is their last day; a month from 31 January is full at the end of February. A year is twelve months. What would lie
beyond the calendar ends with it: 9999-12-31, which is also how systems write "without end".
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

__all__ = ["full_months", "full_years", "last_day", "month_end", "months_after"]

_DAY = timedelta(days=1)
_MONTHS_FIRST = date.min.year * 12
_MONTHS_LAST = date.max.year * 12 + 11


def month_end(year: int, month: int) -> date:
    """The last day of a month; months beyond 12 are of the years after."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, monthrange(year, month)[1])


def months_after(day: date, months: int) -> date:
    """The day on which so many months from a day are full (or before it, if negative)."""
    number = day.year * 12 + day.month - 1 + months
    if number > _MONTHS_LAST:
        return date.max
    if number < _MONTHS_FIRST:
        return date.min
    last = month_end(number // 12, number % 12 + 1)
    return last.replace(day=min(day.day, last.day))


def last_day(first: date, months: int) -> date:
    """The last day of a term of so many months that begins on ``first``."""
    number = first.year * 12 + first.month - 1 + months
    return date.max if number > _MONTHS_LAST else months_after(first, months) - _DAY


def full_months(first: date, day: date) -> int:
    """How many months of a term from ``first`` on are full on a day: the most for which ``months_after`` is not later."""
    months = (day.year - first.year) * 12 + day.month - first.month
    return months if day.day >= min(first.day, month_end(day.year, day.month).day) else months - 1


def full_years(first: date, day: date) -> int:
    """Likewise in years: also somebody's age, by their date of birth."""
    return full_months(first, day) // 12
