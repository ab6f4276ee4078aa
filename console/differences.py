"""What differs between two decisions about one worker's year, in sentences: facts, policy, conditions, lines, payers. Pure.

Both decisions are as they were recorded, so the answer needs no rule and no recalculation. ``was`` and ``now`` are the words of
the policies that the earlier and the later one cite: each side is told in the vocabulary of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.words import Words, yuan
from contracts.allowance import Decision, FactUsed, Line, Predicate

__all__ = ["difference"]

VOID = "decidable"
"""The condition that stands alone in a decision when nothing is left to decide on (``services.allowance.decider``)."""


def difference(before: Decision, after: Decision, was: Words, now: Words) -> dict[str, Any]:
    """The differences as JSON; ``sentences`` tells all of them. Amounts are integer fen, ``difference_fen``: after less before.

    What is equal on both sides is left out, and so are the facts where nothing is left to decide on: none was looked at. The
    lines' differences add up to that of the whole, and so do the payers'.
    """
    parts: dict[str, list[dict[str, Any]]] = {
        "policy": [*_policy(before, after, was, now)],
        "division": [*_division(before, after, now)],
        "facts": [] if _is_void(after) else [*_facts(before.facts, after.facts, was, now)],
        "conditions": [*_conditions(before.predicates, after.predicates, was, now)],
        "lines": [*_lines(before.lines, after.lines, was, now)],
        "payers": [*_payers(before, after, was, now)],
        "warnings": [*_warnings(before, after, was, now)],
    }
    return {
        "before_fen": before.amount_fen,
        "after_fen": after.amount_fen,
        "difference_fen": after.amount_fen - before.amount_fen,
        "decision": {"before": before.decision, "after": after.decision},
        **parts,
        "sentences": [_whole(before, after, now), *[each["says"] for part in parts.values() for each in part]],
    }


def _whole(before: Decision, after: Decision, now: Words) -> str:
    """``Denied now, granted before: ¥0.00 instead of ¥2,400.00 (¥2,400.00 less).``"""
    amounts = _instead(now, before.amount_fen, after.amount_fen)
    if before.decision != after.decision:
        were, are = now.word("decision", before.decision), now.word("decision", after.decision)
        return now.say(f"由{were}改为{are}：{amounts}。", f"{are.capitalize()} now, {were} before: {amounts}.")
    if after.decision == "denied":
        return now.say("仍不予发放。", "Denied, as before.")
    if before.amount_fen == after.amount_fen:
        return now.say(f"金额不变，为 {yuan(after.amount_fen)}。", f"The amount is the same, {yuan(after.amount_fen)}.")
    return now.say(f"金额：{amounts}。", f"The amount is {amounts}.")


def _instead(words: Words, before_fen: int, after_fen: int) -> str:
    """``¥3,600.00 instead of ¥2,400.00 (¥1,200.00 more)``."""
    change = after_fen - before_fen
    how = words.say("增加" if change > 0 else "减少", "more" if change > 0 else "less")
    size = words.say(f"{how} {yuan(abs(change))}", f"{yuan(abs(change))} {how}")
    was, is_now = yuan(before_fen), yuan(after_fen)
    return words.say(f"由 {was} 变为 {is_now}（{size}）", f"{is_now} instead of {was} ({size})")


# --- policy and division ----------------------------------------------------------------------------------------------


def _policy(before: Decision, after: Decision, was: Words, now: Words) -> Iterator[dict[str, Any]]:
    if before.policy.event == after.policy.event:
        return
    old, new = _named(before, was), _named(after, now)
    says = now.say(f"现适用政策 {new}，原适用 {old}。", f"Policy {new} governs the year now; before it was {old}.")
    yield {"before": before.policy.payload(), "after": after.policy.payload(), "says": says}


def _named(decision: Decision, words: Words) -> str:
    document = words.document
    if document is None:
        return decision.policy.document
    return words.say(f"{document.document}（第{document.revision}版）", f"{document.document} (revision {document.revision})")


def _division(before: Decision, after: Decision, now: Words) -> Iterator[dict[str, Any]]:
    old, new = before.division, after.division
    if old != new:
        says = now.say(f"现按区划 {new}，原按 {old}。", f"Division {new} counts for the year now; before it was {old}.")
        yield {"before": old, "after": new, "says": says}


# --- facts ------------------------------------------------------------------------------------------------------------


def _facts(before: Sequence[FactUsed], after: Sequence[FactUsed], was: Words, now: Words) -> Iterator[dict[str, Any]]:
    """A fact that took another's place is told beside it; whatever else came or went, by itself."""
    stayed = {fact.fact for fact in before} & {fact.fact for fact in after}
    gone: dict[str, list[FactUsed]] = {}
    for fact in before:
        if fact.fact not in stayed:
            gone.setdefault(fact.particulars.slot(""), []).append(fact)
    came = [fact for fact in after if fact.fact not in stayed]
    for fact in came:
        replaced = gone.get(fact.particulars.slot(""), [])
        old = replaced.pop(0) if replaced else None
        yield {"before": old.fact if old else None, "after": fact.fact, "says": _fact_text(old, fact, was, now)}
    for left in gone.values():
        for fact in left:
            said = was.fact(fact.particulars, fact.effective_on)
            says = now.say(f"不再依据：{said}。", f"No longer used: {said}.")
            yield {"before": fact.fact, "after": None, "says": says}


