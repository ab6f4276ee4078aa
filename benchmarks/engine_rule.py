"""The rule of ``benchmarks.population`` as a policy document of ours."""

from __future__ import annotations

from benchmarks.population import AMOUNTS_FEN, CHANGE_MONTH, GRADES, RATINGS, YEAR
from contracts.policy import PolicyDocument
from services.allowance.engine import PolicyInForce

__all__ = ["policy_in_force"]


def policy_in_force() -> PolicyInForce:
    """Amounts by grade and rating, others from the month of the change on; in twelfths; from one payer."""
    before, after = {"last_month": f"{YEAR}-{CHANGE_MONTH - 1:02}"}, {"first_month": f"{YEAR}-{CHANGE_MONTH:02}"}
    amounts = [
        {"grade": grade, "rating": rating, "amount_fen": fen} | months
        for (grade, rating), pair in AMOUNTS_FEN.items()
        for fen, months in zip(pair, (before, after), strict=True)
    ]
    said = {
        "document": "example",
        "title": "示例办法",
        "division": "320100",
        "issued_on": f"{YEAR}-01-01",
        "effective": {"first_day": f"{YEAR}-01-01", "last_day": f"{YEAR}-12-31"},
        "source": "made up, to be measured",
        "vocabulary": {
            "ratings": [{"word": word, "zh": word} for word in RATINGS[1:]],
            "grades": [{"word": word, "zh": word} for word in GRADES[1:]],
        },
        "eligibility": [
            {"rule": "engaged", "clause": "1"},
            {"rule": "certificate", "clause": "2"},
            {"rule": "rating", "at_least": "competent", "clause": "3"},
        ],
        "payers": [{"name": "county", "zh": "县"}],
        "lines": [
            {
                "name": "base",
                "zh": "津贴",
                "clause": "4",
                "period": "annual",
                "by": ["grade", "rating"],
                "amounts": amounts,
                "paid_by": "county",
            }
        ],
    }
    return PolicyInForce("00000000-0000-0000-0000-000000000900", PolicyDocument.model_validate(said))
