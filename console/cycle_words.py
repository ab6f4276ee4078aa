"""Appraisals and conduct in words, Chinese or English, and points as people write them. Nothing here reads a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from contracts.appraisal import AppraisalDocument
from contracts.appraisal_events import (
    AppealDecided,
    ConductEvent,
    ConductWithdrawn,
    CycleCancelled,
    CycleConcluded,
    CycleOpened,
    CyclePublished,
    CycleScored,
    HonourAwarded,
    MarkingEvent,
    PersonEnrolled,
    PointsRecorded,
    RatingGiven,
    RatingsConcluded,
    RatingWithdrawn,
    ResultAppealed,
    ResultMeasured,
    ResultsScored,
    SanctionImposed,
    SanctionLifted,
)
from contracts.base import LogEvent

__all__ = ["CycleWords", "exact_text", "hundredths_of", "points_text"]

DECIMALS_SHOWN = 4

_STAGES: Mapping[str, tuple[str, str]] = {
    "open": ("评分中", "open for ratings"),
    "scored": ("已计分", "scored"),
    "published": ("已公示", "published"),
    "concluded": ("已确定", "concluded"),
    "cancelled": ("已取消", "cancelled"),
}
_PERIODS: Mapping[str, tuple[str, str]] = {
    "monthly": ("月度", "monthly"),
    "quarterly": ("季度", "quarterly"),
    "half_yearly": ("半年", "half-yearly"),
    "yearly": ("年度", "yearly"),
}
_STEPS: Mapping[str, tuple[str, str]] = {
    "cancel_honours": ("取消评优", "barred from honours"),
    "interview": ("约谈", "interview"),
    "rectification": ("限期整改", "rectification by a deadline"),
    "transfer_out": ("调出", "transferred out"),
}
_LEVELS: Mapping[str, tuple[str, str]] = {
    "unit": ("单位", "unit"),
    "county": ("县级", "county"),
    "city": ("市级", "city"),
    "province": ("省级", "province"),
    "state": ("国家级", "state"),
}
_RATINGS: Mapping[str, str] = {
    "excellent": "优秀", "good": "良好", "competent": "称职", "basic": "基本称职", "incompetent": "不称职",
}  # fmt: skip
_GROUPS: Mapping[str, tuple[str, str]] = {
    "all": ("全体", "everybody"),
    "secretary": ("党组织书记", "secretaries"),
    "deputy_secretary": ("专职副书记", "deputy secretaries"),
    "recruited": ("专职党务工作者", "recruited workers"),
    "instructor": ("党建工作指导员", "instructors"),
    "part_time": ("兼职党务干部", "part-time cadres"),
    "junior": ("初级", "junior"),
    "intermediate": ("中级", "intermediate"),
    "senior": ("高级", "senior"),
    "special": ("特级", "special"),
    "none": ("无证书", "without a certificate"),
}


def points_text(hundredths: int) -> str:
    """9250 → 92.50."""
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def exact_text(value: Fraction) -> str:
    """A number as a decimal; where that does not end soon, four digits and the exact fraction behind them."""
    scaled = value * 10**DECIMALS_SHOWN
    if scaled.denominator == 1:
        text = f"{Decimal(scaled.numerator).scaleb(-DECIMALS_SHOWN):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    near = Decimal(scaled.numerator // scaled.denominator).scaleb(-DECIMALS_SHOWN)
    return f"{near:f}… ({value.numerator}/{value.denominator})"


def hundredths_of(text: str) -> int | None:
    """92.5 → 9250; None: that is no number of points with at most two digits after the point."""
    try:
        scaled = Decimal(text).scaleb(2)
    except InvalidOperation:
        return None
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or abs(scaled) > 1_000_000:
        return None
    return int(scaled)


@dataclass(frozen=True, slots=True)
class CycleWords:
    lang: str

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def stage(self, word: str) -> str:
        return self.say(*_STAGES.get(word, (word, word)))

    def period(self, word: str) -> str:
        return self.say(*_PERIODS.get(word, (word, word)))

    def step(self, word: str) -> str:
        return self.say(*_STEPS.get(word, (word, word)))

    def level(self, word: str) -> str:
        return self.say(*_LEVELS.get(word, (word, word)))

    def group(self, word: str) -> str:
        return self.say(*_GROUPS.get(word, (word, word)))

    def rating(self, word: str | None) -> str:
        if word is None:
            return self.say("未评定", "no rating")
        return self.say(_RATINGS.get(word, word), word)

    def named(self, document: AppraisalDocument, name: str) -> str:
        """An item or role as the document calls it."""
        named = {item.name: (item.zh, item.en) for item in document.items}
        zh, en = ({role.name: (role.zh, role.en) for role in document.raters} | named).get(name, (name, name))
        return self.say(zh, en or name)

    def why(self, document: AppraisalDocument, codes: Sequence[str]) -> str:
        """What kept somebody from a better rating, or from a score."""
        return self.say("；", "; ").join(self._why(document, code) for code in codes)

    def _why(self, document: AppraisalDocument, code: str) -> str:
        kind, _, name = code.partition(":")
        best = self.rating(document.bands[0].rating)
        match kind:
            case "quota":
                return self.say(f"排在{best}名额之外", f"ranked beyond the places for {best}")
            case "tie-at-border":
                return self.say(
                    f"与他人并列争最后的{best}名额，均不取", f"a tie for the last places of {best}, which nobody gets"
                )
            case "barred":
                return self.say(f"受“{self.step(name)}”限制", f"kept back by a sanction: {self.step(name)}")
            case "too-few":
                return self.say(f"{self.named(document, name)}评分人数不足", f"too few ratings by {self.named(document, name)}")
            case "no-ratings":
                return self.say("无人评分", "nobody has rated")
            case "not-measured":
                return self.say(f"{self.named(document, name)}没有实绩数据", f"{self.named(document, name)} was not measured")
            case _:
                return code

    def event(self, event: LogEvent) -> str | None:
        """One event of a cycle, of somebody in it, or of conduct as a sentence; None: it is another one."""
        if isinstance(event, MarkingEvent):
            return self._marking(event)
        if isinstance(event, ConductEvent):
            return self._conduct(event)
        match event:
            case CycleOpened():
                return self.say(f"考核周期 {event.cycle} 开始", f"appraisal cycle {event.cycle} opened")
            case CycleScored():
                return self.say(
                    f"计分：{event.people} 人中 {event.scored} 人有得分",
                    f"scored: {event.scored} of {event.people} people have a score",
                )
            case ResultsScored():
                return self.say(f"得分第 {event.part} 部分", f"results, part {event.part}")
            case CyclePublished():
                return self.say(
                    f"公示结果，申诉至 {event.appeals_until}", f"results published, appeals until {event.appeals_until}"
                )
            case ResultAppealed():
                return self.say(f"申诉 {event.appeal}", f"appeal {event.appeal}")
            case AppealDecided():
                if event.rating is None:
                    return self.say(f"驳回申诉 {event.appeal}", f"appeal {event.appeal} dismissed")
                new = self.rating(event.rating)
                return self.say(f"申诉 {event.appeal} 成立，改为{new}", f"appeal {event.appeal} upheld: {new}")
            case CycleConcluded():
                return self.say(f"确定 {event.rated} 人的等次", f"the ratings of {event.rated} people are final")
            case RatingsConcluded():
                return self.say(f"等次第 {event.part} 部分，报登记处", f"ratings, part {event.part}, for the registry")
            case CycleCancelled():
                return self.say(f"取消考核周期（{event.reason}）", f"appraisal cycle cancelled ({event.reason})")
            case _:
                return None

    def _marking(self, event: MarkingEvent) -> str:
        match event:
            case PersonEnrolled():
                return self.say(f"列入考核周期 {event.cycle}", f"enrolled in appraisal cycle {event.cycle}")
            case RatingGiven():
                return self.say(f"{event.role} 评分", f"rated as {event.role}")
            case RatingWithdrawn():
                return self.say(
                    f"撤回 {event.role} 评分（{event.reason}）", f"rating as {event.role} withdrawn ({event.reason})"
                )
            case ResultMeasured():
                return self.say(f"{event.item} 完成 {event.achieved}", f"{event.item}: {event.achieved} achieved")

    def _conduct(self, event: ConductEvent) -> str:
        match event:
            case PointsRecorded():
                return self.say(f"积分 {event.points:+d}（{event.reason}）", f"points {event.points:+d} ({event.reason})")
            case SanctionImposed():
                return f"{self.step(event.step)} ({event.reason})"
            case SanctionLifted():
                return self.say(f"解除处理 {event.entry}", f"sanction {event.entry} lifted")
            case HonourAwarded():
                where = self.level(event.level)
                return self.say(f"表彰：{event.title}（{where}）", f"honour: {event.title} ({where})")
            case ConductWithdrawn():
                return self.say(f"撤回 {event.entry}（{event.reason}）", f"{event.entry} withdrawn ({event.reason})")
