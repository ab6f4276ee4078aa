"""A register of 1,000,000 workers: one of them looked up, and first pages of filtered lists.

The rows are written in bulk into the registry's own tables, as its views would have left them: lives of workers are drawn and
folded by the view's own rule, and each of the workers leads one of them. They live in one province, 13 cities and 104 counties.
Facts stand in the order in which they would have come, so that those of one worker lie far apart.
"""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, Table

from benchmarks.measure import Figure
from benchmarks.places import STORES, place
from contracts.certification import STAGES
from contracts.particulars import (
    Certificate,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
    RegistrationStatus,
    Transfer,
)
from eventlog.bulk import insert_tuples
from eventlog.canonical import canonical_text
from eventlog.database import Database
from services.registry.views import (
    applications,
    inspection_counts,
    register,
    registry_views,
    tables,
    uninspected,
    worker_row,
)
from services.registry.views.person import Stands, periods_of

__all__ = ["figures"]

WORKERS = 1_000_000
LIVES = 20_000
"""Distinct ones; each is led by about fifty workers."""
CHUNK = 20_000
"""Workers whose rows are written in one transaction."""
QUERIES_PER_ROUND = 20
SEED = 20_261_120
TODAY = date(2026, 3, 1)
YEAR = 2025
CITIES = tuple(f"32{city:02d}00" for city in range(1, 14))
COUNTIES = tuple(f"{city[:4]}{county:02d}" for city in CITIES for county in range(2, 10))
NEARLY_DONE = CITIES[-1]
"""Of this city all but one in 500 were inspected; elsewhere three in ten still wait."""
GRADES, GRADE_WEIGHTS = ("", "junior", "intermediate", "senior", "special"), (35, 36, 20, 8, 1)
ISSUERS = {"special": slice(0, 2), "senior": slice(0, 4), "intermediate": slice(0, 4), "junior": slice(0, 6)}
NUMBER = "C-0000000"
"""Stands for the certificate's number in a life."""
LOOK_UP_MS, PAGE_MS = 5.0, 50.0


@dataclass(slots=True)
class Life:
    """facts: what stands of a worker, as (block, slot, kind, effective day, JSON). A block is a kind of fact and a year."""

    division: str
    facts: list[tuple[int, str, str, str, str]] = field(default_factory=list)
    periods: list[tuple[str, ...]] = field(default_factory=list)
    inspections: list[tuple[int, str]] = field(default_factory=list)
    certificate: tuple[str, str, str, str | None] | None = None
    """Issuer, grade, day of issue, last day."""


def lives(rng: Random) -> list[Life]:
    """One in twenty was transferred, six in a hundred were closed, a quarter of the certificates expire."""
    return [_life(rng, rng.choice(COUNTIES)) for _ in range(LIVES)]


def _life(rng: Random, division: str) -> Life:
    begun = date(2012, 1, 1) + timedelta(days=rng.randrange(4_800))
    said: list[tuple[int, date, Particulars]] = [
        (0, begun, Registration(division=division, managing_unit="县委组织部", serving_unit="乡镇党建办")),
        (1, begun, EngagementStart(engagement="e-1", category="recruited", unit="乡镇党建办", post="党建专干")),
    ]
    if rng.random() < 0.05:
        division = rng.choice(COUNTIES)
        said.append((2, begun + timedelta(days=200), Transfer(key="t-1", division=division)))
    grade = rng.choices(GRADES, GRADE_WEIGHTS)[0]
    if grade:
        on = begun + timedelta(days=30)
        expires = date(on.year + rng.choice((6, 12, 18)), 12, 31) if rng.random() < 0.25 else None
        issuer = division[ISSUERS[grade]].ljust(6, "0")
        said.append((3, on, Certificate(number=NUMBER, grade=grade, issuer=issuer, expires_on=expires)))
    for place_, year in enumerate((YEAR - 1, YEAR)):
        said.append((4 + place_, date(year + 1, 1, 10), RatingResult(year=year, rating=rng.choice(("competent", "excellent")))))
        left = 0.002 if year < YEAR or division[:4] == NEARLY_DONE[:4] else 0.3
        if rng.random() >= left:
            outcome = rng.choices(("passed", "failed", "missed"), (96, 2, 2))[0]
            said.append((6 + place_, date(year, 11, 10), InspectionResult(year=year, outcome=outcome)))
    if rng.random() < 0.06:
        closed = max(begun + timedelta(days=400), date(2025, 6, 30))
        said.append((8, closed, RegistrationStatus(key="c-1", status="closed", reason="retired")))
        said.append((9, closed, EngagementEnd(engagement="e-1", reason="retired")))
    return _folded(division, said)


