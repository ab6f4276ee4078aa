"""A year of everybody at once: the engine is asked once for each distinct row of columns, and the answers are handed out. Pure.

``evaluate`` has no rule of its own. It finds the rows that differ (``services.allowance.columns`` says why equal rows get
equal amounts), makes facts of each, asks ``engine.owed_for_year``, and gathers the amounts by person. Three things make fewer
rows differ, and none of them changes an amount:

- *Days* (``_without_idle_days``). The engine looks at a day's month, at whether it is the month's first or last day, and at its
  order among the same worker's other days, with or without a gap between them. So an inner day that has its month for itself
  stands for every other inner day of that month, and a post that begins and ends within such a month for every other one that
  does; and where any day of a month makes it count, so do the first and the last one for a post's beginning and end.
- *Divisions* (``_Divisions``). Of a worker's division the engine asks which of the divisions that the policies name
  contain it, and, only where certificates must hold in it, which county, city and province it is.
- *Denials* (``Evaluator._unsettled``). Some rules look at one kind of fact alone. Who is denied by one of them is denied
  whatever else is on file.

Work goes in chunks, so that the memory needed beyond columns and results is bounded whatever the number of people.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.allowance import Decision
from contracts.policy import LATE_YEARS_MAX, Instrument
from services.allowance.columns import COLUMNS, LATE, POSTS_MAX, Columns, Words, facts_of
from services.allowance.engine import KnownFact, PolicyInForce, covers, decide_year, owed_for_year

__all__ = ["DENIED", "GRANTED", "UNDECIDED", "Evaluator", "Results", "evaluate", "explain"]

UNDECIDED, DENIED, GRANTED = 0, 1, 2
"""Codes of a decision. Undecided: the engine decides nothing, for want of a registration, a policy, or what it waits for."""

CHUNK_PEOPLE = 1 << 17
CASES_KEPT_MAX = 500_000
"""Distinct rows whose amounts are remembered from one chunk to the next; beyond that remembering begins again."""
ANSWERS_MIN = 1 << 10
"""By so many rows at least the table of answers grows."""
TABLE_KEYS_MAX = 1 << 21
"""Keys below this are counted in a table; greater ones are sorted, which takes longer than a table of this size."""
WIDTH_MAX = 32
"""Codes of a column beyond which it is looked up which of them occur: days of the year, of which few do once they are idle."""

Fen = NDArray[np.int64]
Row = NDArray[np.int16]

_NAMES = tuple(COLUMNS)
_ENDS = (("from", "to"), ("to", "from"))
_DAYS = tuple(name for name, kind in COLUMNS.items() if kind in ("day", "rated_on"))
_OTHER_END = {f"post_{n}_{end}": f"post_{n}_{other}" for n in range(1, POSTS_MAX + 1) for end, other in _ENDS}
"""Of a post's first day its last one, and the other way round."""
_MOVED = (_NAMES.index("move_1_to"), _NAMES.index("move_2_to"))
_HEAD = ("division", "civil_servant", "rating", "rated_on")
"""What is known of a person without any other fact than the registration and the year's rating."""
_SETTLING: Mapping[str, str | None] = {
    "rating": None,
    "not_civil_servant": None,
    "certificate": "certificate_1",
    "inspection": "inspection_1",
    "engaged": "post_1",
}
"""Rules that look at the head alone (None), or that deny whoever has no fact of their kind, which this column says."""
_BY_HEAD = sum([1 << place for place, column in enumerate(_SETTLING.values()) if column is None])
"""The bits of those that look at the head alone."""
_WHERE_VALID = tuple(name for name in COLUMNS if name.startswith(("issuer_", "recognition_")))
"""What says where a certificate holds."""


@dataclass(frozen=True, slots=True)
class Results:
    """What a year comes to for each person of ``columns``, in their order.

    decisions: ``UNDECIDED``, ``DENIED`` or ``GRANTED``. divisions: which one decides, a word of ``columns.words``. governed_by:
    the policy, by its place in ``policies``; -1: none. payers: by name, what each owes to each person. asked: how often the
    engine was.
    """

    columns: Columns
    policies: tuple[PolicyInForce, ...]
    instrument: Instrument
    decisions: NDArray[np.int8]
    divisions: Row
    governed_by: Row
    amounts_fen: Fen
    payers: Mapping[str, Fen]
    asked: int


def evaluate(columns: Columns, policies: Sequence[PolicyInForce], year: int, instrument: Instrument = "allowance") -> Results:
    """Decide the year of everybody. Raises ValueError if the columns are of another year."""
    return Evaluator(policies, year, instrument).evaluate(columns)


