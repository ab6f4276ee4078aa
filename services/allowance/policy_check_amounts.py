"""The amounts of a policy and who pays them: rows that overlap, are missing or out of reach; shares that do not add up. Pure.

A part of ``services.allowance.policy_check``, which says what a finding is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple, get_args

from contracts.policy import (
    AllowanceLine,
    AmountRow,
    CategoryRule,
    CertificateRule,
    Dimension,
    Floor,
    PaidBy,
    PolicyDocument,
    RatingRule,
    Rule,
)
from eventlog.documents import Finding, Path, repeated
from services.allowance.engine import categories_paid, covers

__all__ = ["Rules", "Span", "findings_of_amounts", "uncovered", "unknown_word", "word_of"]

GAPS_SHOWN_MAX = 20
"""Of one table; how many more there are is told."""

Rules = Mapping[str, Rule]
"""The rules of a document by name."""
Table = AllowanceLine | Floor
Eligible = Mapping[Dimension, Sequence[object]]


def findings_of_amounts(document: PolicyDocument, rules: Rules) -> Iterator[Finding]:
    """All that is wrong or doubtful about lines, payers, cap and floors."""
    eligible = _eligible_values(document, rules)
    for place, line in enumerate(document.lines):
        yield from _check_line(document, rules, line, ("lines", place), eligible)
        yield from _check_payers_of(document, rules, line, ("lines", place, "paid_by"), eligible)
    for place, floor in enumerate(document.floors):
        yield from _check_floor(document, rules, floor, ("floors", place), eligible)
    yield from _check_cap(document)


def unknown_word(path: Path, word: str, kind: str, known: Iterable[str]) -> Finding:
    """A word that is not in the vocabulary. kind: the list of the vocabulary."""
    listed = ", ".join(known) or "none so far"
    remedy = f"write one of {listed}, or add it to vocabulary.{kind}"
    return Finding(path, "unknown-word", f"{word} is not in vocabulary.{kind}", remedy)


# Tables of amounts: every row can be reached, and everybody who is eligible finds a row --------------------------------------

RULES_OF_DIMENSION: Mapping[Dimension, tuple[str, ...]] = {
    "category": ("category", "engaged", "full_time", "entry_channel"),
    "full_time": ("category", "engaged", "full_time", "entry_channel"),
    "grade": ("certificate",),
    "rating": ("rating",),
    "division": (),
}
"""An amount may only depend on what a rule looks at: one of these must be listed."""


def _check_line(
    document: PolicyDocument, rules: Rules, line: AllowanceLine, path: Path, eligible: Eligible
) -> Iterator[Finding]:
    if line.period == "monthly" and not line.prorated:
        problem = "prorated has no effect on a monthly line"
        yield Finding((*path, "prorated"), "no-effect", problem, "remove it", "warning", True)
    yield from _check_table(document, rules, line, path, eligible)
    gaps = list(_gaps(document, line, path, eligible))
    if line.others == "gap":
        yield from gaps
    elif not gaps:
        problem = "others has no effect: every combination has an amount in every month"
        yield Finding((*path, "others"), "no-effect", problem, "remove it", "warning", True)
    reached = [row for row in line.amounts if not list(_unreachable(document, line, row, path, eligible))]
    if reached and not any(row.amount_fen for row in reached):
        problem = f"line {line.name} pays nothing: each of its amounts is 0"
        yield Finding((*path, "amounts"), "unreachable", problem, "remove the line, or give it an amount", "warning", True)
    elif not reached:
        problem = f"line {line.name} is never paid: none of its amounts can be reached"
        yield Finding(path, "unreachable", problem, "remove the line, or correct the rules", "warning")


def _check_table(document: PolicyDocument, rules: Rules, table: Table, path: Path, eligible: Eligible) -> Iterator[Finding]:
    """What holds of the amounts of lines and of floors alike."""
    for place, dimension in enumerate(table.by):
        needed = RULES_OF_DIMENSION[dimension]
        if needed and not any(rule in rules for rule in needed):
            problem = f"amounts by {dimension} need the rule {needed[0]}, so that the dimension is looked at"
            yield Finding((*path, "by", place), "needs-rule", problem, f"add {{rule: {needed[0]}, ...}} to eligibility")
    for dimension, count in Counter(table.by).items():
        if count > 1:
            yield Finding((*path, "by"), "duplicate", f"{dimension} is listed twice", "keep one of the two")
    seen: dict[tuple[object, ...], list[int]] = {}
    for place, row in enumerate(table.amounts):
        row_path = (*path, "amounts", place)
        yield from _check_row_keys(table, row, row_path)
        yield from _unknown_words(document, table, row, row_path)
        yield from _unreachable(document, table, row, row_path, eligible)
        yield from _check_months(row, row_path)
        before = seen.setdefault(tuple([getattr(row, dimension) for dimension in table.by]), [])
        yield from _overlaps(table, row, before, row_path)
        before.append(place)


def _overlaps(table: Table, row: AmountRow, before: Sequence[int], path: Path) -> Iterator[Finding]:
    """The rows of one combination hold one after the other."""
    for place in before:
        other = table.amounts[place]
        both = _common(_months(row), _months(other))
        if both is None:
            continue
        if _months(row) == _months(other):
            problem = f"the same combination as row {place + 1} of this table"
            yield Finding(path, "duplicate", problem, "keep one of the two rows")
        else:
            problem = f"row {place + 1} of this table gives the same combination an amount {_span_text(both)} too"
            yield Finding(path, "overlap", problem, "end one of the rows in the month before the other begins")
        return


def _check_row_keys(table: Table, row: AmountRow, path: Path) -> Iterator[Finding]:
    for dimension in get_args(Dimension):
        given = getattr(row, dimension) is not None
        if dimension in table.by and not given:
            problem = f"the row does not say {dimension}, which the amounts go by"
            yield Finding((*path, dimension), "row-keys", problem, f"add {dimension}, or remove it from by")
        if given and dimension not in table.by:
            problem = f"the row says {dimension}, which the amounts don't go by"
            yield Finding((*path, dimension), "row-keys", problem, f"add {dimension} to by, or remove it here", at_key=True)


def _eligible_values(document: PolicyDocument, rules: Rules) -> dict[Dimension, list[object]]:
    """The values of each dimension that somebody eligible can have; divisions cannot be listed and are left out."""
    category, certificate, rating = rules.get("category"), rules.get("certificate"), rules.get("rating")
    words = document.vocabulary
    categories: list[object] = [word.word for word in words.categories]
    if isinstance(category, CategoryRule):
        categories = list(categories_paid(document, category))
    grades: list[object] = [word.word for word in words.grades]
    if isinstance(certificate, CertificateRule) and certificate.at_least in grades:
        grades = grades[grades.index(certificate.at_least) :]
    ratings: list[object] = [word.word for word in words.ratings]
    if isinstance(rating, RatingRule) and rating.at_least in ratings:
        ratings = ratings[: ratings.index(rating.at_least) + 1]
    full_time: list[object] = [True] if "full_time" in rules else [True, False]
    return {"category": categories, "grade": grades, "rating": ratings, "full_time": full_time}


def _words(document: PolicyDocument) -> Mapping[Dimension, tuple[str, list[str]]]:
    """The vocabulary of each dimension that has one, and what it is called."""
    words = document.vocabulary
    return {
        "category": ("categories", [word.word for word in words.categories]),
        "grade": ("grades", [word.word for word in words.grades]),
        "rating": ("ratings", [word.word for word in words.ratings]),
    }


def _unknown_words(document: PolicyDocument, table: Table, row: AmountRow, path: Path) -> Iterator[Finding]:
    known = _words(document)
    for dimension in dict.fromkeys(table.by):
        value = getattr(row, dimension)
        if value is not None and dimension in known and value not in known[dimension][1]:
            yield unknown_word((*path, dimension), value, *known[dimension])


def _unreachable(document: PolicyDocument, table: Table, row: AmountRow, path: Path, eligible: Eligible) -> Iterator[Finding]:
    """Why nobody can have this amount: words that are never eligible, another division, months before or after the policy."""
    known = _words(document)
    for dimension in dict.fromkeys(table.by):
        value = getattr(row, dimension)
        if value is None or (dimension in known and value not in known[dimension][1]):
            continue
        if dimension == "division":
            yield from _outside(document, value, (*path, dimension))
        elif value not in eligible[dimension]:
            problem = f"{dimension} {word_of(value)} is never eligible, so this amount is never paid"
            yield Finding((*path, dimension), "unreachable", problem, "remove the row, or correct the rule", "warning")
    yield from _never(document, row, path)


def _outside(document: PolicyDocument, division: str, path: Path) -> Iterator[Finding]:
    if not (covers(document.division, division) or covers(division, document.division)):
        problem = f"division {division} is outside of the policy's division {document.division}"
        yield Finding(path, "unreachable", problem, "correct or remove the row", "warning")


# Months ---------------------------------------------------------------------------------------------------------------------


class Span(NamedTuple):
    """Months YYYY-MM, both of them included; EVER and NEVER: without beginning, without end."""

    first: str
    last: str


EVER, NEVER = "0000-00", "9999-99"


def _months(part: AmountRow | PaidBy) -> Span:
    return Span(part.first_month or EVER, part.last_month or NEVER)


def _months_of(document: PolicyDocument) -> Span:
    """The months for which the document can pay something."""
    period, whole = document.effective, document.settings.part_year == "whole_year"
    first = f"{period.first_day:%Y}-01" if whole else f"{period.first_day:%Y-%m}"
    if period.last_day is None:
        return Span(first, NEVER)
    return Span(first, f"{period.last_day:%Y}-12" if whole else f"{period.last_day:%Y-%m}")


def _common(one: Span, other: Span) -> Span | None:
    both = Span(max(one.first, other.first), min(one.last, other.last))
    return both if both.first <= both.last else None


def _next(month: str, by: int = 1) -> str:
    """The month after, or before (by = -1)."""
    if month in (EVER, NEVER):
        return month
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _span_text(span: Span) -> str:
    if span.first == span.last:
        return f"in {span.first}"
    ends = [f"from {span.first}"] * (span.first != EVER) + [f"to {span.last}"] * (span.last != NEVER)
    return " ".join(ends) or "always"


def _check_months(part: AmountRow | PaidBy, path: Path) -> Iterator[Finding]:
    span = _months(part)
    if span.first > span.last:
        problem = f"it ends with {span.last}, before it begins with {span.first}"
        yield Finding((*path, "last_month"), "reversed", problem, "exchange the two months or correct one")


def _never(document: PolicyDocument, part: AmountRow | PaidBy, path: Path) -> Iterator[Finding]:
    span, whole = _months(part), _months_of(document)
    if span.first <= span.last and _common(span, whole) is None:
        problem = f"it holds {_span_text(span)}, the policy {_span_text(whole)}"
        yield Finding(path, "unreachable", problem, "correct the months, or remove it", "warning")


def uncovered(whole: Span, parts: Iterable[Span]) -> list[Span]:
    """The months of the whole that no part has."""
    left, reached = [], whole.first
    for part in sorted(parts):
        if part.last < reached:
            continue
        if part.first > reached:
            left.append(Span(reached, min(_next(part.first, -1), whole.last)))
        reached = _next(part.last) if part.last != NEVER else NEVER
        if part.last == NEVER or reached > whole.last:
            return [span for span in left if span.first <= span.last]
    return [*left, Span(reached, whole.last)]


# Gaps -----------------------------------------------------------------------------------------------------------------------


def _gaps(document: PolicyDocument, table: Table, path: Path, eligible: Eligible) -> Iterator[Finding]:
    """Combinations that are eligible but have no row. Divisions are left out: a row for any of them will do."""
    by = [dimension for dimension in dict.fromkeys(table.by) if dimension != "division"]
    present: dict[tuple[object, ...], list[Span]] = {}
    for row in table.amounts:
        present.setdefault(tuple([getattr(row, dimension) for dimension in by]), []).append(_months(row))
    whole = _months_of(document)
    missing: list[str] = []
    for combination in product(*(eligible[dimension] for dimension in by)):
        who = ", ".join(f"{dimension} {word_of(value)}" for dimension, value in zip(by, combination, strict=True))
        who = f"{who} is eligible but has no amount" if who else "there is no amount"
        spans = present.get(combination)
        missing += [who] if spans is None else [f"{who} {_span_text(span)}" for span in uncovered(whole, spans)]
    remedy = "add a row (0 for nothing), or write `others: nothing` if that is meant"
    for problem in missing[:GAPS_SHOWN_MAX]:
        yield Finding((*path, "amounts"), "gap", problem, remedy, "warning", True)
    if len(missing) > GAPS_SHOWN_MAX:
        problem = f"{len(missing) - GAPS_SHOWN_MAX} more combinations have no amount"
        yield Finding((*path, "amounts"), "gap", problem, remedy, "warning", True)


def word_of(value: object) -> str:
    """A value of a dimension as it is written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


