"""Tables of ledger and exchange, in the unit's own schema."""

from sync.models.exchange import (
    Contact,
    Cosignature,
    DisclosureNote,
    Evidence,
    Following,
    Grant,
    Incident,
    MirrorBundle,
    Nonce,
    Peer,
    PeerHead,
    PeerKey,
    Quarantine,
    Received,
    RegionPolicy,
    Told,
)
from sync.models.ledger import Chain, Entry, Head, Log, Opening, Pending, Tile
from sync.models.transports import Sent

__all__ = [
    "Chain",
    "Contact",
    "Cosignature",
    "DisclosureNote",
    "Entry",
    "Evidence",
    "Following",
    "Grant",
    "Head",
    "Incident",
    "Log",
    "MirrorBundle",
    "Nonce",
    "Opening",
    "Peer",
    "PeerHead",
    "PeerKey",
    "Pending",
    "Quarantine",
    "Received",
    "RegionPolicy",
    "Sent",
    "Tile",
    "Told",
]
