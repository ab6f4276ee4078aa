"""One person on one page (素描画像): what the log says of them on a day, put together. Pure: recorded events in, a page out.

Nothing here is judged anew but by the rules that judge everywhere: gaps by the standard in force (``screening``), fit for open
vacancies by ``matching``. It holds no personal field: a name is joined by whoever may see it (``console.talent_profile``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from contracts.appraisal_events import ConductWithdrawn, HonourAwarded, PointsRecorded, SanctionImposed, SanctionLifted
from contracts.certificate_life import spans_of_all
from contracts.development import (
    MentorAssigned,
    MentorshipEnded,
    PlanActivityAdded,
    PlanActivityMoved,
    PlanAdopted,
    PlanClosed,
    SecondmentEnded,
    SecondmentStarted,
    TrainingReported,
)
from contracts.particulars import InspectionResult, RatingResult
from contracts.registration_life import closed_spans, division_on
from contracts.standard import COMPETENCIES, CompetencyCriterion, QualificationStandard
from contracts.talent import (
    CandidateAdmitted,
    CandidateFlagged,
    CandidateNominated,
    CandidatePlaced,
    CandidateRemoved,
    CandidateScreened,
    CriterionResult,
    Profile,
)
from services.talent.decider import Member, standing_facts
from services.talent.figures import full_months
from services.talent.matching import Match
from services.talent.rotation import Held, posts_of
from services.talent.screening import KnownFact, profile_on, screen
from services.talent.shares import percent_text

__all__ = ["Bar", "Competency", "Fit", "Item", "Page", "Point", "Told", "page_of"]


# --- what is put together -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """A recorded event with its effective date, of the person's own stream or of their conduct."""

    event_id: str
    on: date
    event: Any


