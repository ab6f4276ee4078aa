"""Intake facts: what integrating systems publish on ``intake.<source>.<service>.<fact>``.

A message is an ``IntakeEnvelope`` plus ``type`` and ``data``. ``parse`` reads one in a single pass.

Whom a fact is about is said in one of three ways (``Person``): by ``person_ref``, by the source's own key given at
registration, or by a sealed resident ID. Identity travels only sealed: a JWE (RFC 7516, compact, ECDH-ES with A256GCM)
to the registry's public key, whose plain text is an ``Identity`` as JSON.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from contracts.appraisal_intake import APPRAISAL_TYPES, AppraisalMessage
from contracts.base import (
    INTEGER_MAX,
    LINE_PATTERN,
    PARAGRAPHS_PATTERN,
    Actor,
    BusinessDay,
    Category,
    DivisionCode,
    DocumentText,
    EntryChannel,
    EventId,
    Fact,
    Fen,
    Grade,
    Key,
    KnownPerson,
    LongText,
    PersonRef,
    Rating,
    ShortText,
    SourceName,
    Year,
)
from contracts.certification import CriterionName, TitleField, TitleLevel
from contracts.development_intake import DEVELOPMENT_TYPES, DevelopmentMessage
from contracts.duplicates import duplicate_of
from contracts.envelope import IntakeEnvelope, MessageId
from contracts.extent import INTAKE_DEPTH_MAX, INTAKE_VALUES_MAX
from contracts.names import NAME_CHARACTERS_MAX, normal_name
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
from contracts.payment import Month, Payer, WhyLeftOut
from contracts.registry import DossierSection
from contracts.resident_id import check_resident_id
from contracts.staffing_intake import STAFFING_TYPES, StaffingMessage
from contracts.standard import LadderName, Major
from contracts.talent import CompetencyRating, NominatedBy, Profile, RemovalReason

__all__ = [
    "FACT_TYPES",
    "INTAKE_BYTES_MAX",
    "INTAKE_DEPTH_MAX",
    "INTAKE_VALUES_MAX",
    "ActConfirmed",
    "ActWithdrawn",
    "AnnualRatingRecorded",
    "AttachmentNamed",
    "BankResult",
    "BreakSettled",
    "CandidateAdmitted",
    "CandidateNominated",
    "CandidatePlaced",
    "CandidateProfiled",
    "CandidateRemoved",
    "CandidateScreened",
    "CertificateChanged",
    "CertificateIssued",
    "CertificateRecognised",
    "CertificationApplied",
    "CertificationStandardPublished",
    "CertificationWithdrawn",
    "DossierContent",
    "DossierEntryCorrected",
    "DossierEntryRecorded",
    "DuplicateConfirmed",
    "EligibilityReviewed",
    "EngagementEnded",
    "EngagementStarted",
    "FactCorrected",
    "FactId",
    "FactWithdrawn",
    "Finding",
    "HeldTitle",
    "Identity",
    "InspectionClosed",
    "InspectionConcluded",
    "InspectionOpened",
    "IntakeMessage",
    "KnownPerson",
    "NoticeOpened",
    "ObjectionRaised",
    "ObjectionResolved",
    "PanelReviewed",
    "ParkedDiscard",
    "ParkedRetry",
    "PaymentResultsReported",
    "PaymentRunCancelled",
    "PaymentRunChecked",
    "PaymentRunExported",
    "PaymentRunInstructed",
    "PaymentRunPrepared",
    "PaymentRunSealed",
    "PeriodClosed",
    "Person",
    "PersonErased",
    "PersonalDataExported",
    "PersonalDataUnmasked",
    "PolicyPublished",
    "QualificationStandardPublished",
    "RatingAppealDecided",
    "RatingAppealed",
    "RecoveryDemanded",
    "RecoveryPaid",
    "Registrant",
    "RegistrationClosed",
    "RegistrationReopened",
    "RegistrationTransferred",
    "TrainingTested",
    "UnitClosed",
    "UnitRegistered",
    "WorkerRegistered",
    "fact_subject",
    "get_ready",
    "message_named",
    "parse",
    "publishing_id",
]

INTAKE_BYTES_MAX = 64 * 1024
"""Bytes of one intake message, envelope included. A longer one is parked with a receipt."""
DIGEST_CHARACTERS = 32
"""Hex digits of the digest in a publishing id."""

SealedIdentity = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$", max_length=8192
    ),
]
"""JWE compact serialisation (RFC 7516 section 7.1)."""


class Identity(Fact):
    """The plain text inside a sealed identity. It never stands on a stream.

    name: as on the card, normalised by the rule of ``contracts.names``: spaces of any width become one, invisible characters
    go, dots between names become U+00B7; characters of private use and unassigned ones are refused (``name-unwritable``).
    resident_id: 公民身份号码, GB 11643-1999, 18 characters; its check character must be right.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARACTERS_MAX), AfterValidator(normal_name)]
    resident_id: Annotated[str, AfterValidator(check_resident_id)]
    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+ -]{5,20}$")] | None = None
    bank_account: Annotated[str, StringConstraints(pattern=r"^[0-9]{8,30}$")] | None = None


