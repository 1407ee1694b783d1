"""Giving a unit back what it lost: its own log, as its peers copied it, and the records it had disclosed to them.

A unit that was restored from an old backup asks each peer for the largest head of its own that the peer proved, for
the leaves below it and for the records. It believes nothing but its own signature on the head: the leaves must lead to
it, the records must open the leaves. What nobody was shown comes back from nowhere; those indexes are listed.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest

from sync import identity
from sync.errors import LedgerFault, NoteFault, RecordFault, SignerRefused, SignerUnreachable
from sync.exchange import doorbell, windows
from sync.exchange.homes import rereading
from sync.exchange.peers import client_for
from sync.formats import copies, framing
from sync.ledger import adoption, erasure, refill
from sync.ledger.paging import page
from sync.models.exchange import Following, MirrorBundle, Peer, PeerHead, Received
from sync.models.ledger import Log
from sync.refusals import ExchangeFault, PeerLied, Refused, RequestRefused
from sync.signer import client as signer_client
from sync.signer.messages import Confirm, LastHead
from tenants.current import current_unit
from tenants.tasks import unit_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sync.exchange.client import Client
    from sync.exchange.tasks import Queued
    from sync.formats.heads import LogKeys
    from sync.formats.notes import Checkpoint
    from tenants.models import Unit

HEAD, LEAVES, RECORDS = "/exchange/yours/head", "/exchange/yours/leaves", "/exchange/yours/records"
_ROUND = 512
_CAP = 8 * 1024 * 1024 + framing.WINDOW_OCTETS + 66 * 1024 * 1024
_SECONDS = 120.0
_INDEX = re.compile(rb"[0-9]{1,18}")


PATIENCE = 600.0
"""Seconds after which a log on a machine that was started anew waits no longer for peers that do not answer."""

_looked: dict[str, float] = {}
"""Units whose peers this process has had asked, and since when (monotonic seconds)."""


# --- a peer asks us ---------------------------------------------------------------------------


def head_for(peer: Peer) -> bytes:
    """Return the largest head of the asking unit's own log that our copy reproduces.

    Raises:
        RequestRefused: we have none.
    """
    row = PeerHead.objects.filter(peer=peer, proven=True).order_by("-size").first()
    if row is None:
        raise RequestRefused("not-found", "No head of yours is known here.")
    return bytes(row.note)


def leaves_for(peer: Peer, number: int) -> bytes:
    """Return the commitments of one bundle of the asking unit's own log, 32 octets each.

    Raises:
        RequestRefused: our copy does not reach so far.
    """
    mirrored = Following.objects.filter(peer=peer).values_list("mirrored", flat=True).first() or 0
    row = MirrorBundle.objects.filter(peer=peer, number=number).first()
    width = min(copies.WIDTH, mirrored - number * copies.WIDTH)
    if row is None or width <= 0:
        raise RequestRefused("not-found", "Our copy of your log does not reach so far.")
    return bytes(row.commitments)[: width * 32]


def records_for(peer: Peer, start: int) -> bytes:
    """Return records that the asking unit had disclosed to us, from an index on; the last field says where to go on."""
    held = Received.objects.filter(peer=peer, index__gte=start).exclude(header=None)
    rows, following = page(held, records=_ROUND, octets=framing.WINDOW_OCTETS)
    pieces: list[bytes] = []
    for row in rows:
        assert row.header is not None
        assert row.salt is not None
        assert row.body is not None
        opening = framing.Opening(row.index, bytes(row.salt), bytes(row.header), bytes(row.body))
        pieces.append(framing.row(opening))
    on = b"" if following is None else str(following).encode()
    return b"".join(pieces) + framing.end(on)


# --- we ask -----------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Recovered:
    """What came back."""

    before: int
    """Entries that this database held."""

    size: int = 0
    """Entries that it holds now."""

    openings: int = 0
    erased: int = 0
    """Openings that the erasure list took away again."""

    unopened: list[tuple[int, int]] = field(default_factory=list)
    """First and last index of each run that cannot be opened."""

    signed: int = 0
    """Largest size that this unit is known to have signed, by its signer or by a peer; more than ``size``: the tail is in nobody's hands."""

    silent: list[str] = field(default_factory=list)
    """Peers that could not be asked, with the reason."""


