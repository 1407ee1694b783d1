"""The embedded queue: whole messages only, none lost between several workers, no clock in the files."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING

from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES

if TYPE_CHECKING:
    from pathlib import Path

TRANSPORT_ALIASES["spool"] = "minqing.config.spool:Transport"


def open_connection(folder: Path) -> Connection:
    (folder / "messages").mkdir(exist_ok=True)
    (folder / "control").mkdir(exist_ok=True)
    return Connection(
        "spool://",
        transport_options={
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            "polling_interval": 0.005,
        },
    )


def test_two_hungry_readers_take_every_message_once(tmp_path):
    seen: list[int] = []
    lock = threading.Lock()
    done = threading.Event()
    failures: list[BaseException] = []

    def read():
        try:
            with open_connection(tmp_path) as connection, connection.SimpleQueue("work") as queue:
                while not done.is_set():
                    try:
                        message = queue.get(timeout=0.05)
                    except queue.Empty:
                        continue
                    message.ack()
                    with lock:
                        seen.append(message.payload["n"])
        except BaseException as fault:
            failures.append(fault)
            raise

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    with open_connection(tmp_path) as connection, connection.SimpleQueue("work") as queue:
        for number in range(300):
            queue.put({"n": number})
    deadline = time.monotonic() + 60
    while len(seen) < 300 and time.monotonic() < deadline and not failures:
        time.sleep(0.02)
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert sorted(seen) == list(range(300))


def test_a_message_tells_only_the_day(tmp_path):
    with open_connection(tmp_path) as connection, connection.SimpleQueue("work") as queue:
        queue.put({"n": 1})
        (message,) = (tmp_path / "messages").glob("*.msg")
        assert message.stat().st_mtime % 86400 == 0
        assert message.stat().st_atime % 86400 == 0


def test_a_wiped_queue_loses_messages_and_nothing_else(tmp_path):
    with open_connection(tmp_path) as connection, connection.SimpleQueue("work") as queue:
        queue.put({"n": 1})
        for folder in ("messages", "control"):
            shutil.rmtree(tmp_path / folder)
        queue.put({"n": 2})
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == {"n": 2}
