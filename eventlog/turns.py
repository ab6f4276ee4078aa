"""Whose turn it is: the consumers of a service share what is kept between batches, and settle one batch at a time.

A batch is settled in the loop's own thread (decision 8), unless nobody can say how long it takes: an act on a whole cycle, a
message that many others wait for. Then it is settled in another thread, and the loop goes on meanwhile. What turns out to be
long only on the way, a history of thousands of events that is not in the cache, is begun again there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["HISTORY_MAX", "Long", "Turns", "unhurried"]

T = TypeVar("T")

HISTORY_MAX = 500
"""Events of one stream that are read and folded in the loop's thread: some 30 ms. Of a working life there are a few hundred."""
_hurried = threading.local()


class Long(BaseException):
    """What is being settled takes longer than the loop's thread has. Not an Exception: nobody on the way is to classify it."""


class Turns:
    """One for each service."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def take(self, work: Callable[[], T], *, long: bool = False) -> T:
        """Do the work when it is its turn. long: away from the loop's thread.

        Work that raises Long has been rolled back, and is done away from the loop's thread.
        """
        async with self._turn:
            if not long:
                _hurried.yes = True
                try:
                    return work()
                except Long:
                    pass
                finally:
                    _hurried.yes = False
            return await asyncio.to_thread(work)


def unhurried(events: int) -> None:
    """Say how many events of one stream are about to be folded. Raises Long where they are too many for this thread."""
    if events > HISTORY_MAX and getattr(_hurried, "yes", False):
        raise Long(f"{events} events of one stream")