@dataclass(frozen=True)
class _Source:
    peer: Peer
    head: Checkpoint
    note: bytes


def look_around() -> str:
    """Ask every peer for the largest head of ours it knows; halt if it is not in this database. Returns why, or nothing.

    When all have answered, or some have not for long enough, the signer is told: after a start of the machine it waits for that.
    """
    began = _looked.setdefault(current_unit().schema_name, time.monotonic())
    keys, silent = refill.own_keys(), False
    for peer in _peers():
        try:
            with client_for(peer) as client:
                notes_found = list(_heads(client, keys))
        except ExchangeFault:
            silent = True
            continue
        for _, note in notes_found:
            refill.heed(note)
    halted = refill.halted()
    if not halted and (not silent or time.monotonic() - began >= PATIENCE):
        signer_client.signer().ask(Confirm(origin=identity.origin()))
    return halted


def sweep() -> None:
    """Have the peers asked, in a task: once by each process that sweeps, and again while the signer waits for what they know."""
    schema = current_unit().schema_name
    if waits() or (schema not in _looked and _peers()):
        _looked.setdefault(schema, time.monotonic())
        doorbell.queue(_look, [schema])


def waits() -> str:
    """Return why the signer waits for what peers know, or nothing: it does after each start of the machine."""
    try:
        signer_client.signer().ask(LastHead(origin=identity.origin()))
    except SignerRefused as refusal:
        return str(refusal) if refusal.code == "started-anew" else ""
    return ""


def recover() -> Recovered:
    """Bring the current unit's log back to the largest head of its own that any peer holds. Repeatable.

    The log then stands still until an operator adopts it.

    Raises:
        LedgerFault: two heads with our own signature do not fit, or nobody's leaves lead to the largest one.
    """
    keys = refill.own_keys()
    size = Log.objects.values_list("size", flat=True).get(unit=current_unit().code)
    done = Recovered(before=size)
    found: list[_Source] = []
    for peer in _peers():
        try:
            with client_for(peer) as client:
                found += [_Source(peer, head, note) for head, note in _heads(client, keys)]
        except ExchangeFault as fault:
            done.silent.append(f"{peer.name}: {fault}")
    if not found:
        raise LedgerFault("No peer that answers holds a head of this unit.")
    best = max(found, key=lambda source: source.head.size)
    refill.halt(
        "This database was restored from an older backup and filled up from peers. Nothing is sealed until an operator has "
        "looked and runs `minqing unit adopt`.",
        best.note,
    )
    done.signed = max(_signed(), refill.known_size())
    if best.head.size > size:
        _refill(best, found, size, done)
    for source in found:
        if refill.root_at(source.head.size) != source.head.root:
            raise LedgerFault(
                f"{source.peer.name} holds a head of {source.head.size} entries with this unit's signature that is no "
                "beginning of the largest one: this unit has signed two histories. People must decide."
            )
    done.size = Log.objects.values_list("size", flat=True).get(unit=current_unit().code)
    for source in {source.peer.pk: source for source in found}.values():
        try:
            for openings in _records(source.peer, done.size):
                done.openings += refill.open_again(openings)
        except (
            ExchangeFault,
            RecordFault,
        ) as fault:  # what one of them invents costs what it shows from there on only
            done.silent.append(f"{source.peer.name}: {fault}")
    rereading.own_steps_again()  # before any step of others is tried again
    done.erased = erasure.replay()
    done.unopened = refill.ranges(refill.unopened())
    return done


