"""One person, one plan; exceptions of rotation, secondments, results of training, mentors: each with what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from contracts.development import (
    Activity,
    ActivityAdded,
    ActivityMoved,
    Exemption,
    MentorAssigned,
    Mentorship,
    MentorshipEnd,
    PlanAdopted,
    PlanClosed,
    PlanClosing,
    PlanReview,
    RotationExempted,
    SecondmentEnd,
    Training,
    TrainingReported,
)
from services.talent.decider import Around, Happened, Member, decide, decider, evolve, needs, standing_facts
from services.talent.development import proposal
from services.talent.screening import KnownFact
from tests.specs import When, given
from tests.support import event_id
from tests.talent.developing import POLICIES, POLICY, SECONDED, TRAINED, a_plan, develop, engages
from tests.talent.example import AROUND, DIVISION, FULL, READY, certified, profiled, screen

OTHER = "p0000000000000000000000000b"
GAP = FULL.model_copy(update={"competencies": ()})


def known(*commands: Any, around: Around = AROUND) -> list[Happened]:
    """The history that these commands lead to."""
    state = Member()
    history: list[Happened] = []
    for command in commands:
        made = decider(around_with(around)).decide(command, state)
        for each in made:
            state = evolve(state, each)
        history += made
    return history


def around_with(around: Around = AROUND, mentor: tuple[KnownFact, ...] = ()) -> Around:
    return Around(around.standards, 0, POLICIES, mentor)


def when(history: Sequence[Happened], command: Any, mentor: tuple[KnownFact, ...] = ()) -> When[Any, Any, Any]:
    return given(decider(around_with(mentor=mentor)), history).when(command)


SCREENED = known(*READY[:4], READY[4], profiled(profile=GAP), screen())
"""Screened, with a gap: nobody has rated the political competency."""
ADOPTED = [*SCREENED, *known(*READY[:4], READY[4], profiled(profile=GAP), screen(), develop(201, "2026-02-10", a_plan()))[-1:]]
BEGUN = ActivityMoved(plan="plan-1", activity="a-1", status="begun")
DONE = ActivityMoved(plan="plan-1", activity="a-1", status="done", note="总结报告在档")


def then_on(history: Sequence[Happened], *commands: Any) -> list[Happened]:
    found = list(history)
    for command in commands:
        found += when(found, command).events
    return found


# --- plans --------------------------------------------------------------------------------------------------------------


def test_a_plan_keeps_the_gaps_that_it_answers() -> None:
    """With the screening that found them; asked again, nothing is new."""
    command = develop(201, "2026-02-10", a_plan())
    (event,) = when(SCREENED, command).events
    assert isinstance(event.event, PlanAdopted)
    assert [gap.name for gap in event.event.gaps] == ["competency_political"]
    assert (event.event.screening, event.event.division) == (event_id(103), DIVISION)
    when([*SCREENED, event], command).nothing()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (develop(202, "2026-01-31", a_plan()), "before-the-stage-before"),
        (develop(202, "2026-02-10", a_plan(review_on=date(2026, 2, 9))), "dates-reversed"),
        (develop(202, "2026-02-10", a_plan(ends_on=date(2026, 7, 31))), "beyond-the-plan"),
        (develop(202, "2026-02-10", a_plan(activities=a_plan().activities[:1] * 2)), "duplicate"),
        (
            develop(
                202, "2026-02-10", a_plan(activities=(a_plan().activities[0].model_copy(update={"criteria": ("title",)}),))
            ),
            "unknown-criterion",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_plan_that_makes_no_sense_is_refused(command: Any, code: str) -> None:
    when(SCREENED, command).rejected(code)


def test_a_plan_needs_a_screening_and_one_is_open_at_a_time() -> None:
    when(known(*READY), develop(201, "2026-02-10", a_plan())).rejected("not-a-candidate")
    when(ADOPTED, develop(202, "2026-02-11", a_plan("plan-2"))).rejected("plan-open")
    closed = then_on(ADOPTED, develop(203, "2026-02-12", PlanClosing(plan="plan-1", outcome="abandoned")))
    assert len(when(closed, develop(204, "2026-02-13", a_plan("plan-2"))).events) == 1


def test_an_activity_is_begun_and_done_with_something_that_shows_it() -> None:
    begun = then_on(ADOPTED, develop(202, "2026-03-01", BEGUN))
    bare = ActivityMoved(plan="plan-1", activity="a-1", status="done")
    when(begun, develop(203, "2026-05-01", bare)).rejected("no-evidence")
    when(begun, develop(203, "2026-02-20", DONE)).rejected("before-the-step-before")
    when(begun, develop(203, "2026-03-05", BEGUN)).rejected("activity-begun")
    done = then_on(begun, develop(203, "2026-05-01", DONE))
    when(done, develop(204, "2026-05-01", DONE)).nothing()
    dropped = ActivityMoved(plan="plan-1", activity="a-1", status="dropped", note="改派")
    when(done, develop(204, "2026-06-01", dropped)).rejected("activity-over")
    when(ADOPTED, develop(204, "2026-06-01", dropped.model_copy(update={"note": None}))).rejected("no-reason")
    when(ADOPTED, develop(204, "2026-06-01", BEGUN.model_copy(update={"activity": "a-9"}))).rejected("no-such-activity")


def test_an_activity_is_added_within_the_plan() -> None:
    more = Activity(activity="a-3", kind="secondment", title="挂职", begins_on=date(2026, 4, 1), ends_on=date(2026, 9, 30))
    command = develop(205, "2026-03-01", ActivityAdded(plan="plan-1", activity=more))
    added = then_on(ADOPTED, command)
    when(added, command).nothing()
    other = more.model_copy(update={"title": "别的"})
    when(added, develop(206, "2026-03-02", ActivityAdded(plan="plan-1", activity=other))).rejected("key-taken")
    late = more.model_copy(update={"activity": "a-4", "ends_on": date(2027, 1, 1)})
    when(added, develop(206, "2026-03-02", ActivityAdded(plan="plan-1", activity=late))).rejected("beyond-the-plan")


def test_a_plan_is_fulfilled_when_nothing_is_open() -> None:
    """What is still open is counted in the closing."""
    done = then_on(ADOPTED, develop(203, "2026-05-01", DONE))
    closing = PlanClosing(plan="plan-1", outcome="fulfilled")
    when(done, develop(204, "2026-12-01", closing)).rejected("not-fulfilled")
    (partly,) = when(done, develop(204, "2026-12-01", closing.model_copy(update={"outcome": "partly"}))).events
    assert isinstance(partly.event, PlanClosed)
    assert (partly.event.done, partly.event.dropped, partly.event.open) == (1, 0, 1)
    dropped = ActivityMoved(plan="plan-1", activity="a-2", status="dropped", note="改由网络培训")
    whole = then_on(done, develop(205, "2026-06-01", dropped), develop(206, "2026-12-01", closing))
    when(whole, develop(206, "2026-12-01", closing)).nothing()
    when(whole, develop(207, "2026-12-02", BEGUN)).rejected("plan-closed")
    added = ActivityAdded(plan="plan-1", activity=a_plan().activities[0].model_copy(update={"activity": "a-8"}))
    when(whole, develop(207, "2026-12-02", added)).rejected("plan-closed")


def test_a_review_sets_the_next_one() -> None:
    review = develop(210, "2026-06-30", PlanReview(plan="plan-1", conclusion="behind", next_review_on=date(2026, 9, 30)))
    reviewed = then_on(ADOPTED, review)
    when(reviewed, review).nothing()
    earlier = PlanReview(plan="plan-1", conclusion="on_track", next_review_on=date(2026, 9, 30))
    when(reviewed, develop(211, "2026-06-01", earlier)).rejected("before-the-step-before")


def test_what_goes_on_with_something_unknown_waits_for_it() -> None:
    state = Member()
    for each in SCREENED:
        state = evolve(state, each)
    assert needs(develop(1, "2026-03-01", DONE), state) == "plan/plan-1"
    assert needs(develop(1, "2026-03-01", SecondmentEnd(secondment="s-1", outcome="completed")), state) == "secondment/s-1"
    assert needs(develop(1, "2026-03-01", MentorshipEnd(mentorship="m-1", outcome="completed")), state) == "mentorship/m-1"
    exemption = Exemption(engagement="e-1", engagement_source="hr", until=date(2027, 1, 1), reason="换届")
    assert needs(develop(1, "2026-03-01", exemption), state) == "engagement-start/hr/e-1"
    assert needs(develop(1, "2026-03-01", a_plan()), state) is None
    assert needs(develop(1, "2026-03-01", a_plan()), Member()) == "person"


def test_a_proposal_answers_each_gap_by_the_policy() -> None:
    """In the screening's order; a gap without a suggestion is shown all the same."""
    (event,) = [e.event for e in SCREENED if e.event.TYPE == "talent.candidate-screened.v1"]
    gap = next(c for c in event.criteria if not c.met)  # type: ignore[union-attr]
    odd = gap.model_copy(update={"name": "health"})
    found = proposal([gap, gap.model_copy(update={"met": True}), odd], POLICY, date(2026, 1, 31))
    assert [(p.gap.name, p.kind, str(p.ends_on)) for p in found] == [
        ("competency_political", "inspection_tour", "2026-04-30"), ("health", "", "2026-01-31"),
    ]  # fmt: skip


