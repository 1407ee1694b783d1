"""The state of this unit's record log, as the foot of every page tells it, and the version of what is public."""

from __future__ import annotations

import datetime
import hashlib
import struct
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from minqing import __version__
from search.errors import EngineFault
from search.marks import newest_mark
from search.service import version
from sync.errors import LedgerFault, NoteFault
from sync.exchange.incidents import frozen_origins
from sync.exchange.peers import published_size
from sync.formats import notes
from sync.ledger import head
from sync.models.exchange import Cosignature
from tenants.current import current_unit

SOFTWARE = __version__

STAND_SECONDS = 5
"""How old the state at the foot of a page may be; kept in each process, apart for each unit."""
_STAND = "portal.stand"
_FROZEN = "portal.frozen"

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
        """The count's first two digits, then zeros: a page does not change with every slot."""
        unit = 10 ** max(0, len(str(self.records)) - 2)
        return f"{self.records // unit * unit:,}"

    @property
    def is_rounded(self) -> bool:
        """Whether there are more than ``records_text`` says."""
        return self.records > 99


def ledger_stand() -> LedgerStand | None:
    """Return the state, or None while the unit has no signed head; as it was at most a few seconds ago."""
    found: LedgerStand | str | None = cache.get(_STAND, "")
    if isinstance(found, str):
        found = _stand_now()
        cache.set(_STAND, found, STAND_SECONDS)
    return found


def _stand_now() -> LedgerStand | None:
    size = published_size()
    if not size:
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


def _frozen_now() -> str:
    return ",".join(sorted(frozen_origins()))


def _day(line: str) -> datetime.date | None:
    """The day of a countersignature line; its clock time is nobody's business."""
    try:
        octets = notes.parse_signature(line.strip()).octets
    except NoteFault:
        return None
    (seconds,) = struct.unpack(">Q", octets[:8])
    return timezone.localtime(datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)).date()


def proof_version() -> str:
    """What changes whenever a proof could be a better one: the newest head with who countersigned it."""
    try:
        note = head().note
    except LedgerFault:
        note = b""
    return f"{public_version()} {hashlib.sha256(note).hexdigest()}"


def public_version() -> str:
    """What changes whenever a public page could, and not oftener.

    That is: the index and what waits to enter it (every public change is marked in its own transaction), the foot's
    words, whose heads do not fit together, the day (entries expire, figures go up to yesterday), who runs the site, and the software.
    """
    unit, stand = current_unit(), ledger_stand()
    try:
        index = version("public")
    except EngineFault:
        index = ""
    foot = (stand.records_text, stand.outside, stand.checked_day) if stand is not None else ()
    frozen = cache.get_or_set(_FROZEN, _frozen_now, STAND_SECONDS)
    parts = (SOFTWARE, index, frozen, newest_mark("public"), timezone.localdate(), unit.site_title, unit.organiser, unit.telephone, *foot)  # fmt: skip
    return " ".join(map(str, parts))
