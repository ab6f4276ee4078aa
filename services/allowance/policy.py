"""Read and check the YAML text of a policy. Pure: text in, a document or its problems out, each at its line, column and key.

Three steps: the text becomes plain values that know their places (``eventlog.documents``); those become a ``PolicyDocument``,
or problems of form; a document is checked for sense. An *error* keeps a policy from being published; a *warning* is for its
author.

The text is untrusted: its length and depth are bounded before it is parsed, anchors, aliases and tags are refused (there is
nothing that a policy needs them for), keys are never repeated, and amounts are whole fen, never decimals.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts import policy as shapes
from contracts.policy import (
    AllowanceLine,
    AmountRow,
    CategoryRule,
    CertificateRule,
    Dimension,
    PolicyDocument,
    RatingRule,
    Rule,
    Settings,
)
from eventlog.documents import (
    PROBLEMS_MAX,
    TEXT_CHARS_MAX,
    DocumentError,
    DocumentProblem,
    Finding,
    Path,
    Reader,
    finding_of_form,
    keys_of,
    last_key,
    path_in,
    repeated,
)
from services.allowance.engine import BASIC, categories_paid, covers, grade_rank, rating_rank

__all__ = [
    "PROBLEMS_MAX",
    "TEXT_CHARS_MAX",
    "AmountTableRow",
    "PolicyError",
    "PolicyProblem",
    "check_policy",
    "policy_rows",
    "read_policy",
]

GAPS_SHOWN_MAX = 20

PolicyProblem = DocumentProblem
PolicyError = DocumentError
"""Under the names that this service's callers know."""


def read_policy(text: str) -> PolicyDocument:
    """Return the document. Raises PolicyError if there is any error; warnings alone don't keep it from being read."""
    document, problems = _read(text)
    if document is None or any(problem.severity == "error" for problem in problems):
        raise PolicyError(problems)
    return document


def check_policy(text: str) -> tuple[PolicyProblem, ...]:
    """Return everything that is wrong or doubtful about the text, in order of its place; nothing: it is fine."""
    return _read(text)[1]


def _read(text: str) -> tuple[PolicyDocument | None, tuple[PolicyProblem, ...]]:
    reader = Reader("policy", TEXT_KEYS, _finding_of_number)
    value = reader.read(text)
    if value is None:
        return None, reader.problems(reader.findings)
    reported = {finding.path for finding in reader.findings}
    try:
        document = PolicyDocument.model_validate(value)
    except ValidationError as refused:
        # A list whose items are all refused looks empty to pydantic, which then says so as well: the items' errors are enough.
        errors = [error for error in refused.errors() if not (error["type"] == "too_short" and error["input"])]
        of_form = [_finding_of_form(error, value) for error in errors[:PROBLEMS_MAX]]
        return None, reader.problems([*reader.findings, *[finding for finding in of_form if finding.path not in reported]])
    of_sense = list(_findings_of_sense(document))
    if reader.findings or any(finding.severity == "error" for finding in of_sense):
        of_sense = [finding for finding in of_sense if finding.code not in CONSEQUENCES]
    return document, reader.problems([*reader.findings, *of_sense])


CONSEQUENCES = frozenset({"gap", "unreachable", "unused"})
"""Warnings that an error elsewhere may bring about, such as a misspelt word; they are told once there is no error."""


TEXT_KEYS = frozenset({"division", "clause", "document", "title", "title_en", "zh", "en", "source", "note", "word", "name"})
"""Keys whose scalars are text even without quotes, so that ``clause: 3.10`` is not read as a number."""


KNOWN_KEYS = keys_of(shapes)


def _finding_of_number(text: str, path: Path) -> Finding:
    if path and path[-1] == "amount_fen":
        return Finding(path, "float", f"{text} is not a whole number of fen", _fen_remedy(text))
    return Finding(path, "float", f"{text} is not a plain whole number", "write a whole number in decimal digits")


def _fen_remedy(text: str) -> str:
    """Money is written in whole fen; whoever writes a decimal most likely means yuan."""
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", text):
        return f"write {int(Decimal(text) * 100)} if {text} yuan is meant (1 yuan = 100 fen)"
    return "write whole fen without quotes, such as amount_fen: 240000 for 2,400 yuan (1 yuan = 100 fen)"


