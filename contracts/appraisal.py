"""An appraisal cycle (考核): a dated document that says who is appraised, by whom, on what, and how marks become ratings.

It is written as YAML (``services.talent.appraisal_document`` reads it) and stored inside the event that opens the cycle: ASCII
keys, integers only. Marks and scores are integer hundredths of a point, of 100 points: 92.50 is 9250. Everything in it is
declarative: the scheme's numbers are published nowhere as law, so that each county writes its own.

How a score is made, in exact numbers, rounded once at the end (``services.talent.scoring``):

1. Qualitative items (德能勤廉 and the like) are marked by raters of the document's roles (分管领导, 上级部门, 员工群众, 互评).
   Within a role every rater counts the same; roles count by their percent.
2. Quantitative items are what was achieved of a target, at most ``at_most_percent`` of it.
3. Items count by the weights of the person's category and grade, which add up to 100.
4. Points (积分) and honours of the period add or take away so many hundredths, up to a limit; a score stays from 0 to 100.
5. Scores are ranked within the cycle, category or grade; a band gives the rating; the quota limits how many get the best one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from contracts.base import BusinessDay, Category, Clause, DivisionCode, Grade, Heading, Note, Rating, SourceName, Told, Year

__all__ = [
    "SANCTION_STEPS",
    "AppraisalDocument",
    "Band",
    "Bar",
    "CycleScope",
    "Extra",
    "Item",
    "ItemWeight",
    "Percent",
    "Period",
    "Quota",
    "RaterRole",
    "SanctionStep",
    "ScoreRounding",
    "Ties",
    "WeightProfile",
    "Word",
]

ITEMS_MAX = 40
ROLES_MAX = 12
PROFILES_MAX = 60
BANDS_MAX = 12
UNITS_MAX = 500
SOURCES_MAX = 50
TARGET_MAX = 1_000_000_000

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Hundredths = Annotated[int, Field(strict=True, ge=0, le=10_000)]
Status = Literal["public-fact", "example"]
Period = Literal["monthly", "quarterly", "half_yearly", "yearly"]
SanctionStep = Literal["cancel_honours", "interview", "rectification", "transfer_out"]
"""取消评优、约谈、限期整改、调出."""
SANCTION_STEPS: tuple[SanctionStep, ...] = ("cancel_honours", "interview", "rectification", "transfer_out")
"""The ladder, its mildest step first."""


class _Part(Told):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class CycleScope(_Part):
    """Whom the cycle is about, in its division and all below: an empty list leaves that side open.

    units: names as engagements write them.
    """

    categories: Annotated[tuple[Category, ...], Field(max_length=5)] = ()
    grades: Annotated[tuple[Grade, ...], Field(max_length=BANDS_MAX)] = ()
    units: Annotated[tuple[Heading, ...], Field(max_length=UNITS_MAX)] = ()


class Item(_Part):
    """What is appraised. target, at_most_percent: of a quantitative item only; target in the unit ``measured_in``."""

    name: Word
    zh: Heading
    en: Heading | None = None
    part: Literal["qualitative", "quantitative"]
    target: Annotated[int, Field(strict=True, ge=1, le=TARGET_MAX)] | None = None
    measured_in: Heading | None = None
    at_most_percent: Annotated[int, Field(strict=True, ge=100, le=200)] = 100


class RaterRole(_Part):
    """Who marks. percent: how much the role counts; at_least: raters of it without whom nobody is scored (0: may be absent)."""

    name: Word
    zh: Heading
    en: Heading | None = None
    percent: Annotated[int, Field(strict=True, ge=1, le=100)]
    at_least: Annotated[int, Field(strict=True, ge=0, le=1000)] = 1


class ItemWeight(_Part):
    item: Word
    percent: Annotated[int, Field(strict=True, ge=1, le=100)]


class WeightProfile(_Part):
    """How much each item counts for these categories and grades; an empty list: for every one. ``none`` is no certificate."""

    categories: Annotated[tuple[Category, ...], Field(max_length=5)] = ()
    grades: Annotated[tuple[Grade, ...], Field(max_length=BANDS_MAX)] = ()
    items: Annotated[tuple[ItemWeight, ...], Field(min_length=1, max_length=ITEMS_MAX)]
    clause: Clause


class Band(_Part):
    """at_least: points of the lowest score of the rating."""

    rating: Rating
    at_least: Percent


class Quota(_Part):
    """Of the best rating. percent: of those scored in a ranking; limit_percent: what not even a tie or an appeal exceeds.

    places: how a part of a place is rounded. at_border: what becomes of those who tie for the last places, of whom not all
    have room: ``none`` gets one, or ``all`` do, if the limit allows it.
    """

    percent: Percent
    limit_percent: Percent
    places: Literal["down", "half_up", "up"] = "down"
    at_border: Literal["none", "all"] = "none"
    clause: Clause


class Ties(_Part):
    """break_by: items whose scores decide between equal scores, in this order; who is equal still shares a rank: 1, 2, 2, 4."""

    break_by: Annotated[tuple[Word, ...], Field(max_length=5)] = ()


class ScoreRounding(_Part):
    """digits: after the decimal point. half_even: to the even neighbour (GB/T 8170)."""

    digits: Annotated[int, Field(strict=True, ge=0, le=2)] = 2
    how: Literal["half_up", "half_even", "down"] = "half_up"


class Extra(_Part):
    """What each point or honour of the period adds (points that were deducted take it away), and the most that all do."""

    each_hundredths: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    at_most_hundredths: Hundredths
    clause: Clause


class Bar(_Part):
    """Who is under a sanction of this step in the period can't have the rating, nor a better one."""

    step: SanctionStep
    rating: Rating
    clause: Clause


class AppraisalDocument(_Part):
    """effective_on: the first day on which ratings are given. ratings_until: the last one in time.

    first_day, last_day: of the period that is appraised. late: of ratings after ``ratings_until``: ``refused``, or ``counted``
    as long as the results are not published. missing_roles: what becomes of the percent of a role that may be absent and is:
    the others share it, or it counts as zero. bands: best first; the last begins at 0. sources: that may report enrolments,
    ratings and results beside the one that opened the cycle; none named: every source may.
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
    year: Year
    period: Period
    first_day: BusinessDay
    last_day: BusinessDay
    ratings_until: BusinessDay
    late: Literal["refused", "counted"] = "refused"
    sources: Annotated[tuple[SourceName, ...], Field(max_length=SOURCES_MAX)] = ()
    scope: CycleScope = CycleScope()
    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=ITEMS_MAX)]
    raters: Annotated[tuple[RaterRole, ...], Field(max_length=ROLES_MAX)] = ()
    missing_roles: Literal["shared", "zero"] = "shared"
    weights: Annotated[tuple[WeightProfile, ...], Field(min_length=1, max_length=PROFILES_MAX)]
    bands: Annotated[tuple[Band, ...], Field(min_length=2, max_length=BANDS_MAX)]
    quota: Quota
    ranked_within: Literal["cycle", "category", "grade"] = "cycle"
    ties: Ties = Ties()
    rounding: ScoreRounding = ScoreRounding()
    points: Extra | None = None
    honours: Extra | None = None
    bars: Annotated[tuple[Bar, ...], Field(max_length=10)] = ()
