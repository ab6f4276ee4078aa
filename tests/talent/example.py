"""A standard, and a person whom it asks about, for the tests of the talent service. Nobody here exists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.registry import FactOrigin, Standing
from contracts.talent import CompetencyRating, NominatedBy, Profile, RemovalReason
from services.talent.decider import (
    Admit,
    Around,
    Hear,
    Nominate,
    Place,
    Profiled,
    Remove,
    Screen,
    Stamp,
    StandardKnown,
)
from services.talent.standard import read_standard
from tests.support import NOW, event_id

__all__ = [
    "AROUND",
    "DIVISION",
    "EXAMPLE",
    "FULL",
    "REF",
    "STANDARD_EVENT",
    "admit",
    "around",
    "certified",
    "changed",
    "closed",
    "hear",
    "inspected",
    "moved",
    "nominate",
    "place",
    "profiled",
    "rated",
    "recognised",
    "registered",
    "remove",
    "reopened",
    "screen",
    "standard_text",
    "withdrawn",
]

EXAMPLE = Path(__file__).parents[2] / "standards" / "example-group.yaml"
REF = "p0000000000000000000000000a"
DIVISION = "320102"
STANDARD_EVENT = event_id(900)
CRITERIA = """\
criteria:
  - {rule: age, at_least: 35, at_most: 50, clause: 1}
  - {rule: degree, at_least: bachelor, clause: 2}
  - {rule: competency, name: political, at_least: 4, clause: 3}
  - {rule: certificate, at_least: intermediate, clause: 4}
  - {rule: ratings, at_least: competent, count: 1, of_last: 2, clause: 5}
  - {rule: inspections, of_last: 1, clause: 6}
"""


def standard_text(
    *, document: str = "standard-1", revision: int = 1, division: str = "320100", on: str = "2025-01-01", quota: int | None = 2,
    criteria: str = CRITERIA,
) -> str:  # fmt: skip
    """A short standard of the city, as YAML."""
    seats = "" if quota is None else f", quota: {quota}"
    return (
        f"document: {document}\nrevision: {revision}\ntitle: 标准\ndivision: {division}\neffective_on: {on}\n"
        "source: made up for a test\n"
        f"ladders:\n  - {{name: near-term, zh: 近期{seats}}}\n  - {{name: mid-term, zh: 中期}}\n{criteria}"
    )


def around(*texts: str, taken: int = 0) -> Around:
    """These standards, published in this order."""
    known = tuple(StandardKnown(event_id(900 + n), read_standard(text)) for n, text in enumerate(texts))
    return Around(known, taken)


AROUND = around(standard_text())


def origin(id: str, hour: int = 8) -> FactOrigin:
    return FactOrigin(source="hr", id=id, occurred_at=datetime(2026, 2, 1, hour, tzinfo=UTC))


# --- the registry's facts -----------------------------------------------------------------------------------------------


def hear(
    number: int, says: Particulars | None, on: str, *, slot: str | None = None, fact: int | None = None, stands: bool = True
) -> Hear:
    """The registry's event of that number; from now on it (or ``fact``) stands in its slot, or nothing does."""
    place = slot or (says.slot("hr") if says is not None else "")
    standing = Standing(slot=place, fact=event_id(fact or number) if stands else None)
    day = date.fromisoformat(on)
    return Hear(REF, event_id(number), "registry.a-fact.v1", number, origin(f"m-{number}"), day, says, (standing,))


def registered(number: int = 1) -> Hear:
    return hear(number, Registration(division=DIVISION), "2020-06-01")


def certified(number: int = 2, grade: str = "intermediate", on: str = "2024-05-01", until: str | None = None) -> Hear:
    expires = None if until is None else date.fromisoformat(until)
    return hear(number, Certificate(number=f"C-{number}", grade=grade, issuer="320100", expires_on=expires), on)


def rated(number: int = 3, rating: str = "competent", year: int = 2024, on: str = "2025-01-10") -> Hear:
    return hear(number, RatingResult(year=year, rating=rating), on)


def inspected(number: int = 4, outcome: Any = "passed", year: int = 2025, on: str = "2025-11-01") -> Hear:
    return hear(number, InspectionResult(year=year, outcome=outcome), on)


def changed(number: int, what: Any, on: str, grade: str | None = None, certificate: int = 2) -> Hear:
    """A change of the certificate that was heard as that number."""
    said = CertificateChange(key=f"k-{number}", number=f"C-{certificate}", change=what, grade=grade, reason="made up")
    return hear(number, said, on)


def closed(number: int, on: str) -> Hear:
    return hear(number, RegistrationStatus(key=f"s-{number}", status="closed", reason="left"), on)


def reopened(number: int, on: str) -> Hear:
    return hear(number, RegistrationStatus(key=f"s-{number}", status="reopened", reason="returned"), on)


def moved(number: int, on: str, division: str = "320104") -> Hear:
    return hear(number, Transfer(key=f"t-{number}", division=division), on)


def recognised(number: int, on: str, division: str = "320500", certificate: int = 2) -> Hear:
    return hear(number, Recognition(number=f"C-{certificate}", division=division), on)


def engaged(number: int = 5) -> Hear:
    return hear(number, EngagementStart(engagement="e-1", category="recruited", unit="u", post="p"), "2021-01-01")


def withdrawn(number: int, heard: Hear) -> Hear:
    """The withdrawal of a fact that was heard."""
    return hear(number, None, "2026-02-20", slot=heard.standings[0].slot, stands=False)


# --- acts ---------------------------------------------------------------------------------------------------------------


def stamp(number: int, on: str, received: datetime = NOW) -> Stamp:
    return Stamp(event_id(number), REF, origin(f"a-{number}"), date.fromisoformat(on), received)


def nominate(
    number: int = 101, on: str = "2026-01-10", *, ladder: str = "near-term", pool: str = "pool-1", division: str = DIVISION,
    by: NominatedBy = "reserve_recommended",
) -> Nominate:  # fmt: skip
    return Nominate(stamp(number, on), division, by, ladder, pool)


FULL = Profile(
    age_years=41,
    degree="master",
    majors=("management",),
    party_joined_on="2010-07",
    enterprise_years=9,
    title="intermediate",
    departments=3,
    listed_post_years=5,
    healthy=True,
    competencies=(
        CompetencyRating(competency="political", score=4),
        CompetencyRating(competency="learning", score=4),
        CompetencyRating(competency="coordination", score=4),
        CompetencyRating(competency="organising", score=4),
        CompetencyRating(competency="innovation", score=4),
    ),
)
"""Somebody who meets every criterion of the example."""


def profiled(number: int = 102, on: str = "2026-01-12", profile: Profile = FULL, **changed: Any) -> Profiled:
    return Profiled(stamp(number, on), profile.model_copy(update=changed))


def screen(number: int = 103, on: str = "2026-02-01") -> Screen:
    return Screen(stamp(number, on))


def admit(number: int = 104, on: str = "2026-02-10") -> Admit:
    return Admit(stamp(number, on))


def remove(number: int = 105, on: str = "2026-02-20", reason: RemovalReason = "withdrew") -> Remove:
    return Remove(stamp(number, on), reason)


def place(number: int = 106, on: str = "2026-03-01", post: str = "书记") -> Place:
    return Place(stamp(number, on), "secretary", "第七党支部", post, True, "dispatched")


READY: Sequence[Any] = (registered(), certified(), rated(), inspected(), nominate(), profiled())
"""Everything that a screening asks for."""
