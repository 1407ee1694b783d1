"""The record: a canonical header, a body of raw octets, and the commitment that the log holds.

Header: RFC 8785 JSON of at most 4 KiB with exactly the fields of ``Header``. Every string is
printable ASCII without quote and backslash and every number a positive integer, so that msgspec's
deterministic encoding *is* the canonical one. A reader encodes again what it decoded and refuses any
difference: one commitment cannot be read in two ways.

Commitment: SHA-256("minqing/entry/v1" || 0x00 || salt || u32be(len header) || header || body),
written everywhere as 64 lower-case hexadecimal digits. The log's entry is 0x01 || commitment.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import struct
from functools import lru_cache

import msgspec

from sync import audiences
from sync.errors import UNREADABLE, RecordFault

HEADER_LIMIT = 4096
"""Longest header, in octets."""

BODY_LIMIT = 64 * 1024 * 1024
"""Longest body, in octets: larger things are attachments, referred to by commitment."""

SALT_LENGTH = 32
ENTRY_LENGTH = 33

_DOMAIN = b"minqing/entry/v1\x00"
_ENTRY_V1 = b"\x01"
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,31}")
_SUBJECT = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:/-]{0,199}")
_SUBJECT_OCTETS = re.compile(_SUBJECT.pattern.encode())
_MEDIA_TYPE = re.compile(
    r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}(; ?[a-z0-9-]{1,30}=[0-9A-Za-z._-]{1,60}){0,3}"
)
_COMMITMENT = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LARGEST = 2**53 - 1


class Chain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Place of a record among those of one subject and one audience."""

    n: int
    """1 for the first."""

    prev: str
    """Commitment of the predecessor; empty for the first."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What a record says about itself. The fields stand in the order of RFC 8785."""

    audience: str
    """See ``sync.audiences``."""

    chain: Chain

    day: str
    """The unit's word for the day, ``2026-11-22``; nothing finer is ever written."""

    kind: str
    """``app.noun``."""

    media_type: str
    """Of the body, for example ``application/json``."""

    origin: str
    """The log that this record belongs to; a reader refuses it in any other."""

    schema: int
    """Version of the body's form, 1 or more."""

    subject: str
    """What the record is about: an identifier that tells nothing by itself."""


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Header).decode

_alike: dict[bytes, Header] = {}
"""Headers that were read, by their octets before the subject, which comes last: first records of chains differ in nothing
else, and catching up reads tens of thousands a second."""

_ALIKE_KEPT = 256


def encode_header(header: Header) -> bytes:
    """Return the one canonical form of a header.

    Raises:
        RecordFault: a field does not fit, or the header is longer than 4 KiB.
    """
    check_header(header)
    encoded = _encode(header)
    if len(encoded) > HEADER_LIMIT:
        raise RecordFault(
            f"The header has {len(encoded)} octets; at most {HEADER_LIMIT} are allowed."
        )
    return encoded


def decode_header(octets: bytes) -> Header:
    """Read a header and refuse every form but the canonical one.

    Raises:
        RecordFault: not JSON, unknown, missing or repeated field, other spacing or order, bad value.
    """
    if len(octets) > HEADER_LIMIT:
        raise RecordFault(
            f"The header has {len(octets)} octets; at most {HEADER_LIMIT} are allowed."
        )
    begin = octets.rfind(b'"', 0, -2) + 1
    alike = _alike.get(octets[:begin])
    if (
        alike is not None
        and octets[-2:] == b'"}'
        and _SUBJECT_OCTETS.fullmatch(octets, begin, len(octets) - 2)
    ):
        return Header(
            audience=alike.audience, chain=alike.chain, day=alike.day, kind=alike.kind, media_type=alike.media_type,
            origin=alike.origin, schema=alike.schema, subject=octets[begin:-2].decode(),
        )  # fmt: skip
    try:
        header = _decode(octets)
    except UNREADABLE as fault:
        raise RecordFault(f"The header cannot be read: {fault}.") from fault
    check_header(header)
    if _encode(header) != octets:
        raise RecordFault("The header is not in canonical form (RFC 8785).")
    if header.chain.n == 1:
        if len(_alike) >= _ALIKE_KEPT:
            _alike.clear()
        _alike[octets[:begin]] = header
    return header


def check_header(header: Header) -> None:
    """Refuse a header with a field that does not fit.

    Raises:
        RecordFault: naming the field.
    """
    _check_common(header.audience, header.kind, header.media_type, header.origin, header.day)
    if not _SUBJECT.fullmatch(header.subject):
        raise RecordFault(f"The header's subject is {header.subject!r}, which does not fit.")
    if not 1 <= header.schema <= _LARGEST or not 1 <= header.chain.n <= _LARGEST:
        raise RecordFault("The header's schema and chain number count from 1.")
    if (header.chain.n == 1) != (header.chain.prev == ""):
        raise RecordFault("The first of a chain has no predecessor; every other one has.")
    if header.chain.prev:
        check_commitment(header.chain.prev)


@lru_cache(maxsize=1024)
def _check_common(audience: str, kind: str, media_type: str, origin: str, day: str) -> None:
    """Check what many headers share; kept, because catching up reads tens of thousands a second."""
    audiences.check(audience)
    for name, value, form in (
        ("kind", kind, _KIND),
        ("media type", media_type, _MEDIA_TYPE),
        ("origin", origin, audiences.ORIGIN),
        ("day", day, _DAY),
    ):
        if not form.fullmatch(value):
            raise RecordFault(f"The header's {name} is {value!r}, which does not fit.")
    try:
        datetime.date.fromisoformat(day)
    except ValueError as fault:
        raise RecordFault(f"The header's day is {day!r}, which is no day.") from fault


def check_commitment(text: str) -> None:
    """Refuse what is no commitment.

    Raises:
        RecordFault: not 64 lower-case hexadecimal digits.
    """
    if not _COMMITMENT.fullmatch(text):
        raise RecordFault(f"{text[:80]!r} is no commitment: one has 64 digits 0-9 a-f.")


def commitment(salt: bytes, header: bytes, body: bytes) -> str:
    """Return the commitment of a record, 64 hexadecimal digits.

    Raises:
        RecordFault: the salt is not 32 octets.
    """
    if len(salt) != SALT_LENGTH:
        raise RecordFault(f"A salt has {SALT_LENGTH} octets.")
    state = hashlib.sha256(_DOMAIN + salt + struct.pack(">I", len(header)))
    state.update(header)
    state.update(body)
    return state.hexdigest()


def log_entry(commitment: str) -> bytes:
    """Return the 33 octets that stand in the log for a commitment."""
    check_commitment(commitment)
    return _ENTRY_V1 + bytes.fromhex(commitment)


def committed(entry: bytes) -> str:
    """Return the commitment that a log entry holds.

    Raises:
        RecordFault: the entry has another length or version.
    """
    if len(entry) != ENTRY_LENGTH or entry[:1] != _ENTRY_V1:
        raise RecordFault("The log entry is not of version 1 (0x01 and 32 octets).")
    return entry[1:].hex()
