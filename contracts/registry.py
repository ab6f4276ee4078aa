"""Events of the registration registry, on ``registry.<partition>.<event>``. Names and shapes are the storage format.

**What stands.** Each event that changes which fact stands in a slot says so in ``standings``; a reader keeps the particulars
by event id, follows ``standings``, and need not know how contradictions are settled. The rule, which does not depend on
arrival: within a chain of corrections the last correction counts, of two corrections of the same thing the one with the
later ``occurred_at`` (then the greater source, then the greater id); between facts in one slot likewise. A withdrawn fact
never stands, and a correction that was withdrawn counts for nothing. ``contradicted_by`` names the other facts in the slot
that say something else: the list of conflicts is made from it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from contracts.base import EventId, LogEvent, OwnEvent, PersonRef
from contracts.particulars import (
    Certificate,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
)

__all__ = [
    "AnnualRatingRecorded",
    "CertificateIssued",
    "EncryptedIdentity",
    "EngagementEnded",
    "EngagementStarted",
    "FactCorrected",
    "FactOrigin",
    "FactWithdrawn",
    "InspectionConcluded",
    "RecordedFact",
    "RegistryEvent",
    "Standing",
    "WorkerRegistered",
]


class FactOrigin(OwnEvent):
    """The intake message that brought a fact: its source, its id, and when the source recorded it."""

    source: str
    id: str
    occurred_at: AwareDatetime


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


class EngagementStarted(_Recorded):
    TYPE: ClassVar[str] = "registry.engagement-started.v1"
    particulars: EngagementStart


class EngagementEnded(_Recorded):
    TYPE: ClassVar[str] = "registry.engagement-ended.v1"
    particulars: EngagementEnd


class CertificateIssued(_Recorded):
    TYPE: ClassVar[str] = "registry.certificate-issued.v1"
    particulars: Certificate


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


RecordedFact = (
    WorkerRegistered | EngagementStarted | EngagementEnded | CertificateIssued | AnnualRatingRecorded | InspectionConcluded
)
RegistryEvent = RecordedFact | FactCorrected | FactWithdrawn
