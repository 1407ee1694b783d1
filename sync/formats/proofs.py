"""The proof file: a C2SP tlog-proof whose extra data open the commitment. Pure.

The extra data are text lines ``minqing/opening/v1``, ``header <base64>``, ``salt <base64>``, ``body <base64>``.
Nothing else is in the file: no code, no contact, no case number.

Source: c2sp.org/tlog-proof.
"""

from __future__ import annotations

from dataclasses import dataclass

from sync.errors import NoteFault, ProofFault
from sync.formats import notes, records

TITLE = "c2sp.org/tlog-proof@v1"
OPENING = "minqing/opening/v1"
SUFFIX = ".tlog-proof"
MEDIA_TYPE = "text/plain; charset=utf-8"

_LONGEST_PATH = 64


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What opens a commitment."""

    header: bytes
    salt: bytes
    body: bytes

    @property
    def commitment(self) -> str:
        """The commitment that these octets give."""
        return records.commitment(self.salt, self.header, self.body)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A proof file's content; nothing about it is verified yet."""

    opening: Opening
    index: int
    path: tuple[bytes, ...]
    """Audit path, from the leaf's sibling to the root's child."""

    note: bytes
    """The signed checkpoint with cosignatures."""


def encode(proof: Proof) -> bytes:
    """Return the file's octets."""
    lines = [
        TITLE,
        f"extra {notes.encode64(_encode_opening(proof.opening))}",
        f"index {proof.index}",
    ]
    lines += [notes.encode64(sibling) for sibling in proof.path]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + proof.note


def decode(octets: bytes) -> Proof:
    """Read a proof file.

    Raises:
        ProofFault: not a proof file of this form.
    """
    head, blank, note = octets.partition(b"\n\n")
    try:
        title, extra, index, *path = head.decode("ascii").split("\n")
        opening = _decode_opening(notes.decode64(_value(extra, "extra")))
        siblings = tuple(notes.decode64(line) for line in path)
        place = notes.parse_size(_value(index, "index"))
    except (ValueError, NoteFault) as fault:
        raise ProofFault("This is not a proof file, or it was changed on the way.") from fault
    if title != TITLE or not blank or len(path) > _LONGEST_PATH:
        raise ProofFault("This is not a proof file (it begins with c2sp.org/tlog-proof@v1).")
    return Proof(opening=opening, index=place, path=siblings, note=note)


def _encode_opening(opening: Opening) -> bytes:
    parts = (("header", opening.header), ("salt", opening.salt), ("body", opening.body))
    return (
        f"{OPENING}\n" + "".join(f"{name} {notes.encode64(octets)}\n" for name, octets in parts)
    ).encode()


def _decode_opening(octets: bytes) -> Opening:
    title, header, salt, body, end = octets.decode("ascii").split("\n")
    if title != OPENING or end:
        raise ProofFault("The proof file's extra data are not an opening.")
    parts = {
        name: notes.decode64(_value(line, name))
        for name, line in (("header", header), ("salt", salt), ("body", body))
    }
    return Opening(**parts)


def _value(line: str, name: str) -> str:
    found, space, value = line.partition(" ")
    if found != name or not space:
        raise ProofFault(f"The proof file has no line {name!r} where it belongs.")
    return value
