"""What stands in a workbook is read as it stands there, or told; nothing is guessed, and nothing is left out without a word."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.chart import BarChart

from console.bank_faults import BankFileError
from console.bank_sheets import read_cells
from console.intake_files import IntakeFileError, open_intake
from console.intake_workbooks import HiddenParts
from console.workbook import Unread, Value, Workbook
from tests.console.intake_support import codes_of, message_of, reading, workbook
from tests.console.workbook_support import raw_workbook, sheet_xml

HEAD: list[Any] = ["人员编号", "年度", "考核等次", "生效日期"]
GOOD: list[Any] = ["w-1", 2024, "优秀", "2025-01-04"]


def cell_of(tmp_path: Path, cell: str, **other: Any) -> Value:
    """The one cell of a workbook, A1."""
    made = raw_workbook(tmp_path / "c.xlsx", sheet_xml(f'<row r="1">{cell}</row>'), **other)
    with made.open("rb") as file, Workbook(file) as book:
        rows = list(book.rows(book.sheets[0]))
    return rows[0].cells[0] if rows else None


STYLES = '<numFmts><numFmt numFmtId="170" formatCode="[h]:mm"/></numFmts><cellXfs>' + "".join(
    f'<xf numFmtId="{number}"/>' for number in (0, 14, 22, 31, 57, 170)) + "</cellXfs>"  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c r="A1"><v>110101199003078515</v></c>', 110101199003078515),
        ('<c r="A1"><v>1.10101199003078E+17</v></c>', 1.10101199003078e17),
        ('<c r="A1" t="b"><v>1</v></c>', True),
        ('<c r="A1" t="e"><v>#SPILL!</v></c>', Unread("cell-error", "#SPILL!")),
        ('<c r="A1" t="inlineStr"><is><t>a</t><rPh sb="0" eb="1"><t>b</t></rPh><r><t>c</t></r></is></c>', "ac"),
        ('<c r="A1" t="str"><f>A2</f><v>x_x000A_y</v></c>', "x\ny"),
        ('<c r="A1" t="str"><f>A2&amp;""</f><v></v></c>', None),
        ('<c r="A1"><f>A2</f></c>', Unread("formula-without-result")),
        ('<c r="A1"><f>A2</f><v/></c>', Unread("formula-without-result")),
        ('<c r="A1" t="str"><f>A2</f></c>', Unread("formula-without-result")),
        ('<c r="A1"><f t="shared" si="0"/></c>', Unread("formula-without-result")),
        ('<c r="A1" t="s"><v>9</v></c>', Unread("cell-unknown")),
        ('<c r="A1" t="zz"><v>9</v></c>', Unread("cell-unknown")),
        ('<c r="A1"><v>nan</v></c>', Unread("cell-unknown")),
        ('<c r="A1"><v>1_0</v></c>', Unread("cell-unknown")),
        ('<c r="A1" t="d"><v>2021-03-01</v></c>', datetime(2021, 3, 1)),  # noqa: DTZ001
        ('<c r="A1" t="d"><v>2021-W09-1</v></c>', Unread("cell-unknown")),
        ('<c r="A1" s="1"><v>44256</v></c>', datetime(2021, 3, 1)),  # noqa: DTZ001
        ('<c r="A1" s="2"><v>44256.354166666664</v></c>', datetime(2021, 3, 1, 8, 30)),  # noqa: DTZ001
        ('<c r="A1" s="3"><v>44256</v></c>', datetime(2021, 3, 1)),  # noqa: DTZ001
        ('<c r="A1" s="4"><v>44256</v></c>', datetime(2021, 3, 1)),  # noqa: DTZ001
        ('<c r="A1" s="2"><v>0.5</v></c>', time(12)),
        ('<c r="A1" s="1"><v>59</v></c>', datetime(1900, 2, 28)),  # noqa: DTZ001
        ('<c r="A1" s="1"><v>60</v></c>', Unread("impossible-date")),
        ('<c r="A1" s="1"><v>61</v></c>', datetime(1900, 3, 1)),  # noqa: DTZ001
        ('<c r="A1" s="1"><v>-1</v></c>', Unread("impossible-date")),
        ('<c r="A1" s="1"><v>2958466</v></c>', Unread("impossible-date")),
        ('<c r="A1" s="1"><v>1e300</v></c>', Unread("impossible-date")),
        ('<c r="A1" s="5"><v>1.5</v></c>', Unread("cell-unknown")),
        ('<c r="A1" t="inlineStr"><is><t>' + "x" * 40_000 + "</t></is></c>", Unread("cell-too-long")),
    ],
)
def test_a_cell_is_what_it_says_or_is_told(tmp_path: Path, cell: str, expected: Value) -> None:
    """Dates come by the formats that are dates in China, too; a number keeps its digits; nothing becomes empty."""
    assert cell_of(tmp_path, cell, styles=STYLES) == expected


def test_a_day_of_the_calendar_of_1904_is_that_day(tmp_path: Path) -> None:
    """A workbook says by which calendar it counts."""
    cell = '<c r="A1" s="1"><v>42794</v></c>'
    assert cell_of(tmp_path, cell, styles=STYLES, book='<workbookPr date1904="1"/>') == datetime(2021, 3, 1)  # noqa: DTZ001


def codes_in(tmp_path: Path, column: str, cell: Any, rest: dict[str, Any], fact: str) -> list[tuple[int, str, str]]:
    values = {**rest, column: cell}
    return codes_of(list(open_intake(workbook(tmp_path, {fact: [list(values), list(values.values())]}), reading())))


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("是否专职", "=A9", "formula-without-result"),
        ("单位", "=A9", "formula-without-result"),
        ("单位", True, "cell-boolean"),
        ("单位", "#REF!", "cell-error"),
        ("职务", date(2021, 5, 1), "cell-date"),
        ("职务", time(8, 30), "cell-date"),
        ("聘任日期", "2021-W05-1", "impossible-date"),
        ("聘任日期", time(8, 30), "cell-date"),
        ("人员编号", 1234567890123456, "digits-lost"),
    ],
)
def test_a_cell_that_is_not_understood_is_a_problem_of_its_row(tmp_path: Path, column: str, cell: Any, code: str) -> None:
    """Never an empty cell, and never another value."""
    rest = {"人员编号": "w-1", "聘任编号": "e-1", "类别": "书记", "单位": "一村", "职务": "书记", "是否专职": "是",
            "聘任日期": "2021-03-01"}  # fmt: skip
    assert codes_in(tmp_path, column, cell, rest, "聘任") == [(2, column, code)]


def test_true_and_false_answer_a_question_of_yes_and_no(tmp_path: Path) -> None:
    """A cell that spreadsheets make of TRUE."""
    head = ["人员编号", "聘任编号", "类别", "单位", "职务", "是否专职", "聘任日期"]
    line = ["w-1", "e-1", "书记", "一村", "书记", False, date(2021, 3, 1)]
    [row] = open_intake(workbook(tmp_path, {"聘任": [head, line]}), reading())
    assert message_of(row)["data"]["full_time"] is False


@pytest.mark.parametrize(
    ("clock", "expected"), [(datetime(1990, 7, 1, 8), "1990-06-30T23"), (datetime(1990, 12, 1, 8), "1990-12-01T00")]  # noqa: DTZ001
)  # fmt: skip
def test_a_clock_of_a_chinese_summer_is_read_by_that_summer(tmp_path: Path, clock: datetime, expected: str) -> None:
    """From 1986 to 1991 the clocks of China were an hour ahead in summer."""
    file = workbook(tmp_path, {"年度考核": [[*HEAD, "记录时间"], ["w-1", 1990, "优秀", "1991-01-04", clock]]})
    [row] = open_intake(file, reading())
    assert message_of(row)["time"].startswith(expected)


# --- what is hidden ---------------------------------------------------------------------------------------------------


def hiding(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "年度考核"
    for row in [HEAD, GOOD, ["w-2", *GOOD[1:]], ["w-3", *GOOD[1:]], ["w-4", *GOOD[1:]]]:
        sheet.append(row)
    sheet.row_dimensions[3].hidden = sheet.row_dimensions[4].hidden = True
    sheet["E1"], sheet["E2"] = "消息编号", "m-1"
    sheet.column_dimensions["E"].hidden = True
    other = book.create_sheet("年检")
    other.append(["人员编号", "年度", "年检结论", "日期"])
    other.append(["w-1", 2024, "合格", "2024-10-08"])
    other.sheet_state = "hidden"
    empty = book.create_sheet("Sheet3")
    empty.sheet_state = "veryHidden"
    book.save(tmp_path / "h.xlsx")
    return tmp_path / "h.xlsx"


def test_what_a_workbook_hides_is_named_and_not_read(tmp_path: Path) -> None:
    """Rows of a filter, a column, a sheet; an empty hidden sheet is nothing."""
    with pytest.raises(HiddenParts) as caught:
        open_intake(hiding(tmp_path), reading(lang="zh"))
    assert caught.value.problem.problem == "工作簿中有隐藏的内容：“年度考核”第 3–4 行、“年度考核” E 列、工作表“年检”"
    assert "--hidden take" in caught.value.problem.remedy
    with pytest.raises(HiddenParts, match="row 3–4, “年度考核” column E, sheet “年检”"):
        open_intake(hiding(tmp_path), reading())


def test_what_is_hidden_is_taken_or_passed_over_as_its_author_says(tmp_path: Path) -> None:
    """The numbers of the rows stay those of the spreadsheet."""
    taken = list(open_intake(hiding(tmp_path), reading(hidden="take")))
    assert [(row.sheet, row.number) for row in taken] == [
        ("年度考核", 2), ("年度考核", 3), ("年度考核", 4), ("年度考核", 5), ("年检", 2)]  # fmt: skip
    assert taken[0].message_id == "m-1"
    skipped = list(open_intake(hiding(tmp_path), reading(hidden="skip")))
    assert [(row.sheet, row.number) for row in skipped] == [("年度考核", 2), ("年度考核", 5)]
    assert skipped[0].message_id != "m-1"
    assert [row.number for row in open_intake(hiding(tmp_path), reading(sheet="年检"))] == [2]


def test_a_bank_s_list_with_hidden_rows_or_dead_cells_is_refused(tmp_path: Path) -> None:
    """Money is not read from what nobody sees, nor from a formula without a result."""
    with pytest.raises(BankFileError) as caught:
        list(read_cells(hiding(tmp_path).read_bytes()))
    assert [fault.code for fault in caught.value.faults] == ["hidden"]
    file = workbook(tmp_path, {"明细": [["业务参考号", "金额"], ["p-1", "=1+1"]]})
    with pytest.raises(BankFileError) as caught:
        list(read_cells(file.read_bytes()))
    assert [(fault.row, fault.field, fault.code) for fault in caught.value.faults] == [(2, "B", "unread-cell")]


# --- several sheets, titles, damage -----------------------------------------------------------------------------------


def test_titles_and_blank_lines_stand_above_the_headings(tmp_path: Path) -> None:
    """A merged title, who reports and when, a blank line; rows keep their numbers."""
    rows: list[list[Any]] = [
        ["某县党务工作者年度考核登记表"],
        ["单位：", "某街道", "", "日期：", "2025-01-05"],
        [],
        HEAD,
        [],
        GOOD,
    ]
    found = list(open_intake(workbook(tmp_path, {"年度考核": rows}), reading()))
    assert [(row.number, row.problems) for row in found] == [(6, ())]
    csv = tmp_path / "f.csv"
    csv.write_text("某县登记表，一、二；三\n\n人员编号;年度;考核等次;生效日期;血型\nw-1;2024;优秀;2025-01-04;A\n", "utf-8")
    assert codes_of(list(open_intake(csv, reading("rating")))) == [(3, "血型", "unknown-column")]


def test_a_heading_far_below_is_not_looked_for(tmp_path: Path) -> None:
    """Beyond ten rows of titles it is no table of facts."""
    rows = [[f"说明 {n}"] for n in range(12)] + [HEAD, GOOD]
    assert codes_of(list(open_intake(workbook(tmp_path, {"年度考核": rows}), reading()))) == [(1, "", "no-heading")]


def test_a_chart_sheet_has_no_rows(tmp_path: Path) -> None:
    """Beside facts it is passed over; alone it is no file of facts."""
    book = openpyxl.Workbook()
    book.worksheets[0].title = "年度考核"
    for row in (HEAD, GOOD):
        book.worksheets[0].append(row)
    book.create_chartsheet("图表").add_chart(BarChart())
    book.save(tmp_path / "one.xlsx")
    assert [row.number for row in open_intake(tmp_path / "one.xlsx", reading())] == [2]
    book.remove(book.worksheets[0])
    book.save(tmp_path / "none.xlsx")
    assert codes_of(list(open_intake(tmp_path / "none.xlsx", reading()))) == [(1, "", "no-heading")]


def test_cells_beyond_the_columns_that_are_read_are_told(tmp_path: Path) -> None:
    """However far out they stand."""
    line = '<row r="2"><c r="A2" t="inlineStr"><is><t>w-1</t></is></c><c r="XFD2"><v>1</v></c></row>'
    head = zip("ABCD", HEAD, strict=True)
    cells = "".join(f'<c r="{letter}1" t="inlineStr"><is><t>{text}</t></is></c>' for letter, text in head)
    rows = list(open_intake(raw_workbook(tmp_path / "f.xlsx", sheet_xml(f'<row r="1">{cells}</row>{line}')), reading()))
    assert (2, "", "extra-cells") in codes_of(rows)


def test_a_damaged_workbook_is_told(tmp_path: Path) -> None:
    """Cut off, without the sheet that it lists, or with a sheet that is none: never a file of no rows."""
    good = workbook(tmp_path, {"年度考核": [HEAD, *[GOOD] * 5]})
    whole = good.read_bytes()
    for name, content in {"cut": whole[: len(whole) // 2], "old": b"\xd0\xcf\x11\xe0" + bytes(600), "none": b""}.items():
        (tmp_path / f"{name}.xlsx").write_bytes(content)
        with pytest.raises(IntakeFileError) as caught:
            open_intake(tmp_path / f"{name}.xlsx", reading())
        assert caught.value.problem.code == "not-xlsx"
    for sheet in ("", "<worksheet", "<other/>", sheet_xml('<row r="1"><c r="A1"><v>1</v>')):
        file = raw_workbook(tmp_path / "d.xlsx", sheet)
        assert [code for _, _, code in codes_of(list(open_intake(file, reading())))] == ["broken-xlsx"]
    missing = raw_workbook(tmp_path / "m.xlsx", sheet_xml(""), others={"xl/_rels/workbook.xml.rels": b"<Relationships/>"})
    with pytest.raises(IntakeFileError, match="not a workbook"):
        open_intake(missing, reading())


# --- two rows, one message --------------------------------------------------------------------------------------------


def test_two_rows_with_one_message_id_are_told_in_both(tmp_path: Path) -> None:
    """One of them would be lost: with another content the second is refused, with the same it is dropped."""
    head, other = [*HEAD, "消息编号"], ["w-2", 2023, "良好", "2024-01-04"]
    rows = [head, [*GOOD, "m-1"], [*other, "m-1"], [*other, "m-2"], [*GOOD, None], ["w-3", *other[1:], None], [*GOOD, None]]
    found = list(open_intake(workbook(tmp_path, {"年度考核": rows}), reading()))
    told = {row.number: [each.problem for each in row.problems] for row in found if row.problems}
    assert told == {
        2: ["row 2: another row is the same message: 3"],
        3: ["row 3: another row is the same message: 2"],
        5: ["row 5: another row is the same message: 7"],
        7: ["row 7: another row is the same message: 5"],
    }
    assert [row.message is None for row in found] == [True, True, False, True, False, True]
