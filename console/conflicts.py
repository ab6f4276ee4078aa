"""``hongling conflicts``: facts that contradict each other without a correction, and which of them stands by the rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

import typer
from sqlalchemy import Connection

from console.context import Context, DataOption, JsonOption, LangOption, context
from console.words import Words, day_of, safe
from contracts.registry import FactAbsorbed, FactCorrected, RecordedFact
from eventlog.log import Log
from services.registry.views import conflicts as conflicts_of

__all__ = ["conflict_rows", "register"]

CONFLICTS_MAX = 1000


def register(app: typer.Typer) -> None:
    app.command()(conflicts)


def conflicts(data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Facts that contradict each other: what stands by the rule, against what, and who reported each."""
    ctx = context(data, as_json, lang)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        found = conflict_rows(log, connection, Words(ctx.lang))
    ctx.show(found, lambda: "\n".join(_lines(ctx, found)))


def conflict_rows(log: Log, connection: Connection, words: Words) -> list[dict[str, Any]]:
    """Every contradiction with what its facts say. identity_differs: only the (never shown) identity is different."""
    found = []
    for row in conflicts_of(connection, CONFLICTS_MAX):
        stands = _fact(log, connection, row["stands"], words)
        against = [_fact(log, connection, each, words) for each in row["contradicted_by"]]
        for each in against:
            same = (each["particulars"], each["effective_on"]) == (stands["particulars"], stands["effective_on"])
            each["identity_differs"] = same
        found.append({"person_ref": row["person_ref"], "slot": row["slot"], "stands": stands, "contradicted_by": against})
    return found


def _fact(log: Log, connection: Connection, event_id: str, words: Words) -> dict[str, Any]:
    recorded = log.find(connection, event_id)
    if recorded is None:
        raise LookupError(f"the read model names event {event_id}, which the log does not have; run `hongling verify registry`")
    # A withdrawal says nothing that could contradict.
    event = cast(RecordedFact | FactCorrected | FactAbsorbed, recorded.event)
    on = recorded.effective_on
    return {
        "event_id": event_id,
        "says": words.fact(event.particulars, date.fromisoformat(on)),
        "particulars": event.particulars.model_dump(mode="json"),
        "effective_on": on,
        "occurred_at": event.fact.occurred_at.isoformat(),
        "recorded_at": recorded.recorded_at,
        "source": event.fact.source,
        "authority": event.fact.authority,
        "message_id": event.fact.id,
    }


def _lines(ctx: Context, found: list[dict[str, Any]]) -> list[str]:
    if not found:
        return [ctx.say("没有相互矛盾的事实", "no facts contradict each other")]
    lines = []
    for each in found:
        lines.append(f"[bold]{each['person_ref']}[/bold] {safe(each['slot'])}")
        lines.append(f"  [green]{ctx.say('有效', 'stands')}[/green] {_line(ctx, each['stands'])}")
        lines += [f"  [yellow]{ctx.say('矛盾', 'against')}[/yellow] {_line(ctx, other)}" for other in each["contradicted_by"]]
    count = len(found)
    lines.append(
        ctx.say(
            f"共 {count} 处；请有关来源以更正或撤回解决",
            f"{count} in all; a correction or withdrawal by the source settles each",
        )
    )
    return lines


def _line(ctx: Context, fact: Mapping[str, Any]) -> str:
    origin, day, on = f"{fact['source']}/{fact['message_id']}", day_of(fact["occurred_at"]), fact["effective_on"]
    identity = ctx.say("，身份信息不同", ", with another identity") if fact.get("identity_differs") else ""
    authority = ctx.say("，依职权", ", with authority") if fact["authority"] else ""
    said = ctx.say(
        f"{fact['says']}{identity}（{on} 生效，来源 {origin} 于 {day} 记录{authority}）",
        f"{fact['says']}{identity} (effective {on}, recorded by {origin} on {day}{authority})",
    )
    return safe(said)
