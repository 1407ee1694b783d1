"""The doorbell: telling peers that there is something new. Losing it costs time only; the sweep pulls anyway."""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from sync.exchange import heads_seen, tasks
from sync.exchange.contacts import contacts_due, somebody_due
from sync.models.exchange import Contact
from tenants.current import current_unit

if TYPE_CHECKING:
    from sync.models.exchange import Peer

CLAIMED = datetime.timedelta(seconds=30)
"""How long a queued pull is left alone before the sweep queues another."""

_log = logging.getLogger(__name__)


def ring() -> None:
    """Have connected peers told, by a task, that this unit has a new head; then its witnesses asked.

    Kinds that follow the slot need nothing here: their records enter the log, and so a head, at the slot's end.
    """
    queue(tasks.ring_peers, [current_unit().schema_name])


def published(before: int, size: int) -> None:
    """A new head stands. A head that grew only by heads-seen records rings no bell, or two peers would ring for ever."""
    if not somebody_due("ring") or not contacts_due("ring").exists():
        return
    if not heads_seen.only_heads_seen(before, size):
        transaction.on_commit(ring)


def heard(peer: Peer) -> None:
    """A peer rang: pull now; if the queue is away, the sweep finds the row."""
    Contact.objects.filter(peer=peer, direction="pull").update(due_at=timezone.now())
    pull_queue(peer)


def pull_queue(peer: Peer) -> None:
    """Queue a pull."""
    queue(tasks.pull_peer, [current_unit().schema_name, peer.origin])


def witnesses_queue() -> None:
    """Queue asking witnesses."""
    queue(tasks.ask_witnesses, [current_unit().schema_name])


def again_queue() -> None:
    """Queue ringing where the last bell was not heard."""
    queue(tasks.ring_again, [current_unit().schema_name])


def acceptances_queue() -> None:
    """Queue telling peers that they are accepted."""
    queue(tasks.tell_acceptances, [current_unit().schema_name])


def queue(task: tasks.Queued, arguments: list[str]) -> None:
    """Queue a task; if the queue is away, the sweep finds what is due."""
    try:
        task.apply_async(args=arguments, retry=False, ignore_result=True, expires=60)
    except (OperationalError, OSError) as fault:
        _log.warning("the queue is away (%s); the sweep will do it", type(fault).__name__)
