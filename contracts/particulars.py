"""What a fact says, apart from whom it is about: the part that corrections replace and that other services keep.

One class a kind. Each kind says which *slot* it fills: two facts in one slot say the same thing about the same
matter, so at most one of them can stand (see ``contracts.registry.Standing``).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.base import BusinessDay, Category, DivisionCode, EntryChannel, Grade, Key, Rating, ShortText, Year

__all__ = [
    "PARTICULARS_BY_KIND",
    "Certificate",
    "EngagementEnd",
    "EngagementStart",
    "InspectionResult",
    "Particulars",
    "RatingResult",
    "Registration",
]


class _Particulars(BaseModel):
    """Tolerant of fields that a newer version may add: events carry it. Intake facts are strict, see contracts.intake."""

    model_config = ConfigDict(frozen=True, extra="ignore")


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
    """离任. ``effective_on`` is the last day of the engagement."""

    kind: Literal["engagement-end"] = "engagement-end"
    engagement: Key
    reason: Literal["resigned", "retired", "transferred", "dismissed", "term_ended", "died", "other"]

    def slot(self, source: str) -> str:
        return f"engagement-end/{source}/{self.engagement}"


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


class RatingResult(_Particulars):
    """年度考核等次 for a calendar year. ``effective_on`` is the date of the result."""

    kind: Literal["rating"] = "rating"
    year: Year
    rating: Rating

    def slot(self, source: str) -> str:
        return f"rating/{self.year}"


class InspectionResult(_Particulars):
    """年检 for a calendar year. ``effective_on`` is the date of the conclusion."""

    kind: Literal["inspection"] = "inspection"
    year: Year
    outcome: Literal["passed", "failed", "missed"]

    def slot(self, source: str) -> str:
        return f"inspection/{self.year}"


Particulars = Annotated[
    Registration | EngagementStart | EngagementEnd | Certificate | RatingResult | InspectionResult,
    Field(discriminator="kind"),
]

PARTICULARS_BY_KIND: dict[str, Any] = {
    "registration": Registration,
    "engagement-start": EngagementStart,
    "engagement-end": EngagementEnd,
    "certificate": Certificate,
    "rating": RatingResult,
    "inspection": InspectionResult,
}
