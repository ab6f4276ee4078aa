"""A development policy and what is said of people and matters, for the tests. Nobody here exists."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from contracts.development import (
    Activity,
    Course,
    ListIssue,
    ListItem,
    Plan,
    Problem,
    Secondment,
    Training,
)
from contracts.particulars import EngagementEnd, EngagementStart
from contracts.registry import FactOrigin
from services.talent.acts import Stamp
from services.talent.decider import Hear
from services.talent.development import Develop, PolicyKnown, Said
from services.talent.development_policy import read_policy
from services.talent.matters import MatterAct, MatterSaid, matter_of
from services.talent.rotation import Held
from tests.support import NOW, event_id
from tests.talent.example import DIVISION, REF, hear

__all__ = ["POLICIES", "POLICY", "POLICY_TEXT", "a_plan", "develop", "engages", "held", "leaves", "matter", "policy"]

EXAMPLE = Path(__file__).parents[2] / "standards" / "example-development.yaml"
POLICY_TEXT = EXAMPLE.read_text(encoding="utf-8")
POLICY = read_policy(POLICY_TEXT)
POLICIES = (PolicyKnown(event_id(800), POLICY),)


def policy(**changed: Any) -> Any:
    return POLICY.model_copy(update=changed)


def stamp(number: int, on: str, *, ref: str = REF, at: int = 0, source: str = "hr") -> Stamp:
    """at: minutes after the others' recording time."""
    origin = FactOrigin(source=source, id=f"d-{number}", occurred_at=datetime(2026, 2, 1, 8, at, tzinfo=UTC))
    return Stamp(event_id(number), ref, origin, date.fromisoformat(on), NOW)


def develop(number: int, on: str, says: Said, **more: Any) -> Develop:
    return Develop(stamp(number, on, **more), says)


def matter(number: int, on: str, says: MatterSaid, **more: Any) -> MatterAct:
    made = stamp(number, on, ref="", **more)
    return MatterAct(made, matter_of(says, made.origin.source), says)


def a_plan(key: str = "plan-1", **changed: Any) -> Plan:
    activities = (
        Activity(
            activity="a-1", kind="inspection_tour", title="参加巡察", begins_on="2026-03-01", ends_on="2026-05-31",
            criteria=("competency_political",),
        ),
        Activity(activity="a-2", kind="training", title="资格培训", begins_on="2026-03-01", ends_on="2026-08-31"),
    )  # fmt: skip
    made = Plan(
        plan=key, aim="补齐短板", ends_on="2026-12-31", review_on="2026-06-30", activities=activities, adopted_by="组织部"
    )
    return made.model_copy(update=changed)


SECONDED = Secondment(secondment="s-1", unit="某街道", post="副书记", real_duties=True, ends_on="2026-12-31")
TRAINED = Training(result="r-1", course="c-1", hours=24, outcome="passed")
COURSE = Course(course="c-1", title="书记任职培训", topic="branch-secretary", level="city", hours=24)
PROBLEM = Problem(
    problem="P-1", division=DIVISION, unit="第七党支部", owner="支部书记", found_by="inspection", says="三会一课记录不全"
)
LIST = ListIssue(
    list="L-1", division=DIVISION, unit="第七党支部", signer="支部书记", year=2026, sign_by="2026-01-31",
    items=(
        ListItem(item="lessons", text="党课", every="quarterly"),
        ListItem(item="report", text="述职", every="yearly"),
    ),
)  # fmt: skip


# --- posts ----------------------------------------------------------------------------------------------------------------


def held(
    key: str, since: str, until: str | None = None, *, unit: str = "u", post: str = "书记", category: str = "secretary"
) -> Held:
    end = None if until is None else date.fromisoformat(until)
    return Held(f"hr/{key}", event_id(1), unit, post, category, True, None, date.fromisoformat(since), end)


def engages(
    number: int, on: str, key: str = "e-1", *, unit: str = "u", post: str = "书记", category: Any = "secretary"
) -> Hear:
    return hear(number, EngagementStart(engagement=key, category=category, unit=unit, post=post), on)


def leaves(number: int, on: str, key: str = "e-1") -> Hear:
    return hear(number, EngagementEnd(engagement=key, reason="term_ended"), on)
