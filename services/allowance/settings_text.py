"""What each rule, setting and instrument of a policy means, in Chinese and in English, for ``hongling policy show`` and for
the tutorial.

The engine does what stands here; ``tests/allowance/test_policy.py`` sees to it that no value is left without its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.policy import PolicyDocument, Settings

__all__ = [
    "CHANNEL_TEXT",
    "INSTRUMENT_TEXT",
    "NUMBER_OF",
    "RULES_OF_SETTING",
    "RULE_TEXT",
    "SETTING_TEXT",
    "WITHIN_TEXT",
    "SettingRow",
    "SettingText",
    "Text",
    "has_effect",
    "setting_rows",
]


@dataclass(frozen=True, slots=True)
class Text:
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class SettingText:
    """question: what a county must answer; meanings: of each value."""

    question: Text
    meanings: Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting of a document as a table shows it. number: the figure that goes with the value, if one does.

    has_effect: whether anything in the document hangs on it.
    """

    setting: str
    value: str
    number: int | None
    is_default: bool
    has_effect: bool
    question: Text
    meaning: Text


INSTRUMENT_TEXT: Mapping[str, Text] = {
    "allowance": Text("红领津贴", "red-collar allowance"),
    "work_expense": Text(
        "工作经费（可支用额度，不发给个人）", "work expenses (an authorisation to spend, not paid to the person)"
    ),
    "part_time": Text("兼职津贴", "part-time allowance"),
}

CHANNEL_TEXT: Mapping[str, Text] = {
    "internal": Text("内部选任", "selected from within"),
    "recruited": Text("公开选聘", "recruited in the open"),
    "dispatched": Text("组织选派", "dispatched"),
}

WITHIN_TEXT: Mapping[str, Text] = {
    "county": Text("颁证县（市、区）内", "in the issuing county"),
    "city": Text("颁证设区市内", "in the issuing city"),
    "province": Text("颁证省内", "in the issuing province"),
    "anywhere": Text("不限地域", "anywhere"),
}

RULE_TEXT: Mapping[str, Text] = {
    "category": Text("人员类别", "category of worker"),
    "engaged": Text("当年在聘", "engaged in the year"),
    "full_time": Text("专职", "full time"),
    "not_civil_servant": Text("非公务员编制", "not a civil servant"),
    "certificate": Text("持有有效资格证书", "a valid certificate is held"),
    "inspection": Text("年检合格", "annual inspection passed"),
    "rating": Text("年度考核等次", "annual rating"),
    "entry_channel": Text("进入渠道", "entry channel"),
    "without_allowance": Text("未同时享受红领津贴", "no red-collar allowance besides"),
}

