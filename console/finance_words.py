"""Finance's words in both languages: stages, accounts, differences; and which division codes there can be. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["ACCOUNTS", "BREAKS", "BREAK_STATES", "LEFT_OUT", "PAYOUT_STAGES", "STAGES", "WHYS", "possible_division"]

PROVINCES = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12]")
"""First two digits of GB/T 2260."""

Text = tuple[str, str]
"""Chinese, English."""

STAGES: Mapping[str, Text] = {
    "prepared": ("已编制，正在列出", "prepared, being listed"),
    "listed": ("待复核", "waiting for its check"),
    "checked": ("已复核，正在剔除变动", "approved, changes being taken out"),
    "cleared": ("已复核，待封存", "approved, to be sealed"),
    "sealed": ("已封存，待指令", "sealed, to be instructed"),
    "instructed": ("已发送银行", "with the bank"),
    "closed": ("已办结", "closed"),
    "rejected": ("复核未通过", "rejected"),
    "cancelled": ("已取消", "cancelled"),
}
PAYOUT_STAGES: Mapping[str, Text] = {
    "prepared": ("待付", "prepared"),
    "cancelled": ("已取消", "cancelled"),
    "instructed": ("在途", "with the bank"),
    "settled": ("已付", "settled"),
    "returned": ("退回", "returned"),
}
ACCOUNTS: Mapping[str, Text] = {
    "entitlement": ("应享津贴", "entitlement"),
    "payable": ("应付津贴", "payable"),
    "in_transit": ("在途资金", "in transit"),
    "paid": ("已付津贴", "paid"),
    "recovery": ("应收追缴", "recovery"),
}
BREAKS: Mapping[str, Text] = {
    "missing": ("银行未答复", "not answered by the bank"),
    "unknown": ("不在封存名单", "not in the seal"),
    "wrong_amount": ("金额不符", "another amount"),
    "twice": ("重复答复", "answered twice"),
    "contradicts": ("与已知不符", "contradicts what is known"),
}
BREAK_STATES: Mapping[str, Text] = {
    "open": ("待处理", "open"),
    "assigned": ("已交办", "assigned"),
    "settled": ("已了结", "settled"),
    "answered": ("银行已答复", "answered since"),
}
WHYS: Mapping[str, Text] = {
    "due-changed": ("应付金额已变", "the due has changed"),
    "nothing-due": ("已无应付", "nothing is due any more"),
    "undecided": ("有搁置的事实，尚不能确定", "a fact about the worker is parked"),
}


def possible_division(code: str) -> bool:
    """Whether a code can be one of GB/T 2260: six digits, a province that exists, no county without a prefecture."""
    well_formed = re.fullmatch("[0-9]{6}", code) is not None and PROVINCES.fullmatch(code[:2]) is not None
    return well_formed and not (code[2:4] == "00" and code[4:] != "00")


LEFT_OUT: Mapping[str, tuple[str, str]] = {
    "unknown": ("登记处没有此人", "the registry has nobody of this name"),
    "erased": ("个人信息已删除", "the personal data were erased"),
    "withdrawn": ("没有有效的登记", "no registration stands"),
    "no-name": ("没有姓名", "there is no name on file"),
    "no-account": ("没有银行账号", "there is no bank account on file"),
    "unreadable": ("无法解密", "what is on file cannot be read"),
    "deceased": ("已去世", "has died"),
    "disputed": ("有争议", "disputed"),
    "other": ("其他原因", "another reason"),
}
"""Why somebody cannot be paid, or is left out of a run."""
