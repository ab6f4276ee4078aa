"""Texts that one database would take and the other refuse, through the intake of each service, on both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, select

from contracts.receipts import Receipt
from eventlog.database import Database
from services.talent.appraisal_views import appraisal_result
from tests.allowance.payment_bench import PaymentBench
from tests.support import RegistryBench, receipts_of
from tests.talent.cycle_example import cycle_text, ref
from tests.talent.developing import PROBLEM
from tests.talent.test_appraisal_handlers import AppraisalBench, told
from tests.talent.test_development_handlers import DevelopmentBench

BAD = "a\x00b"
UNIT = {"unit": "u-1", "title": "一村党支部", "division": "320102"}


def rows_of(database: Database, table: Table) -> list[dict[str, Any]]:
    with database.read.connect() as connection:
        return [row._asdict() for row in connection.execute(select(table))]


def answers(receipts: Sequence[Receipt]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(id, outcome, what was wrong) of each receipt."""
    return [(each.id, each.outcome, [(p.field, p.code) for p in each.problems]) for each in receipts]


def test_registry_refuses_a_unit_with_a_control_character_and_goes_on(database: Database) -> None:
    """The receipt names the field; the message beside it is recorded."""
    bench = RegistryBench(database)
    bench.settle(
        bench.message("unit-registered", {**UNIT, "title": BAD}, id="bad"), bench.message("unit-registered", UNIT, id="good")
    )
    assert answers(bench.receipts) == [("bad", "refused", [("data.title", "control-character")]), ("good", "accepted", [])]


def test_talent_refuses_a_problem_with_a_control_character_and_goes_on(database: Database) -> None:
    """The receipt names the field; the message beside it is recorded."""
    bench = DevelopmentBench(database)
    good = PROBLEM.model_dump(mode="json")
    bench.take(
        bench.policy(),
        bench.says("problem-raised", {**good, "says": BAD}, "2025-03-01", "bad", None),
        bench.says("problem-raised", good, "2025-03-01", "good", None),
    )
    assert [each for each in answers(receipts_of(bench.log)) if each[0] != "policy-1"] == [
        ("bad", "refused", [("data.says", "control-character")]), ("good", "accepted", [])]  # fmt: skip


def test_allowance_refuses_a_run_with_a_control_character_and_goes_on(database: Database) -> None:
    """The receipt names the field; the message beside it is recorded."""
    bench = PaymentBench(database)
    bench.decide(1, 10_000)
    bench.intake.settle([bench.prepares("a", by=BAD)])
    bench.intake.settle([bench.prepares("b", by="甲")])
    found = [(outcome, problems) for _, outcome, problems in answers(bench.receipts)]
    assert found == [("refused", [("data.by", "control-character")]), ("accepted", [])]


def test_a_result_that_lacks_much_says_all_of_it(database: Database) -> None:
    """Twelve quantitative items with names of 32 characters, none measured: 551 characters, which no column may cut."""
    names = [f"item_{'x' * 25}{n:02d}" for n in range(12)]
    items = "\n".join(f"  - {{name: {name}, zh: 绩, part: quantitative, target: 12}}" for name in names)
    weights = ", ".join(f"{{item: {name}, percent: {12 if n == 0 else 8}}}" for n, name in enumerate(names))
    text = cycle_text(
        items="items:\n" + items,
        weights=f"weights:\n  - categories: [secretary, recruited]\n    clause: 1\n    items: [{weights}]",
    )
    bench = AppraisalBench(database)
    bench.hear(*told(2))
    for item in (bench.opens(text), bench.enrols(ref(0)), bench.enrols(ref(1)), bench.scores()):
        bench.take(item)
    assert {outcome for _, outcome, _ in answers(receipts_of(bench.log))} == {"accepted"}
    assert {row["why"] for row in rows_of(database, appraisal_result)} == {",".join(f"not-measured:{name}" for name in names)}
