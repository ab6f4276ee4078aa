"""A development policy (培养管理办法): how long a post is held, which training is due, who may be a mentor, and until when a
problem is put right.

Dated configuration, written as YAML (``services.talent.development_policy`` reads it) and stored inside events: ASCII keys,
integers only. A policy holds for its division and all below it, unless one of these has its own; a later one supersedes it from
its first day on.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from contracts.base import BusinessDay, Category, Clause, DivisionCode, Grade, Heading, Note, Told

__all__ = [
    "ACTIVITY_KINDS",
    "ActivityKind",
    "DevelopmentPolicy",
    "Duty",
    "Mentoring",
    "Rectification",
    "Rotation",
    "Suggestion",
    "Topic",
    "TrainingLevel",
]

ActivityKind = Literal[
    "inspection_tour", "supervision", "research_project", "appraisal_work", "learning_by_doing", "secondment", "training",
    "rotation", "mentoring", "other",
]  # fmt: skip
"""巡视巡察、督导、课题、党建考核、以干代训、挂职、培训、轮岗、导师帮带、其他."""
ACTIVITY_KINDS: tuple[ActivityKind, ...] = (
    "inspection_tour", "supervision", "research_project", "appraisal_work", "learning_by_doing", "secondment", "training",
    "rotation", "mentoring", "other",
)  # fmt: skip

Topic = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
"""A word that the policy and the training systems have agreed on, such as ``branch-secretary``."""
TrainingLevel = Literal["province", "city", "county", "unit"]
Status = Literal["public-fact", "example"]

YEARS_MAX = 20
MONTHS_MAX = 240
DUTIES_MAX = 40
SUGGESTIONS_MAX = 60


class _Part(Told):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Rotation(_Part):
    """轮岗. The same post at most ``years_at_most``; told of ``warn_months`` before; an exception ends at the latest
    ``exception_months_at_most`` after the limit. gap_days: two engagements in one post that are no further apart are one.

    categories: whom it concerns.
    """

    clause: Clause
    status: Status = "example"
    years_at_most: Annotated[int, Field(strict=True, ge=1, le=YEARS_MAX)] = 5
    warn_months: Annotated[int, Field(strict=True, ge=0, le=MONTHS_MAX)] = 6
    exception_months_at_most: Annotated[int, Field(strict=True, ge=0, le=MONTHS_MAX)] = 24
    gap_days: Annotated[int, Field(strict=True, ge=0, le=366)] = 31
    categories: Annotated[tuple[Category, ...], Field(min_length=1, max_length=5)]


class Duty(_Part):
    """培训任务. on_appointment: due ``months`` after the first day in the post; each_term: within each term of ``months``,
    counted from that day; each_year: by the last day of each calendar year in the post.

    hours_at_least: of passed or completed courses of these topics (any, if none is named) and levels. new_only: only for who
    enters a category for the first time.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    zh: Heading
    en: Heading | None = None
    clause: Clause
    status: Status = "example"
    when: Literal["on_appointment", "each_term", "each_year"]
    categories: Annotated[tuple[Category, ...], Field(min_length=1, max_length=5)]
    posts: Annotated[tuple[Heading, ...], Field(max_length=20)] = ()
    new_only: Annotated[bool, Field(strict=True)] = False
    months: Annotated[int, Field(strict=True, ge=1, le=MONTHS_MAX)] | None = None
    hours_at_least: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    topics: Annotated[tuple[Topic, ...], Field(max_length=20)] = ()
    levels: Annotated[tuple[TrainingLevel, ...], Field(max_length=4)] = ()


class Mentoring(_Part):
    """特级 → 导师. at_least: the grade of certificate that a mentor holds; mentees_at_most: at once; told if passed."""

    clause: Clause
    status: Status = "example"
    at_least: Grade = "special"
    mentees_at_most: Annotated[int, Field(strict=True, ge=1, le=100)] = 3


class Rectification(_Part):
    """限时整改. working_days: where a problem names no last day. extensions_at_most: of one problem."""

    clause: Clause
    status: Status = "example"
    working_days: Annotated[int, Field(strict=True, ge=1, le=366)] = 20
    extensions_at_most: Annotated[int, Field(strict=True, ge=0, le=20)] = 1


class Suggestion(_Part):
    """What is proposed for an unmet criterion of a screening. criterion: its name, such as ``competency_innovation``."""

    criterion: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    kind: ActivityKind
    zh: Heading
    en: Heading | None = None
    months: Annotated[int, Field(strict=True, ge=1, le=60)] = 6


class DevelopmentPolicy(_Part):
    """document: its number. revision: raised when a document is published again. effective_on: its first day.

    grades: the ordered words of certificates, lowest first.
    """

    document: Heading
    revision: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    title: Heading
    title_en: Heading | None = None
    division: DivisionCode
    effective_on: BusinessDay
    status: Status = "example"
    source: Heading
    note: Note | None = None
    grades: Annotated[tuple[Grade, ...], Field(min_length=1, max_length=20)] = ("junior", "intermediate", "senior", "special")
    rotation: Rotation | None = None
    training: Annotated[tuple[Duty, ...], Field(max_length=DUTIES_MAX)] = ()
    mentoring: Mentoring | None = None
    rectification: Rectification | None = None
    suggestions: Annotated[tuple[Suggestion, ...], Field(max_length=SUGGESTIONS_MAX)] = ()
