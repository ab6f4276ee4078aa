"""``hongling parked``: messages that were set aside, and what an operator does about them, with name and reason.

A parked message may hold what should never have been sent, so it is shown with everything that looks like a resident ID, a
telephone or an account number masked to its last four characters. Retrying and discarding are messages themselves: the
service that parked it acts, and records who asked for it and why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table
from sqlalchemy import Connection, Row

from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail, run_async
from console.publishing import Message, fact_message, send, show_receipt
from console.topology import SERVICES
from console.words import Words, day_of, safe, show_table
from contracts.base import EventId, business_day
from contracts.problems import PLAIN_IDENTITY_FIELDS
from contracts.roles import OPERATOR
from eventlog.box import BoxLocked, opened
from eventlog.ids import SystemClock
from eventlog.parking import parked_list, parked_row, stream_of_parked
from eventlog.settings import aside_variable

__all__ = ["masked", "register"]

MESSAGE_CHARACTERS_MAX = 70_000
REASON_CHARACTERS_MAX = 200
SHOWN_LAST = 4

parked = typer.Typer(no_args_is_help=True, help="Messages that were set aside: list, show, retry, discard.")

_LONG_NUMBER = re.compile(r"\d(?:[ -]?\d){13,}[Xx]?|(?<!\d)1[3-9]\d{9}(?!\d)")
"""A resident ID of 15 or 18 characters, a bank account, a mobile number; with spaces or hyphens between, or without."""
_ID: TypeAdapter[str] = TypeAdapter(EventId)

ServiceOption = Annotated[
    str | None, typer.Option("--service", help=f"one of: {', '.join(SERVICES)} (else all are asked)", show_default=False)
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="see `hongling parked list`", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)]


def register(app: typer.Typer) -> None:
    app.add_typer(parked, name="parked")


def _services(service: str | None) -> tuple[str, ...]:
    if service is None:
        return SERVICES
    if service not in SERVICES:
        fail(WRONG, f"there is no service {service}; choose one of: {', '.join(SERVICES)}")
    return (service,)


def _check_id(parked_id: str) -> None:
    try:
        _ID.validate_python(parked_id)
    except ValidationError:
        fail(WRONG, f"{parked_id} is not the id of a parked message; see `hongling parked list`")


# --- list and show ----------------------------------------------------------------------------------------------------


@parked.command("list")
def list_(service: ServiceOption = None, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """What is set aside, oldest first, and which people's facts wait behind it."""
    ctx = context(data, as_json, lang)
    found: list[dict[str, Any]] = []
    for name in _services(service):
        with ctx.log(name) as log, log.database.read.connect() as connection:
            found += [{"service": name, **row} for row in parked_list(connection)]
    found.sort(key=lambda row: (row["parked_at"], row["sequence"]))
    if as_json:
        ctx.show(found)
        return
    if not found:
        ctx.out.print(ctx.say("没有被搁置的消息", "nothing is parked"))
        return
    table = Table()
    for column in ctx.say("编号,服务,搁置,消息,原因,阻断", "id,service,parked,message,why,blocks").split(","):
        table.add_column(column, overflow="fold")
    for row in found:
        message = masked(f"{row['origin']}/{row['message_id']}")
        table.add_row(
            row["parked_id"],
            row["service"],
            day_of(row["parked_at"]),
            safe(message),
            safe(f"{row['code']}: {row['problem']}"),
            safe(row["blocks"] or ""),
        )
    show_table(ctx.out, table)


