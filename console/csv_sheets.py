"""Read CSV as spreadsheets and banks write it, with bounds: the one reader of CSV for what offices and banks send.

Text is UTF-8 (with or without its mark), UTF-16 with its mark, or GB 18030, which is taken for what is not UTF-8.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TextIO

__all__ = ["CsvError", "CsvTable", "csv_table", "encoding_of"]

RECORD_CHARACTERS_MAX = 512_000
"""Characters of one record, all of its lines together: 64 columns of 4,000, and as much for quotation marks and the like."""
CHUNK_BYTES = 1024 * 1024
HEAD_BYTES = 1024
HEADING_LINES_MAX = 20
"""Lines in which headings are looked for, to find what separates the cells."""


class CsvError(Exception):
    """The text is no CSV from here on: a quotation mark that is not closed, or a record that is too long."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The records of CSV that is open. records raises CsvError where the text breaks off."""

    delimiter: str
    newline: str
    records: Iterator[list[str]]


def encoding_of(file: BinaryIO) -> str | None:
    """``utf-8``, ``utf-8-sig``, ``utf-16`` or ``gb18030``: the first by which all of the file can be read. None: it is no text.

    Reads the file in chunks, and leaves it at its beginning.
    """
    head = file.read(HEAD_BYTES)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif head.startswith(codecs.BOM_UTF8):
        candidates = ["utf-8-sig"]
    elif head.count(0) * 4 > len(head):  # UTF-16 without its mark is not told from other bytes.
        candidates = []
    else:
        candidates = ["utf-8", "gb18030"]
    found = next((encoding for encoding in candidates if _decodes(file, encoding)), None)
    file.seek(0)
    return found


def _decodes(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while chunk := file.read(CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def csv_table(file: TextIO, known: Callable[[str], bool] | None = None) -> CsvTable:
    """The records of open CSV, whose cells are separated by a comma, a semicolon or a tab.

    It is that by which a line of the beginning has most headings; else that of which the first line has most. known: whether a
    text is a heading.
    """
    lines = [file.readline(RECORD_CHARACTERS_MAX) for _ in range(HEADING_LINES_MAX if known else 1)]
    file.seek(0)
    first = lines[0]

    def fits(delimiter: str) -> tuple[int, int]:
        cells = ([cell.strip().strip('"') for cell in line.split(delimiter)] for line in lines)
        return max(sum(map(known, each)) for each in cells) if known else 0, first.count(delimiter)

    delimiter = max(",\t;", key=fits)
    return CsvTable(delimiter, "\r\n" if first.endswith("\r\n") else "\n", _records(file, delimiter))


def _records(file: TextIO, delimiter: str) -> Iterator[list[str]]:
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        while line := file.readline(RECORD_CHARACTERS_MAX + 1):
            taken += len(line)
            if taken > RECORD_CHARACTERS_MAX:
                raise CsvError
            yield line

    try:
        for record in csv.reader(lines(), delimiter=delimiter, strict=True):
            taken = 0
            yield record
    except csv.Error as error:
        raise CsvError from error
