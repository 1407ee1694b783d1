"""Who may ever be shown a record: everybody, the connected units, or one named unit.

A record has one audience for ever. What concerns only the issuing unit names that unit.
"""

from __future__ import annotations

import re

from sync.errors import RecordFault

PUBLIC = "public"
"""Everybody."""

CONNECTED = "connected"
"""Units with a grant for the record's kind at the index of sealing."""

ORIGIN = re.compile(r"minqing/[0-9A-Za-z][0-9A-Za-z.-]{0,31}/[0-9a-f]{8}")
"""A log's fixed name: ``minqing/<unit code>/<8 hex>``; never a host."""

_UNIT = "unit:"


def for_unit(origin: str) -> str:
    """Return the audience of one named unit.

    Raises:
        RecordFault: not the origin of a log.
    """
    if not ORIGIN.fullmatch(origin):
        raise RecordFault(
            f"{origin!r} is not the origin of a log; one reads minqing/430522/0a1b2c3d."
        )
    return _UNIT + origin


def named_unit(audience: str) -> str | None:
    """Return the origin that an audience names, or None for ``public`` and ``connected``."""
    return audience.removeprefix(_UNIT) if audience.startswith(_UNIT) else None


def check(audience: str) -> None:
    """Refuse what is no audience.

    Raises:
        RecordFault: neither ``public`` nor ``connected`` nor ``unit:<origin>``.
    """
    if audience in {PUBLIC, CONNECTED}:
        return
    if not audience.startswith(_UNIT) or not ORIGIN.fullmatch(audience.removeprefix(_UNIT)):
        raise RecordFault(f"{audience!r} is no audience: use public, connected or unit:<origin>.")
