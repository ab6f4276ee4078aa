"""What is asked of the engine: a worker's decision for a year and instrument, and which years and policies concern a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple, assert_never

from contracts.allowance import Decision, FactUsed, PolicyCited, Predicate
from contracts.base import YEAR_FIRST, YEAR_LAST
from contracts.particulars import RatingResult
from contracts.policy import CategoryRule, Instrument, PolicyDocument
from services.allowance.engine.amounts import WorkedOut, owed_by, payer_amounts, told, worked_out
from services.allowance.engine.file import (
    File,
    Home,
    KnownFact,
    PolicyInForce,
    Post,
    fact_order,
    home_at_year_end,
    home_on,
    left_on,
    month_by_month,
    open_file,
    posts_of,
    posts_of_year,
)
from services.allowance.engine.months import Beside, Case, in_force, in_force_ever, look_at
from services.allowance.engine.rules import Judged, holds, judge
from services.allowance.engine.words import categories_paid, covers, grade_rank, rating_rank, significant

__all__ = [
    "Owed",
    "choose_policy",
    "decide_year",
    "division_of",
    "instruments_of",
    "owed_for_year",
    "unknown_words",
    "years_touched",
]

INSTRUMENTS: tuple[Instrument, ...] = ("allowance", "part_time", "work_expense")


class Owed(NamedTuple):
    """A decision in figures alone. policy: the event that published it; unmet: names of the rules that deny; payers: by name,
    over all their purses, in fen."""

    division: str
    policy: str
    unmet: tuple[str, ...]
    amount_fen: int
    payers: Mapping[str, int]


class _Ruling(NamedTuple):
    """A year that has been decided, with what was looked at. unmet: names of the rules that deny; found: the amounts, if none
    does."""

    home: Home
    policy: PolicyInForce
    case: Case
    unmet: tuple[str, ...]
    found: WorkedOut | None


def decide_year(
    facts: Sequence[KnownFact], policies: Sequence[PolicyInForce], year: int, instrument: Instrument = "allowance"
) -> Decision | None:
    """Decide one worker's year. None: nothing is to be decided, since there is no registration, no policy for its division
    and this year, or what the policy waits for (``decided_when``) has not happened; or the policy is none for this worker."""
    ruling = _ruled(facts, open_file(facts, year), policies, year, instrument)
    return None if ruling is None else _decision(ruling, facts, year, instrument)


def owed_for_year(
    facts: Sequence[KnownFact], policies: Sequence[PolicyInForce], year: int, instrument: Instrument = "allowance"
) -> Owed | None:
    """What ``decide_year`` decides, without the words: by the same rules, for everybody of a province."""
    ruling = _ruled(facts, open_file(facts, year), policies, year, instrument)
    if ruling is None:
        return None
    home, policy, _, unmet, found = ruling
    if found is None:
        return Owed(home.division, policy.event_id, unmet, 0, {})
    payers: dict[str, int] = {}
    for purse, fen in owed_by(found).items():
        payers[purse.payer] = payers.get(purse.payer, 0) + fen
    return Owed(home.division, policy.event_id, (), found.amount_fen, payers)


def _ruled(
    facts: Sequence[KnownFact], file: File, policies: Sequence[PolicyInForce], year: int, instrument: Instrument
) -> _Ruling | None:
    governed = _governed(file, policies, year, instrument)
    if governed is None or file.registration is None:
        return None
    home, policy = governed
    if not _is_due(policy, file, year):
        return None
    beside = None
    if "without_allowance" in policy.rules and instrument != "allowance":
        beside = _beside(facts, file, policies, year)
    case = look_at(file, file.registration, home, policy, year, beside)
    unmet = tuple([rule.rule for rule in policy.document.eligibility if not holds(rule, case)])
    return _Ruling(home, policy, case, unmet, None if unmet else worked_out(case, policy.changes))


def _decision(ruling: _Ruling, facts: Sequence[KnownFact], year: int, instrument: Instrument) -> Decision:
    """The ruling with its words."""
    home, policy, case, _, found = ruling
    document = policy.document
    lines, warnings = ((), ()) if found is None else told(case, found)
    predicates = _judged(ruling)
    unmet = [predicate for predicate in predicates if not predicate.met]
    return Decision(
        year=year,
        instrument=instrument,
        division=home.division,
        decision="granted" if found is not None else "denied",
        amount_fen=found.amount_fen if found is not None else 0,
        predicates=tuple([Predicate(**each._asdict()) for each in predicates]),
        lines=lines,
        payers=payer_amounts(case, owed_by(found)) if found is not None else (),
        policy=PolicyCited(
            event=policy.event_id,
            document=document.document,
            title=document.title,
            clause=unmet[0].clause if unmet else lines[0].clause if lines else predicates[-1].clause,
        ),
        facts=_facts_used(case, predicates, facts),
        warnings=(*home.warnings, *warnings) if home.warnings else warnings,
    )


def _judged(ruling: _Ruling) -> Sequence[Judged]:
    """Every rule, also when another one already denies."""
    return [judge(rule, ruling.case) for rule in ruling.policy.document.eligibility]


def _beside(facts: Sequence[KnownFact], file: File, policies: Sequence[PolicyInForce], year: int) -> Beside | None:
    """What the same worker has of the allowance. None: nothing was decided about it."""
    ruling = _ruled(facts, file, policies, year, "allowance")
    if ruling is None:
        return None
    amount = ruling.found.amount_fen if ruling.found is not None else 0
    months = frozenset(ruling.case.counting) if amount > 0 else frozenset[int]()
    used = tuple([fact.fact for fact in _facts_used(ruling.case, _judged(ruling), facts)])
    return Beside(amount, ruling.policy.document.document, months, used)


def _facts_used(case: Case, predicates: Sequence[Judged], facts: Sequence[KnownFact]) -> tuple[FactUsed, ...]:
    """The facts that the predicates looked at, and where the worker is registered, as they stand; in order of date and id."""
    used = {event_id for predicate in predicates for event_id in predicate.facts}
    used.update((case.registration[0].event_id, *case.home.facts))
    looked_at = {fact.event_id: fact for fact in facts if fact.event_id in used}
    return tuple(
        [
            FactUsed(fact=fact.event_id, effective_on=fact.effective_on, particulars=fact.particulars)
            for fact in sorted(looked_at.values(), key=fact_order)
        ]
    )


# Which policy -------------------------------------------------------------------------------------------------------------


def choose_policy(
    policies: Sequence[PolicyInForce], division: str, year: int, instrument: Instrument = "allowance"
) -> PolicyInForce | None:
    """The policy for a division and year: of those in effect on any day of the year, the most specific division first, then
    the latest issued, then the greatest document number, then the highest revision. Arrival never matters."""
    fitting = [policy for policy in policies if _in_effect(policy.document, division, year, instrument)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    foremost = max(_precedence(policy.document) for policy in fitting)
    tied = [policy for policy in fitting if _precedence(policy.document) == foremost]
    # Two different documents under one number and revision are a publisher's slip; their content settles it, not their arrival.
    return tied[0] if len(tied) == 1 else max(tied, key=lambda policy: (policy.document.model_dump_json(), policy.event_id))


def _in_effect(document: PolicyDocument, division: str, year: int, instrument: Instrument) -> bool:
    period = document.effective
    begun = period.first_day.year <= year and document.instrument == instrument
    return begun and (period.last_day is None or period.last_day.year >= year) and covers(document.division, division)


def _precedence(document: PolicyDocument) -> tuple[int, date, str, int]:
    return significant(document.division), document.issued_on, document.document, document.revision


def _governed(
    file: File, policies: Sequence[PolicyInForce], year: int, instrument: Instrument
) -> tuple[Home, PolicyInForce] | None:
    """The division whose amounts and payers hold, and the policy: that of the division at the year's end, unless that one says
    that another division counts (``moved``), which may have a policy of its own."""
    if file.registration is None:
        return None
    registered = file.registration[1].division
    home = home_at_year_end(file, registered, year)
    policy = choose_policy(policies, home.division, year, instrument)
    if policy is None:
        return None
    if file.transfers:
        match policy.document.settings.moved:
            case "year_end":
                pass
            case "by_month":
                home = month_by_month(file, registered, home, policy.document, year)
            case "year_start" | "at_rating":
                home = _home_elsewhere(file, registered, policy.document, year)
                policy = choose_policy(policies, home.division, year, instrument)
            case other:
                assert_never(other)
    return None if policy is None else (home, policy)


def _home_elsewhere(file: File, registered: str, document: PolicyDocument, year: int) -> Home:
    """The division held at the year's start, or on the date of the rating. registered: the division of the registration."""
    in_year = posts_of_year(posts_of(file), year)
    if document.settings.moved == "year_start":
        first = min(in_year, key=lambda post: (post.start, post.facts), default=None)
        if first is None or first.start.year < year:
            return home_on(file, registered, year, date(year, 1, 1), in_year, first.facts if first else ())
        return home_on(file, registered, year, first.start, in_year, first.facts)
    day = left_on(in_year, year) or date(year, 12, 31)
    if file.rating is None:
        return home_on(file, registered, year, day, in_year)
    rated = file.rating[0]
    return home_on(file, registered, year, min(day, max(rated.effective_on, date(year, 1, 1))), in_year, (rated.event_id,))


