"""Celery's embedded queue: kombu's filesystem transport, made safe for several processes.

The stock transport writes a message under its final name; a reader that comes at that moment
takes an empty file and the worker dies. Here the message is written under a temporary name,
dated to its day (a file's time must not tell when somebody reported), and renamed.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Any, ClassVar

from kombu.transport import filesystem
from kombu.utils.json import dumps

_DAY = 86400


class Channel(filesystem.Channel):  # type: ignore[misc]  # untyped upstream
    """A channel whose messages appear whole or not at all."""

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:
        """Write one message and make it visible by renaming it."""
        folder = Path(self.data_folder_out)
        name = f"{time.monotonic_ns():020d}_{secrets.token_hex(8)}.{queue}.msg"
        draft = folder / f".{name}.draft"
        draft.write_bytes(dumps(payload).encode())
        day = int(time.time()) // _DAY * _DAY
        os.utime(draft, (day, day))
        draft.replace(folder / name)


class Transport(filesystem.Transport):  # type: ignore[misc]  # untyped upstream
    """The transport behind ``spool://``."""

    Channel = Channel
    driver_type = "spool"
    driver_name = "spool"
    polling_interval: ClassVar[float] = 0.02
