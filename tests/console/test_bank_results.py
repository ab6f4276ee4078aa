"""What a bank answers: lists and statements, read as they come; a fault names its row, field and remedy."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.bank_faults import FAULTS, BankFileError
from console.bank_lines import AMOUNT_FEN_MAX, Answers, PassedOver, Result, yuan_text
from console.bank_results import read_list
from console.bank_statements import CAMT, read_camt
from tests.console.bank_example import Move, camt, result_list

RUN = "cashier/2021-a"
GOOD = (f"{RUN}/1", "成功", "B1", "2400.00", "")
BACK = (f"{RUN}/2", "退回", "B2", "3600.00", "账户已销户 6222000000000000001")


def test_a_list_is_read_by_its_headings() -> None:
    """In any order, with columns of the bank's own."""
    rows = [("x", *GOOD), ("y", *BACK[:3], '"3,600.00"', BACK[4]), ("合计", "", "", "", "", "")]
    found = read_list(result_list(rows, heading="网点,业务参考号,处理结果,银行流水号,金额(元),失败原因"))
    settled, returned = found.results
    assert Result(2, f"{RUN}/1", "settled", "B1", 240_000) == settled
    assert (f"{RUN}/2", "returned", "B2", 360_000) == (
        returned.payout,
        returned.outcome,
        returned.reference,
        returned.amount_fen,
    )
    assert "账户已销户" == returned.reason


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("收款人张三的户名与账号不一致", "户名不符"),
        ("账号 6222000000000000001 不存在", "账号不存在"),
        ("请联系张三", "其他原因（见银行回单）"),
        ("", "银行未说明原因"),
    ],
)
def test_why_a_payout_came_back_is_kept_in_known_words(said: str, kept: str) -> None:
    """What a bank writes freely may name somebody, and what is recorded stands there for ever."""
    assert kept == read_list(result_list([(*BACK[:4], said)])).results[0].reason


def test_a_workbook_is_read_like_a_list() -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["业务参考号", "处理结果", "银行流水号", "金额(元)"])
    sheet.append([f"{RUN}/1", "成功", 20260301000001, 2400.05])
    raw = io.BytesIO()
    book.save(raw)
    assert (Result(2, f"{RUN}/1", "settled", "20260301000001", 240_005),) == read_list(raw.getvalue()).results


@given(fen=st.integers(1, AMOUNT_FEN_MAX))
def test_an_amount_of_a_list_is_exact(fen: int) -> None:
    [found] = read_list(result_list([(f"{RUN}/1", "成功", "B1", yuan_text(fen), "")])).results
    assert fen == found.amount_fen


def test_every_fault_of_a_list_is_named_by_row_and_field() -> None:
    """All at once, so that the clerk mends the file once; and nothing of a list with a fault is taken."""
    rows = [
        GOOD,
        (f"{RUN}/2", "处理中", "B2", "1.00", ""),
        (f"{RUN}/3", "成功", "流水", "1.005", ""),
        ("", "成功", "B4", "0", ""),
    ]
    with pytest.raises(BankFileError) as found:
        read_list(result_list(rows))
    assert [(3, "处理结果"), (4, "银行流水号"), (4, "金额(元)"), (5, "业务参考号"), (5, "金额(元)")] == [
        (fault.row, fault.field) for fault in found.value.faults
    ]
    for fault in found.value.faults:
        assert fault.problem("zh") != fault.problem("en")
        assert fault.remedy("zh") != fault.remedy("en")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (result_list([], heading="参考号,结果"), "there is no such column"),
        (result_list([]), "the list has no line"),
        (b"", "there is no such column"),
    ],
)
def test_a_list_that_is_none_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(BankFileError, match=said):
        read_list(raw)


def test_every_fault_is_said_in_both_languages() -> None:
    """With the same places to fill in."""
    for texts in FAULTS.values():
        for zh, en in texts:
            assert re.findall(r"{\d}", zh) == re.findall(r"{\d}", en)
            assert zh.isascii() < en.isascii()


# --- statements -------------------------------------------------------------------------------------------------------

MOVES = (
    Move(f"{RUN}/1", "2400.00", reference="B1"),
    Move(f"{RUN}/2", "3600.05", side="CRDT", reference="B2", reason="户名不符"),
    Move("cashier/2021-ab/1", "1.00"),
    Move(f"{RUN}/3", "5.00", status="PDNG"),
    Move("", "6.00"),
)