SETTING_TEXT: Mapping[str, SettingText] = {
    "basic": SettingText(
        Text("考核为“基本称职”的，津贴如何发放？", "What does a rating of basic pay?"),
        {
            "zero": Text("不发放", "nothing"),
            "reduced": Text(
                "按最低合格等次金额的规定百分比发放（basic_percent）",
                "the stated percentage (basic_percent) of the amounts of the lowest rating that qualifies",
            ),
            "listed": Text("按金额表中该等次自己的金额发放", "its own row in the table of amounts"),
        },
    ),
    "excellent": SettingText(
        Text("考核为“优秀”的，是否多发？", "Does a rating of excellent pay more?"),
        {
            "listed": Text(
                "按金额表执行；金额表未区分优秀的，不多发",
                "as the tables of amounts say; where they don't set excellent apart, no",
            ),
            "raised": Text(
                "按金额表的规定百分比发放（excellent_percent）",
                "the stated percentage (excellent_percent) of the amounts in the tables",
            ),
        },
    ),
    "promotion": SettingText(
        Text("年中晋升的，按哪个等级计算？", "After a promotion in mid-year, which grade counts?"),
        {
            "by_month": Text(
                "逐月按当月有效证书的等级计算；无有效证书的月份不计",
                "each month the grade of the certificate in force in it; a month without one does not count",
            ),
            "grade_at_year_end": Text(
                "全年按12月31日（已离任的按最后在聘日）的等级计算",
                "for all months the grade held on 31 December, or on the last engaged day",
            ),
            "grade_at_rating": Text(
                "全年按考核结果确定之日的等级计算；该日晚于12月31日（或最后在聘日）的，按后者",
                "for all months the grade held on the date of the rating, at the latest on 31 December or the last engaged day",
            ),
        },
    ),
    "leaving": SettingText(
        Text("年中离任的，当年津贴如何发放？", "What is paid for the year in which a worker leaves?"),
        {
            "by_month": Text(
                "按在聘月份发放；离任当月是否计算，同其他不满整月的月份",
                "the months engaged; whether the month of leaving counts is as for any month that is not complete",
            ),
            "from_that_month": Text(
                "自离任当月（最后在聘日所在月）起停发",
                "stopped from the month of leaving (that of the last engaged day), which does not count even if complete",
            ),
            "from_next_month": Text(
                "自离任次月起停发，离任当月照计",
                "stopped from the month after it; the month of leaving counts even if it is not complete",
            ),
            "nothing": Text(
                "当年不发放（自当年1月1日起停发）", "nothing (stopped from 1 January): the engagement must last to 31 December"
            ),
            "whole_year": Text(
                "离任后的月份照计，发放至年底（自次年1月1日起停发）",
                "the months after leaving too, to the end of the year (stopped from the next 1 January)",
            ),
        },
    ),
    "failed_inspection": SettingText(
        Text("年检不合格或未参加的，从何时停发？", "From when does a failed or missed inspection stop payment?"),
        {
            "whole_year": Text("当年全年不发放", "nothing is paid for the year"),
            "from_next_month": Text(
                "自结论次月起停发，直至其后年检合格",
                "from the month after its conclusion, until a later inspection is passed",
            ),
            "from_that_month": Text(
                "自结论当月起停发，直至其后年检合格",
                "from the month of its conclusion, until a later inspection is passed",
            ),
            "from_next_year": Text(
                "自结论次年1月1日起停发；其后年检合格的，自合格次年1月1日起恢复",
                "from the 1 January after its conclusion, until the 1 January after a later inspection is passed",
            ),
        },
    ),
    "deputy_secretary": SettingText(
        Text("专职副书记是否享受津贴？", "Is the deputy secretary paid?"),
        {"paid": Text("享受", "yes"), "unpaid": Text("不享受", "no")},
    ),
    "two_posts": SettingText(
        Text("同时担任两个职务的，按哪一个计发？", "Which of two posts at once is paid? Only one is."),
        {
            "higher": Text("按全年金额较高的职务", "the one that would bring more in a full year"),
            "earlier": Text("按任职较早的职务", "the one begun earlier"),
            "later": Text("按任职较晚的职务", "the one begun later"),
        },
    ),
    "moved": SettingText(
        Text(
            "年中转到另一区划的，由哪个区划支付、按哪个区划的金额计算？",
            "After a move to another division in mid-year, which one pays, and which one's amounts hold?",
        ),
        {
            "year_end": Text(
                "全年按12月31日（已离任的按最后在聘日）所在区划",
                "for all months the one held on 31 December, or on the last engaged day",
            ),
            "year_start": Text(
                "全年按1月1日（年中到任的按首个在聘日）所在区划，并适用该区划的办法",
                "for all months the one held on 1 January, or on the first engaged day, and that division's policy",
            ),
            "at_rating": Text(
                "全年按考核结果确定之日（不晚于12月31日或最后在聘日）所在区划，并适用该区划的办法",
                "for all months the one held on the date of the rating, at the latest on 31 December or the last engaged day, "
                "and that division's policy",
            ),
            "by_month": Text(
                "逐月按当月第一天所在区划；该区划不在本办法适用范围内的，按年末所在区划",
                "each month the one held on its first day; where this policy does not hold for it, the one of the year's end",
            ),
        },
    ),
    "decided_when": SettingText(
        Text("何时作出当年的发放决定？", "When is a worker's year decided?"),
        {
            "rated": Text("收到当年考核等次之后", "once there is a rating for the year"),
            "engaged": Text(
                "当年在聘即可（考核等次等条件照常检查）", "once engaged in the year; all predicates are judged as ever"
            ),
        },
    ),
    "month_counts_when": SettingText(
        Text("不满整月的，该月是否计算？", "Does a month count that is not complete?"),
        {
            "any_day": Text("当月有一天符合即计", "one day in it is enough"),
            "whole_month": Text("须整月符合", "it must be complete"),
            "first_day": Text("当月第一天符合即计", "its first day counts"),
        },
    ),
    "part_year": SettingText(
        Text(
            "办法仅在当年部分月份有效的（年中施行、追溯施行或年中废止），如何适用？",
            "What does a policy cover that is in effect for a part of the year only, be it after the fact or ended in it?",
        ),
        {
            "whole_year": Text("适用于全年各月", "all months of the year"),
            "own_months": Text(
                "只适用于有效期内的月份，其余月份不计", "the months in which it is in effect; the others don't count"
            ),
        },
    ),
    "late_rating": SettingText(
        Text("次年或更晚才确定的考核等次是否有效？", "Does a rating count that comes in a later year?"),
        {
            "always": Text("始终有效", "always"),
            "within_years": Text(
                "在规定年数内（late_rating_years）的年底前确定的有效",
                "if its date is not after the end of the stated number of years (late_rating_years) after the year rated",
            ),
        },
    ),
    "territory": SettingText(
        Text("证书是否须在工作所在区划有效？", "Must the certificate hold in the worker's division?"),
        {
            "ignored": Text("不要求", "no"),
            "required": Text(
                "须有效：超出颁证地效力范围的，须经所在区划认可，自认可之日起计算",
                "yes: beyond the territory of its issuer it counts from the day on which it is recognised there",
            ),
        },
    ),
    "overpayment": SettingText(
        Text("更正后多发的，如何处理？", "What becomes of an overpayment that a correction shows?"),
        {
            "net": Text("从以后的发放中抵扣", "it is netted from the payments that follow"),
            "recover": Text("追缴，以后的发放不受影响", "it is recovered; the payments that follow are made in full"),
        },
    ),
}

