"""The structure figures that leaders ask for, of any division on any day. Pure: people and reports in, exact counts out.

Who works for the party on a day: a worker whose registration is open and who holds a post then. Shares are of integers, in
hundredths of a percent, rounded half up (``services.talent.shares``). The share of staff is compared exactly, not as rounded:
a unit's staff has to be reported (``unit-staff-reported``); a unit of which nobody did is named, and left out of both counts.

Years in party work are full years: the months of all posts, days that overlap once, gaps left out. Where secretaries came from:
the post held last before the first one as secretary; the channel of entry where there was none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from contracts import terms
from contracts.divisions import covers
from services.talent.rotation import Held
from services.talent.shares import Share

__all__ = [
    "STAFF_SHARE_LEAST_HUNDREDTHS",
    "YEAR_BANDS",
    "Figures",
    "Origin",
    "StaffReport",
    "UnitFigures",
    "WorkerPosts",
    "band_of",
    "figures_of",
    "full_months",
    "origin_of",
]

STAFF_SHARE_LEAST_HUNDREDTHS = 100
"""1 % of staff, in hundredths of a percent: what the scheme asks for, where a county does not say otherwise."""

YEAR_BANDS: tuple[tuple[int, int | None], ...] = ((0, 0), (1, 2), (3, 4), (5, 9), (10, None))
"""Full years in party work, first and last of each band; None: and more."""

TALENT_SOURCE = "talent/"
"""Engagements that the pool's placements began: the registry was told of them by talent."""

SECRETARY = "secretary"
NOT_KNOWN = "not_known"

_DAY = timedelta(days=1)


# --- what is asked of ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerPosts:
    """A worker whose registration is open on the day. division: of the registration then. posts: all that are known."""

    person_ref: str
    division: str
    posts: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class StaffReport:
    """Staff of a unit as of a day."""

    unit: str
    division: str
    on: date
    staff: int
    event_id: str


