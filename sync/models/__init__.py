"""Tables of ledger and exchange, in the unit's own schema."""

from sync.models.erasures import ErasureDuty, ErasureReceipt
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
from sync.models.handovers import Custody, Handover, Reassignment, Superior, Tenure
from sync.models.ledger import Chain, Entry, Head, Log, Opening, Pending, Tile
from sync.models.transports import Sent

__all__ = [
    "Chain",
    "Contact",
    "Cosignature",
    "Custody",
    "DisclosureNote",
    "Entry",
    "ErasureDuty",
    "ErasureReceipt",
    "Evidence",
    "Following",
    "Grant",
    "Handover",
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
    "Reassignment",
    "Received",
    "RegionPolicy",
    "Sent",
    "Superior",
    "Tenure",
    "Tile",
    "Told",
]
