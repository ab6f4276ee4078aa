"""What stands in the files of people, and what follows from it: the register, certificates, results of inspections.

One view, because all of it follows from the same changes of standing. A batch is looked at once; what it does not concern is
not written, and nothing is asked of the database for an event by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast, get_args

from sqlalchemy import Connection, Table, bindparam, delete, or_, select, update

from contracts.particulars import PARTICULARS_BY_KIND, Certificate, InspectionResult, Particulars
from contracts.registry import FactWithdrawn, PersonErased, PersonMerged, StandingEvent
from eventlog.bulk import insert_tuples, one_of
from eventlog.canonical import canonical_text
from eventlog.log import Recorded
from services.registry.numbers import check_number
from services.registry.views.person import REGISTER_SLOTS, End, Stands, periods_of
from services.registry.views.tables import (
    FOREVER,
    certificate_holder,
    fact_on_file,
    file_end,
    inspection_result,
    standing,
    worker,
)
from services.registry.views.writing import upsert_tuples

__all__ = ["StandingView", "ends_of", "facts_of"]

PEOPLE_OF_QUERY_MAX = 1_000

_STANDING_EVENTS = frozenset(get_args(StandingEvent))
_FACT_COLUMNS = tuple(column.name for column in fact_on_file.columns)

Tables = Mapping[str, Table]


@dataclass(slots=True)
class Changes:
    """What a batch of events changes.

    said: what its facts say and from which day, by event id. stands: person → slot → the fact that stands now (None: none), and
    what contradicts it. new: people whose file begins here, so that all that stands of them is in ``stands``. ends: files that
    end here. moved: people whose registration or certificates changed. certificates: (person, slot) → the last fact that stood
    in it in this batch (None: none did). inspections: (person, slot) that changed.
    """

    said: dict[str, tuple[str, Particulars]] = field(default_factory=dict)
    facts: list[tuple[Any, ...]] = field(default_factory=list)
    stands: dict[str, dict[str, tuple[str | None, tuple[str, ...]]]] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)
    ends: dict[str, tuple[End, str]] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    certificates: dict[tuple[str, str], str | None] = field(default_factory=dict)
    inspections: set[tuple[str, str]] = field(default_factory=set)


class StandingView:
    """Folds facts and changes of standing."""

    name = "standing"
    tables: Sequence[Table] = (fact_on_file, standing, file_end, worker, certificate_holder, inspection_result)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Tables) -> None:
        changes = changes_of(events)
        insert_tuples(connection, tables["fact_on_file"], _FACT_COLUMNS, changes.facts)
        _find_said(connection, tables, changes)
        if changes.moved:
            # As it was before this batch: read before what stands is written.
            _write_workers(connection, tables, changes)
        if changes.stands:
            _write_standing(connection, tables["standing"], changes)
        if changes.ends:
            _write_ends(connection, tables["file_end"], changes)
        if changes.certificates:
            _write_certificates(connection, tables["certificate_holder"], changes)
        if changes.inspections:
            _write_inspections(connection, tables["inspection_result"], changes)


# --- what a batch changes -------------------------------------------------------------------------------------------------


def changes_of(events: Sequence[Recorded]) -> Changes:
    changes = Changes()
    for recorded in events:
        kind = type(recorded.event)
        if kind in _STANDING_EVENTS:
            _take(changes, recorded, cast(StandingEvent, recorded.event))
        elif kind is PersonErased:
            erased = cast(PersonErased, recorded.event)
            end = End("erased", date.fromisoformat(recorded.effective_on), None)
            changes.ends[erased.person_ref] = (end, recorded.event_id)
            changes.moved.add(erased.person_ref)
    return changes


def _take(changes: Changes, recorded: Recorded, event: StandingEvent) -> None:
    ref = event.person_ref
    if recorded.version == 1:
        changes.new.add(ref)
    if isinstance(event, PersonMerged):
        changes.ends[ref] = (End("merged", date.fromisoformat(recorded.effective_on), event.into), recorded.event_id)
        changes.moved.add(ref)
    elif not isinstance(event, FactWithdrawn):
        changes.said[recorded.event_id] = (recorded.effective_on, event.particulars)
        text = canonical_text(event.particulars.model_dump(mode="json"))
        changes.facts.append((recorded.event_id, ref, event.particulars.kind, recorded.effective_on, text))
    if not event.standings:
        return
    slots = changes.stands.setdefault(ref, {})
    for change in event.standings:
        slot = change.slot
        slots[slot] = (change.fact, change.contradicted_by)
        what = slot.partition("/")[0]
        if what in REGISTER_SLOTS:
            changes.moved.add(ref)
            if what == "certificate":
                # A number that stood for a moment was used: it may be on paper.
                changes.certificates[ref, slot] = change.fact or changes.certificates.get((ref, slot))
        elif what == "inspection":
            changes.inspections.add((ref, slot))


def _find_said(connection: Connection, tables: Tables, changes: Changes) -> None:
    """Fetch what facts of earlier batches say that stand again, after a withdrawal or the like."""
    stands = {fact for slots in changes.stands.values() for fact, _ in slots.values() if fact is not None}
    stands |= {fact for fact in changes.certificates.values() if fact is not None}
    missing = stands - changes.said.keys()
    table = tables["fact_on_file"]
    for chunk in _chunks(missing):
        query = select(table.c.event_id, table.c.effective_on, table.c.kind, table.c.particulars)
        for event_id, on, kind, text in connection.execute(query.where(one_of(connection, table.c.event_id, chunk))):
            changes.said[event_id] = (on, PARTICULARS_BY_KIND[kind].model_validate_json(text))


def _chunks(values: Collection[str]) -> list[list[str]]:
    ordered = sorted(values)
    return [ordered[start : start + PEOPLE_OF_QUERY_MAX] for start in range(0, len(ordered), PEOPLE_OF_QUERY_MAX)]


# --- writing it -----------------------------------------------------------------------------------------------------------


def _write_standing(connection: Connection, table: Table, changes: Changes) -> None:
    vacated, filled = [], []
    for ref, slots in changes.stands.items():
        for slot, (fact, against) in slots.items():
            if fact is None:
                vacated.append({"p": ref, "s": slot})
            else:
                filled.append((ref, slot, fact, ",".join(against)))
    if vacated:
        gone = delete(table).where(table.c.person_ref == bindparam("p"), table.c.slot == bindparam("s"))
        connection.execute(gone, vacated)
    upsert_tuples(connection, table, filled)


def _write_ends(connection: Connection, table: Table, changes: Changes) -> None:
    ends = changes.ends.items()
    rows = [(ref, end.status, end.on.isoformat(), end.into, event_id) for ref, (end, event_id) in ends]
    upsert_tuples(connection, table, rows)


def _write_workers(connection: Connection, tables: Tables, changes: Changes) -> None:
    """The periods of everybody concerned, as far as they differ from those that were there."""
    earlier = changes.moved - changes.new
    before = facts_of(connection, earlier, tables, register_only=True)
    ends = ends_of(connection, earlier, tables)
    rows: list[tuple[Any, ...]] = []
    gone: list[dict[str, str]] = []
    for ref in changes.moved:
        facts, end = before.get(ref, []), ends.get(ref)
        old = {period.first: period for period in periods_of(facts, end)}
        for period in periods_of(_after(facts, changes, ref), changes.ends[ref][0] if ref in changes.ends else end):
            if old.pop(period.first, None) != period:
                last = FOREVER if period.last is None else period.last.isoformat()
                rows.append((ref, period.first.isoformat(), last, *period[2:]))
        gone += [{"p": ref, "f": first.isoformat()} for first in old]
    table = tables["worker"]
    if gone:
        connection.execute(delete(table).where(table.c.person_ref == bindparam("p"), table.c.first_day == bindparam("f")), gone)
    upsert_tuples(connection, table, rows)


def _after(facts: Sequence[Stands], changes: Changes, ref: str) -> list[Stands]:
    """What stands after the batch, of what periods are made from."""
    slots = {fact.slot: fact for fact in facts}
    for slot, (fact, _) in changes.stands.get(ref, {}).items():
        if fact is None:
            slots.pop(slot, None)
        elif slot.partition("/")[0] in REGISTER_SLOTS:
            on, says = changes.said[fact]
            slots[slot] = Stands(slot, fact, date.fromisoformat(on), says)
    return list(slots.values())


def _write_certificates(connection: Connection, table: Table, changes: Changes) -> None:
    rows, gone = [], []
    for (ref, slot), fact in changes.certificates.items():
        stands = int(changes.stands[ref][slot][0] is not None)
        if fact is None:
            gone.append({"n": slot.partition("/")[2], "p": ref})
            continue
        on, says = changes.said[fact]
        assert isinstance(says, Certificate)
        expires_on = None if says.expires_on is None else says.expires_on.isoformat()
        rows.append((says.number, ref, stands, says.issuer, says.grade, on, expires_on, *_series(says.number), fact))
    upsert_tuples(connection, table, rows)
    if gone:
        chosen = (table.c.number == bindparam("n"), table.c.person_ref == bindparam("p"))
        connection.execute(update(table).where(*chosen).values(stands=0), gone)


def _series(number: str) -> tuple[str, int]:
    """(``<issuer>-<year>``, serial) of a number of our own kind; else ("", 0)."""
    try:
        issuer, year, serial, _ = check_number(number).split("-")
    except ValueError:
        return "", 0
    return f"{issuer}-{year}", int(serial)


def _write_inspections(connection: Connection, table: Table, changes: Changes) -> None:
    rows, gone = [], []
    for ref, slot in changes.inspections:
        fact = changes.stands[ref][slot][0]
        if fact is None:
            gone.append({"y": int(slot.partition("/")[2]), "p": ref})
            continue
        says = changes.said[fact][1]
        assert isinstance(says, InspectionResult)
        rows.append((says.year, ref, says.outcome))
    upsert_tuples(connection, table, rows)
    if gone:
        connection.execute(delete(table).where(table.c.year == bindparam("y"), table.c.person_ref == bindparam("p")), gone)


# --- reading it -----------------------------------------------------------------------------------------------------------

_OWN_TABLES: Tables = {table.name: table for table in StandingView.tables}


def facts_of(
    connection: Connection, people: Collection[str], tables: Tables = _OWN_TABLES, *, register_only: bool = False
) -> dict[str, list[Stands]]:
    """The facts that stand in these files, of each in the order of slots. People without any have an empty list.

    register_only: without engagements, ratings, inspections and recognitions.
    """
    stands, fact = tables["standing"], tables["fact_on_file"]
    found: dict[str, list[Stands]] = {ref: [] for ref in people}
    query = select(
        stands.c.person_ref, stands.c.slot, fact.c.event_id, fact.c.effective_on, fact.c.kind, fact.c.particulars
    ).join_from(stands, fact, stands.c.event_id == fact.c.event_id)
    if register_only:
        query = query.where(or_(*(stands.c.slot.like(f"{what}%") for what in ("registration", "transfer/", "certificate"))))
    for chunk in _chunks(people):
        rows = connection.execute(query.where(one_of(connection, stands.c.person_ref, chunk)))
        for ref, slot, event_id, on, kind, text in rows:
            says = PARTICULARS_BY_KIND[kind].model_validate_json(text)
            found[ref].append(Stands(slot, event_id, date.fromisoformat(on), says))
    for facts in found.values():
        facts.sort()
    return found


def ends_of(connection: Connection, people: Collection[str], tables: Tables = _OWN_TABLES) -> dict[str, End]:
    """The ends of those of these files that have one."""
    table = tables["file_end"]
    found: dict[str, End] = {}
    for chunk in _chunks(people):
        query = select(table.c.person_ref, table.c.status, table.c.ended_on, table.c.into_ref)
        for ref, status, on, into in connection.execute(query.where(one_of(connection, table.c.person_ref, chunk))):
            found[ref] = End(status, date.fromisoformat(on), into)
    return found
