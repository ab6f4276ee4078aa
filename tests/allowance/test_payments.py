"""Payment from the first fact to the bank's answer: receipts, what waits, pages that are killed, what the database refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update
from sqlalchemy.exc import DBAPIError

from console.replay import rebuild_and_compare
from console.verify import verify_books
from contracts.payment import (
    BankAnswered,
    BankFileMatched,
    PayoutBooked,
    PayoutCancelled,
    PayoutInstructed,
    PayoutPrepared,
    PayoutQuestioned,
    PayoutReissued,
    PayoutReturned,
    PayoutSettled,
    RecoveryOpened,
    RunChecked,
    RunCleared,
    RunClosed,
    RunInstructed,
    RunListed,
    RunPrepared,
    RunSealed,
    list_digest,
)
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.log import Log, NewEvent, Unit
from services.allowance import account as accounts
from services.allowance import app
from services.allowance import payment_work as module
from services.allowance.handlers import recalculation
from services.allowance.ledger_views import Which, periods, transfer, trial_balance
from services.allowance.payment_views import (
    SealBroken,
    bank_break,
    breaks,
    payment_run,
    payout,
    recoveries,
    run,
    runs,
)
from services.allowance.payment_work import preview
from services.allowance.payments import Payments, payment_change, payment_work
from services.allowance.reconciliation import RunProof, Sum, prove_run, prove_runs, unequal_postings
from services.allowance.suspense import suspended
from services.allowance.views import entitlement_payer
from tests.allowance.example import policy_text
from tests.allowance.payment_bench import CASHIER, REVIEWER, person
from tests.allowance.payment_bench import PaymentBench as Bench
from tests.allowance.payment_example import FACT
from tests.support import RegistryBench, event_id, eventually
from tests.support import run as run_async


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@pytest.fixture
def lite(tmp_path: Path, open_database: Callable[[str], Database]) -> Bench:
    return Bench(open_database(f"sqlite:///{tmp_path}/payments.db"))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)


def owe(bench: Bench, *fen: int, year: int = 2021) -> None:
    for number, amount in enumerate(fen, start=1):
        bench.decide(number, amount, year=year)


def show(bench: Bench, name: str = "cashier/a") -> dict[str, Any]:
    with bench.log.database.read.connect() as connection:
        return run(connection, name) or {}


# --- the whole way --------------------------------------------------------------------------------------------------------


def test_a_run_is_prepared_checked_sealed_instructed_and_settled(bench: Bench) -> None:
    """Every act has its receipt; the ledger follows the money; the run closes."""
    owe(bench, 10_000, 0, 30_000)
    acts = [bench.prepares()]
    bench.settle(acts[0])
    bench.finish()
    assert bench.stages() == [(1, 10_000, "prepared"), (3, 30_000, "prepared")]
    assert bench.kinds(RunListed)[0].model_dump() == {"run": "cashier/a", "count": 2, "total_fen": 40_000}
    acts += [bench.checks(), bench.seals()]
    bench.settle(*acts[1:])
    assert bench.balances() == {"entitlement": 40_000, "payable": -40_000}
    acts += [bench.exports(), bench.instructs()]
    bench.settle(*acts[-2:])
    bench.finish()
    assert bench.balances() == {"entitlement": 40_000, "in_transit": -40_000}
    acts.append(bench.reports(bench.result(1), bench.result(2)))
    bench.settle(acts[-1])
    assert bench.balances() == {"entitlement": 40_000, "paid": -40_000}
    assert [bench.said(act) for act in acts] == [("accepted", [])] * 6
    [closed] = bench.kinds(RunClosed)
    assert (closed.settled, closed.settled_fen, closed.returned) == (2, 40_000, 0)
    assert show(bench)["stage"] == "closed"
    assert bench.rows(payment_work) == []
    assert rebuild_and_compare(bench.log).differences == []


def test_a_seal_fixes_the_list_and_the_log_that_it_stands_on(bench: Bench) -> None:
    """Count, total and digest of the payouts; position and root of the log."""
    owe(bench, 10_000, 30_000)
    bench.settle(bench.prepares())
    bench.finish()
    bench.settle(bench.checks())
    with bench.log.database.read.connect() as connection:
        head = bench.log.head(connection)
    bench.settle(bench.seals())
    [seal] = bench.kinds(RunSealed)
    expected = list_digest([("cashier/a/1", person(1), 10_000), ("cashier/a/2", person(2), 30_000)])
    assert (seal.count, seal.total_fen, seal.list_sha256) == (2, 40_000, expected)
    assert (seal.position, seal.root) == (head.position, head.root)
    sealed = bench.sealed()
    assert (sealed.count, sealed.total_fen, sealed.list_sha256) == (2, 40_000, expected)
    assert [(line.payout, line.amount_fen) for line in sealed.lines] == [("cashier/a/1", 10_000), ("cashier/a/2", 30_000)]


def test_a_list_that_is_not_the_seal_is_not_given_out(lite: Bench) -> None:
    """Somebody has written to the table; the file would not be what was sealed."""
    owe(lite, 10_000)
    lite.settle(lite.prepares())
    lite.finish()
    with pytest.raises(LookupError, match="not sealed"):
        lite.sealed()
    lite.settle(lite.checks(), lite.seals())
    with lite.log.database.write.begin() as connection:
        connection.execute(update(payout).values(amount_fen=10_001))
    with pytest.raises(SealBroken, match="total_fen"):
        lite.sealed()


def test_a_preview_is_what_the_run_will_list(lite: Bench) -> None:
    """In the same order, with the same amounts; nothing is recorded by looking."""
    owe(lite, 10_000, 0, 30_000)
    park(lite, f"worker-{person(4)}")
    lite.decide(4, 5_000)
    before = lite.events
    with lite.log.database.read.connect() as connection:
        seen = list(preview(lite.log, lite.work._payments, connection, "320100", "county", 2021))
    assert lite.events == before
    lite.settle(lite.prepares(division="320100"))
    lite.finish()
    assert [(e.person_ref, e.amount_fen) for e in seen] == [(row.person_ref, row.amount_fen) for row in lite.standing()]


def proof(bench: Bench, name: str = "a") -> RunProof:
    with bench.log.database.read.connect() as connection:
        return prove_run(bench.log, connection, f"cashier/{name}")


def test_seal_events_ledger_tables_and_bank_agree_at_every_stage(bench: Bench) -> None:
    """From the preparation to a return after the settlement; with a payout that nets an overpayment of another year."""
    with pytest.raises(LookupError):
        proof(bench)
    bench.decide(1, 9_000, year=2020)
    bench.pay("old", year=2020)
    bench.decide(1, 3_000, year=2020)
    owe(bench, 10_000, 20_000, 30_000)
    steps: list[Callable[[], Item]] = [
        bench.prepares, bench.checks, bench.seals, bench.exports, bench.instructs,
        lambda: bench.reports(bench.result(1), bench.result(2)),
        lambda: bench.reports(bench.result(2, "returned"), file="c" * 64),
    ]  # fmt: skip
    for step in steps:
        bench.settle(step())
        assert proof(bench).differences == ()
        bench.finish()
        assert proof(bench).differences == ()
    found = proof(bench)
    assert (found.seal, found.file, found.waiting) == (Sum(3, 54_000), Sum(3, 54_000), 0)
    assert found.bank == {"settled": Sum(1, 4_000), "returned": Sum(1, 20_000)}
    assert found.events == found.tables == {**found.bank, "instructed": Sum(1, 30_000)}
    assert found.ledger == {"payable": 34_000, "in_transit": -30_000, "paid": -4_000}


def test_books_that_do_not_agree_are_told(lite: Bench) -> None:
    """Somebody has written to the tables."""
    owe(lite, 10_000)
    lite.pay("a")
    with lite.log.database.write.begin() as connection:
        connection.execute(update(payout).values(amount_fen=9_000))
        schema.release_append_only(connection, "transfer")
        connection.execute(update(transfer).where(transfer.c.debit == "in_transit").values(amount_fen=1))
    assert len(proof(lite).differences) == 3


def test_every_run_is_proven_in_one_reading(bench: Bench) -> None:
    """As each is by itself, with what the bank has returned and what a later run has paid again."""
    owe(bench, 10_000, 20_000)
    bench.pay("a", "returned")
    bench.pay("b")
    bench.settle(bench.prepares("c"))
    with bench.log.database.read.connect() as connection:
        found = list(prove_runs(bench.log, connection))
    assert found == [proof(bench, name) for name in ("a", "b", "c")]
    assert [each.seal for each in found] == [Sum(2, 30_000), Sum(2, 30_000), None]
    assert not any(each.differences for each in found)


def test_a_seal_that_is_not_of_its_payouts_is_told(lite: Bench) -> None:
    """Another list of the same count and total."""
    owe(lite, 10_000)
    lite.pay("a")
    [sealed] = [recorded for recorded in lite.events if isinstance(recorded.event, RunSealed)]
    forged = sealed.data.replace(sealed.event.list_sha256, "0" * 64)  # type: ignore[attr-defined]
    with lite.log.database.write.begin() as connection:
        schema.release_append_only(connection, "event")
        connection.execute(update(schema.event).where(schema.event.c.position == sealed.position).values(data=forged))
    [found] = proof(lite).differences
    assert found.endswith(f"the seal says {'0' * 64}")


def test_each_payer_and_year_has_runs_of_its_own(lite: Bench) -> None:
    """A run takes nothing of what another payer, or another year, owes."""
    lite.decide(1, 10_000)
    lite.decide(1, 20_000, year=2022)
    lite.decide(2, 5_000, payer="city")
    lite.decide(3, 7_000, division="330100")
    lite.pay("a")
    assert lite.stages("a") == [(1, 10_000, "settled")]
    lite.pay("b", payer="city", division="320000")
    assert lite.stages("b") == [(2, 5_000, "settled")]
    assert lite.owed_now() == {(1, 2022): 20_000, (3, 2021): 7_000}


def test_runs_are_listed_with_their_sums(lite: Bench) -> None:
    """By division and year."""
    owe(lite, 10_000, 30_000)
    lite.pay("a")
    with lite.log.database.read.connect() as connection:
        [found] = runs(connection, division="320000", year=2021)
        assert runs(connection, division="330000") == []
        assert run(connection, "cashier/none") is None
    assert (found["run"], found["payouts"]) == ("cashier/a", {"settled": (2, 40_000)})
    assert (found["prepared_by"], found["checked_by"]) == ("cashier", "reviewer")


# --- two people, and no stage skipped -------------------------------------------------------------------------------------


def test_who_prepared_a_run_is_refused_as_its_checker(bench: Bench) -> None:
    """By a receipt that says why; nothing is recorded."""
    owe(bench, 10_000)
    bench.settle(bench.prepares(by="Zhang San"))
    bench.finish()
    check = bench.fact("payment-run-checked", "cashier", run="a", outcome="approved", by="Li Si")
    bench.settle(check)
    assert bench.said(check) == ("refused", ["checker-is-maker"])
    assert bench.kinds(RunChecked) == []


def test_the_database_itself_refuses_a_checker_who_prepared_the_run(bench: Bench) -> None:
    """Written past our code, on both databases."""
    owe(bench, 10_000)
    bench.settle(bench.prepares())
    bench.finish()
    same = {"checker_source": "cashier", "checked_by": "x", "checked": 100}
    other = {"checker_source": "reviewer", "checked_by": "x", "checked": 100}
    with pytest.raises(DBAPIError, match="payment_run_two_persons"), bench.log.database.write.begin() as connection:
        connection.execute(update(payment_run).values(**same))
    with bench.log.database.write.begin() as connection:
        connection.execute(update(payment_run).values(**other))


def test_the_database_itself_refuses_a_check_by_the_maker_in_the_log(bench: Bench) -> None:
    """Recorded past the rules of the run: the append that would carry the event is undone, and the log has not got it."""
    owe(bench, 10_000)
    bench.settle(bench.prepares(by="Zhang San"))
    bench.finish()
    checked = RunChecked(
        run="cashier/a", fact=FACT, by="Li Si", outcome="approved", position=1, changed=0, count=1, total_fen=10_000
    )
    new = NewEvent("run-cashier/a", checked, "2026-03-01", bench.log.new_id(), "c", None, "reviewer")
    before = bench.events
    with pytest.raises(DBAPIError, match="payment_run_two_persons"):
        bench.log.append([Unit(events=[new], expects={"run-cashier/a": 2})])
    assert bench.events == before


@pytest.mark.parametrize(
    "values", [{"maker_source": "x"}, {"prepared_by": "x"}, {"checker_source": "x"}, {"checked_by": None}], ids=str
)
def test_the_database_itself_keeps_who_prepared_and_who_checked_a_run(bench: Bench, values: dict[str, Any]) -> None:
    """Nobody puts another name in the place of either, to check afterwards what they prepared, or to have checked it."""
    owe(bench, 10_000)
    bench.settle(bench.prepares())
    bench.finish()
    bench.settle(bench.checks())
    with pytest.raises(DBAPIError, match="is not changed"), bench.log.database.write.begin() as connection:
        connection.execute(update(payment_run).values(**values))
    assert show(bench)["checked_by"] == "reviewer"


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"sealed": 100}, "payment_run_cleared_sealed"),
        ({"instructed": 100}, "payment_run_sealed_instructed"),
        ({"checker_source": "reviewer", "checked": 1}, "payment_run_listed_checked"),
        ({"checked": 100}, "payment_run_checked_by_somebody"),
    ],
    ids=str,
)
def test_the_database_itself_refuses_a_skipped_stage(bench: Bench, values: dict[str, Any], constraint: str) -> None:
    """Sealed without a check, instructed without a seal, checked before it was listed, or by nobody."""
    owe(bench, 10_000)
    bench.settle(bench.prepares())
    bench.finish()
    with pytest.raises(DBAPIError, match=constraint), bench.log.database.write.begin() as connection:
        connection.execute(update(payment_run).values(**values))


def test_the_database_itself_refuses_two_payouts_of_a_run_to_one_worker(bench: Bench) -> None:
    owe(bench, 10_000)
    bench.settle(bench.prepares())
    bench.finish()
    [row] = bench.rows(payout)
    again = row._asdict() | {"payout": "cashier/a/2", "number": 2}
    with pytest.raises(DBAPIError, match="(?i)unique"), bench.log.database.write.begin() as connection:  # noqa: RUF043
        connection.execute(insert(payout).values(**again))


def test_acts_that_come_too_early_are_refused_and_not_kept(bench: Bench) -> None:
    """A seal that was given before the check does not seal by itself when the check comes."""
    owe(bench, 10_000, 30_000)
    digest = list_digest([("cashier/a/1", person(1), 10_000), ("cashier/a/2", person(2), 30_000)])
    figures: dict[str, Any] = {"count": 2, "total_fen": 40_000, "list_sha256": digest}
    results = [
        {"payout": f"cashier/a/{n}", "outcome": "settled", "reference": f"b-{n}", "amount_fen": fen}
        for n, fen in ((1, 10_000), (2, 30_000))
    ]
    facts = [
        bench.reports(*results), bench.instructs(**figures), bench.exports(**figures), bench.seals(), bench.checks(),
    ]  # fmt: skip
    bench.settle(*facts)
    assert [bench.said(fact) for fact in facts] == [("refused", ["step-missing"])] * 5
    assert bench.rows(schema.held) == []
    bench.settle(bench.prepares())
    bench.finish()
    bench.settle(bench.checks())
    bench.finish()
    assert show(bench)["stage"] == "cleared", "nothing is sealed by itself"
    assert bench.balances() == {"entitlement": 40_000, "payable": -40_000}


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"payer": "conty"}, "data.payer", "payer-unknown"),
        ({"division": "320200"}, "data.payer", "payer-unknown"),
        ({"year": 2012}, "data.year", "year-without-grants"),
        ({"year": 2042}, "data.year", "year-not-begun"),
    ],
)
def test_a_run_names_money_that_there_is(lite: Bench, wrong: dict[str, Any], field: str, code: str) -> None:
    """A mistyped payer gave a run without payouts, accepted; a year that has not begun was paid in full."""
    owe(lite, 10_000)
    prepare = lite.prepares(**wrong)
    lite.settle(prepare)
    assert lite.said(prepare) == ("refused", [code])
    [receipt] = [each for each in lite.receipts if each.outcome == "refused"]
    assert [problem.field for problem in receipt.problems] == [field]
    if code == "payer-unknown" and field == "data.payer" and "payer" in wrong:
        assert receipt.problems[0].remedy == "choose among county"


def test_the_same_fact_again_changes_nothing(lite: Bench) -> None:
    """Redelivered, published again, or sent anew under another id."""
    owe(lite, 10_000)
    prepare = lite.prepares()
    lite.settle(prepare)
    lite.finish()
    facts = [prepare, lite.checks(), lite.seals()]
    lite.settle(*facts[1:])
    facts += [lite.exports(), lite.instructs()]
    lite.settle(*facts[3:])
    lite.finish()
    before = lite.events
    lite.settle(*facts, *(replace(fact, sequence=900 + n) for n, fact in enumerate(facts)))
    lite.settle(lite.prepares(), lite.checks(), lite.seals(), lite.exports(), lite.instructs())
    lite.finish()
    assert lite.events == before
    assert {receipt.outcome for receipt in lite.receipts} == {"accepted"}


def test_a_file_that_is_not_the_seal_is_refused(lite: Bench) -> None:
    owe(lite, 10_000)
    lite.settle(lite.prepares())
    lite.finish()
    lite.settle(lite.checks(), lite.seals())
    wrong = lite.instructs(total_fen=10_001)
    lite.settle(wrong)
    assert lite.said(wrong) == ("refused", ["not-the-seal"])
    assert lite.kinds(RunInstructed) == []


# --- the second look ------------------------------------------------------------------------------------------------------


def test_what_has_changed_since_is_left_out_at_the_check_and_paid_by_a_later_run(bench: Bench) -> None:
    """One got less, one nothing any more, one more; one stayed, and somebody new is not in the run."""
    owe(bench, 10_000, 20_000, 30_000, 40_000)
    bench.settle(bench.prepares())
    bench.finish()
    bench.decide(1, 6_000)
    bench.decide(2, 0)
    bench.decide(3, 35_000)
    bench.decide(5, 50_000)
    with bench.log.database.read.connect() as connection:
        seen = bench.work._payments.changes_now(connection, "cashier/a")
    bench.settle(bench.checks())
    [checked] = bench.kinds(RunChecked)
    assert checked.changes == seen
    assert [(c.prepared_fen, c.due_fen, c.why) for c in seen] == [
        (10_000, 6_000, "due-changed"), (20_000, 0, "nothing-due"), (30_000, 35_000, "due-changed"),
    ]  # fmt: skip
    assert (checked.changed, checked.count, checked.total_fen) == (3, 1, 40_000)
    bench.finish()
    assert bench.stages() == [
        (1, 10_000, "cancelled"),
        (2, 20_000, "cancelled"),
        (3, 30_000, "cancelled"),
        (4, 40_000, "prepared"),
    ]
    assert bench.rows(payment_change) == []
    bench.settle(bench.seals(), bench.exports(), bench.instructs())
    bench.finish()
    bench.pay("b")
    assert bench.stages("b") == [(1, 6_000, "settled"), (3, 35_000, "settled"), (5, 50_000, "settled")]
    assert proof(bench).differences == proof(bench, "b").differences == ()
    assert rebuild_and_compare(bench.log).differences == []


def test_a_change_after_the_instruction_goes_to_a_later_run(lite: Bench) -> None:
    """What the bank was told is paid; the difference is netted or paid then."""
    owe(lite, 10_000)
    lite.settle(lite.prepares())
    lite.finish()
    lite.settle(lite.checks(), lite.seals(), lite.exports(), lite.instructs())
    lite.decide(1, 6_000)
    lite.finish()
    assert lite.owed_now() == {(1, 2021): -4_000}


@pytest.mark.parametrize("reached", ["cleared", "sealed", "exported"])
def test_what_changes_after_the_approval_is_shown_and_the_checker_decides_again(bench: Bench, reached: str) -> None:
    """A correction, a merger, a policy: the next act is refused and says what, as long as the bank has nothing."""
    owe(bench, 10_000, 20_000)
    bench.settle(bench.prepares())
    bench.finish()
    bench.settle(bench.checks())
    bench.finish()
    acts = {"cleared": bench.seals, "sealed": bench.exports, "exported": bench.instructs}
    for stage, act in acts.items():
        if stage == reached:
            break
        bench.settle(act())
    bench.decide(2, 15_000)
    late = acts[reached]()
    bench.settle(late)
    assert bench.said(late) == ("refused", ["changed-since-check"])
    with bench.log.database.read.connect() as connection:
        [change] = Payments(bench.log).changes_now(connection, "cashier/a")
    assert (change.payout, change.prepared_fen, change.due_fen) == ("cashier/a/2", 20_000, 15_000)
    [problem] = [receipt.problems[0] for receipt in bench.receipts if receipt.outcome == "refused"]
    assert "cashier/a/2: 15000 fen in place of 20000" in problem.problem
    bench.settle(bench.cancels())
    bench.finish()
    bench.pay("b")
    assert bench.stages("b") == [(1, 10_000, "settled"), (2, 15_000, "settled")]


def test_nothing_is_sealed_while_everybody_is_decided_again(lite: Bench) -> None:
    owe(lite, 10_000)
    lite.settle(lite.prepares())
    lite.finish()
    lite.settle(lite.checks())
    with lite.log.database.write.begin() as connection:
        connection.execute(insert(recalculation).values(policy_event=event_id(900), after_person=""))
    seal = lite.seals()
    lite.settle(seal)
    assert lite.said(seal) == ("refused", ["step-missing"])


def test_nothing_is_checked_while_everybody_is_decided_again(lite: Bench) -> None:
    """A new policy came: until its recalculation is done nobody can say what is due."""
    owe(lite, 10_000)
    lite.settle(lite.prepares())
    lite.finish()
    with lite.log.database.write.begin() as connection:
        connection.execute(insert(recalculation).values(policy_event=event_id(900), after_person=""))
    check = lite.checks()
    lite.settle(check, lite.prepares("b"))
    lite.finish()
    assert lite.said(check) == ("refused", ["step-missing"])
    assert len(lite.kinds(RunListed)) == 1, "nor is a run listed"
    lite.recalculate()
    lite.finish()
    again = lite.checks()
    lite.settle(again)
    assert lite.said(again) == ("accepted", [])
    assert len(lite.kinds(RunListed)) == 2


def test_a_worker_about_whom_a_fact_is_parked_is_not_paid(lite: Bench) -> None:
    """Nobody can say what is due to them: not listed, and left out at the check."""
    owe(lite, 10_000, 20_000, 30_000)
    park(lite, f"worker-{person(1)}")
    lite.settle(lite.prepares())
    lite.finish()
    assert [number for number, *_ in lite.stages()] == [2, 3]
    park(lite, f"worker-{person(2)}")
    lite.settle(lite.checks())
    [checked] = lite.kinds(RunChecked)
    assert [(c.person_ref, c.due_fen, c.why) for c in checked.changes] == [(person(2), 0, "undecided")]


def park(bench: Bench, stream: str) -> None:
    """A message of this stream is parked."""
    row = {
        "parked_id": bench.log.new_id(), "origin": "registry", "message_id": stream, "sequence": 1, "subject": "registry.x",
        "raw": b"{}", "code": "rule-failed", "problem": "x", "blocks": stream, "parked_at": "2026-03-01T08:00:00.000000Z",
    }  # fmt: skip
    with bench.log.database.write.begin() as connection:
        connection.execute(insert(schema.parked).values(**row))


def test_a_rule_that_fails_leaves_out_one_worker_and_no_other(lite: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is parked for an operator, and paid by a later run when that is mended."""
    owe(lite, 10_000, 20_000, 30_000)
    real = accounts.decide

    def failing(command: Any, state: Any) -> Any:
        if getattr(command, "person_ref", "") == person(2) and isinstance(command, accounts.Prepare):
            raise ZeroDivisionError
        return real(command, state)

    monkeypatch.setattr(accounts, "decide", failing)
    lite.settle(lite.prepares())
    lite.finish()
    assert [number for number, *_ in lite.stages()] == [1, 3]
    assert lite.parked() == [(f"cashier/a/{person(2)}", "rule-failed")]
    monkeypatch.undo()
    lite.operates("retry", lite.rows(schema.parked)[0].parked_id)
    assert lite.parked() == []
    lite.pay("b")
    assert lite.stages("b") == [(2, 20_000, "settled")]


