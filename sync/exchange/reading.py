"""Reading a peer's records ahead: while one window is taken in, the next is judged and the one after it fetched.

Three threads share the work: the caller's, which has the database, one that fetches and one that judges. At most so many
windows are in memory as ``AHEAD`` says and the one that is taken in, however long the backlog is.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from sync.exchange import judging, keyring, mirror, windows
from sync.exchange.turns import short_turns
from sync.exchange.windows import Answer
from sync.formats import framing
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from sync.exchange.judging import Parties, Window
    from sync.exchange.sources import Source
    from sync.formats.notes import VerifierKey
    from sync.models.exchange import Peer

ANSWER_CAP = 74 * 1024 * 1024
"""Most octets of one answer: the 8 MiB that an issuer may reach, and a record of the largest size that passes them."""

ANSWER_SECONDS = 120.0

AHEAD = 2
"""Windows that are fetched, judged or waiting while one is taken in."""

FIRST_LEAVES = 1024
"""So many leaves a peer is asked for first, then each time twice as many: the database has work before a whole answer is there."""

STRETCH_LEAVES = 2**18
"""Leaves whose proven commitments are held in memory at a time, and those of one answer more: the last may end behind them."""


def windows_ahead(
    peer: Peer, source: Source, between: Parties, start: int, stop: int, ends: Sequence[int] = ()
) -> Generator[Window]:
    """Yield the judged windows from one index to another, in order. To be closed by who leaves it early.

    At ``ends`` an answer ends too, where it was not cut beforehand: two notes of one size are easily compared. What the peer does wrong is raised when everything before it was taken in.

    Raises:
        PeerLied, Unreachable, Refused: as fetching and judging say.
    """
    keys = keyring.verifiers(peer, "peer")
    if start >= stop:  # nothing is new; the note may say that the grants are others now
        yield judging.judge(_fetch(source, between, keys, range(start, stop), stop), b"", between)
        return
    with short_turns():
        while start < stop:
            stretch = range(start, min(stop, start + STRETCH_LEAVES))
            reach = min(stop, stretch.stop + framing.WINDOW_LEAVES)
            proven = mirror.commitments_between(peer, start, reach)
            with _Reader(source, between, keys, stretch, stop, proven, ends) as reader:
                for window in reader.windows():
                    yield window
                    start = window.disclosure.size


class _Reader:
    """Fetches and judges one stretch in two threads of its own."""

    def __init__(
        self,
        source: Source,
        between: Parties,
        keys: list[VerifierKey],
        stretch: range,
        head: int,
        proven: bytes,
        ends: Sequence[int],
    ) -> None:
        self._source, self._between, self._keys = source, between, keys
        self._start, self._stop, self._proven = stretch.start, stretch.stop, proven
        self._head, self._ends = head, () if source.cut_beforehand else ends
        self._room, self._closed = threading.Semaphore(AHEAD), False
        self._coming: SimpleQueue[Future[Window] | None] = SimpleQueue()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="records")

    def __enter__(self) -> Self:
        self._fetching = self._threads.submit(self._fetch_all)
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._room.release()
        self._threads.shutdown()

    def windows(self) -> Generator[Window]:
        """Yield the windows in order; then raise what ended the fetching, if anything did."""
        while (judged := self._coming.get()) is not None:
            window = judged.result()
            self._room.release()
            yield window
        self._fetching.result()

    def _fetch_all(self) -> None:
        at = self._start
        leaves = framing.WINDOW_LEAVES if self._source.cut_beforehand else FIRST_LEAVES
        try:
            while True:
                self._room.acquire()
                if self._closed:
                    return
                until = min(self._head, at + min(leaves, framing.WINDOW_LEAVES))
                until = min((end for end in self._ends if at < end < until), default=until)
                answer = _fetch(
                    self._source, self._between, self._keys, range(at, until), self._head
                )
                size = answer.disclosure.size
                _refuse_standing_still(answer, until)
                proven = self._proven[(at - self._start) * 32 : (size - self._start) * 32]
                self._coming.put(self._threads.submit(judging.judge, answer, proven, self._between))
                at, leaves = size, leaves * 2
                if at >= self._stop:
                    return
        finally:
            self._coming.put(None)


def path(asked: range, head: int) -> str:
    """Return the question for the records of some indexes, below a head's size."""
    return f"/exchange/records?from={asked.start}&to={asked.stop}&head={head}"


def _fetch(
    source: Source, between: Parties, keys: list[VerifierKey], asked: range, head: int
) -> Answer:
    """Fetch one answer and check its note."""
    start, stop = asked.start, asked.stop
    stream = source.get(path(asked, head), cap=ANSWER_CAP, seconds=ANSWER_SECONDS).body
    openings, note = windows.read_window(stream)
    said = windows.check_note(
        note, keys=keys, issuer=between.issuer, recipient=between.us, start=start, stop=stop
    )
    return Answer(start=start, openings=openings, disclosure=said, note=note)


def _refuse_standing_still(answer: Answer, stop: int) -> None:
    if answer.disclosure.size == answer.start < stop:
        raise PeerLied("wrong-note", "The answer does not go on.", {"disclosure.note": answer.note})
