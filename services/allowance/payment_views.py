"""Payment runs, payouts, recoveries and the bank's differences as tables, written in the append; and what is asked of them.

The database itself refuses a run that is checked by the person who prepared it, another name in the place of who did either, a
stage that is skipped, and two payouts of a run from one purse to one worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    case,
    func,
    insert,
    select,
    update,
)

from contracts.base import (
    DIGEST_CHARS,
    DIVISION_CHARS,
    EVENT_ID_CHARS,
    KEY_CHARS_MAX,
    PAYOUT_CHARS_MAX,
    PERSON_REF_CHARS,
    SHORT_TEXT_CHARS_MAX,
    SOURCED_KEY_CHARS_MAX,
    STATE_CHARS_MAX,
    WORD_CHARS_MAX,
)
from contracts.payment import (
    BankAnswered,
    BankFileMatched,
    Break,
    BreakSettled,
    PayoutCancelled,
    PayoutInstructed,
    PayoutPrepared,
    PayoutReissued,
    PayoutReturned,
    PayoutSettled,
    RecoveryOffset,
    RecoveryOpened,
    RecoveryPaid,
    RunCancelled,
    RunChecked,
    RunCleared,
    RunClosed,
    RunExported,
    RunInstructed,
    RunListed,
    RunPrepared,
    RunSealed,
    list_digest,
)
from eventlog.bulk import bulk_insert, one_of
from eventlog.columns import hold_alike
from eventlog.log import Recorded
from services.allowance.account import number_of
from services.allowance.guards import guard
from services.allowance.runs import missing_break
from services.allowance.views import below

__all__ = [
    "PaymentView",
    "PayoutLine",
    "SealBroken",
    "SealedList",
    "bank_break",
    "breaks",
    "payment_run",
    "payout",
    "payouts",
    "recoveries",
    "recovery",
    "run",
    "runs",
    "sealed_list",
    "standing_list",
    "unanswered",
]

payment_metadata = MetaData()

payment_run = Table(
    "payment_run",
    payment_metadata,
    Column("run", String(SOURCED_KEY_CHARS_MAX), primary_key=True),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("payer", String(WORD_CHARS_MAX), nullable=False),
    Column("year", Integer, nullable=False),
    Column("stage", String(STATE_CHARS_MAX), nullable=False),
    Column("prepared_by", String(SHORT_TEXT_CHARS_MAX), nullable=False),
    Column("checked_by", String(SHORT_TEXT_CHARS_MAX), nullable=True),
    Column("maker_source", String(WORD_CHARS_MAX), nullable=False, comment="the principal that prepared it"),
    Column("checker_source", String(WORD_CHARS_MAX), nullable=True, comment="the principal that checked it"),
    Column("count", Integer, nullable=True, comment="of the payouts that stand"),
    Column("total_fen", BigInteger, nullable=True),
    Column("changed", Integer, nullable=True, comment="payouts that differed at the check"),
    Column("list_sha256", String(DIGEST_CHARS), nullable=True),
    Column("seal_position", BigInteger, nullable=True),
    Column("seal_root", String(DIGEST_CHARS), nullable=True),
    Column("payees_sha256", String(DIGEST_CHARS), nullable=True, comment="of the seal: who is paid to which account"),
    Column("registry_position", BigInteger, nullable=True, comment="of the registry's log, when the payees were sealed"),
    Column("exported_sha256", String(DIGEST_CHARS), nullable=True, comment="of the file that was exported last"),
    Column("record", String(EVENT_ID_CHARS), nullable=True, comment="the registry's event of that export"),
    Column("message_id", String(KEY_CHARS_MAX), nullable=True),
    Column("file_sha256", String(DIGEST_CHARS), nullable=True),
    Column("reason", String(SHORT_TEXT_CHARS_MAX), nullable=True),
    *(
        Column(name, BigInteger, nullable=name != "prepared", comment="position of the event")
        for name in ("prepared", "listed", "checked", "cleared", "sealed", "exported", "instructed", "closed", "ended")
    ),
    CheckConstraint("checker_source IS NULL OR checker_source <> maker_source", name="payment_run_two_persons"),
    CheckConstraint("(checker_source IS NULL) = (checked IS NULL)", name="payment_run_checked_by_somebody"),
    *(
        CheckConstraint(
            f"{later} IS NULL OR ({earlier} IS NOT NULL AND {later} > {earlier})", name=f"payment_run_{earlier}_{later}"
        )
        for earlier, later in (
            ("prepared", "listed"),
            ("listed", "checked"),
            ("checked", "cleared"),
            ("cleared", "sealed"),
            ("sealed", "exported"),
            ("sealed", "instructed"),
            ("instructed", "closed"),
        )
    ),
    CheckConstraint("exported_sha256 IS NULL OR file_sha256 IS NULL OR file_sha256 = exported_sha256", name="payment_run_file"),
    CheckConstraint("ended IS NULL OR instructed IS NULL", name="payment_run_ended_before_instruction"),
    comment="Payment runs: who prepared and checked each, and when it reached which stage.",
)
guard(
    payment_run,
    "payment_run_persons_stay",
    "UPDATE",
    "NEW.maker_source <> OLD.maker_source OR NEW.prepared_by <> OLD.prepared_by OR (OLD.checker_source IS NOT NULL AND "
    "(NEW.checker_source IS NULL OR NEW.checker_source <> OLD.checker_source OR NEW.checked_by IS NULL "
    "OR NEW.checked_by <> OLD.checked_by))",
    "who prepared a run, and who checked it, is not changed",
)

payout = Table(
    "payout",
    payment_metadata,
    Column("payout", String(PAYOUT_CHARS_MAX), primary_key=True),
    Column("run", String(SOURCED_KEY_CHARS_MAX), nullable=False),
    Column("number", Integer, nullable=False),
    Column("person_ref", String(PERSON_REF_CHARS), nullable=False),
    Column("payer", String(WORD_CHARS_MAX), nullable=False),
    Column("purse", String(DIVISION_CHARS), nullable=False, comment="the division whose budget it is"),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("year", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("taxable_fen", BigInteger, nullable=False),
    Column("tax_unknown_fen", BigInteger, nullable=False),
    Column("stage", String(STATE_CHARS_MAX), nullable=False),
    Column("position", BigInteger, nullable=False, comment="of the event that prepared it"),
    Column("answer", String(KEY_CHARS_MAX), nullable=True, comment="the bank's last reference for it"),
    Column("reason", String(SHORT_TEXT_CHARS_MAX), nullable=True, comment="why it was cancelled or returned"),
    Column("settled_before", Boolean, nullable=False, comment="it was returned after it had been settled"),
    Column("reissued_by", String(PAYOUT_CHARS_MAX), nullable=True),
    CheckConstraint("amount_fen > 0", name="payout_positive"),
    UniqueConstraint("run", "person_ref", "purse", name="payout_once_a_run"),
    UniqueConstraint("run", "number", name="payout_number"),
    comment="What each worker is to be paid, or was paid, in each run.",
)
Index("payout_person", payout.c.person_ref)

recovery = Table(
    "recovery",
    payment_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("recovery", String(KEY_CHARS_MAX), primary_key=True),
    Column("payer", String(WORD_CHARS_MAX), nullable=False),
    Column("purse", String(DIVISION_CHARS), nullable=False, comment="the division whose budget it is"),
    Column("division", String(DIVISION_CHARS), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("offset_fen", BigInteger, nullable=False, comment="owed again, so not to be given back"),
    Column("paid_fen", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    CheckConstraint("amount_fen > 0 AND offset_fen + paid_fen <= amount_fen", name="recovery_not_exceeded"),
    comment="What workers have to give back.",
)

bank_break = Table(
    "bank_break",
    payment_metadata,
    Column("run", String(SOURCED_KEY_CHARS_MAX), primary_key=True),
    Column("key", String(PAYOUT_CHARS_MAX), primary_key=True),
    Column("kind", String(STATE_CHARS_MAX), nullable=False),
    Column("payout", String(PAYOUT_CHARS_MAX), nullable=True),
    Column("reference", String(KEY_CHARS_MAX), nullable=True),
    Column("expected_fen", BigInteger, nullable=True),
    Column("found_fen", BigInteger, nullable=True),
    Column(
        "state",
        String(STATE_CHARS_MAX),
        nullable=False,
        comment="open, assigned, settled; answered",
    ),
    Column("owner", String(SHORT_TEXT_CHARS_MAX), nullable=True),
    Column("note", String(SHORT_TEXT_CHARS_MAX), nullable=True),
    Column("position", BigInteger, nullable=False, comment="of the event that found it"),
    comment="Differences between the seal and what the bank says.",
)
hold_alike(payment_metadata)

_OURS = (
    RunPrepared, RunListed, RunChecked, RunCleared, RunSealed, RunExported, RunInstructed, RunCancelled, RunClosed,
    PayoutPrepared, PayoutCancelled, PayoutInstructed, PayoutSettled, PayoutReturned, PayoutReissued, RecoveryOpened,
    RecoveryOffset, RecoveryPaid, BankAnswered, BankFileMatched, BreakSettled,
)  # fmt: skip


class PaymentView:
    name = "payment"
    tables: Sequence[Table] = (payment_run, payout, recovery, bank_break)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        ours = [recorded for recorded in events if isinstance(recorded.event, _OURS)]
        # Those of a kind that stand together are written together: a page of a run is one statement.
        for kind, group in groupby(ours, key=lambda recorded: type(recorded.event)):
            found = list(group)
            if kind is PayoutPrepared:
                bulk_insert(connection, tables["payout"], [_payout_row(recorded) for recorded in found])
            elif kind in (PayoutCancelled, PayoutInstructed, PayoutSettled, PayoutReturned, PayoutReissued):
                _move_payouts(connection, tables, found)
            elif kind in (RecoveryOpened, RecoveryOffset, RecoveryPaid):
                for recorded in found:
                    _write_recovery(connection, tables["recovery"], recorded)
            elif kind in (BankAnswered, BankFileMatched, BreakSettled):
                for recorded in found:
                    _write_breaks(connection, tables, recorded)
            else:
                for recorded in found:
                    _write_run(connection, tables["payment_run"], recorded)


def _write_run(connection: Connection, table: Table, recorded: Recorded) -> None:
    event, at = recorded.event, recorded.position
    match event:
        case RunPrepared():
            row = {"run": event.run, "division": event.division, "payer": event.payer, "year": event.year}
            who = {"prepared_by": event.by, "maker_source": event.fact.source}
            connection.execute(insert(table).values(**row, **who, stage="prepared", prepared=at))
            return
        case RunListed():
            change = {"stage": "listed", "listed": at, "count": event.count, "total_fen": event.total_fen}
        case RunChecked():
            change = {
                "stage": "checked" if event.outcome == "approved" else "rejected",
                "checked": at,
                "checked_by": event.by,
                "checker_source": event.fact.source,
                "changed": event.changed,
                "count": event.count,
                "total_fen": event.total_fen,
                "reason": event.reason,
                "ended": at if event.outcome == "rejected" else None,
            }
        case RunCleared():
            change = {"stage": "cleared", "cleared": at}
        case RunSealed():
            seal = {"seal_position": event.position, "seal_root": event.root, "list_sha256": event.list_sha256}
            payees = {"payees_sha256": event.payees_sha256, "registry_position": event.registry_position}
            change = {"stage": "sealed", "sealed": at, **seal, **payees}
        case RunExported():
            change = {"exported": at, "exported_sha256": event.file_sha256, "record": event.record}
        case RunInstructed():
            file = {"message_id": event.message_id, "file_sha256": event.file_sha256}
            change = {"stage": "instructed", "instructed": at, **file}
        case RunCancelled():
            change = {"stage": "cancelled", "ended": at, "count": 0, "total_fen": 0, "reason": event.reason}
        case RunClosed():
            change = {"stage": "closed", "closed": at}
        case _:
            raise TypeError(f"{recorded.type} moves no run")
    connection.execute(update(table).where(table.c.run == event.run).values(**change))


def _payout_row(recorded: Recorded) -> dict[str, Any]:
    event = recorded.event
    assert isinstance(event, PayoutPrepared)
    return {
        "payout": event.payout,
        "run": event.run,
        "number": number_of(event.payout),
        "person_ref": event.person_ref,
        "payer": event.payer,
        "purse": event.of_purse.division,
        "division": event.division,
        "year": event.year,
        "amount_fen": event.amount_fen,
        "taxable_fen": event.taxable_fen,
        "tax_unknown_fen": event.tax_unknown_fen,
        "stage": "prepared",
        "position": recorded.position,
        "answer": None,
        "reason": None,
        "settled_before": False,
        "reissued_by": None,
    }


def _move_payouts(connection: Connection, tables: Mapping[str, Table], found: Sequence[Recorded]) -> None:
    """Events of one kind."""
    table = tables["payout"]
    changes = [{"of": recorded.event.payout, **_payout_change(recorded)} for recorded in found]  # type: ignore[attr-defined]
    names = [name for name in changes[0] if name != "of"]
    values: dict[str, Any] = {name.removeprefix("new_"): bindparam(name) for name in names}
    connection.execute(update(table).where(table.c.payout == bindparam("of")).values(**values), changes)
    event = found[0].event
    if isinstance(event, PayoutCancelled):
        gone = update(table).where(table.c.reissued_by == bindparam("gone")).values(reissued_by=None)
        connection.execute(gone, [{"gone": change["of"]} for change in changes])
    elif isinstance(event, PayoutSettled | PayoutReturned):
        b = tables["bank_break"].c
        here = (b.run == bindparam("in_run"), b.key == bindparam("of_key"), b.state != "settled")
        keys = [{"in_run": r.event.run, "of_key": f"missing/{number_of(r.event.payout)}"} for r in found]  # type: ignore[attr-defined]
        connection.execute(update(tables["bank_break"]).where(*here).values(state="answered"), keys)


def _payout_change(recorded: Recorded) -> dict[str, Any]:
    event = recorded.event
    match event:
        case PayoutCancelled():
            return {"new_stage": "cancelled", "new_reason": event.why}
        case PayoutInstructed():
            return {"new_stage": "instructed"}
        case PayoutSettled():
            return {"new_stage": "settled", "new_answer": event.answer}
        case PayoutReturned():
            said = {"new_answer": event.answer, "new_reason": event.reason, "new_settled_before": event.settled_before}
            return {"new_stage": "returned", **said}
        case PayoutReissued():
            return {"new_reissued_by": event.by_payout}
        case _:
            raise TypeError(f"{recorded.type} moves no payout")


def _write_recovery(connection: Connection, table: Table, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, RecoveryOpened | RecoveryOffset | RecoveryPaid)
    if isinstance(event, RecoveryOpened):
        row = {"person_ref": event.person_ref, "recovery": event.recovery, "payer": event.payer, "division": event.division}
        row["purse"] = event.of_purse.division
        sums = {"amount_fen": event.amount_fen, "offset_fen": 0, "paid_fen": 0}
        connection.execute(insert(table).values(**row, **sums, position=recorded.position))
        return
    column = table.c.offset_fen if isinstance(event, RecoveryOffset) else table.c.paid_fen
    chosen = (table.c.person_ref == event.person_ref, table.c.recovery == event.recovery)
    connection.execute(update(table).where(*chosen).values({column: column + event.amount_fen}))


def _write_breaks(connection: Connection, tables: Mapping[str, Table], recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, BankAnswered | BankFileMatched | BreakSettled)
    table = tables["bank_break"]
    if isinstance(event, BreakSettled):
        _add_breaks(connection, table, event.run, _unreported(connection, tables, event), recorded.position)
        chosen = (table.c.run == event.run, table.c.key == event.key)
        said = {"state": event.state, "owner": event.owner, "note": event.note}
        connection.execute(update(table).where(*chosen).values(**said))
        return
    _add_breaks(connection, table, event.run, event.breaks, recorded.position)


def _unreported(connection: Connection, tables: Mapping[str, Table], event: BreakSettled) -> list[Break]:
    """The break of a missing payout that no event named, because there were too many."""
    kind, _, number = event.key.partition("/")
    if kind != "missing":
        return []
    p = tables["payout"].c
    query = select(p.payout, p.amount_fen).where(p.run == event.run, p.number == int(number))
    return [missing_break(row.payout, row.amount_fen) for row in connection.execute(query)]


def _add_breaks(connection: Connection, table: Table, run: str, found: Sequence[Break], position: int) -> None:
    """Those that are known already stay as they are."""
    if not found:
        return
    keys = one_of(connection, table.c.key, [each.key for each in found])
    known = set(connection.scalars(select(table.c.key).where(table.c.run == run, keys)))
    rows = {}
    for each in found:
        if each.key not in known:
            rows[each.key] = {"run": run, **each.payload(), "state": "open", "owner": None, "note": None, "position": position}
    bulk_insert(connection, table, list(rows.values()))


# --- queries ----------------------------------------------------------------------------------------------------------


def runs(connection: Connection, *, division: str | None = None, year: int | None = None) -> list[dict[str, Any]]:
    """Payment runs in the order in which they were prepared, each as ``run`` shows it. division: it and all below it."""
    query = select(payment_run).order_by(payment_run.c.prepared)
    if division is not None:
        query = query.where(payment_run.c.division.startswith(below(division), autoescape=True))
    if year is not None:
        query = query.where(payment_run.c.year == year)
    rows = connection.execute(query).all()
    sums = _sums(connection, [row.run for row in rows])
    return [row._asdict() | {"payouts": sums.get(row.run, {})} for row in rows]


def run(connection: Connection, name: str) -> dict[str, Any] | None:
    """One run: its row, and ``payouts``: stage → (count, fen)."""
    row = connection.execute(select(payment_run).where(payment_run.c.run == name)).one_or_none()
    return None if row is None else row._asdict() | {"payouts": _sums(connection, [name]).get(name, {})}


def runs_called(connection: Connection, key: str) -> list[str]:
    """The names, ``<source>/<key>``, of all runs with this key."""
    query = select(payment_run.c.run).where(payment_run.c.run.endswith(f"/{key}", autoescape=True)).order_by(payment_run.c.run)
    return list(connection.execute(query).scalars())


def _sums(connection: Connection, names: Sequence[str]) -> dict[str, dict[str, tuple[int, int]]]:
    query = select(payout.c.run, payout.c.stage, func.count(), func.sum(payout.c.amount_fen))
    chosen = query.where(one_of(connection, payout.c.run, names)).group_by(payout.c.run, payout.c.stage)
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for name, stage, count, fen in connection.execute(chosen):
        found.setdefault(name, {})[stage] = (int(count), int(fen))
    return found


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """One payout of a run, without anything personal. purse: the division whose budget pays."""

    payout: str
    number: int
    person_ref: str
    purse: str
    amount_fen: int
    taxable_fen: int
    tax_unknown_fen: int
    division: str
    stage: str
    answer: str | None
    reason: str | None
    reissued_by: str | None


def payouts(
    connection: Connection, name: str, *, stages: Sequence[str] = (), after: int = 0, limit: int | None = None
) -> list[PayoutLine]:
    """A run's payouts in order. stages: only those. after: number of the last one seen."""
    columns = [payout.c[field] for field in PayoutLine.__slots__]
    query = select(*columns).where(payout.c.run == name, payout.c.number > after).order_by(payout.c.number)
    if stages:
        query = query.where(payout.c.stage.in_(stages))
    return [PayoutLine(*row) for row in connection.execute(query if limit is None else query.limit(limit))]


