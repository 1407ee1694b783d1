"""Carrying sealed reports to the unit that may open them: one parcel a day for each such unit, full or empty.

Every parcel has the same length and is sealed to the receiving unit's box key; what does not fit goes on the
next day. Neither the log, nor the traffic, nor the sender's own rows tell afterwards whether anything was in
one. The reports inside are still sealed to the custodians' keys: the receiving server sees that they came, not
what they say.
"""

from __future__ import annotations

import struct
import uuid
from typing import TYPE_CHECKING

import msgspec
from django.db import transaction
from django.utils import timezone
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from minqing.channel.models import Acceptance, Designation, SealedPart, SealedReport
from minqing.channel.models import SealedBox as BoxRow
from minqing.channel.services.records import record_for
from sync import identity
from sync.errors import UNREADABLE, NoteFault, RecordRejected
from sync.formats import box_keys, notes
from sync.models.exchange import Peer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.kinds import ReceivedRecord

SIZE = 256 * 1024
_ROOM = SIZE - 4096
"""Octets of reports in one parcel; the rest is for what surrounds them."""
_SEAL = 48
"""Octets that a sealed box adds: the key it was made with, and the tag."""
_LARGEST = 64 * 1024 * 1024
_BOXES = 8


class Piece(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of one sealed report on its way."""

    report: str
    total: int
    offset: int
    octets: bytes


class Whole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sealed report as it travels: the day it was sealed, and its boxes by public key."""

    day: str
    boxes: tuple[tuple[bytes, bytes], ...]


def parcels_send() -> None:
    """Append today's parcel for every connected unit that is designated. The caller sees to once a day.

    A unit that was ever accepted here gets them on: what was sealed for it before the acceptance ended must still
    arrive, and parcels that stopped with the last piece would tell that there had been some.
    """
    peers = {peer.origin: peer for peer in Peer.objects.filter(ended_on=None, frozen_on=None)}
    known = set(Acceptance.objects.values_list("designation__origin", flat=True))
    for designation in Designation.objects.filter(withdrawn_on=None, origin__in=known):
        peer = peers.get(designation.origin)
        if peer is not None and peer.box_key:
            with transaction.atomic():
                body = _parcel_for(peer)
                record_for(
                    peer.origin, "channel.parcel", "parcel", body, "application/octet-stream"
                )


def _parcel_for(peer: Peer) -> bytes:
    """Return today's parcel. Where nothing can be sealed to the key that a unit announced, an empty one that nobody can open goes there."""
    try:
        box_keys.check(peer.box_key)
    except NoteFault:
        return _parcel([], PrivateKey.generate().public_key)
    return _parcel(_pieces(peer.origin), PublicKey(notes.decode64(peer.box_key)))


def _pieces(origin: str) -> list[Piece]:
    """Take the next pieces from the queue; a report whose last piece is taken leaves this unit's rows."""
    pieces: list[Piece] = []
    room = _ROOM
    for report in (
        SealedReport.objects.select_for_update().filter(receiver=origin).order_by("-sent", "id")
    ):
        if room <= 0:
            break
        whole = msgspec.msgpack.encode(
            Whole(
                day=report.day.isoformat(),
                boxes=tuple((bytes(box.key), bytes(box.box)) for box in report.boxes.all()),
            )
        )
        octets = whole[report.sent : report.sent + room]
        pieces.append(
            Piece(report=report.id.hex, total=len(whole), offset=report.sent, octets=octets)
        )
        room -= len(octets)
        report.sent += len(octets)
        if report.sent == len(whole):
            report.delete()
        else:
            report.save(update_fields=["sent"])
    return pieces


def _parcel(pieces: list[Piece], key: PublicKey) -> bytes:
    plain = msgspec.msgpack.encode(pieces)
    padded = struct.pack(">I", len(plain)) + plain + bytes(SIZE - 4 - len(plain))
    return SealedBox(key).encrypt(padded)


def apply_parcels(records: Sequence[ReceivedRecord]) -> None:
    """Take pieces out of parcels and put whole reports before their custodians."""
    for record in records:
        try:
            for piece in _opened(record.body):
                _piece_taken(record.origin, piece)
        except (*UNREADABLE, CryptoError, struct.error, ValueError, NoteFault) as error:
            raise RecordRejected(
                record.commitment, f"not a parcel for this unit: {type(error).__name__}"
            ) from error


def _opened(body: bytes) -> list[Piece]:
    """Open a parcel. Of each report it brings one piece at the most: every piece writes all that came of its report anew.

    Raises:
        ValueError: another length than parcels have, or two pieces of one report.
        CryptoError, struct.error, msgspec.DecodeError, NoteFault: it is not for us, or no parcel.
    """
    if len(body) != SIZE + _SEAL:
        raise ValueError("not as long as a parcel")
    padded = identity.box_open(body)
    (length,) = struct.unpack(">I", padded[:4])
    pieces = msgspec.msgpack.decode(padded[4 : 4 + length], type=list[Piece])
    if len({uuid.UUID(piece.report) for piece in pieces}) != len(pieces):
        raise ValueError("two pieces of one report")
    return pieces


def _piece_taken(origin: str, piece: Piece) -> None:
    """Add a piece; the same one twice changes nothing."""
    pk = uuid.UUID(piece.report)
    if SealedReport.objects.filter(pk=pk).exists() or not 0 < piece.total <= _LARGEST:
        return
    part, _made = SealedPart.objects.get_or_create(
        pk=pk, defaults={"origin": origin, "total": piece.total, "octets": b""}
    )
    if part.origin != origin or part.total != piece.total or piece.offset != len(part.octets):
        return
    part.octets = bytes(part.octets) + piece.octets
    if len(part.octets) < part.total:
        part.save(update_fields=["octets"])
        return
    whole = msgspec.msgpack.decode(part.octets, type=Whole)
    report = SealedReport.objects.create(pk=pk, day=timezone.localdate())
    BoxRow.objects.bulk_create(  # also those of keys that were replaced while it was on its way
        BoxRow(report=report, key=key, box=octets)
        for key, octets in list(dict(whole.boxes).items())[:_BOXES]
    )
    part.delete()
