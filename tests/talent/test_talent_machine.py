"""Random legal and illegal steps over the pool and appraisal cycles, and what must hold after each of them; end to end.

A few people, two instances of the service on one real database. Messages come late, in any order, and again. After each batch
the events are held against a plain model (``Pool``, ``Cycles``) that shares no rule with the service, and the tables against
that model; at the end everything is read again from nothing.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, cast, get_args

import orjson
import pytest

from console.replay import rebuild_and_compare
from contracts.appraisal import AppraisalDocument, Extra
from contracts.appraisal_events import (
    AppealDecided,
    AppraisalEvent,
    ConductEvent,
    ConductWithdrawn,
    CycleCancelled,
    CycleConcluded,
    CycleEvent,
    CycleOpened,
    CyclePublished,
    CycleScored,
    HonourAwarded,
    MarkingEvent,
    PersonEnrolled,
    PointsRecorded,
    RatingGiven,
    RatingsConcluded,
    RatingWithdrawn,
    ResultAppealed,
    ResultMeasured,
    ResultsScored,
    SanctionImposed,
    SanctionLifted,
)
from contracts.hearing import Hear
from contracts.particulars import (
    Certificate,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
    RegistrationStatus,
)
from contracts.talent import (
    CandidateAdmitted,
    CandidateEvent,
    CandidateFlagged,
    CandidateNominated,
    CandidatePlaced,
    CandidateProfiled,
    CandidateScreened,
    FactHeard,
    Profile,
    StandardPublished,
)
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.log import Recorded
from eventlog.relay import Relay
from eventlog.wire import BrokerOutage
from services.talent import app
from services.talent.appraisal import CycleAround, CycleHappened, replay_cycle
from services.talent.appraisal_views import appraisal_cycle, appraisal_rating, appraisal_result
from services.talent.conclusions import RATINGS_RELAY, rating_id_of, read_conclusions
from services.talent.decider import Happened, PersonEvent, replay
from services.talent.marking import MarkingHappened, replay_marking, standing_marks
from services.talent.placements import RELAY, message_id_of, read_placements
from tests.eventlog.fakes import FakePublisher, Notes
from tests.support import run
from tests.talent import test_appraisal as rules
from tests.talent.cycle_example import cycle_text, ref, roster
from tests.talent.example import CRITERIA, DIVISION, FULL, hear, standard_text
from tests.talent.test_appraisal_handlers import AppraisalBench
from tests.telling import as_told

PEOPLE = tuple(ref(number) for number in range(7))
SEATS = 1
"""Of the near-term ladder."""
STRICTER_FROM = date(2026, 2, 15)
POLITICAL = {1: 4, 2: 5}
"""Revision of the standard → the least mark of the political competency."""
SEEDS = 6
TURNS = 75

# --- the pool, plainly --------------------------------------------------------------------------------------------------


@dataclass
class Person:
    """What was heard and recorded of somebody. stage: as the table of the pool names it; empty: never nominated."""

    facts: dict[str, tuple[date, Particulars]] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)
    profiles: list[tuple[date, tuple[str, ...], Profile]] = field(default_factory=list)
    stage: str = ""
    since: date = date.min
    nomination: str = ""
    flagged: bool = False
    screened: tuple[date, str] = (date.min, "")

    def standing_facts(self) -> list[tuple[date, Particulars]]:
        return [self.facts[fact] for fact in self.standing.values()]


def registry_speaks_for(person: Person, day: date) -> bool:
    """Certificate, rating and inspections, as ``CRITERIA`` ask for them."""
    said = [says for on, says in person.standing_facts() if on <= day]
    return (
        any(isinstance(s, Certificate) and s.grade in ("intermediate", "senior") for s in said)
        and any(isinstance(s, RatingResult) and s.rating != "basic" and 1 <= day.year - s.year <= 2 for s in said)
        and not any(isinstance(s, InspectionResult) and s.outcome == "failed" and 0 <= day.year - s.year <= 1 for s in said)
    )


def particulars_speak_for(person: Person, day: date, revision: int) -> bool:
    """Age, degree and the political competency, of the last profile by then."""
    known = [entry for entry in person.profiles if entry[0] <= day]
    if not known:
        return False
    profile = max(known, key=lambda entry: entry[:2])[2]
    political = [rating.score for rating in profile.competencies if rating.competency == "political"]
    return (
        profile.age_years is not None
        and 35 <= profile.age_years <= 50
        and profile.degree in ("bachelor", "master", "doctor")
        and political[0] >= POLITICAL[revision]
    )


def should_be_flagged(person: Person) -> bool:
    """On the day of the latest fact that stands, from the screening on."""
    facts = person.standing_facts()
    day = max([person.screened[0], *(on for on, _ in facts)])
    changes = sorted((on, s.key, s.status) for on, s in facts if isinstance(s, RegistrationStatus))
    closed = bool(changes) and changes[-1][2] == "closed"
    return closed or not registry_speaks_for(person, day)


class Pool:
    """Takes the events in and sees to it that each may follow on those before."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.standards: dict[int, tuple[str, date]] = {}

    def take(self, recorded: Recorded) -> None:
        event, on = recorded.event, date.fromisoformat(recorded.effective_on)
        if isinstance(event, StandardPublished):
            self.standards[event.document.revision] = (recorded.event_id, event.document.effective_on)
        elif isinstance(event, FactHeard):
            self._heard(self.people.setdefault(event.person_ref, Person()), event, on)
        elif isinstance(event, CandidateEvent):
            self._stage(self.people[event.person_ref], recorded, event, on)
            taken = Counter(person.stage == "admitted" for person in self.people.values())[True]
            assert taken <= SEATS, "more members than seats"

    def _heard(self, person: Person, event: FactHeard, on: date) -> None:
        if event.particulars is not None:
            person.facts[event.heard] = (on, event.particulars)
        for change in event.standings:
            person.standing.pop(change.slot, None)
            if change.fact is not None:
                person.standing[change.slot] = change.fact

    def _stage(self, person: Person, recorded: Recorded, event: CandidateEvent, on: date) -> None:
        if isinstance(event, CandidateNominated):
            assert person.stage in ("", "removed", "placed"), "a second candidacy beside the first"
            person.nomination = recorded.event_id
        assert isinstance(event, CandidateNominated) or person.stage not in ("", "removed", "placed"), (
            f"{event.TYPE} moves a candidacy that is over or never was"
        )
        if isinstance(event, CandidateProfiled):
            order = (event.origin.occurred_at.isoformat(), event.origin.source, event.origin.id)
            person.profiles.append((on, order, event.profile))
            return
        assert event.candidacy.nomination == person.nomination
        if isinstance(event, CandidateFlagged):
            assert person.stage in ("passed", "admitted")
            person.flagged = event.result == "failed"
            return
        assert on >= person.since, "a stage before the one before"
        person.stage, person.since = self._next(person, event, on), on
        person.flagged = False

    def _next(self, person: Person, event: CandidateEvent, on: date) -> str:
        match event:
            case CandidateNominated():
                return "nominated"
            case CandidateScreened():
                assert person.stage in ("nominated", "passed", "failed")
                revision = max(r for r, (_, since) in self.standards.items() if since <= on)
                assert event.standard.event == self.standards[revision][0]
                good = registry_speaks_for(person, on) and particulars_speak_for(person, on, revision)
                assert event.result == ("passed" if good else "failed"), "another result than the facts come to"
                person.screened = (on, event.standard.event)
                return event.result
            case CandidateAdmitted():
                assert (person.stage, person.flagged) == ("passed", False), "admitted without having passed"
                assert event.standard.event == person.screened[1], "admitted by another standard than screened by"
                others = Counter(each.stage for each in self.people.values())["admitted"]
                assert (event.quota, event.taken) == (SEATS, others + 1)
                return "admitted"
            case CandidatePlaced():
                assert (person.stage, person.flagged) == ("admitted", False), "placed, and not a member in good standing"
                return "placed"
            case _:
                return "removed"

    def check(self, bench: AppraisalBench) -> None:
        """Flags are what the facts come to, and the table is what the events come to."""
        for name, person in self.people.items():
            assert person.flagged == (person.stage in ("passed", "admitted") and should_be_flagged(person)), name
        here = {name: (p.stage, int(p.flagged)) for name, p in self.people.items() if p.stage}
        assert bench.stages() == here


