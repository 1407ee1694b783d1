"""Taking in records of another unit: once each, in log order, and only what its own chain allows.

A window (an answer that held, see ``windows``) is taken in by one transaction that also moves the apply cursor,
so a crash leaves either all of it or nothing. Unknown kinds, records that a handler rejects and broken chains
wait in quarantine and hold back what follows in the same chain, nothing else. A header that cannot
be read has no chain: there the issuer's whole apply stops.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec
from django.db import Error, IntegrityError, connection, transaction
from django.utils import timezone

from sync import audiences
from sync.errors import RecordFault, RecordRejected
from sync.exchange import chains
from sync.exchange.judged import Judged
from sync.exchange.windows import Position
from sync.formats import framing
from sync.kinds import ReceivedRecord, RecordKind, kind_named
from sync.models.exchange import DisclosureNote, Following, Quarantine, Received
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sync.exchange.windows import Window
    from sync.models.exchange import Peer

NOTES_KEPT = 64
_PIECE = 512
"""Rows that go to the database at a time."""

_KIND = attrgetter("header.kind")
_COLUMNS = "peer_id, index, state, n, commitment, subject, audience, kind, salt, header, body"


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
    judged = _judged(window)
    taken = Taken(applied=window.disclosure.size)
    if len(judged) < len(window.openings):
        unreadable = window.openings[len(judged)]
        taken.applied = unreadable.index
        taken.stopping = PeerLied(
            "unreadable-header",
            f"Nothing from index {unreadable.index} on is taken in: its header cannot be read.",
            {"row": framing.row(unreadable)},
        )
    try:
        return _take(peer, us, window, position, taken, judged, flush=flush)
    except IntegrityError:  # a commitment or a place in a chain that was there before: ask which
        again = replace(taken, lies=[])
        return _take(peer, us, window, position, again, _judged(window), thorough=True, flush=flush)


def _take(
    peer: Peer,
    us: str,
    window: Window,
    position: Position,
    taken: Taken,
    judged: list[Judged],
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
        fresh = chains.without_known(peer, judged, position.start)
        _check(fresh, peer, us)
        chains.check(peer, fresh, window.grants, thorough=thorough)
        _refuse_unknown_kinds(fresh)
        chains.hold_followers(peer, fresh)
        _hand_over([item for item in fresh if item.state == Received.APPLIED], peer.origin)
        _copy_in(peer, [item for item in fresh if item.reason != "repeated"])
        _quarantine(peer, fresh)
        following.applied = taken.applied
        following.counted = position.counted + len(judged)
        following.last = judged[-1].commitment.hex() if judged else position.last
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
    taken.lies += [lie_of(item) for item in fresh if _is_lie(item)]
    return taken


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


def _judged(window: Window) -> list[Judged]:
    """Return what is to be judged: everything before the first header that cannot be read."""
    applied, erased = Received.APPLIED, Received.ERASED
    return [
        Judged(opening, commitment, header, erased if header is None else applied)
        for opening, commitment, header in zip(
            window.openings, window.commitments, window.headers, strict=False
        )
    ]


def _check(items: Iterable[Judged], peer: Peer, us: str) -> None:
    """Refuse records that claim another origin or are for somebody else."""
    origin, allowed = peer.origin, {audiences.PUBLIC, audiences.CONNECTED, audiences.for_unit(us)}
    for item in items:
        header = item.header
        if header is None:
            continue
        if header.origin != origin:
            item.refuse("foreign-origin", f"it says to be of {header.origin}.")
        elif header.audience not in allowed:
            item.refuse("misdirected", f"its audience is {header.audience}.")


def _refuse_unknown_kinds(items: Iterable[Judged]) -> None:
    known: dict[tuple[str, int], bool] = {}
    for item in items:
        if item.state != Received.APPLIED or item.header is None:
            continue
        key = (item.header.kind, item.header.schema)
        if key not in known:
            known[key] = kind_is_known(*key)
        if not known[key]:
            item.hold("unknown-kind", f"Nothing here reads {key[0]} of schema {key[1]}.")


def kind_is_known(kind: str, schema: int) -> bool:
    """Whether this version of the software reads such records."""
    try:
        return kind_named(kind).reads(schema)
    except RecordFault:
        return False


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
        item.hold("rejected", fault.reason)
        return False
    except Exception as fault:  # noqa: BLE001  a handler's own fault must hold back one subject only
        _reraise_outage(fault)
        item.hold("failed", f"The handler failed ({type(fault).__name__}).")
        return False
    return True


def _reraise_outage(fault: Exception) -> None:
    """A database that went away is nobody's fault: nothing is held back for it."""
    if isinstance(fault, Error) and not connection.is_usable():
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
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(
            f"COPY sync_received ({_COLUMNS}) FROM STDIN (FORMAT binary)",
            _Pieces(_rows(peer.pk, items)),
        )


