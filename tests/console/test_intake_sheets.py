"""Each sheet that an office may fill in becomes the fact of the contract that it means."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from console.intake_columns import COLUMNS, FACTS, is_required
from console.intake_rows import Row
from contracts.intake import FACT_TYPES
from contracts.problems import Lang
from tests.console.intake_support import VALID_ID, codes_of, message_of, rows_of, unsealed, workbook

PERSON = {"source_key": "w-1"}
STAGE: dict[str, Any] = {"person": PERSON, "application": "a-1"}
DIGEST = "0123456789abcdef" * 4

SHEETS: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("注册转接", "registration-transferred", "人员编号,转接编号,转入区划,管理单位,同时认可的证书,转接日期",
     "w-1,t-1,320104,二区,C-1、C-2",
     {"person": PERSON, "key": "t-1", "division": "320104", "managing_unit": "二区", "recognises": ["C-1", "C-2"]}),
    ("注销", "registration-closed", "人员编号,注销编号,注销原因,注销日期", "w-1,s-1,退休",
     {"person": PERSON, "key": "s-1", "reason": "retired"}),
    ("注销", "registration-closed", "人员编号,注销编号,原因,注销日期", "w-1,s-1,迁出",
     {"person": PERSON, "key": "s-1", "reason": "moved_away"}),
    ("恢复登记", "registration-reopened", "人员编号,恢复编号,恢复原因,恢复日期", "w-1,s-2,返岗",
     {"person": PERSON, "key": "s-2", "reason": "returned"}),
    ("证书状态变更", "certificate-changed", "人员编号,变更编号,证书编号,证书状态,变更原因,变更后等级,变更日期",
     "w-1,cc-1,C-1,降级,年检未通过,初级",
     {"person": PERSON, "key": "cc-1", "number": "C-1", "change": "downgraded", "grade": "junior", "reason": "年检未通过"}),
    ("证书状态变更", "certificate-changed", "人员编号,变更编号,证书编号,证书状态,原因,变更日期", "w-1,cc-2,C-1,暂停,核查中",
     {"person": PERSON, "key": "cc-2", "number": "C-1", "change": "suspended", "reason": "核查中"}),
    ("证书认可", "certificate-recognised", "人员编号,证书编号,认可区划,认可日期", "w-1,C-1,320200",
     {"person": PERSON, "number": "C-1", "division": "320200"}),
    ("资格申报", "certification-applied", "人员编号,申报编号,申报等级,拟发证区划,职称,申报日期",
     "w-1,a-1,中级,320100,政工类中级；社会工作类:初级",
     {**STAGE, "grade": "intermediate", "issuer": "320100",
      "titles": [{"field": "political_work", "level": "intermediate"}, {"field": "social_work", "level": "junior"}]}),
    ("资格审查", "eligibility-reviewed",
     "人员编号,申报编号,学时:training,评分：ability,确认:results,证据:results,免审条件,审查日期",
     f"w-1,a-1,80,85,属实,{DIGEST},years",
     {**STAGE, "waive": ["years"],
      "findings": [{"criterion": "training", "hours": 80}, {"criterion": "ability", "points": 85},
                   {"criterion": "results", "confirmed": True, "evidence": [DIGEST]}]}),
    ("培训测试", "training-tested", "人员编号,申报编号,学时,测试成绩,测试日期", "w-1,a-1,48,88.0",
     {**STAGE, "hours": 48, "score": 88}),
    ("综合评审", "panel-reviewed", "人员编号,申报编号,评审分数,评审日期", "w-1,a-1,85、90;88 92，79",
     {**STAGE, "scores": [85, 90, 88, 92, 79]}),
    ("社会公示", "notice-opened", "人员编号,申报编号,申报来源,公示截止日期,公示日期", "w-1,a-1,training,2025/3/14",
     {**STAGE, "application_source": "training", "ends_on": "2025-03-14"}),
    ("异议", "objection-raised", "人员编号,申报编号,异议编号,异议理由,异议日期", "w-1,a-1,o-1,学时有出入",
     {**STAGE, "objection": "o-1", "grounds": "学时有出入"}),
    ("异议处理", "objection-resolved", "人员编号,申报编号,异议编号,处理结论,核查情况,处理日期", "w-1,a-1,o-1,不成立,记录无误",
     {**STAGE, "objection": "o-1", "outcome": "dismissed", "finding": "记录无误"}),
    ("撤回申报", "certification-withdrawn", "人员编号,申报编号,撤回原因,撤回日期", "w-1,a-1,本人放弃",
     {**STAGE, "reason": "本人放弃"}),
    ("考核申诉", "rating-appealed", "人员编号,申诉编号,年度,申诉理由,申诉日期", "w-1,p-1,2024年度,漏计实绩",
     {"person": PERSON, "appeal": "p-1", "year": 2024, "grounds": "漏计实绩"}),
    ("申诉决定", "rating-appeal-decided", "人员编号,申诉编号,申诉结论,新考核等次,决定理由,决定日期",
     "w-1,p-1,成立,优秀,实绩属实",
     {"person": PERSON, "appeal": "p-1", "outcome": "upheld", "rating": "excellent", "reason": "实绩属实"}),
    ("单位登记", "unit-registered", "单位编号,单位名称,单位区划,统一社会信用代码,上级单位编号,登记日期",
     "u-1,示例街道党工委,320102,12320102MB0000000X,u-0",
     {"unit": "u-1", "title": "示例街道党工委", "division": "320102", "credit_code": "12320102MB0000000X", "parent": "u-0"}),
    ("单位撤销", "unit-closed", "单位编号,撤销原因,撤销日期", "u-1,撤并", {"unit": "u-1", "reason": "撤并"}),
    ("年检开展", "inspection-opened", "年检区划,年度,截止日期,检查项目,开展日期", "320100,2024,2025-03-31,duties;discipline",
     {"division": "320100", "year": 2024, "closes_on": "2025-03-31", "items": ["duties", "discipline"]}),
    ("年检结束", "inspection-closed", "年检区划,年度,未检处理,结束日期", "320100,2024,未参加",
     {"division": "320100", "year": 2024, "rest": "missed"}),
    ("年检", "inspection-concluded", "人员编号,年度,年检结论,检查:duties,检查:discipline,年检日期", "w-1,2024,未通过,合格,否",
     {"person": PERSON, "year": 2024, "outcome": "failed",
      "checked": [{"item": "duties", "in_order": True}, {"item": "discipline", "in_order": False}]}),
    ("更正", "fact-corrected", "更正的消息编号,更正类别,业务编号,证书编号,证书状态,变更原因,原因,更正日期",
     "m-1,证书状态变更,cc-1,C-1,撤销,处分,误报",
     {"corrects": {"id": "m-1"}, "reason": "误报",
      "replacement": {"kind": "certificate-change", "key": "cc-1", "number": "C-1", "change": "revoked", "reason": "处分"}}),
    ("更正", "fact-corrected", "更正的消息编号,更正类别,业务编号,登记状态,登记变动原因,原因,更正日期",
     "m-1,注销,s-1,注销,去世,误报",
     {"corrects": {"id": "m-1"}, "reason": "误报",
      "replacement": {"kind": "registration-status", "key": "s-1", "status": "closed", "reason": "died"}}),
]  # fmt: skip


@pytest.mark.parametrize(("sheet", "fact", "heading", "line", "data"), SHEETS, ids=lambda part: str(part)[:24])
def test_a_sheet_of_chinese_headings_and_words_is_the_fact_that_it_names(
    tmp_path: Path, sheet: str, fact: str, heading: str, line: str, data: dict[str, Any]
) -> None:
    """As CSV and as a workbook whose sheet names the fact: one message, ready to publish."""
    cells = [cell.strip() for cell in (line + ",2025年1月4日").replace("，", "\0").split(",")]
    headings, values = heading.split(","), [cell.replace("\0", "，") for cell in cells]
    [row] = rows_of(tmp_path, f"{heading}\n{line},2025年1月4日\n", sheet)
    file = workbook(tmp_path, {sheet: [headings, values]})
    [same] = rows_of(tmp_path, file.read_bytes(), name="g.xlsx")
    message = message_of(row)
    assert (message["type"], message["effectiveon"], message["data"]) == (f"intake.{fact}.v1", "2025-01-04", data)
    assert message_of(same) == message


def test_every_fact_that_a_row_can_say_has_a_sheet() -> None:
    """Left out are documents, candidacies, acts on personal data, proposals and parked messages: these have commands."""
    without = {kind.split(".")[1] for kind, (_, services) in FACT_TYPES.items() if "registry" in services}
    without -= {fact.short for fact in FACTS}
    assert without == {
        "certification-standard-published", "duplicate-confirmed", "personal-data-unmasked", "personal-data-exported",
        "person-erased", "parked-retry", "parked-discard", "act-confirmed", "act-withdrawn",
    }  # fmt: skip


def test_every_field_that_a_fact_needs_has_a_column_in_its_sheet() -> None:
    """So no template leads to a fact that is always refused."""
    by_field = {column.field: column for column in COLUMNS}
    for fact in FACTS:
        given = {by_field[name].into for name in fact.columns} | {
            "person", "content", "corrects", "withdraws", "replacement", "marks",
        }  # fmt: skip
        needed = {name for name, field in FACT_TYPES[fact.type][0].model_fields.items() if field.is_required()}
        assert needed <= given | {"status"}, fact.zh
        assert is_required(fact, "effectiveon")


# ----------------------------------------------------------------------------------------------------------------- the dossier


ENTRIES = "人员编号,条目编号,档案类别,标题,正文,起始时间,终止时间,记载日期\n"


def test_a_dossier_entry_leaves_the_file_sealed_and_only_sealed(tmp_path: Path) -> None:
    """Title, text and times are the registry's to read; the section and the key are not secret."""
    [row] = rows_of(tmp_path, ENTRIES + "w-1,d-1,工作经历,任第七支部书记,负责组织工作,2019年7月,至今,2025-01-04\n", "档案记载")
    message = message_of(row)
    sealed = message["data"].pop("content")
    assert message["data"] == {"person": PERSON, "entry": "d-1", "section": "work_history"}
    assert unsealed(sealed) == {"title": "任第七支部书记", "text": "负责组织工作", "begins": "2019-07"}
    assert "第七支部" not in json.dumps(message, ensure_ascii=False)