# --- appraisal cycles, plainly ------------------------------------------------------------------------------------------

Said = tuple[tuple[str, str, str], Mapping[str, int] | None]
"""When, by which source, under which id; and the marks, in hundredths (None: withdrawn)."""


@dataclass
class Cycle:
    """stage: as the table names it. said: (person, role, rater) → what counts; final: the ratings that stand after appeals."""

    document: AppraisalDocument
    stage: str = "open"
    enrolled: dict[str, PersonEnrolled] = field(default_factory=dict)
    said: dict[tuple[str, str, str], Said] = field(default_factory=dict)
    measured: dict[tuple[str, str], tuple[tuple[str, str, str], int]] = field(default_factory=dict)
    results: dict[str, Plain] = field(default_factory=dict)
    final: dict[str, str | None] = field(default_factory=dict)
    barred: dict[str, int] = field(default_factory=dict)
    appeals: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    concluded: str = ""
    told: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Entry:
    on: date
    says: PointsRecorded | SanctionImposed | HonourAwarded
    lifted: date = date.max
    withdrawn: bool = False


@dataclass(frozen=True)
class Plain:
    """A result. score: hundredths; key: what it is ranked by."""

    group: str
    score: int | None
    key: tuple[int, ...] = field(default=(), compare=False)
    rank: int | None = None
    rating: str | None = None


def to_hundredths(document: AppraisalDocument, points: Fraction) -> int:
    scaled = max(Fraction(0), min(Fraction(100), points)) * 10**document.rounding.digits
    whole = {"half_up": math.floor(scaled + Fraction(1, 2)), "half_even": round(scaled), "down": math.floor(scaled)}
    return int(whole[document.rounding.how] * 10 ** (2 - document.rounding.digits))


def extra(rule: Extra | None, times: int) -> Fraction:
    """Points for so many points or honours."""
    if rule is None:
        return Fraction(0)
    most = rule.at_most_hundredths
    return Fraction(max(-most, min(most, times * rule.each_hundredths)), 100)


def item_points(cycle: Cycle, who: str) -> dict[str, Fraction] | None:
    """Of each item that counts for somebody, its points of 100; None: something is lacking."""
    document = cycle.document
    (profile,) = [p for p in document.weights if cycle.enrolled[who].category in p.categories]
    kinds = {item.name: item for item in document.items}
    heads = {
        role.name: [marks for (of, by, _), (_, marks) in cycle.said.items() if (of, by) == (who, role.name) and marks]
        for role in document.raters
    }
    present = [role for role in document.raters if heads[role.name]]
    if not present or any(len(heads[role.name]) < role.at_least for role in document.raters):
        return None
    whole = sum(role.percent for role in present) if document.missing_roles == "shared" else 100
    found = {}
    for name in [weight.item for weight in profile.items]:
        target = kinds[name].target
        if target is None:
            means = {role.name: Fraction(sum(m[name] for m in heads[role.name]), len(heads[role.name])) for role in present}
            found[name] = sum((role.percent * means[role.name] for role in present), Fraction(0)) / whole / 100
        elif (who, name) in cycle.measured:
            found[name] = min(Fraction(100 * cycle.measured[who, name][1], target), Fraction(kinds[name].at_most_percent))
        else:
            return None
    return found


