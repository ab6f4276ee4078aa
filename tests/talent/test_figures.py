"""Structure figures: shares exact to the hundredth of a percent, who counts, years in party work, whence secretaries came."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.talent.figures import StaffReport, WorkerPosts, figures_of, full_months, origin_of
from services.talent.rotation import Held
from services.talent.shares import Share
from tests.support import event_id

DAY = date(2026, 6, 30)
COUNTY = "320102"


def held(since: str, until: str | None = None, *, unit: str = "甲公司", **more: Any) -> Held:
    given = {"category": "recruited", "post": "专职", "full_time": True, "entry_channel": None, "key": f"hr/{since}", **more}
    end = None if until is None else date.fromisoformat(until)
    return Held(fact=event_id(1), unit=unit, since=date.fromisoformat(since), until=end, **given)


def worker(number: int, *posts: Held, division: str = COUNTY) -> WorkerPosts:
    return WorkerPosts(f"p{number:026d}", division, posts or (held("2025-01-01"),))


def report(staff: int, unit: str = "甲公司", on: str = "2026-01-01", division: str = COUNTY) -> StaffReport:
    return StaffReport(unit, division, date.fromisoformat(on), staff, event_id(2))


# --- shares -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [
        (25, 39, "64.10"),
        (10, 26, "38.46"),
        (1, 8, "12.50"),
        (1, 32, "3.13"),
        (0, 7, "0.00"),
        (7, 7, "100.00"),
        (3, 2, "150.00"),
    ],
)
def test_a_share_is_exact_and_rounded_half_up(part: int, whole: int, percent: str) -> None:
    """25 of 39 and 10 of 26 are the figures of the published case; 1 of 32 is 3.125 and goes up."""
    assert Share(part, whole).percent == percent


def test_there_is_no_share_of_nothing() -> None:
    assert (Share(0, 0).percent, Share(0, 0).reaches(0)) == (None, False)


@given(st.integers(0, 10**7), st.integers(1, 10**7))
def test_a_share_is_the_nearest_hundredth_of_a_percent(part: int, whole: int) -> None:
    """Against fractions; a share at the very middle goes up."""
    found = Share(part, whole).hundredths
    assert found is not None
    difference = Fraction(found) - Fraction(part * 10_000, whole)
    assert Fraction(-1, 2) < difference <= Fraction(1, 2)


# --- who counts ---------------------------------------------------------------------------------------------------------


def test_the_published_case_comes_out_of_people() -> None:
    """Of 39 workers 25 are part-time, of 26 secretaries 10 came from deputies: 64.10 % and 38.46 %."""
    people = [worker(n, held("2025-01-01", full_time=n >= 25)) for n in range(39)]
    assert figures_of(people, [], COUNTY, DAY).part_time.percent == "64.10"
    after = held("2025-01-01", category="secretary", key="hr/s", entry_channel="internal")
    before = held("2020-01-01", "2024-12-31", category="deputy_secretary")
    people = [worker(n, *((before, after) if n < 10 else (after,))) for n in range(26)]
    found = figures_of(people, [], COUNTY, DAY)
    assert (found.secretaries, found.promoted.percent) == (26, "38.46")
    assert found.origins == (("deputy_secretary", Share(10, 10)),)
    assert found.entered == (("internal", Share(16, 16)),)


def test_party_work_is_a_share_of_the_staff_that_was_reported() -> None:
    """The report of the day counts; a unit without one is named, and left out of both counts."""
    people = [worker(1), worker(2), worker(3, held("2025-01-01", unit="乙公司"))]
    reports = [report(100), report(150, on="2026-05-01"), report(10, on="2026-07-01")]
    found = figures_of(people, reports, COUNTY, DAY)
    assert (found.workers, found.party_work, found.party_work_enough) == (3, Share(2, 150), True)
    assert [(u.unit, u.workers, u.enough) for u in found.units] == [("乙公司", 1, None), ("甲公司", 2, True)]


def test_one_percent_is_compared_exactly() -> None:
    """1 of 100 is enough; 99 of 9901 rounds to 1.00 % and is not."""
    assert Share(1, 100).reaches(100)
    assert (Share(99, 9901).percent, Share(99, 9901).reaches(100)) == ("1.00", False)


def test_without_any_report_nothing_is_said_about_the_share() -> None:
    found = figures_of([worker(1)], [], COUNTY, DAY)
    assert (found.party_work.percent, found.party_work_enough) == (None, None)


def test_a_division_counts_with_all_below_it_and_nobody_else() -> None:
    people = [worker(1), worker(2, division="320104"), worker(3, division="330100")]
    assert [figures_of(people, [], d, DAY).workers for d in ("320102", "320100", "320000", "330000")] == [1, 2, 2, 1]


def test_who_holds_no_post_on_the_day_does_not_count() -> None:
    """The last day still counts, the day after not."""
    people = [worker(1, held("2025-01-01", "2026-06-30")), worker(2, held("2025-01-01", "2026-06-29"))]
    assert figures_of(people, [], COUNTY, DAY).workers == 1


def test_somebody_with_a_full_time_post_beside_a_part_time_one_is_no_part_timer() -> None:
    both = worker(1, held("2025-01-01"), held("2025-02-01", unit="乙公司", full_time=False))
    found = figures_of([both], [report(50), report(50, "乙公司")], COUNTY, DAY)
    assert (found.part_time, found.party_work) == (Share(0, 1), Share(1, 100))


# --- years --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("posts", "months"),
    [
        ([held("2025-01-01", "2025-12-31")], 12),
        ([held("2025-01-01", "2025-12-30")], 11),
        ([held("2026-01-31", "2026-02-27")], 1),
        ([held("2025-01-01", "2025-06-30"), held("2025-03-01", "2025-12-31")], 12),
        ([held("2024-01-01", "2024-06-30"), held("2025-01-01", "2025-06-30")], 12),
        ([held("2025-07-01")], 12),
        ([held("2026-07-01")], 0),
    ],
)
def test_years_in_party_work_are_full_months_of_all_posts(posts: list[Held], months: int) -> None:
    """What overlaps counts once, gaps don't, and a post that goes on counts up to the day."""
    assert full_months(posts, DAY) == months


