"""What happens to people of the pool between an admission and a post, and the ledgers around it. Storage format.

Each event ``says`` what its intake fact said (the classes above the events: ``contracts.development_intake`` makes strict facts
of them), with who told it, and what the decision added: the gaps that a plan answers, the last day that was computed.

Two kinds of stream. About a person, beside the candidacy: plans, exceptions of rotation, secondments, results of training,
mentors. About a matter, under a source's own key: courses and sessions, problems to be rectified, responsibility lists.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.base import (
    AsRecorded,
    BusinessDay,
    DivisionCode,
    EventId,
    Grade,
    Key,
    LogEvent,
    LongText,
    OwnEvent,
    PersonRef,
    ShortText,
    SourceName,
    Year,
)
from contracts.development_policy import ActivityKind, DevelopmentPolicy, Topic, TrainingLevel
from contracts.registry import FactOrigin
from contracts.talent import CriterionResult

__all__ = [
    "Activity",
    "ActivityAdded",
    "ActivityMoved",
    "ActivityStatus",
    "CheckPeriod",
    "Course",
    "CourseRecorded",
    "DevelopmentEvent",
    "DevelopmentPolicyPublished",
    "Evidence",
    "Exemption",
    "ItemCheck",
    "ListIssue",
    "ListItem",
    "ListSignature",
    "ListWithdrawal",
    "MatterEvent",
    "MentorAssigned",
    "Mentorship",
    "MentorshipEnd",
    "MentorshipEnded",
    "PersonDevelopmentEvent",
    "Plan",
    "PlanActivityAdded",
    "PlanActivityMoved",
    "PlanAdopted",
    "PlanClosed",
    "PlanClosing",
    "PlanReview",
    "PlanReviewed",
    "PolicyCited",
    "Problem",
    "ProblemClosed",
    "ProblemClosing",
    "ProblemEvidence",
    "ProblemEvidenced",
    "ProblemExtended",
    "ProblemExtension",
    "ProblemRaised",
    "ProblemReturn",
    "ProblemReturned",
    "ResponsibilityChecked",
    "ResponsibilityIssued",
    "ResponsibilitySigned",
    "ResponsibilityWithdrawn",
    "RotationExempted",
    "Secondment",
    "SecondmentEnd",
    "SecondmentEnded",
    "SecondmentStarted",
    "Session",
    "SessionRecorded",
    "Training",
    "TrainingReported",
]

EVIDENCE_MAX = 20
ACTIVITIES_MAX = 40
CRITERIA_MAX = 20
ITEMS_MAX = 100
HOURS_MAX = 10_000

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Evidence = Annotated[tuple[Sha256, ...], Field(max_length=EVIDENCE_MAX)]
"""SHA-256 of attachments."""
Hours = Annotated[int, Field(strict=True, ge=0, le=HOURS_MAX)]
Flag = Annotated[bool, Field(strict=True)]


# --- what is said of a person -------------------------------------------------------------------------------------------


class Activity(OwnEvent):
    """One thing to be done. activity: its key in the plan. criteria: those of the standard that it is to help with."""

    activity: Key
    kind: ActivityKind
    title: ShortText
    begins_on: BusinessDay
    ends_on: BusinessDay
    criteria: Annotated[tuple[str, ...], Field(max_length=CRITERIA_MAX)] = ()


class Plan(OwnEvent):
    """一人一策, adopted by a person who is named by role. plan: its key, one of its own among the person's plans."""

    plan: Key
    aim: ShortText
    ends_on: BusinessDay
    review_on: BusinessDay
    activities: Annotated[tuple[Activity, ...], Field(min_length=1, max_length=ACTIVITIES_MAX)]
    adopted_by: ShortText


class ActivityAdded(OwnEvent):
    plan: Key
    activity: Activity


ActivityStatus = Literal["begun", "done", "dropped"]


class ActivityMoved(OwnEvent):
    """Where an activity has come to on the day. done needs evidence or a note, dropped a note."""

    plan: Key
    activity: Key
    status: ActivityStatus
    evidence: Evidence = ()
    note: LongText | None = None


class PlanReview(OwnEvent):
    plan: Key
    conclusion: Literal["on_track", "behind", "adjusted"]
    next_review_on: BusinessDay
    note: LongText | None = None


class PlanClosing(OwnEvent):
    """fulfilled: every activity is done or dropped, one at least done."""

    plan: Key
    outcome: Literal["fulfilled", "partly", "abandoned"]
    note: LongText | None = None


class Exemption(OwnEvent):
    """An exception of rotation: the engagement may go on until that day. engagement: as its source named it."""

    engagement: Key
    engagement_source: SourceName
    until: BusinessDay
    reason: LongText


