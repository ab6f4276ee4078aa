"""What one worker is owed, was promised and was paid, by purse, year and instrument; and what is done to it. Pure.

Two streams of a worker are folded into one state: the decisions of ``worker-<person_ref>`` say what is due, and
``account-<person_ref>`` what became of it. What is free to be paid is what is due, less every payout that is not cancelled or
returned: so nothing is paid twice, whatever is retried and in whatever order.

A year and an instrument (the red-collar allowance, the part-time allowance) are an *item*. An authorisation to spend is owed
to nobody and is none. A payer is a *purse*, a division's budget under a name, and no payout or recovery joins two. An
overpayment (an item below zero) is netted in whole from the next payout of that purse, or, where the policy of that item says
so, or somebody asks for it, taken over by a recovery.

What the bank says of a payout and does not fit is a *question*: until it is settled, nothing more is paid of the items that the
payout was made of, since nobody knows what the payee has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, assert_never

import msgspec

from contracts.allowance import Decision, EntitlementAdjusted, EntitlementDecided
from contracts.divisions import Purse, covers, purse_of
from contracts.payment import (
    Break,
    BreakKind,
    PayoutBooked,
    PayoutCancelled,
    PayoutInstructed,
    PayoutPart,
    PayoutPrepared,
    PayoutQuestioned,
    PayoutReissued,
    PayoutReturned,
    PayoutSettled,
    RecoveryOffset,
    RecoveryOpened,
    RecoveryPaid,
)
from contracts.policy import Instrument
from contracts.receipts import Problem
from contracts.registry import FactOrigin
from eventlog.decider import Rejected, already
from services.allowance.decider import PayerOnFile

__all__ = [
    "Account",
    "AccountEvent",
    "Answer",
    "Answered",
    "Book",
    "Cancel",
    "Command",
    "DecidedOnFile",
    "Demand",
    "Due",
    "Happened",
    "Instruct",
    "Item",
    "Mode",
    "Money",
    "Payout",
    "Prepare",
    "Recovery",
    "RecoveryPay",
    "answer",
    "decide",
    "due_again",
    "dues",
    "evolve",
    "number_of",
    "payout_name",
    "purses_named",
    "reject",
    "replay",
    "stream_of_account",
    "too_early",
    "unknown_payout",
]

Item = tuple[int, Instrument]
"""Year and instrument."""
Mode = Literal["net", "recover"]
"""What a policy wants of an overpayment."""
NET: Mode = "net"

AccountEvent = (
    PayoutPrepared
    | PayoutCancelled
    | PayoutInstructed
    | PayoutSettled
    | PayoutReturned
    | PayoutReissued
    | PayoutQuestioned
    | PayoutBooked
    | RecoveryOpened
    | RecoveryOffset
    | RecoveryPaid
)
SHOWN_CHARACTERS_MAX = 40
"""Of what a bank wrote in the place of a payout, in the key of a break."""


def reject(field_name: str, code: str, problem: str, remedy: str) -> Rejected:
    return Rejected(Problem(field=field_name, code=code, problem=problem, remedy=remedy))


def too_early(field_name: str, lacking: str) -> Rejected:
    """An act of money that comes before what it needs: it is refused, not kept, so that nothing is paid by itself later on."""
    return reject(field_name, "step-missing", lacking, "give it again when that is so; nothing is kept for later")


def stream_of_account(person_ref: str) -> str:
    return f"account-{person_ref}"


def payout_name(run: str, number: int) -> str:
    """``<run>/<number>``: what the bank is told, and answers with."""
    return f"{run}/{number}"


def number_of(payout: str) -> int:
    """The number within the run."""
    return int(payout.rpartition("/")[2])


# --- state ------------------------------------------------------------------------------------------------------------


class Money(NamedTuple):
    """Fen. taxable: what of it comes from lines that the policy calls taxable; unknown: of which it says nothing."""

    fen: int = 0
    taxable: int = 0
    unknown: int = 0

    def plus(self, other: Money) -> Money:
        return Money(self.fen + other.fen, self.taxable + other.taxable, self.unknown + other.unknown)

    def minus(self, other: Money) -> Money:
        return Money(self.fen - other.fen, self.taxable - other.taxable, self.unknown - other.unknown)

    def portion(self, fen: int) -> Money:
        """So much of it, the tax in proportion (rounded down)."""
        if fen == self.fen:
            return self
        return Money(fen, self.taxable * fen // self.fen, self.unknown * fen // self.fen)


NOTHING = Money()


@dataclass(frozen=True, slots=True)
class Entitled:
    """The last decision for an item: its event, the policy's event, where, and what each purse owes."""

    event_id: str
    policy: str
    division: str
    payers: Mapping[Purse, Money]