def _finding_of_form(error: ErrorDetails, value: Any) -> Finding:
    """Pydantic's error in the words of the language; an amount that is no whole number of fen says so."""
    path = path_in(error["loc"], value)
    if last_key(path) == "amount_fen" and error["type"].startswith(("int_", "float_")):
        return Finding(path, "float", f"{error['input']} is not a whole number of fen", _fen_remedy(str(error["input"])))
    return finding_of_form(error, value, KNOWN_KEYS)


# Sense: what a well-formed document may still get wrong ---------------------------------------------------------------------


def _findings_of_sense(document: PolicyDocument) -> Iterator[Finding]:
    rules: dict[str, Rule] = {rule.rule: rule for rule in document.eligibility}
    yield from _check_period(document)
    yield from _check_names(document)
    yield from _check_rules(document)
    yield from _check_settings(document, rules)
    for place, line in enumerate(document.lines):
        yield from _check_line(document, rules, line, ("lines", place))
        yield from _check_payers_of(document, line, ("lines", place))
    used = {share.payer for line in document.lines for paid_by in line.paid_by for share in paid_by.shares}
    for place, payer in enumerate(document.payers):
        if payer.name not in used:
            problem = f"payer {payer.name} pays no line"
            yield Finding(("payers", place, "name"), "unused", problem, "remove it or name it in a paid_by", "warning")


def _check_period(document: PolicyDocument) -> Iterator[Finding]:
    period = document.effective
    if period.last_day is not None and period.last_day < period.first_day:
        problem = f"the period ends on {period.last_day}, before it begins on {period.first_day}"
        yield Finding(("effective", "last_day"), "reversed", problem, "exchange the two days or correct one")


def _check_names(document: PolicyDocument) -> Iterator[Finding]:
    """Names and words are unique within their list."""
    vocabulary = document.vocabulary
    yield from repeated([rating.word for rating in vocabulary.ratings], ("vocabulary", "ratings"), "word")
    yield from repeated([grade.word for grade in vocabulary.grades], ("vocabulary", "grades"), "word")
    yield from repeated([category.word for category in vocabulary.categories], ("vocabulary", "categories"), "word")
    yield from repeated([rule.rule for rule in document.eligibility], ("eligibility",), "rule")
    yield from repeated([payer.name for payer in document.payers], ("payers",), "name")
    yield from repeated([line.name for line in document.lines], ("lines",), "name")


def _check_rules(document: PolicyDocument) -> Iterator[Finding]:
    """The words of the rules are in the vocabulary, and the category rule leaves somebody."""
    categories = {category.word for category in document.vocabulary.categories}
    for place, rule in enumerate(document.eligibility):
        if isinstance(rule, CategoryRule):
            for item, category in enumerate(rule.among):
                if category not in categories:
                    yield _unknown_word(("eligibility", place, "among", item), category, "categories", categories)
            if not categories_paid(document, rule):
                problem = "no category is left: the setting deputy_secretary is unpaid"
                yield Finding(("eligibility", place, "among"), "contradiction", problem, "set deputy_secretary: paid")
            elif "deputy_secretary" in rule.among and document.settings.deputy_secretary == "unpaid":
                problem = "deputy_secretary is listed here, but the setting deputy_secretary is unpaid"
                remedy = "set deputy_secretary: paid, or remove it from this list"
                yield Finding(("eligibility", place, "among"), "contradiction", problem, remedy)
        elif isinstance(rule, CertificateRule):
            if rule.at_least is not None and grade_rank(document, rule.at_least) is None:
                words = [grade.word for grade in document.vocabulary.grades]
                yield _unknown_word(("eligibility", place, "at_least"), rule.at_least, "grades", words)
        elif isinstance(rule, RatingRule) and rating_rank(document, rule.at_least) is None:
            words = [rating.word for rating in document.vocabulary.ratings]
            yield _unknown_word(("eligibility", place, "at_least"), rule.at_least, "ratings", words)


def _unknown_word(path: Path, word: str, kind: str, known: Iterable[str]) -> Finding:
    listed = ", ".join(known) or "none so far"
    remedy = f"write one of {listed}, or add it to vocabulary.{kind}"
    return Finding(path, "unknown-word", f"{word} is not in vocabulary.{kind}", remedy)


