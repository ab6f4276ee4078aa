"""``hongling trace``: from an event to what caused it and to what it led to, across the services.

Upwards: each event names its cause, an event of the registry's log or ``<source>/<message id>``, an intake message; one that
tells of a placement leads on to talent's event, and what the registry did because a day had passed to the event that named the
day. Downwards: what a worker's event leads to stands in that worker's own streams, one in each log; only what a policy leads to
is searched for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, func, select

from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.registry_words import event_text
from console.talent_words import TalentWords
from console.topology import SERVICES
from console.words import Words, day_of, safe, yuan
from contracts.allowance import EntitlementAdjusted, EntitlementDecided, FactHeard, PolicyPublished
from contracts.operations import MessageParked, ParkedDiscarded, ParkedRetried
from contracts.registry import (
    CertificationConcluded,
    FactCorrected,
    FactWithdrawn,
    InspectionClosed,
    NoticeOpened,
    ObjectionResolved,
    RegistryEvent,
)
from contracts.talent import CandidateEvent, CandidatePlaced, StandardPublished
from contracts.talent import FactHeard as TalentFactHeard
from eventlog import schema
from eventlog.log import Log, Recorded
from services.registry.decider.places import inspection_stream
from services.talent.conclusions import concluded_of
from services.talent.placements import SOURCE, event_of, message_id_of

__all__ = ["Places", "register", "traced"]

CAUSES_MAX = 100
SHOWN_MAX = 100
_MESSAGE = re.compile(r"([a-z][a-z0-9-]{0,31})/([A-Za-z0-9][A-Za-z0-9._:-]{0,127})")

EventArgument = Annotated[
    str, typer.Argument(metavar="EVENT_ID", help="id of an event, or <source>/<message id>", show_default=False)
]


def register(app: typer.Typer) -> None:
    app.command()(trace)


def trace(event_id: EventArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """What led to an event, up to the message that came in, and what it led to, in all services."""
    ctx = context(data, as_json, lang)
    with ExitStack() as stack:
        places = Places({})
        for service in SERVICES:
            log = stack.enter_context(ctx.log(service))
            places.logs[service] = (log, stack.enter_context(log.database.read.connect()))
        answer = traced(places, event_id, Words(ctx.lang))
    if answer is None:
        fail(
            WRONG,
            ctx.say(f"各服务日志中都没有 {event_id}", f"no log has {event_id}; give an event id, or <source>/<message id>"),
        )
    ctx.show(answer, lambda: "\n".join(_lines(ctx, answer)))


@dataclass(frozen=True, slots=True)
class Places:
    """Where events are looked for: service → its log and a connection."""

    logs: dict[str, tuple[Log, Connection]]

    def find(self, event_id: str) -> tuple[str, Recorded] | None:
        for service, (log, connection) in self.logs.items():
            found = log.find(connection, event_id)
            if found is not None:
                return service, found
        return None

    def stream(self, service: str, stream: str) -> list[Recorded]:
        log, connection = self.logs[service]
        return log.load(connection, [stream])[stream]

    def message(self, origin: str, message_id: str) -> dict[str, Any] | None:
        """What became of an intake message."""
        box = schema.inbox
        for service, (_, connection) in self.logs.items():
            query = select(box).where(box.c.origin == origin, box.c.message_id == message_id)
            row = connection.execute(query).one_or_none()
            if row is not None:
                return {
                    "service": service,
                    "message": f"{origin}/{message_id}",
                    "outcome": row.outcome,
                    "sequence": row.sequence,
                    "recorded_at": row.recorded_at,
                    "event_id": row.event_id,
                }
        return None


# --- cause and consequence --------------------------------------------------------------------------------------------


def traced(places: Places, name: str, words: Words) -> dict[str, Any] | None:
    """The event, its causes (the nearest first) and its consequences in order; None: nobody knows it."""
    message = _MESSAGE.fullmatch(name)
    if message is not None:
        settled = places.message(*message.groups())
        if settled is None:
            return None
        if settled["event_id"] is None:
            return {"event": None, "causes": [settled], "consequences": []}
        name = settled["event_id"]
    found = places.find(name)
    if found is None:
        return None
    service, recorded = found
    consequences = _consequences(places, service, recorded, words)
    return {
        "event": _row(service, recorded, words),
        "causes": _causes(places, recorded, words),
        "consequences": consequences[:SHOWN_MAX],
        "consequences_left_out": max(0, len(consequences) - SHOWN_MAX) + _others(places, service, recorded, consequences),
    }


def _causes(places: Places, recorded: Recorded, words: Words) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    last, cause = recorded, recorded.causation_id
    while cause is not None and len(found) < CAUSES_MAX:
        if "/" in cause:
            origin, _, message_id = cause.partition("/")
            found.append(places.message(origin, message_id) or {"message": cause, "outcome": None})
            cause = (event_of(message_id) or concluded_of(message_id)) if origin == SOURCE else _day_named(places, last, cause)
            continue
        event = places.find(cause)
        if event is None:
            found.append({"event_id": cause, "says": words.say("不在任何日志中", "in no log")})
            return found
        found.append(_row(*event, words))
        last, cause = event[1], event[1].causation_id
    return found


def _day_named(places: Places, recorded: Recorded, cause: str) -> str | None:
    """The event that named the day after which the registry did this by itself: a notice, or the closing of an inspection."""
    origin, _, what = cause.partition("/")
    if origin != "registry":
        return None
    if what.startswith("inspection:"):
        _, division, year, _ = what.split(":")
        closed = places.stream("registry", inspection_stream(division, int(year)))
        return next((each.event_id for each in closed if isinstance(each.event, InspectionClosed)), None)
    stream = places.stream("registry", recorded.stream)
    ended = next((e.event for e in stream if e.causation_id == cause and isinstance(e.event, CertificationConcluded)), None)
    if ended is None:
        return None
    named = [
        each.event_id
        for each in stream
        if each.position < recorded.position
        and isinstance(each.event, NoticeOpened | ObjectionResolved)
        and each.event.application == ended.application
        and each.event.ends_on is not None
    ]
    return named[-1] if named else None


def _consequences(places: Places, service: str, recorded: Recorded, words: Words) -> list[dict[str, Any]]:
    event = recorded.event
    if service == "allowance":
        later = places.stream("allowance", recorded.stream)
        chosen = [e for e in later if _supersedes(e, recorded) or e.causation_id == recorded.event_id]
        if isinstance(event, FactHeard):
            # The decisions made upon hearing it name the same cause.
            chosen += [e for e in later if e.causation_id == recorded.causation_id and e.position > recorded.position]
        if isinstance(event, MessageParked):
            chosen += [e for e in later if isinstance(e.event, ParkedRetried | ParkedDiscarded)]
        if isinstance(event, PolicyPublished):
            chosen = _caused_by_policy(places, recorded)
        return [_row("allowance", each, words) for each in chosen]
    if service == "talent":
        return _talent_consequences(places, recorded, words)
    chosen = [e for e in places.stream("registry", recorded.stream) if _about(e, recorded)]
    rows = [_row("registry", each, words) for each in chosen]
    if isinstance(event, RegistryEvent):
        for other in ("allowance", "talent"):
            heard = places.stream(other, recorded.stream)
            rows += [_row(other, each, words) for each in heard if each.causation_id == recorded.event_id]
            rows += _parked_behind(places, other, recorded)
    return rows


def _talent_consequences(places: Places, recorded: Recorded, words: Words) -> list[dict[str, Any]]:
    later = [e for e in places.stream("talent", recorded.stream) if e.position > recorded.position]
    # What hearing a fact leads to names the same cause; so does the review that goes with a screening.
    chosen = [e for e in later if e.causation_id in (recorded.event_id, recorded.causation_id)]
    if isinstance(recorded.event, MessageParked):
        chosen = [e for e in later if isinstance(e.event, ParkedRetried | ParkedDiscarded)]
    rows = [_row("talent", each, words) for each in chosen]
    if isinstance(recorded.event, CandidatePlaced):
        told = places.message(SOURCE, message_id_of(recorded.event_id))
        event = None if told is None or told["event_id"] is None else places.find(told["event_id"])
        rows += [_row(*event, words)] if event is not None else [told] if told is not None else []
    return rows


def _supersedes(later: Recorded, earlier: Recorded) -> bool:
    return isinstance(later.event, EntitlementAdjusted) and later.event.supersedes == earlier.event_id


def _about(later: Recorded, earlier: Recorded) -> bool:
    """Whether a later event of the stream corrects or withdraws the earlier one, came with it, or is an act on it."""
    event = later.event
    if later.position > earlier.position and later.causation_id is not None and later.causation_id == earlier.causation_id:
        return True
    if isinstance(event, FactCorrected):
        return event.corrects == earlier.event_id
    if isinstance(event, FactWithdrawn):
        return event.withdraws == earlier.event_id
    return isinstance(event, ParkedRetried | ParkedDiscarded) and event.parked == earlier.event_id


def _caused_by_policy(places: Places, recorded: Recorded) -> list[Recorded]:
    """The first decisions that a policy changed; a policy concerns everybody, so the rest is only counted."""
    log, connection = places.logs["allowance"]
    event = schema.event.c
    query = select(event.event_id).where(event.causation_id == recorded.event_id, event.position > recorded.position)
    ids = connection.scalars(query.order_by(event.position).limit(SHOWN_MAX)).all()
    return [found for each in ids if (found := log.find(connection, each)) is not None]


def _others(places: Places, service: str, recorded: Recorded, shown: Iterable[Any]) -> int:
    if service != "allowance" or not isinstance(recorded.event, PolicyPublished):
        return 0
    event = schema.event.c
    query = select(func.count()).where(event.causation_id == recorded.event_id, event.position > recorded.position)
    return int(places.logs["allowance"][1].execute(query).scalar_one()) - len(list(shown))


def _parked_behind(places: Places, service: str, recorded: Recorded) -> list[dict[str, Any]]:
    """Where another service could not hear the event and set it aside."""
    table = schema.parked
    query = select(table.c.parked_id, table.c.code, table.c.problem, table.c.parked_at).where(
        table.c.origin == "registry", table.c.message_id == recorded.event_id
    )
    return [
        {
            "service": service,
            "event_id": row.parked_id,
            "type": MessageParked.TYPE,
            "recorded_at": row.parked_at,
            "says": f"{row.code}: {row.problem}",
        }
        for row in places.logs[service][1].execute(query)
    ]


# --- words ------------------------------------------------------------------------------------------------------------


def _row(service: str, recorded: Recorded, words: Words) -> dict[str, Any]:
    return {
        "service": service,
        "position": recorded.position,
        "event_id": recorded.event_id,
        "type": recorded.type,
        "stream": recorded.stream,
        "effective_on": recorded.effective_on,
        "recorded_at": recorded.recorded_at,
        "actor": recorded.actor,
        "causation_id": recorded.causation_id,
        "correlation_id": recorded.correlation_id,
        "says": _says(recorded, words),
    }


def _says(recorded: Recorded, words: Words) -> str:
    event, on = recorded.event, date.fromisoformat(recorded.effective_on)
    if isinstance(event, EntitlementDecided | EntitlementAdjusted):
        decision = event.decision
        outcome, amount = words.word("decision", decision.decision), yuan(decision.amount_fen)
        difference = f" ({'+' if event.difference_fen > 0 else ''}{yuan(event.difference_fen)})"
        return words.say(
            f"{decision.year} 年{outcome} {amount}{difference}", f"{outcome} {amount} for {decision.year}{difference}"
        )
    if isinstance(event, PolicyPublished):
        document = event.document
        return words.say(f"发布政策 {document.document}", f"policy {document.document} published, revision {document.revision}")
    if isinstance(event, CandidateEvent | StandardPublished):
        return TalentWords(words.lang).event(recorded)
    if isinstance(event, FactHeard | TalentFactHeard):
        if event.particulars is None:
            return words.say("得知一次撤回", "heard a withdrawal")
        return words.say("得知：", "heard: ") + words.fact(event.particulars, on)
    if isinstance(event, MessageParked):
        return f"{event.code}: {event.problem}"
    if isinstance(event, ParkedRetried | ParkedDiscarded):
        return f"{event.by}: {event.reason}"
    if isinstance(event, RegistryEvent):
        return event_text(words, event, on)
    return recorded.type


def _lines(ctx: Context, answer: Mapping[str, Any]) -> list[str]:
    lines = [f"[bold]{ctx.say('原因', 'Caused by')}[/bold]"]
    lines += [f"  {_line(each)}" for each in reversed(answer["causes"])] or ["  –"]
    if answer["event"] is not None:
        lines += [f"[bold]{ctx.say('事件', 'Event')}[/bold]", f"  {_line(answer['event'])}"]
    lines.append(f"[bold]{ctx.say('结果', 'Led to')}[/bold]")
    lines += [f"  {_line(each)}" for each in answer["consequences"]] or ["  –"]
    left_out = answer.get("consequences_left_out", 0)
    return lines + ([ctx.say(f"  另有 {left_out} 个", f"  and {left_out} more")] if left_out else [])


def _line(row: Mapping[str, Any]) -> str:
    day = day_of(row["recorded_at"]) if row.get("recorded_at") else "?"
    if "message" in row:
        return safe(f"{day} {row['message']} ({row.get('service', '?')}: {row['outcome']})")
    where = f"{row.get('service', '?')}:{row.get('position', '?')}"
    return safe(f"{day} {where} {row.get('type', '')} {row['event_id']} {row['says']}")
