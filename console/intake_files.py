"""Read intake facts from the files that offices have: CSV, XLSX and JSON Lines, and turn each row into a message.

``open_intake`` looks at a file and returns an ``IntakeFile``; iterating it yields one ``Row`` for each line, with the
CloudEvents JSON that is ready to publish or with problems that name row, column, fault and remedy. Nothing is published
here, no clock is read, and memory does not grow with the file (an XLSX file's table of shared texts apart).

One sheet holds one fact type, named by the option, by the sheet's name, or row by row in a column ``fact`` (事实).
Headings and values may be English or Chinese. Identity columns are sealed and never repeated in a problem.
"""

from __future__ import annotations

import codecs
import csv
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TextIO

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from console.intake_cells import CELL_CHARACTERS_MAX, bare, blank, safe_cell
from console.intake_columns import COLUMNS, FACTS, fact_type_of
from console.intake_faults import COLUMNS_MAX, FILE_BYTES_MAX, ROWS_MAX, IntakeFileError, fault_of
from console.intake_lines import jsonl_rows
from console.intake_rows import Reading, Row, Table
from console.intake_templates import write_csv, write_template
from contracts.problems import Lang, problem

__all__ = [
    "BROKEN_WORKBOOK",
    "CELL_CHARACTERS_MAX",
    "COLUMNS",
    "COLUMNS_MAX",
    "FACTS",
    "FILE_BYTES_MAX",
    "ROWS_MAX",
    "Broken",
    "CsvTable",
    "IntakeFile",
    "IntakeFileError",
    "Reading",
    "Row",
    "csv_table",
    "fact_type_of",
    "open_intake",
    "open_workbook",
    "safe_cell",
    "sheets_with_facts",
    "write_problems",
    "write_template",
]

UNPACKED_BYTES_MAX = 2 * 1024 * 1024 * 1024
"""Bytes of an XLSX file's parts when unpacked: a small archive must not unpack for ever."""
SHARED_TEXT_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of an XLSX file's table of shared texts, the one part that is held in memory."""
LINE_CHARACTERS_MAX = 2 * COLUMNS_MAX * CELL_CHARACTERS_MAX
"""Characters of one physical line of a CSV file."""

Kind = Literal["csv", "xlsx", "jsonl"]


@dataclass(slots=True)
class IntakeFile:
    """A file that was looked at. Iterating reads it anew from its beginning.

    kind: csv, xlsx or jsonl. encoding: of a text file, ``utf-8``, ``utf-8-sig``, ``utf-16`` or ``gb18030``; "" for XLSX.
    """

    path: Path
    kind: Kind
    encoding: str
    reading: Reading

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows. Stops after a row whose problem keeps the rest from being read (headings, broken CSV)."""
        if self.kind == "jsonl":
            rows = jsonl_rows(self.path, self.reading)
        elif self.kind == "csv":
            rows = _csv_rows(self.path, self.encoding, self.reading)
        else:
            rows = _xlsx_rows(self.path, self.reading)
        for count, row in enumerate(rows, 1):
            if count > ROWS_MAX:
                yield Row(row.number, None, "", "", (fault_of("too-many-rows", "", self.reading.lang),), row.sheet)
                return
            yield row


def open_intake(path: str | Path, reading: Reading) -> IntakeFile:
    """Look at a file: its format by the ending, its size, its encoding (read through once, in chunks).

    Raises OSError if it cannot be read, IntakeFileError if it is too large, no text, no workbook, or if ``reading.fact``
    names no fact type.
    """
    path = Path(path)
    kind = _KIND_BY_ENDING.get(path.suffix.casefold())
    if kind is None:
        raise IntakeFileError(fault_of("unknown-format", "", reading.lang))
    if path.stat().st_size > FILE_BYTES_MAX:
        raise IntakeFileError(fault_of("file-too-large", "", reading.lang))
    if reading.fact is not None and fact_type_of(reading.fact) is None:
        names = ", ".join(fact.zh if reading.lang == "zh" else fact.short for fact in FACTS)
        raise IntakeFileError(problem("unknown-type", "type", reading.lang, names))
    if kind == "xlsx":
        _check_workbook(path, reading.lang)
        return IntakeFile(path, kind, "", reading)
    return IntakeFile(path, kind, _encoding_of(path, kind, reading.lang), reading)


_KIND_BY_ENDING: dict[str, Kind] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip


def _encoding_of(path: Path, kind: Kind, lang: Lang) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    if kind == "jsonl":
        return "utf-8"  # Each line is judged by itself.
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif head.startswith(codecs.BOM_UTF8):
        candidates = ["utf-8-sig"]
    else:
        candidates = ["utf-8", "gb18030"]
    for encoding in candidates:
        if _decodes(path, encoding):
            return encoding
    raise IntakeFileError(fault_of("not-text", "", lang))


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1024 * 1024):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


class _LineTooLong(ValueError):
    pass


class Broken(Exception):
    """The file breaks off here: a code of ``console.intake_faults``."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The records of a CSV file that is open. records raises ``Broken`` where the file breaks off."""

    delimiter: str
    newline: str
    records: Iterator[list[str]]


