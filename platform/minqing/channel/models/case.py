"""One case (办件) and what belongs to it: words, photos, steps, deadlines, referrals, ratings."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from minqing.accounts.models import Staff
from minqing.channel.models.closed import ClosedText
from minqing.channel.models.places import Place
from minqing.channel.states import MAX_RETURNS, State


class Kind(models.TextChoices):
    """What the citizen says it is; 说不清 is a full answer."""

    QUESTION = "question", _("咨询")
    HELP = "help", _("求助")
    COMPLAINT = "complaint", _("投诉")
    SUGGESTION = "suggestion", _("建议")
    PRAISE = "praise", _("表扬")
    UNSURE = "unsure", _("说不清")


class Way(models.TextChoices):
    """How the words reached the unit; all but the web were typed by staff (domain: routes of the channel)."""

    WEB = "web", _("网上民情通道")
    PHONE = "phone", _("热线来电")
    BOX = "box", _("群众意见箱")
    MONITOR = "monitor", _("监督员书面意见")
    VISIT = "visit", _("走访谈话")
    COUNTER = "counter", _("便民中心代写")
    PEER = "peer", _("其他单位转来")


class Sender(models.TextChoices):
    """Who wrote a message."""

    CITIZEN = "citizen", _("反映人")
    STAFF = "staff", _("承办单位")


class Purpose(models.TextChoices):
    """What a message is for."""

    REPORT = "report", _("反映内容")
    FOLLOW_UP = "follow_up", _("补充")
    QUESTION = "question", _("询问")
    ANSWER = "answer", _("答复")


class Verdict(models.TextChoices):
    """The reporter's rating of how the case was handled."""

    SATISFIED = "satisfied", _("满意")
    BASICALLY = "basically", _("基本满意")
    UNSATISFIED = "unsatisfied", _("不满意")


class Case(models.Model):
    """One report and its way through the unit.

    ``number`` (受理编号) is no secret and is drawn at random within the year: consecutive numbers would tell who
    reported before whom. ``code`` is the stretched form of the query code (查询码); the code itself is never
    stored. A case that came from another unit has no code here but ``source`` and ``source_subject``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(_("受理编号"), max_length=32, unique=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.RECEIVED)
    day = models.DateField(_("收到日期"))
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.UNSURE)
    way = models.CharField(max_length=16, choices=Way.choices, default=Way.WEB)
    place = models.ForeignKey(
        Place, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    place_text = models.CharField(_("地点"), max_length=200, blank=True)
    contact = ClosedText(_("联系方式"), blank=True)
    code = models.BinaryField(unique=True, null=True, max_length=32, editable=False)
    code_seen = models.BooleanField(
        default=False
    )  # staff read it out or printed it: ratings must wait for a new one
    behind = models.BooleanField(
        default=False
    )  # came unproven from a crowded line: listed after the others
    returns = models.PositiveSmallIntegerField(default=0)
    office = models.CharField(_("承办科室"), max_length=120, blank=True)
    source = models.CharField(
        max_length=80, blank=True
    )  # origin of the unit that first received it
    source_subject = models.CharField(max_length=80, blank=True)
    superior = models.CharField(
        max_length=80, blank=True
    )  # opened only there: the words name someone here
    kept_from = ArrayField(
        models.BigIntegerField(), null=True, blank=True
    )  # names someone here, nobody above opens it: for supervisors other than these members of staff
    from_below = models.BooleanField(
        default=False, db_default=False
    )  # came up over its first receiver's head, which cannot have it erased here
    copy_kept = models.BooleanField(
        default=False, db_default=False
    )  # emptied at another unit's word, after this unit had sealed what it held
    copied = models.PositiveSmallIntegerField(
        default=0, db_default=0
    )  # how many of its messages custodians have sealed, because nobody here may open it
    pressed_on = models.DateField(null=True, blank=True)
    escalated_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=State.values), name="case_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=Kind.values), name="case_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(returns__lte=MAX_RETURNS), name="case_returned_twice_at_most"
            ),
            models.CheckConstraint(
                condition=models.Q(code__isnull=True, source__gt="")
                | models.Q(code__isnull=False, source=""),
                name="case_code_or_source",
            ),
            models.UniqueConstraint(
                fields=["source", "source_subject"],
                condition=models.Q(source__gt=""),
                name="case_once_per_source",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def where(self) -> str:
        """Where it happened, in words."""
        names = [place.name for place in (self.place and self.place.within, self.place) if place]
        return " ".join([*names, self.place_text]).strip()

    @property
    def subject(self) -> str:
        """The subject of this unit's records about the case; derived from neither number nor code."""
        return f"case-{self.id.hex}"


