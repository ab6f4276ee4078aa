"""Who may be certified by a standard, and who may no longer be: each criterion two-sided, from the facts that stand. Pure.

Nothing here is a policy: what is required stands in the standard (``contracts.certification``). What is not known is not met.
A year is full on its anniversary; of 29 February that is 1 March where the year has no such day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal, assert_never

from contracts.certificate_life import Span, spans_of_all
from contracts.certification import (
    TITLE_LEVELS,
    AssessedCriterion,
    CertificationStandard,
    ConfirmedCriterion,
    Criterion,
    CriterionResult,
    GradeHeldCriterion,
    GradeStandard,
    HoursCriterion,
    InspectionsCriterion,
    Level,
    Limit,
    RatingsCriterion,
    WaivedCriterion,
    Words,
    YearsServedCriterion,
)
from contracts.divisions import above, covers, in_force, level_of
from contracts.intake import Finding
from contracts.particulars import CertificateChange, EngagementEnd, EngagementStart, InspectionResult, Particulars, RatingResult
from contracts.receipts import Problem
from contracts.registration_life import closed_spans
from contracts.registry import Title
from contracts.terms import full_months, full_years, months_after

__all__ = [
    "Fact",
    "LimitReached",
    "grade_standard",
    "in_force",
    "judge",
    "limits_reached",
    "may_issue",
    "passed",
    "problems_of_findings",
    "steward_of",
    "valid_in",
]

NO_FINDING = "no finding"
NONE = "none"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that stands. event_id: of the event that says it. source: by whose keys it names an engagement."""

    event_id: str
    effective_on: date
    says: Particulars
    source: str


@dataclass(frozen=True, slots=True)
class LimitReached:
    """A hard limit that a certificate has reached, two-sided. required: what would keep it from being reached.

    since: the day on which it was reached, by the last of its facts. then: what the standard says that it leads to.
    """

    rule: Literal["inspections_failed", "rated_below", "suspended_months"]
    certificate: str
    required: str
    found: str
    since: date
    then: Literal["suspended", "downgraded", "revoked"]
    clause: str
    facts: tuple[str, ...]


# --- what a standard says of a grade ------------------------------------------------------------------------------------


def grade_standard(document: CertificationStandard, grade: str) -> GradeStandard | None:
    """What the standard says of the grade; None: nothing."""
    return next((each for each in document.grades if each.grade == grade), None)


SCHEME_STEWARDS: Mapping[str, Level] = {"special": "province", "senior": "city", "intermediate": "city", "junior": "county"}
"""The scheme's own rule of who stewards whom (分级管理), where no standard says otherwise."""


def steward_of(document: CertificationStandard | None, grade: str | None, division: str) -> str:
    """分级管理: the division that stewards a holder of the grade who is registered in ``division``.

    Where no standard knows the grade, the scheme's own rule holds. Without a certificate (grade None), and for a word that the
    scheme does not have, that is the division of registration itself.
    """
    of_grade = None if document is None or grade is None else grade_standard(document, grade)
    level = SCHEME_STEWARDS.get(grade or "") if of_grade is None else of_grade.steward
    return division if level is None else above(division, level)


def may_issue(grade_standard: GradeStandard, issuer: str) -> bool:
    """Whether a division of the issuer's level may issue the grade."""
    return level_of(issuer) in grade_standard.issuers


def valid_in(grade_standard: GradeStandard, issuer: str, division: str) -> bool:
    """Whether a certificate of the grade holds in a division without being recognised there."""
    if grade_standard.valid_in == "anywhere":
        return True
    return covers(above(issuer, grade_standard.valid_in), division)


# --- judging ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is looked at: the day, the facts that were true by it, what reviewers found for each criterion, and the words."""

    day: date
    facts: tuple[Fact, ...]
    findings: dict[str, Finding]
    words: Words


@dataclass(frozen=True, slots=True)
class _Sides:
    """What was required, what was found, whether that meets it, and the events that were looked at."""

    required: str
    found: str
    met: bool
    facts: tuple[str, ...] = ()