def test_an_entry_s_resident_id_stays_inside_the_seal(tmp_path: Path) -> None:
    """What would be refused in a unit or a post may stand in a file's text."""
    [row] = rows_of(tmp_path, ENTRIES + f"w-1,d-1,基本信息,原身份证号,{VALID_ID},,,2025-01-04\n", "档案记载")
    message = message_of(row)
    assert unsealed(message["data"]["content"])["text"] == VALID_ID
    assert VALID_ID not in json.dumps(message)


def test_the_id_of_a_dossier_row_depends_on_what_is_sealed(tmp_path: Path) -> None:
    """Two entries that differ in their text alone are two facts, and reading a file again gives the same ids."""
    lines = "".join(f"w-1,d-1,奖惩,表彰,{text},2024,2024,2025-01-04\n" for text in ("甲", "乙"))
    first, second = rows_of(tmp_path, ENTRIES + lines, "档案记载")
    assert first.message_id != second.message_id
    assert [row.message_id for row in rows_of(tmp_path, ENTRIES + lines, "档案记载")] == [first.message_id, second.message_id]


def test_the_message_ids_of_facts_that_files_held_before_have_not_changed(tmp_path: Path) -> None:
    """A file that was published before is known when it is published again, whatever columns have been added since."""
    [row] = rows_of(tmp_path, "人员编号,年度,考核等次,生效日期\nw-1,2024,优秀,2025-01-04\n", "年度考核")
    assert row.message_id == "annual-rating-recorded-649967bf4d46837b0ca978b726d63650"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("w-1,d-1,工作经历,,x,,,2025-01-04", ("标题", "missing")),
        ("w-1,d-1,工作经历," + "题" * 201 + ",x,,,2025-01-04", ("标题", "too-long")),
        ("w-1,d-1,别的,t,x,,,2025-01-04", ("档案类别", "not-allowed-value")),
        ("w-1,,工作经历,t,x,,,2025-01-04", ("档案条目编号", "missing")),
        ("w-1,d-1,工作经历,t,x,2019年13月,,2025-01-04", ("起始时间", "impossible-date")),
        ("w-1,d-1,工作经历,t,x,,最近,2025-01-04", ("终止时间", "impossible-date")),
    ],
)
def test_each_fault_of_an_entry_is_told_once_and_repeats_nothing(tmp_path: Path, line: str, expected: tuple[str, str]) -> None:
    """What is wrong inside the seal is told by the sheet's headings."""
    heading = ENTRIES.replace("条目编号", "档案条目编号")
    rows = rows_of(tmp_path, f"{heading}{line}\n", "档案记载")
    assert codes_of(rows) == [(2, *expected)]
    assert "题题" not in str(rows)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("2019", "2019"), (2019, "2019"), ("2019-7", "2019-07"), ("2019.07", "2019-07"), ("201907", "2019-07"),
     ("2019/7/1", "2019-07-01"), (date(2019, 7, 1), "2019-07-01"), (datetime(2019, 7, 1), "2019-07-01")],  # noqa: DTZ001
)  # fmt: skip
def test_a_time_of_an_entry_is_a_year_a_month_or_a_day(tmp_path: Path, cell: Any, expected: str) -> None:
    """However it is usually written, as text or as a cell of a workbook."""
    headings = ENTRIES.strip().split(",")
    file = workbook(tmp_path, {"档案记载": [headings, ["w-1", "d-1", "考核", "t", "x", cell, None, "2025-01-04"]]})
    [row] = rows_of(tmp_path, file.read_bytes(), name="g.xlsx")
    assert unsealed(message_of(row)["data"]["content"])["begins"] == expected


