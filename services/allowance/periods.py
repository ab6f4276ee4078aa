"""Closed months proven: the ledger worked out once more from the events, and held against the tables, the closings and the log.

What is found is the first thing that differs: an event that is not what was recorded, a transfer that is not what its event
comes to, a closing that says something else than the transfers before it, or a root, of a closing or of a run's seal, that the
log has not got any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select

from contracts.allowance import EntitlementAdjusted
from contracts.base import LogEvent
from contracts.divisions import Purse
from contracts.payment import PeriodClosed, PeriodTotal, RunSealed
from eventlog import schema
from eventlog.log import Log, leaf_of
from eventlog.tree import Frontier
from services.allowance.decider import DecisionOnFile, purses_of
from services.allowance.ledger import LEDGER_EVENTS, Transfer, by_purses, is_of_names, month_for, totals_of, transfers_of
from services.allowance.ledger_views import Which, transfers

__all__ = ["PeriodDifference", "PeriodsCheck", "verify_periods"]

PAGE = 2_000
_DECIDED = msgspec.json.Decoder(DecisionOnFile)
_TYPES = frozenset({event.TYPE for event in LEDGER_EVENTS} | {PeriodClosed.TYPE})


@dataclass(frozen=True, slots=True)
class PeriodDifference:
    """The first thing that differs. what: ``event``, ``transfer``, ``totals`` or ``root``; position, event_id: where.

    expected: as it follows from the events (for a closing: as it says); found: as it stands.
    """

    what: str
    position: int
    event_id: str | None
    month: str | None
    expected: str
    found: str

    def __str__(self) -> str:
        of = "" if self.event_id is None else f" (event {self.event_id})"
        return f"{self.what} at position {self.position}{of}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class PeriodsCheck:
    """closed: the months that were closed, in order. events, transfers: how many were looked at, up to ``position``."""

    closed: tuple[str, ...]
    events: int
    transfers: int
    position: int
    difference: PeriodDifference | None


class _Found(Exception):
    def __init__(self, difference: PeriodDifference) -> None:
        super().__init__(str(difference))
        self.difference = difference


@dataclass(slots=True)
class _Month:
    """sums: (account, payer, purse) → [debits, credits]."""

    transfers: int = 0
    sums: dict[tuple[Any, str, str | None], list[int]] = field(default_factory=dict)

    def add(self, each: Transfer, purse: str | None) -> None:
        self.transfers += 1
        self.sums.setdefault((each.debit, each.payer, purse), [0, 0])[0] += each.amount_fen
        self.sums.setdefault((each.credit, each.payer, purse), [0, 0])[1] += each.amount_fen


def verify_periods(log: Log, progress: Callable[[int], None] | None = None) -> PeriodsCheck:
    """Work the ledger out from the first event on and compare. Returns at the first difference."""
    with log.database.read.connect() as connection, log.database.read.connect() as beside:
        head = log.head(connection)
        walk = _Walk(log, transfers(beside, Which(upto=head.position)), _roots(log, connection, head.position))
        difference = None
        try:
            for row in _rows(log, connection, head.position):
                walk.take(row)
                if progress is not None and row.position % PAGE == 0:
                    progress(row.position)
            walk.finish(head.position, head.root)
        except _Found as found:
            difference = found.difference
    return PeriodsCheck(tuple(walk.closed), walk.events, walk.transfers, head.position, difference)


class _Root(NamedTuple):
    """A root that a closing or a seal says the log had. of: what said so; month: of a closing."""

    root: str
    of: str
    month: str | None


def _roots(log: Log, connection: Connection, upto: int) -> dict[int, list[_Root]]:
    """position → the roots that the log is said to have had there."""
    found: dict[int, list[_Root]] = {}
    after = 0
    while page := log.read(connection, after, PAGE, upto=upto, types=(PeriodClosed.TYPE, RunSealed.TYPE)):
        for event in (recorded.event for recorded in page):
            if isinstance(event, PeriodClosed):
                found.setdefault(event.position, []).append(_Root(event.root, f"the closing of {event.month}", event.month))
            elif isinstance(event, RunSealed):
                found.setdefault(event.position, []).append(_Root(event.root, f"the seal of run {event.run}", None))
        after = page[-1].position
    return found


def _rows(log: Log, connection: Connection, upto: int) -> Iterator[Row[Any]]:
    after = 0
    while after < upto and (page := log.rows(connection, after, min(PAGE, upto - after))):
        yield from page
        after = page[-1].position


class _Walk:
    """Goes through the log and the table of transfers side by side."""

    def __init__(self, log: Log, rows: Iterator[Row[Any]], roots: dict[int, list[_Root]]) -> None:
        self._log = log
        self._rows = rows
        self._row = next(rows, None)
        self._roots = roots
        self._frontier = Frontier()
        self._months: dict[str, _Month] = {}
        self._by_name: dict[str, _Month] = {}
        """The same as closings said it before payers were purses."""
        self._rooted = 0
        self.closed: list[str] = []
        self.events = 0
        self.transfers = 0

    def take(self, row: Row[Any]) -> None:
        """One row of the log. Its data are read only if it is what was recorded."""
        self.events += 1
        leaf = leaf_of(self._log.name, row)
        if leaf != row.leaf_hash:
            self._differs("event", row, row.leaf_hash.hex(), leaf.hex())
        self._frontier.append(leaf)
        event = self._log.codec.decode(row.type, row.data) if row.type in _TYPES else None
        self._post(row, event)
        if isinstance(event, PeriodClosed):
            self._close(row, event)
        for said in self._roots.get(row.position, ()):
            self._compare_root(row.position, said)

    def finish(self, position: int, root: str) -> None:
        self._compare_root(position, _Root(root, "the end of the log", None))
        if self._row is not None:
            found = PeriodDifference(
                "transfer", self._row.position, self._row.event_id, self._row.month, "none", _shown(self._row)
            )
            raise _Found(found)

    def _post(self, row: Row[Any], event: LogEvent | None) -> None:
        """Compare the event's transfers with those of the table, and add them up."""
        month = month_for(row.recorded_at, self.closed[-1] if self.closed else None)
        for each in transfers_of(event):
            self._by_name.setdefault(month, _Month()).add(each, None)
        if isinstance(event, EntitlementAdjusted) and is_of_names(event):
            event = by_purses(event, self._decided_before(event))
        for line, each in enumerate(transfers_of(event), start=1):
            expected = _shown_as(row.position, line, month, each)
            found = "none" if self._row is None else _shown(self._row)
            if expected != found:
                self._differs("transfer", row, expected, found, month)
            self._row = next(self._rows, None)
            self._months.setdefault(month, _Month()).add(each, each.purse)
            self.transfers += 1
        if self._row is not None and self._row.position <= row.position:
            self._differs("transfer", row, "no more", _shown(self._row), self._row.month)

    def _decided_before(self, event: EntitlementAdjusted) -> dict[Purse, int]:
        with self._log.database.read.connect() as connection:
            query = select(schema.event.c.data).where(schema.event.c.event_id == event.supersedes)
            return purses_of(_DECIDED.decode(connection.execute(query).scalar_one()).decision)

    def _close(self, row: Row[Any], event: PeriodClosed) -> None:
        by_name = any(total.purse is None for total in event.totals)
        month = (self._by_name if by_name else self._months).get(event.month, _Month())
        totals = totals_of((*key, debit, credit) for key, (debit, credit) in month.sums.items())
        if (event.transfers, event.totals) != (month.transfers, totals):
            said = f"{event.transfers} transfers, {_totals_shown(event.totals)}"
            self._differs("totals", row, said, f"{month.transfers} transfers, {_totals_shown(totals)}", event.month)
        self.closed.append(event.month)

    def _compare_root(self, position: int, said: _Root) -> None:
        found = self._frontier.root().hex()
        if found != said.root:
            since = f"{said.root} by {said.of} (the log was as recorded up to position {self._rooted})"
            raise _Found(PeriodDifference("root", position, None, said.month, since, found))
        self._rooted = position

    def _differs(self, what: str, row: Row[Any], expected: str, found: str, month: str | None = None) -> None:
        raise _Found(PeriodDifference(what, row.position, row.event_id, month, expected, found))


def _shown_as(position: int, line: int, month: str, each: Transfer) -> str:
    """A transfer in words that are compared, without anybody's name."""
    return (
        f"{position}/{line} {month} {each.debit} from {each.credit} {each.amount_fen} fen {each.payer} {each.purse} "
        f"{each.year} {each.instrument} {each.person_ref} {each.division} {each.corrects or '-'}"
    )


def _shown(row: Row[Any]) -> str:
    each = Transfer(
        row.debit, row.credit, row.amount_fen, row.payer, row.purse, row.year, row.instrument, row.person_ref, row.division,
        row.corrects,
    )  # fmt: skip
    return _shown_as(row.position, row.line, row.month, each)


def _totals_shown(totals: Sequence[PeriodTotal]) -> str:
    return ", ".join(f"{t.account} {t.payer} {t.purse or ''} {t.debit_fen} - {t.credit_fen}" for t in totals) or "nothing"
