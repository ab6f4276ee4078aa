"""Each sheet about the pool, units, secondments, mentors and plans becomes the fact of the contract that it means."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from console.intake_columns import FACTS
from console.intake_files import open_intake
from console.talent import standard_message
from console.talent_acting import fact_message
from console.talent_develop import policy_message
from contracts.intake import FACT_TYPES
from contracts.problems import Lang
from services.talent.development_policy import read_policy
from services.talent.standard import read_standard
from tests.console.intake_support import codes_of, message_of, reading, rows_of, workbook
from tests.console.support import Office, office
from tests.talent.developing import POLICY_TEXT, a_plan
from tests.talent.example import standard_text

REF = "p0000000000000000000000000a"
MENTOR = "p0000000000000000000000000b"
DIGEST = "0123456789abcdef" * 4
PERSON: dict[str, Any] = {"person": {"person_ref": REF}}
UNIT: dict[str, Any] = {"unit": "某公司", "division": "320102"}

PROFILE = (
    "人员标识,年龄,学历,所学专业,入党时间,在企业工作年限,专业技术职称,任职部门数,规定岗位任职年限,健康状况,"
    "政治能力,学习能力,协调能力,组织能力,能力:innovation,材料日期"
)

SHEETS: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("后备提名", "candidate-nominated", "人员标识,提名方式,区划,后备梯队,后备库编号,提名日期",
     f"{REF},组织择优推荐,320102,secretary,HB-1",
     {**PERSON, "nominated_by": "organisation_recommended", "division": "320102", "ladder": "secretary", "pool": "HB-1"}),
    ("资质材料", "candidate-profiled", PROFILE,
     f"{REF},40,本科,party-building、management,2010年7月,12,中级,3,6,良好,5,4,4,4,3.0",
     {**PERSON, "age_years": 40, "degree": "bachelor", "majors": ["party-building", "management"],
      "party_joined_on": "2010-07", "enterprise_years": 12, "title": "intermediate", "departments": 3,
      "listed_post_years": 6, "healthy": True,
      "competencies": [{"competency": "political", "score": 5}, {"competency": "learning", "score": 4},
                       {"competency": "coordination", "score": 4}, {"competency": "organising", "score": 4},
                       {"competency": "innovation", "score": 3}]}),
    ("资质材料", "candidate-profiled", "人员标识,年龄,职称级别,健康状况,政治能力,材料日期", f"{REF},,无,否,",
     {**PERSON, "title": "none", "healthy": False}),
    ("后备资格审查", "candidate-screened", "人员标识,审查申请日期", REF, PERSON),
    ("后备入库", "candidate-admitted", "人员标识,入库申请日期", REF, PERSON),
    ("职工人数", "unit-staff-reported", "单位,单位区划,职工人数,统计日期", "某公司,320102,1200.0", {**UNIT, "staff": 1200}),
    ("选拔方式", "leadership-model-set", "单位,单位区划,选拔方式,职务设置,生效日期",
     "某公司,320102,一肩挑,党委书记:党组织:书记:1；董事长（兼）：行政:2",
     {**UNIT, "model": "one_person",
      "posts": [{"post": "党委书记", "side": "party", "category": "secretary", "seats": 1},
                {"post": "董事长（兼）", "side": "management", "seats": 2}]}),
    ("选拔方式", "leadership-model-set", "单位,单位区划,选拔方式,职务设置,生效日期",
     "某公司,320102,双向进入、交叉任职,书记、主任:party;副总:management",
     {**UNIT, "model": "cross_appointment",
      "posts": [{"post": "书记、主任", "side": "party"}, {"post": "副总", "side": "management"}]}),
    ("挂职", "secondment-started", "人员标识,挂职编号,挂职单位,挂职职务,是否挂实职,计划结束日期,挂职开始日期",
     f"{REF},s-1,某街道,副书记,是,2025/12/31",
     {**PERSON, "secondment": "s-1", "unit": "某街道", "post": "副书记", "real_duties": True, "ends_on": "2025-12-31"}),
    ("挂职结束", "secondment-ended", "人员标识,挂职编号,挂职结果,情况说明,结束日期", f"{REF},s-1,召回,本单位急需",
     {**PERSON, "secondment": "s-1", "outcome": "recalled", "note": "本单位急需"}),
    ("导师带教", "mentor-assigned", "人员标识,带教编号,导师标识,带教目标,计划结束日期,带教开始日期",
     f"{REF},m-1,{MENTOR},独立主持工作,2025-12-31",
     {**PERSON, "mentorship": "m-1", "mentor": MENTOR, "aim": "独立主持工作", "ends_on": "2025-12-31"}),
    ("带教结束", "mentorship-ended", "人员标识,带教编号,带教结果,带教结束日期", f"{REF},m-1,中止",
     {**PERSON, "mentorship": "m-1", "outcome": "broken_off"}),
    ("培养活动进展", "plan-activity-moved", "人员标识,培养计划编号,培养活动编号,活动进展,证据,情况说明,进展日期",
     f"{REF},plan-1,a-1,完成,{DIGEST},总结在档",
     {**PERSON, "plan": "plan-1", "activity": "a-1", "status": "done", "evidence": [DIGEST], "note": "总结在档"}),
]  # fmt: skip


@pytest.mark.parametrize(("sheet", "fact", "heading", "line", "data"), SHEETS, ids=lambda part: str(part)[:24])
def test_a_sheet_of_chinese_headings_and_words_is_the_fact_that_it_names(
    tmp_path: Path, sheet: str, fact: str, heading: str, line: str, data: dict[str, Any]
) -> None:
    """As CSV and as a workbook whose sheet names the fact: one message for talent, ready to publish."""
    [row] = rows_of(tmp_path, f"{heading}\n{line},2025年1月4日\n", sheet)
    file = workbook(tmp_path, {sheet: [heading.split(","), [*line.split(","), "2025年1月4日"]]})
    [same] = rows_of(tmp_path, file.read_bytes(), name="g.xlsx")
    message = message_of(row)
    assert (message["type"], message["effectiveon"], message["data"]) == (f"intake.{fact}.v1", "2025-01-04", data)
    assert row.subject == f"intake.hr.talent.{fact}"
    assert message_of(same) == message


@pytest.mark.parametrize(
    ("sheet", "heading", "line", "expected"),
    [
        ("后备提名", "人员标识,提名方式,区划,后备梯队,后备库编号,日期", f"{REF},自荐,320102,secretary,HB-1",
         ("提名方式", "not-allowed-value")),
        ("后备提名", "人员标识,提名方式,区划,后备梯队,后备库编号,日期", f"{REF},日常了解,320102,书记梯队,HB-1",
         ("后备梯队", "bad-pattern")),
        ("后备提名", "人员标识,提名方式,区划,后备梯队,日期", f"{REF},日常了解,320102,secretary", ("后备库编号", "missing")),
        ("后备资格审查", "人员标识,日期", "张三", ("人员标识", "bad-pattern")),
        ("资质材料", "人员标识,年龄,日期", f"{REF},四十", ("年龄", "wrong-type")),
        ("资质材料", "人员标识,专业技术职称,日期", f"{REF},教授", ("专业技术职称", "not-allowed-value")),
        ("资质材料", "人员标识,政治能力,学习能力,日期", f"{REF},5,6", ("学习能力", "out-of-range")),
        ("资质材料", "人员标识,能力:strength,日期", f"{REF},5", ("能力:strength", "not-allowed-value")),
        ("资质材料", "人员标识,政治能力,能力:political,日期", f"{REF},5,5", ("能力:political", "duplicate-column")),
        ("资质材料", "人员标识,入党时间,日期", f"{REF},2010", ("入党时间", "bad-pattern")),
        ("资质材料", "人员标识,入党时间,日期", f"{REF},至今", ("入党时间", "impossible-date")),
        ("职工人数", "单位,单位区划,职工人数,日期", "某公司,320102,-1", ("职工人数", "out-of-range")),
        ("选拔方式", "单位,单位区划,选拔方式,职务设置,日期", "某公司,320102,专职,党委书记", ("职务设置", "bad-post")),
        ("选拔方式", "单位,单位区划,选拔方式,职务设置,日期", "某公司,320102,专职,书记:党组织:1:2", ("职务设置", "bad-post")),
        ("选拔方式", "单位,单位区划,选拔方式,职务设置,日期", "某公司,320102,专职,书记:团委", ("职务设置", "not-allowed-value")),
        ("选拔方式", "单位,单位区划,选拔方式,职务设置,日期", "某公司,320102,专职,书记:党组织:0", ("职务设置", "out-of-range")),
        ("选拔方式", "单位,单位区划,选拔方式,职务设置,日期", "某公司,320102,一肩挑,书记:党组织",
         ("职务设置", "posts-unlike-model")),
        ("选拔方式", "单位,单位区划,选拔方式,职务设置,日期", "某公司,320102,专职,书记:党组织;书记:党组织",
         ("职务设置", "posts-unlike-model")),
        ("挂职", "人员标识,挂职编号,单位,职务,是否挂实职,计划结束日期,日期", f"{REF},s-1,某街道,副书记,挂名,2025-12-31",
         ("是否挂实职", "wrong-type")),
        ("挂职", "人员标识,挂职编号,单位,职务,是否挂实职,计划结束日期,日期", f"{REF},s-1,某街道,副书记,是,2025-02-30",
         ("计划结束日期", "impossible-date")),
        ("挂职结束", "人员标识,挂职编号,挂职结果,日期", f"{REF},s-1,不详", ("挂职结果", "not-allowed-value")),
        ("导师带教", "人员标识,带教编号,导师标识,带教目标,计划结束日期,日期", f"{REF},m-1,李四,独立主持工作,2025-12-31",
         ("导师标识", "bad-pattern")),
        ("培养活动进展", "人员标识,培养计划编号,培养活动编号,活动进展,证据,日期", f"{REF},plan-1,a-1,完成,附件一",
         ("证据", "bad-pattern")),
        ("培养活动进展", "人员标识,培养计划编号,培养活动编号,活动进展,日期", f"{REF},plan-1,a-1,推迟",
         ("活动进展", "not-allowed-value")),
        ("资格申报", "人员编号,申报编号,等级,拟发证区划,职称,日期", "w-1,a-1,中级,320100,政工类特高",
         ("职称", "not-allowed-value")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_fault_is_told_at_its_row_and_by_the_heading_where_it_is_mended(
    tmp_path: Path, sheet: str, heading: str, line: str, expected: tuple[str, str], lang: Lang
) -> None:
    """A word that is not known, a score beyond its bounds, a post inside its cell. What was typed is not repeated."""
    found = rows_of(tmp_path, f"{heading}\n{line},2025-01-04\n", sheet, lang=lang)
    mended = {"后备库编号": "pool"}.get(expected[0], expected[0]) if lang == "en" else expected[0]
    at = 1 if expected[1] == "duplicate-column" else 2
    assert (at, mended, expected[1]) in codes_of(found)
    assert {code for _, _, code in codes_of(found)} == {expected[1]}
    assert not any(name in str(found) for name in ("张三", "李四"))


@pytest.mark.parametrize("cell", ["2010-07", "2010.7.15", "201007", date(2010, 7, 1)])
def test_of_the_day_of_joining_only_the_month_leaves_the_office(tmp_path: Path, cell: Any) -> None:
    """A spreadsheet makes a day of each month that is typed; the contract takes no more than the month."""
    file = workbook(tmp_path, {"资质材料": [["人员标识", "入党时间", "材料日期"], [REF, cell, "2025-01-04"]]})
    [row] = rows_of(tmp_path, file.read_bytes(), name="g.xlsx")
    assert message_of(row)["data"]["party_joined_on"] == "2010-07"


def a_pool(made: Office) -> tuple[str, str]:
    """A standard, a policy, and two workers: one who may be admitted, one who may teach. Returns who they are."""
    standard, policy = standard_text(on="2021-01-01"), POLICY_TEXT.replace("2025-01-01", "2021-01-01")
    at = made.at("2021-02-01").clock.now()
    documents = (standard_message(standard, read_standard(standard), at), policy_message(policy, read_policy(policy), at))
    for message in documents:
        made.deliver(message.subject, message.message)
    people = made.register(1), made.register(2)
    for number, grade, issuer in ((1, "senior", "320100"), (2, "special", "210000")):
        certificate = {"person": {"source_key": f"K00{number}"}, "number": f"C-{number}", "grade": grade, "issuer": issuer}
        made.post("certificate-issued", certificate, effective="2021-01-15", id=f"cert-{number}")
    made.rate(1, "excellent", year=2020, effective="2021-01-20")
    return people


def test_a_workbook_of_a_whole_year_is_taken_sheet_by_sheet(tmp_path: Path) -> None:
    """From the nomination to the end of a secondment: what the sheets say is what the service takes in."""
    with office(tmp_path / "office") as made:
        ref, mentor = a_pool(made)
        lines: dict[str, tuple[str, str]] = {
            "后备提名": ("人员标识,提名方式,区划,后备梯队,后备库编号,提名日期",
                     f"{ref},日常了解,320102,near-term,HB-1,2021-02-01"),
            "资质材料": (PROFILE, f"{ref},41,硕士,management,2010-07,9,中级,3,5,良好,4,4,4,4,4,2021-02-01"),
            "后备资格审查": ("人员标识,审查申请日期", f"{ref},2021-02-01"),
            "后备入库": ("人员标识,入库申请日期", f"{ref},2021-02-01"),
            "培养活动进展": ("人员标识,培养计划编号,培养活动编号,活动进展,情况说明,进展日期",
                       f"{ref},plan-1,a-2,完成,总结在档,2021-02-01"),
            "挂职": ("人员标识,挂职编号,挂职单位,挂职职务,是否挂实职,计划结束日期,挂职开始日期",
                   f"{ref},s-1,某街道,副书记,是,2021-12-31,2021-01-10"),
            "挂职结束": ("人员标识,挂职编号,挂职结果,挂职结束日期", f"{ref},s-1,期满,2021-01-31"),
            "导师带教": ("人员标识,带教编号,导师标识,带教目标,计划结束日期,带教开始日期",
                     f"{ref},m-1,{mentor},独立主持工作,2021-12-31,2021-01-20"),
            "带教结束": ("人员标识,带教编号,带教结果,带教结束日期", f"{ref},m-1,完成,2021-01-31"),
            "职工人数": ("单位,单位区划,职工人数,统计日期", "某公司,320102,1200,2021-01-31"),
            "选拔方式": ("单位,单位区划,选拔方式,职务设置,生效日期", "某公司,320102,委派,书记:党组织:书记:1,2021-01-31"),
        }  # fmt: skip
        sheets = {name: [heading.split(","), line.split(",")] for name, (heading, line) in lines.items()}
        rows = list(open_intake(workbook(tmp_path, sheets), reading(recorded_at=made.clock.now())))
        for row in rows:
            assert row.message is not None, row.problems
            made.deliver(row.subject, row.message)
        plan = a_plan().model_dump(mode="json")
        adopted = fact_message("plan-adopted", {"person": {"person_ref": ref}, **plan}, date(2021, 2, 1), made.clock.now())
        assert made.posted("talent", "hr", rows[4].message_id).outcome == "waiting"
        made.deliver(adopted.subject, adopted.message)
        posted = {row.sheet: made.posted("talent", "hr", row.message_id) for row in rows}
        assert {sheet: each.outcome for sheet, each in posted.items()} == dict.fromkeys(lines, "accepted")


def test_the_facts_for_talent_that_have_no_sheet_are_documents_and_single_acts() -> None:
    """Those have commands; whoever adds a fact that offices report in numbers gives it a sheet."""
    without = {kind.split(".")[1] for kind, (_, services) in FACT_TYPES.items() if services == ("talent",)}
    assert without - {fact.short for fact in FACTS} == {
        "qualification-standard-published", "candidate-removed", "candidate-placed",
        "appraisal-cycle-opened", "appraisal-rating-withdrawn", "appraisal-cycle-scored", "appraisal-cycle-published",
        "appraisal-result-appealed", "appraisal-appeal-decided", "appraisal-cycle-concluded", "appraisal-cycle-cancelled",
        "sanction-lifted", "conduct-withdrawn",
        "development-policy-published", "plan-adopted", "plan-activity-added", "plan-reviewed", "plan-closed",
        "rotation-exempted", "training-session-recorded",
        "problem-evidenced", "problem-returned", "problem-extended", "problem-closed",
        "responsibility-issued", "responsibility-signed", "responsibility-withdrawn",
        "vacancy-described", "vacancy-closed",
    }  # fmt: skip
