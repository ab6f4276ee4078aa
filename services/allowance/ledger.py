"""The ledger: which transfers an event comes to, which month they fall into, and when a month may be closed. Pure.

A transfer moves a positive amount of fen from one account (its credit) to another (its debit), so every entry balances by
construction. What an account has is its debits less its credits; for ``payable``, what is owed, the other way round.

| What happens                     | debit         | credit        |
|----------------------------------|---------------|---------------|
| granted, or corrected upwards    | `entitlement` | `payable`     |
| the bank is instructed           | `payable`     | `in_transit`  |
| settled                          | `in_transit`  | `paid`        |
| returned before it was settled   | `in_transit`  | `payable`     |
| returned after it was settled    | `paid`        | `payable`     |
| a difference with the bank: more reached the payee | `payable` | `paid` |
| a recovery is opened             | `recovery`    | `payable`     |
| ... needed no longer (owed again)| `payable`     | `recovery`    |
| ... given back                   | `paid`        | `recovery`    |

A negative amount (a correction downwards, a netted part of a payout, less that reached the payee) is the same with the two
accounts exchanged.

Each transfer is of one *purse*, a division's budget under a name: where a worker moves, the old county's purse has what it owed
taken back by one transfer, and the new one begins by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from contracts.allowance import EntitlementAdjusted, EntitlementDecided
from contracts.divisions import Purse
from contracts.payment import (
    Account,
    PayoutBooked,
    PayoutInstructed,
    PayoutPart,
    PayoutReturned,
    PayoutSettled,
    PeriodClosed,
    PeriodTotal,
    RecoveryOffset,
    RecoveryOpened,
    RecoveryPaid,
)
from contracts.policy import Instrument
from contracts.registry import FactOrigin
from services.allowance.account import reject, too_early
from services.allowance.decider import differences

__all__ = [
    "ACCOUNTS",
    "LEDGER_EVENTS",
    "PERIODS",
    "ClosePeriod",
    "Periods",
    "Transfer",
    "by_purses",
    "decide_close",
    "evolve_periods",
    "is_of_names",
    "month_for",
    "month_of",
    "next_month",
    "totals_of",
    "transfers_of",
]

ACCOUNTS: tuple[Account, ...] = ("entitlement", "payable", "in_transit", "paid", "recovery")
PERIODS = "periods"
"""The stream of closed months."""
SHANGHAI = timedelta(hours=8)

_Entitlement = EntitlementDecided | EntitlementAdjusted
_Payout = PayoutInstructed | PayoutSettled | PayoutReturned | PayoutBooked
_Recovery = RecoveryOpened | RecoveryOffset | RecoveryPaid
LEDGER_EVENTS = (
    EntitlementDecided, EntitlementAdjusted, PayoutInstructed, PayoutSettled, PayoutReturned, PayoutBooked,
    RecoveryOpened, RecoveryOffset, RecoveryPaid,
)  # fmt: skip


class Transfer(NamedTuple):
    """amount_fen: more than 0. payer, purse: whose money it is: the name, and the division whose budget that is. division: what
    the transfer belongs to. corrects: the decision that the entry supersedes."""

    debit: Account
    credit: Account
    amount_fen: int
    payer: str
    purse: str
    year: int
    instrument: Instrument
    person_ref: str
    division: str
    corrects: str | None = None


def is_of_names(event: object) -> bool:
    """Whether it is an adjustment of before payers were purses: by name, over both divisions of a worker who moved."""
    return isinstance(event, EntitlementAdjusted) and any(each.purse is None for each in event.differences)


def by_purses(event: EntitlementAdjusted, before: Mapping[Purse, int]) -> EntitlementAdjusted:
    """Such an adjustment as it is recorded today. before: what each purse owed by the decision that it supersedes."""
    return event.model_copy(update={"differences": differences(event.decision, before)})


def transfers_of(event: object) -> tuple[Transfer, ...]:
    """The transfers that an event comes to, in order; none for events that move nothing."""
    match event:
        case EntitlementDecided() | EntitlementAdjusted():
            return tuple(_of_decision(event))
        case PayoutInstructed():
            return tuple(_of_parts(event, "payable", "in_transit"))
        case PayoutSettled():
            return tuple(_of_parts(event, "in_transit", "paid"))
        case PayoutReturned():
            return tuple(_of_parts(event, "paid" if event.settled_before else "in_transit", "payable"))
        case PayoutBooked():
            return tuple(_of_parts(event, "payable", "paid"))
        case RecoveryOpened():
            # Its parts are the negative dues: exchanged, the recovery is the debit.
            return tuple(_of_parts(event, "payable", "recovery"))
        case RecoveryOffset():
            return tuple(_of_parts(event, "payable", "recovery"))
        case RecoveryPaid():
            return tuple(_of_parts(event, "paid", "recovery"))
        case _:
            return ()


def _of_decision(event: EntitlementDecided | EntitlementAdjusted) -> Iterator[Transfer]:
    decision = event.decision
    if decision.instrument == "work_expense":
        # An authorisation to spend: owed to nobody.
        return
    corrects = event.supersedes if isinstance(event, EntitlementAdjusted) else None
    for each in event.differences:
        debit, credit, fen = _positive("entitlement", "payable", each.amount_fen)
        purse = each.of(decision.division)
        what = (decision.year, decision.instrument, event.person_ref, purse.place(decision.division))
        yield Transfer(debit, credit, fen, purse.payer, purse.division, *what, corrects)


def _of_parts(event: _Payout | _Recovery, debit: Account, credit: Account) -> Iterator[Transfer]:
    parts: Sequence[PayoutPart] = event.parts
    for part in parts:
        if part.amount_fen:
            moved = _positive(debit, credit, part.amount_fen)
            purse = event.of_purse.division
            yield Transfer(*moved, event.payer, purse, part.year, part.instrument, event.person_ref, event.division)


def _positive(debit: Account, credit: Account, fen: int) -> tuple[Account, Account, int]:
    """A negative amount is a positive one the other way."""
    return (debit, credit, fen) if fen > 0 else (credit, debit, -fen)


# --- months -----------------------------------------------------------------------------------------------------------


def month_of(recorded_at: str) -> str:
    """The Asia/Shanghai calendar month, YYYY-MM, of a recorded time (UTC text)."""
    return (datetime.fromisoformat(recorded_at) + SHANGHAI).strftime("%Y-%m")


def next_month(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1}-01" if number == 12 else f"{year}-{number + 1:02d}"


def month_for(recorded_at: str, closed_through: str | None) -> str:
    """The month that an entry of this time falls into: its own, or the first open one after it."""
    own = month_of(recorded_at)
    return own if closed_through is None or own > closed_through else next_month(closed_through)


# --- closing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Periods:
    """closed: the months that were closed, in order."""

    closed: tuple[str, ...] = ()

    @property
    def closed_through(self) -> str | None:
        return self.closed[-1] if self.closed else None


@dataclass(frozen=True, slots=True)
class ClosePeriod:
    """this_month: the one that is running. open_before: months with transfers before it that are open, in order.

    position, root: of the log. transfers, totals: of the month. made: a run that the closer has prepared, and that was paid.
    """

    month: str
    fact: FactOrigin
    by: str
    this_month: str
    open_before: Sequence[str]
    position: int
    root: str
    transfers: int
    totals: Sequence[PeriodTotal]
    made: str | None = None


def decide_close(command: ClosePeriod, state: Periods) -> tuple[PeriodClosed, ...]:
    """Months are closed in order; one that is closed stays so. Raises Rejected."""
    month = command.month
    if month in state.closed:
        return ()
    if state.closed_through is not None and month < state.closed_through:
        raise reject(
            "data.month", "period-passed", f"{state.closed_through} is closed, and with it all before", "nothing is left to do"
        )
    if command.made is not None:
        raise reject(
            "source",
            "closer-is-maker",
            f"the person who prepared run {command.made} does not close the books that it stands in",
            "let another person close the month",
        )
    if month > command.this_month:
        raise reject("data.month", "period-not-begun", "the month has not begun", "close a month when its work is done")
    if command.open_before:
        first = command.open_before[0]
        raise too_early("data.month", f"{first} is not closed yet, and months are closed in order")
    return (
        PeriodClosed(
            fact=command.fact,
            by=command.by,
            month=month,
            position=command.position,
            root=command.root,
            transfers=command.transfers,
            totals=tuple(command.totals),
        ),
    )


def evolve_periods(state: Periods, event: PeriodClosed) -> Periods:
    return Periods((*state.closed, event.month))


def totals_of(sums: Iterable[tuple[Account, str, str | None, int, int]]) -> tuple[PeriodTotal, ...]:
    """(account, payer, purse, debits, credits), as a closing records them: by account, payer and purse; what moved nothing is
    left out."""
    return tuple(
        PeriodTotal(account=account, payer=payer, purse=purse, debit_fen=debit, credit_fen=credit)
        for account, payer, purse, debit, credit in sorted(
            sums, key=lambda each: (ACCOUNTS.index(each[0]), each[1], each[2] or "")
        )
        if debit or credit
    )
