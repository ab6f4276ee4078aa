"""Which training is due, until when, and what was done of it: from facts alone."""

from __future__ import annotations

from datetime import date
from typing import Any

from eventlog.workdays import WorkCalendar
from services.talent.rotation import Held
from services.talent.training import CourseKnown, Coverage, Due, Result, coverage, duties_of, working_day_from
from tests.talent.developing import POLICY, held, policy

DAY = date.fromisoformat
COURSES = {
    "hr/c-1": CourseKnown("branch-secretary", "city", "任职培训"),
    "hr/c-2": CourseKnown("law", "county", "法治"),
}
INDUCTION, TERM, YEARLY = ((duty,) for duty in POLICY.training)


def result(key: str, on: str, hours: int, course: str = "c-1", outcome: str = "passed") -> Result:
    return Result(f"hr/{key}", f"hr/{course}", DAY(on), hours, outcome)


def due(day: str, posts: list[Held], results: list[Result], training: Any = INDUCTION) -> list[tuple[str, str, int]]:
    found: tuple[Due, ...] = duties_of(posts, results, COURSES, policy(training=training), DAY(day))
    return [(str(d.due_on), d.state, d.hours) for d in found]


def test_a_new_branch_secretary_is_trained_within_half_a_year() -> None:
    """Due until the day, overdue after it, and made up for later."""
    new = [held("e-1", "2025-03-01")]
    assert due("2025-08-31", new, []) == [("2025-08-31", "due", 0)]
    assert due("2025-09-01", new, []) == [("2025-08-31", "overdue", 0)]
    assert due("2025-09-01", new, [result("r-1", "2025-08-31", 24)]) == [("2025-08-31", "completed", 24)]
    late = [result("r-1", "2025-08-01", 20), result("r-2", "2025-10-01", 4)]
    assert due("2025-09-30", new, late) == [("2025-08-31", "overdue", 20)]
    assert due("2025-10-01", new, late) == [("2025-08-31", "completed_late", 24)]


def test_only_what_counts_is_counted() -> None:
    """A failed course, one of another topic, one before the appointment, and one that nobody has described, do not."""
    new = [held("e-1", "2025-03-01")]
    useless = [
        result("r-1", "2025-04-01", 24, outcome="failed"), result("r-2", "2025-04-01", 24, "c-2"),
        result("r-3", "2025-02-28", 24), result("r-4", "2025-04-01", 24, "c-9"),
    ]  # fmt: skip
    assert due("2025-05-01", new, useless) == [("2025-08-31", "due", 0)]


def test_who_was_a_secretary_before_is_not_new() -> None:
    """A second secretary's post asks for nothing; neither does a renewed engagement, nor another category."""
    assert due("2026-01-01", [held("e-1", "2020-01-01", "2021-01-01"), held("e-2", "2025-01-01", unit="别处")], []) == [
        ("2020-06-30", "overdue", 0)
    ]
    assert due("2021-01-01", [held("e-1", "2020-01-01", "2020-06-30"), held("e-2", "2020-07-01")], []) == [
        ("2020-06-30", "overdue", 0)
    ]
    assert due("2026-01-01", [held("e-1", "2025-01-01", category="recruited")], []) == []


def test_who_has_left_before_the_last_day_owes_nothing() -> None:
    assert due("2025-09-01", [held("e-1", "2025-03-01", "2025-08-01")], []) == [("2025-08-31", "lapsed", 0)]


def test_each_term_has_hours_of_its_own() -> None:
    """From the first day in the post, five years each; hours of one term do not count for the next."""
    found = due("2026-01-01", [held("e-1", "2020-06-01")], [result("r-1", "2024-01-01", 60, "c-2")], TERM)
    assert found == [("2025-05-31", "completed", 60), ("2030-05-31", "due", 0)]


def test_a_year_counts_for_who_held_the_post_on_its_first_day() -> None:
    found = due("2026-02-01", [held("e-1", "2024-01-02")], [result("r-1", "2025-12-31", 32, "c-2")], YEARLY)
    assert found == [("2025-12-31", "completed", 32), ("2026-12-31", "due", 0)]


def test_a_last_day_that_is_a_holiday_moves_to_the_next_working_day() -> None:
    """With the calendar's version; a year that nobody has arranged stays as it is, without one."""
    calendar = WorkCalendar()
    assert working_day_from(DAY("2024-10-01"), calendar) == (DAY("2024-10-08"), calendar.version)
    assert working_day_from(DAY("2024-09-29"), calendar) == (DAY("2024-09-29"), calendar.version)
    assert working_day_from(DAY("2090-10-01"), calendar) == (DAY("2090-10-01"), "")
    (found,) = duties_of([held("e-1", "2024-04-01")], [], {}, policy(training=INDUCTION), DAY("2024-10-07"), calendar)
    assert (str(found.due_on), found.calendar, found.state) == ("2024-09-30", calendar.version, "overdue")


def test_coverage_counts_what_is_due_by_name() -> None:
    """Lapsed duties are nobody's."""
    (done,) = duties_of(
        [held("e-1", "2025-03-01")], [result("r-1", "2025-04-01", 24)], COURSES, policy(training=INDUCTION), DAY("2026-01-01")
    )
    (late,) = duties_of([held("e-1", "2025-03-01")], [], COURSES, policy(training=INDUCTION), DAY("2026-01-01"))
    (gone,) = duties_of([held("e-1", "2025-03-01", "2025-04-01")], [], {}, policy(training=INDUCTION), DAY("2026-01-01"))
    assert coverage([("u", done), ("u", late), ("u", gone), ("v", gone)]) == (Coverage("u", 2, 1, 1),)
