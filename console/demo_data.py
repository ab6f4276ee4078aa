"""Made-up people and facts, for the demo, the benchmarks and the system tests. Pure: the same ``rng`` makes the same facts.

Nobody here exists: names are drawn from two short lists, and resident IDs count up under place codes that no county has
(…99), with valid check characters. Sealing is passed in, and is the only part that is not repeatable byte for byte.

Each message carries what becomes of it in the end (``expect``), once every message has been handled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, Literal, NamedTuple

import orjson

from contracts.base import DivisionCode
from contracts.intake import INTAKE_BYTES_MAX, INTAKE_DEPTH_MAX
from contracts.resident_id import check_character

__all__ = [
    "APPRAISAL",
    "CHANGTU_GRANTED",
    "CHANGTU_TOTAL_FEN",
    "HR",
    "TRAINING",
    "WINDOW_WORKERS",
    "WRONG_KINDS",
    "Expect",
    "Labelled",
    "Seal",
    "changtu_2021",
    "city",
    "made_up_resident_id",
]

Expect = Literal["accepted", "refused", "parked", "waiting", "duplicate"]
Seal = Callable[[Mapping[str, str]], str]
"""Identity fields → compact JWE. A mapping's values are not checked: one wrong kind has a bad resident ID inside."""

CHANGTU_GRANTED = 28
CHANGTU_TOTAL_FEN = 7_920_000
"""10 excellent at 360,000 fen and 18 good at 240,000 fen (the county's published figures for 2021)."""

WINDOW_WORKERS = 1_000
"""Workers whose facts are mixed with each other, and so are held in memory at a time (about 8,000 messages)."""
WORKERS_MAX = 10_000_000

HR, TRAINING, APPRAISAL = "hr", "training", "appraisal"

_REGISTERED = "worker-registered"
_STARTED = "engagement-started"
_ENDED = "engagement-ended"
_CERTIFIED = "certificate-issued"
_RATED = "annual-rating-recorded"
_INSPECTED = "inspection-concluded"
_CORRECTED = "fact-corrected"
_WITHDRAWN = "fact-withdrawn"

_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许"
_GIVEN = "安邦诚达恩方广和建静康立明宁平清仁尚婷文晓雅毅远泽"


class Labelled(NamedTuple):
    """A message in publication order. kind: the fact, or what is special or wrong about the message."""

    raw: bytes
    subject: str
    message_id: str
    source: str
    expect: Expect
    kind: str

    @property
    def message(self) -> bytes:
        """What ``console.client`` publishes."""
        return self.raw


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message with the place that it wants in its window. key: day (ordinal) when its source recorded it."""

    key: float
    message: Labelled


@dataclass(slots=True)
class _Window:
    """The messages of some workers, before they are put in order."""

    rng: Random
    day_first: float
    day_last: float
    disorder: float
    sent: list[_Sent] = field(default_factory=list)

    def add(self, day: int, message: Labelled) -> float:
        """Put a message where it belongs, or now and then anywhere; return its place."""
        rng = self.rng
        key = rng.uniform(self.day_first, self.day_last) if rng.random() < self.disorder else day + rng.random()
        self.sent.append(_Sent(key, message))
        return key

    def add_after(self, key: float, message: Labelled) -> None:
        """Put a message anywhere behind a place: it repeats, or misuses the id of, the message there."""
        self.sent.append(_Sent(key + (self.day_last + 1 - key) * (0.001 + 0.999 * self.rng.random()), message))

    def in_order(self) -> Iterator[Labelled]:
        self.sent.sort(key=_key)
        return (each.message for each in self.sent)


def _key(sent: _Sent) -> float:
    return sent.key


def made_up_resident_id(place: str, index: int) -> str:
    """Return the index-th resident ID of a place: valid check character (GB 11643-1999), birth dates 1960 to 1998.

    place: six digits; the generators pass codes that GB/T 2260 gives to no county. Distinct for distinct indexes below
    13,986,000.
    """
    sequence, turn = divmod(index, _BIRTH_DAYS)
    if not 0 <= sequence < 999:
        raise ValueError("the index is from 0 to 13,985,999")
    born = date.fromordinal(_BIRTH_FIRST + turn * 7919 % _BIRTH_DAYS)  # 7919 is prime: each day is met once in a turn.
    first_17 = f"{place}{born:%Y%m%d}{sequence + 1:03}"
    return first_17 + check_character(first_17)


_BIRTH_FIRST = date(1960, 1, 1).toordinal()
_BIRTH_DAYS = 14_000


def _made_up_name(rng: Random) -> str:
    return rng.choice(_SURNAMES) + rng.choice(_GIVEN) + (rng.choice(_GIVEN) if rng.random() < 0.7 else "")


# -------------------------------------------------------------------------------------------------- messages


_DAYS: dict[int, str] = {}


def _iso(day: int) -> str:
    text = _DAYS.get(day)
    if text is None:
        text = _DAYS[day] = date.fromordinal(day).isoformat()
    return text


def _day(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal()


def _envelope(source: str, fact: str, message_id: str, recorded: int, effective: int, data: dict[str, Any]) -> dict[str, Any]:
    """The parts of a message. recorded, effective: days as ordinals; the clock time comes from the id, to differ."""
    second = _hash_of(message_id) % 36_000
    return {
        "specversion": "1.0",
        "id": message_id,
        "source": source,
        "type": f"intake.{fact}.v1",
        "time": f"{_iso(recorded)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
        "effectiveon": _iso(effective),
        "data": data,
    }


def _hash_of(text: str) -> int:
    """A small repeatable hash; Python's own differs from process to process."""
    return int.from_bytes(text.encode()[-8:], "big") * 2654435761 % 2**32