@dataclass(frozen=True, slots=True)
class Payout:
    """answers: (outcome, bank's reference) of every answer that came. questions: key of the difference → whether it is open.
    booked: what differences were settled to, on top of what the stage says."""

    payout: str
    run: str
    purse: Purse
    division: str
    year: int
    parts: tuple[PayoutPart, ...]
    stage: Literal["prepared", "cancelled", "instructed", "settled", "returned"] = "prepared"
    answers: frozenset[tuple[str, str]] = frozenset()
    reissued_by: str | None = None
    questions: Mapping[str, bool] = field(default_factory=dict)
    booked: tuple[PayoutPart, ...] = ()

    @property
    def fen(self) -> int:
        return sum(part.amount_fen for part in self.parts)

    @property
    def is_questioned(self) -> bool:
        return any(self.questions.values())

    @property
    def paid_fen(self) -> int:
        """What the books say that the payee has, or is on the way there."""
        standing = self.stage not in ("cancelled", "returned")
        return (self.fen if standing else 0) + sum(part.amount_fen for part in self.booked)


@dataclass(frozen=True, slots=True)
class Recovery:
    """taken: item → what it took over from the dues, less what is owed again. owing: of that, what is not given back yet.

    facts: the messages that asked for it or paid it. demanded: source and reason, if somebody asked for it.
    """

    recovery: str
    purse: Purse
    division: str
    taken: Mapping[Item, Money]
    owing: Mapping[Item, Money]
    facts: frozenset[tuple[str, str]] = frozenset()
    demanded: tuple[str, str | None] | None = None

    @property
    def owing_fen(self) -> int:
        return sum(money.fen for money in self.owing.values())


@dataclass(frozen=True, slots=True)
class Account:
    """entitled: by item. payouts, recoveries: by name, in the order in which they began."""

    entitled: dict[Item, Entitled] = field(default_factory=dict)
    payouts: dict[str, Payout] = field(default_factory=dict)
    recoveries: dict[str, Recovery] = field(default_factory=dict)


class Due(NamedTuple):
    """What one purse owes for one item. balance: decided, less instructed, less taken over by recoveries.

    promised: positive parts of payouts that wait for their instruction; netting: negative parts of such.
    """

    balance: Money
    promised: Money
    netting: Money

    @property
    def free(self) -> Money:
        """What may be promised now; below zero if more is promised than is due."""
        return self.balance.minus(self.promised)

    @property
    def over(self) -> Money:
        """What was overpaid and is not being netted yet, if below zero."""
        return self.balance.minus(self.netting)


def purses_named(state: Account, payer: str) -> list[Purse]:
    """The purses of this name that owe the worker anything, or have paid, in order."""
    found = {purse for entitled in state.entitled.values() for purse in entitled.payers}
    found |= {payout.purse for payout in state.payouts.values()}
    found |= {recovery.purse for recovery in state.recoveries.values()}
    return sorted(purse for purse in found if purse.payer == payer)


