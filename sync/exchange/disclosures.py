"""Holding what a peer discloses against the notes that it signed before: whenever it begins anew, and when people ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.errors import NoteFault
from sync.exchange import keyring, windows
from sync.exchange.incidents import incident_once, incident_record
from sync.exchange.peers import client_for
from sync.exchange.reading import ANSWER_CAP, ANSWER_SECONDS
from sync.formats import framing, withholding
from sync.identity import origin as own_origin
from sync.models.exchange import DisclosureNote
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from sync.models.exchange import Incident, Peer

NOTES = 8
"""So many of the newest notes are compared."""


class Earlier:
    """The last note of each epoch before the one that is read now: what a reading from the beginning is held against.

    Below their sizes nothing may turn up that they did not count. Notes under other grants or from before an adoption of
    the log say nothing about it (see ``withholding``).
    """

    def __init__(self, peer: Peer, epoch: int) -> None:
        self._peer = peer
        kept = DisclosureNote.objects.filter(
            peer=peer, epoch__lt=epoch, epoch__gte=epoch - epoch % framing.EPOCHS
        )
        last = kept.order_by("-epoch", "-size").distinct("epoch")
        self._said = list(last.values_list("size", "count", "note")[:NOTES])

    def ends(self) -> list[int]:
        """Return the sizes at which an answer should end, so that its note can be compared."""
        return [size for size, _, _ in self._said]

    def compare(self, said: framing.Disclosure, note: bytes) -> None:
        """Hold a note that was taken in against them; the first contradiction is kept with its proof."""
        for size, count, before in self._said:
            if said.size > size or said.count < count:
                continue
            lie = judge(self._peer, bytes(before), note)
            if lie is not None:
                incident_once(self._peer, lie)
                self._said = []
                return


def audit(peer: Peer) -> list[Incident]:
    """Ask for everything up to the size of each kept note again; keep a proof of withholding for each that was false.

    What arrives is counted, not taken in. Asking changes no cursor here; at the peer it reads like a new beginning.

    Raises:
        Unreachable, Refused, PeerLied: as a pull.
    """
    found = []
    for row in DisclosureNote.objects.filter(peer=peer).order_by("-epoch", "-size")[:NOTES]:
        earlier = bytes(row.note)
        later = _ask_again(peer, row.size)
        lie = judge(peer, earlier, later)
        if lie is not None and (incident := incident_record(peer, lie)) is not None:
            found.append(incident)
    return found


def judge(peer: Peer, earlier: bytes, later: bytes) -> PeerLied | None:
    """Hold two notes of a peer against each other; return what is to be held against it."""
    keys = keyring.verifiers(peer, "peer")
    try:
        said = [framing.read_disclosure(note, *keys) for note in (earlier, later)]
    except NoteFault:
        return None  # a note by a key that has ended since
    if not withholding.contradict(*said):
        return None
    proof = withholding.WithholdingProof(keys=tuple(keys), earlier=earlier, later=later).encode()
    sentence = withholding.verify_withholding(proof, keys)
    files = {withholding.FILE: proof, "earlier.note": earlier, "later.note": later}
    return PeerLied("withheld", sentence, files)


def _ask_again(peer: Peer, size: int) -> bytes:
    """Return the peer's note about everything up to a size, as it would disclose it today."""
    us, keys, start, note = own_origin(), keyring.verifiers(peer, "peer"), 0, b""
    with client_for(peer) as client:
        while start < size or not note:
            path = f"/exchange/records?from={start}&to={size}"
            stream = client.get(path, cap=ANSWER_CAP, seconds=ANSWER_SECONDS).body
            _, note = windows.read_window(stream)
            said = windows.check_note(
                note, keys=keys, issuer=peer.origin, recipient=us, start=start, stop=size
            )
            if said.size == start:
                break
            start = said.size
    return note
