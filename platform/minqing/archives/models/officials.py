"""Officials (干部) of this unit and their posts. No identity number, health, family, home or private telephone: no column."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

MONTH = r"^([0-9]{6})?$"


class Official(models.Model):
    """One official whose home is this unit. What the public sees is ``PublicOfficialRow``, never this row."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    home = models.CharField(max_length=80)  # origin of the home unit
    name = models.CharField(_("姓名"), max_length=40)
    birth_month = models.CharField(
        _("出生年月"), max_length=6, blank=True
    )  # internal: tells namesakes apart
    telephone = models.CharField(_("办公电话"), max_length=40, blank=True)
    revision = models.PositiveIntegerField(default=1)  # grows with each change
    editors = ArrayField(
        models.BigIntegerField(), default=list
    )  # staff who changed it since the last review
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    record_version = models.PositiveIntegerField(
        default=0
    )  # of the newest public record; 0 before the first
    is_withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering = ["name", "birth_month"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "birth_month"], condition=~Q(birth_month=""), name="official_once"
            ),
            models.CheckConstraint(
                condition=Q(birth_month__regex=MONTH), name="official_birth_month"
            ),
            models.CheckConstraint(
                condition=IsNull(
                    Func(
                        F("editors"),
                        F("reviewed_by"),
                        function="array_position",
                        output_field=models.IntegerField(),
                    ),
                    True,
                ),
                name="official_reviewer_did_not_edit",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    """One post held from one month to another (``YYYYMM``; an empty end is today)."""

    official = models.ForeignKey(Official, on_delete=models.CASCADE, related_name="posts")
    unit_name = models.CharField(_("单位"), max_length=120)
    title = models.CharField(_("职务"), max_length=120)
    duties = models.CharField(_("分管工作"), max_length=400, blank=True)
    from_month = models.CharField(_("任职起"), max_length=6, blank=True)
    to_month = models.CharField(_("任职止"), max_length=6, blank=True)
    is_public = models.BooleanField(default=True)

    class Meta:
        ordering = ["official", "-from_month", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(from_month__regex=MONTH) & Q(to_month__regex=MONTH), name="post_months"
            ),
            models.CheckConstraint(
                condition=Q(to_month="") | Q(from_month="") | Q(from_month__lte=F("to_month")),
                name="post_months_ordered",
            ),
            models.UniqueConstraint(
                fields=["official", "unit_name", "title", "from_month"], name="post_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit_name}{self.title}"
