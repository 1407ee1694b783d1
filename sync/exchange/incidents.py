"""What is held against a peer: one row per thing, its evidence exactly as it came, and the freeze."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from sync.models.exchange import Evidence, Incident, Peer
from sync.refusals import PeerFault

if TYPE_CHECKING:
    from sync.refusals import PeerLied

_log = logging.getLogger(__name__)

_EVIDENCE_LIMIT = 4 * 1024 * 1024
_INCIDENTS_PER_PEER = 200


def incident_record(peer: Peer, lie: PeerLied) -> Incident | None:
    """Keep an incident with its evidence; freeze the peer if it says so. Never inside the failing transaction.

    The same thing again only counts up. A peer cannot fill the disk: past two hundred open incidents
    the newest is counted on the last one of its name.
    """
    today = timezone.localdate()
    named = hashlib.sha256(lie.name.encode())
    for name in sorted(lie.evidence):
        named.update(name.encode() + b"\x00" + hashlib.sha256(lie.evidence[name]).digest())
    digest = named.digest()
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
        if again.update(times=F("times") + 1, last_on=today, settled_on=None):
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


def incident_settle(incident_id: int, *, thaw: bool = False) -> None:
    """An operator has dealt with an incident; ``thaw`` also lets the peer's records be applied again."""
    with transaction.atomic():
        incident = Incident.objects.select_for_update().filter(pk=incident_id).first()
        if incident is None:
            raise PeerFault(f"There is no incident {incident_id}.")
        Incident.objects.filter(pk=incident.pk).update(settled_on=timezone.localdate())
        if thaw:
            Peer.objects.filter(pk=incident.peer_id).update(frozen_on=None)


def describe(**parts: object) -> bytes:
    """Write small facts of an incident as a JSON file of evidence."""
    return json.dumps(parts, ensure_ascii=False, sort_keys=True, indent=1).encode()