def judge(
    document: CertificationStandard,
    grade_standard: GradeStandard,
    facts: Sequence[Fact],
    findings: Sequence[Finding],
    waive: Sequence[str],
    titles: Sequence[Title],
    day: date,
) -> tuple[CriterionResult, ...]:
    """Every criterion of the grade, in its order, as of the day. The order of the facts and findings does not matter.

    waive: criteria that the reviewer waives; only what the standard allows for one of the titles counts.
    """
    before = tuple(fact for fact in facts if fact.effective_on <= day)
    seen = _Seen(day, before, {finding.criterion: finding for finding in findings}, document.words)
    return tuple(
        _result(criterion, seen, _waived(document, grade_standard, criterion.name, titles) if criterion.name in waive else None)
        for criterion in grade_standard.criteria
    )


def passed(criteria: Iterable[CriterionResult]) -> bool:
    """Whether every criterion is met or waived."""
    return all(criterion.met for criterion in criteria)


def _result(criterion: Criterion, seen: _Seen, waived: WaivedCriterion | None) -> CriterionResult:
    sides = _sides(criterion, seen)
    finding = seen.findings.get(criterion.name)
    return CriterionResult(
        name=criterion.name,
        rule=criterion.rule,
        required=sides.required,
        found=sides.found,
        met=sides.met or waived is not None,
        clause=criterion.clause,
        facts=sides.facts,
        evidence=() if finding is None else finding.evidence,
        waived=waived,
    )


def _waived(
    document: CertificationStandard, grade: GradeStandard, criterion: str, titles: Iterable[Title]
) -> WaivedCriterion | None:
    """The first waiver of the standard that one of the titles, the highest first, entitles to; None: there is none."""
    highest_first = sorted(titles, key=lambda title: (-TITLE_LEVELS.index(title.level), title.field))
    for waiver in document.waivers:
        if waiver.grade != grade.grade or criterion not in waiver.waives:
            continue
        for title in highest_first:
            high_enough = TITLE_LEVELS.index(title.level) >= TITLE_LEVELS.index(waiver.level_at_least)
            if title.field == waiver.title and high_enough:
                return WaivedCriterion(title=title.field, level=title.level, clause=waiver.clause)
    return None


def _sides(criterion: Criterion, seen: _Seen) -> _Sides:
    match criterion:
        case YearsServedCriterion():
            return _years_served(criterion, seen)
        case GradeHeldCriterion():
            return _grade_held(criterion, seen)
        case RatingsCriterion():
            return _ratings(criterion, seen)
        case InspectionsCriterion():
            return _inspections(criterion, seen)
        case HoursCriterion():
            return _at_least(criterion, "hour", seen, lambda finding: finding.hours)
        case AssessedCriterion():
            return _at_least(criterion, "point", seen, lambda finding: finding.points)
        case ConfirmedCriterion():
            finding = seen.findings.get(criterion.name)
            confirmed = None if finding is None else finding.confirmed
            found = NO_FINDING if confirmed is None else "confirmed" if confirmed else "not confirmed"
            return _Sides(criterion.asks, found, confirmed is True)
        case _:
            assert_never(criterion)


def _at_least(
    criterion: HoursCriterion | AssessedCriterion, unit: str, seen: _Seen, read: Callable[[Finding], int | None]
) -> _Sides:
    finding = seen.findings.get(criterion.name)
    number = None if finding is None else read(finding)
    found = NO_FINDING if number is None else _many(number, unit)
    required = f"at least {_many(criterion.at_least, unit)}"
    return _Sides(required, found, number is not None and number >= criterion.at_least)


