"""A made-up policy, and a made-up worker's facts as the registry tells them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementStart,
    Particulars,
    RatingResult,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.registry import FactOrigin, Standing
from services.allowance.decider import Hear
from services.allowance.engine import PolicyInForce
from services.allowance.policy import read_policy
from tests.support import event_id

__all__ = [
    "CHANGTU",
    "POLICY_EVENT",
    "REF",
    "certified",
    "changed",
    "closed",
    "engaged",
    "hear",
    "moved",
    "policy",
    "policy_text",
    "rated",
    "registered",
    "reopened",
    "withdrawn",
]

CHANGTU = (Path(__file__).parents[2] / "policies" / "changtu-2021.yaml").read_text(encoding="utf-8")
REF = "p" + "0" * 26
POLICY_EVENT = event_id(900)


def policy_text(
    *,
    name: str = "example",
    revision: int = 1,
    excellent: int = 100_000,
    first: int = 2021,
    last: int = 2024,
    division: str = "320100",
    certificate: bool = False,
) -> str:
    """A policy by rating alone; city and county share it 60 to 40, the county takes the odd fen.

    certificate: also asks for one, pays by the month, and has the county pay all of it in 320104.
    """
    rule = "\n  - {rule: certificate, clause: '4'}" if certificate else ""
    grades = "\n  grades: [{word: junior, zh: 初级}, {word: senior, zh: 高级}]" if certificate else ""
    moved_to = "\n      - {division: 320104, shares: [{payer: county, percent: 100}]}" if certificate else ""
    return f"""\
document: {name}
revision: {revision}
title: 示例办法
division: {division}
issued_on: 2021-01-01
effective: {{first_day: {first}-01-01, last_day: {last}-12-31}}
source: made up for a test
vocabulary:
  ratings:
    - {{word: excellent, zh: 优秀}}
    - {{word: competent, zh: 称职}}
    - {{word: basic, zh: 基本称职}}{grades}
eligibility:
  - {{rule: engaged, clause: "2"}}
  - {{rule: rating, at_least: competent, clause: "3"}}{rule}
payers:
  - {{name: city, zh: 市}}
  - {{name: county, zh: 县}}
lines:
  - name: base
    zh: 津贴
    clause: "5"
    period: annual
    prorated: {"true" if certificate else "false"}
    by: [rating]
    amounts:
      - {{rating: excellent, amount_fen: {excellent}}}
      - {{rating: competent, amount_fen: 50001}}
    paid_by:{moved_to}
      - shares: [{{payer: city, percent: 60}}, {{payer: county, percent: 40}}]
        remainder: county
"""


def policy(event: str = POLICY_EVENT, **how: Any) -> PolicyInForce:
    return PolicyInForce(event, read_policy(policy_text(**how)))


def hear(
    n: int, says: Particulars | None, standings: Sequence[Standing] | None = None, *, on: str = "2022-01-10", ref: str = REF
) -> Hear:
    """Registry event n about a worker. standings: if not given, the fact stands in its own slot."""
    if standings is None:
        assert says is not None
        standings = (Standing(slot=says.slot("hr"), fact=event_id(n)),)
    origin = FactOrigin(source="hr", id=f"m{n}", occurred_at=datetime(2022, 1, 10, tzinfo=UTC))
    return Hear(ref, event_id(n), "registry.example.v1", n, origin, date.fromisoformat(on), says, tuple(standings))


def registered(n: int = 1, division: str = "320102", **how: Any) -> Hear:
    return hear(n, Registration(division=division), **({"on": "2020-06-01"} | how))


def engaged(n: int = 2, on: str = "2020-06-01", **how: Any) -> Hear:
    return hear(n, EngagementStart(engagement="e1", category="secretary", unit="u", post="p"), on=on, **how)


def rated(n: int = 3, rating: str = "excellent", year: int = 2021, **how: Any) -> Hear:
    return hear(n, RatingResult(year=year, rating=rating), **({"on": f"{year + 1}-01-10"} | how))


def certified(n: int = 10, grade: str = "junior", *, number: str = "c1", on: str = "2020-06-01", **how: Any) -> Hear:
    return hear(n, Certificate(number=number, grade=grade, issuer="320102"), on=on, **how)


def changed(n: int, what: Any, on: str, grade: str | None = None, *, number: str = "c1", **how: Any) -> Hear:
    return hear(n, CertificateChange(key=f"k{n}", number=number, change=what, grade=grade, reason="made up"), on=on, **how)


def closed(n: int, on: str, **how: Any) -> Hear:
    return hear(n, RegistrationStatus(key=f"s{n}", status="closed", reason="left"), on=on, **how)


def reopened(n: int, on: str, **how: Any) -> Hear:
    return hear(n, RegistrationStatus(key=f"s{n}", status="reopened", reason="returned"), on=on, **how)


def moved(n: int, on: str, division: str = "320104", **how: Any) -> Hear:
    return hear(n, Transfer(key=f"t{n}", division=division), on=on, **how)


def withdrawn(n: int, slot: str, **how: Any) -> Hear:
    """A withdrawal that leaves nothing in a slot."""
    return hear(n, None, (Standing(slot=slot, fact=None),), **how)