def division_of(
    facts: Sequence[KnownFact], year: int, policies: Sequence[PolicyInForce] = (), instrument: Instrument = "allowance"
) -> str | None:
    """The division that counts for a worker's year: the one at the year's end, or, given the policies, the one that they say.
    None: there is no registration."""
    file = open_file(facts, year)
    if file.registration is None:
        return None
    registered = file.registration[1].division
    home = home_at_year_end(file, registered, year)
    policy = choose_policy(policies, home.division, year, instrument) if file.transfers else None
    if policy is None or policy.document.settings.moved in ("year_end", "by_month"):
        return home.division
    return _home_elsewhere(file, registered, policy.document, year).division


def instruments_of(policies: Iterable[PolicyInForce]) -> tuple[Instrument, ...]:
    """The instruments that the policies give."""
    given = {policy.document.instrument for policy in policies}
    return tuple([instrument for instrument in INSTRUMENTS if instrument in given])


# Which years --------------------------------------------------------------------------------------------------------------


def years_touched(facts: Sequence[KnownFact], policies: Sequence[PolicyInForce] = ()) -> tuple[int, ...]:
    """The years for which a decision may be due, ascending: those with a standing rating and, for policies that are decided
    upon engagement, the years of such a policy's period with an engagement. ``decide_year`` says which really are."""
    years = {fact.particulars.year for fact in facts if isinstance(fact.particulars, RatingResult)}
    upon_engagement = [policy.document for policy in policies if policy.document.settings.decided_when == "engaged"]
    if upon_engagement:
        posts = posts_of(open_file(facts, YEAR_FIRST))
        for document in upon_engagement:
            years.update(_years_engaged(posts, document))
    return tuple(sorted(years))


