"""Intake facts about appraisal cycles and conduct, for talent. ``contracts.intake`` joins them to the published language.

A cycle is named by the key that its source gave it, and by that source, if it is not the publishing one. A rater is a role of
the cycle's document and a token; who the rater is stays with the source.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from contracts.appraisal import SanctionStep, Word
from contracts.appraisal_events import Mark, RaterToken
from contracts.base import BusinessDay, DocumentText, Fact, Key, KnownPerson, LongText, Rating, ShortText, SourceName
from contracts.envelope import IntakeEnvelope

__all__ = [
    "APPRAISAL_TYPES",
    "ActOnCycle",
    "AppraisalAppealDecided",
    "AppraisalCycleCancelled",
    "AppraisalCycleConcluded",
    "AppraisalCycleOpened",
    "AppraisalCyclePublished",
    "AppraisalCycleScored",
    "AppraisalFact",
    "AppraisalMessage",
    "AppraisalPersonEnrolled",
    "AppraisalRatingGiven",
    "AppraisalRatingWithdrawn",
    "AppraisalResultAppealed",
    "AppraisalResultMeasured",
    "ConductFact",
    "ConductWithdrawn",
    "HonourAwarded",
    "MarkingFact",
    "PointsRecorded",
    "SanctionImposed",
    "SanctionLifted",
]

_STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)
MARKS_MAX = 40
POINTS_MAX = 100_000
ACHIEVED_MAX = 1_000_000_000


class _OfCycle(Fact):
    """cycle: as given when it was opened; cycle_source: the source that opened it (the publishing one if left out)."""

    cycle: Key
    cycle_source: SourceName | None = None


class AppraisalCycleOpened(Fact):
    """A cycle, as the YAML text of its author. cycle: the source's own key for it; all that follows names it."""

    cycle: Key
    text: DocumentText


class AppraisalPersonEnrolled(_OfCycle):
    """Where the person stands is taken from the registry's facts, as of the last day of the period."""

    person: KnownPerson


class StrictMark(Mark):
    model_config = _STRICT


def _each_once(marks: tuple[StrictMark, ...]) -> tuple[StrictMark, ...]:
    if len({mark.item for mark in marks}) != len(marks):
        raise ValueError("each item is marked once")
    return marks


class AppraisalRatingGiven(_OfCycle):
    """One rater's marks for one person, on the day of ``effectiveon``. Said again by the same rater, the later one counts."""

    person: KnownPerson
    role: Word
    rater: RaterToken
    marks: Annotated[tuple[StrictMark, ...], Field(min_length=1, max_length=MARKS_MAX), AfterValidator(_each_once)]


class AppraisalRatingWithdrawn(_OfCycle):
    """Of what the rater has said of the person up to ``time`` nothing counts."""

    person: KnownPerson
    role: Word
    rater: RaterToken
    reason: ShortText


class AppraisalResultMeasured(_OfCycle):
    """What was achieved of a quantitative item, in its unit. Said again, the later one counts."""

    person: KnownPerson
    item: Word
    achieved: Annotated[int, Field(strict=True, ge=0, le=ACHIEVED_MAX)]


class AppraisalCycleScored(_OfCycle):
    """Asks for the scoring, of everything that has come so far."""


class AppraisalCyclePublished(_OfCycle):
    """公示 from ``effectiveon`` on. appeals_until: the last day for an appeal."""

    appeals_until: BusinessDay


class AppraisalResultAppealed(_OfCycle):
    """申诉. appeal: the source's own key for it. grounds: without naming anybody."""

    person: KnownPerson
    appeal: Key
    grounds: LongText


class AppraisalAppealDecided(_OfCycle):
    """upheld needs the new ``rating``, dismissed must not have one."""

    person: KnownPerson
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


class AppraisalCycleConcluded(_OfCycle):
    """Makes the ratings final. Those of a year are told to the registry."""


class AppraisalCycleCancelled(_OfCycle):
    reason: ShortText


# --- conduct --------------------------------------------------------------------------------------------------------------


class _Entry(Fact):
    """entry: the source's own key for it."""

    person: KnownPerson
    entry: Key


def _not_zero(points: int) -> int:
    if points == 0:
        raise ValueError("points are earned or deducted, not 0")
    return points


class PointsRecorded(_Entry):
    """积分. points: earned; deducted, if less than 0."""

    points: Annotated[int, Field(strict=True, ge=-POINTS_MAX, le=POINTS_MAX), AfterValidator(_not_zero)]
    reason: ShortText


class SanctionImposed(_Entry):
    """From ``effectiveon``, to the last day ``until``; without one, until it is lifted."""

    step: SanctionStep
    until: BusinessDay | None = None
    reason: ShortText


class SanctionLifted(_Entry):
    """``effectiveon`` is its last day. entry_source: the source that imposed it (the publishing one if left out)."""

    entry_source: SourceName | None = None
    reason: ShortText


class HonourAwarded(_Entry):
    """表彰. title: of the honour, without names of people."""

    title: ShortText
    level: Literal["unit", "county", "city", "province", "state"]


class ConductWithdrawn(_Entry):
    """Points, a sanction or an honour that should never have been reported."""

    entry_source: SourceName | None = None
    reason: ShortText


