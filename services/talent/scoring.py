"""What marks come to: the score of each person in a cycle, the ranking, and the rating. Pure, exact, and in columns.

All numbers are whole: marks and scores are hundredths of a point, and a score is one fraction of two integers until it is
rounded, once, as the document says. Columns (``Roster``) have one entry a person, or one a rating; their order never matters,
for everything is added up, and what is equal is equal. ``explain`` computes one person again, in fractions, item by item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from operator import mul
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class Result:
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


@dataclass(frozen=True, slots=True)
class _Profile:
    """weights: of the qualitative items in the document's order, 0 for one that it hasn't. measured: (item, its weight)."""

    weights: tuple[int, ...]
    measured: tuple[tuple[Item, int], ...]
    targets: int
    marked: bool


def _profiles(document: AppraisalDocument) -> list[_Profile]:
    made = []
    for profile in document.weights:
        weight = {each.item: each.percent for each in profile.items}
        marked = tuple(weight.get(item.name, 0) for item in document.items if item.part == "qualitative")
        measured = tuple((i, weight[i.name]) for i in document.items if i.part == "quantitative" and i.name in weight)
        made.append(_Profile(marked, measured, lcm(*(_target(item) for item, _ in measured)), any(marked)))
    return made


def _target(item: Item) -> int:
    assert item.target is not None
    return item.target


def _reached(item: Item, achieved: int) -> int:
    """What was achieved in percent of the target, times the target: at most ``at_most_percent`` of it."""
    return min(100 * achieved, item.at_most_percent * _target(item))


def _extra(extra: Extra | None, count: int) -> int:
    if extra is None:
        return 0
    most = extra.at_most_hundredths
    return max(-most, min(most, count * extra.each_hundredths))


def _bounded(numerator: int, denominator: int, rounding: ScoreRounding) -> int:
    """A score in hundredths, from 0 to 100 points, rounded as the document says."""
    step: int = 10 ** (2 - rounding.digits)
    return min(SCORE_MAX, step * rounded(max(0, numerator), denominator * step, rounding.how))


@dataclass(slots=True)
class _Sums:
    """By person and role (person × number of roles + role): how many ratings, the sum of their weighted marks; and of the marks
    of the items that break ties, one column each."""

    count: list[int]
    total: list[int]
    breaking: list[list[int]]


def _add_up(roster: Roster, profiles: Sequence[_Profile], roles: int, breaking: Sequence[int]) -> _Sums:
    size = len(roster.people) * roles
    count, total = [0] * size, [0] * size
    columns = [[0] * size for _ in breaking]
    weights_of = [profiles[profile].weights for profile in roster.profiles]
    for person, role, marks in zip(roster.rated, roster.roles, roster.marks, strict=True):
        place = person * roles + role
        count[place] += 1
        total[place] += sum(map(mul, weights_of[person], marks))
    for column, item in zip(columns, breaking, strict=True):
        for person, role, marks in zip(roster.rated, roster.roles, roster.marks, strict=True):
            column[person * roles + role] += marks[item]
    return _Sums(count, total, columns)


def _lacking(document: AppraisalDocument, profile: _Profile, counts: Sequence[int], measured: Mapping[str, int]) -> list[str]:
    """What keeps somebody from a score."""
    why = []
    if profile.marked:
        why = [f"too-few:{role.name}" for role, n in zip(document.raters, counts, strict=True) if n < role.at_least]
        if not why and not any(counts):
            why = ["no-ratings"]
    return why + [f"not-measured:{item.name}" for item, _ in profile.measured if item.name not in measured]


def _mean(counts: Sequence[int], totals: Sequence[int], percents: Sequence[int], shared: bool) -> tuple[int, int]:
    """The weighted mean over the roles, as a fraction. shared: roles without a rating count for nothing, not for zero."""
    common, whole = 1, 0 if shared else 100
    for n, percent in zip(counts, percents, strict=True):
        if n:
            common = common * n if n == 1 or common == 1 else lcm(common, n)
            whole += percent if shared else 0
    numerator = sum(p * t * (common // n) for n, t, p in zip(counts, totals, percents, strict=True) if n)
    return numerator, common * whole


def score(document: AppraisalDocument, roster: Roster) -> list[Result]:
    """The result of every person, in the order of the roster."""
    profiles = _profiles(document)
    qualitative = [item.name for item in document.items if item.part == "qualitative"]
    breaking = [qualitative.index(name) for name in document.ties.break_by if name in qualitative]
    sums = _add_up(roster, profiles, len(document.raters), breaking)
    found: list[Result] = []
    ordered: dict[str, list[tuple[tuple[int, ...], int]]] = {}
    for person in range(len(roster.people)):
        result, key = _one(document, roster, profiles[roster.profiles[person]], sums, person)
        found.append(result)
        if result.score is not None:
            ordered.setdefault(result.group, []).append((key, person))
    for entries in ordered.values():
        entries.sort(key=lambda entry: entry[0])
        _rank(document, roster, entries, found)
    return found


def _one(
    document: AppraisalDocument, roster: Roster, profile: _Profile, sums: _Sums, person: int
) -> tuple[Result, tuple[int, ...]]:
    """One person's score, and the key by which it is ranked: the less, the better."""
    within = document.ranked_within
    group = "all" if within == "cycle" else roster.categories[person] if within == "category" else roster.grades[person]
    ref, measured, roles = roster.people[person], roster.measured[person], len(document.raters)
    first, last = person * roles, (person + 1) * roles
    counts = sums.count[first:last]
    lacking = _lacking(document, profile, counts, measured)
    if lacking:
        return Result(ref, None, group, why=tuple(lacking)), ()
    percents = [role.percent for role in document.raters]
    shared = document.missing_roles == "shared"
    numerator, denominator = 0, 1
    if profile.marked:
        numerator, denominator = _mean(counts, sums.total[first:last], percents, shared)
        denominator *= 100  # The weights are percents.
    if profile.measured:
        common = profile.targets
        reached = sum(
            weight * _reached(item, measured[item.name]) * (common // _target(item)) for item, weight in profile.measured
        )
        numerator, denominator = numerator * common + reached * denominator, denominator * common
    extra = _extra(document.points, roster.points[person]) + _extra(document.honours, roster.honours[person])
    points = _bounded(numerator + extra * denominator, denominator, document.rounding)
    key = [-points]
    if document.ties.break_by:
        key += _breaks(document, profile, sums, (first, last), measured)
    return Result(ref, points, group), tuple(key)


def _breaks(
    document: AppraisalDocument, profile: _Profile, sums: _Sums, place: tuple[int, int], measured: Mapping[str, int]
) -> list[int]:
    """The scores of the items that decide between equal scores, rounded like scores; 0 for an item that the person hasn't."""
    percents = [role.percent for role in document.raters]
    weighted = {item.name: item for item, _ in profile.measured}
    qualitative = {item.name for item in document.items if item.part == "qualitative"}
    found, column = [], 0
    for name in document.ties.break_by:
        value = 0
        if name in qualitative:
            counts = sums.count[place[0] : place[1]]
            if profile.marked:
                totals = sums.breaking[column][place[0] : place[1]]
                value = _bounded(*_mean(counts, totals, percents, document.missing_roles == "shared"), document.rounding)
            column += 1
        elif name in weighted:
            item = weighted[name]
            value = _bounded(100 * _reached(item, measured[name]), _target(item), document.rounding)
        found.append(-value)
    return found


# --- ranks and ratings ----------------------------------------------------------------------------------------------------


def _rank(
    document: AppraisalDocument, roster: Roster, entries: Sequence[tuple[tuple[int, ...], int]], found: list[Result]
) -> None:
    """Ranks and ratings of one ranking, put into ``found``. entries: best first."""
    bands = document.bands
    floors = [band.at_least * 100 for band in bands]
    bars = {bar.step: [band.rating for band in bands].index(bar.rating) + 1 for bar in document.bars}
    candidates: list[tuple[tuple[int, ...], int]] = []
    rank, before = 0, None
    for place, (key, person) in enumerate(entries, start=1):
        if key != before:
            rank, before = place, key
        points = found[person].score
        assert points is not None
        band = next(index for index, floor in enumerate(floors) if points >= floor)
        why: tuple[str, ...] = ()
        for step in roster.sanctions[person]:
            if bars.get(step, 0) > band:
                band, why = bars[step], (f"barred:{step}",)
        if band == 0:
            candidates.append((key, person))
        found[person] = Result(roster.people[person], points, found[person].group, rank, bands[band].rating, why)
    room, reason = _room(document, candidates, len(entries))
    for place, (_, person) in enumerate(candidates[room:], start=room):
        why = ("tie-at-border",) if place < reason else ("quota",)
        had = found[person]
        found[person] = Result(had.person_ref, had.score, had.group, had.rank, bands[1].rating, why)


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
    profile, measured = _profiles(document)[roster.profiles[person]], roster.measured[person]
    marks: list[list[Sequence[int]]] = [[] for _ in document.raters]
    for rated, role, given in zip(roster.rated, roster.roles, roster.marks, strict=True):
        if rated == person:
            marks[role].append(given)
    lacking = tuple(_lacking(document, profile, [len(given) for given in marks], measured))
    qualitative = [item.name for item in document.items if item.part == "qualitative"]
    lines = []
    for weight in weights.items:
        if weight.item in qualitative:
            lines.append(_marked_line(document, weight.item, weight.percent, marks, qualitative.index(weight.item)))
        elif weight.item in measured:
            item = next(item for item in document.items if item.name == weight.item)
            points = Fraction(_reached(item, measured[item.name]), _target(item))
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
    points_now = _bounded(exact.numerator * 100, exact.denominator, document.rounding)
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
