"""Events of the registration registry, on ``registry.<partition>.<event>``. Names and shapes are the storage format.

**What stands.** Each event that changes which fact stands in a slot says so in ``standings``; a reader keeps the particulars
by event id, follows ``standings``, and need not know how contradictions are settled. The rule, which does not depend on
arrival: within a chain of corrections the last correction counts, of two corrections of the same thing the one with
``authority``, then the one with the later ``occurred_at`` (then the greater source, then the greater id); between facts in one
slot likewise. A correction has at least the authority of what it corrects. A withdrawn fact never stands, and a correction
that was withdrawn counts for nothing. ``contradicted_by`` names the other facts in the slot that say something else: the list
of conflicts is made from it.

**What has happened** besides: the stages of a certification, dossier entries, appeals, acts on personal data. Those events
have no ``standings``; what comes of them for others (a certificate, a corrected rating) is a fact of its own that has.
An application, a dossier entry, an appeal, a unit is named ``<source>/<the source's own key>``.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.base import (
    AsRecorded,
    BusinessDay,
    DivisionCode,
    EventId,
    FactOrigin,
    Grade,
    Key,
    LogEvent,
    OwnEvent,
    PersonRef,
    Rating,
    Year,
)
from contracts.certification import (
    CertificationStandard,
    CertificationStandardCited,
    CriterionResult,
    Stage,
    TitleField,
    TitleLevel,
)
from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)

__all__ = [
    "AnnualRatingRecorded",
    "Attachment",
    "CertificateChanged",
    "CertificateIssued",
    "CertificateRecognised",
    "CertificationApplied",
    "CertificationConcluded",
    "CertificationStandardPublished",
    "DossierEntryCorrected",
    "DossierEntryRecorded",
    "DossierSection",
    "EligibilityReviewed",
    "EncryptedFields",
    "EncryptedIdentity",
    "EngagementEnded",
    "EngagementStarted",
    "FactAbsorbed",
    "FactCorrected",
    "FactOrigin",
    "FactWithdrawn",
    "FileAbsorbed",
    "InspectionClosed",
    "InspectionConcluded",
    "InspectionOpened",
    "NoticeOpened",
    "ObjectionRaised",
    "ObjectionResolved",
    "PanelReviewed",
    "PersonErased",
    "PersonMerged",
    "PersonalDataExported",
    "PersonalDataUnmasked",
    "RatingAppealDecided",
    "RatingAppealed",
    "RecordedFact",
    "RegistrationClosed",
    "RegistrationReopened",
    "RegistrationTransferred",
    "RegistryEvent",
    "Standing",
    "StandingEvent",
    "Title",
    "TrainingTested",
    "UnitClosed",
    "UnitRegistered",
    "WorkerEvent",
    "WorkerRegistered",
]


class Standing(OwnEvent):
    """From now on ``fact`` (an event id; None: nothing) stands in ``slot``, against those that contradict it."""

    slot: str
    fact: EventId | None
    contradicted_by: tuple[EventId, ...] = ()


class EncryptedIdentity(OwnEvent):
    """Identity fields, each AES-256-GCM under a key of this person and purpose; base64 of nonce (12 bytes) and ciphertext.

    Associated data: ``<event id>/<field>/<key_version>``. mark: a keyed hash that tells equal identities of one person
    apart from different ones, and nothing without the person's key.
    """

    purpose: Literal["identity"] = "identity"
    key_version: int
    fields: dict[str, str]
    mark: str


class _Recorded(LogEvent):
    person_ref: PersonRef
    fact: FactOrigin
    standings: tuple[Standing, ...] = ()


class WorkerRegistered(_Recorded):
    TYPE: ClassVar[str] = "registry.worker-registered.v1"
    particulars: Registration
    identity: EncryptedIdentity


class RegistrationTransferred(_Recorded):
    TYPE: ClassVar[str] = "registry.registration-transferred.v1"
    particulars: Transfer


class RegistrationClosed(_Recorded):
    TYPE: ClassVar[str] = "registry.registration-closed.v1"
    particulars: RegistrationStatus


class RegistrationReopened(_Recorded):
    TYPE: ClassVar[str] = "registry.registration-reopened.v1"
    particulars: RegistrationStatus


class EngagementStarted(_Recorded):
    TYPE: ClassVar[str] = "registry.engagement-started.v1"
    particulars: EngagementStart


class EngagementEnded(_Recorded):
    TYPE: ClassVar[str] = "registry.engagement-ended.v1"
    particulars: EngagementEnd


class CertificateIssued(_Recorded):
    TYPE: ClassVar[str] = "registry.certificate-issued.v1"
    particulars: Certificate


class CertificateChanged(_Recorded):
    TYPE: ClassVar[str] = "registry.certificate-changed.v1"
    particulars: CertificateChange


class CertificateRecognised(_Recorded):
    TYPE: ClassVar[str] = "registry.certificate-recognised.v1"
    particulars: Recognition


class AnnualRatingRecorded(_Recorded):
    TYPE: ClassVar[str] = "registry.annual-rating-recorded.v1"
    particulars: RatingResult


class InspectionConcluded(_Recorded):
    TYPE: ClassVar[str] = "registry.inspection-concluded.v1"
    particulars: InspectionResult


class FactCorrected(_Recorded):
    """``corrects``: the event that it replaces; the effective date of this event is the corrected one."""

    TYPE: ClassVar[str] = "registry.fact-corrected.v1"
    corrects: EventId
    particulars: Annotated[Particulars, Field()]
    identity: EncryptedIdentity | None = None
    reason: str


class FactWithdrawn(_Recorded):
    TYPE: ClassVar[str] = "registry.fact-withdrawn.v1"
    withdraws: EventId
    reason: str


class _Happened(LogEvent):
    person_ref: PersonRef
    fact: FactOrigin


# --- one person in two files --------------------------------------------------------------------------------------------


class FactAbsorbed(_Recorded):
    """A fact of a file that turned out to be the same person's, taken over as it stood there.

    fact: the message that brought it. absorbs: the event in the other file.
    """

    TYPE: ClassVar[str] = "registry.fact-absorbed.v1"
    absorbed_from: PersonRef
    absorbs: EventId
    particulars: Annotated[Particulars, Field()]


class FileAbsorbed(_Happened):
    """Another file ended in this one. files: its person_ref, and those of files that had ended in it before."""

    TYPE: ClassVar[str] = "registry.file-absorbed.v1"
    files: tuple[PersonRef, ...]
    reason: str


class PersonMerged(_Recorded):
    """This file ends: the person goes on as ``into``. ``standings`` empties every slot; ``into`` holds the facts now."""

    TYPE: ClassVar[str] = "registry.person-merged.v1"
    into: PersonRef
    reason: str


# --- certification ------------------------------------------------------------------------------------------------------


class Title(OwnEvent):
    """职称: a professional title that the applicant holds."""

    field: TitleField
    level: TitleLevel


class CertificationApplied(_Happened):
    """个人申报, the first stage. standard: by which the application is judged to its end. promotes: number of the certificate
    that is superseded if this one is granted."""

    TYPE: ClassVar[str] = "registry.certification-applied.v1"
    application: str
    grade: Grade
    issuer: DivisionCode
    titles: tuple[Title, ...] = ()
    standard: CertificationStandardCited
    promotes: Key | None = None


class EligibilityReviewed(_Happened):
    """资格审查: every criterion of the grade, two-sided."""

    TYPE: ClassVar[str] = "registry.eligibility-reviewed.v1"
    application: str
    result: Literal["passed", "failed"]
    criteria: tuple[CriterionResult, ...]


class TrainingTested(_Happened):
    """培训测试. score: points of 100. A failed test may be taken again; only a passed one lets a person go on."""

    TYPE: ClassVar[str] = "registry.training-tested.v1"
    application: str
    result: Literal["passed", "failed"]
    hours: int
    hours_required: int
    score: int
    pass_mark: int


class PanelReviewed(_Happened):
    """综合评审. scores: of the judges, points of 100. mean_hundredths: of those that count, in hundredths of a point."""

    TYPE: ClassVar[str] = "registry.panel-reviewed.v1"
    application: str
    result: Literal["passed", "failed"]
    scores: tuple[int, ...]
    mean_hundredths: int
    pass_mark: int


class NoticeOpened(_Happened):
    """社会公示, from the event's effective date. ends_on: last day of the notice, as computed now and never again.

    calendar: name and version of the calendar of working days, or ``given``: the source told the last day.
    """

    TYPE: ClassVar[str] = "registry.notice-opened.v1"
    application: str
    working_days: int
    ends_on: BusinessDay
    calendar: str


class ObjectionRaised(_Happened):
    """异议. The notice stands still until every objection is resolved.

    days_left: working days that it still has; None: the calendar does not know.
    """

    TYPE: ClassVar[str] = "registry.objection-raised.v1"
    application: str
    objection: str
    grounds: str
    days_left: int | None


class ObjectionResolved(_Happened):
    """dismissed: the notice goes on when no other objection is open, to the new ``ends_on``. upheld: the application ends."""

    TYPE: ClassVar[str] = "registry.objection-resolved.v1"
    application: str
    objection: str
    outcome: Literal["dismissed", "upheld"]
    finding: str
    ends_on: BusinessDay | None = None
    calendar: str | None = None


class CertificationConcluded(_Happened):
    """The end of an application. stage: in which it ended. certificate: the number, if it was granted."""

    TYPE: ClassVar[str] = "registry.certification-concluded.v1"
    application: str
    outcome: Literal["granted", "rejected", "withdrawn"]
    stage: Stage
    reason: str
    certificate: Key | None = None


class CertificationStandardPublished(LogEvent):
    """A certification standard. text: the author's YAML, byte for byte; document: what was read from it."""

    TYPE: ClassVar[str] = "registry.certification-standard-published.v1"
    document: Annotated[CertificationStandard, AsRecorded()]
    text: str
    text_sha256: str


