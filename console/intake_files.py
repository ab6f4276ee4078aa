"""Read intake facts from the files that offices have: CSV, XLSX and JSON Lines, and turn each row into a message.

``open_intake`` looks at a file and returns an ``IntakeFile``; iterating it yields one ``Row`` for each line, with the
CloudEvents JSON that is ready to publish or with problems that name row, column, fault and remedy. Nothing is published
here, no clock is read, and memory does not grow with the file (an XLSX file's table of shared texts apart).

One sheet holds one fact type, named by the option, by the sheet's name, or row by row in a column ``fact`` (事实).
Headings and values may be English or Chinese. Identity columns are sealed and never repeated in a problem.
"""

from __future__ import annotations

import codecs
import csv
import hmac
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO

import openpyxl
import orjson
from joserfc.jwk import OKPKey
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from pydantic import TypeAdapter, ValidationError

from console.sealing import seal
from contracts.base import utc_text
from contracts.intake import (
    FACT_TYPES,
    INTAKE_BYTES_MAX,
    INTAKE_DEPTH_MAX,
    Identity,
    fact_subject,
    parse,
)
from contracts.problems import Lang, problem, problems_of
from contracts.receipts import Problem
from contracts.resident_id import looks_like_resident_id

__all__ = [
    "CELL_CHARACTERS_MAX",
    "COLUMNS",
    "COLUMNS_MAX",
    "FACTS",
    "FILE_BYTES_MAX",
    "ROWS_MAX",
    "IntakeFile",
    "IntakeFileError",
    "Reading",
    "Row",
    "fact_type_of",
    "open_intake",
    "safe_cell",
    "write_problems",
    "write_template",
]

ROWS_MAX = 1_000_000
"""Rows of one file (of all its sheets together), the heading not counted."""
COLUMNS_MAX = 64
"""Columns of one sheet."""
CELL_CHARACTERS_MAX = 2_000
"""Characters of one cell. The longest text of the contracts has 200; the rest is room for a clear problem."""
FILE_BYTES_MAX = 1024 * 1024 * 1024
"""Bytes of one file."""
UNPACKED_BYTES_MAX = 2 * 1024 * 1024 * 1024
"""Bytes of an XLSX file's parts when unpacked: a small archive must not unpack for ever."""
SHARED_TEXT_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of an XLSX file's table of shared texts, the one part that is held in memory."""
LINE_CHARACTERS_MAX = 2 * COLUMNS_MAX * CELL_CHARACTERS_MAX
"""Characters of one physical line of a CSV file."""
ID_KEY_BYTES_MIN = 16
"""Bytes of the key under which message ids are made."""
PROBLEM_HEADING_CHARACTERS_MAX = 40

SHANGHAI = timezone(timedelta(hours=8))  # No daylight saving since 1991, before any time that a source may give.

Cell = str | int | float | bool | date | datetime | time | None
Kind = Literal["csv", "xlsx", "jsonl"]


class IntakeFileError(ValueError):
    """The file as a whole cannot be read. ``problem`` says what is wrong and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.problem}; {problem.remedy}")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a message that is ready to publish, or the problems that keep it from being one.

    number: as a spreadsheet counts, the heading being row 1; in JSON Lines, the line. message: CloudEvents JSON, None if
    there are problems. message_id: "" if the row could not be read that far.
    """

    number: int
    message: bytes | None
    subject: str
    message_id: str
    problems: tuple[Problem, ...]
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file does not say itself.

    source: the publishing system, its NATS user. public_key: the registry's, to seal identity with. id_key: at least 16
    random bytes of this deployment: message ids are keyed hashes (HMAC-SHA-256, RFC 2104) of the rows, because a plain
    hash of a resident ID can be guessed. recorded_at: the ``time`` of rows that give none; it is no part of the id, so a
    file that is published again repeats its ids. fact: the fact type, short, whole or Chinese. sheet: only this sheet.
    """

    source: str
    public_key: OKPKey
    id_key: bytes = field(repr=False)
    recorded_at: datetime
    fact: str | None = None
    sheet: str | None = None
    lang: Lang = "en"

    def __post_init__(self) -> None:
        if len(self.id_key) < ID_KEY_BYTES_MIN:
            raise ValueError(f"id_key has at least {ID_KEY_BYTES_MIN} bytes")
        if self.recorded_at.tzinfo is None:
            raise ValueError("recorded_at has a time zone")


# ---------------------------------------------------------------- columns: what a heading means and how its cells are read


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its field, the headings of templates, other headings that are read too, and how a cell becomes a value.

    ``read`` returns a JSON value, or raises ``_Unreadable``; a text that it does not know it returns as it is, and the
    contracts say what is wrong with it.
    """

    field: str
    en: str
    zh: str
    also: tuple[str, ...]
    read: Callable[[Cell], Any]


class _Unreadable(ValueError):
    """A cell's fault: a code of ``contracts.problems`` or of ``_FAULTS``."""


