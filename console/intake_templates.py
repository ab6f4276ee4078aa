"""Templates of intake files: headings, an example row of a made-up person, and a sheet that explains how to fill them in.

One template a fact, and one workbook to take over an existing register. Whatever a template says of a column that the
contracts or the reader decide (required, words, forms), it reads from them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from console.cells import safe_cell
from console.intake_cells import CELL_CHARACTERS_MAX
from console.intake_columns import (
    BY_FIELD,
    FACT_BY_TYPE,
    FACTS,
    FIRST_HEADING,
    NAMED_BY,
    Column,
    FactFile,
    column_of,
    fact_type_of,
    is_required,
)
from console.intake_faults import COLUMNS_MAX, FILE_BYTES_MAX, ROWS_MAX
from contracts.problems import Lang

__all__ = ["EXAMPLE_MARK", "TAKEOVER", "TAKEOVER_NAMES", "is_example", "write_csv", "write_takeover", "write_template"]

EXAMPLE_MARK: dict[Lang, str] = {"zh": "示例", "en": "example"}
"""Stands for the running number of an example row, which is passed over when the file is read."""
EXPLAINED: dict[Lang, str] = {"zh": "填表说明", "en": "instructions"}
CHOICES_CHARACTERS_MAX = 255
"""Characters of the list of choices that a spreadsheet offers in a cell."""
WIDTH_MIN = 12
WIDTH_MAX = 60

TAKEOVER_NAMES = ("takeover", "接管", "接管模板")
TAKEOVER: tuple[tuple[str, str], ...] = (
    ("单位登记", "intake.unit-registered.v1"),
    ("人员登记", "intake.worker-registered.v1"),
    ("聘任", "intake.engagement-started.v1"),
    ("证书", "intake.certificate-issued.v1"),
    ("证书状态变更", "intake.certificate-changed.v1"),
    ("年度考核", "intake.annual-rating-recorded.v1"),
    ("年检", "intake.inspection-concluded.v1"),
    ("档案记载", "intake.dossier-entry-recorded.v1"),
)
"""Sheets of the workbook for the take-over of an existing register: Chinese name, fact."""
_NOT_TAKEN_OVER = frozenset({"key_source", "person_ref", "id", "time"})


@dataclass(frozen=True, slots=True)
class _Told:
    """What templates say of a fact: what a row reports, Chinese headings that say more than the column's own, values of the
    contract in the example row that differ from the column's ("": left empty), columns made by a heading, with an example."""

    en: str
    zh: str
    headings: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)


# -------------------------------------------------------------------------------------------------- texts, and a made-up person

