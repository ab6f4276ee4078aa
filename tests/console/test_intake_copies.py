"""A clerk gets the file back with what is wrong beside each row, and nothing of it changed."""

from __future__ import annotations

import csv
import io
import json
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from console import intake, publishing
from console.cells import FORMULA, kept_cell, unguarded
from console.client import Sendable, Summary
from console.intake_cells import CELL_CHARACTERS_MAX
from console.intake_columns import PROBLEMS_HEADING
from console.intake_copies import PROBLEMS_CHARACTERS_MAX, CopyImpossible, write_copy
from console.intake_faults import COLUMNS_MAX, FILE_BYTES_MAX, ROWS_MAX
from console.intake_files import open_intake
from console.intake_rows import Row
from console.intake_workbooks import open_workbook
from console.main import app
from contracts.problems import problem
from contracts.receipts import Receipt
from tests.console.intake_support import PUBLIC, VALID_ID, codes_of, reading, workbook

HEADING = "人员编号,年度,考核等次,生效日期\n"
GOOD, WRONG = "w-1,2024,优秀,2025-01-04\n", "w-2,2024,极好,2025-01-04\n"


def copied(file: Path, fact: str | None = "年度考核", **other: Any) -> tuple[int, Path]:
    """Check a file and write its copy: in how many rows something is told, and where the copy is."""
    opened = open_intake(file, reading(fact, **{"lang": "zh", **other}))
    copy = file.with_name(f"copy{file.suffix}")
    return write_copy(opened, copy, opened), copy


def csv_file(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    file = tmp_path / "f.csv"
    file.write_bytes(text.encode(encoding))
    return file


def cells_of(file: Path, encoding: str = "utf-8") -> list[list[str]]:
    with file.open(encoding=encoding, newline="") as text:
        return list(csv.reader(text))


# ----------------------------------------------------------------------------------------------------------------------- CSV


def test_a_wrong_row_says_in_its_first_column_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    """Field, problem and remedy, without the row's number, which changes when rows are moved; other rows say nothing."""
    count, copy = copied(csv_file(tmp_path, HEADING + GOOD + WRONG + "w-3,,优秀,2025-01-04,多\n"))
    heading, good, wrong, worse = cells_of(copy)
    assert (count, heading[0], good[0]) == (2, PROBLEMS_HEADING, "")
    assert wrong[0].startswith("考核等次: 文本格式不符; 请填写")
    assert "年度: 缺少该字段; 请补上" in worse[0]
    assert " | " in worse[0]
    assert "行" not in wrong[0]


_CELL = st.text("一村 ,;\"'\n\t=-+@0x", max_size=8)


@settings(max_examples=80)
@given(lines=st.lists(st.lists(_CELL, max_size=6), max_size=6), newline=st.sampled_from(("\n", "\r\n")))
def test_every_cell_of_the_original_stands_in_the_copy_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]], newline: str
) -> None:
    """Quotation marks, line breaks, leading zeros and signs, short, long and empty rows: only the first column is new.

    What a spreadsheet would take for a formula has a ``'`` before it in the copy, and is read without it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=newline)
    writer.writerows([HEADING.strip().split(","), WRONG.strip().split(","), *lines])
    file = csv_file(tmp_path_factory.mktemp("copy"), text.getvalue())
    _, copy = copied(file)
    original, new = cells_of(file), cells_of(copy)
    assert [[unguarded(cell) for cell in line[1:]] for line in new] == original
    assert not [cell for line in new for cell in line if cell.lstrip(" \n\u00a0\u3000")[:1] in FORMULA and cell.strip()]
    assert (newline == "\r\n") == (b"\r\n" in copy.read_bytes())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_copy_has_the_encoding_and_the_delimiter_of_the_file(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """So that the program which wrote the file opens it; and it is read like the file."""
    text = (HEADING + GOOD + WRONG).replace(",", delimiter)
    _, copy = copied(csv_file(tmp_path, text, encoding))
    again = open_intake(copy, reading("年度考核"))
    assert again.encoding == encoding
    assert codes_of(list(again)) == [(3, "考核等次", "bad-pattern")]


def test_the_file_is_left_as_it_was_and_the_copy_is_for_its_author_alone(tmp_path: Path) -> None:
    """It holds names and resident IDs, as the file does: permissions 0600."""
    text = f"姓名,身份证号,管理单位区划,登记日期\n钱安宁,{VALID_ID},32,2021-03-01\n"
    file = csv_file(tmp_path, text)
    _, copy = copied(file, "注册登记")
    assert file.read_text(encoding="utf-8") == text
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    [_, line] = cells_of(copy)
    assert line[1:3] == ["钱安宁", VALID_ID]
    assert VALID_ID not in line[0]


def test_a_mended_copy_is_a_file_of_facts_again(tmp_path: Path) -> None:
    """The added column is passed over; the ids are those of the original's rows, so nothing is published twice."""
    file = csv_file(tmp_path, HEADING + GOOD + WRONG)
    _, copy = copied(file)
    mended = csv_file(tmp_path, copy.read_text(encoding="utf-8").replace("极好", "良好"))
    rows = list(open_intake(mended, reading("年度考核")))
    assert [row.problems for row in rows] == [(), ()]
    assert rows[0].message_id == next(iter(open_intake(csv_file(tmp_path, HEADING + GOOD), reading("年度考核")))).message_id


