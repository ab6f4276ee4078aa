"""``hongling proposal``: acts that need a second principal: list, show, confirm, withdraw.

A document is confirmed by the file that its second reader has looked at: exactly what stands in it, or nothing. Any other act
is confirmed by the id of its event and its digest, which ``show`` tells together with what it asks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, cast

import orjson
import typer
from rich.table import Table

from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail, run_async
from console.personal import check_words
from console.publishing import Message, fact_message, is_proposed, read_document, send, show_receipt
from console.topology import SERVICES
from console.words import day_of, safe, show_table
from contracts.base import business_day, utc_text
from contracts.operations import ProposalEvent
from contracts.receipts import Receipt
from contracts.roles import REVIEWER
from eventlog.eyes import PROPOSALS, Proposal, digest_of, replay
from eventlog.ids import SystemClock
from eventlog.log import Log

__all__ = [
    "Waiting",
    "confirm_file",
    "confirm_message",
    "end_for_waiting",
    "open_proposal",
    "proposals_in",
    "register",
    "same_act",
    "text_of",
]

proposal = typer.Typer(no_args_is_help=True, help="Acts that need a second principal: list, show, confirm, withdraw.")

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
TargetArgument = Annotated[
    str,
    typer.Argument(metavar="FILE|EVENT_ID", help="the document that was proposed, or the proposal's event", show_default=False),
]
IdArgument = Annotated[str, typer.Argument(metavar="EVENT_ID", help="id of the proposal's event", show_default=False)]
Sha256Option = Annotated[str | None, typer.Option("--sha256", help="digest of what was looked at", show_default=False)]
AllOption = Annotated[bool, typer.Option("--all", help="also those that are settled or over")]
ReasonOption = Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)]


def register(app: typer.Typer) -> None:
    app.add_typer(proposal, name="proposal")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal and the service that has it."""

    service: str
    proposal: Proposal

    def state(self, now: datetime) -> Literal["open", "confirmed", "withdrawn", "expired"]:
        found = self.proposal
        return found.settled or ("open" if now < found.until else "expired")

    def row(self, now: datetime) -> dict[str, Any]:
        found = self.proposal
        return {
            "event_id": found.event_id,
            "service": self.service,
            "act": found.said["type"],
            "by": found.by,
            "sha256": found.sha256,
            "until": utc_text(found.until),
            "state": self.state(now),
        }


def proposals_in(log: Log) -> Mapping[str, Proposal]:
    """Every proposal of a service."""
    with log.database.read.connect() as connection:
        events = log.load(connection, [PROPOSALS])[PROPOSALS]
    return replay((each.event_id, cast(ProposalEvent, each.event)) for each in events)


def _all(ctx: Context) -> list[Waiting]:
    found = []
    for service in SERVICES:
        with ctx.log(service) as log:
            found += [Waiting(service, each) for each in proposals_in(log).values()]
    return found


def text_of(found: Proposal) -> str | None:
    """The document that a proposal asks to publish; None for another act."""
    text = found.said["data"].get("text")
    return text if isinstance(text, str) else None


def same_act(log: Log, by: str, fact: str, scope: Mapping[str, Any]) -> list[Proposal]:
    """What a principal has proposed of this kind, with exactly this in its data, the latest first."""
    return [
        each
        for each in reversed(list(proposals_in(log).values()))
        if each.by == by
        and each.said["type"] == f"intake.{fact}.v1"
        and all(each.said["data"].get(name) == value for name, value in scope.items())
    ]


def open_proposal(log: Log, by: str, fact: str, scope: Mapping[str, Any]) -> Proposal | None:
    """The one of these that waits for its confirmation now."""
    now = SystemClock().now()
    return next((each for each in same_act(log, by, fact, scope) if each.settled is None and now < each.until), None)


def end_for_waiting(ctx: Context, service: str, found: Proposal) -> NoReturn:
    """End the command with 1: nothing is done before another principal has confirmed it."""
    data = found.said["data"]
    row = {**Waiting(service, found).row(SystemClock().now()), "data": data}
    who = data.get("person", {}).get("person_ref")
    commands = f"hongling proposal show {found.event_id}\nhongling proposal confirm {found.event_id} --sha256 {found.sha256}\n"
    zh = f"已提议，待另一人确认，尚未执行。请另一人查看并确认：\n{commands}然后再次执行本命令" + (
        f"（人员 {who}）" if who else ""
    )
    en = f"proposed; nothing is done before another principal confirms it:\n{commands}Then give this command again"
    ctx.show(row, lambda: ctx.say(zh, en + (f" (for person {who})" if who else "")))
    raise typer.Exit(DIFFERENCE)


async def confirm_message(ctx: Context, service: str, message: Message, receipt: Receipt) -> Receipt:
    """Confirm as the reviewer what a message has just proposed; a receipt that proposes nothing comes back as it is."""
    if not is_proposed(receipt):
        return receipt
    now, said = datetime.now(UTC), {"proposal": receipt.events[0], "sha256": digest_of(orjson.loads(message.message))}
    confirmation = fact_message(REVIEWER, service, "act-confirmed", said, business_day(now), now)
    return await send(ctx, REVIEWER, service, confirmation)


