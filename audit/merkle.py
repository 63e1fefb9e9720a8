"""The Merkle tree of RFC 6962, section 2.1: hashes, roots, proofs, and a compact form that grows.

A tree of n leaves splits at the largest power of two below n. ``Frontier`` keeps only the roots of the perfect
subtrees from left to right (one per bit of n), enough to append and to know the root.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash one leaf: SHA-256(0x00 ‖ entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """A tree of ``size`` leaves as the roots of its perfect subtrees, the largest first."""

    size: int = 0
    roots: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.roots) != self.size.bit_count():
            raise ValueError("A frontier has one root per set bit of its size.")

    def extended(self, leaves: Iterable[bytes]) -> "Frontier":
        """Return the tree with these leaf hashes appended."""
        size, roots = self.size, list(self.roots)
        for leaf in leaves:
            roots.append(leaf)
            size += 1
            for _ in range((size & -size).bit_length() - 1):
                right = roots.pop()
                roots[-1] = node_hash(roots[-1], right)
        return Frontier(size, tuple(roots))

    @property
    def root(self) -> bytes:
        """The Merkle tree hash."""
        if not self.roots:
            return EMPTY_ROOT
        *rest, root = self.roots
        for left in reversed(rest):
            root = node_hash(left, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of these leaf hashes."""
    return Frontier().extended(leaves).root


def inclusion_proof(leaves: Sequence[bytes], number: int) -> list[bytes]:
    """Return the audit path of leaf ``number`` (counted from 0), from its sibling up (RFC 6962, 2.1.1)."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if number < split:
        return [*inclusion_proof(leaves[:split], number), root_of(leaves[split:])]
    return [*inclusion_proof(leaves[split:], number - split), root_of(leaves[:split])]


def every_inclusion_proof(leaves: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """Return the root of these leaf hashes and the path of each, in one go over the tree; there is at least one."""
    if len(leaves) == 1:
        return leaves[0], [[]]
    split = _split(len(leaves))
    left, lefts = every_inclusion_proof(leaves[:split])
    right, rights = every_inclusion_proof(leaves[split:])
    for path in lefts:
        path.append(right)
    for path in rights:
        path.append(left)
    return node_hash(left, right), lefts + rights


def included(leaf: bytes, number: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves the leaf hash at ``number`` in the tree of that size and root."""
    return root_by(leaf, number, size, proof) == root


def root_by(leaf: bytes, number: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Return the root that the path leads to from the leaf hash at ``number`` (RFC 9162, 2.1.3.2); None where it leads to none."""
    if not 0 <= number < size:
        return None
    here, last, hashed = number, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if here & 1 or here == last:
            hashed = node_hash(sibling, hashed)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        here, last = here >> 1, last >> 1
    return hashed if last == 0 else None


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the proof that the tree of the first ``old_size`` leaves is a prefix of this one (RFC 6962, 2.1.2)."""
    if not 0 < old_size <= len(leaves):
        raise ValueError("The old size must be from 1 to the size of the tree.")
    return _subproof(leaves, old_size, whole=True)


def _subproof(leaves: Sequence[bytes], old: int, *, whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = _split(len(leaves))
    if old <= split:
        return [*_subproof(leaves[:split], old, whole=whole), root_of(leaves[split:])]
    return [*_subproof(leaves[split:], old - split, whole=False), root_of(leaves[:split])]


def consistent(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows the old tree to be a prefix of the new one (RFC 9162, 2.1.4.2)."""
    if old_size == size:
        return not proof and old_root == root
    if not 0 < old_size < size:
        return False
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    here, last = old_size - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    return bool(path) and _climb(path, here, last) == (old_root, root)


def _climb(path: Sequence[bytes], here: int, last: int) -> tuple[bytes, bytes] | None:
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    return (old, new) if last == 0 else None


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)
