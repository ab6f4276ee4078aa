"""What pydantic says is wrong with a message, in the words of a receipt: field, stable code, problem, remedy.

The text never repeats what was sent: it is made from the code, from the schema's own bounds and from the path of the
field, never from the input or from pydantic's message. A field name that the sender made up is shown only if it can be
nothing but a name. Codes are stable and English; texts come in English (receipts) and Chinese (the command line).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from contracts.base import LINE_PATTERN, PARAGRAPHS_PATTERN
from contracts.receipts import Problem

__all__ = [
    "CODES",
    "PLAIN_IDENTITY_FIELDS",
    "PROBLEMS_MAX",
    "Lang",
    "expected_in_chinese",
    "problem",
    "problems_of",
]

Lang = Literal["en", "zh"]

PROBLEMS_MAX = 20
ERRORS_READ_MAX = 200
"""Problems of one message; if there are more, the last one says how many are left out."""

FIELD_CHARACTERS_MAX = 120

PLAIN_IDENTITY_FIELDS = frozenset({
    "name", "full_name", "resident_id", "id_card", "id_number", "phone", "mobile", "bank_account", "bank_card",
    "姓名", "身份证号", "身份证号码", "公民身份号码", "手机号", "手机号码", "电话", "联系电话", "银行账号", "银行卡号",
})  # fmt: skip
"""Names under which identity is sent in plain text by mistake. Such a message is refused and erased."""

_IDENTITY_NAMES = "name, resident_id, phone, bank_account"

CODES: dict[str, dict[Lang, tuple[str, str]]] = {
    "missing": {
        "en": ("the field is missing", "add it"),
        "zh": ("缺少该字段", "请补上"),
    },
    "unknown-field": {
        "en": ("there is no such field here", "remove it, or correct its name"),
        "zh": ("此处没有这个字段", "请删除，或更正字段名"),
    },
    "over-quota": {
        "en": (
            "the source has sent more than it may: messages a second, or bytes a day",
            "send it again more slowly, or after midnight UTC, under the same id; or ask the operator for more",
        ),
        "zh": (
            "该来源报送过多（每秒条数或每日字节数超限）",
            "请放慢报送，或在世界时零点之后以同一编号重新报送；也可联系系统管理员调整",
        ),
    },
    "plain-identity": {
        "en": ("identity stands in plain text", f"seal {_IDENTITY_NAMES} to the registry's public key (JWE)"),
        "zh": ("身份信息以明文出现", "请用登记机关的公钥加密姓名、身份证号、电话、银行账号（JWE）"),
    },
    "identity-not-sealed": {
        "en": ("this is not a sealed identity", "send a compact JWE (RFC 7516) sealed to the registry's public key"),
        "zh": ("这不是加密后的身份信息", "请发送用登记机关公钥加密的 JWE（RFC 7516 紧凑格式）"),
    },
    "wrong-type": {
        "en": ("the value is not {expected}", "send {expected}"),
        "zh": ("该值不是{expected}", "请填写{expected}"),
    },
    "impossible-date": {
        "en": ("this is not a date of the calendar", "write a date that exists, as YYYY-MM-DD"),
        "zh": ("日历上没有这个日期", "请填写存在的日期，格式 YYYY-MM-DD"),
    },
    "impossible-time": {
        "en": (
            "this is not a clock time with its zone (RFC 3339)",
            "write it with seconds and zone, as 2026-01-31T08:00:00Z or 2026-01-31T16:00:00+08:00",
        ),
        "zh": (
            "这不是带时区的时间（RFC 3339）",
            "请写明秒和时区，如 2026-01-31T08:00:00Z 或 2026-01-31T16:00:00+08:00",
        ),
    },
    "control-character": {
        "en": ("a control character stands in the text", "remove it; {expected}"),
        "zh": ("文本中含有控制字符", "请删除；{expected}"),
    },
    "duplicate-key": {
        "en": ("the field stands twice in its object", "send it once"),
        "zh": ("同一对象中该字段出现两次", "请只保留一个"),
    },
    "bad-resident-id": {
        "en": ("the resident ID is not valid (GB 11643-1999)", "check its 18 characters against the card"),
        "zh": ("身份证号不正确（GB 11643-1999）", "请对照身份证核对 18 位号码"),
    },
    "name-unwritable": {
        "en": (
            "the name holds a character that no bank and no printer knows (private use, or not assigned)",
            "write it with the character's own code of GB 18030-2022; a keyboard for rare characters has it",
        ),
        "zh": (
            "姓名含有银行和打印机都不认识的字符（自造字区或未定义的编码）",
            "请用 GB 18030-2022 的标准编码录入该字（生僻字输入法可以打出）",
        ),
    },
    "name-blank": {
        "en": ("nothing can be seen of the name", "give the name as it stands on the card"),
        "zh": ("姓名没有可见的字符", "请按身份证填写姓名"),
    },
    "bad-pattern": {
        "en": ("the text is not of the form asked for", "write {expected}"),
        "zh": ("文本格式不符", "请填写{expected}"),
    },
    "not-allowed-value": {
        "en": ("the value is not one of those allowed", "use one of: {expected}"),
        "zh": ("该值不在允许范围内", "请使用其中之一：{expected}"),
    },
    "unknown-type": {
        "en": ("there is no such type of message", "use one of: {expected}"),
        "zh": ("没有这种消息类型", "请使用其中之一：{expected}"),
    },
    "out-of-range": {
        "en": ("the number is outside its bounds", "send a number that is {expected}"),
        "zh": ("数值超出范围", "请填写{expected} 的数"),
    },
    "too-short": {
        "en": ("there is nothing here, or too little", "give at least {expected}"),
        "zh": ("内容为空或太少", "至少 {expected}"),
    },
    "too-long": {
        "en": ("there is too much here", "give at most {expected}"),
        "zh": ("内容太多", "最多 {expected}"),
    },
    "person-ambiguous": {
        "en": (
            "the person is not named in exactly one way",
            "give exactly one of person_ref, source_key (with key_source if another source gave it), identity",
        ),
        "zh": ("没有以唯一一种方式指明人员", "请只用一种：person_ref、source_key（他方编号须加 key_source）或 identity"),
    },
    "finding-ambiguous": {
        "en": (
            "the finding does not answer its criterion in exactly one way",
            "give exactly one of hours (for `hours`), points (for `assessed`), confirmed (for `confirmed`)",
        ),
        "zh": (
            "审查结论没有以唯一一种方式给出",
            "请只填一种：学时 hours（hours 类）、分数 points（assessed 类）或是否属实 confirmed（confirmed 类）",
        ),
    },
    "reason-if-rejected": {
        "en": ("a rejection has no reason", "say why the run is rejected"),
        "zh": ("驳回没有说明理由", "请填写驳回理由"),
    },
    "part-beyond-parts": {
        "en": ("the part is none of the file's parts", "count the parts from 1 to parts"),
        "zh": ("分段序号超出总段数", "分段序号从 1 到总段数 parts"),
    },
    "rating-if-upheld": {
        "en": (
            "the outcome and the new rating do not go together",
            "an appeal that is upheld names the new rating, one that is dismissed names none",
        ),
        "zh": ("申诉结论与新等次不相符", "申诉成立须填写新的考核等次，驳回则不填"),
    },
    "posts-unlike-model": {
        "en": (
            "the posts are not those of the model, or one is named twice",
            "name each post once: of both sides for one_person and cross_appointment, of the party for the other models",
        ),
        "zh": (
            "所列职务与选拔方式不符，或同一职务列了两次",
            "每个职务只列一次：一肩挑、交叉任职须有党组织和行政两边的职务，其他方式须有党组织的职务",
        ),
    },
    "named-twice": {
        "en": ("two entries of the list are about the same", "name each once"),
        "zh": ("列表中同一项列了两次", "每项只列一次"),
    },
    "points-zero": {
        "en": ("no points are earned or deducted", "give a number above or below 0"),
        "zh": ("积分为零", "请填写正数（加分）或负数（扣分）"),
    },
    "person-if-filled": {
        "en": (
            "the outcome and the person do not go together",
            "a vacancy that is filled names the person who fills it, one that is withdrawn names nobody",
        ),
        "zh": ("结果与人员不相符", "已补缺须写明人员，撤销则不写"),
    },
    "requirements-senseless": {
        "en": (
            "the requirements are empty, ask for the same twice, or cannot be met",
            "give hard or soft requirements, each once, with bounds that somebody can meet",
        ),
        "zh": ("条件为空、重复，或无人能满足", "请填写必备或优先条件，每项一次，范围须能满足"),
    },
    "proposed": {
        "en": (
            "this needs four eyes: it is recorded as a proposal and has no effect yet",
            "have another principal confirm it, by the number of the event and what it says",
        ),
        "zh": ("此事须双人办理：已记录为提议，尚未生效", "请另一人按事件编号和内容予以确认"),
    },
    "same-principal": {
        "en": ("the principal who proposed this cannot confirm it", "have another principal look at it and confirm it"),
        "zh": ("提议人不得自行确认", "请由另一人查看并确认（双人办理）"),
    },
    "proposal-unknown": {
        "en": ("there is no proposal under this id", "give the number of the event with which it was proposed"),
        "zh": ("没有此编号的提议", "请填写提议的事件编号"),
    },
    "proposal-differs": {
        "en": ("what was proposed is something else than what this confirms", "look at the proposal, and give its own digest"),
        "zh": ("所确认的内容与提议不符", "请查看提议，并填写其摘要"),
    },
    "proposal-expired": {
        "en": ("the time in which this could be confirmed is over", "have it proposed again"),
        "zh": ("该提议已过确认期限", "请重新提议"),
    },
    "proposal-settled": {
        "en": ("this proposal is confirmed or withdrawn already", "nothing is left to do, or have it proposed again"),
        "zh": ("该提议已经确认或撤回", "无需处理，或重新提议"),
    },
    "proposal-not-yours": {
        "en": ("another principal has proposed this", "only its maker withdraws a proposal; leave it unconfirmed"),
        "zh": ("该提议由他人提出", "只有提议人可以撤回；不同意的，不予确认即可"),
    },
    "proposal-outdated": {
        "en": ("what was proposed can no longer be read as it stands", "have it proposed again in today's form"),
        "zh": ("提议的内容已不符合现行格式", "请按现行格式重新提议"),
    },
    "stands-already": {
        "en": ("this stands already, in the same words and of the same day", "nothing is left to do"),
        "zh": ("此事已有记录，内容和日期相同", "无需再报"),
    },
    "stands-otherwise": {
        "en": (
            "this is on file in other words or of another day, and that stands",
            "look at what is on file; if yours is right, correct that, or report it with a later time",
        ),
        "zh": ("此事已有记录，内容或日期不同，以已有记录为准", "请查看已有记录；如需更改，请更正，或以更晚的时间重新报送"),
    },
    "outranked": {
        "en": (
            "a source whose matter this is says something else, and that stands",
            "see `hongling conflicts`; ask that source to correct it if it is wrong",
        ),
        "zh": ("对此事有职权的来源所报内容不同，以其为准", "见 hongling conflicts；如其有误，请其更正"),
    },
    "doubtful-word": {
        "en": ("no standard in force knows this word", "check it; if the word is new, have the standard published first"),
        "zh": ("现行标准中没有这个词", "请核对；如为新词，请先发布标准"),
    },
    "doubtful-division": {
        "en": ("no division of GB/T 2260 has this code", "check it; if it is new, have the operator add it"),
        "zh": ("GB/T 2260 中没有这个区划代码", "请核对；如为新设区划，请运维人员登记"),
    },
    "born-later": {
        "en": ("by the resident ID the person was born after this day", "correct the resident ID, or the date"),
        "zh": ("按身份证号，此人在该日之后出生", "请更正身份证号或日期"),
    },
    "born-too-early": {
        "en": ("by the resident ID the person was born before 1900", "correct the resident ID"),
        "zh": ("按身份证号，此人在 1900 年以前出生", "请更正身份证号"),
    },
    "under-age": {
        "en": ("by the resident ID the person was under 16 on this day", "correct the resident ID, or the date"),
        "zh": ("按身份证号，此人在该日未满 16 周岁", "请更正身份证号或日期"),
    },
    "young": {
        "en": ("by the resident ID the person was under 18 on this day", "check the resident ID and the date"),
        "zh": ("按身份证号，此人在该日未满 18 周岁", "请核对身份证号和日期"),
    },
    "old": {
        "en": ("by the resident ID the person was over 80 on this day", "check the resident ID and the date"),
        "zh": ("按身份证号，此人在该日已过 80 周岁", "请核对身份证号和日期"),
    },
    "date-too-early": {
        "en": ("the date is before {expected}", "give the date on which it became true"),
        "zh": ("日期早于 {expected}", "请填写事实发生的日期"),
    },
    "date-too-late": {
        "en": ("the date is more than {expected} days ahead", "report it when its date is near"),
        "zh": ("日期在 {expected} 天以后", "请临近该日期再报"),
    },
    "time-in-future": {
        "en": ("the recording time is more than 24 hours ahead", "set the source's clock"),
        "zh": ("记录时间超前 24 小时以上", "请校准来源系统的时钟"),
    },
    "result-before-year": {
        "en": ("a result for {expected} cannot be dated before it", "mend the year or the date"),
        "zh": ("{expected} 年度的结果，日期早于该年度", "请更正年度或日期"),
    },
    "expires-before-issue": {
        "en": ("the certificate expires before its issue", "mend one of the two dates"),
        "zh": ("证书的到期日早于发证日", "请更正两个日期之一"),
    },
    "grade-and-downgrade": {
        "en": ("a downgrade names the new grade, no other change does", "add or remove it"),
        "zh": ("降级须写明新等级，其他变更不写", "请补上或删除等级"),
    },
    "year-to-come": {
        "en": ("the year has not begun yet", "correct the year, or report the result when it is there"),
        "zh": ("该年度尚未开始", "请更正年度，或待有结果时再报"),
    },
    "ends-before-start": {
        "en": ("the engagement ends before it starts", "correct one of the two dates, or withdraw the other fact first"),
        "zh": ("任职结束早于开始", "请更正其中一个日期，或先撤回另一条"),
    },
    "time-ahead": {
        "en": (
            "by the service's clock this time has not come yet",
            "set the clock of the reporting system right, and send the fact again under a new id",
        ),
        "zh": ("按服务端时钟，该时间尚未到来", "请校准上报系统的时钟，换用新的编号重新上报"),
    },
    "not-json": {
        "en": ("the message is not JSON{expected}", "send one JSON object in UTF-8"),
        "zh": ("消息不是 JSON{expected}", "请发送一个 UTF-8 编码的 JSON 对象"),
    },
    "too-deep": {
        "en": ("arrays and objects are nested too deeply", "send the message in the form of the schema"),
        "zh": ("数组和对象嵌套太深", "请按规定的结构发送"),
    },
    "too-many-values": {
        "en": ("the message has more names and values than any schema lets in", "send less in one message"),
        "zh": ("消息中的名称和值多于任何规定的结构", "请分成多条消息发送"),
    },
    "bad-value": {
        "en": ("the value breaks a rule of this field", "see the description of the field in the schema"),
        "zh": ("该值不符合此字段的规则", "请查看该字段的说明"),
    },
    "more-problems": {
        "en": ("{expected} further problems are left out", "mend those above and send the message again"),
        "zh": ("另有 {expected} 个问题未列出", "请先改正以上问题再发送"),
    },
}
"""Code → language → (problem, remedy)."""

_CONTENT_NOT_SEALED: dict[Lang, tuple[str, str]] = {
    "en": (
        "this is not a sealed entry",
        "seal title, text, begins and ends to the registry's public key (compact JWE, RFC 7516)",
    ),
    "zh": ("档案内容未加密", "请用登记机关的公钥加密标题、正文、起止时间（RFC 7516 紧凑格式的 JWE）"),
}
"""A dossier entry in plain text has the code ``plain-identity``: it is refused and erased like identity, but told apart."""
_DOSSIER = "intake.dossier-entry-"
_CONTENT_FIELDS = frozenset({"content", "title", "text", "begins", "ends"})

_RULES: dict[tuple[str, str], tuple[str, str]] = {
    ("intake.eligibility-reviewed.v1", "findings"): ("finding-ambiguous", ""),
    ("intake.rating-appeal-decided.v1", "data"): ("rating-if-upheld", "rating"),
    ("intake.payment-run-checked.v1", "data"): ("reason-if-rejected", "reason"),
    ("intake.payment-results-reported.v1", "data"): ("part-beyond-parts", "part"),
    ("intake.appraisal-appeal-decided.v1", "data"): ("rating-if-upheld", "rating"),
    ("intake.leadership-model-set.v1", "data"): ("posts-unlike-model", "posts"),
    ("intake.appraisal-rating-given.v1", "marks"): ("named-twice", ""),
    ("intake.candidate-profiled.v1", "competencies"): ("named-twice", ""),
    ("intake.points-recorded.v1", "points"): ("points-zero", ""),
    ("intake.vacancy-closed.v1", "data"): ("person-if-filled", "person"),
    ("intake.vacancy-described.v1", "data"): ("requirements-senseless", "hard"),
}
"""Rules over several fields, which pydantic puts on the object that holds them: (type, that object's name) → code, and the
field that the author has to mend ("": the object itself)."""

_KINDS: dict[str, str] = {
    "missing": "missing",
    "extra_forbidden": "unknown-field",
    "string_pattern_mismatch": "bad-pattern",
    "literal_error": "not-allowed-value",
    "enum": "not-allowed-value",
    "string_too_short": "too-short",
    "string_too_long": "too-long",
    "too_short": "too-short",
    "too_long": "too-long",
    "json_invalid": "not-json",
    "recursion_loop": "too-deep",
    "timezone_aware": "impossible-time",
    "value_error": "bad-value",
    "assertion_error": "bad-value",
    "name_unwritable": "name-unwritable",
    "name_blank": "name-blank",
}

_BOUNDS: dict[str, tuple[str, str, str]] = {
    "greater_than": ("gt", "greater than", "大于"),
    "greater_than_equal": ("ge", "at least", "不小于"),
    "less_than": ("lt", "less than", "小于"),
    "less_than_equal": ("le", "at most", "不大于"),
}

_TYPES: tuple[tuple[str, str, str], ...] = (
    ("int_", "a whole number", "整数"),
    ("float_", "a number", "数字"),
    ("finite_number", "a finite number", "有限的数字"),
    ("decimal_", "a decimal number", "十进制数"),
    ("bool_", "true or false", "是或否（true/false）"),
    ("string_", "text", "文本"),
    ("bytes_", "text", "文本"),
    ("dict_", "an object", "对象"),
    ("model_", "an object", "对象"),
    ("mapping_", "an object", "对象"),
    ("tuple_", "an array", "数组"),
    ("list_", "an array", "数组"),
    ("none_", "null", "空值"),
)

_UNITS: dict[str, tuple[str, str]] = {"string": ("character(s)", "个字符"), "array": ("item(s)", "项")}

# Said in words where a regular expression would not help the reader; keyed by the field's own name.
_FORMS: dict[str, tuple[str, str]] = {
    "division": ("six digits of GB/T 2260, such as 320102", "GB/T 2260 六位区划代码，如 320102"),
    "issuer": ("six digits of GB/T 2260, such as 320102", "GB/T 2260 六位区划代码，如 320102"),
    "rating": ("a word of the policy's vocabulary, such as excellent", "政策词汇中的等次，如 优秀（excellent）"),
    "grade": ("a word of the policy's vocabulary, such as junior", "政策词汇中的等级，如 初级（junior）"),
    "person_ref": ("p and 26 of 0-9 and a-z, as the registry gave it", "登记机关给出的 p 加 26 位字母数字"),
    "credit_code": (
        "18 digits and capital letters of GB 32100-2015 (no I, O, S, V, Z)",
        "GB 32100-2015 统一社会信用代码，18 位数字或大写字母（不含 I、O、S、V、Z）",
    ),
    "media_type": ("a media type such as application/pdf", "媒体类型，如 application/pdf"),
    "begins": ("a year, month or day: 2019, 2019-07 or 2019-07-01", "年、年月或年月日，如 2019、2019-07、2019-07-01"),
    "ends": ("a year, month or day: 2019, 2019-07 or 2019-07-01", "年、年月或年月日，如 2019、2019-07、2019-07-01"),
    "resident_id": ("17 digits and a check character", "17 位数字加校验码"),
    "phone": ("5 to 20 digits, spaces, + or -", "5 至 20 位数字、空格、+ 或 -"),
    "bank_account": ("8 to 30 digits", "8 至 30 位数字"),
    "id": ("1 to 128 of letters, digits, . _ : and -", "1 至 128 个字母、数字或 . _ : -"),
    "run": ("1 to 20 of letters, digits and -", "1 至 20 个字母、数字或 -"),
    "payer": ("a payer's name in the policy, such as county", "政策中的支付方名称，如 county"),
    "month": ("a month, YYYY-MM", "月份，格式 YYYY-MM"),
    "message_id": ("1 to 35 of letters, digits, / . and -", "1 至 35 个字母、数字或 / . -"),
    "reference": ("1 to 64 printable ASCII characters", "1 至 64 个可打印 ASCII 字符"),
}
_WORD = ("1 to 32 of a-z, 0-9 and _, beginning with a letter", "1 至 32 个小写字母、数字或 _，以字母开头")
_FORMS |= dict.fromkeys(("criterion", "waive", "items", "item"), _WORD)
_DASHED = ("1 to 32 of a-z, 0-9, _ and -, beginning with a letter", "1 至 32 个小写字母、数字、_ 或 -，以字母开头")
_FORMS |= dict.fromkeys(("ladder", "majors"), _DASHED)
_FORMS |= {"mentor": _FORMS["person_ref"], "party_joined_on": ("a month such as 2010-07", "年月，如 2010-07")}
_DIGEST = ("64 hex digits of SHA-256, lower case", "SHA-256 的 64 位小写十六进制数字")
_FORMS |= dict.fromkeys(("evidence", "sha256", "file_sha256", "list_sha256"), _DIGEST)
_SOURCE = ("1 to 32 of a-z, 0-9 and -, beginning with a letter", "1 至 32 个小写字母、数字或 -，以字母开头")
_SOURCES = ("source", "key_source", "application_source", "objection_source", "appeal_source", "entry_source", "run_source")
_FORMS |= dict.fromkeys(_SOURCES, _SOURCE)
_FORM_DEFAULT = (
    "letters, digits and . _ : / - only, beginning with a letter or digit, at most 64",
    "仅限字母、数字和 . _ : / -，以字母或数字开头，最多 64 个",
)

_ALLOWED_BLANKS: dict[str, tuple[str, str]] = {
    LINE_PATTERN: ("write the text on one line", "请写在一行内"),
    PARAGRAPHS_PATTERN: ("only tab and line break are allowed", "只允许制表符和换行符"),
}

_NAME_ONLY = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")
_POSITION = re.compile(r"at (line [0-9]{1,9} column [0-9]{1,9})$")
_WITHHELD = "(name withheld)"


def problem(code: str, field: str, lang: Lang = "en", expected: str = "") -> Problem:
    """Return one problem in the words of its code. expected: fills the text's blank; never taken from the input."""
    what, remedy = CODES[code][lang]
    return Problem(
        field=field, code=code, problem=what.replace("{expected}", expected), remedy=remedy.replace("{expected}", expected)
    )


def problems_of(error: ValidationError, type: str | None = None, lang: Lang = "en") -> tuple[Problem, ...]:
    """Translate a validation error; at most ``PROBLEMS_MAX`` problems, in the order of the schema.

    type: the message's type, if known, which pydantic puts at the head of each location. ``field`` is a path such as
    ``data.replacement.year``, without the tags of unions that pydantic puts in between; "" is the whole message.
    """
    errors = error.errors(include_url=False, include_input=False)
    told = errors[:ERRORS_READ_MAX]
    inside = {each["loc"][:depth] for each in told for depth in range(len(each["loc"]))}
    found = [
        _problem_of(each["type"], each["loc"], each.get("ctx", {}), type, lang)
        for each in told
        if each["type"] != "too_short" or each["loc"] not in inside  # Wrong entries are not counted: they are not missing.
    ]
    unique = list(dict.fromkeys(found))
    if len(unique) > PROBLEMS_MAX or len(errors) > len(told):
        left_out = len(unique) - len(unique[: PROBLEMS_MAX - 1]) + len(errors) - len(told)
        return (*unique[: PROBLEMS_MAX - 1], problem("more-problems", "", lang, str(left_out)))
    return tuple(unique)


def _problem_of(kind: str, loc: tuple[int | str, ...], ctx: Mapping[str, Any], type: str | None, lang: Lang) -> Problem:
    path = _path(loc, type, made_up=kind in ("extra_forbidden", "duplicate_key"))
    leaf = next((str(part) for part in reversed(loc) if isinstance(part, str)), "")  # Entries of a list bear its name.
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _tag_problem(kind, path, ctx, lang)
    fact = str(loc[0]) if loc else ""
    field = ".".join(path)[:FIELD_CHARACTERS_MAX]
    if fact.startswith(_DOSSIER) and leaf in _CONTENT_FIELDS and kind != "missing":
        what, remedy = _CONTENT_NOT_SEALED[lang]
        return Problem(field=field, code="plain-identity", problem=what, remedy=remedy)
    if kind == "value_error" and (fact, leaf) in _RULES:
        code, of = _RULES[fact, leaf]
        return problem(code, f"{field}.{of}" if of else field, lang)
    code = _code(kind, leaf, path, ctx)
    return problem(code, field, lang, _expected(code, kind, leaf, ctx, lang))


def _tag_problem(kind: str, path: list[str], ctx: Mapping[str, Any], lang: Lang) -> Problem:
    """A union's tag is a field of the message (``type``, ``kind``): the problem is that field's."""
    field = ".".join([*path, str(ctx.get("discriminator", "")).strip("'")])
    if kind == "union_tag_not_found":
        return problem("missing", field, lang)
    return problem("not-allowed-value" if path else "unknown-type", field, lang, _plain_list(ctx.get("expected_tags", "")))


def _code(kind: str, leaf: str, path: list[str], ctx: Mapping[str, Any]) -> str:
    if kind == "extra_forbidden" and leaf.casefold() in PLAIN_IDENTITY_FIELDS:
        return "plain-identity"
    if leaf == "identity" and kind in ("string_pattern_mismatch", "string_too_long", "string_type"):
        return "identity-not-sealed"
    if leaf == "resident_id" and kind in ("value_error", "string_pattern_mismatch"):
        return "bad-resident-id"
    if kind == "string_pattern_mismatch" and ctx.get("pattern") in _ALLOWED_BLANKS:
        return "control-character"
    if kind == "duplicate_key":
        # A value that was passed over might have been identity: the message is refused and erased like any other.
        return "plain-identity" if not PLAIN_IDENTITY_FIELDS.isdisjoint(ctx["lost"]) else "duplicate-key"
    if leaf == "person" and kind == "value_error":
        return "person-ambiguous"
    if kind == "json_invalid" and "recursion" in str(ctx.get("error", "")):
        return "too-deep"
    if kind in _BOUNDS:
        return "out-of-range"
    if kind in _KINDS:
        return _KINDS[kind]
    if kind.startswith("datetime_") or leaf == "time":
        return "impossible-time"
    if kind.startswith("date_"):
        return "impossible-date"
    return "wrong-type" if any(kind.startswith(prefix) for prefix, *_ in _TYPES) else "bad-value"


def _expected(code: str, kind: str, leaf: str, ctx: Mapping[str, Any], lang: Lang) -> str:
    """What the schema asks for, in words. Only bounds and choices of the schema are read from ``ctx``."""
    chosen = 0 if lang == "en" else 1
    if code == "wrong-type":
        return next(words[chosen] for prefix, *words in _TYPES if kind.startswith(prefix))
    if code == "bad-pattern":
        return _FORMS.get(leaf, _FORM_DEFAULT)[chosen]
    if code == "control-character":
        return _ALLOWED_BLANKS[str(ctx["pattern"])][chosen]
    if code == "not-allowed-value":
        return _plain_list(ctx.get("expected", ""))
    if code == "out-of-range":
        bound, *words = _BOUNDS[kind]
        return f"{words[chosen]} {ctx[bound]}"
    if code in ("too-short", "too-long"):
        count = ctx["min_length" if code == "too-short" else "max_length"]
        unit = _UNITS["string" if kind.startswith("string_") else "array"][chosen]
        return f"{count} {unit}"
    if code == "not-json":
        position = _POSITION.search(str(ctx.get("error", "")))
        return f" ({position.group(1)})" if position else ""
    return ""


def expected_in_chinese(text: str) -> str:
    """What fills an English text's blank, as it fills the Chinese one; what is no wording of ours stays as it is."""
    for _, english, chinese in _TYPES:
        if text == english:
            return chinese
    for english, chinese in (*_FORMS.values(), _FORM_DEFAULT):
        if text == english:
            return chinese
    for _, english, chinese in _BOUNDS.values():
        if text.startswith(f"{english} "):
            return f"{chinese}{text.removeprefix(english)}"
    for english, chinese in _UNITS.values():
        text = text.replace(english, chinese)
    return text


def _plain_list(text: object) -> str:
    """Pydantic's ``'a', 'b' or 'c'`` as ``a, b, c``."""
    return str(text).replace("' or '", "', '").replace("'", "")


def _path(loc: tuple[int | str, ...], type: str | None, *, made_up: bool) -> list[str]:
    """The location without union tags and validators' names; the last part is hidden if the sender made it up."""
    parts = list(loc)
    if parts and (parts[0] == type or str(parts[0]).startswith("intake.")):
        del parts[0]
    if "replacement" in parts[:-1]:
        # The replacement is a union by kind: pydantic puts the kind's name after it.
        del parts[parts.index("replacement") + 1]
    named = [str(part) for part in parts if not str(part).startswith(("function-", "tagged-union["))]
    if made_up and named and not (_NAME_ONLY.fullmatch(named[-1]) or named[-1] in PLAIN_IDENTITY_FIELDS):
        named[-1] = _WITHHELD
    return named
