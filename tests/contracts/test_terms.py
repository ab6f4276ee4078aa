"""Terms of months and years: no such day, then the end of the month; the last day is the day before; within the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.terms import full_months, full_years, last_day, month_end, months_after

DAYS = st.dates(date(1900, 1, 1), date(2200, 12, 31))
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("first", "months", "last"),
    [
        ("2024-02-29", 60, "2029-02-27"),  # Five years: 2029 has no 29 February, so they are full on the 28th.
        ("2024-02-29", 48, "2028-02-28"),
        ("2021-03-01", 60, "2026-02-28"),
        ("2023-03-01", 60, "2028-02-29"),
        ("2021-01-01", 12, "2021-12-31"),
        ("2021-01-31", 1, "2021-02-27"),
        ("2021-08-31", 6, "2022-02-27"),
        ("9999-12-31", 0, "9999-12-30"),
        ("9998-06-15", 24, "9999-12-31"),
        ("9999-12-31", 600, "9999-12-31"),
    ],
)
def test_a_term_ends_on_the_day_before_it_is_full(first: str, months: int, last: str) -> None:
    assert date.fromisoformat(last) == last_day(date.fromisoformat(first), months)


@given(DAYS, st.integers(-600, 600))
def test_months_later_is_the_same_day_or_the_end_of_the_month(day: date, months: int) -> None:
    found = months_after(day, months)
    assert (day.year * 12 + day.month + months) == found.year * 12 + found.month
    assert found.day == min(day.day, month_end(found.year, found.month).day)


@given(DAYS, st.dates(date(1900, 1, 1), date(2200, 12, 31)))
def test_as_many_months_are_full_as_have_ended_by_the_day(first: date, day: date) -> None:
    """The two questions, which day and how many, have one answer."""
    full = full_months(first, day)
    assert months_after(first, full) <= day < months_after(first, full + 1)
    assert full_years(first, day) == full // 12


@given(DAYS, st.integers(1, 600))
def test_a_term_and_the_one_after_it_leave_no_day_out(first: date, months: int) -> None:
    assert last_day(first, months) + DAY == months_after(first, months)


@given(st.dates(), st.integers(-200_000, 200_000))
def test_no_term_leaves_the_calendar(day: date, months: int) -> None:
    assert date.min <= months_after(day, months) <= date.max
    assert last_day(day, abs(months)) <= date.max
