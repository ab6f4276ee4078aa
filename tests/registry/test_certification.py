"""The five stages of a certification: given what was done, when a step comes, then its event; none is left out.

The standard is ``standards/example-certification.yaml``; the calendar is the official one. Dates are of 2025 if not said.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import given as any_of
from hypothesis import strategies as st

from contracts import intake
from contracts.certification import STAGES, CertificationStandardCited
from contracts.particulars import Certificate, EngagementEnd, EngagementStart
from contracts.registry import (
    CertificateChanged,
    CertificateIssued,
    CertificationApplied,
    CertificationConcluded,
    EligibilityReviewed,
    NoticeOpened,
    ObjectionRaised,
    ObjectionResolved,
    PanelReviewed,
    Standing,
    Title,
    TrainingTested,
)
from eventlog.decider import Rejected
from services.registry.calendar import WorkCalendar
from services.registry.decider import Command, Happened, Rules, certificate_spans, decider, due_for
from services.registry.decider.certification import mean_hundredths
from services.registry.decider.worker import InNotice
from tests.registry.example import (
    APPLICATION,
    CALENDAR,
    CITY,
    COUNTY,
    FINDINGS,
    PERSON,
    REF,
    RULES,
    STANDARD,
    STANDARD_EVENT,
    WORKING,
    after,
    applied,
    by,
    certificate,
    change,
    closed,
    correct,
    deadline,
    ids,
    kinds,
    needs,
    notice,
    objected,
    on_file,
    origin,
    panel,
    record,
    registered,
    reopened,
    resolved,
    reviewed,
    state_of,
    step,
    trained,
    transferred,
)
from tests.specs import given

APPLIED = (*WORKING, applied())
REVIEWED = (*APPLIED, reviewed())
TRAINED = (*REVIEWED, trained())
SCORED = (*TRAINED, panel())
IN_NOTICE = (*SCORED, notice())
"""From 13 February, until the 18th."""
STEPS: tuple[Command, ...] = (applied(), reviewed(), trained(), panel(), notice())


def happened(n: int, event: Any, on: str, place: int = 0) -> Happened:
    return Happened(ids(n)[place], date.fromisoformat(on), event)


def common(n: int, source: str = "hr") -> dict[str, Any]:
    return {"person_ref": REF, "fact": origin(n, source), "application": APPLICATION}


def concluded(n: int, outcome: Any, stage: Any, reason: str, **more: Any) -> CertificationConcluded:
    return CertificationConcluded(**common(n), outcome=outcome, stage=stage, reason=reason, **more)


# --- the five stages, in order ------------------------------------------------------------------------------------------


def test_an_application_names_the_standard_by_which_it_is_judged_to_its_end() -> None:
    titles = (intake.HeldTitle(field="political_work", level="junior"),)
    on_file(*WORKING).when(applied(titles=titles)).then(
        happened(
            10,
            CertificationApplied(
                **common(10),
                grade="junior",
                issuer=COUNTY,
                titles=(Title(field="political_work", level="junior"),),
                standard=CertificationStandardCited(event=STANDARD_EVENT, document="example-certification", revision=1),
            ),
            "2025-02-03",
        )
    )


def test_a_review_gives_both_sides_of_every_criterion() -> None:
    """What the registry knows it answers itself, and names the facts; for the rest there are findings."""
    [event] = on_file(*APPLIED).when(reviewed()).events
    assert isinstance(event.event, EligibilityReviewed)
    assert event.event.result == "passed"
    assert [(c.name, c.met, c.facts) for c in event.event.criteria] == [
        ("served", True, (ids(2)[0],)),
        ("inspected", True, (ids(5)[0],)),
        ("trained", True, ()),
        ("recommended", True, ()),
    ]
    assert all(c.required and c.found and c.clause for c in event.event.criteria)


def test_a_test_records_hours_and_score_against_what_the_standard_asks() -> None:
    on_file(*REVIEWED).when(trained(hours=24, score=60)).then(
        happened(
            12,
            TrainingTested(**common(12), result="passed", hours=24, hours_required=24, score=60, pass_mark=60),
            "2025-02-10",
        )
    )


def test_a_panel_records_every_score_and_their_mean() -> None:
    on_file(*TRAINED).when(panel(scores=(60, 61, 61))).then(
        happened(
            13,
            PanelReviewed(**common(13), result="passed", scores=(60, 61, 61), mean_hundredths=6067, pass_mark=60),
            "2025-02-12",
        )
    )


def test_a_notice_stores_its_last_day_and_the_calendar_that_says_so() -> None:
    """Three working days after Thursday: a weekend lies between."""
    on_file(*SCORED).when(notice()).then(
        happened(
            14,
            NoticeOpened(**common(14), working_days=3, ends_on=date(2025, 2, 18), calendar=CALENDAR.version),
            "2025-02-13",
        )
    )


def test_the_certificate_is_issued_on_the_day_after_the_notice_for_as_long_as_the_standard_says() -> None:
    """All of it effective on that day, whenever the check runs."""
    says = Certificate(number="n1", grade="junior", issuer=COUNTY, expires_on=date(2028, 2, 18))
    expected = [
        CertificationConcluded(
            **common(20, "registry"),
            outcome="granted",
            stage="public_notice",
            reason="no objection is open",
            certificate="n1",
        ),
        CertificateIssued(
            person_ref=REF,
            fact=origin(20, "registry").model_copy(update={"authority": True}),
            standings=(Standing(slot="certificate/n1", fact=ids(20)[1]),),
            particulars=says,
        ),
    ]
    for today in ("2025-02-19", "2025-02-20", "2026-02-28"):
        on_file(*IN_NOTICE).when(deadline(today=today)).then(
            *(happened(20, event, "2025-02-19", place) for place, event in enumerate(expected))
        )


def test_the_days_of_the_certificate_are_counted_from_a_leap_day_on() -> None:
    """Issued on 29 February 2024, for three years: full on 28 February 2027, the day before is the last."""
    file = (
        registered(),
        record(2, EngagementStart(engagement="e1", category="secretary", unit="u", post="p"), "2020-02-01"),
        applied(on="2024-02-01"),
        reviewed(on="2024-02-01"),
        trained(on="2024-02-01"),
        panel(on="2024-02-01"),
        notice(on="2024-02-23"),
    )
    rules = replace(RULES, standards=((STANDARD_EVENT, STANDARD.model_copy(update={"effective_on": date(2024, 1, 1)})),))
    events = on_file(*file, rules=rules).when(deadline(today="2024-03-01")).events
    assert isinstance(events[1].event, CertificateIssued)
    assert (str(events[1].effective_on), str(events[1].event.particulars.expires_on)) == ("2024-02-29", "2027-02-27")


@pytest.mark.parametrize("done", range(len(STEPS)))
@pytest.mark.parametrize("place", range(1, len(STEPS)))
def test_a_step_comes_after_the_one_before_it_and_once(done: int, place: int) -> None:
    """Too early it waits for the stage before it, whatever that lacks itself; once more it is so already."""
    file = on_file(*WORKING, *STEPS[: done + 1])
    given_step = by(STEPS[place], "hr")
    given_step = replace(given_step, stamp=replace(given_step.stamp, origin=origin(99)))
    if place > done + 1:
        assert needs(file, given_step) == f"stage:{REF}/{APPLICATION}/{STAGES[place - 1]}"
    elif place == done + 1:
        assert kinds(file.when(given_step).events)[0] == kinds(after(*WORKING, *STEPS)[len(WORKING) :])[place]
    else:
        file.when(given_step).nothing()
        next_day = replace(given_step.stamp, effective_on=given_step.stamp.effective_on + timedelta(days=1))
        file.when(replace(given_step, stamp=next_day)).rejected("stage-done", "type")


@pytest.mark.parametrize("early", [reviewed(), trained(), panel(), notice(), objected(), resolved()])
def test_a_step_of_an_application_that_has_not_come_waits_for_it(early: Command) -> None:
    assert needs(on_file(*WORKING), early) == f"stage:{REF}/{APPLICATION}/application"


def test_an_application_is_named_by_who_made_it_and_their_key() -> None:
    """Another source says whose application it means; its own of that key is another one."""
    file = on_file(*APPLIED)
    assert needs(file, by(reviewed(), "training")) == f"stage:{REF}/training/a1/application"
    assert len(file.when(by(reviewed(of="hr"), "training")).events) == 1
    file.when(applied(30, key="a1")).nothing()
    file.when(applied(30, on="2025-02-04", key="a1")).rejected("application-known", "data.application")


def test_a_step_is_not_dated_before_the_stage_that_it_follows() -> None:
    on_file(*APPLIED).when(reviewed(on="2025-02-02")).rejected("before-what-it-follows", "effectiveon")
    assert len(on_file(*APPLIED).when(reviewed(on="2025-02-03")).events) == 1
    on_file(*REVIEWED).when(trained(on="2025-02-04")).rejected("before-what-it-follows", "effectiveon")


# --- who may apply ------------------------------------------------------------------------------------------------------


def test_the_applicant_is_registered_on_the_day() -> None:
    """Not before, not after a closing; reopened, yes."""
    for file in ((registered(on="2025-02-04"),), (*WORKING, closed(6, "2025-02-02"))):
        on_file(*file).when(applied()).rejected("not-registered", "data.person")
    assert len(on_file(*WORKING, closed(6, "2025-02-03")).when(applied()).events) == 1
    assert len(on_file(*WORKING, closed(6, "2024-12-31"), reopened(7, "2025-02-03")).when(applied()).events) == 1


@pytest.mark.parametrize(
    ("grade", "issuer", "code", "field"),
    [
        ("junior", "320104", "other-territory", "data.issuer"),
        ("intermediate", "320200", "other-territory", "data.issuer"),
        ("junior", "320100", "wrong-issuer", "data.issuer"),
        ("special", "320100", "wrong-issuer", "data.issuer"),
        ("gold", "320102", "unknown-grade", "data.grade"),
    ],
)
def test_the_issuer_is_of_the_right_level_and_above_the_applicant(grade: str, issuer: str, code: str, field: str) -> None:
    on_file(*WORKING).when(applied(grade=grade, issuer=issuer)).rejected(code, field)


def test_the_territory_is_that_of_the_division_to_which_the_person_was_transferred() -> None:
    file = on_file(*WORKING, transferred(6, "2025-01-20", "320104"))
    file.when(applied()).rejected("other-territory")
    assert len(file.when(applied(issuer="320104")).events) == 1


def test_a_standard_must_be_in_force_on_the_day() -> None:
    """Not the day before its first one, not in another city."""
    on_file(*WORKING).when(applied(on="2024-12-31")).rejected("no-standard", "effectiveon")
    on_file(*WORKING, rules=Rules()).when(applied()).rejected("no-standard", "effectiveon")
    on_file(registered(division="320205")).when(applied(issuer="320205")).rejected("no-standard", "effectiveon")


def test_the_standard_is_that_of_the_applicants_division_whoever_issues() -> None:
    """A special grade is the province's to issue, by what the city's standard asks."""
    [event] = on_file(*WORKING, holding("senior")).when(applied(grade="special", issuer="320000")).events
    assert isinstance(event.event, CertificationApplied)
    assert (event.event.standard.event, event.event.promotes) == (STANDARD_EVENT, "c1")


def test_a_later_standard_changes_nothing_for_an_application_that_was_made() -> None:
    """It is judged by its own to the end."""
    later = STANDARD.model_copy(update={"revision": 2, "grades": STANDARD.grades[1:]})
    rules = replace(RULES, standards=(*RULES.standards, (ids(50)[0], later)))
    made = given(decider(rules), after(*APPLIED))
    assert len(made.when(reviewed()).events) == 1
    made.when(applied(30, key="a2")).rejected("application-open")
    given(decider(rules), after(*WORKING)).when(applied()).rejected("unknown-grade")


def post(n: int, category: Any, engagement: str) -> Command:
    return record(n, EngagementStart(engagement=engagement, category=category, unit="u", post="p"), "2024-01-01")


def test_instructors_are_outside_certification() -> None:
    """Who has another post as well is not only that; who has none at all may apply: qualification is not engagement."""
    on_file(registered(), post(2, "instructor", "e1")).when(applied()).rejected("instructor", "data.person")
    assert len(on_file(registered(), post(2, "instructor", "e1"), post(3, "secretary", "e2")).when(applied()).events) == 1
    left = record(3, EngagementEnd(engagement="e1", reason="resigned"), "2024-06-01")
    assert len(on_file(registered(), post(2, "instructor", "e1"), left).when(applied()).events) == 1
    assert len(on_file(registered()).when(applied()).events) == 1


def test_one_application_at_a_time() -> None:
    """After the end of one, whatever it was, another may be made."""
    on_file(*REVIEWED).when(applied(30, key="a2")).rejected("application-open", "data.person")
    gone = step(13, intake.CertificationWithdrawn(person=PERSON, application="a1", reason="made up"), "2025-02-11")
    assert len(on_file(*REVIEWED, gone).when(applied(30, on="2025-02-11", key="a2")).events) == 1


def holding(grade: str, number: str = "c1") -> Command:
    issuer = {"junior": COUNTY, "special": "320000"}.get(grade, CITY)
    return record(6, certificate(number, grade, issuer), "2022-03-01")


@pytest.mark.parametrize("held", ["junior", "intermediate"])
def test_a_grade_that_is_held_or_passed_is_not_applied_for(held: str) -> None:
    on_file(*WORKING, holding(held)).when(applied()).rejected("certificate-held", "data.grade")


def test_what_was_revoked_is_not_held() -> None:
    assert len(on_file(*WORKING, holding("junior"), change(7, "revoked", "2024-01-01")).when(applied()).events) == 1


def test_a_suspended_certificate_keeps_its_holder_from_applying() -> None:
    file = on_file(*WORKING, holding("junior"), change(7, "suspended", "2024-01-01"))
    file.when(applied(grade="intermediate", issuer=CITY)).rejected("certificate-suspended", "data.person")


@pytest.mark.parametrize("held", [None, "junior"])
def test_a_promotion_is_from_the_grade_below(held: str | None) -> None:
    file = on_file(*WORKING, *([] if held is None else [holding(held)]))
    file.when(applied(grade="senior", issuer=CITY)).rejected("grade-not-held", "data.grade")


# --- reviews, tests, panels ---------------------------------------------------------------------------------------------


def test_a_failed_review_ends_the_application_with_its_stage_and_reasons() -> None:
    file = on_file(*APPLIED)
    missing = reviewed(findings=(intake.Finding(criterion="trained", hours=23),))
    review, end = file.when(missing).events
    assert isinstance(review.event, EligibilityReviewed)
    assert (review.event.result, [c.name for c in review.event.criteria if not c.met]) == ("failed", ["trained", "recommended"])
    assert end == happened(
        11, concluded(11, "rejected", "eligibility_review", "not met: trained, recommended"), "2025-02-05", 1
    )
    on_file(*APPLIED, missing).when(trained()).rejected("application-closed", "data.application")


def test_a_criterion_can_be_waived_for_a_title_that_the_application_names() -> None:
    """The waiver is recorded with its clause; without the title, or for another criterion, it is refused."""
    recommended = FINDINGS[1:]
    titled = applied(titles=(intake.HeldTitle(field="social_work", level="junior"),))
    [event] = on_file(*WORKING, titled).when(reviewed(findings=recommended, waive=("trained",))).events
    assert isinstance(event.event, EligibilityReviewed)
    waived = event.event.criteria[2].waived
    assert waived is not None
    assert (event.event.result, waived.title, waived.clause) == ("passed", "social_work", "9.1")
    on_file(*APPLIED).when(reviewed(findings=recommended, waive=("trained",))).rejected("waiver-not-allowed", "data.waive.0")
    on_file(*WORKING, titled).when(reviewed(waive=("served",))).rejected("waiver-not-allowed")


def test_a_review_reads_an_engagement_that_another_source_has_corrected() -> None:
    """The end names the source's own key: it still ends the engagement that an operator has corrected."""
    fixed = correct(
        7, 2, EngagementStart(engagement="e1", category="recruited", unit="u", post="p"), "2024-02-01", source="operator"
    )
    left = record(8, EngagementEnd(engagement="e1", reason="resigned"), "2024-03-01")
    review, _ = on_file(*WORKING, fixed, left, applied()).when(reviewed()).events
    assert isinstance(review.event, EligibilityReviewed)
    served = review.event.criteria[0]
    assert (served.met, "30 days" in served.found) == (False, True)


