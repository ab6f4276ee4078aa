"""Whether somebody meets a standard on a day: each criterion two-sided, from the profile and the facts that stand. Pure.

Nothing here is a policy: what is required stands in the standard (``contracts.standard``). What is not known is not met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import assert_never

from contracts import terms
from contracts.certificate_life import Span, spans_of_all, told
from contracts.particulars import Certificate, InspectionResult, Particulars, RatingResult
from contracts.registration_life import closed_spans
from contracts.standard import (
    DEGREES,
    TITLES,
    AgeCriterion,
    CertificateCriterion,
    CompetencyCriterion,
    Criterion,
    CurrentCriterion,
    DegreeCriterion,
    DepartmentsCriterion,
    EnterpriseYearsCriterion,
    HealthCriterion,
    InspectionsCriterion,
    MajorCriterion,
    PartyYearsCriterion,
    PostYearsCriterion,
    QualificationStandard,
    RatingsCriterion,
    TitleCriterion,
    Words,
)
from contracts.talent import CriterionResult, Profile
from contracts.terms import month_end, months_after

__all__ = [
    "KnownFact",
    "KnownProfile",
    "criterion_name",
    "full_years",
    "judge",
    "passed",
    "profile_on",
    "registration",
    "screen",
]

UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A registry fact that stands. event_id: of the registry's event."""

    event_id: str
    effective_on: date
    says: Particulars


@dataclass(frozen=True, slots=True)
class KnownProfile:
    """event_id: of the talent event that recorded it. order: of two profiles of one day the greater counts."""

    event_id: str
    effective_on: date
    order: tuple[str, str, str]
    profile: Profile


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one screening looks at: the day, the profile as of it, and the facts that were true by it."""

    day: date
    profile: KnownProfile | None
    facts: tuple[KnownFact, ...]
    words: Words


def screen(
    standard: QualificationStandard, profiles: Sequence[KnownProfile], facts: Sequence[KnownFact], day: date
) -> tuple[CriterionResult, ...]:
    """Every criterion of the standard, in its order."""
    return judge(standard.criteria, standard.words, profiles, facts, day)


def judge(
    criteria: Iterable[Criterion], words: Words, profiles: Sequence[KnownProfile], facts: Sequence[KnownFact], day: date
) -> tuple[CriterionResult, ...]:
    """Each of these criteria, in their order. words: of the registry's facts, as the division has them."""
    seen = _Seen(day, profile_on(profiles, day), tuple(fact for fact in facts if fact.effective_on <= day), words)
    return tuple(_judge(criterion, seen) for criterion in criteria)


def profile_on(profiles: Iterable[KnownProfile], day: date) -> KnownProfile | None:
    """The particulars that count on a day: the latest by then, and of one day the one recorded last."""
    before = [profile for profile in profiles if profile.effective_on <= day]
    return max(before, key=lambda p: (p.effective_on, p.order), default=None)


def passed(criteria: Iterable[CriterionResult]) -> bool:
    return all(criterion.met for criterion in criteria)


def criterion_name(criterion: Criterion) -> str:
    """What a criterion is called in results: its rule; a competency by its own name."""
    return f"competency_{criterion.name}" if isinstance(criterion, CompetencyCriterion) else criterion.rule


# --- one criterion ----------------------------------------------------------------------------------------------------


def _judge(criterion: Criterion, seen: _Seen) -> CriterionResult:
    required, found, met, facts = _sides(criterion, seen)
    return CriterionResult(
        name=criterion_name(criterion), required=required, found=found, met=met, facts=facts, clause=criterion.clause
    )


_Sides = tuple[str, str, bool, tuple[str, ...]]
"""What was required, what was found, whether that meets it, and the events that were looked at."""