def plain_score(cycle: Cycle, who: str, entries: Iterable[Entry]) -> Plain:
    """Without rank and rating."""
    document, category = cycle.document, cycle.enrolled[who].category
    group = category if document.ranked_within == "category" else "all"
    items = item_points(cycle, who)
    if items is None:
        return Plain(group, None)
    (profile,) = [p for p in document.weights if category in p.categories]
    total = sum((items[weight.item] * weight.percent for weight in profile.items), Fraction(0)) / 100
    inside = [e.says for e in entries if not e.withdrawn and document.first_day <= e.on <= document.last_day]
    total += extra(document.points, sum(says.points for says in inside if isinstance(says, PointsRecorded)))
    total += extra(document.honours, sum(isinstance(says, HonourAwarded) for says in inside))
    score = to_hundredths(document, total)
    breaking = [to_hundredths(document, items.get(name, Fraction(0))) for name in document.ties.break_by]
    return Plain(group, score, (score, *breaking))


def best_allowed(document: AppraisalDocument, entries: Iterable[Entry]) -> int:
    """The place of the best rating that sanctions in force on a day of the period leave to somebody."""
    best = 0
    ratings = [band.rating for band in document.bands]
    for entry in entries:
        if not isinstance(entry.says, SanctionImposed) or entry.withdrawn or entry.on > document.last_day:
            continue
        if min(entry.says.until or date.max, entry.lifted) >= document.first_day:
            best = max([best, *(ratings.index(b.rating) + 1 for b in document.bars if b.step == entry.says.step)])
    return best


def places(document: AppraisalDocument, scored: int) -> tuple[int, int]:
    """(places of the best rating, the limit)."""
    limit = math.floor(Fraction(document.quota.limit_percent * scored, 100))
    exact = Fraction(document.quota.percent * scored, 100)
    how = {"down": math.floor(exact), "half_up": math.floor(exact + Fraction(1, 2)), "up": math.ceil(exact)}
    return min(how[document.quota.places], limit), limit


def plain_results(cycle: Cycle, conduct: Mapping[str, Mapping[str, Entry]]) -> dict[str, Plain]:
    """Everybody's result, by counting who is better: nothing is sorted, nothing is done in columns."""
    document = cycle.document
    scores = {who: plain_score(cycle, who, conduct.get(who, {}).values()) for who in cycle.enrolled}
    barred = {who: best_allowed(document, conduct.get(who, {}).values()) for who in cycle.enrolled}
    found = dict(scores)
    for who, mine in scores.items():
        if mine.score is None:
            continue
        group = {other: r for other, r in scores.items() if r.score is not None and r.group == mine.group}
        bands = {
            o: next(n for n, band in enumerate(document.bands) if cast(int, r.score) >= 100 * band.at_least)
            for o, r in group.items()
        }
        hopeful = [r.key for o, r in group.items() if bands[o] == 0 and barred[o] == 0]
        better, as_good = sum(key > mine.key for key in hopeful), sum(key >= mine.key for key in hopeful)
        room, limit = places(document, len(group))
        wins = as_good <= room or (document.quota.at_border == "all" and better < room and as_good <= limit)
        place = max(bands[who], barred[who])
        rating = document.bands[1 if place == 0 and not wins else place].rating
        rank = 1 + sum(r.key > mine.key for r in group.values())
        found[who] = replace(mine, rank=rank, rating=rating)
    return found


