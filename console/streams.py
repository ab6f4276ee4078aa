"""``hongling stream repair``: a service's stream held against its log, message by message, and set right from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from nats.aio.client import Client
from sqlalchemy import select

from console.context import DIFFERENCE, WRONG, DataOption, JsonOption, LangOption, context, fail, run_async
from console.topology import ADMIN, SERVICES
from eventlog import schema
from eventlog.log import Log
from eventlog.nats import JetStreamPublisher, Stored, read_stream, stream_state
from eventlog.relay import cursor_of
from eventlog.wire import ConsumerGone, event_message

__all__ = ["Compared", "compare_stream", "register", "repair_stream"]

REWRITTEN_EVENTS = 1_000
"""Events published at a time."""


@dataclass(slots=True)
class Compared:
    """messages: how many were read. events: of the log, that are there. strangers: sequence → what is wrong with
    it. missing: positions that the stream lacks.
    """

    messages: int = 0
    events: int = 0
    strangers: dict[int, str] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)


async def compare_stream(log: Log, client: Client, inbox_prefix: str) -> Compared:
    """Read the whole stream: what is on it and not in the log, or differs from it; what the relay carried and is not on it."""
    stream = log.name.upper()
    with log.database.read.connect() as connection:
        carried = cursor_of(connection, log.name)
    try:
        last = (await stream_state(client, stream)).last
    except ConsumerGone:
        # A stream that is gone holds nothing.
        last = 0
    found, there, sequence = Compared(), bytearray(carried + 1), 0
    while sequence < last and (page := await read_stream(client, stream, sequence, inbox_prefix)):
        rows = _rows(log, schema.event.c.event_id, {message.message_id for message in page})
        by_id = {row.event_id: row for row in rows}
        for message in page:
            row = by_id.get(message.message_id)
            fault = _fault(log, message, row)
            if fault is not None:
                found.strangers[message.sequence] = fault
            elif row is not None and row.position <= carried:
                there[row.position] = 1
        found.messages += len(page)
        sequence = page[-1].sequence
    found.missing = [position for position in range(1, carried + 1) if not there[position]]
    found.events = carried - len(found.missing)
    return found


def _fault(log: Log, message: Stored, row: Any) -> str | None:
    if row is None:
        return f"{message.message_id or 'a message without an id'} is not in the log"
    right = event_message(log.name, row)
    if (message.subject, message.payload) != (right.subject, right.payload):
        return f"{message.message_id} is another one in the log, at position {row.position}"
    return None


def _rows(log: Log, column: Any, values: Any) -> Sequence[Any]:
    with log.database.read.connect() as connection:
        return connection.execute(select(schema.event).where(column.in_(values)).order_by(schema.event.c.position)).all()


async def repair_stream(log: Log, client: Client, inbox_prefix: str, found: Compared) -> None:
    """Delete the strangers for good, and publish what is missing. Needs the rights of whoever provisions."""
    js, publisher = client.jetstream(timeout=10), JetStreamPublisher(client, log.name.upper())
    for sequence in found.strangers:
        await js.delete_msg(log.name.upper(), sequence)
    for start in range(0, len(found.missing), REWRITTEN_EVENTS):
        rows = _rows(log, schema.event.c.position, found.missing[start : start + REWRITTEN_EVENTS])
        await publisher.publish([event_message(log.name, row) for row in rows])


stream_app = typer.Typer(no_args_is_help=True, help="The services' streams, which can be made again from their logs.")


@stream_app.command("repair")
def repair(
    service: Annotated[str, typer.Argument(help=f"one of: {', '.join(SERVICES)}")],
    check: Annotated[bool, typer.Option("--check", help="only say what would be done; exit code 1 if anything")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Take off a service's stream what is not in its log, and publish again what it lacks. Exit code 1 if something is left."""
    if service not in SERVICES:
        fail(WRONG, f"{service} is no service; known: {', '.join(SERVICES)}")
    about = context(data, as_json, lang)

    async def work() -> tuple[Compared, Compared]:
        client = await about.client(ADMIN)
        try:
            with about.log(service) as log:
                found = await compare_stream(log, client, f"_INBOX_{ADMIN}")
                if not check:
                    await repair_stream(log, client, f"_INBOX_{ADMIN}", found)
                return found, found if check else await compare_stream(log, client, f"_INBOX_{ADMIN}")
        finally:
            await client.close()

    found, left = run_async(work())
    done = not left.strangers and not left.missing
    answer = {
        "service": service,
        "messages": found.messages,
        "deleted" if not check else "to_delete": [{"sequence": n, "what": what} for n, what in found.strangers.items()],
        "published" if not check else "to_publish": found.missing,
        "right": done,
    }
    lines = [f"{n}: {what}" for n, what in found.strangers.items()]
    lines.append(
        about.say(
            f"{found.messages} 条消息，{len(found.strangers)} 条不属于日志，缺少 {len(found.missing)} 个事件",
            f"{found.messages} messages, {len(found.strangers)} not of the log, {len(found.missing)} events missing",
        )
    )
    about.show(answer, "\n".join(lines))
    if not done:
        raise typer.Exit(DIFFERENCE)


def register(app: typer.Typer) -> None:
    app.add_typer(stream_app, name="stream")
