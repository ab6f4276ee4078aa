"""One worker's year under one policy, month by month: engaged, certified, stopped, paid otherwise."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple, assert_never

from contracts.certificate_life import Issue, Span, spans_of
from contracts.divisions import above
from contracts.particulars import InspectionResult, Registration
from contracts.policy import (
    CategoryRule,
    CertificateRule,
    EntryChannelRule,
    PolicyDocument,
    Rule,
    Settings,
    ValidIn,
    Within,
    WithoutAllowanceRule,
)
from services.allowance.engine.file import (
    FAR,
    MONTHS,
    ONE_DAY,
    File,
    Held,
    Home,
    KnownFact,
    PolicyInForce,
    Post,
    Spell,
    left_on,
    posts_of,
    posts_of_year,
    spells_of,
)
from services.allowance.engine.words import categories_paid, covers, grade_rank

__all__ = ["VALID_IN", "Beside", "Case", "in_force", "in_force_ever", "life_of", "look_at"]

VALID_IN: tuple[ValidIn, ...] = (ValidIn(grade="special", within="province"), ValidIn(within="city"))
"""Where a certificate holds if the policy doesn't say otherwise, as the scheme has it."""


class Beside(NamedTuple):
    """What the same worker has of the red-collar allowance for the year. months: that it pays; facts: ids that it used."""

    amount_fen: int
    document: str
    months: frozenset[int]
    facts: tuple[str, ...]


class Case(NamedTuple):
    """One worker's year under one policy: what the rules and the lines look at.

    posts: all, of any year; considered: those of the year that the rules are judged on; both in order of start. left_on: the
    last day of the year's last post, if that lies before 31 December. covered: the months for which the policy holds. engaged,
    certified, stopped: months; certified ones are engaged ones, if there are any. engaged_at_all: how many months are engaged,
    covered or not. spoken_for: by month, the certificate that speaks for it, whether or not it counts. otherwise: the months
    that the allowance pays, where only one of the two is paid.
    """

    file: File
    registration: tuple[KnownFact, Registration]
    home: Home
    document: PolicyDocument
    year: int
    rules: Mapping[str, Rule]
    posts: Sequence[Post]
    considered: Sequence[Post]
    left_on: date | None
    covered: Sequence[int]
    engaged: Sequence[int]
    engaged_at_all: int
    spoken_for: Mapping[int, Held | None]
    certified: Sequence[int]
    inspection: tuple[KnownFact, InspectionResult] | None
    stopped: frozenset[int]
    beside: Beside | None
    otherwise: frozenset[int]

    @property
    def engaged_or_all(self) -> Sequence[int]:
        return self.engaged or self.covered

    @property
    def certified_or_all(self) -> Sequence[int]:
        return self.certified or self.engaged_or_all

    @property
    def unstopped(self) -> Sequence[int]:
        return [month for month in self.certified_or_all if month not in self.stopped]

    @property
    def counting(self) -> Sequence[int]:
        """If every predicate is met, these are the months that count."""
        return [month for month in self.unstopped if month not in self.otherwise] if self.otherwise else self.unstopped


def look_at(
    file: File,
    registration: tuple[KnownFact, Registration],
    home: Home,
    policy: PolicyInForce,
    year: int,
    beside: Beside | None = None,
) -> Case:
    """Look at a year. beside: what the allowance pays, if the policy asks for it."""
    document, rules = policy.document, policy.rules
    settings = document.settings
    posts = posts_of(file)
    in_year = posts_of_year(posts, year)
    left = left_on(in_year, year)
    if left is not None and settings.leaving == "whole_year":
        in_year = [post._replace(end=FAR) if post.end == left else post for post in in_year]
    considered = _considered(in_year, document, rules)
    covered = MONTHS if settings.part_year == "whole_year" else _covered(document, year)
    engaged: Sequence[int] = MONTHS
    if "engaged" in rules:
        considered = [_with_months(post, considered, settings, year, left) for post in considered]
        engaged = _months_of(considered)
    engaged_at_all = len(engaged)
    if covered is not MONTHS:
        engaged = [month for month in engaged if month in covered]
    spoken_for: dict[int, Held | None] = {}
    certified = engaged or covered
    rule = rules.get("certificate")
    if isinstance(rule, CertificateRule):
        spoken_for = _certificates_by_month(file, registration[1].division, document, rule, considered, year)
        certified = _certified(document, rule, certified, spoken_for)
    inspection = next((held for held in reversed(file.inspections) if held[1].year == year), None)
    stopped = _stopped(file.inspections, settings, year) if "inspection" in rules else frozenset[int]()
    return Case(
        file=file,
        registration=registration,
        home=home,
        document=document,
        year=year,
        rules=rules,
        posts=posts,
        considered=considered,
        left_on=left,
        covered=covered,
        engaged=engaged,
        engaged_at_all=engaged_at_all,
        spoken_for=spoken_for,
        certified=certified,
        inspection=inspection,
        stopped=stopped,
        beside=beside,
        otherwise=_otherwise(rules, beside) if beside is not None else frozenset(),
    )


