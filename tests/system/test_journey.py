"""The main job, end to end on real parts: a published fact becomes an explained amount that finance can prove."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from console.demo_data import CHANGTU_GRANTED, CHANGTU_TOTAL_FEN, changtu_2021
from console.deployment import Deployment, Running, connect
from console.main import app
from console.sealing import load_public_key, seal
from eventlog.database import Database, sqlite_module
from tests.system.conftest import DEADLINE_SECONDS, Message, Office, start

CHANGTU = ("finance", "statement", "--division", "211224", "--year", "2021")
POLICY = Path("policies/changtu-2021.yaml")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A deployment with Changtu's policy."""
    for made in start(tmp_path_factory.mktemp("journey")):
        made.asked("policy", "publish", str(POLICY))
        yield made


def explained(office: Office, key: str) -> dict[str, Any]:
    office.settle()
    answer: dict[str, Any] = office.asked("explain", f"hr:{key}", "--year", "2021")
    return answer


def changtu_messages(office: Office) -> list[Message]:
    key = load_public_key(office.deployment.public_key)
    return [Message(m.subject, m.message_id, m.message) for m in changtu_2021(lambda identity: seal(identity, key), Random(7))]


def test_changtu_2021_comes_out_as_published(tmp_path: Path) -> None:
    """46 applied, 28 are granted ¥79,200.00, 18 are denied with a reason: whatever the order, and with everything twice."""
    for office in start(tmp_path / "changtu"):
        office.asked("policy", "publish", str(POLICY))
        messages = changtu_messages(office)
        twice = messages + [m._replace(message_id=m.message_id + "-again") for m in messages]
        Random(3).shuffle(twice)
        office.publish(*twice, wait=False)
        office.settle()
        answer = office.asked(*CHANGTU)
        assert (CHANGTU_GRANTED, 18, CHANGTU_TOTAL_FEN) == (answer["granted"], answer["denied"], answer["total_fen"])
        assert [{"payer": "county", "total_fen": CHANGTU_TOTAL_FEN}] == answer["by_payer"]
        assert {"division", "year", "known_at", "position"} <= answer.keys()
        verdict = office.asked("verify")
        assert verdict["agrees"], verdict


def test_every_denial_says_what_was_required_and_found(office: Office) -> None:
    """A worker below the required rating is denied, and the unmet condition names both sides and the facts."""
    office.publish(*office.worker("denied", "basic"))
    answer = explained(office, "denied")
    (unmet,) = [p for p in answer["predicates"] if not p["met"]]
    assert ("denied", 0, "rating", "basic") == (answer["decision"], answer["amount_fen"], unmet["name"], unmet["found"])
    assert unmet["required"]
    assert unmet["facts"]
    assert {"document", "clause"} <= answer["policy"].keys()


def test_a_corrected_then_withdrawn_rating_is_paid_as_differences(office: Office) -> None:
    """Good, corrected to excellent, then withdrawn: three linked decisions whose differences add up to nothing."""
    registration, engagement, rating = office.worker("corrected", "good")
    office.publish(registration, engagement, rating)
    assert 240_000 == explained(office, "corrected")["amount_fen"]
    correction = office.fact(
        "appraisal",
        "fact-corrected",
        {
            "corrects": {"id": rating.message_id},
            "replacement": {"kind": "rating", "year": 2021, "rating": "excellent"},
            "reason": "复核",
        },
        "2022-01-15",
        time="2022-03-01T00:00:00Z",
    )
    office.publish(correction)
    assert 360_000 == explained(office, "corrected")["amount_fen"]
    office.publish(
        office.fact(
            "appraisal",
            "fact-withdrawn",
            {"withdraws": {"id": rating.message_id}, "reason": "误报"},
            time="2022-04-01T00:00:00Z",
        )
    )
    answer = explained(office, "corrected")
    assert ("denied", 0) == (answer["decision"], answer["amount_fen"])
    history = answer["history"]
    assert [240_000, 120_000, -360_000] == [h["difference_fen"] for h in history]
    assert 0 == sum(h["difference_fen"] for h in history)
    assert history[1]["event_id"] == answer["supersedes"]


def test_the_order_of_arrival_changes_no_amount(office: Office) -> None:
    """The same facts forwards, and backwards with repeats: held, released and settled to the same amount."""
    amounts = []
    for key, backwards in (("forwards", False), ("backwards", True)):
        registration, engagement, rating = office.worker(key, "competent")
        replacement = {"kind": "rating", "year": 2021, "rating": "excellent"}
        correction = office.fact(
            "appraisal",
            "fact-corrected",
            {"corrects": {"id": rating.message_id}, "replacement": replacement, "reason": "复核"},
            "2022-01-15",
            time="2022-03-01T00:00:00Z",
        )
        messages = [registration, engagement, rating, correction]
        for message in reversed(messages) if backwards else messages:
            office.publish(message)
        if backwards:
            office.publish(*(m._replace(message_id=m.message_id + "-again") for m in messages), wait=False)
        amounts.append((explained(office, key)["decision"], explained(office, key)["amount_fen"]))
    assert [("granted", 360_000), ("granted", 360_000)] == amounts


