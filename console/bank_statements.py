"""What a bank answers as movements of the account: a statement (camt.053) or a notice (camt.054). Read, not judged.

A statement holds whatever moved on the account. The rules are those of the standard (ISO 20022, ``ReportEntry``). A debit is
a payout that was settled, a credit one that came back. ``RvslInd`` says that an entry undoes an earlier one, whose direction
was the other: a credit undoes the debit, so the payout came back; a debit undoes a return, which settles nothing by itself.
Booked entries (``BOOK``) count; pending and future ones and those for information (``PDNG``, ``FUTR``, ``INFO``) are counted
and passed over: they come again. A batch may be booked as one sum: its transactions are read, and what the sum says beyond
them is a result of its own that names no payout. Whatever is about the run and cannot be judged by this becomes a difference
in the books, with an owner.

What names neither a payout nor the batch is other business of the account, and is told with its amount, day and reference. Not
so what may be ours without its name, since a bank lost or rewrote it: our reference with other signs between its letters; or an
amount that the seal has, of a movement that bears nobody's reference. That is asked about: a difference that names no payout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from console.bank_faults import BankFileError, Fault, NotAnAmount
from console.bank_iso import namespace_of, other_message, parse_document, read_xml
from console.bank_lines import Answers, PassedOver, Result, fen_of_decimal
from console.bank_results import NO_REASON, REFERENCE, Answered, reason_of

__all__ = ["CAMT", "read_camt"]

CAMT = ("camt.053.001.02", "camt.053.001.08", "camt.054.001.02", "camt.054.001.08")
Unclear = Literal["reversal", "status"]
REVERSED = "银行冲正"
"""Why it came back, where the bank undoes its debit without saying more."""
_Why = Literal["other", "no-details", "not-booked"]
NOT_BOOKED = frozenset({"PDNG", "FUTR", "INFO"})
"""Of the entry statuses (ISO's ExternalEntryStatus1Code) those that move no money yet."""


@dataclass(frozen=True, slots=True)
class _Movement:
    """One transaction of an entry. entry: what stands about all of it. transaction None: the entry or a batch as a sum."""

    number: int
    entry: Any
    transaction: Any
    batch: Any
    alone: bool
    place: str


def read_camt(raw: bytes, run: str, chosen: Sequence[str] = CAMT, sealed: Mapping[str, int] | None = None) -> Answers:
    """What a statement (camt.053) or a notice (camt.054) says of a run. Raises BankFileError.

    chosen: the messages that may be read. A movement belongs to the run if its EndToEndId begins with the run's name, or if its
    batch is the one that the run sent. sealed: the run's payouts, each with its fen; what may be one of them without its name
    is a result that names none. It depends on the file and the seal alone, so that a file that is given again says the same.
    """
    faults: list[Fault] = []
    results: list[Result] = []
    others: list[tuple[_Movement, _Why]] = []
    for movements in _entries(_reports(raw, chosen)):
        ours = []
        for movement in movements:
            why = _not_ours(movement, run)
            if why is None:
                ours.append(movement)
            else:
                others.append((movement, why))
        found = [each for movement in ours for each in _moved(movement, faults)]
        results += found
        if ours and not faults:
            results += _beyond(movements)
    if faults:
        raise BankFileError(faults)
    asked, not_ours = _told_apart(others, run, _Sums(sealed or {}, {each.payout for each in results}))
    return Answers((*results, *asked), tuple(not_ours))


def _reports(raw: bytes, chosen: Sequence[str]) -> Sequence[Any]:
    """The statements or notices of a message. Raises BankFileError."""
    tree = read_xml(raw)
    message = namespace_of(tree)
    if message not in chosen:
        raise BankFileError([other_message(tree, chosen)])
    document = parse_document(tree, f"pyiso20022.camt.{message.replace('.', '_')}")
    body = getattr(document, "bk_to_cstmr_stmt", None) or getattr(document, "bk_to_cstmr_dbt_cdt_ntfctn", None)
    if body is None:
        raise BankFileError([Fault(0, "", "empty-message")])
    found: Sequence[Any] = body.stmt if hasattr(body, "stmt") else body.ntfctn
    return found


def _entries(reports: Sequence[Any]) -> Iterator[list[_Movement]]:
    """Of each entry its movements: each transaction, and each batch that has none."""
    number = 0
    for report in reports:
        for at, entry in enumerate(report.ntry, start=1):
            pairs = [(details.btch, each) for details in entry.ntry_dtls for each in details.tx_dtls or [None]]
            movements = []
            # An entry without details is one movement, of which only the bank's reference is known.
            for place, (batch, transaction) in enumerate(pairs or [(None, None)], start=1):
                number += 1
                named = f"{report.id}/{at}/{place}"
                movements.append(_Movement(number, entry, transaction, batch, len(pairs) <= 1, named))
            yield movements


def _refs(movement: _Movement, name: str) -> str:
    refs = None if movement.transaction is None else movement.transaction.refs
    return str(getattr(refs, name, None) or "")


def _batches(movement: _Movement) -> set[str]:
    """What names the batch of a movement."""
    named = {_refs(movement, "pmt_inf_id"), _refs(movement, "msg_id")}
    if movement.batch is not None:
        named |= {movement.batch.pmt_inf_id or "", movement.batch.msg_id or ""}
    return named - {""}


def _not_ours(movement: _Movement, run: str) -> _Why | None:
    """Why a movement is passed over; None: it is about the run."""
    if not _refs(movement, "end_to_end_id").startswith(f"{run}/") and run not in _batches(movement):
        return "other" if movement.transaction is not None else "no-details"
    return "not-booked" if _status(movement.entry) in NOT_BOOKED else None


def _status(entry: Any) -> str:
    """BOOK, PDNG, …: an enumeration in older versions, a choice in newer ones; in that a bank may have a word of its own."""
    found = getattr(entry.sts, "cd", None) or getattr(entry.sts, "prtry", None) or getattr(entry.sts, "value", entry.sts)
    return str(found)


def _side(movement: _Movement) -> str:
    """DBIT or CRDT: of the transaction where it says so, else of its batch, else of the entry."""
    for part in (movement.transaction, movement.batch if movement.transaction is None else None):
        side = getattr(part, "cdt_dbt_ind", None)
        if side is not None:
            return str(side.value)
    return str(movement.entry.cdt_dbt_ind.value)


def _unclear(movement: _Movement) -> Unclear | None:
    """Why a movement decides nothing by itself."""
    if _status(movement.entry) != "BOOK":
        return "status"
    return "reversal" if movement.entry.rvsl_ind and _side(movement) == "DBIT" else None


def _moved(movement: _Movement, faults: list[Fault]) -> list[Result]:
    outcome: Answered = "settled" if _side(movement) == "DBIT" else "returned"
    reference = _reference(movement)
    if REFERENCE.fullmatch(reference) is None:
        faults.append(Fault(movement.number, "AcctSvcrRef", "no-reference"))
        return []
    try:
        fen = _fen(movement)
    except NotAnAmount as error:
        faults.append(Fault(movement.number, "Amt", error.code))
        return []
    payout = _refs(movement, "end_to_end_id") or movement.place
    reason = _returned_because(movement) if outcome == "returned" else None
    return [Result(movement.number, payout, outcome, reference, fen, reason, _unclear(movement))]


# What may be ours without its name


class _Sums:
    """What a movement without a name may be of, fen. debits: the payouts that the file does not name; credits: any payout.

    whole: what the run comes to, or what of it the file does not name: a batch that was booked as one sum.
    """

    def __init__(self, sealed: Mapping[str, int], named: Set[str]) -> None:
        left = [fen for payout, fen in sealed.items() if payout not in named]
        self.debits = frozenset(left)
        self.credits = frozenset(sealed.values())
        self.whole = frozenset({sum(left), sum(sealed.values())} if left else ())


def _told_apart(
    others: Sequence[tuple[_Movement, _Why]], run: str, sums: _Sums
) -> tuple[Iterator[Result], Iterator[PassedOver]]:
    asked = {movement.number for movement, _ in others if _may_be_ours(movement, run, sums)}
    return (
        (_asked(movement) for movement, _ in others if movement.number in asked),
        (_passed(movement, why) for movement, why in others if movement.number not in asked),
    )


def _may_be_ours(movement: _Movement, run: str, sums: _Sums) -> bool:
    fen = _fen_or_none(movement)
    if fen is None or _status(movement.entry) in NOT_BOOKED:
        return False
    reference = _refs(movement, "end_to_end_id")
    if reference not in _NOBODYS:
        # A bank that has no `/`, or no small letters, gives `CASHIER2021A17` back.
        number = _bare(reference).removeprefix(_bare(run))
        return number.isdecimal() and number != _bare(reference) and not _OTHER_RUN.fullmatch(reference)
    if _batches(movement) - _NOBODYS or _refs(movement, "instr_id") not in _NOBODYS:
        return False
    if _side(movement) == "CRDT":
        return fen in sums.credits and _is_return(movement)
    return fen in sums.debits or (movement.transaction is None and fen in sums.whole)


_NOBODYS = frozenset({"", "NOTPROVIDED"})
"""What stands in a reference that nobody gave; the word is that of ISO 20022's own usage rules."""
_OTHER_RUN = re.compile(r"[a-z0-9][a-z0-9-]*/[A-Za-z0-9-]+/[0-9]+")
"""A payout of a run, by its whole name: of another run, where it is not of this one."""


def _bare(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _is_return(movement: _Movement) -> bool:
    """Whether a credit says that it gives back what was debited: by a reason, as a reversal, or by its transaction code."""
    if getattr(movement.transaction, "rtr_inf", None) or movement.entry.rvsl_ind:
        return True
    codes = [getattr(each, "bk_tx_cd", None) for each in (movement.transaction, movement.entry)]
    domains = [getattr(code, "domn", None) for code in codes]
    return any(domain is not None and domain.fmly.sub_fmly_cd in _RETURNS for domain in domains)


_RETURNS = frozenset({"RRTN", "RPCR"})
"""Of ISO's ExternalBankTransactionSubFamily1Code: reversed because it was returned, or because that was asked for."""


def _asked(movement: _Movement) -> Result:
    fen = _fen_or_none(movement)
    assert fen is not None
    outcome: Answered = "settled" if _side(movement) == "DBIT" else "returned"
    reason = _returned_because(movement) if outcome == "returned" else None
    return Result(movement.number, movement.place, outcome, _own_reference(movement), fen, reason, _unclear(movement))


def _passed(movement: _Movement, why: _Why) -> PassedOver:
    day = movement.entry.bookg_dt or movement.entry.val_dt
    side: Literal["DBIT", "CRDT"] = "DBIT" if _side(movement) == "DBIT" else "CRDT"
    date = "" if day is None else str(day.dt or day.dt_tm or "")[:DATE_CHARS]
    return PassedOver(movement.number, why, side, _fen_or_none(movement), date, _own_reference(movement))


DATE_CHARS = len("2026-03-03")


def _own_reference(movement: _Movement) -> str:
    found = _reference(movement)
    return found if REFERENCE.fullmatch(found) else movement.place


def _fen_or_none(movement: _Movement) -> int | None:
    try:
        return _fen(movement)
    except NotAnAmount:
        return None


def _reference(movement: _Movement) -> str:
    """The bank's own reference of a transaction; else that of the entry; else where it stands."""
    return next(
        (each for name in ("acct_svcr_ref", "tx_id", "clr_sys_ref") if (each := _refs(movement, name))),
        movement.entry.acct_svcr_ref or movement.entry.ntry_ref or movement.place,
    )


def _beyond(movements: Sequence[_Movement]) -> list[Result]:
    """What the sum of an entry says that its transactions do not: one more result, which names no payout."""
    first = movements[0]
    if any(movement.transaction is None for movement in movements):
        return []  # A batch without its transactions is a movement itself.
    try:
        known = sum(_fen(each) * (1 if _side(each) == first.entry.cdt_dbt_ind.value else -1) for each in movements)
        fen = _fen_of(first.entry.amt)
    except NotAnAmount:
        return []  # A transaction that is not about the run need not have an amount.
    if fen == known:
        return []
    whole = _Movement(first.number, first.entry, None, None, True, first.place.rpartition("/")[0])
    outcome: Answered = "settled" if _side(whole) == "DBIT" else "returned"
    reason = NO_REASON if outcome == "returned" else None
    return [Result(first.number, whole.place, outcome, _reference(whole), abs(fen - known), reason, _unclear(whole))]


def _fen(movement: _Movement) -> int:
    """The amount of the transaction, or of its batch; that of the entry if it is the only one."""
    amount = getattr(movement.transaction, "amt", None)
    details = getattr(movement.transaction, "amt_dtls", None)
    for name in ("tx_amt", "instd_amt"):
        if amount is None and details is not None and getattr(details, name) is not None:
            amount = getattr(details, name).amt
    if amount is None and movement.transaction is None:
        amount = getattr(movement.batch, "ttl_amt", None)
    if amount is None and movement.alone:
        amount = movement.entry.amt
    if amount is None:
        raise NotAnAmount("no-amount")
    return _fen_of(amount)


def _fen_of(amount: Any) -> int:
    if amount.ccy != "CNY":
        raise NotAnAmount("not-cny")
    value: Decimal = amount.value
    fen = fen_of_decimal(value)
    if fen < 1:
        raise NotAnAmount("nothing")
    return fen


def _returned_because(movement: _Movement) -> str:
    found = getattr(movement.transaction, "rtr_inf", None)
    if found is None:
        return REVERSED if movement.entry.rvsl_ind else NO_REASON
    code, other = ("", "") if found.rsn is None else (found.rsn.cd or "", found.rsn.prtry or "")
    return reason_of(" ".join([other, *found.addtl_inf]), code)