def _otherwise(rules: Mapping[str, Rule], beside: Beside) -> frozenset[int]:
    rule = rules.get("without_allowance")
    if not isinstance(rule, WithoutAllowanceRule) or not beside.months:
        return frozenset()
    return frozenset(MONTHS) if rule.within == "year" else beside.months


# Months -----------------------------------------------------------------------------------------------------------------


def _first_and_last(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _covered(document: PolicyDocument, year: int) -> Sequence[int]:
    """The months of the year in which the policy is in effect, as ``month_counts_when`` says for those that it has in part."""
    begins, ends = document.effective.first_day, document.effective.last_day or FAR
    if begins <= date(year, 1, 1) and ends >= date(year, 12, 31):
        return MONTHS
    covered = []
    for month in MONTHS:
        first, last = _first_and_last(year, month)
        match document.settings.month_counts_when:
            case "any_day":
                counts = begins <= last and ends >= first
            case "first_day":
                counts = begins <= first <= ends
            case "whole_month":
                counts = begins <= first and last <= ends
            case other:
                assert_never(other)
        if counts:
            covered.append(month)
    return covered


def _with_months(post: Post, others: Sequence[Post], settings: Settings, year: int, left: date | None) -> Post:
    """The post with the months of the year that it has; a month in which posts change without a gap is a whole month.

    left: the day of leaving, of whose month the setting ``leaving`` may say otherwise than ``month_counts_when``.
    """
    counts = settings.month_counts_when
    first, last = 1, 12
    if post.start.year == year:
        first = post.start.month + (counts != "any_day" and post.start.day > 1)
    if post.end.year == year:
        last = post.end.month
        if left is not None and settings.leaving == "from_that_month":
            last = min(last, left.month - 1)
        if counts == "whole_month":
            unbroken_to = _unbroken_to(post, others)
            if unbroken_to.year == year and not (unbroken_to == left and settings.leaving == "from_next_month"):
                days = monthrange(year, unbroken_to.month)[1]
                last = min(last, unbroken_to.month - (unbroken_to.day < days))
    return post if first == 1 and last == 12 else post._replace(first_month=first, last_month=last)


def _unbroken_to(post: Post, others: Sequence[Post]) -> date:
    """The last day of the unbroken run of posts that this one is part of."""
    end = post.end
    for other in others:  # in order of start: each one that touches the run so far may prolong it
        if other.end > end and other.start <= end + ONE_DAY:
            end = other.end
    return end


def _months_of(posts: Sequence[Post]) -> Sequence[int]:
    if len(posts) == 1:
        return MONTHS[posts[0].first_month - 1 : posts[0].last_month]
    return [month for month in MONTHS if any(p.first_month <= month <= p.last_month for p in posts)]


def _considered(in_year: Sequence[Post], document: PolicyDocument, rules: Mapping[str, Rule]) -> Sequence[Post]:
    """The posts that fit the rules on category, channel and full time; else the closest one. None if no rule asks for posts."""
    category, channel = rules.get("category"), rules.get("entry_channel")
    among = categories_paid(document, category) if isinstance(category, CategoryRule) else None
    channels = channel.among if isinstance(channel, EntryChannelRule) else None
    full_time = "full_time" in rules
    if among is None and channels is None and not full_time and "engaged" not in rules:
        return ()

    def fits(post: Post) -> int:
        return (
            (among is None or post.category in among)
            + (post.full_time or not full_time)
            + (channels is None or post.channel in channels)
        )

    fitting = [post for post in in_year if fits(post) == 3]
    if fitting or not in_year:
        return fitting
    return (max(in_year, key=lambda post: (fits(post), post.start, post.facts)),)


# Certificates -----------------------------------------------------------------------------------------------------------


def in_force_ever(file: File) -> Sequence[Held]:
    """The certificates with the days on which each is valid, in order of issue; once for each grade or turn that it has had."""
    if not file.changes:
        return file.certificates
    return [
        issued._replace(grade=span.grade, first=span.first, last=span.last or FAR)
        for issued in file.certificates
        for span in life_of(file, issued)
        if span.state == "valid"
    ]


def life_of(file: File, issued: Held) -> tuple[Span, ...]:
    return spans_of(Issue(issued.fact.event_id, issued.fact.effective_on, issued.said), file.changes)


def in_force(held: Iterable[Held], first: date, last: date) -> list[Held]:
    """The certificates in force on at least one of the days."""
    return [each for each in held if each.first <= last and each.last >= first]


def _where_they_hold(file: File, division: str, rule: CertificateRule, held: Iterable[Held]) -> list[Held]:
    """Of each certificate the days on which it holds where the worker is registered. division: of the registration."""
    spells = spells_of(file, division)
    pieces = []
    for each in held:
        within = _within(rule.valid_in or VALID_IN, each.grade)
        for spell in spells:
            recognised = None
            first, last = max(each.first, spell.first), min(each.last, spell.last)
            if within != "anywhere" and not covers(above(each.said.issuer, within), spell.division):
                recognised = _recognised(file, each, spell)
                if recognised is None:
                    continue
                first = max(first, recognised.effective_on)
            if first <= last:
                pieces.append(each._replace(first=first, last=last, recognised=recognised))
    return pieces


def _within(valid_in: Sequence[ValidIn], grade: str) -> Within:
    """The first entry that fits; a grade of which nothing is said holds within the county of its issuer."""
    return next((each.within for each in valid_in if each.grade in (None, grade)), "county")


def _recognised(file: File, held: Held, spell: Spell) -> KnownFact | None:
    """The earliest recognition of the certificate for the division."""
    for fact, said in file.recognitions:  # in order of date
        if said.number == held.said.number and covers(said.division, spell.division):
            return fact
    return None


def _highest(document: PolicyDocument, held: Sequence[Held]) -> Held | None:
    """The highest grade, and of equal ones the latest issued; a grade unknown to the policy stands below all others."""
    best, best_rank = None, -2
    for candidate in held:  # in order of issue
        rank = grade_rank(document, candidate.grade)
        rank = -1 if rank is None else rank
        if rank >= best_rank:
            best, best_rank = candidate, rank
    return best


def _certificates_by_month(
    file: File, division: str, document: PolicyDocument, rule: CertificateRule, posts: Sequence[Post], year: int
) -> dict[int, Held | None]:
    """For each month the certificate that speaks for it, as ``promotion`` says: its own, or the same one for all.

    One that speaks for all still does not speak for the months that a suspension or the revocation has taken from it.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    in_year = in_force(in_force_ever(file), first, last)
    if document.settings.territory == "required":
        in_year = in_force(_where_they_hold(file, division, rule, in_year), first, last)
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
    speaks = _highest(document, in_force(in_year, day, day))
    if speaks is None or not file.changes:
        return dict.fromkeys(MONTHS, speaks)
    taken = _taken_away(file, speaks, document, year)
    return {month: None if month in taken else speaks for month in MONTHS}


def _taken_away(file: File, held: Held, document: PolicyDocument, year: int) -> list[int]:
    """The months that a certificate does not have, and would have if it had been neither suspended nor revoked."""
    spells = [
        (span.state, held._replace(grade=span.grade, first=span.first, last=span.last or FAR))
        for span in life_of(file, held)
        if span.state in ("valid", "suspended", "revoked")
    ]
    all_of_it, valid = [spell for _, spell in spells], [spell for state, spell in spells if state == "valid"]
    return [
        month
        for month in MONTHS
        if _certificate_of_month(document, all_of_it, year, month) and not _certificate_of_month(document, valid, year, month)
    ]


def _last_day(posts: Sequence[Post], last: date) -> date:
    """The last engaged day of the year: what happens to a certificate after that is without effect."""
    return min(last, max([post.end for post in posts])) if posts else last


def _certificate_of_month(document: PolicyDocument, held: Sequence[Held], year: int, month: int) -> Held | None:
    first, last = _first_and_last(year, month)
    match document.settings.month_counts_when:
        case "any_day":
            return _highest(document, in_force(held, first, last))
        case "first_day":
            return _highest(document, in_force(held, first, first))
        case "whole_month":
            return _highest(document, in_force(held, first, first)) if _unbroken(held, first, last) else None
        case other:
            assert_never(other)


def _unbroken(held: Sequence[Held], first: date, last: date) -> bool:
    """Whether on each of the days one of the certificates is in force."""
    reached = first
    for each in sorted(held, key=lambda each: each.first):
        if each.first <= reached <= each.last:
            if each.last >= last:
                return True
            reached = each.last + ONE_DAY
    return False


def _certified(
    document: PolicyDocument, rule: CertificateRule, months: Sequence[int], spoken_for: Mapping[int, Held | None]
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


# Inspections --------------------------------------------------------------------------------------------------------------


def _stopped(inspections: Sequence[tuple[KnownFact, InspectionResult]], settings: Settings, year: int) -> frozenset[int]:
    """The months that a failed or missed inspection stops: from its month, the next, or the next January, until a later one is
    passed, which counts from then likewise."""
    if settings.failed_inspection == "whole_year":
        return frozenset()
    stopped = set()
    in_order = sorted(inspections, key=lambda held: (held[0].effective_on, held[1].year, held[0].event_id))
    for month in MONTHS:
        ruling = "passed"
        for fact, said in in_order:
            if _counts_from(fact.effective_on, settings) <= year * 12 + month:
                ruling = said.outcome
        if ruling != "passed":
            stopped.add(month)
    return frozenset(stopped)


def _counts_from(concluded: date, settings: Settings) -> int:
    """The first month for which an inspection counts, as year x 12 + month."""
    match settings.failed_inspection:
        case "from_that_month" | "whole_year":
            return concluded.year * 12 + concluded.month
        case "from_next_month":
            return concluded.year * 12 + concluded.month + 1
        case "from_next_year":
            return (concluded.year + 1) * 12 + 1
        case other:
            assert_never(other)
