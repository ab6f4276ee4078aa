"""What every command of finance shares: how an act reaches the allowance service, how its answer and a run are shown.

A maker's acts (经办) are published by a principal with the role ``cashier``, checks and the closing of months (复核) by a
``reviewer``: nobody has both roles.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from console.bank_lines import fen_of
from console.client import IntakeClient, PublishFailed, TooLarge, Unreachable
from console.context import DIFFERENCE, UNREACHABLE, WRONG, Context, fail, run_async
from console.finance_words import STAGES, possible_division
from console.personal import check_act, check_words
from console.publishing import Message, fact_message, show_receipt
from console.words import safe, yuan
from contracts.base import business_day
from contracts.intake import INTAKE_BYTES_MAX
from contracts.receipts import Receipt
from contracts.roles import CASHIER
from eventlog.database import Database
from eventlog.ids import SystemClock
from services.allowance.payment_views import run as run_row
from services.allowance.payment_views import runs_called

__all__ = [
    "STEPS",
    "PayerOption",
    "RunArgument",
    "accepted",
    "busy",
    "can_read",
    "check_division",
    "digest_id",
    "fen_option",
    "message_of",
    "named_run",
    "run_answer",
    "run_of",
    "run_text",
    "send_all",
    "show_run",
    "snapshot",
    "table_of",
    "tell",
    "today",
    "wait_for",
]

SERVICE = "allowance"
ANSWERS_SECONDS_MAX = 120.0
"""How long the answers to all messages of one command may take, after the last was published."""
WAIT_SECONDS_MAX = 600.0
"""How long a command waits for payouts that the service writes in the background; 20,000 take some ten seconds."""
POLL_SECONDS = 0.1

STEPS = ("prepared", "listed", "checked", "cleared", "sealed", "exported", "instructed", "closed", "ended")
"""Of a run, in order: each has the position of its event."""

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="the run's key, such as 2021-a; or <source>/<key>", show_default=False)
]
PayerOption = Annotated[str, typer.Option("--payer", help="a payer of the policies, such as county", show_default=False)]


# --- telling the service ------------------------------------------------------------------------------------------------


def message_of(user: str, fact: str, data: Mapping[str, Any], *, message_id: str | None = None) -> Message:
    """A message of today. message_id: where giving the command twice must not do it twice; else a new one."""
    at = SystemClock().now()
    return fact_message(user, SERVICE, fact, data, business_day(at), at, message_id)


async def send_all(ctx: Context, user: str, messages: Sequence[Message]) -> dict[str, Receipt]:
    """Publish messages in order and return the receipt of each, by id. Ends the command with 3 if one is missing."""
    try:
        async with IntakeClient(ctx.broker_url(), user, ctx.seed_file(user), transport=ctx.transport) as client:
            summary = await client.publish_and_wait(messages, ANSWERS_SECONDS_MAX)
    except TooLarge as error:
        fail(WRONG, str(error))
    except (Unreachable, PublishFailed) as error:
        fail(UNREACHABLE, str(error))
    for name in sorted(summary.unanswered):
        fail(
            UNREACHABLE,
            ctx.say(
                f"消息 {name} 已存储，但 {SERVICE} 在 {ANSWERS_SECONDS_MAX:.0f} 秒内没有答复；"
                "见 hongling status，然后再给一次命令，重复无害",
                f"message {name} is stored, but {SERVICE} has not answered within {ANSWERS_SECONDS_MAX:.0f} s; "
                "see `hongling status`, then give the command again: it is safe to repeat",
            ),
        )
    return summary.receipts


def tell(
    ctx: Context, user: str, fact: str, model: type[BaseModel], data: Mapping[str, Any], *, message_id: str | None = None
) -> Receipt:
    """Check an act, publish it, return its receipt. What is None is left out. Ends the command with 2 or 3.

    Whatever is recorded for ever in plain text (``reason``, ``note``, ``owner``) must not look like personal data.
    """
    kept = {name: value for name, value in data.items() if value is not None}
    check_words(*((f"--{name}", kept[name]) for name in ("reason", "note", "owner") if name in kept))
    check_act(ctx, model, kept)
    message = message_of(user, fact, kept, message_id=message_id)
    if len(message.message) > INTAKE_BYTES_MAX:
        fail(
            WRONG,
            ctx.say(
                f"消息有 {len(message.message)} 字节，上限 {INTAKE_BYTES_MAX}；请写短些",
                f"this makes a message of {len(message.message)} bytes, the limit is {INTAKE_BYTES_MAX}; write less",
            ),
        )
    return run_async(send_all(ctx, user, [message]))[message.message_id]


def accepted(ctx: Context, receipt: Receipt) -> None:
    """Go on after an accepted message; one that was refused, parked, or waits is shown and ends the command with 2 or 1."""
    if receipt.outcome == "accepted":
        return
    waits = receipt.waiting_for or ""
    show_receipt(ctx, receipt, None, ctx.say(f"等待：{safe(waits)}", f"it waits for {safe(waits)}") if waits else "")
    raise typer.Exit(DIFFERENCE)


# --- runs ---------------------------------------------------------------------------------------------------------------


def named_run(ctx: Context, text: str, own: str | None = None) -> tuple[str, str]:
    """(source, key) of a run, as it is named or as ``_whose`` finds it. own: whose a key alone is; else who acts."""
    if "/" in text or not can_read(ctx):
        return _whose(ctx, None, text, own)
    with ctx.log(SERVICE) as log, log.database.read.connect() as connection:
        return _whose(ctx, connection, text, own)


def _whose(ctx: Context, connection: Connection | None, text: str, own: str | None = None) -> tuple[str, str]:
    """A key alone is the run of who acts; if they have none of it, that of whoever has. Ends the command with 2 for several."""
    source, slash, key = text.partition("/")
    if slash:
        return source, key
    own = own or ctx.acting or CASHIER
    found = [] if connection is None else [name.partition("/")[0] for name in runs_called(connection, text)]
    if own in found or not found:
        return own, text
    if len(found) > 1:
        named = ", ".join(f"{each}/{text}" for each in found)
        fail(
            WRONG,
            ctx.say(f"有几个批次叫 {text}：{named}；请写全名", f"several runs are called {text}: {named}; write one in full"),
        )
    return found[0], text


def run_of(ctx: Context, connection: Connection, text: str) -> dict[str, Any]:
    """A run as it stands. Ends the command with 2 if there is none."""
    name = "/".join(_whose(ctx, connection, text))
    found = run_row(connection, name)
    if found is None:
        fail(
            WRONG, ctx.say(f"没有批次 {name}；见 hongling finance runs", f"there is no run {name}; see `hongling finance runs`")
        )
    return found


def can_read(ctx: Context, service: str = SERVICE) -> bool:
    """Whether a service's database can be asked from here; without it an act is only published and answered."""
    return ctx.deployment is not None or bool(os.environ.get(f"HONGLING_{service.upper()}_DATABASE_URL"))


