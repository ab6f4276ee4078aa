"""The ledger as tables, written in the append, and what is asked of it. ``transfer`` is append-only in the database itself.

``transfer`` holds one row a transfer, ``payable`` what each payer owes each worker for a year and instrument now, ``period``
the months that are closed. All three are rebuilt from the log at any time, beside the live ones. The database itself refuses
to change or delete a transfer or a closing, a transfer that does not balance, and one that would fall into a closed month.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from contracts.allowance import EntitlementAdjusted, EntitlementDecided
from contracts.base import (
    DIGEST_CHARS,
    DIVISION_CHARS,
    EVENT_ID_CHARS,
    INSTANT_CHARS,
    MONTH_CHARS,
    PERSON_REF_CHARS,
    SHORT_TEXT_CHARS_MAX,
    STATE_CHARS_MAX,
    WORD_CHARS_MAX,
)
from contracts.divisions import Purse
from contracts.payment import Account, PeriodClosed
from eventlog import schema
from eventlog.bulk import bulk_insert, bulk_upsert, insert_tuples, one_of
from eventlog.columns import hold_alike
from eventlog.log import Recorded
from services.allowance.decider import purses_of
from services.allowance.guards import guard
from services.allowance.ledger import (
    ACCOUNTS,
    LEDGER_EVENTS,
    Transfer,
    by_purses,
    is_of_names,
    month_for,
    month_of,
    transfers_of,
)
from services.allowance.views import below

__all__ = [
    "Balance",
    "LedgerView",
    "StatementLine",
    "Which",
    "account_statement",
    "closed_through",
    "month_totals",
    "open_months_before",
    "payable",
    "payers_in",
    "period",
    "periods",
    "transfer",
    "transfers",
    "trial_balance",
]

ledger_metadata = MetaData()

_ACCOUNTS_SQL = ", ".join(f"'{account}'" for account in ACCOUNTS)

transfer = Table(
    "transfer",
    ledger_metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False, comment="of the event that it follows from"),
    Column("line", Integer, primary_key=True, autoincrement=False, comment="within the event, from 1"),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False),
    Column("recorded_at", String(INSTANT_CHARS), nullable=False),
    Column("month", String(MONTH_CHARS), nullable=False, comment="that it falls into, YYYY-MM"),
    Column("debit", String(STATE_CHARS_MAX), nullable=False),
    Column("credit", String(STATE_CHARS_MAX), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("payer", String(WORD_CHARS_MAX), nullable=False),
    Column("purse", String(DIVISION_CHARS), nullable=False, comment="the division whose budget it is"),
    Column("year", Integer, nullable=False),
    Column("instrument", String(STATE_CHARS_MAX), nullable=False),
    Column("person_ref", String(PERSON_REF_CHARS), nullable=False),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("corrects", String(EVENT_ID_CHARS), nullable=True, comment="the decision that the entry supersedes"),
    CheckConstraint("amount_fen > 0", name="transfer_positive"),
    CheckConstraint("debit <> credit", name="transfer_two_accounts"),
    CheckConstraint(f"debit IN ({_ACCOUNTS_SQL})", name="transfer_debit"),
    CheckConstraint(f"credit IN ({_ACCOUNTS_SQL})", name="transfer_credit"),
    info={"append_only": True},
    comment="The ledger: one row a transfer between two accounts. What an account has: its debits less its credits.",
)
Index("transfer_month", transfer.c.month, transfer.c.payer, transfer.c.purse)
Index("transfer_person", transfer.c.person_ref, transfer.c.year)

payable = Table(
    "payable",
    ledger_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("payer", String(WORD_CHARS_MAX), primary_key=True),
    Column("purse", String(DIVISION_CHARS), primary_key=True, comment="the division whose budget it is"),
    Column("year", Integer, primary_key=True),
    Column("instrument", String(STATE_CHARS_MAX), primary_key=True),
    Column("division", String(DIVISION_CHARS), nullable=False, comment="where it belongs"),
    Column("amount_fen", BigInteger, nullable=False, comment="granted, less instructed, less taken over by recoveries"),
    Column("granted_fen", BigInteger, nullable=False, comment="by the last decision"),
    comment="What each purse owes each worker for a year; below zero: overpaid.",
)
Index("payable_payer", payable.c.payer, payable.c.person_ref)

period = Table(
    "period",
    ledger_metadata,
    Column("month", String(MONTH_CHARS), primary_key=True),
    Column("event_id", String(EVENT_ID_CHARS), nullable=False),
    Column("closed_at", String(INSTANT_CHARS), nullable=False),
    Column("closed_by", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("position", BigInteger, nullable=False, comment="of the log when it was closed"),
    Column("root", String(DIGEST_CHARS), nullable=False),
    Column("transfers", BigInteger, nullable=False),
    info={"append_only": True},
    comment="Closed months.",
)
hold_alike(ledger_metadata)

guard(
    transfer,
    "transfer_month_is_closed",
    "INSERT",
    "NEW.month <= (SELECT max(month) FROM period)",
    "the month is closed; what comes later falls into the first open one",
)

_TRANSFER_COLUMNS = tuple(column.name for column in transfer.columns)
PayableKey = tuple[str, str, str, int, str]
"""(person_ref, payer, purse, year, instrument)."""
_KEY = ("person_ref", "payer", "purse", "year", "instrument")


class LedgerView:
    name = "ledger"
    tables: Sequence[Table] = (transfer, payable, period)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        ours = [recorded for recorded in events if isinstance(recorded.event, (*LEDGER_EVENTS, PeriodClosed))]
        if not ours:
            return
        decisions = _Decisions(connection, tables["payable"])
        closed = connection.execute(select(func.max(tables["period"].c.month))).scalar_one()
        rows: list[tuple[Any, ...]] = []
        decided: dict[PayableKey, tuple[str, int]] = {}
        moved: dict[PayableKey, int] = {}
        for recorded in ours:
            event = decisions.by_purses(recorded.event)
            if isinstance(event, PeriodClosed):
                # What came before it is written before it: afterwards the database takes nothing for that month.
                insert_tuples(connection, tables["transfer"], _TRANSFER_COLUMNS, rows)
                rows.clear()
                bulk_insert(connection, tables["period"], [_period_row(recorded, event)])
                closed = event.month
                continue
            month = month_for(recorded.recorded_at, closed)
            for line, each in enumerate(transfers_of(event), start=1):
                rows.append(_row(recorded, line, month, each))
                key = (each.person_ref, each.payer, each.purse, each.year, each.instrument)
                moved[key] = moved.get(key, 0) + _owed(each)
            if isinstance(event, EntitlementDecided | EntitlementAdjusted):
                decided.update(_divisions(event))
        insert_tuples(connection, tables["transfer"], _TRANSFER_COLUMNS, rows)
        _write_payable(connection, tables["payable"], decided, moved)


class _Decisions:
    """What was decided last, to read an adjustment of before payers were purses."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table
        self._last: dict[tuple[str, int, str], dict[Purse, int]] = {}

    def by_purses(self, event: object) -> object:
        """The event, an adjustment by name as it would be recorded today."""
        if isinstance(event, EntitlementDecided | EntitlementAdjusted):
            key = (event.person_ref, event.decision.year, event.decision.instrument)
            if isinstance(event, EntitlementAdjusted) and is_of_names(event):
                event = by_purses(event, self._last[key] if key in self._last else self._read(*key))
            self._last[key] = purses_of(event.decision)
        return event

    def _read(self, person_ref: str, year: int, instrument: str) -> dict[Purse, int]:
        c = self._table.c
        chosen = (c.person_ref == person_ref, c.year == year, c.instrument == instrument, c.granted_fen > 0)
        rows = self._connection.execute(select(c.purse, c.payer, c.granted_fen).where(*chosen))
        return {Purse(purse, payer): fen for purse, payer, fen in rows}


