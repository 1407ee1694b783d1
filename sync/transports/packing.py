"""Making parcels of the current unit's log for one peer. What is disclosed is what a pull would be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.exchange import feed, keyring
from sync.formats import copies, framing
from sync.identity import origin, peer_keys
from sync.ledger import tree
from sync.models.exchange import Peer
from sync.transports import boxes, parcels
from sync.transports.parcels import Label

if TYPE_CHECKING:
    from sync.ledger import SignedHead

_NOTHING = (0, 0)


def pack(
    peer: Peer,
    *,
    head: SignedHead | None = None,
    leaves: tuple[int, int] = _NOTHING,
    records: tuple[int, int] = _NOTHING,
    known: int = 0,
) -> tuple[bytes, int]:
    """Return a parcel for a peer, and the index at which its records end: earlier than asked when they are long.

    ``leaves`` are widened to begin with a bundle, every 256 entries. ``known`` is the size of the head that the peer has by
    the time it judges these records: orders to erase that come after it must not have made gaps in them.

    Raises:
        BoxFault: the peer's box key cannot be used.
        RequestRefused: the records lie past the published log.
    """
    keys = peer_keys()
    epoch = Peer.objects.values_list("epoch", flat=True).get(pk=peer.pk)
    first, last = leaves[0] // copies.WIDTH * copies.WIDTH, leaves[1]
    commitments = b"".join([entry[1:] for entry in tree.read_entries(first, last - first)])
    start, stop, sealed = *records, b""
    if start < stop:
        *rows, end = feed.disclose(peer, start, stop, known=known)
        said = framing.read_disclosure(framing.split(end)[1], keys[0].verifier)
        stop, epoch = said.size, said.epoch
        sealed = boxes.seal(b"".join([*rows, end]), keyring.good_keys(peer, "box")[0])
    label = Label(
        issuer=origin(), recipient=peer.origin, epoch=epoch, size=head.size if head is not None else 0,
        leaves=(first, last), records=(start, stop),
    )  # fmt: skip
    note = head.note if head is not None else b""
    return parcels.pack(label, *keys, head=note, leaves=commitments, sealed=sealed), stop
