"""Orders that wait for the second person (双人录入): what one member of staff entered and nobody has confirmed yet."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class OrderEntry(models.Model):
    """An order about a dead or frozen home: entered by one person, confirmed by another, then issued."""

    notice = models.CharField(max_length=64, unique=True)  # hex; the public notice it carries out
    document_number = models.CharField(max_length=80)  # 文号 of the paper order
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    order = models.CharField(max_length=64, blank=True)  # hex; the record issued

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("entered_by")),
                name="order_entry_two_people",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, order="")
                | Q(confirmed_by__isnull=False, order__regex=r"^[0-9a-f]{64}$"),
                name="order_entry_confirmed_is_issued",
            ),
        ]

    def __str__(self) -> str:
        return self.notice
