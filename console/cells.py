"""Text in the files that are written here: what a workbook, a CSV, an XML file or a page can hold, and how it stands in it.

Whatever was recorded, also before there were rules for it, can be written: what XML has no character for (controls, lone
surrogates, U+FFFE and U+FFFF) becomes U+FFFD, and no text is taken for a formula.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

__all__ = ["FORMULA", "guarded", "kept_cell", "legible", "safe_cell", "sheet_cell", "unguarded"]

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet begins a formula, or drops what comes before one."""

_GUARDED = re.compile("'*[ \n\u00a0\u3000]*[=+\\-@\t\r]")
"""``FORMULA``, also behind blanks, and behind the ``'`` of an earlier guard."""
_ILLEGIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 does not allow, and what it advises against (section 2.2)."""


def legible(text: str) -> str:
    """The text as XML, and whatever is made of it, can hold it."""
    return _ILLEGIBLE.sub("\ufffd", text)


def safe_cell(text: str) -> str:
    """A text for a cell without a type, as in CSV: legible, and ``guarded``."""
    return guarded(legible(text))


def guarded(text: str) -> str:
    """The text with ``'`` before what a spreadsheet would take for a formula, or for such a ``'``; see ``unguarded``."""
    return f"'{text}" if _GUARDED.match(text) else text


def unguarded(text: str) -> str:
    """A text of CSV as it was before it was ``guarded``."""
    return text[1:] if text[:1] == "'" and _GUARDED.match(text, 1) else text


def sheet_cell(sheet: Any, value: str | int | Decimal | None, *, bold: bool = False, number_format: str = "General") -> Any:
    """A cell of a workbook that is written row by row. Text is text, whatever it begins with; a Decimal keeps its digits."""
    # The stubs leave Decimal out.
    cell = WriteOnlyCell(sheet, legible(value) if isinstance(value, str) else value)  # type: ignore[arg-type]
    if isinstance(value, str):
        cell.data_type = "s"
    cell.number_format = number_format
    if bold:
        cell.font = Font(bold=True)
    return cell


def kept_cell(sheet: Any, text: str) -> Any:
    """A cell with a text as it was read: what XML cannot hold is escaped as ECMA-376 has it (``_x0001_``), and comes back."""
    cell = WriteOnlyCell(sheet, _UNKEPT.sub(lambda found: f"_x{ord(found[0]):04X}_", text))
    cell.data_type = "s"
    return cell


_UNKEPT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
"""Also the ``_`` of what only looks like such an escape (Part 1, 22.9.2.19)."""
