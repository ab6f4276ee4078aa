"""No export fails for one bad text, and no text of a file is a formula: whatever was recorded, before there were rules too."""

from __future__ import annotations

import csv
import io
from datetime import date

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.bank_iso import read_pain, write_pain
from console.bank_sheets import read_instruction, write_csv, write_xlsx
from console.cells import FORMULA, legible, safe_cell
from console.finance_workbook import written
from console.profile_html import profile_html
from console.profile_pdf import profile_pdf
from console.profile_sheet import Axis, Section, Sheet, Span
from contracts.names import legible_name
from tests.console.bank_example import order

HOSTILE = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "a\u0000b", "a\u000bb", "\u0001", "\ud800", "\ufffe",
    "\uffff", "\u200b", "\ufeff", "\ue000", "\U0010ffff", "<script>", "]]>", "&amp;", "'", '"', ",", "a\r\nb", "#N/A",
    "_x0000_", "张" * 5000, "\U00020000", "\u202e", "\u0085", "",
)  # fmt: skip
TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=60) | st.text(st.characters(codec=None), max_size=20)
AMOUNT = dict.fromkeys(("granted_fen", "paid_fen", "in_transit_fen", "owed_fen", "recovery_fen"), 1)


def no_formula(raw: bytes) -> openpyxl.Workbook:
    book = openpyxl.load_workbook(io.BytesIO(raw))
    kinds = {cell.data_type for sheet in book.worksheets for row in sheet.iter_rows() for cell in row}
    assert not kinds & {"f", "e"}
    return book


@settings(max_examples=60, deadline=None)
@given(name=TEXTS, purpose=TEXTS)
def test_a_banks_file_is_written_whatever_a_name_holds(name: str, purpose: str) -> None:
    """Of a name that was recorded before names were normalised too; and it reads back with the same money."""
    one = order(100, 250, name=legible_name(name) or "?", purpose=legible(purpose)[:60].strip() or "x")
    for raw, read in ((write_csv(one), read_instruction), (write_xlsx(one), read_instruction), (write_pain(one), read_pain)):
        assert (2, 350) == (read(raw).count, read(raw).total_fen)
    no_formula(write_xlsx(one))
    cells = [cell for row in csv.reader(io.StringIO(write_csv(one).decode("utf-8-sig"), newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in FORMULA and cell]


@settings(max_examples=60, deadline=None)
@given(unit=TEXTS, document=TEXTS)
def test_a_statement_is_written_whatever_a_unit_is_called(unit: str, document: str) -> None:
    line = {
        "division": "320102", "unit": unit, "more_units": unit, "person_ref": "p", "year": 2021, "instrument": "allowance",
        "payer": "county", "decision": "granted", "document": document, "clause": document, "decided": 1, "event_id": "e",
        **AMOUNT,
    }  # fmt: skip
    sums = {
        "division": "320102",
        "year": 2021,
        "instrument": "allowance",
        "payer": "county",
        "workers": 1,
        "granted": 1,
        **AMOUNT,
    }
    answer = {"sums": [sums], "known_at": "2026-01-01T00:00:00Z", "position": 1}
    no_formula(written(answer, [line]))


@settings(max_examples=40, deadline=None)
@given(text=TEXTS)
def test_a_profile_is_a_page_whatever_it_says(text: str) -> None:
    sheet = Sheet(
        lang="zh", title=text, facts=((text, text),), axes_title=text, axes=(Axis(text, 3, 2),) * 4, required=text,
        history_title=text, spans=(Span(text, date(2020, 1, 1), date(2025, 1, 1), False),),
        on=date(2026, 1, 1), sections=(Section(text, (text,), ((text,),), text, text),), foot=text,
    )  # fmt: skip
    page = profile_html(sheet)
    page.encode()
    assert "<script>" not in page
    assert profile_pdf(sheet).startswith(b"%PDF")


@given(TEXTS)
def test_a_cell_of_csv_is_never_a_formula(text: str) -> None:
    written = safe_cell(text)
    written.encode()
    assert not written or written.lstrip(" \n\u00a0\u3000")[:1] not in FORMULA


@pytest.mark.parametrize("text", ["张三", "1 2", "a-b", "a=b", "", "第1章\n第2章"])
def test_a_usual_text_is_written_as_it_is(text: str) -> None:
    assert text == safe_cell(text) == legible(text)
