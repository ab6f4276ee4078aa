"""Amounts, facts and decisions in words, Chinese or English. Nothing here reads a store.

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

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from contracts.base import business_day
from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.policy import CategoryWord, GradeWord, PolicyDocument, RatingWord
from services.allowance.settings_text import CHANNEL_TEXT, INSTRUMENT_TEXT, RULE_TEXT

__all__ = ["Words", "day_of", "safe", "show_table", "yuan"]

PIPE_COLUMNS = 4096
"""Width of a table that is not for a terminal: no cell is ever folded or cut there."""

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


def show_table(out: Console, table: Table, title: str = "") -> None:
    """Print a table under its title: to the width of a terminal, or in full to a pipe."""
    if title:
        out.print(f"[bold]{title}[/bold]")
    if out.is_terminal:
        out.print(table)
    else:
        Console(file=out.file, width=PIPE_COLUMNS, highlight=False, no_color=True).print(table)


# --- the scheme's own words, for what no policy says otherwise --------------------------------------------------------

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
        "left": "离开岗位",
        "moved_away": "迁往外地",
        "mistake": "登记有误",
        "returned": "重新上岗",
        "other": "其他",
    },
    "change": {
        "suspended": "暂停",
        "reinstated": "恢复",
        "downgraded": "降级",
        "revoked": "撤销",
        "superseded": "被新证书取代",
    },
    "decision": {"granted": "发放", "denied": "不予发放", "undecided": "尚未决定"},
    "status": {"public-fact": "公开事实", "example": "示例"},
    "period": {"annual": "年", "monthly": "月"},
    "channel": {word: text.zh for word, text in CHANNEL_TEXT.items()},
    "dimension": {"category": "类别", "grade": "等级", "rating": "考核等次", "full_time": "专兼职", "division": "区划"},
}
_DECIDABLE = ("可以作出决定", "can be decided")

_NUMBERED = re.compile("[0-9.]+|[一二三四五六七八九十百]+")
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
    (r"^no allowance for (\d+)$", r"\1年没有红领津贴"),
    (r"^months that the allowance does not pay$", "红领津贴未发放的月份"),
    (r"^no allowance$", "没有红领津贴"),
    (r"^(\S+) under (.+): (\d+) months?$", r"依据\2发放\1，计\3个月"),
    (r"\bnot stated\b", "未注明"),
    (r": (\d+) months?, (\d+) in the policy's period$", r"，计\1个月，其中在政策有效期内的\2个月"),
    (r", issued by (\d+) and not recognised here in (\d+)$", r"，由\1颁发，\2年未经本地认可"),
    (rf", recognised here on {_D}", r"，\1经本地认可"),
    (r": (\d+) months? stopped$", r"，停发\1个月"),
    (r": (\d+) months?$", r"，计\1个月"),
    (rf", left on {_D}", r"，\1离任"),
    (rf"^none, registration closed after {_D}", r"无，注册登记至\1止"),
    (rf", registration closed after {_D}", r"，注册登记至\1止"),
    (rf", reopened on {_D}", r"，\1恢复登记"),
    (rf", suspended since {_D}", r"，\1起暂停"),
    (rf", reinstated on {_D}", r"，\1恢复"),
    (rf", revoked on {_D}", r"，\1撤销"),
    (rf", superseded on {_D}", r"，\1被新证书取代"),
    (rf", downgraded to {_W} on {_D}", r"，\2降为\1"),
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
    (r" × (\d+)/100", r" × \1%"),
    (r" \(rounded half up to (\w+)\)", r"（四舍五入到\1）"),
    (r" \(rounded down to (\w+)\)", r"（向下舍到\1）"),
    (r" \(rounded up to (\w+)\)", r"（向上进到\1）"),
    (r"到fen）", "到分）"),
    (r"到jiao）", "到角）"),
    (r"到yuan）", "到元）"),
    (r", the cap of clause (.+) leaves (\S+)$", r"，受第\1条上限所限，余\2"),
)
_ZH_WARNING: Sequence[_Pattern] = (
    (r"^two different posts in (\d+) months?: the higher one counts$", r"有\1个月同时担任两个不同职务，按金额较高的计"),
    (r"^two different posts in (\d+) months?: the earlier one counts$", r"有\1个月同时担任两个不同职务，按任职较早的计"),
    (r"^two different posts in (\d+) months?: the later one counts$", r"有\1个月同时担任两个不同职务，按任职较晚的计"),
    (r"^line (\S+): no amount for (.+)$", r"项目\1：金额表中没有\2的金额"),
    (rf"^moved to (.+): the division held on {_D} counts for the whole year$", r"转接至\1，全年按\2所在区划计算"),
    (r"^moved to (.+): each month goes by the division held on its first day$", r"转接至\1，逐月按当月第一天所在区划计算"),
    (r"^(\S+) are below the floor (.+) of clause (.+): (\S+)$", r"\1低于第\3条的对照标准“\2”（\4）"),
    (
        r"^the policy is in effect for a part of the year only; (\d+) months? outside of it do not count$",
        r"政策仅在当年部分时间有效，其余\1个月不计",
    ),
    (rf"(转接至|then to )(\d{{6}}) on {_D}", r"\1\2（\3）"),
    (r", then to ", "，再转至"),
    (
        r"^the policy is in effect for a part of the year only; it was applied to all of it$",
        "政策仅在当年部分时间有效，按全年适用",
    ),
)


def _turned(text: str, patterns: Sequence[_Pattern]) -> str:
    for pattern, turned in patterns:
        text = re.sub(pattern, turned, text)
    return text


def _in_yuan(text: str) -> str:
    return re.sub(r"(-?\d+) fen\b", lambda m: yuan(int(m.group(1))), text)


_KIND_OF_PREDICATE = {
    "category": "category",
    "entry_channel": "channel",
    "certificate": "grade",
    "inspection": "outcome",
    "rating": "rating",
}


@dataclass(frozen=True, slots=True)
class Words:
    """One language, and the vocabulary of the policy that a decision cites (None: the scheme's own words)."""

    lang: str
    document: PolicyDocument | None = None

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    # --- single words -------------------------------------------------------------------------------------------------

    def word(self, kind: str, value: str) -> str:
        """A category, grade, rating, outcome, … in the policy's vocabulary, else in the scheme's, else as it is."""
        plain = value.replace("_", " ").replace("-", " ") if kind != "status" else value
        if self.document is not None:
            vocabulary = self.document.vocabulary
            known: Mapping[str, Sequence[CategoryWord | GradeWord | RatingWord]] = {
                "category": vocabulary.categories,
                "grade": vocabulary.grades,
                "rating": vocabulary.ratings,
            }
            for each in known.get(kind, ()):
                if each.word == value:
                    return self.say(each.zh, each.en or plain)
        return self.say(_ZH.get(kind, {}).get(value, value), plain)

    def payer(self, name: str) -> str:
        for payer in self.document.payers if self.document is not None else ():
            if payer.name == name:
                return self.say(payer.zh, payer.en or name)
        return name

    def line(self, name: str) -> str:
        for line in self.document.lines if self.document is not None else ():
            if line.name == name:
                return self.say(line.zh, line.en or name)
        return name

    def floor(self, name: str) -> str:
        for floor in self.document.floors if self.document is not None else ():
            if floor.name == name:
                return self.say(floor.zh, floor.en or name)
        return name

    def instrument(self, name: str) -> str:
        text = INSTRUMENT_TEXT.get(name)
        return name if text is None else self.say(text.zh, text.en)

    def clause(self, text: str) -> str:
        """``clause 4.2``; a clause that has no number is no 第…条."""
        return self.say(f"第{text}条" if _NUMBERED.fullmatch(text) else f"条款 {text}", f"clause {text}")

    def predicate(self, name: str) -> str:
        if name == "decidable":
            return self.say(*_DECIDABLE)
        text = RULE_TEXT.get(name)
        return name if text is None else self.say(text.zh, text.en)

    # --- the engine's texts -------------------------------------------------------------------------------------------

    def condition(self, name: str, text: str) -> str:
        """What a predicate required or found."""
        text = _in_yuan(text)
        if self.lang == "zh":
            text = _turned(text, _ZH_CONDITION)
        kind = _KIND_OF_PREDICATE.get(name)
        return text if kind is None else re.sub(_W, lambda m: self.word(kind, m.group()), text)

    def arithmetic(self, text: str) -> str:
        """The sum in yuan instead of fen: ``¥2,400.00 × 5/12 months + … = ¥3,100.00``."""
        text = _in_yuan(text).replace(" x ", " × ")
        return _turned(text, _ZH_ARITHMETIC) if self.lang == "zh" else text

    def warning(self, text: str) -> str:
        text = re.sub(r"(?<=below the floor )\S+", lambda m: self.floor(m.group()), _in_yuan(text))
        return _turned(text, _ZH_WARNING) if self.lang == "zh" else text

    # --- facts --------------------------------------------------------------------------------------------------------

    def topic(self, says: Particulars) -> str:
        """What a fact is about: ``the rating for 2024``."""
        match says:
            case Registration():
                return self.say("注册登记", "the registration")
            case Transfer():
                return self.say(f"转接 {says.key}", f"transfer {says.key}")
            case RegistrationStatus(status="closed"):
                return self.say(f"注册登记的注销 {says.key}", f"the closing {says.key} of the registration")
            case RegistrationStatus():
                return self.say(f"注册登记的恢复 {says.key}", f"the reopening {says.key} of the registration")
            case EngagementStart():
                return self.say(f"聘任 {says.engagement}", f"engagement {says.engagement}")
            case EngagementEnd():
                return self.say(f"聘任 {says.engagement} 的终止", f"the end of engagement {says.engagement}")
            case Certificate():
                return self.say(f"资格证书 {says.number}", f"certificate {says.number}")
            case CertificateChange():
                return self.say(
                    f"资格证书 {says.number} 的变更 {says.key}", f"the change {says.key} of certificate {says.number}"
                )
            case Recognition():
                return self.say(
                    f"资格证书 {says.number} 在 {says.division} 的认可",
                    f"the recognition of certificate {says.number} in {says.division}",
                )
            case RatingResult():
                return self.say(f"{says.year} 年度考核等次", f"the rating for {says.year}")
            case InspectionResult():
                return self.say(f"{says.year} 年年检", f"the annual inspection of {says.year}")
            case _:
                assert_never(says)

    def value(self, says: Particulars, effective_on: date) -> str:
        """What it says about that: ``excellent``."""
        match says:
            case Registration():
                return self._registration(says)
            case Transfer():
                where = self._units(says)
                return self.say(f"自 {effective_on} 起转至{where}", f"to {where} from {effective_on}")
            case RegistrationStatus():
                reason = self.word("reason", says.reason)
                if says.status == "closed":
                    return self.say(f"登记至 {effective_on} 止（{reason}）", f"last day {effective_on} ({reason})")
                return self.say(f"自 {effective_on} 起恢复（{reason}）", f"open again from {effective_on} ({reason})")
            case EngagementStart():
                time = self.say("专职", "full time") if says.full_time else self.say("兼职", "part time")
                category = self.word("category", says.category)
                return self.say(
                    f"自 {effective_on} 起任{category}（{says.unit}，{says.post}，{time}）",
                    f"{category} from {effective_on} ({says.unit}, {says.post}, {time})",
                )
            case EngagementEnd():
                reason = self.word("reason", says.reason)
                return self.say(f"止于 {effective_on}（{reason}）", f"last day {effective_on} ({reason})")
            case Certificate():
                grade = self.word("grade", says.grade)
                until = self.say(f"，有效期至 {says.expires_on}", f", valid to {says.expires_on}") if says.expires_on else ""
                return self.say(
                    f"{grade}，{effective_on} 由 {says.issuer} 颁发{until}",
                    f"{grade}, issued {effective_on} by {says.issuer}{until}",
                )
            case CertificateChange():
                return self._certificate_change(says, effective_on)
            case Recognition():
                return self.say(f"自 {effective_on} 起有效", f"valid there from {effective_on}")
            case RatingResult():
                return self.word("rating", says.rating)
            case InspectionResult():
                return self._inspection(says)
            case _:
                assert_never(says)

    def _certificate_change(self, says: CertificateChange, effective_on: date) -> str:
        what = self.word("change", says.change)
        if says.grade is not None:
            grade = self.word("grade", says.grade)
            what = self.say(f"{what}为{grade}", f"{what} to {grade}")
        return self.say(f"自 {effective_on} 起{what}（{says.reason}）", f"{what} from {effective_on} ({says.reason})")

    def _inspection(self, says: InspectionResult) -> str:
        """The outcome, and what was not in order."""
        outcome, faulty = self.word("outcome", says.outcome), [each.item for each in says.checked if not each.in_order]
        if not faulty:
            return outcome
        return self.say(f"{outcome}（不符：{'、'.join(faulty)}）", f"{outcome} (not in order: {', '.join(faulty)})")

    def _registration(self, says: Registration) -> str:
        parts = [self._units(says)] + ([self.say("公务员编制", "civil servant")] if says.civil_servant else [])
        return self.say("，", ", ").join(parts)

    def _units(self, says: Registration | Transfer) -> str:
        """The division, and the units that are named."""
        units = (
            (self.say("管理单位", "managing unit"), says.managing_unit),
            (self.say("挂靠单位", "posting unit"), says.posting_unit),
            (self.say("服务单位", "serving unit"), says.serving_unit),
        )
        parts = [self.say(f"区划 {says.division}", f"division {says.division}")]
        parts += [f"{name} {unit}" for name, unit in units if unit is not None]
        return self.say("，", ", ").join(parts)

    def fact(self, says: Particulars, effective_on: date) -> str:
        """``the rating for 2024: excellent``."""
        return f"{self.topic(says)}{self.say('：', ': ')}{self.value(says, effective_on)}"

    def change(self, old: tuple[Particulars, date], new: tuple[Particulars, date]) -> tuple[str, str]:
        """What a correction changed, as (from, to); the dates, if nothing but the date changed."""
        before, after = self.value(*old), self.value(*new)
        if before == after and old[1] != new[1]:
            return old[1].isoformat(), new[1].isoformat()
        return before, after