def _folded(division: str, said: Sequence[tuple[int, date, Particulars]]) -> Life:
    life = Life(division)
    for block, on, says in said:
        text = canonical_text(says.model_dump(mode="json"))
        life.facts.append((block, says.slot("hr"), says.kind, on.isoformat(), text))
        if isinstance(says, InspectionResult):
            life.inspections.append((says.year, says.outcome))
        if isinstance(says, Certificate):
            expires_on = None if says.expires_on is None else says.expires_on.isoformat()
            life.certificate = (says.issuer, says.grade, on.isoformat(), expires_on)
    for period in periods_of([Stands(says.slot("hr"), "", on, says) for _, on, says in said]):
        last = tables.FOREVER if period.last is None else period.last.isoformat()
        life.periods.append((period.first.isoformat(), last, *period[2:]))
    return life


# --- filling ----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Population:
    """refs in order; led: the life that each of them leads."""

    refs: list[str]
    led: array[int]
    lives: list[Life]

    @classmethod
    def made(cls, workers: int) -> Population:
        rng = Random(SEED)
        letters = "0123456789abcdefghijklmnopqrstuvwxyz"
        refs = sorted("p" + "".join(rng.choices(letters, k=26)) for _ in range(workers))
        return cls(refs, array("L", (rng.randrange(LIVES) for _ in range(workers))), lives(rng))


def _event_id(block: int, number: int) -> str:
    return f"{block:08x}-0000-7000-8000-{number:012x}"


def _numbered(text: str, number: int) -> str:
    return text.replace(NUMBER, f"C-{number:07d}") if NUMBER in text else text


def fill(database: Database, people: Population) -> None:
    """Everything that the queries look at."""
    with database.write.begin() as connection:
        for view in registry_views():
            for table in view.tables:
                table.create(connection)
    for start in range(0, len(people.refs), CHUNK):
        with database.write.begin() as connection:
            _write_people(connection, people, range(start, min(start + CHUNK, len(people.refs))))
    for block in range(10):
        for start in range(0, len(people.refs), 5 * CHUNK):
            with database.write.begin() as connection:
                _write_facts(connection, people, block, range(start, min(start + 5 * CHUNK, len(people.refs))))
    _settle(database)


def _write_people(connection: Connection, people: Population, numbers: range) -> None:
    rows: dict[Table, list[tuple[Any, ...]]] = {
        table: []
        for table in (tables.worker, tables.standing, tables.inspection_result, tables.certificate_holder, tables.application)
    }
    for number in numbers:
        ref, life = people.refs[number], people.lives[people.led[number]]
        rows[tables.worker] += [(ref, *(_numbered(text, number) for text in period)) for period in life.periods]
        for block, slot, _, _, _ in life.facts:
            rows[tables.standing].append((ref, _numbered(slot, number), _event_id(block, number), ""))
        rows[tables.inspection_result] += [(year, ref, outcome) for year, outcome in life.inspections]
        if life.certificate is not None:
            issuer, grade, on, expires_on = life.certificate
            held = (f"C-{number:07d}", ref, 1, issuer, grade, on, expires_on, "", 0, _event_id(3, number))
            rows[tables.certificate_holder].append(held)
        rows[tables.application] += _applications(ref, number, life)
    for table, written in rows.items():
        insert_tuples(connection, table, tuple(str(column.name) for column in table.columns), written)


