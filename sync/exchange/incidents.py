"""What is held against a peer: one row per thing, its evidence exactly as it came, and the freeze.

A proven fork freezes a peer: nothing of it is applied until two operators, one after the other, decide otherwise.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from sync import audiences, ledger
from sync.models.exchange import Evidence, Incident, Peer, PeerHead
from sync.refusals import PeerFault

if TYPE_CHECKING:
    from sync.refusals import PeerLied

_log = logging.getLogger(__name__)

THAW = "sync.thaw"

_EVIDENCE_LIMIT = 4 * 1024 * 1024
_INCIDENTS_PER_PEER = 200


def incident_record(peer: Peer, lie: PeerLied) -> Incident | None:
    """Keep an incident with its evidence; freeze the peer if it says so. Never inside the failing transaction.

    The same thing again only counts up. A peer cannot fill the disk: past two hundred open incidents
    the newest is counted on the last one of its name.
    """
    today, digest = timezone.localdate(), _digest(lie)
    with transaction.atomic():
        if lie.freezes:
            Peer.objects.filter(pk=peer.pk, frozen_on=None).update(frozen_on=today)
        again = Incident.objects.filter(peer=peer, name=lie.name, digest=digest)
        if (
            not again
            and Incident.objects.filter(peer=peer, settled_on=None).count() >= _INCIDENTS_PER_PEER
            and not lie.freezes
        ):
            again = Incident.objects.filter(
                pk=Incident.objects.filter(peer=peer, name=lie.name).values("pk")[:1]
            )
        if again.update(times=F("times") + 1, last_on=today, settled_on=None, thaw_by=""):
            return again.first()
        incident = Incident.objects.create(
            peer=peer, name=lie.name, sentence=lie.sentence[:300], digest=digest,
            first_on=today, last_on=today, freezes=lie.freezes,
        )  # fmt: skip
        Evidence.objects.bulk_create(
            Evidence(incident=incident, name=name[:64], content=content[:_EVIDENCE_LIMIT])
            for name, content in lie.evidence.items()
        )
    _log.warning("incident %s with %s: %s", lie.name, peer.origin, lie.sentence)
    return incident


def incident_once(peer: Peer, lie: PeerLied) -> None:
    """Keep an incident unless it is known already: for what is found again at every look, settled or not."""
    if not Incident.objects.filter(peer=peer, name=lie.name, digest=_digest(lie)).exists():
        incident_record(peer, lie)


def _digest(lie: PeerLied) -> bytes:
    """Name what is held against a peer by its name and its evidence."""
    named = hashlib.sha256(lie.name.encode())
    for name in sorted(lie.evidence):
        named.update(name.encode() + b"\x00" + hashlib.sha256(lie.evidence[name]).digest())
    return named.digest()


def incident_settle(incident_id: int) -> None:
    """An operator has dealt with an incident. A frozen peer stays frozen: see ``thaw_propose``."""
    if not Incident.objects.filter(pk=incident_id).update(settled_on=timezone.localdate()):
        raise PeerFault(f"There is no incident {incident_id}.")


def thaw_propose(incident_id: int, *, by: str, reason: str) -> None:
    """Propose that a frozen peer's records be applied again; nothing changes until somebody else agrees.

    Raises:
        PeerFault: the incident does not freeze, or somebody or the reason is not named.
    """
    if not by.strip() or not reason.strip():
        raise PeerFault("Say who proposes it, and why.")
    frozen = Incident.objects.filter(pk=incident_id, freezes=True, peer__frozen_on__isnull=False)
    if not frozen.update(thaw_by=by.strip()[:150], thaw_reason=reason.strip()[:300]):
        raise PeerFault(f"Incident {incident_id} holds nobody back.")


def thaw_agree(incident_id: int, *, by: str) -> None:
    """Agree to what another operator proposed: the peer's records are applied again. Logged, publicly, with the reason.

    The heads that proved the fork stay among the evidence; what follows the branch that was copied here is taken. Shown
    the other branch once more, the peer is frozen again.

    Raises:
        PeerFault: nobody proposed it, or the same person did.
    """
    with transaction.atomic():
        incident = (
            Incident.objects.select_for_update(of=("self",))
            .select_related("peer")
            .filter(pk=incident_id, freezes=True, peer__frozen_on__isnull=False)
            .first()
        )
        if incident is None or not incident.thaw_by:
            raise PeerFault("Somebody has to propose this first.")
        if incident.thaw_by == by.strip() or not by.strip():
            raise PeerFault("The one who proposed it cannot agree to it: a second operator must.")
        Peer.objects.filter(pk=incident.peer_id).update(frozen_on=None)
        PeerHead.objects.filter(peer=incident.peer_id, proven=False).delete()
        Incident.objects.filter(peer=incident.peer_id, freezes=True).update(
            settled_on=timezone.localdate()
        )
        body = {
            "origin": incident.peer.origin,
            "incident": incident.name,
            "reason": incident.thaw_reason,
        }
        ledger.append(
            kind=THAW, subject=f"thaw/{incident.peer.origin}", body=describe(**body),
            audience=audiences.PUBLIC, media_type="application/json",
        )  # fmt: skip
        ledger.seal_soon()
    _log.warning("frozen no more: %s", incident.peer.origin)


def frozen_origins() -> frozenset[str]:
    """Return the logs whose records are not applied at present: pages that show their things say so, neutrally."""
    frozen = Peer.objects.filter(ended_on=None, frozen_on__isnull=False)
    return frozenset(frozen.values_list("origin", flat=True))


def describe(**parts: object) -> bytes:
    """Write small facts of an incident as a JSON file of evidence."""
    return json.dumps(parts, ensure_ascii=False, sort_keys=True, indent=1).encode()
