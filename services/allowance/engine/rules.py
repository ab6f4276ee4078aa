"""The rules of a policy on one worker's year: whether each is met (``holds``), and what was required and found, by which facts
(``judge``), which tells of ``holds`` and decides nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple, assert_never

from contracts.certificate_life import Span, told
from contracts.policy import (
    CategoryRule,
    CertificateRule,
    EngagedRule,
    EntryChannelRule,
    FullTimeRule,
    InspectionRule,
    NotCivilServantRule,
    RatingRule,
    Rule,
    WithoutAllowanceRule,
)
from services.allowance.engine.file import FAR, ONE_DAY, Held, Post, closed_of, longest, posts_of_year, spells_of
from services.allowance.engine.months import Case, in_force, in_force_ever, life_of
from services.allowance.engine.words import BASIC, UNKNOWN_WORD_SUFFIX, categories_paid, counted, grade_rank, rating_rank

__all__ = ["Judged", "holds", "judge"]


class Judged(NamedTuple):
    """What ``contracts.allowance.Predicate`` tells."""

    name: str
    required: str
    found: str
    met: bool
    facts: tuple[str, ...]
    clause: str


def holds(rule: Rule, case: Case) -> bool:
    """Whether a rule is met."""
    match rule:
        case CategoryRule():
            among = categories_paid(case.document, rule)
            return bool(case.considered) and all(post.category in among for post in case.considered)
        case EngagedRule():
            return bool(case.engaged) and not (case.document.settings.leaving == "nothing" and case.left_on is not None)
        case FullTimeRule():
            return bool(case.considered) and all(post.full_time for post in case.considered)
        case EntryChannelRule():
            return bool(case.considered) and all(post.channel in rule.among for post in case.considered)
        case NotCivilServantRule():
            return not case.registration[1].civil_servant
        case CertificateRule():
            return bool(case.certified)
        case InspectionRule():
            return _is_inspected(case)
        case RatingRule():
            return _is_rated(rule, case)
        case WithoutAllowanceRule():
            return _is_without_allowance(case)
        case other:
            assert_never(other)


def _is_inspected(case: Case) -> bool:
    if case.inspection is None:
        return False
    if case.document.settings.failed_inspection == "whole_year":
        return case.inspection[1].outcome == "passed"
    return bool(case.unstopped)


def _is_rated(rule: RatingRule, case: Case) -> bool:
    document, settings = case.document, case.document.settings
    if case.file.rating is None:
        return False
    fact, said = case.file.rating
    rank, lowest = rating_rank(document, said.rating), rating_rank(document, rule.at_least)
    if rank is None or lowest is None:
        return False
    met = rank >= lowest
    if said.rating == BASIC:
        met = settings.basic == "reduced" or (settings.basic == "listed" and met)
    return met and (settings.late_rating == "always" or fact.effective_on <= _deadline(case))


def _deadline(case: Case) -> date:
    """The last day on which a rating may be dated, where there is one."""
    return date(case.year + (case.document.settings.late_rating_years or 0), 12, 31)


def _is_without_allowance(case: Case) -> bool:
    """Judged on the months that the other rules leave over, or, where they leave none, on those that they would have."""
    if case.beside is None or not case.beside.months:
        return True
    return any(month not in case.otherwise for month in case.unstopped or case.certified_or_all)


def judge(rule: Rule, case: Case) -> Judged:
    """Judge one rule. Every rule is judged, also when another one already denies."""
    match rule:
        case CategoryRule():
            return _judge_category(rule, case)
        case EngagedRule():
            return _judge_engaged(rule, case)
        case FullTimeRule():
            return _judge_full_time(rule, case)
        case EntryChannelRule():
            return _judge_entry_channel(rule, case)
        case NotCivilServantRule():
            return _judge_not_civil_servant(rule, case)
        case CertificateRule():
            return _judge_certificate(rule, case)
        case InspectionRule():
            return _judge_inspection(rule, case)
        case RatingRule():
            return _judge_rating(rule, case)
        case WithoutAllowanceRule():
            return _judge_without_allowance(rule, case)
        case other:
            assert_never(other)


def _predicate(rule: Rule, case: Case, required: str, found: str, facts: Iterable[str]) -> Judged:
    return Judged(rule.rule, required, found, holds(rule, case), tuple(facts), rule.clause)


# Posts --------------------------------------------------------------------------------------------------------------------


def _judge_category(rule: CategoryRule, case: Case) -> Judged:
    among = categories_paid(case.document, rule)
    found = dict.fromkeys([post.category for post in case.considered])
    return _predicate(rule, case, " or ".join(among), " and ".join(found) or "no post", _starts_of(case))


def _judge_full_time(rule: FullTimeRule, case: Case) -> Judged:
    found = "full time" if holds(rule, case) else "part time" if case.considered else "no post"
    return _predicate(rule, case, "full time", found, _starts_of(case))


def _judge_entry_channel(rule: EntryChannelRule, case: Case) -> Judged:
    found = dict.fromkeys([post.channel or "not stated" for post in case.considered])
    return _predicate(rule, case, " or ".join(rule.among), " and ".join(found) or "no post", _starts_of(case))


def _starts_of(case: Case) -> Iterable[str]:
    """The parts of one engagement share its start."""
    return dict.fromkeys([post.begun[0] for post in case.considered])


def _judge_engaged(rule: EngagedRule, case: Case) -> Judged:
    left = case.left_on
    to_the_end = case.document.settings.leaving == "nothing"
    required = f"engaged to the end of {case.year}" if to_the_end else f"engaged in {case.year}"
    posts = case.considered or [post for post in case.posts if post.start.year <= case.year][-1:]
    if not posts:
        return _judge_without_posts(rule, required, case)
    facts = [event_id for post in posts for event_id in post.facts]
    found = "; ".join([_span_text(post) for post in posts])
    if case.file.statuses:
        text, closings = _closings_told(case, facts)
        found += text
        facts = list(dict.fromkeys([*facts, *closings]))
    if case.document.settings.leaving != "by_month":
        found += f", left on {left}" if left is not None else ""
        facts = list(dict.fromkeys([*facts, *longest(posts_of_year(case.posts, case.year))]))
    found += f": {counted(case.engaged_at_all, 'month')}"
    if case.engaged_at_all != len(case.engaged):
        found += f", {len(case.engaged)} in the policy's period"
    return _predicate(rule, case, required, found, facts)


def _judge_without_posts(rule: EngagedRule, required: str, case: Case) -> Judged:
    """No day of any post is left: there is none, it ended before it began, or the registration was closed all the time."""
    facts = [fact.event_id for fact, _ in case.file.starts if fact.effective_on.year <= case.year]
    if not facts:
        return _predicate(rule, case, required, "none", ())
    closed = [span for span in closed_of(case.file) if span.first.year <= case.year]
    if not closed:
        return _predicate(rule, case, required, "ended before it began", facts)
    text, closings = _closings_told(case, closed[-1].facts[:1])
    return _predicate(rule, case, required, f"none{text}", [*facts, *closings])


def _closings_told(case: Case, facts: Sequence[str]) -> tuple[str, list[str]]:
    """Of each closing among the facts: that the registration was closed, and reopened if that was by the end of the year."""
    text, closings = "", []
    for span in closed_of(case.file):
        if span.facts[0] in facts:
            text += f", registration closed after {span.first - ONE_DAY}"
            closings.append(span.facts[0])
            if span.last is not None and span.last < date(case.year, 12, 31):
                text += f", reopened on {span.last + ONE_DAY}"
                closings.append(span.facts[1])
    return text, closings


def _span_text(post: Post) -> str:
    return f"since {post.start}" if post.end == FAR else f"{post.start} to {post.end}"


def _judge_not_civil_servant(rule: NotCivilServantRule, case: Case) -> Judged:
    fact, registered = case.registration
    found = "civil servant" if registered.civil_servant else "not a civil servant"
    return _predicate(rule, case, "not a civil servant", found, (fact.event_id,))


# Certificates -------------------------------------------------------------------------------------------------------------


def _judge_certificate(rule: CertificateRule, case: Case) -> Judged:
    required = f"{rule.at_least} or above" if rule.at_least else f"held in {case.year}"
    if case.certified:
        spoken = [case.spoken_for[month] for month in case.certified]
        held = {each.fact.event_id: each for each in spoken if each is not None}
        found = ", then ".join([_certificate_text(each, case) for each in held.values()])
        facts = dict.fromkeys([event_id for each in held.values() for event_id in _certificate_facts(each, case)])
        return _predicate(rule, case, required, found, facts)
    nearest = _nearest_certificate(case)
    if nearest is None:
        return _predicate(rule, case, required, "none", ())
    known = grade_rank(case.document, nearest.grade) is not None
    found = _certificate_text(nearest, case) if known else f"{nearest.grade}{UNKNOWN_WORD_SUFFIX}"
    if _holds_elsewhere(nearest, case):
        found += f", issued by {nearest.said.issuer} and not recognised here in {case.year}"
    return _predicate(rule, case, required, found, _certificate_facts(nearest, case))


def _nearest_certificate(case: Case) -> Held | None:
    """Where none counts: the last one that speaks for a month of the year, else the last one issued by its end."""
    for month in reversed(case.engaged_or_all):
        if (held := case.spoken_for[month]) is not None:
            return held
    issued = [held for held in case.file.certificates if held.fact.effective_on.year <= case.year]
    return issued[-1] if issued else None


def _holds_elsewhere(held: Held, case: Case) -> bool:
    """In force in the year, but not where the worker is."""
    if case.document.settings.territory == "ignored" or any(case.spoken_for.values()):
        return False
    days = date(case.year, 1, 1), date(case.year, 12, 31)
    return any(each.fact.event_id == held.fact.event_id for each in in_force(in_force_ever(case.file), *days))


def _certificate_text(held: Held, case: Case) -> str:
    """The certificate as it was issued, and what has happened to it by the end of the year."""
    said = held.said
    text = f"{said.grade} of {held.fact.effective_on}" + (f", valid to {said.expires_on}" if said.expires_on else "")
    if case.file.changes:
        text += told(said, _life_to_year_end(held, case))
    return text if held.recognised is None else f"{text}, recognised here on {held.recognised.effective_on}"


def _certificate_facts(held: Held, case: Case) -> tuple[str, ...]:
    facts = _life_to_year_end(held, case)[-1].facts if case.file.changes else (held.fact.event_id,)
    if case.document.settings.territory == "ignored":
        return facts
    recognitions = [
        fact.event_id
        for fact, said in case.file.recognitions
        if said.number == held.said.number and fact.effective_on.year <= case.year
    ]
    first, last = date(case.year, 1, 1), date(case.year, 12, 31)
    spells = spells_of(case.file, case.registration[1].division) if case.file.transfers else ()
    moves = [event_id for spell in spells if spell.first <= last and spell.last >= first for event_id in spell.facts]
    return (*facts, *recognitions, *moves)


def _life_to_year_end(held: Held, case: Case) -> list[Span]:
    """What comes in a later year is nothing that this year's decision looks at."""
    return [span for span in life_of(case.file, held) if span.first.year <= case.year]


