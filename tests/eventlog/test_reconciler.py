"""The stream held against the log, on the real server: what is lost comes back, and a stream that is another one is named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import nats
from nats.aio.client import Client
from sqlalchemy import delete, insert

from eventlog import schema
from eventlog.database import Database
from eventlog.log import Log
from eventlog.nats import JetStreamPublisher, Stored, StreamState, read_stream, stream_state
from eventlog.reconciler import Finding, Reconciler
from eventlog.relay import Relay, read_events
from eventlog.topology import stream_config
from eventlog.wire import event_message
from tests.eventlog.example import example_log, note
from tests.eventlog.fakes import FakePublisher, Notes

STREAM = "EXAMPLE"
EVENTS = 6


async def _make_stream(client: Client) -> None:
    config = stream_config(STREAM, ["example.>"], "a test's")
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
                lambda after, count_max: read_stream(client, STREAM, after, "_INBOX_test", count_max),
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


def test_a_stream_that_went_back_and_has_grown_since_is_named(
    sqlite_url: str, open_database: Callable[[str], Database]
) -> None:
    """It is longer than it was at the last comparison, but not by as much as was carried: what was lost before is found."""
    log = filled(open_database(sqlite_url))
    stream = [*_stored(log)]
    publisher = FakePublisher()

    async def read(after: int, count_max: int) -> list[Stored]:
        return [message for message in stream if message.sequence > after][:count_max]

    async def state() -> StreamState:
        return StreamState("c", len(stream), len(stream))

    async def work() -> tuple[Finding, Finding]:
        _carried(log)
        reconciler = Reconciler("example", log.database, read, state, publisher, Notes())
        first = await reconciler.step()
        lost = 2
        log.append([note(log, EVENTS, "a", *"xyz")])
        _carried(log)
        del stream[EVENTS - lost :]
        stream.extend(m._replace(sequence=m.sequence - lost) for m in _stored(log)[EVENTS:])
        assert len(stream) > EVENTS
        return first, await reconciler.step()

    first, found = asyncio.run(work())
    assert (first.republished, first.alarm) == (0, None)
    assert found.alarm == f"stream {STREAM} went back: it has grown by 1 messages while 3 events were carried"
    assert [message.message_id for message in publisher.stored] == ids_of(log)[EVENTS - 2 : EVENTS]


def test_a_stream_that_went_back_and_has_grown_by_repeats_is_named(
    sqlite_url: str, open_database: Callable[[str], Database]
) -> None:
    """As long as it should be, for what came after the loss stands there twice: the last message known is another one now."""
    log = filled(open_database(sqlite_url))
    stream = [*_stored(log)]
    publisher = FakePublisher()

    async def read(after: int, count_max: int) -> list[Stored]:
        return [message for message in stream if message.sequence > after][:count_max]

    async def state() -> StreamState:
        return StreamState("c", len(stream), len(stream))

    async def work() -> Finding:
        _carried(log)
        reconciler = Reconciler("example", log.database, read, state, publisher, Notes())
        await reconciler.step()
        log.append([note(log, EVENTS, "a", "x")])
        _carried(log)
        new = _stored(log)[EVENTS]
        stream[EVENTS - 1 :] = [new._replace(sequence=EVENTS), new._replace(sequence=EVENTS + 1)]
        return await reconciler.step()

    found = asyncio.run(work())
    assert found.alarm == f"stream {STREAM} went back: message {EVENTS} is another one than before"
    assert [message.message_id for message in publisher.stored] == ids_of(log)[EVENTS - 1 : EVENTS]


def test_messages_are_counted_only_while_none_can_be_there_twice(
    sqlite_url: str, open_database: Callable[[str], Database]
) -> None:
    """A loss and a repeat since the last comparison make the count right again; after an uncertain publish all is read."""
    log = filled(open_database(sqlite_url))
    stream = [*_stored(log)]
    publisher = FakePublisher()
    repeats = [1]

    async def read(after: int, count_max: int) -> list[Stored]:
        return [message for message in stream if message.sequence > after][:count_max]

    async def state() -> StreamState:
        return StreamState("c", len(stream), len(stream))

    async def work() -> Finding:
        _carried(log)
        reconciler = Reconciler("example", log.database, read, state, publisher, Notes(), lambda: repeats[0])
        await reconciler.step()
        log.append([note(log, EVENTS, "a", "x", "y")])
        _carried(log)
        twice = _stored(log)[EVENTS]
        stream.extend([twice, twice._replace(sequence=EVENTS + 2)])
        repeats[0] += 1
        return await reconciler.step()

    assert asyncio.run(work()) == Finding(2, 1, None)
    assert [message.message_id for message in publisher.stored] == ids_of(log)[-1:]


def test_what_is_on_the_stream_before_the_relay_has_counted_it_is_no_alarm(
    sqlite_url: str, open_database: Callable[[str], Database]
) -> None:
    """Published, and the service died before the cursor moved: the next one compares from there, and all is well."""
    log = filled(open_database(sqlite_url))
    stream = _stored(log)

    async def read(after: int, count_max: int) -> list[Stored]:
        return [message for message in stream if message.sequence > after][:count_max]

    async def state() -> StreamState:
        return StreamState("c", len(stream), len(stream))

    async def work() -> list[Finding]:
        findings = []
        for carried in (EVENTS - 2, EVENTS):
            _carried(log, carried)
            reconciler = Reconciler("example", log.database, read, state, FakePublisher(), Notes())
            findings.append(await reconciler.step())
        return findings

    assert [(f.republished, f.alarm) for f in asyncio.run(work())] == [(0, None), (0, None)]


def _stored(log: Log) -> list[Stored]:
    """The log as it would stand on its stream."""
    with log.database.read.connect() as connection:
        messages = [(row.position, event_message("example", row)) for row in log.rows(connection, 0, 100)]
    return [Stored(position, m.subject, m.message_id, m.payload) for position, m in messages]


def _carried(log: Log, position: int | None = None) -> None:
    """Put the relay's cursor there, or to the end of the log."""
    table = schema.relay_cursor
    with log.database.write.begin() as connection:
        connection.execute(delete(table))
        connection.execute(insert(table).values(name="example", position=position or log.head(connection).position))
