"""What goes wrong in a run: drawn from the seed, counted, and written into the trace by which two runs are compared."""

from __future__ import annotations

import hashlib
from collections import Counter
from random import Random

__all__ = ["RATES", "Faults"]

RATES = {
    # the bus
    "publish lost": 0.04,
    "publish stored partly": 0.25,
    "publish stored late": 0.03,
    "publish not confirmed": 0.05,
    "fetch failed": 0.02,
    "delivery delayed": 0.10,
    "deliveries reordered": 0.25,
    "ack lost": 0.08,
    "ack failed": 0.02,
    "stream unreadable": 0.05,
    "messages lost from a stream": 0.35,
    "last messages lost from a stream": 0.20,
    "stream made anew": 0.04,
    # the database
    "database away": 0.01,
    "commit failed": 0.015,
    "commit done and reported as failed": 0.015,
    # the processes
    "crash in an await": 0.004,
    "crash before a commit": 0.012,
    "crash after a commit": 0.012,
    "crash after publishing": 0.02,
    "another instance in between": 0.06,
    "a thread in between": 0.30,
    "a rule failed": 0.01,
    # the sources
    "sent twice": 0.15,
}
"""Fault → how often it happens where it can, before the run's own mood. An experiment changes these, not the code."""

MOODS = (0.0, 0.5, 1.0, 1.0, 2.5)
"""What a run multiplies each rate with: some runs never know a fault that others know well: none hides behind another."""


class Faults:
    """quiet: nothing goes wrong any more. counts: what did, and what was seen of it."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.quiet = False
        self.counts: Counter[str] = Counter()
        self._rates = {kind: rate * draw.choice(MOODS) for kind, rate in RATES.items()}
        self._trace = hashlib.sha256()
        self.lines: list[str] | None = None

    def happens(self, kind: str) -> bool:
        """Whether this goes wrong here and now."""
        if self.quiet or self.draw.random() >= self._rates[kind]:
            return False
        self.saw(kind)
        return True

    def saw(self, kind: str, count: int = 1) -> None:
        self.counts[kind] += count
        self.note(kind)

    def note(self, text: str) -> None:
        """One more line of the trace."""
        self._trace.update(text.encode() + b"\n")
        if self.lines is not None:
            self.lines.append(text)

    def trace(self) -> str:
        """The hash of everything that was noted."""
        return self._trace.hexdigest()
