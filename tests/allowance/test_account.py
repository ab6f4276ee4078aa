"""One worker's account: what a run may pay, what becomes of it, and what has to be given back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as random
from hypothesis import strategies as st

from contracts.divisions import Purse
from contracts.payment import (
    PayoutBooked,
    PayoutCancelled,
    PayoutInstructed,
    PayoutPrepared,
    PayoutQuestioned,
    PayoutReissued,
    PayoutReturned,
    PayoutSettled,
    RecoveryOffset,
    RecoveryOpened,
    RecoveryPaid,
)
from eventlog.decider import Rejected
from services.allowance.account import (
    Account,
    Answer,
    Book,
    Cancel,
    Demand,
    Instruct,
    RecoveryPay,
    answer,
    decide,
    due_again,
    dues,
    unknown_payout,
)
from tests.allowance.payment_example import (
    ACCOUNT,
    COUNTY,
    FACT,
    REF,
    RUN,
    adjusted,
    decided,
    fact,
    paid,
    part,
    prepare,
    prepared,
)
from tests.specs import given
from tests.support import event_id

OTHER = "cashier/2021-b"
NEXT_YEAR = "cashier/2022-a"
RECOVER = {event_id(900): "recover"}


def said(event: PayoutPrepared) -> dict[str, Any]:
    return event.model_dump(exclude={"taxable_fen", "tax_unknown_fen"})


def account(*events: Any) -> Account:
    return given(ACCOUNT, events).state


def balance(state: Account, payer: str = "county") -> dict[int, int]:
    return {item[0]: due.balance.fen for item, due in dues(state, Purse(COUNTY, payer)).items()}


# --- preparing ----------------------------------------------------------------------------------------------------------


def test_what_is_due_is_prepared_and_names_its_decision() -> None:
    """One payout, one part."""
    given(ACCOUNT, [decided(1, 50_000)]).when(prepare()).then(prepared(part(50_000)))


def test_a_worker_without_a_decision_is_paid_nothing() -> None:
    """Nor one whose decision is a denial, or whose dues another payer has, or are of another year or division."""
    given(ACCOUNT).when(prepare()).nothing()
    given(ACCOUNT, [decided(1, 0)]).when(prepare()).nothing()
    one = given(ACCOUNT, [decided(1, 50_000)])
    one.when(prepare(payer="city")).nothing()
    one.when(prepare(year=2022)).nothing()
    one.when(prepare(division="320103")).nothing()


def test_a_run_of_a_city_pays_those_below_it() -> None:
    given(ACCOUNT, [decided(1, 50_000)]).when(prepare(division="320100")).then(prepared(part(50_000)))


def test_a_run_pays_a_worker_once() -> None:
    """Asked twice, nothing; also if what it had prepared was cancelled: that goes to a later run."""
    first = prepared(part(50_000))
    given(ACCOUNT, [decided(1, 50_000), first]).when(prepare()).nothing()
    given(ACCOUNT, [decided(1, 50_000), first, PayoutCancelled(**said(first), why="due-changed")]).when(prepare()).nothing()


@pytest.mark.parametrize("further", [0, 1, 2])
def test_what_a_payout_holds_is_not_prepared_again_by_another_run(further: int) -> None:
    """Whether it waits, is on its way or has arrived."""
    events = paid(part(50_000))[: 1 + further]
    given(ACCOUNT, [decided(1, 50_000), *events]).when(prepare(OTHER)).nothing()


def test_a_cancelled_payout_is_due_again() -> None:
    first = prepared(part(50_000))
    history = [decided(1, 50_000), first, PayoutCancelled(**said(first), why="run-cancelled")]
    given(ACCOUNT, history).when(prepare(OTHER)).then(prepared(part(50_000), run=OTHER))


def test_a_correction_upwards_pays_the_difference_only() -> None:
    """It names the decision that it follows from."""
    history = [decided(1, 50_000), *paid(part(50_000)), adjusted(2, 55_000, 50_000)]
    given(ACCOUNT, history).when(prepare(OTHER)).then(prepared(part(5_000, 2), run=OTHER))


def test_retroactive_pay_is_net_of_what_was_paid_and_of_earlier_corrections() -> None:
    """70,000 due − (50,000 paid + 5,000 already corrected) = 15,000: the case of a public payroll project."""
    history = [
        decided(1, 50_000),
        *paid(part(50_000)),
        adjusted(2, 55_000, 50_000),
        *paid(part(5_000, 2), run=OTHER),
        adjusted(3, 70_000, 55_000, policy=901, supersedes=2),
    ]
    given(ACCOUNT, history).when(prepare("cashier/2021-c")).then(prepared(part(15_000, 3), run="cashier/2021-c"))


def test_two_instruments_of_a_year_are_paid_together_in_parts_of_their_own() -> None:
    """The red-collar allowance and the part-time allowance have decisions of their own."""
    history = [decided(1, 50_000), decided(2, 300, instrument="part_time")]
    expected = prepared(part(50_000), part(300, 2, instrument="part_time"))
    given(ACCOUNT, history).when(prepare()).then(expected)


def test_an_authorisation_to_spend_is_paid_to_nobody() -> None:
    given(ACCOUNT, [decided(1, 50_000, instrument="work_expense")]).when(prepare()).nothing()


def test_a_payout_says_what_of_it_is_taxable() -> None:
    """By the policy's lines; a policy that says nothing makes it unknown."""
    history = [decided(1, 50_000, taxable=True), decided(2, 300, instrument="part_time")]
    [payout] = given(ACCOUNT, history).when(prepare()).events
    assert (payout.taxable_fen, payout.tax_unknown_fen) == (50_000, 300)
    [untaxed] = given(ACCOUNT, [decided(1, 50_000, taxable=False)]).when(prepare()).events
    assert (untaxed.taxable_fen, untaxed.tax_unknown_fen) == (0, 0)