def test_somebody_who_cannot_be_paid_is_left_out_and_everybody_else_is_paid(bench: Bench) -> None:
    """With the reason, in the run's own event; what is due to them waits, with its age, until a run pays it."""
    owe(bench, 10_000, 20_000, 30_000)
    twice = [{"person_ref": person(2), "reason": "disputed"}, {"person_ref": person(2), "reason": "deceased"}]
    wrong = bench.prepares("x", without=twice)
    bench.settle(wrong)
    assert bench.said(wrong) == ("refused", ["named-twice"])
    bench.settle(bench.prepares("a", without=twice[:1]))
    bench.finish()
    bench.settle(bench.checks(), bench.seals(), bench.exports(), bench.instructs())
    bench.finish()
    assert bench.stages("a") == [(1, 10_000, "instructed"), (3, 30_000, "instructed")]
    [event] = bench.kinds(RunPrepared)
    assert [(each.person_ref, each.reason) for each in event.without] == [(person(2), "disputed")]
    other = bench.prepares("a")
    bench.settle(other)
    assert bench.said(other) == ("refused", ["run-exists"]), "the same run, but for everybody"
    with bench.log.database.read.connect() as connection:
        [found] = suspended(bench.log, connection, "320000")
        assert suspended(bench.log, connection, "320200") == []
    assert (found.person_ref, found.payer, found.fen, found.reason) == (person(2), "county", 20_000, "disputed")
    assert found.run == "cashier/a"
    bench.pay("b")
    assert bench.stages("b") == [(2, 20_000, "settled")]
    with bench.log.database.read.connect() as connection:
        assert suspended(bench.log, connection, "320000") == []