def dues(state: Account, purse: Purse) -> dict[Item, Due]:
    """What this purse owes, by item."""
    balance: dict[Item, Money] = {}
    promised: dict[Item, Money] = {}
    netting: dict[Item, Money] = {}

    def add(to: dict[Item, Money], item: Item, money: Money) -> None:
        to[item] = to.get(item, NOTHING).plus(money)

    for item, entitled in state.entitled.items():
        if purse in entitled.payers:
            add(balance, item, entitled.payers[purse])
    for payout in state.payouts.values():
        if payout.purse != purse:
            continue
        for part in payout.booked:
            add(balance, _item(part), NOTHING.minus(_money(part)))
        if payout.stage in ("cancelled", "returned"):
            continue
        for part in payout.parts:
            money = _money(part)
            if payout.stage == "prepared":
                add(promised if money.fen > 0 else netting, _item(part), money)
            else:
                add(balance, _item(part), NOTHING.minus(money))
    for recovery in state.recoveries.values():
        if recovery.purse == purse:
            for item, money in recovery.taken.items():
                add(balance, item, money)
    items = sorted({*balance, *promised, *netting})
    return {i: Due(balance.get(i, NOTHING), promised.get(i, NOTHING), netting.get(i, NOTHING)) for i in items}


def _item(part: PayoutPart) -> Item:
    return part.year, part.instrument