# --- netting ------------------------------------------------------------------------------------------------------------


OVERPAID = [decided(1, 50_000), *paid(part(50_000)), adjusted(2, 20_000, 50_000)]
"""30,000 too much for 2021."""


def test_an_overpayment_is_netted_from_the_next_payment() -> None:
    """The payout says of which years it is made."""
    history = [*OVERPAID, decided(3, 80_000, year=2022)]
    expected = prepared(part(-30_000, 2), part(80_000, 3, year=2022), run=NEXT_YEAR, year=2022)
    given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022)).then(expected)
    assert expected.amount_fen == 50_000


def test_an_overpayment_is_netted_once() -> None:
    """While the payout that nets it waits, another run of the payer does not net it again."""
    netting = prepared(part(-30_000, 2), part(80_000, 3, year=2022), run=NEXT_YEAR, year=2022)
    history = [*OVERPAID, decided(3, 80_000, year=2022), netting, decided(4, 10_000, year=2023)]
    expected = prepared(part(10_000, 4, year=2023), run="cashier/2023-a", year=2023)
    given(ACCOUNT, history).when(prepare("cashier/2023-a", year=2023)).then(expected)


def test_a_due_that_does_not_cover_the_overpayment_is_not_paid() -> None:
    """More is owed back than is owed: the two stand beside each other until a later payment covers both."""
    history = [*OVERPAID, decided(3, 30_000, year=2022)]
    given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022)).nothing()
    later = [*history, decided(4, 50_000, year=2023)]
    [payout] = given(ACCOUNT, later).when(prepare("cashier/2023-a", year=2023)).events
    assert payout.amount_fen == 20_000


def test_years_that_do_not_cover_an_overpayment_by_themselves_cover_it_together() -> None:
    """Else a worker whose dues are small would never be paid again. What a year covers alone leaves the earlier ones alone."""
    history = [*OVERPAID, decided(3, 24_000, year=2022), decided(4, 24_000, year=2023)]
    given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022)).nothing()
    expected = prepared(
        part(-30_000, 2), part(24_000, 3, year=2022), part(24_000, 4, year=2023), run="cashier/2023-a", year=2023
    )
    one = given(ACCOUNT, history)
    one.when(prepare("cashier/2023-a", year=2023)).then(expected)
    assert expected.amount_fen == 18_000
    one.when(prepare("cashier/2024-a", year=2024)).nothing()
    assert due_again(REF, account(*history, expected), expected.payout, COUNTY, {}) == 18_000


