"""Amounts, facts and decisions in words, Chinese or English. Pure: nothing here reads a store or prints.

The engine's texts (``required``, ``found``, arithmetic, warnings) are English with the words of the facts in them; for people
those words are put in the policy's own vocabulary, and for Chinese the whole text is turned, pattern by pattern. A pattern
that is unknown stays as it is: an official then reads English, never something wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import assert_never

from rich.markup import escape

from contracts.base import business_day
from contracts.particulars import (
    Certificate,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
)
from contracts.policy import PolicyDocument
from services.allowance.settings_text import RULE_TEXT

__all__ = ["Words", "day_of", "safe", "yuan"]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, with those that turn the direction of text: a terminal would obey them."""


def yuan(fen: int) -> str:
    """``¥79,200.00``, ``-¥0.05``: from integers only."""
    whole, part = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}¥{whole:,}.{part:02}"


def safe(text: object) -> str:
    """What comes from data, to be put between rich markup: no markup of its own, nothing that a terminal obeys."""
    return escape(_CONTROL.sub("\ufffd", str(text)))


def day_of(recorded_at: str) -> str:
    """The Asia/Shanghai calendar date of a stored clock time."""
    return business_day(datetime.fromisoformat(recorded_at)).isoformat()


# --- the scheme's own words, for what no policy says otherwise --------------------------------------------------------------

_ZH: Mapping[str, Mapping[str, str]] = {
    "category": {
        "secretary": "党组织书记",
        "deputy_secretary": "专职副书记",
        "recruited": "专职党务工作者",
        "instructor": "党建工作指导员",
        "part_time": "兼职党务干部",
    },
    "grade": {"junior": "初级", "intermediate": "中级", "senior": "高级", "special": "特级"},
    "rating": {
        "excellent": "优秀",
        "good": "良好",
        "competent": "称职",
        "basic": "基本称职",
        "incompetent": "不称职",
    },
    "outcome": {"passed": "合格", "failed": "不合格", "missed": "未参加"},
    "reason": {
        "resigned": "辞职",
        "retired": "退休",
        "transferred": "调离",
        "dismissed": "免职",
        "term_ended": "任期届满",
        "died": "去世",
        "other": "其他",
    },
    "decision": {"granted": "发放", "denied": "不予发放", "undecided": "尚未决定"},
    "status": {"public-fact": "公开事实", "example": "示例"},
    "period": {"annual": "年", "monthly": "月"},
    "dimension": {"category": "类别", "grade": "等级", "rating": "考核等次", "full_time": "专兼职", "division": "区划"},
}
_DECIDABLE = ("可以作出决定", "can be decided")

_D = r"(\d{4}-\d\d-\d\d)"
_W = r"([a-z][a-z0-9_]*)"
_Pattern = tuple[str, str]
_ZH_CONDITION: Sequence[_Pattern] = (
    (r"^none$", "无"),
    (r"^no post$", "无任职"),
    (r"^full time$", "专职"),
    (r"^part time$", "兼职"),
    (r"^not a civil servant$", "非公务员"),
    (r"^civil servant$", "公务员"),
    (r"^ended before it began$", "任期止日早于起日"),
    (r"^a registration, a policy in force and the fact that calls for a decision$", "注册登记、有效政策和触发决定的事实"),
    (r"^not all of them any more$", "已不齐全"),
    (r"^engaged to the end of (\d+)$", r"\1年底仍在聘"),
    (r"^engaged in (\d+)$", r"\1年在聘"),
    (r"^held in (\d+)$", r"\1年持有"),
    (r"^passed, or months before a failure stops them$", "合格，或不合格停发之前的月份"),
    (r": (\d+) months? stopped$", r"，停发\1个月"),
    (r": (\d+) months?$", r"，计\1个月"),
    (rf", left on {_D}", r"，\1离任"),
    (rf"{_D} to {_D}", r"\1至\2"),
    (rf"since {_D}", r"自\1起"),
    (rf"{_W} of {_D}, valid to {_D}", r"\1（\2取得，有效期至\3）"),
    (rf"{_W} of {_D}", r"\1（\2取得）"),
    (r", then ", "，其后"),
    (rf", or {_W} for (\d+) percent", r"，或\1（按\2%发放）"),
    (rf", by {_D}", r"，不迟于\1确定"),
    (rf"{_W} or above", r"\1及以上"),
    (rf"{_W} on {_D}", r"\1（\2）"),
    (r" \(not in the vocabulary\)", "（政策词汇中没有）"),
    (r" (?:or|and) ", "、"),
    (r"; ", "；"),
)
_ZH_ARITHMETIC: Sequence[_Pattern] = (
    (r" for the year", "（全年）"),
    (r" × (\d+/12) months", r" × \1"),
    (r" × (\d+) months?", r" × \1个月"),
    (r" \(rounded half up to (fen|jiao|yuan)\)", r"（四舍五入到\1）"),
    (r" \(rounded down to (fen|jiao|yuan)\)", r"（舍去\1以下）"),
    (r" \(rounded up to (fen|jiao|yuan)\)", r"（进位到\1）"),
    (r", the cap of clause (.+) leaves (\S+)$", r"，受第\1条上限所限，余\2"),
    (r"到fen|fen以下", lambda m: m.group().replace("fen", "分")),  # type: ignore[list-item]
    (r"到jiao|jiao以下", lambda m: m.group().replace("jiao", "角")),  # type: ignore[list-item]
    (r"到yuan|yuan以下", lambda m: m.group().replace("yuan", "元")),  # type: ignore[list-item]
)
