"""The stream held against the log, on the real server: what is lost comes back, and a stream that is another one is named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import nats
from nats.aio.client import Client

from eventlog.database import Database
from eventlog.log import Log
from eventlog.nats import JetStreamPublisher, read_stream, stream_state
from eventlog.reconciler import Finding, Reconciler
from eventlog.relay import Relay, read_events
from eventlog.topology import stream_config
from tests.eventlog.example import example_log, note
from tests.eventlog.fakes import Notes

STREAM = "EXAMPLE"
EVENTS = 6


async def _make_stream(client: Client) -> None:
    config = stream_config(STREAM, ["example.>"], "a test's", erasable=True)
    config.duplicate_window = 0.1
    await client.jetstream().add_stream(config)


def reconciled(url: str, log: Log, harm: Callable[[Client], Awaitable[None]]) -> tuple[Finding, Finding, list[str]]:
    """Carry, compare, do harm, and compare until nothing is missing; the finding after the harm, the last one, the ids."""

    async def work() -> tuple[Finding, Finding, list[str]]:
        client = await nats.connect(url, inbox_prefix=b"_INBOX_test")
        try:
            await _make_stream(client)
            publisher = JetStreamPublisher(client, STREAM)
            relay = Relay("example", log.database, read_events("example"), publisher, Notes())
            assert await relay.carry() == EVENTS
            reconciler = Reconciler(
                "example",
                log.database,
                lambda after: read_stream(client, STREAM, after, "_INBOX_test"),
                lambda: stream_state(client, STREAM),
                publisher,
                Notes(),
            )
            first = await reconciler.step()
            assert (first.republished, first.alarm) == (0, None)
            await harm(client)
            found = last = await reconciler.step()
            async with asyncio.timeout(20):
                while last.republished or last.alarm is not None:
                    last = await reconciler.step()
            stored = await read_stream(client, STREAM, 0, "_INBOX_test")
            return found, last, [message.message_id for message in stored]
        finally:
            await client.jetstream().delete_stream(STREAM)
            await client.close()

    return asyncio.run(work())


def filled(database: Database) -> Log:
    log = example_log(database)
    log.append([note(log, 0, "a", *(str(n) for n in range(EVENTS)))])
    return log


def ids_of(log: Log) -> list[str]:
    with log.database.read.connect() as connection:
        return [row.event_id for row in log.rows(connection, 0, 100)]


def test_a_message_that_was_dropped_is_published_again(
    nats_server: str, sqlite_url: str, open_database: Callable[[str], Database]
) -> None:
    """It is named as lacking, stands on the stream again, and then there is quiet."""
    log = filled(open_database(sqlite_url))

    async def drop(client: Client) -> None:
        await client.jetstream().delete_msg(STREAM, 3)

    found, last, stored = reconciled(nats_server, log, drop)
    assert (found.republished, found.alarm) == (1, f"stream {STREAM} lacks 1 messages that it had")
    assert (last.republished, last.alarm) == (0, None)
    assert sorted(stored) == sorted(ids_of(log))


def test_a_stream_made_anew_is_named_and_filled_from_the_log(
    nats_server: str, sqlite_url: str, open_database: Callable[[str], Database]
) -> None:
    """Deleted and made again: an alarm, and everything is published again in order."""
    log = filled(open_database(sqlite_url))

    async def lose(client: Client) -> None:
        await client.jetstream().delete_stream(STREAM)
        await _make_stream(client)

    found, last, stored = reconciled(nats_server, log, lose)
    assert found.republished == EVENTS
    assert found.alarm is not None
    assert "made anew" in found.alarm
    assert (last.republished, last.alarm) == (0, None)
    assert stored == ids_of(log)