def _sides(criterion: Criterion, seen: _Seen) -> _Sides:
    match criterion:
        case AgeCriterion():
            return _age(criterion, seen)
        case DegreeCriterion():
            return _ranked(criterion.at_least, DEGREES, seen, lambda p: p.degree)
        case TitleCriterion():
            return _ranked(criterion.at_least, TITLES, seen, lambda p: p.title)
        case MajorCriterion():
            return _major(criterion, seen)
        case PartyYearsCriterion():
            return _at_least(criterion.at_least, "years", seen, lambda p: full_years(p.party_joined_on, seen.day))
        case EnterpriseYearsCriterion():
            return _at_least(criterion.at_least, "years", seen, lambda p: p.enterprise_years)
        case DepartmentsCriterion():
            return _at_least(criterion.at_least, "departments", seen, lambda p: p.departments)
        case PostYearsCriterion():
            return _at_least(criterion.at_least, "years", seen, lambda p: p.listed_post_years)
        case HealthCriterion():
            return _health(seen)
        case CompetencyCriterion():
            return _at_least(
                criterion.at_least,
                "of 5",
                seen,
                lambda p: next((c.score for c in p.competencies if c.competency == criterion.name), None),
            )
        case CurrentCriterion():
            return _current(criterion, seen)
        case CertificateCriterion():
            return _certificate(criterion, seen)
        case RatingsCriterion():
            return _ratings(criterion, seen)
        case InspectionsCriterion():
            return _inspections(criterion, seen)
        case _:
            assert_never(criterion)


# --- from the profile -------------------------------------------------------------------------------------------------


def _used(seen: _Seen) -> tuple[str, ...]:
    return () if seen.profile is None else (seen.profile.event_id,)


def _at_least(least: int, unit: str, seen: _Seen, read: Callable[[Profile], int | None]) -> _Sides:
    value = None if seen.profile is None else read(seen.profile.profile)
    found = UNKNOWN if value is None else f"{value} {unit}"
    return f"at least {least} {unit}", found, value is not None and value >= least, _used(seen)


def _age(criterion: AgeCriterion, seen: _Seen) -> _Sides:
    low, high = criterion.at_least, criterion.at_most
    bounds = [f"at least {low} years old"] if low is not None else []
    bounds += [f"at most {high} years old"] if high is not None else []
    age = None if seen.profile is None else seen.profile.profile.age_years
    if seen.profile is None or age is None:
        return ", ".join(bounds), UNKNOWN, False, _used(seen)
    met = (low is None or age >= low) and (high is None or age <= high)
    return ", ".join(bounds), f"{age} years old on {seen.profile.effective_on}", met, _used(seen)


def _ranked(least: str, order: Sequence[str], seen: _Seen, read: Callable[[Profile], str | None]) -> _Sides:
    value = None if seen.profile is None else read(seen.profile.profile)
    met = value is not None and order.index(value) >= order.index(least)
    return f"{least} or above", value or UNKNOWN, met, _used(seen)


def _major(criterion: MajorCriterion, seen: _Seen) -> _Sides:
    majors = () if seen.profile is None else seen.profile.profile.majors
    met = any(major in criterion.among for major in majors)
    return f"one of {', '.join(criterion.among)}", ", ".join(majors) or UNKNOWN, met, _used(seen)


def _health(seen: _Seen) -> _Sides:
    healthy = None if seen.profile is None else seen.profile.profile.healthy
    found = UNKNOWN if healthy is None else "good" if healthy else "not good"
    return "good", found, healthy is True, _used(seen)


def _current(criterion: CurrentCriterion, seen: _Seen) -> _Sides:
    required = f"at most {criterion.months_at_most} months old"
    if seen.profile is None:
        return required, UNKNOWN, False, ()
    since = seen.profile.effective_on
    # So many months to the day are still within.
    met = seen.day <= months_after(since, criterion.months_at_most)
    return required, f"of {since}", met, _used(seen)


