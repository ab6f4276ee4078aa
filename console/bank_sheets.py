"""A batch payroll instruction (代发) as a workbook or CSV, as Chinese banks take it; and cells of either read back.

One heading, one line a payee, one line of totals: 序号, 收款人账号, 收款人姓名, 金额(元), 用途, 业务参考号. The last is
ours, by which the bank's answer is matched. Amounts are numbers with two decimals, accounts are text, and no cell
is taken for a formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import openpyxl

from console.bank_faults import BankFileError, Fault, NotAnAmount
from console.bank_lines import (
    LINES_MAX,
    Instruction,
    Order,
    Payment,
    fen_of,
    fen_of_decimal,
    yuan_text,
)
from console.cells import FORMULA, safe_cell, sheet_cell
from console.csv_sheets import CsvError, csv_table, encoding_of
from console.workbook import Unread, Workbook, letters_of
from console.workbook_parts import WorkbookError

__all__ = ["HEADINGS", "TOTAL", "amount_of", "read_cells", "read_instruction", "text_of", "write_csv", "write_xlsx"]

HEADINGS = ("序号", "收款人账号", "收款人姓名", "金额(元)", "用途", "业务参考号")
TOTAL = "合计"
SHEET = "代发明细"
WIDTHS = (8, 28, 14, 16, 28, 36)
COLUMNS_MAX = 64
ARCHIVE = b"PK\x03\x04"
"""How a workbook begins."""
Value = str | int | Decimal
_ACCOUNT = re.compile("[0-9A-Za-z-]{1,34}")


def _count_text(count: int) -> str:
    return f"共{count}笔"


# --- writing ----------------------------------------------------------------------------------------------------------


def write_csv(order: Order) -> bytes:
    """UTF-8 with its mark at the front, lines ended by CR LF."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    for each in order.payments:
        cells = (str(each.number), each.account, each.name, yuan_text(each.amount_fen), order.purpose, each.payout)
        writer.writerow([safe_cell(cell) for cell in cells])
    count = _count_text(len(order.payments))
    writer.writerow([TOTAL, "", count, yuan_text(order.total_fen), "", order.message_id])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def write_xlsx(order: Order) -> bytes:
    """One sheet, written row by row, so that memory does not grow with it."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    for letter, width in zip("ABCDEF", WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, heading, bold=True) for heading in HEADINGS])
    for each in order.payments:
        amount = Decimal(yuan_text(each.amount_fen))
        _append(sheet, each.number, each.account, each.name, amount, order.purpose, each.payout)
    total = Decimal(yuan_text(order.total_fen))
    _append(sheet, TOTAL, "", _count_text(len(order.payments)), total, "", order.message_id)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _append(sheet: Any, *values: Value) -> None:
    sheet.append([_cell(sheet, value) for value in values])


def _cell(sheet: Any, value: Value, *, bold: bool = False) -> Any:
    """Text is shown as text, so that an account keeps its digits."""
    shown = "@" if isinstance(value, str) else "0.00" if isinstance(value, Decimal) else "0"
    return sheet_cell(sheet, value, bold=bold, number_format=shown)


# --- cells, read back -------------------------------------------------------------------------------------------------


def read_cells(raw: bytes) -> Iterator[tuple[int, list[Any]]]:
    """(row from 1, cells) of a CSV file or of a workbook's first visible sheet, without empty rows. Raises BankFileError."""
    rows = _xlsx_rows(raw) if raw.startswith(ARCHIVE) else _csv_rows(raw)
    for count, (number, cells) in enumerate(rows, start=1):
        if count > LINES_MAX:
            raise BankFileError([Fault(number, "", "too-many-rows", (str(LINES_MAX),))])
        if any(text_of(cell) for cell in cells):
            yield number, cells


def _csv_rows(raw: bytes) -> Iterator[tuple[int, list[Any]]]:
    encoding = encoding_of(io.BytesIO(raw))
    if encoding is None:
        raise BankFileError([Fault(0, "", "not-text")])
    try:
        yield from enumerate(csv_table(io.StringIO(raw.decode(encoding), newline="")).records, start=1)
    except CsvError as error:
        raise BankFileError([Fault(0, "", "not-csv")]) from error


