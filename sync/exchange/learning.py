"""Reading ahead what a peer's log says of its keys, where it signs with one that is not known here.

A unit that was restored from an old backup, or was away for longer than two keys overlapped, meets such a key: the
announcement lies further on in that log, and the answers on the way to it are signed with the new key already. Openings are
proven by the leaves that we copied, whoever signs the note; so the announcements can be read before any note is believed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from django.db import transaction

from sync import audiences
from sync.errors import NoteFault, RecordRejected
from sync.exchange import keyring, keys, mirror, reading, windows
from sync.formats import framing, notes
from sync.formats.framing import WINDOW_LEAVES
from sync.kinds import ReceivedRecord
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sync.exchange.sources import Source
    from sync.formats.framing import Opening
    from sync.formats.records import Header
    from sync.models.exchange import Peer

SUBJECT = "key/peer"


def keys_ahead(peer: Peer, source: Source, start: int, stop: int) -> bool:
    """Take in what a peer's log announces of its peer keys from one index to another; whether other keys count now.

    Raises:
        PeerLied: what was sent is not what the log committed to, or cannot be read.
        Unreachable, Refused: as the source says.
    """
    before = keyring.good_keys(peer, "peer")
    while start < stop:
        until = min(start + WINDOW_LEAVES, stop)
        stream = source.get(
            reading.path(range(start, until), stop),
            cap=reading.ANSWER_CAP,
            seconds=reading.ANSWER_SECONDS,
        ).body
        openings, note = windows.read_window(stream)
        size = _size(note)
        if not start < size <= until:
            raise PeerLied(
                "wrong-note", "The answer does not go on as asked.", {"disclosure.note": note}
            )
        proven = mirror.commitments_between(peer, start, size)
        commitments = windows.check_openings(openings, proven, start=start, stop=size)
        headers = windows.read_headers(openings)
        _take_in(_announcements(peer, zip(openings, commitments, headers, strict=False)))
        start = size
    peer.refresh_from_db(fields=["peer_key"])
    return keyring.good_keys(peer, "peer") != before


def _size(note: bytes) -> int:
    """Where an answer says that it ends; nothing else of the note is believed."""
    try:
        return framing.parse_disclosure(notes.parse_note(note).text).size
    except NoteFault as fault:
        raise PeerLied(
            "wrong-note", f"The disclosure note cannot be read: {fault}", {"disclosure.note": note}
        ) from fault


def _announcements(
    peer: Peer, rows: Iterable[tuple[Opening, bytes, Header | None]]
) -> Iterator[ReceivedRecord]:
    for opening, commitment, header in rows:
        if (
            header is not None
            and (header.kind, header.subject) == (keys.KIND, SUBJECT)
            and (header.origin, header.audience) == (peer.origin, audiences.PUBLIC)
        ):
            yield ReceivedRecord(
                origin=peer.origin, index=opening.index, commitment=commitment.hex(), header=header, body=opening.body or b"",
            )  # fmt: skip


def _take_in(records: Iterable[ReceivedRecord]) -> None:
    """As when their turn comes, which changes nothing then; what is rejected is rejected again in its turn."""
    for record in records:
        with contextlib.suppress(RecordRejected), transaction.atomic():
            keys.apply([record])
