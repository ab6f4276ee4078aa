"""Closed months: in order, with their totals and the log's root; never touched again; and proven from the events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError

from console.replay import rebuild_and_compare, swap
from contracts.payment import PeriodClosed, RunPrepared
from eventlog import schema
from eventlog.database import Database
from eventlog.log import leaf_of
from services.allowance.handlers import recalculation
from services.allowance.ledger import ClosePeriod, Periods, decide_close, evolve_periods
from services.allowance.ledger_views import (
    Which,
    account_statement,
    closed_through,
    month_totals,
    open_months_before,
    period,
    periods,
    transfer,
    trial_balance,
)
from services.allowance.periods import verify_periods
from tests.allowance.payment_bench import CASHIER, person
from tests.allowance.payment_bench import PaymentBench as Bench
from tests.allowance.payment_example import FACT
from tests.support import event_id

MARCH, APRIL = "2026-03", "2026-04"


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@pytest.fixture
def lite(tmp_path: Path, open_database: Callable[[str], Database]) -> Bench:
    return Bench(open_database(f"sqlite:///{tmp_path}/periods.db"))


def close(bench: Bench, month: str) -> tuple[str, list[str]]:
    fact = bench.closes(month)
    bench.settle(fact)
    bench.finish()
    return bench.said(fact)


def shown(bench: Bench, **which: Any) -> dict[str, tuple[int, int]]:
    with bench.log.database.read.connect() as connection:
        return {each.account: (each.debit_fen, each.credit_fen) for each in trial_balance(connection, Which(**which))}


# --- closing --------------------------------------------------------------------------------------------------------------


def test_a_closing_says_the_totals_of_the_month_and_the_root_of_the_log(bench: Bench) -> None:
    """By account and payer; the debits of all accounts are their credits."""
    bench.decide(1, 50_000)
    bench.decide(2, 20_000, payer="city")
    bench.pay("a")
    with bench.log.database.read.connect() as connection:
        head = bench.log.head(connection)
    assert close(bench, MARCH) == ("accepted", [])
    [event] = bench.kinds(PeriodClosed)
    assert (event.month, event.by, event.position, event.root) == (MARCH, "reviewer", head.position, head.root)
    assert event.transfers == 4
    assert [(t.account, t.payer, t.debit_fen, t.credit_fen) for t in event.totals] == [
        ("entitlement", "city", 20_000, 0),
        ("entitlement", "county", 50_000, 0),
        ("payable", "city", 0, 20_000),
        ("payable", "county", 50_000, 50_000),
        ("in_transit", "county", 50_000, 50_000),
        ("paid", "county", 0, 50_000),
    ]
    with bench.log.database.read.connect() as connection:
        assert [(each["month"], each["transfers"]) for each in periods(connection)] == [(MARCH, 4)]
        assert closed_through(connection) == MARCH


def test_what_comes_after_a_closing_falls_into_the_next_month_and_says_so(bench: Bench) -> None:
    """The correction of a closed month stands in the open one, and names the decision and the month that it corrects."""
    bench.decide(1, 50_000)
    assert close(bench, MARCH) == ("accepted", [])
    before = shown(bench, month=MARCH)
    bench.decide(1, 40_000)
    assert shown(bench, month=MARCH) == before
    assert shown(bench, month=APRIL) == {"entitlement": (0, 10_000), "payable": (10_000, 0)}
    with bench.log.database.read.connect() as connection:
        line = account_statement(connection, "entitlement", Which(month=APRIL))[0]
    assert (line.month, line.own_month) == (APRIL, MARCH)
    assert (line.corrects, line.corrects_month) == (bench.events[0].event_id, MARCH)


def test_the_database_itself_takes_nothing_more_for_a_closed_month(bench: Bench) -> None:
    """Written past our code: not for that month, nor for one before it; the next one is open."""
    bench.decide(1, 50_000)
    close(bench, MARCH)
    [row] = bench.transfers()
    for month in (MARCH, "2026-02"):
        late = row._asdict() | {"position": 99, "month": month}
        with pytest.raises(DBAPIError, match="the month is closed"), bench.log.database.write.begin() as connection:
            connection.execute(insert(transfer).values(**late))
    with bench.log.database.write.begin() as connection:
        connection.execute(insert(transfer).values(**(row._asdict() | {"position": 99, "month": APRIL})))


def test_the_database_itself_opens_no_month_again(bench: Bench) -> None:
    """A closing is never taken back, nor changed."""
    close(bench, MARCH)
    for act in (period.delete(), update(period).values(month="2026-01")):
        with pytest.raises(DBAPIError, match="append-only"), bench.log.database.write.begin() as connection:
            connection.execute(act)
    with bench.log.database.read.connect() as connection:
        assert closed_through(connection) == MARCH


def test_a_closing_that_is_folded_together_with_what_came_before_it_comes_out_the_same(bench: Bench) -> None:
    """A replay takes many events at a time: the transfers of the month, its closing, and what came after."""
    bench.decide(1, 50_000)
    close(bench, MARCH)
    bench.decide(1, 40_000)
    before = bench.transfers()
    assert rebuild_and_compare(bench.log).differences == []
    swap(bench.log)
    assert (bench.transfers(), [row.month for row in before]) == (before, [MARCH, APRIL])


def test_a_month_is_closed_once(lite: Bench) -> None:
    """Asked again, nothing new; a month before it that had nothing is over with it."""
    lite.decide(1, 50_000)
    lite.later(31)
    assert close(lite, MARCH) == ("accepted", [])
    assert close(lite, MARCH) == ("accepted", [])
    assert close(lite, "2026-02") == ("refused", ["period-passed"])
    assert len(lite.kinds(PeriodClosed)) == 1


def test_a_month_is_not_closed_by_who_prepared_a_run_nor_while_everybody_is_decided_again(lite: Bench) -> None:
    """Two pairs of eyes over the books; and what is being worked out anew belongs into the month."""
    lite.decide(1, 50_000)
    own = lite.fact("period-closed", CASHIER, month=MARCH, by="cashier-1")
    lite.pay("a")
    lite.settle(own)
    assert lite.said(own) == ("refused", ["closer-is-maker"])
    with lite.log.database.write.begin() as connection:
        connection.execute(insert(recalculation).values(policy_event=event_id(900), after_person=""))
    assert close(lite, MARCH) == ("refused", ["step-missing"])
    lite.recalculate()
    assert close(lite, MARCH) == ("accepted", [])


def test_a_month_that_has_not_begun_is_not_closed(lite: Bench) -> None:
    assert close(lite, APRIL) == ("refused", ["period-not-begun"])


def test_months_are_closed_in_order(bench: Bench) -> None:
    """The closing of a later month is refused while an earlier one that has transfers is open."""
    bench.decide(1, 50_000)
    bench.later(31)
    bench.decide(1, 40_000)
    late = bench.closes(APRIL)
    bench.settle(late)
    assert bench.said(late) == ("refused", ["step-missing"])
    with bench.log.database.read.connect() as connection:
        assert open_months_before(connection, APRIL) == [MARCH]
    assert close(bench, MARCH) == ("accepted", [])
    assert close(bench, APRIL) == ("accepted", [])
    assert [event.month for event in bench.kinds(PeriodClosed)] == [MARCH, APRIL]


def test_a_month_without_transfers_has_nothing_to_say(lite: Bench) -> None:
    assert close(lite, MARCH) == ("accepted", [])
    [event] = lite.kinds(PeriodClosed)
    assert (event.transfers, event.totals) == (0, ())


def test_a_transfer_that_comes_while_the_month_is_being_closed_is_in_its_totals(bench: Bench) -> None:
    """Another instance writes just before the closing does: the closing is decided again."""
    bench.decide(1, 50_000)
    real = bench.log.append
    moves = [lambda: bench.decide(2, 7_000)]

    def overtaken(*args: Any, **more: Any) -> Any:
        bench.log.append = real  # type: ignore[method-assign]
        moves.pop()()
        return real(*args, **more)

    bench.log.append = overtaken  # type: ignore[method-assign]
    assert close(bench, MARCH) == ("accepted", [])
    [event] = bench.kinds(PeriodClosed)
    assert (event.transfers, event.totals[0].debit_fen) == (2, 57_000)
    assert verify_periods(bench.log).difference is None


COMMAND = ClosePeriod(MARCH, FACT, "reviewer-1", MARCH, (), 5, "a" * 64, 0, ())


def test_deciding_twice_closes_once() -> None:
    """The pure rule."""
    [event] = decide_close(COMMAND, Periods())
    assert decide_close(COMMAND, evolve_periods(Periods(), event)) == ()


# --- proof ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(bench: Bench) -> Bench:
    """March closed with three decisions and a payment, a correction in April, and April closed too."""
    for number, fen in ((1, 50_000), (2, 20_000), (3, 30_000)):
        bench.decide(number, fen)
    bench.pay("a")
    close(bench, MARCH)
    bench.later(31)
    bench.decide(2, 25_000)
    close(bench, APRIL)
    bench.decide(3, 31_000)
    return bench


def test_closed_months_are_proven_from_the_events(closed: Bench) -> None:
    """Totals, transfers and roots; and how much was looked at."""
    found = verify_periods(closed.log)
    assert found.difference is None
    assert (found.closed, found.events, found.transfers) == ((MARCH, APRIL), len(closed.events), 11)


def tamper(bench: Bench, table: str, *statements: Any) -> None:
    """Somebody with the owner's rights takes the protection away."""
    with bench.log.database.write.begin() as connection:
        schema.release_append_only(connection, table)
        of = " ON transfer" if connection.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER IF EXISTS transfer_month_is_closed{of}"))
        for statement in statements:
            connection.execute(statement)
        schema.protect_append_only(connection, table)


