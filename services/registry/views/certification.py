"""Where each application for certification stands, and which notices are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple, assert_never, cast, get_args

from sqlalchemy import Connection, Table, select

from contracts.certification import Stage
from contracts.registry import (
    CertificationApplied,
    CertificationConcluded,
    EligibilityReviewed,
    NoticeOpened,
    ObjectionRaised,
    ObjectionResolved,
    PanelReviewed,
    TrainingTested,
)
from eventlog.log import Recorded
from services.registry.views.paging import page_below, rows_of
from services.registry.views.tables import application
from services.registry.views.writing import upsert_rows

__all__ = ["ApplicationAt", "ApplicationView", "Due", "applications", "applications_of", "due"]

ApplicationEvent = (
    CertificationApplied
    | EligibilityReviewed
    | TrainingTested
    | PanelReviewed
    | NoticeOpened
    | ObjectionRaised
    | ObjectionResolved
    | CertificationConcluded
)
_EVENTS = frozenset(get_args(ApplicationEvent))

Row = dict[str, Any]


class ApplicationView:
    """Folds the stages of applications."""

    name = "application"
    tables: Sequence[Table] = (application,)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        steps = [(recorded, cast(ApplicationEvent, recorded.event)) for recorded in events if type(recorded.event) in _EVENTS]
        if not steps:
            return
        table = tables["application"]
        begun = {(e.person_ref, e.application) for _, e in steps if isinstance(e, CertificationApplied)}
        earlier = {e.person_ref for _, e in steps if (e.person_ref, e.application) not in begun}
        rows = rows_of(connection, table, table.c.person_ref, earlier)
        changed = {}
        for recorded, event in steps:
            key = (event.person_ref, event.application)
            rows[key] = changed[key] = _after(rows.get(key), recorded, event)
        upsert_rows(connection, table, changed.values())


def _after(row: Row | None, recorded: Recorded, event: ApplicationEvent) -> Row:
    """The row after an event. A stage is reached by passing it: a failed test leaves the application where it was."""
    if isinstance(event, CertificationApplied):
        return _applied(recorded, event)
    assert row is not None, "an application begins with its application"
    after = row | {"event_id": recorded.event_id}
    match event:
        case EligibilityReviewed():
            return _passed(after, recorded, "eligibility_review", event.result)
        case TrainingTested():
            return _passed(after, recorded, "training_test", event.result)
        case PanelReviewed():
            return _passed(after, recorded, "panel_review", event.result)
        case NoticeOpened():
            after |= {"stage": "public_notice", "since": recorded.effective_on}
            return _running(after | {"ends_on": event.ends_on.isoformat()})
        case ObjectionRaised():
            return _running(after | {"objections": after["objections"] + 1})
        case ObjectionResolved():
            ends_on = after["ends_on"] if event.ends_on is None else event.ends_on.isoformat()
            return _running(after | {"objections": after["objections"] - 1, "ends_on": ends_on})
        case CertificationConcluded():
            return after | {
                "stage": "concluded",
                "since": recorded.effective_on,
                "due_on": None,
                "outcome": event.outcome,
                "ended_in": event.stage,
                "certificate": event.certificate,
            }
        case _:
            assert_never(event)


def _applied(recorded: Recorded, event: CertificationApplied) -> Row:
    return {
        "person_ref": event.person_ref,
        "application": event.application,
        "grade": event.grade,
        "issuer": event.issuer,
        "standard": event.standard.event,
        "promotes": event.promotes,
        "applied_on": recorded.effective_on,
        "stage": "application",
        "since": recorded.effective_on,
        "ends_on": None,
        "objections": 0,
        "due_on": None,
        "outcome": None,
        "ended_in": None,
        "certificate": None,
        "event_id": recorded.event_id,
    }


def _passed(row: Row, recorded: Recorded, stage: Stage, result: Literal["passed", "failed"]) -> Row:
    return row | {"stage": stage, "since": recorded.effective_on} if result == "passed" else row


def _running(row: Row) -> Row:
    """A notice is due on its last day, unless an objection is open."""
    return row | {"due_on": row["ends_on"] if row["objections"] == 0 else None}


# --- queries --------------------------------------------------------------------------------------------------------------


class Due(NamedTuple):
    """A day that has passed. due_on: the last day of the notice."""

    kind: Literal["notice"]
    person_ref: str
    application: str
    due_on: date


def due(connection: Connection, today: date, limit: int = 100) -> list[Due]:
    """Notices whose last day is before today and that nobody objects to, the oldest first."""
    table = application
    query = select(table.c.person_ref, table.c.application, table.c.due_on).where(table.c.due_on < today.isoformat())
    ordered = query.order_by(table.c.due_on, table.c.person_ref, table.c.application).limit(limit)
    return [Due("notice", ref, name, date.fromisoformat(on)) for ref, name, on in connection.execute(ordered)]


ApplicationAt = Stage | Literal["concluded"]


def applications(
    connection: Connection,
    stage: ApplicationAt,
    today: date,
    *,
    division: str | None = None,
    days_min: int = 0,
    after: tuple[str, str, str, str] | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """A page of the applications at a stage, by issuer and then the longest waiting first; ``days`` is for how long.

    division: the issuer is it, or stands below it. days_min: for at least so many days. after: issuer, since, person_ref and
    application of the last row of the page before.
    """
    table = application
    order = (table.c.issuer, table.c.since, table.c.person_ref, table.c.application)
    query = select(table).where(table.c.stage == stage, *page_below(order, division, after))
    if days_min > 0:
        query = query.where(table.c.since <= (today - timedelta(days=days_min)).isoformat())
    return [_shown(dict(row._mapping), today) for row in connection.execute(query.order_by(*order).limit(limit))]


def applications_of(connection: Connection, person_ref: str, today: date) -> list[dict[str, Any]]:
    """All applications of a person, the latest first."""
    table = application
    query = select(table).where(table.c.person_ref == person_ref).order_by(table.c.applied_on.desc(), table.c.application)
    return [_shown(dict(row._mapping), today) for row in connection.execute(query)]


def _shown(row: Row, today: date) -> dict[str, Any]:
    return {**row, "days": (today - date.fromisoformat(row["since"])).days}
