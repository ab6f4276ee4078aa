"""From intake messages about units and vacancies to units of a batch. No rules here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import cast

from sqlalchemy import Connection

from contracts.registry import FactOrigin
from contracts.staffing import StaffingEvent
from contracts.standard import Words
from eventlog.decider import Rejected
from eventlog.desk import Batch, Desk, Item, problem
from eventlog.holding import Holding, Need
from eventlog.inbox.failures import Failure, failure_of
from eventlog.intake import Parsed
from eventlog.log import Log, NewEvent, Unit
from services.talent.acts import Stamp
from services.talent.development_handlers import made_need
from services.talent.staffing import (
    StaffingCommand,
    StaffingFact,
    StaffingHappened,
    StaffingState,
    decide_staffing,
    evolve_staffing,
    needs_description,
    replay_staffing,
    staffing_stream,
)

__all__ = ["Staffing"]


@dataclass(frozen=True, slots=True)
class Staffing:
    """What the service's handlers pass on. words: those of the standard in force in a division on a day."""

    desk: Desk
    log: Log
    holding: Holding

    def settle(
        self,
        connection: Connection,
        batch: Batch,
        states: dict[str, StaffingState],
        item: Item,
        parsed: Parsed,
        content: bytes,
        data: StaffingFact,
        words: Callable[[str, date], Words],
    ) -> None:
        """Add the unit of one fact: accepted, held, refused or parked. states: of the streams that the batch has read."""
        message = parsed.message
        stream = staffing_stream(data, parsed.origin)
        if stream in batch.blocked:
            self._park(batch, item, parsed, "behind-parked", "an earlier message about this is parked", stream)
            return
        self._bring(connection, batch, states, stream)
        before = states[stream], batch.versions[stream]
        event_id = self.log.new_id()
        origin = FactOrigin(source=parsed.origin, id=message.id, occurred_at=message.time)
        stamp = Stamp(event_id, "", origin, message.effectiveon, self.log.clock.now())
        try:
            division = getattr(data, "division", "")
            known = words(division, message.effectiveon) if division else Words()
            command = StaffingCommand(stamp, data, known)
            if needs_description(command, states[stream]):
                raise Need(made_need(stream), "the description of the vacancy")
            events = decide_staffing(command, states[stream])
        except Need as need:
            self.holding.hold(batch, item, parsed, need, {stream: batch.versions[stream]})
        except Rejected as rejected:
            self.desk.refuse(batch, item, parsed, rejected.problems, content)
        except Exception as error:
            if failure_of(error) is not Failure.MESSAGE:
                raise
            states[stream], batch.versions[stream] = before
            self._park(batch, item, parsed, "rule-failed", f"{type(error).__name__} while deciding", stream)
            batch.blocked.add(stream)
        else:
            self._accept(batch, states, item, parsed, content, stream, event_id, events)

    def _bring(self, connection: Connection, batch: Batch, states: dict[str, StaffingState], stream: str) -> None:
        if stream in states:
            return
        history = self.log.histories(connection, {stream}).get(stream, [])
        states[stream] = replay_staffing(
            stream,
            (
                StaffingHappened(
                    date.fromisoformat(past.effective_on), cast(StaffingEvent, self.log.codec.decode(past.type, past.data))
                )
                for past in history
            ),
        )
        batch.versions[stream] = len(history)

    def _accept(
        self,
        batch: Batch,
        states: dict[str, StaffingState],
        item: Item,
        parsed: Parsed,
        content: bytes,
        stream: str,
        event_id: str,
        events: tuple[StaffingEvent, ...],
    ) -> None:
        message = parsed.message
        unit = Unit(expects={stream: batch.versions[stream]})
        for event in events:
            cause = f"{parsed.origin}/{message.id}"
            on, correlation = message.effectiveon.isoformat(), message.correlationid or message.id
            unit.events.append(NewEvent(stream, event, on, event_id, correlation, cause, parsed.origin))
            states[stream] = evolve_staffing(states[stream], StaffingHappened(message.effectiveon, event))
            batch.versions[stream] += 1
        if events and stream.startswith("vacancy-"):
            batch.provided.append(made_need(stream))
        ids = (event_id,) if events else ()
        receipt = self.desk.receipt(parsed, "accepted", events=ids)
        self.desk.accept(batch, item, parsed, content, unit, stream, ids[0] if ids else None, receipt)

    def _park(self, batch: Batch, item: Item, parsed: Parsed, code: str, what: str, blocks: str) -> None:
        why = problem("", code, what, "an operator will look at it; nothing is lost")
        receipt = self.desk.receipt(parsed, "parked", problems=(why,))
        self.desk.set_aside(batch, item, (parsed.origin, parsed.message.id), why, blocks, receipt)
