"""``hongling parked``, ``conflicts`` and ``trace``: what an operator looks at when something is odd."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from console.parked import act_message, masked
from contracts.intake import INTAKE_BYTES_MAX, parse
from tests.console.support import Office, ask, ask_json, office

RESIDENT_ID = "360426199101010071"
NUMBER = "6222000000000001007"
"""An account without a check digit: not told from other numbers at the door, so it can be among what is parked."""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as found:
        found.publish("changtu-2021")
        found.register(1)
        yield found


def park(made: Office, name: str = "张三") -> str:
    """Deliver a message that is too large, with identity in plain text; return the id under which it is parked."""
    data = {
        "name": name,
        "resident_id": NUMBER,
        "note": f"account {NUMBER}",
        "rest": "x" * INTAKE_BYTES_MAX,
    }
    raw = orjson.dumps({"id": "large-1", "source": "hr", "type": "intake.worker-registered.v1", "data": data})
    made.deliver("intake.hr.registry.worker-registered", raw)
    return str(ask_json(made, "parked", "list")[0]["parked_id"])


def act(made: Office, kind: str, parked_id: str) -> None:
    """Deliver an operator's act, as the command publishes it."""
    message = act_message(kind, "registry", parked_id, "checked with hr", made.clock.now())
    made.deliver(message.subject, message.message)


# --- parked ---------------------------------------------------------------------------------------------------------


def test_what_is_parked_is_listed_with_its_reason(made: Office) -> None:
    """Across both services, without the bytes."""
    parked_id = park(made)
    (row,) = ask_json(made, "parked", "list")
    assert ("registry", parked_id, "too-large", None) == (row["service"], row["parked_id"], row["code"], row["blocks"])
    assert ask_json(made, "parked", "list", "--service", "allowance") == []
    assert "too-large" in ask(made, "parked", "list").stdout


@pytest.mark.parametrize("form", ["--json", "--service=registry"])
def test_a_parked_message_is_shown_without_personal_data(made: Office, form: str) -> None:
    """Names and numbers that should never have been sent are masked, the rest can be read."""
    result = ask(made, "parked", "show", park(made), form)
    assert result.exit_code == 0
    assert [word for word in (NUMBER, NUMBER[:11], "张三") if word in result.stdout] == []
    assert "*1007" in result.stdout
    assert "intake.worker-registered.v1" in result.stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"ID{RESIDENT_ID}z", "ID**************0071z"),
        ("320102 19600101 123X", "****************123X"),
        ("320102600101123", "***********1123"),
        ("not json 13800001234.", "not json *******1234."),
        ("2024-01-01T00:00:00Z K001 360000", "2024-01-01T00:00:00Z K001 360000"),
        ('{"id":360426199101010071}', '{\n  "id": "**************0071"\n}'),
        ('{"Name":{"first":"张"}}', '{\n  "Name": {\n    "first": "***"\n  }\n}'),
    ],
)
def test_masking_keeps_the_last_four_characters(text: str, expected: str) -> None:
    """Resident IDs of both lengths, in any surroundings; dates, keys and amounts stay."""
    assert expected == masked(text)


def test_a_discarded_message_leaves_its_acts(made: Office) -> None:
    """The bytes are gone, who discarded it and why stays."""
    parked_id = park(made)
    act(made, "parked-discard", parked_id)
    found = ask_json(made, "parked", "show", parked_id)
    assert (found["still_parked"], "message" in found) == (False, False)
    assert [(each["by"], each["reason"]) for each in found["acts"]] == [("operator", "checked with hr")]
    assert ask_json(made, "parked", "list") == []


def test_an_act_is_a_message_of_its_own() -> None:
    """Two retries of one message have two ids, and both are well-formed."""
    at = datetime(2021, 1, 1, tzinfo=UTC)
    parked_id = "01955502-c9e8-73df-85ad-a9080238cdc2"
    messages = [act_message("parked-retry", "allowance", parked_id, "again", at) for _ in range(2)]
    assert len({message.message_id for message in messages}) == 2
    assert [message.subject for message in messages] == ["intake.operator.allowance.parked-retry"] * 2
    assert [parked_id] * 2 == [parse(message.message).data.parked for message in messages]  # type: ignore[union-attr]


@pytest.mark.parametrize("wrong", [{"id": "nothing"}, {"reason": ""}, {"reason": "x" * 201}, {"reason": f"张三 {RESIDENT_ID}"}])
def test_an_act_without_a_reason_is_wrong_input(made: Office, wrong: dict[str, str]) -> None:
    """Nothing is sent: the id must be one, the reason must be there, and hold no personal number."""
    said: dict[str, str] = {"id": park(made), "reason": "checked", **wrong}
    result = ask(made, "parked", "discard", said["id"], "--reason", said["reason"])
    assert result.exit_code == 2
    assert RESIDENT_ID not in result.stderr