# --- rotation, secondment ------------------------------------------------------------------------------------------------

IN_POST = known(*READY[:1], engages(20, "2021-03-01"))


def exempt(until: str, number: int = 220) -> Any:
    says = Exemption(engagement="e-1", engagement_source="hr", until=date.fromisoformat(until), reason="换届在即")
    return develop(number, "2026-02-01", says)


def test_an_exception_of_rotation_has_a_reason_and_an_end() -> None:
    """Beyond the limit, and no further than the policy allows: 24 months from the day after the limit here."""
    (event,) = when(IN_POST, exempt("2028-02-29")).events
    assert isinstance(event.event, RotationExempted)
    assert (str(event.event.limit_on), event.event.policy.document) == ("2026-02-28", "example-development")
    when([*IN_POST, event], exempt("2028-02-29", 221)).nothing()
    when(IN_POST, exempt("2026-02-28")).rejected("no-exception")
    when(IN_POST, exempt("2028-03-01")).rejected("too-long")
    given(decider(AROUND), IN_POST).when(exempt("2027-01-01")).rejected("no-policy")


def test_somebody_is_seconded_once_at_a_time() -> None:
    """And says whether it carries real duties."""
    start = develop(230, "2026-01-01", SECONDED)
    away = then_on(IN_POST, start)
    when(away, start).nothing()
    other = SECONDED.model_copy(update={"secondment": "s-2"})
    when(away, develop(231, "2026-02-01", other)).rejected("already-seconded")
    end = develop(232, "2026-01-31", SecondmentEnd(secondment="s-1", outcome="recalled"))
    back = then_on(away, end)
    when(back, end).nothing()
    assert len(when(back, develop(233, "2026-02-01", other)).events) == 1
    when(back, develop(234, "2026-02-01", SECONDED.model_copy(update={"real_duties": False}))).rejected("key-taken")