@parked.command()
def show(
    parked_id: IdArgument,
    service: ServiceOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """One parked message with its bytes as text, and what operators did about it. Long numbers are masked."""
    ctx = context(data, as_json, lang)
    _check_id(parked_id)
    for name in _services(service):
        found = _look_up(ctx, name, parked_id)
        if found is not None:
            ctx.show(found, _text(ctx, found))
            return
    fail(WRONG, _unknown(ctx, parked_id))


def _unknown(ctx: Context, parked_id: str) -> str:
    return ctx.say(
        f"没有编号为 {parked_id} 的搁置消息；见 `hongling parked list`",
        f"no message was parked under {parked_id}; see `hongling parked list`",
    )


def _look_up(ctx: Context, service: str, parked_id: str) -> dict[str, Any] | None:
    """The parked message, or what is known of one that was settled since; None: this service never parked it."""
    with ctx.log(service) as log, log.database.read.connect() as connection:
        events = log.load(connection, [stream_of_parked(parked_id)])[stream_of_parked(parked_id)]
        row = parked_row(connection, parked_id)
        raw = None if row is None else _bytes_of(connection, row)
    if not events:
        return None
    acts = [{"event_id": e.event_id, "type": e.type, "recorded_at": e.recorded_at, **e.event.payload()} for e in events[1:]]
    first = events[0].event.payload()
    found: dict[str, Any] = {
        "service": service,
        "parked_id": parked_id,
        "parked_at": events[0].recorded_at,
        **{name: first[name] for name in ("origin", "message_id", "code", "problem", "blocks", "sha256")},
        "still_parked": row is not None,
        "acts": acts,
    }
    if row is not None:
        found |= {
            "subject": row.subject,
            "sequence": row.sequence,
            "bytes": None if raw is None else len(raw),
            "message": None if raw is None else masked(raw.decode("utf-8", errors="replace"))[:MESSAGE_CHARACTERS_MAX],
        }
    return found


def _bytes_of(connection: Connection, row: Row[Any]) -> bytes | None:
    """What was sent; None if it is sealed with a key that whoever asks has not."""
    try:
        return opened(connection, row.raw, row.parked_id)
    except BoxLocked:
        return None


def masked(text: str) -> str:
    """The text with long numbers and the values of identity fields reduced to their last four characters."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _LONG_NUMBER.sub(lambda m: _last(m.group()), text)
    if not isinstance(value, dict | list):
        return _LONG_NUMBER.sub(lambda m: _last(m.group()), text)
    return orjson.dumps(_masked_value(value), option=orjson.OPT_INDENT_2).decode()


def _masked_value(value: Any, *, plain: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            _LONG_NUMBER.sub(lambda m: _last(m.group()), name): _masked_value(
                part, plain=plain or name.casefold() in PLAIN_IDENTITY_FIELDS
            )
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_masked_value(part, plain=plain) for part in value]
    if isinstance(value, str):
        return "***" if plain else _LONG_NUMBER.sub(lambda m: _last(m.group()), value)
    if isinstance(value, int) and not isinstance(value, bool) and len(str(value)) >= 11:
        return _last(str(value))
    return value


def _last(text: str) -> str:
    return "*" * (len(text) - SHOWN_LAST) + text[-SHOWN_LAST:]


def _text(ctx: Context, found: Mapping[str, Any]) -> str:
    words = Words(ctx.lang)
    where = f"{found['origin']}/{masked(found['message_id'])}"
    lines = [
        words.say(f"[bold]搁置消息 {found['parked_id']}[/bold]", f"[bold]parked message {found['parked_id']}[/bold]"),
        words.say(f"服务 {found['service']}，来自 {safe(where)}", f"{found['service']}, from {safe(where)}"),
        words.say("原因：", "why: ") + safe(f"{found['code']}: {found['problem']}"),
    ]
    if found["blocks"]:
        blocks = safe(found["blocks"])
        lines.append(words.say(f"其后的消息在等待：{blocks}", f"later messages of {blocks} wait behind it"))
    for act in found["acts"]:
        what = act["type"].split(".")[1]
        lines.append(safe(f"{act['recorded_at']} {what}: {act['by']}, {act['reason']}"))
    if found["still_parked"] and found["message"] is None:
        variable = aside_variable(found["service"])
        lines += [
            "",
            words.say(
                f"报文内容已加密，此处没有密钥：请在 desk 容器中查看，或设置 {variable}",
                f"the message is encrypted and its key is not here: ask in the desk's container, or set {variable}",
            ),
        ]
    elif found["still_parked"]:
        lines += ["", safe(found["message"])]
    else:
        lines.append(words.say("已不再搁置", "it is not parked any more"))
    return "\n".join(lines)


# --- retry and discard ------------------------------------------------------------------------------------------------


@parked.command()
def retry(
    parked_id: IdArgument,
    reason: ReasonOption,
    service: ServiceOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Have a parked message handled again, with all that wait behind it. Ends with 1 if it stays parked."""
    _act("parked-retry", parked_id, reason, service, context(data, as_json, lang))


@parked.command()
def discard(
    parked_id: IdArgument,
    reason: ReasonOption,
    service: ServiceOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Give a parked message up: its bytes are deleted, its source is told, the act stays on record."""
    _act("parked-discard", parked_id, reason, service, context(data, as_json, lang))


def _act(
    act: Literal["parked-retry", "parked-discard"], parked_id: str, reason: str, service: str | None, ctx: Context
) -> None:
    _check_id(parked_id)
    if not 1 <= len(reason.strip()) <= REASON_CHARACTERS_MAX:
        fail(WRONG, f"--reason has 1 to {REASON_CHARACTERS_MAX} characters; it is recorded for ever")
    if _LONG_NUMBER.search(reason):
        fail(WRONG, "--reason holds a number that looks like personal data; it is recorded for ever, so leave it out")
    chosen = _services(service)[0] if service is not None else _service_of(ctx, parked_id)
    source = ctx.who(OPERATOR)
    message = act_message(act, chosen, parked_id, reason.strip(), SystemClock().now(), source)
    receipt = run_async(send(ctx, source, chosen, message))
    if receipt.outcome != "accepted":
        show_receipt(ctx, receipt)
        return
    still = _is_parked(ctx, chosen, parked_id)
    text = ""
    if still:
        text = ctx.say("[yellow]再次失败，仍被搁置[/yellow]", "[yellow]it failed again and stays parked[/yellow]")
    show_receipt(ctx, receipt, {"still_parked": still}, text)
    if still:
        raise typer.Exit(DIFFERENCE)


def act_message(act: str, service: str, parked_id: str, reason: str, at: datetime, source: str = OPERATOR) -> Message:
    """The operator's message. Each act is one of its own, so its id is new."""
    data = {"parked": parked_id, "reason": reason}
    return fact_message(source, service, act, data, business_day(at), at)


def _service_of(ctx: Context, parked_id: str) -> str:
    for name in SERVICES:
        if _is_parked(ctx, name, parked_id):
            return name
    fail(WRONG, _unknown(ctx, parked_id))


def _is_parked(ctx: Context, service: str, parked_id: str) -> bool:
    with ctx.log(service) as log, log.database.read.connect() as connection:
        return parked_row(connection, parked_id) is not None
