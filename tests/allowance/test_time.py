"""What happens within a year, month by month, by each value of the setting that it hangs on.

Each month has an amount of its own, a power of two, so that the sum says which months were paid. Everybody here is made up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from contracts.allowance import Decision
from services.allowance.engine import KnownFact, decide_year
from tests.allowance.test_engine import (
    RULES,
    WORKER,
    YEAR,
    but,
    certified,
    closed,
    ends,
    event_id,
    inspected,
    moved,
    predicate,
    published,
    rated,
    recognised,
    registered,
    reopened,
    setting,
    starts,
    unmet,
)

ALL = range(1, 13)
LINE: Mapping[str, Any] = {"name": "monthly", "zh": "津贴", "clause": "7", "period": "monthly"}


def by_month(dimension: str = "", *values: str) -> dict[str, Any]:
    """A monthly line: month m of the n-th value pays 2 to the power of 12 n + m - 1 fen."""
    rows = [
        {"amount_fen": 1 << (12 * place + month - 1), "first_month": f"{year}-{month:02}", "last_month": f"{year}-{month:02}"}
        | ({dimension: value} if dimension else {})
        for place, value in enumerate(values or ("",))
        for month in ALL
        for year in (YEAR, YEAR + 1, YEAR + 2)
    ]
    return {**LINE, "by": [dimension] if dimension else [], "amounts": rows, "others": "nothing", "paid_by": "county"}


def months_in(fen: int, place: int = 0) -> list[int]:
    """The months that an amount is made of. place: of the dimension's value."""
    return [month for month in ALL if fen >> (12 * place + month - 1) & 1]


def decide(facts: Sequence[KnownFact], year: int = YEAR, line: Mapping[str, Any] | None = None, **changes: Any) -> Decision:
    effective = {"first_day": f"{YEAR}-01-01", "last_day": f"{YEAR + 2}-12-31"}
    policy = published(lines=[by_month() if line is None else line], **({"effective": effective} | changes))
    decision = decide_year(facts, [policy], year)
    assert decision is not None
    return decision


def paid(facts: Sequence[KnownFact], year: int = YEAR, **changes: Any) -> list[int] | None:
    """The months that are paid; None: denied."""
    decision = decide(facts, year, **changes)
    return months_in(decision.amount_fen) if decision.decision == "granted" else None


def to(month: int) -> list[int]:
    return [*range(1, month + 1)]


# Promotion ----------------------------------------------------------------------------------------------------------------

PROMOTED = but(certified(4, "2021-06-20", "intermediate"))


@pytest.mark.parametrize(
    ("promotion", "counts", "rated_on", "junior"),
    [
        ("by_month", "any_day", "2022-01-10", to(5)),
        ("by_month", "first_day", "2022-01-10", to(6)),
        ("by_month", "whole_month", "2022-01-10", to(6)),
        ("grade_at_year_end", "any_day", "2022-01-10", []),
        ("grade_at_year_end", "whole_month", "2021-03-01", []),
        ("grade_at_rating", "any_day", "2021-06-19", to(12)),
        ("grade_at_rating", "any_day", "2021-06-20", []),
        ("grade_at_rating", "first_day", "2022-01-10", []),
    ],
)
def test_promoted_on_20_june(promotion: str, counts: str, rated_on: str, junior: list[int]) -> None:
    """The months at the old grade; all others are paid at the new one."""
    grades = by_month("grade", "junior", "intermediate")
    facts = (*PROMOTED[:4], PROMOTED[-1], rated(day=rated_on))
    decision = decide(facts, line=grades, **setting(promotion=promotion, month_counts_when=counts))
    assert months_in(decision.amount_fen, 0) == junior
    assert months_in(decision.amount_fen, 1) == [month for month in ALL if month not in junior]


# Leaving ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["left", "closed"])
@pytest.mark.parametrize(
    ("leaving", "counts", "months"),
    [
        ("by_month", "any_day", to(6)),
        ("by_month", "first_day", to(6)),
        ("by_month", "whole_month", to(5)),
        ("from_that_month", "any_day", to(5)),
        ("from_that_month", "first_day", to(5)),
        ("from_that_month", "whole_month", to(5)),
        ("from_next_month", "any_day", to(6)),
        ("from_next_month", "first_day", to(6)),
        ("from_next_month", "whole_month", to(6)),
        ("nothing", "any_day", None),
        ("whole_year", "whole_month", to(12)),
    ],
)
def test_left_on_15_june(leaving: str, counts: str, months: list[int] | None, how: str) -> None:
    """Stopped that month, the next month, this or the next 1 January; a closed registration stops as leaving does."""
    gone = ends(4, "2021-06-15") if how == "left" else closed(4, "2021-06-15")
    assert paid(but(gone), **setting(leaving=leaving, month_counts_when=counts)) == months