class Person(Fact):
    """Whom a fact is about: exactly one of person_ref, source_key, identity.

    source_key: a key given when the person was registered; key_source: the source that gave it (the publishing source
    if left out). identity: a sealed ``{"resident_id": …}`` or a whole sealed ``Identity``.
    """

    person_ref: PersonRef | None = None
    source_key: Key | None = None
    key_source: SourceName | None = None
    identity: SealedIdentity | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(v is not None for v in (self.person_ref, self.source_key, self.identity)) != 1:
            raise ValueError("name the person by exactly one of person_ref, source_key, identity")
        if self.key_source is not None and self.source_key is None:
            raise ValueError("key_source goes with source_key")
        return self


class Registrant(Fact):
    """A person at registration: who they are (sealed), and the source's own key for them from now on."""

    identity: SealedIdentity
    source_key: Key | None = None


class FactId(Fact):
    """An earlier fact: the id of the message that brought it, and its source (the publishing source if left out)."""

    id: MessageId
    source: SourceName | None = None


_STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class StrictRegistration(Registration):
    model_config = _STRICT


class StrictTransfer(Transfer):
    model_config = _STRICT


class StrictRegistrationStatus(RegistrationStatus):
    model_config = _STRICT


class StrictEngagementStart(EngagementStart):
    model_config = _STRICT


class StrictEngagementEnd(EngagementEnd):
    model_config = _STRICT


class StrictCertificate(Certificate):
    model_config = _STRICT


class StrictCertificateChange(CertificateChange):
    model_config = _STRICT


class StrictRecognition(Recognition):
    model_config = _STRICT


class StrictRatingResult(RatingResult):
    model_config = _STRICT


class StrictInspectionResult(InspectionResult):
    model_config = _STRICT


Replacement = Annotated[
    StrictRegistration
    | StrictTransfer
    | StrictRegistrationStatus
    | StrictEngagementStart
    | StrictEngagementEnd
    | StrictCertificate
    | StrictCertificateChange
    | StrictRecognition
    | StrictRatingResult
    | StrictInspectionResult,
    Field(discriminator="kind"),
]


class WorkerRegistered(StrictRegistration):
    person: Registrant


class RegistrationTransferred(StrictTransfer):
    """recognises: certificates of the person that the new division recognises with the transfer."""

    person: Person
    recognises: Annotated[tuple[Key, ...], Field(max_length=20)] = ()


class RegistrationClosed(StrictRegistrationStatus):
    """``status`` is ``closed``, and may be left out."""

    status: Literal["closed"] = "closed"
    person: Person


class RegistrationReopened(StrictRegistrationStatus):
    """``status`` is ``reopened``, and may be left out."""

    status: Literal["reopened"] = "reopened"
    person: Person


class EngagementStarted(StrictEngagementStart):
    person: Person


class EngagementEnded(StrictEngagementEnd):
    person: Person


class CertificateIssued(StrictCertificate):
    person: Person


class CertificateChanged(StrictCertificateChange):
    person: Person


class CertificateRecognised(StrictRecognition):
    person: Person


class AnnualRatingRecorded(StrictRatingResult):
    person: Person


class InspectionConcluded(StrictInspectionResult):
    person: Person


class FactCorrected(Fact):
    """Replaces what an earlier fact, or an earlier correction of it, says; ``effectiveon`` is the right business date.

    replacement: the whole particulars, of the same kind. identity: only for a registration whose identity was wrong.
    """

    corrects: FactId
    replacement: Replacement
    identity: SealedIdentity | None = None
    reason: ShortText


class FactWithdrawn(Fact):
    """Says that an earlier fact, or an earlier correction of it, should never have been reported."""

    withdraws: FactId
    reason: ShortText


# --- certification ----------------------------------------------------------------------------------------------------

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of an attachment's plain bytes, as hex."""


class CertificationStandardPublished(Fact):
    """A certification standard, as the YAML text of its author. ``effectiveon`` is its first effective date."""

    text: DocumentText


class HeldTitle(Fact):
    """职称. A professional title that the applicant holds."""

    field: TitleField
    level: TitleLevel


class CertificationApplied(Fact):
    """个人申报. application: the source's own key for it; all later stages name it. issuer: the division that would issue."""

    person: Person
    application: Key
    grade: Grade
    issuer: DivisionCode
    titles: Annotated[tuple[HeldTitle, ...], Field(max_length=10)] = ()


class _OfApplication(Fact):
    """application: as given when it was made; application_source: the source that made it (the publishing one if left out)."""

    person: Person
    application: Key
    application_source: SourceName | None = None


