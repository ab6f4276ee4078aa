"""Identities are found however they are written; what an office writes besides is not taken for one."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from contracts import plain_identity
from contracts.base import LINE_PATTERN, PARAGRAPHS_PATTERN
from contracts.intake import FACT_TYPES
from contracts.plain_identity import INVISIBLE, identity_in, identity_in_key, plain_identities
from contracts.resident_id import check_character
from tests.support import resident_id

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "tests/contracts/golden").rglob("*.json"))
MADE_UP = resident_id(7)
ACCOUNT = "622202123456789012"
ACCOUNT += luhn.calc_check_digit(ACCOUNT)
FULL_WIDTH = str.maketrans("0123456789X-", "０１２３４５６７８９Ｘ－")
SEPARATORS = ("", " ", "-", "－", "—", "·", ".", " - ", "\u3000", "\u200b", "\u00a0")


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_the_characters_that_nobody_sees_are_those_of_unicode() -> None:
    """Every format character that this Python knows; a later Unicode may have more of them."""
    invisible = re.compile(f"[{INVISIBLE}]")
    missing = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]
    assert [hex(code) for code in missing if not invisible.match(chr(code))] == []


def test_a_row_of_marks_is_not_put_in_order_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sort behind it is quadratic: 30,000 marks behind one letter take a second, in pieces a few milliseconds."""
    lengths: list[int] = []

    def counted(form: str, text: str) -> str:
        lengths.append(len(text))
        return text

    monkeypatch.setattr("contracts.normal.unicodedata.normalize", counted)
    identity_in("a" + "\u0315\u0300" * 15_000)
    assert (sum(lengths), max(lengths)) == (30_001, 256)


