"""对账: each run held against itself in every place where it stands: seal = events = ledger = tables = the bank's answers; and
the ledger against the decisions.

What differs with the bank line by line are the run's *breaks* (``payment_views.breaks``); here it is asked whether our own
books agree, and whether their sums are those that the bank has answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, func, literal, select, union_all

from contracts.payment import (
    BankAnswered,
    BreakSettled,
    PayoutBooked,
    PayoutCancelled,
    PayoutInstructed,
    PayoutPrepared,
    PayoutReturned,
    PayoutSettled,
    RunExported,
    RunInstructed,
    RunSealed,
    list_digest,
)
from eventlog.bulk import one_of
from eventlog.log import Log, Recorded
from services.allowance.account import number_of
from services.allowance.ledger_views import transfer
from services.allowance.payment_views import run, runs
from services.allowance.runs import tally_by_hand
from services.allowance.views import entitlement_payer

__all__ = ["RunProof", "Sum", "UnequalPosting", "prove_run", "prove_runs", "unequal_postings"]

PAGE = 2_000
_PAYOUTS = (PayoutPrepared, PayoutCancelled, PayoutInstructed, PayoutSettled, PayoutReturned)
_TYPES = tuple(
    event.TYPE for event in (*_PAYOUTS, PayoutBooked, RunSealed, RunExported, RunInstructed, BankAnswered, BreakSettled)
)


@dataclass(frozen=True, slots=True)
class Sum:
    count: int = 0
    fen: int = 0

    def plus(self, fen: int, count: int = 1) -> Sum:
        return Sum(self.count + count, self.fen + fen)

    def __str__(self) -> str:
        return f"{self.count} payouts of {self.fen} fen"


@dataclass(frozen=True, slots=True)
class RunProof:
    """seal, file: as recorded (None before that). events: what the events of its payouts say now, by stage. tables: the same of
    the table of payouts. ledger: what these events moved into each account, fen. bank: what the bank's files have answered.

    waiting: payouts whose instruction is not booked yet. differences: in words; none: everything agrees.
    """

    run: str
    seal: Sum | None
    file: Sum | None
    events: Mapping[str, Sum]
    tables: Mapping[str, Sum]
    ledger: Mapping[str, int]
    bank: Mapping[str, Sum]
    waiting: int
    differences: tuple[str, ...]


@dataclass(slots=True)
class _Heard:
    """payouts: name → (person_ref, stage, fen). listed: the digest that the payouts had at the seal, if it was another.
    exported: of the last file; strange: another file that was instructed."""

    payouts: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    seal: Sum | None = None
    file: Sum | None = None
    listed: tuple[str, str] | None = None
    exported: str | None = None
    strange: str | None = None
    bank: dict[str, Sum] = field(default_factory=lambda: {"settled": Sum(), "returned": Sum()})
    positions: list[int] = field(default_factory=list)
    booked_fen: int = 0


def prove_run(log: Log, connection: Connection, name: str) -> RunProof:
    """Raises LookupError if there is no such run."""
    found = run(connection, name)
    if found is None:
        raise LookupError(f"there is no run {name}")
    heard = _Heard()
    for recorded in _events(log, connection, found["prepared"]):
        if getattr(recorded.event, "run", None) == name:
            _hear(heard, recorded)
    return _proof(connection, found, heard)


def prove_runs(log: Log, connection: Connection) -> Iterator[RunProof]:
    """Every run, in the order in which they were prepared: the log is read once."""
    found = runs(connection)
    heard = {each["run"]: _Heard() for each in found}
    for recorded in _events(log, connection, 0):
        # An event of a run that the table has not got is found by a replay.
        _hear(heard.setdefault(str(getattr(recorded.event, "run", "")), _Heard()), recorded)
    for each in found:
        yield _proof(connection, each, heard.pop(each["run"]))


def _proof(connection: Connection, found: Mapping[str, Any], heard: _Heard) -> RunProof:
    events: dict[str, Sum] = {}
    for _, stage, fen in heard.payouts.values():
        events[stage] = events.get(stage, Sum()).plus(fen)
    tables = {stage: Sum(*sums) for stage, sums in found["payouts"].items()}
    ledger = _ledger(connection, heard.positions)
    waiting = events.get("prepared", Sum()).count
    differences = tuple(_differences(heard, events, tables, ledger))
    return RunProof(found["run"], heard.seal, heard.file, events, tables, ledger, heard.bank, waiting, differences)


def _events(log: Log, connection: Connection, after: int) -> Iterator[Recorded]:
    """The events of runs and their payouts after a position."""
    upto = log.head(connection).position
    while page := log.read(connection, after, PAGE, upto=upto, types=_TYPES):
        yield from page
        after = page[-1].position


def _hear(heard: _Heard, recorded: Recorded) -> None:
    event = recorded.event
    match event:
        case PayoutPrepared() | PayoutCancelled() | PayoutInstructed() | PayoutSettled() | PayoutReturned():
            stage = recorded.type.removeprefix("allowance.payout-").removesuffix(".v1")
            heard.payouts[event.payout] = event.person_ref, stage, event.amount_fen
            if not isinstance(event, PayoutPrepared | PayoutCancelled):
                heard.positions.append(recorded.position)
        case PayoutBooked():
            heard.booked_fen += event.amount_fen
            heard.positions.append(recorded.position)
        case RunSealed():
            heard.seal = Sum(event.count, event.total_fen)
            standing = [(name, ref, fen) for name, (ref, stage, fen) in heard.payouts.items() if stage != "cancelled"]
            found = list_digest(sorted(standing, key=lambda line: number_of(line[0])))
            heard.listed = None if found == event.list_sha256 else (found, event.list_sha256)
        case RunInstructed():
            heard.file = Sum(event.count, event.total_fen)
            # What was instructed before exports were recorded has none, and cannot be compared.
            known = heard.exported in (None, event.file_sha256)
            heard.strange = None if known else event.file_sha256
        case RunExported():
            heard.exported = event.file_sha256
        case BankAnswered():
            settled, returned = heard.bank["settled"], heard.bank["returned"]
            heard.bank["settled"] = settled.plus(event.matched_fen - event.reversed_fen, event.matched - event.reversed)
            heard.bank["returned"] = returned.plus(event.returned_fen, event.returned)
        case BreakSettled():
            by_hand = tally_by_hand(event)
            heard.bank["settled"] = heard.bank["settled"].plus(by_hand.matched_fen, by_hand.matched)
            heard.bank["returned"] = heard.bank["returned"].plus(by_hand.returned_fen, by_hand.returned)
        case _:
            raise TypeError(f"{recorded.type} was not asked for")


def _ledger(connection: Connection, positions: list[int]) -> dict[str, int]:
    """What the transfers at these positions moved into each account."""
    found: dict[str, int] = {}
    for start in range(0, len(positions), PAGE):
        c = transfer.c
        chosen = one_of(connection, c.position, positions[start : start + PAGE])
        for debit, credit, fen in connection.execute(select(c.debit, c.credit, c.amount_fen).where(chosen)):
            found[debit] = found.get(debit, 0) + fen
            found[credit] = found.get(credit, 0) - fen
    return found


def _differences(
    heard: _Heard, events: Mapping[str, Sum], tables: Mapping[str, Sum], ledger: Mapping[str, int]
) -> Iterator[str]:
    if events != tables:
        yield f"the events of the payouts come to {_shown(events)}, the table says {_shown(tables)}"
    if heard.listed is not None:
        yield f"the payouts at the seal have the digest {heard.listed[0]}, the seal says {heard.listed[1]}"
    if heard.strange is not None:
        yield f"the bank was given the file {heard.strange}, the last export was {heard.exported}"
    sent = [events.get(stage, Sum()) for stage in ("prepared", "instructed", "settled", "returned")]
    total = Sum(sum(each.count for each in sent), sum(each.fen for each in sent))
    if heard.seal is not None and heard.file is None and total not in (heard.seal, Sum()):
        yield f"{total} stand, the seal says {heard.seal}"
    if heard.file is not None and not total == heard.seal == heard.file:
        yield f"{total} stand, the seal says {heard.seal}, the file {heard.file}"
    on_the_way = {
        "in_transit": events.get("instructed", Sum()).fen,
        "paid": events.get("settled", Sum()).fen + heard.booked_fen,
        "payable": -events.get("instructed", Sum()).fen - events.get("settled", Sum()).fen - heard.booked_fen,
    }
    # Into an account is a debit; what the ledger shows of money on its way out is the other side of it.
    for account, expected in on_the_way.items():
        moved = -ledger.get(account, 0)
        if moved != expected:
            yield f"the ledger moved {moved} fen to {account}, the events of the payouts come to {expected}"
    for outcome, sums in heard.bank.items():
        if events.get(outcome, Sum()) != sums:
            yield f"the bank's files come to {outcome} {sums}, the payouts to {events.get(outcome, Sum())}"


def _shown(sums: Mapping[str, Sum]) -> str:
    return ", ".join(f"{stage} {sums[stage]}" for stage in sorted(sums)) or "nothing"


# --- the ledger against the decisions -----------------------------------------------------------------------------------


class UnequalPosting(NamedTuple):
    """decided_fen: what the last decision says that this purse owes. posted_fen: the sum of what was ever posted for it."""

    person_ref: str
    payer: str
    purse: str
    year: int
    instrument: str
    decided_fen: int
    posted_fen: int


def unequal_postings(connection: Connection, limit: int = 100) -> list[UnequalPosting]:
    """Where the sum of the postings is not what was decided last, by worker, purse, year and instrument; the first ones."""
    t, d = transfer.c, entitlement_payer.c
    posted = case((t.debit == "entitlement", t.amount_fen), else_=-t.amount_fen)
    rows = union_all(
        select(d.person_ref, d.payer, d.purse, d.year, d.instrument, d.amount_fen.label("decided"), literal(0).label("posted"))
        .where(d.instrument != "work_expense"),
        select(t.person_ref, t.payer, t.purse, t.year, t.instrument, literal(0), posted)
        .where((t.debit == "entitlement") | (t.credit == "entitlement")),
    ).subquery()  # fmt: skip
    key = (rows.c.person_ref, rows.c.payer, rows.c.purse, rows.c.year, rows.c.instrument)
    decided, found = func.sum(rows.c.decided), func.sum(rows.c.posted)
    query = select(*key, decided, found).group_by(*key).having(decided != found).order_by(*key).limit(limit)
    return [UnequalPosting(*row[:5], int(row[5]), int(row[6])) for row in connection.execute(query)]
