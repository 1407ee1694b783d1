"""Counters for the public figures, and the mark of the daily upkeep."""

from __future__ import annotations

from django.db import models

DAYS = "days."
"""Before the number of days after which a first answer came; such rows stand at the first day of their month."""


class Tally(models.Model):
    """How often something happened on a day. Counters only grow.

    A case is counted from its acceptance on, and nothing is taken back when it is sealed later: neither a
    rise nor a fall of a public figure tells that a report was sealed.
    """

    day = models.DateField()
    name = models.CharField(max_length=24)
    n = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["day", "name"]
        constraints = [models.UniqueConstraint(fields=["day", "name"], name="tally_once_per_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.name} {self.n}"


class Upkeep(models.Model):
    """The day whose upkeep is done. One row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    day = models.DateField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="upkeep_one_row")]

    def __str__(self) -> str:
        return str(self.day)