@pytest.mark.parametrize(("hours", "score"), [(23, 100), (100, 59)])
def test_a_failed_test_is_recorded_and_may_be_taken_again(hours: int, score: int) -> None:
    """Nobody goes on without a passed one."""
    failed = trained(hours=hours, score=score)
    [event] = on_file(*REVIEWED).when(failed).events
    assert isinstance(event.event, TrainingTested)
    assert event.event.result == "failed"
    file = on_file(*REVIEWED, failed)
    assert needs(file, panel()) == f"stage:{REF}/{APPLICATION}/training_test"
    again = on_file(*REVIEWED, failed, trained(22, on="2025-02-11"))
    assert len(again.when(panel()).events) == 1


def test_a_failed_panel_ends_the_application_with_its_stage_and_mean() -> None:
    review, end = on_file(*TRAINED).when(panel(scores=(60, 60, 59))).events
    assert isinstance(review.event, PanelReviewed)
    assert (review.event.result, review.event.mean_hundredths) == ("failed", 5967)
    assert end.event == concluded(13, "rejected", "panel_review", "panel mean 59.67 below 60")


def test_a_panel_has_as_many_judges_as_the_standard_asks() -> None:
    on_file(*TRAINED).when(panel(scores=(100, 100))).rejected("too-few-judges", "data.scores")


