"""The tree is that of RFC 6962, held against the test vectors of Certificate Transparency and a naive tree."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.tree import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_of

LEAVES = [bytes.fromhex(text) for text in
          ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Of the first n leaves: the vectors of certificate-transparency's merkle_tree_test, also in RFC 6962 implementations."""


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word: split at the largest power of two below n."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def test_the_empty_tree_has_the_root_of_the_rfc() -> None:
    """SHA-256 of nothing."""
    assert EMPTY_ROOT.hex() == root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_the_published_vectors(size: int) -> None:
    """The well-known leaves of Certificate Transparency, sizes 1 to 8; the naive tree agrees."""
    assert root_of(map(leaf_hash, LEAVES[:size])).hex() == ROOTS[size - 1]
    assert naive_root(LEAVES[:size]).hex() == ROOTS[size - 1]


@given(leaves=st.lists(st.binary(max_size=4), max_size=70))
def test_a_frontier_that_grew_leaf_by_leaf_has_the_root_of_the_whole_tree(leaves: list[bytes]) -> None:
    """At every size, and it keeps one hash for each one-bit of the size."""
    frontier = Frontier()
    for size, leaf in enumerate(leaves, start=1):
        frontier.append(leaf_hash(leaf))
        assert frontier.root() == naive_root(leaves[:size])
        assert len(frontier.hashes) == size.bit_count()


@given(leaves=st.lists(st.binary(max_size=4), max_size=40), more=st.binary(max_size=4))
def test_a_frontier_goes_on_from_its_text_where_it_was(leaves: list[bytes], more: bytes) -> None:
    """Stored as text and read again it has the same root, and grows the same."""
    kept = Frontier()
    for leaf in leaves:
        kept.append(leaf_hash(leaf))
    again = Frontier.from_text(kept.size, kept.to_text())
    assert again.root() == kept.root()
    again.append(leaf_hash(more))
    assert again.root() == naive_root([*leaves, more])


def test_a_frontier_that_does_not_fit_its_size_is_refused() -> None:
    """A damaged head row is not built upon."""
    with pytest.raises(ValueError, match="3 leaves has 2 full subtrees, not 1"):
        Frontier.from_text(3, "00" * 32)


def test_leaves_and_nodes_are_told_apart() -> None:
    """A leaf that holds two hashes is not the node above them (second preimage)."""
    left, right = leaf_hash(b"l"), leaf_hash(b"r")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert node_hash(left, right) != node_hash(right, left)