def _money(part: PayoutPart) -> Money:
    return Money(part.amount_fen, part.taxable_fen, part.tax_unknown_fen)


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prepare:
    """A run asks what it may pay to this worker. number: of the next payout of the run. division: of the run.

    modes: policy event → what it wants of an overpayment (``net`` for those not named).
    """

    person_ref: str
    run: str
    number: int
    payer: str
    division: str
    year: int
    modes: Mapping[str, Mode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancel:
    person_ref: str
    payout: str
    why: str


@dataclass(frozen=True, slots=True)
class Instruct:
    person_ref: str
    payout: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The bank says what became of a payout of an instructed run; unclear: in words that settle nothing."""

    person_ref: str
    payout: str
    outcome: Literal["settled", "returned"]
    reference: str
    amount_fen: int
    reason: str | None = None
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class Demand:
    """Somebody wants back what was overpaid by every purse of this name, whatever the policy says of netting."""

    person_ref: str
    payer: str
    fact: FactOrigin
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecoveryPay:
    person_ref: str
    recovery: str
    amount_fen: int
    fact: FactOrigin
    by: str


@dataclass(frozen=True, slots=True)
class Book:
    """A difference with the bank about a payout is settled. paid_fen: what reached the payee by it in all; None: not said."""

    person_ref: str
    payout: str
    key: str
    paid_fen: int | None
    note: str
    fact: FactOrigin
    by: str


Command = Prepare | Cancel | Instruct | Answer | Book | Demand | RecoveryPay


# --- decide -----------------------------------------------------------------------------------------------------------


def decide(command: Command, state: Account) -> tuple[AccountEvent, ...]:
    """Return what the command leads to; nothing, if it is so already. Raises Rejected."""
    match command:
        case Prepare():
            return _prepare(command, state)
        case Cancel():
            payout = state.payouts[command.payout]
            if payout.stage != "prepared":
                return ()
            return (PayoutCancelled(**_said(command.person_ref, payout), why=command.why),)
        case Instruct():
            payout = state.payouts[command.payout]
            return (PayoutInstructed(**_said(command.person_ref, payout)),) if payout.stage == "prepared" else ()
        case Answer():
            return answer(command, state).events
        case Book():
            return _book(command, state)
        case Demand():
            return _demand(command, state)
        case RecoveryPay():
            return _pay_back(command, state)
        case _:
            assert_never(command)


def _said(person_ref: str, payout: Payout) -> dict[str, Any]:
    """What every event about a payout repeats, so that the ledger reads one event alone."""
    return {
        "person_ref": person_ref,
        "payout": payout.payout,
        "run": payout.run,
        **_of(payout.purse, payout.division),
        "year": payout.year,
        "amount_fen": payout.fen,
        "parts": payout.parts,
    }


# --- preparing


def _of(purse: Purse, division: str) -> dict[str, Any]:
    """How an event names a purse."""
    implied = purse_of(purse.payer, division) == purse
    return {"payer": purse.payer, "division": division, **({} if implied else {"purse": purse.division})}


def _prepare(command: Prepare, state: Account) -> tuple[AccountEvent, ...]:
    """One payout at most for each run, worker and purse; before it, what recoveries it makes needless or needs."""
    if any(payout.run == command.run for payout in state.payouts.values()):
        return ()
    events: list[AccountEvent] = []
    number = command.number
    for purse in purses_named(state, command.payer):
        found = _prepare_from(purse, payout_name(command.run, number), command, state)
        number += any(isinstance(event, PayoutPrepared) for event in found)
        events += found
        state = _all(state, found)
    return tuple(events)


def _prepare_from(purse: Purse, name: str, command: Prepare, state: Account) -> tuple[AccountEvent, ...]:
    """What the run does with what one purse owes to this worker. name: that its payout would have."""
    if not any(_is_within(command, item, purse, state) for item in dues(state, purse)):
        return ()
    before: list[AccountEvent] = list(_offsets(command.person_ref, purse, state))
    after = _all(state, before)
    asked_about = _questioned(after, purse)
    found = {item: due for item, due in dues(after, purse).items() if item not in asked_about}
    over = {item: due.over for item, due in found.items() if due.over.fen < 0}
    asked = [item for item in over if command.modes.get(after.entitled[item].policy, NET) == "recover"]
    before += _opened(command.person_ref, purse, after, {item: over.pop(item) for item in asked})
    found = {item: due for item, due in found.items() if due.free.fen > 0 and _is_within(command, item, purse, after)}
    free = {item: due.free for item, due in found.items() if item[0] <= command.year}
    of_year = {item: money for item, money in free.items() if item[0] == command.year}
    amounts = {**over, **of_year}
    if _sum(amounts).fen <= 0:
        # The year does not cover what was overpaid. Earlier ones that did not either may do so together with it.
        amounts = {**over, **free}
    total = _sum(amounts)
    if not of_year or total.fen <= 0:
        # Nothing is due; or all of it goes against what was overpaid, and more is still owed back: a later payment nets it.
        return tuple(before)
    prepared = PayoutPrepared(
        person_ref=command.person_ref,
        payout=name,
        run=command.run,
        **_of(purse, _place(after, min(of_year), purse)),
        year=command.year,
        amount_fen=total.fen,
        parts=_parts(after, amounts),
        taxable_fen=total.taxable,
        tax_unknown_fen=total.unknown,
    )
    return (*before, prepared, *_reissued(prepared, after))


def _questioned(state: Account, purse: Purse) -> set[Item]:
    """The items of a purse of which nobody knows what the payee has: nothing is paid, netted or asked back of them."""
    return {
        _item(part)
        for payout in state.payouts.values()
        if payout.purse == purse and payout.is_questioned
        for part in payout.parts
    }


def _place(state: Account, item: Item, purse: Purse) -> str:
    """The division that what a purse owes for an item belongs to."""
    return purse.place(state.entitled[item].division)


def _sum(amounts: Mapping[Item, Money]) -> Money:
    total = NOTHING
    for money in amounts.values():
        total = total.plus(money)
    return total


def _is_within(command: Prepare, item: Item, purse: Purse, state: Account) -> bool:
    """Whether an item of a purse is the run's business: a purse may pay for many counties, and the run for one of them."""
    return item in state.entitled and covers(command.division, _place(state, item, purse))


def _parts(state: Account, amounts: Mapping[Item, Money]) -> tuple[PayoutPart, ...]:
    return tuple(
        PayoutPart(
            year=item[0],
            instrument=item[1],
            amount_fen=money.fen,
            decision=state.entitled[item].event_id,
            taxable_fen=money.taxable,
            tax_unknown_fen=money.unknown,
        )
        for item, money in sorted(amounts.items())
    )


def _reissued(prepared: PayoutPrepared, state: Account) -> Iterator[PayoutReissued]:
    """The returned payouts of the same purse, and of a year that the new one pays, which it replaces."""
    years = {part.year for part in prepared.parts if part.amount_fen > 0}
    for old in state.payouts.values():
        same = old.purse == prepared.of_purse and old.year in years
        if same and old.stage == "returned" and old.reissued_by is None:
            yield PayoutReissued(
                person_ref=prepared.person_ref,
                payout=old.payout,
                run=old.run,
                by_payout=prepared.payout,
                by_run=prepared.run,
            )


def due_again(person_ref: str, state: Account, payout: str, division: str, modes: Mapping[str, Mode]) -> int:
    """What the run would prepare now in the place of this payout: fen, 0 for nothing. division: of the run."""
    was = state.payouts[payout]
    without = _all(state, [PayoutCancelled(**_said(person_ref, was), why="due-changed")])
    without.payouts.pop(payout)
    command = Prepare(person_ref, was.run, number_of(payout), was.purse.payer, division, was.year, modes)
    again = _prepare_from(was.purse, payout, command, without)
    return next((event.amount_fen for event in again if isinstance(event, PayoutPrepared)), 0)


# --- recoveries


def _opened(
    person_ref: str, purse: Purse, state: Account, over: Mapping[Item, Money], demand: Demand | None = None
) -> tuple[RecoveryOpened, ...]:
    """A recovery for each division in which the purse has overpaid."""
    known = sum(recovery.purse.payer == purse.payer for recovery in state.recoveries.values())
    divisions = sorted({_place(state, item, purse) for item in over})
    return tuple(
        _recovery(person_ref, number, purse, division, state, _of_division(state, over, purse, division), demand)
        for number, division in enumerate(divisions, start=known + 1)
    )


def _of_division(state: Account, over: Mapping[Item, Money], purse: Purse, division: str) -> dict[Item, Money]:
    return {item: money for item, money in over.items() if _place(state, item, purse) == division}


def _recovery(
    person_ref: str,
    number: int,
    purse: Purse,
    division: str,
    state: Account,
    over: Mapping[Item, Money],
    demand: Demand | None,
) -> RecoveryOpened:
    latest = state.entitled[max(over)]
    return RecoveryOpened(
        person_ref=person_ref,
        recovery=f"{purse.payer}-{number}",
        **_of(purse, division),
        amount_fen=-sum(money.fen for money in over.values()),
        parts=_parts(state, over),
        because=latest.event_id,
        fact=None if demand is None else demand.fact,
        by=None if demand is None else demand.by,
        reason=None if demand is None else demand.reason,
    )


def _offsets(person_ref: str, purse: Purse, state: Account) -> Iterator[RecoveryOffset]:
    """What is owed again for an item whose overpayment is being recovered: so much need not be given back."""
    free = {item: due.free for item, due in dues(state, purse).items() if due.free.fen > 0}
    for recovery in state.recoveries.values():
        if recovery.purse != purse:
            continue
        amounts = {}
        for item, owing in recovery.owing.items():
            fen = min(owing.fen, free.get(item, NOTHING).fen)
            if fen > 0:
                amounts[item] = owing.portion(fen)
                free[item] = free[item].minus(amounts[item])
        if amounts:
            yield RecoveryOffset(
                person_ref=person_ref,
                recovery=recovery.recovery,
                **_of(purse, recovery.division),
                amount_fen=sum(money.fen for money in amounts.values()),
                parts=_parts(state, amounts),
            )


def _demand(command: Demand, state: Account) -> tuple[AccountEvent, ...]:
    asked = (command.fact.source, command.fact.id)
    if any(asked in recovery.facts for recovery in state.recoveries.values()):
        return ()
    events: list[AccountEvent] = []
    for purse in purses_named(state, command.payer):
        asked_about = _questioned(state, purse)
        over = {i: due.over for i, due in dues(state, purse).items() if due.over.fen < 0 and i not in asked_about}
        events += _opened(command.person_ref, purse, _all(state, events), over, command)
    if not events:
        demanded = [
            r.demanded for r in state.recoveries.values() if r.purse.payer == command.payer and r.demanded and r.owing_fen
        ]
        if demanded:
            return already((command.fact.source, command.reason) in demanded)
        raise reject(
            "data.payer",
            "nothing-overpaid",
            f"{command.payer} has not overpaid this worker",
            "look at the worker's account; what is being netted by a payout that waits cannot be asked back",
        )
    return tuple(events)


def _pay_back(command: RecoveryPay, state: Account) -> tuple[AccountEvent, ...]:
    recovery = state.recoveries.get(command.recovery)
    if recovery is None:
        raise too_early("data.recovery", f"recovery {command.recovery} of this worker is not opened")
    if (command.fact.source, command.fact.id) in recovery.facts:
        return ()
    if command.amount_fen > recovery.owing_fen:
        raise reject(
            "data.amount_fen",
            "recovery-exceeded",
            f"only {recovery.owing_fen} fen of this recovery are still to be given back",
            "report no more than that",
        )
    left, amounts = command.amount_fen, {}
    for item, owing in sorted(recovery.owing.items()):
        fen = min(left, owing.fen)
        if fen > 0:
            amounts[item] = owing.portion(fen)
            left -= fen
    return (
        RecoveryPaid(
            person_ref=command.person_ref,
            recovery=recovery.recovery,
            **_of(recovery.purse, recovery.division),
            amount_fen=command.amount_fen,
            parts=_parts(state, amounts),
            fact=command.fact,
            by=command.by,
        ),
    )


# --- the bank's answers


def _book(command: Book, state: Account) -> tuple[AccountEvent, ...]:
    """Bring the books to what reached the payee. A payout that nobody has answered is settled or returned by it."""
    payout = state.payouts[command.payout]
    open_here = payout.questions.get(command.key)
    if open_here is False:
        return ()
    if command.paid_fen is None:
        if open_here:
            raise reject(
                "data.paid_fen",
                "paid-missing",
                "a difference about a payout is settled by saying what reached the payee",
                "say the amount in all that the payee has by this payout, 0 for nothing",
            )
        return ()
    if not open_here and payout.stage not in ("prepared", "instructed"):
        raise reject(
            "data.key", "nothing-to-book", "the payout was answered, and nobody asks about it", "nothing is left to do"
        )
    said = _said(command.person_ref, payout)
    reference = command.key.rpartition("/")[2]
    events: list[AccountEvent] = []
    if payout.stage == "prepared":
        events.append(PayoutInstructed(**said))
    if payout.stage in ("prepared", "instructed"):
        if command.paid_fen:
            events.append(PayoutSettled(**said, answer=reference))
        else:
            events.append(PayoutReturned(**said, answer=reference, reason=command.note))
        payout = _all(state, events).payouts[command.payout]
    parts = _spread(payout, command.paid_fen - payout.paid_fen)
    booked = {"amount_fen": sum(part.amount_fen for part in parts), "parts": parts}
    of = {"key": command.key, "paid_fen": command.paid_fen, "fact": command.fact, "by": command.by}
    return (*events, PayoutBooked(**(said | booked), **of))


def _spread(payout: Payout, fen: int) -> tuple[PayoutPart, ...]:
    """So much more or less than the payout's own parts: the earliest first, and what is beyond them on the last."""
    if fen == payout.fen:
        return payout.parts
    paying = [part for part in payout.parts if part.amount_fen > 0]
    left, found = abs(fen), []
    for part in paying if fen > 0 else reversed(paying):
        taken = left if part is paying[-1] and fen > 0 else min(left, part.amount_fen)
        if taken:
            found.append(_so_much(part, taken if fen > 0 else -taken))
            left -= taken
    return tuple(sorted(found, key=_item))


def _so_much(part: PayoutPart, fen: int) -> PayoutPart:
    """The same decision's item with another amount, the tax in proportion."""
    money = _money(part).portion(fen)
    return part.model_copy(update={"amount_fen": fen, "taxable_fen": money.taxable, "tax_unknown_fen": money.unknown})


@dataclass(frozen=True, slots=True)
class Answered:
    """What a bank's line comes to. verdict: newly settled, newly returned, returned after it was settled, or nothing new."""

    verdict: Literal["matched", "returned", "reversed", "repeated", "broken"]
    events: tuple[AccountEvent, ...] = ()
    found: Break | None = None


def answer(command: Answer, state: Account) -> Answered:
    """Settle or return the payout, or say in what the line differs from it, and question it. A return stands, whatever comes
    before or after."""
    payout = state.payouts[command.payout]
    if payout.stage == "cancelled":
        return _questions(unknown_payout(command).model_copy(update={"payout": payout.payout}), command, payout)
    if command.amount_fen != payout.fen:
        return _broken("wrong_amount", command, payout)
    if command.unclear:
        return _broken("contradicts", command, payout)
    if (command.outcome, command.reference) in payout.answers:
        return Answered("repeated")
    if payout.stage == command.outcome:
        return _broken("twice", command, payout)
    if payout.stage == "returned":
        return _broken("contradicts", command, payout)
    said = _said(command.person_ref, payout)
    before: tuple[AccountEvent, ...] = (PayoutInstructed(**said),) if payout.stage == "prepared" else ()
    if command.outcome == "settled":
        return Answered("matched", (*before, PayoutSettled(**said, answer=command.reference)))
    late = payout.stage == "settled"
    reason = command.reason or "no reason given"
    event = PayoutReturned(**said, answer=command.reference, reason=reason, settled_before=late)
    return Answered("reversed" if late else "returned", (*before, event))


def _broken(kind: BreakKind, command: Answer, payout: Payout) -> Answered:
    key = f"{kind}/{number_of(payout.payout)}/{command.reference}"
    found = Break(
        key=key,
        kind=kind,
        payout=payout.payout,
        reference=command.reference,
        expected_fen=payout.fen,
        found_fen=command.amount_fen,
    )
    return _questions(found, command, payout)


def _questions(found: Break, command: Answer, payout: Payout) -> Answered:
    if found.key in payout.questions:
        return Answered("broken", found=found)
    said = _said(command.person_ref, payout)
    asked = {"key": found.key, "kind": found.kind, "answer": command.reference, "found_fen": command.amount_fen}
    return Answered("broken", (PayoutQuestioned(**said, **asked),), found)


def unknown_payout(command: Answer) -> Break:
    """The break of a line that names nothing of the seal."""
    return Break(
        key=f"unknown/{command.reference}/{command.payout[:SHOWN_CHARACTERS_MAX]}",
        kind="unknown",
        payout=None,
        reference=command.reference,
        expected_fen=None,
        found_fen=command.amount_fen,
    )


# --- evolve -----------------------------------------------------------------------------------------------------------


class LineOnFile(msgspec.Struct, frozen=True):
    shares: tuple[PayerOnFile, ...] = ()
    taxable: bool | None = None


class PolicyOnFile(msgspec.Struct, frozen=True):
    event: str


class DecisionBody(msgspec.Struct, frozen=True):
    year: int
    division: str
    lines: tuple[LineOnFile, ...]
    payers: tuple[PayerOnFile, ...]
    policy: PolicyOnFile
    instrument: Instrument = "allowance"


class DecidedOnFile(msgspec.Struct, frozen=True):
    """The part of a recorded decision that payment needs: reading only this is much faster than the whole event."""

    decision: DecisionBody


@dataclass(frozen=True, slots=True)
class Happened:
    """A recorded event of either stream."""

    event_id: str
    event: AccountEvent | EntitlementDecided | EntitlementAdjusted | DecidedOnFile


def evolve(state: Account, happened: Happened) -> Account:
    """The state after an event. The one before is not changed."""
    after = Account(dict(state.entitled), dict(state.payouts), dict(state.recoveries))
    _apply(after, happened)
    return after


def replay(history: Iterable[Happened]) -> Account:
    """The state after a whole history: the same as evolving from the first, without a copy a step."""
    state = Account({}, {}, {})
    for happened in history:
        _apply(state, happened)
    return state


def _all(state: Account, events: Iterable[AccountEvent]) -> Account:
    """A copy of the state, with these events."""
    after = Account(dict(state.entitled), dict(state.payouts), dict(state.recoveries))
    for event in events:
        _apply(after, Happened("", event))
    return after


def _apply(state: Account, happened: Happened) -> None:
    """Put an event into a state that nobody else holds yet."""
    event = happened.event
    match event:
        case EntitlementDecided() | EntitlementAdjusted() | DecidedOnFile():
            decision = event.decision
            if decision.instrument != "work_expense":
                state.entitled[decision.year, decision.instrument] = _entitled(happened.event_id, decision)
        case PayoutPrepared():
            of = event.of_purse
            state.payouts[event.payout] = Payout(event.payout, event.run, of, event.division, event.year, event.parts)
        case PayoutCancelled():
            state.payouts[event.payout] = replace(state.payouts[event.payout], stage="cancelled")
            for old in list(state.payouts.values()):
                if old.reissued_by == event.payout:
                    state.payouts[old.payout] = replace(old, reissued_by=None)
        case PayoutInstructed():
            state.payouts[event.payout] = replace(state.payouts[event.payout], stage="instructed")
        case PayoutSettled():
            state.payouts[event.payout] = _answered(state.payouts[event.payout], "settled", event.answer)
        case PayoutReturned():
            state.payouts[event.payout] = _answered(state.payouts[event.payout], "returned", event.answer)
        case PayoutReissued():
            state.payouts[event.payout] = replace(state.payouts[event.payout], reissued_by=event.by_payout)
        case PayoutQuestioned():
            asked = state.payouts[event.payout]
            state.payouts[event.payout] = replace(asked, questions={**asked.questions, event.key: True})
        case PayoutBooked():
            asked = state.payouts[event.payout]
            questions = {**asked.questions, event.key: False}
            state.payouts[event.payout] = replace(asked, questions=questions, booked=(*asked.booked, *event.parts))
        case RecoveryOpened() | RecoveryOffset() | RecoveryPaid():
            _apply_recovery(state, event)
        case _:
            assert_never(event)


def _answered(payout: Payout, stage: Literal["settled", "returned"], reference: str) -> Payout:
    return replace(payout, stage=stage, answers=payout.answers | {(stage, reference)})


def _apply_recovery(state: Account, event: RecoveryOpened | RecoveryOffset | RecoveryPaid) -> None:
    amounts = {_item(part): _money(part) for part in event.parts}
    match event:
        case RecoveryOpened():
            taken = {item: NOTHING.minus(money) for item, money in amounts.items()}
            opened = Recovery(event.recovery, event.of_purse, event.division, taken, taken)
            if (fact := event.fact) is not None:
                opened = replace(opened, facts=frozenset({(fact.source, fact.id)}), demanded=(fact.source, event.reason))
            state.recoveries[event.recovery] = opened
        case RecoveryOffset():
            was = state.recoveries[event.recovery]
            after = replace(was, taken=_less(was.taken, amounts), owing=_less(was.owing, amounts))
            state.recoveries[event.recovery] = after
        case RecoveryPaid():
            was = state.recoveries[event.recovery]
            facts = was.facts | {(event.fact.source, event.fact.id)}
            state.recoveries[event.recovery] = replace(was, owing=_less(was.owing, amounts), facts=facts)
        case _:
            assert_never(event)


def _less(money: Mapping[Item, Money], amounts: Mapping[Item, Money]) -> dict[Item, Money]:
    return {item: each.minus(amounts.get(item, NOTHING)) for item, each in money.items()}


def _entitled(event_id: str, decision: DecisionBody | Decision) -> Entitled:
    """decision: of a whole event, or what is read of it; both have the same names."""
    payers: dict[Purse, Money] = {}
    said: dict[tuple[Purse, bool | None], int] = {}
    for line in decision.lines:
        for share in line.shares:
            key = share.of(decision.division), line.taxable
            said[key] = said.get(key, 0) + share.amount_fen
    for each in decision.payers:
        purse = each.of(decision.division)
        taxable, untaxed = said.get((purse, True), 0), said.get((purse, False), 0)
        payers[purse] = Money(each.amount_fen, taxable, each.amount_fen - taxable - untaxed)
    return Entitled(event_id, decision.policy.event, decision.division, payers)
