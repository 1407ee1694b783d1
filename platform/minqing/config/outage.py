"""What is said where the database takes nothing: it is away, or its disk is full. That is our own fault and passes; nothing is kept meanwhile."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psycopg2
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse

if TYPE_CHECKING:
    from django.http import HttpRequest

OUTAGES = (OperationalError, InterfaceError, psycopg2.OperationalError, psycopg2.InterfaceError)
RETRY_SECONDS = 60

_PAGE = """<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{heading}</title>
<h1>{heading}</h1><p>{sentence}</p><p lang="en">{english}</p></html>
"""
_AWAY = _PAGE.format(
    heading="暂时办不了",
    sentence="系统现在存不进东西。您刚才交的内容没有收下：请不要关掉前一页，过几分钟再交一次。",
    english="Nothing can be stored at the moment. What you sent was not taken in: keep the page before this one open, and send it again in some minutes.",
)
_FAILED = _PAGE.format(
    heading="出了差错",
    sentence="系统出了差错，这一步没有办成。请过几分钟再试；还不行，请打本单位公布的电话。",
    english="Something went wrong here and this step was not done. Try again in some minutes, or telephone the unit.",
)


def failed(_request: HttpRequest) -> HttpResponse:
    """Answer a request that no view could: 503 where the database is the reason, else 500. Needs no database itself."""
    if not isinstance(sys.exc_info()[1], OUTAGES):
        return HttpResponse(_FAILED, status=500)
    return HttpResponse(_AWAY, status=503, headers={"Retry-After": str(RETRY_SECONDS)})


def sentence(fault: Exception) -> str:
    """Say it to whoever runs a command; only the database's first line, which holds no rows."""
    said = str(fault).strip().split("\n", 1)[0]
    return f"The database took nothing ({said}). What was begun was undone: start it, or make room on its disk, and run the command again."
