"""Events of payment: runs, payouts, recoveries, the bank's answers and closed periods, on ``allowance.<partition>.<event>``.

**Accounts.** The ledger is double entry by construction: each transfer moves a positive amount of fen from one account to
another. ``entitlement`` (what was granted) → ``payable`` (owed to the worker, by a payer) → ``in_transit`` (instructed) →
``paid``; ``recovery``: what a worker has to give back. Every transfer names person, payer and the year that it concerns, and
falls into the accounting month in which it is recorded, or the first open one after it.

**A run** (stream ``run-<run>``) pays one payer's dues of a division for a year: prepared → listed → checked → cleared →
sealed → exported → instructed → closed; or it ends before the instruction: rejected at the check, or cancelled. A **payout**
(stream ``account-<person_ref>``) is one worker's amount in a run: prepared → instructed → settled, or returned and reissued; or
cancelled before the instruction. Its parts say which years it is made of: a negative one nets an overpayment of another year.

What a policy grants as ``work_expense`` is an authorisation to spend: it is owed to nobody, and nothing of it stands here.

A payer is a purse: a division's budget under a name (``contracts.divisions.Purse``). No payout, recovery or transfer joins two;
a run of what stands above two counties makes a payout from each of their purses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.base import DivisionCode, EventId, Fen, LogEvent, OwnEvent, PersonRef, Year
from contracts.divisions import Purse, purse_of
from contracts.policy import Instrument
from contracts.registry import FactOrigin

__all__ = [
    "BREAKS_SHOWN_MAX",
    "CHANGES_SHOWN_MAX",
    "Account",
    "BankAnswered",
    "BankFileMatched",
    "Break",
    "BreakKind",
    "BreakSettled",
    "LeftOut",
    "Month",
    "Payer",
    "PaymentEvent",
    "PayoutBooked",
    "PayoutCancelled",
    "PayoutInstructed",
    "PayoutPart",
    "PayoutPrepared",
    "PayoutQuestioned",
    "PayoutReissued",
    "PayoutReturned",
    "PayoutSettled",
    "PeriodClosed",
    "PeriodTotal",
    "RecoveryOffset",
    "RecoveryOpened",
    "RecoveryPaid",
    "RunCancelled",
    "RunChange",
    "RunChecked",
    "RunCleared",
    "RunClosed",
    "RunExported",
    "RunInstructed",
    "RunListed",
    "RunPrepared",
    "RunSealed",
    "WhyLeftOut",
    "list_digest",
    "payees_digest",
]

CHANGES_SHOWN_MAX = 50
"""Changes that a check's event names; how many there are stands beside them."""
BREAKS_SHOWN_MAX = 200
"""Breaks that an event about a bank's file names; how many there are stands beside them."""

Account = Literal["entitlement", "payable", "in_transit", "paid", "recovery"]
Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
"""An accounting month, YYYY-MM, of Asia/Shanghai."""
Payer = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Count = Annotated[int, Field(strict=True, ge=0)]


def list_digest(lines: Iterable[tuple[str, str, int]]) -> str:
    """SHA-256 (hex) of a list of payouts: a line ``payout person_ref amount_fen`` each, ended by LF, in the run's order."""
    found = hashlib.sha256()
    for payout, person_ref, amount_fen in lines:
        found.update(f"{payout} {person_ref} {amount_fen}\n".encode())
    return found.hexdigest()


def payees_digest(lines: Iterable[tuple[str, str, str, str]]) -> str:
    """SHA-256 (hex) of who is paid to which account: a line ``payout file event mark`` each, ended by LF, in the run's order.

    file: the person_ref in whose file the payee's identity stands; event: the registry's event that brought it, with name and
    account encrypted; mark: its keyed digest (``EncryptedIdentity.mark``), under a key that goes when the person is erased. So
    the sum fixes every name and account, and tells nobody anything about them.
    """
    found = hashlib.sha256()
    for payout, file, event, mark in lines:
        found.update(f"{payout} {file} {event} {mark}\n".encode())
    return found.hexdigest()


def _is_none(value: object) -> bool:
    return value is None