_FAULTS: dict[str, dict[Lang, tuple[str, str]]] = {
    "digits-lost": {
        "en": ("the cell is a number of over 15 digits, which spreadsheets round", "format the column as text, type it again"),
        "zh": ("单元格是超过 15 位的数字，表格软件会舍入", "请把该列设为文本格式后重新录入"),
    },
    "cell-error": {
        "en": ("the cell holds a spreadsheet error", "mend the formula, or type the value"),
        "zh": ("单元格是公式错误值", "请修正公式或直接填写数值"),
    },
    "cell-too-long": {
        "en": (f"the cell has more than {CELL_CHARACTERS_MAX} characters", "shorten it"),
        "zh": (f"单元格超过 {CELL_CHARACTERS_MAX} 个字符", "请缩短"),
    },
    "control-character": {
        "en": ("the cell holds an invisible control character", "type the cell again"),
        "zh": ("单元格含有不可见控制字符", "请重新录入该单元格"),
    },
    "plain-identity": {
        "en": ("a resident ID stands in a column that is not sealed", "put it in the column `resident id`, and a key here"),
        "zh": ("身份证号出现在不加密的列中", "请填入“身份证号”列，此处填写编号"),
    },
    "extra-cells": {
        "en": ("the row has more cells than there are headings", "remove them, or add headings"),
        "zh": ("该行单元格多于表头列数", "请删除多余单元格或补充表头"),
    },
    "unknown-column": {
        "en": ("this heading is not known", "correct it, or remove the column; `template` writes a file with all headings"),
        "zh": ("无法识别该表头", "请更正或删除该列；可用模板文件"),
    },
    "duplicate-column": {
        "en": ("two columns mean the same", "keep one of them"),
        "zh": ("两列含义相同", "请只保留一列"),
    },
    "no-heading": {
        "en": ("there is no heading row", "put the headings in row 1"),
        "zh": ("没有表头行", "第 1 行应为表头"),
    },
    "no-fact-type": {
        "en": ("it is not said which fact the rows report", "use --type, name the sheet after it, or add a column `fact`"),
        "zh": ("未说明各行报告的是哪类事实", "请使用 --type，或以事实命名工作表，或增加“事实”列"),
    },
    "too-many-rows": {
        "en": (f"the file has more than {ROWS_MAX} rows", "split it"),
        "zh": (f"文件超过 {ROWS_MAX} 行", "请拆分文件"),
    },
    "too-many-columns": {
        "en": (f"the sheet has more than {COLUMNS_MAX} columns", "remove the columns that are no part of the facts"),
        "zh": (f"工作表超过 {COLUMNS_MAX} 列", "请删除无关的列"),
    },
    "file-too-large": {
        "en": ("the file is too large", "split it"),
        "zh": ("文件太大", "请拆分文件"),
    },
    "not-text": {
        "en": ("the file is text neither in UTF-8 nor in GB18030", "save it as CSV in UTF-8"),
        "zh": ("文件既不是 UTF-8 也不是 GB18030 文本", "请另存为 UTF-8 编码的 CSV"),
    },
    "not-csv": {
        "en": ("a quotation mark is not closed, or a line is too long", "save the file as CSV again; the rest was not read"),
        "zh": ("引号未闭合或行太长", "请重新另存为 CSV；其余行未读取"),
    },
    "not-xlsx": {
        "en": ("this is not a workbook in XLSX format", "save it as .xlsx (not .xls), without a password"),
        "zh": ("不是 XLSX 工作簿", "请另存为 .xlsx（非 .xls），不要加密"),
    },
    "broken-xlsx": {
        "en": ("the workbook is damaged here", "open it and save it again; the rest of the sheet was not read"),
        "zh": ("工作簿在此处损坏", "请打开后重新保存；该表其余行未读取"),
    },
    "no-such-sheet": {
        "en": ("the workbook has no such sheet", "give the name of one of its sheets"),
        "zh": ("工作簿没有这个工作表", "请给出已有工作表的名称"),
    },
    "unknown-format": {
        "en": ("the file's name does not end in .csv, .xlsx or .jsonl", "give it the ending of its format"),
        "zh": ("文件名不以 .csv、.xlsx 或 .jsonl 结尾", "请使用与格式相符的扩展名"),
    },
    "wrong-source": {
        "en": ("the message names another source", "leave `source` out, or publish as that source"),
        "zh": ("消息写的是别的来源", "请去掉 source，或以该来源发布"),
    },
    "too-large": {
        "en": (f"the message has more than {INTAKE_BYTES_MAX} bytes", "shorten it"),
        "zh": (f"消息超过 {INTAKE_BYTES_MAX} 字节", "请缩短"),
    },
}  # fmt: skip


def _fault(code: str, where: str, lang: Lang) -> Problem:
    if code not in _FAULTS:
        return problem(code, where, lang)
    what, remedy = _FAULTS[code][lang]
    return Problem(field=where, code=code, problem=what, remedy=remedy)