def _divisions(event: EntitlementDecided | EntitlementAdjusted) -> dict[PayableKey, tuple[str, int]]:
    """Of every purse that the decision names: where what it owes belongs, and what that is by the decision."""
    decision = event.decision
    if decision.instrument == "work_expense":
        return {}
    granted = purses_of(decision)
    purses = {*granted, *(share.of(decision.division) for share in event.differences)}
    of = (decision.year, decision.instrument)
    return {
        (event.person_ref, purse.payer, purse.division, *of): (purse.place(decision.division), granted.get(purse, 0))
        for purse in purses
    }


def _owed(each: Transfer) -> int:
    """What a transfer adds to what is owed to the worker."""
    return (each.amount_fen if each.credit == "payable" else 0) - (each.amount_fen if each.debit == "payable" else 0)


def _row(recorded: Recorded, line: int, month: str, each: Transfer) -> tuple[Any, ...]:
    return (
        recorded.position, line, recorded.event_id, recorded.recorded_at, month, each.debit, each.credit, each.amount_fen,
        each.payer, each.purse, each.year, each.instrument, each.person_ref, each.division, each.corrects,
    )  # fmt: skip


def _period_row(recorded: Recorded, event: PeriodClosed) -> dict[str, Any]:
    return {
        "month": event.month,
        "event_id": recorded.event_id,
        "closed_at": recorded.recorded_at,
        "closed_by": event.by,
        "position": event.position,
        "root": event.root,
        "transfers": event.transfers,
    }


