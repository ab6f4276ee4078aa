"""What a unit has and needs: its staff, its leadership model (选拔方式), its vacancies. Storage format, and what the facts say.

A unit is named as engagements name it, by text within a division: what is told here is compared with who holds a post there. A
vacancy has a key of its source's; its requirements are criteria as of a qualification standard (``contracts.standard``): hard
ones without which nobody is proposed, soft ones by whose weights those who meet the hard ones are ranked.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.base import AsRecorded, Category, DivisionCode, LogEvent, OwnEvent, PersonRef, ShortText
from contracts.registry import FactOrigin
from contracts.standard import Criterion, LadderName

__all__ = [
    "LEADERSHIP_MODELS",
    "LeadershipModel",
    "LeadershipModelSet",
    "Side",
    "SoftRequirement",
    "StaffCount",
    "StaffingEvent",
    "UnitPost",
    "UnitStaffReported",
    "VacancyClosed",
    "VacancyDescribed",
    "VacancyOutcome",
]

STAFF_MAX = 10_000_000
POSTS_MAX = 40
SEATS_MAX = 100
HARD_MAX = 40
SOFT_MAX = 40
WEIGHT_MAX = 100

StaffCount = Annotated[int, Field(strict=True, ge=0, le=STAFF_MAX)]
"""Staff of a unit, all kinds of work together."""

LeadershipModel = Literal["one_person", "cross_appointment", "full_time_secretary", "dispatched"]
"""一肩挑; 双向进入、交叉任职; 专职; 委派."""
LEADERSHIP_MODELS: tuple[LeadershipModel, ...] = ("one_person", "cross_appointment", "full_time_secretary", "dispatched")

Side = Literal["party", "management"]
"""党组织, or 行政、经营管理: which of the two bodies a post belongs to."""

VacancyOutcome = Literal["filled", "withdrawn"]


class UnitPost(OwnEvent):
    """A post of the unit, under the name by which engagements know it. seats: how many people it is for."""

    post: ShortText
    side: Side
    category: Category | None = None
    seats: Annotated[int, Field(strict=True, ge=1, le=SEATS_MAX)] = 1


class SoftRequirement(OwnEvent):
    """weight: what meeting the criterion fully adds, in points; compared with the others' only."""

    criterion: Criterion
    weight: Annotated[int, Field(strict=True, ge=1, le=WEIGHT_MAX)]


class UnitStaffReported(LogEvent):
    """Staff of a unit on the event's effective date."""

    TYPE: ClassVar[str] = "talent.unit-staff-reported.v1"
    origin: FactOrigin
    unit: ShortText
    division: DivisionCode
    staff: StaffCount


class LeadershipModelSet(LogEvent):
    """How a unit is led from the event's effective date on, and all of its posts that this is about."""

    TYPE: ClassVar[str] = "talent.leadership-model-set.v1"
    origin: FactOrigin
    unit: ShortText
    division: DivisionCode
    model: LeadershipModel
    posts: tuple[UnitPost, ...]


class VacancyDescribed(LogEvent):
    """A post to be filled from the event's effective date on. vacancy: ``<source>/<the source's own key>``."""

    TYPE: ClassVar[str] = "talent.vacancy-described.v1"
    origin: FactOrigin
    vacancy: str
    unit: ShortText
    division: DivisionCode
    post: ShortText
    category: Category
    full_time: bool
    ladder: LadderName | None
    hard: Annotated[tuple[Criterion, ...], AsRecorded()]
    soft: Annotated[tuple[SoftRequirement, ...], AsRecorded()]


class VacancyClosed(LogEvent):
    """person_ref: who fills it."""

    TYPE: ClassVar[str] = "talent.vacancy-closed.v1"
    origin: FactOrigin
    vacancy: str
    outcome: VacancyOutcome
    person_ref: PersonRef | None = None


StaffingEvent = UnitStaffReported | LeadershipModelSet | VacancyDescribed | VacancyClosed
