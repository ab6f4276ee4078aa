"""Payment on real parts: facts become dues, a run pays them through two people's hands, the bank answers, the month is closed.

Cashier and reviewer publish with their own users of the broker.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from nats.aio.client import Client
from sqlalchemy import text

from contracts.base import utc_text
from services.allowance.ledger import month_of, next_month
from services.allowance.ledger_views import Which, account_statement, month_totals, trial_balance
from services.allowance.payment_views import breaks, payouts, run
from services.allowance.reconciliation import prove_run
from tests.system.conftest import DEADLINE_SECONDS, Office, start
from tests.system.payment_office import (
    CHECKER,
    MAKER,
    act,
    books,
    done,
    instruction,
    key,
    prepare_and_check,
    prepared,
    results,
    sealed,
    until,
)

FIRST, SECOND = "cashier/2021-a", "cashier/2021-b"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A deployment with Changtu's policy, by which five workers have dues and one has not."""
    # What a killed service had fetched comes again after that time.
    for made in start(tmp_path_factory.mktemp("payment"), ack_wait_seconds=2.0):
        made.asked("policy", "publish", "policies/changtu-2021.yaml")
        yield made


RATINGS = {"a": "excellent", "b": "good", "c": "excellent", "d": "good", "e": "good", "f": "basic"}


def test_from_the_first_fact_to_the_closed_month(office: Office) -> None:
    """Facts, dues, a run, two people, a seal, an instruction, the bank's answers, a second run, a closing, and the proof."""
    rated = {key: office.worker(key, rating) for key, rating in RATINGS.items()}
    office.publish(*(message for messages in rated.values() for message in messages))
    office.settle()
    the_cashiers_own_check_is_refused(office)
    the_reviewer_checks_and_publishes_nothing_else(office)
    an_instruction_is_booked_once_whoever_is_killed_and_however_often_it_comes(office)
    what_the_bank_says_otherwise_is_shown(office)
    what_was_returned_is_paid_by_a_second_run(office)
    a_closed_month_stays_as_it_is_and_its_correction_says_so(office, rated["a"][-1].message_id)
    everything_agrees_and_the_first_difference_is_named(office)


def stages(office: Office, name: str) -> dict[int, str]:
    with books(office) as (_, connection):
        return {line.number: line.stage for line in payouts(connection, name)}


def the_cashiers_own_check_is_refused(office: Office) -> None:
    """By the broker, which lets the cashier publish no check, whatever name is typed: who signs is the principal."""
    done(office, act(office, "cashier", "payment-run-prepared", **prepared(FIRST)))
    until(office, lambda connection: (run(connection, FIRST) or {}).get("listed") is not None)
    check = {"run": key(FIRST), "run_source": "cashier", "outcome": "approved"}
    assert denied(office, "cashier", act(office, "cashier", "payment-run-checked", by=MAKER, **check).subject)
    with books(office) as (_, connection):
        assert (run(connection, FIRST) or {})["stage"] == "listed"


def denied(office: Office, user: str, *subjects: str) -> set[str]:
    """Which of these subjects the broker does not let a user publish to."""
    found: set[str] = set()
    last = asyncio.Event()

    async def on_error(error: Exception) -> None:
        told = re.search(r'permissions violation for publish to "([^"]+)"', str(error), re.IGNORECASE)
        found.add(told[1].lower() if told else str(error))
        if "nobody.may" in str(error).lower():
            last.set()

    async def tell() -> None:
        client = Client()
        inbox = f"_INBOX_{user}".encode()
        await client.connect(office.running.url, nkeys_seed=str(office.seed_file(user)), inbox_prefix=inbox, error_cb=on_error)
        for subject in (*subjects, "nobody.may"):
            await client.publish(subject, b"{}")
        await asyncio.wait_for(last.wait(), DEADLINE_SECONDS)
        await client.close()

    asyncio.run(tell())
    return {subject for subject in subjects if subject in found}


def the_reviewer_checks_and_publishes_nothing_else(office: Office) -> None:
    """Neither another stage, nor a fact about a person, a policy, or an event of the service itself."""
    facts = ("prepared", "sealed", "instructed", "cancelled")
    others = {f"intake.reviewer.allowance.payment-run-{fact}" for fact in facts}
    others |= {"intake.reviewer.allowance.payment-results-reported", "intake.cashier.allowance.payment-run-checked"}
    others |= {"intake.reviewer.registry.annual-rating-recorded", "intake.reviewer.allowance.policy-published"}
    others |= {"allowance.00.run-checked", "receipts.cashier.accepted"}
    assert denied(office, "reviewer", *others) == others
    prepare_and_check(office, FIRST)
    with books(office) as (_, connection):
        found = run(connection, FIRST) or {}
    assert (found["prepared_by"], found["checked_by"], found["stage"]) == ("cashier", "reviewer", "sealed")
    assert (found["count"], found["total_fen"]) == (5, 2 * 360_000 + 3 * 240_000)


