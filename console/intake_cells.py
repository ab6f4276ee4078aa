"""How a cell of a sheet becomes a JSON value: texts, codes, dates as they are usually written, words, counts, lists.

A reader returns the value, or raises ``Unreadable`` with a code of ``console.intake_faults``; a text that it does not know it
returns as it is, and the contracts say what is wrong with it. Nothing here knows a fact or a column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from console.workbook import Unread, Value
from contracts.base import utc_text
from contracts.normal import compatible
from contracts.resident_id import looks_like_resident_id

__all__ = [
    "CELL_CHARACTERS_MAX",
    "COUNT",
    "CREDIT_CODE",
    "DASHED",
    "DAY",
    "DIVISION",
    "ID",
    "KEY",
    "LONG",
    "MOMENT",
    "MONTH",
    "PERIOD",
    "PLAIN",
    "POINTS",
    "REF",
    "SEALED",
    "SECRET",
    "SHORT",
    "SOURCE",
    "WORD",
    "YEAR",
    "Cell",
    "CellKind",
    "Unreadable",
    "bare",
    "blank",
    "choice",
    "listed",
    "posts",
    "read_day",
    "titles",
]

CELL_CHARACTERS_MAX = 4_000
"""Characters of one cell: as many as the longest text of the contracts, that of a dossier entry."""

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""The zone of clock times that name none. China had summer time from 1986 to 1991: a clock of those summers is UTC+9."""

Cell = Value
Read = Callable[[Cell], Any]


class Unreadable(ValueError):
    """A cell's fault: a code of ``contracts.problems`` or of ``console.intake_faults``."""


_CELL_ERROR = re.compile(r"#(?:N/A|NAME\?|(?:REF|DIV/0|NULL|NUM|VALUE|SPILL|CALC|FIELD|BLOCKED|CONNECT|BUSY)!|GETTING_DATA)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ISO_DAY = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_CHINESE_DAY = re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日?")
_PLAIN_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEAR = re.compile(r"([0-9]{4})(?:\.0)?(?:年度?)?")
_MONTH = re.compile(r"([0-9]{4})(?:[-/.年]([0-9]{1,2})月?|([0-9]{2}))")
_ROUNDED = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+[0-9]{2}")
_COUNT = re.compile(r"(-?[0-9]{1,9})(?:\.0+)?")
_POINTS = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,2})0*)?")
_CLOCK = re.compile(r"(.+?)[T ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]{1,6})?)? *(Z|[+-][0-9]{2}:?[0-9]{2})?")
_BETWEEN = re.compile(r"[、,;\s]+")
_BETWEEN_POSTS = re.compile(r"[;；\n]+")
_BRACKETS = re.compile(r"[(\[（【].*?[)\]）】]")
_DIGITS_EXACT_BELOW = 10**15  # Spreadsheets keep 15 significant digits of a number.


def blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip().strip("\ufeff"))


def bare(text: str) -> str:
    """A heading or name as it is compared: without case, spaces, ``_``, ``*`` and what stands in brackets."""
    text = compatible(text).casefold()
    return re.sub(r"[\s_*:.\-]", "", _BRACKETS.sub("", text))


def _text(cell: Cell) -> str:
    """A cell as text, as it was written; numbers without the ``.0`` that spreadsheets add."""
    if isinstance(cell, Unread):
        raise Unreadable(cell.code)
    if isinstance(cell, bool):
        raise Unreadable("cell-boolean")
    if isinstance(cell, (date, time)):  # 5-1 and 2021-3 are dates as soon as they are typed.
        raise Unreadable("cell-date")
    if isinstance(cell, (int, float)):
        if abs(cell) >= _DIGITS_EXACT_BELOW or cell != cell:
            raise Unreadable("digits-lost")
        return str(int(cell)) if cell == int(cell) else repr(cell)
    text = str(cell).strip().strip("\ufeff").strip()
    if len(text) > CELL_CHARACTERS_MAX:
        raise Unreadable("cell-too-long")
    if _CELL_ERROR.fullmatch(text):
        raise Unreadable("cell-error")
    if _CONTROL.search(text):
        raise Unreadable("control-character")
    return text


def _free(cell: Cell) -> str:
    text = _text(cell)
    if looks_like_resident_id(compatible(text)):
        raise Unreadable("plain-identity")
    return text


def _code(cell: Cell) -> str:
    """A code or key: full-width letters and digits become the common ones."""
    return _with_its_digits(compatible(_free(cell)))


def _with_its_digits(text: str) -> str:
    """A number that a spreadsheet has saved as 1.10101E+17 has lost the rest of its digits."""
    if _ROUNDED.fullmatch(text):
        raise Unreadable("digits-lost")
    return text