def test_an_overpayment_of_one_payer_is_not_netted_from_another() -> None:
    """They are different purses."""
    history = [*OVERPAID, decided(3, 80_000, year=2022, payer="city")]
    expected = prepared(part(80_000, 3, year=2022), run=NEXT_YEAR, year=2022, payer="city")
    given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022, payer="city")).then(expected)


def test_an_overpayment_of_one_county_is_not_netted_from_another() -> None:
    """Both call their purse by the same name: not by a run of the city either, for the two stay two."""
    history = [*OVERPAID, decided(3, 80_000, year=2022, division="320103")]
    for division in ("320103", "320100"):
        [payout] = given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022, division=division)).events
        assert (payout.amount_fen, payout.of_purse) == (80_000, ("320103", "county"))
    assert given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022, division="320103", modes=RECOVER)).events == (
        prepared(part(80_000, 3, year=2022), run=NEXT_YEAR, year=2022).model_copy(update={"division": "320103"}),
    )


def test_each_county_that_has_overpaid_gets_a_recovery_of_its_own() -> None:
    """By a demand, or by a run of both."""
    second = [decided(5, 9_000, year=2020, division="320103"), *paid(part(9_000, 5, year=2020), run=OTHER, division="320103"),
              adjusted(6, 0, 9_000, year=2020, division="320103")]  # fmt: skip
    demand = Demand(REF, "county", FACT, "cashier-1", "has left")
    for command in (demand, prepare("cashier/2021-c", division="320100", modes=RECOVER)):
        events = given(ACCOUNT, [*OVERPAID, *second]).when(command).events
        assert [(event.recovery, event.division, event.amount_fen) for event in events] == [
            ("county-1", COUNTY, 30_000), ("county-2", "320103", 9_000),
        ]  # fmt: skip


def test_one_instrument_is_netted_from_the_other_of_the_same_year() -> None:
    """The part-time allowance of somebody who turns out to have been full-time goes against the red-collar allowance."""
    history = [
        decided(1, 300, instrument="part_time"),
        *paid(part(300, 1, instrument="part_time")),
        adjusted(2, 0, 300, instrument="part_time"),
        decided(3, 50_000),
    ]
    [payout] = given(ACCOUNT, history).when(prepare(OTHER)).events
    assert [(p.instrument, p.amount_fen) for p in payout.parts] == [("allowance", 50_000), ("part_time", -300)]


def test_what_waits_for_its_instruction_is_no_overpayment() -> None:
    """A payout that was prepared too high is cancelled at the check; until then nothing is netted for it."""
    history = [decided(1, 50_000), prepared(part(50_000)), adjusted(2, 20_000, 50_000), decided(3, 80_000, year=2022)]
    [payout] = given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022)).events
    assert payout.amount_fen == 80_000


# --- recoveries ---------------------------------------------------------------------------------------------------------


def opened(fen: int = 30_000, number: int = 1, **more: Any) -> RecoveryOpened:
    return RecoveryOpened(
        person_ref=REF, recovery=f"county-{number}", payer="county", division=COUNTY, amount_fen=fen,
        parts=(part(-fen, 2),), because=event_id(2), **more,
    )  # fmt: skip


def test_a_policy_may_want_an_overpayment_back_instead() -> None:
    """A recovery takes it over, and the next payment is whole."""
    history = [*OVERPAID, decided(3, 80_000, year=2022)]
    expected = prepared(part(80_000, 3, year=2022), run=NEXT_YEAR, year=2022)
    given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022, modes=RECOVER)).then(opened(), expected)


def test_it_is_the_policy_of_the_overpaid_year_that_counts() -> None:
    """Another policy, for the year that is paid, says nothing about the one before."""
    history = [*OVERPAID, decided(3, 80_000, year=2022, policy=901)]
    [payout] = given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022, modes={event_id(901): "recover"})).events
    assert payout.amount_fen == 50_000