_SAYS: dict[str, tuple[str, str]] = {
    "fact": ("the kind of fact, where the sheet's name does not say it", "本行是哪类事实；工作表名称已说明时不用"),
    "id": ("the source's own id of the message; empty: made from the row", "来源自己的消息编号；不填则由程序按内容生成"),
    "source_key": ("the source's own key for the person, given at registration",
        "来源给人员的编号，登记时给定，此后以此指明该人"),
    "key_source": ("the source that gave the key, if it is another", "给出人员编号的来源，非本来源时填写"),
    "person_ref": ("the registry's own token, in place of the key", "登记机关给出的标识，可代替人员编号"),
    "name": ("the person's name", "姓名"),
    "resident_id": ("18 characters (GB 11643); names the person where there is no key",
        "18 位公民身份号码；没有人员编号时以此指明该人"),
    "phone": ("5 to 20 digits", "5 至 20 位数字"),
    "bank_account": ("8 to 30 digits", "8 至 30 位数字"),
    "effectiveon": ("the day from which it is true", "自何日起生效"),
    "time": ("when the source recorded it; empty: now. It settles contradictions",
        "来源记录的时间；不填则为现在。两处矛盾时以此为准"),
    "division": ("the county or city that it is about", "所属（转入、认可、年检）的县或市"),
    "managing_unit": ("the managing unit", "管理单位名称"),
    "posting_unit": ("the posting unit", "挂靠单位名称"),
    "serving_unit": ("the serving unit", "服务单位名称"),
    "civil_servant": ("on the civil-service establishment; empty: no", "是否公务员编制；不填为否"),
    "key": ("the source's own key for this act", "来源给这次办理的编号"),
    "recognises": ("certificates that the new division recognises with the transfer", "转入地同时认可的证书"),
    "status": ("what a correction of it says", "更正登记状态时填写"),
    "status_reason": ("why", "注销或恢复的原因"),
    "engagement": ("the source's own key for the engagement; its end names the same", "来源给聘任的编号，离任时填同一编号"),
    "category": ("category of the worker", "人员类别"),
    "unit": ("the unit", "任职的单位"),
    "post": ("the post", "所任职务"),
    "full_time": ("whether the post is full-time; empty: yes", "是否专职；不填为是"),
    "entry_channel": ("how the person came into the post", "进入渠道"),
    "leaving_reason": ("why", "离任的原因"),
    "number": ("number of the certificate", "证书上的编号"),
    "grade": ("the grade; other words of the standard in English", "等级；标准中另有等级时填其英文词"),
    "issuer": ("the division that issues, or would issue", "发证（拟发证）单位所在区划"),
    "expires_on": ("last day of validity; empty: without end", "有效期最后一日；不填为长期有效"),
    "change": ("what happened to the certificate", "证书发生的变更"),
    "change_reason": ("why", "变更的原因"),
    "year": ("the calendar year", "所属年度"),
    "rating": ("the rating; other words of the standard in English", "等次；标准中另有等次时填其英文词"),
    "outcome": ("what the inspection came to", "年检的结论"),
    "closes_on": ("last day of the inspection", "年检最后一日"),
    "items": ("words for what is looked at",
        "检查哪些项目"),
    "rest": ("what everybody gets who has no result yet; empty: missed", "尚无结论者如何处理；不填为未参加"),
    "application": ("the source's own key for the application; each stage names it",
        "来源给申报的编号，以后各阶段填同一编号"),
    "application_source": ("the source that reported the application, if it is another", "申报由别的来源上报时填写"),
    "titles": ("titles that the applicant holds", "申报人持有的职称"),
    "waive": ("criteria to be waived for a title", "因职称免审的条件名"),
    "hours": ("hours attended", "参加的学时"),
    "score": ("points of 100", "百分制分数"),
    "scores": ("points of 100 of each judge, in one cell", "各评委的百分制分数，写在一格中"),
    "ends_on": ("only where the calendar of working days does not know the year", "工作日历尚未公布该年度时才填写"),
    "objection": ("the source's own key for the objection", "来源给异议的编号"),
    "objection_source": ("the source that reported the objection, if it is another", "异议由别的来源上报时填写"),
    "grounds": ("the grounds", "理由"),
    "resolution": ("whether it is upheld", "是否成立"),
    "finding": ("what was found", "核查的情况"),
    "entry": ("the source's own key for the entry", "来源给条目的编号"),
    "entry_source": ("the source that recorded the entry, if it is another", "条目由别的来源记载时填写"),
    "section": ("section of the file", "专项档案的部分"),
    "entry_title": ("title of the entry, at most 200 characters", "标题，最多 200 字"),
    "entry_text": ("text of the entry, at most 4,000 characters", "正文，最多 4000 字"),
    "entry_begins": ("from when; sealed as well", "从何时起；同样加密"),
    "entry_ends": ("until when; sealed as well", "到何时止；同样加密"),
    "appeal": ("the source's own key for the appeal", "来源给申诉的编号"),
    "appeal_source": ("the source that reported the appeal, if it is another", "申诉由别的来源上报时填写"),
    "unit_key": ("the source's own key for the unit", "来源给单位的编号"),
    "unit_title": ("name of the unit", "单位名称"),
    "credit_code": ("unified social credit code, where the unit has one", "统一社会信用代码，没有可不填"),
    "parent": ("key of the unit above it", "上一级单位的编号"),
    "cycle": ("key of the appraisal cycle", "考核周期的编号"),
    "cycle_source": ("the source that opened the cycle, if it is another", "考核周期由别的来源开启时填写"),
    "role": ("as whom the rater rates; other roles of the cycle in English", "以何种身份评分；办法中另有角色时填其英文词"),
    "rater": ("a token of the rater, never a name or number of a person", "评分人的代号，不得用姓名或证件号、电话号码"),
    "item": ("a quantitative item of the cycle", "考核办法中的定量项目名"),
    "achieved": ("what was achieved, in the item's unit", "完成的数量，按项目的单位"),
    "conduct_entry": ("the source's own key for the entry", "来源给这条记录的编号"),
    "points": ("points earned; less than 0: deducted", "获得的积分；扣分填负数"),
    "step": ("the step of the ladder", "采取的措施"),
    "until": ("last day of the sanction; empty: until it is lifted", "处理的最后一日；不填则至解除为止"),
    "honour_title": ("title of the honour", "表彰的名称"),
    "honour_level": ("level of who awards it", "表彰单位的级别"),
    "result": ("the source's own key of the result; again under it, what is known now", "来源给结果的编号；再报即更新"),
    "course": ("the source's own key of the course", "来源给课程的编号"),
    "session": ("the source's own key of the session", "来源给班次的编号"),
    "trained": ("what came of it", "培训的结果"),
    "placed": ("place in a contest", "竞赛中的名次"),
    "course_title": ("title of the course", "课程的名称"),
    "topic": ("a word that the development policy names", "培养管理办法中的主题词（英文）"),
    "course_level": ("level of who holds it", "举办单位的层级"),
    "contest": ("whether it is a skills contest", "是否技能竞赛"),
    "problem": ("the source's own key of the problem", "来源给问题的编号"),
    "owner": ("the role that answers for it, no name", "负责整改的岗位，不写姓名"),
    "found_by": ("how it was found", "问题是怎样发现的"),
    "says": ("what is wrong, without naming anybody", "问题的内容，不写姓名"),
    "due_on": ("its last day; else working days; else the policy says", "整改的最后一日；可改填工作日数；都不填则按办法"),
    "working_days": ("working days until it is put right", "整改所需的工作日数"),
    "list": ("key of the responsibility list", "责任清单的编号"),
    "list_source": ("the source that issued the list, if it is another", "清单由别的来源下达时填写"),
    "list_item": ("key of the item in the list", "清单中事项的编号"),
    "period": ("2026-03, 2026-Q1, 2026-H1 or 2026, as the item is checked", "按事项的周期：2026-03、2026-Q1、2026-H1 或 2026"),
    "checked_off": ("whether it was done", "是否完成"),
    "nominated_by": ("how the person was found", "从哪种渠道提名"),
    "ladder": ("a word that the qualification standard names", "资质标准中的梯队词（英文）"),
    "pool": ("the source's own key of the pool", "来源给后备库的编号"),
    "age_years": ("full years on the day of the report; no date of birth", "填报之日的周岁，不填出生日期"),
    "degree": ("the highest degree", "最高学历"),
    "majors": ("words that the qualification standard names", "资质标准中的专业词（英文）"),
    "party_joined_on": ("the month", "入党的年月"),
    "enterprise_years": ("full years", "在本企业工作的整年数"),
    "held_title": ("the highest professional title", "最高的专业技术职称级别"),
    "departments": ("how many the person has worked in", "任过职的部门个数"),
    "listed_post_years": ("full years in the posts that the standard lists", "在标准所列岗位任职的整年数"),
    "healthy": ("whether health allows the post", "健康状况能否履职"),
    "competencies/political/score": ("rated 1 to 5, 5 the best", "评为 1 至 5 分，5 分最好"),
    "competencies/learning/score": ("rated 1 to 5, 5 the best", "评为 1 至 5 分，5 分最好"),
    "competencies/coordination/score": ("rated 1 to 5, 5 the best", "评为 1 至 5 分，5 分最好"),
    "competencies/organising/score": ("rated 1 to 5, 5 the best", "评为 1 至 5 分，5 分最好"),
    "competencies/innovation/score": ("rated 1 to 5, 5 the best", "评为 1 至 5 分，5 分最好"),
    "staff": ("all staff of the unit on the day", "当日该单位全部职工数"),
    "model": ("how the unit is led", "该单位党组织负责人的选拔方式"),
    "posts": ("all posts of the unit that the model is about, named as in engagements",
        "选拔方式涉及的全部职务，名称与聘任中的职务一致"),
    "secondment": ("the source's own key of the secondment; its end names the same", "来源给挂职的编号，结束时填同一编号"),
    "real_duties": ("whether the post has duties of its own", "挂职岗位是否分管实际工作"),
    "planned_end": ("the planned last day", "计划的最后一日"),
    "secondment_outcome": ("how it ended", "挂职如何结束"),
    "mentorship": ("the source's own key of the mentorship; its end names the same", "来源给带教的编号，结束时填同一编号"),
    "mentor": ("who teaches: the registry's token", "导师本人在登记机关的标识"),
    "aim": ("what it is to achieve, without naming anybody", "要达到的目标，不写姓名"),
    "mentorship_outcome": ("how it ended", "带教如何结束"),
    "plan": ("key of the person's plan", "该人培养计划的编号"),
    "activity": ("key of the activity in the plan", "计划中活动的编号"),
    "activity_status": ("where it has come to; done needs evidence or an explanation, dropped an explanation",
        "活动到了哪一步；完成须有证据或说明，取消须有说明"),
    "evidence": ("SHA-256 of attachments, in one cell", "附件的 SHA-256，写在一格中"),
    "explanation": ("what else is to be said, without naming anybody", "需要说明的情况，不写姓名"),
    "kind": ("what kind of fact is corrected", "更正的是哪类事实"),
    "corrects_id": ("message id of the fact", "原消息的编号"),
    "corrects_source": ("its source, if it is another", "原消息来自别的来源时填写"),
    "withdraws_id": ("message id of the fact", "原消息的编号"),
    "withdraws_source": ("its source, if it is another", "原消息来自别的来源时填写"),
    "reason": ("why", "原因"),
}  # fmt: skip
_EXAMPLES: dict[str, str] = {
    "source_key": "K0001", "name": "示例人员", "resident_id": "999999198001010011", "phone": "00000000000",
    "bank_account": "0000000000000000", "effectiveon": "2025-01-04", "division": "320102",
    "managing_unit": "示例县委组织部", "posting_unit": "示例镇党委", "serving_unit": "示例村党支部",
    "civil_servant": "false", "key": "B2025-001", "status_reason": "retired", "engagement": "E2025-001",
    "category": "secretary", "unit": "示例村党支部", "post": "党支部书记", "full_time": "true",
    "entry_channel": "internal", "leaving_reason": "term_ended", "number": "ZS-2025-0001", "grade": "junior",
    "issuer": "320102", "change": "suspended", "change_reason": "年检未通过", "year": "2024", "rating": "excellent",
    "outcome": "passed", "closes_on": "2025-03-31", "items": "duties;discipline", "rest": "missed",
    "application": "SB2025-001", "titles": "political_work:intermediate", "hours": "48", "score": "88",
    "scores": "85;90;88;92;79", "objection": "YY2025-001", "grounds": "培训学时记录有出入", "resolution": "dismissed",
    "finding": "经核查，记录无误", "entry": "DA2025-001", "section": "work_history", "entry_title": "任示例村党支部书记",
    "entry_text": "示例内容，仅供参考", "entry_begins": "2019-07", "entry_ends": "2024-12", "appeal": "SS2025-001",
    "cycle": "annual-2025", "role": "leader", "rater": "leader-01", "item": "activities", "achieved": "11",
    "conduct_entry": "J2025-001", "points": "5", "step": "interview", "honour_title": "优秀党务工作者",
    "honour_level": "county", "person_ref": "p0000000000000000000000000a",
    "result": "PX2025-001", "course": "KC2025-01", "session": "KC2025-01-1", "trained": "passed", "placed": "",
    "course_title": "新任党支部书记任职培训", "topic": "branch-secretary", "course_level": "city", "contest": "no",
    "problem": "WT2025-001", "owner": "党支部书记", "found_by": "inspection", "says": "记录不全", "due_on": "2025-12-31",
    "working_days": "", "list": "ZR2025-001", "list_item": "lessons", "period": "2025-Q4", "checked_off": "done",
    "nominated_by": "organisation_recommended", "ladder": "secretary", "pool": "HB2025", "age_years": "40",
    "degree": "bachelor", "majors": "party-building", "party_joined_on": "2010-07", "enterprise_years": "12",
    "held_title": "intermediate", "departments": "3", "listed_post_years": "6", "healthy": "true",
    "competencies/political/score": "5", "competencies/learning/score": "4", "competencies/coordination/score": "4",
    "competencies/organising/score": "4", "competencies/innovation/score": "3", "staff": "1200", "model": "one_person",
    "posts": "党委书记:party:secretary:1;董事长:management", "secondment": "GZ2025-001", "real_duties": "true",
    "planned_end": "2025-12-31", "secondment_outcome": "completed", "mentorship": "DJ2025-001",
    "mentor": "p0000000000000000000000000b", "aim": "独立主持支部工作", "mentorship_outcome": "completed",
    "plan": "PY2025-001", "activity": "HD-01", "activity_status": "done", "evidence": "", "explanation": "总结在档",
    "unit_key": "U0001", "unit_title": "示例村党支部", "parent": "U0000", "kind": "rating", "corrects_id": "my-message-1",
    "withdraws_id": "my-message-1", "reason": "误报",
}  # fmt: skip
"""Values of the contract in example rows. The person is made up: GB/T 2260 gives the place 999999 to nobody."""
_CORRECTION = frozenset({"corrects_id", "kind", "reason", "year", "rating", "effectiveon"})

