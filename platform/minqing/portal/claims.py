"""What the pages may promise about this deployment. A sentence stands only where it was found to hold.

`minqing doctor` checks the installation and writes its findings to ``<state>/claims.json`` as an object of
booleans by claim name. A claim that was not checked is not made; the file is read afresh for each page that needs it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Claims:
    """One field per promise; False means the page stays silent about it or says the weaker sentence."""

    no_address_kept: bool = False
    """No address or device of a reporter is written to disk by this system or by the proxy in front of it."""

    outside_witness: bool = False
    """A machine of another operator countersigns the head of the record log."""


def claims_file() -> Path:
    """Where the doctor writes what it found."""
    return settings.MINQING.state / "claims.json"


def claims() -> Claims:
    """Read what may be claimed; an unreadable or missing file claims nothing."""
    try:
        found = json.loads(claims_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Claims()
    if not isinstance(found, dict):
        return Claims()
    return Claims(**{field.name: found.get(field.name) is True for field in fields(Claims)})
