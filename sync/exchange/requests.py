"""Signed requests between units: RFC 9421 with one fixed profile, signing and verifying.

Covered are method, target address, authority and content digest (RFC 9530, of an empty body too);
``created``, ``nonce``, ``keyid`` and ``alg`` are required, so is the tag. Whatever is missing, repeated,
unknown or late is refused: there is no request that is "not signed" but let through. The body is read
once and the same octets are verified and handed on.
"""

from __future__ import annotations

import base64
import datetime
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
)
from http_message_signatures.algorithms import ED25519
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from sync.refusals import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

WINDOW = datetime.timedelta(seconds=300)
"""How old a signed request may be."""

SKEW = datetime.timedelta(seconds=120)
"""How far two machines' clocks may differ."""

NONCE_LIFE = WINDOW + 2 * SKEW + datetime.timedelta(seconds=60)
"""How long a nonce is kept: longer than any request that carries it could pass the window."""

TAG = "minqing-exchange"
LABEL = "minqing"
COMPONENTS = ("@method", "@target-uri", "@authority", "content-digest")
_PARAMETERS = frozenset({"created", "nonce", "keyid", "alg", "tag"})
_KEYID = re.compile(r'[;]\s*keyid="([^"]{1,80})"')
_NONCE = re.compile(r"[A-Za-z0-9_-]{22,64}")


@dataclass(frozen=True, kw_only=True)
class Message:
    """What of a request is signed. ``url`` is absolute; ``headers`` are those sent with it."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A request whose signature held: whose it is, and the octets that were verified."""

    keyid: str
    nonce: str
    body: bytes


class NonceStore(Protocol):
    """Remembers nonces of verified requests for ``NONCE_LIFE``."""

    def __call__(self, keyid: str, nonce: str) -> bool:
        """Keep a nonce; False if this key has used it before."""


class _OneKey(HTTPSignatureKeyResolver):
    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        return self._key


class _KnownKeys(HTTPSignatureKeyResolver):
    def __init__(self, find: Callable[[str], Ed25519PublicKey | None]) -> None:
        self._find = find

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        return self._find(key_id)


def sign(message: Message, *, key: Ed25519PrivateKey, keyid: str) -> dict[str, str]:
    """Return the headers that make ``message`` a signed request (those it had, and four more)."""
    draft = Message(
        method=message.method, url=message.url, headers=dict(message.headers), body=message.body
    )
    HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_OneKey(key)).sign(
        draft,
        key_id=keyid,
        created=datetime.datetime.now(tz=datetime.UTC),  # noqa: TID251  pure module, no Django
        nonce=secrets.token_urlsafe(24),
        label=LABEL,
        tag=TAG,
        covered_component_ids=COMPONENTS[:3],
        body=draft.body,
    )
    return draft.headers


def verify(
    message: Message, *, find: Callable[[str], Ed25519PublicKey | None], fresh: NonceStore
) -> Signed:
    """Check a request's one signature against the profile above; refuse whatever departs from it.

    ``find`` gives the public key of a key id, or None. ``fresh`` is asked last, so that only a request
    that held everywhere else uses up its nonce.

    Raises:
        RequestRefused: ``reason`` is one of ``unsigned``, ``signature`` and ``replayed``.
    """
    verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=_KnownKeys(find))
    verifier.max_clock_skew = SKEW
    _check_one_signature(message)
    try:
        (result,) = verifier.verify(
            message,
            max_age=WINDOW,
            expect_tag=TAG,
            require_components=COMPONENTS,
            body=message.body,
        )
    except (HTTPMessageSignaturesException, ValueError) as fault:
        raise RequestRefused("signature", _sentence(fault)) from fault
    parameters = result.parameters
    if set(parameters) != _PARAMETERS:
        raise RequestRefused(
            "signature", "The signature must carry exactly created, nonce, keyid, alg and tag."
        )
    covered = {component.strip('"') for component in result.covered_components} - {
        "@signature-params"
    }
    if covered != set(COMPONENTS) or result.body is None:
        raise RequestRefused(
            "signature", f"The signature must cover exactly {', '.join(COMPONENTS)}."
        )
    nonce, keyid = str(parameters["nonce"]), str(parameters["keyid"])
    if not _NONCE.fullmatch(nonce):
        raise RequestRefused("signature", "The nonce must be 22 to 64 URL-safe characters.")
    if not fresh(keyid, nonce):
        raise RequestRefused("replayed", "This request was received before.")
    return Signed(keyid=keyid, nonce=nonce, body=message.body)


def named(message: Message) -> str:
    """Return the key id that a request names, believed in nothing yet; empty where it names none."""
    for name, value in message.headers.items():
        found = _KEYID.search(value) if name.lower() == "signature-input" else None
        if found is not None:
            return found[1]
    return ""


def _check_one_signature(message: Message) -> None:
    names = {name.lower() for name in message.headers}
    if not {"signature", "signature-input", "content-digest"} <= names:
        raise RequestRefused(
            "unsigned",
            "Sign the request (RFC 9421): it lacks Signature, Signature-Input or Content-Digest.",
        )
    for name, value in message.headers.items():
        if name.lower() == "signature" and not re.fullmatch(
            r"[a-z][a-z0-9_.*-]*=:[A-Za-z0-9+/=]+:", value.strip()
        ):
            raise RequestRefused("signature", "Send exactly one signature.")
        if name.lower() == "content-digest" and not re.fullmatch(
            r"sha-256=:[A-Za-z0-9+/=]+:", value.strip()
        ):
            raise RequestRefused("signature", "Content-Digest must be one sha-256 digest.")


def _sentence(fault: Exception) -> str:
    cause = fault.args[0] if fault.args and isinstance(fault.args[0], str) else ""
    return (
        f"The signature does not hold. {cause}".strip()
        if isinstance(fault, InvalidSignature)
        else "The signature cannot be read."
    )


def key_text(key: Ed25519PublicKey) -> str:
    """Write a raw Ed25519 public key in base64, as unit documents carry it."""
    return base64.b64encode(key.public_bytes_raw()).decode()
