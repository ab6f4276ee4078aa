"""JetStream as our broker: a publisher that can only store, and a feed that holds a standing pull request.

Why not the client's own ``fetch`` (nats-py 2.16): asked for many it waits for all of them or its time-out, so a lone fact
would be held for as long as we allow a full batch to take; and it asks anew for each batch. Here the next batch arrives
while this one is being handled, and one message is handed over at once. See docs/decisions/0003.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import Header

from eventlog.wire import BrokerOutage, ConsumerGone, Incoming, Outgoing

__all__ = [
    "BATCH_MESSAGES_MAX",
    "JetStreamFeed",
    "JetStreamPublisher",
    "NatsIncoming",
    "Stored",
    "StreamState",
    "read_stream",
    "stream_state",
]

BATCH_MESSAGES_MAX = 1000
"""Of one atomic batch (ADR-50); the server refuses more."""
PUBLISH_TIMEOUT_SECONDS = 10.0
PULL_EXPIRES_SECONDS = 30
PULL_HEARTBEAT_SECONDS = 5
_BATCH_REFUSALS = {10174, 10175, 10176, 10177, 10179, 10199, 10201, 10205, 10211}
"""Server error codes by which a whole batch is refused for its form or for a repeated id: publish singly instead."""


class JetStreamPublisher:
    """Stores messages on one stream. Every publish waits for the stream's word; there is no way to publish without."""

    def __init__(self, client: Client, stream: str) -> None:
        self._client = client
        self._js = client.jetstream(timeout=PUBLISH_TIMEOUT_SECONDS)
        self._stream = stream

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Store in order; atomic batches first, one by one where a batch is refused (a repeated id inside it)."""
        for start in range(0, len(messages), BATCH_MESSAGES_MAX):
            chunk = messages[start : start + BATCH_MESSAGES_MAX]
            if len(chunk) == 1 or not await self._publish_batch(chunk):
                await self._publish_singly(chunk)

    async def _publish_batch(self, chunk: Sequence[Outgoing]) -> bool:
        """Return whether the server took the batch. Raises BrokerOutage if it did not answer."""
        batch_id = secrets.token_hex(16)
        last = len(chunk)
        try:
            for sequence, message in enumerate(chunk, start=1):
                headers = {
                    Header.MSG_ID.value: message.message_id,
                    Header.BATCH_ID.value: batch_id,
                    Header.BATCH_SEQUENCE.value: str(sequence),
                }
                if sequence < last:
                    await self._client.publish(message.subject, message.payload, headers=headers)
                    continue
                # Headers are stored and parsed again by every reader, so what guards the batch stands on its last message only.
                headers[Header.EXPECTED_STREAM.value] = self._stream
                headers[Header.BATCH_COMMIT.value] = "1"
                answer = await self._client.request(
                    message.subject, message.payload, timeout=PUBLISH_TIMEOUT_SECONDS, headers=headers
                )
        except (nats.errors.Error, OSError) as error:
            raise BrokerOutage(f"stream {self._stream} did not confirm a batch of {last}: {error!r}") from error
        reply = json.loads(answer.data)
        if "error" in reply:
            if reply["error"].get("err_code") in _BATCH_REFUSALS:
                return False
            raise BrokerOutage(f"stream {self._stream} refused a batch: {reply['error'].get('description')}")
        return True

    async def _publish_singly(self, chunk: Sequence[Outgoing]) -> None:
        # In order and awaited each: this is the rare path, after a crash between publish and cursor.
        for message in chunk:
            try:
                await self._js.publish(
                    message.subject,
                    message.payload,
                    stream=self._stream,
                    headers={Header.MSG_ID.value: message.message_id},
                )
            except (nats.errors.Error, OSError) as error:
                raise BrokerOutage(f"stream {self._stream} did not confirm {message.message_id}: {error!r}") from error


class Stored(NamedTuple):
    """A message as it stands on a stream."""

    sequence: int
    subject: str
    message_id: str
    payload: bytes


def parse_header_lines(raw: bytes) -> dict[str, str]:
    """The headers of a message, as nats-py parses them; what differs is only how a name is searched for white space.

    There, a generator goes through every name letter by letter: half of the time of reading a stream back, where a message has
    nine headers, and a twentieth of a consumer's. A test holds both against each other.
    """
    found = {}
    for line in raw.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        key = name.strip()
        if colon and key.isascii() and not _WHITE_SPACE.search(key):
            found[key.decode()] = value.strip().decode("utf-8", "replace")
    return found


_WHITE_SPACE = re.compile(rb"[\s\x1c-\x1f]")
clients_own_parser = Client._parse_header_lines
# FastStream makes its client itself. One that does not ask for this function any more is as it was.
Client._parse_header_lines = staticmethod(parse_header_lines)  # type: ignore[method-assign]


class NatsIncoming:
    """A delivered message."""

    __slots__ = ("_msg", "deliveries", "message_id", "sequence", "stored_ns")

    def __init__(self, msg: Msg) -> None:
        self._msg = msg
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, or with domain and account
        # in front; reading the three numbers here is ten times faster than building the client's metadata object.
        tokens = msg.reply.split(".")
        at = 4 if len(tokens) == 9 else 6
        self.deliveries = int(tokens[at])
        self.sequence = int(tokens[at + 1])
        self.stored_ns = int(tokens[at + 3])
        self.message_id: str | None = (msg.headers or {}).get(Header.MSG_ID.value)

    @property
    def subject(self) -> str:
        return self._msg.subject

    @property
    def payload(self) -> bytes:
        return self._msg.data

    async def ack(self) -> None:
        await self._client_publish(b"+ACK")

    async def nak(self, delay_seconds: float) -> None:
        # Always with a delay: a plain negative ack is redelivered at once, thousands of times a second.
        await self._client_publish(b'-NAK {"delay": %d}' % int(delay_seconds * 1e9))

    async def in_progress(self) -> None:
        await self._client_publish(b"+WPI")

    async def _client_publish(self, word: bytes) -> None:
        try:
            await self._msg._client.publish(self._msg.reply, word)
        except (nats.errors.Error, OSError) as error:
            raise BrokerOutage(f"message {self.sequence} could not be acknowledged: {error!r}") from error


class JetStreamFeed:
    """A durable pull consumer, read continuously.

    batch_max: messages asked for at a time; at most twice as many are in memory.
    """

    def __init__(self, client: Client, stream: str, consumer: str, *, inbox_prefix: str, batch_max: int) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._name = f"{stream}/{consumer}"
        self._stream, self._consumer = stream, consumer
        self._inbox = f"{inbox_prefix}.{secrets.token_hex(8)}"
        self._batch_max = batch_max
        self._ready: deque[NatsIncoming] = deque()
        self._wake = asyncio.Event()
        self._outstanding = 0
        self._reconnects = 0
        self._heard_at = 0.0
        self._gone: str | None = None
        self._subscription: Any = None

    async def fetch(self, count_max: int, wait_seconds: float) -> Sequence[Incoming]:
        """See ``Feed.fetch``."""
        if self._subscription is None:
            self._subscription = await self._client.subscribe(self._inbox, cb=self._on_message)
            await self.check()
        loop = asyncio.get_running_loop()
        await self._ask(loop.time())
        if not self._ready:
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), min(wait_seconds, PULL_HEARTBEAT_SECONDS))
            except TimeoutError:
                await self._check_silence(loop.time())
        if self._gone is not None:
            reason, self._gone = self._gone, None
            self._outstanding = 0
            raise ConsumerGone(f"consumer {self._name}: {reason}")
        taken = min(count_max, len(self._ready))
        return [self._ready.popleft() for _ in range(taken)]

    async def check(self) -> Any:
        """Ask the server for the consumer. Raises ConsumerGone or BrokerOutage; returns its info."""
        try:
            return await self._client.jetstream().consumer_info(self._stream, self._consumer)
        except nats.js.errors.NotFoundError as error:
            raise ConsumerGone(f"consumer {self._name} does not exist; run `hongling provision`") from error
        except (nats.errors.Error, OSError) as error:
            raise BrokerOutage(f"no word of consumer {self._name}: {error!r}") from error

    async def close(self) -> None:
        if self._subscription is not None and self._client.is_connected:
            await self._subscription.unsubscribe()
        self._subscription = None

    async def _ask(self, now: float) -> None:
        if self._client.stats["reconnects"] != self._reconnects:
            # What was asked for went down with the connection.
            self._reconnects, self._outstanding = self._client.stats["reconnects"], 0
        # Ask again when half of what was asked for has come, so that the stream never runs dry between two batches.
        if self._outstanding > self._batch_max // 2 or len(self._ready) >= self._batch_max:
            return
        request = {
            "batch": self._batch_max,
            "expires": PULL_EXPIRES_SECONDS * 1_000_000_000,
            "idle_heartbeat": PULL_HEARTBEAT_SECONDS * 1_000_000_000,
        }
        try:
            await self._client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)
        except (nats.errors.Error, OSError) as error:
            raise BrokerOutage(f"cannot ask for {self._name}: {error!r}") from error
        self._outstanding += self._batch_max
        self._heard_at = max(self._heard_at, now)

    async def _check_silence(self, now: float) -> None:
        """Two heartbeats missed: the request was lost (a reconnect, a restart). Find out why, then ask anew."""
        if now - self._heard_at < 2.5 * PULL_HEARTBEAT_SECONDS:
            return
        await self.check()
        self._outstanding = 0
        self._heard_at = now

    async def _on_message(self, msg: Msg) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        status = msg.headers.get("Status") if msg.headers and not msg.data else None
        if status is None:
            self._outstanding -= 1
            self._ready.append(NatsIncoming(msg))
            self._wake.set()
        elif status != "100":
            self._on_status(status, msg.headers or {})

    def _on_status(self, status: str, headers: dict[str, str]) -> None:
        """408 and the harmless kinds of 409 end a request early; a deleted consumer ends everything."""
        left = headers.get("Nats-Pending-Messages")
        self._outstanding = max(0, self._outstanding - int(left)) if left is not None else 0
        description = headers.get("Description", "")
        if status in ("404", "503") or "Consumer Deleted" in description or "Consumer is push" in description:
            self._gone = description or status
        self._wake.set()


class StreamState(NamedTuple):
    """created: when the stream was made, to see that it is another one. last: the last sequence."""

    created: str
    last: int
    messages: int


async def stream_state(client: Client, stream: str) -> StreamState:
    """Raises ConsumerGone if there is no such stream, BrokerOutage if there is no answer."""
    try:
        info = await client.jetstream().stream_info(stream)
    except nats.js.errors.NotFoundError as error:
        raise ConsumerGone(f"stream {stream} does not exist; run `hongling provision`") from error
    except (nats.errors.Error, OSError) as error:
        raise BrokerOutage(f"no word of stream {stream}: {error!r}") from error
    return StreamState(str(info.created), info.state.last_seq, info.state.messages)


async def read_stream(
    client: Client, stream: str, after: int, inbox_prefix: str, count_max: int = BATCH_MESSAGES_MAX
) -> list[Stored]:
    """The next stored messages after a sequence, by one direct get (ADR-31); [] at the end.

    Needs ``$JS.API.DIRECT.GET.<stream>``. Raises BrokerOutage.
    """
    inbox = f"{inbox_prefix}.{secrets.token_hex(8)}"
    found: list[Stored] = []
    done = asyncio.Event()

    async def on_message(msg: Msg) -> None:
        headers = msg.headers or {}
        if "Status" in headers and not msg.data:
            done.set()  # 204: end of the batch; 404: nothing after this sequence
            return
        found.append(
            Stored(
                int(headers["Nats-Sequence"]), headers["Nats-Subject"], headers.get(Header.MSG_ID.value, ""), bytes(msg.data)
            )
        )

    try:
        subscription = await client.subscribe(inbox, cb=on_message)
        request = {"seq": after + 1, "batch": count_max, "max_bytes": 8 * 1024 * 1024}
        await client.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox)
        await asyncio.wait_for(done.wait(), PUBLISH_TIMEOUT_SECONDS)
        await subscription.unsubscribe()
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise BrokerOutage(f"stream {stream} could not be read: {error!r}") from error
    return found
