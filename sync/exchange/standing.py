"""How things stand with other units: the values that desk, portal and channel are handed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Max, OuterRef, Q, Subquery, Window
from django.db.models.functions import RowNumber

from sync import audiences
from sync.models.exchange import Grant, Incident, Peer, PeerHead, Quarantine, Told
from sync.models.ledger import Entry, Opening, Pending

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class PeerUnit:
    """A connected unit that a case may be referred to."""

    origin: str
    code: str
    name: str
    address: str


@dataclass(frozen=True, kw_only=True)
class GrantState:
    """A kind that the peer may have."""

    kind: str
    history: bool
    start: int


@dataclass(frozen=True, kw_only=True)
class Countersigned:
    """A witness under somebody's head."""

    witness: str
    """Name of its key."""

    operator: str
    """For whom it counts."""

    units: tuple[str, ...]
    """Names of the units known here that run with it: one witness serves a whole deployment."""


@dataclass(frozen=True, kw_only=True)
class PeerState:
    """How things stand with a peer; what the desk and the page of connected units show."""

    origin: str
    code: str
    name: str
    address: str
    operator: str
    fingerprint: str
    state: str
    """``requested``, ``offered``, ``accepted``, ``connected``, ``frozen`` or ``ended``."""

    size: int
    """Size of the largest head of theirs that we proved."""

    mirrored: int
    """Leaves of theirs that we hold."""

    applied: int
    """Their records below this index are taken in."""

    lag: int
    """How many indexes of theirs are not yet taken in."""

    delivered: int
    """Our records below this index have arrived there."""

    last_success_day: datetime.date | None
    last_error: str
    """One sentence, empty when the last attempt went well."""

    countersigned: tuple[Countersigned, ...]
    """Witnesses of other operators than its own that countersigned its newest head."""

    quarantined: int
    incidents: int
    frozen: bool
    grants: tuple[GrantState, ...]
    proven_keys: bool = True
    """It showed that it holds the keys it announced; False for one that was connected or asks with release 0.1."""

    @property
    def witnesses(self) -> tuple[str, ...]:
        """The operators of those witnesses; each counts once, however many it runs."""
        return tuple(sorted({one.operator for one in self.countersigned}))


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Something of a peer's that was not accepted here; ``name`` is the incident's (see docs/protocol-exchange.md)."""

    name: str
    first_day: datetime.date
    last_day: datetime.date
    times: int
    settled: bool
    freezes: bool


@dataclass(frozen=True, kw_only=True)
class Remarks:
    """What the pages about a peer show beside its state."""

    head_day: datetime.date | None = None
    """When its newest head that we proved was first seen; a day, never a clock time."""

    refusals: tuple[Refusal, ...] = ()
    """Newest first, at most ``REFUSALS``."""

    held: tuple[tuple[str, int], ...] = ()
    """Records that wait or were refused: reason and how many; only of the audiences that were asked for."""


REFUSALS = 10
"""Refusals of one peer that are shown."""


def remarks(of: Sequence[str] = (audiences.PUBLIC,)) -> dict[str, Remarks]:
    """Return for every peer, by origin, when its head was proven and what was refused; four queries for all of them.

    ``of`` names the audiences whose held records are counted. What is for one unit alone, reports above all, belongs on no
    page: the count would tell whom a report names that it came, or went up. `minqing peer` counts everything.
    """
    newest = PeerHead.objects.filter(peer=OuterRef("pk"), proven=True).order_by("-size")
    days = dict(Peer.objects.values_list("origin", Subquery(newest.values("seen_on")[:1])))
    refused: dict[str, list[Refusal]] = {}
    newest_first = Window(RowNumber(), partition_by="peer", order_by=["-last_on", "-id"])
    shown = Incident.objects.annotate(place=newest_first).filter(place__lte=REFUSALS)
    for row in shown.select_related("peer"):
        refused.setdefault(row.peer.origin, []).append(
            Refusal(
                name=row.name,
                first_day=row.first_on,
                last_day=row.last_on,
                times=row.times,
                settled=row.settled_on is not None,
                freezes=row.freezes,
            )
        )
    held: dict[str, list[tuple[str, int]]] = {}
    counted = (
        Quarantine.objects.filter(audience__in=of)
        .order_by("peer__origin", "reason")
        .values_list("peer__origin", "reason")
    )
    for origin, reason, count in counted.annotate(count=Count("pk")):
        held.setdefault(origin, []).append((reason, count))
    return {
        origin: Remarks(
            head_day=day, refusals=tuple(refused.get(origin, ())), held=tuple(held.get(origin, ()))
        )
        for origin, day in days.items()
    }


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How far one record of ours got with one unit that may have it."""

    origin: str
    name: str
    stage: str
    """``pending`` (no index yet), ``waiting`` (to be fetched), ``handed`` (given out in an answer that we signed) or
    ``acknowledged`` (the unit asked for what follows, so it has it)."""


def deliveries(commitment: str) -> tuple[Delivery, ...]:
    """Return the units that may have a record of ours and how far it got with each; empty for what is not ours or erased."""
    octets = bytes.fromhex(commitment)
    entry = Entry.objects.filter(commitment=octets).first()
    record: Opening | Pending | None = (
        Opening.objects.filter(index=entry.index).first()
        if entry is not None
        else Pending.objects.filter(commitment=octets).first()
    )
    if record is None:
        return ()
    index = entry.index if entry is not None else None
    peers = _entitled(record.audience, record.kind, index)
    told = dict(Told.objects.filter(peer__in=peers).values_list("peer").annotate(size=Max("size")))
    return tuple(
        Delivery(
            origin=peer.origin,
            name=peer.name,
            stage=_stage(index, peer.delivered, told.get(peer.pk, 0)),
        )
        for peer in peers
    )


def _stage(index: int | None, delivered: int, told: int) -> str:
    if index is None:
        return "pending"
    if delivered > index:
        return "acknowledged"
    return "handed" if told > index else "waiting"


def _entitled(audience: str, kind: str, index: int | None) -> Sequence[Peer]:
    """Connected peers that the feed gives such a record to."""
    connected = Peer.objects.filter(ended_on=None).exclude(
        Q(accepted_here=None) | Q(accepted_there=None)
    )
    named = audiences.named_unit(audience)
    if named is not None:
        return list(connected.filter(origin=named))
    if audience == audiences.PUBLIC and kind.startswith("sync."):
        return list(connected)
    granted = Grant.objects.filter(kind=kind)
    if audience == audiences.CONNECTED and index is not None:
        granted = granted.filter(start__lte=index)
    return list(connected.filter(pk__in=granted.values("peer")))