class Finding(Fact):
    """What a reviewer found for one criterion: exactly one of the three, as its rule asks.

    hours: for ``hours``. points: of 100, for ``assessed``. confirmed: for ``confirmed``. evidence: attachments of the dossier.
    """

    criterion: CriterionName
    hours: Annotated[int, Field(strict=True, ge=0, le=100_000)] | None = None
    points: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None
    confirmed: Annotated[bool, Field(strict=True)] | None = None
    evidence: Annotated[tuple[Sha256, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(v is not None for v in (self.hours, self.points, self.confirmed)) != 1:
            raise ValueError("give exactly one of hours, points, confirmed")
        return self


class EligibilityReviewed(_OfApplication):
    """资格审查. The registry answers what it can from its own facts; findings answer the rest. waive: criteria to be waived for
    a title that the applicant holds, as the standard allows."""

    findings: Annotated[tuple[Finding, ...], Field(max_length=40)] = ()
    waive: Annotated[tuple[CriterionName, ...], Field(max_length=40)] = ()


class TrainingTested(_OfApplication):
    """培训测试. hours: attended; score: points of 100."""

    hours: Annotated[int, Field(strict=True, ge=0, le=10_000)]
    score: Annotated[int, Field(strict=True, ge=0, le=100)]


class PanelReviewed(_OfApplication):
    """综合评审. scores: of each judge, points of 100."""

    scores: Annotated[tuple[Annotated[int, Field(strict=True, ge=0, le=100)], ...], Field(min_length=1, max_length=50)]


class NoticeOpened(_OfApplication):
    """社会公示 from ``effectiveon``. ends_on: its last day, needed only where the calendar does not know the year yet."""

    ends_on: BusinessDay | None = None


class ObjectionRaised(_OfApplication):
    """异议. objection: the source's own key for it. grounds: without naming anybody."""

    objection: Key
    grounds: LongText


class ObjectionResolved(_OfApplication):
    """ends_on: the notice's new last day, needed only where the calendar does not know the year yet."""

    objection: Key
    objection_source: SourceName | None = None
    outcome: Literal["dismissed", "upheld"]
    finding: LongText
    ends_on: BusinessDay | None = None


class CertificationWithdrawn(_OfApplication):
    """The applicant gives up."""

    reason: ShortText


# --- dossier and rating appeals ---------------------------------------------------------------------------------------


class DossierContent(Fact):
    """The plain text inside a sealed dossier entry. It never stands on a stream. begins, ends: YYYY, YYYY-MM or YYYY-MM-DD."""

    title: ShortText
    text: Annotated[str, StringConstraints(max_length=4000, pattern=PARAGRAPHS_PATTERN)] = ""
    begins: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}){0,2}$")] | None = None
    ends: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}){0,2}$")] | None = None


class AttachmentNamed(Fact):
    """Bytes in the registry's store of attachments, by their digest. size: in bytes."""

    sha256: Sha256
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,32}/[a-z0-9][a-z0-9.+-]{0,99}$")]
    size: Annotated[int, Field(strict=True, ge=1, le=100_000_000)]


class _DossierEntry(Fact):
    """entry: the source's own key for it. content: a sealed ``DossierContent`` (JWE like a sealed identity)."""

    person: Person
    entry: Key
    section: DossierSection
    content: Annotated[
        str,
        StringConstraints(
            pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$", max_length=32_768
        ),
    ]
    attachments: Annotated[tuple[AttachmentNamed, ...], Field(max_length=20)] = ()


class DossierEntryRecorded(_DossierEntry):
    """专项档案: one entry of one of its six sections."""


class DossierEntryCorrected(_DossierEntry):
    """The whole entry as it should read. entry_source: the source that recorded it (the publishing one if left out)."""

    entry_source: SourceName | None = None
    reason: ShortText


class RatingAppealed(Fact):
    """申诉 against the annual rating that stands. appeal: the source's own key for it."""

    person: Person
    appeal: Key
    year: Year
    grounds: LongText


class RatingAppealDecided(Fact):
    """upheld needs the new ``rating``, which corrects the one that was appealed against; dismissed must not have one."""

    person: Person
    appeal: Key
    appeal_source: SourceName | None = None
    outcome: Literal["dismissed", "upheld"]
    rating: Rating | None = None
    reason: ShortText

    @model_validator(mode="after")
    def _rating_if_upheld(self) -> Self:
        if (self.outcome == "upheld") != (self.rating is not None):
            raise ValueError("an appeal that is upheld names the new rating, one that is dismissed names none")
        return self


# --- units and annual inspections -------------------------------------------------------------------------------------


class UnitRegistered(Fact):
    """A unit; sent again with the same key, the whole of what is known of it now.

    unit: the source's own key for it. credit_code: 统一社会信用代码 (GB 32100-2015). parent: key of the unit above it, of the
    same source.
    """

    unit: Key
    title: ShortText
    division: DivisionCode
    credit_code: Annotated[str, StringConstraints(pattern=r"^[0-9A-HJ-NP-RT-UW-Y]{18}$")] | None = None
    parent: Key | None = None


class UnitClosed(Fact):
    unit: Key
    reason: ShortText


class InspectionOpened(Fact):
    """年检 of a division and those below it, for a year. closes_on: its last day. items: words for what is looked at."""

    division: DivisionCode
    year: Year
    closes_on: BusinessDay
    items: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")], ...], Field(max_length=50)
    ] = ()


class InspectionClosed(Fact):
    """Bulk conclusion. rest: what each registered worker of the division gets who has no result yet."""

    division: DivisionCode
    year: Year
    rest: Literal["missed", "passed"] = "missed"


# --- personal data, by operators --------------------------------------------------------------------------------------


class DuplicateConfirmed(Fact):
    """``person`` and ``survivor`` are one human being. The file of ``person`` ends; its facts go on with ``survivor``."""

    person: KnownPerson
    survivor: KnownPerson
    by: Actor = ""
    reason: ShortText


class PersonalDataUnmasked(Fact):
    """Somebody is to be shown these fields in plain: recorded before they see anything."""

    person: KnownPerson
    fields: Annotated[
        tuple[Literal["name", "resident_id", "phone", "bank_account", "dossier"], ...], Field(min_length=1, max_length=5)
    ]
    by: Actor = ""
    reason: ShortText


