"""Trying again what waits in quarantine: after an upgrade or an adoption, after a grant that fills a chain."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, Max, Q

from sync.exchange import apply, chains, judging
from sync.exchange.judged import REFUSED_REASONS, Judged
from sync.formats import framing
from sync.formats.records import decode_header
from sync.kinds import fingerprint
from sync.ledger import adoption
from sync.ledger.appends import place
from sync.models.exchange import Following, Quarantine, Received

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sync.models.exchange import Peer
    from sync.refusals import PeerLied

_ROUND = 2000
_BROKEN = Q(peer__quarantine__reason="broken-chain")

_tried: dict[tuple[str, str, str], tuple[int | None, ...]] = {}
"""How far this process was with each peer, and what waited, when it last tried broken chains."""


def replay(peer: Peer, *, everything: bool = False, about: Collection[str] = ()) -> int:
    """Apply held records whose hindrance is gone, in log order; return how many.

    Unknown kinds that are known now and chains that are whole now are tried by themselves; ``everything`` also
    tries what a handler had rejected, ``about`` what waits to learn who keeps one of these subjects. Repeatable.
    """
    held_here = Quarantine.objects.filter(peer=peer).exclude(reason__in=REFUSED_REASONS)
    tried = held_here if everything else held_here.exclude(_would_say_again(about))
    done = 0
    blocked: set[tuple[str, str]] = set()
    after = -1
    while True:
        with transaction.atomic():
            Following.objects.select_for_update().get(peer=peer)
            waiting = list(tried.filter(index__gt=after).order_by("index")[:_ROUND])
            for held in waiting:
                done += _retry(peer, held, blocked)
        if len(waiting) < _ROUND:
            if everything:
                Following.objects.filter(peer=peer).update(kinds_tried=_judges())
            return done
        after = waiting[-1].index


def _would_say_again(about: Collection[str]) -> Q:
    """What a handler would say again: of what was rejected or failed all that waits for no news of these subjects."""
    said = Q(reason__in=("rejected", "failed"))
    return said & ~Q(about__in=about) if about else said


def due(peer: Peer) -> bool:
    """Whether something waits that would be judged otherwise now than when everything was tried last."""
    held = Quarantine.objects.filter(peer=peer, reason__in=("unknown-kind", "rejected", "failed"))
    return (
        held.exists()
        and Following.objects.filter(peer=peer).exclude(kinds_tried=_judges()).exists()
    )


def _judges() -> str:
    """Return sixteen digits of what handlers judge by: the kinds that this code reads, and our own log's adoptions.

    A unit on an old backup does not know what it wrote itself and may reject an answer to it.
    """
    adopted = adoption.adoptions().aggregate(last=Max("index"))["last"]
    return hashlib.sha256(f"{fingerprint()} {adopted}".encode()).hexdigest()[:16]


def gaps(peer: Peer) -> bool:
    """Whether a broken chain waits that nothing has been tried with since something came from its issuer.

    A record, a grant or an erasure order may explain it, and each comes from there. A process that starts tries once more.
    """
    waiting, state = _gaps(peer)
    return waiting > 0 and _tried.get((*place(), peer.origin)) != state


def gaps_tried(peer: Peer) -> None:
    """What waits in broken chains now was tried, and is held against its issuer: not again until something comes."""
    _tried[(*place(), peer.origin)] = _gaps(peer)[1]


def _gaps(peer: Peer) -> tuple[int, tuple[int | None, ...]]:
    held = (
        Following.objects.filter(peer=peer)
        .values_list("epoch", "applied")
        .annotate(
            many=Count("peer__quarantine", filter=_BROKEN),
            last=Max("peer__quarantine__id", filter=_BROKEN),
        )
    )
    epoch, applied, many, last = held.get()
    return many, (epoch, applied, many, last)


def unexplained(peer: Peer) -> Iterator[PeerLied]:
    """Yield what is held against a peer for chains that nothing it has told so far makes whole."""
    for held in Quarantine.objects.filter(peer=peer, reason="broken-chain"):
        item = _load(peer, held.index)
        item.hold(held.reason, held.sentence)
        if Received.objects.filter(peer=peer, index=held.index, state=Received.HELD).exists():
            yield apply.lie_of(item)


def _retry(peer: Peer, held: Quarantine, blocked: set[tuple[str, str]]) -> int:
    chain = (held.subject, held.audience)
    if chain in blocked:
        return 0
    item = _load(peer, held.index)
    assert item.header is not None
    known = judging.kind_is_known(item.header.kind, item.header.schema)
    if not known or not chains.follows(peer, item):
        blocked.add(chain)
    elif not apply.attempt(item, apply.received(item, peer.origin)):
        blocked.add(chain)
        held.reason, held.sentence, held.about = item.reason, item.sentence[:300], item.about
        held.save(update_fields=["reason", "sentence", "about"])
    else:
        held.delete()
        Received.objects.filter(peer=peer, index=item.opening.index).update(state=Received.APPLIED)
        return 1
    return 0


def _load(peer: Peer, index: int) -> Judged:
    row = Received.objects.get(peer=peer, index=index)
    header, salt = bytes(row.header or b""), bytes(row.salt or b"")
    return Judged(
        framing.Opening(index, salt, header, bytes(row.body or b"")),
        bytes(row.commitment),
        decode_header(header),
    )
