"""What connected units publish about who may open reports of the second door there."""

from __future__ import annotations

import datetime  # noqa: TC003  # msgspec reads it at run time
from typing import TYPE_CHECKING

import msgspec
from django.utils import timezone

from minqing.channel.frames import FrameFault, details_decode
from minqing.channel.models import Designation
from sync.errors import RecordRejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.kinds import ReceivedRecord


class _Opener(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    office: str
    post: str
    key: str


class _Designation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: str
    document: str
    issuer: str
    day: datetime.date
    openers: tuple[_Opener, ...]
    in_force: bool


def apply_designations(records: Sequence[ReceivedRecord]) -> None:
    """Keep what a connected unit published about its own designation."""
    for record in records:
        try:
            found = details_decode(record.body, _Designation)
        except FrameFault as error:
            raise RecordRejected(record.commitment, f"not a designation: {error}") from error
        if record.origin.split("/")[1] != found.code:
            raise RecordRejected(record.commitment, "a unit can publish only its own designation")
        if Designation.objects.filter(origin=record.origin, commitment=record.commitment).exists():
            continue
        Designation.objects.filter(origin=record.origin, withdrawn_on=None).update(
            withdrawn_on=timezone.localdate()
        )
        Designation.objects.create(
            origin=record.origin, document=found.document[:120], issuer=found.issuer[:120], day=found.day, name=found.name[:120],
            code=found.code, openers=[msgspec.to_builtins(opener) for opener in found.openers], commitment=record.commitment,
            withdrawn_on=None if found.in_force else timezone.localdate(),
        )  # fmt: skip
