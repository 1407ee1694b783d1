"""What a worker does when the harness asks: the product's own doors, called as its tasks, pages and commands call them."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from queue import Empty

from django.db import connection, transaction
from django.utils import timezone

from minqing.config import celery
from sync import identity, ledger, sweeps
from sync.exchange import incidents as incident_room
from sync.exchange import keys, peers, region, returning, witness
from sync.exchange import pull as pull_room
from sync.exchange.homes import custody, handing, handover
from sync.formats import forks, heads, notes
from sync.ledger import erasure, refill
from sync.models import Contact, Entry, Incident, Log, Opening, Peer
from sync.models.exchange import Following, Grant, Quarantine, Received
from sync.models.handovers import Handover
from sync.models.transports import Sent
from sync.refusals import PeerFault
from sync.transports import carrying, discs
from tenants.current import current_unit, unit_by_code, unit_context
from tenants.models import Domain, Unit
from tenants.services import unit_adopt, unit_provision

LINE, MOVE, SLOTTED = "soak.line", "soak.move", "soak.slotted"
KINDS = (LINE, MOVE, SLOTTED)
TEMPLATE_CODE = "430522"


def apply(records):
    """Write down what came, in the order it came. Nothing here forbids doubles: the check looks for them."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO soak_applied (origin, index, subject, audience, n, commitment) VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (r.origin, r.index, r.header.subject, r.header.audience, r.header.chain.n, r.commitment)
                for r in records
            ],
        )  # fmt: skip
    custody.facts_came({r.header.subject for r in records if r.header.subject.startswith("soak:")})


# --- beginning ------------------------------------------------------------------------------


def begin(*, code, host, origin):
    """Make this database's one unit another than the template's: its code, its host, its log's name, its keys."""
    unit = Unit.objects.get(code=TEMPLATE_CODE)
    with unit_context(unit), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # the product forbids it
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE connamespace = to_regnamespace(%s) AND conname LIKE 'sync\\_%%\\_unit'",
            [unit.schema_name],
        )
        for table, name in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        cursor.execute("UPDATE sync_log SET unit = %s, origin = %s, log_key = ''", [code, origin])
        cursor.execute(
            "CREATE TABLE soak_applied (serial bigserial, origin text, index bigint, subject text, audience text, n bigint, commitment text)"
        )
    Unit.objects.filter(pk=unit.pk).update(code=code)
    Domain.objects.filter(tenant=unit).update(domain=host)
    unit_provision(unit_by_code(code))
    with unit_context(unit_by_code(code)):
        ledger.publish()
        return identity.origin()


def request(*, address):
    """Ask a unit for a connection."""
    state = peers.connection_request(address)
    return [state.origin, state.fingerprint]


def accept(*, origin):
    """Accept a unit whose fingerprint the harness takes as compared."""
    peer = Peer.objects.get(origin=origin)
    peers.connection_accept(origin, peer.fingerprint)
    return Peer.objects.get(origin=origin).state


def grant(*, origin, kinds, granted=True, history=True):
    """Give or take kinds of records; all at once, as their records share subjects."""
    with transaction.atomic():
        for kind in kinds:
            peers.grant_set(origin, kind, granted=granted, history=history)


def end(*, origin):
    """End a connection."""
    peers.connection_end(origin)


# --- load -----------------------------------------------------------------------------------


def append(*, records):
    """Append records in one transaction; return their commitments."""
    with transaction.atomic():
        return [
            ledger.append(
                kind=kind, subject=subject, body=body.encode(), audience=audience, media_type="text/plain"
            ).commitment
            for kind, subject, audience, body in records
        ]  # fmt: skip


def seal():
    """Seal; return the size of the published head."""
    return ledger.seal().size


def slot():
    """End a slot now."""
    return ledger.seal_slot().size


def sweep():
    """Do once what the scheduler has done every second."""
    sweeps.sweep_unit()
    return _open()


