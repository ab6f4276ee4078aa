"""How the client waits for answers: as long as they come, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import pytest

from console.client import IntakeClient, Published, PublishFailed
from contracts.receipts import Receipt
from tests.support import run

MESSAGES = 12
APART_SECONDS = 0.05
STALL_SECONDS = 0.3


class Sent(NamedTuple):
    message_id: str
    subject: str = "intake.hr.registry.worker-registered"
    message: bytes = b"{}"


class Answer:
    """A message of the receipts' consumer."""

    def __init__(self, id: str, **more: Any) -> None:
        told = Receipt(
            source="hr", id=id, service="registry", at=datetime(2025, 3, 1, tzinfo=UTC), **{"outcome": "accepted"} | more
        )
        self.data = orjson.dumps({"data": told.payload()})

    async def ack(self) -> None: ...


class Subscription:
    async def unsubscribe(self) -> None: ...


class SlowClient(IntakeClient):
    """Stores everything; the receipts come one by one, each a little later than the one before; then none."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__("nats://nowhere", "hr")
        self.answers = list(answers)
        self.sent: list[str] = []

    async def publish(self, messages: Any, *, ask_again: bool = False) -> AsyncIterator[Published]:
        for number, message in enumerate(messages, 1):
            self.sent.append(message.message_id)
            yield Published(number, 0)

    async def _bind(self) -> Any:
        return Subscription()

    async def _fetch(self, subscription: Any, wait_seconds: float) -> Any:
        if not self.answers:
            await asyncio.sleep(wait_seconds)
            return []
        await asyncio.sleep(APART_SECONDS)
        return [self.answers.pop(0)]


def ids(count: int) -> list[str]:
    return [f"m-{number}" for number in range(count)]


def test_the_wait_grows_with_the_work() -> None:
    """All answers together take twice as long as the wait for one may."""
    client = SlowClient(*map(Answer, ids(MESSAGES)))
    summary = run(client.publish_and_wait(map(Sent, ids(MESSAGES)), STALL_SECONDS))
    assert (summary.outcomes["accepted"], summary.unanswered) == (MESSAGES, [])


def test_what_is_not_answered_is_told_when_no_answer_comes_any_more() -> None:
    """Each message that is missing one."""
    summary = run(SlowClient(Answer("m-1")).publish_and_wait(map(Sent, ids(3)), STALL_SECONDS))
    assert (summary.published, summary.outcomes["accepted"], summary.unanswered) == (3, 1, ["m-0", "m-2"])


def test_a_message_under_the_id_of_an_earlier_one_is_published_when_that_is_answered() -> None:
    """So that each has an answer of its own, also when the first one's is told late."""
    first, settled, second = Answer("m-0", outcome="waiting"), Answer("m-0"), Answer("m-0", outcome="refused")
    client = SlowClient(first, Answer("m-1"), settled, second)
    summary = run(client.publish_and_wait(map(Sent, ["m-0", "m-0", "m-1"]), STALL_SECONDS))
    assert client.sent == ["m-0", "m-1", "m-0"]
    assert (summary.published, summary.outcomes, summary.unanswered) == (3, {"accepted": 2, "refused": 1}, [])


def test_ids_that_repeat_without_end_are_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """They stop the call, with what to do."""
    monkeypatch.setattr("console.client.REPEATED_IDS_MAX", 2)
    with pytest.raises(PublishFailed, match="an id of its own"):
        run(SlowClient().publish_and_wait(map(Sent, ["m-0"] * 4), STALL_SECONDS))