# Inspection, rating, and what is paid besides -------------------------------------------------------------------------------


def _judge_inspection(rule: InspectionRule, case: Case) -> Judged:
    partly = case.document.settings.failed_inspection != "whole_year"
    required = "passed, or months before a failure stops them" if partly else "passed"
    if case.inspection is None:
        return _predicate(rule, case, required, "none", ())
    fact, said = case.inspection
    found = f"{said.outcome} on {fact.effective_on}"
    facts = [fact.event_id]
    if partly and (case.stopped or said.outcome != "passed"):
        found += f": {counted(len(case.stopped), 'month')} stopped"
        earlier = [held.event_id for held, _ in case.file.inspections if held.effective_on.year <= case.year]
        facts = list(dict.fromkeys([*earlier, fact.event_id]))
    return _predicate(rule, case, required, found, facts)


def _judge_rating(rule: RatingRule, case: Case) -> Judged:
    document, settings = case.document, case.document.settings
    required = f"{rule.at_least} or above"
    if settings.basic == "reduced":
        required += f", or {BASIC} for {settings.basic_percent} percent"
    if case.file.rating is None:
        return _predicate(rule, case, required, "none", ())
    fact, said = case.file.rating
    if rating_rank(document, said.rating) is None or rating_rank(document, rule.at_least) is None:
        return _predicate(rule, case, required, f"{said.rating}{UNKNOWN_WORD_SUFFIX}", (fact.event_id,))
    found = said.rating
    if settings.late_rating == "within_years":
        required += f", by {_deadline(case)}"
        found += f" on {fact.effective_on}"
    return _predicate(rule, case, required, found, (fact.event_id,))


def _judge_without_allowance(rule: WithoutAllowanceRule, case: Case) -> Judged:
    required = f"no allowance for {case.year}" if rule.within == "year" else "months that the allowance does not pay"
    beside = case.beside
    if beside is None or not beside.months:
        return _predicate(rule, case, required, "no allowance", beside.facts if beside else ())
    found = f"{beside.amount_fen} fen under {beside.document}: {counted(len(beside.months), 'month')}"
    return _predicate(rule, case, required, found, beside.facts)
