"""Everything held against everything: the log's rows and tree, its read models, its inbox, the stream; and the books."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nats.aio.client import Client
from sqlalchemy import Connection, func, select

from console.provenance import Provenance
from console.streams import compare_stream
from eventlog import schema
from eventlog.log import PARTITIONS, Log, Recorded, leaf_of, partition_of
from eventlog.tree import Frontier
from services.allowance.periods import PeriodDifference, verify_periods
from services.allowance.reconciliation import prove_runs, unequal_postings

__all__ = ["Books", "LogCheck", "Report", "verify_books", "verify_stream"]

PROBLEMS_MAX = 50

Progress = Callable[[int], None]


@dataclass(slots=True)
class Report:
    """events: rows checked. problems: in words, the first ``PROBLEMS_MAX``. provenance: what other logs are asked for."""

    events: int = 0
    root: str = ""
    problems: list[str] = field(default_factory=list)
    provenance: Provenance = field(default_factory=Provenance)

    def found(self, problem: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)


class LogCheck:
    """Checks a log row by row, as read: dense positions, versions, back pointers, leaf hashes, the tree, and the causes."""

    def __init__(self, log: str) -> None:
        self.report = Report()
        self._log = log
        self._frontier = Frontier()
        self._partitions = [0] * PARTITIONS
        self._versions: dict[str, int] = {}
        self._position = 0

    def take(self, rows: Sequence[Recorded], connection: Connection | None = None) -> None:
        """The next rows, in order. connection: to the log's database, to ask where they come from."""
        for row in rows:
            self._take_one(row)
        if connection is not None:
            for problem in self.report.provenance.check(connection, rows):
                self.report.found(problem)

    def _take_one(self, row: Recorded) -> None:
        report = self.report
        if row.position != self._position + 1:
            report.found(f"position {self._position + 1} is missing; the next is {row.position}")
        before = self._versions.get(row.stream, 0)
        if row.version != before + 1:
            report.found(f"event {row.event_id} has version {row.version} after {before}")
        pointed = self._partitions[row.partition]
        if row.partition != partition_of(row.stream) or row.previous != pointed:
            report.found(f"event {row.event_id} points back to {row.previous}, not to {pointed}")
        if leaf_of(self._log, row) != row.leaf_hash:
            report.found(f"event {row.event_id} at position {row.position} was changed: its leaf hash does not fit")
        self._versions[row.stream] = row.version
        self._partitions[row.partition] = row.position
        self._position = row.position
        self._frontier.append(row.leaf_hash)

    def finish(self, connection: Connection) -> Report:
        """Hold what was read against ``log_head``, and the inbox and receipts against the log."""
        head = connection.execute(select(schema.log_head)).one()
        report, frontier = self.report, self._frontier
        report.events = frontier.size
        report.root = frontier.root().hex()
        if self._position != head.position:
            report.found(f"positions {self._position + 1} to {head.position} are not in the log")
        if report.root != head.root or frontier.to_text() != head.frontier:
            report.found(f"the tree's root is {report.root}, log_head says {head.root}")
        if ",".join(map(str, self._partitions)) != head.partitions:
            report.found("the last positions of the partitions are not those of log_head")
        _check_tables(connection, head.receipt_position, report)
        return report


def _check_tables(connection: Connection, receipt_position: int, report: Report) -> None:
    receipt, inbox, event = schema.receipt, schema.inbox, schema.event
    count, last = connection.execute(select(func.count(), func.max(receipt.c.position)).select_from(receipt)).one()
    if count != receipt_position or (last or 0) != receipt_position:
        report.found(f"there are {count} receipts up to {last}, log_head says {receipt_position}")
    orphans = connection.execute(
        select(func.count()).select_from(inbox.outerjoin(event, inbox.c.event_id == event.c.event_id))
        .where(inbox.c.event_id.is_not(None), event.c.event_id.is_(None))
    ).scalar_one()  # fmt: skip
    if orphans:
        report.found(f"{orphans} inbox entries name an event that is not in the log")


async def verify_stream(log: Log, client: Client, inbox_prefix: str) -> Report:
    """Read the whole stream back: every event that the relay carried is on it, byte for byte, and nothing else is."""
    compared = await compare_stream(log, client, inbox_prefix)
    stream = log.name.upper()
    report = Report(events=compared.events)
    for position in compared.missing:
        report.found(f"the event at position {position} is not on stream {stream}")
    for sequence, what in compared.strangers.items():
        report.found(f"message {sequence} on stream {stream}: {what}")
    return report


@dataclass(slots=True)
class Books:
    """closed: the months that were proven. first: the first thing that differs in the ledger, the closings and the seals.

    runs: how many payment runs were proven. problems: in words, the first of all kinds; none: the books agree.
    """

    closed: tuple[str, ...]
    transfers: int
    runs: int
    first: PeriodDifference | None
    problems: list[str]


def verify_books(log: Log, progress: Progress | None = None) -> Books:
    """Prove the allowance's books from its events: ledger, closed months, seals and runs; and the postings by the decisions."""
    check = verify_periods(log, progress)
    report = Report()
    if check.difference is not None:
        report.found(str(check.difference))
    count = 0
    with log.database.read.connect() as connection:
        if connection.dialect.name == "postgresql":
            # One moment of the database for all that is compared: the service may be paying meanwhile.
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        for each in unequal_postings(connection, PROBLEMS_MAX):
            report.found(
                f"{each.person_ref}, {each.instrument} of {each.year}, {each.payer} of {each.purse}: "
                f"{each.decided_fen} fen were decided last, {each.posted_fen} fen are posted"
            )
        for proof in prove_runs(log, connection):
            count += 1
            for difference in proof.differences:
                report.found(f"run {proof.run}: {difference}")
    return Books(check.closed, check.transfers, count, check.difference, report.problems)
