"""Read and check the YAML text of a qualification standard. Pure: text in, a document or its problems out, each at its place.

The text becomes plain values that know their places (``eventlog.documents``); those become a ``QualificationStandard``, or
problems of form; a document is checked for sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from pydantic import ValidationError

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
from eventlog.documents import (
    PROBLEMS_MAX,
    DocumentError,
    DocumentProblem,
    Finding,
    Path,
    Reader,
    finding_of_form,
    keys_of,
    repeated,
)
from services.talent.screening import criterion_name

__all__ = ["check_standard", "read_standard"]

TEXT_KEYS = frozenset({"division", "clause", "document", "title", "title_en", "zh", "en", "source", "note", "name", "pool"})
KNOWN_KEYS = keys_of(shapes)


def read_standard(text: str) -> QualificationStandard:
    """Return the document. Raises DocumentError if there is any error; warnings alone don't keep it from being read."""
    document, problems = _read(text)
    if document is None or any(problem.severity == "error" for problem in problems):
        raise DocumentError(problems)
    return document


def check_standard(text: str) -> tuple[DocumentProblem, ...]:
    """Return everything that is wrong or doubtful about the text, in order of its place; nothing: it is fine."""
    return _read(text)[1]


def _read(text: str) -> tuple[QualificationStandard | None, tuple[DocumentProblem, ...]]:
    reader = Reader("standard", TEXT_KEYS)
    value = reader.read(text)
    if value is None:
        return None, reader.problems(reader.findings)
    reported = {finding.path for finding in reader.findings}
    try:
        document = QualificationStandard.model_validate(value)
    except ValidationError as refused:
        # A list whose items are all refused looks empty to pydantic, which then says so as well: the items' errors are enough.
        errors = [error for error in refused.errors() if not (error["type"] == "too_short" and error["input"])]
        of_form = [finding_of_form(error, value, KNOWN_KEYS) for error in errors[:PROBLEMS_MAX]]
        return None, reader.problems([*reader.findings, *[finding for finding in of_form if finding.path not in reported]])
    return document, reader.problems([*reader.findings, *_findings_of_sense(document)])


# Sense: what a well-formed document may still get wrong ---------------------------------------------------------------------


def _findings_of_sense(document: QualificationStandard) -> Iterator[Finding]:
    yield from repeated([ladder.name for ladder in document.ladders], ("ladders",), "name")
    for kind in ("grades", "ratings"):
        words = getattr(document.words, kind)
        for place, word in enumerate(words):
            if word in words[:place]:
                yield Finding(("words", kind, place), "duplicate", f"{word} is listed twice", "keep one of the two")
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
            yield _unknown_word((*path, "at_least"), criterion.at_least, "grades", document.words.grades)
        case RatingsCriterion():
            if criterion.at_least not in document.words.ratings:
                yield _unknown_word((*path, "at_least"), criterion.at_least, "ratings", document.words.ratings)
            if criterion.count > criterion.of_last:
                problem = f"{criterion.count} of {criterion.of_last} years cannot be"
                yield Finding((*path, "count"), "contradiction", problem, "lower count, or raise of_last")
        case MajorCriterion():
            for place, major in enumerate(criterion.among):
                if major in criterion.among[:place]:
                    problem = f"{major} is listed twice"
                    yield Finding((*path, "among", place), "duplicate", problem, "keep one of the two")
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


def _unknown_word(path: Path, word: str, kind: str, known: tuple[str, ...]) -> Finding:
    return Finding(path, "unknown-word", f"{word} is not in words.{kind}", f"write one of {', '.join(known)}")