def test_a_month_that_was_typed_as_a_number_is_refused(tmp_path: Path) -> None:
    """The cell 2019.10 holds 2019.1: nobody can tell October from January."""
    headings = ENTRIES.strip().split(",")
    file = workbook(tmp_path, {"档案记载": [headings, ["w-1", "d-1", "考核", "t", "x", 2019.1, None, "2025-01-04"]]})
    assert codes_of(rows_of(tmp_path, file.read_bytes(), name="g.xlsx")) == [(2, "起始时间", "month-as-number")]


def test_a_plain_entry_in_json_lines_is_sealed_and_a_sealed_one_stays(tmp_path: Path) -> None:
    """As identity is: an integrating system may leave the sealing to the program, or do it by itself."""
    data = {"person": PERSON, "entry": "d-1", "section": "basics"}

    def read(content: Any) -> list[Row]:
        line = {"type": "档案记载", "effectiveon": "2025-01-04", "data": {**data, "content": content}}
        return rows_of(tmp_path, json.dumps(line), name="f.jsonl")

    [row] = read({"title": "t", "text": "x"})
    sealed = message_of(row)["data"]["content"]
    assert unsealed(sealed) == {"title": "t", "text": "x"}
    [again] = read(sealed)
    assert message_of(again)["data"]["content"] == sealed