@pytest.mark.parametrize(
    ("scores", "drop", "mean"),
    [
        ((60,), False, 6000),
        ((60, 60, 61), False, 6033),
        ((60, 61, 61), False, 6067),
        ((1, 0, 0, 0, 0, 0, 0, 0), False, 13),
        ((0, 70, 80, 90, 100), True, 8000),
        ((100, 100, 70, 0, 0), True, 5667),
    ],
)
def test_the_mean_is_in_hundredths_half_up(scores: tuple[int, ...], drop: bool, mean: int) -> None:
    """12.5 hundredths are 13; one highest and one lowest are left out if the standard says so."""
    assert mean == mean_hundredths(scores, drop)


# --- the notice ---------------------------------------------------------------------------------------------------------


def with_notice_of(days: int) -> Rules:
    junior = STANDARD.grades[0].model_copy(update={"notice_working_days": days})
    old = STANDARD.model_copy(update={"grades": (junior,), "effective_on": date(2018, 1, 1)})
    return replace(RULES, standards=((STANDARD_EVENT, old),))


@pytest.mark.parametrize(
    ("start", "days", "ends_on"),
    [
        ("2021-09-28", 5, "2021-10-11"),
        ("2024-09-27", 5, "2024-10-10"),
        ("2025-01-24", 5, "2025-02-07"),
        ("2025-02-07", 1, "2025-02-08"),
    ],
)
def test_the_last_day_is_a_working_day_of_the_official_calendar(start: str, days: int, ends_on: str) -> None:
    """Published cases: over National Day, over the Spring Festival, and a Saturday that is worked."""
    rules = with_notice_of(days)
    working = EngagementStart(engagement="e1", category="secretary", unit="u", post="p")
    done = (registered(on="2018-01-01"), record(2, working, "2018-01-01"))
    steps = (applied(on="2020-01-02"), reviewed(on="2020-01-02"), trained(on="2020-01-02"), panel(on="2020-01-02"))
    [event] = on_file(*done, *steps, rules=rules).when(notice(on=start)).events
    assert isinstance(event.event, NoticeOpened)
    assert ends_on == str(event.event.ends_on)


