"""What every act carries, and how one is refused: shared by the rules about people and about matters. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from contracts.possible import impossible_day
from contracts.receipts import Problem
from contracts.registry import FactOrigin
from eventlog.decider import Rejected

__all__ = ["Stamp", "check_dates", "reject"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every act carries. event_id: of the first event to be; received_at: when talent took the message.

    person_ref: whom it is about; empty for a matter.
    """

    event_id: str
    person_ref: str
    origin: FactOrigin
    on: date
    received_at: datetime


def reject(field_name: str, code: str, problem: str, remedy: str) -> Rejected:
    return Rejected(Problem(field=field_name, code=code, problem=problem, remedy=remedy))


def check_dates(stamp: Stamp) -> None:
    """Raises Rejected for a day or a time that no act can have."""
    found = impossible_day(stamp.on, stamp.origin.occurred_at, stamp.received_at)
    if found is not None:
        raise Rejected(found)
