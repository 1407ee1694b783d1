"""Staff of one unit. Citizens have no accounts and officials need none."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a member of staff may do. Roles add up; none includes another."""

    CLERK = "clerk", _("经办")
    REVIEWER = "reviewer", _("审核")
    HANDLER = "handler", _("承办")
    SUPERVISOR = "supervisor", _("督办")
    CUSTODIAN = "custodian", _("密件保管")
    OPERATOR = "operator", _("运行维护")


class StaffManager(BaseUserManager["Staff"]):
    """Look staff up by sign-in name; they are made by ``accounts.services.staff_create``."""


class Staff(AbstractBaseUser):
    """One member of staff of the current unit; the row lives in the unit's own schema."""

    username = models.CharField(_("登录名"), max_length=60, unique=True)
    name = models.CharField(_("姓名"), max_length=60)
    office = models.CharField(_("科室"), max_length=120, blank=True)
    roles = ArrayField(models.CharField(max_length=16, choices=Role.choices), default=list)
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)

    objects: ClassVar[StaffManager] = StaffManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name

    def has_role(self, *roles: str) -> bool:
        """Say whether one of the roles is held."""
        return self.is_active and any(role in self.roles for role in roles)


class SignInCell(models.Model):
    """Wrong passwords of the sign-in names that fall into one cell; see ``accounts.throttle``."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    failures = models.PositiveSmallIntegerField(default=0)
    rests_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.number}: {self.failures}"


class Proposal(models.Model):
    """What one operator wants done to an account and another has not agreed to yet; see ``accounts.staffing``.

    One for each sign-in name. ``password`` is the hash of a first password that nobody knows whole: who proposes was
    shown its first half, ``rest`` is shown to who agrees.
    """

    class What(models.TextChoices):
        """What is to be done; the words of the record that follows."""

        CREATED = "created", _("新增")
        CHANGED = "changed", _("改资料、角色")
        PASSWORD = "password", _("给新密码")
        ENABLED = "enabled", _("恢复账号")

    username = models.CharField(primary_key=True, max_length=60)
    what = models.CharField(max_length=12)
    name = models.CharField(max_length=60)
    office = models.CharField(max_length=120, blank=True)
    roles = ArrayField(models.CharField(max_length=16))
    password = models.CharField(max_length=128, blank=True)
    rest = models.CharField(max_length=20, blank=True)
    by = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()

    class Meta:
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(what__in=["created", "changed", "password", "enabled"]),
                name="proposal_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.username}"


class Motion(models.Model):
    """What one operator did that counts only when another does the same; see ``accounts.seconding``."""

    act = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    details = models.JSONField(default=dict)
    by = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()

    class Meta:
        ordering = ["act", "subject"]
        constraints = [models.UniqueConstraint(fields=["act", "subject"], name="motion_once")]

    def __str__(self) -> str:
        return f"{self.act} {self.subject}"
