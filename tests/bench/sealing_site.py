"""The whole site with one more address: what is sent there is appended, and answered once it is sealed.

No page of the house does just that: a report waits for its slot, and publishing an entry does much besides. Middleware,
unit by host name, transaction, seal and signer are the ones of every page.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from minqing.config.wsgi import application as application
from sync import ledger
from sync.audiences import CONNECTED
from sync.kinds import RecordKind, register_kind

if TYPE_CHECKING:
    from django.http import HttpRequest

KIND = "bench.sent"


@csrf_exempt
def send(request: HttpRequest) -> HttpResponse:
    """Append the body; answer with the size of the signed head that covers it."""
    with transaction.atomic():
        ledger.append(
            kind=KIND,
            subject=secrets.token_hex(16),
            body=request.body,
            audience=CONNECTED,
            media_type="text/plain",
        )
    return HttpResponse(str(ledger.seal().size))


def _add_address() -> None:
    from minqing.config import urls  # needs the registry of apps

    register_kind(RecordKind(name=KIND))
    urls.urlpatterns.insert(0, path("bench/send", send))


_add_address()
