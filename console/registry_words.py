"""What has happened in a worker's file beside its facts, in words, Chinese or English. Nothing here reads a store.

The content of dossier entries is never shown: it is encrypted, and only the registry reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import assert_never

from console.words import Words
from contracts.certification import CriterionResult
from contracts.registry import (
    CertificationApplied,
    CertificationConcluded,
    CertificationStandardPublished,
    DossierEntryCorrected,
    DossierEntryRecorded,
    EligibilityReviewed,
    FactAbsorbed,
    FactCorrected,
    FactWithdrawn,
    FileAbsorbed,
    InspectionClosed,
    InspectionOpened,
    NoticeOpened,
    ObjectionRaised,
    ObjectionResolved,
    PanelReviewed,
    PersonalDataExported,
    PersonalDataUnmasked,
    PersonErased,
    PersonMerged,
    RatingAppealDecided,
    RatingAppealed,
    RecordedFact,
    RegistryEvent,
    TrainingTested,
    UnitClosed,
    UnitRegistered,
)

__all__ = ["Step", "criterion", "event_text", "name_of", "place_text", "reason_of", "side", "step_text", "unmet"]

Stage = CertificationApplied | EligibilityReviewed | TrainingTested | PanelReviewed | NoticeOpened | ObjectionRaised
FileAct = (
    DossierEntryRecorded
    | DossierEntryCorrected
    | RatingAppealed
    | RatingAppealDecided
    | PersonalDataUnmasked
    | PersonErased
    | PersonMerged
    | FileAbsorbed
)
Step = Stage | ObjectionResolved | CertificationConcluded | FileAct
"""Events of a file that are no facts: they neither stand nor fall."""

_RESULTS: Mapping[str, tuple[str, str]] = {
    "passed": ("通过", "passed"),
    "failed": ("未通过", "failed"),
    "granted": ("授予", "granted"),
    "rejected": ("未授予", "rejected"),
    "withdrawn": ("撤回", "withdrawn"),
    "dismissed": ("不成立", "dismissed"),
    "upheld": ("成立", "upheld"),
}
_STAGES: Mapping[str, tuple[str, str]] = {
    "application": ("个人申报", "application"),
    "eligibility_review": ("资格审查", "eligibility review"),
    "training_test": ("培训测试", "training test"),
    "panel_review": ("综合评审", "panel review"),
    "public_notice": ("社会公示", "public notice"),
}
_SECTIONS: Mapping[str, tuple[str, str]] = {
    "basics": ("基本信息", "basics"),
    "work_history": ("工作经历", "work history"),
    "education_training": ("教育培训", "education and training"),
    "appraisal": ("考核", "appraisal"),
    "pay_treatment": ("待遇", "pay and treatment"),
    "rewards_sanctions": ("奖惩", "rewards and sanctions"),
}


def step_text(words: Words, event: Step) -> str:
    """One step of a certification, or one act on a file, as a sentence."""
    match event:
        case ObjectionResolved():
            outcome = words.say(*_RESULTS[event.outcome])
            until = "" if event.ends_on is None else words.say(f"，公示至 {event.ends_on}", f", notice to {event.ends_on}")
            return words.say(
                f"认证 {event.application}：异议 {event.objection} {outcome}{until}",
                f"certification {event.application}: objection {event.objection} {outcome}{until}",
            )
        case CertificationConcluded():
            outcome, stage = words.say(*_RESULTS[event.outcome]), words.say(*_STAGES[event.stage])
            if event.certificate is not None:
                return words.say(
                    f"认证 {event.application} 结束：授予证书 {event.certificate}",
                    f"certification {event.application} ended: certificate {event.certificate} granted",
                )
            return words.say(
                f"认证 {event.application} 结束于{stage}：{outcome}（{reason_of(words, event.reason)}）",
                f"certification {event.application} ended in its {stage}: {outcome} ({event.reason})",
            )
        case (
            CertificationApplied()
            | EligibilityReviewed()
            | TrainingTested()
            | PanelReviewed()
            | NoticeOpened()
            | ObjectionRaised()
        ):
            return words.say(f"认证 {event.application}：", f"certification {event.application}: ") + _stage_text(words, event)
        case _:
            return _act_text(words, event)


def _stage_text(words: Words, event: Stage) -> str:
    match event:
        case CertificationApplied():
            grade = words.word("grade", event.grade)
            return words.say(f"向 {event.issuer} 申报{grade}", f"applied to {event.issuer} for {grade}")
        case EligibilityReviewed():
            said = words.say("资格审查", "eligibility review ") + words.say(*_RESULTS[event.result])
            lacking = unmet(words, event.criteria)
            return said + (words.say(f"（不符合：{lacking}）", f" (not met: {lacking})") if lacking else "")
        case TrainingTested():
            said = words.say("培训测试", "training test ") + words.say(*_RESULTS[event.result])
            return said + words.say(
                f"（{event.hours}学时，须{event.hours_required}；{event.score}分，须{event.pass_mark}）",
                f" ({event.hours} of {event.hours_required} hours, {event.score} points, pass mark {event.pass_mark})",
            )
        case PanelReviewed():
            mean = f"{event.mean_hundredths // 100}.{event.mean_hundredths % 100:02}"
            said = words.say("综合评审", "panel review ") + words.say(*_RESULTS[event.result])
            return said + words.say(f"（均分{mean}，须{event.pass_mark}）", f" (mean {mean}, pass mark {event.pass_mark})")
        case NoticeOpened():
            return words.say(
                f"公示{event.working_days}个工作日，至 {event.ends_on}",
                f"public notice of {event.working_days} working days, to {event.ends_on}",
            )
        case ObjectionRaised():
            left = "" if event.days_left is None else words.say(f"，余{event.days_left}日", f", {event.days_left} days left")
            return words.say(
                f"提出异议 {event.objection}，公示暂停{left}",
                f"objection {event.objection} raised, the notice stands still{left}",
            )
        case _:
            assert_never(event)


def _act_text(words: Words, event: FileAct) -> str:
    match event:
        case DossierEntryRecorded() | DossierEntryCorrected():
            section = words.say(*_SECTIONS[event.section])
            corrected = isinstance(event, DossierEntryCorrected)
            done = words.say("更正", "corrected") if corrected else words.say("登记", "recorded")
            return words.say(f"档案（{section}）{done} {event.entry}", f"dossier ({section}): {event.entry} {done}")
        case RatingAppealed():
            return words.say(
                f"对 {event.year} 年度考核提出申诉 {event.appeal}", f"appeal {event.appeal} on the rating for {event.year}"
            )
        case RatingAppealDecided():
            outcome = words.say(*_RESULTS[event.outcome])
            return words.say(
                f"申诉 {event.appeal} {outcome}（{event.reason}）", f"appeal {event.appeal} {outcome} ({event.reason})"
            )
        case PersonalDataUnmasked():
            fields = ", ".join(event.fields)
            return words.say(f"{event.by} 查看了 {fields}（{event.reason}）", f"{event.by} was shown {fields} ({event.reason})")
        case PersonErased():
            return words.say(
                f"个人信息已由 {event.by} 删除（{event.reason}）", f"personal data erased by {event.by} ({event.reason})"
            )
        case PersonMerged():
            return words.say(
                f"此档案并入 {event.into}（{event.reason}）", f"this file was merged into {event.into} ({event.reason})"
            )
        case FileAbsorbed():
            files = ", ".join(event.files)
            return words.say(f"并入了档案 {files}（{event.reason}）", f"took in the file of {files} ({event.reason})")
        case _:
            assert_never(event)


# --- single words -----------------------------------------------------------------------------------------------------

_NAMES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "stage": {**_STAGES, "concluded": ("已结束", "concluded")},
    "result": _RESULTS,
    "section": _SECTIONS,
    "status": {
        "open": ("在册", "registered"),
        "closed": ("已注销", "closed"),
        "merged": ("已并入另一档案", "merged into another file"),
        "erased": ("已删除", "erased"),
    },
    "state": {
        "valid": ("有效", "valid"),
        "suspended": ("暂停", "suspended"),
        "revoked": ("已撤销", "revoked"),
        "superseded": ("已被新证书取代", "superseded"),
        "expired": ("已过期", "expired"),
        "not-yet": ("尚未生效", "not valid yet"),
    },
    "level": {
        "province": ("省级", "province"),
        "city": ("市级", "city"),
        "county": ("县级", "county"),
        "anywhere": ("全部地区", "anywhere"),
    },
    "title": {"political_work": ("政工类", "political work"), "social_work": ("社会工作类", "social work")},
    "title_level": {
        "junior": ("初级", "junior"),
        "intermediate": ("中级", "intermediate"),
        "deputy_senior": ("副高级", "deputy senior"),
        "senior": ("正高级", "senior"),
    },
    "rule": {
        "years_served": ("从事党务工作年限", "years served"),
        "grade_held": ("持证年限", "grade held"),
        "ratings": ("年度考核", "annual ratings"),
        "inspections": ("年检", "annual inspections"),
        "hours": ("学时", "hours"),
        "assessed": ("评分", "assessed"),
        "confirmed": ("确认事项", "confirmed"),
        "inspections_failed": ("年检不合格", "inspections failed"),
        "rated_below": ("考核等次偏低", "rated below"),
        "suspended_months": ("暂停期限", "suspended for long"),
    },
}


def name_of(words: Words, kind: str, value: str) -> str:
    """A stage, state, level, rule, … in words; what is unknown stays as it is."""
    return words.say(*_NAMES[kind].get(value, (value, value.replace("_", " "))))


def criterion(words: Words, name: str, rule: str) -> str:
    """``trained (hours)``: the standard's own name of a criterion, and by what rule it is answered."""
    return words.say(f"{name}（{name_of(words, 'rule', rule)}）", f"{name} ({name_of(words, 'rule', rule)})")


