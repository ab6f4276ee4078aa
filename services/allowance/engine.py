"""The allowance engine: what is owed to one worker for one year, and why. Pure: no I/O, clock, chance or log.

``decide_year`` is a function of the *set* of facts and policies: their order, and the order in which they became known, never
matter. Money is integer fen. What each setting of a policy means is told in ``services.allowance.settings_text``, under the
same names.

How a year is looked at (``_Case``):

1. *Posts* are engagements with a first and a last day, without the days on which the registration was closed: a closing ends
   them as leaving does, a reopening begins them again. If the policy limits categories or full time, only the posts that fit
   are considered; if none fits, the one that comes closest, so that the refusal can say what it lacks.
2. A month is *engaged* if a considered post has it (``month_counts_when``), *certified* if a certificate that counts speaks for
   it (``promotion`` says which one does), *stopped* if a failed inspection takes it away (``failed_inspection``). A certificate
   is in force on the days on which it is valid, with the grade that it then has (``contracts.certificate_life``): suspended,
   revoked, superseded or expired it speaks for nothing.
3. A month *counts* if it is engaged, certified and not stopped. Each rule about months is judged on what the rules before it
   leave over, so that "every predicate is met" implies "at least one month counts".

A worker belongs to one division for the whole year: the one held on 31 December, or on the last engaged day if that is earlier.
It says which policy governs, which amounts hold and who pays, as ``moved: year_end`` has it; other values are not read yet. A
transfer within the year adds a warning. A recognition has no effect: no rule asks where a certificate holds.

What no rule of the policy looks at is unknown to it, also as a dimension of amounts: a table by grade needs the certificate
rule, one by rating the rating rule (the checker refuses others). So the facts that a decision lists are all that it used.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple, assert_never

from contracts.allowance import Decision, FactUsed, Line, PayerAmount, PolicyCited, Predicate
from contracts.base import YEAR_FIRST, YEAR_LAST, Category
from contracts.certificate_life import Issue, Span, spans_of, superseding, told
from contracts.particulars import (
    Certificate,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.policy import (
    AllowanceLine,
    CategoryRule,
    CertificateRule,
    EngagedRule,
    FullTimeRule,
    InspectionRule,
    NotCivilServantRule,
    PaidBy,
    PolicyDocument,
    RatingRule,
    Rounding,
    Rule,
    Settings,
)
from contracts.registration_life import Closed, closed_spans, division_on

__all__ = [
    "UNKNOWN_WORD_SUFFIX",
    "KnownFact",
    "PolicyInForce",
    "categories_paid",
    "choose_policy",
    "covers",
    "decide_year",
    "division_of",
    "grade_rank",
    "rating_rank",
    "rounded",
    "unknown_words",
    "years_touched",
]

UNKNOWN_WORD_SUFFIX = " (not in the vocabulary)"
"""Ends what a predicate ``found`` when the fact's word is unknown to the policy; ``unknown_words`` gives the words."""

BASIC = "basic"
"""The rating word that the setting ``basic`` is about (基本称职)."""

MONTHS = tuple(range(1, 13))
FAR = date.max
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A registry fact that stands for this worker. source: who reported it; an engagement's key is that source's own."""

    event_id: str
    effective_on: date
    particulars: Particulars
    source: str = ""


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A published policy. event_id: the event that published it."""

    event_id: str
    document: PolicyDocument


# What is asked ----------------------------------------------------------------------------------------------------------


def decide_year(facts: Sequence[KnownFact], policies: Sequence[PolicyInForce], year: int) -> Decision | None:
    """Decide one worker's year. None: nothing is to be decided, since there is no registration, no policy for its division
    and this year, or what the policy waits for (``decided_when``) has not happened."""
    file = _open_file(facts, year)
    if file.registration is None:
        return None
    home = _home(file, file.registration, year)
    policy = choose_policy(policies, home.division, year)
    if policy is None or not _is_due(policy.document, file, year):
        return None
    document = policy.document
    case = _look_at(file, file.registration, home, document, year)
    predicates = tuple([_judge(rule, case) for rule in document.eligibility])
    unmet = [predicate for predicate in predicates if not predicate.met]
    lines, warnings = ((), ()) if unmet else _lines(case)
    return Decision(
        year=year,
        division=home.division,
        decision="denied" if unmet else "granted",
        amount_fen=sum([line.amount_fen for line in lines]),
        predicates=predicates,
        lines=lines,
        payers=_totals(document, lines),
        policy=PolicyCited(
            event=policy.event_id,
            document=document.document,
            title=document.title,
            clause=unmet[0].clause if unmet else lines[0].clause if lines else predicates[-1].clause,
        ),
        facts=_facts_used(case, predicates, facts),
        warnings=(*home.warnings, *warnings) if home.warnings else warnings,
    )


