"""No export fails for one bad text, and no text of a file is a formula: whatever was recorded, before there were rules too."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import OKPKey
from rich.console import Console

from console import dossier
from console.bank_iso import read_pain, write_pain
from console.bank_sheets import read_instruction, write_csv, write_xlsx
from console.cells import FORMULA, guarded, legible, safe_cell, unguarded
from console.context import Context
from console.credentials import _standing, _text, _told
from console.finance_workbook import written
from console.intake_columns import FACTS
from console.intake_templates import write_takeover, write_template
from console.profile_html import profile_html
from console.profile_pdf import profile_pdf
from console.profile_sheet import Axis, Section, Sheet, Span
from console.staffing_words import StaffingWords
from console.talent_staffing import _workbook
from console.words import Words
from contracts.names import legible_name
from contracts.problems import Lang
from eventlog.canonical import canonical
from services.registry.credential import CertificateFacts, StatusEntry, issue, verify
from services.talent.figures import Figures, StaffReport, UnitFigures
from services.talent.shares import Share
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
        "payer": "county", "purse": "320102", "decision": "granted",
        "document": document, "clause": document, "decided": 1, "event_id": "e",
        **AMOUNT,
    }  # fmt: skip
    sums = {
        "division": "320102",
        "year": 2021,
        "instrument": "allowance",
        "payer": "county",
        "purse": "320102",
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


WRITTEN = TEXTS.filter(lambda text: "\ud800" not in text and not any("\ud800" <= each <= "\udfff" for each in text))
"""What a log can hold: half a character is no JSON, and no database takes it."""


@settings(max_examples=60, deadline=None)
@given(unit=TEXTS, word=TEXTS)
def test_structure_figures_are_a_workbook_whatever_a_unit_is_called(unit: str, word: str) -> None:
    share, report = Share(1, 4), StaffReport(unit, "320102", date(2026, 1, 1), 4, "e")
    found = Figures(
        division="320102", on=date(2026, 1, 1), since=None, least_hundredths=100, workers=1, party_work=share,
        party_work_enough=True, part_time=share, bands=(share,), months=1, categories=((word, share),), secretaries=1,
        promoted=share, from_pool=share, origins=((word, share),), entered=((word, share),),
        units=(UnitFigures(unit, "320102", 1, report, True),),
    )  # fmt: skip
    for lang in ("zh", "en"):
        assert 2 == len(no_formula(_workbook(found, StaffingWords(lang))).worksheets)


@settings(max_examples=60, deadline=None)
@given(name=TEXTS)
def test_a_certificate_is_handed_out_whatever_its_holder_is_called(name: str) -> None:
    """Also of a name of before there was a rule for names; and who reads it is shown nothing that a terminal obeys."""
    holder = legible_name(name) or None
    facts = CertificateFacts("320100-2026-000123-3", "senior", "320100", date(2026, 3, 1), date.max)
    key, url = OKPKey.generate_key("Ed25519", {"kid": "k"}), "https://example.org/s/1"
    at = datetime(2026, 3, 2, tzinfo=UTC)
    verified = verify(issue(key, "https://example.org", facts, at, StatusEntry(url, 7), holder), key.as_dict(private=False))
    answer = {**_told(verified), **_standing(verified, None, at), "problem": None}
    assert holder == answer["holder_name"]
    for lang in ("zh", "en"):
        legible_page(_text(Words(lang), answer))


@settings(max_examples=60, deadline=None)
@given(text=WRITTEN)
def test_a_dossier_is_shown_whatever_an_entry_says(text: str) -> None:
    content = {"title": text, "begins": text, "ends": None, "text": text}
    row = {
        "section": dossier.SECTIONS[-1], "entry": text, "effective_on": "2026-01-01", "recorded_at": "2026-01-01T00:00:00Z",
        "versions": 1, "attachments": [], "content": content,
    }  # fmt: skip
    for lang in ("zh", "en"):
        page = io.StringIO()
        about = Context(None, False, lang, Console(file=page, soft_wrap=True, highlight=False))
        dossier._print(about, {"person_ref": "p", "entries": [row]})
        assert not CONTROLS.search(page.getvalue())


CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def legible_page(markup: str) -> None:
    page = io.StringIO()
    Console(file=page, soft_wrap=True, highlight=False).print(markup)
    assert not CONTROLS.search(page.getvalue())
    page.getvalue().encode()


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(WRITTEN, min_size=1, max_size=4))
def test_the_feed_is_one_line_an_event_whatever_a_document_is_called(texts: list[str]) -> None:
    """A line separator within a text is not one of JSON Lines: who reads lines by LF alone finds each event whole."""
    lines = b"".join(canonical({"document": text, "clause": text}) + b"\n" for text in texts)
    assert texts == [orjson.loads(line)["document"] for line in io.BytesIO(lines)]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_cell_of_a_template_is_a_formula(tmp_path: Path, lang: Lang) -> None:
    for fact in FACTS:
        for example in (False, True):
            book, sheet = (tmp_path / f"{fact.short}-{example}{ending}" for ending in (".xlsx", ".csv"))
            for path in (book, sheet):
                write_template(path, fact.short, lang, example=example)
            no_formula(book.read_bytes())
            with sheet.open(encoding="utf-8-sig", newline="") as file:
                assert not [cell for row in csv.reader(file) for cell in row if cell[:1] in FORMULA and cell]
    write_takeover(tmp_path / "all.xlsx", lang)
    no_formula((tmp_path / "all.xlsx").read_bytes())


def test_a_text_that_the_locale_has_not_stops_no_command(tmp_path: Path) -> None:
    """A Chinese locale of before has neither ¥ nor the rarer ideographs: a pipe gets UTF-8 all the same."""
    file = tmp_path / "\U00020000.yaml"
    policy = (Path(__file__).parents[2] / "policies" / "changtu-2021.yaml").read_text("utf-8")
    file.write_text(policy.replace("title: ", "title: \U00020000", 1), "utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "gbk"}
    words = [sys.executable, "-m", "console", "policy", "show", str(file), "--lang", "zh"]
    done = subprocess.run(words, env=environment, capture_output=True, timeout=60, check=False)
    assert 0 == done.returncode, done.stderr.decode(errors="replace")
    assert {"\U00020000", "¥"} <= set(done.stdout.decode())


@given(TEXTS)
def test_a_cell_of_csv_is_never_a_formula(text: str) -> None:
    written = safe_cell(text)
    written.encode()
    assert not written or written.lstrip(" \n\u00a0\u3000")[:1] not in FORMULA


@given(TEXTS)
def test_a_guarded_text_is_read_as_it_was(text: str) -> None:
    assert text == unguarded(guarded(text))
    assert guarded(text).lstrip(" \n\u00a0\u3000")[:1] not in FORMULA or not text


@pytest.mark.parametrize("text", ["张三", "1 2", "a-b", "a=b", "", "第1章\n第2章"])
def test_a_usual_text_is_written_as_it_is(text: str) -> None:
    assert text == safe_cell(text) == legible(text)
