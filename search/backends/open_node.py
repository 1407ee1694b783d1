"""A node class for servers that speak the protocol without being Elasticsearch: OpenSearch and its kin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from elastic_transport import HttpHeaders, Urllib3HttpNode

if TYPE_CHECKING:
    from collections.abc import Mapping

_VENDOR = re.compile(r"application/vnd\.elasticsearch\+(x-ndjson|json)\s*;\s*compatible-with=\d+")


class OpenNode(Urllib3HttpNode):
    """Say plain JSON where the client says its vendor's, and pass its product check."""

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        request_timeout: Any = None,
    ) -> Any:
        """Send one request with headers that every server understands."""
        plain = {
            name: _VENDOR.sub(r"application/\1", value) for name, value in (headers or {}).items()
        }
        given = {} if request_timeout is None else {"request_timeout": request_timeout}
        answer = super().perform_request(
            method, target, body=body, headers=HttpHeaders(plain), **given
        )
        meta, data = answer
        meta.headers = HttpHeaders({**meta.headers, "x-elastic-product": "Elasticsearch"})
        return type(answer)(meta, data)
