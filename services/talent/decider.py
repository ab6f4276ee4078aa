"""What talent knows of one person, and what a fact, a report or an act does to it. Pure: no clock, no randomness, no I/O.

One stream a person: the registry's facts as they were heard, the profiles, and the candidacy with its stages, nominated →
screened → admitted → placed or removed; none can be skipped. What develops the person (plans, training, …) stands in
``services.talent.development``. The file is read top-down: the state, the commands, what is refused, decide, evolve.

A screening records its result, passed or failed: failing is an answer, not a mistake. From then on each heard fact has the
criteria looked at again (``_review``); if they fail now, or pass again, an event says so. A closed registration fails, whatever
the standard asks. The review depends on the facts that stand only, so any order of the same facts ends in the same flag. A
transfer leaves a candidacy in the pool in which it began; a recognition says nothing about a candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, assert_never

from contracts.base import Category, EntryChannel
from contracts.development import PersonDevelopmentEvent
from contracts.divisions import in_force
from contracts.hearing import Hear, check_told
from contracts.registration_life import division_on
from contracts.standard import Ladder, QualificationStandard
from contracts.talent import (
    Candidacy,
    CandidateAdmitted,
    CandidateFlagged,
    CandidateNominated,
    CandidatePlaced,
    CandidateProfiled,
    CandidateRemoved,
    CandidateScreened,
    CriterionResult,
    FactHeard,
    NominatedBy,
    Profile,
    RemovalReason,
    StandardCited,
)
from eventlog.canonical import digest
from eventlog.decider import Decider, Rejected, already
from services.talent.acts import Stamp, check_dates, reject
from services.talent.development import Develop, Development, Known, PolicyKnown, decide_development, evolve_development
from services.talent.development import needs_of as needs_of_development
from services.talent.screening import KnownFact, KnownProfile, passed, registration, screen

__all__ = [
    "Admit",
    "Around",
    "Command",
    "Develop",
    "Happened",
    "Hear",
    "Member",
    "Nominate",
    "Place",
    "Profiled",
    "Remove",
    "Screen",
    "Stamp",
    "StandardKnown",
    "decide",
    "decider",
    "engagement_of",
    "evolve",
    "known_of",
    "needs",
    "replay",
    "seat_of",
    "standing_facts",
    "stream_of",
]

PROFILES_MAX = 1_000

PersonEvent = (
    FactHeard
    | CandidateNominated
    | CandidateProfiled
    | CandidateScreened
    | CandidateAdmitted
    | CandidateFlagged
    | CandidateRemoved
    | CandidatePlaced
    | PersonDevelopmentEvent
)


def stream_of(person_ref: str) -> str:
    return f"worker-{person_ref}"


# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotNominated:
    """There never was a candidacy."""


@dataclass(frozen=True, slots=True)
class Nominated:
    on: date
    nominated_by: NominatedBy
    candidacy: Candidacy

    @property
    def nominated_on(self) -> date:
        return self.on


@dataclass(frozen=True, slots=True)
class Screened:
    """result and digest: of the last screening. flag: digest of the review that fails; None: nothing speaks against it."""

    on: date
    nominated_on: date
    nominated_by: NominatedBy
    candidacy: Candidacy
    result: Literal["passed", "failed"]
    standard: StandardCited
    digest: str
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """screened_on: the day of the screening that was passed; the review goes on from it."""

    on: date
    nominated_on: date
    nominated_by: NominatedBy
    candidacy: Candidacy
    standard: StandardCited
    screened_on: date
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    on: date
    candidacy: Candidacy
    reason: RemovalReason


@dataclass(frozen=True, slots=True)
class Placed:
    on: date
    candidacy: Candidacy
    event: CandidatePlaced


Stage = NotNominated | Nominated | Screened | Admitted | Removed | Placed


@dataclass(frozen=True, slots=True)
class Member:
    """A person. facts: by registry event id; standing: slot → the fact that stands; heard: registry events taken in.

    screening: event, day and criteria of the last one.
    """

    facts: dict[str, KnownFact] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    profiles: tuple[KnownProfile, ...] = ()
    stage: Stage = NotNominated()
    screening: tuple[str, date, tuple[CriterionResult, ...]] | None = None
    development: Development = field(default_factory=Development)


def standing_facts(state: Member) -> tuple[KnownFact, ...]:
    """The facts that stand, each once."""
    return tuple(state.facts[fact] for fact in dict.fromkeys(state.standing.values()))


def seat_of(state: Member) -> tuple[str, str] | None:
    """(division, ladder) of the seat that the person takes; None: no seat."""
    stage = state.stage
    return (stage.candidacy.division, stage.candidacy.ladder) if isinstance(stage, Admitted) else None


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Nominate:
    stamp: Stamp
    division: str
    nominated_by: NominatedBy
    ladder: str
    pool: str


@dataclass(frozen=True, slots=True)
class Profiled:
    stamp: Stamp
    profile: Profile


@dataclass(frozen=True, slots=True)
class Screen:
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Admit:
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Remove:
    stamp: Stamp
    reason: RemovalReason


@dataclass(frozen=True, slots=True)
class Place:
    stamp: Stamp
    category: Category
    unit: str
    post: str
    full_time: bool
    entry_channel: EntryChannel | None


Act = Nominate | Profiled | Screen | Admit | Remove | Place | Develop
Command = Hear | Act


@dataclass(frozen=True, slots=True)
class StandardKnown:
    """event_id: of the event that published it."""

    event_id: str
    document: QualificationStandard

    @property
    def cited(self) -> StandardCited:
        return StandardCited(event=self.event_id, document=self.document.document, revision=self.document.revision)


@dataclass(frozen=True, slots=True)
class Around:
    """What a decision needs beside the person. standards: in the order of publication. taken: seats of the candidate's ladder
    in their division that are taken by others. policies: of development, in the order of publication. mentor: the facts that
    stand of the mentor whom a mentorship names."""

    standards: tuple[StandardKnown, ...] = ()
    taken: int = 0
    policies: tuple[PolicyKnown, ...] = ()
    mentor: tuple[KnownFact, ...] = ()

    def in_force(self, division: str, day: date) -> StandardKnown | None:
        found = in_force(((s.event_id, s.document) for s in self.standards), division, day)
        return None if found is None else StandardKnown(*found)

    def published(self, event_id: str) -> StandardKnown:
        return next(standard for standard in self.standards if standard.event_id == event_id)


# --- what is refused --------------------------------------------------------------------------------------------------


def _skipped(wanted: str, now: str, remedy: str) -> Rejected:
    return reject("type", "stage-skipped", f"the person is {now}, {wanted} comes later", remedy)


def _closed(now: str) -> Rejected:
    return reject("type", "not-a-candidate", f"the candidacy has ended: the person was {now}", "nominate the person again")


def _not_before(stamp: Stamp, on: date) -> None:
    if stamp.on < on:
        raise reject(
            "effectiveon", "before-the-stage-before", f"the stage before was reached on {on}", "give a day not before that"
        )


def needs(command: Act, state: Member) -> str | None:
    """What has to come first: a fact of the registry about the person; for a profile, a nomination; for a step of development,
    what it goes on with (as ``development.opened_by`` names it). None: nothing."""
    if not state.heard:
        return "person"
    if isinstance(command, Profiled) and isinstance(state.stage, NotNominated):
        return "nomination"
    if isinstance(command, Develop):
        return needs_of_development(command.says, state.development, known_of(state, Around(), command.stamp.on))
    return None


def known_of(state: Member, around: Around, day: date) -> Known:
    """What a decision about development needs beside its state. The division is the candidacy's, else the registration's."""
    stage = state.stage
    candidate = isinstance(stage, Screened | Admitted | Placed)
    facts = standing_facts(state)
    found = division_on([(fact.event_id, fact.effective_on, fact.says) for fact in facts], day)
    division = stage.candidacy.division if isinstance(stage, Screened | Admitted) else None if found is None else found[0]
    standing = {slot: state.facts[fact] for slot, fact in state.standing.items()}
    return Known(candidate, division, standing, state.screening, around.policies, around.mentor)


# --- decide -----------------------------------------------------------------------------------------------------------


def decide(command: Command, state: Member, around: Around) -> tuple[PersonEvent, ...]:
    """Return what the command leads to. Raises Rejected. An act that was done already leads to nothing."""
    if not isinstance(command, Hear):
        check_dates(command.stamp)
    match command:
        case Hear():
            return decide_hear(command, state, around)
        case Nominate():
            return decide_nominate(command, state)
        case Profiled():
            return decide_profiled(command, state)
        case Screen():
            return decide_screen(command, state, around)
        case Admit():
            return decide_admit(command, state, around)
        case Remove():
            return decide_remove(command, state)
        case Place():
            return decide_place(command, state)
        case Develop():
            return decide_development(command, state.development, known_of(state, around, command.stamp.on))
        case _:
            assert_never(command)


def decide_hear(command: Hear, state: Member, around: Around) -> tuple[PersonEvent, ...]:
    """The fact as heard, once, and what it means for a candidate."""
    if command.heard in state.heard:
        return ()
    check_told(command, state.facts)
    heard = FactHeard(
        person_ref=command.person_ref,
        heard=command.heard,
        heard_type=command.heard_type,
        position=command.position,
        origin=command.origin,
        particulars=command.particulars,
        standings=command.standings,
    )
    if not isinstance(state.stage, Screened | Admitted):
        return (heard,)
    after = evolve(state, Happened("", command.effective_on, heard))
    return (heard, *_review(command.person_ref, after, command.heard, around))


def decide_nominate(command: Nominate, state: Member) -> tuple[PersonEvent, ...]:
    stamp, stage = command.stamp, state.stage
    match stage:
        case NotNominated():
            pass
        case Removed() | Placed():
            _not_before(stamp, stage.on)
        case Nominated() | Screened() | Admitted():
            known = stage.candidacy
            same = (known.division, known.ladder, known.pool, stage.nominated_by)
            if same == (command.division, command.ladder, command.pool, command.nominated_by):
                return already(stage.nominated_on == stamp.on)
            raise reject(
                "data.person",
                "already-a-candidate",
                f"the person is a candidate of pool {known.pool}",
                "remove them there first",
            )
        case _:
            assert_never(stage)
    candidacy = Candidacy(nomination=stamp.event_id, division=command.division, ladder=command.ladder, pool=command.pool)
    return (
        CandidateNominated(
            person_ref=stamp.person_ref, origin=stamp.origin, candidacy=candidacy, nominated_by=command.nominated_by
        ),
    )


def decide_profiled(command: Profiled, state: Member) -> tuple[PersonEvent, ...]:
    stamp, stage = command.stamp, state.stage
    match stage:
        case Nominated() | Screened() | Admitted():
            pass
        case NotNominated():
            raise _skipped("a profile", "not nominated", "nominate the person first")
        case Removed():
            raise _closed("removed")
        case Placed():
            raise _closed("placed")
        case _:
            assert_never(stage)
    if any(known.profile == command.profile and known.effective_on == stamp.on for known in state.profiles):
        return ()
    if len(state.profiles) >= PROFILES_MAX:
        raise reject("data", "too-many", f"there are {PROFILES_MAX} profiles of this person", "report only what changes")
    return (CandidateProfiled(person_ref=stamp.person_ref, origin=stamp.origin, profile=command.profile),)


def decide_screen(command: Screen, state: Member, around: Around) -> tuple[PersonEvent, ...]:
    """Judge by the standard in force. Asked again, an answer is recorded only if day, standard or a criterion differs."""
    stamp, stage = command.stamp, state.stage
    match stage:
        case Nominated() | Screened():
            pass
        case NotNominated():
            raise _skipped("a screening", "not nominated", "nominate the person first")
        case Admitted():
            raise reject("type", "already-admitted", "the person was screened and admitted", "nothing is to be done")
        case Removed():
            raise _closed("removed")
        case Placed():
            raise _closed("placed")
        case _:
            assert_never(stage)
    _not_before(stamp, stage.on)
    standard = _standard_for(stage.candidacy, stamp.on, around)
    _ladder_of(standard, stage.candidacy)
    criteria = screen(standard.document, state.profiles, standing_facts(state), stamp.on)
    mark = digest([stamp.on.isoformat(), standard.event_id, [criterion.payload() for criterion in criteria]])
    if isinstance(stage, Screened) and stage.digest == mark:
        return ()
    screened = CandidateScreened(
        person_ref=stamp.person_ref,
        origin=stamp.origin,
        candidacy=stage.candidacy,
        result="passed" if passed(criteria) else "failed",
        standard=standard.cited,
        criteria=criteria,
        digest=mark,
    )
    after = evolve(state, Happened(stamp.event_id, stamp.on, screened))
    return (screened, *_review(stamp.person_ref, after, stamp.event_id, around))


def _standard_for(candidacy: Candidacy, day: date, around: Around) -> StandardKnown:
    found = around.in_force(candidacy.division, day)
    if found is None:
        raise reject(
            "effectiveon",
            "no-standard",
            f"no standard is in force for {candidacy.division} on {day}",
            "ask the office that publishes standards, or give a later day",
        )
    return found


def _ladder_of(standard: StandardKnown, candidacy: Candidacy) -> Ladder:
    for ladder in standard.document.ladders:
        if ladder.name == candidacy.ladder:
            return ladder
    known = ", ".join(ladder.name for ladder in standard.document.ladders)
    raise reject(
        "data.person",
        "unknown-ladder",
        f"standard {standard.document.document} has no ladder {candidacy.ladder}; it has {known}",
        "remove the candidate and nominate them for one of these",
    )


def decide_admit(command: Admit, state: Member, around: Around) -> tuple[PersonEvent, ...]:
    stamp, stage = command.stamp, state.stage
    match stage:
        case Screened():
            pass
        case Admitted():
            return already(stage.on == stamp.on)
        case NotNominated():
            raise _skipped("the admission", "not nominated", "nominate the person, and have them screened")
        case Nominated():
            raise _skipped("the admission", "nominated only", "have the person screened first")
        case Removed():
            raise _closed("removed")
        case Placed():
            raise _closed("placed")
        case _:
            assert_never(stage)
    _not_before(stamp, stage.on)
    if stage.result != "passed":
        raise reject(
            "data.person", "screening-failed", "the last screening was not passed", "report new particulars, and screen again"
        )
    if stage.flag is not None:
        raise _flagged()
    standard = _standard_for(stage.candidacy, stamp.on, around)
    if standard.event_id != stage.standard.event:
        raise reject(
            "data.person",
            "screened-by-another-standard",
            f"standard {standard.document.document} revision {standard.document.revision} is in force, not the one screened by",
            "screen the person again",
        )
    quota = _ladder_of(standard, stage.candidacy).quota
    if quota is not None and around.taken >= quota:
        raise reject(
            "data.person",
            "quota-full",
            f"ladder {stage.candidacy.ladder} of {stage.candidacy.division} has {quota} seats, all taken",
            "wait until one is free, or publish a standard with more",
        )
    return (
        CandidateAdmitted(
            person_ref=stamp.person_ref,
            origin=stamp.origin,
            candidacy=stage.candidacy,
            standard=standard.cited,
            quota=quota,
            taken=around.taken + 1,
        ),
    )


def _flagged() -> Rejected:
    return reject(
        "data.person",
        "flagged",
        "by the registry's facts of today the person does not pass the standard any more",
        "see `hongling talent show`; settle the facts, or remove the candidate",
    )


def decide_remove(command: Remove, state: Member) -> tuple[PersonEvent, ...]:
    stamp, stage = command.stamp, state.stage
    match stage:
        case Nominated() | Screened() | Admitted():
            _not_before(stamp, stage.on)
        case Removed():
            return already((stage.on, stage.reason) == (stamp.on, command.reason))
        case NotNominated():
            raise _skipped("a removal", "not nominated", "nothing is to be done")
        case Placed():
            raise _closed("placed")
        case _:
            assert_never(stage)
    return (
        CandidateRemoved(person_ref=stamp.person_ref, origin=stamp.origin, candidacy=stage.candidacy, reason=command.reason),
    )


def engagement_of(event_id: str) -> str:
    """The key of the engagement that a placement begins."""
    return f"talent-{event_id}"


def decide_place(command: Place, state: Member) -> tuple[PersonEvent, ...]:
    stamp, stage = command.stamp, state.stage
    match stage:
        case Admitted():
            _not_before(stamp, stage.on)
        case Placed():
            known = stage.event
            same = (stage.on, known.category, known.unit, known.post, known.full_time, known.entry_channel)
            if same == (stamp.on, command.category, command.unit, command.post, command.full_time, command.entry_channel):
                return ()
            raise reject("data.person", "already-placed", f"the person was placed on {stage.on}", "nominate them again")
        case NotNominated():
            raise _skipped("a placement", "not nominated", "nominate, screen and admit the person first")
        case Nominated():
            raise _skipped("a placement", "nominated only", "screen and admit the person first")
        case Screened():
            raise _skipped("a placement", "screened only", "admit the person first")
        case Removed():
            raise _closed("removed")
        case _:
            assert_never(stage)
    if stage.flag is not None:
        raise _flagged()
    return (
        CandidatePlaced(
            person_ref=stamp.person_ref,
            origin=stamp.origin,
            candidacy=stage.candidacy,
            engagement=engagement_of(stamp.event_id),
            category=command.category,
            unit=command.unit,
            post=command.post,
            full_time=command.full_time,
            entry_channel=command.entry_channel,
        ),
    )


def _review(person_ref: str, state: Member, because: str, around: Around) -> tuple[PersonEvent, ...]:
    """Look at a passed screening's criteria again, and at the registration, on the day of the latest fact that stands."""
    stage = state.stage
    match stage:
        case Screened(result="passed"):
            since = stage.on
        case Admitted():
            since = stage.screened_on
        case NotNominated() | Nominated() | Screened() | Removed() | Placed():
            return ()
        case _:
            assert_never(stage)
    facts = standing_facts(state)
    day = max([since, *(fact.effective_on for fact in facts)])
    standard = around.published(stage.standard.event)
    criteria = (*_registry_only(screen(standard.document, state.profiles, facts, day)), *registration(facts, day))
    failing = not passed(criteria)
    mark = digest([day.isoformat(), [criterion.payload() for criterion in criteria]])
    if mark == stage.flag or (not failing and stage.flag is None):
        return ()
    return (
        CandidateFlagged(
            person_ref=person_ref,
            candidacy=stage.candidacy,
            result="failed" if failing else "passed",
            standard=stage.standard,
            screened_on=day,
            criteria=criteria,
            because=because,
            digest=mark,
        ),
    )