def test_what_a_recovery_has_taken_over_is_neither_netted_nor_recovered_again() -> None:
    history = [*OVERPAID, opened(), decided(3, 80_000, year=2022)]
    expected = prepared(part(80_000, 3, year=2022), run=NEXT_YEAR, year=2022)
    for modes in ({}, RECOVER):
        given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022, modes=modes)).then(expected)


def test_somebody_may_ask_for_what_no_payment_will_net() -> None:
    """A worker who has left: whatever the policy says, a cashier opens the recovery."""
    demand = Demand(REF, "county", FACT, "cashier-1", "has left")
    expected = opened(fact=FACT, by="cashier-1", reason="has left")
    given(ACCOUNT, OVERPAID).when(demand).then(expected)
    given(ACCOUNT, [*OVERPAID, expected]).when(demand).nothing()


def test_nothing_is_asked_back_that_was_not_overpaid() -> None:
    demand = Demand(REF, "county", FACT, "cashier-1", "has left")
    given(ACCOUNT, [decided(1, 50_000)]).when(demand).rejected("nothing-overpaid", "data.payer")
    given(ACCOUNT, [*OVERPAID, opened()]).when(demand).rejected("nothing-overpaid")


def test_what_is_owed_again_need_not_be_given_back() -> None:
    """The correction was corrected: the recovery shrinks, and only what is beyond it is paid."""
    history = [*OVERPAID, opened(), adjusted(3, 60_000, 20_000)]
    offset = RecoveryOffset(
        person_ref=REF, recovery="county-1", payer="county", division=COUNTY, amount_fen=30_000, parts=(part(30_000, 3),)
    )
    given(ACCOUNT, history).when(prepare(OTHER)).then(offset, prepared(part(10_000, 3), run=OTHER))


def test_what_was_given_back_is_paid_again_when_it_is_owed_again() -> None:
    """Nothing is left of the recovery to offset."""
    history = [*OVERPAID, opened(), repaid(30_000), adjusted(3, 50_000, 20_000)]
    given(ACCOUNT, history).when(prepare(OTHER)).then(prepared(part(30_000, 3), run=OTHER))


def test_another_year_does_not_offset_a_recovery() -> None:
    """Where the policy wants the money back, the next year's payment is whole."""
    history = [*OVERPAID, opened(), decided(3, 80_000, year=2022)]
    [payout] = given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022)).events
    assert payout.amount_fen == 80_000


def repaid(fen: int, name: str = "r-1") -> RecoveryPaid:
    return RecoveryPaid(
        person_ref=REF, recovery="county-1", payer="county", division=COUNTY, amount_fen=fen,
        parts=(part(fen, 2),), fact=fact(name), by="cashier-1",
    )  # fmt: skip


def test_a_recovery_is_given_back_in_pieces() -> None:
    """Each message once; never more than is left."""
    pay = RecoveryPay(REF, "county-1", 20_000, fact("r-1"), "cashier-1")
    given(ACCOUNT, [*OVERPAID, opened()]).when(pay).then(repaid(20_000))
    after = given(ACCOUNT, [*OVERPAID, opened(), repaid(20_000)])
    after.when(pay).nothing()
    more = RecoveryPay(REF, "county-1", 10_001, fact("r-2"), "cashier-1")
    after.when(more).rejected("recovery-exceeded", "data.amount_fen")


def test_a_repayment_that_comes_before_its_recovery_is_refused() -> None:
    """There is nothing yet that it could be a repayment of, and nothing is kept for later."""
    early = RecoveryPay(REF, "county-1", 1, fact("r-1"), "cashier-1")
    given(ACCOUNT, OVERPAID).when(early).rejected("step-missing", "data.recovery")


# --- a payout's life ----------------------------------------------------------------------------------------------------

WAITS = [decided(1, 50_000), prepared(part(50_000))]
PAYOUT = f"{RUN}/1"
SAID = said(prepared(part(50_000)))
SENT = [*WAITS, PayoutInstructed(**SAID)]


def settled(reference: str = "b-1", fen: int = 50_000) -> Answer:
    return Answer(REF, PAYOUT, "settled", reference, fen)


