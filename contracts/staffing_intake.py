"""Intake facts about units and vacancies, for talent. ``contracts.intake`` joins them to the published language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.base import BusinessDay, Category, DivisionCode, Fact, Key, KnownPerson, ShortText, SourceName
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
    "Senseless",
    "StaffingMessage",
    "UnitStaffReported",
    "VacancyClosed",
    "VacancyDescribed",
    "VacancyDocument",
    "senseless",
]

_STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)


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


class _Vacancy(Fact):
    vacancy: Key
    unit: ShortText
    division: DivisionCode
    post: ShortText
    category: Category
    full_time: bool = Field(default=True, strict=True)
    ladder: LadderName | None = None
    hard: Annotated[tuple[Criterion, ...], Field(max_length=HARD_MAX)] = ()
    soft: Annotated[tuple[StrictSoftRequirement, ...], Field(max_length=SOFT_MAX)] = ()


class VacancyDescribed(_Vacancy):
    """A post to be filled from ``effectiveon`` on; sent again under its key, the whole of what it asks for now.

    ladder: only members of that ladder are looked at.
    """

    @model_validator(mode="after")
    def _requirements_make_sense(self) -> Self:
        for wrong in senseless(self):
            raise ValueError(f"{'.'.join(map(str, wrong.path))}: {wrong.problem}; {wrong.remedy}")
        return self


class VacancyDocument(_Vacancy):
    """The same, as somebody writes it in a file. effective_on: the first day on which the post is to be filled.

    Whether it makes sense is for ``services.talent.vacancy_document`` to say, at the place in the text.
    """

    effective_on: BusinessDay


class Senseless(NamedTuple):
    """What well-formed requirements get wrong. path: of the field."""

    path: tuple[str | int, ...]
    code: str
    problem: str
    remedy: str


def senseless(vacancy: _Vacancy) -> Iterator[Senseless]:
    """Everything that makes no sense about what a vacancy asks for."""
    if not vacancy.hard and not vacancy.soft:
        yield Senseless(("hard",), "missing", "the vacancy asks for nothing", "give hard or soft requirements")
    hard: list[tuple[tuple[str | int, ...], Any]] = [(("hard", n), criterion) for n, criterion in enumerate(vacancy.hard)]
    soft: list[tuple[tuple[str | int, ...], Any]] = [
        (("soft", n, "criterion"), s.criterion) for n, s in enumerate(vacancy.soft)
    ]
    for criteria in (hard, soft):
        names = [_name(criterion) for _, criterion in criteria]
        for place, (path, criterion) in enumerate(criteria):
            if names[place] in names[:place]:
                yield Senseless((*path, "rule"), "duplicate", f"{names[place]} is asked for twice", "keep one of the two")
            yield from _senseless(path, criterion)


def _name(criterion: Any) -> str:
    return f"competency {criterion.name}" if isinstance(criterion, CompetencyCriterion) else str(criterion.rule)


def _senseless(path: tuple[str | int, ...], criterion: Any) -> Iterator[Senseless]:
    match criterion:
        case AgeCriterion(at_least=None, at_most=None):
            yield Senseless((*path, "at_least"), "missing", "the age has no bound", "give at_least or at_most")
        case AgeCriterion(at_least=int() as low, at_most=int() as high) if low > high:
            problem = f"nobody is at least {low} and at most {high}"
            yield Senseless((*path, "at_most"), "reversed", problem, "exchange the two or correct one")
        case RatingsCriterion(count=count, of_last=years) if count > years:
            problem = f"{count} of {years} years cannot be"
            yield Senseless((*path, "count"), "contradiction", problem, "lower count, or raise of_last")


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


def _twice(names: Sequence[str]) -> bool:
    return len(set(names)) != len(names)


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
