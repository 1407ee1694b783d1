"""Tables of the public schema: the list of units, their names and host names. Nothing else lives there."""

from __future__ import annotations

import datetime

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tenants.models import DomainMixin, TenantMixin


class Level(models.TextChoices):
    """Rung of the unit tree, from the top."""

    CITY = "city", _("市")
    COUNTY = "county", _("县（市、区）")
    TOWNSHIP = "township", _("乡镇（街道）")
    DEPARTMENT = "department", _("部门")


class Unit(TenantMixin):  # type: ignore[misc]  # untyped upstream
    """One unit with a schema of its own.

    ``code`` is the official division code (GB/T 2260 or GB/T 10114) or the department's code; it
    is part of the log's origin and therefore never changes.
    """

    code = models.CharField(max_length=32, unique=True)
    level = models.CharField(max_length=16, choices=Level.choices)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    title = models.CharField(max_length=120, blank=True)
    organiser = models.CharField(max_length=120, blank=True)
    telephone = models.CharField(max_length=40, blank=True)
    created_on = models.DateField(auto_now_add=True)

    auto_create_schema = False  # provisioning clones the base unit and sets its walls in one place
    auto_drop_schema = False

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(code__regex=r"^[0-9A-Za-z][0-9A-Za-z.-]*$"), name="unit_code_ascii"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name valid today."""
        return self.name_on(timezone.localdate())

    def name_on(self, day: datetime.date) -> str:
        """The name that was valid on a day (units are renamed and raised from 乡 to 镇)."""
        valid = [row for row in self.names.all() if row.is_valid_on(day)]
        newest = max(valid, key=lambda row: row.valid_from or datetime.date.min, default=None)
        return newest.name if newest is not None else self.code

    @property
    def site_title(self) -> str:
        """Title of the public pages."""
        return self.title or f"{self.name}群众考评干部信息平台"

    @property
    def host(self) -> str:
        """The primary host name, or an empty string."""
        domain = self.domains.filter(is_primary=True).first()
        return domain.domain if domain is not None else ""


class UnitName(models.Model):
    """A unit's name and the days it was valid, both inclusive; an open end is null."""

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="names")
    name = models.CharField(max_length=120)
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["unit", "valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_to__isnull=True)
                | Q(valid_from__lte=F("valid_to")),
                name="unit_name_dates_ordered",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def is_valid_on(self, day: datetime.date) -> bool:
        """Whether the unit bore the name on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


class Domain(DomainMixin):  # type: ignore[misc]  # untyped upstream
    """A host name of a unit, or ``host/prefix`` where it is mounted under another site's path."""

    class Meta:
        ordering = ["domain"]
