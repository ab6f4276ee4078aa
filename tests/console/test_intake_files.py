"""Files that offices have become messages that the registry takes, or problems that a clerk can mend."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from console import intake_files, workbook_parts
from console.cells import legible, safe_cell
from console.intake_cells import bare
from console.intake_files import (
    CELL_CHARACTERS_MAX,
    COLUMNS,
    COLUMNS_MAX,
    FACTS,
    IntakeFileError,
    open_intake,
    write_problems,
    write_template,
)
from console.intake_rows import Row
from console.main import app
from console.sealing import seal
from contracts.intake import INTAKE_BYTES_MAX
from contracts.problems import Lang
from tests.console.intake_support import KEY, VALID_ID, codes_of, message_of, reading, rows_of, unsealed, workbook

RATINGS = "人员编号,年度,考核等次,生效日期\n"


# ------------------------------------------------------------------------------------------------------------ what is read


def test_a_chinese_sheet_becomes_the_message_that_the_contract_describes(tmp_path: Path) -> None:
    """Headings and values are Chinese, what is published is not."""
    [row] = rows_of(tmp_path, RATINGS + "w-1,2024年,优秀,2025年1月4日\n", "年度考核")
    message = message_of(row)
    assert message["data"] == {"person": {"source_key": "w-1"}, "year": 2024, "rating": "excellent"}
    assert (message["type"], message["effectiveon"], message["time"], message["source"]) == (
        "intake.annual-rating-recorded.v1", "2025-01-04", "2025-03-01T08:00:00.000000Z", "hr")  # fmt: skip
    assert (row.number, row.subject, row.message_id) == (2, "intake.hr.registry.annual-rating-recorded", message["id"])


def test_a_chinese_and_an_english_sheet_with_the_same_facts_are_the_same_messages(tmp_path: Path) -> None:
    """Column order, case, spaces and brackets in headings don't matter."""
    chinese = ("人员编号*,聘任编号,类别,单位,职务,是否专职,进入方式,聘任日期（必填）\n"
               "w-1,e-1,党组织书记,一村,书记,是,公开选聘,2021/3/1\n")  # fmt: skip
    english = ("Effective On,full_time,entry channel,POST,unit,category,engagement,person source key\n"
               "2021-03-01,true,recruited,书记,一村,secretary,e-1,w-1\n")  # fmt: skip
    [one], [other] = rows_of(tmp_path, chinese, "聘任"), rows_of(tmp_path, english, "engagement-started")
    assert message_of(one) == message_of(other)


@pytest.mark.parametrize(
    ("fact", "field", "words"),
    [
        ("考核", "rating", "优秀 excellent 良好 good 称职 competent 基本称职 basic 不称职 incompetent"),
        ("聘任", "category", "党组织书记 secretary 专职副书记 deputy_secretary 专职党务工作者 recruited"),
        ("聘任", "category", "党建工作指导员 instructor 兼职党务干部 part_time"),
        ("证书", "grade", "初级 junior 中级 intermediate 高级 senior 特级 special"),
        ("年检", "outcome", "通过 passed 未通过 failed 未参加 missed"),
        ("离任", "leaving_reason", "辞职 resigned 退休 retired 调动 transferred 辞退 dismissed"),
        ("离任", "leaving_reason", "任期届满 term_ended 其他 other"),
        ("聘任", "entry_channel", "内部选任 internal 公开选聘 recruited 组织选派 dispatched"),
    ],
)  # fmt: skip
def test_each_word_of_the_scheme_is_understood(tmp_path: Path, fact: str, field: str, words: str) -> None:
    """Left the word of the sheet, right the word of the contract; the contract's own words are read too."""
    rest = {
        "source_key": "w-1", "year": "2024", "rating": "优秀", "category": "书记", "engagement": "e-1", "unit": "u",
        "post": "p", "number": "c-1", "grade": "初级", "issuer": "320102", "outcome": "通过", "leaving_reason": "其他",
        "effectiveon": "2024-01-02",
    }  # fmt: skip
    takes = next(each.columns for each in FACTS if fact in (each.zh, *each.also))
    columns = sorted({name for name in takes if name in rest} | {field})
    pairs = list(zip(*[iter(words.split())] * 2, strict=True))
    words_in_order = [word for pair in pairs for word in pair]
    lines = [
        ",".join({**rest, field: word, "source_key": f"w-{number}"}[name] for name in columns)
        for number, word in enumerate(words_in_order)
    ]
    rows = rows_of(tmp_path, "\n".join([",".join(columns), *lines]), fact)
    name = "reason" if field == "leaving_reason" else field
    assert [message_of(row)["data"][name] for row in rows] == [pair[1] for pair in pairs for _ in pair]