ONLY_2025 = WorkCalendar(
    {day: name for day, name in __import__("chinese_calendar").holidays.items() if day.year <= 2025},
    {day for day in __import__("chinese_calendar").workdays if day.year <= 2025},
    "calendar of 2025",
)


def test_where_the_calendar_does_not_know_the_year_the_last_day_is_asked_for() -> None:
    """It is never guessed; a day that is told is taken, and said to be."""
    rules = replace(RULES, calendar=ONLY_2025)
    file = on_file(*SCORED, rules=rules)
    file.when(notice(on="2025-12-30")).rejected("calendar-unknown-year", "data.ends_on")
    [event] = file.when(notice(on="2025-12-30", ends_on="2026-01-06")).events
    assert isinstance(event.event, NoticeOpened)
    assert (str(event.event.ends_on), event.event.calendar) == ("2026-01-06", "given")
    on_file(*SCORED, rules=replace(RULES, calendar=None)).when(notice()).rejected("calendar-unknown-year", "data.ends_on")


@pytest.mark.parametrize(
    ("ends_on", "code"),
    [("2026-01-01", "ends-too-early"), ("2026-01-02", None), ("2027-02-03", None), ("2027-02-04", "ends-too-late")],
)
def test_a_last_day_that_is_told_can_be(ends_on: str, code: str | None) -> None:
    """Three working days take three days at least; and a notice is not left open for years."""
    when = on_file(*SCORED, rules=replace(RULES, calendar=ONLY_2025)).when(notice(on="2025-12-30", ends_on=ends_on))
    if code is None:
        assert len(when.events) == 1
    else:
        when.rejected(code, "data.ends_on")


