"""A copy of an intake file whose first column says, row by row, what is wrong: for the clerk who mends it.

The copy has the format, the sheets, the rows and the cells of the original, the added column apart; it can be checked and
published like any other file, since that column is passed over. It is written row by row beside a second reading of the
original, so memory does not grow with the file, and with permissions 0600: it holds the personal data that the original holds.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell
from openpyxl.styles import Font

from console.intake_cells import safe_cell
from console.intake_columns import PROBLEMS_HEADING, is_problems_heading
from console.intake_files import BROKEN_WORKBOOK, Broken, IntakeFile, csv_table, open_workbook, sheets_with_facts
from console.intake_rows import Row, without_place
from contracts.problems import Lang

__all__ = ["PROBLEMS_CHARACTERS_MAX", "CopyImpossible", "check_copy", "write_copy"]

PROBLEMS_CHARACTERS_MAX = 4_000
"""Characters of one cell of the added column; what is longer ends in an ellipsis."""
PROBLEMS_WIDTH = 60
_FIRST_ROW = str.maketrans({",": "，", ";": "；", "\t": " "})
"""The delimiter of a CSV file is found in its first row: what is told there must not look like one."""


class CopyImpossible(ValueError):
    """No copy can be written. The text says why and what to do, in Chinese and English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def check_copy(opened: IntakeFile, copy: Path) -> None:
    """Raise CopyImpossible if there is something at the path already, or if its ending is not that of the file's format."""
    if opened.kind == "jsonl":
        raise CopyImpossible(
            "JSON Lines 文件没有列；请用 --annotate 写出错误清单",
            "a JSON Lines file has no columns; use --annotate to list the problems",
        )
    ending = ".xlsx" if opened.kind == "xlsx" else opened.path.suffix.casefold()
    if copy.suffix.casefold() != ending:
        raise CopyImpossible(f"副本的文件名须以 {ending} 结尾", f"the copy's name must end in {ending}, like the file's")
    if copy.exists() or copy.is_symlink():
        raise CopyImpossible(
            f"{copy} 已经存在，不会覆盖；请换一个文件名", f"{copy} exists and is not overwritten; give the copy another name"
        )


def write_copy(opened: IntakeFile, copy: Path, rows: Iterable[Row]) -> int:
    """Write the copy. Returns in how many rows something is told; if it is 0, no copy is left.

    rows: all rows of the file in its order, or at least those that have problems; they are taken one by one, as the copy
    grows. Raises OSError, and CopyImpossible as ``check_copy`` does, or if the file breaks off: then no copy is left either.
    """
    check_copy(opened, copy)
    told = _Told(rows, opened.reading.lang)
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    kept = False
    try:
        with os.fdopen(descriptor, "wb") as file:
            if opened.kind == "csv":
                _copy_csv(opened, file, told)
            else:
                _copy_xlsx(opened, file, told)
        kept = told.count > 0
    except Broken:
        told.finish()
        raise CopyImpossible(
            "文件在中途损坏，不写副本；请先按提示修正", "the file breaks off, so no copy is written; mend that first"
        ) from None
    finally:
        if not kept:
            with suppress(FileNotFoundError):
                copy.unlink()
    return told.count


class _Told:
    """What is told of each row, while both readings of the file go side by side."""

    def __init__(self, rows: Iterable[Row], lang: Lang) -> None:
        self._rows, self._lang = iter(rows), lang
        self._next: Row | None = None
        self.count = 0

    def at(self, sheet: str, number: int) -> str:
        """The text for a row of the copy, "" if there is nothing to tell. Rows are asked for in the order of the file."""
        if self._next is None:
            self._next = next(self._rows, None)
        if self._next is None or (self._next.sheet, self._next.number) != (sheet, number):
            return ""
        row, self._next = self._next, None
        return self._text(row)

    def finish(self) -> Iterator[str]:
        """What is told of no row of the file, such as that it is empty."""
        left = [] if self._next is None else [self._next]
        self._next = None
        return iter([text for row in [*left, *self._rows] if (text := self._text(row))])

    def _text(self, row: Row) -> str:
        if not row.problems:
            return ""
        self.count += 1
        text = " | ".join(without_place(each, row.number, self._lang) for each in row.problems)
        text = safe_cell(ILLEGAL_CHARACTERS_RE.sub("", text))
        return text if len(text) <= PROBLEMS_CHARACTERS_MAX else text[: PROBLEMS_CHARACTERS_MAX - 1] + "…"


