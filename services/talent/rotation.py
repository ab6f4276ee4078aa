"""How long somebody has held a post, and until when they may (轮岗). Pure: the clock is an argument.

Posts come from the registry's engagements. Two engagements in one post of one unit that are hardly apart (``gap_days``) are one
tenure: a new contract does not set the clock back. The limit is the last day within ``years_at_most`` years of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from contracts.development_policy import Rotation
from contracts.particulars import EngagementEnd, EngagementStart, Particulars
from contracts.terms import last_day, months_after

__all__ = ["Clock", "Exempt", "Held", "Tenure", "clock_of", "clocks", "limit_of", "posts_of", "tenures"]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Held:
    """An engagement that stands. key: ``source/engagement``. until: its last day; None: it goes on. fact: its event."""

    key: str
    fact: str
    unit: str
    post: str
    category: str
    full_time: bool
    entry_channel: str | None
    since: date
    until: date | None = None

    def on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Exempt:
    """An exception: the engagement may go on until that day."""

    key: str
    until: date
    reason: str


@dataclass(frozen=True, slots=True)
class Tenure:
    """A post without a break. posts: its engagements in order."""

    posts: tuple[Held, ...]

    @property
    def since(self) -> date:
        return self.posts[0].since

    @property
    def last(self) -> Held:
        return self.posts[-1]

    @property
    def until(self) -> date | None:
        ends = [post.until for post in self.posts]
        return None if None in ends else max(end for end in ends if end is not None)

    def on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Clock:
    """limit_on: the last day by the policy. due_on: with an exception, the later of the two. warn_on: told of from that day."""

    tenure: Tenure
    limit_on: date
    due_on: date
    warn_on: date
    exempt: Exempt | None
    state: Literal["within", "warning", "over"]


def posts_of(standing: Iterable[tuple[str, str, date, Particulars]]) -> tuple[Held, ...]:
    """The posts among the facts that stand: (slot, event id, effective date, particulars). An end without a start is none."""
    starts: dict[str, tuple[str, date, EngagementStart]] = {}
    ends: dict[str, date] = {}
    for slot, event_id, on, says in standing:
        key = slot.partition("/")[2]
        if isinstance(says, EngagementStart):
            starts[key] = (event_id, on, says)
        elif isinstance(says, EngagementEnd):
            ends[key] = on
    found = [
        Held(key, event, says.unit, says.post, says.category, says.full_time, says.entry_channel, on, ends.get(key))
        for key, (event, on, says) in starts.items()
    ]
    # An end before the start contradicts it: the engagement never was.
    return tuple(sorted((p for p in found if p.until is None or p.until >= p.since), key=lambda p: (p.since, p.key)))


def tenures(posts: Sequence[Held], gap_days: int) -> tuple[Tenure, ...]:
    """Posts put together: those of one unit and one name that are at most so many days apart."""
    groups: dict[tuple[str, str], list[list[Held]]] = {}
    for post in sorted(posts, key=lambda p: (p.since, p.key)):
        runs = groups.setdefault((post.unit, post.post), [])
        until = Tenure(tuple(runs[-1])).until if runs else date.min
        if runs and (until is None or post.since <= until + (gap_days + 1) * _DAY):
            runs[-1].append(post)
        else:
            runs.append([post])
    found = [Tenure(tuple(run)) for runs in groups.values() for run in runs]
    return tuple(sorted(found, key=lambda t: (t.since, t.last.key)))


def limit_of(tenure: Tenure, rotation: Rotation) -> date:
    """The last day on which the post may be held: of five years from 1 March 2021, 28 February 2026."""
    return last_day(tenure.since, rotation.years_at_most * 12)


def clock_of(tenure: Tenure, rotation: Rotation, exempt: Iterable[Exempt], day: date) -> Clock:
    """A tenure's clock on a day. Of several exceptions the longest counts."""
    keys = {post.key for post in tenure.posts}
    longest = max((e for e in exempt if e.key in keys), key=lambda e: e.until, default=None)
    limit_on = limit_of(tenure, rotation)
    due_on = limit_on if longest is None else max(limit_on, longest.until)
    warn_on = months_after(due_on, -rotation.warn_months)
    state: Literal["within", "warning", "over"] = "over" if day > due_on else "warning" if day >= warn_on else "within"
    return Clock(tenure, limit_on, due_on, warn_on, longest, state)


def clocks(posts: Sequence[Held], exempt: Sequence[Exempt], rotation: Rotation, day: date) -> tuple[Clock, ...]:
    """The clock of each post that is held on the day and that the policy concerns, the first to come up first."""
    held = [t for t in tenures(posts, rotation.gap_days) if t.on(day) and t.last.category in rotation.categories]
    return tuple(sorted((clock_of(t, rotation, exempt, day) for t in held), key=lambda c: (c.due_on, c.tenure.last.key)))
