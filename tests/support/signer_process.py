"""The real signer process on a socket of its own, for tests of crashes and for benchmarks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from sync.errors import SignerUnreachable
from sync.signer.client import SocketSigner
from sync.signer.messages import WitnessKey

if TYPE_CHECKING:
    from pathlib import Path


class SignerProcess:
    """What `minqing signer` runs, as a child process; start, kill and start again on the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        self._door = SocketSigner(self.socket)
        self.process = self._start()

    def door(self) -> SocketSigner:
        """Return the client, as ``client.stand_in`` wants it."""
        return self._door

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "sync.signer", str(self.folder), str(self.socket)]
        process = subprocess.Popen(command, env=os.environ, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                self._door.ask(WitnessKey())
            except SignerUnreachable:
                time.sleep(0.02)
            else:
                return process
        process.kill()
        raise RuntimeError("the signer did not start")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def start(self) -> None:
        """Start it again on the same folder."""
        self.process = self._start()

    def stop(self) -> None:
        """End it in good order."""
        self._door.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