# --- dossier and rating appeals -----------------------------------------------------------------------------------------

DossierSection = Literal["basics", "work_history", "education_training", "appraisal", "pay_treatment", "rewards_sanctions"]
"""专项档案的六个部分: 基本信息、工作经历、教育培训、考核、待遇、奖惩."""


class Attachment(OwnEvent):
    """Bytes that are kept outside the log. sha256: of the plain bytes, hex; size: in bytes."""

    sha256: str
    media_type: str
    size: int


class EncryptedFields(OwnEvent):
    """Fields under the person's key for ``purpose``, as in ``EncryptedIdentity``."""

    purpose: Literal["dossier"] = "dossier"
    key_version: int
    fields: dict[str, str]


class DossierEntryRecorded(_Happened):
    """An entry of the file; its content (title, text) is encrypted."""

    TYPE: ClassVar[str] = "registry.dossier-entry-recorded.v1"
    entry: str
    section: DossierSection
    content: EncryptedFields
    attachments: tuple[Attachment, ...] = ()


class DossierEntryCorrected(_Happened):
    """The whole entry as it should read; what it read before stays recorded. corrects: the event before."""

    TYPE: ClassVar[str] = "registry.dossier-entry-corrected.v1"
    entry: str
    section: DossierSection
    corrects: EventId
    content: EncryptedFields
    attachments: tuple[Attachment, ...] = ()
    reason: str


