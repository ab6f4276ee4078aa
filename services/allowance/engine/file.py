"""One worker's facts, sorted out: posts, certificates, inspections, and the division to which the worker belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple, assert_never

from contracts.base import Category, EntryChannel
from contracts.certificate_life import Issue, superseding
from contracts.particulars import (
    Certificate,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.policy import AmountRow, PaidBy, PolicyDocument, Rule
from contracts.registration_life import Closed, closed_spans
from services.allowance.engine.words import covers

__all__ = [
    "FAR",
    "MONTHS",
    "ONE_DAY",
    "File",
    "Held",
    "Home",
    "KnownFact",
    "PolicyInForce",
    "Post",
    "Spell",
    "closed_of",
    "fact_order",
    "home_at_year_end",
    "home_on",
    "left_on",
    "longest",
    "month_by_month",
    "open_file",
    "posts_of",
    "posts_of_year",
    "spells_of",
]

MONTHS = tuple(range(1, 13))
FAR = date.max
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A registry fact that stands for this worker. source: who reported it; an engagement's key is that source's own."""

    event_id: str
    effective_on: date
    particulars: Particulars
    source: str = ""


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A published policy. event_id: the event that published it.

    changes: the months, YYYY-MM ascending, with which dated amounts or payers of it begin, or have ended; nearly always none.
    rules: by name.
    """

    event_id: str
    document: PolicyDocument
    changes: tuple[str, ...] = field(init=False, compare=False, repr=False)
    rules: Mapping[str, Rule] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "changes", _changes_of(self.document))
        object.__setattr__(self, "rules", {rule.rule: rule for rule in self.document.eligibility})


def _changes_of(document: PolicyDocument) -> tuple[str, ...]:
    parts: list[AmountRow | PaidBy] = [row for line in document.lines for row in line.amounts]
    parts += [row for floor in document.floors for row in floor.amounts]
    parts += [paid_by for line in document.lines for paid_by in line.paid_by]
    begun = {part.first_month for part in parts if part.first_month is not None}
    ended = {_month_after(part.last_month) for part in parts if part.last_month is not None}
    return tuple(sorted(begun | ended))


def _month_after(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1}-01" if number == 12 else f"{year}-{number + 1:02}"


class Held(NamedTuple):
    """A certificate in force with one grade, from first to last. fact, said: its issue.

    recognised: the recognition without which it would not hold where the worker is.
    """

    fact: KnownFact
    said: Certificate
    grade: str
    first: date
    last: date
    recognised: KnownFact | None = None


class File(NamedTuple):
    """One worker's facts by kind, each list in order of date and then id; rating: that of the year in question.

    certificates: as issued, whatever has become of them. changes: also what a later certificate does to the one before it.
    changes, statuses, transfers, recognitions: nearly always none.
    """

    registration: tuple[KnownFact, Registration] | None
    starts: list[tuple[KnownFact, EngagementStart]]
    ends: list[tuple[KnownFact, EngagementEnd]]
    certificates: list[Held]
    inspections: list[tuple[KnownFact, InspectionResult]]
    rating: tuple[KnownFact, RatingResult] | None
    changes: list[Issue]
    statuses: list[tuple[KnownFact, RegistrationStatus]]
    transfers: list[tuple[KnownFact, Transfer]]
    recognitions: list[tuple[KnownFact, Recognition]]


def fact_order(fact: KnownFact) -> tuple[date, str]:
    return fact.effective_on, fact.event_id


def open_file(facts: Sequence[KnownFact], year: int) -> File:
    """Sort the facts out. Should two stand where only one can (the registry sees to it that they don't), the later counts."""
    registration: tuple[KnownFact, Registration] | None = None
    rating: tuple[KnownFact, RatingResult] | None = None
    starts: list[tuple[KnownFact, EngagementStart]] = []
    ends: list[tuple[KnownFact, EngagementEnd]] = []
    certificates: list[Held] = []
    inspections: list[tuple[KnownFact, InspectionResult]] = []
    changes: list[Issue] = []
    statuses: list[tuple[KnownFact, RegistrationStatus]] = []
    transfers: list[tuple[KnownFact, Transfer]] = []
    recognitions: list[tuple[KnownFact, Recognition]] = []
    previous = None
    for fact in sorted(facts, key=fact_order):
        if fact.event_id == previous:
            continue  # the same fact given twice
        previous, said = fact.event_id, fact.particulars
        if said.kind == "registration":
            registration = (fact, said)
        elif said.kind == "engagement-start":
            starts.append((fact, said))
        elif said.kind == "engagement-end":
            ends.append((fact, said))
        elif said.kind == "certificate":
            last = said.expires_on or FAR
            if last < fact.effective_on:
                last = date.min  # Expired before its issue: never in force.
            certificates.append(Held(fact, said, said.grade, fact.effective_on, last))
        elif said.kind == "rating":
            if said.year == year:
                rating = (fact, said)
        elif said.kind == "inspection":
            inspections.append((fact, said))
        elif said.kind == "certificate-change":
            changes.append(Issue(fact.event_id, fact.effective_on, said))
        elif said.kind == "registration-status":
            statuses.append((fact, said))
        elif said.kind == "transfer":
            transfers.append((fact, said))
        elif said.kind == "recognition":
            recognitions.append((fact, said))
        else:
            assert_never(said)
    if len(certificates) > 1:
        changes += superseding([Issue(held.fact.event_id, held.fact.effective_on, held.said) for held in certificates])
    return File(registration, starts, ends, certificates, inspections, rating, changes, statuses, transfers, recognitions)


# Posts ------------------------------------------------------------------------------------------------------------------


class Post(NamedTuple):
    """An engagement, or what a closed registration leaves of it. end: its last day.

    begun: the ids of its start, and of the closings and reopenings before it; ended: of what ended it.
    first_month, last_month: the months of the year in question that it has; none if the first is the greater.
    """

    start: date
    end: date
    category: Category
    full_time: bool
    channel: EntryChannel | None
    begun: tuple[str, ...]
    ended: tuple[str, ...] = ()
    first_month: int = 1
    last_month: int = 12

    @property
    def facts(self) -> tuple[str, ...]:
        return self.begun + self.ended


def posts_of(file: File) -> list[Post]:
    """The engagements, in order of their start; one that ends before it starts is empty and left out."""
    posts = []
    for fact, said in file.starts:
        end: date = FAR
        ended: tuple[str, ...] = ()
        for ending, named in file.ends:
            same = named.engagement == said.engagement and ending.source == fact.source
            if same and ending.effective_on < end:
                end, ended = ending.effective_on, (ending.event_id,)
        if fact.effective_on <= end:
            posts.append(
                Post(fact.effective_on, end, said.category, said.full_time, said.entry_channel, (fact.event_id,), ended)
            )
    return _while_registered(posts, closed_of(file)) if file.statuses else posts


def closed_of(file: File) -> tuple[Closed, ...]:
    return closed_spans([(fact.event_id, fact.effective_on, said) for fact, said in file.statuses])


def _while_registered(posts: list[Post], closed: Sequence[Closed]) -> list[Post]:
    """The posts without the days on which the registration was closed, in order of their start."""
    for span in closed:
        left: list[Post] = []
        for post in posts:
            if post.end < span.first or (span.last is not None and span.last < post.start):
                left.append(post)
                continue
            if post.start < span.first:
                last = span.first - ONE_DAY
                # What ended it before a reopening is looked at too: otherwise it would begin again then.
                gone = post.end.year == last.year and (span.last is None or post.end <= span.last)
                left.append(post._replace(end=last, ended=(*span.facts[:1], *post.ended) if gone else span.facts[:1]))
            if span.last is not None and span.last < post.end:
                left.append(post._replace(start=span.last + ONE_DAY, begun=(*post.begun, *span.facts)))
        posts = left
    return sorted(posts, key=lambda post: post.start)


def posts_of_year(posts: Sequence[Post], year: int) -> list[Post]:
    """Those with a day in the year. An end in a later year is nothing that this year's decision looks at."""
    return [
        post if not post.ended or post.end.year == year else post._replace(end=FAR, ended=())
        for post in posts
        if post.start.year <= year <= post.end.year
    ]


def left_on(in_year: Sequence[Post], year: int) -> date | None:
    """The last day of the year's last post, if that lies before 31 December."""
    if not in_year:
        return None
    last = max([post.end for post in in_year])
    return last if last < date(year, 12, 31) else None


def longest(in_year: Sequence[Post]) -> tuple[str, ...]:
    """The facts of the post that lasts longest: without it, the last engaged day would be another one."""
    found = max(in_year, key=lambda post: (post.end, post.facts), default=None)
    return found.facts if found else ()


# The division -------------------------------------------------------------------------------------------------------------


class Home(NamedTuple):
    """The division to which a worker belongs in the year. facts: ids, besides the registration's, that say so.

    by_month: where each month goes by a division of its own, the twelve of them.
    """

    division: str
    facts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    by_month: tuple[str, ...] | None = None


class Spell(NamedTuple):
    """Days on which a worker is registered in one division. facts: the transfer to it; none for the registration's own."""

    first: date
    last: date
    division: str
    facts: tuple[str, ...]


def spells_of(file: File, division: str) -> list[Spell]:
    """Where the worker is registered, from the first day to the last that a date can say. division: of the registration.

    Of several transfers on one day the one with the greatest key counts (as in ``contracts.registration_life``).
    """
    moves = sorted([(moved.effective_on, to.key, to.division, moved.event_id) for moved, to in file.transfers])
    spells = [Spell(date.min, FAR, division, ())]
    for on, _, to, event_id in moves:
        if on > spells[-1].first:
            spells[-1] = spells[-1]._replace(last=on - ONE_DAY)
        else:
            spells.pop()
        spells.append(Spell(on, FAR, to, (event_id,)))
    return spells


def home_at_year_end(file: File, division: str, year: int) -> Home:
    """The division held on 31 December, or on the last day of the year's last post if that is earlier.

    division: of the registration.
    """
    if not file.transfers:
        return Home(division)
    in_year = posts_of_year(posts_of(file), year)
    day = left_on(in_year, year) or date(year, 12, 31)
    return home_on(file, division, year, day, in_year)


def home_on(file: File, division: str, year: int, day: date, in_year: Sequence[Post], besides: Sequence[str] = ()) -> Home:
    """The division held on a day of the year. besides: ids of the facts that made it this day."""
    to = left_on(in_year, year) or date(year, 12, 31)
    spells = [spell for spell in spells_of(file, division) if spell.first <= to]
    there = next(spell for spell in reversed(spells) if spell.first <= day)
    moves = [spell for spell in spells if spell.first > date(year, 1, 1)]
    if not moves:
        return Home(there.division, there.facts)
    facts = dict.fromkeys([*there.facts, *besides, *spells[-1].facts, *longest(in_year)])
    warning = f"{_moved_text(moves)}: the division held on {day} counts for the whole year"
    return Home(there.division, tuple(facts), (warning,))


def month_by_month(file: File, division: str, home: Home, document: PolicyDocument, year: int) -> Home:
    """Each month goes by the division held on its first day, or by the home at the year's end where the policy doesn't hold."""
    in_year = posts_of_year(posts_of(file), year)
    to = left_on(in_year, year) or date(year, 12, 31)
    spells = [spell for spell in spells_of(file, division) if spell.first <= to and spell.last >= date(year, 1, 1)]
    moves = [spell for spell in spells if spell.first > date(year, 1, 1)]
    if not moves:
        return home
    held = [next(spell.division for spell in reversed(spells) if spell.first <= date(year, month, 1)) for month in MONTHS]
    within = tuple([each if covers(document.division, each) else home.division for each in held])
    facts = dict.fromkeys([*home.facts, *[event_id for spell in spells for event_id in spell.facts]])
    warning = f"{_moved_text(moves)}: each month goes by the division held on its first day"
    return Home(home.division, tuple(facts), (warning,), within)


def _moved_text(moves: Sequence[Spell]) -> str:
    return "moved to " + ", then to ".join([f"{spell.division} on {spell.first}" for spell in moves])