def full_years(month: str | None, day: date) -> int | None:
    """Full years since a month; within the month itself the year is not counted as full before its end."""
    if month is None:
        return None
    return max(0, terms.full_years(month_end(int(month[:4]), int(month[5:])) + timedelta(days=1), day))


# --- from the registry's facts ----------------------------------------------------------------------------------------


def _certificate(criterion: CertificateCriterion, seen: _Seen) -> _Sides:
    """The highest certificate that is valid on the day; a grade that the standard does not know ranks below all.

    Where none is valid, what has become of the last one is told; one that has expired is none.
    """
    required = f"{criterion.at_least} or above, valid on {seen.day}"
    grades = seen.words.grades
    issued = {fact.event_id: fact for fact in seen.facts if isinstance(fact.says, Certificate)}
    spans = spans_of_all((fact.event_id, fact.effective_on, fact.says) for fact in seen.facts)
    found = [
        (
            span.state == "valid",
            grades.index(span.grade) if span.grade in grades else -1,
            issued[span.facts[0]].effective_on,
            span,
        )
        for span in spans
        if span.covers(seen.day) and span.state != "expired"
    ]
    if not found:
        return required, "none", False, ()
    valid, rank, _, best = max(found, key=lambda each: (*each[:3], each[3].facts[0]))
    met = valid and criterion.at_least in grades and rank >= grades.index(criterion.at_least)
    return required, _certificate_text(issued[best.facts[0]], spans), met, best.facts


def _certificate_text(issue: KnownFact, spans: Iterable[Span]) -> str:
    """The certificate as it was issued, and what has happened to it since: nothing later than the day is among the facts."""
    said = issue.says
    assert isinstance(said, Certificate)
    return f"{said.grade} of {issue.effective_on}{told(said, [span for span in spans if span.facts[0] == issue.event_id])}"


def _ratings(criterion: RatingsCriterion, seen: _Seen) -> _Sides:
    ratings = seen.words.ratings
    years = range(seen.day.year - criterion.of_last, seen.day.year)
    found = sorted(
        (fact.says.year, fact.says.rating, fact.event_id)
        for fact in seen.facts
        if isinstance(fact.says, RatingResult) and fact.says.year in years
    )
    least = ratings.index(criterion.at_least) if criterion.at_least in ratings else len(ratings)
    good = sum(1 for _, rating, _ in found if rating in ratings and ratings.index(rating) >= least)
    required = f"{criterion.at_least} or above in {criterion.count} of the years {years[0]} to {years[-1]}"
    shown = ", ".join(f"{rating} {year}" for year, rating, _ in found) or "none"
    return required, shown, good >= criterion.count, tuple(event_id for *_, event_id in found)


def _inspections(criterion: InspectionsCriterion, seen: _Seen) -> _Sides:
    first = seen.day.year - criterion.of_last
    found = sorted(
        (fact.says.year, fact.says.outcome, fact.event_id)
        for fact in seen.facts
        if isinstance(fact.says, InspectionResult) and first <= fact.says.year <= seen.day.year
    )
    shown = ", ".join(f"{outcome} {year}" for year, outcome, _ in found) or "none"
    met = all(outcome != "failed" for _, outcome, _ in found)
    return f"none failed from {first} to {seen.day.year}", shown, met, tuple(event_id for *_, event_id in found)


def registration(facts: Sequence[KnownFact], day: date) -> tuple[CriterionResult, ...]:
    """Whether the registration is open when a day has passed: a closing names its last day. No standard asks for it, so that it
    has no clause. Nothing, if it was never closed: nothing has happened then that could be told."""
    closed = closed_spans((fact.event_id, fact.effective_on, fact.says) for fact in facts if fact.effective_on <= day)
    if not closed:
        return ()
    last = closed[-1]
    found = f"closed since {last.first}" if last.last is None else f"reopened on {last.last + timedelta(days=1)}"
    met = last.last is not None
    return (CriterionResult(name="registration", required="open", found=found, met=met, facts=last.facts, clause=""),)
