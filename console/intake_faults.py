"""The limits of intake files, and what their author is told of a file, a sheet or a cell that cannot be read."""

from __future__ import annotations

from console.intake_cells import CELL_CHARACTERS_MAX
from contracts.intake import INTAKE_BYTES_MAX
from contracts.problems import Lang, problem
from contracts.receipts import Problem

__all__ = ["COLUMNS_MAX", "FAULTS", "FILE_BYTES_MAX", "ROWS_MAX", "Broken", "IntakeFileError", "fault_of"]

ROWS_MAX = 1_000_000
"""Rows of one file (of all its sheets together), the heading not counted."""
COLUMNS_MAX = 64
"""Columns of one sheet."""
FILE_BYTES_MAX = 1024 * 1024 * 1024
"""Bytes of one file."""


class IntakeFileError(ValueError):
    """The file as a whole cannot be read. ``problem`` says what is wrong and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.problem}; {problem.remedy}")
        self.problem = problem


class Broken(Exception):
    """The file breaks off here: a code of ``FAULTS``."""


FAULTS: dict[str, dict[Lang, tuple[str, str]]] = {
    "digits-lost": {
        "en": ("the cell is a number of over 15 digits, which spreadsheets round", "format the column as text, type it again"),
        "zh": ("单元格是超过 15 位的数字，表格软件会舍入", "请把该列设为文本格式后重新录入"),
    },
    "cell-error": {
        "en": ("the cell holds a spreadsheet error", "mend the formula, or type the value"),
        "zh": ("单元格是公式错误值", "请修正公式或直接填写数值"),
    },
    "formula-without-result": {
        "en": ("the cell is a formula whose result is not stored", "save the file in a spreadsheet again, or type the value"),
        "zh": ("单元格是公式，文件中没有其结果", "请用表格软件打开并保存，或直接填写数值"),
    },
    "cell-unknown": {
        "en": ("the cell is nothing that can be read, such as a duration or an unknown kind", "type its value as text"),
        "zh": ("无法读取该单元格（如时长或未知类型）", "请以文本重新填写"),
    },
    "cell-boolean": {
        "en": ("the cell is TRUE or FALSE, where that says nothing", "type the value as text"),
        "zh": ("单元格是逻辑值 TRUE 或 FALSE，此处没有意义", "请以文本填写内容"),
    },
    "cell-date": {
        "en": ("the cell is a date or a time, which this column does not take", "format the column as text, type it again"),
        "zh": ("单元格是日期或时间，该列不能填写", "请把该列设为文本格式后重新录入"),
    },
    "cell-too-long": {
        "en": (f"the cell has more than {CELL_CHARACTERS_MAX} characters", "shorten it"),
        "zh": (f"单元格超过 {CELL_CHARACTERS_MAX} 个字符", "请缩短"),
    },
    "control-character": {
        "en": ("the cell holds an invisible control character", "type the cell again"),
        "zh": ("单元格含有不可见控制字符", "请重新录入该单元格"),
    },
    "bad-title": {
        "en": ("a title is not told by field and level", "write 政工类中级 or political_work:intermediate; several with ;"),
        "zh": ("职称没有写明系列和级别", "请写作 政工类中级，多个以 ; 分隔"),
    },
    "bad-post": {
        "en": ("a post is not told by name and side", "write 书记:party or 书记:party:secretary:1; several with ;"),
        "zh": ("职务没有写明名称和班子", "请写作 书记:党组织 或 书记:党组织:书记:1，多个以 ; 分隔"),
    },
    "month-as-number": {
        "en": ("a month was typed as a number: 2019.10 and 2019.1 are the same", "format the column as text, write 2019-10"),
        "zh": ("年月被录成了数字，2019.10 与 2019.1 无法区分", "请将该列设为文本格式，写作 2019-10"),
    },
    "plain-identity": {
        "en": ("a resident ID stands in a column that is not sealed", "put it in the column `resident id`, and a key here"),
        "zh": ("身份证号出现在不加密的列中", "请填入“身份证号”列，此处填写编号"),
    },
    "marked-example": {
        "en": ("the row is marked as an example, but it is not the template's", "give it a running number, or remove the row"),
        "zh": ("该行标为示例，内容却不是模板的示例", "请改填序号，或删除该行"),
    },
    "extra-cells": {
        "en": ("the row has more cells than there are headings", "remove them, or add headings"),
        "zh": ("该行单元格多于表头列数", "请删除多余单元格或补充表头"),
    },
    "unknown-column": {
        "en": ("this heading is not known", "correct it, or remove the column; `template` writes a file with all headings"),
        "zh": ("无法识别该表头", "请更正或删除该列；可用模板文件"),
    },
    "duplicate-column": {
        "en": ("two columns mean the same", "keep one of them"),
        "zh": ("两列含义相同", "请只保留一列"),
    },
    "said-twice": {
        "en": ("the row says the same in two columns", "keep one of the two cells"),
        "zh": ("该行在两列中填写了同一内容", "请只保留其中一格"),
    },
    "duplicate-id": {
        "en": ("another row is the same message: {rows}", "remove one of them, or give each a message id of its own"),
        "zh": ("与其他行是同一条消息：{rows}", "请删除其中之一，或为每行填写不同的消息编号"),
    },
    "no-heading": {
        "en": ("there is no heading row", "put the headings above the facts, with at most ten rows of titles above them"),
        "zh": ("没有表头行", "请在数据上方填写表头，表头之上最多十行标题"),
    },
    "no-fact-type": {
        "en": ("it is not said which fact the rows report", "use --type, name the sheet after it, or add a column `fact`"),
        "zh": ("未说明各行报告的是哪类事实", "请使用 --type，或以事实命名工作表，或增加“事实”列"),
    },
    "too-many-rows": {
        "en": (f"the file has more than {ROWS_MAX} rows", "split it"),
        "zh": (f"文件超过 {ROWS_MAX} 行", "请拆分文件"),
    },
    "too-many-columns": {
        "en": (f"the sheet has more than {COLUMNS_MAX} columns", "remove the columns that are no part of the facts"),
        "zh": (f"工作表超过 {COLUMNS_MAX} 列", "请删除无关的列"),
    },
    "file-too-large": {
        "en": ("the file is too large", "split it"),
        "zh": ("文件太大", "请拆分文件"),
    },
    "not-text": {
        "en": ("the file is text neither in UTF-8 nor in GB18030", "save it as CSV in UTF-8"),
        "zh": ("文件既不是 UTF-8 也不是 GB18030 文本", "请另存为 UTF-8 编码的 CSV"),
    },
    "not-csv": {
        "en": ("a quotation mark is not closed, or a line is too long", "save the file as CSV again; the rest was not read"),
        "zh": ("引号未闭合或行太长", "请重新另存为 CSV；其余行未读取"),
    },
    "not-xlsx": {
        "en": ("this is not a workbook in XLSX format", "save it as .xlsx (not .xls), without a password"),
        "zh": ("不是 XLSX 工作簿", "请另存为 .xlsx（非 .xls），不要加密"),
    },
    "hidden-parts": {
        "en": ("the workbook hides what is not empty: ", "say --hidden take to read it too, or --hidden skip to pass it over"),
        "zh": ("工作簿中有隐藏的内容：", "请用 --hidden take 一并读取，或用 --hidden skip 略过"),
    },
    "broken-xlsx": {
        "en": ("the workbook is damaged here", "open it and save it again; the rest of the sheet was not read"),
        "zh": ("工作簿在此处损坏", "请打开后重新保存；该表其余行未读取"),
    },
    "no-such-sheet": {
        "en": ("the workbook has no such sheet", "give the name of one of its sheets"),
        "zh": ("工作簿没有这个工作表", "请给出已有工作表的名称"),
    },
    "unknown-format": {
        "en": ("the file's name does not end in .csv, .xlsx or .jsonl", "give it the ending of its format"),
        "zh": ("文件名不以 .csv、.xlsx 或 .jsonl 结尾", "请使用与格式相符的扩展名"),
    },
    "wrong-source": {
        "en": ("the message names another source", "leave `source` out, or publish as that source"),
        "zh": ("消息写的是别的来源", "请去掉 source，或以该来源发布"),
    },
    "too-large": {
        "en": (f"the message has more than {INTAKE_BYTES_MAX} bytes", "shorten it"),
        "zh": (f"消息超过 {INTAKE_BYTES_MAX} 字节", "请缩短"),
    },
}  # fmt: skip


def fault_of(code: str, where: str, lang: Lang) -> Problem:
    if code not in FAULTS:
        return problem(code, where, lang)
    what, remedy = FAULTS[code][lang]
    return Problem(field=where, code=code, problem=what, remedy=remedy)
