"""Counters for the public figures, and the mark of the daily upkeep."""

from __future__ import annotations

import secrets

from django.db import models

DAYS = "days."
"""Before the number of days after which a first answer came; such rows stand at the first day of their month."""


def random_id() -> int:
    """Return an id that tells no order; as JSON and JavaScript read whole numbers."""
    return secrets.randbelow(1 << 53)


class Tally(models.Model):
    """That something happened on a day, and how often. Each time is a row, added up by the next day's upkeep.

    A row that everybody counts up would be locked to the end of whoever came first, who may need a case that the next one holds.

    A case is counted from its acceptance on, and nothing is taken back when it is sealed later: neither a
    rise nor a fall of a public figure tells that a report was sealed.
    """

    id = models.BigIntegerField(primary_key=True, default=random_id)
    day = models.DateField()
    name = models.CharField(max_length=24)
    n = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["day", "name"]
        indexes = [models.Index(fields=["day", "name"], name="tally_by_day")]

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