# Payers ---------------------------------------------------------------------------------------------------------------------


def _check_payers_of(
    document: PolicyDocument, rules: Rules, line: AllowanceLine, path: Path, eligible: Eligible
) -> Iterator[Finding]:
    for place, paid_by in enumerate(line.paid_by):
        here: Path = (*path, place)
        yield from _check_shares(document, paid_by, here)
        yield from _check_condition(document, rules, paid_by, here, eligible)
        yield from _check_months(paid_by, here)
        yield from _never(document, paid_by, here)
        earlier = next((n for n, other in enumerate(line.paid_by[:place]) if _holds_whenever(other, paid_by)), None)
        if earlier is not None:
            always = line.paid_by[earlier] == line.paid_by[earlier].model_copy(update=ALWAYS)
            problem = f"entry {earlier + 1} of this list holds whenever this one would"
            if always:
                problem = f"entry {earlier + 1} of this list always holds, so this one never does"
            yield Finding(here, "unreachable", problem, "put the entry without a condition last", "warning")
    if not any(paid_by == paid_by.model_copy(update=ALWAYS) for paid_by in line.paid_by):
        problem = "every entry has a condition, so that somebody may have no payer"
        yield Finding(path, "no-payer", problem, "add a last entry without grade and division", at_key=True)


ALWAYS = {"grade": None, "division": None, "first_month": None, "last_month": None}
"""An entry without a condition."""


