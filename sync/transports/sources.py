"""Parcels as a source for a pull: the same judge sees the same octets that the peer itself would have answered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from sync.errors import ProofFault
from sync.formats import framing, tiles
from sync.formats.framing import FramingFault
from sync.refusals import PeerLied, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sync.transports.parcels import Label, Parcel

_ENTRIES = "/ledger/tile/entries/"
_LEAVES = "/ledger/leaves/"
_FRAME = b"\x00\x21\x01"


class Missing(Unreachable):
    """The parcels at hand do not hold the answer: they end here, or an earlier one is missing."""


@dataclass(frozen=True)
class Held:
    """A checked parcel that can be read again."""

    label: Label
    load: Callable[[], Parcel]


@dataclass(frozen=True)
class _Body:
    body: bytes


class Parcels:
    """Answers from checked parcels of one issuer for one recipient, all of one epoch.

    ``unseal`` opens boxes; it is called from the threads of the pull, so it must not ask the database.
    """

    cut_beforehand = True

    def __init__(self, held: Sequence[Held], unseal: Callable[[bytes], bytes]) -> None:
        self._held = held
        self._unseal = unseal
        self._load = lru_cache(maxsize=2)(lambda place: held[place].load())

    def get(self, path: str, *, cap: int = 0, seconds: float = 0.0, signed: bool = True) -> _Body:
        """Answer one of the questions of a pull.

        Raises:
            Missing: the parcels do not hold it.
            PeerLied: ``malformed``: the issuer signed what cannot be read.
        """
        parts = urlsplit(path)
        if parts.path == "/ledger/checkpoint":
            return _Body(self._head())
        if parts.path.startswith(_ENTRIES):
            return _Body(self._entries(parts.path.removeprefix(_ENTRIES)))
        if parts.path.startswith(_LEAVES):
            first, _, last = parts.path.removeprefix(_LEAVES).partition("/")
            return _Body(self._leaves(int(first), int(last)))
        if parts.path == "/exchange/records":
            asked = parse_qs(parts.query)
            return _Body(self._records(int(asked["from"][0]), int(asked["to"][0])))
        raise Missing(f"Parcels hold no {parts.path}.")

    def _head(self) -> bytes:
        sizes = [(held.label.size, place) for place, held in enumerate(self._held)]
        size, place = max(sizes, default=(0, 0))
        if not size:
            raise Missing("There is no head among the parcels.")
        return self._load(place).head

    def _entries(self, path: str) -> bytes:
        number, _, width = path.partition(".p/")
        try:
            first = tiles.decode_index(number) * tiles.WIDTH
        except ProofFault as fault:
            raise Missing(str(fault)) from fault
        leaves = self._leaves(first, first + int(width or tiles.WIDTH))
        return b"".join([_FRAME + leaves[at : at + 32] for at in range(0, len(leaves), 32)])

    def _leaves(self, first: int, stop: int) -> bytes:
        for place, held in enumerate(self._held):
            begin, end = held.label.leaves
            if begin <= first and stop <= end:
                return self._load(place).leaves[(first - begin) * 32 : (stop - begin) * 32]
        raise Missing(f"The leaves from {first} to {stop} are not among the parcels.")

    def _records(self, start: int, stop: int) -> bytes:
        fitting = [
            (held.label.records[1], place)
            for place, held in enumerate(self._held)
            if held.label.records[0] <= start < held.label.records[1] <= stop
        ]
        if not fitting:
            raise Missing(f"The records from {start} on are not among the parcels.")
        _, place = max(fitting)
        stream = self._unseal(self._load(place).sealed)
        if self._held[place].label.records[0] == start:
            return stream
        try:
            openings, note = framing.split(stream)
        except FramingFault as fault:
            raise PeerLied(
                "malformed", f"The records cannot be read: {fault}", {"answer": stream[:65_536]}
            ) from fault
        rows = [framing.row(opening) for opening in openings if opening.index >= start]
        return b"".join(rows) + framing.end(note)