def work(*, most):
    """Run what waits in the unit's queue, as its Celery worker would; return the incidents that are open."""
    with celery.app.connection_for_read() as broker:
        queue = broker.SimpleQueue("work")
        for _ in range(most):
            try:
                message = queue.get(block=False)
            except Empty:
                break
            message.ack()
            arguments, named, _ = message.payload
            celery.app.tasks[message.headers["task"]](*arguments, **named)
    return _open()


def erase(*, commitments):
    """Erase sealed records by order."""
    return erasure.erase(commitments, basis="《演示办法》第一条").commitment


def pull(*, origin):
    """Pull from one peer; wait for somebody else's pull to end."""
    deadline = time.monotonic() + 20
    peer = peers.peer_by_origin(origin)
    pulled = pull_room.pull(peer)
    while pulled.busy and time.monotonic() < deadline:
        time.sleep(0.01)
        pulled = pull_room.pull(peer)
    return {
        "mirrored": pulled.mirrored,
        "applied": pulled.applied,
        "busy": pulled.busy,
        "fault": pulled.fault,
        "open": _open(),
    }


def hurry():
    """Try the broker at once, whatever pause was begun."""
    return Contact.objects.filter(direction="broker").update(due_at=timezone.now())


def witnessed():
    """Ask the other operators' witnesses."""
    return witness.ask_witnesses()


# --- keys -----------------------------------------------------------------------------------


def rotate(*, use):
    """Announce the key that is to follow; both are good from now on."""
    return keys.rotate(use)


def retire(*, use):
    """End the older of two keys; return it, or nothing where there is one only or a peer cannot know the other yet."""
    try:
        return keys.retire(use)
    except PeerFault:
        return ""


def trust(*, origin):
    """Name a unit the region's superior."""
    region.trust(origin)


def publish_policy(*, quorum):
    """Publish the next version of the region's policy, of the keys known here; return its number."""
    return region.publish(quorum=quorum).version


def policy_in_force():
    """Return the region's policy that this unit goes by: whose, its number and the quorum it asks of whom."""
    found = region.current()
    return [found.region, found.version, len(found.policy.groups)] if found is not None else None


# --- handovers and discs ----------------------------------------------------------------------


class Kept:
    """The charge of ``soak:`` subjects: a line in public is their facts; nothing else hangs on them."""

    noun = "soak"

    def first_home(self, subject):
        """Return who issued the subject first; only the unit that it is named after ever does."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT origin FROM soak_applied WHERE subject = %s ORDER BY serial LIMIT 1",
                [subject],
            )
            row = cursor.fetchone()
        own = Opening.objects.filter(subject=subject, kind=LINE).exists()
        return identity.origin() if own else row[0] if row else ""

    def history(self, subject):
        """Return the commitments of its lines."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT commitment FROM soak_applied WHERE subject = %s", [subject])
            taken = [commitment for (commitment,) in cursor.fetchall()]
        places = Opening.objects.filter(subject=subject, kind=LINE).values("index")
        own = Entry.objects.filter(index__in=places).values_list("commitment", flat=True)
        return [*taken, *(bytes(commitment).hex() for commitment in own)]

    def moved(self, subject, giver, taker):
        """Nothing hangs on it."""

    def changed(self, subject):
        """Nothing is shown."""


def offer(*, subject, to, own):
    """Offer a subject; ``own`` ones are issued first where nobody has. Return the commitments, or why it cannot be now."""
    made = []
    if own and not custody.home_of(subject):
        made = append(
            records=[[LINE, subject, "public", f"facts {subject} {secrets.token_hex(8)}"]]
        )
        ledger.seal()
    return _stepped(lambda: [*made, handing.offer(subject, to)])


def accept_offers():
    """Accept what is offered to this unit."""
    open_here = Handover.objects.filter(taker=identity.origin(), state="open")
    offers = list(open_here.values_list("offer", flat=True))
    return [_stepped(lambda offer=offer: [handing.accept(offer)]) for offer in offers]


