"""Sockets with a deadline: one covers a whole exchange, so that a peer that drips a byte a second ends like a silent one.

No proxy of the environment is used; ``*.localhost`` is the loopback address by RFC 6761, which not every resolver knows.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_PIECE = 512 * 1024
"""Octets taken from a connection at a time: long answers come eight times faster than by the library's 64 KiB."""

_ADDRESSES = 4
"""Addresses of one name that are tried, all before the same deadline."""


class _Clock(threading.local):
    """The deadline of the exchange that this thread is in."""

    deadline: float = 0.0

    def left(self, timeout: float | None) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline has passed")
        return left if timeout is None else min(left, timeout)


_clock = _Clock()


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max(max_bytes, _PIECE), _clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _clock.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _clock.left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        name = host.lower().rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):
            addresses = ["127.0.0.1"]
        else:
            addresses = _addresses(host, port)
        fault: Exception = httpcore.ConnectError("the name leads nowhere")
        for address in addresses:
            try:
                left = _clock.left(timeout)
                return _Stream(
                    super().connect_tcp(address, port, left, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                fault = refused
        raise fault


def _addresses(host: str, port: int) -> list[str]:
    """Return the first few addresses of a name. Who owns it may name hundreds, each silent for as long as one may be."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as fault:
        raise httpcore.ConnectError(str(fault)) from fault
    return list(dict.fromkeys(str(address[0]) for *_, address in found))[:_ADDRESSES]


@lru_cache(maxsize=2)
def _tls(authorities: Path | None) -> ssl.SSLContext:
    """The trusted certificates, the operator's own among them, read once: that takes tens of milliseconds."""
    context = httpx.create_ssl_context(trust_env=False)
    if authorities is not None:
        context.load_verify_locations(cafile=authorities)
    return context


def certificate_fault(fault: BaseException | None) -> str:
    """Return why a peer's certificate does not hold, in the library's words; empty where that was not what failed."""
    while fault is not None:
        if isinstance(fault, ssl.SSLCertVerificationError):
            return str(fault.verify_message)
        fault = fault.__cause__ or fault.__context__
    return ""


class Transport(httpx.BaseTransport):
    """What an ``httpx.Client`` sends by; to ``https:`` addresses when ``secure``."""

    def __init__(self, *, secure: bool) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(settings.MINQING.peer_ca) if secure else None,
            max_connections=16,
            max_keepalive_connections=8,
            keepalive_expiry=20.0,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the answer's body is read as it comes."""
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.read(),
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let whatever this thread sends and reads inside the block end after so many seconds."""
    before = _clock.deadline
    _clock.deadline = time.monotonic() + seconds
    try:
        yield
    finally:
        _clock.deadline = before