class Secondment(OwnEvent):
    """挂职. real_duties: 挂实职, with duties of its own in the post; otherwise in name. ends_on: its planned last day."""

    secondment: Key
    unit: ShortText
    post: ShortText
    real_duties: Flag
    ends_on: BusinessDay


class SecondmentEnd(OwnEvent):
    """The event's effective date is the last day."""

    secondment: Key
    outcome: Literal["completed", "recalled", "broken_off"]
    note: LongText | None = None


class Training(OwnEvent):
    """A result from a training system; sent again under its key, what is known of it now. course: key of its source's.

    outcome: of a contest, too (``placed`` says which place). withdrawn: it should never have been reported.
    """

    result: Key
    course: Key
    session: Key | None = None
    hours: Hours
    outcome: Literal["passed", "completed", "failed", "absent", "withdrawn"]
    score: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None
    placed: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None


class Mentorship(OwnEvent):
    """特级 → 导师. mentor: who, by person_ref; the policy says which certificate they hold."""

    mentorship: Key
    mentor: PersonRef
    aim: ShortText
    ends_on: BusinessDay


class MentorshipEnd(OwnEvent):
    mentorship: Key
    outcome: Literal["completed", "broken_off"]
    note: LongText | None = None


# --- what is said of a matter -------------------------------------------------------------------------------------------


class Course(OwnEvent):
    """培训信息库. Sent again under its key, what is known of it now. contest: 技能竞赛."""

    course: Key
    title: ShortText
    topic: Topic
    level: TrainingLevel
    hours: Hours
    contest: Flag = False


class Session(OwnEvent):
    session: Key
    course: Key
    begins_on: BusinessDay
    ends_on: BusinessDay
    division: DivisionCode
    seats: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = None
    cancelled: Flag = False


class Problem(OwnEvent):
    """问题台账. unit: whose it is; owner: the role that answers for it. Its last day: given, or so many working days on."""

    problem: Key
    division: DivisionCode
    unit: ShortText
    owner: ShortText
    found_by: Literal["inspection", "appraisal", "audit", "self_check", "complaint", "other"]
    says: LongText
    due_on: BusinessDay | None = None
    working_days: Annotated[int, Field(strict=True, ge=1, le=366)] | None = None


class _OfProblem(OwnEvent):
    """problem_source: the source that raised it; left out, the publishing one."""

    problem: Key
    problem_source: SourceName | None = None


class ProblemEvidence(_OfProblem):
    evidence: Annotated[Evidence, Field(min_length=1)]
    says: LongText


class ProblemReturn(_OfProblem):
    """The evidence does not do."""

    reason: LongText


class ProblemExtension(_OfProblem):
    due_on: BusinessDay
    reason: LongText
    granted_by: ShortText


class ProblemClosing(_OfProblem):
    """销号. rectified needs evidence that was not returned."""

    outcome: Literal["rectified", "unfounded", "transferred"]
    closed_by: ShortText
    note: LongText | None = None


CheckPeriod = Literal["monthly", "quarterly", "half_yearly", "yearly"]


class ListItem(OwnEvent):
    """every: how often it is checked off."""

    item: Key
    text: ShortText
    every: CheckPeriod


class ListIssue(OwnEvent):
    """责任清单 of a year for a post of a unit; signer: the role that signs (责任书)."""

    list: Key
    division: DivisionCode
    unit: ShortText
    signer: ShortText
    year: Year
    items: Annotated[tuple[ListItem, ...], Field(min_length=1, max_length=ITEMS_MAX)]
    sign_by: BusinessDay


class _OfList(OwnEvent):
    list: Key
    list_source: SourceName | None = None


class ListSignature(_OfList):
    """签订责任书."""

    document_sha256: Sha256 | None = None


PeriodText = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])|-Q[1-4]|-H[12])?$")]
"""2026-03, 2026-Q1, 2026-H1 or 2026."""


class ItemCheck(_OfList):
    item: Key
    period: PeriodText
    result: Literal["done", "not_done"]
    evidence: Evidence = ()
    note: LongText | None = None


class ListWithdrawal(_OfList):
    reason: LongText


# --- events of a person's stream ----------------------------------------------------------------------------------------


class PolicyCited(OwnEvent):
    """event: the talent event that published it."""

    event: EventId
    document: str
    revision: int


class DevelopmentPolicyPublished(LogEvent):
    """text: the author's YAML, byte for byte; document: what was read from it."""

    TYPE: ClassVar[str] = "talent.development-policy-published.v1"
    document: Annotated[DevelopmentPolicy, AsRecorded()]
    text: str
    text_sha256: str


