"""Rows of ``sync_received`` in PostgreSQL's binary COPY: each field behind its length, -1 for NULL. Pure."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.exchange.judged import Judged

COLUMNS = "peer_id, index, state, n, commitment, subject, audience, kind, salt, header, body"
BEGIN, END = b"PGCOPY\n\xff\r\n\x00" + bytes(8), b"\xff\xff"

_PLACE = struct.Struct(">hiqiqihiqi32si")
_ERASED = struct.Struct(">hiqiqihii32siiiiii")
_LENGTH = struct.Struct(">i")


def writer(peer_id: int) -> Callable[[Judged], bytes]:
    """Return what makes rows of one peer's records, as their state is at the moment."""
    names: dict[tuple[str, str], bytes] = {}
    place, length, join = _PLACE.pack, _LENGTH.pack, b"".join

    def row(item: Judged) -> bytes:
        opening, header, commitment = item.opening, item.header, item.commitment
        salt, octets, body = opening.salt, opening.header, opening.body
        if header is None or salt is None or octets is None or body is None:
            return _ERASED.pack(
                11, 8, peer_id, 8, opening.index, 2, item.state, -1, 32, commitment, *[-1] * 6
            )
        subject, named = header.subject.encode(), (header.audience, header.kind)
        if named not in names:
            names[named] = join([length(len(name)) + name.encode() for name in named]) + length(32)
        return join(
            (
                place(11, 8, peer_id, 8, opening.index, 2, item.state, 8, header.chain.n, 32, commitment, len(subject)),
                subject, names[named], salt, length(len(octets)), octets, length(len(body)), body,
            )
        )  # fmt: skip

    return row
