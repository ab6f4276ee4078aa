"""Whose turn it is: the consumers of a service share what is kept between batches, and settle one batch at a time.

A batch is settled in the loop's own thread (decision 8), unless nobody can say how long it takes: an act on a whole cycle, a
message that many others wait for. Then it is settled in another thread, and the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Turns"]

T = TypeVar("T")


class Turns:
    """One for each service."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def take(self, work: Callable[[], T], *, long: bool) -> T:
        """Do the work when it is its turn. long: away from the loop's thread."""
        async with self._turn:
            return await asyncio.to_thread(work) if long else work()
