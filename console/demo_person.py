"""One made-up person's whole way through certification, for the demo: what is published, in which order, and when it goes on.

Application to certificate with an objection that is dismissed, promotion with a waiver, a failed inspection, suspension,
reinstatement. Nobody here exists. The days lie in years whose working days are known; the registry passes the deadlines itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from console.demo_data import APPRAISAL, HR, TRAINING, Labelled, made_up_resident_id
from contracts.intake import fact_subject

__all__ = ["CITY", "COUNTY", "KEY", "Chapter", "changes", "chapters"]

KEY = "way-1"
"""The HR system's own key of the person."""
COUNTY, CITY = "320102", "320100"

Seal = Callable[[Mapping[str, str]], str]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Messages that are handled before the next chapter begins. certificates: how many the person then has been issued."""

    zh: str
    en: str
    messages: tuple[Labelled, ...]
    certificates: int


class _Teller:
    """Numbers the messages: each is recorded in the evening of the day on which it is true."""

    def __init__(self, first: int = 1) -> None:
        self._number = first - 1

    def tell(self, source: str, fact: str, on: str, said: Mapping[str, Any]) -> Labelled:
        self._number += 1
        message_id = f"way-{self._number:02}-{fact}"
        kind = f"intake.{fact}.v1"
        person = {} if fact == "worker-registered" else {"person": {"source_key": KEY, "key_source": HR}}
        envelope = {
            "specversion": "1.0",
            "id": message_id,
            "source": source,
            "type": kind,
            "time": f"{on}T10:{self._number:02}:00Z",
            "effectiveon": on,
            "data": {**person, **said},
        }
        subject = fact_subject(source, "registry", kind)
        return Labelled(orjson.dumps(envelope), subject, message_id, source, "accepted", fact)


def chapters(seal: Seal) -> tuple[Chapter, ...]:
    """The whole way, chapter by chapter."""
    told = _Teller()
    return (
        _registered(told, seal),
        Chapter("申请初级", "applies for junior", _applied(told), 0),
        Chapter("公示、异议不成立", "public notice, an objection dismissed", _noticed(told), 1),
        Chapter("晋升中级", "promoted to intermediate", _promoted(told), 2),
        Chapter("年检不合格", "fails the annual inspection", _inspected(told), 2),
    )


def _registered(told: _Teller, seal: Seal) -> Chapter:
    identity = {"name": "示例甲", "resident_id": made_up_resident_id("320199", 7_000_001)}
    person = {"identity": seal(identity), "source_key": KEY}
    engaged = {"engagement": "way-post", "category": "secretary", "unit": "示例社区党委", "post": "书记"}
    messages = [
        told.tell(HR, "worker-registered", "2021-06-01", {"person": person, "division": COUNTY}),
        told.tell(HR, "engagement-started", "2021-06-01", engaged),
    ]
    for year in (2023, 2024):
        messages += _year(told, year)
    return Chapter("登记、任职", "registered, engaged", tuple(messages), 0)


def _year(told: _Teller, year: int) -> list[Labelled]:
    return [
        told.tell(TRAINING, "inspection-concluded", f"{year}-11-15", {"year": year, "outcome": "passed"}),
        told.tell(APPRAISAL, "annual-rating-recorded", f"{year + 1}-01-20", {"year": year, "rating": "competent"}),
    ]


def _applied(told: _Teller) -> tuple[Labelled, ...]:
    """The test comes before the review: it waits, and is taken when the review is there."""
    application = {"application": "way-junior", "application_source": HR}
    findings = [{"criterion": "trained", "hours": 32}, {"criterion": "recommended", "confirmed": True}]
    return (
        told.tell(
            HR, "certification-applied", "2025-03-03", {"application": "way-junior", "grade": "junior", "issuer": COUNTY}
        ),
        told.tell(TRAINING, "training-tested", "2025-03-20", {**application, "hours": 32, "score": 81}),
        told.tell(HR, "eligibility-reviewed", "2025-03-10", {**application, "findings": findings}),
        told.tell(APPRAISAL, "panel-reviewed", "2025-04-02", {**application, "scores": [78, 84, 80]}),
    )


def _noticed(told: _Teller) -> tuple[Labelled, ...]:
    application = {"application": "way-junior", "application_source": HR}
    objection = {**application, "objection": "way-objection"}
    return (
        told.tell(HR, "notice-opened", "2025-04-07", application),
        told.tell(HR, "objection-raised", "2025-04-08", {**objection, "grounds": "反映任职时间不足一年"}),
        told.tell(
            HR, "objection-resolved", "2025-04-14", {**objection, "outcome": "dismissed", "finding": "经核实，任职已满三年"}
        ),
    )


def _promoted(told: _Teller) -> tuple[Labelled, ...]:
    application = {"application": "way-intermediate", "application_source": HR}
    applied = {
        "application": "way-intermediate",
        "grade": "intermediate",
        "issuer": CITY,
        "titles": [{"field": "political_work", "level": "intermediate"}],
    }
    reviewed = {**application, "findings": [{"criterion": "ability", "points": 82}], "waive": ["held", "trained"]}
    return (
        *_year(told, 2025),
        told.tell(HR, "certification-applied", "2026-03-02", applied),
        told.tell(HR, "eligibility-reviewed", "2026-03-09", reviewed),
        told.tell(TRAINING, "training-tested", "2026-03-20", {**application, "hours": 44, "score": 77}),
        told.tell(APPRAISAL, "panel-reviewed", "2026-04-01", {**application, "scores": [75, 79, 83]}),
        told.tell(HR, "notice-opened", "2026-04-07", application),
    )


def _inspected(told: _Teller) -> tuple[Labelled, ...]:
    failed = {
        "year": 2026,
        "outcome": "failed",
        "checked": [{"item": "documents", "in_order": True}, {"item": "training_hours", "in_order": False}],
    }
    return (told.tell(TRAINING, "inspection-concluded", "2026-09-10", failed),)


def changes(number: str) -> Chapter:
    """The suspension that follows the failed inspection, and the reinstatement. number: as the registry has given it."""
    told = _Teller(first=50)
    suspended = {"key": "way-suspended", "number": number, "change": "suspended", "reason": "年检不合格，限期整改"}
    reinstated = {"key": "way-reinstated", "number": number, "change": "reinstated", "reason": "补足学时，整改合格"}
    messages = (
        told.tell(HR, "certificate-changed", "2026-09-11", suspended),
        told.tell(HR, "certificate-changed", "2026-11-05", reinstated),
    )
    return Chapter("证书暂停、恢复", "suspended, reinstated", messages, 2)
