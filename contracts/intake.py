"""Intake facts: what integrating systems publish on ``intake.<source>.<service>.<fact>``.

A message is an ``IntakeEnvelope`` plus ``type`` and ``data``. ``parse`` reads one in a single pass.

Whom a fact is about is said in one of three ways (``Person``): by ``person_ref``, by the source's own key given at
registration, or by a sealed resident ID. Identity travels only sealed: a JWE (RFC 7516, compact, ECDH-ES with A256GCM)
to the registry's public key, whose plain text is an ``Identity`` as JSON.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from contracts.base import Category, DivisionCode, EntryChannel, EventId, Fact, Key, PersonRef, ShortText, SourceName
from contracts.envelope import IntakeEnvelope, MessageId
from contracts.particulars import (
    Certificate,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    RatingResult,
    Registration,
)
from contracts.resident_id import check_resident_id
from contracts.standard import LadderName, Major
from contracts.talent import CompetencyRating, NominatedBy, Profile, RemovalReason

__all__ = [
    "FACT_TYPES",
    "INTAKE_BYTES_MAX",
    "INTAKE_DEPTH_MAX",
    "AnnualRatingRecorded",
    "CandidateAdmitted",
    "CandidateNominated",
    "CandidatePlaced",
    "CandidateProfiled",
    "CandidateRemoved",
    "CandidateScreened",
    "CertificateIssued",
    "EngagementEnded",
    "EngagementStarted",
    "FactCorrected",
    "FactId",
    "FactWithdrawn",
    "Identity",
    "InspectionConcluded",
    "IntakeMessage",
    "KnownPerson",
    "ParkedDiscard",
    "ParkedRetry",
    "Person",
    "PolicyPublished",
    "QualificationStandardPublished",
    "Registrant",
    "WorkerRegistered",
    "fact_subject",
    "parse",
]

INTAKE_BYTES_MAX = 64 * 1024
"""Bytes of one intake message, envelope included. A longer one is parked with a receipt."""
INTAKE_DEPTH_MAX = 12
"""Nested arrays and objects in one intake message. A deeper one is parked with a receipt."""

SealedIdentity = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$", max_length=8192
    ),
]
"""JWE compact serialisation (RFC 7516 section 7.1)."""


class Identity(Fact):
    """The plain text inside a sealed identity. It never stands on a stream.

    resident_id: 公民身份号码, GB 11643-1999, 18 characters; its check character must be right.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
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


_STRICT = ConfigDict(frozen=True, extra="forbid")


class StrictRegistration(Registration):
    model_config = _STRICT


class StrictEngagementStart(EngagementStart):
    model_config = _STRICT


class StrictEngagementEnd(EngagementEnd):
    model_config = _STRICT


class StrictCertificate(Certificate):
    model_config = _STRICT


class StrictRatingResult(RatingResult):
    model_config = _STRICT


class StrictInspectionResult(InspectionResult):
    model_config = _STRICT


Replacement = Annotated[
    StrictRegistration
    | StrictEngagementStart
    | StrictEngagementEnd
    | StrictCertificate
    | StrictRatingResult
    | StrictInspectionResult,
    Field(discriminator="kind"),
]


class WorkerRegistered(StrictRegistration):
    person: Registrant


class EngagementStarted(StrictEngagementStart):
    person: Person


class EngagementEnded(StrictEngagementEnd):
    person: Person


class CertificateIssued(StrictCertificate):
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


class PolicyPublished(Fact):
    """An allowance policy document, as the YAML text of its author. ``effectiveon`` is its first effective date."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=60_000)]


# --- the reserve pool -------------------------------------------------------------------------------------------------


class QualificationStandardPublished(Fact):
    """A qualification standard, as the YAML text of its author. ``effectiveon`` is its first effective date."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=60_000)]


class KnownPerson(Fact):
    """A person by person_ref: only the registry resolves other names, and says the person_ref in its receipts."""

    person_ref: PersonRef


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
    by: ShortText
    reason: ShortText


class ParkedDiscard(Fact):
    """An operator gives up a parked message. Its bytes are deleted, the act stays recorded."""

    parked: EventId
    by: ShortText
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


class _PolicyPublished(IntakeEnvelope):
    type: Literal["intake.policy-published.v1"]
    data: PolicyPublished


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
    | _PolicyPublished
    | _QualificationStandardPublished
    | _CandidateNominated
    | _CandidateProfiled
    | _CandidateScreened
    | _CandidateAdmitted
    | _CandidateRemoved
    | _CandidatePlaced
    | _ParkedRetry
    | _ParkedDiscard
)

_ADAPTER: TypeAdapter[IntakeMessage] = TypeAdapter(Annotated[IntakeMessage, Field(discriminator="type")])

FACT_TYPES: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "intake.worker-registered.v1": (WorkerRegistered, ("registry",)),
    "intake.engagement-started.v1": (EngagementStarted, ("registry",)),
    "intake.engagement-ended.v1": (EngagementEnded, ("registry",)),
    "intake.certificate-issued.v1": (CertificateIssued, ("registry",)),
    "intake.annual-rating-recorded.v1": (AnnualRatingRecorded, ("registry",)),
    "intake.inspection-concluded.v1": (InspectionConcluded, ("registry",)),
    "intake.fact-corrected.v1": (FactCorrected, ("registry",)),
    "intake.fact-withdrawn.v1": (FactWithdrawn, ("registry",)),
    "intake.policy-published.v1": (PolicyPublished, ("allowance",)),
    "intake.qualification-standard-published.v1": (QualificationStandardPublished, ("talent",)),
    "intake.candidate-nominated.v1": (CandidateNominated, ("talent",)),
    "intake.candidate-profiled.v1": (CandidateProfiled, ("talent",)),
    "intake.candidate-screened.v1": (CandidateScreened, ("talent",)),
    "intake.candidate-admitted.v1": (CandidateAdmitted, ("talent",)),
    "intake.candidate-removed.v1": (CandidateRemoved, ("talent",)),
    "intake.candidate-placed.v1": (CandidatePlaced, ("talent",)),
    "intake.parked-retry.v1": (ParkedRetry, ("registry", "allowance", "talent")),
    "intake.parked-discard.v1": (ParkedDiscard, ("registry", "allowance", "talent")),
}
"""Type → (class of ``data``, services that take it)."""


def parse(raw: bytes) -> IntakeMessage:
    """Read one intake message. Raises pydantic.ValidationError, whose locations start with the type."""
    return _ADAPTER.validate_json(raw)


def fact_subject(source: str, service: str, fact_type: str) -> str:
    """``intake.<source>.<service>.<fact>`` for a type ``intake.<fact>.v<n>``."""
    return f"intake.{source}.{service}.{fact_type.split('.')[1]}"
