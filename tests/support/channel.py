"""Staff, reports and connected units for tests of the channel."""

from __future__ import annotations

import datetime
import io
from typing import TYPE_CHECKING, Any

from django.contrib.auth.hashers import make_password
from PIL import Image

from minqing.accounts.models import Role, Staff
from minqing.channel import boxes, designations, exchange, parcels, selectors, services
from sync.audiences import named_unit
from sync.formats.records import decode_header
from sync.identity import identity, origin
from sync.kinds import ReceivedRecord
from sync.models import Pending
from sync.models.exchange import Peer
from tenants.current import unit_context

if TYPE_CHECKING:
    from minqing.channel.values import Lodged
    from tenants.models import Unit

WORDS = "坪上镇到小塘镇的路，修了一半停了两个月，下雨天学生没法走。".encode()
MARKED = "  路灯坏了\r\n半个月。\t😀é e\u0301 𠀀\ufeff\n ".encode()


def staff(username: str, *roles: str, name: str = "", office: str = "") -> Staff:
    """Make a member of staff of the current unit who cannot sign in."""
    return Staff.objects.create(
        username=username,
        name=name or f"演示{username}",
        roles=sorted(roles),
        office=office,
        password=make_password(None),
    )


def handler(username: str = "handler") -> Staff:
    return staff(username, Role.HANDLER)


def lodged(words: bytes = WORDS, **more: Any) -> Lodged:
    return services.report_lodge(words=words, **more)


def photo(*, exif: bytes = b"", form: str = "JPEG", size: tuple[int, int] = (64, 48)) -> bytes:
    """Make a photo, with EXIF if asked."""
    out = io.BytesIO()
    image = Image.new("RGB", size, "teal")
    if exif:
        image.save(out, form, exif=exif)
    else:
        image.save(out, form)
    return out.getvalue()


def exif_of(maker: str) -> bytes:
    """EXIF that names the telephone, turned on its side."""
    exif = Image.Exif()
    exif[0x010F] = maker
    exif[0x0112] = 6
    return exif.tobytes()


def custodians(*offices: str) -> list[tuple[Staff, str]]:
    """Register custodians of the current unit and enter its designation; returns them with private keys."""
    operator = staff("operator", Role.OPERATOR)
    made = []
    for n, office in enumerate(offices or ("纪检", "组织")):
        private, public = boxes.keys_made()
        keeper = staff(f"keeper{n}", Role.CUSTODIAN, office=office)
        services.custodian_register(by=None, staff=keeper, post="室主任", key=public)
        made.append((keeper, private))
    services.designation_enter(
        by=operator,
        document="邵纪发〔2026〕1号",
        issuer="市纪委监委",
        day=datetime.date(2026, 11, 1),
    )
    return made


def accept_all() -> None:
    """Accept every designation that other units published and nobody here has accepted."""
    for one in selectors.foreign_designations(None):
        if one.accepted_on is None:
            services.receiver_accept(by=None, commitment=one.commitment)


def connect(one: Unit, other: Unit) -> None:
    """Make two units know each other as accepted, as the exchange leaves it."""
    known = {}
    for unit in (one, other):
        with unit_context(unit):
            known[unit.code] = identity()
    for here, there in ((one, other), (other, one)):
        with unit_context(here):
            Peer.objects.create(
                origin=known[there.code].origin, box_key=known[there.code].box_key, witness_key=known[there.code].witness_key, code=there.code, name=there.name, address=f"http://{there.host}", operator="tests",
                accepted_here="2026-11-01", accepted_there="2026-11-01",
            )  # fmt: skip


HANDLERS = {
    "channel.referral": exchange.apply_referrals,
    "channel.message": exchange.apply_messages,
    "channel.attachment": exchange.apply_attachments,
    "channel.status": exchange.apply_statuses,
    "channel.parcel": parcels.apply_parcels,
    "channel.designation": designations.apply_designations,
}


class Courier:
    """Carry records from unit to unit as the exchange does: proven elsewhere, in order, each once."""

    def __init__(self) -> None:
        self._carried: set[bytes] = set()

    def carry(self, source: Unit, target: Unit, *, again: bool = False) -> list[str]:
        """Apply at ``target`` what waits at ``source`` for it; returns the kinds carried."""
        with unit_context(target):
            wanted = origin()
        with unit_context(source):
            sender = origin()
            rows = [
                row
                for row in Pending.objects.order_by("id")
                if row.kind in HANDLERS
                and (named_unit(row.audience) == wanted or row.audience == "public")
                and (again or (wanted.encode() + bytes(row.commitment)) not in self._carried)
            ]
        records = [
            ReceivedRecord(
                origin=sender, index=row.id, commitment=bytes(row.commitment).hex(), header=decode_header(bytes(row.header)),
                body=bytes(row.body),
            )
            for row in rows
        ]  # fmt: skip
        with unit_context(target):
            for record in records:
                HANDLERS[record.header.kind]([record])
        self._carried |= {wanted.encode() + bytes(row.commitment) for row in rows}
        return [row.kind for row in rows]