def explain(results: Results, person: int) -> Decision | None:
    """The full decision of one person, by the place among the people; None: nothing is decided.

    Its ids, and the dates of what began before the year, are made up, since columns don't hold them.
    """
    columns = results.columns
    facts: Sequence[KnownFact] | None = columns.irregular.get(person)
    if facts is None:
        facts = facts_of(columns.row(person), columns.words, columns.year)
    return decide_year(facts, results.policies, columns.year, results.instrument)


class Evaluator:
    """Evaluates one part of the people after another under the same policies, and remembers the cases that it has met."""

    def __init__(self, policies: Sequence[PolicyInForce], year: int, instrument: Instrument = "allowance") -> None:
        self.policies = tuple(policies)
        self.year = year
        self.instrument: Instrument = instrument
        self._payers = tuple(dict.fromkeys(payer.name for policy in self.policies for payer in policy.document.payers))
        self._policy_at = {policy.event_id: place for place, policy in enumerate(self.policies)}
        self._divisions = _Divisions(self.policies)
        of_it = [policy.document for policy in self.policies if policy.document.instrument == instrument]
        self._by_rating = instrument == "allowance" and all(each.settings.decided_when == "rated" for each in of_it)
        self._any_day = all(policy.document.settings.month_counts_when == "any_day" for policy in self.policies)
        self._words = Words()
        self._places: dict[bytes, int] = {}
        self._answers = np.zeros((0, 5 + len(self._payers)), np.int64)
        self._asked = 0

    def evaluate(self, columns: Columns) -> Results:
        """Decide the year of these people. Raises ValueError if their columns are of another year."""
        if columns.year != self.year:
            raise ValueError(
                f"the columns are of {columns.year}, the evaluation is of {self.year}; read columns of {self.year}"
            )
        people = columns.people
        decisions, divisions = np.zeros(people, np.int8), np.zeros(people, np.int16)
        governed_by, amounts = np.zeros(people, np.int16), np.zeros(people, np.int64)
        payers = {payer: np.zeros(people, np.int64) for payer in self._payers}
        self._asked = 0
        for start, chunk in _chunks(columns):
            answers, case_of = self._cases(chunk, columns.words)
            part = slice(start, start + len(case_of))
            results: list[NDArray[Any]] = [decisions, divisions, governed_by, amounts, *payers.values()]
            for place, result in enumerate(results):
                _looked_up(answers[:, place].astype(result.dtype), case_of, result[part])
            np.copyto(divisions[part], chunk.get("division", np.int16(0)), where=divisions[part] == 0)
        for person, facts in columns.irregular.items():
            answer = self._ask(facts, columns.words, whole=True)
            decisions[person], divisions[person], governed_by[person], amounts[person] = answer[:4]
            for payer, fen in zip(self._payers, answer[4:-1], strict=True):
                payers[payer][person] = fen
        return Results(columns, self.policies, self.instrument, decisions, divisions, governed_by, amounts, payers, self._asked)

    def _cases(self, chunk: _Chunk, words: Words) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """The answers to the distinct cases of a chunk, one a row, and for each person the row."""
        if words is not self._words or len(self._places) > CASES_KEPT_MAX:
            self._places = {}
        self._words = words
        reduced = self._divisions.alike(_without_idle_days(chunk, self.year, self._any_day), words)
        head = {name: reduced[name] for name in _HEAD if name in reduced}
        if not (self._by_rating and head):
            keys, span = _keys(reduced, *_one_key(reduced))
        else:
            first, head_of = _distinct(*_keys(head, *_one_key(head)))
            others = {name: codes for name, codes in reduced.items() if name not in head}
            rest = self._unsettled(others, self._answers_to(_rows(head, first), words), head_of)
            reduced = {**head, **rest}
            keys, span = _keys(rest, head_of, len(first))
        first, case_of = _distinct(keys, span)
        return self._answers_to(_rows(reduced, first), words), case_of

    def _unsettled(self, rest: _Chunk, answers: NDArray[np.int64], head_of: NDArray[np.int64]) -> _Chunk:
        """The rest of the rows, empty for those for whom the head settles the year: the engine was asked about the head alone.

        Nothing is decided if it said so, for want of a policy or rating; and whom a rule of ``_SETTLING`` denied there, it
        denies with other facts as well. Only for those who don't move: else the rest says which policy holds.
        """
        unmet = answers[:, -1]
        settled = _looked_up((answers[:, 0] == UNDECIDED) | (unmet & _BY_HEAD != 0), head_of)
        for place, column in enumerate(_SETTLING.values()):
            denied = unmet >> place & 1 != 0
            if column and denied.any():
                settled |= _looked_up(denied, head_of) & (rest[column] == 0) if column in rest else _looked_up(denied, head_of)
        if "move_1_to" in rest:
            settled &= rest["move_1_to"] == 0
        others = (~settled).astype(np.int16)
        return {name: codes * others for name, codes in rest.items()} if settled.any() else rest

    def _answers_to(self, rows: NDArray[np.int16], words: Words) -> NDArray[np.int64]:
        """The answers to some rows, one a row."""
        width, keys, places = rows.shape[1] * rows.itemsize, rows.tobytes(), self._places
        found = np.zeros(len(rows), np.intp)
        for number in range(len(rows)):
            key = keys[number * width : (number + 1) * width]
            place = places.get(key)
            if place is None:
                row, place = rows[number].tolist(), len(places)
                moved = bool(row[_MOVED[0]] or row[_MOVED[1]])
                answer = self._ask(facts_of(row, words, self.year), words, whole=moved)
                if place >= len(self._answers):
                    more = np.zeros((max(place, ANSWERS_MIN), self._answers.shape[1]), np.int64)
                    self._answers = np.concatenate([self._answers, more])
                self._answers[place] = answer
                places[key] = place
            found[number] = place
        return self._answers[found]

    def _ask(self, facts: Sequence[KnownFact], words: Words, *, whole: bool) -> _Answer:
        """whole: the division too; else it is the one in which each person is registered."""
        self._asked += 1
        owed = owed_for_year(facts, self.policies, self.year, self.instrument)
        if owed is None:
            return (UNDECIDED, 0, -1, 0, *[0 for _ in self._payers], 0)
        return (
            DENIED if owed.unmet else GRANTED,
            words.divisions[owed.division] if whole else 0,
            self._policy_at[owed.policy],
            owed.amount_fen,
            *[owed.payers.get(payer, 0) for payer in self._payers],
            sum([1 << place for place, rule in enumerate(_SETTLING) if rule in owed.unmet]),
        )