def _holds_whenever(one: PaidBy, other: PaidBy) -> bool:
    """Whether the first entry holds wherever the second one would."""
    grade = one.grade is None or one.grade == other.grade
    division = one.division is None or (other.division is not None and covers(one.division, other.division))
    return grade and division and _common(_months(one), _months(other)) == _months(other)


def _check_shares(document: PolicyDocument, paid_by: PaidBy, path: Path) -> Iterator[Finding]:
    names = [payer.name for payer in document.payers]
    payers = [share.payer for share in paid_by.shares]
    for item, payer in enumerate(payers):
        if payer not in names:
            remedy = f"write one of {', '.join(names)}, or add it to payers"
            yield Finding((*path, "shares", item, "payer"), "unknown-payer", f"{payer} is not in payers", remedy)
    yield from repeated(payers, (*path, "shares"), "payer")
    total = sum(share.percent for share in paid_by.shares)
    if total != 100:
        yield Finding((*path, "shares"), "shares", f"the shares add up to {total} percent", "make them add up to 100")
    if len(payers) > 1 and paid_by.remainder is None:
        problem = "shares are rounded down to the fen, and nobody is named for what is left over"
        yield Finding((*path, "remainder"), "missing", problem, "add `remainder:` with one of the payers")
    if paid_by.remainder is not None and paid_by.remainder not in payers:
        problem = f"the remainder goes to {paid_by.remainder}, who has no share"
        yield Finding((*path, "remainder"), "unknown-payer", problem, f"write one of {', '.join(payers)}")


