"""Working days follow the State Council's arrangements, and a day that none of them settles is never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.calendar import SPAN_DAYS_MAX, WORKING_DAYS_MAX, UnknownYear, WorkCalendar

CALENDAR = WorkCalendar()
FIRST, LAST = date(2004, 1, 1), date(2025, 12, 31)
"""Within these the library has whole years, and the year after them too."""
DAYS = st.dates(FIRST, date(2024, 6, 30))

SPRING = {date(2030, 2, day): "Spring Festival" for day in (3, 4, 5)}
WHOLE = {date(2030, 1, 1): "New Year's Day", **SPRING, date(2030, 5, 1): "Labour Day", date(2030, 10, 1): "National Day"}
"""The bones of a made-up arrangement for 2030."""


# --- published cases --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        (date(2021, 9, 28), 5, date(2021, 10, 11)),
        (date(2024, 9, 27), 5, date(2024, 10, 10)),
        (date(2021, 9, 28), 1, date(2021, 9, 29)),
        (date(2021, 9, 30), 1, date(2021, 10, 8)),
        (date(2021, 10, 8), 1, date(2021, 10, 9)),
        (date(2022, 12, 30), 1, date(2023, 1, 3)),
        (date(2023, 12, 29), 1, date(2024, 1, 2)),
        (date(2025, 12, 31), 1, date(2026, 1, 4)),
    ],
)
def test_a_notice_ends_on_the_working_day_that_the_arrangement_says(start: date, days: int, last: date) -> None:
    """National Day is not counted, a Saturday or Sunday worked in its stead is, and New Year may begin in December."""
    assert CALENDAR.add_working_days(start, days) == last
    assert CALENDAR.working_days_between(start, last) == days


def test_a_worked_sunday_is_a_working_day_and_a_holiday_on_a_weekday_is_none() -> None:
    """2021-09-26 was worked for the days off in October; 2021-10-05 was a Tuesday."""
    assert CALENDAR.is_working_day(date(2021, 9, 26))
    assert not CALENDAR.is_working_day(date(2021, 10, 5))
    assert not CALENDAR.is_working_day(date(2021, 10, 16))


def test_the_version_names_the_library_and_its_release() -> None:
    """It is stored beside the deadline."""
    assert CALENDAR.version == f"chinesecalendar {chinese_calendar.__version__}"


def test_every_day_that_is_known_is_what_the_library_says() -> None:
    """All 22 whole years, day by day."""
    for number in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        assert CALENDAR.is_working_day(day) == chinese_calendar.is_workday(day), day


# --- laws -------------------------------------------------------------------------------------------------------------


@given(start=DAYS, days=st.integers(1, WORKING_DAYS_MAX))
def test_what_was_added_is_what_lies_between(start: date, days: int) -> None:
    """And the day that it ends on is worked."""
    end = CALENDAR.add_working_days(start, days)
    assert CALENDAR.working_days_between(start, end) == days
    assert CALENDAR.is_working_day(end)
    assert CALENDAR.working_days_between(start, end - timedelta(days=1)) == days - 1


@given(start=DAYS, days=st.integers(1, 60), more=st.integers(1, 60), later=st.integers(0, 60))
def test_more_days_or_a_later_start_never_end_earlier(start: date, days: int, more: int, later: int) -> None:
    """Adding in two steps is adding at once."""
    end = CALENDAR.add_working_days(start, days)
    assert CALENDAR.add_working_days(start, days + more) == CALENDAR.add_working_days(end, more) > end
    assert CALENDAR.add_working_days(start + timedelta(days=later), days) >= end


@given(after=DAYS, one=st.integers(0, 400), two=st.integers(0, 400))
def test_counts_of_two_spans_that_meet_add_up(after: date, one: int, two: int) -> None:
    """The first date is left out and the last one is in, so no day is counted twice."""
    middle, end = after + timedelta(days=one), after + timedelta(days=one + two)
    whole = CALENDAR.working_days_between(after, end)
    assert CALENDAR.working_days_between(after, middle) + CALENDAR.working_days_between(middle, end) == whole


def test_nothing_lies_before_itself() -> None:
    """An end that is not later than the beginning leaves no days."""
    day = date(2024, 3, 1)
    assert CALENDAR.working_days_between(day, day) == 0
    assert CALENDAR.working_days_between(day, day - timedelta(days=9)) == 0


# --- what is not known ------------------------------------------------------------------------------------------------


def calendar_of_2030(without: date | None = None) -> WorkCalendar:
    return WorkCalendar({day: name for day, name in WHOLE.items() if day != without}, {date(2030, 2, 9)}, "made up 1")


def test_a_year_without_an_arrangement_is_not_guessed() -> None:
    """Neither before the first nor after the last that is known; the error names the year and what to do."""
    for day in (date(2029, 12, 24), date(2031, 1, 2), date(2003, 12, 31)):
        with pytest.raises(UnknownYear, match=f"{day.year}.*update") as caught:
            calendar_of_2030().is_working_day(day)
        assert caught.value.year == day.year


@pytest.mark.parametrize("missing", sorted(WHOLE))
def test_half_an_arrangement_is_none(missing: date) -> None:
    """A release that has some days of a year only does not make the year known."""
    with pytest.raises(UnknownYear):
        calendar_of_2030(without=missing).is_working_day(date(2030, 3, 1))
    assert calendar_of_2030().is_working_day(date(2030, 3, 1))


def test_the_last_days_of_december_wait_for_the_next_arrangement() -> None:
    """It may make a holiday of New Year's Eve and a working day of the weekend before, as for 2019."""
    calendar = calendar_of_2030()
    assert calendar.add_working_days(date(2030, 12, 23), 1) == date(2030, 12, 24)
    with pytest.raises(UnknownYear) as caught:
        calendar.add_working_days(date(2030, 12, 24), 1)
    assert caught.value.year == 2031
    with pytest.raises(UnknownYear):
        calendar.working_days_between(date(2030, 12, 20), date(2030, 12, 31))


