"""Brokers that units share: where, as whom, and what a unit may do there.

``MINQING_EXCHANGE_BROKERS`` names a TOML file with a table per unit code::

    ["430522"]
    address = "amqps://broker.example.gov.cn:5671/minqing"
    password = "…"
    ca = "/etc/minqing/ca.pem"             # optional: default the system's
    certificate = "/etc/minqing/430522.pem"  # optional, with key: for brokers that ask for one
    key = "/etc/minqing/430522.key"

The user's name is always the unit's origin with ``_`` for slashes, and what is its own begins with it: an exchange
``<name>.to.<reader>`` for each peer, which only that user may write and only the reader may bind, and its queues
``<name>.in`` and ``<name>.dead``. The broker itself holds a unit to speaking and listening as nobody else.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import secrets
import ssl
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from kombu import Connection, Exchange, Queue

from sync.identity import origin
from sync.refusals import ExchangeFault
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 10.0
"""A broker that says nothing for so long is taken for gone."""

QUEUE_PARCELS = 256
QUEUE_OCTETS = 256 * 1024 * 1024
DEAD_OCTETS = 64 * 1024 * 1024
USER_LIMITS = {"max-connections": 64, "max-channels": 256}
"""What one unit may have open at a time: a receiver, and a publisher in each process of its workers, many times over."""

KEPT_SECONDS = 3600
"""Parcels that nobody fetched for so long go: pull has long brought what was in them."""


class BrokerFault(ExchangeFault):
    """A setting of a broker cannot be used; the message says what to write."""


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A broker as one unit uses it."""

    user: str
    host: str
    port: int
    path: str
    """The virtual host."""

    password: str
    tls: dict[str, Any] | None

    def connection(self, *, heartbeat: int = 0, **options: Any) -> Connection:
        """Return a connection, not opened yet, that waits for the broker's confirmations."""
        return Connection(
            hostname=self.host, port=self.port, virtual_host=self.path, userid=self.user, password=self.password,
            transport="pyamqp", ssl=self.tls or False, connect_timeout=CONNECT_SECONDS,
            login_method="PLAIN", heartbeat=heartbeat, transport_options={"confirm_publish": True, **options},
        )  # fmt: skip


def name_of(log: str) -> str:
    """Return the name of a unit's user, and the beginning of the names of its exchanges and queues."""
    return log.replace("/", "_")


def broker() -> Broker | None:
    """Return the broker of the current unit; None where it shares none.

    Raises:
        BrokerFault: its settings cannot be used.
    """
    path: Path | None = settings.MINQING.exchange_brokers
    if path is None:
        return None
    try:
        table = tomllib.loads(path.read_text()).get(current_unit().code)
        shared = path.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise BrokerFault(
            f"{path} cannot be read: {fault}. Correct MINQING_EXCHANGE_BROKERS."
        ) from fault
    if shared:
        raise BrokerFault(f"{path} holds passwords and others may read it: chmod 600 {path}")
    return None if table is None else _broker(path, table)


def _broker(path: Path, table: dict[str, Any]) -> Broker:
    where = f'{path}, table "{current_unit().code}"'
    unknown = set(table) - {"address", "password", "ca", "certificate", "key"}
    if unknown or any(not isinstance(value, str) for value in table.values()):
        raise BrokerFault(
            f"{where}: address, password, ca, certificate and key are known, as text."
        )
    parts = urlsplit(table.get("address", ""))
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname or parts.username is not None:
        raise BrokerFault(
            f"{where}: write the address like amqps://broker.example.gov.cn:5671/minqing"
        )
    if parts.scheme == "amqp" and not _at_home(parts.hostname):
        raise BrokerFault(
            f"{where}: without TLS (amqp:) only the machine itself is reached; write amqps:"
        )
    if not table.get("password"):
        raise BrokerFault(f"{where}: the password is missing.")
    if ("certificate" in table) != ("key" in table):
        raise BrokerFault(f"{where}: certificate and key belong together.")
    secure = parts.scheme == "amqps"
    return Broker(
        user=name_of(origin()), host=parts.hostname, port=parts.port or (5671 if secure else 5672),
        path=unquote(parts.path.removeprefix("/")) or "/", password=table["password"],
        tls=_tls(parts.hostname, table) if secure else None,
    )  # fmt: skip


