"""The unit document at ``/.well-known/minqing``: how a unit introduces itself, and its fingerprint.

The document is believed only as far as its fingerprint: operators of both sides compare that by another way
(telephone, letter) before anything is exchanged. It covers the origin, every key and the operator.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from sync import audiences
from sync.errors import NoteFault, SignerRefused
from sync.exchange.client import check_address
from sync.formats import box_keys, notes, possession
from sync.identity import identity, possession_proofs
from sync.kinds import kinds
from sync.refusals import PeerFault
from tenants.current import current_unit

PATH = "/.well-known/minqing"
LIMIT = 16 * 1024

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit's public keys: five verifier keys (C2SP vkey), and the box key in base64."""

    log: _Key
    ack: _Key
    peer: _Key
    box: _Key
    witness: _Key


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A unit document. Unknown fields are ignored, so that later versions can say more."""

    minqing: int
    origin: str
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    name: _Text
    level: Annotated[str, msgspec.Meta(max_length=16)]
    operator: _Text
    address: Annotated[str, msgspec.Meta(max_length=300)]
    keys: Keys
    kinds: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=65)]], msgspec.Meta(max_length=500)
    ]
    proofs: dict[str, Annotated[str, msgspec.Meta(max_length=100)]] = {}
    """What shows that the unit holds its keys, by use; units of release 0.1 send none."""

    @property
    def fingerprint(self) -> str:
        """What operators compare on the telephone."""
        return fingerprint_of(self.origin, self.operator, self.keys)

    @property
    def log_key(self) -> notes.VerifierKey:
        """The key that signs heads."""
        return notes.VerifierKey.parse(self.keys.log)

    @property
    def peer_key(self) -> Ed25519PublicKey:
        """The key that signs requests and disclosure notes."""
        return request_key(self.keys.peer)

    @property
    def proven(self) -> bool:
        """Whether it shows possession of its keys; what does not hold was refused when it was read."""
        return bool(self.proofs)

    def encode(self) -> bytes:
        """Return its JSON."""
        return msgspec.json.encode(self, order="sorted")


def fingerprint_of(origin: str, operator: str, keys: Keys) -> str:
    """Return forty digits in fours (132 bits of SHA-256): short enough to be read out on the telephone."""
    named = (keys.log, keys.ack, keys.peer, keys.box, keys.witness)
    covered = "\n".join(["minqing fingerprint 1", origin, operator, *named, ""])
    number = int.from_bytes(hashlib.sha256(covered.encode()).digest()) % 10**40
    digits = f"{number:040d}"
    return " ".join(digits[at : at + 4] for at in range(0, 40, 4))


def request_key(vkey: str) -> Ed25519PublicKey:
    """Return the public key in a vkey, for verifying requests."""
    return Ed25519PublicKey.from_public_bytes(notes.VerifierKey.parse(vkey).public)


def own_address() -> str:
    """Return the address under which peers reach the current unit."""
    scheme = "https" if settings.MINQING.https else "http"
    host, _, prefix = current_unit().host.partition("/")
    port = settings.MINQING.public_port
    return check_address(
        f"{scheme}://{host}{f':{port}' if port else ''}{'/' + prefix if prefix else ''}"
    )


def own_document() -> Document:
    """Return the current unit's document."""
    unit, us = current_unit(), identity()
    keys = Keys(
        log=us.log_key, ack=us.ack_key, peer=us.peer_key, box=us.box_key, witness=us.witness_key
    )
    proofs: dict[str, str] = {}
    with contextlib.suppress(SignerRefused):  # then readers learn who we are, and connect later
        proofs = possession_proofs(msgspec.structs.asdict(keys))
    return Document(
        minqing=1,
        origin=us.origin,
        code=unit.code,
        name=unit.name,
        level=unit.level,
        operator=us.operator,
        address=own_address(),
        keys=keys,
        kinds=[kind.name for kind in kinds()],
        proofs=proofs,
    )


def read_document(octets: bytes) -> Document:
    """Read a unit document and check that its parts belong together.

    Raises:
        PeerFault: it cannot be used; the sentence says why.
    """
    if len(octets) > LIMIT:
        raise PeerFault("The unit document is too long.")
    try:
        document = msgspec.json.decode(octets, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise PeerFault(f"The unit document cannot be read: {fault}.") from fault
    if document.minqing != 1:
        raise PeerFault("The unit document is of another version of the protocol.")
    if (
        not audiences.ORIGIN.fullmatch(document.origin)
        or document.origin.split("/")[1] != document.code
    ):
        raise PeerFault("The unit document's origin does not fit its code.")
    if any(not text.isprintable() for text in (document.name, document.operator, document.level)):
        raise PeerFault("The unit document holds control characters.")
    check_address(document.address)
    _check_keys(document)
    return document


def _check_keys(document: Document) -> None:
    try:
        box_keys.check(document.keys.box)
        keys = [
            notes.VerifierKey.parse(text)
            for text in (
                document.keys.log,
                document.keys.ack,
                document.keys.peer,
                document.keys.witness,
            )
        ]
    except NoteFault as fault:
        raise PeerFault(f"The unit document's keys cannot be used: {fault}") from fault
    if (
        keys[0].name != document.origin
        or keys[0].type != notes.ED25519
        or keys[3].type != notes.COSIGNATURE
    ):
        raise PeerFault("The unit document's log or witness key has another name or type.")
    if len({key.public for key in keys}) != len(keys):
        raise PeerFault("The unit document uses one key for two purposes.")
    if document.proofs:
        try:
            possession.check(
                document.origin, msgspec.structs.asdict(document.keys), document.proofs
            )
        except NoteFault as fault:
            raise PeerFault(f"The unit document's keys are not believed: {fault}.") from fault
