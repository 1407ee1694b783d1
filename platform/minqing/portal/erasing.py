"""Rendered pages that this process keeps go when something is erased.

Other processes keep theirs under an ETag that nothing leads to any more, for ten minutes at most, in memory alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.cache import caches
from django.db import transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.erasers import Gone


def let_go(gone: Sequence[Gone]) -> None:
    """Eraser of the portal."""
    if gone:
        transaction.on_commit(caches["pages"].clear)