class PersonalDataExported(Fact):
    """These fields of many people are to be put into a file: recorded before anything is decrypted.

    purpose: what the file is for, a word and a name, such as ``payment-run cashier/2021-a``. people: how many. list_sha256: of
    the list of them, as whoever keeps it makes it (for a payment run: of its seal).
    """

    purpose: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,31} [!-~]{1,128}$")]
    fields: Annotated[tuple[Literal["name", "resident_id", "phone", "bank_account"], ...], Field(min_length=1, max_length=4)]
    people: Annotated[int, Field(strict=True, ge=1, le=INTEGER_MAX)]
    list_sha256: Sha256
    by: Actor = ""
    reason: ShortText


class PersonErased(Fact):
    """The person's identity and dossier are to become unreadable for ever."""

    person: KnownPerson
    by: Actor = ""
    reason: ShortText


# --- allowance --------------------------------------------------------------------------------------------------------


class PolicyPublished(Fact):
    """An allowance policy document, as the YAML text of its author. ``effectiveon`` is its first effective date."""

    text: DocumentText


# --- payment ----------------------------------------------------------------------------------------------------------

RESULTS_MAX = 200
"""Results of one message; a longer file travels in parts."""
FILE_PARTS_MAX = 5_000

RunKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,19}$")]
"""A run's own key: so short that a payout's name, ``<source>/<key>/<number>``, fits the 35 characters that a bank's message has
for it (ISO 20022, Max35Text) when the source is ``cashier``."""
MessageName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9/.-]{0,34}$")]
"""The identification of a message to a bank (ISO 20022, Max35Text)."""
BankReference = Annotated[str, StringConstraints(pattern=r"^[!-~][ -~]{0,63}$")]
"""A bank's own reference: what can be printed of ASCII."""
PositiveFen = Annotated[Fen, Field(ge=1)]


LEFT_OUT_MAX = 500
"""People whom one run may leave out; where more cannot be paid, something else is wrong."""


class LeftOut(Fact):
    """Somebody whom a run does not pay for the time being. reason: as in ``contracts.payment``."""

    person_ref: PersonRef
    reason: WhyLeftOut


class PaymentRunPrepared(Fact):
    """经办: pay what ``payer`` owes for ``year`` in ``division`` and below. run: the source's own key for the run. by: who
    prepares it, a name or number that the office knows. without: who is left out, each once; what is due to them stays due."""

    run: RunKey
    division: DivisionCode
    payer: Payer
    year: Year
    by: Actor = ""
    without: Annotated[tuple[LeftOut, ...], Field(max_length=LEFT_OUT_MAX)] = ()


class _OfPaymentRun(Fact):
    """run: as given when it was prepared; run_source: the source that prepared it (the publishing one if left out)."""

    run: RunKey
    run_source: SourceName | None = None
    by: Actor = ""


class PaymentRunChecked(_OfPaymentRun):
    """复核, by another person than who prepared the run. A rejection needs its reason."""

    outcome: Literal["approved", "rejected"]
    reason: ShortText | None = None

    @model_validator(mode="after")
    def _reason_if_rejected(self) -> Self:
        if self.outcome == "rejected" and self.reason is None:
            raise ValueError("a rejection needs its reason")
        return self


class PaymentRunSealed(_OfPaymentRun):
    """封存: count, total and payees are to be fixed. payees_sha256: as ``payees_digest`` of ``contracts.payment`` makes it of
    the names and accounts on file at ``registry_position`` of the registry's log; without it no seal is made."""

    payees_sha256: Sha256 | None = None
    registry_position: Annotated[int, Field(strict=True, ge=1, le=INTEGER_MAX)] | None = None


class PaymentRunExported(_OfPaymentRun):
    """导出: a file was made of the sealed run. message_id: as in the file; count, total_fen, list_sha256: of what stands in it;
    payees_sha256: the seal's, if nobody's name or account in it is another. record: the registry's event of the reading."""

    format: Literal["xlsx", "csv", "pain.001"]
    message_id: MessageName
    file_sha256: Sha256
    count: Annotated[int, Field(strict=True, ge=1, le=INTEGER_MAX)]
    total_fen: PositiveFen
    list_sha256: Sha256
    payees_sha256: Sha256
    record: EventId


class PaymentRunInstructed(_OfPaymentRun):
    """The bank was given the file of the run's last export, and no other. message_id: as in the file. count, total_fen,
    list_sha256 (as ``list_digest`` of ``contracts.payment`` makes it): of what stands in the file; they must be the seal's."""

    message_id: MessageName
    file_sha256: Sha256
    count: Annotated[int, Field(strict=True, ge=1, le=INTEGER_MAX)]
    total_fen: PositiveFen
    list_sha256: Sha256


class PaymentRunCancelled(_OfPaymentRun):
    """Before the instruction: nothing of the run is paid."""

    reason: ShortText


class BankResult(Fact):
    """One line of a bank's result file. payout: the reference that the instruction gave it; reference: the bank's own for this
    result. reason: why it was returned, without naming anybody.

    unclear: why the line alone decides nothing, so that it is a difference whatever its outcome: ``reversal`` undoes an earlier
    return; ``status`` is one that no standard names.
    """

    payout: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=LINE_PATTERN)]
    outcome: Literal["settled", "returned"]
    reference: BankReference
    amount_fen: PositiveFen
    reason: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=LINE_PATTERN)] | None = None
    unclear: Literal["reversal", "status"] | None = None


