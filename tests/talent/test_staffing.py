"""What is told of units and vacancies: what counts, what is refused, and that the order of arrival does not matter."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest
from pydantic import ValidationError

from contracts import staffing_intake as intake
from contracts.registry import FactOrigin
from contracts.staffing import UnitPost, UnitStaffReported, VacancyClosed, VacancyDescribed
from services.talent.acts import Stamp
from services.talent.staffing import (
    StaffingCommand,
    StaffingFact,
    StaffingHappened,
    evolve_staffing,
    initial_of,
    needs_description,
    staffing_decider,
    staffing_stream,
)
from tests.specs import decided, given
from tests.support import NOW, event_id

UNIT = {"unit": "第七党支部", "division": "320102"}
POST = {**UNIT, "vacancy": "V-1", "post": "书记", "category": "secretary"}
DEGREE = {"rule": "degree", "at_least": "bachelor", "clause": "1"}
REF = "p0000000000000000000000000a"


def origin(id: str, hour: int = 8) -> FactOrigin:
    return FactOrigin(source="hr", id=id, occurred_at=datetime(2026, 2, 1, hour, tzinfo=UTC))


def told(says: StaffingFact, on: str = "2026-02-01", *, id: str = "m-1", hour: int = 8) -> StaffingCommand:
    return StaffingCommand(Stamp(event_id(1), "", origin(id, hour), date.fromisoformat(on), NOW), says)


def staff(number: int, on: str = "2026-02-01", **more: Any) -> StaffingCommand:
    return told(intake.UnitStaffReported(**UNIT, staff=number), on, **more)


def described(**changed: Any) -> intake.VacancyDescribed:
    return intake.VacancyDescribed.model_validate({**POST, "hard": [DEGREE], **changed})


def closed(outcome: str = "withdrawn", **more: Any) -> intake.VacancyClosed:
    return intake.VacancyClosed.model_validate({"vacancy": "V-1", "outcome": outcome, **more})


def happened(command: StaffingCommand) -> StaffingHappened:
    (event,) = staffing_decider(staffing_stream(command.says, "hr")).decide(command, _state_before(command))
    return event


def _state_before(command: StaffingCommand) -> Any:
    stream = staffing_stream(command.says, "hr")
    state = initial_of(stream)
    if isinstance(command.says, intake.VacancyClosed):
        state = evolve_staffing(state, happened(told(described(), id="m-0", hour=1)))
    return state


UNIT_DECIDER = staffing_decider("unit-x")
VACANCY_DECIDER = staffing_decider("vacancy-hr/V-1")


# --- units --------------------------------------------------------------------------------------------------------------


def test_the_staff_of_a_unit_is_recorded_for_its_day() -> None:
    """Once: decided twice, there is nothing new."""
    command = staff(2600)
    expected = StaffingHappened(
        date(2026, 2, 1), UnitStaffReported(origin=origin("m-1"), unit="第七党支部", division="320102", staff=2600)
    )
    given(UNIT_DECIDER).when(command).then(expected)
    given(UNIT_DECIDER, [expected]).when(command).nothing()


def test_of_two_reports_for_a_day_the_one_recorded_last_counts_whichever_came_first() -> None:
    """Each order of arrival ends with the same number standing."""
    reports = [staff(10, id="a", hour=7), staff(12, id="b", hour=8), staff(10, id="c", hour=9)]
    standing = set()
    for order in permutations(reports):
        state, last = initial_of("unit-x"), None
        for command in order:
            for event in decided(UNIT_DECIDER, command, state):
                state, last = evolve_staffing(state, event), event.event.payload()["staff"]
        standing.add((last, state.staff[date(2026, 2, 1)].told[2]))  # type: ignore[union-attr]
    assert standing == {(10, "c")}


def test_a_report_for_another_day_is_another_matter() -> None:
    before = happened(staff(10, id="z", hour=23))
    assert len(given(UNIT_DECIDER, [before]).when(staff(11, "2026-03-01")).events) == 1


def test_a_date_that_cannot_be_is_refused() -> None:
    given(UNIT_DECIDER).when(staff(10, "1900-01-01")).rejected("date-too-early", "effectiveon")
    given(UNIT_DECIDER).when(staff(10, "2036-01-01")).rejected("date-too-late", "effectiveon")


@pytest.mark.parametrize(
    ("model", "sides"),
    [("one_person", ["party"]), ("cross_appointment", ["management"]), ("full_time_secretary", ["management"])],
)
def test_a_model_names_posts_of_the_sides_that_it_is_about(model: str, sides: list[str]) -> None:
    posts = [{"post": f"岗位{n}", "side": side} for n, side in enumerate(sides)]
    with pytest.raises(ValidationError, match="name"):
        intake.LeadershipModelSet.model_validate({**UNIT, "model": model, "posts": posts})


def test_a_model_is_recorded_with_its_posts() -> None:
    posts = [{"post": "书记", "side": "party", "category": "secretary"}, {"post": "主任", "side": "management", "seats": 2}]
    says = intake.LeadershipModelSet.model_validate({**UNIT, "model": "one_person", "posts": posts})
    (event,) = given(UNIT_DECIDER).when(told(says)).events
    assert event.event.payload()["posts"] == [
        UnitPost(post="书记", side="party", category="secretary").payload(),
        UnitPost(post="主任", side="management", seats=2).payload(),
    ]


# --- vacancies ----------------------------------------------------------------------------------------------------------


def test_a_vacancy_is_described_and_closed_once() -> None:
    first = happened(told(described()))
    assert isinstance(first.event, VacancyDescribed)
    assert first.event.vacancy == "hr/V-1"
    end = told(closed("filled", person={"person_ref": REF}), "2026-03-01", id="m-2")
    expected = VacancyClosed(origin=origin("m-2"), vacancy="hr/V-1", outcome="filled", person_ref=REF)
    over = StaffingHappened(date(2026, 3, 1), expected)
    given(VACANCY_DECIDER, [first]).when(end).then(over)
    given(VACANCY_DECIDER, [first, over]).when(end).nothing()
    given(VACANCY_DECIDER, [first, over]).when(told(closed(), id="m-3")).rejected("vacancy-closed", "data.vacancy")
    given(VACANCY_DECIDER, [first, over]).when(told(described(), id="m-4", hour=9)).nothing()
    other = told(described(post="副书记"), id="m-4", hour=9)
    given(VACANCY_DECIDER, [first, over]).when(other).rejected("vacancy-closed", "data.vacancy")


def test_a_vacancy_is_described_anew_by_what_was_recorded_later() -> None:
    first = happened(told(described(), hour=8))
    later = told(described(post="副书记"), id="m-2", hour=9)
    assert len(given(VACANCY_DECIDER, [first]).when(later).events) == 1
    given(VACANCY_DECIDER, [first]).when(told(described(post="副书记"), id="m-2", hour=7)).stands_otherwise()


def test_a_closing_waits_for_the_description() -> None:
    """It is held by the handlers; decided at once it would be refused."""
    command = told(closed())
    assert needs_description(command, initial_of("vacancy-hr/V-1"))
    assert not needs_description(command, _state_before(command))
    given(VACANCY_DECIDER).when(command).rejected("unknown-vacancy")


def test_a_word_that_the_standard_does_not_know_is_refused_at_its_place() -> None:
    """Nobody would ever meet it."""
    says = described(soft=[{"criterion": {"rule": "certificate", "at_least": "grand", "clause": "2"}, "weight": 1}])
    given(VACANCY_DECIDER).when(told(says)).rejected("unknown-word", "data.soft[0].criterion.at_least")


@pytest.mark.parametrize(
    "changed",
    [
        {"hard": []},
        {"hard": [DEGREE, DEGREE]},
        {"hard": [{"rule": "age", "clause": "1"}]},
        {"hard": [{"rule": "age", "at_least": 40, "at_most": 30, "clause": "1"}]},
        {"hard": [{"rule": "ratings", "at_least": "competent", "count": 3, "of_last": 2, "clause": "1"}]},
        {"soft": [{"criterion": DEGREE, "weight": 0}]},
        {"soft": [{"criterion": DEGREE, "weight": 1, "note": "x"}]},
    ],
)
def test_requirements_that_make_no_sense_are_refused(changed: dict[str, Any]) -> None:
    """Nothing asked for, asked twice, no bound, bounds exchanged, more years than there are, no weight, unknown fields."""
    with pytest.raises(ValidationError):
        described(**changed)


def test_a_vacancy_that_is_filled_names_who_fills_it() -> None:
    for wrong in ({"outcome": "filled"}, {"outcome": "withdrawn", "person": {"person_ref": REF}}):
        with pytest.raises(ValidationError, match="names"):
            intake.VacancyClosed.model_validate({"vacancy": "V-1", **wrong})
