"""Which of a workbook's sheets, rows and columns are read as facts, and what of them is hidden.

What is hidden may be what somebody filtered away, or last year's. It is neither taken nor left out without a word: it is named,
and the author says which (``Reading.hidden``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.intake_cells import Cell, bare, blank
from console.intake_faults import COLUMNS_MAX, Broken, IntakeFileError, fault_of
from console.intake_rows import Reading
from console.workbook import Sheet, Workbook, letters_of
from console.workbook_parts import WorkbookError
from contracts.problems import Lang

__all__ = ["HiddenParts", "check_hidden", "numbered_cells", "open_workbook", "sheets_with_facts"]

HIDDEN_NAMED_MAX = 20
"""Hidden sheets, rows and columns that are named; of others it is said that there are more."""
SHEET_NAME_CHARACTERS_MAX = 31

_NO_DATA_SHEETS = frozenset(map(bare, ("说明", "填表说明", "填写说明", "readme", "instructions", "notes")))


class HiddenParts(IntakeFileError):
    """The workbook has hidden parts that are not empty, and nobody has said what to do with them."""


@contextmanager
def open_workbook(path: Path, lang: Lang) -> Iterator[Workbook]:
    """A workbook to read row by row. Raises IntakeFileError."""
    with path.open("rb") as file:
        try:
            book = Workbook(file)
        except WorkbookError as error:
            code = "file-too-large" if error.code == "unpacks-too-much" else error.code
            raise IntakeFileError(fault_of(code, "", lang)) from None
        with book:
            yield book


def sheets_with_facts(book: Workbook, reading: Reading) -> list[Sheet]:
    """The sheets that are read: the chosen one, or all with cells but those that explain. Raises IntakeFileError."""
    if reading.sheet is not None:
        chosen = [sheet for sheet in book.sheets if sheet.name == reading.sheet]
        if not chosen:
            raise IntakeFileError(fault_of("no-such-sheet", "sheet", reading.lang))
        return [sheet for sheet in chosen if sheet.has_cells]
    return [
        sheet
        for sheet in book.sheets
        if sheet.has_cells
        and bare(sheet.name) not in _NO_DATA_SHEETS
        and (sheet.state == "visible" or reading.hidden != "skip")
    ]


def numbered_cells(book: Workbook, sheet: Sheet, reading: Reading) -> Iterator[tuple[int, list[Cell]]]:
    """The rows of a sheet that are read, each with its number. Raises Broken where the sheet is damaged."""
    rows = book.rows(sheet, COLUMNS_MAX + 2)
    try:
        for row in rows:
            if reading.hidden == "skip":
                if row.hidden:
                    continue
                for first, last in rows.hidden_columns:
                    row.cells[first - 1 : last] = [None] * len(row.cells[first - 1 : last])
            yield row.number, row.cells
    except WorkbookError as error:
        raise Broken("file-too-large" if error.code == "unpacks-too-much" else "broken-xlsx") from None


def check_hidden(path: Path, reading: Reading) -> None:
    """Raise HiddenParts, which names what is hidden and not empty, unless ``reading.hidden`` says what to do with it."""
    if reading.hidden is not None:
        return
    named: list[str] = []
    with open_workbook(path, reading.lang) as book:
        for sheet in sheets_with_facts(book, reading):
            named += _hidden_of(book, sheet, reading)
    if named:
        fault = fault_of("hidden-parts", "--hidden", reading.lang)
        shown, more = named[:HIDDEN_NAMED_MAX], len(named) - HIDDEN_NAMED_MAX
        if more > 0:
            shown.append(f"另有 {more} 处" if reading.lang == "zh" else f"{more} more")
        between = "、" if reading.lang == "zh" else ", "
        raise HiddenParts(fault.model_copy(update={"problem": f"{fault.problem}{between.join(shown)}"}))


def _hidden_of(book: Workbook, sheet: Sheet, reading: Reading) -> list[str]:
    """What is hidden of one sheet, in words. A sheet that was chosen by its name is wanted, hidden or not."""
    zh, spans, used = reading.lang == "zh", list[list[int]](), set[int]()
    whole = sheet.state != "visible" and sheet.name != reading.sheet
    name = sheet.name[:SHEET_NAME_CHARACTERS_MAX]
    rows = book.rows(sheet, COLUMNS_MAX + 2)
    try:
        for row in rows:
            filled = [column for column, cell in enumerate(row.cells, 1) if not blank(cell)]
            if whole and filled:
                return [f"工作表“{name}”" if zh else f"sheet “{name}”"]
            if row.hidden and filled:
                if spans and spans[-1][1] == row.number - 1:
                    spans[-1][1] = row.number
                else:
                    spans.append([row.number, row.number])
            if rows.hidden_columns:
                used.update(filled)
    except WorkbookError:
        pass  # Told as what it is when the sheet is read.
    columns = [column for column in sorted(used) if any(first <= column <= last for first, last in rows.hidden_columns)]
    lines = [f"{first}" if first == last else f"{first}–{last}" for first, last in spans]
    if zh:
        return [f"“{name}”第 {each} 行" for each in lines] + [f"“{name}” {letters_of(each)} 列" for each in columns]
    return [f"“{name}” row {each}" for each in lines] + [f"“{name}” column {letters_of(each)}" for each in columns]