def test_a_copy_of_a_copy_has_one_column_of_problems(tmp_path: Path) -> None:
    """What was told before is replaced by what is wrong now."""
    _, copy = copied(csv_file(tmp_path, HEADING + WRONG + WRONG))
    half = csv_file(tmp_path, copy.read_text(encoding="utf-8").replace("极好", "良好", 1))
    copy.unlink()
    count, again = copied(half)
    assert count == 1
    assert [line[1:] for line in cells_of(again)] == cells_of(
        csv_file(tmp_path, HEADING + WRONG.replace("极好", "良好") + WRONG)
    )


def test_what_is_wrong_with_the_headings_is_told_in_the_heading(tmp_path: Path) -> None:
    """And the copy can still be read, also where the text has more commas than the file has tabs."""
    _, copy = copied(csv_file(tmp_path, (HEADING.strip() + ",血型,星座,属相\n" + GOOD).replace(",", "\t")), lang="en")
    heading = next(iter(cells_of(copy)))
    assert heading[0].startswith(f"{PROBLEMS_HEADING}: 血型")
    assert {code for _, _, code in codes_of(list(open_intake(copy, reading("年度考核"))))} == {"unknown-column"}


def test_more_problems_than_a_cell_holds_end_in_an_ellipsis(tmp_path: Path) -> None:
    """The limit is named; the rest shows when the first are mended."""
    file = csv_file(tmp_path, HEADING + GOOD)
    [row] = open_intake(file, reading("年度考核"))
    many = Row(2, None, "", row.message_id, (problem("bad-value", "x" * 500),) * 20)
    assert write_copy(open_intake(file, reading("年度考核")), tmp_path / "copy.csv", [many]) == 1
    text = cells_of(tmp_path / "copy.csv")[1][0]
    assert (len(text), text[-1]) == (PROBLEMS_CHARACTERS_MAX, "…")


# ---------------------------------------------------------------------------------------------------------------------- XLSX


def test_a_workbook_keeps_its_sheets_their_order_and_the_kinds_of_its_cells(tmp_path: Path) -> None:
    """Numbers, dates with their formats, texts that look like formulas, sheets that are not read and hidden ones."""
    book = openpyxl.Workbook()
    first = book.worksheets[0]
    first.title = "填表说明"
    first.append(["请逐行填写", 1])
    sheet = book.create_sheet("年度考核")
    sheet.append(["人员编号", "年度", "考核等次", "生效日期", "备注"])
    sheet.append(["0012", 2024, "极好", date(2025, 1, 4), "=1+1"])
    sheet["E2"].data_type = "s"
    sheet["D2"].number_format = "yyyy/m/d"
    other = book.create_sheet("年检")
    other.append(["人员编号", "年度", "年检结论", "日期"])
    other.append(["w-1", 2024, "合格", "2024-10-08"])
    other.sheet_state = "hidden"
    book.save(tmp_path / "f.xlsx")
    count, copy = copied(tmp_path / "f.xlsx", None, hidden="take")
    made = openpyxl.load_workbook(copy)
    assert (count, made.sheetnames, made["年检"].sheet_state) == (1, ["填表说明", "年度考核", "年检"], "hidden")
    assert [[cell.value for cell in line] for line in made["填表说明"].iter_rows()] == [["请逐行填写", 1]]
    told, *cells = made["年度考核"][2]
    assert str(told.value).startswith("考核等次: ")
    assert [cell.value for cell in cells] == ["0012", 2024, "极好", datetime(2025, 1, 4), "=1+1"]  # noqa: DTZ001
    assert (cells[4].data_type, cells[3].number_format) == ("s", "yyyy/m/d")
    assert [line[0].value for line in made["年检"].iter_rows()] == [PROBLEMS_HEADING, None]