def test_a_last_day_that_the_calendar_knows_better_is_refused() -> None:
    """The right one may be told."""
    on_file(*SCORED).when(notice(ends_on="2025-02-19")).rejected("not-the-last-day", "data.ends_on")
    assert len(on_file(*SCORED).when(notice(ends_on="2025-02-18")).events) == 1


# --- objections ---------------------------------------------------------------------------------------------------------


def last_day(*commands: Command, rules: Rules = RULES) -> date:
    at = state_of(*commands, rules=rules).applications[APPLICATION].at
    ends_on = getattr(at, "ends_on", None)
    assert isinstance(ends_on, date)
    return ends_on


def test_an_objection_makes_the_notice_stand_still() -> None:
    """The event says how many working days are left; no deadline passes while it is open."""
    on_file(*IN_NOTICE).when(objected()).then(
        happened(15, ObjectionRaised(**common(15), objection="hr/o1", grounds="made up", days_left=2), "2025-02-14")
    )
    on_file(*IN_NOTICE, objected()).when(deadline(today="2026-02-28")).nothing()
    assert due_for(state_of(*IN_NOTICE, objected()), APPLICATION, date(2026, 2, 28)) is None


def test_a_dismissed_objection_lets_the_rest_of_the_notice_run_from_its_resolution() -> None:
    """Two days were left: from Thursday the 20th they end on Monday."""
    file = on_file(*IN_NOTICE, objected())
    file.when(resolved()).then(
        happened(
            16,
            ObjectionResolved(
                **common(16),
                objection="hr/o1",
                outcome="dismissed",
                finding="made up",
                ends_on=date(2025, 2, 24),
                calendar=CALENDAR.version,
            ),
            "2025-02-20",
        )
    )
    done = (*IN_NOTICE, objected(), resolved())
    on_file(*done).when(deadline(today="2025-02-24")).nothing()
    granted = on_file(*done).when(deadline(today="2025-02-25")).events
    assert [str(each.effective_on) for each in granted] == ["2025-02-25"] * 2


