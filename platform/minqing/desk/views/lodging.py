"""Lodging for others (代群众反映): staff type what somebody says, and print the receipt."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from minqing.accounts.models import Role
from minqing.channel import selectors
from minqing.channel.errors import ChannelFault
from minqing.channel.octets import Form, form_of
from minqing.channel.services import report_lodge
from minqing.channel.services import sealed_by_staff as report_sealed
from minqing.desk import once
from minqing.desk.access import staff_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff
    from minqing.channel.values import Lodged

SMALL = ("way", "place", "kind", "contact")


def octets_first(
    view: Callable[[HttpRequest, Staff], HttpResponse],
) -> Callable[[HttpRequest, Staff], HttpResponse]:
    """Read the raw body before anything parses it, then check the form's token as everywhere else.

    Django's check reads ``request.POST``, after which the octets of a multipart body are gone. The page itself is
    therefore ``csrf_exempt``, and the check stands here.
    """
    checked = csrf_protect(view)

    @wraps(view)
    def page(request: HttpRequest, staff: Staff) -> HttpResponse:
        if request.method == "POST":
            try:
                request.octets = form_of(request)  # type: ignore[attr-defined]  # handed to the view below
            except ChannelFault as fault:
                return render(
                    request, "desk/cases/unread.html", {"why": str(fault)}, status=fault.status
                )
        return checked(request, staff)

    return page


@csrf_exempt
@staff_page(Role.CLERK, Role.HANDLER, Role.SUPERVISOR, methods=("GET", "POST"))
@octets_first
def lodge(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Take in what somebody said, byte for byte, and show the receipt this once."""
    if request.method != "POST":
        return _form(request, {"way": "counter", "kind": "unsure"})
    form: Form = request.octets  # type: ignore[attr-defined]
    lodged: list[Lodged] = []
    sealed: list[bool] = []

    def act() -> str:
        if form.text("then") == "seal":
            report_sealed(
                by=staff,
                words=form.words("words"),
                way=form.text("way"),
                place=selectors.village_name(form.text("place")),
                contact=form.text("contact"),
            )
            sealed.append(True)
            # The same address as for any other: what is kept of the form tells nothing.
            return reverse("desk:lodged")
        lodged.append(
            report_lodge(
                words=form.words("words"), kind=form.text("kind"), village=form.text("place"), photos=form.files("photo"),
                contact=form.text("contact"), way=form.text("way"), by=staff,
            )
        )  # fmt: skip
        return reverse("desk:lodged")

    try:
        target = once.carry_out(request, act)
    except ChannelFault as fault:
        return _form(request, _typed(form), fault=str(fault), status=fault.status)
    if sealed:
        return render(request, "desk/cases/lodged_sealed.html")
    if lodged:
        return render(request, "desk/cases/lodged.html", {"lodged": lodged[0]})
    return redirect(target)


@staff_page(Role.CLERK, Role.HANDLER, Role.SUPERVISOR)
def lodged(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Say that the form was sent before; its code cannot be shown a second time."""
    return render(request, "desk/cases/lodged_before.html")


def _form(
    request: HttpRequest, typed: dict[str, str], *, fault: str = "", status: int = 200
) -> HttpResponse:
    return render(
        request,
        "desk/cases/lodge.html",
        {
            "typed": typed,
            "fault": fault,
            "towns": selectors.villages(),
            "kinds": selectors.kinds(),
            "ways": selectors.ways(),
        },
        status=status,
    )


def _typed(form: Form) -> dict[str, str]:
    """What was typed, so that a refusal loses nothing; octets that are no text cannot be shown again."""
    kept = {
        field.name: field.octets.decode("utf-8", "replace")
        for field in form.fields
        if not field.is_file
    }
    return {name: kept.get(name, "") for name in ("words", *SMALL)}
