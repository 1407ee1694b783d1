"""How web and worker reach the signer: over the socket that ``MINQING_SIGNER_SOCKET`` names."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

from django.conf import settings

from sync.errors import UNREADABLE, SignerRefused, SignerUnreachable
from sync.signer import messages
from sync.signer.server import short_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SECONDS = 10.0
"""Longest wait for one answer."""


class SocketSigner:
    """A signer behind a socket. One connection per thread and process, opened again when it breaks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def ask(self, request: messages.Request) -> messages.Answer:
        """Ask one thing. Every request may safely be asked twice, so a broken connection is tried again once.

        Raises:
            SignerRefused: the signer says no.
            SignerUnreachable: nobody answers.
        """
        frame = messages.encode(request)
        kept = getattr(self._local, "connection", None)
        if kept is not None and kept[0] == os.getpid():
            try:
                return self._exchange(kept[1], frame)
            except (OSError, EOFError):
                self.close()
        try:
            return self._exchange(self._connect(), frame)
        except (OSError, EOFError) as fault:
            self.close()
            sentence = (
                f"The signer does not answer on {self._path}: start it with `minqing signer`, "
                "or make room on its disk if it runs."
            )
            raise SignerUnreachable(sentence) from fault

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_SECONDS)
        try:
            with short_path(self._path) as short:
                connection.connect(short)
        except OSError:
            connection.close()
            raise
        self._local.connection = (os.getpid(), connection)
        return connection

    def close(self) -> None:
        """Close this thread's connection; the next question opens another."""
        kept = getattr(self._local, "connection", None)
        self._local.connection = None
        if kept is not None:
            kept[1].close()

    @staticmethod
    def _exchange(connection: socket.socket, frame: bytes) -> messages.Answer:
        connection.sendall(frame)
        body = messages.receive(connection)
        if body is None:
            raise EOFError
        try:
            answer = messages.decode_answer(body)
        except UNREADABLE as fault:
            raise SignerUnreachable("What answers on the signer's socket is no signer.") from fault
        if isinstance(answer, messages.Refusal):
            raise SignerRefused(answer.code, answer.sentence, answer.size)
        return answer


_doors: dict[str, messages.SignerDoor] = {}
_stand_in: list[Callable[[], messages.SignerDoor]] = []


def signer() -> messages.SignerDoor:
    """Return the deployment's signer."""
    if _stand_in:
        return _stand_in[-1]()
    path: Path = settings.MINQING.signer_socket
    return _doors.setdefault(str(path), SocketSigner(path))


def stand_in(door: Callable[[], messages.SignerDoor] | None) -> None:
    """Use another signer in this process: the same code without a socket, for tests. None ends it."""
    _stand_in.clear()
    if door is not None:
        _stand_in.append(door)
