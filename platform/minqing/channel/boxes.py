"""Sealing a report to custodians' keys: NaCl sealed boxes of one of few sizes, so that length tells little."""

from __future__ import annotations

import base64
import binascii
import struct

import msgspec
from django.utils.translation import gettext as _
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from minqing.channel.errors import ChannelFault, TooLarge

SIZES: tuple[int, ...] = tuple(64 * 1024 * 4**step for step in range(5))
"""Lengths a content is filled up to: 64 KiB, 256 KiB … 16 MiB."""


_FRAMES = 16
"""Octets by which the lists in a content grow beside their pieces."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a sealed report holds. ``taken_by`` names the staff who know of it, because they took it in."""

    words: bytes
    later: tuple[bytes, ...] = ()
    photos: tuple[bytes, ...] = ()
    place: str = ""
    contact: str = ""
    way: str = ""
    day: str = ""
    taken_by: tuple[str, ...] = ()
    keys: tuple[bytes, ...] = ()  # public keys it was sealed to, so that a swapped key is seen
    course: tuple[str, ...] = ()  # what was done and answered before it was sealed, a line each


class KeyFault(ChannelFault):
    """A custodian's key is not one, or does not open this box."""


def keys_made() -> tuple[str, str]:
    """Make a custodian's pair; returns (private, public) in base64. The private half is shown once and kept by no one here."""
    private = PrivateKey.generate()
    return base64.b64encode(bytes(private)).decode(), base64.b64encode(
        bytes(private.public_key)
    ).decode()


def key_read(text: str) -> bytes:
    """Read a key of 32 octets in base64.

    Raises:
        KeyFault: it is none.
    """
    try:
        octets = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyFault(_("这不是密件钥匙。请从钥匙文件里完整复制。")) from error
    if len(octets) != PrivateKey.SIZE:
        raise KeyFault(_("这不是密件钥匙。请从钥匙文件里完整复制。"))
    return octets


def sealed(content: Content, key: bytes) -> bytes:
    """Seal a content, filled to one of ``SIZES``, to one public key.

    Raises:
        TooLarge: it fits none of the sizes.
    """
    plain = msgspec.msgpack.encode(content)
    size = next((size for size in SIZES if len(plain) + 4 <= size), None)
    if size is None:
        raise TooLarge(too_large())
    padded = struct.pack(">I", len(plain)) + plain + bytes(size - 4 - len(plain))
    return SealedBox(PublicKey(key)).encrypt(padded)


def unsealed(box: bytes, private: bytes) -> Content:
    """Open a box.

    Raises:
        KeyFault: this key does not open it.
    """
    try:
        padded = SealedBox(PrivateKey(private)).decrypt(box)
    except CryptoError as error:
        raise KeyFault(_("这把钥匙打不开这份密件。")) from error
    return read(padded)


def read(padded: bytes) -> Content:
    """Read what a box held."""
    (length,) = struct.unpack(">I", padded[:4])
    return msgspec.msgpack.decode(padded[4 : 4 + length], type=Content)


def fits(content: Content) -> bool:
    """Say whether one box takes the content."""
    return len(msgspec.msgpack.encode(content)) + 4 <= SIZES[-1]


def room_beside(content: Content) -> int:
    """Return how many octets (``length_of``) may still be added to a content so that one box takes it."""
    return SIZES[-1] - 4 - len(msgspec.msgpack.encode(content)) - _FRAMES


def length_of(piece: bytes | str) -> int:
    """Return what a piece of a content takes up in a box."""
    return len(msgspec.msgpack.encode(piece))


def too_large() -> str:
    """Return the sentence for a content that no box takes."""
    return _("内容和照片合起来太大，不能密封。请少附照片。")


def public_of(private: bytes) -> bytes:
    """Return the public half."""
    return bytes(PrivateKey(private).public_key)
