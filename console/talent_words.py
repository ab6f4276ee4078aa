"""Candidacies in words, Chinese or English: stages, criteria, and what has happened. Nothing here reads a store.

The texts of a screening (``required``, ``found``) are English; for Chinese they are turned, pattern by pattern. A pattern that
is unknown stays as it is: an official then reads English, never something wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.cycle_words import CycleWords
from console.talent_development_words import development_sentence
from console.words import Words
from contracts.talent import (
    CandidateAdmitted,
    CandidateFlagged,
    CandidateNominated,
    CandidatePlaced,
    CandidateProfiled,
    CandidateRemoved,
    CandidateScreened,
    CriterionResult,
    StandardPublished,
)
from eventlog.log import Recorded

__all__ = ["TalentWords"]

_STAGES: Mapping[str, tuple[str, str]] = {
    "nominated": ("已提名", "nominated"),
    "passed": ("审查通过", "screening passed"),
    "failed": ("审查未通过", "screening failed"),
    "admitted": ("已入库", "admitted"),
    "removed": ("已出库", "removed"),
    "placed": ("已任用", "placed"),
}
_BY: Mapping[str, tuple[str, str]] = {
    "organisation_recommended": ("组织择优推荐", "recommended by the organisation"),
    "reserve_recommended": ("后备干部推荐", "recommended from the reserve"),
    "everyday_acquaintance": ("日常了解", "known from everyday work"),
}
_REASONS: Mapping[str, tuple[str, str]] = {
    "withdrew": ("本人退出", "withdrew"),
    "no_longer_qualified": ("不再符合条件", "no longer qualified"),
    "disciplined": ("受到处分", "disciplined"),
    "left": ("离开单位", "left"),
    "retired": ("退休", "retired"),
    "died": ("去世", "died"),
    "other": ("其他", "other"),
}
_CRITERIA: Mapping[str, tuple[str, str]] = {
    "age": ("年龄", "age"),
    "degree": ("学历", "degree"),
    "major": ("专业", "major"),
    "party_years": ("党龄", "years in the party"),
    "enterprise_years": ("在企业工作年限", "years in the enterprise"),
    "title": ("专业技术职称", "professional title"),
    "departments": ("任职部门数", "departments worked in"),
    "post_years": ("规定岗位任职年限", "years in listed posts"),
    "health": ("健康状况", "health"),
    "competency_political": ("政治能力", "political competency"),
    "competency_learning": ("学习能力", "learning competency"),
    "competency_coordination": ("协调能力", "coordination competency"),
    "competency_organising": ("组织能力", "organising competency"),
    "competency_innovation": ("创新能力", "innovation competency"),
    "current": ("材料时效", "age of the particulars"),
    "certificate": ("资格证书", "certificate"),
    "ratings": ("年度考核", "annual ratings"),
    "inspections": ("年检", "annual inspections"),
    "registration": ("注册登记", "registration"),
    "standard": ("入库标准", "standard of the pool"),
}
_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "accepted": ("已接受", "accepted"),
    "refused": ("已退回", "refused"),
    "waiting": ("等待中", "waiting"),
    "parked": ("已搁置", "parked"),
}
_D = r"(\d{4}-\d\d-\d\d)"
_WORDS: Mapping[str, str] = {
    "secondary": "高中及以下",
    "associate": "大专",
    "bachelor": "本科",
    "master": "硕士",
    "doctor": "博士",
    "deputy_senior": "副高级",
    "intermediate": "中级",
    "junior": "初级",
    "senior": "高级",
    "special": "特级",
    "excellent": "优秀",
    "competent": "称职",
    "basic": "基本称职",
    "incompetent": "不称职",
}
_ZH_SIDES: Sequence[tuple[str, str]] = (
    (r"^not known$", "未知"),
    (r"^none$", "无"),
    (r"^good$", "良好"),
    (r"^not good$", "不良"),
    (r"at least (\d+) years old", r"不小于\1岁"),
    (r"at most (\d+) years old", r"不大于\1岁"),
    (r"at least (\d+) years", r"不少于\1年"),
    (r"at least (\d+) departments", r"不少于\1个部门"),
    (r"at least (\d+) of 5", r"不低于\1分（满分5分）"),
    (r"^(\d+) of 5$", r"\1分（满分5分）"),
    (r"^(\d+) departments$", r"\1个部门"),
    (rf"^(\d+) years old on {_D}$", r"\1岁（\2）"),
    (r"^(\d+) years$", r"\1年"),
    (r"at most (\d+) months old", r"不超过\1个月"),
    (rf"^of {_D}$", r"\1填报"),
    (rf"^(\w+) or above, valid on {_D}$", r"\1及以上，\2有效"),
    (r"^(\w+) or above in (\d+) of the years (\d+) to (\d+)$", r"\3至\4年中有\2年为\1及以上"),
    (r"^(\w+) or above$", r"\1及以上"),
    (r"^still met$", "仍然符合"),
    (r"^by the registry's facts not met any more$", "按登记事实已不符合"),
    (r"^open$", "有效"),
    (rf"^closed since {_D}$", r"自\1起注销"),
    (rf"^reopened on {_D}$", r"\1恢复"),
    (rf", suspended since {_D}", r"，\1起暂停"),
    (rf", reinstated on {_D}", r"，\1恢复"),
    (rf", revoked on {_D}", r"，\1撤销"),
    (rf", superseded on {_D}", r"，\1被新证书取代"),
    (rf", downgraded to (\w+) on {_D}", r"，\2降为\1"),
    (rf"^(\w+) of {_D}", r"\1（\2取得）"),
    (r"^none failed from (\d+) to (\d+)$", r"\1至\2年无不合格"),
    (r"\bpassed (\d{4})", r"\1年合格"),
    (r"\bfailed (\d{4})", r"\1年不合格"),
    (r"\bmissed (\d{4})", r"\1年未参加"),
    (r"\b([a-z_]+) (\d{4})\b", r"\2年\1"),
    (r"^one of ", "之一："),
    (r", ", "、"),
)


@dataclass(frozen=True, slots=True)
class TalentWords:
    lang: str

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    @property
    def flagged(self) -> str:
        return self.say("按登记事实已不符合标准", "by the registry's facts the standard is not met any more")

    def stage(self, stage: str) -> str:
        return self.say(*_STAGES.get(stage, (stage, stage)))

    def criterion(self, name: str) -> str:
        return self.say(*_CRITERIA.get(name, (name, name)))

    def outcome(self, outcome: str) -> str:
        return self.say(*_OUTCOMES.get(outcome, (outcome, outcome)))

    def side(self, text: str) -> str:
        """What a criterion required or found."""
        if self.lang != "zh":
            return text.replace("_", " ")
        for pattern, turned in _ZH_SIDES:
            text = re.sub(pattern, turned, text)
        return re.sub(r"[a-z_]+", lambda match: _WORDS.get(match.group(), match.group()), text)

    def unmet(self, criteria: Sequence[CriterionResult]) -> list[str]:
        """Each unmet criterion with its two sides."""
        return [
            self.say(
                f"{self.criterion(c.name)}：要求{self.side(c.required)}，实际{self.side(c.found)}",
                f"{self.criterion(c.name)}: {self.side(c.required)} is required, found {self.side(c.found)}",
            )
            for c in criteria
            if not c.met
        ]

    def _named(self, criteria: Sequence[CriterionResult]) -> str:
        return self.say("、", ", ").join(self.criterion(c.name) for c in criteria if not c.met)

    def event(self, recorded: Recorded) -> str:
        """One event of a candidacy as a sentence."""
        match recorded.event:
            case CandidateNominated() as e:
                by, where = self.say(*_BY[e.nominated_by]), f"{e.candidacy.division} {e.candidacy.ladder}"
                return self.say(f"提名进入 {where}（{by}）", f"nominated for {where} ({by})")
            case CandidateProfiled():
                return self.say("填报审查材料", "particulars reported")
            case CandidateScreened() as e:
                return self._screened(e)
            case CandidateAdmitted() as e:
                if e.quota is None:
                    return self.say("入库", "admitted")
                return self.say(f"入库（第{e.taken}席，共{e.quota}席）", f"admitted (seat {e.taken} of {e.quota})")
            case CandidateFlagged() as e:
                if e.result == "passed":
                    return self.say("登记事实已恢复符合标准", "by the registry's facts the standard is met again")
                return f"{self.flagged}{self.say('：', ': ')}{self._named(e.criteria)}"
            case CandidateRemoved() as e:
                reason = self.say(*_REASONS[e.reason])
                return self.say(f"出库（{reason}）", f"removed ({reason})")
            case CandidatePlaced() as e:
                category = Words(self.lang).word("category", e.category)
                return self.say(f"任用为{category}（{e.unit}，{e.post}）", f"placed as {category} ({e.unit}, {e.post})")
            case StandardPublished() as e:
                document = e.document
                return self.say(
                    f"发布标准 {document.document}", f"standard {document.document} published, revision {document.revision}"
                )
            case event:
                return development_sentence(self.lang, event) or CycleWords(self.lang).event(event) or recorded.type

    def _screened(self, event: CandidateScreened) -> str:
        document = event.standard.document
        if event.result == "passed":
            return self.say(f"按标准 {document} 审查通过", f"passed the screening by standard {document}")
        names = self._named(event.criteria)
        return self.say(f"按标准 {document} 审查未通过：{names}", f"failed the screening by standard {document}: {names}")