class _OfPurse(LogEvent):
    """purse: the division whose budget it is; None: the one that ``purse_of`` says of payer and division."""

    payer: Payer
    division: DivisionCode
    purse: DivisionCode | None = Field(default=None, exclude_if=_is_none)

    @property
    def of_purse(self) -> Purse:
        return purse_of(self.payer, self.division) if self.purse is None else Purse(self.purse, self.payer)


class _OfRun(LogEvent):
    """run: ``<source>/<its own key>``. by: who acted, a name or number that the office knows."""

    run: str
    fact: FactOrigin
    by: str


# --- a run --------------------------------------------------------------------------------------------------------------


WhyLeftOut = Literal["unknown", "erased", "withdrawn", "no-name", "no-account", "unreadable", "deceased", "disputed", "other"]
"""The registry knows nobody of this reference; the personal data were erased; no registration stands; no name, no bank account
on file; it cannot be decrypted; the person has died; what is due is disputed; another reason, which the office keeps."""


class LeftOut(OwnEvent):
    """Somebody whom a run does not pay, whatever is due to them."""

    person_ref: PersonRef
    reason: WhyLeftOut


class RunPrepared(_OfRun):
    """经办: what ``payer`` owes for ``year`` to those whose decision is of ``division`` or below is to be paid.

    without: who is left out of it, and why; what is due to them stays due.
    """

    TYPE: ClassVar[str] = "allowance.run-prepared.v1"
    division: DivisionCode
    payer: Payer
    year: Year
    without: tuple[LeftOut, ...] = Field(default=(), exclude_if=lambda value: not value)


class RunListed(LogEvent):
    """Every payout of the run is recorded. count and total_fen: of the payouts."""

    TYPE: ClassVar[str] = "allowance.run-listed.v1"
    run: str
    count: Count
    total_fen: Fen


class RunChange(OwnEvent):
    """What has changed for a payout since it was prepared: the amount that would be prepared now (0: nothing).

    why: ``due-changed``, ``nothing-due``, or ``undecided`` (a fact about the worker is parked, so nobody can say).
    """

    payout: str
    person_ref: PersonRef
    prepared_fen: Fen
    due_fen: Fen
    why: Literal["due-changed", "nothing-due", "undecided"]


class RunChecked(_OfRun):
    """复核, by another person than who prepared it. Eligibility was looked at again, as of ``position`` of the log.

    changed: how many payouts differ now; those are cancelled when the run is approved. changes: the first of them. count,
    total_fen: what is left to be paid (nothing, if rejected).
    """

    TYPE: ClassVar[str] = "allowance.run-checked.v1"
    outcome: Literal["approved", "rejected"]
    position: int
    changed: Count
    changes: tuple[RunChange, ...] = ()
    count: Count
    total_fen: Fen
    reason: str | None = None


class RunCleared(LogEvent):
    """Every payout that had changed at the check is cancelled; what is left is what was approved."""

    TYPE: ClassVar[str] = "allowance.run-cleared.v1"
    run: str
    count: Count
    total_fen: Fen


class RunSealed(_OfRun):
    """Count and total are fixed. position, root: of the log when it was sealed (RFC 6962), so that it can be proven later.

    list_sha256: as ``list_digest`` makes it. payees_sha256: as ``payees_digest`` makes it of the names and accounts that stood
    in the registry's log at ``registry_position``. Seals of before there was one have none, and nothing is exported by them.
    """

    TYPE: ClassVar[str] = "allowance.run-sealed.v1"
    count: Count
    total_fen: Fen
    list_sha256: str
    position: int
    root: str
    payees_sha256: str | None = Field(default=None, exclude_if=_is_none)
    registry_position: int | None = Field(default=None, exclude_if=_is_none)


class RunExported(_OfRun):
    """导出: names and accounts were joined to the sealed list, and a file was made. The last export is the one that counts.

    file_sha256: of the file; message_id: as in it. count, total_fen, list_sha256, payees_sha256: of the seal. record: the
    registry's event that says who read which fields, and why.
    """

    TYPE: ClassVar[str] = "allowance.run-exported.v1"
    format: str
    message_id: str
    file_sha256: str
    count: Count
    total_fen: Fen
    list_sha256: str
    payees_sha256: str
    record: EventId


class RunInstructed(_OfRun):
    """The bank was given the file of the last export. file_sha256: of it; message_id: in it; count, total_fen: of the seal."""

    TYPE: ClassVar[str] = "allowance.run-instructed.v1"
    message_id: str
    file_sha256: str
    count: Count
    total_fen: Fen


