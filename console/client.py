"""Publish intake facts and read what became of them: the client that integrating systems and ``hongling intake`` use.

A message is published under an id that covers its content (``contracts.intake.publishing_id``), so repeating it after any
failure is safe: the broker drops the same bytes within its window, the services drop a repeat for ever and answer it. A
published message is stored, not yet accepted: its receipt says that. Receipts are asked for at the service that gave them, by
cursor or by message id, by any number of readers (``receipts_after``, ``receipts_of``); one reader can have them delivered
through the durable pull consumer ``receipts-<source>``, which ``hongling provision`` makes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Protocol, Self

import nats.errors
import nats.js.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import Header, PubAck
from pydantic import ValidationError

from contracts.intake import publishing_id
from contracts.receipts import IDS_ASKED_MAX, RECEIPTS_OF, Outcome, Receipt, ReceiptsAsked, ReceiptsPage
from eventlog.transport import LOOPBACK, Transport

__all__ = [
    "PUBLISH_WINDOW_MESSAGES",
    "IntakeClient",
    "PublishFailed",
    "Published",
    "Sendable",
    "Summary",
    "TooLarge",
    "Unreachable",
]

INTAKE_STREAM = "INTAKE"
RECEIPTS_STREAM = "RECEIPTS"

PUBLISH_WINDOW_MESSAGES = 1_000
"""Messages in flight at a time."""
PUBLISH_TIMEOUT_SECONDS = 5.0
"""Time for one message to be stored, before it is published again."""
ATTEMPTS_MAX = 6
"""Publications of one message."""
CONNECT_TIMEOUT_SECONDS = 5.0
RECONNECT_WAIT_SECONDS = 1
RECONNECT_SECONDS_MAX = 60.0
"""Time that a publication waits for a broker that went away, before it is given up."""
RETRY_DELAY_SECONDS = 0.1
"""Time before the second publication of a message; doubled for each further one."""
FETCH_MESSAGES_MAX = 500
"""Receipts of one fetch."""
FETCH_TIMEOUT_SECONDS = 1.0
FETCH_SECONDS_MIN = 0.05
REQUEST_SECONDS_MAX = 5.0
"""Time for a service to answer a request, beside what the request lets it wait."""
ASK_SECONDS = 2.0
"""How long a request waits at the service for the next receipt."""
END_SECONDS_MAX = 60.0
"""How long a service that lives may take to say where its receipts end, before nothing is published to it."""
AWAY_SECONDS = 3.0
"""How long nobody must be there to answer for a service before it counts as away. One whose connection was lost is back by
then, and the answers that it gave before are none to what is published now."""
OTHERS_SECONDS_MAX = 3600.0
"""How long a service may be busy with the messages of others only, before the rest is told as unanswered."""
HEADERS_BYTES = 512
"""Room for subject and headers beside the payload, within the broker's limit."""
ERRORS_KEPT_MAX = 20
REPEATED_IDS_MAX = 10_000
"""Messages of one call under ids that came before in it; they are held in memory until those are answered."""


class Sendable(Protocol):
    """What can be published: ``intake_files.Row`` with a message, ``demo_data.Labelled``, or anything of this shape."""

    @property
    def subject(self) -> str: ...

    @property
    def message_id(self) -> str: ...

    @property
    def message(self) -> bytes | None: ...


class Unreachable(Exception):
    """The broker cannot be reached, or does not let this user in."""


class _Silent(Exception):
    """No answer to a request. away: nobody is there; else somebody may be, and is late."""

    def __init__(self, away: bool) -> None:
        super().__init__("away" if away else "no answer in time")
        self.away = away


class PublishFailed(Exception):
    """A message could not be stored. id: the message's id; published: how many were stored before it was given up."""

    def __init__(self, text: str, id: str, published: int) -> None:
        super().__init__(text)
        self.id = id
        self.published = published


class TooLarge(PublishFailed):
    """A message is larger than the broker takes; nothing of it was sent."""


@dataclass(frozen=True, slots=True)
class Published:
    """Progress: messages stored so far, and those of them that the broker knew already."""

    published: int
    repeated: int


