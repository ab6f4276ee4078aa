"""Each principal makes each of its requests with a reply where it may not publish: nothing happens outside its account.

NATS does not check the reply subject of a request, and JetStream answers there with the rights of the system. What counts is
what was done, so that is looked at: streams and consumers before and after, what was stored, what others heard.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats.errors
import nats.js.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from console import principals as principals_module
from console.deployment import DEFAULT_SOURCES, Deployment, Running, connect
from console.topology import ADMIN, consumers, principals, streams
from deploy.permissions import may, reply_targets, requests
from eventlog.nats import read_stream
from eventlog.topology import Principal, covers, server_config

USERS = tuple(user for user in principals(DEFAULT_SOURCES) if user.name != ADMIN)
STREAMS = tuple(str(config.name) for config in streams())
CONSUMERS = tuple((stream, str(config.durable_name)) for stream, config in consumers(DEFAULT_SOURCES))
TARGETS = reply_targets(DEFAULT_SOURCES)
FLUSH_SECONDS = 30
EFFECT_SECONDS = 30.0
SPARE = 20
"""Messages for a consumer beyond one for each forged reply."""


@dataclass
class Broker:
    """A broker with messages for every consumer, everybody connected, and an ear wherever a reply could come out."""

    admin: Client
    clients: Mapping[str, Client]
    heard: dict[str, list[str]] = field(default_factory=dict)

    async def listen(self) -> None:
        for user in USERS:
            self.heard[user.name] = []
            for subject in user.subscribe:
                await self.clients[user.name].subscribe(subject, cb=self._ear(user.name))
            await self.clients[user.name].flush(FLUSH_SECONDS)

    def _ear(self, name: str) -> Any:
        async def hear(msg: Msg) -> None:
            # What JetStream sends has the subject of the stored message, and an inbox as its way.
            self.heard[name].append(msg.subject)

        return hear

    async def state(self) -> dict[str, Any]:
        """Streams and consumers as they are; None for one that is gone."""
        js = self.admin.jetstream(timeout=5)
        found: dict[str, Any] = {}
        for stream in STREAMS:
            try:
                info = await js.stream_info(stream)
            except nats.js.errors.NotFoundError:
                found[stream] = None
                continue
            found[stream] = info.config.as_dict()
            found[f"messages of {stream}"] = (info.state.first_seq, info.state.num_deleted)
            found[f"last of {stream}"] = info.state.last_seq
        for stream, consumer in CONSUMERS:
            found[f"{stream}/{consumer}"] = None
            with suppress(nats.js.errors.NotFoundError):
                told = await js.consumer_info(stream, consumer)
                assert told.delivered
                assert told.ack_floor
                moved = (told.delivered.consumer_seq, told.ack_floor.stream_seq, told.num_ack_pending, told.paused)
                found[f"{stream}/{consumer}"] = (told.created, moved)
        return found

    async def stored(self, stream: str, after: int) -> set[str]:
        """Subjects of what was stored since."""
        subjects: set[str] = set()
        while page := await read_stream(self.admin, stream, after, "_INBOX_admin"):
            subjects |= {each.subject for each in page}
            after = page[-1].sequence
        return subjects


@asynccontextmanager
async def broker(folder: Path, forged: int) -> AsyncIterator[Broker]:
    async with Running(Deployment(folder), services=()) as running, AsyncExitStack() as stack:
        clients = {}
        for user in (*(user.name for user in USERS), ADMIN):
            client = await connect(running.url, user, running.deployment.seed_file(user))
            stack.push_async_callback(client.close)
            clients[user] = client
        made = Broker(clients[ADMIN], clients)
        await _fill(made.admin, forged + SPARE)
        await made.listen()
        yield made


async def _fill(admin: Client, count: int) -> None:
    """Something to pull for everybody, of a content that an attacker chose: a forged reply carries it to the JetStream API."""
    payload = json.dumps({"seq": 1}).encode()
    subjects = [f"receipts.{name.removeprefix('receipts-')}.accepted" for _, name in CONSUMERS if name.startswith("receipts-")]
    subjects += [f"intake.hr.{service}.something" for service in ("registry", "allowance", "talent")]
    subjects += [f"{service}.00.something" for service in ("registry", "allowance", "talent")]
    js = admin.jetstream(publish_async_max_pending=count + 1)
    for subject in subjects:
        await asyncio.gather(*[await js.publish_async(subject, payload) for _ in range(count)])


async def attack(broker: Broker, user: Principal, targets: Sequence[str]) -> None:
    """Every request that this user may make, once with each of these replies."""
    client = broker.clients[user.name]
    for subject, payload in requests(user):
        for target in targets:
            await client.publish(subject, payload, reply=target)
        await client.flush(FLUSH_SECONDS)
    # An answer that goes another way comes after this one, which went the same way at the end.
    await broker.admin.flush(FLUSH_SECONDS)


async def effects(broker: Broker, user: Principal, targets: Sequence[str], awaited: str | None = None) -> set[str]:
    """What the attack changed that this user may not change; an effect that is known to come is waited for."""
    before = await broker.state()
    for heard in broker.heard.values():
        heard.clear()
    await attack(broker, user, targets)
    deadline = time.monotonic() + EFFECT_SECONDS
    found = await _changed(broker, user, before)
    while awaited and not any(awaited in each for each in found) and time.monotonic() < deadline:
        found = await _changed(broker, user, before)
    return found


async def _changed(broker: Broker, user: Principal, before: Mapping[str, Any]) -> set[str]:
    after = await broker.state()
    found = set()
    own = {right.removeprefix("$JS.API.CONSUMER.MSG.NEXT.").replace(".", "/") for right in user.publish}
    own |= {f"messages of {right.removeprefix('$JS.API.STREAM.MSG.DELETE.')}" for right in user.publish}
    for name, value in before.items():
        if name.startswith("last of "):
            stream = name.removeprefix("last of ")
            if after.get(name) is not None:
                new = await broker.stored(stream, value)
                found |= {f"stored on {subject}" for subject in new if not any(covers(r, subject) for r in user.publish)}
        elif after.get(name) != value and name not in own:
            found.add(f"{name} {'is gone' if after.get(name) is None else 'was changed'}")
    for name, heard in broker.heard.items():
        answers = [answer for each in USERS if each.name == name for answer in each.answers]
        asked = any(covers(answer, right) for answer in answers for right in user.publish)
        if heard and name != user.name and not (asked and all(any(covers(r, h) for r in user.publish) for h in heard)):
            found.add(f"{name} heard {sorted(set(heard))[0]}")
    return found


def forbidden(user: Principal) -> list[str]:
    """Where a user may not publish. What it may publish to is no news as a reply either."""
    return [target for target in TARGETS if not may(user, "publish", target)]


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """user → effects of all its attempts, on a broker as `hongling up` makes it."""

    async def work() -> dict[str, set[str]]:
        async with broker(tmp_path_factory.mktemp("replies"), len(TARGETS)) as made:
            return {user.name: await effects(made, user, forbidden(user)) for user in USERS}

    return asyncio.run(work())


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.name)
def test_no_reply_reaches_what_its_sender_may_not_reach(reached: dict[str, set[str]], user: Principal) -> None:
    """No stream, no other's consumer, no subject in another's name, nobody else's ear."""
    assert reached[user.name] == set()