def _applications(ref: str, number: int, life: Life) -> list[tuple[Any, ...]]:
    """One in three has applied once and was answered; one in fifty is waiting at some stage."""
    event, issuer = _event_id(10, number), life.division[:4] + "00" if number % 2 else life.division
    if number % 50 == 7:
        stage, since = STAGES[number // 50 % len(STAGES)], (TODAY - timedelta(days=number // 50 % 120)).isoformat()
        ends_on = (TODAY + timedelta(days=number // 250 % 5)).isoformat() if stage == "public_notice" else None
        waiting: tuple[Any, ...] = (stage, since, ends_on, 0, ends_on, None, None, None)
    elif number % 3 == 0:
        day = (date(2022, 1, 1) + timedelta(days=number % 1_400)).isoformat()
        waiting = ("concluded", day, day, 0, None, "granted", "public_notice", f"C-{number:07d}")
    else:
        return []
    return [(ref, f"hr/a-{number}", "junior", issuer, event, None, waiting[1], *waiting, event)]


def _write_facts(connection: Connection, people: Population, block: int, numbers: range) -> None:
    rows = [
        (_event_id(block, number), people.refs[number], kind, on, _numbered(text, number))
        for number in numbers
        for kind_of_block, _, kind, on, text in people.lives[people.led[number]].facts
        if kind_of_block == block
    ]
    names = tuple(str(column.name) for column in tables.fact_on_file.columns)
    insert_tuples(connection, tables.fact_on_file, names, rows)


def _settle(database: Database) -> None:
    """As after a night: what was loaded has been looked at, and is on the disk."""
    engine = database.write
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")


# --- asking -----------------------------------------------------------------------------------------------------------------

Query = Callable[[Connection, Random], Sequence[Any]]


def queries(people: Population) -> list[tuple[str, float | None, Query]]:
    """(title, milliseconds to be reached, query). Each asks for another worker or division every time.

    The last two look at everybody in a city of 77,000: no page, and nothing to be reached.
    """
    return [
        ("one worker", LOOK_UP_MS, lambda c, rng: [worker_row(c, rng.choice(people.refs), TODAY)]),
        (
            "first page of 100, city and grade",
            PAGE_MS,
            lambda c, rng: register(c, TODAY, division=rng.choice(CITIES), grade=rng.choice(GRADES[1:4])),
        ),
        (
            "late page of 100, city and grade",
            PAGE_MS,
            lambda c, rng: _late(c, rng.choice(CITIES), rng.choice(GRADES[1:4])),
        ),
        (
            "first page of 100, county and status",
            PAGE_MS,
            lambda c, rng: register(c, TODAY, division=rng.choice(COUNTIES), status=rng.choice(("open", "closed"))),
        ),
        (
            "first page of 100, city and status",
            PAGE_MS,
            lambda c, rng: register(c, TODAY, division=rng.choice(CITIES), status=rng.choice(("open", "closed"))),
        ),
        (
            "first page of 100 not inspected, city with three in ten left",
            PAGE_MS,
            lambda c, rng: uninspected(c, rng.choice(CITIES[:-1]), YEAR, TODAY),
        ),
        (
            "first page of 100 not inspected, county with one in 500 left",
            PAGE_MS,
            lambda c, rng: uninspected(c, rng.choice(COUNTIES[-8:]), YEAR, TODAY),
        ),
        (
            "first page of 100 applications, stage and city",
            PAGE_MS,
            lambda c, rng: applications(c, rng.choice((*STAGES, "concluded")), TODAY, division=rng.choice(CITIES), days_min=30),
        ),
        (
            "all not inspected of a city with one in 500 left",
            None,
            lambda c, _: uninspected(c, NEARLY_DONE, YEAR, TODAY, limit=1_000),
        ),
        ("inspection counts of a city", None, lambda c, rng: list(inspection_counts(c, rng.choice(CITIES), YEAR, TODAY))),
    ]


def _late(connection: Connection, city: str, grade: str) -> Sequence[Any]:
    return register(connection, TODAY, division=city, grade=grade, after=(f"{city[:4]}08", "pi"))


def asked(database: Database, query: Query, rounds: int) -> list[float]:
    """Milliseconds of each query, on a connection of the pool, after one that is not counted."""
    rng, found, rows = Random(SEED), [], 0
    for number in range(rounds * QUERIES_PER_ROUND + 1):
        began = time.perf_counter()
        with database.read.connect() as connection:
            answer = query(connection, rng)
        milliseconds = (time.perf_counter() - began) * 1000
        rows += len(answer)
        if number:
            found.append(milliseconds)
    assert rows, "no query found anything"
    return found


def figures(rounds: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Both databases; each is filled once. A figure is over single queries: median, fastest and slowest."""
    people = Population.made(WORKERS)
    # No service holds a million of anything: what is held here to measure with is none of the collector's business.
    gc.freeze()
    for store in STORES:
        with place(store) as where:
            tell(f"register on {store}: {WORKERS:,} workers are being written")
            database = Database(where.fresh().render_as_string(hide_password=False))
            fill(database, people)
            for title, wanted, query in queries(people):
                runs = {"us": asked(database, query, rounds)}
                goals = () if wanted is None else ((f"{wanted:.0f} ms", "", wanted),)
                yield Figure(f"register of {WORKERS:,}: {title}, {store}", "ms", runs, goals, True, 1)
            database.close()