@pytest.mark.parametrize("message", CAMT)
def test_a_statement_says_what_was_settled_and_what_came_back(message: str) -> None:
    """A debit is settled, a credit came back with its reason; what is not booked, or not ours, is counted and passed over."""
    found = read_camt(camt(message, MOVES), RUN)
    assert (
        Answers(
            (
                Result(1, f"{RUN}/1", "settled", "B1", 240_000),
                Result(2, f"{RUN}/2", "returned", "B2", 360_005, "AC04 户名不符"),
            ),
            (
                PassedOver(3, "other", "DBIT", 100, "2026-03-03", "B1"),
                PassedOver(4, "not-booked", "DBIT", 500, "2026-03-03", "B1"),
                PassedOver(5, "other", "DBIT", 600, "2026-03-03", "B1"),
            ),
        )
        == found
    )
    assert {"other": 2, "not-booked": 1} == found.passed_over


@pytest.mark.parametrize("message", CAMT)
def test_a_batch_that_was_booked_as_one_is_read_payout_by_payout(message: str) -> None:
    """Each by its own amount; one of our batch whose reference the bank lost is taken along, and will be a difference."""
    moves = [Move(f"{RUN}/1", "1.10", batch=RUN), Move(f"{RUN}/2", "2.20", reference="B2"), Move("", "3.30", reference="B3")]
    found = read_camt(camt(message, moves, together=True), RUN)
    assert [(f"{RUN}/1", 110), (f"{RUN}/2", 220), ("S1/1/3", 330)] == [(r.payout, r.amount_fen) for r in found.results]


@pytest.mark.parametrize("message", CAMT)
def test_a_reversal_undoes_what_the_other_direction_said(message: str) -> None:
    """Its direction is its own: a credit undoes the debit of a payout, so it came back; a debit undoes a return, and settles
    nothing by itself."""
    moves = [
        Move(f"{RUN}/1", "1.00", side="CRDT", reversal=True),
        Move(f"{RUN}/2", "2.00", side="DBIT", reversal=True, reference="B2"),
    ]
    assert (
        Result(1, f"{RUN}/1", "returned", "B1", 100, "银行冲正"),
        Result(2, f"{RUN}/2", "settled", "B2", 200, None, "reversal"),
    ) == read_camt(camt(message, moves), RUN).results


@pytest.mark.parametrize("message", CAMT)
def test_a_batch_that_is_only_a_sum_is_a_line_that_names_no_payout(message: str) -> None:
    """So that it becomes a difference with an owner, instead of being passed over."""
    moves = [Move("", "5.00", batch=RUN, detailed=False), Move("", "6.00", batch="another", detailed=False)]
    found = read_camt(camt(message, moves), RUN)
    assert ((Result(1, "S1/1/1", "settled", "S1/1/1", 500),), {"no-details": 1}) == (found.results, found.passed_over)


@pytest.mark.parametrize("message", CAMT)
def test_what_a_sum_says_beyond_its_transactions_is_a_line_of_its_own(message: str) -> None:
    """Three payouts booked as one sum, two of them told: the third is not lost."""
    moves = [
        Move(f"{RUN}/1", "1.00"),
        Move(f"{RUN}/2", "2.00", reference="B2"),
        Move(f"{RUN}/3", "4.00", detailed=False),
    ]
    found = read_camt(camt(message, moves, together=True), RUN).results
    assert [(f"{RUN}/1", 100), (f"{RUN}/2", 200), ("S1/1", 400)] == [(each.payout, each.amount_fen) for each in found]


@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR"])
def test_what_is_not_booked_yet_is_counted_and_comes_again(status: str) -> None:
    found = read_camt(camt(CAMT[1], [Move(f"{RUN}/1", "1.00", status=status)]), RUN)
    assert ((), {"not-booked": 1}) == (found.results, found.passed_over)


@pytest.mark.parametrize("status", ["XXXX", "CANCELLED"])
def test_a_status_that_no_standard_names_is_a_difference(status: str) -> None:
    """A word of the bank's own, or a code to come: nobody guesses whether money moved."""
    [found] = read_camt(camt(CAMT[1], [Move(f"{RUN}/1", "1.00", status=status)]), RUN).results
    assert ("settled", "status") == (found.outcome, found.unclear)


