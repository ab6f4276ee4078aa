"""What marks come to: the score of each person in a cycle, the ranking, and the rating. Pure, exact, and in columns.

All numbers are whole: marks and scores are hundredths of a point, and a score is one fraction of two integers until it is
rounded, once, as the document says. Columns (``Roster``) have one entry a person, or one a rating; their order never matters,
for everything is added up, and what is equal is equal. ``explain`` computes one person again, in fractions, item by item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from operator import mul
from typing import Literal, NamedTuple

from contracts.appraisal import AppraisalDocument, Extra, Item, SanctionStep, ScoreRounding
from eventlog.canonical import digest

__all__ = [
    "SCORE_MAX",
    "Explanation",
    "ExtraLine",
    "ItemLine",
    "Result",
    "RoleLine",
    "Roster",
    "explain",
    "marked_items",
    "places_of",
    "profile_for",
    "results_digest",
    "rounded",
    "score",
]

SCORE_MAX = 10_000
"""Hundredths of a point: 100 points."""


@dataclass(frozen=True, slots=True)
class Roster:
    """What goes into a scoring.

    One entry a person: people (person_ref, each once), categories, grades, profiles (index of the document's weights),
    measured (item → what was achieved), points and honours of the period, sanctions in force in it. One entry a rating that
    counts: rated (index of the person), roles (index of the document's raters), marks (hundredths, of the document's
    qualitative items in their order; 0 for one that the person's weights don't have).
    """

    people: Sequence[str]
    categories: Sequence[str]
    grades: Sequence[str]
    profiles: Sequence[int]
    measured: Sequence[Mapping[str, int]]
    points: Sequence[int]
    honours: Sequence[int]
    sanctions: Sequence[tuple[SanctionStep, ...]]
    rated: Sequence[int]
    roles: Sequence[int]
    marks: Sequence[Sequence[int]]


class Result(NamedTuple):
    """As ``contracts.appraisal_events.PersonResult`` tells it."""

    person_ref: str
    score: int | None
    group: str
    rank: int | None = None
    rating: str | None = None
    why: tuple[str, ...] = ()


def rounded(numerator: int, denominator: int, how: Literal["half_up", "half_even", "down", "up"]) -> int:
    """A fraction, not less than 0, as a whole number."""
    whole, rest = divmod(numerator, denominator)
    if how == "down" or rest == 0:
        return whole
    if how == "up":
        return whole + 1
    return whole + int(2 * rest > denominator or (2 * rest == denominator and (how == "half_up" or whole % 2 == 1)))


def marked_items(document: AppraisalDocument, profile: int) -> tuple[str, ...]:
    """The items that a rater of somebody with these weights marks, in the document's order."""
    weights = {weight.item for weight in document.weights[profile].items}
    return tuple(item.name for item in document.items if item.part == "qualitative" and item.name in weights)


def profile_for(document: AppraisalDocument, category: str, grade: str) -> int | None:
    """The index of the weights for a category and grade. None: the document has none for them."""
    for place, profile in enumerate(document.weights):
        if (not profile.categories or category in profile.categories) and (not profile.grades or grade in profile.grades):
            return place
    return None


def places_of(document: AppraisalDocument, scored: int) -> tuple[int, int]:
    """(places of the best rating, what not even a tie or an appeal exceeds) among so many people with a score."""
    quota = document.quota
    limit = quota.limit_percent * scored // 100
    return min(rounded(quota.percent * scored, 100, quota.places), limit), limit


# --- scores ---------------------------------------------------------------------------------------------------------------


class _Measured(NamedTuple):
    """A quantitative item: ``min(achieved × each, most)`` over ``whole`` is what it contributes, in hundredths of a point; over
    ``of_item``, its own score."""

    item: str
    each: int
    most: int
    of_item: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """One profile of weights, ready to be applied. weights: of the qualitative items in the document's order, 0 for one that it
    hasn't. needed: the quantitative items; whole: denominator of what they contribute."""

    weights: tuple[int, ...]
    marked: bool
    measured: tuple[_Measured, ...]
    needed: frozenset[str]
    whole: int


def _plans(document: AppraisalDocument) -> list[_Plan]:
    made = []
    for profile in document.weights:
        weight = {each.item: each.percent for each in profile.items}
        marked = tuple(weight.get(item.name, 0) for item in document.items if item.part == "qualitative")
        items = [item for item in document.items if item.part == "quantitative" and item.name in weight]
        whole = lcm(*(_target(item) for item in items))
        measured = tuple(
            _Measured(
                item.name,
                100 * weight[item.name] * (whole // _target(item)),
                item.at_most_percent * weight[item.name] * whole,
                weight[item.name] * whole,
            )
            for item in items
        )
        made.append(_Plan(marked, any(marked), measured, frozenset(item.name for item in items), whole))
    return made


def _target(item: Item) -> int:
    assert item.target is not None
    return item.target


def _extra(extra: Extra | None, count: int) -> int:
    """Hundredths of a point."""
    if extra is None:
        return 0
    most = extra.at_most_hundredths
    return max(-most, min(most, count * extra.each_hundredths))


def _rounder(rounding: ScoreRounding) -> Callable[[int, int], int]:
    """What makes a score of a fraction in hundredths: kept from 0 to 100 points, rounded as the document says."""
    step, how = 10 ** (2 - rounding.digits), rounding.how

    def plain(numerator: int, denominator: int) -> int:
        # The commonest way, without the cases: half a hundredth goes up.
        return 0 if numerator <= 0 else min(SCORE_MAX, (2 * numerator + denominator) // (2 * denominator))

    def bounded(numerator: int, denominator: int) -> int:
        return 0 if numerator <= 0 else min(SCORE_MAX, step * rounded(numerator, denominator * step, how))

    return plain if (how, step) == ("half_up", 1) else bounded


@dataclass(slots=True)
class _Sums:
    """By person and role (person × number of roles + role): how many ratings, the sum of their weighted marks; and of the marks
    of the items that break ties, one column each."""

    count: list[int]
    total: list[int]
    breaking: list[list[int]]


def _add_up(roster: Roster, plans: Sequence[_Plan], roles: int, breaking: Sequence[int]) -> _Sums:
    size = len(roster.people) * roles
    count, total = [0] * size, [0] * size
    columns = [[0] * size for _ in breaking]
    weights_of = [plans[profile].weights for profile in roster.profiles]
    for person, role, marks in zip(roster.rated, roster.roles, roster.marks, strict=True):
        place = person * roles + role
        count[place] += 1
        total[place] += sum(map(mul, weights_of[person], marks))
    for column, item in zip(columns, breaking, strict=True):
        for person, role, marks in zip(roster.rated, roster.roles, roster.marks, strict=True):
            column[person * roles + role] += marks[item]
    return _Sums(count, total, columns)


def _lacking(document: AppraisalDocument, plan: _Plan, counts: Sequence[int], measured: Mapping[str, int]) -> tuple[str, ...]:
    """What keeps somebody from a score."""
    why = []
    if plan.marked:
        why = [f"too-few:{role.name}" for role, n in zip(document.raters, counts, strict=True) if n < role.at_least]
        if not why and not any(counts):
            why = ["no-ratings"]
    return (*why, *(f"not-measured:{each.item}" for each in plan.measured if each.item not in measured))


class _Means(dict[tuple[int, ...], tuple[tuple[int, ...], int]]):
    """How many ratings each role has given → by what to multiply each role's sum, and to divide the total: the weighted mean.

    The divisor is 0 where ratings are lacking. Few people differ in it, so that it is worked out once for all who are alike.
    """

    def __init__(self, document: AppraisalDocument) -> None:
        super().__init__()
        self._roles = document.raters
        self._shared = document.missing_roles == "shared"

    def __missing__(self, counts: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
        pairs = list(zip(self._roles, counts, strict=True))
        common = lcm(*(n for n in counts if n))
        whole = sum(role.percent for role, n in pairs if n or not self._shared)
        if not any(counts) or any(n < role.at_least for role, n in pairs):
            whole = 0
        self[counts] = found = (tuple(role.percent * (common // n) if n else 0 for role, n in pairs), common * whole)
        return found


def score(document: AppraisalDocument, roster: Roster) -> list[Result]:
    """The result of every person, in the order of the roster."""
    plans, means = _plans(document), _Means(document)
    qualitative = [item.name for item in document.items if item.part == "qualitative"]
    breaking = [name for name in document.ties.break_by if name in qualitative]
    sums = _add_up(roster, plans, len(document.raters), [qualitative.index(name) for name in breaking])
    groups = {"cycle": ["all"] * len(roster.people), "category": roster.categories, "grade": roster.grades}
    group_of = groups[document.ranked_within]
    bars = _bars(document)
    scores = _scores(document, roster, plans, means, sums)
    found: list[Result | None] = [None] * len(roster.people)
    ordered: dict[str, list[tuple[tuple[int, ...], int]]] = {}
    for person, points in enumerate(scores):
        plan = plans[roster.profiles[person]]
        if points is None:
            counts = sums.count[person * len(document.raters) : (person + 1) * len(document.raters)]
            barring = _barring(bars, roster.sanctions[person])
            why = _lacking(document, plan, counts, roster.measured[person])
            why += () if barring is None else (f"barred:{barring[1]}",)
            found[person] = Result(roster.people[person], None, group_of[person], None, None, why)
        else:
            ordered.setdefault(group_of[person], []).append(((-points,), person))
    for group, entries in ordered.items():
        if document.ties.break_by:
            entries = _broken(document, roster, plans, means, sums, entries)
        # Who is equal in everything comes in the order of the roster, which decides nothing.
        entries.sort()
        _rank(document, roster, group, entries, found)
    return [result for result in found if result is not None]


def _scores(
    document: AppraisalDocument, roster: Roster, plans: Sequence[_Plan], means: _Means, sums: _Sums
) -> list[int | None]:
    """Everybody's score; None: something is lacking."""
    bounded, roles = _rounder(document.rounding), len(document.raters)
    extras = {count: _extra(document.points, count) for count in set(roster.points)}
    honours = {count: _extra(document.honours, count) for count in set(roster.honours)}
    found: list[int | None] = []
    place = 0
    for profile, measured, points, honoured in zip(
        roster.profiles, roster.measured, roster.points, roster.honours, strict=True
    ):
        plan = plans[profile]
        numerator, denominator = 0, 1
        if plan.marked:
            factors, denominator = means[tuple(sums.count[place : place + roles])]
            numerator = sum(map(mul, factors, sums.total[place : place + roles]))
            denominator *= 100  # The weights are percents.
        place += roles
        if denominator == 0 or not plan.needed <= measured.keys():
            found.append(None)
            continue
        if plan.measured:
            reached = sum([min(measured[item] * each, most) for item, each, most, _ in plan.measured])
            numerator, denominator = numerator * plan.whole + reached * denominator, denominator * plan.whole
        found.append(bounded(numerator + (extras[points] + honours[honoured]) * denominator, denominator))
    return found


def _broken(
    document: AppraisalDocument,
    roster: Roster,
    plans: Sequence[_Plan],
    means: _Means,
    sums: _Sums,
    entries: Iterable[tuple[tuple[int, ...], int]],
) -> list[tuple[tuple[int, ...], int]]:
    """The keys with the scores of the items that break ties, rounded like scores; 0 for an item that somebody hasn't."""
    bounded, roles = _rounder(document.rounding), len(document.raters)
    qualitative = [item.name for item in document.items if item.part == "qualitative"]
    marked = [name for name in document.ties.break_by if name in qualitative]
    found = []
    for key, person in entries:
        plan, place = plans[roster.profiles[person]], person * roles
        values = []
        for name in document.ties.break_by:
            value = 0
            if name in qualitative:
                if plan.marked:
                    factors, divisor = means[tuple(sums.count[place : place + roles])]
                    totals = sums.breaking[marked.index(name)][place : place + roles]
                    value = bounded(sum(map(mul, factors, totals)), divisor)
            else:
                for item, each, most, of_item in plan.measured:
                    if item == name:
                        value = bounded(100 * min(roster.measured[person][item] * each, most), of_item)
            values.append(-value)
        found.append(((*key, *values), person))
    return found


# --- ranks and ratings ----------------------------------------------------------------------------------------------------


def _rank(
    document: AppraisalDocument,
    roster: Roster,
    group: str,
    entries: Sequence[tuple[tuple[int, ...], int]],
    found: list[Result | None],
) -> None:
    """Ranks and ratings of one ranking, put into ``found``. entries: best first."""
    ratings = [band.rating for band in document.bands]
    floors = [band.at_least * 100 for band in document.bands]
    bars = _bars(document)
    barred: dict[int, tuple[int, str]] = {}
    candidates: list[tuple[tuple[int, ...], int]] = []
    band_of: list[int] = []
    band = 0
    for key, person in entries:
        while -key[0] < floors[band]:
            band += 1
        steps = roster.sanctions[person]
        barring = _barring(bars, steps) if steps else None
        if barring is not None:
            barred[person] = barring
        elif band == 0:
            candidates.append((key, person))
        band_of.append(band)
    room, tied = _room(document, candidates, len(entries))
    lost = {person: "tie-at-border" if room + n < tied else "quota" for n, (_, person) in enumerate(candidates[room:])}
    rank, before = 0, None
    for place, (key, person) in enumerate(entries, start=1):
        if key != before:
            rank, before = place, key
        rated = band_of[place - 1]
        why: tuple[str, ...] = ()
        if person in barred:
            rated, why = max(rated, barred[person][0]), (f"barred:{barred[person][1]}",)
        elif person in lost:
            rated, why = 1, (lost[person],)
        found[person] = Result(roster.people[person], -key[0], group, rank, ratings[rated], why)


def _bars(document: AppraisalDocument) -> dict[SanctionStep, int]:
    """Step of a sanction → the place of the best rating that it leaves, among the bands."""
    ratings = [band.rating for band in document.bands]
    return {bar.step: ratings.index(bar.rating) + 1 for bar in document.bars}


def _barring(bars: Mapping[SanctionStep, int], steps: Iterable[SanctionStep]) -> tuple[int, SanctionStep] | None:
    """The gravest bar among these sanctions. It is told also of somebody whose score alone comes to no more, or who has none:
    an appeal must not lift them past it."""
    return max([(bars[step], step) for step in steps if step in bars], default=None)


def _room(document: AppraisalDocument, candidates: Sequence[tuple[tuple[int, ...], int]], scored: int) -> tuple[int, int]:
    """(how many of the candidates get the best rating, how far those reach who lost it by the tie at the border)."""
    places, limit = places_of(document, scored)
    if places >= len(candidates) or places == 0:
        return min(places, len(candidates)), 0
    border = candidates[places][0]
    if candidates[places - 1][0] != border:
        return places, 0
    tied = [place for place, (key, _) in enumerate(candidates) if key == border]
    if document.quota.at_border == "all" and tied[-1] < limit:
        return tied[-1] + 1, 0
    return tied[0], tied[-1] + 1


def results_digest(results: Iterable[Result]) -> str:
    """SHA-256 over all results, whatever their order."""
    return digest(sorted([r.person_ref, r.score, r.group, r.rank, r.rating, list(r.why)] for r in results))


# --- one person, explained ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoleLine:
    """percent: that the role counts for here, which is more where it shares that of an absent one. mean: points."""

    role: str
    raters: int
    percent: Fraction
    mean: Fraction


@dataclass(frozen=True, slots=True)
class ItemLine:
    """points: of the item, of 100; contributes: points to the score. achieved, target: of a quantitative item."""

    item: str
    weight: int
    points: Fraction
    contributes: Fraction
    roles: tuple[RoleLine, ...] = ()
    achieved: int | None = None
    target: int | None = None


@dataclass(frozen=True, slots=True)
class ExtraLine:
    """count: of points or honours in the period. contributes: points to the score, within the limit."""

    name: Literal["points", "honours"]
    count: int
    contributes: Fraction
    clause: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """exact: the sum of all lines, in points; score: hundredths, rounded and kept from 0 to 100; None: see ``lacking``."""

    clause: str
    items: tuple[ItemLine, ...]
    extras: tuple[ExtraLine, ...]
    exact: Fraction | None
    score: int | None
    lacking: tuple[str, ...]


def explain(document: AppraisalDocument, roster: Roster, person_ref: str) -> Explanation:
    """How one person's score is made, computed again from the marks. Raises ValueError if they are not in the roster."""
    person = list(roster.people).index(person_ref)
    weights = document.weights[roster.profiles[person]]
    plan, measured = _plans(document)[roster.profiles[person]], roster.measured[person]
    marks: list[list[Sequence[int]]] = [[] for _ in document.raters]
    for rated, role, given in zip(roster.rated, roster.roles, roster.marks, strict=True):
        if rated == person:
            marks[role].append(given)
    lacking = _lacking(document, plan, [len(given) for given in marks], measured)
    qualitative = [item.name for item in document.items if item.part == "qualitative"]
    lines = []
    for weight in weights.items:
        if weight.item in qualitative:
            lines.append(_marked_line(document, weight.item, weight.percent, marks, qualitative.index(weight.item)))
        elif weight.item in measured:
            item = next(item for item in document.items if item.name == weight.item)
            points = min(Fraction(100 * measured[item.name], _target(item)), Fraction(item.at_most_percent))
            contributes = points * weight.percent / 100
            lines.append(ItemLine(item.name, weight.percent, points, contributes, (), measured[item.name], item.target))
    extras = tuple(
        ExtraLine(name, count, Fraction(_extra(rule, count), 100), rule.clause)
        for name, rule, count in _extras(document, roster, person)
        if rule is not None
    )
    exact = sum([line.contributes for line in lines] + [line.contributes for line in extras], Fraction(0))
    if lacking:
        return Explanation(weights.clause, tuple(lines), extras, None, None, lacking)
    points_now = _rounder(document.rounding)(exact.numerator * 100, exact.denominator)
    return Explanation(weights.clause, tuple(lines), extras, exact, points_now, ())


def _extras(
    document: AppraisalDocument, roster: Roster, person: int
) -> tuple[tuple[Literal["points", "honours"], Extra | None, int], ...]:
    return ("points", document.points, roster.points[person]), ("honours", document.honours, roster.honours[person])


def _marked_line(
    document: AppraisalDocument, item: str, weight: int, marks: Sequence[Sequence[Sequence[int]]], column: int
) -> ItemLine:
    present = sum(role.percent for role, given in zip(document.raters, marks, strict=True) if given)
    whole = present if document.missing_roles == "shared" else 100
    roles = tuple(
        RoleLine(
            role.name,
            len(given),
            Fraction(100 * role.percent, whole),
            Fraction(sum(each[column] for each in given), 100 * len(given)),
        )
        for role, given in zip(document.raters, marks, strict=True)
        if given
    )
    points = sum((line.percent * line.mean / 100 for line in roles), Fraction(0))
    return ItemLine(item, weight, points, points * weight / 100, roles)
