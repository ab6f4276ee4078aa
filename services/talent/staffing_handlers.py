"""How facts about units and vacancies are named, loaded and decided. No rules here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, cast

from sqlalchemy import Connection

from contracts.standard import Words
from eventlog.decider import Early
from eventlog.inbox.protocol import Decided, Entry, told_again
from eventlog.log import Log, Unit
from services.talent.acts import Stamp
from services.talent.development_handlers import made_need
from services.talent.staffing import (
    StaffingCommand,
    StaffingHappened,
    StaffingState,
    decide_staffing,
    evolve_staffing,
    needs_description,
    replay_staffing,
    staffing_stream,
)

__all__ = ["Staffing"]


class StaffingBatch(Protocol):
    """staffing: state of each unit and vacancy that the batch touches, by its stream."""

    staffing: dict[str, StaffingState]
    versions: dict[str, int]
    provided: list[str]

    def words(self, division: str, day: date) -> Words: ...


@dataclass(frozen=True, slots=True)
class Staffing:
    """Units and vacancies."""

    log: Log

    def stream_of(self, connection: Connection, batch: StaffingBatch, entry: Entry) -> str:
        return staffing_stream(cast(Any, entry.parsed.message.data), entry.parsed.origin)

    def load(self, connection: Connection, batch: StaffingBatch, entries: Sequence[Entry]) -> None:
        streams = {self.stream_of(connection, batch, entry) for entry in entries} - batch.staffing.keys()
        for stream, history in self.log.histories(connection, streams).items():
            batch.staffing[stream] = replay_staffing(stream, (StaffingHappened(*self.log.past(past)[1:]) for past in history))
            batch.versions[stream] = len(history)

    def decide(self, connection: Connection, batch: StaffingBatch, entry: Entry, stream: str) -> Decided:
        message, states = entry.parsed.message, batch.staffing
        data = cast(Any, message.data)
        event_id = self.log.new_id()
        stamp = Stamp(event_id, "", entry.parsed.fact, message.effectiveon, self.log.clock.now())
        division = getattr(data, "division", "")
        known = batch.words(division, message.effectiveon) if division else Words()
        command = StaffingCommand(stamp, data, known)
        if needs_description(command, states[stream]):
            raise Early(made_need(stream), "the description of the vacancy")
        before = states[stream]
        events = decide_staffing(command, before)
        unit = Unit(expects={stream: batch.versions[stream]})
        for event in events:
            unit.events.append(entry.event(stream, event, event_id))
            states[stream] = evolve_staffing(states[stream], StaffingHappened(message.effectiveon, event))
        batch.versions[stream] += len(events)
        if events and stream.startswith("vacancy-"):
            batch.provided.append(made_need(stream))
        return Decided(unit, (event_id,) if events else (), warnings=told_again(events, before, states[stream]))
