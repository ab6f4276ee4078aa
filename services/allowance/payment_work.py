"""What takes many pages: listing a run's payouts, cancelling and instructing them.

A page is one append: events, and how far the run is. Whoever is killed between two pages, or works beside another instance,
does nothing twice: a page that somebody else has done is undone as a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, ClassVar

from sqlalchemy import Connection, Row, Table, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from contracts.base import LogEvent
from contracts.payment import PayoutPrepared
from eventlog.canonical import canonical
from eventlog.desk import Item, problem
from eventlog.inbox.failures import Failure, failure_of
from eventlog.inbox.inbox import CONFLICT_ROUNDS_MAX
from eventlog.log import Log, Unit, Vanished
from eventlog.parking import blocked_streams
from services.allowance import account as accounts
from services.allowance import runs
from services.allowance.account import AccountEvent, stream_of_account
from services.allowance.ledger_views import payable
from services.allowance.payment_views import payout, payouts
from services.allowance.payments import (
    Cause,
    PaymentBatch,
    Payments,
    load_accounts,
    load_runs,
    payment_change,
    payment_work,
    read_accounts,
    work_of,
)
from services.allowance.runs import Approved, Instructed, Over, Preparing
from services.allowance.views import below

__all__ = ["LISTING", "PaymentWork", "due_people", "preview", "working"]

SERVICE = "allowance"
LISTING = "payout.allowance"
"""Where a worker who could not be listed says that it came from."""
PAGE = 200
"""Payouts of one append."""
RELEASED_MAX = 100
PREVIEW = "preview"
"""The name of a run that nobody has prepared."""
POLL_SECONDS = 5.0
"""How often somebody looks for what another instance has left undone."""

Advance = Callable[[Connection], bool]
"""Writes how far a task is, inside the append. False: somebody else has moved it on."""


class _Unlisted(LogEvent):
    """A worker who could not be listed: what the side table of parked messages holds."""

    TYPE: ClassVar[str] = "allowance.unlisted"
    person_ref: str
    run: str


def working(connection: Connection) -> int:
    """How many runs have payouts to be written."""
    return int(connection.execute(select(func.count()).select_from(payment_work)).scalar_one())


def due_people(connection: Connection, division: str, payer: str, year: int, after: str, limit: int) -> list[str]:
    """The next people whom a purse of this name owes something for the year in a division and below it, or has overpaid."""
    c = payable.c
    owed = or_(and_(c.year == year, c.amount_fen > 0), c.amount_fen < 0)
    query = select(c.person_ref).where(c.payer == payer, c.person_ref > after, owed)
    query = query.where(c.division.startswith(below(division), autoescape=True)).distinct().order_by(c.person_ref)
    return list(connection.scalars(query.limit(limit)))


def preview(
    log: Log, payments: Payments, connection: Connection, division: str, payer: str, year: int
) -> Iterator[PayoutPrepared]:
    """What a run would pay if it were prepared and listed now, in its order. Nothing is recorded."""
    modes, blocked, number, after = payments.modes(connection), blocked_streams(connection), 0, ""
    while people := due_people(connection, division, payer, year, after, PAGE):
        after = people[-1]
        for ref, (_, account) in read_accounts(connection, log, people).items():
            if {f"worker-{ref}", stream_of_account(ref)} & blocked:
                continue
            command = accounts.Prepare(ref, PREVIEW, number + 1, payer, division, year, modes)
            for event in accounts.decide(command, account):
                if isinstance(event, PayoutPrepared):
                    number += 1
                    yield event


class PaymentWork:
    """The background task of payment."""

    def __init__(self, log: Log, payments: Payments, *, wake: Callable[[], None]) -> None:
        self._log = log
        self._payments = payments
        self._wake = wake
        self._go = asyncio.Event()

    def start(self) -> None:
        """There may be something to do. Only in the loop's own thread."""
        self._go.set()

    async def run(self) -> None:
        """Work whenever there is something to, until cancelled. What is left from before is done first."""
        while True:
            while await asyncio.to_thread(self.step):
                self._wake()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._go.wait(), POLL_SECONDS)
            self._go.clear()

    def step(self) -> bool:
        """Do one page. Returns whether there was anything."""
        for _ in range(CONFLICT_ROUNDS_MAX):
            try:
                done = self._page()
            except (IntegrityError, Vanished):
                continue
            if done is not None:
                return done
        raise RuntimeError(f"a page of payouts met conflicts {CONFLICT_ROUNDS_MAX} times")

    # --- pages ----------------------------------------------------------------------------------------------------------

    def _page(self) -> bool | None:
        """True: a page was done. False: nothing to do. None: the log moved under it; again."""
        batch = PaymentBatch()
        with self._log.database.read.connect() as connection:
            position = self._log.head(connection).position
            batch.blocked = blocked_streams(connection)
            tasks = work_of(connection, batch.blocked)
            if self._payments.recalculating(connection):
                # Nobody is listed by decisions that are being made again.
                tasks = [task for task in tasks if task.phase != "list"]
            if not tasks:
                return False
            task = tasks[0]
            load_runs(connection, self._log, batch, [task.run])
            unit: Unit = Unit()
            advance = self._phases()[task.phase](connection, batch, unit, task)
        batch.units.append(unit)
        appended = self._log.append(batch.units, seen_position=position, whole=True, also=advance)
        return None if appended.conflicts else True

    def _phases(self) -> dict[str, Callable[[Connection, PaymentBatch, Unit, Row[Any]], Advance]]:
        return {"list": self._list, "clear": self._clear, "cancel": self._cancel, "instruct": self._instruct}

    def _list(self, connection: Connection, batch: PaymentBatch, unit: Unit, task: Row[Any]) -> Advance:
        """Prepare the payouts of the next people; when nobody is left, say that the run is listed."""
        state = batch.runs[task.run]
        assert isinstance(state, Preparing)
        order, cause = state.order, _cause(task, state.order.day.isoformat())
        people = due_people(connection, order.division, order.payer, order.year, task.after_person, PAGE)
        if not people:
            sums = select(func.count(), func.coalesce(func.sum(payout.c.amount_fen), 0)).where(payout.c.run == task.run)
            count, total = connection.execute(sums).one()
            events = runs.decide(runs.List(task.run, int(count), int(total)), state)
            self._payments.add_run_events(batch, unit, task.run, events, cause)
            return _done(task)
        _expect_run(batch, unit, task.run)
        load_accounts(connection, self._log, batch, people)
        modes, number = self._payments.modes(connection), task.number
        for ref in people:
            if ref in order.without or {f"worker-{ref}", stream_of_account(ref)} & batch.blocked:
                # Left out on purpose; or nobody can say what is due to them; they are paid by a later run.
                continue
            command = accounts.Prepare(ref, task.run, number + 1, order.payer, order.division, order.year, modes)
            events_of = self._decided(batch, command)
            self._payments.add_account_events(batch, unit, ref, events_of, cause)
            number += sum(isinstance(event, PayoutPrepared) for event in events_of)
        return _advance(task, after_person=people[-1], number=number)

    def _decided(self, batch: PaymentBatch, command: accounts.Prepare) -> tuple[AccountEvent, ...]:
        """What to prepare for one worker. Where a rule fails, the worker is parked and left out, and the others go on."""
        try:
            return accounts.decide(command, batch.accounts[command.person_ref])
        except Exception as error:
            if failure_of(error) is not Failure.MESSAGE:
                raise
            what = f"{type(error).__name__} while listing a payout"
            why = problem("", "rule-failed", what, "an operator will look at it; the worker is paid by a later run")
            raw = canonical(_Unlisted(person_ref=command.person_ref, run=command.run).payload())
            key = (SERVICE, f"{command.run}/{command.person_ref}")
            stream = stream_of_account(command.person_ref)
            self._payments.desk.set_aside(batch, Item(LISTING, raw, 0), key, why, stream, None)
            return ()

    def _clear(self, connection: Connection, batch: PaymentBatch, unit: Unit, task: Row[Any]) -> Advance:
        """Cancel the next payouts that had changed at the check; when none is left, say that the run is cleared."""
        state = batch.runs[task.run]
        assert isinstance(state, Approved)
        cause = _cause(task, state.order.day.isoformat())
        chosen = select(payment_change).where(payment_change.c.run == task.run).order_by(payment_change.c.payout).limit(PAGE)
        rows = connection.execute(chosen).all()
        if not rows:
            events = runs.decide(runs.Clear(task.run), state)
            self._payments.add_run_events(batch, unit, task.run, events, cause)
            return _done(task)
        _expect_run(batch, unit, task.run)
        load_accounts(connection, self._log, batch, [row.person_ref for row in rows])
        for row in rows:
            self._each(batch, unit, accounts.Cancel(row.person_ref, row.payout, row.why), cause)
            unit.deletes.append((payment_change, (row.run, row.payout)))
        return _always

    def _cancel(self, connection: Connection, batch: PaymentBatch, unit: Unit, task: Row[Any]) -> Advance:
        """Cancel the next payouts of a run that has ended."""
        state = batch.runs[task.run]
        assert isinstance(state, Over)
        cause = _cause(task, state.order.day.isoformat())
        _expect_run(batch, unit, task.run)
        lines = payouts(connection, task.run, stages=("prepared",), after=task.number, limit=PAGE)
        if not lines:
            return _done(task, payment_change)
        load_accounts(connection, self._log, batch, [line.person_ref for line in lines])
        for line in lines:
            self._each(batch, unit, accounts.Cancel(line.person_ref, line.payout, f"run-{state.how}"), cause)
        return _advance(task, number=lines[-1].number)

    def _instruct(self, connection: Connection, batch: PaymentBatch, unit: Unit, task: Row[Any]) -> Advance:
        """Book the next payouts of an instructed run as on their way."""
        state = batch.runs[task.run]
        assert isinstance(state, Instructed)
        cause = _cause(task, state.order.day.isoformat())
        lines = payouts(connection, task.run, stages=("prepared",), after=task.number, limit=PAGE)
        if not lines:
            return _done(task)
        load_accounts(connection, self._log, batch, [line.person_ref for line in lines])
        for line in lines:
            self._each(batch, unit, accounts.Instruct(line.person_ref, line.payout), cause)
        return _advance(task, number=lines[-1].number)

    def _each(self, batch: PaymentBatch, unit: Unit, command: accounts.Cancel | accounts.Instruct, cause: Cause) -> None:
        ref = command.person_ref
        events = accounts.decide(command, batch.accounts[ref])
        self._payments.add_account_events(batch, unit, ref, events, cause)


def _cause(task: Row[Any], day: str) -> Cause:
    return Cause(day, task.correlation_id, task.because, SERVICE)


def _expect_run(batch: PaymentBatch, unit: Unit, name: str) -> None:
    """Somebody may cancel the run meanwhile: then the page is not to be written."""
    stream = runs.stream_of_run(name)
    unit.expects.setdefault(stream, batch.versions[stream])


def _here(task: Row[Any]) -> tuple[Any, ...]:
    """The task as it was read: if another instance has moved it on, nothing is written."""
    c = payment_work.c
    names = ("run", "phase", "because", "after_person", "number")
    return tuple(c[name] == getattr(task, name) for name in names)


def _advance(task: Row[Any], **to: Any) -> Advance:
    return lambda connection: connection.execute(update(payment_work).where(*_here(task)).values(**to)).rowcount == 1


def _done(task: Row[Any], *also: Table) -> Advance:
    def finish(connection: Connection) -> bool:
        for table in also:
            connection.execute(delete(table).where(table.c.run == task.run))
        return connection.execute(delete(payment_work).where(*_here(task))).rowcount == 1

    return finish


def _always(connection: Connection) -> bool:
    return True
