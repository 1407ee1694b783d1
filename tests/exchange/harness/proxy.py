"""The network between the units: one HTTP proxy that knows who asks whom, and does to a message what it is told.

Units reach each other under names (``u3.localhost``) at the proxy's port; it finds the asked unit by the Host header and
the asking one by the address that the connection comes from. Delays, lost and halved answers are the network's, and
partitions where the wires cannot be cut; a *bend* rewrites one kind of answer and stands for a unit that lies.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace
from functools import partial

from tests.exchange.harness.wires import BROKER


@dataclass
class Answer:
    """One HTTP answer on its way."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def encode(self):
        """Return its octets, with the length of the body unless a bend has set another."""
        headers = [
            (name, value) for name, value in self.headers if name.lower() != "content-length"
        ]
        lengths = [value for name, value in self.headers if name == "CONTENT-LENGTH"]
        headers.append(("Content-Length", lengths[0] if lengths else str(len(self.body))))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return f"HTTP/1.1 {self.status} Bent\r\n{lines}\r\n".encode() + self.body


@dataclass
class Bend:
    """A lie: answers to paths that begin so are rewritten. ``change`` returns None where it cannot lie here."""

    path: str
    change: object
    delivered: int = 0


@dataclass
class Network:
    """What the network does now. Pairs are (asking unit, asked unit)."""

    sources: dict[str, int] = field(default_factory=dict)
    """Address to the number of the unit that connects from there."""
    webs: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Unit number to address and port of its web."""
    cut: set[tuple[int, int]] = field(default_factory=set)
    """Pairs that nothing comes through between, where the wires themselves cannot be cut; and units without their broker."""
    late: dict[tuple[int, int], float] = field(default_factory=dict)
    """Pair to seconds."""
    lossy: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    """Pair to a list of faults for its next requests: ``lost`` (answer), ``half``, ``before``."""
    bends: dict[tuple[int, int], Bend] = field(default_factory=dict)
    """Pair to a Bend."""
    heads: dict[int, dict[bytes, None]] = field(default_factory=dict)
    """Asked unit to the heads it has served."""
    requests: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """Pair to the last signed request, as octets."""

    def heal(self):
        """Be a good network again."""
        for faults in (self.cut, self.late, self.lossy, self.bends):
            faults.clear()


class Proxy:
    """Runs in a thread of its own until closed."""

    def __init__(self, network, listening):
        self.network = network
        self.port = 0
        self._listening = listening
        self._relays = []
        self._loop = asyncio.new_event_loop()
        self._idle = {}
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    def close(self):
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, self._listening, 0, limit=2**20)
        )
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        for listening in (server, *self._relays):
            listening.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        for reader_writers in self._idle.values():
            for _, writer in reader_writers:
                writer.transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader, writer):
        source = self.network.sources.get(writer.get_extra_info("peername")[0], 0)
        try:
            while await self._one(source, reader, writer):
                pass
        except (
            OSError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            asyncio.CancelledError,
        ):
            pass
        finally:
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _one(self, source, reader, writer):
        """Carry one request and its answer; whether the connection can carry another."""
        head = await reader.readuntil(b"\r\n\r\n")
        names = {
            name.strip().lower(): value.strip()
            for name, _, value in (
                line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:]
            )
        }
        body = await reader.readexactly(int(names.get("content-length", 0)))
        path = head.split(b" ", 2)[1].decode("latin-1")
        asked = int(names["host"].removeprefix("u").partition(".")[0])
        pair, net = (source, asked), self.network
        if pair in net.cut or asked not in net.webs:
            return False
        fault = net.lossy[pair].pop(0) if net.lossy.get(pair) else ""
        if fault == "before":
            return False
        if pair in net.late:
            await asyncio.sleep(net.late[pair])
        if "signature" in names:
            net.requests[pair] = head + body
        answer = await self._ask(asked, head + body)
        if answer is None or fault == "lost" or pair in net.cut:
            return False
        if path == "/ledger/checkpoint":
            net.heads.setdefault(asked, {})[answer.body] = None
        bend = net.bends.get(pair)
        bent = bend.change(answer) if bend is not None and path.startswith(bend.path) else None
        if (
            bent is not None
        ):  # whoever lied hangs up, and says so: nobody asks on a line that closes
            bent = replace(bent, headers=[*bent.headers, ("Connection", "close")])
        octets = (bent or answer).encode()
        if fault == "half":
            writer.write(octets[: len(octets) // 2])
            await writer.drain()
            return False
        writer.write(octets)
        await writer.drain()
        if bent is not None:
            bend.delivered += 1
        return bent is None

    async def _ask(self, asked, octets):
        """Ask a unit's web over a kept connection; None when it does not answer. Never asked twice."""
        idle = self._idle.setdefault(asked, [])
        reader = writer = None
        while idle and reader is None:
            kept, keeping = idle.pop()
            if kept.at_eof() or keeping.transport.is_closing():
                keeping.close()
            else:
                reader, writer = kept, keeping
        try:
            if reader is None:
                reader, writer = await asyncio.open_connection(
                    *self.network.webs[asked], limit=2**20
                )
            writer.write(octets)
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
            headers = [tuple(line.split(": ", 1)) for line in lines]
            lengths = [int(value) for name, value in headers if name.lower() == "content-length"]
            body = await reader.readexactly(lengths[0]) if lengths else b""
        except (OSError, asyncio.IncompleteReadError, KeyError):
            if writer is not None:
                writer.transport.abort()
            return None
        if lengths and not any(
            (name.lower(), value.lower()) == ("connection", "close") for name, value in headers
        ):
            idle.append((reader, writer))
        else:
            writer.close()
        return Answer(int(first.split(" ", 2)[1]), headers, body)

    def relay(self, number, port):
        """Return a port at which one unit reaches what listens here at another: the broker, unless they are parted."""
        listening = asyncio.start_server(partial(self._relay, number, port), self._listening, 0)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(30)
        self._relays.append(server)
        return server.sockets[0].getsockname()[1]

    async def _relay(self, number, port, reader, writer):
        try:
            answers, asked = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pump(number, reader, asked), self._pump(number, answers, writer))

    async def _pump(self, number, reader, writer):
        """Carry octets one way; where the two are parted both ends wait, and hear of nothing."""
        try:
            octets = b"first"
            while octets:
                octets = await reader.read(65536)
                while (number, BROKER) in self.network.cut:
                    await asyncio.sleep(0.05)
                writer.write(octets)
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def replay(self, pair):
        """Send the last signed request of a pair a second time, as somebody on the way could; return the status."""
        octets = self.network.requests.get(pair)
        if octets is None:
            return None
        asking = asyncio.run_coroutine_threadsafe(self._ask(pair[1], octets), self._loop)
        answer = asking.result(30)
        return answer.status if answer is not None else None