_Answer = tuple[int, ...]
"""Code of the decision, of the division (0: the person's own), place of the policy, amount, what each payer owes, in fen; and
which rules of ``_SETTLING`` deny, a bit each."""
_Chunk = Mapping[str, Row]
"""Columns of a part of the people; those that are 0 for all of them are left out."""


def _chunks(columns: Columns) -> Iterator[tuple[int, _Chunk]]:
    """Each chunk with the place of its first person."""
    for start in range(0, columns.people, CHUNK_PEOPLE):
        part = {name: codes[start : start + CHUNK_PEOPLE].astype(np.int16, copy=False) for name, codes in columns.codes.items()}
        used = {name: codes for name, codes in part.items() if codes.any()}
        # A chunk knows by its first column how many people it has.
        yield start, used or {"division": np.zeros(min(CHUNK_PEOPLE, columns.people - start), np.int16)}


def _rows(chunk: _Chunk, people: NDArray[np.intp]) -> NDArray[np.int16]:
    """The whole rows of some people, one a row."""
    rows = np.zeros((len(people), len(_NAMES)), np.int16)
    for place, name in enumerate(_NAMES):
        if name in chunk:
            rows[:, place] = chunk[name][people]
    return rows


# Fewer distinct rows ----------------------------------------------------------------------------------------------------


def _without_idle_days(chunk: _Chunk, year: int, any_day: bool) -> _Chunk:
    """Inner days of a month in which the worker has no other day become the month's middle, but that a post may both begin and
    end in it. any_day: first and last days of a month count as inner ones if a post begins or ends on them, but for those of
    the year."""
    month_of, inner, middle = _calendar(year)
    year_end = 365 + isleap(year)
    days = {name: chunk[name] for name in _DAYS if name in chunk and int(chunk[name].min()) <= year_end}
    months = {name: _looked_up(month_of, codes) for name, codes in days.items()}
    changed: dict[str, Row] = {}
    for name, codes in days.items():
        end = _OTHER_END.get(name, "")
        idle = (codes > 1) & (codes < year_end) if any_day and end else _looked_up(inner, codes)
        for other, month in months.items():
            if other == end:
                in_order = codes <= days[other] if name.endswith("_from") else days[other] <= codes
                idle &= (month != months[name]) | in_order
            elif other != name:
                idle &= month != months[name]
        changed[name] = np.where(idle, _looked_up(middle, months[name]), codes)
    return {**chunk, **changed}


