"""Chains inside one answer: what its records say of each other, before the database is asked about those before them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync import audiences
from sync.models.exchange import Received

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.exchange.judged import Judged

Place = tuple[str, str, int]
"""Subject, audience and number."""


@dataclass
class Links:
    """What an answer leaves to be asked."""

    back: list[tuple[Judged, int]] = field(default_factory=list)
    """Records whose predecessor came before the answer or never, and the index of what came last of their chain in it, or -1."""

    erased: set[bytes] = field(default_factory=set)
    """Commitments of records that came erased."""


def link(
    items: Iterable[Judged],
    *,
    known: Iterable[bytes] = (),
    taken: dict[Place, bytes] | None = None,
) -> Links:
    """Refuse repeated commitments and second records of one place; hold those that name another predecessor.

    Args:
        items: in log order; those refused already have no place in a chain.
        known: commitments that stood in the log before the answer.
        taken: places given before the answer, and to which commitment.
    """
    links, repeated, seen = Links(), set(known), dict(taken or {})
    latest: dict[tuple[str, str], int] = {}
    applied, connected = Received.APPLIED, audiences.CONNECTED
    for item in items:
        header = item.header
        if item.commitment in repeated:
            item.refuse("repeated", "its commitment stood in the log before.")
            continue
        repeated.add(item.commitment)
        if header is None:
            links.erased.add(item.commitment)
            continue
        if item.state != applied:
            continue
        subject, audience, n = header.subject, header.audience, header.chain.n
        place = (subject, audience, n)
        if place in seen:
            item.refuse("broken-chain", f"number {n} of its chain was given to another record.")
            continue
        seen[place] = item.commitment
        if n > 1:
            before = seen.get((subject, audience, n - 1))
            if before is None:
                links.back.append((item, latest.get((subject, audience), -1)))
            elif before != bytes.fromhex(header.chain.prev):
                item.hold("broken-chain", ANOTHER)
        if audience == connected:
            latest[subject, audience] = item.opening.index
    return links


ANOTHER = "it names another predecessor than the one before it."