_CELL_ERRORS = frozenset({"#N/A", "#REF!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#VALUE!"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ISO_DAY = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_CHINESE_DAY = re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日?")
_PLAIN_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEAR = re.compile(r"([0-9]{4})(?:\.0)?(?:年度?)?")
_CLOCK = re.compile(r"(.+?)[T ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?)? *(Z|[+-][0-9]{2}:?[0-9]{2})?")
_DIGITS_EXACT_BELOW = 10**15  # Spreadsheets keep 15 significant digits of a number.


def _text(cell: Cell) -> str:
    """A cell as text, as it was written; numbers without the ``.0`` that spreadsheets add."""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        if abs(cell) >= _DIGITS_EXACT_BELOW or cell != cell:
            raise _Unreadable("digits-lost")
        return str(int(cell)) if cell == int(cell) else repr(cell)
    text = cell.isoformat() if isinstance(cell, (date, time)) else str(cell).strip().strip("\ufeff").strip()
    if len(text) > CELL_CHARACTERS_MAX:
        raise _Unreadable("cell-too-long")
    if text in _CELL_ERRORS:
        raise _Unreadable("cell-error")
    if _CONTROL.search(text):
        raise _Unreadable("control-character")
    return text


def _free(cell: Cell) -> str:
    text = _text(cell)
    if looks_like_resident_id(unicodedata.normalize("NFKC", text)):
        raise _Unreadable("plain-identity")
    return text


def _code(cell: Cell) -> str:
    """A code or key: full-width letters and digits become the common ones."""
    return unicodedata.normalize("NFKC", _free(cell))


def _secret(cell: Cell) -> str:
    return unicodedata.normalize("NFKC", _text(cell)).replace(" ", "").upper()


def _year(cell: Cell) -> Any:
    text = _code(cell)
    found = _YEAR.fullmatch(text)
    return int(found[1]) if found else text


def _day_text(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    if found := _ISO_DAY.fullmatch(text):
        year, month, day = found[1], found[3], found[4]
    elif found := _CHINESE_DAY.fullmatch(text) or _PLAIN_DAY.fullmatch(text):
        year, month, day = found[1], found[2], found[3]
    else:
        raise _Unreadable("impossible-date")
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise _Unreadable("impossible-date") from None


def _day(cell: Cell) -> str:
    """A date cell, or one of 2021-03-01, 2021/3/1, 2021.3.1, 20210301, 2021年3月1日, as YYYY-MM-DD."""
    if isinstance(cell, datetime):
        if cell.time() != time():
            raise _Unreadable("impossible-date")
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return _day_text(_text(cell))


def _moment(cell: Cell) -> str:
    """A clock time as UTC text; without a zone it is Asia/Shanghai, without a clock its first moment of the day."""
    if isinstance(cell, datetime):
        moment = cell
    elif isinstance(cell, date):
        moment = datetime(cell.year, cell.month, cell.day, tzinfo=SHANGHAI)
    else:
        moment = _moment_of_text(_text(cell))
    try:
        return utc_text(moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI))
    except OverflowError:
        raise _Unreadable("impossible-time") from None


def _moment_of_text(text: str) -> datetime:
    found = _CLOCK.fullmatch(text)
    try:
        day = _day_text(found[1] if found else text)
        if not found:
            return datetime.fromisoformat(day)
        clock = f"{int(found[2]):02}:{found[3]}:{found[4] or '00'}"
        fraction = (found[5] or ".0")[1:].ljust(6, "0")
        return datetime.fromisoformat(f"{day}T{clock}.{fraction}{found[6] or ''}")
    except ValueError:
        raise _Unreadable("impossible-time") from None


def _words(table: Mapping[str, Any]) -> Callable[[Cell], Any]:
    """A reader of words: the table's own values are read too; what it does not know stays as it is."""
    known = {key.casefold(): value for key, value in table.items()}
    known |= {str(value).casefold(): value for value in table.values()}

    def read(cell: Cell) -> Any:
        text = _code(cell)
        return known.get(text.casefold(), text)

    return read


_YES_NO = {"是": True, "否": False, "yes": True, "no": False, "y": True, "n": False, "1": True, "0": False}
_CATEGORIES = {
    "党组织书记": "secretary", "书记": "secretary", "专职书记": "secretary",
    "专职副书记": "deputy_secretary", "副书记": "deputy_secretary", "党组织副书记": "deputy_secretary",
    "专职党务工作者": "recruited", "党务工作者": "recruited",
    "党建工作指导员": "instructor", "党建指导员": "instructor", "指导员": "instructor",
    "兼职党务干部": "part_time", "兼职": "part_time",
}  # fmt: skip
_CHANNELS = {"内部选任": "internal", "公开选聘": "recruited", "组织选派": "dispatched"}
_GRADES = {"初级": "junior", "中级": "intermediate", "高级": "senior", "特级": "special"}
_RATINGS = {"优秀": "excellent", "良好": "good", "称职": "competent", "合格": "competent", "基本称职": "basic",
            "基本合格": "basic", "不称职": "incompetent", "不合格": "incompetent"}  # fmt: skip
_OUTCOMES = {"通过": "passed", "合格": "passed", "未通过": "failed", "不通过": "failed", "不合格": "failed",
             "未参加": "missed", "缺检": "missed", "未年检": "missed"}  # fmt: skip
_LEAVING = {"辞职": "resigned", "退休": "retired", "调动": "transferred", "调离": "transferred", "辞退": "dismissed",
            "解聘": "dismissed", "任期届满": "term_ended", "届满": "term_ended", "去世": "died", "其他": "other"}  # fmt: skip
_KINDS = {"登记": "registration", "注册登记": "registration", "聘任": "engagement-start", "离任": "engagement-end",
          "证书": "certificate", "资格证书": "certificate", "考核": "rating", "年度考核": "rating",
          "年检": "inspection"}  # fmt: skip

COLUMNS: tuple[Column, ...] = (
    Column("fact", "fact", "事实", ("fact type", "type", "事实类型", "类型"), _code),
    Column("id", "message id", "消息编号", ("id",), _code),
    Column("source_key", "person source key", "人员编号", ("source key", "person key", "工号", "人员编码"), _code),
    Column("key_source", "key source", "编号来源", ("人员编号来源",), _code),
    Column("person_ref", "person ref", "人员标识", ("人员代码",), _code),
    Column("name", "name", "姓名", ("person name",), _text),
    Column("resident_id", "resident id", "身份证号", (
        "id number", "身份证", "身份证号码", "公民身份号码", "证件号码"), _secret),
    Column("phone", "phone", "联系电话", ("mobile", "电话", "手机", "手机号", "手机号码"), _secret),
    Column("bank_account", "bank account", "银行账号", ("银行卡号", "银行账户", "工资卡号"), _secret),
    Column("effectiveon", "effective on", "生效日期", (
        "date", "effective date", "日期", "登记日期", "聘任日期", "任职日期", "任职时间", "离任日期", "离任时间",
        "发证日期", "发证时间", "考核日期", "评定日期", "年检日期", "业务日期"), _day),
    Column("time", "time", "记录时间", ("recorded at", "填报时间", "登记时间"), _moment),
    Column("division", "division", "管理单位区划", ("行政区划", "区划代码", "区划", "管理区划"), _code),
    Column("managing_unit", "managing unit", "管理单位", (), _free),
    Column("posting_unit", "posting unit", "挂靠单位", (), _free),
    Column("serving_unit", "serving unit", "服务单位", (), _free),
    Column("civil_servant", "civil servant", "是否公务员", ("公务员",), _words(_YES_NO)),
    Column("engagement", "engagement", "聘任编号", ("engagement key",), _code),
    Column("category", "category", "类别", ("人员类别", "岗位类别"), _words(_CATEGORIES)),
    Column("unit", "unit", "任职单位", ("单位", "所在单位", "工作单位"), _free),
    Column("post", "post", "职务", ("岗位", "所任职务"), _free),
    Column("full_time", "full time", "是否专职", ("专职",), _words({**_YES_NO, "专职": True, "兼职": False})),
    Column("entry_channel", "entry channel", "进入方式", ("选任方式", "进入渠道"), _words(_CHANNELS)),
    Column("leaving_reason", "leaving reason", "离任原因", ("离职原因",), _words(_LEAVING)),
    Column("number", "certificate number", "证书编号", ("number", "证书号"), _code),
    Column("grade", "grade", "资格等级", ("等级", "证书等级", "级别"), _words(_GRADES)),
    Column("issuer", "issuer", "发证单位区划", ("发证区划", "发证机关区划"), _code),
    Column("expires_on", "expires on", "有效期至", ("有效期", "到期日期"), _day),
    Column("year", "year", "年度", ("考核年度", "年检年度", "年份"), _year),
    Column("rating", "rating", "考核等次", ("等次", "年度考核等次", "考核结果"), _words(_RATINGS)),
    Column("outcome", "inspection outcome", "年检结论", ("outcome", "年检结果"), _words(_OUTCOMES)),
    Column("kind", "kind", "更正类别", ("事实类别",), _words(_KINDS)),
    Column("corrects_id", "corrects id", "更正的消息编号", ("corrects",), _code),
    Column("corrects_source", "corrects source", "更正的消息来源", (), _code),
    Column("withdraws_id", "withdraws id", "撤回的消息编号", ("withdraws",), _code),
    Column("withdraws_source", "withdraws source", "撤回的消息来源", (), _code),
    Column("reason", "reason", "原因", ("更正原因", "撤回原因", "理由"), _free),
)  # fmt: skip
"""Every column that is read. A heading is compared without case, spaces, ``_``, ``*`` and what stands in brackets."""

_BY_FIELD = {column.field: column for column in COLUMNS}
_IGNORED = ("序号", "备注", "编号顺序", "no", "remark", "remarks", "note", "notes")
_IDENTITY = ("name", "resident_id", "phone", "bank_account")
_NAMED_BY = ("source_key", "key_source", "person_ref", "resident_id")
_BRACKETS = re.compile(r"[(\[（【].*?[)\]）】]")


def _bare(heading: str) -> str:
    text = unicodedata.normalize("NFKC", heading).casefold()
    return re.sub(r"[\s_*:.\-]", "", _BRACKETS.sub("", text))


_BY_HEADING = {_bare(h): column for column in COLUMNS for h in (column.field, column.en, column.zh, *column.also)}
_IGNORED_BARE = frozenset(map(_bare, _IGNORED))


# ------------------------------------------------------------------------------- facts: which columns each fact type takes


@dataclass(frozen=True, slots=True)
class FactFile:
    """A fact type as files know it: its names, and the columns of its template in order."""

    type: str
    zh: str
    also: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def short(self) -> str:
        return self.type.split(".")[1]


_REGISTRATION = ("division", "managing_unit", "posting_unit", "serving_unit", "civil_servant")
_ENGAGEMENT = ("engagement", "category", "unit", "post", "full_time", "entry_channel")
_CERTIFICATE = ("number", "grade", "issuer", "expires_on")
_END = ("id", "effectiveon", "time")

FACTS: tuple[FactFile, ...] = (
    FactFile("intake.worker-registered.v1", "注册登记", ("registration", "登记"), (
        "source_key", *_IDENTITY, *_REGISTRATION, *_END)),
    FactFile("intake.engagement-started.v1", "聘任", ("engagement", "任职"), (*_NAMED_BY, *_ENGAGEMENT, *_END)),
    FactFile("intake.engagement-ended.v1", "离任", ("leaving", "解聘"), (*_NAMED_BY, "engagement", "leaving_reason", *_END)),
    FactFile("intake.certificate-issued.v1", "资格证书", ("certificate", "证书"), (*_NAMED_BY, *_CERTIFICATE, *_END)),
    FactFile("intake.annual-rating-recorded.v1", "年度考核", ("rating", "考核", "考核等次"), (
        *_NAMED_BY, "year", "rating", *_END)),
    FactFile("intake.inspection-concluded.v1", "年检", ("inspection", "年度检查"), (*_NAMED_BY, "year", "outcome", *_END)),
    FactFile("intake.fact-corrected.v1", "更正", ("correction",), (
        "corrects_id", "corrects_source", "kind", "reason", *_IDENTITY, *_REGISTRATION, *_ENGAGEMENT, "leaving_reason",
        *_CERTIFICATE, "year", "rating", "outcome", *_END)),
    FactFile("intake.fact-withdrawn.v1", "撤回", ("withdrawal",), ("withdraws_id", "withdraws_source", "reason", *_END)),
)  # fmt: skip
"""The facts that CSV and XLSX files can hold; JSON Lines can hold every type of ``contracts.intake.FACT_TYPES``."""

_FACT_BY_TYPE = {fact.type: fact for fact in FACTS}
_TYPE_BY_NAME = {_bare(n): f.type for f in FACTS for n in (f.type, f.short, f.zh, *f.also)}
_TYPE_BY_NAME |= {_bare(n): t for t in FACT_TYPES for n in (t, t.split(".")[1])}
_ID_ADAPTER: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])


