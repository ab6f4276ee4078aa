"""How much one source may send: messages a second and bytes a day, by the time at which the stream took each message in.

Counted is what comes for this service, read or not, accepted or not. What goes beyond is refused with a code and erased from
the stream, and nothing of it is kept: neither the message, nor its id, which may be sent again when the day is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from eventlog import schema
from eventlog.bulk import bulk_upsert, one_of
from eventlog.settings import Variable, whole_number

__all__ = ["QUOTA_VARIABLES", "Quota", "Sent", "quota_from", "save_sent", "sent_beyond", "sent_by"]

MESSAGES_PER_SECOND_MAX = 20_000
BYTES_PER_DAY_MAX = 512 * 2**20
ANSWERS_PER_DAY_MAX = 1_000
"""Messages beyond a quota that are answered, for each source and day; those after them are counted in the status only."""

_SECOND_NS = 10**9
_DAY_SECONDS = 86_400

QUOTA_VARIABLES = (
    Variable(
        "HONGLING_SOURCE_MESSAGES_PER_SECOND",
        "messages that one source may send to this service in a second",
        str(MESSAGES_PER_SECOND_MAX),
    ),
    Variable(
        "HONGLING_SOURCE_BYTES_PER_DAY", "bytes that one source may send to this service in a day (UTC)", str(BYTES_PER_DAY_MAX)
    ),
)


@dataclass(frozen=True, slots=True)
class Quota:
    """What each source may send to one service."""

    messages_per_second_max: int = MESSAGES_PER_SECOND_MAX
    bytes_per_day_max: int = BYTES_PER_DAY_MAX


def quota_from(values: Mapping[str, str]) -> Quota:
    """The quota that the settings say. Raises SettingError."""
    a_second, a_day = (variable.name for variable in QUOTA_VARIABLES)
    return Quota(
        whole_number(a_second, values[a_second], 1, 10**6),
        whole_number(a_day, values[a_day], 64 * 1024, 2**50),
    )


@dataclass(slots=True)
class Sent:
    """What a source has sent. day: of UTC, since 1970. in_second: messages of that second.

    beyond: messages of that day beyond the quota. until_sequence, until_ns: place and time on the stream of the last that
    was counted.
    """

    source: str
    day: int = 0
    day_bytes: int = 0
    second: int = 0
    in_second: int = 0
    beyond: int = 0
    until_sequence: int = 0
    until_ns: int = 0

    def takes(self, size: int, sequence: int, stored_ns: int, quota: Quota) -> bool:
        """Count one message. Returns whether it stays within the quota; one that was counted before is not counted again."""
        # Both: a stream that was made anew begins at 1 again, and all of an atomic batch may have one time.
        if sequence <= self.until_sequence and stored_ns <= self.until_ns:
            return True
        self.until_sequence, self.until_ns = sequence, stored_ns
        second = stored_ns // _SECOND_NS
        day = second // _DAY_SECONDS
        if day != self.day:
            self.day, self.day_bytes, self.beyond = day, 0, 0
        if second != self.second:
            self.second, self.in_second = second, 0
        if self.in_second >= quota.messages_per_second_max or self.day_bytes + size > quota.bytes_per_day_max:
            self.beyond += 1
            return False
        self.in_second += 1
        self.day_bytes += size
        return True

    @property
    def until(self) -> tuple[int, int]:
        """The last message that was counted."""
        return self.until_sequence, self.until_ns

    @property
    def answered(self) -> bool:
        """Whether the message that has just gone beyond is one of those that are answered."""
        return self.beyond <= ANSWERS_PER_DAY_MAX


def sent_by(connection: Connection, sources: Iterable[str]) -> dict[str, Sent]:
    """What these sources have sent so far."""
    table = schema.sent
    found = {source: Sent(source) for source in sources}
    for row in connection.execute(select(table).where(one_of(connection, table.c.source, list(found)))):
        found[row.source] = Sent(**row._mapping)
    return found


def save_sent(connection: Connection, sent: Sequence[Sent]) -> None:
    """Write what was counted, inside the append."""
    bulk_upsert(connection, schema.sent, [asdict(each) for each in sent])


def sent_beyond(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Sources that went beyond their quota today, for the status."""
    table, today = schema.sent, int(now.astimezone(UTC).timestamp()) // _DAY_SECONDS
    query = select(table).where(table.c.day == today, table.c.beyond > 0).order_by(table.c.source)
    return [{"source": row.source, "refused": row.beyond, "bytes": row.day_bytes} for row in connection.execute(query)]


assert {field.name for field in fields(Sent)} == {column.name for column in schema.sent.columns}