@pytest.mark.parametrize("piece", ["1 ", "12345 ", "123 45 ", "1-", "19900101", "6222020200000000000 ", "13800001234 ", "㏾"])
def test_a_text_of_digits_is_looked_at_once(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No digit is a part of more than two numbers that are tried, however many there are."""
    tried: list[str] = []
    monkeypatch.setattr(plain_identity, "_kind", lambda digits, behind: tried.append(digits))
    text = piece * (20_000 // len(piece))
    identity_in(text)
    assert sum(map(len, tried)) <= 2 * len(text)


# --- found ------------------------------------------------------------------------------------------------------------


@given(
    person=st.integers(1, 999),
    separator=st.sampled_from(SEPARATORS),
    cuts=st.sets(st.integers(1, 17)),
    wide=st.booleans(),
    before=st.sampled_from(("", "身份证号：", "ID", "证", "编号A", "（", "1", "00")),
    after=st.sampled_from(("", "号", "。", "）", "abc", "，二〇二四年")),
)
def test_a_resident_id_is_found_however_it_is_written(
    person: int, separator: str, cuts: set[int], wide: bool, before: str, after: str
) -> None:
    """Full-width, cut anywhere by blanks, hyphens, dots or signs that nobody sees, with words or digits before it."""
    number = resident_id(person)
    written = "".join(separator + c if at in cuts else c for at, c in enumerate(number))
    assert identity_in(before + (written.translate(FULL_WIDTH) if wide else written) + after) == "resident ID"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (MADE_UP[:17] + ("1" if MADE_UP[17] != "1" else "2"), "resident ID"),  # Written wrongly, and meant all the same.
        ("320102900113123", "resident ID"),
        ("320102 900113 123", "resident ID"),
        ("３２０１０２９００１１３１２３", "resident ID"),
        ("13800001234", "mobile number"),
        ("手机138 0000 1234，", "mobile number"),
        ("Tel:138-0000-1234", "mobile number"),
        ("138.0000.1234", "mobile number"),
        ("+86 138 0000 1234", "mobile number"),
        ("8613800001234", "mobile number"),
        ("008613800001234", "mobile number"),
        ("１３８００００１２３４", "mobile number"),
        ("1 3 8 0 0 0 0 1 2 3 4", "mobile number"),
        ("一三八零零零零一二三四", "mobile number"),
        ("١٣٨٠٠٠٠١٢٣٤", "mobile number"),
        ("\u200b1380\u200b0001234", "mobile number"),
        (ACCOUNT, "bank account"),
        (f"账号{ACCOUNT[:4]} {ACCOUNT[4:8]} {ACCOUNT[8:12]} {ACCOUNT[12:16]} {ACCOUNT[16:]}", "bank account"),
        (f"{ACCOUNT[:6]} {ACCOUNT[6:]}", "bank account"),
        (ACCOUNT.translate(FULL_WIDTH), "bank account"),
        (f"二〇二四年第12号 {MADE_UP} 13800001234", "resident ID"),
    ],
)
def test_each_form_is_found(text: str, kind: str) -> None:
    """The worst is named, if there are several."""
    assert identity_in(text) == kind
    assert [each.field for each in plain_identities(None, {"a": [{"b": text}], text: 1})] == ["data"]


# --- not taken for one --------------------------------------------------------------------------------------------------


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_nothing_in_a_recorded_event_is_taken_for_an_identity(path: Path) -> None:
    """Facts of every version that there ever was, and each text in them, keys and references too."""
    data = json.loads(path.read_text(encoding="utf-8"))
    assert [text for text in strings(data) if identity_in(text)] == []


@pytest.mark.parametrize("folder", ["policies", "standards", "cycles", "docs"])
def test_documents_hold_none(folder: str) -> None:
    """Policies, standards and manuals of this repository, whole files at a time; a list of digests is none."""
    files = [path for path in (ROOT / folder).rglob("*.*") if path.is_file() and path.name != "sbom.cdx.json"]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    assert texts
    assert [name for name, text in texts.items() if identity_in(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "苏组发〔2024〕12号、宁委组通〔2025〕103号",
        "(2026)苏0102民初12345号",
        "320102-2026-01-13-0001",
        "20240105 20250301",
        "2024-01-05 2024-02-05 2024-03-05",
        "2024.01.05-2025.03.01",
        "2024年1月5日至2025年3月1日，共420天",
        "13800001234元",
        "15000000000 元",
        "13800001234.56",
        "13,800,001,234",
        "金额100000000000000",
        "15 20 30 40 500",
        "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18",
        "01977000-0000-7000-8000-000000000052",
        "电话025-83210000转8001",
        "11320100MB1234567X",
        "附件3-4-4，见第138页",
    ],
)
def test_what_offices_write_is_not_taken_for_an_identity(text: str) -> None:
    """Numbers of documents and cases, dates, amounts, outlines, identifiers, fixed telephones."""
    assert identity_in(text) is None


@given(st.integers(2016, 2099), st.integers(1, 99999), st.integers(100000, 829999))
def test_a_number_of_a_document_is_none(year: int, serial: int, division: int) -> None:
    """文件号: a year and a serial number, with brackets; and a serial number behind a division and a day of these years."""
    for text in (
        f"某组发〔{year}〕{serial}号",
        f"{division}-{year}-{serial:04d}",
        f"{division}{year}0105{serial % 10_000:04d}",
    ):
        assert identity_in(text) is None


@given(st.integers(0, 10**15 - 1), st.sampled_from(("元", "分", "万元", " yuan", ".00")))
def test_an_amount_with_its_unit_is_none(amount: int, unit: str) -> None:
    assert identity_in(f"合计{amount}{unit}") is None


@given(st.lists(st.integers(1950, 2100), min_size=1, max_size=8))
def test_years_are_none(years: list[int]) -> None:
    """In a row, with commas, blanks or hyphens."""
    for separator in ("、", " ", "-", "/", "，"):
        assert identity_in(separator.join(map(str, years))) is None


@given(st.text(max_size=200))
def test_any_text_is_looked_at_without_a_fault(text: str) -> None:
    assert identity_in(text) in (None, "resident ID", "mobile number", "bank account")


FREE = (None, LINE_PATTERN, PARAGRAPHS_PATTERN)


# --- where it is looked for ---------------------------------------------------------------------------------------------


def filled(schema: Any, defs: Any, text: str, path: str, texts: set[str]) -> Any:
    """A value of the schema's outline, with the text wherever any text may stand. texts: the paths of these are added."""
    schema = defs[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    for union in ("anyOf", "oneOf"):
        if union in schema:
            values = [filled(each, defs, text, path, texts) for each in schema[union] if each.get("type") != "null"]
            whole = [each for each in values if isinstance(each, dict)]
            return {name: part for each in whole for name, part in each.items()} if whole else values[0]
    match schema.get("type"):
        case "string" if not {"enum", "const", "format"} & schema.keys() and schema.get("pattern") in FREE:
            texts.add(path)
            return text
        case "object":
            parts = schema.get("properties", {})
            return {name: filled(part, defs, text, f"{path}.{name}", texts) for name, part in parts.items()}
        case "array":
            inner = schema.get("items") or schema["prefixItems"][0]
            return [filled(inner, defs, text, path, texts)]
        case _:
            return None


@pytest.mark.parametrize("fact", sorted(FACT_TYPES))
def test_every_free_text_of_every_fact_is_looked_at(fact: str) -> None:
    """Each is named once by its field, and none of them is forgotten."""
    model = FACT_TYPES[fact][0]
    schema, texts = model.model_json_schema(), set[str]()
    data = filled(schema, schema.get("$defs", {}), "电话138 0000 1234", "data", texts)
    assert {(each.field, each.code) for each in plain_identities(model, data)} == {(path, "plain-identity") for path in texts}


def test_the_problem_repeats_nothing() -> None:
    """Field, kind and remedy, in either language."""
    model, data = FACT_TYPES["intake.unit-closed.v1"][0], {"reason": MADE_UP}
    for lang in ("en", "zh"):
        found = plain_identities(model, data, lang)
        assert [each.field for each in found] == ["data.reason"]
        assert MADE_UP not in str(found)


def test_of_keys_only_a_resident_id_is_asked() -> None:
    """They are opaque: eleven digits may be anybody's serial number."""
    assert identity_in_key(f"K{MADE_UP}") == "resident ID"
    assert [identity_in_key(key) for key in ("13800001234", ACCOUNT, "320102-1999-0105-0001", "20240105000123456789")] == [
        None
    ] * 4
    wrong = MADE_UP[:17] + ("1" if check_character(MADE_UP[:17]) != "1" else "2")
    assert identity_in_key(f"K{wrong}") is None
