"""What the registry does by itself, because a day has passed: notices that end, inspections that are closed.

Safe to run twice and on several instances: what is due is read from the read models, decided on the person's own stream as it
stands, and appended with its version; whoever comes second finds nothing to do. A stream that stands still is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from contracts.base import business_day
from contracts.particulars import InspectionResult
from contracts.registry import CertificateIssued, FactOrigin, WorkerEvent
from eventlog.decider import Rejected
from eventlog.inbox.failures import Failure, failure_of
from eventlog.log import InboxEntry, Log, NewEvent, Unit, Vanished
from eventlog.parking import blocked_streams
from services.registry.decider import (
    Command,
    Early,
    Happened,
    PassDeadline,
    Record,
    Rules,
    Stamp,
    Worker,
    decide,
    due_for,
    effective_day,
    place_on,
    replay,
    stream_of,
)
from services.registry.decider.places import result_origin
from services.registry.numbers import certificate_number
from services.registry.standards import standards
from services.registry.views import Due, certificate_holder, due, inspection, last_serial, uninspected

__all__ = ["Keeper"]

SERVICE = "registry"
PAGE_MAX = 500
"""People of one append."""
MORE_EVENTS_MAX = 8
"""Events of one notice beside its end: the certificate, and the end of those that it supersedes."""
LOOK_AGAIN_SECONDS = 3_600
"""After how long a closed inspection is looked at again: for who was registered, or lost a result, since."""
LOOK_AGAIN_MAX = 20
"""Closed inspections that one run looks at again; there may be thousands."""

States = dict[str, tuple[Worker, int]]
"""person_ref → state and version."""


class Closed(NamedTuple):
    """An inspection that is closed. on: its last day. rest: the outcome for those who have no result."""

    division: str
    year: int
    on: date
    rest: str


class Keeper:
    """wake: tells the relays that there is something to carry."""

    def __init__(self, log: Log, rules: Rules, wake: Callable[[], None]) -> None:
        self._log = log
        self._rules = rules
        self._wake = wake
        self._shelf = standards(log).shelf()
        self._looked: dict[tuple[str, int], datetime] = {}

    def run(self) -> int:
        """Do everything that is due. Returns how many people it concerned.

        Raises RuntimeError, once everything else is done, if a rule fails on somebody.
        """
        failed: list[str] = []
        done = self.pass_deadlines(failed) + self.fill_inspections(failed)
        if failed:
            raise RuntimeError(f"a rule failed on {len(failed)} people, {failed[0]} first")
        return done

    # --- public notices -------------------------------------------------------------------------------------------------

    def pass_deadlines(self, failed: list[str]) -> int:
        """Grant, or end, the applications whose notice is over. failed: person_refs on whom a rule fails are added."""
        done = 0
        while passed := self._pass_page(failed):
            done += passed
        return done

    def _pass_page(self, failed: list[str]) -> int:
        today = business_day(self._log.clock.now())
        with self._log.database.read.connect() as connection:
            position = self._log.head(connection).position
            blocked = blocked_streams(connection)
            # Those that cannot pass now must not fill the page.
            rows = due(connection, today, PAGE_MAX + len(blocked) + len(failed))
            rules = replace(self._rules, standards=self._shelf.read(connection).items)
            states = self._states(connection, [row.person_ref for row in rows], blocked)
            numbers = Numbers(connection)
            units = []
            for row in rows:
                ref = row.person_ref
                if ref in states and ref not in failed:
                    unit = self._attempt(failed, ref, self._passed, row, states[ref], rules, today, numbers)
                    units += [] if unit is None else [unit]
        return self._append(units, position)

    def _passed(self, row: Due, found: tuple[Worker, int], rules: Rules, today: date, numbers: Numbers) -> Unit | None:
        """The unit of one notice that has ended."""
        state, version = found
        issue = due_for(state, row.application, today)
        if issue is None:
            return None
        origin = FactOrigin(source=SERVICE, id=f"deadline:{row.person_ref}:{version}", occurred_at=self._log.clock.now())
        command = PassDeadline(
            self._stamp(row.person_ref, origin, today), row.application, numbers.next(issue[0], issue[1].year)
        )
        unit = self._decided(command, state, version, rules)
        if unit is None or not any(isinstance(new.event, CertificateIssued) for new in unit.events):
            numbers.give_back(issue[0], issue[1].year)
        return unit

    # --- annual inspections ---------------------------------------------------------------------------------------------

    def fill_inspections(self, failed: list[str]) -> int:
        """Give everybody who has no result of a closed inspection what its closing says. failed: as above."""
        now = self._log.clock.now()
        with self._log.database.read.connect() as connection:
            table = inspection
            query = select(table.c.division, table.c.year, table.c.closed_on, table.c.rest)
            over = query.where(table.c.closed_on <= business_day(now).isoformat())
            closed = [Closed(row[0], row[1], date.fromisoformat(row[2]), row[3]) for row in connection.execute(over)]
        new = [each for each in closed if each[:2] not in self._looked]
        before = now - timedelta(seconds=LOOK_AGAIN_SECONDS)
        again = [each for each in closed if self._looked.get(each[:2], now) <= before]
        again.sort(key=lambda each: self._looked[each[:2]])
        done = 0
        for each in (*new, *again[:LOOK_AGAIN_MAX]):
            found, complete = self._fill(each, failed)
            done += found
            if complete:
                self._looked[each[:2]] = now
        return done

    def _fill(self, closed: Closed, failed: list[str]) -> tuple[int, bool]:
        """(how many people were given a result, whether nobody was left for another run): a page after another."""
        done, complete, failed_before = 0, True, len(failed)
        after: tuple[str, str] | None = None
        while True:
            with self._log.database.read.connect() as connection:
                position = self._log.head(connection).position
                page = uninspected(connection, closed.division, closed.year, closed.on, after=after, limit=PAGE_MAX)
                blocked = blocked_streams(connection)
                states = self._states(connection, [ref for _, ref in page], blocked)
            if not page:
                return done, complete and len(failed) == failed_before
            after = page[-1]
            units = []
            for ref, found in states.items():
                unit = self._attempt(failed, ref, self._filled, closed, ref, found)
                units += [] if unit is None else [unit]
            appended = self._append(units, position)
            done += appended
            complete = complete and appended == len(units) and len(states) == len(page)

    def _filled(self, closed: Closed, ref: str, found: tuple[Worker, int]) -> Unit | None:
        """The unit of one result, for who was registered when the inspection was closed."""
        state, version = found
        place = place_on(state, closed.on)
        if place is None or not place.open or state.standing.get(f"inspection/{closed.year}", (None,))[0] is not None:
            return None
        stamp = self._stamp(ref, result_origin(closed.division, closed.year, ref), closed.on)
        outcome = InspectionResult.model_validate({"year": closed.year, "outcome": closed.rest})
        return self._decided(Record(stamp, outcome), state, version, self._rules)

    # --- deciding and appending -----------------------------------------------------------------------------------------

    def _attempt(self, failed: list[str], ref: str, make: Callable[..., Unit | None], *given: object) -> Unit | None:
        """One person's unit; a rule that fails on somebody must not stop it for all others."""
        try:
            return make(*given)
        except Exception as error:
            if failure_of(error) is not Failure.MESSAGE:
                raise
            failed.append(ref)
            return None

    def _states(self, connection: Connection, refs: Sequence[str], blocked: set[str]) -> States:
        """Of these people, but for those behind a parked message."""
        found: States = {}
        for stream, history in self._log.histories(connection, {stream_of(ref) for ref in refs} - blocked).items():
            happened = (Happened(*self._log.past(each)) for each in history)
            found[stream.removeprefix("worker-")] = (replay(happened), len(history))
        return found

    def _stamp(self, ref: str, origin: FactOrigin, on: date) -> Stamp:
        more = tuple(self._log.new_id() for _ in range(MORE_EVENTS_MAX))
        return Stamp(self._log.new_id(), ref, origin, on, self._log.clock.now(), more)

    def _decided(self, command: Command, state: Worker, version: int, rules: Rules) -> Unit | None:
        """What a command leads to, as one unit; None: nothing, or the file does not take it.

        It has an inbox entry like a message, so that an operator can correct or withdraw what was recorded.
        """
        try:
            events = decide(command, state, rules)
        except (Rejected, Early):
            return None
        if not events:
            return None
        stamp = command.stamp
        stream, ids = stream_of(stamp.person_ref), (stamp.event_id, *stamp.more_ids)
        cause = f"{SERVICE}/{stamp.origin.id}"
        entry = InboxEntry(SERVICE, stamp.origin.id, b"", "accepted", 0, _correctable(events, ids), stream)
        unit = Unit(entry, expects={stream: version})
        for event_id, event in zip(ids, events, strict=False):
            day = effective_day(command, event, state).isoformat()
            unit.events.append(NewEvent(stream, event, day, event_id, stamp.origin.id, cause, SERVICE))
        return unit

    def _append(self, units: Sequence[Unit], position: int) -> int:
        """Commit those that still hold; the others come again at the next run."""
        if not units:
            return 0
        try:
            appended = self._log.append(units, seen_position=position, recheck=lambda c: _taken_meanwhile(c, units))
        except (IntegrityError, Vanished):
            return 0
        self._wake()
        return len(units) - len(appended.conflicts)


