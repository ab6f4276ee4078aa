"""Read a workbook's cells as they stand in the file: the one reader of XLSX for what offices and banks send.

A cell is what it says: a text, a number with its digits, a date of the workbook's own calendar (1900 or 1904), or ``Unread``
with the code of what is wrong with it. A formula is its stored result; one that has none is ``Unread``, never empty. Rows keep
their numbers and say whether they are hidden. Rows are streamed; only the table of shared texts is held, as bytes.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import BinaryIO, Literal

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format

from console.workbook_parts import Archive, Attributes, WorkbookError, parsed

__all__ = ["Sheet", "SheetRow", "Unread", "Value", "Workbook", "letters_of"]

ROW_NUMBER_MAX = 1_048_576
"""The last row of a sheet, and ``COLUMN_NUMBER_MAX`` its last column (ECMA-376, and every program that reads it)."""
COLUMN_NUMBER_MAX = 16_384
CELL_TEXT_CHARACTERS_MAX = 32_767
"""Characters of one cell, as every spreadsheet has it; of a longer text one more is kept, so that it is seen to be longer."""
CELLS_MAX = 64_000_000
"""Cells of one sheet, the empty ones too."""
SHARED_TEXTS_MAX = 8_000_000
SHARED_TEXT_BYTES_MAX = 128 * 1024 * 1024
"""The table of shared texts, which is held in memory: how many, and their bytes in UTF-8."""
STYLES_MAX = 65_536
SHEETS_MAX = 1_024
NUMBER_CHARACTERS_MAX = 64

State = Literal["visible", "hidden", "veryHidden"]


@dataclass(frozen=True, slots=True)
class Unread:
    """A cell that says nothing that can be taken. code: of ``console.intake_faults``; shown: an error's own text."""

    code: str
    shown: str = ""


Value = str | int | float | bool | date | datetime | time | Unread | None


@dataclass(slots=True)
class SheetRow:
    """One row that is not empty. number: from 1. styles: of each cell, for ``Workbook.number_format``."""

    number: int
    hidden: bool
    cells: list[Value] = field(default_factory=list)
    styles: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as the workbook lists it. has_cells: not for a chart, a dialogue or a macro sheet."""

    name: str
    state: State
    part: str
    has_cells: bool


class Workbook:
    """An open workbook. Use as a context; raises WorkbookError here and while rows are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._archive = Archive(file)
        try:
            self._open()
        except BaseException as error:
            self._archive.close()
            if isinstance(error, WorkbookError) and error.code == "broken-xlsx":
                raise WorkbookError("not-xlsx") from None  # Nothing of it was read yet.
            raise

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def _open(self) -> None:
        package = self._archive.relationships("")
        main = next((part for kind, part in package.values() if kind == "officeDocument"), "")
        self._parts = self._archive.relationships(main)
        self._since_1904 = False
        self.sheets: list[Sheet] = []
        for _ in parsed(self._archive.chunks(main), self._book_element):
            pass
        if not self.sheets:
            raise WorkbookError("not-xlsx")
        self._formats: list[str] = []
        self._dates: list[bool | None] = []
        if styles := self._part_of("styles"):
            self._read_styles(styles)
        texts = self._part_of("sharedStrings")
        self._texts = _SharedTexts() if texts is None else _SharedTexts.read(self._archive, texts)

    def _part_of(self, kind: str) -> str | None:
        return next((part for each, part in self._parts.values() if each == kind), None)

    def _book_element(self, name: str, given: Attributes) -> None:
        if name == "workbookPr":
            self._since_1904 = given.get("date1904") in _TRUE
        elif name == "sheet":
            at = next((value for key, value in given.items() if key.endswith(":id")), "")
            if at not in self._parts or len(self.sheets) >= SHEETS_MAX:  # A sheet that is named and not there was lost.
                raise WorkbookError("not-xlsx")
            kind, part = self._parts[at]
            state = given.get("state", "visible")
            known: State = "hidden" if state == "hidden" else "veryHidden" if state == "veryHidden" else "visible"
            self.sheets.append(Sheet(given.get("name", ""), known, part, kind == "worksheet"))

    def _read_styles(self, part: str) -> None:
        codes: dict[int, str] = {}
        inside = ""

        def start(name: str, given: Attributes) -> None:
            nonlocal inside
            if name in ("cellXfs", "cellStyleXfs", "dxfs"):
                inside = name
            elif name == "numFmt" and inside != "dxfs" and len(codes) < STYLES_MAX:
                codes[int(given["numFmtId"])] = given.get("formatCode", "")
            elif name == "xf" and inside == "cellXfs":
                if len(self._formats) >= STYLES_MAX:
                    raise WorkbookError("broken-xlsx")
                number = int(given.get("numFmtId", "0"))
                code = codes.get(number) or _CHINESE_FORMATS.get(number) or BUILTIN_FORMATS.get(number, "General")
                self._formats.append(code)
                self._dates.append(None if is_timedelta_format(code) else is_date_format(code))

        for _ in parsed(self._archive.chunks(part), start):
            pass

    def number_format(self, style: int) -> str:
        return self._formats[style] if 0 <= style < len(self._formats) else "General"

    def rows(self, sheet: Sheet, columns_max: int = COLUMN_NUMBER_MAX) -> SheetRows:
        """The rows of a sheet that are not empty. What stands beyond columns_max is one ``Unread`` cell behind it."""
        return SheetRows(self._archive.chunks(sheet.part), self._texts, self._dates, self._since_1904, columns_max)


