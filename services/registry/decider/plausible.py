"""What can hardly be true: refused where it cannot be right, taken with a warning where it may be. Pure.

| What | Answer |
|---|---|
| born after the day of the registration, or before 1900 | refused: ``born-later``, ``born-too-early`` |
| under 16 on the day of the registration or the first of an engagement: nobody is employed before | refused: ``under-age`` |
| under 18, before which nobody joins the party; over 80 | warning: ``young``, ``old`` |
| a rating or an inspection of a year that has not begun | refused: ``year-to-come`` |
| an engagement that ends before it starts, whichever comes second | warning: ``ends-before-start`` |
| a grade or a rating that neither the scheme nor any published standard knows | warning: ``doubtful-word`` |
| a division that neither GB/T 2260 nor the setting knows | warning: ``doubtful-division`` |
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from contracts.certification import Words
from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    Transfer,
)
from contracts.possible import impossible_age
from contracts.problems import problem
from contracts.receipts import Problem
from contracts.terms import full_years
from eventlog.decider import Rejected
from services.registry.decider.worker import Rules, Stamp, Worker

__all__ = ["check_age", "doubts", "doubts_of_age", "doubts_of_engagement"]

PARTY_AGE_YEARS_MIN = 18
AGE_YEARS_LIKELY_MAX = 80


def check_age(born: date, day: date, field: str) -> None:
    """Raises Rejected if somebody born on that date cannot be registered, or hold a post, on the day."""
    found = impossible_age(born, day, field)
    if found is not None:
        raise Rejected(found)


def doubts_of_age(born: date, day: date, field: str) -> tuple[Problem, ...]:
    years = full_years(born, day)
    if years < PARTY_AGE_YEARS_MIN:
        return (problem("young", field),)
    return (problem("old", field),) if years > AGE_YEARS_LIKELY_MAX else ()


def doubts_of_engagement(says: Particulars, stamp: Stamp, state: Worker, source: str) -> tuple[Problem, ...]:
    """An engagement that ends before it starts, whichever of the two is told first: it never was, until one of them is
    corrected (``talent.rotation``). Refusing the second would make what is on file depend on which came first. source: whose
    engagement it is; of a correction, that of the fact that it corrects."""
    if not isinstance(says, EngagementStart | EngagementEnd):
        return ()
    key = says.slot(source).partition("/")[2]
    other = "engagement-end" if isinstance(says, EngagementStart) else "engagement-start"
    known = state.facts.get(state.standing.get(f"{other}/{key}", (None, ()))[0] or "")
    if known is None:
        return ()
    start, end = stamp.effective_on, known.effective_on
    if isinstance(says, EngagementEnd):
        start, end = end, start
    return (problem("ends-before-start", "effectiveon"),) if end < start else ()


def doubts(says: Particulars, rules: Rules, unknown_division: Callable[[str], bool]) -> tuple[Problem, ...]:
    """What of a fact may be right, and is hardly likely."""
    known = [Words(), *(document.words for _, document in rules.standards)]
    grades = {word for words in known for word in words.grades}
    ratings = {word for words in known for word in words.ratings}
    found: list[tuple[str, str]] = []
    match says:
        case Registration(division=division) | Transfer(division=division):
            found += [("doubtful-division", "data.division")] if unknown_division(division) else []
        case Certificate(grade=grade, issuer=issuer):
            found += [("doubtful-word", "data.grade")] if grade not in grades else []
            found += [("doubtful-division", "data.issuer")] if unknown_division(issuer) else []
        case CertificateChange(grade=str(grade)) if grade not in grades:
            found.append(("doubtful-word", "data.grade"))
        case Recognition(division=division) if unknown_division(division):
            found.append(("doubtful-division", "data.division"))
        case RatingResult(rating=rating) if rating not in ratings:
            found.append(("doubtful-word", "data.rating"))
        case _:
            pass
    return tuple(problem(code, field) for code, field in found)
