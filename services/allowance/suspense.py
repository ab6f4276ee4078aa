"""暂存: what is due to people whom a run left out, because they cannot be paid for the time being; with its age.

A run that leaves somebody out says why (``RunPrepared.without``), and pays everybody else. What is due to them stays due: a
later run that does not leave them out pays it, and then they stand here no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, func, select

from contracts.payment import RunPrepared
from eventlog.bulk import one_of
from eventlog.log import Log
from services.allowance.ledger_views import payable
from services.allowance.views import below

__all__ = ["Suspended", "suspended"]

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Suspended:
    """fen: what a purse of this name owes now, more than 0. since: when a run left the person out first (UTC text), and which;
    reason: of the last one that did."""

    person_ref: str
    payer: str
    division: str
    fen: int
    reason: str
    since: str
    run: str


def suspended(log: Log, connection: Connection, division: str) -> list[Suspended]:
    """By person and payer, the oldest first. division: it and all below it."""
    first: dict[tuple[str, str], tuple[str, str]] = {}
    last: dict[tuple[str, str], str] = {}
    after, upto = 0, log.head(connection).position
    while page := log.read(connection, after, PAGE, upto=upto, types=(RunPrepared.TYPE,)):
        for recorded in page:
            event = cast(RunPrepared, recorded.event)
            for each in event.without:
                first.setdefault((each.person_ref, event.payer), (recorded.recorded_at, event.run))
                last[each.person_ref, event.payer] = each.reason
        after = page[-1].position
    c = payable.c
    found = []
    people = sorted({ref for ref, _ in first})
    for start in range(0, len(people), PAGE):
        chosen = one_of(connection, c.person_ref, people[start : start + PAGE])
        query = select(c.person_ref, c.payer, c.division, func.sum(c.amount_fen)).group_by(c.person_ref, c.payer, c.division)
        within = c.division.startswith(below(division), autoescape=True)
        for ref, payer, place, fen in connection.execute(query.where(chosen, within)):
            if (ref, payer) in first and fen > 0:
                since, run = first[ref, payer]
                found.append(Suspended(ref, payer, place, int(fen), last[ref, payer], since, run))
    return sorted(found, key=lambda each: (each.since, each.person_ref, each.payer))
