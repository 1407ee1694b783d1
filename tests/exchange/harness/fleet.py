"""Units as separate processes, each with its own database, state folder, signer, web and worker."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.exchange.harness.databases import Databases, Own
from tests.support.deployment import free_port

if TYPE_CHECKING:
    from pathlib import Path

RECEIVED = "received"
"""File in a unit's state folder: one octet for each parcel that brought records over the broker."""

ROLES = ("signer", "web", "worker", "receiver")
_SECONDS = 120.0


class Lost(Exception):
    """The part was killed before it answered: what was asked may or may not have been done."""


class Part:
    """One process of a unit, driven by one JSON object a line each way, in order."""

    def __init__(self, pid, channel):
        self.pid = pid
        self.waiting = []
        """Questions without an answer yet: (number, what to do with the answer)."""
        self._channel = channel
        self._buffer = b""
        self._number = 0
        self.alive = True
        if not self._read().get("ready"):
            raise RuntimeError("a part did not begin")

    def send(self, command, then, **named):
        """Ask something; ``then(answer)`` is called when the answer is read, with None if the part died first."""
        self._number += 1
        line = json.dumps({"id": self._number, "do": command, "with": named}) + "\n"
        self.waiting.append((self._number, then))
        with contextlib.suppress(OSError):
            self._channel.sendall(line.encode())

    def ask(self, command, **named):
        """Ask something and wait; return the answer (with ``is`` or ``fault``)."""
        answers = []
        self.send(command, answers.append, **named)
        self.drain(0)
        if answers[0] is None:
            raise Lost(command)
        return answers[0]

    def drain(self, most):
        """Read answers until at most so many questions wait."""
        while len(self.waiting) > most:
            try:
                answer = self._read()
            except (EOFError, ConnectionError):
                self.alive = False
                answer = None
            for _ in range(1 if answer is not None else len(self.waiting)):
                number, then = self.waiting.pop(0)
                assert answer is None or answer["id"] == number, (answer, number)
                then(answer)

    def poll(self):
        """Read what answers there are, without waiting."""
        while self.waiting and (
            b"\n" in self._buffer or select.select([self._channel], [], [], 0)[0]
        ):
            self.drain(len(self.waiting) - 1)

    def _read(self):
        deadline = time.monotonic() + _SECONDS
        while b"\n" not in self._buffer:
            if not select.select([self._channel], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"no answer to {self.waiting[:1]} within {_SECONDS:.0f} s")
            received = self._channel.recv(1 << 20)
            if not received:
                raise EOFError
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def kill(self):
        """End it as a power cut would; answers it had written are still read."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.drain(0)
        with contextlib.suppress(OSError):
            while self._channel.recv(65536):
                pass  # until it is gone
        self._channel.close()
        self.alive = False

    def limit(self, octets):
        """Let no file of this process grow past so many octets: a full disk. None ends it."""
        with contextlib.suppress(ProcessLookupError):
            _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(
                self.pid, resource.RLIMIT_FSIZE, (hard if octets is None else octets, hard)
            )


@dataclass
class Unit:
    """One unit: where it is, its parts, and what the harness did to it."""

    number: int
    code: str
    database: str
    state: Path
    backend: int
    operator: str
    server: Databases
    wire: dict[str, object]
    """Its place on the wires, as its parts are told."""
    origin: str = ""
    brokers: Path | None = None
    """Where the file lies that says which broker it shares, once there is one."""
    parts: dict[str, Part] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    hours: float = 0.0
    full: set[str] = field(default_factory=set)
    backup: int = -1
    """Size of the log in the backup; -1: none."""
    restored: bool = False
    aged: bool = False
    """Whether it went on with an old backup once."""

    @property
    def host(self):
        """Its host name."""
        return f"u{self.number}.localhost"


class Fleet:
    """All units of a run, and the zygote that their parts come from."""

    def __init__(self, folder, *, template, server, port, wires):
        self.folder = folder
        self.units = []
        self._template = template
        self._shared = Databases(server)
        self._port = port
        self._wires = wires
        self._name = f"soak_{os.getpid()}_{time.monotonic_ns() % 10**6}"
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with (folder / "zygote.log").open("ab") as log:
            self._zygote = subprocess.Popen(
                [sys.executable, "-m", "tests.exchange.harness.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        theirs.close()
        self._orders = ours
        if ours.recv(16) != b"ready":
            raise RuntimeError((folder / "zygote.log").read_text())

    def close(self):
        """End every part, drop every database."""
        for unit in self.units:
            self.stop(unit)
        self._orders.close()
        self._zygote.wait(30)
        self._shared.drop_all(self._name)
        self._shared.close()
        for unit in self.units:
            if unit.server.own:
                unit.server.close()

    # --- units ------------------------------------------------------------------------------

    def add(self, *, own_server):
        """Make one more unit and its folder; it has no database yet."""
        number = len(self.units) + 1
        server = Own(self.folder / f"server-{number}") if own_server else self._shared
        unit = Unit(
            number=number, code=f"4305{number:02d}", database=f"{self._name}_u{number}", state=self.folder / f"u{number}",
            backend=free_port(), operator=f"operator-{number}", brokers=self.folder / f"u{number}-brokers.toml",
            server=server, wire=self._wires.order(number),
        )  # fmt: skip
        unit.state.mkdir()
        self.units.append(unit)
        return unit

    def fill(self, unit):
        """Make its database."""
        if unit.server.own:
            unit.server.begin()
            unit.server.fill(self._shared, self._template, unit.database)
        else:
            unit.server.copy(self._template, unit.database)

    def start(self, unit, *roles):
        """Start parts that do not run; with all of them, the database server."""
        if not roles:
            self.serve(unit)
        for role in roles or ROLES:
            if role not in unit.parts:
                unit.parts[role] = self._fork(unit, role)
                unit.down.discard(role)
                if role in unit.full:
                    unit.parts[role].limit(0)

    def serve(self, unit):
        """Start a unit's database server if it does not run."""
        if unit.server.own:
            unit.server.start()

    def kill(self, unit, role):
        """End one part at once; it is down until started."""
        part = unit.parts.pop(role, None)
        if part is not None:
            part.kill()
        unit.down.add(role)

    def stop(self, unit):
        """End every part of a unit."""
        for role in ROLES:
            self.kill(unit, role)

    def _fork(self, unit, role):
        order = {
            "role": role, "state": str(unit.state), "database": unit.database, "operator": unit.operator, "port": self._port,
            "backend": unit.backend, "wire": unit.wire, "code": unit.code, "clock": unit.hours, "brokers": str(unit.brokers),
            "server": unit.server.server["host"] if unit.server.own else "",
            "log": str(self.folder / f"u{unit.number}-{role}.log"),
        }  # fmt: skip
        ours, theirs = socket.socketpair()
        socket.send_fds(self._orders, [json.dumps(order).encode()], [theirs.fileno()])
        theirs.close()
        return Part(int(self._orders.recv(32)), ours)

    # --- disasters --------------------------------------------------------------------------

    def back_up(self, unit, size):
        """Keep a copy of a stopped unit's database, whose log had this size."""
        unit.server.drop(f"{unit.database}_backup")
        unit.server.leave(unit.database, until_gone=True)
        unit.server.copy(unit.database, f"{unit.database}_backup")
        unit.backup = size

    def restore(self, unit):
        """Bring a stopped unit's backup back, the newer data put aside."""
        unit.server.leave(unit.database, until_gone=True)
        unit.server.rename(unit.database, f"{unit.database}_newer")
        unit.server.copy(f"{unit.database}_backup", unit.database)
        unit.restored = True

    def recover(self, unit):
        """Bring a stopped unit's newer data back."""
        unit.server.drop(unit.database)
        unit.server.rename(f"{unit.database}_newer", unit.database)
        unit.restored = False

    def keep(self, unit):
        """Go on with the restored database; the newer one is gone, and so is the backup that it came from."""
        unit.server.drop(f"{unit.database}_newer")
        unit.restored, unit.backup, unit.aged = False, -1, True

    def clone(self, unit):
        """Return a second, stopped unit made of a stopped unit's database and folder; its parts get ports of their own."""
        unit.server.leave(unit.database, until_gone=True)
        state = self.folder / f"clone-{unit.number}"
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(unit.state, state, ignore=shutil.ignore_patterns("socket"))
        database = f"{unit.database}_clone"
        unit.server.drop(database)
        unit.server.copy(unit.database, database)
        return Unit(
            number=unit.number, code=unit.code, database=database, state=state, backend=free_port(),
            operator=unit.operator, origin=unit.origin, hours=unit.hours, brokers=unit.brokers,
            server=unit.server, wire=unit.wire,
        )  # fmt: skip

    def wipe_queue(self, unit):
        """Lose what waits in a unit's queue."""
        for message in (unit.state / "queue" / "messages").glob("*.msg"):
            message.unlink(missing_ok=True)
