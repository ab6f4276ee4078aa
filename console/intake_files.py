"""Read intake facts from the files that offices have: CSV, XLSX and JSON Lines, and turn each row into a message.

``open_intake`` looks at a file and returns an ``IntakeFile``; iterating it yields one ``Row`` for each line, with the
CloudEvents JSON that is ready to publish or with problems that name row, column, fault and remedy. Nothing is published
here, no clock is read, and memory does not grow with the file (an XLSX file's table of shared texts apart).

One sheet holds one fact type, named by the option, by the sheet's name, or row by row in a column ``fact`` (事实).
Headings and values may be English or Chinese. Identity columns are sealed and never repeated in a problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, TextIO

from console.cells import safe_cell, unguarded
from console.csv_sheets import CsvError, CsvTable, csv_table, encoding_of
from console.intake_cells import CELL_CHARACTERS_MAX, blank
from console.intake_columns import COLUMNS, FACTS, column_of, fact_type_of, is_known_heading, is_problems_heading
from console.intake_faults import COLUMNS_MAX, FILE_BYTES_MAX, ROWS_MAX, Broken, IntakeFileError, fault_of
from console.intake_lines import jsonl_rows
from console.intake_rows import Reading, Row, Table, placed_in_row
from console.intake_templates import write_csv, write_template
from console.intake_workbooks import check_hidden, numbered_cells, open_workbook, sheets_with_facts
from console.workbook import Unread
from contracts.problems import Lang, problem

__all__ = [
    "CELL_CHARACTERS_MAX",
    "COLUMNS",
    "COLUMNS_MAX",
    "FACTS",
    "FILE_BYTES_MAX",
    "ROWS_MAX",
    "IntakeFile",
    "IntakeFileError",
    "Reading",
    "Row",
    "fact_type_of",
    "find_heading",
    "numbered_records",
    "open_intake",
    "write_problems",
    "write_template",
]

TITLE_ROWS_MAX = 10
"""Rows with a title, a unit, a date and the like that may stand above the headings."""
SAME_ROWS_MAX = 5
"""Other rows with the same message id that are named."""
BLANK_ROWS_MAX = 1_000
"""Rows above the headings in all."""

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
    _twice: dict[bytes, list[tuple[str, int]]] | None = field(default=None, init=False, repr=False)

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows. Stops after a row whose problem keeps the rest from being read (headings, broken CSV).

        The file is read for its message ids first, so that two rows with one id are told in both: one of them would be lost.
        """
        if self._twice is None:
            self._twice = _rows_by_id(self._rows(replace(self.reading, ids_only=True)))
        for count, row in enumerate(self._rows(self.reading), 1):
            if count > ROWS_MAX:
                yield Row(row.number, None, "", "", (fault_of("too-many-rows", "", self.reading.lang),), row.sheet)
                return
            others = self._twice.get(_id_digest(row.message_id))
            yield row if others is None else _with_others(row, others, self.reading.lang)

    def _rows(self, reading: Reading) -> Iterator[Row]:
        if self.kind == "jsonl":
            return jsonl_rows(self.path, reading)
        if self.kind == "csv":
            return _csv_rows(self.path, self.encoding, reading)
        return _xlsx_rows(self.path, reading)


def _id_digest(message_id: str) -> bytes:
    return blake2b(message_id.encode(), digest_size=16).digest()


def _rows_by_id(rows: Iterator[Row]) -> dict[bytes, list[tuple[str, int]]]:
    """Digest of a message id → sheet and number of the rows that have it, if they are several; the first few of them."""
    first: dict[bytes, tuple[str, int]] = {}
    twice: dict[bytes, list[tuple[str, int]]] = {}
    for row in islice(rows, ROWS_MAX):
        if not row.message_id or row.problems:
            continue
        digest, place = _id_digest(row.message_id), (row.sheet, row.number)
        if digest not in first:
            first[digest] = place
        elif len(others := twice.setdefault(digest, [first[digest]])) <= SAME_ROWS_MAX:
            others.append(place)
    return twice


def _with_others(row: Row, others: list[tuple[str, int]], lang: Lang) -> Row:
    places = [place for place in others if place != (row.sheet, row.number)][:SAME_ROWS_MAX]
    named = [f"“{sheet}” {number}" if sheet and sheet != row.sheet else f"{number}" for sheet, number in places]
    fault = fault_of("duplicate-id", "", lang)
    text = fault.problem.replace("{rows}", ("、" if lang == "zh" else ", ").join(named))
    told = placed_in_row(fault.model_copy(update={"problem": text}), row.number, lang)
    return replace(row, message=None, problems=(*row.problems, told))


