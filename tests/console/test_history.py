"""``hongling history``: both times of a worker's file, what stands of it, and never who the worker is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.registry import FactOrigin, PersonalDataUnmasked
from eventlog.log import NewEvent, Unit
from tests.console.support import Office, ask, ask_json, office
from tests.support import NOW


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Office]:
    """K001 was rated excellent in January 2022, and in March 2025 this was corrected to good."""
    with office(tmp_path) as made:
        made.publish("changtu-2021")
        made.register(1)
        made.engage(1)
        rated = made.at("2022-01-05").rate(1, "excellent")
        made.at("2025-03-02").correct_rating(rated, "good")
        yield made


def statuses(found: Any) -> dict[str, str]:
    return {row["message_id"]: row["status"] for row in found["facts"]}


def test_every_fact_stands_in_the_order_of_recording(file: Office) -> None:
    """Each has both its times, its message, what it says, and whether it stands."""
    found = ask_json(file, "history", "hr:K001")
    positions = [row["position"] for row in found["facts"]]
    assert sorted(positions) == positions
    rating, correction = found["facts"][2:]
    assert ("2021-12-20", "corrected", correction["event_id"]) == (rating["effective_on"], rating["status"], rating["by"])
    assert ("stands", rating["event_id"]) == (correction["status"], correction["corrects"])
    assert correction["says"] == "corrected: the rating for 2021, from excellent to good (申诉后更正)"
    assert rating["recorded_at"] < "2022-01-06" < correction["recorded_at"]


def test_known_takes_back_what_was_recorded_later(file: Office) -> None:
    """The day before the correction, the first rating stood, and the grant was the higher one."""
    found = ask_json(file, "history", "hr:K001", "--known", "2025-03-01")
    assert statuses(found) == {"K001-registered": "stands", "K001-engaged": "stands", "K001-rated-2021": "stands"}
    assert [row["amount_fen"] for row in found["decisions"]] == [360_000]
    assert "the rating for 2021: excellent" in [row["says"] for row in found["standing"]]


def test_effective_leaves_out_what_was_not_true_yet(file: Office) -> None:
    """On the day before the rating, only registration and engagement were true, and no decision was."""
    found = ask_json(file, "history", "hr:K001", "--effective", "2021-12-19")
    assert {"K001-registered", "K001-engaged"} == statuses(found).keys()
    assert (len(found["standing"]), found["decisions"]) == (2, [])


def test_contradictions_and_repeats_are_told_apart(file: Office) -> None:
    """Of three reports on one year the latest stands; one agrees with it, one is contradicted."""
    file.rate(1, "competent", year=2020, effective="2020-12-20", id="first")
    file.rate(1, "excellent", year=2020, effective="2020-12-20", id="second", source="hr")
    file.rate(1, "excellent", year=2020, effective="2020-12-20", id="third", source="training")
    found = statuses(ask_json(file, "history", "hr:K001"))
    assert (found["first"], found["second"], found["third"]) == ("contradicted", "agrees", "stands")


def test_a_withdrawal_of_a_correction_brings_the_fact_back(file: Office) -> None:
    """The withdrawn correction says that it was withdrawn, and the rating that it had replaced stands again."""
    correction = file.posted("registry", "appraisal", "K001-rated-2021-c")
    file.withdraw(correction)
    found = statuses(ask_json(file, "history", "hr:K001"))
    chain = [found["K001-rated-2021"], found["K001-rated-2021-c"], found["K001-rated-2021-c-w"]]
    assert chain == ["stands", "withdrawn", "applies"]


def test_a_withdrawn_fact_names_its_withdrawal(file: Office) -> None:
    """The fact points at the event that took it away."""
    rated = file.rate(1, "good", year=2020, effective="2020-12-20")
    withdrawn = file.withdraw(rated, effective="2020-12-20")
    row = next(row for row in ask_json(file, "history", "hr:K001")["facts"] if row["event_id"] == rated.event_id)
    assert ("withdrawn", withdrawn.event_id) == (row["status"], row["by"])


@pytest.mark.parametrize("form", ["--json", "--lang=zh"])
def test_identity_is_never_shown(file: Office, form: str) -> None:
    """Neither the name nor the resident ID, and not even their ciphertext."""
    result = ask(file, "history", "hr:K001", form)
    assert result.exit_code == 0
    assert [word for word in ("张三", "2112991", "ciphertext", 'identity"', "mark") if word in result.stdout] == []


def test_the_text_has_a_line_for_each_fact_and_decision(file: Office) -> None:
    """Chinese text, from a pipe: no line is folded."""
    text = ask(file, "history", "hr:K001", lang="zh").stdout
    for part in (
        "更正：2021 年度考核等次由优秀改为良好（申诉后更正）",
        "已被更正",
        "2025-03-02 减少 ¥1,200.00，为 ¥2,400.00，因为2021 年度考核等次由优秀更正为良好 (appraisal/K001-rated-2021-c)",
    ):
        assert part in text


def test_closings_transfers_and_changes_of_certificates_are_told(file: Office) -> None:
    """Each as a fact of its own that stands, in words."""
    person = {"source_key": "K001"}
    certificate = {"person": person, "number": "C-1", "grade": "senior", "issuer": "211200"}
    file.post("certificate-issued", certificate, effective="2021-01-15", id="cert-1")
    change = {"person": person, "key": "k-1", "number": "C-1", "change": "suspended", "reason": "核查"}
    file.post("certificate-changed", change, effective="2021-04-01", id="change-1")
    transfer = {"person": person, "key": "t-1", "division": "211223"}
    file.post("registration-transferred", transfer, effective="2024-05-01", id="move-1")
    file.post(
        "registration-closed", {"person": person, "key": "s-1", "reason": "retired"}, effective="2025-01-31", id="closed-1"
    )
    found = ask_json(file, "history", "hr:K001")
    says = {row["message_id"]: (row["status"], row["says"]) for row in found["facts"]}
    assert says["change-1"] == ("stands", "the change k-1 of certificate C-1: suspended from 2021-04-01 (核查)")
    assert says["move-1"] == ("stands", "transfer t-1: to division 211223 from 2024-05-01")
    assert says["closed-1"] == ("stands", "the closing s-1 of the registration: last day 2025-01-31 (retired)")
    assert found["steps"] == []


def test_a_correction_by_the_operator_stands_in_the_slot_of_the_source_that_it_corrects(file: Office) -> None:
    """The engagement's key is hr's own, whoever corrects it."""
    replacement = {"kind": "engagement-start", "engagement": "K001-e1", "category": "secretary", "unit": "二村", "post": "书记"}
    data = {"corrects": {"source": "hr", "id": "K001-engaged"}, "replacement": replacement, "reason": "村名有误"}
    file.post("fact-corrected", data, effective="2021-01-01", id="fix-1", source="operator")
    assert statuses(ask_json(file, "history", "hr:K001"))["fix-1"] == "stands"


def test_what_is_no_fact_is_listed_as_what_was_done(file: Office) -> None:
    """Somebody was shown the name: among the acts with its day, and no fact that could stand."""
    ref = ask_json(file, "history", "hr:K001")["person_ref"]
    origin = FactOrigin(source="operator", id="shown-1", occurred_at=NOW)
    shown = PersonalDataUnmasked(person_ref=ref, fact=origin, fields=("name",), by="operator-7", reason="核对身份")
    event = NewEvent(f"worker-{ref}", shown, "2025-03-03", file.registry.new_id(), "shown-1", None, "operator")
    file.registry.append([Unit(events=[event], expects={event.stream: 4})])
    found = ask_json(file, "history", "hr:K001")
    assert [(row["message_id"], row["says"]) for row in found["steps"]] == [("shown-1", "operator-7 was shown name (核对身份)")]
    assert "shown-1" not in statuses(found)
    assert ask_json(file, "history", "hr:K001", "--effective", "2025-03-02")["steps"] == []
    assert "2025-03-03 operator-7 查看了 name（核对身份）" in ask(file, "history", "hr:K001", lang="zh").stdout
