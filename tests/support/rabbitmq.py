"""A RabbitMQ of the tests' own: own node name, ports and folders. A broker that runs already is never touched."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import amqp

from tests.support.deployment import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@contextlib.contextmanager
def broker(settings: str = "") -> Iterator[str]:
    """Start a broker, with further lines of its configuration; yields its ``amqp://`` address and stops it afterwards."""
    with node(settings) as started:
        yield started.address


@dataclass(frozen=True)
class Node:
    """A broker that runs: its address, and its process, to be held up."""

    address: str
    process: subprocess.Popen[bytes]

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Let the broker answer nobody inside the block, with every connection left open."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            self._wait_until_stopped()
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)

    def _wait_until_stopped(self) -> None:
        """A signal takes a moment: until every thread has stopped the broker may still answer."""
        deadline = time.monotonic() + 30
        while set(_states(self.process.pid)) - {"T", "Z"}:
            assert time.monotonic() < deadline, "the broker goes on"
            time.sleep(0.005)


def _states(group: int) -> Iterator[str]:
    """Yield the state of every thread of a process group, as proc(5) writes it."""
    for stat in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, found = stat.read_text().rpartition(")")[2].split()[:3]
            if int(found) == group:
                yield state


_GUARD = """
import os, signal, subprocess, sys, time
sys.stdin.read()  # ends with the process that holds the other end, however that ends
os.killpg(int(sys.argv[1]), signal.SIGKILL)
for _ in range(50):  # the node's epmd has left the group, and stays while it believes that the node lives
    if not subprocess.run(["epmd", "-port", sys.argv[2], "-kill"], capture_output=True).returncode:
        break
    time.sleep(0.2)
"""


@contextlib.contextmanager
def node(settings: str = "") -> Iterator[Node]:
    """Start a broker as ``broker`` does; yields it with its process."""
    folder = Path(tempfile.mkdtemp(prefix="minqing-rabbit-"))
    port, distribution, epmd = free_port(), free_port(), free_port()
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\nvm_memory_high_watermark.absolute = 512MB\n{settings}\n"
    )
    (folder / "plugins").write_text("[].\n")
    variables = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": f"minqing{secrets.token_hex(4)}@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [str(PROGRAM)], env=variables, stdout=output, stderr=output, start_new_session=True
        )
    guard = subprocess.Popen(
        [sys.executable, "-I", "-c", _GUARD, str(process.pid), str(epmd)],
        env=variables,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    address = f"amqp://guest:guest@127.0.0.1:{port}//"
    try:
        _wait(port, process, folder)
        yield Node(address, process)
    finally:
        guard.kill()
        guard.communicate()
        # The node's own epmd was started in its session: the whole group ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        subprocess.run(
            ["epmd", "-port", str(epmd), "-kill"], env=variables, capture_output=True, check=False
        )
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "output").read_text()
        try:
            with amqp.Connection(f"127.0.0.1:{port}", connect_timeout=5):
                return
        except amqp.AccessRefused:  # it answers; who may come in is up to its settings
            return
        except (OSError, amqp.AMQPError):
            time.sleep(0.2)
    raise AssertionError((folder / "output").read_text())