def test_the_attempts_cover_every_request_and_every_forbidden_subject() -> None:
    """Each principal has requests to make; what it tries to reach is mostly not its own."""
    for user in USERS:
        asked = {
            subject.split(".")[0] if not subject.startswith("$JS.API") else subject.split(".")[2]
            for subject, _ in requests(user)
        }
        assert asked
        assert len(forbidden(user)) > len(TARGETS) * 0.8


# --- that the eyes above see something ------------------------------------------------------------------------------------


def one_account(users: Sequence[Principal], nkeys: Mapping[str, str], **options: Any) -> str:
    """What stood there before there were accounts: the same rights of the same users, in one account of all."""
    lines = []
    for user in users:
        rights = {"publish": {"allow": list(user.publish)}, "subscribe": {"allow": list(user.subscribe)}}
        lines.append(f"{{nkey: {nkeys[user.name]}, permissions: {json.dumps(rights)}}}")
    head, _, tail = server_config(users, nkeys, **options).partition("accounts {\n")
    return (
        head.replace("authorization {timeout: 5}", "authorization {users: [\n" + "\n".join(lines) + "\n]}")
        + tail.rpartition("}\n")[2]
    )


@pytest.mark.parametrize(
    ("target", "effect"),
    [
        ("$JS.API.STREAM.DELETE.INTAKE", "INTAKE is gone"),
        ("$JS.API.CONSUMER.DELETE.INTAKE.registry", "INTAKE/registry is gone"),
        ("$JS.API.CONSUMER.MSG.NEXT.INTAKE.registry", "INTAKE/registry was changed"),
        ("intake.reviewer.allowance.payment-run-checked", "stored on intake.reviewer.allowance.payment-run-checked"),
        ("registry.00.something", "stored on registry.00.something"),
        ("receipts.training.accepted", "stored on receipts.training.accepted"),
        ("_INBOX_reviewer.forged", "reviewer heard"),
        ("status.registry", "registry heard"),
    ],
)
def test_within_one_account_the_same_attempt_reaches_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, effect: str
) -> None:
    """The users of before, each with its rights and no others: a source deletes streams, and signs as the reviewer."""
    monkeypatch.setattr(principals_module, "server_config", one_account)
    hr = next(user for user in USERS if user.name == "hr")

    async def work() -> set[str]:
        async with broker(tmp_path, 1) as made:
            return await effects(made, hr, [target], awaited=effect)

    assert any(effect in found for found in asyncio.run(work()))
