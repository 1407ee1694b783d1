"""The WSGI application that gunicorn serves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import django
from django.core.handlers.wsgi import WSGIHandler

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

UNREADABLE = (
    "这个请求的头部写得不合规矩，看不懂。请换一个浏览器再试。 "
    "The headers of this request cannot be read. Please try another browser.\n"
)


class Application(WSGIHandler):
    """Django's handler; what fails before it has a request is the sender's fault, and is told so.

    Faults inside views and middleware never come out here: Django answers them itself.
    """

    def __call__(  # type: ignore[override]  # the stubs name Django's response, a server takes octets
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one request."""
        try:
            return super().__call__(environ, start_response)
        except (ValueError, LookupError, TypeError, AttributeError):
            words = UNREADABLE.encode()
            start_response(
                "400 Bad Request",
                [
                    ("Content-Type", "text/plain; charset=utf-8"),
                    ("Content-Length", str(len(words))),
                ],
            )
            return [words]


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minqing.config.settings")
django.setup(set_prefix=False)
application = Application()
