"""What becomes of messages about development: held, released, decided, refused; and the tables that follow, on both stores."""

from __future__ import annotations

from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from console.replay import rebuild_and_compare
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.workdays import WorkCalendar
from services.talent import app
from services.talent import development_handlers as module
from services.talent.development_views import course as training_course
from services.talent.development_views import (
    mentorship,
    plan,
    plan_activity,
    post_held,
    problem,
    responsibility_check,
    responsibility_list,
    rotation_exemption,
    secondment,
    training_result,
)
from services.talent.handlers import Talent
from services.talent.matters import decide_matter as real_decide
from tests.support import new_log
from tests.talent.developing import COURSE, LIST, POLICY_TEXT, PROBLEM, SECONDED, TRAINED, a_plan, engages, leaves
from tests.talent.example import DIVISION, REF, certified, inspected, rated, registered, standard_text, withdrawn
from tests.talent.test_handlers import HOLD_SECONDS, Bench, _erase
from tests.telling import as_told

MENTOR = "p0000000000000000000000000b"


class DevelopmentBench(Bench):
    """The talent service with all of its read models and a calendar."""

    def __init__(self, database: Database, seed: int = 1) -> None:
        super().__init__(database, seed)
        self.log = new_log(database, "talent", app.CODEC, app.talent_views(), clock=self.clock, seed=seed)
        self.talent = Talent(self.log, hold_seconds=HOLD_SECONDS, wake=lambda: None, erase=_erase, calendar=WorkCalendar())

    def policy(self, text: str = POLICY_TEXT, id: str = "policy-1") -> Item:
        return self.message("development-policy-published", {"text": text}, id=id, source="policy", on="2025-01-01")

    def says(self, fact: str, says: Any, on: str, id: str, ref: str | None = REF, **more: Any) -> Item:
        data = says.model_dump(mode="json") if hasattr(says, "model_dump") else says
        person = {} if ref is None else {"person": {"person_ref": ref}}
        return self.message(fact, {**person, **data}, id=id, on=on, **more)

    def meanwhile(self, item: Item) -> None:
        """Another instance takes this in between the next look and its append."""
        other = Talent(self.log, hold_seconds=HOLD_SECONDS, wake=lambda: None, erase=_erase, calendar=WorkCalendar())
        real_append, raced = self.log.append, list[bool]()

        def append(*arguments: Any, **named: Any) -> Any:
            if not raced:
                raced.append(True)
                other.take([item])
            return real_append(*arguments, **named)

        self.log.append = append  # type: ignore[method-assign]

    def of(self, table: Any) -> list[dict[str, Any]]:
        with self.log.database.read.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(select(table)).all()]


@pytest.fixture
def bench(database: Database) -> DevelopmentBench:
    return DevelopmentBench(database)


TOLD = [registered(), certified(), rated(), inspected(), engages(5, "2021-03-01")]
MOVED = {"plan": "plan-1", "activity": "a-1", "status": "done", "note": "总结在档"}


def screened(bench: DevelopmentBench) -> None:
    """In the pool's first stages, with a gap."""
    bench.hear(*as_told(TOLD))
    bench.take(bench.publishes(standard_text()), bench.policy())
    bench.take(*bench.journey(REF)[:1], bench.profiles(REF, competencies=[]), bench.about("screened", REF, "screen-1"))


# --- people -------------------------------------------------------------------------------------------------------------


def test_a_plan_is_carried_from_its_adoption_to_its_closing(bench: DevelopmentBench) -> None:
    """Steps that come before it wait; the tables show where it has come to."""
    screened(bench)
    bench.take(bench.says("plan-activity-moved", MOVED, "2026-02-20", "move-1"))
    assert bench.outcomes[-1] == ("move-1", "waiting", [])
    bench.take(bench.says("plan-adopted", a_plan(), "2026-02-10", "plan-1"))
    assert bench.outcomes[-2:] == [("plan-1", "accepted", []), ("move-1", "accepted", [])]
    review = {"plan": "plan-1", "conclusion": "on_track", "next_review_on": "2026-09-30"}
    closing = {"plan": "plan-1", "outcome": "partly"}
    bench.take(
        bench.says("plan-reviewed", review, "2026-02-25", "review-1"),
        bench.says("plan-closed", closing, "2026-03-01", "close-1"),
    )
    (row,) = bench.of(plan)
    assert (row["status"], row["gaps"], row["review_on"], row["closed_on"], row["division"]) == (
        "partly", "competency_political", "2026-09-30", "2026-03-01", DIVISION,
    )  # fmt: skip
    assert sorted((r["activity"], r["status"]) for r in bench.of(plan_activity)) == [("a-1", "done"), ("a-2", "planned")]
    assert rebuild_and_compare(bench.log).differences == []