def number_anew(unit: Unit) -> str:
    """Have every peer begin at 0 under a number that no note from before carries; registered as an adopter.

    The backup has forgotten which numbers it gave to grants since, and what can no longer be opened is no longer counted:
    a note under an old number would contradict what was signed before.
    """
    least = (adoption.adoptions().count() + 1) * framing.EPOCHS
    changed = Peer.objects.update(epoch=Greatest(F("epoch") + 1, least), delivered=0)
    return f"{unit.code}: what {changed} units were told of before is told anew"


_look = cast("Queued", unit_task("sync.tasks.look_around")(look_around))


def _peers() -> list[Peer]:
    return list(Peer.objects.filter(ended_on=None).exclude(accepted_here=None))


def _signed() -> int:
    try:
        return signer_client.signer().ask(LastHead(origin=identity.origin())).size
    except SignerRefused as refusal:
        return refusal.size
    except SignerUnreachable:
        return 0


def _heads(client: Client, keys: LogKeys) -> Iterator[tuple[Checkpoint, bytes]]:
    """Yield heads of ours that a peer holds: from its copy, and from what its witness cosigned."""
    digest = hashlib.sha256(identity.origin().encode()).hexdigest()
    asks: tuple[Callable[[], bytes], ...] = (
        lambda: client.get(HEAD).body,
        lambda: client.get(f"/witness/{digest}/checkpoint", signed=False).body,
    )
    for ask in asks:
        try:
            note = ask()
        except Refused:
            continue
        try:
            yield refill.own_head(note, keys), note
        except NoteFault as fault:
            raise PeerLied("bad-signature", f"What it shows as ours is not: {fault}") from fault


def _refill(best: _Source, found: list[_Source], size: int, done: Recovered) -> None:
    """Get the leaves from whoever has them all; those that do not lead to the head are left aside."""
    fault = ""
    for source in [best, *(other for other in found if other is not best)]:
        try:
            with client_for(source.peer) as client:
                leaves = _leaves(client, size, best.head.size)
            refill.refill(best.note, leaves)
        except (ExchangeFault, LedgerFault) as refused:
            fault = f"{source.peer.name}: {refused}"
            done.silent.append(fault)
        else:
            return
    raise LedgerFault(f"Nobody's leaves lead to the head of {best.head.size} entries. {fault}")


def _leaves(client: Client, size: int, stop: int) -> list[bytes]:
    leaves: list[bytes] = []
    first = size // copies.WIDTH
    for number in range(first, -(-stop // copies.WIDTH)):
        octets = client.get(f"{LEAVES}?number={number}").body
        leaves += [octets[at : at + 32] for at in range(0, len(octets), 32)]
    ours = _own_leaves(first * copies.WIDTH, size)
    if leaves[: len(ours)] != ours or any(len(leaf) != 32 for leaf in leaves):
        raise PeerLied("diverged", "Its copy does not begin with the entries held here.")
    return leaves[len(ours) : stop - first * copies.WIDTH]


def _own_leaves(start: int, stop: int) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT commitment FROM sync_entry WHERE index >= %s AND index < %s ORDER BY index",
            [start, stop],
        )
        return [bytes(commitment) for (commitment,) in cursor.fetchall()]


def _records(peer: Peer, size: int) -> Iterator[list[framing.Opening]]:
    """Fetch what a peer was shown, answer by answer, from the first index on that cannot be opened here.

    Each answer has a client and so a limit of time to itself: together they may take as long as a large log needs. What
    came stays, and whoever is interrupted goes on from there.
    """
    start: int | None = refill.first_closed()
    while start is not None and start < size:
        with client_for(peer) as client:
            stream = client.get(f"{RECORDS}?from={start}", cap=_CAP, seconds=_SECONDS).body
        openings, following = windows.read_window(stream)
        if following and not (_INDEX.fullmatch(following) and int(following) > start):
            raise PeerLied("malformed", "The list of records does not go on.")
        yield [opening for opening in openings if opening.index < size]
        start = int(following) if following else None
