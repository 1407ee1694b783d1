"""Sealed boxes (X25519, libsodium's ``crypto_box_seal``): what only the named unit can open, wherever others carry it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from nacl.exceptions import CryptoError
from nacl.public import PublicKey, SealedBox

from sync.errors import NoteFault
from sync.formats import notes
from sync.identity import box_open
from sync.refusals import ExchangeFault
from tenants.current import current_unit, unit_context

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH = struct.Struct(">I")
_LEAST = 4096


class BoxFault(ExchangeFault):
    """A box cannot be closed with that key, or cannot be opened with ours."""


def seal(octets: bytes, box_key: str) -> bytes:
    """Seal octets to a unit's box key; the length is rounded up, so that who carries it learns little from it.

    Raises:
        BoxFault: the key cannot be used.
    """
    try:
        box = SealedBox(PublicKey(notes.decode64(box_key)))
        return bytes(box.encrypt(_LENGTH.pack(len(octets)) + octets + bytes(_filling(len(octets)))))
    except (CryptoError, NoteFault, ValueError) as fault:
        raise BoxFault("The peer's box key cannot be used: connect anew.") from fault


def opener() -> Callable[[bytes], bytes]:
    """Return what opens boxes sealed to the current unit, in any thread; it raises ``BoxFault``."""
    unit = current_unit()

    def unseal(sealed: bytes) -> bytes:
        try:
            with unit_context(unit):
                opened = box_open(sealed)
            (length,) = _LENGTH.unpack_from(opened)
        except (CryptoError, ValueError, struct.error) as fault:
            raise BoxFault("The box does not open with this unit's box key.") from fault
        return bytes(opened[4 : 4 + length])

    return unseal


def _filling(length: int) -> int:
    """Return how many octets are added: up to a multiple of 4 KiB, and of an eighth to a sixteenth of long ones."""
    step = max(_LEAST, 1 << max(0, length.bit_length() - 4))
    return -(length + 4) % step
