"""From intake facts about payment to appends: runs, the bank's answers, recoveries, closed months. No rules here.

Each message is one ``Unit``: events of the run's stream and of the accounts that it touches. What comes before the stage that
it needs is refused; ``payment_work`` does what takes many pages: listing, cancelling and instructing payouts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Row, String, Table, select

from contracts import intake
from contracts.allowance import EntitlementAdjusted, EntitlementDecided
from contracts.allowance import PolicyPublished as PolicyPublishedEvent
from contracts.base import (
    EVENT_ID_CHARS,
    MESSAGE_ID_CHARS_MAX,
    PAYOUT_CHARS_MAX,
    PERSON_REF_CHARS,
    SOURCED_KEY_CHARS_MAX,
    STATE_CHARS_MAX,
    WORD_CHARS_MAX,
    LogEvent,
    utc_text,
)
from contracts.payment import (
    BREAKS_SHOWN_MAX,
    Break,
    LeftOut,
    PayoutBooked,
    PayoutCancelled,
    PayoutQuestioned,
    PayoutReturned,
    PayoutSettled,
    PeriodClosed,
    RecoveryOffset,
    RecoveryOpened,
    RunCancelled,
    RunChange,
    RunChecked,
    RunInstructed,
    RunPrepared,
    list_digest,
)
from eventlog import schema
from eventlog.bounds import SourceBounds
from eventlog.bulk import one_of
from eventlog.cache import Shelf
from eventlog.canonical import digest
from eventlog.columns import hold_alike
from eventlog.desk import Batch, Desk, Item
from eventlog.holding import Holding
from eventlog.inbox.protocol import Capability, Decided, Entry
from eventlog.intake import Parsed
from eventlog.log import Appended, Log, NewEvent, Recorded, Unit
from eventlog.parking import blocked_streams
from eventlog.quota import Quota
from services.allowance import account as accounts
from services.allowance import runs
from services.allowance.account import Account, AccountEvent, Answered, DecidedOnFile, Mode, stream_of_account
from services.allowance.ledger import (
    PERIODS,
    ClosePeriod,
    Periods,
    decide_close,
    evolve_periods,
    month_of,
    totals_of,
)
from services.allowance.ledger_views import month_totals, open_months_before, payers_in, transfer
from services.allowance.payment_views import bank_break, payment_run, payout, standing_list, unanswered
from services.allowance.runs import Cleared, Instructed, Listed, Run, Sealed, Tally, stream_of_run

__all__ = [
    "HOLD_SECONDS",
    "PAYMENT_FACTS",
    "POLICIES",
    "PaymentBatch",
    "PaymentRoom",
    "Payments",
    "load_accounts",
    "load_runs",
    "payment_change",
    "payment_work",
    "read_accounts",
    "work_metadata",
    "work_of",
]

SERVICE = "allowance"
POLICIES = "policies"
"""The one stream of all policy documents: a decision names its version, so that none is made under a stale policy."""
HOLD_SECONDS = 7 * 24 * 3600
"""How long a fact waits for the stage that it needs before it is parked."""
ACCOUNTS_PAGE = 500
"""Accounts that are read in one query."""

PAYMENT_FACTS = (
    intake.PaymentRunPrepared, intake.PaymentRunChecked, intake.PaymentRunSealed, intake.PaymentRunExported,
    intake.PaymentRunInstructed, intake.PaymentRunCancelled, intake.PaymentResultsReported, intake.BreakSettled,
    intake.RecoveryDemanded, intake.RecoveryPaid, intake.PeriodClosed,
)  # fmt: skip

DECISIONS = (EntitlementDecided.TYPE, EntitlementAdjusted.TYPE)
# Whoever is touched by one of these since a run was prepared may have other dues now.
_CHANGES_DUES = (
    *DECISIONS, PayoutReturned.TYPE, PayoutCancelled.TYPE, PayoutQuestioned.TYPE, PayoutBooked.TYPE, RecoveryOpened.TYPE,
    RecoveryOffset.TYPE,
)  # fmt: skip
_DECIDED = msgspec.json.Decoder(DecidedOnFile)
_E = schema.event.c
T = TypeVar("T")

work_metadata = MetaData()

payment_work = Table(
    "payment_work",
    work_metadata,
    Column("run", String(SOURCED_KEY_CHARS_MAX), primary_key=True),
    Column("phase", String(STATE_CHARS_MAX), nullable=False, comment="list, clear, cancel or instruct"),
    Column("because", String(EVENT_ID_CHARS), nullable=False, comment="the event that asked for it"),
    Column("correlation_id", String(MESSAGE_ID_CHARS_MAX), nullable=False),
    Column("after_person", String(PERSON_REF_CHARS), nullable=False, comment="list: everybody up to here is done"),
    Column("number", Integer, nullable=False, comment="list: the last number given; else: payouts up to here are done"),
    comment="Payment runs of which many payouts are being written. A row goes when all are.",
)

payment_change = Table(
    "payment_change",
    work_metadata,
    Column("run", String(SOURCED_KEY_CHARS_MAX), primary_key=True),
    Column("payout", String(PAYOUT_CHARS_MAX), primary_key=True),
    Column("person_ref", String(PERSON_REF_CHARS), nullable=False),
    Column("why", String(WORD_CHARS_MAX), nullable=False),
    Column("position", BigInteger, nullable=False, comment="of the log that was looked at"),
    comment="Payouts that had changed when their run was approved, and are still to be cancelled.",
)
hold_alike(work_metadata)


@dataclass(slots=True)
class PaymentBatch(Batch):
    """runs: by name. accounts: by person_ref. closing: the month that is being closed, and the position that was looked at."""

    runs: dict[str, Run] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    periods: Periods | None = None
    closing: tuple[str, int] | None = None


# --- reading ----------------------------------------------------------------------------------------------------------


def pages(items: Iterable[T], size: int) -> Iterable[list[T]]:
    rest = iter(items)
    while page := list(islice(rest, size)):
        yield page


def read_accounts(
    connection: Connection, log: Log, people: Iterable[str], *, upto: int | None = None
) -> dict[str, tuple[int, Account]]:
    """person_ref → (version of the account's stream, the account). upto: position of the log, inclusive."""
    found: dict[str, tuple[int, Account]] = {}
    columns = select(_E.stream, _E.version, _E.event_id, _E.type, _E.data)
    for page in pages(people, ACCOUNTS_PAGE):
        histories: dict[str, list[accounts.Happened]] = {ref: [] for ref in page}
        versions = dict.fromkeys(page, 0)
        of_workers = one_of(connection, _E.stream, [f"worker-{ref}" for ref in page])
        of_accounts = one_of(connection, _E.stream, [stream_of_account(ref) for ref in page])
        for query in (columns.where(of_workers, _E.type.in_(DECISIONS)), columns.where(of_accounts)):
            if upto is not None:
                query = query.where(_E.position <= upto)
            for stream, version, event_id, kind, data in connection.execute(query.order_by(_E.stream, _E.version)):
                ref = stream.partition("-")[2]
                if kind in DECISIONS:
                    histories[ref].append(accounts.Happened(event_id, _DECIDED.decode(data)))
                else:
                    event = cast(AccountEvent, log.codec.decode(kind, data))
                    histories[ref].append(accounts.Happened(event_id, event))
                    versions[ref] = version
        found.update((ref, (versions[ref], accounts.replay(history))) for ref, history in histories.items())
    return found


def load_accounts(connection: Connection, log: Log, batch: PaymentBatch, people: Iterable[str]) -> None:
    """Bring the accounts that are not there yet into the batch."""
    missing = dict.fromkeys(ref for ref in people if ref not in batch.accounts)
    for ref, (version, account) in read_accounts(connection, log, missing).items():
        batch.accounts[ref] = account
        batch.versions[stream_of_account(ref)] = version


def load_runs(connection: Connection, log: Log, batch: PaymentBatch, names: Iterable[str]) -> None:
    """Bring the runs that are not there yet into the batch."""
    missing = [name for name in names if name not in batch.runs]
    for stream, history in log.load(connection, [stream_of_run(name) for name in missing]).items():
        happened = [
            runs.Happened(r.position, date.fromisoformat(r.effective_on), cast(runs.RunEvent, r.event)) for r in history
        ]
        name = stream.removeprefix("run-")
        batch.runs[name] = runs.replay(happened)
        batch.versions[stream] = len(history)


def _mode_of(recorded: Recorded) -> tuple[str, Mode]:
    return recorded.event_id, cast(PolicyPublishedEvent, recorded.event).document.settings.overpayment


@dataclass(frozen=True, slots=True)
class Cause:
    """What an event names as its cause, and its effective date."""

    day: str
    correlation: str
    causation: str
    actor: str


class Payments:
    """Payment facts. recalculating: whether decisions are being made again for everybody (a new policy came)."""

    def __init__(
        self,
        log: Log,
        *,
        hold_seconds: int = HOLD_SECONDS,
        quota: Quota | None = None,
        known: Mapping[str, SourceBounds] | None = None,
        recalculating: Callable[[Connection], bool] = lambda connection: False,
    ) -> None:
        self.log = log
        self.desk = Desk(SERVICE, log, quota, known)
        self.holding = Holding(self.desk, log, hold_seconds)
        self.recalculating = recalculating
        self._shelf = Shelf(log, POLICIES, _mode_of)

    def modes(self, connection: Connection) -> dict[str, Mode]:
        """policy event → what it wants of an overpayment."""
        return dict(self._shelf.read(connection).items)

    # --- one fact -------------------------------------------------------------------------------------------------------

    def stream_of(self, connection: Connection, batch: PaymentBatch, entry: Entry) -> str:
        return _stream_of(entry.parsed)

    def load(self, connection: Connection, batch: PaymentBatch, entries: Sequence[Entry]) -> None:
        """Each fact is decided in an append of its own, and loads what it is about."""

    def decide(self, connection: Connection, batch: PaymentBatch, entry: Entry, stream: str) -> Decided:
        unit: Unit = Unit()
        events = self._decide(connection, batch, unit, entry.parsed, stream)
        named = {id(event) for event in events}
        ids = tuple(new.event_id for new in unit.events if id(new.event) in named)
        return Decided(unit, ids, _person_of(entry.parsed))

    def _decide(
        self, connection: Connection, batch: PaymentBatch, unit: Unit, parsed: Parsed, stream: str
    ) -> Sequence[LogEvent]:
        """Fill the unit; return the events that the receipt names. Raises Rejected."""
        data = parsed.message.data
        match data:
            case intake.RecoveryDemanded() | intake.RecoveryPaid():
                return self._of_recovery(connection, batch, unit, parsed, data)
            case intake.PeriodClosed():
                return self._close(connection, batch, unit, parsed, data)
            case intake.PaymentResultsReported():
                return self._results(connection, batch, unit, parsed, data)
            case intake.BreakSettled():
                return self._settle_break(connection, batch, unit, parsed, data)
            case _:
                return self._of_run(connection, batch, unit, parsed, stream)

    # --- writing --------------------------------------------------------------------------------------------------------

    def add_run_events(
        self, batch: PaymentBatch, unit: Unit, name: str, events: Sequence[runs.RunEvent], cause: Cause
    ) -> list[str]:
        """Add events of a run to a unit and move its state on. Returns their ids."""
        stream = stream_of_run(name)
        unit.expects.setdefault(stream, batch.versions[stream])
        state, ids = batch.runs[name], []
        for event in events:
            ids.append(self._add(unit, stream, event, cause))
            # Its position is known only in the append; nothing that is decided in the same batch asks for it.
            state = runs.evolve(state, runs.Happened(0, date.fromisoformat(cause.day), event))
        batch.runs[name] = state
        batch.versions[stream] += len(events)
        return ids

    def add_account_events(
        self, batch: PaymentBatch, unit: Unit, person_ref: str, events: Sequence[AccountEvent], cause: Cause
    ) -> None:
        """Add events of a worker's account to a unit and move its state on."""
        stream = stream_of_account(person_ref)
        unit.expects.setdefault(stream, batch.versions[stream])
        state = batch.accounts[person_ref]
        for event in events:
            event_id = self._add(unit, stream, event, cause)
            state = accounts.evolve(state, accounts.Happened(event_id, event))
        batch.accounts[person_ref] = state
        batch.versions[stream] += len(events)

    def _add(self, unit: Unit, stream: str, event: LogEvent, cause: Cause) -> str:
        event_id = self.log.new_id()
        unit.events.append(NewEvent(stream, event, cause.day, event_id, cause.correlation, cause.causation, cause.actor))
        return event_id

    # --- runs -----------------------------------------------------------------------------------------------------------

    def _of_run(
        self, connection: Connection, batch: PaymentBatch, unit: Unit, parsed: Parsed, stream: str
    ) -> Sequence[LogEvent]:
        name = stream.removeprefix("run-")
        load_runs(connection, self.log, batch, [name])
        state = batch.runs[name]
        command, changes = self._command(connection, batch, parsed, name, state)
        events = runs.decide(command, state)
        ids = self.add_run_events(batch, unit, name, events, _cause_of(parsed))
        for event, event_id in zip(events, ids, strict=True):
            self._set_to_work(connection, unit, event, event_id, parsed, changes)
        return events

    def _command(
        self, connection: Connection, batch: PaymentBatch, parsed: Parsed, name: str, state: Run
    ) -> tuple[runs.Command, tuple[RunChange, ...]]:
        """The command that a fact is, with what the payouts of the run come to; and every change that a check has found."""
        data = parsed.message.data
        assert isinstance(data, PAYMENT_FACTS)
        stamp = runs.Stamp(name, parsed.fact, data.by)
        changes: tuple[RunChange, ...] = ()
        match data:
            case intake.PaymentRunPrepared():
                this_year = int(month_of(utc_text(self.log.clock.now()))[:4])
                granted = payers_in(connection, data.division)
                day = parsed.message.effectiveon
                without = [LeftOut(person_ref=each.person_ref, reason=each.reason) for each in data.without]
                return runs.Prepare(stamp, data.division, data.payer, data.year, day, this_year, granted, without), ()
            case intake.PaymentRunChecked():
                position = self.log.head(connection).position
                if isinstance(state, Listed) and data.outcome == "approved":
                    self._not_while_recalculating(connection)
                    changes = self.changes(connection, state, position, batch.blocked)
                return runs.Check(stamp, data.outcome, data.reason, position, changes), changes
            case intake.PaymentRunSealed():
                head = self.log.head(connection)
                lines = [(p.payout, p.person_ref, p.amount_fen) for p in standing_list(connection, name)]
                total = sum(fen for _, _, fen in lines)
                payees = (data.payees_sha256, data.registry_position)
                late = self._late_changes(connection, batch, state)
                return runs.Seal(stamp, len(lines), total, list_digest(lines), head.position, head.root, *payees, late), ()
            case intake.PaymentRunExported():
                said = {name: getattr(data, name) for name in runs.Export.__slots__ if name not in ("stamp", "changes")}
                return runs.Export(stamp, **said, changes=self._late_changes(connection, batch, state)), ()
            case intake.PaymentRunInstructed():
                seal = (data.count, data.total_fen, data.list_sha256)
                late = self._late_changes(connection, batch, state)
                return runs.Instruct(stamp, data.message_id, data.file_sha256, *seal, late), ()
            case intake.PaymentRunCancelled():
                return runs.Stop(stamp, data.reason), ()
            case _:
                raise TypeError(f"{parsed.message.type} is not about a run")

    def _late_changes(self, connection: Connection, batch: PaymentBatch, state: Run) -> tuple[RunChange, ...]:
        """What would come out otherwise now than it was approved. Raises Rejected while nobody can say."""
        if not isinstance(state, Cleared | Sealed):
            return ()
        self._not_while_recalculating(connection)
        return self.changes(connection, state, self.log.head(connection).position, batch.blocked)

    def _not_while_recalculating(self, connection: Connection, field_name: str = "data.run") -> None:
        if self.recalculating(connection):
            raise accounts.too_early(field_name, "everybody is still being decided on under the new policy")

    def _set_to_work(
        self,
        connection: Connection,
        unit: Unit,
        event: runs.RunEvent,
        event_id: str,
        parsed: Parsed,
        changes: Sequence[RunChange],
    ) -> None:
        """Put what an event asks of many payouts on the list of work, instead of what was under way for the run."""
        phase = _phase_after(event)
        if phase is None:
            return
        name = event.run
        row = {"run": name, "phase": phase, "because": event_id, "correlation_id": _correlation(parsed)}
        if connection.execute(select(payment_work.c.run).where(payment_work.c.run == name)).first() is not None:
            unit.deletes.append((payment_work, name))
        unit.inserts.append((payment_work, {**row, "after_person": "", "number": 0}))
        if isinstance(event, RunChecked):
            for change in changes:
                said = {"run": name, "payout": change.payout, "person_ref": change.person_ref, "why": change.why}
                unit.inserts.append((payment_change, {**said, "position": event.position}))

    # --- the second look ------------------------------------------------------------------------------------------------

    def changes(
        self, connection: Connection, state: Listed | Cleared | Sealed, position: int, blocked: set[str]
    ) -> tuple[RunChange, ...]:
        """Every payout of a run that would come out otherwise now, as of a position of the log.

        blocked: streams behind a parked message: nobody can say what is due to their people.
        """
        order = state.order
        query = select(_E.stream).where(_E.position > order.position, _E.position <= position, _E.type.in_(_CHANGES_DUES))
        touched = {stream.partition("-")[2] for stream in connection.scalars(query.distinct())}
        undecided = {stream.removeprefix("worker-") for stream in blocked if stream.startswith("worker-")}
        lines = [line for line in standing_list(connection, order.run) if line.person_ref in touched | undecided]
        modes = self.modes(connection)
        people = dict.fromkeys(line.person_ref for line in lines)
        read = read_accounts(connection, self.log, people, upto=position)
        found = []
        for line in lines:
            ref, account = line.person_ref, read[line.person_ref][1]
            due = 0 if ref in undecided else accounts.due_again(ref, account, line.payout, order.division, modes)
            if due != line.amount_fen:
                why = "undecided" if ref in undecided else "due-changed" if due else "nothing-due"
                found.append(RunChange(payout=line.payout, person_ref=ref, prepared_fen=line.amount_fen, due_fen=due, why=why))
        return tuple(sorted(found, key=lambda change: accounts.number_of(change.payout)))

    def changes_now(self, connection: Connection, name: str) -> tuple[RunChange, ...]:
        """What would come out otherwise now than it was listed or approved: for whoever acts next. Raises LookupError."""
        batch = PaymentBatch()
        load_runs(connection, self.log, batch, [name])
        state = batch.runs[name]
        if not isinstance(state, Listed | Cleared | Sealed):
            raise LookupError(f"run {name} is not waiting for its check, its seal or its instruction")
        return self.changes(connection, state, self.log.head(connection).position, blocked_streams(connection))

    # --- the bank's answers ---------------------------------------------------------------------------------------------

    def _results(
        self,
        connection: Connection,
        batch: PaymentBatch,
        unit: Unit,
        parsed: Parsed,
        data: intake.PaymentResultsReported,
    ) -> Sequence[LogEvent]:
        name = runs.run_name(data.run_source or parsed.origin, data.run)
        load_runs(connection, self.log, batch, [name])
        state = batch.runs[name]
        stamp = runs.Stamp(name, parsed.fact, data.by)
        results_sha256 = digest([result.model_dump(mode="json") for result in data.results])
        part = runs.FilePart(data.file_sha256, data.part, data.parts, results_sha256)
        if not isinstance(state, Instructed):
            # Too early, or too late; either way it says so.
            return runs.decide(runs.TakeResults(stamp, part, Tally()), state)
        people = self._people_of(connection, name, data.results)
        load_accounts(connection, self.log, batch, people.values())
        judged = _judge(batch, people, data.results)
        missing: list[Break] = []
        if len(state.files[data.file_sha256].heard if data.file_sha256 in state.files else ()) + 1 >= data.parts:
            answered = [*_answered_in(batch, name), *judged.answered]
            missing = unanswered(connection, name, besides=answered, limit=BREAKS_SHOWN_MAX)
        command = runs.TakeResults(stamp, part, judged.tally, judged.breaks, missing)
        events = runs.decide(command, state)
        if not events:
            return ()
        cause = _cause_of(parsed)
        for ref, said in judged.events.items():
            self.add_account_events(batch, unit, ref, said, cause)
        self.add_run_events(batch, unit, name, events, cause)
        return events

    def _people_of(self, connection: Connection, name: str, results: Sequence[intake.BankResult]) -> dict[str, str]:
        """payout → whose it is, of those that belong to the run."""
        chosen = one_of(connection, payout.c.payout, [result.payout for result in results])
        query = select(payout.c.payout, payout.c.person_ref).where(payout.c.run == name, chosen)
        return {row.payout: row.person_ref for row in connection.execute(query)}

    def _settle_break(
        self, connection: Connection, batch: PaymentBatch, unit: Unit, parsed: Parsed, data: intake.BreakSettled
    ) -> Sequence[LogEvent]:
        name = runs.run_name(data.run_source or parsed.origin, data.run)
        load_runs(connection, self.log, batch, [name])
        about = _payout_of_break(connection, name, data.key)
        booked: Sequence[AccountEvent] = ()
        outcome: dict[str, Any] = {}
        if about is not None and data.state == "settled" and not runs.is_settled(batch.runs[name], data.key):
            load_accounts(connection, self.log, batch, [about.person_ref])
            said = (about.payout, data.key, data.paid_fen, data.note, parsed.fact, data.by)
            booked = accounts.decide(accounts.Book(about.person_ref, *said), batch.accounts[about.person_ref])
            outcome = {"paid_fen": data.paid_fen} | _outcome_of(booked)
        missing = any(each.key == data.key for each in _unanswered_named(connection, name, data.key))
        stamp = runs.Stamp(name, parsed.fact, data.by)
        command = runs.SettleBreak(stamp, data.key, data.state, data.owner, data.note, missing, **outcome)
        events = runs.decide(command, batch.runs[name])
        if events and booked and about is not None:
            self.add_account_events(batch, unit, about.person_ref, booked, _cause_of(parsed))
        self.add_run_events(batch, unit, name, events, _cause_of(parsed))
        return events

    # --- recoveries -----------------------------------------------------------------------------------------------------

    def _of_recovery(
        self,
        connection: Connection,
        batch: PaymentBatch,
        unit: Unit,
        parsed: Parsed,
        data: intake.RecoveryDemanded | intake.RecoveryPaid,
    ) -> Sequence[LogEvent]:
        ref = data.person.person_ref
        load_accounts(connection, self.log, batch, [ref])
        fact = parsed.fact
        command = (
            accounts.Demand(ref, data.payer, fact, data.by, data.reason)
            if isinstance(data, intake.RecoveryDemanded)
            else accounts.RecoveryPay(ref, data.recovery, data.amount_fen, fact, data.by)
        )
        events = accounts.decide(command, batch.accounts[ref])
        self.add_account_events(batch, unit, ref, events, _cause_of(parsed))
        return events

    # --- months ---------------------------------------------------------------------------------------------------------

    def _close(
        self, connection: Connection, batch: PaymentBatch, unit: Unit, parsed: Parsed, data: intake.PeriodClosed
    ) -> Sequence[LogEvent]:
        if batch.periods is None:
            state = Periods()
            history = self.log.load(connection, [PERIODS])[PERIODS]
            for recorded in history:
                state = evolve_periods(state, cast(PeriodClosed, recorded.event))
            batch.periods, batch.versions[PERIODS] = state, len(history)
        head = self.log.head(connection)
        self._not_while_recalculating(connection, "data.month")
        makers = select(payment_run.c.run).where(
            payment_run.c.maker_source == parsed.fact.source, payment_run.c.instructed.is_not(None)
        )
        count, balances = month_totals(connection, data.month)
        totals = totals_of((b.account, b.payer, b.purse, b.debit_fen, b.credit_fen) for b in balances)
        this_month = month_of(max(utc_text(self.log.clock.now()), head.recorded_at))
        events = decide_close(
            ClosePeriod(
                data.month, parsed.fact, data.by, this_month, open_months_before(connection, data.month),
                head.position, head.root, count, totals, connection.scalar(makers.limit(1)),
            ),
            batch.periods,
        )  # fmt: skip
        unit.expects[PERIODS] = batch.versions[PERIODS]
        for event in events:
            self._add(unit, PERIODS, event, _cause_of(parsed))
            batch.periods = evolve_periods(batch.periods, event)
            batch.versions[PERIODS] += 1
            batch.closing = (data.month, head.position)
        return events

    def moved(self, connection: Connection, batch: PaymentBatch) -> Iterable[int]:
        """Asked under the lock, if the log has moved: whether the month that is being closed has got more transfers."""
        if batch.closing is not None:
            month, position = batch.closing
            query = select(transfer.c.position).where(transfer.c.month == month, transfer.c.position > position).limit(1)
            if connection.execute(query).first() is not None:
                yield 0


class PaymentRoom:
    """What the inbox asks for to settle payment facts: one in each append, since each changes what tables tell the next."""

    whole = True
    own: Mapping[str, Any] = {}

    def __init__(self, payments: Payments) -> None:
        self.payments = payments

    def open(self, connection: Connection, position: int) -> PaymentBatch:
        return PaymentBatch()

    def entry(self, item: Item, parsed: Parsed) -> Entry:
        return Entry.of(item, parsed)

    def resolve(self, connection: Connection, batch: PaymentBatch, entries: Sequence[Entry]) -> None:
        """Everybody is named by a person_ref."""

    def capability(self, entry: Entry) -> Capability[Any]:
        if isinstance(entry.parsed.message.data, PAYMENT_FACTS):
            return self.payments
        raise LookupError(f"{entry.parsed.message.type} is not taken here")

    def moved(self, connection: Connection, batch: PaymentBatch) -> Iterable[int]:
        return self.payments.moved(connection, batch)

    def stands(self, connection: Connection, batch: PaymentBatch) -> bool:
        return True

    def keep(self, batch: PaymentBatch, position: int, appended: Appended) -> None:
        """Nothing is kept."""

    def forget(self) -> None:
        """Nothing is kept."""


# --- what a message says of itself --------------------------------------------------------------------------------------


def _stream_of(parsed: Parsed) -> str:
    data = parsed.message.data
    match data:
        case intake.PaymentRunPrepared():
            return stream_of_run(runs.run_name(parsed.origin, data.run))
        case intake.RecoveryDemanded() | intake.RecoveryPaid():
            return stream_of_account(data.person.person_ref)
        case intake.PeriodClosed():
            return PERIODS
        case (
            intake.PaymentRunChecked()
            | intake.PaymentRunSealed()
            | intake.PaymentRunExported()
            | intake.PaymentRunInstructed()
            | intake.PaymentRunCancelled()
            | intake.PaymentResultsReported()
            | intake.BreakSettled()
        ):
            return stream_of_run(runs.run_name(data.run_source or parsed.origin, data.run))
        case _:
            raise RuntimeError(f"{parsed.message.type} is not about payment")


def _person_of(parsed: Parsed) -> str | None:
    person = getattr(parsed.message.data, "person", None)
    return getattr(person, "person_ref", None)


def _correlation(parsed: Parsed) -> str:
    return parsed.message.correlationid or parsed.message.id


def _cause_of(parsed: Parsed) -> Cause:
    message = parsed.message
    return Cause(message.effectiveon.isoformat(), _correlation(parsed), f"{parsed.origin}/{message.id}", parsed.origin)


def _phase_after(event: runs.RunEvent) -> str | None:
    match event:
        case RunPrepared():
            return "list"
        case RunChecked():
            return "cancel" if event.outcome == "rejected" else "clear" if event.changed else None
        case RunCancelled():
            return "cancel"
        case RunInstructed():
            return "instruct"
        case _:
            return None


def _unanswered_named(connection: Connection, name: str, key: str) -> list[Break]:
    """The break of this key, if it is a payout of the run that nobody has answered."""
    kind, _, number = key.partition("/")
    if kind != "missing" or not number.isdigit():
        return []
    query = select(payout.c.payout, payout.c.amount_fen).where(
        payout.c.run == name, payout.c.number == int(number), payout.c.stage.in_(("prepared", "instructed"))
    )
    return [runs.missing_break(row.payout, row.amount_fen) for row in connection.execute(query)]


def _payout_of_break(connection: Connection, name: str, key: str) -> Row[Any] | None:
    """The payout that a difference of a run is about, and whose it is; None: about none that is known."""
    kind, number, *_ = (*key.split("/"), "")
    known = select(bank_break.c.payout).where(bank_break.c.run == name, bank_break.c.key == key)
    chosen = payout.c.payout == known.scalar_subquery()
    if kind == "missing" and number.isdigit():
        chosen = payout.c.number == int(number)
    query = select(payout.c.payout, payout.c.person_ref).where(payout.c.run == name, chosen)
    return cast("Row[Any] | None", connection.execute(query).one_or_none())


def _outcome_of(booked: Iterable[AccountEvent]) -> dict[str, Any]:
    """What a payout that nobody had answered has become, and its amount."""
    for event in booked:
        if isinstance(event, PayoutSettled):
            return {"outcome": "settled", "amount_fen": event.amount_fen}
        if isinstance(event, PayoutReturned):
            return {"outcome": "returned", "amount_fen": event.amount_fen}
    return {}


@dataclass(slots=True)
class _Judged:
    """What the lines of a message come to. answered: payouts that were settled or returned by it."""

    tally: Tally = field(default_factory=Tally)
    breaks: list[Break] = field(default_factory=list)
    events: dict[str, list[AccountEvent]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)


def _judge(batch: PaymentBatch, people: Mapping[str, str], results: Sequence[intake.BankResult]) -> _Judged:
    """Hold each line against its payout. The batch is left as it is."""
    judged = _Judged()
    states: dict[str, Account] = {}
    for result in results:
        ref = people.get(result.payout)
        said = (result.payout, result.outcome, result.reference, result.amount_fen, result.reason)
        command = accounts.Answer(ref or "", *said, unclear=result.unclear is not None)
        if ref is None:
            found = Answered("broken", found=accounts.unknown_payout(command))
        else:
            state = states.get(ref, batch.accounts[ref])
            found = accounts.answer(command, state)
            for event in found.events:
                state = accounts.evolve(state, accounts.Happened("", event))
            states[ref] = state
            judged.events.setdefault(ref, []).extend(found.events)
        judged.tally = judged.tally.plus(_tally_of(found, result.amount_fen))
        if found.found is not None:
            judged.breaks.append(found.found)
        if found.found is None and found.events:
            judged.answered.add(result.payout)
    judged.events = {ref: said for ref, said in judged.events.items() if said}
    return judged


def _tally_of(found: Answered, fen: int) -> Tally:
    match found.verdict:
        case "matched":
            return Tally(lines=1, matched=1, matched_fen=fen)
        case "returned":
            return Tally(lines=1, returned=1, returned_fen=fen)
        case "reversed":
            return Tally(lines=1, returned=1, returned_fen=fen, reversed=1, reversed_fen=fen)
        case "repeated":
            return Tally(lines=1, repeated=1)
        case "broken":
            return Tally(lines=1, broken=1)


def _answered_in(batch: PaymentBatch, name: str) -> list[str]:
    """Payouts of the run that an earlier message of the same batch has answered: the tables do not say so yet."""
    return [
        each.payout
        for account in batch.accounts.values()
        for each in account.payouts.values()
        if each.run == name and each.stage in ("settled", "returned")
    ]


def work_of(connection: Connection, blocked: set[str]) -> list[Row[Any]]:
    """What is on the list of work, but for runs that stand still behind a parked message."""
    rows = connection.execute(select(payment_work).order_by(payment_work.c.run)).all()
    return [row for row in rows if stream_of_run(row.run) not in blocked]
