"""What the registry decides about one worker. Pure: no clock, no randomness, no I/O.

One stream a person. Reading order: ``worker`` (the state, and what every command carries), ``facts`` (what stands and what
contradicts it), ``certification`` (the five stages), ``file`` (dossier, appeals, personal data), ``merging`` (one person in
two files), ``places`` (units and inspections, which are streams of their own). Here: which command goes where, and ``evolve``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import assert_never

from contracts import intake
from contracts.particulars import Particulars
from contracts.registry import (
    AnnualRatingRecorded,
    CertificateChanged,
    CertificateIssued,
    CertificateRecognised,
    CertificationApplied,
    CertificationConcluded,
    DossierEntryCorrected,
    DossierEntryRecorded,
    EligibilityReviewed,
    EngagementEnded,
    EngagementStarted,
    FactAbsorbed,
    FactCorrected,
    FactWithdrawn,
    FileAbsorbed,
    InspectionConcluded,
    NoticeOpened,
    ObjectionRaised,
    ObjectionResolved,
    PanelReviewed,
    PersonalDataUnmasked,
    PersonErased,
    PersonMerged,
    RatingAppealDecided,
    RatingAppealed,
    RegistrationClosed,
    RegistrationReopened,
    RegistrationTransferred,
    TrainingTested,
    WorkerEvent,
    WorkerRegistered,
)
from eventlog.decider import Decider, Rejected, already
from services.registry.decider.certification import (
    STEPS,
    PassDeadline,
    Step,
    decide_pass_deadline,
    decide_step,
    due_for,
    evolve_application,
)
from services.registry.decider.facts import (
    Correct,
    Record,
    Withdraw,
    decide_correct,
    decide_record,
    decide_withdraw,
    leaves_of,
    standings_of,
)
from services.registry.decider.file import FILE_ACTS, FileAct, Prepared, decide_file_act
from services.registry.decider.merging import Merge, Taken, absorbed_entry, decide_merge, facts_to_take
from services.registry.decider.worker import (
    FACTS_PER_WORKER_MAX,
    MESSAGES_PER_WORKER_MAX,
    Appeal,
    Early,
    Entry,
    Erased,
    Happened,
    Known,
    Merged,
    Open,
    Rules,
    Stamp,
    Worker,
    certificate_spans,
    check_dates,
    order_of,
    place_on,
    reject,
    standing_facts,
    stream_of,
)

__all__ = [
    "FACTS_PER_WORKER_MAX",
    "FILE_ACTS",
    "MESSAGES_PER_WORKER_MAX",
    "STEPS",
    "Act",
    "Command",
    "Correct",
    "Early",
    "Erased",
    "Happened",
    "Known",
    "Merge",
    "Merged",
    "PassDeadline",
    "Prepared",
    "Record",
    "Rules",
    "Stamp",
    "Step",
    "Take",
    "Taken",
    "Withdraw",
    "Worker",
    "certificate_spans",
    "check_dates",
    "decide",
    "decide_merge",
    "decider",
    "due_for",
    "effective_day",
    "evolve",
    "facts_to_take",
    "leaves_of",
    "place_on",
    "replay",
    "standing_facts",
    "standings_of",
    "stream_of",
]


@dataclass(frozen=True, slots=True)
class Take:
    """A step of a certification, as a source reports it."""

    stamp: Stamp
    says: Step


@dataclass(frozen=True, slots=True)
class Act:
    """An act on the rest of the file, as a source reports it. prepared: what the handler has made ready for it."""

    stamp: Stamp
    says: FileAct
    prepared: Prepared = field(default_factory=Prepared)


Command = Record | Correct | Withdraw | Take | Act | PassDeadline


def decide(command: Command, state: Worker, rules: Rules) -> tuple[WorkerEvent, ...]:
    """Return what the command leads to; nothing, if its message led to something here before. Raises Early or Rejected."""
    stamp = command.stamp
    if (stamp.origin.source, stamp.origin.id) in state.heard:
        return ()
    if not isinstance(state.ended, Open):
        if isinstance(state.ended, Erased) and isinstance(command, Act) and isinstance(command.says, intake.PersonErased):
            return already(state.ended == Erased(stamp.effective_on, command.says.reason))
        raise _ended(state.ended)
    check_dates(stamp)
    _check_size(command, state)
    match command:
        case Record():
            return decide_record(command, state, rules)
        case Correct():
            return (decide_correct(command, state, rules),)
        case Withdraw():
            return (decide_withdraw(command, state, rules),)
        case Take():
            return decide_step(stamp, command.says, state, rules)
        case Act():
            return decide_file_act(stamp, command.says, command.prepared, state, rules)
        case PassDeadline():
            return decide_pass_deadline(command, state, rules)
        case _:
            assert_never(command)


def _check_size(command: Command, state: Worker) -> None:
    """A full file takes nothing more from anybody; it can still be erased, and what was begun in it comes to its end."""
    if isinstance(command, PassDeadline) or (isinstance(command, Act) and isinstance(command.says, intake.PersonErased)):
        return
    for found, most, what in (
        (len(state.facts), FACTS_PER_WORKER_MAX, "facts"),
        (len(state.heard), MESSAGES_PER_WORKER_MAX, "messages"),
    ):
        if found >= most:
            raise reject("", f"too-many-{what}", f"a worker's file holds at most {most} {what}", "ask the operator")


def _ended(ended: Merged | Erased) -> Rejected:
    if isinstance(ended, Merged):
        return reject("data.person", "merged", "this file was merged into another", "name the person by their resident ID")
    return reject("data.person", "erased", "this person's data were erased", "ask the registry's operator")


def effective_day(command: Command, event: WorkerEvent, state: Worker) -> date:
    """From when an event that the command led to is true: its own day, but for a certificate that a deadline brings, and for a
    correction after an appeal, which reads as if the result had always been so. state: as it was before."""
    match command:
        case PassDeadline():
            due = due_for(state, command.application, command.stamp.effective_on)
            return command.stamp.effective_on if due is None else due[1]
        case Act() if isinstance(event, FactCorrected):
            return state.facts[event.corrects].effective_on
        case _:
            return command.stamp.effective_on


# --- evolve -----------------------------------------------------------------------------------------------------------


def evolve(state: Worker, happened: Happened) -> Worker:
    """The state after an event. The one before is not changed."""
    copy = Worker(
        dict(state.facts),
        dict(state.standing),
        dict(state.applications),
        dict(state.entries),
        dict(state.appeals),
        dict(state.absorbed),
        set(state.heard),
        state.files,
        state.ended,
    )
    return _apply(copy, happened)


def replay(history: Iterable[Happened]) -> Worker:
    """The state after a whole history: the same as evolving from the first, without a copy a step."""
    state = Worker()
    for happened in history:
        state = _apply(state, happened)
    return state


def _apply(state: Worker, happened: Happened) -> Worker:
    """Put an event into a state that nobody else holds yet."""
    event = happened.event
    state.heard.add((event.fact.source, event.fact.id))
    match event:
        case (
            WorkerRegistered()
            | RegistrationTransferred()
            | RegistrationClosed()
            | RegistrationReopened()
            | EngagementStarted()
            | EngagementEnded()
            | CertificateIssued()
            | CertificateChanged()
            | CertificateRecognised()
            | AnnualRatingRecorded()
            | InspectionConcluded()
            | FactCorrected()
            | FactWithdrawn()
        ):
            state.facts[happened.event_id] = _known(state, happened, event)
        case FactAbsorbed():
            state.facts[happened.event_id] = absorbed_entry(happened, event)
            state.absorbed[event.absorbs] = happened.event_id
        case PersonMerged():
            state = replace(state, ended=Merged(event.into, happened.effective_on, event.reason))
        case PersonErased():
            return replace(state, ended=Erased(happened.effective_on, event.reason))
        case PersonalDataUnmasked():
            return state
        case FileAbsorbed():
            return replace(state, files=(*state.files, *event.files))
        case DossierEntryRecorded() | DossierEntryCorrected():
            state.entries[event.entry] = Entry(happened.event_id, event.section)
            return state
        case RatingAppealed():
            state.appeals[event.appeal] = Appeal(event.year, event.against, happened.effective_on, event.grounds)
            return state
        case RatingAppealDecided():
            state.appeals[event.appeal] = replace(
                state.appeals[event.appeal], decision=(happened.effective_on, event.outcome, event.rating, event.reason)
            )
            return state
        case (
            CertificationApplied()
            | EligibilityReviewed()
            | TrainingTested()
            | PanelReviewed()
            | NoticeOpened()
            | ObjectionRaised()
            | ObjectionResolved()
            | CertificationConcluded()
        ):
            before = state.applications.get(event.application)
            state.applications[event.application] = evolve_application(before, event, happened)
            return state
        case _:
            assert_never(event)
    for standing in event.standings:
        state.standing[standing.slot] = (standing.fact, standing.contradicted_by)
    return state


Amending = (
    WorkerRegistered
    | RegistrationTransferred
    | RegistrationClosed
    | RegistrationReopened
    | EngagementStarted
    | EngagementEnded
    | CertificateIssued
    | CertificateChanged
    | CertificateRecognised
    | AnnualRatingRecorded
    | InspectionConcluded
    | FactCorrected
    | FactWithdrawn
)


def _known(state: Worker, happened: Happened, event: Amending) -> Known:
    """A fact, correction or withdrawal as the file keeps it."""
    says: Particulars | None
    target: str | None
    mark = ""
    match event:
        case FactCorrected():
            says, target = event.particulars, event.corrects
            mark = event.identity.mark if event.identity is not None else state.facts[event.corrects].mark
        case FactWithdrawn():
            says, target = None, event.withdraws
        case WorkerRegistered():
            says, target, mark = event.particulars, None, event.identity.mark
        case _:
            says, target = event.particulars, None
    origin = event.fact
    return Known(
        event_id=happened.event_id,
        order=order_of(origin),
        effective_on=happened.effective_on,
        says=says,
        mark=mark,
        source=origin.source,
        target=target,
        reason=event.reason if isinstance(event, FactCorrected | FactWithdrawn) else "",
    )


def decider(rules: Rules) -> Decider[Command, Happened, Worker]:
    """The registry's decider. Events become ``Happened`` once they have an id; ids are in the command's stamp."""

    def decide_happened(command: Command, state: Worker) -> tuple[Happened, ...]:
        ids = (command.stamp.event_id, *command.stamp.more_ids)
        return tuple(
            Happened(ids[place], effective_day(command, event, state), event)
            for place, event in enumerate(decide(command, state, rules))
        )

    made: Decider[Command, Happened, Worker] = Decider(Worker(), decide_happened, evolve)
    return made
