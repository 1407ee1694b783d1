"""The sending side of the fast path: parcels for peers on the same broker, as heads are published.

Nothing here is relied on. What the broker does not confirm at once is left to pull, and the peer is rung instead.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from amqp.exceptions import AMQPError, MessageNacked
from django.utils import timezone
from kombu import Producer
from kombu.exceptions import KombuError

from sync import ledger
from sync.exchange.contacts import contact_note
from sync.exchange.peers import connected_peers
from sync.identity import origin
from sync.models.exchange import Contact
from sync.models.transports import Sent
from sync.refusals import ExchangeFault
from sync.transports import brokers, packing, parcels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kombu import Connection

    from sync.ledger import SignedHead
    from sync.models.exchange import Peer
    from sync.transports.brokers import Broker

RECORDS = 256
"""Indexes that one parcel on the broker spans at most."""

BACKLOG = 8192
"""A peer that is further behind is rung, and pulls."""

OCTETS = 8 * 1024 * 1024
"""A longer parcel is not published; its records are pulled."""

CONFIRM_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Declined(ExchangeFault):
    """The broker did not take a parcel to a queue."""


def publish() -> set[str]:
    """Publish what is new to every connected peer that the broker reaches; return the origins of those reached."""
    shared = brokers.broker()
    head = ledger.head()
    due = _due() if shared is not None else []
    if shared is None or not due:
        return set()
    faults: dict[int, str] = {}
    connection = shared.connection(
        read_timeout=brokers.SILENCE_SECONDS, write_timeout=brokers.SILENCE_SECONDS
    )
    try:
        connection.connect()
        for contact in due:
            faults[contact.pk] = _publish_to(connection, shared, contact.peer, head)
        connection.release()
    except (OSError, AMQPError, KombuError) as fault:
        # A confirmation that did not come may still come: on this connection it would be taken for the next parcel's.
        connection.collect()
        _log.warning("the broker is away (%s); peers are rung and pull", type(fault).__name__)
    for contact in due:
        contact_note(contact, faults.get(contact.pk, "The broker did not answer."))
    return {contact.peer.origin for contact in due if faults.get(contact.pk) == ""}


def _due() -> list[Contact]:
    now = timezone.now()
    contacts = [
        Contact.objects.get_or_create(peer=peer, direction="broker", defaults={"due_at": now})[0]
        for peer in connected_peers()
    ]
    return [contact for contact in contacts if contact.due_at <= now]


def _publish_to(connection: Connection, shared: Broker, peer: Peer, head: SignedHead) -> str:
    """Publish to one peer on a channel of its own; return why it was not reached, or nothing.

    After a returned or refused parcel the channel's confirmations are out of step: it is used for no other.
    """
    channel: Any = connection.channel()
    fault = ""
    try:
        brokers.outlet(origin(), peer.origin).declare(channel=channel)
        for octets in _parcels(peer, head):
            _send(channel, shared, peer, octets)
    except MessageNacked:
        fault = "The peer's queue on the broker is full."
    except ExchangeFault as declined:
        fault = str(declined)
    channel.close()
    return fault


def _parcels(peer: Peer, head: SignedHead) -> Iterator[bytes]:
    """Claim what is new for a peer, then make parcels of it: who loses the race finds nothing left.

    Raises:
        Declined: there is too much of it for the fast path.
    """
    sent, _ = Sent.objects.get_or_create(peer=peer, way="broker", defaults={"size": peer.delivered})
    start = max(sent.size, peer.delivered)
    claimed = Sent.objects.filter(pk=sent.pk, size=sent.size).update(size=head.size)
    if not claimed or start >= head.size:
        return
    if head.size - start > BACKLOG:
        raise Declined("It is too far behind for the broker; it pulls.")
    first = True
    while start < head.size:
        span = (start, min(start + RECORDS, head.size))
        if first:
            octets, start = packing.pack(
                peer, head=head, leaves=(start, head.size), records=span, known=head.size
            )
        else:
            octets, start = packing.pack(peer, records=span, known=head.size)
        if len(octets) > OCTETS:
            raise Declined("A record is too long for the broker; it is pulled.")
        first = False
        yield octets


def _send(channel: Any, shared: Broker, peer: Peer, octets: bytes) -> None:
    """Publish one parcel and wait for its confirmation.

    Raises:
        Declined: no queue is bound for the peer. The channel is out of step then and must not be used again.
        MessageNacked: the queue is full.
        OSError, AMQPError: the broker is away, or did not confirm in time.
    """
    Producer(channel, exchange=brokers.outlet(origin(), peer.origin), on_return=_returned).publish(
        octets,
        content_type=parcels.MEDIA_TYPE,
        content_encoding="binary",
        delivery_mode=2,
        mandatory=True,
        user_id=shared.user,
        confirm_timeout=CONFIRM_SECONDS,
        retry=False,
    )


def _returned(*_: object) -> None:
    raise Declined("The peer has no queue on the broker.")