def returned(reference: str = "b-2", fen: int = 50_000) -> Answer:
    return Answer(REF, PAYOUT, "returned", reference, fen, "account closed")


def test_a_payout_that_waits_is_cancelled_once() -> None:
    cancel = Cancel(REF, PAYOUT, "nothing-due")
    gone = PayoutCancelled(**SAID, why="nothing-due")
    given(ACCOUNT, WAITS).when(cancel).then(gone)
    given(ACCOUNT, [*WAITS, gone]).when(cancel).nothing()


def test_what_is_on_its_way_is_not_cancelled() -> None:
    given(ACCOUNT, SENT).when(Cancel(REF, PAYOUT, "nothing-due")).nothing()


def test_a_payout_is_instructed_once_and_not_after_it_was_cancelled() -> None:
    instruct = Instruct(REF, PAYOUT)
    given(ACCOUNT, WAITS).when(instruct).then(PayoutInstructed(**SAID))
    given(ACCOUNT, SENT).when(instruct).nothing()
    given(ACCOUNT, [*WAITS, PayoutCancelled(**SAID, why="x")]).when(instruct).nothing()


def test_the_bank_settles_or_returns_it() -> None:
    given(ACCOUNT, SENT).when(settled()).then(PayoutSettled(**SAID, answer="b-1"))
    back = PayoutReturned(**SAID, answer="b-2", reason="account closed")
    given(ACCOUNT, SENT).when(returned()).then(back)


def test_an_answer_may_overtake_the_booking_of_the_instruction() -> None:
    """The run is instructed; this payout's page has not been written yet."""
    given(ACCOUNT, WAITS).when(settled()).then(PayoutInstructed(**SAID), PayoutSettled(**SAID, answer="b-1"))


def test_what_was_settled_may_be_returned_later() -> None:
    late = PayoutReturned(**SAID, answer="b-2", reason="account closed", settled_before=True)
    given(ACCOUNT, [*SENT, PayoutSettled(**SAID, answer="b-1")]).when(returned()).then(late)


def test_a_return_stands_whichever_comes_first() -> None:
    """The two answers of the bank may come in any order: the money is owed again, and nobody pays it twice."""
    one = given(ACCOUNT, [*SENT, *given(ACCOUNT, SENT).when(settled()).events])
    one = given(ACCOUNT, [*SENT, *given(ACCOUNT, SENT).when(settled()).events, *one.when(returned()).events])
    other = given(ACCOUNT, [*SENT, *given(ACCOUNT, SENT).when(returned()).events])
    assert answer(settled(), other.state).verdict == "broken"
    assert balance(one.state) == balance(other.state) == {2021: 50_000}


@pytest.mark.parametrize(
    ("history", "line", "verdict", "kind"),
    [
        (SENT, settled(fen=49_999), "broken", "wrong_amount"),
        ([*SENT, PayoutSettled(**SAID, answer="b-1")], settled(), "repeated", None),
        ([*SENT, PayoutSettled(**SAID, answer="b-1")], settled("b-9"), "broken", "twice"),
        ([*SENT, PayoutSettled(**SAID, answer="b-1")], settled(fen=1), "broken", "wrong_amount"),
        ([*SENT, PayoutReturned(**SAID, answer="b-2", reason="x")], returned(), "repeated", None),
        ([*SENT, PayoutReturned(**SAID, answer="b-2", reason="x")], returned("b-9"), "broken", "twice"),
        ([*SENT, PayoutReturned(**SAID, answer="b-2", reason="x")], settled(), "broken", "contradicts"),
        ([*WAITS, PayoutCancelled(**SAID, why="x")], settled(), "broken", "unknown"),
        (SENT, replace(settled(), unclear=True), "broken", "contradicts"),
        ([*SENT, PayoutSettled(**SAID, answer="b-1")], replace(settled(), unclear=True), "broken", "contradicts"),
        ([*SENT, PayoutReturned(**SAID, answer="b-2", reason="x")], replace(settled(), unclear=True), "broken", "contradicts"),
    ],
)
def test_a_line_of_the_bank_that_says_nothing_new_or_something_wrong_moves_no_money(
    history: list[Any], line: Answer, verdict: str, kind: str | None
) -> None:
    found = answer(line, account(*history))
    assert found.verdict == verdict
    assert (found.found.kind if found.found else None) == kind
    asked = [event.kind for event in found.events if isinstance(event, PayoutQuestioned)]
    assert (asked, len(found.events)) == (([], 0) if kind is None else ([kind], 1))
    assert answer(line, account(*history, *found.events)).events == (), "it is asked about once"


