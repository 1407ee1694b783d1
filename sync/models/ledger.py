"""Tables of the ledger, one set per unit.

Every row carries the unit's code, and the provisioner fixes it with a CHECK per schema: a row written
through a wrong search path is refused by the database. `Entry`, `Tile` and `Head` are never changed;
an `Opening` may only be deleted, by the erasure. Triggers hold that (they hinder accidents and the
application, not the database's administrator, whom the audit finds).
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

TABLES = (
    "sync_log",
    "sync_chain",
    "sync_pending",
    "sync_entry",
    "sync_opening",
    "sync_tile",
    "sync_head",
)
"""Every table that carries the unit's code."""


class Log(models.Model):
    """The unit's log: its fixed name, its key and how far the tree has grown. One row."""

    unit = models.CharField(max_length=32, primary_key=True)
    origin = models.CharField(max_length=80)
    log_key = models.CharField(max_length=200, blank=True)
    """Verifier key of the log, pinned when the signer first made it; empty before."""

    size = models.BigIntegerField(default=0)
    edge = models.BinaryField(default=b"")
    """Roots of the tree's complete subtrees, largest first, 32 octets each."""

    last_slot = models.BigIntegerField(default=0)
    """Number of the last slot sealed: POSIX seconds divided by the slot's length."""

    halted = models.CharField(max_length=300, blank=True)
    """Why nothing is sealed until an operator adopts the log; empty: it goes on."""

    known = models.BinaryField(default=b"")
    """While halted: the largest head with our own signature that is known, as its note."""

    def __str__(self) -> str:
        return self.origin


class Chain(models.Model):
    """The last record of each subject and audience; its lock orders appends to one chain."""

    pk = models.CompositePrimaryKey("subject", "audience")
    unit = models.CharField(max_length=32)
    subject = models.CharField(max_length=200)
    audience = models.CharField(max_length=100)
    n = models.BigIntegerField()
    last = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.subject} {self.n}"


class Pending(models.Model):
    """A committed record that has no index yet. Slotted ones wait for the slot."""

    unit = models.CharField(max_length=32)
    slotted = models.BooleanField()
    kind = models.CharField(max_length=65)
    subject = models.CharField(max_length=200)
    audience = models.CharField(max_length=100)
    commitment = models.BinaryField(unique=True)
    header = models.BinaryField()
    body = models.BinaryField()
    salt = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(
                fields=["subject"], condition=Q(slotted=True), name="pending_slotted_subject"
            )
        ]

    def __str__(self) -> str:
        return bytes(self.commitment).hex()


class Entry(models.Model):
    """A leaf: the commitment at an index. The log entry is 0x01 and these 32 octets."""

    index = models.BigIntegerField(primary_key=True)
    unit = models.CharField(max_length=32)
    commitment = models.BinaryField(unique=True)

    def __str__(self) -> str:
        return f"{self.index} {bytes(self.commitment).hex()}"


class Opening(models.Model):
    """Header, body and salt that open the commitment at an index; gone after an erasure."""

    index = models.BigIntegerField(primary_key=True)
    unit = models.CharField(max_length=32)
    kind = models.CharField(max_length=65)
    subject = models.CharField(max_length=200)
    audience = models.CharField(max_length=100)
    header = models.BinaryField()
    body = models.BinaryField()
    salt = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["subject", "index"], name="opening_subject"),
            # The public feed finds its records however rare they are; peers read runs of indexes, whatever stands there.
            models.Index(fields=["index"], name="opening_public", condition=Q(audience="public")),
        ]

    def __str__(self) -> str:
        return f"{self.index} {self.kind}"


class Tile(models.Model):
    """A full tile of 256 hashes. Partial ones are made from entries, or from the roots of the level below."""

    pk = models.CompositePrimaryKey("level", "index")
    unit = models.CharField(max_length=32)
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    root = models.BinaryField()
    """Root over the 256 hashes: this tile's hash one level up."""

    hashes = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.level}/{self.index}"


class Head(models.Model):
    """A published tree head: what the signer signed and everybody may see."""

    size = models.BigIntegerField(primary_key=True)
    unit = models.CharField(max_length=32)
    root = models.BinaryField()
    note = models.BinaryField()
    """The signed checkpoint without cosignatures."""

    def __str__(self) -> str:
        return str(self.size)
