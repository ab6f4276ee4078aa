"""The lines of a granted year: how much, from whom, and what an official should look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple, assert_never

from contracts.allowance import Line, PayerAmount
from contracts.base import Category
from contracts.certification import Level
from contracts.divisions import Purse, purse_of
from contracts.policy import AllowanceLine, AmountRow, Floor, PaidBy, PolicyDocument, RatingRule, Rounding
from services.allowance.engine.file import FAR, MONTHS
from services.allowance.engine.months import Case
from services.allowance.engine.words import BASIC, EXCELLENT, counted, covers, significant

__all__ = ["WorkedOut", "owed_by", "payer_amounts", "rounded", "told", "worked_out"]


class _Profile(NamedTuple):
    """What an amount may depend on within a month; the rating is the year's.

    since: the month, YYYY-MM, from which the dated amounts and payers hold that are in force; empty: those from the beginning.
    """

    category: Category | None
    full_time: bool | None
    grade: str | None
    division: str
    since: str


class _Basis(NamedTuple):
    """What all lines share. months: how many months each profile counts, in calendar order; last: that of the last month.

    rating: the word to look amounts up by; percent: of the amounts, for a reduced basic or a raised excellent rating. levels:
    what the policy says of its payers, by name.
    """

    document: PolicyDocument
    levels: Mapping[str, Level]
    rating: str | None
    percent: int
    months: Mapping[_Profile, int]
    last: _Profile


class _Sum(NamedTuple):
    """One line, worked out. terms: amount → how often; left: what the cap allowed when it was this line's turn; shares: purse →
    fen."""

    line: AllowanceLine
    terms: Mapping[int, int]
    total: int
    denominator: int
    left: int | None
    amount_fen: int
    shares: Mapping[Purse, int]


class WorkedOut(NamedTuple):
    """A granted year in figures. doubled: the months of two different posts."""

    basis: _Basis
    doubled: int
    sums: Sequence[_Sum]

    @property
    def amount_fen(self) -> int:
        return sum([each.amount_fen for each in self.sums])


def worked_out(case: Case, changes: tuple[str, ...]) -> WorkedOut:
    """Work out the lines of a granted year, in the policy's order.

    changes: the months with which dated amounts or payers of the policy begin, or have ended.
    """
    document = case.document
    basis, doubled = _basis(case, changes)
    left = document.cap.amount_fen if document.cap else None
    sums = []
    for line in document.lines if basis.months else ():
        found = _line(line, basis, left)
        if found is not None:
            sums.append(found)
            left = None if left is None else left - found.amount_fen
    return WorkedOut(basis, doubled, sums)


def told(case: Case, found: WorkedOut) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """The lines with their arithmetic, and what an official should look at."""
    document, basis = case.document, found.basis
    warnings = [f"two different posts in {counted(found.doubled, 'month')}: the {document.settings.two_posts} one counts"]
    warnings = warnings if found.doubled else []
    for line in document.lines if basis.months else ():
        warnings += _gaps(line, basis)
    for floor in document.floors:
        warnings += _below(floor, basis, found.sums)
    lines = [
        Line(
            name=each.line.name,
            arithmetic=_arithmetic(each, basis),
            amount_fen=each.amount_fen,
            shares=payer_amounts(case, each.shares),
            clause=each.line.clause,
            status=each.line.status,
            taxable=each.line.taxable,
        )
        for each in found.sums
    ]
    return tuple(lines), (*warnings, *_part_of_year(case))


def _part_of_year(case: Case) -> Sequence[str]:
    period = case.document.effective
    if period.first_day <= date(case.year, 1, 1) and (period.last_day or FAR) >= date(case.year, 12, 31):
        return ()
    if case.document.settings.part_year == "whole_year":
        return ("the policy is in effect for a part of the year only; it was applied to all of it",)
    outside = len(MONTHS) - len(case.covered)
    return (f"the policy is in effect for a part of the year only; {counted(outside, 'month')} outside of it do not count",)


def _basis(case: Case, changes: tuple[str, ...]) -> tuple[_Basis, int]:
    """What the lines share, and the months of two different posts."""
    document, settings = case.document, case.document.settings
    rating, percent = None, 100
    rule = case.rules.get("rating")
    if isinstance(rule, RatingRule) and case.file.rating is not None:
        rating = case.file.rating[1].rating
        if rating == BASIC and settings.basic == "reduced":
            rating, percent = rule.at_least, settings.basic_percent or 0
        elif rating == EXCELLENT and settings.excellent == "raised":
            percent = settings.excellent_percent or 100
    levels = {payer.name: payer.level for payer in document.payers if payer.level is not None}
    basis = _Basis(document, levels, rating, percent, {}, _Profile(None, None, None, case.home.division, ""))
    months: dict[_Profile, int] = {}
    profile, doubled = basis.last, 0
    profiles: list[_Profile] = []
    before: object = None
    each_its_own = len(case.considered) > 1 or case.home.by_month is not None
    in_force = _in_force_since(changes, case.year)
    for month in case.counting:
        held, since = case.spoken_for.get(month), in_force[month - 1]
        if each_its_own or not profiles or held is not before or since != profile.since:  # else it is like the month before
            profiles = _profiles(case, month, held.grade if held else None, since)
            profile, before = _one_of(profiles, basis), held
        doubled += len(profiles) > 1 and any(other != profile for other in profiles)
        months[profile] = months.get(profile, 0) + 1
    return _Basis(document, levels, rating, percent, months, profile), doubled


@lru_cache(maxsize=1_000)
def _in_force_since(changes: tuple[str, ...], year: int) -> tuple[str, ...]:
    """Of each month of the year the last change by then, or nothing."""
    return tuple([max([each for each in changes if each <= f"{year}-{month:02}"], default="") for month in MONTHS])


def _profiles(case: Case, month: int, grade: str | None, since: str) -> list[_Profile]:
    """Of each considered post of the month, in order of their start; where no rule asks for posts, one without any."""
    posts = case.considered
    if len(posts) > 1:
        posts = [post for post in posts if post.first_month <= month <= post.last_month]
    division = case.home.division if case.home.by_month is None else case.home.by_month[month - 1]
    return [_Profile(post.category, post.full_time, grade, division, since) for post in posts] or [
        _Profile(None, None, grade, division, since)
    ]


def _one_of(profiles: Sequence[_Profile], basis: _Basis) -> _Profile:
    """The one post that is paid when two are held, as ``two_posts`` says. profiles: in order of the posts' start."""
    match basis.document.settings.two_posts:
        case "earlier":
            return profiles[0]
        case "later":
            return profiles[-1]
        case "higher":
            return profiles[0] if len(profiles) == 1 else max(profiles, key=lambda profile: _worth(profile, basis))
        case other:
            assert_never(other)


