"""What services answer of a message, in Chinese: a service's receipt says it in English, with its particulars.

The codes are those of the services' own rules; what the contracts themselves find is in ``contracts.problems``. A test holds
the table against the sources of all services.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from contracts.document_words import in_words
from contracts.problems import CODES, Lang, expected_in_chinese
from contracts.receipts import Problem

__all__ = ["REFUSALS", "in_language"]

_NOTHING = "无需处理"
_OTHER_KEY = "请换用新的编号"
_OPERATOR = "请联系系统管理员"

REFUSALS: Mapping[str, tuple[str, str]] = {
    "above-limit": ("等次高于该人员可得的上限", "请填写其他等次，或驳回申诉"),
    "activity-begun": ("该活动已经开始", "请报告完成或取消"),
    "activity-over": ("该活动已经结束", "请另列活动"),
    "already-a-candidate": ("该人员已在后备库中", "请先在原处移出"),
    "already-admitted": ("该人员已经审查入库", _NOTHING),
    "already-checked": ("该批次已经复核通过", "发出付款指令之前如需停止，请取消批次"),
    "already-closed": ("已经撤销或关闭", _NOTHING),
    "already-decided": ("该申诉已有决定", "等次仍有误的，请更正"),
    "already-ended": ("已经结束", _NOTHING),
    "already-instructed": ("该批次已有另一份付款文件交给银行", "请查明银行收到的是哪一份，切勿发送两份"),
    "already-opened": ("该区划当年的年检已经开始", _NOTHING),
    "already-placed": ("该人员已经任用", "请重新提名"),
    "already-registered": ("该身份证号已经登记", "请以加密的身份证号或人员标识指明该人，或更正原登记"),
    "already-resolved": ("该异议已经处理", _NOTHING),
    "already-seconded": ("该人员正在挂职", "请先结束原挂职"),
    "answered-by-registry": ("该条件由登记系统自行认定", "请删除这一项"),
    "appeal-exists": ("该编号已用于另一申诉", _OTHER_KEY),
    "appeal-known": ("该编号已用于以前的申诉", _OTHER_KEY),
    "appeal-open": ("该人员有申诉尚未决定", "请等待其决定"),
    "appeals-not-over": ("申诉期未满", "请在申诉期之后办结"),
    "appeals-open": ("尚有申诉未决定", "请先作出决定"),
    "application-closed": ("该申请已经办结", "可以提出新的申请；有异议的请向发证机关反映"),
    "application-known": ("该编号已用于以前的申请", _OTHER_KEY),
    "application-open": ("该人员有申请正在办理", "请先办结或撤回"),
    "barred": ("该人员受处理期间不得评定此等次", "请解除处理，或填写其他等次"),
    "before-publication": ("申诉截止早于公布", "请填写较晚的日期"),
    "before-the-plan": ("日期早于计划的制定", "请填写较晚的日期"),
    "before-the-stage-before": ("日期早于前一环节", "请填写不早于前一环节的日期"),
    "before-the-step-before": ("日期早于上一步", "请填写较晚的日期"),
    "before-what-it-follows": ("日期早于其所依据的事项", "请填写不早于该事项的日期"),
    "behind-parked": ("该人员较早的一条消息被搁置", "请先重试那一条"),
    "beyond-the-plan": ("日期超出计划的期限", "请在计划期限内结束"),
    "break-settled": ("该差异已经处理", _NOTHING),
    "calendar-unknown": ("工作日历没有该年度", "请直接填写截止日期"),
    "calendar-unknown-year": ("工作日历还没有该年度", "请写明最后一日，格式 YYYY-MM-DD"),
    "certificate-held": ("该人员已持有证书", "请申请更高等级"),
    "certificate-suspended": ("该人员的证书已暂停", "请先恢复"),
    "changed-since-check": ("复核之后有付款的金额变动", "请用 `hongling finance run` 查看，取消批次，重新编制和复核"),
    "checker-is-maker": ("经办人不得复核自己编制的批次", "请由他人复核（经办、复核分离）"),
    "closer-is-maker": ("编制过付款批次的人不得结账", "请由他人结账"),
    "closes-on": ("截止日期不在允许的期限内", "请更正两个日期之一"),
    "cycle-cancelled": ("该考核周期已取消", "请使用其他周期"),
    "cycle-concluded": ("该考核周期已办结", "请向登记机关申诉，或另开周期"),
    "cycle-exists": ("该周期已按另一份文件开始", _OTHER_KEY),
    "cycle-published": ("结果已经公布", "请处理申诉后办结"),
    "dates-reversed": ("结束早于开始", "请更正其中之一"),
    "decided-already": ("该申诉已有决定", _NOTHING),
    "discarded": ("管理员已弃置此消息", _OPERATOR),
    "duplicate": ("同一项列了两次", "请改名或删除其中之一"),
    "duplicate-criterion": ("同一条件列了两次", "请只列一次"),
    "ends-too-early": ("公示期太短", "请更正日期"),
    "ends-too-late": ("公示期太长", "请更正日期"),
    "entry-exists": ("该编号已用于另一条记录", "请撤回原记录，换用新的编号"),
    "entry-known": ("该编号已用于以前的记录", "请更正原记录，或换用新的编号"),
    "erased": ("该人员的数据已清除", "请联系登记系统管理员"),
    "file-ended": ("该档案已经终止", "请指明未终止的档案"),
    "flagged": ("按登记系统今日的事实，该人员已不符合标准", "请核实事实，或移出后备库"),
    "grade-not-held": ("晋升所需的下一级证书该人员并未持有", "请先申请下一级"),
    "id-reused": ("该消息编号已用于内容不同的另一条消息", _OTHER_KEY),
    "instructor": ("党建工作指导员不参加资格认证", _NOTHING),
    "key-taken": ("该编号已被使用", _OTHER_KEY),
    "late": ("评分已经截止", _NOTHING),
    "lifted-already": ("该处理已经解除", _NOTHING),
    "list-withdrawn": ("该责任清单已撤回", "请另行下达"),
    "mark-missing": ("有项目未评分", "请为每个项目评分"),
    "mentor-not-qualified": ("导师不符合条件", "请另选符合条件的导师"),
    "merged": ("该档案已并入另一份", "请以身份证号指明该人"),
    "named-twice": ("同一人写了两次", "每人只写一次"),
    "never-came": ("此消息所等待的内容未按时到达", "请先报送该内容，再请求重试"),
    "no-deadline": ("没有截止日期", "请填写截止日期或工作日数"),
    "no-evidence": ("没有佐证材料", "请先提交材料，或填写其他结果"),
    "no-exception": ("在该日之前本就可以任职", "请填写较晚的日期"),
    "no-extension": ("并未延长期限", "请填写较晚的日期"),
    "no-limit": ("办法没有规定任职期限", _NOTHING),
    "no-mentors": ("办法没有规定导师", "请发布规定导师的办法"),
    "no-policy": ("该日没有有效的办法", "请联系发布办法的机关，或填写较晚的日期"),
    "no-reason": ("没有说明理由", "请填写说明"),
    "no-sanction": ("没有这项有效的处理", "请核对编号和来源"),
    "no-standard": ("该日没有有效的标准", "请联系发布标准的机关，或填写较晚的日期"),
    "no-such-activity": ("计划中没有该活动", "请先列入"),
    "no-such-appeal": ("该人员在此周期没有这项申诉", "请核对编号和人员"),
    "no-such-break": ("该批次没有这项差异", "请查看该批次的差异"),
    "no-such-change": ("证书当前状态不能作此变更", "请查看证书历史后更正"),
    "no-such-cycle": ("没有这个考核周期", "请先开始"),
    "no-such-entry": ("该人员没有这条记录", "请核对编号和来源"),
    "no-such-item": ("清单中没有该事项", "请更正事项"),
    "no-such-list": ("没有下达过这份清单", "请先下达"),
    "no-such-mentorship": ("没有这项带教关系", "请先报告其开始"),
    "no-such-period": ("该事项没有这个核对周期", "请更正周期"),
    "no-such-plan": ("该人员没有这项计划", "请先制定"),
    "no-such-post": ("该聘任没有对应的职务", "请查看该人员的历史"),
    "no-such-problem": ("没有提出过这个问题", "请先提出"),
    "no-such-secondment": ("没有这项挂职", "请先报告其开始"),
    "no-weights": ("该类别和等级没有规定权重", "请使用有权重的周期"),
    "nobody-enrolled": ("该周期没有参加人员", "请先登记参加人员"),
    "not-a-candidate": ("该人员没有经过后备库审查", "请先提请审查"),
    "not-a-downgrade": ("新等级并不低于现等级", "请填写更低的等级，或报告晋升"),
    "not-authorised": ("该来源无权上报此项", "请由有权的来源上报，或请管理员调整权限"),
    "not-a-fact": ("所指消息不是人员档案中的事实", "请报告其后的事项"),
    "not-a-source-of-the-cycle": ("该来源不在周期规定之列", "请由规定的来源报告"),
    "not-allowed": ("此类事实不带身份信息", "请删除"),
    "not-an-event": ("该消息不是其所在流日志中的事件", "用 hongling stream repair 将其移出该流，再在此处废弃"),
    "not-asked": ("有项目不由此人评分", "请只评规定的项目"),
    "not-better": ("该人员已有此等次或更高等次", "请填写更高的等次，或驳回申诉"),
    "not-exported": ("该批次尚未导出付款文件", "请先导出"),
    "not-the-export": ("文件不是该批次导出的文件", "请重新导出，并只将该文件交给银行"),
    "nothing-to-book": ("该笔付款银行已有答复，也没有未处理的差异", _NOTHING),
    "paid-missing": ("处理一笔付款的差异须写明收款人实际收到多少", "请填写该笔付款收款人实得总额，未收到填 0"),
    "payees-not-sealed": ("该批次封存时没有收款人信息", "请重新封存或另编批次"),
    "not-fulfilled": ("计划的要求尚未完成", "请填写部分完成或放弃，或先报告完成情况"),
    "not-in-cycle": ("该人员在此周期没有结果", "请核对周期和人员"),
    "not-in-scope": ("该人员不在考核范围内", "请先向登记系统报告事实，再重新登记"),
    "not-parked": ("没有搁置此编号的消息", "请查看 hongling parked list"),
    "not-registered": ("该人员在该日未登记", "请更正日期，或先登记"),
    "not-signed": ("该清单尚未签署", "请先签署"),
    "not-taken-over": ("该记录在被合并的档案中，未转入现档案", "请重新报告该事实"),
    "not-the-last-day": ("填写的最后一日与工作日历不符", "请不填，或更正"),
    "not-the-seal": ("文件与封存的批次不符", "请重新导出，并只将该文件交给银行"),
    "not-your-fact": ("该事实由另一来源报告", "请由该来源办理"),
    "not-your-list": ("该清单由另一来源下达", "请由该来源或管理员办理"),
    "not-your-problem": ("该问题由另一来源提出", "请由该来源或管理员办理"),
    "not-yours": ("该周期属于另一来源", "请由该来源或管理员办理"),
    "nothing-overpaid": ("该支付方没有多付此人", "请查看该人员的账户"),
    "notice-over": ("公示期已过", "请向发证机关反映"),
    "objection-known": ("该编号已用于以前的异议", _OTHER_KEY),
    "other-kind": ("更正内容与原事实类别不同", "请撤回原事实，另行报告"),
    "other-territory": ("该人员的登记地不在发证机关的区划内", "请填写管辖该区划的机关，或先转移登记"),
    "own-mentor": ("本人不能作本人的导师", "请另选导师"),
    "own-parent": ("单位不能隶属于自身", "请填写上级单位，或不填"),
    "part-differs": ("该分段已按另一结果报告", "每个分段只报告一次"),
    "parts-differ": ("该文件的总段数前后不一", "请只用一种分段方式"),
    "payer-unknown": ("该区划没有名称如此的支付方", "请选择"),
    "period-not-begun": ("该月份尚未开始", "请在该月工作完成后结账"),
    "period-passed": ("该月份及以前已结账", _NOTHING),
    "plan-closed": ("该计划已结束", "请另行制定"),
    "plan-open": ("该人员有计划尚未结束", "请先结束，或在其中增加活动"),
    "policy-exists": ("该文件的此版次已发布", "内容有变的，请提高版次"),
    "problem-closed": ("该问题已销号", "请另行提出"),
    "quota-full": ("后备库名额已满", "请等待空额，或发布名额更多的标准"),
    "rating-unknown": ("政策中没有该等次", "请更正等次，或请县里发布有该等次的政策"),
    "ratings-open": ("评分尚未截止", "请在截止后计分"),
    "recovery-exceeded": ("退回金额超过应退余额", "请不超过余额报告"),
    "resident-id-taken": ("另一人员已有此身份证号", "请核实是哪一人"),
    "reversed": ("解除日期早于处理日期", "请填写不早于处理的日期"),
    "rule-failed": ("处理此消息时发生内部错误", "管理员将查看，消息不会丢失"),
    "run-empty": ("该批次已没有应付金额", "请取消"),
    "run-exists": ("该编号已用于另一批次", "请为每个批次使用各自的编号"),
    "run-instructed": ("付款指令已交给银行", "请向银行撤回；退回的金额重新成为应付"),
    "run-over": ("该批次已经终止，未支付任何金额", "请另编批次"),
    "same-person": ("两者已是同一份档案", "请指明两份不同的档案"),
    "scope-overlaps": ("另一周期在同一时间考核部分相同的人员", "请缩小范围，或取消另一周期"),
    "scores-stale": ("计分后评分或积分有变", "请重新计分后公布"),
    "screened-by-another-standard": ("审查依据的标准已更换", "请重新审查"),
    "screening-failed": ("最近一次审查未通过", "请报告新的材料后重新审查"),
    "seal-retired": ("加密所用的公钥已停用", "请取得登记机关的新公钥，换用新的编号重新发送"),
    "seal-unreadable": ("未用本登记机关的公钥加密", "请使用登记机关公布的公钥（JWE，ECDH-ES，A256GCM）"),
    "settler-is-maker": ("经办人不得处理自己批次与银行的差异", "请由他人处理（经办、复核分离）"),
    "source-key-taken": ("该人员编号已属于另一人", "请为每人使用各自的编号"),
    "stage-done": ("该申请的这一环节已经完成", _NOTHING),
    "stage-skipped": ("前一环节尚未完成", "请先完成前一环节"),
    "standard-exists": ("该标准的此版次已发布", "内容有变的，请提高版次"),
    "step-missing": ("前一步骤尚未完成，此项操作不予保留", "请在前一步骤完成后重新操作"),
    "too-early": ("日期太早", "请填写允许期限内的日期"),
    "too-few-judges": ("评委人数少于标准规定", "请由全体评委评分"),
    "too-large": ("消息太大", "请缩短；附件不随事实报送"),
    "too-late": ("申诉期已过", _NOTHING),
    "too-long": ("期限太长", "请填写较早的日期"),
    "too-many": ("数量已达上限", "请只报一次，或减少"),
    "too-many-extensions": ("延期次数已达上限", "请销号，或保持逾期"),
    "too-many-facts": ("该人员档案的事实数已达上限", _OPERATOR),
    "too-many-messages": ("该人员档案的消息数已达上限", _OPERATOR),
    "two-deadlines": ("同时填写了截止日期和工作日数", "请只填一种"),
    "unknown-criterion": ("没有这项条件", "请填写标准中的条件"),
    "unknown-division": ("没有这个区划代码（GB/T 2260）", "请更正代码；新设区划请管理员补充"),
    "unknown-grade": ("标准中没有该等级", "请填写标准中的等级"),
    "unknown-ladder": ("标准中没有该职务阶梯", "请移出人员，按标准中的阶梯重新提名"),
    "unknown-rating": ("周期中没有该等次", "请填写周期规定的等次"),
    "unknown-role": ("周期中没有该评分角色", "请填写周期规定的角色"),
    "unknown-vacancy": ("没有登记过该空缺", "请先登记"),
    "unknown-word": ("标准中没有该词", "请填写标准中的词"),
    "vacancy-closed": ("该空缺已关闭", "请换用新的编号登记"),
    "waiver-not-allowed": ("该条件不得免除", "请删除免除"),
    "wrong-credit-code": ("统一社会信用代码不正确（GB 32100-2015）", "请按登记证书抄录 18 位代码，字母大写"),
    "wrong-issuer": ("该级证书不由此级机关颁发", "请填写发证机关的区划，或更正等级"),
    "wrong-kind": ("审查结论的类型与条件不符", "请按条件要求的类型填写"),
    "wrong-source": ("消息写明的来源不是发布者", "请写明发布者自身，或以该来源发布"),
    "wrong-subject": ("此类事实不应发布在该主题上", "请发布到规定的主题"),
    "year-not-begun": ("该年度尚未开始，应付金额未定", "请填写本年度或以前年度"),
    "year-without-grants": ("该支付方在此区划该年度没有核定金额", "请核对年度，或待核定后再编制"),
}  # fmt: skip

OF_DOCUMENT = "data.text:"
"""How the field of a problem begins that is about a place in a document."""
_PARTICULAR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|(?<![\w.])[0-9]+(?:\.[0-9]+)?%?(?![\w.])")
_CHOICES = re.compile(r"(?:one of|choose among) ([a-z0-9_, -]+)$")
PARTICULARS_MAX = 10
"""Days and numbers of one answer that are shown beside the Chinese text."""


def in_language(each: Problem, lang: Lang) -> Problem:
    """A receipt's problem in the asked language; its days, numbers and choices stay. An unknown code is told as it came."""
    if lang == "en":
        return each
    if each.field.startswith(OF_DOCUMENT):
        return each.model_copy(update={"problem": in_words(each.problem, lang), "remedy": in_words(each.remedy, lang)})
    if each.code in REFUSALS:
        what, remedy = REFUSALS[each.code]
        found = list(dict.fromkeys(_PARTICULAR.findall(each.problem)))[:PARTICULARS_MAX]
        shown = [particular for particular in found if particular not in what]
        choices = _CHOICES.search(each.remedy)
        return each.model_copy(
            update={
                "problem": what + (f"（{'、'.join(shown)}）" if shown else ""),
                "remedy": remedy + (f"：{choices[1]}" if choices else ""),
            }
        )
    if each.code in CODES:
        what, remedy = CODES[each.code]["zh"]
        if "{expected}" not in what + remedy:
            return each.model_copy(update={"problem": what, "remedy": remedy})
        said, advised = CODES[each.code]["en"]
        expected = expected_in_chinese(_blank_of(said, each.problem) or _blank_of(advised, each.remedy))
        return each.model_copy(
            update={"problem": what.replace("{expected}", expected), "remedy": remedy.replace("{expected}", expected)}
        )
    return each


def _blank_of(template: str, text: str) -> str:
    """What was filled into a template's blank."""
    before, blank, after = template.partition("{expected}")
    fits = blank and text.startswith(before) and text.endswith(after)
    return text.removeprefix(before).removesuffix(after) if fits else ""
