"""The bank that the demo plays."""

from __future__ import annotations

from console.bank_iso import write_pain
from console.bank_lines import Order, Payment
from console.bank_results import read_list
from console.demo_payment import RETURNED_LINE, bank_answers


def test_the_bank_settles_what_stands_in_the_file_and_returns_one() -> None:
    """Its answer names our references, and the amounts to the fen."""
    amounts = (360_000, 240_001, 5, 240_000)
    payments = tuple(
        Payment(number, f"cashier/a/{number}", fen, account=f"99990000{number:08}", name="示例甲")
        for number, fen in enumerate(amounts, start=1)
    )
    order = Order(
        "cashier/a", "2021年度红领津贴", payments, "示例县财政局", "99990000000000000001", "105100000017", "2026-11-20",
        "2026-11-20T16:00:00+08:00",
    )  # fmt: skip
    results = read_list(bank_answers(write_pain(order))).results
    assert [(r.payout, r.amount_fen) for r in results] == [(p.payout, p.amount_fen) for p in payments]
    outcomes = ["settled"] * len(amounts)
    outcomes[RETURNED_LINE - 1] = "returned"
    assert [r.outcome for r in results] == outcomes
