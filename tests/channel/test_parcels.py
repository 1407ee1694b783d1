"""Parcels that carry sealed reports to the unit above: of one length, harmless whatever stands in them, owed to everybody alike."""

from __future__ import annotations

import contextlib
import struct
import uuid
from functools import partial

import msgspec
import nacl.public
import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings

from minqing.channel import parcels, selectors, services
from minqing.channel.models import SealedPart, SealedReport
from sync.errors import RecordRejected
from sync.formats.notes import decode64, encode64
from sync.formats.records import Chain, Header, decode_header
from sync.identity import public_keys
from sync.kinds import ReceivedRecord
from sync.models import Peer, Pending
from tenants.current import unit_context
from tests.support.channel import (
    MARKED,
    Courier,
    accept_all,
    connect,
    custodians,
    handler,
    lodged,
    photo,
)
from tests.support.mutation import changed, changes

HEADER = Header(
    audience="unit:minqing/430522/00000000", chain=Chain(n=1, prev=""), day="2026-11-22", kind="channel.parcel",
    media_type="application/octet-stream", origin="minqing/430500/0a1b2c3d", schema=1, subject="parcel",
)  # fmt: skip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def test_a_report_sealed_here_reaches_the_custodians_above_in_parcels_of_one_size(county, city):
    courier = Courier()
    connect(city, county)
    with unit_context(city):
        (keeper, private), _ = custodians()
    courier.carry(city, county)
    accept_all()
    parcels.parcels_send()
    taken = lodged(MARKED, photos=(photo(),))
    large = b"x" * 100_000 + b" " + bytes(range(65, 90)) * 4
    by = handler()
    services.case_seal(by=by, number=taken.number)
    services.sealed_by_staff(by=by, words=large, way="box")
    for _ in range(5):
        parcels.parcels_send()
    bodies = [bytes(row.body) for row in Pending.objects.filter(kind="channel.parcel")]
    assert len(bodies) == 6
    assert len({len(body) for body in bodies}) == 1
    assert not SealedReport.objects.exists()
    courier.carry(county, city)
    courier.carry(county, city, again=True)
    with unit_context(city):
        opened = [
            services.sealed_open(by=keeper, report=row.id, private_key=private).words
            for row in selectors.sealed_for(keeper)
        ]
        assert sorted(opened) == sorted([MARKED, large])
        assert not SealedPart.objects.exists()


def test_a_box_key_that_nothing_can_be_sealed_to_stops_no_parcel_for_others(
    county, city, neighbour
):
    courier = Courier()
    for unit in (city, neighbour):
        connect(unit, county)
        with unit_context(unit):
            custodians()
        courier.carry(unit, county)
    accept_all()
    services.sealed_by_staff(by=handler(), words=MARKED, way="box")
    waiting = SealedReport.objects.get()
    peer = Peer.objects.get(origin=waiting.receiver)
    true = peer.box_key
    Peer.objects.filter(pk=peer.pk).update(box_key=encode64(bytes(32)))
    parcels.parcels_send()
    bodies = [bytes(row.body) for row in Pending.objects.filter(kind="channel.parcel")]
    assert len(bodies) == 2
    assert len({len(body) for body in bodies}) == 1
    assert SealedReport.objects.get().sent == 0
    Peer.objects.filter(pk=peer.pk).update(box_key=true)
    parcels.parcels_send()
    assert not SealedReport.objects.exists()


def padded(plain, length):
    return struct.pack(">I", len(plain)) + plain + bytes(length - 4 - len(plain))


@pytest.mark.parametrize(
    "parcel",
    [
        lambda pieces: padded(msgspec.msgpack.encode(msgspec.msgpack.decode(pieces)[:1]), 4096),
        lambda pieces: padded(msgspec.msgpack.encode(msgspec.msgpack.decode(pieces)[:1]), 2 * parcels.SIZE),
        lambda pieces: padded(pieces, parcels.SIZE),
    ],
)  # fmt: skip
def test_a_parcel_of_another_length_or_with_two_pieces_of_one_report_is_refused(
    county, city, parcel
):
    """Each piece writes what came of its report anew: thousands of small ones would fill a disk."""
    connect(city, county)
    courier = Courier()
    with unit_context(city):
        custodians()
        key = nacl.public.PublicKey(decode64(public_keys("box")[0]))
    courier.carry(city, county)
    accept_all()
    parcels.parcels_send()
    header = decode_header(bytes(Pending.objects.get(kind="channel.parcel").header))
    report = uuid.uuid4()
    spelled = (report.hex, str(report))
    pieces = msgspec.msgpack.encode(
        [parcels.Piece(report=spelled[at], total=9, offset=at, octets=b"x") for at in (0, 1)]
    )
    record = ReceivedRecord(
        origin=header.origin, index=0, commitment="ab" * 32, header=header,
        body=nacl.public.SealedBox(key).encrypt(parcel(pieces)),
    )  # fmt: skip
    with unit_context(city):
        with pytest.raises(RecordRejected):
            parcels.apply_parcels([record])
        assert not SealedPart.objects.exists()


def test_a_parcel_for_somebody_else_is_refused(county, city, neighbour):
    connect(city, county)
    courier = Courier()
    with unit_context(city):
        custodians()
    courier.carry(city, county)
    accept_all()
    parcels.parcels_send()
    row = Pending.objects.get(kind="channel.parcel")
    header = decode_header(bytes(row.header))
    for body in (bytes(row.body), b"", bytes(row.body)[:-1]):
        record = ReceivedRecord(
            origin=header.origin, index=0, commitment="ab" * 32, header=header, body=body
        )
        with unit_context(neighbour), pytest.raises(RecordRejected):
            parcels.apply_parcels([record])


REPORT = uuid.UUID(int=20261124, version=4).hex
WHOLE = msgspec.msgpack.encode(
    parcels.Whole(day="2026-11-22", boxes=((bytes(32), b"sealed"), (bytes([1]) * 32, b"sealed")))
)
PIECES = msgspec.msgpack.encode(
    [parcels.Piece(report=REPORT, total=len(WHOLE), offset=0, octets=WHOLE)]
)
DEEP = b"\x91" * 5000 + b"\xc0"


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@example(PIECES)
@example(DEEP)
@example(PIECES.replace(b"\x82", b"\x83\xa1x" + DEEP, 1))
@example(PIECES.replace(REPORT.encode(), b"\xff" * 32))
@given(changes.map(partial(changed, PIECES)))
def test_a_parcel_made_wrong_is_refused_or_read_and_leaves_no_half_of_a_report(county, plain):
    key = nacl.public.PublicKey(decode64(public_keys("box")[0]))
    if len(plain) > parcels.SIZE - 4:
        plain = plain[: parcels.SIZE - 4]
    record = ReceivedRecord(
        origin="minqing/430500/0a1b2c3d", index=0, commitment="ab" * 32, header=HEADER,
        body=nacl.public.SealedBox(key).encrypt(padded(plain, parcels.SIZE)),
    )  # fmt: skip
    with transaction.atomic():
        before = SealedReport.objects.count()
        with contextlib.suppress(RecordRejected), transaction.atomic():
            parcels.apply_parcels([record])
        for report in SealedReport.objects.all()[before:]:
            assert report.boxes.exists()
        transaction.set_rollback(True)
