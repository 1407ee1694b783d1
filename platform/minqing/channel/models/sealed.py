"""The second door: who may open such reports, by what document, and the reports themselves, sealed."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from minqing.accounts.models import Staff


class Designation(models.Model):
    """The document (授权文件) by which a unit takes reports of the second door.

    Ours when ``origin`` is empty; else what a connected unit published about itself. ``openers`` lists
    posts, offices and keys of the custodians as published, never names.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    origin = models.CharField(max_length=80, blank=True)
    document = models.CharField(_("文号"), max_length=120)
    issuer = models.CharField(_("发文机关"), max_length=120)
    day = models.DateField(_("发文日期"))
    name = models.CharField(max_length=120)
    code = models.CharField(max_length=32)
    openers = models.JSONField(default=list)
    withdrawn_on = models.DateField(null=True, blank=True)
    commitment = models.CharField(max_length=64)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["origin"],
                condition=models.Q(withdrawn_on__isnull=True),
                name="designation_one_in_force",
            )
        ]

    def __str__(self) -> str:
        return self.document


class Acceptance(models.Model):
    """That an operator of this unit let another unit's designation stand behind the second door here.

    ``accepted_by`` and ``ended_by`` are empty where it was done on the host's command line.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    designation = models.ForeignKey(
        Designation, on_delete=models.CASCADE, related_name="acceptances"
    )
    accepted_by = models.ForeignKey(Staff, null=True, on_delete=models.PROTECT, related_name="+")
    accepted_on = models.DateField()
    ended_by = models.ForeignKey(Staff, null=True, on_delete=models.PROTECT, related_name="+")
    ended_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["accepted_on", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["designation"],
                condition=models.Q(ended_on__isnull=True),
                name="acceptance_one_in_force",
            )
        ]

    def __str__(self) -> str:
        return f"{self.designation_id} {self.accepted_on}"


class Custodian(models.Model):
    """A member of staff who can open sealed reports, and the public half of the key (密件保管人)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    staff = models.OneToOneField(Staff, on_delete=models.PROTECT, related_name="+")
    post = models.CharField(_("职务"), max_length=120)
    office = models.CharField(_("科室"), max_length=120)
    key = models.BinaryField(max_length=32)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["office", "post"]
        constraints = [
            models.UniqueConstraint(
                fields=["office"], condition=models.Q(active=True), name="custodian_one_per_office"
            ),
            models.UniqueConstraint(fields=["key"], name="custodian_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.office} {self.post}"


class SealedReport(models.Model):
    """A report that only its custodians' keys open. It has no number and counts nowhere."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    receiver = models.CharField(
        max_length=80, blank=True
    )  # origin of the unit whose custodians open it; ours when empty
    code = models.BinaryField(unique=True, null=True, max_length=32, editable=False)
    day = models.DateField()
    sent = models.PositiveIntegerField(default=0)  # octets of it that left in parcels
    waits = models.BooleanField(
        default=False, db_default=False
    )  # under this unit's box key until there are custodians for it
    emptied_by = models.CharField(
        max_length=80, blank=True, default="", db_default=""
    )  # while it waits: the unit whose word emptied the case, which is not given the copy

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return str(self.id)


class SealedBox(models.Model):
    """The report once for each custodian, all of one size."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    report = models.ForeignKey(SealedReport, on_delete=models.CASCADE, related_name="boxes")
    key = models.BinaryField(max_length=32)
    box = models.BinaryField()
    openings = models.PositiveSmallIntegerField(default=0)
    opened_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["report", "key"], name="sealed_box_once_per_key")
        ]

    def __str__(self) -> str:
        return str(self.id)


class SealedPart(models.Model):
    """A sealed report of another unit of which not all parcels have come yet."""

    id = models.UUIDField(primary_key=True, editable=False)
    origin = models.CharField(max_length=80)
    total = models.PositiveIntegerField()
    octets = models.BinaryField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return str(self.id)


class Forgetting(models.Model):
    """The subject of a sealed case whose openings in the ledger go with the next daily erasure."""

    subject = models.CharField(max_length=80, primary_key=True)

    class Meta:
        ordering = ["subject"]

    def __str__(self) -> str:
        return self.subject