def _labelled(envelope: dict[str, Any], fact: str, expect: Expect, kind: str) -> Labelled:
    source = envelope["source"]
    return Labelled(orjson.dumps(envelope), f"intake.{source}.registry.{fact}", envelope["id"], source, expect, kind)


# -------------------------------------------------------------------------------------------------- Changtu, 2021


def changtu_2021(seal: Seal, rng: Random) -> Iterator[Labelled]:
    """Yield the published case of Changtu county (division 211224), 2021: 46 applied, 28 are paid 7,920,000 fen.

    10 are rated excellent, 18 good, 18 less (competent, basic or incompetent, which that county does not pay). Each is
    registered and engaged as a secretary; there are no grades. The applicants are made up.
    """
    run = f"ct{rng.getrandbits(24):06x}"
    ratings = ["excellent"] * 10 + ["good"] * 18 + ["competent"] * 9 + ["basic"] * 6 + ["incompetent"] * 3
    rng.shuffle(ratings)
    begun, registered, rated = _day(2021, 1, 1), _day(2021, 1, 4), _day(2021, 12, 20)
    messages: list[tuple[int, Labelled]] = []
    for number, rating in enumerate(ratings, 1):
        key = f"{run}-{number:03}"
        account = f"9999{number:015}"  # No bank's cards begin with 9999.
        resident_id = made_up_resident_id("211299", number)
        identity = seal({"name": _made_up_name(rng), "resident_id": resident_id, "bank_account": account})
        person = {"source_key": key, "key_source": HR}
        unit = f"第{number}村党组织"
        facts: tuple[tuple[int, str, str, int, dict[str, Any]], ...] = (
            (registered, HR, _REGISTERED, begun, {
                "person": {"identity": identity, "source_key": key}, "division": "211224", "serving_unit": unit}),
            (registered + 1, HR, _STARTED, begun, {
                "person": {"source_key": key}, "engagement": f"{key}-e1", "category": "secretary", "unit": unit,
                "post": "党组织书记", "full_time": True, "entry_channel": rng.choice(("internal", "recruited", "dispatched"))}),
            (rated, APPRAISAL, _RATED, rated, {"person": person, "year": 2021, "rating": rating}),
        )  # fmt: skip
        for day, source, fact, effective, data in facts:
            envelope = _envelope(source, fact, f"{key}-{fact}", day, effective, data)
            messages.append((day, _labelled(envelope, fact, "accepted", fact)))
    messages.sort(key=lambda each: each[0])
    return (message for _, message in messages)


