"""Receipts: what became of each intake message and why, on ``receipts.<source>.<outcome>``.

Outcomes. ``accepted``: recorded. ``refused``: will never be recorded as it is; ``problems`` say what to mend.
``waiting``: kept until what it needs arrives, at most until ``until``. ``parked``: an operator will look at it.
A ``waiting`` message gets a second receipt when it is settled. A receipt never repeats personal data.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from contracts.base import MESSAGE_ID_CHARS_MAX, EventId, OwnEvent, PersonRef, RecordedTime, Told

__all__ = [
    "IDS_ASKED_MAX",
    "RECEIPTS_OF",
    "WAIT_SECONDS_MAX",
    "Outcome",
    "Problem",
    "Receipt",
    "ReceiptsAsked",
    "ReceiptsPage",
]

RECEIPTS_OF = "receipts-of"
"""First word of the subject of a request for receipts: ``receipts-of.<source>.<service>``."""
IDS_ASKED_MAX = 200
WAIT_SECONDS_MAX = 10.0
POSITION_MAX = 2**53 - 1

Outcome = Literal["accepted", "refused", "waiting", "parked"]


class Problem(OwnEvent):
    """One thing wrong: ``field`` (path with dots, "" for the whole message), a stable ``code``, what, and the remedy."""

    field: str
    code: str
    problem: str
    remedy: str


class Receipt(OwnEvent):
    """The answer to one intake message.

    warnings: of what was taken, what is hardly likely, and that it changes nothing; of the shape of problems.
    id: the message's id, or ``seq-<n>`` (its sequence on INTAKE) if it carries none that can be read.
    events: ids of the events that it caused. contradicts: the facts that it contradicts, settled by rule; see
    ``contracts.registry``. repeated: the same message had been answered before, and this is the same answer again.
    """

    source: str
    id: str
    service: str
    outcome: Outcome
    at: RecordedTime
    type: str | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    events: tuple[EventId, ...] = ()
    person_ref: PersonRef | None = None
    waiting_for: str | None = None
    until: RecordedTime | None = None
    contradicts: tuple[EventId, ...] = ()
    repeated: bool = False


class ReceiptsAsked(Told):
    """A request for receipts: those of certain messages, or the next ones behind a position.

    ids: the last answers to each of these messages. after: the receipts behind this position of the service's receipts; without
    it only where they end now. wait_seconds: how long the answer may wait for the first receipt behind ``after``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    ids: tuple[Annotated[str, Field(min_length=1, max_length=MESSAGE_ID_CHARS_MAX)], ...] = Field((), max_length=IDS_ASKED_MAX)
    after: int | None = Field(None, ge=0, le=POSITION_MAX)
    wait_seconds: float = Field(0.0, ge=0, le=WAIT_SECONDS_MAX)


class ReceiptsPage(OwnEvent):
    """The answer. cursor: to be asked for behind next; head: of the receipts that the service has given to anybody.

    started: where they ended when this run of the service began, before it handled its first message. left: ids that found no
    room on this page. receipts: oldest first. seal_key: public (JWK), what is sealed for this service is
    sealed to it from now on.
    """

    service: str
    started: int
    head: int
    cursor: int
    left: tuple[str, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    seal_key: dict[str, str] | None = None
