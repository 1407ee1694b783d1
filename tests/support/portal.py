"""Forms as a browser sends them, and what is read out of the portal's pages."""

from __future__ import annotations

import html
import re
from typing import Any


def form(**fields: bytes | str) -> dict[str, Any]:
    """The encoding of a browser: multipart keeps every octet."""
    boundary = "----test"
    body = b"".join(
        b"--" + boundary.encode() + b'\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n'
        + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
        for name, value in fields.items()
    )  # fmt: skip
    return {
        "data": body + b"--" + boundary.encode() + b"--\r\n",
        "content_type": f"multipart/form-data; boundary={boundary}",
    }


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return html.unescape(found[1])


def code_in(page: str) -> str:
    found = re.search(r'id="code"[^>]*>([0-9 ]{19})<', page)
    assert found
    return found[1]