SEALED = {f"{RUN}/1": 240_000, f"{RUN}/2": 360_000, f"{RUN}/17": 120_000}


@pytest.mark.parametrize("message", CAMT)
@pytest.mark.parametrize(
    ("move", "outcome"),
    [
        (Move("", "2400.00"), "settled"),
        (Move("NOTPROVIDED", "2400.00"), "settled"),
        (Move("CASHIER2021A17", "7.00"), "settled"),
        (Move("", "7200.00", detailed=False), "settled"),
        (Move("", "3600.00", side="CRDT", reason="户名不符"), "returned"),
        (Move("", "3600.00", side="CRDT", reversal=True), "returned"),
    ],
    ids=["amount", "no name by the standard", "rewritten", "one sum", "return", "reversal"],
)
def test_what_may_be_ours_without_its_name_is_asked_about(message: str, move: Move, outcome: str) -> None:
    """The bank lost the reference: somebody has to ask it, so the line is a difference, which names no payout."""
    found = read_camt(camt(message, [move]), RUN, sealed=SEALED)
    assert [("S1/1/1", outcome)] == [(each.payout, each.outcome) for each in found.results]
    assert () == found.not_ours


@pytest.mark.parametrize(
    "move",
    [
        Move("SALARY-2026-03-1", "2400.00"),
        Move("", "2400.00", batch="SALARY-2026-03"),
        Move("cashier/2021-b/1", "2400.00"),
        Move("", "2400.00", side="CRDT"),
        Move("", "2400.00", status="PDNG"),
        Move("", "2400.00", currency="USD"),
        Move("", "2400.01"),
    ],
    ids=["another's payment", "another's batch", "another run", "income", "pending", "dollars", "another amount"],
)
def test_what_is_plainly_other_business_of_the_account_is_told_and_raises_no_difference(move: Move) -> None:
    """An account of a county pays many things: a difference for each would bury those that count."""
    found = read_camt(camt(CAMT[1], [move]), RUN, sealed=SEALED)
    assert ((), 1) == (found.results, len(found.not_ours))


def test_what_may_be_ours_and_has_a_strange_status_is_asked_about_as_such() -> None:
    [found] = read_camt(camt(CAMT[1], [Move("", "2400.00", status="CANCELLED")]), RUN, sealed=SEALED).results
    assert ("S1/1/1", "status") == (found.payout, found.unclear)


def test_an_amount_that_the_statement_names_in_full_is_not_asked_about() -> None:
    """Every payout of ¥2,400 is named in the statement: a further ¥2,400 is something else."""
    moves = [Move(f"{RUN}/1", "2400.00", reference="B1"), Move("", "2400.00", reference="B7"), Move("", "3600.00")]
    found = read_camt(camt(CAMT[1], moves), RUN, sealed=SEALED)
    assert [f"{RUN}/1", "S1/3/1"] == [each.payout for each in found.results]
    assert ["B7"] == [each.reference for each in found.not_ours]


def test_a_reference_that_a_bank_cannot_have_written_is_not_repeated() -> None:
    [told] = read_camt(camt(CAMT[1], [Move("x", "1.00", reference="张三工资")]), RUN).not_ours
    assert "S1/1/1" == told.reference


@given(fen=st.integers(1, AMOUNT_FEN_MAX))
def test_an_amount_of_a_statement_is_exact(fen: int) -> None:
    [found] = read_camt(camt(CAMT[1], [Move(f"{RUN}/1", yuan_text(fen))]), RUN).results
    assert fen == found.amount_fen


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (camt(CAMT[1], [Move(f"{RUN}/1", "1.005")]), "parts of a fen"),
        (camt(CAMT[1], [Move(f"{RUN}/1", "1.00", currency="USD")]), "not in CNY"),
        (camt(CAMT[1], [Move(f"{RUN}/1", "1.00", reference="流水")]), "no reference of a bank"),
        (camt("camt.052.001.08", []), "this is camt.052.001.08"),
        (b"<a/>", "no message of ISO 20022"),
        (camt(CAMT[1], MOVES)[:-20], "not well-formed"),
    ],
)
def test_a_statement_that_cannot_be_taken_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(BankFileError, match=said):
        read_camt(raw, RUN)