# -------------------------------------------------------------------------------------------------- a city

_CITY: DivisionCode = "320100"
_PROVINCE: DivisionCode = "320000"
_COUNTIES: tuple[DivisionCode, ...] = (
    "320102", "320104", "320105", "320106", "320111", "320113", "320114", "320115", "320116", "320117", "320118",
)  # fmt: skip
_PLACE_OF_NOBODY = "320199"
_PLACE_OF_WRONG = "320198"

_CATEGORIES = ("secretary", "recruited", "deputy_secretary", "part_time", "instructor")
_CATEGORY_WEIGHTS = (45, 25, 10, 12, 8)
_POSTS = {
    "secretary": "党组织书记", "recruited": "专职党务工作者", "deputy_secretary": "专职副书记",
    "part_time": "兼职党务干部", "instructor": "党建工作指导员",
}  # fmt: skip
_CHANNELS = ("internal", "recruited", "dispatched")
_GRADES = ("junior", "intermediate", "senior", "special")
_GRADE_WEIGHTS = (50, 33, 14, 3)
_RATINGS = ("excellent", "competent", "basic", "incompetent")
_RATING_WEIGHTS = (18, 72, 7, 3)
_LEAVING = ("resigned", "retired", "transferred", "term_ended", "dismissed", "other")

JOINED_BEFORE_SHARE = 0.06
"""Workers already there when the first year begins; the others join over the years."""
SEALED_PERSON_SHARE = 0.02
"""Facts of training and appraisal that name their person by a sealed resident ID instead of hr's key."""
LATE_RATING_SHARE = 0.04
"""Ratings recorded one or two years after their time, where the years allow it."""
PROMOTED_SHARE_A_YEAR = 0.05
LEAVING_SHARE_A_YEAR = 0.05
INSPECTION_FAILED_SHARE = 0.02
INSPECTION_MISSED_SHARE = 0.01
CORRECTED_SHARE = 0.008
"""Facts that are corrected later."""
WITHDRAWN_SHARE = 0.002
DUPLICATE_SHARE = 0.01
DISORDER_SHARE = 0.08
"""Messages that come anywhere in their window instead of in their time."""


@dataclass(slots=True)
class _Worker:
    """A made-up worker. left: last day of the engagement, or None."""

    number: int
    key: str
    county: DivisionCode
    category: str
    grade: int | None
    joined: int
    left: int | None
    resident_id: str


