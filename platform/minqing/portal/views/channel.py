"""The way in: two doors, the words, a look over them, and the receipt.

Every view here is csrf_exempt: a report carries no ambient authority (no cookie, no sign-in) that another
site could borrow, and Django's check would read ``request.POST``, which changes octets. Forms of other sites
are turned away by what the browser itself says.

The look-over keeps the octets: a textarea that is posted twice would normalise its line ends, so the words travel
on as base64 in a hidden field, decoded to exactly what came first.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from minqing.channel import abuse, selectors
from minqing.channel.errors import ChannelFault, FormFault
from minqing.channel.octets import MAX_WORDS, check_words, form_of, from_elsewhere
from minqing.channel.services import once, report_lodge
from minqing.portal.views.answers import posted, problem, unkept

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.channel.octets import Form

ENCODED_WORDS = 4 * ((MAX_WORDS + 2) // 3)
"""Characters of the longest words in base64."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What stands beside the words."""

    village: str = ""
    place: str = ""
    kind: str = "unsure"
    contact: str = ""


@unkept
@require_safe
def doors(request: HttpRequest) -> HttpResponse:
    """The two doors, in plain words, before any text is typed."""
    return render(request, "portal/doors.html")


@unkept
@require_safe
def wrongdoing(request: HttpRequest) -> HttpResponse:
    """The second door: who may take such reports, by telephone or on a page of their own. Nothing is typed here."""
    return render(request, "portal/wrongdoing.html", {"door": selectors.competent_receivers()})


@unkept
@csrf_exempt  # no ambient authority; see the module
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest) -> HttpResponse:
    """The empty form; or, by POST, the form with the words to change."""
    if request.method != "POST":
        return _form(request, words="", chosen=Chosen())
    try:
        form = form_of(request)
        return _form(request, words=_words(form).decode(), chosen=_chosen(form))
    except ChannelFault as fault:
        return problem(request, fault.status, str(fault))


@unkept
@posted("portal:doors")
def look(request: HttpRequest) -> HttpResponse:
    """Show the words as they would be kept; nothing is stored."""
    chosen, words = Chosen(), ""
    try:
        form = form_of(request)
        words = _typed(form)
        chosen = _chosen(form)
        octets = _words(form)
    except ChannelFault as fault:
        return _form(request, words=words, chosen=chosen, fault=str(fault), status=fault.status)
    return _look(request, octets=octets, chosen=chosen)


@unkept
@posted("portal:doors")
def send(request: HttpRequest) -> HttpResponse:
    """Lodge the report and show the receipt; its code is seen here only. A second press of the same form shows the same."""
    if from_elsewhere(request):
        return problem(
            request, 403, _("这份表单是从别的网站送来的，没有收下。请从本站的“我要反映”写。")
        )
    chosen, words, octets = Chosen(), "", b""
    try:
        form = form_of(request)
        words = _typed(form)
        chosen = _chosen(form)
        octets = _words(form)
        lodged = once.carried_out(
            form,
            lambda: report_lodge(
                words=octets,
                kind=chosen.kind,
                village=chosen.village,
                place=chosen.place,
                contact=chosen.contact,
                photos=form.files("photo"),
                behind=abuse.comes_behind(
                    request.META.get("REMOTE_ADDR", ""), form.text("solution", most=4096)
                ),
            ),
            selectors.lodged_by_code,
        )
    except once.FormSpent as fault:
        return problem(request, fault.status, str(fault))
    except ChannelFault as fault:
        if octets:  # the words are good: the fault stands beside the photos, where it is mended
            return _look(
                request, octets=octets, chosen=chosen, fault=str(fault), status=fault.status
            )
        return _form(request, words=words, chosen=chosen, fault=str(fault), status=fault.status)
    return render(request, "portal/receipt.html", {"lodged": lodged})


def _words(form: Form) -> bytes:
    """The words: as the field that was typed into, or as the base64 that the look-over carried on."""
    carried = form.text("words64", most=ENCODED_WORDS)
    if not carried:
        return form.words("words")
    try:
        return check_words(base64.b64decode(carried, validate=True))
    except ValueError as error:  # also characters that base64 does not have
        raise FormFault(_("提交的内容不完整，没有收下。请返回再提交一次。")) from error


def _typed(form: Form) -> str:
    """The words as they were typed, to be shown again when they are refused; empty where they are no text."""
    for field in form.fields:
        if field.name == "words" and b"\0" not in field.octets:
            with suppress(UnicodeDecodeError):
                return field.octets.decode()
    return ""


def _chosen(form: Form) -> Chosen:
    return Chosen(
        village=form.text("village", most=12),
        place=form.text("place"),
        kind=form.text("kind", most=20) or "unsure",
        contact=form.text("contact"),
    )


def _look(
    request: HttpRequest, *, octets: bytes, chosen: Chosen, fault: str = "", status: int = 200
) -> HttpResponse:
    kinds = {choice.value: choice.label for choice in selectors.kinds()}
    shown = {
        "words": octets.decode(),
        "words64": base64.b64encode(octets).decode(),
        "chosen": chosen,
        "fault": fault,
        "where": " ".join(
            part for part in (selectors.village_name(chosen.village), chosen.place) if part
        ),
        "kind_label": kinds.get(chosen.kind, ""),
        "form_token": once.form_token(),
        "challenge": abuse.challenge(request.META.get("REMOTE_ADDR", "")),
    }
    return render(request, "portal/look.html", shown, status=status)


def _form(
    request: HttpRequest, *, words: str, chosen: Chosen, fault: str = "", status: int = 200
) -> HttpResponse:
    shown = {
        "words": words,
        "chosen": chosen,
        "fault": fault,
        "places": selectors.villages(),
        "kinds": selectors.kinds(),
    }
    return render(request, "portal/write.html", shown, status=status)
