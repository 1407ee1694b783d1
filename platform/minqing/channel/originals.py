"""Originals of photos, sealed as soon as they come: what a database, a backup or a ledger opening holds of them is ciphertext.

A telephone writes place, device and time into a photo. The octets as they came are evidence all the same, so they are
kept in a NaCl sealed box to this unit's box key, whose private half is a file beside the database (``sync.identity``).
Beside the box stands the digest ``SHA-256("minqing/photo/v1" || 0x00 || salt32 || octets)`` with the salt inside the box:
units that hold the same original show the same digest, and nobody can guess at what it stands for.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from django.utils.translation import gettext as _
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from minqing.channel.errors import ChannelFault
from sync import identity
from sync.errors import NoteFault
from sync.formats import notes

_SALT = 32
_LABEL = b"minqing/photo/v1\0"


class OriginalFault(ChannelFault):
    """A sealed original does not open with this unit's key, or is not what its digest says."""

    status = 409


@dataclass(frozen=True, kw_only=True)
class SealedOriginal:
    """One original: ``box`` opens with a unit's box key only, ``digest`` (hex) is the same wherever it goes."""

    box: bytes
    digest: str


def sealed_here(octets: bytes) -> SealedOriginal:
    """Seal an original's octets to this unit's own box key."""
    salt = secrets.token_bytes(_SALT)
    own = PrivateKey(identity.box_seed()).public_key
    return SealedOriginal(box=SealedBox(own).encrypt(salt + octets), digest=_digest(salt + octets))


def opened(box: bytes, digest: str) -> bytes:
    """Return the octets as they came.

    Raises:
        OriginalFault: this unit's key does not open the box, or the octets are others than the digest's.
    """
    return _plain(box, digest)[_SALT:]


def resealed(box: bytes, digest: str, box_key: str) -> bytes:
    """Seal the same original to another unit's box key (base64); its digest stays.

    Raises:
        OriginalFault: it does not open here, or the other unit's key is none.
    """
    try:
        other = PublicKey(notes.decode64(box_key))
    except (NoteFault, ValueError, TypeError) as error:
        raise OriginalFault(_("对方单位的钥匙不对，照片原件不能转送。请重新核对联网。")) from error
    return SealedBox(other).encrypt(_plain(box, digest))


def _plain(box: bytes, digest: str) -> bytes:
    try:
        plain = identity.box_open(box)
    except (CryptoError, ValueError) as error:
        raise OriginalFault(_("照片原件打不开：它不是封给本单位的。")) from error
    if len(plain) <= _SALT or _digest(plain) != digest:
        raise OriginalFault(_("照片原件和登记的摘要对不上，没有打开。"))
    return plain


def _digest(salted: bytes) -> str:
    return hashlib.sha256(_LABEL + salted).hexdigest()