def _tls(host: str, table: dict[str, Any]) -> dict[str, Any]:
    files = {"ca": "ca_certs", "certificate": "certfile", "key": "keyfile"}
    named = {argument: table[name] for name, argument in files.items() if name in table}
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": host, **named}


def _at_home(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# --- topology ----------------------------------------------------------------------------------


def outlet(log: str, reader: str) -> Exchange:
    """Return the exchange on which a unit publishes to one peer."""
    return Exchange(f"{name_of(log)}.to.{name_of(reader)}", type="fanout", durable=True)


def inlet(log: str) -> Queue:
    """Return the queue that a unit receives by: bounded, and full it refuses rather than forgets or blocks."""
    return Queue(
        f"{name_of(log)}.in",
        durable=True,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-max-length": QUEUE_PARCELS,
            "x-max-length-bytes": QUEUE_OCTETS,
            "x-overflow": "reject-publish",
            "x-message-ttl": KEPT_SECONDS * 1000,
            "x-delivery-limit": 20,
            "x-dead-letter-exchange": dead_letters(log).exchange.name,
        },
    )


def dead_letters(log: str) -> Queue:
    """Return the queue of what could not be used, with its exchange: the oldest go first, all after a day."""
    name = f"{name_of(log)}.dead"
    return Queue(
        name,
        exchange=Exchange(name, type="fanout", durable=True),
        durable=True,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-max-length": QUEUE_PARCELS,
            "x-message-ttl": 24 * 3600 * 1000,
        },
    )


# --- what the broker is told --------------------------------------------------------------------


def definitions(
    path: str, passwords: dict[str, str], *, others: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Return RabbitMQ's definitions for the units that share a virtual host.

    Each user may make and write what begins with its name, and read its own queues and what others publish to it: it can
    neither speak as another nor listen for another. What the disk must hold is bounded by the virtual host, whatever
    arguments a unit declares its queues with.

    Args:
        path: the virtual host.
        passwords: password by origin, of all units that share it.
        others: further users, as RabbitMQ writes them.
    """
    permissions = []
    for log in passwords:
        name = re.escape(name_of(log))
        own = rf"^{name}\.(in|dead|to\..+)$"
        permissions.append({
            "user": name_of(log), "vhost": path, "configure": own, "write": own,
            "read": rf"^({name}\.(in|dead)|.+\.to\.{name})$",
        })  # fmt: skip
    users = [_user(name_of(log), password) for log, password in passwords.items()]
    most = {"max-queues": 2 * len(passwords)}
    return {
        "vhosts": [{"name": path}], "users": [*users, *others], "permissions": permissions, "policies": _policies(path),
        "parameters": [{"component": "vhost-limits", "vhost": path, "name": "limits", "value": most}],
    }  # fmt: skip


def _policies(path: str) -> list[dict[str, Any]]:
    """Limits by the names of queues. They hold beside those that a queue was declared with; the smaller one counts.

    A queue that exists cannot be declared with other arguments, so what a later release bounds stands here alone.
    """
    bounds = {
        r"^.+\.in$": {"max-length": QUEUE_PARCELS, "max-length-bytes": QUEUE_OCTETS},
        r"^.+\.dead$": {"max-length": QUEUE_PARCELS, "max-length-bytes": DEAD_OCTETS},
        # names of exchanges: a unit may declare a queue of such a name, but nobody needs one
        r"^.+\.to\..+$": {"max-length": 0, "max-length-bytes": 0, "expires": 60_000},
    }
    return [
        {"vhost": path, "name": f"minqing-{number}", "pattern": pattern, "apply-to": "queues", "priority": 1, "definition": bound}
        for number, (pattern, bound) in enumerate(bounds.items(), 1)
    ]  # fmt: skip


def _user(name: str, password: str) -> dict[str, Any]:
    salt = secrets.token_bytes(4)
    hashed = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
    return {
        "name": name, "password_hash": hashed, "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [], "limits": USER_LIMITS,
    }  # fmt: skip
