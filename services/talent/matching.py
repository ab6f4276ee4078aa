"""A vacancy matched to the pool: who meets its hard requirements, ranked by the soft ones, and what each still lacks. Pure.

Requirements are criteria as of a standard, judged like a screening: two-sided, on the facts of the day (``screening.judge``).
Each soft one is met to a degree, 0 to 100: 100 when it is met; below that, for what is counted or ranked (years, departments,
degrees, titles, competencies), the part of the way, rounded down; for all else, 0. A fit (岗位匹配度) is the sum of weight
times degree in hundredths of a percent of the greatest sum, rounded half up.

The list is ordered by fit, then by how many soft requirements are met, then by who was admitted first, then by person_ref: so
it is the same each time. Equal fit and equal number met is equal rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from contracts.staffing import SoftRequirement
from contracts.standard import (
    DEGREES,
    TITLES,
    CompetencyCriterion,
    Criterion,
    DegreeCriterion,
    DepartmentsCriterion,
    EnterpriseYearsCriterion,
    PartyYearsCriterion,
    PostYearsCriterion,
    TitleCriterion,
    Words,
)
from contracts.talent import CriterionResult, Profile
from services.talent.screening import KnownFact, KnownProfile, full_years, judge, profile_on, registration
from services.talent.shares import WHOLE_HUNDREDTHS, Share

__all__ = ["DEGREE_MAX", "Asked", "Candidate", "Match", "SoftResult", "degree_of", "fit_of", "match", "shortlist"]

DEGREE_MAX = 100
"""A soft requirement that is met fully."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a vacancy asks for. words: of the standard in force in its division."""

    hard: tuple[Criterion, ...]
    soft: tuple[SoftRequirement, ...]
    words: Words


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member of the pool, with all that is known. flagged: by the registry's facts the standard is not met any more."""

    person_ref: str
    admitted_on: date
    profiles: tuple[KnownProfile, ...]
    facts: tuple[KnownFact, ...]
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class SoftResult:
    """degree: 0 to 100. points: weight times degree."""

    result: CriterionResult
    weight: int
    degree: int

    @property
    def points(self) -> int:
        return self.weight * self.degree


@dataclass(frozen=True, slots=True)
class Match:
    """One member against the vacancy. rank: among the eligible; None: they are not. fit: in hundredths of a percent."""

    person_ref: str
    admitted_on: date
    eligible: bool
    rank: int | None
    fit: int
    points: int
    points_max: int
    hard: tuple[CriterionResult, ...]
    soft: tuple[SoftResult, ...]

    @property
    def missing(self) -> tuple[CriterionResult, ...]:
        """What is lacking, hard requirements first."""
        return tuple(r for r in (*self.hard, *(s.result for s in self.soft)) if not r.met)

    @property
    def soft_met(self) -> int:
        return sum(1 for each in self.soft if each.result.met)


def shortlist(asked: Asked, candidates: Iterable[Candidate], day: date) -> tuple[Match, ...]:
    """Everybody, the eligible first and ranked; those who are not, by how few hard requirements they lack."""
    matches = [match(asked, candidate, day) for candidate in candidates]
    eligible = sorted((m for m in matches if m.eligible), key=lambda m: (-m.fit, -m.soft_met, m.admitted_on, m.person_ref))
    others = sorted(
        (m for m in matches if not m.eligible),
        key=lambda m: (sum(1 for r in m.hard if not r.met), -m.fit, m.admitted_on, m.person_ref),
    )
    ranked: list[Match] = []
    for place, each in enumerate(eligible, start=1):
        before = ranked[-1] if ranked else None
        same = before is not None and (before.fit, before.soft_met) == (each.fit, each.soft_met)
        ranked.append(replace(each, rank=before.rank if before is not None and same else place))
    return (*ranked, *others)


def match(asked: Asked, candidate: Candidate, day: date) -> Match:
    """One member, not ranked yet. A closed registration, or a standing flag, keeps out whatever is asked."""
    hard = (
        *judge(asked.hard, asked.words, candidate.profiles, candidate.facts, day),
        *registration(candidate.facts, day),
        *_standing(candidate),
    )
    judged = judge([each.criterion for each in asked.soft], asked.words, candidate.profiles, candidate.facts, day)
    known = profile_on(candidate.profiles, day)
    profile = None if known is None else known.profile
    soft = tuple(
        SoftResult(result, each.weight, DEGREE_MAX if result.met else degree_of(each.criterion, profile, day))
        for each, result in zip(asked.soft, judged, strict=True)
    )
    points, points_max = sum(s.points for s in soft), sum(s.weight for s in soft) * DEGREE_MAX
    return Match(
        person_ref=candidate.person_ref,
        admitted_on=candidate.admitted_on,
        eligible=all(result.met for result in hard),
        rank=None,
        fit=fit_of(points, points_max),
        points=points,
        points_max=points_max,
        hard=hard,
        soft=soft,
    )


def _standing(candidate: Candidate) -> tuple[CriterionResult, ...]:
    if not candidate.flagged:
        return ()
    found = "by the registry's facts not met any more"
    return (CriterionResult(name="standard", required="still met", found=found, met=False, facts=(), clause=""),)


def fit_of(points: int, points_max: int) -> int:
    """In hundredths of a percent, rounded half up. Without soft requirements whoever is eligible fits fully."""
    found = Share(points, points_max).hundredths
    return WHOLE_HUNDREDTHS if found is None else found


def degree_of(criterion: Criterion, profile: Profile | None, day: date) -> int:
    """How far somebody is who does not meet the criterion: 0 to 99."""
    if profile is None:
        return 0
    match criterion:
        case PartyYearsCriterion():
            return _way(full_years(profile.party_joined_on, day), criterion.at_least)
        case EnterpriseYearsCriterion():
            return _way(profile.enterprise_years, criterion.at_least)
        case DepartmentsCriterion():
            return _way(profile.departments, criterion.at_least)
        case PostYearsCriterion():
            return _way(profile.listed_post_years, criterion.at_least)
        case CompetencyCriterion():
            score = next((c.score for c in profile.competencies if c.competency == criterion.name), None)
            return _way(score, criterion.at_least)
        case DegreeCriterion():
            return _way_of_words(profile.degree, criterion.at_least, DEGREES)
        case TitleCriterion():
            return _way_of_words(profile.title, criterion.at_least, TITLES)
        case _:
            # A range, one of several, a state or a count of good years: met, or not.
            return 0


def _way(found: int | None, least: int) -> int:
    return 0 if found is None or least == 0 else min(DEGREE_MAX - 1, found * DEGREE_MAX // least)


def _way_of_words(found: str | None, least: str, order: Sequence[str]) -> int:
    """Steps from the lowest word: of five words the second is one step on."""
    return 0 if found is None else _way(order.index(found), order.index(least))