def fact_type_of(name: str) -> str | None:
    """Return the type that a short, whole or Chinese name means (``rating``, ``annual-rating-recorded``, 年度考核)."""
    return _TYPE_BY_NAME.get(_bare(name))


# -------------------------------------------------------------------------------------------- a message from a row's values


@dataclass(slots=True)
class _Draft:
    """A fact in plain values, before its identity is sealed. identity: where the sealed one goes, and what is in it."""

    type: str
    effectiveon: Any
    data: dict[str, Any]
    identity: dict[str, str]
    time: str | None = None
    id: str | None = None
    correlationid: str | None = None
    service: str | None = None


def _finish(draft: _Draft, reading: Reading) -> tuple[bytes | None, str, str, tuple[Problem, ...]]:
    """Give the draft its id, seal its identity, check it: (message, subject, id, problems with contract fields)."""
    content = {"source": reading.source, "type": draft.type, "effectiveon": draft.effectiveon,
               "data": draft.data, "identity": _wanted(draft)}  # fmt: skip
    short = draft.type.split(".")[1]
    message_id = draft.id
    if message_id is None:
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        message_id = f"{short}-{hmac.digest(reading.id_key, canonical, 'sha256').hex()[:32]}"
    subject = fact_subject(reading.source, draft.service or FACT_TYPES[draft.type][1][0], draft.type)
    problems: list[Problem] = []
    if draft.identity:
        problems += _seal_into(draft, reading)
    envelope = {
        "specversion": "1.0",
        "id": message_id,
        "source": reading.source,
        "type": draft.type,
        "time": draft.time or utc_text(reading.recorded_at),
        "effectiveon": draft.effectiveon,
        "data": draft.data,
    }
    if draft.effectiveon is None:
        del envelope["effectiveon"]
    if draft.correlationid is not None:
        envelope["correlationid"] = draft.correlationid
    raw = orjson.dumps(envelope)
    problems += _check(raw, draft.type, reading.lang)
    return (None if problems else raw), subject, message_id, tuple(problems)