def _worth(profile: _Profile, basis: _Basis) -> int:
    """What a full year of the profile would bring, to compare posts by."""
    return sum(
        [(_amount(line, profile, basis) or 0) * (12 if line.period == "monthly" else 1) for line in basis.document.lines]
    )


def _amount(table: AllowanceLine | Floor, profile: _Profile, basis: _Basis) -> int | None:
    """The amount that a table gives; None: it has no row for this. Of several divisions the most specific counts."""
    by = table.by
    best, best_specific = None, 0
    for row in table.amounts:
        if (
            ("rating" not in by or row.rating == basis.rating)
            and ("grade" not in by or row.grade == profile.grade)
            and ("category" not in by or row.category == profile.category)
            and ("full_time" not in by or row.full_time == profile.full_time)
            and ("division" not in by or (row.division is not None and covers(row.division, profile.division)))
            and _in_force(row, profile.since)
        ):
            specific = significant(row.division) if row.division else 6
            if specific > best_specific:
                best, best_specific = row.amount_fen, specific
    return best


def _in_force(part: AmountRow | PaidBy, since: str) -> bool:
    """Whether a dated part of the policy holds; since: as in ``_Profile``."""
    return (part.first_month is None or part.first_month <= since) and (part.last_month is None or since <= part.last_month)


def _gaps(line: AllowanceLine, basis: _Basis) -> list[str]:
    if line.others == "nothing":
        return []
    profiles = basis.months if line.period == "monthly" or line.prorated else (basis.last,)
    missing = [_missing(line, profile, basis) for profile in profiles if _amount(line, profile, basis) is None]
    return [f"line {line.name}: no amount for {combination}" for combination in dict.fromkeys(missing)]


def _missing(line: AllowanceLine, profile: _Profile, basis: _Basis) -> str:
    values = {
        "category": profile.category,
        "grade": profile.grade,
        "rating": basis.rating,
        "full_time": {True: "true", False: "false", None: None}[profile.full_time],
        "division": profile.division,
    }
    text = ", ".join([f"{dimension}={values[dimension]}" for dimension in line.by])
    if any(row.first_month or row.last_month for row in line.amounts):
        text = ", ".join([text] * bool(text) + [f"month={profile.since or 'the first'}"])
    return text


def _below(floor: Floor, basis: _Basis, sums: Sequence[_Sum]) -> list[str]:
    """A warning if the lines come to less than the other scale gives for the same months."""
    times = 12 if floor.period == "monthly" else 1
    due = sum([(_amount(floor, profile, basis) or 0) * times * count for profile, count in basis.months.items()])
    paid = sum([each.amount_fen for each in sums if not floor.lines or each.line.name in floor.lines])
    if paid * 12 >= due:
        return []
    scale = rounded(due, 12, basis.document.rounding)
    return [f"{paid} fen are below the floor {floor.name} of clause {floor.clause}: {scale} fen"]


