"""Unicode's compatible form (NFKC, UAX #15), in time that goes by the length of the text.

A row of marks is put in order by a sort that is quadratic: one letter with 30,000 of them takes a second. Nobody writes more
than a few, so a text is taken in pieces: at their borders marks may stay as they were written.
"""

from __future__ import annotations

import unicodedata

__all__ = ["compatible"]

PIECE_CHARACTERS = 256


def compatible(text: str) -> str:
    """The text with its compatible characters as plain ones: full-width digits as digits, enclosed numbers as numbers."""
    pieces = (text[start : start + PIECE_CHARACTERS] for start in range(0, len(text), PIECE_CHARACTERS))
    return "".join(unicodedata.normalize("NFKC", piece) for piece in pieces)
