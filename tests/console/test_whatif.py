"""``hongling what-if``: a candidate policy over everybody's real facts, beside what was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.demo_data import CHANGTU_TOTAL_FEN, changtu_2021
from console.people import Known
from console.sealing import load_public_key, seal
from console.whatif import compare, published_policies
from eventlog.database import Database
from services.allowance.decider import Hear
from services.allowance.policy import read_policy
from services.allowance.views import entitlement_payer
from tests.allowance.bench import AllowanceBench
from tests.allowance.example import policy_text
from tests.allowance.histories import YEARS, histories
from tests.console.support import POLICIES, Office, ask, ask_json, office
from tests.telling import as_told

CHANGTU = (POLICIES / "changtu-2021.yaml").read_text(encoding="utf-8")
_files = count()


@pytest.fixture(scope="module")
def changtu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The published case of 2021, decided in January 2022; a year later one of those rated good is corrected to excellent."""
    with office(tmp_path_factory.mktemp("changtu")) as made:
        made.publish("changtu-2021")
        public_key = load_public_key(made.deployment.public_key)
        made.at("2022-01-05").deliver_all(changtu_2021(lambda fields: seal(fields, public_key), Random(1)))
        made.at("2023-01-05")
        made.register(900)
        made.engage(900)
        made.rate(900, "good")
        yield made


def candidate(folder: Path, text: str) -> str:
    path = folder / "candidate.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def what_if(made: Office, folder: Path, text: str, *options: str) -> Any:
    return ask_json(made, "what-if", candidate(folder, text), "--year", "2021", *options)


RAISED = CHANGTU.replace("document: changtu-2021", "document: changtu-2021\nrevision: 2").replace("360000", "400000")
"""The excellent get 400 yuan more."""


def test_a_raise_is_told_for_those_who_get_it(changtu: Office, tmp_path: Path) -> None:
    """10 excellent at 4,000 instead of 3,600 yuan, 19 good as before; 18 get nothing either way."""
    found = what_if(changtu, tmp_path, RAISED)
    assert (found["people"], found["concerned"], found["not_decided_before"]) == (47, 47, 0)
    assert found["raised"] == {"people": 10, "fen": 10 * 40_000}
    assert found["lowered"] == {"people": 0, "fen": 0}
    assert found["unchanged"] == 37
    before = CHANGTU_TOTAL_FEN + 240_000
    assert (found["before_fen"], found["after_fen"], found["difference_fen"]) == (before, before + 400_000, 400_000)
    assert found["by_payer"] == [{"payer": "county", "before_fen": before, "after_fen": before + 400_000}]
    assert [each["division"] for each in found["by_division"]] == ["211224"]
    assert (found["paid_before"], found["paid_after"], found["irregular"]) == (29, 29, 0)


def test_who_loses_is_counted_and_the_greatest_differences_are_listed(changtu: Office, tmp_path: Path) -> None:
    """Without good among the ratings paid, 19 lose 2,400 yuan each; two of them are shown."""
    stricter = RAISED.replace("at_least: good", "at_least: excellent").replace(
        "      - {rating: good, amount_fen: 240000}\n", ""
    )
    found = what_if(changtu, tmp_path, stricter, "--show", "2")
    assert found["lowered"] == {"people": 19, "fen": 19 * 240_000}
    assert found["paid_after"] == 10
    assert [(each["before_fen"], each["after_fen"]) for each in found["changes"]] == [(240_000, 0)] * 2


def test_as_known_on_a_date_only_what_was_known_then_counts(changtu: Office, tmp_path: Path) -> None:
    """In 2022 the 47th was not registered yet."""
    found = what_if(changtu, tmp_path, RAISED, "--known", "2022-12-31")
    assert (found["people"], found["before_fen"]) == (46, CHANGTU_TOTAL_FEN)
    assert found["after_fen"] == CHANGTU_TOTAL_FEN + 400_000


