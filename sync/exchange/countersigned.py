"""Who countersigned a peer's newest head, as pages show it: the witness, for which operator it counts, whose units run with it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from django.conf import settings

from sync.errors import NoteFault, SignerFault
from sync.exchange.standing import Countersigned
from sync.formats.notes import VerifierKey, cosigned_by, parse_note
from sync.identity import witness_key
from sync.models.exchange import PeerHead, PeerKey
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.models.exchange import Peer


def witnesses_known(connected: Iterable[Peer]) -> dict[VerifierKey, Countersigned]:
    """Return the witnesses of connected units and our own, by key."""
    found: dict[VerifierKey, tuple[str, list[str]]] = {}
    coming = PeerKey.objects.filter(use="witness", last=None).values_list("peer", "key")
    texts = {(peer.pk, peer.witness_key): peer for peer in connected}
    peers = {peer.pk: peer for peer in texts.values()}
    texts |= {(pk, text): peers[pk] for pk, text in coming if pk in peers}
    for (_, text), peer in texts.items():
        key = VerifierKey.parse(text)
        found.setdefault(key, (peer.operator, []))[1].append(peer.name)
    with contextlib.suppress(SignerFault):  # then the page is shown without our own witness
        own = found.setdefault(witness_key(), (settings.MINQING.operator, []))
        own[1].append(current_unit().name)
    return {
        key: Countersigned(witness=key.name, operator=operator, units=tuple(names))
        for key, (operator, names) in found.items()
    }


def countersigned(
    peer: Peer, size: int, known: dict[VerifierKey, Countersigned]
) -> tuple[Countersigned, ...]:
    """Return who, of other operators than the peer's own, countersigned its newest head that we proved."""
    head = PeerHead.objects.filter(peer=peer, size=size, proven=True).first() if known else None
    if head is None:
        return ()
    try:
        found = [known[one.key] for one in cosigned_by(parse_note(bytes(head.note)), known)]
    except NoteFault:
        return ()
    others = [one for one in found if one.operator != peer.operator]
    return tuple(sorted(others, key=lambda one: (one.operator, one.witness)))