class SheetRows:
    """An iterator over the rows of one sheet. hidden_columns: (first, last), from 1; known once a row was read."""

    def __init__(
        self, chunks: Iterator[bytes], texts: _SharedTexts, dates: list[bool | None], since_1904: bool, columns_max: int
    ) -> None:
        self._chunks, self._texts, self._dates, self._since_1904 = chunks, texts, dates, since_1904
        self._columns_max = columns_max
        self.hidden_columns: list[tuple[int, int]] = []
        self._ready: list[SheetRow] = []
        self._row: SheetRow | None = None
        self._number = self._column = self._style = self._cells = self._characters = 0
        self._kind: str | None = None
        self._pieces: list[str] = []
        self._taking = self._phonetic = self._rows_hidden = self._ended = False
        self._formula = self._stored = False

    def __iter__(self) -> Iterator[SheetRow]:
        for _ in parsed(self._chunks, self._start, self._end, self._text):
            yield from self._ready
            self._ready.clear()
        if not self._ended:  # A part that is no sheet has no rows, which is not the same as an empty one.
            raise WorkbookError("broken-xlsx")

    def _start(self, name: str, given: Attributes) -> None:
        if name == "c":
            self._begin_cell(given)
        elif self._kind is not None:
            if name in ("v", "t"):
                self._taking = not self._phonetic and (name == "v") != (self._kind == "inlineStr")
                self._stored = self._stored or self._taking
            elif name == "f":
                self._formula = True
            elif name == "rPh":
                self._phonetic = True
        elif name == "row":
            self._begin_row(given)
        elif name == "col":
            if given.get("hidden") in _TRUE or _is_zero(given.get("width")):
                first, last = int(given["min"]), int(given["max"])
                if len(self.hidden_columns) < COLUMN_NUMBER_MAX and 1 <= first <= last <= COLUMN_NUMBER_MAX:
                    self.hidden_columns.append((first, last))
        elif name == "sheetFormatPr":
            self._rows_hidden = given.get("zeroHeight") in _TRUE

    def _begin_row(self, given: Attributes) -> None:
        number = _number_of(given["r"]) if "r" in given else self._number + 1
        if not self._number < number <= ROW_NUMBER_MAX:
            raise WorkbookError("broken-xlsx")
        self._number, self._column = number, 0
        hidden = given.get("hidden") in _TRUE or _is_zero(given.get("ht"))
        if self._rows_hidden and "hidden" not in given and "ht" not in given:
            hidden = True
        self._row = SheetRow(number, hidden)

    def _begin_cell(self, given: Attributes) -> None:
        column = self._column + 1
        if "r" in given:
            column, row = _place_of(given["r"])
            if row != self._number:
                raise WorkbookError("broken-xlsx")
        self._cells += 1
        if self._row is None or not self._column < column <= COLUMN_NUMBER_MAX or self._cells > CELLS_MAX:
            raise WorkbookError("broken-xlsx")
        self._column = column
        self._kind, self._style = given.get("t", "n"), _number_of(given.get("s", "0"))
        self._formula = self._stored = self._phonetic = self._taking = False
        self._pieces.clear()
        self._characters = 0

    def _text(self, text: str) -> None:
        if self._taking and self._characters <= CELL_TEXT_CHARACTERS_MAX:
            self._pieces.append(text)
            self._characters += len(text)

    def _end(self, name: str) -> None:
        if name == "c":
            self._end_cell()
        elif self._kind is not None:
            if name in ("v", "t"):
                self._taking = False
            elif name == "rPh":
                self._phonetic = False
        elif name == "row" and self._row is not None:
            if self._row.cells:
                self._ready.append(self._row)
            self._row = None
        elif name == "sheetData":
            self._ended = True

    def _end_cell(self) -> None:
        assert self._row is not None
        assert self._kind is not None
        value, column = self._value(self._kind, "".join(self._pieces)), self._column
        self._kind = None
        if value is None:
            return
        row, columns_max = self._row, self._columns_max
        if column > columns_max:
            column, value = columns_max + 1, Unread("extra-cells")
            if len(row.cells) == column:
                return
        gap = column - 1 - len(row.cells)
        row.cells += [*[None] * gap, value]
        row.styles += [*[0] * gap, self._style]

    def _value(self, kind: str, text: str) -> Value:
        if not text and self._formula and not (kind == "str" and self._stored):
            return Unread("formula-without-result")
        if len(text) > CELL_TEXT_CHARACTERS_MAX:
            return Unread("cell-too-long")
        if kind == "n":
            return self._number_or_date(text) if text else None
        if kind in ("inlineStr", "str"):
            return _unescaped(text) or None
        if kind == "s":
            with suppress(ValueError, IndexError):
                return _unescaped(self._texts[_number_of(text)]) or None
        elif kind == "b" and text in ("0", "1", "true", "false"):
            return text in _TRUE
        elif kind == "e":
            return Unread("cell-error", text[:20])
        elif kind == "d":
            with suppress(ValueError):
                if _ISO_MOMENT.fullmatch(text):
                    return datetime.fromisoformat(text)
        return Unread("cell-unknown")

    def _number_or_date(self, text: str) -> Value:
        if len(text) > NUMBER_CHARACTERS_MAX or not _NUMBER.fullmatch(text):
            return Unread("cell-unknown")
        dated = self._dates[self._style] if self._style < len(self._dates) else False
        if dated is None:  # A duration, [h]:mm, is neither a day nor a clock time.
            return Unread("cell-unknown")
        if dated:
            return _moment_of(float(text), self._since_1904)
        return int(text) if text.lstrip("-").isdecimal() else float(text)