class _Pieces:
    """A file of rows that are made while the database takes in those before; few and large reads."""

    def __init__(self, rows: Iterator[bytes]) -> None:
        self._rows = rows
        self._begin, self._end = _COPY_BEGIN, _COPY_END

    def read(self, _size: int) -> bytes:
        """Return the next rows, however long; empty at the end."""
        piece = self._begin + b"".join(islice(self._rows, _PIECE))
        self._begin = b""
        if not piece:
            piece, self._end = self._end, b""
        return piece


_COPY_BEGIN, _COPY_END = b"PGCOPY\n\xff\r\n\x00" + bytes(8), b"\xff\xff"
_PLACE = struct.Struct(">hiqiqihiqi32si")
_ERASED = struct.Struct(">hiqiqihii32siiiiii")
_LENGTH = struct.Struct(">i")


def _rows(peer_id: int, items: Iterable[Judged]) -> Iterator[bytes]:
    """Yield rows of PostgreSQL's binary COPY: each field behind its length, -1 for NULL."""
    names: dict[tuple[str, str], bytes] = {}
    place, length, join = _PLACE.pack, _LENGTH.pack, b"".join
    for item in items:
        opening, header, commitment = item.opening, item.header, item.commitment
        salt, octets, body = opening.salt, opening.header, opening.body
        if header is None or salt is None or octets is None or body is None:
            yield _ERASED.pack(
                11, 8, peer_id, 8, opening.index, 2, item.state, -1, 32, commitment, *[-1] * 6
            )
            continue
        subject, named = header.subject.encode(), (header.audience, header.kind)
        if named not in names:
            names[named] = join([length(len(name)) + name.encode() for name in named]) + length(32)
        yield join(
            (
                place(11, 8, peer_id, 8, opening.index, 2, item.state, 8, header.chain.n, 32, commitment, len(subject)),
                subject, names[named], salt, length(len(octets)), octets, length(len(body)), body,
            )
        )  # fmt: skip


def _quarantine(peer: Peer, items: Iterable[Judged]) -> None:
    today = timezone.localdate()
    Quarantine.objects.bulk_create([
        Quarantine(
            peer=peer, index=item.opening.index, subject=item.header.subject, audience=item.header.audience,
            kind=item.header.kind, reason=item.reason, sentence=item.sentence[:300], since=today,
        )
        for item in items
        if item.state in {Received.HELD, Received.REFUSED} and item.header is not None
    ], ignore_conflicts=True)  # fmt: skip


def _keep_note(peer: Peer, window: Window) -> None:
    said = window.disclosure
    DisclosureNote.objects.bulk_create(
        [DisclosureNote(peer=peer, epoch=said.epoch, size=said.size, count=said.count, note=window.note)],
        update_conflicts=True, unique_fields=["peer", "epoch", "size"], update_fields=["count", "note"],
    )  # fmt: skip


def _drop_old_notes(peer: Peer) -> None:
    kept = DisclosureNote.objects.filter(peer=peer).order_by("-id").values("pk")[:NOTES_KEPT]
    DisclosureNote.objects.filter(peer=peer).exclude(
        pk__in=list(kept.values_list("pk", flat=True))
    ).delete()
