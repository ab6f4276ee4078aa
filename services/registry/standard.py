"""Read and check the YAML text of a certification standard. Pure: text in, a document or its problems out, each at its place.

The text becomes plain values that know their places (``eventlog.documents``); those become a ``CertificationStandard``, or
problems of form; a document is checked for sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import assert_never

from contracts import certification as shapes
from contracts.certification import (
    AssessedCriterion,
    CertificationStandard,
    ConfirmedCriterion,
    Criterion,
    GradeHeldCriterion,
    GradeStandard,
    HoursCriterion,
    InspectionsCriterion,
    Limit,
    RatingsCriterion,
    Waiver,
    YearsServedCriterion,
)
from eventlog.documents import DocumentProblem, Finding, Format, Path, repeated, unknown_word

__all__ = ["check_standard", "read_standard"]

TEXT_KEYS = frozenset({"division", "clause", "document", "title", "title_en", "source", "note", "name", "asks"})
CONSEQUENCES = frozenset({"no-first-certificate", "overlap", "unreachable"})
JUDGES_TO_DROP_EXTREMES_MIN = 5
SEVERITY = ("suspended", "downgraded", "revoked")
"""What a limit leads to, mildest first."""


def read_standard(text: str) -> CertificationStandard:
    """Return the document. Raises DocumentError if there is any error; warnings alone don't keep it from being read."""
    return FORMAT.read(text)


def check_standard(text: str) -> tuple[DocumentProblem, ...]:
    """Return everything that is wrong or doubtful about the text, in order of its place; nothing: it is fine."""
    return FORMAT.check(text)


# Sense: what a well-formed document may still get wrong ---------------------------------------------------------------------


def _findings_of_sense(document: CertificationStandard) -> Iterator[Finding]:
    yield from repeated(document.words.grades, ("words", "grades"))
    yield from repeated(document.words.ratings, ("words", "ratings"))
    yield from repeated([grade.grade for grade in document.grades], ("grades",), "grade")
    for place, grade in enumerate(document.grades):
        yield from _findings_of_grade(document, grade, ("grades", place))
    yield from _unreachable_grades(document)
    for place, waiver in enumerate(document.waivers):
        yield from _findings_of_waiver(document, waiver, ("waivers", place))
    yield from _waived_twice(document)
    for place, limit in enumerate(document.limits):
        yield from _findings_of_limit(document, limit, ("limits", place))
    yield from _overlapping_limits(document)
    criteria = [criterion for grade in document.grades for criterion in grade.criteria]
    if all(criterion.status == "example" for criterion in criteria) and document.status == "public-fact":
        yield Finding(
            ("status",),
            "contradiction",
            "the standard is called a public fact, all of its criteria examples",
            "mark the criteria that are published, or the standard as an example",
            "warning",
        )


# Grades ---------------------------------------------------------------------------------------------------------------------


def _findings_of_grade(document: CertificationStandard, grade: GradeStandard, path: Path) -> Iterator[Finding]:
    grades = document.words.grades
    if grade.grade not in grades:
        yield unknown_word((*path, "grade"), grade.grade, "words.grades", grades)
    yield from repeated(grade.issuers, (*path, "issuers"))
    below = grade.promotes_from
    if below is not None and below not in grades:
        yield unknown_word((*path, "promotes_from"), below, "words.grades", grades)
    elif below is not None and grade.grade in grades and grades.index(below) >= grades.index(grade.grade):
        problem = f"{grade.grade} promotes from {below}, which is not below it"
        yield Finding((*path, "promotes_from"), "reversed", problem, "name a grade below, or correct the order of words.grades")
    yield from repeated([criterion.name for criterion in grade.criteria], (*path, "criteria"), "name")
    for place, criterion in enumerate(grade.criteria):
        yield from _findings_of_criterion(document, criterion, (*path, "criteria", place))
    if grade.panel.drop_extremes and grade.panel.judges_at_least < JUDGES_TO_DROP_EXTREMES_MIN:
        problem = f"without the highest and the lowest score of {grade.panel.judges_at_least} too few are left for a mean"
        remedy = f"ask for at least {JUDGES_TO_DROP_EXTREMES_MIN} judges, or leave out drop_extremes"
        yield Finding((*path, "panel", "judges_at_least"), "contradiction", problem, remedy)


