"""Fork proof: two heads with the log's own signature that cannot both be beginnings of one history. Pure.

For equal sizes both notes are enough. For unequal ones the proof carries the hashes that reproduce the larger
signed root and give *another* root at the smaller size. (The RFC 6962 consistency proof will not do: for
a power of two it takes the smaller root from the verifier.) Anyone who has the log's key can check it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sync.errors import NoteFault, ProofFault
from sync.formats import copies, merkle, notes

if TYPE_CHECKING:
    from collections.abc import Callable


def fork_proof(
    *, smaller: bytes, larger: bytes, sizes: tuple[int, int], node: Callable[[int, int], bytes]
) -> dict[str, bytes]:
    """Return the files of a fork proof: both notes and, for unequal sizes, ``hashes.json``.

    ``node`` reads the tree whose root the larger head carries.
    """
    files = {"smaller.note": smaller, "larger.note": larger}
    first, last = sizes
    if first != last:
        files["hashes.json"] = json.dumps(
            {
                "edge": [node(height, index).hex() for height, index in copies.cover(0, first)],
                "rest": [node(height, index).hex() for height, index in copies.cover(first, last)],
            }
        ).encode()
    return files


def verify_fork(files: dict[str, bytes], key: notes.VerifierKey) -> str:
    """Check a fork proof with nothing but the log's key; return what it shows, in one sentence.

    Raises:
        ProofFault: it does not show a fork.
    """
    try:
        smaller, larger = (
            notes.open_checkpoint(files[name], key) for name in ("smaller.note", "larger.note")
        )
        if smaller.size == larger.size:
            if smaller.root == larger.root:
                raise ProofFault("Both notes are of the same head.")
            return f"{key.name} signed two different heads of size {smaller.size}."
        hashes = json.loads(files["hashes.json"])
        edge = [bytes.fromhex(text) for text in hashes["edge"]]
        rest = [bytes.fromhex(text) for text in hashes["rest"]]
    except (KeyError, ValueError, TypeError, NoteFault) as fault:
        raise ProofFault(f"This is no fork proof: {fault}") from fault
    if copies.fold(smaller.size, edge, rest, larger.size) != larger.root:
        raise ProofFault("The hashes do not reproduce the larger head.")
    if merkle.root(edge) == smaller.root:
        raise ProofFault("The smaller head is a beginning of the larger one.")
    return f"{key.name} signed a head of size {smaller.size} that is no beginning of the head of size {larger.size} it signed."
