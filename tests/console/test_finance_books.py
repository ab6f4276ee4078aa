"""``hongling finance``: recoveries, accounts, the trial balance, closed months; and statements line by line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import openpyxl
import pytest

from tests.console.bank_example import result_list
from tests.console.finance_desk import FinanceDesk, finance_desk
from tests.console.support import COUNTY


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinanceDesk]:
    """Worker 1 was paid ¥3,600 and is then rated lower: overpaid. Worker 2 was paid ¥2,400. Worker 3 gets nothing."""
    with finance_desk(tmp_path_factory.mktemp("books")) as made:
        made.worker(1, "excellent", unit="一村")
        made.worker(2, "good", unit="二村")
        made.worker(3, "incompetent", unit="二村")
        made.sealed("a")
        made.exported("a", "csv", "a.csv")
        made.instructed("a", "a.csv")
        lines = made.asked("payouts", "a")["payouts"]
        rows = [(each["payout"], "成功", f"B{each['number']}", f"{each['amount_fen'] // 100}.00", "") for each in lines]
        made.file("r.csv").write_bytes(result_list(rows))
        made.asked("reconcile", "a", str(made.file("r.csv")))
        made.office.correct_rating(made.office.posted("registry", "appraisal", "K001-rated-2021"), "incompetent")
        yield made


# --- statements, before anything is given back ------------------------------------------------------------------------


def test_a_statement_of_a_division_lists_who_was_paid_what(desk: FinanceDesk) -> None:
    """By worker and payer: granted, paid, owed (below zero: overpaid); the sums are those of the lines."""
    found = desk.asked("statement", "--division", COUNTY, "--year", "2021", "--lines")
    amounts = [
        (each["unit"], each["payer"], each["granted_fen"], each["paid_fen"], each["owed_fen"]) for each in found["lines"]
    ]
    assert sorted(amounts) == [
        ("一村", "county", 0, 360_000, -360_000),
        ("二村", "", 0, 0, 0),
        ("二村", "county", 240_000, 240_000, 0),
    ]
    [ours] = [row for row in found["sums"] if row["payer"] == "county"]
    assert (2, 1, 240_000, 600_000, -360_000) == (
        ours["workers"], ours["granted"], ours["granted_fen"], ours["paid_fen"], ours["owed_fen"],
    )  # fmt: skip
    assert "¥6,000.00" in desk.told("statement", "--payer", "county")
    assert "应付余额" in desk.told("statement", "--payer", "county", lang="zh")


def test_a_statement_is_asked_by_worker_unit_payer_and_moment(desk: FinanceDesk) -> None:
    assert ["二村"] * 2 == [each["unit"] for each in desk.asked("statement", "--unit", "二村")["lines"]]
    [one] = desk.asked("statement", "--person", "hr:K002")["lines"]
    assert (240_000, 2021, "allowance", 1) == (one["paid_fen"], one["year"], one["instrument"], one["decided"])
    assert [] == desk.asked("statement", "--person", "hr:K002", "--year", "2022")["lines"]
    assert [] == desk.asked("statement", "--payer", "province")["lines"]
    now = desk.asked("statement", "--division", COUNTY, "--year", "2021", "--lines")
    folded = desk.asked("statement", "--division", COUNTY, "--year", "2021", "--lines", "--known", "2099-01-01")
    assert now["lines"] == folded["lines"]
    assert [] == desk.asked("statement", "--division", COUNTY, "--lines", "--known", "2021-01-01")["lines"]
    assert "say of whom" in desk.told("statement", "--year", "2021", code=2)


def test_a_workbook_has_the_lines_and_their_sums(desk: FinanceDesk) -> None:
    """In Chinese, amounts as numbers; it is written once, and holds nobody's name."""
    words = ("statement", "--division", COUNTY, "--year", "2021", "--xlsx", str(desk.file("s.xlsx")))
    found = desk.asked(*words)
    assert "is there already" in desk.told(*words, code=2)
    book = openpyxl.load_workbook(io.BytesIO(desk.file("s.xlsx").read_bytes()))
    assert ["明细", "汇总"] == book.sheetnames
    lines, sums = (list(book[name].iter_rows(values_only=True)) for name in book.sheetnames)
    assert ("区划", "单位", "同年其他单位", "人员编号") == lines[0][:4]
    assert len(found["lines"]) == len(lines) - 1
    place = sums[0].index("已付(元)")
    [totals] = [row for row in sums if row[0] == "合计"]
    assert 6000 == totals[place] == sum(float(str(row[lines[0].index("已付(元)")])) for row in lines[1:])