@pytest.mark.parametrize("written", ["2021-03-01", "2021/3/1", "2021.03.1", "20210301", "2021年3月1日", "２０２１年３月１日"])
def test_a_date_is_read_however_it_is_usually_written(tmp_path: Path, written: str) -> None:
    """All of these are 1 March 2021."""
    [row] = rows_of(tmp_path, RATINGS + f"w-1,2020,good,{written}\n", "rating")
    assert message_of(row)["effectiveon"] == "2021-03-01"


@pytest.mark.parametrize("written", ["2021-02-29", "2021-13-01", "3/1/2021", "44256", "86400", "0", "明天", "2021-3/1"])
def test_what_is_no_date_is_refused_and_never_taken_for_another_day(tmp_path: Path, written: str) -> None:
    """A number is neither a spreadsheet's day nor a clock's second here."""
    assert codes_of(rows_of(tmp_path, RATINGS + f"w-1,2020,good,{written}\n", "rating")) == [(2, "生效日期", "impossible-date")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2021-03-01 08:30", "2021-03-01T00:30:00.000000Z"),
        ("2021/3/1", "2021-02-28T16:00:00.000000Z"),
        ("2021-03-01T08:30:00Z", "2021-03-01T08:30:00.000000Z"),
        ("2021-03-01T08:30:00.25+09:00", "2021-02-28T23:30:00.250000Z"),
    ],
)
def test_a_recording_time_without_a_zone_is_china_s(tmp_path: Path, written: str, expected: str) -> None:
    """Asia/Shanghai, UTC+8; what is published is UTC."""
    [row] = rows_of(tmp_path, f"人员编号,年度,等次,日期,记录时间\nw-1,2020,good,2021-03-01,{written}\n", "rating")
    assert message_of(row)["time"] == expected


