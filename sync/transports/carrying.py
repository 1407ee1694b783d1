"""Taking a disc in: every parcel on it is checked first, then what is whole is taken in as a pull would."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from django.utils import timezone

from sync.exchange import documents, peers
from sync.identity import origin
from sync.models.exchange import Contact
from sync.refusals import ExchangeFault, PeerFault, RequestRefused
from sync.transports import discs, taking
from sync.transports.parcels import ParcelFault
from sync.transports.sources import Held
from tenants.current import unit_context, units

if TYPE_CHECKING:
    from pathlib import Path

    from sync.models.exchange import Peer
    from sync.transports.taking import Taken
    from tenants.models import Unit


@dataclass
class _Delivery:
    """What a disc holds of one issuer for one unit here."""

    unit: Unit
    peer: Peer
    held: list[Held] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What a disc brought to one unit from one issuer."""

    unit: str
    issuer: str
    taken: Taken
    size: int
    """Size of the largest head on the disc."""

    cursor: str
    """Where the cursor lies that goes back, or why it could not be written."""


def take_disc(path: Path, *, cursors: Path | None = None) -> tuple[list[Carried], list[str]]:
    """Take a disc in for every unit of this deployment that it is for; return what came, and a sentence per fault.

    A file that does not hold is named with the octet, and nothing of it is used; the others are. Repeatable.

    Raises:
        DiscFault: there are no parcels.
    """
    faults: list[str] = []
    here = _units_here()
    deliveries: dict[tuple[str, str], _Delivery] = {}
    for found in discs.scan(path):
        where = f"{found.path}, octet {found.at}"
        try:
            _sort(found, here, deliveries)
        except ParcelFault as fault:
            faults.append(f"{where}: {fault}")
    document = path / discs.UNIT if path.is_dir() else path.with_name(discs.UNIT)
    back = cursors or (path if path.is_dir() else path.parent)
    carried = []
    for delivery in deliveries.values():
        with unit_context(delivery.unit):
            try:
                _accepted_there(delivery.peer, document)
            except ExchangeFault as fault:  # its own parcels wait; those of others do not
                faults.append(str(fault))
                continue
            try:
                discs.take_cosigned(document.parent, delivery.peer)
            except discs.DiscFault as fault:
                faults.append(str(fault))
            carried.append(_take(delivery, back))
    for each in carried:
        if each.taken.busy:
            faults.append(
                f"{each.unit}: somebody else takes in from {each.issuer} now. Repeat the command."
            )
        faults += [f"{each.unit}: {said}" for said in (each.taken.fault, _ask(each)) if said]
    return carried, faults


def _units_here() -> dict[str, Unit]:
    here = {}
    for unit in units():
        with unit_context(unit):
            here[origin()] = unit
    return here


def _sort(
    found: discs.Found, here: dict[str, Unit], known: dict[tuple[str, str], _Delivery]
) -> None:
    """Put a parcel to those of its issuer for its recipient.

    Raises:
        ParcelFault: it cannot be read, is for nobody here, or is not what its issuer signed.
    """
    if found.parcel is None:
        raise ParcelFault(found.fault)
    label = found.parcel.label
    unit = here.get(label.recipient)
    if unit is None:
        raise ParcelFault(f"It is for {label.recipient}, which is no unit of this deployment.")
    with unit_context(unit):
        peer = taking.issuer_of(found.parcel)
    delivery = known.setdefault((label.recipient, label.issuer), _Delivery(unit, peer))
    delivery.held.append(
        Held(label, partial(discs.load, found.path, found.at, found.parcel.digest))
    )


def _take(delivery: _Delivery, back: Path) -> Carried:
    taken = taking.take(delivery.peer, delivery.held)
    if not taken.fault and not taken.busy:
        Contact.objects.filter(peer=delivery.peer, direction="pull").update(
            succeeded_on=timezone.localdate()
        )
    try:
        cursor = str(discs.write_cursor(back, delivery.peer))
    except discs.DiscFault as fault:
        cursor = str(fault)
    size = max(held.label.size for held in delivery.held)
    return Carried(
        unit=delivery.unit.code, issuer=delivery.peer.origin, taken=taken, size=size, cursor=cursor
    )


def _ask(each: Carried) -> str:
    taken = each.taken
    if not taken.missing or (each.size and taken.applied >= each.size):
        return ""
    return (
        f"{taken.missing} Everything up to index {taken.applied} is here: carry the cursor back, or have the issuer write "
        f"the disc with --from {taken.applied}, after new grants with --from 0."
    )


def _accepted_there(peer: Peer, document: Path) -> None:
    """A disc that a peer made for us says that it accepted us: where networks do not meet, nothing else can say it."""
    if peer.accepted_there is None and document.exists():
        try:
            peers.connection_accepted(peer, documents.read_document(discs.read_small(document)))
        except (PeerFault, RequestRefused, OSError) as fault:
            raise ExchangeFault(f"{document}: {fault}") from fault
        peer.refresh_from_db()
