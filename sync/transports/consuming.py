"""The receiving side of the fast path: one connection per unit, for ever. It never blocks anybody: what does not fit is left to pull."""

from __future__ import annotations

import contextlib
import io
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

from amqp.exceptions import AMQPError, NotFound
from django.db import Error, close_old_connections
from kombu import Consumer
from kombu.exceptions import KombuError
from kombu.transport import pyamqp

from sync.errors import SyncFault
from sync.exchange import doorbell
from sync.exchange.peers import connected_peers
from sync.identity import origin
from sync.models.exchange import Following
from sync.transports import brokers, parcels, taking
from sync.transports.parcels import ParcelFault
from sync.transports.publishing import OCTETS
from sync.transports.sources import Held
from tenants.current import unit_context

if TYPE_CHECKING:
    import threading

    from kombu import Connection

    from sync.models.exchange import Peer
    from sync.transports.brokers import Broker
    from tenants.models import Unit

BIND_SECONDS = 30.0
"""How often new peers' exchanges are looked for."""

HEARTBEAT = 30
"""Seconds; a connection on which nothing was heard for two of them is dropped and made anew."""

PREFETCH = 4
_PAUSE = 10.0

_random = secrets.SystemRandom()
_log = logging.getLogger(__name__)


def consume(unit: Unit, stop: threading.Event) -> None:
    """Receive a unit's parcels until told to stop; a broker that is away is tried again for ever, with pauses."""
    while not stop.is_set():
        try:
            close_old_connections()
            with unit_context(unit):
                shared = brokers.broker()
                if shared is None:
                    stop.wait(_PAUSE)
                else:
                    _receive(shared, stop)
        except (OSError, AMQPError, KombuError, Error, SyncFault) as fault:
            _log.warning("fast path of %s: %s; tried again", unit.code, type(fault).__name__)
            stop.wait(_random.uniform(0, _PAUSE))


def _receive(shared: Broker, stop: threading.Event) -> None:
    """Declare what is ours, then take parcels as they come; returns now and then to look for new peers."""
    # Heartbeats are looked at between parcels, not while an answer is waited for: that ends by the socket's own limit.
    connection = shared.connection(
        heartbeat=HEARTBEAT,
        read_timeout=brokers.SILENCE_SECONDS,
        write_timeout=brokers.SILENCE_SECONDS,
    )
    try:
        inlet = declare(connection)
        while not stop.is_set():
            bind(connection)
            channel = unread(connection)
            channel.basic_qos(0, PREFETCH, False)
            with Consumer(channel, [inlet], on_message=received, no_ack=False):
                drain(connection, BIND_SECONDS, stop)
            channel.close()
        connection.release()
    finally:
        connection.collect()


class _AsItCame(pyamqp.Message):
    """A message without its publisher's headers: one of them would have it unpacked, to whatever length, before any check."""

    def __init__(self, msg: Any, **named: Any) -> None:
        msg.properties = {**msg.properties, "application_headers": {}}
        super().__init__(msg, **named)


def unread(connection: Connection) -> Any:
    """Return a channel whose messages are octets, neither decoded nor unpacked because their publisher says so."""
    channel: Any = connection.channel()
    channel.auto_decode = False
    channel.Message = _AsItCame
    return channel


def declare(connection: Connection) -> Any:
    """Make the unit's queues, and its exchanges for its peers, where they are missing; return the queue, not bound yet."""
    channel = connection.default_channel
    us = origin()
    for peer in connected_peers():
        brokers.outlet(us, peer.origin).declare(channel=channel)
    brokers.dead_letters(us)(channel).declare()
    inlet = brokers.inlet(us)
    inlet(channel).queue_declare()
    return inlet


def bind(connection: Connection) -> int:
    """Bind the queue to the exchanges of the peers that are on the broker; return how many are."""
    bound = 0
    us = origin()
    for peer in connected_peers():
        channel: Any = connection.channel()
        try:
            brokers.inlet(us)(channel).bind_to(brokers.outlet(peer.origin, us))
        except (
            NotFound
        ):  # it does not use this broker, or not yet; the channel is gone with the answer
            continue
        channel.close()
        bound += 1
    return bound


def drain(connection: Connection, seconds: float, stop: threading.Event) -> None:
    """Handle what comes for so long."""
    until = time.monotonic() + seconds
    while not stop.is_set() and time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=1.0)
        connection.heartbeat_check()


def received(message: Any) -> None:
    """Take one parcel in, then let the broker forget it; what cannot be used becomes a dead letter.

    The database's faults go to the caller: then nothing was acknowledged and the parcel comes again.
    """
    close_old_connections()
    sender = _sender(message)
    try:
        octets = message.body if isinstance(message.body, bytes) else bytes(message.body)
        peer = receive(octets, sender)
    except ParcelFault as fault:
        _log.warning("a parcel from %s is dropped: %s", sender, fault)
        message.reject()
        _pull_instead(sender)
        return
    if peer is not None:
        doorbell.heard(peer)
    message.ack()


def _sender(message: Any) -> str:
    """Return the name of the user who published, as the broker itself holds it to; empty where it contradicts itself."""
    user = str(message.properties.get("user_id", ""))
    own = f"{user}.to.{brokers.name_of(origin())}"
    return user if message.delivery_info.get("exchange") == own else ""


def receive(octets: bytes, sender: str) -> Peer | None:
    """Take a parcel in; return the peer when it is to be pulled from because the parcel did not do.

    Raises:
        ParcelFault: it is none, or not the sender's own for this unit: held against nobody.
    """
    if len(octets) > 2 * OCTETS:
        raise ParcelFault("It is longer than any parcel on the broker.")
    stream = io.BytesIO(octets)
    parcel = parcels.read(stream)
    if parcel is None or stream.tell() != len(octets):
        raise ParcelFault("A message holds one parcel and nothing else.")
    if not sender or sender != brokers.name_of(parcel.label.issuer):
        raise ParcelFault(
            f"It says to be of {parcel.label.issuer}, and came over another exchange."
        )
    peer = taking.issuer_of(parcel)
    following = Following.objects.filter(peer=peer).first()
    if following is None or taking.known(following, parcel.label):
        return None
    taken = taking.take(peer, [Held(parcel.label, lambda: parcel)])
    gap = taken.applied < parcel.label.records[1]
    return peer if taken.busy or taken.fault or gap else None


def _pull_instead(sender: str) -> None:
    """What was dropped may have stood for something: ask the peer whose exchange it came over, if it is one."""
    for peer in connected_peers():
        if sender and brokers.name_of(peer.origin) == sender:
            doorbell.heard(peer)
