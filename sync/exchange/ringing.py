"""Telling connected peers, all at once, that this unit has a new head.

One bell at a time rings at a peer, in this process. Whoever comes meanwhile with a newer head leaves word and goes on:
when the peer has answered it is rung once more, with the newest head. So a peer that is slow or silent holds
one task, for the time of one request, and delays nobody else's bell.
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from sync.exchange.contacts import contact_note, contacts_due
from sync.exchange.peers import client_for
from sync.ledger import head
from sync.ledger.appends import place
from sync.refusals import PeerLied, Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Collection

    from sync.exchange.client import Client
    from sync.models.exchange import Contact

RING_SECONDS = 5.0
PARALLEL = 32

Place = tuple[str, str, str]


class _Lanes:
    """Which peers are being rung, and for which of them something newer has come since."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._newer: dict[Place, bool] = {}

    def enter(self, peer: Place) -> bool:
        """Take a peer's lane; where somebody has it, leave word for them."""
        with self._guard:
            free = peer not in self._newer
            self._newer[peer] = not free
            return free

    def leave(self, peer: Place, *, again: bool) -> bool:
        """Give the lane back; True where it is kept, because there is something newer to tell and ``again`` allows it."""
        with self._guard:
            if again and self._newer[peer]:
                self._newer[peer] = False
                return True
            del self._newer[peer]
            return False


_lanes = _Lanes()


def ring_peers(reached: Collection[str] = (), *, again: bool = False) -> int:
    """Ring at every connected peer that is not in a pause after failures; return how many heard it.

    ``reached`` are origins that a faster way has told already; with ``again`` only those that did not hear the last bell.
    """
    contacts = contacts_due("ring").filter(failures__gt=0) if again else contacts_due("ring")
    due = [contact for contact in contacts if contact.peer.origin not in reached]
    lanes = {contact.pk: (*place(), contact.peer.origin) for contact in due}
    mine = [contact for contact in due if _lanes.enter(lanes[contact.pk])]
    if not mine:
        return 0
    heard: set[int] = set()
    try:
        with ThreadPoolExecutor(min(PARALLEL, len(mine)), thread_name_prefix="bells") as pool:

            def ring(contact: Contact) -> Future[str]:
                return pool.submit(_tell, client_for(contact.peer), head().note)

            ringing = {ring(contact): contact for contact in mine}
            while ringing:
                for answered in wait(ringing, return_when=FIRST_COMPLETED).done:
                    contact, fault = ringing.pop(answered), answered.result()
                    contact_note(contact, fault)
                    heard |= set() if fault else {contact.pk}
                    if _lanes.leave(lanes[contact.pk], again=not fault):
                        ringing[ring(contact)] = contact
                    else:
                        mine.remove(contact)
    finally:  # whatever broke: nobody else would ever ring at these
        for contact in mine:
            _lanes.leave(lanes[contact.pk], again=False)
    return len(heard)


def _tell(client: Client, note: bytes) -> str:
    with client:
        try:
            client.post("/exchange/doorbell", note, seconds=RING_SECONDS)
        except (Unreachable, Refused, PeerLied) as fault:
            return str(fault)
        return ""
