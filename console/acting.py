"""What every command of the registry's desk shares: how an act is published, and how the registry's answer is shown.

An act is a message like any source's. The registry answers it with a receipt, which is shown with every event that came of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, cast

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.table import Table

from console.context import WRONG, Context, fail
from console.parked import masked
from console.people import business_day_of, person_ref_of
from console.personal import publish_act
from console.publishing import show_receipt
from console.registry_words import criterion, event_text, side
from console.words import Words, day_of, safe, show_table
from contracts.base import DivisionCode
from contracts.certification import CriterionResult
from contracts.particulars import EngagementStart
from contracts.receipts import Receipt
from contracts.registry import EligibilityReviewed, PersonMerged, RegistryEvent, WorkerEvent
from contracts.roles import DESK, OPERATOR
from eventlog.ids import SystemClock, SystemEntropy, uuid7
from eventlog.log import Recorded
from services.registry.decider import Happened, Known, Worker, replay, stream_of

__all__ = [
    "DivisionOption",
    "KeyOption",
    "OnOption",
    "PersonArgument",
    "act",
    "caused_by",
    "check_division",
    "check_text",
    "criteria_table",
    "engagements_of",
    "fold",
    "in_words",
    "new_key",
    "own_name",
    "person_of",
    "show_answer",
    "worker_of",
]

LONG_TEXT_CHARACTERS_MAX = 2000

PersonArgument = Annotated[str, typer.Argument(help="a person_ref, or <source>:<key> such as hr:K001", show_default=False)]
OnOption = Annotated[str | None, typer.Option("--on", help="effective date, YYYY-MM-DD; else today", show_default=False)]
KeyOption = Annotated[str | None, typer.Option("--key", help="your own key for it; else a new one", show_default=False)]
DivisionOption = Annotated[str, typer.Option("--division", help="GB/T 2260 code, such as 320102", show_default=False)]

_DIVISION: TypeAdapter[str] = TypeAdapter(DivisionCode)


# --- publishing, and what came of it ------------------------------------------------------------------------------------


def act(ctx: Context, fact: str, model: type[BaseModel], data: Mapping[str, Any], on: str | None) -> None:
    """Publish an act and show what the registry answered. What is None or empty in ``data`` is left out."""
    day = business_day_of("--on", on)
    kept = {name: value for name, value in data.items() if value is not None and value != [] and value != ()}
    show_answer(ctx, publish_act(ctx, fact, model, kept, day))


def show_answer(ctx: Context, receipt: Receipt) -> None:
    """Show the receipt, and every event that the message caused, in words and as JSON."""
    words = Words(ctx.lang)
    events = caused_by(ctx, receipt)
    more = {"happened": [_row(words, each) for each in events]}
    lines = [safe(f"{each.effective_on} {in_words(words, each)}") for each in events]
    if receipt.person_ref is not None:
        lines.insert(0, ctx.say(f"人员 {receipt.person_ref}", f"person {receipt.person_ref}"))
    if receipt.outcome == "waiting" and receipt.until is not None:
        until = day_of(receipt.until.isoformat())
        waits = safe(receipt.waiting_for or "")
        lines.append(ctx.say(f"等待：{waits}，最迟 {until}", f"it waits for {waits}, until {until} at most"))
    show_receipt(ctx, receipt, more, "\n".join(lines))
    for each in events:
        if isinstance(each.event, EligibilityReviewed) and not ctx.as_json:
            show_table(ctx.out, criteria_table(words, each.event.criteria))


def caused_by(ctx: Context, receipt: Receipt) -> list[Recorded]:
    """Every event that a message led to, in order; nothing, if it led to none, or the log cannot be read from here."""
    if not receipt.events or (ctx.deployment is None and not os.environ.get("HONGLING_REGISTRY_DATABASE_URL")):
        return []
    cause = f"{receipt.source}/{receipt.id}"
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        first = log.find(connection, receipt.events[0])
        if first is None:
            return []
        streams = [first.stream]
        if isinstance(first.event, PersonMerged):
            streams.append(stream_of(first.event.into))
        found = log.load(connection, streams)
    events = [each for stream in streams for each in found[stream] if each.causation_id == cause]
    return sorted(events, key=lambda each: each.position)


def in_words(words: Words, recorded: Recorded) -> str:
    return event_text(words, cast(RegistryEvent, recorded.event), date.fromisoformat(recorded.effective_on))


def _row(words: Words, recorded: Recorded) -> dict[str, Any]:
    row: dict[str, Any] = {
        "event_id": recorded.event_id,
        "type": recorded.type,
        "effective_on": recorded.effective_on,
        "says": in_words(words, recorded),
    }
    if isinstance(recorded.event, EligibilityReviewed):
        row |= {"result": recorded.event.result, "criteria": [each.payload() for each in recorded.event.criteria]}
    return row


def criteria_table(words: Words, criteria: Sequence[CriterionResult]) -> Table:
    """Each criterion two-sided: what was required, what was found, met or not, and for which title it was waived."""
    table = Table()
    for column in words.say("条件,要求,实际,结论,条款", "criterion,required,found,result,clause").split(","):
        table.add_column(column, overflow="fold")
    for each in criteria:
        met = words.say("符合", "met") if each.met else words.say("不符合", "not met")
        if each.waived is not None:
            met = words.say(f"免（第{each.waived.clause}条）", f"waived (clause {each.waived.clause})")
        colour = "green" if each.met else "red"
        table.add_row(
            safe(criterion(words, each.name, each.rule)),
            safe(side(words, each.required)),
            safe(side(words, each.found)),
            f"[{colour}]{safe(met)}[/{colour}]",
            safe(each.clause),
        )
    return table


def check_text(option: str, text: str) -> str:
    """A long text that is recorded for ever in plain. Ends the command with 2 if it is empty, or holds personal data."""
    if not 1 <= len(text.strip()) <= LONG_TEXT_CHARACTERS_MAX:
        fail(WRONG, f"{option} has 1 to {LONG_TEXT_CHARACTERS_MAX} characters; it is recorded for ever")
    if masked(text) != text:
        fail(WRONG, f"{option} holds a number that looks like personal data; it is recorded for ever, so leave it out")
    return text.strip()


def check_division(division: str | None) -> None:
    """Ends the command with 2 if this is no division code."""
    if division is None:
        return
    try:
        _DIVISION.validate_python(division)
    except ValidationError:
        fail(WRONG, f"--division {division} is no code of GB/T 2260; write six digits such as 320102")


def new_key(prefix: str) -> str:
    """A key of ours for a new thing."""
    return f"{prefix}-{uuid7(SystemClock().now(), SystemEntropy())}"


def own_name(ctx: Context, text: str) -> str:
    """``<source>/<key>`` as it stands in lists; a text without a slash is a key of our own."""
    return text if "/" in text else f"{ctx.who(OPERATOR, DESK)}/{text}"


def fold(events: Sequence[Recorded]) -> Worker:
    """A person's file after these events of it."""
    return replay(
        Happened(each.event_id, date.fromisoformat(each.effective_on), cast(WorkerEvent, each.event)) for each in events
    )


def worker_of(ctx: Context, ref: str) -> Worker:
    """A person's file as it stands."""
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        return fold(log.load(connection, [stream_of(ref)])[stream_of(ref)])


def engagements_of(state: Worker) -> list[tuple[str, Known, Known | None]]:
    """(``<source>/<key>``, start, end) of every engagement that stands, in the order of their first day."""
    found = []
    for slot, (fact, _) in state.standing.items():
        kind, _, rest = slot.partition("/")
        if kind == "engagement-start" and fact is not None and isinstance(state.facts[fact].says, EngagementStart):
            end = state.standing.get(f"engagement-end/{rest}", (None, ()))[0]
            found.append((rest, state.facts[fact], None if end is None else state.facts[end]))
    return sorted(found, key=lambda each: (each[1].effective_on, each[0]))


def person_of(ctx: Context, person: str) -> dict[str, str]:
    return {"person_ref": person_ref_of(ctx, person)}
