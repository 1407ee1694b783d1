"""Covering words in the shown copy of a message (遮盖); the octets stay as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from minqing.accounts.models import Role
from minqing.channel import selectors, services
from minqing.channel.errors import ChannelFault, UnknownCase
from minqing.channel.masks import stretches_of
from minqing.desk.access import staff_page
from minqing.desk.forms import DeskForm
from minqing.desk.views.acting import Refused, carry_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff
    from minqing.channel.values import MessageView


class MaskForm(DeskForm):
    """The words to cover and why."""

    pieces = forms.CharField(
        label=gettext_lazy("要遮盖的字"),
        max_length=4000,
        strip=False,
        help_text=gettext_lazy("一行一处，照原文抄；同样的字在别处出现，也一起遮。"),
        widget=forms.Textarea(attrs={"class": "short", "autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("为什么遮"),
        max_length=120,
        help_text=gettext_lazy("例如：第三人的电话。"),
    )


@staff_page(Role.HANDLER, Role.SUPERVISOR, methods=("GET", "POST"))
def mask(request: HttpRequest, staff: Staff, number: str, n: int) -> HttpResponse:
    """Ask which words to cover; by POST, cover them. What was covered before is named anew or shown again."""
    message = _message(staff, number, n)
    if request.method != "POST":
        return _page(request, number, message, MaskForm(initial={"pieces": _covered(message)}))
    form = MaskForm(request.POST)
    status = 400
    if form.is_valid():

        def act() -> str:
            pieces = form.cleaned_data["pieces"].replace("\r\n", "\n").split("\n")
            services.message_mask(
                by=staff,
                number=number,
                n=n,
                stretches=stretches_of(message.octets.decode(), pieces),
                reason=form.cleaned_data["reason"],
            )
            return reverse("desk:case", args=[number])

        try:
            return carry_out(request, act, said=_("遮好了。原文没有动，凭证也没有变。"))
        except Refused as refused:
            form.refuse(refused.error)
            status = refused.status
    return _page(request, number, message, form, status=status)


def _message(staff: Staff, number: str, n: int) -> MessageView:
    try:
        case = selectors.case_for(staff, number)
    except (UnknownCase, ChannelFault) as error:
        raise Http404 from error
    for message in case.messages:
        if message.n == n:
            return message
    raise Http404


def _covered(message: MessageView) -> str:
    """The pieces covered now, one a line, so that adding one does not uncover the others."""
    text = message.octets.decode()
    pieces: list[str] = []
    piece = ""
    for plain, shown in zip(text, message.text, strict=True):
        if plain != shown:
            piece += plain
        elif piece:
            pieces.append(piece)
            piece = ""
    pieces += [piece] if piece else []
    return "\n".join(dict.fromkeys(pieces))


def _page(
    request: HttpRequest, number: str, message: MessageView, form: MaskForm, *, status: int = 200
) -> HttpResponse:
    return render(
        request,
        "desk/cases/mask.html",
        {"number": number, "message": message, "original": message.octets.decode(), "form": form},
        status=status,
    )