RULE_OF_SETTING: Mapping[str, str] = {
    "basic": "rating",
    "promotion": "certificate",
    "leaving": "engaged",
    "failed_inspection": "inspection",
    "deputy_secretary": "category",
    "month_counts_when": "engaged",
    "late_rating": "rating",
}
"""The rule that a setting is about; without it the setting has no effect."""


def _check_settings(document: PolicyDocument, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    settings = document.settings
    for setting in sorted(settings.model_fields_set & RULE_OF_SETTING.keys()):
        needed = RULE_OF_SETTING[setting]
        if needed not in rules:
            problem = f"the setting {setting} has no effect, since there is no {needed} rule"
            yield Finding(("settings", setting), "no-effect", problem, f"remove it, or add the rule {needed}", "warning", True)
    yield from _check_number(settings, "basic_percent", "basic", "reduced")
    yield from _check_number(settings, "late_rating_years", "late_rating", "within_years")
    if settings.decided_when == "engaged" and document.effective.last_day is None:
        problem = "decided_when: engaged needs an end of the policy, or years without end would have to be decided"
        yield Finding(("effective",), "missing", problem, "add `last_day:`", at_key=True)
    yield from _check_basic(document, rules)


def _check_number(settings: Settings, number: str, setting: str, value: str) -> Iterator[Finding]:
    """A number goes with one value of its setting, and with that value only."""
    given, chosen = getattr(settings, number), getattr(settings, setting)
    if chosen == value and given is None:
        yield Finding(("settings", setting), "missing", f"{setting}: {value} needs {number}", f"add `{number}:`")
    if chosen != value and given is not None:
        problem = f"{number} has no effect with {setting}: {chosen}"
        yield Finding(("settings", number), "no-effect", problem, f"remove it, or set {setting}: {value}", "warning", True)


def _check_basic(document: PolicyDocument, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    """The setting basic agrees with the rating rule: zero and reduced stand below it, listed within it."""
    rule = rules.get("rating")
    lowest = rating_rank(document, rule.at_least) if isinstance(rule, RatingRule) else None
    basic, chosen = rating_rank(document, BASIC), document.settings.basic
    if lowest is None:
        return
    if basic is None:
        if chosen != "zero":
            problem = f"basic: {chosen} needs the word {BASIC} in vocabulary.ratings"
            yield Finding(("settings", "basic"), "unknown-word", problem, "add the word, or set basic: zero")
        return
    place = document.eligibility.index(rule) if rule else 0
    if chosen == "zero" and basic >= lowest:
        problem = f"the rating rule lets {BASIC} in, but the setting basic is zero"
        remedy = "raise at_least, or set basic: listed and give it a row in the amounts"
        yield Finding(("eligibility", place, "at_least"), "contradiction", problem, remedy)
    if chosen == "reduced" and basic != lowest - 1:
        problem = f"basic: reduced needs {BASIC} to be the next rating below at_least"
        yield Finding(("settings", "basic"), "contradiction", problem, "correct at_least or the order of vocabulary.ratings")
    if chosen == "listed" and basic < lowest:
        problem = f"basic: listed needs the rating rule to let {BASIC} in"
        yield Finding(("settings", "basic"), "contradiction", problem, f"set at_least: {BASIC} in the rating rule")


# Amounts: every row can be reached, and everybody who is eligible finds a row -----------------------------------------------

RULES_OF_DIMENSION: Mapping[Dimension, tuple[str, ...]] = {
    "category": ("category", "engaged", "full_time"),
    "full_time": ("category", "engaged", "full_time"),
    "grade": ("certificate",),
    "rating": ("rating",),
    "division": (),
}
"""An amount may only depend on what a rule looks at: one of these must be listed."""


def _check_line(document: PolicyDocument, rules: Mapping[str, Rule], line: AllowanceLine, path: Path) -> Iterator[Finding]:
    for place, dimension in enumerate(line.by):
        needed = RULES_OF_DIMENSION[dimension]
        if needed and not any(rule in rules for rule in needed):
            problem = f"amounts by {dimension} need the rule {needed[0]}, so that the dimension is looked at"
            yield Finding((*path, "by", place), "needs-rule", problem, f"add {{rule: {needed[0]}, ...}} to eligibility")
    yield from _repeated_dimensions(line, path)
    if line.period == "monthly" and not line.prorated:
        problem = "prorated has no effect on a monthly line"
        yield Finding((*path, "prorated"), "no-effect", problem, "remove it", "warning", True)
    eligible = _eligible_values(document, rules)
    seen: dict[tuple[object, ...], int] = {}
    for place, row in enumerate(line.amounts):
        row_path = (*path, "amounts", place)
        yield from _check_row_keys(line, row, row_path)
        yield from _check_row_words(document, line, row, row_path, eligible)
        combination = tuple(getattr(row, dimension) for dimension in line.by)
        if combination in seen:
            problem = f"the same combination as row {seen[combination] + 1} of this table"
            yield Finding(row_path, "duplicate", problem, "keep one of the two rows")
        seen.setdefault(combination, place)
    if line.others == "gap":
        yield from _gaps(line, path, eligible)


def _repeated_dimensions(line: AllowanceLine, path: Path) -> Iterator[Finding]:
    for dimension, count in Counter(line.by).items():
        if count > 1:
            yield Finding((*path, "by"), "duplicate", f"{dimension} is listed twice", "keep one of the two")


def _check_row_keys(line: AllowanceLine, row: AmountRow, path: Path) -> Iterator[Finding]:
    for dimension in get_args(Dimension):
        given = getattr(row, dimension) is not None
        if dimension in line.by and not given:
            problem = f"the row does not say {dimension}, which the amounts go by"
            yield Finding((*path, dimension), "row-keys", problem, f"add {dimension}, or remove it from by")
        if given and dimension not in line.by:
            problem = f"the row says {dimension}, which the amounts don't go by"
            yield Finding((*path, dimension), "row-keys", problem, f"add {dimension} to by, or remove it here", at_key=True)


def _eligible_values(document: PolicyDocument, rules: Mapping[str, Rule]) -> dict[Dimension, list[object]]:
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


def _check_row_words(
    document: PolicyDocument, line: AllowanceLine, row: AmountRow, path: Path, eligible: Mapping[Dimension, Sequence[object]]
) -> Iterator[Finding]:
    """Each word is known, and can be that of somebody eligible."""
    words = document.vocabulary
    known: dict[Dimension, tuple[str, list[str]]] = {
        "category": ("categories", [word.word for word in words.categories]),
        "grade": ("grades", [word.word for word in words.grades]),
        "rating": ("ratings", [word.word for word in words.ratings]),
    }
    for dimension in line.by:
        value = getattr(row, dimension)
        if value is None:
            continue
        if dimension in known and value not in known[dimension][1]:
            yield _unknown_word((*path, dimension), value, *known[dimension])
        elif dimension == "division":
            if not (covers(document.division, value) or covers(value, document.division)):
                problem = f"division {value} is outside of the policy's division {document.division}"
                yield Finding((*path, dimension), "unreachable", problem, "correct or remove the row", "warning")
        elif value not in eligible[dimension]:
            problem = f"{dimension} {_word(value)} is never eligible, so this amount is never paid"
            yield Finding((*path, dimension), "unreachable", problem, "remove the row, or correct the rule", "warning")


def _gaps(line: AllowanceLine, path: Path, eligible: Mapping[Dimension, Sequence[object]]) -> Iterator[Finding]:
    """Combinations that are eligible but have no row. Divisions are left out: a row for any of them will do."""
    by = [dimension for dimension in dict.fromkeys(line.by) if dimension != "division"]
    present = {tuple(getattr(row, dimension) for dimension in by) for row in line.amounts}
    missing = [each for each in product(*(eligible[dimension] for dimension in by)) if each not in present]
    remedy = "add a row (0 for nothing), or write `others: nothing` if that is meant"
    for combination in missing[:GAPS_SHOWN_MAX]:
        who = ", ".join(f"{dimension} {_word(value)}" for dimension, value in zip(by, combination, strict=True))
        yield Finding((*path, "amounts"), "gap", f"{who} is eligible but has no amount", remedy, "warning", True)
    if len(missing) > GAPS_SHOWN_MAX:
        problem = f"{len(missing) - GAPS_SHOWN_MAX} more combinations have no amount"
        yield Finding((*path, "amounts"), "gap", problem, remedy, "warning", True)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# Payers ---------------------------------------------------------------------------------------------------------------------


def _check_payers_of(document: PolicyDocument, line: AllowanceLine, path: Path) -> Iterator[Finding]:
    names = [payer.name for payer in document.payers]
    grades = [grade.word for grade in document.vocabulary.grades]
    path = (*path, "paid_by")
    always = None
    for place, paid_by in enumerate(line.paid_by):
        here: Path = (*path, place)
        payers = [share.payer for share in paid_by.shares]
        for item, payer in enumerate(payers):
            if payer not in names:
                remedy = f"write one of {', '.join(names)}, or add it to payers"
                yield Finding((*here, "shares", item, "payer"), "unknown-payer", f"{payer} is not in payers", remedy)
        yield from repeated(payers, (*here, "shares"), "payer")
        total = sum(share.percent for share in paid_by.shares)
        if total != 100:
            yield Finding((*here, "shares"), "shares", f"the shares add up to {total} percent", "make them add up to 100")
        if len(payers) > 1 and paid_by.remainder is None:
            problem = "shares are rounded down to the fen, and nobody is named for what is left over"
            yield Finding((*here, "remainder"), "missing", problem, "add `remainder:` with one of the payers")
        if paid_by.remainder is not None and paid_by.remainder not in payers:
            problem = f"the remainder goes to {paid_by.remainder}, who has no share"
            yield Finding((*here, "remainder"), "unknown-payer", problem, f"write one of {', '.join(payers)}")
        if paid_by.grade is not None and paid_by.grade not in grades:
            yield _unknown_word((*here, "grade"), paid_by.grade, "grades", grades)
        if paid_by.grade is not None and not any(isinstance(rule, CertificateRule) for rule in document.eligibility):
            problem = "a payer by grade needs the rule certificate, so that the grade is looked at"
            yield Finding((*here, "grade"), "needs-rule", problem, "add {rule: certificate, ...} to eligibility")
        if always is not None:
            problem = f"entry {always + 1} of this list always holds, so this one never does"
            yield Finding(here, "unreachable", problem, "put the entry without a condition last", "warning")
        elif paid_by.grade is None and paid_by.division is None:
            always = place
    if always is None:
        problem = "every entry has a condition, so that somebody may have no payer"
        yield Finding(path, "no-payer", problem, "add a last entry without grade and division", at_key=True)


# For people -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AmountTableRow:
    """One amount, as a table shows it. combination: the row's words by dimension, in the order of the line's ``by``."""

    line: str
    zh: str
    period: str
    combination: tuple[tuple[str, str], ...]
    amount_fen: int
    paid_by: str
    clause: str
    status: str


def policy_rows(document: PolicyDocument) -> tuple[AmountTableRow, ...]:
    """The amount tables of all lines as rows, in the document's order: what ``hongling policy show`` prints."""
    return tuple(
        AmountTableRow(
            line=line.name,
            zh=line.zh,
            period=line.period,
            combination=tuple((dimension, _word(getattr(row, dimension))) for dimension in line.by),
            amount_fen=row.amount_fen,
            paid_by=_payers_text(line, row),
            clause=line.clause,
            status=line.status,
        )
        for line in document.lines
        for row in line.amounts
    )


def _payers_text(line: AllowanceLine, row: AmountRow) -> str:
    """Who pays this row: the entries that can apply to its grade, each with its condition if it has one."""
    texts = []
    for paid_by in line.paid_by:
        if paid_by.grade is not None and row.grade is not None and paid_by.grade != row.grade:
            continue
        shares = " + ".join(
            share.payer if share.percent == 100 else f"{share.payer} {share.percent} %" for share in paid_by.shares
        )
        by_grade = paid_by.grade is not None and row.grade is None
        conditions = [str(paid_by.grade)] * by_grade + ([paid_by.division] if paid_by.division else [])
        texts.append(f"{', '.join(conditions)}: {shares}" if conditions else shares)
        if not conditions:
            break
    return "; ".join(texts)
