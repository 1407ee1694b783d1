"""The one way out: HTTP to peers, with every size and every time capped.

An address is one that an operator typed or an accepted connection holds; nothing found in a payload is
ever fetched. No redirect is followed, no proxy of the environment used, no content coding accepted. Sizes are
counted while streaming, and one deadline covers the whole exchange, so that a peer that drips a byte a second
(in headers too) ends like one that is silent. ``*.localhost`` is the loopback address by RFC 6761;
we map it ourselves because not every resolver does.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import httpcore
import httpx
from django.utils import timezone

from sync.exchange import requests
from sync.refusals import PeerFault, PeerLied, Refused, Unreachable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
SMALL = 64 * 1024
"""Cap of answers that are documents, checkpoints and notes, in octets."""

_EVIDENCE = 64 * 1024
_PIECE = 512 * 1024
"""Octets taken from a connection at a time: long answers come eight times faster than by the library's 64 KiB."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer: status 2xx, or one that the caller said it understands."""

    status: int
    headers: httpx.Headers
    body: bytes


# --- the wire -------------------------------------------------------------------------------


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
        target = "127.0.0.1" if name == "localhost" or name.endswith(".localhost") else host
        return _Stream(
            super().connect_tcp(target, port, _clock.left(timeout), local_address, socket_options)
        )


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The trusted certificates, read once: that takes tens of milliseconds."""
    return httpx.create_ssl_context(trust_env=False)


class _Transport(httpx.BaseTransport):
    def __init__(self, *, secure: bool) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls() if secure else None,
            max_connections=16,
            max_keepalive_connections=8,
            keepalive_expiry=20.0,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
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
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


# --- the client -------------------------------------------------------------------------------


class Client:
    """Requests to one peer. Signed with ``key`` when there is one; safe to use from several threads.

    Close it, or use it as a context manager; connections are kept open between requests.
    """

    def __init__(
        self, address: str, *, key: Ed25519PrivateKey | None = None, keyid: str = ""
    ) -> None:
        self.address = check_address(address)
        self._key = key
        self._keyid = keyid
        self._http = httpx.Client(
            transport=_Transport(secure=self.address.startswith("https:")),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            headers={"user-agent": "minqing", "accept-encoding": "identity", "accept": "*/*"},
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(
        self,
        path: str,
        *,
        cap: int = SMALL,
        seconds: float = 20.0,
        understood: tuple[int, ...] = (),
        signed: bool = True,
    ) -> Answer:
        """Fetch ``path`` (begins with ``/``); at most ``cap`` octets within ``seconds``; errors as `_exchange`."""
        limits = _Limits(cap=cap, seconds=seconds, understood=understood, signed=signed)
        return self._exchange("GET", path, b"", limits)

    def post(
        self,
        path: str,
        body: bytes,
        *,
        cap: int = SMALL,
        seconds: float = 20.0,
        understood: tuple[int, ...] = (),
        signed: bool = True,
    ) -> Answer:
        """Send ``body`` to ``path``; at most ``cap`` octets within ``seconds``; errors as `_exchange`."""
        limits = _Limits(cap=cap, seconds=seconds, understood=understood, signed=signed)
        return self._exchange("POST", path, body, limits)

    def _exchange(self, method: str, path: str, body: bytes, limits: _Limits) -> Answer:
        """Send one request and read the whole answer.

        Raises:
            Unreachable: no connection, no answer in time, 429 or 5xx.
            Refused: any other status that is not 2xx and not in ``understood``.
            PeerLied: a redirect, too many octets, a coding, a drip that outlasts the time.
        """
        url = self.address + path
        headers: dict[str, str] = {"content-type": "application/octet-stream"} if body else {}
        if self._key is not None and limits.signed:
            message = requests.Message(method=method, url=url, headers=headers, body=body)
            headers = requests.sign(message, key=self._key, keyid=self._keyid)
        received = bytearray()
        with _deadline(limits.seconds):
            try:
                with self._http.stream(method, url, content=body, headers=headers) as response:
                    _check_envelope(response, limits.cap, received)
                    for piece in response.iter_raw():
                        received += piece
                        if len(received) > limits.cap:
                            raise _lie(
                                "oversized",
                                f"{path} answers more than {limits.cap} octets.",
                                received,
                            )
                    answer = Answer(
                        status=response.status_code, headers=response.headers, body=bytes(received)
                    )
            except _TIMEOUTS as fault:
                if received:
                    raise _lie(
                        "slow", f"{path} was not complete after {limits.seconds:.0f} s.", received
                    ) from fault
                raise Unreachable("The peer did not answer in time.") from fault
            except _BREAKS as fault:
                raise Unreachable(
                    f"The peer could not be reached ({type(fault).__name__})."
                ) from fault
        return _judge(answer, limits.understood)


@dataclass(frozen=True, kw_only=True)
class _Limits:
    """What is taken of one answer: octets, seconds, statuses that are not errors; and whether we sign."""

    cap: int
    seconds: float
    understood: tuple[int, ...]
    signed: bool


_TIMEOUTS = (httpx.TimeoutException, httpcore.TimeoutException)
_BREAKS = (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError, OSError)


def _check_envelope(response: httpx.Response, cap: int, received: bytearray) -> None:
    if response.is_redirect or 300 <= response.status_code < 400:
        location = response.headers.get("location", "")[:1000].encode()
        raise _lie(
            "redirected",
            "The peer answered with a redirect; addresses change only by a new connection.",
            location,
        )
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise _lie("malformed", "The peer sent a content coding that was not asked for.", received)
    length = response.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) > cap:
        raise _lie(
            "oversized",
            f"The answer announces {int(length)} octets; at most {cap} are taken.",
            received,
        )


def _judge(answer: Answer, understood: tuple[int, ...]) -> Answer:
    if 200 <= answer.status < 300 or answer.status in understood:
        return answer
    if answer.status == 429 or answer.status >= 500:
        pause = answer.headers.get("retry-after", "")
        raise Unreachable(
            f"The peer cannot answer now (status {answer.status}).",
            retry_after=float(pause)
            if pause.isascii() and pause.isdigit() and len(pause) < 7
            else None,
        )
    reason = answer.headers.get("minqing-refusal", "")[:40]
    apart = _clocks_apart(answer.headers.get("date", ""))
    if reason == "signature" and apart > requests.SKEW.total_seconds():
        # Either clock may be the wrong one: nobody is to blame before a person has looked.
        raise Unreachable(
            f"The peer's clock and ours are {apart / 3600:.1f} h apart: signed requests are refused until one is set right."
        )
    hint = f" {_HINTS[reason]}" if reason in _HINTS else ""
    raise Refused(
        answer.status,
        reason,
        f"The peer refused the request (status {answer.status}{', ' + reason if reason else ''}).{hint}",
    )


_HINTS = {"operator": "It knows this unit by another operator's name: MINQING_OPERATOR was changed; see `minqing doctor`."}  # fmt: skip


def _clocks_apart(date: str) -> float:
    """Seconds between our clock and the peer's, as its answer is dated; 0 where it is not."""
    try:
        theirs = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return 0.0
    if theirs.tzinfo is None:
        return 0.0
    return abs((theirs - timezone.now()).total_seconds())


