"""The tables of search: which documents changed and are not in the index yet, which index must be built anew."""

from __future__ import annotations

from django.db import models


class Mark(models.Model):
    """One changed document. A row per change: two transactions never wait for each other here.

    The numbers of this table are also the positions that index versions are counted in.
    """

    source = models.CharField(max_length=60)
    document = models.CharField(max_length=120)
    applied = models.BooleanField(default=False)
    """In the live index already, but kept for the index that is being built beside it."""

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.source}:{self.document}"


class Purge(models.Model):
    """An index that held something erased and has to be built anew: see ``search.purging``."""

    index = models.CharField(max_length=10)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.index