ActOnCycle = (
    AppraisalCycleOpened
    | AppraisalCycleScored
    | AppraisalCyclePublished
    | AppraisalResultAppealed
    | AppraisalAppealDecided
    | AppraisalCycleConcluded
    | AppraisalCycleCancelled
)
MarkingFact = AppraisalPersonEnrolled | AppraisalRatingGiven | AppraisalRatingWithdrawn | AppraisalResultMeasured
ConductFact = PointsRecorded | SanctionImposed | SanctionLifted | HonourAwarded | ConductWithdrawn
AppraisalFact = ActOnCycle | MarkingFact | ConductFact


# --- messages -------------------------------------------------------------------------------------------------------------


class _AppraisalCycleOpened(IntakeEnvelope):
    type: Literal["intake.appraisal-cycle-opened.v1"]
    data: AppraisalCycleOpened


class _AppraisalPersonEnrolled(IntakeEnvelope):
    type: Literal["intake.appraisal-person-enrolled.v1"]
    data: AppraisalPersonEnrolled


class _AppraisalRatingGiven(IntakeEnvelope):
    type: Literal["intake.appraisal-rating-given.v1"]
    data: AppraisalRatingGiven


class _AppraisalRatingWithdrawn(IntakeEnvelope):
    type: Literal["intake.appraisal-rating-withdrawn.v1"]
    data: AppraisalRatingWithdrawn


class _AppraisalResultMeasured(IntakeEnvelope):
    type: Literal["intake.appraisal-result-measured.v1"]
    data: AppraisalResultMeasured


class _AppraisalCycleScored(IntakeEnvelope):
    type: Literal["intake.appraisal-cycle-scored.v1"]
    data: AppraisalCycleScored


class _AppraisalCyclePublished(IntakeEnvelope):
    type: Literal["intake.appraisal-cycle-published.v1"]
    data: AppraisalCyclePublished


class _AppraisalResultAppealed(IntakeEnvelope):
    type: Literal["intake.appraisal-result-appealed.v1"]
    data: AppraisalResultAppealed


class _AppraisalAppealDecided(IntakeEnvelope):
    type: Literal["intake.appraisal-appeal-decided.v1"]
    data: AppraisalAppealDecided


class _AppraisalCycleConcluded(IntakeEnvelope):
    type: Literal["intake.appraisal-cycle-concluded.v1"]
    data: AppraisalCycleConcluded


class _AppraisalCycleCancelled(IntakeEnvelope):
    type: Literal["intake.appraisal-cycle-cancelled.v1"]
    data: AppraisalCycleCancelled


class _PointsRecorded(IntakeEnvelope):
    type: Literal["intake.points-recorded.v1"]
    data: PointsRecorded


class _SanctionImposed(IntakeEnvelope):
    type: Literal["intake.sanction-imposed.v1"]
    data: SanctionImposed


class _SanctionLifted(IntakeEnvelope):
    type: Literal["intake.sanction-lifted.v1"]
    data: SanctionLifted


class _HonourAwarded(IntakeEnvelope):
    type: Literal["intake.honour-awarded.v1"]
    data: HonourAwarded


class _ConductWithdrawn(IntakeEnvelope):
    type: Literal["intake.conduct-withdrawn.v1"]
    data: ConductWithdrawn


AppraisalMessage = (
    _AppraisalCycleOpened
    | _AppraisalPersonEnrolled
    | _AppraisalRatingGiven
    | _AppraisalRatingWithdrawn
    | _AppraisalResultMeasured
    | _AppraisalCycleScored
    | _AppraisalCyclePublished
    | _AppraisalResultAppealed
    | _AppraisalAppealDecided
    | _AppraisalCycleConcluded
    | _AppraisalCycleCancelled
    | _PointsRecorded
    | _SanctionImposed
    | _SanctionLifted
    | _HonourAwarded
    | _ConductWithdrawn
)

APPRAISAL_TYPES: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "intake.appraisal-cycle-opened.v1": (AppraisalCycleOpened, ("talent",)),
    "intake.appraisal-person-enrolled.v1": (AppraisalPersonEnrolled, ("talent",)),
    "intake.appraisal-rating-given.v1": (AppraisalRatingGiven, ("talent",)),
    "intake.appraisal-rating-withdrawn.v1": (AppraisalRatingWithdrawn, ("talent",)),
    "intake.appraisal-result-measured.v1": (AppraisalResultMeasured, ("talent",)),
    "intake.appraisal-cycle-scored.v1": (AppraisalCycleScored, ("talent",)),
    "intake.appraisal-cycle-published.v1": (AppraisalCyclePublished, ("talent",)),
    "intake.appraisal-result-appealed.v1": (AppraisalResultAppealed, ("talent",)),
    "intake.appraisal-appeal-decided.v1": (AppraisalAppealDecided, ("talent",)),
    "intake.appraisal-cycle-concluded.v1": (AppraisalCycleConcluded, ("talent",)),
    "intake.appraisal-cycle-cancelled.v1": (AppraisalCycleCancelled, ("talent",)),
    "intake.points-recorded.v1": (PointsRecorded, ("talent",)),
    "intake.sanction-imposed.v1": (SanctionImposed, ("talent",)),
    "intake.sanction-lifted.v1": (SanctionLifted, ("talent",)),
    "intake.honour-awarded.v1": (HonourAwarded, ("talent",)),
    "intake.conduct-withdrawn.v1": (ConductWithdrawn, ("talent",)),
}
"""As ``contracts.intake.FACT_TYPES``."""
