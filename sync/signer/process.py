"""Running the signer until it is told to stop. Needs no Django, no database and no network."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from sync.signer.core import Signer
from sync.signer.server import Server

if TYPE_CHECKING:
    from pathlib import Path


def serve(folder: Path, socket: Path) -> None:
    """Answer on the socket until SIGTERM or SIGINT.

    Raises:
        SignerBusy: another signer runs on the folder.
    """
    signer = Signer(folder)
    server = Server(socket, signer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        server.server_close()
        signer.close()
