"""Telling connected peers, all at once, that this unit has a new head."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from django.utils import timezone

from sync.exchange.contacts import contact_note
from sync.exchange.peers import client_for, connected_peers
from sync.ledger import head
from sync.models.exchange import Contact
from sync.refusals import PeerLied, Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Collection

RING_SECONDS = 5.0
PARALLEL = 8


def ring_peers(reached: Collection[str] = ()) -> int:
    """Ring at every connected peer that is not in a pause after failures; return how many heard it.

    ``reached`` are origins that a faster way has told already.
    """
    note = head().note
    due = Contact.objects.filter(
        direction="ring", peer__in=connected_peers(), due_at__lte=timezone.now()
    ).select_related("peer")
    contacts = [contact for contact in due if contact.peer.origin not in reached]
    clients = [client_for(contact.peer) for contact in contacts]

    def tell(place: int) -> str:
        with clients[place] as client:
            try:
                client.post("/exchange/doorbell", note, seconds=RING_SECONDS)
            except (Unreachable, Refused, PeerLied) as fault:
                return str(fault)
            return ""

    with ThreadPoolExecutor(max_workers=PARALLEL, thread_name_prefix="bells") as pool:
        faults = list(pool.map(tell, range(len(contacts))))
    for contact, fault in zip(contacts, faults, strict=True):
        contact_note(contact, fault)
    return faults.count("")