class PaymentResultsReported(_OfPaymentRun):
    """A part of a bank's result file. part: from 1 to parts; file_sha256: of the whole file."""

    file_sha256: Sha256
    part: Annotated[int, Field(strict=True, ge=1, le=FILE_PARTS_MAX)]
    parts: Annotated[int, Field(strict=True, ge=1, le=FILE_PARTS_MAX)]
    results: Annotated[tuple[BankResult, ...], Field(max_length=RESULTS_MAX)]

    @model_validator(mode="after")
    def _part_within(self) -> Self:
        if self.part > self.parts:
            raise ValueError("part counts from 1 to parts")
        return self


class BreakSettled(_OfPaymentRun):
    """对账差异: who looks after a difference, or how it ended. key: as the difference is named. paid_fen: fen that reached the
    payee by the payout in all, whatever the bank's lines say; needed to settle a difference about one."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=LINE_PATTERN)]
    state: Literal["assigned", "settled"]
    owner: ShortText
    note: ShortText
    paid_fen: Annotated[Fen, Field(ge=0)] | None = None


class RecoveryDemanded(Fact):
    """追缴: what was overpaid by ``payer`` is to be given back, instead of being netted from a payment that may never come."""

    person: KnownPerson
    payer: Payer
    by: Actor = ""
    reason: ShortText


class RecoveryPaid(Fact):
    """The worker gave so much back. recovery: as its opening names it."""

    person: KnownPerson
    recovery: Key
    amount_fen: PositiveFen
    by: Actor = ""


class PeriodClosed(Fact):
    """结账: nothing is to be booked in this month any more."""

    month: Month
    by: Actor = ""


# --- the reserve pool -------------------------------------------------------------------------------------------------


class QualificationStandardPublished(Fact):
    """A qualification standard, as the YAML text of its author. ``effectiveon`` is its first effective date."""

    text: DocumentText


class CandidateNominated(Fact):
    """后备人才提名. pool: the source's own key for the pool. ladder: a name of the standard's ``ladders``."""

    person: KnownPerson
    division: DivisionCode
    nominated_by: NominatedBy
    ladder: LadderName
    pool: Key


class StrictCompetencyRating(CompetencyRating):
    model_config = _STRICT


def _each_once(ratings: tuple[StrictCompetencyRating, ...]) -> tuple[StrictCompetencyRating, ...]:
    if len({rating.competency for rating in ratings}) != len(ratings):
        raise ValueError("each competency is rated once")
    return ratings


class CandidateProfiled(Profile):
    """What a screening asks and the registry does not hold, as of ``effectiveon``. The whole of it, each time."""

    model_config = _STRICT

    person: KnownPerson
    majors: Annotated[tuple[Major, ...], Field(max_length=10)] = ()
    competencies: Annotated[tuple[StrictCompetencyRating, ...], Field(max_length=5), AfterValidator(_each_once)] = ()


class CandidateScreened(Fact):
    """Asks for the screening, by the standard in force on ``effectiveon`` and the facts as of that day."""

    person: KnownPerson


class CandidateAdmitted(Fact):
    """Asks for the admission of somebody who has passed the screening."""

    person: KnownPerson


class CandidateRemoved(Fact):
    """出库, from any stage before the placement."""

    person: KnownPerson
    reason: RemovalReason


class CandidatePlaced(Fact):
    """任用. ``effectiveon`` is the first day in the post; the registry is told of it as an engagement."""

    person: KnownPerson
    category: Category
    unit: ShortText
    post: ShortText
    full_time: bool = Field(default=True, strict=True)
    entry_channel: EntryChannel | None = None


# --- operators --------------------------------------------------------------------------------------------------------


class ParkedRetry(Fact):
    """An operator asks for a parked message, or every message of a parked stream, to be handled again."""

    parked: EventId
    by: Actor = ""
    reason: ShortText


class ParkedDiscard(Fact):
    """An operator gives up a parked message. Its bytes are deleted, the act stays recorded."""

    parked: EventId
    by: Actor = ""
    reason: ShortText


class ActConfirmed(Fact):
    """The second pair of eyes: an act that another principal proposed takes effect. sha256: of what was looked at, as in the
    proposal's event, so that nothing else than that is confirmed."""

    proposal: EventId
    sha256: Sha256
    by: Actor = ""


class ActWithdrawn(Fact):
    """Its maker takes a proposal back."""

    proposal: EventId
    by: Actor = ""
    reason: ShortText


class _WorkerRegistered(IntakeEnvelope):
    type: Literal["intake.worker-registered.v1"]
    data: WorkerRegistered


class _EngagementStarted(IntakeEnvelope):
    type: Literal["intake.engagement-started.v1"]
    data: EngagementStarted


class _EngagementEnded(IntakeEnvelope):
    type: Literal["intake.engagement-ended.v1"]
    data: EngagementEnded


class _CertificateIssued(IntakeEnvelope):
    type: Literal["intake.certificate-issued.v1"]
    data: CertificateIssued


class _AnnualRatingRecorded(IntakeEnvelope):
    type: Literal["intake.annual-rating-recorded.v1"]
    data: AnnualRatingRecorded


class _InspectionConcluded(IntakeEnvelope):
    type: Literal["intake.inspection-concluded.v1"]
    data: InspectionConcluded