@pytest.mark.parametrize(
    ("leaving", "months"),
    [("by_month", to(6)), ("from_that_month", to(5)), ("from_next_month", to(6)), ("nothing", None), ("whole_year", to(12))],
)
@pytest.mark.parametrize("counts", ["any_day", "first_day", "whole_month"])
def test_left_on_the_last_day_of_june(leaving: str, counts: str, months: list[int] | None) -> None:
    """Stopped from the month of leaving, that month does not count, complete as it is."""
    assert paid(but(ends(4, "2021-06-30")), **setting(leaving=leaving, month_counts_when=counts)) == months


@pytest.mark.parametrize("leaving", ["by_month", "from_that_month", "from_next_month", "nothing", "whole_year"])
def test_whoever_stays_to_31_december_has_not_left_in_the_year(leaving: str) -> None:
    assert paid(but(ends(4, "2021-12-31")), **setting(leaving=leaving)) == to(12)


def test_whoever_left_in_january_has_no_month_where_the_month_of_leaving_does_not_count() -> None:
    decision = decide(but(ends(4, "2021-01-20")), **setting(leaving="from_that_month"))
    assert unmet(decision) == ["engaged"]
    assert predicate(decision, "engaged").found == "2019-01-01 to 2021-01-20, left on 2021-01-20: 0 months"


@pytest.mark.parametrize("leaving", ["from_that_month", "from_next_month"])
def test_a_change_of_post_is_not_leaving(leaving: str) -> None:
    """From one post to the next, even with a gap: the gap costs what months cost that are not complete."""
    changed = but(ends(4, "2021-06-15"), starts(5, "2021-06-16", "e2"))
    assert paid(changed, **setting(leaving=leaving, month_counts_when="whole_month")) == to(12)
    gap = but(ends(4, "2021-06-15"), starts(5, "2021-06-17", "e2"))
    assert paid(gap, **setting(leaving=leaving, month_counts_when="whole_month")) == [*to(5), *range(7, 13)]


@pytest.mark.parametrize(("leaving", "months"), [("from_that_month", to(5)), ("from_next_month", to(6))])
def test_of_two_posts_that_end_in_one_month_the_last_day_is_the_day_of_leaving(leaving: str, months: list[int]) -> None:
    facts = but(ends(4, "2021-06-10"), starts(5, "2020-01-01", "e2"), ends(6, "2021-06-15", "e2"))
    assert paid(facts, **setting(leaving=leaving, month_counts_when="whole_month")) == months


def test_after_leaving_and_coming_back_the_months_between_do_not_count() -> None:
    facts = but(ends(4, "2021-03-31"), starts(5, "2021-10-01", "e2"), ends(6, "2021-11-20", "e2"))
    assert paid(facts, **setting(leaving="from_that_month")) == [1, 2, 3, 10]
    assert paid(facts, **setting(leaving="from_next_month")) == [1, 2, 3, 10, 11]
    assert paid(facts, **setting(leaving="whole_year")) == [1, 2, 3, 10, 11, 12]


# Failed inspection ----------------------------------------------------------------------------------------------------------

FAILED = but(
    inspected("failed", "2021-06-15"),
    rated(year=2022, number=52, day="2023-01-10"),
    inspected("passed", "2022-10-05", 2022, 61),
    rated(year=2023, number=53, day="2024-01-10"),
    inspected("passed", "2023-10-05", 2023, 62),
)


@pytest.mark.parametrize(
    ("failed_inspection", "first", "second", "third"),
    [
        ("whole_year", None, to(12), to(12)),
        ("from_that_month", to(5), [10, 11, 12], to(12)),
        ("from_next_month", to(6), [11, 12], to(12)),
        ("from_next_year", to(12), None, to(12)),
    ],
)
def test_failed_in_june_and_passed_in_october_of_the_next_year(
    failed_inspection: str, first: list[int] | None, second: list[int] | None, third: list[int] | None
) -> None:
    """Stopped that month, the next month, the next 1 January, until a later inspection is passed; or the year is lost."""
    chosen = setting(failed_inspection=failed_inspection)
    assert [paid(FAILED, year, **chosen) for year in (2021, 2022, 2023)] == [first, second, third]


