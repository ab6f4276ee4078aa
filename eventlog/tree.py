"""The Merkle tree of RFC 6962 section 2.1, kept as a frontier: the roots of its full subtrees, largest first.

Appending costs one hash an event on average, and a log of n events needs at most log2(n) + 1 hashes kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["EMPTY_ROOT", "Frontier", "leaf_hash", "node_hash", "root_of"]

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 ‖ leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree of ``size`` leaves. ``hashes`` has one entry for each one-bit of ``size``."""

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} full subtrees, not {len(self.hashes)}")

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        hashes, size = self.hashes, self.size
        node = leaf
        while size & 1:
            node = node_hash(hashes.pop(), node)
            size >>= 1
        hashes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree's root; of the empty tree, SHA-256 of nothing."""
        if not self.hashes:
            return EMPTY_ROOT
        node = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            node = node_hash(left, node)
        return node

    def to_text(self) -> str:
        return ",".join(h.hex() for h in self.hashes)

    @classmethod
    def from_text(cls, size: int, text: str) -> Frontier:
        return cls(size, (bytes.fromhex(h) for h in text.split(",") if h))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes in order."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()
