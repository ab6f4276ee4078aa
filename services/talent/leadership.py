"""How units are led (选拔方式): the model in force, who sits where, whether that keeps the model, and what is empty. Pure.

The model says which posts a unit has; engagements say who holds them. Posts that are empty, or will be within some months, are
what the pool must be able to fill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from contracts.divisions import covers
from contracts.staffing import LeadershipModel, Side, UnitPost
from contracts.terms import months_after
from services.talent.figures import WorkerPosts
from services.talent.rotation import Held

__all__ = ["REQUIRED", "Gap", "ModelSet", "PostSeats", "Sitting", "UnitLeadership", "gaps_of", "in_force_of", "leadership_of"]

DISPATCHED = "dispatched"


@dataclass(frozen=True, slots=True)
class ModelSet:
    """A model from a day on, as its event says. event_id: of that."""

    unit: str
    division: str
    on: date
    model: LeadershipModel
    posts: tuple[UnitPost, ...]
    event_id: str


@dataclass(frozen=True, slots=True)
class Sitting:
    """Somebody in a post on the day. until: its last day, where it is known."""

    person_ref: str
    since: date
    until: date | None
    full_time: bool
    entry_channel: str | None
    key: str


@dataclass(frozen=True, slots=True)
class PostSeats:
    """A post and who sits in it. empty: seats that nobody takes."""

    post: str
    side: Side
    category: str | None
    seats: int
    sitting: tuple[Sitting, ...]

    @property
    def empty(self) -> int:
        return max(0, self.seats - len(self.sitting))


@dataclass(frozen=True, slots=True)
class UnitLeadership:
    """kept: whether those who sit there keep to the model; None: it can't be told, as a post that it is about is empty.
    why: what was required and what was found."""

    set: ModelSet
    posts: tuple[PostSeats, ...]
    kept: bool | None
    required: str
    found: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A seat to be filled: empty on the day asked, or held by somebody (``person_ref``) whose last day is ``last_day``.

    ready: members of the pool who could be looked at: admitted there, not flagged.
    """

    unit: str
    division: str
    model: LeadershipModel
    post: str
    side: Side
    category: str | None
    person_ref: str | None
    last_day: date | None
    ready: int


def in_force_of(models: Iterable[ModelSet], day: date) -> tuple[ModelSet, ...]:
    """Of each unit the model that took effect last by the day, in the order of division and unit."""
    latest: dict[tuple[str, str], ModelSet] = {}
    for each in sorted((m for m in models if m.on <= day), key=lambda m: m.on):
        latest[each.division, each.unit] = each
    return tuple(latest[key] for key in sorted(latest))


def leadership_of(model: ModelSet, workers: Iterable[WorkerPosts], day: date) -> UnitLeadership:
    """A unit on a day. workers: of any division; those count whose registration lies in the unit's."""
    here = [
        (worker, post)
        for worker in workers
        if covers(model.division, worker.division)
        for post in worker.posts
        if post.unit == model.unit and post.on(day)
    ]
    posts = tuple(_seats(post, here) for post in model.posts)
    required = REQUIRED[model.model]
    if not any(post.sitting for post in posts):
        return UnitLeadership(model, posts, None, required, "nobody sits there")
    kept, found = _kept(model.model, posts)
    return UnitLeadership(model, posts, kept, required, found)


def _seats(post: UnitPost, here: Sequence[tuple[WorkerPosts, Held]]) -> PostSeats:
    sitting = sorted(
        (
            Sitting(worker.person_ref, held.since, held.until, held.full_time, held.entry_channel, held.key)
            for worker, held in here
            if held.post == post.post
        ),
        key=lambda s: (s.since, s.person_ref),
    )
    return PostSeats(post.post, post.side, post.category, post.seats, tuple(sitting))


# --- whether a model is kept --------------------------------------------------------------------------------------------

REQUIRED: Mapping[LeadershipModel, str] = {
    "one_person": "one person holds the posts of both sides",
    "cross_appointment": "somebody holds a post on each side",
    "full_time_secretary": "whoever holds the party's posts does so full time",
    "dispatched": "whoever holds the party's posts was dispatched",
}


def _kept(model: LeadershipModel, posts: Sequence[PostSeats]) -> tuple[bool | None, str]:
    """Whether it is kept, and what was found. None: a post that it is about is empty."""
    party, management = _people(posts, "party"), _people(posts, "management")
    both = party & management
    match model:
        case "one_person":
            if any(not post.sitting for post in posts):
                return None, _empty(posts)
            alone = len(both) == 1 and party == management
            return alone, f"{len(party | management)} people hold them, {len(both)} on both sides"
        case "cross_appointment":
            if not party or not management:
                return None, _empty(posts)
            return bool(both), f"{len(both)} people hold posts on both sides"
        case "full_time_secretary":
            return _all(posts, "full time", lambda s: s.full_time)
        case "dispatched":
            return _all(posts, "dispatched", lambda s: s.entry_channel == DISPATCHED)
        case _:
            assert_never(model)


def _people(posts: Iterable[PostSeats], side: Side) -> set[str]:
    return {sitting.person_ref for post in posts if post.side == side for sitting in post.sitting}


def _empty(posts: Iterable[PostSeats]) -> str:
    return f"empty: {', '.join(post.post for post in posts if not post.sitting)}"


def _all(posts: Sequence[PostSeats], word: str, holds: Callable[[Sitting], bool]) -> tuple[bool | None, str]:
    sitting = [s for post in posts if post.side == "party" for s in post.sitting]
    if not sitting:
        return None, _empty([post for post in posts if post.side == "party"])
    met = sum(1 for s in sitting if holds(s))
    return met == len(sitting), f"{met} of {len(sitting)} {word}"


# --- what is empty ------------------------------------------------------------------------------------------------------


def gaps_of(
    units: Iterable[UnitLeadership], day: date, *, within_months: int = 0, ready: Mapping[str, int] | None = None
) -> tuple[Gap, ...]:
    """Seats that are empty on the day, and those whose holder's last day comes within so many months.

    ready: division → members of the pool there. Those empty now come first, then by the day.
    """
    reach = months_after(day, within_months)
    found: list[Gap] = []
    for unit in units:
        of_model = unit.set
        waiting = sum(count for division, count in (ready or {}).items() if covers(of_model.division, division))
        for post in unit.posts:
            leaving = [s for s in post.sitting if s.until is not None and s.until <= reach] if within_months else []
            seats: list[tuple[str | None, date | None]] = [(None, None)] * post.empty
            seats += [(s.person_ref, s.until) for s in leaving]
            found += [
                Gap(of_model.unit, of_model.division, of_model.model, post.post, post.side, post.category, who, last, waiting)
                for who, last in seats
            ]
    return tuple(sorted(found, key=lambda g: (g.last_day or date.min, g.division, g.unit, g.post, g.person_ref or "")))
