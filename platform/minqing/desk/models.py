"""Forms that were already carried out, so that a second press of a button does nothing."""

from __future__ import annotations

from django.db import models


class Submission(models.Model):
    """One form that was drawn once and carried out once. It names nobody; rows of earlier days are deleted."""

    token = models.UUIDField(primary_key=True)
    day = models.DateField()
    went_to = models.CharField(max_length=500)

    class Meta:
        ordering = ["day"]

    def __str__(self) -> str:
        return self.went_to