@pytest.mark.parametrize(
    ("encoding", "said"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gb18030", "gb18030"), ("utf-16", "utf-16")]
)
def test_the_encoding_is_found_and_said(tmp_path: Path, encoding: str, said: str) -> None:
    """Spreadsheets in China save CSV as GB18030, new ones as UTF-8 with BOM."""
    file = tmp_path / "f.csv"
    file.write_bytes((RATINGS + "w-1,2024,优秀,2025-01-04\n").encode(encoding))
    opened = open_intake(file, reading("rating"))
    assert opened.encoding == said
    assert [message_of(row)["data"]["rating"] for row in opened] == ["excellent"]


def test_a_column_can_name_the_fact_of_each_row(tmp_path: Path) -> None:
    """Cells that a fact does not take stay empty."""
    lines = "年度考核,w-1,2024,优秀,,2025-01-04\n年检,w-1,2024,,通过,2024-10-08\n"
    rows = rows_of(tmp_path, "事实,人员编号,年度,考核等次,年检结论,日期\n" + lines)
    assert [message_of(row)["type"] for row in rows] == ["intake.annual-rating-recorded.v1", "intake.inspection-concluded.v1"]


def test_corrections_and_withdrawals_name_the_message_that_they_are_about(tmp_path: Path) -> None:
    """The replacement is whole particulars of the same kind."""
    header = "事实,更正的消息编号,撤回的消息编号,更正类别,年度,考核等次,原因,日期\n"
    rows = rows_of(tmp_path, header + "更正,m-1,,年度考核,2024,良好,误报,2025-01-04\n撤回,,m-2,,,,误报,2025-01-04\n")
    assert [message_of(row)["data"] for row in rows] == [
        {"corrects": {"id": "m-1"}, "reason": "误报", "replacement": {"kind": "rating", "year": 2024, "rating": "good"}},
        {"withdraws": {"id": "m-2"}, "reason": "误报"},
    ]


def test_empty_lines_count_but_say_nothing(tmp_path: Path) -> None:
    """Row numbers are those of the spreadsheet, a cell with a line break being one row, which it makes wrong."""
    lines = 'w-1,e-1,书记,"一村\n二组",p,2021-03-01\n,,,,,\nw-2,e-2,书记,u,p,2021-03-01\n'
    text = "人员编号,聘任编号,类别,单位,职务,日期\n\n" + lines
    rows = rows_of(tmp_path, text, "聘任")
    assert [(row.number, [each.code for each in row.problems]) for row in rows] == [(3, ["control-character"]), (5, [])]


_WORD = st.text("一二三村支部abcXYZ ,;\"'\n=-+@　", min_size=1, max_size=30).map(str.strip).filter(bool)


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(_WORD, _WORD, st.booleans(), st.dates(date(1990, 1, 1), date(2026, 1, 1))), max_size=6))
def test_what_is_written_as_csv_is_what_is_published(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    """Commas, quotation marks and formula signs in a cell arrive as they were; a line break in a name is told."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["source_key", "engagement", "category", "unit", "post", "full_time", "effectiveon"])
    writer.writerows(["w-1", f"e-{n}", "书记", u, p, "是" if f else "否", d] for n, (u, p, f, d) in enumerate(rows))
    found = rows_of(tmp_path_factory.mktemp("csv"), out.getvalue(), "聘任")
    broken = ["\n" in u or "\n" in p for u, p, _, _ in rows]
    assert [{each.code for each in row.problems} == {"control-character"} for row in found] == broken
    told = [(m["data"], m["effectiveon"]) for m in (message_of(row) for row in found if not row.problems)]
    assert [(data["unit"], data["post"], data["full_time"], on) for data, on in told] == [
        (u, p, f, d.isoformat()) for (u, p, f, d), told_off in zip(rows, broken, strict=True) if not told_off]  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- identity


REGISTRATIONS = "人员编号,姓名,身份证号,联系电话,银行账号,管理单位区划,登记日期\n"


def test_identity_leaves_the_file_sealed_and_only_sealed(tmp_path: Path) -> None:
    """The registry reads it; nobody else finds a trace in the message."""
    line = f"w-1,钱安宁,{VALID_ID},00012345678,6200000000000000,320102,2021-03-01\n"
    [row] = rows_of(tmp_path, REGISTRATIONS + line, "注册登记")
    message = message_of(row)
    assert unsealed(message["data"]["person"].pop("identity")) == {
        "name": "钱安宁", "resident_id": VALID_ID, "phone": "00012345678", "bank_account": "6200000000000000"}  # fmt: skip
    assert message["data"] == {"person": {"source_key": "w-1"}, "division": "320102"}
    for secret in ("钱安宁", VALID_ID, "00012345678", "6200000000000000"):
        assert secret not in json.dumps(message, ensure_ascii=False)


def test_a_fact_that_only_names_its_person_carries_no_more_of_them(tmp_path: Path) -> None:
    """Name and phone beside a resident ID stay at home; beside a key, all of them do."""
    header = "人员编号,姓名,身份证号,联系电话,年度,考核等次,生效日期\n"
    lines = f",钱安宁,{VALID_ID},00012345678,2024,good,2025-01-04\nw-1,钱安宁,,,2024,good,2025-01-04\n"
    rows = rows_of(tmp_path, header + lines, "考核")
    by_id, by_key = (message_of(row)["data"]["person"] for row in rows)
    assert unsealed(by_id.pop("identity")) == {"resident_id": VALID_ID}
    assert (by_id, by_key) == ({}, {"source_key": "w-1"})


def test_a_person_named_twice_is_ambiguous(tmp_path: Path) -> None:
    """Key and resident ID could mean two people; the problem names the sheet's own headings."""
    header = "人员编号,身份证号,年度,考核等次,生效日期\n"
    assert codes_of(rows_of(tmp_path, header + f"w-1,{VALID_ID},2024,good,2025-01-04\n", "rating")) == [
        (2, "人员编号 / 身份证号", "person-ambiguous")]  # fmt: skip


def test_a_wrong_resident_id_is_told_without_repeating_it(tmp_path: Path) -> None:
    """The check character is wrong: the problem has row and column, and at most its last four characters."""
    wrong = VALID_ID[:-1] + "2"
    rows = rows_of(tmp_path, REGISTRATIONS + f"w-1,钱安宁,{wrong},,,320102,2021-03-01\n", "注册登记")
    assert codes_of(rows) == [(2, "身份证号", "bad-resident-id")]
    assert wrong[:14] not in str(rows)
    assert "钱安宁" not in str(rows)


def test_a_resident_id_in_a_column_that_is_not_sealed_is_refused(tmp_path: Path) -> None:
    """The commonest leak: the ID as the person's key."""
    rows = rows_of(tmp_path, RATINGS + f"{VALID_ID},2024,good,2025-01-04\n", "rating")
    assert codes_of(rows) == [(2, "人员编号", "plain-identity")]
    assert VALID_ID not in str(rows)


def test_a_file_without_headings_repeats_nothing_of_its_first_row(tmp_path: Path) -> None:
    """What stands where headings belong is a person."""
    rows = rows_of(tmp_path, f"w-1,钱安宁,{VALID_ID},320102,2021-03-01\n", "注册登记")
    assert codes_of(rows) == [(1, "", "no-heading")]
    assert "钱安宁" not in str(rows)


_BAD_CELLS = st.sampled_from([VALID_ID[:-1] + "2", "钱安宁", VALID_ID, "6200000000000000", "张", "", "x" * 200, "1" * 40])


@settings(max_examples=60)
@given(cells=st.lists(_BAD_CELLS, min_size=4, max_size=4), lang=st.sampled_from(("en", "zh")))
def test_no_problem_repeats_an_identity(tmp_path_factory: pytest.TempPathFactory, cells: list[str], lang: Lang) -> None:
    """Whatever stands in whichever identity column, the problems hold none of it."""
    line = ",".join(["w-1", *cells, "320102", "2021-03-01"])
    rows = rows_of(tmp_path_factory.mktemp("csv"), REGISTRATIONS + line + "\n", "注册登记", lang=lang)
    told = "".join(each.model_dump_json() for row in rows for each in row.problems)
    assert not [cell for cell in cells if len(cell) > 2 and cell in told]


# -------------------------------------------------------------------------------------------------------------- message ids


def test_reading_a_file_again_gives_the_same_ids_at_another_time(tmp_path: Path) -> None:
    """So publishing twice is harmless, though sealing differs each time."""
    text = REGISTRATIONS + f"w-1,钱安宁,{VALID_ID},,,320102,2021-03-01\n"
    [one], [two] = (
        rows_of(tmp_path, text, "登记"),
        rows_of(tmp_path, text, "登记", recorded_at=datetime(2026, 1, 1, tzinfo=UTC)),
    )
    assert one.message_id == two.message_id
    assert one.message_id.startswith("worker-registered-")
    assert len(one.message_id) == len("worker-registered-") + 32
    assert one.message != two.message


def test_other_content_another_source_or_another_key_gives_another_id(tmp_path: Path) -> None:
    """Without the deployment's key nobody can try out resident IDs against an id."""
    header, row = "身份证号,年度,考核等次,生效日期\n", f"{VALID_ID},2024,good,2025-01-04\n"
    ids = [
        rows_of(tmp_path, header + row, "rating")[0].message_id,
        rows_of(tmp_path, header + row.replace("good", "basic"), "rating")[0].message_id,
        rows_of(tmp_path, header + row.replace("2025", "2026"), "rating")[0].message_id,
        rows_of(tmp_path, header + row, "rating", source="appraisal")[0].message_id,
        rows_of(tmp_path, header + row, "rating", id_key=b"other" * 8)[0].message_id,
        rows_of(tmp_path, header + row.replace(VALID_ID, "320199196001010019"), "rating")[0].message_id,
    ]
    assert len(set(ids)) == len(ids)


def test_an_id_of_the_file_s_own_is_kept(tmp_path: Path) -> None:
    """A source that has ids can correct by them later."""
    [row] = rows_of(tmp_path, RATINGS.replace("\n", ",消息编号\n") + "w-1,2024,good,2025-01-04,my-7\n", "rating")
    assert (row.message_id, message_of(row)["id"]) == ("my-7", "my-7")


def test_a_key_that_can_be_guessed_is_refused() -> None:
    """At least 16 bytes, and a recording time has its zone."""
    with pytest.raises(ValueError, match="id_key"):
        reading(id_key=b"short")
    with pytest.raises(ValueError, match="zone"):
        reading(recorded_at=datetime(2025, 1, 1))  # noqa: DTZ001 - the mistake that is refused


# ---------------------------------------------------------------------------------------------------------------- problems


def test_a_problem_names_row_column_fault_and_remedy_in_the_clerk_s_words(tmp_path: Path) -> None:
    """The column is the heading as it was written."""
    for lang, where in (("en", "row 2, column “考核年度” (B2): "), ("zh", "第 2 行“考核年度”列（B2）：")):
        text = "人员编号,考核年度,考核等次,生效日期\nw-1,去年,good,2025-01-04\n"
        [row] = rows_of(tmp_path, text, "rating", lang=lang)
        assert row.message is None
        assert [each.problem.startswith(where) for each in row.problems] == [True]
        assert row.problems[0].remedy


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("w-1,20240,good,2025-01-04", ("年度", "wrong-type")),
        ("w-1,1949,good,2025-01-04", ("年度", "out-of-range")),
        ("w-1,2024,极好,2025-01-04", ("考核等次", "bad-pattern")),
        ("w-1,2024,,2025-01-04", ("考核等次", "missing")),
        ("w-1,2024,good,", ("生效日期", "missing")),
        (",2024,good,2025-01-04", ("人员编号", "person-ambiguous")),
        ("张 三,2024,good,2025-01-04", ("人员编号", "bad-pattern")),
        ("w-1,2024,good,2025-01-04,more", ("", "extra-cells")),
        ("w-1,2024,#N/A,2025-01-04", ("考核等次", "cell-error")),
        ("w-1\x01,2024,good,2025-01-04", ("人员编号", "control-character")),
        ("w-1,2024," + "x" * (CELL_CHARACTERS_MAX + 1) + ",2025-01-04", ("考核等次", "cell-too-long")),
    ],
)
def test_each_fault_of_a_row_is_told_once(tmp_path: Path, line: str, expected: tuple[str, str]) -> None:
    """One fault, one problem, and the rows after it are read."""
    rows = rows_of(tmp_path, RATINGS + line + "\nw-2,2024,good,2025-01-04\n", "rating")
    assert codes_of(rows) == [(2, *expected)]
    assert rows[1].message is not None