_FACTS: dict[str, _Told] = {
    "worker-registered": _Told("a worker registered", "登记一名党务工作者", {"effectiveon": "登记日期"},
        {"effectiveon": "2019-07-01"}),
    "registration-transferred": _Told("a registration that moves to another division", "登记转到另一区划",
        {"effectiveon": "转接日期", "key": "转接编号", "division": "转入区划"},
        {"division": "320104", "recognises": "ZS-2025-0001"}),
    "registration-closed": _Told("the end of a registration; the date is its last day", "注销登记；日期为登记的最后一日",
        {"effectiveon": "注销日期", "key": "注销编号", "status_reason": "注销原因"}),
    "registration-reopened": _Told("a closed registration that is open again", "恢复已注销的登记；日期为恢复首日",
        {"effectiveon": "恢复日期", "key": "恢复编号", "status_reason": "恢复原因"},
        {"status_reason": "returned", "key": "B2025-002"}),
    "engagement-started": _Told("an engagement; the date is its first day", "聘任；日期为首日",
        {"effectiveon": "聘任日期"}, {"effectiveon": "2019-07-01"}),
    "engagement-ended": _Told("the end of an engagement; the date is its last day", "离任；日期为最后一日",
        {"effectiveon": "离任日期"}),
    "certificate-issued": _Told("a certificate that was issued before, or elsewhere", "已发的资格证书",
        {"effectiveon": "发证日期"}, {"effectiveon": "2020-03-02", "expires_on": "2030-03-01"}),
    "certificate-changed": _Told("a certificate suspended, reinstated, downgraded, revoked or superseded",
        "证书暂停、恢复、降级、撤销或被取代", {"effectiveon": "变更日期", "key": "变更编号", "grade": "变更后等级"},
        {"grade": "", "key": "BG2025-001"}),
    "certificate-recognised": _Told("a certificate that holds in another division too", "证书在另一区划得到认可",
        {"effectiveon": "认可日期", "division": "认可区划"}, {"division": "320104"}),
    "annual-rating-recorded": _Told("an annual rating", "年度考核等次", {"effectiveon": "考核日期"}),
    "inspection-opened": _Told("the annual inspection of a division begins", "某区划开展年检",
        {"effectiveon": "开展日期", "division": "年检区划"}),
    "inspection-concluded": _Told(
        "what a worker's annual inspection came to. Columns checked:<item> may say what was in order",
        "人员年检的结论。各检查项目可另加“检查:<项目名>”列，填是或否", {"effectiveon": "年检日期"}),
    "inspection-closed": _Told("the annual inspection ends; settles all who have no result",
        "年检结束，处理尚无结论的人员", {"effectiveon": "结束日期", "division": "年检区划"}),
    "certification-applied": _Told("stage 1: an application", "第一阶段：个人申报",
        {"effectiveon": "申报日期", "grade": "申报等级", "issuer": "拟发证区划"}),
    "eligibility-reviewed": _Told(
        "stage 2: the eligibility review. One column for each criterion that the standard leaves to a reviewer: hours:<name>, "
        "points:<name> or confirmed:<name>, and evidence:<name> for the SHA-256 of attachments; those here are examples",
        "第二阶段：资格审查。标准中由审查人认定的条件各用一列：“学时:<条件名>”“评分:<条件名>”或“确认:<条件名>”，"
        "证据附件写在“证据:<条件名>”（SHA-256）；本表所列为示例",
        {"effectiveon": "审查日期"}, extra={"学时:training": "80", "评分:ability": "85", "确认:results": "true"}),
    "training-tested": _Told("stage 3: the training test", "第三阶段：培训测试", {"effectiveon": "测试日期"}),
    "panel-reviewed": _Told("stage 4: the panel review", "第四阶段：综合评审", {"effectiveon": "评审日期"}),
    "notice-opened": _Told("stage 5: the public notice; the date is its first day", "第五阶段：社会公示；日期为公示首日",
        {"effectiveon": "公示日期"}),
    "objection-raised": _Told("an objection during the notice", "公示期间的异议", {"effectiveon": "异议日期"}),
    "objection-resolved": _Told("what an objection came to", "异议的处理", {"effectiveon": "处理日期"}),
    "certification-withdrawn": _Told("the applicant gives up", "申报人撤回申报", {"effectiveon": "撤回日期"},
        {"reason": "本人放弃"}),
    "dossier-entry-recorded": _Told(
        "an entry of the special file; title, text and times are sealed. Attachments do not fit into a row: use JSON Lines",
        "专项档案的一条记载；标题、正文、起止时间由程序加密。附件不能写在表格里，请用 JSON Lines 上报",
        {"effectiveon": "记载日期"}),
    "dossier-entry-corrected": _Told(
        "the whole entry as it should read. One that has attachments would lose them: use JSON Lines",
        "一条记载更正后的全部内容。原记载带附件的请用 JSON Lines 更正，否则附件会丢失",
        {"effectiveon": "更正日期"}, {"reason": "笔误"}),
    "rating-appealed": _Told("an appeal against an annual rating", "对年度考核等次的申诉",
        {"effectiveon": "申诉日期", "grounds": "申诉理由"}, {"grounds": "漏计一项实绩"}),
    "rating-appeal-decided": _Told("what an appeal came to; if it is upheld, the new rating",
        "申诉的决定；成立时填写新等次", {"effectiveon": "决定日期", "rating": "新考核等次", "reason": "决定理由"},
        {"resolution": "upheld", "reason": "实绩属实"}),
    "unit-registered": _Told("a unit, or the whole of what is known of it now",
        "登记单位；再次上报即为该单位现在的全部内容", {"effectiveon": "登记日期", "division": "单位区划"},
        {"effectiveon": "2019-01-01", "parent": ""}),
    "unit-closed": _Told("a unit that ends", "撤销单位", {"effectiveon": "撤销日期", "reason": "撤销原因"},
        {"reason": "撤并"}),
    "appraisal-person-enrolled": _Told("somebody who is appraised in a cycle", "参加考核的人员",
        {"effectiveon": "登记日期"}, {"effectiveon": "2026-01-05"}),
    "appraisal-rating-given": _Told(
        "one rater's marks for one person. One column mark:<name> for each item that the cycle has raters mark; those here are "
        "examples", "一名评分人给一人的评分。办法中由评分人打分的每个项目各用一列“得分:<项目名>”；本表所列为示例",
        {"effectiveon": "评分日期"}, {"effectiveon": "2026-01-10"},
        {"得分:virtue": "92.5", "得分:ability": "90", "得分:diligence": "95", "得分:integrity": "96"}),
    "appraisal-result-measured": _Told("what somebody achieved of a quantitative item", "定量项目的完成情况",
        {"effectiveon": "统计日期"}, {"effectiveon": "2026-01-10"}),
    "points-recorded": _Told("points that were earned or deducted", "获得或扣减积分", {"effectiveon": "记分日期",
        "conduct_entry": "积分编号", "reason": "记分原因"}, {"effectiveon": "2025-05-01", "reason": "组织主题党日"}),
    "sanction-imposed": _Told("a sanction, from the day on", "对人员的处理，自该日起", {"effectiveon": "处理日期",
        "conduct_entry": "处理编号", "reason": "处理原因"}, {"effectiveon": "2025-06-01", "reason": "台账不实"}),
    "honour-awarded": _Told("an honour", "对人员的表彰", {"effectiveon": "表彰日期", "conduct_entry": "表彰编号"},
        {"effectiveon": "2025-07-01"}),
    "training-course-recorded": _Told("a course of the training base", "培训信息库中的课程", {"effectiveon": "课程日期"},
        {"effectiveon": "2025-01-01"}),
    "training-reported": _Told("what came of somebody's training", "人员参加培训的结果", {"effectiveon": "培训日期"},
        {"effectiveon": "2025-06-10"}),
    "problem-raised": _Told("a problem of the rectification ledger", "问题台账中的问题", {"effectiveon": "发现日期",
        "division": "单位区划", "unit": "单位"}, {"effectiveon": "2025-12-01"}),
    "responsibility-checked": _Told("an item of a responsibility list for a period", "责任清单事项按周期核对",
        {"effectiveon": "核对日期"}, {"effectiveon": "2025-12-31"}),
    "candidate-nominated": _Told("somebody nominated for the reserve pool", "提名后备人才", {"effectiveon": "提名日期"},
        {"effectiveon": "2025-02-10"}),
    "candidate-profiled": _Told(
        "what a screening asks and the registry does not hold; the whole of it each time, what is not known is left empty",
        "资格审查所需、登记中没有的材料；每次须写全，不知道的不填", {"effectiveon": "材料日期"},
        {"effectiveon": "2025-02-11"}),
    "candidate-screened": _Told("a request to screen somebody, by the standard in force and the facts of that day",
        "提请资格审查，依据当日有效的标准和事实", {"effectiveon": "审查申请日期"}, {"effectiveon": "2025-02-20"}),
    "candidate-admitted": _Told("a request to admit somebody who has passed the screening", "审查通过后提请入库",
        {"effectiveon": "入库申请日期"}, {"effectiveon": "2025-03-01"}),
    "unit-staff-reported": _Told("the staff of a unit on the day, all kinds of work together", "单位当日职工总数，各类人员合计",
        {"effectiveon": "统计日期", "unit": "单位", "division": "单位区划"}, {"effectiveon": "2025-12-31", "unit": "示例公司"}),
    "leadership-model-set": _Told("how a unit is led from the day on, with all of its posts that this is about",
        "单位自该日起的选拔方式及涉及的全部职务", {"unit": "单位", "division": "单位区划"}, {"unit": "示例公司"}),
    "secondment-started": _Told("a secondment; the date is its first day", "挂职；日期为首日",
        {"effectiveon": "挂职开始日期", "unit": "挂职单位", "post": "挂职职务"},
        {"effectiveon": "2025-04-01", "unit": "示例街道", "post": "副书记"}),
    "secondment-ended": _Told("the end of a secondment; the date is its last day", "挂职结束；日期为最后一日",
        {"effectiveon": "挂职结束日期"}, {"effectiveon": "2025-12-31"}),
    "mentor-assigned": _Told("a mentor for somebody, who is named by the person ref", "为人员确定导师；“人员标识”填被带教人",
        {"effectiveon": "带教开始日期"}, {"effectiveon": "2025-04-01"}),
    "mentorship-ended": _Told("the end of a mentorship; the date is its last day", "带教结束；日期为最后一日",
        {"effectiveon": "带教结束日期"}, {"effectiveon": "2025-12-31"}),
    "plan-activity-moved": _Told("how far an activity of somebody's plan has come", "培养计划中活动的进展",
        {"effectiveon": "进展日期"}, {"effectiveon": "2025-06-30"}),
    "fact-corrected": _Told("the right particulars of an earlier fact, all of them",
        "更正以前上报的事实，须写全更正后的内容"),
    "fact-withdrawn": _Told("an earlier fact that should never have been reported", "撤回不应上报的事实"),
}  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- what is in one


