"""Talent's read models and their queries. Rebuilt from the log at any time; queries and the count of seats read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, func, select

from contracts.base import (
    DAY_CHARS,
    DIVISION_CHARS,
    EVENT_ID_CHARS,
    KEY_CHARS_MAX,
    PERSON_REF_CHARS,
    SHORT_TEXT_CHARS_MAX,
    STATE_CHARS_MAX,
    WORD_CHARS_MAX,
)
from contracts.talent import (
    CandidateAdmitted,
    CandidateFlagged,
    CandidateNominated,
    CandidatePlaced,
    CandidateRemoved,
    CandidateScreened,
)
from eventlog.bulk import bulk_upsert
from eventlog.columns import hold_alike
from eventlog.log import Recorded

__all__ = ["STAGES", "PoolView", "members", "pool_member", "seats_taken", "view_metadata"]

STAGES = ("nominated", "passed", "failed", "admitted", "removed", "placed")
"""Where somebody is: nominated, screened with this result, admitted, or out of the pool again."""

view_metadata = MetaData()

pool_member = Table(
    "pool_member",
    view_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("ladder", String(WORD_CHARS_MAX), nullable=False),
    Column("pool", String(KEY_CHARS_MAX), nullable=False),
    Column("stage", String(STATE_CHARS_MAX), nullable=False),
    Column("since", String(DAY_CHARS), nullable=False),
    Column(
        "standard",
        String(SHORT_TEXT_CHARS_MAX),
        nullable=False,
        comment="of the last screening; empty: none yet",
    ),
    Column("revision", Integer, nullable=False, comment="of that document; 0: none yet"),
    Column("flagged", Integer, nullable=False, comment="1: by the registry's facts the standard is not met any more"),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False, comment="that brought the stage"),
    comment="The last candidacy of each person.",
)
Index("pool_member_seats", pool_member.c.division, pool_member.c.ladder, pool_member.c.stage)
hold_alike(view_metadata)

_Staged = CandidateNominated | CandidateScreened | CandidateAdmitted | CandidateRemoved | CandidatePlaced


class PoolView:
    """Folds the stages of candidacies."""

    name = "pool"
    tables: Sequence[Table] = (pool_member,)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        table = tables["pool_member"]
        changes = [e for e in events if isinstance(e.event, _Staged | CandidateFlagged)]
        people = {e.event.person_ref for e in changes if isinstance(e.event, _Staged | CandidateFlagged)}
        rows = _rows_of(connection, table, people)
        for recorded in changes:
            event = recorded.event
            if isinstance(event, CandidateFlagged):
                rows[event.person_ref]["flagged"] = int(event.result == "failed")
            elif isinstance(event, _Staged):
                rows[event.person_ref] = _row(recorded, event, rows.get(event.person_ref))
        bulk_upsert(connection, table, list(rows.values()))


ROWS_OF_QUERY_MAX = 1000


def _rows_of(connection: Connection, table: Table, people: set[str]) -> dict[str, dict[str, Any]]:
    names, found = sorted(people), {}
    for start in range(0, len(names), ROWS_OF_QUERY_MAX):
        query = select(table).where(table.c.person_ref.in_(names[start : start + ROWS_OF_QUERY_MAX]))
        found.update({row.person_ref: dict(row._mapping) for row in connection.execute(query)})
    return found


def _row(recorded: Recorded, event: _Staged, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """The row after a stage was reached. The standard stays that of the screening until there is another candidacy."""
    candidacy = event.candidacy
    cited = event.standard if isinstance(event, CandidateScreened | CandidateAdmitted) else None
    kept = before if before is not None and not isinstance(event, CandidateNominated) else {"standard": "", "revision": 0}
    return {
        "person_ref": event.person_ref,
        "division": candidacy.division,
        "ladder": candidacy.ladder,
        "pool": candidacy.pool,
        "stage": _stage(event),
        "since": recorded.effective_on,
        "standard": cited.document if cited is not None else kept["standard"],
        "revision": cited.revision if cited is not None else kept["revision"],
        "flagged": 0,
        "event_id": recorded.event_id,
    }


def _stage(event: _Staged) -> str:
    match event:
        case CandidateNominated():
            return "nominated"
        case CandidateScreened():
            return event.result
        case CandidateAdmitted():
            return "admitted"
        case CandidateRemoved():
            return "removed"
        case CandidatePlaced():
            return "placed"


def below(division: str) -> str:
    """The prefix of a division and all below it: 320000 → 32, 320100 → 3201."""
    return division[:2] if division.endswith("0000") else division[:4] if division.endswith("00") else division


def seats_taken(connection: Connection, division: str, ladder: str) -> int:
    """Members of a ladder in exactly this division."""
    table = pool_member
    chosen = (table.c.division == division, table.c.ladder == ladder, table.c.stage == "admitted")
    return int(connection.execute(select(func.count()).select_from(table).where(*chosen)).scalar_one())


def members(
    connection: Connection,
    division: str,
    *,
    stage: str | None = None,
    ladder: str | None = None,
    after: str = "",
    limit: int = 100,
) -> list[dict[str, Any]]:
    """A page of candidates of a division and all below it, by person_ref. after: the last person_ref of the page before."""
    table = pool_member
    query = select(table).where(table.c.division.startswith(below(division), autoescape=True), table.c.person_ref > after)
    if stage is not None:
        query = query.where(table.c.stage == stage)
    if ladder is not None:
        query = query.where(table.c.ladder == ladder)
    return [dict(row._mapping) for row in connection.execute(query.order_by(table.c.person_ref).limit(limit))]
