"""The rules of the allowance once more: slow, plain, day by day. Nothing here is shared with the engine, on purpose.

Written from ``contracts.policy`` (what a document may say), ``services.allowance.settings_text`` (what the settings mean) and
the contracts of the facts. It answers with amounts only, without reasons. Where those documents leave a question open, the
answer taken here stands under ``Taken:`` at its place.

Everything is looked up for each day of the year by itself; a month is then twelve times the same question about its days.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from math import ceil, floor
from typing import Any, Concatenate, ParamSpec, TypeVar

from pydantic import BaseModel

from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.policy import AllowanceLine, AmountRow, PaidBy, PolicyDocument
from services.allowance.engine import KnownFact

__all__ = ["Answer", "answer"]

DAY = timedelta(days=1)

Kind = TypeVar("Kind", bound=BaseModel)
Asked = ParamSpec("Asked")
Given = TypeVar("Given")


@dataclass(frozen=True)
class Answer:
    """What is owed for the year. lines: by name, those that the tables have something for. payers: without those of 0 fen."""

    granted: bool
    amount_fen: int
    lines: dict[str, int]
    payers: dict[str, int]
    division: str


def remembered(method: Callable[Concatenate[Any, Asked], Given]) -> Callable[Concatenate[Any, Asked], Given]:
    """Ask once: the answers are kept with the object that gave them."""

    def asked(self: Any, /, *what: Asked.args, **named: Asked.kwargs) -> Given:
        kept: dict[tuple[object, ...], Given] = self.__dict__.setdefault(f"kept_{method.__name__}", {})
        asked_for = (*what, *named.items())
        if asked_for not in kept:
            kept[asked_for] = method(self, *what, **named)
        return kept[asked_for]

    return asked


# Days -------------------------------------------------------------------------------------------------------------------


@cache
def days_of(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]


@cache
def days_of_year(year: int) -> list[date]:
    return [day for month in range(1, 13) for day in days_of(year, month)]


def counts(document: PolicyDocument, year: int, month: int, fits: Callable[[date], bool]) -> bool:
    """``month_counts_when``: whether a month counts, of which some days fit."""
    fitting = [fits(day) for day in days_of(year, month)]
    return {"any_day": any(fitting), "whole_month": all(fitting), "first_day": fitting[0]}[document.settings.month_counts_when]


def in_order(facts: Iterable[KnownFact], kind: type[Kind]) -> list[tuple[KnownFact, Kind]]:
    return [
        (fact, fact.particulars)
        for fact in sorted(facts, key=lambda fact: (fact.effective_on, fact.event_id))
        if isinstance(fact.particulars, kind)
    ]


# What the facts say of a day --------------------------------------------------------------------------------------------


class Worker:
    """One worker's standing facts, asked day by day."""

    def __init__(self, facts: Sequence[KnownFact]) -> None:
        self.facts = list({fact.event_id: fact for fact in facts}.values())
        registrations = [said for _, said in in_order(self.facts, Registration)]
        self.registration = registrations[-1] if registrations else None
        self.posts = [Post(fact, said, self.facts) for fact, said in in_order(self.facts, EngagementStart)]
        issued = sorted(in_order(self.facts, Certificate), key=lambda each: (each[0].effective_on, each[1].number))
        self.certificates = [
            Held(fact, said, self.facts, issued[place + 1] if place + 1 < len(issued) else None)
            for place, (fact, said) in enumerate(issued)
        ]

    @remembered
    def registered_on(self, day: date) -> bool:
        """A closing says the last day, a reopening the first day again; what makes no sense changes nothing."""
        changes = sorted((fact.effective_on, said.key, said.status) for fact, said in in_order(self.facts, RegistrationStatus))
        last: date | None = None
        for on, _, status in changes:
            if status == "closed" and last is None:
                last = on
            elif status == "reopened" and last is not None:
                if last < day < on:
                    return False
                last = None
        return last is None or day <= last

    @remembered
    def holds(self, post: Post, day: date) -> bool:
        return post.first <= day <= post.last and self.registered_on(day)

    @remembered
    def engaged_days(self, year: int) -> list[date]:
        return [day for day in days_of_year(year) if any(self.holds(post, day) for post in self.posts)]

    @remembered
    def division_on(self, day: date) -> str:
        moves = sorted(
            (fact.effective_on, said.key, said.division, fact.event_id)
            for fact, said in in_order(self.facts, Transfer)
            if fact.effective_on <= day
        )
        return moves[-1][2] if moves else self.registered.division

    @property
    def registered(self) -> Registration:
        """Whoever is not registered is asked nothing."""
        assert self.registration is not None
        return self.registration

    def rating(self, year: int) -> tuple[date, str] | None:
        found = [(fact.effective_on, said.rating) for fact, said in in_order(self.facts, RatingResult) if said.year == year]
        return found[-1] if found else None

    def inspections(self) -> list[tuple[date, int, str]]:
        """In the order in which they were concluded; of two on one day that for the earlier year first."""
        said = [
            (fact.effective_on, each.year, fact.event_id, each.outcome) for fact, each in in_order(self.facts, InspectionResult)
        ]
        return [(on, year, outcome) for on, year, _, outcome in sorted(said)]