@dataclass(frozen=True, slots=True)
class _Filled:
    """A column of a template: its heading, what is read from it, and the value in the example row, as its author writes it."""

    heading: str
    column: Column
    example: str
    required: bool


def _filled(fact: FactFile, lang: Lang, without: frozenset[str] = frozenset()) -> list[_Filled]:
    told = _FACTS[fact.short]
    found = []
    for name in fact.columns:
        if name not in without:
            column = BY_FIELD[name]
            heading = told.headings.get(name, column.zh) if lang == "zh" else column.en
            found.append(_Filled(heading, column, _shown(column, _example_of(fact, name), lang), is_required(fact, name)))
    for heading, value in told.extra.items():
        made = column_of(heading)
        assert made is not None
        found.append(_Filled(made.heading(lang), made, _shown(made, value, lang), False))
    return found


def _example_of(fact: FactFile, name: str) -> str:
    """The contract's value in the example row. A person is named once: by the key, or at registration by who they are."""
    if name == "key_source" or (name == "person_ref" and not fact.by_ref) or (name == "resident_id" and not fact.registers):
        return ""
    if fact.type == "intake.fact-corrected.v1" and name not in _CORRECTION:
        return ""
    return _FACTS[fact.short].example.get(name, _EXAMPLES.get(name, ""))


