"""Taking in records of another unit: once each, in log order, and only what its own chain allows.

A window (an answer that held, see ``judging``) is taken in by one transaction that also moves the apply cursor,
so a crash leaves either all of it or nothing. Unknown kinds, records that a handler rejects and broken chains
wait in quarantine and hold back what follows in the same chain, nothing else. A header that cannot
be read has no chain: there the issuer's whole apply stops.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec
from django.db import Error, IntegrityError, connection, transaction
from django.utils import timezone

from sync.errors import RecordFault, RecordRejected
from sync.exchange import chains, judging, received_rows
from sync.exchange.faults import is_ours
from sync.exchange.links import link
from sync.exchange.windows import Position
from sync.formats import framing
from sync.kinds import ReceivedRecord, RecordKind, kind_named
from sync.models.exchange import DisclosureNote, Following, Quarantine, Received
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.exchange.judged import Judged
    from sync.exchange.judging import Window
    from sync.exchange.links import Links
    from sync.models.exchange import Peer

NOTES_KEPT = 64
_PIECE = 4 * 1024 * 1024
"""Octets that go to the database at a time: meanwhile other threads run."""

_KIND = attrgetter("header.kind")


@dataclass
class Taken:
    """What became of a window: how far it was taken, and what is to be held against the peer."""

    applied: int
    lies: list[PeerLied] = field(default_factory=list)
    stopping: PeerLied | None = None
    """Why nothing after ``applied`` can be taken in."""

    position: Position | None = None
    """Where the next window goes on; None when somebody else had taken this one in."""


def take(peer: Peer, us: str, window: Window, position: Position, *, flush: bool = True) -> Taken:
    """Take in a window that held. Repeatable: a window that was taken in already changes nothing.

    ``us`` is our own origin. Incidents are returned, not written: they must outlive this transaction.
    Without ``flush`` nobody waits for the disk: after a power cut the cursor is where the records are, a little
    earlier, and a later window's flush covers this one.
    """
    taken = Taken(applied=window.disclosure.size)
    openings = window.answer.openings
    if len(window.headers) < len(openings):
        unreadable = openings[len(window.headers)]
        taken.applied = unreadable.index
        taken.stopping = PeerLied(
            "unreadable-header",
            f"Nothing from index {unreadable.index} on is taken in: its header cannot be read.",
            {"row": framing.row(unreadable)},
        )
    try:
        return _take(peer, us, window, position, taken, flush=flush)
    except IntegrityError:  # a commitment or a place in a chain that was there before: ask which
        again = replace(taken, lies=[])
        return _take(peer, us, window, position, again, thorough=True, flush=flush)


def _take(
    peer: Peer,
    us: str,
    window: Window,
    position: Position,
    taken: Taken,
    *,
    thorough: bool = False,
    flush: bool,
) -> Taken:
    with transaction.atomic():
        if not flush:
            _wait_for_no_disk()
        following = Following.objects.select_for_update().get(peer=peer)
        if (following.applied, following.epoch) != (position.start, position.epoch):
            return Taken(applied=following.applied)
        fresh, links = _fresh(peer, us, window, thorough=thorough)
        chains.check(peer, links, dict(window.disclosure.grants))
        chains.hold_followers(peer, fresh)
        applied = Received.APPLIED
        _hand_over([item for item in fresh if item.state == applied], peer.origin)
        odd = [item for item in fresh if item.reason]  # none, as a rule
        _copy_in(peer, [item for item in fresh if item.reason != "repeated"] if odd else fresh)
        _quarantine(peer, odd)
        following.applied = taken.applied
        following.counted = position.counted + len(window.headers)
        following.last = window.items[-1].commitment.hex() if window.items else position.last
        following.save(update_fields=["applied", "counted", "last"])
        _keep_note(peer, window)
        if flush:
            _drop_old_notes(peer)
    taken.position = Position(
        epoch=following.epoch,
        start=following.applied,
        counted=following.counted,
        last=following.last,
    )
    taken.lies += [lie_of(item) for item in odd if _is_lie(item)]
    return taken


def _fresh(peer: Peer, us: str, window: Window, *, thorough: bool) -> tuple[list[Judged], Links]:
    """Return what was not received before, and its links: as the window was judged, or judged anew without the rest."""
    known = chains.known_indexes(peer, window.answer.openings, window.answer.start)
    if not known and not thorough:
        return window.items, window.links
    items = [
        item
        for item in judging.judged(window.answer, window.commitments, window.headers)
        if item.opening.index not in known
    ]
    judging.refuse_strangers(items, judging.Parties(issuer=peer.origin, issuer_id=peer.pk, us=us))
    links = chains.link_thoroughly(peer, items) if thorough else link(items)
    judging.hold_unknown_kinds(items)
    return items, links


_HELD_AGAINST = {"foreign-origin", "repeated", "broken-chain", "misdirected"}


def _is_lie(item: Judged) -> bool:
    """A chain that is only held back may still be explained by what follows (an erasure order): see ``replay``."""
    return item.reason in _HELD_AGAINST and not chain_waits(item)


def chain_waits(item: Judged) -> bool:
    """Whether a record is held back because its chain does not lead to it."""
    return item.reason == "broken-chain" and item.state == Received.HELD


def lie_of(item: Judged) -> PeerLied:
    """Return what is held against the peer for one record."""
    return PeerLied(
        item.reason,
        f"Record {item.opening.index}: {item.sentence}",
        {"row": framing.row(item.opening)[: 4 * 1024 * 1024]},
    )


def _wait_for_no_disk() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")


# --- handlers ----------------------------------------------------------------------------------


def _hand_over(items: list[Judged], origin: str) -> None:
    """Give records to their kinds' handlers, in log order; hold what a handler rejects and what follows it."""
    records = [received(item, origin) for item in items]
    try:
        with transaction.atomic():
            for kind, run in groupby(records, key=_KIND):
                _call(kind, list(run))
            connection.check_constraints()  # deferred ones too: a handler's fault shows here, not at the commit
    except Exception as fault:  # noqa: BLE001  whatever a handler raises is one record's fault until shown otherwise
        _reraise_outage(fault)
        _one_by_one(items, records)