def _years_engaged(posts: Sequence[Post], document: PolicyDocument) -> Iterable[int]:
    """Bounded by the policy's period: the checker asks such a policy for a last day, since an engagement may have none."""
    first = document.effective.first_day.year
    last = (document.effective.last_day or document.effective.first_day).year
    for post in posts:
        yield from range(max(first, post.start.year, YEAR_FIRST), min(last, post.end.year, YEAR_LAST) + 1)


def _is_due(policy: PolicyInForce, file: File, year: int) -> bool:
    """What the policy waits for has happened; and, if it is not for the allowance, it is about somebody like this worker."""
    document = policy.document
    match document.settings.decided_when:
        case "rated":
            due = file.rating is not None
        case "engaged":
            due = any(post.start.year <= year <= post.end.year for post in posts_of(file))
        case other:
            assert_never(other)
    return due and (document.instrument == "allowance" or _concerns(policy, file, year))


def _concerns(policy: PolicyInForce, file: File, year: int) -> bool:
    """Whether the worker holds a post of the policy's categories in the year."""
    category = policy.rules.get("category")
    among = categories_paid(policy.document, category) if isinstance(category, CategoryRule) else None
    return any(among is None or post.category in among for post in posts_of_year(posts_of(file), year))


# Words --------------------------------------------------------------------------------------------------------------------


def unknown_words(facts: Sequence[KnownFact], policy: PolicyInForce, year: int) -> tuple[str, ...]:
    """Words of this worker's facts that the policy should know and doesn't, as ``rating:<word>`` and ``grade:<word>``.

    Only words that matter: the year's rating under a rating rule, and the grades held in the year under a certificate rule.
    """
    file, document = open_file(facts, year), policy.document
    rules, words = policy.rules, set()
    if "rating" in rules and file.rating is not None and rating_rank(document, file.rating[1].rating) is None:
        words.add(f"rating:{file.rating[1].rating}")
    if "certificate" in rules:
        held = in_force(in_force_ever(file), date(year, 1, 1), date(year, 12, 31))
        words.update(f"grade:{each.grade}" for each in held if grade_rank(document, each.grade) is None)
    return tuple(sorted(words))
