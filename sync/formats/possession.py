"""Proof that whoever announces public keys holds their private halves, all of them for one origin. Pure.

The text names the origin and every key that is announced together; each key that can sign signs the same text. Its first line
keeps it apart from everything else those keys sign (heads, cosignatures, acknowledgements, notes, policies). A box key
(X25519) cannot sign and need not: whoever announces a stranger's gets parcels that only the stranger could open, each
naming another recipient; and the others vouch for it, so that nobody can put one of their own in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.errors import NoteFault
from sync.formats import notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BOX = "box"
"""The use whose keys do not sign."""


def text(origin: str, keys: Mapping[str, str]) -> bytes:
    """Return what each key signs; ``keys`` is from use to key, as a unit document writes them."""
    lines = ["minqing possession 1", origin, *(f"{use} {keys[use]}" for use in sorted(keys))]
    return "".join(f"{line}\n" for line in lines).encode()


def prove(origin: str, keys: Mapping[str, str], held: Iterable[notes.SigningKey]) -> dict[str, str]:
    """Return signatures (base64) by use, for those of ``keys`` whose private half is among those ``held``."""
    signed, found = text(origin, keys), {str(key.verifier): key for key in held}
    return {
        use: notes.encode64(found[key].private.sign(signed))
        for use, key in keys.items()
        if key in found
    }


def check(origin: str, keys: Mapping[str, str], proofs: Mapping[str, str]) -> None:
    """Check that every key that signs has signed.

    Raises:
        NoteFault: one is missing, or does not verify; the sentence names its use.
    """
    signed = text(origin, keys)
    for use, key in keys.items():
        if use == BOX:
            continue
        if use not in proofs:
            raise NoteFault(f"nothing shows that the unit holds its {use} key")
        try:
            notes.VerifierKey.parse(key).verify(notes.decode64(proofs[use]), signed)
        except NoteFault as fault:
            raise NoteFault(f"the unit does not hold the {use} key that it announces") from fault