def _findings_of_criterion(document: CertificationStandard, criterion: Criterion, path: Path) -> Iterator[Finding]:
    words = document.words
    match criterion:
        case GradeHeldCriterion():
            if criterion.grade not in words.grades:
                yield unknown_word((*path, "grade"), criterion.grade, "words.grades", words.grades)
        case RatingsCriterion():
            if criterion.at_least not in words.ratings:
                yield unknown_word((*path, "at_least"), criterion.at_least, "words.ratings", words.ratings)
            yield from _more_than_all(criterion.count, criterion.of_last, path)
        case YearsServedCriterion() | InspectionsCriterion() | HoursCriterion() | AssessedCriterion() | ConfirmedCriterion():
            return
        case _:
            assert_never(criterion)


def _more_than_all(count: int, of_last: int, path: Path) -> Iterator[Finding]:
    if count > of_last:
        problem = f"{count} of {of_last} years cannot be"
        yield Finding((*path, "count"), "contradiction", problem, "lower count, or raise of_last")


def _unreachable_grades(document: CertificationStandard) -> Iterator[Finding]:
    """A grade is reached by a first certificate, or by promotion from a grade that is reached."""
    reached = {grade.grade for grade in document.grades if grade.promotes_from is None}
    if not reached:
        problem = "every grade promotes from another one, so that nobody is ever certified for the first time"
        remedy = "leave out promotes_from where a first certificate is given"
        yield Finding(("grades",), "no-first-certificate", problem, remedy, "warning", True)
        return
    for _ in document.grades:
        reached |= {grade.grade for grade in document.grades if grade.promotes_from in reached}
    for place, grade in enumerate(document.grades):
        path: Path = ("grades", place)
        if grade.grade not in reached:
            problem = f"{grade.grade} promotes from {grade.promotes_from}, which nobody reaches by this standard"
            remedy = f"add {grade.promotes_from} to grades, or promote from a grade that is there"
            yield Finding((*path, "promotes_from"), "unreachable", problem, remedy, "warning")
        yield from _unreachable_by_criteria(document, grade, path)


def _unreachable_by_criteria(document: CertificationStandard, grade: GradeStandard, path: Path) -> Iterator[Finding]:
    """Whoever applies holds the grade that is promoted from and none above it, or nothing as high as what is applied for."""
    grades = document.words.grades
    for place, criterion in enumerate(grade.criteria):
        if not isinstance(criterion, GradeHeldCriterion) or not {criterion.grade, grade.grade} <= set(grades):
            continue
        at = (*path, "criteria", place, "grade")
        below = grade.promotes_from
        if below in grades and grades.index(criterion.grade) > grades.index(below):
            problem = f"who is promoted from {below} does not hold {criterion.grade}"
            yield Finding(at, "unreachable", problem, f"ask for {below} or a grade below it", "warning")
        elif grades.index(criterion.grade) >= grades.index(grade.grade):
            problem = f"who applies for {grade.grade} does not hold {criterion.grade} yet"
            yield Finding(at, "unreachable", problem, "ask for a grade below", "warning")
        elif below is None:
            problem = f"{grade.grade} is a first certificate, but nobody without {criterion.grade} meets this"
            yield Finding(at, "contradiction", problem, "add promotes_from to the grade, or remove the criterion", "warning")


# Waivers --------------------------------------------------------------------------------------------------------------------


def _findings_of_waiver(document: CertificationStandard, waiver: Waiver, path: Path) -> Iterator[Finding]:
    yield from repeated(waiver.waives, (*path, "waives"))
    grade = next((grade for grade in document.grades if grade.grade == waiver.grade), None)
    if grade is None:
        known = ", ".join(grade.grade for grade in document.grades)
        remedy = f"write one of {known}, or add it to grades"
        yield Finding((*path, "grade"), "unknown-grade", f"the standard has no grade {waiver.grade}", remedy)
        return
    names = [criterion.name for criterion in grade.criteria]
    for place, name in enumerate(waiver.waives):
        if name not in names:
            problem = f"{grade.grade} has no criterion {name}"
            yield Finding((*path, "waives", place), "unknown-criterion", problem, f"write one of {', '.join(names)}")