def an_instruction_is_booked_once_whoever_is_killed_and_however_often_it_comes(office: Office) -> None:
    """The service is killed with the message on its way; and the message comes again under another id."""
    first, again = instruction(office, FIRST), instruction(office, FIRST)
    office.publish(first, wait=False)
    office.running.kill("allowance")
    office.running.start_service("allowance")
    done(office, again)
    until(office, lambda connection: {line.stage for line in payouts(connection, FIRST)} == {"instructed"})
    with books(office) as (log, connection):
        assert prove_run(log, connection, FIRST).differences == ()
        assert {b.account: b.balance_fen for b in trial_balance(connection) if b.balance_fen} == {
            "entitlement": 1_440_000, "in_transit": -1_440_000,
        }  # fmt: skip


def what_the_bank_says_otherwise_is_shown(office: Office) -> None:
    """One returned, one of another amount, one that nobody knows, one missing; what is right is settled."""
    amounts = {line.number: line.amount_fen for line in sealed(office, FIRST).lines}
    lines = [(1, "settled", amounts[1]), (2, "returned", amounts[2]), (3, "settled", amounts[3] - 1), (9, "settled", 5)]
    done(office, results(office, FIRST, *lines, (5, "settled", amounts[5]), file="a"))
    with books(office) as (log, connection):
        found: dict[str, list[str | None]] = {}
        for each in breaks(connection, FIRST):
            found.setdefault(each["kind"], []).append(each["payout"])
        assert prove_run(log, connection, FIRST).differences == ()
    assert found == {
        "wrong_amount": [f"{FIRST}/3"], "unknown": [None], "missing": [f"{FIRST}/3", f"{FIRST}/4"],
    }  # fmt: skip
    assert stages(office, FIRST) == {1: "settled", 2: "returned", 3: "instructed", 4: "instructed", 5: "settled"}
    done(office, results(office, FIRST, (3, "settled", amounts[3]), (4, "settled", amounts[4]), file="b"))
    said = {
        "run": key(FIRST),
        "run_source": "cashier",
        "owner": "clerk-2",
        "by": "reviewer-1",
        "note": "corrected",
    }
    with books(office) as (_, connection):
        left = [each["key"] for each in breaks(connection, FIRST, states=("open",))]
        assert (run(connection, FIRST) or {})["stage"] == "closed"
    for name in left:
        paid = {"paid_fen": amounts[3]} if name.startswith("wrong_amount") else {}
        done(office, act(office, "cashier", "break-settled", key=name, state="settled", **said, **paid), "refused")
        done(office, act(office, "reviewer", "break-settled", key=name, state="settled", **said, **paid))
    with books(office) as (_, connection):
        assert {each["state"] for each in breaks(connection, FIRST)} == {"answered", "settled"}


def what_was_returned_is_paid_by_a_second_run(office: Office) -> None:
    """And nothing else is: the two payouts are linked."""
    prepare_and_check(office, SECOND)
    (line,) = sealed(office, SECOND).lines
    done(office, instruction(office, SECOND))
    done(office, results(office, SECOND, (1, "settled", line.amount_fen), file="c"))
    with books(office) as (_, connection):
        assert [each.reissued_by for each in payouts(connection, FIRST)][1] == f"{SECOND}/1"
        assert {b.account: b.balance_fen for b in trial_balance(connection) if b.balance_fen} == {
            "entitlement": 1_440_000, "paid": -1_440_000,
        }  # fmt: skip


def a_closed_month_stays_as_it_is_and_its_correction_says_so(office: Office, rating: str) -> None:
    """A rating is withdrawn after the closing: the difference stands in the next month, and names what it corrects."""
    month = month_of(utc_text(datetime.now(UTC)))
    done(office, act(office, "reviewer", "period-closed", month=month, by=CHECKER))
    with books(office) as (_, connection):
        before = month_totals(connection, month)
    data = {"withdraws": {"id": rating}, "reason": "误报"}
    withdrawn = office.fact("appraisal", "fact-withdrawn", data, time="2022-04-01T00:00:00Z")
    office.publish(withdrawn)
    office.settle()
    with books(office) as (_, connection):
        assert month_totals(connection, month) == before
        (line,) = account_statement(connection, "entitlement", Which(month=next_month(month)))
    assert (line.credit_fen, line.month, line.own_month, line.corrects_month) == (360_000, next_month(month), month, month)
    assert line.balance_fen == 1_080_000


def everything_agrees_and_the_first_difference_is_named(office: Office) -> None:
    """Log, tree, ledger, closed months, seals, runs and stream; then somebody takes the ledger's protection away."""
    office.settle()
    (found,) = office.asked("verify", "allowance")["services"]
    assert (found["agrees"], found["books"]["agree"], found["books"]["runs"]) == (True, True, 2)
    assert len(found["books"]["closed_months"]) == 1
    with books(office) as (log, _), log.database.write.begin() as connection:
        connection.execute(text("DROP TRIGGER transfer_no_update"))
        connection.execute(text("UPDATE transfer SET amount_fen = 1 WHERE debit = 'in_transit' AND amount_fen = 240000"))
        wrong = connection.execute(text("SELECT min(position) FROM transfer WHERE amount_fen = 1")).scalar_one()
    (found,) = office.asked("verify", "allowance", code=1)["services"]
    first = found["books"]["first_difference"]
    assert (first["what"], first["position"]) == ("transfer", wrong)
    assert f"at position {wrong} (event {first['event_id']})" in office.hongling("verify", "allowance", "--lang", "en").stdout
