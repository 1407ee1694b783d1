"""Once a day each unit logs the heads it saw of others, with their notes: whoever rewrote a log is found by anybody's copy.

The record rings no bell and is counted in no other record of its kind's making: two peers that logged each
other's every head would never come to rest.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import msgspec
from django.db import transaction
from django.utils import timezone

from sync import audiences, ledger
from sync.errors import UNREADABLE, NoteFault, RecordRejected
from sync.exchange import keyring, mirror
from sync.exchange.incidents import incident_record
from sync.formats import heads
from sync.models.exchange import Peer, PeerHead
from sync.models.ledger import Chain, Opening
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sync.kinds import ReceivedRecord

KIND = "sync.heads_seen"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A head of another log, with that log's own signatures: who countersigned it is another matter."""

    origin: Annotated[str, msgspec.Meta(max_length=80)]
    note: Annotated[str, msgspec.Meta(max_length=8192)]


_MOST = 10_000
"""Heads of one record that are compared."""

_body = msgspec.json.Decoder(list[msgspec.Raw])
_item = msgspec.json.Decoder(Seen)


def heads_seen_log() -> bool:
    """Append today's record, if it is not there and any head was seen; whether it was appended."""
    subject = f"heads-seen/{timezone.localdate().isoformat()}"
    if Chain.objects.filter(subject=subject, audience=audiences.PUBLIC).exists():
        return False
    newest = [
        PeerHead.objects.filter(peer=peer, proven=True).order_by("-size").first()
        for peer in Peer.objects.exclude(accepted_here=None)
    ]
    seen = [
        Seen(
            origin=head.peer.origin,
            note=heads.own_lines(bytes(head.note), keyring.log_keys(head.peer)).decode(),
        )
        for head in newest
        if head is not None
    ]
    if not seen:
        return False
    with transaction.atomic():
        ledger.append(
            kind=KIND, subject=subject, body=msgspec.json.encode(seen), audience=audiences.PUBLIC
        )
    ledger.seal()
    return True


def only_heads_seen(before: int, size: int) -> bool:
    """Whether nothing but records of this kind entered the log between two sizes."""
    grown = Opening.objects.filter(index__gte=before, index__lt=size)
    return size > before and grown.filter(kind=KIND).count() == size - before


def apply(records: Sequence[ReceivedRecord]) -> None:
    """Compare the heads that another unit saw with our own copies of those logs.

    A claim counts only with the log's own signature on it; whatever else is in it is passed over.
    """
    for record in records:
        try:
            seen = _body.decode(record.body)
        except UNREADABLE as fault:
            raise RecordRejected(record.commitment, "The list of heads cannot be read.") from fault
        followed = {peer.origin: peer for peer in Peer.objects.all()}
        for head in _readable(seen[:_MOST]):
            peer = followed.get(head.origin)
            if peer is None or not _is_head_of(peer, head.note.encode()):
                continue
            try:
                mirror.head_keep(peer, head.note.encode())
                mirror.judge_heads(peer)
            except PeerLied as lie:
                incident_record(peer, lie)


def _readable(items: Iterable[msgspec.Raw]) -> Iterator[Seen]:
    """Read item by item: one that cannot be read keeps none of the others from being compared."""
    for item in items:
        with contextlib.suppress(*UNREADABLE):
            yield _item.decode(item)


def _is_head_of(peer: Peer, note: bytes) -> bool:
    try:
        heads.open_head(note, keyring.log_keys(peer))
    except NoteFault:
        return False
    return True