def test_a_rule_that_fails_for_a_run_stops_that_run_only(lite: Bench) -> None:
    """Its payouts are not those that were approved: the seal is parked, and what comes after it waits behind it."""
    owe(lite, 10_000)
    lite.settle(lite.prepares(), lite.prepares("b"))
    lite.finish()
    lite.settle(lite.checks())
    with lite.log.database.write.begin() as connection:
        connection.execute(update(payout).values(amount_fen=10_001))
    seal, stop = lite.seals(), lite.cancels()
    lite.settle(seal, stop, lite.checks("b"))
    assert (lite.said(seal), lite.said(stop)) == (("parked", ["rule-failed"]), ("parked", ["behind-parked"]))
    with lite.log.database.write.begin() as connection:
        connection.execute(update(payout).values(amount_fen=10_000))
    lite.operates("retry", lite.rows(schema.parked)[0].parked_id)
    assert (lite.said(seal), lite.said(stop)) == (("accepted", []), ("accepted", []))


# --- ends -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["cancelled", "rejected"])
def test_a_run_that_ends_frees_what_it_had_promised(bench: Bench, small_pages: None, end: str) -> None:
    """Every payout is cancelled, in pages; a later run pays them."""
    owe(bench, 10_000, 20_000, 30_000, 40_000, 50_000)
    bench.settle(bench.prepares())
    bench.finish()
    bench.settle(bench.cancels() if end == "cancelled" else bench.checks(outcome="rejected"))
    bench.finish()
    assert {stage for *_, stage in bench.stages()} == {"cancelled"}
    assert {event.why for event in bench.kinds(PayoutCancelled)} == {f"run-{end}"}
    bench.pay("b")
    assert len(bench.stages("b")) == 5
    assert bench.owed_now() == {}


