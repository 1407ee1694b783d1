"""The region's policy: who is who, how many operators must have seen a head, which keys ended. Signed by the superior unit.

The superior publishes it as a `sync.policy` record in its own log: it reaches every connected unit by the ordinary
pull, and no two units can be given different ones unseen. A unit uses the one of the peer that its operator named
superior, and none that a stranger signed or that is past its last day.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sync import audiences, identity, ledger
from sync.errors import NoteFault, PolicyFault, RecordRejected
from sync.exchange import keys
from sync.formats import notes, policies, regions
from sync.models.exchange import Following, Peer, PeerKey, RegionPolicy
from sync.models.ledger import Opening
from sync.refusals import PeerFault
from sync.signer import client as signer_client
from sync.signer.messages import OpenPolicy, SignPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from sync.kinds import ReceivedRecord
    from sync.ledger import SignedHead

KIND = "sync.policy"
DAYS = 90
"""How long a policy holds unless its publisher says otherwise."""

SOON = datetime.timedelta(days=14)
"""From so long before the last day on, doctor and command say that it must be renewed."""


@dataclass(frozen=True, kw_only=True)
class Quorum:
    """How one of our heads stands against the region's policy."""

    needed: int
    """Operators that must have countersigned; 0: none need."""

    operators: int
    """Operators that the policy names beside our own."""

    seen: int
    """Operators of those that countersigned the head."""

    met: bool


def current() -> regions.RegionPolicy | None:
    """Return the policy that is in force here, or None where no unit is named superior and we publish none.

    Raises:
        PolicyFault: there is one, but it ended or a key that is not known signed it.
    """
    row, superior = _newest()
    if row is None and superior is None:
        return None
    if row is None:
        raise PolicyFault(f"{superior} is our region's superior but has published no policy yet.")
    return _read(row, today=timezone.localdate())


def _newest() -> tuple[RegionPolicy | None, str | None]:
    """The policy of the superior's region, or of our own where nobody is named superior; and who is. Its signature held when it came."""
    superior = Peer.objects.filter(superior=True).values_list("origin", flat=True).first()
    return RegionPolicy.objects.filter(region=superior or identity.origin()).first(), superior


def current_note() -> bytes | None:
    """Return the file of the policy in force here, or None.

    Raises:
        PolicyFault: as ``current``.
    """
    found = current()
    if found is None:
        return None
    return bytes(RegionPolicy.objects.values_list("note", flat=True).get(region=found.region))


def keys_said() -> tuple[policies.Policy | None, policies.Policy | None]:
    """Return our region's policy twice: for the keys it names, if it is in force; and, past its last day too, for those it ended.

    A log key that ended or was lost does not come back because nobody renewed the policy that said so, or because the
    key that signed it has ended since.
    """
    row, _ = _newest()
    if row is None:
        return None, None
    taken = _parsed(bytes(row.note))
    try:
        return _read(row, today=timezone.localdate()).policy, taken
    except PolicyFault:
        return None, taken


@lru_cache(maxsize=16)
def _parsed(note: bytes) -> policies.Policy:
    return regions.read_text(notes.parse_note(note).text).policy


def trust(origin: str) -> None:
    """Name a connected peer our region's superior, in place of any other; an empty origin names none.

    Raises:
        PeerFault: no such peer is accepted here.
    """
    with transaction.atomic():
        Peer.objects.filter(superior=True).update(superior=False)
        named = Peer.objects.filter(origin=origin, ended_on=None).exclude(accepted_here=None)
        if origin and not named.update(superior=True):
            raise PeerFault(f"No accepted peer has the origin {origin!r}.")


def publish(
    *,
    quorum: int,
    days: int = DAYS,
    successors: Mapping[str, notes.VerifierKey] | None = None,
) -> regions.RegionPolicy:
    """Sign the next version from what this unit knows of its peers, and publish it as a record.

    Args:
        quorum: how many operators, however many units each runs, must have countersigned a head.
        days: how long it holds.
        successors: by old origin, the log that goes on in place of one whose key was lost. Earlier ones stay.

    Raises:
        PolicyFault: more operators are asked for than there are, or the days do not fit.
    """
    us, today = identity.origin(), timezone.localdate()
    read_own_again()
    before = RegionPolicy.objects.filter(region=us).first()
    # Our own former version, also where the key that signed it has ended since.
    kept = notes.parse_note(bytes(before.note)).text if before is not None else ""
    old = regions.read_text(kept).policy if kept else None
    going_on = {**(old.successors if old is not None else {}), **(successors or {})}
    former = keys.former_log_keys() | _lost(going_on)
    terms = regions.Terms(
        region=us, version=max(before.version if before is not None else 0, _signed_last(us)) + 1,
        signed=today, expires=today + datetime.timedelta(days=days),
        logs=[key for key in _logs() if key not in former], operators=_operators(), quorum=quorum, former=former,
        successors=going_on,
    )  # fmt: skip
    text = regions.compose(terms)
    keys.announce("policy")
    note = signer_client.signer().ask(SignPolicy(origin=us, text=text)).note
    with transaction.atomic():
        ledger.append(
            kind=KIND,
            subject="policy",
            body=note,
            audience=audiences.PUBLIC,
            media_type="text/plain",
        )
        _keep(regions.read_text(text), note)
    ledger.seal()
    return regions.read_text(text)