# --- training, mentors ---------------------------------------------------------------------------------------------------


@any_of(st.permutations([(TRAINED, 1), (TRAINED.model_copy(update={"hours": 16}), 2), (TRAINED, 3)]))
def test_a_result_counts_as_it_was_written_last_whatever_the_order(reports: list[tuple[Training, int]]) -> None:
    """A report that comes late and was written before changes nothing."""
    history = list(IN_POST)
    for says, at in reports:
        history += when(history, develop(240 + at, "2026-01-20", says, at=at)).events
    last = [e.event for e in history if isinstance(e.event, TrainingReported)][-1]
    assert last.says.hours == 24


def mentor(number: int = 250, ref: str = OTHER) -> Any:
    return develop(number, "2026-02-01", Mentorship(mentorship="m-1", mentor=ref, aim="带教", ends_on=date(2026, 12, 31)))


def facts_of(*commands: Any) -> tuple[KnownFact, ...]:
    state = Member()
    for each in known(*commands):
        state = evolve(state, each)
    return standing_facts(state)


def test_a_mentor_holds_the_certificate_that_the_policy_asks_for() -> None:
    special = facts_of(certified(30, "special"))
    (event,) = when(IN_POST, mentor(), special).events
    assert isinstance(event.event, MentorAssigned)
    assert (event.event.grade, event.event.certificate) == ("special", event_id(30))
    when([*IN_POST, event], mentor(), special).nothing()
    when(IN_POST, mentor(), facts_of(certified(30, "senior"))).rejected("mentor-not-qualified")
    when(IN_POST, mentor(), facts_of(certified(30, "special", until="2026-01-31"))).rejected("mentor-not-qualified")
    when(IN_POST, mentor()).rejected("mentor-not-qualified", "data.mentor")
    when(IN_POST, mentor(ref="p0000000000000000000000000a"), special).rejected("own-mentor")


def test_deciding_twice_yields_nothing_new() -> None:
    """Every act of a whole development."""
    commands = [
        develop(203, "2026-03-01", BEGUN), develop(204, "2026-05-01", DONE), develop(230, "2026-05-02", SECONDED),
        develop(240, "2026-05-03", TRAINED),
    ]  # fmt: skip
    history = list(ADOPTED)
    for command in commands:
        history += when(history, command).events
        state = Member()
        for each in history:
            state = evolve(state, each)
        assert decide(command, state, around_with()) == ()
