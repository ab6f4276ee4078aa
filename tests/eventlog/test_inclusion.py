"""An event is shown to stand in the log by a path of hashes, which nothing else satisfies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.database import Database
from eventlog.inclusion import audit_path, path_in_log, root_from
from eventlog.tree import leaf_hash, root_of
from tests.eventlog.example import example_log, note
from tests.eventlog.test_tree import LEAVES, ROOTS

HASHES = [leaf_hash(leaf) for leaf in LEAVES]


def subtree(first: int, end: int) -> bytes:
    return root_of(HASHES[first:end])


PUBLISHED = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
"""(index, size) → path: the vectors of certificate-transparency's merkle_tree_test."""


@pytest.mark.parametrize(("index", "size"), PUBLISHED)
def test_the_paths_are_those_of_the_published_vectors(index: int, size: int) -> None:
    """And each leads to the published root of its size."""
    path = audit_path(index, size, subtree)
    assert [each.hex() for each in path] == PUBLISHED[index, size]
    assert root_from(HASHES[index], index, size, path).hex() == ROOTS[size - 1]


@given(leaves=st.lists(st.binary(max_size=4), min_size=1, max_size=40), data=st.data())
def test_a_path_leads_to_the_root_from_its_own_leaf_at_its_own_place_only(leaves: list[bytes], data: st.DataObject) -> None:
    """Another leaf, another place, or one changed hash leads elsewhere, or does not fit."""
    hashes = [leaf_hash(leaf) for leaf in leaves]
    size = len(hashes)
    index = data.draw(st.integers(0, size - 1))
    root = root_of(hashes)
    path = audit_path(index, size, lambda first, end: root_of(hashes[first:end]))
    assert root_from(hashes[index], index, size, path) == root
    assert root_from(leaf_hash(b"other"), index, size, path) != root
    for place in range(len(path)):
        forged = [bytes(32) if place == at else each for at, each in enumerate(path)]
        assert root_from(hashes[index], index, size, forged) != root
    for other in range(size):
        if hashes[other] != hashes[index]:
            assert not leads(hashes[index], other, size, path, root)


def leads(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    try:
        return root_from(leaf, index, size, path) == root
    except ValueError:  # The path has another length than this place asks for.
        return False


def test_there_is_no_path_to_what_is_not_there() -> None:
    """Beyond either end of the tree, or with a hash too many or too few."""
    for index in (-1, 8):
        with pytest.raises(ValueError, match="no leaf"):
            audit_path(index, 8, subtree)
    good = audit_path(5, 8, subtree)
    for path in (good[:-1], [*good, good[0]]):
        with pytest.raises(ValueError, match="3 hashes"):
            root_from(HASHES[5], 5, 8, path)


def test_a_path_from_the_log_leads_to_the_root_that_its_head_shows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """For every event, also in the tree as it was before later events; the leaves are read in pages."""
    monkeypatch.setattr("eventlog.inclusion.PAGE", 4)
    log = example_log(database)
    roots = []
    for number in range(11):
        log.append([note(log, number, "a", f"text {number}")])
        with database.read.connect() as connection:
            roots.append(log.head(connection).root)
    with database.read.connect() as connection:
        rows = log.rows(connection, 0, 100)
        for row in rows:
            for size in (row.position, 8, 11):
                if row.position <= size:
                    path = path_in_log(connection, row.position, size)
                    assert root_from(row.leaf_hash, row.position - 1, size, path).hex() == roots[size - 1]
        with pytest.raises(ValueError, match="no event after position 11"):
            path_in_log(connection, 3, 40)
