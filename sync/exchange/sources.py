"""Where a peer's answers come from: the peer itself over HTTPS, or octets that somebody else carried."""

from __future__ import annotations

from typing import Protocol


class Answered(Protocol):
    """An answer."""

    @property
    def body(self) -> bytes:
        """Its octets."""


class Source(Protocol):
    """Answers the three questions of a pull; a client of the peer is one. Called from several threads.

    The questions are ``/ledger/checkpoint``, ``/ledger/tile/entries/…`` and ``/exchange/records?from=F&to=T&head=H``. Whoever
    answers is believed in nothing: copying and taking in judge every octet.
    """

    cut_beforehand: bool
    """Whether its answers were cut when they were made: asked for less than one holds it has none."""

    def get(
        self, path: str, *, cap: int = ..., seconds: float = ..., signed: bool = ...
    ) -> Answered:
        """Answer.

        Raises:
            ExchangeFault: there is no answer now; the rest is left for another time.
        """