class _FactCorrected(IntakeEnvelope):
    type: Literal["intake.fact-corrected.v1"]
    data: FactCorrected


class _FactWithdrawn(IntakeEnvelope):
    type: Literal["intake.fact-withdrawn.v1"]
    data: FactWithdrawn


class _RegistrationTransferred(IntakeEnvelope):
    type: Literal["intake.registration-transferred.v1"]
    data: RegistrationTransferred


class _RegistrationClosed(IntakeEnvelope):
    type: Literal["intake.registration-closed.v1"]
    data: RegistrationClosed


class _RegistrationReopened(IntakeEnvelope):
    type: Literal["intake.registration-reopened.v1"]
    data: RegistrationReopened


class _CertificateChanged(IntakeEnvelope):
    type: Literal["intake.certificate-changed.v1"]
    data: CertificateChanged


class _CertificateRecognised(IntakeEnvelope):
    type: Literal["intake.certificate-recognised.v1"]
    data: CertificateRecognised


class _CertificationStandardPublished(IntakeEnvelope):
    type: Literal["intake.certification-standard-published.v1"]
    data: CertificationStandardPublished


class _CertificationApplied(IntakeEnvelope):
    type: Literal["intake.certification-applied.v1"]
    data: CertificationApplied


class _EligibilityReviewed(IntakeEnvelope):
    type: Literal["intake.eligibility-reviewed.v1"]
    data: EligibilityReviewed


class _TrainingTested(IntakeEnvelope):
    type: Literal["intake.training-tested.v1"]
    data: TrainingTested


class _PanelReviewed(IntakeEnvelope):
    type: Literal["intake.panel-reviewed.v1"]
    data: PanelReviewed


class _NoticeOpened(IntakeEnvelope):
    type: Literal["intake.notice-opened.v1"]
    data: NoticeOpened


class _ObjectionRaised(IntakeEnvelope):
    type: Literal["intake.objection-raised.v1"]
    data: ObjectionRaised


class _ObjectionResolved(IntakeEnvelope):
    type: Literal["intake.objection-resolved.v1"]
    data: ObjectionResolved


class _CertificationWithdrawn(IntakeEnvelope):
    type: Literal["intake.certification-withdrawn.v1"]
    data: CertificationWithdrawn


class _DossierEntryRecorded(IntakeEnvelope):
    type: Literal["intake.dossier-entry-recorded.v1"]
    data: DossierEntryRecorded


class _DossierEntryCorrected(IntakeEnvelope):
    type: Literal["intake.dossier-entry-corrected.v1"]
    data: DossierEntryCorrected


class _RatingAppealed(IntakeEnvelope):
    type: Literal["intake.rating-appealed.v1"]
    data: RatingAppealed


class _RatingAppealDecided(IntakeEnvelope):
    type: Literal["intake.rating-appeal-decided.v1"]
    data: RatingAppealDecided


class _UnitRegistered(IntakeEnvelope):
    type: Literal["intake.unit-registered.v1"]
    data: UnitRegistered


class _UnitClosed(IntakeEnvelope):
    type: Literal["intake.unit-closed.v1"]
    data: UnitClosed


class _InspectionOpened(IntakeEnvelope):
    type: Literal["intake.inspection-opened.v1"]
    data: InspectionOpened


class _InspectionClosed(IntakeEnvelope):
    type: Literal["intake.inspection-closed.v1"]
    data: InspectionClosed


class _DuplicateConfirmed(IntakeEnvelope):
    type: Literal["intake.duplicate-confirmed.v1"]
    data: DuplicateConfirmed


class _PersonalDataUnmasked(IntakeEnvelope):
    type: Literal["intake.personal-data-unmasked.v1"]
    data: PersonalDataUnmasked


class _PersonalDataExported(IntakeEnvelope):
    type: Literal["intake.personal-data-exported.v1"]
    data: PersonalDataExported


class _PersonErased(IntakeEnvelope):
    type: Literal["intake.person-erased.v1"]
    data: PersonErased


class _ActConfirmed(IntakeEnvelope):
    type: Literal["intake.act-confirmed.v1"]
    data: ActConfirmed


class _ActWithdrawn(IntakeEnvelope):
    type: Literal["intake.act-withdrawn.v1"]
    data: ActWithdrawn


class _PolicyPublished(IntakeEnvelope):
    type: Literal["intake.policy-published.v1"]
    data: PolicyPublished


class _PaymentRunPrepared(IntakeEnvelope):
    type: Literal["intake.payment-run-prepared.v1"]
    data: PaymentRunPrepared


class _PaymentRunChecked(IntakeEnvelope):
    type: Literal["intake.payment-run-checked.v1"]
    data: PaymentRunChecked


class _PaymentRunSealed(IntakeEnvelope):
    type: Literal["intake.payment-run-sealed.v1"]
    data: PaymentRunSealed


class _PaymentRunExported(IntakeEnvelope):
    type: Literal["intake.payment-run-exported.v1"]
    data: PaymentRunExported


class _PaymentRunInstructed(IntakeEnvelope):
    type: Literal["intake.payment-run-instructed.v1"]
    data: PaymentRunInstructed


class _PaymentRunCancelled(IntakeEnvelope):
    type: Literal["intake.payment-run-cancelled.v1"]
    data: PaymentRunCancelled


class _PaymentResultsReported(IntakeEnvelope):
    type: Literal["intake.payment-results-reported.v1"]
    data: PaymentResultsReported