def test_an_unknown_field_of_an_activity_is_refused_with_its_name(bench: DevelopmentBench) -> None:
    screened(bench)
    said = a_plan().model_dump(mode="json")
    said["activities"][0]["place"] = "x"
    bench.take(bench.says("plan-adopted", said, "2026-02-10", "plan-1"))
    assert [(p.field, p.code) for p in bench.receipts[-1].problems] == [("data.activities.0.place", "unknown-field")]


def test_what_is_said_of_somebody_unknown_waits_for_the_registry(bench: DevelopmentBench) -> None:
    """And an exception of rotation for the post that it is about."""
    bench.take(bench.policy(), bench.says("training-reported", TRAINED, "2026-01-20", "train-1"))
    bench.hear(*as_told(TOLD[:1]))
    assert bench.outcomes[1:] == [("train-1", "waiting", []), ("train-1", "accepted", [])]
    exempt = {"engagement": "e-1", "engagement_source": "hr", "until": "2027-01-31", "reason": "换届"}
    bench.take(bench.says("rotation-exempted", exempt, "2026-01-25", "exempt-1"))
    assert (bench.receipts[-1].outcome, bench.receipts[-1].waiting_for) == ("waiting", "the person's engagement hr/e-1")
    bench.hear(*as_told(TOLD))
    assert bench.outcomes[-1] == ("exempt-1", "accepted", [])
    assert [(r["key"], r["until"]) for r in bench.of(rotation_exemption)] == [("hr/e-1", "2027-01-31")]
    assert [(r["result"], r["hours"]) for r in bench.of(training_result)] == [("hr/r-1", 24)]
    assert bench.rows(schema.held) == []


def test_posts_follow_the_facts_that_stand(bench: DevelopmentBench) -> None:
    """An end closes one, a withdrawal takes it away, and a transfer moves where they are counted."""
    end = leaves(20, "2025-12-31")
    told = as_told([*TOLD, end, withdrawn(21, end), withdrawn(22, TOLD[4])])
    bench.hear(*told[:5])
    assert [(r["key"], r["division"], r["since"], r["until"]) for r in bench.of(post_held)] == [
        ("hr/e-1", DIVISION, "2021-03-01", None)
    ]
    bench.hear(told[5])
    assert [r["until"] for r in bench.of(post_held)] == ["2025-12-31"]
    bench.hear(told[6])
    assert [r["until"] for r in bench.of(post_held)] == [None]
    bench.hear(told[7])
    assert bench.of(post_held) == []
    assert rebuild_and_compare(bench.log).differences == []


def test_a_mentor_whom_the_registry_knows_is_judged_on_their_facts(bench: DevelopmentBench) -> None:
    """One of whom nothing is known yet is waited for."""
    bench.hear(*as_told(TOLD))
    bench.take(bench.policy())
    says = {"mentorship": "m-1", "mentor": MENTOR, "aim": "带教", "ends_on": "2026-12-31"}
    bench.take(bench.says("mentor-assigned", says, "2026-02-01", "mentor-1"))
    assert bench.receipts[-1].waiting_for == "the mentor's registration"
    theirs = [hear_of(MENTOR, registered(40)), hear_of(MENTOR, certified(41, "special"))]
    bench.hear(*as_told([*TOLD, *theirs])[len(TOLD) :])
    assert bench.outcomes[-1] == ("mentor-1", "accepted", [])
    ended = {"mentorship": "m-1", "outcome": "completed"}
    bench.take(bench.says("mentorship-ended", ended, "2026-02-28", "mentor-2"))
    assert [(r["mentor"], r["grade"], r["ended_on"]) for r in bench.of(mentorship)] == [(MENTOR, "special", "2026-02-28")]