def _wanted(draft: _Draft) -> dict[str, str]:
    """The part of the identity that the type needs: a fact that only names its person carries no more of them than that."""
    if draft.type in _WHOLE_IDENTITY:
        return draft.identity
    return {name: draft.identity[name] for name in ("resident_id",) if name in draft.identity}


def _seal_into(draft: _Draft, reading: Reading) -> tuple[Problem, ...]:
    """Check the identity, then put it sealed where the type has it. Returns problems with fields such as ``name``."""
    whole = draft.type in _WHOLE_IDENTITY
    try:
        checked = Identity.model_validate(draft.identity if whole else {"name": "-", **draft.identity})
    except ValidationError as error:
        found = problems_of(error, None, reading.lang)
        _place_identity(draft, _PLACEHOLDER)
        return found
    sealed = seal(checked if whole else {"resident_id": checked.resident_id}, reading.public_key)
    _place_identity(draft, sealed)
    return ()


_WHOLE_IDENTITY = ("intake.worker-registered.v1", "intake.fact-corrected.v1")
_PLACEHOLDER = "e30..AA.AA.AA"
"""Stands for an identity that could not be sealed, so that the rest of the row is checked; never published."""


def _place_identity(draft: _Draft, sealed: str) -> None:
    if draft.type == "intake.fact-corrected.v1":
        draft.data["identity"] = sealed
    else:
        draft.data.setdefault("person", {})["identity"] = sealed


def _check(raw: bytes, type: str | None, lang: Lang) -> tuple[Problem, ...]:
    if len(raw) > INTAKE_BYTES_MAX:
        return (_fault("too-large", "", lang),)
    if looks_like_resident_id(raw.decode()):
        return (problem("plain-identity", "", lang),)
    try:
        parse(raw)
    except ValidationError as error:
        return problems_of(error, type, lang)
    except OverflowError:  # A time that exists nowhere in UTC, such as the last hours of year 9999 in the west.
        return (problem("impossible-time", "time", lang),)
    return ()


# ------------------------------------------------------------------------------------------------- a row of a table


class _Table:
    """The headings of one sheet, and what turns its rows into messages."""

    def __init__(self, headings: list[str], fact: str | None, sheet: str, reading: Reading) -> None:
        """fact: the type of all rows, None if a column says it."""
        self._reading, self._sheet, self._fact, self._lang = reading, sheet, fact, reading.lang
        self._columns: list[tuple[int, str, Column]] = []
        self._heading_of: dict[str, str] = {}
        self._width = len(headings)
        self.problems = tuple(self._read_headings(headings))

    def _read_headings(self, headings: list[str]) -> Iterator[Problem]:
        if not any(_bare(heading) in _BY_HEADING for heading in headings):
            # Nothing of the row is repeated: in a file without headings it is a person's.
            yield _fault("no-heading", "", self._lang)
            return
        if len(headings) > COLUMNS_MAX:
            yield _fault("too-many-columns", "", self._lang)
            return
        for index, heading in enumerate(headings):
            bare = _bare(heading)
            if not heading or bare in _IGNORED_BARE:
                continue
            shown = _shown_heading(heading)
            column = _BY_HEADING.get(bare)
            if column is None:
                yield self._placed(_fault("unknown-column", shown, self._lang), 1)
            elif column.field in self._heading_of:
                yield self._placed(_fault("duplicate-column", shown, self._lang), 1)
            else:
                self._columns.append((index, shown, column))
                self._heading_of[column.field] = shown
        if self._fact is None and "fact" not in self._heading_of:
            yield _fault("no-fact-type", "", self._lang)

    def row(self, number: int, cells: list[Cell]) -> Row:
        """Turn one row of cells into a message, or into problems."""
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        if any(not _blank(cell) for cell in cells[self._width :]):
            problems.append(self._placed(_fault("extra-cells", "", self._lang), number))
        for index, heading, column in self._columns:
            cell = cells[index] if index < len(cells) else None
            if _blank(cell):
                continue
            try:
                values[column.field] = column.read(cell)
            except _Unreadable as fault:
                problems.append(self._placed(_fault(str(fault), heading, self._lang), number))
                values[column.field] = None
        type = fact_type_of(str(values["fact"])) if values.get("fact") else self._fact
        if type is None or type not in _FACT_BY_TYPE:
            names = ", ".join(fact.zh if self._lang == "zh" else fact.short for fact in FACTS)
            problems.append(self._placed(problem("unknown-type", self._heading("fact"), self._lang, names), number))
            return Row(number, None, "", "", tuple(problems), self._sheet)
        return self._row_of(number, type, values, problems)

    def _row_of(self, number: int, type: str, values: dict[str, Any], problems: list[Problem]) -> Row:
        draft = _draft_of(type, values)
        message, subject, message_id, found = _finish(draft, self._reading)
        told = {each.field for each in problems}
        if any(self._heading(name) in told for name in _NAMED_BY):
            found = tuple(each for each in found if each.code != "person-ambiguous")
        for each in found:
            placed = self._placed(each.model_copy(update={"field": self._heading_of_path(each.field, type)}), number)
            if placed.field not in told or not placed.field:  # A cell that could not be read is told once.
                problems.append(placed)
        problems = list(dict.fromkeys(problems))
        return Row(number, None if problems else message, subject, message_id, tuple(problems), self._sheet)

    def _placed(self, each: Problem, number: int) -> Problem:
        """Put row and column in front of the text, in the words of the one who wrote the file."""
        if self._lang == "zh":
            where = f"第 {number} 行" + (f"“{each.field}”列" if each.field else "") + "："
        else:
            where = f"row {number}" + (f", column “{each.field}”" if each.field else "") + ": "
        return each.model_copy(update={"problem": where + each.problem})

    def _heading(self, field: str) -> str:
        """The heading as the user wrote it; if there is none, as the template writes it."""
        column = _BY_FIELD[field]
        return self._heading_of.get(field, column.zh if self._lang == "zh" else column.en)

    def _heading_of_path(self, path: str, type: str) -> str:
        """The heading behind a contract's field such as ``data.person.source_key``."""
        parts = path.split(".")
        leaf = parts[-1]
        if len(parts) > 1 and parts[-2] in ("corrects", "withdraws"):
            leaf = f"{parts[-2]}_{leaf}"
        elif leaf in ("corrects", "withdraws"):
            leaf = f"{leaf}_id"
        elif leaf == "reason" and (type == "intake.engagement-ended.v1" or "replacement" in parts):
            leaf = "leaving_reason"
        elif leaf == "identity":
            leaf = "resident_id"
        elif leaf == "replacement":
            leaf = "kind"
        elif leaf == "person":
            named = [self._heading(field) for field in _NAMED_BY if field in self._heading_of]
            return " / ".join(named) or self._heading("source_key")
        return self._heading(leaf) if leaf in _BY_FIELD else path


