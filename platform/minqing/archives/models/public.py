"""What the public sees: projections of published records, ours and followed units' alike.

Written by ``archives.projection`` alone, from the octets of a record and nothing else.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from minqing.archives.matrix import Source


class Shown(models.Model):
    """What every projected row says about its record."""

    origin = models.CharField(max_length=80)  # who published it
    unit_code = models.CharField(max_length=32)  # taken from the origin
    home_name = models.CharField(max_length=120)  # by the issuer's own word
    commitment = models.CharField(max_length=64)  # hex
    day = models.DateField()  # of the record

    class Meta:
        abstract = True


class PublicOfficialRow(Shown):
    """The newest record about one official."""

    official_id = models.UUIDField()
    version = models.PositiveIntegerField()
    is_withdrawn = models.BooleanField(default=False)
    is_erased = models.BooleanField(default=False)  # by a logged order: nothing of it is left here
    home = models.CharField(
        max_length=80, default=""
    )  # who keeps the official now; at first the issuer
    is_former = models.BooleanField(
        default=False
    )  # the present home has published facts of its own
    name = models.CharField(max_length=40, blank=True)
    unit_name = models.CharField(max_length=120, blank=True)
    title = models.CharField(max_length=120, blank=True)
    duties = models.CharField(max_length=400, blank=True)
    telephone = models.CharField(max_length=40, blank=True)
    posts = models.JSONField(default=list)

    class Meta:
        ordering = ["unit_code", "unit_name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["origin", "official_id"], name="public_official_once")
        ]
        indexes = [
            models.Index(fields=["official_id"]),
            models.Index(fields=["unit_code", "id"]),
            models.Index(fields=["home"], name="public_official_home"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} {self.official_id}"


class PublicEntryRow(Shown):
    """One record about one entry: a version, or its withdrawal (which empties the versions before it)."""

    entry_id = models.UUIDField()
    version = models.PositiveIntegerField()
    is_withdrawal = models.BooleanField(default=False)
    is_withdrawn = models.BooleanField(
        default=False
    )  # the entry is withdrawn, by this record or a later one
    is_erased = models.BooleanField(default=False)  # by a logged order: nothing of it is left here
    superseded_on = models.DateField(null=True, blank=True)  # day of the record that took its place
    first_published_on = models.DateField()
    official_id = models.UUIDField(null=True, blank=True)
    official_name = models.CharField(max_length=40, blank=True)
    unit_name = models.CharField(max_length=120, blank=True)
    source = models.CharField(max_length=20, choices=Source.choices, blank=True)
    source_unit = models.CharField(max_length=120, blank=True)
    event_day = models.DateField(null=True, blank=True)
    title = models.CharField(max_length=120, blank=True)
    text = models.TextField(blank=True)
    negative = models.BooleanField(default=False)
    expires_on = models.DateField(null=True, blank=True)
    is_expired = models.BooleanField(
        default=False
    )  # its end has come and search was told; pages look at the day
    reason = models.CharField(max_length=400, blank=True)
    source_commitment = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-event_day", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["origin", "commitment"], name="public_entry_record_once"
            ),
            models.UniqueConstraint(
                fields=["origin", "entry_id", "version"], name="public_entry_version_once"
            ),
            models.UniqueConstraint(
                fields=["origin", "entry_id"],
                condition=Q(superseded_on__isnull=True),
                name="public_entry_one_newest",
            ),
        ]
        indexes = [
            models.Index(fields=["entry_id"]),
            models.Index(fields=["official_id", "-event_day"]),
            models.Index(fields=["origin", "-event_day", "-id"]),
            models.Index(fields=["unit_code", "id"]),
            models.Index(
                fields=["origin"],
                include=["expires_on", "day"],
                condition=Q(superseded_on__isnull=True, is_withdrawn=False),
                name="public_entry_newest",
            ),
            models.Index(fields=["-event_day", "-id"]),
            models.Index(
                fields=["expires_on"],
                condition=Q(
                    superseded_on__isnull=True,
                    is_withdrawn=False,
                    is_expired=False,
                    expires_on__isnull=False,
                ),
                name="public_entry_to_expire",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.origin} {self.entry_id}/{self.version}"


class PublicReplyRow(Shown):
    """An official's published statement beside an entry of the same unit."""

    reply_id = models.UUIDField()
    entry_id = models.UUIDField()
    text = models.TextField()
    reply_day = models.DateField()

    class Meta:
        ordering = ["reply_day", "id"]
        constraints = [
            models.UniqueConstraint(fields=["origin", "reply_id"], name="public_reply_once")
        ]
        indexes = [models.Index(fields=["origin", "entry_id"])]

    def __str__(self) -> str:
        return f"{self.origin} {self.reply_id}"
