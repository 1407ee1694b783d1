"""What every page's frame needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

if TYPE_CHECKING:
    from django.http import HttpRequest


def page(request: HttpRequest) -> dict[str, Any]:
    """Add the current unit and whether this is a demonstration."""
    return {"unit": getattr(connection, "tenant", None), "settings_debug": settings.DEBUG}
