"""Made-up decisions, payouts and runs, as payment's tests speak of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from contracts.allowance import (
    Decision,
    EntitlementAdjusted,
    EntitlementDecided,
    Line,
    PayerAmount,
    PolicyCited,
)
from contracts.divisions import purse_of
from contracts.payment import PayoutInstructed, PayoutPart, PayoutPrepared, PayoutSettled
from contracts.registry import FactOrigin
from eventlog.decider import Decider
from services.allowance import account, runs
from services.allowance.account import Account, Prepare, payout_name
from services.allowance.decider import differences
from services.allowance.runs import Run, Unprepared
from tests.support import event_id

__all__ = [
    "ACCOUNT",
    "COUNTY",
    "FACT",
    "REF",
    "RUN",
    "adjusted",
    "decided",
    "fact",
    "paid",
    "part",
    "prepare",
    "prepared",
    "run_decider",
]

REF = "p" + "0" * 26
RUN = "cashier/2021-a"
COUNTY = "320102"
FACT = FactOrigin(source="cashier", id="m-1", occurred_at=datetime(2026, 3, 1, tzinfo=UTC))


def fact(name: str) -> FactOrigin:
    return FACT.model_copy(update={"id": name})


# --- decisions: event n is called event_id(n) ---------------------------------------------------------------------------


def _decision(
    payers: Mapping[str, int], year: int, policy: int, division: str, taxable: bool | None, instrument: str
) -> Decision:
    shares = tuple(PayerAmount(payer=payer, amount_fen=fen) for payer, fen in payers.items())
    total = sum(payers.values())
    line = Line(name="base", arithmetic="", amount_fen=total, shares=shares, clause="5", status="example", taxable=taxable)
    return Decision(
        year=year,
        instrument=instrument,
        division=division,
        decision="granted" if total else "denied",
        amount_fen=total,
        predicates=(),
        lines=(line,) if total else (),
        payers=shares,
        policy=PolicyCited(event=event_id(policy), document="d", title="t", clause="1"),
        facts=(),
    )


def decided(
    n: int,
    fen: int,
    *,
    year: int = 2021,
    payer: str = "county",
    policy: int = 900,
    division: str = COUNTY,
    taxable: bool | None = None,
    instrument: str = "allowance",
    ref: str = REF,
) -> EntitlementDecided:
    """The first decision for a year: one payer owes so much."""
    decision = _decision({payer: fen}, year, policy, division, taxable, instrument)
    shares = tuple(share for share in decision.payers if share.amount_fen)
    return EntitlementDecided(person_ref=ref, decision=decision, digest=event_id(n), difference_fen=fen, differences=shares)


def adjusted(
    n: int,
    fen: int,
    before: int,
    *,
    year: int = 2021,
    payer: str = "county",
    policy: int = 900,
    division: str = COUNTY,
    taxable: bool | None = None,
    instrument: str = "allowance",
    supersedes: int = 1,
    ref: str = REF,
    moved_from: str | None = None,
) -> EntitlementAdjusted:
    """A later one: fen now, before until then (in another division, if the worker has moved)."""
    decision = _decision({payer: fen}, year, policy, division, taxable, instrument)
    return EntitlementAdjusted(
        person_ref=ref,
        decision=decision,
        digest=event_id(n),
        supersedes=event_id(supersedes),
        because=event_id(n),
        difference_fen=fen - before,
        differences=differences(decision, {purse_of(payer, moved_from or division): before}),
    )


# --- accounts -----------------------------------------------------------------------------------------------------------


def _evolve_account(state: Account, event: Any) -> Account:
    mark = event.digest if isinstance(event, EntitlementDecided | EntitlementAdjusted) else ""
    return account.evolve(state, account.Happened(mark, event))


ACCOUNT: Decider[account.Command, Any, Account] = Decider(Account(), account.decide, _evolve_account)


def part(fen: int, n: int = 1, *, year: int = 2021, **more: Any) -> PayoutPart:
    """n: of the decision."""
    return PayoutPart(year=year, amount_fen=fen, decision=event_id(n), **({"tax_unknown_fen": fen} | more))


def prepared(
    *parts: PayoutPart, run: str = RUN, number: int = 1, year: int = 2021, payer: str = "county", division: str = COUNTY
) -> PayoutPrepared:
    return PayoutPrepared(
        person_ref=REF,
        payout=payout_name(run, number),
        run=run,
        payer=payer,
        division=division,
        year=year,
        amount_fen=sum(each.amount_fen for each in parts),
        parts=parts,
        taxable_fen=sum(each.taxable_fen for each in parts),
        tax_unknown_fen=sum(each.tax_unknown_fen for each in parts),
    )


def prepare(
    run: str = RUN, *, number: int = 1, year: int = 2021, payer: str = "county", division: str = COUNTY, **modes: Any
) -> Prepare:
    return Prepare(REF, run, number, payer, division, year, modes.get("modes", {}))


def paid(*parts: PayoutPart, run: str = RUN, reference: str = "bank-1", **how: Any) -> list[Any]:
    """The events of a payout from its preparation to its settlement."""
    first = prepared(*parts, run=run, **how)
    said = first.model_dump(exclude={"taxable_fen", "tax_unknown_fen"})
    return [first, PayoutInstructed(**said), PayoutSettled(**said, answer=reference)]


# --- runs ---------------------------------------------------------------------------------------------------------------


def _evolve_run(state: Run, event: Any) -> Run:
    return runs.evolve(state, runs.Happened(7, date(2026, 3, 1), event))


run_decider: Decider[runs.Command, Any, Run] = Decider(Unprepared(), runs.decide, _evolve_run)