def _shown_heading(heading: str) -> str:
    """A heading as it may be repeated: a file without a heading row has a person's data there."""
    text = heading[:PROBLEM_HEADING_CHARACTERS_MAX]
    return "***" if re.search(r"[0-9０-９]{5}", text) else text


def _blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip().strip("\ufeff"))


def _draft_of(type: str, values: dict[str, Any]) -> _Draft:
    """Put a row's flat values where the contract has them."""
    values = dict(values)
    values.pop("fact", None)
    identity = {k: v for k in _IDENTITY if (v := values.pop(k, None)) is not None}
    draft = _Draft(type, values.pop("effectiveon", None), {}, identity, values.pop("time", None), values.pop("id", None))
    person = {k: v for k in ("source_key", "key_source", "person_ref") if (v := values.pop(k, None)) is not None}
    for what in ("corrects", "withdraws"):
        pointed = {k: v for k in ("id", "source") if (v := values.pop(f"{what}_{k}", None)) is not None}
        if pointed:
            draft.data[what] = pointed
    if type == "intake.fact-corrected.v1":
        if (reason := values.pop("reason", None)) is not None:
            draft.data["reason"] = reason
        draft.data["replacement"] = _with_leaving_reason(values)
        draft.data.update({"person": person} if person else {})
        return draft
    draft.data |= _with_leaving_reason(values)
    if type == "intake.fact-withdrawn.v1":
        draft.identity = {}  # It names a message, not a person: a name column beside it helps only the reader.
        draft.data.update({"person": person} if person else {})
        return draft
    if type != "intake.worker-registered.v1" and "resident_id" not in identity:
        draft.identity = {}  # A name or a phone alone names nobody; the key does.
    draft.data["person"] = person
    return draft


def _with_leaving_reason(values: dict[str, Any]) -> dict[str, Any]:
    return {("reason" if key == "leaving_reason" else key): value for key, value in values.items()}


# ------------------------------------------------------------------------------------------------------------- the files


