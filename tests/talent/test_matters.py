"""Courses as they were written last; problems from raised to closed; lists that are signed and checked off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from contracts.development import (
    ItemCheck,
    ListSignature,
    ListWithdrawal,
    ProblemClosed,
    ProblemClosing,
    ProblemEvidence,
    ProblemExtension,
    ProblemRaised,
    ProblemReturn,
)
from eventlog.workdays import WorkCalendar
from services.talent.development import PolicyKnown
from services.talent.matters import MatterHappened, Raised, matter_decider, matter_of, period_end, periods_of, replay_matter
from tests.specs import When, given
from tests.support import event_id
from tests.talent.developing import COURSE, LIST, PROBLEM, matter, policy

CALENDAR = WorkCalendar()
POLICIES = (PolicyKnown(event_id(800), policy(effective_on=date(2024, 1, 1))),)


def when(history: Sequence[MatterHappened], act: Any, policies: Any = POLICIES) -> When[Any, Any, Any]:
    return given(matter_decider(policies, CALENDAR), history).when(act)


def then_on(history: Sequence[MatterHappened], *acts: Any) -> list[MatterHappened]:
    found = list(history)
    for act in acts:
        found += when(found, act).events
    return found


# --- what is described ---------------------------------------------------------------------------------------------------


@any_of(st.permutations([(16, 1), (24, 3), (20, 2)]))
def test_a_course_is_as_it_was_written_last_whatever_the_order(reports: list[tuple[int, int]]) -> None:
    history: list[MatterHappened] = []
    for hours, at in reports:
        history = then_on(history, matter(at, "2026-01-01", COURSE.model_copy(update={"hours": hours}), at=at))
    assert replay_matter(history).says.hours == 24  # type: ignore[union-attr]


# --- problems ------------------------------------------------------------------------------------------------------------

RAISED = then_on([], matter(1, "2024-09-27", PROBLEM))
SHOWN = ProblemEvidence(problem="P-1", evidence=("a" * 64,), says="已补齐")
CLOSE = ProblemClosing(problem="P-1", outcome="rectified", closed_by="督查组")


def test_a_problem_has_its_last_day_counted_once_on_the_official_calendar() -> None:
    """In working days, with the calendar's version; or as given; or by the policy."""
    (event,) = when([], matter(1, "2024-09-27", PROBLEM.model_copy(update={"working_days": 5}))).events
    assert isinstance(event.event, ProblemRaised)
    assert (str(event.event.due_on), event.event.calendar) == ("2024-10-10", CALENDAR.version)
    (by_policy,) = when([], matter(1, "2024-09-27", PROBLEM)).events
    assert str(by_policy.event.due_on) == str(CALENDAR.add_working_days(date(2024, 9, 27), 20))
    (given_,) = when([], matter(1, "2024-09-27", PROBLEM.model_copy(update={"due_on": date(2024, 12, 1)}))).events
    assert (str(given_.event.due_on), given_.event.calendar) == ("2024-12-01", "")


@pytest.mark.parametrize(
    ("changed", "on", "policies", "code"),
    [
        ({"due_on": date(2024, 9, 26)}, "2024-09-27", POLICIES, "dates-reversed"),
        ({"due_on": date(2024, 9, 28), "working_days": 1}, "2024-09-27", POLICIES, "two-deadlines"),
        ({}, "2024-09-27", (), "no-deadline"),
        ({"working_days": 5}, "1999-01-01", POLICIES, "calendar-unknown"),
    ],
)
def test_a_deadline_that_nobody_can_tell_is_asked_for(changed: Any, on: str, policies: Any, code: str) -> None:
    when([], matter(1, on, PROBLEM.model_copy(update=changed)), policies).rejected(code)


def test_a_problem_is_closed_as_rectified_only_on_evidence_that_was_not_returned() -> None:
    when(RAISED, matter(2, "2024-10-01", CLOSE)).rejected("no-evidence")
    shown = then_on(RAISED, matter(2, "2024-10-01", SHOWN))
    back = then_on(shown, matter(3, "2024-10-02", ProblemReturn(problem="P-1", reason="缺签字")))
    when(back, matter(4, "2024-10-03", CLOSE)).rejected("no-evidence")
    when(RAISED, matter(3, "2024-10-02", ProblemReturn(problem="P-1", reason="缺"))).rejected("stage-skipped")
    again = then_on(back, matter(5, "2024-10-04", SHOWN.model_copy(update={"says": "已补签"})))
    (closed,) = when(again, matter(6, "2024-12-01", CLOSE)).events
    assert isinstance(closed.event, ProblemClosed)
    due_on = RAISED[0].event.due_on  # type: ignore[union-attr]
    assert closed.event.late == (date(2024, 12, 1) - due_on).days > 0
    when([*again, closed], matter(6, "2024-12-01", CLOSE)).nothing()
    when([*again, closed], matter(7, "2024-12-02", SHOWN)).rejected("problem-closed")
    unfounded = CLOSE.model_copy(update={"outcome": "unfounded"})
    assert len(when(RAISED, matter(8, "2024-10-01", unfounded)).events) == 1


def test_a_deadline_is_extended_as_often_as_the_policy_allows() -> None:
    says = ProblemExtension(problem="P-1", due_on=date(2024, 12, 31), reason="工程未完", granted_by="督查组")
    longer = then_on(RAISED, matter(2, "2024-10-01", says))
    state = replay_matter(longer)
    assert isinstance(state, Raised)
    assert state.due_on == date(2024, 12, 31)
    when(longer, matter(2, "2024-10-01", says)).nothing()
    when(longer, matter(3, "2024-10-02", says.model_copy(update={"due_on": date(2025, 1, 31)}))).rejected("too-many-extensions")
    when(RAISED, matter(3, "2024-10-02", says.model_copy(update={"due_on": date(2024, 10, 2)}))).rejected("no-extension")