@dataclass(slots=True)
class Summary:
    """What became of the messages that were published.

    receipts: the last one for each message id. more: the answers to further messages under ids that came before in the same
    call. unanswered: ids of the messages that have no answer, once for each. outcomes: how many messages have which outcome;
    ``waiting`` ones may still change.
    """

    published: int = 0
    repeated: int = 0
    receipts: dict[str, Receipt] = field(default_factory=dict)
    more: list[Receipt] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    @property
    def outcomes(self) -> Counter[Outcome]:
        return Counter(receipt.outcome for receipt in (*self.receipts.values(), *self.more))


@dataclass(slots=True)
class _InFlight:
    message: Sendable
    acknowledged: asyncio.Future[PubAck]
    attempts: int
    overdue_at: float


class IntakeClient:
    """One source's connection. Use ``async with IntakeClient(url, user, seed_file) as client``.

    user: the source, a principal of the broker; seed_file: its nkey seed, None where the broker asks for none. transport: its
    certificate, and whose the broker's has to be; without it, this machine's own broker only. on_error: told what the
    connection reports, such as a denied permission, which otherwise shows only as a timeout.
    """

    def __init__(
        self,
        url: str,
        user: str,
        seed_file: Path | None = None,
        *,
        transport: Transport = LOOPBACK,
        window_messages: int = PUBLISH_WINDOW_MESSAGES,
        timeout_seconds: float = PUBLISH_TIMEOUT_SECONDS,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        if window_messages < 1:
            raise ValueError("window_messages is at least 1")
        self._url, self._user, self._seed_file, self._transport = url, user, seed_file, transport
        self._window_messages, self._timeout_seconds = window_messages, timeout_seconds
        self._on_error = on_error
        self._errors: deque[Exception] = deque(maxlen=ERRORS_KEPT_MAX)
        self._connection: Client | None = None
        self._jetstream: JetStreamContext | None = None
        self._up, self._closed = asyncio.Event(), asyncio.Event()
        self._stale = False

    async def __aenter__(self) -> Self:
        """Connect. Raises Unreachable, and SettingError before it goes to another machine in plain."""
        options = self._transport.broker_options(self._url)
        try:
            await self._transport.greet(self._url)
        except OSError as error:
            raise Unreachable(self._why("the broker cannot be trusted", error)) from error
        connection = Client()
        try:
            # Without a deadline the library would try for ever, since it is told never to give up reconnecting.
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await connection.connect(
                    **options,
                    nkeys_seed=None if self._seed_file is None else str(self._seed_file),
                    name=f"hongling intake {self._user}",
                    inbox_prefix=f"_INBOX_{self._user}".encode(),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_WAIT_SECONDS,
                    error_cb=self._heard_error,
                    disconnected_cb=self._went_down,
                    reconnected_cb=self._came_back,
                )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            await connection.close()
            raise Unreachable(self._why("the broker cannot be reached", error)) from error
        self._connection = connection
        self._up.set()
        self._renew()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed.set()
        if self._connection is not None:
            await self._connection.close()

    async def _went_down(self) -> None:
        self._up.clear()

    async def _came_back(self) -> None:
        self._stale = True
        self._up.set()

    async def _heard_error(self, error: Exception) -> None:
        self._errors.append(error)
        if self._on_error is not None:
            self._on_error(error)

    def _why(self, text: str, error: BaseException | None) -> str:
        """A text with what the broker said last: a denial reaches the client only beside the call that it denied."""
        heard = str(self._errors[-1]) if self._errors else ""
        said = str(error) or type(error).__name__ if error is not None else ""
        return "; ".join(part for part in (text, said, heard) if part)

    def _renew(self) -> None:
        """A fresh context: in the old one, futures that were in flight when the server died keep their places."""
        assert self._connection is not None
        self._jetstream = self._connection.jetstream(
            timeout=self._timeout_seconds, publish_async_max_pending=2 * self._window_messages
        )

    @property
    def _js(self) -> JetStreamContext:
        if self._jetstream is None:
            raise RuntimeError("the client is connected by `async with`")
        return self._jetstream

    # ------------------------------------------------------------------------------------------------------- publishing

    async def publish(
        self,
        messages: Iterable[Sendable],
        *,
        ask_again: bool = False,
        before: Callable[[Sendable], Awaitable[None]] | None = None,
    ) -> AsyncIterator[Published]:
        """Publish messages in their order, a window at a time; yield progress after each that is known to be stored.

        A message that was not acknowledged in time is published again with the same id, after the broker is back; then it
        can stand behind later ones, which the services allow. Raises TooLarge, or PublishFailed after ``ATTEMPTS_MAX``
        publications or when the broker refuses (no permission, no such stream, stream full); messages before it may be
        stored, and publishing them all again is safe. Raises ValueError for a row without a message.

        ask_again: what the broker drops because it has stored the same bytes a short while ago is published under a publishing
        id of its own, so that the service answers it once more; without, it gets no new receipt. before: awaited for each
        message, before it is sent.
        """
        in_flight: deque[_InFlight] = deque()
        published = repeated = 0
        for message in messages:
            self._check_size(message, published)
            if before is not None:
                await before(message)
            in_flight.append(await self._begin(message, 1, published))
            while len(in_flight) >= self._window_messages:
                repeated += await self._settle(in_flight, published, ask_again)
                published += 1
                yield Published(published, repeated)
        while in_flight:
            repeated += await self._settle(in_flight, published, ask_again)
            published += 1
            yield Published(published, repeated)

    def _check_size(self, message: Sendable, published: int) -> None:
        assert self._connection is not None
        if message.message is None:
            raise ValueError("a row that has problems has no message to publish")
        limit = self._connection.max_payload - HEADERS_BYTES
        if len(message.message) > limit:
            text = f"message {message.message_id} has {len(message.message)} bytes; the broker takes at most {limit}"
            raise TooLarge(text, message.message_id, published)

    async def _begin(self, message: Sendable, attempts: int, published: int, again: str = "") -> _InFlight:
        """Send one message. The headers are made anew each time, because the library changes the caller's."""
        assert message.message is not None
        headers = {
            Header.MSG_ID.value: publishing_id(self._user, message.message_id, message.message) + again,
            Header.EXPECTED_STREAM.value: INTAKE_STREAM,
        }
        loop = asyncio.get_running_loop()
        try:
            # Without wait_stall, which would make a task for each message: the context has twice the room of a window.
            future = await self._js.publish_async(message.subject, message.message, headers=headers)
        except nats.errors.MaxPayloadError as error:
            raise TooLarge(str(error), message.message_id, published) from error
        except (nats.errors.Error, OSError, TimeoutError) as error:
            future = loop.create_future()
            future.set_exception(error)
        return _InFlight(message, future, attempts, loop.time() + self._timeout_seconds)

    async def _settle(self, in_flight: deque[_InFlight], published: int, ask_again: bool) -> int:
        """Wait for the oldest message, publish it again as often as needed; return 1 if the broker knew it already."""
        first, again = in_flight.popleft(), ""
        while True:
            try:
                if not (await self._acknowledged(first)).duplicate:
                    return int(bool(again))
                if not ask_again or again:  # Dropped under an id of its own: an attempt before this one was stored.
                    return 1
                again = f"/{secrets.token_hex(8)}"
                first = await self._begin(first.message, 1, published, again)
                continue
            except nats.js.errors.APIError as error:
                if error.code is not None and error.code < 500:
                    self._give_up(first, in_flight, error, published)
                cause: Exception = error
            except (nats.errors.Error, OSError, TimeoutError) as error:
                cause = error
            if first.attempts >= ATTEMPTS_MAX or self._denied():
                self._give_up(first, in_flight, cause, published)
            if not await self._ready_again(RETRY_DELAY_SECONDS * 2 ** (first.attempts - 1), cause):
                self._give_up(first, in_flight, cause, published)
            first = await self._begin(first.message, first.attempts + 1, published, again)

    async def _acknowledged(self, first: _InFlight) -> PubAck:
        """The broker's answer. The deadline counts from the sending, so that a window in flight dies all at once."""
        if first.acknowledged.done():
            return first.acknowledged.result()
        return await asyncio.wait_for(first.acknowledged, max(0.0, first.overdue_at - asyncio.get_running_loop().time()))

    def _denied(self) -> bool:
        return any("permissions violation" in str(error).casefold() for error in self._errors)

    async def _ready_again(self, delay_seconds: float, cause: Exception) -> bool:
        """Wait until the broker is back, and after a refusal for a while; False if it does not come back in time."""
        try:
            async with asyncio.timeout(RECONNECT_SECONDS_MAX):
                await self._up.wait()
        except TimeoutError:
            return False
        if not isinstance(cause, TimeoutError):  # A timeout has waited already.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), delay_seconds)
        if self._stale:
            self._stale = False
            self._renew()
        return not self._closed.is_set()

    def _give_up(self, first: _InFlight, in_flight: deque[_InFlight], error: Exception, published: int) -> NoReturn:
        for each in in_flight:
            if not each.acknowledged.cancel() and not each.acknowledged.cancelled():
                each.acknowledged.exception()  # Looked at, or the event loop complains about it at exit.
        text = self._why(f"message {first.message.message_id} could not be stored", error)
        raise PublishFailed(text, first.message.message_id, published) from error

    # --------------------------------------------------------------------------------------------------------- receipts

    async def receipts(self, since: datetime | None = None, idle_seconds: float | None = None) -> AsyncIterator[Receipt]:
        """Yield this source's receipts as the broker delivers them, each acknowledged once the next one is asked for.

        since: leave out (but acknowledge) older ones. idle_seconds: end after so long without one; None: never end. The
        consumer remembers what was acknowledged: a receipt is not seen again by a later call, unless the caller went away
        before asking for the next. It has one reader at a time; ``receipts_after`` has any number. Raises Unreachable if the
        consumer does not answer.

        No fetch is ever cancelled: its request would live on at the broker and take the next receipts along, which then
        come again only after the consumer's acknowledgement time.
        """
        subscription = await self._bind()
        loop = asyncio.get_running_loop()
        idle_since = loop.time()
        try:
            while (left := (inf if idle_seconds is None else idle_since + idle_seconds) - loop.time()) > 0:
                for message in await self._fetch(subscription, min(FETCH_TIMEOUT_SECONDS, max(left, FETCH_SECONDS_MIN))):
                    receipt = _receipt_of(message)
                    if receipt is not None and (since is None or receipt.at >= since):
                        yield receipt
                    await message.ack()
                    idle_since = loop.time()
        finally:
            await subscription.unsubscribe()

    async def _bind(self) -> JetStreamContext.PullSubscription:
        durable = f"receipts-{self._user}"
        try:
            # Asked first: a subscription to a consumer that does not exist binds without a word and hears nothing.
            await self._js.consumer_info(RECEIPTS_STREAM, durable)
            return await self._js.pull_subscribe_bind(durable=durable, stream=RECEIPTS_STREAM)
        except (nats.errors.Error, TimeoutError) as error:
            text = f"consumer {durable} does not answer; `hongling provision` makes it"
            raise Unreachable(self._why(text, error)) from error

    async def _fetch(self, subscription: JetStreamContext.PullSubscription, wait_seconds: float) -> list[Msg]:
        try:
            return await subscription.fetch(FETCH_MESSAGES_MAX, timeout=wait_seconds)
        except TimeoutError:  # nats.errors.TimeoutError is one: nothing came in time.
            return []
        except nats.errors.Error as error:
            raise Unreachable(self._why("the receipts cannot be read", error)) from error

    # ------------------------------------------------------------------------------------------- receipts that are asked for

    async def receipts_after(self, service: str, after: int | None = None, wait_seconds: float = 0.0) -> ReceiptsPage | None:
        """The next receipts of this source at a service, from its store; None if nobody answers.

        after: the ``cursor`` of the page before; None: an empty page that says where the receipts end now. wait_seconds: how
        long the service may wait for the first one. Any number of readers get all of them. Raises Unreachable if this source
        may not ask.
        """
        try:
            return await self._ask(service, ReceiptsAsked(after=after, wait_seconds=wait_seconds))
        except _Silent:
            return None

    async def seal_key(self, service: str = "registry") -> dict[str, str] | None:
        """The public key (JWK) that the service opens seals with now; None if nobody answers. Raises Unreachable."""
        page = await self.receipts_after(service)
        return None if page is None else page.seal_key

    async def receipts_of(self, service: str, ids: Sequence[str]) -> list[Receipt] | None:
        """The last few answers of a service to each of these messages, oldest first; nothing for one that it never answered.

        None if nobody answers. Raises Unreachable if this source may not ask, ValueError for an id that no message can have.
        """
        found: list[Receipt] = []
        left = tuple(dict.fromkeys(ids))
        while left:
            try:
                page = await self._ask(service, ReceiptsAsked(ids=left[:IDS_ASKED_MAX]))
            except _Silent:
                return None
            found += page.receipts
            left = (*page.left, *left[IDS_ASKED_MAX:])
        return found

    async def _ask(self, service: str, asked: ReceiptsAsked) -> ReceiptsPage:
        """Raises _Silent, or Unreachable if this source may not ask."""
        assert self._connection is not None
        subject, wait = f"{RECEIPTS_OF}.{self._user}.{service}", asked.wait_seconds + REQUEST_SECONDS_MAX
        try:
            answer = await self._connection.request(subject, asked.model_dump_json().encode(), timeout=wait)
        except nats.errors.NoRespondersError:
            raise _Silent(away=True) from None
        except (nats.errors.Error, OSError, TimeoutError) as error:
            if self._denied():
                text = f"{self._user} may not ask {service} for receipts; `hongling provision` grants it"
                raise Unreachable(self._why(text, error)) from error
            raise _Silent(away=False) from error
        return _page_of(answer.data)

    async def publish_and_wait(
        self,
        messages: Iterable[Sendable],
        stall_seconds: float,
        progress: Callable[[Published], Awaitable[None]] | None = None,
    ) -> Summary:
        """Publish messages, then read receipts until each has one, or until the services stood still for stall_seconds.

        There is no limit to the whole: the wait grows with the work, as long as the services answer somebody. A message under
        the id of an earlier one of the same call is published once that one is answered, so that it gets an answer of its own.
        Others may read receipts of this source meanwhile. Holds the ids and one receipt of each in memory.
        Raises as ``publish`` and ``receipts_after`` do, Unreachable if a service that lives does not say where its receipts
        end, and PublishFailed for more than ``REPEATED_IDS_MAX`` messages under
        ids that came before.
        """
        summary, wave, first = Summary(), iter(messages), True
        cursors: dict[str, int | None] = {}
        while True:
            mine: set[str] = set()
            later: list[Sendable] = []
            async for at in self.publish(
                _noted(wave, mine, later), ask_again=True, before=lambda message: self._note_end(message, cursors)
            ):
                if progress is not None:
                    await progress(Published(summary.published + at.published, summary.repeated + at.repeated))
                last = at
            if mine:
                summary.published += last.published
                summary.repeated += last.repeated
            await self._collect(summary, mine, stall_seconds, first, cursors)
            if not later:
                return summary
            wave, first = iter(later), False

    async def _note_end(self, message: Sendable, cursors: dict[str, int | None]) -> None:
        """Before the first message to a service: where its receipts end. What comes behind that is read."""
        service = message.subject.split(".")[2]
        if service not in cursors:
            cursors[service] = await self._end_of_receipts(service)

    async def _end_of_receipts(self, service: str) -> int | None:
        """The cursor behind all that a service has answered; None: it is away, and what it will answer comes after its start.

        One that lives and is late is asked again: without knowing where its receipts end, an answer that it gave long ago, to
        the same row, would be taken for the answer to this one. Raises Unreachable if it stays silent.
        """
        loop = asyncio.get_running_loop()
        began = alive_at = loop.time()
        while True:
            try:
                return (await self._ask(service, ReceiptsAsked())).cursor
            except _Silent as silent:
                if not silent.away:
                    alive_at = loop.time()
                elif loop.time() - alive_at >= AWAY_SECONDS:
                    return None
                if loop.time() - began >= END_SECONDS_MAX:
                    text = f"{service} is there and does not answer; nothing was published to it, and publishing again is safe"
                    raise Unreachable(text) from silent
            await asyncio.sleep(RETRY_DELAY_SECONDS)

    async def _collect(
        self, summary: Summary, mine: set[str], stall_seconds: float, first: bool, cursors: dict[str, int | None]
    ) -> None:
        """Read receipts until each of these ids has its answer. first: False: each was answered before, for another message."""
        left = set(mine)
        if left:
            async with aclosing(self._pages(cursors, stall_seconds)) as pages:
                async for receipts in pages:
                    for receipt in receipts:
                        if receipt.id not in mine:
                            continue
                        # One that waited may be settled only now; the answer to a later message under its id says so.
                        later = not first and (receipt.repeated or receipt.outcome == "refused")
                        if later:
                            summary.more.append(receipt)
                        else:
                            summary.receipts[receipt.id] = receipt
                        if first or later:
                            left.discard(receipt.id)
                    if not left:
                        break
        summary.unanswered += sorted(left)

    async def _pages(self, cursors: dict[str, int | None], stall_seconds: float) -> AsyncGenerator[Sequence[Receipt], None]:
        """Pages behind the cursors, which move along, until no service gave anybody an answer for stall_seconds.

        A service that was away before the first message begins, for this reader, where it began itself.
        """
        loop = asyncio.get_running_loop()
        moved_at = mine_at = loop.time()
        heads: dict[str, int] = {}
        asking: dict[str, asyncio.Task[ReceiptsPage | None]] = {}
        try:
            while (left := min(moved_at + stall_seconds, mine_at + OTHERS_SECONDS_MAX) - loop.time()) > 0:
                for service, cursor in cursors.items():
                    if service not in asking:
                        asking[service] = asyncio.create_task(self._next(service, cursor, min(left, ASK_SECONDS)))
                await asyncio.wait(asking.values(), timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for service in [service for service, task in asking.items() if task.done()]:
                    page = asking.pop(service).result()
                    if page is None:
                        continue
                    cursors[service] = page.started if cursors[service] is None else page.cursor
                    if page.head != heads.get(service):
                        moved_at, heads[service] = loop.time(), page.head
                    if page.receipts:
                        mine_at = moved_at = loop.time()
                        yield page.receipts
        finally:
            for task in asking.values():
                task.cancel()
            await asyncio.gather(*asking.values(), return_exceptions=True)

    async def _next(self, service: str, cursor: int | None, wait_seconds: float) -> ReceiptsPage | None:
        page = await self.receipts_after(service, cursor, wait_seconds)
        if page is None:  # Nobody answers: not asked again at once.
            await asyncio.sleep(min(wait_seconds, RETRY_DELAY_SECONDS))
        return page


def _noted(messages: Iterator[Sendable], mine: set[str], later: list[Sendable]) -> Iterator[Sendable]:
    """The messages under ids that did not come before, which go to ``mine``; the others go to ``later``."""
    for message in messages:
        if message.message_id not in mine:
            mine.add(message.message_id)
            yield message
        elif len(later) < REPEATED_IDS_MAX:
            later.append(message)
        else:
            text = f"more than {REPEATED_IDS_MAX} messages are under ids that came before; give each message an id of its own"
            raise PublishFailed(text, message.message_id, len(mine))


def _receipt_of(message: Msg) -> Receipt | None:
    """The receipt in a CloudEvents message, or None for what a later version may put there."""
    try:
        envelope = orjson.loads(message.data)
        return Receipt.model_validate_json(orjson.dumps(envelope["data"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValidationError):
        return None


def _page_of(data: bytes) -> ReceiptsPage:
    """A page of receipts, without those that a later version may put there. Raises ValueError for a request that was wrong."""
    try:
        return ReceiptsPage.model_validate_json(data)
    except ValidationError:
        page = orjson.loads(data)
    if "error" in page:
        raise ValueError(page["error"])
    known = []
    for each in page["receipts"]:
        with suppress(ValidationError):
            known.append(Receipt.model_validate_json(orjson.dumps(each)))
    return ReceiptsPage.model_validate({**page, "left": tuple(page["left"]), "receipts": tuple(known)})
