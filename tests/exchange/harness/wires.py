"""The wires between the units: network namespaces where the machine allows, the loopback address where it does not.

With namespaces the run moves into one of its own, the hub: broker, proxy and made-up units listen there. Each unit has
another one, and a cable from it to the hub's bridge; it reaches unit n under an address that is n's alone. A cut is
real then: whatever a unit sends to such an address goes to a card that nobody has, so nothing comes back, not
even a refusal. The namespaces bear no names: the kernel removes them, and all that is in them, with
the last process of a run, however that ends, and two runs cannot meet.

On the loopback address the proxy knows a unit by where it connects from (127.0.1.<number>) and does the cutting.
"""

from __future__ import annotations

import ctypes
import os
import subprocess

BROKER = 0
"""What a unit is cut off from when it is no other unit."""

_NEW_NETWORK = 0x40000000
_NOBODY = "02:00:00:00:00:00"
_libc = ctypes.CDLL(None, use_errno=True)


class Loopback:
    """One address for all; the cuts are left to the proxy."""

    real = False
    says = "loopback"
    listening = hub = "127.0.0.1"

    def __init__(self, network, reason=""):
        self._network = network
        self.reason = reason

    def source(self, number):
        """Return the address that a unit connects from."""
        return f"127.0.1.{number}"

    def web(self, number):
        """Return the address that its web listens at."""
        return "127.0.0.1"

    def order(self, number):
        """Return what a unit's parts must know."""
        return {
            "source": self.source(number), "space": "", "listen": self.web(number), "routes": {}
        }  # fmt: skip

    def cut(self, asking, asked):
        """Let nothing come through from one unit to another, or to the broker."""
        self._network.cut.add((asking, asked))

    def join(self, asking, asked):
        """Let everything come through again."""
        self._network.cut.discard((asking, asked))

    def heal(self):
        """Join all."""
        self._network.cut.clear()

    def close(self):
        """Nothing is left."""


class Namespaces:
    """A namespace for the run, into which the calling thread moves until closed, and one for each unit.

    Raises:
        OSError: the machine does not allow it.
    """

    real = True
    says = "namespaces"
    listening = "0.0.0.0"
    hub = "10.9.0.254"
    reason = ""

    def __init__(self, units, network):
        self._network = network
        self._cut = set()
        self._units = units
        self._spaces = {}
        self._left = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            for number in range(units + 1):
                self._spaces[number] = self._space()
            self._lay()
            _move(self._spaces[0])
        except BaseException:
            self.close()
            raise

    def _space(self):
        if _libc.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "no network namespace can be made")
        try:
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        finally:
            _move(self._left)

    def _lay(self):
        units = range(1, self._units + 1)
        hub = ["link set lo up", "link add hub type bridge", f"addr add {self.hub}/16 dev hub"]
        hub += [f"addr add {self._address(number)}/16 dev hub" for number in range(self._units + 1)]
        for number in units:
            hub.append(
                f"link add u{number} type veth peer name wire netns {self._path(self._spaces[number])}"
            )
            hub.append(f"link set u{number} master hub up")
        self._ip(0, *hub, "link set hub up")
        for number in units:
            address = f"addr add {self.source(number)}/16 dev wire"
            self._ip(number, "link set lo up", address, "link set wire up")

    def _address(self, asked):
        """The address under which a unit is asked, or the broker reached."""
        return f"10.9.1.{asked}" if asked != BROKER else "10.9.2.1"

    def _path(self, space):
        return f"/proc/{os.getpid()}/fd/{space}"

    def _ip(self, number, *lines):
        done = subprocess.run(
            ["nsenter", f"--net={self._path(self._spaces[number])}", "ip", "-batch", "-"],
            input="\n".join(lines) + "\n", capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise OSError(f"ip: {done.stderr.strip()}")

    def source(self, number):
        """Return a unit's own address."""
        return f"10.9.0.{number}"

    def web(self, number):
        """Return the address that its web listens at."""
        return self.source(number)

    def order(self, number):
        """Return what a unit's parts must know: their namespace, and where whom they ask is."""
        routes = {f"u{asked}": self._address(asked) for asked in range(1, self._units + 1)}
        return {
            "source": None, "space": self._path(self._spaces[number]), "listen": self.web(number),
            "routes": {**routes, "broker": self._address(BROKER), "": self.hub},
        }  # fmt: skip

    def cut(self, asking, asked):
        """Let nothing come through from one unit to another, or to the broker; on open connections neither."""
        if (asking, asked) not in self._cut:
            self._cut.add((asking, asked))
            if asked == BROKER:  # whose octets would still come: the relay holds them
                self._network.cut.add((asking, asked))
            nobody = f"lladdr {_NOBODY} dev wire nud permanent"
            self._ip(asking, f"neigh replace {self._address(asked)} {nobody}")

    def join(self, asking, asked):
        """Let everything come through again."""
        if (asking, asked) in self._cut:
            self._cut.discard((asking, asked))
            self._network.cut.discard((asking, asked))
            self._ip(asking, f"neigh del {self._address(asked)} dev wire")

    def heal(self):
        """Join all."""
        for pair in sorted(self._cut):
            self.join(*pair)

    def close(self):
        """Go back to where the thread was; the namespaces go with their last process."""
        if self._spaces:
            _move(self._left)
        for space in (self._left, *self._spaces.values()):
            os.close(space)


def enter(path):
    """Move this thread, and what it starts, into a namespace."""
    space = os.open(path, os.O_RDONLY)
    _move(space)
    os.close(space)


def _move(space):
    if _libc.setns(space, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")


def lay(units, network, *, which=""):
    """Lay the wires of a run: namespaces where they can be made; ``which`` asks for one of both by its name."""
    if which == Loopback.says:
        return Loopback(network)
    try:
        return Namespaces(units, network)
    except OSError as fault:
        if which:
            raise
        return Loopback(network, str(fault))
