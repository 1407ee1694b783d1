"""Fetching a log's leaves: bundles of 256 as every log serves them, and long runs from peers that serve those.

Nothing is believed here: whoever copies computes the root (see ``mirror``).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sync.formats import copies, tiles
from sync.refusals import PeerLied, Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.exchange.sources import Source

FULL = copies.WIDTH * 32
"""Octets of a full bundle's commitments."""

PARALLEL = 4
"""Bundles fetched at the same time."""

_ROUND = 128
MANY = 8
"""From so many whole bundles on they are fetched in runs, if the peer serves those."""

_FRAME = b"\x00\x21\x01"
_BUNDLE_CAP = 64 * 1024
_RUN_SECONDS = 60.0


def bundles(source: Source, first: int, size: int) -> Iterator[list[bytes]]:
    """Fetch the bundles from number ``first`` to the end of a log of ``size``: batches of them, in order."""
    if size // copies.WIDTH - first >= MANY:
        for run in _runs(source, first, size // copies.WIDTH):
            yield run
            first += len(run)

    def fetch(number: int) -> bytes:
        width = min(copies.WIDTH, size - number * copies.WIDTH)
        octets = source.get(
            f"/ledger/tile/{tiles.bundle_path(number, width)}", cap=_BUNDLE_CAP, signed=False
        ).body
        # Every entry is a length of 33, the version 1 and a commitment: 35 octets, whatever the commitment.
        if len(octets) != 35 * width or any(
            octets[at::35] != _FRAME[at : at + 1] * width for at in range(3)
        ):
            raise PeerLied(
                "malformed",
                f"Bundle {number} is not {width} entries of version 1.",
                {"bundle": octets[:65536]},
            )
        return b"".join([octets[at : at + 32] for at in range(3, len(octets), 35)])

    last = -(-size // copies.WIDTH)
    if first == last:
        return
    with ThreadPoolExecutor(max_workers=PARALLEL, thread_name_prefix="bundles") as pool:
        for begin in range(first, last, _ROUND):
            yield list(pool.map(fetch, range(begin, min(begin + _ROUND, last))))


def _runs(source: Source, first: int, last: int) -> Iterator[list[bytes]]:
    """Fetch whole bundles, hundreds in an answer, the next while one is taken; none from who serves bundles only."""

    def fetch(number: int) -> bytes:
        begin = number * copies.WIDTH
        stop = tiles.run_end(begin, end)
        octets = source.get(
            f"/ledger/leaves/{begin}/{stop}", cap=tiles.RUN * 32, seconds=_RUN_SECONDS, signed=False
        ).body
        if len(octets) != (stop - begin) * 32:
            raise PeerLied(
                "malformed",
                f"The leaves {begin} to {stop} are not {stop - begin} commitments.",
                {"leaves": octets[:65536]},
            )
        return octets

    end = last * copies.WIDTH
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="leaves") as ahead:
        coming = ahead.submit(fetch, first)
        while first < last:
            try:
                run = coming.result()
            except (
                Refused,
                Unreachable,
            ):  # bundles are asked for instead, and say what is the matter
                return
            first += len(run) // FULL
            if first < last:
                coming = ahead.submit(fetch, first)
            yield [run[at : at + FULL] for at in range(0, len(run), FULL)]