NUMBER_OF: Mapping[str, str] = {
    "basic": "basic_percent",
    "excellent": "excellent_percent",
    "late_rating": "late_rating_years",
}
"""The figure that goes with a setting."""


RULES_OF_SETTING: Mapping[str, tuple[str, ...]] = {
    "basic": ("rating",),
    "excellent": ("rating",),
    "promotion": ("certificate",),
    "leaving": ("engaged",),
    "failed_inspection": ("inspection",),
    "deputy_secretary": ("category",),
    "month_counts_when": ("engaged", "certificate"),
    "late_rating": ("rating",),
    "territory": ("certificate",),
}
"""The rules that a setting is about; without any of them it has no effect."""


def has_effect(document: PolicyDocument, setting: str) -> bool:
    """Whether anything in the document hangs on a setting."""
    settings, period = document.settings, document.effective
    rules = {rule.rule for rule in document.eligibility}
    match setting:
        case "part_year":
            begins = (period.first_day.month, period.first_day.day)
            return begins != (1, 1) or (
                period.last_day is not None and (period.last_day.month, period.last_day.day) != (12, 31)
            )
        case "two_posts":
            return any({"category", "full_time"} & {*line.by} for line in document.lines)
        case "overpayment":
            return document.instrument != "work_expense"
        case "month_counts_when" if settings.part_year == "own_months":
            return True
        case _:
            needed = RULES_OF_SETTING.get(setting, ())
            return not needed or any(rule in rules for rule in needed)


def setting_rows(document: PolicyDocument) -> tuple[SettingRow, ...]:
    """Every setting of a document with its meaning, in the order of the questions; defaults are marked as such."""
    rows = []
    for setting, text in SETTING_TEXT.items():
        value = getattr(document.settings, setting)
        number = getattr(document.settings, NUMBER_OF[setting]) if setting in NUMBER_OF else None
        is_default = value == Settings.model_fields[setting].default
        effect = has_effect(document, setting)
        rows.append(SettingRow(setting, value, number, is_default, effect, text.question, text.meanings[value]))
    return tuple(rows)
