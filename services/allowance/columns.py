"""People as columns of small integers: all that a year's decision can depend on, one array a column. Pure.

Two people with equal columns get equal amounts, so ``services.allowance.evaluation`` asks the engine once for each distinct
row. Nothing here decides anything: the rules stand in ``services.allowance.engine`` alone, which is asked about the facts that
``facts_of`` makes of a row.

Why a row is enough. The engine is a function of the facts; what a row leaves out of them is what no rule asks for:

- who said it, keys, units, posts by name, reasons, numbers of certificates, what an inspection checked. Which facts belong
  together (an end to its engagement, a change to its certificate), and the order in which they count, is kept by the slots.
- what is dated after the year: it changes no earlier decision, but for the year's own rating and inspection, which are kept.
- what was over before the year: posts, certificates and closings without a day in it. What lasts of it is kept as it stood when
  the year began: the division, the grade, a suspension, a closed registration, the last inspection.
- the dates of what began before the year: only that they lie before it, and in which order.

Histories that do not fit (``row_of``) keep their facts, and are decided one by one. ``tests/allowance/test_columns.py`` holds
all of this against the engine, for random workers and policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, lru_cache
from itertools import chain
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from contracts.base import YEAR_FIRST, YEAR_LAST, Category, EntryChannel
from contracts.certificate_life import Issue, spans_of, superseding
from contracts.particulars import (
    Certificate,
    CertificateChange,
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
from contracts.policy import LATE_YEARS_MAX
from contracts.registration_life import closed_spans, division_on
from services.allowance.engine import KnownFact

__all__ = [
    "CATEGORIES",
    "CHANGES",
    "CHANNELS",
    "COLUMNS",
    "LATE",
    "MONTH_AFTER",
    "OUTCOMES",
    "Codes",
    "Columns",
    "Words",
    "certificate_columns",
    "columns_of",
    "facts_of",
    "post_code",
    "post_columns",
    "row_of",
]

Codes = NDArray[np.integer[Any]]
"""One column: a code for each person."""

POSTS_MAX = 3
"""Posts with a day in one year. Whoever has had more is decided from the facts; so for the other kinds."""
CLOSINGS_MAX = 2
CERTIFICATES_MAX = 3
CHANGES_MAX = 3
INSPECTIONS_MAX = 3
RECOGNITIONS_MAX = 3
MOVES_MAX = 2
WORDS_MAX = 32_767
"""Different divisions, grades or ratings: so many fit into the 16 bits of a code."""
DAY_LAST = 366

CATEGORIES: tuple[Category, ...] = get_args(Category)
CHANNELS: tuple[EntryChannel, ...] = get_args(EntryChannel)
OUTCOMES: tuple[Literal["passed", "failed", "missed"], ...] = ("passed", "failed", "missed")
CHANGES: tuple[Literal["suspended", "reinstated", "downgraded", "revoked", "superseded"], ...] = (
    "suspended", "reinstated", "downgraded", "revoked", "superseded",
)  # fmt: skip
LATE = 400
"""``rated_on`` is ``LATE`` + the years by which a rating came late; from ``LATE_YEARS_MAX`` + 1 on they are all alike."""
MONTH_AFTER = 13
"""The month of an inspection that was concluded after its year; 0 is before it."""

PARTICULARS_KEPT_MAX = 10_000
"""What ``facts_of`` makes of one kind and keeps, since most people's facts say the same."""
NOWHERE = "990000"
"""The issuer of a certificate of whom nothing is said: no division of GB/T 2260."""

ONE_DAY = timedelta(days=1)

Kind = Literal[
    "division", "grade", "rating", "flag", "day", "rated_on", "post", "change", "place", "outcome", "month", "which_year"
]  # fmt: skip

_GREATEST: Mapping[Kind, int] = {
    "flag": 1,
    "day": DAY_LAST,
    "rated_on": LATE + LATE_YEARS_MAX + 1,
    "post": 2 * len(CATEGORIES) * (1 + len(CHANNELS)),
    "change": len(CHANGES),
    "place": CERTIFICATES_MAX,
    "outcome": len(OUTCOMES),
    "month": MONTH_AFTER,
    "which_year": 4,
}


