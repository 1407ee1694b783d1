"""The wires of the fault harness: a cut is silent, on open connections too, and befalls nobody else."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.exchange.harness import wires
from tests.exchange.harness.proxy import Network, Proxy
from tests.exchange.harness.wires import BROKER


@pytest.fixture(params=["", "loopback"])
def laid(request):
    """Wires of two units (real ones where the machine allows), a proxy, and a broker that says everything again."""
    network = Network()
    wire = wires.lay(2, network, which=request.param)
    proxy = Proxy(network, wire.listening)
    broker = socket.create_server(("127.0.0.1", 0))

    def answer(line):
        with line:
            while octets := line.recv(100):
                line.sendall(octets)

    def serve():
        while True:
            try:
                line, _ = broker.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(line,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield wire, [proxy.relay(number, broker.getsockname()[1]) for number in (1, 2)]
    broker.shutdown(socket.SHUT_RDWR)
    broker.close()
    proxy.close()
    wire.close()


def connected(wire, ports, number):
    """Return a unit's connection to the broker, made where the unit is."""
    place = wire.order(number)

    def connect():
        if place["space"]:
            wires.enter(place["space"])
        where = place["routes"].get("broker", wire.hub)
        return socket.create_connection((where, ports[number - 1]), timeout=20)

    with ThreadPoolExecutor(1) as unit:
        return unit.submit(connect).result()


def said_again(line, octets):
    line.sendall(octets)
    return line.recv(100)


def test_a_cut_is_silent_befalls_one_unit_and_what_was_sent_meanwhile_comes_afterwards(laid):
    wire, ports = laid
    with connected(wire, ports, 1) as first, connected(wire, ports, 2) as second:
        assert said_again(first, b"before") == b"before"
        wire.cut(1, BROKER)
        first.settimeout(0.3)
        with pytest.raises(TimeoutError):
            said_again(first, b"meanwhile")
        assert said_again(second, b"the other") == b"the other"
        wire.join(1, BROKER)
        first.settimeout(20)
        assert first.recv(100) == b"meanwhile"


def test_all_is_joined_at_once(laid):
    wire, ports = laid
    for number in (1, 2):
        wire.cut(number, BROKER)
    wire.heal()
    for number in (1, 2):
        with connected(wire, ports, number) as line:
            assert said_again(line, b"well") == b"well"


def test_the_thread_is_where_it_was_when_the_wires_are_gone():
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = wires.lay(1, Network())
        hidden = wire.real
        with socket.socket() as asking:
            assert bool(asking.connect_ex(server.getsockname())) == hidden
        wire.close()
        socket.create_connection(server.getsockname()).close()