def test_a_copy_of_a_workbook_is_written_whatever_its_cells_hold(tmp_path: Path) -> None:
    """Also what XML has no character for, which comes back as it was, and what looks like its escape or like a formula."""
    texts = ["工\x01会", "_x0041_", "=1+1", "\ufffe", "'=1", "a\r\nb"]
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("年度考核")
    sheet.append([*HEADING.strip().split(","), "单位"])
    for text in texts:
        sheet.append([*WRONG.strip().split(","), kept_cell(sheet, text)])
    file = tmp_path / "f.xlsx"
    book.save(file)
    count, copy = copied(file)
    assert count == len(texts)
    with open_workbook(copy, "zh") as again:
        assert [row.cells[-1] for row in again.rows(again.sheets[0])][1:] == texts
    kinds = {cell.data_type for row in openpyxl.load_workbook(copy).worksheets[0].iter_rows() for cell in row}
    assert not kinds & {"f", "e"}


def test_a_workbook_s_copy_can_be_mended_and_read(tmp_path: Path) -> None:
    """Its rows keep their numbers, blank ones included, and a second copy has one column of problems."""
    head = HEADING.strip().split(",")
    lines: list[list[Any]] = [head, [], ["w-1", 2024, "优秀", "2025-01-04"], [None], ["w-2", 2024, "极好", "2025-01-04"]]
    _, copy = copied(workbook(tmp_path, {"年度考核": lines}), None)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert codes_of(list(open_intake(copy, reading()))) == [(5, "考核等次", "bad-pattern")]
    second = copy.rename(tmp_path / "g.xlsx")
    _, again = copied(second, None)
    made = openpyxl.load_workbook(again).worksheets[0]
    assert [cell.value for cell in made[1]] == [PROBLEMS_HEADING, *head]


def test_only_the_chosen_sheet_is_told_about(tmp_path: Path) -> None:
    """The others are copied as they are."""
    lines = [HEADING.strip().split(","), WRONG.strip().split(",")]
    file = workbook(tmp_path, {"年度考核": lines, "考核": lines})
    count, copy = copied(file, None, sheet="考核")
    made = openpyxl.load_workbook(copy)
    assert count == 1
    assert made["年度考核"]["A1"].value == "人员编号"
    assert made["考核"]["A1"].value == PROBLEMS_HEADING


# ------------------------------------------------------------------------------------------------------------- no copy, memory


def test_a_file_without_problems_leaves_no_copy(tmp_path: Path) -> None:
    """There is nothing to give back."""
    count, copy = copied(csv_file(tmp_path, HEADING + GOOD))
    assert (count, copy.exists()) == (0, False)


@pytest.mark.parametrize("name", ["f.csv", "there.csv", "copy.xlsx", "linked.csv"])
def test_nothing_is_ever_overwritten(tmp_path: Path, name: str) -> None:
    """Not the file itself, not another, not through a link; and a copy has the ending of its format."""
    file = csv_file(tmp_path, HEADING + WRONG)
    (tmp_path / "there.csv").write_text("half mended", encoding="utf-8")
    (tmp_path / "linked.csv").symlink_to(file)
    opened = open_intake(file, reading("年度考核"))
    with pytest.raises(CopyImpossible, match=r"exists|must end"):
        write_copy(opened, tmp_path / name, opened)
    assert file.read_text(encoding="utf-8") == HEADING + WRONG
    assert (tmp_path / "there.csv").read_text(encoding="utf-8") == "half mended"


def test_json_lines_have_no_column_to_add(tmp_path: Path) -> None:
    """The list of problems serves instead."""
    file = tmp_path / "f.jsonl"
    file.write_text("{}\n", encoding="utf-8")
    opened = open_intake(file, reading())
    with pytest.raises(CopyImpossible, match="--annotate"):
        write_copy(opened, tmp_path / "copy.jsonl", opened)


