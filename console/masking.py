"""How personal fields are shown to somebody who has not said who they are and why: masked, each in its own way.

This is the only place that knows. Whoever is to see a field in plain asks for it by ``hongling registry unmask``, which is
recorded before anything is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["IDENTITY_FIELDS", "LAST_SHOWN", "mask", "masked_identity"]

IDENTITY_FIELDS = ("name", "resident_id", "phone", "bank_account")
"""In the order in which they are shown."""
LAST_SHOWN = 4
"""Characters at the end of a number that are shown."""
STAR = "*"
HIDDEN = STAR * 6
"""In place of anything whose length would say something too."""


def mask(field: str, value: str) -> str:
    """A value as anybody may see it. name: its first character. The numbers: their last four. Anything else: nothing of it.

    Never more than half of a value is shown.
    """
    if field == "name":
        return value[0] + STAR * (len(value) - 1) if len(value) > 1 else STAR
    if field in IDENTITY_FIELDS:
        shown = LAST_SHOWN if len(value) >= 2 * LAST_SHOWN else 0
        return STAR * (len(value) - shown) + value[len(value) - shown :]
    return HIDDEN


def masked_identity(fields: Mapping[str, str]) -> dict[str, str]:
    """The identity fields that there are, masked, in their order; whatever else stands beside them is left out."""
    return {name: mask(name, fields[name]) for name in IDENTITY_FIELDS if name in fields}