class _City:
    """Makes the facts of one worker after the other into a window."""

    def __init__(self, seal: Seal, rng: Random, years: tuple[int, ...], wrong_share: float) -> None:
        self.seal, self.rng, self.years, self.wrong_share = seal, rng, years, wrong_share
        self.run = f"c{rng.getrandbits(28):07x}"
        self.first = _day(years[0], 1, 1)
        self.last = _day(years[-1] + 1, 6, 30)
        """No source records anything after this day."""
        self.made = 0
        self.wrong_made = 0
        self.wrong = _Wrong(self)

    def window(self) -> _Window:
        return _Window(self.rng, self.first - 60, self.last, DISORDER_SHARE)

    def message_id(self, fact: str) -> str:
        self.made += 1
        return f"{self.run}-{fact}-{self.made:08}"

    def person(self, worker: _Worker, source: str) -> dict[str, str]:
        """How a source names the worker: hr by its own key, others by hr's key or, now and then, sealed."""
        if source == HR:
            return {"source_key": worker.key}
        if self.rng.random() < SEALED_PERSON_SHARE:
            return {"identity": self.seal({"resident_id": worker.resident_id})}
        return {"source_key": worker.key, "key_source": HR}

    def worker(self, number: int) -> _Worker:
        rng = self.rng
        category = rng.choices(_CATEGORIES, _CATEGORY_WEIGHTS)[0]
        certified = category not in ("instructor", "part_time")
        if rng.random() < JOINED_BEFORE_SHARE:
            joined = self.first - rng.randrange(30, 2_000)
        else:
            # The scheme is being rolled out: more join each year than the year before.
            joined = self.first + int((365 * len(self.years) - 90) * rng.random() ** 0.2)
        left = None
        if rng.random() < LEAVING_SHARE_A_YEAR * len(self.years):
            left = rng.randrange(max(joined, self.first) + 60, self.last - 100)
        grade = _GRADES.index(rng.choices(_GRADES, _GRADE_WEIGHTS)[0]) if certified else None
        county = rng.choice(_COUNTIES)
        resident_id = made_up_resident_id(_PLACE_OF_NOBODY, number)
        return _Worker(number, f"{self.run}-w{number:07}", county, category, grade, joined, left, resident_id)

    def facts_of(self, worker: _Worker, window: _Window) -> None:
        self._registration(worker, window)
        self._engagement(worker, window)
        if worker.grade is not None:
            self._certificates(worker, window)
        for year in self.years:
            begun, ended = _day(year, 1, 1), _day(year, 12, 31)
            if worker.joined <= ended - 90 and (worker.left is None or worker.left > begun + 180):
                self._year(worker, year, window)

    def send(self, window: _Window, source: str, fact: str, recorded: int, effective: int, data: dict[str, Any],
             again: tuple[str, Callable[[], dict[str, Any]]] | None = None) -> None:  # fmt: skip
        """Send a good fact and, now and then, what follows from it: a copy, a correction, a withdrawal, wrong ones.

        again: kind of particulars and what makes others in their place, for facts that can be corrected.
        """
        rng = self.rng
        message_id = self.message_id(fact)
        message = _labelled(_envelope(source, fact, message_id, recorded, effective, data), fact, "accepted", fact)
        key = window.add(recorded, message)
        chance = rng.random()
        if chance < DUPLICATE_SHARE:
            window.add_after(key, message._replace(expect="duplicate", kind="duplicate"))
        elif again is not None and chance < DUPLICATE_SHARE + CORRECTED_SHARE:
            replacement = {"kind": again[0], **again[1]()}
            self._follow(window, source, _CORRECTED, recorded, effective,
                         {"corrects": {"id": message_id}, "replacement": replacement, "reason": "复核后更正"})  # fmt: skip
        elif again is not None and chance < DUPLICATE_SHARE + CORRECTED_SHARE + WITHDRAWN_SHARE:
            self._follow(window, source, _WITHDRAWN, recorded, effective,
                         {"withdraws": {"id": message_id}, "reason": "误报"})  # fmt: skip
        while self.wrong_made < self.made * self.wrong_share:
            self.wrong_made += 1
            self.wrong.send(window, recorded)

    def _follow(self, window: _Window, source: str, fact: str, recorded: int, effective: int, data: dict[str, Any]) -> None:
        """A correction or withdrawal, recorded 10 to 90 days after the fact."""
        later = recorded + self.rng.randrange(10, 91)
        envelope = _envelope(source, fact, self.message_id(fact), later, effective, data)
        window.add(later, _labelled(envelope, fact, "accepted", fact))

    def _registration(self, worker: _Worker, window: _Window) -> None:
        identity = {"name": _made_up_name(self.rng), "resident_id": worker.resident_id}
        if self.rng.random() < 0.5:
            identity["phone"] = f"000{worker.number:08}"  # No number of the telephone network begins with 000.
        data = {
            "person": {"identity": self.seal(identity), "source_key": worker.key},
            "division": worker.county,
            "serving_unit": f"{worker.county}第{worker.number % 400 + 1}党组织",
        }
        # Those who were there before the first year are handed over in the two months before it.
        recorded = max(worker.joined + 3, self.first - self.rng.randrange(40, 60))
        self.send(window, HR, _REGISTERED, recorded, worker.joined, data)

    def _engagement(self, worker: _Worker, window: _Window) -> None:
        engagement = f"{worker.key}-e1"
        start = {
            "engagement": engagement,
            "category": worker.category,
            "unit": f"{worker.county}第{worker.number % 400 + 1}党组织",
            "post": _POSTS[worker.category],
            "full_time": worker.category != "part_time",
            "entry_channel": self.rng.choice(_CHANNELS),
        }
        recorded = max(worker.joined + 5, self.first - self.rng.randrange(30, 39))
        self.send(window, HR, _STARTED, recorded, worker.joined, {"person": self.person(worker, HR), **start},
                  ("engagement-start", lambda: {**start, "entry_channel": self.rng.choice(_CHANNELS)}))  # fmt: skip
        if worker.left is not None:
            end = {"engagement": engagement, "reason": self.rng.choice(_LEAVING)}
            self.send(window, HR, _ENDED, worker.left + 2, worker.left, {"person": self.person(worker, HR), **end},
                      ("engagement-end", lambda: {**end, "reason": "other"}))  # fmt: skip

    def _certificates(self, worker: _Worker, window: _Window) -> None:
        assert worker.grade is not None
        issued = worker.joined + self.rng.randrange(5, 60)
        self._certificate(worker, worker.grade, issued, window)
        for year in self.years:
            on = _day(year, 6, 1) + self.rng.randrange(60)
            promoted = worker.grade + 1 < len(_GRADES) and self.rng.random() < PROMOTED_SHARE_A_YEAR
            if promoted and on > issued + 300 and (worker.left is None or on < worker.left):
                worker.grade += 1
                self._certificate(worker, worker.grade, on, window)

    def _certificate(self, worker: _Worker, grade: int, issued: int, window: _Window) -> None:
        """Special is issued by the province, senior and intermediate by the city, junior by the county."""
        issuer = worker.county if grade == 0 else _PROVINCE if grade == 3 else _CITY
        certificate = {"number": f"{worker.key}-c{grade + 1}", "grade": _GRADES[grade], "issuer": issuer}
        recorded = max(issued + 10, self.first - self.rng.randrange(20, 29))
        data = {"person": self.person(worker, TRAINING), **certificate}
        lasting = {**certificate, "expires_on": f"{self.years[-1] + 5}-12-31"}
        self.send(window, TRAINING, _CERTIFIED, recorded, issued, data, ("certificate", lambda: lasting))

    def _year(self, worker: _Worker, year: int, window: _Window) -> None:
        rng = self.rng
        chance = rng.random()
        missed_below = INSPECTION_FAILED_SHARE + INSPECTION_MISSED_SHARE
        outcome = "failed" if chance < INSPECTION_FAILED_SHARE else "missed" if chance < missed_below else "passed"
        if worker.grade is not None:
            # The inspection is of the certificate, so who holds none is not inspected.
            inspected = _day(year, 10, 8) + rng.randrange(50)
            found: dict[str, Any] = {"person": self.person(worker, HR), "year": year, "outcome": outcome}
            self.send(window, HR, _INSPECTED, inspected + 3, inspected, found,
                      ("inspection", lambda: {"year": year, "outcome": "passed"}))  # fmt: skip
        rating = rng.choices(_RATINGS, _RATING_WEIGHTS)[0]
        rated_in = year + 1
        if rng.random() < LATE_RATING_SHARE:
            rated_in = min(rated_in + rng.choice((1, 2)), self.years[-1] + 1)
        rated = _day(rated_in, 1, 8) + rng.randrange(60)
        data = {"person": self.person(worker, APPRAISAL), "year": year, "rating": rating}
        self.send(window, APPRAISAL, _RATED, rated + 2, rated, data,
                  ("rating", lambda: {"year": year, "rating": rng.choice(_RATINGS)}))  # fmt: skip


