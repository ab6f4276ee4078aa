"""What a fact says, apart from whom it is about: the part that corrections replace and that other services keep.

One class a kind. Each kind says which *slot* it fills: two facts in one slot say the same thing about the same
matter, so at most one of them can stand (see ``contracts.registry.Standing``).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from contracts.base import (
    BusinessDay,
    Category,
    DivisionCode,
    EntryChannel,
    Grade,
    Key,
    OwnEvent,
    Rating,
    ShortText,
    SourceName,
    Year,
)

__all__ = [
    "PARTICULARS_BY_KIND",
    "Certificate",
    "CertificateChange",
    "CheckedItem",
    "EngagementEnd",
    "EngagementStart",
    "InspectionResult",
    "Particulars",
    "RatingResult",
    "Recognition",
    "Registration",
    "RegistrationStatus",
    "Transfer",
]

CHECKED_MAX = 50
"""Items of one inspection."""


class _Particulars(OwnEvent):
    """Tolerant of fields that a newer version may add: events carry it. Intake facts are strict, see contracts.intake."""


class Registration(_Particulars):
    """注册登记. ``effective_on`` is the date of registration.

    division: the managing county or city (GB/T 2260). managing/posting/serving units: 县管镇用, by name or code.
    civil_servant: on the civil-service establishment (some policies exclude it).
    """

    kind: Literal["registration"] = "registration"
    division: DivisionCode
    managing_unit: ShortText | None = None
    posting_unit: ShortText | None = None
    serving_unit: ShortText | None = None
    civil_servant: bool = Field(default=False, strict=True)

    def slot(self, source: str) -> str:
        return "registration"


class Transfer(_Particulars):
    """转接. From ``effective_on`` the worker is registered in another division, with other units if they are named.

    key: the source's own key for the transfer.
    """

    kind: Literal["transfer"] = "transfer"
    key: Key
    division: DivisionCode
    managing_unit: ShortText | None = None
    posting_unit: ShortText | None = None
    serving_unit: ShortText | None = None

    def slot(self, source: str) -> str:
        return f"transfer/{source}/{self.key}"


class RegistrationStatus(_Particulars):
    """注销, 恢复. closed: ``effective_on`` is the last day of the registration; reopened: the first day again.

    key: the source's own key for this closing or reopening.
    """

    kind: Literal["registration-status"] = "registration-status"
    key: Key
    status: Literal["closed", "reopened"]
    reason: Literal["left", "retired", "died", "moved_away", "mistake", "returned", "other"]

    def slot(self, source: str) -> str:
        return f"registration-status/{source}/{self.key}"


class EngagementStart(_Particulars):
    """聘任. ``effective_on`` is the first day of the engagement.

    engagement: the source's own key for this engagement; its end names the same key.
    """

    kind: Literal["engagement-start"] = "engagement-start"
    engagement: Key
    category: Category
    unit: ShortText
    post: ShortText
    full_time: bool = Field(default=True, strict=True)
    entry_channel: EntryChannel | None = None

    def slot(self, source: str) -> str:
        return f"engagement-start/{source}/{self.engagement}"


class EngagementEnd(_Particulars):
    """离任. ``effective_on`` is the last day of the engagement.

    engagement_source: the source that reported the engagement, if it is not the one that reports its end.
    """

    kind: Literal["engagement-end"] = "engagement-end"
    engagement: Key
    engagement_source: SourceName | None = None
    reason: Literal["resigned", "retired", "transferred", "dismissed", "term_ended", "died", "other"]

    def slot(self, source: str) -> str:
        return f"engagement-end/{self.engagement_source or source}/{self.engagement}"


class Certificate(_Particulars):
    """资格证书, an existing certificate taken over. ``effective_on`` is the date of issue.

    A later certificate of a higher grade supersedes the earlier one (晋升). expires_on: last day of validity.
    issuer: the division that issued it.
    """

    kind: Literal["certificate"] = "certificate"
    number: Key
    grade: Grade
    issuer: DivisionCode
    expires_on: BusinessDay | None = None

    def slot(self, source: str) -> str:
        return f"certificate/{self.number}"


class CertificateChange(_Particulars):
    """证书状态变更. ``effective_on`` is the first day on which it counts; until when a certificate holds is in its issue.

    suspended and reinstated come in turn; downgraded says the new ``grade``; revoked and superseded are for ever.
    ``contracts.certificate_life`` says what the changes of a certificate come to. key: the source's own key for the change.
    """

    kind: Literal["certificate-change"] = "certificate-change"
    key: Key
    number: Key
    change: Literal["suspended", "reinstated", "downgraded", "revoked", "superseded"]
    grade: Grade | None = None
    reason: ShortText

    def slot(self, source: str) -> str:
        return f"certificate-change/{source}/{self.key}"


class Recognition(_Particulars):
    """证书认可: from ``effective_on`` the certificate holds in ``division`` too, outside the territory of its issuer."""

    kind: Literal["recognition"] = "recognition"
    number: Key
    division: DivisionCode

    def slot(self, source: str) -> str:
        return f"recognition/{self.number}/{self.division}"


class RatingResult(_Particulars):
    """年度考核等次 for a calendar year. ``effective_on`` is the date of the result."""

    kind: Literal["rating"] = "rating"
    year: Year
    rating: Rating

    def slot(self, source: str) -> str:
        return f"rating/{self.year}"


class CheckedItem(_Particulars):
    """One thing that an inspection looked at: a word of its list, and whether it was in order."""

    item: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    in_order: bool = Field(strict=True)


class InspectionResult(_Particulars):
    """年检 for a calendar year. ``effective_on`` is the date of the conclusion. checked: what was looked at, if it is told."""

    kind: Literal["inspection"] = "inspection"
    year: Year
    outcome: Literal["passed", "failed", "missed"]
    checked: Annotated[tuple[CheckedItem, ...], Field(max_length=CHECKED_MAX)] = ()

    def slot(self, source: str) -> str:
        return f"inspection/{self.year}"


Particulars = Annotated[
    Registration
    | Transfer
    | RegistrationStatus
    | EngagementStart
    | EngagementEnd
    | Certificate
    | CertificateChange
    | Recognition
    | RatingResult
    | InspectionResult,
    Field(discriminator="kind"),
]

PARTICULARS_BY_KIND: dict[str, Any] = {
    "registration": Registration,
    "transfer": Transfer,
    "registration-status": RegistrationStatus,
    "engagement-start": EngagementStart,
    "engagement-end": EngagementEnd,
    "certificate": Certificate,
    "certificate-change": CertificateChange,
    "recognition": Recognition,
    "rating": RatingResult,
    "inspection": InspectionResult,
}