def test_an_unknown_id_or_service_is_wrong_input(made: Office) -> None:
    """Shown or retried, it ends with 2."""
    unknown = "01955502-c9e8-73df-85ad-a9080238cdc2"
    assert ask(made, "parked", "show", unknown).exit_code == 2
    assert ask(made, "parked", "retry", unknown, "--reason", "b").exit_code == 2
    assert ask(made, "parked", "list", "--service", "payroll").exit_code == 2


# --- conflicts ------------------------------------------------------------------------------------------------------


def test_contradictions_are_shown_with_what_each_says(made: Office) -> None:
    """What stands, against what, and who reported each; none before there are two reports."""
    assert ask_json(made, "conflicts") == []
    made.rate(1, "good")
    made.rate(1, "excellent", id="other", source="hr")
    (found,) = ask_json(made, "conflicts")
    assert (
        found["slot"],
        found["stands"]["says"],
        f"{found['stands']['source']}/{found['stands']['message_id']}",
    ) == ("rating/2021", "the rating for 2021: excellent", "hr/other")
    assert [each["says"] for each in found["contradicted_by"]] == ["the rating for 2021: good"]
    assert "2021 年度考核等次：良好" in ask(made, "conflicts", lang="zh").stdout


# --- trace ----------------------------------------------------------------------------------------------------------


def kinds(rows: list[dict[str, Any]]) -> list[str]:
    return [row["type"].split(".")[1] if "type" in row else row["message"] for row in rows]


def test_a_fact_is_traced_to_its_message_and_to_the_decision(made: Office) -> None:
    """Upwards the intake message, downwards the correction, what allowance heard and decided, and what talent heard."""
    made.engage(1)
    rated = made.rate(1, "excellent")
    made.correct_rating(rated, "good")
    found = ask_json(made, "trace", str(rated.event_id))
    assert kinds(found["causes"]) == ["appraisal/K001-rated-2021"]
    assert kinds(found["consequences"]) == ["fact-corrected", "fact-heard", "entitlement-decided", "fact-heard"]
    by_message = ask_json(made, "trace", "appraisal/K001-rated-2021")
    assert found == by_message


def test_a_decision_is_traced_across_the_services(made: Office) -> None:
    """From allowance up to the registry's event and the message, and down to the adjustment that superseded it."""
    made.engage(1)
    rated = made.rate(1, "excellent")
    decided = ask_json(made, "explain", "hr:K001", "--year", "2021")["event_id"]
    made.correct_rating(rated, "good")
    found = ask_json(made, "trace", decided)
    assert kinds(found["causes"]) == ["annual-rating-recorded", "appraisal/K001-rated-2021"]
    assert kinds(found["consequences"]) == ["entitlement-adjusted"]
    assert "granted ¥2,400.00 for 2021 (-¥1,200.00)" in ask(made, "trace", decided).stdout


def test_a_policy_is_traced_to_the_decisions_that_it_changed(made: Office) -> None:
    """A raised revision recalculates, and the adjustment names it as its cause."""
    made.engage(1)
    made.rate(1, "excellent")
    text = (Path(__file__).parents[2] / "policies" / "changtu-2021.yaml").read_text(encoding="utf-8")
    raised = made.publish(
        text.replace("document: changtu-2021", "document: changtu-2021\nrevision: 2").replace("360000", "370000")
    )
    found = ask_json(made, "trace", str(raised.event_id))
    assert (kinds(found["consequences"]), found["consequences_left_out"]) == (["entitlement-adjusted"], 0)
    history = ask_json(made, "explain", "hr:K001", "--year", "2021")["history"]
    assert (history[-1]["difference_fen"], history[-1]["cause"]) == (10_000, "policy changtu-2021 (revision 2) was published")


def test_a_parked_message_is_traced_to_what_became_of_it(made: Office) -> None:
    """The operator's act is its consequence."""
    parked_id = park(made)
    act(made, "parked-discard", parked_id)
    found = ask_json(made, "trace", parked_id)
    assert kinds(found["consequences"]) == ["parked-discarded"]


@pytest.mark.parametrize("name", ["01955502-c9e8-73df-85ad-a9080238cdc2", "hr/nothing", "nonsense"])
def test_an_unknown_event_is_wrong_input(made: Office, name: str) -> None:
    """Exit code 2."""
    assert ask(made, "trace", name).exit_code == 2