def _correctable(events: Sequence[WorkerEvent], ids: Sequence[str]) -> str:
    """The event that a correction of it all is about: the certificate, if there is one."""
    return next((i for i, event in zip(ids, events, strict=False) if isinstance(event, CertificateIssued)), ids[0])


# --- certificate numbers --------------------------------------------------------------------------------------------------


class Numbers:
    """Numbers for certificates that are issued in one append. Another instance may take the same: ``_taken_meanwhile``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last: dict[tuple[str, int], int] = {}

    def next(self, issuer: str, year: int) -> str:
        """Raises ValueError if the issuer has no number left in the year."""
        if (issuer, year) not in self._last:
            self._last[issuer, year] = last_serial(self._connection, issuer, year)
        number = certificate_number(issuer, year, self._last[issuer, year] + 1)
        self._last[issuer, year] += 1
        return number

    def give_back(self, issuer: str, year: int) -> None:
        """The number that was given last was not used."""
        self._last[issuer, year] -= 1


def _taken_meanwhile(connection: Connection, units: Sequence[Unit]) -> list[int]:
    """The units whose certificate number somebody has used since."""
    numbers = {
        new.event.particulars.number: index
        for index, unit in enumerate(units)
        for new in unit.events
        if isinstance(new.event, CertificateIssued)
    }
    table = certificate_holder
    query = select(table.c.number).where(table.c.number.in_(list(numbers)))
    return [numbers[number] for number in connection.scalars(query)] if numbers else []
