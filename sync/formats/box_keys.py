"""Box keys (X25519, base64): what may be announced as one. Pure."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from sync.errors import NoteFault
from sync.formats import notes

_LENGTH = 32


def check(key: str) -> None:
    """Refuse a key that nothing can be sealed to.

    A point of low order gives everybody the same secret: libsodium seals nothing to one, so whoever must send something every
    day would fail there every day.

    Raises:
        NoteFault: not 32 octets in base64, or a point of low order.
    """
    octets = notes.decode64(key)
    if len(octets) != _LENGTH:
        raise NoteFault("A box key has 32 octets.")
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(octets))
    except ValueError as fault:
        raise NoteFault("Nothing can be sealed to this box key.") from fault
