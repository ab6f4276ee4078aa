"""One person on one page: each section from the events, and everything as of a day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from contracts import staffing_intake as intake
from contracts.standard import Words
from services.talent.decider import standing_facts
from services.talent.matching import Asked, Candidate, match
from services.talent.profile import Bar, Competency, Item, Point
from tests.talent.example import REF
from tests.talent.profile_example import DAY, PAGE, STATE, page


def test_the_head_says_who_somebody_is_on_the_day() -> None:
    """The post that is held, the months in all posts, the certificate and the stage of the candidacy."""
    assert (PAGE.division, PAGE.registration, [p.post for p in PAGE.posts]) == ("320102", "open", ["书记"])
    assert (PAGE.months, PAGE.certificate, PAGE.points) == (73, ("intermediate", "valid"), 7)
    assert (PAGE.stage, PAGE.stage_since, PAGE.ladder, PAGE.pool_division) == (
        "admitted", date(2026, 2, 10), "near-term", "320102",
    )  # fmt: skip


def test_an_earlier_day_knows_nothing_of_what_came_later() -> None:
    """Before the nomination there is no stage, before the profile no score, and the first post goes on."""
    early = page(date(2023, 6, 30))
    assert (early.stage, early.particulars, early.certificate, early.points) == (None, None, None, None)
    assert (early.activities, early.honours, early.training, early.history) == ((), (), (), ())
    assert early.bars == (Bar("post", "第六党支部 副书记", date(2020, 6, 1), None),)
    assert [c.score for c in early.competencies] == [None] * 5


def test_competencies_stand_beside_what_the_standard_asks_for() -> None:
    assert PAGE.competencies[:2] == (Competency("political", 4, 5), Competency("learning", 4, None))
    assert [c.required for c in page(standard=None).competencies] == [None] * 5


def test_gaps_are_the_criteria_that_are_not_met() -> None:
    assert [(c.name, c.required, c.found) for c in PAGE.gaps] == [
        ("degree", "doctor or above", "master"), ("competency_political", "at least 5 of 5", "4 of 5"),
    ]  # fmt: skip
    assert (page(standard=None).gaps, page(standard=None).standard) == ((), None)


def test_fit_is_told_with_what_is_missing() -> None:
    says = intake.VacancyDescribed.model_validate({
        "vacancy": "V-1", "unit": "一村", "division": "320102", "post": "书记", "category": "secretary",
        "hard": [{"rule": "degree", "at_least": "doctor", "clause": "1"}],
        "soft": [{"criterion": {"rule": "enterprise_years", "at_least": 10, "clause": "2"}, "weight": 1}],
    })  # fmt: skip
    asked = Asked(says.hard, says.soft, Words())
    found = match(asked, Candidate(REF, DAY, STATE.profiles, standing_facts(STATE)), DAY)
    (fit,) = page(fits=[("hr/V-1", "一村", "书记", found)]).fits
    assert (fit.vacancy, fit.fit, fit.eligible) == ("hr/V-1", "90.00", False)
    assert [c.name for c in fit.missing] == ["degree", "enterprise_years"]


def test_activities_stand_as_they_came_out() -> None:
    """Done is done; what was still open when the plan was closed is dropped with it."""
    assert {(i.what, i.kind, i.status) for i in PAGE.activities} == {
        ("参加巡察", "inspection_tour", "done"), ("课题研究", "research_project", "dropped"),
        ("督导调研", "supervision", "dropped"),
    }  # fmt: skip
    assert {i.status for i in page(date(2026, 4, 1)).activities} == {"planned"}


def test_training_is_told_as_it_was_told_last() -> None:
    """With the course's title, where it is known; what was withdrawn is gone."""
    assert PAGE.training == (Item("党务干部轮训", "training", "passed", date(2025, 5, 2), number=24),)
    assert page(courses={}).training[0].what == "hr/c-1"


def test_secondments_and_mentors_have_both_ends() -> None:
    expected = Item("省直机关 副处长", "real_duties", "completed", date(2025, 1, 1), date(2025, 11, 30))
    assert PAGE.secondments == (expected,)
    assert page(date(2025, 6, 1)).secondments[0].status == "open"
    assert [(m.what, m.until) for m in PAGE.mentoring] == [("传帮带", date(2026, 12, 31))]
    assert PAGE.bars[-1] == Bar("secondment", "省直机关 副处长", date(2025, 1, 1), date(2025, 11, 30))


def test_conduct_counts_without_what_was_withdrawn() -> None:
    """A sanction that was lifted ends on that day."""
    assert PAGE.honours == (Item("优秀党务工作者", "honour", "city", date(2025, 7, 1)),)
    assert PAGE.sanctions == (Item("逾期未整改", "sanction", "interview", date(2024, 3, 1), date(2024, 9, 1)),)
    assert page(date(2025, 5, 15)).points == 12


@pytest.mark.parametrize(
    "point",
    [
        Point("certificate", "valid", "intermediate", date(2024, 5, 1)),
        Point("rating", "competent", "2024", date(2025, 1, 10)),
        Point("inspection", "passed", "2025", date(2025, 11, 1)),
        Point("pool", "admitted", "near-term", date(2026, 2, 10)),
    ],
)
def test_history_has_each_kind_of_step(point: Any) -> None:
    assert point in PAGE.history


def test_history_begins_with_the_latest() -> None:
    days = [point.on for point in PAGE.history]
    assert days == sorted(days, reverse=True)
