"""Uploaded files: one folder per unit, never shared and never addressed across units."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage

from tenants.current import current_unit


class UnitStorage(FileSystemStorage):
    """Files of the current unit under ``<state>/media/<schema>``; without a unit nothing opens."""

    @property
    def base_location(self) -> str:
        """The current unit's folder."""
        return str(Path(settings.MEDIA_ROOT) / current_unit().schema_name)

    @property
    def location(self) -> str:
        """The current unit's folder, absolute."""
        return self.base_location
