"""The RabbitMQ that all units of a run share beside pull, and what befalls it: wiped, silent, spoiled, cut off, its receivers killed."""

from __future__ import annotations

import contextlib
import threading
from contextlib import ExitStack

from amqp.exceptions import AMQPError, MessageNacked

from tests.exchange.harness.hands import SEALING, Hands
from tests.exchange.harness.wires import BROKER
from tests.support.rabbitmq import PROGRAM
from tests.support.shared_broker import PASSWORD, VHOST, shared_broker


class SharedByAll:
    """A broker that starts while the units do; they read where it is once it answers."""

    def __init__(self, folder, units, proxy):
        if not PROGRAM.exists():
            raise RuntimeError(
                f"{PROGRAM} is missing: units share a broker here. `make test` installs it (rabbitmq-server)."
            )
        self._stack = ExitStack()
        self._units = units
        self._proxy = proxy
        self._found = []
        self._thread = threading.Thread(target=self._start, args=(folder,), daemon=True)
        self._thread.start()

    def _start(self, folder):
        inside = folder / "broker"
        inside.mkdir()
        origins = [unit.origin for unit in self._units]
        try:
            self._found.append(self._stack.enter_context(shared_broker(inside, origins)))
        except BaseException as fault:  # noqa: BLE001  raised by `ready`, in the thread that asks
            self._found.append(fault)

    def ready(self):
        """Wait until it answers, and let every unit know where; return it."""
        self._thread.join()
        (found,) = self._found
        if isinstance(found, BaseException):
            raise found
        for unit in self._units:
            port = self._proxy.relay(unit.number, found.port)
            draft = unit.brokers.with_suffix(".draft")
            draft.write_text(
                f'["{unit.code}"]\naddress = "amqp://127.0.0.1:{port}/{VHOST}"\npassword = "{PASSWORD}"\n'
            )
            draft.chmod(0o600)
            draft.replace(unit.brokers)
        return found

    def close(self):
        """Stop it."""
        self._thread.join()
        self._stack.close()


class BrokerFaults(Hands):
    """Steps that befall the broker. Whatever becomes of a parcel, pull brings what was in it, once, and nobody is accused."""

    def broker_wiped(self, unit, peer, step):
        """Lose every queue, exchange and parcel, under whoever receives or publishes at this moment."""
        self.run.broker.wipe()

    def broker_silent(self, unit, peer, step):
        """Let the broker answer nobody while a unit publishes."""
        self.rest()
        with self.run.broker.node.silent():
            self.send(unit, "work", lambda _: None, may=SEALING, most=3)
            unit.parts["worker"].drain(0)

    def broker_spoiled(self, unit, peer, step):
        """Put a changed parcel, a second copy of each that waits, and noise into a unit's queue, as whoever runs the broker can."""
        with contextlib.suppress(AMQPError, MessageNacked):  # wiped before, or full
            waiting = self.run.broker.messages(unit.origin)
            spoiled = [octets[:-1] + bytes([octets[-1] ^ 1]) for octets in waiting[-1:]]
            for octets in [*waiting[:8][::-1], *spoiled, b"\x00\x04 noise"]:
                self.run.broker.put(peer.origin, unit.origin, octets)
                self.run.counts["parcels put by the broker"] += 1

    def broker_cut(self, unit, peer, step):
        """Let nothing come through between a unit and the broker, and nobody be told: what it publishes and receives ends."""
        self.run.parted.add(unit.number)
        self.run.wires.cut(unit.number, BROKER)

    def broker_joined(self, unit, peer, step):
        """Let the broker be reached again by whoever was cut off."""
        for number in list(self.run.parted):
            self.run.wires.join(number, BROKER)

    def receiver_killed(self, unit, peer, step):
        """End a unit's receiver at once; another one begins, or none does for a while."""
        self.fleet.kill(unit, "receiver")
        if step["again"]:
            self.fleet.start(unit, "receiver")