@pytest.mark.parametrize(
    ("heading", "fact", "expected"),
    [
        ("人员编号,年度,等次,日期,血型", "rating", ("血型", "unknown-column")),
        ("人员编号,工号,年度,等次,日期", "rating", ("工号", "duplicate-column")),
        ("人员编号,年度,等次,日期", None, ("", "no-fact-type")),
        ("a,b", "rating", ("", "no-heading")),
        ("", "rating", ("", "no-heading")),
        ("年度" + ",备注" * COLUMNS_MAX, "rating", ("", "too-many-columns")),
    ],
)
def test_a_fault_of_the_headings_stops_the_sheet(
    tmp_path: Path, heading: str, fact: str | None, expected: tuple[str, str]
) -> None:
    """A column that nobody reads would be a fact lost."""
    assert codes_of(rows_of(tmp_path, heading + "\nw-1,2024,good,2025-01-04\n", fact)) == [(1, *expected)]


def test_remarks_and_running_numbers_are_passed_over(tmp_path: Path) -> None:
    """Offices have them in every sheet."""
    [row] = rows_of(tmp_path, "序号,人员编号,年度,等次,日期,备注\n1,w-1,2024,good,2025-01-04,复核过\n", "rating")
    assert message_of(row)["data"] == {"person": {"source_key": "w-1"}, "year": 2024, "rating": "good"}


