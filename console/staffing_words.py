"""Units, leadership models, figures and vacancies in words, Chinese or English. Nothing here reads a store."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.words import Words
from services.talent.figures import YEAR_BANDS

__all__ = ["StaffingWords"]

_MODELS: Mapping[str, tuple[str, str]] = {
    "one_person": ("一肩挑", "one person in both posts"),
    "cross_appointment": ("双向进入、交叉任职", "cross-appointment"),
    "full_time_secretary": ("专职", "full-time secretary"),
    "dispatched": ("委派", "dispatched"),
}
_SIDES: Mapping[str, tuple[str, str]] = {"party": ("党组织", "party"), "management": ("行政经营", "management")}
_STATUS: Mapping[str, tuple[str, str]] = {
    "open": ("待补", "open"),
    "filled": ("已补", "filled"),
    "withdrawn": ("已撤回", "withdrawn"),
}
_CHANNELS: Mapping[str, tuple[str, str]] = {
    "internal": ("内部选任", "chosen internally"),
    "recruited": ("公开选聘", "recruited openly"),
    "dispatched": ("组织选派", "dispatched"),
    "not_known": ("未说明", "not said"),
}
_ZH_KEPT: Sequence[tuple[str, str]] = (
    (r"^one person holds the posts of both sides$", "两边职务由同一人担任"),
    (r"^somebody holds a post on each side$", "有人同时担任两边职务"),
    (r"^whoever holds the party's posts does so full time$", "党组织职务均为专职"),
    (r"^whoever holds the party's posts was dispatched$", "党组织职务均由组织选派"),
    (r"^nobody sits there$", "无人任职"),
    (r"^(\d+) people hold them, (\d+) on both sides$", r"由\1人担任，其中\2人兼任两边"),
    (r"^(\d+) people hold posts on both sides$", r"\1人兼任两边职务"),
    (r"^empty: (.*)$", r"空缺：\1"),
    (r"^(\d+) of (\d+) full time$", r"\2人中\1人专职"),
    (r"^(\d+) of (\d+) dispatched$", r"\2人中\1人为组织选派"),
)


@dataclass(frozen=True, slots=True)
class StaffingWords:
    lang: str

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def model(self, model: str) -> str:
        return self.say(*_MODELS.get(model, (model, model)))

    def side(self, side: str) -> str:
        return self.say(*_SIDES.get(side, (side, side)))

    def status(self, status: str) -> str:
        return self.say(*_STATUS.get(status, (status, status)))

    def category(self, category: str | None) -> str:
        return "" if category is None else Words(self.lang).word("category", category)

    def channel(self, channel: str) -> str:
        return self.say(*_CHANNELS.get(channel, (channel, channel)))

    def kept(self, kept: bool | None) -> str:
        return self.say("无法判断", "can't be told") if kept is None else self.met(kept)

    def met(self, met: bool) -> str:
        return self.say("符合", "met") if met else self.say("不符合", "not met")

    def sides_of_model(self, text: str) -> str:
        """What a model requires, or what was found of it."""
        if self.lang == "zh":
            for pattern, turned in _ZH_KEPT:
                text = re.sub(pattern, turned, text)
        return text

    def band(self, place: int) -> str:
        """Full years in party work."""
        low, high = YEAR_BANDS[place]
        if high is None:
            return self.say(f"{low}年及以上", f"{low} years and more")
        if low == 0 and high == 0:
            return self.say("不满1年", "under 1 year")
        return self.say(f"{low}至{high}年", f"{low} to {high} years")
