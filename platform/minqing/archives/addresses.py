"""Where the archives' things are shown. Paths within the unit's site; the portal and the desk serve them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid


def official_path(public_id: uuid.UUID) -> str:
    """An official's public page."""
    return f"/officials/{public_id}/"


def entry_path(public_id: uuid.UUID) -> str:
    """An entry's public page."""
    return f"/entries/{public_id}/"


def desk_entry_path(public_id: uuid.UUID) -> str:
    """An entry on the desk."""
    return f"/desk/entries/{public_id}/"