class Cycles:
    """Takes the events in and sees to it that each may follow on those before. sent: (source, id) → what a message said."""

    def __init__(self, sent: Mapping[tuple[str, str], Any]) -> None:
        self.cycles: dict[str, Cycle] = {}
        self.conduct: dict[str, dict[str, Entry]] = {}
        self.sent = sent

    def take(self, recorded: Recorded) -> None:
        event, on = recorded.event, date.fromisoformat(recorded.effective_on)
        if isinstance(event, CycleOpened):
            assert event.cycle not in self.cycles, "opened twice"
            self.cycles[event.cycle] = Cycle(event.document)
        elif isinstance(event, MarkingEvent):
            self._said(self.cycles[event.cycle], event)
        elif isinstance(event, ConductEvent):
            self._behaved(event, on)
        elif isinstance(event, CycleEvent):
            self._moved(self.cycles[event.cycle], recorded, event)

    def _said(self, cycle: Cycle, event: MarkingEvent) -> None:
        assert cycle.stage in ("open", "scored"), f"{event.TYPE} in a cycle that is {cycle.stage}"
        origin = event.origin
        order = (origin.occurred_at.isoformat(), origin.source, origin.id)
        told = self.sent[origin.source, origin.id]
        match event:
            case PersonEnrolled():
                cycle.enrolled[event.person_ref] = event
            case ResultMeasured():
                key = (event.person_ref, event.item)
                assert told["achieved"] == event.achieved
                cycle.measured[key] = max(cycle.measured.get(key, (order, event.achieved)), (order, event.achieved))
            case RatingGiven() | RatingWithdrawn():
                marks = {mark.item: mark.hundredths for mark in event.marks} if isinstance(event, RatingGiven) else None
                assert marks == ({m["item"]: m["hundredths"] for m in told["marks"]} if "marks" in told else None)
                assert (event.role, event.rater) == (told["role"], told["rater"])
                rater = (event.person_ref, event.role, event.rater)
                if rater not in cycle.said or cycle.said[rater][0] < order:
                    cycle.said[rater] = (order, marks)

    def _behaved(self, event: ConductEvent, on: date) -> None:
        entries = self.conduct.setdefault(event.person_ref, {})
        if isinstance(event, PointsRecorded | SanctionImposed | HonourAwarded):
            assert event.entry not in entries, "a key is used twice"
            entries[event.entry] = Entry(on, event)
        elif isinstance(event, SanctionLifted):
            entries[event.entry].lifted = on
        else:
            assert isinstance(event, ConductWithdrawn)
            entries[event.entry].withdrawn = True

    def _moved(self, cycle: Cycle, recorded: Recorded, event: CycleEvent) -> None:
        assert cycle.stage not in ("concluded", "cancelled") or isinstance(event, RatingsConcluded), "it was over"
        match event:
            case CycleScored():
                assert cycle.stage in ("open", "scored"), "scored after the publication"
                cycle.stage, cycle.results = "scored", {}
            case ResultsScored():
                assert cycle.stage == "scored"
                told = {r.person_ref: (r.group, r.score, r.rank, r.rating) for r in event.results}
                cycle.results = plain_results(cycle, self.conduct)
                assert told == {who: (r.group, r.score, r.rank, r.rating) for who, r in cycle.results.items()}
                cycle.final = {who: r.rating for who, r in cycle.results.items()}
            case CyclePublished():
                assert cycle.stage == "scored"
                assert cycle.results == plain_results(cycle, self.conduct), "what is published is out of date"
                cycle.stage = "published"
                entries = {who: self.conduct.get(who, {}).values() for who in cycle.enrolled}
                cycle.barred = {who: best_allowed(cycle.document, mine) for who, mine in entries.items()}
            case ResultAppealed() | AppealDecided():
                assert cycle.stage == "published"
                self._appealed(cycle, event)
            case CycleConcluded():
                assert cycle.stage == "published", "concluded before the publication"
                assert all(outcome is not None for _, outcome in cycle.appeals.values()), "concluded with appeals open"
                cycle.stage, cycle.concluded = "concluded", recorded.event_id
                assert event.told == (cycle.document.period == "yearly")
            case RatingsConcluded():
                assert event.concluded == cycle.concluded
                cycle.told += [(final.person_ref, final.rating) for final in event.ratings]
            case _:
                assert isinstance(event, CycleCancelled)
                cycle.stage = "cancelled"

    def _appealed(self, cycle: Cycle, event: ResultAppealed | AppealDecided) -> None:
        if isinstance(event, ResultAppealed):
            assert event.appeal not in cycle.appeals
            assert (event.person_ref, None) not in cycle.appeals.values(), "two appeals of one person are open"
            cycle.appeals[event.appeal] = (event.person_ref, None)
            return
        assert cycle.appeals[event.appeal] == (event.person_ref, None), "decided twice"
        cycle.appeals[event.appeal] = (event.person_ref, event.outcome)
        if event.rating is not None:
            ratings = [band.rating for band in cycle.document.bands]
            before = cycle.final[event.person_ref]
            assert before is None or ratings.index(event.rating) < ratings.index(before), "an appeal worsens"
            cycle.final[event.person_ref] = event.rating

    def check(self, bench: AppraisalBench) -> None:
        """Quotas, sanctions, and the tables."""
        for cycle in self.cycles.values():
            ratings = [band.rating for band in cycle.document.bands]
            for group in {result.group for result in cycle.results.values()}:
                mine = [who for who, result in cycle.results.items() if result.group == group]
                _, limit = places(cycle.document, sum(cycle.results[who].score is not None for who in mine))
                assert sum(cycle.final[who] == ratings[0] for who in mine) <= limit, "more of the best rating than allowed"
            for who, best in cycle.barred.items():
                rating = cycle.final.get(who)
                assert rating is None or ratings.index(rating) >= best, "somebody has a rating that a sanction bars"
            if cycle.stage == "concluded" and cycle.document.period == "yearly":
                assert cycle.told == sorted((who, rating) for who, rating in cycle.final.items() if rating is not None)
        assert {row.cycle: row.stage for row in bench.rows(appraisal_cycle)} == {n: c.stage for n, c in self.cycles.items()}
        shown = {(r.cycle, r.person_ref): (r.ranking, r.score, r.rank, r.rating, r.final) for r in bench.rows(appraisal_result)}
        assert shown == {
            (name, who): (r.group, r.score, r.rank, r.rating, cycle.final[who])
            for name, cycle in self.cycles.items()
            for who, r in cycle.results.items()
        }
        raters = {
            (r.cycle, r.person_ref, r.role, r.rater): orjson.loads(r.marks) if r.marks else None
            for r in bench.rows(appraisal_rating)
        }
        assert raters == {
            (name, *rater): marks for name, cycle in self.cycles.items() for rater, (_, marks) in cycle.said.items()
        }


# --- what comes ---------------------------------------------------------------------------------------------------------

BARS = "bars:\n  - {step: cancel_honours, rating: excellent, clause: 5}\n  - {step: interview, rating: competent, clause: 6}\n"
PERCENTS = "raters:\n  - {name: leader, zh: 分管领导, percent: 60}\n  - {name: staff, zh: 员工群众, percent: 40"
VARIANTS: Sequence[Mapping[str, str]] = (
    {"quota": "quota: {percent: 34, limit_percent: 45, clause: 3}"},
    {
        "quota": "quota: {percent: 30, limit_percent: 60, places: half_up, at_border: all, clause: 3}",
        "ties": "ties: {break_by: [ability]}",
        "late": "late: counted",
        "raters": PERCENTS + ", at_least: 0}\n",
    },
    {
        "quota": "quota: {percent: 50, limit_percent: 50, places: up, clause: 3}",
        "ranked_within": "ranked_within: category",
        "rounding": "rounding: {digits: 0, how: half_even}",
        "missing_roles": "missing_roles: zero",
        "raters": PERCENTS + ", at_least: 0}\n",
    },
)
QUARTER = {"period": "period: quarterly", "first_day": "first_day: 2025-10-01"}
POST = {"category": "secretary", "unit": "第七党支部", "post": "书记", "entry_channel": "dispatched"}
PROFILES: Sequence[dict[str, Any]] = (
    {}, {"degree": "associate"}, {"age_years": 60}, *[{"competencies": [{"competency": "political", "score": 5}]}] * 6,
)  # fmt: skip