def test_a_quotation_mark_that_is_not_closed_stops_the_file(tmp_path: Path) -> None:
    """It would swallow all rows behind it."""
    lines = 'w-1,2024,good,2025-01-04\nw-2,"2024,good,2025-01-04\n' + "w-3,2024,good,2025-01-04\n" * 9
    rows = rows_of(tmp_path, RATINGS + lines, "rating")
    assert codes_of(rows) == [(3, "", "not-csv")]
    assert rows[0].message is not None


def test_a_file_with_too_many_rows_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is 1,000,000; here it is set to 2."""
    monkeypatch.setattr(intake_files, "ROWS_MAX", 2)
    rows = rows_of(tmp_path, RATINGS + "".join(f"w-{n},2024,good,2025-01-04\n" for n in range(5)), "rating")
    assert codes_of(rows) == [(4, "", "too-many-rows")]


def test_files_that_cannot_be_read_are_refused_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its code."""
    cases = {"a.pdf": b"x", "b.csv": b"\xff\xff\x00\x80", "c.xlsx": b"no zip", "d.csv": b""}
    found = {}
    for name, content in cases.items():
        with pytest.raises(IntakeFileError) as caught:
            rows_of(tmp_path, content, "no such fact" if name == "d.csv" else "rating", name)
        found[name] = caught.value.problem.code
    assert found == {"a.pdf": "unknown-format", "b.csv": "not-text", "c.xlsx": "not-xlsx", "d.csv": "unknown-type"}
    monkeypatch.setattr(intake_files, "FILE_BYTES_MAX", 3)
    with pytest.raises(IntakeFileError, match="too large"):
        rows_of(tmp_path, "1234", "rating")


