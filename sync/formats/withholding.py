"""Proof of withholding: two disclosure notes of one unit that cannot both have been complete. Pure.

A note says: to P, under these grants, up to size N, m records, the last of them c. The log below N never changes and
erasing only takes away. So if a later note, under the same grants and for no larger size, counts more, or
as many with another last record, then the earlier one was false: something had been held back.

Notes from before and after an adoption of the log are not compared: a unit that was restored counts only what it got
back, and may get the rest of it later. That it was adopted stands in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.errors import NoteFault, ProofFault
from sync.formats import framing, notes

if TYPE_CHECKING:
    from collections.abc import Sequence

TITLE = "minqing withholding proof 1"
FILE = "withholding.proof"


@dataclass(frozen=True, kw_only=True)
class WithholdingProof:
    """What the file holds; nothing about it is verified yet."""

    keys: tuple[notes.VerifierKey, ...]
    """The issuer's peer keys as the recipient knew them."""

    earlier: bytes
    later: bytes

    def encode(self) -> bytes:
        """Return the file."""
        lines = [TITLE, *(f"key {key}" for key in self.keys)]
        lines += [f"earlier {notes.encode64(self.earlier)}", f"later {notes.encode64(self.later)}"]
        return ("\n".join(lines) + "\n").encode()


def decode(octets: bytes) -> WithholdingProof:
    """Read a proof of withholding.

    Raises:
        ProofFault: it is none.
    """
    title, *lines = octets[:65536].decode("ascii", "replace").removesuffix("\n").split("\n")
    try:
        *keys, (_, earlier), (_, later) = (line.split(" ") for line in lines[:12])
        proof = WithholdingProof(
            keys=tuple(notes.VerifierKey.parse(text) for _, text in keys),
            earlier=notes.decode64(earlier),
            later=notes.decode64(later),
        )
    except (ValueError, NoteFault) as fault:
        raise ProofFault(f"This is no proof of withholding: {fault}") from fault
    if title != TITLE or proof.encode() != octets:
        raise ProofFault(f"This is no proof of withholding: it does not begin with {TITLE!r}.")
    return proof


def contradict(earlier: framing.Disclosure, later: framing.Disclosure) -> bool:
    """Whether two notes, issued in this order and without an adoption in between, cannot both have been complete."""
    same = (earlier.issuer, earlier.recipient, sorted(earlier.grants)) == (
        later.issuer, later.recipient, sorted(later.grants),
    )  # fmt: skip
    if earlier.epoch // framing.EPOCHS != later.epoch // framing.EPOCHS:
        return False
    if not same or later.epoch < earlier.epoch or later.size > earlier.size:
        return False
    another_last = (later.size, later.count) == (earlier.size, earlier.count)
    return later.count > earlier.count or (another_last and later.last != earlier.last)


def verify_withholding(octets: bytes, keys: Sequence[notes.VerifierKey]) -> str:
    """Check a proof of withholding with the issuer's peer keys; return what it shows, in one sentence.

    Notes of one epoch carry no order; the recipient's word that the second came later is then part of the proof.

    Raises:
        ProofFault: it shows nothing.
    """
    proof = decode(octets)
    try:
        earlier, later = (
            framing.read_disclosure(note, *keys) for note in (proof.earlier, proof.later)
        )
    except NoteFault as fault:
        raise ProofFault(f"This shows nothing: {fault}") from fault
    if not contradict(earlier, later):
        raise ProofFault("The two notes do not contradict each other.")
    return (
        f"{earlier.issuer} told {earlier.recipient} of {earlier.count} records up to size {earlier.size}, and of "
        f"{later.count} up to size {later.size} under the same grants later: something had been held back."
    )
