"""Pulls of one process, side by side: one per peer, each in a thread of its own once it takes long, and few of the doubtful ones.

A worker has a handful of threads for everything. A peer that hangs or drips must hold none of them: the task waits a moment,
then goes on to other work, and the pull ends by itself (see ``pace``). However many peers hang, those that answered last
time find a free place.
"""

from __future__ import annotations

import logging
import threading
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from django.db import Error, close_old_connections, connections
from django.utils import timezone

from sync.errors import SyncFault
from sync.exchange.peers import peer_by_origin
from sync.exchange.pull import pull
from sync.ledger.appends import place
from sync.models.exchange import Contact
from sync.refusals import PeerFault
from tenants.current import current_unit, unit_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenants.models import Unit

SLOTS = 16
"""Pulls at once in this process; each has a connection to the database."""

DOUBTFUL = 4
"""Of them for peers whose last pull failed: the others are kept for those that answer."""

PATIENCE = 2.0
"""Seconds for which a task stays with its pull: nearly all are done by then."""

LINGER = 60.0
"""Seconds for which a thread waits for the next pull before it gives its connection back."""

_log = logging.getLogger(__name__)

_Lane = tuple[str, str, str]


class _Slots:
    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken: dict[_Lane, bool] = {}

    def enter(self, lane: _Lane, *, doubtful: bool) -> bool | None:
        """Take a place; None where this peer has one already, False where there is none left."""
        with self._guard:
            if lane in self._taken:
                return None
            full = len(self._taken) >= SLOTS
            if full or (doubtful and sum(self._taken.values()) >= DOUBTFUL):
                return False
            self._taken[lane] = doubtful
            return True

    def leave(self, lane: _Lane) -> None:
        with self._guard:
            del self._taken[lane]


_slots = _Slots()


class _Crew:
    """Threads that wait a while for the next pull, so that it finds a connection to the database."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._jobs: SimpleQueue[tuple[Callable[[], None], threading.Event]] = SimpleQueue()
        self._free = 0
        """Threads that wait, without those for which something lies in the queue."""

    def begin(self, job: Callable[[], None]) -> threading.Event:
        """Have a job done by a thread that is free, or by a new one; return what is set when it is done."""
        done = threading.Event()
        with self._guard:
            if self._free:
                self._free -= 1
                self._jobs.put((job, done))
                return done
        threading.Thread(target=self._work, args=(job, done), name="pulls", daemon=True).start()
        return done

    def _work(self, job: Callable[[], None], done: threading.Event) -> None:
        try:
            while True:
                close_old_connections()
                try:
                    job()
                finally:
                    done.set()
                with self._guard:
                    self._free += 1
                job, done = self._next()
        except Empty:
            return
        finally:
            connections.close_all()

    def _next(self) -> tuple[Callable[[], None], threading.Event]:
        try:
            return self._jobs.get(timeout=LINGER)
        except Empty:
            with (
                self._guard
            ):  # nothing is put meanwhile: what was put last is found, or there is nothing
                try:
                    return self._jobs.get_nowait()
                except Empty:
                    self._free -= 1
                    raise


_crew = _Crew()


def pull_beside(origin: str) -> bool:
    """Pull from a peer; return before it is done if it takes long. False: no place is free, and the sweep asks again.

    A peer that is being pulled from already is left to that pull, which looks once more when it is done.
    """
    unit, lane = current_unit(), (*place(), origin)
    contact = Contact.objects.filter(peer__origin=origin, direction="pull")
    entered = _slots.enter(lane, doubtful=contact.filter(failures__gt=0).exists())
    if entered is False:
        contact.update(due_at=timezone.now())
    if not entered:
        return entered is None
    try:
        done = _crew.begin(partial(_pull, unit, origin, lane))
    except RuntimeError:  # the machine has no thread left
        _slots.leave(lane)
        raise
    done.wait(PATIENCE)
    return True


def _pull(unit: Unit, origin: str, lane: _Lane) -> None:
    try:
        with unit_context(unit):
            pull(peer_by_origin(origin))
    except PeerFault:
        return  # it is no peer any more
    except (SyncFault, Error, OSError) as fault:  # of ours: the database or the signer is away
        _log.warning(
            "a pull of %s broke off (%s); the sweep asks again", unit.code, type(fault).__name__
        )
    finally:
        _slots.leave(lane)
