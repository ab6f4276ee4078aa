"""Whether a well-formed policy makes sense: overlaps, gaps, what can never be reached, words and payers that nobody knows,
shares that don't add up, settings without effect or against each other. Pure.

Each problem is a ``Finding`` with its path, a code for programs, and a remedy. An *error* keeps a policy from being published;
a *warning* is for its author, who may mean it so.
"""

from __future__ import annotations

from collections.abc import Iterator

from contracts.policy import (
    CategoryRule,
    CertificateRule,
    EntryChannelRule,
    PolicyDocument,
    RatingRule,
    Rule,
    Settings,
    WithoutAllowanceRule,
)
from eventlog.documents import Finding, Path, repeated
from services.allowance.engine import BASIC, EXCELLENT, categories_paid, rating_rank
from services.allowance.policy_check_amounts import Rules, findings_of_amounts, unknown_word
from services.allowance.settings_text import RULES_OF_SETTING, has_effect

__all__ = ["CONSEQUENCES", "findings_of_sense"]

CONSEQUENCES = frozenset({"gap", "unreachable", "unused", "below-floor"})
"""Warnings that an error elsewhere may bring about, such as a misspelt word; they are told once there is no error."""


def findings_of_sense(document: PolicyDocument) -> Iterator[Finding]:
    """All that a well-formed document may still get wrong."""
    rules: dict[str, Rule] = {rule.rule: rule for rule in document.eligibility}
    yield from _check_period(document)
    yield from _check_names(document)
    yield from _check_rules(document)
    yield from _check_instrument(document, rules)
    yield from _check_settings(document, rules)
    yield from findings_of_amounts(document, rules)
    yield from _check_unused(document, rules)


def _check_period(document: PolicyDocument) -> Iterator[Finding]:
    period = document.effective
    if period.last_day is not None and period.last_day < period.first_day:
        problem = f"the period ends on {period.last_day}, before it begins on {period.first_day}"
        yield Finding(("effective", "last_day"), "reversed", problem, "exchange the two days or correct one")


def _check_names(document: PolicyDocument) -> Iterator[Finding]:
    """Names and words are unique within their list."""
    vocabulary = document.vocabulary
    yield from repeated([rating.word for rating in vocabulary.ratings], ("vocabulary", "ratings"), "word")
    yield from repeated([grade.word for grade in vocabulary.grades], ("vocabulary", "grades"), "word")
    yield from repeated([category.word for category in vocabulary.categories], ("vocabulary", "categories"), "word")
    yield from repeated([rule.rule for rule in document.eligibility], ("eligibility",), "rule")
    yield from repeated([payer.name for payer in document.payers], ("payers",), "name")
    yield from repeated([line.name for line in document.lines], ("lines",), "name")
    yield from repeated([floor.name for floor in document.floors], ("floors",), "name")


# Rules ----------------------------------------------------------------------------------------------------------------------


def _check_rules(document: PolicyDocument) -> Iterator[Finding]:
    """The words of the rules are in the vocabulary, and the category rule leaves somebody."""
    for place, rule in enumerate(document.eligibility):
        path: Path = ("eligibility", place)
        if isinstance(rule, CategoryRule):
            yield from _check_categories(document, rule, path)
        elif isinstance(rule, EntryChannelRule):
            yield from repeated(rule.among, (*path, "among"))
        elif isinstance(rule, CertificateRule):
            yield from _check_certificate(document, rule, path)
        elif isinstance(rule, RatingRule) and rating_rank(document, rule.at_least) is None:
            words = [rating.word for rating in document.vocabulary.ratings]
            yield unknown_word((*path, "at_least"), rule.at_least, "ratings", words)


def _check_categories(document: PolicyDocument, rule: CategoryRule, path: Path) -> Iterator[Finding]:
    categories = {category.word for category in document.vocabulary.categories}
    yield from repeated(rule.among, (*path, "among"))
    for item, category in enumerate(rule.among):
        if category not in categories:
            yield unknown_word((*path, "among", item), category, "categories", categories)
    if not categories_paid(document, rule):
        problem = "no category is left: the setting deputy_secretary is unpaid"
        yield Finding((*path, "among"), "contradiction", problem, "set deputy_secretary: paid")
    elif "deputy_secretary" in rule.among and document.settings.deputy_secretary == "unpaid":
        problem = "deputy_secretary is listed here, but the setting deputy_secretary is unpaid"
        yield Finding((*path, "among"), "contradiction", problem, "set deputy_secretary: paid, or remove it from this list")
    if document.settings.deputy_secretary == "paid" and "deputy_secretary" not in {*categories, *rule.among}:
        yield unknown_word(("settings", "deputy_secretary"), "deputy_secretary", "categories", categories)