@cache
def _calendar(year: int) -> tuple[NDArray[np.int8], NDArray[np.bool_], Row]:
    """By the code of a day its month (0: not in the year) and whether it is neither first nor last of it; and by the month the
    code of its middle."""
    month_of = np.zeros(LATE + LATE_YEARS_MAX + 2, np.int8)
    inner = np.zeros(len(month_of), np.bool_)
    middle = np.zeros(13, np.int16)
    day = 0
    for month in range(1, 13):
        length = monthrange(year, month)[1]
        month_of[day + 1 : day + length + 1] = month
        inner[day + 2 : day + length] = True
        middle[month] = day + 15
        day += length
    return month_of, inner, middle


class _Divisions:
    """Of all divisions that the policies cannot tell apart one stands for all."""

    def __init__(self, policies: Sequence[PolicyInForce]) -> None:
        self._one_by_one = any(policy.document.settings.territory == "required" for policy in policies)
        self._named = sorted({each for policy in policies for each in _divisions_in(policy.document.model_dump(mode="json"))})
        self._stands_for = np.zeros(1, np.int16)
        self._words: Words | None = None

    def alike(self, chunk: _Chunk, words: Words) -> _Chunk:
        """The chunk with fewer divisions. Who moves keeps the own ones, since the decision says which of them counts."""
        if self._one_by_one:
            return chunk
        stands_for = self._read(words)
        reduced = {name: codes for name, codes in chunk.items() if name not in _WHERE_VALID}
        if "division" in chunk:
            none = np.int16(0)
            stays = (chunk.get("move_1_to", none) == 0) & (chunk.get("move_2_to", none) == 0)
            reduced["division"] = np.where(stays, stands_for[chunk["division"]], chunk["division"])
        return reduced

    def _read(self, words: Words) -> Row:
        if self._words is not words or len(self._stands_for) != len(words.divisions.words):
            self._words = words
            alike: dict[tuple[bool, ...], int] = {}
            codes = [
                alike.setdefault(tuple([covers(each, division) for each in self._named]), code)
                for division, code in words.divisions.items()
            ]
            self._stands_for = np.array([0, *codes], np.int16)
        return self._stands_for


def _divisions_in(value: Any) -> Iterator[str]:
    """The divisions that a policy names, wherever it does."""
    if isinstance(value, dict):
        if isinstance(value.get("division"), str):
            yield value["division"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _divisions_in(each)


# Distinct rows ----------------------------------------------------------------------------------------------------------


def _one_key(chunk: _Chunk) -> tuple[NDArray[np.int64], int]:
    """The keys of people of whom nothing is known yet, and below which number they are."""
    return np.zeros(len(next(iter(chunk.values()))), np.int64), 1


def _keys(chunk: _Chunk, keys: NDArray[np.int64], span: int) -> tuple[NDArray[np.int64], int]:
    """The keys with the codes of a row put to them, as digits are put to a number; before that would be too great, the numbers
    so far are replaced by their ranks among those that occur. So different rows always have different numbers."""
    keys = keys.copy()
    for codes in chunk.values():
        low, width = int(codes.min()), int(codes.max()) - int(codes.min()) + 1
        if width == 1:
            continue
        digits: NDArray[Any] = codes - np.int16(low)
        if width > WIDTH_MAX:
            digits, width = _ranked(digits, width)
        if span * width > TABLE_KEYS_MAX:
            keys, span = _ranked(keys, span)
        keys *= width
        keys += digits
        span *= width
    return keys, span


def _distinct(keys: NDArray[np.int64], span: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Of each distinct key one person who has it, and for each person which one it is. span: all keys are below it."""
    case_of, cases = _ranked(keys, span)
    first = np.zeros(cases, np.intp)
    first[case_of] = np.arange(len(keys))
    return first, case_of


def _ranked(keys: NDArray[Any], span: int) -> tuple[NDArray[np.int64], int]:
    """The rank of each key among those that occur, and how many they are. span: all keys are below it."""
    if span > TABLE_KEYS_MAX:
        values, ranks = np.unique(keys, return_inverse=True)
        return ranks.astype(np.int64, copy=False), len(values)
    places = keys.astype(np.intp, copy=False)
    occurs = np.zeros(span, np.bool_)
    occurs[places] = True
    ranks = np.cumsum(occurs, dtype=np.int64)
    return _looked_up(ranks - 1, places), int(ranks[-1])


def _looked_up(table: NDArray[Any], places: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """The table at some places, all of which it has: that saves looking for others."""
    return table.take(places, out=out, mode="clip")
