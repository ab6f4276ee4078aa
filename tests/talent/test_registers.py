"""The lists that an office works with, from the tables of both stores."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from eventlog.database import Database
from eventlog.workdays import WorkCalendar
from services.talent.development_handlers import published_policies
from services.talent.matters import periods_of
from services.talent.registers import (
    Policies,
    catalogue,
    coverage_of,
    development_of,
    due_state,
    duties_list,
    mentors_by_unit,
    mentors_list,
    plans_list,
    problems_by_unit,
    problems_list,
    responsibility_lists,
    rotation_list,
    secondments_list,
    training_hours,
)
from tests.talent.developing import COURSE, LIST, PROBLEM, SECONDED, TRAINED, a_plan
from tests.talent.example import DIVISION, REF, certified, registered
from tests.talent.test_development_handlers import MENTOR, MOVED, TOLD, DevelopmentBench, hear_of, screened
from tests.telling import as_told

DAY = date(2026, 9, 1)


@pytest.fixture
def made(database: Database) -> DevelopmentBench:
    """A secretary since March 2021 with a plan, a mentor, a secondment and one training; a problem and a list of their unit."""
    bench = DevelopmentBench(database)
    screened(bench)
    theirs = [hear_of(MENTOR, registered(40)), hear_of(MENTOR, certified(41, "special"))]
    bench.hear(*as_told([*TOLD, *theirs])[len(TOLD) :])
    mentor = {"mentorship": "m-1", "mentor": MENTOR, "aim": "带教", "ends_on": "2026-08-31"}
    contest = COURSE.model_copy(update={"course": "c-9", "contest": True, "topic": "skills"})
    placed = TRAINED.model_copy(update={"result": "r-9", "course": "c-9", "hours": 4, "placed": 2})
    told = [
        bench.says("plan-adopted", a_plan(), "2026-02-10", "plan-1"),
        bench.says("plan-activity-moved", MOVED, "2026-02-20", "move-1"),
        bench.says("secondment-started", SECONDED, "2026-02-01", "s-1"),
        bench.says("mentor-assigned", mentor, "2026-02-01", "mentor-1"),
        bench.says("training-course-recorded", COURSE, "2020-01-01", "course-1", None),
        bench.says("training-course-recorded", contest, "2020-01-01", "course-9", None),
        bench.says("training-reported", TRAINED, "2026-01-20", "train-1"),
        bench.says("training-reported", placed, "2026-01-21", "train-9"),
        bench.says("problem-raised", PROBLEM.model_copy(update={"due_on": date(2026, 3, 1)}), "2026-02-02", "raise-1", None),
        bench.says("responsibility-issued", LIST, "2026-01-05", "list-1", None),
        bench.says("responsibility-signed", {"list": "L-1"}, "2026-01-20", "sign-1", None),
        bench.says(
            "responsibility-checked", {"list": "L-1", "item": "lessons", "period": "2026-Q1", "result": "done"},
            "2026-02-20", "check-1", None,
        ),
    ]  # fmt: skip
    bench.take(*told)
    assert {r.outcome for r in bench.receipts} == {"accepted"}
    return bench


def test_every_list_says_what_is_open_and_what_is_overdue(made: DevelopmentBench) -> None:
    with made.log.database.read.connect() as connection:
        policies = Policies(published_policies(made.log, connection), DAY)
        (clock,) = rotation_list(connection, policies, "320000")
        assert (clock["person_ref"], clock["state"], clock["due_on"]) == (REF, "over", "2026-02-28")
        assert rotation_list(connection, policies, "330000") == []
        (away,) = secondments_list(connection, DIVISION, DAY)
        assert (away["real_duties"], away["overdue"]) == (True, False)
        (plan,) = plans_list(connection, "320100", DAY, "open")
        assert (plan["done"], plan["overdue_activities"], plan["review_overdue"]) == (1, ["a-2"], True)
        (mentor,) = mentors_list(connection, policies, DIVISION)
        assert (mentor["current"], mentor["overdue"], mentor["over"]) == ([REF], ["m-1"], False)
        (unit,) = mentors_by_unit(connection, DIVISION, DAY)
        assert (unit["taught"], unit["mentors"], unit["overdue"]) == (1, 1, 1)
        assert mentors_by_unit(connection, DIVISION, date(2020, 1, 1)) == []
        (problem,) = problems_list(connection, DIVISION, DAY, "overdue")
        assert (problem["days_left"], problem["overdue"]) == (-184, True)
        assert problems_by_unit([problem]) == [
            {"unit": "第七党支部", "all": 1, "open": 1, "overdue": 1, "closed": 0, "late": 0}
        ]
        assert problems_list(connection, DIVISION, DAY, "closed") == []
        (kept,) = responsibility_lists(connection, "320100", 2026, DAY)
        assert (kept["done"], kept["overdue"], kept["unsigned_overdue"]) == (1, 1, False)
        assert kept["items"][0]["periods"] == {
            "2026-Q1": "done", "2026-Q2": "overdue", "2026-Q3": "pending", "2026-Q4": "pending",
        }  # fmt: skip
        assert [*kept["items"][0]["settled"]] == ["2026-Q1"]


def test_nothing_of_a_list_is_due_before_it_was_issued() -> None:
    """Issued in December: the first three quarters are nobody's omission, the fourth is."""
    states = [due_state(period, "2026-12-05", date(2027, 1, 1)) for period in periods_of("quarterly", 2026)]
    assert ["not_due", "not_due", "not_due", "overdue"] == states
    assert "pending" == due_state("2026-Q4", "2026-12-05", date(2026, 12, 31))