def _check_certificate(document: PolicyDocument, rule: CertificateRule, path: Path) -> Iterator[Finding]:
    words = [grade.word for grade in document.vocabulary.grades]
    if rule.at_least is not None and rule.at_least not in words:
        yield unknown_word((*path, "at_least"), rule.at_least, "grades", words)
    if rule.valid_in and document.settings.territory == "ignored":
        problem = "valid_in has no effect with territory: ignored"
        yield Finding((*path, "valid_in"), "no-effect", problem, "remove it, or set territory: required", "warning", True)
    others = None
    for item, valid_in in enumerate(rule.valid_in):
        here: Path = (*path, "valid_in", item)
        if valid_in.grade is not None and valid_in.grade not in words:
            yield unknown_word((*here, "grade"), valid_in.grade, "grades", words)
        if others is not None:
            problem = f"entry {others + 1} of this list is for every grade, so this one never holds"
            yield Finding(here, "unreachable", problem, "put the entry without a grade last", "warning")
        elif valid_in.grade is None:
            others = item
    yield from repeated([each.grade or "" for each in rule.valid_in if each.grade], (*path, "valid_in"), "grade")
    if rule.valid_in and others is None and (left := set(words) - {each.grade for each in rule.valid_in}):
        problem = f"valid_in does not say where {', '.join(word for word in words if word in left)} holds"
        yield Finding((*path, "valid_in"), "missing", problem, "add a last entry without grade", at_key=True)


def _check_instrument(document: PolicyDocument, rules: Rules) -> Iterator[Finding]:
    """What the instrument is, and what the document says elsewhere."""
    places = {rule.rule: place for place, rule in enumerate(document.eligibility)}
    if document.instrument == "allowance" and isinstance(rules.get("without_allowance"), WithoutAllowanceRule):
        problem = "the red-collar allowance cannot exclude itself"
        remedy = "remove the rule, or say which other `instrument:` the policy gives"
        yield Finding(("eligibility", places["without_allowance"]), "contradiction", problem, remedy)
    if document.instrument == "part_time" and "full_time" in rules:
        problem = "a part-time allowance that only full-time workers may have"
        yield Finding(("eligibility", places["full_time"]), "contradiction", problem, "remove the rule full_time")
    if document.instrument != "work_expense":
        return
    for place, line in enumerate(document.lines):
        if line.taxable:
            problem = "work expenses are authorised, not paid to a person, so there is nothing to tax"
            yield Finding(("lines", place, "taxable"), "contradiction", problem, "write taxable: false, or leave it out")


# Settings -------------------------------------------------------------------------------------------------------------------


def _check_settings(document: PolicyDocument, rules: Rules) -> Iterator[Finding]:
    settings = document.settings
    for setting in sorted(settings.model_fields_set & RULES_OF_SETTING.keys()):
        if not has_effect(document, setting):
            needed = RULES_OF_SETTING[setting][0]
            problem = f"the setting {setting} has no effect, since there is no {needed} rule"
            yield Finding(("settings", setting), "no-effect", problem, f"remove it, or add the rule {needed}", "warning", True)
    yield from _check_number(settings, "basic_percent", "basic", "reduced")
    yield from _check_number(settings, "excellent_percent", "excellent", "raised")
    yield from _check_number(settings, "late_rating_years", "late_rating", "within_years")
    yield from _check_waiting(document, rules)
    yield from _check_without_effect(document)
    yield from _check_basic(document, rules)
    yield from _check_excellent(document)


def _check_number(settings: Settings, number: str, setting: str, value: str) -> Iterator[Finding]:
    """A number goes with one value of its setting, and with that value only."""
    given, chosen = getattr(settings, number), getattr(settings, setting)
    if chosen == value and given is None:
        yield Finding(("settings", setting), "missing", f"{setting}: {value} needs {number}", f"add `{number}:`")
    if chosen != value and given is not None:
        problem = f"{number} has no effect with {setting}: {chosen}"
        yield Finding(("settings", number), "no-effect", problem, f"remove it, or set {setting}: {value}", "warning", True)


