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
from contracts.certification import CertificationStandard, CertificationStandardCited, WaivedCriterion
from contracts.certification import CriterionResult as EligibilityResult
from contracts.operations import ActConfirmed, ActProposed, ActWithdrawn, MessageParked, ParkedDiscarded, ParkedRetried
from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.payment import (
    BankAnswered,
    BankFileMatched,
    Break,
    BreakSettled,
    PayoutBooked,
    PayoutCancelled,
    PayoutInstructed,
    PayoutPart,
    PayoutPrepared,
    PayoutQuestioned,
    PayoutReissued,
    PayoutReturned,
    PayoutSettled,
    PeriodClosed,
    PeriodTotal,
    RecoveryOffset,
    RecoveryOpened,
    RecoveryPaid,
    RunCancelled,
    RunChange,
    RunChecked,
    RunCleared,
    RunClosed,
    RunExported,
    RunInstructed,
    RunListed,
    RunPrepared,
    RunSealed,
)
from contracts.policy import PolicyDocument
from contracts.registry import (
    AnnualRatingRecorded,
    Attachment,
    CertificateChanged,
    CertificateIssued,
    CertificateRecognised,
    CertificationApplied,
    CertificationConcluded,
    CertificationStandardPublished,
    DossierEntryCorrected,
    DossierEntryRecorded,
    EligibilityReviewed,
    EncryptedFields,
    EncryptedIdentity,
    EngagementEnded,
    EngagementStarted,
    FactAbsorbed,
    FactCorrected,
    FactOrigin,
    FactWithdrawn,
    FileAbsorbed,
    InspectionClosed,
    InspectionConcluded,
    InspectionOpened,
    NoticeOpened,
    ObjectionRaised,
    ObjectionResolved,
    PanelReviewed,
    PersonalDataExported,
    PersonalDataUnmasked,
    PersonErased,
    PersonMerged,
    RatingAppealDecided,
    RatingAppealed,
    RegistrationClosed,
    RegistrationReopened,
    RegistrationTransferred,
    Standing,
    Title,
    TrainingTested,
    UnitClosed,
    UnitRegistered,
    WorkerRegistered,
)
from contracts.standard import QualificationStandard
from contracts.talent import (
    Candidacy,
    CandidateAdmitted,
    CandidateFlagged,
    CandidateNominated,
    CandidatePlaced,
    CandidateProfiled,
    CandidateRemoved,
    CandidateScreened,
    CompetencyRating,
    CriterionResult,
    Profile,
    StandardCited,
    StandardPublished,
)
from contracts.talent import FactHeard as TalentFactHeard
from tests.contracts import golden_appraisal, golden_development, golden_staffing

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

_OTHER_PERSON = "p0000000000000000000000000b"
_APPLICATION = "hr/a-1"
_CONTENT = EncryptedFields(key_version=3, fields={"title": "bm90IGEgdGl0bGU=", "text": "bm90IGEgdGV4dA=="})
_ATTACHMENT = Attachment(sha256=_HEX, media_type="application/pdf", size=12_345)


def _happened(number: int, **more: Any) -> dict[str, Any]:
    """What every event of a person says that fills no slot."""
    return {"person_ref": _PERSON, "fact": _told(number), **more}


def _told(number: int) -> FactOrigin:
    return FactOrigin(source="hr", id=f"m-{number}", occurred_at=datetime(2025, 1, 5, 8, 0, 0, 123456, tzinfo=UTC))


