"""Streams deleted, rolled back to older files, thinned out: each is named, filled from the log, and changes no amount.

``make test`` does it with a few people, ``make assurance`` with more (``HONGLING_ASSURANCE_PEOPLE``).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy
from sqlalchemy import select

from console.deployment import connect
from eventlog import schema
from eventlog.database import Database
from eventlog.topology import STORE
from tests.assurance.parts import TOWN_STATEMENT, Town, log_lines, office_on, until
from tests.system.conftest import Office

PEOPLE = int(os.environ.get("HONGLING_ASSURANCE_PEOPLE", "20"))
SENDERS = {"REGISTRY": "registry", "ALLOWANCE": "allowance"}
LONG = "HONGLING_ASSURANCE_PEOPLE" in os.environ
FOLDER = Path("nats", "jetstream", STORE, "streams")
SHORT_WINDOW_SECONDS = 0.1
"""In place of the two minutes within which the broker drops what it remembers, so that republishing need not outwait them."""

pytestmark = pytest.mark.timeout(300 + PEOPLE)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A deployment on which some people's facts are settled and paid."""
    with office_on(None, tmp_path_factory.mktemp("streams"), 2.0) as office:
        town = Town.of(office)
        town.tell(PEOPLE)
        yield town


def mended(town: Town) -> None:
    """Wait until every stream is again what its log says; check that nobody heard or booked anything twice, or not at all."""
    office = town.office
    until(lambda: _agree(office), "streams are what the logs say", 180.0)
    town.goes_on()
    heard = _heard(office)
    assert len(heard) == len(set(heard)) == len(_recorded(office)), "an event was heard twice, or not at all"
    state = office.deployment.data / "finance.json"
    feed = office.asked("finance", "feed", "--from-stream", "--state", str(state))
    booked = {each["year"]: each["total_fen"] for each in feed["totals"]}
    assert booked[2021] == office.asked(*TOWN_STATEMENT)["total_fen"] == _differences(office)


def _agree(office: Office) -> bool:
    return bool(json.loads(office.hongling("verify", "--json").stdout)["agrees"])


def _recorded(office: Office) -> list[str]:
    return _events(office, "registry", "registry.")


def _heard(office: Office) -> list[str]:
    return [json.loads(data)["heard"] for data in _events(office, "allowance", "allowance.fact-heard.")]


def _differences(office: Office) -> int:
    return sum(json.loads(data)["difference_fen"] for data in _events(office, "allowance", "allowance.entitlement-"))


def _events(office: Office, service: str, prefix: str) -> list[str]:
    database = Database(office.deployment.database_url(service))
    try:
        with database.read.connect() as connection:
            table = schema.event.c
            return [str(data) for data in connection.scalars(select(table.data).where(table.type.startswith(prefix)))]
    finally:
        database.close()


def as_admin(office: Office, act: Callable[[JetStreamContext], Awaitable[object]]) -> None:
    async def work() -> None:
        client = await connect(office.running.url, "admin", office.seed_file("admin"))
        try:
            await act(client.jetstream())
        finally:
            await client.close()

    asyncio.run(work())


def alarms(office: Office, stream: str) -> list[str]:
    """What the sender's reconciler has said about its stream so far."""
    entries = [json.loads(line) for line in log_lines(office, SENDERS[stream]) if line.startswith("{")]
    return [e["reason"] for e in entries if e["event"] == "stream-differs" and e.get("reason")]


def named(office: Office, stream: str, words: str, before: int = 0) -> None:
    """Wait until the sender's log names what happened to its stream, in an alarm after the first ``before``."""
    until(lambda: any(words in alarm for alarm in alarms(office, stream)[before:]), f"an alarm that {stream} {words}")


@contextmanager
def held(office: Office, *services: str) -> Iterator[None]:
    """These services stand still meanwhile, so that what was done to a stream can be looked at before it is mended."""
    for service in services:
        os.kill(office.running.pid(service), signal.SIGSTOP)
    try:
        yield
    finally:
        for service in services:
            os.kill(office.running.pid(service), signal.SIGCONT)


def problems(office: Office) -> str:
    """What `hongling verify` finds wrong; its exit code says that it did."""
    return json.dumps([s["problems"] for s in office.asked("verify", code=1)["services"]])


