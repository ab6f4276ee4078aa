"""The demo's payment run: Changtu's dues for 2021 go through two people's hands, one payout comes back, the books agree.

Every step is a command in a process of its own, as people type it. The bank is played by this module: it answers the file that
the cashier gave it, line by line, and sends one amount back because the account was closed.
"""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ElementTree
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from console.bank_lines import yuan_text
from console.context import DIFFERENCE, Context
from console.demo_typed import typed
from console.proposals import proposals_in
from contracts.base import business_day
from eventlog.ids import SystemClock
from services.allowance.ledger_views import trial_balance
from services.allowance.payment_views import run as run_row

__all__ = ["RETURNED_LINE", "bank_answers", "pay"]

CASHIER_PERSON, REVIEWER_PERSON = "示例经办员", "示例复核员"
RETURNED_LINE = 3
"""Which payout of the file comes back, counted from 1."""
FIRST, SECOND = "2021-changtu", "2021-changtu-again"
CNAPS_EXAMPLE = "105100000017"
PAIN = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"
HEADING = ("业务参考号", "处理结果", "银行流水号", "金额(元)", "失败原因")


class Paid(NamedTuple):
    """What the demo says of payment. stages: payouts by stage, (count, fen). balance_fen: account → debits less credits."""

    stages: dict[str, tuple[int, int]]
    reissued: tuple[int, int]
    balance_fen: dict[str, int]


def bank_answers(pain: bytes) -> bytes:
    """The bank's result list (CSV) for an instruction (pain.001.001.09): all are settled, one is returned."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADING)
    # The file is our own, written a moment ago.
    transactions = ElementTree.fromstring(pain).iter(f"{PAIN}CdtTrfTxInf")  # noqa: S314
    for number, transaction in enumerate(transactions, start=1):
        payout = transaction.findtext(f"{PAIN}PmtId/{PAIN}EndToEndId")
        amount = yuan_text(int(Decimal(transaction.findtext(f"{PAIN}Amt/{PAIN}InstdAmt") or "0") * 100))
        back = number == RETURNED_LINE
        writer.writerow((payout, "退回" if back else "成功", f"EXAMPLE-{number:06}", amount, "账户已销户" if back else ""))
    return out.getvalue().encode("utf-8-sig")


async def pay(about: Context, division: str, payer: str, year: int, folder: Path) -> dict[str, Any]:
    """Pay a county's dues of a year. folder: for the files to and from the bank, there already. Ends the command if a step
    fails."""

    what = ("--division", division, "--payer", payer, "--year", str(year))
    pain, answer = folder / "instruction.xml", folder / "bank-answer.csv"
    debtor = ("--debtor-name", "示例县财政局", "--debtor-account", "99990000000000000001", "--debtor-agent", CNAPS_EXAMPLE)
    await typed(about, "finance", "prepare", FIRST, *what)
    await typed(about, "finance", "approve", FIRST)
    await typed(about, "finance", "seal", FIRST)
    words = ("--format", "pain.001", "--out", str(pain), *debtor, "--reason", "示例发放")
    await typed(about, "finance", "export", FIRST, *words, code=DIFFERENCE)
    # The accounts of so many people leave the house by two principals.
    with about.log("registry") as log:
        waiting = next(each for each in proposals_in(log).values() if each.settled is None)
    await typed(about, "proposal", "confirm", waiting.event_id, "--sha256", waiting.sha256)
    await typed(about, "finance", "export", FIRST, *words)
    await typed(about, "finance", "instruct", FIRST, str(pain))
    answer.write_bytes(bank_answers(pain.read_bytes()))
    await typed(about, "finance", "reconcile", FIRST, str(answer))
    # What came back is owed again: the next run pays it.
    await typed(about, "finance", "prepare", SECOND, *what)
    await typed(about, "finance", "prove", FIRST)
    await typed(about, "finance", "close", business_day(SystemClock().now()).isoformat()[:7])
    await typed(about, "finance", "trial-balance")
    return _paid(about)._asdict()


def _paid(about: Context) -> Paid:
    with about.log("allowance") as log, log.database.read.connect() as connection:
        first, second = (run_row(connection, f"cashier/{key}") for key in (FIRST, SECOND))
        balances = trial_balance(connection)
    assert first is not None
    assert second is not None
    sums: dict[str, int] = {}
    for each in balances:
        sums[each.account] = sums.get(each.account, 0) + each.balance_fen
    return Paid(first["payouts"], second["payouts"].get("prepared", (0, 0)), sums)