def _first_cell(number: int, text: str) -> str:
    """The added column's cell. Its heading holds what is wrong with the headings."""
    if number > 1:
        return text
    return f"{PROBLEMS_HEADING}: {text}".translate(_FIRST_ROW) if text else PROBLEMS_HEADING


def _earlier(number: int, cells: list[Any], before: int | None) -> int | None:
    """Where the column of an earlier check stands, which the new one replaces."""
    if number > 1:
        return before
    return next((index for index, cell in enumerate(cells) if isinstance(cell, str) and is_problems_heading(cell)), None)


def _without(cells: list[Any], index: int | None) -> list[Any]:
    return cells if index is None else cells[:index] + cells[index + 1 :]


# --- CSV --------------------------------------------------------------------------------------------------------------


def _copy_csv(opened: IntakeFile, out: BinaryIO, told: _Told) -> None:
    with (
        opened.path.open(encoding=opened.encoding, newline="") as file,
        io.TextIOWrapper(out, opened.encoding, newline="") as text,
    ):
        table = csv_table(file)
        writer = csv.writer(text, delimiter=table.delimiter, lineterminator=table.newline)
        earlier: int | None = None
        for number, cells in enumerate(table.records, 1):
            earlier = _earlier(number, cells, earlier)
            first = _first_cell(number, told.at("", number))
            writer.writerow([first, *_without(cells, earlier)] if cells or first else [])
        writer.writerows([left] for left in told.finish())


# --- XLSX -------------------------------------------------------------------------------------------------------------


def _copy_xlsx(opened: IntakeFile, out: BinaryIO, told: _Told) -> None:
    """Values as they were read (formulas as their last results), number formats too. Colours, charts, pictures stay behind."""
    book = open_workbook(opened.path, opened.reading.lang)
    copy = openpyxl.Workbook(write_only=True)
    read: list[Any] = []
    try:
        names = sheets_with_facts(book, opened.reading)
        for name in book.sheetnames:
            if not hasattr(book[name], "reset_dimensions"):  # A chart sheet has no cells.
                continue
            made = copy.create_sheet(name)
            made.sheet_state = book[name].sheet_state
            if name in names:
                read.append(made)
                _copy_sheet(book[name], made, told)
            else:
                for cells in _cells_of(book[name]):
                    made.append([_kept(cell, made) for cell in cells])
        for left in told.finish():
            read[-1].append([left])
        copy.save(out)
    finally:
        book.close()


def _copy_sheet(sheet: Any, made: Any, told: _Told) -> None:
    """One sheet of facts, with the added column."""
    made.freeze_panes = "A2"
    made.column_dimensions["A"].width = PROBLEMS_WIDTH
    earlier: int | None = None
    for number, cells in enumerate(_cells_of(sheet), 1):
        earlier = _earlier(number, [cell.value for cell in cells] if number == 1 else [], earlier)
        text = _first_cell(number, told.at(sheet.title, number))
        first: Any = text or None
        if text:
            first = WriteOnlyCell(made, text)
            first.font = _WRONG if number > 1 else _HEADING
        made.append([first, *(_kept(cell, made) for cell in _without(cells, earlier))])


_HEADING = Font(bold=True)
_WRONG = Font(color="C00000")


def _cells_of(sheet: Any) -> Iterator[list[Any]]:
    """The rows of a sheet, as the first reading counts them. Raises Broken."""
    try:
        sheet.reset_dimensions()
        for cells in sheet.iter_rows():
            yield list(cells)
    except BROKEN_WORKBOOK as error:
        raise Broken("broken-xlsx") from error


def _kept(cell: Any, made: Any) -> Any:
    """The cell as it was read: a text stays a text, also one that looks like a formula."""
    value = cell.value
    if value is None:
        return None
    number_format = cell.number_format
    formula = isinstance(value, str) and value.startswith("=")
    if number_format == "General" and not formula:
        return value
    kept = WriteOnlyCell(made, value)
    kept.number_format = number_format
    if formula:
        kept.data_type = "s"
    return kept