def is_example(fact_type: str, values: Mapping[str, Any]) -> bool:
    """Whether a row says nothing but what the example row of the fact says. values: as they were read, by column."""
    fact = FACT_BY_TYPE.get(fact_type)
    if fact is None:
        return False
    given = {each.column.field: each.column.kind.read(each.example) for each in _filled(fact, "en") if each.example}
    return all(name in given and given[name] == value for name, value in values.items())


def _shown(column: Column, value: str, lang: Lang) -> str:
    if lang == "zh" and column.field == "titles" and value:
        return "政工类中级"
    if lang == "zh" and column.field == "posts" and value:
        return "党委书记:党组织:书记:1;董事长:行政"
    return column.kind.shown(value, lang == "zh")


def write_template(path: str | Path, fact_type: str, lang: Lang = "en", *, example: bool = False) -> list[str]:
    """Write a file with the headings of a fact type: CSV (UTF-8 with BOM) or XLSX, by the path's ending.

    example: with a running number and one example row, which is passed over when the file is read. Returns the headings. The
    columns of an XLSX template are text, so that long numbers and codes keep all their digits; a second sheet explains them.
    Raises ValueError for a type that CSV and XLSX files do not hold, or for another ending.
    """
    path = Path(path)
    fact = FACT_BY_TYPE.get(fact_type_of(fact_type) or "")
    if fact is None:
        raise ValueError("there is no template for this type; use one of: " + ", ".join(each.short for each in FACTS))
    filled = _filled(fact, lang)
    kind = path.suffix.casefold()
    if kind in (".csv", ".txt"):
        write_csv(path, _lines(filled, lang, example=example))
    elif kind == ".xlsx":
        book = openpyxl.Workbook()
        title = fact.zh if lang == "zh" else fact.short
        _sheet(book.worksheets[0], title, filled, lang, example=example)
        _explain(book.create_sheet(), [(title, fact, filled)], lang)
        book.save(path)
    else:
        raise ValueError("a template's name ends in .csv or .xlsx")
    return _lines(filled, lang, example=example)[0]


