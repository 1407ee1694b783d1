"""The one way out: HTTP to peers, with every size and every time capped.

An address is one that an operator typed or an accepted connection holds; nothing found in a payload is
ever fetched. No redirect is followed, no content coding accepted. Sizes are counted while streaming, one deadline covers
each exchange (see ``wire``), and one patience all that a client asks (see ``pace``).
"""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import httpcore
import httpx
from django.utils import timezone

from sync.exchange import requests
from sync.exchange.pace import Pace
from sync.exchange.wire import Transport, certificate_fault, deadline
from sync.refusals import PeerFault, PeerLied, Refused, Unreachable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0

SILENT_SECONDS = 2.0
"""Without an octet for so long, an answer that stays incomplete was cut off on its way, which is nobody's lie."""

SMALL = 64 * 1024
"""Cap of answers that are documents, checkpoints and notes, in octets."""

_EVIDENCE = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer: status 2xx, or one that the caller said it understands."""

    status: int
    headers: httpx.Headers
    body: bytes


# --- the client -------------------------------------------------------------------------------


class Client:
    """Requests to one peer. Signed with ``key`` when there is one; safe to use from several threads.

    Close it, or use it as a context manager; connections are kept open between requests.
    """

    cut_beforehand = False

    def __init__(
        self, address: str, *, key: Ed25519PrivateKey | None = None, keyid: str = ""
    ) -> None:
        self.address = check_address(address)
        self._key = key
        self._keyid = keyid
        self._pace = Pace()
        self._http = httpx.Client(
            transport=Transport(secure=self.address.startswith("https:")),
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
            Unreachable: no connection, no answer in time, too slow on the whole (see ``pace``), 429 or 5xx.
            Refused: any other status that is not 2xx and not in ``understood``.
            PeerLied: a redirect, too many octets, a coding, a drip that outlasts the time.
        """
        url = self.address + path
        headers: dict[str, str] = {"content-type": "application/octet-stream"} if body else {}
        if self._key is not None and limits.signed:
            message = requests.Message(method=method, url=url, headers=headers, body=body)
            headers = requests.sign(message, key=self._key, keyid=self._keyid)
        received, began = bytearray(), self._pace.begin()
        came = began
        with deadline(limits.seconds):
            try:
                with self._http.stream(method, url, content=body, headers=headers) as response:
                    _check_envelope(response, limits.cap, received)
                    for piece in response.iter_raw():
                        received += piece
                        came = time.monotonic()
                        self._pace.check(began, len(received))
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
                if received and time.monotonic() - came < SILENT_SECONDS:
                    raise _lie(
                        "slow", f"{path} was not complete after {limits.seconds:.0f} s.", received
                    ) from fault
                raise Unreachable("The peer did not answer in time.") from fault
            except _BREAKS as fault:
                raise Unreachable(_why_unreachable(fault)) from fault
            finally:
                self._pace.end(began, len(received))
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


def _why_unreachable(fault: Exception) -> str:
    certificate = certificate_fault(fault)
    if certificate:
        return (
            f"The certificate at the peer's address does not hold: {certificate}."
            " Where an authority of your own network made it, name its file in MINQING_PEER_CA."
        )
    return f"The peer could not be reached ({type(fault).__name__})."


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