def csv_table(file: TextIO) -> CsvTable:
    """The records of an open CSV file, separated by whichever of , ; and tab its first line has most of."""
    first = file.readline(LINE_CHARACTERS_MAX)
    file.seek(0)
    delimiter = max(",\t;", key=first.count)
    records = _csv_cells(csv.reader(_bounded_lines(file), delimiter=delimiter, strict=True))
    return CsvTable(delimiter, "\r\n" if first.endswith("\r\n") else "\n", records)


def _bounded_lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(LINE_CHARACTERS_MAX + 1):
        if len(line) > LINE_CHARACTERS_MAX:
            raise _LineTooLong
        yield line


def _csv_rows(path: Path, encoding: str, reading: Reading) -> Iterator[Row]:
    with path.open(encoding=encoding, newline="") as file:
        yield from _table_rows(csv_table(file).records, "", fact_type_of(reading.fact or ""), reading)


def _csv_cells(reader: Iterable[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except (csv.Error, _LineTooLong) as error:
        raise Broken("not-csv") from error


def _table_rows(rows: Iterable[list[Any]], sheet: str, fact: str | None, reading: Reading) -> Iterator[Row]:
    """The rows of one sheet; the first is the heading."""
    iterator = iter(rows)
    table: Table | None = None
    number = 0
    while True:
        number += 1
        try:
            cells = next(iterator)
        except StopIteration:
            break
        except Broken as broken:
            yield Row(number, None, "", "", (fault_of(str(broken), "", reading.lang),), sheet)
            return
        if table is None:
            headings = ["" if blank(cell) else str(cell).strip() for cell in cells]
            table = Table(_trimmed(headings), fact, sheet, reading)
            if table.problems:
                yield Row(1, None, "", "", table.problems, sheet)
                return
        elif not all(map(blank, cells)) and (row := table.row(number, cells)) is not None:
            yield row
    if table is None:
        yield Row(1, None, "", "", (fault_of("no-heading", "", reading.lang),), sheet)


def _trimmed(headings: list[str]) -> list[str]:
    while headings and not headings[-1]:
        headings.pop()
    return headings


def _check_workbook(path: Path, lang: Lang) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename.casefold(): info.file_size for info in archive.infolist()}
    except zipfile.BadZipFile:
        raise IntakeFileError(fault_of("not-xlsx", "", lang)) from None
    if sum(sizes.values()) > UNPACKED_BYTES_MAX or sizes.get("xl/sharedstrings.xml", 0) > SHARED_TEXT_BYTES_MAX:
        raise IntakeFileError(fault_of("file-too-large", "", lang))


_NO_DATA_SHEETS = frozenset(map(bare, ("说明", "填表说明", "填写说明", "readme", "instructions", "notes")))


# SyntaxError: what the XML parser raises for a part that is no XML (ParseError).
BROKEN_WORKBOOK = (KeyError, ValueError, TypeError, OSError, EOFError, SyntaxError, zlib.error, zipfile.BadZipFile)


def open_workbook(path: Path, lang: Lang) -> Any:
    """A workbook to read row by row, formulas as their last results; to be closed. Raises IntakeFileError."""
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except (InvalidFileException, *BROKEN_WORKBOOK):
        raise IntakeFileError(fault_of("not-xlsx", "", lang)) from None


def sheets_with_facts(book: Any, reading: Reading) -> list[str]:
    """The names of the sheets that are read: the chosen one, or all but those that explain. Raises IntakeFileError."""
    if reading.sheet is None:
        return [name for name in book.sheetnames if bare(name) not in _NO_DATA_SHEETS]
    if reading.sheet not in book.sheetnames:
        raise IntakeFileError(fault_of("no-such-sheet", "sheet", reading.lang))
    return [reading.sheet]


def _xlsx_rows(path: Path, reading: Reading) -> Iterator[Row]:
    book = open_workbook(path, reading.lang)
    try:
        names = sheets_with_facts(book, reading)
        for name in names:
            sheet = book[name]
            if not hasattr(sheet, "reset_dimensions"):  # A chart sheet has no cells.
                continue
            sheet.reset_dimensions()  # Programs write wrong dimensions; the rows tell the truth.
            fact = fact_type_of(reading.fact or "") or fact_type_of(name)
            rows = _xlsx_cells(sheet)
            first = next(rows, None)
            if first is None and len(names) > 1:  # An empty sheet, as spreadsheets add them, is passed over.
                continue
            yield from _table_rows(chain(() if first is None else (first,), rows), name, fact, reading)
    finally:
        book.close()


def _xlsx_cells(sheet: Any) -> Iterator[list[Any]]:
    try:
        for cells in sheet.iter_rows(max_col=COLUMNS_MAX + 2, values_only=True):
            yield list(cells)
    except BROKEN_WORKBOOK as error:
        raise Broken("broken-xlsx") from error


# ------------------------------------------------------------------------------------------------------------ what is written


def write_problems(path: str | Path, rows: Iterable[Row]) -> int:
    """Write the problems of the rows as CSV (sheet, row, column, code, problem, remedy); return how many there were."""
    count = 0

    def lines() -> Iterator[list[str]]:
        nonlocal count
        yield ["sheet", "row", "column", "code", "problem", "remedy"]
        for row in rows:
            for each in row.problems:
                count += 1
                yield [safe_cell(t) for t in (row.sheet, str(row.number), each.field, each.code, each.problem, each.remedy)]

    write_csv(Path(path), lines())
    return count