def test_a_notice_that_runs_into_an_unknown_year_has_no_end() -> None:
    """Also in the library as it is: its last year is whole, the one after it is not there."""
    last = max(chinese_calendar.holidays).year
    with pytest.raises(UnknownYear) as caught:
        CALENDAR.add_working_days(date(last, 12, 20), 10)
    assert caught.value.year == last + 1


def test_the_start_is_not_counted_and_need_not_be_known() -> None:
    """New Year's Eve of 2029 is in no arrangement here, the day after it is."""
    assert calendar_of_2030().add_working_days(date(2029, 12, 31), 1) == date(2030, 1, 2)


# --- wrong use --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [-1, 0, WORKING_DAYS_MAX + 1])
def test_the_walk_is_limited(days: int) -> None:
    """A wrong number of days is an error, not a long walk or the start itself."""
    with pytest.raises(ValueError, match=str(WORKING_DAYS_MAX)):
        CALENDAR.add_working_days(FIRST, days)


def test_the_count_is_limited() -> None:
    """Ten years at once."""
    with pytest.raises(ValueError, match=str(SPAN_DAYS_MAX)):
        CALENDAR.working_days_between(FIRST, FIRST + timedelta(days=SPAN_DAYS_MAX + 1))


def test_a_clock_time_is_refused() -> None:
    """It would equal no holiday, and every day off would be worked."""
    with pytest.raises(TypeError, match="Asia/Shanghai"):
        CALENDAR.add_working_days(datetime(2021, 9, 28, tzinfo=UTC), 5)
    with pytest.raises(TypeError, match="Asia/Shanghai"):
        CALENDAR.working_days_between(date(2021, 9, 28), datetime(2021, 10, 11, tzinfo=UTC))
