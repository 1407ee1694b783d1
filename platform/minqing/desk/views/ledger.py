"""The record log (存证记录): its head, the slot, who outside has checked it, and the sheet for the notice board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import segno
from django.conf import settings
from django.shortcuts import render
from django.utils import timezone

from minqing.desk.access import staff_page
from sync import identity, ledger
from sync.errors import LedgerFault, PolicyFault
from sync.exchange.region import quorum
from sync.ledger.refill import halted
from sync.models import Cosignature

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff
    from sync.ledger import SignedHead


@staff_page()
def state(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Show the newest head, the length of the slot, and the operators outside who countersigned."""
    head = _head()
    witnesses = dict(
        Cosignature.objects.order_by("size").values_list("operator", "size")
    )  # the last size of each stays
    return render(
        request,
        "desk/ledger/state.html",
        {
            "head": head,
            "root": head.root.hex() if head else "",
            "slot_minutes": settings.MINQING.slot_seconds / 60,
            "slot_seconds": settings.MINQING.slot_seconds,
            "witnesses": sorted(witnesses.items()),
            "key": identity.log_key(),
            "halted": halted(),
            **_quorum(head),
        },
    )


def _quorum(head: SignedHead | None) -> dict[str, object]:
    """How the newest head stands against the region's policy, or why that cannot be said."""
    try:
        return {"quorum": quorum(head) if head is not None else None, "policy_ended": False}
    except PolicyFault:
        return {"quorum": None, "policy_ended": True}


@staff_page()
def sheet(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The daily head as one printed page: anybody can hold a later log against it."""
    head = _head()
    code = (
        segno.make(head.note.decode(), error="m", micro=False).svg_data_uri(scale=4, border=2)
        if head
        else ""
    )
    return render(
        request,
        "desk/ledger/sheet.html",
        {
            "head": head,
            "root": _grouped(head.root.hex()) if head else [],
            "note": head.note.decode() if head else "",
            "day": timezone.localdate(),
            "key": identity.log_key(),
            "picture": code,
        },
    )


def _head() -> SignedHead | None:
    try:
        return ledger.head()
    except LedgerFault:
        return None


def _grouped(digits: str) -> list[str]:
    return [digits[at : at + 4] for at in range(0, len(digits), 4)]
