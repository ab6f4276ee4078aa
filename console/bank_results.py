"""What a bank answers: a result list (CSV or workbook), or movements of the account (camt.053, camt.054). Read, not judged.

A list is about one run: every line of it is a result. A statement holds whatever moved on the account: what is about the run is
taken, by our reference or by the batch's, and the rest is counted.

The rules are those of the standard (ISO 20022, ``ReportEntry``). A debit is a payout that was settled, a credit one that came
back. ``RvslInd`` says that an entry undoes an earlier one, whose direction was the other: a credit undoes the debit, so the
payout came back; a debit undoes a return, which settles nothing by itself. Booked entries (``BOOK``) count; pending and future
ones and those for information (``PDNG``, ``FUTR``, ``INFO``) are counted and passed over: they come again. A batch may be
booked as one sum: its transactions are read, and what the sum says beyond them is a result of its own that names no payout.
Whatever is about the run and cannot be judged by this becomes a difference in the books, with an owner.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from console.bank_faults import BankFileError, Fault, NotAnAmount
from console.bank_iso import namespace_of, other_message, parse_document, read_xml
from console.bank_lines import Answers, Result, fen_of_decimal
from console.bank_sheets import TOTAL, amount_of, read_cells, text_of

__all__ = ["CAMT", "COLUMNS", "Answered", "read_camt", "read_list"]

CAMT = ("camt.053.001.02", "camt.053.001.08", "camt.054.001.02", "camt.054.001.08")
NO_REASON = "银行未说明原因"
OTHER_REASON = "其他原因（见银行回单）"
REASONS: dict[str, str] = {
    "销户": "账户已销户",
    "户名": "户名不符",
    "姓名": "户名不符",
    "冻结": "账户冻结",
    "止付": "账户止付",
    "挂失": "账户挂失",
    "不存在": "账号不存在",
    "行号": "行号有误",
    "限额": "超过限额",
    "久悬": "久悬户",
    "不动户": "长期不动户",
    "状态": "账户状态异常",
    "账号": "账号有误",
}
"""Part of what a bank writes → the words that are kept. The first that fits."""

Answered = Literal["settled", "returned"]
Unclear = Literal["reversal", "status"]
REVERSED = "银行冲正"
"""Why it came back, where the bank undoes its debit without saying more."""
NOT_BOOKED = frozenset({"PDNG", "FUTR", "INFO"})
"""Of the entry statuses (ISO's ExternalEntryStatus1Code) those that move no money yet."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "payout": ("业务参考号", "客户业务编号", "payout"),
    "outcome": ("处理结果", "处理状态", "outcome"),
    "reference": ("银行流水号", "交易流水号", "reference"),
    "amount": ("金额(元)", "金额（元）", "金额", "交易金额", "amount"),
    "reason": ("失败原因", "退回原因", "原因", "reason"),
}
"""Field → headings that name it."""
OUTCOMES: dict[str, Answered] = {
    **dict.fromkeys(("成功", "已入账", "处理成功", "交易成功", "settled"), "settled"),
    **dict.fromkeys(("失败", "退回", "退票", "处理失败", "交易失败", "returned"), "returned"),
}
_REFERENCE = re.compile(r"[!-~][ -~]{0,63}")
_CODE = re.compile("[A-Z]{2}[0-9]{2}|NARR")
"""ISO's external codes of why a payment came back, such as AC04."""


def _reason(text: str, code: str = "") -> str:
    """Why it came back, in known words: it is recorded for ever in plain, and what a bank writes freely may name somebody."""
    said = next((known for part, known in REASONS.items() if part in text), OTHER_REASON if text.strip() else "")
    return " ".join(each for each in (code if _CODE.fullmatch(code) else "", said) if each) or NO_REASON


# --- a list -----------------------------------------------------------------------------------------------------------