_CERTIFICATION_STANDARD = CertificationStandard.model_validate(
    {
        "document": "certification-1",
        "revision": 2,
        "title": "示例认证标准",
        "title_en": "An example",
        "division": "320100",
        "effective_on": "2025-01-01",
        "status": "example",
        "source": "made up",
        "note": "made up",
        "words": {"grades": ["junior", "senior"], "ratings": ["basic", "excellent"]},
        "grades": [
            {
                "grade": "senior",
                "issuers": ["city", "province"],
                "steward": "city",
                "valid_in": "province",
                "validity_years": 5,
                "promotes_from": "junior",
                "criteria": [
                    {"rule": "years_served", "name": "years", "at_least": 3, "clause": "3.1", "status": "public-fact"},
                    {"rule": "grade_held", "name": "held", "grade": "junior", "years_at_least": 2, "clause": "3.2"},
                    {"rule": "ratings", "name": "ratings", "at_least": "excellent", "count": 2, "of_last": 3, "clause": "3.3"},
                    {"rule": "inspections", "name": "inspections", "of_last": 2, "clause": "3.4"},
                    {"rule": "hours", "name": "training", "at_least": 80, "clause": "3.5"},
                    {"rule": "assessed", "name": "ability", "at_least": 60, "clause": "3.6"},
                    {"rule": "confirmed", "name": "results", "asks": "有突出实绩", "clause": "3.7"},
                ],
                "training": {"hours_at_least": 40, "pass_mark": 60},
                "panel": {"judges_at_least": 5, "pass_mark": 70, "drop_extremes": True},
                "notice_working_days": 5,
            }
        ],
        "waivers": [
            {
                "grade": "senior", "title": "political_work", "level_at_least": "intermediate", "waives": ["ability"],
                "clause": "4.1",
            }
        ],
        "limits": [
            {"rule": "inspections_failed", "count": 2, "of_last": 3, "then": "downgraded", "clause": "5.1"},
            {"rule": "rated_below", "at_least": "basic", "count": 1, "of_last": 1, "then": "suspended", "clause": "5.2"},
            {"rule": "suspended_months", "count": 24, "then": "revoked", "clause": "5.3"},
        ],
    }
)  # fmt: skip
_CERTIFICATION_CITED = CertificationStandardCited(event=_id(110), document="certification-1", revision=2)
_ELIGIBLE = (
    EligibilityResult(
        name="years",
        rule="years_served",
        required="3 full years",
        found="4 full years",
        met=True,
        clause="3.1",
        facts=(_id(2),),
    ),
    EligibilityResult(
        name="ability",
        rule="assessed",
        required="60 points",
        found="55 points",
        met=True,
        clause="3.6",
        evidence=(_HEX,),
        waived=WaivedCriterion(title="political_work", level="intermediate", clause="4.1"),
    ),
)

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

_RUN = {
    "run": "cashier/2024-county",
    "fact": FactOrigin(source="cashier", id="m-20", occurred_at=datetime(2025, 3, 1, 1, 2, 3, tzinfo=UTC)),
    "by": "cashier-1",
}
_PAYOUT = {
    "person_ref": _PERSON,
    "payout": "cashier/2024-county/7",
    "run": "cashier/2024-county",
    "payer": "county",
    "division": "320102",
    "year": 2024,
    "amount_fen": 90_001,
    "parts": (
        PayoutPart(year=2023, instrument="part_time", amount_fen=-6_000, decision=_id(51), tax_unknown_fen=-6_000),
        PayoutPart(year=2024, amount_fen=96_001, decision=_id(52), taxable_fen=96_001),
    ),
}
_RECOVERY = {
    "person_ref": _PERSON,
    "recovery": "county-1",
    "payer": "county",
    "division": "320102",
    "amount_fen": 6_000,
}
_GIVEN_BACK = (PayoutPart(year=2023, amount_fen=6_000, decision=_id(51), tax_unknown_fen=6_000),)
_BREAK = Break(
    key="wrong_amount/8/b-8", kind="wrong_amount", payout="cashier/2024-county/8", reference="b-8", expected_fen=2, found_fen=1
)
_BANK_FILE = {
    "file_sha256": _HEX, "lines": 4, "matched": 1, "matched_fen": 90_001, "returned": 1, "returned_fen": 5, "repeated": 1,
    "broken": 1,
}  # fmt: skip

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

