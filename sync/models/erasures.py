"""Tables of erasures between units: what others ordered here, and what others confirmed of our orders."""

from __future__ import annotations

from django.db import models

from sync.models.exchange import Peer


class ErasureDuty(models.Model):
    """An order of a peer that reached us: to be carried out, then receipted by a record of our own."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="erasure_duties")
    index = models.PositiveBigIntegerField()
    """Of the order in the peer's log; its body stands in `Received`."""

    order = models.CharField(max_length=64)
    """Commitment of the order."""

    done_on = models.DateField(null=True)
    records = models.PositiveIntegerField(default=0)
    """How many of the records named had arrived here and are gone."""

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["peer", "index"], name="duty_once")]
        indexes = [models.Index(fields=["id"], condition=models.Q(done_on=None), name="duty_to_do")]

    def __str__(self) -> str:
        return f"{self.order} of {self.peer_id}"


class ErasureReceipt(models.Model):
    """What a peer's record says about one order of ours: the record itself, with its proof, stands in `Received`."""

    order = models.CharField(max_length=64)
    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="erasure_receipts")
    commitment = models.CharField(max_length=64)
    records = models.PositiveIntegerField()
    held_until = models.DateField()
    """Day until which the peer's own backups and WAL may still hold what it erased."""

    day = models.DateField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["order", "peer"], name="receipt_once")]

    def __str__(self) -> str:
        return f"{self.order} by {self.peer_id}"
