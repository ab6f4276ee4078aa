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
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from console.cells import guarded, kept_cell, safe_cell
from console.intake_columns import PROBLEMS_HEADING, is_problems_heading
from console.intake_faults import COLUMNS_MAX, Broken
from console.intake_files import Heading, IntakeFile, find_heading, numbered_records
from console.intake_rows import Row
from console.intake_workbooks import open_workbook, sheets_with_facts
from console.workbook import Sheet, SheetRow, Unread, Value, Workbook, letters_of
from console.workbook_parts import WorkbookError
from contracts.problems import Lang

T = TypeVar("T")

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
        text = " | ".join(row.without_place(each, self._lang) for each in row.problems)
        text = safe_cell(text)
        return text if len(text) <= PROBLEMS_CHARACTERS_MAX else text[: PROBLEMS_CHARACTERS_MAX - 1] + "…"


class _Added:
    """The added column of one table: its heading, and the column of an earlier check, which it replaces."""

    def __init__(self, found: Heading | None) -> None:
        self.heading, cells = (found.number, found.cells) if found else (1, [])
        self._earlier = next((at for at, cell in enumerate(cells) if isinstance(cell, str) and is_problems_heading(cell)), None)

    def cell(self, number: int, text: str) -> str:
        """The column's cell in a row. Its heading holds what is wrong with the headings."""
        if number != self.heading:
            return text
        return f"{PROBLEMS_HEADING}: {text}".translate(_FIRST_ROW) if text else PROBLEMS_HEADING

    def others(self, cells: list[Any]) -> list[Any]:
        at = self._earlier
        return cells if at is None else cells[:at] + cells[at + 1 :]


# --- CSV --------------------------------------------------------------------------------------------------------------


def _copy_csv(opened: IntakeFile, out: BinaryIO, told: _Told) -> None:
    with (
        opened.path.open(encoding=opened.encoding, newline="") as file,
        io.TextIOWrapper(out, opened.encoding, newline="") as text,
    ):
        table, rows = numbered_records(file)
        writer = csv.writer(text, delimiter=table.delimiter, lineterminator=table.newline)
        seen: list[tuple[int, list[str]]] = []
        added = _Added(find_heading(_kept_in(seen, rows)))
        for number, cells in chain(seen, rows):
            first = added.cell(number, told.at("", number))
            writer.writerow([first, *map(guarded, added.others(cells))] if cells or first else [])
        writer.writerows([left] for left in told.finish())


# --- XLSX -------------------------------------------------------------------------------------------------------------


def _copy_xlsx(opened: IntakeFile, out: BinaryIO, told: _Told) -> None:
    """Values as they were read (formulas as their last results), number formats, and what is hidden, which stays so.

    Colours, charts and pictures stay behind.
    """
    copy = openpyxl.Workbook(write_only=True)
    made: Any = None
    with open_workbook(opened.path, opened.reading.lang) as book:
        names = [sheet.name for sheet in sheets_with_facts(book, opened.reading)]
        for sheet in book.sheets:
            if sheet.has_cells:
                made = copy.create_sheet(sheet.name)
                made.sheet_state = sheet.state
                _copy_sheet(book, sheet, made, told if sheet.name in names else None)
        for left in told.finish():
            made.append([left])
        copy.save(out)


def _copy_sheet(book: Workbook, sheet: Sheet, made: Any, told: _Told | None) -> None:
    """One sheet, row by row, each at its number. told: of a sheet of facts, which gets the added column."""
    rows = book.rows(sheet)
    read = _unbroken(iter(rows))
    first = list(islice(read, 1))  # What is hidden is known then, and must be said before the first row is written.
    shift = 0 if told is None else 1
    for begin, end in rows.hidden_columns:
        for column in range(begin, min(end, COLUMNS_MAX) + 1):
            made.column_dimensions[letters_of(column + shift)].hidden = True
    if told is None:
        _copy_rows(book, chain(first, read), made)
        return
    made.column_dimensions["A"].width = PROBLEMS_WIDTH
    seen: list[SheetRow] = []
    added = _Added(find_heading((row.number, row.cells) for row in _kept_in(seen, chain(first, read))))
    made.freeze_panes = f"A{added.heading + 1}"
    _copy_rows(book, chain(seen, read), made, added, told, sheet.name)


def _kept_in(seen: list[T], rows: Iterable[T]) -> Iterator[T]:
    for row in rows:
        seen.append(row)
        yield row


def _copy_rows(
    book: Workbook, rows: Iterable[SheetRow], made: Any, added: _Added | None = None, told: _Told | None = None, sheet: str = ""
) -> None:
    written = 0
    for row in rows:
        for _ in range(written + 1, row.number):
            made.append([])
        written = row.number
        if row.hidden:
            made.row_dimensions[written].hidden = True
        cells = [_kept(cell, book.number_format(style), made) for cell, style in zip(row.cells, row.styles, strict=True)]
        if added is None or told is None:
            made.append(cells)
            continue
        text = added.cell(written, told.at(sheet, written))
        first: Any = text or None
        if text:
            first = WriteOnlyCell(made, text)
            first.font = _HEADING if text.startswith(PROBLEMS_HEADING) else _WRONG
        made.append([first, *added.others(cells)])


_HEADING = Font(bold=True)
_WRONG = Font(color="C00000")
_NO_RESULT = "=NA()"


def _unbroken(rows: Iterator[SheetRow]) -> Iterator[SheetRow]:
    """The rows of a sheet. Raises Broken."""
    try:
        yield from rows
    except WorkbookError:
        raise Broken("broken-xlsx") from None


def _kept(value: Value, number_format: str, made: Any) -> Any:
    """The cell as it was read: a text stays a text, also one that looks like a formula, and what is wrong stays wrong."""
    if value is None:
        return None
    if number_format == "General" and not isinstance(value, str | Unread):
        return value
    if isinstance(value, str):
        kept = kept_cell(made, value)
    elif isinstance(value, Unread):
        kept = WriteOnlyCell(made, value.shown or _NO_RESULT)
        kept.data_type = "e" if value.shown else "f"
    else:
        kept = WriteOnlyCell(made, value)  # type: ignore[arg-type]  # The stubs leave dates and times out.
    kept.number_format = number_format
    return kept