def write_takeover(path: str | Path, lang: Lang = "en") -> dict[str, list[str]]:
    """Write the workbook for the take-over of an existing register: a sheet a fact with an example row, one that explains.

    Returns sheet → headings. Raises ValueError if the path does not end in .xlsx.
    """
    path = Path(path)
    if path.suffix.casefold() != ".xlsx":
        raise ValueError("the template for a take-over is a workbook: its name ends in .xlsx")
    sheets = []
    for title, type in TAKEOVER:
        fact = FACT_BY_TYPE[type]
        without = _NOT_TAKEN_OVER | (frozenset() if fact.registers else {"resident_id"})
        sheets.append((title if lang == "zh" else fact.short, fact, _filled(fact, lang, without)))
    book = openpyxl.Workbook()
    _explain(book.worksheets[0], sheets, lang)
    for title, _, filled in sheets:
        _sheet(book.create_sheet(), title, filled, lang, example=True)
    book.save(path)
    return {title: _lines(filled, lang, example=True)[0] for title, _, filled in sheets}


def _lines(filled: list[_Filled], lang: Lang, *, example: bool) -> list[list[str]]:
    """The heading, and the example row if it is wanted."""
    headings = [safe_cell(each.heading) for each in filled]
    if not example:
        return [headings]
    return [[FIRST_HEADING[lang], *headings], [EXAMPLE_MARK[lang], *(safe_cell(each.example) for each in filled)]]