class SealBroken(RuntimeError):
    """The payouts are not those that were sealed. The text says which figure differs."""


@dataclass(frozen=True, slots=True)
class SealedList:
    """What the bank is to be told: the lines, and the seal that they were compared with."""

    run: str
    division: str
    payer: str
    year: int
    count: int
    total_fen: int
    list_sha256: str
    payees_sha256: str | None
    registry_position: int | None
    lines: tuple[PayoutLine, ...]


def standing_list(connection: Connection, name: str) -> tuple[PayoutLine, ...]:
    """The payouts of a run that were not cancelled, in order."""
    return tuple(payouts(connection, name, stages=("prepared", "instructed", "settled", "returned")))


def sealed_list(connection: Connection, name: str) -> SealedList:
    """The list of a sealed run, compared with its seal. Raises LookupError if it is not sealed, SealBroken."""
    found_row = connection.execute(select(payment_run).where(payment_run.c.run == name)).one_or_none()
    row = {} if found_row is None else found_row._asdict()
    if row.get("sealed") is None or row["ended"] is not None:
        raise LookupError(f"run {name} is not sealed")
    lines = standing_list(connection, name)
    found = {
        "count": len(lines),
        "total_fen": sum(line.amount_fen for line in lines),
        "list_sha256": list_digest((line.payout, line.person_ref, line.amount_fen) for line in lines),
    }
    for field, value in found.items():
        if value != row[field]:
            raise SealBroken(f"run {name}: {field} of its payouts is {value}, the seal says {row[field]}")
    said = {field: row[field] for field in ("division", "payer", "year", "payees_sha256", "registry_position", *found)}
    return SealedList(run=name, lines=lines, **said)