class _OfPerson(LogEvent):
    person_ref: PersonRef
    origin: FactOrigin


class PlanAdopted(_OfPerson):
    """gaps: the criteria that the last screening found unmet. screening: its event."""

    TYPE: ClassVar[str] = "talent.plan-adopted.v1"
    says: Plan
    division: DivisionCode
    screening: EventId
    gaps: tuple[CriterionResult, ...]


class PlanActivityAdded(_OfPerson):
    TYPE: ClassVar[str] = "talent.plan-activity-added.v1"
    says: ActivityAdded


class PlanActivityMoved(_OfPerson):
    TYPE: ClassVar[str] = "talent.plan-activity-moved.v1"
    says: ActivityMoved


class PlanReviewed(_OfPerson):
    TYPE: ClassVar[str] = "talent.plan-reviewed.v1"
    says: PlanReview


class PlanClosed(_OfPerson):
    """done, dropped, open: activities at the end."""

    TYPE: ClassVar[str] = "talent.plan-closed.v1"
    says: PlanClosing
    done: int
    dropped: int
    open: int


class RotationExempted(_OfPerson):
    """limit_on: the day that the policy would have ended the post on, without the exception."""

    TYPE: ClassVar[str] = "talent.rotation-exempted.v1"
    says: Exemption
    policy: PolicyCited
    limit_on: BusinessDay


class SecondmentStarted(_OfPerson):
    TYPE: ClassVar[str] = "talent.secondment-started.v1"
    says: Secondment


class SecondmentEnded(_OfPerson):
    TYPE: ClassVar[str] = "talent.secondment-ended.v1"
    says: SecondmentEnd


class TrainingReported(_OfPerson):
    TYPE: ClassVar[str] = "talent.training-reported.v1"
    says: Training


class MentorAssigned(_OfPerson):
    """certificate: of the mentor, as the policy asks for it: the registry's event that issued it, and its grade."""

    TYPE: ClassVar[str] = "talent.mentor-assigned.v1"
    says: Mentorship
    policy: PolicyCited
    grade: Grade
    certificate: EventId


class MentorshipEnded(_OfPerson):
    TYPE: ClassVar[str] = "talent.mentorship-ended.v1"
    says: MentorshipEnd


# --- events of a matter's stream ----------------------------------------------------------------------------------------


class _OfMatter(LogEvent):
    """matter: its stream, ``<kind>-<source>/<key>``."""

    matter: str
    origin: FactOrigin


class CourseRecorded(_OfMatter):
    TYPE: ClassVar[str] = "talent.training-course-recorded.v1"
    says: Course


class SessionRecorded(_OfMatter):
    TYPE: ClassVar[str] = "talent.training-session-recorded.v1"
    says: Session


class ProblemRaised(_OfMatter):
    """due_on: the last day, computed once. calendar: name and version that it was counted on; empty: it was given."""

    TYPE: ClassVar[str] = "talent.problem-raised.v1"
    says: Problem
    due_on: BusinessDay
    calendar: str


class ProblemEvidenced(_OfMatter):
    TYPE: ClassVar[str] = "talent.problem-evidenced.v1"
    says: ProblemEvidence


class ProblemReturned(_OfMatter):
    TYPE: ClassVar[str] = "talent.problem-returned.v1"
    says: ProblemReturn


class ProblemExtended(_OfMatter):
    TYPE: ClassVar[str] = "talent.problem-extended.v1"
    says: ProblemExtension


class ProblemClosed(_OfMatter):
    """late: days after the last day; 0: in time."""

    TYPE: ClassVar[str] = "talent.problem-closed.v1"
    says: ProblemClosing
    late: int


class ResponsibilityIssued(_OfMatter):
    TYPE: ClassVar[str] = "talent.responsibility-issued.v1"
    says: ListIssue


class ResponsibilitySigned(_OfMatter):
    TYPE: ClassVar[str] = "talent.responsibility-signed.v1"
    says: ListSignature


class ResponsibilityChecked(_OfMatter):
    TYPE: ClassVar[str] = "talent.responsibility-checked.v1"
    says: ItemCheck


class ResponsibilityWithdrawn(_OfMatter):
    TYPE: ClassVar[str] = "talent.responsibility-withdrawn.v1"
    says: ListWithdrawal


PersonDevelopmentEvent = (
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
MatterEvent = (
    CourseRecorded
    | SessionRecorded
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
DevelopmentEvent = DevelopmentPolicyPublished | PersonDevelopmentEvent | MatterEvent
