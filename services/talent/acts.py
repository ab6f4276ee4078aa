"""What every act carries, and how one is refused: shared by the rules about people and about matters. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from contracts.receipts import Problem
from contracts.registry import FactOrigin
from eventlog.decider import Rejected

__all__ = ["EFFECTIVE_FIRST", "FUTURE_DAYS_MAX", "Stamp", "check_dates", "reject"]

EFFECTIVE_FIRST = date(1949, 10, 1)
FUTURE_DAYS_MAX = 400
"""As the registry takes them: a placement further ahead would be refused there."""
CLOCK_SKEW_MAX = timedelta(hours=24)


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
    """An act is neither older than the republic nor far in the future, and was not recorded tomorrow."""
    if stamp.on < EFFECTIVE_FIRST:
        raise reject("effectiveon", "date-too-early", f"before {EFFECTIVE_FIRST}", "give the date on which it was true")
    if stamp.on > stamp.received_at.date() + timedelta(days=FUTURE_DAYS_MAX):
        raise reject(
            "effectiveon", "date-too-late", f"more than {FUTURE_DAYS_MAX} days ahead", "report it when its date is near"
        )
    if stamp.origin.occurred_at > stamp.received_at + CLOCK_SKEW_MAX:
        raise reject("time", "time-in-future", "the recording time is more than 24 hours ahead", "set the source's clock")
