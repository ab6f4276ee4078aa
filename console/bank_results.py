"""What a bank answers as a result list (CSV or workbook): about one run, every line of it a result. Read, not judged.

Also the known words for why a payout came back, with which statements (``console.bank_statements``) are read, too.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from console.bank_faults import BankFileError, Fault, NotAnAmount
from console.bank_lines import Answers, Result
from console.bank_sheets import TOTAL, amount_of, read_cells, text_of

__all__ = ["COLUMNS", "NO_REASON", "REFERENCE", "Answered", "read_list", "reason_of"]

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
REFERENCE = re.compile(r"[!-~][ -~]{0,63}")
_CODE = re.compile("[A-Z]{2}[0-9]{2}|NARR")
"""ISO's external codes of why a payment came back, such as AC04."""


def reason_of(text: str, code: str = "") -> str:
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
    return Answers(tuple(found))


def _result(row: int, cells: dict[str, Any], faults: list[Fault]) -> list[Result]:
    payout, reference = text_of(cells["payout"]), text_of(cells["reference"])
    before = len(faults)
    outcome = OUTCOMES.get(text_of(cells["outcome"]))
    if outcome is None:
        faults.append(Fault(row, COLUMNS["outcome"][0], "no-outcome", ("、".join(OUTCOMES),)))
    if not 1 <= len(payout) <= 128:
        faults.append(Fault(row, COLUMNS["payout"][0], "no-payout"))
    if REFERENCE.fullmatch(reference) is None:
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
    reason = None if outcome == "settled" else reason_of(text_of(cells.get("reason")))
    return [Result(row, payout, outcome, reference, fen, reason)]
