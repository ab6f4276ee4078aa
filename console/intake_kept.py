"""The rows of a file as they were read, sealed and checked once: kept in a file without a name, never in memory.

A seal is different each time, and costs as much as all the rest of a row; and what is published is what was checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import orjson

from console.intake_rows import Row, Table
from contracts.receipts import Problem

__all__ = ["KeptRows"]


class KeptRows:
    """Iterating yields the rows again, one iteration at a time. Raises OSError where the temporary folder has no room."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._tables: list[Table | None] = []
        self._file = cast(BinaryIO, TemporaryFile(prefix="hongling-"))  # noqa: SIM115 - it goes with this object
        for row in rows:
            if not self._tables or self._tables[-1] is not row.table:
                self._tables.append(row.table)
            self._file.write(orjson.dumps(_written(row, len(self._tables) - 1), option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        for line in self._file:
            number, message, subject, message_id, problems, sheet, table = orjson.loads(line)
            told = tuple(Problem.model_validate(each) for each in problems)
            raw = None if message is None else message.encode()
            yield Row(number, raw, subject, message_id, told, sheet, self._tables[table])


def _written(row: Row, table: int) -> list[object]:
    message = None if row.message is None else row.message.decode()
    problems = [each.payload() for each in row.problems]
    return [row.number, message, row.subject, row.message_id, problems, row.sheet, table]