def test_an_inspection_concluded_late_stops_the_months_after_its_conclusion() -> None:
    """That of 2020 is failed in March 2021: from the next year on, 2021 is paid and 2022 is not."""
    facts = but(
        inspected("failed", "2021-03-10", 2020, 61), rated(year=2022, number=52), inspected("passed", "2022-09-01", 2022)
    )
    assert paid(but(*facts, inspected("passed", "2021-02-01")), **setting(failed_inspection="from_next_year")) == to(12)
    assert paid(facts, 2022, **setting(failed_inspection="from_next_year")) is None


def test_leaving_and_a_failed_inspection_stop_independently_of_each_other() -> None:
    facts = but(inspected("failed", "2021-06-15"), ends(4, "2021-09-10"))
    assert paid(facts, **setting(failed_inspection="from_next_month", leaving="whole_year")) == to(6)
    assert paid(facts, **setting(failed_inspection="from_next_year", leaving="from_that_month")) == to(8)


# Moving -------------------------------------------------------------------------------------------------------------------

COUNTIES: dict[str, Any] = {
    "payers": [{"name": "old", "zh": "甲"}, {"name": "new", "zh": "乙"}],
    "line": {
        **by_month(),
        "paid_by": [
            {"division": "320104", "shares": [{"payer": "new", "percent": 100}]},
            {"shares": [{"payer": "old", "percent": 100}]},
        ],
    },
}


def paid_by(facts: Sequence[KnownFact], **changes: Any) -> dict[str, list[int]]:
    """The months that each payer pays."""
    return {payer.payer: months_in(payer.amount_fen) for payer in decide(facts, **COUNTIES, **changes).payers}


@pytest.mark.parametrize(
    ("chosen", "rated_on", "old", "division"),
    [
        ("year_end", "2022-01-10", [], "320104"),
        ("year_start", "2022-01-10", to(12), "320102"),
        ("at_rating", "2022-01-10", [], "320104"),
        ("at_rating", "2021-06-14", to(12), "320102"),
        ("by_month", "2022-01-10", to(6), "320104"),
    ],
)
def test_moved_on_15_june(chosen: str, rated_on: str, old: list[int], division: str) -> None:
    """Which county pays which months; the month of the move is the old county's."""
    facts = but(moved(30, "2021-06-15"), rated(day=rated_on))
    new = [month for month in ALL if month not in old]
    assert paid_by(facts, **setting(moved=chosen)) == {
        payer: months for payer, months in (("old", old), ("new", new)) if months
    }
    decision = decide(facts, **COUNTIES, **setting(moved=chosen))
    assert decision.division == division
    assert len(decision.warnings) == 1
    assert decision.warnings[0].startswith("moved to 320104 on 2021-06-15: ")
    assert event_id(30) in {used.fact for used in decision.facts}


def test_moved_on_the_first_of_a_month_the_new_county_pays_it() -> None:
    assert paid_by(but(moved(30, "2021-06-01")), **setting(moved="by_month"))["old"] == to(5)


def test_by_month_every_move_counts() -> None:
    there_and_back = but(moved(30, "2021-03-10"), moved(31, "2021-09-20", "320102"))
    assert paid_by(there_and_back, **setting(moved="by_month")) == {"old": [*to(3), 10, 11, 12], "new": [*range(4, 10)]}


def test_by_month_a_division_without_this_policy_is_paid_for_by_the_one_at_the_years_end() -> None:
    """Moved in from another city: no month is lost, and no other policy pays any of them."""
    from_elsewhere = but(registered("330102"), moved(30, "2021-06-15"))
    assert paid_by(from_elsewhere, **setting(moved="by_month")) == {"new": to(12)}


def test_who_came_within_the_year_began_in_the_division_of_the_first_engaged_day() -> None:
    came = but(starts(2, "2021-04-01"), moved(30, "2021-03-01"), moved(31, "2021-08-01", "320106"))
    assert paid_by(came, **setting(moved="year_start")) == {"new": [*range(4, 13)]}


def test_who_left_before_moving_belongs_to_the_county_that_had_them() -> None:
    """Also for months that are paid after leaving."""
    gone = but(ends(4, "2021-06-30"), moved(30, "2021-07-01"))
    for chosen in ("year_end", "year_start", "at_rating", "by_month"):
        assert paid_by(gone, **setting(moved=chosen)) == {"old": to(6)}
        assert paid_by(gone, **setting(moved=chosen, leaving="whole_year")) == {"old": to(12)}


