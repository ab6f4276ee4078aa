"""A template can be filled in by its own explanations, and its example rows are facts that the contracts take."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from console.intake_columns import BY_FIELD, FACTS, NAMED_BY, FactFile, column_of, is_required
from console.intake_files import open_intake
from console.intake_templates import EXAMPLE_MARK, TAKEOVER, write_takeover, write_template
from console.main import app
from contracts.intake import Identity
from contracts.problems import Lang
from tests.console.intake_support import codes_of, message_of, reading, rows_of, unsealed, workbook

LANGS = st.sampled_from(("zh", "en"))


def lines_of(file: Path, sheet: str | None = None) -> list[list[str]]:
    """Heading and example row of a template."""
    if file.suffix == ".csv":
        with file.open(encoding="utf-8-sig", newline="") as text:
            return list(csv.reader(text))
    book = openpyxl.load_workbook(file)
    found = book[sheet] if sheet is not None else book.worksheets[0]
    return [[str(cell or "") for cell in line] for line in found.iter_rows(values_only=True)]


def numbered(line: list[str]) -> list[str]:
    """The row as its author makes it their own."""
    return ["1", *line[1:]]


def optional(fact: FactFile, heading: str) -> bool:
    """Whether a clerk may remove the column: nothing needs it, and it does not name the person in the example."""
    column = column_of(heading)
    if column is None or column.family is not None:
        return column is None or column.family is None or column.family[0] != "marks"
    return not is_required(fact, column.field) and column.field != "source_key" and column.into != "rating"


@settings(max_examples=100)
@given(fact=st.sampled_from(FACTS), lang=LANGS, data=st.data())
def test_the_example_row_of_each_template_is_a_fact_whichever_optional_columns_are_removed(
    tmp_path_factory: pytest.TempPathFactory, fact: FactFile, lang: Lang, data: st.DataObject
) -> None:
    """In both languages, once the row has a number of its own."""
    folder = tmp_path_factory.mktemp("template")
    write_template(folder / "t.csv", fact.short, lang, example=True)
    headings, example = lines_of(folder / "t.csv")
    removable = [heading for heading in headings if optional(fact, heading)]
    gone = set(data.draw(st.lists(st.sampled_from(removable), unique=True))) if fact.short != "fact-corrected" else set()
    kept = [index for index, heading in enumerate(headings) if heading not in gone]
    text = io.StringIO()
    csv.writer(text).writerows([line[index] for index in kept] for line in (headings, numbered(example)))
    [row] = rows_of(folder, text.getvalue(), fact.zh)
    assert message_of(row)["type"] == fact.type


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.short)
def test_an_example_row_that_was_left_in_is_never_published(tmp_path: Path, fact: FactFile, lang: Lang) -> None:
    """The made-up person must not get into a register because a clerk forgot a row."""
    write_template(tmp_path / "t.xlsx", fact.short, lang, example=True)
    write_template(tmp_path / "t.csv", fact.short, lang, example=True)
    assert lines_of(tmp_path / "t.xlsx") == lines_of(tmp_path / "t.csv")
    assert list(open_intake(tmp_path / "t.xlsx", reading())) == []
    assert list(open_intake(tmp_path / "t.csv", reading(fact.short))) == []


def test_a_row_that_still_says_example_but_is_somebody_s_own_is_told(tmp_path: Path) -> None:
    """Else a clerk's first row would be lost without a word."""
    write_template(tmp_path / "t.csv", "年度考核", "zh", example=True)
    text = (tmp_path / "t.csv").read_text(encoding="utf-8-sig").replace("K0001", "K0815")
    assert codes_of(rows_of(tmp_path, text, "年度考核")) == [(2, "序号", "marked-example")]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_take_over_workbook_has_a_sheet_for_each_part_of_a_register(tmp_path: Path, lang: Lang) -> None:
    """Each is read as the fact that it means, holds one example, and is passed over as it stands."""
    sheets = write_takeover(tmp_path / "t.xlsx", lang)
    assert list(open_intake(tmp_path / "t.xlsx", reading())) == []
    own = {name: [headings, numbered(lines_of(tmp_path / "t.xlsx", name)[1])] for name, headings in sheets.items()}
    rows = list(open_intake(workbook(tmp_path, own), reading()))
    assert [message_of(row)["type"] for row in rows] == [type for _, type in TAKEOVER]
    if lang == "zh":
        assert list(sheets) == ["单位登记", "人员登记", "聘任", "证书", "证书状态变更", "年度考核", "年检", "档案记载"]
        assert all(not heading.isascii() for headings in sheets.values() for heading in headings)


