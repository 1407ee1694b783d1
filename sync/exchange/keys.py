"""Changing keys: announced in the unit's own log, good side by side for a while, then the older one ends.

`rotate` makes the key that is to follow and logs a public `sync.key` record; from then on both sign wherever a paper
can carry two signatures, and requests carry the older one's, which everybody knows. `retire` ends the older key, once
every connected peer has the announcement, and logs the size of the last head before: beyond it the old key proves
nothing. Peers read both records under heads that the keys they know have signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from django.db import transaction

from sync import audiences, identity, ledger
from sync.errors import NoteFault, RecordRejected
from sync.exchange import documents
from sync.formats import box_keys, notes, possession, regions
from sync.models.exchange import Peer, PeerKey
from sync.models.ledger import Opening
from sync.refusals import PeerFault
from sync.signer import client as signer_client
from sync.signer.messages import RetireKey, RotateKey
from tenants.current import unit_context, units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sync.kinds import ReceivedRecord

KIND = "sync.key"
IN_SIGNER = ("log", "witness", "policy")
USES = (*IN_SIGNER, *identity.SECRETS)

_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a key record."""

    use: str
    key: _Key
    """The key that comes, or that is alone from now on."""

    ended: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """The key that ends with this record; empty: both are good."""

    last: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] = 0
    """Size of the last head before it ended."""

    proof: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """The signature that shows that the unit holds ``key`` (see ``formats.possession``); units of release 0.1 sent none."""


# --- our own keys -------------------------------------------------------------------------------


def rotate(use: str) -> str:
    """Make the key that is to follow and announce it; return it. Repeatable.

    Raises:
        PeerFault: there is no such use.
        SignerUnreachable, SignerRefused: for keys that the signer holds.
    """
    if use not in USES:
        raise PeerFault(f"There are keys for {', '.join(USES)}; none for {use!r}.")
    if use in IN_SIGNER:
        origin = "" if use == "witness" else identity.origin()
        signer_client.signer().ask(RotateKey(use=use, origin=origin))
    else:
        identity.secret_rotate(use)
    for _ in _units(use):
        announce(use)
    return identity.public_keys(use)[-1]


def announce(use: str) -> None:
    """Log the newest key of a use, unless it is announced already."""
    key = identity.public_keys(use)[-1]
    if all(notice.key != key for _, notice in _announced(use)):
        _log(Notice(use=use, key=key))


def own_policy_keys() -> list[str]:
    """Return the keys under which our own log says that we sign policies: those that it announced and did not end."""
    notices = [notice for _, notice in _announced("policy")]
    ended = {notice.ended for notice in notices}
    return [key for key in dict.fromkeys(notice.key for notice in notices) if key not in ended]


def retire(use: str, *, force: bool = False) -> str:
    """End the older of two keys for ever and log it; return it. Asked again after a crash, it goes on.

    Args:
        use: one of ``USES``.
        force: also where a connected peer has not got the announcement yet. Such a peer learns the new key from the
            region's policy, or by a new connection.

    Raises:
        PeerFault: nothing follows it, or peers lack the announcement; the sentence names them.
    """
    overlap = len(identity.public_keys(use)) > 1
    lagging = [name for _ in _units(use) for name in _lagging(use)] if overlap else []
    if lagging and not force:
        raise PeerFault(
            f"{', '.join(sorted(set(lagging)))} cannot know the new key yet: wait until each has pulled, or use --force."
        )
    last = 0
    if use in IN_SIGNER:
        origin = "" if use == "witness" else identity.origin()
        answer = signer_client.signer().ask(RetireKey(use=use, origin=origin))
        ended, last = answer.former, answer.size
    else:
        ended = _secret_retire(use)
    key = identity.public_keys(use)[0]
    if use == "log":
        identity.log_key_pin(notes.VerifierKey.parse(key))
    for _ in _units(use):
        if all(notice.ended != ended for _, notice in _announced(use)):
            _log(Notice(use=use, key=key, ended=ended, last=last))
    return ended


def _secret_retire(use: str) -> str:
    """Log the end first: after a crash in between, the files still say what is left to do."""
    before, *following = identity.public_keys(use)
    if not following:
        raise PeerFault(f"There is one {use} key only: rotate it first.")
    if all(notice.ended != before for _, notice in _announced(use)):
        _log(Notice(use=use, key=following[0], ended=before))
    return identity.secret_retire(use)


def has_ended(use: str) -> bool:
    """Whether this unit ever ended a key of one use: a peer may know it by that one still."""
    return any(notice.ended for _, notice in _announced(use))


def former_log_keys() -> dict[notes.VerifierKey, int]:
    """Return log keys that ended, ours and our peers', each with the size of the last head before."""
    rows = PeerKey.objects.filter(use="log").exclude(last=None)
    found = {notes.VerifierKey.parse(row.key): row.last or 0 for row in rows}
    ours = {n.ended: n.last for _, n in _announced("log") if n.ended}
    return found | {notes.VerifierKey.parse(text): last for text, last in ours.items()}


