"""Who may open a staff page: one decorator, and no page without it.

Each view of this app is wrapped by ``staff_page`` or, for the sign-in page alone, by ``open_page``. The rule is kept on the
view as ``view.rule`` so that a test can read every address of the app and hold it against every role.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, cast
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import Resolver404, get_script_prefix, resolve, reverse

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role
from minqing.accounts.permissions import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from minqing.accounts.models import Staff

P = ParamSpec("P")

_WORDS = ("title", "text", "words", "note", "reason", "pieces", "duties")
"""Fields of the desk's forms that hold what somebody wrote; no password and no key stands among them."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a page asks of whoever opens it."""

    signed_in: bool = True
    roles: tuple[str, ...] = ()  # one of these; empty: every member of staff
    methods: tuple[str, ...] = ("GET",)
    with_old_password: bool = False  # open to somebody who must still change the password

    def allows(self, staff: Staff) -> bool:
        """Say whether the member of staff may open the page."""
        return staff.is_active and (not self.roles or staff.has_role(*self.roles))


class Page(Protocol):
    """A view that carries its rule."""

    rule: Rule

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer the request."""
        ...


def staff_page(
    *roles: str, methods: tuple[str, ...] = ("GET",), with_old_password: bool = False
) -> Callable[[Callable[Concatenate[HttpRequest, Staff, P], HttpResponse]], Page]:
    """Open a page to staff of the current unit who hold one of the roles; the view gets the ``Staff`` as second argument.

    Whoever is not signed in is sent to the sign-in page, whoever lacks the role gets 403 with a sentence. The services ask
    again: this is the first of two locks.
    """
    rule = Rule(roles=roles, methods=methods, with_old_password=with_old_password)

    def wrap(view: Callable[Concatenate[HttpRequest, Staff, P], HttpResponse]) -> Page:
        @wraps(view)
        def page(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            return _private(
                _answer(request, rule, lambda staff: view(request, staff, *args, **kwargs))
            )

        return _with_rule(page, rule)

    return wrap


def open_page(
    *, methods: tuple[str, ...] = ("GET",)
) -> Callable[[Callable[Concatenate[HttpRequest, P], HttpResponse]], Page]:
    """Open a page to everybody. For the sign-in page only."""
    rule = Rule(signed_in=False, methods=methods)

    def wrap(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Page:
        @wraps(view)
        def page(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.method not in rule.methods and request.method != "HEAD":
                return HttpResponseNotAllowed(rule.methods)
            return _private(view(request, *args, **kwargs))

        return _with_rule(page, rule)

    return wrap


def _answer(
    request: HttpRequest, rule: Rule, view: Callable[[Staff], HttpResponse]
) -> HttpResponse:
    try:
        staff = require(request.user)  # the row as it stands now: a dismissal counts at once
    except NotAllowed:
        return _to_sign_in(request)
    if staff.must_change_password and not rule.with_old_password:
        return HttpResponseRedirect(reverse("desk:password"))
    if not rule.allows(staff):
        return refusal(request, rule)
    read = request.method in {"GET", "HEAD"}
    if read and "GET" not in rule.methods:  # somebody opens the address of a button again
        return HttpResponseRedirect(_page_of(request))
    if not read and request.method not in rule.methods:
        return HttpResponseNotAllowed(rule.methods)
    try:
        return view(staff)
    except NotAllowed as error:
        return render(request, "desk/refused.html", {"why": str(error)}, status=403)
    except Http404:
        return render(request, "desk/missing.html", status=404)


def refusal(request: HttpRequest, rule: Rule) -> HttpResponse:
    """Tell somebody which role the page asks for."""
    return render(
        request,
        "desk/refused.html",
        {"roles": [Role(role).label for role in rule.roles]},
        status=403,
    )


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """Lead to the sign-in page and from there on to the page; words that were typed are given back to be copied."""
    page = request.get_full_path() if request.method == "GET" else _page_of(request)
    target = reverse("desk:sign-in")
    if page != reverse("desk:queue"):
        target += "?" + urlencode({"next": page})
    typed = [found for name in _WORDS if (found := request.POST.get(name, "").strip())]
    if typed:
        return render(
            request, "desk/signed_out.html", {"typed": typed, "sign_in": target}, status=403
        )
    return HttpResponseRedirect(target)


def _page_of(request: HttpRequest) -> str:
    """The page that a button belongs to: the nearest one above its address that can be read; else the queue."""
    home, path = reverse("desk:queue"), request.path
    while path != home and path.startswith(home):
        path = path.rstrip("/").rpartition("/")[0] + "/"
        with suppress(Resolver404):
            found = resolve("/" + path.removeprefix(get_script_prefix()))
            if "GET" in cast("Page", found.func).rule.methods:
                return path
    return home


def _private(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _with_rule(view: Callable[..., HttpResponse], rule: Rule) -> Page:
    page = cast("Page", view)
    page.rule = rule
    return page
