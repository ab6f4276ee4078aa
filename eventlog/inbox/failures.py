"""Three kinds of failure, told apart here and nowhere else.

*Outage*: it may pass by itself; whoever meets it waits with the work in hand, so nothing is lost and the order is kept.
*Message*: it comes from what one message says, or from what is stored of whom it is about; that message is isolated and parked.
*Broken*: an invariant does not hold; whatever is recorded from then on could be wrong, so whoever meets it stops and says so.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from eventlog.box import BoxLocked
from eventlog.codec import UnknownEvent
from eventlog.database import DatabaseMissing
from eventlog.log import BrokenLog, LogFull, Vanished
from eventlog.wire import BrokerOutage, ConsumerGone

__all__ = ["Contended", "Failure", "failure_of", "is_conflict", "reason_of"]


class Contended(RuntimeError):
    """Others were at the same streams again and again; it passes by itself."""


class Failure(StrEnum):
    OUTAGE = "outage"
    MESSAGE = "message"
    BROKEN = "broken invariant"


def failure_of(error: BaseException) -> Failure:
    """Which kind an exception is. What nobody has thought of is the message's: it costs its batch, never the service."""
    if isinstance(error, _BROKEN):
        return Failure.BROKEN
    if isinstance(error, DBAPIError):
        return _of_database(error)
    return Failure.OUTAGE if isinstance(error, _OUTAGES) else Failure.MESSAGE


def is_conflict(error: BaseException) -> bool:
    """Whether somebody else was at the same rows at the same moment, so that it is to be decided again."""
    if isinstance(error, Vanished):
        return True
    return isinstance(error, IntegrityError) and _is_unique(error) and failure_of(error) is Failure.MESSAGE


def reason_of(error: BaseException) -> str:
    """What stands in a log and in the status: never an exception's own text, which may repeat anything, but for ours."""
    if isinstance(error, _SPEAKING):
        return str(error)
    kind = failure_of(error)
    if kind is Failure.BROKEN and _schema_differs(error):
        return "the database's tables are not those of this version; run `hongling provision`"
    if kind is Failure.OUTAGE and isinstance(error, DBAPIError | DisconnectionError | PoolTimeout):
        return "database outage"
    return type(error).__name__


_SPEAKING = (UnknownEvent, DatabaseMissing, BoxLocked, BrokenLog, LogFull, BrokerOutage, ConsumerGone, Contended)
# What the services have recorded themselves is read by msgspec.
_BROKEN = (UnknownEvent, DatabaseMissing, BoxLocked, BrokenLog, LogFull, msgspec.DecodeError)
_OUTAGES = (DisconnectionError, PoolTimeout, BrokerOutage, ConsumerGone, Contended, OSError)

# --- what the databases say -------------------------------------------------------------------------------------------------

_OUTAGE_CLASSES = frozenset({"08", "53", "57", "58"})
"""Connection, resources (disk, memory, connections), an operator's or a time-out's intervention, the system's own I/O."""
_OUTAGE_STATES = frozenset(
    {
        "25006",  # read only: the server stands by, or is being moved
        "25P03",  # idle in a transaction for too long
        "40001",  # serialization
        "40P01",  # deadlock
        "55P03",  # a lock was not to be had
        "42P01",  # no such table: `hongling provision` is at work
    }
)
_BROKEN_STATES = frozenset(
    {
        "42703",  # no such column
        "42501",  # a right is missing
        "P0001",  # a trigger of ours: something tried to change the log
        "XX001",  # a damaged page
        "XX002",  # a damaged index
    }
)
_SQLITE_OUTAGES = frozenset(
    "BUSY LOCKED FULL IOERR CANTOPEN READONLY NOMEM INTERRUPT PROTOCOL SCHEMA NOLFS AUTH".split()  # noqa: SIM905
)
_SQLITE_BROKEN = frozenset({"CORRUPT", "NOTADB"})
_REFUSED_CHANGE = "is append-only"
"""How SQLite's triggers of ``schema.protect_append_only`` end what they say."""
_POSITIONS = ("event_pkey", "receipt_pkey", "event.position", "receipt.position")
"""Positions are handed out under a lock: one that is taken already means that the head does not fit the log."""


def _code_of(error: DBAPIError) -> str:
    """PostgreSQL's SQLSTATE, or the name of SQLite's extended result code without its prefix; empty where neither is known."""
    state = getattr(error.orig, "sqlstate", None)
    return str(state or getattr(error.orig, "sqlite_errorname", "")).removeprefix("SQLITE_")


def _of_database(error: DBAPIError) -> Failure:
    code = _code_of(error)
    if code in _BROKEN_STATES or code.partition("_")[0] in _SQLITE_BROKEN or str(error.orig).endswith(_REFUSED_CHANGE):
        return Failure.BROKEN
    if _is_unique(error) and any(name in str(error.orig) for name in _POSITIONS):
        return Failure.BROKEN
    if code == "ERROR":
        return _of_sqlite_text(str(error.orig))
    if code[:2] in _OUTAGE_CLASSES or code in _OUTAGE_STATES or code.partition("_")[0] in _SQLITE_OUTAGES:
        return Failure.OUTAGE
    # A connection that breaks has no code.
    lost = error.connection_invalidated or (not code and isinstance(error, OperationalError | InterfaceError))
    return Failure.OUTAGE if lost else Failure.MESSAGE


def _is_unique(error: DBAPIError) -> bool:
    # The newer build of SQLite tells no extended codes.
    return _code_of(error) == "23505" or str(error.orig).startswith("UNIQUE constraint failed")


def _of_sqlite_text(said: str) -> Failure:
    """SQLite has one code for whatever a statement cannot mean."""
    if said.startswith("no such table"):
        return Failure.OUTAGE
    return Failure.BROKEN if _NO_COLUMN[0] in said or _NO_COLUMN[1] in said else Failure.MESSAGE


_NO_COLUMN = ("no such column", "has no column named")


def _schema_differs(error: BaseException) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    said = str(error.orig)
    return _code_of(error) in ("42703", "42501") or any(words in said for words in _NO_COLUMN)