def registry_of(draw: Random) -> list[Item]:
    """Everybody is registered, engaged, certified and rated, the last one less well; then things of all kinds happen."""
    numbers, told = count(1), list[Hear]()

    def say(who: str, says: Particulars | None, on: str, slot: str | None = None) -> None:
        heard = hear(next(numbers), says, on, slot=slot, stands=says is not None)
        told.append(replace(heard, person_ref=who))

    for n, who in enumerate(PEOPLE):
        category = draw.choice(["recruited", "secretary"])
        say(who, Registration(division=DIVISION), "2020-06-01")
        say(who, EngagementStart(engagement=f"e-{n}", category=category, unit="u", post="p"), "2021-01-01")
        grade = "junior" if n == len(PEOPLE) - 1 else "intermediate"
        say(who, Certificate(number=f"C-{n}", grade=grade, issuer="320100"), "2024-05-01")
        say(who, RatingResult(year=2024, rating="competent"), "2025-01-10")
    for n in range(24):
        who, day = draw.choice(PEOPLE), str(date(2026, 1, 5) + timedelta(days=draw.randrange(60)))
        year, key = draw.choice([2025, 2026]), f"s-{n}"
        outcome = draw.choice(["failed", "passed", "passed", "passed"])
        match draw.choice(["inspected", "inspected", "inspection gone", "closed", "reopened", "reopened", "engaged"]):
            case "inspected":
                say(who, InspectionResult(year=year, outcome=outcome), day)
            case "inspection gone":
                say(who, None, day, slot=f"inspection/{year}")
            case "closed":
                say(who, RegistrationStatus(key=key, status="closed", reason="left"), day)
            case "reopened":
                say(who, RegistrationStatus(key=key, status="reopened", reason="returned"), day)
            case _:
                say(who, EngagementStart(engagement=key, category="secretary", unit="v", post="p"), "2025-06-01")
    return as_told(told)


