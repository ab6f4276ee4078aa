"""``hongling finance``: all its commands put together, and the feed of events that finance books, complete and in order.

``feed`` gives the entitlement events as they stand on the stream, from the log; ``feed --from-stream`` reads them through the
broker as finance itself would, and proves by the back pointers that not one event of the stream is missing.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Protocol

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy import Row, select

from console import finance_books, finance_export, finance_instruct, finance_reconcile, finance_runs, finance_statement
from console.context import (
    DIFFERENCE,
    UNREACHABLE,
    WRONG,
    Context,
    DataOption,
    JsonOption,
    LangOption,
    context,
    fail,
    run_async,
)
from console.finance_acts import busy
from console.topology import FINANCE
from console.words import Words, day_of, safe, show_table, yuan
from contracts.allowance import EntitlementAdjusted, EntitlementDecided
from contracts.envelope import EventEnvelope
from eventlog import schema
from eventlog.log import Log
from eventlog.nats import JetStreamFeed, Stored
from eventlog.nats import read_stream as read_stored
from eventlog.wire import BrokerOutage, ConsumerGone, Feed, Incoming, event_message

__all__ = ["Booked", "Gap", "read_stream", "register"]

PAGE_EVENTS = 1000
ENTITLEMENTS = (EntitlementDecided.TYPE, EntitlementAdjusted.TYPE)

finance = typer.Typer(
    no_args_is_help=True, help="What is owed, payment runs, the bank's files, the ledger, and the finance feed."
)

for _part in (finance_statement, finance_runs, finance_export, finance_instruct, finance_reconcile, finance_books):
    _part.register(finance)


def register(app: typer.Typer) -> None:
    app.add_typer(finance, name="finance")


# --- feed from the log ------------------------------------------------------------------------------------------------


@finance.command()
def feed(
    after: Annotated[int, typer.Option("--after", min=0, help="only events after this position of the log")] = 0,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="at most so many events", show_default=False)] = None,
    from_stream: Annotated[bool, typer.Option("--from-stream", help="read the stream and prove that it is complete")] = False,
    from_zero: Annotated[
        bool, typer.Option("--from-zero", help="with --from-stream: read the whole stream, whatever was read before")
    ] = False,
    state: Annotated[
        Path | None, typer.Option("--state", help="with --from-stream: file that keeps how far it is", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """The entitlement events in the order of the log, as complete CloudEvents; --json gives one per line."""
    ctx = context(data, as_json, lang)
    if from_zero and not from_stream:
        fail(WRONG, "--from-zero goes with --from-stream; from the log, say --after 0")
    if from_zero:
        run_async(_feed_from_zero(ctx, state))
        return
    if from_stream:
        if state is None or after or limit is not None:
            fail(WRONG, "--from-stream needs --state FILE, which keeps how far it is, and takes no --after and no --limit")
        run_async(_feed_from_stream(ctx, state))
        return
    if state is not None:
        fail(WRONG, "--state goes with --from-stream; from the log, say --after POSITION")
    count, position = 0, after
    with ctx.log("allowance") as log:
        for rows in _entitlement_pages(log, after, limit):
            count, position = count + len(rows), rows[-1].position
            if as_json:
                sys.stdout.write("".join(event_message(log.name, row).payload.decode() + "\n" for row in rows))
            else:
                _print_rows(ctx, rows)
    text = ctx.say(f"{count} 个事件，至位置 {position}", f"{count} events, up to position {position}")
    Console(stderr=True, highlight=False, soft_wrap=True).print(text)


def _entitlement_pages(log: Log, after: int, limit: int | None) -> Iterator[Sequence[Row[Any]]]:
    """Rows of entitlement events, a page at a time, each in a transaction of its own, so that none is kept open."""
    left = limit
    table = schema.event
    while left is None or left > 0:
        size = PAGE_EVENTS if left is None else min(PAGE_EVENTS, left)
        query = select(table).where(table.c.position > after, table.c.type.in_(ENTITLEMENTS))
        with log.database.read.connect() as connection:
            rows = connection.execute(query.order_by(table.c.position).limit(size)).all()
        if not rows:
            return
        yield rows
        after = rows[-1].position
        left = None if left is None else left - len(rows)


def _print_rows(ctx: Context, rows: Sequence[Row[Any]]) -> None:
    table = Table()
    for column in ctx.say(
        "位置,记录,人员,年度,决定,差额,各支付方", "position,recorded,person,year,decision,difference,by payer"
    ).split(","):
        table.add_column(column, justify="right" if column in ("difference", "差额") else "left")
    words = Words(ctx.lang)
    for row in rows:
        event = orjson.loads(row.data)
        shares = ", ".join(f"{each['payer']} {yuan(each['amount_fen'])}" for each in event["differences"])
        decision = event["decision"]
        outcome = words.word("decision", decision["decision"])
        table.add_row(
            str(row.position),
            day_of(row.recorded_at),
            event["person_ref"],
            str(decision["year"]),
            outcome,
            yuan(event["difference_fen"]),
            safe(shares),
        )
    show_table(ctx.out, table)


# --- feed from the stream ---------------------------------------------------------------------------------------------

STREAM = "ALLOWANCE"
CONSUMER = "finance"
FETCH_MESSAGES_MAX = 500
FETCH_WAIT_SECONDS = 1.0
GAP_WAIT_SECONDS = 45.0
"""Longer than the consumer's ack_wait: what a run before this one fetched and did not book comes again within it."""
AHEAD_MAX = 50_000
STATE_BYTES_MAX = 16 * 1024 * 1024


