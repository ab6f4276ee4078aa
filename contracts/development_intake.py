"""Intake facts about the development of people and about matters, for talent. ``contracts.intake`` joins them to the language.

Each is what ``contracts.development`` says, made strict: an unknown field is refused with its name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts import development as says
from contracts.base import DocumentText, Fact, KnownPerson, ShortText
from contracts.development import ACTIVITIES_MAX, CRITERIA_MAX, EVIDENCE_MAX, ITEMS_MAX, Sha256
from contracts.envelope import IntakeEnvelope

__all__ = [
    "DEVELOPMENT_TYPES",
    "MATTER_FACTS",
    "PERSON_FACTS",
    "DevelopmentMessage",
    "DevelopmentPolicyPublished",
    "MatterFact",
    "MentorAssigned",
    "MentorshipEnded",
    "PersonFact",
    "PlanActivityAdded",
    "PlanActivityMoved",
    "PlanAdopted",
    "PlanClosed",
    "PlanReviewed",
    "ProblemClosed",
    "ProblemEvidenced",
    "ProblemExtended",
    "ProblemRaised",
    "ProblemReturned",
    "ResponsibilityChecked",
    "ResponsibilityIssued",
    "ResponsibilitySigned",
    "ResponsibilityWithdrawn",
    "RotationExempted",
    "SecondmentEnded",
    "SecondmentStarted",
    "TrainingCourseRecorded",
    "TrainingReported",
    "TrainingSessionRecorded",
    "matter_said",
    "person_said",
]

_STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class DevelopmentPolicyPublished(Fact):
    """A development policy, as the YAML text of its author. ``effectiveon`` is its first effective date."""

    text: DocumentText


# --- about a person -----------------------------------------------------------------------------------------------------


class StrictActivity(says.Activity):
    model_config = _STRICT
    criteria: Annotated[tuple[ShortText, ...], Field(max_length=CRITERIA_MAX)] = ()


class PlanAdopted(says.Plan):
    """一人一策. ``effectiveon`` is the day of its adoption."""

    model_config = _STRICT
    person: KnownPerson
    activities: Annotated[tuple[StrictActivity, ...], Field(min_length=1, max_length=ACTIVITIES_MAX)]


class PlanActivityAdded(says.ActivityAdded):
    model_config = _STRICT
    person: KnownPerson
    activity: StrictActivity


class PlanActivityMoved(says.ActivityMoved):
    """An activity was begun, done or dropped on ``effectiveon``."""

    model_config = _STRICT
    person: KnownPerson


class PlanReviewed(says.PlanReview):
    model_config = _STRICT
    person: KnownPerson


class PlanClosed(says.PlanClosing):
    model_config = _STRICT
    person: KnownPerson


class RotationExempted(says.Exemption):
    """An exception of rotation, granted on ``effectiveon``."""

    model_config = _STRICT
    person: KnownPerson


class SecondmentStarted(says.Secondment):
    """挂职 from ``effectiveon`` on."""

    model_config = _STRICT
    person: KnownPerson


class SecondmentEnded(says.SecondmentEnd):
    """``effectiveon`` is its last day."""

    model_config = _STRICT
    person: KnownPerson


class TrainingReported(says.Training):
    """A result of a course. ``effectiveon`` is the day from which it counts."""

    model_config = _STRICT
    person: KnownPerson


class MentorAssigned(says.Mentorship):
    """``person`` is taught by ``mentor`` from ``effectiveon`` on."""

    model_config = _STRICT
    person: KnownPerson


class MentorshipEnded(says.MentorshipEnd):
    """``effectiveon`` is its last day."""

    model_config = _STRICT
    person: KnownPerson


# --- about a matter -----------------------------------------------------------------------------------------------------


class TrainingCourseRecorded(says.Course):
    """培训信息库: a course as it is from ``effectiveon`` on."""

    model_config = _STRICT


class TrainingSessionRecorded(says.Session):
    model_config = _STRICT


class ProblemRaised(says.Problem):
    """问题台账. Give ``due_on``, or ``working_days``, or neither: then the policy says how long it may take."""

    model_config = _STRICT


class ProblemEvidenced(says.ProblemEvidence):
    model_config = _STRICT
    evidence: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=EVIDENCE_MAX)]


class ProblemReturned(says.ProblemReturn):
    model_config = _STRICT


class ProblemExtended(says.ProblemExtension):
    model_config = _STRICT


class ProblemClosed(says.ProblemClosing):
    model_config = _STRICT


class StrictListItem(says.ListItem):
    model_config = _STRICT


class ResponsibilityIssued(says.ListIssue):
    model_config = _STRICT
    items: Annotated[tuple[StrictListItem, ...], Field(min_length=1, max_length=ITEMS_MAX)]


class ResponsibilitySigned(says.ListSignature):
    model_config = _STRICT


class ResponsibilityChecked(says.ItemCheck):
    model_config = _STRICT


class ResponsibilityWithdrawn(says.ListWithdrawal):
    model_config = _STRICT


# --- what they say ------------------------------------------------------------------------------------------------------

PersonFact = (
    PlanAdopted
    | PlanActivityAdded
    | PlanActivityMoved
    | PlanReviewed
    | PlanClosed
    | RotationExempted
    | SecondmentStarted
    | SecondmentEnded
    | TrainingReported
    | MentorAssigned
    | MentorshipEnded
)
MatterFact = (
    TrainingCourseRecorded
    | TrainingSessionRecorded
    | ProblemRaised
    | ProblemEvidenced
    | ProblemReturned
    | ProblemExtended
    | ProblemClosed
    | ResponsibilityIssued
    | ResponsibilitySigned
    | ResponsibilityChecked
    | ResponsibilityWithdrawn
)

PERSON_FACTS: dict[str, type[BaseModel]] = {
    "plan-adopted": PlanAdopted,
    "plan-activity-added": PlanActivityAdded,
    "plan-activity-moved": PlanActivityMoved,
    "plan-reviewed": PlanReviewed,
    "plan-closed": PlanClosed,
    "rotation-exempted": RotationExempted,
    "secondment-started": SecondmentStarted,
    "secondment-ended": SecondmentEnded,
    "training-reported": TrainingReported,
    "mentor-assigned": MentorAssigned,
    "mentorship-ended": MentorshipEnded,
}
MATTER_FACTS: dict[str, type[BaseModel]] = {
    "training-course-recorded": TrainingCourseRecorded,
    "training-session-recorded": TrainingSessionRecorded,
    "problem-raised": ProblemRaised,
    "problem-evidenced": ProblemEvidenced,
    "problem-returned": ProblemReturned,
    "problem-extended": ProblemExtended,
    "problem-closed": ProblemClosed,
    "responsibility-issued": ResponsibilityIssued,
    "responsibility-signed": ResponsibilitySigned,
    "responsibility-checked": ResponsibilityChecked,
    "responsibility-withdrawn": ResponsibilityWithdrawn,
}
"""Fact → class of ``data``. All are taken by talent."""


def person_said(data: PersonFact) -> Any:
    """What the fact says, without whom it is about: the class of ``contracts.development`` that it is made from."""
    return type(data).__mro__[1].model_validate(data.model_dump(exclude={"person"}))  # type: ignore[attr-defined]


def matter_said(data: MatterFact) -> Any:
    """What the fact says: the class of ``contracts.development`` that it is made from."""
    return type(data).__mro__[1].model_validate(data.model_dump())  # type: ignore[attr-defined]


# --- messages -----------------------------------------------------------------------------------------------------------


class _DevelopmentPolicyPublished(IntakeEnvelope):
    type: Literal["intake.development-policy-published.v1"]
    data: DevelopmentPolicyPublished


class _PlanAdopted(IntakeEnvelope):
    type: Literal["intake.plan-adopted.v1"]
    data: PlanAdopted


class _PlanActivityAdded(IntakeEnvelope):
    type: Literal["intake.plan-activity-added.v1"]
    data: PlanActivityAdded


class _PlanActivityMoved(IntakeEnvelope):
    type: Literal["intake.plan-activity-moved.v1"]
    data: PlanActivityMoved


class _PlanReviewed(IntakeEnvelope):
    type: Literal["intake.plan-reviewed.v1"]
    data: PlanReviewed


class _PlanClosed(IntakeEnvelope):
    type: Literal["intake.plan-closed.v1"]
    data: PlanClosed


class _RotationExempted(IntakeEnvelope):
    type: Literal["intake.rotation-exempted.v1"]
    data: RotationExempted


class _SecondmentStarted(IntakeEnvelope):
    type: Literal["intake.secondment-started.v1"]
    data: SecondmentStarted


class _SecondmentEnded(IntakeEnvelope):
    type: Literal["intake.secondment-ended.v1"]
    data: SecondmentEnded


class _TrainingReported(IntakeEnvelope):
    type: Literal["intake.training-reported.v1"]
    data: TrainingReported


class _MentorAssigned(IntakeEnvelope):
    type: Literal["intake.mentor-assigned.v1"]
    data: MentorAssigned


class _MentorshipEnded(IntakeEnvelope):
    type: Literal["intake.mentorship-ended.v1"]
    data: MentorshipEnded


class _TrainingCourseRecorded(IntakeEnvelope):
    type: Literal["intake.training-course-recorded.v1"]
    data: TrainingCourseRecorded


class _TrainingSessionRecorded(IntakeEnvelope):
    type: Literal["intake.training-session-recorded.v1"]
    data: TrainingSessionRecorded


class _ProblemRaised(IntakeEnvelope):
    type: Literal["intake.problem-raised.v1"]
    data: ProblemRaised


class _ProblemEvidenced(IntakeEnvelope):
    type: Literal["intake.problem-evidenced.v1"]
    data: ProblemEvidenced


class _ProblemReturned(IntakeEnvelope):
    type: Literal["intake.problem-returned.v1"]
    data: ProblemReturned


class _ProblemExtended(IntakeEnvelope):
    type: Literal["intake.problem-extended.v1"]
    data: ProblemExtended


class _ProblemClosed(IntakeEnvelope):
    type: Literal["intake.problem-closed.v1"]
    data: ProblemClosed


class _ResponsibilityIssued(IntakeEnvelope):
    type: Literal["intake.responsibility-issued.v1"]
    data: ResponsibilityIssued


class _ResponsibilitySigned(IntakeEnvelope):
    type: Literal["intake.responsibility-signed.v1"]
    data: ResponsibilitySigned


class _ResponsibilityChecked(IntakeEnvelope):
    type: Literal["intake.responsibility-checked.v1"]
    data: ResponsibilityChecked


class _ResponsibilityWithdrawn(IntakeEnvelope):
    type: Literal["intake.responsibility-withdrawn.v1"]
    data: ResponsibilityWithdrawn


DevelopmentMessage = (
    _DevelopmentPolicyPublished
    | _PlanAdopted
    | _PlanActivityAdded
    | _PlanActivityMoved
    | _PlanReviewed
    | _PlanClosed
    | _RotationExempted
    | _SecondmentStarted
    | _SecondmentEnded
    | _TrainingReported
    | _MentorAssigned
    | _MentorshipEnded
    | _TrainingCourseRecorded
    | _TrainingSessionRecorded
    | _ProblemRaised
    | _ProblemEvidenced
    | _ProblemReturned
    | _ProblemExtended
    | _ProblemClosed
    | _ResponsibilityIssued
    | _ResponsibilitySigned
    | _ResponsibilityChecked
    | _ResponsibilityWithdrawn
)

DEVELOPMENT_TYPES: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
    "intake.development-policy-published.v1": (DevelopmentPolicyPublished, ("talent",)),
    **{f"intake.{fact}.v1": (model, ("talent",)) for fact, model in (PERSON_FACTS | MATTER_FACTS).items()},
}
"""As ``contracts.intake.FACT_TYPES``."""