def _fact_text(old: FactUsed | None, new: FactUsed, was: Words, now: Words) -> str:
    if old is None:
        said = now.fact(new.particulars, new.effective_on)
        return now.say(f"新的依据：{said}。", f"Used now: {said}.")
    topic = now.topic(new.particulars)
    value, value_before = now.value(new.particulars, new.effective_on), was.value(old.particulars, old.effective_on)
    if value == value_before and old.effective_on != new.effective_on:
        value, value_before = f"{value}, {new.effective_on}", f"{value_before}, {old.effective_on}"
    if value == value_before:
        return now.say(f"{topic}改依据另一报告，内容相同。", f"For {topic} another report is used, which says the same.")
    return now.say(f"{topic}：现为{value}，原为{value_before}。", f"As to {topic}: now {value}; before {value_before}.")


# --- conditions -------------------------------------------------------------------------------------------------------


def _conditions(before: Sequence[Predicate], after: Sequence[Predicate], was: Words, now: Words) -> Iterator[dict[str, Any]]:
    old, new = {each.name: each for each in before}, {each.name: each for each in after}
    if VOID in new or VOID in old:
        yield from _void(old, new, now)
        return
    for name in dict.fromkeys([*new, *old]):
        says = _condition_text(name, old.get(name), new.get(name), was, now)
        if says is not None:
            one, other = old.get(name), new.get(name)
            yield {
                "name": name,
                "before": None if one is None else one.payload(),
                "after": None if other is None else other.payload(),
                "says": says,
            }


def _is_void(decision: Decision) -> bool:
    return any(each.name == VOID for each in decision.predicates)


def _void(old: Mapping[str, Predicate], new: Mapping[str, Predicate], now: Words) -> Iterator[dict[str, Any]]:
    """On one side nothing could be decided, so no condition was judged there: to be told one by one they would all be new."""
    if VOID in new:
        if VOID not in old:
            says = now.say("已不具备作出决定的全部事实，各项条件不再审查。", "Not all that a decision takes stands any more.")
            yield {"name": VOID, "before": None, "after": new[VOID].payload(), "says": says}
        return
    yield {
        "name": VOID,
        "before": old[VOID].payload(),
        "after": None,
        "says": now.say("重新可以作出决定。", "The year can be decided again."),
    }
    for each in new.values():
        if not each.met:
            said = _condition_text(each.name, None, each, now, now)
            yield {"name": each.name, "before": None, "after": each.payload(), "says": said}