class _BreakSettled(IntakeEnvelope):
    type: Literal["intake.break-settled.v1"]
    data: BreakSettled


class _RecoveryDemanded(IntakeEnvelope):
    type: Literal["intake.recovery-demanded.v1"]
    data: RecoveryDemanded


class _RecoveryPaid(IntakeEnvelope):
    type: Literal["intake.recovery-paid.v1"]
    data: RecoveryPaid


class _PeriodClosed(IntakeEnvelope):
    type: Literal["intake.period-closed.v1"]
    data: PeriodClosed


class _QualificationStandardPublished(IntakeEnvelope):
    type: Literal["intake.qualification-standard-published.v1"]
    data: QualificationStandardPublished


class _CandidateNominated(IntakeEnvelope):
    type: Literal["intake.candidate-nominated.v1"]
    data: CandidateNominated


class _CandidateProfiled(IntakeEnvelope):
    type: Literal["intake.candidate-profiled.v1"]
    data: CandidateProfiled


class _CandidateScreened(IntakeEnvelope):
    type: Literal["intake.candidate-screened.v1"]
    data: CandidateScreened


class _CandidateAdmitted(IntakeEnvelope):
    type: Literal["intake.candidate-admitted.v1"]
    data: CandidateAdmitted


class _CandidateRemoved(IntakeEnvelope):
    type: Literal["intake.candidate-removed.v1"]
    data: CandidateRemoved


class _CandidatePlaced(IntakeEnvelope):
    type: Literal["intake.candidate-placed.v1"]
    data: CandidatePlaced


class _ParkedRetry(IntakeEnvelope):
    type: Literal["intake.parked-retry.v1"]
    data: ParkedRetry


class _ParkedDiscard(IntakeEnvelope):
    type: Literal["intake.parked-discard.v1"]
    data: ParkedDiscard


IntakeMessage = (
    _WorkerRegistered
    | _EngagementStarted
    | _EngagementEnded
    | _CertificateIssued
    | _AnnualRatingRecorded
    | _InspectionConcluded
    | _FactCorrected
    | _FactWithdrawn
    | _RegistrationTransferred
    | _RegistrationClosed
    | _RegistrationReopened
    | _CertificateChanged
    | _CertificateRecognised
    | _CertificationStandardPublished
    | _CertificationApplied
    | _EligibilityReviewed
    | _TrainingTested
    | _PanelReviewed
    | _NoticeOpened
    | _ObjectionRaised
    | _ObjectionResolved
    | _CertificationWithdrawn
    | _DossierEntryRecorded
    | _DossierEntryCorrected
    | _RatingAppealed
    | _RatingAppealDecided
    | _UnitRegistered
    | _UnitClosed
    | _InspectionOpened
    | _InspectionClosed
    | _DuplicateConfirmed
    | _PersonalDataUnmasked
    | _PersonalDataExported
    | _PersonErased
    | _PolicyPublished
    | _PaymentRunPrepared
    | _PaymentRunChecked
    | _PaymentRunSealed
    | _PaymentRunExported
    | _PaymentRunInstructed
    | _PaymentRunCancelled
    | _PaymentResultsReported
    | _BreakSettled
    | _RecoveryDemanded
    | _RecoveryPaid
    | _PeriodClosed
    | _QualificationStandardPublished
    | _CandidateNominated
    | _CandidateProfiled
    | _CandidateScreened
    | _CandidateAdmitted
    | _CandidateRemoved
    | _CandidatePlaced
    | AppraisalMessage
    | DevelopmentMessage
    | StaffingMessage
    | _ParkedRetry
    | _ParkedDiscard
    | _ActConfirmed
    | _ActWithdrawn
)

_ADAPTER: TypeAdapter[IntakeMessage] = TypeAdapter(
    Annotated[IntakeMessage, Field(discriminator="type")], config=ConfigDict(defer_build=True)
)