def wait_for(ctx: Context, text: str, stages: Sequence[str]) -> dict[str, Any] | None:
    """Wait until a run has left these stages and none of its payouts waits to be written; return it as it stands then.

    None where the database cannot be asked. Ends the command with 3 if it takes too long.
    """
    if not can_read(ctx):
        return None
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    with ctx.log(SERVICE) as log, busy(ctx.say("正在写入…", "payouts are being written…")):
        while True:
            with log.database.read.connect() as connection:
                found = run_of(ctx, connection, text)
            if found["stage"] not in stages and not _left(found):
                return found
            if time.monotonic() > deadline:
                fail(
                    UNREACHABLE,
                    ctx.say(
                        f"{WAIT_SECONDS_MAX:.0f} 秒后仍在写入付款；见 hongling status",
                        f"the payouts are still being written after {WAIT_SECONDS_MAX:.0f} s; see `hongling status`",
                    ),
                )
            time.sleep(POLL_SECONDS)


def _left(found: Mapping[str, Any]) -> int:
    """Payouts that are still to be moved by what has happened to the run."""
    waits = found["stage"] in ("rejected", "cancelled", "instructed", "closed")
    return found["payouts"].get("prepared", (0, 0))[0] if waits else 0


def run_answer(ctx: Context, found: Mapping[str, Any], times: Mapping[int, str]) -> dict[str, Any]:
    """A run as JSON. times: position → when it was recorded."""
    plain = ("run", "division", "payer", "year", "stage", "prepared_by", "checked_by", "count", "total_fen", "changed",
             "list_sha256", "payees_sha256", "seal_position", "seal_root",
             "exported_sha256", "message_id", "file_sha256", "reason")  # fmt: skip
    return {
        **{name: found[name] for name in plain},
        "stages": [
            {"stage": name, "position": found[name], "recorded_at": times.get(found[name])}
            for name in STEPS
            if found[name] is not None
        ],
        "payouts": {stage: {"count": count, "total_fen": fen} for stage, (count, fen) in sorted(found["payouts"].items())},
    }


