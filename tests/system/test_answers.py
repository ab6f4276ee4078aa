"""Every row of a file and every message gets an answer that says what to do, however often an id is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console import intake
from console.client import IntakeClient
from tests.system.conftest import Message, Office


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

    async def unread(self: IntakeClient, *_: object) -> Any:
        return
        yield

    monkeypatch.setattr(IntakeClient, "_answers", unread)
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