def _xlsx_rows(raw: bytes) -> Iterator[tuple[int, list[Any]]]:
    """The rows of the first visible sheet. A cell that cannot be taken, and a hidden row or column, is a fault."""
    try:
        with Workbook(io.BytesIO(raw)) as book:
            sheet = next((each for each in book.sheets if each.has_cells and each.state == "visible"), None)
            if sheet is None:
                raise BankFileError([Fault(0, "", "not-xlsx")])
            rows = book.rows(sheet, COLUMNS_MAX)
            for row in rows:
                if row.hidden or rows.hidden_columns:
                    raise BankFileError([Fault(row.number, "", "hidden")])
                for column, cell in enumerate(row.cells, start=1):
                    if isinstance(cell, Unread):
                        raise BankFileError([Fault(row.number, letters_of(column), "unread-cell")])
                yield row.number, row.cells
    except WorkbookError as error:
        code = "unpacks-too-much" if error.code == "unpacks-too-much" else "not-xlsx"
        raise BankFileError([Fault(0, "", code)]) from error


def text_of(cell: Any) -> str:
    """A cell as text, without the mark that keeps it from being a formula."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 10**15:
        return str(int(cell))
    text = str(cell).strip()
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text


def amount_of(cell: Any) -> int:
    """A cell in fen. A number of a spreadsheet is taken by the digits that it shows. Raises NotAnAmount."""
    if isinstance(cell, bool):
        raise NotAnAmount("not-yuan")
    if isinstance(cell, int | float | Decimal):
        # The shortest digits that name the number: up to 15 of them, those that were written.
        return fen_of_decimal(Decimal(repr(cell) if isinstance(cell, float) else cell))
    return fen_of(text_of(cell))


# --- an instruction, read back ----------------------------------------------------------------------------------------


def read_instruction(raw: bytes) -> Instruction:
    """An instruction that ``write_csv`` or ``write_xlsx`` has written. Raises BankFileError.

    The line of totals must be that of the lines.
    """
    faults: list[Fault] = []
    payments: list[Payment] = []
    message_id = ""
    rows = read_cells(raw)
    heading = next(rows, None)
    if heading is None or tuple(text_of(cell) for cell in heading[1][: len(HEADINGS)]) != HEADINGS:
        raise BankFileError([Fault(1, "", "wrong-headings", ("、".join(HEADINGS),))])
    for row, cells in rows:
        cells = [*cells, *[None] * len(HEADINGS)]
        if message_id:
            faults.append(Fault(row, "", "below-total"))
        elif text_of(cells[0]) == TOTAL:
            message_id = text_of(cells[5])
            faults += _wrong_totals(row, cells, payments)
        else:
            payments += _payment(row, cells, faults)
    if not message_id:
        faults.append(Fault(0, TOTAL, "no-total"))
    if faults:
        raise BankFileError(faults)
    return Instruction(message_id, tuple(payments))


def _payment(row: int, cells: Sequence[Any], faults: list[Fault]) -> list[Payment]:
    try:
        fen = amount_of(cells[3])
    except NotAnAmount as error:
        faults.append(Fault(row, HEADINGS[3], error.code))
        return []
    payout = text_of(cells[5])
    if not payout:
        faults.append(Fault(row, HEADINGS[5], "empty"))
        return []
    account = text_of(cells[1])
    if _ACCOUNT.fullmatch(account) is None:
        # A spreadsheet makes 6.222E+15 of it.
        faults.append(Fault(row, HEADINGS[1], "not-an-account"))
    return [Payment(row - 1, payout, fen, account, text_of(cells[2]))]


def _wrong_totals(row: int, cells: Sequence[Any], payments: Sequence[Payment]) -> list[Fault]:
    total = sum(payment.amount_fen for payment in payments)
    faults = []
    try:
        said = amount_of(cells[3])
    except ValueError:
        said = -1
    if said != total:
        faults.append(Fault(row, HEADINGS[3], "wrong-total", (yuan_text(total),)))
    if text_of(cells[2]) != _count_text(len(payments)):
        faults.append(Fault(row, TOTAL, "wrong-count", (str(len(payments)),)))
    return faults
