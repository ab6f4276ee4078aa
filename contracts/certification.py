"""A certification standard (资格认证标准): dated configuration that says, grade by grade, who may be certified and how.

It is written as YAML (``services.registry.standard`` reads it) and stored inside events: ASCII keys, integers only. Everything
in it is declarative. A later standard for the same division supersedes it from its first day on; a standard holds for its
division and all below it, unless one of these has its own. An application is judged by the standard in force on the day of the
application, to its end.

The shape says what a well-formed standard is; ``services.registry.standard.check_standard`` says whether it makes sense.
Criteria are of two kinds: those that the registry answers from its own facts, and those that a reviewer answers with a finding.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from contracts.base import BusinessDay, Clause, DivisionCode, EventId, Grade, Heading, Note, OwnEvent, Rating, Told

__all__ = [
    "STAGES",
    "AssessedCriterion",
    "CertificationStandard",
    "CertificationStandardCited",
    "ConfirmedCriterion",
    "Criterion",
    "CriterionName",
    "CriterionResult",
    "GradeHeldCriterion",
    "GradeStandard",
    "HoursCriterion",
    "InspectionsCriterion",
    "Level",
    "Limit",
    "Panel",
    "RatingsCriterion",
    "Stage",
    "TitleField",
    "TitleLevel",
    "Training",
    "WaivedCriterion",
    "Waiver",
    "Words",
    "YearsServedCriterion",
]

GRADES_MAX = 20
CRITERIA_MAX = 40
WAIVERS_MAX = 40
LIMITS_MAX = 20
WORDS_MAX = 20
WORKING_DAYS_MAX = 60

Stage = Literal["application", "eligibility_review", "training_test", "panel_review", "public_notice"]
"""个人申报、资格审查、培训测试、综合评审、社会公示: in this order, none can be left out."""
STAGES: tuple[Stage, ...] = ("application", "eligibility_review", "training_test", "panel_review", "public_notice")

Level = Literal["province", "city", "county"]
"""By the zeros of a GB/T 2260 code."""
TitleField = Literal["political_work", "social_work"]
"""政工类、社会工作类职称."""
TitleLevel = Literal["junior", "intermediate", "deputy_senior", "senior"]
"""初级、中级、副高级、正高级; ordered, lowest first."""
TITLE_LEVELS: tuple[TitleLevel, ...] = ("junior", "intermediate", "deputy_senior", "senior")

CriterionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""Names a criterion within one grade; findings and waivers refer to it."""
Status = Literal["public-fact", "example"]
"""Whether something is a published fact or an example made up to show the shape. The default is the humbler one."""
Count = Annotated[int, Field(strict=True, ge=0, le=80)]
Score = Annotated[int, Field(strict=True, ge=0, le=100)]
"""Points of 100."""


class _Part(Told):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class _Criterion(_Part):
    name: CriterionName
    clause: Clause
    status: Status = "example"


# Answered by the registry from its own facts --------------------------------------------------------------------------


class YearsServedCriterion(_Criterion):
    """从事党务工作年限: full years in engagements on the day, days in two posts at once counted once."""

    rule: Literal["years_served"]
    at_least: Count


class GradeHeldCriterion(_Criterion):
    """持证年限: the grade or above, by a certificate valid on the day, held without a gap for so many full years until then."""

    rule: Literal["grade_held"]
    grade: Grade
    years_at_least: Count = 0


class RatingsCriterion(_Criterion):
    """In at least ``count`` of the last ``of_last`` calendar years before the day's, the rating was ``at_least`` or above."""

    rule: Literal["ratings"]
    at_least: Rating
    count: Annotated[int, Field(strict=True, ge=1, le=20)]
    of_last: Annotated[int, Field(strict=True, ge=1, le=20)]


class InspectionsCriterion(_Criterion):
    """No annual inspection of the day's year and the ``of_last`` years before it was failed or missed."""

    rule: Literal["inspections"]
    of_last: Annotated[int, Field(strict=True, ge=0, le=20)]


# Answered by a reviewer with a finding ----------------------------------------------------------------------------------


class HoursCriterion(_Criterion):
    """Hours, such as those of training; the finding says how many."""

    rule: Literal["hours"]
    at_least: Annotated[int, Field(strict=True, ge=1, le=10_000)]