class RunCancelled(_OfRun):
    """Before the instruction: every payout is cancelled."""

    TYPE: ClassVar[str] = "allowance.run-cancelled.v1"
    reason: str


class RunClosed(LogEvent):
    """Every payout is settled or returned. settled_fen + returned_fen = the sealed total.

    A return may still come later: then the payouts say more than this event did.
    """

    TYPE: ClassVar[str] = "allowance.run-closed.v1"
    run: str
    settled: Count
    settled_fen: Fen
    returned: Count
    returned_fen: Fen


BreakKind = Literal["missing", "unknown", "wrong_amount", "twice", "contradicts"]
"""In the seal but not in the file; in the file but not in the seal; another amount; answered more than once, with different
references; settled after it was returned (a return stands, whichever of the two came first), or a line that settles nothing by
itself: the bank undoes a return, or gives a status that no standard names."""


# --- a worker's account ---------------------------------------------------------------------------------------------------


class PayoutPart(OwnEvent):
    """What one year of one instrument contributes. decision: the event of the decision that the amount follows from.

    taxable_fen: what of it comes from lines that the policy calls taxable; tax_unknown_fen: of which it says nothing.
    """

    year: Year
    instrument: Instrument = "allowance"
    amount_fen: Fen
    decision: EventId
    taxable_fen: Fen = 0
    tax_unknown_fen: Fen = 0


class _OfPayout(_OfPurse):
    """payout: ``<run>/<number within it>``. year: the one that the run pays. amount_fen: the sum of the parts, more than 0."""

    person_ref: PersonRef
    payout: str
    run: str
    year: Year
    amount_fen: Fen
    parts: tuple[PayoutPart, ...]


class PayoutPrepared(_OfPayout):
    """taxable_fen, tax_unknown_fen: sums over the parts."""

    TYPE: ClassVar[str] = "allowance.payout-prepared.v1"
    taxable_fen: Fen = 0
    tax_unknown_fen: Fen = 0


class PayoutCancelled(_OfPayout):
    """Before the instruction. why: as in ``RunChange``, or ``run-rejected``, ``run-cancelled``."""

    TYPE: ClassVar[str] = "allowance.payout-cancelled.v1"
    why: str


class PayoutInstructed(_OfPayout):
    TYPE: ClassVar[str] = "allowance.payout-instructed.v1"


class PayoutSettled(_OfPayout):
    """answer: the bank's reference for it."""

    TYPE: ClassVar[str] = "allowance.payout-settled.v1"
    answer: str


class PayoutReturned(_OfPayout):
    """退回: the amount is owed again. settled_before: the money had been settled already."""

    TYPE: ClassVar[str] = "allowance.payout-returned.v1"
    answer: str
    reason: str
    settled_before: bool = False


class PayoutReissued(LogEvent):
    """重发: the returned ``payout`` is replaced by ``by_payout`` of another run."""

    TYPE: ClassVar[str] = "allowance.payout-reissued.v1"
    person_ref: PersonRef
    payout: str
    run: str
    by_payout: str
    by_run: str


class PayoutQuestioned(_OfPayout):
    """The bank has said of it what does not fit: until the difference ``key`` of its run is settled, nothing more is paid of
    what it was made of. kind, found_fen: as the break says; answer: the bank's reference. Moves no money."""

    TYPE: ClassVar[str] = "allowance.payout-questioned.v1"
    key: str
    kind: BreakKind
    answer: str
    found_fen: Fen


class PayoutBooked(_OfPayout):
    """A difference is settled, by another principal than the run's maker. paid_fen: what reached the payee by it in all.

    amount_fen: so much more than its other events say (below zero: less; zero: as they say), by ``parts``.
    """

    TYPE: ClassVar[str] = "allowance.payout-booked.v1"
    key: str
    paid_fen: Fen
    fact: FactOrigin
    by: str