_D = r"(\d{4}-\d\d-\d\d)"
_W = r"([a-z][a-z0-9_]*)"
_ZH_SIDES: Sequence[tuple[str, str]] = (
    (r"^no finding$", "无审查结论"),
    (r"^none$", "无"),
    (r"^confirmed$", "属实"),
    (r"^not confirmed$", "不属实"),
    (r"^at least (\d+) full years? in engagements$", r"任职满\1年"),
    (r"^(\d+) full years? \((\d+) days?\)$", r"满\1年（共\2天）"),
    (rf"^{_W} or above for (\d+) full years?, valid on {_D}$", r"持\1及以上满\2年，\3有效"),
    (rf"^{_W} or above, valid on {_D}$", r"持\1及以上，\2有效"),
    (rf"^{_W} valid, (\d+) full years? since {_D}$", r"\1有效，自\3起满\2年"),
    (rf"^{_W} or above in (\d+) of the years (\d+) to (\d+)$", r"\3至\4年中有\2年为\1及以上"),
    (r"^none failed or missed from (\d+) to (\d+)$", r"\1至\2年无不合格、无缺检"),
    (r"^at least (\d+) hours?$", r"不少于\1学时"),
    (r"^(\d+) hours?$", r"\1学时"),
    (r"^at least (\d+) points?$", r"不低于\1分"),
    (r"^(\d+) points?$", r"\1分"),
    (r"^fewer than (\d+) failed from (\d+) to (\d+)$", r"\2至\3年不合格少于\1次"),
    (rf"^fewer than (\d+) below {_W} from (\d+) to (\d+)$", r"\3至\4年低于\2少于\1次"),
    (r"^suspended for fewer than (\d+) months?$", r"暂停少于\1个月"),
    (rf"^suspended for (\d+) months? since {_D}$", r"自\2起已暂停\1个月"),
    (r"\bpassed (\d{4})", r"\1年合格"),
    (r"\bfailed (\d{4})", r"\1年不合格"),
    (r"\bmissed (\d{4})", r"\1年未参加"),
    (rf"\b{_W} (\d{{4}})\b", r"\2年\1"),
    (r"\b(valid|suspended|revoked|superseded|expired)\b", r"（\1）"),
    (r", ", "、"),
)
_ZH_WORDS: Mapping[str, str] = {
    "excellent": "优秀", "good": "良好", "competent": "称职", "basic": "基本称职", "incompetent": "不称职",
    "junior": "初级", "intermediate": "中级", "senior": "高级", "special": "特级",
    "valid": "有效", "suspended": "暂停", "revoked": "撤销", "superseded": "被取代", "expired": "过期",
}  # fmt: skip