def _many(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


# --- answered from the registry's facts ---------------------------------------------------------------------------------

_Days = tuple[date, date]
"""Days from the first one up to, but without, the second."""


def _years_served(criterion: YearsServedCriterion, seen: _Seen) -> _Sides:
    """Days in engagements before the day. What is left of a time beside its full years counts by its share of a year."""
    served, used = _engaged(seen)
    for closed in closed_spans((fact.event_id, fact.effective_on, fact.says) for fact in seen.facts):
        until = seen.day if closed.last is None or closed.last >= seen.day else closed.last + _DAY
        open_still = _without(served, (closed.first, until))
        used |= set(closed.facts) if open_still != served else set()
        served = open_still
    years = int(sum((_years_in(first, until) for first, until in served), Fraction(0)))
    days = sum((until - first).days for first, until in served)
    required = f"at least {_many(criterion.at_least, 'full year')} in engagements"
    found = f"{_many(years, 'full year')} ({_many(days, 'day')})"
    return _Sides(required, found, years >= criterion.at_least, tuple(sorted(used)))


def _engaged(seen: _Seen) -> tuple[list[_Days], set[str]]:
    """The days in some engagement before the day, and the events that say so. An end names its start by source and key."""
    ends: dict[tuple[str, str], Fact] = {}
    for fact in sorted(seen.facts, key=lambda f: (f.effective_on, f.event_id), reverse=True):
        if isinstance(fact.says, EngagementEnd):
            ends[fact.says.engagement_source or fact.source, fact.says.engagement] = fact
    engaged: list[_Days] = []
    used: set[str] = set()
    for fact in seen.facts:
        if not isinstance(fact.says, EngagementStart):
            continue
        end = ends.get((fact.source, fact.says.engagement))
        until = seen.day if end is None or end.effective_on >= seen.day else end.effective_on + _DAY
        if fact.effective_on < until:
            engaged.append((fact.effective_on, until))
            used |= {fact.event_id} if end is None else {fact.event_id, end.event_id}
    return _merged(engaged), used


def _grade_held(criterion: GradeHeldCriterion, seen: _Seen) -> _Sides:
    """Held without a gap until the day, and valid on it. A suspended certificate is held; so is one that supersedes another."""
    grades = seen.words.grades
    spans = _spans(seen.facts)
    on_day = [span for span in spans if span.covers(seen.day)]
    for_years = f" for {_many(criterion.years_at_least, 'full year')}" if criterion.years_at_least else ""
    required = f"{criterion.grade} or above{for_years}, valid on {seen.day}"
    high_enough = grades[grades.index(criterion.grade) :] if criterion.grade in grades else ()
    valid = [span for span in on_day if span.state == "valid" and span.grade in high_enough]
    if not valid:
        shown = ", ".join(sorted(f"{span.grade} {span.state}" for span in on_day)) or NONE
        return _Sides(required, shown, False, _facts_of(on_day))
    held = [span for span in spans if span.state in ("valid", "suspended") and span.grade in high_enough]
    first, until = next(days for days in _merged(_days_of(held, seen.day)) if days[0] <= seen.day < days[1])
    years = full_years(first, seen.day)
    highest = max(valid, key=lambda span: (grades.index(span.grade), span.number))
    looked_at = [span for span in held if first <= span.first < until]
    found = f"{highest.grade} valid, {_many(years, 'full year')} since {first}"
    return _Sides(required, found, years >= criterion.years_at_least, _facts_of(looked_at))


def _ratings(criterion: RatingsCriterion, seen: _Seen) -> _Sides:
    first, last = seen.day.year - criterion.of_last, seen.day.year - 1
    found = _results(_rated(seen.facts), first, last)
    good = {year for year, word, _ in found if _rank(seen.words, word) >= _rank(seen.words, criterion.at_least) >= 0}
    required = f"{criterion.at_least} or above in {criterion.count} of the years {first} to {last}"
    return _Sides(required, _shown(found), len(good) >= criterion.count, _ids(found))


def _inspections(criterion: InspectionsCriterion, seen: _Seen) -> _Sides:
    first, last = seen.day.year - criterion.of_last, seen.day.year
    found = _results(_inspected(seen.facts), first, last)
    met = all(outcome == "passed" for _, outcome, _ in found)
    return _Sides(f"none failed or missed from {first} to {last}", _shown(found), met, _ids(found))


# --- results by year ----------------------------------------------------------------------------------------------------

_Result = tuple[int, str, Fact]
"""A year, the word of its result, and the fact that says so."""


def _rated(facts: Iterable[Fact]) -> list[_Result]:
    return [(fact.says.year, fact.says.rating, fact) for fact in facts if isinstance(fact.says, RatingResult)]


def _inspected(facts: Iterable[Fact]) -> list[_Result]:
    return [(fact.says.year, fact.says.outcome, fact) for fact in facts if isinstance(fact.says, InspectionResult)]


def _results(results: Iterable[_Result], first: int, last: int) -> list[_Result]:
    """Those of the years, in their order."""
    found = [result for result in results if first <= result[0] <= last]
    return sorted(found, key=lambda result: (result[0], result[1], result[2].event_id))


def _shown(found: Iterable[_Result]) -> str:
    return ", ".join(f"{word} {year}" for year, word, _ in found) or NONE


def _ids(found: Iterable[_Result]) -> tuple[str, ...]:
    return tuple(fact.event_id for *_, fact in found)


def _rank(words: Words, rating: str) -> int:
    """The place of a rating among the words, lowest first; -1: the standard does not know it."""
    return words.ratings.index(rating) if rating in words.ratings else -1


# --- days, months, years ------------------------------------------------------------------------------------------------


def _merged(times: Iterable[_Days]) -> list[_Days]:
    """The same days, each once, in order: times that overlap or touch become one."""
    merged: list[_Days] = []
    for first, until in sorted(times):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(until, merged[-1][1]))
        else:
            merged.append((first, until))
    return merged