def test_the_examples_of_a_take_over_are_of_one_made_up_person(tmp_path: Path) -> None:
    """The key of the registration names the person on every other sheet, and the certificate's change names the certificate."""
    sheets = write_takeover(tmp_path / "t.xlsx", "zh")
    own = {name: [headings, numbered(lines_of(tmp_path / "t.xlsx", name)[1])] for name, headings in sheets.items()}
    told = {row.sheet: message_of(row)["data"] for row in open_intake(workbook(tmp_path, own), reading())}
    identity = Identity.model_validate(unsealed(told["人员登记"]["person"]["identity"]))
    assert identity.resident_id[:6] == "999999", "a place that GB/T 2260 gives to nobody"
    key = told["人员登记"]["person"]["source_key"]
    assert {said["person"]["source_key"] for said in told.values() if "person" in said} == {key}
    assert told["证书状态变更"]["number"] == told["证书"]["number"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_explanations_name_every_column_what_it_must_hold_and_the_limits(tmp_path: Path, lang: Lang) -> None:
    """A clerk need not look anywhere else: words of a choice, forms, which are required, how large a file may be."""
    sheets = write_takeover(tmp_path / "t.xlsx", lang)
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    lines = [[str(cell or "") for cell in line] for line in book.worksheets[0].iter_rows(values_only=True)]
    told = {(line[0], line[1]): line for line in lines if line[1]}
    for name, headings in sheets.items():
        for heading in headings[1:]:
            assert all(told[name, heading]), f"{name} {heading}"
    text = "\n".join(" ".join(line) for line in lines)
    words = ("优秀、良好、称职、基本称职、不称职", "暂停、恢复、降级、撤销", "1,000,000", "64", "4,000", "1 GiB")
    assert all(word in text for word in (words if lang == "zh" else ("excellent, good", "suspended", *words[2:])))
    required = {heading for (name, heading), line in told.items() if line[2] in ("必填", "yes")}
    assert {"考核等次", "姓名"} <= required if lang == "zh" else {"rating", "name"} <= required


def test_a_workbook_offers_the_words_of_a_choice(tmp_path: Path) -> None:
    """In the cells below the heading; other words of a standard may be typed all the same."""
    write_template(tmp_path / "t.xlsx", "年度考核", "zh", example=True)
    [offered] = openpyxl.load_workbook(tmp_path / "t.xlsx").worksheets[0].data_validations.dataValidation
    assert offered.formula1 == '"优秀,良好,称职,基本称职,不称职"'
    assert not offered.showErrorMessage


def test_every_column_is_explained_in_both_languages() -> None:
    """And every fact that has a sheet."""
    from console import intake_templates

    assert intake_templates._SAYS.keys() == BY_FIELD.keys()
    assert intake_templates._FACTS.keys() == {fact.short for fact in FACTS}
    assert all(english.isascii() and not chinese.isascii() for english, chinese in intake_templates._SAYS.values())
    assert set(NAMED_BY) <= BY_FIELD.keys()
    assert set(EXAMPLE_MARK) == {"zh", "en"}


def ask(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["intake", "template", *words])
    return result.exit_code, result.output


def test_the_command_writes_the_workbook_and_the_templates(tmp_path: Path) -> None:
    """By Chinese or English name; what it wrote is told as JSON."""
    code, said = ask("接管", str(tmp_path / "a.xlsx"), "--json", "--lang", "zh")
    answer: dict[str, Any] = json.loads(said)
    assert (code, len(answer["sheets"])) == (0, len(TAKEOVER))
    code, said = ask("异议处理", str(tmp_path / "b.csv"), "--example", "--json", "--lang", "zh")
    assert (code, json.loads(said)["headings"][0]) == (0, "序号")
    assert ask("takeover", str(tmp_path / "a.csv"))[0] == 2
    assert ask("nothing", str(tmp_path / "a.xlsx"))[0] == 2