FACT_TYPES: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "intake.worker-registered.v1": (WorkerRegistered, ("registry",)),
    "intake.engagement-started.v1": (EngagementStarted, ("registry",)),
    "intake.engagement-ended.v1": (EngagementEnded, ("registry",)),
    "intake.certificate-issued.v1": (CertificateIssued, ("registry",)),
    "intake.annual-rating-recorded.v1": (AnnualRatingRecorded, ("registry",)),
    "intake.inspection-concluded.v1": (InspectionConcluded, ("registry",)),
    "intake.fact-corrected.v1": (FactCorrected, ("registry",)),
    "intake.fact-withdrawn.v1": (FactWithdrawn, ("registry",)),
    "intake.registration-transferred.v1": (RegistrationTransferred, ("registry",)),
    "intake.registration-closed.v1": (RegistrationClosed, ("registry",)),
    "intake.registration-reopened.v1": (RegistrationReopened, ("registry",)),
    "intake.certificate-changed.v1": (CertificateChanged, ("registry",)),
    "intake.certificate-recognised.v1": (CertificateRecognised, ("registry",)),
    "intake.certification-standard-published.v1": (CertificationStandardPublished, ("registry",)),
    "intake.certification-applied.v1": (CertificationApplied, ("registry",)),
    "intake.eligibility-reviewed.v1": (EligibilityReviewed, ("registry",)),
    "intake.training-tested.v1": (TrainingTested, ("registry",)),
    "intake.panel-reviewed.v1": (PanelReviewed, ("registry",)),
    "intake.notice-opened.v1": (NoticeOpened, ("registry",)),
    "intake.objection-raised.v1": (ObjectionRaised, ("registry",)),
    "intake.objection-resolved.v1": (ObjectionResolved, ("registry",)),
    "intake.certification-withdrawn.v1": (CertificationWithdrawn, ("registry",)),
    "intake.dossier-entry-recorded.v1": (DossierEntryRecorded, ("registry",)),
    "intake.dossier-entry-corrected.v1": (DossierEntryCorrected, ("registry",)),
    "intake.rating-appealed.v1": (RatingAppealed, ("registry",)),
    "intake.rating-appeal-decided.v1": (RatingAppealDecided, ("registry",)),
    "intake.unit-registered.v1": (UnitRegistered, ("registry",)),
    "intake.unit-closed.v1": (UnitClosed, ("registry",)),
    "intake.inspection-opened.v1": (InspectionOpened, ("registry",)),
    "intake.inspection-closed.v1": (InspectionClosed, ("registry",)),
    "intake.duplicate-confirmed.v1": (DuplicateConfirmed, ("registry",)),
    "intake.personal-data-unmasked.v1": (PersonalDataUnmasked, ("registry",)),
    "intake.personal-data-exported.v1": (PersonalDataExported, ("registry",)),
    "intake.person-erased.v1": (PersonErased, ("registry",)),
    "intake.policy-published.v1": (PolicyPublished, ("allowance",)),
    "intake.payment-run-prepared.v1": (PaymentRunPrepared, ("allowance",)),
    "intake.payment-run-checked.v1": (PaymentRunChecked, ("allowance",)),
    "intake.payment-run-sealed.v1": (PaymentRunSealed, ("allowance",)),
    "intake.payment-run-exported.v1": (PaymentRunExported, ("allowance",)),
    "intake.payment-run-instructed.v1": (PaymentRunInstructed, ("allowance",)),
    "intake.payment-run-cancelled.v1": (PaymentRunCancelled, ("allowance",)),
    "intake.payment-results-reported.v1": (PaymentResultsReported, ("allowance",)),
    "intake.break-settled.v1": (BreakSettled, ("allowance",)),
    "intake.recovery-demanded.v1": (RecoveryDemanded, ("allowance",)),
    "intake.recovery-paid.v1": (RecoveryPaid, ("allowance",)),
    "intake.period-closed.v1": (PeriodClosed, ("allowance",)),
    "intake.qualification-standard-published.v1": (QualificationStandardPublished, ("talent",)),
    "intake.candidate-nominated.v1": (CandidateNominated, ("talent",)),
    "intake.candidate-profiled.v1": (CandidateProfiled, ("talent",)),
    "intake.candidate-screened.v1": (CandidateScreened, ("talent",)),
    "intake.candidate-admitted.v1": (CandidateAdmitted, ("talent",)),
    "intake.candidate-removed.v1": (CandidateRemoved, ("talent",)),
    "intake.candidate-placed.v1": (CandidatePlaced, ("talent",)),
    **APPRAISAL_TYPES,
    **DEVELOPMENT_TYPES,
    **STAFFING_TYPES,
    "intake.parked-retry.v1": (ParkedRetry, ("registry", "allowance", "talent")),
    "intake.parked-discard.v1": (ParkedDiscard, ("registry", "allowance", "talent")),
    "intake.act-confirmed.v1": (ActConfirmed, ("registry", "allowance", "talent")),
    "intake.act-withdrawn.v1": (ActWithdrawn, ("registry", "allowance", "talent")),
}
"""Type → (class of ``data``, services that take it)."""


def get_ready() -> None:
    """Make the validator of all messages now: it takes a good part of a second, which the first message would wait for."""
    _ADAPTER.rebuild()


def parse(raw: bytes) -> IntakeMessage:
    """Read one intake message. Raises pydantic.ValidationError, whose locations start with the type.

    What is written is read strictly as RFC 8259 has it: no NaN or Infinity, and no key twice in one object.
    """
    message = _ADAPTER.validate_json(raw)
    twice = duplicate_of(raw)
    if twice is not None:
        fault = PydanticCustomError("duplicate_key", "the key stands twice", {"lost": twice.lost})
        raise ValidationError.from_exception_data(
            "IntakeMessage", [InitErrorDetails(type=fault, loc=(message.type, *twice.path), input=None)]
        )
    return message


def fact_subject(source: str, service: str, fact_type: str) -> str:
    """``intake.<source>.<service>.<fact>`` for a type ``intake.<fact>.v<n>``."""
    return f"intake.{source}.{service}.{fact_type.split('.')[1]}"


def publishing_id(source: str, message_id: str, raw: bytes) -> str:
    """The ``Nats-Msg-Id`` to publish a message under: ``<source>/<message id>/<digest>``.

    The digest is the first 32 hex digits of SHA-256 of the bytes, so that the broker drops what is the same byte for byte, and
    never another message under the same id: that one reaches the service, and is answered.
    """
    return f"{source}/{message_id}/{hashlib.sha256(raw).hexdigest()[:DIGEST_CHARACTERS]}"


def message_named(published: str) -> str:
    """``<source>/<message id>`` of a publishing id, with its digest or without one."""
    return "/".join(published.split("/", 2)[:2])
