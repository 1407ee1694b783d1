"""How records travel: rows of length-prefixed fields, and the disclosure note that ends every answer. Pure.

    stream := row* end
    row    := u16be 4, field index (8 octets, big-endian), field salt, field header, field body
    end    := u16be 1, field note
    field  := i32be length, octets       (length -1: nothing, for what was erased)

A row of PostgreSQL's binary COPY is the same octets, which is why the feed can hand them through.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from sync.errors import NoteFault, SyncFault
from sync.formats import notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sync.formats.notes import SigningKey, VerifierKey

MEDIA_TYPE = "application/vnd.minqing.records"

EPOCHS = 1 << 20
"""Grants change less often than this between two adoptions of a log: each begins with the next multiple."""

EPOCH_LIMIT = 2**31 - 1
"""Epochs of a note at the most: as many fit into the database, and 2,047 adoptions."""

MOST_RECORDS = 8192
"""More rows are no answer: a reader makes an object of each, however short it is."""

WINDOW_RECORDS = MOST_RECORDS
"""Most records in one answer of ours."""

WINDOW_OCTETS = 4 * 1024 * 1024
"""An answer of ours ends with the record that passes this: half of what the protocol allows."""

WINDOW_LEAVES = 2 * WINDOW_RECORDS
"""An answer covers at most so many leaves: what was not disclosed costs the reader no memory either."""


_HEAD = struct.Struct(">H")
_LENGTH = struct.Struct(">i")
_ROW = struct.Struct(">HiQi32si")
"""Everything of a row before the header's octets."""
_TITLE = "minqing disclosure 1"


class FramingFault(SyncFault):
    """The octets are not a stream of rows."""


class Opening(msgspec.Struct, gc=False):
    """One row. ``salt``, ``header`` and ``body`` are None for an erased record."""

    index: int
    salt: bytes | None
    header: bytes | None
    body: bytes | None


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """What a unit signs about all that it has disclosed to another one."""

    issuer: str
    recipient: str
    epoch: int
    """Number of the grants' version that the other numbers are under."""

    size: int
    """Up to this index, exclusive."""

    count: int
    """So many records, erased ones included."""

    last: str
    """Commitment of the last of them, empty if there is none."""

    grants: tuple[tuple[str, int], ...]
    """Kinds and the index from which ``connected`` records of that kind are disclosed."""

    def text(self) -> str:
        """Return the note's text."""
        lines = [
            _TITLE, f"from {self.issuer}", f"to {self.recipient}", f"epoch {self.epoch}", f"size {self.size}",
            f"records {self.count}", f"last {self.last or '-'}", *(f"grant {kind} {start}" for kind, start in self.grants),
        ]  # fmt: skip
        return "".join(f"{line}\n" for line in lines)

    def sign(self, *keys: SigningKey) -> bytes:
        """Return the signed note; with two keys while one follows the other."""
        return notes.sign(self.text(), *keys).encode()


def read_disclosure(note: bytes, *keys: VerifierKey) -> Disclosure:
    """Read a disclosure note and check its signature.

    Raises:
        NoteFault: malformed, or signed by none of the keys.
    """
    return parse_disclosure(notes.open_note(note, keys))


def parse_disclosure(text: str) -> Disclosure:
    """Read the text of a disclosure note, whoever signed it.

    Raises:
        NoteFault: malformed.
    """
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 7 or lines[0] != _TITLE:
        raise NoteFault("This is no disclosure note.")
    values = []
    for line, name in zip(
        lines[1:7], ("from", "to", "epoch", "size", "records", "last"), strict=True
    ):
        word, _, value = line.partition(" ")
        if word != name:
            raise NoteFault(f"The disclosure note lacks the line {name!r}.")
        values.append(value)
    grants = []
    for line in lines[7:]:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "grant":
            raise NoteFault("The disclosure note has a line that is no grant.")
        grants.append((parts[1], notes.parse_size(parts[2])))
    issuer, recipient, said, size, count, last = values
    epoch = notes.parse_size(said)
    if epoch > EPOCH_LIMIT:
        raise NoteFault(f"Epoch {epoch} is past the largest one, {EPOCH_LIMIT}.")
    return Disclosure(
        issuer=issuer, recipient=recipient, epoch=epoch, size=notes.parse_size(size),
        count=notes.parse_size(count), last="" if last == "-" else last, grants=tuple(grants),
    )  # fmt: skip


def end(note: bytes) -> bytes:
    """Return the end of a stream."""
    return _HEAD.pack(1) + _LENGTH.pack(len(note)) + note


def row(opening: Opening) -> bytes:
    """Return one row."""
    fields = [struct.pack(">Q", opening.index), opening.salt, opening.header, opening.body]
    return _HEAD.pack(4) + b"".join(
        _LENGTH.pack(-1) if f is None else _LENGTH.pack(len(f)) + f for f in fields
    )


def split(stream: bytes) -> tuple[list[Opening], bytes]:
    """Cut a whole stream into its openings and the note that ends it.

    Raises:
        FramingFault: cut off, no note, something after the note, a field of a wrong length, or more rows than an answer has.
    """
    openings: list[Opening] = []
    at, whole = 0, len(stream)
    padded = stream + bytes(_ROW.size)  # so that a row is read in one piece wherever it stands
    append, row_at, length_at = openings.append, _ROW.unpack_from, _LENGTH.unpack_from
    try:
        for _ in range(MOST_RECORDS + 1):
            fields, width, index, salted, salt, length = row_at(padded, at)
            if fields != 4:
                break
            if width != 8:
                raise FramingFault("A row begins with a field of eight octets.")
            if salted != 32:
                at = _erased(padded, at, salted)
                append(Opening(index, None, None, None))
                continue
            at += 54
            header = padded[at : at + length]
            at += length
            (following,) = length_at(padded, at)
            at += 4
            body = padded[at : at + following]
            at += following
            if length != len(header) or following != len(body):
                raise FramingFault("A field is longer than the stream.")
            append(Opening(index, salt, header, body))
        else:
            raise FramingFault(f"There are more than {MOST_RECORDS} rows.")
        if _HEAD.unpack_from(stream, at) != (1,):
            raise FramingFault("A row must have four fields.")
        note, at = _field(stream, at + 2, whole)
    except struct.error as fault:
        raise FramingFault("The stream is cut off.") from fault
    if at != whole:
        raise FramingFault("Something follows the note.")
    return openings, note


def _erased(stream: bytes, at: int, salted: int) -> int:
    """Return where the row after an erased one begins."""
    if salted != -1:
        raise FramingFault("A salt has 32 octets.")
    if stream[at + 18 : at + 26] != b"\xff" * 8:
        raise FramingFault("A row must be whole or erased.")
    return at + 26


def _field(stream: bytes, at: int, whole: int) -> tuple[bytes, int]:
    (length,) = _LENGTH.unpack_from(stream, at)
    at += 4
    if length < 0 or at + length > whole:
        raise FramingFault("A field is longer than the stream.")
    return stream[at : at + length], at + length


def copy_rows(rows: Iterable[Sequence[bytes | None]]) -> Iterator[bytes]:
    """Yield PostgreSQL's binary COPY of rows whose fields are encoded already."""
    yield b"PGCOPY\n\xff\r\n\x00" + bytes(8)
    pack, none = _LENGTH.pack, _LENGTH.pack(-1)
    for fields in rows:
        yield _HEAD.pack(len(fields)) + b"".join(
            [none if f is None else pack(len(f)) + f for f in fields]
        )
    yield b"\xff\xff"