@dataclass(frozen=True, slots=True)
class Competency:
    """score: 1 to 5; None: not rated. required: by the standard in force; None: it asks for none."""

    name: str
    score: int | None
    required: int | None


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasts. until: its last day, as known then; None: it goes on."""

    lane: str
    label: str
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Point:
    """Something that happened on a day. word: what, as a code."""

    lane: str
    word: str
    label: str
    on: date


@dataclass(frozen=True, slots=True)
class Item:
    """A row of a section. status: a code. on: its (first) day; until: its last one."""

    what: str
    kind: str
    status: str
    on: date
    until: date | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """How somebody fits an open vacancy (岗位匹配度). fit: in percent, with two decimals."""

    vacancy: str
    unit: str
    post: str
    fit: str
    eligible: bool
    missing: tuple[CriterionResult, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """stage: of the last candidacy, None: never nominated. standard: document of the one in force; gaps are by it.

    months: full ones in party work. points: the sum of those earned and deducted (积分); None: none were recorded.
    """

    person_ref: str
    on: date
    division: str | None
    registration: str
    stage: str | None
    stage_since: date | None
    ladder: str | None
    pool_division: str | None
    flagged: bool
    posts: tuple[Held, ...]
    months: int
    certificate: tuple[str, str] | None
    particulars: Profile | None
    particulars_on: date | None
    competencies: tuple[Competency, ...]
    standard: str | None
    criteria: tuple[CriterionResult, ...]
    fits: tuple[Fit, ...]
    bars: tuple[Bar, ...]
    history: tuple[Point, ...]
    activities: tuple[Item, ...]
    training: tuple[Item, ...]
    secondments: tuple[Item, ...]
    mentoring: tuple[Item, ...]
    honours: tuple[Item, ...]
    sanctions: tuple[Item, ...]
    points: int | None

    @property
    def gaps(self) -> tuple[CriterionResult, ...]:
        return tuple(criterion for criterion in self.criteria if not criterion.met)


# --- the page -----------------------------------------------------------------------------------------------------------


def page_of(
    person_ref: str,
    state: Member,
    told: Iterable[Told],
    day: date,
    *,
    standard: QualificationStandard | None,
    fits: Iterable[tuple[str, str, str, Match]] = (),
    courses: Mapping[str, str] | None = None,
) -> Page:
    """state: what the person's events come to. told: those events and those of their conduct, in the order of recording.

    standard: in force for them on the day. fits: (vacancy, unit, post) with the match. courses: title by ``source/key``.
    """
    facts = tuple(fact for fact in standing_facts(state) if fact.effective_on <= day)
    happened = [each for each in told if each.on <= day]
    posts = tuple(post for post in posts_of(_slots(state, day)) if post.since <= day)
    profile = profile_on(state.profiles, day)
    said = None if profile is None else profile.profile
    place = division_on(_triples(facts), day)
    course_titles = courses or {}
    candidacy = _candidacy(happened)
    conduct, secondments = _conduct(happened), _secondments(happened)
    return Page(
        person_ref=person_ref,
        on=day,
        division=None if place is None else place[0],
        registration=_registration(facts, day),
        stage=candidacy.stage,
        stage_since=candidacy.since,
        ladder=candidacy.ladder,
        pool_division=candidacy.division,
        flagged=candidacy.flagged,
        posts=tuple(post for post in posts if post.on(day)),
        months=full_months(posts, day),
        certificate=_certificate(facts, day),
        particulars=said,
        particulars_on=None if profile is None else profile.effective_on,
        competencies=_competencies(said, standard),
        standard=None if standard is None else standard.document,
        criteria=() if standard is None else screen(standard, state.profiles, facts, day),
        fits=tuple(
            Fit(name, unit, post, percent_text(match.fit), match.eligible, match.missing) for name, unit, post, match in fits
        ),
        bars=(
            *(Bar("post", f"{post.unit} {post.post}", post.since, post.until) for post in posts),
            *(Bar("secondment", item.what, item.on, item.until) for item in reversed(secondments)),
        ),
        history=_history(facts, happened, day),
        activities=_activities(happened),
        training=_training(happened, course_titles),
        secondments=secondments,
        mentoring=_mentoring(happened),
        honours=conduct.honours,
        sanctions=conduct.sanctions,
        points=conduct.points,
    )


def _slots(state: Member, day: date) -> list[tuple[str, str, date, Any]]:
    found = [(slot, state.facts[fact]) for slot, fact in state.standing.items() if fact in state.facts]
    return [(slot, fact.event_id, fact.effective_on, fact.says) for slot, fact in found if fact.effective_on <= day]


def _triples(facts: Iterable[KnownFact]) -> list[tuple[str, date, Any]]:
    return [(fact.event_id, fact.effective_on, fact.says) for fact in facts]


def _registration(facts: Sequence[KnownFact], day: date) -> str:
    if division_on(_triples(facts), day) is None:
        return "none"
    return "closed" if any(span.covers(day) for span in closed_spans(_triples(facts))) else "open"


def _certificate(facts: Sequence[KnownFact], day: date) -> tuple[str, str] | None:
    """(grade, state) of the certificate of the day; None: there is none."""
    spans = [span for span in spans_of_all(_triples(facts)) if span.covers(day)]
    best = max(spans, key=lambda span: (span.state == "valid", span.first, span.number), default=None)
    return None if best is None else (best.grade, best.state)


def _competencies(profile: Profile | None, standard: QualificationStandard | None) -> tuple[Competency, ...]:
    scores = {} if profile is None else {each.competency: each.score for each in profile.competencies}
    asked = {c.name: c.at_least for c in (standard.criteria if standard else ()) if isinstance(c, CompetencyCriterion)}
    return tuple(Competency(name, scores.get(name), asked.get(name)) for name in COMPETENCIES)


# --- the candidacy, and what has happened ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Candidacy:
    stage: str | None = None
    since: date | None = None
    ladder: str | None = None
    division: str | None = None
    flagged: bool = False


def _stage_of(event: Any) -> str | None:
    match event:
        case CandidateNominated():
            return "nominated"
        case CandidateScreened():
            return event.result
        case CandidateAdmitted():
            return "admitted"
        case CandidateRemoved():
            return "removed"
        case CandidatePlaced():
            return "placed"
        case _:
            return None


def _candidacy(happened: Iterable[Told]) -> _Candidacy:
    found = _Candidacy()
    for each in happened:
        stage = _stage_of(each.event)
        if stage is not None:
            candidacy = each.event.candidacy
            found = _Candidacy(stage, each.on, candidacy.ladder, candidacy.division)
        elif isinstance(each.event, CandidateFlagged):
            found.flagged = each.event.result == "failed"
    return found


def _history(facts: Sequence[KnownFact], happened: Sequence[Told], day: date) -> tuple[Point, ...]:
    """What happened on a day, the latest first: certificates, ratings, inspections, stages of candidacies."""
    points: list[Point] = []
    for span in spans_of_all(_triples(facts)):
        if span.first <= day:
            points.append(Point("certificate", span.state, span.grade, span.first))
    for fact in facts:
        if isinstance(fact.says, RatingResult):
            points.append(Point("rating", fact.says.rating, str(fact.says.year), fact.effective_on))
        elif isinstance(fact.says, InspectionResult):
            points.append(Point("inspection", fact.says.outcome, str(fact.says.year), fact.effective_on))
    for each in happened:
        stage = _stage_of(each.event)
        if stage is not None:
            points.append(Point("pool", stage, each.event.candidacy.ladder, each.on))
    return tuple(sorted(points, key=lambda p: (-p.on.toordinal(), p.lane, p.word, p.label)))


# --- development --------------------------------------------------------------------------------------------------------


def _activities(happened: Iterable[Told]) -> tuple[Item, ...]:
    """Activities of all plans, as they stand. Those still open when their plan is closed are dropped with it."""
    found: dict[tuple[str, str], Item] = {}

    def add(plan: str, activity: Any) -> None:
        item = Item(activity.title, activity.kind, "planned", activity.begins_on, activity.ends_on)
        found[plan, activity.activity] = item

    for each in happened:
        match each.event:
            case PlanAdopted() as event:
                for activity in event.says.activities:
                    add(event.says.plan, activity)
            case PlanActivityAdded() as event:
                add(event.says.plan, event.says.activity)
            case PlanActivityMoved() as event:
                key = (event.says.plan, event.says.activity)
                if key in found:
                    found[key] = _moved(found[key], event.says.status)
            case PlanClosed() as event:
                for key, item in found.items():
                    if key[0] == event.says.plan and item.status in ("planned", "begun"):
                        found[key] = _moved(item, "dropped")
            case _:
                continue
    return _by_day(found.values())


def _moved(item: Item, status: str) -> Item:
    return Item(item.what, item.kind, status, item.on, item.until, item.number)


def _by_day(items: Iterable[Item]) -> tuple[Item, ...]:
    """The latest first."""
    return tuple(sorted(items, key=lambda item: (-item.on.toordinal(), item.what, item.kind)))


def _training(happened: Iterable[Told], courses: Mapping[str, str]) -> tuple[Item, ...]:
    """Results, each as it was told last. number: hours."""
    found: dict[str, Item] = {}
    for each in happened:
        if isinstance(each.event, TrainingReported):
            says, source = each.event.says, each.event.origin.source
            course = f"{source}/{says.course}"
            found[f"{source}/{says.result}"] = Item(
                courses.get(course, course), "training", says.outcome, each.on, number=says.hours
            )
    return _by_day(item for item in found.values() if item.status != "withdrawn")


def _secondments(happened: Iterable[Told]) -> tuple[Item, ...]:
    """kind: whether it carries real duties (挂实职)."""
    found: dict[str, Item] = {}
    for each in happened:
        match each.event:
            case SecondmentStarted() as event:
                says = event.says
                kind = "real_duties" if says.real_duties else "in_name"
                found[says.secondment] = Item(f"{says.unit} {says.post}", kind, "open", each.on, says.ends_on)
            case SecondmentEnded() as event if event.says.secondment in found:
                before = found[event.says.secondment]
                found[event.says.secondment] = Item(before.what, before.kind, event.says.outcome, before.on, each.on)
            case _:
                continue
    return _by_day(found.values())


def _mentoring(happened: Iterable[Told]) -> tuple[Item, ...]:
    """Mentors whom the person has."""
    found: dict[str, Item] = {}
    for each in happened:
        match each.event:
            case MentorAssigned() as event:
                found[event.says.mentorship] = Item(event.says.aim, "mentoring", "open", each.on, event.says.ends_on)
            case MentorshipEnded() as event if event.says.mentorship in found:
                before = found[event.says.mentorship]
                found[event.says.mentorship] = Item(before.what, before.kind, event.says.outcome, before.on, each.on)
            case _:
                continue
    return _by_day(found.values())


# --- conduct ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Conduct:
    honours: tuple[Item, ...] = ()
    sanctions: tuple[Item, ...] = ()
    points: int | None = None


def _conduct(happened: Iterable[Told]) -> _Conduct:
    honours: dict[str, Item] = {}
    sanctions: dict[str, Item] = {}
    points: dict[str, int] = {}
    for each in happened:
        match each.event:
            case HonourAwarded() as event:
                honours[event.entry] = Item(event.title, "honour", event.level, each.on)
            case SanctionImposed() as event:
                sanctions[event.entry] = Item(event.reason, "sanction", event.step, each.on, event.until)
            case SanctionLifted() as event if event.entry in sanctions:
                before = sanctions[event.entry]
                sanctions[event.entry] = Item(before.what, before.kind, before.status, before.on, each.on)
            case PointsRecorded() as event:
                points[event.entry] = event.points
            case ConductWithdrawn() as event:
                for entries in (honours, sanctions, points):
                    entries.pop(event.entry, None)
            case _:
                continue
    total = sum(points.values()) if points else None
    return _Conduct(_by_day(honours.values()), _by_day(sanctions.values()), total)
