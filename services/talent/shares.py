"""Shares, exactly: of two counts, in hundredths of a percent, rounded half up. Integers only, never a float. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WHOLE_HUNDREDTHS", "Share", "percent_text"]

WHOLE_HUNDREDTHS = 10_000
"""100 % in hundredths of a percent."""


def percent_text(hundredths: int) -> str:
    """6410 → ``64.10``."""
    return f"{hundredths // 100}.{hundredths % 100:02d}"


@dataclass(frozen=True, slots=True)
class Share:
    """part of whole, neither below zero. A part may be greater than the whole: more than 100 %."""

    part: int
    whole: int

    @property
    def hundredths(self) -> int | None:
        """Of a percent, rounded half up; None: there is no whole, so no share."""
        return None if self.whole == 0 else (2 * self.part * WHOLE_HUNDREDTHS + self.whole) // (2 * self.whole)

    @property
    def percent(self) -> str | None:
        """``64.10``; None: there is no whole."""
        found = self.hundredths
        return None if found is None else percent_text(found)

    def reaches(self, hundredths: int) -> bool:
        """Whether the exact share, not the rounded one, is at least so many hundredths of a percent."""
        return self.whole > 0 and self.part * WHOLE_HUNDREDTHS >= self.whole * hundredths