class RecoveryOpened(_OfPurse):
    """追缴: more was paid than is owed, and it is asked back. recovery: ``<payer>-<number>``, within the account.

    parts: the negative dues that it takes over; amount_fen: what is to be given back, more than 0. because: the last decision
    that made it so. by: who asked for it, if it was not the policy.
    """

    TYPE: ClassVar[str] = "allowance.recovery-opened.v1"
    person_ref: PersonRef
    recovery: str
    amount_fen: Fen
    parts: tuple[PayoutPart, ...]
    because: EventId
    fact: FactOrigin | None = None
    by: str | None = None
    reason: str | None = None


class RecoveryOffset(_OfPurse):
    """The year is owed again (a correction was itself corrected), so that so much need not be given back. parts: positive."""

    TYPE: ClassVar[str] = "allowance.recovery-offset.v1"
    person_ref: PersonRef
    recovery: str
    amount_fen: Fen
    parts: tuple[PayoutPart, ...]


class RecoveryPaid(_OfPurse):
    """The worker gave so much of it back. parts: the years that it is booked to, the earliest first; positive."""

    TYPE: ClassVar[str] = "allowance.recovery-paid.v1"
    person_ref: PersonRef
    recovery: str
    amount_fen: Fen
    parts: tuple[PayoutPart, ...]
    fact: FactOrigin
    by: str


# --- the bank's answers and closed periods ----------------------------------------------------------------------------------


class Break(OwnEvent):
    """One difference. key: names it within the run for ever: ``<kind>/<number of the payout, or the bank's words for it>``."""

    key: str
    kind: BreakKind
    payout: str | None
    reference: str | None
    expected_fen: Fen | None
    found_fen: Fen | None


class BankAnswered(_OfRun):
    """对账: one part of the bank's result file, matched to the run's payouts.

    results_sha256: of the results as they were reported. lines = matched + returned + repeated + broken. matched: newly
    settled; returned: newly returned, of which ``reversed`` had been settled before; repeated: said what was known.
    """

    TYPE: ClassVar[str] = "allowance.bank-answered.v1"
    file_sha256: str
    part: int
    parts: int
    results_sha256: str
    lines: Count
    matched: Count
    matched_fen: Fen
    returned: Count
    returned_fen: Fen
    reversed: Count
    reversed_fen: Fen
    repeated: Count
    broken: Count
    breaks: tuple[Break, ...] = ()


class BankFileMatched(LogEvent):
    """All parts of a file are here; the sums over them. missing: payouts that no file has answered yet, the first as breaks."""

    TYPE: ClassVar[str] = "allowance.bank-file-matched.v1"
    run: str
    file_sha256: str
    lines: Count
    matched: Count
    matched_fen: Fen
    returned: Count
    returned_fen: Fen
    repeated: Count
    broken: Count
    missing: Count
    breaks: tuple[Break, ...] = ()


class BreakSettled(_OfRun):
    """A break has an owner; settled says how it ended. paid_fen: what reached the payee by the payout in all, where it is about
    one. outcome, amount_fen: what a payout that no file had answered became by this, and its amount."""

    TYPE: ClassVar[str] = "allowance.break-settled.v1"
    key: str
    state: Literal["assigned", "settled"]
    owner: str
    note: str
    paid_fen: Fen | None = Field(default=None, exclude_if=_is_none)
    outcome: Literal["settled", "returned"] | None = Field(default=None, exclude_if=_is_none)
    amount_fen: Fen | None = Field(default=None, exclude_if=_is_none)


class PeriodTotal(OwnEvent):
    """What the month's transfers move into an account (debit) and out of it (credit), for one purse.

    purse: None in a closing of before payers were purses: over all that have the name.
    """

    account: Account
    payer: Payer
    purse: DivisionCode | None = Field(default=None, exclude_if=_is_none)
    debit_fen: Fen
    credit_fen: Fen


class PeriodClosed(LogEvent):
    """结账: nothing is recorded in this month any more. position, root: of the log then; transfers: how many the month has."""

    TYPE: ClassVar[str] = "allowance.period-closed.v1"
    fact: FactOrigin
    by: str
    month: Month
    position: int
    root: str
    transfers: Count
    totals: tuple[PeriodTotal, ...]


PaymentEvent = (
    RunPrepared
    | RunListed
    | RunChecked
    | RunCleared
    | RunSealed
    | RunExported
    | RunInstructed
    | RunCancelled
    | RunClosed
    | PayoutPrepared
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
    | BankAnswered
    | BankFileMatched
    | BreakSettled
    | PeriodClosed
)
