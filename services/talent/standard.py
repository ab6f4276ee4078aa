"""Read and check the YAML text of a qualification standard. Pure: text in, a document or its problems out, each at its place.

The text becomes plain values that know their places (``eventlog.documents``); those become a ``QualificationStandard``, or
problems of form; a document is checked for sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from contracts import standard as shapes
from contracts.standard import (
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
)
from eventlog.documents import DocumentProblem, Finding, Format, Path, repeated, unknown_word
from services.talent.screening import criterion_name

__all__ = ["check_standard", "read_standard"]

TEXT_KEYS = frozenset({"division", "clause", "document", "title", "title_en", "zh", "en", "source", "note", "name", "pool"})


def read_standard(text: str) -> QualificationStandard:
    """Return the document. Raises DocumentError if there is any error; warnings alone don't keep it from being read."""
    return FORMAT.read(text)


def check_standard(text: str) -> tuple[DocumentProblem, ...]:
    """Return everything that is wrong or doubtful about the text, in order of its place; nothing: it is fine."""
    return FORMAT.check(text)


# Sense: what a well-formed document may still get wrong ---------------------------------------------------------------------


def _findings_of_sense(document: QualificationStandard) -> Iterator[Finding]:
    yield from repeated([ladder.name for ladder in document.ladders], ("ladders",), "name")
    yield from repeated(document.words.grades, ("words", "grades"))
    yield from repeated(document.words.ratings, ("words", "ratings"))
    names = [criterion_name(criterion) for criterion in document.criteria]
    for place, criterion in enumerate(document.criteria):
        path: Path = ("criteria", place)
        if names[place] in names[:place]:
            problem = f"{names[place].replace('_', ' ')} is asked for twice"
            yield Finding((*path, "rule"), "duplicate", problem, "keep one of the two")
        yield from _findings_of_criterion(document, criterion, path)
    for place, ladder in enumerate(document.ladders):
        if ladder.quota == 0:
            yield Finding(
                ("ladders", place, "quota"), "closed", f"nobody can enter ladder {ladder.name}", "raise the quota", "warning"
            )
    if all(c.status == "example" for c in document.criteria) and document.status == "public-fact":
        yield Finding(
            ("status",),
            "contradiction",
            "the standard is called a public fact, all of its criteria examples",
            "mark the criteria that are published, or the standard as an example",
            "warning",
        )


def _findings_of_criterion(document: QualificationStandard, criterion: Criterion, path: Path) -> Iterator[Finding]:
    match criterion:
        case AgeCriterion(at_least=None, at_most=None):
            yield Finding((*path, "at_least"), "missing", "the age has no bound", "add `at_least:` or `at_most:`")
        case AgeCriterion(at_least=int() as low, at_most=int() as high) if low > high:
            problem = f"nobody is at least {low} and at most {high}"
            yield Finding((*path, "at_most"), "reversed", problem, "exchange the two or correct one")
        case CertificateCriterion() if criterion.at_least not in document.words.grades:
            yield unknown_word((*path, "at_least"), criterion.at_least, "words.grades", document.words.grades)
        case RatingsCriterion():
            if criterion.at_least not in document.words.ratings:
                yield unknown_word((*path, "at_least"), criterion.at_least, "words.ratings", document.words.ratings)
            if criterion.count > criterion.of_last:
                problem = f"{criterion.count} of {criterion.of_last} years cannot be"
                yield Finding((*path, "count"), "contradiction", problem, "lower count, or raise of_last")
        case MajorCriterion():
            yield from repeated(criterion.among, (*path, "among"))
        case (
            AgeCriterion()
            | CertificateCriterion()
            | DegreeCriterion()
            | PartyYearsCriterion()
            | EnterpriseYearsCriterion()
            | TitleCriterion()
            | DepartmentsCriterion()
            | PostYearsCriterion()
            | HealthCriterion()
            | CompetencyCriterion()
            | CurrentCriterion()
            | InspectionsCriterion()
        ):
            return
        case _:
            assert_never(criterion)


FORMAT = Format("standard", QualificationStandard, shapes, TEXT_KEYS, _findings_of_sense)