REGISTRY_CRITERIA = frozenset({"certificate", "ratings", "inspections"})
"""What the registry's facts speak to. Age and the other particulars are a matter of the next screening."""


def _registry_only(criteria: Iterable[CriterionResult]) -> tuple[CriterionResult, ...]:
    return tuple(criterion for criterion in criteria if criterion.name in REGISTRY_CRITERIA)


# --- evolve -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Happened:
    """A recorded event with what the row adds to it."""

    event_id: str
    effective_on: date
    event: PersonEvent


def evolve(state: Member, happened: Happened) -> Member:
    """The state after an event. The one before is not changed."""
    match happened.event:
        case FactHeard() as event:
            facts, standing = dict(state.facts), dict(state.standing)
            if event.particulars is not None:
                facts[event.heard] = KnownFact(event.heard, happened.effective_on, event.particulars)
            for change in event.standings:
                if change.fact is None:
                    standing.pop(change.slot, None)
                else:
                    standing[change.slot] = change.fact
            return replace(state, facts=facts, standing=standing, heard={*state.heard, event.heard})
        case CandidateProfiled() as event:
            origin = event.origin
            order = (origin.occurred_at.isoformat(), origin.source, origin.id)
            known = KnownProfile(happened.event_id, happened.effective_on, order, event.profile)
            return replace(state, profiles=(*state.profiles, known))
        case CandidateScreened() as event:
            screening = (happened.event_id, happened.effective_on, event.criteria)
            return replace(state, stage=_stage_after(state.stage, event, happened.effective_on), screening=screening)
        case (
            CandidateNominated() | CandidateAdmitted() | CandidateFlagged() | CandidateRemoved() | CandidatePlaced()
        ) as event:
            return replace(state, stage=_stage_after(state.stage, event, happened.effective_on))
        case event:
            return replace(state, development=evolve_development(state.development, event, happened.effective_on))