def test_the_policy_of_the_county_that_counts_governs_the_year() -> None:
    """The new county says that the one at the year's start pays: then that one's policy holds, or nothing is decided."""
    old = published(901, division="320102", lines=[by_month()])
    new = published(902, division="320104", lines=[by_month()], settings={"moved": "year_start"})
    facts = but(moved(30, "2021-06-15"))
    decision = decide_year(facts, [old, new], YEAR)
    assert decision is not None
    assert (decision.policy.event, decision.division) == (event_id(901), "320102")
    assert decide_year(facts, [new], YEAR) is None
    says_otherwise = published(901, division="320102", lines=[by_month()], settings={"moved": "year_end"})
    again = decide_year(facts, [says_otherwise, new], YEAR)
    assert again is not None
    assert again.policy.event == event_id(901)


# Two posts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("two_posts", "secretary"),
    [("higher", [1, 2, 3, 10, 11, 12]), ("earlier", to(12)), ("later", [1, 2, 3, 10, 11, 12])],
)
def test_a_second_post_from_april_to_september(two_posts: str, secretary: list[int]) -> None:
    """A secretary who is also a recruited worker for half a year: in each month one of the two is paid."""
    line = by_month("category", "secretary", "recruited")
    facts = but(starts(5, "2021-04-01", "e2", "recruited"), ends(6, "2021-09-30", "e2"))
    decision = decide(facts, line=line, **setting(two_posts=two_posts))
    assert months_in(decision.amount_fen, 0) == secretary
    assert months_in(decision.amount_fen, 1) == [month for month in ALL if month not in secretary]
    assert decision.warnings == (f"two different posts in 6 months: the {two_posts} one counts",)


@pytest.mark.parametrize(("two_posts", "recruited"), [("higher", to(12)), ("earlier", to(12)), ("later", [])])
def test_of_two_posts_the_earlier_may_be_the_higher(two_posts: str, recruited: list[int]) -> None:
    line = by_month("category", "secretary", "recruited")
    facts = but(starts(5, "2018-01-01", "e2", "recruited"))
    assert months_in(decide(facts, line=line, **setting(two_posts=two_posts)).amount_fen, 1) == recruited


# Late ratings -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rated_on", "late", "months"),
    [
        ("2022-03-01", {"late_rating": "always"}, to(12)),
        ("2031-03-01", {"late_rating": "always"}, to(12)),
        ("2021-12-31", {"late_rating": "within_years", "late_rating_years": 0}, to(12)),
        ("2022-01-01", {"late_rating": "within_years", "late_rating_years": 0}, None),
        ("2022-12-31", {"late_rating": "within_years", "late_rating_years": 1}, to(12)),
        ("2023-01-01", {"late_rating": "within_years", "late_rating_years": 1}, None),
    ],
)
def test_a_rating_that_comes_in_a_later_year(rated_on: str, late: dict[str, Any], months: list[int] | None) -> None:
    assert paid(but(rated(day=rated_on)), **setting(**late)) == months


@pytest.mark.parametrize(("decided_when", "decided"), [("rated", False), ("engaged", True)])
def test_before_the_rating_has_come(decided_when: str, decided: bool) -> None:
    """The year waits for it, or is decided, and denied as long as there is none."""
    policy = published(lines=[by_month()], settings={"decided_when": decided_when})
    decision = decide_year(but(without="rating"), [policy], YEAR)
    assert (decision is not None) is decided
    assert decision is None or unmet(decision) == ["rating"]


# A policy for a part of the year, and after the fact --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part_year", "counts", "months"),
    [
        ("whole_year", "any_day", to(12)),
        ("whole_year", "whole_month", to(12)),
        ("own_months", "any_day", [*range(7, 13)]),
        ("own_months", "first_day", [*range(8, 13)]),
        ("own_months", "whole_month", [*range(8, 13)]),
    ],
)
def test_a_policy_issued_in_the_next_year_for_the_time_since_15_july(part_year: str, counts: str, months: list[int]) -> None:
    """Retroactive: it pays all of the year in which it begins, or its own months."""
    effective = {"first_day": "2021-07-15", "last_day": "2022-12-31"}
    chosen = setting(part_year=part_year, month_counts_when=counts)
    assert paid(WORKER, issued_on="2022-03-01", effective=effective, **chosen) == months


def test_a_policy_that_ends_within_the_year_pays_its_own_months_and_says_so() -> None:
    effective = {"first_day": "2021-01-01", "last_day": "2021-10-20"}
    decision = decide(WORKER, effective=effective, **setting(part_year="own_months"))
    assert months_in(decision.amount_fen) == to(10)
    assert decision.warnings == ("the policy is in effect for a part of the year only; 2 months outside of it do not count",)
    assert predicate(decision, "engaged").found == "since 2019-01-01: 12 months, 10 in the policy's period"
    before = decide(but(starts(2, "2021-11-01")), effective=effective, **setting(part_year="own_months"))
    assert unmet(before) == ["engaged"]
    assert predicate(before, "engaged").found == "since 2021-11-01: 2 months, 0 in the policy's period"


