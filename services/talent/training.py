"""Which training is due, and what was done of it (培训任务). Pure: the day and the calendar are arguments.

Everything follows from facts: a post begins a duty, results of training systems fulfil it. Nothing is stored, so that a
corrected fact or a late result is simply counted. A last day that is no working day moves to the next one where the calendar
knows the year; its version is told, and is empty where it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, assert_never

from contracts.development_policy import DevelopmentPolicy, Duty
from contracts.terms import last_day, months_after
from contracts.workdays import Calendar, UnknownYear
from services.talent.rotation import Held, Tenure, tenures

__all__ = ["CourseKnown", "Coverage", "Due", "Result", "coverage", "duties_of", "working_day_from"]

_DAY = timedelta(days=1)
GAP_DAYS = 31
"""Engagements that are no further apart are one post, where the policy has no rule of rotation."""
WINDOWS_MAX = 200
"""Windows of one duty of one post: 200 years."""
COUNTED = frozenset({"passed", "completed"})


@dataclass(frozen=True, slots=True)
class CourseKnown:
    topic: str
    level: str
    title: str


@dataclass(frozen=True, slots=True)
class Result:
    """A result that stands. course: ``source/key``. on: the day from which it counts."""

    key: str
    course: str
    on: date
    hours: int
    outcome: str


State = Literal["completed", "completed_late", "due", "overdue", "lapsed"]


@dataclass(frozen=True, slots=True)
class Due:
    """A duty in one window of one post. begins_on to due_on, both counted; hours: found by ``completed_on``, or so far.

    lapsed: the post ended before the last day. calendar: what moved the last day to a working day; empty: nothing did.
    """

    duty: str
    clause: str
    unit: str
    post: str
    category: str
    begins_on: date
    due_on: date
    calendar: str
    hours: int
    hours_at_least: int
    completed_on: date | None
    results: tuple[str, ...]
    state: State


def working_day_from(day: date, calendar: Calendar | None) -> tuple[date, str]:
    """The day, or the next working day after it, and the calendar that says so; empty: nobody knows that year."""
    try:
        return (day, "") if calendar is None else (calendar.add_working_days(day - _DAY, 1), calendar.version)
    except UnknownYear:
        return day, ""


def duties_of(
    posts: Sequence[Held],
    results: Sequence[Result],
    courses: Mapping[str, CourseKnown],
    policy: DevelopmentPolicy,
    day: date,
    calendar: Calendar | None = None,
) -> tuple[Due, ...]:
    """What is or was due by the day, in order of its last day. Only what was known to be true by the day is looked at."""
    gap = GAP_DAYS if policy.rotation is None else policy.rotation.gap_days
    held = tenures([post for post in posts if post.since <= day], gap)
    counted = sorted((r for r in results if r.outcome in COUNTED and r.on <= day), key=lambda r: (r.on, r.key))
    found = []
    for duty in policy.training:
        fitting = [r for r in counted if _fits(duty, courses.get(r.course))]
        for tenure in held:
            if _concerns(duty, tenure, held):
                found += [_due(duty, tenure, window, fitting, day, calendar) for window in _windows(duty, tenure, day)]
    return tuple(sorted(found, key=lambda due: (due.due_on, due.duty, due.unit, due.post)))


def _fits(duty: Duty, course: CourseKnown | None) -> bool:
    """Whether a course counts. One that nobody has described counts only where any does."""
    if course is None:
        return not duty.topics and not duty.levels
    return (not duty.topics or course.topic in duty.topics) and (not duty.levels or course.level in duty.levels)


def _concerns(duty: Duty, tenure: Tenure, all_held: Sequence[Tenure]) -> bool:
    first = tenure.posts[0]
    if first.category not in duty.categories or (duty.posts and first.post not in duty.posts):
        return False
    earlier = (t for t in all_held if t.since < tenure.since)
    return not (duty.new_only and any(t.posts[0].category == first.category for t in earlier))


def _windows(duty: Duty, tenure: Tenure, day: date) -> Iterator[tuple[date, date]]:
    """First and last day of each window that has begun by the day and while the post was held."""
    match duty.when:
        case "on_appointment":
            yield tenure.since, last_day(tenure.since, duty.months or 0)
        case "each_term":
            months = duty.months or 1
            for number in range(WINDOWS_MAX):
                first = months_after(tenure.since, number * months)
                if first > day or (tenure.until is not None and first > tenure.until):
                    return
                yield first, last_day(tenure.since, (number + 1) * months)
        case "each_year":
            # Of the years on whose first day the post was held: nobody owes a year that they joined late.
            first_year = tenure.since.year + (tenure.since > date(tenure.since.year, 1, 1))
            for year in range(first_year, day.year + 1):
                if tenure.on(date(year, 1, 1)):
                    yield date(year, 1, 1), date(year, 12, 31)
        case _:
            assert_never(duty.when)


def _due(
    duty: Duty, tenure: Tenure, window: tuple[date, date], results: Sequence[Result], day: date, calendar: Calendar | None
) -> Due:
    begins_on, last = window
    due_on, version = working_day_from(last, calendar)
    # After the last day only a duty that is done once can still be made up for; a later window has its own hours.
    until = day if duty.when == "on_appointment" else min(day, due_on)
    hours, used, completed_on = 0, [], None
    for result in results:
        if begins_on <= result.on <= until:
            hours += result.hours
            used.append(result.key)
            if hours >= duty.hours_at_least:
                completed_on = result.on
                break
    state: State
    if completed_on is not None:
        state = "completed" if completed_on <= due_on else "completed_late"
    elif tenure.until is not None and tenure.until < min(due_on, day):
        state = "lapsed"
    else:
        state = "overdue" if day > due_on else "due"
    post = tenure.posts[0]
    return Due(
        duty.name, duty.clause, post.unit, post.post, post.category, begins_on, due_on, version, hours, duty.hours_at_least,
        completed_on, tuple(used), state,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of so many due by now (``lapsed`` ones left out), so many done."""

    name: str
    due: int
    completed: int
    overdue: int


def coverage(named: Iterable[tuple[str, Due]]) -> tuple[Coverage, ...]:
    """By name, such as a unit's or a term's: how far duties are done."""
    counts: dict[str, list[int]] = {}
    for name, due in named:
        if due.state != "lapsed":
            row = counts.setdefault(name, [0, 0, 0])
            row[0] += 1
            row[1] += due.state in ("completed", "completed_late")
            row[2] += due.state == "overdue"
    return tuple(Coverage(name, *row) for name, row in sorted(counts.items()))