def open_intake(path: str | Path, reading: Reading) -> IntakeFile:
    """Look at a file: its format by the ending, its size, its encoding (read through once, in chunks).

    Raises OSError if it cannot be read, IntakeFileError if it is too large, no text, no workbook, or if ``reading.fact``
    names no fact type; HiddenParts if parts of a workbook are hidden and ``reading.hidden`` does not say what to do.
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
        check_hidden(path, reading)
        return IntakeFile(path, kind, "", reading)
    return IntakeFile(path, kind, _encoding_of(path, kind, reading.lang), reading)


_KIND_BY_ENDING: dict[str, Kind] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip


def _encoding_of(path: Path, kind: Kind, lang: Lang) -> str:
    if kind == "jsonl":
        return "utf-8"  # Each line is judged by itself.
    with path.open("rb") as file:
        encoding = encoding_of(file)
    if encoding is None:
        raise IntakeFileError(fault_of("not-text", "", lang))
    return encoding


def numbered_records(file: TextIO) -> tuple[CsvTable, Iterator[tuple[int, list[str]]]]:
    """An open CSV file as a table, and its records with their numbers, which raise Broken where it breaks off.

    In a copy that tells what is wrong, which we have written, the cells below the headings are guarded (``console.cells``).
    """
    table = csv_table(file, is_known_heading)

    def records() -> Iterator[tuple[int, list[str]]]:
        try:
            copied = False
            for number, cells in enumerate(table.records, 1):
                yield number, [unguarded(cell) for cell in cells] if copied else cells
                copied = copied or (number <= BLANK_ROWS_MAX and bool(cells) and is_problems_heading(cells[0]))
        except CsvError:
            raise Broken("not-csv") from None

    return table, records()


def _csv_rows(path: Path, encoding: str, reading: Reading) -> Iterator[Row]:
    with path.open(encoding=encoding, newline="") as file:
        yield from _table_rows(numbered_records(file)[1], "", fact_type_of(reading.fact or ""), reading)


def _table_rows(rows: Iterable[tuple[int, list[Any]]], sheet: str, fact: str | None, reading: Reading) -> Iterator[Row]:
    """The rows of one sheet, below its headings."""
    numbered = _Numbered(iter(rows))
    try:
        heading = find_heading(numbered)
        if heading is None:
            yield Row(1, None, "", "", (fault_of("no-heading", "", reading.lang),), sheet)
            return
        table = Table(_texts_of(heading.cells), fact, sheet, reading, heading.number)
        if table.problems:
            yield Row(heading.number, None, "", "", table.problems, sheet)
            return
        for number, cells in chain(heading.below, numbered):
            if not all(map(blank, cells)) and (row := table.row(number, cells)) is not None:
                yield row
    except Broken as broken:
        yield Row(numbered.last + 1, None, "", "", (fault_of(str(broken), "", reading.lang),), sheet)


class _Numbered:
    """Rows that remember the number of the last one."""

    def __init__(self, rows: Iterator[tuple[int, list[Any]]]) -> None:
        self._rows, self.last = rows, 0

    def __iter__(self) -> Iterator[tuple[int, list[Any]]]:
        for number, cells in self._rows:
            self.last = number
            yield number, cells


@dataclass(frozen=True, slots=True)
class Heading:
    """The row of the headings. read: the rows that were read to find it, above, itself, and below."""

    number: int
    cells: list[Any]
    read: list[tuple[int, list[Any]]]

    @property
    def below(self) -> Iterator[tuple[int, list[Any]]]:
        return (each for each in self.read if each[0] > self.number)


def find_heading(rows: Iterable[tuple[int, list[Any]]]) -> Heading | None:
    """The first row that consists of headings mostly; titles and blank lines stand above it. None: there is none.

    Looks at ``TITLE_ROWS_MAX`` + 1 rows that are not blank. If none is like that, it is the one with most known headings, so
    that those which are not known are named.
    """
    read: list[tuple[int, list[Any]]] = []
    best, best_known, filled_rows = -1, 0, 0
    for number, cells in rows:
        read.append((number, cells))
        texts = _texts_of(cells)
        filled = [text for text in texts if text]
        if not filled:
            if len(read) > BLANK_ROWS_MAX:
                break
            continue
        known = sum(column_of(text) is not None for text in filled)
        if best < 0 or known > best_known:
            best, best_known = len(read) - 1, known
        filled_rows += 1
        if (known and 2 * sum(map(is_known_heading, filled)) > len(filled)) or filled_rows > TITLE_ROWS_MAX:
            break
    if not best_known:
        return None
    return Heading(*read[best], read)


def _texts_of(cells: list[Any]) -> list[str]:
    texts = ["" if blank(cell) or isinstance(cell, Unread) else str(cell).strip() for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _xlsx_rows(path: Path, reading: Reading) -> Iterator[Row]:
    with open_workbook(path, reading.lang) as book:
        sheets = sheets_with_facts(book, reading)
        read = False
        for sheet in sheets:
            fact = fact_type_of(reading.fact or "") or fact_type_of(sheet.name)
            rows = numbered_cells(book, sheet, reading)
            try:
                first = next(rows, None)
            except Broken as broken:
                read = True
                yield Row(1, None, "", "", (fault_of(str(broken), "", reading.lang),), sheet.name)
                continue
            if first is not None:  # An empty sheet, as spreadsheets add them, is passed over.
                read = True
                yield from _table_rows(chain((first,), rows), sheet.name, fact, reading)
        if not read:
            name = sheets[0].name if sheets else ""
            yield Row(1, None, "", "", (fault_of("no-heading", "", reading.lang),), name)


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
