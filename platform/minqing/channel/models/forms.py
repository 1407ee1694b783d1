"""Forms of the public pages that were carried out once."""

from __future__ import annotations

from django.db import models


class FormUse(models.Model):
    """One form of this or the day before that was sent, so that its second press finds the first one's papers.

    ``id`` is a keyed digest of the form's random token, which is kept nowhere; ``box`` holds the query code, encrypted
    with a key of token and content. Only who holds the same form can open it. It names no case, no address, no hour.
    """

    id = models.CharField(primary_key=True, max_length=64)
    box = models.BinaryField()
    day = models.DateField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id
