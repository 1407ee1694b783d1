"""A form acts once, however often its button is pressed."""

from __future__ import annotations

import datetime
import uuid
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from minqing.desk.models import Submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

FIELD = "once"
KEPT = datetime.timedelta(days=2)


def carry_out(request: HttpRequest, act: Callable[[], str]) -> str:
    """Run ``act`` in one transaction and return the address to go to next.

    A form that was carried out before, or is being carried out at this moment by another request, leads to where the first
    one went: the second waits on the row of the first. When ``act`` raises, nothing is kept and the form may be sent again.
    """
    token = _token(request)
    with transaction.atomic():
        if token is None:
            return act()
        today = timezone.localdate()
        row, is_new = Submission.objects.get_or_create(
            token=token, defaults={"day": today, "went_to": ""}
        )
        if not is_new:
            return row.went_to
        row.went_to = act()
        row.save(update_fields=["went_to"])
        Submission.objects.filter(day__lt=today - KEPT).delete()
        return row.went_to


def _token(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(request.POST.get(FIELD, ""))
    except ValueError:
        return None
