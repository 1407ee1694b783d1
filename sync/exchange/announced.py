"""What units announced of themselves when they were connected: keys that nothing proves, an operator's name that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from sync.exchange import documents, keyring
from sync.formats.notes import VerifierKey
from sync.models.exchange import Following, Peer, PeerKey
from sync.refusals import PeerFault, RequestRefused

if TYPE_CHECKING:
    from sync.exchange.documents import Document


def refuse_unproven(peer: Peer, *, unproven: bool) -> None:
    """Without proofs, only an operator's word stands behind the keys, and never for keys that others are known by."""
    if keyring.others_holding(peer):
        raise PeerFault(
            f"{peer.name} announces a key that another unit is known by, and does not prove that it holds it. Do not accept."
        )
    if not unproven:
        raise PeerFault(
            f"{peer.name} does not prove that it holds its keys: its release is 0.1, or something stands in between. "
            "Let it be upgraded and ask again; or, if its operator says on the telephone that it is 0.1, "
            "use `minqing peer accept … --unproven`."
        )


def refuse_another_operator(peer: Peer, document: Document) -> None:
    """Name what differs where only the operator's name does: it belongs to the fingerprint that people compared."""
    keys = documents.Keys(
        log=peer.log_key, ack=peer.ack_key, peer=peer.peer_key, box=peer.box_key, witness=peer.witness_key
    )  # fmt: skip
    if keys == document.keys and peer.operator != document.operator:
        raise RequestRefused(
            "operator",
            "This unit knows you with the same keys and another operator's name. Set MINQING_OPERATOR back, or have the connection ended here and ask anew.",
        )


def connected_under_another_name() -> list[str]:
    """Return a sentence for each connection made while this deployment's operator had another name."""
    now = settings.MINQING.operator
    peers = Peer.objects.filter(ended_on=None).exclude(own_operator__in=["", now])
    return [another_name(peer) for peer in peers.exclude(accepted_here=None)]


def another_name(peer: Peer) -> str:
    """Say that a connection was made under another operator's name of ours, and what to do."""
    return (
        f"{peer.name} was connected while MINQING_OPERATOR said {peer.own_operator!r}; now it says {settings.MINQING.operator!r}. "
        "The fingerprint covers it: set it back, or end the connection on both sides, ask anew and compare fingerprints again."
    )


def is_unknown(peer: Peer) -> bool:
    """Whether nobody here ever compared its fingerprint, and no policy names its keys: anybody may have written its document.

    Origins are public. What came under one first must not keep out the unit that it belongs to.
    """
    begun = peer.accepted_here is not None or Following.objects.filter(peer=peer).exists()
    return not begun and not PeerKey.objects.filter(peer=peer).exists()


def refuse_stranger(known: Peer, document: Document) -> None:
    """Refuse a document under the origin of a unit that was connected here once, unless it is that unit's.

    Raises:
        PeerFault: saying what it lacks.
    """
    if VerifierKey.parse(document.keys.log) not in keyring.log_keys(known).current:
        raise PeerFault(
            "This origin is known with another log key. A lost log key means a new origin."
        )
    if known.proven_keys and not document.proven:  # the log key alone is public
        raise PeerFault("This unit proved its keys before; a document without proofs is not its.")
