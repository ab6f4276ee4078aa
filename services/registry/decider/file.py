"""The rest of a person's file: dossier entries, appeals against ratings, and acts on personal data. Pure.

An entry is corrected by a whole new version; what it read before stays recorded. An appeal that is upheld corrects the rating
that it was made against. Erasing ends the file: nothing can be recorded in it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from contracts import intake
from contracts.particulars import RatingResult
from contracts.registry import (
    Attachment,
    DossierEntryCorrected,
    DossierEntryRecorded,
    EncryptedFields,
    PersonalDataUnmasked,
    PersonErased,
    RatingAppealDecided,
    RatingAppealed,
    WorkerEvent,
)
from services.registry.decider.facts import Correct, decide_correct
from services.registry.decider.worker import Appeal, Early, Entry, Rules, Stamp, Worker, not_before, reject

__all__ = ["ENTRIES_MAX", "FILE_ACTS", "FileAct", "Prepared", "decide_file_act"]

ENTRIES_MAX = 1_000
"""Dossier entries of one person."""

FileAct = (
    intake.DossierEntryRecorded
    | intake.DossierEntryCorrected
    | intake.RatingAppealed
    | intake.RatingAppealDecided
    | intake.PersonalDataUnmasked
    | intake.PersonErased
)
FILE_ACTS = (
    intake.DossierEntryRecorded,
    intake.DossierEntryCorrected,
    intake.RatingAppealed,
    intake.RatingAppealDecided,
    intake.PersonalDataUnmasked,
    intake.PersonErased,
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the handler has made ready: the encrypted content of an entry, and the entries of files that were merged into this
    one, by name; for an erasure, how much there is to delete. same: the entry is on file in these very words, of this day."""

    content: EncryptedFields | None = None
    merged_entries: Mapping[str, Entry] = field(default_factory=dict)
    keys: int = 0
    index_entries: int = 0
    same: bool = False


Events = tuple[WorkerEvent, ...]


def decide_file_act(stamp: Stamp, says: FileAct, prepared: Prepared, state: Worker, rules: Rules) -> Events:
    """Raises Early, Rejected."""
    match says:
        case intake.DossierEntryRecorded():
            return decide_entry(stamp, says, prepared, state)
        case intake.DossierEntryCorrected():
            return decide_entry_corrected(stamp, says, prepared, state)
        case intake.RatingAppealed():
            return decide_appealed(stamp, says, state)
        case intake.RatingAppealDecided():
            return decide_appeal_decided(stamp, says, state, rules)
        case intake.PersonalDataUnmasked():
            return (
                PersonalDataUnmasked(
                    person_ref=stamp.person_ref, fact=stamp.origin, fields=says.fields, by=says.by, reason=says.reason
                ),
            )
        case intake.PersonErased():
            return (
                PersonErased(
                    person_ref=stamp.person_ref,
                    fact=stamp.origin,
                    by=says.by,
                    reason=says.reason,
                    keys=prepared.keys,
                    index_entries=prepared.index_entries,
                    files=state.files,
                ),
            )
        case _:
            assert_never(says)


# --- dossier ----------------------------------------------------------------------------------------------------------


def decide_entry(stamp: Stamp, says: intake.DossierEntryRecorded, prepared: Prepared, state: Worker) -> Events:
    assert prepared.content is not None
    name = f"{stamp.origin.source}/{says.entry}"
    if prepared.same:
        return ()
    if name in state.entries or name in prepared.merged_entries:
        raise reject("data.entry", "entry-known", "this key names an earlier entry", "correct that one, or give a new key")
    if len(state.entries) >= ENTRIES_MAX:
        raise reject("data.entry", "too-many", f"a dossier holds at most {ENTRIES_MAX} entries", "ask the operator")
    return (
        DossierEntryRecorded(
            person_ref=stamp.person_ref,
            fact=stamp.origin,
            entry=name,
            section=says.section,
            content=prepared.content,
            attachments=_attachments(says),
        ),
    )


def decide_entry_corrected(stamp: Stamp, says: intake.DossierEntryCorrected, prepared: Prepared, state: Worker) -> Events:
    assert prepared.content is not None
    name = f"{says.entry_source or stamp.origin.source}/{says.entry}"
    known = state.entries.get(name) or prepared.merged_entries.get(name)
    if prepared.same:
        return ()
    if known is None:
        raise Early(f"entry:{stamp.person_ref}/{name}", f"dossier entry {says.entry}")
    return (
        DossierEntryCorrected(
            person_ref=stamp.person_ref,
            fact=stamp.origin,
            entry=name,
            section=says.section,
            corrects=known.event_id,
            content=prepared.content,
            attachments=_attachments(says),
            reason=says.reason,
        ),
    )


def _attachments(says: intake.DossierEntryRecorded | intake.DossierEntryCorrected) -> tuple[Attachment, ...]:
    return tuple(Attachment(sha256=a.sha256, media_type=a.media_type, size=a.size) for a in says.attachments)


# --- appeals against ratings ------------------------------------------------------------------------------------------


def decide_appealed(stamp: Stamp, says: intake.RatingAppealed, state: Worker) -> Events:
    name = f"{stamp.origin.source}/{says.appeal}"
    known = state.appeals.get(name)
    if known is not None:
        if (known.year, known.on, known.grounds) == (says.year, stamp.effective_on, says.grounds):
            return ()
        raise reject("data.appeal", "appeal-known", "this key names an earlier appeal", "give a new key")
    against = state.standing.get(f"rating/{says.year}", (None, ()))[0]
    if against is None:
        raise Early(f"rating:{stamp.person_ref}/{says.year}", f"the rating for {says.year}")
    not_before(stamp, state.facts[against].effective_on, "the rating")
    if any(appeal.year == says.year and not appeal.decided for appeal in state.appeals.values()):
        raise reject("data.year", "appeal-open", f"an appeal against the rating for {says.year} is open", "decide it first")
    return (
        RatingAppealed(
            person_ref=stamp.person_ref, fact=stamp.origin, appeal=name, year=says.year, against=against, grounds=says.grounds
        ),
    )


def decide_appeal_decided(stamp: Stamp, says: intake.RatingAppealDecided, state: Worker, rules: Rules) -> Events:
    name = f"{says.appeal_source or stamp.origin.source}/{says.appeal}"
    appeal = state.appeals.get(name)
    if appeal is None:
        raise Early(f"appeal:{stamp.person_ref}/{name}", f"appeal {says.appeal}")
    if appeal.decided:
        if appeal.decision == (stamp.effective_on, says.outcome, says.rating, says.reason):
            return ()
        raise reject("data.appeal", "already-decided", "this appeal was decided", "correct the rating if it is still wrong")
    not_before(stamp, appeal.on, "the appeal")
    decided = RatingAppealDecided(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        appeal=name,
        year=appeal.year,
        outcome=says.outcome,
        rating=says.rating,
        reason=says.reason,
    )
    if says.rating is None:
        return (decided,)
    return decided, _corrected(stamp, appeal, says.rating, says.reason, state, rules)


def _corrected(stamp: Stamp, appeal: Appeal, rating: str, reason: str, state: Worker, rules: Rules) -> WorkerEvent:
    """The correction of what stands now: it may have been corrected since the appeal was made."""
    stands = state.standing.get(f"rating/{appeal.year}", (None, ()))[0]
    target = appeal.against if stands is None else stands
    # The result's own day stays: the year is judged as if it had always read so.
    own = replace(stamp, event_id=stamp.more_ids[0], effective_on=state.facts[target].effective_on)
    return decide_correct(Correct(own, target, RatingResult(year=appeal.year, rating=rating), reason), state, rules)