def choose_policy(policies: Sequence[PolicyInForce], division: str, year: int) -> PolicyInForce | None:
    """The policy for a division and year: of those in effect on any day of the year, the most specific division first, then
    the latest issued, then the greatest document number, then the highest revision. Arrival never matters."""
    fitting = [policy for policy in policies if _in_effect(policy.document, division, year)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    foremost = max(_precedence(policy.document) for policy in fitting)
    tied = [policy for policy in fitting if _precedence(policy.document) == foremost]
    # Two different documents under one number and revision are a publisher's slip; their content settles it, not their arrival.
    return tied[0] if len(tied) == 1 else max(tied, key=lambda policy: (policy.document.model_dump_json(), policy.event_id))


def division_of(facts: Sequence[KnownFact], year: int) -> str | None:
    """The division to which a worker belongs in a year. None: there is no registration."""
    file = _open_file(facts, year)
    return None if file.registration is None else _home(file, file.registration, year).division


def years_touched(facts: Sequence[KnownFact], policies: Sequence[PolicyInForce] = ()) -> tuple[int, ...]:
    """The years for which a decision may be due, ascending: those with a standing rating and, for policies that are decided
    upon engagement, the years of such a policy's period with an engagement. ``decide_year`` says which really are."""
    years = {fact.particulars.year for fact in facts if isinstance(fact.particulars, RatingResult)}
    upon_engagement = [policy.document for policy in policies if policy.document.settings.decided_when == "engaged"]
    if upon_engagement:
        posts = _posts(_open_file(facts, YEAR_FIRST))
        for document in upon_engagement:
            years.update(_years_engaged(posts, document))
    return tuple(sorted(years))


def unknown_words(facts: Sequence[KnownFact], policy: PolicyInForce, year: int) -> tuple[str, ...]:
    """Words of this worker's facts that the policy should know and doesn't, as ``rating:<word>`` and ``grade:<word>``.

    Only words that matter: the year's rating under a rating rule, and the grades held in the year under a certificate rule.
    """
    file, document = _open_file(facts, year), policy.document
    rules = {rule.rule for rule in document.eligibility}
    words = set()
    if "rating" in rules and file.rating is not None and rating_rank(document, file.rating[1].rating) is None:
        words.add(f"rating:{file.rating[1].rating}")
    if "certificate" in rules:
        held = _in_force(_in_force_ever(file), date(year, 1, 1), date(year, 12, 31))
        words.update(f"grade:{each.grade}" for each in held if grade_rank(document, each.grade) is None)
    return tuple(sorted(words))


def rating_rank(document: PolicyDocument, word: str) -> int | None:
    """The place of a rating from the lowest (0) upwards; None: not in the vocabulary."""
    ratings = document.vocabulary.ratings
    for place, rating in enumerate(ratings):
        if rating.word == word:
            return len(ratings) - 1 - place
    return None


def grade_rank(document: PolicyDocument, word: str) -> int | None:
    """The place of a grade from the lowest (0) upwards; None: not in the vocabulary."""
    for place, grade in enumerate(document.vocabulary.grades):
        if grade.word == word:
            return place
    return None


def categories_paid(document: PolicyDocument, rule: CategoryRule) -> tuple[Category, ...]:
    """The rule's categories; the setting ``deputy_secretary`` has the last word on deputies."""
    others = tuple([category for category in rule.among if category != "deputy_secretary"])
    return (*others, "deputy_secretary") if document.settings.deputy_secretary == "paid" else others


def covers(division: str, other: str) -> bool:
    """Whether a GB/T 2260 division is the other one or contains it: 320000 and 320100 contain 320102."""
    significant = _significant(division)
    return division[:significant] == other[:significant]


def _significant(division: str) -> int:
    return 2 if division.endswith("0000") else 4 if division.endswith("00") else 6


def _in_effect(document: PolicyDocument, division: str, year: int) -> bool:
    period = document.effective
    begun = period.first_day.year <= year
    return begun and (period.last_day is None or period.last_day.year >= year) and covers(document.division, division)


def _precedence(document: PolicyDocument) -> tuple[int, date, str, int]:
    return _significant(document.division), document.issued_on, document.document, document.revision


def _is_due(document: PolicyDocument, file: _File, year: int) -> bool:
    match document.settings.decided_when:
        case "rated":
            return file.rating is not None
        case "engaged":
            return any(post.start.year <= year <= post.end.year for post in _posts(file))
        case other:
            assert_never(other)


def _years_engaged(posts: Sequence[_Post], document: PolicyDocument) -> Iterable[int]:
    """Bounded by the policy's period: the checker asks such a policy for a last day, since an engagement may have none."""
    first = document.effective.first_day.year
    last = (document.effective.last_day or document.effective.first_day).year
    for post in posts:
        yield from range(max(first, post.start.year, YEAR_FIRST), min(last, post.end.year, YEAR_LAST) + 1)


# The facts, sorted out --------------------------------------------------------------------------------------------------


class _Held(NamedTuple):
    """A certificate in force with one grade, from first to last. fact, said: its issue."""

    fact: KnownFact
    said: Certificate
    grade: str
    first: date
    last: date


class _File(NamedTuple):
    """One worker's facts by kind, each list in order of date and then id; rating: that of the year in question.

    certificates: as issued, whatever has become of them (``_in_force_ever``). changes, statuses, transfers: nearly always none.
    """

    registration: tuple[KnownFact, Registration] | None
    starts: list[tuple[KnownFact, EngagementStart]]
    ends: list[tuple[KnownFact, EngagementEnd]]
    certificates: list[_Held]
    inspections: list[tuple[KnownFact, InspectionResult]]
    rating: tuple[KnownFact, RatingResult] | None
    changes: list[Issue]
    statuses: list[tuple[KnownFact, RegistrationStatus]]
    transfers: list[tuple[KnownFact, Transfer]]


def _fact_order(fact: KnownFact) -> tuple[date, str]:
    return fact.effective_on, fact.event_id


def _open_file(facts: Sequence[KnownFact], year: int) -> _File:
    """Sort the facts out. Should two stand where only one can (the registry sees to it that they don't), the later counts."""
    registration: tuple[KnownFact, Registration] | None = None
    rating: tuple[KnownFact, RatingResult] | None = None
    starts: list[tuple[KnownFact, EngagementStart]] = []
    ends: list[tuple[KnownFact, EngagementEnd]] = []
    certificates: list[_Held] = []
    inspections: list[tuple[KnownFact, InspectionResult]] = []
    changes: list[Issue] = []
    statuses: list[tuple[KnownFact, RegistrationStatus]] = []
    transfers: list[tuple[KnownFact, Transfer]] = []
    previous = None
    for fact in sorted(facts, key=_fact_order):
        if fact.event_id == previous:
            continue  # the same fact given twice
        previous, said = fact.event_id, fact.particulars
        if said.kind == "registration":
            registration = (fact, said)
        elif said.kind == "engagement-start":
            starts.append((fact, said))
        elif said.kind == "engagement-end":
            ends.append((fact, said))
        elif said.kind == "certificate":
            last = said.expires_on or FAR
            if last < fact.effective_on:
                last = date.min  # Expired before its issue: never in force.
            certificates.append(_Held(fact, said, said.grade, fact.effective_on, last))
        elif said.kind == "rating":
            if said.year == year:
                rating = (fact, said)
        elif said.kind == "inspection":
            inspections.append((fact, said))
        elif said.kind == "certificate-change":
            changes.append(Issue(fact.event_id, fact.effective_on, said))
        elif said.kind == "registration-status":
            statuses.append((fact, said))
        elif said.kind == "transfer":
            transfers.append((fact, said))
        elif said.kind == "recognition":
            continue  # No rule asks where a certificate holds.
        else:
            assert_never(said)
    if len(certificates) > 1:
        changes += superseding([Issue(held.fact.event_id, held.fact.effective_on, held.said) for held in certificates])
    return _File(registration, starts, ends, certificates, inspections, rating, changes, statuses, transfers)


class _Post(NamedTuple):
    """An engagement, or what a closed registration leaves of it. end: its last day.

    begun: the ids of its start, and of the closings and reopenings before it; ended: of what ended it.
    first_month, last_month: the months of the year in question that it has; none if the first is the greater.
    """

    start: date
    end: date
    category: Category
    full_time: bool
    begun: tuple[str, ...]
    ended: tuple[str, ...] = ()
    first_month: int = 1
    last_month: int = 12

    @property
    def facts(self) -> tuple[str, ...]:
        return self.begun + self.ended


def _posts(file: _File) -> list[_Post]:
    """The engagements, in order of their start; one that ends before it starts is empty and left out."""
    posts = []
    for fact, said in file.starts:
        end: date = FAR
        ended: tuple[str, ...] = ()
        for ending, named in file.ends:
            same = named.engagement == said.engagement and ending.source == fact.source
            if same and ending.effective_on < end:
                end, ended = ending.effective_on, (ending.event_id,)
        if fact.effective_on <= end:
            posts.append(_Post(fact.effective_on, end, said.category, said.full_time, (fact.event_id,), ended))
    return _while_registered(posts, _closed(file)) if file.statuses else posts


def _closed(file: _File) -> tuple[Closed, ...]:
    return closed_spans([(fact.event_id, fact.effective_on, said) for fact, said in file.statuses])


def _while_registered(posts: list[_Post], closed: Sequence[Closed]) -> list[_Post]:
    """The posts without the days on which the registration was closed, in order of their start."""
    for span in closed:
        left: list[_Post] = []
        for post in posts:
            if post.end < span.first or (span.last is not None and span.last < post.start):
                left.append(post)
                continue
            if post.start < span.first:
                last = span.first - ONE_DAY
                # What ended it before a reopening is looked at too: otherwise it would begin again then.
                gone = post.end.year == last.year and (span.last is None or post.end <= span.last)
                left.append(post._replace(end=last, ended=(*span.facts[:1], *post.ended) if gone else span.facts[:1]))
            if span.last is not None and span.last < post.end:
                left.append(post._replace(start=span.last + ONE_DAY, begun=(*post.begun, *span.facts)))
        posts = left
    return sorted(posts, key=lambda post: post.start)


def _posts_of_year(posts: Sequence[_Post], year: int) -> list[_Post]:
    """Those with a day in the year. An end in a later year is nothing that this year's decision looks at."""
    return [
        post if not post.ended or post.end.year == year else post._replace(end=FAR, ended=())
        for post in posts
        if post.start.year <= year <= post.end.year
    ]


class _Home(NamedTuple):
    """The division to which a worker belongs in the year. facts: ids, besides the registration's, that say so."""

    division: str
    facts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _home(file: _File, registration: tuple[KnownFact, Registration], year: int) -> _Home:
    """The division held on 31 December, or on the last day of the year's last post if that is earlier."""
    fact, said = registration
    if not file.transfers:
        return _Home(said.division)
    in_year = _posts_of_year(_posts(file), year)
    day = _left_on(in_year, year) or date(year, 12, 31)
    moves = [(moved.event_id, moved.effective_on, to) for moved, to in file.transfers]
    found = division_on([(fact.event_id, fact.effective_on, said), *moves], day)
    assert found is not None
    division, (_, *facts) = found
    within = [f"{to.division} on {on}" for _, on, to in moves if date(year, 1, 1) < on <= day]
    if not within:
        return _Home(division, tuple(facts))
    warning = f"moved to {', then to '.join(within)}: the division held on {day} counts for the whole year"
    return _Home(division, (*facts, *_longest(in_year)), (warning,))


# The year, looked at month by month -----------------------------------------------------------------------------------------


class _Case(NamedTuple):
    """One worker's year under one policy: what the rules and the lines look at. See the head of this module.

    posts: all, of any year; considered: those of the year that the rules are judged on; both in order of start. left_on: the
    last day of the year's last post, if that lies before 31 December. engaged, certified, stopped: months; certified ones
    are engaged ones, if there are any. spoken_for: by month, the certificate that speaks for it, whether or not it counts.
    """

    file: _File
    registration: tuple[KnownFact, Registration]
    home: _Home
    document: PolicyDocument
    year: int
    rules: Mapping[str, Rule]
    posts: Sequence[_Post]
    considered: Sequence[_Post]
    left_on: date | None
    engaged: Sequence[int]
    spoken_for: Mapping[int, _Held | None]
    certified: Sequence[int]
    inspection: tuple[KnownFact, InspectionResult] | None
    stopped: frozenset[int]

    @property
    def engaged_or_all(self) -> Sequence[int]:
        return self.engaged or MONTHS

    @property
    def certified_or_all(self) -> Sequence[int]:
        return self.certified or self.engaged_or_all

    @property
    def unstopped(self) -> Sequence[int]:
        """If every predicate is met, these are the months that count."""
        return [month for month in self.certified_or_all if month not in self.stopped]


def _look_at(
    file: _File, registration: tuple[KnownFact, Registration], home: _Home, document: PolicyDocument, year: int
) -> _Case:
    settings = document.settings
    rules: dict[str, Rule] = {rule.rule: rule for rule in document.eligibility}
    posts = _posts(file)
    in_year = _posts_of_year(posts, year)
    left_on = _left_on(in_year, year)
    if left_on is not None and settings.leaving == "whole_year":
        in_year = [post._replace(end=FAR) if post.end == left_on else post for post in in_year]
    considered = _considered(in_year, document, rules)
    engaged: Sequence[int] = MONTHS
    if "engaged" in rules:
        considered = [_with_months(post, considered, settings, year) for post in considered]
        engaged = _months_of(considered)
    spoken_for: dict[int, _Held | None] = {}
    certified = engaged or MONTHS
    rule = rules.get("certificate")
    if isinstance(rule, CertificateRule):
        spoken_for = _certificates_by_month(file, document, considered, year)
        certified = _certified(document, rule, certified, spoken_for)
    inspection = next((held for held in reversed(file.inspections) if held[1].year == year), None)
    stopped = _stopped(file.inspections, settings, year) if "inspection" in rules else frozenset[int]()
    return _Case(
        file=file,
        registration=registration,
        home=home,
        document=document,
        year=year,
        rules=rules,
        posts=posts,
        considered=considered,
        left_on=left_on,
        engaged=engaged,
        spoken_for=spoken_for,
        certified=certified,
        inspection=inspection,
        stopped=stopped,
    )


def _left_on(in_year: Sequence[_Post], year: int) -> date | None:
    if not in_year:
        return None
    last = max([post.end for post in in_year])
    return last if last < date(year, 12, 31) else None


def _longest(in_year: Sequence[_Post]) -> tuple[str, ...]:
    """The facts of the post that lasts longest: without it, the last engaged day would be another one."""
    longest = max(in_year, key=lambda post: (post.end, post.facts), default=None)
    return longest.facts if longest else ()


def _with_months(post: _Post, others: Sequence[_Post], settings: Settings, year: int) -> _Post:
    """The post with the months of the year that it has; a month in which posts change without a gap is a whole month."""
    counts = settings.month_counts_when
    first, last = 1, 12
    if post.start.year == year:
        first = post.start.month + (counts != "any_day" and post.start.day > 1)
    if post.end.year == year:
        last = post.end.month
        if counts == "whole_month":
            unbroken_to = _unbroken_to(post, others)
            if unbroken_to.year == year:
                days = monthrange(year, unbroken_to.month)[1]
                last = min(last, unbroken_to.month - (unbroken_to.day < days))
    return post if first == 1 and last == 12 else post._replace(first_month=first, last_month=last)


def _unbroken_to(post: _Post, others: Sequence[_Post]) -> date:
    """The last day of the unbroken run of posts that this one is part of."""
    end = post.end
    for other in others:  # in order of start: each one that touches the run so far may prolong it
        if other.end > end and other.start <= end + ONE_DAY:
            end = other.end
    return end


def _months_of(posts: Sequence[_Post]) -> Sequence[int]:
    if len(posts) == 1:
        return MONTHS[posts[0].first_month - 1 : posts[0].last_month]
    return [month for month in MONTHS if any(p.first_month <= month <= p.last_month for p in posts)]


def _considered(in_year: Sequence[_Post], document: PolicyDocument, rules: Mapping[str, Rule]) -> Sequence[_Post]:
    """The posts that fit the rules on category and full time; else the closest one. None if no rule asks for posts."""
    category = rules.get("category")
    among = categories_paid(document, category) if isinstance(category, CategoryRule) else None
    full_time = "full_time" in rules
    if among is None and not full_time and "engaged" not in rules:
        return ()

    def fits(post: _Post) -> int:
        return (among is None or post.category in among) + (post.full_time or not full_time)

    fitting = [post for post in in_year if fits(post) == 2]
    if fitting or not in_year:
        return fitting
    return (max(in_year, key=lambda post: (fits(post), post.start, post.facts)),)


def _in_force_ever(file: _File) -> Sequence[_Held]:
    """The certificates with the days on which each is valid, in order of issue; once for each grade or turn that it has had."""
    if not file.changes:
        return file.certificates
    return [
        issued._replace(grade=span.grade, first=span.first, last=span.last or FAR)
        for issued in file.certificates
        for span in _life(file, issued)
        if span.state == "valid"
    ]


def _life(file: _File, issued: _Held) -> tuple[Span, ...]:
    return spans_of(Issue(issued.fact.event_id, issued.fact.effective_on, issued.said), file.changes)


def _in_force(held: Iterable[_Held], first: date, last: date) -> list[_Held]:
    """The certificates in force on at least one of the days."""
    return [each for each in held if each.first <= last and each.last >= first]


def _highest(document: PolicyDocument, held: Sequence[_Held]) -> _Held | None:
    """The highest grade, and of equal ones the latest issued; a grade unknown to the policy stands below all others."""
    best, best_rank = None, -2
    for candidate in held:  # in order of issue
        rank = grade_rank(document, candidate.grade)
        rank = -1 if rank is None else rank
        if rank >= best_rank:
            best, best_rank = candidate, rank
    return best


def _certificates_by_month(file: _File, document: PolicyDocument, posts: Sequence[_Post], year: int) -> dict[int, _Held | None]:
    """For each month the certificate that speaks for it, as ``promotion`` says: its own, or the same one for all.

    One that speaks for all still does not speak for the months that a suspension or the revocation has taken from it.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    in_year = _in_force(_in_force_ever(file), first, last)
    match document.settings.promotion:
        case "by_month":
            if all(each.first <= first and each.last >= last for each in in_year):
                return dict.fromkeys(MONTHS, _highest(document, in_year))
            return {month: _certificate_of_month(document, in_year, year, month) for month in MONTHS}
        case "grade_at_year_end":
            day = _last_day(posts, last)
        case "grade_at_rating":
            day = _last_day(posts, last)
            if file.rating is not None:
                day = min(day, max(file.rating[0].effective_on, first))
        case other:
            assert_never(other)
    speaks = _highest(document, _in_force(in_year, day, day))
    if speaks is None or not file.changes:
        return dict.fromkeys(MONTHS, speaks)
    taken = _taken_away(file, speaks, document, year)
    return {month: None if month in taken else speaks for month in MONTHS}


def _taken_away(file: _File, held: _Held, document: PolicyDocument, year: int) -> list[int]:
    """The months that a certificate does not have, and would have if it had been neither suspended nor revoked."""
    spells = [
        (span.state, held._replace(grade=span.grade, first=span.first, last=span.last or FAR))
        for span in _life(file, held)
        if span.state in ("valid", "suspended", "revoked")
    ]
    all_of_it, valid = [spell for _, spell in spells], [spell for state, spell in spells if state == "valid"]
    return [
        month
        for month in MONTHS
        if _certificate_of_month(document, all_of_it, year, month) and not _certificate_of_month(document, valid, year, month)
    ]


def _last_day(posts: Sequence[_Post], last: date) -> date:
    """The last engaged day of the year: what happens to a certificate after that is without effect."""
    return min(last, max([post.end for post in posts])) if posts else last


def _certificate_of_month(document: PolicyDocument, held: Sequence[_Held], year: int, month: int) -> _Held | None:
    first, last = date(year, month, 1), date(year, month, monthrange(year, month)[1])
    match document.settings.month_counts_when:
        case "any_day":
            return _highest(document, _in_force(held, first, last))
        case "first_day":
            return _highest(document, _in_force(held, first, first))
        case "whole_month":
            return _highest(document, _in_force(held, first, first)) if _unbroken(held, first, last) else None
        case other:
            assert_never(other)


def _unbroken(held: Sequence[_Held], first: date, last: date) -> bool:
    """Whether on each of the days one of the certificates is in force."""
    reached = first
    for each in sorted(held, key=lambda each: each.first):
        if each.first <= reached <= each.last:
            if each.last >= last:
                return True
            reached = each.last + ONE_DAY
    return False


def _certified(
    document: PolicyDocument, rule: CertificateRule, months: Sequence[int], spoken_for: Mapping[int, _Held | None]
) -> list[int]:
    """The months whose certificate has a grade that counts; one that the vocabulary doesn't know never does."""
    lowest = 0 if rule.at_least is None else grade_rank(document, rule.at_least)
    certified: list[int] = []
    before, counts = None, False
    for month in months:
        held = spoken_for[month]
        if held is not None and held is not before:
            rank = grade_rank(document, held.grade)
            before, counts = held, rank is not None and lowest is not None and rank >= lowest
        if held is not None and counts:
            certified.append(month)
    return certified


def _stopped(inspections: Sequence[tuple[KnownFact, InspectionResult]], settings: Settings, year: int) -> frozenset[int]:
    """The months that a failed or missed inspection stops: from its month, or the next, until a later one is passed."""
    if settings.failed_inspection == "whole_year":
        return frozenset()
    delay = 1 if settings.failed_inspection == "from_next_month" else 0
    stopped = set()
    in_order = sorted(inspections, key=lambda held: (held[0].effective_on, held[1].year, held[0].event_id))
    for month in MONTHS:
        ruling = "passed"
        for fact, said in in_order:
            if fact.effective_on.year * 12 + fact.effective_on.month + delay <= year * 12 + month:
                ruling = said.outcome
        if ruling != "passed":
            stopped.add(month)
    return frozenset(stopped)


# The rules: what was required, what was found -----------------------------------------------------------------------------


def _judge(rule: Rule, case: _Case) -> Predicate:
    """Judge one rule. Every rule is judged, also when another one already denies."""
    match rule:
        case CategoryRule():
            return _judge_category(rule, case)
        case EngagedRule():
            return _judge_engaged(rule, case)
        case FullTimeRule():
            return _judge_full_time(rule, case)
        case NotCivilServantRule():
            return _judge_not_civil_servant(rule, case)
        case CertificateRule():
            return _judge_certificate(rule, case)
        case InspectionRule():
            return _judge_inspection(rule, case)
        case RatingRule():
            return _judge_rating(rule, case)
        case other:
            assert_never(other)


def _predicate(rule: Rule, required: str, found: str, met: bool, facts: Iterable[str]) -> Predicate:
    return Predicate(name=rule.rule, required=required, found=found, met=met, facts=tuple(facts), clause=rule.clause)


def _judge_category(rule: CategoryRule, case: _Case) -> Predicate:
    among = categories_paid(case.document, rule)
    found = dict.fromkeys([post.category for post in case.considered])
    met = bool(found) and all(category in among for category in found)
    return _predicate(rule, " or ".join(among), " and ".join(found) or "no post", met, _starts_of(case))


def _judge_full_time(rule: FullTimeRule, case: _Case) -> Predicate:
    met = bool(case.considered) and all(post.full_time for post in case.considered)
    found = "full time" if met else "part time" if case.considered else "no post"
    return _predicate(rule, "full time", found, met, _starts_of(case))


def _starts_of(case: _Case) -> Iterable[str]:
    """The parts of one engagement share its start."""
    return dict.fromkeys([post.begun[0] for post in case.considered])


def _judge_engaged(rule: EngagedRule, case: _Case) -> Predicate:
    left = case.left_on
    to_the_end = case.document.settings.leaving == "nothing"
    required = f"engaged to the end of {case.year}" if to_the_end else f"engaged in {case.year}"
    met = bool(case.engaged) and not (to_the_end and left is not None)
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
        facts = list(dict.fromkeys([*facts, *_longest(_posts_of_year(case.posts, case.year))]))
    found += f": {_counted(len(case.engaged), 'month')}"
    return _predicate(rule, required, found, met, facts)


def _judge_without_posts(rule: EngagedRule, required: str, case: _Case) -> Predicate:
    """No day of any post is left: there is none, it ended before it began, or the registration was closed all the time."""
    facts = [fact.event_id for fact, _ in case.file.starts if fact.effective_on.year <= case.year]
    if not facts:
        return _predicate(rule, required, "none", False, ())
    closed = [span for span in _closed(case.file) if span.first.year <= case.year]
    if not closed:
        return _predicate(rule, required, "ended before it began", False, facts)
    text, closings = _closings_told(case, closed[-1].facts[:1])
    return _predicate(rule, required, f"none{text}", False, [*facts, *closings])


def _closings_told(case: _Case, facts: Sequence[str]) -> tuple[str, list[str]]:
    """Of each closing among the facts: that the registration was closed, and reopened if that was by the end of the year."""
    text, closings = "", []
    for span in _closed(case.file):
        if span.facts[0] in facts:
            text += f", registration closed after {span.first - ONE_DAY}"
            closings.append(span.facts[0])
            if span.last is not None and span.last < date(case.year, 12, 31):
                text += f", reopened on {span.last + ONE_DAY}"
                closings.append(span.facts[1])
    return text, closings


def _span_text(post: _Post) -> str:
    return f"since {post.start}" if post.end == FAR else f"{post.start} to {post.end}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _judge_not_civil_servant(rule: NotCivilServantRule, case: _Case) -> Predicate:
    fact, registered = case.registration
    found = "civil servant" if registered.civil_servant else "not a civil servant"
    return _predicate(rule, "not a civil servant", found, not registered.civil_servant, (fact.event_id,))


def _judge_certificate(rule: CertificateRule, case: _Case) -> Predicate:
    required = f"{rule.at_least} or above" if rule.at_least else f"held in {case.year}"
    if case.certified:
        spoken = [case.spoken_for[month] for month in case.certified]
        held = {each.fact.event_id: each for each in spoken if each is not None}
        found = ", then ".join([_certificate_text(each, case) for each in held.values()])
        facts = [event_id for each in held.values() for event_id in _certificate_facts(each, case)]
        return _predicate(rule, required, found, True, facts)
    nearest = _nearest_certificate(case)
    if nearest is None:
        return _predicate(rule, required, "none", False, ())
    known = grade_rank(case.document, nearest.grade) is not None
    found = _certificate_text(nearest, case) if known else f"{nearest.grade}{UNKNOWN_WORD_SUFFIX}"
    return _predicate(rule, required, found, False, _certificate_facts(nearest, case))


def _nearest_certificate(case: _Case) -> _Held | None:
    """Where none counts: the last one that speaks for a month of the year, else the last one issued by its end."""
    for month in reversed(case.engaged_or_all):
        if (held := case.spoken_for[month]) is not None:
            return held
    issued = [held for held in case.file.certificates if held.fact.effective_on.year <= case.year]
    return issued[-1] if issued else None


def _certificate_text(held: _Held, case: _Case) -> str:
    """The certificate as it was issued, and what has happened to it by the end of the year."""
    said = held.said
    text = f"{said.grade} of {held.fact.effective_on}" + (f", valid to {said.expires_on}" if said.expires_on else "")
    return text + told(said, _life_to_year_end(held, case)) if case.file.changes else text


def _certificate_facts(held: _Held, case: _Case) -> tuple[str, ...]:
    return _life_to_year_end(held, case)[-1].facts if case.file.changes else (held.fact.event_id,)


def _life_to_year_end(held: _Held, case: _Case) -> list[Span]:
    """What comes in a later year is nothing that this year's decision looks at."""
    return [span for span in _life(case.file, held) if span.first.year <= case.year]


def _judge_inspection(rule: InspectionRule, case: _Case) -> Predicate:
    partly = case.document.settings.failed_inspection != "whole_year"
    required = "passed, or months before a failure stops them" if partly else "passed"
    if case.inspection is None:
        return _predicate(rule, required, "none", False, ())
    fact, said = case.inspection
    met = bool(case.unstopped) if partly else said.outcome == "passed"
    found = f"{said.outcome} on {fact.effective_on}"
    facts = [fact.event_id]
    if partly and (case.stopped or said.outcome != "passed"):
        found += f": {_counted(len(case.stopped), 'month')} stopped"
        earlier = [held.event_id for held, _ in case.file.inspections if held.effective_on.year <= case.year]
        facts = list(dict.fromkeys([*earlier, fact.event_id]))
    return _predicate(rule, required, found, met, facts)


def _judge_rating(rule: RatingRule, case: _Case) -> Predicate:
    document, settings = case.document, case.document.settings
    required = f"{rule.at_least} or above"
    if settings.basic == "reduced":
        required += f", or {BASIC} for {settings.basic_percent} percent"
    if case.file.rating is None:
        return _predicate(rule, required, "none", False, ())
    fact, said = case.file.rating
    rank, lowest = rating_rank(document, said.rating), rating_rank(document, rule.at_least)
    if rank is None or lowest is None:
        return _predicate(rule, required, f"{said.rating}{UNKNOWN_WORD_SUFFIX}", False, (fact.event_id,))
    met, found = rank >= lowest, said.rating
    if said.rating == BASIC:
        met = settings.basic == "reduced" or (settings.basic == "listed" and met)
    if settings.late_rating == "within_years":
        deadline = date(case.year + (settings.late_rating_years or 0), 12, 31)
        required += f", by {deadline}"
        found += f" on {fact.effective_on}"
        met = met and fact.effective_on <= deadline
    return _predicate(rule, required, found, met, (fact.event_id,))


def _facts_used(case: _Case, predicates: Sequence[Predicate], facts: Sequence[KnownFact]) -> tuple[FactUsed, ...]:
    """The facts that the predicates looked at, and where the worker is registered, as they stand; in order of date and id."""
    used = {event_id for predicate in predicates for event_id in predicate.facts}
    used.update((case.registration[0].event_id, *case.home.facts))
    looked_at = {fact.event_id: fact for fact in facts if fact.event_id in used}
    return tuple(
        [
            FactUsed(fact=fact.event_id, effective_on=fact.effective_on, particulars=fact.particulars)
            for fact in sorted(looked_at.values(), key=_fact_order)
        ]
    )


# The lines: how much, from whom ---------------------------------------------------------------------------------------------


class _Profile(NamedTuple):
    """What an amount may depend on within a month; the rating and the division are the year's."""

    category: Category | None
    full_time: bool | None
    grade: str | None


class _Basis(NamedTuple):
    """What all lines share. months: how many months each profile counts, in calendar order; last: that of the last month.

    rating: the word to look amounts up by; percent: of the amount, less than 100 for a reduced basic rating.
    """

    document: PolicyDocument
    division: str
    rating: str | None
    percent: int
    months: Mapping[_Profile, int]
    last: _Profile


def _lines(case: _Case) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """Work out the lines of a granted year, in the policy's order, and what an official should look at."""
    document = case.document
    basis, warnings = _basis(case)
    left = document.cap.amount_fen if document.cap else None
    lines = []
    for line in document.lines:
        worked_out = _line(line, basis, left)
        warnings += _gaps(line, basis)
        if worked_out is not None:
            lines.append(worked_out)
            left = None if left is None else left - worked_out.amount_fen
    period = document.effective
    if period.first_day > date(case.year, 1, 1) or (period.last_day or FAR) < date(case.year, 12, 31):
        warnings.append("the policy is in effect for a part of the year only; it was applied to all of it")
    return tuple(lines), tuple(warnings)


def _basis(case: _Case) -> tuple[_Basis, list[str]]:
    document, settings = case.document, case.document.settings
    rating, percent = None, 100
    rule = case.rules.get("rating")
    if isinstance(rule, RatingRule) and case.file.rating is not None:
        rating = case.file.rating[1].rating
        if rating == BASIC and settings.basic == "reduced":
            rating, percent = rule.at_least, settings.basic_percent or 0
    basis = _Basis(document, case.home.division, rating, percent, {}, _Profile(None, None, None))
    months: dict[_Profile, int] = {}
    profile, doubled = basis.last, 0
    profiles: list[_Profile] = []
    before: object = None
    for month in case.unstopped:
        held = case.spoken_for.get(month)
        if len(case.considered) > 1 or not profiles or held is not before:  # else the month is like the one before it
            profiles = _profiles(case, month, held.grade if held else None)
            profile, before = _one_of(profiles, basis), held
        doubled += len(profiles) > 1 and any(other != profile for other in profiles)
        months[profile] = months.get(profile, 0) + 1
    warnings = [f"two different posts in {_counted(doubled, 'month')}: the {settings.two_posts} one counts"] if doubled else []
    return basis._replace(months=months, last=profile), warnings


def _profiles(case: _Case, month: int, grade: str | None) -> list[_Profile]:
    """Of each considered post of the month, in order of their start; where no rule asks for posts, one without any."""
    posts = case.considered
    if len(posts) > 1:
        posts = [post for post in posts if post.first_month <= month <= post.last_month]
    return [_Profile(post.category, post.full_time, grade) for post in posts] or [_Profile(None, None, grade)]


def _one_of(profiles: Sequence[_Profile], basis: _Basis) -> _Profile:
    """The one post that is paid when two are held, as ``two_posts`` says. profiles: in order of the posts' start."""
    match basis.document.settings.two_posts:
        case "earlier":
            return profiles[0]
        case "later":
            return profiles[-1]
        case "higher":
            return profiles[0] if len(profiles) == 1 else max(profiles, key=lambda profile: _worth(profile, basis))
        case other:
            assert_never(other)


def _worth(profile: _Profile, basis: _Basis) -> int:
    """What a full year of the profile would bring, to compare posts by."""
    return sum(
        [(_amount(line, profile, basis) or 0) * (12 if line.period == "monthly" else 1) for line in basis.document.lines]
    )


def _amount(line: AllowanceLine, profile: _Profile, basis: _Basis) -> int | None:
    """The amount that the table gives; None: it has no row for this. Of several divisions the most specific counts."""
    by = line.by
    best, best_specific = None, 0
    for row in line.amounts:
        if (
            ("rating" not in by or row.rating == basis.rating)
            and ("grade" not in by or row.grade == profile.grade)
            and ("category" not in by or row.category == profile.category)
            and ("full_time" not in by or row.full_time == profile.full_time)
            and ("division" not in by or (row.division is not None and covers(row.division, basis.division)))
        ):
            specific = _significant(row.division) if row.division else 6
            if specific > best_specific:
                best, best_specific = row.amount_fen, specific
    return best


def _gaps(line: AllowanceLine, basis: _Basis) -> list[str]:
    if line.others == "nothing":
        return []
    profiles = basis.months if line.period == "monthly" or line.prorated else (basis.last,)
    missing = [_missing(line, profile, basis) for profile in profiles if _amount(line, profile, basis) is None]
    return [f"line {line.name}: no amount for {combination}" for combination in dict.fromkeys(missing)]


def _missing(line: AllowanceLine, profile: _Profile, basis: _Basis) -> str:
    values = {
        "category": profile.category,
        "grade": profile.grade,
        "rating": basis.rating,
        "full_time": {True: "true", False: "false", None: None}[profile.full_time],
        "division": basis.division,
    }
    return ", ".join([f"{dimension}={values[dimension]}" for dimension in line.by])


def _line(line: AllowanceLine, basis: _Basis, left: int | None) -> Line | None:
    """Work out one line; None: its table has nothing for this worker. left: what the cap still allows.

    The line is rounded once. If its payers change within the year, the part under each ``paid_by`` rule is the rounded sum up
    to and including it less the rounded sum before it, so that the parts are never negative and add up exactly.
    """
    in_full = line.period == "annual" and not line.prorated
    terms: dict[int, int] = {}
    due: dict[int, int] = {}
    for profile, count in ((basis.last, 1),) if in_full else basis.months.items():
        amount = _amount(line, profile, basis)
        if amount is not None:
            terms[amount] = terms.get(amount, 0) + count
            paid_by = _paid_by(line, profile, basis.division)
            due[paid_by] = due.get(paid_by, 0) + amount * count * basis.percent
    if not terms:
        return None
    denominator = (12 if line.period == "annual" and line.prorated else 1) * 100
    total, before, shares = 0, 0, dict[str, int]()
    for paid_by, numerator in due.items():
        total += numerator
        upto = rounded(total, denominator, basis.document.rounding)
        upto = upto if left is None else min(upto, left)
        _share_out(upto - before, line.paid_by[paid_by], shares)
        before = upto
    return Line(
        name=line.name,
        arithmetic=_arithmetic(line, basis, terms, total, denominator, left),
        amount_fen=before,
        shares=_payer_amounts(basis.document, shares),
        clause=line.clause,
        status=line.status,
        taxable=line.taxable,
    )


def rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Round a fraction of fen (never negative) as the policy says; the result is in fen."""
    unit = {"fen": 1, "jiao": 10, "yuan": 100}[rounding.to]
    whole = denominator * unit
    match rounding.how:
        case "half_up":
            return (2 * numerator + whole) // (2 * whole) * unit
        case "down":
            return numerator // whole * unit
        case "up":
            return -(-numerator // whole) * unit
        case other:
            assert_never(other)


def _paid_by(line: AllowanceLine, profile: _Profile, division: str) -> int:
    """The place of the first rule that fits; the checker sees to it that the last one has no condition."""
    for place, paid_by in enumerate(line.paid_by):
        if paid_by.grade in (None, profile.grade) and (paid_by.division is None or covers(paid_by.division, division)):
            return place
    return len(line.paid_by) - 1


def _share_out(amount: int, paid_by: PaidBy, shares: dict[str, int]) -> None:
    """Add each payer's part of the amount to ``shares``: whole fen, rounded down, and what is left over to one of them."""
    over = amount
    for share in paid_by.shares:
        part = amount * share.percent // 100
        shares[share.payer] = shares.get(share.payer, 0) + part
        over -= part
    payer = paid_by.remainder or paid_by.shares[0].payer
    shares[payer] = shares.get(payer, 0) + over


def _payer_amounts(document: PolicyDocument, shares: Mapping[str, int]) -> tuple[PayerAmount, ...]:
    """In the order of the policy's payers, without those who pay nothing."""
    return tuple(
        [PayerAmount(payer=payer.name, amount_fen=shares[payer.name]) for payer in document.payers if shares.get(payer.name)]
    )


def _totals(document: PolicyDocument, lines: Sequence[Line]) -> tuple[PayerAmount, ...]:
    totals: dict[str, int] = {}
    for line in lines:
        for share in line.shares:
            totals[share.payer] = totals.get(share.payer, 0) + share.amount_fen
    return _payer_amounts(document, totals)


def _arithmetic(
    line: AllowanceLine, basis: _Basis, counts: Mapping[int, int], total: int, denominator: int, left: int | None
) -> str:
    """The sum in figures, such as ``240000 fen x 5/12 months + 360000 fen x 7/12 months = 310000 fen``."""
    document = basis.document
    if line.period == "monthly":
        terms = [f"{amount} fen x {_counted(count, 'month')}" for amount, count in counts.items()]
    elif line.prorated:
        terms = [f"{amount} fen x {count}/12 months" for amount, count in counts.items()]
    else:
        terms = [f"{amount} fen for the year" for amount in counts]
    text = " + ".join(terms)
    if basis.percent != 100:
        text = f"({text}) x {basis.percent}/100" if len(terms) > 1 else f"{text} x {basis.percent}/100"
    result = rounded(total, denominator, document.rounding)
    text += f" = {result} fen"
    if result * denominator != total:
        text += f" (rounded {document.rounding.how.replace('_', ' ')} to {document.rounding.to})"
    if document.cap is not None and left is not None and result > left:
        text += f", the cap of clause {document.cap.clause} leaves {left} fen"
    return text
