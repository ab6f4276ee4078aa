"""Written samples of the events of development, for ``tests.contracts.golden``."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from contracts.base import LogEvent
from contracts.development import (
    Activity,
    ActivityAdded,
    ActivityMoved,
    Course,
    CourseRecorded,
    DevelopmentPolicyPublished,
    Exemption,
    ItemCheck,
    ListIssue,
    ListItem,
    ListSignature,
    ListWithdrawal,
    MentorAssigned,
    Mentorship,
    MentorshipEnd,
    MentorshipEnded,
    Plan,
    PlanActivityAdded,
    PlanActivityMoved,
    PlanAdopted,
    PlanClosed,
    PlanClosing,
    PlanReview,
    PlanReviewed,
    PolicyCited,
    Problem,
    ProblemClosed,
    ProblemClosing,
    ProblemEvidence,
    ProblemEvidenced,
    ProblemExtended,
    ProblemExtension,
    ProblemRaised,
    ProblemReturn,
    ProblemReturned,
    ResponsibilityChecked,
    ResponsibilityIssued,
    ResponsibilitySigned,
    ResponsibilityWithdrawn,
    RotationExempted,
    Secondment,
    SecondmentEnd,
    SecondmentEnded,
    SecondmentStarted,
    Session,
    SessionRecorded,
    Training,
    TrainingReported,
)
from contracts.development_policy import DevelopmentPolicy
from contracts.registry import FactOrigin
from contracts.talent import CriterionResult

__all__ = ["SAMPLES"]

_HEX = "0123456789abcdef" * 4


def _id(number: int) -> str:
    return f"01890000-0000-7000-8000-{number:012x}"


def _about(number: int) -> dict[str, Any]:
    origin = FactOrigin(source="hr", id=f"v-{number}", occurred_at=datetime(2025, 4, number, 8, 0, tzinfo=UTC))
    return {"person_ref": "p0000000000000000000000000a", "origin": origin}


def _of(matter: str, number: int) -> dict[str, Any]:
    origin = FactOrigin(source="hr", id=f"v-{number}", occurred_at=datetime(2025, 4, number, 8, 0, tzinfo=UTC))
    return {"matter": matter, "origin": origin}


_POLICY = DevelopmentPolicy.model_validate(
    {
        "document": "development-1",
        "revision": 2,
        "title": "培养管理办法",
        "title_en": "Development",
        "division": "320100",
        "effective_on": "2025-01-01",
        "source": "an example",
        "note": "an example",
        "rotation": {"clause": "1", "categories": ["secretary"]},
        "training": [
            {
                "name": "new-secretary",
                "zh": "任职培训",
                "en": "induction",
                "clause": "2",
                "when": "on_appointment",
                "months": 6,
                "categories": ["secretary"],
                "posts": ["书记"],
                "new_only": True,
                "hours_at_least": 24,
                "topics": ["branch-secretary"],
                "levels": ["city"],
            }
        ],
        "mentoring": {"clause": "3"},
        "rectification": {"clause": "4"},
        "suggestions": [{"criterion": "certificate", "kind": "training", "zh": "培训", "en": "training", "months": 6}],
    }
)
_CITED = PolicyCited(event=_id(90), document="development-1", revision=2)
_ACTIVITY = Activity(
    activity="a-1",
    kind="inspection_tour",
    title="参加巡察",
    begins_on=date(2025, 5, 1),
    ends_on=date(2025, 7, 31),
    criteria=("competency_political",),
)
_FURTHER = _ACTIVITY.model_copy(update={"activity": "a-2"})
_GAP = CriterionResult(
    name="competency_political", required="at least 4 of 5", found="3 of 5", met=False, facts=(_id(82),), clause="8"
)
_PROBLEM, _LIST = "problem-hr/P-1", "list-hr/L-1"

SAMPLES: tuple[LogEvent, ...] = (
    DevelopmentPolicyPublished(document=_POLICY, text="# 示例\ndocument: development-1\n", text_sha256=_HEX),
    PlanAdopted(
        **_about(1),
        says=Plan(
            plan="plan-1",
            aim="补齐短板",
            ends_on=date(2025, 12, 31),
            review_on=date(2025, 8, 31),
            activities=(_ACTIVITY,),
            adopted_by="组织部",
        ),
        division="320102",
        screening=_id(83),
        gaps=(_GAP,),
    ),
    PlanActivityAdded(
        **_about(2), says=ActivityAdded(plan="plan-1", activity=_ACTIVITY.model_copy(update={"activity": "a-2"}))
    ),
    PlanActivityMoved(
        **_about(3), says=ActivityMoved(plan="plan-1", activity="a-1", status="done", evidence=(_HEX,), note="总结在档")
    ),
    PlanReviewed(
        **_about(4), says=PlanReview(plan="plan-1", conclusion="on_track", next_review_on=date(2025, 10, 31), note="正常")
    ),
    PlanClosed(**_about(5), says=PlanClosing(plan="plan-1", outcome="partly", note="调任"), done=1, dropped=0, open=1),
    RotationExempted(
        **_about(6),
        says=Exemption(engagement="e-1", engagement_source="hr", until=date(2026, 6, 30), reason="换届在即"),
        policy=_CITED,
        limit_on=date(2025, 12, 31),
    ),
    SecondmentStarted(
        **_about(7),
        says=Secondment(secondment="s-1", unit="某街道", post="副书记", real_duties=True, ends_on=date(2026, 4, 30)),
    ),
    SecondmentEnded(**_about(8), says=SecondmentEnd(secondment="s-1", outcome="completed", note="期满")),
    TrainingReported(
        **_about(9),
        says=Training(result="r-1", course="c-1", session="c-1-a", hours=24, outcome="passed", score=92, placed=1),
    ),
    MentorAssigned(
        **_about(10),
        says=Mentorship(mentorship="m-1", mentor="p0000000000000000000000000b", aim="带教", ends_on=date(2026, 4, 9)),
        policy=_CITED,
        grade="special",
        certificate=_id(4),
    ),
    MentorshipEnded(**_about(11), says=MentorshipEnd(mentorship="m-1", outcome="completed", note="期满")),
    CourseRecorded(
        **_of("course-hr/c-1", 12),
        says=Course(course="c-1", title="任职培训", topic="branch-secretary", level="city", hours=24, contest=False),
    ),
    SessionRecorded(
        **_of("session-hr/c-1-a", 13),
        says=Session(
            session="c-1-a",
            course="c-1",
            begins_on=date(2025, 5, 6),
            ends_on=date(2025, 5, 8),
            division="320100",
            seats=60,
            cancelled=False,
        ),
    ),
    ProblemRaised(
        **_of(_PROBLEM, 14),
        says=Problem(
            problem="P-1",
            division="320102",
            unit="第七党支部",
            owner="支部书记",
            found_by="inspection",
            says="会议记录不全",
            working_days=5,
        ),
        due_on=date(2025, 4, 21),
        calendar="chinesecalendar 1.11.0",
    ),
    ProblemEvidenced(**_of(_PROBLEM, 15), says=ProblemEvidence(problem="P-1", evidence=(_HEX,), says="已补齐")),
    ProblemReturned(**_of(_PROBLEM, 16), says=ProblemReturn(problem="P-1", problem_source="hr", reason="缺签字")),
    ProblemExtended(
        **_of(_PROBLEM, 17),
        says=ProblemExtension(problem="P-1", due_on=date(2025, 5, 30), reason="人员调整", granted_by="督查组"),
    ),
    ProblemClosed(
        **_of(_PROBLEM, 18),
        says=ProblemClosing(problem="P-1", outcome="rectified", closed_by="督查组", note="复核通过"),
        late=3,
    ),
    ResponsibilityIssued(
        **_of(_LIST, 19),
        says=ListIssue(
            list="L-1",
            division="320102",
            unit="第七党支部",
            signer="支部书记",
            year=2025,
            items=(ListItem(item="lessons", text="党课", every="quarterly"),),
            sign_by=date(2025, 4, 30),
        ),
    ),
    ResponsibilitySigned(**_of(_LIST, 20), says=ListSignature(list="L-1", list_source="hr", document_sha256=_HEX)),
    ResponsibilityChecked(
        **_of(_LIST, 21),
        says=ItemCheck(list="L-1", item="lessons", period="2025-Q2", result="done", evidence=(_HEX,), note="4 月 20 日"),
    ),
    ResponsibilityWithdrawn(**_of(_LIST, 22), says=ListWithdrawal(list="L-1", reason="机构调整")),
)
