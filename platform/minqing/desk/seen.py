"""Two people who change the same thing: the second is told, nothing is overwritten.

A form carries a stamp of what it was drawn from. When it comes back, the thing is locked, read again and its stamp compared.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.db import connection
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from tenants.current import current_unit

if TYPE_CHECKING:
    from django.http import HttpRequest

FIELD = "seen"


class ChangedMeanwhile(Exception):
    """The thing is no longer what the form was drawn from."""

    status = 409

    def __init__(self) -> None:
        super().__init__(
            _("别人刚刚改过，您的没有存，免得盖掉别人的。请看现在的内容，需要时再改一次。")
        )


def stamp(value: object) -> str:
    """Return the stamp of a frozen value as it was shown."""
    return salted_hmac("minqing.desk.seen", repr(value), algorithm="sha256").hexdigest()[:32]


def lock(name: str) -> None:
    """Let one request at a time change the named thing of this unit, until its transaction ends."""
    key = hashlib.sha256(f"{current_unit().schema_name}\0{name}".encode()).digest()[:8]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(key, "big", signed=True)]
        )


def require_unchanged(request: HttpRequest, value: object) -> None:
    """Compare the form's stamp with the thing as it is now; a form without a stamp asks for no comparison.

    Raises:
        ChangedMeanwhile: somebody changed it after the form was drawn.
    """
    typed = request.POST.get(FIELD, "")
    if typed and typed != stamp(value):
        raise ChangedMeanwhile
