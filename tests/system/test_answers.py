"""Every row of a file and every message gets an answer that says what to do, however often an id is used."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from console import client, intake
from console.client import IntakeClient, Summary, Unreachable
from contracts.receipts import IDS_ASKED_MAX, Receipt
from tests.system.conftest import DEADLINE_SECONDS, Message, Office


def lines(path: Path, *messages: Message) -> str:
    path.write_bytes(b"".join(message.message + b"\n" for message in messages))
    return str(path)


def published(office: Office, path: Path, *messages: Message, code: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = office.asked("intake", "publish", lines(path, *messages), "--source", "hr", code=code)
    assert sum(answer["counts"].values()) == answer["rows"] == len(messages)
    return answer


@pytest.mark.parametrize("same", [True, False])
def test_two_rows_under_one_id_are_no_success(office: Office, tmp_path: Path, same: bool) -> None:
    """The second person is not lost without a word: nothing is published, and the command does not end with 0."""
    one, two = office.registration("row-1", id="same-1"), office.registration("row-2", id="same-1")
    path = lines(tmp_path / "two.jsonl", one, one if same else two)
    assert office.asked("intake", "publish", path, "--source", "hr", code=2)["published"] == 0


def test_a_file_published_again_is_answered_from_what_was_settled(office: Office, tmp_path: Path) -> None:
    """Each row, and the command ends as the outcomes say."""
    good, wrong = office.registration("row-4"), office.registration("row-5", resident_id="360426199101010072")
    first = published(office, tmp_path / "once.jsonl", good, wrong, code=2)
    second = published(office, tmp_path / "once.jsonl", good, wrong, code=2)
    assert first["counts"] == second["counts"]
    assert [receipt["repeated"] for receipt in second["receipts"] if receipt["outcome"] == "accepted"] == [True]


def test_a_row_without_an_answer_is_no_success(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is away: the rows are told as unanswered, and the command ends with 3."""
    monkeypatch.setattr(intake, "STALL_SECONDS", 0.2)
    path = lines(tmp_path / "silent.jsonl", office.registration("row-6"))

    async def silence(self: IntakeClient, *_: object) -> None:
        raise client._Silent(away=True)

    monkeypatch.setattr(client, "AWAY_SECONDS", 0.2)
    monkeypatch.setattr(IntakeClient, "_ask", silence)
    result = office.hongling("intake", "publish", path, "--source", "hr", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["counts"]["unanswered"] == 1
    assert "publish" in result.stderr


def test_status_tells_what_is_parked_by_its_age_and_ends_with_1_beyond_the_threshold(office: Office) -> None:
    """Oldest first, in both languages."""
    office.publish(Message("intake.hr.registry.worker-registered", "aside-1", b"rubbish"))
    office.publish(Message("intake.hr.registry.worker-registered", "aside-2", b"rubbish"))
    answer = office.asked("status")
    assert [each["message"] for each in answer["aside"] if each["state"] == "parked"] == ["hr/aside-1", "hr/aside-2"]
    assert (answer["parked_hours_max"], answer["parked_too_long"]) == (24, 0)
    late = office.hongling("status", "--parked-hours", "0", "--lang", "zh")
    assert late.exit_code == 1
    assert "搁置超过 0 小时" in late.stdout


ROWS_OF_A_READER = 40


def test_two_readers_of_one_source_both_get_all_answers(office: Office) -> None:
    """Two publications of one source at a time: each gets an answer to each of its messages, and sees the other's too."""
    batches = [[office.registration(f"reader-{n}-{row}") for row in range(ROWS_OF_A_READER)] for n in range(2)]
    ids = {message.message_id for batch in batches for message in batch}

    async def reader(client: IntakeClient, cursor: int) -> set[str]:
        seen: set[str] = set()
        while not ids <= seen:
            page = await client.receipts_after("registry", cursor, 5.0)
            assert page is not None
            seen |= {receipt.id for receipt in page.receipts}
            cursor = page.cursor
        return seen

    async def both() -> tuple[list[Summary], list[set[str]]]:
        seed = office.seed_file("hr")
        async with (
            IntakeClient(office.running.url, "hr", seed) as one,
            IntakeClient(office.running.url, "hr", seed) as two,
        ):
            end = await one.receipts_after("registry")
            assert end is not None
            async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
                waits = [
                    group.create_task(client.publish_and_wait(batch, 5.0))
                    for client, batch in zip((one, two), batches, strict=True)
                ]
                readers = [group.create_task(reader(client, end.cursor)) for client in (one, two)]
            return [task.result() for task in waits], [task.result() for task in readers]

    summaries, seen = asyncio.run(both())
    assert [(s.outcomes, s.unanswered) for s in summaries] == [({"accepted": ROWS_OF_A_READER}, [])] * 2
    assert seen == [ids, ids]


def asked_as(office: Office, user: str, *ids: str, source: str = "") -> list[Receipt] | None:
    """What the registry says of these messages to a user of the broker. source: whose receipts are asked for; the user's."""

    async def work() -> list[Receipt] | None:
        async with IntakeClient(office.running.url, user, office.seed_file(user)) as client:
            client._user = source or user
            return await client.receipts_of("registry", ids)

    return asyncio.run(work())


def test_what_became_of_a_message_can_be_asked_for_later(office: Office) -> None:
    """Whether it was accepted, refused, waits or is parked, and also if another content came later under its id."""
    good, wrong = office.registration("later-1"), office.registration("later-2", resident_id="360426199101010072")
    waits, other = office.rating("later-3", "excellent"), office.registration("later-4", id=good.message_id)
    office.publish(good, wrong, waits)
    office.publish(other)
    office.publish(Message("intake.hr.registry.worker-registered", "later-5", b"rubbish"))
    found = asked_as(office, "hr", good.message_id, wrong.message_id, "later-5", "never-sent")
    assert found is not None
    outcomes = [(receipt.id, receipt.outcome) for receipt in found]
    assert outcomes == [
        (good.message_id, "accepted"),
        (good.message_id, "refused"),
        (wrong.message_id, "refused"),
        ("later-5", "parked"),
    ]
    assert [[problem.code for problem in receipt.problems] for receipt in found[1:2]] == [["id-reused"]]
    assert [receipt.outcome for receipt in asked_as(office, "appraisal", waits.message_id) or ()] == ["waiting"]


def test_nobody_sees_the_answers_to_another_source(office: Office) -> None:
    """Asked in its own name a source finds nothing; in the other's name the broker does not let it ask."""
    message = office.registration("mine-1")
    office.publish(message)
    assert asked_as(office, "appraisal", message.message_id) == []
    with pytest.raises(Unreachable, match="may not ask"):
        asked_as(office, "appraisal", message.message_id, source="hr")


def test_more_ids_than_a_request_takes_are_asked_for_in_turns(office: Office) -> None:
    """Nothing is left out."""
    batch = [office.registration(f"many-{row}") for row in range(IDS_ASKED_MAX + 1)]
    office.publish(*batch)
    found = asked_as(office, "hr", *(message.message_id for message in batch))
    assert found is not None
    assert [receipt.id for receipt in found] == [message.message_id for message in batch]


def test_receipts_are_shown_by_id_and_the_exit_code_says_what_they_are(office: Office, tmp_path: Path) -> None:
    """0 for what was accepted, 2 for what was refused, 3 for what nobody knows; ids from a file too, in both languages."""
    good, wrong = office.registration("shown-1"), office.registration("shown-2", resident_id="360426199101010072")
    office.publish(good, wrong)
    assert "已接受" in office.hongling("intake", "receipt", good.message_id, "--lang", "zh").stdout
    assert office.asked("intake", "receipt", good.message_id)["receipts"][0]["outcome"] == "accepted"
    ids = tmp_path / "ids.txt"
    ids.write_text(f"{good.message_id}\n{wrong.message_id}\n", encoding="utf-8")
    assert len(office.asked("intake", "receipt", "--file", str(ids), code=2)["receipts"]) == 2
    unknown = office.hongling("intake", "receipt", good.message_id, "nobody-knows", "--lang", "en")
    assert unknown.exit_code == 3
    assert "unknown messages: nobody-knows" in unknown.stderr
    assert office.hongling("intake", "receipt").exit_code == 2
    assert office.hongling("intake", "receipt", good.message_id, "--source", "appraisal").exit_code == 3
