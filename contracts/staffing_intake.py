"""Intake facts about units and vacancies, for talent. ``contracts.intake`` joins them to the published language."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.base import Category, DivisionCode, Fact, Key, KnownPerson, ShortText, SourceName
from contracts.envelope import IntakeEnvelope
from contracts.staffing import (
    HARD_MAX,
    POSTS_MAX,
    SOFT_MAX,
    LeadershipModel,
    SoftRequirement,
    StaffCount,
    UnitPost,
    VacancyOutcome,
)
from contracts.standard import AgeCriterion, CompetencyCriterion, Criterion, LadderName, RatingsCriterion

__all__ = [
    "STAFFING_TYPES",
    "LeadershipModelSet",
    "StaffingMessage",
    "UnitStaffReported",
    "VacancyClosed",
    "VacancyDescribed",
]

_STRICT = ConfigDict(frozen=True, extra="forbid")


class UnitStaffReported(Fact):
    """职工人数: staff of a unit on ``effectiveon``, all kinds of work together. unit: named as engagements name it."""

    unit: ShortText
    division: DivisionCode
    staff: StaffCount


class StrictUnitPost(UnitPost):
    model_config = _STRICT


class StrictSoftRequirement(SoftRequirement):
    model_config = _STRICT


class LeadershipModelSet(Fact):
    """选拔方式: how a unit is led from ``effectiveon`` on, with all of its posts that this is about."""

    unit: ShortText
    division: DivisionCode
    model: LeadershipModel
    posts: Annotated[tuple[StrictUnitPost, ...], Field(min_length=1, max_length=POSTS_MAX)]

    @model_validator(mode="after")
    def _posts_fit_the_model(self) -> Self:
        if _twice([post.post for post in self.posts]):
            raise ValueError("each post is named once; several people in one post are its seats")
        sides = {post.side for post in self.posts}
        if self.model in ("one_person", "cross_appointment") and sides != {"party", "management"}:
            raise ValueError(f"the model {self.model} is about posts of both sides, party and management; name one of each")
        if self.model in ("full_time_secretary", "dispatched") and "party" not in sides:
            raise ValueError(f"the model {self.model} is about a post of the party; name it with side party")
        return self


class VacancyDescribed(Fact):
    """A post to be filled from ``effectiveon`` on; sent again under its key, the whole of what it asks for now.

    ladder: only members of that ladder are looked at.
    """

    vacancy: Key
    unit: ShortText
    division: DivisionCode
    post: ShortText
    category: Category
    full_time: bool = Field(default=True, strict=True)
    ladder: LadderName | None = None
    hard: Annotated[tuple[Criterion, ...], Field(max_length=HARD_MAX)] = ()
    soft: Annotated[tuple[StrictSoftRequirement, ...], Field(max_length=SOFT_MAX)] = ()

    @model_validator(mode="after")
    def _requirements_make_sense(self) -> Self:
        if not self.hard and not self.soft:
            raise ValueError("a vacancy asks for something; give hard or soft requirements")
        for criteria in (self.hard, [each.criterion for each in self.soft]):
            if _twice([_name(criterion) for criterion in criteria]):
                raise ValueError("the same thing is asked for twice; keep one of the two")
        for criterion in (*self.hard, *(each.criterion for each in self.soft)):
            _check(criterion)
        return self


class VacancyClosed(Fact):
    """vacancy_source: the source that described it; left out, the publishing one. person: who fills it."""

    vacancy: Key
    vacancy_source: SourceName | None = None
    outcome: VacancyOutcome
    person: KnownPerson | None = None

    @model_validator(mode="after")
    def _filled_by_somebody(self) -> Self:
        if (self.outcome == "filled") != (self.person is not None):
            raise ValueError("a vacancy that is filled names the person who fills it, one that is withdrawn names nobody")
        return self


def _twice(names: Sequence[Hashable]) -> bool:
    return len(set(names)) != len(names)


def _name(criterion: Any) -> str:
    return f"competency {criterion.name}" if isinstance(criterion, CompetencyCriterion) else str(criterion.rule)


def _check(criterion: Any) -> None:
    match criterion:
        case AgeCriterion(at_least=None, at_most=None):
            raise ValueError("the age has no bound; give at_least or at_most")
        case AgeCriterion(at_least=int() as low, at_most=int() as high) if low > high:
            raise ValueError(f"nobody is at least {low} and at most {high}; exchange the two or correct one")
        case RatingsCriterion(count=count, of_last=years) if count > years:
            raise ValueError(f"{count} of {years} years cannot be; lower count, or raise of_last")


# --- messages -----------------------------------------------------------------------------------------------------------


class _UnitStaffReported(IntakeEnvelope):
    type: Literal["intake.unit-staff-reported.v1"]
    data: UnitStaffReported


class _LeadershipModelSet(IntakeEnvelope):
    type: Literal["intake.leadership-model-set.v1"]
    data: LeadershipModelSet


class _VacancyDescribed(IntakeEnvelope):
    type: Literal["intake.vacancy-described.v1"]
    data: VacancyDescribed


class _VacancyClosed(IntakeEnvelope):
    type: Literal["intake.vacancy-closed.v1"]
    data: VacancyClosed


StaffingMessage = _UnitStaffReported | _LeadershipModelSet | _VacancyDescribed | _VacancyClosed

STAFFING_TYPES: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "intake.unit-staff-reported.v1": (UnitStaffReported, ("talent",)),
    "intake.leadership-model-set.v1": (LeadershipModelSet, ("talent",)),
    "intake.vacancy-described.v1": (VacancyDescribed, ("talent",)),
    "intake.vacancy-closed.v1": (VacancyClosed, ("talent",)),
}
"""Type → (class of ``data``, services that take it)."""