def hear_of(ref: str, heard: Any) -> Any:
    return type(heard)(ref, *(getattr(heard, name) for name in heard.__slots__[1:]))


def test_a_secondment_begins_and_ends(bench: DevelopmentBench) -> None:
    bench.hear(*as_told(TOLD))
    end = bench.says("secondment-ended", {"secondment": "s-1", "outcome": "completed"}, "2026-02-01", "s-end")
    bench.take(end, bench.says("secondment-started", SECONDED, "2026-01-01", "s-1"))
    assert bench.outcomes == [("s-1", "accepted", []), ("s-end", "accepted", [])]
    (row,) = bench.of(secondment)
    assert (row["real_duties"], row["since"], row["ended_on"]) == (1, "2026-01-01", "2026-02-01")


# --- matters ------------------------------------------------------------------------------------------------------------


def test_a_problem_is_raised_shown_and_closed_in_any_mixture(bench: DevelopmentBench) -> None:
    """Evidence that comes before it waits; its last day is counted on the calendar that the service has."""
    shown = {"problem": "P-1", "problem_source": "hr", "evidence": ["a" * 64], "says": "已补齐"}
    bench.take(bench.policy(), bench.says("problem-evidenced", shown, "2026-02-10", "show-1", None, source="audit"))
    assert bench.receipts[-1].waiting_for == "problem hr/P-1"
    bench.take(bench.says("problem-raised", PROBLEM, "2026-02-02", "raise-1", None))
    closing = {"problem": "P-1", "outcome": "rectified", "closed_by": "督查组"}
    bench.take(bench.says("problem-closed", closing, "2026-02-11", "close-1", None))
    assert [o for _, o, _ in bench.outcomes] == ["accepted", "waiting", "accepted", "accepted", "accepted"]
    (row,) = bench.of(problem)
    assert (row["problem"], row["status"], row["outcome"], row["late"], row["calendar"]) == (
        "hr/P-1", "closed", "rectified", 0, WorkCalendar().version,
    )  # fmt: skip
    assert row["due_on"] == WorkCalendar().add_working_days(date_of("2026-02-02"), 20).isoformat()
    assert rebuild_and_compare(bench.log).differences == []


def date_of(text: str) -> date:
    return date.fromisoformat(text)


def test_a_problem_is_returned_and_extended(bench: DevelopmentBench) -> None:
    shown = {"problem": "P-1", "evidence": ["a" * 64], "says": "已补齐"}
    longer = {"problem": "P-1", "due_on": "2026-06-30", "reason": "工程未完", "granted_by": "督查组"}
    bench.take(
        bench.policy(),
        bench.says("problem-raised", PROBLEM, "2026-02-02", "raise-1", None),
        bench.says("problem-evidenced", shown, "2026-02-03", "show-1", None),
        bench.says("problem-extended", longer, "2026-02-04", "longer-1", None),
        bench.says("problem-returned", {"problem": "P-1", "reason": "缺签字"}, "2026-02-05", "back-1", None),
    )
    assert {o for _, o, _ in bench.outcomes} == {"accepted"}
    (row,) = bench.of(problem)
    assert (row["status"], row["due_on"], row["extensions"], row["returned"]) == ("open", "2026-06-30", 1, 1)


def test_a_source_does_not_close_another_s_problem(bench: DevelopmentBench) -> None:
    """Refused before and after it was raised, and it stays open; the operator closes it."""
    closing = {"problem": "P-1", "problem_source": "hr", "outcome": "unfounded", "closed_by": "督查组"}
    bench.take(bench.policy(), bench.says("problem-closed", closing, "2026-02-11", "early", None, source="audit"))
    bench.take(
        bench.says("problem-raised", PROBLEM, "2026-02-02", "raise-1", None),
        bench.says("problem-closed", closing, "2026-02-11", "late", None, source="audit"),
    )
    refused = [each for each in bench.receipts if each.outcome == "refused"]
    assert [each.id for each in refused] == ["early", "late"]
    assert [(p.field, p.code) for each in refused for p in each.problems] == [("data.problem_source", "not-your-problem")] * 2
    assert [row["status"] for row in bench.of(problem)] == ["open"]
    bench.take(bench.says("problem-closed", closing, "2026-02-11", "close-1", None, source="operator"))
    assert [row["status"] for row in bench.of(problem)] == ["closed"]