def test_a_retroactive_policy_adjusts_what_was_decided(tmp_path: Path) -> None:
    """A new revision for 2021 recalculates everybody; each difference is linked to the decision that it supersedes."""
    for office in start(tmp_path / "retroactive"):
        office.asked("policy", "publish", str(POLICY))
        office.publish(*office.worker("early-1", "good"), *office.worker("early-2", "excellent"))
        office.settle()
        assert 600_000 == office.asked(*CHANGTU)["total_fen"]
        revised = tmp_path / "revised.yaml"
        written = POLICY.read_text().replace("240000", "250000")
        revised.write_text(written if "\nrevision:" not in written else written.replace("revision: 1", "revision: 2"))
        if "revision: 2" not in revised.read_text():
            revised.write_text(revised.read_text().replace("\ntitle:", "\nrevision: 2\ntitle:", 1))
        office.asked("policy", "publish", str(revised))
        office.settle()
        statement = office.asked(*CHANGTU)
        assert (610_000, 1) == (
            statement["total_fen"],
            sum(h["difference_fen"] == 10_000 for h in explained(office, "early-1")["history"]),
        )
        assert 600_000 == office.asked(*CHANGTU, "--known", "2000-01-01")["total_fen"] + 600_000


def test_services_killed_in_the_middle_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    """kill -9 of both services while facts flow: after a restart the statement is that of an undisturbed run."""
    for office in start(tmp_path / "killed", ack_wait_seconds=2.0):
        office.asked("policy", "publish", str(POLICY))
        messages = changtu_messages(office)
        for at, victim in ((30, "registry"), (60, "allowance"), (90, "registry")):
            office.publish(*messages[at - 30 : at], wait=False)
            office.running.kill(victim)
            office.running.start_service(victim)
        office.publish(*messages[90:], wait=False)
        asyncio.run(office.running.wait_ready())
        office.settle()
        answer = office.asked(*CHANGTU)
        assert (CHANGTU_GRANTED, 18, CHANGTU_TOTAL_FEN) == (answer["granted"], answer["denied"], answer["total_fen"])
        heard = [json.loads(s.payload)["data"]["fact"]["id"] for s in office.stream("REGISTRY")]
        assert sorted(m.message_id for m in messages) == sorted(set(heard))
        assert office.asked("verify")["agrees"]


def test_finance_reads_a_complete_feed_and_gets_the_statement(office: Office, tmp_path: Path) -> None:
    """From zero, through the broker, with the back pointers checked: the sums are those of the statement."""
    office.publish(*office.worker("for-finance", "good"))
    office.settle()
    state = tmp_path / "finance.json"
    result = office.hongling("finance", "feed", "--from-stream", "--state", str(state), "--json")
    assert 0 == result.exit_code, result.output
    statement = office.asked(*CHANGTU)
    lines = [json.loads(line) for line in office.hongling("finance", "feed", "--json").stdout.splitlines()]
    from_log = sum(line["data"]["difference_fen"] for line in lines if line["data"]["decision"]["year"] == 2021)
    assert statement["total_fen"] == from_log
    booked = json.loads(state.read_text())
    assert str(statement["total_fen"]) in json.dumps(booked)
    again = office.asked(
        "finance", "feed", "--from-stream", "--from-zero", "--state", str(tmp_path / "lost-and-made-anew.json")
    )
    assert again["totals"] == json.loads(result.stdout)["totals"]
    resumed = office.asked("finance", "feed", "--from-stream", "--state", str(tmp_path / "lost-and-made-anew.json"))
    assert (again["totals"], 0) == (resumed["totals"], resumed["repeated"])


def test_a_file_with_chinese_headings_is_checked_and_published(office: Office, tmp_path: Path) -> None:
    """A clerk's CSV: a wrong row is named by row and heading; the good file is published, and publishing again is harmless."""
    file = tmp_path / "考核.csv"
    office.publish(office.registration("csv-1"), office.engagement("csv-1"))
    heading = "人员编号,编号来源,年度,考核等次,生效日期\n"
    file.write_text(heading + "csv-1,hr,2021,优秀,2022-01-20\ncsv-1,hr,二〇二一,优秀,2022-01-20\n", encoding="utf-8-sig")
    checked = office.asked("intake", "check", str(file), "--source", "appraisal", "--type", "annual-rating-recorded", code=2)
    assert [3] == [row["row"] for row in checked["wrong"]]
    file.write_text(heading + "csv-1,hr,2021,优秀,2022-01-20\n", encoding="utf-8-sig")
    arguments = ("intake", "publish", str(file), "--source", "appraisal", "--type", "annual-rating-recorded")
    assert {"accepted": 1} == office.asked(*arguments)["outcomes"]
    assert 360_000 == explained(office, "csv-1")["amount_fen"]
    position = office.asked(*CHANGTU)["position"]
    office.hongling(*arguments, "--json")
    assert position == office.asked(*CHANGTU)["position"]


