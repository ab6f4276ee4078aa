"""The allowance engine: what is owed to one worker for one year, and why. Pure: no I/O, clock, chance or log.

``decide_year`` is a function of the *set* of facts and policies: their order, and the order in which they became known, never
matter. Money is integer fen. What each setting of a policy means is told in ``services.allowance.settings_text``, under the
same names.

How a year is looked at, module by module:

1. ``file``. *Posts* are engagements with a first and a last day, without the days on which the registration was closed: a
   closing ends them as leaving does, a reopening begins them again. A worker belongs to the division held on 31 December, or on
   the last engaged day if that is earlier; its policy governs the year, and its setting ``moved`` says which division's amounts
   and payers hold after a transfer.
2. ``months``. If the policy limits categories, channels or full time, only the posts that fit are considered; if none fits, the
   one that comes closest, so that the refusal can say what it lacks. A month is *engaged* if a considered post has it
   (``month_counts_when``, ``leaving``, ``part_year``), *certified* if a certificate that counts speaks for it (``promotion``
   says which one does), *stopped* if a failed inspection takes it away (``failed_inspection``), *paid otherwise* if the
   allowance pays it and the rule ``without_allowance`` forbids both. A certificate is in force on the days on which it is
   valid, with the grade that it then has (``contracts.certificate_life``): suspended, revoked, expired, or superseded by a
   later one, it speaks for nothing; where ``territory`` is required, only the days count on which it holds where the worker is.
3. ``rules``. A month *counts* if it is engaged, certified and neither stopped nor paid otherwise. Each rule about months is
   judged on what the rules before it leave over, so that "every predicate is met" implies "at least one month counts".
4. ``amounts``. Each month that counts has a *profile*, on which the tables of amounts and payers depend; a line adds them up.
5. ``decide`` puts these together.

Each instrument (allowance, work expense, part-time allowance) has policies and decisions of its own. One other than the
allowance concerns those only who hold, in the year, a post of the categories that its policy is about.

What no rule of the policy looks at is unknown to it, also as a dimension of amounts: a table by grade needs the certificate
rule, one by rating the rating rule (the checker refuses others). So the facts that a decision lists are all that it used.
"""

from __future__ import annotations

from services.allowance.engine.amounts import rounded
from services.allowance.engine.decide import (
    Owed,
    choose_policy,
    decide_year,
    division_of,
    instruments_of,
    owed_for_year,
    unknown_words,
    years_touched,
)
from services.allowance.engine.file import KnownFact, PolicyInForce
from services.allowance.engine.months import VALID_IN
from services.allowance.engine.words import (
    BASIC,
    EXCELLENT,
    UNKNOWN_WORD_SUFFIX,
    categories_paid,
    covers,
    grade_rank,
    rating_rank,
)

__all__ = [
    "BASIC",
    "EXCELLENT",
    "UNKNOWN_WORD_SUFFIX",
    "VALID_IN",
    "KnownFact",
    "Owed",
    "PolicyInForce",
    "categories_paid",
    "choose_policy",
    "covers",
    "decide_year",
    "division_of",
    "grade_rank",
    "instruments_of",
    "owed_for_year",
    "rating_rank",
    "rounded",
    "unknown_words",
    "years_touched",
]
