"""A payer is a purse: a division's budget under a name. No payout, recovery, sum or transfer joins two of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as random
from hypothesis import settings
from hypothesis import strategies as st

from console.replay import rebuild_and_compare
from console.verify import verify_books
from contracts.allowance import EntitlementAdjusted, PayerAmount
from contracts.divisions import Purse, purse_of
from contracts.payment import PayoutPrepared, RecoveryOpened
from eventlog.database import Database
from eventlog.log import NewEvent, Unit
from services.allowance.account import Demand
from services.allowance.ledger import transfers_of
from services.allowance.ledger_views import LedgerView, payable, trial_balance
from services.allowance.payment_views import PaymentView, payout, recoveries
from services.allowance.reconciliation import unequal_postings
from services.allowance.views import EntitlementView, WorkerView
from tests.allowance.payment_bench import PaymentBench, person
from tests.allowance.payment_example import ACCOUNT, COUNTY, FACT, REF, adjusted, decided, paid, part, prepare
from tests.specs import given

OTHER = "320103"
CITY = "320100"
MOVED = [decided(1, 50_00000), *paid(part(50_00000)), adjusted(2, 7_777_77, 50_00000, division=OTHER, moved_from=COUNTY)]
"""Paid 50,000 yuan in the first county; then a transfer to the second is told, where 7,777.77 are due."""


@pytest.mark.parametrize(
    ("payer", "division", "level", "expected"),
    [
        ("county", "320102", None, "320102"),
        ("city", "320102", None, "320100"),
        ("province", "320102", None, "320000"),
        ("county", "320100", None, "320100"),
        ("bureau", "320102", None, "320102"),
        ("bureau", "320102", "city", "320100"),
        ("county", "320102", "province", "320000"),
    ],
)
def test_a_name_is_a_budget_of_a_division(payer: str, division: str, level: Any, expected: str) -> None:
    """The policy may say of which level; county, city and province say it themselves."""
    assert purse_of(payer, division, level) == Purse(expected, payer)


def test_a_worker_who_moves_is_an_overpayment_of_one_purse_and_a_due_of_another() -> None:
    """Not the difference of the two: that would let one county pay the other's debt."""
    [event] = [each for each in MOVED if isinstance(each, EntitlementAdjusted)]
    assert event.differences == (
        PayerAmount(payer="county", amount_fen=-50_00000, purse=COUNTY),
        PayerAmount(payer="county", amount_fen=7_777_77, purse=OTHER),
    )
    assert [(each.purse, each.division, each.debit, each.amount_fen) for each in transfers_of(event)] == [
        (COUNTY, COUNTY, "payable", 50_00000),
        (OTHER, OTHER, "entitlement", 7_777_77),
    ]


@pytest.mark.parametrize("division", [OTHER, CITY])
def test_the_second_county_pays_what_it_owes_whatever_the_first_has_paid(division: str) -> None:
    """Also by a run of the city, which stands above both."""
    [payout] = given(ACCOUNT, MOVED).when(prepare("cashier/b", division=division)).events
    assert isinstance(payout, PayoutPrepared)
    assert (payout.of_purse, payout.division, payout.amount_fen) == (Purse(OTHER, "county"), OTHER, 7_777_77)


def test_the_first_county_asks_back_what_it_has_paid() -> None:
    """All of it, from its own purse."""
    [opened] = given(ACCOUNT, MOVED).when(Demand(REF, "county", FACT, "cashier-1", "moved")).events
    assert isinstance(opened, RecoveryOpened)
    assert (opened.of_purse, opened.division, opened.amount_fen) == (Purse(COUNTY, "county"), COUNTY, 50_00000)


def test_a_run_above_two_counties_makes_a_payout_from_each_purse() -> None:
    """Of one worker: each with its own number, its own parts, and no part of the other."""
    history = [decided(1, 300_00, instrument="part_time"), decided(2, 900_00, division=OTHER)]
    first, second = given(ACCOUNT, history).when(prepare(division=CITY)).events
    assert [(each.of_purse.division, each.payout, each.amount_fen) for each in (first, second)] == [
        (COUNTY, "cashier/2021-a/1", 300_00),
        (OTHER, "cashier/2021-a/2", 900_00),
    ]


def test_a_city_pays_in_all_its_counties_from_one_purse() -> None:
    """What it paid too much in one county is netted from what it owes in the next: it is the same budget."""
    history = [
        decided(1, 300_00, payer="city"),
        *paid(part(300_00), payer="city"),
        adjusted(2, 100_00, 300_00, payer="city", division=OTHER, moved_from=COUNTY),
        decided(3, 900_00, payer="city", year=2022, division=OTHER),
    ]
    [payout] = given(ACCOUNT, history).when(prepare("cashier/b", payer="city", year=2022, division=OTHER)).events
    assert (payout.of_purse, payout.amount_fen) == (Purse(CITY, "city"), 700_00)


