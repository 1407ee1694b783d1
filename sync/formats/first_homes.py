"""Ids that say in which log a subject began, so that nobody who is read first takes another's. Pure.

A subject is ``<noun>:<uuid>``. In a UUID of version 8 (RFC 9562) the first sixty bits that are free are a tag of the origin that
issued the subject first, the last sixty-two are random. The tag is made slowly (scrypt, RFC 7914): to find another origin with the
tag of a given one takes 2**60 such computations, and an origin must besides be connected by people.
Other versions, as the releases before 0.2.0 gave, say nothing: there who was read first keeps the subject.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from functools import lru_cache

TAG_BITS = 60
VERSION = 8
_SALT = b"minqing/first-home"
_COST, _BLOCK = 2**14, 8  # 16 MiB and some 60 ms for each origin, once a process


@lru_cache(maxsize=8192)
def tag_of(origin: str) -> int:
    """Return the tag of an origin: a number of sixty bits."""
    octets = hashlib.scrypt(
        origin.encode(), salt=_SALT, n=_COST, r=_BLOCK, p=1, maxmem=2**25, dklen=8
    )
    return int.from_bytes(octets) >> (64 - TAG_BITS)


def new_id(origin: str) -> uuid.UUID:
    """Return an id for a subject that begins in this log."""
    return _made(tag_of(origin), secrets.randbits(62))


def may_begin(subject: str, origin: str) -> bool:
    """Whether a subject can have begun in this log; true where its id does not say."""
    try:
        found = uuid.UUID(subject.partition(":")[2])
    except ValueError:
        return True
    if found.version != VERSION:
        return True
    tag = tag_of(origin)
    return found == _made(tag, found.int)


def _made(tag: int, low: int) -> uuid.UUID:
    """48 bits of the tag, the version, its other 12 bits, the variant, 62 bits."""
    high = (tag >> 12) << 16 | VERSION << 12 | tag & 0xFFF
    return uuid.UUID(int=high << 64 | 0b10 << 62 | low & (2**62 - 1))
