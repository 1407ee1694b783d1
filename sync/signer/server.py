"""The signer's process: one Unix socket, one request at a time.

The folder with the keys is closed to others (mode 700); the socket may be reached by the service's
group. Runs as `minqing signer`, under an account of its own in production, as a child process in
the demonstration.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import socketserver
import sqlite3
from typing import TYPE_CHECKING

from sync.errors import UNREADABLE, SignerRefused
from sync.signer import messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sync.signer.core import Signer

log = logging.getLogger("sync.signer")


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Name a socket by its folder's descriptor: a socket's path may have 107 octets only."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class _Handler(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        try:
            while (body := messages.receive(self.request)) is not None:
                self.request.sendall(messages.encode(self._answer(body)))
        except ConnectionError:
            return
        except sqlite3.Error as fault:  # hanging up is no answer: who asked tries again later
            log.critical("nothing is signed, the memory cannot be written: %s", fault)

    def _answer(self, body: bytes) -> messages.Answer | messages.Refusal:
        try:
            return self.server.signer.ask(messages.decode_request(body))
        except UNREADABLE:
            return messages.Refusal(
                code="bad-request", sentence="The signer cannot read this request."
            )
        except SignerRefused as refusal:
            log.warning("refused: %s", refusal.code)
            return messages.Refusal(code=refusal.code, sentence=str(refusal), size=refusal.size)


class Server(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """Listens on one Unix socket and hands requests to the signer."""

    daemon_threads = True

    def __init__(self, path: Path, signer: Signer) -> None:
        self.signer = signer
        self._path = path
        super().__init__(str(path), _Handler)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)  # the folder's lock says that no other signer runs
        with short_path(path) as short:
            self._socket.bind(short)
        path.chmod(0o660)
        self._socket.listen(128)

    def fileno(self) -> int:
        """Descriptor of the listening socket, for ``serve_forever``."""
        return self._socket.fileno()

    def get_request(self) -> tuple[socket.socket, str]:
        """Take the next connection."""
        connection, _ = self._socket.accept()
        return connection, "client"

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close a connection."""
        if isinstance(request, socket.socket):
            request.close()

    def server_close(self) -> None:
        """Stop listening and remove the socket."""
        self._socket.close()
        self._path.unlink(missing_ok=True)
