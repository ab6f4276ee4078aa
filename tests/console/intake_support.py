"""What the tests of intake files share: a key pair, a reading, rows of a text, and what is inside a message."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
from joserfc import jwe
from joserfc.jwk import OKPKey

from console.intake_files import open_intake
from console.intake_rows import Reading, Row
from console.sealing import new_key_pair, public_key_of
from contracts.intake import parse

__all__ = ["KEY", "PUBLIC", "RECORDED_AT", "VALID_ID", "codes_of", "message_of", "reading", "rows_of", "unsealed", "workbook"]

PRIVATE, PUBLIC = new_key_pair()
KEY = public_key_of(PUBLIC)
VALID_ID = "360426199101010071"  # From a published test of GB 11643-1999; no person's.
RECORDED_AT = datetime(2025, 3, 1, 8, tzinfo=UTC)


def reading(fact: str | None = None, **other: Any) -> Reading:
    given: dict[str, Any] = {"source": "hr", "public_key": KEY, "id_key": b"k" * 32, "recorded_at": RECORDED_AT, "fact": fact}
    return Reading(**given | other)


def rows_of(tmp_path: Path, text: str | bytes, fact: str | None = None, name: str = "f.csv", **other: Any) -> list[Row]:
    """The rows of a file with this text."""
    file = tmp_path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(open_intake(file, reading(fact, **other)))


def message_of(row: Row) -> dict[str, Any]:
    """The message of a row that has no problems, after the contracts have agreed to it."""
    assert row.problems == ()
    assert row.message is not None
    parse(row.message)
    found: dict[str, Any] = json.loads(row.message)
    return found


def unsealed(sealed: str) -> dict[str, str]:
    """What the registry reads in something sealed."""
    found = jwe.decrypt_compact(sealed, OKPKey.import_key(json.loads(PRIVATE)), algorithms=["ECDH-ES", "A256GCM"])
    assert found.plaintext is not None
    plain: dict[str, str] = json.loads(found.plaintext)
    return plain


def codes_of(rows: list[Row]) -> list[tuple[int, str, str]]:
    return [(row.number, each.field, each.code) for row in rows for each in row.problems]


def workbook(tmp_path: Path, sheets: dict[str, list[list[Any]]], name: str = "f.xlsx") -> Path:
    """An XLSX file with these sheets, each a list of rows."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / name)
    return tmp_path / name