def test_an_objection_on_the_last_day_leaves_nothing_of_the_notice() -> None:
    """Dismissed, it is over on that day."""
    assert str(last_day(*IN_NOTICE, objected(on="2025-02-18"), resolved())) == "2025-02-20"


def test_an_objection_after_the_last_day_is_too_late_even_if_nobody_has_looked_yet() -> None:
    on_file(*IN_NOTICE).when(objected(on="2025-02-19")).rejected("notice-over", "effectiveon")
    assert len(on_file(*IN_NOTICE, objected()).when(objected(17, "2025-02-19", "o2")).events) == 1


def test_an_upheld_objection_rejects_the_application() -> None:
    """Even if others are open."""
    events = on_file(*IN_NOTICE, objected(), objected(17, objection="o2")).when(resolved(outcome="upheld")).events
    assert kinds(events) == ["objection-resolved", "certification-concluded"]
    assert events[1].event == concluded(16, "rejected", "public_notice", "an objection was upheld")
    rejected = (*IN_NOTICE, objected(), resolved(outcome="upheld"))
    on_file(*rejected).when(deadline(today="2026-02-28")).nothing()
    on_file(*rejected).when(objected(17, objection="o2")).rejected("application-closed", "data.application")


SEVERAL = (
    objected(15, "2025-02-17", "o1"),
    objected(16, "2025-02-14", "o2"),
    resolved(17, "2025-02-26", objection="o1"),
    resolved(18, "2025-02-20", objection="o2"),
)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 2, 3), (0, 1, 3, 2), (1, 0, 3, 2)])
def test_of_several_objections_the_earliest_stops_the_notice_and_the_last_resolution_lets_it_go_on(order: Any) -> None:
    """Stopped on the 14th with two days left, going on from the 26th: until the 28th, in whatever order it is told."""
    told = [SEVERAL[place] for place in order]
    assert str(last_day(*IN_NOTICE, *told)) == "2025-02-28"
    first = on_file(*IN_NOTICE, *told[:3])
    first.when(deadline(today="2026-02-28")).nothing()


def test_an_objection_of_a_day_on_which_the_notice_stood_still_takes_nothing_back() -> None:
    """It is counted from the day on which the notice went on."""
    gone_on = (*IN_NOTICE, objected(), resolved())
    late = on_file(*gone_on).when(objected(17, "2025-02-14", "o2")).events
    assert isinstance(late[0].event, ObjectionRaised)
    assert late[0].event.days_left == 2
    assert str(last_day(*gone_on, objected(17, "2025-02-14", "o2"), resolved(18, "2025-02-21", objection="o2"))) == "2025-02-25"


def test_objections_are_known_by_who_raised_them_and_their_keys() -> None:
    file = on_file(*IN_NOTICE, objected())
    file.when(objected(17)).nothing()
    file.when(objected(17, "2025-02-17")).rejected("objection-known", "data.objection")
    named = step(17, objected().says.model_copy(update={"application_source": "hr"}), "2025-02-14", source="training")
    both = on_file(*IN_NOTICE, objected(), named)
    assert len(both.when(resolved(raised_by="training")).events) == 1
    over = on_file(*IN_NOTICE, objected(), resolved())
    over.when(resolved(19)).nothing()
    over.when(resolved(19, outcome="upheld")).rejected("already-resolved", "data.objection")
    over.when(objected(19)).nothing()
    over.when(objected(19, "2025-02-17")).rejected("objection-known", "data.objection")


def test_a_resolution_waits_for_its_objection_and_is_not_dated_before_it() -> None:
    assert needs(on_file(*IN_NOTICE), resolved()) == f"objection:{REF}/{APPLICATION}/hr/o1"
    on_file(*IN_NOTICE, objected()).when(resolved(on="2025-02-13")).rejected("before-what-it-follows", "effectiveon")


def test_where_the_calendar_does_not_know_the_new_last_day_it_is_asked_for() -> None:
    """The days that were left are known; when they end is not."""
    rules = replace(RULES, calendar=ONLY_2025)
    file = (*SCORED, notice(on="2025-12-17"), objected(on="2025-12-18"))
    assert str(last_day(*file[:-1], rules=rules)) == "2025-12-22"
    dismissed = resolved(on="2025-12-30")
    on_file(*file, rules=rules).when(dismissed).rejected("calendar-unknown-year", "data.ends_on")
    assert str(last_day(*file, resolved(on="2025-12-30", ends_on="2026-01-05"), rules=rules)) == "2026-01-05"
    on_file(*file, rules=rules).when(resolved(on="2025-12-30", ends_on="2025-12-31")).rejected("ends-too-early")


