"""How much a message may hold, beside its bytes: what costs is the number of its values, and of what is wrong with them."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["INTAKE_DEPTH_MAX", "INTAKE_VALUES_MAX", "beyond"]

INTAKE_DEPTH_MAX = 12
"""Nested arrays and objects in one intake message. A deeper one is parked with a receipt."""
INTAKE_VALUES_MAX = 3_000
"""Names and values in one intake message, at all depths; no schema lets more in. One with more is parked with a receipt."""


def beyond(value: Any) -> Literal["too-deep", "too-many-values"] | None:
    """Which of the two bounds a JSON value is beyond."""
    layer, values = [value], 1
    for _ in range(INTAKE_DEPTH_MAX):
        inner: list[Any] = []
        for each in layer:
            if isinstance(each, dict):
                values += 2 * len(each)
                inner += [part for part in each.values() if isinstance(part, dict | list)]
            elif isinstance(each, list):
                values += len(each)
                inner += [part for part in each if isinstance(part, dict | list)]
        if values > INTAKE_VALUES_MAX:
            return "too-many-values"
        if not inner:
            return None
        layer = inner
    return "too-deep"