def test_years_are_told_in_bands() -> None:
    people = [worker(n, held(f"{2026 - years}-06-30")) for n, years in enumerate((0, 1, 2, 3, 9, 10, 30))]
    assert [share.part for share in figures_of(people, [], COUNTY, DAY).bands] == [1, 2, 1, 1, 2]


# --- where secretaries came from ----------------------------------------------------------------------------------------


def test_a_new_contract_in_the_post_is_no_promotion() -> None:
    """What counts is what was before the first of the unbroken posts as secretary; after a break it is what was before that."""
    deputy = held("2015-01-01", "2019-12-31", category="deputy_secretary")
    first = held("2020-01-01", "2022-12-31", category="secretary", key="hr/1")
    again = held("2023-01-01", category="secretary", key="talent/2")
    found = origin_of(worker(1, deputy, first, again), DAY)
    assert found is not None
    assert (found.since, found.promoted, found.word, found.from_pool) == (date(2020, 1, 1), True, "deputy_secretary", False)
    broken = held("2023-02-01", category="secretary", key="talent/2")
    found = origin_of(worker(1, deputy, first, broken), DAY)
    assert found is not None
    assert (found.since, found.from_pool) == (date(2023, 2, 1), True)


def test_only_those_who_became_secretary_since_a_day_are_asked_whence() -> None:
    people = [worker(n, held(f"{year}-01-01", category="secretary")) for n, year in enumerate((2020, 2025, 2026))]
    found = figures_of(people, [], COUNTY, DAY, since=date(2025, 1, 1))
    assert (found.secretaries, found.entered) == (2, (("not_known", Share(2, 2)),))