def read_own_again() -> None:
    """Take in the newest version that our own log holds: a database that was restored may know an older one only."""
    row = Opening.objects.filter(kind=KIND, subject="policy").order_by("-index").first()
    if row is not None:  # in our own log: ours, also where the key that signed it has ended since
        note = bytes(row.body)
        _keep(regions.read_text(notes.parse_note(note).text), note)


def _signed_last(us: str) -> int:
    """Return the version that the signer signed last: after a restore nobody may have it."""
    return signer_client.signer().ask(OpenPolicy(origin=us)).size


def _lost(successors: Iterable[str]) -> dict[notes.VerifierKey, int]:
    """Return the keys of logs that another one follows, each with the size proven here: beyond it they prove nothing."""
    found = {}
    for row in Following.objects.filter(peer__origin__in=successors).select_related("peer"):
        coming = PeerKey.objects.filter(peer=row.peer, use="log", last=None)
        for text in {row.peer.log_key, *coming.values_list("key", flat=True)}:
            found[notes.VerifierKey.parse(text)] = row.mirrored
    return found


def _logs() -> list[notes.VerifierKey]:
    connected = Peer.objects.filter(ended_on=None).exclude(accepted_here=None)
    coming = PeerKey.objects.filter(peer__in=connected, use="log", last=None)
    texts = {
        *identity.public_keys("log"),
        *connected.values_list("log_key", flat=True),
        *coming.values_list("key", flat=True),
    }
    return [notes.VerifierKey.parse(text) for text in sorted(texts)]


def _operators() -> list[regions.Operator]:
    """Return one operator per deployment: its name, its witnesses' keys, the logs it runs."""
    witnesses: dict[str, set[str]] = defaultdict(set)
    logs: dict[str, set[str]] = defaultdict(set)
    witnesses[settings.MINQING.operator].update(identity.public_keys("witness"))
    logs[settings.MINQING.operator].add(identity.origin())
    for peer in Peer.objects.filter(ended_on=None).exclude(accepted_here=None):
        coming = PeerKey.objects.filter(peer=peer, use="witness", last=None)
        witnesses[peer.operator].update({peer.witness_key, *coming.values_list("key", flat=True)})
        logs[peer.operator].add(peer.origin)
    return [
        regions.Operator(
            name=name,
            witnesses=tuple(notes.VerifierKey.parse(text) for text in sorted(witnesses[name])),
            logs=tuple(sorted(logs[name])),
        )
        for name in sorted(witnesses)
    ]


def apply(records: Sequence[ReceivedRecord]) -> None:
    """Keep the newest policy that a unit published, if a policy key that its log announced signed it."""
    for record in records:
        try:
            found = _opened(record.origin, record.body)
        except PolicyFault as fault:
            raise RecordRejected(record.commitment, str(fault)) from fault
        if found.region != record.origin:
            raise RecordRejected(record.commitment, "A unit signs its own region's policy only.")
        _keep(found, record.body)


def _keep(found: regions.RegionPolicy, note: bytes) -> None:
    values = {
        "version": found.version, "expires_on": found.expires, "note": note, "taken_on": timezone.localdate(),
    }  # fmt: skip
    row, made = RegionPolicy.objects.get_or_create(region=found.region, defaults=values)
    if not made and row.version < found.version:
        RegionPolicy.objects.filter(pk=row.pk, version__lt=found.version).update(**values)


def _read(row: RegionPolicy, *, today: datetime.date | None = None) -> regions.RegionPolicy:
    return _opened(row.region, bytes(row.note), today=today)


def _opened(
    origin: str, note: bytes, *, today: datetime.date | None = None
) -> regions.RegionPolicy:
    if origin == identity.origin():
        known = keys.own_policy_keys()  # a signer that is away must not end our reading
    else:
        rows = PeerKey.objects.filter(peer__origin=origin, use="policy", last=None)
        known = list(rows.values_list("key", flat=True))
    fault = PolicyFault(f"{origin} has announced no key with which it signs policies.")
    for text in known:
        try:
            return regions.open_signed(note, notes.VerifierKey.parse(text), today=today)
        except PolicyFault as refused:
            fault = refused
    raise fault


def asks_for() -> Callable[[Collection[str]], bool] | None:
    """Return what says whether witnesses with these keys are as many as the policy in force asks of our heads; None where it asks none."""
    try:
        found = current()
    except PolicyFault:
        return None
    if found is None or found.policy.quorum == policies.NONE:
        return None
    policy, outside = found.policy, found.policy.outside(identity.origin())
    return lambda keys: policy.met({key for key in outside.values() if str(key) in keys})


def quorum(head: SignedHead) -> Quorum | None:
    """Tell how a head of ours stands against the policy in force, or None where none is.

    Raises:
        PolicyFault: as ``current``.
    """
    found = current()
    if found is None:
        return None
    policy = found.policy
    group = policy.groups.get(policy.quorum)
    outside = policy.outside(head.origin)
    try:
        seen = {one.key for one in notes.cosigned_by(notes.parse_note(head.note), outside.values())}
    except NoteFault as fault:
        raise PolicyFault(f"Our own head cannot be read: {fault}") from fault
    own = policy.run_by.get(head.origin)
    votes = [name for name in (group.members if group is not None else ()) if name != own]
    return Quorum(
        needed=group.least if group is not None else 0,
        operators=len(votes),
        seen=sum(policy.met(seen, name) for name in votes),
        met=policy.met(seen),
    )
