"""The demo's reserve pool: eight made-up people are nominated, one cycle appraises them, one vacancy is matched to the pool.

The cycle's ratings reach the registry as facts of source ``talent``, and change what allowance decides, though nobody touches
either. Nobody here exists; every competency, mark and measure is an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from console.demo_data import APPRAISAL, HR, TRAINING, Labelled, made_up_resident_id
from contracts.intake import fact_subject

__all__ = [
    "CYCLE",
    "PEOPLE",
    "POOL_DIVISION",
    "VACANCY",
    "YEAR",
    "Member",
    "admitted",
    "appraised",
    "key_of",
    "nominated",
    "on_file",
]

POOL_DIVISION, COUNTY = "320100", "320102"
YEAR = 2025
CYCLE = "demo-2025"
VACANCY = "operator/V-2026-01"
"""As ``standards/example-vacancy.yaml`` names it."""

Seal = Callable[[Mapping[str, str]], str]


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the scene. competence: 1 to 5 in the five competencies; points: what raters give, of 100."""

    number: int
    degree: str
    title: str
    post_years: int
    competence: tuple[int, int, int, int, int]
    points: int
    activities: int


PEOPLE = (
    Member(1, "master", "deputy_senior", 8, (5, 4, 5, 4, 4), 96, 13),
    Member(2, "bachelor", "intermediate", 6, (5, 4, 4, 4, 3), 91, 12),
    Member(3, "bachelor", "intermediate", 5, (4, 4, 4, 3, 3), 88, 12),
    Member(4, "bachelor", "senior", 9, (4, 3, 4, 5, 3), 86, 11),
    Member(5, "master", "intermediate", 5, (4, 5, 3, 3, 5), 84, 12),
    Member(6, "associate", "intermediate", 7, (4, 3, 3, 3, 3), 80, 10),
    Member(7, "bachelor", "junior", 4, (4, 3, 3, 4, 3), 77, 9),
    Member(8, "bachelor", "intermediate", 2, (3, 3, 3, 3, 3), 58, 4),
)
_COMPETENCIES = ("political", "learning", "coordination", "organising", "innovation")
_QUALITIES = ("virtue", "ability", "diligence", "integrity")
_RATERS = (("leader", "leader-1", 0), ("superior", "superior-1", -2), ("staff", "staff-1", 1), ("staff", "staff-2", -1))
"""Role, token, and by how many points this rater differs."""


def key_of(member: Member) -> str:
    """The HR system's own key of the person."""
    return f"pool-{member.number}"


def _told(source: str, service: str, fact: str, on: str, who: str, data: Mapping[str, Any]) -> Labelled:
    """A message whose id is made of what it says about whom."""
    kind = f"intake.{fact}.v1"
    message_id = f"{who}-{fact}-{on}"
    envelope = {
        "specversion": "1.0",
        "id": message_id,
        "source": source,
        "type": kind,
        "time": f"{on}T10:00:00Z",
        "effectiveon": on,
        "data": data,
    }
    return Labelled(orjson.dumps(envelope), fact_subject(source, service, kind), message_id, source, "accepted", fact)


def on_file(seal: Seal) -> Iterator[Labelled]:
    """Everybody registered, engaged, certified, inspected to 2025 and rated to 2024: the rating of 2025 is what is missing."""
    for member in PEOPLE:
        who, person = key_of(member), {"source_key": key_of(member), "key_source": HR}
        identity = {"name": f"示例后备{member.number}", "resident_id": made_up_resident_id("320199", 8_000_000 + member.number)}
        new = {"identity": seal(identity), "source_key": who}
        unit = f"示例社区第{member.number}党支部"
        post = {"engagement": f"{who}-post", "category": "secretary", "unit": unit, "post": "党支部书记"}
        certificate = {"number": f"{who}-certificate", "grade": "intermediate", "issuer": POOL_DIVISION}
        yield _told(HR, "registry", "worker-registered", "2018-06-01", who, {"person": new, "division": COUNTY})
        yield _told(HR, "registry", "engagement-started", "2018-06-01", who, {"person": person, **post})
        yield _told(HR, "registry", "certificate-issued", "2022-03-01", who, {"person": person, **certificate})
        for year in (2023, 2024, 2025):
            passed = {"person": person, "year": year, "outcome": "passed"}
            yield _told(TRAINING, "registry", "inspection-concluded", f"{year}-11-15", who, passed)
        for year in (2023, 2024):
            rated = {"person": person, "year": year, "rating": "competent"}
            yield _told(APPRAISAL, "registry", "annual-rating-recorded", f"{year + 1}-01-20", who, rated)


def nominated(refs: Mapping[str, str]) -> Iterator[Labelled]:
    """Nomination, particulars, screening, admission of each. refs: key → person_ref."""
    for member in PEOPLE:
        who = key_of(member)
        person = {"person": {"person_ref": refs[who]}}
        nomination = {
            "division": POOL_DIVISION,
            "nominated_by": "organisation_recommended",
            "ladder": "near-term",
            "pool": "demo",
        }
        profile = {
            "age_years": 36 + member.number,
            "degree": member.degree,
            "majors": ["party-affairs"],
            "party_joined_on": "2012-07",
            "enterprise_years": 8,
            "title": member.title,
            "departments": 3,
            "listed_post_years": member.post_years,
            "healthy": True,
            "competencies": [
                {"competency": name, "score": score} for name, score in zip(_COMPETENCIES, member.competence, strict=True)
            ],
        }
        yield _told(HR, "talent", "candidate-nominated", "2026-09-01", who, person | nomination)
        yield _told(HR, "talent", "candidate-profiled", "2026-09-02", who, person | profile)
        yield _told(HR, "talent", "candidate-screened", "2026-09-10", who, person)


def admitted(refs: Sequence[str]) -> Iterator[Labelled]:
    """The admission of those who have passed."""
    for ref in refs:
        yield _told(HR, "talent", "candidate-admitted", "2026-09-15", ref, {"person": {"person_ref": ref}})


def appraised(refs: Mapping[str, str]) -> Iterator[Labelled]:
    """The marks of each rater and what was achieved, for the operator's cycle."""
    cycle = {"cycle": CYCLE, "cycle_source": "operator"}
    for member in PEOPLE:
        who = key_of(member)
        about = {"person": {"person_ref": refs[who]}, **cycle}
        for role, rater, more in _RATERS:
            points = max(0, min(100, member.points + more))
            marks = [{"item": item, "hundredths": 100 * points} for item in _QUALITIES]
            given = about | {"role": role, "rater": rater, "marks": marks}
            yield _told(APPRAISAL, "talent", "appraisal-rating-given", "2026-01-20", f"{who}-{rater}", given)
        for item, achieved in (("activities", member.activities), ("members", 3)):
            measured = about | {"item": item, "achieved": achieved}
            yield _told(APPRAISAL, "talent", "appraisal-result-measured", "2026-01-21", f"{who}-{item}", measured)