# --- list and show ----------------------------------------------------------------------------------------------------


@proposal.command("list")
def list_(everything: AllOption = False, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """What waits for a second principal, in all services."""
    ctx, now = context(data, as_json, lang), SystemClock().now()
    rows = [row for each in _all(ctx) if (row := each.row(now))["state"] == "open" or everything]
    if as_json:
        ctx.show(rows)
        return
    table = Table()
    for column in ctx.say("事件,服务,事项,提议人,期限,状态", "event,service,act,by,until,state").split(","):
        table.add_column(column, overflow="fold")
    for row in rows:
        told = (row["event_id"], row["service"], row["act"], row["by"], day_of(row["until"]), _state(ctx, row["state"]))
        table.add_row(*map(safe, told))
    show_table(ctx.out, table)


def _state(ctx: Context, state: str) -> str:
    zh = {"open": "待确认", "confirmed": "已确认", "withdrawn": "已撤回", "expired": "已过期"}
    return ctx.say(zh[state], state)


@proposal.command()
def show(event_id: IdArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """What exactly was proposed, by whom, and the digest to confirm it by."""
    ctx, now = context(data, as_json, lang), SystemClock().now()
    found = _named(ctx, event_id)
    row = {**found.row(now), "effective_on": found.proposal.said["effectiveon"], "data": found.proposal.said["data"]}
    ctx.show(row, lambda: _shown(ctx, row))


def _shown(ctx: Context, row: Mapping[str, Any]) -> str:
    lines = [
        f"[bold]{safe(row['act'])}[/bold] ({safe(row['service'])}) {_state(ctx, row['state'])}",
        ctx.say(
            f"{safe(row['by'])} 提议，{safe(row['effective_on'])} 生效，{day_of(row['until'])} 前可确认",
            f"proposed by {safe(row['by'])}, effective {safe(row['effective_on'])}, to be confirmed by {day_of(row['until'])}",
        ),
        f"SHA-256 {row['sha256']}",
    ]
    return "\n".join([*lines, *(f"{safe(name)}: {safe(str(value))}" for name, value in row["data"].items())])


def _named(ctx: Context, event_id: str) -> Waiting:
    found = next((each for each in _all(ctx) if each.proposal.event_id == event_id), None)
    if found is None:
        fail(
            WRONG,
            ctx.say(
                f"没有提议 {event_id}；见 hongling proposal list",
                f"there is no proposal {event_id}; see `hongling proposal list`",
            ),
        )
    return found


# --- confirm and withdraw ---------------------------------------------------------------------------------------------


@proposal.command()
def confirm(
    target: TargetArgument,
    sha256: Sha256Option = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Confirm as the reviewer what another principal has proposed. It takes effect at once."""
    ctx = context(data, as_json, lang)
    if _ID.fullmatch(target) is None:
        confirm_file(ctx, Path(target))
        return
    if sha256 is None or _SHA256.fullmatch(sha256) is None:
        fail(
            WRONG,
            ctx.say(
                f"请先查看（hongling proposal show {target}），再以 --sha256 填写其摘要",
                f"look at it first (`hongling proposal show {target}`), and give its digest by --sha256",
            ),
        )
    show_receipt(ctx, _confirmed(ctx, _named(ctx, target).service, target, sha256))


def confirm_file(ctx: Context, file: Path, service: str | None = None) -> None:
    """Confirm the proposal of exactly this document. Ends the command with 2 if nobody has proposed it."""
    text, now = read_document(file), SystemClock().now()
    same = [each for each in _all(ctx) if text_of(each.proposal) == text and service in (None, each.service)]
    found = next((each for each in same if each.state(now) == "open"), None)
    if found is None:
        states = ", ".join(dict.fromkeys(_state(ctx, each.state(now)) for each in same))
        zh = f"没有待确认的提议与 {file} 一致" + (f"（{states}）" if states else "") + "；见 hongling proposal list"
        en = (
            f"no proposal that waits says what {file} says"
            + (f" ({states})" if states else "")
            + "; see `hongling proposal list`"
        )
        fail(WRONG, ctx.say(zh, en))
    show_receipt(ctx, _confirmed(ctx, found.service, found.proposal.event_id, found.proposal.sha256))


def _confirmed(ctx: Context, service: str, event_id: str, sha256: str) -> Receipt:
    return _send(ctx, ctx.who(REVIEWER), service, "act-confirmed", {"proposal": event_id, "sha256": sha256})


@proposal.command()
def withdraw(
    event_id: IdArgument, reason: ReasonOption, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Take a proposal back, as the principal who made it."""
    ctx = context(data, as_json, lang)
    check_words(("--reason", reason))
    found = _named(ctx, event_id)
    said = {"proposal": event_id, "reason": reason.strip()}
    show_receipt(ctx, _send(ctx, found.proposal.by, found.service, "act-withdrawn", said))


def _send(ctx: Context, user: str, service: str, fact: str, said: Mapping[str, Any]) -> Receipt:
    now = datetime.now(UTC)
    return run_async(send(ctx, user, service, fact_message(user, service, fact, said, business_day(now), now)))
