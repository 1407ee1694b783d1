"""What every sweep does for each unit, and who wants to know of a new head. Rooms register here, explicitly."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from django.db import Error

from sync.errors import SyncFault
from sync.refusals import ExchangeFault

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("sync")


class Published(Protocol):
    """Told after a new head of the current unit was published: the size before, and the size now."""

    def __call__(self, before: int, size: int, /) -> None:
        """React; failing is logged and changes nothing."""


_sweeps: dict[str, Callable[[], None]] = {}
_published: dict[str, Published] = {}


def register_sweep(name: str, sweep: Callable[[], None]) -> None:
    """Have something done once per sweep inside each unit. It must find its own due work and be repeatable."""
    _sweeps.setdefault(name, sweep)


def register_published(name: str, told: Published) -> None:
    """Have somebody told of every new head (doorbells, witness requests)."""
    _published.setdefault(name, told)


def sweep_unit() -> None:
    """Do every registered step for the current unit; one that fails does not hold back the others."""
    for name, sweep in list(_sweeps.items()):
        try:
            sweep()
        except (SyncFault, ExchangeFault, Error, OSError) as fault:
            log.warning("sweep %s: %s", name, type(fault).__name__)


def tell_published(before: int, size: int) -> None:
    """Tell everybody who registered; called by the ledger after the head was committed."""
    for name, told in list(_published.items()):
        try:
            told(before, size)
        except (SyncFault, ExchangeFault, Error, OSError) as fault:
            log.warning("after sealing, %s: %s", name, type(fault).__name__)
