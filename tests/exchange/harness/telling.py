"""What a worker tells of its database when the harness compares all with all, or asks what went wrong."""

from __future__ import annotations

from django.db import connection

from sync import identity, ledger
from sync.ledger import erasure, refill


def told(*, origin, index):
    """Return the chain of a record as this database knows it: its own, or what it received from a peer; and its incidents."""
    own = origin == identity.origin()
    table = (
        "(SELECT index, 0 AS state, commitment, subject, audience, header FROM sync_entry LEFT JOIN sync_opening USING (index))"
        if own
        else "(SELECT r.* FROM sync_received r JOIN sync_peer p ON p.id = r.peer_id WHERE p.origin = %(origin)s)"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.index, r.state, encode(r.commitment, 'hex'), convert_from(r.header, 'UTF8') FROM {table} r"
            f" JOIN {table} a ON a.index = %(index)s AND a.subject = r.subject AND a.audience = r.audience ORDER BY r.index",
            {"origin": origin, "index": index},
        )
        return {
            "chain": cursor.fetchall(),
            "gone": sorted(erasure.erased()) if own else [],
            "closed": refill.unopened() if own else [],
        }


def issued():
    """Return the log as its issuer holds it: head, every leaf, what opens it, what still waits."""
    head = ledger.head()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.index, encode(e.commitment, 'hex'), o.kind, o.audience, o.subject, convert_from(o.body, 'UTF8')"
            " FROM sync_entry e LEFT JOIN sync_opening o USING (index) ORDER BY e.index"
        )
        leaves = cursor.fetchall()
        cursor.execute("SELECT encode(commitment, 'hex') FROM sync_pending")
        waiting = [commitment for (commitment,) in cursor.fetchall()]
    return {
        "size": head.size,
        "root": head.root.hex(),
        "leaves": leaves,
        "waiting": waiting,
        "gone": sorted(erasure.erased()),
        "origin": head.origin,
    }


def taken(*, origin):
    """Return what was taken in of one peer: cursors, mirrored leaves, rows (with how many of
    salt, header and body are there), what the handler wrote, what is held back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM sync_peer WHERE origin = %s", [origin])
        (peer,) = cursor.fetchone()
        cursor.execute("SELECT mirrored, applied FROM sync_following WHERE peer_id = %s", [peer])
        mirrored, applied = cursor.fetchone()
        cursor.execute(
            "SELECT commitments FROM sync_mirrorbundle WHERE peer_id = %s ORDER BY number", [peer]
        )
        copy = b"".join(bytes(octets) for (octets,) in cursor.fetchall())
        cursor.execute(
            "SELECT index, state, encode(commitment, 'hex'), num_nonnulls(salt, header, body)"
            " FROM sync_received WHERE peer_id = %s ORDER BY index",
            [peer],
        )
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT index, reason FROM sync_quarantine WHERE peer_id = %s ORDER BY index", [peer]
        )
        held = cursor.fetchall()
        cursor.execute(
            "SELECT index, subject, audience, n, commitment FROM soak_applied WHERE origin = %s ORDER BY serial",
            [origin],
        )
        handed = cursor.fetchall()
    return {
        "mirrored": mirrored, "applied": applied, "copy": copy[: mirrored * 32].hex(),
        "rows": rows, "held": held, "handed": handed,
    }  # fmt: skip