# --- deleted ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", list(SENDERS) if LONG else ["REGISTRY"])
def test_a_deleted_stream_is_named_and_filled_from_the_log(town: Town, stream: str) -> None:
    """The sender and the reader say what to run; after `hongling provision` everything is there again, and counted once."""
    office = town.office
    settled(office)
    as_admin(office, lambda js: js.delete_stream(stream))
    sender = SENDERS[stream]
    until(
        lambda: f"stream {stream} does not exist; run `hongling provision`" in office.asked_status(sender)["reasons"],
        f"{sender} says that {stream} is gone",
    )
    if stream == "REGISTRY":
        assert (
            "consumer REGISTRY/allowance does not exist; run `hongling provision`"
            in office.asked_status("allowance")["reasons"]
        )
    assert f"is not on stream {stream}" in problems(office)
    town.tell(5)
    made = office.asked("provision")["created"]
    assert stream in made
    named(office, stream, "was deleted and made anew")
    mended(town)


# --- rolled back ------------------------------------------------------------------------------------------------------


def rolled_back(town: Town, folder: Path, *, after: int) -> None:
    """Put both streams back to files from before some facts. after: people told of at once, before anybody has looked."""
    office = town.office
    streams = office.deployment.data / FOLDER
    office.settle()
    office.running.kill("broker")
    for stream in SENDERS:
        shutil.copytree(streams / stream, folder / stream)
    office.running.start_broker()
    town.tell(5)
    asyncio.run(office.running.wait_ready())
    settled(office)
    office.running.kill("broker")
    for stream in SENDERS:
        shutil.rmtree(streams / stream)
        shutil.copytree(folder / stream, streams / stream)
    office.running.start_broker()
    if after:
        town.tell(after)


def settled(office: Office) -> None:
    """Wait until everything is handled, and compared with the streams: what is lost from now on was there before."""
    office.settle()
    until(lambda: _compared(office), "the streams were compared with all that is in the logs")


def _compared(office: Office) -> bool:
    for service in SENDERS.values():
        database = Database(office.deployment.database_url(service))
        try:
            with database.read.connect() as connection:
                head = connection.execute(select(schema.log_head.c.position)).scalar_one()
                if head != connection.execute(select(schema.reconciled.c.position)).scalar_one_or_none():
                    return False
        finally:
            database.close()
    return True


@pytest.mark.parametrize("people_since", [0, 15] if LONG else [15])
def test_a_stream_that_went_back_is_named_and_filled_from_the_log(town: Town, tmp_path: Path, people_since: int) -> None:
    """Older files in place of the newer: it is found out, even where more has come since than was lost, and mended."""
    office = town.office
    before = {stream: len(alarms(office, stream)) for stream in SENDERS}
    rolled_back(town, tmp_path, after=people_since)
    for stream in SENDERS:
        named(office, stream, "went back", before[stream])
    mended(town)


# --- thinned out ------------------------------------------------------------------------------------------------------


def test_events_that_an_administrator_deleted_are_named_and_published_again(town: Town) -> None:
    """Provisioning may delete from a stream, to set it right; what it takes away by mistake comes back."""
    office = town.office
    settled(office)

    async def delete(js: JetStreamContext) -> None:
        config = (await js.stream_info("REGISTRY")).config
        config.duplicate_window = SHORT_WINDOW_SECONDS
        await js.update_stream(config)
        for sequence in (2, 3):
            await js.delete_msg("REGISTRY", sequence)

    before = len(alarms(office, "REGISTRY"))
    with held(office, "registry"):
        as_admin(office, delete)
        assert "is not on stream REGISTRY" in problems(office)
    named(office, "REGISTRY", "lacks 2 messages that it had", before)
    mended(town)
    assert "REGISTRY" in office.asked("provision")["updated"]


@pytest.mark.parametrize("stream", list(SENDERS) if LONG else ["ALLOWANCE"])
def test_messages_that_a_limit_took_away_are_named_and_published_again(town: Town, stream: str) -> None:
    """An administrator sets a limit by mistake and takes it back: the oldest messages are gone, and come back."""
    office = town.office
    settled(office)

    async def lose(js: JetStreamContext) -> None:
        info = await js.stream_info(stream)
        config = info.config
        config.duplicate_window, config.discard, config.max_msgs = (
            SHORT_WINDOW_SECONDS,
            DiscardPolicy.OLD,
            info.state.messages - 3,
        )
        await js.update_stream(config)
        config.max_msgs = -1
        await js.update_stream(config)

    with held(office, SENDERS[stream]):
        as_admin(office, lose)
        assert f"is not on stream {stream}" in problems(office)
    named(office, stream, "lacks 3 messages that it had")
    mended(town)
    assert stream in office.asked("provision")["updated"]
