"""Golden files: one written sample of the data of each event type, as it stands in logs for ever.

``python -m tests.contracts.golden`` (``make golden``) adds a file for each type that has none yet, from the sample below, and
never touches one that is there. A new event needs a sample; a changed one needs a new version, not a new golden file.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from contracts.allowance import (
    Decision,
    EntitlementAdjusted,
    EntitlementDecided,
    FactHeard,
    FactUsed,
    Line,
    PayerAmount,
    PolicyCited,
    PolicyPublished,
    Predicate,
)
from contracts.base import LogEvent
from contracts.operations import MessageParked, ParkedDiscarded, ParkedRetried
from contracts.particulars import Certificate, EngagementEnd, EngagementStart, InspectionResult, RatingResult, Registration
from contracts.policy import PolicyDocument
from contracts.registry import (
    AnnualRatingRecorded,
    CertificateIssued,
    EncryptedIdentity,
    EngagementEnded,
    EngagementStarted,
    FactCorrected,
    FactOrigin,
    FactWithdrawn,
    InspectionConcluded,
    Standing,
    WorkerRegistered,
)

__all__ = ["FOLDER", "SAMPLES", "add_missing", "goldens"]

FOLDER = Path(__file__).parent / "golden"

_PERSON = "p0000000000000000000000000a"
_HEX = "0123456789abcdef" * 4


def _id(number: int) -> str:
    return f"01977000-0000-7000-8000-{number:012d}"


def _recorded(number: int, slot: str, **more: Any) -> dict[str, Any]:
    """What every event of the registry says beside its own."""
    origin = FactOrigin(source="hr", id=f"m-{number}", occurred_at=datetime(2025, 1, 5, 8, 0, 0, 123456, tzinfo=UTC))
    standings = (Standing(slot=slot, fact=_id(number), contradicted_by=(_id(99),)),)
    return {"person_ref": _PERSON, "fact": origin, "standings": standings, **more}


_REGISTRATION = Registration(
    division="320102", managing_unit="县委组织部", posting_unit="第七党支部", serving_unit="unit 7", civil_servant=True
)
_START = EngagementStart(
    engagement="e-1", category="deputy_secretary", unit="unit 7", post="副书记", full_time=False, entry_channel="recruited"
)
_CERTIFICATE = Certificate(number="C-2025/1", grade="junior", issuer="320102", expires_on=date(2030, 1, 4))
_RATING = RatingResult(year=2024, rating="excellent")
_IDENTITY = EncryptedIdentity(key_version=3, fields={"name": "bm90IGEgbmFtZQ==", "resident_id": "bm90IGFuIElE"}, mark=_HEX[:32])

_DECISION = Decision(
    year=2024,
    division="320102",
    decision="granted",
    amount_fen=240_001,
    predicates=(
        Predicate(name="rating", required="competent or above", found="excellent", met=True, facts=(_id(5),), clause="4.5"),
    ),
    lines=(
        Line(
            name="base",
            arithmetic="240001 fen x 12/12 months = 240001 fen",
            amount_fen=240_001,
            shares=(PayerAmount(payer="city", amount_fen=144_000), PayerAmount(payer="county", amount_fen=96_001)),
            clause="5.1",
            status="example",
            taxable=True,
        ),
    ),
    payers=(PayerAmount(payer="city", amount_fen=144_000), PayerAmount(payer="county", amount_fen=96_001)),
    policy=PolicyCited(event=_id(50), document="example-1", title="示例办法", clause="5.1"),
    facts=(FactUsed(fact=_id(5), effective_on=date(2025, 1, 4), particulars=_RATING),),
    warnings=("an example of a warning",),
)

_POLICY = PolicyDocument.model_validate(
    {
        "document": "example-1",
        "revision": 2,
        "title": "示例办法",
        "title_en": "An example",
        "division": "320100",
        "issued_on": "2024-01-01",
        "effective": {"first_day": "2024-01-01", "last_day": "2024-12-31"},
        "status": "example",
        "source": "made up",
        "note": "made up",
        "vocabulary": {
            "ratings": [{"word": "excellent", "zh": "优秀", "en": "excellent", "status": "public-fact"}],
            "grades": [{"word": "junior", "zh": "初级"}],
            "categories": [{"word": "secretary", "zh": "书记"}],
        },
        "eligibility": [
            {"rule": "category", "among": ["secretary"], "clause": "4.1"},
            {"rule": "engaged", "clause": "4.2"},
            {"rule": "full_time", "clause": "4.3"},
            {"rule": "not_civil_servant", "clause": "4.4"},
            {"rule": "certificate", "at_least": "junior", "clause": "4.5"},
            {"rule": "inspection", "clause": "4.6"},
            {"rule": "rating", "at_least": "excellent", "clause": "4.7"},
        ],
        "payers": [{"name": "city", "zh": "市"}, {"name": "county", "zh": "县", "en": "county"}],
        "lines": [
            {
                "name": "base",
                "zh": "津贴",
                "en": "allowance",
                "clause": "5.1",
                "period": "monthly",
                "prorated": False,
                "by": ["category", "grade", "rating", "full_time", "division"],
                "amounts": [
                    {
                        "category": "secretary", "grade": "junior", "rating": "excellent", "full_time": True,
                        "division": "320102", "amount_fen": 20_000,
                    }
                ],
                "others": "nothing",
                "paid_by": [
                    {
                        "grade": "junior", "division": "320102",
                        "shares": [{"payer": "city", "percent": 60}, {"payer": "county", "percent": 40}],
                        "remainder": "county",
                    }
                ],
                "taxable": False,
                "status": "example",
            }
        ],
        "cap": {"amount_fen": 500_000, "clause": "6"},
        "rounding": {"to": "yuan", "how": "down"},
        "settings": {
            "basic": "reduced", "basic_percent": 50, "promotion": "grade_at_year_end", "leaving": "nothing",
            "failed_inspection": "from_next_month", "deputy_secretary": "paid", "two_posts": "later",
            "decided_when": "engaged", "month_counts_when": "whole_month", "late_rating": "within_years",
            "late_rating_years": 2,
        },
    }
)  # fmt: skip

SAMPLES: tuple[LogEvent, ...] = (
    WorkerRegistered(**_recorded(1, "registration"), particulars=_REGISTRATION, identity=_IDENTITY),
    EngagementStarted(**_recorded(2, "engagement-start/hr/e-1"), particulars=_START),
    EngagementEnded(**_recorded(3, "engagement-end/hr/e-1"), particulars=EngagementEnd(engagement="e-1", reason="term_ended")),
    CertificateIssued(**_recorded(4, "certificate/C-2025/1"), particulars=_CERTIFICATE),
    AnnualRatingRecorded(**_recorded(5, "rating/2024"), particulars=_RATING),
    InspectionConcluded(**_recorded(6, "inspection/2024"), particulars=InspectionResult(year=2024, outcome="missed")),
    FactCorrected(
        **_recorded(7, "registration"), corrects=_id(1), particulars=_REGISTRATION, identity=_IDENTITY, reason="笔误"
    ),
    FactWithdrawn(
        **{**_recorded(8, "rating/2024"), "standings": (Standing(slot="rating/2024", fact=None),)},
        withdraws=_id(5),
        reason="sent in error",
    ),
    FactHeard(
        person_ref=_PERSON,
        heard=_id(5),
        heard_type="registry.annual-rating-recorded.v1",
        position=5,
        origin=FactOrigin(source="hr", id="m-5", occurred_at=datetime(2025, 1, 5, 8, 0, tzinfo=UTC)),
        particulars=_RATING,
        standings=(Standing(slot="rating/2024", fact=_id(5)),),
    ),
    PolicyPublished(document=_POLICY, text="# 示例\ndocument: example-1\n", text_sha256=_HEX),
    EntitlementDecided(
        person_ref=_PERSON, decision=_DECISION, digest=_HEX, difference_fen=240_001, differences=_DECISION.payers
    ),
    EntitlementAdjusted(
        person_ref=_PERSON,
        decision=_DECISION.model_copy(update={"decision": "denied", "amount_fen": 0, "lines": (), "payers": ()}),
        digest=_HEX,
        supersedes=_id(60),
        because=_id(5),
        difference_fen=-240_001,
        differences=(PayerAmount(payer="city", amount_fen=-144_000), PayerAmount(payer="county", amount_fen=-96_001)),
    ),
    MessageParked(
        origin="hr",
        message_id="m-9",
        sha256=_HEX,
        code="rule-failed",
        problem="ValueError while deciding",
        blocks=f"worker-{_PERSON}",
    ),
    ParkedRetried(parked=_id(70), by="operator-7", reason="mended", outcome="retried"),
    ParkedDiscarded(parked=_id(70), by="operator-7", reason="given up"),
)


def goldens(folder: Path = FOLDER) -> dict[str, Any]:
    """Event type → the data of its golden file."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def add_missing(folder: Path = FOLDER) -> list[str]:
    """Write the golden files that are not there, and return their types. Those that are there stay as they are."""
    folder.mkdir(exist_ok=True)
    added = []
    for sample in SAMPLES:
        path = folder / f"{sample.TYPE}.json"
        if not path.exists():
            path.write_text(json.dumps(sample.payload(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
            added.append(sample.TYPE)
    return added


if __name__ == "__main__":
    for name in add_missing():
        print(f"added {name}", file=sys.stderr)
