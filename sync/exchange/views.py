"""What peers ask of us over HTTP. Every answer to a refused request names the reason in ``Minqing-Refusal``."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from typing import TYPE_CHECKING

from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST, require_safe

from sync.errors import PolicyFault, SignerUnreachable
from sync.exchange import (
    documents,
    doorbell,
    feed,
    keyring,
    peers,
    pinned,
    region,
    requests,
    returning,
    witness,
)
from sync.exchange.incidents import incident_record
from sync.exchange.nonces import nonce_use
from sync.formats import framing
from sync.models.exchange import Peer
from sync.refusals import PeerFault, PeerLied, RequestRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    View = Callable[..., HttpResponseBase]


class _AnotherKey(RequestRefused):
    """This key did not sign the request; another key of the peer may have."""


BODY_CAP = 64 * 1024
"""Longest body taken of a peer, in octets: nothing large is ever pushed."""

_TEXT = "text/plain; charset=utf-8"


def _door(view: View) -> View:
    """Turn refusals into answers; never cached, no cookie, no CSRF token (nothing here uses a session)."""

    @csrf_exempt
    @functools.wraps(view)
    def answer(request: HttpRequest, **named: str) -> HttpResponseBase:
        try:
            response = view(request, **named)
        except RequestRefused as refused:
            response = HttpResponse(f"{refused}\n", status=refused.status, content_type=_TEXT)
            response["Minqing-Refusal"] = refused.reason
        except SignerUnreachable:
            response = HttpResponse("The unit cannot answer now.\n", status=503, content_type=_TEXT)
            response["Retry-After"] = "10"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return answer


def _body(request: HttpRequest) -> bytes:
    length = request.headers.get("content-length") or "0"
    if (
        not length.isdigit()
        or int(length) > BODY_CAP
        or "transfer-encoding" in {name.lower() for name in request.headers}
    ):
        raise RequestRefused("too-large", f"Send at most {BODY_CAP} octets, with their length.")
    return request.body


def _message(request: HttpRequest) -> requests.Message:
    return requests.Message(
        method=request.method or "",
        url=request.build_absolute_uri(),
        headers=dict(request.headers.items()),
        body=_body(request),
    )


def _from_peer(request: HttpRequest, *, connected: bool = True) -> tuple[Peer, bytes]:
    """Return who signed the request, and the octets that were verified. A key that is not known is no signature.

    Raises:
        RequestRefused: as ``requests.verify``; ``not-accepted`` where there is no connection.
    """
    message = _message(request)
    peer = Peer.objects.filter(origin=requests.named(message), ended_on=None).first()
    known = keyring.good_keys(peer, "peer") if peer is not None else [""]
    *others, last = known
    for text in others:  # one key follows another at the peer: either may have signed
        with contextlib.suppress(_AnotherKey):
            return _signed_by(peer, text, message, connected=connected)
    return _signed_by(peer, last, message, connected=connected)


def _signed_by(
    peer: Peer | None, key: str, message: requests.Message, *, connected: bool
) -> tuple[Peer, bytes]:
    def find(keyid: str) -> Ed25519PublicKey | None:
        return documents.request_key(key) if peer is not None and peer.origin == keyid else None

    try:
        signed = requests.verify(message, find=find, fresh=nonce_use)
    except RequestRefused as refused:
        if refused.reason == "replayed" and peer is not None:
            incident_record(
                peer,
                PeerLied("replayed", "A signed request came a second time.", _evidence(message)),
            )
        if refused.reason == "signature":
            raise _AnotherKey(refused.reason, str(refused)) from refused
        raise
    assert peer is not None
    if connected and not peer.connected:
        raise RequestRefused("not-accepted", "Both units must accept the connection first.")
    return peer, signed.body


def _evidence(message: requests.Message) -> dict[str, bytes]:
    kept = ("signature", "signature-input", "content-digest")
    lines = [
        f"{message.method} {message.url}",
        *(f"{n}: {v}" for n, v in message.headers.items() if n.lower() in kept),
    ]
    return {"request": "\n".join(lines).encode(), "body": message.body}


# --- connection --------------------------------------------------------------------------------


@_door
@require_GET
def unit_document(request: HttpRequest) -> HttpResponseBase:
    """Serve ``/.well-known/minqing``."""
    response = HttpResponse(documents.own_document().encode(), content_type="application/json")
    response["Cache-Control"] = "public, max-age=60"
    return response


@_door
@require_POST
def connect(request: HttpRequest) -> HttpResponseBase:
    """Take a request for a connection: a unit document, signed by the key that it names."""
    message = _message(request)
    document = _document(message.body)
    requests.verify(
        message,
        find=lambda keyid: document.peer_key if keyid == document.origin else None,
        fresh=nonce_use,
    )
    peers.connection_asked(document)
    return HttpResponse(status=202)


@_door
@require_POST
def accept(request: HttpRequest) -> HttpResponseBase:
    """Take a peer's word that it accepted us."""
    peer, body = _from_peer(request, connected=False)
    peers.connection_accepted(peer, _document(body))
    return HttpResponse(status=202)