def _check_waiting(document: PolicyDocument, rules: Rules) -> Iterator[Finding]:
    """What the decision waits for or looks back to is there."""
    settings = document.settings
    if settings.decided_when == "engaged" and document.effective.last_day is None:
        problem = "decided_when: engaged needs an end of the policy, or years without end would have to be decided"
        yield Finding(("effective",), "missing", problem, "add `last_day:`", at_key=True)
    if "rating" in rules:
        return
    if settings.decided_when == "rated":
        problem = "a year is decided once there is a rating, which no rule looks at"
        remedy = "set decided_when: engaged, or add the rule rating"
        yield Finding(("settings", "decided_when"), "needs-rule", problem, remedy, "warning", True)
    for setting, value in (("promotion", "grade_at_rating"), ("moved", "at_rating")):
        if getattr(settings, setting) == value:
            problem = f"{setting}: {value} needs the rule rating, so that the rating is looked at"
            remedy = f"add {{rule: rating, ...}} to eligibility, or choose another value of {setting}"
            yield Finding(("settings", setting), "needs-rule", problem, remedy)


def _check_without_effect(document: PolicyDocument) -> Iterator[Finding]:
    """Settings that change nothing in this document, although their rules are there."""
    reasons = {
        "part_year": ("the policy is in effect for whole years", "remove it, or correct `effective:`"),
        "two_posts": ("no amount goes by category or full_time, so all posts are paid alike", "remove it"),
        "overpayment": ("work expenses are not paid to a person", "remove it"),
    }
    for setting, (reason, remedy) in reasons.items():
        if setting in document.settings.model_fields_set and not has_effect(document, setting):
            problem = f"the setting {setting} has no effect: {reason}"
            yield Finding(("settings", setting), "no-effect", problem, remedy, "warning", True)


def _check_basic(document: PolicyDocument, rules: Rules) -> Iterator[Finding]:
    """The setting basic agrees with the rating rule: zero and reduced stand below it, listed within it."""
    rule = rules.get("rating")
    lowest = rating_rank(document, rule.at_least) if isinstance(rule, RatingRule) else None
    basic, chosen = rating_rank(document, BASIC), document.settings.basic
    if lowest is None:
        return
    if basic is None:
        if chosen != "zero":
            problem = f"basic: {chosen} needs the word {BASIC} in vocabulary.ratings"
            yield Finding(("settings", "basic"), "unknown-word", problem, "add the word, or set basic: zero")
        return
    place = document.eligibility.index(rule) if rule else 0
    if chosen == "zero" and basic >= lowest:
        problem = f"the rating rule lets {BASIC} in, but the setting basic is zero"
        remedy = "raise at_least, or set basic: listed and give it a row in the amounts"
        yield Finding(("eligibility", place, "at_least"), "contradiction", problem, remedy)
    if chosen == "reduced" and basic != lowest - 1:
        problem = f"basic: reduced needs {BASIC} to be the next rating below at_least"
        yield Finding(("settings", "basic"), "contradiction", problem, "correct at_least or the order of vocabulary.ratings")
    if chosen == "listed" and basic < lowest:
        problem = f"basic: listed needs the rating rule to let {BASIC} in"
        yield Finding(("settings", "basic"), "contradiction", problem, f"set at_least: {BASIC} in the rating rule")


def _check_excellent(document: PolicyDocument) -> Iterator[Finding]:
    """An excellent rating is paid more by a percentage, or by the tables, but not by both."""
    if document.settings.excellent != "raised":
        return
    if rating_rank(document, EXCELLENT) is None:
        problem = f"excellent: raised needs the word {EXCELLENT} in vocabulary.ratings"
        yield Finding(("settings", "excellent"), "unknown-word", problem, "add the word, or set excellent: listed")
    for place, line in enumerate(document.lines):
        if "rating" in line.by and any(row.rating == EXCELLENT for row in line.amounts):
            problem = f"{EXCELLENT} has amounts of its own here, and excellent: raised would raise them once more"
            yield Finding(("lines", place, "by"), "contradiction", problem, "set excellent: listed, or leave rating out here")


# What nothing uses ----------------------------------------------------------------------------------------------------------


def _check_unused(document: PolicyDocument, rules: Rules) -> Iterator[Finding]:
    """Payers who pay nothing, and words that no rule looks at."""
    used = {share.payer for line in document.lines for paid_by in line.paid_by for share in paid_by.shares}
    for place, payer in enumerate(document.payers):
        if payer.name not in used:
            problem = f"payer {payer.name} pays no line"
            yield Finding(("payers", place, "name"), "unused", problem, "remove it or name it in a paid_by", "warning")
    by = {dimension for line in document.lines for dimension in line.by}
    words = document.vocabulary
    for name, given, rule, dimension in (
        ("ratings", words.ratings, "rating", "rating"),
        ("grades", words.grades, "certificate", "grade"),
        ("categories", words.categories, "category", "category"),
    ):
        if given and rule not in rules and dimension not in by:
            problem = f"nothing looks at vocabulary.{name}: there is no {rule} rule"
            yield Finding(("vocabulary", name), "unused", problem, f"remove it, or add the rule {rule}", "warning", True)
