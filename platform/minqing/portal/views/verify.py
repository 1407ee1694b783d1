"""The verify page, and the same page as one file that works without any network."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.contrib.staticfiles import finders
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from sync.exchange.peers import reachable_units
from sync.identity import identity

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

SCRIPTS = ("portal/vendor/noble.min.js", "portal/verify.js")
STYLE = "portal/minqing.css"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Check a proof file in the browser; nothing is uploaded."""
    us = identity()
    return render(
        request,
        "portal/verify.html",
        {"log_key": us.log_key, "origin": us.origin, "others": reachable_units()},
    )


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """The verify page as one file to keep; its own policy lets it run these scripts and reach nobody."""
    us = identity()
    words = {
        "log_key": us.log_key,
        "origin": us.origin,
        "scripts": [_bundled(name) for name in SCRIPTS],
        "script_hashes": mark_safe(" ".join(_source_hash(_bundled(name)) for name in SCRIPTS)),  # noqa: S308  # base64 of our own files
        "style": _bundled(STYLE),
        "style_hash": mark_safe(_source_hash(_bundled(STYLE))),  # noqa: S308  # base64 of our own file
    }
    answer = render(request, "portal/verify_offline.html", words)
    answer.headers["Content-Disposition"] = 'attachment; filename="verify.html"'
    return answer


@cache
def _bundled(name: str) -> SafeString:
    """The text of one of our own static files, to stand inside the page as it is."""
    found = finders.find(name)
    if not isinstance(found, str):
        raise FileNotFoundError(name)
    return mark_safe(Path(found).read_text(encoding="utf-8"))  # noqa: S308  # our own file, never input


def _source_hash(source: str) -> str:
    """A CSP source expression that allows exactly this inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