def _slots(count: int, **parts: Kind) -> dict[str, Kind]:
    """The columns of a group with ``count`` slots. A part's name is put behind the slot's number: ``post_2_from``."""
    named = {number: {part.replace("_N", f"_{number}"): kind for part, kind in parts.items()} for number in range(1, count + 1)}
    return {name: kind for slot in named.values() for name, kind in slot.items()}


_GROUPS: tuple[dict[str, Kind], ...] = (
    {"division": "division", "civil_servant": "flag", "rating": "rating", "rated_on": "rated_on"},
    _slots(MOVES_MAX, move_N_to="division", move_N_on="day"),
    _slots(POSTS_MAX, post_N="post", post_N_from="day", post_N_to="day"),
    _slots(CLOSINGS_MAX, closed_N_from="day", closed_N_to="day"),
    _slots(
        CERTIFICATES_MAX,
        certificate_N="grade",
        certificate_N_from="day",
        certificate_N_to="day",
        suspended_N="flag",
        issuer_N="division",
    ),
    _slots(CHANGES_MAX, change_N="change", change_N_of="place", change_N_on="day", change_N_grade="grade"),
    _slots(RECOGNITIONS_MAX, recognition_N="division", recognition_N_of="place", recognition_N_on="day"),
    _slots(INSPECTIONS_MAX, inspection_N="outcome", inspection_N_month="month", inspection_N_year="which_year"),
)
_PERSON, _MOVES, _POSTS, _CLOSINGS, _CERTIFICATES, _CHANGES, _RECOGNITIONS, _INSPECTIONS = _GROUPS

COLUMNS: Mapping[str, Kind] = {name: kind for group in _GROUPS for name, kind in group.items()}
"""Every column, in the order of a row, and what its codes mean. 0 is always "none". Slots are filled from the first on, in the
order in which the facts count.

A *word* (division, grade, rating) is its place in ``Words``, from 1. A *day* is the day of the year, from 1; 0 is before the
year for what begins (``from``, ``on``), and beyond it or never for what ends (``to``).

- division: held when the year begins; 0: not registered. move: a transfer after the year's first day.
- rating, rated_on: of the year, whenever it was told; ``rated_on`` may be later than the year, see ``LATE``.
- post: see ``post_code``; its first and last day.
- closed: the first and the last day on which the registration is closed; a first day of 0: it is not.
- certificate: the grade when the year begins, or when it is issued; its first and last day; suspended: when the year begins;
  issuer: the division that issued it.
- change: 1 + its place in ``CHANGES``; of: of which certificate, by its slot; on: from which day; its new grade.
- recognition: in which division; of: of which certificate; on: from which day.
- inspection: 1 + its place in ``OUTCOMES``; the month of its conclusion; year: 3 for the year's own, 2 for that of the year
  before, 1 and 4 for earlier and later ones. In the order in which they were concluded.
"""
NAMES = tuple(COLUMNS)
_NOBODY = (0,) * len(NAMES)


class _Codebook(dict[str, int]):
    """Word → code, from 1 in the order of first use. words: the same the other way round; code 0 is the empty word."""

    def __init__(self) -> None:
        super().__init__()
        self.words = [""]

    def __missing__(self, word: str) -> int:
        if len(self) >= WORDS_MAX:
            raise ValueError(f"{word!r} is one word more than the {WORDS_MAX} that codes exist for; begin with new Words")
        self.words.append(word)
        self[word] = len(self) + 1
        return self[word]


class Words:
    """What the codes of divisions, grades and ratings stand for. It grows as people are read: one for all who are compared."""

    def __init__(self, divisions: Iterable[str] = (), grades: Iterable[str] = (), ratings: Iterable[str] = ()) -> None:
        self.divisions, self.grades, self.ratings = _Codebook(), _Codebook(), _Codebook()
        for book, words in ((self.divisions, divisions), (self.grades, grades), (self.ratings, ratings)):
            for word in words:
                book[word]

    def count(self, kind: Kind) -> int | None:
        """How many words a column of this kind can hold; None: its codes are no words."""
        books = {"division": self.divisions, "grade": self.grades, "rating": self.ratings}
        return len(books[kind]) if kind in books else None


