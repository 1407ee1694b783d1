"""Tables of the exchange: whom we know, what we give and have given, what we copied, took, held back and hold against.

All live in the unit's own schema. `Received` is the largest; it is written with COPY by ``apply`` only.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class Peer(models.Model):
    """Another unit, as its unit document introduced it. Keys change only through a new connection."""

    origin = models.CharField(max_length=80, unique=True)
    code = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=300)
    operator = models.CharField(max_length=120)
    log_key = models.CharField(max_length=200)
    ack_key = models.CharField(max_length=200)
    peer_key = models.CharField(max_length=200)
    box_key = models.CharField(max_length=200)
    witness_key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=100)
    asked_here = models.BooleanField(default=False)
    accepted_here = models.DateField(null=True)
    accepted_there = models.DateField(null=True)
    first_connected_on = models.DateField(null=True)
    """When both sides had accepted for the first time; a later end, or a new request, does not change it: what it got it may still hold."""
    told_of_acceptance = models.BooleanField(default=False)
    ended_on = models.DateField(null=True)
    frozen_on = models.DateField(null=True)
    epoch = models.PositiveIntegerField(default=0)
    """Counts changes of what we grant to the peer; a new number makes it ask again from the beginning."""
    delivered = models.PositiveBigIntegerField(default=0)
    """The peer has everything of ours below this index: it asked for what follows."""
    proven_keys = models.BooleanField(default=False)
    """It showed that it holds the keys it announced; release 0.1 did not yet."""
    own_operator = models.CharField(max_length=120, blank=True, default="")
    """The operator's name under which we accepted the connection: the fingerprint that was read out covers it."""
    superior = models.BooleanField(default=False)
    """Our region's superior unit: its signed policy says who is who."""

    class Meta:
        ordering = ["code", "origin"]
        constraints = [
            models.UniqueConstraint(
                fields=["superior"], condition=Q(superior=True), name="one_superior"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """``requested``, ``offered``, ``accepted`` (we did, they not yet), ``connected``, ``frozen`` or ``ended``."""
        if self.ended_on is not None:
            return "ended"
        if self.accepted_here is None:
            return "requested" if self.asked_here else "offered"
        if self.accepted_there is None:
            return "accepted"
        return "connected" if self.frozen_on is None else "frozen"

    @property
    def connected(self) -> bool:
        """Whether both sides accepted; a frozen peer is still served and still mirrored."""
        return (
            self.ended_on is None
            and self.accepted_here is not None
            and self.accepted_there is not None
        )


class PeerKey(models.Model):
    """A key of a peer beside those in its row: one that comes, one that ended, or one of another use."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="further_keys")
    use = models.CharField(max_length=16)
    """``log``, ``ack``, ``peer``, ``box``, ``witness`` or ``policy``."""
    key = models.CharField(max_length=200)
    last = models.PositiveBigIntegerField(null=True)
    """Size of the last head of the peer's before the key ended; null: it is good."""

    class Meta:
        ordering = ["use", "id"]
        constraints = [models.UniqueConstraint(fields=["peer", "key"], name="peer_key_once")]

    def __str__(self) -> str:
        return f"{self.use} {self.key}"


class RegionPolicy(models.Model):
    """The newest policy that a unit signed for its region: ours, or a connected unit's."""

    region = models.CharField(max_length=80, unique=True)
    version = models.PositiveBigIntegerField()
    expires_on = models.DateField()
    note = models.BinaryField()
    taken_on = models.DateField()

    def __str__(self) -> str:
        return f"{self.region} version {self.version}"


class Grant(models.Model):
    """A kind of records that the peer may have: ``connected`` ones from index ``start`` on, public ones all."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="grants")
    kind = models.CharField(max_length=65)
    start = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["kind"]
        constraints = [models.UniqueConstraint(fields=["peer", "kind"], name="grant_once")]

    def __str__(self) -> str:
        return f"{self.kind} from {self.start}"


class Told(models.Model):
    """What we told a peer about all that we disclosed to it up to a size; the next answer counts on from there."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="told")
    epoch = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField()
    count = models.PositiveBigIntegerField()
    last = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["peer", "epoch", "size"], name="told_once")]

    def __str__(self) -> str:
        return f"{self.count} records up to {self.size}"


class Following(models.Model):
    """How far we are with a peer's log. The row's lock is held by whoever pulls from it."""

    peer = models.OneToOneField(
        Peer, on_delete=models.CASCADE, primary_key=True, related_name="following"
    )
    mirrored = models.PositiveBigIntegerField(default=0)
    """Leaves below this index are copied and proven under a verified head."""
    applied = models.PositiveBigIntegerField(default=0)
    """Records below this index that were disclosed to us are applied, held back or refused."""
    epoch = models.PositiveIntegerField(default=0)
    counted = models.PositiveBigIntegerField(default=0)
    """Records received in this epoch below ``applied``; the peer's note must say the same number."""
    last = models.CharField(max_length=64, blank=True)
    """Commitment of the last of them."""
    kinds_tried = models.CharField(max_length=16, blank=True, default="")
    """What held records were judged by when all were tried last (see ``replay``)."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(applied__lte=F("mirrored")), name="applied_is_mirrored"
            )
        ]

    def __str__(self) -> str:
        return f"{self.applied} of {self.mirrored}"


class Contact(models.Model):
    """When to try a peer again, one row per direction: ``pull`` (we fetch), ``ring`` (we tell), ``witness`` (we ask), ``broker``."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="contacts")
    direction = models.CharField(
        max_length=8, choices=[(name, name) for name in ("pull", "ring", "witness", "broker")]
    )
    failures = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    succeeded_on = models.DateField(null=True)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["peer", "direction"], name="contact_once")]

    def __str__(self) -> str:
        return f"{self.direction} {self.due_at}"


