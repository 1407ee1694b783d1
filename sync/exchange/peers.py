"""Other units: asking for a connection, accepting one, granting kinds of records, and how things stand.

A connection exists when both sides accepted it after their operators compared the fingerprints
by another way. Nothing is fetched from an address before an operator here typed it or accepted it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from sync.errors import RecordFault
from sync.exchange import announced, documents
from sync.exchange.client import Client, check_address
from sync.exchange.contacts import contact_note
from sync.exchange.countersigned import countersigned, witnesses_known
from sync.exchange.standing import GrantState, PeerState, PeerUnit
from sync.identity import origin as own_origin
from sync.identity import peer_key
from sync.kinds import kind_named
from sync.models.exchange import (
    Contact,
    Following,
    Grant,
    Incident,
    Peer,
    PeerHead,
    Quarantine,
)
from sync.models.ledger import Head
from sync.refusals import PeerFault, PeerLied, Refused, RequestRefused, Unreachable

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from sync.exchange.documents import Document
    from sync.exchange.standing import Countersigned
    from sync.formats.notes import VerifierKey

OPEN_OFFERS = 50
"""Requests of strangers that are kept until an operator looks; more are refused."""


# --- reading ---------------------------------------------------------------------------------


def peer_by_origin(origin: str) -> Peer:
    """Return a peer.

    Raises:
        PeerFault: no such peer.
    """
    peer = Peer.objects.filter(origin=origin).first()
    if peer is None:
        raise PeerFault(
            f"No peer has the origin {origin!r}. `minqing peer list` shows those there are."
        )
    return peer


def published_size() -> int:
    """Return the size of the current unit's largest published head."""
    return Head.objects.aggregate(size=Max("size"))["size"] or 0


def connected_peers() -> list[Peer]:
    """Return peers that both sides accepted, frozen ones too."""
    return list(
        Peer.objects.filter(ended_on=None).exclude(accepted_here=None).exclude(accepted_there=None)
    )


def reachable_units() -> list[PeerUnit]:
    """Return the units that a case may be referred to."""
    return [
        PeerUnit(origin=peer.origin, code=peer.code, name=peer.name, address=peer.address)
        for peer in connected_peers()
        if peer.frozen_on is None
    ]


def peers_with_state() -> list[PeerState]:
    """Return every peer and how things stand with it, in order of code."""
    proven = PeerHead.objects.filter(peer=OuterRef("pk"), proven=True).order_by("-size")
    # Each counted by itself: joined, a peer's heads, held records and incidents would multiply.
    peers = (
        Peer.objects.annotate(
            held=_count(Quarantine.objects.all()),
            open_incidents=_count(Incident.objects.filter(settled_on=None)),
            proven=Subquery(proven.values("size")[:1]),
        )
        .select_related("following")
        .prefetch_related("contacts", "grants")
    )
    known = witnesses_known(connected_peers())
    return [_state(peer, known) for peer in peers]


def _count(rows: QuerySet[Quarantine] | QuerySet[Incident]) -> Coalesce:
    of_peer = rows.filter(peer=OuterRef("pk")).order_by().values("peer")
    return Coalesce(Subquery(of_peer.annotate(many=Count("pk")).values("many")), 0)


def _state(peer: Peer, known: dict[VerifierKey, Countersigned] | None = None) -> PeerState:
    following = getattr(peer, "following", None) or Following(peer=peer)
    contacts = {contact.direction: contact for contact in peer.contacts.all()}
    pull = contacts.get("pull")
    size = getattr(peer, "proven", None) or 0
    contacts.pop("broker", None)  # a peer that uses no broker lacks nothing
    errors = [contact.last_error for contact in contacts.values() if contact.last_error]
    if peer.own_operator not in ("", settings.MINQING.operator) and peer.ended_on is None:
        errors.insert(0, announced.another_name(peer))
    return PeerState(
        origin=peer.origin, code=peer.code, name=peer.name, address=peer.address, operator=peer.operator,
        fingerprint=peer.fingerprint, state=peer.state, size=size, mirrored=following.mirrored,
        applied=following.applied, lag=max(0, size - following.applied), delivered=peer.delivered,
        last_success_day=pull.succeeded_on if pull else None, last_error=errors[0] if errors else "",
        countersigned=countersigned(peer, size, known or {}), quarantined=getattr(peer, "held", 0), incidents=getattr(peer, "open_incidents", 0),
        frozen=peer.frozen_on is not None, proven_keys=peer.proven_keys,
        grants=tuple(GrantState(kind=g.kind, history=g.start == 0, start=g.start) for g in peer.grants.all()),
    )  # fmt: skip