def test_a_changed_transfer_is_named(closed: Bench) -> None:
    """The first one that is not what its event comes to."""
    rows = closed.transfers()
    tamper(closed, "transfer", update(transfer).where(transfer.c.position == rows[1].position).values(amount_fen=99))
    found = verify_periods(closed.log).difference
    assert found is not None
    assert (found.what, found.position, found.event_id) == ("transfer", rows[1].position, rows[1].event_id)
    assert ("20000 fen" in found.expected, "99 fen" in found.found) == (True, True)


def test_a_transfer_that_is_missing_or_added_is_named(closed: Bench) -> None:
    """Also one behind the last event."""
    rows = closed.transfers()
    tamper(closed, "transfer", insert(transfer).values(**(rows[0]._asdict() | {"line": 2})))
    found = verify_periods(closed.log).difference
    assert found is not None
    assert (found.what, found.position, found.expected) == ("transfer", 1, "no more")
    tamper(closed, "transfer", transfer.delete().where(transfer.c.position == rows[0].position))
    found = verify_periods(closed.log).difference
    assert found is not None
    assert (found.what, found.position, found.event_id) == ("transfer", 1, rows[0].event_id)
    assert str(found).startswith("transfer at position 1 (event ")


def test_a_changed_event_is_named(closed: Bench) -> None:
    """Before anything that follows from it."""
    first = closed.events[0]
    forged = first.data.replace("50000", "60000")
    tamper(closed, "event", update(schema.event).where(schema.event.c.position == 1).values(data=forged))
    found = verify_periods(closed.log).difference
    assert found is not None
    assert (found.what, found.position, found.event_id) == ("event", 1, first.event_id)


