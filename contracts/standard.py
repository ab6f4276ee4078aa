"""A qualification standard (资质标准): dated configuration that says what somebody must bring to enter a reserve pool.

It is written as YAML (``services.talent.standard`` reads it) and stored inside events: ASCII keys, integers only. Everything
in it is declarative. A later standard for the same division supersedes it from its first day on; a standard holds for its
division and all below it, unless one of these has its own.

The shape says what a well-formed standard is; ``services.talent.standard.check_standard`` says whether it makes sense.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from contracts.base import BusinessDay, Clause, DivisionCode, Grade, Heading, Note, Rating, Told

__all__ = [
    "COMPETENCIES",
    "DEGREES",
    "TITLES",
    "AgeCriterion",
    "CertificateCriterion",
    "Competency",
    "CompetencyCriterion",
    "Criterion",
    "CurrentCriterion",
    "Degree",
    "DegreeCriterion",
    "DepartmentsCriterion",
    "EnterpriseYearsCriterion",
    "HealthCriterion",
    "InspectionsCriterion",
    "Ladder",
    "LadderName",
    "Major",
    "MajorCriterion",
    "PartyYearsCriterion",
    "PostYearsCriterion",
    "QualificationStandard",
    "RatingsCriterion",
    "Title",
    "TitleCriterion",
    "Words",
]

CRITERIA_MAX = 40
LADDERS_MAX = 20
WORDS_MAX = 20
QUOTA_MAX = 1_000_000

Degree = Literal["secondary", "associate", "bachelor", "master", "doctor"]
"""学历: 高中（中专）及以下、大专、本科、硕士、博士; ordered, lowest first."""
DEGREES: tuple[Degree, ...] = ("secondary", "associate", "bachelor", "master", "doctor")

Title = Literal["none", "junior", "intermediate", "deputy_senior", "senior"]
"""专业技术职称: 无、初级、中级、副高级、正高级; ordered, lowest first."""
TITLES: tuple[Title, ...] = ("none", "junior", "intermediate", "deputy_senior", "senior")

Competency = Literal["political", "learning", "coordination", "organising", "innovation"]
"""政治、学习、协调、组织、创新; each rated 1 to 5, 5 the best."""
COMPETENCIES: tuple[Competency, ...] = ("political", "learning", "coordination", "organising", "innovation")

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Major = Word
"""所学专业, a word that the standard and the sources have agreed on, such as ``party-building``."""
LadderName = Word
"""梯队: the name of a ladder (echelon) of the pool."""
Years = Annotated[int, Field(strict=True, ge=0, le=80)]
Status = Literal["public-fact", "example"]
"""Whether something is a published fact or an example made up to show the shape. The default is the humbler one."""


class _Part(Told):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class _Criterion(_Part):
    clause: Clause
    status: Status = "example"


# From the particulars that a source reports ---------------------------------------------------------------------------


class AgeCriterion(_Criterion):
    """年龄, in full years as last reported. Either bound may be left out, not both."""

    rule: Literal["age"]
    at_least: Years | None = None
    at_most: Years | None = None


class DegreeCriterion(_Criterion):
    rule: Literal["degree"]
    at_least: Degree


class MajorCriterion(_Criterion):
    """One of the majors is enough."""

    rule: Literal["major"]
    among: Annotated[tuple[Major, ...], Field(min_length=1, max_length=WORDS_MAX)]


class PartyYearsCriterion(_Criterion):
    """党龄: full years from the month of joining to the day of the screening."""

    rule: Literal["party_years"]
    at_least: Years


class EnterpriseYearsCriterion(_Criterion):
    rule: Literal["enterprise_years"]
    at_least: Years


class TitleCriterion(_Criterion):
    rule: Literal["title"]
    at_least: Title


class DepartmentsCriterion(_Criterion):
    """How many departments somebody has worked in."""

    rule: Literal["departments"]
    at_least: Annotated[int, Field(strict=True, ge=1, le=100)]


class PostYearsCriterion(_Criterion):
    """Years in the posts that the standard lists. posts: which these are, for people."""

    rule: Literal["post_years"]
    at_least: Years
    posts: Annotated[tuple[Heading, ...], Field(max_length=WORDS_MAX)] = ()


class HealthCriterion(_Criterion):
    rule: Literal["health"]


class CompetencyCriterion(_Criterion):
    """name: of the competency. Not called like the rule, so that a problem's place in the text is plain."""

    rule: Literal["competency"]
    name: Competency
    at_least: Annotated[int, Field(strict=True, ge=1, le=5)]


class CurrentCriterion(_Criterion):
    """The particulars are not older than so many months on the day of the screening."""

    rule: Literal["current"]
    months_at_most: Annotated[int, Field(strict=True, ge=1, le=120)]


# From the registry's facts --------------------------------------------------------------------------------------------


class CertificateCriterion(_Criterion):
    """A certificate of the grade or above is valid on the day."""

    rule: Literal["certificate"]
    at_least: Grade


class RatingsCriterion(_Criterion):
    """In at least ``count`` of the last ``of_last`` calendar years before the day's, the rating was ``at_least`` or above."""

    rule: Literal["ratings"]
    at_least: Rating
    count: Annotated[int, Field(strict=True, ge=1, le=20)]
    of_last: Annotated[int, Field(strict=True, ge=1, le=20)]


class InspectionsCriterion(_Criterion):
    """No annual inspection of the day's year and the ``of_last`` years before it was failed."""

    rule: Literal["inspections"]
    of_last: Annotated[int, Field(strict=True, ge=0, le=20)]


Criterion = Annotated[
    AgeCriterion
    | DegreeCriterion
    | MajorCriterion
    | PartyYearsCriterion
    | EnterpriseYearsCriterion
    | TitleCriterion
    | DepartmentsCriterion
    | PostYearsCriterion
    | HealthCriterion
    | CompetencyCriterion
    | CurrentCriterion
    | CertificateCriterion
    | RatingsCriterion
    | InspectionsCriterion,
    Field(discriminator="rule"),
]


# The document ---------------------------------------------------------------------------------------------------------


class Ladder(_Part):
    """梯队. quota: members that each division may have in it; None: as many as it likes."""

    name: LadderName
    zh: Heading
    en: Heading | None = None
    quota: Annotated[int, Field(strict=True, ge=0, le=QUOTA_MAX)] | None = None
    status: Status = "example"


class Words(_Part):
    """The ordered words of the registry's facts, lowest first, where a county has others than the scheme's."""

    grades: Annotated[tuple[Grade, ...], Field(min_length=1, max_length=WORDS_MAX)] = (
        "junior",
        "intermediate",
        "senior",
        "special",
    )
    ratings: Annotated[tuple[Rating, ...], Field(min_length=1, max_length=WORDS_MAX)] = (
        "incompetent",
        "basic",
        "competent",
        "excellent",
    )


class QualificationStandard(_Part):
    """document: its number. revision: raised when a document is published again. effective_on: its first day."""

    document: Heading
    revision: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    title: Heading
    title_en: Heading | None = None
    division: DivisionCode
    effective_on: BusinessDay
    status: Status = "example"
    source: Heading
    note: Note | None = None
    words: Words = Words()
    ladders: Annotated[tuple[Ladder, ...], Field(min_length=1, max_length=LADDERS_MAX)]
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=CRITERIA_MAX)]
