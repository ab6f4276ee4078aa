"""A person with something in every section of a profile, for its tests. Nobody here exists."""

from __future__ import annotations

from datetime import date
from typing import Any

from contracts.appraisal_events import ConductWithdrawn, HonourAwarded, PointsRecorded, SanctionImposed, SanctionLifted
from contracts.development import (
    Activity,
    ActivityAdded,
    ActivityMoved,
    MentorAssigned,
    Mentorship,
    Plan,
    PlanActivityAdded,
    PlanActivityMoved,
    PlanAdopted,
    PlanClosed,
    PlanClosing,
    PolicyCited,
    Secondment,
    SecondmentEnd,
    SecondmentEnded,
    SecondmentStarted,
    Training,
    TrainingReported,
)
from contracts.particulars import EngagementEnd, EngagementStart
from services.talent.decider import Happened, Hear, Member, decide, evolve
from services.talent.profile import Page, Told, page_of
from services.talent.standard import read_standard
from tests.support import event_id
from tests.talent.example import (
    AROUND,
    REF,
    admit,
    certified,
    hear,
    inspected,
    nominate,
    origin,
    profiled,
    rated,
    registered,
    screen,
    standard_text,
)

__all__ = ["DAY", "HISTORY", "PAGE", "STANDARD", "page", "told"]

DAY = date(2026, 6, 30)
STANDARD = read_standard(
    standard_text(
        criteria="""\
criteria:
  - {rule: degree, at_least: doctor, clause: 1}
  - {rule: competency, name: political, at_least: 5, clause: 2}
  - {rule: certificate, at_least: intermediate, clause: 3}
"""
    )
)


def told(number: int, event: Any, on: str) -> Told:
    return Told(event_id(number), date.fromisoformat(on), event)


def _person(number: int) -> dict[str, Any]:
    return {"person_ref": REF, "origin": origin(f"d-{number}")}


def _activity(key: str, title: str, kind: Any = "supervision") -> Activity:
    first, last = date(2026, 3, 1), date(2026, 5, 31)
    return Activity(activity=key, kind=kind, title=title, begins_on=first, ends_on=last)


def _training(number: int, result: str, outcome: Any, hours: int = 24) -> TrainingReported:
    return TrainingReported(**_person(number), says=Training(result=result, course="c-1", hours=hours, outcome=outcome))


_PLAN = Plan(
    plan="p-1",
    aim="补齐短板",
    ends_on=date(2026, 12, 31),
    review_on=date(2026, 9, 30),
    activities=(_activity("a-1", "参加巡察", "inspection_tour"), _activity("a-2", "课题研究", "research_project")),
    adopted_by="组织部",
)

_DONE = ActivityMoved(plan="p-1", activity="a-1", status="done", note="完成")
_ADDED = ActivityAdded(plan="p-1", activity=_activity("a-3", "督导调研"))
_CLOSING = PlanClosing(plan="p-1", outcome="partly")
_SECONDED = Secondment(secondment="s-1", unit="省直机关", post="副处长", real_duties=True, ends_on=date(2025, 12, 31))
_MENTORED = Mentorship(mentorship="m-1", mentor=f"p{'0' * 25}b", aim="传帮带", ends_on=date(2026, 12, 31))
_POLICY = PolicyCited(event=event_id(901), document="d", revision=1)

DEVELOPED = (
    told(301, PlanAdopted(**_person(1), says=_PLAN, division="320102", screening=event_id(103), gaps=()), "2026-02-20"),
    told(302, PlanActivityMoved(**_person(2), says=_DONE), "2026-05-31"),
    told(303, PlanActivityAdded(**_person(3), says=_ADDED), "2026-03-01"),
    told(304, PlanClosed(**_person(4), says=_CLOSING, done=1, dropped=0, open=2), "2026-06-01"),
    told(305, _training(5, "r-1", "failed"), "2025-05-01"),
    told(306, _training(6, "r-1", "passed"), "2025-05-02"),
    told(307, _training(7, "r-2", "withdrawn"), "2025-06-01"),
    told(308, SecondmentStarted(**_person(8), says=_SECONDED), "2025-01-01"),
    told(309, SecondmentEnded(**_person(9), says=SecondmentEnd(secondment="s-1", outcome="completed")), "2025-11-30"),
    told(
        310,
        MentorAssigned(**_person(10), says=_MENTORED, policy=_POLICY, grade="special", certificate=event_id(902)),
        "2026-01-15",
    ),
)


def _conduct(number: int, entry: str) -> dict[str, Any]:
    return {**_person(number), "entry": f"hr/{entry}"}


CONDUCT = (
    told(401, HonourAwarded(**_conduct(21, "h-1"), title="优秀党务工作者", level="city"), "2025-07-01"),
    told(402, HonourAwarded(**_conduct(22, "h-2"), title="误报的表彰", level="state"), "2025-07-02"),
    told(403, ConductWithdrawn(**_conduct(23, "h-2"), reason="误报"), "2025-07-03"),
    told(404, SanctionImposed(**_conduct(24, "s-1"), step="interview", reason="逾期未整改"), "2024-03-01"),
    told(405, SanctionLifted(**_conduct(25, "s-1"), reason="已整改"), "2024-09-01"),
    told(406, PointsRecorded(**_conduct(26, "p-1"), points=12, reason="竞赛"), "2025-05-01"),
    told(407, PointsRecorded(**_conduct(27, "p-2"), points=-5, reason="迟报"), "2025-06-01"),
)

FIRST = EngagementStart(engagement="e-1", category="deputy_secretary", unit="第六党支部", post="副书记")
SECOND = EngagementStart(engagement="e-2", category="secretary", unit="第七党支部", post="书记")
_COMMANDS = (
    registered(), certified(), rated(), inspected(),
    hear(11, FIRST, "2020-06-01"), hear(12, EngagementEnd(engagement="e-1", reason="transferred"), "2023-12-31"),
    hear(13, SECOND, "2024-01-01"),
    nominate(), profiled(), screen(), admit(),
)  # fmt: skip


def _history() -> tuple[Member, tuple[Told, ...]]:
    """What the rules make of the commands, one after another."""
    state, found = Member(), list[Told]()
    for command in _COMMANDS:
        if isinstance(command, Hear):
            first, on = command.heard, command.effective_on
        else:
            first, on = command.stamp.event_id, command.stamp.on
        for event in decide(command, state, AROUND):
            state = evolve(state, Happened(first, on, event))
            found.append(Told(first, on, event))
    return state, tuple(found)


STATE, HISTORY = _history()


def page(day: date = DAY, **changed: Any) -> Page:
    given: dict[str, Any] = {"standard": STANDARD, "courses": {"hr/c-1": "党务干部轮训"}, **changed}
    return page_of(REF, STATE, (*HISTORY, *DEVELOPED, *CONDUCT), day, **given)


PAGE = page()