class Office:
    """Messages about the people at random: mostly what would come next, at times anything at all."""

    def __init__(self, seed: int, database: Database) -> None:
        self.draw = draw = Random(f"office {seed}")
        self.bench = AppraisalBench(database, seed)
        self.instances = [self.bench.talent, self.bench.new_talent()]
        self.sent: dict[tuple[str, str], Any] = {}
        self.pool, self.cycles = Pool(), Cycles(self.sent)
        self.may_cancel = seed % 3 == 1
        self.known, self.numbers, self.progress = 0, count(1), 0.0
        self.late: list[Item] = []
        self.taken: list[Item] = []
        self.untold = registry_of(draw)
        self.told: list[Item] = []
        self.today = date(2026, 1, 10)
        variant = VARIANTS[seed % len(VARIANTS)]
        self.texts = {
            "annual": cycle_text(bars=BARS, **variant),
            "again": cycle_text(bars=BARS, document="document: cycle-2", **variant),
            "quarter": cycle_text(bars=BARS, **{**variant, **QUARTER}),
        }
        self.ratings, self.placements = FakePublisher(), FakePublisher()
        stricter = standard_text(revision=2, on=str(STRICTER_FROM), quota=SEATS, criteria=CRITERIA.replace("4, clause: 3", "5, clause: 3"))  # fmt: skip # noqa: E501
        self.standards = [self.bench.publishes(standard_text(quota=SEATS)), self.bench.publishes(stricter, "standard-2")]

    def says(self, fact: str, on: date | str, person: str | None = None, *, source: str = "hr", **data: Any) -> Item:
        n = next(self.numbers)
        id, minute = f"m-{n}", 2 * n + self.draw.choice([0, 0, 0, -40])
        time = f"{max(minute, 0) // 60:02d}:{max(minute, 0) % 60:02d}"
        self.sent[source, id] = data
        return self.bench.says(fact, id, str(on), person, source=source, time=time, **data)

    # --- about the pool -------------------------------------------------------------------------------------------------

    def pool_step(self) -> Item:
        draw, who = self.draw, self.draw.choice(PEOPLE)
        person = self.pool.people.get(who, Person())
        after = {
            "": ["nominate"], "nominated": ["profile", "screen"], "passed": ["admit", "admit", "admit", "remove"],
            "failed": ["profile", "screen", "screen"], "admitted": ["place", "place", "remove", "admit", "profile"],
            "removed": ["nominate", "nominate", "admit"], "placed": ["nominate", "nominate", "place"],
        }[person.stage]  # fmt: skip
        if draw.random() < 0.2:
            after = ["nominate", "profile", "screen", "admit", "remove", "place"]
        on = max(self.today, person.since) - timedelta(days=draw.choice([0, 0, 0, 0, 0, 4]))
        match draw.choice(after):
            case "nominate":
                by, pool = draw.choice(["reserve_recommended", "everyday_acquaintance"]), f"pool-{draw.randrange(2)}"
                more = {"division": DIVISION, "nominated_by": by, "ladder": "near-term", "pool": pool}
                return self.says("candidate-nominated", on, who, **more)
            case "profile":
                profile = FULL.model_dump(mode="json") | draw.choice(PROFILES)
                return self.says("candidate-profiled", on - timedelta(days=draw.randrange(3)), who, **profile)
            case "screen":
                return self.says("candidate-screened", on, who)
            case "admit":
                return self.says("candidate-admitted", on, who)
            case "remove":
                return self.says("candidate-removed", on, who, reason="withdrew")
            case _:
                return self.says("candidate-placed", on, who, **POST)

    def rush(self) -> list[Item]:
        """Who is in goes out, and everybody else wants to come in, all at once."""
        items = [
            self.says("candidate-removed", self.today, who, reason="withdrew")
            for who, person in self.pool.people.items()
            if person.stage == "admitted"
        ]
        for who, person in self.pool.people.items():
            if person.stage in ("nominated", "passed", "failed"):
                on = max(self.today, person.since)
                if person.stage != "passed":
                    items.append(self.says("candidate-screened", on, who))
                items.append(self.says("candidate-admitted", on, who))
        return items

    # --- about a cycle --------------------------------------------------------------------------------------------------

    def cycle_step(self) -> Item:
        draw = self.draw
        going = [key for key in ("annual", "quarter") if self.stage_of(key) not in ("concluded", "cancelled")]
        going += ["again"] if self.stage_of("annual") == "cancelled" and self.stage_of("again") != "concluded" else []
        key = draw.choice(list(self.texts) if not going or draw.random() < 0.06 else going)
        steps = {
            "": [self.open, self.open, self.enrol], "open": [*[self.enrol] * 2, *[self.rate] * 6, self.withdraw, self.measure],
            "scored": [self.score, self.publish, self.publish, self.publish, self.rate],
            "published": [self.appeal, self.appeal, self.decide, self.decide], "concluded": [self.rate, self.decide],
            "cancelled": [self.rate],
        }[self.stage_of(key)]  # fmt: skip
        if self.progress > (0.6 if key == "quarter" else 0.5):
            steps = {"open": [*steps, *[self.score] * 6]}.get(self.stage_of(key), steps)
        if self.progress > 0.8:
            steps = {"published": [self.decide, self.decide, self.conclude]}.get(self.stage_of(key), steps)
        if draw.random() < 0.12:
            steps = [self.open, self.enrol, self.rate, self.withdraw, self.measure, self.score, self.publish, self.appeal,
                     self.decide, self.conclude, self.cancel if draw.random() < 0.3 else self.score]  # fmt: skip
        if self.may_cancel and key == "annual" and self.stage_of(key) in ("scored", "published") and draw.random() < 0.25:
            steps = [self.cancel]
        return draw.choice(steps)(key)

    def stage_of(self, key: str) -> str:
        cycle = self.cycles.cycles.get(f"hr/{key}")
        return "" if cycle is None else cycle.stage

    def day(self, good: Sequence[str], bad: Sequence[str]) -> str:
        return self.draw.choice(bad if self.draw.random() < 0.12 else good)

    def acts(self, fact: str, on: str, key: str, who: str | None = None, **data: Any) -> Item:
        source = "training" if self.draw.random() < 0.05 else "hr"
        return self.says(f"appraisal-{fact}", on, who, source=source, cycle=key, cycle_source="hr", **data)

    def open(self, key: str) -> Item:
        other = self.stage_of(key) != "" and self.draw.random() < 0.5
        return self.says("appraisal-cycle-opened", "2026-01-05", cycle=key, text=cycle_text() if other else self.texts[key])

    def someone(self, key: str, enrolled: bool = True) -> str:
        """Mostly somebody who is in the cycle, or is not."""
        cycle = self.cycles.cycles.get(f"hr/{key}")
        fitting = [who for who in PEOPLE if cycle is not None and (who in cycle.enrolled) == enrolled]
        return self.draw.choice(fitting if fitting and self.draw.random() < 0.9 else PEOPLE)

    def enrol(self, key: str) -> Item:
        return self.acts("person-enrolled", "2026-01-05", key, self.someone(key, enrolled=False))

    def rate(self, key: str) -> Item:
        role, rater = self.draw.choice(["leader", "leader", "staff"]), f"r-{self.draw.randrange(2)}"
        marks = [
            {"item": item, "hundredths": 100 * self.draw.choice([55, 65, 90, 95, 95, 100, 100])}
            for item in ("virtue", "ability")
        ]
        on = self.day(["2026-01-06", "2026-01-20", "2026-01-31"], ["2026-01-04", "2026-02-01"])
        return self.acts("rating-given", on, key, self.someone(key), role=role, rater=rater, marks=marks)

    def withdraw(self, key: str) -> Item:
        role, rater = self.draw.choice(["leader", "staff"]), f"r-{self.draw.randrange(2)}"
        on, who = self.day(["2026-01-21"], ["2026-02-01"]), self.someone(key)
        return self.acts("rating-withdrawn", on, key, who, role=role, rater=rater, reason="误评")

    def measure(self, key: str) -> Item:
        item = "output" if self.draw.random() < 0.9 else "virtue"
        achieved = self.draw.choice([6, 11, 12, 12, 14])
        return self.acts("result-measured", "2026-01-15", key, self.someone(key), item=item, achieved=achieved)

    def score(self, key: str) -> Item:
        return self.acts("cycle-scored", self.day(["2026-02-01"], ["2026-01-31"]), key)

    def publish(self, key: str) -> Item:
        until = self.day(["2026-02-07"], ["2026-02-01"])
        return self.acts("cycle-published", self.day(["2026-02-02"], ["2026-01-31"]), key, appeals_until=until)

    def appeal(self, key: str) -> Item:
        on = self.day(["2026-02-03", "2026-02-07"], ["2026-02-01", "2026-02-08"])
        name = f"s-{self.draw.randrange(12)}"
        return self.acts("result-appealed", on, key, self.someone(key), appeal=name, grounds="漏计一项实绩")

    def decide(self, key: str) -> Item:
        cycle = self.cycles.cycles.get(f"hr/{key}")
        open_ = [] if cycle is None else [(name, who) for name, (who, outcome) in cycle.appeals.items() if outcome is None]
        name, who = self.draw.choice(open_ or [(f"hr/s-{self.draw.randrange(12)}", self.draw.choice(PEOPLE))])
        rating = self.draw.choice(["excellent", "excellent", "competent", "basic", None, None])
        upheld = {"outcome": "upheld", "rating": rating} if rating else {"outcome": "dismissed"}
        source, _, own = name.partition("/")
        return self.acts("appeal-decided", "2026-02-05", key, who, appeal=own, appeal_source=source, reason="属实", **upheld)

    def conclude(self, key: str) -> Item:
        return self.acts("cycle-concluded", self.draw.choice(["2026-02-08", "2026-02-08", "2026-02-07"]), key)

    def cancel(self, key: str) -> Item:
        return self.acts("cycle-cancelled", "2026-02-06", key, reason="重新组织")

    # --- about conduct --------------------------------------------------------------------------------------------------

    def conduct_step(self) -> Item:
        draw, who = self.draw, self.draw.choice(PEOPLE)
        on = draw.choice(["2025-05-01", "2025-11-01", "2025-12-31", "2026-01-01", "2024-06-01"])
        entry = {"entry": f"k-{draw.randrange(20)}", "reason": "示例"}
        kinds = ["points", "points", "honour", "sanction", "sanction", "sanction", "lift", "lift", "gone"]
        entries = self.cycles.conduct.get(who, {})
        imposed = [name for name, known in entries.items() if isinstance(known.says, SanctionImposed)]
        match kind := draw.choice(kinds):
            case "lift" | "gone" if imposed and draw.random() < 0.8:
                own = draw.choice(imposed if kind == "lift" else list(entries))
                fact, day = ("sanction-lifted", "2025-12-01") if kind == "lift" else ("conduct-withdrawn", on)
                return self.says(fact, day, who, entry=own.partition("/")[2], reason="示例")
            case "points":
                return self.says("points-recorded", on, who, **entry, points=draw.choice([-9, 3, 20, 50]))
            case "honour":
                return self.says("honour-awarded", on, who, entry=entry["entry"], title="优秀党务工作者", level="county")
            case "sanction":
                more = draw.choice([{}, {"until": "2025-09-30"}, {"until": "2026-06-30"}])
                return self.says(
                    "sanction-imposed", on, who, **entry, **more, step=draw.choice(["cancel_honours", "interview"])
                )
            case "lift":
                return self.says("sanction-lifted", draw.choice(["2025-01-31", "2025-12-01"]), who, **entry)
            case _:
                return self.says("conduct-withdrawn", on, who, **entry)

    # --- a turn ---------------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        draw = self.draw
        self.today += timedelta(days=draw.choice([0, 1, 1, 2]))
        kinds = {self.pool_step: 4.0, self.cycle_step: 7.0, self.conduct_step: 2.0 if self.progress < 0.5 else 0.5}
        if all(cycle.stage in ("concluded", "cancelled") for cycle in self.cycles.cycles.values()):
            kinds[self.cycle_step] = 2.0
        fresh = [step() for step in draw.choices(list(kinds), list(kinds.values()), k=draw.randrange(1, 9))]
        if draw.random() < 0.1:
            fresh += self.rush()
        fresh += [self.standards.pop(0)] if self.standards and draw.random() < 0.4 else []
        later = [item for item in fresh if draw.random() < 0.12]
        batch = [item for item in fresh if item not in later]
        due = [item for item in self.late if draw.random() < 0.3]
        self.late = [item for item in self.late if item not in due] + later
        again = draw.sample(self.taken, min(len(self.taken), draw.choice([0, 0, 1, 2])))
        batch += due + [Item(item.subject, item.raw, next(self.bench.sequence)) for item in again]
        if draw.random() < 0.3:
            draw.shuffle(batch)
        self.settle(batch, self.registry_tells())
        if draw.random() < 0.2:
            self.carry(draw.random() < 0.5)
        if draw.random() < 0.04:
            self.wait_too_long()

    def registry_tells(self) -> list[Item]:
        """Some of the next events, not in their order, and some that came before."""
        draw = self.draw
        window = self.untold[:8]
        chosen = draw.sample(window, min(len(window), draw.choice([0, 1, 3, 8])))
        self.untold = [item for item in self.untold if item not in chosen]
        chosen += draw.sample(self.told, min(len(self.told), draw.choice([0, 0, 1])))
        self.told += chosen
        return chosen

    def settle(self, batch: Sequence[Item], heard: Sequence[Item]) -> None:
        """Each consumer has the next batch, at whichever instance; then everything must hold."""
        self.draw.choice(self.instances).hear(heard)
        self.draw.choice(self.instances).take(batch)
        self.taken += batch
        self.look()

    def look(self) -> None:
        bench = self.bench
        with bench.log.database.read.connect() as connection:
            events = bench.log.read(connection, self.known, 100_000)
        for recorded in events:
            self.known = recorded.position
            self.pool.take(recorded)
            self.cycles.take(recorded)
        self.pool.check(bench)
        self.cycles.check(bench)

    def carry(self, outage: bool) -> None:
        """What the registry is to be told goes out, perhaps twice."""
        for name, read, publisher in (
            (RATINGS_RELAY, read_conclusions, self.ratings), (RELAY, read_placements, self.placements),
        ):  # fmt: skip
            publisher.fails, publisher.stores_before_failing = int(outage), 2
            relay = Relay(name, self.bench.log.database, read, publisher, Notes())
            try:
                while run(relay.carry()):
                    pass
            except BrokerOutage:
                assert outage
            publisher.fails = 0

    def wait_too_long(self) -> None:
        """What is held is parked, and tried again later by the operator."""
        self.bench.clock.advance(timedelta(hours=2))
        self.draw.choice(self.instances).expire()
        parked = sorted(self.bench.rows(schema.parked), key=lambda row: str(row.message_id))
        assert {row.code for row in parked} <= {"never-came"}
        for row in self.draw.sample(parked, min(len(parked), 4)):
            self.bench.operates("retry", row.parked_id, f"act-{next(self.numbers)}")
        self.look()


