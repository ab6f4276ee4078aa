"""The allowance's read models and their queries. Rebuilt from the log at any time; only queries read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    case,
    delete,
    func,
    select,
)

from contracts.allowance import EntitlementAdjusted, EntitlementDecided, FactHeard
from contracts.base import (
    DIVISION_CHARS,
    EVENT_ID_CHARS,
    PERSON_REF_CHARS,
    SHORT_TEXT_CHARS_MAX,
    STATE_CHARS_MAX,
    WORD_CHARS_MAX,
)
from eventlog.bulk import bulk_insert, bulk_upsert
from eventlog.columns import hold_alike
from eventlog.log import Recorded

__all__ = [
    "EntitlementView",
    "WorkerView",
    "by_purses",
    "entitlement",
    "entitlement_payer",
    "statement",
    "view_metadata",
    "worker",
]

view_metadata = MetaData()

worker = Table(
    "worker",
    view_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    comment="Everybody of whom a fact was heard: whom a new policy may concern.",
)

entitlement = Table(
    "entitlement",
    view_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("instrument", String(STATE_CHARS_MAX), primary_key=True),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("decision", String(STATE_CHARS_MAX), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("document", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("decisions", Integer, nullable=False, comment="how often this year was decided"),
    comment="The last decision for each worker, year and instrument.",
)
Index("entitlement_division_year", entitlement.c.year, entitlement.c.division)

entitlement_payer = Table(
    "entitlement_payer",
    view_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("instrument", String(STATE_CHARS_MAX), primary_key=True),
    Column("payer", String(WORD_CHARS_MAX), primary_key=True),
    Column("purse", String(DIVISION_CHARS), primary_key=True, comment="the division whose budget it is"),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
)
Index("entitlement_payer_division_year", entitlement_payer.c.year, entitlement_payer.c.division)
hold_alike(view_metadata)


class WorkerView:
    name = "worker"
    tables: Sequence[Table] = (worker,)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        # A person's first event is the first of the stream, so that nobody is entered twice.
        new = [
            {"person_ref": recorded.event.person_ref}
            for recorded in events
            if recorded.version == 1 and isinstance(recorded.event, FactHeard)
        ]
        bulk_insert(connection, tables["worker"], new)


class EntitlementView:
    """The last decision of each worker, year and instrument, and what each payer owes for it."""

    name = "entitlement"
    tables: Sequence[Table] = (entitlement, entitlement_payer)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        latest: dict[tuple[str, int, str], tuple[Recorded, int]] = {}
        replaced: set[tuple[str, int, str]] = set()
        for recorded in events:
            event = recorded.event
            if isinstance(event, EntitlementDecided | EntitlementAdjusted):
                key = (event.person_ref, event.decision.year, event.decision.instrument)
                latest[key] = (recorded, latest[key][1] + 1 if key in latest else 1)
                if isinstance(event, EntitlementAdjusted):
                    replaced.add(key)
        table, payers = tables["entitlement"], tables["entitlement_payer"]
        if replaced:
            of_one = (
                payers.c.person_ref == bindparam("p"),
                payers.c.year == bindparam("y"),
                payers.c.instrument == bindparam("i"),
            )
            connection.execute(delete(payers).where(*of_one), [{"p": p, "y": y, "i": i} for p, y, i in sorted(replaced)])
        rows, shares = [], []
        for recorded, times in latest.values():
            row, parts = _rows(recorded)
            row["decisions"] = times
            rows.append(row)
            shares += parts
        bulk_upsert(connection, table, rows, added=("decisions",))
        bulk_insert(connection, payers, shares)


def _rows(recorded: Recorded) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    event = recorded.event
    assert isinstance(event, EntitlementDecided | EntitlementAdjusted)
    decision = event.decision
    common = {
        "person_ref": event.person_ref,
        "year": decision.year,
        "instrument": decision.instrument,
        "division": decision.division,
    }
    row = {
        **common,
        "decision": decision.decision,
        "amount_fen": decision.amount_fen,
        "document": decision.policy.document,
        "event_id": recorded.event_id,
        "position": recorded.position,
    }
    shares = [(share.of(decision.division), share.amount_fen) for share in decision.payers]
    return row, [{**common, "payer": purse.payer, "purse": purse.division, "amount_fen": fen} for purse, fen in shares]


def below(division: str) -> str:
    """The prefix of a division and all below it: 320000 → 32, 320100 → 3201."""
    return division[:2] if division.endswith("0000") else division[:4] if division.endswith("00") else division


def statement(connection: Connection, division: str, year: int, instrument: str = "allowance") -> dict[str, Any]:
    """What is owed for a year in a division and below it. Amounts in fen; workers without a decision are not in it."""
    within = below(division)
    ours = (
        entitlement.c.year == year,
        entitlement.c.instrument == instrument,
        entitlement.c.division.startswith(within, autoescape=True),
    )
    row = connection.execute(
        select(
            func.coalesce(func.sum(case((entitlement.c.decision == "granted", 1), else_=0)), 0),
            func.coalesce(func.sum(case((entitlement.c.decision == "denied", 1), else_=0)), 0),
            func.coalesce(func.sum(entitlement.c.amount_fen), 0),
            func.coalesce(func.sum(case((entitlement.c.decisions > 1, 1), else_=0)), 0),
        ).where(*ours)
    ).one()
    table = entitlement_payer
    total = func.sum(table.c.amount_fen)
    payers = connection.execute(
        select(table.c.payer, table.c.purse, total)
        .where(table.c.year == year, table.c.instrument == instrument, table.c.division.startswith(within, autoescape=True))
        .group_by(table.c.payer, table.c.purse)
    )
    return {
        "division": division,
        "year": year,
        "granted": int(row[0]),
        "denied": int(row[1]),
        "total_fen": int(row[2]),
        "adjusted": int(row[3]),
        **by_purses((payer, purse, int(fen)) for payer, purse, fen in payers),
    }


def by_purses(sums: Iterable[tuple[str, str, int]]) -> dict[str, list[dict[str, Any]]]:
    """(payer, purse, fen), as totals show them: by purse; and how much of them the purses of one name come to."""
    found = sorted(sums)
    by_payer: dict[str, int] = {}
    for payer, _, fen in found:
        by_payer[payer] = by_payer.get(payer, 0) + fen
    return {
        "by_purse": [{"payer": payer, "purse": purse, "total_fen": fen} for payer, purse, fen in found],
        "by_payer": [{"payer": payer, "total_fen": fen} for payer, fen in by_payer.items()],
    }
