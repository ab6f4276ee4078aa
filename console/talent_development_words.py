"""Words of development in Chinese and English. What is not in the list is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from contracts.development import (
    MentorAssigned,
    MentorshipEnded,
    PersonDevelopmentEvent,
    PlanActivityAdded,
    PlanActivityMoved,
    PlanAdopted,
    PlanClosed,
    PlanReviewed,
    RotationExempted,
    SecondmentEnded,
    SecondmentStarted,
    TrainingReported,
)

__all__ = ["development_sentence", "word"]

_WORDS: Mapping[str, tuple[str, str]] = {
    # plans
    "open": ("进行中", "open"),
    "fulfilled": ("已完成", "fulfilled"),
    "partly": ("部分完成", "partly"),
    "abandoned": ("终止", "abandoned"),
    "planned": ("未开始", "planned"),
    "begun": ("已开始", "begun"),
    "done": ("完成", "done"),
    "not_done": ("未完成", "not done"),
    "dropped": ("取消", "dropped"),
    "inspection_tour": ("巡视巡察", "inspection tour"),
    "supervision": ("督导", "supervision"),
    "research_project": ("课题", "research project"),
    "appraisal_work": ("党建考核", "appraisal work"),
    "learning_by_doing": ("以干代训", "learning by doing"),
    "secondment": ("挂职", "secondment"),
    "training": ("培训", "training"),
    "rotation": ("轮岗", "rotation"),
    "mentoring": ("导师帮带", "mentoring"),
    "other": ("其他", "other"),
    # rotation, training
    "within": ("期内", "within the limit"),
    "warning": ("即将到期", "comes up"),
    "over": ("超期", "over the limit"),
    "completed": ("已完成", "completed"),
    "completed_late": ("逾期完成", "completed late"),
    "due": ("待完成", "due"),
    "overdue": ("逾期", "overdue"),
    "lapsed": ("已离任", "left before"),
    "pending": ("未到期", "pending"),
    "not_due": ("签发前，不计", "before the list was issued"),
    "passed": ("合格", "passed"),
    "failed": ("不合格", "failed"),
    "absent": ("缺席", "absent"),
    "withdrawn": ("撤回", "withdrawn"),
    "province": ("省级", "province"),
    "city": ("市级", "city"),
    "county": ("县级", "county"),
    "unit": ("单位", "unit"),
    # ledgers
    "evidenced": ("待核销", "evidence submitted"),
    "closed": ("已销号", "closed"),
    "rectified": ("已整改", "rectified"),
    "unfounded": ("不属实", "unfounded"),
    "transferred": ("移交", "transferred"),
    "inspection": ("巡察检查", "inspection"),
    "appraisal": ("考核", "appraisal"),
    "audit": ("审计", "audit"),
    "self_check": ("自查", "self-check"),
    "complaint": ("信访", "complaint"),
    "monthly": ("每月", "monthly"),
    "quarterly": ("每季度", "quarterly"),
    "half_yearly": ("每半年", "half-yearly"),
    "yearly": ("每年", "yearly"),
    "on_track": ("按计划", "on track"),
    "behind": ("滞后", "behind"),
    "adjusted": ("已调整", "adjusted"),
    "recalled": ("召回", "recalled"),
    "broken_off": ("中止", "broken off"),
    # people
    "secretary": ("党组织书记", "secretary"),
    "deputy_secretary": ("专职副书记", "deputy secretary"),
    "recruited": ("专职党务工作者", "recruited"),
    "instructor": ("党建工作指导员", "instructor"),
    "part_time": ("兼职党务干部", "part-time cadre"),
}


def word(lang: str, text: str) -> str:
    """A word of the scheme in the language; anything else as it is."""
    found = _WORDS.get(text)
    return text if found is None else found[0] if lang == "zh" else found[1]


def development_sentence(lang: str, event: object) -> str | None:
    """One event of a person's development as a sentence; None: it is of another kind."""
    if not isinstance(event, get_args(PersonDevelopmentEvent)):
        return None
    zh, en = _sides(lang, event)
    return zh if lang == "zh" else en


def _sides(lang: str, event: PersonDevelopmentEvent) -> tuple[str, str]:
    match event:
        case PlanAdopted(says=plan, gaps=gaps):
            much = f"{len(plan.activities)} 项活动，针对 {len(gaps)} 项短板"
            return f"制定培养计划 {plan.plan}（{much}）", f"plan {plan.plan} adopted ({len(plan.activities)} activities)"
        case PlanActivityAdded(says=added):
            title = added.activity.title
            return f"计划 {added.plan} 增加：{title}", f"plan {added.plan}: {title} added"
        case PlanActivityMoved(says=moved):
            step = word(lang, moved.status)
            return f"计划 {moved.plan} 的 {moved.activity}：{step}", f"plan {moved.plan}, {moved.activity}: {step}"
        case PlanReviewed(says=reviewed):
            found = word(lang, reviewed.conclusion)
            return f"计划 {reviewed.plan} 评估：{found}", f"plan {reviewed.plan} reviewed: {found}"
        case PlanClosed(says=closed):
            outcome = word(lang, closed.outcome)
            return f"计划 {closed.plan} 结束：{outcome}", f"plan {closed.plan} closed: {outcome}"
        case RotationExempted(says=exempt):
            return f"延期轮岗至 {exempt.until}", f"exception of rotation until {exempt.until}"
        case SecondmentStarted(says=seconded):
            real = ("挂实职", "with real duties") if seconded.real_duties else ("挂职", "in name")
            return f"{real[0]}（{seconded.unit}，{seconded.post}）", f"seconded {real[1]} ({seconded.unit}, {seconded.post})"
        case SecondmentEnded(says=over):
            outcome = word(lang, over.outcome)
            return f"挂职 {over.secondment} 结束：{outcome}", f"secondment {over.secondment} ended: {outcome}"
        case TrainingReported(says=trained):
            outcome = word(lang, trained.outcome)
            return (
                f"培训 {trained.course}：{trained.hours} 学时，{outcome}",
                f"training {trained.course}: {trained.hours} h, {outcome}",
            )
        case MentorAssigned(says=taught):
            return f"确定导师 {taught.mentor}", f"mentor {taught.mentor}"
        case MentorshipEnded(says=parted):
            outcome = word(lang, parted.outcome)
            return f"导师帮带 {parted.mentorship} 结束：{outcome}", f"mentorship {parted.mentorship} ended: {outcome}"