def _line(line: AllowanceLine, basis: _Basis, left: int | None) -> _Sum | None:
    """Work out one line; None: its table has nothing for this worker. left: what the cap still allows.

    The line is rounded once. If its payers change within the year, or the division whose purses pay, the part under each
    ``paid_by`` rule and division is the rounded sum up to and including it less the rounded sum before it, so that the parts
    are never negative and add up exactly.
    """
    in_full = line.period == "annual" and not line.prorated
    terms: dict[int, int] = {}
    due: dict[tuple[int, str], int] = {}
    for profile, count in ((basis.last, 1),) if in_full else basis.months.items():
        amount = _amount(line, profile, basis)
        if amount is not None:
            terms[amount] = terms.get(amount, 0) + count
            paid_by = _paid_by(line, profile), profile.division
            due[paid_by] = due.get(paid_by, 0) + amount * count * basis.percent
    if not terms:
        return None
    denominator = (12 if line.period == "annual" and line.prorated else 1) * 100
    total, before, shares = 0, 0, dict[Purse, int]()
    for (place, division), numerator in due.items():
        total += numerator
        upto = rounded(total, denominator, basis.document.rounding)
        upto = upto if left is None else min(upto, left)
        _share_out(upto - before, line.paid_by[place], division, basis.levels, shares)
        before = upto
    return _Sum(line, terms, total, denominator, left, before, shares)


def rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Round a fraction of fen (never negative) as the policy says; the result is in fen."""
    unit = {"fen": 1, "jiao": 10, "yuan": 100}[rounding.to]
    whole = denominator * unit
    match rounding.how:
        case "half_up":
            return (2 * numerator + whole) // (2 * whole) * unit
        case "down":
            return numerator // whole * unit
        case "up":
            return -(-numerator // whole) * unit
        case other:
            assert_never(other)


def _paid_by(line: AllowanceLine, profile: _Profile) -> int:
    """The place of the first rule that fits; the checker sees to it that one of them has no condition."""
    for place, paid_by in enumerate(line.paid_by):
        if (
            paid_by.grade in (None, profile.grade)
            and (paid_by.division is None or covers(paid_by.division, profile.division))
            and _in_force(paid_by, profile.since)
        ):
            return place
    return len(line.paid_by) - 1


def _share_out(amount: int, paid_by: PaidBy, division: str, levels: Mapping[str, Level], shares: dict[Purse, int]) -> None:
    """Add each purse's part of the amount to ``shares``: whole fen, rounded down, and what is left over to one of them.

    division: the one that the amount is for.
    """
    over = amount
    for share in paid_by.shares:
        part = amount * share.percent // 100
        purse = purse_of(share.payer, division, levels.get(share.payer))
        shares[purse] = shares.get(purse, 0) + part
        over -= part
    payer = paid_by.remainder or paid_by.shares[0].payer
    purse = purse_of(payer, division, levels.get(payer))
    shares[purse] = shares.get(purse, 0) + over


def payer_amounts(case: Case, shares: Mapping[Purse, int]) -> tuple[PayerAmount, ...]:
    """In the order of the policy's payers, without purses that pay nothing."""
    home = case.home.division
    return tuple(
        [
            PayerAmount(
                payer=purse.payer, amount_fen=fen, purse=None if purse == purse_of(purse.payer, home) else purse.division
            )
            for payer in case.document.payers
            for purse, fen in shares.items()
            if purse.payer == payer.name and fen
        ]
    )


def owed_by(found: WorkedOut) -> dict[Purse, int]:
    """What each purse owes over all lines, in fen; it may be nothing."""
    totals: dict[Purse, int] = {}
    for each in found.sums:
        for purse, fen in each.shares.items():
            totals[purse] = totals.get(purse, 0) + fen
    return totals


def _arithmetic(found: _Sum, basis: _Basis) -> str:
    """The sum in figures, such as ``240000 fen x 5/12 months + 360000 fen x 7/12 months = 310000 fen``."""
    line, counts, total, denominator, left, *_ = found
    document = basis.document
    if line.period == "monthly":
        terms = [f"{amount} fen x {counted(count, 'month')}" for amount, count in counts.items()]
    elif line.prorated:
        terms = [f"{amount} fen x {count}/12 months" for amount, count in counts.items()]
    else:
        terms = [f"{amount} fen for the year" for amount in counts]
    text = " + ".join(terms)
    if basis.percent != 100:
        text = f"({text}) x {basis.percent}/100" if len(terms) > 1 else f"{text} x {basis.percent}/100"
    result = rounded(total, denominator, document.rounding)
    text += f" = {result} fen"
    if result * denominator != total:
        text += f" (rounded {document.rounding.how.replace('_', ' ')} to {document.rounding.to})"
    if document.cap is not None and left is not None and result > left:
        text += f", the cap of clause {document.cap.clause} leaves {left} fen"
    return text