def read_list(raw: bytes) -> Answers:
    """A result list, each column by its heading. Raises BankFileError with every fault, row by row."""
    faults: list[Fault] = []
    rows = read_cells(raw)
    row, heading = next(rows, (1, []))
    places: dict[str, int] = {}
    for place, cell in enumerate(heading):
        field = next((name for name, headings in COLUMNS.items() if text_of(cell) in headings), None)
        if field is not None:
            places.setdefault(field, place)
    for field in ("payout", "outcome", "reference", "amount"):
        if field not in places:
            wanted = " / ".join(COLUMNS[field])
            faults.append(Fault(row, COLUMNS[field][0], "no-column", (wanted,)))
    if faults:
        raise BankFileError(faults)
    found = []
    for row, cells in rows:
        if text_of(cells[0]) != TOTAL:
            cells = [*cells, *[None] * (1 + max(places.values()))]
            found += _result(row, {field: cells[place] for field, place in places.items()}, faults)
    if not found and not faults:
        faults.append(Fault(0, "", "no-line"))
    if faults:
        raise BankFileError(faults)
    return Answers(tuple(found), {})


def _result(row: int, cells: dict[str, Any], faults: list[Fault]) -> list[Result]:
    payout, reference = text_of(cells["payout"]), text_of(cells["reference"])
    before = len(faults)
    outcome = OUTCOMES.get(text_of(cells["outcome"]))
    if outcome is None:
        faults.append(Fault(row, COLUMNS["outcome"][0], "no-outcome", ("、".join(OUTCOMES),)))
    if not 1 <= len(payout) <= 128:
        faults.append(Fault(row, COLUMNS["payout"][0], "no-payout"))
    if _REFERENCE.fullmatch(reference) is None:
        faults.append(Fault(row, COLUMNS["reference"][0], "no-reference"))
    fen = 0
    try:
        fen = amount_of(cells["amount"])
        if fen < 1:
            raise NotAnAmount("nothing")
    except NotAnAmount as error:
        faults.append(Fault(row, COLUMNS["amount"][0], error.code))
    if len(faults) > before or outcome is None:
        return []
    reason = None if outcome == "settled" else _reason(text_of(cells.get("reason")))
    return [Result(row, payout, outcome, reference, fen, reason)]


# --- movements of an account ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Movement:
    """One transaction of an entry. entry: what stands about all of it. transaction None: the entry or a batch as a sum."""

    number: int
    entry: Any
    transaction: Any
    batch: Any
    alone: bool
    place: str


def read_camt(raw: bytes, run: str, chosen: Sequence[str] = CAMT) -> Answers:
    """What a statement (camt.053) or a notice (camt.054) says of a run. Raises BankFileError.

    chosen: the messages that may be read. A movement belongs to the run if its EndToEndId begins with the run's name, or if its
    batch is the one that the run sent.
    """
    tree = read_xml(raw)
    message = namespace_of(tree)
    if message not in chosen:
        raise BankFileError([other_message(tree, chosen)])
    module = f"pyiso20022.camt.{message.replace('.', '_')}"
    document = parse_document(tree, module)
    body = getattr(document, "bk_to_cstmr_stmt", None) or getattr(document, "bk_to_cstmr_dbt_cdt_ntfctn", None)
    if body is None:
        raise BankFileError([Fault(0, "", "empty-message")])
    reports = body.stmt if hasattr(body, "stmt") else body.ntfctn
    faults: list[Fault] = []
    results: list[Result] = []
    passed: Counter[str] = Counter()
    for movements in _entries(reports):
        ours = []
        for movement in movements:
            why = _not_ours(movement, run)
            if why is None:
                ours.append(movement)
            else:
                passed[why] += 1
        found = [each for movement in ours for each in _moved(movement, faults)]
        results += found
        if ours and not faults:
            results += _beyond(movements)
    if faults:
        raise BankFileError(faults)
    return Answers(tuple(results), dict(passed))


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


def _not_ours(movement: _Movement, run: str) -> str | None:
    """Why a movement is passed over; None: it is about the run."""
    batches = {_refs(movement, "pmt_inf_id"), _refs(movement, "msg_id")}
    if movement.batch is not None:
        batches |= {movement.batch.pmt_inf_id, movement.batch.msg_id}
    if not _refs(movement, "end_to_end_id").startswith(f"{run}/") and run not in batches:
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
    if _REFERENCE.fullmatch(reference) is None:
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
    return _reason(" ".join([other, *found.addtl_inf]), code)