def client_for(peer: Peer) -> Client:
    """Return a client that signs as the current unit, for an accepted peer's address and no other.

    Raises:
        PeerFault: the peer was not accepted here.
    """
    if peer.accepted_here is None or peer.ended_on is not None:
        raise PeerFault(f"{peer.name} is not accepted here: nothing is fetched from it.")
    return _own_client(peer.address)


def _own_client(address: str) -> Client:
    return Client(address, key=peer_key().private, keyid=own_origin())


# --- connecting --------------------------------------------------------------------------------


def connection_request(address: str) -> PeerState:
    """Ask the unit at an address that an operator typed for a connection.

    Fetches its unit document, sends ours, and keeps it as ``requested`` until the fingerprints were compared
    (`connection_accept`). Repeatable while it is not accepted.

    Raises:
        PeerFault: no unit answers there, or it is already connected, or it is this unit itself.
    """
    address = check_address(address)
    with _own_client(address) as client:
        try:
            document = documents.read_document(client.get(documents.PATH, cap=documents.LIMIT).body)
            if document.origin == own_origin():
                raise PeerFault("This is the address of this unit itself.")
            _refuse_known(document)
            client.post("/exchange/connect", documents.own_document().encode())
        except (Unreachable, PeerLied) as fault:
            raise PeerFault(f"No unit could be asked at {address}. {fault}") from fault
        except Refused as fault:
            raise PeerFault(f"The unit at {address} declined the request: {fault}") from fault
    return _state(_keep(document, address=address, asked_here=True))


def _refuse_known(document: Document) -> None:
    known = Peer.objects.filter(origin=document.origin).first()
    if known is not None and known.accepted_here is not None and known.ended_on is None:
        raise PeerFault(
            f"{known.name} is accepted already; end that connection before asking for a new one."
        )


def _keep(document: Document, *, address: str, asked_here: bool) -> Peer:
    """Store what a document says about a peer that is not accepted here (again)."""
    values = {
        "code": document.code, "name": document.name, "address": address, "operator": document.operator,
        "log_key": document.keys.log, "ack_key": document.keys.ack, "peer_key": document.keys.peer,
        "box_key": document.keys.box, "witness_key": document.keys.witness, "fingerprint": document.fingerprint,
        "proven_keys": document.proven,
    }  # fmt: skip
    with transaction.atomic():
        known = Peer.objects.select_for_update().filter(origin=document.origin).first()
        if known is None:
            return Peer.objects.create(origin=document.origin, asked_here=asked_here, **values)
        if not announced.is_unknown(known):
            announced.refuse_stranger(known, document)
        changed = known.fingerprint != document.fingerprint or known.ended_on is not None
        for name, value in values.items():
            setattr(known, name, value)
        known.asked_here = asked_here or (known.asked_here and not changed)
        known.ended_on = None
        known.accepted_here = None
        if changed:
            known.accepted_there = None
            known.told_of_acceptance = False
        known.save()
        return known


def connection_accept(origin: str, fingerprint: str, *, unproven: bool = False) -> PeerState:
    """Accept a peer after comparing fingerprints by another way; ``fingerprint`` is what the other side read out.

    The peer is told; when it cannot be reached, the sweep tells it later.

    Args:
        origin: whom.
        fingerprint: forty digits.
        unproven: the operator takes a unit of release 0.1, whose document does not show that it holds its keys.

    Raises:
        PeerFault: no such peer, the fingerprint is another one, or the keys are unproven (or somebody else's).
    """
    typed = "".join(character for character in fingerprint if not character.isspace())
    with transaction.atomic():
        peer = Peer.objects.select_for_update().filter(origin=origin, ended_on=None).first()
        if peer is None:
            raise PeerFault(f"No request is open with {origin!r}.")
        if typed != peer.fingerprint.replace(" ", ""):
            raise PeerFault(
                "The fingerprint is not the one of the keys that arrived here. Do not accept; compare again."
            )
        if not peer.proven_keys:
            announced.refuse_unproven(peer, unproven=unproven)
        if peer.accepted_here is None:
            peer.accepted_here = timezone.localdate()
            peer.own_operator = settings.MINQING.operator
            peer.save(update_fields=["accepted_here", "own_operator"])
        _begin(peer)
    acceptance_tell(peer)
    peer.refresh_from_db()
    return _state(peer)


def untold_peers() -> list[Peer]:
    """Return peers that are accepted here and due to be told so."""
    due = Contact.objects.filter(direction="ring", due_at__lte=timezone.now()).values("peer")
    return list(
        Peer.objects.filter(ended_on=None, told_of_acceptance=False, pk__in=due).exclude(
            accepted_here=None
        )
    )


def acceptance_tell(peer: Peer) -> bool:
    """Tell a peer that it is accepted here; False when it could not be told now."""
    try:
        with client_for(peer) as client:
            client.post("/exchange/accept", documents.own_document().encode())
    except (Unreachable, Refused, PeerLied) as fault:
        for contact in Contact.objects.filter(peer=peer, direction="ring"):
            contact_note(contact, str(fault))
        return False
    Peer.objects.filter(pk=peer.pk).update(told_of_acceptance=True)
    return True