@dataclass(frozen=True, slots=True)
class Columns:
    """People for one year. codes: by column name; one that is left out is 0 for everybody.

    irregular: those who fit into no row, by their place among the people, with the facts that stand; their codes are 0.
    Raises ValueError for a column that does not exist, of the wrong length, or with codes that mean nothing.
    """

    year: int
    people: int
    words: Words
    codes: Mapping[str, Codes]
    irregular: Mapping[int, tuple[KnownFact, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, codes in self.codes.items():
            if name not in COLUMNS:
                raise ValueError(f"there is no column {name!r}; there are {', '.join(NAMES)}")
            if codes.shape != (self.people,) or not np.issubdtype(codes.dtype, np.integer):
                raise ValueError(
                    f"column {name} has to be {self.people} whole numbers, not {codes.dtype} of shape {codes.shape}"
                )
            words = self.words.count(COLUMNS[name])
            greatest = _GREATEST[COLUMNS[name]] if words is None else words
            if self.people and not 0 <= int(codes.min()) <= int(codes.max()) <= greatest:
                raise ValueError(f"column {name} holds {codes.min()} to {codes.max()}; its codes go from 0 to {greatest}")

    def row(self, person: int) -> tuple[int, ...]:
        """One person's codes, in the order of ``COLUMNS``. person: the place among the people, from 0."""
        return tuple([int(self.codes[name][person]) if name in self.codes else 0 for name in NAMES])


# From facts to rows -----------------------------------------------------------------------------------------------------


def columns_of(files: Sequence[Sequence[KnownFact]], year: int, words: Words | None = None) -> Columns:
    """Read the standing facts of each worker into columns. words: those of earlier columns, to be compared with these.

    While it works it holds some fifty 16-bit codes for each worker, so whoever reads a province does so in parts.
    """
    known = Words() if words is None else words
    table = np.zeros((len(files), len(NAMES)), dtype=np.int16)
    irregular: dict[int, tuple[KnownFact, ...]] = {}
    for place, facts in enumerate(files):
        row = row_of(facts, year, known)
        if row is None:
            irregular[place] = tuple(facts)
        elif row is not _NOBODY:
            table[place] = row
    used = np.flatnonzero(table.any(axis=0)).tolist() if files else []
    codes = {NAMES[place]: np.ascontiguousarray(table[:, place]) for place in used}
    return Columns(year, len(files), known, codes, irregular)


def row_of(facts: Iterable[KnownFact], year: int, words: Words) -> tuple[int, ...] | None:
    """One worker's codes, in the order of ``COLUMNS``. None: the history is too irregular for a row.

    That is: more of a kind than there are slots, or what the registry does not let stand or a source would have to explain: two
    registrations, two transfers on one day, two starts or ends of one engagement, two certificates of one number, one that
    expires before it is issued, or one that is changed on the very day on which the next one supersedes it.
    """
    kinds = _by_kind(facts)
    registrations = kinds.get("registration", ())
    if not registrations:
        return _NOBODY
    if len(registrations) > 1:
        return None
    parts = (
        _person(kinds, year, words),
        _moves(kinds, year, words),
        _posts(kinds, year),
        _closings(kinds, year),
        _certificates(kinds, year, words),
        _inspections(kinds, year),
    )
    row: list[int] = []
    for part in parts:
        if part is None:
            return None
        row += part
    return tuple(row)


_Kinds = Mapping[str, Sequence[tuple[KnownFact, Any]]]
"""By kind, in the order in which the facts count: of their dates, then of their ids. Each with its particulars."""


def _by_kind(facts: Iterable[KnownFact]) -> _Kinds:
    kinds: dict[str, list[tuple[KnownFact, Any]]] = {}
    previous = None
    for fact in sorted(facts, key=lambda fact: (fact.effective_on, fact.event_id)):
        if fact.event_id != previous:  # else the same fact given twice
            kinds.setdefault(fact.particulars.kind, []).append((fact, fact.particulars))
        previous = fact.event_id
    return kinds


def _padded(slots: Sequence[tuple[int, ...]], group: Mapping[str, Kind]) -> list[int] | None:
    """The codes of a group's slots, the unused ones 0. None: there are more than it has."""
    row = list(chain.from_iterable(slots))
    return None if len(row) > len(group) else row + [0] * (len(group) - len(row))


def _day(on: date | None, year: int) -> int:
    return on.timetuple().tm_yday if on is not None and on.year == year else 0


def _person(kinds: _Kinds, year: int, words: Words) -> list[int]:
    ((registration, said),) = kinds["registration"]
    moves = [(fact.event_id, fact.effective_on, to) for fact, to in kinds.get("transfer", ())]
    held = division_on([(registration.event_id, registration.effective_on, said), *moves], date(year, 1, 1))
    assert held is not None
    rating, rated_on = 0, 0
    for fact, result in kinds.get("rating", ()):
        if result.year == year:
            late = min(fact.effective_on.year - year, LATE_YEARS_MAX + 1)
            rating, rated_on = words.ratings[result.rating], LATE + late if late > 0 else _day(fact.effective_on, year)
    return [words.divisions[held[0]], int(said.civil_servant), rating, rated_on]


def _moves(kinds: _Kinds, year: int, words: Words) -> list[int] | None:
    slots = [
        (words.divisions[said.division], _day(fact.effective_on, year))
        for fact, said in kinds.get("transfer", ())
        if date(year, 1, 1) < fact.effective_on <= date(year, 12, 31)
    ]
    return None if len({on for _, on in slots}) < len(slots) else _padded(slots, _MOVES)


def post_code(category: Category, full_time: bool, entry_channel: EntryChannel | None = None) -> int:
    """The code of a kind of post."""
    channel = 0 if entry_channel is None else 1 + CHANNELS.index(entry_channel)
    return 1 + (2 * CATEGORIES.index(category) + full_time) * (1 + len(CHANNELS)) + channel


def _posts(kinds: _Kinds, year: int) -> list[int] | None:
    starts = [(fact.source, said.engagement) for fact, said in kinds.get("engagement-start", ())]
    ends = {(fact.source, said.engagement): fact.effective_on for fact, said in kinds.get("engagement-end", ())}
    if len(ends) < len(kinds.get("engagement-end", ())) or len({*starts}) < len(starts):
        return None
    slots: list[tuple[int, ...]] = []
    for key, (fact, said) in zip(starts, kinds.get("engagement-start", ()), strict=True):
        first, last = fact.effective_on, ends.get(key)
        if first.year <= year and (last is None or (first <= last and year <= last.year)):
            post = post_code(said.category, said.full_time, said.entry_channel)
            slots.append((post, _day(first, year), _day(last, year)))
    return _padded(slots, _POSTS)


def _closings(kinds: _Kinds, year: int) -> list[int] | None:
    """The days of the year on which the registration is closed: since before it is from its first day on."""
    statuses = [(fact.event_id, fact.effective_on, said) for fact, said in kinds.get("registration-status", ())]
    slots = [
        (max(1, _day(span.first, year)), _day(span.last, year))
        for span in (closed_spans(statuses) if statuses else ())
        if span.first.year <= year and (span.last is None or year <= span.last.year)
    ]
    return _padded(slots, _CLOSINGS)


def _certificates(kinds: _Kinds, year: int, words: Words) -> list[int] | None:
    """The certificates that can be valid on a day of the year, then their changes within it, then where they are recognised.

    That each supersedes the one before is no change here: the engine sees it by their order.
    """
    certificates = sorted(kinds.get("certificate", ()), key=lambda each: (each[0].effective_on, each[1].number))
    issues = [Issue(fact.event_id, fact.effective_on, said) for fact, said in certificates]
    if len({said.number for _, said in certificates}) < len(certificates):
        return None
    ends = {end.says.number: end for end in superseding(issues) if isinstance(end.says, CertificateChange)}
    changes: dict[str, list[Issue]] = {}
    for fact, change in kinds.get("certificate-change", ()):
        if fact.effective_on.year <= year:
            changes.setdefault(change.number, []).append(Issue(fact.event_id, fact.effective_on, change))
    slots: list[tuple[int, ...]] = []
    places: dict[str, int] = {}
    later: list[tuple[Issue, int, date]] = []
    for issue, (_, said) in zip(issues, certificates, strict=True):
        issued, expires, end = issue.on, said.expires_on, ends.get(said.number)
        if expires is not None and expires < issued:
            return None
        if issued.year > year or (expires is not None and expires.year < year):
            continue
        of_it = changes.get(said.number, [])
        held = _held(issue, of_it if end is None else [*of_it, end], year)
        if held is not None:
            grade, suspended = held
            issuer = words.divisions[said.issuer]
            slots.append((words.grades[grade], _day(issued, year), _day(expires, year), int(suspended), issuer))
            places[said.number] = len(slots)
            within = [(each, len(slots), max(each.on, issued)) for each in of_it if year in (issued.year, each.on.year)]
            if end is not None and any(on == end.on for _, _, on in within):
                return None
            later += within
    row: list[int] = []
    for part in (_padded(slots, _CERTIFICATES), _changes(later, year, words), _recognitions(kinds, places, year, words)):
        if part is None:
            return None
        row += part
    return row


def _held(issue: Issue, changes: Sequence[Issue], year: int) -> tuple[str, bool] | None:
    """The grade of a certificate when the year begins or when it is issued, and whether it is suspended; None: it is over."""
    assert isinstance(issue.says, Certificate)
    first = date(year, 1, 1)
    if issue.on >= first or not changes:
        return issue.says.grade, False
    before = spans_of(issue, [change for change in changes if change.on < first])
    (span,) = [span for span in before if span.covers(first - ONE_DAY)]
    return (span.grade, span.state == "suspended") if span.state in ("valid", "suspended") else None


def _changes(found: Sequence[tuple[Issue, int, date]], year: int, words: Words) -> list[int] | None:
    """found: each change, the slot of its certificate, and the day from which it counts."""

    def order(each: tuple[Issue, int, date]) -> tuple[date, str, str, str, str]:
        change = each[0].says
        assert isinstance(change, CertificateChange)
        return each[0].on, change.key, change.change, change.grade or "", each[0].event_id

    slots = []
    for change, place, on in sorted(found, key=order):
        said = change.says
        assert isinstance(said, CertificateChange)
        grade = words.grades[said.grade] if said.grade is not None else 0
        slots.append((1 + CHANGES.index(said.change), place, _day(on, year), grade))
    return _padded(slots, _CHANGES)


def _recognitions(kinds: _Kinds, places: Mapping[str, int], year: int, words: Words) -> list[int] | None:
    """places: the slots of the certificates, by number."""
    slots = [
        (words.divisions[said.division], places[said.number], _day(fact.effective_on, year))
        for fact, said in kinds.get("recognition", ())
        if said.number in places and fact.effective_on.year <= year
    ]
    return _padded(slots, _RECOGNITIONS)


def _inspections(kinds: _Kinds, year: int) -> list[int] | None:
    """Those of the year itself, those concluded within it, and of the others the last one before it."""
    found = sorted(kinds.get("inspection", ()), key=lambda each: (each[0].effective_on, each[1].year, each[0].event_id))
    before = [fact.event_id for fact, _ in found if fact.effective_on.year < year]
    slots = []
    for fact, said in found:
        concluded = fact.effective_on
        if said.year == year or concluded.year == year or before[-1:] == [fact.event_id]:
            month = concluded.month if concluded.year == year else MONTH_AFTER if concluded.year > year else 0
            slots.append((1 + OUTCOMES.index(said.outcome), month, min(max(said.year - year + 3, 1), 4)))
    return _padded(slots, _INSPECTIONS)


# From rows to facts -----------------------------------------------------------------------------------------------------


def facts_of(row: Sequence[int], words: Words, year: int) -> list[KnownFact]:
    """Facts that the engine decides like those from which the row was read. row: codes in the order of ``COLUMNS``.

    Ids and keys are made up, and what began before the year is dated two days before it. An unregistered person has none.
    """
    if not row[0]:
        return []
    division, civil_servant, rating, rated_on = row[: len(_PERSON)]
    slots = _slots_of(row)
    divisions, grades, ratings = words.divisions.words, words.grades.words, words.ratings.words
    on = _Dates(year)
    said: list[tuple[date, Particulars]] = [(on.before, _registration(divisions[division], civil_servant))]
    if rating:
        said.append((on.rated(rated_on), _rating(ratings[rating], year)))
    for key, (to, day) in slots["move"]:
        said.append((on.day(day), Transfer(key=f"m{key}", division=divisions[to])))
    for key, (post, first, last) in slots["post"]:
        said.append((on.day(first), _start(key, post)))
        if last:
            said.append((on.day(last), _end(key)))
    for key, (first, last) in slots["closing"]:
        said.append((on.day(first) - ONE_DAY, _status(f"c{key}", "closed")))
        if last:
            said.append((on.day(last) + ONE_DAY, _status(f"o{key}", "reopened")))
    for key, (grade, first, last, suspended, issuer) in slots["certificate"]:
        expires = on.day(last) if last else None
        said.append((on.day(first), _certificate(key, grades[grade], divisions[issuer], expires)))
        if suspended:
            said.append((on.before, _change("s0", key, 1 + CHANGES.index("suspended"), None)))
    for key, (change, place, day, grade) in slots["change"]:
        said.append((on.day(day), _change(f"t{key}", place, change, grades[grade] or None)))
    for _, (to, place, day) in slots["recognition"]:
        said.append((on.day(day), Recognition(number=f"n{place}", division=divisions[to])))
    for key, (outcome, month, which_year) in slots["inspection"]:
        said.append((on.inspected(month, key), _inspection(outcome, on.year_of(which_year))))
    return [KnownFact(_ids()[number], day, says) for number, (day, says) in enumerate(said)]


def _places(group: Mapping[str, Kind], width: int) -> tuple[tuple[int, int, int], ...]:
    """Of each slot its number from 1, and where in a row it begins and ends."""
    start = NAMES.index(next(iter(group)))
    return tuple([(1 + at // width, start + at, start + at + width) for at in range(0, len(group), width)])


_SLOTS = {
    "move": _places(_MOVES, 2),
    "post": _places(_POSTS, 3),
    "closing": _places(_CLOSINGS, 2),
    "certificate": _places(_CERTIFICATES, 5),
    "change": _places(_CHANGES, 4),
    "recognition": _places(_RECOGNITIONS, 3),
    "inspection": _places(_INSPECTIONS, 3),
}


def _slots_of(row: Sequence[int]) -> Mapping[str, Sequence[tuple[int, Sequence[int]]]]:
    """The slots in use of each group, with their numbers. The first column of a slot says whether it is in use."""
    return {name: [(number, row[start:end]) for number, start, end in places if row[start]] for name, places in _SLOTS.items()}


class _Dates:
    """What a row's days and months stand for in a year."""

    def __init__(self, year: int) -> None:
        self.year = year
        self.eve = date(year - 1, 12, 31)
        self.before = self.eve - ONE_DAY

    def day(self, day: int) -> date:
        return self.eve + timedelta(days=day) if day else self.before

    def rated(self, on: int) -> date:
        return self.day(on) if on < LATE else date(self.year + on - LATE, 1, 1)

    def inspected(self, month: int, slot: int) -> date:
        """Of two in one month the later slot has the later day."""
        years, months = divmod(month + 11, 12)
        return date(self.year - 1 + years, months + 1, slot)

    def year_of(self, which: int) -> int:
        return min(max(self.year + which - 3, YEAR_FIRST), YEAR_LAST)


@cache
def _ids() -> tuple[str, ...]:
    """Ids of events that never happened, in order."""
    return tuple([f"00000000-0000-0000-0000-{number:012x}" for number in range(2 * len(NAMES))])


@lru_cache(maxsize=PARTICULARS_KEPT_MAX)
def _registration(division: str, civil_servant: int) -> Registration:
    return Registration(division=division, civil_servant=bool(civil_servant))


@lru_cache(maxsize=PARTICULARS_KEPT_MAX)
def _rating(rating: str, year: int) -> RatingResult:
    return RatingResult(year=year, rating=rating)


@cache
def _start(key: int, post: int) -> EngagementStart:
    kind, channel = divmod(post - 1, 1 + len(CHANNELS))
    return EngagementStart(
        engagement=f"e{key}",
        category=CATEGORIES[kind // 2],
        unit="-",
        post="-",
        full_time=bool(kind % 2),
        entry_channel=CHANNELS[channel - 1] if channel else None,
    )


@cache
def _end(key: int) -> EngagementEnd:
    return EngagementEnd(engagement=f"e{key}", reason="other")


@cache
def _status(key: str, status: Literal["closed", "reopened"]) -> RegistrationStatus:
    return RegistrationStatus(key=key, status=status, reason="other")


@lru_cache(maxsize=PARTICULARS_KEPT_MAX)
def _certificate(slot: int, grade: str, issuer: str, expires_on: date | None) -> Certificate:
    return Certificate(number=f"n{slot}", grade=grade, issuer=issuer or NOWHERE, expires_on=expires_on)


@lru_cache(maxsize=PARTICULARS_KEPT_MAX)
def _change(key: str, place: int, change: int, grade: str | None) -> CertificateChange:
    return CertificateChange(key=key, number=f"n{place}", change=CHANGES[change - 1], grade=grade, reason="-")


@cache
def _inspection(outcome: int, year: int) -> InspectionResult:
    return InspectionResult(year=year, outcome=OUTCOMES[outcome - 1])


# From arrays to columns -------------------------------------------------------------------------------------------------

Days = NDArray[np.datetime64]
"""Dates; NaT: none."""


def post_columns(slot: int, posts: Codes, first: Days, last: Days, year: int) -> dict[str, Codes]:
    """The columns of one post a person. posts: codes (``post_code``); 0, and a post without a day in the year: none.

    first, last: a date for each person, or one for all. last: NaT is an engagement without an end.
    """
    return _columns(f"post_{slot}", posts, first, last, year)


def certificate_columns(
    slot: int, grades: Codes, issued: Days, expires: Days, year: int, issuers: Codes | None = None
) -> dict[str, Codes]:
    """The columns of one certificate a person. grades: words; 0, and a certificate that is never valid in the year: none.

    issued, expires: a date for each person, or one for all. issued: ascends from slot to slot. expires: NaT is a certificate
    without an end. issuers: words; None: not said.
    """
    columns = _columns(f"certificate_{slot}", grades, issued, expires, year)
    return (
        columns if issuers is None else columns | {f"issuer_{slot}": np.where(columns[f"certificate_{slot}"] > 0, issuers, 0)}
    )


def _columns(name: str, codes: Codes, first: Days, last: Days, year: int) -> dict[str, Codes]:
    """What lasts from a first day to a last one. Without a day in the year, all is 0."""
    eve = np.datetime64(f"{year - 1}-12-31", "D")
    length = int((np.datetime64(f"{year}-12-31", "D") - eve).astype(int))
    none = np.isnat(last)
    begins = (first.astype("datetime64[D]") - eve).astype(np.int64)
    ends = np.where(none, length + 1, (last.astype("datetime64[D]") - eve).astype(np.int64))
    has_day = (codes > 0) & ~np.isnat(first) & (begins <= length) & (ends >= 1) & (begins <= ends)
    begins = np.where(has_day & (begins >= 1), begins, 0)
    ends = np.where(has_day & (ends <= length), ends, 0)
    return {
        name: np.where(has_day, codes, 0),
        f"{name}_from": begins.astype(np.int16),
        f"{name}_to": ends.astype(np.int16),
    }