def side(words: Words, text: str) -> str:
    """What a criterion or a limit required or found. A pattern that is unknown stays English, and is never wrong."""
    if words.lang != "zh":
        return text
    for pattern, turned in _ZH_SIDES:
        text = re.sub(pattern, turned, text)
    return re.sub(r"[a-z_]+", lambda match: _ZH_WORDS.get(match.group(), match.group()), text)


_ZH_REASONS: Sequence[tuple[str, str]] = (
    (r"^not met: (.+)$", r"不符合：\1"),
    (r"^panel mean (\S+) below (\d+)$", r"评审均分\1，低于\2"),
    (r"^an objection was upheld$", "异议成立"),
    (r"^no objection is open$", "无未决异议"),
    (r"^the registration was closed$", "注册登记已注销"),
    (r"^certificate (\S+), which was to be promoted, is not valid$", r"拟晋升的证书\1已无效"),
    (r"^certificate (\S+) is suspended$", r"证书\1已暂停"),
    (r"^the person holds (\S+) certificate (\S+) by now$", r"已持有同级或更高级证书\2"),
)


def reason_of(words: Words, text: str) -> str:
    """Why an application ended: the registry's own reasons turned; what somebody wrote stays as it is."""
    if words.lang == "zh":
        for pattern, turned in _ZH_REASONS:
            text = re.sub(pattern, turned, text)
    return text