def test_a_file_that_breaks_off_leaves_no_half_copy(tmp_path: Path) -> None:
    """Half of a register would be taken for the whole."""
    file = csv_file(tmp_path, HEADING + WRONG + 'w-3,"2024,优秀\n' + GOOD)
    with pytest.raises(CopyImpossible, match="breaks off"):
        copied(file)
    assert not (tmp_path / "copy.csv").exists()


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_copy_grows_row_by_row_beside_the_check(tmp_path: Path, ending: str) -> None:
    """No row is taken from the check before the copy has come to it: a file of any length is never held."""
    count = 300
    lines = [HEADING.strip().split(","), *[[f"w-{n}", "2024", "极好", "2025-01-04"] for n in range(count)]]
    if ending == "csv":
        file = csv_file(tmp_path, "\n".join(",".join(line) for line in lines) + "\n")
    else:
        file = workbook(tmp_path, {"年度考核": lines})
    opened = open_intake(file, reading("年度考核"))
    alive: list[int] = []

    class Counted:
        """A problem-free row that knows how many of its kind live."""

        sheet, message, subject, message_id, problems = ("" if ending == "csv" else "年度考核"), None, "", "", ()

        def __init__(self, number: int) -> None:
            self.number = number
            alive.append(number)
            assert len(alive) <= 3, "rows are being collected"

        def __del__(self) -> None:
            alive.remove(self.number)

    def rows() -> Iterator[Any]:
        for number in range(2, count + 2):
            yield Counted(number)

    assert write_copy(opened, tmp_path / f"copy.{ending}", rows()) == 0


# --------------------------------------------------------------------------------------------------------------- the commands


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `hongling intake …` without a deployment, as an integrator does."""
    (tmp_path / "public.jwk").write_text(PUBLIC, encoding="utf-8")
    monkeypatch.setenv("HONGLING_PUBLIC_KEY", str(tmp_path / "public.jwk"))
    monkeypatch.setenv("HONGLING_MESSAGE_ID_KEY", "00" * 32)
    monkeypatch.setenv("HONGLING_NATS_URL", "nats://127.0.0.1:9")
    monkeypatch.setenv("HONGLING_HR_NATS_SEED_FILE", str(tmp_path / "public.jwk"))  # read by nobody: the client is not real
    monkeypatch.delenv("HONGLING_DATA", raising=False)
    monkeypatch.setattr(publishing, "IntakeClient", FakeClient)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["intake", words[0], "--type", "年度考核", "--lang", "zh", *words[1:]])

    return run


def test_check_writes_the_copy_and_says_so(typed: Any, tmp_path: Path) -> None:
    """Exit code 2, the name of the copy, and that it holds personal data; asked again, it does not overwrite it."""
    file, copy = csv_file(tmp_path, HEADING + GOOD + WRONG), tmp_path / "copy.csv"
    result = typed("check", str(file), "--errors", str(copy))
    assert (result.exit_code, len(cells_of(copy))) == (2, 3)
    assert "copy.csv（与原文件一样含个人信息）" in result.output
    again = typed("check", str(file), "--errors", str(copy))
    assert again.exit_code == 2
    assert "已经存在" in again.output


def test_check_counts_the_rows_behind_a_copy_that_could_not_be_written(typed: Any, tmp_path: Path) -> None:
    """The answer is about the whole file, whatever becomes of the copy."""
    file = csv_file(tmp_path, HEADING + WRONG + GOOD * 3)
    result = typed("check", str(file), "--errors", str(tmp_path / "no-such-folder" / "copy.csv"), "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["rows"] == 4
    assert "copy.csv" in result.stderr


def test_publish_writes_the_copy_when_it_publishes_nothing(typed: Any, tmp_path: Path) -> None:
    """A wrong row keeps the file back; the clerk gets it with the reason."""
    file, copy = csv_file(tmp_path, HEADING + GOOD + WRONG), tmp_path / "copy.csv"
    result = typed("publish", str(file), "--errors", str(copy), "--json")
    assert (result.exit_code, json.loads(result.stdout)["errors"]) == (2, "copy.csv")
    assert [bool(line[0]) for line in cells_of(copy)] == [True, False, True]


class FakeClient:
    """Takes what is published; answers that 2023 cannot be, as the registry would."""

    def __init__(self, *_: object, **_more: object) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def seal_key(self) -> None:
        """The registry tells no other key than the file's."""

    async def publish_and_wait(self, messages: Iterable[Sendable], _: float) -> Summary:
        summary = Summary()
        for each in messages:
            summary.published += 1
            assert each.message is not None
            data = json.loads(each.message)["data"]
            refused, strange = data["year"] == 2023, data["rating"] == "zzz"
            summary.receipts[each.message_id] = Receipt(
                source="hr",
                id=each.message_id,
                service="registry",
                outcome="refused" if refused else "accepted",
                at=datetime(2025, 3, 1, tzinfo=UTC),
                problems=(problem("out-of-range", "data.year", expected="at least 2024"),) if refused else (),
                warnings=(problem("doubtful-word", "data.rating"),) if strange else (),
            )
        return summary


