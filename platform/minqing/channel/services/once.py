"""A form of the public pages acts once, however often its button is pressed: without cookie, sign-in or JavaScript.

The page draws a random token into the form. The first press carries the form out and keeps the query code, encrypted
with a key that only token and content together give; a second press of the same form, byte for byte, opens it and
shows the same papers. The same token with other content shows nothing. Neither the token nor anything that leads
from the row to the case is kept, and the row is gone after the next day.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Protocol, TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from minqing.channel.errors import ChannelFault, FormFault, UnknownCode
from minqing.channel.models import FormUse
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from minqing.channel.octets import Form

FIELD = "form"
_TOKEN = re.compile(r"[0-9a-f]{32}")
_KEPT = datetime.timedelta(days=1)
_NOT_CONTENT = {FIELD, "solution"}


class FormSpent(ChannelFault):
    """The form was sent already, with other content, or its code was changed since."""

    status = 409


class Papers(Protocol):
    """What a form gives: papers with a query code."""

    @property
    def code(self) -> str:
        """The query code in groups of four."""
        ...


P = TypeVar("P", bound=Papers)


def form_token() -> str:
    """Return a token for one form."""
    return secrets.token_hex(16)


def carried_out(form: Form, act: Callable[[], P], again: Callable[[str], P]) -> P:
    """Run ``act`` for the form's first press, ``again`` with its query code for the same form's later ones.

    Two presses at a time wait for each other. When ``act`` raises, nothing is kept and the form may be sent again.
    A form without a token is carried out each time.

    Raises:
        FormFault: the token is none of ours.
        FormSpent: the form was sent before with other content.
    """
    token = form.text(FIELD, most=64)
    if not token:
        return act()
    if not _TOKEN.fullmatch(token):
        raise FormFault(_("提交的内容不完整，没有收下。请返回再提交一次。"))
    box = SecretBox(_derived(b"key", token, _content(form)))
    with transaction.atomic():
        use, is_first = FormUse.objects.get_or_create(
            id=_derived(b"id", token).hex(), defaults={"box": b"", "day": timezone.localdate()}
        )
        if is_first:
            papers = act()
            use.box = box.encrypt(papers.code.encode())
            use.save(update_fields=["box"])
            return papers
    try:
        return again(box.decrypt(bytes(use.box)).decode())
    except (CryptoError, UnknownCode) as error:
        raise FormSpent(
            _(
                "这份表单已经送出过，内容收下了，没有重复登记。要补充，请凭查询码继续说；要另写一件，请回“我要反映”重新开始。"
            )
        ) from error


def uses_forget() -> None:
    """Drop the rows of days before yesterday; the caller sees to once a day."""
    FormUse.objects.filter(day__lt=timezone.localdate() - _KEPT).delete()


def _content(form: Form) -> bytes:
    digest = hashlib.sha256()
    for field in form.fields:
        if field.name not in _NOT_CONTENT:
            for part in (field.name.encode(), field.octets):
                digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _derived(use: bytes, token: str, content: bytes = b"") -> bytes:
    message = b"\0".join([b"minqing/form/" + use, current_unit().code.encode(), token.encode()])
    return hmac.digest(settings.CHANNEL_PEPPER, message + b"\0" + content, hashlib.sha256)
