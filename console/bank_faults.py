"""What can be wrong with a file to or from a bank, in words: where, what, and how to mend it; Chinese and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["FAULTS", "BankFileError", "Fault", "Lang", "NotAnAmount"]

FAULTS_MAX = 100
"""Faults of one file that are listed."""

Lang = Literal["zh", "en"]
_AS_EXPORTED = ("请使用导出的原文件", "use the file as it was exported")
_AGAIN = ("请向银行重新索取", "ask the bank for it again")
_TWO_DECIMALS = ("请写元，最多两位小数，如 1234.05", "write yuan with two decimals, such as 1234.05")

FAULTS: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "too-large": (("文件超过 {0} 字节", "the file has more than {0} bytes"), ("请拆分文件", "split it")),
    "too-many-rows": (("文件超过 {0} 行", "the file has more than {0} rows"), ("请拆分文件", "split it")),
    "not-text": (
        ("文件不是 UTF-8 或 GB 18030 文本", "the file is neither UTF-8 nor GB 18030 text"),
        ("请另存为 CSV UTF-8", "save it as CSV UTF-8"),
    ),
    "not-csv": (("文件不是 CSV", "the file is not CSV"), ("请另存为 CSV UTF-8", "save it as CSV UTF-8 again")),
    "not-xlsx": (
        ("无法读取此工作簿", "the file is no workbook that can be read"),
        ("请另存为 .xlsx", "save it as .xlsx again"),
    ),
    "unpacks-too-much": (("工作簿展开后过大", "the workbook unpacks to too much"), ("请拆分文件", "split it")),
    "hidden": (
        ("工作表有隐藏的行或列", "the sheet has hidden rows or columns"),
        ("请取消隐藏或删除后再读取", "show them, or remove them"),
    ),
    "unread-cell": (
        ("单元格是没有结果的公式、错误值或无法读取", "the cell is a formula without a result, an error, or cannot be read"),
        ("请用表格软件重新保存，或直接填写", "save the file in a spreadsheet again, or type the value"),
    ),
    "not-xml": (("文件不是合格的 XML（第 {0} 行第 {1} 列）", "the file is not well-formed XML (line {0}, column {1})"), _AGAIN),
    "document-type": (
        ("文件声明了文档类型，银行报文没有这种声明", "the file declares a document type; messages of banks have none"),
        ("请拒收并查明来源", "refuse it, and find out where it comes from"),
    ),
    "not-its-schema": (("报文与其模式不符（{0}）", "the message is not what its schema says ({0})"), _AGAIN),
    "other-message": (("这是 {0}", "this is {0}"), ("应为以下之一：{1}", "ask for one of: {1}")),
    "no-message": (("这不是 ISO 20022 报文", "this is no message of ISO 20022"), ("应为以下之一：{0}", "ask for one of: {0}")),
    "empty-message": (("报文是空的", "the message is empty"), _AGAIN),
    "schema": (
        ("不符合公布的模式（{0}，第 {1} 行）", "not valid by the schema ({0}, line {1})"),
        ("请重新导出", "export it again"),
    ),
    "wrong-headings": (
        ("表头与导出的不同", "the headings are not those of an export"),
        ("应为：{0}", "they are: {0}"),
    ),
    "below-total": (("合计行之下还有内容", "something stands below the line of totals"), _AS_EXPORTED),
    "no-total": (("缺少合计行", "the line of totals is missing"), _AS_EXPORTED),
    "wrong-total": (("合计金额不是各行之和 {0}", "the total is not that of the lines, {0}"), _AS_EXPORTED),
    "wrong-count": (("笔数不是行数 {0}", "the count is not that of the lines, {0}"), _AS_EXPORTED),
    "not-an-account": (
        ("这不是银行账号", "this is no bank account"),
        ("请用导出的原文件，不要用电子表格另存", "take the file as it was exported, not as a spreadsheet has saved it"),
    ),
    "empty": (("此处为空", "it is empty"), _AS_EXPORTED),
    "no-column": (("没有这一列", "there is no such column"), ("表头应为以下之一：{0}", "name it by one of: {0}")),
    "no-line": (("清单没有内容", "the list has no line"), ("请提供银行对本批次的答复", "give the bank's answer to this run")),
    "no-outcome": (("不认识这种处理结果", "this is no known result"), ("应为以下之一：{0}", "write one of: {0}")),
    "no-payout": (
        ("业务参考号应为 1 至 128 个字符", "it has 1 to 128 characters"),
        ("请填导出文件中的业务参考号", "give our reference of the payout"),
    ),
    "no-reference": (
        ("这不是银行流水号", "this is no reference of a bank"),
        ("请填银行自己的编号，1 至 64 个 ASCII 字符", "give the bank's own: 1 to 64 letters, digits and signs of ASCII"),
    ),
    "not-yuan": (("这不是以元为单位的金额", "not an amount in yuan"), _TWO_DECIMALS),
    "not-paid": (("这不是可以支付的金额", "not an amount that is paid"), _TWO_DECIMALS),
    "parts-of-a-fen": (("金额小于一分的部分不为零", "the amount has parts of a fen"), _TWO_DECIMALS),
    "nothing": (("金额为零", "the amount is nothing"), _TWO_DECIMALS),
    "not-cny": (("金额不是人民币", "the amount is not in CNY"), _AGAIN),
    "no-amount": (("此笔没有自己的金额", "the transaction has no amount of its own"), _AGAIN),
}
"""Code → ((problem zh, en), (remedy zh, en)); {0} and {1} are filled in. No value of a file stands in them."""


class NotAnAmount(ValueError):
    """What is no amount: a code of ``FAULTS``."""

    def __init__(self, code: str) -> None:
        super().__init__(FAULTS[code][0][1])
        self.code = code


@dataclass(frozen=True, slots=True)
class Fault:
    """row: of a sheet, from 1 with the heading; of XML the number of the transaction; 0: the file as a whole.

    code: of ``FAULTS``. what: what is filled into its texts.
    """

    row: int
    field: str
    code: str
    what: tuple[str, ...] = ()

    def problem(self, lang: Lang = "en") -> str:
        return self._text(0, lang)

    def remedy(self, lang: Lang = "en") -> str:
        return self._text(1, lang)

    def _text(self, which: int, lang: Lang) -> str:
        return FAULTS[self.code][which][0 if lang == "zh" else 1].format(*self.what)


class BankFileError(Exception):
    """A file that cannot be taken as it is: every fault that was found, the first ``FAULTS_MAX``. count: how many there are."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"row {each.row}, {each.field}: {each.problem()}" for each in faults[:3]))
        self.faults = tuple(faults[:FAULTS_MAX])
        self.count = len(faults)