def _secret(cell: Cell) -> str:
    return _with_its_digits(compatible(_text(cell)).replace(" ", "").upper())


def _year(cell: Cell) -> Any:
    text = _code(cell)
    found = _YEAR.fullmatch(text)
    return int(found[1]) if found else text


def _day_text(text: str) -> str:
    text = compatible(text)
    if found := _ISO_DAY.fullmatch(text):
        year, month, day = found[1], found[3], found[4]
    elif found := _CHINESE_DAY.fullmatch(text) or _PLAIN_DAY.fullmatch(text):
        year, month, day = found[1], found[2], found[3]
    else:
        raise Unreadable("impossible-date")
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise Unreadable("impossible-date") from None


def read_day(cell: Cell) -> str:
    """A date cell, or one of 2021-03-01, 2021/3/1, 2021.3.1, 20210301, 2021年3月1日, as YYYY-MM-DD."""
    if isinstance(cell, datetime):
        if cell.time() != time():
            raise Unreadable("impossible-date")
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
        raise Unreadable("impossible-time") from None


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
        raise Unreadable("impossible-time") from None


def _count(cell: Cell) -> Any:
    """A whole number, also where a spreadsheet made 88.0 of it."""
    text = _code(cell)
    found = _COUNT.fullmatch(text)
    return int(found[1]) if found else text


def _points(cell: Cell) -> Any:
    """Points with at most two digits after the point, as whole hundredths: 92.5 is 9250. What is none stays as it is."""
    text = _code(cell)
    found = _POINTS.fullmatch(text)
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else text


def _period(cell: Cell) -> str | None:
    """A year, a month or a day, as YYYY, YYYY-MM or YYYY-MM-DD; 至今 (until now) is no end.

    A month that was typed as a number is refused: 2019.10 and 2019.1 are one number.
    """
    if isinstance(cell, (datetime, date)):
        return read_day(cell)
    if isinstance(cell, float) and not cell.is_integer():
        raise Unreadable("month-as-number")
    text = compatible(_text(cell))
    if text.casefold() in ("至今", "今", "present"):
        return None
    if found := re.fullmatch(r"([0-9]{4})年?", text):
        return found[1]
    if found := _MONTH.fullmatch(text):
        month = int(found[2] or found[3])
        if not 1 <= month <= 12:
            raise Unreadable("impossible-date")
        return f"{found[1]}-{month:02}"
    return _day_text(text)


def _month(cell: Cell) -> str:
    """A month as YYYY-MM; of a day only its month is kept, as a spreadsheet makes a day of each month that is typed."""
    period = _period(cell)
    if period is None:
        raise Unreadable("impossible-date")
    return period[: len("YYYY-MM")]


# ---------------------------------------------------------------------------------------------- kinds of cells, and their words


@dataclass(frozen=True, slots=True)
class CellKind:
    """How cells of a column are read, and how its author is told to write them. words: the Chinese words of a choice."""

    read: Read
    en: str
    zh: str
    words: Mapping[str, Any] | None = None

    def shown(self, value: str, zh: bool) -> str:
        """A word of the contract in the author's language; anything else stays as it is."""
        if not zh or self.words is None:
            return value
        return next((word for word, means in self.words.items() if str(means).casefold() == value.casefold()), value)


def choice(table: Mapping[str, Any]) -> CellKind:
    """A choice of words: the table's own values are read too; what it does not know stays as it is."""
    known = {key.casefold(): value for key, value in table.items()}
    known |= {str(value).casefold(): value for value in table.values()}

    def read(cell: Cell) -> Any:
        if isinstance(cell, bool) and any(cell is value for value in known.values()):
            return cell
        text = _code(cell)
        return known.get(text.casefold(), text)

    values = dict.fromkeys(table.values())
    chinese = [next(word for word, meant in table.items() if meant == value) for value in values]
    return CellKind(read, ", ".join(str(value).casefold() for value in values), "、".join(chinese), table)


def listed(each: CellKind) -> CellKind:
    """Several values in one cell, separated by 、 , ; or a space."""

    def read(cell: Cell) -> list[Any]:
        return [each.read(part) for part in _BETWEEN.split(_code(cell)) if part]

    return CellKind(read, f"{each.en}; several with ; between them", f"{each.zh}；多个以 、或 ; 分隔", each.words)


def titles(fields: Mapping[str, str], levels: Mapping[str, str]) -> CellKind:
    """Professional titles (职称) in one cell, each field and level: ``政工类中级`` or ``political_work:intermediate``."""

    def read(cell: Cell) -> list[dict[str, str]]:
        return [_title(part, fields, levels) for part in _BETWEEN.split(_code(cell)) if part]

    english = f"field:level; fields {', '.join(dict.fromkeys(fields.values()))}; levels {', '.join(levels.values())}"
    chinese = f"系列加级别，如 政工类中级；系列：{'、'.join(fields)}；级别：{'、'.join(levels)}；多个以 、或 ; 分隔"
    return CellKind(read, english, chinese)