def _write_payable(
    connection: Connection, table: Table, decided: Mapping[PayableKey, tuple[str, int]], moved: Mapping[PayableKey, int]
) -> None:
    rows = [
        dict(zip(_KEY, key, strict=True)) | {"division": division, "amount_fen": moved.get(key, 0), "granted_fen": granted}
        for key, (division, granted) in decided.items()
    ]
    bulk_upsert(connection, table, rows, added=("amount_fen",))
    # A payout keeps the division of the last decision: it may have been prepared under an earlier one.
    others = [
        {f"of_{name}": part for name, part in zip(_KEY, key, strict=True)} | {"more": fen}
        for key, fen in moved.items()
        if key not in decided
    ]
    if others:
        chosen = [table.c[name] == bindparam(f"of_{name}") for name in _KEY]
        connection.execute(update(table).where(*chosen).values(amount_fen=table.c.amount_fen + bindparam("more")), others)


# --- which transfers --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Which:
    """Which transfers are asked for; what is None is not asked. division: it and all below it. purse: whose budget.

    upto: position of the log, inclusive. until: recorded time, UTC text, inclusive. month: accounting month; months_through:
    that and all before.
    """

    upto: int | None = None
    until: str | None = None
    month: str | None = None
    months_through: str | None = None
    division: str | None = None
    payer: str | None = None
    purse: str | None = None
    year: int | None = None
    instrument: str | None = None
    person_ref: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        c = transfer.c
        found: list[ColumnElement[bool]] = []
        if self.upto is not None:
            found.append(c.position <= self.upto)
        if self.until is not None:
            found.append(c.recorded_at <= self.until)
        if self.month is not None:
            found.append(c.month == self.month)
        if self.months_through is not None:
            found.append(c.month <= self.months_through)
        if self.division is not None:
            found.append(c.division.startswith(below(self.division), autoescape=True))
        for name in ("payer", "purse", "year", "instrument", "person_ref"):
            value = getattr(self, name)
            if value is not None:
                found.append(c[name] == value)
        return found


EVERYTHING = Which()


@dataclass(frozen=True, slots=True)
class Balance:
    """One account of one purse. balance_fen: debits less credits."""

    account: Account
    payer: str
    purse: str
    debit_fen: int
    credit_fen: int

    @property
    def balance_fen(self) -> int:
        return self.debit_fen - self.credit_fen


