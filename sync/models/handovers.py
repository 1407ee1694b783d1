"""Tables of handovers: what each log said about who keeps a subject, and who keeps it now.

All of it is derived from records, ours and received ones, in the order of each log.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

ORIGIN, SUBJECT, COMMITMENT = 80, 120, 64


class Custody(models.Model):
    """Who keeps a subject now. No row: nobody ever offered it, and who issued it first keeps it."""

    subject = models.CharField(max_length=SUBJECT, unique=True)
    home = models.CharField(max_length=ORIGIN)
    contested = models.CharField(max_length=32, blank=True)
    """Why people must decide; while it stands nothing moves. One of ``custody.CONTESTED``."""

    news = models.BooleanField(default=False)
    """Something arrived that records held back may have waited for."""

    settled_on = models.DateField(null=True)
    settled_for = models.CharField(max_length=ORIGIN, blank=True, default="")
    settled_why = models.CharField(max_length=400, blank=True, default="")
    """People here decided a contest: ``settling``. It holds until something new is contested."""

    class Meta:
        ordering = ["subject"]

    def __str__(self) -> str:
        return f"{self.subject} at {self.home}"


class Tenure(models.Model):
    """From which index of its own log to which one unit may issue about a subject."""

    subject = models.CharField(max_length=SUBJECT)
    origin = models.CharField(max_length=ORIGIN)
    after = models.BigIntegerField(default=-1)
    """Records above this index of its log; of our own log it is not counted."""

    until = models.BigIntegerField(null=True)
    """Up to this index; null: it still may."""

    proven = models.BooleanField(default=True)
    """False: it says that it took over, but the close it names is not known here (yet)."""

    cites = models.CharField(max_length=COMMITMENT, blank=True)
    """Commitment of the close or the order it rests on; empty for the first home."""

    taken = models.CharField(max_length=COMMITMENT, blank=True)
    """Commitment of its own record that says it holds that close."""

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["subject"], name="tenure_subject")]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "origin", "cites"], name="tenure_once_per_close"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.origin} {self.after}–{self.until}"


class Handover(models.Model):
    """One numbered offer and what became of it."""

    STATES = ("open", "accepted", "closed", "cancelled")

    subject = models.CharField(max_length=SUBJECT)
    number = models.PositiveIntegerField()
    giver = models.CharField(max_length=ORIGIN)
    taker = models.CharField(max_length=ORIGIN)
    state = models.CharField(max_length=10, default="open")
    offer = models.CharField(max_length=COMMITMENT, unique=True)
    offered_on = models.DateField()
    accept = models.CharField(max_length=COMMITMENT, blank=True)
    settled = models.CharField(max_length=COMMITMENT, blank=True)
    """Commitment of the close or the cancel."""

    settled_at = models.BigIntegerField(null=True)
    """Its index in the giver's log; null for our own."""

    settled_on = models.DateField(null=True)
    reason = models.CharField(max_length=400, blank=True)
    records = models.PositiveIntegerField(default=0)
    root = models.CharField(max_length=64, blank=True)
    """What the giver says the history is: how many records, and the tree's root over their commitments."""

    agrees = models.BooleanField(null=True)
    """Whether that is what this unit held when it read the close; null: not closed, or closed before it was compared."""

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=("open", "accepted", "closed", "cancelled")),
                name="handover_state",
            )
        ]
        indexes = [models.Index(fields=["subject"], name="handover_subject")]

    def __str__(self) -> str:
        return f"{self.subject} {self.number}: {self.giver} to {self.taker} ({self.state})"


class Reassignment(models.Model):
    """A superior's public notice that a home is dead or frozen, and the order that may follow it."""

    subject = models.CharField(max_length=SUBJECT)
    superior = models.CharField(max_length=ORIGIN)
    giver = models.CharField(max_length=ORIGIN)
    taker = models.CharField(max_length=ORIGIN)
    size = models.PositiveBigIntegerField()
    """The old home's records below this index, of its last proven head, stand."""

    reason = models.CharField(max_length=400)
    notice = models.CharField(max_length=COMMITMENT, unique=True)
    noticed_on = models.DateField()
    stands_from = models.DateField(null=True)
    """The first day on which the notice can have stood, as far as this unit saw: a log can write an earlier day."""

    order = models.CharField(max_length=COMMITMENT, blank=True)
    ordered_on = models.DateField(null=True)
    objection = models.CharField(max_length=COMMITMENT, blank=True)
    objected_on = models.DateField(null=True)
    late_known = models.PositiveIntegerField(default=0)
    """So many records of the old home above ``size`` were here when people settled that there are any."""

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["subject"], name="reassignment_subject")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.superior} for {self.giver}"


class Superior(models.Model):
    """The directory's line: which log may speak for the people of another when that one is dead or frozen."""

    unit = models.CharField(max_length=ORIGIN, unique=True)
    superior = models.CharField(max_length=ORIGIN)

    class Meta:
        ordering = ["unit"]

    def __str__(self) -> str:
        return f"{self.unit} below {self.superior}"