class PeerHead(models.Model):
    """A head that carried the peer's own signature, with the whole note: that is what proves a fork."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="heads")
    size = models.PositiveBigIntegerField()
    root = models.BinaryField()
    note = models.BinaryField()
    seen_on = models.DateField()
    proven = models.BooleanField(default=False)
    """Our copy of the leaves reproduces it."""

    class Meta:
        ordering = ["-size"]
        constraints = [
            models.UniqueConstraint(fields=["peer", "size", "root"], name="peer_head_once")
        ]

    def __str__(self) -> str:
        return f"{self.size}"


class MirrorBundle(models.Model):
    """Up to 256 commitments of a peer's log, 32 octets each; ``root`` is their subtree's, once there are 256."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="bundles")
    number = models.PositiveBigIntegerField()
    commitments = models.BinaryField()
    root = models.BinaryField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["peer", "number"], name="mirror_bundle_once")
        ]

    def __str__(self) -> str:
        return f"{self.number}"


class Received(models.Model):
    """A record of a peer that was proven against its leaf. An erased one has no header, body or salt."""

    APPLIED, HELD, ERASED, REFUSED = range(4)

    pk = models.CompositePrimaryKey("peer_id", "index")
    peer = models.ForeignKey(
        Peer, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    index = models.BigIntegerField()
    state = models.SmallIntegerField()
    n = models.BigIntegerField(null=True)
    commitment = models.BinaryField()
    subject = models.CharField(max_length=200, null=True)  # noqa: DJ001  null: not known any more, erased
    audience = models.CharField(max_length=100, null=True)  # noqa: DJ001
    kind = models.CharField(max_length=65, null=True)  # noqa: DJ001
    salt = models.BinaryField(null=True)
    header = models.BinaryField(null=True)
    body = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["commitment", "peer"], name="received_commitment"),
            models.UniqueConstraint(
                fields=["peer", "subject", "audience", "n"],
                condition=Q(state__lt=3),
                name="received_chain",
            ),
        ]
        # A case is let go in one transaction with all that peers sent about it: few among a follower's many records.
        indexes = [
            models.Index(
                fields=["peer", "index"],
                condition=Q(kind__startswith="channel."),
                name="received_of_cases",
            )
        ]

    def __str__(self) -> str:
        return f"{self.index}"


class Quarantine(models.Model):
    """A record that waits or was refused, and why. It holds back only what follows in its own chain."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="quarantine")
    index = models.BigIntegerField()
    subject = models.CharField(max_length=200)
    audience = models.CharField(max_length=100)
    kind = models.CharField(max_length=65)
    reason = models.CharField(max_length=32)
    sentence = models.CharField(max_length=300)
    about = models.CharField(max_length=120, blank=True, default="")
    """The subject whose home it waits to learn, where that is all; tried again when there is news of it."""

    since = models.DateField()

    class Meta:
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["peer", "index"], name="quarantine_once")]
        indexes = [
            models.Index(fields=["peer", "subject", "audience"], name="quarantine_chain"),
            models.Index(fields=["about"], condition=~Q(about=""), name="quarantine_about"),
        ]

    def __str__(self) -> str:
        return f"{self.index}: {self.reason}"


class DisclosureNote(models.Model):
    """What a peer signed about all that it disclosed to us up to a size: a later gap proves withholding."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="disclosure_notes")
    epoch = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField()
    count = models.PositiveBigIntegerField()
    note = models.BinaryField()

    class Meta:
        ordering = ["-size"]
        constraints = [
            models.UniqueConstraint(fields=["peer", "epoch", "size"], name="disclosure_note_once")
        ]

    def __str__(self) -> str:
        return f"{self.count} up to {self.size}"


class Nonce(models.Model):
    """A nonce that a verified request used; kept longer than the request could be repeated."""

    keyid = models.CharField(max_length=80)
    nonce = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["keyid", "nonce"], name="nonce_once")]

    def __str__(self) -> str:
        return self.nonce


class Incident(models.Model):
    """Something held against a peer. The same thing seen again counts up; its evidence is kept once."""

    peer = models.ForeignKey(Peer, on_delete=models.CASCADE, related_name="incidents")
    name = models.CharField(max_length=32)
    sentence = models.CharField(max_length=300)
    digest = models.BinaryField()
    first_on = models.DateField()
    last_on = models.DateField()
    times = models.PositiveIntegerField(default=1)
    freezes = models.BooleanField(default=False)
    settled_on = models.DateField(null=True)
    thaw_by = models.CharField(max_length=150, blank=True)
    """Who proposed to take the peer's records again; somebody else has to agree."""
    thaw_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-last_on", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["peer", "name", "digest"], name="incident_once")
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


class Evidence(models.Model):
    """One file of an incident: octets exactly as they came."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="evidence")
    name = models.CharField(max_length=64)
    content = models.BinaryField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["incident", "name"], name="evidence_once")]

    def __str__(self) -> str:
        return self.name


class Cosignature(models.Model):
    """An outside witness's line under one of our own heads. Counted are operators, not units."""

    size = models.PositiveBigIntegerField()
    root = models.BinaryField()
    witness_key = models.CharField(max_length=200)
    operator = models.CharField(max_length=120)
    line = models.CharField(max_length=300)

    class Meta:
        ordering = ["-size"]
        constraints = [
            models.UniqueConstraint(fields=["size", "root", "witness_key"], name="cosignature_once")
        ]

    def __str__(self) -> str:
        return f"{self.operator} at {self.size}"