def trial_balance(connection: Connection, which: Which = EVERYTHING) -> list[Balance]:
    """Every account of every purse: all debits equal all credits, and the balances add up to zero."""
    sums: dict[tuple[Account, str, str], list[int]] = {}
    for side, column in enumerate((transfer.c.debit, transfer.c.credit)):
        keys = (column, transfer.c.payer, transfer.c.purse)
        query = select(*keys, func.sum(transfer.c.amount_fen)).where(*which.conditions()).group_by(*keys)
        for account, payer, purse, fen in connection.execute(query):
            sums.setdefault((account, payer, purse), [0, 0])[side] = int(fen)
    order = sorted(sums, key=lambda key: (ACCOUNTS.index(key[0]), key[1], key[2]))
    return [Balance(*key, *sums[key]) for key in order]


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transfer as an account sees it. balance_fen: of the account after it (``payable``: what is owed, else debits less
    credits). own_month: of its time; where it is not ``month``, that was closed. corrects: the decision that it supersedes, and
    the month in which that was recorded.
    """

    position: int
    line: int
    event_id: str
    recorded_at: str
    month: str
    own_month: str
    against: str
    debit_fen: int
    credit_fen: int
    balance_fen: int
    payer: str
    purse: str
    year: int
    instrument: str
    person_ref: str
    division: str
    corrects: str | None = None
    corrects_month: str | None = None


def account_statement(
    connection: Connection, account: str, which: Which = EVERYTHING, *, after: tuple[int, int] = (0, 0), limit: int = 1000
) -> list[StatementLine]:
    """The next transfers of an account in order, each with the balance after it. after: (position, line) of the last seen.

    A month begins with what the months before it have left.
    """
    c = transfer.c
    ours = [*which.conditions(), (c.debit == account) | (c.credit == account)]
    past = (c.position < after[0]) | and_(c.position == after[0], c.line <= after[1])
    sign = -1 if account == "payable" else 1
    opening = _opening(connection, account, which, past) * sign
    query = select(transfer).where(*ours, ~past).order_by(c.position, c.line).limit(limit)
    rows = connection.execute(query).all()
    months = _months_of(connection, {row.corrects for row in rows if row.corrects is not None})
    moves = [(row.amount_fen if row.debit == account else -row.amount_fen) * sign for row in rows]
    balances = list(accumulate(moves, initial=opening))[1:]
    return [_line(row, account, balance, months) for row, balance in zip(rows, balances, strict=True)]


def _opening(connection: Connection, account: str, which: Which, past: ColumnElement[bool]) -> int:
    """What the account has before the first line that is shown: debits less credits."""
    c = transfer.c
    before = [past]
    if which.month is not None:
        # Months never go back, so whatever is of an earlier one stands before it.
        before, which = [or_(c.month < which.month, and_(c.month == which.month, past))], replace(which, month=None)
    signed = case((c.debit == account, c.amount_fen), (c.credit == account, -c.amount_fen), else_=0)
    query = select(func.coalesce(func.sum(signed), 0)).where(*which.conditions(), *before)
    return int(connection.execute(query).scalar_one())


def _line(row: Row[Any], account: str, balance: int, months: Mapping[str, str]) -> StatementLine:
    debited = row.debit == account
    return StatementLine(
        position=row.position,
        line=row.line,
        event_id=row.event_id,
        recorded_at=row.recorded_at,
        month=row.month,
        own_month=month_of(row.recorded_at),
        against=row.credit if debited else row.debit,
        debit_fen=row.amount_fen if debited else 0,
        credit_fen=0 if debited else row.amount_fen,
        balance_fen=balance,
        payer=row.payer,
        purse=row.purse,
        year=row.year,
        instrument=row.instrument,
        person_ref=row.person_ref,
        division=row.division,
        corrects=row.corrects,
        corrects_month=months.get(row.corrects or ""),
    )


def _months_of(connection: Connection, event_ids: set[str]) -> dict[str, str]:
    """event id → the month in which it was recorded."""
    if not event_ids:
        return {}
    event = schema.event
    query = select(event.c.event_id, event.c.recorded_at).where(one_of(connection, event.c.event_id, event_ids))
    return {event_id: month_of(at) for event_id, at in connection.execute(query)}


# --- months -----------------------------------------------------------------------------------------------------------


def closed_through(connection: Connection) -> str | None:
    """The last month that is closed, and all before it with it."""
    found: str | None = connection.execute(select(func.max(period.c.month))).scalar_one()
    return found


def periods(connection: Connection) -> list[dict[str, Any]]:
    """The closed months, in order."""
    return [row._asdict() for row in connection.execute(select(period).order_by(period.c.month))]


def payers_in(connection: Connection, division: str) -> dict[str, frozenset[int]]:
    """Who was ever granted something to pay in a division and below it: payer → the years."""
    c = payable.c
    query = select(c.payer, c.year).where(c.division.startswith(below(division), autoescape=True)).distinct()
    found: dict[str, set[int]] = {}
    for payer, year in connection.execute(query):
        found.setdefault(payer, set()).add(year)
    return {payer: frozenset(years) for payer, years in found.items()}


def open_months_before(connection: Connection, month: str) -> list[str]:
    """The months before this one that have transfers and are not closed, in order."""
    query = select(transfer.c.month).where(transfer.c.month < month).distinct().order_by(transfer.c.month)
    closed = closed_through(connection)
    if closed is not None:
        query = query.where(transfer.c.month > closed)
    return list(connection.scalars(query))


def month_totals(connection: Connection, month: str) -> tuple[int, list[Balance]]:
    """How many transfers a month has, and what they come to."""
    count = select(func.count()).select_from(transfer).where(transfer.c.month == month)
    return int(connection.execute(count).scalar_one()), trial_balance(connection, replace(EVERYTHING, month=month))


def transfers(connection: Connection, which: Which = EVERYTHING, page: int = 5_000) -> Iterator[Row[Any]]:
    """Every transfer that is asked for, in order."""
    query: Select[Any] = select(transfer).where(*which.conditions()).order_by(transfer.c.position, transfer.c.line)
    yield from connection.execute(query.execution_options(yield_per=page))
