"""Answers that several pages give: a problem as a page, a page that nobody keeps, a page that may be kept for a while."""

from __future__ import annotations

import hashlib
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias

from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.http import quote_etag
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.csrf import csrf_exempt

from minqing.portal.context import SIZE_COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

View: TypeAlias = "Callable[..., HttpResponseBase]"

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
    """For public reads: an ETag of the data's version, the address, the language and the size; fresh for half a minute."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            marks = [
                version(),
                request.get_host(),
                request.get_full_path(),
                get_language() or "",
                request.COOKIES.get(SIZE_COOKIE, ""),
                request.headers.get("HX-Request", ""),
            ]
            etag = quote_etag(hashlib.sha256("\n".join(marks).encode()).hexdigest()[:32])
            same = (
                get_conditional_response(request, etag=etag)
                if request.method in {"GET", "HEAD"}
                else None
            )
            response = same if same is not None else view(request, *args, **kwargs)
            if response.status_code in {200, 304}:
                response.headers["ETag"] = etag
                patch_cache_control(response, public=True, max_age=30)
                patch_vary_headers(response, ["Cookie", "Accept-Language", "HX-Request"])
            return response

        return answer

    return decorate