class Message(models.Model):
    """Words of one side, kept as the octets that came; ``n`` counts within the case."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="messages")
    n = models.PositiveSmallIntegerField()
    sender = models.CharField(max_length=8, choices=Sender.choices)
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    octets = models.BinaryField()
    commitment = models.CharField(max_length=64)  # hex, of the record that holds the same octets
    header = models.BinaryField(null=True)  # of a citizen's words that came from another unit, with
    salt = models.BinaryField(null=True)  # the salt: the evidence that travels on with them
    day = models.DateField()

    class Meta:
        ordering = ["case", "n"]
        constraints = [models.UniqueConstraint(fields=["case", "n"], name="message_once_per_place")]

    def __str__(self) -> str:
        return f"{self.case_id} {self.n}"


class Mask(models.Model):
    """A stretch of a message that the shown copy covers; the octets below stay as they are.

    ``start`` and ``length`` count characters of the decoded text. The message's commitment links the shown
    copy to the original.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="masks")
    start = models.PositiveIntegerField()
    length = models.PositiveIntegerField()
    reason = models.CharField(max_length=120)

    class Meta:
        ordering = ["message", "start"]
        constraints = [
            models.CheckConstraint(condition=models.Q(length__gt=0), name="mask_covers_something"),
            models.UniqueConstraint(fields=["message", "start"], name="mask_once_per_start"),
        ]

    def __str__(self) -> str:
        return f"{self.start}+{self.length}"


class Attachment(models.Model):
    """A photo: the original, sealed to this unit's box key (``channel.originals``), and the copy people see, made anew."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="attachments")
    n = models.PositiveSmallIntegerField()
    original = models.BinaryField()  # ciphertext
    digest = models.CharField(
        max_length=64, default="", db_default=""
    )  # salted, the same at every unit
    shown = models.BinaryField()
    media_type = models.CharField(max_length=40)
    commitment = models.CharField(max_length=64)

    class Meta:
        ordering = ["case", "n"]
        constraints = [
            models.UniqueConstraint(fields=["case", "n"], name="attachment_once_per_place")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.n}"


class Step(models.Model):
    """One move of the case, with its day; what the reporter reads as the course of things."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="steps")
    n = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=State.choices)
    note = models.CharField(max_length=500, blank=True)
    unit = models.CharField(max_length=120)  # the name of the unit that took the step
    by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    commitment = models.CharField(
        max_length=64, blank=True
    )  # of the record that brought it from another unit
    day = models.DateField()

    class Meta:
        ordering = ["case", "n"]
        constraints = [models.UniqueConstraint(fields=["case", "n"], name="step_once_per_place")]

    def __str__(self) -> str:
        return f"{self.case_id} {self.state}"


class Deadline(models.Model):
    """A limit that runs in the case: which rule, until when, and on which day it was met."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="deadlines")
    rule = models.CharField(max_length=40)
    day = models.DateField()
    provisional = models.BooleanField(default=False)
    met_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["day", "rule"]
        constraints = [
            models.UniqueConstraint(fields=["case", "rule"], name="deadline_once_per_rule")
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.day}"


class Referral(models.Model):
    """The case as handed to another unit. The first receiver stays responsible (首接负责)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="referrals")
    origin = models.CharField(max_length=80)
    name = models.CharField(max_length=120)
    reason = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.RECEIVED)
    day = models.DateField()
    commitment = models.CharField(max_length=64)

    class Meta:
        ordering = ["case", "day", "id"]
        constraints = [
            models.UniqueConstraint(fields=["case", "origin"], name="referral_once_per_unit")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.name}"


class Rating(models.Model):
    """What the reporter thinks of one answer; one for each answer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="ratings")
    round = models.PositiveSmallIntegerField()
    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    day = models.DateField()

    class Meta:
        ordering = ["case", "round"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(verdict__in=Verdict.values), name="rating_verdict_known"
            ),
            models.UniqueConstraint(fields=["case", "round"], name="rating_once_per_answer"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.verdict}"
