"""Answers that several pages give: a problem as a page, a page that nobody keeps, a page that may be kept for a while."""

from __future__ import annotations

import hashlib
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeAlias

from django.core.cache import caches
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.response import SimpleTemplateResponse
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.http import quote_etag
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.csrf import csrf_exempt

from minqing.portal.context import SIZE_COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

View: TypeAlias = "Callable[..., HttpResponseBase]"

PAGE_OCTETS = 128 * 1024
"""Largest page that a process keeps ready."""
PAGE_SECONDS = 600
"""A page that nobody changed is rendered anew at least this often."""

HEADINGS = {
    400: gettext_lazy("这样看不懂"),
    403: gettext_lazy("这一页不能看"),
    404: gettext_lazy("没有这一页"),
    409: gettext_lazy("现在还不行"),
    413: gettext_lazy("内容太大"),
    415: gettext_lazy("格式不对"),
    503: gettext_lazy("暂时办不了"),
}


def problem(request: HttpRequest, status: int, sentence: str, *, heading: str = "") -> HttpResponse:
    """Say in one sentence what is wrong and what to do."""
    words = {"heading": heading or str(HEADINGS.get(status, HEADINGS[400])), "sentence": sentence}
    return render(request, "portal/problem.html", words, status=status)


def unkept(view: View) -> View:
    """For the pages of the channel: no copy anywhere, no referrer to anybody."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return answer


def posted(back: str) -> Callable[[View], View]:
    """For views that take a form: who comes without one (a reload, a bookmark) is led to the page where it begins.

    They are csrf_exempt: a form of the channel carries no ambient authority (no cookie, no sign-in) that another site could
    borrow, and Django's check would read ``request.POST``, which changes octets.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest) -> HttpResponseBase:
            return view(request) if request.method == "POST" else redirect(back)

        return csrf_exempt(answer)

    return decorate


def kept(version: Callable[[], str]) -> Callable[[View], View]:
    """For public reads: an ETag of the data's version, the address, the language and the size; fresh for half a minute.

    Equal ETag, equal page: so each process keeps the pages last rendered under theirs, apart for each unit.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            marks = [
                version(),
                request.scheme or "",
                request.get_host(),
                request.get_full_path(),
                get_language() or "",
                "large" if request.COOKIES.get(SIZE_COOKIE) == "large" else "",
                "part" if request.headers.get("HX-Request") else "",
            ]
            etag = quote_etag(hashlib.sha256("\n".join(marks).encode()).hexdigest()[:32])
            if request.method not in {"GET", "HEAD"}:
                return view(request, *args, **kwargs)
            # "*" asks for a page of whatever state, and only the view knows whether there is one
            is_any = request.headers.get("If-None-Match", "").strip() == "*"
            same = None if is_any else get_conditional_response(request, etag=etag)
            response: HttpResponseBase | None = same if same is not None else _ready(etag)
            if response is None:
                response = view(request, *args, **kwargs)
                _keep_ready(etag, request, response)
            if response.status_code in {200, 304}:
                response.headers["ETag"] = etag
                patch_cache_control(response, public=True, max_age=30)
                patch_vary_headers(response, ["Cookie", "HX-Request"])
            return response

        return answer

    return decorate


def _ready(etag: str) -> HttpResponse | None:
    """The page as it was last rendered under this ETag."""
    found = caches["pages"].get(etag)
    return None if found is None else HttpResponse(found[0], headers=found[1])


def _keep_ready(etag: str, request: HttpRequest, response: HttpResponseBase) -> None:
    if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:  # the API's
        response.add_post_render_callback(partial(_keep_ready, etag, request))
    elif (
        request.method == "GET"
        and response.status_code == 200
        and isinstance(response, HttpResponse)
        and not response.cookies
        and len(response.content) <= PAGE_OCTETS
    ):
        caches["pages"].set(etag, (response.content, dict(response.headers)), PAGE_SECONDS)
