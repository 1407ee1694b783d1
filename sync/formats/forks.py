"""Fork proof: two heads with the log's own signature that cannot both be beginnings of one history. Pure.

For equal sizes both notes are enough. For unequal ones the proof carries the hashes that reproduce the larger
signed root and give *another* root at the smaller size. (The RFC 6962 consistency proof will not do: for
a power of two it takes the smaller root from the verifier.) It is one file of text lines that anyone who has the
log's key can check, without a network and without the unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.errors import NoteFault, ProofFault
from sync.formats import copies, heads, merkle, notes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TITLE = "minqing fork proof 1"
FILE = "fork.proof"
"""Name of the file among an incident's evidence."""

LIMIT = 512 * 1024
_LINES = 200


@dataclass(frozen=True, kw_only=True)
class ForkProof:
    """What the file holds; nothing about it is verified yet."""

    keys: tuple[notes.VerifierKey, ...]
    """The log's keys as whoever found the fork knew them: compare them with what you know from elsewhere."""

    smaller: bytes
    larger: bytes
    edge: tuple[bytes, ...] = ()
    """Roots of the complete subtrees of the smaller size, in the tree of the larger head."""

    rest: tuple[bytes, ...] = ()
    """Roots of the complete subtrees from the smaller size to the larger."""

    def encode(self) -> bytes:
        """Return the file."""
        lines = [TITLE, *(f"key {key}" for key in self.keys)]
        lines += [
            f"smaller {notes.encode64(self.smaller)}",
            f"larger {notes.encode64(self.larger)}",
        ]
        lines += [f"edge {notes.encode64(value)}" for value in self.edge]
        lines += [f"rest {notes.encode64(value)}" for value in self.rest]
        return ("\n".join(lines) + "\n").encode()


def decode(octets: bytes) -> ForkProof:
    """Read a fork proof file.

    Raises:
        ProofFault: it is none; another spelling of the same content is none either.
    """
    found: dict[str, list[str]] = {
        name: [] for name in ("key", "smaller", "larger", "edge", "rest")
    }
    title, *lines = octets[:LIMIT].decode("ascii", "replace").removesuffix("\n").split("\n")
    if title != TITLE or len(lines) > _LINES:
        raise ProofFault(f"This is no fork proof: its first line is not {TITLE!r}.")
    try:
        for line in lines:
            name, _, value = line.partition(" ")
            found[name].append(value)
        (smaller,), (larger,) = found["smaller"], found["larger"]
        proof = ForkProof(
            keys=tuple(notes.VerifierKey.parse(text) for text in found["key"]),
            smaller=notes.decode64(smaller),
            larger=notes.decode64(larger),
            edge=tuple(notes.decode64(text) for text in found["edge"]),
            rest=tuple(notes.decode64(text) for text in found["rest"]),
        )
    except (KeyError, ValueError, NoteFault) as fault:
        raise ProofFault(f"This is no fork proof: {fault}") from fault
    if proof.encode() != octets:
        raise ProofFault("This is no fork proof: it is spelled differently.")
    return proof


def fork_proof(
    *,
    keys: Sequence[notes.VerifierKey],
    smaller: bytes,
    larger: bytes,
    sizes: tuple[int, int],
    node: Callable[[int, int], bytes] | None = None,
) -> dict[str, bytes]:
    """Return the evidence of a fork: the portable file, and both notes beside it as they came.

    ``node`` reads the tree whose root the larger head carries; equal sizes need none.
    """
    first, last = sizes
    edge: list[bytes] = []
    rest: list[bytes] = []
    if first != last and node is not None:
        edge = [node(height, index) for height, index in copies.cover(0, first)]
        rest = [node(height, index) for height, index in copies.cover(first, last)]
    proof = ForkProof(
        keys=tuple(keys), smaller=smaller, larger=larger, edge=tuple(edge), rest=tuple(rest)
    )
    return {FILE: proof.encode(), "smaller.note": smaller, "larger.note": larger}


def verify_fork(octets: bytes, keys: heads.LogKeys) -> str:
    """Check a fork proof file with nothing but the log's keys; return what it shows, in one sentence.

    Raises:
        ProofFault: it does not show a fork.
    """
    proof = decode(octets)
    try:
        smaller, larger = (heads.open_head(note, keys) for note in (proof.smaller, proof.larger))
    except NoteFault as fault:
        raise ProofFault(f"This is no fork proof: {fault}") from fault
    if smaller.origin != larger.origin:
        raise ProofFault("The two heads are of different logs.")
    if smaller.size == larger.size:
        if smaller.root == larger.root:
            raise ProofFault("Both notes are of the same head.")
        return f"{smaller.origin} signed two different heads of size {smaller.size}."
    if copies.fold(smaller.size, proof.edge, proof.rest, larger.size) != larger.root:
        raise ProofFault("The hashes do not reproduce the larger head.")
    if merkle.root(proof.edge) == smaller.root:
        raise ProofFault("The smaller head is a beginning of the larger one.")
    return (
        f"{smaller.origin} signed a head of size {smaller.size} that is no beginning of the head of size "
        f"{larger.size} it signed."
    )
