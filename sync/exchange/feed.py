"""What a peer may have of us, and the note that says how much that is.

`public` records go to any connected peer that holds a grant for the kind, `connected` ones from the
index its grant begins at, `unit:<origin>` ones to that unit alone. Every answer ends with a note by the peer key:
"to P, up to size N: m records, last commitment c". A record below N that turns up later proves withholding.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Exists
from psycopg2 import sql

from sync import audiences
from sync.exchange.peers import published_size
from sync.formats import framing
from sync.identity import origin as own_origin
from sync.identity import peer_keys
from sync.ledger import erasure
from sync.models.exchange import Grant, Peer, Told
from sync.models.ledger import Log, Pending
from sync.refusals import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

_COPY_BEGIN = 19
_COPY_END = 2

_AHEAD = 2
"""Answers that a reader fetches ahead of what it has taken in: after a crash it asks for them again."""


_STEP = 1024
"""Leaves whose records are added up at a time while an answer is not long enough: those of the last step alone are gone through."""

_PIECE = 256
"""Rows of one piece of an answer: a buffer of many megabytes would cost more in fresh memory than it saves in sending."""


_EXTENT = sql.SQL(
    "SELECT count(*), coalesce(sum(octet_length(body) + octet_length(header)), 0), max(index) FROM sync_opening"
    " WHERE index >= {start} AND index < {stop} AND {where}"
)

# The same of the records that an answer still has room for. The one that passes its length is the last.
_CUT = sql.SQL(
    "SELECT count(*), coalesce(sum(length), 0), max(index) FROM ("
    " SELECT index, length, sum(length) OVER (ORDER BY index) - length AS before FROM ("
    "  SELECT index, octet_length(body) + octet_length(header) AS length FROM sync_opening"
    "  WHERE index >= {start} AND index < {stop} AND {where} ORDER BY index LIMIT {records}"
    ") AS a) AS b WHERE before < {octets}"
)


@dataclass(frozen=True, kw_only=True)
class _Window:
    start: int
    stop: int
    count: int
    last: str


def answer(peer: Peer, start: int, stop: int, known: int | None = None) -> list[bytes]:
    """Return what ``disclose`` does. Asking from ``start`` says that everything below it has arrived.

    Who asks for the same again, as an audit does, has it still; only other grants begin at 0.

    A reader that does not say how much of the log it knows is taken to know all of it.

    Raises:
        RequestRefused: the range does not lie within the published log.
    """
    with transaction.atomic():
        pieces = disclose(peer, start, stop, known=published_size() if known is None else known)
        told = Told.objects.filter(peer=peer, size__lte=start).order_by("-size").distinct()
        needed = list(told.values_list("size", flat=True)[: _AHEAD + 1])
        if len(needed) > _AHEAD:
            Told.objects.filter(peer=peer, size__lt=needed[_AHEAD]).delete()
        Peer.objects.filter(pk=peer.pk, delivered__lt=start).update(delivered=start)
    return pieces


def disclose(peer: Peer, start: int, stop: int, *, known: int) -> list[bytes]:
    """Return the rows disclosed to a peer from index ``start`` on, and the note, as pieces of one stream.

    It ends at ``stop`` (or at our published head, or earlier when it is long enough); the note says where.

    Args:
        peer: who reads.
        start: first index of the range that is asked for, one of several perhaps.
        stop: its end.
        known: size of the head up to which the peer will read before it judges gaps: it has that head already.

    Raises:
        RequestRefused: the range does not lie within the published log, an erasure order is not sealed yet, or the log is halted.
    """
    size = published_size()
    if not 0 <= start <= stop:
        raise RequestRefused("malformed", "The range must run from a smaller to a larger index.")
    if start > size:
        raise RequestRefused("not-found", f"The published log ends at {size}.")
    with transaction.atomic():
        epoch, halted = (
            Peer.objects.select_for_update(no_key=True)
            .values_list("epoch", Exists(Log.objects.exclude(halted="")))
            .get(pk=peer.pk)
        )
        if halted:
            raise RequestRefused(
                "busy", "This unit was restored and does not know yet what it had disclosed."
            )
        grants = [(grant.kind, grant.start) for grant in Grant.objects.filter(peer=peer)]
        where = _disclosed(peer.origin, grants)
        window = _window(where, start, min(stop, size, start + framing.WINDOW_LEAVES))
        told = _told(peer, epoch, where, window)
        if told is None:
            epoch += 1
            Peer.objects.filter(pk=peer.pk).update(epoch=epoch)
            told = _with(_recount(where, start), window)
        counted, last = told
        Told.objects.bulk_create(
            [Told(peer=peer, epoch=epoch, size=window.stop, count=counted, last=last)],
            update_conflicts=True, unique_fields=["peer", "epoch", "size"], update_fields=["count", "last"],
        )  # fmt: skip
        rows = _rows(where, window) if window.count else []
        if _order_waits(min(known, size)):
            raise RequestRefused(
                "busy", "An erasure order is about to enter the log; ask again when it has."
            )
    note = framing.Disclosure(
        issuer=own_origin(),
        recipient=peer.origin,
        epoch=epoch,
        size=window.stop,
        count=counted,
        last=last,
        grants=tuple(grants),
    ).sign(*peer_keys())
    return [*rows, framing.end(note)]


def _told(peer: Peer, epoch: int, where: sql.Composable, window: _Window) -> tuple[int, str] | None:
    """Return how many records a peer was told of up to the window's end under these grants, and the last one.

    None where that would contradict what we signed: it was told of records that are erased since, and reads from
    another place now (from the beginning, on a disc, after a restore). It begins again, under another number.
    """
    said = Told.objects.filter(peer=peer, epoch=epoch)
    at_start = said.filter(size=window.start).first()
    ordered = erasure.own_orders().exists()
    if at_start is not None:
        before: tuple[int, str] | None = (at_start.count, at_start.last)
    elif window.start and ordered:
        before = _told_between(said, where, window.start)
    else:
        before = _recount(where, window.start)
    if before is None:
        return None
    if ordered:
        within = said.filter(size__gt=window.start, size__lte=window.stop).order_by("-size").first()
        if within is not None:
            between = _recount(where, within.size)[0] - _recount(where, window.start)[0]
            if before[0] + between != within.count:
                return None
    return _with(before, window)


def _told_between(
    said: QuerySet[Told], where: sql.Composable, start: int
) -> tuple[int, str] | None:
    """Return what a peer was told up to an index at which no answer of ours ended; None where that cannot be known any more.

    Parcels and pulls end at places of their own. From the answer that ended below, or from the beginning, it is counted on, unless
    the one that ended above shows that something in between is gone since it was told.
    """
    below = said.filter(size__lt=start).order_by("-size").first() or Told(size=0, count=0, last="")
    above = said.filter(size__gt=start).order_by("size").first()
    if above is not None:
        between = _recount(where, above.size)[0] - _recount(where, below.size)[0]
        if below.count + between != above.count:
            return None
    count, last = _recount(where, start)
    more = count - _recount(where, below.size)[0]
    return below.count + more, last if more else below.last


def _with(before: tuple[int, str], window: _Window) -> tuple[int, str]:
    return before[0] + window.count, window.last or before[1]


def _order_waits(known: int) -> bool:
    """Whether records may be gone whose order a reader of the first ``known`` entries never meets: a gap without a reason."""
    return (
        Pending.objects.filter(kind=erasure.KIND).exists()
        or erasure.own_orders().filter(index__gte=known).exists()
    )


def _disclosed(origin: str, grants: Sequence[tuple[str, int]]) -> sql.Composable:
    """Return the condition on `sync_opening` that says what a peer may have: the audience rules, in one place."""
    allowed = [sql.SQL("audience = {}").format(sql.Literal(audiences.for_unit(origin)))]
    # What the protocol itself logs in public (erasures, heads seen) is for every connected peer.
    allowed.append(
        sql.SQL("audience = {} AND kind LIKE 'sync.%'").format(sql.Literal(audiences.PUBLIC))
    )
    if grants:
        kinds = sql.SQL(", ").join(sql.Literal(kind) for kind, _ in grants)
        allowed.append(
            sql.SQL("audience = {} AND kind IN ({})").format(sql.Literal(audiences.PUBLIC), kinds)
        )
        since = sql.SQL(" OR ").join(
            sql.SQL("kind = {} AND index >= {}").format(sql.Literal(kind), sql.Literal(start))
            for kind, start in grants
        )
        allowed.append(
            sql.SQL("audience = {} AND ({})").format(sql.Literal(audiences.CONNECTED), since)
        )
    return (
        sql.SQL("(")
        + sql.SQL(" OR ").join(sql.SQL("({})").format(rule) for rule in allowed)
        + sql.SQL(")")
    )


def _window(where: sql.Composable, start: int, stop: int) -> _Window:
    """Return how far one answer reaches: so many records, so many octets."""
    count, last = 0, None
    records, octets = framing.WINDOW_RECORDS, framing.WINDOW_OCTETS
    with connection.cursor() as cursor:

        def extent(question: sql.SQL, at: int) -> tuple[int, int, int | None]:
            until = min(stop, at + _STEP)
            named = {"start": at, "stop": until, "records": records, "octets": octets}
            literals = {name: sql.Literal(value) for name, value in named.items()}
            cursor.execute(question.format(where=where, **literals))
            found: tuple[int, int, int | None] = cursor.fetchone()
            return found

        for at in range(start, stop, _STEP):
            more, length, index = extent(_EXTENT, at)
            full = more >= records or length >= octets
            if full:
                more, length, index = extent(_CUT, at)
            count, records, octets = count + more, records - more, octets - length
            last = last if index is None else index
            if full:
                assert last is not None
                stop = last + 1
                break
        cursor.execute("SELECT encode(commitment, 'hex') FROM sync_entry WHERE index = %s", [last])
        (commitment,) = cursor.fetchone() or ("",)
    return _Window(start=start, stop=stop, count=count, last=commitment)


def _recount(where: sql.Composable, stop: int) -> tuple[int, str]:
    if not stop:
        return 0, ""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT count(*), (SELECT encode(commitment, 'hex') FROM sync_entry WHERE index = max(sync_opening.index))"
                " FROM sync_opening WHERE index < {} AND {}"
            ).format(sql.Literal(stop), where)
        )
        count, last = cursor.fetchone()
        return count, last or ""


def _rows(where: sql.Composable, window: _Window) -> list[bytes]:
    """Return the rows of a window, in pieces: PostgreSQL's binary COPY, without its begin and end, is our framing."""
    rows: list[bytes] = []
    with connection.cursor() as cursor:
        query = sql.SQL(
            "COPY (SELECT index, salt, header, body FROM sync_opening WHERE index >= {} AND index < {} AND {} ORDER BY index)"
            " TO STDOUT (FORMAT binary)"
        ).format(sql.Literal(window.start), sql.Literal(window.stop), where)
        cursor.copy_expert(query, SimpleNamespace(write=rows.append))
    rows[0], rows[-1] = rows[0][_COPY_BEGIN:], rows[-1][:-_COPY_END]
    return [b"".join(rows[at : at + _PIECE]) for at in range(0, len(rows), _PIECE)]
