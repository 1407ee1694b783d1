"""Whether there is room on our disk for what peers send: they may fill what is free, never the last of it."""

from __future__ import annotations

import shutil

from django.conf import settings

from sync.refusals import Unreachable

LEAST_FREE = 1 << 30
"""Octets that stay free: with less the database itself stops, for citizens and staff too."""


def check_room() -> None:
    """Ask before something of a peer's is written.

    Raises:
        Unreachable: too little is free; nobody's fault but ours, and asked for again later.
    """
    free = shutil.disk_usage(settings.MINQING.state).free
    if free < LEAST_FREE:
        raise Unreachable(
            f"Only {free / 1e9:.1f} GB are free on this machine: nothing is taken in until there is room. See `minqing doctor`."
        )
