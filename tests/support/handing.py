"""Units that hand officials over and erase, over real HTTP: what the tests of both share."""

from __future__ import annotations

import contextlib

from minqing.archives import bodies
from sync import identity
from sync.exchange import peers, pull
from tenants.current import unit_context
from tests.support.archives import Office
from tests.support.served import connect

KINDS = (bodies.OFFICIAL_KIND, bodies.ENTRY_KIND, bodies.REPLY_KIND)


def origin_of(unit):
    """Return a unit's origin."""
    with unit_context(unit):
        return identity.origin()


def connect_all(port, *units):
    """Connect every unit with every other and let each have the archives of all."""
    for place, first in enumerate(units):
        for second in units[place + 1 :]:
            connect(first, second, port, *KINDS)


def pull_in(unit, *others):
    """Have a unit pull from others, in this order; nothing may go wrong."""
    for other in others:
        origin = origin_of(other)
        with unit_context(unit):
            done = pull.pull(peers.peer_by_origin(origin))
            assert done.fault == "", done.fault


def settle(*units):
    """Pull between all of them until nothing moves any more."""
    for _ in range(3):
        for unit in units:
            pull_in(unit, *(other for other in units if other is not unit))


@contextlib.contextmanager
def office(unit):
    """Enter a unit that has a clerk, a reviewer and a supervisor."""
    with unit_context(unit):
        yield Office()
