"""Read models of appraisal cycles and of conduct, and their queries. Rebuilt from the log at any time.

A scoring reads them for everybody whom its batch has not touched: they are written with the events, under the log's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, Text, func, select, update

from contracts.appraisal import AppraisalDocument, CycleScope
from contracts.appraisal_events import (
    AppealDecided,
    ConductWithdrawn,
    CycleCancelled,
    CycleConcluded,
    CycleOpened,
    CyclePublished,
    CycleScored,
    HonourAwarded,
    PersonEnrolled,
    PointsRecorded,
    RatingGiven,
    RatingWithdrawn,
    ResultMeasured,
    ResultsScored,
    SanctionImposed,
    SanctionLifted,
)
from contracts.base import (
    DAY_CHARS,
    DIVISION_CHARS,
    EVENT_ID_CHARS,
    KEY_CHARS_MAX,
    PERSON_REF_CHARS,
    SHORT_TEXT_CHARS_MAX,
    SOURCED_KEY_CHARS_MAX,
    STATE_CHARS_MAX,
    WORD_CHARS_MAX,
)
from contracts.divisions import covers
from eventlog.bulk import bulk_upsert, one_of
from eventlog.columns import hold_alike
from eventlog.log import Recorded
from services.talent.appraisal import Reach
from services.talent.conduct import Conduct, Entry, InPeriod, in_period
from services.talent.marking import order_of
from services.talent.rosters import Entered

__all__ = [
    "CYCLE_STAGES",
    "AppraisalView",
    "ConductView",
    "appraisal_metadata",
    "conduct_of",
    "cycle_row",
    "cycles",
    "opening_mark",
    "people_of",
    "reaches",
    "results",
    "roster_mark",
]

CYCLE_STAGES = ("open", "scored", "published", "concluded", "cancelled")
ROWS_OF_QUERY_MAX = 1_000

appraisal_metadata = MetaData()

appraisal_cycle = Table(
    "appraisal_cycle",
    appraisal_metadata,
    Column("cycle", String(SOURCED_KEY_CHARS_MAX), primary_key=True, comment="<source>/<key>"),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("year", Integer, nullable=False),
    Column("period", String(STATE_CHARS_MAX), nullable=False),
    Column("first_day", String(DAY_CHARS), nullable=False),
    Column("last_day", String(DAY_CHARS), nullable=False),
    Column("document", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("title", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("scope", Text, nullable=False, comment="JSON, as the document has it"),
    Column("stage", String(STATE_CHARS_MAX), nullable=False),
    Column("since", String(DAY_CHARS), nullable=False),
    Column("scored_event", String(EVENT_ID_CHARS), nullable=False, comment="of the last scoring; empty: none yet"),
    Column("appeals_until", String(DAY_CHARS), nullable=False, comment="empty: not published yet"),
    Column("position", Integer, nullable=False, comment="of the event that changed the row last"),
    comment="Appraisal cycles.",
)
appraisal_person = Table(
    "appraisal_person",
    appraisal_metadata,
    Column("cycle", String(SOURCED_KEY_CHARS_MAX), primary_key=True),
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("category", String(WORD_CHARS_MAX), nullable=False),
    Column("grade", String(WORD_CHARS_MAX), nullable=False),
    Column("unit", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("profile", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    comment="Who is enrolled in a cycle, and where they stand.",
)
appraisal_rating = Table(
    "appraisal_rating",
    appraisal_metadata,
    Column("cycle", String(SOURCED_KEY_CHARS_MAX), primary_key=True),
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("role", String(WORD_CHARS_MAX), primary_key=True),
    Column("rater", String(WORD_CHARS_MAX), primary_key=True),
    Column("marks", Text, nullable=False, comment="JSON, item → hundredths; empty: withdrawn"),
    Column("said", String(SHORT_TEXT_CHARS_MAX), nullable=False, comment="order of the message that counts"),
    Column("position", Integer, nullable=False),
    comment="What each rater said last.",
)
appraisal_measure = Table(
    "appraisal_measure",
    appraisal_metadata,
    Column("cycle", String(SOURCED_KEY_CHARS_MAX), primary_key=True),
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("item", String(WORD_CHARS_MAX), primary_key=True),
    Column("achieved", Integer, nullable=False),
    Column("said", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("position", Integer, nullable=False),
    comment="What was achieved of quantitative items.",
)
appraisal_result = Table(
    "appraisal_result",
    appraisal_metadata,
    Column("cycle", String(SOURCED_KEY_CHARS_MAX), primary_key=True),
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("score", Integer, nullable=True, comment="hundredths of a point"),
    Column("ranking", String(WORD_CHARS_MAX), nullable=False),
    Column("rank", Integer, nullable=True),
    Column("rating", String(WORD_CHARS_MAX), nullable=True, comment="of the scoring"),
    Column("final", String(WORD_CHARS_MAX), nullable=True, comment="after appeals"),
    Column("why", Text, nullable=False, comment="comma-separated"),
    comment="The results of the last scoring, with what appeals have changed.",
)
Index("appraisal_result_ranks", appraisal_result.c.cycle, appraisal_result.c.ranking, appraisal_result.c.rank)
conduct = Table(
    "conduct",
    appraisal_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("entry", String(SOURCED_KEY_CHARS_MAX), primary_key=True, comment="<source>/<key>"),
    Column("on", String(DAY_CHARS), nullable=False),
    Column("says", Text, nullable=False, comment="JSON of the event"),
    Column("kind", String(KEY_CHARS_MAX), nullable=False, comment="type of the event"),
    Column("lifted", String(DAY_CHARS), nullable=False, comment="last day of a sanction that was lifted; empty: it was not"),
    Column("withdrawn", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    comment="Points, sanctions and honours.",
)
Index("conduct_position", conduct.c.position)
hold_alike(appraisal_metadata)

Keyed = dict[tuple[str, ...], dict[str, Any]]


def _order_text(origin: Any) -> str:
    return "|".join(order_of(origin))


class AppraisalView:
    """Folds cycles, and what is said of the people in them."""

    name = "appraisal"
    tables: Sequence[Table] = (appraisal_cycle, appraisal_person, appraisal_rating, appraisal_measure, appraisal_result)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        # What depends on rows that are there is written event by event; the many, ratings and results, all at once.
        people: Keyed = {}
        said = _Said(connection, tables, events)
        for recorded in events:
            event = recorded.event
            match event:
                case CycleOpened():
                    bulk_upsert(connection, tables["appraisal_cycle"], [_opened(recorded, event)])
                case CycleScored():
                    changed = {"stage": "scored", "scored_event": recorded.event_id}
                    _stage(connection, tables, recorded, event.cycle, changed)
                case ResultsScored():
                    bulk_upsert(connection, tables["appraisal_result"], _result_rows(event))
                case CyclePublished():
                    changed = {"stage": "published", "appeals_until": event.appeals_until.isoformat()}
                    _stage(connection, tables, recorded, event.cycle, changed)
                case CycleConcluded():
                    _stage(connection, tables, recorded, event.cycle, {"stage": "concluded"})
                case CycleCancelled():
                    _stage(connection, tables, recorded, event.cycle, {"stage": "cancelled"})
                case AppealDecided():
                    _appealed(connection, tables["appraisal_result"], event)
                case PersonEnrolled():
                    people[event.cycle, event.person_ref] = _person_row(recorded, event)
                case RatingGiven() | RatingWithdrawn() | ResultMeasured():
                    said.take(recorded, event)
                case _:
                    pass
        bulk_upsert(connection, tables["appraisal_person"], list(people.values()))
        said.write(connection)


def _opened(recorded: Recorded, event: CycleOpened) -> dict[str, Any]:
    document = event.document
    return {
        "cycle": event.cycle,
        "division": document.division,
        "year": document.year,
        "period": document.period,
        "first_day": document.first_day.isoformat(),
        "last_day": document.last_day.isoformat(),
        "document": document.document,
        "title": document.title,
        "scope": document.scope.model_dump_json(),
        "stage": "open",
        "since": recorded.effective_on,
        "scored_event": "",
        "appeals_until": "",
        "position": recorded.position,
    }


def _stage(
    connection: Connection, tables: Mapping[str, Table], recorded: Recorded, cycle: str, changed: Mapping[str, Any]
) -> None:
    table = tables["appraisal_cycle"]
    values = {**changed, "since": recorded.effective_on, "position": recorded.position}
    connection.execute(update(table).where(table.c.cycle == cycle).values(values))


def _result_rows(event: ResultsScored) -> list[dict[str, Any]]:
    return [
        {
            "cycle": event.cycle,
            "person_ref": result.person_ref,
            "score": result.score,
            "ranking": result.group,
            "rank": result.rank,
            "rating": result.rating,
            "final": result.rating,
            "why": ",".join(result.why),
        }
        for result in event.results
    ]


def _appealed(connection: Connection, table: Table, event: AppealDecided) -> None:
    if event.rating is not None:
        chosen = (table.c.cycle == event.cycle, table.c.person_ref == event.person_ref)
        connection.execute(update(table).where(*chosen).values(final=event.rating))


def _person_row(recorded: Recorded, event: PersonEnrolled) -> dict[str, Any]:
    return {
        "cycle": event.cycle,
        "person_ref": event.person_ref,
        "division": event.division,
        "category": event.category,
        "grade": event.grade,
        "unit": event.unit,
        "profile": event.profile,
        "position": recorded.position,
    }


class _Said:
    """What raters say and what is measured in one batch: of each matter the message that counts, against that in the table."""

    def __init__(self, connection: Connection, tables: Mapping[str, Table], events: Sequence[Recorded]) -> None:
        self._ratings, self._measures = tables["appraisal_rating"], tables["appraisal_measure"]
        kinds = (RatingGiven, RatingWithdrawn, ResultMeasured)
        people = sorted({e.event.person_ref for e in events if isinstance(e.event, kinds)})
        self._known: dict[str, Keyed] = {"appraisal_rating": {}, "appraisal_measure": {}}
        for table in (appraisal_rating, appraisal_measure):
            keys = [column.name for column in table.primary_key.columns]
            found = tables[table.name]
            for start in range(0, len(people), ROWS_OF_QUERY_MAX):
                query = select(found).where(one_of(connection, found.c.person_ref, people[start : start + ROWS_OF_QUERY_MAX]))
                for row in connection.execute(query).mappings():
                    self._known[table.name][tuple(row[key] for key in keys)] = dict(row)
        self._changed: dict[str, Keyed] = {"appraisal_rating": {}, "appraisal_measure": {}}

    def take(self, recorded: Recorded, event: RatingGiven | RatingWithdrawn | ResultMeasured) -> None:
        said = _order_text(event.origin)
        if isinstance(event, ResultMeasured):
            name, key = "appraisal_measure", (event.cycle, event.person_ref, event.item)
            row = {"cycle": key[0], "person_ref": key[1], "item": key[2], "achieved": event.achieved}
        else:
            name, of = "appraisal_rating", (event.cycle, event.person_ref, event.role, event.rater)
            marks = {mark.item: mark.hundredths for mark in event.marks} if isinstance(event, RatingGiven) else None
            text = "" if marks is None else orjson.dumps(marks).decode()
            row = {"cycle": of[0], "person_ref": of[1], "role": of[2], "rater": of[3], "marks": text}
            self._put(name, of, {**row, "said": said, "position": recorded.position})
            return
        self._put(name, key, {**row, "said": said, "position": recorded.position})

    def _put(self, name: str, key: tuple[str, ...], row: dict[str, Any]) -> None:
        before = self._known[name].get(key)
        if before is None or before["said"] <= row["said"]:
            self._known[name][key] = self._changed[name][key] = row

    def write(self, connection: Connection) -> None:
        bulk_upsert(connection, self._ratings, list(self._changed["appraisal_rating"].values()))
        bulk_upsert(connection, self._measures, list(self._changed["appraisal_measure"].values()))


class ConductView:
    """Folds points, sanctions and honours."""

    name = "conduct"
    tables: Sequence[Table] = (conduct,)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        table = tables["conduct"]
        for recorded in events:
            event = recorded.event
            if isinstance(event, PointsRecorded | SanctionImposed | HonourAwarded):
                row = {
                    "person_ref": event.person_ref,
                    "entry": event.entry,
                    "on": recorded.effective_on,
                    "says": event.model_dump_json(),
                    "kind": event.TYPE,
                    "lifted": "",
                    "withdrawn": 0,
                    "position": recorded.position,
                }
                bulk_upsert(connection, table, [row])
            elif isinstance(event, SanctionLifted | ConductWithdrawn):
                lifted = isinstance(event, SanctionLifted)
                values: dict[str, Any] = {"lifted": recorded.effective_on} if lifted else {"withdrawn": 1}
                chosen = (table.c.person_ref == event.person_ref, table.c.entry == event.entry)
                connection.execute(update(table).where(*chosen).values(**values, position=recorded.position))


# --- queries --------------------------------------------------------------------------------------------------------------


def reaches(connection: Connection) -> list[Reach]:
    """Whom each cycle that was not cancelled is about."""
    table = appraisal_cycle
    found = []
    for row in connection.execute(select(table).where(table.c.stage != "cancelled").order_by(table.c.cycle)):
        first, last = date.fromisoformat(row.first_day), date.fromisoformat(row.last_day)
        scope = CycleScope.model_validate_json(row.scope)
        found.append(Reach(row.cycle, row.division, row.period, first, last, scope))
    return found


def cycle_row(connection: Connection, cycle: str) -> dict[str, Any] | None:
    row = connection.execute(select(appraisal_cycle).where(appraisal_cycle.c.cycle == cycle)).one_or_none()
    return None if row is None else dict(row._mapping)


def cycles(connection: Connection, division: str | None = None, year: int | None = None) -> list[dict[str, Any]]:
    """Cycles of a division and all below it, by name, with how many people each has."""
    table = appraisal_cycle
    count = select(func.count()).where(appraisal_person.c.cycle == table.c.cycle).scalar_subquery()
    query = select(table, count.label("people")).order_by(table.c.cycle)
    if year is not None:
        query = query.where(table.c.year == year)
    rows = [dict(row._mapping) for row in connection.execute(query)]
    return [row for row in rows if division is None or covers(division, row["division"])]


def results(
    connection: Connection, cycle: str, *, ranking: str | None = None, after: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """A page of results, best first, then who has no score. after: how many come before the page."""
    table, person = appraisal_result, appraisal_person
    joined = table.join(person, (person.c.cycle == table.c.cycle) & (person.c.person_ref == table.c.person_ref))
    query = select(table, person.c.category, person.c.grade, person.c.unit).select_from(joined).where(table.c.cycle == cycle)
    if ranking is not None:
        query = query.where(table.c.ranking == ranking)
    order = (table.c.rank.is_(None), table.c.ranking, table.c.rank, table.c.person_ref)
    return [dict(row._mapping) for row in connection.execute(query.order_by(*order).offset(after).limit(limit))]


def opening_mark(connection: Connection) -> tuple[Any, ...]:
    """Changes whenever a cycle does."""
    return tuple(connection.execute(select(func.count(), func.max(appraisal_cycle.c.position))).one())


def roster_mark(connection: Connection, cycle: str) -> tuple[Any, ...]:
    """Changes whenever something does that goes into a scoring of the cycle."""
    found: list[Any] = []
    for table in (appraisal_person, appraisal_rating, appraisal_measure):
        found += connection.execute(select(func.max(table.c.position)).where(table.c.cycle == cycle)).one()
    return (*found, *connection.execute(select(func.max(conduct.c.position))).one())


def people_of(connection: Connection, cycle: str, document: AppraisalDocument) -> dict[str, Entered]:
    """Everybody in a cycle, with all that goes into its scoring, by person_ref."""
    ratings: dict[str, list[tuple[str, Mapping[str, int]]]] = {}
    table = appraisal_rating
    columns = select(table.c.person_ref, table.c.role, table.c.marks).where(table.c.cycle == cycle, table.c.marks != "")
    for person, role, marks in connection.execute(columns):
        ratings.setdefault(person, []).append((role, orjson.loads(marks)))
    measured: dict[str, dict[str, int]] = {}
    for row in connection.execute(select(appraisal_measure).where(appraisal_measure.c.cycle == cycle)):
        measured.setdefault(row.person_ref, {})[row.item] = row.achieved
    table = appraisal_person
    people = connection.execute(select(table).where(table.c.cycle == cycle)).all()
    behaved = _conduct_in(connection, cycle, document)
    return {
        row.person_ref: Entered(
            row.person_ref,
            row.category,
            row.grade,
            row.profile,
            ratings.get(row.person_ref, ()),
            measured.get(row.person_ref, {}),
            behaved.get(row.person_ref, InPeriod(0, 0, ())),
        )
        for row in people
    }


def _conduct_in(connection: Connection, cycle: str, document: AppraisalDocument) -> dict[str, InPeriod]:
    person = appraisal_person
    joined = conduct.join(person, person.c.person_ref == conduct.c.person_ref)
    entries: dict[str, list[Entry]] = {}
    for row in connection.execute(select(conduct).select_from(joined).where(person.c.cycle == cycle)):
        entries.setdefault(row.person_ref, []).append(_entry(row))
    return {ref: in_period(found, document.first_day, document.last_day) for ref, found in entries.items()}


_SAYS: dict[str, Any] = {kind.TYPE: kind for kind in (PointsRecorded, SanctionImposed, HonourAwarded)}


def _entry(row: Any) -> Entry:
    lifted = date.fromisoformat(row.lifted) if row.lifted else None
    says = _SAYS[row.kind].model_validate_json(row.says)
    return Entry(date.fromisoformat(row.on), says, lifted, bool(row.withdrawn))


def conduct_of(connection: Connection, people: Iterable[str]) -> dict[str, Conduct]:
    """The conduct of each of these people who has any."""
    found: dict[str, dict[str, Entry]] = {}
    query = (
        select(conduct).where(one_of(connection, conduct.c.person_ref, list(people))).order_by(conduct.c.on, conduct.c.entry)
    )
    for row in connection.execute(query):
        found.setdefault(row.person_ref, {})[row.entry] = _entry(row)
    return {ref: Conduct(entries) for ref, entries in found.items()}
