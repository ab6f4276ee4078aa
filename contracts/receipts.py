"""Receipts: what became of each intake message and why, on ``receipts.<source>.<outcome>``.

Outcomes. ``accepted``: recorded. ``refused``: will never be recorded as it is; ``problems`` say what to mend.
``waiting``: kept until what it needs arrives, at most until ``until``. ``parked``: an operator will look at it.
A ``waiting`` message gets a second receipt when it is settled. A receipt never repeats personal data.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from contracts.base import EventId, OwnEvent, PersonRef

__all__ = ["Outcome", "Problem", "Receipt"]

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
    at: AwareDatetime
    type: str | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    events: tuple[EventId, ...] = ()
    person_ref: PersonRef | None = None
    waiting_for: str | None = None
    until: AwareDatetime | None = None
    contradicts: tuple[EventId, ...] = ()
    repeated: bool = False
