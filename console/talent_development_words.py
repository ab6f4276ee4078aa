"""Words of development in Chinese and English. What is not in the list is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["word"]

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
