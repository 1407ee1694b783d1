"""Text that a database alone does not tell: how the reporter may be reached.

The words must stand in the database, what names their author need not: who gets a backup without the key folder reads no
name and no telephone number. The key comes from the file that stretches the query codes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext as _
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

if TYPE_CHECKING:
    Text = models.TextField[str, str]
else:
    Text = models.TextField

_STEP = 64
"""Octets to which lengths are rounded up."""


def closed(text: str) -> str:
    """Return a text as it is kept; nothing stays nothing."""
    if not text:
        return ""
    plain = text.encode()
    padded = plain + bytes(-len(plain) % _STEP)
    return base64.b64encode(_box().encrypt(padded)).decode()


def opened(kept: str) -> str:
    """Return the text; where the key folder is another, a sentence in its place."""
    if not kept:
        return ""
    try:
        return _box().decrypt(base64.b64decode(kept, validate=True)).rstrip(b"\0").decode()
    except (CryptoError, ValueError):
        return _("（打不开：密钥文件不是当时的）")


class ClosedText(Text):
    """A column that holds a text as ``closed`` keeps it."""

    def get_prep_value(self, value: Any) -> Any:
        """Close what goes to the database."""
        text = super().get_prep_value(value)
        return closed(text) if isinstance(text, str) else text

    def from_db_value(self, value: str | None, *_given: object) -> str | None:
        """Open what comes from it."""
        return None if value is None else opened(value)


def _box() -> SecretBox:
    return SecretBox(hmac.digest(settings.CHANNEL_PEPPER, b"minqing/contact/v1", hashlib.sha256))
