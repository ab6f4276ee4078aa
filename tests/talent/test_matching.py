"""A vacancy matched to the pool: hard requirements two-sided, soft ones in integers, an order that is always the same."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest

from contracts import staffing_intake as intake
from contracts.particulars import RegistrationStatus
from contracts.staffing import SoftRequirement
from contracts.standard import Words
from contracts.talent import CompetencyRating
from services.talent.matching import Asked, Candidate, degree_of, shortlist
from services.talent.screening import KnownFact, KnownProfile
from tests.support import event_id
from tests.talent.example import FULL

DAY = date(2026, 6, 30)
POST = {"vacancy": "V-1", "unit": "一村", "division": "320102", "post": "书记", "category": "secretary"}


def asked(hard: list[dict[str, Any]], soft: list[tuple[dict[str, Any], int]] = []) -> Asked:  # noqa: B006 - read only
    told = intake.VacancyDescribed.model_validate({
        **POST,
        "hard": [{**criterion, "clause": "1"} for criterion in hard],
        "soft": [{"criterion": {**criterion, "clause": "2"}, "weight": weight} for criterion, weight in soft],
    })  # fmt: skip
    return Asked(told.hard, tuple(SoftRequirement.model_validate(each.model_dump()) for each in told.soft), Words())


def member(number: int, admitted: str = "2026-01-01", facts: tuple[KnownFact, ...] = (), **changed: Any) -> Candidate:
    profile = FULL.model_copy(update=changed)
    order = (datetime(2026, 1, 1, tzinfo=UTC).isoformat(), "hr", "m")
    known = KnownProfile(event_id(number), date(2026, 1, 1), order, profile)
    return Candidate(f"p{number:026d}", date.fromisoformat(admitted), (known,), facts)


MASTER = {"rule": "degree", "at_least": "master"}
FIVE_YEARS = {"rule": "post_years", "at_least": 5}
TEN_YEARS = {"rule": "enterprise_years", "at_least": 10}
POLITICAL = {"rule": "competency", "name": "political", "at_least": 5}


def refs(found: Any) -> list[int]:
    return [int(m.person_ref[1:]) for m in found]


def test_a_hard_requirement_has_two_sides_and_keeps_out_who_lacks_it() -> None:
    found = shortlist(asked([MASTER]), [member(1, degree="bachelor"), member(2)], DAY)
    assert [(m.rank, m.eligible) for m in found] == [(1, True), (None, False)]
    (lacking,) = found[1].missing
    assert (lacking.name, lacking.required, lacking.found, lacking.met) == ("degree", "master or above", "bachelor", False)
    assert found[0].missing == ()


def test_soft_requirements_rank_by_weight_and_by_how_far_somebody_is() -> None:
    """9 of 10 years are 90, 4 of 5 points 80: 3 × 90 + 1 × 80 of 400 points are 87.50 %."""
    wanted = asked([MASTER], [(TEN_YEARS, 3), (POLITICAL, 1)])
    (found,) = shortlist(wanted, [member(1)], DAY)
    assert [(s.result.name, s.weight, s.degree, s.points) for s in found.soft] == [
        ("enterprise_years", 3, 90, 270), ("competency_political", 1, 80, 80),
    ]  # fmt: skip
    assert (found.points, found.points_max, found.fit) == (350, 400, 8750)
    assert [r.name for r in found.missing] == ["enterprise_years", "competency_political"]


def test_the_order_is_the_same_however_the_pool_is_read() -> None:
    """By fit, then by who was admitted first, then by person_ref; equal fit is equal rank, and the next rank is skipped."""
    wanted = asked([], [(TEN_YEARS, 1)])
    pool = [member(1, "2026-02-01"), member(2), member(3), member(4, enterprise_years=12), member(5, enterprise_years=1)]
    for order in permutations(pool):
        found = shortlist(wanted, order, DAY)
        assert refs(found) == [4, 2, 3, 1, 5]
        assert [m.rank for m in found] == [1, 2, 2, 2, 5]


def test_of_equal_fit_who_meets_more_requirements_comes_first() -> None:
    """Half of everything is not the same as one thing whole."""
    wanted = asked([], [(TEN_YEARS, 1), ({"rule": "departments", "at_least": 10}, 1)])
    halves, whole = member(1, enterprise_years=5, departments=5), member(2, enterprise_years=10, departments=0)
    found = shortlist(wanted, [halves, whole], DAY)
    assert [(m.fit, m.soft_met, m.rank) for m in found] == [(5000, 1, 1), (5000, 0, 2)]
    assert refs(found) == [2, 1]


def test_without_soft_requirements_whoever_is_eligible_fits_fully() -> None:
    assert [m.fit for m in shortlist(asked([MASTER]), [member(1)], DAY)] == [10_000]


def test_those_who_are_not_eligible_follow_by_how_little_they_lack() -> None:
    wanted = asked([MASTER, FIVE_YEARS], [])
    pool = [member(1, degree="bachelor", listed_post_years=1), member(2, degree="bachelor"), member(3)]
    assert refs(shortlist(wanted, pool, DAY)) == [3, 2, 1]


def test_a_flag_or_a_closed_registration_keeps_out_whatever_is_asked() -> None:
    closing = RegistrationStatus(key="k", status="closed", reason="left")
    gone = member(1, facts=(KnownFact(event_id(9), date(2026, 3, 1), closing),))
    flagged = Candidate(member(2).person_ref, date(2026, 1, 1), member(2).profiles, (), flagged=True)
    found = shortlist(asked([MASTER]), [gone, flagged, member(3)], DAY)
    assert refs(found) == [3, 1, 2]
    assert [[r.name for r in m.missing] for m in found] == [[], ["registration"], ["standard"]]


@pytest.mark.parametrize(
    ("criterion", "changed", "degree"),
    [
        ({"rule": "degree", "at_least": "doctor"}, {"degree": "master"}, 75),
        ({"rule": "title", "at_least": "senior"}, {"title": "none"}, 0),
        ({"rule": "title", "at_least": "senior"}, {"title": None}, 0),
        ({"rule": "party_years", "at_least": 30}, {"party_joined_on": "2010-07"}, 50),
        ({"rule": "departments", "at_least": 7}, {"departments": 3}, 42),
        ({"rule": "competency", "name": "learning", "at_least": 5}, {"competencies": ()}, 0),
        ({"rule": "major", "among": ["law"]}, {}, 0),
        ({"rule": "health"}, {"healthy": False}, 0),
    ],
)
def test_the_way_to_a_requirement_is_counted_down(criterion: dict[str, Any], changed: dict[str, Any], degree: int) -> None:
    """Rounded down, so that nobody who lacks something stands as having it; what is not known is 0."""
    wanted = asked([criterion]).hard[0]
    assert degree_of(wanted, FULL.model_copy(update=changed), DAY) == degree


def test_who_has_reported_nothing_meets_nothing() -> None:
    nobody = Candidate("p" + "0" * 26, date(2026, 1, 1), (), ())
    (found,) = shortlist(asked([], [(POLITICAL, 2)]), [nobody], DAY)
    assert (found.fit, found.missing[0].found) == (0, "not known")


def test_a_degree_of_what_is_met_is_a_hundred() -> None:
    """Whatever it exceeds it by."""
    best = member(1, competencies=(CompetencyRating(competency="political", score=5),))
    (found,) = shortlist(asked([], [(POLITICAL, 7)]), [best], DAY)
    assert (found.soft[0].degree, found.fit) == (100, 10_000)
