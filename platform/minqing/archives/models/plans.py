"""The unit's publication plan (公开方案): one dated document per item of the matrix."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from minqing.archives.matrix import PlanItem


class PublicationPlan(models.Model):
    """The document that opens one item. Ended, never changed: a newer document is a newer row."""

    item = models.CharField(_("事项"), max_length=20, choices=PlanItem.choices)
    document_number = models.CharField(_("文号"), max_length=80)
    document_title = models.CharField(_("文件名"), max_length=200)
    document_day = models.DateField(_("成文日期"))
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    entered_on = models.DateField()
    ended_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["item", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item"], condition=Q(ended_on__isnull=True), name="plan_one_in_force"
            ),
            models.CheckConstraint(condition=Q(item__in=PlanItem.values), name="plan_item"),
            models.CheckConstraint(
                condition=~Q(document_number="") & Q(document_day__lte=F("entered_on")),
                name="plan_document",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item} {self.document_number}"