def city(
    seal: Seal,
    rng: Random,
    workers: int = 20_000,
    years: tuple[int, ...] = (2023, 2024, 2025),
    wrong_share: float = 0.02,
) -> Iterator[Labelled]:
    """Yield the messages of a made-up city (320100, its counties, about 5 facts a worker) in publication order.

    Sources: ``hr`` (registrations, engagements, inspections), ``training`` (certificates), ``appraisal`` (ratings, early
    in the next year, some later). They are mixed within windows of ``WINDOW_WORKERS`` workers: mostly in their time, but
    one in twelve comes anywhere, so before its person or before what it corrects. About 1 % are repeated, 1 % corrected or
    withdrawn; wrong_share of all are wrong in one of the ways of ``WRONG_KINDS``, and change nothing about the workers.
    No source records anything after 30 June of the year after the last. years: ascending, without gaps.

    Memory: one window. Raises ValueError for years that are not ascending, or for shares and counts out of bounds.
    """
    if not years or list(years) != list(range(years[0], years[0] + len(years))):
        raise ValueError("years are ascending, without gaps")
    if not 0 <= workers <= WORKERS_MAX or not 0 <= wrong_share <= 0.5:
        raise ValueError(f"workers is from 0 to {WORKERS_MAX}, wrong_share from 0 to 0.5")
    made = _City(seal, rng, tuple(years), wrong_share)
    for begin in range(0, workers, WINDOW_WORKERS):
        window = made.window()
        for number in range(begin, min(begin + WINDOW_WORKERS, workers)):
            made.facts_of(made.worker(number), window)
        yield from window.in_order()


