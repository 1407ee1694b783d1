"""How things stand with other units: the values that desk, portal and channel are handed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime


@dataclass(frozen=True, kw_only=True)
class PeerUnit:
    """A connected unit that a case may be referred to."""

    origin: str
    code: str
    name: str
    address: str


@dataclass(frozen=True, kw_only=True)
class GrantState:
    """A kind that the peer may have."""

    kind: str
    history: bool
    start: int


@dataclass(frozen=True, kw_only=True)
class PeerState:
    """How things stand with a peer; what the desk and the page of connected units show."""

    origin: str
    code: str
    name: str
    address: str
    operator: str
    fingerprint: str
    state: str
    """``requested``, ``offered``, ``accepted``, ``connected``, ``frozen`` or ``ended``."""

    size: int
    """Size of the largest head of theirs that we proved."""

    mirrored: int
    """Leaves of theirs that we hold."""

    applied: int
    """Their records below this index are taken in."""

    lag: int
    """How many indexes of theirs are not yet taken in."""

    delivered: int
    """Our records below this index have arrived there."""

    last_success_day: datetime.date | None
    last_error: str
    """One sentence, empty when the last attempt went well."""

    witnesses: tuple[str, ...]
    """Operators other than its own that countersigned its newest head; each counts once."""

    quarantined: int
    incidents: int
    frozen: bool
    grants: tuple[GrantState, ...]