class RatingAppealed(_Happened):
    """申诉 against the rating that stands for the year. against: its event."""

    TYPE: ClassVar[str] = "registry.rating-appealed.v1"
    appeal: str
    year: Year
    against: EventId
    grounds: str


class RatingAppealDecided(_Happened):
    """upheld: a correction of the rating to ``rating`` is recorded with this event."""

    TYPE: ClassVar[str] = "registry.rating-appeal-decided.v1"
    appeal: str
    year: Year
    outcome: Literal["dismissed", "upheld"]
    rating: Rating | None = None
    reason: str


# --- personal data ------------------------------------------------------------------------------------------------------


class PersonalDataUnmasked(_Happened):
    """Somebody was shown these fields in plain. by: who; reason: why."""

    TYPE: ClassVar[str] = "registry.personal-data-unmasked.v1"
    fields: tuple[str, ...]
    by: str
    reason: str


class PersonalDataExported(LogEvent):
    """These fields of many people were decrypted into a file. It stands in the stream of the list, not in anybody's file.

    purpose, list_sha256: as in the intake fact. people: how many.
    """

    TYPE: ClassVar[str] = "registry.personal-data-exported.v1"
    fact: FactOrigin
    purpose: str
    fields: tuple[str, ...]
    people: int
    list_sha256: str
    by: str
    reason: str


