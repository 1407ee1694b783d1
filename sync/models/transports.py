"""What was sent by other ways than an answer to a pull."""

from __future__ import annotations

from django.db import models

from sync.models.exchange import Peer


class Sent(models.Model):
    """How far parcels for a peer went out by one way: given to the broker, or known by a cursor to have come off a disc."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="sent")
    way = models.CharField(max_length=8, choices=[(name, name) for name in ("broker", "disc")])
    epoch = models.PositiveIntegerField(default=0)
    """Version of our grants under which the peer counted; for discs."""

    size = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["peer", "way"], name="sent_once")]

    def __str__(self) -> str:
        return f"{self.way} {self.size}"
