"""The state of this unit's record log, as the foot of every page tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime


@dataclass(frozen=True, kw_only=True)
class LedgerStand:
    """How many records the log holds and who outside has checked it."""

    records: int
    """Leaves under the signed head."""

    outside: int
    """Operators outside this deployment that countersigned a head."""

    checked_day: datetime.date | None
    """Day of the newest such countersignature; None while there is none."""

    @property
    def records_text(self) -> str:
        """The count with thousands set apart."""
        return f"{self.records:,}"


def ledger_stand() -> LedgerStand | None:
    """Return the state, or None while the unit has no signed head."""
    return None