_Staged = CandidateNominated | CandidateScreened | CandidateAdmitted | CandidateFlagged | CandidateRemoved | CandidatePlaced


def _stage_after(stage: Stage, event: _Staged, on: date) -> Stage:
    match event:
        case CandidateNominated():
            return Nominated(on, event.nominated_by, event.candidacy)
        case CandidateScreened():
            assert isinstance(stage, Nominated | Screened)
            begun = (stage.nominated_on, stage.nominated_by)
            return Screened(on, *begun, event.candidacy, event.result, event.standard, event.digest)
        case CandidateAdmitted():
            assert isinstance(stage, Screened)
            return Admitted(on, stage.nominated_on, stage.nominated_by, event.candidacy, event.standard, stage.on)
        case CandidateFlagged():
            assert isinstance(stage, Screened | Admitted)
            return replace(stage, flag=event.digest if event.result == "failed" else None)
        case CandidateRemoved():
            return Removed(on, event.candidacy, event.reason)
        case CandidatePlaced():
            return Placed(on, event.candidacy, event)
        case _:
            assert_never(event)


def replay(history: Iterable[Happened]) -> Member:
    """The state after a whole history."""
    state = Member()
    for happened in history:
        state = evolve(state, happened)
    return state


def decider(around: Around, event_ids: Sequence[str] = ()) -> Decider[Command, Happened, Member]:
    """Talent's decider. The first event of an act has the stamp's id, a further one the next of ``event_ids``."""

    def decide_happened(command: Command, state: Member) -> tuple[Happened, ...]:
        events = decide(command, state, around)
        if isinstance(command, Hear):
            first, on = command.heard, command.effective_on
        else:
            first, on = command.stamp.event_id, command.stamp.on
        ids = [first, *event_ids]
        return tuple(Happened(ids[min(n, len(ids) - 1)], on, event) for n, event in enumerate(events))

    made: Decider[Command, Happened, Member] = Decider(Member(), decide_happened, evolve)
    return made