def _title(part: str, fields: Mapping[str, str], levels: Mapping[str, str]) -> dict[str, str]:
    field, colon, level = part.partition(":")
    if not colon:
        field = next((word for word in fields if part.startswith(word)), "")
        level = part.removeprefix(field)
    if not field or not level:
        raise Unreadable("bad-title")
    return {"field": fields.get(field, field), "level": levels.get(level, level)}


def posts(sides: Mapping[str, str], categories: Mapping[str, str]) -> CellKind:
    """Posts of a unit in one cell: name, side, and where they are wanted category and seats, ``书记:党组织:书记:1``."""

    def read(cell: Cell) -> list[dict[str, Any]]:
        return [_post(part, sides, categories) for part in _BETWEEN_POSTS.split(_free(cell)) if part.strip()]

    english = (
        f"post:side:category:seats, the last two as wanted; sides {', '.join(dict.fromkeys(sides.values()))}; several with ;"
    )
    chinese = f"职务:班子:人员类别:职数，后两项可不写，如 党委书记:党组织:书记:1；班子：{'、'.join(sides)}；多个以 ; 分隔"
    return CellKind(read, english, chinese)


def _post(part: str, sides: Mapping[str, str], categories: Mapping[str, str]) -> dict[str, Any]:
    # The name stays as it was typed: engagements know the post by that name.
    name, *told = [each.strip() for each in re.split("[:：]", part)]
    side, *others = [compatible(each) for each in told] or [""]
    if not name or not side:
        raise Unreadable("bad-post")
    post: dict[str, Any] = {"post": name, "side": sides.get(side, side)}
    for each in others:
        found = _COUNT.fullmatch(each)
        field, value = ("seats", int(found[1])) if found else ("category", categories.get(each, each))
        if not each or field in post:
            raise Unreadable("bad-post")
        post[field] = value
    return post


_KEY_EN = "letters, digits and . _ : / -, at most 64; nothing personal"
_KEY_ZH = "字母、数字和 . _ : / -，最多 64 个；不得含个人信息"
KEY = CellKind(_code, _KEY_EN, _KEY_ZH)
ID = CellKind(_code, "letters, digits and . _ : -, at most 128", "字母、数字和 . _ : -，最多 128 个")
REF = CellKind(_code, "p and 26 letters and digits, as the registry gave it", "p 加 26 位字母数字，由登记机关给出")
DASHED = CellKind(_code, "a word of a-z, 0-9, _ and -", "小写字母、数字、_ 和 - 组成的词")
WORD = CellKind(_code, "a word of a-z, 0-9 and _", "小写字母、数字和 _ 组成的词")
SOURCE = CellKind(_code, "name of a source system: a-z, 0-9 and -", "来源系统名：小写字母、数字和 -")
DIVISION = CellKind(_code, "six digits of GB/T 2260, such as 320102", "GB/T 2260 六位区划代码，如 320102")
PLAIN = CellKind(_code, "as the contract says", "按约定填写")
SHORT = CellKind(_free, "at most 200 characters; no personal data", "最多 200 字；不得含个人信息")
LONG = CellKind(_free, "at most 2,000 characters; names nobody", "最多 2000 字；不要写姓名")
SEALED = CellKind(_text, "sealed by the program before it leaves", "由程序加密后发送")
SECRET = CellKind(
    _secret, "sealed by the program before it leaves; format the column as text", "由程序加密后发送；请设为文本格式"
)
CREDIT_CODE = CellKind(_code, "18 digits and capital letters of GB 32100", "18 位数字或大写字母")
YEAR = CellKind(_year, "four digits, 1990 to 2100", "四位年份，1990 至 2100")
COUNT = CellKind(_count, "a whole number", "整数")
POINTS = CellKind(
    _points, "points of 100 such as 92.5, at most two digits after the point", "百分制分数，如 92.5，最多两位小数"
)
DAY = CellKind(
    read_day, "2021-03-01, 2021/3/1, 20210301 or a date cell", "2021-03-01、2021/3/1、20210301、2021年3月1日 或日期单元格"
)
PERIOD = CellKind(
    _period, "2019, 2019-07 or 2019-07-01; an empty end: until now", "2019、2019-07 或 2019-07-01；无终止时间可不填或填“至今”"
)
MONTH = CellKind(_month, "2010-07; of a date the month is kept", "2010-07、2010年7月；填日期的只取年月")
MOMENT = CellKind(_moment, "2021-03-01 08:30; China's time if it names no zone", "2021-03-01 08:30；未写时区按北京时间")
