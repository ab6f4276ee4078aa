"""Clock and randomness as arguments: whoever runs the core passes them in, so that a run can be repeated exactly."""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "Entropy", "FixedClock", "SeededEntropy", "SystemClock", "SystemEntropy", "random_token", "uuid7"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, UTC."""
        ...


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that moves only when told."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


class SystemEntropy:
    """The operating system's randomness, fetched 16 KiB at a time because a system call for each id costs more.

    Locked, because ids, keys and nonces are asked for by several threads and none may be given out twice.
    """

    def __init__(self) -> None:
        self._pool = b""
        self._used = 0
        self._lock = threading.Lock()

    def bytes(self, count: int) -> bytes:
        with self._lock:
            if self._used + count > len(self._pool):
                self._pool = os.urandom(max(16384, count))
                self._used = 0
            taken = self._pool[self._used : self._used + count]
            self._used += count
            return taken


class SeededEntropy:
    """Repeatable bytes for simulations. Never for keys."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


def uuid7(at: datetime, entropy: Entropy) -> str:
    """A version 7 UUID (RFC 9562 section 5.7) for a time: 48 bits of milliseconds, 74 random bits."""
    noise = entropy.bytes(10).hex()
    time_hex = f"{(at - _EPOCH) // _MILLISECOND:012x}"
    return f"{time_hex[:8]}-{time_hex[8:]}-7{noise[:3]}-{_VARIANT[noise[3]]}{noise[4:7]}-{noise[7:19]}"


def random_token(entropy: Entropy, length: int = 26) -> str:
    """Letters and digits, ``length`` × 5.17 bits. 26 of them carry 134 bits, so two never meet."""
    value = int.from_bytes(entropy.bytes(length), "big")
    letters = []
    for _ in range(length):
        value, index = divmod(value, 36)
        letters.append(_ALPHABET[index])
    return "".join(letters)


def monotonic_seconds() -> float:
    """For measuring how long something took, never for what is recorded."""
    return time.monotonic()