# --- what is answered ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """A unit: those who work for the party in it, of its staff. report None: its staff was not reported."""

    unit: str
    division: str
    workers: int
    report: StaffReport | None
    enough: bool | None

    @property
    def share(self) -> Share | None:
        return None if self.report is None else Share(self.workers, self.report.staff)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a secretary came from. promoted: from another post in party work. word: its category, or the channel of entry;
    from_pool: placed by the reserve pool."""

    person_ref: str
    since: date
    promoted: bool
    word: str
    from_pool: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """workers: people; each counts once. party_work: of the staff that was reported. bands: of YEAR_BANDS, in their order."""

    division: str
    on: date
    since: date | None
    least_hundredths: int
    workers: int
    party_work: Share
    party_work_enough: bool | None
    part_time: Share
    bands: tuple[Share, ...]
    months: int
    categories: tuple[tuple[str, Share], ...]
    secretaries: int
    promoted: Share
    from_pool: Share
    origins: tuple[tuple[str, Share], ...]
    entered: tuple[tuple[str, Share], ...]
    units: tuple[UnitFigures, ...]


# --- the figures --------------------------------------------------------------------------------------------------------


def figures_of(
    workers: Iterable[WorkerPosts],
    reports: Iterable[StaffReport],
    division: str,
    day: date,
    *,
    since: date | None = None,
    least_hundredths: int = STAFF_SHARE_LEAST_HUNDREDTHS,
) -> Figures:
    """The figures of a division and all below it. since: only secretaries who became that on or after it are asked whence."""
    at_work = [w for w in workers if covers(division, w.division) and any(post.on(day) for post in w.posts)]
    units = _units(at_work, (r for r in reports if covers(division, r.division)), day)
    staff = [unit.report.staff for unit in units.values() if unit.report is not None]
    in_known = {ref for unit in units.values() if unit.report is not None for ref in unit.people}
    party_work = Share(len(in_known), sum(staff))
    part_time = sum(1 for w in at_work if not any(p.full_time for p in w.posts if p.on(day)))
    months = [full_months(w.posts, day) for w in at_work]
    bands = Counter(band_of(each // 12) for each in months)
    origins = [o for w in at_work if (o := origin_of(w, day)) is not None and (since is None or o.since >= since)]
    promoted = [o for o in origins if o.promoted]
    return Figures(
        division=division,
        on=day,
        since=since,
        least_hundredths=least_hundredths,
        workers=len(at_work),
        party_work=party_work,
        party_work_enough=party_work.reaches(least_hundredths) if staff else None,
        part_time=Share(part_time, len(at_work)),
        bands=tuple(Share(bands[place], len(at_work)) for place in range(len(YEAR_BANDS))),
        months=sum(months),
        categories=_counted((category for w in at_work for category in _categories(w, day)), len(at_work)),
        secretaries=len(origins),
        promoted=Share(len(promoted), len(origins)),
        from_pool=Share(sum(o.from_pool for o in origins), len(origins)),
        origins=_counted((o.word for o in promoted), len(promoted)),
        entered=_counted((o.word for o in origins if not o.promoted), len(origins) - len(promoted)),
        units=tuple(_unit_figures(key, unit, least_hundredths) for key, unit in units.items()),
    )


def _counted(words: Iterable[str], whole: int) -> tuple[tuple[str, Share], ...]:
    """Each word with its share, the greatest first, of equal ones by the word."""
    counts = Counter(words)
    return tuple((word, Share(counts[word], whole)) for word in sorted(counts, key=lambda w: (-counts[w], w)))


def _categories(worker: WorkerPosts, day: date) -> set[str]:
    return {post.category for post in worker.posts if post.on(day)}


# --- share of staff -----------------------------------------------------------------------------------------------------

_UnitKey = tuple[str, str]
"""(division, unit)."""


def _units(workers: Sequence[WorkerPosts], reports: Iterable[StaffReport], day: date) -> dict[_UnitKey, _Unit]:
    """Every unit of which staff was reported by the day, or in which somebody holds a post then."""
    latest: dict[_UnitKey, StaffReport] = {}
    for report in sorted((r for r in reports if r.on <= day), key=lambda r: r.on):
        latest[report.division, report.unit] = report
    found = {key: _Unit(report) for key, report in latest.items()}
    for worker in workers:
        for post in worker.posts:
            if post.on(day):
                key = _unit_of(worker, post.unit, latest)
                found.setdefault(key, _Unit(None)).people.add(worker.person_ref)
    return dict(sorted(found.items()))


@dataclass(slots=True)
class _Unit:
    report: StaffReport | None
    people: set[str] = field(default_factory=set)


def _unit_of(worker: WorkerPosts, unit: str, reported: Iterable[_UnitKey]) -> _UnitKey:
    """The unit of that name in the nearest division that the worker's lies in; else it is one of the worker's division."""
    divisions = [division for division, name in reported if name == unit and covers(division, worker.division)]
    return (max(divisions, key=lambda d: len(d.rstrip("0"))) if divisions else worker.division, unit)


def _unit_figures(key: _UnitKey, unit: _Unit, least_hundredths: int) -> UnitFigures:
    workers = len(unit.people)
    enough = None if unit.report is None else Share(workers, unit.report.staff).reaches(least_hundredths)
    return UnitFigures(key[1], key[0], workers, unit.report, enough)


# --- years in party work ------------------------------------------------------------------------------------------------


def full_months(posts: Iterable[Held], day: date) -> int:
    """Full months in any post up to the end of a day. Posts that overlap or touch are one; months of separate ones add up."""
    spans: list[tuple[date, date]] = []
    for post in sorted((p for p in posts if p.since <= day), key=lambda p: p.since):
        # The day after the last: from 1 January to 31 December are twelve months.
        end = min(day, post.until or day) + _DAY
        if spans and post.since <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((post.since, end))
    return sum(terms.full_months(first, end) for first, end in spans)


def band_of(years: int) -> int:
    """The place in YEAR_BANDS."""
    return next(place for place, (low, high) in enumerate(YEAR_BANDS) if low <= years and (high is None or years <= high))


# --- where secretaries came from ----------------------------------------------------------------------------------------


def origin_of(worker: WorkerPosts, day: date) -> Origin | None:
    """Whence somebody came who is a secretary on the day; None: they are none.

    Looked at is what was before the first of the secretary's posts that has gone on, without a break, until the day.
    """
    secretary = [p for p in worker.posts if p.category == SECRETARY and p.since <= day]
    if not any(p.on(day) for p in secretary):
        return None
    first = _unbroken(secretary, day)
    before = [p for p in worker.posts if p.category != SECRETARY and p.since < first.since]
    from_pool = first.key.startswith(TALENT_SOURCE)
    if before:
        last = max(before, key=lambda p: (p.until or date.max, p.since, p.key))
        return Origin(worker.person_ref, first.since, True, last.category, from_pool)
    return Origin(worker.person_ref, first.since, False, first.entry_channel or NOT_KNOWN, from_pool)


def _unbroken(posts: Sequence[Held], day: date) -> Held:
    """The first of the posts, each beginning at the latest on the day after one before it has ended, that lead to the day."""
    ordered = sorted(posts, key=lambda p: (p.since, p.key))
    first, until = ordered[0], ordered[0].until or day
    for post in ordered[1:]:
        if post.since > until + _DAY:
            first = post
        until = max(until, post.until or day)
    return first
