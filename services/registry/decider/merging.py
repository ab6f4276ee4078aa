"""One person in two files: the duplicate's file ends, its facts go on in the survivor's. Pure.

What stands or contradicts in the duplicate is taken over fact by fact, as it reads now, with the message that first brought it,
so that its source can still correct it. The registration, its transfers and closings stay behind: the survivor has their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from contracts.particulars import Registration, RegistrationStatus, Transfer
from contracts.registry import FactAbsorbed, FactOrigin, FileAbsorbed, PersonMerged, Standing
from services.registry.decider.facts import changed_standings, leaves_of
from services.registry.decider.worker import (
    FACTS_PER_WORKER_MAX,
    Concluded,
    Happened,
    Known,
    Merged,
    Open,
    Stamp,
    Worker,
    order_of,
    reject,
)

__all__ = ["Merge", "Taken", "absorbed_entry", "decide_merge", "facts_to_take"]


@dataclass(frozen=True, slots=True)
class Merge:
    """stamp: of the duplicate's file. The first event's id is the stamp's; ``more_ids`` has one for the survivor's
    file, and one for each fact taken over."""

    stamp: Stamp
    survivor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A fact for the survivor's file, on its own effective day."""

    event_id: str
    effective_on: date
    event: FactAbsorbed


def facts_to_take(duplicate: Worker) -> list[tuple[Known, Known]]:
    """(the fact as it came first, as it reads now) of everything that goes on."""
    leaves = leaves_of(duplicate.facts)
    found = []
    for known in duplicate.facts.values():
        leaf = leaves[known.event_id]
        if known.target is None and leaf is not None and leaf.says is not None:
            if isinstance(leaf.says, Registration | Transfer | RegistrationStatus):
                continue
            found.append((known, leaf))
    return found


def decide_merge(command: Merge, duplicate: Worker, survivor: Worker) -> tuple[PersonMerged, FileAbsorbed, tuple[Taken, ...]]:
    """The end of the duplicate's file; for the survivor's, that it ended there, and the facts taken over. Raises Rejected."""
    stamp, goes_on = command.stamp, facts_to_take(duplicate)
    _check_merge(command, duplicate, survivor, len(goes_on))
    merged = PersonMerged(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        standings=tuple(Standing(slot=slot, fact=None) for slot in sorted(duplicate.standing)),
        into=command.survivor,
        reason=command.reason,
    )
    absorbed = FileAbsorbed(
        person_ref=command.survivor,
        fact=stamp.origin,
        files=(stamp.person_ref, *duplicate.files),
        reason=command.reason,
    )
    taken = []
    state = Worker(dict(survivor.facts), dict(survivor.standing))
    for event_id, (first, now) in zip(stamp.more_ids[1:], goes_on, strict=True):
        event, known = _taken(event_id, first, now, command, stamp.person_ref, state)
        state.facts[event_id] = known
        for standing in event.standings:
            state.standing[standing.slot] = (standing.fact, standing.contradicted_by)
        taken.append(Taken(event_id, now.effective_on, event))
    return merged, absorbed, tuple(taken)


def _check_merge(command: Merge, duplicate: Worker, survivor: Worker, facts: int) -> None:
    """Two open files, and nothing running in the one that ends: its later steps would find nothing in the other."""
    if command.survivor == command.stamp.person_ref:
        raise reject("data.survivor", "same-person", "this is one file already", "name two different ones")
    for name, ended in (("data.person", duplicate.ended), ("data.survivor", survivor.ended)):
        if not isinstance(ended, Open):
            done = "merged already" if isinstance(ended, Merged) else "erased"
            raise reject(name, "file-ended", f"this file was {done}", "name a file that is open")
    for application in duplicate.applications.values():
        if not isinstance(application.at, Concluded):
            what = f"application {application.name} of the duplicate is open"
            raise reject("data.person", "application-open", what, "conclude or withdraw it first")
    for key, appeal in duplicate.appeals.items():
        if not appeal.decided:
            raise reject("data.person", "appeal-open", f"appeal {key} of the duplicate is open", "decide it first")
    if len(survivor.facts) + facts > FACTS_PER_WORKER_MAX:
        what = f"the surviving file would hold more than {FACTS_PER_WORKER_MAX} facts"
        raise reject("data.survivor", "too-many-facts", what, "ask the operator")


def _taken(
    event_id: str, first: Known, now: Known, command: Merge, duplicate_ref: str, survivor: Worker
) -> tuple[FactAbsorbed, Known]:
    assert now.says is not None
    authority, at, _, _ = now.order
    _, _, source, message_id = first.order
    origin = FactOrigin(source=source, id=message_id, occurred_at=at, authority=authority)
    known = Known(event_id, order_of(origin), now.effective_on, now.says, "", source, None)
    event = FactAbsorbed(
        person_ref=command.survivor,
        fact=origin,
        standings=changed_standings(survivor, known),
        absorbed_from=duplicate_ref,
        absorbs=first.event_id,
        particulars=now.says,
    )
    return event, known


def absorbed_entry(happened: Happened, event: FactAbsorbed) -> Known:
    """The fact in the survivor's file."""
    origin = event.fact
    return Known(happened.event_id, order_of(origin), happened.effective_on, event.particulars, "", origin.source, None)
