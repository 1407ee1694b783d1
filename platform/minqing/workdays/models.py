"""The days on which the plain week does not hold: holidays (放假) and made-up working days (调休上班)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Effect(models.TextChoices):
    """What an exception does to its day."""

    OFF = "off", _("放假")
    WORK = "work", _("上班")


class DayException(models.Model):
    """One day that differs from the plain week.

    ``announced`` is false while the State Council's notice for that year is not out: what is
    computed across such a year is provisional (暂定). ``own`` rows were entered by the unit and are
    never overwritten by the calendar that comes with a release.
    """

    day = models.DateField(_("日期"), primary_key=True)
    effect = models.CharField(max_length=4, choices=Effect.choices)
    name = models.CharField(_("名称"), max_length=40)
    announced = models.BooleanField(_("已公布"), default=True)
    own = models.BooleanField(_("本单位录入"), default=False)

    class Meta:
        ordering = ["day"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(effect__in=Effect.values), name="day_exception_effect_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.get_effect_display()} {self.name}"