def write_csv(path: Path, rows: Iterable[list[str]]) -> None:
    """Write CSV as spreadsheets read it: UTF-8 with BOM."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)


# -------------------------------------------------------------------------------------------------------------------- workbooks


def _sheet(sheet: Any, title: str, filled: list[_Filled], lang: Lang, *, example: bool) -> None:
    sheet.title = title
    lines = _lines(filled, lang, example=example)
    for line in lines:
        sheet.append(line)
    for index, heading in enumerate(lines[0], 1):
        letter = get_column_letter(index)
        sheet.column_dimensions[letter].number_format = "@"
        sheet.column_dimensions[letter].width = max(WIDTH_MIN, 2 * len(heading))
        sheet[f"{letter}1"].font = Font(bold=True)
    for cell in (cell for line in sheet.iter_rows(min_row=2) for cell in line):
        cell.number_format = "@"
        cell.font = Font(italic=True, color="808080")
    for index, each in enumerate(filled, 2 if example else 1):
        _offer(sheet, get_column_letter(index), each, lang)
    sheet.freeze_panes = "A2"


def _offer(sheet: Any, letter: str, each: _Filled, lang: Lang) -> None:
    """A list of the words in each cell of the column; another word may be typed, as a standard may have others."""
    if each.column.kind.words is None:
        return
    words = (each.column.kind.zh if lang == "zh" else each.column.kind.en).replace("、", ",").replace(", ", ",")
    if len(words) <= CHOICES_CHARACTERS_MAX:
        offered = DataValidation("list", formula1=f'"{words}"', allow_blank=True, showErrorMessage=False)
        offered.add(f"{letter}2:{letter}{ROWS_MAX}")
        sheet.add_data_validation(offered)


def _explain(sheet: Any, sheets: list[tuple[str, FactFile, list[_Filled]]], lang: Lang) -> None:
    """The sheet that says what each column is, what must be filled in, and the limits; it is never read."""
    sheet.title = EXPLAINED[lang]
    for line in _NOTES[lang]:
        sheet.append([line])
    sheet.append([])
    heading = ("工作表", "列", "是否必填", "内容", "填写格式或可选值") if lang == "zh" else (
        "sheet", "column", "required", "what it says", "how it is written")  # fmt: skip
    sheet.append(heading)
    for cell in sheet[sheet.max_row]:
        cell.font = Font(bold=True)
    for title, fact, filled in sheets:
        told = _FACTS[fact.short]
        sheet.append([title, "", "", told.zh if lang == "zh" else told.en, ""])
        for each in filled:
            says = _SAYS.get(each.column.field, ("what was found for this criterion", "对该条件的认定"))[lang == "zh"]
            written = each.column.kind.zh if lang == "zh" else each.column.kind.en
            sheet.append([safe_cell(text) for text in (title, each.heading, _required(each, fact, lang), says, written)])
    for letter, width in zip("ABCDE", (18, 22, 12, WIDTH_MAX, WIDTH_MAX), strict=True):
        sheet.column_dimensions[letter].width = width
    for line in sheet.iter_rows(min_row=len(_NOTES[lang]) + 2):
        for cell in line:
            cell.alignment = Alignment(wrap_text=True, vertical="top")


def _required(each: _Filled, fact: FactFile, lang: Lang) -> str:
    if not fact.registers and not fact.by_ref and each.column.field in NAMED_BY and each.column.field != "key_source":
        return "指明人员，只填一种" if lang == "zh" else "one of those that name the person"
    if lang == "zh":
        return "必填" if each.required else "选填"
    return "yes" if each.required else "no"


_GIB = FILE_BYTES_MAX // 1024**3
_NOTES: dict[Lang, tuple[str, ...]] = {
    "zh": (
        "第 1 行是表头，从第 2 行起每行报告一项事实。表头的顺序可以改变，不用的列可以删除；“序号”“备注”列不读取。",
        "“序号”为“示例”的行是示例，读取时跳过；可删除，改为自己的内容时须改填序号。示例中的人员、单位均为虚构。",
        "人员编号由本单位自定，登记时给出，此后各表以此指明该人；不得使用身份证号或其他个人信息。",
        "姓名、身份证号、电话、银行账号和档案内容由程序加密后发送；其他列不要写入个人信息。",
        f"上限：每个文件 {ROWS_MAX:,} 行、每张表 {COLUMNS_MAX} 列、每格 {CELL_CHARACTERS_MAX:,} 字、文件 {_GIB} GiB。",
        "先用 hongling intake check 检查（不发送），再用 hongling intake publish 上报；重复上报同一文件不会重复登记。",
    ),
    "en": (
        "Row 1 is the heading; each row below reports one fact. Columns may be moved or removed; no. and remarks are not read.",
        "A row whose number is “example” is passed over; give it a number if you make it your own. Its people are made up.",
        "You give each person a key of your own at registration, and name them by it afterwards; never a resident ID.",
        "Name, resident ID, phone, bank account, dossier entries are sealed by the program; write no personal data elsewhere.",
        f"Limits: {ROWS_MAX:,} rows and {_GIB} GiB a file, {COLUMNS_MAX} columns, {CELL_CHARACTERS_MAX:,} characters a cell.",
        "`hongling intake check` checks and publishes nothing; `hongling intake publish` publishes, and may be repeated.",
    ),
}  # fmt: skip
