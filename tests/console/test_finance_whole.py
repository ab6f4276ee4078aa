"""The work of a finance office, typed on a real deployment: broker, services as processes, real stores and keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.sealing import load_public_key, seal
from tests.console.bank_example import Move, camt, result_list
from tests.console.finance_desk import DEBTOR
from tests.support import identity
from tests.system.conftest import Message, Office, start

OF_2021 = ("--division", "211224", "--payer", "county", "--year", "2021")
EXPORT = ("--reason", "代发2021年度津贴")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Changtu's policy of 2021, and six workers with accounts: four are paid, two are not."""
    for made in start(tmp_path_factory.mktemp("whole")):
        made.asked("policy", "publish", "policies/changtu-2021.yaml")
        ratings = ("excellent", "good", "excellent", "good", "basic", "incompetent")
        made.publish(*(message for n, rating in enumerate(ratings, 1) for message in worker(made, n, rating)))
        made.settle()
        yield made


def worker(office: Office, number: int, rating: str) -> list[Message]:
    key = f"K{number}"
    sealed = seal(identity(number).model_dump(exclude_none=True), load_public_key(office.deployment.public_key))
    data = {"person": {"source_key": key, "identity": sealed}, "division": "211224"}
    return [office.fact("hr", "worker-registered", data, "2020-01-01"), office.engagement(key), office.rating(key, rating)]


def finance(office: Office, *words: str, code: int = 0) -> Any:
    return office.asked("finance", *words, code=code)


def test_a_county_pays_from_the_preparation_to_the_closed_month(office: Office, tmp_path: Path) -> None:
    """Prepare, approve, seal, export in three formats, instruct, reconcile by list and by statement, prove, close."""
    assert (4, 1_200_000) == tuple(finance(office, "preview", *OF_2021)[name] for name in ("count", "total_fen"))
    run = finance(office, "prepare", "2021-a", *OF_2021)["run"]
    assert ("listed", 4, 1_200_000) == (run["stage"], run["count"], run["total_fen"])
    assert 0 == finance(office, "approve", "2021-a")["changed"]
    sealed = finance(office, "seal", "2021-a")["run"]
    made = {}
    for format, name, more in (("xlsx", "a.xlsx", ()), ("csv", "a.csv", ()), ("pain.001", "a.xml", DEBTOR)):
        words = ("export", "2021-a", "--format", format, "--out", str(tmp_path / name), *EXPORT, *more)
        made[name] = finance(office, *words)
        assert sealed["list_sha256"] == made[name]["list_sha256"]
    raw = (tmp_path / "a.xml").read_bytes()
    run = finance(office, "instruct", "2021-a", str(tmp_path / "a.xml"))["run"]
    assert ("instructed", hashlib.sha256(raw).hexdigest()) == (run["stage"], run["file_sha256"])
    assert {"instructed": {"count": 4, "total_fen": 1_200_000}} == run["payouts"]
    lines = {each["number"]: each for each in finance(office, "payouts", "2021-a")["payouts"]}

    def yuan(number: int) -> str:
        return f"{lines[number]['amount_fen'] // 100}.00"

    (tmp_path / "r.csv").write_bytes(result_list((lines[n]["payout"], "成功", f"B{n}", yuan(n), "") for n in (1, 2)))
    found = finance(office, "reconcile", "2021-a", str(tmp_path / "r.csv"), code=1)
    assert (2, 2) == (found["matched"], found["missing"])
    moves = [Move(lines[3]["payout"], yuan(3), reference="B3"), Move(lines[4]["payout"], yuan(4), "CRDT", reference="B4")]
    (tmp_path / "s.xml").write_bytes(camt("camt.053.001.08", moves))
    found = finance(office, "reconcile", "2021-a", str(tmp_path / "s.xml"))
    assert (1, 1, 0, []) == (found["matched"], found["returned"], found["missing"], found["breaks"])
    assert "closed" == found["run"]["stage"]
    proof = finance(office, "prove", "2021-a")
    assert proof["agrees"], proof
    assert sealed["total_fen"] == sum(each["fen"] for each in proof["events"].values())
    assert 1 == finance(office, "preview", *OF_2021)["count"]
    assert finance(office, "trial-balance")["balanced"]
    month = (datetime.now(UTC) + timedelta(hours=8)).strftime("%Y-%m")
    [closed] = finance(office, "close", month)["periods"]
    assert closed["transfers"] > 0
    assert None is finance(office, "periods", "--verify")["difference"]
    exported = [each for each in office.stream("REGISTRY") if "personal-data-exported" in each.subject]
    assert 3 == len(exported)
    for number in range(1, 7):
        account = str(identity(number).bank_account).encode()
        assert account in raw or number > 4
        assert not [
            each for name in ("REGISTRY", "ALLOWANCE", "INTAKE") for each in office.stream(name) if account in each.payload
        ]