class Post:
    """An engagement: from its start to the earliest end that the same source told of it."""

    def __init__(self, start: KnownFact, said: EngagementStart, facts: Sequence[KnownFact]) -> None:
        self.said = said
        ends = [
            fact.effective_on
            for fact, end in in_order(facts, EngagementEnd)
            if end.engagement == self.said.engagement and fact.source == start.source
        ]
        self.first, self.last = start.effective_on, min(ends, default=date.max)


class Held:
    """A certificate with what became of it. after: the next one of the same worker, which supersedes it from its issue on."""

    def __init__(
        self, issue: KnownFact, issued: Certificate, facts: Sequence[KnownFact], after: tuple[KnownFact, Certificate] | None
    ) -> None:
        self.said = issued
        self.issued, self.expires = issue.effective_on, self.said.expires_on or date.max
        self.order = (issue.effective_on, issue.event_id)
        changes = [(fact, said) for fact, said in in_order(facts, CertificateChange) if said.number == self.said.number]
        told: list[tuple[date, str, str, str, str]] = [
            (fact.effective_on, said.key, said.change, said.grade or "", fact.event_id) for fact, said in changes
        ]
        if after is not None and after[1].number != self.said.number:
            told.append((after[0].effective_on, after[1].number, "superseded", "", after[0].event_id))
        self.changes = [(max(on, self.issued), change, lower) for on, _, change, lower, _ in sorted(told)]
        self.recognised = [
            (fact.effective_on, said.division) for fact, said in in_order(facts, Recognition) if said.number == self.said.number
        ]

    @remembered
    def on(self, day: date) -> tuple[str, str]:
        """State and grade: changes count from their day; nothing changes what is revoked or superseded."""
        state, grade = "valid", self.said.grade
        for on, change, lower in self.changes:
            if (
                on > day
                or state in ("revoked", "superseded")
                or (on > self.expires and change not in ("revoked", "superseded"))
            ):
                continue
            if change == "suspended" or (change == "reinstated" and state == "suspended"):
                state = "suspended" if change == "suspended" else "valid"
            elif change == "downgraded" and lower:
                grade = lower
            elif change in ("revoked", "superseded"):
                state = change
        if day < self.issued:
            state = "not yet"
        elif day > self.expires and state not in ("revoked", "superseded"):
            state = "expired"
        return state, grade

    def recognised_in(self, division: str, day: date) -> bool:
        return any(on <= day and contains(where, division) for on, where in self.recognised)


# Words and divisions ----------------------------------------------------------------------------------------------------


def contains(division: str, other: str) -> bool:
    """GB/T 2260: a province ends with four noughts, a prefecture with two."""
    significant = division[:2] if division[2:] == "0000" else division[:4] if division[4:] == "00" else division
    return other.startswith(significant)


def level(division: str, within: str) -> str:
    """The county, city or province of a division. One above that level stands for itself."""
    return {"county": division, "city": division[:4] + "00", "province": division[:2] + "0000"}[within]


def nearness(division: str) -> int:
    return 1 if division[2:] == "0000" else 2 if division[4:] == "00" else 3


def grade_rank(document: PolicyDocument, grade: str) -> int:
    """From 0, the lowest; -1: the vocabulary doesn't know it."""
    words = [each.word for each in document.vocabulary.grades]
    return words.index(grade) if grade in words else -1


def rating_rank(document: PolicyDocument, rating: str) -> int:
    """From 0, the lowest; -1: the vocabulary doesn't know it. The document names the highest first."""
    words = [each.word for each in reversed(document.vocabulary.ratings)]
    return words.index(rating) if rating in words else -1


def rule_of(document: PolicyDocument, name: str) -> Any:
    return next((rule for rule in document.eligibility if rule.rule == name), None)