def unmet(words: Words, criteria: Sequence[CriterionResult]) -> str:
    """The names of the criteria that are not met."""
    return words.say("、", ", ").join(each.name for each in criteria if not each.met)


# --- events -----------------------------------------------------------------------------------------------------------

Place = UnitRegistered | UnitClosed | InspectionOpened | InspectionClosed | PersonalDataExported


def place_text(words: Words, event: Place) -> str:
    """What has happened to a unit, an annual inspection or a list of people, as a sentence."""
    match event:
        case UnitRegistered():
            return words.say(
                f"单位 {event.unit}：{event.title}（区划 {event.division}）",
                f"unit {event.unit}: {event.title} (division {event.division})",
            )
        case UnitClosed():
            return words.say(f"单位 {event.unit} 撤销（{event.reason}）", f"unit {event.unit} closed ({event.reason})")
        case InspectionOpened():
            return words.say(
                f"{event.division} {event.year} 年度年检开始，至 {event.closes_on}",
                f"annual inspection {event.year} of {event.division} opened, to {event.closes_on}",
            )
        case InspectionClosed():
            rest = words.word("outcome", event.rest)
            return words.say(
                f"{event.division} {event.year} 年度年检结束，其余人员记为{rest}",
                f"annual inspection {event.year} of {event.division} closed, the others {rest}",
            )
        case PersonalDataExported():
            fields = ", ".join(event.fields)
            return words.say(
                f"{event.by} 导出了 {event.people} 人的 {fields}，用于 {event.purpose}（{event.reason}）",
                f"{event.by} exported {fields} of {event.people} people for {event.purpose} ({event.reason})",
            )
        case _:
            assert_never(event)


def event_text(words: Words, event: RegistryEvent, on: date) -> str:
    """Any event of the registry as a sentence. on: its effective date."""
    match event:
        case FactWithdrawn():
            return words.say(f"撤回 {event.withdraws}：{event.reason}", f"withdraws {event.withdraws}: {event.reason}")
        case FactCorrected():
            return words.say(f"更正 {event.corrects}：", f"corrects {event.corrects}: ") + words.fact(event.particulars, on)
        case FactAbsorbed():
            said = words.fact(event.particulars, on)
            return words.say(
                f"自档案 {event.absorbed_from} 并入：{said}", f"taken over from the file of {event.absorbed_from}: {said}"
            )
        case CertificationStandardPublished():
            number, revision = event.document.document, event.document.revision
            return words.say(
                f"发布认证标准 {number}，第 {revision} 版", f"certification standard {number} published, revision {revision}"
            )
        case UnitRegistered() | UnitClosed() | InspectionOpened() | InspectionClosed() | PersonalDataExported():
            return place_text(words, event)
        case _ if isinstance(event, RecordedFact):
            return words.fact(event.particulars, on)
        case _:
            return step_text(words, event)