# ---------------------------------------------------------------------------------------------------------------------- XLSX


HEAD = ["人员编号", "年度", "考核等次", "生效日期"]


def test_a_workbook_s_cells_are_read_as_what_they_are(tmp_path: Path) -> None:
    """Date cells, whole numbers as numbers or with a fraction of zero, and numbers as keys."""
    a_cell_has_no_zone = datetime(2025, 1, 4)  # noqa: DTZ001
    cells = [[1001, 2024.0, "优秀", a_cell_has_no_zone], ["w-1", "2024", "good", date(2025, 1, 4)]]
    file = workbook(tmp_path, {"年度考核": [HEAD, *cells]})
    found = [message_of(row) for row in open_intake(file, reading())]
    assert [(m["data"]["person"], m["data"]["year"], m["effectiveon"]) for m in found] == [
        ({"source_key": "1001"}, 2024, "2025-01-04"), ({"source_key": "w-1"}, 2024, "2025-01-04")]  # fmt: skip


def test_the_sheet_names_the_fact_and_the_row_names_the_sheet(tmp_path: Path) -> None:
    """Instructions and empty sheets are passed over; a sheet of unknown facts is told."""
    file = workbook(tmp_path, {
        "填表说明": [["请逐行填写"]],
        "年度考核": [HEAD, ["w-1", 2024, "优秀", "2025-01-04"]],
        "年检": [["人员编号", "年度", "年检结论", "日期"], ["w-1", 2024, "合格", "2024-10-08"]],
        "Sheet3": [],
        "别的": [HEAD],
    })  # fmt: skip
    rows = list(open_intake(file, reading()))
    assert [(row.sheet, row.number, bool(row.problems)) for row in rows] == [
        ("年度考核", 2, False), ("年检", 2, False), ("别的", 1, True)]  # fmt: skip
    assert message_of(rows[1])["data"]["outcome"] == "passed"
    assert [row.sheet for row in open_intake(file, reading(sheet="年检"))] == ["年检"]
    with pytest.raises(IntakeFileError, match="no such sheet"):
        list(open_intake(file, reading(sheet="没有")))


