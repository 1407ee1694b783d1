"""How octets travel to another unit unchanged: u32be(length of details) || details as JSON || the octets."""

from __future__ import annotations

import struct
from typing import TypeVar

import msgspec

from sync.errors import UNREADABLE

T = TypeVar("T")

MEDIA_TYPE = "application/vnd.minqing.frame"


class FrameFault(Exception):
    """Octets from elsewhere are no frame of the kind expected."""


def frame_encode(details: msgspec.Struct, octets: bytes) -> bytes:
    """Put details and octets together."""
    head = msgspec.json.encode(details, order="deterministic")
    return struct.pack(">I", len(head)) + head + octets


def frame_decode(body: bytes, kind: type[T]) -> tuple[T, bytes]:
    """Take details and octets apart.

    Raises:
        FrameFault: too short, or the details do not fit.
    """
    if len(body) < 4:
        raise FrameFault("The frame is too short.")
    (length,) = struct.unpack(">I", body[:4])
    head, octets = body[4 : 4 + length], body[4 + length :]
    if len(head) != length:
        raise FrameFault("The frame is cut short.")
    return details_decode(head, kind), octets


def details_decode(body: bytes, kind: type[T]) -> T:
    """Read JSON details.

    Raises:
        FrameFault: they do not fit.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise FrameFault(f"The details cannot be read: {error}.") from error
