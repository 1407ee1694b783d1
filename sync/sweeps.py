"""What every sweep does for each unit, and who wants to know of a new head. Rooms register here, explicitly."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("sync")


class Published(Protocol):
    """Told after a new head of the current unit was published: the size before, and the size now."""

    def __call__(self, before: int, size: int, /) -> None:
        """React; failing is logged and changes nothing."""


@dataclass(frozen=True)
class _Chore:
    run: Callable[[], object]
    every: float


_sweeps: dict[str, _Chore] = {}
_done_at: dict[tuple[str, str], float] = {}
"""When this process last did a unit's chore; another process may do it again, which is harmless."""

_published: dict[str, Published] = {}


def register_sweep(name: str, sweep: Callable[[], object], *, every: float = 1.0) -> None:
    """Have something done inside each unit every so many seconds. It must find its own due work and be repeatable."""
    _sweeps.setdefault(name, _Chore(sweep, every))


def register_published(name: str, told: Published) -> None:
    """Have somebody told of every new head (doorbells, witness requests)."""
    _published.setdefault(name, told)


def sweep_unit() -> None:
    """Do every chore of the current unit now; one that fails does not hold back the others."""
    _do(list(_sweeps))


def sweep_due() -> None:
    """Do the chores of the current unit whose time has come round again since this process last did them."""
    now, schema = time.monotonic(), current_unit().schema_name
    due = [
        name
        for name, chore in list(_sweeps.items())
        # a tick comes a little early or late: half of the shortest period more or less
        if now - _done_at.get((schema, name), -chore.every) >= chore.every - 0.5
    ]
    for name in due:
        _done_at[schema, name] = now
    _do(due)


def _do(names: list[str]) -> None:
    for name in names:
        try:
            _sweeps[name].run()
        except Exception as fault:  # noqa: BLE001  what one chore meets must not keep this unit's others, and other units, waiting
            log.warning("sweep %s: %s", name, type(fault).__name__)


def tell_published(before: int, size: int) -> None:
    """Tell everybody who registered; called by the ledger after the head was committed."""
    for name, told in list(_published.items()):
        try:
            told(before, size)
        except Exception as fault:  # noqa: BLE001  the head is published: nobody who is told of it can take that back
            log.warning("after sealing, %s: %s", name, type(fault).__name__)