def test_a_break_names_what_was_expected_and_what_was_found() -> None:
    """Its key is the same whenever the same line comes."""
    found = answer(settled(fen=49_999), account(*SENT)).found
    assert found is not None
    assert (found.key, found.payout, found.reference) == ("wrong_amount/1/b-1", PAYOUT, "b-1")
    assert (found.expected_fen, found.found_fen) == (50_000, 49_999)
    assert unknown_payout(settled()).key == f"unknown/b-1/{PAYOUT}"


def test_a_returned_payout_is_paid_by_a_later_run_and_the_two_are_linked() -> None:
    """Reissued: the same worker, payer and year."""
    history = [*SENT, PayoutReturned(**SAID, answer="b-2", reason="x")]
    link = PayoutReissued(person_ref=REF, payout=PAYOUT, run=RUN, by_payout=f"{OTHER}/1", by_run=OTHER)
    again = prepared(part(50_000), run=OTHER)
    given(ACCOUNT, history).when(prepare(OTHER)).then(again, link)
    reissued = account(*history, again, link)
    assert reissued.payouts[PAYOUT].reissued_by == f"{OTHER}/1"
    assert decide(prepare("cashier/2021-c"), reissued) == ()


def test_a_reissue_that_is_cancelled_leaves_the_returned_payout_to_the_next_run() -> None:
    again = prepared(part(50_000), run=OTHER)
    link = PayoutReissued(person_ref=REF, payout=PAYOUT, run=RUN, by_payout=f"{OTHER}/1", by_run=OTHER)
    back = PayoutReturned(**SAID, answer="b-2", reason="x")
    history = [*SENT, back, again, link, PayoutCancelled(**said(again), why="run-cancelled")]
    third = given(ACCOUNT, history).when(prepare("cashier/2021-c")).events
    assert [type(event) for event in third] == [PayoutPrepared, PayoutReissued]
    assert third[1].by_run == "cashier/2021-c"


def test_returning_a_payout_that_netted_an_overpayment_brings_both_back() -> None:
    history = [*OVERPAID, decided(3, 80_000, year=2022)]
    [netted] = given(ACCOUNT, history).when(prepare(NEXT_YEAR, year=2022)).events
    sent = [*history, netted, PayoutInstructed(**said(netted))]
    assert balance(account(*sent)) == {2021: 0, 2022: 0}
    back = PayoutReturned(**said(netted), answer="b", reason="x")
    assert balance(account(*sent, back)) == {2021: -30_000, 2022: 80_000}


# --- differences with the bank ------------------------------------------------------------------------------------------

RETURNED = PayoutReturned(**SAID, answer="b-2", reason="x")
SETTLED = PayoutSettled(**SAID, answer="b-1")


def booked(key: str, paid_fen: int | None) -> Book:
    return Book(REF, PAYOUT, key, paid_fen, "as the bank says", fact("k-1"), "reviewer-1")