def _lie(name: str, sentence: str, received: bytes | bytearray) -> PeerLied:
    return PeerLied(name, sentence, {"answer": bytes(received[:_EVIDENCE])})


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    before = _clock.deadline
    _clock.deadline = time.monotonic() + seconds
    try:
        yield
    finally:
        _clock.deadline = before


def check_address(address: str) -> str:
    """Return a peer's address in its one form: scheme, host, port, path prefix, no slash at the end.

    Plain HTTP is for the machine itself and for private networks only.

    Raises:
        PeerFault: it is not an address of a unit.
    """
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), -1
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or port == -1
        or not address.isascii()
    ):
        raise PeerFault(
            f"{address!r} is not an address of a unit. Write it like https://xinshao.example.gov.cn"
        )
    if (
        parts.username is not None
        or parts.query
        or parts.fragment
        or any(c.isspace() for c in address.strip())
    ):
        raise PeerFault("The address must hold nothing but scheme, host, port and path.")
    host = parts.hostname.rstrip(".")
    if parts.scheme == "http" and not _near(host):
        raise PeerFault(
            "Use https:// : plain HTTP is taken only for localhost and private addresses."
        )
    standard = {"http": 80, "https": 443}[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    return (
        f"{parts.scheme}://{name}"
        + ("" if port in {None, standard} else f":{port}")
        + parts.path.rstrip("/")
    )


def _near(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
