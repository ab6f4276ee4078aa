"""A profile as people read it, Chinese or English: labels, tables and what the charts show. Nothing here draws or reads.

HTML and PDF are made of the same sheet, so they say the same. It is for one page of A4: of long tables the first rows are
shown, with how many more there are; the whole stands in the JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from console.staffing_words import StaffingWords
from console.talent_development_words import word
from console.talent_words import TalentWords
from console.words import Words
from contracts.talent import CriterionResult
from services.talent.profile import Item, Page, Point

__all__ = ["ROWS_MAX", "Axis", "Section", "Sheet", "Span", "sheet_of"]

ROWS_MAX = 6
"""Rows of a table on the page."""
BARS_MAX = 8


@dataclass(frozen=True, slots=True)
class Axis:
    """A competency in the chart. score, required: 1 to 5; None: not rated, not asked for."""

    label: str
    score: int | None
    required: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """A bar of the history. last: of the day asked for, if it goes on."""

    label: str
    first: date
    last: date
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A table. more: rows that are not shown; empty: what is said if there are none."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: str
    empty: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """lang: zh or en. facts: label and value."""

    lang: str
    title: str
    facts: tuple[tuple[str, str], ...]
    axes_title: str
    axes: tuple[Axis, ...]
    required: str
    history_title: str
    spans: tuple[Span, ...]
    on: date
    sections: tuple[Section, ...]
    foot: str


class _Teller:
    """Puts one page into words."""

    def __init__(self, page: Page, lang: str) -> None:
        self.page = page
        self.lang = lang
        self.talent = TalentWords(lang)
        self.staffing = StaffingWords(lang)
        self.words = Words(lang)

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def word(self, text: str) -> str:
        found = _PROFILE_WORDS.get(text)
        return word(self.lang, text) if found is None else self.say(*found)

    def section(self, zh: str, en: str, headings: str, rows: Sequence[tuple[str, ...]]) -> Section:
        more = len(rows) - ROWS_MAX
        told = self.say(f"另有{more}条", f"and {more} more") if more > 0 else ""
        title = self.say(zh, en)
        return Section(title, tuple(headings.split(",")), tuple(rows[:ROWS_MAX]), told, self.say("无", "none"))

    # --- the head -------------------------------------------------------------------------------------------------------

    def facts(self, name: str | None) -> tuple[tuple[str, str], ...]:
        page, say = self.page, self.say
        posts = say("；", "; ").join(self._post(post.unit, post.post, post.category, post.full_time) for post in page.posts)
        rows = [
            (say("姓名", "Name"), name if name is not None else say("不可读", "cannot be read")),
            (say("人员编号", "Person"), page.person_ref),
            (say("登记", "Registration"), self._registration()),
            (say("现任职务", "Posts held"), posts or say("无", "none")),
            (say("从事党务工作", "In party work"), self._months(page.months)),
            (say("资格证书", "Certificate"), self._certificate()),
            (say("后备人才库", "Reserve pool"), self._candidacy()),
        ]
        if page.points is not None:
            rows.append((say("积分", "Points"), str(page.points)))
        return (*rows, *self._particulars())

    def _post(self, unit: str, post: str, category: str, full_time: bool) -> str:
        time = self.say("专职", "full time") if full_time else self.say("兼职", "part time")
        return self.say(
            f"{unit}{post}（{self.staffing.category(category)}，{time}）",
            f"{unit} {post} ({category.replace('_', ' ')}, {time})",
        )

    def _registration(self) -> str:
        page = self.page
        if page.division is None:
            return self.say("无", "none")
        return f"{page.division}{self.say('（已注销）', ' (closed)') if page.registration == 'closed' else ''}"

    def _months(self, months: int) -> str:
        years, rest = divmod(months, 12)
        return self.say(f"{years}年{rest}个月", f"{years} years {rest} months")

    def _certificate(self) -> str:
        if self.page.certificate is None:
            return self.say("无", "none")
        grade, state = self.page.certificate
        return self.say(f"{self.words.word('grade', grade)}（{self.word(state)}）", f"{grade} ({self.word(state)})")

    def _candidacy(self) -> str:
        page = self.page
        if page.stage is None:
            return self.say("未提名", "never nominated")
        where = f"{page.pool_division} {page.ladder}"
        flag = self.say("；", "; ") + self.talent.flagged if page.flagged else ""
        return (
            self.say(
                f"{self.talent.stage(page.stage)}（{where}，自{page.stage_since}）",
                f"{self.talent.stage(page.stage)} ({where}, since {page.stage_since})",
            )
            + flag
        )

    def _particulars(self) -> list[tuple[str, str]]:
        said = self.page.particulars
        if said is None:
            return []
        say, rows = self.say, list[tuple[str, str]]()
        if said.age_years is not None:
            rows.append((say("年龄", "Age"), say(f"{said.age_years}岁", f"{said.age_years} years")))
        for label, value in ((say("学历", "Degree"), said.degree), (say("职称", "Title"), said.title)):
            if value is not None:
                rows.append((label, self.talent.side(value)))
        if said.party_joined_on is not None:
            rows.append((say("入党", "Joined the party"), said.party_joined_on))
        if said.majors:
            rows.append((say("专业", "Majors"), ", ".join(said.majors)))
        rows.append((say("填报日期", "Particulars of"), str(self.page.particulars_on)))
        return rows

    # --- tables ---------------------------------------------------------------------------------------------------------

    def sections(self) -> tuple[Section, ...]:
        page, say = self.page, self.say
        standard = f" {page.standard}" if page.standard else ""
        gaps = [self._criterion(criterion) for criterion in page.gaps]
        fits = [
            (
                f"{fit.unit} {fit.post}",
                f"{fit.fit} %",
                self.staffing.met(fit.eligible),
                say("、", ", ").join(self.talent.criterion(c.name) for c in fit.missing) or say("无", "nothing"),
            )
            for fit in page.fits
        ]
        return (
            self.section(
                f"短板（标准{standard or '：无'}）",
                f"Gaps (standard{standard or ': none'})",
                say("条件,要求,实际", "criterion,required,found"),
                gaps,
            ),
            self.section(
                "岗位匹配度",
                "Fit for open vacancies",
                say("岗位,匹配度,硬性要求,尚缺", "post,fit,hard requirements,still lacks"),
                fits,
            ),
            self.section("履历", "History", say("日期,事项", "date,what"), [self._point(point) for point in page.history]),
            self.section(
                "培养锻炼", "Activities", say("起,内容,类别,状态", "from,what,kind,status"), self._items(page.activities)
            ),
            self.section(
                "挂职", "Secondments", say("起,岗位,类别,状态", "from,post,kind,status"), self._items(page.secondments)
            ),
            self.section("培训", "Training", say("日期,课程,学时,结果", "date,course,hours,result"), self._training()),
            self.section("导师帮带", "Mentors", say("起,目标,状态", "from,aim,status"), self._short(page.mentoring)),
            self.section("表彰", "Honours", say("日期,名称,级别", "date,title,level"), self._short(page.honours)),
            self.section("处理", "Sanctions", say("起,事由,措施", "from,reason,step"), self._short(page.sanctions)),
        )

    def _criterion(self, criterion: CriterionResult) -> tuple[str, ...]:
        sides = (self.talent.side(criterion.required), self.talent.side(criterion.found))
        return (self.talent.criterion(criterion.name), *sides)

    def _point(self, point: Point) -> tuple[str, str]:
        match point.lane:
            case "rating":
                rating = self.words.word("rating", point.word)
                said = self.say(f"{point.label}年度考核：{rating}", f"annual rating {point.label}: {rating}")
            case "inspection":
                outcome = self.words.word("outcome", point.word)
                said = self.say(f"{point.label}年度年检：{outcome}", f"annual inspection {point.label}: {outcome}")
            case "certificate":
                grade = self.words.word("grade", point.label)
                said = self.say(
                    f"资格证书：{grade}（{self.word(point.word)}）", f"certificate: {grade} ({self.word(point.word)})"
                )
            case _:
                stage = self.talent.stage(point.word)
                said = self.say(f"后备人才库：{stage}（{point.label}）", f"reserve pool: {stage} ({point.label})")
        return str(point.on), said

    def _items(self, items: Sequence[Item]) -> list[tuple[str, ...]]:
        return [(str(item.on), item.what, self.word(item.kind), self.word(item.status)) for item in items]

    def _training(self) -> list[tuple[str, ...]]:
        return [(str(i.on), i.what, "" if i.number is None else str(i.number), self.word(i.status)) for i in self.page.training]

    def _short(self, items: Sequence[Item]) -> list[tuple[str, ...]]:
        return [(str(item.on), item.what, self.word(item.status)) for item in items]


_PROFILE_WORDS = {
    "valid": ("有效", "valid"),
    "suspended": ("暂停", "suspended"),
    "revoked": ("撤销", "revoked"),
    "superseded": ("已换证", "superseded"),
    "expired": ("过期", "expired"),
    "real_duties": ("挂实职", "with duties of its own"),
    "in_name": ("挂名", "in name"),
    "recalled": ("召回", "recalled"),
    "broken_off": ("中止", "broken off"),
    "cancel_honours": ("取消评优", "no honours"),
    "interview": ("约谈", "interview"),
    "rectification": ("限期整改", "rectification"),
    "transfer_out": ("调出", "transfer out"),
    "state": ("国家级", "state"),
}


def sheet_of(page: Page, lang: str, name: str | None) -> Sheet:
    """name: in plain or masked, as the reader may see it; None: nobody can read it."""
    teller = _Teller(page, lang)
    say = teller.say
    bars = sorted(page.bars, key=lambda bar: (bar.since, bar.label))[-BARS_MAX:]
    spans = [
        Span(
            bar.label if bar.lane == "post" else f"{bar.label} ({teller.word('secondment')})",
            bar.since,
            page.on if bar.until is None else min(bar.until, page.on),
            bar.until is None or bar.until >= page.on,
        )
        for bar in bars
    ]
    axes = tuple(Axis(teller.talent.criterion(f"competency_{c.name}"), c.score, c.required) for c in page.competencies)
    return Sheet(
        lang=lang,
        title=say("党务工作者素描画像", "Profile of a party-affairs worker"),
        facts=teller.facts(name),
        axes_title=say("能力（满分5分）", "Competencies (of 5)"),
        axes=axes,
        required=say("标准要求", "required by the standard"),
        history_title=say("任职经历", "Posts held"),
        spans=tuple(spans),
        on=page.on,
        sections=teller.sections(),
        foot=say(
            f"截至 {page.on}。由登记和人才库的事件汇总。", f"As of {page.on}, from the events of the registry and the pool."
        ),
    )