def test_an_id_that_a_spreadsheet_has_rounded_is_refused(tmp_path: Path) -> None:
    """A number of 18 digits keeps 15 of them: the ID is another one then."""
    head = ["人员编号", "姓名", "身份证号", "管理单位区划", "登记日期"]
    file = workbook(tmp_path, {"注册登记": [head, ["w-1", "钱安宁", float(VALID_ID), 320102, "2021-03-01"]]})
    rows = list(open_intake(file, reading()))
    assert codes_of(rows) == [(2, "身份证号", "digits-lost")]


def test_a_workbook_that_unpacks_for_ever_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged by the sizes that the archive states, before anything is unpacked."""
    file = workbook(tmp_path, {"年度考核": [HEAD]})
    monkeypatch.setattr(workbook_parts, "UNPACKED_BYTES_MAX", 100)
    with pytest.raises(IntakeFileError, match="too large"):
        open_intake(file, reading())


# ---------------------------------------------------------------------------------------------------------------- JSON Lines


DATA: dict[str, Any] = {"person": {"source_key": "w-1"}, "year": 2024, "rating": "good"}
SHORT: dict[str, Any] = {"type": "rating", "effectiveon": "2025-01-04", "data": DATA}


def _lines(tmp_path: Path, *values: Any) -> list[Row]:
    return rows_of(tmp_path, "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), name="f.jsonl")


def test_a_short_object_becomes_a_whole_message_with_the_id_of_its_row_in_csv(tmp_path: Path) -> None:
    """The id comes from the content, not from the format."""
    [row] = _lines(tmp_path, SHORT)
    [same] = rows_of(tmp_path, RATINGS + "w-1,2024,良好,2025-01-04\n", "rating")
    assert message_of(row) == message_of(same)


def test_a_whole_envelope_is_published_byte_for_byte(tmp_path: Path) -> None:
    """Its author has given it its id and time."""
    [row] = rows_of(tmp_path, RATINGS + "w-1,2024,良好,2025-01-04\n", "rating")
    assert row.message is not None
    [again] = rows_of(tmp_path, b"  " + row.message + b"\r\n", name="f.jsonl")
    assert (again.message, again.message_id, again.subject) == (row.message, row.message_id, row.subject)


@pytest.mark.parametrize(
    "person",
    [{"name": "钱安宁", "resident_id": VALID_ID}, {"identity": {"name": "钱安宁", "resident_id": VALID_ID}}],
)
def test_plain_identity_in_a_short_object_is_sealed(tmp_path: Path, person: dict[str, Any]) -> None:
    """Beside the key, or as an object where the sealed text belongs."""
    [row] = _lines(tmp_path, {"type": "登记", "effectiveon": "2021-03-01",
                              "data": {"person": {**person, "source_key": "w-1"}, "division": "320102"}})  # fmt: skip
    message = message_of(row)
    assert unsealed(message["data"]["person"]["identity"]) == {"name": "钱安宁", "resident_id": VALID_ID}
    assert VALID_ID not in json.dumps(message)


def test_a_sealed_identity_stays_as_it_is(tmp_path: Path) -> None:
    """A source that seals by itself is left alone."""
    sealed = seal({"resident_id": VALID_ID}, KEY)
    [row] = _lines(tmp_path, {**SHORT, "data": {**DATA, "person": {"identity": sealed}}})
    assert message_of(row)["data"]["person"] == {"identity": sealed}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"{", ("", "not-json")),
        (b"[]", ("", "wrong-type")),
        (json.dumps(SHORT).encode().replace(b'"year": 2024', b'"year": 2023, "year": 2024'), ("", "duplicate-key")),
        (json.dumps({**SHORT, "source": "training"}).encode(), ("source", "wrong-source")),
        (json.dumps({**SHORT, "type": "raise"}).encode(), ("type", "unknown-type")),
        (json.dumps({**SHORT, "data": 1}).encode(), ("data", "wrong-type")),
        (json.dumps({**SHORT, "effectiveon": "2025-02-30"}).encode(), ("effectiveon", "impossible-date")),
        (json.dumps({**SHORT, "effectiveon": 0}).encode(), ("effectiveon", "wrong-type")),
        (json.dumps({**SHORT, "time": "9999-12-31T23:59:59-12:00"}).encode(), ("time", "impossible-time")),
        (json.dumps({**SHORT, "extra": 1}).encode(), ("extra", "unknown-field")),
        (json.dumps({**SHORT, "service": "allowance"}).encode(), ("service", "not-allowed-value")),
        (json.dumps({**SHORT, "data": {**DATA, "year": "x"}}).encode(), ("data.year", "wrong-type")),
        (json.dumps({**SHORT, "data": {"a": [[[[[[[[[[[[1]]]]]]]]]]]]}}).encode(), ("", "too-deep")),
        (b'{"a": "' + b"x" * INTAKE_BYTES_MAX + b'"}', ("", "too-large")),
        (json.dumps({**SHORT, "id": VALID_ID}).encode(), ("", "plain-identity")),
    ],
)
def test_each_fault_of_a_line_is_told_and_the_next_line_is_read(tmp_path: Path, line: bytes, expected: tuple[str, str]) -> None:
    """Lines are judged each by itself, and too long ones are not held in memory."""
    rows = rows_of(tmp_path, line + b"\n" + json.dumps({**SHORT, "id": "m-2"}).encode(), name="f.jsonl")
    assert codes_of(rows) == [(1, *expected)]
    assert (rows[1].number, rows[1].problems) == (2, ())


# ----------------------------------------------------------------------------------------------------------- what is written


_TEMPLATES = list(product([each.short for each in FACTS], ("en", "zh"), ("csv", "xlsx")))


@pytest.mark.parametrize(("fact", "lang", "ending"), _TEMPLATES)
def test_each_template_is_read_back_without_a_problem(tmp_path: Path, fact: str, lang: Lang, ending: str) -> None:
    """An empty template has headings only, all of them known, and its sheet or the option names the fact."""
    file = tmp_path / f"t.{ending}"
    write_template(file, fact, lang)
    assert list(open_intake(file, reading(fact if ending == "csv" else None))) == []


def test_a_template_is_refused_for_what_files_do_not_hold(tmp_path: Path) -> None:
    """Policies and operators' acts have their own commands; and XLS is no format of ours."""
    for fact, name in (("policy-published", "t.csv"), ("rating", "t.xls")):
        with pytest.raises(ValueError, match="template"):
            write_template(tmp_path / name, fact, "en")