def _check_condition(
    document: PolicyDocument, rules: Rules, paid_by: PaidBy, path: Path, eligible: Eligible
) -> Iterator[Finding]:
    grades = [grade.word for grade in document.vocabulary.grades]
    if paid_by.division is not None:
        yield from _outside(document, paid_by.division, (*path, "division"))
    if paid_by.grade is None:
        return
    if paid_by.grade not in grades:
        yield unknown_word((*path, "grade"), paid_by.grade, "grades", grades)
    elif paid_by.grade not in eligible["grade"]:
        problem = f"grade {paid_by.grade} is never eligible, so this entry never holds"
        yield Finding((*path, "grade"), "unreachable", problem, "remove the entry, or correct the rule", "warning")
    if "certificate" not in rules:
        problem = "a payer by grade needs the rule certificate, so that the grade is looked at"
        yield Finding((*path, "grade"), "needs-rule", problem, "add {rule: certificate, ...} to eligibility")


# Cap and floors -------------------------------------------------------------------------------------------------------------


def _check_cap(document: PolicyDocument) -> Iterator[Finding]:
    """A cap that nobody can reach is most likely a slip."""
    if document.cap is None:
        return
    most = sum(max(row.amount_fen for row in line.amounts) * _times(line) for line in document.lines)
    most = most * (document.settings.excellent_percent or 100) // 100
    if most <= document.cap.amount_fen:
        problem = f"nobody can reach the cap: all lines together come to {most} fen a year at most"
        yield Finding(("cap", "amount_fen"), "no-effect", problem, "correct or remove the cap", "warning")


