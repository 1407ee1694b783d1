"""What is said on the signer's socket: one JSON object behind its length (32 bits, big-endian), each way."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

FRAME_LIMIT = 256 * 1024


class Request(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Base of every request."""


class OpenLog(Request, frozen=True, kw_only=True):
    """Make the key of a new log, or tell it again."""

    origin: str


class LastHead(Request, frozen=True, kw_only=True):
    """What was signed last for a log?"""

    origin: str


class Confirm(Request, frozen=True, kw_only=True):
    """Peers were asked since the machine started: none of them knows a head of this log that we do not."""

    origin: str


class SignHead(Request, frozen=True, kw_only=True):
    """Sign a head of ``size``; the proof shows that it continues the one of ``old`` leaves."""

    origin: str
    size: int
    root: bytes
    old: int
    proof: list[bytes]


class Adopt(Request, frozen=True, kw_only=True):
    """An operator vouches for the state of a log whose last head the signer does not know any more.

    A signer that knows an older one (its folder was restored too) wants the proof that this one continues it.
    """

    origin: str
    size: int
    root: bytes
    proof: list[bytes] = []


class OpenPolicy(Request, frozen=True, kw_only=True):
    """Make the key with which a unit signs its region's policy, or tell it again; ``size`` is the version signed last."""

    origin: str


class SignPolicy(Request, frozen=True, kw_only=True):
    """Sign a region's policy of a later version than any before."""

    origin: str
    text: str


class RotateKey(Request, frozen=True, kw_only=True):
    """Make the key that is to follow, or tell it again; from now on both sign."""

    use: str
    """``log``, ``policy`` or ``witness``."""

    origin: str = ""
    """Empty for the witness."""


class RetireKey(Request, frozen=True, kw_only=True):
    """End the older of two keys for ever. Asked again, it answers the same."""

    use: str
    origin: str = ""


class WitnessKey(Request, frozen=True, kw_only=True):
    """Tell the deployment's witness key."""


class ProvePossession(Request, frozen=True, kw_only=True):
    """Prove that the signer holds those of a unit's announced keys (by use) that are its own: see ``formats.possession``."""

    origin: str
    keys: dict[str, str]


class Cosign(Request, frozen=True, kw_only=True):
    """Cosign another log's checkpoint (tlog-witness add-checkpoint)."""

    log_key: str
    """Verifier key that we trust for the log; the first one given for an origin is kept."""

    old: int
    proof: list[bytes]
    note: bytes
    next_key: str = ""
    """The log's coming key, while two overlap; believed only once a head carries both signatures."""


class Repin(Request, frozen=True, kw_only=True):
    """An operator compared fingerprints: a log that was cosigned under one key goes on under another that it never saw beside it.

    What was cosigned last stays, and the next head must continue it.
    """

    origin: str
    log_key: str
    former: str
    """The key it is pinned by; another one means that it has changed meanwhile."""


class Witnessed(Request, frozen=True, kw_only=True):
    """The last checkpoint cosigned for a log, with its signatures and ours."""

    origin: str


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Done. Which fields are filled depends on the request."""

    key: str = ""
    next: str = ""
    """The key that is to follow, while two overlap."""

    former: str = ""
    """For ``RetireKey``: the key that ended; ``size`` is that of the last head signed before."""

    size: int = 0
    root: bytes = b""
    note: bytes = b""
    line: str = ""
    proofs: dict[str, str] = {}
    """For ``ProvePossession``: signatures in base64, by use."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """Not done, and nothing changed."""

    code: str
    """``unknown-log``, ``key-lost``, ``state-lost``, ``copied``, ``started-anew``, ``rolled-back``, ``conflict``, ``inconsistent``,
    ``not-lost``, ``unknown-key``, ``bad-note``, ``bad-request``, ``never-witnessed``, ``no-next``."""

    sentence: str
    size: int = 0
    """For ``conflict`` and ``rolled-back``: the size signed last."""


class SignerDoor(Protocol):
    """The signer, near (in the tests) or behind its socket."""

    def ask(self, request: Request, /) -> Answer:
        """Ask one thing.

        Raises:
            SignerRefused: the signer says no.
            SignerUnreachable: nobody answers.
        """


Requests = (
    OpenLog
    | LastHead
    | Confirm
    | SignHead
    | Adopt
    | OpenPolicy
    | SignPolicy
    | RotateKey
    | RetireKey
    | WitnessKey
    | ProvePossession
    | Cosign
    | Repin
    | Witnessed
)

_encoder = msgspec.json.Encoder()
_requests = msgspec.json.Decoder(Requests)
_answers = msgspec.json.Decoder(Answer | Refusal)


def encode(message: Request | Answer | Refusal) -> bytes:
    """Return a frame."""
    body = _encoder.encode(message)
    return struct.pack(">I", len(body)) + body


def decode_request(body: bytes) -> Requests:
    """Read a request; one of ``sync.errors.UNREADABLE`` where it is none."""
    request: Requests = _requests.decode(body)
    return request


def decode_answer(body: bytes) -> Answer | Refusal:
    """Read an answer; one of ``sync.errors.UNREADABLE`` where it is none."""
    answer: Answer | Refusal = _answers.decode(body)
    return answer


def receive(connection: socket.socket) -> bytes | None:
    """Read one frame; None when the other side has closed between frames.

    Raises:
        ConnectionError: closed inside a frame, or a frame above ``FRAME_LIMIT``.
    """
    head = _exactly(connection, 4)
    if head is None:
        return None
    (length,) = struct.unpack(">I", head)
    if length > FRAME_LIMIT:
        raise ConnectionError("The frame is too long.")
    body = _exactly(connection, length)
    if body is None:
        raise ConnectionError("The connection ended inside a frame.")
    return body


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    parts: list[bytes] = []
    missing = length
    while missing:
        part = connection.recv(missing)
        if not part:
            if parts:
                raise ConnectionError("The connection ended inside a frame.")
            return None
        parts.append(part)
        missing -= len(part)
    return _join(parts)


def _join(parts: Sequence[bytes]) -> bytes:
    return parts[0] if len(parts) == 1 else b"".join(parts)
