"""What can go wrong between units. Unreachable is not refused, and refused is not a lie.

`Unreachable` is retried for ever. `Refused` (the peer says no) and `PeerLied` (what it sent cannot be true,
or is not what the protocol allows) open an incident; the evidence is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.errors import SyncFault


class ExchangeFault(SyncFault):
    """Something between this unit and a peer went wrong."""


class Unreachable(ExchangeFault):
    """The peer did not answer, or answered that it cannot now. Tried again later, for ever."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Refused(ExchangeFault):
    """The peer understood the request and declined it."""

    def __init__(self, status: int, reason: str, sentence: str) -> None:
        super().__init__(sentence or f"The peer refused the request ({status} {reason}).")
        self.status = status
        self.reason = reason


@dataclass
class PeerLied(ExchangeFault):
    """What a peer sent cannot be accepted. ``name`` is one of ``INCIDENTS``; evidence is file name → octets."""

    name: str
    sentence: str
    evidence: dict[str, bytes] = field(default_factory=dict)
    freezes: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.sentence)


class RequestRefused(ExchangeFault):
    """A request made to us is declined; ``status`` and ``reason`` are what the caller gets."""

    _STATUS = {
        "unsigned": 401, "signature": 401, "unknown-peer": 401, "replayed": 401, "not-accepted": 403, "malformed": 400,
        "not-found": 404, "conflict": 409, "operator": 409, "too-large": 413, "unprovable": 422, "busy": 429,
    }  # fmt: skip

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.status = self._STATUS[reason]


class PeerFault(ExchangeFault):
    """A connection cannot be made or changed as asked; the message says what to do."""


INCIDENTS = (
    "bad-signature", "rolled-back", "forked", "diverged", "changed", "withheld", "reordered", "malformed", "oversized",
    "redirected", "slow", "refused", "replayed", "foreign-origin", "repeated", "broken-chain", "unreadable-header", "wrong-note", "unknown-key",
    "misdirected", "void-cancel", "void-close",
)  # fmt: skip
"""Names of everything that is held against a peer."""
