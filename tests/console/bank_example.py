"""Made-up instructions, and made-up answers of a bank, as text that no code of ours has written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.bank_lines import Order, Payment

__all__ = ["Move", "camt", "order", "result_list"]


def order(*amounts: int, run: str = "cashier/2021-a", **changed: str) -> Order:
    """An instruction with these amounts, to payees who don't exist."""
    payments = tuple(
        Payment(number, f"{run}/{number}", fen, f"99990000{number:08d}", changed.get("name", "张三"))
        for number, fen in enumerate(amounts, start=1)
    )
    return Order(
        run,
        changed.get("purpose", "2021年度红领津贴"),
        payments,
        debtor_name="示例县财政局",
        debtor_account="990000001111",
        debtor_agent="999999999999",
        execution_date="2026-03-02",
        created_at="2026-03-01T09:30:00+08:00",
    )


def result_list(rows: Iterable[Sequence[object]], heading: str = "业务参考号,处理结果,银行流水号,金额(元),失败原因") -> bytes:
    """A bank's list in GB 18030, as its own programs write it."""
    lines = [heading, *(",".join(map(str, row)) for row in rows)]
    return "\r\n".join(lines).encode("gb18030") + b"\r\n"


@dataclass(frozen=True)
class Move:
    """One movement: of which payout, how much (yuan), which way, and how it stands. batch: the instruction's name for it.

    reversal: RvslInd. detailed: False: the entry has its batch only, and no transaction.
    """

    payout: str
    yuan: str
    side: str = "DBIT"
    status: str = "BOOK"
    reference: str = "B1"
    reason: str = ""
    batch: str = ""
    currency: str = "CNY"
    reversal: bool = False
    detailed: bool = True


def camt(message: str, moves: Sequence[Move], *, together: bool = False) -> bytes:
    """A statement or a notice with an entry for each movement; together: one entry for all of them, as batches are booked."""
    older = message.endswith(".02")
    body, report = ("BkToCstmrStmt", "Stmt") if "053" in message else ("BkToCstmrDbtCdtNtfctn", "Ntfctn")
    groups = [moves] if together else [[move] for move in moves]
    entries = "".join(_entry(group, older) for group in groups)
    account = "<Acct><Id><Othr><Id>990000001111</Id></Othr></Id></Acct>"
    balance = (
        "<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy='CNY'>1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>"
        "<Dt><Dt>2026-03-03</Dt></Dt></Bal>"
    )
    return (
        f"<?xml version='1.0' encoding='UTF-8'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:{message}'><{body}>"
        "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-03T08:00:00+08:00</CreDtTm></GrpHdr>"
        f"<{report}><Id>S1</Id><CreDtTm>2026-03-03T08:00:00+08:00</CreDtTm>{account}"
        f"{balance if 'Stmt' in body else ''}{entries}"
        f"</{report}></{body}></Document>"
    ).encode()


def _entry(group: Sequence[Move], older: bool) -> str:
    first = group[0]
    word = "Prtry" if len(first.status) > 4 else "Cd"
    status = first.status if older else f"<{word}>{first.status}</{word}>"
    total = f"{sum(round(float(move.yuan) * 100) for move in group) / 100:.2f}"
    details = "".join(_details(move, older) for move in group if move.detailed)
    undoes = "<RvslInd>true</RvslInd>" if first.reversal else ""
    batch = f"<Btch><PmtInfId>{first.batch}</PmtInfId></Btch>" if first.batch else ""
    return (
        f"<Ntry><Amt Ccy='{first.currency}'>{total}</Amt><CdtDbtInd>{first.side}</CdtDbtInd>{undoes}<Sts>{status}</Sts>"
        "<BookgDt><Dt>2026-03-03</Dt></BookgDt><BkTxCd><Prtry><Cd>PAY</Cd></Prtry></BkTxCd>"
        f"<NtryDtls>{batch}{details}</NtryDtls></Ntry>"
    )


def _details(move: Move, older: bool) -> str:
    end = f"<EndToEndId>{move.payout}</EndToEndId>" if move.payout else ""
    refs = f"<Refs><AcctSvcrRef>{move.reference}</AcctSvcrRef>{end}</Refs>"
    amount = f"<Amt Ccy='{move.currency}'>{move.yuan}</Amt>"
    stated = f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>" if older else f"{amount}<CdtDbtInd>{move.side}</CdtDbtInd>"
    reason = f"<RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>{move.reason}</AddtlInf></RtrInf>" if move.reason else ""
    return f"<TxDtls>{refs}{stated}{reason}</TxDtls>"
