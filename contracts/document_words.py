"""What is wrong with a YAML document, in Chinese: every sentence of the checkers (``eventlog.documents`` and the services).

The checkers say it in English, and so does a receipt; a sentence is found here by its English form, whose blanks ({}) hold
names, numbers and words of the document. A test holds the table against the sources of all checkers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from contracts.problems import Lang

__all__ = ["SENTENCES", "in_words"]

SENTENCES: Mapping[str, str] = {
    # The text and its form.
    "the text has {} characters": "文本有 {0} 个字符",
    "at most {} characters are read": "最多读取 {0} 个字符",
    "a character that YAML does not allow": "有 YAML 不允许的字符",
    "remove the control character": "请删除该控制字符",
    "a control character stands in the text": "文本中有控制字符",
    "remove it": "请删除",
    "correct the YAML at this place": "请更正此处的 YAML",
    "the text is not a mapping of keys to values": "全文不是“键: 值”的形式",
    "begin with `document: ...`": "请以 `document: ...` 开头",
    "a second document begins here": "此处开始了第二份文件",
    "write one document": "请只写一份文件",
    "{} is not read in a {}": "{1}中不读取{0}",
    "write the value out": "请直接写出该值",
    "a directive (%NAME)": "指令（%NAME）",
    "an alias (*name)": "别名（*name）",
    "an anchor (&name)": "锚点（&name）",
    "a tag (!name)": "标签（!name）",
    "values are nested deeper than {}": "嵌套超过 {0} 层",
    "a {} is flatter than that": "{0}没有这么深的层次",
    "the text has more than {} keys and values": "全文超过 {0} 个键和值",
    "write less in one document": "请在一份文件中少写一些",
    "a key is not a word": "键不是一个词",
    "write `key: value`": "请写成 `键: 值`",
    "{} is given twice": "{0} 写了两次",
    "keep one of the two; the first is on line {}": "请保留其中之一；前一个在第 {0} 行",
    "{} is not a plain whole number": "{0} 不是普通的整数",
    "write a whole number in decimal digits": "请用十进制数字写整数",
    "{} is not a whole number of fen": "{0} 不是以分为单位的整数",
    "write {} if {} yuan is meant (1 yuan = 100 fen)": "如指 {1} 元，请写 {0}（1 元 = 100 分）",
    "write whole fen without quotes, such as amount_fen: 240000 for 2,400 yuan (1 yuan = 100 fen)": (
        "请写整数分，不加引号，如 2,400 元写 amount_fen: 240000（1 元 = 100 分）"
    ),
    "{} is missing": "缺少 {0}",
    "add `{}:` here": "请在此处补上 `{0}:`",
    "{} is not a key of this part": "此处没有 {0} 这个键",
    "did you mean {}?": "是否应为 {0}？",
    "{} is not a value of {}": "{1} 没有 {0} 这个值",
    "write one of {}": "应为以下之一：{0}",
    "the rule has no name": "规则没有名称",
    "add `rule:` with the name of a rule": "请补上 `rule:` 和规则名称",
    "{}: {}": "{0}：{1}",
    "write it in the form {}": "请按此格式填写：{0}",
    "write a calendar date as YYYY-MM-DD": "请写日历上的日期，格式 YYYY-MM-DD",
    "write a list": "请写成列表",
    "correct the value": "请更正该值",
    "{} is listed twice": "{0} 列了两次",
    "keep one of the two": "请保留其中之一",
    "{} is not in {}": "{1} 中没有 {0}",
    "the document": "文件",
    # Standards of certification and of qualification.
    "the standard is called a public fact, all of its criteria examples": "标准标为公开事实，而其条件全是示例",
    "mark the criteria that are published, or the standard as an example": "请标明哪些条件已公布，或将标准标为示例",
    "{} promotes from {}, which is not below it": "{0} 从 {1} 晋升，而后者并不低于前者",
    "name a grade below, or correct the order of words.grades": "请写更低的等级，或更正 words.grades 的顺序",
    "without the highest and the lowest score of {} too few are left for a mean": (
        "{0} 名评委去掉最高分和最低分后，余下的不足以求平均"
    ),
    "ask for at least {} judges, or leave out drop_extremes": "请要求至少 {0} 名评委，或不写 drop_extremes",
    "{} of {} years cannot be": "{1} 年中不可能有 {0} 年",
    "lower count, or raise of_last": "请减小 count，或增大 of_last",
    "every grade promotes from another one, so that nobody is ever certified for the first time": (
        "每个等级都从另一等级晋升，因此没有人能首次取得证书"
    ),
    "leave out promotes_from where a first certificate is given": "首次颁证的等级请不写 promotes_from",
    "{} promotes from {}, which nobody reaches by this standard": "{0} 从 {1} 晋升，而按本标准没有人能达到后者",
    "add {} to grades, or promote from a grade that is there": "请在 grades 中增加 {0}，或改从已有的等级晋升",
    "who is promoted from {} does not hold {}": "从 {0} 晋升的人并不持有 {1}",
    "ask for {} or a grade below it": "请要求 {0} 或更低的等级",
    "who applies for {} does not hold {} yet": "申请 {0} 的人还不持有 {1}",
    "ask for a grade below": "请要求更低的等级",
    "{} is a first certificate, but nobody without {} meets this": "{0} 是首次证书，而没有 {1} 的人无法满足此条",
    "add promotes_from to the grade, or remove the criterion": "请为该等级写明 promotes_from，或删除此条件",
    "the standard has no grade {}": "标准中没有 {0} 这个等级",
    "write one of {}, or add it to grades": "应为以下之一：{0}；或在 grades 中增加",
    "{} has no criterion {}": "{0} 没有 {1} 这个条件",
    "{} of {} is waived twice for {} {}": "{1} 的 {0} 对 {2} {3} 免除了两次",
    "what has been suspended for long is suspended already": "长期暂停的本已处于暂停",
    "write downgraded or revoked, or remove the limit": "请写 downgraded 或 revoked，或删除此限制",
    "nobody is rated below {}, the lowest of words.ratings": "{0} 是 words.ratings 中最低的，没有更低的等次",
    "raise at_least, or remove the limit": "请提高 at_least，或删除此限制",
    "the limit {} needs {}": "限制 {0} 需要写明 {1}",
    "{} means nothing for the limit {}": "{0} 对限制 {1} 没有意义",
    "remove it, or correct the rule": "请删除，或更正规则",
    "whoever reaches this limit reaches limits[{}] too, which leads to {}": "达到此限制的人也达到 limits[{0}]，其结果为 {1}",
    "remove it, or make it lead to something worse": "请删除，或使其结果更严",
    "{} is asked for twice": "{0} 要求了两次",
    "nobody can enter ladder {}": "没有人能进入阶梯 {0}",
    "raise the quota": "请增加名额",
    "the age has no bound": "年龄没有界限",
    "add `at_least:` or `at_most:`": "请补上 `at_least:` 或 `at_most:`",
    "give at_least or at_most": "请写明 at_least 或 at_most",
    "nobody is at least {} and at most {}": "没有人能既不小于 {0} 又不大于 {1}",
    "exchange the two or correct one": "请对调两者，或更正其中之一",
    "the vacancy asks for nothing": "空缺没有任何要求",
    "give hard or soft requirements": "请写明硬性或软性要求",
    # Development policies.
    "a warning {} months before the limit comes before the post is taken up": "在期满前 {0} 个月预警，则早于任职之日",
    "lower it": "请减小",
    "the policy settles nothing": "办法没有规定任何内容",
    "add rotation, training, mentoring or rectification": "请写明轮岗、培训、带教或整改",
    "a duty of each year has no months": "每年的任务不写月数",
    "remove it, or change `when:`": "请删除，或更改 `when:`",
    "{} does not say within how many months": "{0} 没有写明在几个月之内",
    "add `months:`": "请补上 `months:`",
    "only a duty on appointment is for newcomers": "只有任职时的任务才针对新任人员",
    # Appraisal cycles.
    "the period ends on {}, before it begins": "期间止于 {0}，早于其开始",
    "the period ends in {}, not in {}": "期间止于 {0} 年，而不是 {1} 年",
    "name the year in which the period ends": "请写期间结束的年度",
    "ratings end on {}, before they begin on {}": "评分止于 {0}，早于其开始的 {1}",
    "give a later day": "请写较晚的日期",
    "{} is measured by no target": "{0} 没有衡量的目标值",
    "add `target:`": "请补上 `target:`",
    "{} is marked by raters, and has a target": "{0} 由评分人评分，又写了目标值",
    "remove it, or write `part: quantitative`": "请删除，或写 `part: quantitative`",
    "nobody marks the qualitative items": "定性项目没有人评分",
    "add `raters:` with percents": "请补上 `raters:` 及百分比",
    "the raters' percents add up to {}": "评分人的百分比合计为 {0}",
    "let them add up to 100": "请使合计为 100",
    "the weights add up to {}": "权重合计为 {0}",
    "somebody may fall under weights {} and {}": "可能有人同时适用第 {0} 组和第 {1} 组权重",
    "keep categories or grades of the two apart": "请使两组的类别或等级不相重叠",
    "{} counts for nobody": "{0} 对任何人都不计分",
    "give it a weight, or remove it": "请给予权重，或删除",
    "no weights are for {} of {}": "{0} 中的 {1} 没有权重",
    "add weights for them, or narrow the scope": "请增加权重，或缩小范围",
    "{} is outside the scope": "{0} 不在考核范围内",
    "remove it, or widen the scope": "请删除，或扩大范围",
    "{} begins at {}, not below {}": "{0} 自 {1} 分起，不低于 {2}",
    "put the best rating first": "请把最高等次排在最前",
    "who has fewer than {} points has no rating": "不足 {0} 分的人没有等次",
    "let the last band begin at 0": "请使最后一档自 0 分起",
    "a quota of {} % is above its limit of {} %": "比例 {0} % 高于其上限 {1} %",
    "lower the quota, or raise the limit": "请降低比例，或提高上限",
    "published schemes allow {} % at most": "已公布的办法最多为 {0} %",
    "make sure that the document says so": "请确认文件确有此规定",
    "who can't have {} has no rating left": "不得评 {0} 的人没有其他等次可评",
    "name a better rating": "请写更高的等次",
    # Policies of allowances.
    "the period ends on {}, before it begins on {}": "期间止于 {0}，早于其开始的 {1}",
    "exchange the two days or correct one": "请对调两个日期，或更正其中之一",
    "no category is left: the setting deputy_secretary is unpaid": "没有剩下任何类别：设置 deputy_secretary 为 unpaid",
    "set deputy_secretary: paid": "请设 deputy_secretary: paid",
    "deputy_secretary is listed here, but the setting deputy_secretary is unpaid": (
        "此处列有 deputy_secretary，而设置 deputy_secretary 为 unpaid"
    ),
    "set deputy_secretary: paid, or remove it from this list": "请设 deputy_secretary: paid，或从此处删除",
    "valid_in has no effect with territory: ignored": "territory: ignored 时 valid_in 不起作用",
    "remove it, or set territory: required": "请删除，或设 territory: required",
    "entry {} of this list is for every grade, so this one never holds": "本列表第 {0} 项适用于所有等级，因此这一项永不适用",
    "put the entry without a grade last": "请把不写等级的一项放在最后",
    "valid_in does not say where {} holds": "valid_in 没有写明 {0} 在何处有效",
    "add a last entry without grade": "请在最后增加不写等级的一项",
    "the red-collar allowance cannot exclude itself": "红领津贴不能排除其自身",
    "remove the rule, or say which other `instrument:` the policy gives": (
        "请删除该规则，或写明办法给予的是哪一种 `instrument:`"
    ),
    "a part-time allowance that only full-time workers may have": "兼职津贴却只给专职人员",
    "remove the rule full_time": "请删除规则 full_time",
    "work expenses are authorised, not paid to a person, so there is nothing to tax": (
        "工作经费是核定额度，不发给个人，无须计税"
    ),
    "write taxable: false, or leave it out": "请写 taxable: false，或不写",
    "the setting {} has no effect, since there is no {} rule": "设置 {0} 不起作用，因为没有 {1} 规则",
    "remove it, or add the rule {}": "请删除，或增加规则 {0}",
    "{}: {} needs {}": "{0}: {1} 需要写明 {2}",
    "add `{}:`": "请补上 `{0}:`",
    "{} has no effect with {}: {}": "{1}: {2} 时 {0} 不起作用",
    "remove it, or set {}: {}": "请删除，或设 {0}: {1}",
    "decided_when: engaged needs an end of the policy, or years without end would have to be decided": (
        "decided_when: engaged 要求办法有截止日期，否则须核定无穷多个年度"
    ),
    "add `last_day:`": "请补上 `last_day:`",
    "a year is decided once there is a rating, which no rule looks at": "年度在有考核等次后核定，而没有规则看等次",
    "set decided_when: engaged, or add the rule rating": "请设 decided_when: engaged，或增加规则 rating",
    "{}: {} needs the rule rating, so that the rating is looked at": "{0}: {1} 需要规则 rating，才会看考核等次",
    "add {rule: rating, ...} to eligibility, or choose another value of {}": (
        "请在 eligibility 中增加 {{rule: rating, ...}}，或为 {0} 选其他值"
    ),
    "the setting {} has no effect: {}": "设置 {0} 不起作用：{1}",
    "the policy is in effect for whole years": "办法按整年有效",
    "remove it, or correct `effective:`": "请删除，或更正 `effective:`",
    "no amount goes by category or full_time, so all posts are paid alike": (
        "没有金额按 category 或 full_time 区分，各职务金额相同"
    ),
    "work expenses are not paid to a person": "工作经费不发给个人",
    "basic: {} needs the word {} in vocabulary.ratings": "basic: {0} 要求 vocabulary.ratings 中有 {1}",
    "add the word, or set basic: zero": "请增加该词，或设 basic: zero",
    "the rating rule lets {} in, but the setting basic is zero": "rating 规则允许 {0}，而设置 basic 为 zero",
    "raise at_least, or set basic: listed and give it a row in the amounts": (
        "请提高 at_least，或设 basic: listed 并在金额表中写一行"
    ),
    "basic: reduced needs {} to be the next rating below at_least": "basic: reduced 要求 {0} 是紧接 at_least 之下的等次",
    "correct at_least or the order of vocabulary.ratings": "请更正 at_least 或 vocabulary.ratings 的顺序",
    "basic: listed needs the rating rule to let {} in": "basic: listed 要求 rating 规则允许 {0}",
    "set at_least: {} in the rating rule": "请在 rating 规则中设 at_least: {0}",
    "excellent: raised needs the word {} in vocabulary.ratings": "excellent: raised 要求 vocabulary.ratings 中有 {0}",
    "add the word, or set excellent: listed": "请增加该词，或设 excellent: listed",
    "{} has amounts of its own here, and excellent: raised would raise them once more": (
        "{0} 在此处已有自己的金额，excellent: raised 会再提高一次"
    ),
    "set excellent: listed, or leave rating out here": "请设 excellent: listed，或此处不按 rating",
    "payer {} pays no line": "支付方 {0} 不支付任何一项",
    "remove it or name it in a paid_by": "请删除，或在某个 paid_by 中写明",
    "nothing looks at vocabulary.{}: there is no {} rule": "没有内容用到 vocabulary.{0}：没有 {1} 规则",
    "{} is not in vocabulary.{}": "vocabulary.{1} 中没有 {0}",
    "write one of {}, or add it to vocabulary.{}": "应为以下之一：{0}；或在 vocabulary.{1} 中增加",
    "none so far": "目前没有",
    "prorated has no effect on a monthly line": "prorated 对按月的项目不起作用",
    "others has no effect: every combination has an amount in every month": "others 不起作用：每种组合每月都有金额",
    "line {} pays nothing: each of its amounts is 0": "项目 {0} 不支付任何金额：其金额全为 0",
    "remove the line, or give it an amount": "请删除该项目，或写明金额",
    "line {} is never paid: none of its amounts can be reached": "项目 {0} 永不支付：其金额都无法适用",
    "remove the line, or correct the rules": "请删除该项目，或更正规则",
    "amounts by {} need the rule {}, so that the dimension is looked at": "金额按 {0} 区分，需要规则 {1} 才会看这一项",
    "add {rule: {}, ...} to eligibility": "请在 eligibility 中增加 {{rule: {0}, ...}}",
    "the same combination as row {} of this table": "与本表第 {0} 行的组合相同",
    "keep one of the two rows": "请保留两行之一",
    "row {} of this table gives the same combination an amount {} too": "本表第 {0} 行{1}也为同一组合规定了金额",
    "end one of the rows in the month before the other begins": "请使其中一行在另一行开始的前一个月结束",
    "the row does not say {}, which the amounts go by": "该行没有写 {0}，而金额按其区分",
    "add {}, or remove it from by": "请补上 {0}，或从 by 中删除",
    "the row says {}, which the amounts don't go by": "该行写了 {0}，而金额不按其区分",
    "add {} to by, or remove it here": "请在 by 中增加 {0}，或从此处删除",
    "{} {} is never eligible, so this amount is never paid": "{0} 为 {1} 的人都不符合条件，因此该金额永不支付",
    "remove the row, or correct the rule": "请删除该行，或更正规则",
    "division {} is outside of the policy's division {}": "区划 {0} 不在办法的区划 {1} 之内",
    "correct or remove the row": "请更正或删除该行",
    "it ends with {}, before it begins with {}": "止于 {0}，早于其开始的 {1}",
    "exchange the two months or correct one": "请对调两个月份，或更正其中之一",
    "it holds {}, the policy {}": "它{0}适用，而办法{1}有效",
    "correct the months, or remove it": "请更正月份，或删除",
    "in {}": "在 {0} ",
    "from {}": "自 {0} 起",
    "to {}": "至 {0} 止",
    "from {} to {}": "自 {0} 至 {1} ",
    "always": "始终",
    "{} is eligible but has no amount": "{0} 符合条件，但没有金额",
    "{} is eligible but has no amount {}": "{0} 符合条件，但{1}没有金额",
    "there is no amount": "没有金额",
    "there is no amount {}": "{0}没有金额",
    "{} more combinations have no amount": "还有 {0} 种组合没有金额",
    "add a row (0 for nothing), or write `others: nothing` if that is meant": (
        "请增加一行（不给则写 0）；如确不给，请写 `others: nothing`"
    ),
    "entry {} of this list holds whenever this one would": "凡适用这一项时，本列表第 {0} 项已先适用",
    "entry {} of this list always holds, so this one never does": "本列表第 {0} 项始终适用，因此这一项永不适用",
    "put the entry without a condition last": "请把没有条件的一项放在最后",
    "every entry has a condition, so that somebody may have no payer": "每一项都有条件，可能有人没有支付方",
    "add a last entry without grade and division": "请在最后增加不写等级和区划的一项",
    "{} is not in payers": "payers 中没有 {0}",
    "write one of {}, or add it to payers": "应为以下之一：{0}；或在 payers 中增加",
    "the shares add up to {} percent": "各份合计为 {0} %",
    "make them add up to 100": "请使合计为 100",
    "shares are rounded down to the fen, and nobody is named for what is left over": "各份向下取整到分，而余数没有写明由谁承担",
    "add `remainder:` with one of the payers": "请补上 `remainder:` 并写明其中一个支付方",
    "the remainder goes to {}, who has no share": "余数由 {0} 承担，而它没有份额",
    "grade {} is never eligible, so this entry never holds": "等级 {0} 都不符合条件，因此这一项永不适用",
    "remove the entry, or correct the rule": "请删除这一项，或更正规则",
    "a payer by grade needs the rule certificate, so that the grade is looked at": (
        "按等级区分支付方，需要规则 certificate 才会看等级"
    ),
    "add {rule: certificate, ...} to eligibility": "请在 eligibility 中增加 {{rule: certificate, ...}}",
    "nobody can reach the cap: all lines together come to {} fen a year at most": "没有人能达到上限：各项合计每年最多 {0} 分",
    "correct or remove the cap": "请更正或删除上限",
    "{} is no line": "没有 {0} 这个项目",
    "the lines come to {} fen a year{}, below the floor's {}": "各项合计每年 {0} 分{1}，低于下限 {2} 分",
    " for {}": "（{0}）",
    "{} more combinations are below the floor": "还有 {0} 种组合低于下限",
    "raise the amounts, or leave it: each decision below the floor will say so": (
        "请提高金额，或保持不变：低于下限的核定都会写明"
    ),
    # The kinds of documents.
    "policy": "政策",
    "standard": "标准",
    "development policy": "培养办法",
    "cycle": "考核周期文件",
    "vacancy": "空缺文件",
    # What pydantic says of a value.
    "input should be a valid string": "应为文本",
    "input should be a valid integer": "应为整数",
    "input should be a valid boolean": "应为 true 或 false",
    "input should be a valid list": "应为列表",
    "input should be a valid dictionary": "应为“键: 值”",
    "input should be a valid dictionary or instance of {}": "应为“键: 值”",
    "input should be an object": "应为“键: 值”",
    "input should be a valid number": "应为数字",
    "input should be a valid date": "应为日期",
    "input should be a valid month": "应为月份",
    "a date that exists, written yyyy-mm-dd": "应为存在的日期，格式 YYYY-MM-DD",
    "a date that exists, written YYYY-MM-DD": "应为存在的日期，格式 YYYY-MM-DD",
    "a date is written YYYY-MM-DD": "日期的格式是 YYYY-MM-DD",
    "string should match pattern '{}'": "不合格式 {0}",
    "string should have at most {} characters": "最多 {0} 个字符",
    "string should have at most {} character": "最多 {0} 个字符",
    "string should have at least {} characters": "至少 {0} 个字符",
    "string should have at least {} character": "至少 {0} 个字符",
    "list should have at least {} items after validation, not {}": "至少 {0} 项，现有 {1} 项",
    "list should have at least {} item after validation, not {}": "至少 {0} 项，现有 {1} 项",
    "list should have at most {} items after validation, not {}": "最多 {0} 项，现有 {1} 项",
    "input should be greater than or equal to {}": "应不小于 {0}",
    "input should be less than or equal to {}": "应不大于 {0}",
    "input should be greater than {}": "应大于 {0}",
    "input should be less than {}": "应小于 {0}",
    # What libyaml says of a text.
    "mapping values are not allowed in this context": "此处不能有“键: 值”，请检查缩进和冒号",
    "could not find expected ':'": "缺少冒号",
    "did not find expected key": "此处应为键，请检查缩进",
    "did not find expected '-' indicator": "此处应为“- ”",
    "did not find expected ',' or '}'": "缺少逗号或 }}",
    "did not find expected ',' or ']'": "缺少逗号或 ]",
    "did not find expected node content": "此处缺少内容",
    "did not find expected <document start>": "此处应为文件的开头",
    "found unexpected end of stream": "文本到此中断，引号或括号没有结束",
    "found unexpected document indicator": "引号没有结束，就出现了文件分隔符",
    "found character that cannot start any token": "此处不能有这个字符（如制表符缩进、@、`）",
    "found a tab character that violates indentation": "缩进不能用制表符",
    "found unknown escape character": "引号内有未知的转义字符",
    "did not find expected hexdecimal number": "转义字符应为十六进制数字",
    "found invalid Unicode character escape code": "转义字符不是有效的字符",
    "block sequence entries are not allowed in this context": "此处不能有“- ”开头的列表",
    "block mapping": "此处的“键: 值”不完整",
}
"""English, {} for each blank → Chinese, {0} for the first blank. ``{{`` is a brace."""
_UNKNOWN = "此处有误（{0}）"
BLANK = "{}"
OF_KEY = "{0}：{1}"


def in_words(text: str, lang: Lang) -> str:
    """A sentence about a document in the asked language; what stands in its blanks is translated, too, where it is known."""
    return text if lang == "en" else _chinese(text) or _UNKNOWN.format(text)


def _chinese(text: str) -> str | None:
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(text)
        if found is not None:
            parts = [_chinese(part) or part for part in found.groups()]
            if chinese == OF_KEY:  # What is wrong with the value under a key.
                parts[1] = in_words(found[2], "zh")
            return chinese.format(*parts)
    return None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The most particular first: with the most characters besides the blanks."""
    most = sorted(SENTENCES, key=lambda each: len(each.replace(BLANK, "")), reverse=True)
    return tuple((re.compile("(.*?)".join(map(re.escape, each.split(BLANK))), re.DOTALL), SENTENCES[each]) for each in most)
