"""One answer of a feed, judged: every opening against its proven leaf, the whole against the peer's signed note.

Nothing here touches the database, and nothing is applied before all of this held.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.errors import NoteFault, RecordFault
from sync.exchange.incidents import describe
from sync.formats import framing, notes
from sync.formats.framing import FramingFault
from sync.formats.records import decode_header
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.formats.framing import Disclosure, Opening
    from sync.formats.records import Header

_DOMAIN = b"minqing/entry/v1\x00"
_LENGTH = struct.Struct(">I")
_KEPT = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far we were before this answer: what its note must continue."""

    epoch: int
    start: int
    counted: int
    last: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer whose note holds; its records are not compared with the log yet."""

    start: int
    """The index that was asked from."""

    openings: list[Opening]
    disclosure: Disclosure
    note: bytes


class EpochChanged(Exception):
    """The peer grants us something else now: begin again from index 0."""

    def __init__(self, epoch: int) -> None:
        super().__init__(epoch)
        self.epoch = epoch


def read_window(stream: bytes) -> tuple[list[Opening], bytes]:
    """Cut an answer into openings and note.

    Raises:
        PeerLied: ``malformed``.
    """
    try:
        return framing.split(stream)
    except FramingFault as fault:
        raise PeerLied(
            "malformed", f"The records cannot be read: {fault}", {"answer": stream[:_KEPT]}
        ) from fault


def check_note(
    note: bytes,
    *,
    keys: Sequence[notes.VerifierKey],
    issuer: str,
    recipient: str,
    start: int,
    stop: int,
) -> Disclosure:
    """Check whose note it is, for whom, and that it speaks of the range that was asked for.

    Raises:
        PeerLied: ``wrong-note``; ``unknown-key`` where no key signed it that is known here.
    """
    if notes.is_signed_by_others(note, keys):
        raise PeerLied(
            "unknown-key",
            "The disclosure note is signed with a key that is not known here.",
            {"disclosure.note": note},
        )
    try:
        disclosure = framing.read_disclosure(note, *keys)
    except NoteFault as fault:
        raise PeerLied(
            "wrong-note", f"The disclosure note does not hold: {fault}", {"disclosure.note": note}
        ) from fault
    if (disclosure.issuer, disclosure.recipient) != (issuer, recipient):
        raise PeerLied(
            "wrong-note",
            "The disclosure note is of or for another unit.",
            {"disclosure.note": note},
        )
    if not start <= disclosure.size <= stop:
        raise PeerLied(
            "wrong-note", "The disclosure note speaks of another range.", {"disclosure.note": note}
        )
    return disclosure


def check_openings(openings: list[Opening], proven: bytes, *, start: int, stop: int) -> list[bytes]:
    """Check order, range and every opening against its leaf; return the commitments.

    Args:
        openings: as they came.
        proven: the mirrored commitments from ``start`` to before ``stop``, 32 octets each.
        start: first index asked for.
        stop: the note's size.

    Raises:
        PeerLied: ``reordered``, ``malformed`` or ``changed``, with the octets.
    """
    commitments: list[bytes] = []
    before = start - 1
    sha256, pack, join, append = hashlib.sha256, _LENGTH.pack, b"".join, commitments.append
    for opening in openings:
        index, salt, header, body = opening.index, opening.salt, opening.header, opening.body
        if index <= before:
            raise PeerLied(
                "reordered", f"Record {index} came after record {before}.", _evidence(opening)
            )
        if index >= stop:
            raise PeerLied(
                "malformed", f"Record {index} lies past the note's size {stop}.", _evidence(opening)
            )
        before = index
        place = (index - start) * 32
        leaf = proven[place : place + 32]
        if salt is not None and header is not None and body is not None:
            preimage = join((_DOMAIN, salt, pack(len(header)), header, body))
            if sha256(preimage).digest() != leaf:
                raise PeerLied(
                    "changed",
                    f"Record {index} is not what the log committed to.",
                    {**_evidence(opening), "leaf": leaf},
                )
        append(leaf)
    return commitments


def read_headers(openings: list[Opening]) -> list[Header | None]:
    """Read the headers, None where erased; end before the first that cannot be read."""
    headers: list[Header | None] = []
    append = headers.append
    try:
        for opening in openings:
            append(None if opening.header is None else decode_header(opening.header))
    except RecordFault:
        return headers
    return headers


def check_count(answer: Answer, commitments: Sequence[bytes], position: Position) -> None:
    """Check that the note counts exactly what we have received, up to its size; ``commitments`` are those of the openings.

    Raises:
        PeerLied: ``withheld`` where the note counts more than was sent, else ``wrong-note``.
    """
    counted, said = position.counted + len(commitments), answer.disclosure
    last = commitments[-1].hex() if commitments else position.last
    if (said.count, said.last) == (counted, last):
        return
    facts = describe(
        received=counted, said=said.count, last=last, said_last=said.last, size=said.size
    )
    name = "withheld" if said.count >= counted else "wrong-note"
    raise PeerLied(
        name,
        f"The note counts {said.count} records up to {said.size}; {counted} have come.",
        {"disclosure.note": answer.note, "facts.json": facts},
    )


def _evidence(opening: Opening) -> dict[str, bytes]:
    return {"row": framing.row(opening)[: 4 * 1024 * 1024]}