def test_a_policy_without_a_month_of_its_own_pays_nothing() -> None:
    """In effect for ten days where months have to be complete, and it asks for no engagement."""
    decision = decide(
        (registered(), rated()),
        line={**LINE, "period": "annual", "prorated": False, "amounts": [{"amount_fen": 5}], "paid_by": "county"},
        rules=[RULES["rating"]],
        effective={"first_day": "2021-06-10", "last_day": "2021-06-20"},
        **setting(part_year="own_months", month_counts_when="whole_month"),
    )
    assert (decision.decision, decision.amount_fen, decision.lines) == ("granted", 0, ())


def test_an_amount_that_is_raised_within_the_year_holds_from_its_month() -> None:
    """So one document carries both amounts of a year, however late it is issued."""
    rows = [
        {"grade": "junior", "amount_fen": 1200, "last_month": "2021-06"},
        {"grade": "junior", "amount_fen": 2400, "first_month": "2021-07"},
    ]
    line = {**LINE, "period": "annual", "by": ["grade"], "amounts": rows, "paid_by": "county"}
    decision = decide(WORKER, line=line)
    assert decision.lines[0].arithmetic == "1200 fen x 6/12 months + 2400 fen x 6/12 months = 1800 fen"
    in_full = decide(but(ends(4, "2021-06-30")), line={**line, "prorated": False})
    assert in_full.amount_fen == 1200
    assert decide(WORKER, line={**line, "prorated": False}).amount_fen == 2400


def test_a_payer_that_changes_within_the_year_pays_from_its_month() -> None:
    entries = [
        {"last_month": "2021-03", "shares": [{"payer": "old", "percent": 100}]},
        {"shares": [{"payer": "new", "percent": 100}]},
    ]
    changes = COUNTIES | {"line": by_month() | {"paid_by": entries}}
    decision = decide(WORKER, **changes)
    assert {each.payer: months_in(each.amount_fen) for each in decision.payers} == {"old": [1, 2, 3], "new": [*range(4, 13)]}


def test_months_before_the_first_dated_amount_have_none_and_a_warning_says_so() -> None:
    rows = [{"amount_fen": 1200, "first_month": "2021-03", "last_month": "2021-10"}]
    decision = decide(WORKER, line={**LINE, "amounts": rows, "paid_by": "county"})
    assert decision.amount_fen == 8 * 1200
    assert decision.warnings == (
        "line monthly: no amount for month=the first",
        "line monthly: no amount for month=2021-11",
    )


# A certificate that must hold where the worker is -----------------------------------------------------------------------------

ABROAD = certified(3, "2019-05-01", issuer="320500")
TERRITORY = setting(territory="required")


def test_where_territory_is_ignored_a_certificate_counts_anywhere() -> None:
    assert paid(but(ABROAD)) == to(12)


def test_beyond_the_issuing_city_a_certificate_counts_from_its_recognition_on() -> None:
    assert paid(but(ABROAD), **TERRITORY) is None
    assert paid(but(ABROAD, recognised(30, "2021-04-10", "320100")), **TERRITORY) == [*range(4, 13)]
    assert paid(but(ABROAD, recognised(30, "2021-04-10", "320104")), **TERRITORY) is None
    assert paid(but(ABROAD, recognised(30, "2022-04-10", "320100")), **TERRITORY) is None


def test_the_certificate_of_the_issuing_city_holds_until_the_move_away() -> None:
    """Whatever division pays: what counts is where the worker was at the time."""
    facts = but(registered("320506"), ABROAD, moved(30, "2021-06-15"))
    for chosen in ("year_end", "by_month"):
        assert paid(facts, **setting(territory="required", moved=chosen)) == to(6)


def test_with_the_grade_of_the_years_end_a_recognition_by_then_is_enough() -> None:
    facts = but(ABROAD, recognised(30, "2021-11-01", "320100"))
    assert paid(facts, **setting(territory="required", promotion="grade_at_year_end")) == to(12)


def test_reopened_after_leaving_the_months_count_again() -> None:
    facts = but(closed(40, "2021-03-15"), reopened(41, "2021-08-10"))
    assert paid(facts, **setting(leaving="from_that_month")) == [1, 2, 3, *range(8, 13)]
    assert paid(facts, **setting(month_counts_when="whole_month")) == [1, 2, *range(9, 13)]
