"""A statement as a workbook, headings in Chinese, amounts as numbers with two decimals, and no cell a formula."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import openpyxl

from console.bank_lines import AMOUNT_FEN_MAX
from console.cells import sheet_cell
from console.words import Words

__all__ = ["LINE_HEADINGS", "SUM_HEADINGS", "written"]

LINE_HEADINGS = (
    "区划", "单位", "同年其他单位", "人员编号", "年度", "待遇", "支付方", "支付方区划", "决定", "应享(元)", "已付(元)",
    "在途(元)", "应付余额(元)", "待追缴(元)", "政策文号", "条款", "决定次数", "决定事件",
)  # fmt: skip
SUM_HEADINGS = (
    "区划", "年度", "待遇", "支付方", "支付方区划", "人数", "其中发放", "应享(元)", "已付(元)", "在途(元)",
    "应付余额(元)", "待追缴(元)",
)  # fmt: skip
AMOUNTS = ("granted_fen", "paid_fen", "in_transit_fen", "owed_fen", "recovery_fen")
"""In the order of the columns."""


def written(answer: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> bytes:
    """Two sheets, 明细 and 汇总, written row by row. answer: with its ``sums``; found: the lines."""
    book = openpyxl.Workbook(write_only=True)
    words = Words("zh")
    lines = book.create_sheet("明细")
    _head(lines, LINE_HEADINGS)
    for line in found:
        of_whom = [line[name] for name in ("division", "unit", "more_units", "person_ref", "year")]
        of_whom += [
            words.instrument(line["instrument"]),
            line["payer"],
            line["purse"],
            words.word("decision", line["decision"]),
        ]
        last = [line[name] for name in ("document", "clause", "decided", "event_id")]
        _append(lines, *of_whom, *(_yuan(line[name]) for name in AMOUNTS), *last)
    sums = book.create_sheet("汇总")
    _head(sums, SUM_HEADINGS)
    for row in answer["sums"]:
        amounts = [_yuan(row[name]) for name in AMOUNTS]
        named = (row["division"], row["year"], words.instrument(row["instrument"]), row["payer"], row["purse"])
        _append(sums, *named, row["workers"], row["granted"], *amounts)
    totals = [_yuan(sum(row[name] for row in answer["sums"])) for name in AMOUNTS]
    _append(sums, "合计", "", "", "", "", "", "", *totals)
    _append(sums, f"截至 {answer['known_at']}，日志位置 {answer['position']}")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _yuan(fen: int) -> Decimal:
    if abs(fen) > AMOUNT_FEN_MAX:
        raise ValueError("an amount with more digits than a spreadsheet keeps")
    return Decimal(fen).scaleb(-2)


def _head(sheet: Any, headings: Sequence[str]) -> None:
    sheet.freeze_panes = "A2"
    sheet.append([sheet_cell(sheet, heading, bold=True) for heading in headings])


def _append(sheet: Any, *values: str | int | Decimal) -> None:
    sheet.append([sheet_cell(sheet, value, number_format=_shown(value)) for value in values])


def _shown(value: str | int | Decimal) -> str:
    return "General" if isinstance(value, str) else "#,##0.00" if isinstance(value, Decimal) else "0"