# --- the walks ----------------------------------------------------------------------------------------------------------


def states_are_those_of_the_log(office: Office) -> None:
    """What the instances keep in memory is what a replay comes to, and of a rater's words the last ones count in it."""
    streams: dict[str, list[Recorded]] = {}
    for e in office.bench.events:
        streams.setdefault(e.stream, []).append(e)
    for stream, history in streams.items():
        past = [(e.event_id, date.fromisoformat(e.effective_on), e.event) for e in history]
        for instance in office.instances:
            with office.bench.log.database.read.connect() as connection:
                instance._cache.refresh(connection, office.known)
                instance._appraisals.refresh(connection, office.known)
            member, cycle = instance._cache.get(stream), instance._appraisals._cache.get(stream)
            if member is not None:
                replayed = replay(Happened(id, on, cast(PersonEvent, event)) for id, on, event in past)
                assert member == (len(past), replayed)
            if stream.startswith("ratings-"):
                ratee = replay_marking(MarkingHappened(id, on, cast(MarkingEvent, event)) for id, on, event in past)
                name, _, who = stream.removeprefix("ratings-").rpartition("/")
                counts = {(who, *by): marks for by, marks in standing_marks(ratee).items()}
                assert {by: {m.item: m.hundredths for m in marks} for by, marks in counts.items()} == {
                    by: marks for by, (_, marks) in office.cycles.cycles[name].said.items() if by[0] == who and marks
                }
            if cycle is not None:
                replayed_cycle = replay_cycle(CycleHappened(id, on, cast(CycleEvent, event)) for id, on, event in past)
                assert cycle == (len(past), replayed_cycle)


