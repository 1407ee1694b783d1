"""Taking another unit's new log key by hand: for whoever slept while one key followed the other, and the witness with it.

The announcement that both keys signed was never seen here, so no paper leads from the one key to the other. People must: the
other side reads out the fingerprint of its log key by telephone or letter. What was copied of the log stays and must lead to
the next head, which the new key signs; that the key was taken so stands in this unit's own log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import transaction

from sync import audiences, ledger
from sync.exchange import documents
from sync.exchange.peers import client_for, peer_by_origin
from sync.models.exchange import Following, Peer, PeerKey
from sync.refusals import PeerFault, PeerLied, Refused, Unreachable
from sync.signer import client as signer_client
from sync.signer.messages import Repin

if TYPE_CHECKING:
    from sync.formats import notes

KIND = "sync.repin"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a repin record."""

    origin: str
    """The other unit's log."""

    former: str
    """The key that it was known by here; good below ``size`` only."""

    key: str
    size: int
    """How far the log was proven here under the former key."""


def repin(origin: str, fingerprint: str) -> str:
    """Take the log key that a connected unit shows now; ``fingerprint`` is what its operator read out. Return the key.

    Asked again after a crash it goes on.

    Raises:
        PeerFault: nobody answers, the key is the known one, nothing proves that the unit holds it, or the fingerprint differs.
        SignerUnreachable, SignerRefused: the witness cannot take it now.
    """
    peer = peer_by_origin(origin)
    key = _shown(peer)
    typed = "".join(fingerprint.split())
    if typed != key.fingerprint.replace(" ", ""):
        raise PeerFault(
            "The fingerprint is not the one of the log key that arrived here. Do not take it; compare again."
        )
    former = _take(peer, key)
    signer_client.signer().ask(Repin(origin=origin, log_key=str(key), former=former))
    return str(key)


def _shown(peer: Peer) -> notes.VerifierKey:
    try:
        with client_for(peer) as client:
            document = documents.read_document(client.get(documents.PATH, cap=documents.LIMIT).body)
    except (Unreachable, Refused, PeerLied) as fault:
        raise PeerFault(f"{peer.name} could not be asked: {fault}") from fault
    if document.origin != peer.origin or not document.proven:
        raise PeerFault(f"What answers there does not prove that it holds the keys of {peer.name}.")
    return document.log_key


def _take(peer: Peer, key: notes.VerifierKey) -> str:
    """Put the key in force here and on the record; return the one before."""
    with transaction.atomic():
        peer = Peer.objects.select_for_update().get(pk=peer.pk)
        if peer.log_key == str(key):
            before = PeerKey.objects.filter(peer=peer, use="log").exclude(last=None).last()
            if before is None:
                raise PeerFault(f"{peer.name} is known by this log key already.")
            return before.key
        former = peer.log_key
        size = Following.objects.filter(peer=peer).values_list("mirrored", flat=True).first() or 0
        PeerKey.objects.update_or_create(
            peer=peer, key=former, defaults={"use": "log", "last": size}
        )
        PeerKey.objects.filter(peer=peer, key=str(key)).delete()
        peer.log_key = str(key)
        peer.fingerprint = documents.fingerprint_of(
            peer.origin,
            peer.operator,
            documents.Keys(
                log=peer.log_key, ack=peer.ack_key, peer=peer.peer_key, box=peer.box_key, witness=peer.witness_key
            ),
        )  # fmt: skip
        peer.save(update_fields=["log_key", "fingerprint"])
        ledger.append(
            kind=KIND,
            subject=f"repin/{peer.origin}",
            body=msgspec.json.encode(
                Taken(origin=peer.origin, former=former, key=str(key), size=size), order="sorted"
            ),
            audience=audiences.PUBLIC,
            media_type="application/json",
        )
        ledger.seal_soon()
        return former
