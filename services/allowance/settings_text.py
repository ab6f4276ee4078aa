"""What each rule and setting of a policy means, in Chinese and in English, for ``hongling policy show`` and for the guide.

The engine does what stands here; ``tests/allowance/test_policy.py`` sees to it that no value is left without its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.policy import PolicyDocument, Settings

__all__ = ["RULE_TEXT", "SETTING_TEXT", "SettingRow", "SettingText", "Text", "setting_rows"]


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
    """One setting of a document as a table shows it. number: the figure that goes with the value, if one does."""

    setting: str
    value: str
    number: int | None
    is_default: bool
    question: Text
    meaning: Text


RULE_TEXT: Mapping[str, Text] = {
    "category": Text("人员类别", "category of worker"),
    "engaged": Text("当年在聘", "engaged in the year"),
    "full_time": Text("专职", "full time"),
    "not_civil_servant": Text("非公务员编制", "not a civil servant"),
    "certificate": Text("持有有效资格证书", "a valid certificate is held"),
    "inspection": Text("年检合格", "annual inspection passed"),
    "rating": Text("年度考核等次", "annual rating"),
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
            "by_month": Text("按在聘月份发放", "the months engaged"),
            "nothing": Text("当年不发放", "nothing: the engagement must last to 31 December"),
            "whole_year": Text("离任后的月份照计，发放至年底", "the months after leaving too, to the end of the year"),
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
}

_NUMBER_OF = {"basic": "basic_percent", "late_rating": "late_rating_years"}


def setting_rows(document: PolicyDocument) -> tuple[SettingRow, ...]:
    """Every setting of a document with its meaning, in the order of the questions; defaults are marked as such."""
    rows = []
    for setting, text in SETTING_TEXT.items():
        value = getattr(document.settings, setting)
        number = getattr(document.settings, _NUMBER_OF[setting]) if setting in _NUMBER_OF else None
        is_default = value == Settings.model_fields[setting].default
        rows.append(SettingRow(setting, value, number, is_default, text.question, text.meanings[value]))
    return tuple(rows)
