"""The roles of those who report, as data: what each may report, and which cannot be one principal's.

The broker's permissions are made from this, and the services hold what comes in against it. A principal has a name of its own
and one role or more; the usual ones, which every deployment has, have the name of their role.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from contracts.appraisal_intake import APPRAISAL_TYPES
from contracts.development_intake import MATTER_FACTS, PERSON_FACTS
from contracts.intake import FACT_TYPES
from contracts.staffing_intake import STAFFING_TYPES

__all__ = [
    "AUDITOR",
    "CASHIER",
    "DESK",
    "FACTS",
    "OPERATOR",
    "PEOPLE",
    "POLICY_OFFICE",
    "REPORTING",
    "REVIEWER",
    "SOURCE",
    "facts_of",
    "frozen",
    "together",
]

OPERATOR = "operator"
DESK = "desk"
POLICY_OFFICE = "policy"
CASHIER = "cashier"
REVIEWER = "reviewer"
AUDITOR = "auditor"
SOURCE = "source"

PEOPLE = (OPERATOR, DESK, POLICY_OFFICE, CASHIER, REVIEWER, AUDITOR)
REPORTING = (OPERATOR, DESK, POLICY_OFFICE, CASHIER, REVIEWER, SOURCE)
"""Roles that publish facts and are answered."""

_POLICY_FACTS = frozenset(
    f"{what}-published" for what in ("policy", "qualification-standard", "certification-standard", "development-policy")
)
_PARKED_ACTS = frozenset({"parked-retry", "parked-discard"})
# Four eyes: who proposes can take it back, and who confirms proposes nothing.
_CONFIRM, _WITHDRAW = frozenset({"act-confirmed"}), frozenset({"act-withdrawn"})
# 经办、复核分离: who prepares and pays cannot check, nor settle what the bank has done otherwise; who checks pays nothing.
_REVIEWER_FACTS = frozenset({"payment-run-checked", "period-closed", "break-settled"}) | _CONFIRM
_CASHIER_FACTS = frozenset(
    {"payment-run-prepared", "payment-run-sealed", "payment-run-exported", "payment-run-instructed",
     "payment-run-cancelled", "payment-results-reported", "break-settled", "recovery-demanded", "recovery-paid"}
)  # fmt: skip
# Acts of the registration authority itself, each with who and why: no integrating system decides who is whom or who is seen.
_PERSONAL_DATA_ACTS = frozenset({"duplicate-confirmed", "personal-data-unmasked", "personal-data-exported", "person-erased"})
_CANDIDATE_FACTS = frozenset(
    f"candidate-{act}" for act in ("nominated", "profiled", "screened", "admitted", "removed", "placed")
)
_DEVELOPMENT_FACTS = frozenset({*PERSON_FACTS, *MATTER_FACTS})
_APPRAISAL_FACTS = frozenset(kind.split(".")[1] for kind in APPRAISAL_TYPES)
_STAFFING_FACTS = frozenset(kind.split(".")[1] for kind in STAFFING_TYPES)
_REGISTRY_FACTS, _TALENT_FACTS = (
    frozenset(kind.split(".")[1] for kind, (_, services) in FACT_TYPES.items() if service in services)
    for service in ("registry", "talent")
)
# What allowance takes is nobody's fact about a person: it decides and pays, and hears the registry.
_SOURCE_FACTS = (_REGISTRY_FACTS | _TALENT_FACTS) - _POLICY_FACTS - _PARKED_ACTS - _PERSONAL_DATA_ACTS - _CONFIRM - _WITHDRAW
# A person at a desk reports by `hongling registry …` and `hongling talent …` what these services take, but no policy.
_TALENT_DESK_FACTS = _CANDIDATE_FACTS | _DEVELOPMENT_FACTS | _STAFFING_FACTS | _APPRAISAL_FACTS
_DESK_FACTS = (_REGISTRY_FACTS - _POLICY_FACTS - _PARKED_ACTS - _CONFIRM) | _TALENT_DESK_FACTS

FACTS: dict[str, frozenset[str]] = {
    OPERATOR: _DESK_FACTS | _PARKED_ACTS,
    DESK: _DESK_FACTS,
    POLICY_OFFICE: _POLICY_FACTS | _WITHDRAW,
    CASHIER: _CASHIER_FACTS,
    REVIEWER: _REVIEWER_FACTS,
    AUDITOR: frozenset(),
    SOURCE: _SOURCE_FACTS,
}
"""role → what it may report: names of facts such as ``certificate-issued``."""

_APART = ({CASHIER, REVIEWER},)
"""Who makes does not check."""
_ALONE = (AUDITOR, SOURCE)
"""An auditor changes nothing, so it is nothing else; an integrating system is no person."""


def facts_of(roles: Iterable[str]) -> frozenset[str]:
    """What a principal of these roles may report."""
    return frozenset().union(*(FACTS[role] for role in roles))


def together(roles: Collection[str]) -> str | None:
    """Why one principal cannot have these roles together; None if it can."""
    for alone in _ALONE:
        if alone in roles and len(set(roles)) > 1:
            return f"{alone} goes with no other role: make a principal of its own for each"
    for pair in _APART:
        if pair <= set(roles):
            return f"{' and '.join(sorted(pair))} cannot be one person: who makes does not check; make two principals"
    return None


def frozen(name: str, roles: Collection[str]) -> tuple[str, ...] | None:
    """The roles of a principal as an event's origin keeps them; None where its name says all: a usual one, or a source."""
    given = sorted(set(roles) - {SOURCE})
    return None if given == [role for role in PEOPLE if role == name] else tuple(given)