# -------------------------------------------------------------------------------------------------- wrong messages

WRONG_KINDS: dict[str, tuple[int, Expect]] = {
    "unknown-type": (6, "refused"),
    "wrong-type": (14, "refused"),
    "unknown-field": (14, "refused"),
    "missing-field": (10, "refused"),
    "impossible-date": (14, "refused"),
    "bad-resident-id": (10, "refused"),
    "plain-identity": (8, "refused"),
    "plain-resident-id-as-key": (4, "refused"),
    "wrong-source": (8, "refused"),
    "person-ambiguous": (4, "refused"),
    "id-used-again": (6, "refused"),
    "not-json": (8, "parked"),
    "too-deep": (4, "parked"),
    "too-large": (1, "parked"),
    "person-never-comes": (4, "waiting"),
    "rating-outside-vocabulary": (4, "accepted"),
    "contradiction": (4, "accepted"),
}
"""Kind → (how often, relative to the others; what becomes of it).

A rating outside the vocabulary is accepted by the registry, which knows no policy, and denied by the allowance. Of two
facts that contradict each other both are accepted; a stated rule says which stands. ``id-used-again``: the id of an
earlier message with other content. ``too-large`` is rare, since each is more than 64 KiB.
"""

_KINDS = tuple(WRONG_KINDS)
_KIND_WEIGHTS = tuple(weight for weight, _ in WRONG_KINDS.values())
_NO_DATES = ("2024-02-30", "2023-02-29", "2024-13-01", "2024-06-31", "2024年", "31/12/2024")


