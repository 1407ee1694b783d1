"""What every sweep does for the exchange: it makes each lost task, bell and answer harmless."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from sync.exchange import doorbell
from sync.exchange.heads_seen import heads_seen_log
from sync.exchange.nonces import nonces_forget
from sync.exchange.peers import connected_peers, untold_peers
from sync.identity import witness_key
from sync.models.exchange import Contact, Cosignature
from sync.models.ledger import Head


def sweep() -> None:
    """Queue every pull that is due, tell acceptances that could not be told, ask witnesses, log heads, forget nonces."""
    now = timezone.now()
    due = Contact.objects.filter(
        direction="pull", due_at__lte=now, peer__in=connected_peers()
    ).select_related("peer")
    for contact in due:
        claimed = Contact.objects.filter(pk=contact.pk, due_at=contact.due_at).update(
            due_at=now + doorbell.CLAIMED
        )
        if claimed:
            doorbell.pull_queue(contact.peer)
    if untold_peers():
        doorbell.acceptances_queue()
    if _unwitnessed():
        doorbell.witnesses_queue()
    heads_seen_log()
    nonces_forget()


def _unwitnessed() -> bool:
    """Whether a witness is due to be asked about the newest head."""
    head = Head.objects.order_by("-size").first()
    if head is None:
        return False
    held = [
        *Cosignature.objects.filter(size=head.size, root=head.root).values_list(
            "witness_key", flat=True
        ),
        str(witness_key()),
    ]
    due = Contact.objects.filter(
        direction="witness", due_at__lte=timezone.now(), peer__in=connected_peers()
    )
    return due.filter(~Q(peer__witness_key__in=held)).exists()