def test_a_run_may_be_cancelled_while_it_is_being_listed(lite: Bench, small_pages: None) -> None:
    """The listing stops; what was listed is cancelled, and nobody is listed twice."""
    owe(lite, 10_000, 20_000, 30_000, 40_000, 50_000)
    lite.settle(lite.prepares())
    assert lite.work.step()
    assert len(lite.stages()) == 2
    lite.settle(lite.cancels())
    lite.finish()
    assert [stage for *_, stage in lite.stages()] == ["cancelled"] * 2
    assert lite.kinds(RunListed) == []


def test_a_run_may_be_cancelled_while_changes_are_being_cleared(lite: Bench, small_pages: None) -> None:
    """Nothing is left on the list of work."""
    owe(lite, *[10_000] * 5)
    lite.settle(lite.prepares())
    lite.finish()
    owe(lite, *[5_000] * 4)
    lite.settle(lite.checks())
    assert lite.work.step()
    lite.settle(lite.cancels())
    lite.finish()
    assert {stage for *_, stage in lite.stages()} == {"cancelled"}
    assert lite.rows(payment_change) == lite.rows(payment_work) == lite.kinds(RunCleared) == []


# --- pages, kills and rivals ----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


class Deadly:
    """Kills the process at some appends: before they are committed, or right after."""

    def __init__(self, log: Log, *when: tuple[int, str]) -> None:
        self.when = dict(when)
        self.seen = 0
        self.real = log.append
        log.append = self  # type: ignore[method-assign]

    def __call__(self, *args: Any, **more: Any) -> Any:
        self.seen += 1
        act = self.when.get(self.seen)
        if act == "before":
            raise Killed
        appended = self.real(*args, **more)
        if act == "after":
            raise Killed
        return appended


