"""The ledger: balanced by construction and by the database, append-only, dated, and the same whenever it is worked out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import DBAPIError

from console.replay import rebuild_and_compare, swap
from contracts.payment import (
    PayoutBooked,
    PayoutCancelled,
    PayoutInstructed,
    PayoutReturned,
    PayoutSettled,
    RecoveryOffset,
    RecoveryOpened,
    RecoveryPaid,
)
from eventlog.database import Database
from services.allowance.ledger import Transfer, month_for, month_of, next_month, transfers_of
from services.allowance.ledger_views import (
    Which,
    account_statement,
    payable,
    transfer,
    trial_balance,
)
from tests.allowance.payment_bench import PaymentBench as Bench
from tests.allowance.payment_bench import person
from tests.allowance.payment_example import COUNTY, FACT, REF, adjusted, decided, part, prepared
from tests.support import event_id


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@pytest.fixture
def lite(tmp_path: Path, open_database: Callable[[str], Database]) -> Bench:
    return Bench(open_database(f"sqlite:///{tmp_path}/ledger.db"))


# --- transfers ----------------------------------------------------------------------------------------------------------

NETTED = prepared(part(-30_000, 2, year=2020), part(80_000, 3))
SAID = NETTED.model_dump(exclude={"taxable_fen", "tax_unknown_fen"})
RECOVERY: dict[str, Any] = {
    "person_ref": REF, "recovery": "county-1", "payer": "county", "division": COUNTY, "amount_fen": 30_000,
}  # fmt: skip


def moved(event: object) -> list[tuple[str, str, int, int]]:
    """(debit, credit, fen, year)."""
    return [(each.debit, each.credit, each.amount_fen, each.year) for each in transfers_of(event)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (decided(1, 50_000), [("entitlement", "payable", 50_000, 2021)]),
        (decided(1, 0), []),
        (adjusted(2, 55_000, 50_000), [("entitlement", "payable", 5_000, 2021)]),
        (adjusted(2, 20_000, 50_000), [("payable", "entitlement", 30_000, 2021)]),
        (adjusted(2, 50_000, 50_000), []),
        (decided(1, 50_000, instrument="work_expense"), []),
        (NETTED, []),
        (PayoutCancelled(**SAID, why="x"), []),
        (PayoutInstructed(**SAID), [("in_transit", "payable", 30_000, 2020), ("payable", "in_transit", 80_000, 2021)]),
        (PayoutSettled(**SAID, answer="b"), [("paid", "in_transit", 30_000, 2020), ("in_transit", "paid", 80_000, 2021)]),
        (
            PayoutReturned(**SAID, answer="b", reason="x"),
            [("payable", "in_transit", 30_000, 2020), ("in_transit", "payable", 80_000, 2021)],
        ),
        (
            PayoutReturned(**SAID, answer="b", reason="x", settled_before=True),
            [("payable", "paid", 30_000, 2020), ("paid", "payable", 80_000, 2021)],
        ),
        (
            PayoutBooked(**(SAID | {"parts": (part(20_000),)}), key="k", paid_fen=1, fact=FACT, by="r"),
            [("payable", "paid", 20_000, 2021)],
        ),
        (
            PayoutBooked(**(SAID | {"parts": (part(-20_000),)}), key="k", paid_fen=1, fact=FACT, by="r"),
            [("paid", "payable", 20_000, 2021)],
        ),
        (
            RecoveryOpened(**RECOVERY, parts=(part(-30_000),), because=event_id(2)),
            [("recovery", "payable", 30_000, 2021)],
        ),
        (RecoveryOffset(**RECOVERY, parts=(part(30_000),)), [("payable", "recovery", 30_000, 2021)]),
        (RecoveryPaid(**RECOVERY, parts=(part(30_000),), fact=FACT, by="c"), [("paid", "recovery", 30_000, 2021)]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "",
)
def test_what_each_event_moves(event: object, expected: list[tuple[str, str, int, int]]) -> None:
    """Always between two accounts, always a positive amount: every entry balances."""
    assert moved(event) == expected
    assert all(each.amount_fen > 0 and each.debit != each.credit for each in transfers_of(event))


def test_a_correction_names_the_decision_that_it_supersedes() -> None:
    [found] = transfers_of(adjusted(2, 20_000, 50_000, supersedes=1))
    assert found == Transfer("payable", "entitlement", 30_000, "county", COUNTY, 2021, "allowance", REF, COUNTY, event_id(1))


# --- months -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded_at", "month"),
    [
        ("2026-03-31T15:59:59.999999Z", "2026-03"),
        ("2026-03-31T16:00:00.000000Z", "2026-04"),
        ("2026-12-31T16:00:00.000000Z", "2027-01"),
    ],
)
def test_a_month_is_one_of_shanghai(recorded_at: str, month: str) -> None:
    """Eight hours ahead of the clock of the log."""
    assert month_of(recorded_at) == month


@pytest.mark.parametrize(
    ("closed_through", "month"),
    [(None, "2026-03"), ("2026-02", "2026-03"), ("2026-03", "2026-04"), ("2026-12", "2027-01")],
)
def test_what_is_recorded_in_a_closed_month_falls_into_the_next_open_one(closed_through: str | None, month: str) -> None:
    assert month_for("2026-03-10T00:00:00.000000Z", closed_through) == month


def test_december_is_followed_by_january() -> None:
    assert [next_month("2026-12"), next_month("2026-09")] == ["2027-01", "2026-10"]


# --- the database itself --------------------------------------------------------------------------------------------------

ROW = {
    "position": 99, "line": 1, "event_id": event_id(99), "recorded_at": "2026-03-01T08:00:00.000000Z", "month": "2026-03",
    "debit": "entitlement", "credit": "payable", "amount_fen": 1, "payer": "county", "purse": COUNTY, "year": 2021,
    "instrument": "allowance", "person_ref": REF, "division": COUNTY, "corrects": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [{"amount_fen": 0}, {"amount_fen": -5}, {"credit": "entitlement"}, {"debit": "pocket"}, {"credit": "pocket"}],
    ids=str,
)
def test_the_database_refuses_a_transfer_that_does_not_balance(bench: Bench, wrong: dict[str, Any]) -> None:
    """Written past our code: no amount below one fen, not from an account to itself, no account that there is not."""
    with bench.log.database.write.begin() as connection:
        connection.execute(insert(transfer).values(**ROW))
    with pytest.raises(DBAPIError, match=r"(?i)check|transfer_"), bench.log.database.write.begin() as connection:
        connection.execute(insert(transfer).values(**{**ROW, "position": 100, **wrong}))


@pytest.mark.parametrize("act", ["update", "delete", "truncate"])
def test_the_database_refuses_to_change_a_transfer(bench: Bench, act: str) -> None:
    """A reversal is another transfer, never an edit."""
    bench.decide(1, 50_000)
    acts: dict[str, Any] = {
        "update": update(transfer).values(amount_fen=1),
        "delete": delete(transfer),
        "truncate": text(
            "TRUNCATE transfer" if bench.log.database.write.dialect.name == "postgresql" else "DELETE FROM transfer"
        ),
    }
    with pytest.raises(DBAPIError, match="append-only"), bench.log.database.write.begin() as connection:
        connection.execute(acts[act])
    assert [row.amount_fen for row in bench.transfers()] == [50_000]


# --- what it says ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(bench: Bench) -> Bench:
    """Two workers, a run paid in March, a correction in April, and a part-time allowance."""
    bench.decide(1, 50_000)
    bench.decide(2, 20_000)
    bench.decide(2, 300, instrument="part_time")
    bench.pay("a")
    bench.later(31)
    bench.decide(1, 40_000)
    bench.decide(2, 25_000)
    return bench


def shown(bench: Bench, **which: Any) -> dict[str, int]:
    with bench.log.database.read.connect() as connection:
        return {each.account: each.balance_fen for each in trial_balance(connection, Which(**which))}


def test_the_trial_balance_adds_up_to_nothing(busy: Bench) -> None:
    """And each account shows what it should."""
    assert shown(busy) == {"entitlement": 65_300, "payable": 5_000, "in_transit": 0, "paid": -70_300}
    assert sum(shown(busy).values()) == 0
    with busy.log.database.read.connect() as connection:
        assert sum(b.debit_fen for b in trial_balance(connection)) == sum(b.credit_fen for b in trial_balance(connection))


def test_the_trial_balance_is_asked_for_any_time_and_part(busy: Bench) -> None:
    """At a position, a moment, for a month, a division, a payer, a year, an instrument, a worker."""
    assert shown(busy, upto=1) == {"entitlement": 50_000, "payable": -50_000}
    assert shown(busy, until="2026-03-31T00:00:00.000000Z") == {
        "entitlement": 70_300, "payable": 0, "in_transit": 0, "paid": -70_300,
    }  # fmt: skip
    assert shown(busy, month="2026-04") == {"entitlement": -5_000, "payable": 5_000}
    assert shown(busy, months_through="2026-03") == shown(busy, until="2026-03-31T00:00:00.000000Z")
    assert shown(busy, instrument="part_time")["entitlement"] == 300
    assert shown(busy, person_ref=person(2), division="320100", payer="county", year=2021)["entitlement"] == 25_300
    assert shown(busy, division="330000") == shown(busy, payer="city") == shown(busy, year=2020) == {}


def test_an_account_statement_runs_on_from_page_to_page(busy: Bench) -> None:
    """Each line with the balance after it; for what is payable, what is owed."""
    with busy.log.database.read.connect() as connection:
        every = account_statement(connection, "payable")
        page = account_statement(connection, "payable", limit=3)
        rest = account_statement(connection, "payable", after=(page[-1].position, page[-1].line))
    assert [*page, *rest] == every
    assert [line.balance_fen for line in every][:3] == [50_000, 70_000, 70_300]
    assert every[-1].balance_fen == -5_000
    assert all(line.debit_fen == 0 or line.credit_fen == 0 for line in every)


def test_a_statement_of_one_worker_payer_and_year_is_asked_for_any_day(busy: Bench) -> None:
    """As it was recorded then: what was granted, instructed and corrected until that moment, with the balance after each."""
    which: dict[str, Any] = {"person_ref": person(1), "payer": "county", "year": 2021}
    with busy.log.database.read.connect() as connection:
        then = account_statement(connection, "payable", Which(**which, until="2026-03-31T00:00:00.000000Z"))
        now = account_statement(connection, "payable", Which(**which))
        assert account_statement(connection, "payable", Which(**(which | {"year": 2020}))) == []
        assert account_statement(connection, "payable", Which(**(which | {"payer": "city"}))) == []
    assert [(line.against, line.balance_fen) for line in then] == [("entitlement", 50_000), ("in_transit", 0)]
    assert now[:2] == then
    assert [(line.against, line.month, line.debit_fen, line.balance_fen) for line in now[2:]] == [
        ("entitlement", "2026-04", 10_000, -10_000)
    ]


def test_the_statement_of_a_month_begins_with_what_the_months_before_it_have_left(busy: Bench) -> None:
    """Page by page too; and so the balance after the last line is that of the account."""
    busy.decide(2, 26_000)
    with busy.log.database.read.connect() as connection:
        [owed] = [b for b in trial_balance(connection) if b.account == "entitlement"]
        april = account_statement(connection, "entitlement", Which(month="2026-04"))
        rest = account_statement(connection, "entitlement", Which(month="2026-04"), after=(april[0].position, april[0].line))
    assert [line.balance_fen for line in april] == [60_300, 65_300, 66_300]
    assert (rest, april[-1].balance_fen) == (april[1:], owed.balance_fen)


def test_a_correction_says_what_it_corrects_and_when_that_was(busy: Bench) -> None:
    """The line of April names the decision of March."""
    with busy.log.database.read.connect() as connection:
        line = account_statement(connection, "entitlement", Which(person_ref=person(1)))[-1]
    first = busy.events[0]
    assert (line.month, line.debit_fen, line.credit_fen) == ("2026-04", 0, 10_000)
    assert (line.corrects, line.corrects_month) == (first.event_id, "2026-03")


def test_what_is_owed_now_is_the_balance_of_each_worker(busy: Bench) -> None:
    """Kept beside the transfers, so that a run finds its people."""
    assert busy.owed_now() == {(1, 2021): -10_000, (2, 2021): 5_000}
    busy.pay("b")
    assert busy.owed_now() == {(1, 2021): -10_000}
    with busy.log.database.read.connect() as connection:
        sums: dict[tuple[str, str, int, str], int] = {}
        for line in account_statement(connection, "payable"):
            key = (line.person_ref, line.payer, line.year, line.instrument)
            sums[key] = sums.get(key, 0) + line.credit_fen - line.debit_fen
    assert sums == {(row.person_ref, row.payer, row.year, row.instrument): row.amount_fen for row in busy.rows(payable)}


def test_where_a_worker_moves_the_old_purse_ends_and_the_new_one_begins(lite: Bench) -> None:
    """The last decision says whose run pays; also if the amount is the same."""
    lite.decide(1, 50_000)
    lite.decide(1, 50_000, division="320103")
    assert [(row.purse, row.division, row.amount_fen) for row in lite.rows(payable)] == [
        (COUNTY, COUNTY, 0), ("320103", "320103", 50_000),
    ]  # fmt: skip
    lite.pay("a")
    assert lite.stages("a") == []
    lite.pay("b", division="320103")
    assert lite.stages("b") == [(1, 50_000, "settled")]


def test_the_ledger_rebuilt_beside_the_live_one_is_the_same(busy: Bench) -> None:
    """From the log alone."""
    compared = rebuild_and_compare(busy.log)
    assert compared.differences == []
    assert compared.rows > 10


def test_a_rebuild_that_is_swapped_in_is_protected_again(busy: Bench) -> None:
    """By the owner, in one transaction; nothing is different afterwards."""
    before = busy.transfers()
    assert swap(busy.log) == len(busy.events)
    assert busy.transfers() == before
    with pytest.raises(DBAPIError, match="append-only"), busy.log.database.write.begin() as connection:
        connection.execute(delete(transfer))


def test_a_transfer_that_was_changed_is_found_by_a_replay(lite: Bench) -> None:
    """Somebody took the protection away."""
    lite.decide(1, 50_000)
    with lite.log.database.write.begin() as connection:
        connection.execute(text("DROP TRIGGER transfer_no_update"))
        connection.execute(update(transfer).values(amount_fen=60_000))
    [found] = rebuild_and_compare(lite.log).differences
    assert (found.table, found.key) == ("transfer", (1, 1))
