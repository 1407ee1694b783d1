"""What is said where the database takes nothing: it is away, or its disk is full. That is our own fault and passes; nothing is kept meanwhile."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psycopg2
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

OUTAGES = (OperationalError, InterfaceError, psycopg2.OperationalError, psycopg2.InterfaceError)
RETRY_SECONDS = 60


def failed(request: HttpRequest) -> HttpResponseBase:
    """Answer a request that no view could: 503 where the database is the reason, else 500. Needs no database itself."""
    if not isinstance(sys.exc_info()[1], OUTAGES):
        return server_error(request)
    return HttpResponse(
        render_to_string("503.html"), status=503, headers={"Retry-After": str(RETRY_SECONDS)}
    )


def sentence(fault: Exception) -> str:
    """Say it to whoever runs a command; only the database's first line, which holds no rows."""
    said = str(fault).strip().split("\n", 1)[0]
    return f"The database took nothing ({said}). What was begun was undone: start it, or make room on its disk, and run the command again."
