"""Units and annual inspections, rule by rule: streams of their own, told by sources in any order."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from contracts import intake
from contracts.receipts import Problem
from contracts.registry import InspectionClosed, InspectionOpened, UnitClosed, UnitRegistered
from eventlog.decider import Rejected, StandsOtherwise
from services.registry.app import check_place
from services.registry.decider import Early
from services.registry.decider.places import (
    INSPECTION_DAYS_MAX,
    PlaceEvent,
    PlaceFact,
    PlaceState,
    decide_place,
    evolve_place,
    initial,
    result_origin,
    stream_of_place,
)
from tests.registry.example import origin, stamp
from tests.support import NOW

CREDIT_CODE = "91110000600037341L"
"""Of the right form and checksum; it is a published example."""

Told = tuple[int, PlaceFact, str]
"""(number of the message, which is its minute, what it says, from when)."""


def unit(n: int = 1, on: str = "2024-01-01", title: str = "虚构街道党工委", **more: Any) -> Told:
    return n, intake.UnitRegistered(unit="u1", title=title, division=more.pop("division", "320102"), **more), on


def shut(n: int = 2, on: str = "2024-06-30") -> Told:
    return n, intake.UnitClosed(unit="u1", reason="merged with another"), on


def opened(n: int = 1, on: str = "2024-11-01", closes_on: str = "2024-12-31", year: int = 2024, **more: Any) -> Told:
    division = more.pop("division", "320102")
    return n, intake.InspectionOpened(division=division, year=year, closes_on=date.fromisoformat(closes_on), **more), on


def over(n: int = 2, on: str = "2025-01-06", rest: Any = "missed", year: int = 2024) -> Told:
    return n, intake.InspectionClosed(division="320102", year=year, rest=rest), on


def tell(state: PlaceState, told: Told) -> tuple[PlaceEvent, ...]:
    n, says, on = told
    return decide_place(stamp(n, on), says, state, check_place)


def told_or_not(state: PlaceState, told: Told) -> tuple[PlaceEvent, ...]:
    """What is recorded; nothing, also where something else stands."""
    try:
        return tell(state, told)
    except StandsOtherwise:
        return ()


def after(*told: Told) -> PlaceState:
    state = initial(stream_of_place(told[0][1], "hr"))
    for each in told:
        for event in told_or_not(state, each):
            state = evolve_place(state, event, date.fromisoformat(each[2]))
    return state


def nothing(of: Told) -> PlaceState:
    return initial(stream_of_place(of[1], "hr"))


def refused(state: PlaceState, told: Told, code: str, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        tell(state, told)
    assert [(p.code, p.field) for p in caught.value.problems] == [(code, field)]
    assert all(p.problem and p.remedy for p in caught.value.problems)


def waits(state: PlaceState, told: Told) -> str:
    with pytest.raises(Early) as early:
        tell(state, told)
    return early.value.need


# --- units --------------------------------------------------------------------------------------------------------------


def test_a_unit_is_registered_under_its_sources_key() -> None:
    told = unit(credit_code=CREDIT_CODE, parent="u0")
    assert tell(nothing(told), told) == (
        UnitRegistered(
            fact=origin(1),
            unit="hr/u1",
            title="虚构街道党工委",
            division="320102",
            credit_code=CREDIT_CODE,
            parent="hr/u0",
        ),
    )
    assert stream_of_place(told[1], "hr") == "unit-hr/u1"
    assert stream_of_place(told[1], "training") == "unit-training/u1"


def test_a_unit_told_again_is_the_whole_of_what_is_known_now() -> None:
    """With something new in it; the same once more is no news."""
    renamed = unit(2, title="虚构街道机关党委")
    [event] = tell(after(unit()), renamed)
    assert isinstance(event, UnitRegistered)
    assert event.title == "虚构街道机关党委"
    assert tell(after(unit()), unit(2)) == ()
    with pytest.raises(StandsOtherwise):
        tell(after(unit(), renamed), unit(2))


def test_what_a_source_had_recorded_earlier_adds_nothing_to_a_unit() -> None:
    """It comes late: the latest word stands, whichever comes first."""
    first, second = unit(1), unit(2, title="虚构街道机关党委")
    assert after(first, second) == after(second, first)
    assert after(first, shut(3), second) == after(first, shut(3))


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"division": "999999"}, "unknown-division", "data.division"),
        ({"credit_code": CREDIT_CODE[:-1] + "0"}, "wrong-credit-code", "data.credit_code"),
        ({"parent": "u1"}, "own-parent", "data.parent"),
    ],
)
def test_a_unit_has_a_division_a_credit_code_and_a_parent_that_can_be(more: Any, code: str, field: str) -> None:
    told = unit(**more)
    refused(nothing(told), told, code, field)


def test_a_closed_unit_can_be_registered_again() -> None:
    closed = after(unit(), shut())
    [event] = tell(closed, unit(3, "2025-01-01"))
    assert isinstance(event, UnitRegistered)
    [again] = tell(after(unit(), shut(), unit(3, "2025-01-01")), shut(4, "2025-06-30"))
    assert again == UnitClosed(fact=origin(4), unit="hr/u1", reason="merged with another")


def test_a_closing_waits_for_its_unit_comes_once_and_not_before_it() -> None:
    assert waits(nothing(shut()), shut()) == "unit:hr/u1"
    refused(after(unit(), shut()), shut(3, "2024-07-01"), "already-closed", "data.unit")
    assert tell(after(unit(), shut()), shut(3)) == ()
    refused(after(unit(on="2024-07-01")), shut(), "before-what-it-follows", "effectiveon")
    assert tell(after(unit(), shut()), shut()) == ()


@settings(max_examples=100)
@any_of(data=st.data())
def test_a_unit_told_in_any_order_reads_the_same(data: st.DataObject) -> None:
    """Of tellings and closings in turn, whatever the order of arrival after the first one."""
    told = [unit(1), unit(2, title="甲"), unit(3, title="乙"), unit(4, title="丙")]
    kept = data.draw(st.permutations(told))
    assert after(*kept) == after(*told)


# --- inspections --------------------------------------------------------------------------------------------------------


def test_an_inspection_is_opened_for_a_division_and_a_year() -> None:
    told = opened(items=("members", "dues"))
    assert tell(nothing(told), told) == (
        InspectionOpened(fact=origin(1), division="320102", year=2024, closes_on=date(2024, 12, 31), items=("members", "dues")),
    )
    assert stream_of_place(told[1], "hr") == stream_of_place(told[1], "training") == "inspection-320102-2024"


def test_an_inspection_is_opened_once() -> None:
    """Whoever opens it; the same again is no news."""
    refused(after(opened()), opened(2, closes_on="2024-12-30"), "already-opened", "data.year")
    assert tell(after(opened()), opened(2)) == ()


@pytest.mark.parametrize(
    ("days", "fine"), [(-1, False), (0, True), (INSPECTION_DAYS_MAX, True), (INSPECTION_DAYS_MAX + 1, False)]
)
def test_the_last_day_of_an_inspection_is_within_two_years(days: int, fine: bool) -> None:
    day = date.fromordinal(date(2024, 11, 1).toordinal() + days)
    told = opened(closes_on=str(day))
    if fine:
        assert len(tell(nothing(told), told)) == 1
    else:
        refused(nothing(told), told, "closes-on", "data.closes_on")


def test_an_inspection_is_of_a_division_that_there_is() -> None:
    told = opened(division="999999")
    refused(nothing(told), told, "unknown-division", "data.division")


def test_an_inspection_is_closed_once_with_what_becomes_of_the_rest() -> None:
    for rest in ("missed", "passed"):
        assert tell(after(opened()), over(rest=rest)) == (
            InspectionClosed(fact=origin(2), division="320102", year=2024, rest=rest),
        )
    refused(after(opened(), over()), over(3, rest="passed"), "already-closed", "data.year")
    assert tell(after(opened(), over()), over(3)) == ()


def test_a_closing_waits_for_the_opening_and_is_not_dated_before_it_or_before_its_year() -> None:
    """A result cannot be dated before its year, and those of the rest have the closing's day."""
    assert waits(nothing(over()), over()) == "inspection:320102/2024"
    refused(after(opened()), over(on="2024-10-31"), "before-what-it-follows", "effectiveon")
    early = opened(on="2023-12-01", closes_on="2024-01-31")
    refused(after(early), over(on="2023-12-31"), "before-what-it-follows", "effectiveon")
    assert len(tell(after(early), over(on="2024-01-01"))) == 1


def test_a_result_that_a_closing_gives_is_older_than_any_that_is_reported() -> None:
    """So that a late one counts; it has the same name whoever records it."""
    ref = "p" + "0" * 26
    found = result_origin("320102", 2024, ref)
    assert found == result_origin("320102", 2024, ref)
    assert found.occurred_at == datetime(2024, 1, 1, tzinfo=NOW.tzinfo)
    assert intake.FactId(id=found.id, source=found.source).id == f"inspection:320102:2024:{ref}"


def test_what_is_wrong_is_what_the_check_says() -> None:
    """It is given from outside: codes that a deployment knows beside the library's."""
    problem = Problem(field="data.division", code="x", problem="y", remedy="z")
    n, says, on = unit()
    with pytest.raises(Rejected) as caught:
        decide_place(stamp(n, on), says, nothing(unit()), lambda *_: problem)
    assert caught.value.problems == (problem,)