# --- on the database --------------------------------------------------------------------------------------------------------


def with_statement(database: Database) -> PaymentBench:
    return PaymentBench(database, views=(WorkerView(), EntitlementView(), LedgerView(), PaymentView()))


@pytest.fixture
def bench(database: Database) -> PaymentBench:
    return with_statement(database)


def purses(bench: PaymentBench) -> dict[tuple[str, str], int]:
    """(purse, account) → balance."""
    with bench.log.database.read.connect() as connection:
        return {(each.purse, each.account): each.balance_fen for each in trial_balance(connection) if each.balance_fen}


def test_paid_in_one_county_and_moved_to_the_next(bench: PaymentBench) -> None:
    """Each ledger has its own: the first one 50,000 to get back, the second one 7,777.77 paid; nothing is netted."""
    bench.decide(1, 50_00000)
    bench.pay("a")
    bench.decide(1, 7_777_77, division=OTHER)
    assert [(r.purse, r.division, r.amount_fen) for r in sorted(bench.rows(payable), key=lambda row: row.purse)] == [
        (COUNTY, COUNTY, -50_00000),
        (OTHER, OTHER, 7_777_77),
    ]
    bench.pay("b", division=OTHER)
    assert bench.stages("b") == [(1, 7_777_77, "settled")]
    assert purses(bench) == {
        (COUNTY, "payable"): 50_00000,
        (COUNTY, "paid"): -50_00000,
        (OTHER, "entitlement"): 7_777_77,
        (OTHER, "paid"): -7_777_77,
    }
    assert verify_books(bench.log).problems == []
    assert rebuild_and_compare(bench.log).differences == []


def test_a_move_that_was_recorded_by_name_is_read_by_purses(bench: PaymentBench) -> None:
    """An adjustment of before payers were purses says one difference over both."""
    bench.decide(1, 50_00000)
    bench.pay("a")
    last, _, _ = bench.decisions[person(1), 2021, "allowance"]
    old = adjusted(1, 7_777_77, 50_00000, division=OTHER, moved_from=COUNTY, ref=person(1)).model_copy(
        update={"supersedes": last, "differences": (PayerAmount(payer="county", amount_fen=-42_222_23),)}
    )
    unit: Unit = Unit(
        events=[NewEvent(f"worker-{person(1)}", old, "2021-12-31", bench.log.new_id(), "c", None, "allowance")],
        expects={f"worker-{person(1)}": 1},
    )
    assert not bench.log.append([unit]).conflicts
    assert purses(bench)[COUNTY, "payable"] == 50_00000
    assert purses(bench)[OTHER, "payable"] == -7_777_77
    assert verify_books(bench.log).problems == []
    assert rebuild_and_compare(bench.log).differences == []


PLACES = (COUNTY, OTHER, "320582")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("decide"), st.integers(0, 90_000), st.sampled_from(PLACES)),
        st.tuples(st.just("pay"), st.integers(0, 2), st.sampled_from((*PLACES, CITY, "320000"))),
    ),
    min_size=3,
    max_size=12,
)


@settings(max_examples=25)
@random(payer=st.sampled_from(["county", "city"]), steps=STEPS)
def test_whatever_moves_each_purse_has_posted_what_it_owes_and_paid(
    tmp_path_factory: pytest.TempPathFactory, payer: str, steps: list[tuple[str, int, str]]
) -> None:
    """Decisions here and there, paid in between by any run: what a purse has paid is what its payouts say, what it posted is
    what it was decided to owe, and no payout has a part of another purse."""
    bench = with_statement(Database(f"sqlite:///{tmp_path_factory.mktemp('purses')}/a.db"))
    try:
        for number, (kind, value, place) in enumerate(steps):
            if kind == "decide":
                bench.decide(1, value, division=place, payer=payer)
            else:
                bench.pay(f"r{number}", division=place, payer=payer)
        with bench.log.database.read.connect() as connection:
            assert unequal_postings(connection) == []
            found = {(each.purse, each.account): each.balance_fen for each in trial_balance(connection)}
            recovered = {each["purse"] for each in recoveries(connection)}
        out: dict[str, int] = {}
        for row in bench.rows(payout):
            assert row.purse == purse_of(row.payer, row.division).division
            out[row.purse] = out.get(row.purse, 0) + (row.amount_fen if row.stage == "settled" else 0)
        for purse, fen in out.items():
            assert -found.get((purse, "paid"), 0) == fen
            assert purse in recovered or -found.get((purse, "payable"), 0) + fen == found.get((purse, "entitlement"), 0)
        assert verify_books(bench.log).problems == []
    finally:
        bench.log.database.close()