def test_days_that_the_calendar_did_not_know_are_counted_once_it_does() -> None:
    """A notice whose last day was told: the objection leaves open how much is left; with a newer calendar it is counted."""
    unknown = replace(RULES, calendar=ONLY_2025)
    file = (*SCORED, notice(on="2025-12-30", ends_on="2026-01-06"), objected(on="2025-12-31"))
    raised = after(*file, rules=unknown)
    assert isinstance(raised[-1].event, ObjectionRaised)
    assert raised[-1].event.days_left is None
    told = resolved(on="2026-01-08", ends_on="2026-01-12")
    given(decider(unknown), raised).when(resolved(on="2026-01-08")).rejected("calendar-unknown-year", "data.ends_on")
    assert len(given(decider(unknown), raised).when(told).events) == 1
    [event] = given(decider(RULES), raised).when(resolved(on="2026-01-08")).events
    assert isinstance(event.event, ObjectionResolved)
    left = CALENDAR.working_days_between(date(2025, 12, 31), date(2026, 1, 6))
    assert event.event.ends_on == CALENDAR.add_working_days(date(2026, 1, 8), left)


@settings(max_examples=150)
@any_of(data=st.data())
def test_the_notice_has_as_many_working_days_as_the_standard_says_whatever_objections_there_are(data: st.DataObject) -> None:
    """Of the days up to its last one, seven are working days on which it did not stand still."""
    start = date(2025, 3, 3)
    rules = with_notice_of(7)
    made, still = decider(rules), set[date]()
    told: list[Command] = []
    for number in range(data.draw(st.integers(1, 3))):
        first = start + timedelta(days=data.draw(st.integers(0, 14)))
        last = first + timedelta(days=data.draw(st.integers(0, 10)))
        told += [objected(30 + number, str(first), f"o{number}"), resolved(40 + number, str(last), objection=f"o{number}")]
        still |= {first + timedelta(days=n) for n in range(1, (last - first).days + 1)}
    told.sort(key=lambda command: (command.stamp.effective_on, command.stamp.event_id))
    before = (registered(), WORKING[1], applied(), reviewed(), trained(), panel(), notice(on=str(start)))
    events = after(*before, rules=rules)
    for command in told:
        try:
            events += made.decide(command, given(made, events).state)
        except Rejected as rejected:
            assume(rejected.problems[0].code != "notice-over")
            raise
    at = given(made, events).state.applications[APPLICATION].at
    assert isinstance(at, InNotice)
    run = [start + timedelta(days=n) for n in range(1, (at.ends_on - start).days + 1)]
    assert sum(CALENDAR.is_working_day(day) and day not in still for day in run) == 7


# --- the outcome --------------------------------------------------------------------------------------------------------


def test_a_notice_is_due_on_the_day_after_its_last_one_and_once() -> None:
    on_file(*IN_NOTICE).when(deadline(today="2025-02-18")).nothing()
    assert due_for(state_of(*IN_NOTICE), APPLICATION, date(2025, 2, 18)) is None
    assert due_for(state_of(*IN_NOTICE), APPLICATION, date(2025, 2, 19)) == (COUNTY, date(2025, 2, 19))
    granted = on_file(*IN_NOTICE, deadline())
    granted.when(deadline(21, number="n2")).nothing()
    granted.when(deadline(21, number="n2", application="hr/a9")).nothing()
    on_file(*SCORED).when(deadline(today="2026-02-28")).nothing()


def test_an_application_that_is_over_takes_no_further_step() -> None:
    granted = on_file(*IN_NOTICE, deadline())
    for late in (objected(), resolved(), by(reviewed(of="hr"), "training")):
        granted.when(late).rejected("application-closed", "data.application")


def test_the_applicant_may_give_up_at_any_stage() -> None:
    """The stage that was reached is recorded; nothing is issued any more."""
    gives_up = step(18, intake.CertificationWithdrawn(person=PERSON, application="a1", reason="made up"), "2025-02-17")
    for file, stage in ((APPLIED, "application"), (TRAINED, "training_test"), (IN_NOTICE, "public_notice")):
        on_file(*file).when(gives_up).then(happened(18, concluded(18, "withdrawn", stage, "made up"), "2025-02-17"))
    on_file(*IN_NOTICE, gives_up).when(deadline(today="2026-02-28")).nothing()


HOLDING = holding("junior")
SKILLED = (intake.Finding(criterion="trained", hours=40), intake.Finding(criterion="ability", points=60))
TITLED = applied(grade="intermediate", issuer=CITY, titles=(intake.HeldTitle(field="political_work", level="intermediate"),))