# --- recoveries -------------------------------------------------------------------------------------------------------


def test_what_was_overpaid_is_asked_back_and_given_back_in_parts(desk: FinanceDesk) -> None:
    """A part that is given twice by mistake counts once; with another receipt it counts again; never more than is open."""
    [asked] = desk.asked("recover", "hr:K001", "--payer", "county", "--reason", "已离岗")["recoveries"]
    assert ("county-1", 360_000, 360_000) == (asked["recovery"], asked["amount_fen"], asked["owing_fen"])
    words = ("recovered", "hr:K001", "county-1", "--amount")
    for _ in range(2):
        [found] = desk.asked(*words, "1,000.50")["recoveries"]
        assert (100_050, 259_950) == (found["paid_fen"], found["owing_fen"])
    assert 159_900 == desk.asked(*words, "1000.50", "--receipt", "R-2")["recoveries"][0]["owing_fen"]
    assert "recovery-exceeded" in desk.told(*words, "2000", code=2)
    assert "no amount in yuan" in desk.told(*words, "1.005", code=2)
    assert "nothing-overpaid" in desk.told("recover", "hr:K002", "--payer", "county", "--reason", "x", code=2)
    assert 1 == len(desk.asked("recoveries", "--division", COUNTY))
    assert "尚欠 ¥1,599.00" in desk.told("recoveries", lang="zh")


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_an_account_tells_every_transfer_with_its_balance(desk: FinanceDesk) -> None:
    """Granted, instructed, corrected down, taken over by the recovery: nothing is owed any more; corrections are linked."""
    found = desk.asked("account", "hr:K001")
    assert [360_000, 0, -360_000, 0] == [each["balance_fen"] for each in found["lines"]]
    assert found["lines"][2]["corrects"]
    balances = {each["account"]: each["balance_fen"] for each in found["balances"]}
    assert (0, 159_900, 0) == (balances["entitlement"], balances["recovery"], sum(balances.values()))
    assert [] == desk.asked("account", "hr:K001", "--at", "2020-01-01")["lines"]
    assert "应付津贴" in desk.told("account", "hr:K001", lang="zh")
    paid = desk.asked("account", "hr:K001", "--account", "paid")["lines"]
    assert [-360_000, -259_950, -159_900] == [each["balance_fen"] for each in paid]
    assert "there is no account cash" in desk.told("account", "hr:K001", "--account", "cash", code=2)


def test_the_trial_balance_is_balanced_at_every_moment(desk: FinanceDesk) -> None:
    found = desk.asked("trial-balance")
    assert found["balanced"]
    assert 0 == sum(each["balance_fen"] for each in found["accounts"])
    month = (desk.office.clock.at + timedelta(hours=8)).strftime("%Y-%m")
    assert found["accounts"] == desk.asked("trial-balance", "--month", month, "--division", "210000")["accounts"]
    assert [] == desk.asked("trial-balance", "--at", "2020-01-01")["accounts"]
    assert "试算平衡表" in desk.told("trial-balance", lang="zh")
    assert "is no month" in desk.told("trial-balance", "--month", "2026", code=2)


# --- months -----------------------------------------------------------------------------------------------------------


def test_a_month_is_closed_by_the_reviewer_and_stays_as_it_is(desk: FinanceDesk) -> None:
    """One that has not begun cannot be closed; a closed one is worked out again from the events."""
    local = desk.office.clock.at + timedelta(hours=8)
    month, later = local.strftime("%Y-%m"), (local + timedelta(days=40)).strftime("%Y-%m")
    assert "period-not-begun" in desk.told("close", later, code=2)
    desk.office.clock.at += timedelta(days=40)
    [closed] = desk.asked("close", month)["periods"]
    assert (month, "reviewer") == (closed["month"], closed["closed_by"])
    assert closed["transfers"] > 0
    assert [closed] == desk.asked("periods")
    found = desk.asked("periods", "--verify")
    assert (None, closed["transfers"]) == (found["difference"], found["transfers"])
    assert "已结账" in desk.told("periods", lang="zh")
    assert "is no month" in desk.told("close", "2026-13", code=2)