class AssessedCriterion(_Criterion):
    """Points of 100, such as for ability or results (能力、业绩); the finding gives them."""

    rule: Literal["assessed"]
    at_least: Score


class ConfirmedCriterion(_Criterion):
    """Something that is so or is not; the finding says which. asks: the question, for people."""

    rule: Literal["confirmed"]
    asks: Heading


Criterion = Annotated[
    YearsServedCriterion
    | GradeHeldCriterion
    | RatingsCriterion
    | InspectionsCriterion
    | HoursCriterion
    | AssessedCriterion
    | ConfirmedCriterion,
    Field(discriminator="rule"),
]


# The document ---------------------------------------------------------------------------------------------------------


class Training(_Part):
    """培训测试. hours_at_least: attended before the test."""

    hours_at_least: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 0
    pass_mark: Score


class Panel(_Part):
    """综合评审: the mean of the judges' scores, in hundredths of a point, half up. drop_extremes: leave out the highest and the
    lowest score, of at least five."""

    judges_at_least: Annotated[int, Field(strict=True, ge=1, le=50)]
    pass_mark: Score
    drop_extremes: Annotated[bool, Field(strict=True)] = False


class GradeStandard(_Part):
    """One grade. issuers: levels that may issue it. steward: the level that stewards its holders (分级管理).

    valid_in: the territory in which it holds without recognition: that of the issuer at this level, or anywhere.
    validity_years: None: until it is changed. promotes_from: the grade that must be held; None: a first certificate.
    """

    grade: Grade
    issuers: Annotated[tuple[Level, ...], Field(min_length=1, max_length=3)]
    steward: Level
    valid_in: Level | Literal["anywhere"]
    validity_years: Annotated[int, Field(strict=True, ge=1, le=50)] | None = None
    promotes_from: Grade | None = None
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=CRITERIA_MAX)]
    training: Training
    panel: Panel
    notice_working_days: Annotated[int, Field(strict=True, ge=1, le=WORKING_DAYS_MAX)]


class Waiver(_Part):
    """等效认定: holders of a title of the field and level or above may be granted a waiver of the named criteria of a grade."""

    grade: Grade
    title: TitleField
    level_at_least: TitleLevel
    waives: Annotated[tuple[CriterionName, ...], Field(min_length=1, max_length=CRITERIA_MAX)]
    clause: Clause


class Limit(_Part):
    """淘汰硬杠杠. What is reached is listed for the issuer, who acts: no certificate is taken by a program.

    rule: ``inspections_failed``: failed in ``count`` of the last ``of_last`` years; ``rated_below``: rated below ``at_least``
    likewise; ``suspended_months``: suspended for ``count`` full months.
    """

    rule: Literal["inspections_failed", "rated_below", "suspended_months"]
    at_least: Rating | None = None
    count: Annotated[int, Field(strict=True, ge=1, le=120)]
    of_last: Annotated[int, Field(strict=True, ge=1, le=20)] | None = None
    then: Literal["suspended", "downgraded", "revoked"]
    clause: Clause


class Words(_Part):
    """The ordered words, lowest first, where a county has others than the scheme's."""

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


class CertificationStandard(_Part):
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
    grades: Annotated[tuple[GradeStandard, ...], Field(min_length=1, max_length=GRADES_MAX)]
    waivers: Annotated[tuple[Waiver, ...], Field(max_length=WAIVERS_MAX)] = ()
    limits: Annotated[tuple[Limit, ...], Field(max_length=LIMITS_MAX)] = ()


# What events carry of it ------------------------------------------------------------------------------------------------


class CertificationStandardCited(OwnEvent):
    """event: the registry event that published it."""

    event: EventId
    document: str
    revision: int


class CriterionResult(OwnEvent):
    """One criterion, two-sided. facts: ids of the events looked at; evidence: SHA-256 of attachments that the finding names.

    met counts a waived criterion as met; waived then names the title and the clause.
    """

    name: str
    rule: str
    required: str
    found: str
    met: bool
    clause: str
    facts: tuple[EventId, ...] = ()
    evidence: tuple[str, ...] = ()
    waived: WaivedCriterion | None = None


class WaivedCriterion(OwnEvent):
    """The title for which a criterion was waived, and the clause of the standard."""

    title: TitleField
    level: TitleLevel
    clause: str


CriterionResult.model_rebuild()
