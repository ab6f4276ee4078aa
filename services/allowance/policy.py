"""Read and check the YAML text of a policy. Pure: text in, a document or its problems out, each at its line, column and key.

Three steps: the text becomes plain values that know their places (``eventlog.documents``); those become a ``PolicyDocument``,
or problems of form; a document is checked for sense (``services.allowance.policy_check``). An *error* keeps a policy from being
published; a *warning* is for its author.

The text is untrusted: its length and depth are bounded before it is parsed, anchors, aliases and tags are refused (there is
nothing that a policy needs them for), keys are never repeated, and amounts are whole fen, never decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts import policy as shapes
from contracts.policy import AllowanceLine, AmountRow, PolicyDocument
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
)
from services.allowance.engine import covers
from services.allowance.policy_check import CONSEQUENCES, findings_of_sense
from services.allowance.policy_check_amounts import word_of

__all__ = [
    "PROBLEMS_MAX",
    "TEXT_CHARS_MAX",
    "AmountTableRow",
    "PaidByRow",
    "PolicyError",
    "PolicyProblem",
    "check_policy",
    "policy_rows",
    "read_policy",
]

TEXTS_KEPT_MAX = 16
"""Policies whose reading is kept in memory."""

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


@lru_cache(maxsize=TEXTS_KEPT_MAX)
def _read(text: str) -> tuple[PolicyDocument | None, tuple[PolicyProblem, ...]]:
    # Kept, because a text is read when it is checked and again when it is published, and YAML takes its time.
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
    of_sense = list(findings_of_sense(document))
    if reader.findings or any(finding.severity == "error" for finding in of_sense):
        of_sense = [finding for finding in of_sense if finding.code not in CONSEQUENCES]
    return document, reader.problems([*reader.findings, *of_sense])


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


# For people -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PaidByRow:
    """Who pays an amount under which condition (each None: no such condition). shares: (payer, percent)."""

    grade: str | None
    division: str | None
    first_month: str | None
    last_month: str | None
    shares: tuple[tuple[str, int], ...]

    @property
    def is_always(self) -> bool:
        return (self.grade, self.division, self.first_month, self.last_month) == (None, None, None, None)


@dataclass(frozen=True, slots=True)
class AmountTableRow:
    """One amount, as a table shows it. combination: the row's words by dimension, in the order of the line's ``by``.

    first_month, last_month: when it holds; None: from the beginning, without end. payers: the entries that can apply to it, the
    first that fits counts. paid_by: the same in one text.
    """

    line: str
    zh: str
    period: str
    combination: tuple[tuple[str, str], ...]
    amount_fen: int
    paid_by: str
    clause: str
    status: str
    first_month: str | None
    last_month: str | None
    payers: tuple[PaidByRow, ...]


def policy_rows(document: PolicyDocument) -> tuple[AmountTableRow, ...]:
    """The amount tables of all lines as rows, in the document's order: what ``hongling policy show`` prints."""
    return tuple(_row(line, row) for line in document.lines for row in line.amounts)


def _row(line: AllowanceLine, row: AmountRow) -> AmountTableRow:
    payers = tuple(_payers_of(line, row))
    return AmountTableRow(
        line=line.name,
        zh=line.zh,
        period=line.period,
        combination=tuple((dimension, word_of(getattr(row, dimension))) for dimension in line.by),
        amount_fen=row.amount_fen,
        paid_by="; ".join(_payers_text(entry) for entry in payers),
        clause=line.clause,
        status=line.status,
        first_month=row.first_month,
        last_month=row.last_month,
        payers=payers,
    )


def _payers_of(line: AllowanceLine, row: AmountRow) -> Iterator[PaidByRow]:
    """The entries that can apply to this row, without the conditions that the row itself fulfils."""
    for paid_by in line.paid_by:
        if paid_by.grade is not None and row.grade not in (None, paid_by.grade):
            continue
        if (paid_by.first_month or "") > (row.last_month or "9") or (row.first_month or "") > (paid_by.last_month or "9"):
            continue
        within = paid_by.division is not None and row.division is not None and covers(paid_by.division, row.division)
        if paid_by.division and row.division and not within and not covers(row.division, paid_by.division):
            continue
        entry = PaidByRow(
            grade=paid_by.grade if row.grade is None else None,
            division=None if within else paid_by.division,
            first_month=paid_by.first_month if (paid_by.first_month or "") > (row.first_month or "") else None,
            last_month=paid_by.last_month if (paid_by.last_month or "9") < (row.last_month or "9") else None,
            shares=tuple((share.payer, share.percent) for share in paid_by.shares),
        )
        yield entry
        if entry.is_always:
            return


def _payers_text(entry: PaidByRow) -> str:
    """``special, 320102, from 2021-07: city 60 % + county 40 %``."""
    shares = " + ".join(payer if percent == 100 else f"{payer} {percent} %" for payer, percent in entry.shares)
    conditions = [each for each in (entry.grade, entry.division) if each]
    conditions += [f"from {entry.first_month}"] * bool(entry.first_month) + [f"to {entry.last_month}"] * bool(entry.last_month)
    return f"{', '.join(conditions)}: {shares}" if conditions else shares
