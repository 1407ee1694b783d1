"""Celery's embedded queue: kombu's filesystem transport, made safe for several processes.

The stock transport writes messages and routing tables under their final names, so that a reader
that comes at that moment takes an empty file and the worker dies; and it takes messages by
moving them to the system's temporary folder, where a move may be a copy and a message may run twice.
Here a message appears whole, by renaming, and is taken by renaming within one folder. A message is
dated to its day: a file's time must not tell when somebody reported.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

_DAY = 86400


class Channel(filesystem.Channel):
    """A channel whose messages appear whole or not at all and are taken once."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # its two bases disagree
        """Write one message and make it visible by renaming it."""
        folder = Path(self.data_folder_out)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{time.monotonic_ns():020d}_{secrets.token_hex(8)}.{queue}.msg"
        draft = folder / f".{name}.draft"
        draft.write_text(dumps(payload))
        day = int(time.time()) // _DAY * _DAY
        os.utime(draft, (day, day))
        draft.replace(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """Take the oldest message of a queue; who renames it first has it."""
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{name}.taken"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue
            text = taken.read_text()
            taken.unlink()
            return loads(text)
        raise Empty

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str | None
    ) -> None:
        """Nothing to keep: routing is fixed, so that a wiped folder loses messages and nothing else."""

    def get_table(self, exchange: str) -> list[Any]:
        """Every exchange leads to the queue of its own name, as Celery declares them."""
        return [filesystem.exchange_queue_t(exchange, "", exchange)]


class Transport(filesystem.Transport):
    """The transport behind ``spool://``."""

    Channel = Channel
    driver_type = "spool"
    driver_name = "spool"
