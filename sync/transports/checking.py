"""What `minqing doctor` asks of a broker that units share. Nothing that lasts is changed, and nobody else's things are touched."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import amqp
from amqp.exceptions import AccessRefused, AMQPError, NotFound, PreconditionFailed
from kombu.exceptions import KombuError

from sync.identity import origin
from sync.transports import brokers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kombu import Connection

_COMMON = "amq.fanout"
"""An exchange that every virtual host has and no unit needs: whoever may use it may do more than it should."""


def faults() -> list[str] | None:
    """Return what is wrong with the current unit's broker, each with what to do; None where it shares none."""
    try:
        shared = brokers.broker()
    except brokers.BrokerFault as fault:
        return [str(fault)]
    if shared is None:
        return None
    connection = shared.connection(read_timeout=brokers.SILENCE_SECONDS)
    try:
        connection.connect()
        found = [*_rights(connection), *_queues(connection)]
        connection.release()
    except AccessRefused:
        connection.collect()
        return [f"The broker does not let {shared.user} in: correct the password, or load `minqing broker definitions` there."]  # fmt: skip
    except (OSError, AMQPError, KombuError) as fault:
        connection.collect()
        return [f"{shared.host}:{shared.port} does not answer as a broker ({type(fault).__name__}): peers are rung and pull meanwhile."]  # fmt: skip
    return found


def _rights(connection: Connection) -> Iterator[str]:
    """Try what the user must not be able to do."""
    probe = f"minqing-probe-{secrets.token_hex(8)}"
    own = f"{brokers.name_of(origin())}.in"

    def make(channel: Any) -> None:
        channel.exchange_declare(probe, "fanout", durable=False, auto_delete=True)
        channel.exchange_delete(probe)

    def speak(channel: Any) -> None:
        channel.basic_publish_confirm(amqp.Message(b""), _COMMON, "", confirm_timeout=brokers.SILENCE_SECONDS)  # fmt: skip

    def listen(channel: Any) -> None:
        channel.queue_bind(own, _COMMON, probe)
        channel.queue_unbind(own, _COMMON, probe)

    tried = {"make things under other names": make, "publish on others' exchanges": speak, "listen to others' exchanges": listen}  # fmt: skip
    wide = [what for what, attempt in tried.items() if _may(connection, attempt)]
    if wide:
        yield (
            f"{brokers.name_of(origin())} may {', '.join(wide)} on the broker: its rights are too wide. "
            "Load what `minqing broker definitions` writes."
        )


def _may(connection: Connection, attempt: Callable[[Any], None]) -> bool:
    channel: Any = connection.channel()
    try:
        attempt(channel)
    except (AccessRefused, NotFound):  # the channel is gone with the answer
        return False
    channel.close()
    return True


def _queues(connection: Connection) -> Iterator[str]:
    """Compare the unit's queues with what this release declares, and ask who receives."""
    for queue in (brokers.inlet(origin()), brokers.dead_letters(origin())):
        try:
            channel: Any = connection.channel()
            found = channel.queue_declare(queue.name, passive=True)
            queue(connection.channel()).queue_declare()
        except NotFound:
            yield f"The broker has no queue {queue.name}: start `minqing broker receive` (minqing-receive.service)."
        except PreconditionFailed:
            yield f"The queue {queue.name} is of another type or has other limits: delete it there; the receiver makes it anew, and nothing is lost."
        else:
            if queue.name.endswith(".in") and not found.consumer_count:
                yield f"Nobody receives from {queue.name}: start `minqing broker receive` (minqing-receive.service)."