class PersonErased(_Happened):
    """The person's keys and index entries were deleted with this event: nobody can read their identity or dossier any more.

    keys, index_entries: how many. files: those that had been merged into this one, and went with it. The facts stay under the
    person_ref, which finds nobody.
    """

    TYPE: ClassVar[str] = "registry.person-erased.v1"
    by: str
    reason: str
    keys: int
    index_entries: int
    files: tuple[PersonRef, ...] = ()


# --- units and annual inspections ---------------------------------------------------------------------------------------


class UnitRegistered(LogEvent):
    """A unit, or the whole of what is known of it now. credit_code: 统一社会信用代码, GB 32100."""

    TYPE: ClassVar[str] = "registry.unit-registered.v1"
    fact: FactOrigin
    unit: str
    title: str
    division: DivisionCode
    credit_code: str | None = None
    parent: str | None = None


class UnitClosed(LogEvent):
    TYPE: ClassVar[str] = "registry.unit-closed.v1"
    fact: FactOrigin
    unit: str
    reason: str


class InspectionOpened(LogEvent):
    """年检 of a division and a year. closes_on: its last day. items: what is looked at."""

    TYPE: ClassVar[str] = "registry.inspection-opened.v1"
    fact: FactOrigin
    division: DivisionCode
    year: Year
    closes_on: BusinessDay
    items: tuple[str, ...] = ()


class InspectionClosed(LogEvent):
    """rest: what is recorded for each registered worker of the division who has no result yet."""

    TYPE: ClassVar[str] = "registry.inspection-closed.v1"
    fact: FactOrigin
    division: DivisionCode
    year: Year
    rest: Literal["missed", "passed"]


RecordedFact = (
    WorkerRegistered
    | RegistrationTransferred
    | RegistrationClosed
    | RegistrationReopened
    | EngagementStarted
    | EngagementEnded
    | CertificateIssued
    | CertificateChanged
    | CertificateRecognised
    | AnnualRatingRecorded
    | InspectionConcluded
)
StandingEvent = RecordedFact | FactCorrected | FactWithdrawn | FactAbsorbed | PersonMerged
WorkerEvent = (
    StandingEvent
    | CertificationApplied
    | EligibilityReviewed
    | TrainingTested
    | PanelReviewed
    | NoticeOpened
    | ObjectionRaised
    | ObjectionResolved
    | CertificationConcluded
    | DossierEntryRecorded
    | DossierEntryCorrected
    | RatingAppealed
    | RatingAppealDecided
    | FileAbsorbed
    | PersonalDataUnmasked
    | PersonErased
)
"""What stands in the stream of one person."""
RegistryEvent = (
    WorkerEvent
    | CertificationStandardPublished
    | UnitRegistered
    | UnitClosed
    | InspectionOpened
    | InspectionClosed
    | PersonalDataExported
)