def unanswered(connection: Connection, name: str, *, besides: Sequence[str] = (), limit: int = 200) -> list[Break]:
    """The payouts of an instructed run that no file has answered, as breaks. besides: payouts to leave out."""
    query = select(payout.c.payout, payout.c.amount_fen).where(
        payout.c.run == name, payout.c.stage.in_(("prepared", "instructed"))
    )
    rows = connection.execute(query.order_by(payout.c.number).limit(limit + len(besides)))
    left_out = set(besides)
    return [missing_break(row.payout, row.amount_fen) for row in rows if row.payout not in left_out][:limit]


def breaks(connection: Connection, name: str | None = None, *, states: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Differences with the bank, oldest first: of a run, or of all. states: only those."""
    query = select(bank_break).order_by(bank_break.c.position, bank_break.c.run, bank_break.c.key)
    if name is not None:
        query = query.where(bank_break.c.run == name)
    if states:
        query = query.where(bank_break.c.state.in_(states))
    return [row._asdict() for row in connection.execute(query)]


def recoveries(
    connection: Connection, *, person_ref: str | None = None, division: str | None = None, open_only: bool = False
) -> list[dict[str, Any]]:
    """What is to be given back; ``owing_fen``: still. division: it and all below it."""
    owing = (recovery.c.amount_fen - recovery.c.offset_fen - recovery.c.paid_fen).label("owing_fen")
    query = select(recovery, owing).order_by(recovery.c.position, recovery.c.person_ref, recovery.c.recovery)
    if person_ref is not None:
        query = query.where(recovery.c.person_ref == person_ref)
    if division is not None:
        query = query.where(recovery.c.division.startswith(below(division), autoescape=True))
    if open_only:
        query = query.where(case((owing > 0, 1), else_=0) == 1)
    return [row._asdict() for row in connection.execute(query)]