@pytest.mark.parametrize(
    ("history", "line", "paid_fen", "moves", "still_due"),
    [
        # 30,000 of 50,000 arrived: the rest is owed again.
        (SENT, settled(fen=30_000), 30_000, [PayoutSettled, PayoutBooked], 20_000),
        # The bank kept a charge, and the office takes it upon itself.
        (SENT, settled(fen=49_990), 50_000, [PayoutSettled, PayoutBooked], 0),
        (SENT, settled(fen=30_000), 0, [PayoutReturned, PayoutBooked], 50_000),
        # Returned, and then settled after all.
        ([*SENT, RETURNED], settled(), 50_000, [PayoutBooked], 0),
        ([*SENT, RETURNED], settled(), 0, [PayoutBooked], 50_000),
        # Paid twice: the second one is an overpayment.
        ([*SENT, SETTLED], settled("b-9"), 100_000, [PayoutBooked], -50_000),
        ([*SENT, SETTLED], settled("b-9"), 50_000, [PayoutBooked], 0),
        # Taken out of the run, and paid nevertheless.
        ([*WAITS, PayoutCancelled(**SAID, why="due-changed")], settled(), 50_000, [PayoutBooked], 0),
        ([*WAITS, PayoutCancelled(**SAID, why="due-changed")], settled(), 0, [PayoutBooked], 50_000),
    ],
)
def test_an_open_difference_holds_what_the_payout_was_made_of_and_settling_books_it(
    history: list[Any], line: Answer, paid_fen: int, moves: list[type], still_due: int
) -> None:
    """Until somebody says what the payee has, no run pays it again; then what is due is what was decided less that."""
    asked = answer(line, account(*history))
    assert asked.found is not None
    open_now = [*history, *asked.events]
    given(ACCOUNT, open_now).when(prepare(OTHER)).nothing()
    events = given(ACCOUNT, open_now).when(booked(asked.found.key, paid_fen)).events
    assert [type(event) for event in events] == moves
    after = account(*open_now, *events)
    assert after.payouts[PAYOUT].paid_fen == paid_fen
    assert balance(after) == {2021: still_due}
    prepared_again = [event for event in decide(prepare(OTHER), after) if isinstance(event, PayoutPrepared)]
    assert [event.amount_fen for event in prepared_again] == ([still_due] if still_due > 0 else [])


def test_a_difference_about_a_payout_is_settled_by_an_amount() -> None:
    asked = answer(settled(fen=30_000), account(*SENT))
    assert asked.found is not None
    given(ACCOUNT, [*SENT, *asked.events]).when(booked(asked.found.key, None)).rejected("paid-missing", "data.paid_fen")
    given(ACCOUNT, [*SENT, SETTLED]).when(booked("missing/1", 50_000)).rejected("nothing-to-book", "data.key")


def test_a_missing_payout_may_be_settled_by_hand() -> None:
    """The bank told it by telephone; a payout that nobody asks about needs no amount to have an owner."""
    events = given(ACCOUNT, SENT).when(booked("missing/1", 50_000)).events
    assert [type(event) for event in events] == [PayoutSettled, PayoutBooked]
    assert (events[1].amount_fen, events[1].parts) == (0, ())
    given(ACCOUNT, SENT).when(booked("missing/1", None)).nothing()


def test_what_is_asked_about_is_not_asked_back_either() -> None:
    asked = answer(settled("b-9"), account(*SENT, SETTLED))
    history = [*SENT, SETTLED, adjusted(2, 20_000, 50_000), *asked.events]
    given(ACCOUNT, history).when(Demand(REF, "county", FACT, "c", "r")).rejected("nothing-overpaid")


# --- the second look ----------------------------------------------------------------------------------------------------

OVERPAID_BEFORE = [decided(3, 10_000, year=2020), *paid(part(10_000, 3, year=2020), run=OTHER)]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([], 50_000),
        ([adjusted(2, 0, 50_000)], 0),
        ([adjusted(2, 20_000, 50_000)], 20_000),
        ([adjusted(2, 50_000, 50_000, division="320103")], 0),
        ([*OVERPAID_BEFORE, adjusted(4, 4_000, 10_000, year=2020)], 44_000),
        ([decided(3, 10_000, year=2020)], 50_000),
    ],
    ids=["same", "denied", "less", "moved away", "another year overpaid", "another year due"],
)  # fmt: skip
def test_what_a_run_would_prepare_now_in_the_place_of_a_payout(later: list[Any], expected: int) -> None:
    """Nothing, if the worker is not entitled any more, or belongs to another division."""
    assert due_again(REF, account(*WAITS, *later), PAYOUT, COUNTY, {}) == expected


