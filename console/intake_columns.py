"""The columns of intake files, and the facts that CSV and XLSX files hold: headings, words, examples. Tables only.

One row reports one fact. A column is known by its heading, Chinese or English; its cells become a field of the contract
(``contracts.intake``). Criteria and inspection items that a standard names have columns of their own, made from the heading:
``学时:training``, ``评分:ability``, ``确认:results``, ``证据:results``, ``检查:duties``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.intake_cells import (
    COUNT,
    CREDIT_CODE,
    DASHED,
    DAY,
    DIVISION,
    ID,
    KEY,
    LONG,
    MOMENT,
    MONTH,
    PERIOD,
    PLAIN,
    POINTS,
    REF,
    SEALED,
    SECRET,
    SHORT,
    SOURCE,
    WORD,
    YEAR,
    CellKind,
    bare,
    choice,
    listed,
    posts,
    titles,
)
from contracts.intake import FACT_TYPES, DossierContent, Identity
from contracts.normal import compatible
from contracts.problems import Lang
from contracts.standard import COMPETENCIES, Competency

__all__ = [
    "BY_FIELD",
    "COLUMNS",
    "CONTENT",
    "FACTS",
    "FACT_BY_TYPE",
    "FAMILIES",
    "FIRST_HEADING",
    "IDENTITY",
    "NAMED_BY",
    "PROBLEMS_HEADING",
    "TYPE_BY_KIND",
    "Column",
    "FactFile",
    "Family",
    "column_of",
    "fact_type_of",
    "is_example_mark",
    "is_known_heading",
    "is_passed_over",
    "is_problems_heading",
    "is_required",
    "is_running_number",
]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name here, the headings of templates, other headings that are read too, and how its cells are read.

    to: the contract's field, if it has another name there. family: of a column that a heading has made, the list whose entry it
    is a part of, the entry's name, and the part.
    """

    field: str
    en: str
    zh: str
    also: tuple[str, ...]
    kind: CellKind
    to: str = ""
    family: tuple[str, str, str] | None = None

    @property
    def into(self) -> str:
        return self.to or self.field

    def heading(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.en


# ---------------------------------------------------------------------------------------------------------- words of choices

_YES_NO = {"是": True, "否": False, "yes": True, "no": False, "y": True, "n": False, "1": True, "0": False}
_CONFIRMED = {**_YES_NO, "属实": True, "不属实": False, "符合": True, "不符合": False, "有": True, "无": False}
_IN_ORDER = {**_YES_NO, "合格": True, "不合格": False, "正常": True, "不正常": False}
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
_STATUS = {"注销": "closed", "恢复": "reopened"}
_STATUS_REASONS = {"离岗": "left", "离职": "left", "退休": "retired", "去世": "died", "迁出": "moved_away",
                   "调离": "moved_away", "登记有误": "mistake", "误登": "mistake", "返岗": "returned", "回岗": "returned",
                   "其他": "other"}  # fmt: skip
_CHANGES = {"暂停": "suspended", "恢复": "reinstated", "降级": "downgraded", "撤销": "revoked", "吊销": "revoked",
            "被取代": "superseded", "换证": "superseded", "晋升换证": "superseded"}  # fmt: skip
_RESOLUTIONS = {"成立": "upheld", "支持": "upheld", "不成立": "dismissed", "驳回": "dismissed", "维持": "dismissed"}
_REST = {"未参加": "missed", "缺检": "missed", "未年检": "missed", "通过": "passed", "合格": "passed"}
_SECTIONS = {"基本信息": "basics", "基本情况": "basics", "工作经历": "work_history", "履历": "work_history",
             "教育培训": "education_training", "培训": "education_training", "考核": "appraisal", "考核情况": "appraisal",
             "待遇": "pay_treatment", "薪酬待遇": "pay_treatment", "奖惩": "rewards_sanctions",
             "奖惩情况": "rewards_sanctions"}  # fmt: skip
_TITLE_FIELDS = {"政工类": "political_work", "政工": "political_work", "社会工作类": "social_work", "社工类": "social_work"}
_TITLE_LEVELS = {"初级": "junior", "中级": "intermediate", "副高级": "deputy_senior", "正高级": "senior"}
_ROLES = {"分管领导": "leader", "上级部门": "superior", "员工群众": "staff", "群众": "staff", "互评": "mutual"}
_STEPS = {"取消评优": "cancel_honours", "约谈": "interview", "限期整改": "rectification", "调出": "transfer_out"}
_LEVELS = {"单位": "unit", "县级": "county", "市级": "city", "省级": "province", "国家级": "state"}
_TRAINED = {"合格": "passed", "通过": "passed", "完成": "completed", "结业": "completed", "不合格": "failed", "缺席": "absent",
            "未参加": "absent", "撤回": "withdrawn"}  # fmt: skip
_COURSE_LEVELS = {"单位": "unit", "县级": "county", "市级": "city", "省级": "province"}
_FOUND_BY = {"巡察检查": "inspection", "巡视巡察": "inspection", "检查": "inspection", "考核": "appraisal", "审计": "audit",
             "自查": "self_check", "信访": "complaint", "其他": "other"}  # fmt: skip
_CHECKED_OFF = {**{"完成": "done", "未完成": "not_done"}, **{"是": "done", "否": "not_done"}}
_NOMINATED = {"组织择优推荐": "organisation_recommended", "组织推荐": "organisation_recommended",
              "后备干部推荐": "reserve_recommended", "日常了解": "everyday_acquaintance"}  # fmt: skip
_DEGREES = {"高中及以下": "secondary", "高中": "secondary", "中专": "secondary", "大专": "associate", "专科": "associate",
            "本科": "bachelor", "大学": "bachelor", "硕士": "master", "硕士研究生": "master", "博士": "doctor",
            "博士研究生": "doctor"}  # fmt: skip
_HELD_TITLES = {"无": "none", "初级": "junior", "中级": "intermediate", "副高级": "deputy_senior", "副高": "deputy_senior",
                "正高级": "senior", "正高": "senior"}  # fmt: skip
_HEALTHY = {"良好": True, "不良": False, "健康": True, "不健康": False, **_YES_NO}
_MODELS = {"一肩挑": "one_person", "双向进入交叉任职": "cross_appointment", "交叉任职": "cross_appointment",
           "双向进入、交叉任职": "cross_appointment", "专职": "full_time_secretary", "专职书记": "full_time_secretary",
           "委派": "dispatched"}  # fmt: skip
_SIDES = {"党组织": "party", "行政": "management", "行政经营": "management", "经营管理": "management"}
_SECONDED = {"期满": "completed", "完成": "completed", "召回": "recalled", "中止": "broken_off"}
_MENTORED = {"完成": "completed", "期满": "completed", "中止": "broken_off"}
_PROGRESS = {"开始": "begun", "已开始": "begun", "完成": "done", "已完成": "done", "取消": "dropped", "已取消": "dropped"}
_KINDS = {"登记": "registration", "注册登记": "registration", "聘任": "engagement-start", "离任": "engagement-end",
          "证书": "certificate", "资格证书": "certificate", "考核": "rating", "年度考核": "rating", "年检": "inspection",
          "注册转接": "transfer", "转接": "transfer", "登记状态": "registration-status", "注销": "registration-status",
          "恢复登记": "registration-status", "证书状态变更": "certificate-change", "证书变更": "certificate-change",
          "证书认可": "recognition"}  # fmt: skip
TYPE_BY_KIND = {
    "registration": "intake.worker-registered.v1",
    "transfer": "intake.registration-transferred.v1",
    "registration-status": "intake.registration-closed.v1",
    "engagement-start": "intake.engagement-started.v1",
    "engagement-end": "intake.engagement-ended.v1",
    "certificate": "intake.certificate-issued.v1",
    "certificate-change": "intake.certificate-changed.v1",
    "recognition": "intake.certificate-recognised.v1",
    "rating": "intake.annual-rating-recorded.v1",
    "inspection": "intake.inspection-concluded.v1",
}
"""Kind of a correction's replacement → the fact whose columns it takes."""

# ---------------------------------------------------------------------------------------------------------------- the columns


def _competency(name: Competency, zh: str) -> Column:
    """The column of one rated competency: an entry of the list ``competencies``."""
    return Column(f"competencies/{name}/score", f"{name} competency", zh, (), COUNT, family=("competencies", name, "score"))


COLUMNS: tuple[Column, ...] = (
    Column("fact", "fact", "事实", ("fact type", "type", "事实类型", "类型"), PLAIN),
    Column("id", "message id", "消息编号", ("id",), ID),
    # Whom it is about
    Column("source_key", "person source key", "人员编号", ("source key", "person key", "工号", "人员编码"), KEY),
    Column("key_source", "key source", "编号来源", ("人员编号来源",), SOURCE),
    Column("person_ref", "person ref", "人员标识", ("人员代码",), REF),
    Column("name", "name", "姓名", ("person name",), SEALED),
    Column("resident_id", "resident id", "身份证号", ("id number", "身份证", "身份证号码", "公民身份号码", "证件号码"),
           SECRET),
    Column("phone", "phone", "联系电话", ("mobile", "电话", "手机", "手机号", "手机号码"), SECRET),
    Column("bank_account", "bank account", "银行账号", ("银行卡号", "银行账户", "工资卡号"), SECRET),
    # When
    Column("effectiveon", "effective on", "生效日期", ("date", "effective date", "日期", "登记日期", "聘任日期",
           "任职日期", "任职时间", "离任日期", "离任时间", "发证日期", "发证时间", "考核日期", "评定日期", "年检日期",
           "业务日期", "转接日期", "注销日期", "恢复日期", "变更日期", "认可日期", "申报日期", "审查日期", "测试日期",
           "评审日期", "公示日期", "异议日期", "处理日期", "撤回日期", "记载日期", "更正日期", "申诉日期", "决定日期",
           "撤销日期", "开展日期", "结束日期", "评分日期", "统计日期", "记分日期", "表彰日期",
           "培训日期", "课程日期", "发现日期", "核对日期", "提名日期", "材料日期", "审查申请日期", "入库申请日期",
           "挂职开始日期", "挂职结束日期", "带教开始日期", "带教结束日期", "进展日期"), DAY),
    Column("time", "time", "记录时间", ("recorded at", "填报时间", "登记时间"), MOMENT),
    # Registration
    Column("division", "division", "管理单位区划", ("行政区划", "区划代码", "区划", "管理区划", "转入区划", "认可区划",
           "年检区划", "单位区划"), DIVISION),
    Column("managing_unit", "managing unit", "管理单位", (), SHORT),
    Column("posting_unit", "posting unit", "挂靠单位", (), SHORT),
    Column("serving_unit", "serving unit", "服务单位", (), SHORT),
    Column("civil_servant", "civil servant", "是否公务员", ("公务员",), choice(_YES_NO)),
    Column("key", "key", "业务编号", ("transfer key", "closing key", "change key", "转接编号", "注销编号", "恢复编号",
           "变更编号"), KEY),
    Column("recognises", "recognises", "认可证书编号", ("同时认可的证书",), listed(KEY)),
    Column("status", "registration status", "登记状态", (), choice(_STATUS)),
    Column("status_reason", "registration status reason", "登记变动原因", ("注销原因", "恢复原因"),
           choice(_STATUS_REASONS), to="reason"),
    # Engagement
    Column("engagement", "engagement", "聘任编号", ("engagement key",), KEY),
    Column("category", "category", "类别", ("人员类别", "岗位类别"), choice(_CATEGORIES)),
    Column("unit", "unit", "任职单位", ("单位", "所在单位", "工作单位", "挂职单位"), SHORT),
    Column("post", "post", "职务", ("岗位", "所任职务", "挂职职务"), SHORT),
    Column("full_time", "full time", "是否专职", ("专职",), choice({**_YES_NO, "专职": True, "兼职": False})),
    Column("entry_channel", "entry channel", "进入方式", ("选任方式", "进入渠道"), choice(_CHANNELS)),
    Column("leaving_reason", "leaving reason", "离任原因", ("离职原因",), choice(_LEAVING), to="reason"),
    # Certificates
    Column("number", "certificate number", "证书编号", ("number", "证书号"), KEY),
    Column("grade", "grade", "资格等级", ("等级", "证书等级", "级别", "申报等级", "变更后等级"), choice(_GRADES)),
    Column("issuer", "issuer", "发证单位区划", ("发证区划", "发证机关区划", "拟发证区划"), DIVISION),
    Column("expires_on", "expires on", "有效期至", ("有效期", "到期日期"), DAY),
    Column("change", "certificate change", "证书状态", ("change", "证书变更", "变更事项", "变更"), choice(_CHANGES)),
    Column("change_reason", "change reason", "变更原因", (), SHORT, to="reason"),
    # Ratings and inspections
    Column("year", "year", "年度", ("考核年度", "年检年度", "年份"), YEAR),
    Column("rating", "rating", "考核等次", ("等次", "年度考核等次", "考核结果", "新考核等次"), choice(_RATINGS)),
    Column("outcome", "inspection outcome", "年检结论", ("outcome", "年检结果"), choice(_OUTCOMES)),
    Column("closes_on", "closes on", "年检截止日期", ("截止日期",), DAY),
    Column("items", "inspection items", "年检项目", ("检查项目",), listed(WORD)),
    Column("rest", "rest", "未检处理", ("其余人员",), choice(_REST)),
    # Certification
    Column("application", "application", "申报编号", ("application key",), KEY),
    Column("application_source", "application source", "申报来源", (), SOURCE),
    Column("titles", "professional titles", "职称", (), titles(_TITLE_FIELDS, _TITLE_LEVELS)),
    Column("waive", "waived criteria", "免审条件", ("等效认定", "waive"), listed(WORD)),
    Column("hours", "hours", "学时", ("培训学时",), COUNT),
    Column("score", "score", "测试成绩", ("成绩", "分数"), COUNT),
    Column("scores", "scores", "评审分数", ("评委打分", "评审成绩"), listed(COUNT)),
    Column("ends_on", "notice ends on", "公示截止日期", ("ends on", "公示结束日期"), DAY),
    Column("objection", "objection", "异议编号", ("objection key",), KEY),
    Column("objection_source", "objection source", "异议来源", (), SOURCE),
    Column("grounds", "grounds", "异议理由", ("申诉理由", "异议内容", "申诉内容"), LONG),
    Column("resolution", "resolution", "处理结论", ("决定结论", "处理结果", "申诉结论"), choice(_RESOLUTIONS),
           to="outcome"),
    Column("finding", "finding", "核查情况", ("调查情况",), LONG),
    # Dossier
    Column("entry", "dossier entry", "档案条目编号", ("entry", "条目编号"), KEY),
    Column("entry_source", "entry source", "条目来源", (), SOURCE),
    Column("section", "dossier section", "档案类别", ("section", "档案部分"), choice(_SECTIONS)),
    Column("entry_title", "entry title", "条目标题", ("标题",), SEALED, to="title"),
    Column("entry_text", "entry text", "条目正文", ("正文", "条目内容"), SEALED, to="text"),
    Column("entry_begins", "entry begins", "起始时间", ("开始时间",), PERIOD, to="begins"),
    Column("entry_ends", "entry ends", "终止时间", ("结束时间",), PERIOD, to="ends"),
    # Appeals
    Column("appeal", "appeal", "申诉编号", ("appeal key",), KEY),
    Column("appeal_source", "appeal source", "申诉来源", (), SOURCE),
    # Units
    Column("unit_key", "unit key", "单位编号", ("单位编码",), KEY, to="unit"),
    Column("unit_title", "unit title", "单位名称", ("单位全称",), SHORT, to="title"),
    Column("credit_code", "credit code", "统一社会信用代码", ("信用代码",), CREDIT_CODE),
    Column("parent", "parent unit", "上级单位编号", ("上级单位",), KEY),
    # Appraisal cycles and conduct
    Column("cycle", "appraisal cycle", "考核周期编号", ("cycle", "考核周期", "周期编号"), KEY),
    Column("cycle_source", "cycle source", "考核周期来源", (), SOURCE),
    Column("role", "rater role", "评分角色", ("role", "评分主体"), choice(_ROLES)),
    Column("rater", "rater token", "评分人代号", ("rater",), PLAIN),
    Column("item", "appraisal item", "实绩项目", ("item", "指标"), PLAIN),
    Column("achieved", "achieved", "完成数", ("完成情况",), COUNT),
    Column("conduct_entry", "conduct entry", "奖惩编号", ("积分编号", "处理编号", "表彰编号"), KEY, to="entry"),
    Column("points", "points", "积分", ("积分分值",), COUNT),
    Column("step", "sanction", "处理措施", ("step", "处理"), choice(_STEPS)),
    Column("until", "sanction until", "处理截止日期", ("until",), DAY),
    Column("honour_title", "honour", "表彰名称", ("表彰",), SHORT, to="title"),
    Column("honour_level", "honour level", "表彰级别", (), choice(_LEVELS), to="level"),
    # Training, problems, responsibility lists
    Column("result", "training result", "培训结果编号", ("result", "结果编号"), KEY),
    Column("course", "course", "课程编号", ("course key",), KEY),
    Column("session", "session", "班次编号", ("班次",), KEY),
    Column("trained", "training outcome", "培训结果", ("结业情况",), choice(_TRAINED), to="outcome"),
    Column("placed", "place in the contest", "竞赛名次", ("placed", "名次"), COUNT),
    Column("course_title", "course title", "课程名称", ("课程",), SHORT, to="title"),
    Column("topic", "topic", "培训主题", ("主题",), WORD),
    Column("course_level", "course level", "培训层级", ("层级",), choice(_COURSE_LEVELS), to="level"),
    Column("contest", "contest", "是否竞赛", ("竞赛", "技能竞赛"), choice(_YES_NO)),
    Column("problem", "problem", "问题编号", ("problem key",), KEY),
    Column("owner", "owner", "整改责任人", ("owner role", "责任岗位", "责任人"), SHORT),
    Column("found_by", "found by", "问题来源", (), choice(_FOUND_BY)),
    Column("says", "problem text", "问题内容", ("问题",), LONG),
    Column("due_on", "due on", "整改期限", ("整改截止日期",), DAY),
    Column("working_days", "working days", "整改工作日", ("整改天数",), COUNT),
    Column("list", "responsibility list", "责任清单编号", ("list", "清单编号"), KEY),
    Column("list_source", "list source", "责任清单来源", (), SOURCE),
    Column("list_item", "list item", "清单事项编号", ("事项编号",), KEY, to="item"),
    Column("period", "period", "核对周期", ("所属周期",), PLAIN),
    Column("checked_off", "checked off", "核对结果", ("完成与否",), choice(_CHECKED_OFF), to="result"),
    # The reserve pool
    Column("nominated_by", "nominated by", "提名方式", ("推荐方式",), choice(_NOMINATED)),
    Column("ladder", "ladder", "后备梯队", ("梯队",), DASHED),
    Column("pool", "pool", "后备库编号", ("人才库编号",), KEY),
    Column("age_years", "age", "年龄", ("周岁",), COUNT),
    Column("degree", "degree", "学历", ("最高学历",), choice(_DEGREES)),
    Column("majors", "majors", "所学专业", ("专业",), listed(DASHED)),
    Column("party_joined_on", "party joined", "入党时间", ("入党年月", "入党日期"), MONTH),
    Column("enterprise_years", "years in the enterprise", "在企业工作年限", ("企业工龄",), COUNT),
    Column("held_title", "title level", "专业技术职称", ("职称级别",), choice(_HELD_TITLES), to="title"),
    Column("departments", "departments", "任职部门数", ("部门数",), COUNT),
    Column("listed_post_years", "years in listed posts", "规定岗位任职年限", ("规定岗位年限",), COUNT),
    Column("healthy", "healthy", "健康状况", ("身体状况",), choice(_HEALTHY)),
    _competency("political", "政治能力"),
    _competency("learning", "学习能力"),
    _competency("coordination", "协调能力"),
    _competency("organising", "组织能力"),
    _competency("innovation", "创新能力"),
    # How units are led, secondments, mentors, plans
    Column("staff", "staff", "职工人数", ("职工总数",), COUNT),
    Column("model", "leadership model", "选拔方式", (), choice(_MODELS)),
    Column("posts", "posts", "职务设置", ("岗位设置",), posts(_SIDES, _CATEGORIES)),
    Column("secondment", "secondment", "挂职编号", ("secondment key",), KEY),
    Column("real_duties", "real duties", "是否挂实职", ("挂实职",), choice(_YES_NO)),
    Column("planned_end", "planned end", "计划结束日期", ("预计结束日期",), DAY, to="ends_on"),
    Column("secondment_outcome", "secondment outcome", "挂职结果", (), choice(_SECONDED), to="outcome"),
    Column("mentorship", "mentorship", "带教编号", ("mentorship key", "帮带编号"), KEY),
    Column("mentor", "mentor", "导师标识", ("导师代码",), REF),
    Column("aim", "aim", "带教目标", ("培养目标",), SHORT),
    Column("mentorship_outcome", "mentorship outcome", "带教结果", ("帮带结果",), choice(_MENTORED), to="outcome"),
    Column("plan", "plan", "培养计划编号", ("计划编号",), KEY),
    Column("activity", "plan activity", "培养活动编号", ("活动编号",), KEY),
    Column("activity_status", "activity status", "活动进展", ("进展情况",), choice(_PROGRESS), to="status"),
    Column("evidence", "evidence", "证据", ("证据摘要",), listed(PLAIN)),
    Column("explanation", "explanation", "情况说明", ("说明",), LONG, to="note"),
    # Corrections
    Column("kind", "kind", "更正类别", ("事实类别",), choice(_KINDS)),
    Column("corrects_id", "corrects id", "更正的消息编号", ("corrects",), ID),
    Column("corrects_source", "corrects source", "更正的消息来源", (), SOURCE),
    Column("withdraws_id", "withdraws id", "撤回的消息编号", ("withdraws",), ID),
    Column("withdraws_source", "withdraws source", "撤回的消息来源", (), SOURCE),
    Column("reason", "reason", "原因", ("更正原因", "撤回原因", "撤销原因", "决定理由", "理由", "记分原因",
           "处理原因"), SHORT),
)  # fmt: skip
"""Every column that is read. A heading is compared without case, spaces, ``_``, ``*`` and what stands in brackets."""

BY_FIELD = {column.field: column for column in COLUMNS}
IDENTITY = tuple(Identity.model_fields)
CONTENT = {f"entry_{name}": name for name in DossierContent.model_fields}
"""Columns of a dossier entry's sealed content → their field of ``contracts.intake.DossierContent``."""
NAMED_BY = ("source_key", "key_source", "person_ref", "resident_id")

_BY_HEADING = {bare(h): column for column in COLUMNS for h in (column.field, column.en, column.zh, *column.also)}

# ----------------------------------------------------------------------------------- headings that make columns, and others


@dataclass(frozen=True, slots=True)
class Family:
    """Columns made by their heading, ``<word>:<name>``: each gives one part of the entry ``name`` of a list of the contract."""

    list: str
    named: str
    part: str
    words: tuple[str, ...]
    kind: CellKind


FAMILIES: tuple[Family, ...] = (
    Family("findings", "criterion", "hours", ("学时", "hours"), COUNT),
    Family("findings", "criterion", "points", ("评分", "points"), COUNT),
    Family("findings", "criterion", "confirmed", ("确认", "confirmed"), choice(_CONFIRMED)),
    Family("findings", "criterion", "evidence", ("证据", "evidence"), listed(PLAIN)),
    Family("checked", "item", "in_order", ("检查", "checked"), choice(_IN_ORDER)),
    Family("marks", "item", "hundredths", ("得分", "mark"), POINTS),
    Family("competencies", "competency", "score", ("能力", "competency"), COUNT),
)
_FAMILY_BY_WORD = {word: family for family in FAMILIES for word in family.words}
_NAMED = re.compile(r"([^:]+?)\s*:\s*([a-z][a-z0-9_-]{0,31})")

FIRST_HEADING: dict[Lang, str] = {"zh": "序号", "en": "no."}
"""The running number: passed over, but for the mark of an example row."""
_RUNNING = frozenset(map(bare, ("序号", "编号顺序", "no")))
_IGNORED = frozenset(map(bare, ("备注", "remark", "remarks", "note", "notes")))
_EXAMPLE_MARKS = frozenset(map(bare, ("示例", "例", "样例", "example")))
PROBLEMS_HEADING = "错误 / problems"
"""The column that ``--errors`` adds. It is passed over when the copy is read, whatever else its heading says."""


def column_of(heading: str) -> Column | None:
    """The column that a heading means, None if it is not known."""
    if (column := _BY_HEADING.get(bare(heading))) is not None:
        return column
    found = _NAMED.fullmatch(compatible(heading).strip().casefold())
    family = _FAMILY_BY_WORD.get(found[1]) if found else None
    if found is None or family is None:
        return None
    name = f"{family.list}/{found[2]}/{family.part}"
    return Column(name, f"{family.words[1]}:{found[2]}", f"{family.words[0]}:{found[2]}", (), family.kind,
                  family=(family.list, found[2], family.part))  # fmt: skip


def is_running_number(heading: str) -> bool:
    return bare(heading) in _RUNNING


def is_problems_heading(heading: str) -> bool:
    return compatible(heading).strip().casefold().startswith(PROBLEMS_HEADING)


def is_passed_over(heading: str) -> bool:
    """Whether a column is none of ours, and need not be: running numbers, remarks, problems told earlier."""
    return is_running_number(heading) or bare(heading) in _IGNORED or is_problems_heading(heading)


def is_known_heading(heading: str) -> bool:
    return column_of(heading) is not None or is_passed_over(heading)


def is_example_mark(text: str) -> bool:
    """Whether a running number says that the row is a template's example, which is never published."""
    return bare(text) in _EXAMPLE_MARKS


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

    @property
    def registers(self) -> bool:
        """Whether a row says who the person is, and does not only name them."""
        return self.type == "intake.worker-registered.v1"

    @property
    def by_ref(self) -> bool:
        """Whether a row names its person by person_ref only, as every fact for talent does."""
        return "person_ref" in self.columns and "source_key" not in self.columns

    @property
    def about_person(self) -> bool:
        return "person" in FACT_TYPES[self.type][0].model_fields


_REGISTRATION = ("division", "managing_unit", "posting_unit", "serving_unit", "civil_servant")
_ENGAGEMENT = ("engagement", "category", "unit", "post", "full_time", "entry_channel")
_CERTIFICATE = ("number", "grade", "issuer", "expires_on")
_CHANGE = ("change", "change_reason")
_STAGE = ("application", "application_source")
_CONTENT = tuple(CONTENT)
_COMPETENCIES = tuple(f"competencies/{name}/score" for name in COMPETENCIES)
_END = ("id", "effectiveon", "time")

FACTS: tuple[FactFile, ...] = (
    FactFile("intake.worker-registered.v1", "注册登记", ("registration", "登记", "人员登记", "worker"), ("source_key",
             *IDENTITY, *_REGISTRATION, *_END)),
    FactFile("intake.registration-transferred.v1", "注册转接", ("transfer", "转接"), (*NAMED_BY, "key", "division",
             "managing_unit", "posting_unit", "serving_unit", "recognises", *_END)),
    FactFile("intake.registration-closed.v1", "注销", ("closing", "登记注销", "注册注销"), (*NAMED_BY, "key",
             "status_reason", *_END)),
    FactFile("intake.registration-reopened.v1", "恢复登记", ("reopening", "恢复注册"), (*NAMED_BY, "key", "status_reason",
             *_END)),
    FactFile("intake.engagement-started.v1", "聘任", ("engagement", "任职"), (*NAMED_BY, *_ENGAGEMENT, *_END)),
    FactFile("intake.engagement-ended.v1", "离任", ("leaving", "解聘"), (*NAMED_BY, "engagement", "leaving_reason", *_END)),
    FactFile("intake.certificate-issued.v1", "资格证书", ("certificate", "证书"), (*NAMED_BY, *_CERTIFICATE, *_END)),
    FactFile("intake.certificate-changed.v1", "证书状态变更", ("certificate change", "证书变更"), (*NAMED_BY, "key",
             "number", *_CHANGE, "grade", *_END)),
    FactFile("intake.certificate-recognised.v1", "证书认可", ("recognition",), (*NAMED_BY, "number", "division", *_END)),
    FactFile("intake.annual-rating-recorded.v1", "年度考核", ("rating", "考核", "考核等次"), (*NAMED_BY, "year", "rating",
             *_END)),
    FactFile("intake.inspection-opened.v1", "年检开展", ("inspection opening",), ("division", "year", "closes_on",
             "items", *_END)),
    FactFile("intake.inspection-concluded.v1", "年检", ("inspection", "年度检查"), (*NAMED_BY, "year", "outcome", *_END)),
    FactFile("intake.inspection-closed.v1", "年检结束", ("inspection closing",), ("division", "year", "rest", *_END)),
    FactFile("intake.certification-applied.v1", "资格申报", ("application", "个人申报"), (*NAMED_BY, "application",
             "grade", "issuer", "titles", *_END)),
    FactFile("intake.eligibility-reviewed.v1", "资格审查", ("eligibility review",), (*NAMED_BY, *_STAGE, "waive", *_END)),
    FactFile("intake.training-tested.v1", "培训测试", ("training test",), (*NAMED_BY, *_STAGE, "hours", "score", *_END)),
    FactFile("intake.panel-reviewed.v1", "综合评审", ("panel review",), (*NAMED_BY, *_STAGE, "scores", *_END)),
    FactFile("intake.notice-opened.v1", "社会公示", ("notice", "公示"), (*NAMED_BY, *_STAGE, "ends_on", *_END)),
    FactFile("intake.objection-raised.v1", "异议", ("objection",), (*NAMED_BY, *_STAGE, "objection", "grounds", *_END)),
    FactFile("intake.objection-resolved.v1", "异议处理", ("objection resolution",), (*NAMED_BY, *_STAGE, "objection",
             "objection_source", "resolution", "finding", "ends_on", *_END)),
    FactFile("intake.certification-withdrawn.v1", "撤回申报", ("application withdrawal",), (*NAMED_BY, *_STAGE, "reason",
             *_END)),
    FactFile("intake.dossier-entry-recorded.v1", "档案记载", ("dossier", "dossier entry", "专项档案"), (*NAMED_BY,
             "entry", "section", *_CONTENT, *_END)),
    FactFile("intake.dossier-entry-corrected.v1", "档案更正", ("dossier correction",), (*NAMED_BY, "entry",
             "entry_source", "section", *_CONTENT, "reason", *_END)),
    FactFile("intake.rating-appealed.v1", "考核申诉", ("appeal", "申诉"), (*NAMED_BY, "appeal", "year", "grounds", *_END)),
    FactFile("intake.rating-appeal-decided.v1", "申诉决定", ("appeal decision",), (*NAMED_BY, "appeal", "appeal_source",
             "resolution", "rating", "reason", *_END)),
    FactFile("intake.unit-registered.v1", "单位登记", ("unit", "单位"), ("unit_key", "unit_title", "division",
             "credit_code", "parent", *_END)),
    FactFile("intake.unit-closed.v1", "单位撤销", ("unit closing",), ("unit_key", "reason", *_END)),
    FactFile("intake.appraisal-person-enrolled.v1", "考核参加人员", ("enrolment",), ("cycle", "cycle_source", "person_ref",
             *_END)),
    FactFile("intake.appraisal-rating-given.v1", "考核评分", ("appraisal rating",), ("cycle", "cycle_source", "person_ref",
             "role", "rater", *_END)),
    FactFile("intake.appraisal-result-measured.v1", "考核实绩", ("appraisal result",), ("cycle", "cycle_source",
             "person_ref", "item", "achieved", *_END)),
    FactFile("intake.points-recorded.v1", "积分", ("points",), ("person_ref", "conduct_entry", "points", "reason", *_END)),
    FactFile("intake.sanction-imposed.v1", "处理", ("sanction",), ("person_ref", "conduct_entry", "step", "until", "reason",
             *_END)),
    FactFile("intake.honour-awarded.v1", "表彰", ("honour",), ("person_ref", "conduct_entry", "honour_title",
             "honour_level", *_END)),
    FactFile("intake.training-course-recorded.v1", "培训课程", ("training course", "课程"), ("course", "course_title",
             "topic", "course_level", "hours", "contest", *_END)),
    FactFile("intake.training-reported.v1", "培训结果", ("training result", "培训记录"), ("person_ref", "result", "course",
             "session", "hours", "trained", "score", "placed", *_END)),
    FactFile("intake.problem-raised.v1", "问题台账", ("problem", "问题"), ("problem", "division", "unit", "owner",
             "found_by", "says", "due_on", "working_days", *_END)),
    FactFile("intake.responsibility-checked.v1", "责任清单核对", ("responsibility check",), ("list", "list_source",
             "list_item", "period", "checked_off", *_END)),
    FactFile("intake.candidate-nominated.v1", "后备提名", ("nomination", "提名", "后备人才提名"), ("person_ref",
             "nominated_by", "division", "ladder", "pool", *_END)),
    FactFile("intake.candidate-profiled.v1", "资质材料", ("particulars", "后备人才材料"), ("person_ref", "age_years",
             "degree", "majors", "party_joined_on", "enterprise_years", "held_title", "departments", "listed_post_years",
             "healthy", *_COMPETENCIES, *_END)),
    FactFile("intake.candidate-screened.v1", "后备资格审查", ("screening", "提请审查"), ("person_ref", *_END)),
    FactFile("intake.candidate-admitted.v1", "后备入库", ("admission", "入库", "提请入库"), ("person_ref", *_END)),
    FactFile("intake.unit-staff-reported.v1", "职工人数", ("unit staff",), ("unit", "division", "staff", *_END)),
    FactFile("intake.leadership-model-set.v1", "选拔方式", ("leadership model",), ("unit", "division", "model", "posts",
             *_END)),
    FactFile("intake.secondment-started.v1", "挂职", ("secondment",), ("person_ref", "secondment", "unit", "post",
             "real_duties", "planned_end", *_END)),
    FactFile("intake.secondment-ended.v1", "挂职结束", ("secondment end",), ("person_ref", "secondment",
             "secondment_outcome", "explanation", *_END)),
    FactFile("intake.mentor-assigned.v1", "导师带教", ("mentorship",), ("person_ref", "mentorship", "mentor", "aim",
             "planned_end", *_END)),
    FactFile("intake.mentorship-ended.v1", "带教结束", ("mentorship end",), ("person_ref", "mentorship",
             "mentorship_outcome", "explanation", *_END)),
    FactFile("intake.plan-activity-moved.v1", "培养活动进展", ("activity progress",), ("person_ref", "plan", "activity",
             "activity_status", "evidence", "explanation", *_END)),
    FactFile("intake.fact-corrected.v1", "更正", ("correction",), ("corrects_id", "corrects_source", "kind", "reason",
             *IDENTITY, *_REGISTRATION, *_ENGAGEMENT, "leaving_reason", *_CERTIFICATE, "year", "rating", "outcome", "key",
             "status", "status_reason", *_CHANGE, *_END)),
    FactFile("intake.fact-withdrawn.v1", "撤回", ("withdrawal",), ("withdraws_id", "withdraws_source", "reason", *_END)),
)  # fmt: skip
"""The facts that CSV and XLSX files can hold; JSON Lines can hold every type of ``contracts.intake.FACT_TYPES``."""

FACT_BY_TYPE = {fact.type: fact for fact in FACTS}
_TYPE_BY_NAME = {bare(n): f.type for f in FACTS for n in (f.type, f.short, f.zh, *f.also)}
_TYPE_BY_NAME |= {bare(n): t for t in FACT_TYPES for n in (t, t.split(".")[1])}


def fact_type_of(name: str) -> str | None:
    """Return the type that a short, whole or Chinese name means (``rating``, ``annual-rating-recorded``, 年度考核)."""
    return _TYPE_BY_NAME.get(bare(name))


def is_required(fact: FactFile, name: str) -> bool:
    """Whether a row of the fact must fill the column. Of those that name a person, one: see ``NAMED_BY``."""
    if name == "effectiveon":
        return True
    if name == "person_ref" and fact.by_ref:
        return True
    if name in ("id", "time", "fact") or (name in NAMED_BY and not fact.registers):
        return False
    fields: Mapping[str, Any] = FACT_TYPES[fact.type][0].model_fields
    if name in IDENTITY:
        return fact.registers and Identity.model_fields[name].is_required()
    if name in CONTENT:
        return DossierContent.model_fields[CONTENT[name]].is_required()
    if fact.type in ("intake.fact-corrected.v1", "intake.fact-withdrawn.v1"):
        return name in ("corrects_id", "withdraws_id", "kind", "reason")
    return BY_FIELD[name].into in fields and fields[BY_FIELD[name].into].is_required()