def test_a_list_is_issued_signed_and_checked_off_in_one_batch(bench: DevelopmentBench) -> None:
    bench.take(
        bench.says("responsibility-issued", LIST, "2026-01-05", "list-1", None),
        bench.says("responsibility-signed", {"list": "L-1"}, "2026-01-20", "sign-1", None),
        bench.says(
            "responsibility-checked", {"list": "L-1", "item": "lessons", "period": "2026-Q1", "result": "done"},
            "2026-02-20", "check-1", None,
        ),
    )  # fmt: skip
    assert [o for _, o, _ in bench.outcomes] == ["accepted"] * 3
    assert [r["signed_on"] for r in bench.of(responsibility_list)] == ["2026-01-20"]
    assert [(r["item"], r["period"], r["result"]) for r in bench.of(responsibility_check)] == [("lessons", "2026-Q1", "done")]


def test_a_policy_is_published_once_in_each_revision_and_refused_at_its_line(bench: DevelopmentBench) -> None:
    wrong = POLICY_TEXT.replace("at_least: special", "at_least: speciall")
    other = POLICY_TEXT.replace("exception_months_at_most: 24", "exception_months_at_most: 23")
    bench.take(bench.policy(wrong, "policy-0"), bench.policy(), bench.policy(other, "policy-2"), bench.policy(id="policy-3"))
    assert bench.outcomes == [
        ("policy-0", "refused", ["unknown-word"]), ("policy-1", "accepted", []), ("policy-2", "refused", ["policy-exists"]),
        ("policy-3", "accepted", []),
    ]  # fmt: skip
    assert len(bench.events) == 1
    assert bench.receipts[0].problems[0].field.endswith("mentoring.at_least")


