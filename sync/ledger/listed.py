"""A list of commitments in a file that outlives the database: one a line, added whole or found out."""

from __future__ import annotations

import fcntl
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_COMMITMENT = re.compile(rb"[0-9a-f]{64}")


def read(path: Path) -> tuple[set[str], int]:
    """Return the commitments of a list, and how many of its lines are none: a full disk or a power cut left those.

    Raises:
        OSError: there is a list and it cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return set(), 0
    whole = {line for line in lines if _COMMITMENT.fullmatch(line)}
    return {line.decode() for line in whole}, sum(
        bool(line) and line not in whole for line in lines
    )


def add(path: Path, commitments: Iterable[str]) -> None:
    """Add lines; on return they are on the disk. What somebody else's write left half stays a line of its own.

    Raises:
        OSError: not all of them were written.
    """
    made = not path.exists()
    if made:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # a write in several pieces has nobody's lines between
        length = file.seek(0, os.SEEK_END)
        torn = length > 0 and os.pread(descriptor, 1, length - 1) != b"\n"
        lines = "".join(f"{commitment}\n" for commitment in commitments)
        file.write(("\n" * torn + lines).encode())  # whole or an error, however short each write is
        file.flush()
        os.fsync(descriptor)
    if made:
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)


def _sync_folder(path: Path) -> None:
    """Wait until a file's or folder's name is on the disk."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