def test_an_event_forged_with_its_hash_and_its_transfers_is_still_found(closed: Bench) -> None:
    """By the root of the next seal, or by the totals and the root of the closing."""
    first = closed.events[0]
    forged = first.data.replace("50000", "60000")
    leaf = leaf_of("allowance", {name: getattr(first, name) for name in schema.event.c.keys()} | {"data": forged})  # noqa: SIM118
    tamper(closed, "event", update(schema.event).where(schema.event.c.position == 1).values(data=forged, leaf_hash=leaf))
    tamper(closed, "transfer", update(transfer).where(transfer.c.position == 1).values(amount_fen=60_000))
    found = verify_periods(closed.log).difference
    assert found is not None
    assert found.what in ("root", "totals")


def test_a_log_that_is_not_the_one_that_a_run_was_sealed_on_is_found(bench: Bench) -> None:
    """An event that moves no money was forged with its hash: the root of the seal says so."""
    bench.decide(1, 50_000)
    bench.pay("a")
    [prepared] = [recorded for recorded in bench.events if isinstance(recorded.event, RunPrepared)]
    forged = prepared.data.replace('"by":"cashier"', '"by":"cashie2"')
    row = {name: getattr(prepared, name) for name in schema.event.c.keys()} | {"data": forged}  # noqa: SIM118
    here = schema.event.c.position == prepared.position
    tamper(bench, "event", update(schema.event).where(here).values(data=forged, leaf_hash=leaf_of("allowance", row)))
    found = verify_periods(bench.log).difference
    assert found is not None
    assert (found.what, found.month, "by the seal of run cashier/a" in found.expected) == ("root", None, True)


def test_a_lost_event_is_found(closed: Bench) -> None:
    """Taken out of the middle with its transfers."""
    tamper(closed, "transfer", transfer.delete().where(transfer.c.position == 2))
    tamper(closed, "event", text("DELETE FROM event WHERE position = 2"))
    found = verify_periods(closed.log).difference
    assert found is not None
    assert found.what in ("root", "totals")


def test_a_month_that_was_closed_never_changes(closed: Bench) -> None:
    """Whatever is recorded afterwards."""
    with closed.log.database.read.connect() as connection:
        before = [month_totals(connection, month) for month in (MARCH, APRIL)]
    closed.decide(1, 0)
    closed.decide(2, 90_000)
    closed.pay("b")
    with closed.log.database.read.connect() as connection:
        assert [month_totals(connection, month) for month in (MARCH, APRIL)] == before
    assert closed.owed_now() == {(1, 2021): -50_000}
    assert person(2) in {row.person_ref for row in closed.standing("b")}