def _times(table: Table) -> int:
    """How often an amount is paid in a whole year."""
    return 12 if table.period == "monthly" else 1


def _check_floor(document: PolicyDocument, rules: Rules, floor: Floor, path: Path, eligible: Eligible) -> Iterator[Finding]:
    names = [line.name for line in document.lines]
    unknown = [(item, name) for item, name in enumerate(floor.lines) if name not in names]
    for item, name in unknown:
        yield Finding((*path, "lines", item), "unknown-line", f"{name} is no line", f"write one of {', '.join(names)}")
    yield from repeated(floor.lines, (*path, "lines"))
    yield from _check_table(document, rules, floor, path, eligible)
    lines = [line for line in document.lines if not floor.lines or line.name in floor.lines]
    tables: list[Table] = [floor, *lines]
    plain = not any("division" in table.by or any(_dated(row) for row in table.amounts) for table in tables)
    if plain and not unknown:
        yield from _below(floor, lines, path, eligible)


def _dated(row: AmountRow) -> bool:
    return row.first_month is not None or row.last_month is not None


def _below(floor: Floor, lines: Sequence[AllowanceLine], path: Path, eligible: Eligible) -> Iterator[Finding]:
    """Whom the tables themselves give less for a whole year than the floor. Only for tables without divisions and months."""
    both: list[Table] = [floor, *lines]
    by = list(dict.fromkeys([dimension for table in both for dimension in table.by]))
    tables = [(table, _amounts(table), [by.index(each) for each in table.by]) for table in both]
    found: list[str] = []
    for combination in product(*(eligible[dimension] for dimension in by)):
        year = [amounts.get(tuple([combination[n] for n in at]), 0) * _times(table) for table, amounts, at in tables]
        if sum(year[1:]) < year[0]:
            who = ", ".join(f"{dimension} {word_of(value)}" for dimension, value in zip(by, combination, strict=True))
            whom = f" for {who}" if who else ""
            found.append(f"the lines come to {sum(year[1:])} fen a year{whom}, below the floor's {year[0]}")
    remedy = "raise the amounts, or leave it: each decision below the floor will say so"
    for problem in found[:GAPS_SHOWN_MAX]:
        yield Finding((*path, "amounts"), "below-floor", problem, remedy, "warning", True)
    if len(found) > GAPS_SHOWN_MAX:
        problem = f"{len(found) - GAPS_SHOWN_MAX} more combinations are below the floor"
        yield Finding((*path, "amounts"), "below-floor", problem, remedy, "warning", True)


def _amounts(table: Table) -> dict[tuple[object, ...], int]:
    return {tuple([getattr(row, dimension) for dimension in table.by]): row.amount_fen for row in table.amounts}
