"""Erasure across units: a peer's order is carried out here and receipted; receipts for our own orders are collected.

The order is the public record ``sync.erasure`` of the unit that issued what is erased; nobody can order away another's
records. The receipt is a record ``sync.erased`` of the unit that obeyed, for the ordering unit alone: it
travels and is proven like every record, so losing it costs time only and it can be shown to a third party.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import msgspec
from django.db import transaction
from django.utils import timezone

from sync import audiences, identity, ledger
from sync.erasers import let_go
from sync.errors import UNREADABLE, RecordRejected
from sync.exchange import received
from sync.ledger import erasure
from sync.models.erasures import ErasureDuty, ErasureReceipt
from sync.models.exchange import Peer, Received
from sync.models.ledger import Entry, Opening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.kinds import ReceivedRecord

KIND = "sync.erased"

Commitment = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a receipt."""

    held_until: datetime.date
    """Day until which the erasing unit's own backups and WAL may still hold the records."""

    order: Commitment
    """Commitment of the order obeyed."""

    records: Annotated[int, msgspec.Meta(ge=0)]
    """How many of the records named had arrived there."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one unit said about one order of ours."""

    origin: str
    name: str
    confirmed_on: datetime.date | None
    """None: nothing came back yet."""

    records: int
    held_until: datetime.date | None
    commitment: str
    """Of its receipt; empty while it is missing."""

    connected: bool
    """Not connected any more: the order may never reach it, and people must ask in another way."""


@dataclass(frozen=True, kw_only=True)
class OrderState:
    """One order of ours, who confirmed it and who is missing."""

    commitment: str
    basis: str
    day: datetime.date
    records: int
    held_until: str
    answers: tuple[Answer, ...]

    @property
    def missing(self) -> tuple[Answer, ...]:
        """Units that may hold copies and have not confirmed."""
        return tuple(answer for answer in self.answers if answer.confirmed_on is None)


# --- at the unit that received an order ---------------------------------------------------------


def apply_orders(records: Sequence[ReceivedRecord]) -> None:
    """Take in orders of a peer; carried out once the window with them is kept, by the sweep at the latest."""
    for record in records:
        try:
            msgspec.json.decode(record.body, type=erasure.Order)
        except UNREADABLE as fault:
            raise RecordRejected(record.commitment, "The order cannot be read.") from fault
        ErasureDuty.objects.get_or_create(
            peer=Peer.objects.get(origin=record.origin),
            index=record.index,
            defaults={"order": record.commitment},
        )
    # What an order names may stand in the same window, which is written after the handlers ran.
    transaction.on_commit(carry_out, robust=True)


def carry_out() -> None:
    """Obey every order that waits, each in a transaction of its own; part of every sweep."""
    for pk in list(ErasureDuty.objects.filter(done_on=None).values_list("pk", flat=True)):
        with transaction.atomic():
            duty = (
                ErasureDuty.objects.select_for_update(of=("self",), skip_locked=True)
                .select_related("peer")
                .filter(pk=pk, done_on=None)
                .first()
            )
            if duty is not None:
                _obey(duty)


def _obey(duty: ErasureDuty) -> None:
    row = Received.objects.filter(peer=duty.peer, index=duty.index).first()
    if row is None or row.body is None:
        return
    order = msgspec.json.decode(bytes(row.body), type=erasure.Order)
    gone = received.forget(_readable(order.commitments), peer=duty.peer)
    let_go(gone)
    if gone:  # before the commit: nobody else here would know what to put on the list after a crash
        erasure.remember([record.commitment for record in gone])
    duty.done_on, duty.records = timezone.localdate(), len(gone)
    duty.save(update_fields=["done_on", "records"])
    receipt = Erased(held_until=erasure.held_until(), order=duty.order, records=len(gone))
    ledger.append(
        kind=KIND,
        subject=erasure.SUBJECT,
        body=msgspec.json.encode(receipt, order="deterministic"),
        audience=audiences.for_unit(duty.peer.origin),
    )
    ledger.seal_soon()


def _readable(commitments: Sequence[str]) -> list[str]:
    return [
        text for text in commitments if len(text) == 64 and not set(text) - set("0123456789abcdef")
    ]


# --- at the unit that ordered ------------------------------------------------------------------


def apply_receipts(records: Sequence[ReceivedRecord]) -> None:
    """Take in what peers confirm; only an order that stands in our own log can be confirmed."""
    for record in records:
        try:
            said = msgspec.json.decode(record.body, type=Erased)
        except UNREADABLE as fault:
            raise RecordRejected(record.commitment, "The receipt cannot be read.") from fault
        if record.header.audience != audiences.for_unit(identity.origin()) or not _is_order(
            said.order
        ):
            raise RecordRejected(record.commitment, "It confirms no order of this unit.")
        ErasureReceipt.objects.get_or_create(
            order=said.order,
            peer=Peer.objects.get(origin=record.origin),
            defaults={
                "commitment": record.commitment,
                "records": said.records,
                "held_until": said.held_until,
                "day": datetime.date.fromisoformat(record.header.day),
            },
        )


def _is_order(commitment: str) -> bool:
    places = Entry.objects.filter(commitment=bytes.fromhex(commitment)).values("index")
    return erasure.own_orders().filter(index__in=places).exists()


def orders(limit: int = 100, *, but: str = "") -> list[OrderState]:
    """Return our newest orders, each with every unit that may hold copies: who confirmed, who is missing.

    ``but`` is the basis of orders to pass over: those of a daily round, whose receipts tell what they were about.
    """
    rows = erasure.own_orders().order_by("-index").iterator(chunk_size=limit)
    openings = list(islice((row for row in rows if not but or _basis(row) != but), limit))
    entries = dict(
        Entry.objects.filter(index__in=[opening.index for opening in openings]).values_list(
            "index", "commitment"
        )
    )
    receipts: dict[str, dict[int, ErasureReceipt]] = {}
    named = [bytes(commitment).hex() for commitment in entries.values()]
    for receipt in ErasureReceipt.objects.filter(order__in=named):
        receipts.setdefault(receipt.order, {})[receipt.peer_id] = receipt
    peers = list(Peer.objects.exclude(first_connected_on=None))
    return [
        _order_state(opening, bytes(entries[opening.index]).hex(), peers, receipts)
        for opening in openings
    ]


def _basis(opening: Opening) -> str:
    return msgspec.json.decode(bytes(opening.body), type=erasure.Order).basis


def _order_state(
    opening: Opening,
    commitment: str,
    peers: Sequence[Peer],
    receipts: dict[str, dict[int, ErasureReceipt]],
) -> OrderState:
    order = msgspec.json.decode(bytes(opening.body), type=erasure.Order)
    day = datetime.date.fromisoformat(msgspec.json.decode(bytes(opening.header))["day"])
    given = receipts.get(commitment, {})
    # Who was connected later never got what was erased before.
    asked = [
        peer
        for peer in peers
        if peer.pk in given or (peer.first_connected_on and peer.first_connected_on <= day)
    ]
    return OrderState(
        commitment=commitment,
        basis=order.basis,
        day=day,
        records=len(order.commitments),
        held_until=order.held_until,
        answers=tuple(_answer(peer, given.get(peer.pk)) for peer in asked),
    )


def _answer(peer: Peer, receipt: ErasureReceipt | None) -> Answer:
    return Answer(
        origin=peer.origin,
        name=peer.name,
        confirmed_on=receipt.day if receipt else None,
        records=receipt.records if receipt else 0,
        held_until=receipt.held_until if receipt else None,
        commitment=receipt.commitment if receipt else "",
        connected=peer.connected,
    )