def run_text(ctx: Context, found: Mapping[str, Any]) -> str:
    """A run in one line."""
    stage = ctx.say(*STAGES[found["stage"]])
    count = found["count"] if found["count"] is not None else 0
    total = yuan(found["total_fen"] or 0)
    return ctx.say(
        f"批次 {safe(found['run'])}：{stage}，{count} 笔，{total}",
        f"run {safe(found['run'])}: {stage}, {count} payouts, {total}",
    )


def show_run(ctx: Context, receipt: Receipt, found: Mapping[str, Any] | None, more: str = "") -> None:
    """The answer to an act on a run, and the run as it stands then."""
    lines = ([run_text(ctx, found)] if found is not None else []) + ([more] if more else [])
    answer = {} if found is None else {"run": run_answer(ctx, found, {})}
    show_receipt(ctx, receipt, answer, "\n".join(lines))


# --- reading and showing ------------------------------------------------------------------------------------------------


def check_division(ctx: Context, division: str) -> None:
    """Ends the command with 2 if this is no division code."""
    if not possible_division(division):
        fail(
            WRONG,
            ctx.say(
                f"{division} 不是行政区划代码；请写 GB/T 2260 的六位代码，如 320000、320100、320102",
                f"{division} is no division code; write six digits of GB/T 2260, such as 320000, 320100 or 320102",
            ),
        )


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """One moment of the database for all that is asked: SQLite reads that way by itself, PostgreSQL has to be told."""
    with database.read.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


@contextmanager
def busy(text: str) -> Iterator[None]:
    """Say that something is going on, to a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True).status(text):
        yield


def fen_option(ctx: Context, option: str, text: str) -> int:
    """The fen of an option in yuan. Exits with 2 if it is no such amount."""
    try:
        return fen_of(text)
    except ValueError:
        fail(
            WRONG,
            ctx.say(
                f"{option} {text} 不是以元为单位的金额；请写如 1234.05",
                f"{option} {text} is no amount in yuan; write it as 1234.05",
            ),
        )


def table_of(ctx: Context, zh: str, en: str, right: Sequence[int] = ()) -> Table:
    """A table with these headings, separated by commas. right: columns that hold amounts, from 0."""
    table = Table()
    for place, column in enumerate(ctx.say(zh, en).split(",")):
        table.add_column(column, justify="right" if place in right else "left", overflow="fold")
    return table


def digest_id(prefix: str, *parts: object) -> str:
    """A message id that comes from what the message is about: giving the command again is the same message."""
    said = "\0".join(str(part) for part in parts)
    return f"{prefix}-{hashlib.sha256(said.encode()).hexdigest()[:40]}"


def today() -> date:
    """The business day of now."""
    return business_day(SystemClock().now())
