"""Secrets of the deployment that are made at the first start and kept in files of mode 600."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_or_make(path: Path, make: bytes) -> bytes:
    """Return the file's octets; the first caller's ``make`` becomes them (safe between processes)."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, make)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_bytes()


def django_secret(state: Path) -> str:
    """Return Django's secret key of this deployment."""
    return read_or_make(state / "keys" / "django", secrets.token_hex(32).encode()).decode()
