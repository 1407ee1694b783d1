"""The fast path's door: what the ledger tells of a new head, and what an erasure asks to forget."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from amqp.exceptions import AMQPError, NotFound
from django.db import transaction
from kombu.exceptions import KombuError

from sync.exchange import doorbell, heads_seen
from sync.identity import origin
from sync.transports import brokers, tasks
from tenants.current import current_unit, unit_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.erasers import Gone
    from tenants.models import Unit

_log = logging.getLogger(__name__)


def published(before: int, size: int) -> None:
    """A new head stands: have it published on the broker, and rung where that does not reach."""
    if not _shares():
        doorbell.published(before, size)
    elif not heads_seen.only_heads_seen(before, size):
        transaction.on_commit(
            partial(doorbell.queue, tasks.publish_peers, [current_unit().schema_name])
        )


def let_go(gone: Sequence[Gone]) -> None:
    """Have the unit's queues on the broker emptied once an erasure is committed."""
    if gone and _shares():
        transaction.on_commit(partial(_forget_in, current_unit()))


def _forget_in(unit: Unit) -> None:
    with unit_context(unit):
        forget()


def forget() -> int:
    """Empty the unit's own queues on the broker, dead letters too; return how many parcels went.

    Called after an erasure: parcels are sealed, but what is erased shall not lie there either. Nothing is lost, since
    pull brings what is still disclosed. A broker that is away drops them by itself within a day.
    """
    shared = brokers.broker()
    if shared is None:
        return 0
    gone = 0
    connection = shared.connection(read_timeout=brokers.SILENCE_SECONDS)
    try:
        for queue in (brokers.inlet(origin()), brokers.dead_letters(origin())):
            try:
                gone += queue(connection.channel()).purge() or 0
            except NotFound:
                continue
        connection.release()
    except (OSError, AMQPError, KombuError) as fault:
        connection.collect()
        _log.warning("the broker's queues were not emptied (%s)", type(fault).__name__)
    return gone


def _shares() -> bool:
    try:
        return brokers.broker() is not None
    except brokers.BrokerFault as fault:
        _log.warning("the fast path is off: %s", fault)
        return False
