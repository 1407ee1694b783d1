"""Orders of erasure that wait for the second person (双人): what one supervisor entered and nobody has confirmed yet."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class ErasureEntry(models.Model):
    """What one supervisor wants erased; gone once it was carried out, dropped, or fourteen days old."""

    class Kind(models.TextChoices):
        """What the records are about."""

        ENTRY = "entry", _("一条表现记录（各版本和本人说明）")
        OFFICIAL = "official", _("一位干部的全部档案")
        CASE = "case", _("一件群众反映")
        RECORD = "record", _("按存证号")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    what = models.CharField(max_length=80, blank=True)  # public id or number, as it was entered
    commitments = ArrayField(models.CharField(max_length=64))
    basis = models.CharField(max_length=400)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    day = models.DateField()

    class Meta:
        ordering = ["day", "id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