def test_training_is_listed_by_duty_and_summed_by_unit_and_topic(made: DevelopmentBench) -> None:
    """A contest is told apart; what was done too late is done."""
    with made.log.database.read.connect() as connection:
        policies = Policies(published_policies(made.log, connection), DAY)
        duties = duties_list(connection, policies, "320100", WorkCalendar())
        states = {(row["duty"], row["begins_on"][:4]): row["state"] for row in duties}
        assert states["new-secretary", "2021"] == "completed_late"
        assert states["yearly", "2025"] == "overdue"
        assert {row["state"] for row in duties_list(connection, policies, DIVISION, None, ["overdue"])} == {"overdue"}
        (unit,) = coverage_of(duties, "unit")
        assert (unit["name"], unit["completed"], unit["due"]) == ("u", 1, len(duties))
        assert unit["completed_per_myriad"] == round(10_000 / len(duties))
        assert [(row["topic"], row["hours"], row["contest"]) for row in
                training_hours(connection, DIVISION, date(2026, 1, 1), DAY)] == [
            ("branch-secretary", 24, False), ("skills", 4, True),
        ]  # fmt: skip
        assert training_hours(connection, DIVISION, date(2026, 2, 1), DAY) == []
        assert [row["course"] for row in catalogue(connection, topic="skills")] == ["hr/c-9"]


def test_a_persons_whole_development_is_read_at_once(made: DevelopmentBench) -> None:
    with made.log.database.read.connect() as connection:
        found: dict[str, Any] = development_of(connection, REF)
        assert development_of(connection, MENTOR)["teaches"][0]["person_ref"] == REF
    assert [p["plan"] for p in found["plans"]] == ["plan-1"]
    assert [(t["result"], t["title"]) for t in found["training"]] == [("hr/r-1", COURSE.title), ("hr/r-9", COURSE.title)]
    assert (len(found["posts"]), len(found["secondments"]), len(found["mentorships"])) == (1, 1, 1)


def test_a_share_is_exact_and_rounded_half_up() -> None:
    """25 of 39 are 64.10 %, 10 of 26 are 38.46 %, 1 of 16 is 6.25 % and 1 of 800 is 0.13 %."""
    row = {
        "duty": "d", "clause": "1", "unit": "u", "post": "p", "category": "secretary", "begins_on": "2025-01-01",
        "due_on": "2025-12-31", "calendar": "", "hours": 0, "hours_at_least": 1, "completed_on": None, "results": [],
    }  # fmt: skip
    for done, due, share in ((25, 39, 6410), (10, 26, 3846), (1, 16, 625), (1, 800, 13), (2, 3, 6667)):
        rows = [{**row, "state": "completed" if number < done else "due"} for number in range(due)]
        assert [each["completed_per_myriad"] for each in coverage_of(rows, "unit")] == [share]
