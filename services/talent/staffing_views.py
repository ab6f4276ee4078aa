"""Read models of units and vacancies, and who held which post on a day. Rebuilt from the log at any time; only queries read
them.

Of a unit's staff and leadership the telling that stands for each day is kept, so that any day can be asked for; of a vacancy
what it asks for now, and what became of it. Who held posts is read from the facts of ``services.talent.development_views``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, Text, select, update

from contracts.base import (
    DAY_CHARS,
    DIVISION_CHARS,
    EVENT_ID_CHARS,
    PERSON_REF_CHARS,
    SHORT_TEXT_CHARS_MAX,
    SOURCED_KEY_CHARS_MAX,
    STATE_CHARS_MAX,
    WORD_CHARS_MAX,
)
from contracts.divisions import above, covers
from contracts.particulars import Particulars
from contracts.registration_life import closed_spans, division_on
from contracts.staffing import LeadershipModelSet, SoftRequirement, UnitPost, UnitStaffReported, VacancyClosed, VacancyDescribed
from contracts.standard import Criterion
from eventlog.bulk import bulk_upsert
from eventlog.canonical import canonical_text
from eventlog.columns import hold_alike
from eventlog.log import Recorded
from services.talent.development_views import course, post_fact, post_standing
from services.talent.figures import StaffReport, WorkerPosts
from services.talent.leadership import ModelSet
from services.talent.rotation import posts_of
from services.talent.views import below, pool_member

__all__ = [
    "StaffingView",
    "VacancyRow",
    "course_titles",
    "leadership_sets",
    "open_vacancies_of",
    "ready_by_division",
    "staff_reports",
    "staffing_metadata",
    "unit_leadership",
    "unit_staff",
    "vacancies",
    "vacancy",
    "vacancy_row",
    "workers_on",
]

staffing_metadata = MetaData()

unit_staff = Table(
    "unit_staff",
    staffing_metadata,
    Column("division", String(DIVISION_CHARS), primary_key=True),
    Column("unit", String(SHORT_TEXT_CHARS_MAX), primary_key=True),
    Column("effective_on", String(DAY_CHARS), primary_key=True),
    Column("staff", Integer, nullable=False),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False),
    comment="Staff of units, one row for each day for which it was reported.",
)
unit_leadership = Table(
    "unit_leadership",
    staffing_metadata,
    Column("division", String(DIVISION_CHARS), primary_key=True),
    Column("unit", String(SHORT_TEXT_CHARS_MAX), primary_key=True),
    Column("effective_on", String(DAY_CHARS), primary_key=True),
    Column("model", String(WORD_CHARS_MAX), nullable=False),
    Column("posts", Text, nullable=False, comment="JSON"),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False),
    comment="How units are led, one row for each day from which a model was set.",
)
vacancy = Table(
    "vacancy",
    staffing_metadata,
    Column("vacancy", String(SOURCED_KEY_CHARS_MAX), primary_key=True, comment="source/key"),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("unit", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("post", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("category", String(WORD_CHARS_MAX), nullable=False),
    Column("full_time", Integer, nullable=False),
    Column("ladder", String(WORD_CHARS_MAX), nullable=True),
    Column("from_on", String(DAY_CHARS), nullable=False, comment="first day on which it is to be filled"),
    Column("hard", Text, nullable=False, comment="JSON"),
    Column("soft", Text, nullable=False, comment="JSON"),
    Column("status", String(STATE_CHARS_MAX), nullable=False, comment="open, filled, withdrawn"),
    Column("person_ref", String(PERSON_REF_CHARS), nullable=True, comment="who fills it"),
    Column("closed_on", String(DAY_CHARS), nullable=True),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False, comment="of the description"),
    comment="Posts to be filled.",
)
Index("vacancy_division_status", vacancy.c.division, vacancy.c.status)
hold_alike(staffing_metadata)

Tables = Mapping[str, Table]


class StaffingView:
    """Folds what is told of units and vacancies."""

    name = "staffing"
    tables: Sequence[Table] = (unit_staff, unit_leadership, vacancy)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Tables) -> None:
        staff: dict[tuple[str, str, str], dict[str, Any]] = {}
        models: dict[tuple[str, str, str], dict[str, Any]] = {}
        for recorded in events:
            event, on = recorded.event, recorded.effective_on
            match event:
                case UnitStaffReported():
                    staff[event.division, event.unit, on] = {**_unit(recorded), "staff": event.staff}
                case LeadershipModelSet():
                    posts = canonical_text([post.payload() for post in event.posts])
                    models[event.division, event.unit, on] = {**_unit(recorded), "model": event.model, "posts": posts}
                case VacancyDescribed():
                    bulk_upsert(connection, tables["vacancy"], [_vacancy(recorded, event)])
                case VacancyClosed():
                    table = tables["vacancy"]
                    values = {"status": event.outcome, "person_ref": event.person_ref, "closed_on": on}
                    connection.execute(update(table).where(table.c.vacancy == event.vacancy).values(**values))
                case _:
                    continue
        bulk_upsert(connection, tables["unit_staff"], list(staff.values()))
        bulk_upsert(connection, tables["unit_leadership"], list(models.values()))


def _unit(recorded: Recorded) -> dict[str, Any]:
    event = recorded.event
    assert isinstance(event, UnitStaffReported | LeadershipModelSet)
    return {
        "division": event.division,
        "unit": event.unit,
        "effective_on": recorded.effective_on,
        "event_id": recorded.event_id,
    }


def _vacancy(recorded: Recorded, event: VacancyDescribed) -> dict[str, Any]:
    said = event.payload()
    return {
        "vacancy": event.vacancy,
        "division": event.division,
        "unit": event.unit,
        "post": event.post,
        "category": event.category,
        "full_time": int(event.full_time),
        "ladder": event.ladder,
        "from_on": recorded.effective_on,
        "hard": canonical_text(said["hard"]),
        "soft": canonical_text(said["soft"]),
        "status": "open",
        "person_ref": None,
        "closed_on": None,
        "event_id": recorded.event_id,
    }


# --- units --------------------------------------------------------------------------------------------------------------


def staff_reports(connection: Connection, division: str, day: date) -> list[StaffReport]:
    """What was reported for days up to that one, of units in a division and all below it; the earliest first."""
    table = unit_staff
    chosen = (table.c.division.startswith(below(division), autoescape=True), table.c.effective_on <= day.isoformat())
    query = select(table).where(*chosen).order_by(table.c.effective_on, table.c.division, table.c.unit)
    return [
        StaffReport(row.unit, row.division, date.fromisoformat(row.effective_on), row.staff, row.event_id)
        for row in connection.execute(query)
    ]


def leadership_sets(connection: Connection, division: str, day: date, unit: str | None = None) -> list[ModelSet]:
    """The models that were set for days up to that one; the earliest first."""
    table = unit_leadership
    chosen = [table.c.division.startswith(below(division), autoescape=True), table.c.effective_on <= day.isoformat()]
    if unit is not None:
        chosen.append(table.c.unit == unit)
    query = select(table).where(*chosen).order_by(table.c.effective_on, table.c.division, table.c.unit)
    return [
        ModelSet(
            row.unit,
            row.division,
            date.fromisoformat(row.effective_on),
            row.model,
            tuple(UnitPost.model_validate(post) for post in orjson.loads(row.posts)),
            row.event_id,
        )
        for row in connection.execute(query)
    ]


def ready_by_division(connection: Connection, division: str) -> dict[str, int]:
    """Members of the pool by their division: admitted, and not flagged."""
    table = pool_member
    chosen = (
        table.c.division.startswith(below(division), autoescape=True),
        table.c.stage == "admitted",
        table.c.flagged == 0,
    )
    found: dict[str, int] = {}
    for each in connection.scalars(select(table.c.division).where(*chosen)):
        found[each] = found.get(each, 0) + 1
    return found


# --- who held which post ------------------------------------------------------------------------------------------------

_PARTICULARS: TypeAdapter[Particulars] = TypeAdapter(Particulars)


def workers_on(connection: Connection, division: str, day: date) -> list[WorkerPosts]:
    """Workers whose registration was open on a day in a division or below it, with all of their posts, by person_ref."""
    stands, facts = post_standing, post_fact
    # Whoever was ever registered there: what a fact says is canonical JSON, so a division stands in it in one way only.
    there = (
        select(stands.c.person_ref)
        .join_from(stands, facts, stands.c.fact == facts.c.event_id)
        .where(facts.c.says.contains(f'"division":"{below(division)}', autoescape=True))
    )
    query = (
        select(stands.c.person_ref, stands.c.slot, stands.c.fact, facts.c.effective_on, facts.c.says)
        .join_from(stands, facts, stands.c.fact == facts.c.event_id)
        .where(stands.c.person_ref.in_(there))
        .order_by(stands.c.person_ref, stands.c.slot)
    )
    people: dict[str, list[tuple[str, str, date, Particulars]]] = {}
    for ref, slot, fact, on, says in connection.execute(query):
        people.setdefault(ref, []).append((slot, fact, date.fromisoformat(on), _PARTICULARS.validate_json(says)))
    made = (_worker(ref, known, day) for ref, known in people.items())
    return [worker for worker in made if worker is not None and covers(division, worker.division)]


def _worker(ref: str, known: Sequence[tuple[str, str, date, Particulars]], day: date) -> WorkerPosts | None:
    """None: there was no registration on the day, or it was closed."""
    facts = [each[1:] for each in known]
    place = division_on(facts, day)
    if place is None or any(span.covers(day) for span in closed_spans(facts)):
        return None
    registered = min(on for slot, _, on, _ in known if slot == "registration")
    return WorkerPosts(ref, place[0], posts_of(known)) if registered <= day else None


# --- vacancies ----------------------------------------------------------------------------------------------------------

_HARD: TypeAdapter[tuple[Criterion, ...]] = TypeAdapter(tuple[Criterion, ...])
_SOFT: TypeAdapter[tuple[SoftRequirement, ...]] = TypeAdapter(tuple[SoftRequirement, ...])


@dataclass(frozen=True, slots=True)
class VacancyRow:
    """A vacancy as it stands now."""

    vacancy: str
    division: str
    unit: str
    post: str
    category: str
    full_time: bool
    ladder: str | None
    from_on: str
    hard: tuple[Criterion, ...]
    soft: tuple[SoftRequirement, ...]
    status: str
    person_ref: str | None
    closed_on: str | None
    event_id: str


def _row(row: Any) -> VacancyRow:
    values = dict(row._mapping)
    values |= {"hard": _HARD.validate_json(row.hard), "soft": _SOFT.validate_json(row.soft), "full_time": bool(row.full_time)}
    return VacancyRow(**values)


def vacancy_row(connection: Connection, name: str) -> VacancyRow | None:
    """The vacancy of that name, ``<source>/<key>``."""
    row = connection.execute(select(vacancy).where(vacancy.c.vacancy == name)).first()
    return None if row is None else _row(row)


def vacancies(
    connection: Connection, division: str, *, status: str | None = None, after: str = "", limit: int = 100
) -> list[VacancyRow]:
    """A page of vacancies of a division and all below it, by their names."""
    chosen = [vacancy.c.division.startswith(below(division), autoescape=True), vacancy.c.vacancy > after]
    if status is not None:
        chosen.append(vacancy.c.status == status)
    query = select(vacancy).where(*chosen).order_by(vacancy.c.vacancy).limit(limit)
    return [_row(row) for row in connection.execute(query)]


def open_vacancies_of(connection: Connection, division: str) -> list[VacancyRow]:
    """Open vacancies of a division and of those above it: what a member of its pool is looked at for. By their names."""
    divisions = {division, above(division, "city"), above(division, "province")}
    query = select(vacancy).where(vacancy.c.division.in_(divisions), vacancy.c.status == "open").order_by(vacancy.c.vacancy)
    return [_row(row) for row in connection.execute(query)]


def course_titles(connection: Connection) -> dict[str, str]:
    """``source/key`` → title, of every course."""
    return {row.course: row.title for row in connection.execute(select(course.c.course, course.c.title))}
