"""Files to a bank: an amount goes in and comes out as it was, the schema is kept, and what was changed by hand is found."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.bank_faults import BankFileError
from console.bank_iso import read_pain, read_xml, schema_faults, write_pain
from console.bank_lines import AMOUNT_FEN_MAX, Order, fen_of, fen_of_decimal, yuan_text
from console.bank_sheets import HEADINGS, read_instruction, write_csv, write_xlsx
from console.finance_instruct import read_back
from tests.console.bank_example import order

amounts = st.lists(st.integers(1, AMOUNT_FEN_MAX // 10), min_size=1, max_size=4)
WRITERS: dict[str, Callable[[Order], bytes]] = {"csv": write_csv, "xlsx": write_xlsx, "pain.001": write_pain}


@pytest.mark.parametrize("format", WRITERS)
@settings(max_examples=40)
@given(fens=amounts)
def test_an_amount_comes_out_of_a_file_as_it_went_in(format: str, fens: list[int]) -> None:
    """Any amounts, in all three formats: count, each amount, total, names and accounts."""
    given_ = order(*fens)
    found = read_back(WRITERS[format](given_))
    assert (given_.payments, given_.message_id) == (found.payments, found.message_id)
    assert given_.total_fen == found.total_fen == sum(fens)


@given(fen=st.integers(0, AMOUNT_FEN_MAX))
def test_an_amount_as_text_is_exact(fen: int) -> None:
    """With and without thousands separators; and as a decimal."""
    text = yuan_text(fen)
    assert fen == fen_of(text) == fen_of(f"¥{fen // 100:,}.{fen % 100:02}") == fen_of_decimal(Decimal(text))


@pytest.mark.parametrize("text", ["", "1.234", "-1", "1e3", "１２", "1,23", "1 000", "NaN", "1.", "."])
def test_what_is_no_amount_is_not_guessed_at(text: str) -> None:
    with pytest.raises(ValueError):
        fen_of(text)


@pytest.mark.parametrize("value", ["0.001", "NaN", "-1", "Infinity", "10000000000000.00"])
def test_a_decimal_with_parts_of_a_fen_is_no_amount(value: str) -> None:
    with pytest.raises(ValueError):
        fen_of_decimal(Decimal(value))


# --- workbook and CSV -------------------------------------------------------------------------------------------------


def test_a_csv_is_what_a_bank_imports() -> None:
    """UTF-8 with its mark, one heading, a line a payee, a line of totals; lines end in CR LF."""
    raw = write_csv(order(240_000, 360_005))
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert list(HEADINGS) == rows[0]
    assert ["1", "9999000000000001", "张三", "2400.00", "2021年度红领津贴", "cashier/2021-a/1"] == rows[1]
    assert ["合计", "", "共2笔", "6000.05", "", "cashier/2021-a"] == rows[-1]
    assert raw.count(b"\r\n") == raw.count(b"\n") == 4


def test_a_workbook_keeps_accounts_as_text_and_amounts_as_numbers() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx(order(240_000)))).worksheets[0]
    account, amount = sheet["B2"], sheet["D2"]
    assert ("s", "@", "9999000000000001") == (account.data_type, account.number_format, account.value)
    assert ("n", "0.00", 2400) == (amount.data_type, amount.number_format, amount.value)


def test_no_cell_is_taken_for_a_formula() -> None:
    """Whoever opens the list in a spreadsheet runs nothing that somebody put into a name."""
    nasty = order(1, name="=1+1", purpose="@x")
    cells = [cell for row in csv.reader(io.StringIO(write_csv(nasty).decode("utf-8-sig"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx(nasty))).worksheets[0]
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "=1+1" == read_instruction(write_csv(nasty)).payments[0].name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2400.00", "2500.00", "the total is not that of the lines, 6100.00"),
        ("2400.00", "2400.001", "row 2, 金额(元)"),
        ("共2笔", "共3笔", "the count is not that of the lines, 2"),
        ("合计,", "小计,", "the line of totals is missing"),
        ("业务参考号", "参考号", "the headings are not those of an export"),
        ("cashier/2021-a/2\r\n", "\r\n", "row 3, 业务参考号"),
    ],
)
def test_a_list_that_was_changed_by_hand_is_found_out(old: str, new: str, said: str) -> None:
    raw = write_csv(order(240_000, 360_000)).decode().replace(old, new, 1).encode()
    with pytest.raises(BankFileError) as found:
        read_instruction(raw)
    assert said in str(found.value)


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00", b"PK\x03\x04 no archive", b"a,b\n1,2\n"])
def test_what_is_no_instruction_is_refused(raw: bytes) -> None:
    with pytest.raises(BankFileError):
        read_back(raw)


# --- ISO 20022 --------------------------------------------------------------------------------------------------------


def test_pain_001_is_valid_by_the_published_schema_and_says_what_was_sealed() -> None:
    tree = read_xml(write_pain(order(240_000, 360_005)))
    assert [] == schema_faults(tree)
    names = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}

    def said(path: str) -> list[str]:
        return [each.text for each in tree.findall(path, names)]

    assert ["2", "2"] == said(".//p:NbOfTxs")
    assert ["6000.05", "6000.05"] == said(".//p:CtrlSum")
    assert ["cashier/2021-a", "cashier/2021-a"] == said(".//p:MsgId") + said(".//p:PmtInfId")
    assert ["cashier/2021-a/1", "cashier/2021-a/2"] == said(".//p:EndToEndId")
    assert ["CNAPS", "999999999999"] == said(".//p:DbtrAgt//p:Cd") + said(".//p:DbtrAgt//p:MmbId")
    assert {"CNY"} == {each.get("Ccy") for each in tree.findall(".//p:InstdAmt", names)}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"<CtrlSum>1.00", b"<CtrlSum>2.00", "the total is not that of the lines, 1.00"),
        (b"<NbOfTxs>1<", b"<NbOfTxs>2<", "the count is not that of the lines, 1"),
        (b'Ccy="CNY"', b'Ccy="USD"', "the amount is not in CNY"),
        (b"<PmtMtd>TRF", b"<PmtMtd>ZZZ", "not valid by the schema"),
        (b"<EndToEndId>cashier/2021-a/1</EndToEndId>", b"", "not valid by the schema"),
        (b"<EndToEndId>", b"<EndToEndId>" + b"9" * 40, "not valid by the schema"),
        (b"</Document>", b"", "not well-formed"),
        (b"pain.001.001.09", b"pain.001.001.03", "this is pain.001.001.03"),
    ],
)
def test_a_message_that_was_changed_by_hand_is_found_out(old: bytes, new: bytes, said: str) -> None:
    raw = write_pain(order(100)).replace(old, new)
    with pytest.raises(BankFileError) as found:
        read_pain(raw)
    assert said in str(found.value)


def test_a_document_type_is_refused_unread() -> None:
    """Entities that unfold for ever, or fetch a file of this machine, come in one."""
    raw = b"<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY f SYSTEM 'file:///etc/hostname'>]><d>&a;&f;</d>"
    with pytest.raises(BankFileError, match="document type"):
        read_xml(raw)