@pytest.mark.parametrize("act", ["before", "after"])
@pytest.mark.parametrize("at", range(1, 12))
def test_a_kill_at_any_page_pays_nobody_twice_and_leaves_nobody_out(lite: Bench, small_pages: None, at: int, act: str) -> None:
    """Another process goes on where the page was committed, or does it again where it was not."""
    owe(lite, 10_000, 20_000, 30_000, 40_000, 50_000)
    Deadly(lite.log, (at, act))
    for fact in (lite.prepares, lite.checks, lite.seals, lite.exports, lite.instructs):
        until_done(lite, lambda fact=fact: lite.settle(fact()))  # type: ignore[misc]
        until_done(lite, lite.finish)
    lines = lite.stages()
    assert lines == [(n, n * 10_000, "instructed") for n in range(1, 6)]
    assert [row.number for row in lite.standing()] == [1, 2, 3, 4, 5]
    assert lite.balances() == {"entitlement": 150_000, "in_transit": -150_000}
    assert rebuild_and_compare(lite.log).differences == []


def until_done(bench: Bench, act: Callable[[], Any]) -> None:
    """Do it; if the process is killed, a new one does it again."""
    try:
        act()
    except Killed:
        bench.work = bench.new_work()
        act()


@pytest.mark.parametrize("turn", range(1, 8))
def test_two_instances_at_the_same_work_do_it_once(bench: Bench, small_pages: None, turn: int) -> None:
    """One writes its page just before the other: the other's is undone as a whole, and it goes on behind it."""
    owe(bench, 10_000, 20_000, 30_000, 40_000, 50_000)
    rival = bench.new_work()
    real, seen = bench.log.append, count(1)

    def overtaken(*args: Any, **more: Any) -> Any:
        if next(seen) == turn:
            rival.step()
        return real(*args, **more)

    bench.log.append = overtaken  # type: ignore[method-assign]
    for fact in (bench.prepares, bench.checks, bench.seals, bench.exports, bench.instructs):
        bench.settle(fact())
        bench.finish()
    assert bench.stages() == [(n, n * 10_000, "instructed") for n in range(1, 6)]
    assert [len(bench.kinds(kind)) for kind in (PayoutPrepared, RunListed, PayoutInstructed)] == [5, 1, 5]


