"""Key files of the signer: one key each, mode 600, written whole and durably before it is used."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from sync.formats import notes

if TYPE_CHECKING:
    from pathlib import Path

_SEED_LENGTH = 32


def write(path: Path, name: str) -> None:
    """Make a new key of this name under its final path."""
    path.parent.mkdir(exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, f"{name}\n{notes.encode64(secrets.token_bytes(_SEED_LENGTH))}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)
    draft.rename(path)
    sync_folder(path.parent)


def following(path: Path) -> Path:
    """Return where the key lies that is to follow the one in a file."""
    return path.with_name(f"{path.name}.next")


def witness_name() -> str:
    """Return a name for a new witness key: it belongs to the deployment, not to a unit."""
    return f"minqing/witness/{secrets.token_hex(4)}"


def sync_folder(path: Path) -> None:
    """Wait until what was renamed in a folder is on the disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