_STANDARD = QualificationStandard.model_validate(
    {
        "document": "standard-1",
        "revision": 2,
        "title": "示例标准",
        "title_en": "An example",
        "division": "320100",
        "effective_on": "2025-01-01",
        "status": "example",
        "source": "made up",
        "note": "made up",
        "words": {"grades": ["junior", "senior"], "ratings": ["basic", "excellent"]},
        "ladders": [{"name": "near-term", "zh": "近期可用", "en": "ready soon", "quota": 10, "status": "example"}],
        "criteria": [
            {"rule": "age", "at_least": 35, "at_most": 55, "clause": "1", "status": "public-fact"},
            {"rule": "degree", "at_least": "bachelor", "clause": "2"},
            {"rule": "major", "among": ["party-affairs", "management"], "clause": "3"},
            {"rule": "party_years", "at_least": 5, "clause": "4"},
            {"rule": "enterprise_years", "at_least": 3, "clause": "5"},
            {"rule": "title", "at_least": "intermediate", "clause": "6"},
            {"rule": "departments", "at_least": 3, "clause": "7"},
            {"rule": "post_years", "at_least": 5, "posts": ["党支部书记"], "clause": "8"},
            {"rule": "health", "clause": "9"},
            {"rule": "competency", "name": "political", "at_least": 4, "clause": "10"},
            {"rule": "current", "months_at_most": 12, "clause": "11"},
            {"rule": "certificate", "at_least": "junior", "clause": "12"},
            {"rule": "ratings", "at_least": "excellent", "count": 2, "of_last": 3, "clause": "13"},
            {"rule": "inspections", "of_last": 2, "clause": "14"},
        ],
    }
)
_CANDIDACY = Candidacy(nomination=_id(80), division="320102", ladder="near-term", pool="pool-2025")
_CITED = StandardCited(event=_id(79), document="standard-1", revision=2)
_CRITERION = CriterionResult(
    name="certificate",
    required="junior or above, valid on 2025-03-01",
    found="junior of 2025-01-04",
    met=True,
    facts=(_id(4),),
    clause="12",
)


