"""Members of the pool with all that is known of them, read from the log: to match a vacancy to, and to make a profile of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import cast

from sqlalchemy import Connection, select

from contracts.standard import Words
from contracts.talent import StandardPublished
from eventlog.log import Log, Recorded
from services.talent.decider import (
    Admitted,
    Around,
    Happened,
    Member,
    PersonEvent,
    StandardKnown,
    replay,
    standing_facts,
    stream_of,
)
from services.talent.handlers import STANDARDS
from services.talent.matching import Asked, Candidate
from services.talent.staffing_views import VacancyRow
from services.talent.views import below, pool_member

__all__ = ["admitted_refs", "asked_of", "candidate_of", "candidates", "histories_of", "member_of", "standards_known"]

MEMBERS_OF_READING = 500


def standards_known(log: Log, connection: Connection, position: int | None = None) -> tuple[StandardKnown, ...]:
    """The standards in the order of publication. position: as far as was known at it; None: now."""
    return tuple(
        StandardKnown(recorded.event_id, recorded.event.document)
        for recorded in log.load(connection, [STANDARDS])[STANDARDS]
        if isinstance(recorded.event, StandardPublished) and (position is None or recorded.position <= position)
    )


def asked_of(vacancy: VacancyRow, standards: tuple[StandardKnown, ...], day: date) -> Asked:
    """What a vacancy asks for, in the words of the standard that is in force in its division on the day."""
    found = Around(standards).in_force(vacancy.division, day)
    return Asked(vacancy.hard, vacancy.soft, Words() if found is None else found.document.words)


def admitted_refs(connection: Connection, division: str, ladder: str | None = None) -> list[str]:
    """Members of the pool of a division and all below it, by person_ref."""
    table = pool_member
    chosen = [table.c.division.startswith(below(division), autoescape=True), table.c.stage == "admitted"]
    if ladder is not None:
        chosen.append(table.c.ladder == ladder)
    return list(connection.scalars(select(table.c.person_ref).where(*chosen).order_by(table.c.person_ref)))


def histories_of(
    log: Log, connection: Connection, refs: Collection[str], position: int | None = None
) -> Iterable[tuple[str, list[Recorded]]]:
    """Each person's events, as far as was known at a position; some people at a time, so that memory stays small."""
    ordered = sorted(refs)
    for start in range(0, len(ordered), MEMBERS_OF_READING):
        chunk = ordered[start : start + MEMBERS_OF_READING]
        loaded = log.load(connection, [stream_of(ref) for ref in chunk])
        for ref in chunk:
            yield ref, [e for e in loaded[stream_of(ref)] if position is None or e.position <= position]


def member_of(events: Iterable[Recorded]) -> Member:
    """What these events come to."""
    return replay(Happened(e.event_id, date.fromisoformat(e.effective_on), cast(PersonEvent, e.event)) for e in events)


def candidate_of(ref: str, state: Member) -> Candidate | None:
    """None: the person is no member of the pool."""
    stage = state.stage
    if not isinstance(stage, Admitted):
        return None
    return Candidate(ref, stage.on, state.profiles, standing_facts(state), flagged=stage.flag is not None)


def candidates(log: Log, connection: Connection, refs: Collection[str], position: int | None = None) -> list[Candidate]:
    """Those of these people who are members."""
    made = (candidate_of(ref, member_of(events)) for ref, events in histories_of(log, connection, refs, position))
    return [candidate for candidate in made if candidate is not None]