def test_another_source_names_whose_problem_it_means() -> None:
    assert matter_of(SHOWN, "audit") == "problem-audit/P-1"
    assert matter_of(SHOWN.model_copy(update={"problem_source": "hr"}), "audit") == "problem-hr/P-1"
    when([], matter(1, "2024-10-01", SHOWN)).rejected("no-such-problem")
    when(RAISED, matter(1, "2024-09-28", PROBLEM)).rejected("key-taken")


@pytest.mark.parametrize(
    "says",
    [
        CLOSE,
        CLOSE.model_copy(update={"outcome": "unfounded"}),
        ProblemReturn(problem="P-1", reason="缺签字"),
        ProblemExtension(problem="P-1", due_on=date(2024, 12, 31), reason="工程未完", granted_by="督查组"),
    ],
)
def test_a_problem_is_returned_extended_and_closed_by_whoever_raised_it_or_a_closer(says: Any) -> None:
    """Anybody may submit evidence; what comes of it is for its source, the operator, or whom the deployment names."""
    of_hr = says.model_copy(update={"problem_source": "hr"})
    shown = then_on(RAISED, matter(2, "2024-10-01", SHOWN.model_copy(update={"problem_source": "hr"}), source="audit"))
    assert len(shown) == 2
    when(shown, matter(3, "2024-10-02", of_hr, source="audit")).rejected("not-your-problem")
    when([], matter(3, "2024-10-02", of_hr, source="audit")).rejected("not-your-problem")
    for told, source in ((says, "hr"), (of_hr, "hr"), (of_hr, "operator")):
        assert len(when(shown, matter(3, "2024-10-02", told, source=source)).events) == 1
    named = given(matter_decider(POLICIES, CALENDAR, frozenset({"audit"})), shown)
    assert len(named.when(matter(3, "2024-10-02", of_hr, source="audit")).events) == 1
    assert len(named.when(matter(3, "2024-10-02", of_hr, source="operator")).events) == 1


# --- responsibility lists ------------------------------------------------------------------------------------------------

ISSUED = then_on([], matter(1, "2026-01-05", LIST))
SIGNED = then_on(ISSUED, matter(2, "2026-01-20", ListSignature(list="L-1")))
CHECK = ItemCheck(list="L-1", item="lessons", period="2026-Q1", result="done")


def test_a_list_is_signed_before_its_items_are_checked_off() -> None:
    when([], matter(2, "2026-01-20", ListSignature(list="L-1"))).rejected("no-such-list")
    when(ISSUED, matter(3, "2026-02-01", CHECK)).rejected("not-signed")
    when(SIGNED, matter(3, "2026-01-20", ListSignature(list="L-1"))).nothing()
    when(SIGNED, matter(3, "2026-02-01", ListSignature(list="L-1"))).stands_otherwise()
    checked = then_on(SIGNED, matter(4, "2026-02-02", CHECK))
    when(checked, matter(4, "2026-02-02", CHECK)).nothing()
    assert len(when(checked, matter(5, "2026-02-03", CHECK.model_copy(update={"result": "not_done"}), at=9)).events) == 1


def test_an_item_is_checked_in_its_own_periods() -> None:
    when(SIGNED, matter(4, "2026-02-02", CHECK.model_copy(update={"period": "2026-02"}))).rejected("no-such-period")
    when(SIGNED, matter(4, "2026-02-02", CHECK.model_copy(update={"period": "2025-Q4"}))).rejected("no-such-period")
    when(SIGNED, matter(4, "2026-02-02", CHECK.model_copy(update={"item": "x"}))).rejected("no-such-item")
    assert [str(period_end(p)) for p in periods_of("quarterly", 2026)] == [
        "2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31",
    ]  # fmt: skip
    assert [str(period_end(p)) for p in ("2024-02", "2026-H1", "2026-H2", "2026")] == [
        "2024-02-29", "2026-06-30", "2026-12-31", "2026-12-31",
    ]  # fmt: skip


def test_a_list_is_withdrawn_by_whoever_issued_it_or_a_closer() -> None:
    """Others may sign it and check its items off."""
    of_hr = ListWithdrawal(list="L-1", list_source="hr", reason="机构调整")
    when(SIGNED, matter(5, "2026-03-01", of_hr, source="audit")).rejected("not-your-list")
    when([], matter(5, "2026-03-01", of_hr, source="audit")).rejected("not-your-list")
    for source in ("hr", "operator"):
        assert len(when(SIGNED, matter(5, "2026-03-01", of_hr, source=source)).events) == 1
    checked = CHECK.model_copy(update={"list_source": "hr"})
    assert len(when(SIGNED, matter(5, "2026-03-01", checked, source="audit")).events) == 1


def test_a_list_that_was_withdrawn_is_over() -> None:
    gone = then_on(SIGNED, matter(5, "2026-03-01", ListWithdrawal(list="L-1", reason="机构调整")))
    when(gone, matter(6, "2026-03-02", CHECK)).rejected("list-withdrawn")
    when(gone, matter(6, "2026-03-01", ListWithdrawal(list="L-1", reason="机构调整"))).nothing()
    when(gone, matter(6, "2026-03-02", ListWithdrawal(list="L-1", reason="机构调整"))).stands_otherwise()
    when(ISSUED, matter(6, "2026-01-06", LIST)).rejected("key-taken")
