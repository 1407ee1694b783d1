"""Which unit a request is for: by host name, or by host name and path prefix where it is mounted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Q
from django.http import HttpResponse
from django.http.request import split_domain_port
from django.urls import get_script_prefix, set_script_prefix

from tenants.current import unit_set
from tenants.models import Domain

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

DOMAIN_SECONDS = 3
"""How long a process may serve a unit as it was: its names, its title, its host names."""

_known: dict[tuple[str, str], tuple[float, dict[str, Domain]]] = {}
"""By database and host: until when a process believes them, and the units by host name."""

_reading = threading.Lock()

_UNREADABLE = (
    "这个网址里有不能用的字符。请检查网址。 This address holds a character that none may hold.\n"
)
_UNKNOWN = "这个网址没有对应的单位。请检查网址。 No unit is served under this address.\n"


class UnitMiddleware:
    """Make the addressed unit current, or answer 404; there is no default unit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve the request inside its unit."""
        unit_set(None)
        if request.path_info == "/healthz":
            return self.get_response(request)
        if (
            "\0" in request.path_info
        ):  # no name, number or address here holds one, and no query takes it
            return HttpResponse(_UNREADABLE, status=400, content_type="text/plain; charset=utf-8")
        domain = _domain_for(request)
        if domain is None:
            return HttpResponse(_UNKNOWN, status=404, content_type="text/plain; charset=utf-8")
        _, _, prefix = domain.domain.partition("/")
        before = get_script_prefix()
        if prefix:
            _mount(request, "/" + prefix)
        unit_set(domain.tenant)
        try:
            response = self.get_response(request)
            if prefix:
                _keep_cookies_here(request, response)
            return response
        finally:
            unit_set(None)
            set_script_prefix(before)


def _domain_for(request: HttpRequest) -> Domain | None:
    host, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
    host = host.lower().rstrip(".")
    first = request.path_info.lstrip("/").split("/", 1)[0]
    names = [host] if not first else [f"{host}/{first}", host]
    found = _domains_of(host)
    return next((found[name] for name in names if name in found), None)


def _domains_of(host: str) -> dict[str, Domain]:
    """Every unit under a host name with its names, as this process read them some seconds ago; unknown hosts are asked for anew.

    All threads share these rows, so nothing may change them. One thread reads again, the others go on with what they have.
    """
    place = connection.settings_dict["NAME"], host
    until, found = _known.get(place, (0.0, {}))
    if time.monotonic() < until or (found and not _reading.acquire(blocking=False)):
        return found
    try:
        rows = Domain.objects.select_related("tenant").prefetch_related("tenant__names")
        here = rows.filter(Q(domain=host) | Q(domain__startswith=f"{host}/"))
        now = {row.domain: row for row in here}
        if now:
            _known[place] = time.monotonic() + DOMAIN_SECONDS, now
        else:
            _known.pop(place, None)
        return now
    finally:
        if found:
            _reading.release()


def forget_domains() -> None:
    """Read every host's units anew with the next request."""
    _known.clear()


def _mount(request: HttpRequest, prefix: str) -> None:
    """Take the prefix off the path, so that the unit's own addresses begin after it."""
    script = request.META.get("SCRIPT_NAME", "").rstrip("/") + prefix
    request.META["SCRIPT_NAME"] = script
    request.path_info = request.path_info[len(prefix) :] or "/"
    request.META["PATH_INFO"] = request.path_info
    set_script_prefix(script + "/")
    if "HTTP_COOKIE" in request.META:
        request.META["HTTP_COOKIE"] = _nearest_cookies(request.META["HTTP_COOKIE"])


def _nearest_cookies(header: str) -> str:
    """Leave out the cookies of a unit that stands at the host's root: the longest path comes first (RFC 6265 §5.4)."""
    nearest: dict[str, str] = {}
    for cookie in header.split(";"):
        nearest.setdefault(cookie.partition("=")[0].strip(), cookie.strip())
    return "; ".join(nearest.values())


def _keep_cookies_here(request: HttpRequest, response: HttpResponseBase) -> None:
    """Have browsers send this unit's cookies to no other unit under the same host."""
    for cookie in response.cookies.values():
        cookie["path"] = request.META["SCRIPT_NAME"] + "/"
