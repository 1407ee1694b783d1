"""One broker that several units share, with the users and permissions that `minqing broker definitions` makes."""

from __future__ import annotations

import dataclasses
import json
import threading
from contextlib import contextmanager

import amqp
from django.conf import settings
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from minqing.demo.supervisor import free_port
from sync.exchange import peers, pull
from sync.models import Contact
from sync.transports import brokers, consuming, publishing
from tenants.current import unit_context
from tests.support.carried import origin_of
from tests.support.certificates import certificates
from tests.support.rabbitmq import node

VHOST = "minqing"
PASSWORD = "a long password of the tests"


class SharedBroker:
    """A running broker: where it is, and what its administrator can do to it."""

    def __init__(self, started, tls_port, folder, origins):
        self.node = started
        self.port = int(started.address.rsplit(":", 1)[1].rstrip("/"))
        self.tls_port = tls_port
        self.ca = folder / "ca.pem"
        self.origins = origins

    def administrator(self):
        """Return a connection that may do everything."""
        return amqp.Connection(
            f"127.0.0.1:{self.port}", "admin", PASSWORD, virtual_host=VHOST, confirm_publish=True
        )

    def wipe(self):
        """Delete everything that units declared."""
        with self.administrator() as connection:
            for origin in self.origins:
                channel = connection.channel()
                for end in ("in", "dead"):
                    channel.queue_delete(f"{brokers.name_of(origin)}.{end}")
                channel.exchange_delete(f"{brokers.name_of(origin)}.dead")
                for reader in self.origins:
                    channel.exchange_delete(brokers.outlet(origin, reader).name)

    def waiting(self, origin, end="in"):
        """Return how many parcels are ready in a queue."""
        with self.administrator() as connection:
            return (
                connection.channel()
                .queue_declare(f"{brokers.name_of(origin)}.{end}", passive=True)
                .message_count
            )

    def peek(self, origin, end="in"):
        """Return the octets of everything that waits in a unit's queue, and leave it there."""
        return b"".join(self.messages(origin, end))

    def messages(self, origin, end="in"):
        """Return what waits in a unit's queue, message by message, and leave it there."""
        found = []
        with self.administrator() as connection:
            channel = connection.channel()
            while (message := channel.basic_get(f"{brokers.name_of(origin)}.{end}")) is not None:
                found.append(bytes(message.body))
        return found

    def exists(self, queue):
        """Whether a queue is declared."""
        with self.administrator() as connection:
            try:
                connection.channel().queue_declare(queue, passive=True)
            except amqp.NotFound:
                return False
        return True

    def delete(self, queue):
        """Delete a queue."""
        with self.administrator() as connection:
            connection.channel().queue_delete(queue)

    def put(self, sender, recipient, octets, **properties):
        """Publish as a unit by hand, over its own exchange."""
        user = brokers.name_of(sender)
        with amqp.Connection(
            f"127.0.0.1:{self.port}", user, PASSWORD, virtual_host=VHOST, confirm_publish=True
        ) as connection:
            connection.channel().basic_publish_confirm(
                amqp.Message(octets, user_id=user, **properties),
                brokers.outlet(sender, recipient).name,
                "",
                confirm_timeout=10,
            )

    @contextmanager
    def used_by(self, folder, *codes, address="", **keys):
        """Let units of this deployment share it inside the block."""
        path = folder / "brokers.toml"
        address = address or f"amqp://127.0.0.1:{self.port}/{VHOST}"
        lines = {"address": address, "password": PASSWORD, **keys}
        path.write_text(
            "".join(
                f'["{code}"]\n' + "".join(f'{name} = "{value}"\n' for name, value in lines.items())
                for code in codes
            )
        )
        path.chmod(0o600)
        with override_settings(
            MINQING=dataclasses.replace(settings.MINQING, exchange_brokers=path)
        ):
            yield path


@contextmanager
def shared_broker(folder, origins):
    """Start a broker that these units share."""
    tls_port = free_port()
    certificates(folder)
    admin = {**brokers._user("admin", PASSWORD), "tags": ["administrator"]}
    made = brokers.definitions(VHOST, dict.fromkeys(origins, PASSWORD), others=[admin])
    made["permissions"].append(
        {"user": "admin", "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"}
    )
    (folder / "definitions.json").write_text(json.dumps(made))
    lines = [
        f"load_definitions = {folder / 'definitions.json'}", f"listeners.ssl.1 = 127.0.0.1:{tls_port}",
        f"ssl_options.cacertfile = {folder / 'ca.pem'}", f"ssl_options.certfile = {folder / 'server.pem'}",
        f"ssl_options.keyfile = {folder / 'server.key'}",
    ]  # fmt: skip
    with node("\n".join(lines)) as started:
        yield SharedBroker(started, tls_port, folder, origins)


@contextmanager
def receiving(unit):
    """Run a unit's receiver inside the block, as `minqing broker receive` does."""
    stop = threading.Event()

    def run():
        try:
            consuming.consume(unit, stop)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def declare(unit):
    """Make a unit's queue and bind it, without receiving."""
    with unit_context(unit), brokers.broker().connection() as connection:
        consuming.declare(connection)
        consuming.bind(connection)


def send(unit):
    """Publish what is new; return the origins reached."""
    with unit_context(unit):
        Contact.objects.filter(direction="broker").update(due_at=timezone.now())
        return publishing.publish()


def fetch(unit, other):
    """Pull, as the sweep would."""
    with unit_context(unit):
        pulled = pull.pull(peers.peer_by_origin(origin_of(other)))
    assert pulled.fault == ""


def due(unit, other):
    """Whether a pull is due by now."""
    with unit_context(unit):
        return Contact.objects.filter(
            peer__origin=origin_of(other), direction="pull", due_at__lte=timezone.now()
        ).exists()