def _without(times: Iterable[_Days], taken: _Days) -> list[_Days]:
    """The same days but for those that are taken."""
    parts = [part for first, until in times for part in ((first, min(until, taken[0])), (max(first, taken[1]), until))]
    return [(first, until) for first, until in parts if first < until]


def _years_in(first: date, until: date) -> Fraction:
    """Full years between two days, and the days after them as a share of the year that they have begun."""
    years = full_years(first, until)
    begun, next_one = months_after(first, 12 * years), months_after(first, 12 * years + 12)
    return years + Fraction((until - begun).days, (next_one - begun).days)


def _spans(facts: Iterable[Fact]) -> tuple[Span, ...]:
    return spans_of_all((fact.event_id, fact.effective_on, fact.says) for fact in facts)


def _days_of(spans: Iterable[Span], day: date) -> list[_Days]:
    """The days of spans, up to and with ``day``."""
    until = day + _DAY
    return [(s.first, until if s.last is None or s.last >= day else s.last + _DAY) for s in spans if s.first <= day]


def _facts_of(spans: Iterable[Span]) -> tuple[str, ...]:
    return tuple(sorted({event_id for span in spans for event_id in span.facts}))


# --- what a reviewer may not say ----------------------------------------------------------------------------------------

_ANSWERS: Mapping[str, Literal["hours", "points", "confirmed"]] = {
    "hours": "hours",
    "assessed": "points",
    "confirmed": "confirmed",
}
"""Rule → the field of a finding that answers it. The registry answers all other rules itself."""


def problems_of_findings(
    document: CertificationStandard,
    grade_standard: GradeStandard,
    findings: Sequence[Finding],
    waive: Sequence[str],
    titles: Sequence[Title],
) -> tuple[Problem, ...]:
    """What is wrong with the findings and waivers of a review of an application for the grade; nothing: they can be judged."""
    rules = {criterion.name: criterion.rule for criterion in grade_standard.criteria}
    problems: list[Problem | None] = []
    of_findings = Counter[str]()
    for place, finding in enumerate(findings):
        of_findings[finding.criterion] += 1
        problems.append(
            _unknown(f"data.findings.{place}.criterion", finding.criterion, grade_standard, rules)
            or _twice(f"data.findings.{place}.criterion", finding.criterion, of_findings)
            or _unfit(f"data.findings.{place}", finding, rules[finding.criterion])
        )
    of_waive = Counter[str]()
    for place, name in enumerate(waive):
        of_waive[name] += 1
        problems.append(
            _unknown(f"data.waive.{place}", name, grade_standard, rules)
            or _twice(f"data.waive.{place}", name, of_waive)
            or _unentitled(f"data.waive.{place}", name, document, grade_standard, titles)
        )
    return tuple(problem for problem in problems if problem is not None)


def _unknown(field: str, name: str, grade: GradeStandard, rules: Mapping[str, str]) -> Problem | None:
    if name in rules:
        return None
    what = f"the standard asks nothing called {name} for {grade.grade}"
    return Problem(field=field, code="unknown-criterion", problem=what, remedy=f"name one of {', '.join(rules)}")


def _twice(field: str, name: str, named: Counter[str]) -> Problem | None:
    if named[name] == 1:
        return None
    return Problem(field=field, code="duplicate-criterion", problem=f"{name} is named twice", remedy="name it once")


def _unfit(field: str, finding: Finding, rule: str) -> Problem | None:
    wanted = _ANSWERS.get(rule)
    given = next(key for key in ("hours", "points", "confirmed") if getattr(finding, key) is not None)
    if wanted is None:
        what = f"the registry answers {finding.criterion} from its own facts"
        remedy = "leave the finding out; if a fact is wrong, correct the fact"
        return Problem(field=f"{field}.criterion", code="answered-by-registry", problem=what, remedy=remedy)
    if given != wanted:
        what = f"{finding.criterion} is answered by {wanted}, not by {given}"
        return Problem(field=f"{field}.{given}", code="wrong-kind", problem=what, remedy=f"give {wanted} instead")
    return None


