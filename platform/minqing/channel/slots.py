"""The day from which a case's clocks run: that of the end of its slot, so that no limit tells the hour."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.utils import timezone


def slot_day() -> datetime.date:
    """Return the day of the last moment of the running slot."""
    length = settings.MINQING.slot_seconds
    end = (int(timezone.now().timestamp()) // length + 1) * length
    return timezone.localtime(datetime.datetime.fromtimestamp(end - 1, tz=datetime.UTC)).date()