# Which policy -----------------------------------------------------------------------------------------------------------


def policy_of(documents: Sequence[PolicyDocument], division: str, year: int, instrument: str) -> PolicyDocument | None:
    """Of those in effect on any day of the year: the nearest division's, then the latest, by number, then by revision."""
    fitting = [
        document
        for document in documents
        if document.instrument == instrument
        and contains(document.division, division)
        and any(in_effect(document, day) for day in days_of_year(year))
    ]
    return max(
        fitting,
        key=lambda each: (nearness(each.division), each.issued_on, each.document, each.revision, each.model_dump_json()),
        default=None,
    )


def in_effect(document: PolicyDocument, day: date) -> bool:
    period = document.effective
    return period.first_day <= day and (period.last_day is None or day <= period.last_day)


def governed(
    worker: Worker, documents: Sequence[PolicyDocument], year: int, instrument: str
) -> tuple[str, PolicyDocument] | None:
    """The division that counts for the year, and its policy.

    Taken: the policy of the division at the year's end says, by ``moved``, whether another division counts; what that one's
    policy would say is not asked. Of a rating that is dated before its year, the year's first day.
    """
    engaged = worker.engaged_days(year)
    end = engaged[-1] if engaged else date(year, 12, 31)
    division = worker.division_on(end)
    policy = policy_of(documents, division, year, instrument)
    if policy is None:
        return None
    rating = worker.rating(year)
    if policy.settings.moved == "year_start":
        division = worker.division_on(engaged[0] if engaged else date(year, 1, 1))
    elif policy.settings.moved == "at_rating" and rating is not None:
        division = worker.division_on(min(max(rating[0], date(year, 1, 1)), end))
    found = policy_of(documents, division, year, instrument)
    return None if found is None else (division, found)


def due(worker: Worker, document: PolicyDocument, year: int) -> bool:
    """``decided_when``; and another instrument concerns those only who hold a post, of the categories that it is about.

    Taken: without the rule ``category`` it is about all of them.
    """
    if document.settings.decided_when == "rated" and worker.rating(year) is None:
        return False
    if document.settings.decided_when == "engaged" and not worker.engaged_days(year):
        return False
    if document.instrument == "allowance":
        return True
    about_all = rule_of(document, "category") is None
    of_them = [post for post in worker.posts if about_all or post.said.category in categories(document)]
    return any(worker.holds(post, day) for post in of_them for day in days_of_year(year))


def categories(document: PolicyDocument) -> set[str]:
    """The setting ``deputy_secretary`` has the last word on deputies."""
    among = {*rule_of(document, "category").among} - {"deputy_secretary"}
    return among | {"deputy_secretary"} if document.settings.deputy_secretary == "paid" else among


# The year, month by month -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Profile:
    """On what a month's amount depends."""

    category: str | None
    full_time: bool | None
    grade: str | None
    rating: str | None
    division: str
    month: str


