"""Where things happen: counties, townships and villages of the unit."""

from __future__ import annotations

from django.db import models


class Place(models.Model):
    """One place by its statistical division code (统计用区划代码): 6, 9 or 12 digits."""

    code = models.CharField(max_length=12, primary_key=True)
    name = models.CharField(max_length=80)
    within = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="places"
    )

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name
