"""Where somebody is registered on a day, and on which days they are not."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.particulars import RatingResult, Registration, RegistrationStatus, Transfer
from contracts.registration_life import Closed, Fact, closed_spans, division_on
from tests.support import event_id

REGISTERED: Fact = (event_id(1), date(2019, 1, 1), Registration(division="320102"))


def status(number: int, what: Any, on: str, key: str = "") -> Fact:
    said = RegistrationStatus(key=key or f"s{number}", status=what, reason="other")
    return event_id(number), date.fromisoformat(on), said


def moved(number: int, division: str, on: str, key: str = "") -> Fact:
    return event_id(number), date.fromisoformat(on), Transfer(key=key or f"t{number}", division=division)


def closed(*facts: Fact) -> list[tuple[str, str | None]]:
    """(first, last) of each span of closed days."""
    return [(str(s.first), None if s.last is None else str(s.last)) for s in closed_spans((REGISTERED, *facts))]


def test_a_registration_is_closed_from_the_day_after_its_last_one() -> None:
    (span,) = closed_spans((REGISTERED, status(2, "closed", "2021-06-30")))
    assert span == Closed(date(2021, 7, 1), None, (event_id(2),))
    assert [span.covers(date(2021, 6, 30)), span.covers(date(2021, 7, 1))] == [False, True]


def test_it_is_open_again_from_the_day_of_its_reopening() -> None:
    (span,) = closed_spans((REGISTERED, status(2, "closed", "2021-06-30"), status(3, "reopened", "2021-09-01")))
    assert span == Closed(date(2021, 7, 1), date(2021, 8, 31), (event_id(2), event_id(3)))
    assert [span.covers(date(2021, 8, 31)), span.covers(date(2021, 9, 1))] == [True, False]


def test_it_can_be_closed_again() -> None:
    turns = (status(2, "closed", "2020-06-30"), status(3, "reopened", "2020-09-01"), status(4, "closed", "2020-09-01", "z"))
    assert closed(*turns) == [("2020-07-01", "2020-08-31"), ("2020-09-02", None)]


@pytest.mark.parametrize("day", ["2021-06-30", "2021-07-01"])
def test_reopened_before_a_day_has_passed_it_was_never_closed(day: str) -> None:
    assert closed(status(2, "closed", "2021-06-30"), status(3, "reopened", day)) == []


def test_closing_what_is_closed_and_reopening_what_is_open_changes_nothing() -> None:
    assert closed(status(2, "reopened", "2021-06-30")) == []
    assert closed(status(2, "closed", "2021-06-30"), status(3, "closed", "2021-12-31")) == [("2021-07-01", None)]


def test_a_worker_belongs_to_the_division_of_the_last_transfer_by_the_day() -> None:
    facts = (REGISTERED, moved(3, "320106", "2022-01-01"), moved(2, "320104", "2021-06-15"))
    days = ["2021-06-14", "2021-06-15", "2021-12-31", "2022-01-01"]
    assert [division_on(facts, date.fromisoformat(day)) for day in days] == [
        ("320102", (event_id(1),)),
        ("320104", (event_id(1), event_id(2))),
        ("320104", (event_id(1), event_id(2))),
        ("320106", (event_id(1), event_id(3))),
    ]


def test_the_registration_comes_first_whatever_its_day() -> None:
    """Reported late with a later date, it does not undo a transfer."""
    facts = (moved(2, "320104", "2018-06-15"), REGISTERED)
    assert division_on(facts, date(2021, 1, 1)) == ("320104", (event_id(1), event_id(2)))


def test_who_is_not_registered_belongs_nowhere() -> None:
    facts = (moved(2, "320104", "2018-06-15"), (event_id(3), date(2021, 1, 1), RatingResult(year=2020, rating="basic")))
    assert division_on(facts, date(2021, 1, 1)) is None


DAYS = st.dates(date(2020, 1, 1), date(2021, 12, 31))


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    facts = [REGISTERED]
    days = draw(st.lists(DAYS, min_size=1, max_size=4))
    for number in range(2, 2 + draw(st.integers(0, 7))):
        on, key = str(draw(st.sampled_from(days) | DAYS)), draw(st.sampled_from(["k1", "k2"]))
        what = draw(st.sampled_from(["closed", "reopened", "320104", "320106"]))
        facts.append(moved(number, what, on, key) if what.isdigit() else status(number, what, on, key))
    return facts


@settings(max_examples=300)
@given(histories(), st.permutations(range(2, 10)), st.randoms(use_true_random=False))
def test_neither_the_order_of_the_facts_nor_that_of_recording_matters(facts: list[Fact], ids: list[int], chance: Any) -> None:
    renamed = [REGISTERED, *[(event_id(n), on, says) for n, (_, on, says) in zip(ids, facts[1:], strict=False)]]
    chance.shuffle(renamed)
    assert [(s.first, s.last) for s in closed_spans(renamed)] == [(s.first, s.last) for s in closed_spans(facts)]
    day = date(2021, 6, 30)
    assert (division_on(renamed, day) or ("", ()))[0] == (division_on(facts, day) or ("", ()))[0]


@settings(max_examples=300)
@given(histories())
def test_closed_days_come_in_spans_that_are_in_order_and_apart(facts: list[Fact]) -> None:
    spans = closed_spans(facts)
    assert all(span.last is not None and span.first <= span.last for span in spans[:-1])
    for before, after in pairwise(spans):
        assert before.last is not None
        assert after.first > before.last + timedelta(days=1)
    assert all(len(span.facts) == (1 if span.last is None else 2) for span in spans)
