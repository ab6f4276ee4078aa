"""Questions about people: one of them, a register of many, who holds a certificate, what contradicts itself.

All of them are asked for a day, which may be any day, also one to come: what stands is dated. As it was known at an earlier
time: ``services.registry.views.as_of``.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from eventlog.bulk import one_of
from services.registry.views.facts import ends_of, facts_of
from services.registry.views.paging import below, page_below
from services.registry.views.person import Status, WorkerRow, worker_on
from services.registry.views.tables import certificate_holder, file_end, standing, worker

__all__ = ["conflicts", "count_register", "holders", "last_serial", "merged_into", "register", "worker_row"]

CertificateStateOnFile = Literal["valid", "suspended", "revoked", "superseded", "expired"]


def worker_row(connection: Connection, person_ref: str, day: date) -> WorkerRow | None:
    """A worker on a day; None before the registration, or if nobody is known by it."""
    return worker_on(
        person_ref, facts_of(connection, [person_ref])[person_ref], ends_of(connection, [person_ref]).get(person_ref), day
    )


def register(
    connection: Connection,
    day: date,
    *,
    division: str | None = None,
    status: Status = "open",
    grade: str | None = None,
    certificate_state: CertificateStateOnFile | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[WorkerRow]:
    """A page of the register on a day, by division and person_ref.

    division: it, or any below. grade: of a certificate that is valid or suspended on the day. after: division and person_ref of
    the last row of the page before.
    """
    table = worker
    order = (table.c.division, table.c.person_ref)
    chosen = _chosen(day, status, grade, certificate_state)
    query = select(table.c.person_ref).where(*chosen, *page_below(order, division, after))
    people = list(connection.scalars(query.order_by(*order).limit(limit)))
    facts, ends = facts_of(connection, people), ends_of(connection, people)
    rows = [worker_on(ref, facts[ref], ends.get(ref), day) for ref in people]
    return [row for row in rows if row is not None]


def count_register(
    connection: Connection,
    day: date,
    *,
    division: str | None = None,
    status: Status = "open",
    grade: str | None = None,
    certificate_state: CertificateStateOnFile | None = None,
) -> int:
    """How many rows ``register`` has on all pages together."""
    chosen = _chosen(day, status, grade, certificate_state)
    query = select(func.count()).select_from(worker).where(*chosen, *below(worker.c.division, division))
    return int(connection.execute(query).scalar_one())


def _chosen(day: date, status: Status, grade: str | None, certificate_state: CertificateStateOnFile | None) -> list[Any]:
    on, table = day.isoformat(), worker
    chosen = [table.c.status == status, table.c.first_day <= on, table.c.last_day >= on]
    if grade is not None:
        chosen.append(table.c.grade == grade)
    if certificate_state is not None:
        chosen.append(table.c.certificate_state == certificate_state)
    return chosen


def merged_into(connection: Connection, person_ref: str) -> list[str]:
    """The files that were merged into this one, also by way of others; the nearest first."""
    found: list[str] = []
    last = [person_ref]
    while last:
        query = (
            select(file_end.c.person_ref).where(one_of(connection, file_end.c.into_ref, last)).order_by(file_end.c.person_ref)
        )
        last = list(connection.scalars(query))
        found += last
    return found


# --- certificates ---------------------------------------------------------------------------------------------------------


def holders(connection: Connection, number: str) -> list[dict[str, Any]]:
    """Whose file a certificate of this number stands in, or stood in (``stands`` 0); those in which it stands come first.

    Nothing keeps two people's sources from reporting one number: then there are two.
    """
    table = certificate_holder
    query = select(table).where(table.c.number == number).order_by(table.c.stands.desc(), table.c.issued_on, table.c.person_ref)
    return [dict(row._mapping) for row in connection.execute(query)]


def last_serial(connection: Connection, issuer: str, year: int) -> int:
    """The highest serial ever used in a number (``services.registry.numbers``) of this issuer and year; 0: none was."""
    table = certificate_holder
    query = select(func.max(table.c.serial)).where(table.c.series == f"{issuer}-{year}")
    return int(connection.execute(query).scalar_one() or 0)


# --- contradictions -------------------------------------------------------------------------------------------------------


def conflicts(connection: Connection, limit: int = 1000) -> list[dict[str, Any]]:
    """Slots in which facts contradict each other: what stands, by the rule of ``contracts.registry``, and against what."""
    query = (
        select(standing).where(standing.c.contradicted_by != "").order_by(standing.c.person_ref, standing.c.slot).limit(limit)
    )
    return [
        {
            "person_ref": row.person_ref,
            "slot": row.slot,
            "stands": row.event_id,
            "contradicted_by": row.contradicted_by.split(","),
        }
        for row in connection.execute(query)
    ]
