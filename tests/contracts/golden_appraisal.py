"""Written samples of the events of appraisal cycles and conduct, for ``tests.contracts.golden``."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from contracts.appraisal import AppraisalDocument
from contracts.appraisal_events import (
    AppealDecided,
    ConductWithdrawn,
    CycleCancelled,
    CycleConcluded,
    CycleOpened,
    CyclePublished,
    CycleScored,
    FinalRating,
    HonourAwarded,
    Mark,
    PersonEnrolled,
    PersonResult,
    PointsRecorded,
    RatingGiven,
    RatingsConcluded,
    RatingWithdrawn,
    ResultAppealed,
    ResultMeasured,
    ResultsScored,
    SanctionImposed,
    SanctionLifted,
)
from contracts.base import LogEvent
from contracts.registry import FactOrigin

__all__ = ["SAMPLES"]

_PERSON = "p0000000000000000000000000a"
_OTHER_PERSON = "p0000000000000000000000000b"
_CYCLE = "hr/annual-2025"
_HEX = "0123456789abcdef" * 4


def _id(number: int) -> str:
    return f"01977000-0000-7000-8000-{number:012d}"


def _told(number: int, **more: Any) -> dict[str, Any]:
    origin = FactOrigin(source="hr", id=f"a-{number}", occurred_at=datetime(2026, 1, 6, 8, 0, 0, 123456, tzinfo=UTC))
    return {"origin": origin, **more}


def _of_cycle(number: int, **more: Any) -> dict[str, Any]:
    return _told(number, cycle=_CYCLE, **more)


def _of_person(number: int, **more: Any) -> dict[str, Any]:
    return _of_cycle(number, person_ref=_PERSON, **more)


def _entry(number: int, key: str, **more: Any) -> dict[str, Any]:
    return _told(number, person_ref=_PERSON, entry=f"hr/{key}", **more)


_DOCUMENT = AppraisalDocument.model_validate(
    {
        "document": "appraisal-1",
        "revision": 2,
        "title": "示例考核办法",
        "title_en": "An example",
        "division": "320102",
        "effective_on": "2026-01-05",
        "status": "example",
        "source": "made up",
        "note": "made up",
        "year": 2025,
        "period": "yearly",
        "first_day": "2025-01-01",
        "last_day": "2025-12-31",
        "ratings_until": "2026-01-31",
        "late": "counted",
        "scope": {"categories": ["secretary"], "grades": ["junior"], "units": ["unit 7"]},
        "items": [
            {"name": "virtue", "zh": "德", "en": "conduct", "part": "qualitative"},
            {"name": "output", "zh": "绩", "part": "quantitative", "target": 12, "measured_in": "次", "at_most_percent": 120},
        ],
        "raters": [
            {"name": "leader", "zh": "分管领导", "en": "leader", "percent": 60, "at_least": 1},
            {"name": "staff", "zh": "员工群众", "percent": 40, "at_least": 0},
        ],
        "missing_roles": "zero",
        "weights": [
            {
                "categories": ["secretary"],
                "grades": ["junior"],
                "items": [{"item": "virtue", "percent": 60}, {"item": "output", "percent": 40}],
                "clause": "6",
            }
        ],
        "bands": [{"rating": "excellent", "at_least": 90}, {"rating": "competent", "at_least": 0}],
        "quota": {"percent": 15, "limit_percent": 20, "places": "half_up", "at_border": "all", "clause": "9"},
        "ranked_within": "category",
        "ties": {"break_by": ["virtue", "output"]},
        "rounding": {"digits": 1, "how": "half_even"},
        "points": {"each_hundredths": 10, "at_most_hundredths": 300, "clause": "10"},
        "honours": {"each_hundredths": 100, "at_most_hundredths": 200, "clause": "10"},
        "bars": [{"step": "cancel_honours", "rating": "excellent", "clause": "11"}],
    }
)

SAMPLES: tuple[LogEvent, ...] = (
    CycleOpened(**_of_cycle(1), document=_DOCUMENT, text="document: appraisal-1\n", text_sha256=_HEX),
    CycleScored(**_of_cycle(2), people=3, scored=2, ratings=9, digest=_HEX),
    ResultsScored(
        cycle=_CYCLE,
        scored=_id(202),
        part=1,
        results=(
            PersonResult(person_ref=_PERSON, score=9250, group="secretary", rank=1, rating="competent", why=("quota",)),
            PersonResult(person_ref=_OTHER_PERSON, score=None, group="secretary", rank=None, rating=None, why=("no-ratings",)),
        ),
    ),
    CyclePublished(**_of_cycle(3), scored=_id(202), appeals_until=date(2026, 2, 7)),
    ResultAppealed(**_of_person(4), appeal="hr/s-1", grounds="漏计一项实绩"),
    AppealDecided(**_of_person(5), appeal="hr/s-1", outcome="upheld", rating="excellent", reason="实绩属实"),
    CycleConcluded(**_of_cycle(6), year=2025, rated=1, told=True),
    RatingsConcluded(
        cycle=_CYCLE,
        concluded=_id(206),
        year=2025,
        part=1,
        ratings=(FinalRating(person_ref=_PERSON, rating="excellent"),),
    ),
    CycleCancelled(**_of_cycle(7), reason="made up"),
    PersonEnrolled(
        **_of_person(8),
        division="320102",
        category="secretary",
        grade="junior",
        unit="unit 7",
        profile=0,
        facts=(_id(1), _id(2)),
    ),
    RatingGiven(**_of_person(9), role="leader", rater="leader-1", marks=(Mark(item="virtue", hundredths=9250),)),
    RatingWithdrawn(**_of_person(10), role="leader", rater="leader-1", reason="made up"),
    ResultMeasured(**_of_person(11), item="output", achieved=9),
    PointsRecorded(**_entry(12, "p-1"), points=-3, reason="made up"),
    SanctionImposed(**_entry(13, "s-1"), step="cancel_honours", until=date(2026, 6, 30), reason="made up"),
    SanctionLifted(**_entry(14, "s-1"), reason="made up"),
    HonourAwarded(**_entry(15, "h-1"), title="优秀党务工作者", level="county"),
    ConductWithdrawn(**_entry(16, "p-1"), reason="made up"),
)