def _condition_text(name: str, old: Predicate | None, new: Predicate | None, was: Words, now: Words) -> str | None:
    """None: the condition is the same, and so is what it found."""
    title = f"“{now.predicate(name)}”" if now.lang == "zh" else f'Condition "{now.predicate(name)}"'
    if new is None:
        return now.say(f"不再要求{title}。", f"{title} is asked for no longer.")
    found = now.condition(name, new.found)
    met = now.say("符合" if new.met else "不符合", "is met" if new.met else "is not met")
    if old is None:
        return now.say(f"现要求{title}，{met}：{found}。", f"{title} is asked for now and {met}: {found}.")
    required, required_before = now.condition(name, new.required), was.condition(name, old.required)
    found_before = was.condition(name, old.found)
    told = []
    if required != required_before:
        told.append(now.say(f"现要求{required}，原要求{required_before}", f"required now {required}, before {required_before}"))
    if found != found_before:
        told.append(now.say(f"现为{found}，原为{found_before}", f"found now {found}, before {found_before}"))
    if new.met == old.met:
        if not told:
            return None
        state = now.say(f"仍{met}", f"{met.replace('is ', 'is still ', 1)}")
    else:
        state = now.say(f"现{met}，原{'符合' if old.met else '不符合'}", "is met now" if new.met else "is not met any more")
    detail = now.say("；", "; ").join(told)
    return f"{title}{now.say('', ' ')}{state}" + (f"{now.say('：', ': ')}{detail}" if detail else "") + now.say("。", ".")


# --- amounts ----------------------------------------------------------------------------------------------------------


def _lines(before: Sequence[Line], after: Sequence[Line], was: Words, now: Words) -> Iterator[dict[str, Any]]:
    old, new = {each.name: each for each in before}, {each.name: each for each in after}
    for name in dict.fromkeys([*new, *old]):
        one, other = old.get(name), new.get(name)
        if one is not None and other is not None and (one.amount_fen, one.arithmetic) == (other.amount_fen, other.arithmetic):
            continue
        was_fen, is_fen = one.amount_fen if one else 0, other.amount_fen if other else 0
        yield {
            "name": name,
            "before_fen": was_fen,
            "after_fen": is_fen,
            "difference_fen": is_fen - was_fen,
            "says": _line_text(name, one, other, was, now),
        }


def _line_text(name: str, old: Line | None, new: Line | None, was: Words, now: Words) -> str:
    if new is None:
        sum_before = was.arithmetic(old.arithmetic) if old is not None else ""
        return now.say(f"{was.line(name)}不再发放，原为 {sum_before}。", f"{was.line(name)} falls away; it was {sum_before}.")
    title, worked_out = now.line(name), now.arithmetic(new.arithmetic)
    if old is None:
        return now.say(f"新增{title}：{worked_out}。", f"{title} is new: {worked_out}.")
    sums = now.say(
        f"现 {worked_out}，原 {was.arithmetic(old.arithmetic)}", f"now {worked_out}; before {was.arithmetic(old.arithmetic)}"
    )
    if old.amount_fen == new.amount_fen:
        return now.say(f"{title}金额不变，算法不同：{sums}。", f"{title} is the same amount, worked out otherwise: {sums}.")
    amounts = _instead(now, old.amount_fen, new.amount_fen)
    return now.say(f"{title}{amounts}：{sums}。", f"{title} is {amounts}: {sums}.")


def _payers(before: Decision, after: Decision, was: Words, now: Words) -> Iterator[dict[str, Any]]:
    old = {each.of(before.division): each.amount_fen for each in before.payers}
    new = {each.of(after.division): each.amount_fen for each in after.payers}
    purses = list(dict.fromkeys([*new, *old]))
    for purse in purses:
        was_fen, is_fen = old.get(purse, 0), new.get(purse, 0)
        if was_fen == is_fen:
            continue
        name, amounts = (now if purse in new else was).payer(purse.payer), _instead(now, was_fen, is_fen)
        if any(other != purse and other.payer == purse.payer for other in purses):
            name = now.say(f"{name}（{purse.division}）", f"{name} of {purse.division}")
        yield {
            "payer": purse.payer,
            "purse": purse.division,
            "before_fen": was_fen,
            "after_fen": is_fen,
            "difference_fen": is_fen - was_fen,
            "says": now.say(f"{name}负担{amounts}。", f"To be paid by {name}: {amounts}."),
        }


def _warnings(before: Decision, after: Decision, was: Words, now: Words) -> Iterator[dict[str, Any]]:
    for text in after.warnings:
        if text not in before.warnings:
            said = now.warning(text)
            yield {"before": None, "after": text, "says": now.say(f"现需注意：{said}。", f"To look at now: {said}.")}
    for text in before.warnings:
        if text not in after.warnings:
            said = was.warning(text)
            yield {"before": text, "after": None, "says": now.say(f"不再需要注意：{said}。", f"No longer to look at: {said}.")}
