"""That an event stands in a log, shown with a few hashes: the audit path of RFC 6962 section 2.1.1.

Whoever has the event, the path and a root that they trust needs nothing else: no database, no broker, no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection

from eventlog import schema
from eventlog.log import page_of
from eventlog.tree import Frontier, node_hash

__all__ = ["audit_path", "path_in_log", "root_from"]

PAGE = 10_000

Subtree = Callable[[int, int], bytes]
"""(first, end) → root over the leaves ``first`` to ``end - 1``, counted from 0."""


def audit_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The hashes beside the way from a leaf to the root, from the leaf upwards. Raises ValueError if there is no such leaf.

    index: of the leaf, from 0. size: leaves of the tree.
    """
    return [subtree(first, end) for first, end in _beside(index, size)]


def _beside(index: int, size: int) -> Iterator[tuple[int, int]]:
    """The subtrees beside the way from a leaf to the root, from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    found = []
    first, end = 0, size
    while end - first > 1:
        # Split at the largest power of two below the size.
        split = first + (1 << (end - first - 1).bit_length() - 1)
        if index < split:
            found.append((split, end))
            end = split
        else:
            found.append((first, split))
            first = split
    return reversed(found)


def root_from(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree that has this leaf hash at this index, if the path is true. Raises ValueError for a path that
    does not fit the size."""
    beside = list(_beside(index, size))
    if len(path) != len(beside):
        raise ValueError(f"the path of leaf {index} in a tree of {size} has {len(beside)} hashes, not {len(path)}")
    node = leaf
    for (first, _), other in zip(beside, path, strict=True):
        node = node_hash(other, node) if first < index else node_hash(node, other)
    return node


def path_in_log(connection: Connection, position: int, size: int) -> list[bytes]:
    """The audit path of the event at a position, in the tree over the first ``size`` events of the log.

    Reads the leaf hash of every one of them once. Raises ValueError if there is no such event.
    """

    def subtree(first: int, end: int) -> bytes:
        frontier = Frontier()
        after = first
        while after < end:
            page = page_of(schema.event, after, min(PAGE, end - after)).with_only_columns(schema.event.c.leaf_hash)
            leaves = connection.scalars(page).all()
            if not leaves:
                raise ValueError(f"the log has no event after position {after}")
            for leaf in leaves:
                frontier.append(leaf)
            after += len(leaves)
        return frontier.root()

    return audit_path(position - 1, size, subtree)