@dataclass(slots=True)
class IntakeFile:
    """A file that was looked at. Iterating reads it anew from its beginning.

    kind: csv, xlsx or jsonl. encoding: of a text file, ``utf-8``, ``utf-8-sig``, ``utf-16`` or ``gb18030``; "" for XLSX.
    """

    path: Path
    kind: Kind
    encoding: str
    reading: Reading

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows. Stops after a row whose problem keeps the rest from being read (headings, broken CSV)."""
        if self.kind == "jsonl":
            rows = _jsonl_rows(self.path, self.reading)
        elif self.kind == "csv":
            rows = _csv_rows(self.path, self.encoding, self.reading)
        else:
            rows = _xlsx_rows(self.path, self.reading)
        for count, row in enumerate(rows, 1):
            if count > ROWS_MAX:
                yield Row(row.number, None, "", "", (_fault("too-many-rows", "", self.reading.lang),), row.sheet)
                return
            yield row


def open_intake(path: str | Path, reading: Reading) -> IntakeFile:
    """Look at a file: its format by the ending, its size, its encoding (read through once, in chunks).

    Raises OSError if it cannot be read, IntakeFileError if it is too large, no text, no workbook, or if ``reading.fact``
    names no fact type.
    """
    path = Path(path)
    kind = _KIND_BY_ENDING.get(path.suffix.casefold())
    if kind is None:
        raise IntakeFileError(_fault("unknown-format", "", reading.lang))
    if path.stat().st_size > FILE_BYTES_MAX:
        raise IntakeFileError(_fault("file-too-large", "", reading.lang))
    if reading.fact is not None and fact_type_of(reading.fact) is None:
        names = ", ".join(fact.zh if reading.lang == "zh" else fact.short for fact in FACTS)
        raise IntakeFileError(problem("unknown-type", "type", reading.lang, names))
    if kind == "xlsx":
        _check_workbook(path, reading.lang)
        return IntakeFile(path, kind, "", reading)
    return IntakeFile(path, kind, _encoding_of(path, kind, reading.lang), reading)


_KIND_BY_ENDING: dict[str, Kind] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip


def _encoding_of(path: Path, kind: Kind, lang: Lang) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    if kind == "jsonl":
        return "utf-8"  # Each line is judged by itself.
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif head.startswith(codecs.BOM_UTF8):
        candidates = ["utf-8-sig"]
    else:
        candidates = ["utf-8", "gb18030"]
    for encoding in candidates:
        if _decodes(path, encoding):
            return encoding
    raise IntakeFileError(_fault("not-text", "", lang))


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1024 * 1024):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


class _LineTooLong(ValueError):
    pass


class _Broken(Exception):
    """The file breaks off here: a code of ``_FAULTS``."""


def _bounded_lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(LINE_CHARACTERS_MAX + 1):
        if len(line) > LINE_CHARACTERS_MAX:
            raise _LineTooLong
        yield line


def _csv_rows(path: Path, encoding: str, reading: Reading) -> Iterator[Row]:
    with path.open(encoding=encoding, newline="") as file:
        first = file.readline(LINE_CHARACTERS_MAX)
        file.seek(0)
        delimiter = max(",\t;", key=first.count)
        rows = _csv_cells(csv.reader(_bounded_lines(file), delimiter=delimiter, strict=True))
        yield from _table_rows(rows, "", fact_type_of(reading.fact or ""), reading)


def _csv_cells(reader: Iterable[list[str]]) -> Iterator[list[Any]]:
    try:
        yield from reader
    except (csv.Error, _LineTooLong) as error:
        raise _Broken("not-csv") from error


def _table_rows(rows: Iterable[list[Any]], sheet: str, fact: str | None, reading: Reading) -> Iterator[Row]:
    """The rows of one sheet; the first is the heading."""
    iterator = iter(rows)
    table: _Table | None = None
    number = 0
    while True:
        number += 1
        try:
            cells = next(iterator)
        except StopIteration:
            break
        except _Broken as broken:
            yield Row(number, None, "", "", (_fault(str(broken), "", reading.lang),), sheet)
            return
        if table is None:
            headings = ["" if _blank(cell) else str(cell).strip() for cell in cells]
            table = _Table(_trimmed(headings), fact, sheet, reading)
            if table.problems:
                yield Row(1, None, "", "", table.problems, sheet)
                return
        elif not all(map(_blank, cells)):
            yield table.row(number, cells)
    if table is None:
        yield Row(1, None, "", "", (_fault("no-heading", "", reading.lang),), sheet)


def _trimmed(headings: list[str]) -> list[str]:
    while headings and not headings[-1]:
        headings.pop()
    return headings


def _check_workbook(path: Path, lang: Lang) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename.casefold(): info.file_size for info in archive.infolist()}
    except zipfile.BadZipFile:
        raise IntakeFileError(_fault("not-xlsx", "", lang)) from None
    if sum(sizes.values()) > UNPACKED_BYTES_MAX or sizes.get("xl/sharedstrings.xml", 0) > SHARED_TEXT_BYTES_MAX:
        raise IntakeFileError(_fault("file-too-large", "", lang))


_NO_DATA_SHEETS = frozenset(map(_bare, ("说明", "填表说明", "填写说明", "readme", "instructions", "notes")))


# SyntaxError: what the XML parser raises for a part that is no XML (ParseError).
_BROKEN_WORKBOOK = (KeyError, ValueError, TypeError, OSError, EOFError, SyntaxError, zlib.error, zipfile.BadZipFile)


def _xlsx_rows(path: Path, reading: Reading) -> Iterator[Row]:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except (InvalidFileException, *_BROKEN_WORKBOOK):
        raise IntakeFileError(_fault("not-xlsx", "", reading.lang)) from None
    try:
        names = [name for name in book.sheetnames if _bare(name) not in _NO_DATA_SHEETS]
        if reading.sheet is not None:
            if reading.sheet not in book.sheetnames:
                raise IntakeFileError(_fault("no-such-sheet", "sheet", reading.lang))
            names = [reading.sheet]
        for name in names:
            sheet = book[name]
            if not hasattr(sheet, "reset_dimensions"):  # A chart sheet has no cells.
                continue
            sheet.reset_dimensions()  # Programs write wrong dimensions; the rows tell the truth.
            fact = fact_type_of(reading.fact or "") or fact_type_of(name)
            rows = _xlsx_cells(sheet)
            first = next(rows, None)
            if first is None and len(names) > 1:  # An empty sheet, as spreadsheets add them, is passed over.
                continue
            yield from _table_rows(chain(() if first is None else (first,), rows), name, fact, reading)
    finally:
        book.close()


def _xlsx_cells(sheet: Any) -> Iterator[list[Any]]:
    try:
        for cells in sheet.iter_rows(max_col=COLUMNS_MAX + 1, values_only=True):
            yield list(cells)
    except _BROKEN_WORKBOOK as error:
        raise _Broken("broken-xlsx") from error


def _jsonl_rows(path: Path, reading: Reading) -> Iterator[Row]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(INTAKE_BYTES_MAX + 2):
            number += 1
            if len(line) > INTAKE_BYTES_MAX + 1 and not line.endswith(b"\n"):
                _skip_line(file)
                yield Row(number, None, "", "", (_on_line(_fault("too-large", "", reading.lang), number, reading.lang),))
                continue
            raw = line.removeprefix(codecs.BOM_UTF8).strip()
            if raw:
                yield _jsonl_row(number, raw, reading)


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(1024 * 1024)) and not rest.endswith(b"\n"):
        pass


def _on_line(each: Problem, number: int, lang: Lang) -> Problem:
    where = f"第 {number} 行" if lang == "zh" else f"line {number}"
    where += f" {each.field}" if each.field else ""
    return each.model_copy(update={"problem": f"{where}{'：' if lang == 'zh' else ': '}{each.problem}"})


def _jsonl_row(number: int, raw: bytes, reading: Reading) -> Row:
    message, subject, message_id, problems = _jsonl_message(raw, reading)
    problems = tuple(_on_line(each, number, reading.lang) for each in problems)
    return Row(number, None if problems else message, subject, message_id, problems)


def _jsonl_message(raw: bytes, reading: Reading) -> tuple[bytes | None, str, str, tuple[Problem, ...]]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None, "", "", (problem("not-json", "", reading.lang),)
    if not isinstance(value, dict):
        return None, "", "", (problem("wrong-type", "", reading.lang, "对象" if reading.lang == "zh" else "an object"),)
    if _deeper_than(value, INTAKE_DEPTH_MAX):
        return None, "", "", (problem("too-deep", "", reading.lang),)
    if value.get("source", reading.source) != reading.source:
        return None, "", "", (_fault("wrong-source", "source", reading.lang),)
    if "specversion" in value:
        return _whole_envelope(raw, value, reading)
    draft, problems = _short_draft(value, reading)
    if draft is None:
        return None, "", "", problems
    return _finish(draft, reading)


def _whole_envelope(raw: bytes, value: dict[str, Any], reading: Reading) -> tuple[bytes | None, str, str, tuple[Problem, ...]]:
    """A line that is a message already is published as it is, byte for byte, if the contracts agree."""
    problems = _check(raw, None, reading.lang)
    type = value.get("type")
    if problems or not isinstance(type, str) or type not in FACT_TYPES:
        return None, "", "", problems or (problem("bad-value", "type", reading.lang),)
    return raw, fact_subject(reading.source, FACT_TYPES[type][1][0], type), str(value["id"]), ()


_SHORT = frozenset({"type", "effectiveon", "data", "time", "id", "source", "correlationid", "service"})


def _short_draft(value: dict[str, Any], reading: Reading) -> tuple[_Draft | None, tuple[Problem, ...]]:
    """A short object: type, effectiveon, data and, if wanted, time, id, correlationid, service. Identity may be plain."""
    lang = reading.lang
    unknown = sorted(value.keys() - _SHORT)
    if unknown:
        shown = unknown[0] if re.fullmatch(r"[A-Za-z_-]{1,40}", unknown[0]) else ""
        return None, (problem("unknown-field", shown, lang),)
    type = fact_type_of(str(value.get("type", reading.fact or "")))
    if type is None:
        return None, (problem("unknown-type", "type", lang, ", ".join(FACT_TYPES)),)
    data, service = value.get("data"), value.get("service")
    if not isinstance(data, dict):
        return None, (problem("wrong-type", "data", lang, "对象" if lang == "zh" else "an object"),)
    if service is not None and service not in FACT_TYPES[type][1]:
        return None, (problem("not-allowed-value", "service", lang, ", ".join(FACT_TYPES[type][1])),)
    for name in ("id", "time", "effectiveon", "correlationid"):
        if not isinstance(value.get(name, ""), str):
            return None, (problem("wrong-type", name, lang, "文本" if lang == "zh" else "text"),)
    try:
        day = _day(value["effectiveon"]) if "effectiveon" in value else None
    except _Unreadable as fault:
        return None, (_fault(str(fault), "effectiveon", lang),)
    data, identity = _without_identity(data, type)
    try:
        identity = _ID_ADAPTER.validate_python(identity, strict=True)
    except ValidationError as error:
        return None, problems_of(error, None, lang)
    return _Draft(type, day, data, identity, value.get("time"), value.get("id"), value.get("correlationid"), service), ()


def _without_identity(data: dict[str, Any], type: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take plain identity out of ``data``: an object in place of the sealed text, or its fields beside the person's."""
    if type == "intake.fact-corrected.v1":
        holder = data
    elif isinstance(data.get("person"), dict):
        holder = data["person"]
    else:
        return data, {}
    identity = {name: holder[name] for name in _IDENTITY if name in holder}
    given = holder.get("identity")
    taken = set(identity)
    if isinstance(given, dict):
        identity |= given
        taken.add("identity")
    kept = {name: value for name, value in holder.items() if name not in taken}
    return (kept if holder is data else {**data, "person": kept}), identity


