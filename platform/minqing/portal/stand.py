"""The state of this unit's record log, as the foot of every page tells it, and the version of what is public."""

from __future__ import annotations

import datetime
import struct
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from minqing import __version__
from search.errors import EngineFault
from search.service import version
from sync.errors import LedgerFault, NoteFault
from sync.formats import notes
from sync.ledger import head
from sync.models.exchange import Cosignature
from tenants.current import current_unit

SOFTWARE = __version__

LOOKED_AT = 200
"""Newest countersignatures that are looked at; each operator's newest is among them."""


@dataclass(frozen=True, kw_only=True)
class LedgerStand:
    """How many records the log holds and who outside has checked it."""

    records: int
    """Leaves under the signed head."""

    outside: int
    """Operators outside this deployment that countersigned a head."""

    checked_day: datetime.date | None
    """The day up to which all of them did; None while there is none."""

    @property
    def records_text(self) -> str:
        """The count with thousands set apart."""
        return f"{self.records:,}"


def ledger_stand() -> LedgerStand | None:
    """Return the state, or None while the unit has no signed head."""
    try:
        size = head().size
    except LedgerFault:
        return None
    days: dict[str, datetime.date] = {}
    for row in Cosignature.objects.exclude(operator=settings.MINQING.operator).order_by("-size")[
        :LOOKED_AT
    ]:
        day = _day(row.line)
        if day is not None:
            days.setdefault(row.operator, day)
    return LedgerStand(
        records=size, outside=len(days), checked_day=min(days.values(), default=None)
    )


def _day(line: str) -> datetime.date | None:
    """The day of a countersignature line; its clock time is nobody's business."""
    try:
        octets = notes.parse_signature(line.strip()).octets
    except NoteFault:
        return None
    (seconds,) = struct.unpack(">Q", octets[:8])
    return timezone.localtime(datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)).date()


def public_version() -> str:
    """What changes whenever a public page could: software, index, log, day (entries expire), who runs the site."""
    unit = current_unit()
    try:
        index = version("public")
    except EngineFault:
        index = ""
    try:
        size = head().size
    except LedgerFault:
        size = 0
    return (
        f"{index} {size} {timezone.localdate()} {unit.site_title} {unit.organiser} {unit.telephone}"
    )
