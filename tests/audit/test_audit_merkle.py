from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    consistent,
    included,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
)

# The reference vectors of the Certificate Transparency project for RFC 6962 trees of 1 to 8 leaves.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
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
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
TREES = st.integers(1, 70).map(lambda size: [leaf_hash(bytes([number])) for number in range(size)])


def test_the_empty_tree():
    assert EMPTY_ROOT == sha256(b"").digest() == Frontier().root


@pytest.mark.parametrize("size", range(1, 9))
def test_reference_roots(size):
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_reference_inclusion_path():
    # RFC 6962, 2.1.3: the path of d3 in the tree of seven leaves is [c, g, l]
    first, second, fourth = (node_hash(LEAVES[n], LEAVES[n + 1]) for n in (0, 2, 4))
    assert inclusion_proof(LEAVES[:7], 3) == [LEAVES[2], first, node_hash(fourth, LEAVES[6])]
    assert inclusion_proof(LEAVES[:7], 0) == [LEAVES[1], second, node_hash(fourth, LEAVES[6])]
    assert inclusion_proof(LEAVES[:7], 6) == [fourth, node_hash(first, second)]


def test_reference_consistency_proof():
    # RFC 6962, 2.1.3: between three and seven leaves it is [c, d, g, l]
    first, fourth = node_hash(LEAVES[0], LEAVES[1]), node_hash(LEAVES[4], LEAVES[5])
    assert consistency_proof(LEAVES[:7], 3) == [LEAVES[2], LEAVES[3], first, node_hash(fourth, LEAVES[6])]
    assert consistency_proof(LEAVES[:7], 4) == [node_hash(fourth, LEAVES[6])]


@settings(deadline=None)
@given(TREES, st.data())
def test_every_leaf_is_provable_and_no_other(leaves, data):
    number = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = inclusion_proof(leaves, number), root_of(leaves)
    assert included(leaves[number], number, len(leaves), proof, root)
    assert not included(leaf_hash(b"forged"), number, len(leaves), proof, root)
    assert not included(leaves[number], number, len(leaves), [*proof, root], root)
    assert not included(leaves[number], len(leaves), len(leaves), proof, root)


@settings(deadline=None)
@given(TREES, st.data())
def test_growth_is_provable_and_rewriting_is_not(leaves, data):
    old = data.draw(st.integers(1, len(leaves)))
    proof, old_root, root = consistency_proof(leaves, old), root_of(leaves[:old]), root_of(leaves)
    assert consistent(old, old_root, len(leaves), root, proof)
    assert not consistent(old, leaf_hash(b"forged"), len(leaves), root, proof)
    assert not consistent(old, old_root, len(leaves), leaf_hash(b"forged"), proof)


@settings(deadline=None)
@given(TREES, st.data())
def test_a_frontier_grows_in_any_steps(leaves, data):
    cut = data.draw(st.integers(0, len(leaves)))
    grown = Frontier().extended(leaves[:cut]).extended(leaves[cut:])
    assert grown == Frontier().extended(leaves)


def test_a_frontier_checks_itself():
    with pytest.raises(ValueError, match="one root per"):
        Frontier(3, (LEAVES[0],))


@pytest.mark.parametrize("old", [0, 9])
def test_no_consistency_proof_beyond_the_tree(old):
    with pytest.raises(ValueError, match="old size"):
        consistency_proof(LEAVES, old)