def _deeper_than(value: Any, depth_max: int) -> bool:
    level: list[Any] = [value]
    for _ in range(depth_max):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


# ------------------------------------------------------------------------------------------------------------ what is written


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: ``'`` goes before a leading = + - @ tab or return."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write_template(path: str | Path, fact_type: str, lang: Lang = "en") -> list[str]:
    """Write a file with the headings of a fact type and no rows: CSV (UTF-8 with BOM) or XLSX, by the path's ending.

    Returns the headings. The columns of an XLSX template are text, so that long numbers and codes keep all their digits. Raises
    ValueError for a type that CSV and XLSX files do not hold, or for another ending.
    """
    path = Path(path)
    fact = _FACT_BY_TYPE.get(fact_type_of(fact_type) or "")
    if fact is None:
        raise ValueError("there is no template for this type; use one of: " + ", ".join(each.short for each in FACTS))
    headings = [safe_cell(_BY_FIELD[name].zh if lang == "zh" else _BY_FIELD[name].en) for name in fact.columns]
    kind = _KIND_BY_ENDING.get(path.suffix.casefold())
    if kind == "csv":
        _write_csv(path, [headings])
    elif kind == "xlsx":
        _write_xlsx(path, fact.zh if lang == "zh" else fact.short, headings)
    else:
        raise ValueError("a template's name ends in .csv or .xlsx")
    return headings


def _write_csv(path: Path, rows: Iterable[list[str]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


def _write_xlsx(path: Path, title: str, headings: list[str]) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    sheet.append(headings)
    for index, heading in enumerate(headings, 1):
        letter = get_column_letter(index)
        sheet.column_dimensions[letter].number_format = "@"
        sheet.column_dimensions[letter].width = max(12, 2 * len(heading))
        sheet[f"{letter}1"].font = Font(bold=True)
    sheet.freeze_panes = "A2"
    book.save(path)


def write_problems(path: str | Path, rows: Iterable[Row]) -> int:
    """Write the problems of the rows as CSV (sheet, row, column, code, problem, remedy); return how many there were."""
    count = 0

    def lines() -> Iterator[list[str]]:
        nonlocal count
        yield ["sheet", "row", "column", "code", "problem", "remedy"]
        for row in rows:
            for each in row.problems:
                count += 1
                yield [safe_cell(t) for t in (row.sheet, str(row.number), each.field, each.code, each.problem, each.remedy)]

    _write_csv(Path(path), lines())
    return count
