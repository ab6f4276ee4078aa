"""What one fact alone shows to be impossible, whatever is on file: the same answer by services and before publishing. Pure.

What needs a policy, a standard or another fact is not here: services answer that. Each function gives the problem, or None.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from contracts.base import business_day
from contracts.particulars import Certificate, CertificateChange, InspectionResult, RatingResult
from contracts.problems import Lang, problem
from contracts.receipts import Problem
from contracts.terms import full_years

__all__ = [
    "AHEAD_SECONDS_MAX",
    "CLOCK_SKEW_MAX",
    "EFFECTIVE_FIRST",
    "FUTURE_DAYS_MAX",
    "impossible",
    "impossible_age",
    "impossible_day",
]

EFFECTIVE_FIRST = date(1949, 10, 1)
FUTURE_DAYS_MAX = 400
CLOCK_SKEW_MAX = timedelta(hours=24)
AHEAD_SECONDS_MAX = 300
"""How far a source's clock may run ahead of the service's. The later ``time`` settles a contradiction, so nobody may write one
that the others cannot reach."""
BORN_FIRST = date(1900, 1, 1)
WORKING_AGE_YEARS_MIN = 16


def impossible_day(effective_on: date, occurred_at: datetime, received_at: datetime, lang: Lang = "en") -> Problem | None:
    """A fact is neither older than the republic nor far in the future, and was not recorded tomorrow."""
    if effective_on < EFFECTIVE_FIRST:
        return problem("date-too-early", "effectiveon", lang, str(EFFECTIVE_FIRST))
    if effective_on > received_at.date() + timedelta(days=FUTURE_DAYS_MAX):
        return problem("date-too-late", "effectiveon", lang, str(FUTURE_DAYS_MAX))
    if occurred_at > received_at + CLOCK_SKEW_MAX:
        return problem("time-in-future", "time", lang)
    return None


def impossible(says: object, effective_on: date, received_at: datetime, lang: Lang = "en") -> Problem | None:
    """says: particulars, or a fact or a replacement that holds them; of anything else nothing is known."""
    match says:
        case RatingResult(year=year) | InspectionResult(year=year) if effective_on < date(year, 1, 1):
            return problem("result-before-year", "effectiveon", lang, str(year))
        case RatingResult(year=year) | InspectionResult(year=year) if year > business_day(received_at).year:
            return problem("year-to-come", "data.year", lang)
        case Certificate(expires_on=date() as expires) if expires < effective_on:
            return problem("expires-before-issue", "data.expires_on", lang)
        case CertificateChange(change=change, grade=grade) if (change == "downgraded") != (grade is not None):
            return problem("grade-and-downgrade", "data.grade", lang)
        case _:
            return None


def impossible_age(born: date, day: date, field: str, lang: Lang = "en") -> Problem | None:
    """Whether somebody born on that date cannot be registered, or hold a post, on the day."""
    if born < BORN_FIRST:
        return problem("born-too-early", field, lang)
    if born > day:
        return problem("born-later", field, lang)
    return problem("under-age", field, lang) if full_years(born, day) < WORKING_AGE_YEARS_MIN else None