def test_replay_finds_a_changed_read_model_and_swap_mends_it(office: Office, tmp_path: Path) -> None:
    """A row changed by hand is a difference with exit code 1; after --swap there is none."""
    office.settle()
    copy = _copy(office, tmp_path)
    with copy.database("allowance").write.begin() as connection:
        connection.execute(text("UPDATE entitlement SET amount_fen = amount_fen + 1 WHERE decision = 'granted'"))
    differing = copy.asked("replay", "allowance", "--diff", code=1)
    assert {"entitlement"} == {d["table"] for d in differing["differences"]}
    copy.asked("replay", "allowance", "--swap")
    assert copy.asked("replay", "allowance", "--diff")["same"]


def test_verify_finds_an_event_that_was_changed_behind_the_databases_back(office: Office, tmp_path: Path) -> None:
    """With the triggers gone, one changed byte of one event is named."""
    office.settle()
    copy = _copy(office, tmp_path)
    with copy.database("registry").write.begin() as connection:
        connection.execute(text("DROP TRIGGER event_no_update"))
        connection.execute(text("UPDATE event SET data = replace(data, '2021', '2022') WHERE position = 3"))
    verdict = copy.asked("verify", "registry", "--offline", code=1)
    assert any("at position 3 was changed" in problem for problem in verdict["services"][0]["problems"])


class _copy:
    """The stores of an office, copied to be spoiled."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office = office
        self.deployment = Deployment(folder / "copy")
        source = office.deployment.data
        (folder / "copy").mkdir()
        shutil.copytree(source / "principals", folder / "copy" / "principals")
        shutil.copytree(source / "keys", folder / "copy" / "keys")
        for service in ("registry", "allowance"):
            _backup(source / f"{service}.db", folder / "copy" / f"{service}.db")

    def database(self, service: str) -> Database:
        return Database(self.deployment.database_url(service))

    def asked(self, *arguments: str, code: int = 0) -> Any:
        result = self.office.runner.invoke(app, [*arguments, "--json", "--data", str(self.deployment.data)])
        assert code == result.exit_code, result.output
        return json.loads(result.stdout)


def _backup(source: Path, target: Path) -> None:
    module = sqlite_module()
    live, copied = module.connect(str(source)), module.connect(str(target))
    live.backup(copied)
    live.close()
    copied.close()


def test_a_consumer_deleted_under_a_service_is_noticed_and_mended(tmp_path: Path) -> None:
    """The service says that it stands still; provisioning makes the consumer anew, and the work goes on by itself."""
    for office in start(tmp_path / "deleted"):
        asyncio.run(_delete_consumer(office))
        _until(lambda about=office: not about.asked_status("registry")["ready"])
        assert "hongling provision" in " ".join(office.asked_status("registry")["reasons"])
        office.asked("provision")
        (receipt,) = office.publish(office.registration("after")).values()
        assert "accepted" == receipt.outcome
        _until(lambda about=office: about.asked_status("registry")["ready"])


async def _delete_consumer(office: Office) -> None:
    client = await connect(office.running.url, "admin", office.seed_file("admin"))
    await client.jetstream().delete_consumer("INTAKE", "registry")
    await client.close()


def _until(true: Any) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline


def test_a_service_without_its_streams_says_what_to_run(tmp_path: Path) -> None:
    """Nothing provisioned: the service ends at once with exit code 3 and names the command."""
    deployment = Deployment(tmp_path / "bare")
    deployment.create()
    running = Running(deployment)
    running.start_broker()
    try:
        deployment.create_stores()
        process = subprocess.run(
            [sys.executable, "-m", "console", "run", "registry"],
            env={**os.environ, **deployment.environment(running.url, "registry")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        asyncio.run(running.stop())
    assert 3 == process.returncode
    assert "hongling provision" in process.stderr


def test_a_service_without_its_settings_names_them(tmp_path: Path) -> None:
    """A missing variable is named with what it is for; exit code 2."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HONGLING_")}
    process = subprocess.run(
        [sys.executable, "-m", "console", "run", "allowance"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 2 == process.returncode
    assert "HONGLING_ALLOWANCE_DATABASE_URL" in process.stderr
    assert "HONGLING_NATS_URL" in process.stderr
