"""Sealed reports (密件): that they are there, and their words for whoever holds the key. Nothing opened is kept anywhere."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from minqing.accounts.models import Role
from minqing.channel import selectors, services
from minqing.channel.errors import ChannelFault, UnknownCase
from minqing.channel.photos import photos_read
from minqing.desk.access import staff_page

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff
    from minqing.channel.boxes import Content


@staff_page(Role.CUSTODIAN)
def sealed(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List the reports that this custodian's key opens: a day and how often each was opened, nothing else."""
    return _page(request, staff)


@sensitive_post_parameters()
@sensitive_variables()
@staff_page(Role.CUSTODIAN, methods=("POST",))
def sealed_open(request: HttpRequest, staff: Staff, report: uuid.UUID) -> HttpResponse:
    """Open one with the private key, show it this once; the opening is recorded and the other custodian sees it."""
    try:
        content = services.sealed_open(
            by=staff, report=str(report), private_key=request.POST.get("key", "").strip()
        )
    except UnknownCase as error:
        return _page(
            request,
            staff,
            fault=_("这把钥匙打不开这一件。请用自己登记过的那把。"),
            at=str(report),
            status=error.status,
        )
    except ChannelFault as error:
        return _page(request, staff, fault=str(error), at=str(report), status=error.status)
    return render(
        request,
        "desk/sealed/opened.html",
        {"content": content, "words": _words(content), "photos": _photos(content)},
    )


def _words(content: Content) -> list[str]:
    return [octets.decode() for octets in (content.words, *content.later)]


def _photos(content: Content) -> list[str]:
    """Shown copies made anew, inside the page: nothing of them is written or fetched a second time."""
    return [
        "data:image/jpeg;base64," + base64.b64encode(photo.shown).decode()
        for photo in photos_read(content.photos)
    ]


def _page(
    request: HttpRequest, staff: Staff, *, fault: str = "", at: str = "", status: int = 200
) -> HttpResponse:
    return render(
        request,
        "desk/sealed/sealed.html",
        {"rows": selectors.sealed_for(staff), "fault": fault, "at": at},
        status=status,
    )