def test_no_two_columns_share_a_heading() -> None:
    """Else one of them would silently take the other's cells."""
    headings = [(bare(h), c.field) for c in COLUMNS for h in (c.field, c.en, c.zh, *c.also)]
    assert len(dict(set(headings))) == len({heading for heading, _ in headings}) == len(set(headings))


@given(text=st.text(max_size=20))
def test_nothing_that_is_written_is_taken_for_a_formula(text: str) -> None:
    """CSV injection: a cell that begins with = + - @ runs in a spreadsheet."""
    assert safe_cell(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert safe_cell(text).removeprefix("'") == legible(text).removeprefix("'")


def test_the_problems_can_be_given_back_as_a_sheet(tmp_path: Path) -> None:
    """One line a problem, with row and column; a heading that looks like a formula is defused."""
    rows = rows_of(tmp_path, RATINGS.replace("\n", ",=cmd\n") + "w-1,2024,good,2025-01-04\n", "rating")
    out = tmp_path / "problems.csv"
    assert write_problems(out, rows) == 1
    with out.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    assert [line[:4] for line in lines] == [["sheet", "row", "column", "code"], ["", "1", "'=cmd", "unknown-column"]]


def test_a_template_is_announced_as_json_and_a_wrong_ending_is_named(tmp_path: Path) -> None:
    """The command's answer lists the headings that it wrote."""
    runner = CliRunner()
    answer = runner.invoke(app, ["intake", "template", "rating", str(tmp_path / "t.csv"), "--json", "--lang", "zh"])
    assert "年度" in json.loads(answer.stdout)["headings"]
    refused = runner.invoke(app, ["intake", "template", "rating", str(tmp_path / "t.doc")])
    assert (2, True) == (refused.exit_code, ".csv or .xlsx" in refused.output)