def test_the_task_works_when_it_is_woken_and_looks_for_what_others_left(lite: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there when it starts is done first; what another instance took is found without being woken."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    owe(lite, 10_000)
    lite.settle(lite.prepares())

    async def work() -> None:
        task = asyncio.create_task(lite.work.run())
        await eventually(lambda: bool(lite.kinds(RunListed)), "the run is listed")
        lite.settle(lite.prepares("b"))
        await eventually(lambda: len(lite.kinds(RunListed)) == 2, "the other run is listed, though nobody said so")
        lite.settle(lite.prepares("c"))
        lite.work.start()
        await eventually(lambda: len(lite.kinds(RunListed)) == 3, "the third is listed")
        task.cancel()

    run_async(work())


# --- the bank's answers ---------------------------------------------------------------------------------------------------


def instructed(bench: Bench, *fen: int, run: str = "a", booked: bool = True) -> None:
    owe(bench, *fen)
    bench.settle(bench.prepares(run))
    bench.finish()
    bench.settle(bench.checks(run), bench.seals(run), bench.exports(run), bench.instructs(run))
    if booked:
        bench.finish()


def test_what_the_bank_returns_is_owed_again_and_reissued(bench: Bench) -> None:
    """By a later run, linked with the returned payout."""
    instructed(bench, 10_000, 20_000)
    bench.settle(bench.reports(bench.result(1), bench.result(2, "returned")))
    assert bench.owed_now() == {(2, 2021): 20_000}
    [closed] = bench.kinds(RunClosed)
    assert (closed.settled_fen, closed.returned_fen) == (10_000, 20_000)
    bench.pay("b")
    [link] = bench.kinds(PayoutReissued)
    assert (link.payout, link.by_payout) == ("cashier/a/2", "cashier/b/1")
    assert [row.reissued_by for row in bench.standing("a")] == [None, "cashier/b/1"]
    assert bench.owed_now() == {}
    assert bench.balances() == {"entitlement": 30_000, "paid": -30_000}


def test_a_return_that_comes_after_the_settlement_is_owed_again(lite: Bench) -> None:
    """The run is closed; the payout says more than its closing did."""
    instructed(lite, 10_000)
    lite.settle(lite.reports(lite.result(1)))
    lite.settle(lite.reports(lite.result(1, "returned"), file="c" * 64))
    assert lite.stages() == [(1, 10_000, "returned")]
    assert lite.owed_now() == {(1, 2021): 10_000}
    assert [event.settled_before for event in lite.kinds(PayoutReturned)] == [True]
    assert len(lite.kinds(RunClosed)) == 1


def test_every_difference_with_the_bank_is_named(bench: Bench) -> None:
    """Unknown, wrong amount, twice, contradicting, missing; what is right is booked all the same."""
    instructed(bench, 10_000, 20_000, 30_000, 40_000)
    bench.settle(
        bench.reports(
            bench.result(1), bench.result(1, reference="again"), bench.result(2, fen=19_999),
            bench.result(3, "returned"), bench.result(3), bench.result(9),
        )
    )  # fmt: skip
    with bench.log.database.read.connect() as connection:
        found = breaks(connection, "cashier/a")
    assert [(each["key"], each["payout"], each["expected_fen"], each["found_fen"]) for each in found] == [
        ("contradicts/3/b-a-3-settled", "cashier/a/3", 30_000, 30_000),
        ("twice/1/again", "cashier/a/1", 10_000, 10_000),
        ("unknown/b-a-9-settled/cashier/a/9", None, None, 1),
        ("wrong_amount/2/b-a-2-settled", "cashier/a/2", 20_000, 19_999),
        ("missing/2", "cashier/a/2", 20_000, None),
        ("missing/4", "cashier/a/4", 40_000, None),
    ]
    [answered] = bench.kinds(BankAnswered)
    [matched] = bench.kinds(BankFileMatched)
    assert (answered.lines, answered.matched, answered.returned, answered.broken) == (6, 1, 1, 4)
    assert (matched.missing, bench.kinds(RunClosed)) == (2, [])
    assert bench.owed_now() == {(3, 2021): 30_000}


def test_a_payout_that_was_missing_may_be_answered_later(lite: Bench) -> None:
    """The difference is over by itself, and the run closes."""
    instructed(lite, 10_000, 20_000)
    lite.settle(lite.reports(lite.result(1)))
    assert [(row.key, row.state) for row in lite.rows(bank_break)] == [("missing/2", "open")]
    lite.settle(lite.reports(lite.result(2), file="c" * 64))
    assert [(row.key, row.state) for row in lite.rows(bank_break)] == [("missing/2", "answered")]
    assert show(lite)["stage"] == "closed"


def test_a_difference_has_an_owner_and_an_end(bench: Bench) -> None:
    instructed(bench, 10_000)
    bench.settle(bench.reports(bench.result(1, fen=9_999)))
    with bench.log.database.read.connect() as connection:
        key = breaks(connection, states=("open",))[0]["key"]
    said = {"run": "a", "key": key, "owner": "clerk-2", "by": "cashier-1"}
    other = {"source": REVIEWER, "run_source": CASHIER}
    acts = [
        bench.fact("break-settled", state="assigned", note="asked", **said),
        bench.fact("break-settled", state="settled", note="the bank has corrected it", paid_fen=10_000, **said),
        bench.fact("break-settled", state="settled", note="the bank has corrected it", **said, **other),
        bench.fact("break-settled", state="settled", note="the bank has corrected it", paid_fen=10_000, **said, **other),
        bench.fact("break-settled", state="assigned", note="once more", **said),
        bench.fact("break-settled", state="assigned", note="x", **(said | {"key": "missing/77"})),
        bench.fact("break-settled", state="assigned", note="x", **(said | {"key": "missing/x"})),
    ]
    bench.settle(*acts)
    assert [bench.said(act) for act in acts] == [
        ("accepted", []), ("refused", ["settler-is-maker"]), ("refused", ["paid-missing"]), ("accepted", []),
        ("refused", ["break-settled"]), ("refused", ["no-such-break"]),
        ("refused", ["no-such-break"]),
    ]  # fmt: skip
    [row] = [row for row in bench.rows(bank_break) if row.key == key]
    assert (row.state, row.owner, row.note) == ("settled", "clerk-2", "the bank has corrected it")


def test_no_run_pays_what_the_bank_may_have_paid_already(bench: Bench) -> None:
    """Returned and settled; 30,000 of 50,000; taken out of the run and paid nevertheless: held, until a second person has said
    what the payee has. Then the next run pays the difference, and nothing twice."""
    owe(bench, 50_000, 50_000, 50_000)
    bench.settle(bench.prepares())
    bench.finish()
    bench.decide(3, 45_000)
    bench.settle(bench.checks())
    bench.finish()
    bench.settle(bench.seals(), bench.exports(), bench.instructs())
    bench.finish()
    lines = (bench.result(1, "returned"), bench.result(1), bench.result(2, fen=30_000), bench.result(3))
    bench.settle(bench.reports(*lines))
    bench.pay("b")
    assert bench.stages("b") == [], "nothing of the three is paid again"
    keys = {each.payout: each.key for each in bench.kinds(PayoutQuestioned)}
    assert len(keys) == 3
    acts = [bench.settles_break("a", keys[f"cashier/a/{n}"], fen) for n, fen in ((1, 0), (2, 30_000), (3, 50_000))]
    bench.settle(*acts)
    assert [bench.said(act) for act in acts] == [("accepted", [])] * 3
    assert show(bench)["stage"] == "closed"
    assert not proof(bench).differences
    bench.pay("c")
    assert bench.stages("c") == [(1, 50_000, "settled"), (2, 20_000, "settled")]
    assert not proof(bench, "c").differences
    assert bench.owed_now() == {(3, 2021): -5_000}
    again = bench.settles_break("a", keys["cashier/a/2"], 30_000)
    bench.settle(again)
    assert bench.said(again) == ("accepted", [])
    assert len(bench.kinds(PayoutBooked)) == 3


def test_a_missing_payout_beyond_those_that_are_named_can_be_given_to_somebody(
    lite: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.allowance.payments.BREAKS_SHOWN_MAX", 1)
    instructed(lite, 10_000, 20_000, 30_000)
    lite.settle(lite.reports(lite.result(1)))
    assert [row.key for row in lite.rows(bank_break)] == ["missing/2"]
    act = lite.fact("break-settled", run="a", key="missing/3", state="assigned", owner="clerk-2", note="x", by="cashier-1")
    lite.settle(act)
    assert lite.said(act) == ("accepted", [])
    assert {(row.key, row.state, row.expected_fen) for row in lite.rows(bank_break)} == {
        ("missing/2", "open", 20_000), ("missing/3", "assigned", 30_000),
    }  # fmt: skip


def test_a_file_in_parts_is_matched_when_all_are_there(bench: Bench) -> None:
    """In any order; a part that is sent again is nothing new, one that says something else is refused."""
    instructed(bench, 10_000, 20_000, 30_000)
    second = bench.reports(bench.result(3), part=2, parts=2)
    bench.settle(second, bench.reports(bench.result(3), part=2, parts=2))
    assert bench.kinds(BankFileMatched) == []
    other = bench.reports(bench.result(2), part=2, parts=2)
    bench.settle(other)
    assert bench.said(other) == ("refused", ["part-differs"])
    bench.settle(bench.reports(bench.result(1), bench.result(2), part=1, parts=2))
    [matched] = bench.kinds(BankFileMatched)
    assert (matched.lines, matched.matched, matched.matched_fen, matched.missing) == (3, 3, 60_000, 0)
    assert len(bench.kinds(PayoutSettled)) == 3


def test_the_bank_may_be_quicker_than_our_own_books(lite: Bench, small_pages: None) -> None:
    """Answers that come while the instruction is still being booked: each payout is booked once."""
    instructed(lite, 10_000, 20_000, 30_000, booked=False)
    assert lite.work.step()
    lite.settle(lite.reports(*(lite.result(n) for n in (1, 2, 3))))
    lite.finish()
    assert len(lite.kinds(PayoutInstructed)) == len(lite.kinds(PayoutSettled)) == 3
    assert lite.balances() == {"entitlement": 60_000, "paid": -60_000}


# --- recoveries -----------------------------------------------------------------------------------------------------------


def test_what_was_overpaid_is_asked_back_and_given_back(bench: Bench) -> None:
    """By a cashier's demand; a repayment that comes before it is refused."""
    owe(bench, 10_000)
    bench.pay("a")
    bench.decide(1, 4_000)
    repay = bench.fact("recovery-paid", person={"person_ref": person(1)}, recovery="county-1", amount_fen=6_000, by="cashier-1")
    demand = bench.fact("recovery-demanded", person={"person_ref": person(1)}, payer="county", by="cashier-1", reason="left")
    bench.settle(repay)
    assert bench.said(repay) == ("refused", ["step-missing"])
    bench.settle(demand)
    with bench.log.database.read.connect() as connection:
        [found] = recoveries(connection, division=COUNTY_CITY, open_only=True)
    assert (found["recovery"], found["owing_fen"]) == ("county-1", 6_000)
    assert bench.balances() == {"entitlement": 4_000, "recovery": 6_000, "paid": -10_000}
    again = bench.fact("recovery-paid", person={"person_ref": person(1)}, recovery="county-1", amount_fen=6_000, by="cashier-1")
    bench.settle(again)
    assert bench.said(again) == ("accepted", [])
    assert bench.balances() == {"entitlement": 4_000, "paid": -4_000}
    with bench.log.database.read.connect() as connection:
        assert recoveries(connection, person_ref=person(1), open_only=True) == []
    assert bench.owed_now() == {}


COUNTY_CITY = "320100"


def test_nothing_is_asked_back_that_was_not_overpaid(lite: Bench) -> None:
    demand = lite.fact("recovery-demanded", person={"person_ref": person(1)}, payer="county", by="cashier-1", reason="left")
    lite.settle(demand)
    assert lite.said(demand) == ("refused", ["nothing-overpaid"])


def test_a_run_opens_the_recoveries_that_the_policy_wants(lite: Bench) -> None:
    """Also of somebody to whom nothing is due any more: a run looks at all whom its payer has overpaid."""
    owe(lite, 10_000, 10_000)
    lite.pay("a")
    lite.decide(1, 4_000)
    lite.decide(2, 10_500)
    lite.work._payments.modes = lambda connection: {event_id(900): "recover"}  # type: ignore[method-assign]
    lite.pay("b")
    [opened] = lite.kinds(RecoveryOpened)
    assert (opened.person_ref, opened.amount_fen, opened.because) == (
        person(1), 6_000, lite.decisions[person(1), 2021, "allowance"][0],
    )  # fmt: skip
    assert lite.stages("b") == [(2, 500, "settled")]


# --- from the facts to the money ------------------------------------------------------------------------------------------


class WholeBench(Bench):
    """With decisions made from facts and policies, not put into the log."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, views=app.views())
        registry = RegistryBench(database_beside(database))
        engaged = {"person": {"source_key": "w-1"}, "engagement": "e-1", "category": "secretary", "unit": "u", "post": "p"}
        registry.settle(
            registry.registers(1, on="2020-06-01"),
            registry.message("engagement-started", engaged, id="start-1", on="2020-06-01"),
            registry.rates(2021, "excellent", on="2022-01-10"),
        )
        self.hear(*registry.stream_items())
        registry.database.close()

    def pay_all(self, run: str) -> list[int]:
        """Both payers' runs. Returns what they paid."""
        for payer in ("city", "county"):
            self.pay(f"{run}-{payer}", payer=payer)
        return [row.amount_fen for payer in ("city", "county") for row in self.standing(f"{run}-{payer}")]


def database_beside(database: Database) -> Database:
    return Database(f"sqlite:///{Path(str(database.write.url.database)).parent / 'registry.db'}")


def test_retroactive_policies_pay_what_is_left_of_the_new_amount(
    tmp_path: Path, open_database: Callable[[str], Database]
) -> None:
    """70,000 due − (50,000 paid + 5,000 already corrected) = 15,000, shared by the payers as the policy says."""
    whole = WholeBench(open_database(f"sqlite:///{tmp_path}/whole.db"))
    paid = []
    for revision, excellent in ((1, 50_000), (2, 55_000), (3, 70_000)):
        whole.publish(policy_text(excellent=excellent, revision=revision), id=f"p-{revision}")
        paid.append(whole.pay_all(f"r{revision}"))
    assert paid == [[30_000, 20_000], [3_000, 2_000], [9_000, 6_000]]
    assert whole.balances() == {"entitlement": 70_000, "paid": -70_000}
    assert rebuild_and_compare(whole.log).differences == []


def test_postings_that_are_not_what_was_decided_last_are_told(tmp_path: Path, open_database: Callable[[str], Database]) -> None:
    """By worker, payer, year and instrument; and so they are by whoever verifies the books."""
    whole = WholeBench(open_database(f"sqlite:///{tmp_path}/whole.db"))
    whole.publish(policy_text(excellent=50_000), id="p-1")
    whole.pay_all("r1")
    books = verify_books(whole.log)
    assert (books.problems, books.runs, books.first) == ([], 2, None)
    with whole.log.database.write.begin() as connection:
        mine = entitlement_payer.c.payer == "city"
        connection.execute(update(entitlement_payer).where(mine).values(amount_fen=30_001))
        [found] = unequal_postings(connection)
    assert (found.payer, found.year, found.decided_fen, found.posted_fen) == ("city", 2021, 30_001, 30_000)
    [problem] = verify_books(whole.log).problems
    assert problem.endswith("30001 fen were decided last, 30000 fen are posted")


@pytest.mark.parametrize("overpayment", ["net", "recover"])
def test_the_policy_says_what_becomes_of_an_overpayment(
    tmp_path: Path, open_database: Callable[[str], Database], overpayment: str
) -> None:
    """Left to the next payment, or recovered at the next run."""
    whole = WholeBench(open_database(f"sqlite:///{tmp_path}/whole.db"))
    settings = f"settings: {{overpayment: {overpayment}}}\n"
    whole.publish(policy_text(excellent=50_000) + settings, id="p-1")
    whole.pay_all("r1")
    whole.publish(policy_text(excellent=40_000, revision=2) + settings, id="p-2")
    assert whole.pay_all("r2") == []
    opened = [event.amount_fen for event in whole.kinds(RecoveryOpened)]
    assert opened == ([6_000, 4_000] if overpayment == "recover" else [])
    assert whole.balances() == {"entitlement": 40_000, "paid": -50_000} | (
        {"recovery": 10_000} if overpayment == "recover" else {"payable": 10_000}
    )


# --- whatever happens -----------------------------------------------------------------------------------------------------

PEOPLE = 3
_files = count()
amounts = st.integers(0, 4).map(lambda n: n * 10_000)
people = st.integers(1, PEOPLE)
corrected = st.sampled_from([None, None, 1, 2])
names = st.sampled_from(["a", "b", "c", "d"])
years = st.sampled_from([2021, 2022])
outcomes = st.sampled_from(["settled", "settled", "returned"])
deaths = st.sampled_from([None, "before", "after"])
acts = st.one_of(
    st.tuples(st.just("decide"), people, amounts, years),
    st.tuples(st.just("decide"), people, amounts, years),
    # A run as far as that stage, with a correction on the way, and a process that is killed; the fifth is the bank's answer.
    st.tuples(st.just("pay"), names, years, st.integers(1, 5), corrected, amounts, deaths),
    st.tuples(st.just("pay"), names, years, st.just(5), corrected, amounts, deaths),
    st.tuples(st.just("pay"), names, years, st.just(5), st.none(), amounts, deaths),
    st.tuples(st.just("answer"), names, people, outcomes, st.integers(1, 2)),
    st.tuples(st.just("answer"), names, people, outcomes, st.integers(1, 2)),
    st.tuples(st.sampled_from(["check", "reject", "seal", "instruct", "cancel"]), names),
    st.tuples(st.just("prepare"), names, years),
    st.tuples(st.just("overpaid"), people, years, st.booleans()),
    st.tuples(st.just("close"), st.integers(0, 2)),
    st.tuples(st.just("later"), st.integers(1, 40)),
    st.tuples(st.just("work"), st.integers(1, 4)),
    st.tuples(st.just("again"), st.integers(0, 50)),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(first=st.lists(st.integers(1, 5), min_size=PEOPLE, max_size=PEOPLE), script=st.lists(acts, min_size=5, max_size=20))
def test_random_histories_keep_every_promise(tmp_path: Path, small_pages: None, first: list[int], script: list[Any]) -> None:
    """Decisions, corrections, runs, returns, repeats, kills, closings in any order. After every step: the postings are what the
    decisions come to, by worker and year; what went out is what the payouts say; the trial balance is even; closed months never
    change. And a replay gives the same tables."""
    bench = Bench(Database(f"sqlite:///{tmp_path}/{next(_files)}.db"))
    for year in (2021, 2022):
        owe(bench, *(10_000 * n for n in first), year=year)
    closed: dict[str, Any] = {}
    sent: list[Item] = []
    for kind, *what in script:
        perform(bench, sent, kind, *what)
        check_promises(bench, closed)
    bench.finish()
    check_promises(bench, closed)
    assert bench.parked() == []
    assert rebuild_and_compare(bench.log).differences == []
    bench.log.database.close()


def perform(bench: Bench, sent: list[Item], kind: str, *what: Any) -> None:
    facts: dict[str, Callable[..., Item]] = {
        "check": bench.checks, "seal": bench.seals, "instruct": bench.instructs, "cancel": bench.cancels,
        "prepare": lambda name, year: bench.prepares(name, year=year),
        "reject": lambda name: bench.checks(name, "rejected"),
        "answer": lambda name, n, outcome, file: bench.reports(
            bench.result(n, outcome, run=name), run=name, file=str(file) * 64, part=n, parts=PEOPLE
        ),
        "demand": lambda n: bench.fact(
            "recovery-demanded", person={"person_ref": person(n)}, payer="county", by="cashier-1", reason="x"
        ),
        "close": lambda back: bench.closes((bench.clock.now() - timedelta(days=30 * back)).strftime("%Y-%m")),
    }  # fmt: skip
    match kind:
        case "decide":
            bench.decide(what[0], what[1], year=what[2])
        case "overpaid":
            bench.decide(what[0], 0, year=what[1])
            if what[2]:
                perform(bench, sent, "demand", what[0])
        case "later":
            bench.later(what[0])
        case "work":
            for _ in range(what[0]):
                bench.work.step()
        case "pay":
            go_through(bench, *what)
        case "again":
            if sent:
                bench.settle(replace(sent[what[0] % len(sent)], sequence=next(bench.sequence)))
        case _:
            sent.append(facts[kind](*what))
            bench.settle(sent[-1])


def go_through(bench: Bench, name: str, year: int, stages: int, corrected: int | None, fen: int, death: str | None) -> None:
    """A run, as far as it gets; the process dies at some page of it."""
    stage = (bench.checks, bench.seals, bench.instructs, partial(answers, bench, fen))
    facts = [partial(bench.prepares, name, year=year), *(partial(act, name) for act in stage)]
    for number, fact in enumerate(facts[:stages], start=1):
        bench.settle(fact())
        if number == 1 and corrected is not None:
            bench.decide(corrected, fen, year=year)
        deadly = Deadly(bench.log, *([] if death is None else [(number, death)]))
        until_done(bench, bench.finish)
        bench.log.append = deadly.real  # type: ignore[method-assign]


def answers(bench: Bench, fen: int, name: str) -> Item:
    """The bank settles some and returns some."""
    said = ("settled", "settled", "returned")
    lines = enumerate(bench.standing(name), start=fen // 10_000)
    results = [bench.result(row.number, said[number % 3], run=name) for number, row in lines]
    return bench.reports(*results, run=name, file="f" * 64)


def check_promises(bench: Bench, closed: dict[str, Any]) -> None:
    due = {(ref, year): fen for (ref, year, _), (_, fen, _) in bench.decisions.items()}
    posted: dict[tuple[str, int], int] = {}
    cash: dict[str, int] = {}
    for row in bench.transfers():
        for account, sign in ((row.debit, 1), (row.credit, -1)):
            if account == "entitlement":
                posted[row.person_ref, row.year] = posted.get((row.person_ref, row.year), 0) + sign * row.amount_fen
            elif account in ("paid", "in_transit"):
                cash[row.person_ref] = cash.get(row.person_ref, 0) - sign * row.amount_fen
    assert {key: fen for key, fen in posted.items() if fen} == {key: fen for key, fen in due.items() if fen}
    out: dict[str, int] = {}
    for line in bench.rows(payout):
        if line.stage in ("instructed", "settled"):
            out[line.person_ref] = out.get(line.person_ref, 0) + line.amount_fen
    assert {ref: fen for ref, fen in cash.items() if fen} == out
    with bench.log.database.read.connect() as connection:
        assert sum(each.balance_fen for each in trial_balance(connection)) == 0
        for month, before in closed.items():
            assert trial_balance(connection, Which(month=month)) == before, f"{month} is closed"
        for each in periods(connection):
            closed.setdefault(each["month"], trial_balance(connection, Which(month=each["month"])))
