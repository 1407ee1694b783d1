"""What commands share that check a proof file offline: exit codes, and faults that say nothing about the proof."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.management.base import CommandError

from sync.errors import SyncFault

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLED_WRONGLY, OWN_KEYS_ONLY = 2, 3


@contextmanager
def called_rightly() -> Iterator[None]:
    """Read files and keys that were named on the command line inside the block.

    Raises:
        CommandError: one cannot be read; exit code ``CALLED_WRONGLY``.
    """
    try:
        yield
    except SyncFault as fault:
        raise CommandError(str(fault), returncode=CALLED_WRONGLY) from fault
    except OSError as fault:
        raise CommandError(
            f"{fault.filename}: {fault.strerror}.", returncode=CALLED_WRONGLY
        ) from fault
