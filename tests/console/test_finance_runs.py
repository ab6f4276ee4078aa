"""``hongling finance``: a run from the preview to the seal, by two people, and what is seen of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.finance_desk import FinanceDesk, finance_desk
from tests.console.support import COUNTY

OF_2021 = ("--division", COUNTY, "--payer", "county", "--year", "2021")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinanceDesk]:
    """Three workers: excellent ¥3,600, good ¥2,400, and one who gets nothing."""
    with finance_desk(tmp_path_factory.mktemp("runs")) as made:
        for number, rating in ((1, "excellent"), (2, "good"), (3, "incompetent")):
            made.worker(number, rating)
        yield made


def test_a_preview_says_what_a_run_would_pay_and_records_nothing(desk: FinanceDesk) -> None:
    found = desk.asked("preview", *OF_2021)
    assert (2, 600_000, False) == (found["count"], found["total_fen"], found["recalculating"])
    assert [240_000, 360_000] == sorted(each["amount_fen"] for each in found["payouts"])
    assert "2 payouts, ¥6,000.00" in desk.told("preview", *OF_2021)
    assert "共 2 笔，¥6,000.00" in desk.told("preview", *OF_2021, lang="zh")
    assert [] == desk.asked("runs")


def test_a_run_goes_through_its_stages_by_two_people(desk: FinanceDesk) -> None:
    """Who prepared it cannot check it; a correction between the two is shown and taken out."""
    run = desk.prepared("2021-a")["run"]
    assert ("listed", 2, 600_000) == (run["stage"], run["count"], run["total_fen"])
    desk.office.correct_rating(desk.office.posted("registry", "appraisal", "K002-rated-2021"), "incompetent")
    looked = desk.asked("run", "2021-a")
    assert [("nothing-due", 240_000, 0)] == [(c["why"], c["prepared_fen"], c["due_fen"]) for c in looked["changes"]]
    checked = desk.asked("approve", "2021-a")
    assert (1, looked["changes"]) == (checked["changed"], checked["changes"])
    sealed = desk.asked("seal", "2021-a")["run"]
    assert ("sealed", 1, 360_000) == (sealed["stage"], sealed["count"], sealed["total_fen"])
    assert len(sealed["list_sha256"]) == 64
    shown = desk.asked("run", "cashier/2021-a")
    by = {step["stage"]: step["by"] for step in shown["stages"]}
    assert {"prepared": "cashier", "listed": None, "checked": "reviewer", "cleared": None, "sealed": "cashier"} == by
    assert {"prepared": (1, 360_000), "cancelled": (1, 240_000)} == {
        stage: (sums["count"], sums["total_fen"]) for stage, sums in shown["payouts"].items()
    }
    assert "已封存，待指令" in desk.told("run", "2021-a", lang="zh")


def test_runs_are_found_by_stage_and_division_and_their_payouts_listed(desk: FinanceDesk) -> None:
    assert ["cashier/2021-a"] == [each["run"] for each in desk.asked("runs", "--stage", "sealed", "--division", "210000")]
    assert [] == desk.asked("runs", "--stage", "closed")
    assert [] == desk.asked("runs", "--division", "320000")
    assert "211224" in desk.told("runs")
    stages = [(each["number"], each["stage"]) for each in desk.asked("payouts", "2021-a")["payouts"]]
    assert sorted(stage for _, stage in stages) == ["cancelled", "prepared"]
    page = desk.asked("payouts", "2021-a", "--limit", "1")
    assert (1, 1) == (len(page["payouts"]), page["after"])
    assert 1 == len(desk.asked("payouts", "2021-a", "--stage", "prepared")["payouts"])
    assert "nothing is due any more" in desk.told("payouts", "2021-a")


def test_a_rejected_and_a_cancelled_run_pay_nothing(desk: FinanceDesk) -> None:
    """What they held is free for another run; a reason is needed, and no number may stand in it."""
    desk.asked("cancel", "2021-a", "--reason", "改期")
    assert 1 == desk.prepared("2021-b")["run"]["count"]
    assert desk.ask("reject", "2021-b").exit_code == 2
    assert "personal data" in desk.told("reject", "2021-b", "--reason", "卡号 6222000000000000001", code=2)
    found = desk.asked("reject", "2021-b", "--reason", "名单不全")["run"]
    assert ("rejected", "名单不全", {"cancelled": {"count": 1, "total_fen": 360_000}}) == (
        found["stage"], found["reason"], found["payouts"],
    )  # fmt: skip
    assert "run-over" in desk.told("seal", "2021-b", code=2)
    assert 1 == desk.asked("preview", *OF_2021)["count"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "none"), "there is no run cashier/none"),
        (("runs", "--stage", "paid"), "there is no stage paid"),
        (("payouts", "2021-a", "--stage", "paid"), "there is no stage paid"),
        (("preview", "--division", "2112", "--payer", "county", "--year", "2021"), "GB/T 2260"),
        (("prepare", "other/x", *OF_2021), "give its own key only"),
        (("prepare", "a_b", *OF_2021), "run: "),
    ],
)
def test_wrong_input_is_said_and_ends_with_2(desk: FinanceDesk, words: tuple[str, ...], said: str) -> None:
    before = desk.sent
    assert said in desk.told(*words, code=2)
    assert before == desk.sent