_TRUE = ("1", "true", "on")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ISO_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)?")
_PLACE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DAY_MILLISECONDS = 86_400_000
_DAY_NUMBER_MAX = 2_958_465
"""9999-12-31 in the calendar of 1900."""
_NO_SUCH_DAY = 60
"""29 February 1900, which the calendar of 1900 has and 1900 had not."""
_FIRST_OF_1904 = 1_462
"""Days from the calendar of 1900 to that of 1904."""
_MONTH, _DAY, _CLOCK, _SECONDS = 'yyyy"年"m"月"', 'm"月"d"日"', 'h"时"mm"分"', 'h"时"mm"分"ss"秒"'
_CHINESE_FORMATS = {
    27: _MONTH, 28: _DAY, 29: _DAY, 30: "m-d-yy", 31: f"{_MONTH}d\"日\"", 32: _CLOCK, 33: _SECONDS, 34: _CLOCK, 35: _SECONDS,
    36: _MONTH, 50: _MONTH, 51: _DAY, 52: _MONTH, 53: _DAY, 54: _DAY, 55: _CLOCK, 56: _SECONDS, 57: _MONTH, 58: _DAY,
}  # fmt: skip
"""Formats that a workbook names by number alone and that are dates in China (ECMA-376 Part 1, 18.8.30, zh-cn)."""