def _waived_twice(document: CertificationStandard) -> Iterator[Finding]:
    """The same criterion of a grade for the same title and level, so that two clauses would answer for it."""
    seen: set[tuple[str, str, str, str]] = set()
    for place, waiver in enumerate(document.waivers):
        for item, name in enumerate(waiver.waives):
            if name in waiver.waives[:item]:
                continue
            key = (waiver.grade, waiver.title, waiver.level_at_least, name)
            if key in seen:
                problem = f"{name} of {waiver.grade} is waived twice for {waiver.title} {waiver.level_at_least}"
                yield Finding(("waivers", place, "waives", item), "duplicate", problem, "keep one of the two")
            seen.add(key)


# Limits ---------------------------------------------------------------------------------------------------------------------


def _findings_of_limit(document: CertificationStandard, limit: Limit, path: Path) -> Iterator[Finding]:
    ratings = document.words.ratings
    yield from _goes_with(limit, "at_least", limit.rule == "rated_below", path)
    yield from _goes_with(limit, "of_last", limit.rule != "suspended_months", path)
    if limit.of_last is not None and limit.rule != "suspended_months":
        yield from _more_than_all(limit.count, limit.of_last, path)
    if limit.rule == "suspended_months" and limit.then == "suspended":
        problem = "what has been suspended for long is suspended already"
        yield Finding((*path, "then"), "no-effect", problem, "write downgraded or revoked, or remove the limit", "warning")
    if limit.at_least is None or limit.rule != "rated_below":
        return
    if limit.at_least not in ratings:
        yield unknown_word((*path, "at_least"), limit.at_least, "words.ratings", ratings)
    elif ratings.index(limit.at_least) == 0:
        problem = f"nobody is rated below {limit.at_least}, the lowest of words.ratings"
        yield Finding((*path, "at_least"), "unreachable", problem, "raise at_least, or remove the limit", "warning")


def _goes_with(limit: Limit, key: str, asked: bool, path: Path) -> Iterator[Finding]:
    """A key goes with some rules, always, and with no other."""
    given = getattr(limit, key) is not None
    if asked and not given:
        yield Finding((*path, key), "missing", f"the limit {limit.rule} needs {key}", f"add `{key}:` here")
    if given and not asked:
        problem = f"{key} means nothing for the limit {limit.rule}"
        yield Finding((*path, key), "contradiction", problem, "remove it, or correct the rule", at_key=True)


def _overlapping_limits(document: CertificationStandard) -> Iterator[Finding]:
    """A limit that is only reached where another one is reached too, which leads to the same or to worse."""
    for (one, earlier), (two, later) in combinations(enumerate(document.limits), 2):
        if _idle(document, later, earlier):
            yield _overlap(two, later, one, earlier)
        elif _idle(document, earlier, later):
            yield _overlap(one, earlier, two, later)


def _idle(document: CertificationStandard, limit: Limit, other: Limit) -> bool:
    """Whether ``limit`` adds nothing to ``other``: reached no sooner, of no longer a time, leading to nothing worse."""
    ratings = document.words.ratings
    if limit.rule != other.rule or SEVERITY.index(limit.then) > SEVERITY.index(other.then):
        return False
    if limit.count < other.count or (limit.of_last or 0) > (other.of_last or 0):
        return False
    if limit.at_least is None or other.at_least is None or not {limit.at_least, other.at_least} <= set(ratings):
        return limit.at_least == other.at_least
    return ratings.index(limit.at_least) <= ratings.index(other.at_least)


def _overlap(place: int, limit: Limit, other_place: int, other: Limit) -> Finding:
    problem = f"whoever reaches this limit reaches limits[{other_place}] too, which leads to {other.then}"
    return Finding(("limits", place, "rule"), "overlap", problem, "remove it, or make it lead to something worse", "warning")


FORMAT = Format("standard", CertificationStandard, shapes, TEXT_KEYS, _findings_of_sense, CONSEQUENCES)