def cancel_offers():
    """Take back what this unit offers."""
    open_here = Handover.objects.filter(giver=identity.origin(), state__in=("open", "accepted"))
    offers = list(open_here.values_list("offer", flat=True))
    return [_stepped(lambda offer=offer: [handing.cancel(offer, "harness")]) for offer in offers]


def _stepped(act):
    try:
        with transaction.atomic():
            return act()
    except handing.HandoverRefused as refused:
        return refused.code


def settle_handovers():
    """Do the sweep's part of them."""
    handover.try_again()


def custodies():
    """Return who keeps each subject that was ever offered, and whether that is contested."""
    return {stands.subject: [stands.home, stands.contested] for stands in custody.standings()}


def fast_path(*, origin):
    """Return what this unit knows of parcels to and from a peer: what a run that ends for want of them is judged by."""
    peer = peers.peer_by_origin(origin)
    broker = Contact.objects.filter(peer=peer, direction="broker").first()
    following = Following.objects.filter(peer=peer)
    return {
        "head": ledger.head().size,
        "sent": list(Sent.objects.filter(peer=peer, way="broker").values_list("size", flat=True)),
        "delivered": peer.delivered,
        "epoch": peer.epoch,
        "broker": broker and [broker.failures, broker.last_error, str(broker.due_at)],
        "grants": sorted(Grant.objects.filter(peer=peer).values_list("kind", flat=True)),
        "following": list(following.values_list("mirrored", "applied", "epoch").first() or ()),
        "held": Quarantine.objects.filter(peer=peer).count(),
        "frozen": str(peer.frozen_on or ""),
    }


def carry_out(*, folder, to):
    """Write a disc for a unit."""
    return discs.write(Path(folder), to).size


def carry_in(*, folder):
    """Take a disc in; return what did not hold, and the incidents that are open."""
    _, faults = carrying.take_disc(Path(folder))
    return {"faults": faults, "open": _open()}


# --- incidents ------------------------------------------------------------------------------


def _open():
    rows = Incident.objects.filter(settled_on=None).select_related("peer")
    return [[row.pk, row.peer.origin, row.name, row.sentence] for row in rows]


def incidents():
    """Return what is held against anybody and not settled."""
    return _open()


def settle(*, incident):
    """Check that an incident has evidence, then settle it; return its evidence's names and whether its fork proof holds."""
    row = Incident.objects.select_related("peer").get(pk=incident)
    files = {file.name: bytes(file.content) for file in row.evidence.all()}
    proven = ""
    if row.name == "forked":
        key = heads.LogKeys.only(notes.VerifierKey.parse(row.peer.log_key))
        proven = forks.verify_fork(files[forks.FILE], key)
    if row.freezes:
        incident_room.thaw_propose(incident, by="first", reason="the harness goes on")
        incident_room.thaw_agree(incident, by="second")
    else:
        incident_room.incident_settle(incident)
    return {"evidence": sorted(files), "proven": proven, "frozen": row.peer.frozen_on is not None}


# --- after a restore --------------------------------------------------------------------------


def come_back():
    """Get back from peers what an old backup lacks."""
    done = returning.recover()
    return {
        "before": done.before,
        "size": done.size,
        "signed": done.signed,
        "openings": done.openings,
        "silent": done.silent,
    }


def closed():
    """Return the indexes of our own log that cannot be opened here."""
    return refill.unopened()


def held(*, origin):
    """Return the indexes of a peer's log that can be opened here."""
    rows = Received.objects.filter(peer__origin=origin).exclude(header=None)
    return list(rows.values_list("index", flat=True))


def adopt():
    """Vouch for the log as it stands now."""
    unit_adopt(current_unit())
    return size()[1]


def size():
    """Return how far the tree and the published head have grown."""
    return [Log.objects.get().size, peers.published_size()]