def _number_of(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 10:
        raise WorkbookError("broken-xlsx")
    return int(text)


def _is_zero(text: str | None) -> bool:
    return text is not None and text.strip("0") in ("", ".")


def _place_of(text: str) -> tuple[int, int]:
    """``B7`` as (column 2, row 7)."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise WorkbookError("broken-xlsx")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column, int(found[2])


def letters_of(column: int) -> str:
    """A column from 1 as a spreadsheet names it: A, Z, AA."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _unescaped(text: str) -> str:
    """``_x000D_`` is one character that XML cannot hold (ECMA-376 Part 1, 22.9.2.19)."""
    return _ESCAPED.sub(_character_of, text) if "_x" in text else text


def _character_of(escaped: re.Match[str]) -> str:
    character = chr(int(escaped[1], 16))
    return escaped[0] if "\ud800" <= character <= "\udfff" else character  # Half a character is none.


def _moment_of(number: float, since_1904: bool) -> Value:
    """A day number with its fraction as a moment without zone; below one day it is a clock time."""
    milliseconds = round(number * _DAY_MILLISECONDS)
    if not 0 <= milliseconds <= (_DAY_NUMBER_MAX + 1) * _DAY_MILLISECONDS - 1:
        return Unread("impossible-date")
    day, rest = divmod(milliseconds, _DAY_MILLISECONDS)
    clock = timedelta(milliseconds=rest)
    if day == 0 and not since_1904:
        return (datetime(1900, 1, 1) + clock).time()  # noqa: DTZ001 - a cell has no zone
    if since_1904:
        day += _FIRST_OF_1904
    if day == _NO_SUCH_DAY or day > _DAY_NUMBER_MAX:
        return Unread("impossible-date")
    first = datetime(1899, 12, 30 if day > _NO_SUCH_DAY else 31)  # noqa: DTZ001 - a cell has no zone
    return first + timedelta(days=day) + clock


class _SharedTexts:
    """The table of shared texts, as their bytes behind each other and where each ends."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("L", [0])
        self._pieces: list[str] = []
        self._characters = 0
        self._taking = self._phonetic = False

    @classmethod
    def read(cls, archive: Archive, part: str) -> _SharedTexts:
        table = cls()
        for _ in parsed(archive.chunks(part), table._start, table._end, table._text):
            pass
        return table

    def __getitem__(self, index: int) -> str:
        return self._bytes[self._ends[index] : self._ends[index + 1]].decode()

    def _start(self, name: str, _: Attributes) -> None:
        if name == "t":
            self._taking = not self._phonetic
        elif name == "rPh":
            self._phonetic = True

    def _text(self, text: str) -> None:
        if self._taking and self._characters <= CELL_TEXT_CHARACTERS_MAX:
            self._pieces.append(text)
            self._characters += len(text)

    def _end(self, name: str) -> None:
        if name == "t":
            self._taking = False
        elif name == "rPh":
            self._phonetic = False
        elif name == "si":
            self._bytes += "".join(self._pieces).encode()
            self._ends.append(len(self._bytes))
            self._pieces.clear()
            self._characters = 0
            if len(self._ends) > SHARED_TEXTS_MAX or len(self._bytes) > SHARED_TEXT_BYTES_MAX:
                raise WorkbookError("unpacks-too-much")