def _candidate(number: int) -> dict[str, Any]:
    """What every event of a candidacy says beside its own."""
    origin = FactOrigin(source="hr", id=f"c-{number}", occurred_at=datetime(2025, 3, 1, 8, 0, tzinfo=UTC))
    return {"person_ref": _PERSON, "origin": origin, "candidacy": _CANDIDACY}


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
    RegistrationTransferred(
        **_recorded(101, "transfer/hr/t-1"),
        particulars=Transfer(
            key="t-1", division="320104", managing_unit="县委组织部", posting_unit="第八党支部", serving_unit="unit 8"
        ),
    ),
    RegistrationClosed(
        **_recorded(102, "registration-status/hr/s-1"),
        particulars=RegistrationStatus(key="s-1", status="closed", reason="retired"),
    ),
    RegistrationReopened(
        **_recorded(103, "registration-status/hr/s-2"),
        particulars=RegistrationStatus(key="s-2", status="reopened", reason="returned"),
    ),
    CertificateChanged(
        **_recorded(104, "certificate-change/hr/cc-1"),
        particulars=CertificateChange(key="cc-1", number="C-2025/1", change="downgraded", grade="junior", reason="年检未通过"),
    ),
    CertificateRecognised(
        **_recorded(105, "recognition/C-2025/1/320200"), particulars=Recognition(number="C-2025/1", division="320200")
    ),
    FactAbsorbed(**_recorded(106, "rating/2024"), absorbed_from=_OTHER_PERSON, absorbs=_id(5), particulars=_RATING),
    FileAbsorbed(**_happened(127), files=(_OTHER_PERSON,), reason="one person in two files"),
    PersonMerged(
        **{**_recorded(107, "rating/2024"), "standings": (Standing(slot="rating/2024", fact=None),)},
        into=_OTHER_PERSON,
        reason="one person in two files",
    ),
    CertificationApplied(
        **_happened(108),
        application=_APPLICATION,
        grade="senior",
        issuer="320100",
        titles=(Title(field="political_work", level="intermediate"),),
        standard=_CERTIFICATION_CITED,
        promotes="C-2025/1",
    ),
    EligibilityReviewed(**_happened(109), application=_APPLICATION, result="passed", criteria=_ELIGIBLE),
    TrainingTested(
        **_happened(111), application=_APPLICATION, result="passed", hours=48, hours_required=40, score=88, pass_mark=60
    ),
    PanelReviewed(
        **_happened(112),
        application=_APPLICATION,
        result="passed",
        scores=(70, 80, 85, 90, 99),
        mean_hundredths=8_500,
        pass_mark=70,
    ),
    NoticeOpened(
        **_happened(113), application=_APPLICATION, working_days=5, ends_on=date(2025, 3, 14), calendar="example-calendar 1"
    ),
    ObjectionRaised(**_happened(114), application=_APPLICATION, objection="hr/o-1", grounds="业绩材料有出入", days_left=2),
    ObjectionResolved(
        **_happened(115),
        application=_APPLICATION,
        objection="hr/o-1",
        outcome="dismissed",
        finding="经核查属实",
        ends_on=date(2025, 3, 21),
        calendar="given",
    ),
    CertificationConcluded(
        **_happened(116),
        application=_APPLICATION,
        outcome="granted",
        stage="public_notice",
        reason="notice ended without objection",
        certificate="C-2025/2",
    ),
    CertificationStandardPublished(
        document=_CERTIFICATION_STANDARD, text="# 示例\ndocument: certification-1\n", text_sha256=_HEX
    ),
    DossierEntryRecorded(
        **_happened(117), entry="hr/d-1", section="work_history", content=_CONTENT, attachments=(_ATTACHMENT,)
    ),
    DossierEntryCorrected(
        **_happened(118),
        entry="hr/d-1",
        section="work_history",
        corrects=_id(117),
        content=_CONTENT,
        attachments=(_ATTACHMENT,),
        reason="笔误",
    ),
    RatingAppealed(**_happened(119), appeal="hr/p-1", year=2024, against=_id(5), grounds="漏计一项实绩"),
    RatingAppealDecided(**_happened(120), appeal="hr/p-1", year=2024, outcome="upheld", rating="excellent", reason="申诉成立"),
    PersonalDataUnmasked(**_happened(121), fields=("name", "phone"), by="operator-7", reason="核对身份"),
    PersonErased(**_happened(122), by="operator-7", reason="本人申请", keys=2, index_entries=3),
    PersonalDataExported(
        fact=_told(127),
        purpose="payment-run cashier/2024-1",
        fields=("name", "bank_account"),
        people=28,
        list_sha256=_HEX,
        by="operator-7",
        reason="代发津贴",
    ),
    UnitRegistered(
        fact=_told(123),
        unit="hr/u-1",
        title="示例街道第七党支部",
        division="320102",
        credit_code="12320102MB0000000X",
        parent="hr/u-0",
    ),
    UnitClosed(fact=_told(124), unit="hr/u-1", reason="撤并"),
    InspectionOpened(
        fact=_told(125), division="320100", year=2024, closes_on=date(2025, 3, 31), items=("duties", "discipline")
    ),
    InspectionClosed(fact=_told(126), division="320100", year=2024, rest="missed"),
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
    RunPrepared(**_RUN, division="320100", payer="county", year=2024),
    RunListed(run="cashier/2024-county", count=9, total_fen=900_009),
    RunChecked(
        **{**_RUN, "by": "reviewer-1"},
        outcome="approved",
        position=77,
        changed=1,
        changes=(RunChange(payout="cashier/2024-county/9", person_ref=_PERSON, prepared_fen=10, due_fen=0, why="nothing-due"),),
        count=8,
        total_fen=899_999,
        reason="an example",
    ),
    RunCleared(run="cashier/2024-county", count=8, total_fen=899_999),
    RunSealed(**_RUN, count=8, total_fen=899_999, list_sha256=_HEX, position=80, root=_HEX),
    RunExported(
        **_RUN,
        format="xlsx",
        message_id="cashier/2024-county",
        file_sha256=_HEX,
        count=8,
        total_fen=899_999,
        list_sha256=_HEX,
        payees_sha256=_HEX,
        record=_id(70),
    ),
    RunInstructed(**_RUN, message_id="MSG-2024-county", file_sha256=_HEX, count=8, total_fen=899_999),
    RunCancelled(**_RUN, reason="an example"),
    RunClosed(run="cashier/2024-county", settled=7, settled_fen=899_994, returned=1, returned_fen=5),
    PayoutPrepared(**_PAYOUT, taxable_fen=96_001, tax_unknown_fen=-6_000),
    PayoutCancelled(**_PAYOUT, why="due-changed"),
    PayoutInstructed(**_PAYOUT),
    PayoutSettled(**_PAYOUT, answer="b-7"),
    PayoutReturned(**_PAYOUT, answer="b-9", reason="account closed", settled_before=True),
    PayoutReissued(
        person_ref=_PERSON,
        payout="cashier/2024-county/7",
        run="cashier/2024-county",
        by_payout="cashier/2024-again/1",
        by_run="cashier/2024-again",
    ),
    PayoutQuestioned(**_PAYOUT, key="wrong_amount/7/b-7", kind="wrong_amount", answer="b-7", found_fen=30_000),
    PayoutBooked(
        **(_PAYOUT | {"amount_fen": -6_000}),
        key="wrong_amount/7/b-7",
        paid_fen=30_000,
        fact=_RUN["fact"],
        by="reviewer-1",
    ),
    RecoveryOpened(
        **_RECOVERY,
        parts=(PayoutPart(year=2023, amount_fen=-6_000, decision=_id(51), tax_unknown_fen=-6_000),),
        because=_id(51),
        fact=_RUN["fact"],
        by="cashier-1",
        reason="has left",
    ),
    RecoveryOffset(**_RECOVERY, parts=_GIVEN_BACK),
    RecoveryPaid(**_RECOVERY, parts=_GIVEN_BACK, fact=_RUN["fact"], by="cashier-1"),
    BankAnswered(
        **_RUN,
        **_BANK_FILE,
        part=1,
        parts=2,
        results_sha256=_HEX,
        reversed=1,
        reversed_fen=5,
        breaks=(_BREAK,),
    ),
    BankFileMatched(
        **_BANK_FILE,
        run="cashier/2024-county",
        missing=1,
        breaks=(
            Break(
                key="missing/6",
                kind="missing",
                payout="cashier/2024-county/6",
                reference=None,
                expected_fen=3,
                found_fen=None,
            ),
        ),
    ),
    BreakSettled(**_RUN, key=_BREAK.key, state="assigned", owner="clerk-2", note="asked the bank"),
    PeriodClosed(
        fact=_RUN["fact"],
        by="reviewer-1",
        month="2025-03",
        position=90,
        root=_HEX,
        transfers=2,
        totals=(
            PeriodTotal(account="entitlement", payer="county", debit_fen=96_001, credit_fen=0),
            PeriodTotal(account="payable", payer="county", debit_fen=0, credit_fen=96_001),
        ),
    ),
    TalentFactHeard(
        person_ref=_PERSON,
        heard=_id(4),
        heard_type="registry.certificate-issued.v1",
        position=4,
        origin=FactOrigin(source="hr", id="m-4", occurred_at=datetime(2025, 1, 5, 8, 0, tzinfo=UTC)),
        particulars=_CERTIFICATE,
        standings=(Standing(slot="certificate/C-2025/1", fact=_id(4)),),
    ),
    StandardPublished(document=_STANDARD, text="# 示例\ndocument: standard-1\n", text_sha256=_HEX),
    CandidateNominated(**_candidate(1), nominated_by="reserve_recommended"),
    CandidateProfiled(
        person_ref=_PERSON,
        origin=FactOrigin(source="hr", id="c-2", occurred_at=datetime(2025, 3, 1, 8, 0, tzinfo=UTC)),
        profile=Profile(
            age_years=40,
            degree="master",
            majors=("management",),
            party_joined_on="2010-07",
            enterprise_years=12,
            title="intermediate",
            departments=4,
            listed_post_years=6,
            healthy=True,
            competencies=(CompetencyRating(competency="political", score=5),),
        ),
    ),
    CandidateScreened(**_candidate(3), result="passed", standard=_CITED, criteria=(_CRITERION,), digest=_HEX),
    CandidateAdmitted(**_candidate(4), standard=_CITED, quota=10, taken=3),
    CandidateFlagged(
        person_ref=_PERSON,
        candidacy=_CANDIDACY,
        result="failed",
        standard=_CITED,
        screened_on=date(2025, 6, 1),
        criteria=(_CRITERION.model_copy(update={"found": "none", "met": False, "facts": ()}),),
        because=_id(8),
        digest=_HEX,
    ),
    CandidateRemoved(**_candidate(5), reason="no_longer_qualified"),
    CandidatePlaced(
        **_candidate(6),
        engagement=f"talent-{_id(86)}",
        category="secretary",
        unit="第七党支部",
        post="书记",
        full_time=True,
        entry_channel="dispatched",
    ),
    *golden_development.SAMPLES,
    *golden_staffing.SAMPLES,
    *golden_appraisal.SAMPLES,
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
    ActProposed(
        act="intake.policy-published.v1",
        said={"id": "policy-1", "type": "intake.policy-published.v1", "data": {"text": "document: example-1\n"}},
        sha256=_HEX,
        by="policy",
        until=datetime(2026, 1, 31, 8, 0, tzinfo=UTC),
    ),
    ActConfirmed(proposal=_id(71), sha256=_HEX, by="reviewer"),
    ActWithdrawn(proposal=_id(71), by="policy", reason="another draft"),
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