# -------------------------------------------------------------------------------------------------- problems of the new sheets


@pytest.mark.parametrize(
    ("sheet", "heading", "line", "expected"),
    [
        ("资格审查", "人员编号,申报编号,学时:training,评分:training,日期", "w-1,a-1,80,85,2025-01-04",
         ("学时:training / 评分:training", "finding-ambiguous")),
        ("资格审查", "人员编号,申报编号,评分:ability,日期", "w-1,a-1,101,2025-01-04", ("评分:ability", "out-of-range")),
        ("资格审查", "人员编号,申报编号,确认:results,日期", "w-1,a-1,也许,2025-01-04", ("确认:results", "wrong-type")),
        ("资格审查", "人员编号,申报编号,证据:results,日期", "w-1,a-1,附件,2025-01-04",
         ("证据:results", "bad-pattern")),
        ("综合评审", "人员编号,申报编号,评审分数,日期", "w-1,a-1,85;优,2025-01-04", ("评审分数", "wrong-type")),
        ("申诉决定", "人员编号,申诉编号,申诉结论,决定理由,日期", "w-1,p-1,成立,属实,2025-01-04",
         ("考核等次", "rating-if-upheld")),
        ("资格申报", "人员编号,申报编号,等级,拟发证区划,职称,日期", "w-1,a-1,中级,320100,教授,2025-01-04",
         ("职称", "bad-title")),
        ("单位登记", "单位编号,单位名称,单位区划,信用代码,日期", "u-1,某单位,320102,123,2025-01-04",
         ("信用代码", "bad-pattern")),
        ("证书状态变更", "人员编号,变更编号,证书编号,证书状态,变更日期", "w-1,c,C-1,暂停,2025-01-04", ("变更原因", "missing")),
        ("证书状态变更", "人员编号,变更编号,证书编号,证书状态,变更原因,原因,变更日期", "w-1,c,C-1,暂停,甲,乙,2025-01-04",
         ("原因", "duplicate-column")),
        ("更正", "更正的消息编号,更正类别,业务编号,证书编号,证书状态,原因,日期", "m-1,证书状态变更,c,C-1,暂停,误报,2025-01-04",
         ("变更原因", "missing")),
        ("更正", "更正的消息编号,更正类别,离任原因,变更原因,原因,日期", "m-1,离任,辞职,另有,误报,2025-01-04",
         ("变更原因", "said-twice")),
        ("单位登记", "单位编号,单位名称,单位区划,人员编号,日期", "u-1,某单位,320102,w-1,2025-01-04",
         ("人员编号", "unknown-field")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_fault_of_a_row_is_told_by_the_heading_where_it_is_mended(
    tmp_path: Path, sheet: str, heading: str, line: str, expected: tuple[str, str], lang: Lang
) -> None:
    """A rule over several fields, an entry of a list, a field with another name: the clerk reads a heading of the sheet."""
    found = codes_of(rows_of(tmp_path, f"{heading}\n{line}\n", sheet, lang=lang))
    told = {name for _, name, code in found if code == expected[1]}
    english = {"考核等次": "rating", "变更原因": "change reason"}
    missing = expected[0] in english and expected[0] not in heading
    assert told == {english[expected[0]] if missing and lang == "en" else expected[0]}


def test_a_row_may_name_its_fact_and_take_the_columns_of_that_fact(tmp_path: Path) -> None:
    """One mixed sheet for the stages of an application."""
    text = (
        "事实,人员编号,申报编号,学时,测试成绩,评审分数,处理结论,日期\n"
        "培训测试,w-1,a-1,48,88,,,2025-01-04\n"
        "综合评审,w-1,a-1,,,85;90;88,,2025-02-04\n"
    )
    rows = rows_of(tmp_path, text)
    assert [message_of(row)["type"] for row in rows] == ["intake.training-tested.v1", "intake.panel-reviewed.v1"]
