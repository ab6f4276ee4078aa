"""What files to and from a bank have in common: a line, an order, an answer, and an amount as text.

Amounts are integer fen here, and yuan with two decimals in every file: ``1234.05``. They are turned by digits alone, so that an
amount goes into a file and comes out of it as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from console.bank_faults import BankFileError, Fault, NotAnAmount
from contracts.payment import list_digest

__all__ = [
    "AMOUNT_FEN_MAX",
    "FILE_BYTES_MAX",
    "LINES_MAX",
    "Answers",
    "Format",
    "Instruction",
    "Order",
    "PassedOver",
    "Payment",
    "Result",
    "fen_of",
    "fen_of_decimal",
    "read_file",
    "yuan_text",
]

AMOUNT_FEN_MAX = 10**15 - 1
"""An amount has 15 digits at most: more a spreadsheet does not keep. Ten trillion yuan."""
LINES_MAX = 1_000_000
FILE_BYTES_MAX = 256 * 1024 * 1024

Format = Literal["xlsx", "csv", "pain.001"]

_YUAN = re.compile(r"(?:[0-9]{1,13}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Payment:
    """One line of an instruction. account, name: of the payee; empty where the file was only read for its amounts."""

    number: int
    payout: str
    amount_fen: int
    account: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What the bank is told. message_id: a run's own name, so that a bank which is given it twice sees that.

    purpose: what each payee reads. Debtor (pain.001 only): name, account, and CNAPS code of its bank (联行号, 12 digits).
    execution_date, created_at: ``YYYY-MM-DD``, and a time with its zone.
    """

    message_id: str
    purpose: str
    payments: tuple[Payment, ...]
    debtor_name: str = ""
    debtor_account: str = ""
    debtor_agent: str = ""
    execution_date: str = ""
    created_at: str = ""

    @property
    def total_fen(self) -> int:
        return sum(payment.amount_fen for payment in self.payments)


@dataclass(frozen=True, slots=True)
class Instruction:
    """What was read back of an instruction: the lines that stand in it, whatever its own header says of them."""

    message_id: str
    payments: tuple[Payment, ...]

    @property
    def count(self) -> int:
        return len(self.payments)

    @property
    def total_fen(self) -> int:
        return sum(payment.amount_fen for payment in self.payments)

    def list_sha256(self, people: Mapping[str, str]) -> str:
        """As the seal has it. people: payout → person_ref. Raises KeyError for a payout that is not in it."""
        return list_digest((each.payout, people[each.payout], each.amount_fen) for each in self.payments)


@dataclass(frozen=True, slots=True)
class Result:
    """What the bank says of one payout. reference: the bank's own. row: where it stands, as in ``Fault``.

    unclear: why it is a difference, whatever its outcome, as in ``contracts.intake.BankResult``.
    """

    row: int
    payout: str
    outcome: Literal["settled", "returned"]
    reference: str
    amount_fen: int
    reason: str | None = None
    unclear: Literal["reversal", "status"] | None = None


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A movement of a statement that is not about the run. why: ``other``, ``no-details`` or ``not-booked``.

    amount_fen: None if it is none in CNY. date: when it was booked, as the statement writes it. reference: the bank's own, else
    where it stands.
    """

    row: int
    why: Literal["other", "no-details", "not-booked"]
    side: Literal["DBIT", "CRDT"]
    amount_fen: int | None
    date: str
    reference: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What was read of a bank's answer. not_ours: the movements of a statement that are about something else."""

    results: tuple[Result, ...]
    not_ours: tuple[PassedOver, ...] = ()

    @property
    def passed_over(self) -> Mapping[str, int]:
        """Why → how many."""
        return dict(Counter(each.why for each in self.not_ours))


def read_file(path: Path) -> bytes:
    """All of a file. Raises OSError, BankFileError if it is too large."""
    with path.open("rb") as file:
        raw = file.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX:
        raise BankFileError([Fault(0, "", "too-large", (str(FILE_BYTES_MAX),))])
    return raw


# --- amounts ------------------------------------------------------------------------------------------------------------


def yuan_text(fen: int) -> str:
    """``1234.05``: what stands in a file. Raises ValueError beyond 0 to ``AMOUNT_FEN_MAX``."""
    if not 0 <= fen <= AMOUNT_FEN_MAX:
        raise ValueError(f"an amount in a file is 0 to {AMOUNT_FEN_MAX} fen")
    return f"{fen // 100}.{fen % 100:02}"


def fen_of(text: str) -> int:
    """``1234.05``, ``1,234.05``, ``1234.5`` or ``1234`` yuan in fen. Raises NotAnAmount for anything else."""
    stripped = text.strip().removeprefix("¥").removeprefix("￥").removesuffix("元").strip()
    if _YUAN.fullmatch(stripped) is None:
        raise NotAnAmount("not-yuan")
    whole, _, part = stripped.replace(",", "").partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def fen_of_decimal(value: Decimal) -> int:
    """A decimal of yuan in fen. Raises NotAnAmount if it has parts of a fen, or is none of 0 to ``AMOUNT_FEN_MAX``."""
    if not value.is_finite() or not 0 <= value <= Decimal(AMOUNT_FEN_MAX) / 100:
        raise NotAnAmount("not-paid")
    fen = value.scaleb(2)
    if fen != fen.to_integral_value():
        raise NotAnAmount("parts-of-a-fen")
    return int(fen)
