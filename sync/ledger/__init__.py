"""The ledger of one unit. This is its door: ``from sync import ledger``, then append, seal, head.

Receipts, audit, erasure and adoption are rooms of their own behind it and are imported by name.
"""

from sync.ledger.appends import Appended, append
from sync.ledger.heads import SignedHead, head
from sync.ledger.sealing import (
    PAD,
    publish,
    refuse_behind,
    seal,
    seal_due,
    seal_slot,
    seal_soon,
)

__all__ = [
    "PAD",
    "Appended",
    "SignedHead",
    "append",
    "head",
    "publish",
    "refuse_behind",
    "seal",
    "seal_due",
    "seal_slot",
    "seal_soon",
]
