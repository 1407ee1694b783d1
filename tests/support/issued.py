"""What one unit publishes of its archives, as a follower gets it, without the exchange between them."""

from __future__ import annotations

from django.db import transaction

from sync import identity
from sync.formats import records
from sync.kinds import ReceivedRecord, kind_named
from sync.models import Pending


def issued() -> list[ReceivedRecord]:
    """Every public record of the current unit, as a follower gets it."""
    rows = Pending.objects.filter(audience="public", kind__startswith="archives.").order_by("id")
    return [
        ReceivedRecord(
            origin=identity.origin(),
            index=index,
            commitment=bytes(row.commitment).hex(),
            header=records.decode_header(bytes(row.header)),
            body=bytes(row.body),
        )
        for index, row in enumerate(rows)
    ]


def apply(received: list[ReceivedRecord]) -> None:
    for record in received:
        with transaction.atomic():
            handler = kind_named(record.header.kind).apply
            assert handler is not None
            handler([record])