class _Wrong:
    """Makes wrong messages. Each is about a person of its own, so that no worker's facts change by them."""

    def __init__(self, city: _City) -> None:
        self._city = city
        self._made = 0

    def send(self, window: _Window, day: int) -> None:
        city, rng = self._city, self._city.rng
        kind = rng.choices(_KINDS, _KIND_WEIGHTS)[0]
        self._made += 1
        if kind in ("rating-outside-vocabulary", "contradiction", "id-used-again", "person-ambiguous"):
            self._about_an_extra(window, kind, day)
            return
        envelope = self._rating(f"{city.run}-nobody{self._made:07}", day)
        fact = _RATED
        if kind in ("bad-resident-id", "plain-identity"):
            fact = _REGISTERED
            envelope = self._registration(kind, day)
        raw = self._spoilt(kind, envelope)
        source = APPRAISAL if fact == _RATED else HR
        expect = WRONG_KINDS[kind][1]
        window.add(day, Labelled(raw, f"intake.{source}.registry.{fact}", envelope["id"], source, expect, kind))

    def _rating(self, key: str, day: int) -> dict[str, Any]:
        data = {"person": {"source_key": key, "key_source": HR}, "year": self._city.years[0], "rating": "competent"}
        return _envelope(APPRAISAL, _RATED, self._city.message_id(_RATED), day, day - 2, data)

    def _registration(self, kind: str, day: int) -> dict[str, Any]:
        city = self._city
        resident_id = made_up_resident_id(_PLACE_OF_WRONG, self._made)
        if kind == "bad-resident-id":
            wrong = resident_id[:-1] + ("1" if resident_id[-1] != "1" else "2")
            person = {"identity": city.seal({"name": _made_up_name(city.rng), "resident_id": wrong})}
        else:
            person = {"name": _made_up_name(city.rng), "resident_id": resident_id}
        person["source_key"] = f"{city.run}-x{self._made:07}"
        data = {"person": person, "division": city.rng.choice(_COUNTIES)}
        return _envelope(HR, _REGISTERED, city.message_id(_REGISTERED), day, day - 3, data)

    def _spoilt(self, kind: str, envelope: dict[str, Any]) -> bytes:
        rng, data = self._city.rng, envelope["data"]
        if kind == "unknown-type":
            envelope["type"] = rng.choice(("intake.annual-rating-recorded.v9", "intake.rating.v1", "annual-rating"))
        elif kind == "wrong-type":
            data["year"] = rng.choice((str(data["year"]), None, [data["year"]], 2024.5))
        elif kind == "unknown-field":
            data[rng.choice(("score", "raiting", "comment"))] = 1
        elif kind == "missing-field":
            del data[rng.choice(("year", "rating", "person"))]
        elif kind == "impossible-date":
            envelope["effectiveon"] = rng.choice(_NO_DATES)
        elif kind == "plain-resident-id-as-key":
            data["person"] = {"source_key": made_up_resident_id(_PLACE_OF_WRONG, self._made), "key_source": HR}
        elif kind == "wrong-source":
            envelope["source"] = TRAINING
        elif kind == "too-deep":
            deep: Any = 1
            for _ in range(INTAKE_DEPTH_MAX + rng.randrange(1, 60)):
                deep = [deep]
            data["rating"] = deep
        elif kind == "too-large":
            data["comment"] = "长" * (INTAKE_BYTES_MAX // 3)
        raw = orjson.dumps(envelope)
        if kind == "not-json":
            return rng.choice((raw[: len(raw) // 2], b"\xff\xfe\x00" + raw, b"", raw.replace(b":", b"="), b"id;year;rating\n"))
        return raw

    def _about_an_extra(self, window: _Window, kind: str, day: int) -> None:
        """Messages that need a person who exists: one is registered for them, engaged nowhere and so never paid."""
        city = self._city
        key = f"{city.run}-x{self._made:07}"
        resident_id = made_up_resident_id(_PLACE_OF_WRONG, self._made)
        identity = city.seal({"name": _made_up_name(city.rng), "resident_id": resident_id})
        data = {"person": {"identity": identity, "source_key": key}, "division": city.rng.choice(_COUNTIES)}
        registration = _envelope(HR, _REGISTERED, city.message_id(_REGISTERED), day, day - 3, data)
        window.add(day, _labelled(registration, _REGISTERED, "accepted", _REGISTERED))
        envelope = self._rating(key, day)
        expect = WRONG_KINDS[kind][1]
        if kind == "rating-outside-vocabulary":
            envelope["data"]["rating"] = "splendid"
        elif kind == "person-ambiguous":
            envelope["data"]["person"]["identity"] = city.seal({"resident_id": resident_id})
        else:
            place = window.add(day, _labelled(dict(envelope), _RATED, "accepted", _RATED))
            other = self._rating(key, day + 1)
            other["data"]["rating"] = "excellent"
            if kind == "id-used-again":
                other["id"] = envelope["id"]
            window.add_after(place, _labelled(other, _RATED, expect, kind))
            return
        window.add(day, _labelled(envelope, _RATED, expect, kind))
