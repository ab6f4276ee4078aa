"""Where somebody is registered, and when they are not: a registration with its transfers, closings and reopenings. Pure.

Allowance and talent ask the same question of the same facts, so the answer stands here, once. Order of arrival does not matter:
changes are taken in the order of their effective day, then of their key, then of what they say. The registration comes first,
whatever its day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from contracts.particulars import Particulars, Registration, RegistrationStatus, Transfer

__all__ = ["Closed", "Fact", "closed_spans", "division_on"]

Fact = tuple[str, date, Particulars]
"""A standing fact: the event that says it, the day from which it counts, and what it says."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Closed:
    """Days on which a registration is closed. first: the day after its last one; last None: it was not reopened.

    facts: the closing, and the reopening if there is one.
    """

    first: date
    last: date | None
    facts: tuple[str, ...]

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


def closed_spans(facts: Iterable[Fact]) -> tuple[Closed, ...]:
    """The days on which the registration is closed, in order; two spans never touch each other.

    What makes no sense changes nothing: closing what is closed, reopening what is open. Reopened on the day after its last one,
    or on that day itself, it was never closed.
    """
    changes = sorted(
        (on, says.key, says.status, event_id) for event_id, on, says in facts if isinstance(says, RegistrationStatus)
    )
    spans: list[Closed] = []
    closing: Closed | None = None
    for on, _, status, event_id in changes:
        if status == "closed" and closing is None:
            closing = Closed(on + _DAY, None, (event_id,))
        elif status == "reopened" and closing is not None:
            if closing.first < on:
                spans.append(Closed(closing.first, on - _DAY, (*closing.facts, event_id)))
            closing = None
    return (*spans, closing) if closing is not None else tuple(spans)


def division_on(facts: Iterable[Fact], day: date) -> tuple[str, tuple[str, ...]] | None:
    """The division in which somebody is registered on a day, and the facts that say so: the registration, and the last transfer
    by then. None: there is no registration."""
    registration: Fact | None = None
    transfers: list[tuple[date, str, str, str]] = []
    for fact in facts:
        event_id, on, says = fact
        if isinstance(says, Registration):
            registration = fact
        elif isinstance(says, Transfer) and on <= day:
            transfers.append((on, says.key, says.division, event_id))
    if registration is None:
        return None
    event_id, _, registered = registration
    assert isinstance(registered, Registration)
    if not transfers:
        return registered.division, (event_id,)
    _, _, division, moved = max(transfers)
    return division, (event_id, moved)
