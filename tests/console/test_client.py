"""How the client waits for answers: as long as they come, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from console.client import IntakeClient, Published, PublishFailed, Unreachable, _Silent
from contracts.receipts import Receipt, ReceiptsAsked, ReceiptsPage
from tests.support import run

MESSAGES = 12
APART_SECONDS = 0.05
STALL_SECONDS = 0.3


class Sent(NamedTuple):
    message_id: str
    subject: str = "intake.hr.registry.worker-registered"
    message: bytes = b"{}"


def answer(id: str, **more: Any) -> Receipt:
    at = datetime(2025, 3, 1, tzinfo=UTC)
    return Receipt(source="hr", id=id, service="registry", at=at, **{"outcome": "accepted"} | more)


class SlowClient(IntakeClient):
    """Stores everything; the receipts come one by one, each a little later than the one before; then none."""

    def __init__(self, *answers: Receipt, others: int = 0, silences: Sequence[bool] = (), started: int = 0) -> None:
        """others: requests during which the service answers somebody else only, before it comes to ours.

        silences: the first requests, which get no answer: whether nobody is there. started: where its run began.
        """
        super().__init__("nats://nowhere", "hr")
        self.answers = list(answers)
        self.others = others
        self.head = 7
        self.silences = list(silences)
        self.started = started
        self.sent: list[str] = []

    async def publish(self, messages: Any, *, ask_again: bool = False, before: Any = None) -> AsyncIterator[Published]:
        for number, message in enumerate(messages, 1):
            await before(message)
            self.sent.append(message.message_id)
            yield Published(number, 0)

    async def _ask(self, service: str, asked: ReceiptsAsked) -> ReceiptsPage:
        found: list[Receipt] = []
        if self.silences:
            raise _Silent(away=self.silences.pop(0))
        if asked.after is not None:
            assert asked.after == self.head
            await asyncio.sleep(APART_SECONDS if self.others or self.answers else asked.wait_seconds)
            if self.others:
                self.others -= 1
                self.head += 1
            elif self.answers:
                found.append(self.answers.pop(0))
                self.head += 1
        return ReceiptsPage(service=service, started=self.started, head=self.head, cursor=self.head, receipts=tuple(found))


def ids(count: int) -> list[str]:
    return [f"m-{number}" for number in range(count)]


def test_the_wait_grows_with_the_work() -> None:
    """All answers together take twice as long as the wait for one may."""
    client = SlowClient(*map(answer, ids(MESSAGES)))
    summary = run(client.publish_and_wait(map(Sent, ids(MESSAGES)), STALL_SECONDS))
    assert (summary.outcomes["accepted"], summary.unanswered) == (MESSAGES, [])


def test_a_service_that_is_busy_with_others_does_not_stand_still() -> None:
    """Their answers take longer than the wait for one may; ours comes after them."""
    client = SlowClient(answer("m-0"), others=MESSAGES)
    summary = run(client.publish_and_wait(map(Sent, ids(1)), STALL_SECONDS))
    assert (summary.outcomes["accepted"], summary.unanswered) == (1, [])


def test_what_is_not_answered_is_told_when_no_answer_comes_any_more() -> None:
    """Each message that is missing one."""
    summary = run(SlowClient(answer("m-1")).publish_and_wait(map(Sent, ids(3)), STALL_SECONDS))
    assert (summary.published, summary.outcomes["accepted"], summary.unanswered) == (3, 1, ["m-0", "m-2"])


LATE, AWAY = False, True


@pytest.mark.parametrize("silences", [[LATE], [LATE, LATE, LATE], [AWAY], [LATE, AWAY, LATE]])
def test_an_answer_of_before_is_never_taken_for_the_new_one(silences: Sequence[bool]) -> None:
    """A service that is late, or whose connection is just being made again, is asked where its receipts end until it says so.

    Here it has answered seven messages since it began, and is asked for nothing of these.
    """
    client = SlowClient(answer("m-0", outcome="refused"), silences=silences)
    summary = run(client.publish_and_wait(map(Sent, ids(1)), STALL_SECONDS))
    assert (client.sent, summary.outcomes["refused"], summary.unanswered) == (["m-0"], 1, [])


def test_nothing_is_published_to_a_service_that_lives_and_stays_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers could not be told from those of before."""
    monkeypatch.setattr("console.client.END_SECONDS_MAX", 0.2)
    client = SlowClient(silences=[LATE] * 100)
    with pytest.raises(Unreachable, match="registry is there and does not answer"):
        run(client.publish_and_wait(map(Sent, ids(1)), STALL_SECONDS))
    assert client.sent == []


def test_a_service_that_is_away_is_read_from_its_start_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published waits for it in the stream, and is answered behind that place."""
    monkeypatch.setattr("console.client.AWAY_SECONDS", 0.1)
    client = SlowClient(answer("m-0"), silences=[AWAY] * 3, started=7)
    summary = run(client.publish_and_wait(map(Sent, ids(1)), STALL_SECONDS))
    assert (summary.outcomes["accepted"], summary.unanswered) == (1, [])


def test_a_message_under_the_id_of_an_earlier_one_is_published_when_that_is_answered() -> None:
    """So that each has an answer of its own, also when the first one's is told late."""
    first, settled, second = answer("m-0", outcome="waiting"), answer("m-0"), answer("m-0", outcome="refused")
    client = SlowClient(first, answer("m-1"), settled, second)
    summary = run(client.publish_and_wait(map(Sent, ["m-0", "m-0", "m-1"]), STALL_SECONDS))
    assert client.sent == ["m-0", "m-1", "m-0"]
    assert (summary.published, summary.outcomes, summary.unanswered) == (3, {"accepted": 2, "refused": 1}, [])


def test_ids_that_repeat_without_end_are_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """They stop the call, with what to do."""
    monkeypatch.setattr("console.client.REPEATED_IDS_MAX", 2)
    with pytest.raises(PublishFailed, match="an id of its own"):
        run(SlowClient().publish_and_wait(map(Sent, ["m-0"] * 4), STALL_SECONDS))
