"""Parcels: a part of a log and of what is disclosed of it, as octets that anybody may carry. Pure.

    parcel := u16be 4, field note, field head, field leaves, field sealed
    field  := i32be length, octets

The note is a signed note by the issuer's peer key and says what the other fields are; each of them may be empty. ``head``
is a signed checkpoint, ``leaves`` are commitments of 32 octets each, ``sealed`` is an answer of the feed (rows and disclosure
note) in a box that only the recipient opens. What a parcel says is proven by nobody but the log itself: the note only
tells a parcel of the issuer's from one that somebody on the way made or changed.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.errors import NoteFault
from sync.formats import copies, notes
from sync.refusals import ExchangeFault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from sync.formats.notes import SigningKey, VerifierKey

MEDIA_TYPE = "application/vnd.minqing.parcel"

LEAVES = 65_536
"""Most commitments in one parcel."""

_TITLE = "minqing parcel 1"
_COUNT = struct.Struct(">H")
_LENGTH = struct.Struct(">i")
_CAPS = {"note": 8192, "head": 65_536, "leaves": LEAVES * 32, "sealed": 96 * 1024 * 1024}


class ParcelFault(ExchangeFault):
    """The octets are no parcel, or not the one that its issuer signed."""

    def __init__(self, sentence: str, *, at: int = 0) -> None:
        super().__init__(sentence)
        self.at = at
        """The octet at which reading ended."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """What the note of a parcel says."""

    issuer: str
    recipient: str
    epoch: int
    """Version of the grants under which the records are disclosed."""

    size: int
    """Size of the head inside, 0 without one."""

    leaves: tuple[int, int] = (0, 0)
    """First index, a multiple of 256, and the index after the last."""

    records: tuple[int, int] = (0, 0)
    """The rows are all those disclosed from the first index to before the second."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A parcel that was read. ``label`` holds only after ``check``."""

    label: Label
    note: bytes
    head: bytes
    leaves: bytes
    sealed: bytes

    @property
    def digest(self) -> str:
        """What tells this parcel from any other, its signatures included."""
        return _digest(self.note, self.head, self.leaves, self.sealed)

    def check(self, keys: Sequence[VerifierKey]) -> None:
        """Check that the issuer made exactly this.

        Raises:
            ParcelFault: it did not.
        """
        try:
            text = notes.open_note(self.note, keys)
        except NoteFault as fault:
            raise ParcelFault(f"The issuer did not sign this parcel: {fault}") from fault
        if text != _text(self.label, _digest(self.head, self.leaves, self.sealed)):
            raise ParcelFault(
                "The parcel is not what its issuer signed: it was changed on the way."
            )


def pack(
    label: Label, *keys: SigningKey, head: bytes = b"", leaves: bytes = b"", sealed: bytes = b""
) -> bytes:
    """Return a parcel's octets, signed by the issuer's peer keys."""
    note = notes.sign(_text(label, _digest(head, leaves, sealed)), *keys).encode()
    return _COUNT.pack(4) + b"".join(
        _LENGTH.pack(len(field)) + field for field in (note, head, leaves, sealed)
    )


def read(stream: BinaryIO) -> Parcel | None:
    """Read the next parcel of a stream; None at its end.

    Raises:
        ParcelFault: cut off, too long, or its parts do not belong together.
    """
    begin = stream.tell()
    count = stream.read(2)
    if not count:
        return None
    if count != _COUNT.pack(4):
        raise ParcelFault("A parcel begins with the number 4.", at=begin)
    fields = {name: _field(stream, name, cap) for name, cap in _CAPS.items()}
    try:
        label = _label(fields["note"])
        _belong(label, fields)
    except (NoteFault, ValueError) as fault:
        raise ParcelFault(f"The parcel's note cannot be used: {fault}", at=begin) from fault
    return Parcel(label=label, **fields)


def _field(stream: BinaryIO, name: str, cap: int) -> bytes:
    at = stream.tell()
    framed = stream.read(4)
    length = _LENGTH.unpack(framed)[0] if len(framed) == 4 else -1
    if len(framed) == 4 and not 0 <= length <= cap:
        raise ParcelFault(f"The {name} would have {length} octets; at most {cap} are taken.", at=at)
    octets = stream.read(length) if length > 0 else b""
    if len(framed) < 4 or len(octets) < length:
        raise ParcelFault(f"The {name} is cut off.", at=stream.tell())
    return octets


def _label(note: bytes) -> Label:
    lines = notes.parse_note(note).text.removesuffix("\n").split("\n")
    if len(lines) != 8 or lines[0] != _TITLE:
        raise NoteFault("it is not the note of a parcel of version 1.")
    values = []
    words = ("from", "to", "epoch", "size", "leaves", "records", "digest")
    for line, name in zip(lines[1:], words, strict=True):
        word, _, value = line.partition(" ")
        if word != name:
            raise NoteFault(f"it lacks the line {name!r}.")
        values.append(value)
    issuer, recipient, epoch, size, leaves, records, _ = values
    return Label(
        issuer=issuer, recipient=recipient, epoch=notes.parse_size(epoch), size=notes.parse_size(size),
        leaves=_range(leaves), records=_range(records),
    )  # fmt: skip


def _range(text: str) -> tuple[int, int]:
    first, _, stop = text.partition(" ")
    found = notes.parse_size(first), notes.parse_size(stop)
    if found[0] > found[1]:
        raise NoteFault("it names a range that ends before it begins.")
    return found


def _belong(label: Label, fields: dict[str, bytes]) -> None:
    first, stop = label.leaves
    if first % copies.WIDTH or len(fields["leaves"]) != (stop - first) * 32:
        raise NoteFault("its leaves are not those that it names.")
    if bool(fields["head"]) != bool(label.size):
        raise NoteFault("it names a head and has none, or the other way round.")
    if bool(fields["sealed"]) != (label.records[0] < label.records[1]):
        raise NoteFault("it names records and has none, or the other way round.")


def _text(label: Label, digest: str) -> str:
    lines = [
        _TITLE, f"from {label.issuer}", f"to {label.recipient}", f"epoch {label.epoch}", f"size {label.size}",
        f"leaves {label.leaves[0]} {label.leaves[1]}", f"records {label.records[0]} {label.records[1]}", f"digest {digest}",
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _digest(*fields: bytes) -> str:
    hashed = hashlib.sha256()
    for field in fields:
        hashed.update(_LENGTH.pack(len(field)))
        hashed.update(field)
    return hashed.hexdigest()
