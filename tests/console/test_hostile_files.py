"""Files that were made to hurt: each is answered with a problem, in bounded memory and time; nothing is fetched."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from console import csv_sheets, workbook, workbook_parts
from console.intake_files import IntakeFileError, open_intake
from contracts.intake import INTAKE_BYTES_MAX
from tests.console.intake_support import codes_of, reading, rows_of
from tests.console.workbook_support import raw_workbook, sheet_xml

MEMORY_BYTES_MAX = 1024 * 1024 * 1024
"""Address space of the process that reads; most of it is libraries."""
CPU_SECONDS_MAX = 30

READ = """
import json, resource, sys
from pathlib import Path
from tests.console.intake_support import codes_of, reading
from console.intake_files import IntakeFileError, open_intake
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[3]),) * 2)
try:
    codes = sorted({code for _, _, code in codes_of(list(open_intake(Path(sys.argv[1]), reading("rating"))))})
except IntakeFileError as error:
    codes = [error.problem.code]
print(json.dumps([codes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""


def row_far_away(file: Path) -> Path:
    return raw_workbook(file, sheet_xml('<row r="1000000000"><c r="A1000000000"><v>1</v></c></row>'))


def last_row(file: Path) -> Path:
    return raw_workbook(file, sheet_xml('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'))


def empty_cells(file: Path) -> Path:
    return raw_workbook(file, sheet_xml("".join(f'<row r="{number}">{"<c/>" * 16_000}</row>' for number in range(1, 40))))


def shared_texts(file: Path) -> Path:
    return raw_workbook(file, sheet_xml(""), texts=b"<sst>" + b"<si><t>x</t></si>" * 5_000_000 + b"</sst>")


def one_long_text(file: Path) -> Path:
    return raw_workbook(file, sheet_xml(""), texts=b"<sst><si><t>" + b"x" * 40_000_000 + b"</t></si></sst>")


def one_long_tag(file: Path) -> Path:
    return raw_workbook(file, b'<worksheet x="' + b"x" * 12_000_000 + b'"><sheetData/></worksheet>')


def deep(file: Path) -> Path:
    return raw_workbook(file, b"<worksheet>" + b"<a>" * 4_000_000)


def styles(file: Path) -> Path:
    return raw_workbook(file, sheet_xml(""), styles="<cellXfs>" + "<xf/>" * 2_000_000 + "</cellXfs>")


def entities(file: Path) -> Path:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return raw_workbook(file, f'<!DOCTYPE a [<!ENTITY e0 "x">{lines}]>{sheet_xml("&e11;")}')


def external_entity(file: Path) -> Path:
    return raw_workbook(file, f'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]>{sheet_xml("&e;")}')


def many_entries(file: Path) -> Path:
    return raw_workbook(file, sheet_xml(""), others={f"x{n}": b"" for n in range(workbook_parts.ENTRIES_MAX)})


def two_of_a_name(file: Path) -> Path:
    return raw_workbook(file, sheet_xml(""), others={"XL/workbook.xml": b""})


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (row_far_away, "broken-xlsx"),
        (last_row, "no-heading"),
        (empty_cells, "no-heading"),
        (shared_texts, "file-too-large"),
        (one_long_text, "file-too-large"),
        (one_long_tag, "broken-xlsx"),
        (deep, "broken-xlsx"),
        (styles, "not-xlsx"),
        (entities, "broken-xlsx"),
        (external_entity, "broken-xlsx"),
        (many_entries, "not-xlsx"),
        (two_of_a_name, "not-xlsx"),
    ],
)
def test_a_hostile_workbook_is_answered_in_bounded_memory_and_time(
    tmp_path: Path, make: Callable[[Path], Path], code: str
) -> None:
    """The limits are the operating system's, on a process of its own."""
    file = make(tmp_path / "f.xlsx")
    words = [sys.executable, "-c", READ, str(file), str(MEMORY_BYTES_MAX), str(CPU_SECONDS_MAX)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr[-500:]
    assert json.loads(done.stdout)[0] == [code]


def test_a_small_archive_does_not_unpack_to_much_more(tmp_path: Path) -> None:
    """Judged by the sizes that the archive states, and no part is read beyond its own."""
    bomb = raw_workbook(tmp_path / "b.xlsx", b"<worksheet>" + b" " * (workbook_parts.INFLATION_FREE_BYTES + 1))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(IntakeFileError) as caught:
        open_intake(bomb, reading())
    assert caught.value.problem.code == "file-too-large"


def test_other_ways_to_pack_are_no_workbook(tmp_path: Path) -> None:
    """LZMA asks for the memory that the archive says."""
    file = raw_workbook(tmp_path / "f.xlsx", sheet_xml(""))
    packed = tmp_path / "l.xlsx"
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(IntakeFileError, match="not a workbook"):
        open_intake(packed, reading())


@pytest.mark.parametrize("bound", ["CELLS_MAX", "SHARED_TEXTS_MAX", "SHARED_TEXT_BYTES_MAX"])
def test_each_bound_of_a_workbook_is_kept(tmp_path: Path, bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here they are 1."""
    cells = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    file = raw_workbook(tmp_path / "f.xlsx", sheet_xml(cells), texts="<sst><si><t>ab</t></si><si><t>c</t></si></sst>")
    monkeypatch.setattr(workbook, bound, 1)
    try:
        assert [code for _, _, code in codes_of(list(open_intake(file, reading())))] == ["broken-xlsx"]
    except IntakeFileError as error:
        assert error.problem.code == "file-too-large"  # noqa: PT017 - one bound of the three is met while the file is opened


HEAD = "人员编号,年度,考核等次,生效日期\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD.encode() + b"w-1\x00,2024,good,2025-01-04\n", [(2, "人员编号", "control-character")]),
        (HEAD.encode() + b'"' + b"x" * 200_000 + b'",2024,good,2025-01-04\n', [(2, "", "not-csv")]),
        (HEAD.encode() + b"," * (csv_sheets.RECORD_CHARACTERS_MAX + 1), [(2, "", "not-csv")]),
        (HEAD.encode() + b'"\n",' * csv_sheets.RECORD_CHARACTERS_MAX, [(2, "", "not-csv")]),
        (HEAD.encode() + b"w-1;2024;good;2025-01-04\n", [
            (2, "人员编号", "bad-pattern"), (2, "年度", "missing"), (2, "考核等次", "missing"), (2, "生效日期", "missing")]),
        (HEAD.encode() + b"1.10101E+17,2024,good,2025-01-04\n", [(2, "人员编号", "digits-lost")]),
        (HEAD.encode() + "合计,,,\n".encode(), [
            (2, "人员编号", "bad-pattern"), (2, "年度", "missing"), (2, "考核等次", "missing"), (2, "生效日期", "missing")]),
    ],
    ids=["nul", "giant-cell", "giant-line", "record-over-all-lines", "other-separator", "digits", "total"],
)  # fmt: skip
def test_hostile_csv_is_told(tmp_path: Path, text: bytes, expected: list[tuple[int, str, str]]) -> None:
    """A giant record is not held in memory, however many lines it has."""
    assert sorted(codes_of(rows_of(tmp_path, text, "rating"))) == sorted(expected)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_no_text(tmp_path: Path, encoding: str) -> None:
    """It is not guessed."""
    with pytest.raises(IntakeFileError, match="neither in UTF-8"):
        rows_of(tmp_path, (HEAD + "w-1,2024,good,2025-01-04\n").encode(encoding), "rating")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"a": ' * 5_000, "not-json"),
        (b'{"a": ' * 500 + b"1" + b"}" * 500, "too-deep"),
        (b'"' + b"x" * 3 * INTAKE_BYTES_MAX + b'"', "too-large"),
        (b'{"a": 1, "a": 2}', "duplicate-key"),
        (b'{"a": ' + b"9" * 5_000 + b', "a": 1}', "not-json"),
        (b"\xff\xfe{}", "not-json"),
        (b'{"a": NaN}', "not-json"),
    ],
    ids=["unclosed", "deep", "long", "twice", "digits", "bytes", "nan"],
)
def test_a_hostile_line_is_told_and_the_next_one_is_read(tmp_path: Path, line: bytes, code: str) -> None:
    """Whatever it is, it costs one line."""
    good = {"type": "rating", "effectiveon": "2025-01-04",
            "data": {"person": {"source_key": "w-1"}, "year": 2024, "rating": "good"}}  # fmt: skip
    rows = rows_of(tmp_path, line + b"\n" + json.dumps(good).encode(), name="f.jsonl")
    assert [(number, told) for number, _, told in codes_of(rows)] == [(1, code)]
    assert rows[-1].message is not None
