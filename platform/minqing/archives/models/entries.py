"""Entries (表现记录), their versions, and the officials' statements. The walls that services cannot walk through."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from minqing.archives.matrix import RULES, Source
from minqing.archives.states import OPEN, PUBLIC, State

UNITS_ONLY = [source for source, rule in RULES.items() if not rule.persons]


class Entry(models.Model):
    """What never changes about an entry: whom or which unit it is about, and where it comes from."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    official = models.ForeignKey(
        "archives.Official", null=True, blank=True, on_delete=models.PROTECT, related_name="entries"
    )
    unit_name = models.CharField(_("单位"), max_length=120)
    source = models.CharField(_("来源"), max_length=20, choices=Source.choices)
    names_person = models.BooleanField(_("办结意见点名本人"), default=False)
    basis_commitment = models.CharField(
        max_length=64, blank=True
    )  # hex; the closing or other record it rests on

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(source__in=Source.values), name="entry_source"),
            models.CheckConstraint(
                condition=~Q(source=Source.REPORT_OUTCOME)
                | Q(official__isnull=True)
                | (Q(names_person=True) & Q(basis_commitment__regex=r"^[0-9a-f]{64}$")),
                name="entry_outcome_names_person",
            ),
            models.CheckConstraint(
                condition=~Q(source__in=UNITS_ONLY) | Q(official__isnull=True),
                name="entry_units_only",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class EntryVersion(models.Model):
    """One wording of an entry. State changes only through ``archives.services.moves.move``."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    day = models.DateField(_("日期"))
    source_unit = models.CharField(_("由谁"), max_length=120)
    title = models.CharField(_("标题"), max_length=120)
    text = models.TextField(_("内容"))
    note = models.TextField(_("依据和材料（不公开）"), blank=True)
    negative = models.BooleanField(_("负面内容"), default=False)
    expires_on = models.DateField(_("到期撤下"), null=True, blank=True)
    reason = models.CharField(_("更正理由"), max_length=400, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    returned_because = models.CharField(_("退回理由"), max_length=400, blank=True)
    published_on = models.DateField(null=True, blank=True)
    commitment = models.CharField(max_length=64, blank=True)  # hex; the public record
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawal_reason = models.CharField(_("撤下理由"), max_length=400, blank=True)

    class Meta:
        ordering = ["entry", "number"]
        constraints = [
            models.UniqueConstraint(fields=["entry", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["entry"], condition=Q(state__in=OPEN), name="version_one_open"
            ),
            models.UniqueConstraint(
                fields=["entry"], condition=Q(state=State.PUBLISHED), name="version_one_published"
            ),
            models.UniqueConstraint(
                fields=["entry"], condition=Q(state=State.WITHDRAWN), name="version_one_withdrawn"
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="version_state"),
            models.CheckConstraint(
                condition=Q(reviewer__isnull=True) | ~Q(reviewer=F("author")),
                name="version_reviewer_not_author",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state__in=OPEN)
                    & Q(reviewer__isnull=True)
                    & Q(published_on__isnull=True)
                    & Q(commitment="")
                )
                | (
                    Q(state__in=PUBLIC)
                    & Q(reviewer__isnull=False)
                    & Q(published_on__isnull=False)
                    & Q(commitment__regex=r"^[0-9a-f]{64}$")
                ),
                name="version_public_was_reviewed",
            ),
            models.CheckConstraint(
                condition=Q(number=1) | ~Q(reason=""), name="version_correction_has_reason"
            ),
            models.CheckConstraint(
                condition=(~Q(state=State.WITHDRAWN) & Q(withdrawn_by__isnull=True))
                | (
                    Q(state=State.WITHDRAWN)
                    & Q(withdrawn_by__isnull=False)
                    & ~Q(withdrawal_reason="")
                ),
                name="version_withdrawal_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(expires_on__isnull=True, negative=False)
                | (Q(expires_on__isnull=False) & Q(expires_on__gt=F("day"))),
                name="version_negative_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}/{self.number} {self.state}"


class Reply(models.Model):
    """The official's own statement about an entry (本人说明), entered by staff, reviewed like everything public."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="replies")
    text = models.TextField(_("说明"))
    day = models.DateField(_("日期"))
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    commitment = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["day", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(reviewer__isnull=True) | ~Q(reviewer=F("author")),
                name="reply_reviewer_not_author",
            ),
            models.CheckConstraint(
                condition=(Q(reviewer__isnull=True) & Q(commitment=""))
                | (Q(reviewer__isnull=False) & Q(commitment__regex=r"^[0-9a-f]{64}$")),
                name="reply_public_was_reviewed",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)