def test_publish_tells_in_the_copy_what_the_registry_refused_and_what_was_wrong(
    typed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each at its row, found by its message id; what was accepted says nothing."""
    monkeypatch.setattr(intake, "IntakeClient", FakeClient)
    text = HEADING + GOOD + "w-3,2023,优秀,2025-01-04\n" + WRONG
    file, copy = csv_file(tmp_path, text), tmp_path / "copy.csv"
    result = typed("publish", str(file), "--partial", "--errors", str(copy), "--json")
    assert result.exit_code == 2, result.output
    assert json.loads(result.stdout)["outcomes"] == {"accepted": 1, "refused": 1}
    told = [line[0] for line in cells_of(copy)]
    assert told[1] == ""
    assert told[2].startswith("年度: 被拒绝: 数值超出范围; 请填写不小于 2024 的数")
    assert told[3].startswith("考核等次: ")


def test_publish_names_the_row_and_the_cell_of_what_was_refused(
    typed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the asked language, by the file's own headings; in JSON too."""
    monkeypatch.setattr(intake, "IntakeClient", FakeClient)
    file = csv_file(tmp_path, "某县登记表\n" + HEADING + GOOD + "w-3,2023,优秀,2025-01-04\n")
    result = typed("publish", str(file))
    assert result.exit_code == 2
    assert "第 4 行“年度”列（B4）：被拒绝: 数值超出范围; 请填写不小于 2024 的数 [out-of-range]" in result.output
    told = json.loads(typed("publish", str(file), "--json").stdout)["told"]
    assert [(row["row"], [(each["field"], each["cell"]) for each in row["problems"]]) for row in told] == [
        (4, [("年度", "B4")])
    ]


@pytest.mark.parametrize(
    ("lang", "counted", "said"),
    [
        ("zh", "提示 doubtful-word：2 行", "第 3 行“考核等次”列（C3）：已受理，但请核实: "),
        ("en", "warning doubtful-word: 2 rows", "row 3, column “考核等次” (C3): accepted, but check it: "),
    ],
)
def test_publish_counts_the_warnings_of_receipts_by_code_and_names_row_and_cell(
    typed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str, counted: str, said: str
) -> None:
    """What was taken and may be a slip is told like what is wrong; the command ends well all the same."""
    monkeypatch.setattr(intake, "IntakeClient", FakeClient)
    file = csv_file(tmp_path, HEADING + GOOD + "w-3,2024,zzz,2025-01-04\nw-4,2024,zzz,2025-01-04\n")
    result = typed("publish", str(file), "--lang", lang)
    assert result.exit_code == 0, result.output
    assert counted in result.output
    assert all(part in result.output for part in (said, "(C4)" if lang == "en" else "（C4）", "[doubtful-word]"))
    answer = json.loads(typed("publish", str(file), "--lang", lang, "--json").stdout)
    assert (2, {"doubtful-word": 2}) == (answer["warned"], answer["warnings"])
    assert [3, 4] == [row["row"] for row in answer["told"]]


def test_what_is_hidden_ends_the_command_until_it_is_said_what_to_do(typed: Any, tmp_path: Path) -> None:
    """Exit code 2, and what is hidden; --hidden decides."""
    file = workbook(tmp_path, {"年度考核": [line.strip().split(",") for line in (HEADING, GOOD, WRONG)]})
    book = openpyxl.load_workbook(file)
    book.worksheets[0].row_dimensions[3].hidden = True
    book.save(file)
    result = typed("check", str(file))
    assert result.exit_code == 2
    assert "“年度考核”第 3 行" in result.output
    assert typed("check", str(file), "--hidden", "skip").exit_code == 0
    taken = typed("check", str(file), "--hidden", "take", "--json")
    assert (taken.exit_code, json.loads(taken.stdout)["rows"]) == (2, 2)


def test_publish_leaves_no_copy_when_all_was_accepted(typed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to mend."""
    monkeypatch.setattr(intake, "IntakeClient", FakeClient)
    file, copy = csv_file(tmp_path, HEADING + GOOD), tmp_path / "copy.csv"
    result = typed("publish", str(file), "--errors", str(copy), "--json")
    assert (result.exit_code, json.loads(result.stdout)["errors"], copy.exists()) == (0, None, False)


def test_the_help_names_the_limits_and_that_the_copy_holds_personal_data() -> None:
    """The numbers are the code's."""
    said = " ".join(CliRunner().invoke(app, ["intake", "check", "--help"], env={"COLUMNS": "400"}).output.split())
    limits = (
        f"{ROWS_MAX:,} rows",
        f"{FILE_BYTES_MAX // 1024**3} GiB",
        f"{COLUMNS_MAX} columns",
        f"{CELL_CHARACTERS_MAX:,} characters",
    )
    for limit in limits:
        assert limit in said
    assert "personal data" in said
    assert "0600" in said