class Year:
    """One worker's year under one policy."""

    def __init__(self, worker: Worker, division: str, document: PolicyDocument, year: int) -> None:
        self.worker, self.division, self.document, self.year = worker, division, document, year
        self.settings = document.settings
        self.rules = {rule.rule for rule in document.eligibility}
        engaged = worker.engaged_days(year)
        self.left = engaged[-1] if engaged and engaged[-1] < date(year, 12, 31) else None
        """The last engaged day of who left within the year: without any post, whether one that fits or not."""
        self.posts: list[Post] = []
        """The posts that fit. Taken: where no rule asks for posts, nobody looks at them."""
        if self.rules & {"category", "engaged", "full_time", "entry_channel"}:
            fitting = [post for post in worker.posts if self.fits(post)]
            self.posts = [post for post in fitting if any(self.holds(post, day) for day in days_of_year(year))]

    # posts

    def fits(self, post: Post) -> bool:
        said, channels = post.said, rule_of(self.document, "entry_channel")
        return (
            ("category" not in self.rules or said.category in categories(self.document))
            and ("full_time" not in self.rules or said.full_time)
            and (channels is None or said.entry_channel in channels.among)
        )

    def holds(self, post: Post, day: date) -> bool:
        """With ``leaving: whole_year`` a post that is held on the last engaged day goes on to the year's end."""
        goes_on = self.settings.leaving == "whole_year" and self.left is not None and day > self.left
        return self.worker.holds(post, self.left if goes_on and self.left else day)

    @remembered
    def posts_of(self, month: int) -> list[Post]:
        """The posts that have a month, in the order in which they began.

        Taken: without the rule ``engaged`` a post has every month; a month that must be complete belongs to the post that has
        its first day, whoever completes it.
        """
        if "engaged" not in self.rules:
            return self.posts
        left, leaving = self.left, self.settings.leaving
        if leaving == "from_that_month" and left is not None and month >= left.month:
            return []
        days = days_of(self.year, month)
        found = []
        for post in self.posts:
            held = [self.holds(post, day) for day in days]
            complete = all(any(self.holds(each, day) for each in self.posts) for day in days)
            has = {"any_day": any(held), "first_day": held[0], "whole_month": complete and held[0]}
            leaves = left is not None and month == left.month and self.holds(post, left)
            if has[self.settings.month_counts_when] or (leaves and leaving == "from_next_month"):
                found.append(post)
        return found

    def engaged(self, month: int) -> bool:
        if self.settings.part_year == "own_months" and not counts(
            self.document, self.year, month, lambda day: in_effect(self.document, day)
        ):
            return False
        return "engaged" not in self.rules or bool(self.posts_of(month))

    # certificates

    @remembered
    def in_force(self, held: Held, day: date) -> bool:
        return held.on(day)[0] == "valid" and self.holds_there(held, day)

    def holds_there(self, held: Held, day: date) -> bool:
        """Within the territory of its issuer, or recognised: where the worker is registered on the day."""
        if self.settings.territory == "ignored":
            return True
        where, grade = self.worker.division_on(day), held.on(day)[1]
        rule = rule_of(self.document, "certificate")
        within = next((each.within for each in rule.valid_in if each.grade in (None, grade)), "county")
        if not rule.valid_in:
            within = "province" if grade == "special" else "city"
        inside = within == "anywhere" or contains(level(held.said.issuer, within), where)
        return inside or held.recognised_in(where, day)

    def highest(self, days: Iterable[date]) -> tuple[Held, str] | None:
        """The highest grade in force on any of the days, of one grade the latest issued; unknown grades below all others."""
        found = [
            (grade_rank(self.document, held.on(day)[1]), held.order, day, held, held.on(day)[1])
            for day in days
            for held in self.worker.certificates
            if self.in_force(held, day)
        ]
        return max(found)[3:] if found else None

    def enough(self, grade: str) -> bool:
        rule = rule_of(self.document, "certificate")
        lowest = 0 if rule.at_least is None else grade_rank(self.document, rule.at_least)
        return grade_rank(self.document, grade) >= lowest

    def last_day(self) -> date:
        """31 December, or the last day of the posts that are looked at."""
        days = [day for day in days_of_year(self.year) if any(self.holds(post, day) for post in self.posts)]
        return days[-1] if days else date(self.year, 12, 31)

    @remembered
    def grade_of(self, month: int) -> str | None:
        """The grade that speaks for a month; None: the month is not certified."""
        if self.settings.promotion == "by_month":
            return self.grade_by_month(month)
        day, rating = self.last_day(), self.worker.rating(self.year)
        if self.settings.promotion == "grade_at_rating" and rating is not None:
            # Taken: of a rating that is dated before its year, the year's first day.
            day = min(day, max(rating[0], date(self.year, 1, 1)))
        found = self.highest([day])
        if found is None or not self.enough(found[1]) or self.taken_away(found[0], month):
            return None
        return found[1]

    def grade_by_month(self, month: int) -> str | None:
        """Taken: of several grades within a month the highest; where the month must be complete, that of its first day."""
        days = days_of(self.year, month)
        looked_at = days if self.settings.month_counts_when == "any_day" else days[:1]
        found = self.highest(looked_at)
        if found is None or not self.enough(found[1]):
            return None
        if self.settings.month_counts_when == "whole_month":
            for day in days:
                each = self.highest([day])
                if each is None or not self.enough(each[1]):
                    return None
        return found[1]

    def taken_away(self, held: Held, month: int) -> bool:
        """Taken: one certificate speaks for all months, but not for those that a suspension or revocation takes from it."""

        def would_be(day: date) -> bool:
            return held.on(day)[0] in ("valid", "suspended", "revoked") and self.holds_there(held, day)

        return counts(self.document, self.year, month, would_be) and not counts(
            self.document, self.year, month, lambda day: self.in_force(held, day)
        )

    # inspections

    def stopped(self, month: int) -> bool:
        """By the last inspection that counts by then. Taken: one that is passed counts from when one that is failed would."""
        ruling = "passed"
        for on, _, outcome in self.worker.inspections():
            months = (self.year - on.year) * 12 + month - on.month
            counts_by_then = {
                "whole_year": False,
                "from_that_month": months >= 0,
                "from_next_month": months >= 1,
                "from_next_year": on.year < self.year,
            }[self.settings.failed_inspection]
            if counts_by_then:
                ruling = outcome
        return ruling != "passed"

    # together

    def months(self, paid_otherwise: Sequence[int] = ()) -> list[int]:
        """The months that count."""
        return [
            month
            for month in range(1, 13)
            if self.engaged(month)
            and ("certificate" not in self.rules or self.grade_of(month) is not None)
            and ("inspection" not in self.rules or not self.stopped(month))
            and month not in paid_otherwise
        ]

    def eligible(self) -> bool:
        """What is asked of the year as a whole; the months are looked at by themselves."""
        inspected = [each for each in self.worker.inspections() if each[1] == self.year]
        if "not_civil_servant" in self.rules and self.worker.registered.civil_servant:
            return False
        if self.rules & {"category", "full_time", "entry_channel"} and not self.posts:
            return False
        if "engaged" in self.rules and self.settings.leaving == "nothing" and self.left is not None:
            return False
        if "inspection" in self.rules:
            if not inspected:
                return False
            if self.settings.failed_inspection == "whole_year" and inspected[-1][2] != "passed":
                return False
        return "rating" not in self.rules or self.rated_well_enough()

    def rated_well_enough(self) -> bool:
        rating, rule, settings = self.worker.rating(self.year), rule_of(self.document, "rating"), self.settings
        if rating is None:
            return False
        on, word = rating
        if settings.late_rating == "within_years" and on > date(self.year + (settings.late_rating_years or 0), 12, 31):
            return False
        if rating_rank(self.document, word) < 0:
            return False
        if word == "basic" and settings.basic != "listed":
            return settings.basic == "reduced"
        return rating_rank(self.document, word) >= rating_rank(self.document, rule.at_least)

    # amounts

    def rating_and_percent(self) -> tuple[str | None, int]:
        """The rating by which amounts are looked up, and how much of them is paid."""
        rating, rule = self.worker.rating(self.year), rule_of(self.document, "rating")
        if rule is None or rating is None:
            return None, 100
        if rating[1] == "basic" and self.settings.basic == "reduced":
            return rule.at_least, self.settings.basic_percent or 0
        if rating[1] == "excellent" and self.settings.excellent == "raised":
            return rating[1], self.settings.excellent_percent or 0
        return rating[1], 100

    def profile(self, month: int) -> Profile:
        """Of a month that counts; of two posts at once ``two_posts`` says which one.

        Taken: who has left belongs to the division of the last engaged day, also for months after it.
        """
        division = self.division
        if self.settings.moved == "by_month":
            first = date(self.year, month, 1)
            held = self.worker.division_on(first if self.left is None else min(first, self.left))
            division = held if contains(self.document.division, held) else division
        grade = self.grade_of(month) if "certificate" in self.rules else None
        rating, _ = self.rating_and_percent()
        at = f"{self.year}-{month:02}"
        posts = self.posts_of(month)
        if not posts:
            return Profile(None, None, grade, rating, division, at)
        profiles = [Profile(post.said.category, post.said.full_time, grade, rating, division, at) for post in posts]
        if self.settings.two_posts == "earlier":
            return profiles[0]
        if self.settings.two_posts == "later":
            return profiles[-1]
        worth = [
            sum((amount_of(line, each) or 0) * (12 if line.period == "monthly" else 1) for line in self.document.lines)
            for each in profiles
        ]
        return profiles[worth.index(max(worth))]