def test_before_anything_was_published_the_candidate_decides_for_the_first_time(tmp_path: Path) -> None:
    with office(tmp_path / "new") as made:
        public_key = load_public_key(made.deployment.public_key)
        made.at("2022-01-05").deliver_all(changtu_2021(lambda fields: seal(fields, public_key), Random(1)))
        found = what_if(made, tmp_path, CHANGTU)
        assert (found["not_decided_before"], found["before_fen"], found["after_fen"]) == (46, 0, CHANGTU_TOTAL_FEN)


def test_a_candidate_that_would_govern_nobody_says_what_goes_before_it(changtu: Office, tmp_path: Path) -> None:
    """An older document of the same division: the published one stands, and nobody is concerned."""
    older = CHANGTU.replace("document: changtu-2021", "document: changtu-2020").replace(
        "issued_on: 2021-01-01", "issued_on: 2020-01-01"
    )
    found = what_if(changtu, tmp_path, older)
    assert (found["concerned"], found["instead"]) == (0, "changtu-2021")
    said = ask(changtu, "what-if", candidate(tmp_path, older), "--year", "2021").stdout
    assert "changtu-2021 goes before it" in said


def test_nothing_is_published_or_decided(changtu: Office, tmp_path: Path) -> None:
    """The log is where it was."""
    with changtu.allowance.database.read.connect() as connection:
        before = changtu.allowance.head(connection)
    what_if(changtu, tmp_path, RAISED)
    with changtu.allowance.database.read.connect() as connection:
        assert changtu.allowance.head(connection) == before


def test_an_official_reads_it_in_chinese(changtu: Office, tmp_path: Path) -> None:
    said = ask(changtu, "what-if", candidate(tmp_path, RAISED), "--year", "2021", lang="zh").stdout
    assert "增加 10 人（¥4,000.00），减少 0 人（¥0.00），不变 37 人" in said
    assert "合计由 ¥81,600.00 变为 ¥85,600.00（¥4,000.00）" in said
    assert "不发布，不改变任何决定" in said


def test_a_document_with_an_error_is_refused_with_its_place(changtu: Office, tmp_path: Path) -> None:
    """Exit code 2, like ``policy check``."""
    wrong = candidate(tmp_path, RAISED.replace("400000", "4000.00"))
    found = ask(changtu, "what-if", wrong, "--year", "2021")
    assert found.exit_code == 2
    assert "not a whole number of fen" in found.stdout


@st.composite
def people(draw: st.DrawFn) -> list[Hear]:
    """What the registry tells of up to three workers, one after the other."""
    return [
        heard for number in range(draw(st.integers(1, 3))) for heard in draw(histories(1 + 20 * number, ref=f"p{number:026d}"))
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(people(), st.sampled_from(YEARS), st.booleans(), st.booleans())
def test_what_if_foretells_what_publishing_decides(
    tmp_path: Path, told: list[Hear], year: int, certificate: bool, first_ever: bool
) -> None:
    """Whatever was heard: once the candidate is published, the totals have changed by what was foretold, payer by payer."""
    bench = AllowanceBench(Database(f"sqlite:///{tmp_path}/{next(_files)}.db"))
    try:
        if not first_ever:
            bench.publish(policy_text(), id="first")
        bench.hear(*as_told(told))
        text = policy_text(revision=2, excellent=123_457, certificate=certificate)
        with bench.log.database.read.connect() as connection:
            published = published_policies(bench.log, connection, Known(None))
            position = bench.log.head(connection).position
            found = compare(bench.log, connection, published, read_policy(text), year, position)
        before = _owed(bench, year)
        bench.publish(text, id="second")
        after = _owed(bench, year)
        changes = {payer: after_fen - before_fen for payer, (before_fen, after_fen) in found.by_payer.items()}
        expected = {payer: after[payer] - before[payer] for payer in {*after, *before}}
        assert {payer: fen for payer, fen in changes.items() if fen} == {payer: fen for payer, fen in expected.items() if fen}
    finally:
        bench.log.database.close()


def _owed(bench: AllowanceBench, year: int) -> Counter[str]:
    owed: Counter[str] = Counter()
    for row in bench.rows(entitlement_payer):
        if row.year == year:
            owed[row.payer] += row.amount_fen
    return owed
