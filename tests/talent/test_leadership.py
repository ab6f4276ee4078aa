"""How units are led: the model in force, who sits where, whether that keeps the model, and which seats are to be filled."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from contracts.staffing import LeadershipModel, UnitPost
from services.talent.figures import WorkerPosts
from services.talent.leadership import ModelSet, gaps_of, in_force_of, leadership_of
from tests.support import event_id
from tests.talent.test_figures import COUNTY, held, worker

DAY = date(2026, 6, 30)
POSTS = (UnitPost(post="书记", side="party", category="secretary"), UnitPost(post="主任", side="management"))


def model(which: LeadershipModel, on: str = "2026-01-01", posts: tuple[UnitPost, ...] = POSTS, unit: str = "一村") -> ModelSet:
    return ModelSet(unit, COUNTY, date.fromisoformat(on), which, posts, event_id(1))


def sits(number: int, *posts: str, **more: Any) -> WorkerPosts:
    return worker(number, *(held("2025-01-01", unit="一村", post=post, key=f"hr/{number}{post}", **more) for post in posts))


def test_the_model_that_took_effect_last_is_in_force() -> None:
    models = [model("dispatched", "2027-01-01"), model("one_person", "2026-05-01"), model("full_time_secretary", "2025-01-01")]
    assert [m.model for m in in_force_of(models, DAY)] == ["one_person"]
    assert in_force_of(models, date(2024, 1, 1)) == ()


@pytest.mark.parametrize(
    ("which", "people", "kept"),
    [
        ("one_person", [sits(1, "书记", "主任")], True),
        ("one_person", [sits(1, "书记"), sits(2, "主任")], False),
        ("one_person", [sits(1, "书记", "主任"), sits(2, "主任")], False),
        ("one_person", [sits(1, "书记")], None),
        ("cross_appointment", [sits(1, "书记", "主任"), sits(2, "主任")], True),
        ("cross_appointment", [sits(1, "书记"), sits(2, "主任")], False),
        ("cross_appointment", [sits(2, "主任")], None),
        ("full_time_secretary", [sits(1, "书记")], True),
        ("full_time_secretary", [sits(1, "书记", full_time=False)], False),
        ("dispatched", [sits(1, "书记", entry_channel="dispatched")], True),
        ("dispatched", [sits(1, "书记", entry_channel="internal")], False),
        ("dispatched", [], None),
    ],
)
def test_a_model_is_kept_by_who_sits_there(which: LeadershipModel, people: list[WorkerPosts], kept: bool | None) -> None:
    """None: a post that it is about is empty, so it can't be told."""
    found = leadership_of(model(which), people, DAY)
    assert (found.kept, bool(found.required), bool(found.found)) == (kept, True, True)


def test_only_people_of_the_division_sit_in_its_unit() -> None:
    """A unit of the same name elsewhere is another one."""
    other = WorkerPosts("p" + "9" * 26, "330102", sits(9, "书记").posts)
    assert leadership_of(model("dispatched"), [other], DAY).posts[0].sitting == ()


def test_gaps_are_seats_that_are_empty_or_will_be_soon() -> None:
    """Empty seats first, then by the last day of who holds them; with how many of the pool could be looked at."""
    posts = (*POSTS[:1], UnitPost(post="委员", side="party", seats=3))
    leaving = worker(1, held("2025-01-01", "2026-09-30", unit="一村", post="书记"))
    staying = worker(2, held("2025-01-01", "2027-09-30", unit="一村", post="委员"))
    units = [leadership_of(model("dispatched", posts=posts), [leaving, staying], DAY)]
    ready = {COUNTY: 2, "330102": 5}
    now = gaps_of(units, DAY, ready=ready)
    assert [(g.post, g.person_ref, g.ready) for g in now] == [("委员", None, 2)] * 2
    soon = gaps_of(units, DAY, within_months=3, ready=ready)
    assert [(g.post, g.last_day) for g in soon] == [("委员", None), ("委员", None), ("书记", date(2026, 9, 30))]
