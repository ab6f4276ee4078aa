"""Why somebody is paid, or is not, in whole sentences: each condition of a decision, then its lines and payers. Pure.

The sentences are made of what a decision froze: what each condition required and found, its clause, the arithmetic. They add
nothing to it, so they are the same at any time. ``console.words`` puts the engine's words into the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from console.words import Words, yuan

__all__ = ["why"]


class _Told(NamedTuple):
    """The sentence on a condition that is met, on one that is not, and on one for which there was nothing to look at.

    Each is (Chinese, English) with places for ``required``, ``found`` and ``clause``.
    """

    met: tuple[str, str]
    unmet: tuple[str, str]
    nothing: tuple[str, str] | None = None


_NOTHING = frozenset({"none", "no post", "no allowance"})
"""What a condition found when there was nothing of its kind."""

_CERTIFICATE_ZH = "{clause}要求持有有效资格证书（{required}），"
_CERTIFICATE_EN = "{clause} requires a valid certificate ({required}), "
_INSPECTION_EN = "{clause} requires that the annual inspection is in order ({required}), "

_SENTENCES: Mapping[str, _Told] = {
    "category": _Told(
        (
            "职务类别为{found}，符合{clause}（{required}）。",
            "The category of the post is {found}, one of those that {clause} pays ({required}).",
        ),
        (
            "职务类别为{found}，而{clause}只发给{required}。",
            "The category of the post is {found}, but {clause} pays {required} only.",
        ),
        ("没有职务，而{clause}只发给{required}。", "There is no post, and {clause} pays {required} only."),
    ),
    "engaged": _Told(
        ("任职{found}，符合{clause}（{required}）。", "The worker was {required}, as {clause} requires: {found}."),
        (
            "{clause}要求{required}，而实际任职：{found}。",
            "{clause} requires the worker to be {required}, but the engagement was: {found}.",
        ),
        ("{clause}要求{required}，而没有任职。", "{clause} requires the worker to be {required}, but there is no engagement."),
    ),
    "full_time": _Told(
        ("职务为专职，符合{clause}。", "The post is full time, as {clause} requires."),
        ("职务为{found}，而{clause}要求专职。", "The post is {found}, but {clause} requires a full-time one."),
        ("没有职务，而{clause}要求专职。", "There is no post, and {clause} requires a full-time one."),
    ),
    "entry_channel": _Told(
        (
            "进入岗位的渠道为{found}，符合{clause}（{required}）。",
            "The channel by which the post was entered is {found}, one of those that {clause} names ({required}).",
        ),
        (
            "进入岗位的渠道为{found}，而{clause}只认{required}。",
            "The channel by which the post was entered is {found}, but {clause} counts {required} only.",
        ),
        (
            "没有职务，而{clause}只认经{required}进入的岗位。",
            "There is no post, and {clause} counts only those entered by {required}.",
        ),
    ),
    "not_civil_servant": _Told(
        ("不是公务员，符合{clause}。", "The worker is not a civil servant, as {clause} requires."),
        ("是公务员，而{clause}不发给公务员。", "The worker is a civil servant, and {clause} excludes civil servants."),
    ),
    "certificate": _Told(
        (
            "持有有效资格证书，符合{clause}（{required}）：{found}。",
            "A valid certificate is held, as {clause} requires ({required}): {found}.",
        ),
        (
            _CERTIFICATE_ZH + "而现有的不符合：{found}。",
            _CERTIFICATE_EN + "but the one on file does not count: {found}.",
        ),
        (_CERTIFICATE_ZH + "而没有证书。", _CERTIFICATE_EN + "but there is none."),
    ),
    "inspection": _Told(
        (
            "年检符合{clause}（{required}）：{found}。",
            "The annual inspection is in order, as {clause} requires ({required}): {found}.",
        ),
        ("{clause}要求年检{required}，而结论为{found}。", _INSPECTION_EN + "but it was {found}."),
        ("{clause}要求年检{required}，而当年没有年检结论。", _INSPECTION_EN + "but none was concluded for the year."),
    ),
    "rating": _Told(
        (
            "年度考核等次为{found}，符合{clause}（{required}）。",
            "The annual rating is {found}, and {clause} requires {required}.",
        ),
        (
            "{clause}要求年度考核等次为{required}，而实际为{found}。",
            "{clause} requires an annual rating of {required}, but it is {found}.",
        ),
        (
            "{clause}要求年度考核等次为{required}，而没有考核等次。",
            "{clause} requires an annual rating of {required}, but there is none.",
        ),
    ),
    "without_allowance": _Told(
        (
            "有红领津贴未发放的月份，符合{clause}（红领津贴{found}）。",
            "There are months that the red-collar allowance does not pay, as {clause} requires (it pays {found}).",
        ),
        (
            "{clause}不允许与红领津贴同时享受（要求{required}），而红领津贴{found}。",
            "{clause} does not allow both this and the red-collar allowance (required: {required}), but that pays {found}.",
        ),
        ("没有红领津贴，符合{clause}。", "There is no red-collar allowance besides, as {clause} requires."),
    ),
    "decidable": _Told(
        ("可以作出决定。", "The year can be decided."),
        (
            "作出决定须有注册登记、有效政策和触发决定的事实，现已不齐全。",
            "A decision takes a registration, a policy in force and a fact that calls for it; not all of them stand any more.",
        ),
    ),
}
_ANY_OTHER = _Told(
    ("{required}，符合{clause}：{found}。", "{clause} is met: required {required}, found {found}."),
    ("不符合{clause}：要求{required}，实际{found}。", "{clause} is not met: required {required}, found {found}."),
)


def why(words: Words, answer: Mapping[str, Any]) -> list[str]:
    """The sentences that say why a year is granted (each condition, each line, who pays), or why it is not (what is not met).

    answer: a decision as JSON (``contracts.allowance.Decision``); words: in the vocabulary of the policy that it cites.
    """
    granted = answer["decision"] == "granted"
    told = [_condition(words, each) for each in answer["predicates"] if granted or not each["met"]]
    return [*told, *_amounts(words, answer)] if granted else told


def _condition(words: Words, predicate: Mapping[str, Any]) -> str:
    name, found = predicate["name"], predicate["found"]
    told = _SENTENCES.get(name, _ANY_OTHER)
    chosen = told.met if predicate["met"] else told.unmet
    if found in _NOTHING and told.nothing is not None:
        chosen = told.nothing
    said = words.say(*chosen).format(
        required=words.condition(name, predicate["required"]),
        found=words.condition(name, found),
        clause=words.clause(predicate["clause"]),
    )
    return said[:1].upper() + said[1:]


def _amounts(words: Words, answer: Mapping[str, Any]) -> list[str]:
    year, amount = answer["year"], yuan(answer["amount_fen"])
    lines: Sequence[Mapping[str, Any]] = answer["lines"]
    if not lines:
        return [
            words.say(
                f"金额表中没有适用的金额，{year} 年为 {amount}。", f"No table has an amount for this: {amount} for {year}."
            )
        ]
    told = []
    for line in lines:
        name, clause = words.line(line["name"]), words.clause(line["clause"])
        said = f"{name}{words.say('：', ': ')}{words.arithmetic(line['arithmetic'])}"
        told.append(words.say(f"{said}（{clause}）。", f"{said} ({clause})."))
    payers = [f"{words.payer(each['payer'])} {yuan(each['amount_fen'])}" for each in answer["payers"]]
    if not payers:
        return [*told, words.say(f"{year} 年共 {amount}。", f"In all {amount} for {year}.")]
    by = words.say("、", ", ").join(payers)
    if answer["instrument"] == "work_expense":
        total = words.say(f"{year} 年可支用 {amount}，由 {by} 列支。", f"In all {amount} may be spent for {year}, from: {by}.")
    else:
        total = words.say(f"{year} 年共 {amount}，由 {by} 负担。", f"In all {amount} for {year}, to be paid by: {by}.")
    return [*told, total]