# Money ------------------------------------------------------------------------------------------------------------------


def holds_in(part: AmountRow | PaidBy, month: str) -> bool:
    return (part.first_month is None or part.first_month <= month) and (part.last_month is None or month <= part.last_month)


def amount_of(line: AllowanceLine, profile: Profile) -> int | None:
    """The amount of the row that fits, of several divisions the nearest; None: there is none."""
    fitting: list[AmountRow] = []
    for row in line.amounts:
        same = all(getattr(row, each) == getattr(profile, each) for each in line.by if each != "division")
        there = "division" not in line.by or (row.division is not None and contains(row.division, profile.division))
        if same and there and holds_in(row, profile.month):
            fitting.append(row)
    return max(fitting, key=lambda row: nearness(row.division) if row.division else 0).amount_fen if fitting else None


def entry_of(line: AllowanceLine, profile: Profile) -> int:
    """Which entry of ``paid_by`` holds: the first that fits."""
    for place, entry in enumerate(line.paid_by):
        grade = entry.grade is None or entry.grade == profile.grade
        division = entry.division is None or contains(entry.division, profile.division)
        if grade and division and holds_in(entry, profile.month):
            return place
    raise AssertionError("the last entry has no condition")


def round_up_or_down(fen: Fraction, document: PolicyDocument) -> int:
    unit = {"fen": 1, "jiao": 10, "yuan": 100}[document.rounding.to]
    units = fen / unit
    return {"down": floor(units), "up": ceil(units), "half_up": floor(units + Fraction(1, 2))}[document.rounding.how] * unit