def _one_by_one(items: Sequence[Judged], records: Sequence[ReceivedRecord]) -> None:
    blocked: set[tuple[str, str]] = set()
    for item, record in zip(items, records, strict=True):
        if item.chain in blocked:
            item.hold("waits", "An earlier record of its chain is held back.")
        elif not attempt(item, record):
            blocked.add(item.chain)


def attempt(item: Judged, record: ReceivedRecord) -> bool:
    """Hand one record over; hold it when its handler rejects it or fails."""
    try:
        with transaction.atomic():
            _call(record.header.kind, [record])
            connection.check_constraints()
    except RecordRejected as fault:
        item.hold("rejected", fault.reason, about=fault.about)
        return False
    except Exception as fault:  # noqa: BLE001  a handler's own fault must hold back one subject only
        _reraise_outage(fault)
        item.hold("failed", f"The handler failed ({type(fault).__name__}).")
        return False
    return True


def _reraise_outage(fault: Exception) -> None:
    """A database that went away, or has no room, is no peer's fault: nothing is held back for it."""
    if is_ours(fault) or (isinstance(fault, Error) and not connection.is_usable()):
        raise fault


def _call(name: str, records: list[ReceivedRecord]) -> None:
    kind = kind_named(name)
    if kind.apply is not None:
        kind.apply([_newest(kind, record) for record in records] if kind.upcasts else records)


def _newest(kind: RecordKind, record: ReceivedRecord) -> ReceivedRecord:
    """Return what a handler gets: the body in the newest schema."""
    if record.header.schema == kind.schemas[-1]:
        return record
    try:
        return msgspec.structs.replace(record, body=kind.newest(record.header.schema, record.body))
    except RecordFault as fault:
        raise RecordRejected(record.commitment, str(fault)) from fault


def received(item: Judged, origin: str) -> ReceivedRecord:
    """Return a record with its octets as they came."""
    assert item.header is not None
    return ReceivedRecord(
        origin=origin, index=item.opening.index, commitment=item.commitment.hex(),
        header=item.header, body=item.opening.body or b"",
    )  # fmt: skip


# --- writing ---------------------------------------------------------------------------------


def _copy_in(peer: Peer, items: Sequence[Judged]) -> None:
    if not items:
        return
    row = received_rows.writer(peer.pk)
    rows = [item.row or row(item) for item in items]
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(
            f"COPY sync_received ({received_rows.COLUMNS}) FROM STDIN (FORMAT binary)",
            io.BytesIO(b"".join((received_rows.BEGIN, *rows, received_rows.END))),
            _PIECE,
        )


def _quarantine(peer: Peer, items: Iterable[Judged]) -> None:
    today = timezone.localdate()
    Quarantine.objects.bulk_create([
        Quarantine(
            peer=peer, index=item.opening.index, subject=item.header.subject, audience=item.header.audience,
            kind=item.header.kind, reason=item.reason, sentence=item.sentence[:300], since=today, about=item.about,
        )
        for item in items
        if item.state in {Received.HELD, Received.REFUSED} and item.header is not None
    ], ignore_conflicts=True)  # fmt: skip


def _keep_note(peer: Peer, window: Window) -> None:
    said = window.disclosure
    DisclosureNote.objects.bulk_create(
        [DisclosureNote(peer=peer, epoch=said.epoch, size=said.size, count=said.count, note=window.answer.note)],
        update_conflicts=True, unique_fields=["peer", "epoch", "size"], update_fields=["count", "note"],
    )  # fmt: skip


def _drop_old_notes(peer: Peer) -> None:
    kept = DisclosureNote.objects.filter(peer=peer).order_by("-id").values("pk")[:NOTES_KEPT]
    DisclosureNote.objects.filter(peer=peer).exclude(
        pk__in=list(kept.values_list("pk", flat=True))
    ).delete()