def tables_are_those_of_the_log(office: Office, folder: Path) -> None:
    """The read models, made from nothing at once, and event by event."""
    assert rebuild_and_compare(office.bench.log).differences == []
    beside = Database(f"sqlite:///{folder}/single.db")
    with beside.write.begin() as connection:
        for view in app.talent_views():
            tables = {table.name: table for table in view.tables}
            for table in view.tables:
                table.create(connection)
            for event in office.bench.events:
                view.apply(connection, [event], tables)
            for table in view.tables:
                rebuilt = sorted(map(tuple, connection.execute(table.select())), key=repr)
                assert rebuilt == sorted(map(tuple, office.bench.rows(table)), key=repr), table.name
    beside.close()


def told_once(publisher: FakePublisher) -> dict[str, Any]:
    """id → what the registry is told. A repeat is the same message, byte for byte, so that the registry takes it once."""
    found: dict[str, bytes] = {}
    for message in publisher.stored:
        assert found.setdefault(message.message_id, message.payload) == message.payload
    return {name: orjson.loads(payload) for name, payload in found.items()}


def the_registry_is_told_of_everything_once(office: Office) -> None:
    """Each rating of a concluded yearly cycle, and each placement; nothing else."""
    office.carry(outage=False)
    ratings = {
        name.removeprefix("talent/"): (m["data"]["person"]["person_ref"], m["data"]["rating"])
        for name, m in told_once(office.ratings).items()
    }
    cycles = office.cycles.cycles.values()
    assert ratings == {
        rating_id_of(cycle.concluded, who): (who, rating)
        for cycle in cycles
        if cycle.stage == "concluded" and cycle.document.period == "yearly"
        for who, rating in cycle.final.items()
        if rating is not None
    }
    placed = [e.event_id for e in office.bench.events if isinstance(e.event, CandidatePlaced)]
    assert told_once(office.placements).keys() == {f"talent/{message_id_of(event)}" for event in placed}


def nothing_is_recorded_twice(office: Office) -> None:
    """A message leads to one event at most, parts of results and flags aside, however often it came; all of them again to
    none."""
    parts = ResultsScored | RatingsConcluded | CandidateFlagged | FactHeard | StandardPublished
    own = [e for e in office.bench.events if not isinstance(e.event, parts) and e.causation_id is not None]
    times = Counter(e.causation_id for e in own if isinstance(e.event, CandidateEvent | AppraisalEvent))
    assert set(times.values()) == {1}
    office.instances.append(office.bench.new_talent())
    known, held = office.known, len(office.bench.rows(schema.held))
    office.instances[-1].hear(office.told)
    office.instances[-1].take([Item(item.subject, item.raw, next(office.bench.sequence)) for item in office.taken])
    office.look()
    assert (office.known, len(office.bench.rows(schema.held))) == (known, held)


Walked = tuple[Counter[str], Counter[str]]
"""How often each event was recorded, and each refusal given."""


def walk_on(database: Database, seed: int, folder: Path) -> Walked:
    """A whole walk."""
    office = Office(seed, database)
    for turn in range(TURNS):
        office.progress = turn / TURNS
        office.turn()
    office.settle([*office.standards, *office.late], office.untold)
    states_are_those_of_the_log(office)
    tables_are_those_of_the_log(office, folder)
    the_registry_is_told_of_everything_once(office)
    nothing_is_recorded_twice(office)
    assert {row.code for row in office.bench.rows(schema.parked)} <= {"never-came"}
    refused = Counter(code for _, outcome, codes in office.bench.outcomes if outcome == "refused" for code in codes)
    return Counter(e.type for e in office.bench.events), refused


@cache
def walk(seed: int) -> Walked:
    """On a database of its own, once in a session."""
    with tempfile.TemporaryDirectory(prefix="talent-machine-") as folder:
        database = Database(f"sqlite:///{folder}/log.db")
        try:
            return walk_on(database, seed, Path(folder))
        finally:
            database.close()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_comes_the_pool_and_the_cycles_hold_together(seed: int) -> None:
    """After each of many batches: see ``Pool`` and ``Cycles``. At the end: memory, tables and the registry say the same."""
    walk(seed)


def test_the_same_walk_on_postgresql_comes_to_the_same(
    postgres_url: str, open_database: Callable[[str], Database], tmp_path: Path
) -> None:
    assert walk_on(open_database(postgres_url), 1, tmp_path) == walk(1)


def test_the_walks_go_everywhere() -> None:
    """Together they bring every kind of event and of refusal, so that what holds after each is no empty word."""
    seen, refused = Counter[str](), Counter[str]()
    for seed in range(SEEDS):
        events, codes = walk(seed)
        seen += events
        refused += codes
    wanted = {kind.TYPE for kind in (*get_args(CandidateEvent), *get_args(AppraisalEvent))}
    assert {kind for kind in wanted if seen[kind] < 3} == set()
    expected = {
        "already-a-candidate", "stage-skipped", "not-a-candidate", "screening-failed", "flagged", "quota-full",
        "screened-by-another-standard", "before-the-stage-before", "cycle-exists", "scope-overlaps",
        "cycle-published", "cycle-concluded", "cycle-cancelled", "scores-stale", "ratings-open", "late", "not-yours",
        "appeal-open", "appeals-open", "appeals-not-over", "too-late", "not-better", "above-limit", "barred",
        "decided-already", "not-in-cycle", "entry-exists", "not-asked",
    }  # fmt: skip
    assert expected - refused.keys() == set()


@pytest.mark.parametrize("scored", [rules.even(80), {}], ids=["a score below the best rating", "no score"])
def test_an_appeal_lifts_nobody_past_a_sanction(scored: dict[str, Any]) -> None:
    """Nor somebody from whom the sanction has taken nothing so far. The walks have found this."""
    around = CycleAround(roster([rules.even(80), {**scored, "sanctions": ["cancel_honours"]}, *[rules.even(70)] * 8]))
    before = rules.cycle(rules.OPENED, rules.SCORE, rules.PUBLISH, rules.APPEAL, around=around)
    before.when(rules.upheld()).rejected("barred", "data.rating")