def _units(use: str) -> Iterator[None]:
    """Go through the units that a key belongs to: the witness key is the whole deployment's."""
    if use != "witness":
        yield
        return
    for unit in units():
        with unit_context(unit):
            yield


def _lagging(use: str) -> list[str]:
    """Return connected peers that have not fetched the announcement of the newest key."""
    newest = identity.public_keys(use)[-1]
    at = [index for index, notice in _announced(use) if notice.key == newest and not notice.ended]
    connected = Peer.objects.filter(ended_on=None).exclude(accepted_here=None)
    behind = connected.exclude(accepted_there=None).filter(delivered__lte=max(at, default=-1))
    return list(behind.values_list("name", flat=True))


def _announced(use: str) -> list[tuple[int, Notice]]:
    rows = Opening.objects.filter(kind=KIND, subject=f"key/{use}").order_by("index")
    return [(row.index, msgspec.json.decode(bytes(row.body), type=Notice)) for row in rows]


def _log(notice: Notice) -> None:
    proofs = identity.possession_proofs({notice.use: notice.key})
    notice = msgspec.structs.replace(notice, proof=proofs.get(notice.use, ""))
    with transaction.atomic():
        ledger.append(
            kind=KIND,
            subject=f"key/{notice.use}",
            body=msgspec.json.encode(notice, order="deterministic"),
            audience=audiences.PUBLIC,
            media_type="application/json",
        )
    ledger.seal()


# --- peers' keys --------------------------------------------------------------------------------


def apply(records: Sequence[ReceivedRecord]) -> None:
    """Take in what a peer's own log says about its keys."""
    for record in records:
        peer = Peer.objects.filter(origin=record.origin).first()
        if peer is None:
            continue
        try:
            notice = msgspec.json.decode(record.body, type=Notice)
            for key in filter(None, (notice.key, notice.ended)):
                _check(record.origin, notice.use, key)
        except (msgspec.DecodeError, UnicodeDecodeError, NoteFault) as fault:
            raise RecordRejected(record.commitment, f"The key cannot be used: {fault}") from fault
        if notice.ended and notice.last > record.index:
            raise RecordRejected(record.commitment, "The key cannot end at a size to come.")
        proven = _proven(record, peer, notice)
        if notice.ended:
            if not proven and _follows(peer, notice):
                raise RecordRejected(
                    record.commitment, "Nothing shows that the unit holds the key that follows."
                )
            _end(peer, notice)
        elif not proven:
            continue  # history from before the unit proved its keys: its document names the key that counts
        elif not PeerKey.objects.filter(peer=peer, key=notice.key).exists():
            PeerKey.objects.create(peer=peer, use=notice.use, key=notice.key)


def _proven(record: ReceivedRecord, peer: Peer, notice: Notice) -> bool:
    """Tell whether an announced key may be believed to be the unit's. A unit of release 0.1 is believed without proof."""
    if notice.proof:
        try:
            possession.check(record.origin, {notice.use: notice.key}, {notice.use: notice.proof})
        except NoteFault as fault:
            raise RecordRejected(record.commitment, f"Not believed: {fault}.") from fault
        return True
    if notice.use == possession.BOX or not peer.proven_keys:
        return True
    documented = notice.key == getattr(peer, f"{notice.use}_key", "")
    return documented or PeerKey.objects.filter(peer=peer, key=notice.key).exists()


def _follows(peer: Peer, notice: Notice) -> bool:
    """Tell whether the end of a key would put another in the peer's row."""
    return notice.use == "policy" or getattr(peer, f"{notice.use}_key") == notice.ended


def _end(peer: Peer, notice: Notice) -> None:
    name = f"{notice.use}_key"
    if notice.ended == notice.key:
        return
    PeerKey.objects.update_or_create(
        peer=peer, key=notice.ended, defaults={"use": notice.use, "last": notice.last}
    )
    if notice.use == "policy":
        PeerKey.objects.get_or_create(peer=peer, key=notice.key, defaults={"use": "policy"})
    elif getattr(peer, name) == notice.ended:
        setattr(peer, name, notice.key)
        peer.fingerprint = documents.fingerprint_of(
            peer.origin,
            peer.operator,
            documents.Keys(
                log=peer.log_key, ack=peer.ack_key, peer=peer.peer_key, box=peer.box_key, witness=peer.witness_key
            ),
        )  # fmt: skip
        peer.save(update_fields=[name, "fingerprint"])


def _check(origin: str, use: str, key: str) -> None:
    """Refuse a key whose name, type or length does not fit its use."""
    if use == "box":
        box_keys.check(key)
        return
    names = {
        "log": origin, "ack": f"{origin}/ack", "peer": f"{origin}/peer", "policy": regions.key_name(origin),
    }  # fmt: skip
    found = notes.VerifierKey.parse(key)
    if use == "witness":
        fits = found.type == notes.COSIGNATURE
    else:
        fits = found.type == notes.ED25519 and found.name == names.get(use)
    if not fits:
        raise NoteFault(f"this is no {use} key of {origin}")
