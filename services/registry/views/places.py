"""Units and annual inspections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast, get_args

from sqlalchemy import Connection, Table, case, func, select

from contracts.registry import InspectionClosed, InspectionOpened, UnitClosed, UnitRegistered
from eventlog.log import Recorded
from services.registry.views.paging import below, page_below, rows_of
from services.registry.views.tables import inspection, inspection_result, unit, worker
from services.registry.views.writing import upsert_rows

__all__ = ["InspectionView", "UnitView", "inspection_counts", "inspections", "uninspected", "units"]

Row = dict[str, Any]

# --- units ----------------------------------------------------------------------------------------------------------------

_UNIT_EVENTS = frozenset(get_args(UnitRegistered | UnitClosed))


class UnitView:
    """Each unit as it was told last. One that is registered after its closing is open again."""

    name = "unit"
    tables: Sequence[Table] = (unit,)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        told = [(r, cast(UnitRegistered | UnitClosed, r.event)) for r in events if type(r.event) in _UNIT_EVENTS]
        if not told:
            return
        table = tables["unit"]
        closed = {event.unit for _, event in told if isinstance(event, UnitClosed)}
        rows = rows_of(connection, table, table.c.unit, closed)
        changed: dict[tuple[Any, ...], Row] = {}
        for recorded, event in told:
            if isinstance(event, UnitRegistered):
                row = {
                    "unit": event.unit,
                    "title": event.title,
                    "division": event.division,
                    "credit_code": event.credit_code,
                    "parent": event.parent,
                    "since": recorded.effective_on,
                    "closed_on": None,
                    "event_id": recorded.event_id,
                }
            else:
                row = rows[event.unit,] | {"closed_on": recorded.effective_on, "event_id": recorded.event_id}
            rows[event.unit,] = changed[event.unit,] = row
        upsert_rows(connection, table, changed.values())


def units(
    connection: Connection,
    *,
    unit_key: str | None = None,
    division: str | None = None,
    title: str | None = None,
    credit_code: str | None = None,
    parent: str | None = None,
    is_open: bool | None = None,
    after: str = "",
    limit: int = 100,
) -> list[Row]:
    """A page of units by key. title: any part of it. division: it, or any below. after: the last key of the page before."""
    table = unit
    query = select(table).where(table.c.unit > after, *below(table.c.division, division))
    for column, wanted in ((table.c.unit, unit_key), (table.c.credit_code, credit_code), (table.c.parent, parent)):
        if wanted is not None:
            query = query.where(column == wanted)
    if title is not None:
        query = query.where(table.c.title.contains(title, autoescape=True))
    if is_open is not None:
        query = query.where(table.c.closed_on.is_(None) if is_open else table.c.closed_on.is_not(None))
    return [dict(row._mapping) for row in connection.execute(query.order_by(table.c.unit).limit(limit))]


# --- inspections ----------------------------------------------------------------------------------------------------------

_INSPECTION_EVENTS = frozenset(get_args(InspectionOpened | InspectionClosed))


class InspectionView:
    """Each annual inspection of a division. What people's results are stands with their facts (``StandingView``)."""

    name = "inspection"
    tables: Sequence[Table] = (inspection,)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        told = [(r, cast(InspectionOpened | InspectionClosed, r.event)) for r in events if type(r.event) in _INSPECTION_EVENTS]
        if not told:
            return
        table = tables["inspection"]
        rows = rows_of(connection, table, table.c.division, {event.division for _, event in told})
        changed: dict[tuple[Any, ...], Row] = {}
        for recorded, event in told:
            key = (event.division, event.year)
            if isinstance(event, InspectionOpened):
                row = {
                    "division": event.division,
                    "year": event.year,
                    "opened_on": recorded.effective_on,
                    "closes_on": event.closes_on.isoformat(),
                    "closed_on": None,
                    "rest": None,
                    "items": ",".join(event.items),
                    "event_id": recorded.event_id,
                }
            else:
                row = rows[key] | {"closed_on": recorded.effective_on, "rest": event.rest}
            rows[key] = changed[key] = row
        upsert_rows(connection, table, changed.values())


def inspections(
    connection: Connection,
    *,
    division: str | None = None,
    year: int | None = None,
    is_open: bool | None = None,
    after: tuple[str, int] | None = None,
    limit: int = 100,
) -> list[Row]:
    """A page of inspections by division and year. after: both, of the last row of the page before."""
    table = inspection
    order = (table.c.division, table.c.year)
    query = select(table).where(*page_below(order, division, after))
    if year is not None:
        query = query.where(table.c.year == year)
    if is_open is not None:
        query = query.where(table.c.closed_on.is_(None) if is_open else table.c.closed_on.is_not(None))
    ordered = query.order_by(*order).limit(limit)
    return [dict(row._mapping) | {"items": row.items.split(",") if row.items else []} for row in connection.execute(ordered)]


def uninspected(
    connection: Connection,
    division: str,
    year: int,
    day: date,
    *,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[tuple[str, str]]:
    """A page of (division, person_ref): registered there or below on the day, open, without a standing result for the year.

    after: the last row of the page before.
    """
    table, result = worker, inspection_result
    order = (table.c.division, table.c.person_ref)
    has_result = select(result.c.year).where(result.c.year == year, result.c.person_ref == table.c.person_ref).exists()
    query = select(*order).where(*_open_on(day), *page_below(order, division, after), ~has_result)
    return [(row.division, row.person_ref) for row in connection.execute(query.order_by(*order).limit(limit))]


def inspection_counts(connection: Connection, division: str, year: int, day: date) -> dict[str, int]:
    """How many of those registered there or below on the day, and open, have which result for the year, and how many none."""
    table, result = worker, inspection_result
    joined = table.outerjoin(result, (result.c.person_ref == table.c.person_ref) & (result.c.year == year))
    sums = [func.coalesce(func.sum(case((result.c.outcome == word, 1), else_=0)), 0) for word in ("passed", "failed", "missed")]
    query = select(func.count(), *sums).select_from(joined).where(*_open_on(day), *below(table.c.division, division))
    everybody, passed, failed, missed = (int(value) for value in connection.execute(query).one())
    return {"passed": passed, "failed": failed, "missed": missed, "uninspected": everybody - passed - failed - missed}


def _open_on(day: date) -> tuple[Any, ...]:
    on, table = day.isoformat(), worker
    return (table.c.status == "open", table.c.first_day <= on, table.c.last_day >= on)