def _document(octets: bytes) -> documents.Document:
    try:
        return documents.read_document(octets)
    except PeerFault as fault:
        raise RequestRefused("malformed", str(fault)) from fault


# --- exchange ---------------------------------------------------------------------------------


@_door
@require_GET
def records(request: HttpRequest) -> HttpResponseBase:
    """Serve the records disclosed to the asking peer, and the note that counts them (see ``feed``)."""
    peer, _ = _from_peer(request)
    start, stop = _index(request, "from"), _index(request, "to")
    known = _index(request, "head") if "head" in request.GET else None
    pieces = feed.answer(peer, start, stop, known)
    response = StreamingHttpResponse(pieces, content_type=framing.MEDIA_TYPE)
    response["Content-Length"] = str(sum(len(piece) for piece in pieces))
    return response


def _index(request: HttpRequest, name: str) -> int:
    digits = request.GET.get(name, "")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise RequestRefused("malformed", f"Say {name}= as a whole number.")
    return int(digits)


@_door
@require_POST
def bell(request: HttpRequest) -> HttpResponseBase:
    """A peer says that it has something new. Believed in nothing but that it is worth asking."""
    peer, _ = _from_peer(request)
    doorbell.heard(peer)
    return HttpResponse(status=202)


@_door
@require_GET
def yours_head(request: HttpRequest) -> HttpResponseBase:
    """Give a unit back the largest head of its own log that we proved."""
    peer, _ = _from_peer(request)
    return HttpResponse(returning.head_for(peer), content_type=_TEXT)


@_door
@require_GET
def yours_leaves(request: HttpRequest) -> HttpResponseBase:
    """Give a unit back one bundle of its own log's commitments."""
    peer, _ = _from_peer(request)
    octets = returning.leaves_for(peer, _index(request, "number"))
    return HttpResponse(octets, content_type="application/octet-stream")


@_door
@require_GET
def yours_records(request: HttpRequest) -> HttpResponseBase:
    """Give a unit back the records that it had disclosed to us."""
    peer, _ = _from_peer(request)
    octets = returning.records_for(peer, _index(request, "from"))
    return HttpResponse(octets, content_type=framing.MEDIA_TYPE)


# --- witness (c2sp.org/tlog-witness) -------------------------------------------------------------


@_door
@require_POST
def add_checkpoint(request: HttpRequest) -> HttpResponseBase:
    """Cosign a connected unit's head that continues the one cosigned last."""
    try:
        line = witness.add_checkpoint(_body(request))
    except witness.Conflict as conflict:
        return HttpResponse(f"{conflict.size}\n", status=409, content_type="text/x.tlog.size")
    return HttpResponse(line, content_type=_TEXT)


@_door
@require_GET
def witnessed(request: HttpRequest, digest: str) -> HttpResponseBase:
    """Serve the last head cosigned for a log, named by the SHA-256 of its origin; it carries the log's own signature."""
    for peer in peers.connected_peers():
        if hashlib.sha256(peer.origin.encode()).hexdigest() == digest:
            note = witness.last_witnessed(peer.origin)
            if note:
                return HttpResponse(note, content_type=_TEXT)
    raise RequestRefused("not-found", "No head of such a log was cosigned here.")


@require_safe
def region_policy(request: HttpRequest) -> HttpResponse:
    """The signed policy of the region, as this unit uses it: for readers of everybody's papers."""
    try:
        note = region.current_note()
    except PolicyFault as fault:
        return HttpResponse(f"{fault}\n", status=404, content_type=_TEXT)
    if note is None:
        return HttpResponse("No region's policy is used here.\n", status=404, content_type=_TEXT)
    return HttpResponse(note, content_type=_TEXT, headers={"Cache-Control": "no-store"})


@require_safe
def policy(request: HttpRequest, origin: str) -> HttpResponse:
    """The keys this unit pinned for a connected one, for readers of that one's papers."""
    found = pinned.policy_about(origin)
    if found is None:
        return HttpResponse("No such unit is connected here.\n", status=404, content_type=_TEXT)
    return HttpResponse(found, content_type=_TEXT, headers={"Cache-Control": "no-store"})