def shares_of(line: AllowanceLine, entry: int, fen: int) -> dict[str, int]:
    """Whole fen, rounded down; what rounding leaves over goes to the payer of the remainder."""
    paid_by = line.paid_by[entry]
    parts = {share.payer: floor(Fraction(fen * share.percent, 100)) for share in paid_by.shares}
    parts[paid_by.remainder or paid_by.shares[0].payer] += fen - sum(parts.values())
    return parts


def line_of(
    line: AllowanceLine, profiles: Sequence[Profile], percent: int, document: PolicyDocument, left: int | None
) -> dict[str, int] | None:
    """What each payer pays of a line; None: the tables have nothing for these months. left: what the cap still allows.

    Taken: the line is rounded once; where its payers change, a part is the rounded sum up to its end less that before it.
    """
    in_full = line.period == "annual" and not line.prorated
    twelfth = Fraction(1, 12) if line.period == "annual" and line.prorated else Fraction(1)
    due: dict[int, Fraction] = {}
    for profile in profiles[-1:] if in_full else profiles:
        amount = amount_of(line, profile)
        if amount is not None:
            entry = entry_of(line, profile)
            due[entry] = due.get(entry, Fraction(0)) + amount * twelfth * Fraction(percent, 100)
    if not due:
        return None
    payers: dict[str, int] = {}
    total, before = Fraction(0), 0
    for entry, fen in due.items():
        total += fen
        upto = round_up_or_down(total, document)
        upto = upto if left is None else min(upto, left)
        for payer, part in shares_of(line, entry, upto - before).items():
            payers[payer] = payers.get(payer, 0) + part
        before = upto
    return payers


# The answer -------------------------------------------------------------------------------------------------------------


def answer(
    facts: Sequence[KnownFact], documents: Sequence[PolicyDocument], year: int, instrument: str = "allowance"
) -> Answer | None:
    """What is owed to one worker for a year. None: nothing is decided."""
    worker = Worker(facts)
    found = governed(worker, documents, year, instrument) if worker.registration is not None else None
    if found is None or not due(worker, found[1], year):
        return None
    division, document = found
    looked_at = Year(worker, division, document, year)
    months = looked_at.months(paid_otherwise(facts, documents, year, document))
    if not looked_at.eligible() or not months:
        return Answer(False, 0, {}, {}, division)
    profiles = [looked_at.profile(month) for month in months]
    _, percent = looked_at.rating_and_percent()
    left = document.cap.amount_fen if document.cap else None
    lines: dict[str, int] = {}
    payers: dict[str, int] = {}
    for line in document.lines:
        parts = line_of(line, profiles, percent, document, left)
        if parts is not None:
            lines[line.name] = sum(parts.values())
            left = None if left is None else left - lines[line.name]
            for payer, fen in parts.items():
                payers[payer] = payers.get(payer, 0) + fen
    return Answer(True, sum(lines.values()), lines, {payer: fen for payer, fen in payers.items() if fen}, division)


def paid_otherwise(
    facts: Sequence[KnownFact], documents: Sequence[PolicyDocument], year: int, document: PolicyDocument
) -> Sequence[int]:
    """The rule ``without_allowance``: the months that the allowance of the same person takes, or all of them."""
    rule = rule_of(document, "without_allowance")
    allowance = answer(facts, documents, year) if rule is not None else None
    if allowance is None or not allowance.amount_fen:
        return ()
    worker = Worker(facts)
    found = governed(worker, documents, year, "allowance")
    return range(1, 13) if rule.within == "year" or found is None else Year(worker, *found, year).months()
