"""The parts of a unit: its signer, its web, its worker, its receiver. Each is a process that runs the product's own code.

What the harness adds is outside the product: the address that outgoing connections come from (so that the proxy
knows who asks), a clock that can be set wrong, and record kinds whose handler writes down what it was given.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import threading
import time
from pathlib import Path

import time_machine
from amqp.transport import TCPTransport
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, connection

from minqing.config import celery
from sync.exchange import client, reading, wire
from sync.exchange.homes.custody import register_charge
from sync.formats import framing
from sync.kinds import RecordKind, register_kind
from sync.models import Following
from sync.signer.process import serve
from sync.signer.server import short_path
from sync.transports import brokers, consuming, publishing, taking
from tenants.current import unit_by_code, unit_set
from tenants.models import Unit
from tests.exchange.harness import commands, telling, wires
from tests.exchange.harness.fleet import RECEIVED

register_kind(RecordKind(name=commands.LINE, apply=commands.apply))
register_kind(RecordKind(name=commands.MOVE, apply=commands.apply))
register_kind(RecordKind(name=commands.SLOTTED, apply=commands.apply, slotted=True))
register_charge(commands.Kept())


def run(order, channel):
    """Be the ordered part until the channel closes."""
    if order["wire"]["space"]:
        wires.enter(order["wire"]["space"])
    _take_settings(order)
    _take_wire(order["wire"])
    parts = {"signer": _signer, "web": _web, "worker": _worker, "receiver": _receiver}
    parts[order["role"]](order, _Line(channel))


class _Line:
    """The channel to the harness: questions are iterated over, answers said."""

    def __init__(self, channel):
        self._questions = channel.makefile("r", encoding="utf-8")
        self._channel = channel

    def __iter__(self):
        return map(json.loads, self._questions)

    def say(self, **answer):
        self._channel.sendall(json.dumps(answer).encode() + b"\n")


def _take_settings(order):
    state = Path(order["state"])
    settings.MINQING = dataclasses.replace(
        settings.MINQING,
        state=state,
        operator=order["operator"],
        signer_socket=state / "signer" / "socket",
        exchange_brokers=Path(order["brokers"]),
        public_port=order["port"],
        slot_seconds=3600,
    )
    settings.STATE = state
    settings.MEDIA_ROOT = state / "media"
    settings.CELERY_SPOOL = state / "queue"
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = order["database"]
    folders = {
        name: state / "queue" / folder
        for name, folder in (
            ("data_folder_in", "messages"),
            ("data_folder_out", "messages"),
            ("control_folder", "control"),
        )
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    celery.app.conf.broker_transport_options = {
        **{name: str(folder) for name, folder in folders.items()},
        "polling_interval": 0.02,
    }
    publishing.CONFIRM_SECONDS, brokers.SILENCE_SECONDS, brokers.CONNECT_SECONDS = 2.0, 2.0, 1.0
    if order["server"]:  # not the product's to start again
        settings.MINQING_CLUSTER = None
        connection.settings_dict["HOST"] = order["server"]
    client.CONNECT_SECONDS, client.READ_SECONDS = 1.0, 5.0
    framing.WINDOW_RECORDS, framing.WINDOW_LEAVES = (
        48,
        64,
    )  # a log of hundreds is read as one of a million is
    reading.FIRST_LEAVES, reading.STRETCH_LEAVES = 8, 100


def _take_wire(place):
    """Connect from the unit's own address, to where the wires have whom it asks."""
    routes = place["routes"]
    connect = wire._Backend.connect_tcp

    def along(self, host, port, timeout=None, local_address=None, socket_options=None):
        route = routes.get(host.partition(".")[0], routes.get("", host))
        return connect(self, route, port, timeout, place["source"], socket_options)

    wire._Backend.connect_tcp = along
    to_broker = TCPTransport._connect

    def to_broker_along(self, host, port, timeout):
        return to_broker(self, routes.get("broker", host), port, timeout)

    TCPTransport._connect = to_broker_along


def _signer(order, line):
    folder = Path(order["state"]) / "signer"

    def follow():
        while not _listens(folder / "socket"):
            time.sleep(0.005)
        line.say(ready=True)
        list(line)
        os._exit(0)

    threading.Thread(target=follow, daemon=True).start()
    serve(folder, folder / "socket")


def _listens(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            with short_path(path) as short:
                asking.connect(short)
        except OSError:
            return False
    return True


# --- web ------------------------------------------------------------------------------------


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        """Say nothing."""


class _Server(ThreadedWSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A client that went away is no error."""


def _web(order, line):
    server = _Server((order["wire"]["listen"], order["backend"]), _Quiet)
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    clock = _Clock(order["clock"])
    line.say(ready=True)
    for asked in line:
        if asked["do"] == "clock":
            clock.set(asked["with"]["hours"])
        line.say(id=asked["id"], **{"is": True})


# --- worker ---------------------------------------------------------------------------------


def _worker(order, line):
    clock = _Clock(order["clock"])
    line.say(ready=True)
    for asked in line:
        name, named = asked["do"], asked["with"]
        answer = {"id": asked["id"]}
        try:
            if name == "clock":
                answer["is"] = clock.set(named["hours"])
            elif name == "begin":
                answer["is"] = commands.begin(**named)
            else:
                unit_set(unit_by_code(order["code"]))
                answer["is"] = _COMMANDS[name](**named)
        except Exception as fault:  # noqa: BLE001  told to the harness, which knows what may fail and what may not
            if connection.connection is not None and not connection.is_usable():
                connection.close()
            answer |= {"fault": type(fault).__name__, "sentence": str(fault)[:500]}
        line.say(**answer)


_COMMANDS = {**vars(commands), **vars(telling)}


def _receiver(order, line):
    """Receive over the broker that units share, as `minqing broker receive` does; nothing is asked of it."""
    consuming.BIND_SECONDS, consuming._PAUSE, consuming.HEARTBEAT = 1.0, 0.5, 4
    take = taking.take

    def counted(peer, held):
        before = Following.objects.get(peer=peer).applied
        taken = take(peer, held)
        if taken.applied > before:
            with (Path(order["state"]) / RECEIVED).open("ab") as file:
                file.write(b".")
        return taken

    taking.take = counted
    line.say(ready=True)

    def follow():
        list(line)
        os._exit(0)

    threading.Thread(target=follow, daemon=True).start()
    deadline = time.monotonic() + 120
    while not (unit := _begun(order["code"])):
        if time.monotonic() > deadline:
            raise SystemExit(f"no unit {order['code']} was begun within two minutes")
        time.sleep(0.05)
    consuming.consume(unit, threading.Event())


def _begun(code):
    try:
        return Unit.objects.filter(code=code).first()
    except OperationalError:  # its server is down
        connection.close()
        return None


class _Clock:
    """The clock of this process: real time and so many hours."""

    def __init__(self, hours):
        self._travel = None
        self.set(hours)

    def set(self, hours):
        """Put it right (0) or wrong."""
        if self._travel is not None:
            self._travel.stop()
            self._travel = None
        if hours:
            self._travel = time_machine.travel(time.time() + hours * 3600, tick=True)
            self._travel.start()
        return hours