def connection_end(origin: str) -> bool:
    """End a connection from this side: nothing is fetched or served any more; what was taken in stays.

    An offer or a request that never became a connection is forgotten: it says nothing about the unit that it names.
    Returns whether the unit is still known here.
    """
    with transaction.atomic():
        peer = Peer.objects.select_for_update().get(pk=peer_by_origin(origin).pk)
        if announced.is_unknown(peer):
            peer.delete()
            return False
        Peer.objects.filter(pk=peer.pk).update(
            ended_on=timezone.localdate(), epoch=F("epoch") + 1, delivered=0
        )
        Grant.objects.filter(peer=peer).delete()
    return True


def connection_asked(document: Document) -> None:
    """A peer asks us; keep it as ``offered``. Its signature by the document's own key was verified.

    Raises:
        RequestRefused: it is accepted already with these or other keys, or too many offers wait.
    """
    known = Peer.objects.filter(origin=document.origin).first()
    if known is not None and known.accepted_here is not None and known.ended_on is None:
        if known.fingerprint == document.fingerprint:
            return
        announced.refuse_another_operator(known, document)
        raise RequestRefused(
            "conflict", "This origin is connected here with other keys; end that connection first."
        )
    asked_here = known is not None and known.asked_here and known.ended_on is None
    if known is not None and asked_here and known.fingerprint == document.fingerprint:
        return
    if known is not None and asked_here and announced.is_unknown(known):
        raise RequestRefused(
            "conflict",
            "This unit asked for the connection itself, and its address showed other keys.",
        )
    open_offers = Peer.objects.filter(accepted_here=None, asked_here=False, ended_on=None)
    if known is None and open_offers.count() >= OPEN_OFFERS:
        raise RequestRefused(
            "busy", "Too many requests wait for this unit's operator. Ask by telephone."
        )
    try:
        _keep(document, address=check_address(document.address), asked_here=False)
    except PeerFault as fault:
        raise RequestRefused("conflict", str(fault)) from fault


def connection_accepted(peer: Peer, document: Document) -> None:
    """A peer says that it accepted us; its signature by the known peer key was verified.

    Raises:
        RequestRefused: its document carries other keys than those we know.
    """
    if document.origin == peer.origin:
        announced.refuse_another_operator(peer, document)
    if document.origin != peer.origin or document.fingerprint != peer.fingerprint:
        raise RequestRefused(
            "conflict", "The keys are not those that this unit knows; ask for a new connection."
        )
    with transaction.atomic():
        if document.proven:  # it was upgraded since it asked
            Peer.objects.filter(pk=peer.pk).update(proven_keys=True)
        Peer.objects.filter(pk=peer.pk, accepted_there=None).update(
            accepted_there=timezone.localdate()
        )
        if peer.accepted_here is not None:
            _begin(peer)


def _begin(peer: Peer) -> None:
    """Make the rows of a connection and let the next sweep pull."""
    now = timezone.now()
    both = Peer.objects.filter(pk=peer.pk, first_connected_on=None).exclude(accepted_there=None)
    both.exclude(accepted_here=None).update(first_connected_on=timezone.localdate())
    Following.objects.get_or_create(peer=peer)
    for direction in ("pull", "ring", "witness"):
        Contact.objects.update_or_create(peer=peer, direction=direction, defaults={"due_at": now})


# --- granting ----------------------------------------------------------------------------------


def grant_set(origin: str, kind: str, *, granted: bool = True, history: bool = False) -> None:
    """Let a peer have records of a kind, or no more.

    Public records are given from the beginning; ``connected`` ones from now on, with ``history`` older ones too.
    Records for the named unit itself need no grant.

    Raises:
        PeerFault: no such peer, or nobody registered the kind.
    """
    try:
        kind_named(kind)
    except RecordFault as fault:
        raise PeerFault(str(fault)) from fault
    with transaction.atomic():
        peer = Peer.objects.select_for_update().get(pk=peer_by_origin(origin).pk)
        held = Grant.objects.filter(peer=peer, kind=kind)
        if not granted:
            if not held.delete()[0]:
                return
        else:
            before = held.first()
            start = 0 if history else published_size()
            if before is not None and before.start <= start:
                return
            try:
                Grant.objects.update_or_create(peer=peer, kind=kind, defaults={"start": start})
            except IntegrityError as fault:
                raise PeerFault(
                    "The grant was changed by somebody else just now; look again."
                ) from fault
        Peer.objects.filter(pk=peer.pk).update(epoch=F("epoch") + 1, delivered=0)