def _unentitled(
    field: str, name: str, document: CertificationStandard, grade: GradeStandard, titles: Sequence[Title]
) -> Problem | None:
    if _waived(document, grade, name, titles) is not None:
        return None
    what = f"the standard waives {name} of {grade.grade} for none of the titles that the application names"
    remedy = "leave it out, or let the applicant apply with the title that it is waived for"
    return Problem(field=field, code="waiver-not-allowed", problem=what, remedy=remedy)


# --- hard limits --------------------------------------------------------------------------------------------------------


def limits_reached(document: CertificationStandard, facts: Sequence[Fact], day: date) -> tuple[LimitReached, ...]:
    """淘汰硬杠杠: what each certificate that is valid or suspended on the day has reached, in the order of the limits.

    A limit is no longer listed once the issuer has done what it leads to, on the day on which it was reached or later. The
    years that count end with the day's; as long as that has no result, with the one before.
    """
    before = tuple(fact for fact in facts if fact.effective_on <= day)
    spans = _spans(before)
    held = sorted(
        (span for span in spans if span.covers(day) and span.state in ("valid", "suspended")), key=lambda span: span.number
    )
    found = [_reached(limit, span, spans, before, document.words, day) for limit in document.limits for span in held]
    return tuple(reached for reached in found if reached is not None)


def _reached(
    limit: Limit, span: Span, spans: Iterable[Span], facts: Sequence[Fact], words: Words, day: date
) -> LimitReached | None:
    """What one certificate has reached of one limit; None: nothing that is still to be acted on."""
    match limit.rule:
        case "suspended_months":
            sides = _long_suspended(limit, span, spans, day)
        case "inspections_failed":
            sides = _years_reached(limit, _inspected(facts), lambda outcome: outcome == "failed", "failed", day)
        case "rated_below":
            bound = -1 if limit.at_least is None else _rank(words, limit.at_least)
            sides = _years_reached(
                limit, _rated(facts), lambda word: 0 <= _rank(words, word) < bound, f"below {limit.at_least}", day
            )
        case _:
            assert_never(limit.rule)
    if sides is None or _acted_on(limit, span, facts, sides[1]):
        return None
    (two, since) = sides
    return LimitReached(limit.rule, span.number, two.required, two.found, since, limit.then, limit.clause, two.facts)


def _acted_on(limit: Limit, span: Span, facts: Iterable[Fact], since: date) -> bool:
    if limit.then == "suspended" and span.state == "suspended":
        return True
    return any(
        isinstance(fact.says, CertificateChange)
        and (fact.says.number, fact.says.change) == (span.number, limit.then)
        and fact.effective_on >= since
        for fact in facts
    )


def _years_reached(
    limit: Limit, results: Sequence[_Result], bad: Callable[[str], bool], what: str, day: date
) -> tuple[_Sides, date] | None:
    last = day.year if any(year == day.year for year, *_ in results) else day.year - 1
    first = last - (limit.of_last or 1) + 1
    found = [result for result in _results(results, first, last) if bad(result[1])]
    if len({year for year, *_ in found}) < limit.count:
        return None
    sides = _Sides(f"fewer than {limit.count} {what} from {first} to {last}", _shown(found), False, _ids(found))
    return sides, max(fact.effective_on for *_, fact in found)


def _long_suspended(limit: Limit, span: Span, spans: Iterable[Span], day: date) -> tuple[_Sides, date] | None:
    if span.state != "suspended":
        return None
    suspended = [each for each in spans if each.number == span.number and each.state == "suspended"]
    first = next(days[0] for days in _merged(_days_of(suspended, day)) if days[0] <= day < days[1])
    months = full_months(first, day)
    if months < limit.count:
        return None
    facts = _facts_of(each for each in suspended if first <= each.first <= day)
    required = f"suspended for fewer than {_many(limit.count, 'month')}"
    found = f"suspended for {_many(months, 'month')} since {first}"
    return _Sides(required, found, False, facts), months_after(first, limit.count)