# --- whatever happens ---------------------------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(st.just("decide"), st.sampled_from([2021, 2022]), st.integers(0, 5).map(lambda n: n * 10_000)),
        st.tuples(st.just("prepare"), st.integers(1, 4), st.sampled_from([2021, 2022])),
        st.tuples(st.sampled_from(["cancel", "instruct", "settle", "return"]), st.integers(1, 4), st.sampled_from(["a", "b"])),
        st.tuples(st.sampled_from(["wrong", "unclear"]), st.integers(1, 4), st.sampled_from(["a", "b"])),
        st.tuples(st.just("book"), st.integers(1, 4), st.integers(0, 6).map(lambda n: n * 10_000)),
        st.tuples(st.just("demand"), st.integers(1, 3), st.just(0)),
        st.tuples(st.just("repay"), st.integers(1, 2), st.integers(1, 3).map(lambda n: n * 10_000)),
    ),
    max_size=40,
)


@random(steps=steps, recover=st.booleans())
def test_no_history_pays_more_than_was_ever_due_at_once(steps: list[Any], recover: bool) -> None:
    """Whatever is asked in whatever order and however often: money on its way never exceeds what is due, at the moment when
    it is promised; deciding twice adds nothing; and what the account holds is what the events say."""
    history: list[Any] = []
    now: dict[int, int] = {}
    for number, (kind, one, two) in enumerate(steps, start=1):
        if kind == "decide":
            history.append(adjusted(number, two, now[one], year=one) if one in now else decided(number, two, year=one))
            now[one] = two
            continue
        state = account(*history)
        command = asked(kind, one, two, number, state, RECOVER if recover else {})
        if command is None:
            continue
        try:
            events = decide(command, state)
        except Rejected:
            continue
        after = account(*history, *events)
        assert decide(command, after) == (), "deciding twice adds nothing"
        for event in events:
            if isinstance(event, PayoutPrepared):
                asked_about = {p.year for old in state.payouts.values() if old.is_questioned for p in old.parts}
                assert not asked_about & {each.year for each in event.parts}, "an open difference holds it"
                assert (
                    0 < event.amount_fen <= sum(max(0, each.free.fen) for each in dues(state, Purse(COUNTY, "county")).values())
                )
        for item, due in dues(after, Purse(COUNTY, "county")).items():
            assert due.balance.fen == now[item[0]] - on_its_way(after, item[0]) + taken_over(after, item[0])
        history += events


def asked(kind: str, one: Any, two: Any, number: int, state: Account, modes: Any) -> Any:
    """The command of a step; None if it speaks of a payout that there is not."""
    payout = f"cashier/{one}/1"
    if kind == "prepare":
        return prepare(f"cashier/{one}", year=two, modes=modes)
    if kind == "demand":
        return Demand(REF, "county", fact(f"d-{one}"), "c", "r")
    if kind == "repay":
        return RecoveryPay(REF, f"county-{one}", two, fact(f"p-{number}"), "c")
    if payout not in state.payouts:
        return None
    if kind == "cancel":
        return Cancel(REF, payout, "x")
    if kind == "instruct":
        return Instruct(REF, payout)
    if kind == "book":
        found = [key for key, is_open in state.payouts[payout].questions.items() if is_open]
        return Book(REF, payout, found[0], two, "x", fact(f"k-{number}"), "r") if found else None
    if kind == "wrong":
        return Answer(REF, payout, "settled", two, state.payouts[payout].fen + 1)
    if kind == "unclear":
        return Answer(REF, payout, "settled", two, state.payouts[payout].fen, unclear=True)
    return Answer(REF, payout, "settled" if kind == "settle" else "returned", two, state.payouts[payout].fen)


def on_its_way(state: Account, year: int) -> int:
    """What the bank was told to pay for a year and has not returned, and what differences were settled to."""
    out = [payout for payout in state.payouts.values() if payout.stage in ("instructed", "settled")]
    by_hand = [each for payout in state.payouts.values() for each in payout.booked]
    return sum(each.amount_fen for each in [*(each for payout in out for each in payout.parts), *by_hand] if each.year == year)


def taken_over(state: Account, year: int) -> int:
    return sum(money.fen for recovery in state.recoveries.values() for item, money in recovery.taken.items() if item[0] == year)