def test_a_rule_that_fails_stops_one_matter_only(bench: DevelopmentBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes for it afterwards waits behind it, and goes on after a retry."""

    def failing(act: Any, *rest: Any) -> Any:
        if act.matter == "problem-hr/P-1":
            raise ZeroDivisionError
        return real_decide(act, *rest)

    monkeypatch.setattr(module, "decide_matter", failing)
    other = PROBLEM.model_copy(update={"problem": "P-2"})
    shown = {"problem": "P-1", "evidence": ["a" * 64], "says": "已补齐"}
    bench.take(
        bench.policy(),
        bench.says("problem-raised", PROBLEM, "2026-02-02", "raise-1", None),
        bench.says("problem-raised", other, "2026-02-02", "raise-2", None),
        bench.says("problem-evidenced", shown, "2026-02-03", "show-1", None),
    )
    assert bench.parked() == [("raise-1", "rule-failed"), ("show-1", "behind-parked")]
    monkeypatch.setattr(module, "decide_matter", real_decide)
    bench.operates("retry", bench.rows(schema.parked)[0].parked_id)
    assert sorted((r["problem"], r["status"]) for r in bench.of(problem)) == [("hr/P-1", "evidenced"), ("hr/P-2", "open")]


def test_two_instances_do_not_raise_one_problem_twice(bench: DevelopmentBench) -> None:
    """One decides on a stream that the other has moved: it decides again."""
    bench.take(bench.policy())
    first = bench.says("problem-raised", PROBLEM, "2026-02-02", "raise-1", None)
    second = bench.says("problem-raised", PROBLEM, "2026-02-03", "raise-2", None)
    bench.meanwhile(first)
    bench.take(second)
    assert bench.outcomes[-2:] == [("raise-1", "accepted", []), ("raise-2", "refused", ["key-taken"])]


def test_a_step_that_was_held_while_its_matter_came_is_not_left_behind(bench: DevelopmentBench) -> None:
    """Another instance opens it between the look and the append: the unit is stale, and is decided again."""
    bench.take(bench.policy())
    raised = bench.says("problem-raised", PROBLEM, "2026-02-02", "raise-1", None)
    shown = {"problem": "P-1", "evidence": ["a" * 64], "says": "已补齐"}
    bench.meanwhile(raised)
    bench.take(bench.says("problem-evidenced", shown, "2026-02-03", "show-1", None))
    assert bench.outcomes[-1] == ("show-1", "accepted", [])
    assert bench.rows(schema.held) == []


def test_a_step_of_a_person_that_was_held_while_its_plan_came_is_not_left_behind(bench: DevelopmentBench) -> None:
    """As with a matter: the stream that lacked the plan has moved."""
    screened(bench)
    bench.meanwhile(bench.says("plan-adopted", a_plan(), "2026-02-10", "plan-1"))
    bench.take(bench.says("plan-activity-moved", MOVED, "2026-02-20", "move-1"))
    assert bench.outcomes[-1] == ("move-1", "accepted", [])
    assert bench.rows(schema.held) == []


def test_a_policy_that_comes_meanwhile_is_the_one_that_counts(bench: DevelopmentBench) -> None:
    """An exception that it does not allow any more is refused."""
    bench.hear(*as_told(TOLD))
    bench.take(bench.policy())
    stricter = POLICY_TEXT.replace("exception_months_at_most: 24", "exception_months_at_most: 1").replace(
        "effective_on:", "revision: 2\neffective_on:"
    )
    bench.meanwhile(bench.policy(stricter, "policy-2"))
    exempt = {"engagement": "e-1", "engagement_source": "hr", "until": "2027-01-31", "reason": "换届"}
    bench.take(bench.says("rotation-exempted", exempt, "2026-01-25", "exempt-1"))
    assert bench.outcomes[-2:] == [("policy-2", "accepted", []), ("exempt-1", "refused", ["too-long"])]


# --- any order ----------------------------------------------------------------------------------------------------------

_files = count()
TABLES = (post_held, training_result, secondment, rotation_exemption, problem, responsibility_list, training_course)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_facts_and_reports_in_any_mixture_end_in_the_same_tables(tmp_path: Path, data: st.DataObject) -> None:
    """Steps before what they go on with, older reports after newer ones, and everything before the registry's first word."""
    bench = DevelopmentBench(Database(f"sqlite:///{tmp_path}/{next(_files)}.db"))
    shown = {"problem": "P-1", "evidence": ["a" * 64], "says": "已补齐"}
    exempt = {"engagement": "e-1", "engagement_source": "hr", "until": "2027-01-31", "reason": "换届"}
    reports = [
        bench.says("training-reported", TRAINED.model_copy(update={"hours": hours}), "2026-01-20", f"train-{number}")
        for number, hours in enumerate((8, 16, 24))
    ]
    said = [
        *reports,
        bench.says("training-course-recorded", COURSE, "2026-01-01", "course-1", None),
        bench.says("secondment-started", SECONDED, "2026-01-01", "s-1"),
        bench.says("secondment-ended", {"secondment": "s-1", "outcome": "completed"}, "2026-02-01", "s-end"),
        bench.says("rotation-exempted", exempt, "2026-01-25", "exempt-1"),
        bench.says("problem-raised", PROBLEM, "2026-02-02", "raise-1", None),
        bench.says("problem-evidenced", shown, "2026-02-10", "show-1", None),
        bench.says("responsibility-issued", LIST, "2026-01-05", "list-1", None),
        bench.says("responsibility-signed", {"list": "L-1"}, "2026-01-20", "sign-1", None),
    ]
    told = as_told([*TOLD, leaves(20, "2025-12-31")])
    bench.take(bench.policy())
    acts, order = data.draw(st.permutations(said)), data.draw(st.permutations([*told, told[0]]))
    while order or acts:
        turn = data.draw(st.integers(0, 3))
        heard, order = order[: turn + 1], order[turn + 1 :]
        taken, acts = acts[: 1 + turn], acts[1 + turn :]
        bench.hear(*heard)
        bench.take(*taken)
    assert bench.rows(schema.held) == bench.rows(schema.parked) == []
    assert {r.outcome for r in bench.receipts if r.outcome != "waiting"} == {"accepted"}
    found = {table.name: [{**row, "event_id": ""} for row in bench.of(table)] for table in TABLES}
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys((table.name for table in TABLES), 1)
    (result,), (kept,) = found["training_result"], found["problem"]
    assert (result["hours"], kept["status"], found["secondment"][0]["ended_on"]) == (24, "evidenced", "2026-02-01")
    assert found["post_held"][0]["until"] == "2025-12-31"
    bench.log.database.close()
