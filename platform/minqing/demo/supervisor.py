"""Run the parts of one deployment as plain child processes that die with their parent.

PDEATHSIG is SIGKILL on purpose: with SIGTERM a Celery worker was seen alive seconds after its
parent was killed. Whatever a killed part left half done is found again by the sweep.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 10.0
_QUICK_DEATHS = 5


class PartFault(Exception):
    """A part of the deployment does not stay up; the message names it and its log."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process of the deployment."""

    name: str
    """Short name, also that of its log."""

    command: Sequence[str]
    """Program and arguments; never passed through a shell."""


@dataclass(kw_only=True)
class _Running:
    part: Part
    process: subprocess.Popen[bytes]
    deaths: list[float] = field(default_factory=list)


class Supervisor:
    """Start parts in order, restart one that dies, stop all in reverse order.

    A part that dies five times within a minute is given up with a sentence.
    """

    def __init__(
        self, *, logs: Path, variables: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._logs = logs
        self._variables = dict(variables)
        self._say = say
        self._running: list[_Running] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, part: Part) -> None:
        """Start one part."""
        self._running.append(_Running(part=part, process=self._spawn(part)))

    def _spawn(self, part: Part) -> subprocess.Popen[bytes]:
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._logs / f"{part.name}.log").open("ab") as log:
            return subprocess.Popen(
                list(part.command),
                env={**os.environ, **self._variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the parts in order
                preexec_fn=_die_with_parent,
            )

    def watch(self) -> None:
        """Restart what died since the last look.

        Raises:
            PartFault: a part keeps dying.
        """
        for running in self._running:
            if running.process.poll() is None:
                continue
            now = time.monotonic()
            running.deaths = [moment for moment in running.deaths if now - moment < 60] + [now]
            name = running.part.name
            if len(running.deaths) >= _QUICK_DEATHS:
                raise PartFault(
                    f"{name} does not stay up; its messages are in {self._logs / (name + '.log')}."
                )
            self._say(f"{name} ended by itself and is started again.")
            running.process = self._spawn(running.part)

    def kill(self, name: str) -> None:
        """Kill a part as a power cut would; the next ``watch`` starts it again."""
        for running in self._running:
            if running.part.name == name:
                os.killpg(running.process.pid, signal.SIGKILL)
                running.process.wait()

    def stop(self) -> None:
        """Stop all parts, the last started first; kill what does not stop in time."""
        for running in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                running.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for running in reversed(self._running):
            try:
                running.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.process.pid, signal.SIGKILL)
                running.process.wait()
        self._running.clear()


def _die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def free_port() -> int:
    """Return a loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Say whether a loopback port can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