class Gap(Exception):
    """An event is missing, or the stream and what was booked do not fit together."""


@dataclass(slots=True)
class Booked:
    """What finance has booked, and up to where. partitions: partition → last position. owed: year → payer → fen.

    sequence: the highest stream sequence that was booked; whatever the consumer has acknowledged lies within it.
    ahead: (partition, position before it) → an event that came too early; it is booked when that one has come.
    """

    partitions: dict[int, int] = field(default_factory=dict)
    owed: dict[int, dict[str, int]] = field(default_factory=dict)
    events: int = 0
    entitlements: int = 0
    sequence: int = 0
    skipped: int = 0
    ahead: dict[tuple[int, int], EventEnvelope] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Booked:
        """Raises ValueError if the file is not one of ours; a file that is not there is a start from zero."""
        if not path.exists():
            return cls()
        try:
            if path.stat().st_size > STATE_BYTES_MAX:
                raise ValueError("too large")
            found = json.loads(path.read_bytes())
            return cls(
                {int(partition): int(position) for partition, position in found["partitions"].items()},
                {int(year): {str(p): int(fen) for p, fen in payers.items()} for year, payers in found["owed"].items()},
                int(found["events"]),
                int(found["entitlements"]),
                int(found["sequence"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it has not the shape of a state file ({error})") from error

    def write(self, path: Path) -> None:
        """Replace the file in one step, on disk before anything is acknowledged."""
        kept = {name: getattr(self, name) for name in ("partitions", "owed", "events", "entitlements", "sequence")}
        temporary = path.with_name(path.name + ".new")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(kept, file, indent=2, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def take(self, envelope: EventEnvelope) -> None:
        """Book an event, or keep it until the one before it in its partition has come. Raises Gap."""
        partition, position, previous = envelope.partition, envelope.position, envelope.previous
        at = self.partitions.get(partition, 0)
        if position <= at or (partition, previous) in self.ahead:
            self.skipped += 1
            return
        if previous < at:
            raise Gap(
                f"partition {partition}: position {position} (event {envelope.id}) follows position {previous}, but position "
                f"{at} was booked before it; this is not the log that was booked"
            )
        self.ahead[partition, previous] = envelope
        if len(self.ahead) > AHEAD_MAX:
            raise Gap(self.missing())
        while (ready := self.ahead.pop((partition, self.partitions.get(partition, 0)), None)) is not None:
            self._book(ready)
            self.partitions[partition] = ready.position

    def has(self, envelope: EventEnvelope) -> bool:
        return envelope.position <= self.partitions.get(envelope.partition, 0)

    def _book(self, envelope: EventEnvelope) -> None:
        self.events += 1
        if envelope.type not in ENTITLEMENTS:
            if envelope.type.split(".")[1].startswith("entitlement-"):
                raise Gap(f"position {envelope.position} is a {envelope.type}, which this version cannot book; upgrade first")
            return
        event = envelope.data
        differences = event["differences"]
        if sum(each["amount_fen"] for each in differences) != event["difference_fen"]:
            raise Gap(f"position {envelope.position} (event {envelope.id}): its payers do not add up to its difference")
        self.entitlements += 1
        if event["decision"].get("instrument") == "work_expense":
            return  # an authorisation to spend: nobody is owed it
        payers = self.owed.setdefault(event["decision"]["year"], {})
        for each in differences:
            payers[each["payer"]] = payers.get(each["payer"], 0) + each["amount_fen"]

    def missing(self) -> str:
        """What is missing, in words."""
        parts = []
        for partition in sorted({p for p, _ in self.ahead}):
            first = min((e for (p, _), e in self.ahead.items() if p == partition), key=lambda e: e.position)
            at = self.partitions.get(partition, 0)
            parts.append(
                f"partition {partition}: after position {at} came position {first.position}, whose predecessor "
                f"{first.previous} is missing"
            )
        return "; ".join(parts)

    def totals(self) -> list[dict[str, Any]]:
        return [
            {
                "year": year,
                "total_fen": sum(payers.values()),
                "by_payer": [{"payer": payer, "total_fen": fen} for payer, fen in sorted(payers.items())],
            }
            for year, payers in sorted(self.owed.items())
        ]


async def _feed_from_stream(ctx: Context, path: Path) -> None:
    try:
        booked = Booked.read(path)
    except (OSError, ValueError) as error:
        fail(WRONG, f"{path} cannot be read: {error}; name another file to start from zero")
    client = await ctx.client(FINANCE)
    feed = JetStreamFeed(client, STREAM, CONSUMER, inbox_prefix=f"_INBOX_{FINANCE}", batch_max=FETCH_MESSAGES_MAX)
    try:
        with busy(ctx.say("正在读取事件流…", "reading the stream…")):
            await read_stream(feed, booked, path)
    except Gap as gap:
        fail(
            DIFFERENCE,
            f"the stream is not complete: {gap}. Nothing after the gap was booked. Ask the operator to reconcile the stream; "
            f"if {path} was lost or replaced, start anew: `hongling finance feed --from-stream --from-zero --state FILE`",
        )
    except (ConsumerGone, BrokerOutage) as error:
        fail(UNREACHABLE, str(error))
    except OSError as error:
        fail(WRONG, f"{path} cannot be written: {error}")
    finally:
        await feed.close()
        await client.close()
    _show_booked(ctx, booked)


async def _feed_from_zero(ctx: Context, path: Path | None) -> None:
    """Read the stream from its first message, beside the consumer. path: a file to start again from, if there is to be one."""
    booked = Booked()
    client = await ctx.client(FINANCE)
    try:
        with busy(ctx.say("正在读取事件流…", "reading the stream…")):
            while page := await read_stored(client, STREAM, booked.sequence, f"_INBOX_{FINANCE}"):
                for stored in page:
                    booked.take(_envelope(stored))
                booked.sequence = page[-1].sequence
        missing = booked.missing()
        if missing:
            raise Gap(missing)
        if path is not None:
            booked.write(path)
    except Gap as gap:
        fail(DIFFERENCE, f"the stream is not complete: {gap}. Ask the operator to reconcile it, then read it again")
    except BrokerOutage as error:
        fail(UNREACHABLE, str(error))
    except OSError as error:
        fail(WRONG, f"{path} cannot be written: {error}")
    finally:
        await client.close()
    _show_booked(ctx, booked)


class CheckedFeed(Feed, Protocol):
    """A feed that can say how far its consumer is: ``num_pending``, ``num_ack_pending``, ``ack_floor``."""

    async def check(self) -> Any: ...


async def read_stream(feed: CheckedFeed, booked: Booked, path: Path) -> None:
    """Book all that is there: written to the file first, acknowledged then. Raises Gap if a gap is not filled in time."""
    loop = asyncio.get_running_loop()
    moved_at = loop.time()
    early: dict[int, tuple[Incoming, EventEnvelope]] = {}
    _check_floor(await feed.check(), booked)
    while True:
        batch = [(message, _envelope(message)) for message in await feed.fetch(FETCH_MESSAGES_MAX, FETCH_WAIT_SECONDS)]
        before = booked.events
        for _, envelope in batch:
            booked.take(envelope)
        sequence = max((message.sequence for message, each in batch if booked.has(each)), default=0)
        if booked.events > before or sequence > booked.sequence:
            moved_at = loop.time()
            booked.sequence = max(booked.sequence, sequence)
            booked.write(path)
        for message, envelope in (*batch, *early.values()):
            if booked.has(envelope):
                await message.ack()
                early.pop(message.sequence, None)
            else:
                early[message.sequence] = (message, envelope)
        if batch:
            continue
        info = await feed.check()
        _check_floor(info, booked)
        if not (info.num_pending or info.num_ack_pending or early):
            return
        # Everything that is left is in our hands, or a reader before us has let its time for acknowledging pass.
        all_here = not info.num_pending and info.num_ack_pending <= len(early)
        if (early and all_here) or loop.time() - moved_at > GAP_WAIT_SECONDS:
            raise Gap(
                booked.missing() or f"{info.num_ack_pending} messages were fetched by another reader and not acknowledged"
            )


def _check_floor(info: Any, booked: Booked) -> None:
    """The consumer never delivers again what was acknowledged, so that must all have been booked in this file."""
    floor = info.ack_floor.stream_seq if info.ack_floor is not None else 0
    if floor > booked.sequence:
        raise Gap(
            f"consumer {CONSUMER} has acknowledged the stream up to sequence {floor}, this file has booked it up to "
            f"{booked.sequence} only; what lies between was booked elsewhere"
        )


def _envelope(message: Incoming | Stored) -> EventEnvelope:
    try:
        return EventEnvelope.model_validate_json(message.payload)
    except ValidationError as error:
        raise Gap(f"message {message.sequence} of the stream is not an event") from error


def _show_booked(ctx: Context, booked: Booked) -> None:
    answer: dict[str, Any] = {
        "complete": True,
        "events": booked.events,
        "entitlements": booked.entitlements,
        "repeated": booked.skipped,
        "partitions": {str(p): position for p, position in sorted(booked.partitions.items())},
        "totals": booked.totals(),
    }
    if ctx.as_json:
        ctx.show(answer)
        return
    table = Table()
    for column in ctx.say("年度,支付方,金额", "year,payer,amount").split(","):
        table.add_column(column, justify="right" if column in ("amount", "金额") else "left")
    for each in answer["totals"]:
        for payer in each["by_payer"]:
            table.add_row(str(each["year"]), safe(payer["payer"]), yuan(payer["total_fen"]))
        table.add_row(
            str(each["year"]), ctx.say("[bold]合计[/bold]", "[bold]total[/bold]"), f"[bold]{yuan(each['total_fen'])}[/bold]"
        )
    show_table(ctx.out, table, ctx.say("事件流完整；按年度和支付方合计", "The stream is complete; sums by year and payer"))
    ctx.out.print(
        ctx.say(
            f"共 {booked.events} 个事件，其中 {booked.entitlements} 个决定；重复跳过 {booked.skipped} 个",
            f"{booked.events} events, {booked.entitlements} of them decisions; {booked.skipped} repeated ones skipped",
        )
    )