def promoting(*facts: Command) -> tuple[Command, ...]:
    """An application for an intermediate certificate of somebody with a junior one, in its notice until 21 February."""
    return (
        *WORKING,
        HOLDING,
        TITLED,
        reviewed(findings=SKILLED),
        trained(hours=40),
        panel(scores=(70, 70, 70)),
        notice(on="2025-02-14"),
        *facts,
    )


def outcome(*commands: Command) -> tuple[str, str]:
    """(granted or rejected, why)."""
    [end, *_] = [e.event for e in after(*commands, deadline(today="2025-03-03")) if isinstance(e.event, CertificationConcluded)]
    return end.outcome, end.reason


def test_a_promotion_supersedes_the_certificate_that_it_promotes() -> None:
    """On the day of issue; from then on the person holds the new one alone."""
    events = on_file(*promoting()).when(deadline(today="2025-03-03")).events
    assert kinds(events) == ["certification-concluded", "certificate-issued", "certificate-changed"]
    assert {str(each.effective_on) for each in events} == {"2025-02-22"}
    superseded = events[2].event
    assert isinstance(superseded, CertificateChanged)
    assert (superseded.particulars.number, superseded.particulars.change) == ("c1", "superseded")
    spans = certificate_spans(state_of(*promoting(), deadline(today="2025-03-03")))
    assert [(s.number, s.state, str(s.first)) for s in spans] == [
        ("c1", "valid", "2022-03-01"),
        ("c1", "superseded", "2025-02-22"),
        ("n1", "valid", "2025-02-22"),
        ("n1", "expired", "2030-02-22"),
    ]


@pytest.mark.parametrize("what", ["suspended", "revoked"])
def test_what_is_no_longer_valid_is_not_promoted(what: str) -> None:
    """If it happened by the day of issue; after it, it is the new certificate that counts."""
    assert outcome(*promoting(change(17, what, "2025-02-22"))) == (
        "rejected",
        "certificate c1, which was to be promoted, is not valid",
    )
    assert outcome(*promoting(change(17, what, "2025-02-23")))[0] == "granted"


def test_what_has_expired_is_not_promoted() -> None:
    expires = correct(17, 6, certificate(until="2025-02-21"), "2022-03-01")
    assert outcome(*promoting(expires))[0] == "rejected"


def test_nobody_whose_registration_was_closed_is_granted_a_certificate() -> None:
    """Closed on the last day of the notice, not on the day of issue; reopened by then, yes."""
    assert outcome(*IN_NOTICE, closed(17, "2025-02-18")) == ("rejected", "the registration was closed")
    assert outcome(*IN_NOTICE, closed(17, "2025-02-19"))[0] == "granted"
    assert outcome(*IN_NOTICE, closed(17, "2025-02-14"), reopened(18, "2025-02-19"))[0] == "granted"


def test_nobody_is_granted_a_grade_that_they_hold_or_have_passed_by_now() -> None:
    """Another system has reported a certificate meanwhile: it is not superseded by a lower one."""
    for grade, issuer in (("junior", COUNTY), ("senior", CITY)):
        reported = record(17, certificate("c7", grade, issuer), "2023-03-01")
        assert outcome(*IN_NOTICE, reported) == ("rejected", f"the person holds {grade} certificate c7 by now")
    assert outcome(*IN_NOTICE, record(17, certificate("c7"), "2025-02-20"))[0] == "granted"


def test_nobody_is_granted_a_certificate_beside_a_suspended_one() -> None:
    """It has been reported since the application, which asked for none."""
    grades = tuple(grade.model_copy(update={"promotes_from": None}) for grade in STANDARD.grades)
    rules = replace(RULES, standards=((STANDARD_EVENT, STANDARD.model_copy(update={"grades": grades})),))
    without = reviewed(findings=SKILLED, waive=("held",))
    first = (*WORKING, TITLED, without, *promoting()[8:], record(17, certificate("c7"), "2023-03-01"))
    suspended = change(18, "suspended", "2025-02-17", number="c7")
    [end] = on_file(*first, suspended, rules=rules).when(deadline(today="2025-03-03")).events
    assert isinstance(end.event, CertificationConcluded)
    assert (end.event.outcome, end.event.reason) == ("rejected", "certificate c7 is suspended")
    both = on_file(*first, rules=rules).when(deadline(today="2025-03-03")).events
    assert kinds(both) == ["certification-concluded", "certificate-issued", "certificate-changed"]


def test_asking_twice_yields_nothing() -> None:
    """Every step, and the end: the same message again, under whatever event ids."""
    steps = (*STEPS, objected(), resolved(), deadline(today="2025-03-03"))
    file = on_file(*WORKING, *steps)
    for command in (*WORKING, *steps):
        file.when(command).nothing()
